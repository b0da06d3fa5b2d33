"""What one partnership's disagreements come to in a quarter or a year: from plain facts to tables, with the parts that each number adds up.

An event belongs to the period of its own recorded time, so that a completed period never changes. Numbers count disagreements, not people:
lateness is an agency's at a level, never somebody's. Pure: no database, no Django; learning.counting brings the facts, and
learning.suppression decides which numbers may be shown.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from learning import suppression
from learning.suppression import Number, Part

LONDON = ZoneInfo("Europe/London")
FIRST_MONTH = 4  # a financial year begins on 1 April
MEDIAN_OF, NINETIETH_OF = suppression.THRESHOLD, 10
ALL = "all"
FORMAT = 1

STAGES = ("practitioner", "line_manager", "up_the_line", "lscb_mediation")
ENDS = ("resolved", "closed", "withdrawn", "redirected")
RESOLVED = ("decision_changed", "compromise", "reasons_accepted", "resolved")
OUTCOMES = (*RESOLVED, "differ", "unconfirmed", "withdrawn", "redirected")
CONFIRMED = ("both", "countersigned", "not_confirmed")
ABOUT = ("protocol", "roles", "threshold", "information_sharing", "training", "resources", "system", "other")
BEGINS_A_STEP = ("send", "take_next_step", "refer_to_line_manager", "pass_up_the_line", "ask_the_chair", "decline_mediation", "reopen")
ANSWERS = ("answer", "record_answer_for", "record_discussion", "hold_meeting", "propose_outcome")
BOTH_TOOK_PART = ("record_answer_for", "record_discussion", "hold_meeting")
MEASURES_AN_ANSWER = ("step", "answer", "track")


# ── periods ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, order=True)
class Period:
    """A quarter of the financial year from 1 April, or the whole of it: first and last day."""

    first: dt.date
    last: dt.date

    @classmethod
    def year(cls, starts_in: int) -> Period:
        return cls(dt.date(starts_in, FIRST_MONTH, 1), dt.date(starts_in + 1, FIRST_MONTH, 1) - dt.timedelta(days=1))

    @classmethod
    def quarter(cls, starts_in: int, number: int) -> Period:
        months = _months_from(dt.date(starts_in, FIRST_MONTH, 1), 13)
        return cls(months[3 * (number - 1)], months[3 * number] - dt.timedelta(days=1))

    @classmethod
    def quarter_of(cls, day: dt.date) -> Period:
        first = _months_back(day.replace(day=1), (day.month - FIRST_MONTH) % 3)
        return cls(first, _months_from(first, 4)[3] - dt.timedelta(days=1))

    @classmethod
    def named(cls, name: str) -> Period:
        """ "2026-27" or "2026-27-q1". Raises ValueError for anything else."""
        year, _, quarter = name.partition("-q")
        starts_in = int(year[:4])
        period = cls.quarter(starts_in, int(quarter)) if quarter in ("1", "2", "3", "4") else cls.year(starts_in)
        if period.name != name:
            raise ValueError(name)
        return period

    @property
    def name(self) -> str:
        starts_in = self.starts_in
        year = f"{starts_in}-{(starts_in + 1) % 100:02}"
        return year if self.is_year else f"{year}-q{self.number}"

    @property
    def is_year(self) -> bool:
        return (self.last - self.first).days > 300

    @property
    def starts_in(self) -> int:
        return self.first.year if self.first.month >= FIRST_MONTH else self.first.year - 1

    @property
    def number(self) -> int:
        """1 to 4, of a quarter."""
        return (self.first.month - FIRST_MONTH) % 12 // 3 + 1

    @property
    def months(self) -> list[dt.date]:
        """The first day of each."""
        return _months_from(self.first, 12 if self.is_year else 3)

    @property
    def quarters(self) -> list[Period]:
        return [Period.quarter(self.starts_in, n) for n in (1, 2, 3, 4)] if self.is_year else [self]

    def holds(self, day: dt.date | None) -> bool:
        return day is not None and self.first <= day <= self.last


def completed(since: dt.date, today: dt.date) -> list[Period]:
    """Every quarter and year that has ended by `today`, from the one in which `since` lies, in the order in which they ended; a year
    after its last quarter. A year that had begun before counts from where there is something to count."""
    found, quarter = [], Period.quarter_of(since)
    while quarter.last < today:
        found.append(quarter)
        if quarter.number == 4:
            found.append(Period.year(quarter.starts_in))
        quarter = Period.quarter_of(quarter.last + dt.timedelta(days=1))
    return found


def _months_from(first: dt.date, n: int) -> list[dt.date]:
    return [dt.date(first.year + (first.month - 1 + i) // 12, (first.month - 1 + i) % 12 + 1, 1) for i in range(n)]


def _months_back(first: dt.date, n: int) -> dt.date:
    month = first.year * 12 + first.month - 1 - n
    return dt.date(month // 12, month % 12 + 1, 1)


def local_day(moment: dt.datetime) -> dt.date:
    return moment.astimezone(LONDON).date()


# ── facts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Act:
    """One entry of the record. `agency`: of the side that did it, "" for the clock, the Chair and the office."""

    kind: str
    at: dt.datetime
    from_stage: str
    stage: str
    step: int
    by_responding_side: bool = False
    about: str = ""  # of a limit reached: which
    kind_of_outcome: str = ""  # of a proposal
    issue: str = ""  # of an outstanding issue done or passed its day


@dataclass(frozen=True)
class Asked:
    """An agency on the responding side, until when (None: to the end)."""

    agency: str
    until: dt.datetime | None = None


@dataclass(frozen=True)
class Limited:
    """A time limit that ran: of which step, since when."""

    about: str
    step: int
    began_at: dt.datetime
    reached_at: dt.datetime | None


@dataclass(frozen=True)
class Issue:
    """An outstanding issue of one version of the agreement."""

    id: str
    version_at: dt.datetime  # when that version was proposed
    done_at: dt.datetime | None


@dataclass(frozen=True)
class Case:
    """One disagreement, without a word of it."""

    id: str
    raising: str  # agency
    category: str
    at_risk: bool  # a child was at immediate risk when it was raised
    acts: tuple[Act, ...]
    asked: tuple[Asked, ...]
    limits: tuple[Limited, ...] = ()
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True)
class Point:
    """A general issue on its way through the partnership and back (23.19)."""

    id: str
    case: str
    about: str
    named_at: dt.datetime
    referred_at: dt.datetime | None = None
    kept_at: dt.datetime | None = None  # kept in the agency
    theme: str = ""
    decided_at: dt.datetime | None = None
    changed_at: dt.datetime | None = None  # and told back


@dataclass(frozen=True)
class Talk:
    """A debrief asked for or held (23.20)."""

    id: str
    case: str
    at: dt.datetime
    held: bool


@dataclass(frozen=True)
class Facts:
    """Everything that is counted of one partnership, as it was known at `until` (exclusive)."""

    agencies: Mapping[str, str]  # id -> name: the members
    categories: Mapping[str, str]  # key -> label
    cases: Sequence[Case] = ()
    points: Sequence[Point] = ()
    talks: Sequence[Talk] = ()
    former: Mapping[str, str] = field(default_factory=dict)  # id -> name: agencies that took part and have left

    @property
    def since(self) -> dt.date | None:
        """The day of the first raising."""
        return min((local_day(case.acts[0].at) for case in self.cases if case.acts), default=None)


# ── what happened, in pieces that are counted ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Spell:
    """A disagreement from its raising, or its reopening, to its end."""

    case: Case
    acts: tuple[Act, ...]
    is_again: bool = False

    @property
    def opened_on(self) -> dt.date:
        return local_day(self.acts[0].at)

    @cached_property
    def end(self) -> Act | None:
        last = self.acts[-1]
        return last if last.stage in ENDS else None

    @property
    def closed_on(self) -> dt.date | None:
        return local_day(self.end.at) if self.end else None

    @property
    def reached(self) -> str:
        """The highest stage."""
        return max((act.stage for act in self.acts if act.stage in STAGES), key=STAGES.index, default=STAGES[0])

    @property
    def ended_at(self) -> str:
        """The stage at which it ended."""
        stage = self.end.from_stage if self.end else ""
        return stage if stage in STAGES else STAGES[0]

    @property
    def is_resolved(self) -> bool:
        return self.end is not None and self.end.stage == "resolved"

    @property
    def outcome(self) -> str:
        if self.end is None:
            return ""
        if self.is_resolved:
            said = next((act.kind_of_outcome for act in reversed(self.acts) if act.kind == "propose_outcome"), "")
            return said if said in RESOLVED else "resolved"
        if self.end.stage == "closed":
            return "unconfirmed" if self.end.kind == "close_as_unconfirmed" else "differ"
        return self.end.stage

    @property
    def confirmed(self) -> str:
        if not self.is_resolved:
            return "not_confirmed"
        last = max(i for i, act in enumerate(self.acts) if act.kind == "propose_outcome" or i == 0)
        return "countersigned" if any(act.kind == "record_confirmation_for" for act in self.acts[last:]) else "both"

    @property
    def asked(self) -> str:
        """The agency first asked."""
        since = self.acts[0].at
        return next((a.agency for a in self.case.asked if a.until is None or a.until > since), "")


@dataclass(frozen=True)
class Stay:
    """The time at one step of a spell, until it was left."""

    spell: Spell
    acts: tuple[Act, ...]
    left_at: dt.datetime | None

    @property
    def stage(self) -> str:
        return self.acts[0].stage if self.acts[0].stage in STAGES else STAGES[0]

    @property
    def days(self) -> float:
        return (self.left_at - self.acts[0].at).total_seconds() / 86400 if self.left_at else 0.0

    @property
    def in_time(self) -> str:
        """Whether it was left before its limit: in_time, late, or no_limit."""
        ran = [limit for limit in self.spell.case.limits if limit.about in ("step", "track") and self._is_mine(limit)]
        if not ran:
            return "no_limit"
        return "late" if any(limit.reached_at and self.left_at and limit.reached_at <= self.left_at for limit in ran) else "in_time"

    def _is_mine(self, limit: Limited) -> bool:
        is_after = self.left_at is not None and limit.began_at >= self.left_at
        return limit.step == self.acts[0].step and limit.began_at >= self.acts[0].at and not is_after

    @property
    def answer(self) -> tuple[dt.datetime, bool] | None:
        """When the agency asked answered or the limit for it passed, whichever came first, and whether it was the limit. A limit that
        passed while the raising side had to say which child it is was not theirs."""
        waits_for_raiser = False
        for act in self.acts:
            if act.kind in ("cannot_tell_which_child", "say_which_child"):
                waits_for_raiser = act.kind == "cannot_tell_which_child"
            if act.kind in BOTH_TOOK_PART or (act.kind in ANSWERS and act.by_responding_side):
                return act.at, False
            if act.kind == "reach_limit" and act.about in MEASURES_AN_ANSWER and not waits_for_raiser:
                return act.at, True
        return None

    def agency_at(self, moment: dt.datetime) -> str:
        return next((a.agency for a in self.spell.case.asked if a.until is None or a.until > moment), "")


def spells(case: Case) -> Iterator[Spell]:
    """In order: a reopening begins another. What is added after the end (notes, closing questions) belongs to none."""
    begun: list[Act] = []
    is_again = False
    for act in case.acts:
        if act.kind in ("send", "reopen"):
            begun, is_again = [act], act.kind == "reopen"
        elif begun:
            begun.append(act)
        if begun and act.stage in ENDS:
            yield Spell(case, tuple(begun), is_again)
            begun = []
    if begun:
        yield Spell(case, tuple(begun), is_again)


def stays(spell: Spell) -> Iterator[Stay]:
    acts: list[Act] = []
    for act in spell.acts:
        if act.kind in BEGINS_A_STEP and acts:
            yield Stay(spell, tuple(acts), act.at)
            acts = []
        acts.append(act)
    if acts:
        yield Stay(spell, tuple(acts), spell.end.at if spell.end else None)


# ── parts: what is counted, cut as fine as the tables of one subject tell apart ─────────────────────────────────────


@dataclass
class Counted:
    """The parts that there are, with how often each is counted, and the disagreements in it."""

    units: Counter[Part] = field(default_factory=Counter)
    people: dict[Part, set[str]] = field(default_factory=lambda: defaultdict(set))
    days: dict[Part, list[float]] = field(default_factory=lambda: defaultdict(list))  # how long, of the stays at a step

    def add(self, case: str, *part: object) -> None:
        self.units[part] += 1
        self.people[part].add(case)

    def of(self, subject: str, belongs: Callable[..., bool]) -> frozenset[Part]:
        """The parts of this subject that belong to it; `belongs` takes what is told apart, in order."""
        return frozenset(part for part in self.by_subject.get(subject, ()) if belongs(*part[1:]))

    @cached_property
    def by_subject(self) -> dict[object, list[Part]]:
        found: dict[object, list[Part]] = defaultdict(list)
        for part in self.units:
            found[part[0]].append(part)
        return found

    def number(self, parts: Iterable[Part]) -> int:
        return sum(self.units[part] for part in parts)


def count(facts: Facts) -> Counted:
    """Every part of every subject, over all time. Quarters stand as their first day; None: not, or not yet."""
    counted = Counted()
    for case in facts.cases:
        for spell in spells(case):
            _count_spell(counted, spell)
        _count_issues(counted, case)
    for point in facts.points:
        _count_point(counted, point)
    for talk in facts.talks:
        counted.add(talk.case, "debrief", _quarter(talk.at), "held" if talk.held else "asked")
    return counted


def _count_spell(counted: Counted, spell: Spell) -> None:
    case, opened, closed = spell.case, _quarter_of(spell.opened_on), _quarter_of(spell.closed_on)
    counted.add(case.id, "flow", spell.opened_on.replace(day=1), spell.closed_on.replace(day=1) if spell.closed_on else None)
    counted.add(case.id, "between", opened, case.raising, spell.asked)
    counted.add(case.id, "category", opened, case.category)
    counted.add(case.id, "urgency", opened, "again" if spell.is_again else "at_risk" if case.at_risk else "not_at_risk")
    if closed:
        counted.add(case.id, "reached", closed, spell.reached)
        counted.add(case.id, "ended", closed, spell.ended_at, spell.is_resolved)
        counted.add(case.id, "outcome", closed, spell.outcome)
        counted.add(case.id, "confirmed", closed, spell.confirmed)
    for stay in stays(spell):
        if stay.left_at:
            part = (f"step {stay.stage}", _quarter(stay.left_at), stay.in_time)
            counted.add(case.id, *part)
            counted.days[part].append(stay.days)
        if (settled := stay.answer) and stay.stage in STAGES[:3]:
            moment, is_late = settled
            counted.add(case.id, f"answer {stay.stage}", _quarter(moment), stay.agency_at(moment), is_late)


def _count_issues(counted: Counted, case: Case) -> None:
    """Those of a version that both sides confirmed: agreed when they did, done or past their day when the record says so."""
    for spell in spells(case):
        if not spell.is_resolved or spell.end is None:
            continue
        version_at = max((act.at for act in spell.acts if act.kind == "propose_outcome"), default=None)
        for issue in case.issues:
            if issue.version_at != version_at:
                continue
            late = next((act.at for act in case.acts if act.kind == "note_overdue_issue" and act.issue == issue.id), None)
            counted.add(case.id, "issue", _quarter(spell.end.at), _quarter(issue.done_at), _quarter(late))


def _count_point(counted: Counted, point: Point) -> None:
    told = (_quarter(at) for at in (point.named_at, point.referred_at, point.kept_at, point.decided_at, point.changed_at))
    counted.add(point.case, "point", *told)
    counted.add(point.case, "about", _quarter(point.named_at), point.about)
    counted.add(point.case, "theme", _quarter(point.named_at), point.theme)


def _quarter(moment: dt.datetime | None) -> dt.date | None:
    return _quarter_of(local_day(moment)) if moment else None


def _quarter_of(day: dt.date | None) -> dt.date | None:
    return Period.quarter_of(day).first if day else None


def known_to_all(counted: Counted) -> Iterator[dict[Part, int]]:
    """Subjects that count the same disagreements: the difference of their sums is nought, and everybody knows it."""
    groups: dict[object, list[dict[Part, int]]] = defaultdict(list)
    for subject, whose in WHOSE.items():
        found: dict[object, dict[Part, int]] = defaultdict(dict)
        for part in counted.by_subject.get(subject, ()):
            for group in whose(part):
                found[group][part] = 1
        for group, row in found.items():
            groups[group].append(row)
    for rows in groups.values():
        for row, other in pairwise(rows):
            yield {**row, **dict.fromkeys(other, -1)}


def _of_flow(part: Part) -> list[object]:
    opened, closed = part[1], part[2]
    groups: list[object] = [("opened", _quarter_of(opened))]  # type: ignore[arg-type]
    return groups + ([("closed", _quarter_of(closed))] if closed else [])  # type: ignore[arg-type]


def _of_opened(part: Part) -> list[object]:
    return [("opened", part[1])]


def _of_closed(part: Part) -> list[object]:
    is_resolved = part[3] if part[0] == "ended" else part[2] in (*RESOLVED, "both", "countersigned")
    closed: list[object] = [("closed", part[1])]
    if part[0] in ("reached", "ended"):  # the ladder only rises: where it ended is the highest it reached, unless mediation was declined
        closed.append(("closed at", part[1], part[2]))
    return closed + ([("resolved", part[1])] if is_resolved and part[0] != "reached" else [])


WHOSE: dict[str, Callable[[Part], list[object]]] = {
    "flow": _of_flow,
    **dict.fromkeys(("between", "category", "urgency"), _of_opened),
    **dict.fromkeys(("reached", "ended", "outcome", "confirmed"), _of_closed),
    **dict.fromkeys(("point", "about", "theme"), lambda part: [("named", part[1])]),
}


# ── tables ──────────────────────────────────────────────────────────────────────────────────────────────────────────

Place: TypeAlias = tuple[str, str]  # row, column
Name: TypeAlias = tuple[str, str, str]  # table, row, column


@dataclass
class Table:
    """One table of one period: rows and columns by key, and of each place the parts that it adds up. `lines`: places whose sum is the last
    of them. `shows_noughts`: lines in which a nought is always shown, being a finding."""

    key: str
    rows: list[str]
    columns: list[str]
    parts: dict[Place, frozenset[Part]]
    lines: list[list[Place]] = field(default_factory=list)
    shows_noughts: list[list[Place]] = field(default_factory=list)

    def name(self, place: Place) -> Name:
        return (self.key, *place)

    def is_grand(self, place: Place) -> bool:
        """The total of the table, or of a column that stands by itself."""
        return place == self.grand_of(place)

    def grand_of(self, place: Place) -> Place:
        """Of how much this is a part."""
        row = ALL if ALL in self.rows else place[0]
        return (row, ALL if ALL in self.columns else place[1].replace("late_", "all_"))

    @property
    def in_order(self) -> list[Place]:
        """Totals first, then as they stand."""
        return sorted(self.parts, key=lambda place: (place != (ALL, ALL), place[0] != ALL, place[1] != ALL))


def tables(facts: Facts, counted: Counted, period: Period) -> list[Table]:
    """All tables of this period, the most asked for first."""
    quarters = {quarter.first for quarter in period.quarters}
    agencies = _seen(facts.agencies, counted, "between", (2, 3))
    categories = _seen(facts.categories, counted, "category", (2,))

    def one_way(key: str, rows: Sequence[str], column: str, total: bool = True) -> Table:
        parts = {(row, column): counted.of(key, lambda q, what, row=row: q in quarters and what == row) for row in rows}
        places = list(parts)
        if total:
            parts[ALL, column] = counted.of(key, lambda q, what: q in quarters)
            places.append((ALL, column))
        return Table(key, [row for row, _ in places], [column], parts, [places] if total else [])

    return [
        _flow(counted, period),
        _between(counted, quarters, agencies),
        one_way("category", categories, "opened"),
        one_way("urgency", ("at_risk", "not_at_risk", "again"), "opened"),
        one_way("reached", STAGES, "closed"),
        _ended(counted, quarters),
        one_way("outcome", OUTCOMES, "closed"),
        one_way("confirmed", CONFIRMED, "closed"),
        _steps(counted, quarters),
        _answers(counted, quarters, agencies),
        _issues(counted, period, quarters),
        _points(counted, quarters),
        one_way("about", ABOUT, "named"),
        one_way("theme", [*_seen({}, counted, "theme", (2,), but=""), ""], "named"),
        one_way("debrief", ("asked", "held"), "debriefs", total=False),
    ]


def _seen(known: Mapping[str, str], counted: Counted, subject: str, places: tuple[int, ...], but: str | None = None) -> list[str]:
    """What is known by name, and whatever else was counted (an agency that has left, a category of an earlier policy)."""
    found = {str(part[i]) for part in counted.by_subject.get(subject, ()) for i in places} - set(known) - {but}
    return [*known, *sorted(found)]


def _flow(counted: Counted, period: Period) -> Table:
    """Opened, closed, open at the end: by month in a quarter, by quarter in a year (its months stand in the quarters)."""
    pieces = [(q.name, q) for q in period.quarters] if period.is_year else [(f"{m:%Y-%m}", _month(m)) for m in period.months]
    parts: dict[Place, frozenset[Part]] = {}
    for row, piece in [*pieces, (ALL, period)]:
        after = piece.last + dt.timedelta(days=1)
        parts[row, "opened"] = counted.of("flow", lambda o, c, piece=piece: piece.holds(o))
        parts[row, "closed"] = counted.of("flow", lambda o, c, piece=piece: piece.holds(c))
        parts[row, "open"] = counted.of("flow", lambda o, c, after=after: o < after and (c is None or c >= after))
    rows = [row for row, _ in pieces]
    lines = [[*((row, column) for row in rows), (ALL, column)] for column in ("opened", "closed")]
    return Table("flow", [*rows, ALL], ["opened", "closed", "open"], parts, lines)


def _month(first: dt.date) -> Period:
    return Period(first, _months_from(first, 2)[1] - dt.timedelta(days=1))


def _between(counted: Counted, quarters: set[dt.date], agencies: list[str]) -> Table:
    parts = {
        (row, column): counted.of(
            "between", lambda q, a, b, row=row, column=column: q in quarters and row in (a, ALL) and column in (b, ALL)
        )
        for row in [*agencies, ALL]
        for column in [*agencies, ALL]
    }
    everything = [*agencies, ALL]
    lines = [[(row, column) for column in everything] for row in everything]
    lines += [[(row, column) for row in everything] for column in agencies]
    totals = [(row, ALL) for row in everything]
    return Table("between", everything, everything, parts, lines, [totals])


def _ended(counted: Counted, quarters: set[dt.date]) -> Table:
    columns = {"resolved": (True,), "otherwise": (False,), ALL: (True, False)}
    parts = {
        (row, column): counted.of(
            "ended", lambda q, stage, how, row=row, these=these: q in quarters and row in (stage, ALL) and how in these
        )
        for row in [*STAGES, ALL]
        for column, these in columns.items()
    }
    everything = [*STAGES, ALL]
    lines = [[(row, column) for column in columns] for row in everything]
    lines += [[(row, column) for row in everything] for column in columns]
    return Table("ended", everything, list(columns), parts, lines)


def _steps(counted: Counted, quarters: set[dt.date]) -> Table:
    """Each stage by itself: one disagreement is in several, and a sum of all would count it several times."""
    columns = {"in_time": ("in_time",), "late": ("late",), "no_limit": ("no_limit",), ALL: ("in_time", "late", "no_limit")}
    parts = {
        (stage, column): counted.of(f"step {stage}", lambda q, how, these=these: q in quarters and how in these)
        for stage in STAGES
        for column, these in columns.items()
    }
    return Table("step", list(STAGES), list(columns), parts, [[(stage, column) for column in columns] for stage in STAGES])


def _answers(counted: Counted, quarters: set[dt.date], agencies: list[str]) -> Table:
    """Of each agency at each level, how many were late of how many that were asked for; levels by themselves, as the steps."""
    everything = [*agencies, ALL]
    columns = {f"{what}_{stage}": (stage, late) for stage in STAGES[:3] for what, late in (("late", (True,)), (ALL, (True, False)))}
    parts = {
        (row, column): counted.of(
            f"answer {stage}", lambda q, agency, late, row=row, these=these: q in quarters and row in (agency, ALL) and late in these
        )
        for row in everything
        for column, (stage, these) in columns.items()
    }
    lines = [[(row, column) for row in everything] for column in columns]
    return Table("answer", everything, list(columns), parts, lines)


def _issues(counted: Counted, period: Period, quarters: set[dt.date]) -> Table:
    after = period.last + dt.timedelta(days=1)

    def stands(made: dt.date, done: dt.date | None, late: dt.date | None) -> bool:
        return made < after and (done is None or done >= after)

    parts = {
        ("agreed", "issues"): counted.of("issue", lambda made, done, late: made in quarters),
        ("done", "issues"): counted.of("issue", lambda made, done, late: done in quarters),
        ("overdue", "issues"): counted.of("issue", lambda made, done, late: late in quarters),
        ("open", "issues"): counted.of("issue", stands),
    }
    return Table("issue", [row for row, _ in parts], ["issues"], parts)


def _points(counted: Counted, quarters: set[dt.date]) -> Table:
    parts = {
        (row, "points"): counted.of("point", lambda *told, i=i: told[i] in quarters)
        for i, row in enumerate(("named", "referred", "kept", "decided", "changed"))
    }
    return Table("point", [row for row, _ in parts], ["points"], parts)


# ── a release ───────────────────────────────────────────────────────────────────────────────────────────────────────

Cells: TypeAlias = dict[Place, int | None]  # None: hidden


def release(facts: Facts, period: Period, before: Mapping[Period, Mapping[str, Cells]], *, secondary: bool = True) -> list[dict[str, Any]]:
    """The tables of this period as they are kept and shown for good, plain enough for JSON. `before`: what earlier releases showed, by
    table. A table whose earlier numbers would be counted otherwise today (a point moved to another theme) is not shown again: the
    difference would tell what was moved."""
    counted = count(facts)
    made = tables(facts, counted, period)
    known, moved = list(known_to_all(counted)), set()
    for earlier, showed in before.items():
        for table in tables(facts, counted, earlier):
            for place, value in showed.get(table.key, {}).items():
                parts = table.parts.get(place, frozenset())
                if value is not None:
                    known.append(dict.fromkeys(parts, 1))
                    if counted.number(parts) != value:
                        moved.add(table.key)
    numbers = [Number(table.name(place), table.parts[place]) for table in made for place in table.in_order]
    grand = {table.name(place) for table in made for place in table.parts if table.is_grand(place)}
    numbers.sort(key=lambda number: number.name not in grand)  # what everything else adds up to comes first
    recent = {part for part in counted.units if _is_recent(part, Period.year(period.starts_in - 1).first, period.last)}
    never = {table.name(place) for table in made if table.key in moved for place in table.parts}
    while True:
        public = suppression.shown(numbers, counted.people, known=known, never=never, looked_at=recent, secondary=secondary)
        pinned = _pinned(made, counted, public) if secondary else set()
        if not pinned:
            break
        never |= pinned
    return [_kept(facts, counted, table, _cells(table, counted, public, secondary=secondary)) for table in made]


def _is_recent(part: Part, since: dt.date, until: dt.date) -> bool:
    """Whether it has to do with anything between these days, or was open then."""
    days = [value for value in part if isinstance(value, dt.date)]
    return min(days) <= until and (max(days) >= since or (part[0] == "flow" and part[2] is None))


def _pinned(made: list[Table], counted: Counted, public: Collection[object]) -> set[Name]:
    """In a line whose noughts are always shown, hidden numbers are one or more: where they add up to hardly more than there are of them,
    one more is hidden."""
    found: set[Name] = set()
    for table in made:
        for line in table.shows_noughts:
            *places, total = line
            hidden = [place for place in places if table.parts[place] and table.name(place) not in public]
            left = sum(counted.number(table.parts[place]) for place in hidden)
            if not hidden or table.name(total) not in public or left >= 2 * len(hidden):
                continue
            there = [place for place in places if table.parts[place] and table.name(place) in public]
            found.add(table.name(min(there, key=lambda place: counted.number(table.parts[place]), default=total)))
    return found


def _cells(table: Table, counted: Counted, public: Collection[object], *, secondary: bool) -> Cells:
    """The numbers as shown. A nought stays hidden where each line it is in hides something, so that what is hidden may be nought too."""
    cells: Cells = {place: counted.number(parts) if table.name(place) in public else None for place, parts in table.parts.items()}
    if not secondary:
        return cells
    always = {place for line in table.shows_noughts for place in line}
    for place, value in list(cells.items()):
        if value != 0 or table.is_grand(place):
            continue
        if cells.get(table.grand_of(place), 0) is None:  # where all of it is too little to show, a nought would tell where it is not
            cells[place] = None
            continue
        if place in always:
            continue
        lines = [line for line in table.lines if place in line]
        if lines and all(any(cells[other] is None and table.parts[other] for other in line) for line in lines):
            cells[place] = None
    return cells


def _kept(facts: Facts, counted: Counted, table: Table, cells: Cells) -> dict[str, Any]:
    agencies = {**facts.former, **facts.agencies}
    names = {"between": agencies, "answer": agencies, "category": facts.categories}.get(table.key, {})
    kept: dict[str, Any] = {
        "key": table.key,
        "rows": table.rows,
        "columns": table.columns,
        "names": {key: names[key] for key in dict.fromkeys([*table.rows, *table.columns]) if key in names},
        "cells": [[cells.get((row, column)) for column in table.columns] for row in table.rows],
    }
    if table.key == "step":
        kept["days"] = {row: _lengths(counted, table.parts[row, ALL]) for row in table.rows if cells[row, ALL]}
    return kept


def _lengths(counted: Counted, parts: frozenset[Part]) -> dict[str, float | None]:
    """Median and 90th percentile in days, to the half day."""
    days = sorted(length for part in parts for length in counted.days[part])
    return {
        "median": _half_days(percentile(days, 50)) if len(days) >= MEDIAN_OF else None,
        "ninetieth": _half_days(percentile(days, 90)) if len(days) >= NINETIETH_OF else None,
    }


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Between the nearest two, as spreadsheets do; `ordered` ascending and not empty."""
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _half_days(days: float) -> float:
    return round(days * 2) / 2


def cells_of(table: Mapping[str, Any]) -> Cells:
    """The cells of a table as it was kept."""
    rows: list[str] = table["rows"]
    columns: list[str] = table["columns"]
    return {(row, column): table["cells"][r][c] for r, row in enumerate(rows) for c, column in enumerate(columns)}
