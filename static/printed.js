// Printing a page is kept in the trail, whichever way it is done. Without JavaScript the link leads to a page that says so itself.

function notePrint() {
  const token = document.querySelector("[name=csrfmiddlewaretoken]");
  if (!token) return; // nobody has signed in: nothing here is about a disagreement
  const body = new URLSearchParams({ csrfmiddlewaretoken: token.value, path: location.pathname });
  fetch("/trail/printed/", { method: "POST", body, credentials: "same-origin", keepalive: true }).catch(() => {});
}

window.addEventListener("beforeprint", notePrint);
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-print]");
  if (link && typeof window.print === "function") {
    event.preventDefault();
    window.print();
  }
});
