// What a page does besides, where JavaScript runs. Everything works without it too: nothing here is the only way to anything.
import { initAll } from "./govuk-frontend.min.js";
import { keepForms } from "./keeping.js";
import "./printed.js";
import { watchSession } from "./session.js";

document.body.classList.add("js-enabled", "govuk-frontend-supported");
initAll();

const dialog = document.getElementById("session"); // there for whoever is signed in
if (dialog) {
  keepForms(dialog);
  watchSession(dialog);
}
