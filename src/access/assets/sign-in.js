// The sign-in page: takes the token of a link (…/#token=…) out of the address, and brings people where they wanted to go.

const form = document.getElementById("sign-in");
const asked = new URLSearchParams(location.hash.slice(1));
const token = asked.get("token");
asked.delete("token");
// What follows `#` never reaches the daemon; browsers carry it from the form's address over to the page it leads to.
const place = token === null ? location.hash : (asked.size ? `#${asked}` : "");
if (place) form.action += place;

if (token !== null) {
  // Out of the address bar and of the browser's history.
  history.replaceState(null, "", location.pathname + location.search + place);
  form.elements.token.value = token;
  form.requestSubmit();
} else if (location.pathname !== "/sign-in") {
  // Whoever follows a link from elsewhere comes without the cookie (SameSite=Strict) though they are signed in.
  const answer = await fetch("/session", { cache: "no-store" });
  const { signed_in: signedIn } = await answer.json();
  if (signedIn && sessionStorage.getItem("mrrd-again") !== location.href) {
    sessionStorage.setItem("mrrd-again", location.href);
    location.reload();
  }
}
