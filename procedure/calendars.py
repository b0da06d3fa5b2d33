"""Says which days are working days, so that a deadline never falls on a day when nobody is there (23.2, "timely")."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType

SHIPPED = Path(__file__).parent / "bank_holidays"
NAMES = {"england-and-wales": "England and Wales", "northern-ireland": "Northern Ireland", "scotland": "Scotland"}
ONE_DAY = timedelta(days=1)


class CalendarError(ValueError):
    """The bank holidays cannot be read; carries a sentence that says why."""


def _none() -> Mapping[date, str]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Calendar:
    """The bank holidays of one nation or region: `name` for people, and each holiday's name by its day.

    `closures` are the days on which one partnership's offices are shut besides.
    """

    name: str
    holidays: Mapping[date, str]
    closures: Mapping[date, str] = field(default_factory=_none)

    @cached_property
    def known_years(self) -> tuple[int, ...]:
        """The years with at least one known holiday, in order; empty if none are known."""
        return tuple(sorted({day.year for day in self.holidays}))

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that change when any bank holiday or closure does, so that a clock can say which days it counted."""
        days = [self.name, *(f"{day} {name}" for days in (self.holidays, self.closures) for day, name in sorted(days.items()))]
        return hashlib.sha256("\n".join(days).encode()).hexdigest()[:16]

    def with_closures(self, closures: Mapping[date, str]) -> Calendar:
        """This calendar with more local closure days, each with its name."""
        return Calendar(self.name, self.holidays, MappingProxyType({**self.closures, **closures}))

    def is_working_day(self, day: date) -> bool:
        """Monday to Friday, not a bank holiday and not a closure. In a year that is not known, Monday to Friday."""
        return day.weekday() < 5 and day not in self.holidays and day not in self.closures

    def add_working_days(self, day: date, n: int) -> date:
        """The n-th working day after `day`, which is day 0 whether people work on it or not. Negative n counts back."""
        if n == 0:
            return day
        # Weekdays are numbered through all years, and the days off among them stepped over: no walk through the days.
        off = self._weekdays_off
        if n > 0:
            so_far = _weekdays_until(day)
            target, position = so_far + n, bisect_right(off, so_far)
            while position < len(off) and off[position] <= target:
                target, position = target + 1, position + 1
        else:
            so_far = _weekdays_until(day - ONE_DAY)
            target, position = so_far + 1 + n, bisect_right(off, so_far) - 1
            while position >= 0 and off[position] >= target:
                target, position = target - 1, position - 1
        weeks, weekday = divmod(target - 1, 5)
        return date.fromordinal(weeks * 7 + weekday + 1)

    def count_working_days(self, a: date, b: date) -> int:
        """How many working days lie from `a` to `b`, both included; 0 if `b` comes before `a`."""
        before, last = _weekdays_until(a - ONE_DAY), _weekdays_until(b)
        off = self._weekdays_off
        return max(0, last - before - (bisect_right(off, last) - bisect_right(off, before)))

    @cached_property
    def _weekdays_off(self) -> list[int]:
        """The numbers, as `_weekdays_until` counts, of all weekdays on which nobody works."""
        return sorted(_weekdays_until(day) for day in {*self.holidays, *self.closures} if day.weekday() < 5)

    def holidays_between(self, a: date, b: date) -> list[tuple[date, str]]:
        """The bank holidays from `a` to `b`, both included, in order."""
        return _between(self.holidays, a, b)

    def closures_between(self, a: date, b: date) -> list[tuple[date, str]]:
        """The closures from `a` to `b`, both included, in order, without those that are bank holidays anyway."""
        return [(day, name) for day, name in _between(self.closures, a, b) if day not in self.holidays]

    def covers(self, day: date) -> bool:
        """Whether the bank holidays of that day's year are known."""
        return day.year in self.known_years


def _weekdays_until(day: date) -> int:
    """How many Mondays to Fridays there have been until `day`, which is included, since Monday 1 January of the year 1."""
    weeks, weekday = divmod(day.toordinal() - 1, 7)
    return weeks * 5 + min(weekday + 1, 5)


def _between(days: Mapping[date, str], a: date, b: date) -> list[tuple[date, str]]:
    return [(day, name) for day, name in sorted(days.items()) if a <= day <= b]


def load_calendar(text: str, division: str) -> Calendar:
    """Reads one division ("england-and-wales") of bank holidays in the JSON format that GOV.UK publishes.

    Raises CalendarError if the text is not in that format, does not hold the division, holds no day, or names one day twice.
    """
    try:
        published = json.loads(text)[division]
        days = [(date.fromisoformat(event["date"]), _name(event)) for event in published["events"]]
        called = published.get("division", division)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CalendarError(f"These are not bank holidays of {division} in GOV.UK's format: {error!r}") from error
    if called != division:
        raise CalendarError(f"These are not bank holidays of {division}: they say that they are of {called!r}.")
    if not days:
        raise CalendarError(f"The bank holidays of {division} name no day at all.")
    if len(days) != len(dict(days)):
        raise CalendarError(f"The bank holidays of {division} name one day twice.")
    return Calendar(name=NAMES.get(division, division), holidays=MappingProxyType(dict(days)))


def _name(event: Mapping[str, str]) -> str:
    title = event["title"].strip()
    if not title:
        raise ValueError("a day has no title")
    if event.get("notes", "").lower() == "substitute day":
        return f"Substitute day for {title}"
    return title


def divisions() -> tuple[str, ...]:
    """The divisions whose bank holidays come with the product."""
    return tuple(sorted(file.stem for file in SHIPPED.glob("*.json")))


@cache
def shipped(division: str = "england-and-wales") -> Calendar:
    """The calendar that comes with the product. Raises CalendarError for a division that does not."""
    if division not in divisions():
        raise CalendarError(f"No bank holidays of {division} come with the product.")
    return load_calendar((SHIPPED / f"{division}.json").read_text(encoding="utf-8"), division)
