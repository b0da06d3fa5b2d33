"""Says which days are working days, so that a deadline never falls on a day when nobody is there (23.2, "timely")."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType

SHIPPED = Path(__file__).parent / "bank_holidays"
NAMES = {"england-and-wales": "England and Wales", "northern-ireland": "Northern Ireland", "scotland": "Scotland"}
ONE_DAY = timedelta(days=1)


class CalendarError(ValueError):
    """The bank holidays cannot be read; carries a sentence that says why."""


@dataclass(frozen=True)
class Calendar:
    """The bank holidays of one nation or region: `name` for people, and each holiday's name by its day."""

    name: str
    holidays: Mapping[date, str]

    @cached_property
    def known_years(self) -> tuple[int, ...]:
        """The years with at least one known holiday, in order; empty if none are known."""
        return tuple(sorted({day.year for day in self.holidays}))

    def is_working_day(self, day: date) -> bool:
        """Monday to Friday and not a bank holiday. In a year that is not known, Monday to Friday."""
        return day.weekday() < 5 and day not in self.holidays

    def add_working_days(self, day: date, n: int) -> date:
        """The n-th working day after `day`, which is day 0 whether people work on it or not. Negative n counts back."""
        step = ONE_DAY if n > 0 else -ONE_DAY
        for _ in range(abs(n)):
            day += step
            while not self.is_working_day(day):
                day += step
        return day

    def holidays_between(self, a: date, b: date) -> list[tuple[date, str]]:
        """The bank holidays from `a` to `b`, both included, in order."""
        return [(day, name) for day, name in sorted(self.holidays.items()) if a <= day <= b]

    def covers(self, day: date) -> bool:
        """Whether the bank holidays of that day's year are known."""
        return day.year in self.known_years


def load_calendar(text: str, division: str) -> Calendar:
    """Reads one division ("england-and-wales") of bank holidays in the JSON format that GOV.UK publishes.

    Raises CalendarError if the text is not in that format, does not hold the division, or names one day twice.
    """
    try:
        events = json.loads(text)[division]["events"]
        days = [(date.fromisoformat(event["date"]), _name(event)) for event in events]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CalendarError(f"These are not bank holidays of {division} in GOV.UK's format: {error!r}") from error
    if len(days) != len(dict(days)):
        raise CalendarError(f"The bank holidays of {division} name one day twice.")
    return Calendar(name=NAMES.get(division, division), holidays=MappingProxyType(dict(days)))


def _name(event: Mapping[str, str]) -> str:
    if event.get("notes", "").lower() == "substitute day":
        return f"Substitute day for {event['title']}"
    return event["title"]


def divisions() -> tuple[str, ...]:
    """The divisions whose bank holidays come with the product."""
    return tuple(sorted(file.stem for file in SHIPPED.glob("*.json")))


@cache
def shipped(division: str = "england-and-wales") -> Calendar:
    """The calendar that comes with the product. Raises CalendarError for a division that does not."""
    if division not in divisions():
        raise CalendarError(f"No bank holidays of {division} come with the product.")
    return load_calendar((SHIPPED / f"{division}.json").read_text(encoding="utf-8"), division)
