"""Sends what is owed: alone, or several in one mail a day, a week, or after an outage. Nothing is lost, and a crash repeats a mail only
under its own Message-ID.

A row is leased, asked again whether it is still owed, mailed, and then marked. Whoever dies in between leaves a lease that runs out.
"""

from __future__ import annotations

import datetime as dt
import logging
import smtplib
import time
from collections.abc import Callable, Iterator
from uuid import UUID

from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone

from accounts import mailing
from accounts.mailing import MailServerAway, is_final
from accounts.models import Mail
from escalation import kill_points, mails, notices
from escalation.models import Digest, Notice
from procedure import calendars
from procedure.calendars import Calendar
from procedure.models import Policy

log = logging.getLogger("accord.tasks")

RETRY_AFTER = [dt.timedelta(minutes=m) for m in (1, 5, 15, 60)] + [dt.timedelta(hours=6)] * 8
LEASE = dt.timedelta(minutes=5)
SECONDS_IN_A_ROW = 45  # then others have their turn: well below the time limit of a task

MORNING = dt.time(8)  # when the daily and the weekly mail go out
A_STORM = 3  # so many mails to one person,
MOST_IN_ONE = 300
WAITED = dt.timedelta(hours=1)  # each due for so long, go as one: something stood still

DIGESTS = 23  # the room of advisory locks in which people are locked while their digest is made

TOGETHER = ("person", "disagreement__policy", "disagreement__partnership", "partnership", "clock", "entry")


def send_owed(batch: int) -> int:
    """Sends so many mails at most, digests first; returns how many went. A mail server that is away ends it until the next round."""
    sent, end = 0, time.monotonic() + SECONDS_IN_A_ROW
    takers: list[Callable[[], bool | None]] = [_next_digest, _next_notice]
    faults: list[Exception] = []
    for take in takers:
        try:
            while sent < batch and time.monotonic() < end and (went := take()) is not None:
                sent += went
        except MailServerAway:
            log.warning("the mail server is away: what is owed waits for it")
            break
        except Exception as bug:  # what goes together must not hold up what goes alone
            faults.append(bug)
    if faults:
        raise faults[0]
    return sent


def _next_digest() -> bool | None:
    now = timezone.now()
    digest = claim_digest(now)
    return send_digest(digest, now) if digest else None


def _next_notice() -> bool | None:
    now = timezone.now()
    notice = Notice.objects.claim_next(now)
    return send_one(notice, now) if notice else None


# ── one mail for one notice ─────────────────────────────────────────────────────────────────────────────────────────


def send_one(notice: Notice, now: dt.datetime) -> bool:
    """Sends a claimed notice if it is still owed. A mail server that fails is tried again later; other notices do not wait for it."""
    if not _is_owed_now(notice, now):
        return False
    try:
        hand_over(mails.letter(notice, now))
    except MailServerAway:
        Notice.objects.filter(pk=notice.pk).update(attempts=notice.attempts - 1, leased_until=None)
        raise
    except (smtplib.SMTPException, OSError) as error:
        _try_again_later(notice, now, error)
        return False
    except Exception as bug:  # seen and raised, but this notice then waits too: it must not stand before all others for ever
        _try_again_later(notice, now, bug)
        raise
    kill_points.reached("before_mark")
    notice.mark_sent(timezone.now())
    return True


def _is_owed_now(notice: Notice, now: dt.datetime) -> bool:
    notices.owe_stand_ins(notice, now)
    if why := notices.is_still_owed(notice, now):
        notice.drop(now, why)
    return not why


def hand_over(letter: EmailMessage) -> None:
    """As mailing.hand_over."""
    mailing.hand_over(letter, kill_points.reached)


def _try_again_later(owed: Notice | Digest, now: dt.datetime, error: Exception) -> None:
    log.warning("%s %s not sent: %s", type(owed).__name__.lower(), owed.pk, type(error).__name__)
    if is_final(error) or owed.attempts > len(RETRY_AFTER):
        owed.failed_at = now
    else:
        owed.leased_until = now + RETRY_AFTER[owed.attempts - 1]
    owed.save(update_fields=["failed_at", "leased_until"])


# ── one mail for several ────────────────────────────────────────────────────────────────────────────────────────────


def claim_digest(now: dt.datetime, lease: dt.timedelta = LEASE) -> Digest | None:
    """Leases the oldest digest that a dead or failed sender left, else makes the next one that is due. None: there is none.

    Its notices, the row itself and the lease commit together: after a crash the same row goes out again, under the same Message-ID.
    """
    with transaction.atomic():
        left = Digest.objects.filter(sent_at=None, failed_at=None).filter(Q(leased_until=None) | Q(leased_until__lt=now))
        digest = left.select_for_update(skip_locked=True).order_by("made_at", "id").first()
        if digest:
            digest.leased_until, digest.attempts = now + lease, digest.attempts + 1
            digest.save(update_fields=["leased_until", "attempts"])
            return digest
    faults: list[Exception] = []
    for person, at_least, due_by in list(_who_gets_one(now)):
        try:
            if digest := _make_digest(person, at_least, due_by, now, lease):
                return digest
        except Exception as bug:  # of one person; the others get theirs
            log.error("digest for %s not made: %s", person, type(bug).__name__)
            faults.append(bug)
    if faults:
        raise faults[0]
    return None


