"""Who takes part: children, sides and seats."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import Case, Q, When
from django.db.models.functions import Greatest, Now
from django.utils.translation import gettext_lazy as _

from accounts.history import History, append_only, settled
from accounts.models import Partnership, Post, Row, Team, User
from disputes.stages import Capacity, SideKind


class Child(Row):
    """A child the disagreement is about, by pseudonym. Insert-only and without history: erasure must stay possible."""

    class AgeBand(models.TextChoices):
        UNBORN = "unborn", _("Unborn")
        UNDER_1 = "under_1", _("Under 1")
        FROM_1 = "1_4", _("1 to 4")
        FROM_5 = "5_10", _("5 to 10")
        FROM_11 = "11_15", _("11 to 15")
        FROM_16 = "16_17", _("16 or 17")

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    disagreement = models.ForeignKey("disputes.Disagreement", models.PROTECT, related_name="children")
    number = models.PositiveSmallIntegerField()
    pseudonym = models.CharField(max_length=60)
    age_band = models.CharField(max_length=10, choices=AgeBand.choices)

    class Meta:
        ordering: ClassVar[list[str]] = ["number"]
        verbose_name_plural = "children"
        triggers: ClassVar[list[pgtrigger.Trigger]] = append_only()
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["disagreement", "number"], name="one_child_a_number")]

    def __str__(self) -> str:
        return f"{self.pseudonym} ({self.get_age_band_display()})"


class Side(Row):
    """A team taking part. `post` is the place first addressed; `ended_at` is set when they passed it on."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    disagreement = models.ForeignKey("disputes.Disagreement", models.PROTECT, related_name="sides")
    kind = models.CharField(max_length=12, choices=SideKind.choices)
    team = models.ForeignKey(Team, models.PROTECT)
    post = models.ForeignKey(Post, models.PROTECT, null=True)
    ended_at = models.DateTimeField(null=True)
    agreed_to_differ = models.BooleanField(default=False)
    closing_answered = models.BooleanField(default=False)

    history = History()

    class Meta:
        ordering: ClassVar[list[Any]] = [
            Case(When(kind=SideKind.RAISING, then=0), When(kind=SideKind.RESPONDING, then=1), default=2),
            "team__name",
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [settled("ended_at", "agreed_to_differ", "closing_answered")]

    def __str__(self) -> str:
        return str(self.team)


class ChildReference(Row):
    """A side's own reference for a child. Insert-only, no history; never in mail, search or statistics."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    disagreement = models.ForeignKey("disputes.Disagreement", models.PROTECT, related_name="child_references")
    side = models.ForeignKey(Side, models.PROTECT, related_name="child_references")
    child = models.ForeignKey(Child, models.PROTECT, related_name="references")
    reference = models.CharField(max_length=60)

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = append_only()

    def __str__(self) -> str:
        return f"{self.side}: {self.child.number}"


class SeatQuerySet(models.QuerySet["Seat"]):
    def active(self, now: dt.datetime) -> SeatQuerySet:
        """Not ended: neither at `now` nor by the database's own clock, which stamps the end and may be ahead of this machine's."""
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=Greatest(now, Now())))

    def of(self, person: User, day: dt.date) -> SeatQuerySet:
        """Seats this person fills: their own, those of posts they hold, and those of posts they stand in for on `day`."""
        dated = {"post__stand_ins__starts_on__lte": day, "post__stand_ins__ends_on__gte": day}
        stood_in = Q(post__stand_ins__person=person, post__ended_on=None, **dated)
        return self.filter(Q(person=person, post=None) | Q(post__holder=person, post__ended_on=None) | stood_in).distinct()


class Seat(Row):
    """One person's place at one disagreement, from when until when, in which capacity, opened by which entry."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    disagreement = models.ForeignKey("disputes.Disagreement", models.PROTECT, related_name="seats")
    side = models.ForeignKey(Side, models.PROTECT, related_name="seats", null=True)  # null: the partnership's own
    person = models.ForeignKey(User, models.PROTECT, related_name="seats")
    post = models.ForeignKey(Post, models.PROTECT, null=True)
    capacity = models.CharField(max_length=12, choices=Capacity.choices)
    step = models.PositiveSmallIntegerField(null=True)  # the step of the ladder at which this person acts for their side
    positions_only = models.BooleanField(default=False)  # the Chair until accepting: both positions, not the whole record
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    opened_by = models.UUIDField(null=True)  # the entry whose act opened it

    history = History()
    objects = SeatQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["disagreement", "side", "person", "capacity", "step"],
                condition=Q(ends_at=None),
                name="one_open_seat",
                nulls_distinct=False,
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["person", "disagreement"])]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [settled("ends_at", "positions_only")]

    def __str__(self) -> str:
        return f"{self.person}, {self.get_capacity_display()}"

    @property
    def is_held_by_its_person(self) -> bool:
        """Whether they still hold the post in which they sit; a seat without a post is their own."""
        return self.post is None or (self.post.holder_id == self.person_id and self.post.ended_on is None)


class Exclusion(Row):
    """A person who must not see a disagreement, for conflict of interest. Beats every right."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    disagreement = models.ForeignKey("disputes.Disagreement", models.PROTECT, related_name="exclusions")
    person = models.ForeignKey(User, models.PROTECT)
    opened_by = models.UUIDField(null=True)
    lifted_by = models.UUIDField(null=True)  # the entry that said there is no conflict of interest after all

    history = History()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["disagreement", "person"], condition=Q(lifted_by=None), name="one_exclusion")
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [settled("lifted_by")]

    def __str__(self) -> str:
        return f"{self.person} excluded"


class SideNote(Row):
    """What one side writes for itself, or privately to the Chair. Insert-only; outside the shared record, its chain and its history, until
    an act discloses it. Only that side sees it, and the Chair what was written to the Chair."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    disagreement = models.ForeignKey("disputes.Disagreement", models.PROTECT, related_name="side_notes")
    side = models.ForeignKey(Side, models.PROTECT, related_name="notes")
    with_chair = models.BooleanField(default=False)  # a private thread of this side with the Chair
    author = models.ForeignKey(User, models.PROTECT, related_name="+")
    post = models.ForeignKey(Post, models.PROTECT, null=True)
    written_at = models.DateTimeField(db_default=Now())
    text = models.TextField()

    class Meta:
        ordering: ClassVar[list[str]] = ["written_at"]
        triggers: ClassVar[list[pgtrigger.Trigger]] = append_only()

    def __str__(self) -> str:
        return str(self.pk)
