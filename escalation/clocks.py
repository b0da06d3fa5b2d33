"""Starting and stopping clocks as a disagreement moves. Lengths come from its policy only; called by the door only."""

from __future__ import annotations

import datetime as dt

from disputes.models import Disagreement, Entry
from disputes.stages import OPEN
from escalation.models import Clock
from procedure.clock import due, nudge_times
from procedure.ladder import Limit

BEGINS_A_STEP = ("send", "refer_to_line_manager", "pass_up_the_line", "ask_the_chair", "decline_mediation", "reopen")


def follow(disagreement: Disagreement, entry: Entry, from_stage: str, from_step: int) -> Clock | None:
    """Stops the clock that this entry ends, starts the one it begins, and returns the one that runs now, if any."""
    running = disagreement.clocks.filter(stopped_at=None).first()
    begins = entry.kind in BEGINS_A_STEP or (entry.stage, entry.step) != (from_stage, from_step)
    if not begins:
        if running and not Disagreement.is_note(entry.kind):
            _chase_again(disagreement, entry, running)
        return running
    previous = running
    if running:
        running.stopped_by, running.stopped_at = entry, entry.recorded_at
        running.save()
    if disagreement.stage not in OPEN:
        return None
    limit = disagreement.present_step.limit
    return _start(disagreement, entry, limit, previous) if limit else None


def _start(disagreement: Disagreement, entry: Entry, limit: Limit, previous: Clock | None) -> Clock:
    document, calendar = disagreement.policy.document, disagreement.policy.calendar
    started_at = _start_of(disagreement, entry, limit, previous)
    end = due(limit, started_at, calendar, end_of_working_day=document.end_of_working_day).at
    nudges = nudge_times(end, document.nudges, calendar, end_of_working_day=document.end_of_working_day)
    return Clock.objects.create(
        partnership=disagreement.partnership,
        disagreement=disagreement,
        step=disagreement.step,
        started_by=entry,
        started_at=started_at,
        due_at=end,
        chaser_at=next((when for rule, when in nudges if rule == "chaser"), None),
    )


def _chase_again(disagreement: Disagreement, entry: Entry, clock: Clock) -> None:
    """Somebody acted after the last chaser, and now it waits for another: they are chased in their turn, as long after this act."""
    if clock.chaser_at is None or clock.chaser_at > entry.recorded_at:
        return
    document, calendar = disagreement.policy.document, disagreement.policy.calendar
    nudges = nudge_times(entry.recorded_at, document.nudges, calendar, end_of_working_day=document.end_of_working_day)
    clock.chaser_at, clock.chased_at = next((when for rule, when in nudges if rule == "chaser"), None), None
    clock.save()


def _start_of(disagreement: Disagreement, entry: Entry, limit: Limit, previous: Clock | None) -> dt.datetime:
    """When the limit begins to run: the step's own beginning, the raising, or the previous answer (the previous limit if none came)."""
    if limit.start == "raised" and disagreement.raised_at:
        return disagreement.raised_at
    if limit.start == "previous_answer":
        begun = disagreement.entries.filter(kind__in=BEGINS_A_STEP, number__lt=entry.number).order_by("-number").values("number")[:1]
        answers = disagreement.entries.filter(kind__in=("answer", "record_answer_for"), number__gt=begun, number__lt=entry.number)
        answered = answers.order_by("-number").values_list("recorded_at", flat=True).first()
        return answered or (min(previous.due_at, entry.recorded_at) if previous else entry.recorded_at)
    return entry.recorded_at


__all__ = ["BEGINS_A_STEP", "follow"]
