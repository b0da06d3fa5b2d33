"""In a real browser: the warning before a session ends, and words that are there again afterwards."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.models import KeptForm, User
from tests import factories
from tests.conftest import free_port, wait_until
from tests.journeys.conftest import AXE, RULES

WORDS = "Ash said it is cold at home"


@dataclass
class Tabs:
    """The running product, and browsers whose owner has signed in."""

    url: str
    browser: Any
    world: factories.World
    reference: str
    contexts: list[Any] = field(default_factory=list)

    @property
    def page_to_write(self) -> str:
        return f"{self.url}/disagreements/{self.reference}/add-note/"

    def context(self, **options: Any) -> Any:
        self.contexts.append(self.browser.new_context(**{"viewport": {"width": 375, "height": 800}, **options}))
        return self.contexts[-1]

    def sign_in(self, context: Any, name: str = "sam") -> None:
        """As after the sign-in page with both factors."""
        client = Client()
        client.force_login(self.world.person(name))
        context.clear_cookies()
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": client.session.session_key, "url": self.url}])

    def signed_in(self, name: str = "sam", **options: Any) -> Page:
        context = self.context(**options)
        self.sign_in(context, name)
        page: Page = context.new_page()
        page.set_default_timeout(30_000)
        if options.get("java_script_enabled", True):
            page.clock.install()
        page.goto(self.page_to_write)
        return page

    def pass_time(self, minutes: float, page: Page | None = None) -> None:
        """On the server's clock for every session, and on that of a page."""
        for row in Session.objects.all():
            stored = row.get_decoded()
            for name in {"active_at", "signed_in_at"} & set(stored):
                stored[name] -= minutes * 60
            Session.objects.filter(pk=row.pk).update(session_data=Session.objects.encode(stored))
        if page:
            page.clock.fast_forward(int(minutes * 60_000))


@pytest.fixture
def tabs(committed_db: None, run_process: Callable[..., Any], browser: Any) -> Iterator[Tabs]:
    world = factories.world()
    d = factories.raised(world)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    run_process("gunicorn", port=port, env={"SITE_URL": url})
    expect.set_options(timeout=30_000)
    made = Tabs(url, browser, world, d.reference)
    yield made
    expect.set_options(timeout=5_000)
    for context in made.contexts:
        context.close()


def kept_for(person: User) -> bool:
    with factories.acting_as(person):
        return KeptForm.objects.filter(person=person).exists()


def send(page: Page) -> None:
    page.locator("[name=about][value=other]").check()
    page.locator("[name=child_safe][value=unsure]").check()
    page.locator("main form[method=post] button[type=submit]").last.click()


def look(page: Page) -> None:
    page.evaluate(AXE)
    found = page.evaluate("rules => axe.run({runOnly: rules})", RULES)["violations"]
    assert not found, [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found]
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_what_is_typed_is_kept_two_seconds_later_and_there_again_after_signing_in(tabs: Tabs) -> None:
    page = tabs.signed_in()
    page.locator("[name=note]").press_sequentially(WORDS)
    expect(page.locator(".accord-kept-at")).to_contain_text("Kept for you at")
    tabs.pass_time(16)
    page.goto(f"{tabs.url}/desk/")
    page.wait_for_url("**/sign-in/**")
    expect(page.locator("main")).to_contain_text("You were signed out because nothing happened for 15 minutes")
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0

    tabs.sign_in(page.context)
    page.goto(tabs.page_to_write)
    expect(page.locator("[name=note]")).to_have_value(WORDS)
    expect(page.locator(".accord-kept")).to_contain_text("We kept what you were writing here on")
    look(page)

    other = tabs.signed_in("aisha")
    expect(other.locator("[name=note]")).to_have_value("")

    send(page)
    page.wait_for_url(f"**/disagreements/{tabs.reference}/")
    page.goto(tabs.page_to_write)
    expect(page.locator("[name=note]")).to_have_value("")
    expect(page.locator(".accord-kept")).to_have_count(0)


def test_who_leaves_a_page_within_two_seconds_finds_their_words_too_and_may_start_afresh(tabs: Tabs) -> None:
    page = tabs.signed_in()
    page.locator("[name=note]").press_sequentially(WORDS)
    page.goto(f"{tabs.url}/desk/")
    wait_until(lambda: kept_for(tabs.world.sam), what="keeping what a page sends as it is left")  # on its own way, beside the next page
    page.goto(tabs.page_to_write)
    expect(page.locator("[name=note]")).to_have_value(WORDS)
    page.get_by_role("button", name="Start afresh").click()
    page.wait_for_load_state()
    expect(page.locator("[name=note]")).to_have_value("")


def test_without_javascript_a_form_posted_after_the_end_is_there_again_after_signing_in(tabs: Tabs) -> None:
    page = tabs.signed_in(java_script_enabled=False)
    expect(page.locator("dialog")).to_be_hidden()
    page.locator("[name=note]").fill(WORDS)
    page.locator("[name=child_safe][value=no]").check()
    tabs.pass_time(16)
    page.locator("main form[method=post] button[type=submit]").last.click()
    page.wait_for_url("**/sign-in/**")
    expect(page.locator("main")).to_contain_text("What you wrote is kept.")

    tabs.sign_in(page.context)
    page.goto(tabs.page_to_write)
    expect(page.locator("[name=note]")).to_have_value(WORDS)
    expect(page.locator("[name=child_safe][value=no]")).to_be_checked()
    page.get_by_role("button", name="Start afresh").click()
    page.wait_for_url(tabs.page_to_write)
    expect(page.locator("[name=note]")).to_have_value("")


