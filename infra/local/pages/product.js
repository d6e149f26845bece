// The elements ask the product's own backend for a token, which knows the person by the cookie.
const [button, list] = document.querySelectorAll("waybill-export-button, waybill-exports");

let token = null;

async function fetchToken() {
  const response = await fetch("/exports-token", { method: "POST" });
  // The product's own session is over: its page asks to sign in.
  if (response.status === 401) location.reload();
  if (!response.ok) throw new Error(`the product answered ${response.status}`);
  return (await response.json()).token;
}

button.getToken = list.getToken = ({ renew }) => {
  if (renew) token = null;
  // Both elements ask at once, and share one session.
  token ??= fetchToken().catch((error) => {
    token = null;
    throw error;
  });
  return token;
};
button.addEventListener("waybill-export-created", ({ detail }) => list.add(detail.export));
