"""What is learnt: general issues on their way through the subgroup and back (23.19), debriefs (23.20), thanks, events, each person's own
log, and the numbers that were published."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.history import append_only, settled
from accounts.models import Agency, Partnership, Row, User
from disputes.models import Disagreement, Entry, Side


class About(models.TextChoices):
    """What a general issue is about (23.3, 23.4; bureaucracy itself was found to be a cause of conflict, Simpson et al. 2017)."""

    PROTOCOL = "protocol", _("A protocol or procedure that is unclear")
    ROLES = "roles", _("Roles and responsibilities")
    THRESHOLD = "threshold", _("Thresholds")
    INFORMATION_SHARING = "information_sharing", _("Information sharing")
    TRAINING = "training", _("Training")
    RESOURCES = "resources", _("Resources")
    SYSTEM = "system", _("A system or bureaucracy")
    OTHER = "other", _("Something else")


class Capability(models.TextChoices):
    """What working well with disagreement takes: tags events and entries of the log (the study's framework across professions)."""

    RAISING = "raising", _("Raising a disagreement")
    RESPONDING = "responding", _("Listening and responding")
    MANAGING = "managing", _("Managing a disagreement")
    MEDIATING = "mediating", _("Mediating")
    LEARNING = "learning", _("Learning from it")


# ── general issues ──────────────────────────────────────────────────────────────────────────────────────────────────


class LearningPoint(Row):
    """A general issue drawn from a disagreement or from its debrief, in words that identify no one, for the agency's representative.
    Insert-only."""

    About = About

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    disagreement = models.ForeignKey(Disagreement, models.PROTECT)
    entry = models.ForeignKey(Entry, models.PROTECT, null=True)  # the closing questions that named it; null: from a debrief
    debrief = models.ForeignKey("Debrief", models.PROTECT, null=True, related_name="points")
    agency = models.ForeignKey(Agency, models.PROTECT)  # whose representative takes it on
    named_by = models.ForeignKey(User, models.PROTECT)
    about = models.CharField(max_length=20, choices=About.choices)
    issue = models.TextField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["-recorded_at"]
        triggers: ClassVar[list[pgtrigger.Trigger]] = append_only()
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["entry"], name="one_learning_point_an_entry"),
            models.CheckConstraint(condition=Q(entry=None) ^ Q(debrief=None), name="from_an_entry_or_a_debrief"),
        ]

    def __str__(self) -> str:
        return self.get_about_display()


class Subgroup(Row):
    """A subcommittee of the partnership that considers general issues (23.19), such as the quality-assurance group."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    name = models.CharField(max_length=100)
    ended_on = models.DateField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["partnership", "name"], name="one_subgroup_a_name")]

    def __str__(self) -> str:
        return self.name


class Referral(Row):
    """What an agency's representative did with a general issue: referred to a subgroup, or kept in the agency, and why. Insert-only."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    point = models.OneToOneField(LearningPoint, models.PROTECT, related_name="referral")
    subgroup = models.ForeignKey(Subgroup, models.PROTECT, null=True)  # null: kept in the agency
    reason = models.TextField(blank=True)
    referred_by = models.ForeignKey(User, models.PROTECT)
    referred_at = models.DateTimeField(db_default=Now())

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = append_only()
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(subgroup__isnull=False) | ~Q(reason=""), name="referred_or_kept_with_a_reason")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Theme(Row):
    """Several general issues seen as one, in words that identify no one."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    subgroup = models.ForeignKey(Subgroup, models.PROTECT)
    title = models.CharField(max_length=120)
    about = models.CharField(max_length=20, choices=About.choices)
    summary = models.TextField(blank=True)
    made_by = models.ForeignKey(User, models.PROTECT)
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["-made_at"]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [settled("title", "about", "summary", "subgroup")]

    def __str__(self) -> str:
        return self.title


class ThemePoint(Row):
    """A general issue belongs to one theme; it may be moved to another."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    point = models.OneToOneField(LearningPoint, models.PROTECT, related_name="placed")
    theme = models.ForeignKey(Theme, models.PROTECT, related_name="placed")
    placed_by = models.ForeignKey(User, models.PROTECT)
    placed_at = models.DateTimeField(db_default=Now())

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [settled("theme", "placed_by", "placed_at")]

    def __str__(self) -> str:
        return str(self.pk)


