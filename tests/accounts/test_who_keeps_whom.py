"""Each account has one keeper, and keeping it is not having it: an address that was changed opens nothing for three days."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import letters
from accounts.acting import acting_as
from accounts.models import Agency, Appointment, Letter, Membership, StandIn, User
from accounts.organisation import _by_address
from accounts.organisation_tokens import Claims
from tests import factories
from tests.accounts.test_second_factor import age
from tests.an_app import app_of
from tests.factories import World, saved

pytestmark = pytest.mark.django_db
NEW = "aisha.new@example.org"


@pytest.fixture
def w() -> World:
    made = factories.world()
    made.people["ada"] = factories.administrator(made)
    return made


@pytest.fixture
def ada(w: World, client: Client) -> Client:
    client.force_login(w.ada)
    return client


def page(name: str, person: User) -> str:
    return reverse(f"directory-person-{name}" if name else "directory-person", args=[person.pk])


def owed(kind: str) -> list[Letter]:
    with factories.as_set_up():
        return list(Letter.objects.filter(kind=kind).select_related("person", "invitation"))


def row(person: User) -> User:
    return User.objects.get(pk=person.pk)


# ── one keeper ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_appointment_gives_nobody_the_keeping_of_an_account(w: World, client: Client) -> None:
    other = factories.world("southshire")
    with acting_as(other.office):
        last = timezone.localdate() + dt.timedelta(days=9)
        Appointment.objects.create(
            partnership=other.partnership, person=w.auditor, office="auditor", starts_on=timezone.localdate(), ends_on=last
        )
    app_of(w.auditor)
    client.force_login(other.office)
    for name in ("", "change", "left", "invite", "sign-in", "second-step"):
        for answer in (client.get(page(name, w.auditor)), client.post(page(name, w.auditor), {"name": "A", "email": NEW, "do": "block"})):
            assert answer.status_code in (404, 405), name
    for write in (
        lambda: saved(row(w.auditor), email=NEW),
        lambda: saved(row(w.auditor), is_active=False),
        lambda: saved(row(w.auditor), kept_for=other.partnership),
    ):
        with acting_as(other.office), pytest.raises(DatabaseError), transaction.atomic():
            write()
    with acting_as(other.office):
        assert Authenticator.objects.filter(user=w.auditor).delete()[0] == 0
    assert Authenticator.objects.filter(user=w.auditor).exists()
    own = Client()
    own.force_login(w.office)
    assert own.get(page("", w.auditor)).status_code == 200


def test_an_agency_of_two_partnerships_is_kept_by_neither_office(w: World, client: Client) -> None:
    health = w.teams["health"].agency
    client.force_login(w.office)
    assert client.get(reverse("directory-person-new", args=[health.pk])).status_code == 200
    other = factories.world("southshire")  # where the same agencies sit
    assert Membership.objects.filter(agency=health, partnership=other.partnership).exists()
    assert client.get(reverse("directory-person-new", args=[health.pk])).status_code == 404
    with acting_as(w.office), connection.cursor() as cursor:
        cursor.execute("SELECT accord_administered()")
        assert health.pk not in {key for (key,) in cursor.fetchall()}


def test_an_administrator_who_is_blocked_keeps_nothing_and_the_office_does(w: World, client: Client) -> None:
    school: Agency = w.teams["school"].agency
    client.force_login(w.office)
    assert client.get(page("", w.aisha)).status_code == 404
    with factories.as_set_up():
        User.objects.filter(pk=w.ada.pk).update(is_active=False)
    assert client.get(page("", w.aisha)).status_code == 200
    assert client.get(reverse("directory-person-new", args=[school.pk])).status_code == 200


# ── a changed address ───────────────────────────────────────────────────────────────────────────────────────────────


def changed(ada: Client, person: User) -> Any:
    return ada.post(page("change", person), {"name": person.name, "email": NEW})


def test_the_address_before_is_told(w: World, ada: Client) -> None:
    app_of(w.aisha)
    assert changed(ada, w.aisha).status_code == 302
    assert row(w.aisha).email == NEW
    (letter,) = owed("address_changed")
    assert (letter.person, letter.address) == (w.aisha, "aisha@example.org")
    letter.person.is_active = False
    assert letters.is_still_owed(letter, timezone.now() + dt.timedelta(days=9))
    with factories.as_set_up():
        w.partnership.office_phone = "01632 960009"
        w.partnership.save()
    mail = letters.mail_of(letter, timezone.now())
    assert mail.to == ["aisha@example.org"]
    assert mail.subject == "Your email address for signing in was changed"
    assert "ring the partnership’s office at once: 01632 960009" in " ".join(str(mail.body).split())
    assert NEW not in str(mail.body)


def test_a_slip_in_an_invitation_is_put_right_without_a_word_to_a_stranger(w: World, ada: Client) -> None:
    with factories.as_set_up():
        new = factories.person("New", is_active=False, kept_by=w.teams["school"].agency)
        User.objects.filter(pk=new.pk).update(password="!")
    assert changed(ada, new).status_code == 302
    assert owed("address_changed") == []


def test_no_link_for_a_new_password_goes_to_a_new_address(w: World, ada: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("accounts.passwords.AS_LONG_AS", 0.0)
    asked = Letter(kind="reset", person=w.aisha, made_at=timezone.now())
    assert letters.is_still_owed(asked, timezone.now())
    changed(ada, w.aisha)
    answer = Client().post("/password/forgotten/", {"email": NEW})
    assert answer.status_code == 200
    assert owed("reset") == []
    asked.person = row(w.aisha)
    assert not letters.is_still_owed(asked, timezone.now())
    later = timezone.now() + dt.timedelta(hours=73)
    assert letters.is_still_owed(Letter(kind="reset", person=asked.person, made_at=later), later)


def test_nobody_takes_the_second_step_away_after_it(w: World, ada: Client) -> None:
    app_of(w.aisha)
    changed(ada, w.aisha)
    for ask in (ada.get, ada.post):
        assert "changed less than three days ago" in ask(page("second-step", w.aisha), follow=True).content.decode()
    assert Authenticator.objects.filter(user=w.aisha).exists()


def test_nobody_changes_it_where_the_second_step_was_taken_away(w: World, ada: Client) -> None:
    app_of(w.aisha)
    Client().force_login(w.aisha)
    assert ada.post(page("second-step", w.aisha)).status_code == 302
    assert "has no second step for signing in now" in changed(ada, w.aisha).content.decode()
    assert row(w.aisha).email == "aisha@example.org"
    app_of(w.aisha)
    assert changed(ada, w.aisha).status_code == 302


def test_no_account_of_an_organisation_is_linked_by_it(w: World, ada: Client) -> None:
    class Theirs:
        sub_id = "school"

    claims = Claims("sub", NEW, None)
    changed(ada, w.aisha)
    assert _by_address(Theirs(), claims) is None  # type: ignore[arg-type]
    with factories.as_set_up(), connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_user SET address_changed_at = now() - interval '73 hours' WHERE id = %s", [w.aisha.pk])
    assert _by_address(Theirs(), claims) == w.aisha  # type: ignore[arg-type]


# ── who writes shows again that it is they ──────────────────────────────────────────────────────────────────────────


def test_every_page_that_writes_asks_for_a_fresh_second_factor(w: World, ada: Client) -> None:
    age(ada, 301)
    agency, post = w.teams["school"].agency.pk, w.posts["zoe"].pk
    for url in [
        *(reverse(f"directory-{name}", args=[agency]) for name in ("person-new", "post-new", "import")),
        *(reverse(f"directory-post-{name}", args=[post]) for name in ("change", "end", "stand-in")),
        *(page(name, w.aisha) for name in ("change", "invite", "left", "sign-in", "second-step")),
        "/directory/agencies/new/",
    ]:
        assert ada.post(url, {"do": "block"}).url.startswith("/account/confirm/"), url
    assert row(w.aisha).is_active


def test_who_comes_back_to_a_button_finds_it_on_the_persons_page(w: World, ada: Client) -> None:
    for name in ("invite", "sign-in"):
        assert "Use the button once more" in ada.get(page(name, w.aisha), follow=True).content.decode()


def test_who_stands_in_for_a_post_that_ends_stands_in_no_more(w: World, ada: Client) -> None:
    now = factories.stand_in(w.posts["zoe"], w.aisha)
    ada.post(reverse("directory-post-end", args=[w.posts["zoe"].pk]))
    assert StandIn.objects.get(pk=now.pk).ends_on < timezone.localdate()
    assert [letter.person for letter in owed("rights_changed")] == [w.aisha]
