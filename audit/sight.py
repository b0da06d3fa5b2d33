"""Whose trail and which alarms a person may read today. Row-level security says the same a second time (accord_led_people)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import Appointment, Office, Partnership, Post, User
from audit.models import Alarm, Trace


@dataclass
class Sight:
    """An auditor reads the trail of a partnership, a safeguarding lead that of the agency's own people; the office reads alarms."""

    person: User
    audited: dict[UUID, Partnership] = field(default_factory=dict)
    led: dict[UUID, str] = field(default_factory=dict)  # agency -> its name
    led_in: set[UUID] = field(default_factory=set)  # the partnerships in which they lead it
    served: set[UUID] = field(default_factory=set)  # partnerships whose office they are

    @classmethod
    def of(cls, person: User, day: dt.date) -> Sight:
        """One query."""
        sight = cls(person)
        offices = (Office.AUDITOR, Office.SAFEGUARDING_LEAD, Office.OFFICE)
        for held in Appointment.objects.on(day).filter(person=person, office__in=offices).select_related("partnership", "agency"):
            if held.office == Office.AUDITOR:
                sight.audited[held.partnership_id] = held.partnership
            elif held.office == Office.OFFICE:
                sight.served.add(held.partnership_id)
            elif held.agency is not None:
                sight.led[held.agency.pk] = held.agency.name
                sight.led_in.add(held.partnership_id)
        return sight

    @property
    def reads_trail(self) -> bool:
        return bool(self.audited or self.led)

    @property
    def reads_alarms(self) -> bool:
        return self.reads_trail or bool(self.served)

    def traces(self) -> QuerySet[Trace]:
        return Trace.objects.filter(Q(partnership_id__in=list(self.audited)) | Q(person_id__in=self._led_people()))

    def alarms(self) -> QuerySet[Alarm]:
        """Not those about oneself: somebody else looks into them."""
        mine = Q(partnership_id__in=[*self.audited, *self.served]) | Q(person_id__in=self._led_people())
        return Alarm.objects.filter(mine).exclude(person_id=self.person.pk)

    def people(self) -> QuerySet[User]:
        """Those whose trail this is: who is kept by or works in the agency, who works in or serves the partnership."""
        in_it = Q(posts__team__agency__partnerships__in=list(self.audited)) | Q(appointments__partnership__in=list(self.audited))
        kept = Q(kept_by__partnerships__in=list(self.audited))
        return User.objects.filter(pk__in=User.objects.filter(in_it | kept | Q(pk__in=self._led_people())).values("pk"))

    def partnerships(self) -> Iterable[UUID]:
        """Where it is noted that this person looked."""
        return {*self.audited, *self.led_in, *self.served}

    def _led_people(self) -> QuerySet[User]:
        led = list(self.led)
        holders = Post.objects.filter(team__agency__in=led, holder__isnull=False, ended_on=None).values("holder")
        return User.objects.filter(Q(kept_by__in=led) | Q(pk__in=holders)).values("pk")  # type: ignore[return-value]
