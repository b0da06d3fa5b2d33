"""Where limits begin and stand still when something cuts across them: a child at immediate risk, the next step, a reopening."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from accounts.acting import acting_as
from disputes.models import Entry
from disputes.stages import ChildSafe
from escalation import tasks
from escalation.models import Clock, Notice
from escalation.running import AsIfSent
from tests import factories
from tests.escalation.test_times import clocks_of, world_with

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)
PAUSES = {"reasons": ["A report is awaited"], "longest_working_days": 10}


def paused(w: Any) -> Any:
    d = factories.answered(w)
    until = (timezone.now() + 10 * DAY).isoformat()
    factories.move(d, "pause_clock", w.aisha, facts={"until": until, "pause_reason": "A report is awaited"})
    return d


def test_a_policy_with_pauses_shows_its_limits_before_sending() -> None:
    w = world_with("pausecheck", pauses=PAUSES)
    now = timezone.now()
    with acting_as(w.aisha):
        assert [one.about for one in AsIfSent(w.policy, 1, now).running(now)] == ["This step: Between the people who disagree"]


def test_a_child_at_immediate_risk_ends_a_pause_for_good() -> None:
    day = {"amount": 24, "unit": "hours"}
    track = {"key": "risk", "label": "At risk", "covers": "everything", "immediate_risk": True, "limit": day}
    w = world_with("riskpause", pauses=PAUSES, urgency={"tracks": [track]})
    d = paused(w)
    factories.move(d, "say_child_at_immediate_risk", w.aisha, child_safe=ChildSafe.NO)
    clock = clocks_of(d, w)["track"]
    assert clock.due_at - clock.started_at - DAY < dt.timedelta(minutes=1)  # for so long it did stand still
    assert factories.look(d, w.aisha).paused_until is None


def test_a_pause_ends_with_its_step_for_every_limit() -> None:
    w = world_with("steppause", pauses=PAUSES, overall={"amount": 30, "unit": "calendar_days"})
    d = factories.answered(w)
    before = clocks_of(d, w)["overall"].due_at
    until = (timezone.now() + 10 * DAY).isoformat()
    factories.move(d, "pause_clock", w.aisha, facts={"until": until, "pause_reason": "A report is awaited"})
    assert clocks_of(d, w)["overall"].due_at > before
    factories.move(d, "refer_to_line_manager", w.aisha)
    assert factories.look(d, w.aisha).paused_until is None
    running = clocks_of(d, w)
    assert running["overall"].due_at == before
    assert not any("paused" in line and "adds nothing" not in line for line in running["step"].explained.working)


def test_reopened_it_does_not_count_from_before_its_end() -> None:
    w = world_with("again", {1: {"limit": {"amount": 5, "unit": "working_days", "start": "raised"}}})
    d = factories.resolved(w)
    factories.move(d, "reopen", w.aisha)
    with acting_as(w.aisha):
        entry = Entry.objects.get(disagreement=d, kind="reopen")
    assert clocks_of(d, w)["step"].started_at == entry.recorded_at


def test_who_acts_after_the_last_chaser_is_chased_in_turn_also_where_the_child_is_said_to_be_at_risk(as_clock: Any) -> None:
    w = world_with("chasedrisk")
    d = factories.raised(w)
    factories.move(d, "match_child", w.sam)
    with as_clock():
        tasks.notice_due_clocks(timezone.now() + 60 * DAY)
        assert Clock.objects.get(disagreement=d, stopped_at=None).chased_at
        Clock.objects.filter(disagreement=d).update(chaser_at=timezone.now() - DAY)
    factories.move(d, "answer", w.sam, child_safe=ChildSafe.NO)
    clock = clocks_of(d, w)["step"]
    assert clock.chased_at is None
    assert clock.chasers == 1


def test_a_meeting_held_of_their_own_accord_is_not_asked_for_again() -> None:
    meeting = {"amount": 5, "unit": "working_days", "start": "previous_answer"}
    w = world_with("ownaccord", {1: {"meeting": meeting}})
    d = factories.raised(w)
    factories.move(d, "match_child", w.sam)
    factories.move(d, "hold_meeting", w.sam)
    assert "meeting" not in clocks_of(d, w)
    factories.move(d, "record_discussion", w.aisha)
    assert "meeting" not in clocks_of(d, w)


def test_haste_shortens_a_step_and_not_the_whole_procedure() -> None:
    w = world_with("hasteall", overall={"amount": 30, "unit": "calendar_days"}, urgency={"shrink": {"amount": 4, "unit": "hours"}})
    d = factories.raised(w)
    before = clocks_of(d, w)["overall"].due_at
    factories.move(d, "say_child_at_immediate_risk", w.aisha, child_safe=ChildSafe.NO)
    running = clocks_of(d, w)
    assert running["step"].due_at < running["step"].started_at + DAY
    assert running["overall"].due_at == before


def test_what_is_asked_within_hours_waits_for_no_digest() -> None:
    w = world_with("byhours", {1: {"limit": {"amount": 4, "unit": "hours"}}})
    d = factories.raised(w)
    with acting_as(w.aisha):
        assert Notice.objects.get(disagreement=d, rule="your_move", person=w.sam).urgent
    d = factories.raised(w := factories.world("bydays"))
    with acting_as(w.aisha):
        assert not Notice.objects.get(disagreement=d, rule="your_move", person=w.sam).urgent


def test_a_reminder_sent_for_one_date_is_owed_anew_for_another(as_clock: Any) -> None:
    w = world_with("remindanew", pauses=PAUSES)
    d = factories.answered(w)
    with as_clock():
        Notice.objects.filter(disagreement=d, rule="before_1").update(sent_at=timezone.now())
    until = (timezone.now() + 10 * DAY).isoformat()
    factories.move(d, "pause_clock", w.aisha, facts={"until": until, "pause_reason": "A report is awaited"})
    factories.move(d, "add_note", w.aisha)
    with as_clock():
        clock = Clock.objects.get(disagreement=d, stopped_at=None)
        again = Notice.objects.get(clock=clock, rule="before_1_2")
        assert clock.due_at - 2 * DAY < again.due_at < clock.due_at
        assert again.dropped_at is None
        assert again.template == "before"
