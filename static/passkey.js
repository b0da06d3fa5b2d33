// Asks the browser for a passkey and sends what it answers. Without this, pages offer a code instead.

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const refused = form.querySelector("[data-passkey-refused]");
  const can = window.webauthnJSON && window.webauthnJSON.supported();
  form.hidden = !can;
  if (can) form.parentElement.querySelector("[data-no-passkey]")?.remove();

  form.addEventListener("submit", async (event) => {
    if (form.elements.credential.value) return;
    event.preventDefault();
    refused.hidden = true;
    try {
      const ask = window.webauthnJSON[form.dataset.passkey];
      form.elements.credential.value = JSON.stringify(await ask(JSON.parse(form.dataset.options)));
      form.requestSubmit();
    } catch {
      refused.hidden = false;
    }
  });
}
