"""Who sits where at a disagreement, and what follows: who acts for a side, who must confirm, whose move it is.

One reading of the seats (`Standing`) serves permissions, desks, pages and notices. Seats are written by the door only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Q, Subquery
from django.utils import timezone

from accounts.models import Appointment, Membership, Office, Post, StandIn, User
from disputes.agreement import Agreement, OutstandingIssue
from disputes.places import Exclusion, Seat, Side
from disputes.record import Entry
from disputes.sessions import OF_SESSIONS, Session, latest_session
from disputes.stages import ACTING, MEDIATING, OPEN, PARTIES, Awaiting, Capacity, SideKind, Stage

if TYPE_CHECKING:
    from disputes.disagreement import Disagreement


@dataclass(frozen=True)
class Actor:
    """A person with the seats they fill at one disagreement now, their own and those they stand in for."""

    person: User
    seats: tuple[Seat, ...] = ()

    def acting_seat(self, disagreement: Disagreement, kind: str | None = None) -> Seat | None:
        """The seat from which this person acts for a party side at the present step; None if they do not."""
        for seat in disagreement.standing.acting_seats(disagreement.standing.party_sides):
            if seat in self.seats and seat.side and kind in (None, seat.side.kind):
                return seat
        return None

    def seat_in(self, *capacities: str, kind: str | None = None) -> Seat | None:
        """A seat in one of these capacities, on a side of this kind if given."""
        fits = (s for s in self.seats if s.capacity in capacities and (kind is None or (s.side is not None and s.side.kind == kind)))
        return next(fits, None)

    def party_seat(self, kind: str | None = None) -> Seat | None:
        """Any seat on a party side that may speak (being told is not acting)."""
        return next(
            (s for s in self.seats if s.side and s.side.kind in PARTIES and s.capacity != Capacity.TOLD and kind in (None, s.side.kind)),
            None,
        )

    def speaking_seat(self) -> Seat | None:
        """A seat from which this person has acted, acts or may come to act for a party side."""
        return next((s for s in self.seats if s.side and s.side.kind in PARTIES and s.capacity in ACTING), None)

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
    excluded: set[UUID] = field(default_factory=set)  # people who must not see it, whatever seat they fill
    stand_ins: dict[UUID | None, list[User]] = field(default_factory=dict)  # post -> who stands in for it today

    @classmethod
    def of(cls, disagreement: Disagreement, now: dt.datetime) -> Standing:
        return cls.of_many([disagreement], now)[0]

    @classmethod
    def of_many(cls, disagreements: Iterable[Disagreement], now: dt.datetime) -> list[Standing]:
        """Reads the standing of each of these and leaves it on them: as many queries for a hundred as for one."""
        standings = {disagreement.pk: cls(disagreement, now) for disagreement in disagreements}
        sides: dict[UUID, Side] = {}
        for side in Side.objects.filter(disagreement__in=standings, ended_at=None).select_related("team__agency", "post__holder"):
            sides[side.pk] = side
            standings[side.disagreement_id].sides.append(side)
        for exclusion in Exclusion.objects.filter(disagreement__in=standings, lifted_by=None):
            standings[exclusion.disagreement_id].excluded.add(exclusion.person_id)
        related = ("person", "post__team__agency", "post__holder")
        seats = Seat.objects.active(now).filter(disagreement__in=standings).select_related(*related).order_by("starts_at", "id")
        serving, mediating = _serving(seats, now), _without_a_stake(seats, now)
        for seat in seats:
            if seat.side_id and seat.side_id not in sides:
                continue  # their side passed it on
            if seat.capacity in SERVING and seat.post_id is None and (seat.partnership_id, seat.person_id) not in serving[seat.capacity]:
                continue  # their appointment has ended
            if seat.capacity == Capacity.MEDIATOR and seat.pk not in mediating:
                continue  # they have a stake by now, or have left the partnership
            if seat.side_id:
                seat.side = sides[seat.side_id]
            standings[seat.disagreement_id].seats.append(seat)
        agreements = Agreement.objects.filter(disagreement__in=standings)
        agreements = agreements.order_by("disagreement_id", "-version").distinct("disagreement_id")
        for agreement in agreements.select_related("entry", "proposed_by__team__agency").prefetch_related("confirmations"):
            standings[agreement.disagreement_id]._take_agreement(agreement)
        stand_ins = _filling_in([seat for standing in standings.values() for seat in standing.seats], now)
        for standing in standings.values():
            standing.stand_ins = stand_ins
            standing.disagreement.standing = standing
        return list(standings.values())

    def _take_agreement(self, latest: Agreement) -> None:
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
        return any(seat.side_id == side.pk and seat.capacity in ACTING and self.people_in([seat]) for seat in self.seats)

    @property
    def unconfirmed_sides(self) -> list[Side]:
        """Sides that have to confirm the latest version and have not: the parties, and who was consulted if the policy says so."""
        wanted = self.disagreement.policy.document.closing.confirmed_by
        return [side for side in self.sides if side.kind in wanted and side.pk not in self.confirmed_sides]

    @cached_property
    def unfinished_issues(self) -> list[OutstandingIssue]:
        """What the agreed outcome leaves to be done and nobody has said is done; only a resolved disagreement has any."""
        if self.agreement is None or self.disagreement.stage != Stage.RESOLVED:
            return []
        return self._not_done(self.agreement)

    @cached_property
    def promised_issues(self) -> list[OutstandingIssue]:
        """What somebody may still say is done: the unfinished ones; while it is reopened, those of the version agreed before."""
        return self._not_done(self.earlier_agreement) if self.earlier_agreement else self.unfinished_issues

    @staticmethod
    def _not_done(agreement: Agreement) -> list[OutstandingIssue]:
        return list(agreement.issues.filter(done_by=None).select_related("owner", "owner_side__team__agency"))

    @cached_property
    def earlier_agreement(self) -> Agreement | None:
        """The version that was agreed before it was reopened, until a new one is; None where it was never reopened."""
        if self.agreement is None or self.disagreement.stage not in OPEN:
            return None
        reopened = self.disagreement.entries.filter(kind="reopen").order_by("-number").values("number")[:1]
        before = Agreement.objects.filter(disagreement=self.disagreement, entry__number__lt=Subquery(reopened)).order_by("-version")
        return before.select_related("entry", "proposed_by__team__agency").first()

    @property
    def is_just_reopened(self) -> bool:
        """Reopened, and nothing proposed since: it is open although every side has confirmed the latest version. Asks nothing anew."""
        latest = self.agreement
        settled = latest is not None and latest.declined_by_id is None and not self.awaiting_countersign and not self.unconfirmed_sides
        return settled and self.disagreement.stage in OPEN

    @cached_property
    def session(self) -> Session | None:
        """The joint session last proposed in this mediation, read from the record."""
        self.read_sessions([self])
        return self.__dict__["session"]

    @staticmethod
    def read_sessions(standings: Iterable[Standing]) -> None:
        """`session` of all these in one query. What was proposed in an earlier mediation, before a reopening, is past."""
        standings = list(standings)
        asked = {one.disagreement.pk: one for one in standings if one.disagreement.stage == Stage.LSCB_MEDIATION}
        found: dict[UUID, list[tuple]] = {pk: [] for pk in asked}
        entries = Entry.objects.filter(kind__in=("ask_the_chair", *OF_SESSIONS), disagreement__in=asked) if asked else Entry.objects.none()
        said = entries.order_by("number").values_list("disagreement", "id", "kind", "side", "facts", "recorded_at")
        for disagreement, *row in said:
            found[disagreement] = [] if row[1] == "ask_the_chair" else [*found[disagreement], tuple(row)]
        for one in standings:
            sides = {side.pk for side in one.party_sides}
            one.__dict__["session"] = latest_session(found.get(one.disagreement.pk, []), sides)

    @property
    def sides_without_dates(self) -> list[Side]:
        """Sides that have not said which of the proposed dates suit them."""
        if self.session is None or self.session.is_cancelled:
            return []
        return [side for side in self.party_sides if side.pk not in self.session.answers]

    # ── people

    def people_in(self, seats: Iterable[Seat]) -> list[User]:
        """Who fills these seats today: their people and whoever stands in for their posts, without the excluded and those who left."""
        people: dict[UUID, User] = {}
        for seat in seats:
            for person in (seat.person, *self.stand_ins.get(seat.post_id, ())):
                if seat in self.actor(person).seats:
                    people[person.pk] = person
        return list(people.values())

    @property
    def unconfirmed_emergencies(self) -> list[UUID]:
        """Who opened it in an emergency and has no second person's word on it yet, the first first."""
        return list(self.waiting.emergencies)

    @cached_property
    def waiting(self) -> Waiting:
        """What in the record waits for a second person: the office or the Chair."""
        said = self.disagreement.entries.filter(kind__in=FOR_A_SECOND_PERSON).order_by("number")
        return Waiting.read(said.values_list("kind", "person", "facts", "recorded_at"))

    @staticmethod
    def read_waiting(standings: Iterable[Standing]) -> None:
        """`waiting` of all these in one query."""
        standings = list(standings)
        found: dict[UUID, list[tuple]] = {standing.disagreement.pk: [] for standing in standings}
        entries = Entry.objects.filter(kind__in=FOR_A_SECOND_PERSON, disagreement__in=found).order_by("number")
        for disagreement, *said in entries.values_list("disagreement", "kind", "person", "facts", "recorded_at"):
            found[disagreement].append(tuple(said))
        for standing in standings:
            standing.waiting = Waiting.read(found[standing.disagreement.pk])

    @cached_property
    def _filled(self) -> frozenset[UUID]:
        return frozenset(seat.pk for seat in self.seats if self.people_in([seat]))

    def actor(self, person: User) -> Actor:
        """This person with the seats they fill here now; without any they are a stranger to it. Nobody sits on two sides:
        whoever has a seat of their own stands in on that side only."""
        if person.pk in self.excluded or not person.is_active:
            return Actor(person)
        own = [seat for seat in self.seats if seat.person_id == person.pk and seat.is_held_by_its_person]
        stood_in = [seat for seat in self.seats if person in self.stand_ins.get(seat.post_id, ()) and seat not in own]
        sides = {seat.side_id for seat in own} or {seat.side_id for seat in stood_in[:1]}
        return Actor(person, (*own, *(seat for seat in stood_in if seat.side_id in sides)))

    def acting_seats(self, sides: Iterable[Side]) -> tuple[Seat, ...]:
        """The seats that act for these sides at the present step. Where nobody could be seated at it (a gap in the line), those of
        the nearest step below go on acting: a gap must not stop anybody from pursuing it (23.14)."""
        return tuple(seat for side in sides for seat in self._acting_for(side))

    def _acting_for(self, side: Side) -> list[Seat]:
        reached = [
            seat
            for seat in self.seats
            if seat.side_id == side.pk and seat.capacity in ACTING and (seat.step or 0) <= self.disagreement.acting_step
        ]
        filled = [seat for seat in reached if seat.pk in self._filled]
        nearest = max((seat.step or 0 for seat in filled if seat.capacity != Capacity.WRITES_FOR), default=-1)  # not in anybody's absence
        return [seat for seat in filled if (seat.step or 0) == nearest]

    def seats_in(self, *capacities: str) -> tuple[Seat, ...]:
        return tuple(seat for seat in self.seats if seat.capacity in capacities)

    def leave_out(self, leaving: Iterable[Seat]) -> None:
        """Reads on as if these seats had ended; what was worked out from them is worked out again."""
        gone = {seat.pk for seat in leaving}
        self.seats = [seat for seat in self.seats if seat.pk not in gone]
        for read in ("turn", "_filled"):
            self.__dict__.pop(read, None)

    # ── whose move

    @cached_property
    def turn(self) -> Turn:
        """Whose move it is now, read from what is awaited and who sits where."""
        awaiting = self.disagreement.awaiting
        if awaiting == Awaiting.CHAIR:
            return Turn(awaiting, self.seats_in(Capacity.CHAIR))
        if awaiting == Awaiting.MEDIATION:
            return Turn(awaiting, self.seats_in(*MEDIATING))
        if awaiting == Awaiting.MORE:
            return self._asked_of(awaiting, self.party_sides)
        if awaiting == Awaiting.SESSION:
            return self._asked_of(awaiting, self.sides_without_dates)
        if awaiting in (Awaiting.MATCH, Awaiting.ANSWER):
            return self._asked_of(awaiting, self.sides_of(SideKind.RESPONDING))
        if awaiting in (Awaiting.IDENTITY, Awaiting.DECISION):
            return self._asked_of(awaiting, self.sides_of(SideKind.RAISING))
        if awaiting == Awaiting.POSITION:
            return self._asked_of(awaiting, [side for side in self.party_sides if not side.agreed_to_differ])
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


