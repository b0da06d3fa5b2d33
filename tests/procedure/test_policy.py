"""A policy is read whole or refused with every mistake named by its line and field."""

from dataclasses import FrozenInstanceError, replace
from datetime import time
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import procedure
from procedure.ladder import Limit, Span
from procedure.policy import (
    Closing,
    Nudges,
    OfficeHours,
    Pauses,
    PolicyError,
    PolicyErrors,
    Retention,
    Telling,
    Track,
    UrgentNudges,
    load,
    load_file,
)

POLICIES = Path(procedure.__file__).parent / "policies"
SHIPPED = [file.read_text(encoding="utf-8") for file in sorted(POLICIES.glob("*.yaml"))]
CHAPTER = (POLICIES / "chapter-23.yaml").read_text(encoding="utf-8")
DOCUMENT = load(CHAPTER)

SMALL = """\
title: A short ladder
source: Our own
word_for_step: level
calendar: england-and-wales
final_body: {title: Independent chair, short: Chair}
steps:
  - number: 1
    stage: practitioner
    level: 0
    name: Talk
    raised_by: the practitioner
    answered_by: the other practitioner
    limit:
      amount: 24
      unit: hours
      start: raised
  - number: 2
    stage: line_manager
    level: 1
    name: Managers talk
    raised_by: the manager
    answered_by: the other manager
  - number: 3
    stage: lscb_mediation
    level: 2
    name: Mediation
    raised_by: the agency
    answered_by: the chair
categories:
  - key: thresholds
    label: Thresholds
concern_channels: [The front door]
urgency:
  leave_first: [Call 999]
tellings:
  - event: raised
    who: office
"""


FULL = (
    SMALL.replace(
        """    raised_by: the manager
    answered_by: the other manager
""",
        """    raised_by: the manager
    answered_by: the other manager
    tier: formal
    acknowledge: {unit: at_once}
    answer: {amount: 48, unit: hours, assumed: true}
    meeting: {amount: 5, unit: working_days, start: limit_reached}
    confirm: {amount: 2, unit: calendar_days}
    limit: {amount: 3, unit: working_hours, start: decision}
""",
    )
    .replace("{title: Independent chair, short: Chair}", "{title: Independent chair, short: Chair, role: Mediates}")
    .replace(
        "  leave_first: [Call 999]\n",
        """  leave_first: [Call 999]
  may_start_at: ""
  shrink: {amount: 4, unit: hours}
  needed_by: true
  standstill: true
  tracks:
    - {key: fast, label: Fast track, limit: {amount: 24, unit: hours}, immediate_risk: true}
    - {key: high, label: High priority, covers: step, limit: {amount: 1, unit: working_days, start: previous_answer}}
""",
    )
    + """  - event: meeting
    who: representative
    step: 2
spans:
  - {steps: [1, 2], amount: 5, unit: working_days, start: raised, name: Before mediation}
  - {steps: [2, 3], amount: 10, unit: calendar_days, assumed: true}
overall: {amount: 20, unit: working_days}
raise_within: {amount: 2, unit: working_days}
or_before_disputed_act: false
office_hours: {from: 08:30, to: "16:30"}
pauses: {reasons: [A court decides first, The school is closed], longest_working_days: 8, watch_working_days: 4}
closing: {confirmed_by: [raising, responding, consulted]}
retention: {years: 35, source: Our schedule}
within_one_agency: false
nudges:
  manager_from: at
  office_from: never
  urgent: {before_minutes: [240, 60], at: false, after_minutes: [], chaser_minutes: 1500}
"""
)


def errors_in(text: str) -> list[PolicyError]:
    with pytest.raises(PolicyErrors) as refused:
        load(text)
    return refused.value.errors


def changed(old: str, new: str, times: int = 1, within: str = SMALL) -> str:
    assert old in within
    return within.replace(old, new, times)


def line_of(text: str, words: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), start=1) if words in line)


