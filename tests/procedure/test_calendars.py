"""The bank holidays that we ship are the true ones, and working days are counted by them."""

import json
from datetime import date, timedelta

import holidays
import pytest
from govuk_bank_holidays.bank_holidays import BankHolidays
from hypothesis import given
from hypothesis import strategies as st

from procedure.calendars import SHIPPED, Calendar, CalendarError, divisions, load_calendar, shipped

ENGLAND = shipped()
YEARS = range(2012, 2029)
days = st.dates(date(2012, 1, 1), date(2028, 11, 1))


def slowly(day: date, n: int) -> date:
    """The n-th working day after `day`, by a list of every day and no arithmetic of ours."""
    all_days = [day + timedelta(days=k) for k in range(1, 3 * n + 30)]
    return [each for each in all_days if each.isoweekday() < 6 and each not in ENGLAND.holidays][n - 1]


def test_the_shipped_days_are_those_of_the_holidays_package():
    oracle = holidays.country_holidays("GB", subdiv="ENG", years=YEARS)
    assert set(ENGLAND.holidays) == {day for day in oracle if day.weekday() < 5}


def test_the_shipped_days_are_those_of_wales_too():
    oracle = holidays.country_holidays("GB", subdiv="WLS", years=YEARS)
    assert set(ENGLAND.holidays) == {day for day in oracle if day.weekday() < 5}


def test_the_shipped_days_are_those_that_the_government_publishes():
    oracle = BankHolidays(use_cached_holidays=True).get_holidays(division="england-and-wales")
    published = json.loads((SHIPPED / "england-and-wales.json").read_text(encoding="utf-8"))["england-and-wales"]
    assert published["division"] == "england-and-wales"
    assert [event | {"date": date.fromisoformat(event["date"])} for event in published["events"]] == oracle


@pytest.mark.parametrize("year", YEARS)
def test_every_shipped_year_has_at_least_eight_bank_holidays(year):
    assert sum(day.year == year for day in ENGLAND.holidays) >= 8


@given(days, st.integers(1, 60))
def test_working_days_agree_with_counting_every_day(day, n):
    assert ENGLAND.add_working_days(day, n) == slowly(day, n)


@given(days, st.integers(1, 60))
def test_counting_ends_on_a_working_day_and_one_more_is_later(day, n):
    assert ENGLAND.is_working_day(ENGLAND.add_working_days(day, n))
    assert day < ENGLAND.add_working_days(day, n) < ENGLAND.add_working_days(day, n + 1)


@given(st.dates(date(2012, 6, 1), date(2028, 6, 1)).filter(ENGLAND.is_working_day), st.integers(0, 60))
def test_counting_back_undoes_counting_on_from_a_working_day(day, n):
    assert ENGLAND.add_working_days(ENGLAND.add_working_days(day, n), -n) == day


def test_no_working_days_from_a_day_is_that_day():
    good_friday = date(2026, 4, 3)
    assert ENGLAND.add_working_days(good_friday, 0) == good_friday


def test_christmas_2026_has_a_substitute_day():
    assert [day.day for day in (date(2026, 12, n) for n in range(24, 32)) if ENGLAND.is_working_day(day)] == [24, 29, 30, 31]
    assert ENGLAND.holidays[date(2026, 12, 28)] == "Substitute day for Boxing Day"


def test_christmas_2027_falls_on_a_weekend_and_has_two_substitute_days():
    assert ENGLAND.holidays[date(2027, 12, 27)] == "Substitute day for Christmas Day"
    assert ENGLAND.holidays[date(2027, 12, 28)] == "Substitute day for Boxing Day"


def test_15_june_2026_is_a_holiday_in_scotland_only():
    assert ENGLAND.is_working_day(date(2026, 6, 15))


def test_holidays_between_two_days_include_both_in_order():
    assert ENGLAND.holidays_between(date(2026, 4, 3), date(2026, 4, 6)) == [
        (date(2026, 4, 3), "Good Friday"),
        (date(2026, 4, 6), "Easter Monday"),
    ]
    assert ENGLAND.holidays_between(date(2026, 4, 4), date(2026, 4, 5)) == []


@pytest.mark.parametrize(("year", "known"), [(2011, False), (2012, True), (2028, True), (2029, False)])
def test_a_calendar_knows_which_years_it_covers(year, known):
    assert ENGLAND.covers(date(year, 7, 1)) is known


def test_beyond_the_known_years_weekdays_are_counted():
    assert ENGLAND.add_working_days(date(2030, 12, 24), 1) == date(2030, 12, 25)


def test_a_calendar_without_holidays_covers_nothing_but_counts():
    empty = Calendar("Nowhere", {})
    assert not empty.covers(date(2026, 1, 1))
    assert empty.add_working_days(date(2026, 4, 2), 1) == date(2026, 4, 3)


def test_england_and_wales_ship_under_their_name():
    assert "england-and-wales" in divisions()
    assert ENGLAND.name == "England and Wales"
    assert shipped() is ENGLAND or shipped() == ENGLAND


@pytest.mark.parametrize("division", ["atlantis", "../policies/chapter-23", ""])
def test_a_division_that_is_not_shipped_is_refused(division):
    with pytest.raises(CalendarError, match="No bank holidays"):
        shipped(division)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "4", "{}", '{"wales": {}}', '{"wales": {"events": 1}}', '{"wales": {"events": ["a"]}}']
    + ['{"wales": {"events": [{"title": "x", "date": "3 April"}]}}', '{"wales": {"events": [{"date": "2026-04-03"}]}}'],
)
def test_text_in_another_format_is_refused(text):
    with pytest.raises(CalendarError, match="are not bank holidays of wales"):
        load_calendar(text, "wales")


def test_a_day_named_twice_is_refused():
    event = {"title": "Good Friday", "date": "2026-04-03", "notes": "", "bunting": False}
    with pytest.raises(CalendarError, match="twice"):
        load_calendar(json.dumps({"wales": {"events": [event, event]}}), "wales")


def test_a_loaded_calendar_cannot_be_changed():
    with pytest.raises(TypeError):
        ENGLAND.holidays[date(2026, 6, 15)] = "a day off"