SERVING = {
    Capacity.CHAIR.value: (Office.CHAIR, Office.DEPUTY),
    Capacity.OFFICE.value: (Office.OFFICE,),
    Capacity.TOLD.value: (Office.CHAIR, Office.DEPUTY, Office.REPRESENTATIVE),
}
"""Seats that somebody has because of an office, and not in a post, count only while they are appointed to one of these."""


def unstaked(person: User, day: dt.date) -> Q:
    """Of seats: those at whose disagreement this person may mediate, having a place in the partnership and none in an agency that takes
    part, or took part (23.17)."""
    held = Post.objects.filter(holder=person, ended_on=None).values("team__agency")
    appointed = person.appointments.on(day)
    agencies = Q(team__agency__in=held) | Q(team__agency__in=appointed.filter(agency__isnull=False).values("agency"))
    standing_in = StandIn.objects.filter(person=person, starts_on__lte=day, ends_on__gte=day)
    agencies |= Q(team__agency__in=standing_in.values("post__team__agency"))
    belongs = Q(partnership__in=appointed.values("partnership"))
    belongs |= Q(partnership__in=Membership.objects.filter(agency__in=held).values("partnership"))
    return belongs & ~Q(disagreement__in=Side.objects.filter(agencies).values("disagreement"))


def _without_a_stake(seats: Iterable[Seat], now: dt.datetime) -> set[UUID]:
    """The seats of mediators who may still mediate."""
    mediators = {seat.person_id: seat.person for seat in seats if seat.capacity == Capacity.MEDIATOR}
    if not mediators:
        return set()
    day, without = timezone.localdate(now), Q(pk__in=[])
    for person in mediators.values():
        without |= Q(person=person) & unstaked(person, day)
    return set(Seat.objects.filter(without, capacity=Capacity.MEDIATOR).values_list("pk", flat=True))


