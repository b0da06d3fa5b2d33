"""The time a disagreement has, as its policy sets it: limits inside a step and across steps, urgency, standstill, pauses, new holidays."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
import yaml
from django.utils import timezone

from accounts.acting import acting_as
from disputes.models import Disagreement, Entry
from disputes.seats import Standing
from disputes.stages import Stage
from escalation import limits, moves, radar, tasks
from escalation.models import Clock, Notice
from escalation.moves import MoveRefused
from procedure import calendars
from procedure.calendars import Calendar
from procedure.models import Policy, shipped_chapter
from tests import factories
from tests.factories import World

pytestmark = pytest.mark.django_db
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def world_with(slug: str, inside: dict[int, dict[str, Any]] | None = None, **change: Any) -> World:
    """The people of factories.world() under chapter 23 with these changes: of single steps by their number, and of the whole."""
    document = yaml.safe_load(shipped_chapter())
    for number, more in (inside or {}).items():
        document["steps"][number - 1] |= more
    urgency = {**document["urgency"], **change.pop("urgency", {})}
    plain = json.loads(json.dumps({**document, "urgency": urgency, **change}))
    return factories.world(slug, yaml.safe_dump(plain, sort_keys=False))


def clocks_of(d: Disagreement, w: World) -> dict[str, Clock]:
    with acting_as(w.aisha):
        found = Clock.objects.filter(disagreement=d, stopped_at=None).select_related("disagreement__policy__partnership", "started_by")
        return {clock.about: clock for clock in found}


def open_to(d: Disagreement, by: Any) -> set[str]:
    with acting_as(by):
        now = factories.fresh(d)
        return {move.name for move in now.open_moves(now.standing.actor(by))}


def stalls(d: Disagreement, w: World, now: dt.datetime) -> list[str]:
    with acting_as(w.aisha):
        found = factories.fresh(d)
        Standing.of(found, now)
        return [stall.kind for stall in radar.found_for([found], now).get(d.pk, []) if stall.kind == "paused"]


def kinds(d: Disagreement, w: World) -> list[str]:
    with acting_as(w.aisha):
        return list(Entry.objects.filter(disagreement=d).order_by("number").values_list("kind", flat=True))


# ── inside a step ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_acknowledgement_and_answer_have_their_own_time() -> None:
    w = world_with("inner", {1: {"acknowledge": {"amount": 1, "unit": "working_days"}, "answer": {"amount": 2, "unit": "working_hours"}}})
    d = factories.raised(w)
    assert set(clocks_of(d, w)) == {"step", "acknowledge", "answer"}
    factories.move(d, "match_child", w.sam)
    assert set(clocks_of(d, w)) == {"step", "answer"}
    factories.move(d, "answer", w.sam)
    assert set(clocks_of(d, w)) == {"step"}


def test_the_earliest_clock_is_the_disagreements_date() -> None:
    w = world_with("earliest", {1: {"answer": {"amount": 30, "unit": "minutes"}}})
    d = factories.raised(w)
    assert factories.look(d, w.aisha).due_at == clocks_of(d, w)["answer"].due_at
    factories.move(d, "match_child", w.sam)
    factories.move(d, "answer", w.sam)
    assert factories.look(d, w.aisha).due_at == clocks_of(d, w)["step"].due_at


def test_a_managers_acknowledgement_is_a_note_of_its_own() -> None:
    w = world_with("seen", {2: {"acknowledge": {"amount": 1, "unit": "working_days"}}})
    d = factories.at_line_managers(w)
    assert "acknowledge" in open_to(d, w.mona)
    assert "acknowledge" not in open_to(d, w.grace)
    factories.move(d, "acknowledge", w.mona)
    assert "acknowledge" not in clocks_of(d, w)
    assert "acknowledge" not in open_to(d, w.mona)


def test_a_late_acknowledgement_is_recorded_and_opens_no_way_up(as_clock: Any) -> None:
    w = world_with("lateack", {1: {"acknowledge": {"amount": 10, "unit": "minutes"}}})
    d = factories.raised(w)
    with as_clock():
        tasks.notice_due_clocks(timezone.now() + HOUR)
    assert kinds(d, w) == ["send", "reach_inner_limit"]
    assert not factories.look(d, w.aisha).limit_reached
    assert "refer_to_line_manager" not in open_to(d, w.aisha)


def test_a_late_answer_is_a_silence_and_opens_the_way_up(as_clock: Any) -> None:
    w = world_with("lateanswer", {1: {"answer": {"amount": 10, "unit": "minutes"}}})
    d = factories.raised(w)
    with as_clock():
        tasks.notice_due_clocks(timezone.now() + HOUR)
    assert kinds(d, w) == ["send", "reach_limit"]
    assert "refer_to_line_manager" in open_to(d, w.aisha)


def test_at_once_is_shown_and_sorts_nothing_and_is_late_after_an_hour(as_clock: Any) -> None:
    w = world_with("atonce", {1: {"acknowledge": {"unit": "at_once"}}})
    d = factories.raised(w)
    assert factories.look(d, w.aisha).due_at == clocks_of(d, w)["step"].due_at
    for minutes, noticed in ((59, 0), (61, 1)):
        with as_clock():
            tasks.notice_due_clocks(timezone.now() + minutes * HOUR / 60)
        assert kinds(d, w).count("reach_inner_limit") == noticed


def test_with_no_agreement_a_meeting_is_convened_and_confirmed_in_writing_afterwards() -> None:
    meeting = {"amount": 5, "unit": "working_days", "start": "previous_answer"}
    w = world_with("meeting", {1: {"meeting": meeting, "confirm": {"amount": 2, "unit": "working_days", "start": "meeting"}}})
    d = factories.raised(w)
    factories.move(d, "match_child", w.sam)
    assert set(clocks_of(d, w)) == {"step"}
    factories.move(d, "answer", w.sam)
    assert set(clocks_of(d, w)) == {"step", "meeting"}
    factories.move(d, "hold_meeting", w.sam)
    assert set(clocks_of(d, w)) == {"step", "confirm"}
    factories.agreed(d, w.sam)
    factories.move(d, "confirm_outcome", w.aisha, facts={"still_at_risk": False})
    assert clocks_of(d, w) == {}


def test_a_meeting_follows_a_limit_reached_in_silence(as_clock: Any) -> None:
    meeting = {"amount": 5, "unit": "working_days", "start": "limit_reached"}
    w = world_with("silentmeeting", {1: {"meeting": meeting}})
    d = factories.raised(w)
    with as_clock():
        tasks.notice_due_clocks(timezone.now() + 20 * DAY)
    assert set(clocks_of(d, w)) == {"step", "meeting"}


# ── across steps ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_several_steps_together_and_the_whole_procedure() -> None:
    span = {"steps": [1, 2], "amount": 5, "unit": "working_days", "start": "raised", "name": "Steps 1 and 2"}
    w = world_with("span", spans=[span], overall={"amount": 20, "unit": "working_days"})
    d = factories.raised(w)
    before = clocks_of(d, w)
    assert set(before) == {"step", "span_1", "overall"}
    factories.move(d, "match_child", w.sam)
    factories.move(d, "answer", w.sam)
    factories.move(d, "refer_to_line_manager", w.aisha)
    after = clocks_of(d, w)
    assert (after["span_1"].pk, after["overall"].pk) == (before["span_1"].pk, before["overall"].pk)
    factories.move(d, "answer", w.mona)
    factories.move(d, "pass_up_the_line", w.grace)
    assert set(clocks_of(d, w)) == {"step", "overall"}


def test_two_steps_between_practitioners_come_one_after_the_other() -> None:
    document = yaml.safe_load(shipped_chapter())
    first, *rest = document["steps"]
    steps = [first, {**first, "name": "Informal, once more"}, *rest]
    w = world_with("twopractitioner", steps=[{**step, "number": n} for n, step in enumerate(steps, start=1)])
    d = factories.answered(w)
    assert {"take_next_step", "refer_to_line_manager"} & open_to(d, w.aisha) == {"take_next_step"}
    factories.move(d, "take_next_step", w.aisha)
    now = factories.look(d, w.aisha)
    assert (now.stage, now.step, now.awaiting) == (Stage.PRACTITIONER, 2, "answer")
    assert clocks_of(d, w)["step"].step == 2
    factories.move(d, "answer", w.sam)
    assert {"take_next_step", "refer_to_line_manager"} & open_to(d, w.aisha) == {"refer_to_line_manager"}
    factories.move(d, "refer_to_line_manager", w.aisha)
    assert factories.look(d, w.aisha).step == 3


# ── urgency ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_starting_higher_is_never_slower_than_starting_low() -> None:
    w = factories.world("higher")
    low = factories.raised(w)
    high = factories.raised(w, at_immediate_risk=True, start_higher=True)
    assert high.step == 2
    assert clocks_of(high, w)["step"].due_at <= clocks_of(low, w)["step"].due_at


def test_immediate_risk_brings_the_limit_forward_and_safety_gives_it_back() -> None:
    w = factories.world("shrink")
    d = factories.at_line_managers(w)
    before = clocks_of(d, w)["step"].due_at
    factories.move(d, "say_child_at_immediate_risk", w.sam)
    clock = clocks_of(d, w)["step"]
    assert clock.due_at < before
    assert clock.explained.because == "the time set for a child at immediate risk"
    factories.move(d, "add_note", w.aisha, child_safe="yes")
    assert clocks_of(d, w)["step"].due_at == before


def test_a_track_of_its_own_covers_everything_in_clock_hours() -> None:
    track = {"key": "fast", "label": "Fast track", "covers": "everything", "immediate_risk": True}
    w = world_with("track", urgency={"tracks": [{**track, "limit": {"amount": 24, "unit": "hours", "start": "raised"}}]})
    d = factories.raised(w, at_immediate_risk=True)
    clock = clocks_of(d, w)["track"]
    assert set(clocks_of(d, w)) == {"track"}
    assert clock.due_at - clock.started_at == 24 * HOUR
    factories.move(d, "refer_to_line_manager", w.aisha)
    assert clocks_of(d, w)["track"].pk == clock.pk


def test_grades_of_urgency_replace_the_length_of_a_step() -> None:
    tracks = [{"key": "soon", "label": "Soon", "covers": "step", "limit": {"amount": 4, "unit": "hours"}}]
    w = world_with("grades", urgency={"tracks": tracks})
    d = factories.raised(w, track="soon")
    clock = clocks_of(d, w)["step"]
    assert clock.due_at - clock.started_at == 4 * HOUR
    with pytest.raises(MoveRefused):
        factories.raised(w, track="of my own making")


def test_a_grade_taken_on_the_way_gives_a_clock_to_a_step_that_had_none() -> None:
    hours = {"amount": 4, "unit": "hours"}
    track = {"key": "risk", "label": "At risk", "covers": "step", "immediate_risk": True, "limit": hours}
    w = world_with("gradelater", {1: {"limit": None}}, urgency={"tracks": [track]})
    d = factories.raised(w)
    assert clocks_of(d, w) == {}
    factories.move(d, "say_child_at_immediate_risk", w.aisha, child_safe="no")
    clock = clocks_of(d, w)["step"]
    assert clock.due_at == clock.started_at + dt.timedelta(hours=4)


def test_the_disputed_act_comes_first_until_it_waits() -> None:
    w = world_with("standstill", urgency={"standstill": True})
    d = factories.raised(w)
    ordinary = clocks_of(d, w)["step"].due_at
    assert "agree_standstill" not in open_to(d, w.sam)
    act = timezone.now() + HOUR
    factories.move(d, "name_disputed_act", w.aisha, facts={"disputed_act_at": act.isoformat()})
    assert clocks_of(d, w)["step"].due_at == act == factories.look(d, w.aisha).due_at
    factories.move(d, "match_child", w.sam)
    factories.move(d, "agree_standstill", w.sam)
    assert clocks_of(d, w)["step"].due_at == ordinary
    for when in (timezone.now() - HOUR, None):
        with pytest.raises(MoveRefused):
            factories.move(d, "name_disputed_act", w.aisha, facts={"disputed_act_at": when.isoformat()} if when else {})


def test_the_moment_by_which_the_child_needs_it() -> None:
    needed = timezone.now() + HOUR
    ordinary = factories.raised(factories.world("unneeded"), needed_by=needed.isoformat())
    w = world_with("needed", urgency={"needed_by": True})
    d = factories.raised(w, needed_by=needed.isoformat())
    assert clocks_of(d, w)["step"].due_at == needed
    assert ordinary.due_at != needed


# ── happened-at and recorded-at ─────────────────────────────────────────────────────────────────────────────────────


def test_a_call_on_saturday_night_entered_on_wednesday_counts_from_saturday() -> None:
    w = world_with("saturday", {2: {"limit": {"amount": 5, "unit": "working_days", "start": "previous_answer"}}})
    told = timezone.now() - 4 * DAY
    d = factories.raised(w, told_at=told.isoformat(), now=timezone.now())
    factories.move(d, "match_child", w.sam)
    talked = factories.look(d, w.aisha).raised_at
    factories.move(d, "record_discussion", w.sam, happened_at=talked)
    factories.move(d, "refer_to_line_manager", w.aisha)
    assert clocks_of(d, w)["step"].started_at == talked


def test_events_in_the_future_or_before_the_raising_are_refused() -> None:
    w = factories.world("order")
    d = factories.raised(w)
    for wrong in (timezone.now() + HOUR, timezone.now() - 300 * DAY):
        with pytest.raises(MoveRefused):
            factories.move(d, "record_discussion", w.aisha, happened_at=wrong)


# ── pauses ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pause_only_where_the_policy_allows_it_with_an_end_and_a_way_back() -> None:
    assert "pause_clock" not in open_to(factories.raised(w := factories.world("nopause")), w.aisha)
    w = world_with("pause", pauses={"reasons": ["School holiday"], "longest_working_days": 10, "watch_working_days": 1})
    d = factories.raised(w)
    before = clocks_of(d, w)["step"].due_at
    assert "pause_clock" not in open_to(d, w.sam)  # who owes the answer cannot stop the clock
    with pytest.raises(MoveRefused):
        factories.move(d, "pause_clock", w.aisha, facts={"until": (timezone.now() + 200 * DAY).isoformat()})
    factories.move(d, "pause_clock", w.aisha, facts={"until": (timezone.now() + 7 * DAY).isoformat(), "reason": 0})
    assert clocks_of(d, w)["step"].due_at > before
    assert stalls(d, w, timezone.now()) == []
    assert "paused" in stalls(d, w, timezone.now() + 6 * DAY)
    factories.move(d, "resume_clock", w.aisha)
    assert clocks_of(d, w)["step"].due_at == before
    assert factories.look(d, w.aisha).paused_until is None


# ── a new holiday ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_holiday_dates_open_disagreements_anew_and_says_why(as_clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    w = factories.world("newholiday")
    d = factories.raised(w)
    old = clocks_of(d, w)["step"].due_at
    day = timezone.localdate(old)
    shipped = calendars.shipped("england-and-wales")
    declared = Calendar(shipped.name, {**shipped.holidays, day: "Day of mourning"})
    monkeypatch.setattr(Policy, "calendar", declared)
    with as_clock():
        entry = moves.redate(d.pk, now=timezone.now())
        assert moves.redate(d.pk, now=timezone.now()) is None
    assert entry
    new = clocks_of(d, w)["step"].due_at
    assert timezone.localdate(new) == shipped.add_working_days(day, 1)
    assert entry.facts["clocks"] == [{"about": "step", "step": 1, "old": old.isoformat(), "new": new.isoformat()}]
    assert [day.isoformat(), "Day of mourning"] in entry.facts["days"]
    assert factories.look(d, w.aisha).due_at == new
    with acting_as(w.sam):
        owed = Notice.objects.filter(disagreement=d, clock__isnull=False, dropped_at=None)
        assert {notice.due_at for notice in owed if notice.rule == "at"} == {new}


# ── who is reminded ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_reminders_go_to_the_holder_then_their_manager_then_the_office(as_clock: Any) -> None:
    w = factories.world("chain")
    d = factories.raised(w)
    with as_clock():
        for days in (8, 9, 60):
            tasks.notice_due_clocks(timezone.now() + days * DAY)
        rules = {
            rule: set(Notice.objects.filter(disagreement=d, rule__startswith=rule, dropped_at=None).values_list("person__name", flat=True))
            for rule in ("before", "at", "after", "chaser")
        }
    assert rules["before"] <= {"Sam chain"}
    assert rules["at"] <= {"Sam chain"}
    assert {"Sam chain", "Mona chain"} <= rules["after"] | rules["chaser"]


def test_one_notice_a_clock_rule_and_person() -> None:
    w = world_with("offsets", nudges={"before": [1], "after": [1, 3], "chaser_days": 5})
    d = factories.raised(w)
    with acting_as(w.aisha):
        owed = Notice.objects.filter(disagreement=d, clock__isnull=False).values_list("clock", "rule", "person")
        assert len(owed) == len(set(owed))
        assert {"after_1", "after_3"} <= {rule for _, rule, _ in owed}


def test_the_office_is_seated_when_nobody_can_move_it_on(as_clock: Any) -> None:
    w = factories.world("stall")
    d = factories.raised(w)
    with as_clock():
        assert moves.note_stall(d.pk, ["no_holder"], now=timezone.now())
        assert moves.note_stall(d.pk, ["no_holder"], now=timezone.now()) is None
    assert factories.look(d, w.office).reference == d.reference
    with acting_as(w.office):
        assert Notice.objects.filter(disagreement=d, person=w.office, rule="told").exists()


def test_representatives_are_told_where_the_policy_says_so() -> None:
    w = world_with("reps", tellings=[{"event": "raised", "who": "representative"}, {"event": "answered", "step": 1, "who": "office"}])
    d = factories.raised(w)
    assert factories.look(d, w.rep).reference == d.reference
    factories.move(d, "match_child", w.sam)
    with pytest.raises(Disagreement.DoesNotExist), acting_as(w.office):
        factories.fresh(d)
    factories.move(d, "answer", w.sam)
    assert factories.look(d, w.office).reference == d.reference


def test_inside_one_agency_only_where_the_policy_says_so() -> None:
    w = world_with("oneagency", within_one_agency=False)
    with factories.as_set_up():
        team = factories.team(w.partnership, w.teams["school"].agency.name, "Early years")
        factories.Post.objects.create(team=team, holder=w.zoe, title="Teacher", level=0)
    w.posts["early"] = team.posts.get()
    with pytest.raises(MoveRefused):
        factories.raised(w, to="early")


def test_every_clock_has_words_and_a_working() -> None:
    inner = {"acknowledge": {"amount": 1, "unit": "hours"}, "answer": {"amount": 1, "unit": "working_days"}}
    w = world_with("words", {1: inner}, overall={"amount": 20, "unit": "working_days"})
    d = factories.raised(w)
    for about, clock in clocks_of(d, w).items():
        with acting_as(w.aisha):
            assert limits.say_about(factories.fresh(d), about, 1)
            assert clock.explained.at == clock.due_at
            assert clock.explained.working[-1].startswith("due") or clock.explained.assumed


def test_what_comes_first_cannot_have_come_before_the_step_began() -> None:
    """A limit counted from the raising, at a step begun after the child's risk was named, is not late from its first minute."""
    w = world_with("begun", {2: {"limit": {"amount": 30, "unit": "working_days", "start": "raised"}}})
    told = timezone.now() - 20 * DAY
    d = factories.raised(w, at_immediate_risk=True, told_at=told.isoformat())
    factories.move(d, "refer_to_line_manager", w.aisha, child_safe="no")
    clock = clocks_of(d, w)["step"]
    assert clock.started_at < timezone.now() - 19 * DAY
    assert clock.due_at > timezone.now()
    assert clock.explained.at == clock.due_at


def test_who_raised_it_hears_that_the_way_up_is_open(as_clock: Any) -> None:
    w = factories.world("wayup")
    d = factories.raised(w)
    with as_clock():
        tasks.notice_due_clocks(timezone.now() + 20 * DAY)
        assert Notice.objects.filter(disagreement=d, entry__kind="reach_limit", person=w.aisha, rule="news").exists()
        assert not Notice.objects.filter(disagreement=d, entry__kind="reach_limit", person=w.sam).exists()


def test_a_pause_has_one_of_the_policys_reasons() -> None:
    w = world_with("reasons", pauses={"reasons": ["School holiday"], "longest_working_days": 10})
    d = factories.raised(w)
    with pytest.raises(MoveRefused):
        factories.move(
            d, "pause_clock", w.aisha, facts={"until": (timezone.now() + 3 * DAY).isoformat(), "pause_reason": "A reason of my own"}
        )
