"""Tells people what came of a general issue: owes notices to representatives, subgroups, owners, and to those who raised it. Ids and
times only: the clock's role reads no words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from uuid import UUID

from celery import shared_task
from django.db.models import F
from django.utils import timezone

from accounts.models import Appointment, Office
from disputes.models import Exclusion
from escalation.models import Notice
from escalation.tasks import beats, must_see_everything
from learning import together_tasks
from learning.models import Decision, LearningPoint, Referral, ThemePoint

LATELY = dt.timedelta(days=30)  # who was not told by then is not told late: the learning page says it to everybody

Owed = tuple[str, UUID, UUID, UUID]  # rule, what it is about, partnership, person


@shared_task
@beats
def tell_what_was_learnt() -> int:
    """Owes what became due since; returns how many notices are new. Safe to run twice and side by side: one of a rule to a person."""
    return owe(timezone.now())


def owe(now: dt.datetime) -> int:
    """As tell_what_was_learnt, at a given moment (aware)."""
    must_see_everything()
    since, today = now - LATELY, timezone.localdate(now)
    wanted = [*_named(since, today), *_referred(since, today), *_decided(since), *_told_back(since), *together_tasks.owed(now, today)]
    known = set(Notice.objects.filter(about__in={about for _rule, about, _where, _who in wanted}).values_list("rule", "about", "person_id"))
    new = [one for one in dict.fromkeys(wanted) if (one[0], one[1], one[3]) not in known]
    Notice.objects.bulk_create(
        (
            Notice(partnership_id=partnership, person_id=person, rule=rule, about=about, due_at=now, written_at=now)
            for rule, about, partnership, person in new
        ),
        ignore_conflicts=True,
    )
    return len(new)


def why_not(notice: Notice) -> str:
    """Empty while what is told is still theirs to see to: it was not referred meanwhile, and they still hold the office."""
    since, today = notice.written_at - LATELY, timezone.localdate()
    makers = {
        "point_named": lambda: _named(since, today),
        "referred": lambda: _referred(since, today),
        "decided": lambda: _decided(since),
        "told_back": lambda: _told_back(since),
    }
    if notice.rule not in makers:
        return ""
    about = (notice.about, notice.person_id)
    return "" if any((one[1], one[3]) == about for one in makers[notice.rule]()) else "moved on"


def _held(today: dt.date, *offices: str) -> dict[tuple[UUID, UUID | None], list[UUID]]:
    """(partnership, agency) -> who holds one of these offices; the agency is None for the partnership's own."""
    held: dict[tuple[UUID, UUID | None], list[UUID]] = {}
    found = Appointment.objects.on(today).filter(office__in=offices)
    for partnership, agency, person in found.values_list("partnership_id", "agency_id", "person_id"):
        held.setdefault((partnership, agency), []).append(person)
    return held


def _named(since: dt.datetime, today: dt.date) -> Iterator[Owed]:
    """A general issue is new: its agency's representative hears of it, or the office where there is none."""
    representing, office = _held(today, Office.REPRESENTATIVE), _held(today, Office.OFFICE)
    found = LearningPoint.objects.filter(recorded_at__gte=since).exclude(pk__in=Referral.objects.values("point_id"))
    for point, partnership, agency, author in found.values_list("pk", "partnership_id", "agency_id", "named_by_id"):
        for person in representing.get((partnership, agency)) or office.get((partnership, None), []):
            if person != author:
                yield "point_named", point, partnership, person


def _referred(since: dt.datetime, today: dt.date) -> Iterator[Owed]:
    """It was referred: the members of the subgroups."""
    members = _held(today, Office.SUBGROUP)
    found = Referral.objects.filter(referred_at__gte=since, subgroup__isnull=False)
    for referral, partnership, by in found.values_list("pk", "partnership_id", "referred_by_id"):
        for person in members.get((partnership, None), []):
            if person != by:
                yield "referred", referral, partnership, person


def _decided(since: dt.datetime) -> Iterator[Owed]:
    """It was decided: whoever sees to it."""
    found = Decision.objects.filter(decided_at__gte=since, owner__isnull=False, done_at=None).exclude(owner_id=F("decided_by_id"))
    for decision, partnership, owner in found.values_list("pk", "partnership_id", "owner_id"):
        yield "decided", decision, partnership, owner


def _told_back(since: dt.datetime) -> Iterator[Owed]:
    """It is done: everybody who named a point of the theme before it, and who raised the disagreements from which they came."""
    done = Decision.objects.filter(done_at__gte=since).values_list("pk", "partnership_id", "theme_id", "done_at")
    by_theme = _named_in({theme for _pk, _partnership, theme, _at in done})
    for decision, partnership, theme, at in done:
        for recorded_at, people in by_theme.get(theme, []):
            if at and recorded_at and recorded_at <= at:
                yield from (("told_back", decision, partnership, person) for person in people)


def _named_in(themes: Iterable[UUID]) -> dict[UUID, list[tuple[dt.datetime | None, set[UUID]]]]:
    """Theme -> (when a point was named, by whom and out of whose disagreement)."""
    found: dict[UUID, list[tuple[dt.datetime | None, set[UUID]]]] = {}
    placed = ThemePoint.objects.filter(theme__in=list(themes))
    columns = ("theme_id", "point__recorded_at", "point__disagreement_id", "point__named_by_id", "point__disagreement__raised_by_id")
    shut_out = set(Exclusion.objects.filter(lifted_by=None).values_list("disagreement_id", "person_id"))
    for theme, recorded_at, disagreement, *people in placed.values_list(*columns):
        found.setdefault(theme, []).append((recorded_at, {one for one in people if (disagreement, one) not in shut_out}))
    return found


__all__ = ["tell_what_was_learnt"]
