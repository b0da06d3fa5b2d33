"""Which numbers may be published so that no group of fewer than five disagreements can be worked out from all of them together.

**The attack.** Somebody has every page and every export of every release, now and later, knows what each number counts and how it was
decided which are shown, and does arithmetic: adds and takes away published numbers as often as they like, with any factors. What must not
come out is a number that counts between one and four disagreements, whether or not it is a line of any table.

**How it is held.** Whatever is counted is cut into *parts*: the smallest groups that the tables of one subject tell apart ("opened from
April to June, by the school, to the front door"). Parts of one subject do not overlap. Each published number is a sum of parts, so it is a
row of ones over the parts; that two subjects count the same disagreements (all those opened in a quarter, by category and by agency)
is a row too, known to everybody, whose sum is nought. What arithmetic can get from the published numbers is then exactly the span of those
rows. A group is given away if its row of ones lies in that span. All groups of parts with one to four disagreements are looked at, by
exact linear algebra modulo a prime: a random vector that is orthogonal to all rows adds up to nought over a group given away, and over any
other only by a chance of one in 2^61. Up to four parts can make such a group, and that is a search for four numbers whose sum is nought.

**How it is decided.** Numbers come in an order that does not depend on what they are, totals first, then as the tables stand: if the
smallest were hidden first, its size would say something of what it hides. Each is published unless it counts one to four itself
(primary), or unless with it something small could be worked out (secondary suppression). What earlier releases showed is taken as known
from the start: it cannot be taken back, so the later release hides more.

**Limits, stated.** (1) That a hidden count is not negative is known too. A nought inside a table is hidden with its neighbours, so
that a hidden cell may be anything from nought; in lines whose noughts are always shown (agencies that never raised) at least two
disagreements a hidden cell remain on average. Which of several possible values is the likelier is not calculated. (2) Where
one disagreement counts several times (answers, steps, issues, points), a published number comes from five disagreements or more, and a
group is weighed by its parts' disagreements added up. (3) Somebody who took part in a disagreement knows it, and can take it off.
(4) Medians and percentiles are no sums: they are shown, in half days, only where the number behind them is shown (the median of five,
the 90th percentile of ten or more). (5) Groups that lie wholly before
the last financial year are not looked for again: they were when their own releases were made.

Pure: no database, no Django.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TypeAlias

THRESHOLD = 5
PRIME = (1 << 61) - 1

Part: TypeAlias = tuple[Hashable, ...]
Weights: TypeAlias = Mapping[Part, int]  # how many disagreements are in each part; parts without any are not there


@dataclass(frozen=True)
class Number:
    """A number that might be published: what it is called, and the parts that it adds up."""

    name: Hashable
    parts: frozenset[Part]


@dataclass
class Knowledge:
    """What can be worked out by adding and taking away. Rows are kept reduced: none holds the pivot of an earlier one."""

    weights: Weights
    threshold: int = THRESHOLD
    looked_at: Collection[Part] | None = None
    _rows: list[tuple[Part, dict[Part, int]]] = field(default_factory=list)
    _places: dict[Part, int] = field(default_factory=dict)  # of the pivots

    def __post_init__(self) -> None:
        chance = random.Random(23)  # noqa: S311 - not a secret: it only has to be independent of what is counted
        self._free = {part: chance.randrange(1, PRIME) for part in sorted(self.weights, key=repr)}
        self._small = [
            part for part in self._free if self.weights[part] < self.threshold and (self.looked_at is None or part in self.looked_at)
        ]

    def learn(self, row: Mapping[Part, int]) -> None:
        """Somebody knows the sum of these parts, each as often as `row` says."""
        left = self._reduced(row)
        if left:
            pivot = min(left, key=repr)
            inverse = pow(left[pivot], -1, PRIME)
            self._places[pivot] = len(self._rows)
            self._rows.append((pivot, {part: times * inverse % PRIME for part, times in left.items()}))

    def knows(self, row: Mapping[Part, int]) -> bool:
        """Whether the sum of these parts follows from what is known."""
        return not self._reduced(row)

    def mark(self) -> int:
        return len(self._rows)

    def forget(self, mark: int) -> None:
        """Everything learnt since the mark."""
        for pivot, _row in self._rows[mark:]:
            del self._places[pivot]
        del self._rows[mark:]

    def gives_away(self) -> list[Part]:
        """Some group of one to four disagreements (below the threshold) that can be counted from what is known; empty: none."""
        values = self._orthogonal()
        return _sums_to_nought([(part, values[part], self.weights[part]) for part in self._small], self.threshold)

    def _reduced(self, row: Mapping[Part, int]) -> dict[Part, int]:
        left = {part: times % PRIME for part, times in row.items() if times and part in self.weights}
        while places := [self._places[part] for part in left if part in self._places]:
            pivot, known = self._rows[min(places)]
            factor = left[pivot]
            for part, times in known.items():
                value = (left.get(part, 0) - factor * times) % PRIME
                if value:
                    left[part] = value
                else:
                    left.pop(part, None)
        return left

    def _orthogonal(self) -> dict[Part, int]:
        """A random vector orthogonal to all rows: chance in the free places, the pivots solved from the last row to the first."""
        values = dict(self._free)
        for pivot, row in reversed(self._rows):
            values[pivot] = -sum(times * values[part] for part, times in row.items() if part != pivot) % PRIME
        return values


def _sums_to_nought(items: Sequence[tuple[Part, int, int]], threshold: int) -> list[Part]:
    """One to four items whose values add up to nought (modulo the prime) and whose weights stay below the threshold."""
    singles: dict[int, list[int]] = defaultdict(list)
    for index, (part, value, _weight) in enumerate(items):
        if value == 0:
            return [part]
        singles[value].append(index)
    pairs: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for a, b in combinations(range(len(items)), 2):
        weight = items[a][2] + items[b][2]
        if weight >= threshold:
            continue
        total = (items[a][1] + items[b][1]) % PRIME
        found = [(a, b)] if total == 0 else []
        if weight + 1 < threshold:
            found += [(a, b, c) for c in singles.get(PRIME - total, ()) if c not in (a, b) and weight + items[c][2] < threshold]
        if weight + 2 < threshold:
            found += [
                (a, b, *other)
                for other in pairs.get(PRIME - total, ())
                if not {a, b} & set(other) and weight + sum(items[c][2] for c in other) < threshold
            ]
            pairs[total].append((a, b))
        if found:
            return [items[index][0] for index in found[0]]
    return []


def shown(
    numbers: Sequence[Number],
    weights: Weights,
    *,
    people: Mapping[Part, Collection[Hashable]],
    known: Iterable[Mapping[Part, int]] = (),
    never: Collection[Hashable] = (),
    looked_at: Collection[Part] | None = None,
    secondary: bool = True,
) -> set[Hashable]:
    """The names of those that may be published, decided in their order. `people`: the disagreements in each part (five different ones
    make a number large enough). `known`: rows that everybody knows. `never`: names that stay hidden whatever they count. `looked_at`: the
    parts of which groups are looked for (None: all). `secondary=False` hides single small numbers only: for the test that shows why that
    is not enough."""
    knowledge = Knowledge(weights, looked_at=looked_at)
    for row in known:
        knowledge.learn(row)
    large = [number for number in numbers if number.name not in never and is_large(number, people)]
    if not secondary:
        return {number.name for number in large}
    published: set[Hashable] = set()
    _publish(large, knowledge, published)
    return published


def is_large(number: Number, people: Mapping[Part, Collection[Hashable]]) -> bool:
    """Nought, or at least five different disagreements."""
    counted = {one for part in number.parts for one in people.get(part, ())}
    return not counted or len(counted) >= THRESHOLD


def _publish(numbers: Sequence[Number], knowledge: Knowledge, published: set[Hashable]) -> None:
    """As if one after the other: what can be published together, each could have been alone, since knowledge only grows."""
    if not numbers:
        return
    mark = knowledge.mark()
    for number in numbers:
        knowledge.learn(dict.fromkeys(number.parts, 1))
    if not knowledge.gives_away():
        published |= {number.name for number in numbers}
        return
    knowledge.forget(mark)
    if len(numbers) > 1:
        half = len(numbers) // 2
        _publish(numbers[:half], knowledge, published)
        _publish(numbers[half:], knowledge, published)
