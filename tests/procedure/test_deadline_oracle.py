"""Deadlines hold against a slow count of day after day that knows nothing of ours: other holidays, other summer time, no formulas."""

import calendar as month_calendar
import random
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import NamedTuple

import holidays
import pytest

from procedure.calendars import shipped
from procedure.clock import Pause, Sooner, due
from procedure.ladder import Limit

TIMES = 100_000
DIVISION = {"ENG": "england-and-wales", "WLS": "england-and-wales", "SCT": "scotland", "NIR": "northern-ireland"}
NATIONS = tuple(DIVISION)
DAYS_OFF = {nation: frozenset(holidays.country_holidays("GB", subdiv=nation, years=range(2011, 2031))) for nation in NATIONS}
LARGEST = {"working_days": 45, "calendar_days": 100, "working_hours": 30, "hours": 96, "minutes": 600, "at_once": 0}
UNITS = tuple(LARGEST)
ENDS = (time(17), time(17), time(12), time(16, 30), time(18), time(20, 15), time(23, 55))
OFFICE_HOURS = ((time(9), time(17)), (time(9), time(17)), (time(8, 30), time(16, 45)), (time(7), time(20)), (time(10), time(14)))
ONE_DAY = timedelta(days=1)
GRAIN = timedelta(minutes=5)
FIRST, LAST = datetime(2012, 1, 2), datetime(2028, 6, 1)


class Case(NamedTuple):
    """One limit to count. Moments are in UTC without saying so: the oracle makes its own local time."""

    nation: str
    unit: str
    amount: int
    start: datetime
    end: time
    office: tuple[time, time]
    pauses: tuple[tuple[datetime, datetime], ...]
    sooner: tuple[datetime, ...]

    def ours(self) -> datetime:
        return due(
            Limit(self.amount, self.unit),
            self.start.replace(tzinfo=UTC),
            shipped(DIVISION[self.nation]),
            end_of_working_day=self.end,
            office_hours=self.office,
            pauses=[Pause(begins.replace(tzinfo=UTC), ends.replace(tzinfo=UTC)) for begins, ends in self.pauses],
            sooner=[Sooner(at.replace(tzinfo=UTC), "the disputed act") for at in self.sooner],
        ).at.replace(tzinfo=None)


@cache
def last_sunday(year: int, month: int) -> date:
    return max(day for day in month_calendar.Calendar().itermonthdates(year, month) if day.month == month and day.isoweekday() == 7)


def local(utc: datetime) -> datetime:
    """British time: an hour ahead from 1am UTC on the last Sunday of March to 1am UTC on the last Sunday of October."""
    begins, ends = (datetime.combine(last_sunday(utc.year, month), time(1)) for month in (3, 10))
    return utc + timedelta(hours=1) if begins <= utc < ends else utc


def from_local(day: date, at: time) -> datetime:
    """Only for hours of the day in which no clock changes."""
    summer = last_sunday(day.year, 3) <= day < last_sunday(day.year, 10)
    return datetime.combine(day, at) - timedelta(hours=summer)


def works(nation: str, day: date) -> bool:
    return day.isoweekday() < 6 and day not in DAYS_OFF[nation]


def stands_still(case: Case, begins: datetime, ends: datetime) -> bool:
    """Whether pauses cover the whole time."""
    for pause_begins, pause_ends in sorted(case.pauses):
        if pause_begins <= begins < pause_ends:
            begins = pause_ends
    return begins >= ends


def by_days(case: Case) -> datetime:
    day, left = local(case.start).date(), case.amount
    while left:
        day += ONE_DAY
        counts = case.unit == "calendar_days" or works(case.nation, day)
        opens = from_local(day, min(case.office[0], case.end))
        left -= counts and not stands_still(case, opens, from_local(day, case.end))
    return from_local(day, case.end)


def by_grains(begins: datetime, ends: datetime, grains: int, case: Case) -> tuple[datetime, int]:
    """Five minutes at a time, those in a pause for nothing, until none is left or it is the end."""
    while begins < ends and grains:
        grains -= not (case.pauses and stands_still(case, begins, begins + GRAIN))
        begins += GRAIN
    return begins, grains


def oracle(case: Case) -> datetime:
    at = case.start
    if case.unit in ("working_days", "calendar_days"):
        at = by_days(case)
    elif case.unit in ("minutes", "hours"):
        at, _ = by_grains(at, datetime.max, case.amount * (12 if case.unit == "hours" else 1), case)
    elif case.unit == "working_hours":
        day, left = local(case.start).date(), case.amount * 12
        while left:
            if works(case.nation, day):
                opens, closes = (from_local(day, each) for each in case.office)
                at, left = by_grains(max(opens, case.start), closes, left, case)
            day += ONE_DAY
    return min([at, *(each for each in case.sooner if each >= case.start)])


