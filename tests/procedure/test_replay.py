"""A course of events played under a policy gives the due dates that people would find by hand, and says what is wrong with events."""

import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import procedure
from procedure.calendars import shipped
from procedure.ladder import Limit, Span, Step
from procedure.policy import Pauses, PolicyErrors, Track, load
from procedure.replay import KINDS, ReplayError, replay, replay_file

POLICIES = Path(procedure.__file__).parent / "policies"
SCENARIOS = Path(__file__).parent / "fixtures" / "scenarios.yaml"
WRITTEN = {one["id"]: one for one in yaml.safe_load(SCENARIOS.read_text(encoding="utf-8"))["scenarios"]}
DUES = [(id_, n) for id_, one in WRITTEN.items() for n, event in enumerate(one["events"]) if "due" in event]
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
CHAPTER = load((POLICIES / "chapter-23.yaml").read_text(encoding="utf-8"))
ENGLAND = shipped()


def days(amount, start="step_begun"):
    return Limit(amount, "working_days", start)


def hours(amount, start="step_begun"):
    return Limit(amount, "hours", start)


def policy(*steps, urgency=None, **changes):
    """Chapter 23 with other steps: each a dict of its limits; the first is between practitioners, all others between managers."""
    ladder = tuple(
        Step(n, "line_manager" if n > 1 else "practitioner", f"Step {n}", "one", "the other", min(n, 2) - 1, **limits)
        for n, limits in enumerate(steps, start=1)
    )
    return replace(CHAPTER, steps=ladder, urgency=replace(CHAPTER.urgency, **urgency or {}), **changes)


def event(at, kind, **more):
    return {"at": at, "kind": kind, **more}


def play(document, *events, now=NOW):
    return replay(document, ENGLAND, {"id": "T", "events": events}, now=now)


def dues(played):
    """What runs after an event: when each is due, by what it is about."""
    return {clock["about"]: clock["due_at"] for clock in played["clocks"]}