def test_the_shipped_policy_has_the_four_steps_of_the_chapter_with_assumed_lengths():
    limits = [step.limit for step in DOCUMENT.steps]
    assert [(limit.amount, limit.unit, limit.start, limit.assumed) for limit in limits] == [
        (2, "working_days", "step_begun", True),
        (5, "working_days", "step_begun", True),
        (5, "working_days", "step_begun", True),
        (10, "working_days", "step_begun", True),
    ]
    assert [step.level for step in DOCUMENT.steps] == [0, 1, 2, 3]


def test_the_shipped_policy_has_the_categories_of_the_chapter():
    assert [category.label for category in DOCUMENT.categories] == [
        *("Thresholds", "Roles and responsibilities", "The need for action", "Communication", "Something else")
    ]


def test_the_shipped_policy_sends_conference_dissent_to_chapter_6():
    dissent, *others = DOCUMENT.signposts
    assert "6.68" in dissent.goes_to
    assert "23.18" in dissent.source
    assert [signpost.key for signpost in others] == ["complaint", "allegation"]


def test_the_shipped_policy_tells_the_next_manager_of_every_limit_and_the_office_of_the_last_ones():
    assert Telling("limit_reached", "next_manager") in DOCUMENT.tellings
    assert Telling("limit_reached", "office", stage="up_the_line") in DOCUMENT.tellings
    assert Telling("asked_chair", "office") in DOCUMENT.tellings
    assert Telling("resolved", "office", stage="lscb_mediation") in DOCUMENT.tellings
    assert Telling("closed", "office") in DOCUMENT.tellings


def test_the_shipped_policy_sets_the_rest():
    assert DOCUMENT.final_body.title == "Chair of the Local Safeguarding Children Board"
    assert DOCUMENT.final_body.short == "LSCB Chair"
    assert DOCUMENT.word_for_step == "stage"
    assert DOCUMENT.calendar == "england-and-wales"
    assert DOCUMENT.end_of_working_day == time(17)
    assert DOCUMENT.draft_reminder_working_days == 2
    assert DOCUMENT.nudges == Nudges(before=(1,), at=True, after=(1,), chaser_days=5)
    assert "999" in DOCUMENT.urgency.leave_first[0]
    assert DOCUMENT.urgency.may_start_at == "line_manager"
    assert DOCUMENT.concern_channels


def test_a_document_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        DOCUMENT.title = "Another"


def test_a_policy_says_only_what_differs_from_the_defaults():
    document = load(SMALL)
    assert document.nudges == Nudges()
    assert document.signposts == ()
    assert document.end_of_working_day == time(17)
    assert document.draft_reminder_working_days == 2
    assert document.urgency.may_start_at == "line_manager"
    assert document.steps[0].limit.start == "raised"
    assert not document.steps[0].limit.assumed
    assert document.steps[1].limit is None


def test_several_steps_may_share_a_stage():
    second = "\n".join(SMALL.splitlines()[16:22]).replace("number: 2", "number: 3") + "\n"
    text = SMALL.replace("number: 3", "number: 4").replace("  - number: 4", second + "  - number: 4")
    assert [step.stage for step in load(text).ladder] == ["practitioner", "line_manager", "line_manager", "lscb_mediation"]


@pytest.mark.parametrize("written", ["16:30", '"16:30"'])
def test_the_end_of_the_working_day_is_read_with_and_without_quotes(written):
    assert load(SMALL + f"end_of_working_day: {written}\n").end_of_working_day == time(16, 30)


def test_nudges_are_read():
    text = SMALL + "nudges: {before: [2, 1], at: false, after: [], chaser_days: 10}\n"
    assert load(text).nudges == Nudges(before=(2, 1), at=False, after=(), chaser_days=10)


def test_the_shipped_policy_hurries_nobody_less_by_starting_higher():
    assert DOCUMENT.urgency.shrink == Limit(1, "working_days", assumed=True)
    assert all(step.limit.amount >= DOCUMENT.urgency.shrink.amount for step in DOCUMENT.steps)
    assert DOCUMENT.within_one_agency
    assert DOCUMENT.or_before_disputed_act


