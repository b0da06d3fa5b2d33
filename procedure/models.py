"""A partnership's policy as it was on a date: the versioned text of its procedure, immutable once a disagreement stands on it;
what is proposed to follow it, and the days on which nobody works."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar
from uuid import UUID

import pgtrigger
from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import JSONObject
from django.utils import timezone

from accounts.history import History, append_only, settled
from accounts.models import Partnership, Row, User
from procedure import calendars
from procedure.calendars import Calendar
from procedure.ladder import Ladder
from procedure.policy import Document, load


class PolicyQuerySet(models.QuerySet["Policy"]):
    def in_force(self, partnership: Partnership | UUID) -> Policy:
        """The latest version whose effective date has come. Raises Policy.DoesNotExist where none was set up."""
        return self.filter(partnership=partnership, in_force_from__lte=models.functions.Now()).latest("in_force_from", "version")


class Proposal(Row):
    """The text of a policy that the office wants to put in force from a day. It takes a second person; then it is a Policy."""

    partnership = models.ForeignKey(Partnership, models.PROTECT, related_name="proposals")
    text = models.TextField()
    in_force_from = models.DateTimeField()
    proposed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(default=timezone.now)
    approved_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    refused_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True)  # why it was refused
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    history = History(excluded_fields=["text", "reason"])

    class Meta:
        ordering = ["-proposed_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(approved_by=None, approved_at=None)
                | Q(approved_by__isnull=False, approved_at__isnull=False, refused_at=None, withdrawn_at=None)
                & ~Q(approved_by=F("proposed_by")),
                name="approved_by_a_second_person",
            ),
            models.CheckConstraint(
                condition=Q(refused_by=None, refused_at=None) | Q(refused_by__isnull=False, refused_at__isnull=False, withdrawn_at=None),
                name="refused_or_withdrawn",
            ),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            settled("approved_by", "approved_at", "refused_by", "refused_at", "reason", "withdrawn_at"),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="decided_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__approved_at__isnull=False)
                | pgtrigger.Q(old__refused_at__isnull=False)
                | pgtrigger.Q(old__withdrawn_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.partnership}, proposed {self.proposed_at:%Y-%m-%d}"

    @property
    def is_waiting(self) -> bool:
        return self.approved_at is None and self.refused_at is None and self.withdrawn_at is None


class Policy(Row):
    """One version of one partnership's procedure; a disagreement keeps the version it began under."""

    partnership = models.ForeignKey(Partnership, models.PROTECT, related_name="policies")
    version = models.PositiveIntegerField()
    in_force_from = models.DateTimeField()
    text = models.TextField()  # the policy file itself; published by the partnership, not words of a case
    proposal = models.OneToOneField(
        Proposal, models.PROTECT, null=True, blank=True, related_name="policy"
    )  # null: set up with the partnership

    history = History(excluded_fields=["text"])
    objects = PolicyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "policies"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["partnership", "version"], name="one_policy_for_each_version")
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [pgtrigger.Protect(name="immutable", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.partnership}, version {self.version}"

    @property
    def document(self) -> Document:
        """The policy as read from its text; read once for each text."""
        return _read(self.text)

    @property
    def ladder(self) -> Ladder:
        return self.document.ladder

    @cached_property
    def calendar(self) -> Calendar:
        """The working days of this version: the bank holidays known now for its division, and the partnership's closure days."""
        return working_days(self.partnership_id, self.document.calendar)


def share_calendars(policies: Iterable[Policy]) -> None:
    """For lists: every policy learns its calendar, with one question for each partnership and division among them."""
    found: dict[tuple[UUID, str], Calendar] = {}
    for policy in policies:
        key = (policy.partnership_id, policy.document.calendar)
        if key not in found:
            found[key] = policy.calendar
        policy.__dict__["calendar"] = found[key]


class BankHolidays(Row):
    """The bank holidays of one division as they were imported, in GOV.UK's format. The latest version counts."""

    division = models.CharField(max_length=40)
    version = models.PositiveIntegerField()
    text = models.TextField()
    imported_at = models.DateTimeField(default=timezone.now)
    imported_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, blank=True)  # null: by the command

    class Meta:
        verbose_name_plural = "bank holidays"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["division", "version"], name="one_import_for_each_version")
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = append_only()

    def __str__(self) -> str:
        return f"{self.division}, version {self.version}"


class ClosureDay(Row):
    """A day on which a partnership's offices are closed beside the bank holidays. Taken back, never deleted."""

    partnership = models.ForeignKey(Partnership, models.PROTECT, related_name="closure_days")
    day = models.DateField()
    name = models.CharField(max_length=80)  # "Office move"
    added_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)
    removed_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    history = History(excluded_fields=["name"])

    class Meta:
        ordering = ["day"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["partnership", "day"], condition=Q(removed_at=None), name="one_closure_on_a_day"),
            models.CheckConstraint(
                condition=Q(removed_by=None, removed_at=None) | Q(removed_by__isnull=False, removed_at__isnull=False),
                name="removed_by_somebody",
            ),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            settled("removed_by", "removed_at"),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.Protect(name="removed_once", operation=pgtrigger.Update, condition=pgtrigger.Q(old__removed_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.partnership}, {self.day}"


def working_days(partnership: UUID, division: str) -> Calendar:
    """The calendar of this division with the closure days of this partnership, in one query; a second after an import."""
    latest = BankHolidays.objects.filter(division=division).order_by("-version").values("pk")[:1]
    closures = ClosureDay.objects.filter(partnership=OuterRef("pk"), removed_at=None).values(said=JSONObject(day="day", name="name"))
    found = Partnership.objects.filter(pk=partnership).values_list(Subquery(latest), ArraySubquery(closures)).first()
    imported, closed = found or (None, [])
    return _calendar(division, imported, tuple(sorted((one["day"], one["name"]) for one in closed)))


@lru_cache(maxsize=256)
def _calendar(division: str, imported: UUID | None, closed: tuple[tuple[str, str], ...]) -> Calendar:
    """Read once for each import, whose rows are never changed, and each set of closure days."""
    if closed:
        return _calendar(division, imported, ()).with_closures({dt.date.fromisoformat(day): name for day, name in closed})
    return bank_holidays(division, BankHolidays.objects.values_list("text", flat=True).get(pk=imported) if imported else "")


def bank_holidays(division: str, imported: str = "") -> Calendar:
    """What was imported; for the years after its last, what came with the product since. Raises CalendarError where neither is."""
    if not imported:
        return calendars.shipped(division)
    calendar = calendars.load_calendar(imported, division)
    last = max(calendar.holidays, default=dt.date.min).year
    shipped = calendars.shipped(division).holidays if division in calendars.divisions() else {}
    later = {day: name for day, name in shipped.items() if day.year > last}
    return Calendar(calendar.name, MappingProxyType({**calendar.holidays, **later})) if later else calendar


@lru_cache(maxsize=256)
def _read(text: str) -> Document:
    return load(text)


def shipped_chapter() -> str:
    """The text of chapter 23 as shipped with the product."""
    return (Path(__file__).parent / "policies" / "chapter-23.yaml").read_text(encoding="utf-8")
