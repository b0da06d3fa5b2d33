"""Starting and stopping clocks as a disagreement moves. Lengths come from its policy only; called by the door only."""

from __future__ import annotations

import datetime as dt

from disputes.models import Disagreement, Entry
from disputes.stages import OPEN, SideKind
from escalation import limits
from escalation.limits import BEGINS_A_STEP
from escalation.models import Clock
from procedure.clock import nudge_times
from procedure.ladder import Limit

ACKNOWLEDGES = ("match_child", "cannot_tell_which_child", "acknowledge")
ANSWERS = ("answer", "record_answer_for", "record_discussion", "hold_meeting", "propose_outcome")
BOTH_TOOK_PART = ("record_discussion", "hold_meeting", "record_answer_for")
CHANGES_THE_TIME = ("say_child_at_immediate_risk", "name_disputed_act", "agree_standstill", "pause_clock", "resume_clock")
OF_A_STEP = ("step", "acknowledge", "answer", "meeting", "confirm")


def follow(d: Disagreement, entry: Entry, from_stage: str, from_step: int, *, was_at_risk: bool) -> list[Clock]:
    """Stops the clocks that this entry ends, starts those it begins, and returns those that run now, the earliest first."""
    running = {clock.about: clock for clock in d.clocks.filter(stopped_at=None)}
    if d.stage not in OPEN:
        _stop(running, list(running), entry)
        return []
    begins = entry.kind in BEGINS_A_STEP or (entry.stage, entry.step) != (from_stage, from_step)
    before = dict(running)
    if begins:
        _stop(running, [*OF_A_STEP, *(name for name in running if _has_left(d, name))], entry)
        for about in ("step", "acknowledge", "answer"):
            _start(d, running, about, entry, before)
    else:
        _follow_inside_the_step(d, running, entry)
    _follow_tracks(d, running, entry)
    for about in ("overall", *(f"span_{n}" for n in range(1, len(d.policy.document.spans) + 1))):
        if begins and not _has_left(d, about) and not d.clocks.filter(about=about).exists():
            _start(d, running, about, entry, before)
    pause_ends = begins and d.policy.document.pauses is not None
    if entry.kind in CHANGES_THE_TIME or was_at_risk != d.at_immediate_risk or pause_ends:
        for clock in running.values():
            count_again(d, clock)
    if not begins and not Disagreement.is_note(entry.kind) and entry.kind not in CHANGES_THE_TIME:
        for clock in running.values():
            _chase_again(d, entry, clock)
    return sorted(running.values(), key=lambda clock: clock.due_at)


def count_again(d: Disagreement, clock: Clock) -> bool:
    """Works the due time out afresh, where the limit has not been noticed as reached; says whether it changed."""
    calendar = d.policy.calendar
    if clock.reached_at is not None:
        if clock.calendar != calendar.fingerprint:
            clock.calendar = calendar.fingerprint
            clock.save()
        return False
    due_at = limits.work_out(d, clock.about, clock.step, clock.started_at, calendar, began_at=clock.began_at).at
    changed = due_at != clock.due_at
    if changed or clock.calendar != calendar.fingerprint:
        clock.due_at, clock.calendar = due_at, calendar.fingerprint
        clock.chaser_at = _chaser_after(d, clock.about, clock.step, due_at)
        clock.save()
    return changed


def times_of(d: Disagreement, about: str, step: int, due_at: dt.datetime, *, urgent: bool | None = None) -> list[tuple[str, dt.datetime]]:
    """When people are reminded of this limit, each with its rule (see procedure.clock.nudge_times). `urgent`: as the limit is, if None."""
    document = d.policy.document
    return nudge_times(
        due_at,
        document.nudges,
        d.policy.calendar,
        end_of_working_day=document.end_of_working_day,
        office_hours=(document.office_hours.opens, document.office_hours.closes),
        urgent=limits.is_urgent(d, limits.limit_of(d, about, step)) if urgent is None else urgent,
    )


# ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _follow_inside_the_step(d: Disagreement, running: dict[str, Clock], entry: Entry) -> None:
    by_the_other_side = entry.side_id is not None and entry.side is not None and entry.side.kind == SideKind.RESPONDING
    answered = entry.kind in ANSWERS and (by_the_other_side or entry.kind in BOTH_TOOK_PART)
    if answered or entry.kind in ACKNOWLEDGES:
        _stop(running, ["acknowledge"], entry)
    if answered:
        _stop(running, ["answer"], entry)
    if entry.kind == "hold_meeting":
        _stop(running, ["meeting"], entry)
        _start(d, running, "confirm", entry, running)
    elif ((answered and entry.kind != "propose_outcome") or entry.kind == "reach_limit") and not _meeting_was_due(d):
        _start(d, running, "meeting", entry, running)