def test_everything_a_partnership_can_set_is_read():
    document = load(FULL)
    assert document.steps[1].tier == "formal"
    assert document.steps[1].clocks == {
        "acknowledge": Limit(0, "at_once"),
        "answer": Limit(48, "hours", assumed=True),
        "meeting": Limit(5, "working_days", "limit_reached"),
        "confirm": Limit(2, "calendar_days", "meeting"),
        "step": Limit(3, "working_hours", "decision"),
    }
    assert document.final_body.role == "Mediates"
    assert document.urgency.may_start_at == ""
    assert document.urgency.shrink == Limit(4, "hours")
    assert document.urgency.needed_by
    assert document.urgency.standstill
    assert document.urgency.tracks == (
        Track("fast", "Fast track", Limit(24, "hours", "raised"), "everything", immediate_risk=True),
        Track("high", "High priority", Limit(1, "working_days", "previous_answer"), "step"),
    )
    assert document.tellings[-1] == Telling("meeting", "representative", step=2)
    assert document.spans == (
        Span((1, 2), Limit(5, "working_days", "raised"), "Before mediation"),
        Span((2, 3), Limit(10, "calendar_days", "step_begun", assumed=True)),
    )
    assert document.overall == Limit(20, "working_days", "raised")
    assert document.raise_within == Limit(2, "working_days", "decision")
    assert not document.or_before_disputed_act
    assert document.office_hours == OfficeHours(time(8, 30), time(16, 30))
    assert document.pauses == Pauses(("A court decides first", "The school is closed"), 8, 4)
    assert document.closing == Closing(("raising", "responding", "consulted"))
    assert document.retention == Retention(35, "Our schedule")
    assert not document.within_one_agency
    assert document.nudges == Nudges(
        manager_from="at", office_from="never", urgent=UrgentNudges((240, 60), at=False, after_minutes=(), chaser_minutes=1500)
    )


def test_what_is_not_said_has_a_careful_default():
    document = load(SMALL)
    assert document.spans == ()
    assert (document.overall, document.raise_within, document.pauses, document.retention) == (None, None, None, None)
    assert document.or_before_disputed_act
    assert document.within_one_agency
    assert document.closing.confirmed_by == ("raising", "responding")
    assert document.office_hours == OfficeHours(time(9), time(17))
    assert document.urgency.shrink is None
    assert (document.urgency.tracks, document.urgency.needed_by, document.urgency.standstill) == ((), False, False)


@pytest.mark.parametrize(("ends", "closes"), [("16:30", time(16, 30)), ("08:00", time(17))])
def test_the_offices_close_when_the_working_day_ends_unless_said_otherwise(ends, closes):
    assert load(SMALL + f"end_of_working_day: {ends}\n").office_hours == OfficeHours(time(9), closes)


def test_two_steps_between_practitioners_are_allowed():
    text = changed("stage: line_manager", "stage: practitioner", within=SMALL).replace("level: 1", "level: 0")
    assert [error.field for error in errors_in(text)] == ["steps", "urgency"]  # only that no line manager is left