class Decision(Row):
    """What the subgroup decided about a theme, who sees to it and by when; later what changed, and the evidence. Told back once done."""

    class Kind(models.TextChoices):
        PROTOCOL = "protocol", _("Amend a protocol or procedure")
        GUIDANCE = "guidance", _("Write or amend guidance")
        TRAINING = "training", _("Training or joint learning")
        COMMISSION = "commission", _("Commission a service or a piece of work")
        NO_CHANGE = "no_change", _("No change, with the reason")

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    theme = models.ForeignKey(Theme, models.PROTECT, related_name="decisions")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    what = models.TextField()  # what will be done; of "no change" the reason
    owner = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    due_on = models.DateField(null=True)
    decided_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(db_default=Now())
    what_changed = models.TextField(blank=True)  # published: in words for everybody
    evidence = models.TextField(blank=True)  # how the subgroup knows
    done_on = models.DateField(null=True)
    done_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["decided_at"]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [settled("what_changed", "evidence", "done_on", "done_by", "done_at")]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(kind="no_change", owner=None, due_on=None)
                | (~Q(kind="no_change") & Q(owner__isnull=False, due_on__isnull=False)),
                name="decided_with_owner_and_date",
            )
        ]

    def __str__(self) -> str:
        return self.get_kind_display()

    @property
    def is_done(self) -> bool:
        return self.done_at is not None

    def is_overdue(self, day: dt.date) -> bool:
        return self.done_at is None and self.due_on is not None and self.due_on < day


# ── working together ────────────────────────────────────────────────────────────────────────────────────────────────


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


class Debrief(Row):
    """A talk between those involved after the end, arranged by the office. What was said stands in a joint note that only they read."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    disagreement = models.ForeignKey(Disagreement, models.PROTECT)
    arranged_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    facilitator = models.CharField(max_length=120, blank=True)
    starts_at = models.DateTimeField()
    place = models.CharField(max_length=200, blank=True)
    made_at = models.DateTimeField(db_default=Now())
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-starts_at"]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [settled("facilitator", "starts_at", "place", "cancelled_at")]

    def __str__(self) -> str:
        return str(self.pk)


class DebriefParticipant(Row):
    """Somebody asked to a debrief; it is voluntary."""

    class Answer(models.TextChoices):
        OPEN = "", _("Has not answered")
        YES = "yes", _("Comes")
        NO = "no", _("Does not come")

    debrief = models.ForeignKey(Debrief, models.PROTECT, related_name="participants")
    person = models.ForeignKey(User, models.PROTECT, related_name="+")
    side = models.ForeignKey(Side, models.PROTECT, null=True)
    answer = models.CharField(max_length=3, choices=Answer.choices, blank=True)

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [settled("answer")]
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["debrief", "person"], name="once_at_a_debrief")]

    def __str__(self) -> str:
        return str(self.person)


class DebriefNote(Row):
    """One version of the joint note; it counts once everybody who came has consented to that very version. Insert-only, no history."""

    debrief = models.ForeignKey(Debrief, models.PROTECT, related_name="notes")
    version = models.PositiveSmallIntegerField()
    text = models.TextField()
    written_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    written_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["-version"]
        triggers: ClassVar[list[pgtrigger.Trigger]] = append_only()
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["debrief", "version"], name="one_note_a_version")]

    def __str__(self) -> str:
        return f"version {self.version}"


class DebriefConsent(Row):
    """A participant's consent to one version of the joint note. Insert-only."""

    note = models.ForeignKey(DebriefNote, models.PROTECT, related_name="consents")
    person = models.ForeignKey(User, models.PROTECT, related_name="+")
    given_at = models.DateTimeField(db_default=Now())

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = append_only()
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["note", "person"], name="one_consent_a_note")]

    def __str__(self) -> str:
        return str(self.pk)


