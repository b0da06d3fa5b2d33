"""Deadlines are right on every kind of day, and say how they came about."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procedure.calendars import Calendar, shipped
from procedure.clock import due, nudge_times, say_day, say_length, say_moment, say_time
from procedure.policy import Limit, Nudges

LONDON = ZoneInfo("Europe/London")
ENGLAND = shipped()
FIVE = time(17)
moments = st.datetimes(datetime(2012, 1, 2), datetime(2028, 6, 1), timezones=st.just(UTC))


def london(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=LONDON)


def days_due(amount: int, started_at: datetime, unit: str = "working_days", end: time = FIVE) -> datetime:
    return due(Limit(amount, unit), started_at, ENGLAND, end_of_working_day=end).at


def slowly(amount: int, started_at: datetime) -> datetime:
    """The same limit, found by walking hour by hour through London and counting the fives in the afternoon."""
    moment, counted = started_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0), 0
    first_day = moment.astimezone(LONDON).date()
    while counted < amount:
        moment += timedelta(hours=1)
        local = moment.astimezone(LONDON)
        working = local.strftime("%a") not in ("Sat", "Sun") and local.date() not in ENGLAND.holidays
        counted += local.hour == 17 and working and local.date() != first_day
    return moment


@settings(deadline=None)  # the walk is slow
@given(moments, st.integers(1, 30))
def test_working_days_agree_with_a_walk_hour_by_hour(started_at, amount):
    assert days_due(amount, started_at) == slowly(amount, started_at)


@given(moments, st.integers(1, 100))
def test_a_limit_in_working_days_ends_at_five_on_a_working_day(started_at, amount):
    local = days_due(amount, started_at).astimezone(LONDON)
    assert local.time() == FIVE
    assert ENGLAND.is_working_day(local.date())


@given(moments, st.integers(1, 100), st.sampled_from(["minutes", "hours", "calendar_days", "working_days"]))
def test_a_longer_limit_ends_later_and_every_limit_after_its_start(started_at, amount, unit):
    assert started_at < days_due(amount, started_at, unit) < days_due(amount + 1, started_at, unit)


@given(moments, moments, st.integers(1, 30), st.sampled_from(["hours", "calendar_days", "working_days"]))
def test_what_starts_later_never_ends_earlier(one, other, amount, unit):
    earlier, later = sorted([one, other])
    assert days_due(amount, earlier, unit) <= days_due(amount, later, unit)


@given(moments, st.integers(1, 30), st.sampled_from(["America/New_York", "Asia/Tokyo", "UTC"]))
def test_the_zone_that_the_start_is_written_in_does_not_matter(started_at, amount, zone):
    assert days_due(amount, started_at) == days_due(amount, started_at.astimezone(ZoneInfo(zone)))


def test_easter_2026_is_stepped_over_and_the_working_says_so():
    answer = due(Limit(2, "working_days", assumed=True), london(2026, 4, 2, 18, 20), ENGLAND, end_of_working_day=FIVE)
    assert answer.at == london(2026, 4, 8, 17)
    assert answer.at.tzinfo is UTC
    assert answer.assumed
    assert answer.working == (
        "2 working days from Thursday 2 April 2026, 6:20pm",
        "Good Friday (3 April) and Easter Monday (6 April) are bank holidays in England and Wales",
        "due Wednesday 8 April 2026, 5pm",
        "This length is assumed: check with your partnership",
    )


def test_christmas_2026_and_new_year_are_stepped_over_with_the_substitute_day():
    answer = due(Limit(5, "working_days"), london(2026, 12, 24, 10), ENGLAND, end_of_working_day=FIVE)
    assert answer.at == london(2027, 1, 5, 17)
    assert not answer.assumed
    assert answer.working == (
        "5 working days from Thursday 24 December 2026, 10am",
        "Christmas Day (25 December), Substitute day for Boxing Day (28 December) and New Year’s Day (1 January)"
        " are bank holidays in England and Wales",
        "due Tuesday 5 January 2027, 5pm",
    )


def test_one_bank_holiday_is_told_in_the_singular():
    answer = due(Limit(5, "working_days"), london(2026, 5, 21, 9), ENGLAND, end_of_working_day=FIVE)
    assert answer.at == london(2026, 5, 29, 17)
    assert answer.working[1] == "Spring bank holiday (25 May) is a bank holiday in England and Wales"


def test_a_week_without_bank_holidays_needs_no_line_about_them():
    answer = due(Limit(1, "working_days"), london(2026, 6, 12, 9), ENGLAND, end_of_working_day=FIVE)
    assert answer.working == ("1 working day from Friday 12 June 2026, 9am", "due Monday 15 June 2026, 5pm")


def test_a_holiday_on_a_saturday_is_not_named_because_it_moves_nothing():
    calendar = Calendar("Here", {date(2026, 6, 13): "Fair", date(2026, 6, 12): "Start", date(2026, 1, 1): "New Year"})
    answer = due(Limit(1, "working_days"), london(2026, 6, 12, 9), calendar, end_of_working_day=FIVE)
    assert len(answer.working) == 2


@pytest.mark.parametrize("started_at", [london(2026, 6, 8, 0, 0), london(2026, 6, 8, 9, 0), london(2026, 6, 8, 23, 59)])
def test_the_day_of_the_start_is_day_0_whatever_the_hour(started_at):
    assert days_due(1, started_at) == london(2026, 6, 9, 17)


def test_the_day_of_the_start_is_the_local_one():
    assert days_due(1, datetime(2026, 6, 8, 23, 30, tzinfo=UTC)) == london(2026, 6, 10, 17)


@pytest.mark.parametrize("start", [date(2026, 4, 3), date(2026, 4, 4), date(2026, 4, 5), date(2026, 4, 6)])
def test_from_any_day_of_the_easter_weekend_tuesday_is_day_1(start):
    assert days_due(1, london(start.year, start.month, start.day, 12)) == london(2026, 4, 7, 17)


@pytest.mark.parametrize("end", [time(16, 30), time(18), time(0)])
def test_the_partnership_says_when_its_day_ends(end):
    assert days_due(1, london(2026, 6, 8, 9), end=end).astimezone(LONDON).time() == end


def test_five_is_five_on_both_sides_of_the_change_to_summer_time():
    assert days_due(1, london(2026, 3, 27, 12)) == datetime(2026, 3, 30, 16, tzinfo=UTC)
    assert days_due(1, london(2026, 3, 26, 12)) == datetime(2026, 3, 27, 17, tzinfo=UTC)


def test_hours_are_elapsed_hours_in_the_night_that_is_an_hour_short():
    answer = due(Limit(24, "hours"), london(2026, 3, 28, 18), ENGLAND, end_of_working_day=FIVE)
    assert answer.at == london(2026, 3, 29, 19)
    assert answer.working == ("24 hours from Saturday 28 March 2026, 6pm", "due Sunday 29 March 2026, 7pm")


def test_hours_are_elapsed_hours_in_the_night_that_is_an_hour_long():
    assert days_due(24, london(2026, 10, 24, 18), "hours") == london(2026, 10, 25, 17)


def test_minutes_are_elapsed_minutes():
    assert days_due(90, datetime(2026, 10, 25, 0, 15, tzinfo=UTC), "minutes") == datetime(2026, 10, 25, 1, 45, tzinfo=UTC)


def test_calendar_days_count_weekends_and_bank_holidays():
    answer = due(Limit(3, "calendar_days"), london(2026, 4, 2, 18), ENGLAND, end_of_working_day=FIVE)
    assert answer.at == london(2026, 4, 5, 17)
    assert answer.working == (
        "3 calendar days from Thursday 2 April 2026, 6pm",
        "weekends and bank holidays count",
        "due Sunday 5 April 2026, 5pm",
    )


def test_a_limit_beyond_the_known_years_is_counted_and_says_what_is_not_known():
    answer = due(Limit(5, "working_days"), london(2028, 12, 29, 9), ENGLAND, end_of_working_day=FIVE)
    assert answer.at == london(2029, 1, 5, 17)
    assert answer.working[1] == ("the bank holidays of 2029 in England and Wales are not known: only weekends are left out")


def test_every_year_that_is_not_known_is_named():
    calendar = Calendar("Here", {date(2028, 1, 3): "New Year"})
    answer = due(Limit(600, "working_days"), london(2028, 12, 29, 9), calendar, end_of_working_day=FIVE)
    assert answer.working[1].startswith("the bank holidays of 2029, 2030 and 2031 in Here are not known")


@pytest.mark.parametrize("unit", ["working_hours", "at_once", "moons"])
def test_a_unit_that_cannot_be_counted_is_refused(unit):
    with pytest.raises(ValueError, match=unit):
        days_due(1, london(2026, 6, 8), unit)


def test_moments_without_a_time_zone_are_refused():
    naive = datetime(2026, 6, 8, 9)
    with pytest.raises(ValueError, match="time zone"):
        days_due(1, naive, "hours")
    with pytest.raises(ValueError, match="time zone"):
        nudge_times(naive, Nudges(), ENGLAND, end_of_working_day=FIVE)
    with pytest.raises(ValueError, match="time zone"):
        say_moment(naive)


def test_nudges_come_the_working_day_before_at_the_working_day_after_and_a_last_time():
    assert nudge_times(london(2026, 4, 8, 17), Nudges(), ENGLAND, end_of_working_day=FIVE) == [
        ("before", london(2026, 4, 7, 9)),
        ("at", london(2026, 4, 8, 17)),
        ("after", london(2026, 4, 9, 9)),
        ("chaser", london(2026, 4, 15, 9)),
    ]


def test_nudges_step_over_bank_holidays_in_both_directions():
    times = nudge_times(london(2026, 4, 7, 17), Nudges(chaser_days=2), ENGLAND, end_of_working_day=FIVE)
    assert times[0] == ("before", london(2026, 4, 2, 9))
    times = nudge_times(london(2026, 4, 2, 17), Nudges(chaser_days=2), ENGLAND, end_of_working_day=FIVE)
    assert times[2:] == [("after", london(2026, 4, 7, 9)), ("chaser", london(2026, 4, 8, 9))]


def test_a_policy_may_set_several_nudges_or_none():
    several = Nudges(before=(1, 3), at=False, after=(1, 2), chaser_days=5)
    rules = [rule for rule, _ in nudge_times(london(2026, 6, 8, 17), several, ENGLAND, end_of_working_day=FIVE)]
    assert rules == ["before", "before", "after", "after", "chaser"]
    none = Nudges(before=(), at=False, after=(), chaser_days=5)
    assert [rule for rule, _ in nudge_times(london(2026, 6, 8, 17), none, ENGLAND, end_of_working_day=FIVE)] == ["chaser"]


@given(moments)
def test_nudges_are_in_order_and_all_but_the_one_at_the_limit_on_working_mornings(limit_reached):
    times = nudge_times(limit_reached, Nudges(), ENGLAND, end_of_working_day=FIVE)
    assert times == sorted(times, key=lambda nudge: nudge[1])
    mornings = [when.astimezone(LONDON) for rule, when in times if rule != "at"]
    assert all(ENGLAND.is_working_day(when.date()) and when.time() == time(9) for when in mornings)
    assert all(when.tzinfo is UTC for _, when in times)


def test_a_nudge_never_comes_after_the_working_day():
    times = nudge_times(london(2026, 6, 8, 8), Nudges(), ENGLAND, end_of_working_day=time(8))
    assert times[0] == ("before", london(2026, 6, 5, 8))


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (time(0), "12am"),
        (time(0, 5), "12:05am"),
        (time(9), "9am"),
        (time(11, 59), "11:59am"),
        (time(12), "12pm"),
        (time(12, 30), "12:30pm"),
        (time(17), "5pm"),
        (time(18, 20, 59), "6:20pm"),
    ],
)
def test_times_are_said_as_people_say_them(at, said):
    assert say_time(at) == said


def test_moments_are_said_in_local_time():
    assert say_moment(datetime(2026, 4, 2, 17, 20, tzinfo=UTC)) == "Thursday 2 April 2026, 6:20pm"
    assert say_moment(datetime(2026, 4, 2, 17, 20, tzinfo=UTC), "UTC") == "Thursday 2 April 2026, 5:20pm"


def test_the_hour_that_comes_twice_is_said_with_its_zone():
    assert say_moment(datetime(2026, 10, 25, 0, 30, tzinfo=UTC)) == "Sunday 25 October 2026, 1:30am BST"
    assert say_moment(datetime(2026, 10, 25, 1, 30, tzinfo=UTC)) == "Sunday 25 October 2026, 1:30am GMT"
    assert say_moment(datetime(2026, 10, 25, 2, 30, tzinfo=UTC)) == "Sunday 25 October 2026, 2:30am"


@given(st.dates())
def test_days_are_said_as_the_english_calendar_has_them(day):
    assert say_day(day) == f"{day:%A} {day.day} {day:%B} {day.year}"


@pytest.mark.parametrize(
    ("amount", "unit", "said"),
    [
        (1, "working_days", "1 working day"),
        (2, "working_days", "2 working days"),
        (1, "hours", "1 hour"),
        (0, "hours", "0 hours"),
    ],
)
def test_lengths_are_said_in_singular_and_plural(amount, unit, said):
    assert say_length(Limit(amount, unit)) == said