# What stands in the small policy, what stands there instead, the field that the error names, words of its message.
# The error is on the line that was changed.
MISTAKES = [
    ("title: A short ladder", "title: 12", "title", "must be text"),
    ("title: A short ladder", "title: yes", "title", "must be text"),
    ("title: A short ladder", "title: ' '", "title", "must be text"),
    ("title: A short ladder", "title: [a]", "title", "must be text"),
    ("title: A short ladder", "title: !!str [a]", "title", "has the tag"),
    ("title: A short ladder", "title:", "title", "is missing"),
    ("title: A short ladder", "titel: A short ladder", "titel", "did you mean title?"),
    ("source: Our own", "source: Our own\nzzz: 1", "zzz", "is not a key that is known here"),
    ("source: Our own", "source: Our own\n[a, b]: 1", "?", "is not a key that is known here"),
    ("source: Our own", "source: Our own\nsource: Another", "source", "stands here twice"),
    ("word_for_step: level", "word_for_step: rung", "word_for_step", "must be one of step, stage, level"),
    ("calendar: england-and-wales", "calendar: mars", "calendar", "must be one of england-and-wales"),
    ("{title: Independent chair, short: Chair}", "The chair", "final_body", "must be a group of keys and values"),
    ("{title: Independent chair, short: Chair}", "{title: The chair}", "final_body.short", "is missing"),
    ("  - number: 2", "  - number: 3", "steps[2].number", "is 3, but this is step 2"),
    ("  - number: 2", "  - number: two", "steps[2].number", "must be a whole number from 1"),
    ("  - number: 2", "  - number: '2'", "steps[2].number", "without quotes"),
    ("  - number: 2", "  - number: 0", "steps[2].number", "must be a whole number from 1"),
    ("stage: line_manager", "stage: manager", "steps[2].stage", "must be one of practitioner, line_manager"),
    ("    level: 1", "    level: -1", "steps[2].level", "must be a whole number from 0"),
    ("    level: 2", "    level: 0", "steps[3].level", "seniority only rises"),
    ("      amount: 24", "      amount: 0", "steps[1].limit.amount", "must be a whole number from 1 to 1000"),
    ("      amount: 24", "      amount: 1001", "steps[1].limit.amount", "must be a whole number from 1 to 1000"),
    ("      amount: 24", "      amount: 1.5", "steps[1].limit.amount", "must be a whole number"),
    ("      unit: hours", "      unit: fortnights", "steps[1].limit.unit", "must be one of minutes, hours"),
    ("      start: raised", "      start: tomorrow", "steps[1].limit.start", "must be one of step_begun"),
    ("      start: raised", "      assumed: perhaps", "steps[1].limit.assumed", "must be true or false"),
    ("      start: raised", "      assumed: !!bool [a]", "steps[1].limit.assumed", "has the tag"),
    ("  - key: thresholds", "  - key: Thresholds!", "categories[1].key", "small letters"),
    ("    label: Thresholds", "    label: A\n  - {key: thresholds, label: B}", "categories[2].key", "stands above already"),
    ("concern_channels: [The front door]", "concern_channels: []", "concern_channels", "at least one"),
    ("concern_channels: [The front door]", "concern_channels: The front door", "concern_channels", "must be a list"),
    ("concern_channels: [The front door]", "concern_channels: [a, 7]", "concern_channels[2]", "must be text"),
    ("  leave_first: [Call 999]", "  leave_first: [999]", "urgency.leave_first[1]", "must be text"),
    ("  - event: raised", "  - event: rained", "tellings[1].event", "must be one of raised, step_begun"),
    ("    who: office", "    who: everybody", "tellings[1].who", "must be one of office, next_manager, chair"),
    ("    who: office", "    who: office\n    stage: up", "tellings[1].stage", "must be one of practitioner"),
    ("source: Our own", "source: a\nend_of_working_day: 25:00", "end_of_working_day", "such as 17:00"),
    ("source: Our own", "source: a\nend_of_working_day: [17]", "end_of_working_day", "such as 17:00"),
    ("source: Our own", "source: a\nend_of_working_day: 17:00+01:00", "end_of_working_day", "such as 17:00"),
    ("source: Our own", "source: a\ndraft_reminder_working_days: 0", "draft_reminder_working_days", "from 1 to 1000"),
    ("source: Our own", "source: a\nnudges: {before: 1}", "nudges.before", "must be a list"),
    ("source: Our own", "source: a\nnudges: {before: [one]}", "nudges.before[1]", "must be a whole number"),
    ("source: Our own", "source: a\nnudges: {at: 1}", "nudges.at", "must be true or false"),
    ("source: Our own", "source: a\nnudges: {after: [5]}", "nudges.chaser_days", "later than every other"),
    ("source: Our own", "source: a\nsignposts: [{key: a, question: b, source: c}]", "signposts[1].goes_to", "is missing"),
]


@pytest.mark.parametrize(("old", "new", "field", "words"), MISTAKES)
def test_each_mistake_names_its_line_and_its_field(old, new, field, words):
    wrong_line = line_of(SMALL, old) + new.count("\n")
    found = [error for error in errors_in(changed(old, new)) if error.field == field]
    assert [(error.line, words in error.message) for error in found] == [(wrong_line, True)]


