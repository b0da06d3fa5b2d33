"""Signing in and out: the password, the second step, and what neither of them tells."""

import re
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.sessions.models import Session
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import limits
from accounts.models import Attempt, User
from audit.models import Trace
from demo.people import SIGN_IN_AS
from tests import factories
from tests.an_app import app_of, recovery_codes_of
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def w():
    return factories.world()


SECOND_STEP = "/sign-in/second-factor/"
CHANGING = {"Expires", "X-Request-ID", "Content-Length", "Content-Security-Policy"}  # times, what was typed, and nonces


def sign_in(client, email="aisha@example.org", password=PASSWORD, **more):
    return client.post("/sign-in/", {"email": email, "password": password, **more})


def later(minutes):
    """So much time passes: what was tried before is that much older."""
    with factories.as_set_up():
        for attempt in Attempt.objects.all():
            Attempt.objects.filter(pk=attempt.pk).update(at=attempt.at - timedelta(minutes=minutes))


def masked(answer):
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"|nonce="[^"]*"|value="[^"]*@[^"]*"', "", answer.content.decode())


def test_a_person_signs_in_with_a_password_and_a_code_and_comes_to_their_desk(client, w):
    app = app_of(w.aisha)
    answer = sign_in(client)
    assert (answer.status_code, answer.url) == (302, SECOND_STEP)
    assert client.get("/desk/").status_code == 302
    answer = client.post(SECOND_STEP, {"code": app.code()})
    assert (answer.status_code, answer.url) == (302, "/desk/")
    assert client.get("/desk/").status_code == 200


def test_who_has_no_second_step_yet_sets_one_up_before_anything_else(client, w):
    assert sign_in(client).url == "/desk/"
    for path in ("/desk/", "/disagreements/", "/disagreements/new/", "/account/", "/account/password/", "/account/sessions/"):
        assert client.get(path).url == "/account/second-factor/", path
        assert client.post(path).url == "/account/second-factor/", path
    assert "Set up a passkey" in client.get("/account/second-factor/").content.decode()
    assert client.get("/accessibility/").status_code == 200
    assert client.post("/sign-out/").url == "/sign-in/"


def test_the_address_may_be_written_in_any_case_and_with_spaces_round_it(client, w):
    assert sign_in(client, email="  Aisha@Example.ORG ").status_code == 302


def test_the_header_says_the_name_of_the_partnership(client, w):
    sign_in(client)
    assert w.partnership.name in client.get("/account/second-factor/").content.decode()


def test_somebody_who_works_in_several_partnerships_reads_none_of_their_names(client, w):
    other = factories.world("westmere")
    with factories.as_set_up():
        factories.Membership.objects.get_or_create(partnership=other.partnership, agency=w.teams["school"].agency)
    sign_in(client)
    assert client.session["partnership_name"] == ""


def test_a_wrong_password_and_an_unknown_address_get_the_same_sentence(client, w):
    with factories.as_set_up():
        User.objects.filter(pk=w.sam.pk).update(is_active=False)
        User.objects.filter(pk=w.mona.pk).update(password="!no-password-at-all")
    tried = [
        ("aisha", "wrong"),
        ("nobody", "wrong"),
        ("sam", "wrong"),
        ("sam", PASSWORD),
        ("mona", PASSWORD),
        ("mona", "!no-password-at-all"),
    ]
    pages = []
    for name, password in tried:
        answer = sign_in(client, email=f"{name}@example.org", password=password)
        assert answer.status_code == 200
        headers = {name: value for name, value in answer.headers.items() if name not in CHANGING}
        pages.append((masked(answer), headers, set(answer.headers), set(answer.cookies)))
    for page in pages:
        assert page[0] == pages[0][0]
        assert set(page[1].items()) ^ set(pages[0][1].items()) == set()
        assert page[2:] == pages[0][2:]
    assert "We do not know this email address and password together" in pages[0][0]


def test_known_and_unknown_make_the_same_work(client, w, monkeypatch):
    with factories.as_set_up():
        User.objects.filter(pk=w.sam.pk).update(is_active=False)
        User.objects.filter(pk=w.mona.pk).update(password="!no-password-at-all")
    hashed = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", lambda self, *args: hashed.append(1) or encode(self, *args))
    done = set()
    for name in ("nobody", "aisha", "sam", "mona"):
        hashed.clear()
        with CaptureQueriesContext(connection) as queries:
            sign_in(client, email=f"{name}@example.org", password="wrong")
        done.add((len(hashed), len(queries)))
    assert len(done) == 1
    assert done.pop()[0] == 1


def test_the_trail_keeps_whose_password_and_whose_code_was_wrong(client, w):
    app = app_of(w.sam)
    sign_in(client, password="wrong")
    sign_in(client, email="nobody@example.org", password="wrong")
    sign_in(client, email="sam@example.org")
    client.post(SECOND_STEP, {"code": app.wrong()})
    with factories.as_set_up():
        noted = list(Trace.objects.filter(kind="sign_in_failed").order_by("at").values_list("what", "person_id"))
    assert noted == [("sign-in", w.aisha.pk), ("sign-in", None), ("second-factor", w.sam.pk)]


def test_what_was_typed_is_kept_but_the_password_is_not(client, w):
    html = sign_in(client, password="wrong-but-mine").content.decode()
    assert 'value="aisha@example.org"' in html
    assert "wrong-but-mine" not in html


def test_a_person_who_has_left_cannot_sign_in(client, w):
    with factories.as_set_up():
        User.objects.filter(pk=w.aisha.pk).update(is_active=False)
    assert sign_in(client).status_code == 200
    assert client.get("/desk/").status_code == 302


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("", ""),
        ("aisha@example.org", ""),
        ("", "x"),
        ("a" * 100_000, "b" * 100_000),
        ("a\x00b@example.org", "p\x00"),
        ("<script>alert(1)</script>", "<script>"),
        ("עברית@example.org", "🙂" * 300),
    ],
)
def test_nothing_that_can_be_typed_breaks_the_page(client, w, email, password):
    answer = sign_in(client, email=email, password=password)
    assert answer.status_code == 200
    assert "There is a problem" in answer.content.decode()
    assert "<script>alert" not in answer.content.decode()


