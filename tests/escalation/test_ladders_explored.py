"""Every example policy, explored: all states that the real transition table and its ladder lead to, found by search in memory.

No dead end; at every open state somebody can take it on or a clock runs; the urgent way is always open; resolved only when both sides
confirmed; the ladder only rises. Walks through the real door, at random, stay inside what was explored.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import User
from disputes.models import Disagreement, Seat, Side
from disputes.seats import Actor, Standing
from disputes.sessions import Session
from disputes.stages import ENDS, MANAGERS, OPEN, Awaiting, Capacity, Mediation, SideKind, Stage
from escalation import limits, radar, tasks
from escalation.moves import MoveRefused
from procedure import policy as reader
from procedure.ladder import STAGES
from procedure.models import Policy, shipped_chapter
from tests import factories

SHIPPED = sorted((Path(reader.__file__).parent / "policies").glob("*.yaml"))
RAISING, RESPONDING = SideKind.RAISING.value, SideKind.RESPONDING.value
BOTH = frozenset({RAISING, RESPONDING})
UP = ("take_next_step", "refer_to_line_manager", "pass_up_the_line", "ask_the_chair")
GIVES_UP = ("withdraw", "redirect")
TOLD_BY_DOOR = ("record_confirmation_for", "pause_clock")  # their methods are empty: what they do is written by the door
MATTERS_WHO = ("propose_outcome", "confirm_outcome", "agree_to_differ", "answer_session")
FALLS = ("decline_mediation", "reopen")  # the only moves that lead down
NOW = timezone.now()
LATER = NOW + dt.timedelta(days=3)


# ── policies of our own ─────────────────────────────────────────────────────────────────────────────────────────────


def changed(**top: Any) -> str:
    """Chapter 23 with these parts replaced; `steps` may be given as a function of the chapter's."""
    document = yaml.safe_load(shipped_chapter())
    for key, value in top.items():
        document[key] = value(document[key]) if callable(value) else value
    return yaml.safe_dump(json.loads(json.dumps(document)), sort_keys=False)  # no two parts are the same object: references are refused