# The same for the policy that says everything.
MISTAKES_IN_FULL = [
    ("acknowledge: {unit: at_once}", "acknowledge: {amount: 1, unit: at_once}", "steps[2].acknowledge.amount", "from 0 to 0"),
    ("acknowledge: {unit: at_once}", "acknowledge: {unit: hours}", "steps[2].acknowledge.amount", "is missing"),
    ("acknowledge: {unit: at_once}", "acknowledge: {amount: -3, unit: hours}", "steps[2].acknowledge.amount", "from 1 to 1000"),
    ("acknowledge: {unit: at_once}", "acknowledge: {amount: 99999999, unit: hours}", "steps[2].acknowledge.amount", "from 1 to 1000"),
    ("acknowledge: {unit: at_once}", "acknowledge: {amount: 1}", "steps[2].acknowledge.unit", "is missing"),
    ("acknowledge: {unit: at_once}", "acknowledge: {unit: at_once, start: raised}", "steps[2].acknowledge.start", "must be step_begun"),
    ("unit: hours, assumed: true}", "unit: hours, start: meeting}", "steps[2].answer.start", "must be step_begun"),
    ("tier: formal", "tier: solemn", "steps[2].tier", "must be one of informal, formal"),
    ("start: limit_reached}", "start: meeting}", "steps[2].meeting.start", "in a circle"),
    ("start: limit_reached}", "start: raised}", "steps[2].meeting.start", "must be previous_answer or limit_reached"),
    ("unit: calendar_days}", "unit: calendar_days, start: raised}", "steps[2].confirm.start", "must be meeting"),
    ("start: decision}", "start: limit_reached}", "steps[2].limit.start", "in a circle"),
    ("start: decision}", "start: meeting}", "steps[2].limit", "in a circle"),
    ('  may_start_at: ""', "  may_start_at: practitioner", "urgency.may_start_at", "must be one of line_manager"),
    ("shrink: {amount: 4", "shrink: {amount: 0", "urgency.shrink.amount", "from 1 to 1000"),
    ("needed_by: true", "needed_by: 1", "urgency.needed_by", "must be true or false"),
    ("{key: high,", "{key: fast,", "urgency.tracks[2].key", "stands above already"),
    ("covers: step", "covers: some", "urgency.tracks[2].covers", "must be one of step, everything"),
    ("start: previous_answer}}", "start: raised}}", "urgency.tracks[2].limit.start", "must be step_begun or previous_answer"),
    ("    step: 2", "    step: 4", "tellings[2].step", "the ladder has 3"),
    ("    step: 2", "    step: 2\n    stage: line_manager", "tellings[2].step", "the one or the other"),
    ("    step: 2", "    stage: up_the_line", "tellings[2].stage", "no step of the ladder belongs to it"),
    ("steps: [1, 2]", "steps: [1, 4]", "spans[1].steps", "the ladder has 3"),
    ("steps: [1, 2]", "steps: [1, 3]", "spans[1].steps", "must follow one another"),
    ("steps: [1, 2]", "steps: [2, 1]", "spans[1].steps", "must follow one another"),
    ("steps: [1, 2]", "steps: [0]", "spans[1].steps[1]", "from 1 to 1000"),
    ("steps: [1, 2]", "steps: []", "spans[1].steps", "at least one"),
    ("start: raised, name", "start: meeting, name", "spans[1].start", "must be step_begun or raised or decision"),
    ("overall: {amount: 20", "overall: {start: meeting, amount: 20", "overall.start", "must be raised or decision"),
    ("raise_within: {amount: 2", "raise_within: {start: raised, amount: 2", "raise_within.start", "must be decision"),
    ("or_before_disputed_act: false", "or_before_disputed_act: never", "or_before_disputed_act", "must be true or false"),
    ('to: "16:30"}', 'to: "08:30"}', "office_hours.to", "must be later than from"),
    ('to: "16:30"}', 'to: "16:30", until: "17:00"}', "office_hours.until", "is not a key that is known here"),
    ("longest_working_days: 8", "longest_working_days: 3", "pauses.watch_working_days", "later than the end of the longest pause"),
    ("reasons: [A court decides first, The school is closed]", "reasons: []", "pauses.reasons", "at least one"),
    ("[raising, responding, consulted]", "[raising, consulted]", "closing.confirmed_by", "both parties confirm"),
    ("[raising, responding, consulted]", "[raising, responding, chair]", "closing.confirmed_by", "may hold only"),
    ("[raising, responding, consulted]", "[raising, responding, raising]", "closing.confirmed_by", "twice"),
    ("years: 35", "years: 500", "retention.years", "from 1 to 150"),
    ("{years: 35, source: Our schedule}", "{years: 35}", "retention.source", "is missing"),
    ("manager_from: at", "manager_from: soon", "nudges.manager_from", "must be one of before, at, after, chaser, never"),
    ("chaser_minutes: 1500", "chaser_minutes: 99999", "nudges.urgent.chaser_minutes", "from 1 to 20160"),
    ("[240, 60]", "[60, 60]", "nudges.urgent.before_minutes", "twice"),
    ("after_minutes: []", "after_minutes: [1500]", "nudges.urgent.chaser_minutes", "later than every other"),
]


