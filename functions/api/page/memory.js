// What a person chose last for a type, which this browser keeps: format, profile and columns. Nothing about the person or their records.

const key = (type) => `waybill-export ${type}`;

/** The choice, `{format, profile, columns}`, each of which may be missing. */
export function remembered(type) {
  try {
    return JSON.parse(localStorage.getItem(key(type))) ?? {};
  } catch {
    // A browser may keep nothing, or something else.
    return {};
  }
}

export function remember(type, choice) {
  try {
    localStorage.setItem(key(type), JSON.stringify(choice));
  } catch {
    // Nothing is remembered then.
  }
}
