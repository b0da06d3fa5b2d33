"""The trail of what is not a move: who read, who was refused, who exported. Ids and short codes only, never words."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models.functions import Now

from accounts.history import append_only, settled


class Trace(models.Model):
    """One read, search, refusal, export, sign-in or change of who people are.

    Insert-only; person and disagreement are bare ids, so that nothing ties it down."""

    class Kind(models.TextChoices):
        READ = "read"
        REFUSED = "refused"
        EXPORTED = "exported"
        SIGN_IN_FAILED = "sign_in_failed"
        SIGNED_IN = "signed_in"
        SIGNED_OUT = "signed_out"
        SEARCHED = "searched"
        PRINTED = "printed"
        CHANGED = "changed"  # who people are, who holds which office, how somebody signs in

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField(db_default=Now())
    kind = models.CharField(max_length=20, choices=Kind.choices)
    person_id = models.UUIDField(null=True)
    partnership_id = models.UUIDField(null=True)
    disagreement_id = models.UUIDField(null=True)
    what = models.CharField(max_length=60)  # the page, the move or the export, as a short code
    facts = models.JSONField(default=dict)  # counts and ids

    class Meta:
        indexes: ClassVar[list[Any]] = [models.Index(fields=["person_id", "at"]), models.Index(fields=["disagreement_id", "at"])]
        triggers: ClassVar[list[pgtrigger.Trigger]] = append_only()

    def __str__(self) -> str:
        return f"{self.kind} {self.what}"


class Alarm(models.Model):
    """Something that a person should look at: unusual reading, an emergency access that nobody confirmed. Ids and counts only."""

    class Kind(models.TextChoices):
        UNUSUAL_READING = "unusual_reading"
        LARGE_EXPORT = "large_export"
        UNCONFIRMED_ACCESS = "unconfirmed_access"
        ROLE_GRANTED = "role_granted"  # somebody was given sight of disagreements by an appointment

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField(db_default=Now())
    kind = models.CharField(max_length=24, choices=Kind.choices)
    person_id = models.UUIDField()  # whose doing it was
    partnership_id = models.UUIDField(null=True)
    disagreement_id = models.UUIDField(null=True)
    facts = models.JSONField(default=dict)  # counts and limits
    told_at = models.DateTimeField(null=True)  # when mails about it were owed to those who look
    seen_at = models.DateTimeField(null=True)
    seen_by_id = models.UUIDField(null=True)

    class Meta:
        indexes: ClassVar[list[Any]] = [models.Index(fields=["person_id", "kind", "at"])]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [settled("told_at", "seen_at", "seen_by_id")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
