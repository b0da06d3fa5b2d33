"""What runs by itself: noticing limits, sending owed notices, re-dating, reminding of drafts, the nightly check. The rows know what is
done; the queue only wakes."""

from __future__ import annotations

import datetime as dt
import functools
import logging
from collections.abc import Callable
from typing import ParamSpec
from uuid import UUID

from celery import shared_task
from django.db import connection, transaction
from django.db.models import CharField, Exists, F, OuterRef, Q
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.module_loading import import_string

from audit import alarms
from disputes.models import Draft, Entry, Seat
from disputes.seats import Standing
from disputes.stages import OPEN
from escalation import issues, moves, sending
from escalation.models import AT_ONCE_IS_LATE_AFTER, Clock, Heartbeat, Notice
from procedure.models import Policy, share_calendars

log = logging.getLogger("accord.tasks")

NIGHT = dt.time(2)  # local; from then on the nightly check of that day is due

IN_A_ROW = 1000  # of a kind in one sweep: below the time limit of a task; the next sweep goes on

P = ParamSpec("P")


class WrongRole(Exception):
    """The sweep runs in a role that row-level security would show nothing: it must fail, not find zero."""


def must_see_everything() -> None:
    """Raises WrongRole in every other role than the clock's."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (role,) = cursor.fetchone()
    if role != "accord_clock":
        raise WrongRole(f"Sweeps run as accord_clock, not as {role}.")


def _beat(job: str, now: dt.datetime) -> None:
    Heartbeat.objects.update_or_create(job=job, defaults={"at": now})


def beats(job: Callable[P, int]) -> Callable[P, int]:
    """A job that ends well says so in a row (health.py reads it). One that fails does not."""

    @functools.wraps(job)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        done = job(*args, **kwargs)
        _beat(job.__name__, timezone.now())
        return done

    return run


@shared_task
@beats
def sweep_clocks() -> int:
    """Notices every limit and last chaser that is due; returns how many. Safe to run twice and side by side."""
    return notice_due_clocks(timezone.now())


def notice_due_clocks(now: dt.datetime) -> int:
    """As sweep_clocks, at a given moment (aware)."""
    must_see_everything()
    running = Clock.objects.filter(stopped_at=None)
    at_once = Q(due_at__lte=F("started_at"), due_at__gt=now - AT_ONCE_IS_LATE_AFTER)
    reached = running.filter(reached_at=None, due_at__lte=now).exclude(at_once).order_by("due_at").values_list("pk", flat=True)[:IN_A_ROW]
    chased = running.filter(chased_at=None, chaser_at__lte=now).order_by("chaser_at").values_list("pk", flat=True)[:IN_A_ROW]
    faults: list[Exception] = []
    noticed = _each(moves.reach_limit, list(reached), now, faults) + _each(moves.reach_last_chaser, list(chased), now, faults)
    if faults:
        raise faults[0]
    return noticed


def _each(act: Callable[..., object], rows: list[UUID], now: dt.datetime, faults: list[Exception] | None = None) -> int:
    """Does this to each row and counts what came of it. A bug at one disagreement must not hide the limits of all others; without a
    list to keep them in, the first fault is raised at the end."""
    done, kept = 0, [] if faults is None else faults
    for pk in rows:
        try:
            done += act(pk, now=now) is not None
        except Exception as fault:
            log.error("%s of %s failed: %s", getattr(act, "__name__", "it"), pk, type(fault).__name__)
            kept.append(fault)
    if kept and faults is None:
        raise kept[0]
    return done


@shared_task(acks_late=True)
@beats
def send_owed_notices(batch: int = 200) -> int:
    """Send what is owed, oldest first; returns how many mails went. Safe to run twice and side by side:
    the row, not the queue, knows whether a notice was sent."""
    must_see_everything()
    return sending.send_owed(batch)


@shared_task
@beats
def redate_clocks() -> int:
    """Works running limits out afresh where the bank holidays or closure days they were counted with have changed."""
    return redate_changed(timezone.now())


def redate_changed(now: dt.datetime) -> int:
    """As redate_clocks, at a given moment (aware); returns how many disagreements got a new date. Asks once for each policy."""
    must_see_everything()
    policies = list(Policy.objects.all())
    share_calendars(policies)
    stale: list[UUID] = []
    for policy in policies:
        counted = policy.calendar.fingerprint
        clocks = Clock.objects.filter(stopped_at=None, partnership=policy.partnership_id, disagreement__policy=policy)
        other = clocks.filter(Q(calendar__lt=counted) | Q(calendar__gt=counted))  # two ranges of an index, where "not equal" is none
        stale += other.values_list("disagreement_id", flat=True).distinct()
    return _each(moves.redate, stale, now)


@shared_task
@beats
def hand_over_seats() -> int:
    """Seats whose post has another holder by now go to them, with an entry of the record (who sees it follows the post without this)."""
    return hand_over_to_holders(timezone.now())


def hand_over_to_holders(now: dt.datetime) -> int:
    """As hand_over_seats, at a given moment (aware); returns how many disagreements have a new person."""
    must_see_everything()
    moved = Seat.objects.active(now).filter(post__ended_on=None, post__holder__is_active=True, disagreement__stage__in=OPEN)
    where = moved.exclude(person=F("post__holder")).order_by("disagreement").values_list("disagreement_id", flat=True).distinct()
    return _each(moves.hand_over, list(where[:IN_A_ROW]), now)


@shared_task
@beats
def check_emergencies() -> int:
    """Raises an alarm about each emergency access that no second person confirmed within one working day."""
    return raise_alarms_about_emergencies(timezone.now())


def raise_alarms_about_emergencies(now: dt.datetime) -> int:
    """As check_emergencies, at a given moment (aware); returns how many alarms are new. One an access, however often it runs."""
    must_see_everything()
    raised = 0
    since = now - dt.timedelta(days=14)
    settled = Entry.objects.filter(kind__in=("confirm_break_glass", "refuse_break_glass"), disagreement=OuterRef("disagreement"))
    settled = settled.annotate(about=KT("facts__person")).filter(about=Cast(OuterRef("person"), CharField()))
    opened = Entry.objects.filter(kind="break_glass", recorded_at__gte=since).exclude(Exists(settled.filter(number__gt=OuterRef("number"))))
    for entry in opened.select_related("disagreement__policy"):
        policy, recorded_at = entry.disagreement.policy, entry.recorded_at
        assert recorded_at is not None  # noqa: S101 - the database times every entry
        last_day = policy.calendar.add_working_days(timezone.localdate(recorded_at), 1)
        if now > timezone.make_aware(dt.datetime.combine(last_day, policy.document.end_of_working_day)):
            raised += alarms.about_emergency(entry.pk, entry.person_id, entry.partnership_id, entry.disagreement_id)
    return raised


@shared_task
def check_for_stalls() -> int:
    """Once a night: finds what stands still, and says so in its record (escalation.radar)."""
    return check_once_a_night(timezone.now())


def check_once_a_night(now: dt.datetime) -> int:
    """As check_for_stalls, at a given moment (aware). Its heartbeat remembers that this night is done."""
    must_see_everything()
    night = timezone.make_aware(dt.datetime.combine(timezone.localdate(now), NIGHT))
    night -= dt.timedelta(days=1) if now < night else dt.timedelta()
    if Heartbeat.objects.filter(job="check_for_stalls", at__gte=night).exists():
        return 0
    found = import_string("escalation.radar.note_stalls")(now)
    _beat("check_for_stalls", now)
    return int(found or 0)


@shared_task
@beats
def remind_of_issues() -> int:
    """Reminds of what an agreed outcome leaves to be done: before its date, and each week from the day after it (23.18)."""
    return owe_issue_reminders(timezone.now())


def owe_issue_reminders(now: dt.datetime) -> int:
    """As remind_of_issues, at a given moment (aware); returns how many issues were said something of. What is late is noted in the record,
    which seats the managers of both sides. Asks a fixed number of questions where nothing is owed."""
    must_see_everything()
    day = issues.counting_day(now)
    found = issues.unfinished().filter(due_on__lte=day + issues.LOOK_AHEAD).select_related("agreement", "disagreement__policy")
    rows = list(found)
    share_calendars(row.disagreement.policy for row in rows)
    written = issues.written_for(rows)
    rules = {row.pk: issues.rule_on(row.disagreement, row, day) for row in rows}
    owed = [row.pk for row in rows if rules[row.pk] and (row.agreement.entry_id, rules[row.pk]) not in written]
    return _each(_remind_of_issue, owed[:IN_A_ROW], now)


def _remind_of_issue(pk: UUID, *, now: dt.datetime) -> Entry | bool | None:
    """One issue: the record first, for it seats who is told. Whoever finished it meanwhile wins."""
    with transaction.atomic():
        issue = issues.unfinished().select_related("agreement", "disagreement__policy").filter(pk=pk).first()
        rule = issues.rule_on(issue.disagreement, issue, issues.counting_day(now)) if issue else ""
        if issue is None or not rule:
            return None
        noted = moves.note_overdue_issue(pk, now=now) if rule.startswith("issue_late") else None
        at = max(now, noted.recorded_at) if noted and noted.recorded_at else now
        standing = Standing.of(issue.disagreement, at)
        return True if issues.owe(standing, issue, rule, now) else noted


@shared_task
@beats
def remind_of_drafts() -> int:
    """Owes each author one reminder of a draft left for two working days (23.12); nobody else hears of it."""
    return owe_draft_reminders(timezone.now())


def owe_draft_reminders(now: dt.datetime) -> int:
    """As remind_of_drafts, at a given moment (aware). The number of days and the calendar are those of the policy in force."""
    must_see_everything()
    owed = 0
    for pk, author, partnership, saved_at in Draft.objects.filter(reminded_at=None).values_list(
        "pk", "author_id", "partnership_id", "saved_at"
    ):
        try:
            policy = Policy.objects.in_force(partnership)
        except Policy.DoesNotExist:
            continue  # no procedure to remind by yet
        last_day = policy.calendar.add_working_days(timezone.localdate(saved_at), policy.document.draft_reminder_working_days)
        if timezone.localdate(now) <= last_day:
            continue
        with transaction.atomic():
            if Draft.objects.filter(pk=pk, reminded_at=None).update(reminded_at=now):
                Notice.objects.bulk_create(
                    [Notice(partnership_id=partnership, person_id=author, rule="draft_reminder", about=pk, due_at=now)]
                )
                owed += 1
    return owed


__all__ = [
    *("beats", "must_see_everything"),
    *("check_for_stalls", "redate_clocks", "remind_of_drafts", "remind_of_issues", "send_owed_notices", "sweep_clocks"),
]
