"""Fills an empty database with the partnership of Northshire, or says whom one may sign in as (`--people`)."""

from __future__ import annotations

import datetime as dt
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Partnership
from demo import cases, finished, learning, outstanding, past, people, together
from demo.story import LONDON, Days
from disputes.models import Disagreement, Draft
from learning import counting
from procedure import calendars


class Command(BaseCommand):
    help = "Writes the demonstration partnership into an empty database, through the door."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--people", action="store_true", help="only say whom one may sign in as")
        parser.add_argument(
            "--today", type=_moment, default=None, help="tell the stories as if it were this day or moment (2026-12-27, 2026-12-27T08:15)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["people"]:
            self.stdout.write(say_people())
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            (role,) = cursor.fetchone()
        if role != "accord_replay":
            raise CommandError(f"Only the role accord_replay may say when something was recorded; this is {role}.")
        if Partnership.objects.exists():
            raise CommandError("There is a partnership in this database already, and nothing was changed. `make demo` begins afresh.")
        began = time.monotonic()
        number, drafts = fill(options["today"] or timezone.now())
        seconds = time.monotonic() - began
        self.stdout.write(f"Northshire is ready: {number} disagreements and {drafts} drafts in {seconds:.1f} seconds.")


def fill(now: dt.datetime) -> tuple[int, int]:
    """Writes everything in one transaction; returns how many disagreements and drafts. `now` is aware."""
    with transaction.atomic():
        days = Days(now, calendars.shipped("england-and-wales"))
        north = people.build(now.astimezone(LONDON).date())
        ended = finished.tell(north, days)
        bygone = past.tell(north, days)
        stories = [*ended, *outstanding.tell(north, days), *bygone, *cases.tell(north, days)]
        learning.tell(north, days, bygone)
        for story in stories:
            story.let_time_pass(now)
        together.tell(north, days, ended)
        with acting_as(None):  # the clock sees all of them
            counting.release_of(north.partnership, now)
            return Disagreement.objects.count(), Draft.objects.values("pk").count()


def say_people() -> str:
    """The people to sign in as, one for each role, and their password."""
    width = [max(len(str(shown[i])) for shown in people.SIGN_IN_AS) for i in range(3)]
    lines = [f"  {s.role:<{width[0]}}  {s.name:<{width[1]}}  {s.email:<{width[2]}}  {s.agency}" for s in people.SIGN_IN_AS]
    return "\n".join(["Sign in as", *lines, f"with the password  {people.DEMO_PASSWORD}"])


def _moment(text: str) -> dt.datetime:
    """A day (its noon) or a moment, in local time."""
    moment = dt.datetime.fromisoformat(text)
    if "T" not in text:
        moment = moment.replace(hour=12)
    return moment.replace(tzinfo=LONDON)
