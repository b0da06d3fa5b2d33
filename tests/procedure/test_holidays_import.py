"""Bank holidays as GOV.UK publishes them: taken in whole or not at all, and counted from then on."""

from __future__ import annotations

import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, ProgrammingError, connection, transaction

from accounts.acting import acting_as
from config import database
from procedure import calendars
from procedure.models import BankHolidays, ClosureDay, Policy, share_calendars
from tests import factories

DIVISION = "england-and-wales"
CORONATION = {"title": "Bank holiday for the jubilee", "date": "2027-06-04", "notes": "", "bunting": True}


def shipped() -> dict[str, Any]:
    return json.loads((calendars.SHIPPED / f"{DIVISION}.json").read_text(encoding="utf-8"))


def take_in(tmp_path: Path, what: object) -> str:
    file = tmp_path / "holidays.json"
    file.write_text(what if isinstance(what, str) else json.dumps(what), encoding="utf-8")
    said = io.StringIO()
    with factories.as_set_up():
        call_command("bank_holidays", "import", str(file), stdout=said)
    return said.getvalue()


def test_it_runs_as_the_role_of_migrations() -> None:
    assert database.role_for(["manage.py", "bank_holidays", "import", "x.json"]) == "migrator"


@pytest.mark.django_db
def test_what_is_known_already_writes_nothing(tmp_path: Path) -> None:
    assert "nothing new" in take_in(tmp_path, shipped())
    assert not BankHolidays.objects.exists()


@pytest.mark.django_db
def test_new_gone_and_renamed_days_are_said_and_counted(tmp_path: Path) -> None:
    policy = factories.world().policy
    assert policy.calendar.is_working_day(dt.date(2027, 6, 4))
    published = shipped()
    events = [event for event in published[DIVISION]["events"] if event["date"] != "2026-08-31"]
    next(event for event in events if event["date"] == "2026-12-25")["title"] = "Yule"
    said = take_in(tmp_path, {DIVISION: {"division": DIVISION, "events": [*events, CORONATION]}})
    assert "new      2027-06-04  Bank holiday for the jubilee" in said
    assert "gone     2026-08-31" in said
    assert "renamed  2026-12-25  Christmas Day -> Yule" in said
    again = Policy.objects.get(pk=policy.pk)
    assert not again.calendar.is_working_day(dt.date(2027, 6, 4))
    assert again.calendar.is_working_day(dt.date(2026, 8, 31))
    assert "nothing new" in take_in(tmp_path, {DIVISION: {"division": DIVISION, "events": [*events, CORONATION]}})
    assert BankHolidays.objects.count() == 1


@pytest.mark.django_db
def test_years_that_a_later_file_leaves_out_stay_known(tmp_path: Path) -> None:
    """GOV.UK's file begins some years back; the working of an old due date must not change for it."""
    events = [event for event in shipped()[DIVISION]["events"] if event["date"] >= "2022"]
    said = take_in(tmp_path, {DIVISION: {"division": DIVISION, "events": [*events, CORONATION]}})
    assert "gone" not in said
    calendar = calendars.load_calendar(BankHolidays.objects.get().text, DIVISION)
    assert dt.date(2019, 12, 25) in calendar.holidays
    assert dt.date(2027, 6, 4) in calendar.holidays


@pytest.mark.django_db
def test_years_that_come_with_a_newer_product_are_counted_after_an_older_import() -> None:
    w = factories.world()
    with factories.as_set_up():
        only = {DIVISION: {"events": [{"title": "Christmas Day", "date": "2024-12-25", "notes": ""}]}}
        BankHolidays.objects.create(division=DIVISION, version=1, text=json.dumps(only))
    assert not w.policy.calendar.is_working_day(dt.date(2026, 12, 25))
    assert w.policy.calendar.is_working_day(dt.date(2024, 12, 26))  # but what was imported holds for its own years


@pytest.mark.django_db
def test_all_divisions_of_a_file_or_none(tmp_path: Path) -> None:
    events = [*shipped()[DIVISION]["events"], CORONATION]
    both = {DIVISION: {"events": events}, "scotland": {"events": [{"title": "St Andrew", "date": "tomorrow"}]}}
    with pytest.raises(CommandError, match=r"Scotland, event 1 \(St Andrew\): must have a date"), transaction.atomic():
        take_in(tmp_path, both)
    assert not BankHolidays.objects.exists()


