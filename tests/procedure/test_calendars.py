"""The bank holidays that we ship are the true ones, and working days are counted by them."""

import json
import re
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


NATIONS = (("england-and-wales", "ENG"), ("england-and-wales", "WLS"), ("scotland", "SCT"), ("northern-ireland", "NIR"))
EXCEPTIONS = {
    # Proclaimed on 4 February 2026 for the World Cup, after this package's data were taken.
    ("govuk-bank-holidays", "scotland", date(2026, 6, 15)),
}


def by_holidays(nation: str) -> set[date]:
    return set(holidays.country_holidays("GB", subdiv=nation, years=YEARS))


def by_government(division: str) -> list[dict]:
    return BankHolidays(use_cached_holidays=True).get_holidays(division=division)


def test_every_weekday_of_17_years_is_as_two_independent_packages_have_it():
    weekdays = [day for n in range(6210) if (day := date(2012, 1, 1) + timedelta(days=n)).isoweekday() < 6]
    assert (weekdays[0], weekdays[-1]) == (date(2012, 1, 2), date(2028, 12, 29))
    found = set()
    for division, nation in NATIONS:
        ours = shipped(division)
        oracles = {"holidays": by_holidays(nation), "govuk-bank-holidays": {event["date"] for event in by_government(division)}}
        for package, days_off in oracles.items():
            found |= {(package, division, day) for day in weekdays if ours.is_working_day(day) == (day in days_off)}
    assert found == EXCEPTIONS


@pytest.mark.parametrize("division", divisions())
def test_the_shipped_events_are_those_that_the_government_publishes(division):
    published = json.loads((SHIPPED / f"{division}.json").read_text(encoding="utf-8"))
    assert list(published) == [division]
    assert published[division]["division"] == division
    events = [event | {"date": date.fromisoformat(event["date"])} for event in published[division]["events"]]
    assert events == sorted(events, key=lambda event: event["date"])
    named_here_only = {day for _, where, day in EXCEPTIONS if where == division}
    assert [event for event in events if event["date"] not in named_here_only] == by_government(division)


@pytest.mark.parametrize("division", divisions())
def test_every_shipped_year_has_at_least_eight_bank_holidays(division):
    assert all(sum(day.year == year for day in shipped(division).holidays) >= 8 for year in YEARS)


@given(days, st.integers(1, 60))
def test_working_days_agree_with_counting_every_day(day, n):
    assert ENGLAND.add_working_days(day, n) == slowly(day, n)


@given(days, st.integers(0, 90))
def test_counted_days_are_those_counted_one_by_one(day, n):
    last = day + timedelta(days=n)
    one_by_one = sum(ENGLAND.is_working_day(day + timedelta(days=k)) for k in range(n + 1))
    assert ENGLAND.count_working_days(day, last) == one_by_one
    assert ENGLAND.count_working_days(last + timedelta(days=1), day) == 0


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
    working = {division for division in divisions() if shipped(division).is_working_day(date(2026, 6, 15))}
    assert working == {"england-and-wales", "northern-ireland"}


def test_each_nation_has_its_own_days():
    assert shipped("scotland").is_working_day(date(2026, 4, 6))  # Easter Monday
    assert not shipped("scotland").is_working_day(date(2026, 11, 30))  # St Andrew's Day
    assert not shipped("northern-ireland").is_working_day(date(2026, 3, 17))  # St Patrick's Day
    assert not shipped("northern-ireland").is_working_day(date(2026, 7, 13))  # Orangemen's Day
    assert shipped("scotland").holidays[date(2028, 1, 4)] == "Substitute day for 2nd January"


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


def test_three_divisions_ship_under_their_names():
    assert {shipped(division).name for division in divisions()} == {"England and Wales", "Northern Ireland", "Scotland"}


