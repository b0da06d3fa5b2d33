"""A policy is read whole or refused with every mistake named by its line and field."""

from dataclasses import FrozenInstanceError, replace
from datetime import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import procedure
from procedure.policy import Nudges, PolicyError, PolicyErrors, Telling, load

CHAPTER = (Path(procedure.__file__).parent / "policies" / "chapter-23.yaml").read_text(encoding="utf-8")
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


def errors_in(text: str) -> list[PolicyError]:
    with pytest.raises(PolicyErrors) as refused:
        load(text)
    return refused.value.errors


def changed(old: str, new: str, times: int = 1) -> str:
    assert old in SMALL
    return SMALL.replace(old, new, times)


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
        ("a: 1\n---\nb: 2\n", 2, "is not YAML"),
        ("a: *b\n", 1, "uses the reference b"),
        ("a: 1\nb: \x00\n", 2, "character"),
        ("[" * 3_000, 1, "nested too deeply"),
        ("- a\n", 1, "must be a group of keys and values"),
    ],
)
def test_text_that_is_no_policy_is_refused_on_its_line(text, line, words):
    assert any(error.line == line and words in error.message for error in errors_in(text))


def test_nothing_in_a_policy_is_executed():
    assert errors_in(changed("title: A short ladder", "title: !!python/object/apply:os.getcwd []"))[0].field == "title"


@pytest.mark.parametrize("key", yaml.safe_load(CHAPTER))
def test_a_shipped_key_that_is_left_out_has_a_default_or_is_missed(key):
    keys = yaml.safe_load(CHAPTER)
    del keys[key]
    text = yaml.safe_dump(keys, allow_unicode=True)
    if key in {"signposts", "tellings"}:
        assert load(text) == replace(DOCUMENT, **{key: ()})
    elif key in {"nudges", "end_of_working_day", "draft_reminder_working_days"}:
        assert load(text) == DOCUMENT
    else:
        assert [(error.field, error.message) for error in errors_in(text)] == [(key, "is missing")]


@settings(deadline=None)  # reading a policy takes a moment on a busy machine
@given(st.text(max_size=80), st.integers(0, len(CHAPTER)), st.integers(0, 80))
def test_whatever_is_typed_into_a_policy_it_is_read_or_refused_on_a_line_of_it(typed, at, cut):
    text = CHAPTER[:at] + typed + CHAPTER[at + cut :]
    last_line = len(f"{text}\n ".splitlines())  # with the empty one after the last, where YAML says that something is not closed
    assert all(1 <= error.line <= last_line and error.message for error in errors_of(text))


def errors_of(text: str) -> list[PolicyError]:
    try:
        load(text)
    except PolicyErrors as refused:
        return refused.errors
    return []