def refused(*events, document=None, **more):
    with pytest.raises(ReplayError) as caught:
        play(document or policy({"limit": days(2)}, {"limit": days(2)}), *events, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def played(id_):
    return replay_file(POLICIES / f"{WRITTEN[id_]['policy']}.yaml", SCENARIOS, id_, now=NOW)


# The six scenarios


@pytest.mark.parametrize(("id_", "n"), DUES)
def test_every_due_date_of_the_scenarios_is_the_earliest_clock_word_for_word(id_, n):
    written, answer = WRITTEN[id_]["events"][n], played(id_)["events"][n]
    day, _, hour = str(written["due"]).partition("T")
    due = datetime.fromisoformat(f"{day}T{hour or '17:00'}").replace(tzinfo=ZoneInfo("Europe/London")).isoformat()
    assert (answer["due_at"], answer["clock"]) == (due, written["clock"])
    assert any((clock["due_at"], clock["label"]) == (due, written["clock"]) for clock in answer["clocks"])


@pytest.mark.parametrize("id_", WRITTEN)
def test_the_scenarios_play_to_their_end_at_the_steps_as_written(id_):
    answer = played(id_)
    assert {key: answer[key] for key in ("id", "title", "policy", "calendar")} == {
        key: WRITTEN[id_][key] for key in ("id", "title", "policy", "calendar")
    }
    assert [one["step"] for one in answer["events"]] == [one["step"] for one in WRITTEN[id_]["events"]]
    assert [one["kind"] for one in answer["events"]] == [one["kind"] for one in WRITTEN[id_]["events"]]
    assert [one["at"][:16] for one in answer["events"]] == [str(one["at"])[:16].replace(" ", "T") for one in WRITTEN[id_]["events"]]
    assert answer["events"][-1]["clocks"] == []
    assert answer["events"][-1]["due_at"] is None
    json.dumps(answer)


def test_summer_time_shows_in_the_offset():
    raised = played("S03")["events"][0]
    assert (raised["at"], raised["due_at"]) == ("2026-05-20T13:00:00+01:00", "2026-05-28T17:00:00+01:00")
    assert played("S01")["events"][1]["due_at"] == "2026-03-04T17:00:00+00:00"


def test_the_working_is_told_with_the_start_and_the_bank_holiday():
    said = " / ".join(played("S03")["events"][0]["working"])
    assert "5 working days from" in said
    assert "Wednesday 20 May 2026, 1pm" in said
    assert "25 May" in said
    said = " / ".join(played("S01")["events"][4]["working"])
    assert "the previous answer" in said
    assert "Tuesday 3 March 2026, 11am" in said


def test_the_clock_notices_by_itself_that_a_limit_is_reached():
    raised, discussed, reached, opened, *_ = played("S03")["events"]
    assert not discussed["note"]
    assert reached["note"] == "limit reached: step 1: 5 working days from raised, Thursday 28 May 2026, 5pm"
    assert [clock["reached"] for clock in reached["clocks"]] == [True]
    assert reached["due_at"] == raised["due_at"]
    assert not opened["note"]
    assert opened["clocks"] == []  # how long step 2 lasts was not read


def test_without_an_answer_the_next_step_counts_from_the_previous_limit():
    opened = played("S09")["events"][1]
    assert opened["due_at"] == "2026-03-25T17:00:00+00:00"
    assert opened["clock"] == "step 2: 5 working days from the previous limit"
    assert opened["note"] == "limit reached: step 1: 2 working days from raised, Wednesday 18 March 2026, 5pm"


def test_a_standstill_lifts_the_disputed_act():
    raised, urgent, standstill, meeting, _ = played("S04")["events"]
    assert dues(urgent)["step"] == dues(raised)["step"] == "2026-06-10T10:00:00+01:00"
    assert dues(standstill) == {"step": "2026-06-16T17:00:00+01:00"}
    assert not meeting["note"]


def test_without_standstill_in_the_policy_the_act_still_counts():
    document = policy({"limit": days(5)})
    raise_it = event("2026-06-09T16:45", "raised", disputed_act_at="2026-06-10T10:00")
    stand_still = event("2026-06-09T17:30", "standstill")
    answer = play(document, raise_it, stand_still)[-1]
    assert answer["due_at"] == "2026-06-10T10:00:00+01:00"
    assert "knows no standstill" in answer["note"]
    answer = play(policy({"limit": days(5)}, urgency={"standstill": True}), raise_it, stand_still)[-1]
    assert (answer["due_at"], answer["clock"]) == ("2026-06-16T17:00:00+01:00", "step 1: 5 working days from the step’s beginning")


def test_a_croydon_case_runs_without_any_clock():
    assert all(one["due_at"] is None and one["clock"] == "" and one["working"] == [] for one in played("S07")["events"])


# Which scenarios of a file


def test_those_that_name_the_policy_are_played_and_one_can_be_picked():
    several = replay_file(POLICIES / "lincolnshire.yaml", SCENARIOS, now=NOW)
    assert [one["id"] for one in several["scenarios"]] == ["S01", "S04", "S09", "S11"]
    everything = replay_file(POLICIES / "chapter-23.yaml", SCENARIOS, now=NOW)
    assert [one["id"] for one in everything["scenarios"]] == list(WRITTEN)
    assert replay_file(POLICIES / "chapter-23.yaml", SCENARIOS, "S03", now=NOW)["id"] == "S03"
    with pytest.raises(ReplayError, match=r"scenarios\.yaml holds no scenario 'S99': it holds S01, S03"):
        replay_file(POLICIES / "lincolnshire.yaml", SCENARIOS, "S99", now=NOW)


@pytest.mark.parametrize("shape", ["{events: EVENTS}", "[{events: EVENTS}]", "{scenarios: [{events: EVENTS}]}"])
def test_a_file_with_one_scenario_in_any_shape_gives_one(tmp_path, shape):
    file = tmp_path / "one.yaml"
    file.write_text(shape.replace("EVENTS", "[{at: 2026-03-02T09:40, kind: raised}]"))
    answer = replay_file(POLICIES / "lincolnshire.yaml", file, now=NOW)
    assert answer["events"][0]["due_at"] == "2026-03-04T17:00:00+00:00"
    assert (answer["policy"], answer["calendar"]) == ("lincolnshire", "england-and-wales")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        ("just words", "holds no scenario"),
        ("{title: nothing}", "holds no scenario"),
        ("[]", "holds no scenario"),
        ("scenarios: [S01]", "holds no scenario"),
        ("events: []", "at least one event"),
        ("events: {at: now}", "must be a list"),
        ("events: [raised]", "event 1: must be a group"),
        ("{events: [{at: 2026-03-02T09:40, kind: raised}], calendar: mars}", "mars"),
        ("events: [{at: 2026-03-02T09:40, kind: raised, kind: noted}]", "line 1: kind stands here twice"),
        ("a: &a [1]\nb: [*a, *a]\nevents: [{at: 2026-03-02T09:40, kind: raised}]", "bad.yaml, line 1"),
        ("events: !!python/object/apply:os.system [ls]", "bad.yaml, line 1"),
        ("events: [", "is not YAML"),
        ("[" * 50_000, "nested"),
        ("events: [{at: 2026-03-02T09:40, kind: raised, what: \x07}]", "does not allow"),
        ("# " + "x" * 10_000_000, "is larger than 256 KB"),
    ],
)
def test_a_file_that_is_no_scenario_is_refused_in_one_line(tmp_path, text, why):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(ReplayError) as caught:
        replay_file(POLICIES / "lincolnshire.yaml", file, now=NOW)
    assert why in str(caught.value)
    assert str(caught.value).startswith("bad.yaml")
    assert "\n" not in str(caught.value)


