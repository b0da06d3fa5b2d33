"""Signing in and out."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from demo.people import SIGN_IN_AS
from tests import factories
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def w():
    return factories.world()


def sign_in(client, email="aisha@example.org", password=PASSWORD, **more):
    return client.post("/sign-in/", {"email": email, "password": password, **more})


def test_a_person_signs_in_with_address_and_password_and_comes_to_their_desk(client, w):
    answer = sign_in(client)
    assert answer.status_code == 302
    assert answer.url == "/desk/"
    assert client.get("/desk/").status_code == 200


def test_the_address_may_be_written_in_any_case_and_with_spaces_round_it(client, w):
    assert sign_in(client, email="  Aisha@Example.ORG ").status_code == 302


def test_the_header_says_the_name_of_the_partnership(client, w):
    sign_in(client)
    assert w.partnership.name in client.get("/desk/").content.decode()


def test_somebody_who_works_in_several_partnerships_reads_none_of_their_names(client, w):
    other = factories.world("westmere")
    with factories.as_set_up():
        factories.Membership.objects.get_or_create(partnership=other.partnership, agency=w.teams["school"].agency)
    sign_in(client)
    assert client.session["partnership_name"] == ""


def test_a_wrong_password_and_an_unknown_address_get_the_same_sentence(client, w):
    pages = []
    for email in ("aisha@example.org", "nobody@example.org"):
        answer = sign_in(client, email=email, password="wrong")
        assert answer.status_code == 200
        pages.append([line for line in answer.content.decode().splitlines() if "csrf" not in line and "value=" not in line])
    assert pages[0] == pages[1]
    assert "We do not know this email address and password together" in "".join(pages[0])


def test_the_trail_keeps_whose_password_was_wrong(client, w, monkeypatch):
    noted = []
    monkeypatch.setattr("audit.trail.note_apart", lambda kind, what, **rest: noted.append((kind, what, rest)))
    sign_in(client, password="wrong")
    sign_in(client, email="nobody@example.org", password="wrong")
    assert noted == [("sign_in_failed", "sign-in", {"person": who}) for who in (w.aisha.pk, None)]


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
