"""What runs by itself: noticing limits, sending owed notices, reminding of drafts. The rows know what is done; the queue only wakes."""

from __future__ import annotations

import datetime as dt
import logging
import smtplib
from collections.abc import Callable
from uuid import UUID

from celery import shared_task
from django.db import connection, transaction
from django.utils import timezone

from disputes.models import Draft, Entry
from escalation import moves, notices
from escalation.models import Clock, Notice
from procedure.models import Policy

log = logging.getLogger("accord.tasks")

RETRY_AFTER = [dt.timedelta(minutes=m) for m in (1, 5, 15, 60)] + [dt.timedelta(hours=6)] * 8


class WrongRole(Exception):
    """The sweep runs in a role that row-level security would show nothing: it must fail, not find zero."""


def _must_see_everything() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (role,) = cursor.fetchone()
    if role != "accord_clock":
        raise WrongRole(f"Sweeps run as accord_clock, not as {role}.")


@shared_task
def sweep_clocks() -> int:
    """Notices every limit and last chaser that is due; returns how many. Safe to run twice and side by side."""
    return notice_due_clocks(timezone.now())


def notice_due_clocks(now: dt.datetime) -> int:
    """As sweep_clocks, at a given moment (aware)."""
    _must_see_everything()
    reached = Clock.objects.filter(stopped_at=None, reached_at=None, due_at__lte=now).order_by("due_at").values_list("pk", flat=True)
    chased = Clock.objects.filter(stopped_at=None, chased_at=None, chaser_at__lte=now).order_by("chaser_at").values_list("pk", flat=True)
    due: list[tuple[Callable[..., Entry | None], UUID]] = [(moves.reach_limit, pk) for pk in reached]
    due += [(moves.reach_last_chaser, pk) for pk in chased]
    noticed, faults = 0, []
    for notice, pk in due:
        try:
            noticed += notice(pk, now=now) is not None
        except Exception as fault:  # a bug at one disagreement must not hide the limits of all others
            log.error("clock %s not noticed: %s", pk, type(fault).__name__)
            faults.append(fault)
    if faults:
        raise faults[0]
    return noticed


@shared_task(acks_late=True)
def send_owed_notices(batch: int = 200) -> int:
    """Send what is owed, oldest first; returns how many. Safe to run twice and side by side:
    the row, not the queue, knows whether a notice was sent."""
    _must_see_everything()
    sent = 0
    while sent < batch and (notice := Notice.objects.claim_next(timezone.now())):
        sent += send_one(notice, timezone.now())
    return sent


def send_one(notice: Notice, now: dt.datetime) -> bool:
    """Sends a claimed notice if it is still owed. A mail server that fails is tried again later; other notices do not wait for it."""
    notices.owe_stand_ins(notice, now)
    if why := notices.is_still_owed(notice, now):
        notice.drop(now, why)
        return False
    try:
        notices.deliver(notice, now)
    except (smtplib.SMTPException, OSError) as error:
        _try_again_later(notice, now, error)
        return False
    except Exception as bug:  # seen and raised, but this notice then waits too: it must not stand before all others for ever
        _try_again_later(notice, now, bug)
        raise
    notice.mark_sent(timezone.now())
    return True


def _try_again_later(notice: Notice, now: dt.datetime, error: Exception) -> None:
    log.warning("notice %s not sent: %s", notice.pk, type(error).__name__)
    if _is_final(error) or notice.attempts > len(RETRY_AFTER):
        notice.failed_at = now
    else:
        notice.leased_until = now + RETRY_AFTER[notice.attempts - 1]
    notice.save(update_fields=["failed_at", "leased_until"])


def _is_final(error: Exception) -> bool:
    """Whether the mail server refused this recipient or this message for good (5xx), and not for now, nor us as its sender."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500


@shared_task
def remind_of_drafts() -> int:
    """Owes each author one reminder of a draft left for two working days (23.12); nobody else hears of it."""
    return owe_draft_reminders(timezone.now())


def owe_draft_reminders(now: dt.datetime) -> int:
    """As remind_of_drafts, at a given moment (aware). The number of days and the calendar are those of the policy in force."""
    _must_see_everything()
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
                    [Notice(partnership_id=partnership, person_id=author, rule="draft_reminder", draft_key=pk, due_at=now)]
                )
                owed += 1
    return owed


__all__ = ["remind_of_drafts", "send_owed_notices", "sweep_clocks"]