@pytest.mark.parametrize(("old", "new", "field", "words"), MISTAKES_IN_FULL)
def test_each_mistake_in_what_may_be_said_besides_names_its_line_and_its_field(old, new, field, words):
    errors = errors_in(changed(old, new, within=FULL))
    assert [(error.field, words in error.message) for error in errors] == [(field, True)]
    assert errors[0].line in range(line_of(FULL, old), line_of(FULL, old) + new.count("\n") + 1)


def test_a_meeting_that_waits_for_a_limit_that_there_is_not_is_refused():
    errors = errors_in(changed("    limit: {amount: 3, unit: working_hours, start: decision}\n", "", within=FULL))
    assert [(error.field, error.line) for error in errors] == [("steps[2].meeting", line_of(FULL, "meeting: {"))]


def test_a_confirmation_of_a_meeting_that_there_is_not_is_refused():
    errors = errors_in(changed("    meeting: {amount: 5, unit: working_days, start: limit_reached}\n", "", within=FULL))
    assert [error.field for error in errors] == ["steps[2].confirm"]


def test_a_limit_may_start_at_the_meeting_of_the_step_before_if_there_is_one():
    top = "    answered_by: the chair\n"
    with_limit = changed(top, top + "    limit: {amount: 1, unit: hours, start: meeting}\n", within=FULL)
    assert load(with_limit).steps[2].limit == Limit(1, "hours", "meeting")
    without = changed(top, top + "    limit: {amount: 1, unit: hours, start: meeting}\n")
    assert [error.field for error in errors_in(without)] == ["steps[3].limit"]


def test_what_was_formal_does_not_become_informal():
    text = changed("    answered_by: the chair\n", "    answered_by: the chair\n    tier: informal\n", within=FULL)
    assert [error.field for error in errors_in(text)] == ["steps[3].tier"]


def test_only_one_track_is_taken_at_immediate_risk():
    text = changed("covers: step", "covers: step, immediate_risk: true", within=FULL)
    assert [error.field for error in errors_in(text)] == ["urgency.tracks"]


BOMB = "a: &a [x, x]\n" + "".join(f"{new}: &{new} [*{old}, *{old}]\n" for old, new in pairwise("abcdefghijklmnopqrstuvwxyz"))


@pytest.mark.parametrize("text", [BOMB, "title: &t A\nsource: *t\n", SMALL.replace("title: A", "title: &x A")])
def test_references_are_refused_before_they_can_grow(text):
    (error,) = errors_in(text)
    assert error.line == 1
    assert "which repeats another part of the file" in error.message


def test_a_tag_is_named_where_it_stands_and_does_not_hide_other_mistakes():
    text = changed("      unit: hours", "      unit: !!python/name:os.system hours").replace("title: A short ladder", "title: 12")
    errors = errors_in(text)
    assert [(error.field, error.line) for error in errors] == [
        ("title", 1),
        ("steps[1].limit.unit", line_of(SMALL, "unit: hours")),
    ]
    assert "has the tag" in errors[1].message


def test_a_file_that_is_too_large_is_refused_without_being_read(tmp_path):
    large = tmp_path / "large.yaml"
    large.write_bytes(b"title: x\n" + b"#" * 10_000_000)
    with pytest.raises(PolicyErrors) as refused:
        load_file(large)
    assert [str(error) for error in refused.value.errors] == ["line 1: is larger than 256 KB: a policy is a few pages"]
    assert errors_in("é" * 140_000) == refused.value.errors


