"""Joining, signing in, confirming and being turned away with one's organisation's account, in a real browser at a real provider."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from accounts import invitations
from accounts.acting import acting_as
from tests import factories
from tests.conftest import ROOT, free_port
from tests.oidc.conftest import SCHOOL, Provider, start

AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Somebody:
    """At a browser. Every page of Accord passed is looked at."""

    url: str
    page: Page
    provider: Provider
    scripts: bool

    def go(self, path: str) -> None:
        self.page.goto(self.url + path)
        self.look()

    def press(self, text: str) -> None:
        self.page.get_by_role("button", name=text, exact=True).click()

    def there(self, login: str, press: str = "Sign in") -> None:
        """At the organisation, to which Accord's page goes on by itself."""
        self.page.wait_for_url(f"{self.provider.issuer}/interaction/**")
        self.page.get_by_label("Login name").fill(login)
        self.press(press)

    def is_at(self, path: str) -> None:
        self.page.wait_for_url(f"{self.url}{path}")
        self.look()

    def look(self) -> None:
        self.page.wait_for_load_state("load")
        if self.scripts:  # axe's own timers stand still without
            self.page.evaluate(AXE)
            found = self.page.evaluate("rules => axe.run({runOnly: rules})", RULES)["violations"]
            assert not found, f"{self.page.url}: " + "; ".join(f"{v['id']}: {[n['html'][:200] for n in v['nodes']]}" for v in found)
        assert self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0

    def reads(self, text: str) -> None:
        expect(self.page.locator("main")).to_contain_text(text)


@pytest.fixture
def provider_of_the_site(tmp_path: Path) -> Iterator[tuple[int, Provider]]:
    port = free_port()
    provider = start(f"http://127.0.0.1:{port}", tmp_path / "provider.log", host="localhost")
    yield port, provider
    provider.end()


@pytest.fixture
def contexts(browser: Any) -> Iterator[Callable[..., BrowserContext]]:
    opened: list[BrowserContext] = []

    def new(**options: Any) -> BrowserContext:
        opened.append(browser.new_context(**options))
        return opened[-1]

    yield new
    for context in opened:
        context.close()


@pytest.mark.parametrize(("width", "scripts"), [(375, True), (1280, False)])
def test_with_the_organisations_account_and_nothing_else(
    committed_db: None,
    provider_of_the_site: tuple[int, Provider],
    run_process: Callable[..., Any],
    contexts: Callable[..., BrowserContext],
    width: int,
    scripts: bool,
) -> None:
    w = factories.world()
    with acting_as(w.office):
        invitation, code = invitations.invite(
            w.office, "pat.lee@example.org", "Pat Lee", agency=None, partnership=w.partnership, now=timezone.now()
        )
    assert invitation
    port, provider = provider_of_the_site
    provider.order({"p1": {"email": "pat.lee@example.org", "email_verified": True}, "u1": {"email": "nobody@example.org"}})
    organisations = json.dumps([provider.app(SCHOOL, name="Hill Lane Primary School")])
    run_process("gunicorn", port=port, env={"SITE_URL": f"http://127.0.0.1:{port}", "ACCORD_ORGANISATIONS": organisations})
    context = contexts(viewport={"width": width, "height": 900}, java_script_enabled=scripts)
    page = context.new_page()
    page.set_default_timeout(30_000)
    pat = Somebody(f"http://127.0.0.1:{port}", page, provider, scripts)

    link = f"/invitation/{invitations.key_of(invitation)}/"
    pat.go(link)
    pat.press("Sign in with Hill Lane Primary School")
    pat.there("p1")
    pat.is_at(link)
    pat.reads("Your organisation has confirmed it")
    page.get_by_label("The six-digit code").fill(code)
    pat.press("Join")
    pat.is_at("/desk/")

    pat.press("Sign out")
    pat.is_at("/sign-in/")
    pat.go("/sign-in/?next=/disagreements/")
    pat.press("Sign in with Hill Lane Primary School")
    pat.is_at("/disagreements/")  # still signed in there: nothing more is asked

    pat.go("/account/confirm/?next=/account/")
    pat.press("Confirm with Hill Lane Primary School")
    pat.there("p1")  # asked again
    pat.is_at("/account/")

    context.clear_cookies()
    pat.go("/sign-in/")
    pat.press("Sign in with Hill Lane Primary School")
    pat.there("p1", press="Cancel")
    pat.is_at("/organisation/hill-lane/login/callback/?**")
    pat.reads("Your organisation did not confirm who you are")
    pat.press("Try again")
    pat.there("u1")
    pat.is_at("/organisation/hill-lane/login/callback/?**")
    pat.reads("We do not know you here yet")
