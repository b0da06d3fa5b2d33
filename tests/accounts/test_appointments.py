"""Appointments: the office appoints and ends, never for itself; with dates; a new right begins with a new session and a mail."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import appointments
from accounts.acting import acting_as
from accounts.directory import Refused
from accounts.models import Appointment, Invitation, Letter, Office, User
from tests import factories
from tests.factories import World

URL = "/partnership/people/"
NEW = "/partnership/people/new/"


@pytest.fixture
def w(db: None) -> World:
    return factories.world()


@pytest.fixture
def office(w: World, client: Client) -> Client:
    client.force_login(w.office)
    return client


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def day_in(days: int) -> dt.date:
    return timezone.localdate() + dt.timedelta(days=days)


def parts(name: str, day: dt.date | None) -> dict[str, str]:
    return {f"{name}_{part}": str(getattr(day, part)) for part in ("day", "month", "year")} if day else {}


def given(person: User | str, office: str, first: int = 0, last: int | None = None, **more: str) -> dict[str, str]:
    email = person if isinstance(person, str) else person.email
    days = parts("starts_on", day_in(first)) | parts("ends_on", None if last is None else day_in(last))
    return {"email": email, "office": office, **days, **more}


def held(person: User, office: str) -> Appointment | None:
    return Appointment.objects.filter(person=person, office=office).first()


def letters(person: User, kind: str) -> int:
    with acting_as(person):
        return Letter.objects.filter(person=person, kind=kind).count()


@pytest.mark.parametrize("kind", Office.values)
def test_the_office_appoints(kind: str, w: World, office: Client) -> None:
    school = w.teams["school"].agency
    of_an_agency = kind in ("representative", "safeguarding_lead", "administrator")
    page = office.post(NEW, given(w.stranger, kind, last=300, agency=str(school.pk)), follow=True)
    assert "Stranger is appointed" in text_of(page)
    found = held(w.stranger, kind)
    assert found
    assert (found.partnership, found.agency, found.starts_on) == (w.partnership, school if of_an_agency else None, day_in(0))
    assert found.history.get().history_user == w.office
    assert letters(w.stranger, "rights_changed") == 1
    assert "Stranger" in text_of(office.get(URL))


def test_a_new_right_ends_the_sessions_of_the_person(w: World, office: Client) -> None:
    theirs = Client()
    theirs.force_login(w.stranger)
    assert theirs.get("/directory/").status_code == 404
    office.post(NEW, given(w.stranger, "office"))
    assert theirs.get("/desk/").status_code == 302
    theirs.force_login(w.stranger)
    assert theirs.get("/directory/").status_code == 200
    office.post(reverse("appointment-end", args=[held(w.stranger, "office").pk]), {"when": "now"})  # type: ignore[union-attr]
    assert theirs.get("/directory/").status_code == 302
    theirs.force_login(w.stranger)
    assert theirs.get("/directory/").status_code == 404


WRONG = [
    (lambda w: given(w.office, "chair"), "Nobody appoints themselves"),
    (lambda w: given(w.stranger, "auditor"), "an auditor is appointed until a date"),
    (lambda w: given(w.stranger, "administrator"), "Choose the agency"),
    (lambda w: given(w.stranger, "chair", 5, 3), "must not be before the first day"),
    (lambda w: given(w.stranger, "chair", -5), "must be today or in the future"),
    (lambda w: given(w.chair, "chair"), "hold this office already"),
    (lambda w: given("nobody@example.org", "chair"), "Nobody has this address in Accord"),
    (lambda w: given(w.stranger, "king"), "Choose one of the answers in the list"),
    (lambda w: given(w.stranger, "representative", agency="x"), "Choose one of the answers in the list"),
    (lambda w: given("\x07", "chair"), "Error:"),
    (lambda w: given("x" * 50_000, "chair"), "Error:"),
    (lambda w: given("a@b.org", "chair", name="🙂\x00"), "Error:"),
    (lambda w: {}, "Choose the office"),
]


@pytest.mark.parametrize(("typed", "said"), WRONG)
def test_what_is_wrong_is_said(typed: Any, said: str, w: World, office: Client) -> None:
    before = Appointment.objects.count()
    answer = office.post(NEW, typed(w))
    assert answer.status_code == 200
    assert said in text_of(answer)
    assert Appointment.objects.count() == before


def test_an_agency_of_another_partnership_is_no_choice(w: World, office: Client) -> None:
    other = factories.team(factories.world("southshire").partnership, "Southshire Police", "Team")
    answer = office.post(NEW, given(w.stranger, "administrator", agency=str(other.agency.pk)))
    assert "Choose one of the answers in the list" in text_of(answer)


def test_who_has_left_is_appointed_to_nothing(w: World, office: Client) -> None:
    with factories.as_set_up():
        User.objects.filter(pk=w.stranger.pk).update(left_on=day_in(-1), is_active=False)
    assert "This person has left" in text_of(office.post(NEW, given(w.stranger, "chair")))


def test_somebody_new_is_invited(w: World, office: Client) -> None:
    answer = office.post(NEW, given("pat@example.org", "auditor", last=90, name="Pat Lee"), follow=True)
    assert answer.status_code == 200
    pat = User.objects.get(email="pat@example.org")
    assert (pat.is_active, pat.kept_by, pat.kept_for) == (False, None, w.partnership)
    with acting_as(w.office):
        assert Invitation.objects.get(person=pat).partnership == w.partnership
    assert held(pat, "auditor")
    page = text_of(office.get(reverse("directory-person", args=[pat.pk])))
    assert "not joined yet" in page
    administrator = given("lou@example.org", "administrator", name="Lou", agency=str(w.teams["school"].agency.pk))
    office.post(NEW, administrator)
    assert User.objects.get(email="lou@example.org").kept_by == w.teams["school"].agency


def test_an_appointment_ends_now_or_after_a_day(w: World, office: Client) -> None:
    deputy, auditor = held(w.deputy, "deputy"), held(w.auditor, "auditor")
    assert deputy
    assert auditor
    url = reverse("appointment-end", args=[deputy.pk])
    assert "mediate" in text_of(office.get(url))
    for wrong, said in (({}, "Choose when it ends"), ({"when": "after"}, "Enter the last day"), ({"when": "x"}, "Error:")):
        assert said in text_of(office.post(url, wrong))
    assert "today or in the future" in text_of(office.post(url, {"when": "after", **parts("ends_on", day_in(-2))}))
    assert "has ended" in text_of(office.post(url, {"when": "now"}, follow=True))
    office.post(reverse("appointment-end", args=[auditor.pk]), {"when": "after", **parts("ends_on", day_in(7))})
    deputy.refresh_from_db()
    auditor.refresh_from_db()
    assert (deputy.ends_on, auditor.ends_on) == (day_in(-1), day_in(7))
    assert letters(w.deputy, "rights_changed") == 1
    assert office.get(url).status_code == 404
    assert "Deputy" in text_of(office.get(URL + "?past"))


def test_nobody_ends_their_own_and_so_the_last_stays(w: World, office: Client) -> None:
    own = held(w.office, "office")
    assert own
    url = reverse("appointment-end", args=[own.pk])
    assert url not in text_of(office.get(URL))
    assert "Nobody ends their own" in text_of(office.post(url, {"when": "now"}))
    own.refresh_from_db()
    assert own.ends_on is None
    with acting_as(w.office), pytest.raises(DatabaseError), transaction.atomic():
        factories.saved(own, ends_on=day_in(-1))


def test_the_last_lasting_person_of_the_office_stays(w: World, office: Client) -> None:
    """One whose own appointment ends soon cannot leave the office to nobody."""
    office.post(NEW, given(w.stranger, "office"))
    with factories.as_set_up():
        Appointment.objects.filter(person=w.office).update(ends_on=day_in(3))
    office.force_login(w.office)
    lasting = held(w.stranger, "office")
    assert lasting
    assert "the last person of the office" in text_of(office.post(reverse("appointment-end", args=[lasting.pk]), {"when": "now"}))


def test_a_right_is_given_by_who_has_just_shown_who_they_are(w: World, office: Client) -> None:
    session = office.session
    session["account_authentication_methods"] = []
    session.save()
    before = Appointment.objects.count()
    deputy = held(w.deputy, "deputy")
    assert deputy
    for url, typed in ((NEW, given(w.stranger, "chair")), (reverse("appointment-end", args=[deputy.pk]), {"when": "now"})):
        assert office.get(url).status_code == 302
        assert office.post(url, typed).status_code == 302
    assert Appointment.objects.count() == before
    deputy.refresh_from_db()
    assert deputy.ends_on is None


@pytest.mark.parametrize("who", ["chair", "deputy", "auditor", "rep", "aisha", "stranger"])
def test_others_find_nothing(who: str, w: World, client: Client) -> None:
    client.force_login(w.person(who))
    one = held(w.rep, "representative")
    assert one
    for url in (URL, NEW, reverse("appointment-end", args=[one.pk]), reverse("directory-person", args=[w.auditor.pk])):
        assert client.get(url).status_code == 404, url
        assert client.post(url, given(w.stranger, "chair")).status_code in (404, 405), url
    with acting_as(w.person(who)), pytest.raises(DatabaseError), transaction.atomic():
        Appointment.objects.create(partnership=w.partnership, person=w.stranger, office="auditor", starts_on=day_in(0))


def test_the_office_of_another_partnership_touches_nothing_of_ours(w: World, client: Client) -> None:
    other = factories.world("southshire")
    client.force_login(other.office)
    one = held(w.rep, "representative")
    assert one
    assert client.post(reverse("appointment-end", args=[one.pk]), {"when": "now"}).status_code == 404
    assert client.get(reverse("directory-person", args=[w.auditor.pk])).status_code == 404
    assert w.rep.name not in text_of(client.get(URL)).replace("Rep southshire", "")
    with acting_as(other.office), pytest.raises(DatabaseError), transaction.atomic():
        factories.saved(one, ends_on=day_in(-1))


def test_an_administrator_that_another_partnership_appointed_is_not_pushed_aside(w: World, client: Client) -> None:
    factories.administrator(w)
    other = factories.world("southshire")  # the same school sits in both
    client.force_login(other.office)
    school = w.teams["school"].agency
    said = text_of(client.post(NEW, given(other.stranger, "administrator", agency=str(school.pk))))
    assert "is appointed by Northshire" in said
    assert not held(other.stranger, "administrator")


def test_who_the_office_keeps_is_blocked_and_leaves(w: World, office: Client) -> None:
    url = reverse("directory-person", args=[w.auditor.pk])
    assert "Block signing in now" in text_of(office.get(url))
    office.post(reverse("directory-person-sign-in", args=[w.auditor.pk]), {"do": "block"})
    w.auditor.refresh_from_db()
    assert not w.auditor.is_active
    office.post(reverse("directory-person-left", args=[w.auditor.pk]), {})
    w.auditor.refresh_from_db()
    assert w.auditor.left_on


def test_long_lists_ask_no_more_than_short_ones(w: World, office: Client, django_assert_max_num_queries: Any) -> None:
    office.get(URL)
    with django_assert_max_num_queries(100) as few:
        office.get(URL)
    most = len(few)
    with factories.as_set_up():
        for number in range(60):
            who = factories.person(f"Rep {number}")
            Appointment.objects.create(
                partnership=w.partnership, person=who, office="representative", agency=w.teams["school"].agency, starts_on=day_in(0)
            )
    with django_assert_max_num_queries(most):
        assert 'rel="next"' in text_of(office.get(URL))


def test_two_of_the_office_who_end_each_other_at_once_leave_one(committed_db: None) -> None:
    w = factories.world()
    with factories.as_set_up():
        second = factories.person("Second")
        Appointment.objects.create(partnership=w.partnership, person=second, office="office", starts_on=factories.LONG_AGO)
    both = [(w.office, held(second, "office")), (second, held(w.office, "office"))]
    start = threading.Barrier(2)
    refused: list[str] = []

    def end(by: User, appointment: Appointment) -> None:
        try:
            start.wait()
            with acting_as(by):
                appointments.end(appointment, None, by, day_in(0))
        except Refused as why:
            refused.append(str(why))
        finally:
            connection.close()

    threads = [threading.Thread(target=end, args=pair) for pair in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert Appointment.objects.on(day_in(0)).filter(partnership=w.partnership, office="office").count() == 1


def test_sent_twice_it_is_one_appointment(w: World) -> None:
    with acting_as(w.office):
        given = {"agency": None, "starts_on": day_in(0), "ends_on": None, "by": w.office}
        appointments.appoint(w.partnership, w.stranger, "deputy", **given)  # type: ignore[arg-type]
        with pytest.raises(Refused, match="already"):
            appointments.appoint(w.partnership, w.stranger, "deputy", **given)  # type: ignore[arg-type]
