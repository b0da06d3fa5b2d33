"""The trail of what is not a move: who read, who was refused, who exported. Ids and short codes only, never words."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models.functions import Now

from accounts.history import append_only


class Trace(models.Model):
    """One read, refusal, export or failed sign-in. Insert-only; person and disagreement are bare ids, so that nothing ties it down."""

    class Kind(models.TextChoices):
        READ = "read"
        REFUSED = "refused"
        EXPORTED = "exported"
        SIGN_IN_FAILED = "sign_in_failed"

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
