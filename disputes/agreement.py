"""The agreed outcome: one versioned text, its outstanding issues, and each side's written confirmation (23.18)."""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.db import models

from accounts.history import History, settled
from accounts.models import Partnership, Row, User
from disputes.places import Side
from disputes.record import Entry


class Agreement(Row):
    """One version of the proposed outcome. A later version voids the confirmations of this one."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    disagreement = models.ForeignKey("disputes.Disagreement", models.PROTECT, related_name="agreements")
    version = models.PositiveSmallIntegerField()
    entry = models.ForeignKey(Entry, models.PROTECT, related_name="+")  # its words are the entry's text "outcome"
    proposed_by = models.ForeignKey(Side, models.PROTECT, null=True)  # null: offered by the Chair
    declined_by = models.ForeignKey(Entry, models.PROTECT, null=True, related_name="+")

    history = History()

    class Meta:
        ordering: ClassVar[list[str]] = ["-version"]
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["disagreement", "version"], name="one_agreement_a_version")]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [settled("declined_by")]

    def __str__(self) -> str:
        return f"version {self.version}"


class OutstandingIssue(Row):
    """Something still to be done under an agreement: owner and date; its words are the entry's text "issue_<number>"."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    disagreement = models.ForeignKey("disputes.Disagreement", models.PROTECT, related_name="outstanding_issues")
    agreement = models.ForeignKey(Agreement, models.PROTECT, related_name="issues")
    number = models.PositiveSmallIntegerField()
    owner_side = models.ForeignKey(Side, models.PROTECT)
    owner = models.ForeignKey(User, models.PROTECT, null=True)
    due_on = models.DateField()
    done_by = models.ForeignKey(Entry, models.PROTECT, null=True, related_name="+")  # its words are the evidence

    history = History()

    class Meta:
        ordering: ClassVar[list[str]] = ["number"]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [settled("done_by")]

    def __str__(self) -> str:
        return f"issue {self.number}"


class Confirmation(Row):
    """One side's written confirmation of one version. Recorded for a side not on the system, it waits for the office's countersign."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    disagreement = models.ForeignKey("disputes.Disagreement", models.PROTECT)
    agreement = models.ForeignKey(Agreement, models.PROTECT, related_name="confirmations")
    side = models.ForeignKey(Side, models.PROTECT)
    entry = models.ForeignKey(Entry, models.PROTECT, related_name="+")
    needs_countersign = models.BooleanField(default=False)
    countersigned_by = models.ForeignKey(Entry, models.PROTECT, null=True, related_name="+")

    history = History()

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["agreement", "side"], name="one_confirmation_a_side")]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [settled("countersigned_by")]

    def __str__(self) -> str:
        return f"{self.side} confirmed {self.agreement}"

    @property
    def counts(self) -> bool:
        return not self.needs_countersign or self.countersigned_by_id is not None
