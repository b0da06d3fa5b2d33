"""Fifteen minutes without doing anything, twelve hours at most, and no word lost when it ends (promise 11)."""

from __future__ import annotations

import datetime as dt
import re
import time

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import kept_forms, tasks
from accounts.acting import acting_as
from accounts.models import Appointment, KeptForm, Post, User
from accounts.session_views import say_device
from disputes.models import Entry
from escalation.raising import _begin, _places_of
from tests import factories
from tests.factories import World

pytestmark = pytest.mark.django_db

MINUTE = 60
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0"
WORDS = "Ash said: “it is cold” – هوا سرد است 🧊"


@pytest.fixture
def w() -> World:
    return factories.world()


def signed_in(person: User, **options: object) -> Client:
    """Somebody signed in, whose session nobody holds up."""
    client = Client(**options)  # type: ignore[arg-type]
    client.force_login(person)
    client.stays_signed_in = False  # type: ignore[attr-defined]
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/account/mail/").status_code == 200


def question_of(w: World, slug: str = "why") -> str:
    """The address of a page with words to write: a question of Aisha's draft."""
    with acting_as(w.aisha):
        draft = _begin(w.aisha, next(iter(_places_of(w.aisha).values())))
    return reverse("raise-question", args=[draft.pk, slug])


def rows_of(person: User) -> list[KeptForm]:
    with acting_as(person):
        return list(KeptForm.objects.all())


