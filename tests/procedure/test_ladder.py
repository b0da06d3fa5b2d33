"""The ladder says which step is next, also where several steps share a stage."""

from pathlib import Path

import pytest

import procedure
from procedure.ladder import STAGES, Ladder, Limit, NoSuchStep, Step
from procedure.policy import load

CHAPTER = (Path(procedure.__file__).parent / "policies" / "chapter-23.yaml").read_text(encoding="utf-8")


def ladder_of(*stages: str) -> Ladder:
    return Ladder(Step(n, stage, stage, "somebody", "another", n - 1) for n, stage in enumerate(stages, start=1))


FOUR = ladder_of(*STAGES)
SIX = ladder_of("practitioner", "practitioner", "line_manager", "up_the_line", "up_the_line", "lscb_mediation")
THREE = ladder_of("practitioner", "line_manager", "lscb_mediation")


def test_the_shipped_ladder_has_one_step_for_each_stage():
    assert [step.stage for step in load(CHAPTER).ladder] == list(STAGES)


@pytest.mark.parametrize("ladder", [THREE, FOUR, SIX])
def test_climbing_from_the_first_step_meets_every_step_once(ladder):
    climbed = [ladder.step(1)]
    while above := ladder.next_after(climbed[-1].number):
        climbed.append(above)
    assert climbed == list(ladder)
    assert len(ladder) == len(climbed)


@pytest.mark.parametrize("ladder", [THREE, FOUR, SIX])
def test_the_first_step_of_a_stage_belongs_to_it_and_the_one_below_does_not(ladder):
    for stage in {step.stage for step in ladder}:
        first = ladder.first_step_of(stage)
        assert ladder.stage_of(first) == stage
        assert first == 1 or ladder.stage_of(first - 1) != stage


@pytest.mark.parametrize(("ladder", "last"), [(THREE, 2), (FOUR, 3), (SIX, 5)])
def test_the_last_step_before_mediation(ladder, last):
    assert ladder.last_step_before_mediation() == last
    assert ladder.next_after(last).stage == "lscb_mediation"


@pytest.mark.parametrize(
    ("ladder", "answers"),
    [(THREE, [True, False, False]), (FOUR, [True, True, False, False]), (SIX, [True, True, True, True, False, False])],
)
def test_managers_stand_somewhere_above_a_step_or_not(ladder, answers):
    assert [ladder.has_higher_manager_step(step.number) for step in ladder] == answers


@pytest.mark.parametrize("n", [-1, 0, 5])
@pytest.mark.parametrize("question", ["step", "stage_of", "next_after", "has_higher_manager_step"])
def test_a_step_that_is_not_on_the_ladder_is_refused(question, n):
    with pytest.raises(NoSuchStep, match=f"not a step {n}"):
        getattr(FOUR, question)(n)


def test_a_stage_without_a_step_is_refused():
    with pytest.raises(NoSuchStep, match="up_the_line"):
        THREE.first_step_of("up_the_line")


def test_a_ladder_of_mediation_alone_has_no_step_before_it():
    with pytest.raises(NoSuchStep, match="before mediation"):
        ladder_of("lscb_mediation").last_step_before_mediation()


def test_a_step_names_its_clocks_by_what_they_are_about():
    day = Limit(1, "working_days")
    step = Step(1, "practitioner", "Talk", "one", "another", 0, day, "informal", answer=day, meeting=Limit(2, "hours", "previous_answer"))
    assert list(step.clocks) == ["answer", "meeting", "step"]
    assert step.clocks["meeting"].start == "previous_answer"
    assert step.clocks["step"] is day


def test_a_step_without_limits_has_no_clocks():
    assert FOUR.step(1).clocks == {}


def test_two_steps_between_practitioners_are_climbed_one_by_one():
    assert SIX.next_after(1).stage == "practitioner"
    assert SIX.first_step_of("practitioner") == 1