EDGES = sorted(
    {last_sunday(year, month) for year in range(2012, 2029) for month in (3, 10)}
    | {date(year, 2, 29) for year in range(2012, 2029, 4)}
    | {date(year, 12, 25) for year in range(2012, 2028)}
    | set().union(*DAYS_OFF.values())
)
EDGES = [day for day in EDGES if FIRST.date() + 5 * ONE_DAY < day < LAST.date()]


def any_case(chance: random.Random) -> Case:
    """One limit: half of them begin near a holiday, a leap day, a night when the clocks change."""
    if chance.random() < 0.5:
        start = datetime.combine(chance.choice(EDGES), time()) + GRAIN * chance.randrange(-4 * 288, 3 * 288)
    else:
        start = FIRST + GRAIN * chance.randrange((LAST - FIRST) // GRAIN)
    unit = chance.choice(UNITS)
    pauses = []
    if chance.random() < 0.3:
        for _ in range(chance.randint(1, 3)):
            begins = start + GRAIN * chance.randrange(-2 * 288, 8 * 288)
            pauses.append((begins, begins + GRAIN * chance.randrange(-12, chance.choice((12, 288, 8 * 288)))))
    sooner = [start + GRAIN * chance.randrange(-288, 10 * 288) for _ in range(chance.choice((0, 0, 1, 2)))]
    amount = chance.randint(1, chance.choice((3, LARGEST[unit]))) if LARGEST[unit] else 0
    if unit == "minutes":
        amount = -(-amount // 5)  # in grains: see `in_minutes`
    nation, end, office = chance.choice(NATIONS), chance.choice(ENDS), chance.choice(OFFICE_HOURS)
    return Case(nation, unit, amount, start, end, office, tuple(pauses), tuple(sooner))


def in_minutes(case: Case) -> Case:
    """The oracle counts minutes in fives."""
    return case._replace(amount=case.amount * 5) if case.unit == "minutes" else case


def test_100_000_deadlines_are_as_a_count_of_day_after_day_has_them():
    chance, met = random.Random(23), Counter()
    for _ in range(TIMES):
        case = any_case(chance)
        expected = oracle(case)
        assert in_minutes(case).ours() == expected, case
        met.update((case.unit, case.nation, bool(case.pauses) and "paused", bool(case.sooner) and "sooner", case.end))
    assert all(met[one] > TIMES / 10 for one in (*UNITS, *NATIONS, "paused", "sooner", *set(ENDS)))


def test_what_begins_later_or_may_take_longer_never_ends_earlier():
    chance = random.Random(234)
    for _ in range(TIMES // 4):
        case = in_minutes(any_case(chance))
        ends = case.ours()
        later = case._replace(start=case.start + timedelta(seconds=chance.randrange(86400 * chance.choice((1, 1, 9)))))
        assert ends <= later.ours(), (case, later)
        if case.amount:
            assert ends <= case._replace(amount=case.amount + chance.randint(1, 3)).ours(), case
            endless = case._replace(sooner=())
            assert case.start < endless.ours() < endless._replace(amount=case.amount + 1).ours(), case


def test_pausing_never_brings_a_deadline_forward_and_a_sooner_moment_never_puts_it_off():
    chance = random.Random(2345)
    for _ in range(TIMES // 10):
        case = in_minutes(any_case(chance))
        assert case._replace(pauses=()).ours() <= case.ours() <= case._replace(sooner=()).ours(), case


@pytest.mark.parametrize("nation", NATIONS)
def test_every_day_of_leap_year_2028_and_of_2022_has_the_right_next_working_day(nation):
    for year in (2022, 2028):
        for n in range(365):
            day = date(year, 1, 1) + n * ONE_DAY
            case = Case(nation, "working_days", 1, datetime.combine(day, time(11)), time(17), OFFICE_HOURS[0], (), ())
            if day < date(2028, 12, 29):
                assert case.ours() == oracle(case)


def test_the_oracle_keeps_british_time():
    """It has its own rule for summer time, so it must be right about that too."""
    assert from_local(date(2026, 3, 29), time(9)) == datetime(2026, 3, 29, 8)
    assert from_local(date(2026, 10, 25), time(9)) == datetime(2026, 10, 25, 9)
    assert local(datetime(2026, 3, 29, 0, 59)) == datetime(2026, 3, 29, 0, 59)
    assert local(datetime(2026, 3, 29, 1)) == datetime(2026, 3, 29, 2)
    assert local(datetime(2026, 10, 25, 0, 59)) == datetime(2026, 10, 25, 1, 59)
    assert local(datetime(2026, 10, 25, 1)) == datetime(2026, 10, 25, 1)