def test_files_that_are_not_there_or_not_text_are_refused(tmp_path):
    with pytest.raises(ReplayError, match=r"gone\.yaml cannot be read"):
        replay_file(POLICIES / "lincolnshire.yaml", tmp_path / "gone.yaml")
    with pytest.raises(FileNotFoundError):
        replay_file(tmp_path / "gone.yaml", SCENARIOS)
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReplayError, match=r"bytes\.yaml is not text"):
        replay_file(POLICIES / "lincolnshire.yaml", tmp_path / "bytes.yaml")
    with pytest.raises(PolicyErrors):
        replay_file(SCENARIOS, SCENARIOS)


# Events that cannot be


RAISED = event("2026-03-02T09:40", "raised")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (event("2026-03-02T09:39", "noted"), "T, event 2 (noted): happened on Monday 2 March 2026, 9:39am, before event 1"),
        (event("2026-11-22T08:01", "noted"), "T, event 2 (noted): lies in the future"),
        (event("2026-03-03T10:00", "noted", recorded_at="2026-12-01T10:00"), "recorded in the future"),
        (event("2026-03-03T10:00", "noted", recorded_at="2026-03-02T10:00"), "recorded before it happened"),
        (event("2026-03-03T10:00", "telephoned"), "the kind 'telephoned' is not known"),
        (event("2026-03-03T10:00", "answerd"), "did you mean answered?"),
        ({"at": "2026-03-03T10:00"}, "kind is missing"),
        ({"kind": "noted"}, "at is missing"),
        (event("2026-03-03T10:00", "step_opened", step=3), "T, event 2 (step_opened): there is no step 3: the ladder has 2"),
        (event("2026-03-03T10:00", "step_opened", step="two"), "not a whole number"),
        (event("2026-03-03T10:00", "step_opened", step=-1), "not a whole number"),
        (event("2026-03-03T10:00", "step_opened", step=True), "not a whole number"),
        (event("2026-02-30T10:00", "noted"), "a time that does not exist"),
        (event("2026-03-03T25:00", "noted"), "a time that does not exist"),
        (event("2026-03-29T01:30", "noted"), "left out when summer time begins"),
        (event("2026-03-03", "noted"), "must be a day and time such as"),
        (event("yesterday", "noted"), "must be a day and time such as"),
        (event("9999-12-31T23:59-12:00", "noted"), "lies in the year 9999"),
        (event("0001-01-01T00:00+12:00", "noted"), "lies in the year 1"),
        (event("2026-03-03T10:00", "noted", disputed_act_at="soon"), "disputed_act_at is 'soon'"),
        (event("2026-03-03T10:00", "noted", track="fast"), "no track 'fast'"),
        (event("2026-03-03T10:00", "paused"), "allows no pause"),
        ("noted", "must be a group"),
    ],
)
def test_an_event_that_cannot_be_is_refused_by_its_number(wrong, why):
    said = refused(RAISED, wrong)
    assert said.startswith("T, event 2")
    assert why in said


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"raised", "decision", "emergency_route_taken"}))
def test_nothing_comes_before_the_raising(kind):
    assert "event 1" in refused(event("2026-03-01T10:00", kind, step=1), RAISED)
    assert "before the disagreement was raised" in refused(event("2026-03-01T10:00", kind), RAISED)


def test_before_the_raising_come_the_decision_the_emergency_and_notes_at_step_0():
    played = play(
        policy({"limit": days(2)}),
        event("2026-03-01T09:00", "decision", step=0),
        event("2026-03-01T10:00", "emergency_route_taken", step=0),
        event("2026-03-01T11:00", "told", step=0),
        RAISED,
    )
    assert [one["step"] for one in played] == [0, 0, 0, 1]


def test_the_ladder_only_goes_up_but_later_notes_may_be_about_a_lower_step():
    opened = event("2026-03-03T10:00", "step_opened", step=2)
    assert "step 2 has begun" in refused(RAISED, opened, event("2026-03-03T11:00", "answered", step=1))
    play(policy({}, {}), RAISED, opened, event("2026-03-03T11:00", "told", step=1))


def test_now_must_carry_its_zone():
    with pytest.raises(ValueError, match="time zone"):
        play(policy({}), RAISED, now=datetime(2026, 11, 22))


