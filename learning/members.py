"""Who belongs to which partnership, and who serves it in which office: what the pages of learning together ask first."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Appointment, Office, Partnership, User

ORGANISERS = (Office.OFFICE, Office.SUBGROUP)
SEE_THE_LEARNING = (Office.OFFICE, Office.CHAIR, Office.DEPUTY, Office.AUDITOR, Office.REPRESENTATIVE, Office.SUBGROUP)


def person_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - the middleware lets nobody else in
    return request.user


def partnerships_of(person: User) -> QuerySet[Partnership]:
    """Where this person works, or holds an office today."""
    works = Q(agencies__teams__posts__holder=person, agencies__teams__posts__ended_on=None)
    held = Appointment.objects.on(timezone.localdate()).filter(person=person).values("partnership")
    return Partnership.objects.filter(works | Q(pk__in=held)).distinct().order_by("name")


def served_by(person: User, *offices: str) -> list[Partnership]:
    """The partnerships in which this person holds one of these offices today."""
    held = Appointment.objects.on(timezone.localdate()).filter(person=person, office__in=offices)
    return list(Partnership.objects.filter(pk__in=held.values("partnership")).order_by("name"))


def agencies_of(person: User) -> set[UUID]:
    return set(person.posts.filter(ended_on=None).values_list("team__agency", flat=True))
