"""Exports that were asked for: made by a worker as the person who asked, and taken away once, within a day."""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.history import settled
from accounts.models import Row, User


class Export(Row):
    """One export: who asked for what, and what became of it. The row stays; the file goes when it is taken away, or after a day."""

    person = models.ForeignKey(User, models.PROTECT, related_name="+")
    what = models.CharField(max_length=40)  # "history.csv"
    asked = models.JSONField(default=dict)  # dates, stage and ids as asked; never words
    asked_at = models.DateTimeField(db_default=Now())
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    made_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    size = models.PositiveBigIntegerField(null=True)  # bytes
    sha256 = models.CharField(max_length=64, blank=True)
    counts = models.JSONField(default=dict)  # rows, disagreements, entries
    holds = ArrayField(models.UUIDField(), default=list)  # the disagreements in the file: rights are read again when it is taken away
    taken_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["asked_at"], condition=Q(made_at=None, failed_at=None), name="exports_asked_for"),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            settled("leased_until", "attempts", "made_at", "failed_at", "size", "sha256", "counts", "holds", "taken_at", "removed_at")
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.pk}"


class ExportPart(models.Model):
    """A piece of the file, in the database, where the rules on rows hold for it too: no copy lies in a directory. In pieces, so that
    neither who writes nor who reads it holds the whole in memory."""

    export = models.ForeignKey(Export, models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        ordering: ClassVar[list[str]] = ["number"]
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["export", "number"], name="one_part_a_number")]

    def __str__(self) -> str:
        return f"{self.export_id} {self.number}"
