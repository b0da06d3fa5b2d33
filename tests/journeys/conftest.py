"""A real site (gunicorn, relay, PostgreSQL, mail server) and people in real browsers. Every page passed is looked at by axe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.an_app import app_of
from tests.conftest import ROOT, free_port

AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
REFERENCE = re.compile(r"/disagreements/[A-Z0-9]{4}-[A-Z0-9]{4}/")


@dataclass
class Person:
    """Somebody at a browser of their own."""

    site: Site
    page: Page
    looked_at: set[str] = field(default_factory=set)

    def go(self, path: str) -> None:
        self.page.goto(self.site.url + path)
        self.look()

    def follow(self, text: str) -> None:
        """Follow a link (some links look like buttons)."""
        self._click(self.page.get_by_role("link", name=text, exact=True).first)

    def press(self, text: str) -> None:
        self._click(self.page.get_by_role("button", name=text, exact=True))

    def _click(self, what: Any) -> None:
        """Everything here leads to a page: wait until it is there, then look at it."""
        with self.page.expect_navigation(wait_until="load"):
            what.click()
        self.look()

    def send(self) -> None:
        """Press the one button of the form on this page."""
        self._click(self.page.locator('main form[method="post"] button[type="submit"]').last)

    def write(self, **answers: str) -> None:
        for name, answer in answers.items():
            self.page.locator(f'[name="{name}"]').fill(answer)

    def choose(self, **answers: str) -> None:
        """A radio button or a box by its value; a list by its value or label."""
        for name, answer in answers.items():
            options = self.page.locator(f'select[name="{name}"]')
            if options.count():
                options.select_option(answer)
            else:
                self.page.locator(f'input[name="{name}"][value="{answer}"]').check()

    def make(self, move: str, choose: dict[str, str] | None = None, safe: str = "yes", **words: str) -> None:
        """From the disagreement's page, follow the link or button of a move, answer its page and send it."""
        self.go(self.site.path)
        address = f"{self.site.path}{move.replace('_', '-')}/"
        self._click(self.page.locator(f'main a[href="{address}"]').first)
        self.write(**words)
        self.choose(**(choose or {}), child_safe=safe)
        self.send()
        assert self.page.url.endswith(self.site.path), f"{move} was not made:\n{self.text()[:3000]}"

    def text(self) -> str:
        return self.page.locator("main").inner_text()

    def sees(self, text: str) -> None:
        expect(self.page.locator("main")).to_contain_text(text)

    def does_not_see(self, text: str) -> None:
        expect(self.page.locator("main")).not_to_contain_text(text)

    def look(self) -> None:
        """axe finds nothing, nothing scrolls sideways, and the page came from our own site only."""
        kind = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[A-Z0-9]{4}-[A-Z0-9]{4}", "*", urlsplit(self.page.url).path) + self.page.title()
        if kind in self.looked_at:
            return
        self.looked_at.add(kind)
        assert "Server Error" not in self.page.title()
        self.page.evaluate(AXE)
        found = self.page.evaluate("rules => axe.run({runOnly: rules})", RULES)["violations"]
        assert not found, f"{self.page.url}: " + "; ".join(f"{v['id']}: {[n['html'][:200] for n in v['nodes']]}" for v in found)
        width = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width <= 0, f"{self.page.url} scrolls sideways by {width} pixels"


@dataclass
class Site:
    """The running product, the people of its world, and the disagreement of this journey."""

    url: str
    world: factories.World
    mails: list[Any]
    new_page: Callable[[], Page]
    path: str = ""
    people: dict[str, Person] = field(default_factory=dict)

    def person(self, name: str) -> Person:
        """This person, signed in."""
        if name not in self.people:
            person, app = Person(self, self.new_page()), app_of(self.world.person(name))
            person.go("/sign-in/")
            person.write(email=self.world.person(name).email, password=factories.PASSWORD)
            person.press("Sign in")
            person.write(code=app.code())
            person.press("Sign in")
            person.sees("desk")
            self.people[name] = person
        return self.people[name]

    def mails_to(self, name: str) -> list[Any]:
        return [mail for mail in self.mails if mail["To"] == self.world.person(name).email]


@pytest.fixture
def site(committed_db: None, run_process: Callable[..., Any], smtp_sink: Any, browser: Any, tmp_path: Path) -> Iterator[Site]:
    world = factories.world()
    port = free_port()
    env = {"EMAIL_URL": smtp_sink.url, "SITE_URL": f"http://127.0.0.1:{port}"}
    run_process("gunicorn", port=port, env=env)
    run_process("manage.py", "relay", "--every", "1", role="clock", ready="relay ready", env=env)
    contexts: list[Any] = []
    wrong: list[str] = []

    def new_page() -> Page:
        # Phones and desks by turns: what works at one width only does not pass.
        width = 375 if len(contexts) % 2 else 1280
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=True))
        page: Page = contexts[-1].new_page()
        page.on(
            "console", lambda message: wrong.append(message.text) if message.type == "error" and "favicon" not in message.text else None
        )
        page.on("request", lambda request: wrong.append(request.url) if not request.url.startswith(env["SITE_URL"]) else None)
        page.set_default_timeout(10_000)
        return page

    yield Site(env["SITE_URL"], world, smtp_sink.messages, new_page)
    for context in contexts:
        context.close()
    assert not [line for line in wrong if "409" not in line and "404" not in line], wrong