def test_times_may_carry_an_offset_or_be_moments_already():
    for at in (
        "2026-06-01T09:00",
        "2026-06-01T08:00Z",
        "2026-06-01T08:00:00+00:00",
        datetime(2026, 6, 1, 9),
        datetime(2026, 6, 1, 8, tzinfo=UTC),
    ):
        assert play(policy({"limit": hours(1)}), event(at, "raised"))[0]["due_at"] == "2026-06-01T10:00:00+01:00"


# Happened and recorded


def test_a_call_on_saturday_night_entered_on_wednesday_counts_from_saturday():
    document = policy({"limit": days(5)}, {"limit": days(3, "previous_answer")})
    call = event("2026-03-07T22:30", "discussed", recorded_at="2026-03-11T09:00")
    opened = play(document, event("2026-03-06T10:00", "raised"), call, event("2026-03-11T10:00", "step_opened", step=2))[-1]
    assert opened["clocks"][0]["started_at"] == "2026-03-07T22:30:00+00:00"
    assert opened["due_at"] == "2026-03-11T17:00:00+00:00"


def test_what_one_side_does_alone_counts_once_it_is_recorded():
    document = policy({}, {"limit": days(2)})
    accepted = event("2026-03-07T22:30", "standstill", step=2, recorded_at="2026-03-11T09:00")
    assert play(document, RAISED, accepted)[-1]["due_at"] == "2026-03-13T17:00:00+00:00"


# Clocks inside a step


def test_acknowledgement_answer_and_step_run_together_and_stop_one_by_one():
    document = policy({"acknowledge": hours(4), "answer": days(1), "limit": days(3)})
    played = play(
        document,
        RAISED,
        event("2026-03-02T10:00", "acknowledged"),
        event("2026-03-04T10:00", "answered"),
    )
    assert dues(played[0]) == {
        "acknowledge": "2026-03-02T13:40:00+00:00",
        "answer": "2026-03-03T17:00:00+00:00",
        "step": "2026-03-05T17:00:00+00:00",
    }
    assert [clock["label"] for clock in played[0]["clocks"]] == [
        "step 1, acknowledgement: 4 hours from the step’s beginning",
        "step 1, answer: 1 working day from the step’s beginning",
        "step 1: 3 working days from the step’s beginning",
    ]
    assert list(dues(played[1])) == ["answer", "step"]
    assert list(dues(played[2])) == ["step"]
    assert played[2]["note"].startswith("limit reached: step 1, answer")


def test_at_once_has_no_hour_and_is_never_the_earliest():
    document = policy({"acknowledge": Limit(0, "at_once"), "limit": days(2)})
    raised, later = play(document, RAISED, event("2026-03-02T09:55", "told"))
    assert raised["clock"].startswith("step 1: 2 working days")
    assert raised["clocks"][-1]["label"] == "step 1, acknowledgement: at once"
    assert raised["clocks"][-1]["due_at"] == raised["at"]
    assert not later["note"]
    assert later["clocks"][-1]["reached"]


def test_without_agreement_a_meeting_follows_and_is_confirmed_in_writing():
    step = {"limit": days(5), "meeting": days(3, "previous_answer"), "confirm": days(2, "meeting")}
    played = play(
        policy(step),
        RAISED,
        event("2026-03-03T10:00", "discussed"),
        event("2026-03-05T14:00", "meeting_held"),
        event("2026-03-05T15:00", "agreed"),
        event("2026-03-06T10:00", "confirmed", by="one"),
        event("2026-03-06T11:00", "confirmed", by="the other"),
        event("2026-03-06T12:00", "confirmed", by="the office"),
        event("2026-03-07T12:00", "debrief"),
    )
    assert "meeting" not in dues(played[0])
    assert dues(played[1])["meeting"] == "2026-03-06T17:00:00+00:00"
    assert dues(played[2]) == {"step": "2026-03-09T17:00:00+00:00", "confirm": "2026-03-09T17:00:00+00:00"}
    assert [clock["about"] for clock in played[4]["clocks"]] == ["step", "confirm"]
    assert [one["clocks"] for one in played[5:]] == [[], [], []]


def test_a_limit_that_is_reached_calls_the_meeting_by_itself():
    step = {"limit": days(2), "meeting": days(3, "limit_reached")}
    noted = play(policy(step), RAISED, event("2026-03-03T10:00", "discussed"), event("2026-03-10T09:00", "noted"))[-1]
    assert dues(noted)["meeting"] == "2026-03-09T17:00:00+00:00"
    assert noted["note"] == (
        "limit reached: step 1: 2 working days from the step’s beginning, Wednesday 4 March 2026, 5pm; "
        "limit reached: step 1, meeting: 3 working days from the limit, Monday 9 March 2026, 5pm"
    )


def test_an_answer_that_stays_away_calls_the_meeting_too():
    step = {"answer": days(1), "limit": days(9), "meeting": days(3, "previous_answer")}
    noted = play(policy(step), RAISED, event("2026-03-04T10:00", "noted"))[-1]
    assert dues(noted)["meeting"] == "2026-03-06T17:00:00+00:00"