def test_a_file_that_is_no_text_is_refused_on_its_line(tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_bytes(b"title: a\nsource: \xff\n")
    with pytest.raises(PolicyErrors, match="line 2: is not text in UTF-8"):
        load_file(file)


def test_a_shipped_file_is_read_from_its_path():
    assert load_file(POLICIES / "chapter-23.yaml") == DOCUMENT


def test_what_is_wrong_a_thousand_times_is_told_a_hundred_times():
    errors = errors_in(SMALL + "".join(f"unknown{n}: 1\n" for n in range(1000)))
    assert len(errors) == 101
    assert "more mistakes" in errors[-1].message


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('"\\0"', "cannot be shown"),
        ('"a\\u202eb"', "cannot be shown"),
        ('"a\\uD800"', "cannot be shown"),
        ('"\\UFFFFFFFF"', "does not exist"),
        ("x" * 2000, "is longer than"),
    ],
)
def test_text_that_no_page_or_database_takes_is_refused(value, words):
    (error,) = errors_in(changed("title: A short ladder", f"title: {value}"))
    assert error.line == 1
    assert words in error.message


def test_a_ladder_is_no_staircase():
    steps = "".join(f"  - {{number: {n}, stage: practitioner, level: 0, name: a, raised_by: b, answered_by: c}}\n" for n in range(1, 30))
    text = SMALL.replace("steps:\n", "steps:\n" + steps)
    assert any("no ladder has more than 20" in error.message for error in errors_in(text))


def test_one_mistake_makes_one_error():
    assert len(errors_in(changed("      unit: hours", "      unit: fortnights"))) == 1
    assert len(errors_in(changed("stage: practitioner", "stage: nobody"))) == 1
    assert len(errors_in(changed("  - number: 2", "  - number: two"))) == 1


def test_a_ladder_that_goes_down_is_refused_on_the_step_that_does():
    text = changed("stage: practitioner", "stage: up_the_line")
    error = next(error for error in errors_in(text) if error.field == "steps[2].stage")
    assert error.line == line_of(text, "stage: line_manager")
    assert "comes before up_the_line" in error.message


def test_nothing_follows_mediation():
    text = changed("stage: line_manager", "stage: lscb_mediation")
    errors = errors_in(text)
    assert [(error.line, error.field) for error in errors if "one step and the last" in error.message] == [
        (line_of(SMALL, "stage: lscb_mediation"), "steps[3].stage")
    ]


@pytest.mark.parametrize("stage", ["practitioner", "line_manager", "lscb_mediation"])
def test_every_ladder_has_the_stages_that_the_chapter_fixes(stage):
    text = changed(f"stage: {stage}", "stage: up_the_line")
    assert any(error.field == "steps" and f"none at the stage {stage}" in error.message for error in errors_in(text))


def test_the_first_step_cannot_wait_for_a_previous_answer():
    text = changed("start: raised", "start: previous_answer")
    assert [(error.line, error.field) for error in errors_in(text)] == [(line_of(SMALL, "amount: 24"), "steps[1].limit")]


def test_urgency_starts_only_at_a_stage_that_the_ladder_has():
    text = changed("  leave_first: [Call 999]", "  leave_first: [Call 999]\n  may_start_at: up_the_line")
    assert [error.field for error in errors_in(text)] == ["urgency"]


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines():
    text = changed("title: A short ladder", "title: 12").replace("unit: hours", "unit: moons").replace("who: office", "who: all")
    errors = errors_in(text)
    assert [error.field for error in errors] == ["title", "steps[1].limit.unit", "tellings[1].who"]
    assert errors == sorted(errors)