def _make_digest(person: UUID, at_least: int, due_by: dt.datetime, now: dt.datetime, lease: dt.timedelta) -> Digest | None:
    with transaction.atomic():
        with connection.cursor() as cursor:  # side by side two senders would take half each, and neither would have enough
            cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [DIGESTS, str(person)])
        owed = _together(now).filter(person=person).select_for_update(skip_locked=True, of=("self",)).select_related(*TOGETHER)
        found = [notice for notice in owed.order_by("due_at", "id")[:MOST_IN_ONE] if _is_owed_now(notice, now)]
        if sum(notice.due_at <= due_by for notice in found) < at_least:
            return None
        digest = Digest.objects.create(person_id=person, made_at=now, leased_until=now + lease, attempts=1)
        Notice.objects.filter(pk__in=[notice.pk for notice in found]).update(digest=digest)
        return digest


def send_digest(digest: Digest, now: dt.datetime) -> bool:
    """Sends a claimed digest with what is still owed of it; marks it and its notices together."""
    unsent = Notice.objects.unsent().filter(digest=digest).select_related(*TOGETHER).order_by("due_at", "id")
    owed = [notice for notice in unsent if _is_owed_now(notice, now)]
    if owed:
        try:
            hand_over(mails.digest_letter(digest, owed, now))
        except MailServerAway:
            Digest.objects.filter(pk=digest.pk).update(attempts=digest.attempts - 1, leased_until=None)
            raise
        except Exception as error:
            with transaction.atomic():
                _try_again_later(digest, now, error)
                if digest.failed_at:
                    Notice.objects.unsent().filter(digest=digest).update(failed_at=now)
            if not isinstance(error, smtplib.SMTPException | OSError):
                raise
            return False
        kill_points.reached("before_mark")
    with transaction.atomic():
        digest.sent_at = timezone.now()
        digest.save(update_fields=["sent_at"])
        Notice.objects.filter(pk__in=[notice.pk for notice in owed], digest=digest).update(sent_at=digest.sent_at)
    return bool(owed)


def _together(now: dt.datetime) -> QuerySet[Notice]:
    """What may go with others. Not what is urgent, nor what was tried alone: a mail server may have it, under its own Message-ID."""
    due = Notice.objects.unsent().filter(due_at__lte=now, digest=None, urgent=False, attempts=0)
    return due.exclude(rule="urgent")


def _who_gets_one(now: dt.datetime) -> Iterator[tuple[UUID, int, dt.datetime]]:
    """Who gets a digest now, with how many notices it takes at least, due by when."""
    stood_still = _together(now).filter(due_at__lte=now - WAITED, person__mail=Mail.AT_ONCE).values("person")
    for person in stood_still.annotate(many=Count("pk")).filter(many__gte=A_STORM).values_list("person", flat=True):
        yield person, A_STORM, now - WAITED
    known: dict[UUID, Calendar] = {}
    chosen = _together(now).exclude(person__mail=Mail.AT_ONCE).values("person", "person__mail", "partnership")
    columns = ("person", "person__mail", "partnership", "first")
    for person, how_often, partnership, first in chosen.annotate(first=Min("due_at")).values_list(*columns):
        if partnership not in known:
            known[partnership] = calendar_of(partnership)
        morning = last_morning(how_often, now, known[partnership])
        if first <= morning:
            yield person, 1, morning


def calendar_of(partnership: UUID) -> Calendar:
    """On which days its people work; before it has a procedure, on those of England and Wales."""
    try:
        return Policy.objects.in_force(partnership).calendar
    except Policy.DoesNotExist:
        return calendars.shipped()


def last_morning(how_often: str, now: dt.datetime, calendar: Calendar) -> dt.datetime:
    """The last moment at which a digest of this kind went out: 8am of a working day, weekly of the first one of its week."""
    day = timezone.localdate(now)
    while not _goes_out_on(how_often, day, calendar) or _morning_of(day) > now:
        day -= calendars.ONE_DAY
    return _morning_of(day)


def next_morning(how_often: str, now: dt.datetime, calendar: Calendar) -> dt.datetime:
    """The next one after `now`."""
    day = timezone.localdate(now)
    while not _goes_out_on(how_often, day, calendar) or _morning_of(day) <= now:
        day += calendars.ONE_DAY
    return _morning_of(day)


def _goes_out_on(how_often: str, day: dt.date, calendar: Calendar) -> bool:
    if not calendar.is_working_day(day):
        return False
    earlier = (day - n * calendars.ONE_DAY for n in range(1, day.weekday() + 1))
    return how_often != Mail.WEEKLY or not any(calendar.is_working_day(one) for one in earlier)


def _morning_of(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, MORNING))


__all__ = [
    *("MailServerAway", "hand_over", "send_one", "send_owed"),
    *("calendar_of", "claim_digest", "last_morning", "next_morning", "send_digest"),
]