def test_after_signing_in_a_person_comes_to_the_page_they_wanted(client, w):
    assert client.get("/disagreements/").url == "/sign-in/?next=/disagreements/"
    assert 'name="next" value="/disagreements/"' in client.get("/sign-in/?next=/disagreements/").content.decode()
    assert sign_in(client, next="/disagreements/").url == "/disagreements/"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "no-path", "/" + "a" * 3000])
def test_signing_in_never_leads_to_another_site_and_never_fails(client, w, elsewhere):
    assert elsewhere not in client.get("/sign-in/", {"next": elsewhere}).content.decode()
    assert sign_in(client, next=elsewhere).url == "/desk/"


def test_signing_in_leaves_no_history_of_the_person(client, w):
    before = w.aisha.history.count()
    sign_in(client)
    assert w.aisha.history.count() == before


def test_the_address_itself_leads_to_the_desk_or_to_the_way_in(client, w):
    assert client.get("/").url == reverse("sign-in")
    client.force_login(w.aisha)
    assert client.get("/").url == "/desk/"
    assert client.get("/sign-in/").url == "/desk/"


def test_signing_out_takes_a_post_and_ends_it(client, w):
    client.force_login(w.aisha)
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").url == "/sign-in/"
    assert client.get("/desk/").status_code == 302


def test_the_sign_in_page_lists_nobody_where_there_is_no_demonstration(client, w):
    html = client.get("/sign-in/").content.decode()
    assert "Aisha" not in html
    assert "Try it as" not in html


def test_in_a_demonstration_one_person_for_each_role_is_listed_with_a_button_and_the_password(client, w, settings):
    w.partnership.is_demo = True
    with factories.as_set_up():
        w.partnership.save()
    settings.ACCORD_DEMO_PASSWORD = PASSWORD
    html = client.get("/sign-in/").content.decode()
    for shown in SIGN_IN_AS:
        assert f"Sign in as {shown.name}" in html
    assert PASSWORD in html
    assert "Stranger" not in html
    sign_in(client)
    assert client.session["is_demo"] is True
    assert "This is a demonstration" in client.get("/desk/").content.decode()


def test_where_there_is_one_partnership_the_sign_in_page_says_its_name(client, w):
    assert w.partnership.name in client.get("/sign-in/").content.decode()
    factories.world("westmere")
    assert w.partnership.name not in client.get("/sign-in/").content.decode()


def test_signing_in_clears_sessions_that_have_run_out(client, w):
    old = Session.objects.create(session_key="old", session_data="x", expire_date=timezone.now() - timedelta(hours=1))
    running = Session.objects.create(session_key="running", session_data="x", expire_date=timezone.now() + timedelta(hours=1))
    sign_in(client)
    assert not Session.objects.filter(pk=old.pk).exists()
    assert Session.objects.filter(pk=running.pk).exists()


