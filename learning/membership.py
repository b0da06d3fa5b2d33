"""As what a person meets the learning of a partnership: takes points on, decides in a subgroup, reads the themes, or works there."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest
from django.utils import timezone

from accounts.models import Appointment, Membership, Office, Partnership, Post, User

READING = (Office.OFFICE, Office.CHAIR, Office.DEPUTY, Office.AUDITOR, Office.REPRESENTATIVE, Office.SUBGROUP)
DECIDING = (Office.OFFICE, Office.SUBGROUP)
TAKING_ON = (Office.REPRESENTATIVE, Office.OFFICE)


@dataclass(frozen=True)
class Learner:
    """One person with the appointments they hold today. The database asks the same again (learning/migrations/0004)."""

    person: User
    held: list[Appointment] = field(default_factory=list)

    def partnerships(self, *offices: str) -> list[UUID]:
        """In which they hold one of these offices."""
        return list(dict.fromkeys(one.partnership_id for one in self.held if one.office in offices))

    @property
    def reads(self) -> list[UUID]:
        return self.partnerships(*READING)

    @property
    def decides(self) -> list[UUID]:
        """Where they may merge points into themes and decide."""
        return self.partnerships(*DECIDING)

    @property
    def offices(self) -> list[UUID]:
        return self.partnerships(Office.OFFICE)

    @property
    def points(self) -> Q:
        """The learning points they may see: a representative those of the agency, office and subgroup all."""
        mine = Q(partnership__in=self.decides)
        for one in self.held:
            if one.office == Office.REPRESENTATIVE:
                mine |= Q(partnership=one.partnership_id, agency=one.agency_id)
        return mine

    def takes_on(self, partnership: UUID, agency: UUID) -> bool:
        """Whether it is theirs to refer a point of this agency: its representative; the office where the agency has none."""
        represents = (Office.REPRESENTATIVE, partnership, agency)
        if any((one.office, one.partnership_id, one.agency_id) == represents for one in self.held):
            return True
        return partnership in self.offices and (partnership, agency) not in self._represented

    @cached_property
    def _represented(self) -> set[tuple[UUID, UUID | None]]:
        """The agencies that have a representative today, where this person is of the office."""
        held = Appointment.objects.on(timezone.localdate()).filter(partnership__in=self.offices, office=Office.REPRESENTATIVE)
        return set(held.values_list("partnership", "agency"))

    def seen_as(self) -> dict[UUID | None, dict[str, str]]:
        """Partnership -> in which capacity they read there, for the trail."""
        return {one.partnership_id: {"as": one.office} for one in self.held if one.office in READING}


def learner(request: HttpRequest) -> Learner:
    return learner_of(request.user)  # type: ignore[arg-type]  # every view here is behind the sign-in


def learner_of(person: User) -> Learner:
    return Learner(person, list(Appointment.objects.on(timezone.localdate()).filter(person=person)))


def reader(request: HttpRequest) -> Learner:
    """Whoever reads points or themes; Http404 for everybody else."""
    found = learner(request)
    if not found.reads:
        raise Http404
    return found


def decider(request: HttpRequest) -> Learner:
    """The subgroups' members and the office; Http404 for everybody else."""
    found = learner(request)
    if not found.decides:
        raise Http404
    return found


def representatives(partnership: UUID, agency: UUID) -> QuerySet[Appointment]:
    held = Appointment.objects.on(timezone.localdate())
    return held.filter(partnership=partnership, agency=agency, office=Office.REPRESENTATIVE)


def partnerships_of(person: User) -> QuerySet[Partnership]:
    """Where they work: a post in a member agency, or any appointment today."""
    posts = Post.objects.filter(holder=person, ended_on=None).values("team__agency")
    member = Membership.objects.filter(agency__in=posts).values("partnership")
    held = Appointment.objects.on(timezone.localdate()).filter(person=person).values("partnership")
    return Partnership.objects.filter(Q(pk__in=member) | Q(pk__in=held)).order_by("name")


def people_of(partnership: Partnership | UUID) -> QuerySet[User]:
    """Everybody who works there and has a working account: who may own a decision."""
    posts = Post.objects.filter(ended_on=None, team__agency__partnerships=partnership).values("holder")
    held = Appointment.objects.on(timezone.localdate()).filter(partnership=partnership).values("person")
    return User.objects.filter(Q(pk__in=posts) | Q(pk__in=held), is_active=True).order_by("name")
