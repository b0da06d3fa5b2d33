"""Learning points and debriefs asked for: recorded and listed (23.19, 23.20)."""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.history import append_only
from accounts.models import Agency, Partnership, Row, User
from disputes.models import Disagreement, Entry, Side


class LearningPoint(Row):
    """A general issue drawn from a disagreement, in words that identify no one, for the agency's representative. Insert-only."""

    class About(models.TextChoices):
        PROTOCOL = "protocol", _("A protocol or procedure that is unclear")
        ROLES = "roles", _("Roles and responsibilities")
        THRESHOLD = "threshold", _("Thresholds")
        INFORMATION_SHARING = "information_sharing", _("Information sharing")
        TRAINING = "training", _("Training")
        RESOURCES = "resources", _("Resources")
        SYSTEM = "system", _("A system or bureaucracy")
        OTHER = "other", _("Something else")

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    disagreement = models.ForeignKey(Disagreement, models.PROTECT)
    entry = models.ForeignKey(Entry, models.PROTECT)
    agency = models.ForeignKey(Agency, models.PROTECT)  # whose representative takes it on
    named_by = models.ForeignKey(User, models.PROTECT)
    about = models.CharField(max_length=20, choices=About.choices)
    issue = models.TextField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["-recorded_at"]
        triggers: ClassVar[list[pgtrigger.Trigger]] = append_only()
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["entry"], name="one_learning_point_an_entry")]

    def __str__(self) -> str:
        return self.get_about_display()


class DebriefRequest(Row):
    """A debrief asked for after a disagreement, to keep working relationships good (23.20). Insert-only."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    disagreement = models.ForeignKey(Disagreement, models.PROTECT)
    entry = models.OneToOneField(Entry, models.PROTECT)
    side = models.ForeignKey(Side, models.PROTECT)
    asked_by = models.ForeignKey(User, models.PROTECT)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["-recorded_at"]
        triggers: ClassVar[list[pgtrigger.Trigger]] = append_only()

    def __str__(self) -> str:
        return f"debrief for {self.side}"
