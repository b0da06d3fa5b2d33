"""Unusual reading and large exports make an alarm in the reader's own request; those who look after them are told, and look."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Appointment, Letter, Office
from audit import tasks, trail
from audit.models import Alarm, Trace
from tests import factories
from tests.factories import LONG_AGO, World, as_set_up

Kind = Trace.Kind
pytestmark = pytest.mark.django_db


@pytest.fixture
def w(settings: Any) -> World:
    settings.ACCORD_READING_LIMITS = {"practitioner": 3, "manager": 5, "auditor": 7}
    w = factories.world()
    with as_set_up():
        w.people["lead"] = factories.person("Lead")
        Appointment.objects.create(
            partnership=w.partnership, person=w.lead, office="safeguarding_lead", agency=w.teams["social_care"].agency, starts_on=LONG_AGO
        )
        w.sam.kept_by = w.teams["social_care"].agency
        w.sam.save()
    return w


def reads(w: World, who: str, disagreement: UUID, role: str = "practitioner") -> None:
    person = w.person(who)
    with acting_as(person):
        trail.note(Kind.READ, "disagreement", person=person.pk, disagreement=disagreement, partnership=w.partnership.pk, role=role)


def alarms(w: World) -> list[Alarm]:
    with acting_as(w.office):
        return list(Alarm.objects.order_by("at"))


def test_more_disagreements_in_an_hour_than_the_role_explains_make_one_alarm(w: World) -> None:
    opened = [uuid4() for _ in range(6)]
    for one in [*opened[:3], *opened[:3]]:  # three of them, twice
        reads(w, "sam", one)
    assert alarms(w) == []
    for one in opened[3:]:
        reads(w, "sam", one)
    (alarm,) = alarms(w)
    assert (alarm.kind, alarm.person_id, alarm.partnership_id, alarm.facts) == (
        "unusual_reading",
        w.sam.pk,
        w.partnership.pk,
        {"opened": 4, "limit": 3},
    )


def test_the_widest_limit_of_the_roles_in_which_somebody_read_counts(w: World) -> None:
    for _ in range(4):
        reads(w, "mona", uuid4(), role="manager")
    reads(w, "mona", uuid4())
    assert alarms(w) == []
    reads(w, "mona", uuid4())
    assert [alarm.facts for alarm in alarms(w)] == [{"opened": 6, "limit": 5}]


def test_what_was_opened_longer_ago_and_by_others_does_not_count(w: World) -> None:
    with as_set_up(), connection.cursor() as cursor:
        for _ in range(5):
            cursor.execute(
                "INSERT INTO audit_trace (id, at, kind, person_id, disagreement_id, what, facts)"
                " VALUES (%s, now() - interval '61 minutes', 'read', %s, %s, 'disagreement', '{}')",
                [uuid4(), w.sam.pk, uuid4()],
            )
    for _ in range(3):
        reads(w, "mona", uuid4())
        reads(w, "sam", uuid4())
    assert alarms(w) == []


def test_the_pages_themselves_make_it(w: World, client: Client) -> None:
    client.force_login(w.sam)
    for _ in range(4):
        d = factories.raised(w)
        for tail in ("", "who-can-see/"):
            assert client.get(f"/disagreements/{d.reference}/{tail}").status_code == 200
    assert [(alarm.person_id, alarm.facts["opened"]) for alarm in alarms(w)] == [(w.sam.pk, 4)]


def test_a_large_export_makes_an_alarm_once_an_hour(w: World) -> None:
    with acting_as(w.auditor):
        trail.note(Kind.EXPORTED, "history.csv", person=w.auditor.pk, partnership=w.partnership.pk, disagreements=100)
        for _ in range(2):
            trail.note(Kind.EXPORTED, "history.csv", person=w.auditor.pk, partnership=w.partnership.pk, disagreements=101)
        assert Trace.objects.filter(kind=Kind.EXPORTED).count() == 3
    assert [(alarm.kind, alarm.facts["disagreements"]) for alarm in alarms(w)] == [("large_export", 101)]


def test_an_alarm_is_about_oneself_only_and_its_subject_does_not_see_it(w: World) -> None:
    for _ in range(4):
        reads(w, "sam", uuid4())
    with acting_as(w.sam):
        assert not Alarm.objects.exists()
    with acting_as(w.sam), pytest.raises(DatabaseError, match="row-level"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_alarm (id, kind, person_id, facts) VALUES (%s, 'unusual_reading', %s, '{}')", [uuid4(), w.mona.pk]
        )


# ── telling ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_leads_office_and_auditors_are_told_once(w: World, as_clock: Callable[[], Any]) -> None:
    for _ in range(4):
        reads(w, "sam", uuid4())
    reads_of_an_auditor = [uuid4() for _ in range(8)]
    for one in reads_of_an_auditor:
        reads(w, "auditor", one, role="auditor")
    with as_clock():
        assert tasks.tell_of_alarms() == 2
        assert tasks.tell_of_alarms() == 0
        told = sorted(Letter.objects.filter(kind="alarm").values_list("person__name", flat=True))
        assert Alarm.objects.filter(told_at=None).count() == 0
    assert told == ["Auditor", "Lead", "Office"]


def test_nobody_is_told_of_their_own_alarm(w: World, as_clock: Callable[[], Any]) -> None:
    for _ in range(8):
        reads(w, "auditor", uuid4(), role="auditor")
    with as_clock():
        tasks.tell(timezone.now())
        assert list(Letter.objects.values_list("person__name", flat=True)) == ["Office"]


def test_telling_in_another_role_fails_rather_than_finds_none(w: World) -> None:
    with pytest.raises(tasks.WrongRole):
        tasks.tell_of_alarms()


def test_telling_runs_by_itself(settings: Any) -> None:
    assert "audit.tasks.tell_of_alarms" in {job["task"] for job in settings.CELERY_BEAT_SCHEDULE.values()}


# ── the page ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", ["lead", "office", "auditor", "sam", "chair", "rep"])
def test_who_sees_the_alarms(w: World, client: Client, who: str) -> None:
    sees = who in ("lead", "office", "auditor")
    for _ in range(4):
        reads(w, "sam", uuid4())
    client.force_login(w.person(who))
    answer = client.get("/trail/alarms/")
    assert answer.status_code == (200 if sees else 404)
    if sees:
        assert "Sam opened 4 disagreements within an hour. Up to 3 is usual for their role." in answer.content.decode()
        assert "1 alarm to look at" in client.get("/desk/").content.decode()


def test_an_appointment_makes_an_alarm_for_everybody_else_who_looks(w: World, client: Client, as_clock: Callable[[], Any]) -> None:
    with as_set_up():
        w.people["second"] = factories.person("Second")
        Appointment.objects.create(partnership=w.partnership, person=w.second, office="office", starts_on=LONG_AGO)
    with acting_as(w.office):
        Appointment.objects.create(partnership=w.partnership, person=w.stranger, office="chair", starts_on=timezone.localdate())
    with as_clock():
        assert tasks.tell_of_alarms() == 1
        assert sorted(Letter.objects.filter(kind="alarm").values_list("person__name", flat=True)) == ["Auditor", "Second"]
    said = "Office appointed somebody: "
    for who, sees in (("auditor", True), ("second", True), ("office", False), ("lead", False)):
        client.force_login(w.person(who))
        page = client.get("/trail/alarms/").content.decode()
        assert (f"{said}{Office.CHAIR.label}." in page, said in page) == (sees, sees)


def test_a_lead_is_not_told_of_somebody_whose_post_there_has_ended(w: World, as_clock: Callable[[], Any]) -> None:
    with as_set_up():
        w.posts["mona"].ended_on = timezone.localdate()
        w.posts["mona"].save()
    for _ in range(6):
        reads(w, "mona", uuid4(), role="manager")
    assert alarms(w)
    with as_clock():
        tasks.tell_of_alarms()
        assert "Lead" not in set(Letter.objects.filter(kind="alarm").values_list("person__name", flat=True))


def test_a_lead_sees_the_alarms_of_their_own_people_only(w: World, client: Client) -> None:
    for _ in range(4):
        reads(w, "aisha", uuid4())
    client.force_login(w.lead)
    assert "Aisha" not in client.get("/trail/alarms/").content.decode()
    assert client.post(f"/trail/alarms/{alarms(w)[0].pk}/looked-into/").status_code == 404


def test_looking_into_it_is_kept_with_who_did(w: World, client: Client) -> None:
    for _ in range(4):
        reads(w, "sam", uuid4())
    address = f"/trail/alarms/{alarms(w)[0].pk}/looked-into/"
    client.force_login(w.lead)
    assert client.post(address).status_code == 302
    client.force_login(w.office)
    assert client.post(address).status_code == 302  # faster by a moment: it stays with the first
    (alarm,) = alarms(w)
    assert (alarm.seen_by_id, alarm.seen_at is not None) == (w.lead.pk, True)
    page = client.get("/trail/alarms/").content.decode()
    assert "Lead looked into it" in page
    assert "No alarm waits to be looked at." in page
    assert "alarm to look at" not in client.get("/desk/").content.decode()


def test_nobody_looks_into_their_own_alarm(w: World, client: Client) -> None:
    for _ in range(8):
        reads(w, "auditor", uuid4(), role="auditor")
    client.force_login(w.auditor)
    assert "disagreements within an hour" not in client.get("/trail/alarms/").content.decode()
    assert client.post(f"/trail/alarms/{alarms(w)[0].pk}/looked-into/").status_code == 404
    assert client.post(f"/trail/alarms/{uuid4()}/looked-into/").status_code == 404


def test_a_lead_in_office_yesterday_sees_nothing(w: World, client: Client) -> None:
    with as_set_up():
        Appointment.objects.filter(person=w.lead).update(ends_on=timezone.localdate() - dt.timedelta(days=1))
    client.force_login(w.lead)
    for path in ("/trail/", "/trail/alarms/", f"/trail/people/{w.sam.pk}/", "/trail/export/"):
        assert client.get(path).status_code == 404