# ── the second step ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_code_works_once_and_never_again(client, w):
    app = app_of(w.aisha)
    code = app.code()
    sign_in(client)
    assert client.post(SECOND_STEP, {"code": code}).status_code == 302
    client.post("/sign-out/")
    sign_in(client)
    answer = client.post(SECOND_STEP, {"code": code})
    assert answer.status_code == 200
    assert "was used before" in answer.content.decode()
    assert client.post(SECOND_STEP, {"code": app.code(-1)}).status_code == 200, "nor one from before it"
    assert client.post(SECOND_STEP, {"code": app.code(1)}).url == "/desk/"


def test_a_code_may_be_typed_with_spaces_and_be_half_a_minute_off(client, w):
    app = app_of(w.aisha)
    sign_in(client)
    code = app.code(1)
    assert client.post(SECOND_STEP, {"code": f" {code[:3]} {code[3:]} "}).status_code == 302


def test_a_code_from_a_minute_away_is_wrong(client, w):
    app = app_of(w.aisha)
    sign_in(client)
    for steps in (-3, 3):
        assert client.post(SECOND_STEP, {"code": app.code(steps)}).status_code == 200


def test_a_recovery_code_works_once(client, w):
    app_of(w.aisha)
    first, second, *_ = recovery_codes_of(w.aisha)
    for code, works in ((first, True), (first, False), (second, True)):
        sign_in(client)
        assert (client.post(SECOND_STEP, {"code": code}).status_code == 302) == works
        client.post("/sign-out/")


def test_recovery_codes_alone_are_no_second_step(client, w):
    recovery_codes_of(w.aisha)
    assert sign_in(client).url == "/desk/"
    assert client.get("/desk/").url == "/account/second-factor/"


def test_nobody_comes_to_the_second_step_without_the_password(client, w):
    app = app_of(w.aisha)
    for answer in (client.get(SECOND_STEP), client.post(SECOND_STEP, {"code": app.code()})):
        assert (answer.status_code, answer.url) == (302, "/sign-in/")


def test_the_second_step_is_open_for_ten_minutes(client, w, monkeypatch):
    app = app_of(w.aisha)
    sign_in(client)
    now = time.time()
    monkeypatch.setattr("allauth.account.internal.stagekit.time.time", lambda: now + 601)
    assert client.post(SECOND_STEP, {"code": app.code()}).url == "/sign-in/"


def test_who_is_blocked_between_the_steps_does_not_come_in(client, w):
    app = app_of(w.aisha)
    sign_in(client)
    with factories.as_set_up():
        User.objects.filter(pk=w.aisha.pk).update(is_active=False)
    assert client.post(SECOND_STEP, {"code": app.code()}).url == "/sign-in/"
    assert client.get("/desk/").status_code == 302


def test_somebody_else_s_code_is_wrong(client, w):
    app_of(w.aisha)
    other = app_of(w.sam)
    sign_in(client)
    assert client.post(SECOND_STEP, {"code": other.code()}).status_code == 200


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"code": ""},
        {"code": "x" * 100_000},
        {"code": "\0"},
        {"code": "<script>alert(1)</script>"},
        {"code": "١٢٣٤٥٦"},
        {"credential": ""},
        {"credential": "{"},
        {"credential": "[1]"},
        {"credential": "[" * 10_000},
        {"credential": "{}"},
        {"credential": '{"id": "x", "rawId": "eA", "type": "public-key", "response": {}}'},
        {
            "credential": '{"id": "eA", "rawId": "eA", "type": "public-key", '
            '"response": {"clientDataJSON": "e30", "authenticatorData": "", "signature": ""}}'
        },
    ],
)
def test_nothing_that_can_be_sent_breaks_the_second_step(client, w, given):
    app_of(w.aisha)
    sign_in(client)
    answer = client.post(SECOND_STEP, given)
    assert answer.status_code == 200
    assert "There is a problem" in answer.content.decode()
    assert "<script>alert" not in answer.content.decode()


def test_signing_in_as_somebody_else_leaves_nothing_of_the_first(client, w):
    client.force_login(w.sam)
    app = app_of(w.aisha)
    sign_in(client)
    assert client.get("/desk/").status_code == 302
    assert client.post(SECOND_STEP, {"code": app.code()}).url == "/desk/"
    assert client.session["_auth_user_id"] == str(w.aisha.pk)
    assert {record["method"] for record in client.session["account_authentication_methods"]} == {"password", "mfa"}


# ── limits ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("email", ["aisha@example.org", "nobody@example.org"])
def test_after_five_wrong_passwords_one_waits_and_is_never_shut_out_for_good(client, w, email):
    for _ in range(5):
        assert "We do not know this email" in sign_in(client, email=email, password="wrong").content.decode()
    for _ in range(20):
        answer = sign_in(client, email=email)
        assert answer.status_code == 200
        assert "Wait five minutes" in answer.content.decode()
    later(minutes=4)
    assert "Wait five minutes" in sign_in(client, email=email).content.decode()
    later(minutes=1.1)
    assert (sign_in(client, email=email).status_code == 302) == email.startswith("aisha")


