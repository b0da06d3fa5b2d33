"""Deadlines by the clock: microseconds each, and as multiples of a plain loop over `datetime` that steps over the same days.

Run: `.venv/bin/python bench/deadlines.py`. The issue allows 50 microseconds; trust the ratios across machines.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from procedure.calendars import shipped
from procedure.clock import Pause, Sooner, due
from procedure.ladder import Limit

TARGET_US = 50
ROUNDS = 5
LONDON = ZoneInfo("Europe/London")
FIVE = time_of_day(17)
CALENDAR = shipped()
CHANCE = random.Random(3)
STARTS = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=CHANCE.randrange(4 * 365 * 1440)) for _ in range(5000)]


def plain(started_at: datetime, amount: int) -> datetime:
    """What one would write first: a walk through the days, no working, no pauses."""
    day = started_at.astimezone(LONDON).date()
    while amount:
        day += timedelta(days=1)
        if day.weekday() < 5 and day not in CALENDAR.holidays:
            amount -= 1
    return datetime.combine(day, FIVE, LONDON).astimezone(UTC)


def microseconds(count: Callable[[datetime], object]) -> float:
    """The best of some rounds, for each start."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for start in STARTS:
            count(start)
        best = min(best, time.perf_counter() - began)
    return best / len(STARTS) * 1_000_000


def ours(amount: int, unit: str) -> Callable[[datetime], object]:
    limit = Limit(amount, unit)
    return lambda start: due(limit, start, CALENDAR, end_of_working_day=FIVE)


def hindered(start: datetime) -> object:
    """A limit with a pause of a week in it, and an act that may come first."""
    pause = Pause(start + timedelta(days=1), start + timedelta(days=8), "waiting for a report")
    act = Sooner(start + timedelta(days=9), "the disputed act")
    return due(Limit(5, "working_days"), start, CALENDAR, end_of_working_day=FIVE, pauses=[pause], sooner=[act])


def main() -> int:
    base = microseconds(lambda start: plain(start, 5))
    counts: dict[str, Callable[[datetime], object]] = {
        "2 working days": ours(2, "working_days"),
        "5 working days": ours(5, "working_days"),
        "45 working days": ours(45, "working_days"),
        "10 calendar days": ours(10, "calendar_days"),
        "8 working hours": ours(8, "working_hours"),
        "24 hours": ours(24, "hours"),
        "5 working days, paused": hindered,
        "5 working days, in words": lambda start: due(Limit(5, "working_days"), start, CALENDAR, end_of_working_day=FIVE).working,
    }
    missed = 0
    print(f"{'plain loop, 5 working days':28}{base:8.2f} us")
    for name, count in counts.items():
        took = microseconds(count)
        late = took > TARGET_US
        missed += late
        print(f"{name:28}{took:8.2f} us  x{took / base:5.2f} of the plain loop{'  missed' if late else ''}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
