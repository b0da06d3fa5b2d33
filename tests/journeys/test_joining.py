"""From the mail to the desk: somebody without an account is invited, joins in a browser of their own, and finds what is theirs to do."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client

from tests import factories
from tests.conftest import wait_until
from tests.journeys.conftest import Person, Site

PASSWORD = "three plain words together"
EMAIL = "pat.lee@surgery.example"


def signed_in(site: Site, name: str) -> Person:
    """As after the sign-in page with both factors."""
    client = Client()
    client.force_login(site.world.person(name))
    person = Person(site, site.new_page())
    person.page.context.add_cookies([{"name": "sessionid", "value": client.session.session_key, "url": site.url}])
    return person


def link_in(mail: Any) -> str:
    found = re.search(r"https?://\S+/invitation/[A-Za-z0-9_-]{43}/", mail.get_content())
    assert found, mail.get_content()
    return found[0]


def test_from_the_mail_to_the_desk(site: Site, tmp_path: Path) -> None:
    d = factories.raised(site.world, to="surgery")
    site.path = f"/disagreements/{d.reference}/"
    aisha = signed_in(site, "aisha")
    aisha.go(site.path)
    aisha.follow("Invite somebody who has no account")
    aisha.write(full_name="Pat Lee", email=EMAIL)
    aisha.choose(whom="responder", child_safe="yes")
    aisha.send()
    aisha.sees("Now tell Pat Lee the code")
    code = re.sub(r"\D", "", aisha.page.locator(".accord-told-code").inner_text())
    assert len(code) == 6
    aisha.follow("Back to the disagreement")
    aisha.go(f"{site.path}who-can-see/")
    aisha.sees("Invited, has not joined yet")

    wait_until(lambda: [mail for mail in site.mails if mail["To"] == EMAIL], what="the invitation", seconds=60)
    (mail,) = [mail for mail in site.mails if mail["To"] == EMAIL]
    for secret in (code, f"{code[:3]} {code[3:]}", "Ash", d.reference, "neglect"):
        assert secret not in str(mail)

    pat = Person(site, site.new_page())
    pat.go(link_in(mail).removeprefix(site.url))
    pat.sees("Aisha, Practitioner at Hill Lane Primary School, Safeguarding, asks you to take part")
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    pat.write(code=wrong, new=PASSWORD, again=PASSWORD)
    pat.press("Join")
    pat.sees("That is not the code. Check it with Aisha")
    pat.write(code=f"{code[:3]} {code[3:]}", name="Dr Pat Lee", new=PASSWORD, again=PASSWORD)
    pat.press("Join")
    pat.sees("Set up the second step of signing in")
    pat.follow("Set up an app")
    secret = pat.page.locator(".accord-secret").inner_text().replace(" ", "")
    pat.write(code=format_hotp_value(hotp_value(secret, int(time.time()) // 30)))
    pat.send()
    pat.go("/desk/")
    pat.sees("Say whether you know which child this is")
    pat.go(site.path)
    pat.sees("Your move")

    aisha.go(f"{site.path}who-can-see/")
    aisha.sees("Dr Pat Lee")
    aisha.does_not_see("Invited, has not joined yet")
    aisha.go("/account/invitations/")
    aisha.sees("Joined")
    late = Person(site, site.new_page())
    late.go(link_in(mail).removeprefix(site.url))
    late.sees("This invitation cannot be used")
    key = link_in(mail).rstrip("/").rpartition("/")[2]
    logs = list(tmp_path.glob("*.log"))
    assert len(logs) >= 2
    assert not [log.name for log in logs if key in log.read_text(encoding="utf-8")]