def test_the_wait_is_of_one_account_and_says_nothing_of_others(client, w):
    for _ in range(6):
        sign_in(client, password="wrong")
    assert sign_in(client, email="sam@example.org").status_code == 302


def test_what_succeeds_does_not_count(client, w):
    for _ in range(12):
        assert sign_in(client).status_code == 302
        client.post("/sign-out/")
    assert Attempt.objects.count() == 0


def test_one_network_may_not_try_many_accounts(client, w, monkeypatch):
    monkeypatch.setattr(limits, "NETWORK", limits.Limit("network", 10, timedelta(minutes=5)))
    for n in range(10):
        assert "We do not know" in sign_in(client, email=f"p{n}@example.org", password="wrong").content.decode()
    assert "Wait five minutes" in sign_in(client).content.decode()
    assert sign_in(client, REMOTE_ADDR="192.0.2.1").status_code == 200, "a field is no address"
    elsewhere = client.post("/sign-in/", {"email": "aisha@example.org", "password": PASSWORD}, REMOTE_ADDR="192.0.2.1")
    assert elsewhere.status_code == 302


@pytest.mark.parametrize(
    ("proxies", "forwarded", "counted"),
    [
        (0, "203.0.113.9", "127.0.0.1"),  # nobody may say where they come from
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),  # what a client puts in front does not count
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (1, "", "127.0.0.1"),
    ],
)
def test_a_request_comes_from_behind_our_own_proxies_only(rf, settings, proxies, forwarded, counted):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    request = rf.post("/sign-in/", **({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}))
    assert limits.network_of(request) == counted


def test_what_is_counted_holds_no_address(client, w):
    sign_in(client, password="wrong")
    assert Attempt.objects.count() == 2
    assert all(re.fullmatch("[0-9a-f]{64}", about) for about in Attempt.objects.values_list("about", flat=True))


def test_five_wrong_codes_and_then_a_wait(client, w):
    app = app_of(w.aisha)
    sign_in(client)
    for _ in range(5):
        assert "This code is not right" in client.post(SECOND_STEP, {"code": app.wrong()}).content.decode()
    answer = client.post(SECOND_STEP, {"code": app.code()})
    assert answer.status_code == 200
    assert "Wait five minutes" in answer.content.decode()
    client.post("/sign-in/", {})
    sign_in(client)
    assert client.post(SECOND_STEP, {"code": app.code()}).status_code == 200, "a new sign-in does not help"
    later(minutes=5.1)
    assert client.post(SECOND_STEP, {"code": app.code()}).status_code == 302


def test_the_secret_of_an_app_is_not_readable_in_the_database(client, w):
    app = app_of(w.aisha)
    recovery_codes_of(w.aisha)
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(data::text, ' ') FROM mfa_authenticator")
        kept = cursor.fetchone()[0]
    assert app.secret not in kept
    assert Authenticator.objects.count() == 2
    assert all(str(data.get("secret") or data["seed"]).startswith("gAAAA") for data in Authenticator.objects.values_list("data", flat=True))


@pytest.mark.long
def test_how_long_it_takes_tells_nothing(client, w, settings, monkeypatch):
    """Median gap within 5 ms and ranks alike (P6, P12), with the real hasher; each pair in turn. Of this process's own time, so that
    what else the machine does is not measured."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    monkeypatch.setattr(limits, "take", lambda *args: limits.Tries())
    with factories.as_set_up():
        w.aisha.set_password(PASSWORD)
        w.aisha.save()

    def took(email):
        began = time.process_time()
        sign_in(client, email=email, password="wrong")
        return time.process_time() - began

    took("aisha@example.org")
    pairs = [(took("aisha@example.org"), took("nobody@example.org")) for _ in range(60)]
    gaps = [known - unknown for known, unknown in pairs]
    assert abs(statistics.median(gaps)) < 0.005
    above = sum(gap > 0 for gap in gaps)
    assert 18 <= above <= 42, "a fair coin falls so in 99.8 of 100 cases"


def test_tries_at_the_same_moment_count_each_other(committed_db):
    """Twenty at once, as somebody would who guesses: five are made."""
    now = timezone.now()
    start = threading.Barrier(20)

    def one(_):
        start.wait()
        try:
            limits.Tries().take(limits.ACCOUNT, "aisha@example.org", now)
        except limits.TooMany:
            return 0
        finally:
            connections.close_all()
        return 1

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(one, range(20))) == 5