def two_between_practitioners(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    again = {**steps[0], "name": "Between practitioners, again"}
    return [{**step, "number": n} for n, step in enumerate([steps[0], again, *steps[1:]], start=1)]


def three_steps(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Nobody between line managers and mediation."""
    kept = [step for step in steps if step["stage"] != "up_the_line"]
    return [{**step, "number": n} for n, step in enumerate(kept, start=1)]


def told_of_them(tellings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [telling for telling in tellings if telling.get("stage") != "up_the_line"]


def with_clocks_inside(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Acknowledgement, answer, meeting and confirmation at every step; no step has a limit of its own."""
    one_day = {"amount": 1, "unit": "working_days"}
    inner = {"acknowledge": one_day, "answer": one_day, "meeting": one_day, "confirm": one_day}
    return [{**{k: v for k, v in step.items() if k != "limit"}, **inner} for step in steps]


def without_limits(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in step.items() if k != "limit"} for step in steps]


DAY = {"amount": 24, "unit": "hours"}
TRACK = {"key": "all_in_a_day", "label": "Everything in 24 hours", "limit": DAY, "covers": "everything", "immediate_risk": True}
GRADE = {"key": "high", "label": "High", "limit": {"amount": 1, "unit": "working_days"}, "covers": "step"}
OWN = {
    "two practitioner steps": changed(steps=two_between_practitioners),
    "no step up the line": changed(steps=three_steps, tellings=told_of_them),
    "clocks inside the step": changed(steps=with_clocks_inside),
    "a track for everything, and a grade": changed(
        steps=three_steps, tellings=told_of_them, urgency=lambda urgency: {**urgency, "tracks": [TRACK, GRADE]}
    ),
    "pauses": changed(steps=three_steps, tellings=told_of_them, pauses={"reasons": ["Waiting for a report"]}),
    "standstill": changed(
        steps=three_steps, tellings=told_of_them, urgency=lambda urgency: {**urgency, "standstill": True, "may_start_at": ""}
    ),
    "one limit for everything": changed(steps=without_limits, overall={"amount": 10, "unit": "working_days"}),
    "one limit for two steps": changed(
        steps=without_limits, spans=[{"steps": [1, 2], "amount": 5, "unit": "working_days", "name": "Locally"}]
    ),
    "no clocks at all": changed(steps=without_limits),
}
POLICIES = {path.stem: path.read_text(encoding="utf-8") for path in SHIPPED} | OWN
LEAST = 250  # states of every policy; chapter 23 has many more


# ── a state, and the disagreement that stands in it ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class State:
    """All that the table, the rules and the ladder ask about. What no later question can ask is left out (see `plain`)."""

    stage: str
    step: int
    returns_to: int | None = None
    awaiting: str = ""
    mediation: str = ""
    matched: bool = False
    tried_first: bool = False
    limit_reached: bool = False
    chased: bool = False
    at_risk: bool = False
    track: str = ""
    acknowledged: bool = False
    paused: bool = False
    act: bool = False  # the disputed act has a date
    standstill: bool = False
    heard: bool = False  # the two talked or met at this step
    confirmed: frozenset[str] | None = None  # None: no outcome is proposed
    countersign: bool = False
    differing: frozenset[str] = frozenset()
    dated: frozenset[str] | None = None  # who has taken a date of the joint session; None: none is proposed
    spent: frozenset[str] = frozenset()  # limits across steps that were noticed, or ended with it

    def plain(self) -> State:
        if self.stage in ENDS and self.stage != Stage.RESOLVED:
            return State(self.stage, 0)
        if self.stage == Stage.RESOLVED:
            return State(
                self.stage, self.returns_to or self.step, matched=True, tried_first=self.tried_first, heard=self.heard, spent=self.spent
            )
        talks = self.awaiting == Awaiting.CONFIRMATION
        return replace(
            self,
            dated=self.dated if self.mediation == Mediation.ACCEPTED else None,
            tried_first=self.tried_first or self.stage != Stage.PRACTITIONER,
            heard=self.heard and self.stage != Stage.PRACTITIONER,
            confirmed=self.confirmed if talks else None,
            countersign=self.countersign and talks,
        )


@dataclass
class Table:
    """The people at the table, with seats as the door would open them: nobody beyond the present step, but who is told early."""

    policy: Policy
    answers: bool = True  # whether the responding side is on the system
    sides: dict[str, Side] = field(default_factory=dict)
    seats: list[Seat] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sides = {kind: Side(kind=kind) for kind in (RAISING, RESPONDING)}
        for kind, worker in ((RAISING, Capacity.RAISER), (RESPONDING, Capacity.RESPONDER)):
            if kind == RESPONDING and not self.answers:
                continue
            self._sit(worker, 1, kind)
            for step in self.policy.ladder:
                if step.stage in MANAGERS:
                    self._sit(Capacity.LINE_MANAGER if step.stage == Stage.LINE_MANAGER else Capacity.SENIOR, step.number, kind)
        self.unread = Disagreement(policy=self.policy, raised_by=self.seats[0].person)
        self._sit(Capacity.SUPPORTER, None, RAISING)
        self._sit(Capacity.CHAIR, None, None)
        self._sit(Capacity.OFFICE, None, None)
        self.filled = frozenset(seat.pk for seat in self.seats)

    def _sit(self, capacity: str, step: int | None, kind: str | None) -> None:
        person = User(name=f"{capacity} {step} {kind}", is_active=True)
        self.seats.append(Seat(person=person, capacity=capacity, step=step, side=self.sides[kind] if kind else None))

    def stand(self, state: State) -> Disagreement:
        """A disagreement in this state, read by nobody from any database."""
        d = Disagreement.__new__(Disagreement)  # a copy: thousands are made
        d.__dict__ |= self.unread.__dict__ | {
            "stage": state.stage,
            "step": state.step,
            "returns_to": state.returns_to,
            "awaiting": state.awaiting,
            "mediation": state.mediation,
            "matched": state.matched,
            "tried_first": state.tried_first,
            "limit_reached": state.limit_reached,
            "chased": state.chased,
            "at_immediate_risk": state.at_risk,
            "track": state.track,
            "acknowledged": state.acknowledged,
            "paused_until": LATER if state.paused else None,
            "disputed_act_at": LATER if state.act else None,
            "standstill": state.standstill,
        }
        d.explored = state  # type: ignore[attr-defined]
        for kind, side in self.sides.items():
            side.agreed_to_differ = kind in state.differing
        asked = state.mediation != Mediation.NONE
        seats = [
            seat
            for seat in self.seats
            if (seat.step or 0) <= d.acting_step + (state.at_risk and state.stage == Stage.PRACTITIONER)
            and (seat.capacity != Capacity.CHAIR or asked)
            and (seat.capacity != Capacity.OFFICE or asked or state.chased or state.countersign)
        ]
        confirmed = frozenset(self.sides[kind].pk for kind in state.confirmed or ())
        sides = list(self.sides.values())
        d.standing = Standing(d, NOW, seats, sides, awaiting_countersign=state.countersign, confirmed_sides=confirmed)
        d.standing.__dict__["_filled"] = self.filled  # all who sit here are there
        d.standing.__dict__["unfinished_issues"] = []
        d.standing.__dict__["session"] = None
        if state.dated is not None:
            answers = {self.sides[kind].pk: (LATER,) for kind in state.dated}
            d.standing.__dict__["session"] = Session(d.pk, (LATER,), 60, (), answers, LATER if state.dated == BOTH else None)
        return d


def state_of(d: Disagreement, before: State, **more: Any) -> State:
    return replace(
        before,
        stage=str(d.stage),
        step=d.step,
        returns_to=d.returns_to,
        awaiting=str(d.awaiting),
        mediation=str(d.mediation),
        matched=d.matched,
        tried_first=d.tried_first,
        limit_reached=d.limit_reached,
        chased=d.chased,
        at_risk=d.at_immediate_risk,
        track=d.track,
        acknowledged=d.acknowledged,
        paused=d.paused_until is not None,
        act=d.disputed_act_at is not None,
        standstill=d.standstill,
        **more,
    )


def running(d: Disagreement, state: State) -> set[str]:
    """The clocks that run and whose limit has not been noticed, of those by which silence ends."""
    spans = [f"span_{n}" for n, span in enumerate(d.policy.document.spans, start=1) if state.step in span.steps]
    track = limits.track_of(d)
    abouts = {about for about in ("overall", *spans) if about not in state.spent}
    abouts |= {"track"} if track and track.covers == "everything" and "track" not in state.spent else set()
    if not state.limit_reached:
        unanswered = state.awaiting in (Awaiting.MATCH, Awaiting.IDENTITY, Awaiting.ANSWER) and state.stage != Stage.LSCB_MEDIATION
        abouts |= {"step", "answer"} if unanswered else {"step"}
    return {about for about in abouts if limits.limit_of(d, about, state.step)}


# ── the search ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Edge:
    move: str
    by: str  # the capacity and side of who moves; "" is the clock
    to: State


class Search:
    """All states from the raising on, with the moves between them."""

    def __init__(self, text: str, *, answers: bool = True) -> None:
        self.policy = Policy(text=text, version=1)
        self.document = self.policy.document
        self.table = Table(self.policy, answers)
        self.edges: dict[State, list[Edge]] = {}
        new = set(self._beginnings())
        while new:
            state = new.pop()
            self.edges[state] = list(self._from(state))
            new |= {edge.to for edge in self.edges[state]} - set(self.edges)

    def _beginnings(self) -> Iterator[State]:
        higher = self.document.urgency.may_start_at
        for urgent in (False, True):
            for track in ["", *(track.key for track in self.document.urgency.tracks)]:
                steps = {1, self.policy.ladder.first_step_of(higher)} if urgent and higher else {1}
                for step in steps:
                    for act in {False, self.document.urgency.standstill}:
                        d = self.table.stand(State(Stage.RECOGNITION, step, at_risk=urgent, track=track or self._track(urgent), act=act))
                        d.send(Actor(self.table.seats[0].person, (self.table.seats[0],)))
                        yield state_of(d, State(Stage.RECOGNITION, step)).plain()

    def _track(self, urgent: bool) -> str:
        return next((track.key for track in self.document.urgency.tracks if track.immediate_risk and urgent), "")

    def _from(self, state: State) -> Iterator[Edge]:
        if state.stage in OPEN:
            yield from self._noticed(state)
        for move, by in self._allowed(state):
            yield Edge(move, _name(by), self._after(state, move, by))
        if state.at_risk and state.stage in OPEN:
            yield Edge("add_note", "raiser", replace(state, at_risk=False))  # with "the child is safe"

    def _allowed(self, state: State) -> Iterator[tuple[str, Seat]]:
        """Each open move with one of those who may make it; with one of each side where it matters which."""
        d = self.table.stand(state)
        actors = [Actor(seat.person, (seat,)) for seat in d.standing.seats]
        for move in d.get_available_stage_transitions():  # type: ignore[attr-defined]
            may = (actor.seats[0] for actor in actors if move.has_perm(d, actor))
            seats = {seat.side_id: seat for seat in may}.values() if move.name in MATTERS_WHO else itertools.islice(may, 1)
            for seat in seats:
                yield move.name, seat

    def _after(self, state: State, move: str, by: Seat) -> State:
        """The real transition, then what the door writes beside it (escalation.effects, moves, clocks), as far as a state tells it."""
        if does_nothing(move):
            return state
        d = self.table.stand(state)
        actor = Actor(by.person, (by,))
        side = {by.side.kind} if by.side and actor.acting_seat(d) else set()
        getattr(d, move)(actor)
        confirmed, countersign, differing, heard = state.confirmed, state.countersign, state.differing, state.heard
        dated = state.dated
        if move == "propose_outcome":
            confirmed, countersign, differing = frozenset(side), False, frozenset()
        elif move == "confirm_outcome":
            confirmed = (confirmed or frozenset()) | side
        elif move == "record_confirmation_for":
            confirmed, countersign = (confirmed or frozenset()) | {RESPONDING}, True
        elif move in ("countersign", "refuse_countersign"):
            countersign = False
        elif move in ("propose_session", "cancel_session"):
            dated = frozenset() if move == "propose_session" else None
        elif move == "answer_session":
            dated = (dated or frozenset()) | side
        elif move == "agree_to_differ":
            differing |= side
        elif move in ("record_discussion", "hold_meeting"):
            heard = heard or d.stage in MANAGERS
        elif move == "name_disputed_act":
            d.disputed_act_at = LATER if self.document.urgency.standstill else None
        elif move == "pause_clock":
            d.paused_until = LATER
        if move in (*UP, "decline_mediation", "reopen"):
            differing = frozenset()
            heard = heard and move not in ("take_next_step", "refer_to_line_manager", "pass_up_the_line")
        spent = state.spent
        if d.stage in ENDS or move == "reopen":  # what ran across steps ended with it, and is not begun again
            spent |= {"overall", *(f"span_{n}" for n in range(1, len(self.document.spans) + 1))}
            spent -= {"track"}
        if d.at_immediate_risk and not d.track:
            d.track = self._track(urgent=True)
        more = {"dated": dated, "confirmed": confirmed, "countersign": countersign, "differing": differing, "heard": heard, "spent": spent}
        return state_of(d, state, **more).plain()

    def running(self, state: State) -> set[str]:
        return running(self.table.stand(state), state)

    def _noticed(self, state: State) -> Iterator[Edge]:
        for about in self.running(state):
            d = self.table.stand(state)
            d.reach_limit()
            spent = state.spent if about in ("step", "answer") else state.spent | {about}
            yield Edge("reach_limit", "", state_of(d, state, spent=spent).plain())
        if state.limit_reached and not state.chased:
            d = self.table.stand(state)
            d.reach_last_chaser()
            yield Edge("reach_last_chaser", "", state_of(d, state).plain())

    # ── questions

    @property
    def open_states(self) -> list[State]:
        return [state for state in self.edges if state.stage in OPEN]

    def leads_to(self, ends: set[State], without: tuple[str, ...] = ()) -> set[State]:
        """The states from which one of `ends` can be reached."""
        back: dict[State, list[State]] = {}
        for state, edges in self.edges.items():
            for edge in edges:
                if edge.move not in without:
                    back.setdefault(edge.to, []).append(state)
        reached, new = set(ends), list(ends)
        while new:
            for before in back.get(new.pop(), ()):
                if before not in reached:
                    reached.add(before)
                    new.append(before)
        return reached


def does_nothing(move: str) -> bool:
    """Whether a move changes nothing of the disagreement itself: its method has no code, and the door writes nothing that a state tells."""
    method = getattr(Disagreement, move)
    return (
        not method.__wrapped__.__code__.co_names
        and not any(t.target for t in method._django_fsm.transitions.values())
        and move not in TOLD_BY_DOOR
    )


def _name(seat: Seat) -> str:
    return f"{seat.side.kind if seat.side else ''} {seat.capacity}".strip()


class Rows:
    """Stands for the clocks, and below for the entries, of a disagreement that is in no database: the rules ask one thing only."""

    def __init__(self, *asked: str, answer: bool) -> None:
        self.asked, self.answer = set(asked), answer

    def filter(self, **wanted: Any) -> Rows:
        assert set(wanted) == self.asked, wanted
        return self

    def exclude(self, *, about__in: tuple[str, ...]) -> Rows:
        assert about__in == limits.INNER
        return self

    def exists(self) -> bool:
        return self.answer


FOR_A_SECOND_PERSON = {"break_glass", "confirm_break_glass", "refuse_break_glass", "exclude", "lift_exclusion"}  # they move nothing


class Entries(Rows):
    """Of entries the rules ask two things: whether the two talked at this step; and what waits for a second person, which is nothing."""

    def filter(self, **wanted: Any) -> Rows:
        if set(wanted) == {"kind__in"} and set(wanted["kind__in"]) <= FOR_A_SECOND_PERSON:
            return Nothing()
        assert wanted["kind__in"] == ("record_discussion", "hold_meeting")
        return super().filter(**wanted)


class Nothing(Rows):
    def __init__(self) -> None:
        super().__init__(answer=False)

    def order_by(self, *_fields: str) -> Rows:
        return self

    def values_list(self, *_fields: str) -> list[Any]:
        return []


def entries(d: Any) -> Rows:
    return Entries("kind__in", "step", answer=d.explored.heard)


def clocks(d: Any) -> Rows:
    return Rows("stopped_at", "reached_at", answer=bool(running(d, d.explored)))


_EXPLORED: dict[tuple[str, bool], Search] = {}


@pytest.fixture
def explore(monkeypatch: pytest.MonkeyPatch) -> Any:
    def search(name: str, *, answers: bool = True) -> Search:
        if (name, answers) not in _EXPLORED:
            with monkeypatch.context() as patched:
                patched.setattr(Disagreement, "entries", property(entries))
                patched.setattr(Disagreement, "clocks", property(clocks))
                _EXPLORED[name, answers] = Search(POLICIES[name], answers=answers)
        return _EXPLORED[name, answers]

    return search


def with_or_without_accounts(name: str) -> tuple[bool, ...]:
    """Whether the responding side is on the system; where it is not, the way is short, and the ladder matters little."""
    return (True, False) if name in ("chapter-23", "croydon", "two practitioner steps", "no clocks at all") else (True,)


each = pytest.mark.parametrize("name", POLICIES)


@each
def test_from_every_state_an_end_is_reached_without_giving_up(name: str, explore: Any) -> None:
    for answers in with_or_without_accounts(name):
        found = explore(name, answers=answers)
        assert len(found.edges) >= LEAST
        settled = {state for state in found.edges if state.stage in (Stage.RESOLVED, Stage.CLOSED)}
        assert {state.stage for state in found.edges} >= set(ENDS)
        lost = set(found.edges) - found.leads_to(settled, without=GIVES_UP) - {State(end, 0) for end in ENDS}
        assert not lost, sample(lost)


@each
def test_everywhere_somebody_can_take_it_on_or_a_clock_runs(name: str, explore: Any) -> None:
    for answers in with_or_without_accounts(name):
        found = explore(name, answers=answers)
        stuck = []
        for state in found.open_states:
            onward = [e for e in found.edges[state] if e.by and not Disagreement.is_note(e.move) and e.move not in radar.GOES_NOWHERE]
            if not onward and not found.running(state):
                stuck.append(state)
        assert not stuck, sample(stuck)


@each
def test_silence_holds_nobody(name: str, explore: Any) -> None:
    """Where managers wait for an answer that does not come, the way up is open or a clock runs that will open it."""
    found = explore(name)
    held = [
        state
        for state in found.open_states
        if state.stage in MANAGERS
        and state.mediation == ""
        and not any(e.move in UP for e in found.edges[state])
        and not found.running(state)
    ]
    assert not held, sample(held)


@each
def test_the_urgent_way_is_open_everywhere(name: str, explore: Any) -> None:
    found = explore(name)
    for state in found.open_states:
        assert any(edge.move == "say_child_at_immediate_risk" for edge in found.edges[state]), state
        if state.at_risk and state.stage == Stage.PRACTITIONER:
            assert any(edge.move == "refer_to_line_manager" for edge in found.edges[state]), state


@each
def test_resolved_only_when_both_sides_confirmed(name: str, explore: Any) -> None:
    for answers in with_or_without_accounts(name):
        found, ways = explore(name, answers=answers), set()
        for state, edges in found.edges.items():
            for edge in edges:
                if edge.to.stage == Stage.RESOLVED and state.stage != Stage.RESOLVED:
                    side = edge.by.split()[0] if edge.move == "confirm_outcome" else ""
                    assert (state.confirmed or frozenset()) | {side} >= BOTH, (state, edge)
                    assert edge.move == "countersign" or not state.countersign, (state, edge)
                    ways.add(edge.move)
        assert ways == ({"confirm_outcome"} if answers else {"confirm_outcome", "countersign"})


@each
def test_every_step_is_reached_and_the_ladder_only_rises(name: str, explore: Any) -> None:
    found = explore(name)
    assert {state.step for state in found.open_states} == {step.number for step in found.policy.ladder}
    for state in found.open_states:
        for edge in found.edges[state]:
            if edge.to.stage in OPEN and edge.move not in FALLS:
                assert STAGES.index(edge.to.stage) >= STAGES.index(state.stage), (state, edge)
                assert edge.to.step >= state.step, (state, edge)
            if edge.to.stage in OPEN:
                assert found.policy.ladder.stage_of(edge.to.step) == edge.to.stage, (state, edge)


@each
def test_all_moves_are_explored(name: str, explore: Any) -> None:
    """So that no rule is right only because nothing tried it."""
    made = {
        edge.move for answers in with_or_without_accounts(name) for edges in explore(name, answers=answers).edges.values() for edge in edges
    }
    document = explore(name).document
    missing = set(Disagreement.move_names()) - made
    by_the_clock = {"reach_inner_limit", "redate", "note_stall", "note_overdue_issue"}  # these change nothing that a state tells
    may_miss = {"take_next_step", "acknowledge", "agree_standstill", "pause_clock", "resume_clock", "pass_up_the_line"}
    if not any(explore(name).running(state) for state in explore(name).open_states):
        may_miss |= {"reach_limit", "reach_last_chaser", "close_as_unconfirmed"}
    if with_or_without_accounts(name) == (True,):
        may_miss |= {"record_answer_for", "record_confirmation_for", "countersign", "refuse_countersign"}
    after_the_end = {"say_still_at_risk", "answer_closing_questions", "finish_issue"}  # of no consequence to where it stands
    who_sees_it = {"lift_exclusion", "break_glass", "confirm_break_glass", "refuse_break_glass", "change_holder"}  # moves it nowhere
    assert all(Disagreement.is_note(name) and does_nothing(name) for name in who_sees_it)
    assert missing - may_miss - after_the_end - who_sees_it == {"send", *by_the_clock}
    assert ("take_next_step" in made) == (sum(step.stage == "practitioner" for step in document.steps) > 1)
    assert ("pass_up_the_line" in made) == any(step.stage == "up_the_line" for step in document.steps)
    assert ("pause_clock" in made) == ("resume_clock" in made) == (document.pauses is not None)
    assert ("agree_standstill" in made) == document.urgency.standstill
    assert ("acknowledge" in made) == any(step.acknowledge for step in document.steps)


def sample(states: Any) -> str:
    return f"{len(states)}, such as " + "\n".join(str(state) for state in sorted(states, key=str)[:3])


# ── walks through the real door ─────────────────────────────────────────────────────────────────────────────────────


def read(d: Disagreement) -> State:
    """The state of a disagreement in the database, as the search would name it; limits across steps left out."""
    document = d.policy.document
    standing = d.standing
    kinds = {side.pk: str(side.kind) for side in standing.sides}
    heard = d.entries.filter(kind__in=("record_discussion", "hold_meeting"), step=d.acting_step).exists()
    confirmed = frozenset(kinds[pk] for pk in standing.confirmed_sides) if standing.agreement else None
    differing = frozenset(str(side.kind) for side in standing.party_sides if side.agreed_to_differ)
    state = state_of(
        d, State("", 0), confirmed=confirmed, countersign=standing.awaiting_countersign, differing=differing, heard=heard
    ).plain()
    return replace(state, act=state.act and document.urgency.standstill)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", ["chapter-23", "croydon", "lincolnshire", "two practitioner steps", "standstill"])
def test_the_door_leads_nowhere_else(name: str, seed: int, explore: Any, as_clock: Any) -> None:
    """What the search takes from the door by hand is what the door does; and no walk leaves an invariant broken."""
    known = {replace(state, spent=frozenset()) for state in explore(name).edges}
    chance = random.Random(seed)
    w = factories.world(f"walk{seed}", POLICIES[name])
    d = factories.raised(w)
    soon = {"disputed_act_at": (timezone.now() + dt.timedelta(days=9)).isoformat()}
    made: list[str] = []
    for _ in range(25):
        if chance.random() < 0.1:
            with as_clock():
                tasks.notice_due_clocks(timezone.now() + dt.timedelta(days=chance.choice([8, 60])))
        person = w.person(chance.choice(["aisha", "grace", "ian", "sam", "mona", "hal", "chair", "office"]))
        with acting_as(person):
            found = Disagreement.objects.visible_to(person).filter(pk=d.pk).first()
            if found is None:
                continue
            found.standing = Standing.of(found, timezone.now())
            moves_open = [m.name for m in found.open_moves(found.standing.actor(person)) if m.name not in (*GIVES_UP, "pass_on")]
        if not moves_open:
            continue
        move = chance.choice(moves_open)
        try:
            factories.move(d, move, person, facts=soon if move == "name_disputed_act" else {}, child_safe="unsure")
        except MoveRefused:  # it asks for a person or a date that a walk does not choose
            continue
        made.append(move)
        with as_clock():
            now = factories.fresh(d)
            now.standing = Standing.of(now, timezone.now())
            assert read(now) in known, (made, read(now))
    with as_clock():
        assert radar.broken_invariants(timezone.now()) == {}, made
    assert len(made) >= 3