def test_an_error_reads_as_one_line():
    assert str(PolicyError(3, "steps[2].stage", "is wrong")) == "line 3, steps[2].stage: is wrong"
    assert str(PolicyError(3, "", "is empty")) == "line 3: is empty"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "is empty"),
        ("# nothing\n", 1, "is empty"),
        ("a: 1\nb: [\n", 3, "is not YAML"),
        ("a: 1\n\tb: 2\n", 2, "is not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "is not YAML: begins a second document"),
        ("a: 1\n\tb: 2\n", 2, "is not YAML: begins with a tab"),
        ("a: 'x\nb: 2\n", 3, "is not YAML: a quote is opened and not closed"),
        ("a: b: c\n", 1, "is not YAML: has a colon too many"),
        ("a: *b\n", 1, "uses the reference b"),
        ("a: 1\nb: \x00\n", 2, "character"),
        ("[" * 3_000, 1, "nested too deeply"),
        ("- a\n" * 20_000, 10_000, "more than 10,000 keys and values"),
        ("- a\n", 1, "must be a group of keys and values"),
    ],
)
def test_text_that_is_no_policy_is_refused_on_its_line(text, line, words):
    assert any(error.line == line and words in error.message for error in errors_in(text))


def test_nothing_in_a_policy_is_executed():
    assert errors_in(changed("title: A short ladder", "title: !!python/object/apply:os.getcwd []"))[0].field == "title"


HAVE_DEFAULTS = {
    *("nudges", "end_of_working_day", "draft_reminder_working_days"),
    *("within_one_agency", "or_before_disputed_act", "closing"),
}


@pytest.mark.parametrize("key", yaml.safe_load(CHAPTER))
def test_a_shipped_key_that_is_left_out_has_a_default_or_is_missed(key):
    keys = yaml.safe_load(CHAPTER)
    del keys[key]
    text = yaml.safe_dump(keys, allow_unicode=True)
    if key in {"signposts", "tellings"}:
        assert load(text) == replace(DOCUMENT, **{key: ()})
    elif key in HAVE_DEFAULTS:
        assert load(text) == DOCUMENT
    else:
        assert [(error.field, error.message) for error in errors_in(text)] == [(key, "is missing")]


@settings(deadline=None)  # reading a policy takes a moment on a busy machine
@given(st.text(max_size=80), st.integers(0, len(CHAPTER)), st.integers(0, 80))
def test_whatever_is_typed_into_a_policy_it_is_read_or_refused_on_a_line_of_it(typed, at, cut):
    text = CHAPTER[:at] + typed + CHAPTER[at + cut :]
    last_line = len(f"{text}\n ".splitlines())  # with the empty one after the last, where YAML says that something is not closed
    assert all(1 <= error.line <= last_line and error.message for error in errors_of(text))


ANYTHING = st.text() | st.text(alphabet="ab:-[]{}&*!|>#'\"%@`,? \n\t\\0159eE.~<=", max_size=200)


@settings(deadline=None, max_examples=300)
@given(ANYTHING)
def test_whatever_the_text_it_is_read_or_refused(text):
    assert all(error.message for error in errors_of(text))


@settings(deadline=None, max_examples=300)
@given(st.sampled_from([*SHIPPED, FULL]), st.data())
def test_whatever_happens_to_the_lines_of_a_policy_it_is_read_or_refused(text, data):
    lines = text.splitlines()
    positions = st.integers(0, len(lines) - 1)
    for _ in range(data.draw(st.integers(1, 4))):
        match data.draw(st.sampled_from(["drop", "twice", "swap", "value", "indent"])):
            case "drop":
                lines[data.draw(positions)] = ""
            case "twice":
                lines.insert(data.draw(positions), lines[data.draw(positions)])
            case "swap":
                one, other = data.draw(positions), data.draw(positions)
                lines[one], lines[other] = lines[other], lines[one]
            case "value":
                position = data.draw(positions)
                lines[position] = lines[position].split(":")[0] + ": " + data.draw(VALUES)
            case "indent":
                lines[data.draw(positions)] = "  " + lines[data.draw(positions)]
    assert all(error.line >= 1 and error.message for error in errors_of("\n".join(lines)))


STRANGE = """
null -1 0 1e9 [] {} [[[]]] ' " *a &a !!int 2020-01-01 17:00 yes | ? <<:
"""
VALUES = st.sampled_from(STRANGE.split()) | st.text(max_size=20)


def errors_of(text: str) -> list[PolicyError]:
    try:
        load(text)
    except PolicyErrors as refused:
        return refused.errors
    return []
