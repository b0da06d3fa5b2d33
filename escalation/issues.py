"""What an agreed outcome leaves to be done: who sees to it, who hears when it is late, and which notices are owed for it (23.18)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from accounts.models import User
from disputes.models import Agreement, Disagreement, Entry, OutstandingIssue, Seat, Side
from disputes.seats import Standing
from disputes.stages import MANAGING, OPEN, Stage
from escalation.models import Notice

RULES = ("issue_due", "issue_late")
REMIND_BEFORE = 2  # working days before its date
MORNING = dt.time(8)  # from then on a day counts: nobody is told by night of what nobody can do before
WEEK = 7  # days after which it is said again, as long as it is late
LOOK_AHEAD = dt.timedelta(days=21)  # further ahead than two working days ever reach


def unfinished() -> QuerySet[OutstandingIssue]:
    """What stands in the last version of a resolved disagreement and nobody has said is done. Reopened ones have none."""
    return promised().filter(disagreement__stage=Stage.RESOLVED)


def promised() -> QuerySet[OutstandingIssue]:
    """These, and while one is reopened those of the version agreed before: nobody is reminded of them, but they stay promised."""
    latest = Agreement.objects.filter(disagreement=OuterRef("disagreement")).order_by("-version")
    reopened = Entry.objects.filter(disagreement=OuterRef("disagreement"), kind="reopen").order_by("-number").values("number")[:1]
    before = latest.filter(entry__number__lt=Subquery(reopened))
    resolved = Q(disagreement__stage=Stage.RESOLVED, agreement=Subquery(latest.values("pk")[:1]))
    open_again = Q(disagreement__stage__in=OPEN, agreement=Subquery(before.values("pk")[:1]))
    return OutstandingIssue.objects.filter(resolved | open_again, done_by=None).order_by("due_on", "disagreement", "number")


# ── who ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def who_sees_to(standing: Standing, issue: OutstandingIssue) -> list[User]:
    """Its owner, or whoever has the owner's post by now or stands in for it; where nobody has, whoever acts for that side."""
    own = [seat for seat in standing.seats if seat.person_id == issue.owner_id and seat.side_id == issue.owner_side_id]
    return standing.people_in(own) or standing.people_in(standing.acting_seats(_owning_side(standing, issue)))


def _owning_side(standing: Standing, issue: OutstandingIssue) -> list[Side]:
    return [side for side in standing.sides if side.pk == issue.owner_side_id]


def who_manages(standing: Standing) -> list[User]:
    """The managers of both sides: those who acted last, else those who were told. They hear of what is late, and may reopen it."""
    found: list[Seat] = []
    for side in standing.party_sides:
        acting = [seat for seat in standing.acting_seats([side]) if seat.capacity in MANAGING]
        found += acting or [seat for seat in standing.seats if seat.side_id == side.pk and seat.capacity in MANAGING]
    return standing.people_in(found)


def who_hears_that_it_is_done(standing: Standing, own: UUID | None) -> list[User]:
    """Whoever acts for the other side (`own`: the side that did it), and the managers once they were told that something was late."""
    others = [side for side in standing.party_sides if side.pk != own]
    people = standing.people_in(standing.acting_seats(others))
    told_late = standing.disagreement.entries.filter(kind="note_overdue_issue").exists()
    return list(dict.fromkeys([*people, *(who_manages(standing) if told_late else [])]))


# ── which notices ───────────────────────────────────────────────────────────────────────────────────────────────────


def counting_day(now: dt.datetime) -> dt.date:
    """The day that has begun for people: before 8am it is still the one before."""
    local = timezone.localtime(now)
    return local.date() if local.time() >= MORNING else local.date() - dt.timedelta(days=1)


def rule_on(disagreement: Disagreement, issue: OutstandingIssue, day: dt.date) -> str:
    """Which notice is owed on this day: "issue_due_1" from two working days before its date, "issue_late_1_0" from the day after it and a
    further one each week, "" before all that. The number is the issue's."""
    if day > issue.due_on:
        return f"issue_late_{issue.number}_{((day - issue.due_on).days - 1) // WEEK}"
    first = disagreement.policy.calendar.add_working_days(issue.due_on, -REMIND_BEFORE)
    return f"issue_due_{issue.number}" if day >= first else ""


def who_hears(standing: Standing, issue: OutstandingIssue, rule: str) -> list[User]:
    """Before its date whoever sees to it; once it is late the managers of both sides as well."""
    people = who_sees_to(standing, issue)
    return list(dict.fromkeys([*people, *who_manages(standing)])) if rule.startswith("issue_late") else people


def owe(standing: Standing, issue: OutstandingIssue, rule: str, now: dt.datetime) -> int:
    """Writes this notice to all who hear it; returns how many there are. Twice, or side by side, owes nobody the same one twice."""
    people = who_hears(standing, issue, rule)
    Notice.objects.bulk_create(
        (
            Notice(
                partnership_id=issue.partnership_id,
                disagreement_id=issue.disagreement_id,
                person=person,
                rule=rule,
                entry_id=issue.agreement.entry_id,
                due_at=now,
                written_at=now,
            )
            for person in people
        ),
        ignore_conflicts=True,
    )
    return len(people)


def written_for(rows: Iterable[OutstandingIssue]) -> set[tuple[UUID | None, str]]:
    """(entry, rule) of the notices that stand already. One that was dropped because its reader has gone is owed to whoever came after."""
    entries = {row.agreement.entry_id for row in rows}
    stand = Notice.objects.filter(entry__in=entries, rule__startswith="issue_", dropped_at=None)
    return set(stand.values_list("entry_id", "rule").distinct())


def is_about_an_issue(rule: str) -> bool:
    return rule.startswith(RULES)


def why_not(notice: Notice, standing: Standing) -> str:
    """Empty when a notice of an issue is still owed; else a short code: it is done, reopened, replaced, or another person's by now."""
    issue = issue_of(notice, standing)
    if issue is None:
        return "done or reopened"
    if notice.person not in who_hears(standing, issue, notice.rule):
        return "not theirs now"
    return ""


def issue_of(notice: Notice, standing: Standing) -> OutstandingIssue | None:
    """The unfinished issue that this notice is about."""
    number = number_in(notice.rule)
    agreement: UUID | None = standing.agreement.entry_id if standing.agreement else None
    if agreement is None or notice.entry_id != agreement:
        return None
    return next((issue for issue in standing.unfinished_issues if issue.number == number), None)


def number_in(rule: str) -> int:
    """ "issue_late_2_0" is about issue 2; 0 where the rule names none."""
    part = rule.split("_")[2:3]
    return int(part[0]) if part and part[0].isdigit() else 0
