"""Clocks: started and stopped by moves, their lengths from the policy, every due time explained."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from django.utils import timezone

from accounts.acting import acting_as
from disputes.models import Disagreement
from escalation import limits, tasks
from escalation.models import Clock
from procedure import calendars
from procedure.models import shipped_chapter
from tests import factories
from tests.factories import World

pytestmark = pytest.mark.django_db
LONDON = ZoneInfo("Europe/London")
CALENDAR = calendars.shipped("england-and-wales")


def running(d: Disagreement, w: World) -> Clock:
    with acting_as(w.aisha):
        return Clock.objects.select_related("disagreement__policy", "started_by").get(disagreement=d, stopped_at=None)


def five_o_clock_after(clock: Clock, working_days: int) -> dt.datetime:
    day = CALENDAR.add_working_days(timezone.localdate(clock.started_at), working_days)
    return dt.datetime.combine(day, dt.time(17), LONDON)


def policy(*limits: dict[str, Any] | None) -> str:
    """Chapter 23 with these limits at its four steps."""
    document = yaml.safe_load(shipped_chapter())
    for step, limit in zip(document["steps"], limits, strict=True):
        step["limit"] = limit
    return yaml.safe_dump(json.loads(json.dumps(document)), sort_keys=False)  # no references: a policy file may have none


def test_each_step_has_the_length_its_policy_names() -> None:
    w = factories.world()
    d = factories.raised(w)
    lengths = []
    for then in (
        ("match_child", w.sam),
        ("answer", w.sam),
        ("refer_to_line_manager", w.aisha),
        ("answer", w.mona),
        ("pass_up_the_line", w.grace),
        ("answer", w.hal),
        ("ask_the_chair", w.ian),
        ("decline_mediation", w.chair),
    ):
        factories.move(d, *then)
        clock = running(d, w)
        assert factories.look(d, w.aisha).due_at == clock.due_at == clock.explained.at
        lengths.append(next(n for n in (2, 5, 10) if clock.due_at == five_o_clock_after(clock, n)))
    assert lengths == [2, 2, 5, 5, 5, 5, 10, 5]


def test_a_clock_is_started_by_steps_and_by_nothing_else() -> None:
    w = factories.world()
    d = factories.raised(w)
    first = running(d, w)
    for name, by in (("match_child", w.sam), ("add_note", w.sam), ("record_discussion", w.aisha), ("answer", w.sam)):
        factories.move(d, name, by)
        assert running(d, w) == first
    factories.agreed(d, w.sam)
    factories.move(d, "decline_outcome", w.aisha)
    assert running(d, w) == first
    factories.move(d, "refer_to_line_manager", w.aisha)
    assert running(d, w) != first
    with acting_as(w.aisha):
        stopped = Clock.objects.get(pk=first.pk)
        assert stopped.stopped_at == stopped.stopped_by.recorded_at == running(d, w).started_at


@pytest.mark.parametrize("end", ["withdraw", "redirect"])
def test_an_end_stops_the_clock(end: str) -> None:
    w = factories.world()
    d = factories.raised(w)
    factories.move(d, end, w.aisha)
    with acting_as(w.aisha):
        assert not Clock.objects.filter(stopped_at=None).exists()
    assert factories.look(d, w.aisha).due_at is None


def test_the_limit_reached_does_not_restart_it_and_a_step_begins_afresh(as_clock: Any) -> None:
    w = factories.world()
    d = factories.raised(w)
    first = running(d, w)
    with as_clock():
        tasks.notice_due_clocks(timezone.now() + dt.timedelta(days=8))
    assert running(d, w) == first
    assert running(d, w).reached_at is not None
    factories.move(d, "refer_to_line_manager", w.grace)
    now = factories.look(d, w.aisha)
    assert (now.limit_reached, now.chased, running(d, w).reached_at) == (False, False, None)


@pytest.mark.parametrize(
    ("started", "due"),
    [
        ("2026-04-01 09:00", "2026-04-07 17:00"),  # Good Friday and Easter Monday lie between
        ("2026-04-02 23:59", "2026-04-08 17:00"),
        ("2026-03-27 16:00", "2026-03-31 17:00"),  # the clocks go forward on the 29th: still 5 in the afternoon
        ("2026-12-24 10:00", "2026-12-30 17:00"),  # Boxing Day falls on a Saturday: its substitute is Monday the 28th
    ],
)
def test_bank_holidays_and_summer_time(started: str, due: str) -> None:
    """Of two of the shipped chapter's working days, by the very code with which a clock starts."""
    w = factories.world()
    d = factories.raised(w)
    with acting_as(w.aisha):
        worked_out = limits.work_out(factories.fresh(d), "step", 1, dt.datetime.fromisoformat(started).replace(tzinfo=LONDON))
    assert worked_out.at == dt.datetime.fromisoformat(due).replace(tzinfo=LONDON)


def test_counted_from_the_raising() -> None:
    one = {"amount": 3, "unit": "calendar_days", "start": "raised"}
    w = factories.world("fromraising", policy(one, one, one, one))
    d = factories.up_the_line(w)
    assert running(d, w).started_at == factories.look(d, w.aisha).raised_at


def test_counted_from_the_previous_answer_or_the_previous_limit() -> None:
    first, then = {"amount": 2, "unit": "hours"}, {"amount": 3, "unit": "calendar_days", "start": "previous_answer"}
    w = factories.world("fromanswer", policy(first, then, then, None))
    d = factories.answered(w)
    with acting_as(w.aisha):
        answered_at = d.entries.get(kind="answer").recorded_at
    factories.move(d, "refer_to_line_manager", w.aisha)
    assert running(d, w).started_at == answered_at
    talked = factories.move(d, "record_discussion", w.grace)
    factories.move(d, "pass_up_the_line", w.grace)  # a talk both sides took part in is an answer, from when it happened
    assert running(d, w).started_at == talked.happened_at


def test_counted_from_an_answer_at_a_step_without_a_limit() -> None:
    then = {"amount": 3, "unit": "calendar_days", "start": "previous_answer"}
    w = factories.world("nolimitfirst", policy(None, then, then, None))
    d = factories.answered(w)
    with acting_as(w.aisha):
        answered_at = d.entries.get(kind="answer").recorded_at
    factories.move(d, "refer_to_line_manager", w.aisha)
    assert running(d, w).started_at == answered_at


def test_the_working_is_told_and_says_what_is_assumed() -> None:
    w = factories.world()
    working = " ".join(running(factories.raised(w), w).explained.working)
    assert "2 working days from" in working
    assert "assumed" in working
