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
Where a disagreement is counted several times in one subject (issues, points), parts that share disagreements are first put together, up
to four of them in every way that holds fewer than five, and those take the place of parts.

**How it is decided.** Numbers come in an order that does not depend on what they are, totals first, then as the tables stand: if the
smallest were hidden first, its size would say something of what it hides. Each is published unless it counts one to four itself
(primary), or unless with it something small could be worked out (secondary suppression). What earlier releases showed is taken as known
from the start: it cannot be taken back, so the later release hides more.

**Limits, stated.** (1) That a hidden count is not negative is known too. A nought inside a table is hidden with its neighbours, so
that a hidden cell may be anything from nought; in lines whose noughts are always shown (agencies that never raised) at least two
disagreements a hidden cell remain on average. Which of several possible values is the likelier is not calculated. (2) A group that is
spread over two subjects is weighed as if it were different disagreements in each. (3) Somebody who took part in a disagreement knows
it, and can take it off. (4) Medians and percentiles are no sums: they are shown, in half days, only where the number behind them is
shown (the median of five, the 90th percentile of ten or more). (5) Groups that lie wholly before the last financial year are not looked
for again: they were when their own releases were made.

Pure: no database, no Django.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

THRESHOLD = 5
TOGETHER = 4  # parts of one subject that share disagreements: so many are put together
PRIME = (1 << 61) - 1

Part: TypeAlias = tuple[Hashable, ...]
People: TypeAlias = Mapping[Part, Collection[Hashable]]  # the disagreements in each part; parts without any are not there
Group: TypeAlias = tuple[frozenset[Part], int]  # some parts, and how many disagreements are in them


@dataclass(frozen=True)
class Number:
    """A number that might be published: what it is called, and the parts that it adds up."""

    name: Hashable
    parts: frozenset[Part]


@dataclass
class Knowledge:
    """What can be worked out by adding and taking away. Rows are kept reduced: none holds the pivot of an earlier one."""

    people: People
    looked_at: Collection[Part] | None = None
    _rows: list[tuple[Part, dict[Part, int]]] = field(default_factory=list)
    _places: dict[Part, int] = field(default_factory=dict)  # of the pivots

    def __post_init__(self) -> None:
        chance = random.Random(23)  # noqa: S311 - not a secret: it only has to be independent of what is counted
        self._free = {part: chance.randrange(1, PRIME) for part in sorted(self.people, key=repr)}
        looked_at = self._free if self.looked_at is None else self.looked_at
        people = {part: frozenset(self.people[part]) for part in self._free if part in looked_at}
        self._watches = [_Watch(groups) for groups in _small_groups(people)]

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

    def gives_away(self) -> frozenset[Part]:
        """Some group of one to four disagreements that can be counted from what is known; empty: none."""
        values = self._orthogonal()
        return next((found for watch in self._watches if (found := watch.look(values))), frozenset())

    def settle(self) -> None:
        """What was looked at last gives nothing away: next time only what has changed since is looked at."""
        for watch in self._watches:
            watch.settle()

    def _reduced(self, row: Mapping[Part, int]) -> dict[Part, int]:
        left = {part: times % PRIME for part, times in row.items() if times and part in self.people}
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


def _small_groups(people: Mapping[Part, frozenset[Hashable]]) -> Iterator[list[Group]]:
    """What is looked for, in lists in which up to four of them make a group: all small parts; and of each subject in which a disagreement
    is in several parts, those parts together that share disagreements."""
    small = {part: there for part, there in people.items() if len(there) < THRESHOLD}
    yield [(frozenset([part]), len(there)) for part, there in small.items()]
    by_subject: dict[Hashable, dict[Part, frozenset[Hashable]]] = defaultdict(dict)
    for part, there in small.items():
        by_subject[part[0]][part] = there
    for parts in by_subject.values():
        joined = _joined(parts)
        if len(joined) > len(parts):
            yield joined


def _joined(people: Mapping[Part, frozenset[Hashable]]) -> list[Group]:
    """Every set of parts that hang together by disagreements they share and hold fewer than five of them."""
    holding: dict[Hashable, list[Part]] = defaultdict(list)
    for part, there in people.items():
        for one in there:
            holding[one].append(part)
    found: dict[frozenset[Part], frozenset[Hashable]] = {frozenset([part]): there for part, there in people.items()}
    new = list(found.items())
    for _more in range(TOGETHER - 1):
        grown: dict[frozenset[Part], frozenset[Hashable]] = {}
        for parts, there in new:
            for part in {near for one in there for near in holding[one]} - parts:
                together = there | people[part]
                if len(together) < THRESHOLD and (larger := parts | {part}) not in found:
                    grown[larger] = together
        found |= grown
        new = list(grown.items())
    return [(parts, len(there)) for parts, there in found.items()]


