"""Reads what the statistics count, in the clock's role: ids, times, kinds and choices, never a word; and keeps each completed period's
tables as a release, once."""

from __future__ import annotations

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from accounts.models import Agency, Partnership
from disputes.models import Disagreement, Entry, OutstandingIssue, Side
from disputes.stages import SideKind
from escalation.models import Clock
from escalation.tasks import beats, must_see_everything
from learning import statistics
from learning.models import Debrief, DebriefRequest, Decision, LearningPoint, Referral, Release, ThemePoint
from learning.statistics import Act, Asked, Case, Facts, Issue, Limited, Period, Point, Talk
from procedure.models import Policy

log = logging.getLogger("accord.tasks")


@shared_task
@beats
def release_figures() -> int:
    """Counts every completed quarter and year that has no release yet; returns how many were made. Mostly there is nothing to do."""
    return release_completed(timezone.now())


def release_completed(now: dt.datetime) -> int:
    """As release_figures, at a given moment (aware). A fault at one partnership is raised after the others."""
    must_see_everything()
    made, faults = 0, []
    for partnership in Partnership.objects.order_by("pk"):
        try:
            made += release_of(partnership, now)
        except Exception as fault:
            log.error("figures of %s failed: %s", partnership.pk, type(fault).__name__)
            faults.append(fault)
    if faults:
        raise faults[0]
    return made


def release_of(partnership: Partnership, now: dt.datetime) -> int:
    """The releases that are missing of this partnership, oldest first, each once: what is there is not counted again."""
    first = Disagreement.objects.filter(partnership=partnership, raised_at__isnull=False).order_by("raised_at").first()
    if first is None or first.raised_at is None:
        return 0
    today, since = statistics.local_day(now), statistics.local_day(first.raised_at)
    there = {Period(one.starts_on, one.ends_on): one.tables for one in Release.objects.filter(partnership=partnership)}
    missing = [period for period in statistics.completed(since, today) if period not in there]
    if not missing:
        return 0
    facts, made = facts_of(partnership), 0
    for period in missing:
        before = {earlier: {table["key"]: statistics.cells_of(table) for table in kept["tables"]} for earlier, kept in there.items()}
        kept = {"format": statistics.FORMAT, "tables": statistics.release(facts, period, before)}
        with transaction.atomic():  # side by side, the first one stands
            row = Release(partnership=partnership, starts_on=period.first, ends_on=period.last, tables=kept)
            Release.objects.bulk_create([row], ignore_conflicts=True)
        there[period] = Release.objects.get(partnership=partnership, starts_on=period.first, ends_on=period.last).tables
        made += 1
    return made


def facts_of(partnership: Partnership) -> Facts:
    """Everything of one partnership that is counted. A fixed number of queries."""
    categories = {
        c.key: c.label for policy in Policy.objects.filter(partnership=partnership).order_by("version") for c in policy.document.categories
    }
    members = Agency.objects.filter(partnerships=partnership).order_by("name").values_list("pk", "name")
    took_part = Side.objects.filter(partnership=partnership).order_by().values_list("team__agency_id", "team__agency__name").distinct()
    agencies = {str(pk): name for pk, name in members}
    return Facts(
        agencies=agencies,
        categories=categories,
        cases=_cases(partnership),
        points=_points(partnership),
        talks=_talks(partnership),
        former={str(pk): name for pk, name in took_part if str(pk) not in agencies},
    )


# ── disagreements ───────────────────────────────────────────────────────────────────────────────────────────────────


def _cases(partnership: Partnership) -> list[Case]:
    sides = _by_disagreement(
        Side.objects.filter(partnership=partnership).values("pk", "disagreement_id", "kind", "team__agency_id", "ended_at")
    )
    limits = _by_disagreement(
        Clock.objects.filter(partnership=partnership)
        .order_by("started_at")
        .values("disagreement_id", "about", "step", "started_at", "began_at", "reached_at")
    )
    issues = _by_disagreement(
        OutstandingIssue.objects.filter(partnership=partnership).values(
            "pk", "disagreement_id", "agreement__entry__recorded_at", "done_by__recorded_at"
        )
    )
    acts = _by_disagreement(
        Entry.objects.filter(partnership=partnership)
        .order_by("disagreement", "number")
        .values("disagreement_id", "kind", "recorded_at", "from_stage", "stage", "step", "side_id", "facts")
    )
    rows = Disagreement.objects.filter(partnership=partnership, raised_at__isnull=False).order_by("raised_at", "pk")
    return [
        _case(pk, category, sides[pk], acts[pk], limits[pk], issues[pk]) for pk, category in rows.values_list("pk", "category") if acts[pk]
    ]