def test_an_agreement_needs_no_meeting_and_a_new_one_is_confirmed_afresh():
    step = {"limit": days(5), "meeting": days(3, "previous_answer")}
    played = play(
        policy(step),
        RAISED,
        event("2026-03-03T10:00", "discussed"),
        event("2026-03-03T11:00", "agreed"),
        event("2026-03-03T12:00", "confirmed", by="one"),
        event("2026-03-03T13:00", "agreed"),
        event("2026-03-03T14:00", "confirmed", by="The  other"),
        event("2026-03-03T15:00", "confirmed", by="the other"),
        event("2026-03-03T16:00", "confirmed", by="all three"),
    )
    assert "meeting" not in dues(played[2])
    assert [len(one["clocks"]) for one in played[2:]] == [1, 1, 1, 1, 1, 0]


def test_working_hours_run_in_the_hours_of_the_office_only():
    raised = play(policy({"limit": Limit(3, "working_hours")}), event("2026-03-06T16:00", "raised"))[0]
    assert raised["due_at"] == "2026-03-09T11:00:00+00:00"


# Clocks across steps


def test_a_span_and_the_whole_run_across_steps():
    document = policy({}, {}, {}, spans=(Span((1, 2), days(4), "Informal"),), overall=Limit(10, "calendar_days", "raised"))
    played = play(
        document,
        RAISED,
        event("2026-03-03T10:00", "step_opened", step=2),
        event("2026-03-04T10:00", "step_opened", step=3),
    )
    both = {"span_1": "2026-03-06T17:00:00+00:00", "overall": "2026-03-12T17:00:00+00:00"}
    assert [dues(one) for one in played] == [both, both, {"overall": both["overall"]}]
    assert played[0]["clock"] == "Informal: 4 working days from the beginning of step 1"
    assert played[0]["clocks"][0]["step"] is None


def test_the_limit_on_raising_runs_from_the_decision_and_late_is_noted_not_refused():
    document = policy({}, raise_within=days(5, "decision"), overall=days(10, "decision"))
    decided, raised = play(document, event("2026-02-20T10:00", "decision"), RAISED)
    assert (decided["due_at"], decided["step"]) == ("2026-02-27T17:00:00+00:00", 0)
    assert decided["clock"] == "raising: 5 working days from the decision"
    assert "raised late" in raised["note"]
    assert dues(raised) == {"overall": "2026-03-06T17:00:00+00:00"}


def test_a_step_above_stops_the_clocks_below_even_when_nobody_wrote_that_it_was_opened():
    document = policy({"limit": days(2), "answer": days(1)}, {"limit": hours(3)})
    assert dues(play(document, RAISED, event("2026-03-02T12:00", "discussed", step=2))[-1]) == {"step": "2026-03-02T15:00:00+00:00"}


# Urgency


def test_the_disputed_act_is_sooner_than_every_clock_unless_the_policy_says_otherwise():
    raised = event("2026-03-02T09:40", "raised", disputed_act_at="2026-03-03")
    document = policy({"limit": days(5), "answer": days(4), "acknowledge": hours(1)})
    answer = play(document, raised)[0]
    assert dues(answer) == {
        "acknowledge": "2026-03-02T10:40:00+00:00",
        "answer": "2026-03-03T17:00:00+00:00",
        "step": "2026-03-03T17:00:00+00:00",
    }
    assert "disputed act" in " ".join(answer["clocks"][1]["working"])
    assert dues(play(replace(document, or_before_disputed_act=False), raised)[0])["step"] == "2026-03-09T17:00:00+00:00"


def test_an_act_named_later_counts_for_what_runs_and_one_that_is_past_does_not_bind_a_later_step():
    document = policy({"limit": days(5)}, {"limit": days(2)})
    named = event("2026-03-02T12:00", "noted", disputed_act_at="2026-03-04T10:00")
    played = play(document, RAISED, named, event("2026-03-04T11:00", "step_opened", step=2))
    assert [one["due_at"] for one in played[1:]] == ["2026-03-04T10:00:00+00:00", "2026-03-06T17:00:00+00:00"]


def test_the_moment_by_which_the_child_needs_it_counts_where_the_policy_has_it():
    raised = event("2026-03-02T09:40", "raised", needed_by="2026-03-02T18:00")
    answer = play(policy({"limit": days(5)}, urgency={"needed_by": True}), raised)[0]
    assert answer["due_at"] == "2026-03-02T18:00:00+00:00"
    answer = play(policy({"limit": days(5)}), raised)[0]
    assert answer["due_at"] == "2026-03-09T17:00:00+00:00"
    assert answer["note"].count("does not count") == 1


