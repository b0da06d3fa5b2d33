"""Plays a written-down course of events under a policy, so that a partnership sees its due dates before anybody depends on them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from procedure.calendars import Calendar, CalendarError, shipped
from procedure.clock import LONDON, Due, Pause, Sooner, due, say_length, say_moment
from procedure.ladder import Limit, Step
from procedure.policy import Document, PolicyErrors, Track, load_file
from procedure.reader import KILOBYTES, NULL, root_of, short, too_large

ANSWERS = ("answered", "discussed", "meeting_held")
CONTACTS = (*ANSWERS, "raised", "acknowledged", "agreed", "step_opened")  # both sides took part: what counts is when it happened
ACTS = (*CONTACTS, "urgent_accepted", "standstill", "meeting_to_be_convened", "outcome_written", "confirmed", "paused", "resumed")
NOTES = (
    *("emergency_route_taken", "told", "supporter_joined", "redirected_in_part"),
    *("limit_reached", "chaser", "noted", "debrief"),
)
KINDS = ("decision", *ACTS, *NOTES)
COUNTED_AS_IT_HAPPENED = (*CONTACTS, "decision")
NEEDS_NO_RAISING = ("decision", "emergency_route_taken")
IN_RECOGNITION = ("noted", "told", "supporter_joined")  # and only where the event says step 0
EVERYBODY = ("both", "all", "everyone", "everybody")
WITHIN_A_STEP = ("step", "acknowledge", "answer", "meeting", "confirm")
SHRINKS = ("step", "answer", "track")  # what the haste for a child at immediate risk makes shorter
YEARS = range(2000, 2100)
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
ZONE = ZoneInfo(LONDON)


class ReplayError(ValueError):
    """The events cannot be played; carries one sentence that names the event and says why."""


def replay_file(
    policy_path: str | Path, events_path: str | Path, scenario: str | None = None, *, now: datetime | None = None
) -> dict[str, Any]:
    """Plays the scenarios of a file: one is returned by itself, several as {"scenarios": [...]}.

    Of several, those are played whose `policy` is the name of the policy's file, all if none is; `scenario` picks one by its id.
    Raises ReplayError for what is wrong with the events, PolicyErrors for the policy, OSError where that cannot be opened.
    """
    policy_path, events_path = Path(policy_path), Path(events_path)
    document = load_file(policy_path)
    found = _scenarios(events_path)
    if scenario is not None:
        chosen = [one for one in found if one.get("id") == scenario]
        if not chosen:
            raise ReplayError(f"{events_path.name} holds no scenario {short(scenario)!r}: it holds {_ids(found)}.")
    else:
        chosen = [one for one in found if one.get("policy") == policy_path.stem] or found
    try:
        played = [_play(document, one, policy_path.stem, now) for one in chosen]
    except ReplayError as error:
        raise ReplayError(f"{events_path.name}: {error}") from error
    return played[0] if scenario is not None or len(found) == 1 else {"scenarios": played}


def replay(document: Document, calendar: Calendar, scenario: Mapping[str, Any], *, now: datetime | None = None) -> list[dict[str, Any]]:
    """What runs after each event of the scenario, in the form that docs/policies.md describes. Raises ReplayError.

    Times are local; one that has not come by `now` (aware; the present moment) is refused.
    """
    now = now or datetime.now(UTC)
    if now.utcoffset() is None:
        raise ValueError("Now must carry its time zone.")
    course = _Course(document, calendar)
    return [course.take(event) for event in _events(scenario, document, now)]


# Reading ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Event:
    """One thing that happened. `counts_from` is when clocks count it: as it happened, or only once it was recorded."""

    name: str
    kind: str
    at: datetime
    counts_from: datetime
    step: int | None
    by: tuple[str, ...]
    disputed_act_at: datetime | None
    needed_by: datetime | None
    decision_at: datetime | None
    until: datetime | None
    track: str
    reason: str

    def refuse(self, why: str) -> ReplayError:
        return ReplayError(f"{self.name}: {why}.")


def _text_of(path: Path) -> str:
    try:
        if too_large(path.stat().st_size):
            raise ReplayError(f"{path.name} is larger than {KILOBYTES} KB.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ReplayError(f"{path.name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ReplayError(f"{path.name} is not text in UTF-8.") from error


def _scenarios(path: Path) -> list[Mapping[str, Any]]:
    tags: list[Any] = []
    try:
        root = root_of(_text_of(path), tags)
        if tags:
            raise PolicyErrors(tags)
    except PolicyErrors as error:
        raise ReplayError(f"{path.name}, {error.errors[0]}.") from error
    content = _plain(root, path.name)
    if isinstance(content, dict) and "scenarios" in content:
        content = content["scenarios"]
    found = content if isinstance(content, list) else [content]
    if not found or not all(isinstance(one, dict) and "events" in one for one in found):
        raise ReplayError(
            f"{path.name} holds no scenario: it must be a group with `events`, a list of such groups, or `scenarios:` with that list."
        )
    return found


def _plain(node: yaml.Node, name: str) -> Any:
    """The YAML as groups, lists and texts: dates, numbers and yes are read where they are wanted."""
    if isinstance(node, yaml.MappingNode):
        group: dict[str, Any] = {}
        for key, value in node.value:
            said = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            if said in group:
                raise ReplayError(f"{name}, line {key.start_mark.line + 1}: {short(said)} stands here twice.")
            group[said] = _plain(value, name)
        return group
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, name) for item in node.value]
    return None if node.tag == NULL else str(node.value)


def _ids(found: Iterable[Mapping[str, Any]]) -> str:
    return short(", ".join(str(one.get("id") or "one without an id") for one in found))


def _play(document: Document, scenario: Mapping[str, Any], policy: str, now: datetime | None) -> dict[str, Any]:
    division = scenario.get("calendar") or document.calendar
    try:
        calendar = shipped(short(str(division)))
    except CalendarError as error:
        raise ReplayError(f"{_name(scenario)}: {error}") from error
    return {
        "id": scenario.get("id"),
        "title": scenario.get("title"),
        "policy": scenario.get("policy") or policy,
        "calendar": division,
        "events": replay(document, calendar, scenario, now=now),
    }


def _name(scenario: Mapping[str, Any]) -> str:
    return short(str(scenario.get("id") or "the scenario"))


def _events(scenario: Mapping[str, Any], document: Document, now: datetime) -> list[_Event]:
    items = scenario.get("events")
    if not isinstance(items, Sequence) or isinstance(items, str) or not items:
        raise ReplayError(f"{_name(scenario)}: events must be a list with at least one event.")
    events: list[_Event] = []
    for number, item in enumerate(items, start=1):
        name = f"{_name(scenario)}, event {number}"
        if not isinstance(item, Mapping):
            raise ReplayError(f"{name}: must be a group of keys and values.")
        event = _Reader(name, item, document).event()
        if event.at > now:
            raise event.refuse(f"lies in the future ({say_moment(event.at)})")
        if event.counts_from > now:
            raise event.refuse(f"is recorded in the future ({say_moment(event.counts_from)})")
        if events and event.at < events[-1].at:
            raise event.refuse(
                f"happened on {say_moment(event.at)}, before event {number - 1} ({say_moment(events[-1].at)}): events stand in their order"
            )
        events.append(event)
    return events


class _Reader:
    """One event as it was written down. Raises ReplayError for the first thing wrong with it."""

    def __init__(self, name: str, item: Mapping[Any, Any], document: Document) -> None:
        self._item, self._document = item, document
        self._name = name
        self._kind = self._choose_kind()
        self._name = f"{name} ({self._kind})"

    def event(self) -> _Event:
        at = self._moment("at")
        if at is None:
            raise self._refused("at is missing: when did it happen?")
        recorded_at = self._moment("recorded_at")
        if recorded_at and recorded_at < at:
            raise self._refused("is recorded before it happened")
        decision_at = self._moment("decision_at", day_will_do=True)
        if decision_at and not self._comes_before(decision_at, at):
            raise self._refused("decision_at lies after the raising: nobody can disagree with what was not decided")
        return _Event(
            name=self._name,
            kind=self._kind,
            at=at,
            counts_from=at if self._kind in COUNTED_AS_IT_HAPPENED else recorded_at or at,
            step=self._step(),
            by=self._by(),
            disputed_act_at=self._moment("disputed_act_at", day_will_do=True),
            needed_by=self._moment("needed_by", day_will_do=True),
            decision_at=decision_at,
            until=self._moment("until", day_will_do=True),
            track=str(self._item.get("track") or ""),
            reason=str(self._item.get("reason") or ""),
        )

    def _comes_before(self, moment: datetime, at: datetime) -> bool:
        """A day alone ends with its working day, but may be the same day."""
        return moment <= at or (len(str(self._item["decision_at"])) == len("2026-03-02") and moment.date() <= at.date())

    def _refused(self, why: str) -> ReplayError:
        return ReplayError(f"{self._name}: {why}.")

    def _choose_kind(self) -> str:
        kind = self._item.get("kind")
        if isinstance(kind, str) and kind in KINDS:
            return kind
        if kind is None:
            raise self._refused("kind is missing")
        meant = difflib.get_close_matches(str(kind), KINDS, n=1)
        hint = f"did you mean {meant[0]}?" if meant else f"known are {', '.join(KINDS)}"
        raise self._refused(f"the kind {short(str(kind))!r} is not known: {hint}")

    def _step(self) -> int | None:
        value = self._item.get("step")
        if value is None:
            return None
        if isinstance(value, bool) or not re.fullmatch("[0-9]{1,3}", str(value)):
            raise self._refused(f"the step {short(str(value))!r} is not a whole number")
        step, last = int(value), len(self._document.steps)
        if step > last:
            raise self._refused(f"there is no step {step}: the ladder has {last}")
        return step

    def _by(self) -> tuple[str, ...]:
        value = self._item.get("by")
        names = value if isinstance(value, list | tuple) else [value]
        return tuple(" ".join(str(name).split()).casefold() for name in names if name is not None)

    def _moment(self, key: str, *, day_will_do: bool = False) -> datetime | None:
        """A local time, or one with its offset. A day alone ends with its working day, where a day will do."""
        value = self._item.get(key)
        if value is None:
            return None
        if isinstance(value, datetime):
            moment = value
        elif isinstance(value, date):
            moment = self._read(key, value.isoformat(), day_will_do)
        else:
            moment = self._read(key, str(value).strip(), day_will_do)
        if moment.year not in YEARS:
            raise self._refused(f"{key} lies in the year {moment.year}: only {YEARS[0]} to {YEARS[-1]} can be played")
        if moment.utcoffset() is None:
            local = moment.replace(tzinfo=ZONE)
            if local.astimezone(UTC).astimezone(ZONE).replace(tzinfo=None) != moment:
                raise self._refused(f"{key} is {moment:%Y-%m-%dT%H:%M}, in the hour that is left out when summer time begins")
            moment = local
        return moment.astimezone(UTC)

    def _read(self, key: str, text: str, day_will_do: bool) -> datetime:
        try:
            if MOMENT.fullmatch(text):
                return datetime.fromisoformat(text)
            if DAY.fullmatch(text) and day_will_do:
                return datetime.combine(date.fromisoformat(text), self._document.end_of_working_day)
        except ValueError as error:
            raise self._refused(f"{key} is {text}, a time that does not exist") from error
        raise self._refused(f"{key} is {short(text)!r}, but must be a day and time such as 2026-03-02T09:40")


# Playing ------------------------------------------------------------------------------------------------------------------


@dataclass
class _Clock:
    """One running limit. `begun_at` is the event that started it, `started_at` what it counts from, which may lie before that."""

    about: str
    step: int | None
    called: str
    limit: Limit
    begun_at: datetime
    started_at: datetime
    start: str
    due: Due
    reached: bool = False

    @property
    def label(self) -> str:
        length = say_length(self.limit)
        said = f"{self.called}: {length}" + ("" if self.limit.unit == "at_once" else f" from {self.start}")
        return f"{self.due.because}, sooner than {said}" if self.due.because else said

    @property
    def order(self) -> tuple[bool, datetime]:
        """The earliest first, but "at once" last: it has no hour that one could wait for."""
        return self.limit.unit == "at_once", self.due.at

    def told(self) -> dict[str, Any]:
        return {
            "about": self.about,
            "step": self.step,
            "label": self.label,
            "started_at": _iso(self.started_at),
            "due_at": _iso(self.due.at),
            "working": list(self.due.working),
            "assumed": self.due.assumed,
            "reached": self.reached,
        }


@dataclass
class _AtStep:
    """What has happened at the step where it stands."""

    step: Step
    begun_at: datetime
    answered_at: datetime | None = None
    meeting_at: datetime | None = None
    is_agreed: bool = False
    limit_at: datetime | None = None


@dataclass
class _Course:
    """How one disagreement went so far. `take` is the only way in."""

    document: Document
    calendar: Calendar
    clocks: list[_Clock] = field(default_factory=list)
    began_at: datetime | None = None  # the raising
    decision_at: datetime | None = None
    here: _AtStep | None = None
    before: _AtStep | None = None
    disputed_act_at: datetime | None = None
    needed_by: datetime | None = None
    at_risk_since: datetime | None = None
    track: Track | None = None  # one way of its own: it takes the place of the step's limit, as the engine has it
    begun_spans: set[str] = field(default_factory=set)
    pauses: list[Pause] = field(default_factory=list)
    confirmed_by: set[str] = field(default_factory=set)
    has_ended: bool = False
    noticed: list[str] = field(default_factory=list)

    def take(self, event: _Event) -> dict[str, Any]:
        self.noticed = []
        self._notice(event.at)
        self._check(event)
        self._read_moments(event)
        if event.kind == "raised":
            self._raise(event)
        elif self.here and event.kind in ACTS:
            self._rise(self.here, event)
        if play := PLAYS.get(event.kind):
            play(self, event)
        if self.began_at and not self.has_ended:
            self._take_track(event)
        self._count_again()
        return self._told(event)

    def _told(self, event: _Event) -> dict[str, Any]:
        running = sorted(self.clocks, key=lambda clock: clock.order)
        first = running[0] if running else None
        return {
            "at": _iso(event.at),
            "kind": event.kind,
            "step": self.here.step.number if self.here else 0,
            "due_at": _iso(first.due.at) if first else None,
            "clock": first.label if first else "",
            "working": list(first.due.working) if first else [],
            "clocks": [clock.told() for clock in running],
            "note": "; ".join(self.noticed),
        }

    def _check(self, event: _Event) -> None:
        if self.here is None:
            recognising = event.kind in IN_RECOGNITION and event.step == 0
            if event.kind != "raised" and event.kind not in NEEDS_NO_RAISING and not recognising:
                raise event.refuse("comes before the disagreement was raised")
        elif event.kind in ACTS and event.step and event.step < self.here.step.number and not self.has_ended:
            raise event.refuse(f"is at step {event.step}, but step {self.here.step.number} has begun: the ladder only goes up")

    # What the clock notices by itself

    def _notice(self, until: datetime) -> None:
        """Limits reached up to then, in their order; one may start a clock that is reached in its turn."""
        while reached := [clock for clock in self.clocks if not clock.reached and clock.due.at <= until]:
            clock = min(reached, key=lambda clock: clock.due.at)
            clock.reached = True
            if clock.limit.unit != "at_once":
                self.noticed.append(f"limit reached: {clock.label}, {say_moment(clock.due.at)}")
            if self.here:
                self._reach(self.here, clock)

    def _reach(self, here: _AtStep, clock: _Clock) -> None:
        step = here.step
        inner = "answer" if step.answer and (not step.limit or (step.meeting and step.meeting.start == "previous_answer")) else "step"
        if clock.about not in (inner, "track"):
            return
        here.limit_at = here.limit_at or clock.due.at
        if step.meeting and not here.is_agreed and (step.meeting.start == "limit_reached" or not here.answered_at):
            self._call_meeting(here, clock.due.at)

    # Steps

    def _raise(self, event: _Event) -> None:
        if self.began_at:
            self.noticed.append("has been raised already: no clock starts again")
            return
        for clock in self.clocks:
            if clock.reached:
                self.noticed.append(f"raised late: the limit on raising was {say_moment(clock.due.at)}")
        self.clocks.clear()
        self.began_at = event.counts_from
        self.decision_at = event.decision_at or self.decision_at
        self._begin(event.step or 1, event.counts_from)
        if self.document.overall:
            self._start("overall", self.document.overall, event.counts_from)

    def _rise(self, here: _AtStep, event: _Event) -> None:
        """A step above begins with the first act at it, whether or not anybody wrote down that it was opened."""
        if self.has_ended:
            if event.kind != "step_opened":
                self.noticed.append("comes after the end: no clock runs")
                return
            self._open_again()
            self._begin(event.step or here.step.number, event.counts_from)
        elif event.step and event.step > here.step.number:
            self._begin(event.step, event.counts_from)

    def _open_again(self) -> None:
        """What was said of the first time, its haste, its track and its dates, does not bind the second."""
        self.has_ended = False
        self.noticed.append("opened again after the end")
        self.disputed_act_at = self.needed_by = self.at_risk_since = self.track = None

    def _begin(self, number: int, at: datetime) -> None:
        if self.here:
            self.here.limit_at = self._limit_of(self.here)
        self._end_pause(at)  # a pause belongs to its step
        self._stop(*WITHIN_A_STEP)
        self.before, self.here = self.here, _AtStep(self.document.ladder.step(number), at)
        self.confirmed_by.clear()
        step = self.here.step
        if limit := self._limit_on(step):
            self._start("step", limit, at)
        if step.acknowledge:
            self._start("acknowledge", step.acknowledge, at)
        if step.answer:
            self._start("answer", step.answer, at)
        for index, span in enumerate(self.document.spans, start=1):
            about = f"span_{index}"
            if number not in span.steps:
                self._stop(about)
            elif about not in self.begun_spans:
                self.begun_spans.add(about)
                self._start(about, span.limit, at)

    def _limit_on(self, step: Step) -> Limit | None:
        """How long the step may take: as its track says, else as the step says, else as haste says. None where the track covers all."""
        if self.track:
            return None if self.track.covers == "everything" else self.track.limit
        return step.limit or (self.document.urgency.shrink if self.at_risk_since else None)

    def _limit_of(self, here: _AtStep) -> datetime | None:
        """When the limit of the step is or was: of the whole step, else of the answer in it."""
        limits = {clock.about: clock.due.at for clock in self.clocks if clock.about in ("step", "answer")}
        return limits.get("step") or limits.get("answer") or here.limit_at

    # Clocks

    def _runs(self, about: str) -> bool:
        return any(clock.about == about for clock in self.clocks)

    def _stop(self, *abouts: str) -> None:
        self.clocks = [clock for clock in self.clocks if clock.about not in abouts]

    def _start(self, about: str, limit: Limit, begun_at: datetime, called: str = "") -> None:
        started_at, start = self._start_of(about, limit, begun_at)
        step = self.here.step.number if self.here and about in WITHIN_A_STEP else None
        clock = _Clock(about, step, called or self._called(about), limit, begun_at, started_at, start, Due(started_at, (), False))
        clock.due = self._due(clock)
        self.clocks.append(clock)

    def _called(self, about: str) -> str:
        number = self.here.step.number if self.here else 0
        match about:
            case "step":
                return f"step {number}"
            case "acknowledge":
                return f"step {number}, acknowledgement"
            case "confirm":
                return f"step {number}, written confirmation"
            case "answer" | "meeting":
                return f"step {number}, {about}"
            case "overall" | "track":
                return about
            case "raise_within":
                return "raising"
        span = self.document.spans[int(about.removeprefix("span_")) - 1]
        return span.name or f"steps {', '.join(map(str, span.steps))} together"

    def _start_of(self, about: str, limit: Limit, at: datetime) -> tuple[datetime, str]:
        """What the limit counts from, and the words for it."""
        match limit.start:
            case "decision" if self.decision_at:
                return self.decision_at, "the decision"
            case "raised" | "decision" if self.began_at:
                return self.began_at, "raised"
            case "meeting" if about == "confirm" and self.here and self.here.meeting_at:
                return self.here.meeting_at, "the meeting"
            case "meeting" if about != "confirm" and self.before and self.before.meeting_at:
                return self.before.meeting_at, "the meeting"
            case "previous_answer" | "limit_reached" if about == "meeting":
                return at, self._why_a_meeting(at)
            case "previous_answer" | "meeting" if self.before and self.before.answered_at:
                return self.before.answered_at, "the previous answer"
            case "previous_answer" | "meeting" if self.before and self.before.limit_at:
                return (self.before.limit_at, "the previous limit") if self.before.limit_at <= at else (at, "the step’s beginning")
        if about.startswith("span_") and self.here:
            return at, f"the beginning of step {self.here.step.number}"
        if about == "overall" or not self.here:
            return at, "raised"
        if about == "track":
            return at, "its beginning"
        return at, "the step’s beginning"

    def _why_a_meeting(self, at: datetime) -> str:
        if self.here and at == self.here.answered_at:
            return "the answer"
        return "the limit" if self.here and at == self.here.limit_at else "the call for it"

    def _due(self, clock: _Clock) -> Due:
        starts_with = "" if clock.limit.unit == "at_once" else WORDS.get(clock.start, clock.start)
        return self._count(clock.limit, clock.started_at, self._sooner(clock), starts_with)

    def _count(self, limit: Limit, started_at: datetime, sooner: Sequence[Sooner] = (), starts_with: str = "") -> Due:
        return due(
            limit,
            started_at,
            self.calendar,
            end_of_working_day=self.document.end_of_working_day,
            office_hours=(self.document.office_hours.opens, self.document.office_hours.closes),
            pauses=self.pauses,
            sooner=sooner,
            starts_with=starts_with,
        )

    def _sooner(self, clock: _Clock) -> list[Sooner]:
        """What cuts the clock short: moments that still lay ahead when it began, and how long a step may take while it is urgent."""
        if clock.about == "raise_within":
            return []
        found = []
        if self.disputed_act_at and self.document.or_before_disputed_act:
            found.append(Sooner(self.disputed_act_at, "the disputed act"))
        if self.needed_by:
            found.append(Sooner(self.needed_by, "the time by which the child needs it settled"))
        found = [sooner for sooner in found if sooner.at > clock.begun_at]
        shrink = self.document.urgency.shrink
        if shrink and self.at_risk_since and clock.about in SHRINKS and clock.limit is not shrink:
            ends = self._count(shrink, max(self.at_risk_since, clock.begun_at)).at
            found.append(Sooner(ends, f"a child at immediate risk ({say_length(shrink)})"))
        return found

    def _count_again(self) -> None:
        """After every event: an act that waits, a pause or urgency moves what runs. What has been reached stays as it was."""
        for clock in self.clocks:
            if not clock.reached:
                clock.due = self._due(clock)

    # What single events do

    def _read_moments(self, event: _Event) -> None:
        self.disputed_act_at = event.disputed_act_at or self.disputed_act_at
        if event.needed_by and not self.document.urgency.needed_by:
            self.noticed.append("this policy does not count the time by which the child needs it settled")
        elif event.needed_by:
            self.needed_by = event.needed_by

    def _decide(self, event: _Event) -> None:
        if self.began_at:
            self.noticed.append("comes after the raising: no clock starts at it")
            return
        self.decision_at = event.counts_from
        self._stop("raise_within")
        if self.document.raise_within:
            self._start("raise_within", self.document.raise_within, event.counts_from)

    def _acknowledge(self, event: _Event) -> None:
        self._stop("acknowledge")

    def _answer(self, event: _Event) -> None:
        self._stop("acknowledge", "answer")
        if self.has_ended or not self.here:
            return
        self.here.answered_at = event.counts_from
        if event.kind == "meeting_held":
            self._hold_meeting(self.here, event)
        elif self.here.step.meeting and self.here.step.meeting.start == "previous_answer":
            self._call_meeting(self.here, event.counts_from)

    def _call_meeting(self, here: _AtStep, at: datetime) -> None:
        if here.step.meeting and not here.meeting_at and not self._runs("meeting"):
            self._start("meeting", here.step.meeting, at)

    def _convene(self, event: _Event) -> None:
        if self.here and not self.has_ended:
            self._call_meeting(self.here, self.here.answered_at or self.here.limit_at or event.counts_from)

    def _hold_meeting(self, here: _AtStep, event: _Event) -> None:
        self._stop("meeting", "confirm")
        here.meeting_at = event.counts_from
        if here.step.confirm:
            self._start("confirm", here.step.confirm, event.counts_from)

    def _agree(self, event: _Event) -> None:
        """Another agreement is confirmed afresh. The clock of the step runs on until it is confirmed."""
        self._stop("acknowledge", "answer", "meeting")
        self.confirmed_by.clear()
        if self.here and not self.has_ended:
            self.here.is_agreed = True
            if self.here.step.confirm and self.here.meeting_at and not self._runs("confirm"):
                self._start("confirm", self.here.step.confirm, event.counts_from)

    def _confirm(self, event: _Event) -> None:
        self.confirmed_by.update(event.by or ("",))
        everybody = any(re.split(r"\W", name)[0] in EVERYBODY for name in event.by)
        if everybody or len(self.confirmed_by) > 1:
            self.has_ended = True
            self.clocks.clear()

    def _accept_urgency(self, event: _Event) -> None:
        if self.has_ended:
            return
        self.at_risk_since = self.at_risk_since or event.counts_from
        self._end_pause(event.counts_from)  # a child at immediate risk allows none
        taken = next((track for track in self.document.urgency.tracks if track.immediate_risk), None)
        if taken and not self.track:
            self._put_on(taken, event.counts_from)
        elif self.here and not self._runs("step") and (limit := self._limit_on(self.here.step)):
            self._start("step", limit, event.counts_from)

    def _take_track(self, event: _Event) -> None:
        if not event.track:
            return
        tracks = {track.key: track for track in self.document.urgency.tracks}
        if event.track not in tracks:
            known = f"it has {', '.join(tracks)}" if tracks else "it has none"
            raise event.refuse(f"the policy has no track {short(event.track)!r}: {known}")
        if not self.track:
            self._put_on(tracks[event.track], event.counts_from)
        elif self.track.key != event.track:
            self.noticed.append(f"is on a track already, {self.track.label}: it stays on it")

    def _put_on(self, track: Track, at: datetime) -> None:
        """The track takes the place of the step's clock: for good where it covers everything, else step by step."""
        self.track = track
        if track.covers == "everything":
            self._stop("step")
            self._start("track", track.limit, at, called=track.label)
            return
        running = next((clock for clock in self.clocks if clock.about == "step"), None)
        if running and running.begun_at < at:
            running.limit = running.limit if running.reached else track.limit
        else:
            self._stop("step")
            self._start("step", track.limit, at)

    def _stand_still(self, event: _Event) -> None:
        if self.document.urgency.standstill:
            self.disputed_act_at = event.disputed_act_at  # none, or the later time that they agreed on
        elif self.disputed_act_at:
            self.noticed.append("this policy knows no standstill: the disputed act still counts")

    def _end_pause(self, at: datetime) -> None:
        if self.pauses and self.pauses[-1].ends > at:
            last = self.pauses.pop()
            if at > last.begins:
                self.pauses.append(Pause(last.begins, at, last.reason))

    def _pause(self, event: _Event) -> None:
        rules = self.document.pauses
        if rules is None:
            raise event.refuse("this policy allows no pause")
        if self.pauses and self.pauses[-1].ends > event.counts_from:
            raise event.refuse(f"the clocks are paused already, until {say_moment(self.pauses[-1].ends)}")
        day = self.calendar.add_working_days(event.counts_from.astimezone(ZONE).date(), rules.longest_working_days)
        latest = datetime.combine(day, self.document.end_of_working_day, ZONE).astimezone(UTC)
        ends = event.until or latest
        if not event.counts_from < ends <= latest:
            raise event.refuse(f"a pause lasts {rules.longest_working_days} working days at most, here until {say_moment(latest)}")
        self.pauses.append(Pause(event.counts_from, ends, event.reason))

    def _resume(self, event: _Event) -> None:
        if not self.pauses or self.pauses[-1].ends <= event.counts_from:
            self.noticed.append("the clocks were running already")
            return
        self._end_pause(event.counts_from)


WORDS = {"raised": "the raising"}
PLAYS: dict[str, Callable[[_Course, _Event], None]] = {
    "decision": _Course._decide,
    "acknowledged": _Course._acknowledge,
    "answered": _Course._answer,
    "discussed": _Course._answer,
    "meeting_held": _Course._answer,
    "meeting_to_be_convened": _Course._convene,
    "agreed": _Course._agree,
    "confirmed": _Course._confirm,
    "urgent_accepted": _Course._accept_urgency,
    "standstill": _Course._stand_still,
    "paused": _Course._pause,
    "resumed": _Course._resume,
}


def _iso(moment: datetime) -> str:
    return moment.astimezone(ZONE).isoformat(timespec="seconds")


__all__ = ["KINDS", "ReplayError", "replay", "replay_file"]
