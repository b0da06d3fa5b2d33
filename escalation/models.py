"""Running clocks and owed notices: rows written by the door, read by the sweeps."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

import pgtrigger
from django.db import connection, models
from django.db.models import Q
from django.utils import timezone

from accounts.history import History, settled
from accounts.models import Partnership, Row, User
from disputes.models import Disagreement, Entry
from escalation import limits
from procedure.clock import Due

AT_ONCE_IS_LATE_AFTER = dt.timedelta(hours=1)


class Clock(Row):
    """One running limit: the time that the policy gives a step or something inside it, started by an entry, due at a moment that can be
    explained. `about` says what it is for (see limits.py); several may run at once, one of each kind."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    disagreement = models.ForeignKey(Disagreement, models.PROTECT, related_name="clocks")
    about = models.CharField(max_length=20, default="step")
    step = models.PositiveSmallIntegerField()
    started_by = models.ForeignKey(Entry, models.PROTECT, related_name="+")
    started_at = models.DateTimeField()  # what it counts from: it may lie before the step
    began_at = models.DateTimeField(null=True)  # when it began to run; null: at its start
    due_at = models.DateTimeField()
    calendar = models.CharField(max_length=16, blank=True)  # fingerprint of the bank holidays it was counted with
    reached_at = models.DateTimeField(null=True)  # when the limit was noticed
    chased_at = models.DateTimeField(null=True)  # when the last chaser was noticed
    chaser_at = models.DateTimeField(null=True)  # when the last chaser is due
    chasers = models.PositiveSmallIntegerField(default=0)  # how often somebody was chased anew
    stopped_by = models.ForeignKey(Entry, models.PROTECT, null=True, related_name="+")
    stopped_at = models.DateTimeField(null=True)

    history = History()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["disagreement", "about"], condition=Q(stopped_at=None), name="one_running_clock")
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["due_at"], condition=Q(stopped_at=None, reached_at=None), name="running_by_due"),
            models.Index(fields=["chaser_at"], condition=Q(stopped_at=None, chased_at=None), name="running_by_chaser"),
            models.Index(fields=["partnership", "calendar"], condition=Q(stopped_at=None), name="running_by_calendar"),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            settled("due_at", "calendar", "reached_at", "chased_at", "chaser_at", "chasers", "stopped_by", "stopped_at")
        ]

    def __str__(self) -> str:
        return f"{self.about} of step {self.step}, due {self.due_at}"

    @property
    def is_at_once(self) -> bool:
        """ "At once" is due when it starts: shown, but no date to sort by."""
        return self.due_at <= self.started_at

    @property
    def noticed_from(self) -> dt.datetime:
        """When the sweep may say that it was reached. "At once" is late after an hour: sooner it would be noise."""
        return self.due_at + AT_ONCE_IS_LATE_AFTER if self.is_at_once else self.due_at

    @property
    def explained(self) -> Due:
        """The due time worked out again from policy, calendar and record, with its working in plain English."""
        return limits.explain(self)


class NoticeQuerySet(models.QuerySet["Notice"]):
    def unsent(self) -> NoticeQuerySet:
        return self.filter(sent_at=None, dropped_at=None, failed_at=None)

    def claim_next(self, now: dt.datetime, lease: dt.timedelta = dt.timedelta(minutes=5)) -> Notice | None:
        """Leases the oldest owed notice to the caller for five minutes, or None. Side by side callers never get the same one."""
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, {"now": now, "until": now + lease})
            row = cursor.fetchone()
        related = ("person", "disagreement__policy", "disagreement__partnership", "partnership", "clock", "entry")
        return self.select_related(*related).get(pk=row[0]) if row else None


# What goes alone: what is urgent, what people want at once, and what was tried alone before.
_CLAIM = """
    UPDATE escalation_notice SET leased_until = %(until)s, attempts = attempts + 1
    WHERE id = (
        SELECT n.id FROM escalation_notice n JOIN accounts_user u ON u.id = n.person_id
        WHERE n.sent_at IS NULL AND n.dropped_at IS NULL AND n.failed_at IS NULL AND n.due_at <= %(now)s AND n.digest_id IS NULL
          AND (n.leased_until IS NULL OR n.leased_until < %(now)s)
          AND (n.urgent OR n.rule = 'urgent' OR u.mail = 'at_once' OR n.attempts > 0)
        ORDER BY n.due_at, n.id FOR UPDATE OF n SKIP LOCKED LIMIT 1)
    RETURNING id
"""


class Notice(Row):
    """A message owed to one person because of one rule: of a running clock, or of an entry. The row knows whether it was sent."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    disagreement = models.ForeignKey(Disagreement, models.PROTECT, related_name="notices", null=True)  # null: see `about`
    person = models.ForeignKey(User, models.PROTECT, related_name="notices")
    rule = models.CharField(max_length=40)  # names the template in templates/emails/
    clock = models.ForeignKey(Clock, models.PROTECT, null=True, related_name="notices")
    entry = models.ForeignKey(Entry, models.PROTECT, null=True, related_name="notices")
    about = models.UUIDField(null=True)  # the draft, the change, the thanks that it is about; a bare id, for drafts are deletable
    due_at = models.DateTimeField()
    urgent = models.BooleanField(default=False)  # sent at once, whatever the person has chosen
    digest = models.ForeignKey("Digest", models.PROTECT, null=True, related_name="notices")  # the one mail that it went with
    written_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    dropped_at = models.DateTimeField(null=True)
    dropped_because = models.CharField(max_length=40, blank=True)  # a short code
    failed_at = models.DateTimeField(null=True)
    bounced_at = models.DateTimeField(null=True)  # it was taken by a mail server and came back

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["disagreement", "clock", "rule", "person"], condition=Q(clock__isnull=False), name="one_notice_a_clock"
            ),
            models.UniqueConstraint(
                fields=["entry", "rule", "person"], condition=Q(clock=None, entry__isnull=False), name="one_notice_an_entry"
            ),
            models.UniqueConstraint(fields=["about", "rule", "person"], condition=Q(about__isnull=False), name="one_notice_about_it"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["due_at", "id"], condition=Q(sent_at=None, dropped_at=None, failed_at=None), name="owed_by_due")
        ]

    def __str__(self) -> str:
        return f"{self.rule} to {self.person_id}"

    @property
    def template(self) -> str:
        """The name of its words in templates/emails/: the rule without its offsets ("before_1" and "before_1_2" are "before")."""
        return self.rule.rstrip("_0123456789")

    def drop(self, now: dt.datetime, because: str) -> None:
        """No longer owed: the record moved on, the person left, the draft was sent."""
        self.dropped_at, self.dropped_because = now, because
        self.save(update_fields=["dropped_at", "dropped_because"])

    def mark_sent(self, now: dt.datetime) -> None:
        self.sent_at = now
        self.save(update_fields=["sent_at"])


class Digest(Row):
    """Several notices of one person in one mail: the daily or weekly one they chose, or the one that follows an outage."""

    person = models.ForeignKey(User, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["made_at"], condition=Q(sent_at=None, failed_at=None), name="digests_owed"),
            models.Index(fields=["person", "made_at"]),
        ]

    def __str__(self) -> str:
        return f"digest of {self.made_at}"


class Heartbeat(models.Model):
    """When a timed job last ended well: a row, since a stuck worker looks alive from outside."""

    job = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.job} at {self.at}"
