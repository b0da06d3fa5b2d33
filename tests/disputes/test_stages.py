"""The specification: which moves are open to whom, where a disagreement stands. What is not in the table is forbidden, and refused."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.acting import acting_as
from disputes.disagreement import allowed_moves
from disputes.models import AllowedMove, Disagreement
from disputes.seats import Standing
from disputes.stages import ENDS, OPEN, Stage
from escalation import moves, tasks
from escalation.moves import Given, MoveRefused
from tests import factories
from tests.factories import World

# ── the people ──────────────────────────────────────────────────────────────────────────────────────────────────────
# Raising side:    aisha raised it · zoe supports her · grace manages (step 2) · ian is senior (step 3)
# Responding side: sam answers · mona manages (step 2) · hal is senior (step 3)
# The partnership: chair · deputy (seated only for the Chair) · office · auditor. nell, a stranger to it, works in a third agency.
# relief stands in for grace.

PEOPLE = ("aisha", "zoe", "grace", "relief", "ian", "sam", "mona", "hal", "chair", "deputy", "office", "auditor", "nell")

# ── the states ──────────────────────────────────────────────────────────────────────────────────────────────────────


def raised(w: World, **facts: Any) -> Disagreement:
    return factories.raised(w, supporters=[str(w.posts["zoe"].pk)], **facts)


def identity_asked(w: World) -> Disagreement:
    d = raised(w)
    factories.move(d, "cannot_tell_which_child", w.sam)
    return d


def answer_awaited(w: World) -> Disagreement:
    d = raised(w)
    factories.move(d, "match_child", w.sam)
    return d


def answered(w: World) -> Disagreement:
    d = answer_awaited(w)
    factories.move(d, "answer", w.sam)
    return d


def outcome_proposed(w: World) -> Disagreement:
    d = answered(w)
    factories.agreed(d, w.sam)
    return d


def with_line_managers(w: World) -> Disagreement:
    d = answered(w)
    factories.move(d, "refer_to_line_manager", w.aisha)
    return d


def line_manager_answered(w: World) -> Disagreement:
    d = with_line_managers(w)
    factories.move(d, "answer", w.mona)
    return d


def up_the_line(w: World) -> Disagreement:
    d = line_manager_answered(w)
    factories.move(d, "pass_up_the_line", w.grace)
    return d


def up_the_line_answered(w: World) -> Disagreement:
    d = up_the_line(w)
    factories.move(d, "answer", w.hal)
    return d


def chair_asked(w: World) -> Disagreement:
    d = up_the_line(w)
    factories.move(d, "answer", w.hal)
    factories.move(d, "ask_the_chair", w.ian)
    return d


def chair_accepted(w: World) -> Disagreement:
    d = chair_asked(w)
    factories.move(d, "accept_mediation", w.chair)
    return d


def mediated(w: World) -> Disagreement:
    d = chair_accepted(w)
    factories.move(d, "record_mediation", w.chair)
    return d


def declined(w: World) -> Disagreement:
    d = chair_asked(w)
    factories.move(d, "decline_mediation", w.chair)
    return d


def resolved(w: World) -> Disagreement:
    d = outcome_proposed(w)
    factories.move(d, "confirm_outcome", w.aisha)
    return d


def closed(w: World) -> Disagreement:
    d = mediated(w)
    factories.move(d, "close_without_agreement", w.chair)
    return d


def withdrawn(w: World) -> Disagreement:
    d = answered(w)
    factories.move(d, "withdraw", w.aisha)
    return d


def redirected(w: World) -> Disagreement:
    d = answered(w)
    factories.move(d, "redirect", w.aisha)
    return d


def at_immediate_risk(w: World) -> Disagreement:
    d = raised(w)
    factories.move(d, "say_child_at_immediate_risk", w.zoe)
    return d


def silent(w: World) -> Disagreement:
    """The last chaser went unanswered; set by hand here, by the clock in tests/escalation/test_tasks.py."""
    return raised(w)


STATES: dict[str, Callable[[World], Disagreement]] = {
    "just raised": raised,
    "identity asked": identity_asked,
    "answer awaited": answer_awaited,
    "answered": answered,
    "outcome proposed by the responding side": outcome_proposed,
    "line manager awaits an answer": with_line_managers,
    "line manager answered": line_manager_answered,
    "up the line": up_the_line,
    "up the line answered": up_the_line_answered,
    "chair asked": chair_asked,
    "chair accepted": chair_accepted,
    "mediation held": mediated,
    "chair declined": declined,
    "resolved": resolved,
    "closed": closed,
    "withdrawn": withdrawn,
    "redirected": redirected,
    "at immediate risk": at_immediate_risk,
    "silent after the last chaser": silent,
}

# ── the table ───────────────────────────────────────────────────────────────────────────────────────────────────────
# Words used again and again; everything else is written out.

NOTES = "add_note correct_entry exclude"
SIDE_NOTES = f"invite record_discussion hold_meeting bring_in_support name_disputed_act {NOTES}"
RISK = "say_child_at_immediate_risk"
ENDING = "withdraw redirect"
AFTER = f"answer_closing_questions ask_for_debrief {NOTES}"

TABLE: dict[str, dict[str, str]] = {
    "just raised": {
        "aisha": f"let_write {RISK} {ENDING} {SIDE_NOTES}",
        "zoe": f"co_sign {RISK} {SIDE_NOTES}",
        "sam": f"let_write match_child cannot_tell_which_child pass_on {RISK} {SIDE_NOTES}",
    },
    "identity asked": {
        "aisha": f"let_write say_which_child {RISK} {ENDING} {SIDE_NOTES}",
        "zoe": f"co_sign say_which_child {RISK} {SIDE_NOTES}",
        "sam": f"let_write match_child {RISK} {SIDE_NOTES}",
    },
    "answer awaited": {
        "aisha": f"let_write propose_outcome agree_to_differ {RISK} {ENDING} {SIDE_NOTES}",
        "zoe": f"co_sign {RISK} {SIDE_NOTES}",
        "sam": f"let_write pass_on answer propose_outcome agree_to_differ {RISK} {SIDE_NOTES}",
    },
    "answered": {
        "aisha": f"let_write propose_outcome refer_to_line_manager agree_to_differ {RISK} {ENDING} {SIDE_NOTES}",
        "zoe": f"co_sign {RISK} {SIDE_NOTES}",
        "sam": f"let_write propose_outcome agree_to_differ {RISK} {SIDE_NOTES}",
    },
    "outcome proposed by the responding side": {
        "aisha": f"let_write propose_outcome confirm_outcome decline_outcome refer_to_line_manager agree_to_differ"
        f" {RISK} {ENDING} {SIDE_NOTES}",
        "zoe": f"co_sign {RISK} {SIDE_NOTES}",
        "sam": f"let_write propose_outcome agree_to_differ {RISK} {SIDE_NOTES}",
    },
    "line manager awaits an answer": {
        "aisha": f"{RISK} {ENDING} {SIDE_NOTES}",
        "zoe": f"co_sign {RISK} {SIDE_NOTES}",
        "grace": f"let_write propose_outcome change_opposite_number agree_to_differ {RISK} {ENDING} {SIDE_NOTES}",
        "sam": f"{RISK} {SIDE_NOTES}",
        "mona": f"let_write answer propose_outcome change_opposite_number agree_to_differ {RISK} {SIDE_NOTES}",
    },
    "line manager answered": {
        "aisha": f"{RISK} {ENDING} {SIDE_NOTES}",
        "zoe": f"co_sign {RISK} {SIDE_NOTES}",
        "grace": f"let_write propose_outcome pass_up_the_line change_opposite_number agree_to_differ {RISK} {ENDING} {SIDE_NOTES}",
        "sam": f"{RISK} {SIDE_NOTES}",
        "mona": f"let_write propose_outcome change_opposite_number agree_to_differ {RISK} {SIDE_NOTES}",
    },
    "up the line": {
        "aisha": f"{RISK} {ENDING} {SIDE_NOTES}",
        "zoe": f"co_sign {RISK} {SIDE_NOTES}",
        "grace": f"{RISK} {ENDING} {SIDE_NOTES}",
        "ian": f"let_write propose_outcome change_opposite_number agree_to_differ {RISK} {ENDING} {SIDE_NOTES}",
        "sam": f"{RISK} {SIDE_NOTES}",
        "mona": f"{RISK} {SIDE_NOTES}",
        "hal": f"let_write answer propose_outcome change_opposite_number agree_to_differ {RISK} {SIDE_NOTES}",
    },
    "up the line answered": {
        "aisha": f"{RISK} {ENDING} {SIDE_NOTES}",
        "zoe": f"co_sign {RISK} {SIDE_NOTES}",
        "grace": f"{RISK} {ENDING} {SIDE_NOTES}",
        "ian": f"let_write propose_outcome ask_the_chair change_opposite_number agree_to_differ {RISK} {ENDING} {SIDE_NOTES}",
        "sam": f"{RISK} {SIDE_NOTES}",
        "mona": f"{RISK} {SIDE_NOTES}",
        "hal": f"let_write propose_outcome ask_the_chair change_opposite_number agree_to_differ {RISK} {SIDE_NOTES}",
    },
    "chair asked": {
        "aisha": f"{RISK} {ENDING} {SIDE_NOTES}",
        "zoe": f"co_sign {RISK} {SIDE_NOTES}",
        "grace": f"{RISK} {ENDING} {SIDE_NOTES}",
        "ian": f"answer_the_chair let_write propose_outcome agree_to_differ {RISK} {ENDING} {SIDE_NOTES}",
        "sam": f"{RISK} {SIDE_NOTES}",
        "mona": f"{RISK} {SIDE_NOTES}",
        "hal": f"answer_the_chair let_write propose_outcome agree_to_differ {RISK} {SIDE_NOTES}",
        "chair": f"ask_for_more accept_mediation decline_mediation {RISK} redirect exclude",
        "office": f"redirect {NOTES}",
    },
    "chair accepted": {
        "aisha": f"{RISK} {ENDING} {SIDE_NOTES}",
        "zoe": f"co_sign {RISK} {SIDE_NOTES}",
        "grace": f"{RISK} {ENDING} {SIDE_NOTES}",
        "ian": f"let_write propose_outcome agree_to_differ {RISK} {ENDING} {SIDE_NOTES}",
        "sam": f"{RISK} {SIDE_NOTES}",
        "mona": f"{RISK} {SIDE_NOTES}",
        "hal": f"let_write propose_outcome agree_to_differ {RISK} {SIDE_NOTES}",
        "chair": f"name_mediator propose_session record_mediation {RISK} redirect {NOTES}",
        "office": f"redirect {NOTES}",
    },
    "mediation held": {
        "aisha": f"{RISK} {ENDING} {SIDE_NOTES}",
        "zoe": f"co_sign {RISK} {SIDE_NOTES}",
        "grace": f"{RISK} {ENDING} {SIDE_NOTES}",
        "ian": f"let_write propose_outcome agree_to_differ close_without_agreement {RISK} {ENDING} {SIDE_NOTES}",
        "sam": f"{RISK} {SIDE_NOTES}",
        "mona": f"{RISK} {SIDE_NOTES}",
        "hal": f"let_write propose_outcome agree_to_differ close_without_agreement {RISK} {SIDE_NOTES}",
        "chair": f"propose_outcome close_without_agreement {RISK} redirect {NOTES}",
        "office": f"redirect {NOTES}",
    },
    "chair declined": {
        "aisha": f"{RISK} {ENDING} {SIDE_NOTES}",
        "zoe": f"co_sign {RISK} {SIDE_NOTES}",
        "grace": f"{RISK} {ENDING} {SIDE_NOTES}",
        "ian": f"let_write propose_outcome change_opposite_number agree_to_differ close_without_agreement {RISK} {ENDING} {SIDE_NOTES}",
        "sam": f"{RISK} {SIDE_NOTES}",
        "mona": f"{RISK} {SIDE_NOTES}",
        "hal": f"let_write propose_outcome change_opposite_number agree_to_differ close_without_agreement {RISK} {SIDE_NOTES}",
        "chair": f"close_without_agreement {RISK} redirect exclude",
        "office": f"redirect {NOTES}",
    },
    "resolved": {
        "aisha": f"reopen say_still_at_risk {AFTER}",
        "zoe": NOTES,
        "sam": f"reopen {AFTER}",
    },
    "closed": {
        "aisha": f"say_still_at_risk {AFTER}",
        "zoe": NOTES,
        "grace": AFTER,
        "ian": AFTER,
        "sam": AFTER,
        "mona": AFTER,
        "hal": AFTER,
        "chair": NOTES,
        "office": NOTES,
    },
    "withdrawn": {"aisha": f"say_still_at_risk {AFTER}", "zoe": NOTES, "sam": AFTER, "office": NOTES},
    "redirected": {"aisha": f"say_still_at_risk {AFTER}", "zoe": NOTES, "sam": AFTER, "office": NOTES},
    "at immediate risk": {
        "aisha": f"let_write refer_to_line_manager {RISK} {ENDING} {SIDE_NOTES}",
        "zoe": f"co_sign {RISK} {SIDE_NOTES}",
        "grace": f"refer_to_line_manager {RISK} {ENDING} {SIDE_NOTES}",
        "sam": f"let_write match_child cannot_tell_which_child pass_on {RISK} {SIDE_NOTES}",
        "mona": f"match_child {RISK} {SIDE_NOTES}",
    },
    "silent after the last chaser": {
        "aisha": f"let_write refer_to_line_manager {RISK} {ENDING} {SIDE_NOTES}",
        "zoe": f"co_sign {RISK} {SIDE_NOTES}",
        "grace": f"refer_to_line_manager {RISK} {ENDING} {SIDE_NOTES}",
        "sam": f"let_write match_child cannot_tell_which_child pass_on {RISK} {SIDE_NOTES}",
        "mona": f"match_child {RISK} {SIDE_NOTES}",
        "office": f"close_as_unconfirmed redirect {NOTES}",
    },
}
for _row in TABLE.values():
    if "grace" in _row:
        _row["relief"] = _row["grace"]  # a stand-in may exactly what the person may whom they stand in for


@pytest.fixture
def w(db: None) -> World:
    made = factories.world()
    made.people["relief"] = factories.person("Relief")
    factories.stand_in(made.posts["grace"], made.people["relief"])
    return made


def stands(w: World, state: str, as_clock: Any) -> Disagreement:
    d = STATES[state](w)
    if state == "silent after the last chaser":
        with as_clock():
            tasks.notice_due_clocks(timezone.now() + dt.timedelta(days=60))
    return d


def open_to(d: Disagreement, w: World, name: str) -> set[str]:
    """The moves that the page would offer this person; none where they cannot find it."""
    person = w.person(name)
    with acting_as(person):
        found = Disagreement.objects.visible_to(person).filter(pk=d.pk).first()
        if found is None:
            return set()
        found.standing = Standing.of(found, timezone.now())
        return {move.name for move in found.open_moves(found.standing.actor(person))}


@pytest.mark.parametrize("state", STATES)
def test_open_moves(state: str, w: World, as_clock: Any) -> None:
    d = stands(w, state, as_clock)
    found = {name: open_to(d, w, name) for name in PEOPLE}
    assert found == {name: set(TABLE[state].get(name, "").split()) for name in PEOPLE}


@pytest.mark.parametrize("state", STATES)
def test_every_move_not_in_the_table_is_refused_at_the_door(state: str, w: World, as_clock: Any) -> None:
    """Not only not offered: refused with a sentence, or not found, and nothing is written."""
    d = stands(w, state, as_clock)
    with acting_as(w.aisha):
        seen, entries = factories.fresh(d).move_version, d.entries.count()
    refused = 0
    for name in PEOPLE:
        if name == "relief":
            continue  # as grace
        person = w.person(name)
        for move in set(Disagreement.move_names()) - set(TABLE[state].get(name, "").split()):
            with acting_as(person), pytest.raises((MoveRefused, Disagreement.DoesNotExist)) as why:
                moves.make(d.pk, move, by=person, given=Given(words={"note": "x"}), seen=seen, key=uuid.uuid4(), now=timezone.now())
            if TABLE[state].get(name):
                assert why.type is MoveRefused
                assert str(why.value)
            refused += 1
    assert refused > 300
    with acting_as(w.aisha):
        assert d.entries.count() == entries
        assert factories.fresh(d).move_version == seen


def test_a_move_that_does_not_exist_is_refused(w: World) -> None:
    d = raised(w)
    for name in ("", "save", "delete", "send", "__init__", "reach_limit"):
        with acting_as(w.aisha), pytest.raises(MoveRefused):
            moves.make(d.pk, name, by=w.aisha, given=Given(), seen=1, key=uuid.uuid4(), now=timezone.now())


def test_the_table_speaks_of_every_move_and_every_stage() -> None:
    mentioned = {move for row in TABLE.values() for moves_open in row.values() for move in moves_open.split()}
    elsewhere = {
        "send",  # before there is a page
        "record_answer_for",  # a side not on the system: tests/escalation/test_moves.py
        "record_confirmation_for",
        "countersign",
        "refuse_countersign",
        "reach_limit",  # the clock's
        "reach_last_chaser",
        "reach_inner_limit",
        "redate",
        "note_stall",
        "change_holder",
        *("break_glass", "confirm_break_glass", "refuse_break_glass", "lift_exclusion"),  # tests/escalation/test_emergencies.py
        *("acknowledge", "take_next_step", "agree_standstill", "pause_clock", "resume_clock"),  # tests/escalation/test_times.py
        *("answer_session", "cancel_session"),  # tests/escalation/test_mediation.py
        *("finish_issue", "note_overdue_issue"),  # tests/escalation/test_issues.py
    }
    assert mentioned | elsewhere == set(Disagreement.move_names())
    assert mentioned & elsewhere == set()


def test_the_database_knows_the_same_table(db: None) -> None:
    in_the_database = set(AllowedMove.objects.values_list("kind", "from_stage", "to_stage"))
    assert in_the_database == allowed_moves()
    assert len(in_the_database) > 90


def test_no_stage_is_a_dead_end() -> None:
    """From every open stage there are ways to resolve, to close, to withdraw, to redirect and to say a child is at risk."""
    table = allowed_moves()
    for stage in OPEN:
        reachable, new = {stage}, {stage}
        while new:
            new = {str(to) for _, source, to in table if source in new} - reachable
            reachable |= new
        assert set(ENDS) <= reachable, stage
        assert ("say_child_at_immediate_risk", stage, stage) in table
    assert {to for _, source, to in table if source == Stage.RESOLVED} == {"resolved", "practitioner", "line_manager", "up_the_line"}
    for end in (Stage.CLOSED, Stage.WITHDRAWN, Stage.REDIRECTED):
        assert {to for _, source, to in table if source == end} == {end}


def test_only_confirming_resolves() -> None:
    assert {kind for kind, source, to in allowed_moves() if to == "resolved" and source != "resolved"} == {"confirm_outcome", "countersign"}
