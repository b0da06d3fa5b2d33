"""Who sits where at a disagreement, and what follows: who acts for a side, who must confirm, whose move it is.

One reading of the seats (`Standing`) serves permissions, desks, pages and notices. Seats are written by the door only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from django.utils import timezone

from accounts.models import Post, User
from disputes.agreement import Agreement
from disputes.places import Seat, Side
from disputes.stages import ACTING, PARTIES, Awaiting, Capacity, SideKind

if TYPE_CHECKING:
    from disputes.disagreement import Disagreement


@dataclass(frozen=True)
class Actor:
    """A person with the seats they fill at one disagreement now, their own and those they stand in for."""

    person: User
    seats: tuple[Seat, ...] = ()

    def acting_seat(self, disagreement: Disagreement, kind: str | None = None) -> Seat | None:
        """The seat from which this person acts for a party side at the present step; None if they do not."""
        for seat in self.seats:
            if seat.side and seat.capacity in ACTING and seat.step == disagreement.acting_step and seat.side.kind in PARTIES:
                if kind in (None, seat.side.kind):
                    return seat
        return None

    def seat_in(self, *capacities: str, kind: str | None = None) -> Seat | None:
        """A seat in one of these capacities, on a side of this kind if given."""
        fits = (
            s for s in self.seats if s.capacity in capacities and (kind is None or (s.side is not None and s.side.kind == kind))
        )
        return next(fits, None)

    def party_seat(self, kind: str | None = None) -> Seat | None:
        """Any seat on a party side that may speak (being told is not acting)."""
        return next(
            (
                s
                for s in self.seats
                if s.side and s.side.kind in PARTIES and s.capacity != Capacity.TOLD and kind in (None, s.side.kind)
            ),
            None,
        )

    def seat_for(self, disagreement: Disagreement) -> Seat | None:
        """The seat under which an act is recorded: acting first, then any party seat, then the partnership's own."""
        return self.acting_seat(disagreement) or self.party_seat() or next(iter(self.seats), None)


@dataclass(frozen=True)
class Turn:
    """Whose move it is: the seats that hold it, what is awaited, and the side it is asked of (None: the Chair or the office)."""

    awaiting: str
    seats: tuple[Seat, ...] = ()
    sides: tuple[Side, ...] = ()
    for_sides: tuple[Side, ...] = ()  # sides not on the system for whom the holders record

    def is_held_by(self, actor: Actor) -> bool:
        return any(seat in self.seats for seat in actor.seats)

    @property
    def people(self) -> list[User]:
        return list({seat.person.pk: seat.person for seat in self.seats}.values())


@dataclass
class Standing:
    """One reading of who takes part at one disagreement at one moment. A handful of queries, shared by all that ask."""

    disagreement: Disagreement
    now: dt.datetime
    seats: list[Seat] = field(default_factory=list)
    sides: list[Side] = field(default_factory=list)
    agreement: Agreement | None = None
    awaiting_countersign: bool = False
    confirmed_sides: frozenset = frozenset()

    @classmethod
    def of(cls, disagreement: Disagreement, now: dt.datetime) -> Standing:
        standing = cls(disagreement, now)
        standing.sides = list(disagreement.sides.filter(ended_at=None).select_related("team__agency", "post__holder"))
        sides = {side.pk: side for side in standing.sides}
        related = ("person", "post__team__agency", "post__holder")
        standing.seats = list(disagreement.seats.active(now).select_related(*related).order_by("starts_at", "id"))
        for seat in standing.seats:
            if seat.side_id:
                seat.side = sides.get(seat.side_id)
        standing._read_agreement()
        return standing

    def _read_agreement(self) -> None:
        latest = (
            self.disagreement.agreements.select_related("entry", "proposed_by__team__agency")
            .prefetch_related("confirmations")
            .first()
        )
        if latest is None:
            return
        self.agreement = latest
        confirmations = list(latest.confirmations.all())
        self.confirmed_sides = frozenset(c.side_id for c in confirmations)
        self.awaiting_countersign = any(not c.counts for c in confirmations)

    # ── sides

    def sides_of(self, kind: str) -> list[Side]:
        return [side for side in self.sides if side.kind == kind]

    @property
    def party_sides(self) -> list[Side]:
        return [side for side in self.sides if side.kind in PARTIES]

    def is_on_system(self, side: Side) -> bool:
        """Whether anybody with an account acts for this side; if not, others record for it."""
        return any(seat.side_id == side.pk and seat.capacity in ACTING and seat.person.is_active for seat in self.seats)

    @property
    def unconfirmed_sides(self) -> list[Side]:
        """Party sides that have not yet confirmed the latest version."""
        return [side for side in self.party_sides if side.pk not in self.confirmed_sides]

    # ── people

    def actor(self, person: User) -> Actor:
        """This person with the seats they fill here now; without any they are a stranger to it."""
        day = timezone.localdate(self.now)
        stood_in = set()
        if any(seat.post_id for seat in self.seats):
            stood_in = set(person.standing_in.filter(starts_on__lte=day, ends_on__gte=day).values_list("post_id", flat=True))
        return Actor(person, tuple(s for s in self.seats if s.person_id == person.pk or (s.post_id and s.post_id in stood_in)))

    def acting_seats(self, sides: Iterable[Side]) -> tuple[Seat, ...]:
        """The seats that act for these sides at the present step."""
        wanted = {side.pk for side in sides}
        step = self.disagreement.acting_step
        return tuple(s for s in self.seats if s.side_id in wanted and s.capacity in ACTING and s.step == step)

    def seats_in(self, *capacities: str) -> tuple[Seat, ...]:
        return tuple(seat for seat in self.seats if seat.capacity in capacities)

    # ── whose move

    @cached_property
    def turn(self) -> Turn:
        """Whose move it is now, read from what is awaited and who sits where."""
        awaiting = self.disagreement.awaiting
        if awaiting in (Awaiting.CHAIR, Awaiting.MEDIATION):
            return Turn(awaiting, self.seats_in(Capacity.CHAIR))
        if awaiting in (Awaiting.MATCH, Awaiting.ANSWER):
            return self._asked_of(awaiting, self.sides_of(SideKind.RESPONDING))
        if awaiting in (Awaiting.IDENTITY, Awaiting.DECISION):
            return self._asked_of(awaiting, self.sides_of(SideKind.RAISING))
        if awaiting == Awaiting.CONFIRMATION:
            if not self.unconfirmed_sides:
                return Turn(awaiting, self.seats_in(Capacity.OFFICE))  # to countersign
            return self._asked_of(awaiting, self.unconfirmed_sides)
        return Turn(Awaiting.NOTHING)

    def _asked_of(self, awaiting: str, sides: list[Side]) -> Turn:
        seats = self.acting_seats(sides)
        covered = {seat.side_id for seat in seats}
        absent = tuple(side for side in sides if side.pk not in covered)
        if absent:  # nobody on the system acts for them: the raising side records what they say
            seats += self.acting_seats(self.sides_of(SideKind.RAISING))
        return Turn(awaiting, tuple(dict.fromkeys(seats)), tuple(sides), absent)


def managers_above(post: Post | None, level: int) -> list[Post]:
    """Who could act at `level` for this post: the mapped or nearest manager, and at line-manager level the adviser too (23.15)."""
    if post is None:
        return []
    candidates = [post.manager_at(level)]
    if level == 1:
        candidates.append(post.adviser)
    return [candidate for candidate in dict.fromkeys(candidates) if candidate is not None]
