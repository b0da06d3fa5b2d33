"""The attack: from all published numbers of all pages, exports and periods together, no group of one to four disagreements comes out.

It is tried with its own arithmetic (another elimination, modulo another prime), on numbers as they are read from the releases.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning import statistics, suppression
from learning.statistics import ALL, Counted, Facts, Period, Place, Table
from learning.suppression import Knowledge, Number, Part
from tests.learning.figures_world import partnership, released

PRIME = 2_147_483_647  # another one than the house's
SEEDS = range(60)


@dataclass
class Everything:
    """All that anybody can ever see of one partnership, and what is true."""

    facts: Facts
    counted: Counted = field(init=False)
    shown: list[tuple[frozenset[Part], int]] = field(default_factory=list)  # what a published number adds up, and the number
    hidden: list[frozenset[Part]] = field(default_factory=list)  # of cells with a dash
    tables: list[tuple[Table, dict[Place, int | None]]] = field(default_factory=list)

    @classmethod
    def of(cls, facts: Facts, *, secondary: bool = True) -> Everything:
        found = cls(facts)
        found.counted = statistics.count(facts)
        for period, kept in released(facts, secondary=secondary).items():
            true = {table.key: table for table in statistics.tables(facts, found.counted, period)}
            for table in kept:
                found._read(true[str(table["key"])], statistics.cells_of(table))
        return found

    def _read(self, table: Table, cells: dict[Place, int | None]) -> None:
        self.tables.append((table, cells))
        for place, value in cells.items():
            parts = table.parts[place]
            if value is None:
                self.hidden.append(parts)
            else:
                assert value == self.counted.number(parts), (table.key, place)
                self.shown.append((parts, value))

    def people(self, parts: frozenset[Part]) -> int:
        return len({case for part in parts for case in self.counted.people[part]})

    def is_small(self, parts: frozenset[Part]) -> bool:
        return 0 < self.people(parts) < 5

    def small_groups(self) -> Iterator[frozenset[Part]]:
        """What an attacker would like to know: each hidden cell, any two of the same subject together, each smallest part."""
        small = {parts for parts in self.hidden if self.is_small(parts)}
        small |= {frozenset([part]) for part in self.counted.units if self.is_small(frozenset([part]))}
        yield from small
        by_subject: dict[object, list[frozenset[Part]]] = {}
        for parts in small:
            by_subject.setdefault(next(iter(parts))[0], []).append(parts)
        for groups in by_subject.values():
            for one, other in combinations(groups, 2):
                if not one & other and self.is_small(one | other):
                    yield one | other


# ── all pairs ───────────────────────────────────────────────────────────────────────────────────────────────────────


def pairs_that_tell(everything: Everything) -> list[tuple[frozenset[Part], frozenset[Part]]]:
    """Two published numbers of which one counts part of what the other does, so that the difference is a number of disagreements."""
    found = []
    rows = sorted({parts for parts, _value in everything.shown if parts}, key=len)
    for one, other in combinations(rows, 2):
        if one < other and everything.is_small(other - one):
            found.append((one, other))
        if not one & other and everything.is_small(one | other):
            found.append((one, other))
    return found


# ── everything together ─────────────────────────────────────────────────────────────────────────────────────────────


class Span:
    """What rows add up to, by Gauss and Jordan over whole rows: not the house's way of doing it."""

    def __init__(self, columns: list[Part]) -> None:
        self.columns = columns
        self.rows: dict[Part, dict[Part, int]] = {}  # pivot -> row, in which no other pivot stands

    def _less(self, row: dict[Part, int]) -> dict[Part, int]:
        left = dict(row)
        for pivot in [part for part in left if part in self.rows]:
            times = left.get(pivot, 0)
            for part, value in self.rows[pivot].items():
                left[part] = (left.get(part, 0) - times * value) % PRIME
        return {part: value for part, value in left.items() if value}

    def add(self, row: dict[Part, int]) -> None:
        left = self._less(row)
        if not left:
            return
        pivot = next(part for part in self.columns if part in left)
        inverse = pow(left[pivot], PRIME - 2, PRIME)
        left = {part: value * inverse % PRIME for part, value in left.items()}
        for held, other in self.rows.items():
            if times := other.get(pivot, 0):
                changed = {part: (other.get(part, 0) - times * left.get(part, 0)) % PRIME for part in other.keys() | left.keys()}
                self.rows[held] = {part: value for part, value in changed.items() if value}
        self.rows[pivot] = left

    def holds(self, parts: frozenset[Part]) -> bool:
        return not self._less(dict.fromkeys(parts, 1))