class _Watch:
    """Looks for one to four groups without a part in common whose values add up to nought (modulo the prime) and whose disagreements to
    less than five. Remembers sums of the groups that were settled, so that a look costs what has changed."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = groups
        self._values: list[int | None] = [None] * len(groups)
        self._next: list[int] = []
        self._singles: dict[int, list[int]] = defaultdict(list)  # value -> groups; may be out of date, so each find is checked
        self._pairs: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._new_pairs: dict[int, list[tuple[int, int]]] = defaultdict(list)

    def look(self, values: Mapping[Part, int]) -> frozenset[Part]:
        self._next = [sum(values[part] for part in parts) % PRIME for parts, _weight in self._groups]
        self._new_pairs = defaultdict(list)
        changed = [i for i, (old, new) in enumerate(zip(self._values, self._next, strict=True)) if old != new]
        news: dict[int, list[int]] = defaultdict(list)
        for i in changed:
            news[self._next[i]].append(i)
        if 0 in news:
            return self._groups[news[0][0]][0]
        is_new = set(changed)
        for i in changed:
            for j in range(len(self._groups)):
                if (j > i or j not in is_new) and (found := self._with_others(i, j, news)):
                    return found
        return frozenset()

    def settle(self) -> None:
        for i, (old, new) in enumerate(zip(self._values, self._next, strict=True)):
            if old != new:
                self._singles[new].append(i)
        for total, pairs in self._new_pairs.items():
            self._pairs[total] += pairs
        self._values = list(self._next)

    def _with_others(self, i: int, j: int, news: Mapping[int, list[int]]) -> frozenset[Part]:
        weight = self._groups[i][1] + self._groups[j][1]
        if weight >= THRESHOLD:
            return frozenset()
        total = (self._next[i] + self._next[j]) % PRIME
        wanted = PRIME - total
        found: list[tuple[int, ...]] = [()] if total == 0 else []
        for singles in (news, self._singles):
            if wanted in singles:
                found += [(k,) for k in singles[wanted]]
        if weight + 2 < THRESHOLD:
            for pairs in (self._new_pairs, self._pairs):
                if wanted in pairs:
                    found += pairs[wanted]
            self._new_pairs[total].append((i, j))
        return next((together for others in found if (together := self._together((i, j, *others)))), frozenset())

    def _together(self, indices: tuple[int, ...]) -> frozenset[Part]:
        """Their parts, if they do add up to nought, none is in two of them and all are light enough; else nothing."""
        groups = [self._groups[index] for index in indices]
        if sum(self._next[index] for index in indices) % PRIME or sum(weight for _parts, weight in groups) >= THRESHOLD:
            return frozenset()
        together = frozenset().union(*(parts for parts, _weight in groups))
        return together if len(together) == sum(len(parts) for parts, _weight in groups) else frozenset()


def shown(
    numbers: Sequence[Number],
    people: People,
    *,
    known: Iterable[Mapping[Part, int]] = (),
    never: Collection[Hashable] = (),
    looked_at: Collection[Part] | None = None,
    secondary: bool = True,
) -> set[Hashable]:
    """The names of those that may be published, decided in their order. `people`: the disagreements in each part (five different ones
    make a number large enough). `known`: rows that everybody knows. `never`: names that stay hidden whatever they count. `looked_at`: the
    parts of which groups are looked for (None: all). `secondary=False` hides single small numbers only: for the test that shows why that
    is not enough."""
    knowledge = Knowledge(people, looked_at=looked_at)
    for row in known:
        knowledge.learn(row)
    large = [number for number in numbers if number.name not in never and is_large(number, people)]
    if not secondary:
        return {number.name for number in large}
    published: set[Hashable] = set()
    _publish(large, knowledge, published)
    return published


def is_large(number: Number, people: People) -> bool:
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
        knowledge.settle()
        published |= {number.name for number in numbers}
        return
    knowledge.forget(mark)
    if len(numbers) > 1:
        half = len(numbers) // 2
        _publish(numbers[:half], knowledge, published)
        _publish(numbers[half:], knowledge, published)