def _follow_tracks(d: Disagreement, running: dict[str, Clock], entry: Entry) -> None:
    """The urgent track replaces the step's own time, or covers everything from the raising."""
    track = limits.track_of(d)
    if track is None:
        _stop(running, ["track"], entry)
    elif track.covers == "everything":
        _stop(running, ["step"], entry)
        _start(d, running, "track", entry, running)
    else:
        _start(d, running, "step", entry, running)  # where the step had no limit, and the track brings one


def _has_left(d: Disagreement, about: str) -> bool:
    return about.startswith("span_") and d.step not in d.policy.document.spans[int(about.removeprefix("span_")) - 1].steps


def _meeting_was_due(d: Disagreement) -> bool:
    """Or was held already, before anything asked for it."""
    since = _step_begun(d)
    was_due = d.clocks.filter(about__in=("meeting", "confirm"), step=d.step, started_by__number__gt=since).exists()
    return was_due or d.entries.filter(kind="hold_meeting", number__gt=since).exists()


def _step_begun(d: Disagreement) -> int:
    found = d.entries.filter(kind__in=BEGINS_A_STEP).order_by("-number").values_list("number", flat=True).first()
    return (found or 1) - 1


def _stop(running: dict[str, Clock], abouts: list[str], entry: Entry) -> None:
    for about in abouts:
        if clock := running.pop(about, None):
            clock.stopped_by, clock.stopped_at = entry, entry.recorded_at
            clock.save()


def _start(d: Disagreement, running: dict[str, Clock], about: str, entry: Entry, before: dict[str, Clock]) -> None:
    limit = limits.limit_of(d, about, d.step)
    if limit is None or about in running:
        return
    started_at = _start_of(d, entry, limit, before)
    calendar = d.policy.calendar
    due_at = limits.work_out(d, about, d.step, started_at, calendar, began_at=entry.recorded_at).at
    running[about] = Clock.objects.create(
        partnership=d.partnership,
        disagreement=d,
        about=about,
        step=d.step,
        started_by=entry,
        started_at=started_at,
        began_at=entry.recorded_at,
        due_at=due_at,
        calendar=calendar.fingerprint,
        chaser_at=_chaser_after(d, about, d.step, due_at),
    )


def _chaser_after(d: Disagreement, about: str, step: int, moment: dt.datetime) -> dt.datetime | None:
    """Only where silence is measured is there a last chaser: after it Chair or office may close it as unconfirmed. Counted in working
    days, however urgent: haste is for helping the child, not for closing."""
    if not limits.opens_the_way_up(about):
        return None
    return next((when for rule, when in times_of(d, about, step, moment, urgent=False) if rule == "chaser"), None)


def _chase_again(d: Disagreement, entry: Entry, clock: Clock) -> None:
    """Somebody acted after the last chaser, and now it waits for another: they are chased in their turn, as long after this act."""
    if clock.chaser_at is None or clock.chaser_at > entry.recorded_at:
        return
    clock.chaser_at, clock.chased_at = _chaser_after(d, clock.about, clock.step, entry.recorded_at), None
    clock.chasers += 1
    clock.save()


def _start_of(d: Disagreement, entry: Entry, limit: Limit, before: dict[str, Clock]) -> dt.datetime:
    """When the limit begins to run. A contact both sides took part in counts from when it happened, all else from when it was recorded."""
    reopened = d.entries.filter(kind="reopen", number__lte=entry.number).order_by("-number").first()
    if reopened and (entry == reopened or limit.start in ("raised", "decision")):  # it began anew: what was before measures nothing now
        return _moment_of(reopened)
    if limit.start == "raised" and d.raised_at:
        return _moment_of(d.entries.filter(kind="send").first() or entry)
    if limit.start == "decision":
        return d.decision_at or d.raised_at or entry.recorded_at
    if limit.start == "previous_answer" and entry.kind in BEGINS_A_STEP:
        return _previous_answer(d, entry, before) or _moment_of(entry)
    return _moment_of(entry)


def _previous_answer(d: Disagreement, entry: Entry, before: dict[str, Clock]) -> dt.datetime | None:
    """The last answer or talk at the step before; where none came, that step's limit, which counts as the answer (design)."""
    begun = d.entries.filter(kind__in=BEGINS_A_STEP, number__lt=entry.number).order_by("-number").values("number")[:1]
    kinds = ("answer", *BOTH_TOOK_PART)
    answers = d.entries.filter(kind__in=kinds, number__gt=begun, number__lt=entry.number)
    if found := [_moment_of(answer) for answer in answers]:
        return max(found)
    clock = before.get("step") or before.get("answer")
    return min(clock.due_at, entry.recorded_at) if clock else None


def _moment_of(entry: Entry) -> dt.datetime:
    told_directly = entry.kind == "send" and entry.facts.get("told_at")
    return entry.happened_at if entry.kind in BOTH_TOOK_PART or told_directly else entry.recorded_at


__all__ = ["ANSWERS", "BEGINS_A_STEP", "count_again", "follow", "times_of"]
