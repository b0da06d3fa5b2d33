"""Random partnerships as plain facts, for the statistics and for the attack on them."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field

from learning import statistics
from learning.statistics import STAGES, Act, Asked, Case, Facts, Issue, Limited, Period, Point, Talk

LONDON = statistics.LONDON
YEAR = Period.year(2025)
AFTER = dt.date(2026, 4, 2)
ENDS = (("closed", "agree_to_differ"), ("closed", "close_as_unconfirmed"), ("withdrawn", "withdraw"), ("redirected", "redirect"))


def moment(day: dt.date, hour: float = 12) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, tzinfo=LONDON) + dt.timedelta(hours=hour)


@dataclass
class Told:
    """One disagreement being made up."""

    chance: random.Random
    at: dt.datetime
    stage: int = 0
    acts: list[Act] = field(default_factory=list)
    limits: list[Limited] = field(default_factory=list)

    def act(self, kind: str, *, from_stage: str = "", stage: str = "", **more: object) -> None:
        here = STAGES[self.stage]
        self.acts.append(Act(kind, self.at, from_stage or here, stage or here, self.stage + 1, **more))  # type: ignore[arg-type]

    def step(self) -> None:
        """Answered, before or after the limit."""
        due, began = self.at + dt.timedelta(days=3), self.at
        self.at += dt.timedelta(days=self.chance.expovariate(1 / 2.5))
        late = self.at > due
        if late:
            self.acts.append(Act("reach_limit", due, STAGES[self.stage], STAGES[self.stage], self.stage + 1, about="step"))
        self.limits.append(Limited("step", self.stage + 1, began, due if late else None))
        self.act("answer", by_responding_side=True)
        self.at += dt.timedelta(days=self.chance.random())

    def up(self) -> None:
        before = STAGES[self.stage]
        self.stage += 1
        self.act("pass_up_the_line", from_stage=before)


def partnership(seed: int, cases: int = 60, agencies: int = 5, first: dt.date = YEAR.first, days: int = 365) -> Facts:
    """So many disagreements over so many days, of all kinds; the same for the same seed."""
    chance = random.Random(seed)
    names = {f"agency {i}": f"Agency {i}" for i in range(agencies)}
    categories = {key: key.title() for key in ("thresholds", "roles", "action", "communication", "other")}
    made, points, talks = [], [], []
    for i in range(cases):
        case, at = _case(chance, f"case {i}", list(names), list(categories), first + dt.timedelta(days=chance.randrange(days)))
        made.append(case)
        if at is None:
            continue
        if chance.random() < 0.5:
            referred = at + dt.timedelta(days=3) if chance.random() < 0.7 else None
            theme = chance.choice(["", "theme 1", "theme 2"])
            points.append(Point(f"point {i}", case.id, chance.choice(statistics.ABOUT), at, referred, None, theme))
        if chance.random() < 0.3:
            talks.append(Talk(f"talk {i}", case.id, at, chance.random() < 0.5))
    return Facts(names, categories, made, points, talks)


def _case(chance: random.Random, name: str, agencies: list[str], categories: list[str], day: dt.date) -> tuple[Case, dt.datetime | None]:
    told = Told(chance, moment(day, 9 + chance.random() * 8))
    raising, asked = (chance.choice(agencies), chance.choice(agencies)) if chance.random() < 0.5 else (agencies[0], agencies[-1])
    told.act("send", from_stage="recognition")
    told.step()
    while told.stage < 3 and chance.random() < 0.45:
        told.up()
        told.step()
    issues, ended = [], None
    proposed = told.at
    is_agreed = chance.random() < 0.8
    if is_agreed:
        kind = chance.choice(["decision_changed", "compromise", "reasons_accepted", ""])
        told.act("propose_outcome", kind_of_outcome=kind, by_responding_side=True)
        told.at += dt.timedelta(hours=5)
    if chance.random() < 0.93:
        stage, kind = ("resolved", "confirm_outcome") if is_agreed else chance.choice(ENDS)
        told.act(kind, stage=stage)
        ended = told.at
        if is_agreed and chance.random() < 0.5:
            done = ended + dt.timedelta(days=chance.randrange(3, 40)) if chance.random() < 0.8 else None
            issues.append(Issue(f"issue of {name}", proposed, done))
        if is_agreed and chance.random() < 0.05:
            told.at += dt.timedelta(days=20)
            told.act("reopen", from_stage="resolved")
    at_risk = chance.random() < 0.2
    case = Case(name, raising, chance.choice(categories), at_risk, tuple(told.acts), (Asked(asked),), tuple(told.limits), tuple(issues))
    return case, ended


def released(facts: Facts, today: dt.date = AFTER, *, secondary: bool = True) -> dict[Period, list[dict[str, object]]]:
    """Every release up to this day, each made as the one after those before it."""
    found: dict[Period, list[dict[str, object]]] = {}
    assert facts.since is not None
    for period in statistics.completed(facts.since, today):
        before = {earlier: {str(table["key"]): statistics.cells_of(table) for table in tables} for earlier, tables in found.items()}
        found[period] = statistics.release(facts, period, before, secondary=secondary)
    return found
