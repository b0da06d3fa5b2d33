"""Deadlines are right on every kind of day, and say how they came about."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procedure.calendars import Calendar, shipped
from procedure.clock import Due, Pause, Sooner, due, nudge_times, say_day, say_length, say_moment, say_time
from procedure.policy import Limit, Nudges, UrgentNudges

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
    assert answer.working == (
        "24 hours from Saturday 28 March 2026, 6pm",
        "the clocks go forward in between, which is allowed for",
        "due Sunday 29 March 2026, 7pm",
    )


@pytest.mark.parametrize(
    ("started_at", "said"),
    [
        (london(2026, 10, 24, 12), ("the clocks go back in between, which is allowed for",)),
        (london(2026, 3, 28, 18), ("the clocks go forward in between, which is allowed for",)),
        (london(2026, 10, 25, 12), ()),
    ],
)
def test_a_night_when_the_clocks_change_is_in_the_working(started_at, said):
    assert due(Limit(24, "hours"), started_at, ENGLAND, end_of_working_day=FIVE).working[1:-1] == said


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


@pytest.mark.parametrize("unit", ["moons", "", "Working_days", "days"])
def test_a_unit_that_cannot_be_counted_is_refused(unit):
    with pytest.raises(ValueError, match=f"A limit in {unit} cannot be counted"):
        days_due(1, london(2026, 6, 8), unit)


def working(limit: Limit, started_at: datetime, **more: object) -> tuple[str, ...]:
    return due(limit, started_at, ENGLAND, end_of_working_day=FIVE, **more).working


def test_working_hours_run_in_office_hours_only_and_say_which():
    assert working(Limit(4, "working_hours"), london(2026, 4, 2, 15)) == (
        "4 working hours (9am to 5pm on working days) from Thursday 2 April 2026, 3pm",
        "Good Friday (3 April) and Easter Monday (6 April) are bank holidays in England and Wales",
        "due Tuesday 7 April 2026, 11am",
    )
    assert working(Limit(1, "working_hours"), london(2026, 6, 9, 8), office_hours=(time(8, 30), time(16))) == (
        "1 working hour (8:30am to 4pm on working days) from Tuesday 9 June 2026, 8am",
        "due Tuesday 9 June 2026, 9:30am",
    )


def test_a_bank_holiday_on_the_day_of_the_start_moves_working_hours_and_is_named():
    lines = working(Limit(1, "working_hours"), london(2026, 5, 25, 11))
    assert lines[1:] == ("Spring bank holiday (25 May) is a bank holiday in England and Wales", "due Tuesday 26 May 2026, 10am")


@pytest.mark.parametrize(
    ("amount", "started_at", "ends"),
    [
        (2, london(2026, 6, 8, 15), london(2026, 6, 8, 17)),  # to the minute of closing
        (8, london(2026, 6, 8, 17), london(2026, 6, 9, 17)),
        (8, london(2026, 6, 12, 17, 1), london(2026, 6, 15, 17)),  # a Friday night
        (1, london(2026, 6, 13, 12), london(2026, 6, 15, 10)),  # a Saturday
        (9, london(2026, 3, 27, 16), london(2026, 3, 30, 17)),  # over the night that is an hour short
        (9, london(2026, 10, 23, 16), london(2026, 10, 26, 17)),  # over the night that is an hour long
        (16, london(2028, 2, 28, 9), london(2028, 2, 29, 17)),
        (2, london(2026, 6, 8, 16, 59, 30), london(2026, 6, 9, 10, 59, 30)),
    ],
)
def test_working_hours_end_when_so_many_office_hours_have_passed(amount, started_at, ends):
    assert days_due(amount, started_at, "working_hours") == ends


def test_working_hours_that_fall_into_the_changing_hour_are_elapsed_hours():
    calendar = Calendar("Sundays too", {})
    days = type("Daily", (Calendar,), {"is_working_day": lambda *_: True, "add_working_days": lambda _, day, n: day + timedelta(days=n)})
    night = (time(0), time(4))
    answer = due(Limit(4, "working_hours"), london(2026, 3, 29, 0), days(calendar.name, {}), end_of_working_day=FIVE, office_hours=night)
    assert answer.at == london(2026, 3, 30, 1)  # that night has three hours between midnight and four


def test_office_hours_that_do_not_begin_before_they_end_are_refused():
    with pytest.raises(ValueError, match="Office hours"):
        working(Limit(1, "working_hours"), london(2026, 6, 8, 9), office_hours=(FIVE, time(9)))


def test_at_once_is_at_the_start_at_any_hour():
    answer = due(Limit(0, "at_once"), london(2026, 4, 4, 23, 5), ENGLAND, end_of_working_day=FIVE)
    assert answer.at == london(2026, 4, 4, 23, 5)
    assert answer.working == ("at once from Saturday 4 April 2026, 11:05pm", "due Saturday 4 April 2026, 11:05pm")


def test_the_working_says_what_the_start_was():
    lines = working(Limit(5, "working_days"), london(2026, 3, 3, 11), starts_with="the previous answer")
    assert lines == ("5 working days from the previous answer, Tuesday 3 March 2026, 11am", "due Tuesday 10 March 2026, 5pm")


def test_the_disputed_act_comes_first_and_the_working_says_both():
    act = Sooner(london(2026, 6, 10, 10), "the disputed act")
    answer = due(Limit(2, "working_days"), london(2026, 6, 9, 16, 45), ENGLAND, end_of_working_day=FIVE, sooner=[act])
    assert answer.at == london(2026, 6, 10, 10)
    assert answer.at.tzinfo is UTC
    assert answer.because == "the disputed act"
    assert answer.working == (
        "2 working days from Tuesday 9 June 2026, 4:45pm",
        "that would be Thursday 11 June 2026, 5pm",
        "the disputed act comes first: Wednesday 10 June 2026, 10am",
        "due Wednesday 10 June 2026, 10am",
    )


@pytest.mark.parametrize("at", [london(2026, 6, 11, 17), london(2026, 7, 1, 9), london(2026, 6, 9, 16, 44), london(2026, 6, 1, 9)])
def test_what_comes_no_sooner_than_the_limit_or_lies_before_the_start_changes_nothing(at):
    limit, start = Limit(2, "working_days"), london(2026, 6, 9, 16, 45)
    plain = due(limit, start, ENGLAND, end_of_working_day=FIVE)
    answer = due(limit, start, ENGLAND, end_of_working_day=FIVE, sooner=[Sooner(at, "the disputed act")])
    assert answer == plain
    assert answer.working == plain.working
    assert answer.because == ""


def test_a_moment_that_coincides_with_the_start_ends_the_limit_at_once():
    start = london(2026, 6, 9, 16, 45)
    answer = due(Limit(2, "working_days"), start, ENGLAND, end_of_working_day=FIVE, sooner=[Sooner(start, "the disputed act")])
    assert (answer.at, answer.because) == (start, "the disputed act")


def test_the_soonest_of_several_counts():
    one, other = Sooner(london(2026, 6, 11, 9), "the disputed act"), Sooner(london(2026, 6, 10, 9), "the time the child needs it settled")
    start = london(2026, 6, 9, 9)
    for both in ([one, other], [other, one]):
        assert due(Limit(9, "working_days"), start, ENGLAND, end_of_working_day=FIVE, sooner=both).because == other.why


def test_a_pause_adds_its_whole_working_days_and_says_why():
    pause = Pause(london(2026, 6, 9, 11), london(2026, 6, 12, 9), "a medical report is awaited")
    answer = due(Limit(5, "working_days"), london(2026, 6, 8, 10), ENGLAND, end_of_working_day=FIVE, pauses=[pause])
    assert answer.at == london(2026, 6, 17, 17)
    assert answer.working == (
        "5 working days from Monday 8 June 2026, 10am",
        "paused from Tuesday 9 June 2026, 11am to Friday 12 June 2026, 9am (a medical report is awaited): adds 2 working days",
        "due Wednesday 17 June 2026, 5pm",
    )


@pytest.mark.parametrize(
    ("begins", "ends", "adds"),
    [
        (london(2026, 6, 9, 9), london(2026, 6, 9, 17), "1 working day"),  # opening to end is a whole day
        (london(2026, 6, 9, 9, 1), london(2026, 6, 9, 17), "nothing, because no whole working day lies in it"),
        (london(2026, 6, 13, 0), london(2026, 6, 15, 0), "nothing, because no whole working day lies in it"),
        (london(2026, 6, 1, 9), london(2026, 6, 9, 18), "1 working day"),  # only what lies after day 0
    ],
)
def test_what_a_pause_adds(begins, ends, adds):
    lines = working(Limit(5, "working_days"), london(2026, 6, 8, 10), pauses=[Pause(begins, ends)])
    assert lines[1].endswith(f": adds {adds}")


def test_a_pause_before_the_start_or_after_the_end_is_no_line():
    pauses = [Pause(london(2026, 6, 1, 9), london(2026, 6, 3, 9)), Pause(london(2026, 7, 1, 9), london(2026, 7, 3, 9))]
    assert working(Limit(1, "working_days"), london(2026, 6, 8, 10), pauses=pauses) == working(
        Limit(1, "working_days"), london(2026, 6, 8, 10)
    )


def test_a_pause_adds_elapsed_time_to_hours_and_office_time_to_working_hours():
    pause = Pause(london(2026, 6, 8, 12), london(2026, 6, 9, 10, 30), "the line is down")
    lines = working(Limit(24, "hours"), london(2026, 6, 8, 10), pauses=[pause])
    assert lines[1].endswith("(the line is down): adds 22 hours and 30 minutes")
    assert lines[-1] == "due Wednesday 10 June 2026, 8:30am"
    lines = working(Limit(4, "working_hours"), london(2026, 6, 8, 10), pauses=[pause])
    assert lines[1].endswith("(the line is down): adds 6 hours and 30 minutes of office time")
    assert lines[-1] == "due Tuesday 9 June 2026, 12:30pm"
    night = Pause(london(2026, 6, 8, 18), london(2026, 6, 9, 7))
    assert working(Limit(9, "working_hours"), london(2026, 6, 8, 10), pauses=[night])[1].endswith(
        "adds nothing, because the office is closed"
    )


def test_a_pause_adds_whole_days_to_calendar_days():
    pause = Pause(london(2026, 6, 12, 12), london(2026, 6, 14, 17))
    lines = working(Limit(5, "calendar_days"), london(2026, 6, 8, 10), pauses=[pause])
    assert lines[-2:] == ("paused from Friday 12 June 2026, 12pm to Sunday 14 June 2026, 5pm: adds 2 days", "due Monday 15 June 2026, 5pm")


def test_pauses_that_overlap_count_once_with_both_reasons_and_one_that_ends_before_it_begins_not_at_all():
    one, other = (
        Pause(london(2026, 6, 9, 9), london(2026, 6, 10, 17), "one"),
        Pause(london(2026, 6, 10, 8), london(2026, 6, 11, 17), "other"),
    )
    backwards = Pause(london(2026, 6, 12, 9), london(2026, 6, 9, 9), "backwards")
    lines = working(Limit(2, "working_days"), london(2026, 6, 8, 10), pauses=[other, backwards, one])
    assert lines[1] == "paused from Tuesday 9 June 2026, 9am to Thursday 11 June 2026, 5pm (one; other): adds 3 working days"
    assert lines[2] == "due Monday 15 June 2026, 5pm"


def test_a_closure_is_named_as_what_it_is():
    calendar = ENGLAND.with_closures({date(2026, 5, 26): "Move of offices", date(2026, 5, 30): "Fair"})
    answer = due(Limit(5, "working_days"), london(2026, 5, 21, 9), calendar, end_of_working_day=FIVE)
    assert answer.at == london(2026, 6, 1, 17)
    assert answer.working[1:3] == (
        "Spring bank holiday (25 May) is a bank holiday in England and Wales",
        "Move of offices (26 May) is a local closure day",
    )


def test_a_deadline_is_a_value_and_its_working_is_made_when_read():
    one, same = (due(Limit(2, "working_days"), london(2026, 6, 8, 9), ENGLAND, end_of_working_day=FIVE) for _ in "12")
    assert one == same
    assert hash(one) == hash(same)
    assert "working" not in vars(one)
    assert one.working is one.working
    assert Due(one.at, ("told",), False).working == ("told",)
    with pytest.raises(AttributeError):
        one.at = london(2026, 6, 8, 9)  # type: ignore[misc]


def test_moments_without_a_time_zone_are_refused():
    naive = datetime(2026, 6, 8, 9)
    with pytest.raises(ValueError, match="time zone"):
        days_due(1, naive, "hours")
    with pytest.raises(ValueError, match="time zone"):
        nudge_times(naive, Nudges(), ENGLAND, end_of_working_day=FIVE)
    with pytest.raises(ValueError, match="time zone"):
        say_moment(naive)
    with pytest.raises(ValueError, match="time zone"):
        working(Limit(1, "hours"), london(2026, 6, 8), sooner=[Sooner(naive, "the disputed act")])
    with pytest.raises(ValueError, match="time zone"):
        working(Limit(1, "hours"), london(2026, 6, 8), pauses=[Pause(london(2026, 6, 8), naive)])


def test_nudges_come_the_working_day_before_at_the_working_day_after_and_a_last_time():
    assert nudge_times(london(2026, 4, 8, 17), Nudges(), ENGLAND, end_of_working_day=FIVE) == [
        ("before_1", london(2026, 4, 7, 9)),
        ("at", london(2026, 4, 8, 17)),
        ("after_1", london(2026, 4, 9, 9)),
        ("chaser", london(2026, 4, 15, 9)),
    ]


def test_nudges_step_over_bank_holidays_in_both_directions():
    times = nudge_times(london(2026, 4, 7, 17), Nudges(chaser_days=2), ENGLAND, end_of_working_day=FIVE)
    assert times[0] == ("before_1", london(2026, 4, 2, 9))
    times = nudge_times(london(2026, 4, 2, 17), Nudges(chaser_days=2), ENGLAND, end_of_working_day=FIVE)
    assert times[2:] == [("after_1", london(2026, 4, 7, 9)), ("chaser", london(2026, 4, 8, 9))]


def test_a_policy_may_set_several_nudges_or_none():
    several = Nudges(before=(1, 3), at=False, after=(1, 2), chaser_days=5)
    rules = [rule for rule, _ in nudge_times(london(2026, 6, 8, 17), several, ENGLAND, end_of_working_day=FIVE)]
    assert rules == ["before_3", "before_1", "after_1", "after_2", "chaser"]
    none = Nudges(before=(), at=False, after=(), chaser_days=5)
    assert [rule for rule, _ in nudge_times(london(2026, 6, 8, 17), none, ENGLAND, end_of_working_day=FIVE)] == ["chaser"]


MANY = Nudges(before=(1, 3), after=(1, 2, 4))


@given(moments)
def test_nudges_are_in_order_and_all_in_office_hours_and_no_rule_comes_twice(limit_reached):
    times = nudge_times(limit_reached, MANY, ENGLAND, end_of_working_day=FIVE)
    assert times == sorted(times, key=lambda nudge: nudge[1])
    assert sorted(rule for rule, _ in times) == ["after_1", "after_2", "after_4", "at", "before_1", "before_3", "chaser"]
    said = {rule: when.astimezone(LONDON) for rule, when in times}
    assert all(ENGLAND.is_working_day(when.date()) and time(9) <= when.time() <= FIVE for when in said.values())
    assert all(when.time() == time(9) for rule, when in said.items() if rule != "at")
    assert said["at"] >= limit_reached
    assert [rule for rule, when in times if when < limit_reached] == ["before_3", "before_1"]
    assert all(when.tzinfo is UTC for _, when in times)


@pytest.mark.parametrize(
    ("limit_reached", "told"),
    [
        (london(2026, 6, 8, 9), london(2026, 6, 8, 9)),
        (london(2026, 6, 8, 13, 20), london(2026, 6, 8, 13, 20)),
        (london(2026, 6, 8, 17), london(2026, 6, 8, 17)),
        (london(2026, 6, 8, 17, 1), london(2026, 6, 9, 9)),
        (london(2026, 6, 8, 3), london(2026, 6, 8, 9)),
        (london(2026, 6, 6, 12), london(2026, 6, 8, 9)),
        (london(2026, 4, 2, 23), london(2026, 4, 7, 9)),
        (london(2026, 3, 29, 1, 30), london(2026, 3, 30, 9)),
    ],
)
def test_a_limit_reached_when_nobody_is_there_is_told_when_the_office_next_opens(limit_reached, told):
    times = nudge_times(limit_reached, Nudges(), ENGLAND, end_of_working_day=FIVE)
    assert dict(times)["at"] == told


def test_nudges_keep_the_office_hours_of_the_partnership():
    hours = (time(8, 30), time(16))
    times = nudge_times(london(2026, 6, 8, 17), Nudges(), ENGLAND, end_of_working_day=FIVE, office_hours=hours)
    assert times == [
        ("before_1", london(2026, 6, 5, 8, 30)),
        ("at", london(2026, 6, 9, 8, 30)),
        ("after_1", london(2026, 6, 9, 8, 30)),
        ("chaser", london(2026, 6, 15, 8, 30)),
    ]


def test_urgent_nudges_come_by_the_minute_at_any_hour():
    urgent = UrgentNudges(before_minutes=(120, 30), at=True, after_minutes=(60,), chaser_minutes=1440)
    times = nudge_times(london(2026, 4, 5, 1), Nudges(urgent=urgent), ENGLAND, end_of_working_day=FIVE, urgent=True)
    assert times == [
        ("before_120", london(2026, 4, 4, 23)),
        ("before_30", london(2026, 4, 5, 0, 30)),
        ("at", london(2026, 4, 5, 1)),
        ("after_60", london(2026, 4, 5, 2)),
        ("chaser", london(2026, 4, 6, 1)),
    ]
    silent = UrgentNudges(before_minutes=(), at=False, after_minutes=(), chaser_minutes=30)
    times = nudge_times(london(2026, 4, 5, 1), Nudges(urgent=silent), ENGLAND, end_of_working_day=FIVE, urgent=True)
    assert times == [("chaser", london(2026, 4, 5, 1, 30))]


def test_urgent_minutes_are_elapsed_minutes_in_the_night_that_is_an_hour_short():
    times = dict(nudge_times(london(2026, 3, 29, 3), Nudges(), ENGLAND, end_of_working_day=FIVE, urgent=True))
    assert times["before_120"] == datetime(2026, 3, 29, 0, tzinfo=UTC)


def test_a_nudge_never_comes_after_the_working_day():
    times = nudge_times(london(2026, 6, 8, 8), Nudges(), ENGLAND, end_of_working_day=time(8))
    assert times[0] == ("before_1", london(2026, 6, 5, 8))


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
        (4, "working_hours", "4 working hours"),
        (0, "at_once", "at once"),
    ],
)
def test_lengths_are_said_in_singular_and_plural(amount, unit, said):
    assert say_length(Limit(amount, unit)) == said
