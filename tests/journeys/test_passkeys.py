"""The second step of signing in, in a real browser with a passkey (a virtual authenticator of the DevTools protocol), and with an app."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests import factories
from tests.an_app import App
from tests.conftest import free_port
from tests.factories import PASSWORD
from tests.journeys.conftest import Person, Site


@pytest.fixture
def site(committed_db: None, run_process: Callable[..., Any], browser: Any) -> Iterator[Site]:
    """Under a name, not a number: passkeys belong to a name."""
    world = factories.world()
    port = free_port()
    url = f"http://localhost:{port}"
    run_process("gunicorn", port=port, env={"SITE_URL": url})
    contexts: list[Any] = []
    wrong: list[str] = []

    def new_page() -> Any:
        contexts.append(browser.new_context(viewport={"width": 375 if len(contexts) % 2 else 1280, "height": 900}))
        page = contexts[-1].new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" and "410" not in message.text else None)
        return page

    yield Site(url, world, [], new_page)
    for context in contexts:
        context.close()
    assert not wrong


def with_authenticator(person: Person) -> tuple[Any, str]:
    devtools = person.page.context.new_cdp_session(person.page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    return devtools, devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]


def password(person: Person) -> None:
    person.go("/sign-in/")
    person.write(email="aisha@example.org", password=PASSWORD)
    person.press("Sign in")


def test_a_passkey_is_set_up_and_signs_in_and_another_s_does_not(site: Site) -> None:
    aisha = Person(site, site.new_page())
    devtools, authenticator = with_authenticator(aisha)
    password(aisha)
    aisha.sees("Set up the second step of signing in")
    aisha.follow("Set up a passkey")
    aisha.write(name="Work laptop")
    aisha.press("Set up a passkey")
    aisha.sees("Keep these recovery codes")
    codes = aisha.page.locator(".accord-codes li").all_inner_texts()
    assert len(codes) == 10
    assert len(devtools.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})["credentials"]) == 1
    aisha.press("I have kept them")
    aisha.go("/account/second-factor/")
    aisha.sees("Work laptop")
    aisha.go("/account/")
    aisha.press("Sign out")

    password(aisha)
    aisha.sees("Confirm that it is you")
    aisha.press("Use your passkey")
    assert aisha.page.url == f"{site.url}/desk/"

    stranger = Person(site, site.new_page())
    with_authenticator(stranger)
    password(stranger)
    said = stranger.page.get_by_text("The passkey was not used")
    expect(said).to_be_hidden()
    stranger.page.get_by_role("button", name="Use your passkey").click()
    expect(said).to_be_visible()
    assert stranger.page.url == f"{site.url}/sign-in/second-factor/"
    stranger.write(code=codes[0])
    stranger.press("Sign in")
    assert stranger.page.url == f"{site.url}/desk/"


def test_an_app_is_set_up_beside_it_and_the_passkey_is_removed(site: Site) -> None:
    aisha = Person(site, site.new_page())
    site.new_page()
    with_authenticator(aisha)
    password(aisha)
    aisha.follow("Set up a passkey")
    aisha.press("Set up a passkey")
    aisha.press("I have kept them")
    aisha.go("/account/second-factor/")
    aisha.follow("Add an app that shows codes")
    secret = aisha.page.locator(".accord-secret").inner_text().replace(" ", "")
    expect(aisha.page.locator("svg.accord-qr")).to_be_visible()
    aisha.write(code=App(secret).code())
    aisha.press("Set it up")
    aisha.follow("Remove Passkey 1")
    aisha.press("Remove it")
    aisha.sees("It is removed")
    aisha.does_not_see("Passkey 1")
    aisha.sees("The only one")
    for path in ("/account/password/", "/account/confirm/", "/account/second-factor/recovery-codes/new/", "/account/mail/"):
        aisha.go(path)
    aisha.go("/account/")
    aisha.press("Sign out")
    for path in ("/password/forgotten/", "/password/new/x/y/"):
        aisha.go(path)


def test_without_javascript_there_is_the_app(site: Site, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 900}, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/sign-in/")
    page.locator('[name="email"]').fill("aisha@example.org")
    page.locator('[name="password"]').fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name="Set up a passkey").click()
    expect(page.locator("main")).to_contain_text("needs a browser that knows passkeys, with JavaScript")
    page.get_by_role("link", name="Take another way").click()
    page.get_by_role("link", name="Set up an app").click()
    secret = re.sub(r"\s", "", page.locator(".accord-secret").inner_text())
    page.locator('[name="code"]').fill(App(secret).code())
    page.get_by_role("button", name="Set it up").click()
    expect(page.locator("main")).to_contain_text("Keep these recovery codes")
    page.get_by_role("button", name="I have kept them").click()
    expect(page).to_have_url(re.compile("/account/second-factor/|/desk/"))
    context.close()