def text_in(html: str, name: str) -> str:
    found = re.search(rf'<textarea name="{name}"[^>]*>\n?(.*?)</textarea>', html, re.DOTALL)
    assert found, html[:2000]
    return found[1].replace("&quot;", '"').replace("&#x27;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


# ── how long ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_ends_after_fifteen_minutes_without_doing_anything(w):
    for minutes, runs in ((14.9, True), (15.1, False)):
        with time_machine.travel(timezone.now(), tick=False) as clock:
            client = signed_in(w.aisha)
            clock.shift(minutes * MINUTE)
            assert is_signed_in(client) is runs


def test_doing_something_begins_the_fifteen_minutes_anew(w):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = signed_in(w.aisha)
        for _ in range(10):
            clock.shift(14 * MINUTE)
            assert is_signed_in(client)
        clock.shift(15 * MINUTE)
        assert not is_signed_in(client)


def test_what_a_page_asks_and_keeps_by_itself_does_not_count_as_doing_something(w):
    page = question_of(w)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = signed_in(w.aisha)
        for _ in range(14):
            clock.shift(MINUTE)
            assert client.get("/session/").json()["signed_in"]
            assert client.post("/session/keep/", {"accord-page": page, "why_unsafe": "x"}).json()["kept"]
        assert client.get("/session/").json()["seconds"] == MINUTE
        clock.shift(MINUTE)
        assert client.get("/session/").json() == {"signed_in": False, "seconds": 0, "at_most": 0}
        assert not is_signed_in(client)


def test_it_can_be_extended_more_than_ten_times_and_ends_after_twelve_hours_whatever_is_done(w):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = signed_in(w.aisha)
        extended = 0
        while client.post("/session/extend/").json()["signed_in"]:
            extended += 1
            clock.shift(14 * MINUTE)
        assert extended == 52  # 12 hours in parts of 14 minutes, and the first
        answer = client.get("/desk/")
        assert answer.status_code == 302


def test_the_last_quarter_of_an_hour_of_the_twelve_is_not_extended(w):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = signed_in(w.aisha)
        for _ in range(71):
            clock.shift(10 * MINUTE)
            client.post("/session/extend/")
        left = client.post("/session/extend/").json()
        assert left["seconds"] == left["at_most"] == 10 * MINUTE
        clock.shift(10 * MINUTE)
        answer = client.get("/desk/")
        assert answer.url == "/sign-in/?next=/desk/&ended=old"
        assert "12 hours since you signed in" in client.get(answer.url).content.decode()


def test_the_cookie_lives_as_long_as_the_longest_session_so_that_the_server_still_knows_whose_it_was():
    assert settings.ACCORD_IDLE_SECONDS == 900
    assert settings.SESSION_COOKIE_AGE == 12 * 3600
    assert not settings.SESSION_SAVE_EVERY_REQUEST


def test_activity_is_written_down_at_most_every_half_minute(w):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = signed_in(w.aisha)
        client.get("/account/mail/")
        began = client.session["active_at"]
        clock.shift(29)
        client.get("/account/mail/")
        assert client.session["active_at"] == began
        clock.shift(2)
        client.get("/account/mail/")
        assert client.session["active_at"] == began + 31


def test_whose_session_does_not_say_since_when_is_signed_out(w):
    client = signed_in(w.aisha)
    session = client.session
    del session["active_at"]
    session.save()
    assert not is_signed_in(client)


def test_signing_in_gives_the_session_a_new_key(w):
    client = Client()
    session = client.session
    session["partnership_name"] = "x"
    session.save()
    before = client.session.session_key
    client.force_login(w.aisha)
    assert client.session.session_key != before
    assert not Session.objects.filter(pk=before).exists()


# ── when something changes ──────────────────────────────────────────────────────────────────────────────────────────


def test_it_ends_when_the_password_changes_and_nothing_more_is_kept_for_it(w):
    page, client = question_of(w), signed_in(w.aisha)
    w.aisha.set_password("another-long-password")
    with factories.as_set_up():
        w.aisha.save()
    answer = client.post(page, {"why_unsafe": "of somebody who may be a thief"})
    assert answer.url == f"/sign-in/?next={page}&ended=changed"
    assert not rows_of(w.aisha)


def test_who_has_just_changed_their_own_password_loses_no_words_either(w):
    page = question_of(w)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = signed_in(w.aisha)
        w.aisha.set_password("another-long-password")
        with factories.as_set_up():
            w.aisha.save()
        session = client.session
        session[HASH_SESSION_KEY] = w.aisha.get_session_auth_hash()
        session.save()
        clock.shift(MINUTE)
        client.get(page)
        with factories.as_set_up():
            Post.objects.create(team=w.teams["school"], holder=w.aisha, title="Also this")
        assert "kept=1" in client.post(page, {"why_unsafe": WORDS}).url
    assert len(rows_of(w.aisha)) == 1


@pytest.mark.parametrize("what", ["appointment", "post"])
def test_it_ends_when_a_right_changes_and_what_is_posted_then_is_kept(w, what):
    page, client = question_of(w), signed_in(w.aisha)
    with factories.as_set_up():
        if what == "appointment":
            Appointment.objects.create(partnership=w.partnership, person=w.aisha, office="auditor", starts_on=factories.LONG_AGO)
        else:
            Post.objects.create(team=w.teams["school"], holder=w.aisha, title="Also this")
    answer = client.post(page, {"why_unsafe": WORDS})
    assert answer.url == f"/sign-in/?next={page}&ended=changed&kept=1"
    assert rows_of(w.aisha)[0].fields == {"why_unsafe": [WORDS]}


def test_whoever_is_deactivated_is_signed_out_and_nothing_is_kept(w):
    page, client = question_of(w), signed_in(w.aisha)
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE accord_owner")
        cursor.execute("UPDATE accounts_user SET is_active = false WHERE id = %s", [w.aisha.pk])
        cursor.execute("RESET ROLE")
    assert client.post(page, {"why_unsafe": "x"}).status_code == 302
    assert not rows_of(w.aisha)


# ── nothing is lost ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_form_posted_after_the_end_is_there_again_after_signing_in(w):
    page = question_of(w)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = signed_in(w.aisha)
        clock.shift(16 * MINUTE)
        answer = client.post(page, {"why_unsafe": WORDS, "outcome_wanted": "A visit", "csrfmiddlewaretoken": "x"})
        assert answer.url == f"/sign-in/?next={page}&ended=idle&kept=1"
        said = client.get(answer.url).content.decode()
        assert "You were signed out because nothing happened for 15 minutes. What you wrote is kept." in said
        assert WORDS not in said

        client.force_login(w.aisha)
        html = client.get(page).content.decode()
        assert text_in(html, "why_unsafe") == WORDS
        assert text_in(html, "outcome_wanted") == "A visit"
        assert "We kept what you were writing here on" in html
        assert "There is a problem" not in html

        answer = client.post(page, {"why_unsafe": WORDS, "outcome_wanted": "A visit"})
        assert answer.status_code == 302
        assert "/sign-in/" not in answer.url
        assert not rows_of(w.aisha)
        assert "We kept" not in client.get(page).content.decode()


def test_the_way_back_in_leads_to_the_page_with_the_words_and_the_session_has_a_new_key_and_is_listed(w):
    w.partnership.is_demo = True  # the password is enough there
    with factories.as_set_up():
        w.partnership.save()
    page = question_of(w)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = signed_in(w.aisha)
        clock.shift(16 * MINUTE)
        way_in = client.post(page, {"why_unsafe": WORDS}).url
        before = client.session.session_key
        shown = client.get(way_in).content.decode()
        following = re.search(r'name="next" value="([^"]*)"', shown)[1]  # type: ignore[index]
        answer = client.post(way_in, {"email": w.aisha.email, "password": factories.PASSWORD, "next": following})
        assert answer.url == page
        assert client.session.session_key != before
        assert "was" not in client.session
        assert text_in(client.get(page).content.decode(), "why_unsafe") == WORDS
        assert UserSession.objects.get(user=w.aisha, session_key=client.session.session_key)
        client.post("/sign-out/")
        assert not UserSession.objects.filter(user=w.aisha)


def test_of_a_hundred_sessions_that_ended_no_text_is_lost(w):
    """In two windows at once, too: the second post comes when the session is gone."""
    raised = [factories.raised(w) for _ in range(5)]
    lost, ended = [], 0
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for n in range(50):
            pages = [f"/disagreements/{raised[n % 5].reference}/{slug}/" for slug in ("record-discussion", "add-note")]
            client = signed_in(w.sam)
            clock.shift(16 * MINUTE + n)
            for page, name in zip(pages, ("said", "note"), strict=True):
                answer = client.post(page, {"seen": "1", "key": "k", name: f"{WORDS} {n} " + "long " * n * 20})
                ended += "kept=1" in answer.url
            client.force_login(w.sam)
            for page, name in zip(pages, ("said", "note"), strict=True):
                if text_in(client.get(page).content.decode(), name) != f"{WORDS} {n} " + "long " * n * 20:
                    lost.append((n, page))
    assert (ended, lost) == (100, [])
    assert not Entry.objects.exclude(person=w.aisha).exists()


def test_what_was_typed_is_shown_although_the_move_is_not_open_any_more(w):
    page = f"/disagreements/{factories.raised(w).reference}/answer/"  # first he says which child it is
    client = signed_in(w.sam)
    client.post("/session/keep/", {"accord-page": page, "view": WORDS})
    answer = client.get(page)
    assert answer.status_code == 409
    assert "هوا سرد است 🧊" in answer.content.decode()


def test_who_looks_at_a_page_after_the_end_comes_back_to_it_by_signing_in(w):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = signed_in(w.aisha)
        clock.shift(16 * MINUTE)
        assert client.get("/disagreements/?state=open").url == "/sign-in/?next=/disagreements/%3Fstate%3Dopen&ended=idle"
        assert client.get("/how-to-disagree/").status_code == 200
        assert client.post("/sign-out/").url == "/sign-in/?ended=idle"


def test_a_post_that_another_site_sent_is_not_kept(w):
    page = question_of(w)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = signed_in(w.aisha, enforce_csrf_checks=True)
        clock.shift(16 * MINUTE)
        assert client.post(page, {"why_unsafe": "planted"}).status_code == 403
        assert client.post("/session/keep/", {"accord-page": page, "why_unsafe": "planted"}).status_code == 403
    assert not rows_of(w.aisha)


def test_secrets_tokens_and_what_says_which_page_it_was_are_never_kept(w):
    page = f"/disagreements/{factories.raised(w).reference}/answer/"
    posted = {"csrfmiddlewaretoken": "t", "key": "k", "seen": "3", "password": "p", "new_password1": "p", "code": "123456", "view": "v"}
    client = signed_in(w.sam)
    client.post("/session/keep/", {"accord-page": page, "accord-shown": "1", **posted})
    assert rows_of(w.sam)[0].fields == {"view": ["v"]}
    for elsewhere in (
        "/sign-in/",
        "/account/second-factor/",
        "/password/forgotten/",
        "/session/keep/",
        "/how-to-disagree/",
        "//evil.example/",
    ):
        assert client.post("/session/keep/", {"accord-page": elsewhere, "x": "y"}).status_code == 400
    assert client.post("/session/keep/", {"accord-page": "/no/such/page/", "x": "y"}).status_code == 400
    assert len(rows_of(w.sam)) == 1


def test_a_name_that_no_field_has_is_not_kept(w):
    page = f"/disagreements/{factories.raised(w).reference}/answer/"
    strange = {"a\x00b": "x", "a\x07": "x", "\x9f": "x", "n" * 101: "x"}
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = signed_in(w.sam)
        assert client.post("/session/keep/", {"accord-page": page, **strange}).json()["kept"] == ""
        assert client.post("/session/keep/", {"accord-page": page, "view": "v", **strange}).json()["kept"]
        assert rows_of(w.sam)[0].fields == {"view": ["v"]}
        clock.shift(16 * MINUTE)
        assert client.post(page, {"view": "late", **strange}).status_code == 302
    assert rows_of(w.sam)[0].fields == {"view": ["late"]}


def test_the_page_that_is_shown_again_carries_its_own_key_and_version(w):
    d = factories.raised(w)
    page = f"/disagreements/{d.reference}/record-discussion/"
    client = signed_in(w.sam)
    client.post("/session/keep/", {"accord-page": page, "said": WORDS, "seen": "999", "key": "spoilt", "child_safe": "unsure"})
    html = client.get(page).content.decode()
    assert f'name="seen" value="{d.move_version}"' in html
    assert "spoilt" not in html
    assert re.search(r'value="unsure"[^>]* checked', html)


def test_what_a_page_keeps_in_the_moment_after_the_end_is_kept_too(w):
    page = question_of(w)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client = signed_in(w.aisha)
        clock.shift(16 * MINUTE)
        said = client.post("/session/keep/", {"accord-page": page, "why_unsafe": WORDS}).json()
        assert said["kept"]
        assert not said["signed_in"]
        assert rows_of(w.aisha)[0].fields == {"why_unsafe": [WORDS]}
        assert Client().post("/session/keep/", {"accord-page": page, "why_unsafe": WORDS}).json() == {"signed_in": False, "kept": ""}


# ── what is kept while one writes ───────────────────────────────────────────────────────────────────────────────────


def test_what_is_kept_is_there_for_that_person_alone(w):
    d = factories.raised(w)
    page = f"/disagreements/{d.reference}/add-note/"
    client = signed_in(w.sam)
    client.post("/session/keep/", {"accord-page": page, "note": WORDS})
    assert text_in(client.get(page).content.decode(), "note") == WORDS
    for other in (w.aisha, w.mona, w.office, w.stranger):
        assert "🧊" not in signed_in(other).get(page).content.decode()
        assert not rows_of(other)
    assert len(rows_of(w.sam)) == 1


def test_who_cannot_see_the_disagreement_any_more_still_finds_their_words(w):
    client = signed_in(w.stranger)
    pages = [f"/disagreements/{reference}/answer/" for reference in (factories.raised(w).reference, "ZZZZ-ZZZZ")]
    answers = []
    for page in pages:
        client.post("/session/keep/", {"accord-page": page, "view": WORDS})
        answer = client.get(page)
        assert answer.status_code == 404
        assert "هوا سرد است 🧊" in answer.content.decode()
        answers.append(re.sub(r'nonce="[^"]*"|value="[^"]*"|data-shown="[^"]*"|[A-Z0-9]{4}-[A-Z0-9]{4}|\d{4}', "", answer.content.decode()))
    assert answers[0] == answers[1]


def test_start_afresh_deletes_it_and_shows_the_page_as_new(w):
    page = f"/disagreements/{factories.raised(w).reference}/answer/"
    client = signed_in(w.sam)
    client.post("/session/keep/", {"accord-page": page, "view": WORDS})
    assert client.post("/session/forget/", {"page": page}).url == page
    assert "🧊" not in client.get(page).content.decode()
    for elsewhere in ("https://evil.example/", "//evil.example/", "", "/no/such/"):
        assert client.post("/session/forget/", {"page": elsewhere}).url == "/desk/"


def test_emptying_the_form_forgets_it(w):
    page = f"/disagreements/{factories.raised(w).reference}/answer/"
    client = signed_in(w.sam)
    for view in ("x", " "):
        client.post("/session/keep/", {"accord-page": page, "view": view})
    assert not rows_of(w.sam)


def test_what_was_kept_late_of_a_page_that_was_sent_meanwhile_does_not_come_back(w):
    page, client = question_of(w), signed_in(w.aisha)
    shown = re.search(r'data-shown="([^"]*)"', client.get(page).content.decode())[1]  # type: ignore[index]
    client.post(page, {"why_unsafe": "a", "outcome_wanted": "b"})
    assert client.post("/session/keep/", {"accord-page": page, "accord-shown": shown, "why_unsafe": "a"}).json()["kept"] == ""
    assert not rows_of(w.aisha)
    later = str(time.time() + 1)
    assert client.post("/session/keep/", {"accord-page": page, "accord-shown": later, "why_unsafe": "a, and more"}).json()["kept"]


def test_a_draft_that_is_deleted_leaves_nothing_behind(w):
    page, client = question_of(w), signed_in(w.aisha)
    client.post("/session/keep/", {"accord-page": page, "why_unsafe": WORDS})
    client.post(page.replace("/why/", "/delete/"))
    assert not rows_of(w.aisha)


def test_a_page_keeps_no_more_than_a_page_can_hold_and_a_person_no_more_than_forty(w):
    client = signed_in(w.aisha)
    page = question_of(w)
    assert client.post("/session/keep/", {"accord-page": page, "why_unsafe": "x" * 500_000}).json()["kept"] == ""
    for n in range(45):
        client.post("/session/keep/", {"accord-page": f"{page}?n={n}", "why_unsafe": "x"})
    assert len(rows_of(w.aisha)) == kept_forms.MOST_PAGES
    assert f"{page}?n=44" in {row.path for row in rows_of(w.aisha)}


@pytest.mark.parametrize("text", ["\x00a\x07", "😀" * 100, "<script>alert(1)</script>", "\u202eabc", "a\r\nb"])
def test_whatever_was_typed_is_kept_and_shown_without_a_fault(w, text):
    page, client = question_of(w), signed_in(w.aisha)
    assert client.post("/session/keep/", {"accord-page": page, "why_unsafe": text}).json()["kept"]
    html = client.get(page).content.decode()
    assert "<script>alert" not in html
    assert "We kept" in html


def test_after_a_week_it_is_gone(w, as_clock):
    page, client = question_of(w), signed_in(w.aisha)
    client.post("/session/keep/", {"accord-page": page, "why_unsafe": WORDS})
    with acting_as(w.aisha):
        KeptForm.objects.update(kept_at=timezone.now() - dt.timedelta(days=8))
    assert "🧊" not in client.get(page).content.decode()
    with as_clock():
        assert tasks.forget_what_was_kept() == 1
    assert not rows_of(w.aisha)


def test_signing_in_deletes_what_is_a_week_old(w):
    page, client = question_of(w), signed_in(w.aisha)
    client.post("/session/keep/", {"accord-page": page, "why_unsafe": WORDS})
    with acting_as(w.aisha):
        KeptForm.objects.update(kept_at=timezone.now() - dt.timedelta(days=8))
    client.force_login(w.aisha)
    assert not rows_of(w.aisha)


# ── where one is signed in ──────────────────────────────────────────────────────────────────────────────────────────


def listed(client: Client) -> Client:
    """On the list, as after a real sign-in."""
    session = client.session
    del session["listed"]
    session.save()
    client.get("/account/mail/")
    return client


def test_one_sees_where_one_is_signed_in_and_signs_out_there(w):
    here = listed(signed_in(w.aisha, headers={"User-Agent": EDGE}))
    there = listed(signed_in(w.aisha, headers={"User-Agent": EDGE.replace("Windows NT 10.0", "X11; Linux").replace(" Edg/126.0", "")}))
    other = listed(signed_in(w.sam))
    html = here.get("/account/sessions/").content.decode()
    assert "Edge on Windows" in html
    assert "Chrome on Linux" in html
    assert html.count("Sign out there") == 1
    assert "127.0.0.1" not in html
    key = there.session.session_key
    of_other = UserSession.objects.get(session_key=other.session.session_key)
    here.post("/account/sessions/", {"place": str(of_other.pk)})
    assert is_signed_in(other)
    here.post("/account/sessions/", {"place": str(UserSession.objects.get(session_key=key).pk)})
    assert not is_signed_in(there)
    assert is_signed_in(here)


def test_one_signs_out_everywhere_else(w):
    here, *others = [listed(signed_in(w.aisha)) for _ in range(4)]
    here.post("/account/sessions/", {"do": "others"})
    assert [is_signed_in(client) for client in (here, *others)] == [True, False, False, False]
    assert "You are signed in nowhere else" in here.get("/account/sessions/").content.decode()


def test_a_session_that_has_ended_is_not_on_the_list(w):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        listed(signed_in(w.aisha))
        clock.shift(16 * MINUTE)
        here = listed(signed_in(w.aisha))
        assert "Sign out there" not in here.get("/account/sessions/").content.decode()


@pytest.mark.parametrize("place", ["", "x", "-1", "9" * 400, "0", "１"])
def test_a_place_that_is_none_is_no_fault(w, place):
    assert signed_in(w.aisha).post("/account/sessions/", {"place": place}).status_code == 302


def test_a_device_is_said_in_plain_words():
    assert say_device(EDGE) == "Edge on Windows"
    assert (
        say_device("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605 Version/17.0 Safari/604") == "Safari on iPhone"
    )
    assert say_device("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15) Gecko/20100101 Firefox/127.0") == "Firefox on Mac"
    assert say_device("") == "An unknown browser"
