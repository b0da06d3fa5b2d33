"""Which limits a policy sets for a disagreement, and what each is called: read from policy and record only, written nowhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils.translation import gettext as _

from disputes.models import Disagreement
from disputes.stages import ChildSafe
from procedure.calendars import Calendar
from procedure.clock import Due, Pause, Sooner, due
from procedure.ladder import Limit

if TYPE_CHECKING:
    from escalation.models import Clock
    from procedure.policy import Track

MEASURES_SILENCE = ("step", "answer", "track", "overall")  # and the spans: what opens the way up when it is reached
SHRINKS = ("step", "answer", "track")  # "no step takes longer" while a child is at immediate risk
INNER = ("acknowledge", "meeting", "confirm")
BEGINS_A_STEP = ("send", "take_next_step", "refer_to_line_manager", "pass_up_the_line", "ask_the_chair", "decline_mediation", "reopen")
ENDS_A_PAUSE = ("resume_clock", "say_child_at_immediate_risk", *BEGINS_A_STEP)
BY_THE_HOUR = ("minutes", "hours")  # counted at every hour of the day, so nudged at every hour too

STARTED_FROM = {
    "raised": "the raising",
    "previous_answer": "the previous answer",
    "limit_reached": "the limit reached",
    "meeting": "the meeting",
    "decision": "the decision complained of",
}


def limit_of(d: Disagreement, about: str, step: int) -> Limit | None:
    """The policy's limit for this. None: no clock runs for it."""
    document = d.policy.document
    if about == "overall":
        return document.overall
    if about == "track":
        return track.limit if (track := track_of(d)) else None
    if about.startswith("span_"):
        return document.spans[int(about.removeprefix("span_")) - 1].limit
    track = track_of(d)
    if about == "step" and track:
        return None if track.covers == "everything" else track.limit
    return document.ladder.step(step).clocks.get(about)


def track_of(d: Disagreement) -> Track | None:
    """The urgent track that this one runs on, if any."""
    return next((track for track in d.policy.document.urgency.tracks if track.key == d.track), None)


def opens_the_way_up(about: str) -> bool:
    """Whether reaching it counts as the other side's silence (23.16)."""
    return about in MEASURES_SILENCE or about.startswith("span_")


def is_urgent(d: Disagreement, limit: Limit | None) -> bool:
    """Whether its reminders come at any hour: a child at immediate risk, an urgent track, or a limit counted in hours."""
    return d.at_immediate_risk or bool(d.track) or (limit is not None and limit.unit in BY_THE_HOUR)


def work_out(
    d: Disagreement,
    about: str,
    step: int,
    started_at: dt.datetime,
    calendar: Calendar | None = None,
    *,
    began_at: dt.datetime | None = None,
) -> Due:
    """When this limit is reached, by policy, calendar and record. Raises LookupError where the policy sets none.

    It counts from `started_at`, which may lie before the step (the raising, the previous answer). `began_at` is when its clock began to
    run: what comes first cannot have come before that.
    """
    limit = limit_of(d, about, step)
    if limit is None:
        raise LookupError("A clock only starts where the policy sets a limit.")
    document, calendar = d.policy.document, calendar or d.policy.calendar
    hours = (document.office_hours.opens, document.office_hours.closes)
    end = document.end_of_working_day
    return due(
        limit,
        started_at,
        calendar,
        end_of_working_day=end,
        office_hours=hours,
        pauses=pauses(d),
        sooner=_sooner(d, about, max(started_at, began_at or started_at), calendar),
        starts_with=STARTED_FROM.get(limit.start, ""),
    )


def explain(clock: Clock) -> Due:
    """A clock's due time worked out again, with its working in plain English."""
    return work_out(clock.disagreement, clock.about, clock.step, clock.started_at, began_at=clock.began_at)


def _sooner(d: Disagreement, about: str, began_at: dt.datetime, calendar: Calendar) -> list[Sooner]:
    document, comes_first = d.policy.document, []
    if document.or_before_disputed_act and d.disputed_act_at and not d.standstill and d.disputed_act_at > began_at:
        comes_first.append(Sooner(d.disputed_act_at, "the disputed act"))
    if document.urgency.needed_by and d.needed_by and d.needed_by > began_at:
        comes_first.append(Sooner(d.needed_by, "the time by which the child needs it settled"))
    if (shrink := document.urgency.shrink) and d.at_immediate_risk and about in SHRINKS:
        begins = max(began_at, d.at_risk_since or began_at)
        hours = (document.office_hours.opens, document.office_hours.closes)
        at = due(shrink, begins, calendar, end_of_working_day=document.end_of_working_day, office_hours=hours).at
        comes_first.append(Sooner(at, "the time set for a child at immediate risk"))
    return comes_first


def pauses(d: Disagreement) -> Sequence[Pause]:
    """When its clocks stood still, read from the record; empty where the policy allows no pause. It ends early when somebody ends it, with
    its step, and when a child is at immediate risk, which allows none."""
    if d.policy.document.pauses is None:
        return ()
    asked_for = (d.move_version, d.at_risk_since)
    if (known := d.__dict__.get("known_pauses")) and known[0] == asked_for:
        return known[1]  # asked once for all clocks of a page
    found: list[Pause] = []
    rows = d.entries.filter(Q(kind__in=("pause_clock", *ENDS_A_PAUSE)) | Q(child_safe=ChildSafe.NO)).order_by("number")
    for kind, at, facts, safe in rows.values_list("kind", "recorded_at", "facts", "child_safe"):
        if kind == "pause_clock" and safe != ChildSafe.NO:
            found.append(Pause(at, dt.datetime.fromisoformat(facts["until"]), facts.get("pause_reason", "")))
        elif found and found[-1].ends > at:
            found[-1] = Pause(found[-1].begins, at, found[-1].reason)
    d.__dict__["known_pauses"] = (asked_for, found)
    return found


def say_about(d: Disagreement, about: str, step: int) -> str:
    """What a clock is for, in the words of a page: "To answer"."""
    if about.startswith("span_"):
        span = d.policy.document.spans[int(about.removeprefix("span_")) - 1]
        return span.name or _("Steps %(first)d to %(last)d together") % {"first": span.steps[0], "last": span.steps[-1]}
    track = track_of(d)
    return {
        "step": d.policy.ladder.step(step).name,
        "acknowledge": _("To say that it has been seen"),
        "answer": _("To answer"),
        "meeting": _("To hold a meeting"),
        "confirm": _("To confirm in writing after the meeting"),
        "overall": _("The whole procedure"),
        "track": track.label if track else _("Urgent"),
    }[about]
