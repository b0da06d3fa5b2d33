"""How the figures grow: counting with ten times the disagreements, and deciding what to hide beside counting. Ratios, not seconds.

.venv/bin/python -m bench.statistics
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable

from learning import statistics
from learning.statistics import Period
from tests.learning.figures_world import partnership

SIZES = (100, 1000, 10_000)
AT_MOST = {"count": 15.0, "release": 15.0}  # for ten times as many; 10 is in proportion


def took(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> int:
    print(f"{'disagreements':>14} {'count':>9} {'release':>9}   (seconds)")
    before: dict[str, float] = {}
    failed = False
    for size in SIZES:
        facts = partnership(1, cases=size, agencies=8, first=dt.date(2025, 4, 1))
        now = {
            "count": took(lambda facts=facts: statistics.count(facts)),  # type: ignore[misc]
            "release": took(lambda facts=facts: statistics.release(facts, Period.quarter(2025, 2), {})),  # type: ignore[misc]
        }
        print(f"{size:>14} {now['count']:>9.2f} {now['release']:>9.2f}")
        for name, seconds in before.items():
            ratio = now[name] / seconds
            failed |= ratio > AT_MOST[name]
            print(f"{'':>14} {name}: x {ratio:.1f} for x 10 (at most {AT_MOST[name]:.0f})")
        before = now
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
