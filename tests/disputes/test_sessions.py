"""The joint session read from the record: never fixed without all sides, always on a day ahead that suits them all (23.17)."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disputes.sessions import Session, latest_session

BEGAN = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
SCHOOL, CARE, WARD = (UUID(int=n) for n in (1, 2, 3))
SIDES = {SCHOOL, CARE}
Said = tuple[UUID, str, UUID | None, dict[str, Any], dt.datetime]


def day(n: int) -> dt.datetime:
    return BEGAN + dt.timedelta(days=n)


class Record:
    """Entries in their order; each is recorded an hour after the one before, unless said otherwise."""

    def __init__(self) -> None:
        self.said: list[Said] = []

    def add(self, kind: str, side: UUID | None = None, at: dt.datetime | None = None, **facts: Any) -> UUID:
        entry = UUID(int=100 + len(self.said))
        after = self.said[-1][4] if self.said else BEGAN
        self.said.append((entry, kind, side, facts, at or after + dt.timedelta(hours=1)))
        return entry

    def propose(self, *days: int, people: tuple[UUID, ...] = ()) -> UUID:
        return self.add("propose_session", dates=[day(n).isoformat() for n in days], minutes=90, people=[str(one) for one in people])

    def answer(self, side: UUID | None, *days: int, at: dt.datetime | None = None, people: tuple[UUID, ...] = ()) -> UUID:
        return self.add("answer_session", side, at, dates=[day(n).isoformat() for n in days], people=[str(one) for one in people])

    def read(self, sides: set[UUID] = SIDES) -> Session | None:
        return latest_session(self.said, sides)


def test_without_a_proposal_there_is_no_session() -> None:
    record = Record()
    record.answer(SCHOOL, 3)
    record.add("cancel_session")
    assert record.read() is None


def test_it_is_fixed_on_the_earliest_day_that_suits_all() -> None:
    record = Record()
    record.propose(9, 5, 7)
    record.answer(SCHOOL, 9, 7)
    assert record.read().fixed_at is None  # type: ignore[union-attr]
    last = record.answer(CARE, 5, 7, 9)
    session = record.read()
    assert session is not None
    assert (session.fixed_at, session.fixed_by, session.suits_nobody) == (day(7), last, False)
    assert session.ends_at == day(7) + dt.timedelta(minutes=90)


def test_where_no_day_suits_all_that_is_said() -> None:
    record = Record()
    record.propose(5, 7)
    record.answer(SCHOOL, 5)
    record.answer(CARE, 7)
    session = record.read()
    assert session is not None
    assert session.suits_nobody
    assert session.ends_at is None


def test_a_side_may_think_again_until_the_last_has_answered_and_not_after() -> None:
    record = Record()
    record.propose(5, 7)
    record.answer(SCHOOL, 5)
    record.answer(SCHOOL, 7)
    record.answer(CARE, 7)
    record.answer(CARE, 5)
    assert record.read().fixed_at == day(7)  # type: ignore[union-attr]


def test_a_day_that_has_passed_by_the_last_answer_is_not_taken() -> None:
    record = Record()
    record.propose(1, 5)
    record.answer(SCHOOL, 1, 5)
    record.answer(CARE, 1, 5, at=day(2))
    assert record.read().fixed_at == day(5)  # type: ignore[union-attr]


def test_days_that_nobody_proposed_count_for_nothing() -> None:
    record = Record()
    record.propose(5)
    record.answer(SCHOOL, 5, 6)
    record.answer(CARE, 6)
    session = record.read()
    assert session is not None
    assert session.answers == {SCHOOL: (day(5),), CARE: ()}
    assert session.suits_nobody


def test_called_off_it_stays_so_until_another_is_proposed() -> None:
    record = Record()
    record.propose(5)
    record.answer(SCHOOL, 5)
    record.answer(CARE, 5)
    record.add("cancel_session")
    record.answer(CARE, 5)
    session = record.read()
    assert session is not None
    assert (session.is_cancelled, session.changes) == (True, 1)
    assert not session.suits_nobody
    again = record.propose(8)
    fresh = record.read()
    assert fresh == Session(again, (day(8),), 90)


@pytest.mark.parametrize(("recorded", "over"), [(4, True), (6, False)])
def test_a_mediation_recorded_before_its_day_ends_it_and_after_it_does_not(recorded: int, over: bool) -> None:
    record = Record()
    record.propose(5)
    record.answer(SCHOOL, 5)
    record.answer(CARE, 5)
    record.add("record_mediation", at=day(recorded))
    session = record.read()
    assert session is not None
    assert (session.is_cancelled, session.was_recorded, session.changes) == (over, over, int(over))


def test_who_is_expected_is_named_by_whoever_mediates_then_by_each_side_once() -> None:
    ann, bob, cat = (UUID(int=n) for n in (11, 12, 13))
    record = Record()
    record.propose(5, people=(ann,))
    record.answer(SCHOOL, 5, people=(bob, ann))
    record.answer(CARE, 5, people=(cat, bob))
    assert record.read().people == (ann, bob, cat)  # type: ignore[union-attr]


@pytest.mark.parametrize("sides", [{SCHOOL}, {SCHOOL, CARE}, {SCHOOL, CARE, WARD}])
def test_every_party_side_has_to_take_a_day(sides: set[UUID]) -> None:
    record = Record()
    record.propose(5)
    for number, side in enumerate(sorted(sides), start=1):
        record.answer(side, 5)
        session = record.read(sides)
        assert session is not None
        assert (session.fixed_at is not None) == (number == len(sides))


DAYS = st.lists(st.integers(-2, 12), max_size=5, unique=True)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("propose"), DAYS.filter(bool)),
        st.tuples(st.sampled_from([SCHOOL, CARE, WARD, None]), DAYS),
        st.tuples(st.just("cancel"), st.just([])),
        st.tuples(st.just("wait"), st.lists(st.integers(0, 5), min_size=1, max_size=1)),
    ),
    max_size=25,
)


@given(ACTS)
def test_whatever_is_said_it_is_never_fixed_without_all_sides_nor_in_the_past(acts: list[Any]) -> None:
    record, clock = Record(), BEGAN
    for what, days in acts:
        clock += dt.timedelta(hours=1)
        if what == "wait":
            clock += dt.timedelta(days=days[0])
        elif what == "propose":
            record.add("propose_session", at=clock, dates=[day(n).isoformat() for n in days], minutes=60)
        elif what == "cancel":
            record.add("cancel_session", at=clock)
        else:
            record.answer(what, *days, at=clock)
        _check(record)


def _check(record: Record) -> None:
    session = record.read()
    proposed = [n for n, said in enumerate(record.said) if said[1] == "propose_session"]
    assert (session is None) == (not proposed)
    if session is None:
        return
    since = record.said[proposed[-1] + 1 :]
    assert session.entry == record.said[proposed[-1]][0]
    assert session.is_cancelled == any(kind == "cancel_session" for _entry, kind, *_rest in since)
    assert all(set(taken) <= set(session.dates) for taken in session.answers.values())
    assert (session.fixed_by is not None) == (set(session.answers) >= SIDES)
    if session.fixed_at is None:
        return
    recorded_at = {entry: at for entry, _kind, _side, _facts, at in record.said}[session.fixed_by]  # type: ignore[index]
    suits = [one for one in session.dates if one > recorded_at and all(one in session.answers[side] for side in SIDES)]
    assert session.fixed_at == min(suits)


@given(ACTS)
def test_once_fixed_only_calling_it_off_or_another_proposal_changes_it(acts: list[Any]) -> None:
    record = Record()
    record.propose(6)
    record.answer(SCHOOL, 6)
    record.answer(CARE, 6)
    fixed = record.read()
    for what, days in acts:
        if what not in ("propose", "cancel", "wait"):
            record.answer(what, *days)
    assert record.read() == fixed