def _case(
    pk: UUID,
    category: str,
    sides: list[Mapping[str, Any]],
    acts: list[Mapping[str, Any]],
    limits: list[Mapping[str, Any]],
    issues: list[Mapping[str, Any]],
) -> Case:
    raising = next((str(side["team__agency_id"]) for side in sides if side["kind"] == SideKind.RAISING), "")
    responding = [side for side in sides if side["kind"] == SideKind.RESPONDING]
    in_turn = sorted(responding, key=lambda side: (side["ended_at"] is None, side["ended_at"] or timezone.now()))
    theirs = {side["pk"] for side in responding}
    return Case(
        id=str(pk),
        raising=raising,
        category=category,
        at_risk=bool(acts[0]["facts"].get("at_immediate_risk")),
        acts=tuple(_act(act, theirs) for act in acts),
        asked=tuple(Asked(str(side["team__agency_id"]), side["ended_at"]) for side in in_turn),
        limits=tuple(Limited(one["about"], one["step"], one["began_at"] or one["started_at"], one["reached_at"]) for one in limits),
        issues=tuple(Issue(str(one["pk"]), one["agreement__entry__recorded_at"], one["done_by__recorded_at"]) for one in issues),
    )


def _act(row: Mapping[str, Any], theirs: set[UUID]) -> Act:
    facts = row["facts"]
    return Act(
        kind=row["kind"],
        at=row["recorded_at"],
        from_stage=row["from_stage"],
        stage=row["stage"],
        step=row["step"],
        by_responding_side=row["side_id"] in theirs,
        about=str(facts.get("about", "")),
        kind_of_outcome=str(facts.get("kind_of_outcome", "")),
        issue=str(facts.get("issue", "")),
    )


def _by_disagreement(rows: Iterable[Mapping[str, Any]]) -> dict[UUID, list[Mapping[str, Any]]]:
    found: dict[UUID, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["disagreement_id"]].append(row)
    return found


# ── learning ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _points(partnership: Partnership) -> list[Point]:
    """Where each general issue has come to. It is decided with the first decision about its theme that came after it was named."""
    referred = {
        row["point_id"]: row for row in Referral.objects.filter(partnership=partnership).values("point_id", "subgroup_id", "referred_at")
    }
    themes = dict(ThemePoint.objects.filter(partnership=partnership).values_list("point_id", "theme_id"))
    decisions: dict[UUID, list[Mapping[str, Any]]] = defaultdict(list)
    for row in Decision.objects.filter(partnership=partnership).order_by("decided_at").values("theme_id", "decided_at", "done_at"):
        decisions[row["theme_id"]].append(row)
    rows = LearningPoint.objects.filter(partnership=partnership).order_by("recorded_at")
    return [
        _point(pk, case, about, at, referred.get(pk), themes.get(pk), decisions)
        for pk, case, about, at in rows.values_list("pk", "disagreement_id", "about", "recorded_at")
    ]


def _point(
    pk: UUID,
    case: UUID,
    about: str,
    named_at: dt.datetime,
    referral: Mapping[str, Any] | None,
    theme: UUID | None,
    decisions: Mapping[UUID, list[Mapping[str, Any]]],
) -> Point:
    at = referral["referred_at"] if referral else None
    is_kept = referral is not None and referral["subgroup_id"] is None
    after = [one for one in decisions.get(theme, []) if one["decided_at"] >= named_at] if theme else []
    return Point(
        id=str(pk),
        case=str(case),
        about=about,
        named_at=named_at,
        referred_at=None if is_kept else at,
        kept_at=at if is_kept else None,
        theme=str(theme or ""),
        decided_at=after[0]["decided_at"] if after else None,
        changed_at=min((one["done_at"] for one in after if one["done_at"]), default=None),
    )


def _talks(partnership: Partnership) -> list[Talk]:
    asked = DebriefRequest.objects.filter(partnership=partnership).values_list("pk", "disagreement_id", "recorded_at")
    arranged = Debrief.objects.filter(partnership=partnership, cancelled_at=None).values_list("pk", "disagreement_id", "starts_at")
    return [
        *(Talk(str(pk), str(case), at, held=False) for pk, case, at in asked),
        *(Talk(str(pk), str(case), at, held=True) for pk, case, at in arranged),
    ]
