// Panels under buttons, of which at most one is open.

/**
 * Closes the `<details data-filter>` in `element` when another one opens, at a click elsewhere and at Escape, until `signal`
 * aborts.
 */
export function oneOpen(element, signal) {
  const keep = (name) => {
    for (const open of element.querySelectorAll("details[data-filter][open]")) if (open.dataset.filter !== name) open.open = false;
  };
  const escape = (event) => {
    const open = event.key === "Escape" && event.target.closest("details[data-filter][open]");
    if (!open) return;
    event.stopPropagation();
    open.open = false;
    open.querySelector("summary").focus();
  };
  element.addEventListener("keydown", escape);
  // Captured, since it does not bubble.
  element.addEventListener("toggle", ({ target }) => target.open && keep(target.dataset.filter), { capture: true });
  // By name, since the clicked element may have been replaced meanwhile.
  const clicked = (event) => keep(event.composedPath().find(({ dataset }) => dataset?.filter)?.dataset.filter);
  document.addEventListener("click", clicked, { signal });
}
