// The elements ask the product's own backend for a token, which knows the person by the cookie.
const [button, list] = document.querySelectorAll("waybill-export-button, waybill-exports");

let token = null;

button.getToken = list.getToken = async ({ renew }) => {
  if (renew) token = null;
  token ??= fetch("/exports-token", { method: "POST" }).then((response) => response.json());
  return (await token).token;
};
button.addEventListener("waybill-export-created", ({ detail }) => list.add(detail.export));