class Thanks(Row):
    """A note of thanks for good challenge or a good response, to a person and their manager. Insert-only, outside the record."""

    class For(models.TextChoices):
        CHALLENGE = "challenge", _("A good challenge")
        RESPONSE = "response", _("A good response")

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    disagreement = models.ForeignKey(Disagreement, models.PROTECT)
    from_person = models.ForeignKey(User, models.PROTECT, related_name="+")
    to_person = models.ForeignKey(User, models.PROTECT, related_name="thanks")
    manager = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")  # whoever manages them when it is sent
    what_for = models.CharField(max_length=10, choices=For.choices)
    text = models.TextField()
    sent_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["-sent_at"]
        verbose_name_plural = "thanks"
        triggers: ClassVar[list[pgtrigger.Trigger]] = append_only()
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["disagreement", "from_person", "to_person"], name="one_thanks_a_person"),
            models.CheckConstraint(condition=~Q(from_person=F("to_person")), name="nobody_thanks_themselves"),
        ]

    def __str__(self) -> str:
        return self.get_what_for_display()


# ── joint learning, and each person's own ───────────────────────────────────────────────────────────────────────────


class LearningEvent(Row):
    """A briefing, workshop or shadowing for several agencies, mostly drawn from a theme."""

    class Kind(models.TextChoices):
        BRIEFING = "briefing", _("Briefing")
        WORKSHOP = "workshop", _("Workshop")
        SHADOWING = "shadowing", _("Shadowing")

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    theme = models.ForeignKey(Theme, models.PROTECT, null=True, related_name="events")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    title = models.CharField(max_length=120)
    about = models.TextField(blank=True)
    starts_at = models.DateTimeField()
    hours = models.DecimalField(max_digits=3, decimal_places=1)
    place = models.CharField(max_length=200, blank=True)
    areas = models.JSONField(default=list)  # of Capability
    agencies = models.JSONField(default=list)  # ids of those it is for; empty: all of the partnership
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(db_default=Now())
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-starts_at"]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            settled("title", "about", "starts_at", "hours", "place", "areas", "agencies", "cancelled_at")
        ]

    def __str__(self) -> str:
        return self.title


class Attendance(Row):
    """Somebody comes to an event, or was there."""

    event = models.ForeignKey(LearningEvent, models.PROTECT, related_name="attendances")
    person = models.ForeignKey(User, models.PROTECT, related_name="+")
    signed_up_at = models.DateTimeField(db_default=Now())
    withdrawn_at = models.DateTimeField(null=True)
    was_there = models.BooleanField(default=False)  # as they say themselves

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [settled("withdrawn_at", "was_there")]
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["event", "person"], name="once_at_an_event")]

    def __str__(self) -> str:
        return str(self.pk)


class LogEntry(Row):
    """One entry of a person's own reflection and CPD log. Not part of any record: no history, changed and deleted by its owner, read by
    nobody else, whoever they are. How somebody handles conflict is a question to themselves, never a label."""

    owner = models.ForeignKey(User, models.PROTECT, related_name="+")
    on = models.DateField()
    title = models.CharField(max_length=120)
    hours = models.DecimalField(max_digits=4, decimal_places=1, null=True)
    role = models.CharField(max_length=120, blank=True)
    areas = models.JSONField(default=list)  # of Capability
    task = models.TextField(blank=True)  # what was disagreed about, apart from who
    process = models.TextField(blank=True)  # what in systems or bureaucracy got in the way
    style = models.TextField(blank=True)  # how I went about the conflict, and whether I would again
    learned = models.TextField(blank=True)
    changed = models.TextField(blank=True)  # what changed in my practice
    event = models.ForeignKey(LearningEvent, models.PROTECT, null=True, related_name="+")
    written_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-on", "-written_at"]
        verbose_name_plural = "log entries"

    def __str__(self) -> str:
        return str(self.pk)


# ── numbers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Release(Row):
    """The statistics of one quarter or year as they were published, small numbers hidden; never counted again. Insert-only."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    starts_on = models.DateField()
    ends_on = models.DateField()  # the last day
    tables = models.JSONField()  # see learning.statistics
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["-starts_on", "-ends_on"]
        triggers: ClassVar[list[pgtrigger.Trigger]] = append_only()
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["partnership", "starts_on", "ends_on"], name="one_release_a_period")
        ]

    def __str__(self) -> str:
        return f"{self.starts_on} to {self.ends_on}"
