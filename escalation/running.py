"""The time limits of a disagreement in the words of a page: what each is for, by when, how that was worked out; before sending too."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from django.utils.translation import gettext as _

from disputes.models import Disagreement, Entry
from escalation import limits
from escalation.models import Clock
from pages import times
from procedure.clock import Due, due
from procedure.ladder import Limit
from procedure.models import Policy


@dataclass(frozen=True)
class Running:
    """One running limit as people read it. `late`: it has been reached."""

    about: str
    due: Due
    started_at: dt.datetime
    late: bool

    @property
    def at(self) -> dt.datetime:
        return self.due.at


def running(d: Disagreement, clocks: Iterable[Clock], now: dt.datetime) -> list[Running]:
    """The clocks that run now, the earliest first. A limit that was reached stays as it was noticed, whatever changed since."""
    found = []
    for clock in clocks:
        if clock.stopped_at is None:
            clock.disagreement = d  # its policy is loaded already
            explained = clock.explained
            said = explained if explained.at == clock.due_at else _as_it_was(clock, explained)
            found.append(Running(_say(d, clock.about, clock.step), said, clock.started_at, clock.noticed_from <= now))
    return sorted(found, key=lambda one: one.at)


def _as_it_was(clock: Clock, explained: Due) -> Due:
    """The date on record counts; a working that leads to another one is not shown as if it led there."""
    since = _("Counted from %(when)s, with the calendar as it was then.") % {"when": times.moment(clock.started_at)}
    return Due(at=clock.due_at, lines=(since,), assumed=explained.assumed)


def _say(d: Disagreement, about: str, step: int) -> str:
    said = limits.say_about(d, about, step)
    return _("This step: %(step)s") % {"step": said} if about == "step" else said


def facts_of_time(d: Disagreement, now: dt.datetime) -> list[tuple[str, str]]:
    """What else bears on the time it has: (label, words)."""
    if not d.is_open:
        return []
    said = []
    if d.disputed_act_at and d.standstill:
        said.append((_("Planned"), _("Waits until this is settled (it was planned for %(when)s)") % _when(d.disputed_act_at)))
    elif d.disputed_act_at:
        passed = _("%(when)s: that time has passed") if d.disputed_act_at <= now else _("%(when)s: time limits end no later than that")
        said.append((_("Planned, and cannot wait"), passed % _when(d.disputed_act_at)))
    if d.needed_by:
        said.append((_("The child needs it settled by"), times.weekday_moment(d.needed_by)))
    if d.paused_until and d.paused_until > now:
        said.append((_("Paused until"), _("%(when)s; the reason is in the record") % {"when": times.weekday_day(d.paused_until)}))
    if track := limits.track_of(d):
        said.append((_("How urgent"), track.label))
    return said


def _when(moment: dt.datetime) -> dict[str, str]:
    return {"when": times.weekday_moment(moment)}


# ── before it is sent ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class AsIfSent:
    """What the limits ask of a disagreement, before there is one."""

    policy: Policy
    step: int
    began_at: dt.datetime
    at_immediate_risk: bool = False
    track: str = ""
    decision_at: dt.datetime | None = None
    disputed_act_at: dt.datetime | None = None
    needed_by: dt.datetime | None = None
    standstill: bool = False
    at_risk_since: dt.datetime | None = None
    move_version: int = 0
    entries: Any = field(default_factory=Entry.objects.none)

    def running(self, now: dt.datetime) -> list[Running]:
        """The clocks that sending starts, as escalation.clocks starts them; the earliest first."""
        d = cast("Disagreement", self)
        document = self.policy.document
        track = limits.track_of(d)
        spans = [f"span_{n}" for n, span in enumerate(document.spans, start=1) if self.step in span.steps]
        abouts = ["step", "acknowledge", "answer", *(["track"] if track and track.covers == "everything" else []), "overall", *spans]
        found = []
        for about in abouts:
            if limit := limits.limit_of(d, about, self.step):
                started_at = self.decision_at if limit.start == "decision" and self.decision_at else self.began_at
                due_then = limits.work_out(d, about, self.step, started_at)
                found.append(Running(_say(d, about, self.step), due_then, started_at, due_then.at <= now))
        return sorted(found, key=lambda one: one.at)


def raised_late(policy: Policy, decision_at: dt.datetime | None, raised_at: dt.datetime) -> Limit | None:
    """The procedure's limit on raising where it has passed: it can still be raised."""
    document = policy.document
    if document.raise_within is None or decision_at is None:
        return None
    last = due(document.raise_within, decision_at, policy.calendar, end_of_working_day=document.end_of_working_day)
    return document.raise_within if last.at < raised_at else None
