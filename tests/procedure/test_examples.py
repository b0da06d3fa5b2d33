"""The policies shipped as examples say what was read of the real ones, where it was read, and mark what is assumed."""

from pathlib import Path

import pytest

import procedure
from procedure.ladder import LINE_MANAGER, LSCB_MEDIATION, PRACTITIONER, UP_THE_LINE, Limit
from procedure.policy import load, load_file

POLICIES = Path(procedure.__file__).parent / "policies"
EXAMPLES = {file.stem: load_file(file) for file in sorted(POLICIES.glob("*.yaml"))}

STAGES = {
    "chapter-23": [PRACTITIONER, LINE_MANAGER, UP_THE_LINE, LSCB_MEDIATION],
    "lincolnshire": [PRACTITIONER, LINE_MANAGER, UP_THE_LINE, LSCB_MEDIATION],
    "london-2021": [PRACTITIONER, LINE_MANAGER, UP_THE_LINE, LSCB_MEDIATION],
    "croydon": [PRACTITIONER, LINE_MANAGER, UP_THE_LINE, UP_THE_LINE, LSCB_MEDIATION],
}

CLOCKS = {
    "chapter-23": [
        {"step": Limit(2, "working_days", assumed=True)},
        {"step": Limit(5, "working_days", assumed=True)},
        {"step": Limit(5, "working_days", assumed=True)},
        {"step": Limit(10, "working_days", assumed=True)},
    ],
    "lincolnshire": [
        {"acknowledge": Limit(0, "at_once"), "step": Limit(2, "working_days", "raised")},
        {"step": Limit(5, "working_days", "previous_answer")},
        {"step": Limit(2, "working_days", "step_begun")},
        {},
    ],
    "london-2021": [{"step": Limit(5, "working_days", "raised")}, {}, {}, {}],
    "croydon": [{}, {}, {}, {}, {}],
}

SOURCES = {
    "chapter-23": "Chapter 23, paragraphs 23.1 to 23.20",
    "lincolnshire": "Lincolnshire Safeguarding Children Partnership and Safeguarding Adults Board",
    "london-2021": "PA4 Resolving professional differences, September 2021",
    "croydon": "Croydon Safeguarding Children Partnership, Escalation and Resolution Policy",
}


def test_there_are_no_other_examples():
    assert set(EXAMPLES) == set(STAGES)


@pytest.mark.parametrize("name", STAGES)
def test_an_example_has_its_ladder(name):
    assert [step.stage for step in EXAMPLES[name].ladder] == STAGES[name]


@pytest.mark.parametrize("name", STAGES)
def test_an_example_has_the_clocks_that_were_read_and_no_others(name):
    assert [step.clocks for step in EXAMPLES[name].ladder] == CLOCKS[name]
    assert (EXAMPLES[name].spans, EXAMPLES[name].overall, EXAMPLES[name].raise_within) == ((), None, None)


@pytest.mark.parametrize("name", STAGES)
def test_an_example_names_its_source(name):
    assert SOURCES[name] in EXAMPLES[name].source


@pytest.mark.parametrize("name", STAGES)
def test_an_example_says_what_it_assumes(name):
    assert "assumed" in (POLICIES / f"{name}.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", STAGES)
def test_an_example_can_go_to_mediation_and_has_somewhere_to_turn(name):
    document = EXAMPLES[name]
    assert document.ladder.stage_of(len(document.ladder)) == LSCB_MEDIATION
    assert document.final_body.title
    assert document.concern_channels
    assert not [one for one in document.concern_channels if "my " in one.casefold()]  # others read it beside whoever chose it
    assert "999" in document.urgency.leave_first[0]
    assert document.urgency.may_start_at == LINE_MANAGER


def test_croydon_has_two_informal_steps_and_three_formal_ones():
    assert [step.tier for step in EXAMPLES["croydon"].ladder] == ["informal", "informal", "formal", "formal", "formal"]


def test_croydon_sends_elsewhere_what_its_policy_excludes():
    assert [signpost.key for signpost in EXAMPLES["croydon"].signposts] == ["one_agency", "complaint", "partnership_decision"]
    assert not EXAMPLES["croydon"].within_one_agency


def test_lincolnshire_calls_a_rung_a_step_and_lets_a_disputed_discharge_wait():
    lincolnshire = EXAMPLES["lincolnshire"]
    assert lincolnshire.word_for_step == "step"
    assert lincolnshire.urgency.standstill
    assert lincolnshire.urgency.needed_by
    assert lincolnshire.or_before_disputed_act
    assert not lincolnshire.within_one_agency


def test_london_lets_the_raiser_say_by_when_the_child_needs_it():
    london = EXAMPLES["london-2021"]
    assert london.urgency.needed_by
    assert london.or_before_disputed_act
    assert london.steps[1].answered_by.startswith("the opposite number, such as a detective sergeant")


@pytest.mark.parametrize("name", STAGES)
def test_an_example_reads_the_same_with_the_line_ends_of_windows(name):
    text = (POLICIES / f"{name}.yaml").read_text(encoding="utf-8")
    assert load(text.replace("\n", "\r\n")) == EXAMPLES[name]