GOOD = {"title": "Good Friday", "date": "2099-04-10", "notes": ""}
NONSENSE: dict[str, tuple[object, str]] = {
    "empty": ("", "is not JSON"),
    "not JSON": ("<html>", "is not JSON"),
    "a list": ([1, 2], "none of the divisions"),
    "another division": ({"france": {"events": [GOOD]}}, "none of the divisions"),
    "one too many": ({DIVISION: {"events": [GOOD]}, "france": {"events": [GOOD]}}, "not a division"),
    "no events": ({DIVISION: {"events": []}}, "there are no events"),
    "events that are none": ({DIVISION: {"events": "x"}}, "there are no events"),
    "no part": ({DIVISION: 4}, "there are no events"),
    "an event that is none": ({DIVISION: {"events": [4]}}, "must have a title"),
    "no title": ({DIVISION: {"events": [{"date": "2099-04-10"}]}}, "must have a title"),
    "a control character": ({DIVISION: {"events": [GOOD | {"title": "a\x00b"}]}}, "must have a title"),
    "notes that are none": ({DIVISION: {"events": [GOOD | {"notes": 3}]}}, "notes must be text"),
    "no date": ({DIVISION: {"events": [{"title": "x"}]}}, "must have a date"),
    "an impossible date": ({DIVISION: {"events": [GOOD | {"date": "2027-02-30"}]}}, "must have a date"),
    "a year that is none": ({DIVISION: {"events": [GOOD | {"date": "0001-01-01"}]}}, "is not a year"),
    "one day twice": ({DIVISION: {"events": [GOOD, GOOD]}}, "one day twice"),
    "older than what is known": ({DIVISION: {"events": [GOOD | {"date": "2020-04-10"}]}}, "older than what Accord has"),
    "too large": ("[" + " " * 1_000_001 + "]", "larger than 1 MB"),
    "too deep": ("[" * 100_000, "is"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_is_refused_with_a_sentence(what: str, tmp_path: Path) -> None:
    text, said = NONSENSE[what]
    with pytest.raises(CommandError, match=said), transaction.atomic():
        take_in(tmp_path, text)
    assert not BankHolidays.objects.exists()


@pytest.mark.django_db
def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("bank_holidays", "import", str(tmp_path / "absent.json"))
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("bank_holidays", "import", str(tmp_path))


@pytest.mark.django_db
def test_a_year_is_shown(tmp_path: Path) -> None:
    said = io.StringIO()
    call_command("bank_holidays", "show", DIVISION, "2026", stdout=said)
    assert "England and Wales, 2026 (as shipped with Accord)" in said.getvalue()
    assert "Fri 2026-12-25  Christmas Day" in said.getvalue()
    take_in(tmp_path, {DIVISION: {"events": [*shipped()[DIVISION]["events"], CORONATION]}})
    call_command("bank_holidays", "show", DIVISION, "2027", stdout=said)
    assert "(version 1, imported" in said.getvalue()
    with pytest.raises(CommandError, match="No bank holidays of England and Wales are known for 1950"):
        call_command("bank_holidays", "show", DIVISION, "1950")


@pytest.mark.django_db
def test_nobody_changes_what_was_imported(tmp_path: Path) -> None:
    w = factories.world()
    take_in(tmp_path, {DIVISION: {"events": [*shipped()[DIVISION]["events"], CORONATION]}})
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic(), acting_as(w.office):
        BankHolidays.objects.create(division=DIVISION, version=2, text="{}")
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic(), factories.as_set_up():
        BankHolidays.objects.update(text="{}")


# ── what is counted ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_a_policy_counts_the_closure_days_of_its_own_partnership() -> None:
    w, other = factories.world(), factories.world("southshire")
    day = dt.date(2027, 3, 3)
    with acting_as(w.office):
        closure = ClosureDay.objects.create(partnership=w.partnership, day=day, name="Office move", added_by=w.office)
    with acting_as(None):
        mine, theirs = (Policy.objects.get(pk=one.policy.pk).calendar for one in (w, other))
    assert not mine.is_working_day(day)
    assert mine.closures[day] == "Office move"
    assert theirs.is_working_day(day)
    assert mine.fingerprint != theirs.fingerprint
    with acting_as(w.office):
        closure.removed_by, closure.removed_at = w.office, closure.added_at
        closure.save()
    assert Policy.objects.get(pk=w.policy.pk).calendar.is_working_day(day)


@pytest.mark.django_db
def test_a_calendar_takes_one_query_and_of_many_policies_one_each(tmp_path: Path, django_assert_num_queries: Any) -> None:
    w = factories.world()
    take_in(tmp_path, {DIVISION: {"events": [*shipped()[DIVISION]["events"], CORONATION]}})
    assert Policy.objects.get().calendar  # the text of an import is read once for each process
    policy = Policy.objects.get(pk=w.policy.pk)
    with django_assert_num_queries(1):
        assert policy.calendar is policy.calendar
    many = [Policy.objects.get(pk=w.policy.pk) for _ in range(5)]
    with django_assert_num_queries(1):
        share_calendars(many)
        assert len({id(one.calendar) for one in many}) == 1


@pytest.mark.django_db
def test_the_clock_may_read_both(as_clock: Any, tmp_path: Path) -> None:
    w = factories.world()
    take_in(tmp_path, {DIVISION: {"events": [*shipped()[DIVISION]["events"], CORONATION]}})
    policy = Policy.objects.get(pk=w.policy.pk)
    with as_clock():
        assert not policy.calendar.is_working_day(dt.date(2027, 6, 4))
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT text FROM procedure_proposal")