EMERGENCIES = ("break_glass", "confirm_break_glass", "refuse_break_glass")
FOR_A_SECOND_PERSON = (*EMERGENCIES, "exclude", "lift_exclusion")


@dataclass(frozen=True)
class Waiting:
    """What waits for a second person: who opened it in an emergency, and when; whom a side asked the office to shut out."""

    emergencies: dict[UUID, dt.datetime] = field(default_factory=dict)
    asked_to_exclude: tuple[UUID, ...] = ()

    @classmethod
    def read(cls, said: Iterable[tuple]) -> Waiting:
        """Of (kind, person, facts, recorded at) in the order of the record."""
        emergencies: dict[UUID, dt.datetime] = {}
        asked: list[UUID] = []
        for kind, person, facts, recorded_at in said:
            about = UUID(facts["person"]) if facts.get("person") else None
            if kind == "break_glass":
                emergencies.setdefault(person, recorded_at)
            elif kind in EMERGENCIES and about:
                emergencies.pop(about, None)
            elif about and kind == "exclude" and facts.get("asked"):
                asked.append(about)
            elif about:
                asked = [one for one in asked if one != about]
        return cls(emergencies, tuple(dict.fromkeys(asked)))


def _serving(seats: Iterable[Seat], now: dt.datetime) -> dict[str, set[tuple[UUID, UUID]]]:
    """Capacity -> (partnership, person) of those seated in it who are appointed today."""
    own = [seat for seat in seats if seat.capacity in SERVING and seat.post_id is None]
    serving: dict[str, set[tuple[UUID, UUID]]] = {capacity: set() for capacity in SERVING}
    if own:
        held = Appointment.objects.on(timezone.localdate(now)).filter(person__in={seat.person_id for seat in own})
        for partnership, person, office in held.values_list("partnership_id", "person_id", "office"):
            for capacity, offices in SERVING.items():
                if office in offices:
                    serving[capacity].add((partnership, person))
    return serving


