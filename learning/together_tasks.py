"""Who is owed a message about working together: debriefs, thanks, events. Ids and times only: the clock's role reads no words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef

from accounts.models import Appointment, Office
from disputes.models import Exclusion
from escalation.models import Notice
from learning.models import Attendance, Debrief, DebriefParticipant, DebriefRequest, LearningEvent, Thanks

Owed = tuple[str, UUID, UUID, UUID]  # rule, what it is about, partnership, person

LATELY = dt.timedelta(days=14)  # nobody is told later than that
BEFORE_AN_EVENT = dt.timedelta(days=2)


def owed(now: dt.datetime, today: dt.date) -> Iterator[Owed]:
    """All that is due; who writes the notices leaves out what somebody has already. A date stands in the rule, so that another one is
    told anew."""
    yield from _debriefs_asked_for(now, today)
    yield from _debriefs(now)
    yield from _thanks(now)
    yield from _events(now)


def _debriefs_asked_for(now: dt.datetime, today: dt.date) -> Iterator[Owed]:
    """The office hears of it."""
    arranged = Debrief.objects.filter(disagreement=OuterRef("disagreement"), cancelled_at=None, made_at__gte=OuterRef("recorded_at"))
    asked = DebriefRequest.objects.filter(recorded_at__gte=now - LATELY).exclude(Exists(arranged))
    offices = Appointment.objects.on(today).filter(office=Office.OFFICE)
    for partnership, person in offices.values_list("partnership_id", "person_id"):
        shut_out = Exclusion.objects.filter(person=person, lifted_by=None).values("disagreement")
        for about in asked.filter(partnership=partnership).exclude(disagreement__in=shut_out).values_list("pk", flat=True):
            yield "debrief_asked", about, partnership, person


def _debriefs(now: dt.datetime) -> Iterator[Owed]:
    """Whoever is asked and has not declined: the date, each new date, and that it is called off."""
    asked = DebriefParticipant.objects.exclude(answer=DebriefParticipant.Answer.NO)
    asked = asked.filter(debrief__starts_at__gt=now, debrief__made_at__lte=now)
    asked = asked.exclude(Exists(_shut_out(OuterRef("debrief__disagreement"), OuterRef("person"))))
    columns = ("debrief_id", "debrief__partnership_id", "person_id", "debrief__starts_at", "debrief__cancelled_at")
    for about, partnership, person, starts_at, cancelled_at in asked.values_list(*columns):
        rule = "debrief_off" if cancelled_at else f"debrief_{starts_at.astimezone(dt.UTC):%Y%m%d%H%M}"
        yield rule, about, partnership, person


def _shut_out(disagreement: Any, person: Any) -> Any:
    """Exclusions of this person: whoever has a conflict of interest hears nothing more of it."""
    return Exclusion.objects.filter(disagreement=disagreement, person=person, lifted_by=None)


def why_not(notice: Notice) -> str:
    """Of a notice about a debrief: empty while it is still owed. Asked again just before it is sent."""
    rule, stamp = notice.template, notice.rule.removeprefix("debrief_")
    if rule == "debrief_asked":
        request = DebriefRequest.objects.filter(pk__in=[notice.about]).first()
        return "not theirs now" if request is None or _shut_out(request.disagreement_id, notice.person_id).exists() else ""
    if rule == "thanks":
        note = Thanks.objects.filter(pk__in=[notice.about]).only("disagreement_id").first()
        return "not theirs now" if note is None or _shut_out(note.disagreement_id, notice.person_id).exists() else ""
    if rule in ("event", "event_off"):
        coming = Attendance.objects.filter(event__in=[notice.about], person=notice.person, withdrawn_at=None)
        return "" if coming.filter(event__cancelled_at__isnull=rule == "event").exists() else "moved on"
    if rule not in ("debrief", "debrief_off"):
        return ""
    place = DebriefParticipant.objects.filter(debrief__in=[notice.about], person=notice.person).exclude(answer="no")
    found = place.values_list("debrief__disagreement", "debrief__starts_at", "debrief__cancelled_at").first()
    if found is None or _shut_out(found[0], notice.person_id).exists():
        return "not theirs now"
    is_off = found[2] is not None
    is_other = rule == "debrief" and stamp != f"{found[1].astimezone(dt.UTC):%Y%m%d%H%M}"
    return "moved on" if is_other or is_off != (rule == "debrief_off") else ""


def _thanks(now: dt.datetime) -> Iterator[Owed]:
    sent = Thanks.objects.filter(sent_at__gte=now - LATELY)
    for about, partnership, *people in sent.values_list("pk", "partnership_id", "to_person_id", "manager_id"):
        for person in filter(None, people):
            yield "thanks", about, partnership, person


def _events(now: dt.datetime) -> Iterator[Owed]:
    """Whoever signed up: two days before, and that it is called off."""
    coming = LearningEvent.objects.filter(starts_at__gt=now)
    due = coming.filter(starts_at__lte=now + BEFORE_AN_EVENT, cancelled_at=None)
    yield from _signed_up(due.values_list("pk", "partnership_id", "starts_at"), "event")
    yield from _signed_up(coming.filter(cancelled_at__isnull=False).values_list("pk", "partnership_id", "starts_at"), "event_off")


def _signed_up(events: object, rule: str) -> Iterator[Owed]:
    for about, partnership, starts_at in events:  # type: ignore[attr-defined]
        named = f"{rule}_{starts_at.astimezone(dt.UTC):%Y%m%d%H%M}" if rule == "event" else rule
        for person in Attendance.objects.filter(event=about, withdrawn_at=None).values_list("person_id", flat=True):
            yield named, about, partnership, person
