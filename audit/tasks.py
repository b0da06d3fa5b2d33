"""What runs by itself: telling those who look after a person's agency and partnership that an alarm waits for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from uuid import UUID

from celery import shared_task
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import letters
from accounts.models import Agency, Appointment, Letter, Office, Post, User
from audit.models import Alarm

IN_A_ROW = 200


class WrongRole(Exception):
    """Only the clock sees every alarm: in another role this must fail, not find none."""


@shared_task
def tell_of_alarms() -> int:
    """Owes letters about every alarm that nobody was told of; returns how many alarms. Safe to run twice and side by side."""
    return tell(timezone.now())


@transaction.atomic
def tell(now: dt.datetime) -> int:
    """As tell_of_alarms, at a given moment (aware). Each person gets one letter, however many alarms there are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (role,) = cursor.fetchone()
    if role != "accord_clock":
        raise WrongRole(f"Alarms are told by accord_clock, not by {role}.")
    alarms = list(Alarm.objects.filter(told_at=None).select_for_update(skip_locked=True).order_by("at")[:IN_A_ROW])
    told = {person for alarm in alarms for person in who_looks(alarm, timezone.localdate(now))}
    for person in User.objects.filter(pk__in=told).order_by("pk"):
        letters.owe(Letter.Kind.ALARM, person)
    Alarm.objects.filter(pk__in=[alarm.pk for alarm in alarms]).update(told_at=now)
    return len(alarms)


def who_looks(alarm: Alarm, day: dt.date) -> Iterable[UUID]:
    """The safeguarding leads of the person's agencies, the partnership's office and its auditors; never the person themselves."""
    kept_by = User.objects.filter(pk=alarm.person_id, kept_by__isnull=False).values("kept_by")
    works_in = Post.objects.filter(holder=alarm.person_id, ended_on=None).values("team__agency")
    agencies = Agency.objects.filter(Q(pk__in=kept_by) | Q(pk__in=works_in)).values("pk")
    leads = Q(office=Office.SAFEGUARDING_LEAD, agency__in=agencies)
    partnership = Q(office__in=(Office.OFFICE, Office.AUDITOR), partnership=alarm.partnership_id)
    held = Appointment.objects.on(day).filter(leads | partnership).exclude(person=alarm.person_id)
    return held.values_list("person", flat=True).distinct()


__all__ = ["tell_of_alarms"]