def test_urgency_shrinks_this_step_and_later_ones_never_makes_them_longer():
    document = policy({"limit": days(5)}, {"limit": hours(2)}, {}, urgency={"shrink": hours(24)})
    played = play(
        document,
        RAISED,
        event("2026-03-03T09:00", "urgent_accepted"),
        event("2026-03-03T10:00", "step_opened", step=2),
        event("2026-03-03T11:00", "step_opened", step=3),
    )
    assert [one["due_at"] for one in played[1:]] == [
        "2026-03-04T09:00:00+00:00",
        "2026-03-03T12:00:00+00:00",
        "2026-03-04T11:00:00+00:00",
    ]
    assert "immediate risk" in played[1]["clock"]


def test_an_urgent_track_covers_everything_bank_holidays_included():
    track = Track("urgent", "Urgent track", hours(24, "raised"), "everything", immediate_risk=True)
    document = policy({"limit": days(2)}, {}, urgency={"tracks": (track,)})
    played = play(
        document,
        event("2026-04-02T18:20", "raised"),
        event("2026-04-02T19:00", "urgent_accepted"),
        event("2026-04-03T09:00", "step_opened", step=2),
    )
    assert dues(played[0]) == {"step": "2026-04-08T17:00:00+01:00"}
    assert played[1]["due_at"] == played[2]["due_at"] == "2026-04-03T18:20:00+01:00"
    assert played[1]["clock"] == "Urgent track: 24 hours from raised"


def test_a_grade_can_be_named_when_raising_and_limits_each_step():
    tracks = (Track("red", "Red", hours(4), "step"), Track("amber", "Amber", days(1), "step"))
    document = policy({"limit": days(5)}, {}, urgency={"tracks": tracks})
    played = play(
        document,
        event("2026-03-02T09:40", "raised", track="red"),
        event("2026-03-02T12:00", "step_opened", step=2),
    )
    assert [one["due_at"] for one in played] == ["2026-03-02T13:40:00+00:00", "2026-03-02T16:00:00+00:00"]
    assert "it has red, amber" in refused(event("2026-03-02T09:40", "raised", track="blue"), document=document)


def test_a_track_for_everything_replaces_the_clock_of_every_step_even_a_shorter_one_while_spans_and_the_whole_run_on():
    track = Track("slow", "Slow track", days(10, "raised"))
    limits = {"limit": days(2), "answer": days(1)}
    document = policy(limits, limits, spans=(Span((1, 2), days(6)),), overall=days(20, "raised"), urgency={"tracks": (track,)})
    before, taken, second = play(
        document,
        RAISED,
        event("2026-03-03T09:00", "noted", track="slow"),
        event("2026-03-04T09:00", "step_opened", step=2),
    )
    assert set(dues(before)) == {"step", "answer", "span_1", "overall"}
    assert set(dues(taken)) == set(dues(second)) == {"track", "answer", "span_1", "overall"}
    assert dues(taken)["track"] == dues(second)["track"] == "2026-03-16T17:00:00+00:00"


def test_a_track_for_each_step_replaces_its_limit_even_where_it_is_longer_and_counts_from_where_the_step_did():
    document = policy({"limit": days(2)}, {"limit": days(1)}, {}, urgency={"tracks": (Track("calm", "Calm", days(4), "step"),)})
    played = play(
        document,
        RAISED,
        event("2026-03-03T09:00", "noted", track="calm"),
        event("2026-03-04T09:00", "step_opened", step=2),
        event("2026-03-05T09:00", "step_opened", step=3),
    )
    assert [dues(one) for one in played] == [
        {"step": "2026-03-04T17:00:00+00:00"},
        {"step": "2026-03-06T17:00:00+00:00"},
        {"step": "2026-03-10T17:00:00+00:00"},
        {"step": "2026-03-11T17:00:00+00:00"},
    ]


def test_there_is_one_track_and_the_first_is_kept():
    tracks = (Track("red", "Red", hours(4), "step"), Track("all", "All", hours(24, "raised"), immediate_risk=True))
    document = policy({"limit": days(5)}, urgency={"tracks": tracks})
    named, urgent, other = play(
        document,
        event("2026-03-02T09:40", "raised", track="red"),
        event("2026-03-02T10:00", "urgent_accepted"),
        event("2026-03-02T10:10", "noted", track="all"),
    )
    assert dues(named) == dues(urgent) == dues(other) == {"step": "2026-03-02T13:40:00+00:00"}
    assert other["note"] == "is on a track already, Red: it stays on it"


