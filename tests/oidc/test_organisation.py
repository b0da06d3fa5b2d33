"""Signing in with one's organisation's account, at a real OpenID provider."""

from __future__ import annotations

import datetime as dt
import logging
import re
import time
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import get_user
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts import invitations, limits, organisation, organisation_tokens, second_factor
from accounts.acting import acting_as
from accounts.models import Letter, User
from audit.models import Trace
from tests.conftest import free_port
from tests.factories import World, as_set_up, world
from tests.oidc.conftest import COUNCIL, SCHOOL, Provider, Visitor, configure

AISHA = {"email": "aisha@example.org", "email_verified": True, "name": "Aisha at her school"}
NOT_KNOWN = "We do not know you here yet"
NOT_CONFIRMED = "Your organisation did not confirm who you are"


@pytest.fixture
def w(db: None) -> World:
    return world()


def asking(visitor: Visitor) -> Any:
    """A request in the visitor's session."""
    request = RequestFactory().get("/")
    request.session = visitor.client.session
    request.user = get_user(request)
    return request


def signed_in(visitor: Visitor) -> User | None:
    person = asking(visitor).user
    return person if person.is_authenticated else None


def records(visitor: Visitor) -> list[dict[str, Any]]:
    request = asking(visitor)
    return get_authentication_records(request, request.user)


def asked(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def linked() -> list[tuple[str, str]]:
    return list(SocialAccount.objects.values_list("uid", "user__email"))


def plain(page: Any) -> str:
    """What the page says, without what is of this request alone."""
    return re.sub(r'(value|nonce)="[^"]*"', "", page.content.decode())


def not_known(page: Any, visitor: Visitor) -> bool:
    return page.status_code == 403 and NOT_KNOWN in page.content.decode() and signed_in(visitor) is None


def not_confirmed(page: Any, visitor: Visitor) -> bool:
    return page.status_code == 400 and NOT_CONFIRMED in page.content.decode() and signed_in(visitor) is None


# ── Who is let in ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_sign_in_knows_them_by_their_address_and_links_the_account(w: World, provider: Provider, visitor: Visitor) -> None:
    provider.order({"a1": AISHA})
    page = visitor.arrive("a1", way_on="/disagreements/")
    assert (page.status_code, page["Location"]) == (302, "/disagreements/")
    assert signed_in(visitor) == w.aisha
    account = SocialAccount.objects.get()
    assert (account.user, account.provider, account.uid, account.extra_data) == (w.aisha, SCHOOL, "a1", {})
    assert visitor.client.get("/desk/").status_code == 200


def test_the_second_knows_them_by_their_account_whatever_their_address_has_become(
    w: World, provider: Provider, visitor: Visitor, another_visitor: Any
) -> None:
    provider.order({"a1": AISHA})
    visitor.arrive("a1")
    provider.order({"a1": {"email": "sam@example.org"}})
    later = another_visitor()
    assert later.arrive("a1")["Location"] == "/desk/"
    assert signed_in(later) == w.aisha
    provider.order({"a1": {"email": "aisha@elsewhere.example", "email_verified": False}})
    later = another_visitor()
    later.arrive("a1")
    assert signed_in(later) == w.aisha
    assert linked() == [("a1", "aisha@example.org")]


def test_an_organisation_speaks_only_for_its_own_addresses(w: World, provider: Provider, visitor: Visitor) -> None:
    """nOAuth: whoever keeps accounts somewhere may write any address beside them."""
    provider.order({"x1": AISHA})
    assert not_known(visitor.arrive("x1", COUNCIL), visitor)
    assert linked() == []


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"email": "aisha@example.org", "email_verified": False},
        {"email": ["aisha@example.org"]},
        {"email": "aisha@example.org@elsewhere.example"},
        {"email": "aisha@elsewhere.example, aisha@example.org"},
        {"email": "a\u0131sha@example.org"},
        {"email": "@example.org"},
        {"email": "aisha"},
        {"email": "aisha@sub.example.org"},
    ],
)
def test_what_is_no_address_of_theirs_is_not_believed(w: World, provider: Provider, visitor: Visitor, claims: dict[str, Any]) -> None:
    provider.order({"x1": claims})
    assert not_known(visitor.arrive("x1"), visitor)
    assert linked() == []


