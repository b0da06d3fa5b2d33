"""The joint session as calendars read it: one event with its time zone, no child, no words, whatever the names in it hold."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace
from email import message_from_bytes
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from icalendar import Calendar

from accounts.acting import acting_as
from accounts.models import User
from disputes.models import Disagreement
from disputes.sessions import Session
from escalation import ics, mails
from escalation.models import Notice
from tests import factories
from tests.factories import World, dates_taken, look, move

LONDON = ZoneInfo("Europe/London")
STAMP = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
HOSTILE = {
    "line ends": "Mona\r\nBEGIN:VEVENT\r\nSUMMARY:Ash, 8\r\nEND:VEVENT",
    "quotes": 'Mona "X";ROLE=CHAIR:mailto:evil@example.org',
    "comma, semicolon, backslash": "Lewis, Mona; team\\manager",
    "emoji": "Mona 👩‍👧 مرحبا ‮",
    "unseen line ends": "Mona\u2028ATTENDEE:mailto:evil@example.org\x85\x0b\x00",
    "long": "M" * 5000,
    "caret": "Mona^n^'x^^",
    "nothing": "",
}


def made(method: str = ics.REQUEST, at: dt.datetime | None = None, **more: Any) -> bytes:
    session = Session(
        entry=uuid.UUID(int=7),
        dates=(),
        minutes=90,
        fixed_at=at or dt.datetime(2026, 3, 30, 13, tzinfo=dt.UTC),
        changes=more.pop("changes", 0),
    )
    given = {"reader": ("Mona Lewis", "mona@example.org"), "partnership": "Northshire", **more}
    return ics.invitation(session, "K7PM-3XQD", given.pop("partnership"), method=method, stamp=STAMP, **given)


def event_of(raw: bytes) -> Any:
    calendar = Calendar.from_ical(raw)
    (event,) = calendar.walk("VEVENT")
    return event


def test_it_says_when_and_where_to_read_the_rest_and_nothing_else() -> None:
    event = event_of(made())
    assert str(event["summary"]) == "Accord: joint session K7PM-3XQD"
    assert event.decoded("dtstart") == dt.datetime(2026, 3, 30, 14, tzinfo=LONDON)
    assert event.decoded("dtend") == dt.datetime(2026, 3, 30, 15, 30, tzinfo=LONDON)
    assert str(event["location"]) == "See Accord"
    assert str(event["url"]).endswith("/disagreements/K7PM-3XQD/")
    assert event["class"] == "PRIVATE"
    assert str(event["attendee"]) == "mailto:mona@example.org"
    assert event["attendee"].params["RSVP"] == "FALSE"
    assert event.decoded("dtstamp") == STAMP


def test_its_time_zone_comes_with_it() -> None:
    raw = made()
    assert b"BEGIN:VTIMEZONE" in raw
    assert b"TZID:Europe/London" in raw
    assert b"DTSTART;TZID=Europe/London:20260330T140000" in raw  # the day after the clocks went forward


@pytest.mark.parametrize(
    ("at", "local"),
    [
        (dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC), dt.datetime(2026, 10, 25, 1, 30, tzinfo=LONDON)),
        (dt.datetime(2026, 3, 29, 0, 30, tzinfo=dt.UTC), dt.datetime(2026, 3, 29, 0, 30, tzinfo=LONDON)),
        (dt.datetime(2026, 12, 1, 17, tzinfo=dt.UTC), dt.datetime(2026, 12, 1, 17, tzinfo=LONDON)),
    ],
)
def test_times_are_those_of_a_clock_in_london(at: dt.datetime, local: dt.datetime) -> None:
    assert event_of(made(at=at)).decoded("dtstart") == local


def test_every_change_has_the_same_uid_and_a_higher_sequence() -> None:
    first, second = event_of(made()), event_of(made(ics.CANCEL, changes=1))
    assert first["uid"] == second["uid"]
    assert (first["sequence"], second["sequence"]) == (0, 1)
    assert (first["status"], second["status"]) == ("CONFIRMED", "CANCELLED")


@pytest.mark.parametrize("method", [ics.REQUEST, ics.CANCEL, ics.PUBLISH])
def test_its_method_is_said_and_a_file_from_the_page_names_nobody(method: str) -> None:
    raw = made(method)
    assert f"METHOD:{method}".encode() in raw
    assert (b"ATTENDEE" in raw) == (method != ics.PUBLISH)
    assert (b"ORGANIZER" in raw) == (method != ics.PUBLISH)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("where", ["name", "partnership"])
def test_hostile_names_stay_names(text: str, where: str) -> None:
    raw = made(**({"reader": (text, "mona@example.org")} if where == "name" else {"partnership": text}))
    lines = raw.decode().replace("\r\n ", "").split("\r\n")
    assert "\n" not in raw.decode().replace("\r\n", "")
    assert sum(line.startswith("BEGIN:VEVENT") for line in lines) == 1
    assert [line for line in lines if line.startswith("SUMMARY")] == ["SUMMARY:Accord: joint session K7PM-3XQD"]
    assert not any(line.startswith("ATTENDEE:") for line in lines)
    assert max(len(line) for line in raw.split(b"\r\n")) <= 75
    event = event_of(raw)
    assert str(event["attendee"]) == "mailto:mona@example.org"
    assert set(event["attendee"].params) <= {"CN", "RSVP"}
    assert set(event) <= {
        *("UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "LOCATION", "DESCRIPTION", "URL", "CLASS", "STATUS"),
        *("ORGANIZER", "ATTENDEE"),
    }


def test_without_a_date_there_is_nothing_for_a_calendar() -> None:
    with pytest.raises(ValueError, match="fixed"):
        ics.invitation(replace(Session(uuid.uuid4(), (), 60)), "X", "", method=ics.REQUEST, stamp=STAMP)


# ── by mail, and from the page ──────────────────────────────────────────────────────────────────────────────────────

pages = pytest.mark.django_db


@pytest.fixture
def w() -> World:
    return factories.world()


def owed(d: Disagreement, rule: str) -> list[Notice]:
    with factories.as_set_up():
        return list(
            Notice.objects.filter(disagreement=d, rule=rule).select_related("person", "entry", "partnership").order_by("person__name")
        )


def sent(notice: Notice, d: Disagreement, by: User) -> Any:
    """The mail as it goes over the wire, read back."""
    with acting_as(by):
        notice.disagreement = factories.fresh(d.pk)
        mails.letter(notice, timezone.now()).send()
    return message_from_bytes(mail.outbox[-1].message().as_bytes())


def calendar_in(message: Any) -> tuple[Any, Any]:
    (part,) = [one for one in message.walk() if one.get_content_type() == "text/calendar"]
    return part, event_of(part.get_payload(decode=True))


@pages
def test_everybody_who_comes_gets_it_by_mail_whoever_fixed_it_too(w: World) -> None:
    d = factories.session_fixed(w)
    notices = owed(d, "session_fixed")
    assert [notice.person.name for notice in notices] == ["Chair", "Hal", "Ian"]
    assert all(notice.urgent for notice in notices)  # never in a digest, which would lose the file
    message = sent(notices[1], d, w.chair)
    part, event = calendar_in(message)
    assert part.get_param("method") == "REQUEST"
    assert part.get_filename() == f"accord-{d.reference}.ics"
    assert str(event["summary"]).endswith(d.reference)
    whole = message.as_string() + part.get_payload(decode=True).decode()
    for secret in ("Ash", "Room 4", "Town Hall", "What the child says", "Ian", "Hill Lane"):
        assert secret not in whole


@pages
def test_called_off_it_is_taken_out_again_under_the_same_uid(w: World) -> None:
    d = factories.session_fixed(w)
    _part, before = calendar_in(sent(owed(d, "session_fixed")[0], d, w.chair))
    move(d, "cancel_session", w.chair, reason="Snow")
    notices = owed(d, "session_cancelled")
    assert [notice.person.name for notice in notices] == ["Chair", "Hal", "Ian"]
    message = sent(notices[2], d, w.chair)
    part, after = calendar_in(message)
    assert part.get_param("method") == "CANCEL"
    assert after["uid"] == before["uid"]
    assert after["sequence"] > before["sequence"]
    assert "Snow" not in message.as_string()


@pages
@pytest.mark.parametrize("how", ["other dates", "recorded without it", "withdrawn"])
def test_whatever_ends_a_session_that_lay_ahead_takes_it_out_of_calendars(w: World, how: str) -> None:
    d = factories.session_fixed(w)
    if how == "other dates":
        later = (timezone.now() + dt.timedelta(days=20)).isoformat()
        facts = {"dates": [later], "minutes": 60, "people": [str(w.chair.pk)]}
        move(d, "propose_session", w.chair, facts=facts, agenda="x", place="y")
    elif how == "recorded without it":
        move(d, "record_mediation", w.chair, mediation="By phone")
    else:
        move(d, "withdraw", w.aisha)
    assert {notice.person.name for notice in owed(d, "session_cancelled")} == {"Chair", "Hal", "Ian"}


@pages
def test_it_is_taken_out_of_calendars_once(w: World) -> None:
    d = factories.session_fixed(w)
    move(d, "cancel_session", w.chair, reason="Snow")
    move(d, "record_mediation", w.chair, mediation="By phone")
    move(d, "withdraw", w.aisha)
    assert len(owed(d, "session_cancelled")) == 3


@pages
def test_the_file_can_be_fetched_by_who_sees_the_record_once_a_date_is_fixed(w: World, client: Client) -> None:
    d = factories.session_proposed(w)
    address = f"/disagreements/{d.reference}/session.ics"
    client.force_login(w.aisha)
    assert client.get(address).status_code == 404
    dates_taken(w, d, w.ian, 0)
    dates_taken(w, d, w.hal, 0)
    for person, status in ((w.aisha, 200), (w.hal, 200), (w.chair, 200), (w.auditor, 200), (w.stranger, 404), (w.deputy, 404)):
        client.force_login(person)
        answer = client.get(address)
        assert answer.status_code == status, person
    client.force_login(w.hal)
    answer = client.get(address)
    assert answer["Content-Type"].startswith("text/calendar")
    assert str(event_of(answer.content)["summary"]).endswith(d.reference)
    for secret in ("Ash", "Room 4", "What the child says", "Hal", "Ian"):
        assert secret not in answer.content.decode()
    move(look(d, w.chair), "cancel_session", w.chair, reason="Snow")
    assert b"METHOD:CANCEL" in client.get(address).content
