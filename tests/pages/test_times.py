"""Days and times in words."""

from datetime import UTC, date, datetime

import pytest

from pages import times


def london(month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=times.LONDON)


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (london(3, 6, 17), "6 March 2026, 5pm"),
        (london(3, 6, 14, 40), "6 March 2026, 2.40pm"),
        (london(3, 6, 9, 5), "6 March 2026, 9.05am"),
        (london(3, 6, 12), "6 March 2026, midday"),
        (london(3, 6), "6 March 2026, midnight"),
        (london(3, 6, 0, 10), "6 March 2026, 12.10am"),
        (datetime(2026, 7, 6, 23, 30, tzinfo=UTC), "7 July 2026, 12.30am"),
    ],
)
def test_a_moment_in_words(when, words):
    assert times.moment(when) == words


def test_a_day_in_words():
    assert times.day(date(2026, 3, 6)) == "6 March 2026"
    assert times.weekday_moment(london(3, 10, 17)) == "Tuesday 10 March, 5pm"


@pytest.mark.parametrize(
    ("due", "now", "words", "tone"),
    [
        (london(3, 16, 17), london(3, 9, 9), "7 days left", "calm"),
        (london(3, 10, 9), london(3, 9, 23), "1 day left", "soon"),
        (london(3, 9, 17), london(3, 9, 9), "due today", "soon"),
        (london(3, 9, 17), london(3, 9, 17), "due today", "soon"),
        (london(3, 9, 17), london(3, 9, 17, 1), "late since 5pm", "late"),
        (london(3, 8, 17), london(3, 9, 0, 1), "1 day late", "late"),
        (london(3, 6, 17), london(3, 9, 9), "3 days late", "late"),
        (london(3, 30, 9), london(3, 28, 9), "2 days left", "calm"),  # over the night when the clocks go forward
    ],
)
def test_how_long_is_left(due, now, words, tone):
    assert times.days_left(due, now) == (words, tone)