def groups_that_are_told(everything: Everything) -> list[frozenset[Part]]:
    columns = sorted(everything.counted.units, key=repr, reverse=True)
    span = Span(columns)
    for row in statistics.known_to_all(everything.counted):
        span.add(row)
    for parts, _value in everything.shown:
        span.add(dict.fromkeys(parts, 1))
    return [parts for parts in everything.small_groups() if span.holds(parts)]


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_small_comes_out_of_everything_that_is_published(seed: int) -> None:
    everything = Everything.of(partnership(seed, cases=4 + seed % 75, agencies=2 + seed % 5))
    assert all(not everything.is_small(parts) for parts, _value in everything.shown)
    assert pairs_that_tell(everything) == []
    assert groups_that_are_told(everything) == []


@given(st.integers(10_000, 10_000_000), st.integers(1, 40), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_nor_of_any_other_partnership(seed: int, cases: int, agencies: int) -> None:
    everything = Everything.of(partnership(seed, cases, agencies))
    assert pairs_that_tell(everything) == []
    assert groups_that_are_told(everything) == []


def test_the_attack_succeeds_where_only_single_small_numbers_are_hidden() -> None:
    """What secondary suppression is for: without it, both attacks find small groups in nearly every partnership."""
    by_pairs = by_everything = 0
    for seed in range(20):
        everything = Everything.of(partnership(seed, cases=40 + seed), secondary=False)
        by_pairs += bool(pairs_that_tell(everything))
        by_everything += bool(groups_that_are_told(everything))
    assert by_pairs > 10
    assert by_everything > 15


def test_the_attack_uses_every_number_that_is_shown() -> None:
    everything = Everything.of(partnership(7, cases=80))
    assert len(everything.tables) == 15 * 5  # four quarters and the year
    assert len(everything.shown) > 200
    assert len({parts for parts, _ in everything.shown}) > 150
    assert sum(1 for parts in everything.hidden if everything.is_small(parts)) > 100


def test_two_years_of_releases_stand_together() -> None:
    facts = partnership(3, cases=90, first=dt.date(2024, 4, 1), days=730)
    everything = Everything.of(facts)
    assert len(everything.tables) == 15 * 10
    assert pairs_that_tell(everything) == []
    assert groups_that_are_told(everything) == []


# ── bounds ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(40))
def test_no_hidden_small_number_is_the_only_one_possible(seed: int) -> None:
    """A hidden number is none or more. In each line with its total, what is hidden must leave a choice."""
    everything = Everything.of(partnership(seed, cases=10 + seed))
    for table, cells in everything.tables:
        always = table.shows_noughts
        for line in [*table.lines, *always]:
            *places, total = line
            hidden = [place for place in places if cells[place] is None]
            if not hidden or cells[total] is None:
                continue
            left = (cells[total] or 0) - sum(cells[place] or 0 for place in places)
            least = 1 if line in always else 0
            for place in hidden:
                most = left - least * (len(hidden) - 1)
                if everything.is_small(table.parts[place]):
                    assert most > least, (table.key, line)


# ── the pieces ──────────────────────────────────────────────────────────────────────────────────────────────────────


def parts(*sizes: int) -> dict[Part, list[str]]:
    """So many disagreements in each part, none in two."""
    return {("x", i): [f"{i}-{n}" for n in range(size)] for i, size in enumerate(sizes)}


def shown(sizes: list[int], asked: list[set[int]], **more: object) -> list[bool]:
    numbers = [Number(i, frozenset(("x", place) for place in places)) for i, places in enumerate(asked)]
    public = suppression.shown(numbers, parts(*sizes), **more)  # type: ignore[arg-type]
    return [i in public for i in range(len(asked))]


def test_a_small_number_is_hidden_and_with_it_one_more() -> None:
    assert shown([9, 3, 8], [{0, 1, 2}, {0}, {1}, {2}]) == [True, True, False, False]


def test_two_small_ones_hide_each_other_when_they_make_five() -> None:
    assert shown([9, 3, 2], [{0, 1, 2}, {0}, {1}, {2}]) == [True, True, False, False]
    assert shown([9, 2, 2], [{0, 1, 2}, {0}, {1}, {2}]) == [True, False, False, False]


def test_what_is_known_already_hides_more() -> None:
    people = parts(6, 5, 3)
    whole = Number("year", frozenset(people))
    earlier = [{("x", 0): 1}, {("x", 1): 1}]
    assert suppression.shown([whole], people, known=earlier) == set()
    assert suppression.shown([whole], people, known=earlier[:1]) == {"year"}


def test_five_answers_of_two_disagreements_are_not_five() -> None:
    people = {("x", 0): ["a"], ("x", 1): ["a", "b"], ("x", 2): ["a", "b"], ("x", 3): [1, 2, 3, 4, 5, 6]}
    whole, most = Number("all", frozenset(people)), Number("most", frozenset([("x", 3)]))
    assert suppression.shown([Number("n", frozenset([("x", 0), ("x", 1), ("x", 2)]))], people) == set()
    assert suppression.shown([whole, most], people) == {"all"}


def test_the_order_in_which_numbers_are_decided_does_not_look_at_them() -> None:
    """Else the size of what is shown would tell something of what is hidden: here 6 is hidden, although 5 would do."""
    assert shown([5, 6, 3], [{0, 1, 2}, {0}, {1}, {2}]) == [True, True, False, False]


def test_knowledge_is_the_span_of_what_was_learnt_and_can_be_forgotten() -> None:
    knowledge = Knowledge(parts(1, 1, 1, 9))
    knowledge.learn({("x", 0): 1, ("x", 1): 1, ("x", 3): 1})
    mark = knowledge.mark()
    assert not knowledge.gives_away()
    knowledge.learn({("x", 3): 1})
    assert knowledge.gives_away() == {("x", 0), ("x", 1)}
    assert knowledge.knows({("x", 0): 3, ("x", 1): 3})
    assert not knowledge.knows({("x", 0): 1})
    knowledge.forget(mark)
    assert not knowledge.gives_away()


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_groups_of_up_to_four_parts_are_found(size: int) -> None:
    knowledge = Knowledge(parts(*[1] * size, *[9] * 3, *[1] * 30))
    group = {("x", i): 1 for i in range(size)}
    knowledge.learn({**group, ("x", size): 1})
    knowledge.learn({("x", size): 1, ("x", size + 1): 1})
    assert not knowledge.gives_away()
    knowledge.learn({("x", size + 1): 5})
    assert knowledge.gives_away() == set(group)


def test_when_all_is_too_little_no_nought_tells_where_it_is_not() -> None:
    everything = Everything.of(partnership(5, cases=3, days=60))
    period = Period.quarter(2025, 1)
    table = next(t for t, _ in everything.tables if t.key == "category")
    cells = next(c for t, c in everything.tables if t.key == "category")
    assert cells[ALL, "opened"] is None
    assert all(value is None for value in cells.values())
    assert table.rows[-1] == ALL
    assert period.name == "2025-26-q1"
