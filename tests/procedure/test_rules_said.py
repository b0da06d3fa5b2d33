"""The rules that other policies are known for can be said, and come out as the dates that they mean."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

import procedure
from procedure.calendars import shipped
from procedure.policy import load
from procedure.replay import replay

LONDON = (Path(procedure.__file__).parent / "policies" / "london-2021.yaml").read_text(encoding="utf-8")
STAGES = ("practitioner", "practitioner", "line_manager", "up_the_line", "up_the_line", "lscb_mediation")
NOW = datetime(2027, 6, 1, tzinfo=UTC)


def policy(**changes):
    """A policy of six steps without clocks, with `changes` in its keys; `clocks` belong to steps by their number."""
    keys = yaml.safe_load(LONDON) | {"end_of_working_day": "17:00", "office_hours": {"from": "09:00", "to": "17:00"}}
    clocks = changes.pop("clocks", {})
    keys["steps"] = [
        {"number": n, "stage": stage, "level": n - 1, "name": f"Step {n}", "raised_by": "one", "answered_by": "another"} | clocks.get(n, {})
        for n, stage in enumerate(STAGES, start=1)
    ]
    keys["urgency"] |= changes.pop("urgency", {})
    return load(yaml.safe_dump(keys | changes, allow_unicode=True))


def played(document, *events):
    """For each event (when, kind, step, more), the due times in local time by what the clock is about."""
    scenario = {"id": "X", "events": [{"at": at, "kind": kind, "step": step, "by": "both"} | more for at, kind, step, more in events]}
    return [
        {clock["about"]: clock["due_at"][:16] for clock in one["clocks"]}
        for one in replay(document, shipped(document.calendar), scenario, now=NOW)
    ]


def test_several_steps_together_have_five_working_days_and_the_last_step_fourteen():
    document = policy(
        spans=[{"steps": [1, 2, 3, 4, 5], "amount": 5, "unit": "working_days"}],
        clocks={6: {"limit": {"amount": 14, "unit": "working_days"}}},
    )
    raised, second, mediated = played(
        document,
        ("2026-03-30T10:00", "raised", 1, {}),
        ("2026-04-01T10:00", "step_opened", 2, {}),
        ("2026-04-02T10:00", "step_opened", 6, {}),
    )
    assert raised == second == {"span_1": "2026-04-08T17:00"}  # Good Friday and Easter Monday lie between
    assert mediated == {"step": "2026-04-24T17:00"}


@pytest.mark.parametrize("facts", [{"track": "fast"}, {}])
def test_everything_within_24_hours_on_bank_holidays_too(facts):
    track = {"key": "fast", "label": "Fast track", "limit": {"amount": 24, "unit": "hours"}, "immediate_risk": True}
    document = policy(urgency={"tracks": [track]}, clocks={1: {"limit": {"amount": 5, "unit": "working_days"}}})
    first, *_, last = played(
        document,
        ("2026-12-24T15:00", "raised", 1, facts),
        ("2026-12-24T15:05", "urgent_accepted", 1, {}),
    )
    assert min(last.values()) == last["track"] == "2026-12-25T15:00"
    assert ("track" in first) == bool(facts)


def test_there_are_two_working_days_to_raise_it():
    document = policy(raise_within={"amount": 2, "unit": "working_days"})
    decided, raised = played(document, ("2026-03-06T10:00", "decision", 0, {}), ("2026-03-09T10:00", "raised", 1, {}))
    assert decided == {"raise_within": "2026-03-10T17:00"}
    assert raised == {}


def test_there_are_three_working_days_to_meet_and_two_to_write():
    document = policy(
        clocks={
            2: {
                "limit": {"amount": 2, "unit": "working_days"},
                "meeting": {"amount": 3, "unit": "working_days"},
                "confirm": {"amount": 2, "unit": "working_days"},
            }
        }
    )
    *_, answered, met, confirmed = played(
        document,
        ("2026-03-02T10:00", "raised", 1, {}),
        ("2026-03-03T10:00", "step_opened", 2, {}),
        ("2026-03-04T10:00", "answered", 2, {}),
        ("2026-03-06T10:00", "meeting_held", 2, {}),
        ("2026-03-09T10:00", "confirmed", 2, {}),
    )
    assert answered["meeting"] == "2026-03-09T17:00"
    assert met["confirm"] == "2026-03-10T17:00"
    assert confirmed == {}


def test_a_meeting_is_convened_within_five_more_days_when_the_limit_is_reached():
    document = policy(
        clocks={
            1: {
                "limit": {"amount": 2, "unit": "working_days", "start": "raised"},
                "meeting": {"amount": 5, "unit": "working_days", "start": "limit_reached"},
            }
        }
    )
    _, noted = played(document, ("2026-03-02T10:00", "raised", 1, {}), ("2026-03-05T10:00", "noted", 1, {}))
    assert noted["meeting"] == "2026-03-11T17:00"


def test_the_whole_has_twenty_working_days():
    document = policy(overall={"amount": 20, "unit": "working_days"})
    raised, third = played(document, ("2026-05-01T10:00", "raised", 1, {}), ("2026-05-05T10:00", "step_opened", 3, {}))
    assert raised == third == {"overall": "2026-06-02T17:00"}  # two bank holidays in May


def test_a_step_may_be_counted_from_the_meeting_of_the_step_before():
    document = policy(
        clocks={
            1: {"meeting": {"amount": 5, "unit": "working_days"}},
            2: {"limit": {"amount": 4, "unit": "working_hours", "start": "meeting"}},
        }
    )
    *_, opened = played(
        document,
        ("2026-03-02T10:00", "raised", 1, {}),
        ("2026-03-03T10:00", "answered", 1, {}),
        ("2026-03-04T15:00", "meeting_held", 1, {}),
        ("2026-03-04T16:00", "step_opened", 2, {}),
    )
    assert opened == {"step": "2026-03-05T11:00"}


def test_a_step_may_be_counted_from_the_decision():
    document = policy(clocks={1: {"limit": {"amount": 3, "unit": "calendar_days", "start": "decision"}}})
    _, raised = played(document, ("2026-03-06T10:00", "decision", 0, {}), ("2026-03-07T10:00", "raised", 1, {}))
    assert raised == {"step": "2026-03-09T17:00"}


def test_a_priority_of_its_own_takes_the_place_of_the_clock_of_each_step():
    track = {"key": "high", "label": "High priority", "covers": "step", "limit": {"amount": 4, "unit": "working_hours"}}
    document = policy(urgency={"tracks": [track]}, clocks={1: {"limit": {"amount": 5, "unit": "working_days"}}})
    raised, opened = played(document, ("2026-03-02T15:00", "raised", 1, {"track": "high"}), ("2026-03-03T10:00", "step_opened", 2, {}))
    assert list(raised.values()) == ["2026-03-03T11:00"]
    assert list(opened.values()) == ["2026-03-03T14:00"]


def test_what_protects_the_child_comes_first_when_it_is_sooner():
    document = policy(clocks={1: {"limit": {"amount": 5, "unit": "working_days", "start": "raised"}}})
    (raised,) = played(document, ("2026-03-02T10:00", "raised", 1, {"needed_by": "2026-03-03T12:00"}))
    assert raised == {"step": "2026-03-03T12:00"}