def test_unknown_blocked_left_and_otherwise_linked_are_answered_alike(w: World, provider: Provider, another_visitor: Any) -> None:
    with as_set_up():
        SocialAccount.objects.create(user=w.mona, provider=SCHOOL, uid="m1", extra_data={})
        SocialAccount.objects.create(user=w.grace, provider=SCHOOL, uid="g1", extra_data={})
        User.objects.filter(pk__in=[w.sam.pk, w.grace.pk]).update(is_active=False)
        User.objects.filter(pk=w.hal.pk).update(is_active=False, left_on=timezone.localdate())
    emails = {"u1": "nobody", "s1": "sam", "g1": "grace", "h1": "hal", "m2": "mona"}
    provider.order({login: {"email": f"{name}@example.org"} for login, name in emails.items()})
    pages = []
    for login in emails:
        visitor = another_visitor()
        page = visitor.arrive(login)
        assert not_known(page, visitor)
        pages.append((plain(page), sorted(page.headers)))
    assert len({said for said, _headers in pages}) == 1
    assert len({str(headers) for _said, headers in pages}) == 1
    assert SocialAccount.objects.count() == 2


def test_refusals_are_in_the_trail_and_in_the_log_without_a_name(
    w: World, provider: Provider, another_visitor: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with as_set_up():
        User.objects.filter(pk=w.sam.pk).update(is_active=False)
    provider.order({"s1-subject": {"email": "sam@example.org"}, "u1-subject": {"email": "nobody@example.org"}})
    with caplog.at_level(logging.INFO):
        another_visitor().arrive("s1-subject")
        another_visitor().arrive("u1-subject")
    said = [record for record in caplog.records if record.name == "accounts.organisation"]
    assert [(record.organisation, record.why, str(record.person)) for record in said] == [  # type: ignore[attr-defined]
        (SCHOOL, "not active", str(w.sam.pk)),
        (SCHOOL, "unknown", ""),
    ]
    everything = " ".join(str(vars(record)) for record in caplog.records)
    assert not re.search(r"sam@|nobody@|-subject", everything)
    with as_set_up():
        failed = Trace.objects.filter(kind=Trace.Kind.SIGN_IN_FAILED).values_list("person_id", flat=True)
        assert set(failed) == {w.sam.pk, None}


def test_a_session_that_was_there_before_is_another_one_afterwards(w: World, provider: Provider, visitor: Visitor) -> None:
    provider.order({"a1": AISHA})
    back = visitor.sign_in_there(visitor.begin(), "a1")
    before = visitor.client.session.session_key
    visitor.client.get(back)
    assert before
    assert visitor.client.session.session_key != before


def test_whoever_was_signed_in_here_is_signed_out_when_somebody_else_comes_back(w: World, provider: Provider, visitor: Visitor) -> None:
    provider.order({"a1": AISHA})
    back = visitor.sign_in_there(visitor.begin(), "a1")
    session = visitor.client.session
    states = session["socialaccount_states"]
    visitor.client.force_login(w.sam)
    session = visitor.client.session
    session["socialaccount_states"], session["of sam"] = states, "words"
    session.save()
    visitor.client.get(back)
    assert signed_in(visitor) == w.aisha
    assert "of sam" not in visitor.client.session


def test_signing_out_ends_it_here(w: World, provider: Provider, visitor: Visitor) -> None:
    provider.order({"a1": AISHA})
    visitor.arrive("a1")
    assert visitor.client.post(reverse("sign-out")).status_code == 302
    assert signed_in(visitor) is None
    assert visitor.client.get("/desk/").status_code == 302


def test_they_are_told_that_the_account_was_linked_by_mail_and_in_the_trail(w: World, provider: Provider, another_visitor: Any) -> None:
    with as_set_up():
        User.objects.filter(pk=w.aisha.pk).update(last_login=timezone.now())
    provider.order({"a1": AISHA})
    for _time in range(2):
        another_visitor().arrive("a1")
    with as_set_up():
        assert list(Letter.objects.values_list("kind", "person__email")) == [("second_factor_changed", "aisha@example.org")]
        changed = Trace.objects.filter(kind=Trace.Kind.CHANGED, what="organisation").values_list("person_id", flat=True)
        assert set(changed) == {w.aisha.pk}


def test_no_token_is_kept(w: World, provider: Provider, visitor: Visitor) -> None:
    provider.order({"a1": AISHA})
    visitor.arrive("a1")
    assert not re.search(r"eyJ|pkce|access_token|nonce", str(dict(visitor.client.session.items())))


# ── Who is invited ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def invitation(w: World) -> Any:
    with acting_as(w.aisha):
        made, _code = invitations.invite(
            w.aisha,
            "pat.lee@example.org",
            "Pat Lee",
            agency=w.teams["surgery"].agency,
            post=w.posts["surgery"],
            partnership=w.partnership,
            now=timezone.now(),
        )
    return made


def path_of(invitation: Any) -> str:
    return reverse("invitation", args=[invitations.key_of(invitation)])


def test_who_is_invited_goes_on_to_the_invitation_and_is_known_there(
    w: World, provider: Provider, visitor: Visitor, invitation: Any
) -> None:
    provider.order({"p1": {"email": "Pat.Lee@Example.org"}})
    page = visitor.arrive("p1", way_on=path_of(invitation))
    assert (page.status_code, page["Location"]) == (302, path_of(invitation))
    assert signed_in(visitor) is None
    assert linked() == []
    arrival = organisation.arrived(asking(visitor), invitation.person)
    assert arrival
    assert (arrival.provider, arrival.uid) == (SCHOOL, "p1")
    assert organisation.arrived(asking(visitor), w.aisha) is None
    session = visitor.client.session
    session[organisation.ARRIVED] = {**session[organisation.ARRIVED], "at": time.time() - organisation.ARRIVAL_LASTS - 1}
    session.save()
    assert organisation.arrived(asking(visitor), invitation.person) is None


def test_without_the_invitation_in_hand_they_are_not_known(w: World, provider: Provider, another_visitor: Any, invitation: Any) -> None:
    with acting_as(w.mona):
        for_another, _code = invitations.invite(w.mona, "kim@example.org", "Kim", agency=None, now=timezone.now())
    provider.order({"p1": {"email": "pat.lee@example.org"}})
    for way_on in ("", "/desk/", path_of(for_another), "/invitation/not-a-key/", path_of(invitation) + "x"):
        visitor = another_visitor()
        assert not_known(visitor.arrive("p1", way_on=way_on), visitor), way_on
        assert organisation.ARRIVED not in visitor.client.session
    with acting_as(w.aisha):
        invitations.withdraw(invitation, timezone.now())
    visitor = another_visitor()
    assert not_known(visitor.arrive("p1", way_on=path_of(invitation)), visitor)


def test_who_has_joined_is_linked_and_signed_in(w: World, provider: Provider, visitor: Visitor, invitation: Any) -> None:
    provider.order({"p1": {"email": "pat.lee@example.org"}})
    visitor.arrive("p1", way_on=path_of(invitation))
    request = asking(visitor)
    arrival = organisation.arrived(request, invitation.person)
    assert arrival
    with acting_as(None):
        person = invitations.take_up(invitation.key_hash, now=timezone.now())
        assert person
        page = organisation.finish(request, person, arrival, "/desk/")
    request.session.save()
    assert page["Location"] == "/desk/"
    assert linked() == [("p1", "pat.lee@example.org")]
    assert request.user == person
    assert second_factor.is_fresh(request)
    assert organisation.ARRIVED not in request.session


# ── What is believed ────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_asked_of_the_organisation(w: World, provider: Provider, visitor: Visitor) -> None:
    there = asked(visitor.begin())
    assert set(there.pop("scope").split()) == {"openid", "email", "profile"}
    assert (there["response_type"], there["code_challenge_method"], there["max_age"]) == ("code", "S256", "43200")
    assert there["redirect_uri"] == "http://127.0.0.1:8000/organisation/hill-lane/login/callback/"
    assert len(there["state"]) >= 16
    assert len(there["nonce"]) >= 32
    assert len(there["code_challenge"]) == 43
    again = asked(visitor.begin())
    assert all(again[name] != there[name] for name in ("state", "nonce", "code_challenge"))
    assert set(there) == {
        *("client_id", "redirect_uri", "response_type", "state", "nonce", "max_age", "code_challenge", "code_challenge_method")
    }


@pytest.mark.parametrize(
    "orders",
    [
        {"signing": "other-key"},
        {"signing": "none"},
        {"signing": "our-secret"},
        {"token": {"nonce": "another"}},
        {"token": {"nonce": None}},
        {"token": {"aud": "somebody-else"}},
        {"token": {"aud": ["hill-lane", "somebody-else"]}},
        {"token": {"aud": ["hill-lane", "somebody-else"], "azp": "somebody-else"}},
        {"token": {"iss": "https://elsewhere.example"}},
        {"token": {"exp": 1_700_000_000}},
        {"token": {"exp": None}},
        {"token": {"iat": 4_000_000_000}},
        {"token": {"sub": ""}},
        {"token": {"sub": None}},
        {"token": {"sub": 12}},
        {"token": {"sub": "a2"}},  # asked again, the organisation says that it was about a1
        {"token": {"auth_time": 4_000_000_000}},
        {"token": {"auth_time": "yesterday"}},
        {"token_status": 500},
        {"token_status": 302},
    ],
    ids=str,
)
def test_an_answer_that_is_not_good_enough(
    w: World, provider: Provider, visitor: Visitor, orders: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    provider.order({"a1": AISHA}, **orders)
    with caplog.at_level(logging.INFO):
        page = visitor.arrive("a1")
    assert not_confirmed(page, visitor)
    assert linked() == []
    assert page["X-Request-ID"] in page.content.decode()
    assert "organisation: not confirmed" in [record.getMessage() for record in caplog.records]
    assert not re.search(r"aisha@|eyJ", " ".join(str(vars(record)) for record in caplog.records))


@pytest.mark.parametrize(
    "orders",
    [{"signing": "no-kid"}, {"token": {"aud": [SCHOOL]}}, {"token": {"azp": SCHOOL}}, {"token": {"email": AISHA["email"]}}],
    ids=str,
)
def test_an_answer_that_is_good_enough(w: World, provider: Provider, visitor: Visitor, orders: dict[str, Any]) -> None:
    provider.order({"a1": AISHA}, **orders)
    visitor.arrive("a1")
    assert signed_in(visitor) == w.aisha


def test_an_answer_counts_once(w: World, provider: Provider, visitor: Visitor, another_visitor: Any) -> None:
    provider.order({"a1": AISHA})
    back = visitor.sign_in_there(visitor.begin(), "a1")
    thief = another_visitor()
    assert not_confirmed(thief.client.get(back), thief)  # it belongs to the session that began
    visitor.client.get(back)
    assert signed_in(visitor) == w.aisha
    visitor.client.post(reverse("sign-out"))
    assert not_confirmed(visitor.client.get(back), visitor)


def test_an_answer_comes_back_to_where_it_began(w: World, provider: Provider, visitor: Visitor) -> None:
    provider.order({"a1": AISHA})
    back = visitor.sign_in_there(visitor.begin(SCHOOL), "a1")
    assert not_confirmed(visitor.client.get(back.replace(SCHOOL, COUNCIL)), visitor)
    elsewhere = re.sub(r"iss=[^&]+", "iss=https://elsewhere.example", back)
    assert elsewhere != back
    assert not_confirmed(visitor.client.get(elsewhere), visitor)


def test_an_answer_that_comes_too_late(w: World, provider: Provider, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    provider.order({"a1": AISHA})
    back = visitor.sign_in_there(visitor.begin(), "a1")
    now = time.time()
    monkeypatch.setattr("allauth.socialaccount.internal.statekit.time.time", lambda: now + 601)
    assert not_confirmed(visitor.client.get(back), visitor)


def test_who_cancels_there_is_not_signed_in_and_can_try_again(w: World, provider: Provider, visitor: Visitor) -> None:
    provider.order({"a1": AISHA})
    page = visitor.arrive("a1", go="cancel", way_on="/disagreements/")
    assert not_confirmed(page, visitor)
    assert 'value="/disagreements/"' in page.content.decode()
    assert visitor.arrive("a1")["Location"] == "/desk/"


@pytest.mark.parametrize(
    "query", ["", "state=", "state=abc&code=1", "code=1", "error=access_denied", "error=<script>&state=x", "state=%00&code=%F0%9F%98%80"]
)
def test_an_answer_that_nobody_asked_for(w: World, provider: Provider, visitor: Visitor, query: str) -> None:
    page = visitor.client.get(reverse("openid_connect_callback", args=[SCHOOL]) + "?" + query)
    assert not_confirmed(page, visitor)


def test_the_organisation_is_down(w: World, provider: Provider, visitor: Visitor, settings: Any) -> None:
    configure(settings, provider.app(SCHOOL, server_url=f"http://127.0.0.1:{free_port()}"))
    page = visitor.client.post(reverse("openid_connect_login", args=[SCHOOL]))
    assert not_confirmed(page, visitor)


def test_the_organisation_goes_down_meanwhile(w: World, provider: Provider, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    provider.order({"a1": AISHA})
    back = visitor.sign_in_there(visitor.begin(), "a1")
    organisation_tokens._addresses.clear()

    def down(*args: Any, **kwargs: Any) -> None:
        raise requests.ConnectionError

    monkeypatch.setattr("accounts.organisation_tokens.Asking.get", down)
    assert not_confirmed(visitor.client.get(back), visitor)


def test_another_issuer_than_we_were_told_of(w: World, provider: Provider, visitor: Visitor, settings: Any) -> None:
    configure(settings, provider.app(SCHOOL, server_url=provider.issuer.replace("127.0.0.1", "localhost")))
    page = visitor.client.post(reverse("openid_connect_login", args=[SCHOOL]))
    assert not_confirmed(page, visitor)


@pytest.mark.parametrize(
    ("wanted", "said", "let_in"),
    [
        ({"tenant": "t-1"}, {"tid": "t-1"}, True),
        ({"tenant": "t-1"}, {"tid": "t-2"}, False),
        ({"tenant": "t-1"}, {}, False),
        ({"amr": ["mfa", "hwk"]}, {"amr": ["pwd", "mfa"]}, True),
        ({"amr": ["mfa"]}, {"amr": ["pwd"]}, False),
        ({"amr": ["mfa"]}, {"amr": "mfa"}, False),
        ({"amr": ["mfa"]}, {"amr": [["mfa"]]}, False),
        ({"amr": ["mfa"]}, {}, False),
        ({"acr": ["strong"]}, {"acr": "strong"}, True),
        ({"acr": ["strong"]}, {"acr": "weak"}, False),
        ({"acr": ["strong"]}, {"acr": ["strong"]}, False),
        ({"acr": ["strong"]}, {}, False),
    ],
    ids=str,
)
def test_the_tenant_and_strength_that_the_settings_ask_for(
    w: World, provider: Provider, visitor: Visitor, settings: Any, wanted: dict[str, Any], said: dict[str, Any], let_in: bool
) -> None:
    configure(settings, provider.app(SCHOOL, **wanted))
    provider.order({"a1": AISHA}, token=said or {"name": "nothing"})
    page = visitor.arrive("a1")
    assert (signed_in(visitor) == w.aisha) is let_in
    assert let_in or not_confirmed(page, visitor)


def test_the_strength_is_asked_for(w: World, provider: Provider, visitor: Visitor, settings: Any) -> None:
    configure(settings, provider.app(SCHOOL, acr=["strong"]))
    provider.order({"a1": AISHA})
    assert asked(visitor.begin())["acr_values"] == "strong"
    visitor.arrive("a1", acr="strong")
    assert signed_in(visitor) == w.aisha


# ── When they last showed who they are ──────────────────────────────────────────────────────────────────────────────


def test_it_is_a_second_factor_from_when_they_signed_in_there(w: World, provider: Provider, visitor: Visitor) -> None:
    an_hour_ago = int(time.time()) - 3600
    provider.order({"a1": AISHA}, token={"auth_time": an_hour_ago})
    visitor.arrive("a1")
    assert [(record["method"], record["auth_time"]) for record in records(visitor)] == [("socialaccount", an_hour_ago)]
    assert second_factor.passed_at(asking(visitor)) == an_hour_ago
    assert not second_factor.is_fresh(asking(visitor))
    assert visitor.client.get("/desk/").status_code == 200


def test_who_has_a_second_factor_of_their_own_is_not_asked_for_it_too(w: World, provider: Provider, visitor: Visitor) -> None:
    with as_set_up():
        Authenticator.objects.create(user=w.aisha, type=Authenticator.Type.TOTP, data={"secret": "x"})
    provider.order({"a1": AISHA})
    assert visitor.arrive("a1")["Location"] == "/desk/"
    assert signed_in(visitor) == w.aisha


def test_an_organisation_that_does_not_say_when_is_no_second_factor(w: World, provider: Provider, visitor: Visitor) -> None:
    provider.order({"a1": AISHA}, token={"auth_time": None})
    visitor.arrive("a1")
    assert signed_in(visitor) == w.aisha
    assert second_factor.passed_at(asking(visitor)) is None
    page = visitor.client.get("/desk/")
    assert (page.status_code, page["Location"]) == (302, reverse("second-factor"))


def test_an_organisation_that_does_not_say_when_leaves_it_to_their_own_second_factor(
    w: World, provider: Provider, visitor: Visitor
) -> None:
    with as_set_up():
        Authenticator.objects.create(user=w.aisha, type=Authenticator.Type.TOTP, data={"secret": "x"})
    provider.order({"a1": AISHA}, token={"auth_time": None})
    assert visitor.arrive("a1")["Location"] == reverse("mfa_authenticate")
    assert signed_in(visitor) is None


def test_a_sign_in_there_of_long_ago_is_done_again(w: World, provider: Provider, visitor: Visitor) -> None:
    provider.order({"a1": AISHA}, token={"auth_time": int(time.time()) - 13 * 3600})
    page = visitor.arrive("a1", way_on="/disagreements/")
    assert page.status_code == 302
    assert page["Location"].startswith(provider.issuer)
    assert asked(page["Location"])["prompt"] == "login"
    provider.order({"a1": AISHA})
    again = visitor.client.get(visitor.sign_in_there(page["Location"], "a1"))
    assert (signed_in(visitor), again["Location"]) == (w.aisha, "/disagreements/")


def test_and_once_only(w: World, provider: Provider, visitor: Visitor) -> None:
    provider.order({"a1": AISHA}, token={"auth_time": int(time.time()) - 13 * 3600})
    page = visitor.arrive("a1")
    assert not_confirmed(visitor.client.get(visitor.sign_in_there(page["Location"], "a1")), visitor)


# ── Confirming that it is you ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def aisha_of_an_hour_ago(w: World, provider: Provider, visitor: Visitor) -> Visitor:
    """Signed in with her school's account, which she opened an hour ago. She has no password and no second factor here."""
    with as_set_up():
        User.objects.filter(pk=w.aisha.pk).update(password="!none")
    provider.order({"a1": AISHA}, token={"auth_time": int(time.time()) - 3600})
    visitor.arrive("a1")
    provider.order({"a1": AISHA, "s1": {"email": "sam@example.org"}})
    return visitor


def test_a_page_that_wants_it_fresh_sends_them_to_their_organisation_and_back(
    w: World, provider: Provider, aisha_of_an_hour_ago: Visitor
) -> None:
    visitor, wanted = aisha_of_an_hour_ago, reverse("add-app")
    assert not second_factor.is_fresh(asking(visitor))
    sent_on = visitor.client.get(wanted)
    assert (sent_on.status_code, sent_on["Location"]) == (302, f"{reverse('mfa_reauthenticate')}?next={quote(wanted, safe='')}")
    page = visitor.client.get(reverse("mfa_reauthenticate") + "?next=" + wanted).content.decode()
    assert "Confirm with Hill Lane accounts" in page
    assert reverse("openid_connect_login", args=[SCHOOL]) in page
    assert "Confirm with Northshire accounts" not in page
    there = visitor.begin(way_on=wanted)
    assert (asked(there)["prompt"], asked(there)["max_age"]) == ("login", "300")
    back = visitor.client.get(visitor.sign_in_there(there, "a1"))
    assert (back.status_code, back["Location"]) == (302, wanted)
    assert signed_in(visitor) == w.aisha
    assert second_factor.is_fresh(asking(visitor))
    assert records(visitor)[-1]["reauthenticated"] is True
    assert visitor.client.get(wanted).status_code == 200


def test_the_organisation_asks_who_they_are_although_they_are_signed_in_there(
    w: World, provider: Provider, aisha_of_an_hour_ago: Visitor
) -> None:
    visitor = aisha_of_an_hour_ago
    page = visitor.there.get(visitor.begin(), timeout=5)
    assert "Login name" in page.text


def test_an_organisation_that_did_not_ask_again_confirms_nothing(w: World, provider: Provider, aisha_of_an_hour_ago: Visitor) -> None:
    visitor = aisha_of_an_hour_ago
    for auth_time in (int(time.time()) - 1000, None):
        provider.order({"a1": AISHA}, token={"auth_time": auth_time})
        page = visitor.arrive("a1", way_on="/disagreements/")
        assert page.status_code == 400
        assert NOT_CONFIRMED in page.content.decode()
        assert 'href="/disagreements/"' in page.content.decode()
        assert signed_in(visitor) == w.aisha
        assert not second_factor.is_fresh(asking(visitor))


def test_another_person_confirms_nothing_and_takes_nothing_over(w: World, provider: Provider, aisha_of_an_hour_ago: Visitor) -> None:
    visitor = aisha_of_an_hour_ago
    visitor.there = requests.Session()
    page = visitor.arrive("s1")
    assert page.status_code == 400
    assert signed_in(visitor) == w.aisha
    assert not second_factor.is_fresh(asking(visitor))
    assert linked() == [("a1", "aisha@example.org")]


def test_what_was_begun_by_one_person_confirms_nothing_for_the_next(w: World, provider: Provider, aisha_of_an_hour_ago: Visitor) -> None:
    visitor = aisha_of_an_hour_ago
    back = visitor.sign_in_there(visitor.begin(), "a1")
    states = visitor.client.session["socialaccount_states"]
    visitor.client.logout()
    visitor.client.force_login(w.sam)
    session = visitor.client.session
    session["socialaccount_states"] = states
    session.save()
    page = visitor.client.get(back)
    assert page.status_code == 400
    assert signed_in(visitor) == w.sam


# ── The pages ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_there_are_buttons_where_organisations_are_configured(w: World, provider: Provider, client: Client, settings: Any) -> None:
    page = client.get(reverse("sign-in") + "?next=/disagreements/").content.decode()
    assert "Sign in with Hill Lane accounts" in page
    assert "Sign in with Northshire accounts" in page
    assert page.count('name="next" value="/disagreements/"') == 3
    configure(settings)
    page = client.get(reverse("sign-in")).content.decode()
    assert "organisation" not in page.lower()


def test_it_is_begun_by_a_form_of_ours_and_by_no_link(w: World, provider: Provider) -> None:
    client = Client(enforce_csrf_checks=True)
    begin = reverse("openid_connect_login", args=[SCHOOL])
    assert client.get(begin).status_code == 405
    assert client.post(begin).status_code == 403
    assert client.post(reverse("openid_connect_callback", args=[SCHOOL])).status_code in (403, 405)


def test_what_is_not_configured_is_not_there(w: World, provider: Provider, client: Client) -> None:
    assert client.post("/organisation/other/login/").status_code == 404
    assert client.get("/organisation/other/login/callback/?code=1&state=2").status_code == 404


@pytest.mark.parametrize("way_on", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)", "/" + "x" * 1000, "desk"])
def test_they_come_back_only_to_pages_of_ours(w: World, provider: Provider, visitor: Visitor, way_on: str) -> None:
    provider.order({"a1": AISHA})
    assert visitor.arrive("a1", way_on=way_on)["Location"] == "/desk/"


def test_no_organisation_is_kept_in_the_database(w: World, provider: Provider, visitor: Visitor, django_assert_num_queries: Any) -> None:
    request = asking(visitor)
    with django_assert_num_queries(0):
        found = organisation.all_of(request)
    assert [(one.sub_id, str(one)) for one in found] == [(SCHOOL, "Hill Lane accounts"), (COUNCIL, "Northshire accounts")]


def test_who_tries_on_and_on_waits_and_who_arrives_does_not_count(
    w: World, provider: Provider, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.limits.NETWORK", limits.Limit("network", 3, dt.timedelta(minutes=5)))
    provider.order({"a1": AISHA})
    for _try in range(5):
        visitor.arrive("a1")
        visitor.client.post(reverse("sign-out"))
    for _try in range(3):
        visitor.begin()
    page = visitor.client.post(reverse("openid_connect_login", args=[SCHOOL]))
    assert page.status_code == 429
    assert "Wait five minutes" in page.content.decode()


def test_an_invitation_offers_the_organisations_of_its_address(
    w: World, provider: Provider, client: Client, settings: Any, invitation: Any
) -> None:
    page = client.get(path_of(invitation)).content.decode()
    assert "Sign in with Hill Lane accounts" in page
    assert "Sign in with Northshire accounts" not in page
    configure(settings, provider.app(COUNCIL))
    assert "Use your organisation" not in client.get(path_of(invitation)).content.decode()