def _filling_in(seats: list[Seat], now: dt.datetime) -> dict[UUID | None, list[User]]:
    """Post -> who else fills its seats today: stand-ins, and whoever holds the post now if it has changed hands."""
    day = timezone.localdate(now)
    found: dict[UUID | None, list[User]] = {}
    posts = {seat.post_id: seat.post for seat in seats if seat.post_id and seat.post}
    if posts:
        dated = StandIn.objects.filter(post__in=posts, post__ended_on=None, starts_on__lte=day, ends_on__gte=day, person__is_active=True)
        for stand_in in dated.select_related("person").order_by("starts_on", "id"):
            found.setdefault(stand_in.post_id, []).append(stand_in.person)
    for seat in seats:
        holder = seat.post.holder if seat.post and seat.post.is_held else None
        if holder and holder.pk != seat.person_id and holder not in found.setdefault(seat.post_id, []):
            found[seat.post_id].append(holder)
    return found


def managers_above(post: Post | None, level: int) -> list[Post]:
    """Who could act at `level` for this post: the mapped or nearest manager, and at line-manager level the adviser too (23.15)."""
    if post is None:
        return []
    candidates = [post.manager_at(level)]
    if level == 1:
        candidates.append(post.adviser)
    return [candidate for candidate in dict.fromkeys(candidates) if candidate is not None]
