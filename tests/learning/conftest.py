"""A partnership that learns: a subgroup with a member, points as people name them, themes and decisions as the subgroup makes them."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Appointment, User
from learning.models import Decision, LearningPoint, Referral, Subgroup, Theme, ThemePoint
from tests import factories
from tests.factories import World

ANSWERS = {"worker_satisfied": "yes", "agency_satisfied": "yes", "general_issue": "yes", "debrief": "no", "child_safe": "yes"}


@dataclass
class Learning:
    """What tests do with a world, each through its page where a page does it."""

    w: World
    client: Client
    subgroup: Subgroup
    member: User

    def as_(self, person: User) -> Client:
        self.client.force_login(person)
        return self.client

    def named(self, by: str = "aisha", issue: str = "Letters give no reasons", about: str = "protocol") -> LearningPoint:
        """A disagreement ends, and this side names a general issue."""
        d = factories.resolved(self.w)
        person = self.w.person(by)
        answer = self.as_(person).post(
            f"/disagreements/{d.reference}/closing-questions/", {**ANSWERS, "about": about, "issue": issue, "key": str(uuid.uuid4())}
        )
        assert answer.status_code == 302, answer.content.decode()
        with acting_as(person):
            return LearningPoint.objects.get(disagreement=d, named_by=person)

    def referred(self, by: str = "aisha", **more: str) -> LearningPoint:
        """Named, and taken to the subgroup by the office (it reads and writes all, whoever represents)."""
        point = self.named(by, **more)
        with acting_as(self.w.office):
            Referral.objects.create(partnership=self.w.partnership, point=point, subgroup=self.subgroup, referred_by=self.w.office)
        return point

    def theme(self, *points: LearningPoint, title: str = "Reasons in letters") -> Theme:
        with acting_as(self.member):
            made = Theme.objects.create(
                partnership=self.w.partnership,
                subgroup=self.subgroup,
                title=title,
                about="protocol",
                summary="Letters that decline give no reasons.",
                made_by=self.member,
            )
            for point in points:
                ThemePoint.objects.create(partnership=self.w.partnership, point=point, theme=made, placed_by=self.member)
        return made

    def decided(self, theme: Theme, owner: User | None = None, **more: Any) -> Decision:
        with acting_as(self.member):
            given = {"kind": "protocol", "what": "A new letter", "due_on": timezone.localdate() + dt.timedelta(days=30)}
            return Decision.objects.create(
                partnership=self.w.partnership, theme=theme, owner=owner or self.w.mona, decided_by=self.member, **{**given, **more}
            )

    def done(self, decision: Decision) -> None:
        with acting_as(self.member):
            Decision.objects.filter(pk=decision.pk).update(
                what_changed="Every letter gives reasons now",
                evidence="Thirty letters read",
                done_on=timezone.localdate(),
                done_by=self.member,
                done_at=timezone.now(),
            )


@pytest.fixture
def learning(db: None, client: Client) -> Learning:
    w = factories.world()
    member = factories.person("Quinn", kept_for=w.partnership)
    with factories.as_set_up():
        Appointment.objects.create(partnership=w.partnership, person=member, office="subgroup", starts_on=factories.LONG_AGO)
    with acting_as(w.office):
        subgroup = Subgroup.objects.create(partnership=w.partnership, name="Quality assurance")
    return Learning(w, client, subgroup, member)