def test_a_track_named_when_raising_counts_from_there_though_the_step_counts_from_the_decision():
    tracks = (Track("red", "Red", hours(4), "step"),)
    document = policy({"limit": days(5, "decision")}, urgency={"tracks": tracks})
    raised = play(document, event("2026-03-02T09:40", "raised", track="red", decision_at="2026-02-27T10:00"))[0]
    assert dues(raised) == {"step": "2026-03-02T13:40:00+00:00"}


def test_haste_shortens_the_track_and_gives_no_step_a_clock_beside_it():
    track = Track("all", "All", hours(48, "raised"), immediate_risk=True)
    document = policy({}, {}, urgency={"tracks": (track,), "shrink": hours(24)})
    played = play(document, RAISED, event("2026-03-02T12:00", "urgent_accepted"), event("2026-03-02T13:00", "step_opened", step=2))
    assert [dues(one) for one in played] == [{}, *[{"track": "2026-03-03T12:00:00+00:00"}] * 2]


def test_a_track_that_is_reached_calls_the_meeting_that_follows_the_limit():
    track = Track("all", "All", hours(24, "raised"), immediate_risk=True)
    document = policy({"limit": days(2), "meeting": days(2, "limit_reached")}, urgency={"tracks": (track,)})
    *_, later = play(document, RAISED, event("2026-03-02T10:00", "urgent_accepted"), event("2026-03-03T12:00", "noted"))
    assert dues(later) == {"track": "2026-03-03T09:40:00+00:00", "meeting": "2026-03-05T17:00:00+00:00"}


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([event("2026-03-02T09:40", "raised", decision_at="2026-03-02T09:41")], "decision_at lies after the raising"),
        ([event("2026-03-02T09:40", "raised", decision_at="2026-03-03")], "decision_at lies after the raising"),
    ],
)
def test_a_decision_is_taken_before_it_is_disagreed_with(events, said):
    assert said in refused(*events)
    assert play(CHAPTER, event("2026-03-02T09:40", "raised", decision_at="2026-03-02"))


def test_what_comes_too_late_to_start_a_clock_is_said():
    decided = event("2026-03-02T10:00", "decision")
    ended = event("2026-03-02T12:00", "confirmed", by="both")
    _, late, _, after = play(policy({"limit": days(2)}), RAISED, decided, ended, event("2026-03-03T10:00", "answered"))
    assert "comes after the raising" in late["note"]
    assert "comes after the end" in after["note"]


def test_what_is_opened_again_is_on_no_track_and_its_spans_do_not_begin_afresh():
    track = Track("all", "All", hours(24, "raised"), immediate_risk=True)
    document = policy({"limit": days(2)}, spans=(Span((1,), days(6)),), urgency={"tracks": (track,)})
    *_, again = play(
        document,
        RAISED,
        event("2026-03-02T10:00", "urgent_accepted"),
        event("2026-03-02T12:00", "confirmed", by="both"),
        event("2026-03-09T10:00", "step_opened", step=1),
    )
    assert dues(again) == {"step": "2026-03-11T17:00:00+00:00"}


# Pauses


PAUSES = Pauses(("awaiting a report",), longest_working_days=5, watch_working_days=3)


def test_a_pause_moves_the_deadline_and_resuming_early_moves_it_back():
    document = policy({"limit": days(5)}, pauses=PAUSES)
    played = play(
        document,
        RAISED,
        event("2026-03-03T09:00", "paused", until="2026-03-10T09:00", reason="awaiting a report"),
        event("2026-03-05T09:00", "resumed"),
        event("2026-03-05T10:00", "resumed"),
    )
    before, paused, resumed, again = [datetime.fromisoformat(one["due_at"]) for one in played]
    assert before < resumed < paused
    assert again == resumed
    assert "running already" in played[-1]["note"]


@pytest.mark.parametrize("then", ["urgent_accepted", "resumed"])
def test_a_pause_ends_when_a_child_is_at_immediate_risk_as_when_it_is_ended(then):
    document = policy({"limit": days(5)}, pauses=PAUSES)
    paused = event("2026-03-03T09:00", "paused", until="2026-03-10T09:00", reason="awaiting a report")
    played = play(document, RAISED, paused, event("2026-03-04T09:00", then))
    assert played[2]["due_at"] < played[1]["due_at"]


def test_a_pause_ends_with_its_step():
    document = policy({"limit": days(5)}, {"limit": days(5)}, pauses=PAUSES)
    paused = event("2026-03-03T09:00", "paused", until="2026-03-10T09:00", reason="awaiting a report")
    above = event("2026-03-04T09:00", "step_opened", step=2)
    with_pause = play(document, RAISED, paused, above)[-1]
    without = play(document, RAISED, above)[-1]
    assert with_pause["due_at"] == without["due_at"]