def test_the_dialog_warns_in_time_lets_one_stay_more_than_ten_times_and_gives_the_focus_back(tabs: Tabs) -> None:
    page = tabs.signed_in()
    dialog, stay = page.get_by_role("alertdialog"), page.get_by_role("button", name="Stay signed in")
    page.locator("[name=child_safe][value=no]").focus()
    tabs.pass_time(12.5, page)
    page.wait_for_timeout(1500)
    expect(dialog).to_be_hidden()
    tabs.pass_time(0.6, page)
    for n in range(12):
        expect(dialog).to_be_visible()
        expect(stay).to_be_focused()
        if n == 0:
            expect(dialog).to_contain_text("You will be signed out in 2 minutes")
            look(page)
        page.keyboard.press("Escape" if n % 2 else "Enter")
        expect(dialog).to_be_hidden()
        expect(page.locator("[name=child_safe][value=no]")).to_be_focused()
        tabs.pass_time(13.1, page)
    assert page.url == tabs.page_to_write


def test_the_time_left_is_announced_a_few_times_and_not_each_second(tabs: Tabs) -> None:
    page = tabs.signed_in()
    tabs.pass_time(13.1, page)
    expect(page.get_by_role("alertdialog")).to_be_visible()
    announced = page.locator("[data-announce]")
    expect(announced).to_have_text("")
    tabs.pass_time(1, page)
    expect(announced).to_have_text(re.compile(r"You will be signed out in \d+ seconds"))
    text = announced.inner_text()
    page.wait_for_timeout(1500)
    assert announced.inner_text() == text


def test_what_is_done_in_another_tab_closes_the_dialog(tabs: Tabs) -> None:
    page = tabs.signed_in()
    tabs.pass_time(13.1, page)
    expect(page.get_by_role("alertdialog")).to_be_visible()
    page.context.new_page().goto(f"{tabs.url}/desk/")
    page.clock.fast_forward(11_000)
    expect(page.get_by_role("alertdialog")).to_be_hidden()


def test_who_goes_on_writing_is_not_asked_whether_they_are_there(tabs: Tabs) -> None:
    page = tabs.signed_in()
    for _ in range(3):
        tabs.pass_time(12.9, page)
        page.locator("[name=note]").press_sequentially("word ")
        tabs.pass_time(0.2, page)
        page.wait_for_timeout(2500)
        expect(page.locator("dialog")).to_be_hidden()
    tabs.pass_time(14, page)
    expect(page.locator("dialog")).to_be_visible()


def test_at_the_end_the_page_goes_to_the_way_in_and_back_to_what_was_written(tabs: Tabs) -> None:
    page = tabs.signed_in()
    page.locator("[name=note]").fill(WORDS)
    expect(page.locator(".accord-kept-at")).to_contain_text("Kept for you at")
    tabs.pass_time(13.1, page)
    expect(page.get_by_role("alertdialog")).to_be_visible()
    tabs.pass_time(2, page)
    page.wait_for_url("**/sign-in/**")
    assert f"next=%2Fdisagreements%2F{tabs.reference}" in page.url
    expect(page.locator("main")).to_contain_text("What you wrote is kept.")
    tabs.sign_in(page.context)
    page.goto(tabs.page_to_write)
    expect(page.locator("[name=note]")).to_have_value(WORDS)


def test_after_twelve_hours_the_dialog_says_that_nothing_extends_them(tabs: Tabs) -> None:
    page = tabs.signed_in()
    for row in Session.objects.all():
        stored = row.get_decoded() | {"signed_in_at": time.time() - 12 * 3600 + 100}
        Session.objects.filter(pk=row.pk).update(session_data=Session.objects.encode(stored))
    page.goto(tabs.page_to_write)
    expect(page.get_by_role("alertdialog")).to_contain_text("It is 12 hours since you signed in")
    expect(page.get_by_role("button", name="Stay signed in")).to_be_hidden()
    look(page)
    page.get_by_role("button", name="Go on until then").click()
    page.wait_for_timeout(2500)
    expect(page.locator("dialog")).to_be_hidden()


def test_signing_out_on_the_dialog_signs_out(tabs: Tabs) -> None:
    page = tabs.signed_in()
    tabs.pass_time(13.1, page)
    page.get_by_role("alertdialog").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in/**")
    expect(page.locator("main")).not_to_contain_text("because nothing happened")


def test_the_summary_of_what_is_wrong_gets_the_focus_and_nothing_is_complained_of(tabs: Tabs) -> None:
    context = tabs.context()
    tabs.sign_in(context)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda fault: said.append(str(fault)))
    page.goto(tabs.page_to_write)
    page.locator("main form[method=post] button[type=submit]").last.click()
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    assert page.locator("body").get_attribute("class") == "govuk-template__body js-enabled govuk-frontend-supported"
    assert not said
    look(page)


def test_a_tab_that_was_open_while_its_owner_signed_in_again_can_still_be_sent(tabs: Tabs) -> None:
    """The token of the page is of the earlier session; the page asks for the new one when it is looked at again."""
    page = tabs.signed_in()
    page.locator("[name=note]").fill(WORDS)
    tabs.sign_in(page.context)
    page.context.new_page().goto(f"{tabs.url}/desk/")
    page.clock.fast_forward(60_000)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(1000)
    send(page)
    page.wait_for_url(f"**/disagreements/{tabs.reference}/")
