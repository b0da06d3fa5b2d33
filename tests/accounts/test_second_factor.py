"""The second step of signing in: setting it up, changing it, showing it afresh, and what a demonstration is let off."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.http import HttpResponse
from django.test import RequestFactory

from accounts import second_factor
from accounts.models import User
from tests import factories
from tests.an_app import App, app_of, recovery_codes_of
from tests.factories import PASSWORD, World

pytestmark = pytest.mark.django_db
HERE = "/account/second-factor/"
SECOND_STEP = "/sign-in/second-factor/"


@pytest.fixture
def w() -> World:
    return factories.world()


def letters_to(person: User) -> list[str]:
    from accounts.models import Letter

    with factories.as_set_up():
        return list(Letter.objects.filter(person=person).order_by("made_at").values_list("kind", flat=True))


def with_password_only(client: Any, person: User) -> None:
    """Signed in with the password, as somebody is who has no second step yet."""
    assert client.post("/sign-in/", {"email": person.email, "password": PASSWORD}).url == "/desk/"


def secret_on(html: str) -> str:
    return re.sub(r"\s", "", re.search(r'accord-secret">([A-Z2-7 ]+)<', html)[1])  # type: ignore[index]


def shown_codes(html: str) -> list[str]:
    return re.findall(r"<li>(\d{4} \d{4})</li>", html)


def age(client: Any, seconds: float) -> None:
    """Whatever they showed, they showed so much earlier."""
    client.stays_signed_in = False
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= seconds
    session["account_authentication_methods"] = list(session["account_authentication_methods"])
    session.save()


# ── setting it up ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_app_is_set_up_with_the_code_it_shows_and_the_codes_for_a_lost_phone_are_shown_once(client: Any, w: World) -> None:
    with_password_only(client, w.aisha)
    assert client.get("/disagreements/").url == HERE
    app = App(secret_on(client.get(HERE + "app/").content.decode()))
    answer = client.post(HERE + "app/", {"code": app.code()})
    assert answer.url == HERE + "recovery-codes/"
    page = client.get(answer.url)
    codes = shown_codes(page.content.decode())
    assert len(set(codes)) == 10
    assert page["Cache-Control"].count("no-store") == 1
    file = client.get(HERE + "recovery-codes/download/")
    assert file["Content-Disposition"] == 'attachment; filename="accord-recovery-codes.txt"'
    assert all(code in file.content.decode() for code in codes)
    assert client.post(HERE + "recovery-codes/").url == "/disagreements/", "then on to where they wanted to go"
    assert client.get("/desk/").status_code == 200
    assert client.get(HERE + "recovery-codes/").url == HERE
    assert client.get(HERE + "recovery-codes/download/").status_code == 404
    assert letters_to(w.aisha) == ["second_factor_changed"]


def test_the_codes_are_shown_in_the_session_that_made_them_and_for_ten_minutes(client: Any, w: World, monkeypatch: Any) -> None:
    with_password_only(client, w.aisha)
    app = App(secret_on(client.get(HERE + "app/").content.decode()))
    client.post(HERE + "app/", {"code": app.code()})
    now = time.time()
    monkeypatch.setattr("accounts.account_pages.time.time", lambda: now + 601)
    assert client.get(HERE + "recovery-codes/").url == HERE
    other = type(client)()
    other.force_login(w.aisha)
    assert other.get(HERE + "recovery-codes/").url == HERE


def test_a_wrong_first_code_sets_nothing_up_and_the_picture_stays_the_same(client: Any, w: World) -> None:
    with_password_only(client, w.aisha)
    before = secret_on(client.get(HERE + "app/").content.decode())
    answer = client.post(HERE + "app/", {"code": App(before).wrong()})
    assert "This is not the code that the app shows" in answer.content.decode()
    assert secret_on(answer.content.decode()) == before
    assert not Authenticator.objects.exists()
    assert client.get("/desk/").url == HERE


def test_the_first_code_is_used_up_by_setting_up(client: Any, w: World) -> None:
    with_password_only(client, w.aisha)
    app = App(secret_on(client.get(HERE + "app/").content.decode()))
    code = app.code()
    client.post(HERE + "app/", {"code": code})
    client.post("/sign-out/")
    client.post("/sign-in/", {"email": w.aisha.email, "password": PASSWORD})
    assert client.post(SECOND_STEP, {"code": code}).status_code == 200


def test_the_picture_is_drawn_in_the_page_without_style_or_script(client: Any, w: World) -> None:
    with_password_only(client, w.aisha)
    html = client.get(HERE + "app/").content.decode()
    assert "<svg" in html
    assert "data:" not in html
    assert "style=" not in html
    secret = secret_on(html)
    kept = client.session["second_factor.secret"]
    assert secret not in kept, "not readable in the session either"
    assert get_adapter().decrypt(kept) == secret


def test_another_key_does_not_open_and_a_key_of_before_does(settings: Any) -> None:
    settings.ACCORD_SECRETS_KEY = ["first key"]
    kept = get_adapter().encrypt("a secret")
    settings.ACCORD_SECRETS_KEY = ["second key"]
    with pytest.raises(InvalidToken):
        get_adapter().decrypt(kept)
    settings.ACCORD_SECRETS_KEY = ["second key", "first key"]
    assert get_adapter().decrypt(kept) == "a secret"


@pytest.mark.parametrize("path", ["app/", "passkey/"])
@pytest.mark.parametrize(
    "given", [{}, {"code": "x" * 100_000, "credential": "x" * 100_000}, {"code": "\0", "credential": "{}", "name": "\0"}]
)
def test_nothing_that_can_be_sent_breaks_setting_up(client: Any, w: World, path: str, given: dict[str, str]) -> None:
    with_password_only(client, w.aisha)
    answer = client.post(HERE + path, given)
    assert answer.status_code == 200
    assert "There is a problem" in answer.content.decode()
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize(
    "credential",
    [
        "[]",
        '{"id": "x"}',
        '{"id": "eA", "rawId": "eA", "type": "public-key", "response": {"clientDataJSON": "e30", "attestationObject": "oA"}}',
        '{"id": "eA", "rawId": "eA", "type": "public-key", "response": {"clientDataJSON": "!", "attestationObject": "!"}}',
        '{"response": null}',
    ],
)
def test_a_made_up_passkey_is_refused(client: Any, w: World, credential: str) -> None:
    with_password_only(client, w.aisha)
    client.get(HERE + "passkey/")
    answer = client.post(HERE + "passkey/", {"name": "Phone", "credential": credential})
    assert answer.status_code == 200
    assert "There is a problem" in answer.content.decode()
    assert 'value="Phone"' in answer.content.decode()
    assert not Authenticator.objects.exists()


# ── changing it ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_last_one_stays(client: Any, w: World) -> None:
    app_of(w.aisha)
    recovery_codes_of(w.aisha)
    client.force_login(w.aisha)
    only = Authenticator.objects.get(type="totp")
    path = f"{HERE}{only.pk}/remove/"
    assert "cannot be removed" in client.get(path).content.decode()
    assert client.post(path).status_code == 200
    assert Authenticator.objects.filter(pk=only.pk).exists()


def test_one_of_two_is_removed_and_a_mail_says_so(client: Any, w: World) -> None:
    app_of(w.aisha)
    key = Authenticator.objects.create(user=w.aisha, type="webauthn", data={"name": "Old phone", "credential": {}})
    client.force_login(w.aisha)
    html = client.get(HERE).content.decode()
    assert "Old phone" in html
    assert "Remove Old phone?" in client.get(f"{HERE}{key.pk}/remove/").content.decode()
    assert client.post(f"{HERE}{key.pk}/remove/").url == HERE
    assert list(Authenticator.objects.values_list("type", flat=True)) == ["totp"]
    assert letters_to(w.aisha) == ["second_factor_changed"]


def test_nobody_removes_what_is_another_s_or_the_codes(client: Any, w: World) -> None:
    app_of(w.sam)
    app_of(w.aisha)
    recovery_codes_of(w.aisha)
    client.force_login(w.aisha)
    for pk in Authenticator.objects.exclude(user=w.aisha, type="totp").values_list("pk", flat=True):
        for method in (client.get, client.post):
            assert method(f"{HERE}{pk}/remove/").status_code == 404
    assert Authenticator.objects.count() == 3


def test_new_codes_take_the_place_of_the_old(client: Any, w: World) -> None:
    app = app_of(w.aisha)
    old = recovery_codes_of(w.aisha)
    client.force_login(w.aisha)
    assert client.get(HERE + "recovery-codes/new/").status_code == 200
    assert Authenticator.objects.filter(type="recovery_codes").count() == 1, "asking changes nothing"
    client.post(HERE + "recovery-codes/new/")
    new = shown_codes(client.get(HERE + "recovery-codes/").content.decode())
    assert not {code.replace(" ", "") for code in new} & set(old)
    assert letters_to(w.aisha) == ["second_factor_changed"]
    client.post("/sign-out/")
    client.post("/sign-in/", {"email": w.aisha.email, "password": PASSWORD})
    assert client.post(SECOND_STEP, {"code": old[0]}).status_code == 200
    assert client.post(SECOND_STEP, {"code": new[0]}).status_code == 302
    assert app.secret


def test_a_new_app_takes_the_place_of_the_old(client: Any, w: World) -> None:
    old = app_of(w.aisha)
    client.force_login(w.aisha)
    html = client.get(HERE + "app/").content.decode()
    assert "shows no good codes any more" in html
    client.post(HERE + "app/", {"code": App(secret_on(html)).code()})
    client.post("/sign-out/")
    client.post("/sign-in/", {"email": w.aisha.email, "password": PASSWORD})
    assert client.post(SECOND_STEP, {"code": old.code(1)}).status_code == 200


# ── fresh ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_changes_it_asks_for_it_again_after_five_minutes(client: Any, w: World) -> None:
    app_of(w.aisha)
    key = Authenticator.objects.create(user=w.aisha, type="webauthn", data={"name": "Phone", "credential": {}})
    client.force_login(w.aisha)
    paths = [HERE + "app/", HERE + "recovery-codes/new/", f"{HERE}{key.pk}/remove/"]
    for path in paths:
        assert client.get(path).status_code == 200
    age(client, 301)
    for path in paths:
        assert client.get(path).url == f"/account/confirm/?next={path.replace('/', '%2F')}"
        assert client.post(path).status_code == 302
    assert Authenticator.objects.count() == 2


def test_who_confirms_comes_back_to_the_page(client: Any, w: World) -> None:
    app = app_of(w.aisha)
    client.force_login(w.aisha)
    age(client, 301)
    confirm = client.get(HERE + "app/").url
    assert "Confirm that it is you" in client.get(confirm).content.decode()
    assert "This code is not right" in client.post(confirm, {"code": app.wrong()}).content.decode()
    assert client.post(confirm, {"code": app.code()}).url == HERE + "app/"
    assert client.get(HERE + "app/").status_code == 200


def test_the_password_alone_confirms_nothing(client: Any, w: World) -> None:
    app_of(w.aisha)
    client.force_login(w.aisha)
    age(client, 301)
    assert client.post("/account/confirm/?next=/desk/", {"password": PASSWORD}).status_code == 200
    assert client.get(HERE + "app/").status_code == 302


def test_confirming_never_leads_to_another_site(client: Any, w: World) -> None:
    app = app_of(w.aisha)
    client.force_login(w.aisha)
    assert client.post("/account/confirm/", {"code": app.code(), "next": "https://evil.example/"}).url == "/account/"


def test_five_wrong_codes_and_then_a_wait(client: Any, w: World) -> None:
    app = app_of(w.aisha)
    client.force_login(w.aisha)
    for _ in range(5):
        client.post("/account/confirm/", {"code": app.wrong()})
    answer = client.post("/account/confirm/", {"code": app.code()})
    assert answer.status_code == 200
    assert "Wait five minutes" in answer.content.decode()


def _request(client: Any, person: User, rf: RequestFactory) -> Any:
    request = rf.get("/somewhere/")
    request.user, request.session = person, client.session
    return request


@pytest.mark.parametrize(("seconds", "fresh"), [(0, True), (295, True), (305, False), (-60, False)])
def test_fresh_is_five_minutes(client: Any, w: World, rf: RequestFactory, seconds: int, fresh: bool) -> None:
    client.force_login(w.aisha)
    age(client, seconds)
    request = _request(client, w.aisha, rf)
    assert second_factor.is_fresh(request) is fresh
    assert second_factor.passed_at(request) == pytest.approx(time.time() - seconds, abs=5)
    called = second_factor.fresh_second_factor(lambda request: HttpResponse("in"))(request)
    assert (called.status_code == 200) is fresh


@pytest.mark.parametrize(
    ("record", "counts"),
    [
        ({"method": "password"}, False),
        ({"method": "socialaccount"}, False),
        ({"method": "socialaccount", "auth_time": None}, False),
        ({"method": "socialaccount", "auth_time": "now"}, False),
        ({"method": "socialaccount", "auth_time": 1}, True),
        ({"method": "mfa"}, True),
    ],
)
def test_what_counts_as_a_second_factor(client: Any, w: World, rf: RequestFactory, record: dict[str, Any], counts: bool) -> None:
    client.force_login(w.aisha)
    session = client.session
    session["account_authentication_methods"] = [{"at": time.time(), **record}]
    session.save()
    assert (second_factor.passed_at(_request(client, w.aisha, rf)) is not None) is counts
    client.stays_signed_in = False
    assert (client.get("/desk/").status_code == 200) is counts


def test_what_another_showed_does_not_count(client: Any, w: World, rf: RequestFactory) -> None:
    client.force_login(w.aisha)
    assert second_factor.passed_at(_request(client, w.sam, rf)) is None


# ── a demonstration ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def demo(w: World) -> World:
    w.partnership.is_demo = True
    with factories.as_set_up():
        w.partnership.save()
    return w


def test_in_a_demonstration_the_password_will_do_and_the_page_says_so(client: Any, demo: World) -> None:
    with_password_only(client, demo.aisha)
    assert client.get("/desk/").status_code == 200
    assert "you signed in without a second step" in client.get("/account/").content.decode()
    assert "you signed in without a second step" in client.get("/desk/").content.decode()


def test_in_a_demonstration_the_password_confirms(client: Any, demo: World) -> None:
    with_password_only(client, demo.aisha)
    client.stays_signed_in = False
    age(client, 301)
    html = client.get("/account/confirm/?next=/desk/").content.decode()
    assert "your password will do" in html
    assert "This is not your password" in client.post("/account/confirm/", {"password": "wrong"}).content.decode()
    assert client.post("/account/confirm/?next=/desk/", {"password": PASSWORD}).url == "/desk/"


def test_on_a_live_machine_there_is_no_exemption(client: Any, demo: World, settings: Any) -> None:
    settings.LIVE = True
    with_password_only(client, demo.aisha)
    assert client.get("/desk/").url == HERE


def test_who_set_one_up_in_a_demonstration_is_asked_for_it(client: Any, demo: World) -> None:
    app = app_of(demo.aisha)
    assert client.post("/sign-in/", {"email": demo.aisha.email, "password": PASSWORD}).url == SECOND_STEP
    assert client.post(SECOND_STEP, {"code": app.code()}).url == "/desk/"


# ── the account page ────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_page_leads_to_all_that_is_theirs(client: Any, w: World) -> None:
    app_of(w.aisha)
    recovery_codes_of(w.aisha)
    client.force_login(w.aisha)
    html = client.get("/account/").content.decode()
    for path in ("/account/password/", HERE, "/account/mail/", "/account/sessions/"):
        assert f'href="{path}"' in html
    assert "10 recovery codes left" in html
    assert 'href="/account/"' in client.get("/desk/").content.decode()


# ── a lost one ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def ada(w: World, client: Any) -> Any:
    w.people["ada"] = factories.administrator(w)
    client.force_login(w.ada)
    return client


def lost(person: User) -> str:
    return f"/directory/people/{person.pk}/second-step/"


def test_who_keeps_the_account_takes_a_lost_one_away_and_a_mail_says_so(ada: Any, w: World) -> None:
    app_of(w.aisha)
    recovery_codes_of(w.aisha)
    assert lost(w.aisha) in ada.get(f"/directory/people/{w.aisha.pk}/").content.decode()
    assert "Be sure that it is Aisha" in ada.get(lost(w.aisha)).content.decode()
    assert Authenticator.objects.count() == 2
    assert ada.post(lost(w.aisha)).url == f"/directory/people/{w.aisha.pk}/"
    assert not Authenticator.objects.exists()
    assert letters_to(w.aisha) == ["second_factor_changed"]
    them = type(ada)()
    with_password_only(them, w.aisha)
    assert them.get("/desk/").url == HERE


def test_nobody_else_does_and_nobody_for_themselves(ada: Any, w: World) -> None:
    for person in (w.aisha, w.ada, w.sam):
        app_of(person)
    assert ada.post(lost(w.sam)).status_code == 404
    assert ada.post(lost(w.ada)).status_code == 302
    other = type(ada)()
    for somebody in (w.grace, w.sam, w.chair, w.auditor, w.stranger):
        other.force_login(somebody)
        assert other.get(lost(w.aisha)).status_code == 404
        assert other.post(lost(w.aisha)).status_code == 404
    assert Authenticator.objects.count() == 3


def test_it_asks_who_does_it_for_a_fresh_second_factor(ada: Any, w: World) -> None:
    app_of(w.aisha)
    age(ada, 301)
    assert ada.post(lost(w.aisha)).url.startswith("/account/confirm/")
    assert Authenticator.objects.exists()