def test_a_pause_keeps_to_the_longest_and_there_is_one_at_a_time():
    document = policy({"limit": days(5)}, pauses=PAUSES)
    too_long = event("2026-03-03T09:00", "paused", until="2026-03-11T09:00")
    assert "5 working days at most, here until Tuesday 10 March 2026, 5pm" in refused(RAISED, too_long, document=document)
    backwards = event("2026-03-03T09:00", "paused", until="2026-03-02T09:00")
    assert "5 working days at most" in refused(RAISED, backwards, document=document)
    assert "paused already" in refused(RAISED, event("2026-03-03T09:00", "paused"), event("2026-03-04T09:00", "paused"), document=document)


# What is odd and still happens


def test_a_second_raising_starts_nothing_and_an_ended_one_can_be_opened_again():
    document = policy({"limit": days(2)}, {"limit": days(2)})
    played = play(
        document,
        RAISED,
        event("2026-03-03T09:00", "raised"),
        event("2026-03-03T10:00", "confirmed", by="both"),
        event("2026-03-03T11:00", "discussed"),
        event("2026-03-09T10:00", "step_opened", step=2),
    )
    assert played[1]["due_at"] == played[0]["due_at"]
    assert "raised already" in played[1]["note"]
    assert played[3]["clocks"] == []
    assert played[4]["due_at"] == "2026-03-11T17:00:00+00:00"


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"paused"}))
def test_every_kind_can_follow_the_raising(kind):
    for document in (policy({"limit": days(2)}, {}), policy({}, {})):
        for step in (None, 1, 2):
            assert len(play(document, RAISED, event("2026-03-03T09:00", kind, step=step), event("2026-03-04T09:00", kind, step=step))) == 3


def test_a_meeting_starts_the_next_step_where_the_policy_counts_from_it():
    document = policy({"limit": days(2), "meeting": days(3, "limit_reached")}, {"limit": days(4, "meeting")})
    met = event("2026-03-05T14:00", "meeting_held")
    opened = play(document, RAISED, met, event("2026-03-10T09:00", "step_opened", step=2))[-1]
    assert (opened["due_at"], opened["clock"]) == ("2026-03-11T17:00:00+00:00", "step 2: 4 working days from the meeting")


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 10, 1)).map(lambda at: at.isoformat(timespec="minutes"))
ODD = st.one_of(st.none(), st.integers(-1, 4), st.text(max_size=5), MOMENTS)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {"at": MOMENTS, "kind": st.sampled_from(KINDS)},
        optional={
            "step": st.sampled_from([None, 1, 2, 3]),
            "by": st.sampled_from(["one", "the other", "both", ["one", "two"], None]),
            "track": st.sampled_from(["", "all", "red"]),
            **dict.fromkeys(["recorded_at", "disputed_act_at", "needed_by", "decision_at", "until"], st.none() | MOMENTS),
        },
    ),
    max_size=8,
)
FULL = policy(
    {
        "acknowledge": Limit(0, "at_once"),
        "answer": days(1),
        "limit": days(3),
        "meeting": days(2, "previous_answer"),
        "confirm": days(1, "meeting"),
    },
    {"limit": days(5, "previous_answer"), "meeting": days(2, "limit_reached"), "confirm": days(1, "meeting")},
    {"limit": days(5, "meeting"), "answer": Limit(6, "working_hours")},
    urgency={
        "shrink": hours(24),
        "needed_by": True,
        "standstill": True,
        "tracks": (Track("all", "All", hours(24, "raised"), "everything", immediate_risk=True), Track("red", "Red", hours(4), "step")),
    },
    spans=(Span((1, 2), days(6, "raised")), Span((2, 3), days(6, "decision"))),
    overall=days(20, "raised"),
    raise_within=days(10, "decision"),
    pauses=PAUSES,
)


@settings(max_examples=300, deadline=None)
@given(EVENTS)
def test_whatever_happens_is_played_or_refused_and_every_clock_can_be_explained(events):
    events = [event("2026-01-01T00:00", "raised"), *sorted(events, key=lambda one: one["at"])]
    try:
        answer = play(FULL, *events)
    except ReplayError:
        return
    json.dumps(answer)
    for one in answer:
        waiting = [clock["due_at"] for clock in one["clocks"] if "at once" not in clock["label"]]
        if waiting:
            assert datetime.fromisoformat(one["due_at"]) == min(map(datetime.fromisoformat, waiting))
        assert len({(clock["about"], clock["label"]) for clock in one["clocks"]}) == len(one["clocks"])
        assert all(clock["working"] for clock in one["clocks"])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["at", "kind", "step", "by", "recorded_at", "until", "track"]), ODD), max_size=3))
def test_events_of_any_shape_are_refused_with_a_sentence(events):
    with contextlib.suppress(ReplayError):
        play(FULL, RAISED, *events)