def test_closures_are_no_working_days_but_not_bank_holidays_either():
    calendar = ENGLAND.with_closures({date(2026, 6, 9): "Move of offices"}).with_closures(
        {date(2026, 6, 10): "Training", date(2026, 4, 3): "Shut"}
    )
    assert not calendar.is_working_day(date(2026, 6, 9))
    assert not calendar.is_working_day(date(2026, 6, 10))
    assert calendar.add_working_days(date(2026, 6, 8), 1) == date(2026, 6, 11)
    assert calendar.add_working_days(date(2026, 6, 11), -1) == date(2026, 6, 8)
    assert calendar.holidays_between(date(2026, 6, 1), date(2026, 6, 30)) == []
    assert calendar.closures_between(date(2026, 4, 1), date(2026, 6, 30)) == [
        (date(2026, 6, 9), "Move of offices"),
        (date(2026, 6, 10), "Training"),
    ]
    assert ENGLAND.is_working_day(date(2026, 6, 9))
    assert calendar.known_years == ENGLAND.known_years


def test_a_closure_in_a_year_that_is_not_known_does_not_make_it_known():
    assert not ENGLAND.with_closures({date(2031, 6, 9): "Move"}).covers(date(2031, 1, 1))


def test_a_fingerprint_changes_with_any_day_or_name_and_only_then():
    closed = ENGLAND.with_closures({date(2026, 6, 9): "Move"})
    prints = {ENGLAND.fingerprint, closed.fingerprint, ENGLAND.with_closures({date(2026, 6, 9): "Removal"}).fingerprint}
    prints |= {Calendar(ENGLAND.name, {**ENGLAND.holidays, date(2026, 6, 9): "Move"}).fingerprint}
    prints |= {shipped(division).fingerprint for division in divisions()}
    assert len(prints) == 6
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in prints)
    turned_round = Calendar(ENGLAND.name, dict(reversed(ENGLAND.holidays.items())))
    assert turned_round.fingerprint == ENGLAND.fingerprint == ENGLAND.with_closures({}).fingerprint


@pytest.mark.parametrize("division", ["atlantis", "../policies/chapter-23", ""])
def test_a_division_that_is_not_shipped_is_refused(division):
    with pytest.raises(CalendarError, match="No bank holidays"):
        shipped(division)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "4", "{}", '{"wales": {}}', '{"wales": {"events": 1}}', '{"wales": {"events": ["a"]}}']
    + ["[" * 100_000, "{" * 5000, '{"wales": {"events": null}}', '{"wales": null}', '{"wales": {"events": [null]}}']
    + ['{"wales": {"events": [{"title": 7, "date": "2026-04-03"}]}}', '{"wales": {"events": [{"title": " ", "date": "2026-04-03"}]}}']
    + ['{"wales": {"events": [{"title": "x", "date": 20260403}]}}', '{"wales": {"events": [{"title": "x", "date": "2026-02-30"}]}}']
    + ['{"wales": {"events": [{"title": "x", "date": "2026-04-03", "notes": null}]}}']
    + ['{"wales": {"events": [{"title": "x", "date": "3 April"}]}}', '{"wales": {"events": [{"date": "2026-04-03"}]}}'],
)
def test_text_in_another_format_is_refused(text):
    with pytest.raises(CalendarError, match="are not bank holidays of wales"):
        load_calendar(text, "wales")


def test_the_days_of_another_division_are_refused():
    with pytest.raises(CalendarError, match="say that they are of 'scotland'"):
        load_calendar('{"wales": {"division": "scotland", "events": []}}', "wales")


def test_an_empty_list_is_refused_because_it_would_wipe_out_every_holiday():
    with pytest.raises(CalendarError, match="no day at all"):
        load_calendar('{"wales": {"division": "wales", "events": []}}', "wales")


def test_a_day_named_twice_is_refused():
    event = {"title": "Good Friday", "date": "2026-04-03", "notes": "", "bunting": False}
    with pytest.raises(CalendarError, match="twice"):
        load_calendar(json.dumps({"wales": {"events": [event, event]}}), "wales")


def test_a_loaded_calendar_cannot_be_changed():
    with pytest.raises(TypeError):
        ENGLAND.holidays[date(2026, 6, 15)] = "a day off"
