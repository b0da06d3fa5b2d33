"""A policy is drawn whole: whatever it says can be read, and whatever a new one changes is named."""

from dataclasses import fields, is_dataclass, replace
from datetime import time
from pathlib import Path

import pytest

import procedure
from procedure import drawing
from procedure.drawing import Change
from procedure.ladder import Limit, Span
from procedure.policy import Document, OfficeHours, Pauses, Retention, Telling, Track, load_file

POLICIES = Path(procedure.__file__).parent / "policies"
CHAPTER, CROYDON, LINCOLNSHIRE = (load_file(POLICIES / f"{name}.yaml") for name in ("chapter-23", "croydon", "lincolnshire"))

DAY = Limit(1, "working_days")
RICH = replace(
    CHAPTER,
    steps=(replace(CHAPTER.steps[0], tier="informal", acknowledge=DAY, answer=DAY, meeting=DAY, confirm=DAY), *CHAPTER.steps[1:]),
    urgency=replace(CHAPTER.urgency, tracks=(Track("fast", "Fast track", Limit(24, "hours", "raised")),)),
    spans=(Span((1, 2, 3), DAY, "Before mediation"),),
    overall=Limit(20, "working_days", "raised"),
    raise_within=Limit(2, "working_days", "decision"),
    pauses=Pauses(("A court decides first",)),
    retention=Retention(35, "Our schedule"),
    tellings=(*CHAPTER.tellings, Telling("raised", "office", step=2)),
)

# Instead of a value that stands in a policy, another of its kind.
OTHERS = {
    "unit": "hours",
    "start": "decision",
    "stage": "up_the_line",
    "calendar": "scotland",
    "word_for_step": "level",
    "event": "meeting",
    "who": "representative",
    "tier": "formal",
    "covers": "step",
    "manager_from": "before",
    "office_from": "never",
    "may_start_at": "",
    "confirmed_by": ("raising", "responding", "consulted"),
}


def variants(value, name=""):
    """Every way to change one thing in a value: each field of each dataclass, each entry of each list."""
    if is_dataclass(value):
        for one in (one for one in fields(value) if one.name != "number"):  # the number of a step is its place in the list
            for other in variants(getattr(value, one.name), one.name):
                yield replace(value, **{one.name: other})
    elif name in OTHERS:
        yield OTHERS[name]
    elif isinstance(value, tuple) and name == "steps" and isinstance(value[0], int):
        yield value[:-1]
    elif isinstance(value, tuple):
        for position, entry in enumerate(value):
            for other in variants(entry):
                yield (*value[:position], other, *value[position + 1 :])
        yield value[1:]
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
    elif isinstance(value, time):
        yield time(7, 15)
    elif isinstance(value, str):
        yield f"{value} indeed"
    elif value is None and name in {"shrink", "limit", "acknowledge", "answer", "meeting", "confirm"}:
        yield DAY


CHANGED = [changed for changed in variants(RICH) if changed != RICH]


def test_there_are_variants_of_every_field():
    varied = {one.name for one in fields(Document) for changed in CHANGED if getattr(changed, one.name) != getattr(RICH, one.name)}
    assert varied == {one.name for one in fields(Document)}


@pytest.mark.parametrize("changed", CHANGED, ids=range(len(CHANGED)))
def test_whatever_changes_is_named(changed):
    changes = drawing.compare(RICH, changed)
    assert changes
    assert all(change.before != change.after for change in changes)


@pytest.mark.parametrize("policy", [CHAPTER, CROYDON, LINCOLNSHIRE, RICH])
def test_nothing_has_changed_between_a_policy_and_itself(policy):
    assert drawing.compare(policy, policy) == []


@pytest.mark.parametrize("policy", [CHAPTER, CROYDON, LINCOLNSHIRE, RICH])
def test_no_heading_comes_twice(policy):
    headings = [what for what, _ in drawing.statements(policy)]
    assert len(headings) == len(set(headings))


def test_a_change_reads_as_plain_english():
    new = replace(CHAPTER, steps=(replace(CHAPTER.steps[0], limit=Limit(3, "working_days", "raised")), *CHAPTER.steps[1:]))
    assert drawing.compare(CHAPTER, new) == [
        Change(
            "Stage 1, settle",
            "Settle within 2 working days from when the stage begins (assumed, check with your partnership)",
            "Settle within 3 working days from when it was raised",
        )
    ]


def test_another_word_for_a_step_is_one_change():
    assert [change.what for change in drawing.compare(CHAPTER, replace(CHAPTER, word_for_step="level"))] == ["Word for a step"]


def test_a_step_that_goes_away_is_told_in_its_place():
    gone = [change for change in drawing.compare(CROYDON, CHAPTER) if change.what.startswith("Stage 5")]
    assert gone[0] == Change("Stage 5", "Formal, by the partnership", "")
    assert all(change.after == "" for change in gone)


def test_the_rows_are_the_steps_with_their_clocks_in_words():
    first, second, _, last = drawing.rows(LINCOLNSHIRE)
    assert first.clocks == ("Acknowledge at once when the step begins", "Settle within 2 working days from when it was raised")
    assert second.clocks == ("Settle within 5 working days from the answer of the step before",)
    assert (last.number, last.stage, last.clocks, last.assumed) == (4, "Mediation", (), False)
    assert drawing.rows(CHAPTER)[0].assumed
    assert [row.tier for row in drawing.rows(CROYDON)] == ["Informal", "Informal", "Formal", "Formal", "Formal"]
    assert drawing.rows(CHAPTER)[2].tellings == (
        "When a limit is reached at the stage up the line, the office of the partnership is told.",
    )


def test_a_ladder_without_clocks_says_so():
    assert drawing.table(CROYDON).count("No clock") == 5


@pytest.mark.parametrize("policy", [CHAPTER, CROYDON, LINCOLNSHIRE, RICH])
def test_what_is_shown_fits_a_terminal_and_names_every_step_twice(policy):
    shown = drawing.show(policy)
    lines = [line for line in shown.splitlines() if "http" not in line]
    assert max(map(len, lines)) <= 110
    for step in policy.steps:
        assert f"| {step.number}  {step.name}" in shown


def test_what_runs_across_the_steps_is_drawn_below_them():
    assert drawing.other_clocks(RICH) == (
        "Raise it within 2 working days from the decision complained of",
        "Before mediation: Stages 1 to 3 together within 1 working day from when the first of them begins",
        "The whole procedure within 20 working days from when it was raised",
        "Fast track: everything within 24 hours from when it was raised",
    )
    assert "Across the stages:" in drawing.diagram(RICH)


def test_office_hours_are_said():
    assert ("Office hours", "08:30 to 16:00") in drawing.statements(replace(CHAPTER, office_hours=OfficeHours(time(8, 30), time(16))))
