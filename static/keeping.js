// While somebody writes, what they write is kept on the server, for them alone (accounts/kept_forms.py). Never in this browser.

const AFTER_THE_LAST_KEY = 2000; // milliseconds
const WHEN_IT_FAILED = 15000;
const WRITABLE = 'textarea, select, input:not([type="hidden"], [type="submit"], [type="button"], [type="file"], [type="search"])';
const SECRET = 'input[type="password"], [autocomplete="one-time-code"], [autocomplete="current-password"], [autocomplete="new-password"]';

let keepers = [];
let lastTyped = 0;

// Whether a person, not a script, wrote something in the last so many seconds.
export const typedWithin = (seconds) => Date.now() - lastTyped < seconds * 1000;

// Keeps now what is not kept yet. Answers whether everything is.
export const keepNow = async () => (await Promise.all(keepers.map((keeper) => keeper.keep()))).every(Boolean);

export const keptSomething = () => keepers.some((keeper) => keeper.hasKept);

export function keepForms(dialog) {
  const forms = [...document.querySelectorAll('main form[method="post"]:not([data-keep="no"])')];
  keepers = forms.filter((form) => form.querySelector(WRITABLE) && !form.querySelector(SECRET)).map((form) => new Keeper(form, dialog));
  addEventListener("pagehide", () => keepers.forEach((keeper) => keeper.leave()));
}

class Keeper {
  constructor(form, dialog) {
    Object.assign(this, { form, dialog, isDirty: false, isSent: false, hasKept: false });
    for (const kind of ["input", "change"]) form.addEventListener(kind, (event) => this.written(event));
    form.addEventListener("submit", () => this.sent());
    addEventListener("pageshow", () => (this.isSent = false));
  }

  written(event) {
    if (event.target.type === "file") return;
    if (event.isTrusted) lastTyped = Date.now();
    this.isDirty = true;
    this.again(AFTER_THE_LAST_KEY);
  }

  again(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep(), milliseconds);
  }

  body() {
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(this.form)) if (typeof value === "string") body.append(name, value);
    body.append("accord-page", location.pathname + location.search);
    body.append("accord-shown", this.dialog.dataset.shown);
    return body;
  }

  async keep() {
    clearTimeout(this.timer);
    if (!this.isDirty || this.isSent) return !this.isDirty;
    this.isDirty = false;
    this.stop = new AbortController();
    try {
      const answer = await fetch(this.dialog.dataset.keep, { method: "POST", body: this.body(), signal: this.stop.signal });
      if (!answer.ok) throw new Error(answer.status);
      const said = await answer.json();
      if (!said.signed_in && !said.kept) throw new Error("signed out");
      this.hasKept = Boolean(said.kept);
      this.say(said.kept ? this.word("kept").replace("{time}", said.kept) : "");
      return true;
    } catch (fault) {
      if (fault.name === "AbortError") return true;
      this.isDirty = true;
      this.say(this.word("unkept"));
      this.again(WHEN_IT_FAILED);
      return false;
    }
  }

  // Under way to the server as a whole: what was kept before it must not come after it.
  sent() {
    this.isSent = true;
    clearTimeout(this.timer);
    this.stop?.abort();
  }

  leave() {
    if (this.isDirty && !this.isSent) navigator.sendBeacon(this.dialog.dataset.keep, this.body());
  }

  word(name) {
    return this.dialog.querySelector("template").content.querySelector(`[data-word="${name}"]`).textContent;
  }

  // Below the form, and not announced: it comes every few seconds.
  say(text) {
    if (!this.note) {
      this.note = document.createElement("p");
      this.note.className = "accord-kept-at";
      this.form.append(this.note);
    }
    this.note.textContent = text;
  }
}
