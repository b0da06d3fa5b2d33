"""Tells a story through the door: people move at their times, and between their moves the clock notices what it would have noticed."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F

from accounts.acting import acting_as, as_of
from accounts.models import User
from demo.people import Northshire
from disputes.models import Disagreement, Draft, DraftReader, Entry, Side, SideNote
from disputes.stages import SideKind
from escalation import issues, moves
from escalation.models import Clock, Notice
from escalation.moves import Given, NewChild
from procedure import calendars
from procedure.calendars import Calendar

LONDON = ZoneInfo("Europe/London")
YEAR = dt.timedelta(weeks=52)
GIVEN = ("references", "happened_at", "recorded_for", "child_safe")


@dataclass(frozen=True)
class Days:
    """Moments relative to `now` (aware) that fall into working hours and never into the future."""

    now: dt.datetime
    calendar: Calendar

    @property
    def last_working_day(self) -> dt.date:
        """Today, if people have been at work for a while; else the working day before."""
        local = self.now.astimezone(LONDON)
        if self.calendar.is_working_day(local.date()) and local.time() >= dt.time(10):
            return local.date()
        return self.calendar.add_working_days(local.date(), -1)

    def ago(self, n: int, at: str) -> dt.datetime:
        """`at` ("10:20") on the n-th working day (1 or more) before the last one."""
        day = self.calendar.add_working_days(self.last_working_day, -n)
        return dt.datetime.combine(day, dt.time.fromisoformat(at), LONDON)

    def lately(self, minutes: int) -> dt.datetime:
        """So many minutes ago; outside working hours, before the end of the last working day."""
        end = dt.datetime.combine(self.last_working_day, dt.time(16, 50), LONDON)
        return (min(self.now.astimezone(LONDON), end) - dt.timedelta(minutes=minutes)).replace(second=0, microsecond=0)

    def ahead(self, n: int, at: str) -> dt.datetime:
        """`at` on the n-th working day after the last one."""
        day = self.calendar.add_working_days(self.last_working_day, n)
        return dt.datetime.combine(day, dt.time.fromisoformat(at), LONDON)

    def on(self, moment: str, ended: str) -> dt.datetime:
        """A date of a story as written, or as many whole 52 weeks earlier as it takes for the story to have `ended` before now."""
        back = dt.timedelta()
        while dt.datetime.fromisoformat(ended).replace(tzinfo=LONDON) - back > self.now:
            back += YEAR
        return (dt.datetime.fromisoformat(moment) - back).replace(tzinfo=LONDON)


@dataclass
class Story:
    """One disagreement being told. Each step takes a moment (aware), which must not be before the one before it."""

    north: Northshire
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    last: dt.datetime | None = None

    def person(self, who: str) -> User:
        return self.north.people[who]

    def send(
        self,
        at: dt.datetime,
        by: str,
        to: str,
        *,
        category: str,
        children: list[NewChild],
        child_safe: str = "unsure",
        facts: dict[str, Any] | None = None,
        **words: str,
    ) -> Story:
        """`by` raises it with the post called `to`, out of a draft, the working day after the decision unless `facts` differ."""
        author, post, asked = self.person(by), self.north.posts[by], self.north.posts[to]
        decided_on = calendars.shipped().add_working_days(at.date(), -1).isoformat()
        chosen: dict[str, Any] = {"category": category, "at_immediate_risk": False, "start_higher": False, "supporters": []}
        chosen |= {"decided_on": decided_on} | (facts or {})
        with acting_as(author), as_of(at):
            draft = Draft.objects.create(partnership=self.north.partnership, author=author, post=post)
            entry = moves.raise_disagreement(
                draft,
                by=author,
                given=Given(words=words, facts=chosen, child_safe=child_safe),
                team=asked.team,
                post=asked,
                children=children,
                now=at,
            )
        self.id, self.last = entry.disagreement_id, at
        return self

    def move(self, at: dt.datetime, by: str, name: str, *, facts: dict[str, Any] | None = None, **given: Any) -> Entry:
        """`by` makes this move; `given` are further fields of Given, or words."""
        if self.last is None or at <= self.last:
            raise ValueError(f"A story is told in order: {name} at {at} does not come after {self.last}.")
        self.let_time_pass(at)
        known = {key: given.pop(key) for key in GIVEN if key in given}
        person = self.person(by)
        with acting_as(person), as_of(at):
            seen = Disagreement.objects.values_list("move_version", flat=True).get(pk=self.id)
            entry = moves.make(
                self.id,
                name,
                by=person,
                given=Given(words=given, facts=facts or {}, **{"child_safe": "unsure", **known}),
                seen=seen,
                key=uuid.uuid4(),
                now=at,
            )
        self.last = at
        return entry

    def private(self, at: dt.datetime, by: str, kind: str, text: str) -> None:
        """`by` writes in the private thread of this side with whoever mediates."""
        person, side = self.person(by), self.side(kind)
        with acting_as(person):
            d = Disagreement.objects.get(pk=self.id)
            post = self.north.posts.get(by) if d.standing.actor(person).party_seat() else None
            note = SideNote(partnership=self.north.partnership, disagreement=d, side=side, with_chair=True, author=person, post=post)
            note.text, note.written_at = text, at
            SideNote.objects.bulk_create([note])

    def finish(self, at: dt.datetime, by: str, number: int, evidence: str) -> Entry:
        """`by` says that this outstanding issue of the agreed outcome is done."""
        with acting_as(None):
            issue = issues.unfinished().get(disagreement=self.id, number=number)
        facts = {"issue": str(issue.pk), "number": number}
        return self.move(at, by, "finish_issue", facts=facts, child_safe="yes", evidence=evidence)

    def side(self, kind: str = SideKind.RESPONDING) -> Side:
        with acting_as(None):
            return Side.objects.get(disagreement=self.id, kind=kind, ended_at=None)

    def let_time_pass(self, until: dt.datetime) -> None:
        """The clock notices the limits reached by then; notices due by then are let go: nobody is mailed about what is long past."""
        with acting_as(None):
            while due := self._next_noticed(until):
                at, notice, clock = due
                with as_of(at):
                    notice(clock, now=at)
            past = Notice.objects.filter(disagreement=self.id, due_at__lte=until).unsent()
            past.update(dropped_at=F("due_at"), dropped_because="replayed")

    def _next_noticed(self, until: dt.datetime) -> tuple[dt.datetime, Callable[..., Entry | None], uuid.UUID] | None:
        """The earliest thing the clock would notice by then. Nothing is recorded before the move that came last."""
        found: list[tuple[dt.datetime, Callable[..., Entry | None], uuid.UUID]] = []
        for clock in Clock.objects.filter(disagreement=self.id, stopped_at=None):
            if clock.reached_at is None and clock.noticed_from <= until:
                found.append((max(clock.noticed_from, self.last or until), moves.reach_limit, clock.pk))
            if clock.chased_at is None and clock.chaser_at and clock.chaser_at <= until:
                found.append((max(clock.chaser_at, self.last or until), moves.reach_last_chaser, clock.pk))
        found += self._issues_noticed(until)
        if not found:
            return None
        at, notice, pk = min(found, key=lambda one: one[0])
        self.last = at
        return at, notice, pk

    def _issues_noticed(self, until: dt.datetime) -> list[tuple[dt.datetime, Callable[..., Entry | None], uuid.UUID]]:
        """Outstanding issues whose day has passed: noticed in the morning of the next working day, each once."""
        noted = Entry.objects.filter(disagreement=self.id, kind="note_overdue_issue").values_list("facts__issue", flat=True)
        found: list[tuple[dt.datetime, Callable[..., Entry | None], uuid.UUID]] = []
        for issue in issues.unfinished().filter(disagreement=self.id).exclude(pk__in=list(noted)):
            day = calendars.shipped().add_working_days(issue.due_on, 1)
            at = dt.datetime.combine(day, dt.time(9, 5), LONDON)
            if at <= until:
                found.append((max(at, self.last or until), moves.note_overdue_issue, issue.pk))
        return found


def draft(north: Northshire, by: str, begun: dt.datetime, saved: dt.datetime, answers: dict[str, Any], *readers: str) -> Draft:
    """A disagreement in recognition: private to `by` and the colleagues consulted (23.12)."""
    author = north.people[by]
    with acting_as(author):
        made = Draft.objects.create(partnership=north.partnership, author=author, post=north.posts[by], answers=answers)
        Draft.objects.filter(pk=made.pk).update(begun_at=begun, saved_at=saved)
        for reader in readers:
            DraftReader.objects.create(draft=made, person=north.people[reader])
    return made
