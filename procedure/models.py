"""A partnership's policy as it was on a date: the versioned text of its procedure, immutable once a disagreement stands on it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import pgtrigger
from django.db import models

from accounts.history import History
from accounts.models import Partnership, Row
from procedure import calendars
from procedure.calendars import Calendar
from procedure.ladder import Ladder
from procedure.policy import Document, load


class PolicyQuerySet(models.QuerySet["Policy"]):
    def in_force(self, partnership: Partnership | UUID) -> Policy:
        """The latest version whose effective date has come. Raises Policy.DoesNotExist where none was set up."""
        return self.filter(partnership=partnership, in_force_from__lte=models.functions.Now()).latest("in_force_from", "version")


class Policy(Row):
    """One version of one partnership's procedure; a disagreement keeps the version it began under."""

    partnership = models.ForeignKey(Partnership, models.PROTECT, related_name="policies")
    version = models.PositiveIntegerField()
    in_force_from = models.DateTimeField()
    text = models.TextField()  # the policy file itself; published by the partnership, not words of a case

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

    @property
    def calendar(self) -> Calendar:
        """Whose bank holidays this version counts."""
        return calendars.shipped(self.document.calendar)


@lru_cache(maxsize=256)
def _read(text: str) -> Document:
    return load(text)


def shipped_chapter() -> str:
    """The text of chapter 23 as shipped with the product."""
    return (Path(__file__).parent / "policies" / "chapter-23.yaml").read_text(encoding="utf-8")
