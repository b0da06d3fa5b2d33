// Two minutes before a session ends the page says so, and lets one stay (WCAG 2.2.1). The server measures; this only counts along.
import { keepNow, keptSomething, typedWithin } from "./keeping.js";

const ASK_AGAIN = 10; // seconds, while the dialog is open: another tab may have been used
const STILL_WRITING = 60; // seconds: who wrote so lately is not asked whether they are there
const ANNOUNCED = [60, 30, 10]; // seconds left; not each second

export function watchSession(dialog) {
  new Session(dialog).begin();
}

class Session {
  constructor(dialog) {
    const { seconds, atMost, warning } = dialog.dataset;
    Object.assign(this, { dialog, warning: Number(warning), askedAt: 0, isBusy: false, isOver: false, title: document.title });
    this.lasts(Number(seconds), Number(atMost));
  }

  begin() {
    const { dialog } = this;
    const [stay] = dialog.querySelectorAll("form[data-when='idle']");
    stay.addEventListener("submit", (event) => {
      event.preventDefault();
      this.extend(true);
    });
    dialog.addEventListener("cancel", (event) => {
      if (this.isLast) return; // nothing extends the twelve hours; Escape only closes
      event.preventDefault();
      this.extend(true);
    });
    dialog.addEventListener("close", () => {
      document.title = this.title;
      this.wasClosed = this.isLast;
    });
    const awake = () => document.visibilityState === "visible" && Date.now() - this.askedAt > 30000 && this.ask();
    document.addEventListener("visibilitychange", awake);
    addEventListener("pageshow", (event) => event.persisted && awake());
    setInterval(() => this.tick(), 1000);
  }

  lasts(seconds, atMost) {
    this.endsAt = Date.now() + seconds * 1000;
    this.isLast = atMost <= seconds + 1; // the end of the twelve hours, which nothing moves
  }

  get left() {
    return (this.endsAt - Date.now()) / 1000;
  }

  async tick() {
    if (this.isBusy || this.isOver) return;
    this.isBusy = true;
    try {
      await this.look();
    } finally {
      this.isBusy = false;
    }
  }

  async look() {
    if (this.left > this.warning) {
      if (this.dialog.open) this.dialog.close();
      return;
    }
    if (Date.now() - this.askedAt > ASK_AGAIN * 1000) await this.ask();
    if (this.isOver || this.left > this.warning) return;
    if (this.left <= 0) return;
    if (!this.dialog.open && !this.isLast && typedWithin(Math.min(STILL_WRITING, this.warning))) return void (await this.extend(false));
    if (!this.dialog.open && !this.wasClosed) this.warn();
    if (this.dialog.open) this.count();
    if (this.left < 4) await keepNow();
  }

  warn() {
    for (const part of this.dialog.querySelectorAll("[data-when]")) part.hidden = (part.dataset.when === "old") !== this.isLast;
    this.toAnnounce = ANNOUNCED.filter((seconds) => seconds < this.left);
    keepNow();
    this.count();
    this.dialog.showModal();
  }

  count() {
    const time = this.say(this.left);
    this.dialog.querySelector("[data-time]").textContent = time;
    document.title = `${time} – ${this.title}`;
    if (this.toAnnounce.length && this.left <= this.toAnnounce[0]) {
      this.toAnnounce = this.toAnnounce.filter((seconds) => seconds < this.left);
      this.announce(this.word("announce").replace("{time}", time));
    }
  }

  say(seconds) {
    const n = Math.max(0, Math.ceil(seconds > 90 ? seconds / 60 : seconds));
    const unit = seconds > 90 ? "minute" : "second";
    return n === 1 ? this.word(unit) : this.word(`${unit}s`).replace("{n}", n);
  }

  announce(text) {
    this.dialog.querySelector("[data-announce]").textContent = text;
  }

  async ask() {
    this.askedAt = Date.now();
    await this.hear(() => fetch(this.dialog.dataset.left, { headers: { Accept: "application/json" } }));
  }

  // `chosen`: by the person, on the dialog; else because they are writing.
  async extend(chosen) {
    const form = this.dialog.querySelector("form[data-when='idle']");
    const done = await this.hear(() => fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) }));
    if (done && this.dialog.open && this.left > this.warning) this.dialog.close();
    if (!done && chosen) this.announce(this.word("unreachable"));
  }

  // What the server says of the session. False where it says nothing: then the page stays as it is.
  async hear(call) {
    let said;
    try {
      const answer = await call();
      if (!answer.ok) return false;
      said = await answer.json();
    } catch {
      return false;
    }
    if (!said.signed_in || said.who !== this.dialog.dataset.who) return void (await this.over());
    this.lasts(said.seconds, said.at_most);
    for (const token of document.querySelectorAll('input[name="csrfmiddlewaretoken"]')) token.value = said.token;
    return true;
  }

  // Signed out. A page with words that are not kept stays open: sent from there, the server keeps them.
  async over() {
    if (!(await keepNow())) return;
    this.isOver = true;
    const { signIn } = this.dialog.dataset;
    const query = new URLSearchParams({ next: location.pathname + location.search, ended: this.isLast ? "old" : "idle" });
    if (keptSomething()) query.set("kept", "1");
    location.replace(`${signIn}?${query}`);
  }

  word(name) {
    return this.dialog.querySelector("template").content.querySelector(`[data-word="${name}"]`).textContent;
  }
}
