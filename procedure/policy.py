"""Reads what a partnership has set down as its procedure, and says line by line what is wrong with it (23.12 to 23.18)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import time
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from procedure.calendars import divisions
from procedure.ladder import LINE_MANAGER, LSCB_MEDIATION, PRACTITIONER, STAGES, TIERS, Ladder, Limit, Span, Step
from procedure.reader import KILOBYTES, TOO_LARGE, Group, PolicyError, PolicyErrors, keys_of, root_of, too_large

__all__ = [
    "KILOBYTES",
    "Category",
    "Closing",
    "Document",
    "FinalBody",
    "Ladder",
    "Limit",
    "Nudges",
    "OfficeHours",
    "Pauses",
    "PolicyError",
    "PolicyErrors",
    "Retention",
    "Signpost",
    "Span",
    "Step",
    "Telling",
    "Track",
    "Urgency",
    "UrgentNudges",
    "load",
    "load_file",
]

WORDS_FOR_STEP = ("step", "stage", "level")
UNITS = ("minutes", "hours", "working_hours", "working_days", "calendar_days", "at_once")
STARTS = ("step_begun", "raised", "previous_answer", "limit_reached", "meeting", "decision")
STARTS_OF_STEP = ("step_begun", "raised", "previous_answer", "meeting", "decision")
STARTS_OF_MEETING = ("previous_answer", "limit_reached")
STARTS_OF_TRACK = {"everything": ("raised", "decision"), "step": ("step_begun", "previous_answer")}
EVENTS = ("raised", "step_begun", "answered", "meeting", "limit_reached", "asked_chair", "resolved", "closed")
TOLD = ("office", "next_manager", "chair", "representative")
SIDES = ("raising", "responding", "consulted")
PARTIES = ("raising", "responding")
COVERS = ("step", "everything")
NUDGES = ("before", "at", "after", "chaser", "never")
MOST_STEPS = 20
FORTNIGHT = 14 * 24 * 60  # in minutes


@dataclass(frozen=True)
class Category:
    """One area of disagreement (23.3)."""

    key: str
    label: str


@dataclass(frozen=True)
class Signpost:
    """What this procedure is not for: the question that finds it out, and where it goes instead (NB to 23.18)."""

    key: str
    question: str
    goes_to: str
    source: str


@dataclass(frozen=True)
class Track:
    """A way of its own for what cannot wait: `limit` for each "step" or for "everything", with its name for people.

    With `immediate_risk`, it is taken as soon as a child is said to be at immediate risk.
    """

    key: str
    label: str
    limit: Limit
    covers: str = "everything"
    immediate_risk: bool = False


@dataclass(frozen=True)
class Urgency:
    """When a child is at immediate risk (23.13): what to do before anything else, and how the procedure hurries.

    `may_start_at` is the stage one may start at, "" none. No step takes longer than `shrink` then. With `needed_by` the raiser may
    name the moment by which the child needs it settled. With `standstill` the sides may agree that the disputed act waits.
    """

    leave_first: tuple[str, ...]
    may_start_at: str = LINE_MANAGER
    shrink: Limit | None = None
    needed_by: bool = False
    standstill: bool = False
    tracks: tuple[Track, ...] = ()


@dataclass(frozen=True)
class Telling:
    """Who is told when something happens. With a stage or a step, only if it stands, or stood last, there."""

    event: str
    who: str
    stage: str | None = None
    step: int | None = None


@dataclass(frozen=True)
class UrgentNudges:
    """When people are reminded of a limit that cannot wait: minutes before and after it, at any hour of the day."""

    before_minutes: tuple[int, ...] = (120,)
    at: bool = True
    after_minutes: tuple[int, ...] = (60,)
    chaser_minutes: int = 24 * 60


@dataclass(frozen=True)
class Nudges:
    """When people are reminded of a limit: working days before and after it, and at it. `chaser_days` after it, a last time.

    `manager_from` and `office_from` name the nudge from which on the manager and the office are reminded too, or "never".
    """

    before: tuple[int, ...] = (1,)
    at: bool = True
    after: tuple[int, ...] = (1,)
    chaser_days: int = 5
    manager_from: str = "after"
    office_from: str = "chaser"
    urgent: UrgentNudges = field(default_factory=UrgentNudges)


@dataclass(frozen=True)
class FinalBody:
    """Who mediates in the end (23.17): "Chair of the Local Safeguarding Children Board", in short "LSCB Chair"."""

    title: str
    short: str
    role: str = ""


@dataclass(frozen=True)
class OfficeHours:
    """When the offices are open on a working day: `from` and `to` in the file. Working hours and reminders keep to them."""

    opens: time = time(9)
    closes: time = time(17)


@dataclass(frozen=True)
class Pauses:
    """For which reasons a clock may be paused, how long at most, and after how long somebody looks whether it still must."""

    reasons: tuple[str, ...]
    longest_working_days: int = 10
    watch_working_days: int = 5


@dataclass(frozen=True)
class Closing:
    """Who confirms the outcome in writing before it counts as resolved: the two parties always (23.18)."""

    confirmed_by: tuple[str, ...] = PARTIES


@dataclass(frozen=True)
class Retention:
    """How many years the record is kept after the end, and which rule says so."""

    years: int
    source: str


@dataclass(frozen=True)
class Document:
    """One policy of one partnership. `calendar` is a division of bank holidays, `concern_channels` belong to 23.11."""

    title: str
    source: str
    word_for_step: str
    calendar: str
    final_body: FinalBody
    steps: tuple[Step, ...]
    categories: tuple[Category, ...]
    concern_channels: tuple[str, ...]
    urgency: Urgency
    signposts: tuple[Signpost, ...] = ()
    tellings: tuple[Telling, ...] = ()
    nudges: Nudges = field(default_factory=Nudges)
    end_of_working_day: time = time(17)
    office_hours: OfficeHours = field(default_factory=OfficeHours)
    draft_reminder_working_days: int = 2
    spans: tuple[Span, ...] = ()
    overall: Limit | None = None
    raise_within: Limit | None = None
    or_before_disputed_act: bool = True
    pauses: Pauses | None = None
    closing: Closing = field(default_factory=Closing)
    retention: Retention | None = None
    within_one_agency: bool = True

    @property
    def ladder(self) -> Ladder:
        return Ladder(self.steps)


LIMIT_KEYS = {"amount": False, "unit": True, "start": False, "assumed": False}
SPAN_KEYS = {"steps": True, "name": False} | LIMIT_KEYS
HOURS_KEYS = {"from": True, "to": True}


def load(text: str) -> Document:
    """Reads a policy in YAML. Raises PolicyErrors with all that is wrong: unknown and double keys, types, units, order."""
    tags: list[PolicyError] = []
    errors: list[PolicyError] = []
    policy = Group(root_of(text, tags), "", keys_of(Document), errors)
    document = _document(policy)
    _check_urgency(policy, document)
    tagged = {error.field for error in tags}
    if tags or errors:  # what a tag has made unreadable is told once
        raise PolicyErrors([*tags, *(error for error in errors if error.field not in tagged)])
    return document


def load_file(path: Path) -> Document:
    """Reads a policy file, never more of it than a policy may have. Raises PolicyErrors, and OSError where it cannot be opened."""
    with path.open("rb") as file:
        content = file.read(KILOBYTES * 1024 + 1)
    if too_large(len(content)):
        raise PolicyErrors([TOO_LARGE])
    try:
        return load(content.decode())
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PolicyErrors([PolicyError(line, "", "is not text in UTF-8")]) from error


def _document(policy: Group) -> Document:
    steps = _steps(policy)
    end_of_day = policy.time_of_day("end_of_working_day", Document.end_of_working_day)
    return Document(
        title=policy.text("title"),
        source=policy.text("source"),
        word_for_step=policy.choice("word_for_step", WORDS_FOR_STEP),
        calendar=policy.choice("calendar", divisions()),
        final_body=_final_body(policy.group("final_body", keys_of(FinalBody))),
        steps=steps,
        categories=_keyed(policy, "categories", Category, _category),
        concern_channels=policy.texts("concern_channels"),
        urgency=_urgency(policy.group("urgency", keys_of(Urgency))),
        signposts=_keyed(policy, "signposts", Signpost, _signpost),
        tellings=tuple(_telling(item, steps) for item in policy.groups("tellings", keys_of(Telling))),
        nudges=_nudges(policy.group("nudges", keys_of(Nudges))) if policy.has("nudges") else Nudges(),
        end_of_working_day=end_of_day,
        office_hours=_office_hours(policy, end_of_day),
        draft_reminder_working_days=policy.number("draft_reminder_working_days", 1, Document.draft_reminder_working_days),
        spans=tuple(_span(item, steps) for item in policy.groups("spans", SPAN_KEYS)),
        overall=_limit_at(policy, "overall", ("raised", "decision")),
        raise_within=_limit_at(policy, "raise_within", ("decision",)),
        or_before_disputed_act=policy.flag("or_before_disputed_act", Document.or_before_disputed_act),
        pauses=_pauses(policy.group("pauses", keys_of(Pauses))) if policy.has("pauses") else None,
        closing=_closing(policy.group("closing", keys_of(Closing))) if policy.has("closing") else Closing(),
        retention=_retention(policy.group("retention", keys_of(Retention))) if policy.has("retention") else None,
        within_one_agency=policy.flag("within_one_agency", Document.within_one_agency),
    )


def _steps(policy: Group) -> tuple[Step, ...]:
    items = policy.groups("steps", keys_of(Step))
    steps = tuple(_step(item) for item in items)
    if len(steps) > MOST_STEPS:
        policy.refuse("steps", f"are {len(steps)}: no ladder has more than {MOST_STEPS}")
    for position, (item, step) in enumerate(zip(items, steps, strict=True), start=1):
        if step.number > 0 and step.number != position:
            item.refuse("number", f"is {step.number}, but this is step {position}: number the steps 1, 2, 3 in their order")
        _check_starts(item, step, steps[position - 2] if position > 1 else None)
    for (_, below), (item, above) in pairwise(zip(items, steps, strict=True)):
        _check_rises(below, above, item)
    for stage in (PRACTITIONER, LINE_MANAGER, LSCB_MEDIATION):
        if steps and not _has_stage(steps, stage):
            policy.refuse("steps", f"have none at the stage {stage}, which every ladder needs (23.13, 23.15, 23.17)")
    return steps


def _check_starts(item: Group, step: Step, below: Step | None) -> None:
    """Every clock starts from something that there is, and none waits for itself."""
    start = step.limit.start if step.limit else ""
    meeting = step.meeting.start if step.meeting else ""
    if start == "previous_answer" and not below:
        item.refuse("limit", "starts at the previous answer, but nothing comes before the first step")
    if start == "meeting" and step.meeting and not (below and below.meeting):
        item.refuse("limit", "starts at the meeting of the step before, which has none; its own meeting waits for this step, in a circle")
    elif start == "meeting" and not (below and below.meeting):
        item.refuse("limit", "starts at the meeting of the step before, but there is none")
    if meeting == "limit_reached" and not step.limit:
        item.refuse("meeting", "starts when the limit of this step is reached, but the step has no limit")
    if step.confirm and not step.meeting:
        item.refuse("confirm", "starts at the meeting, but this step has none")


def _check_rises(below: Step, above: Step, item: Group) -> None:
    if below.stage and above.stage:
        if STAGES.index(above.stage) < STAGES.index(below.stage):
            item.refuse("stage", f"is {above.stage}, which comes before {below.stage}: the ladder only goes up (23.16)")
        if below.stage == LSCB_MEDIATION:
            item.refuse("stage", "follows mediation, but mediation is one step and the last (23.17)")
    if 0 <= above.level < below.level:
        item.refuse("level", f"is {above.level}, lower than {below.level} on the step before: seniority only rises (23.16)")
    if below.tier == "formal" and above.tier == "informal":
        item.refuse("tier", "is informal, but the step before is formal: what is formal stays formal")


def _step(item: Group) -> Step:
    return Step(
        number=item.number("number", 1),
        stage=item.choice("stage", STAGES),
        name=item.text("name"),
        raised_by=item.text("raised_by"),
        answered_by=item.text("answered_by"),
        level=item.number("level", 0),
        limit=_limit_at(item, "limit", STARTS_OF_STEP, "would start when it is reached itself: it waits for itself, in a circle"),
        tier=item.choice("tier", TIERS),
        acknowledge=_limit_at(item, "acknowledge", ("step_begun",)),
        answer=_limit_at(item, "answer", ("step_begun",)),
        meeting=_limit_at(item, "meeting", STARTS_OF_MEETING, "would start at itself: it waits for itself, in a circle"),
        confirm=_limit_at(item, "confirm", ("meeting",)),
    )


def _limit_at(parent: Group, key: str, starts: tuple[str, ...], circle: str = "") -> Limit | None:
    return _limit(parent.group(key, LIMIT_KEYS), starts, circle) if parent.has(key) else None


def _limit(item: Group, starts: tuple[str, ...], circle: str = "") -> Limit:
    """A limit that may start at one of `starts`; the first of them is meant where none is named."""
    unit = item.choice("unit", UNITS)
    if unit == "at_once":
        amount = item.number("amount", 0, 0, at_most=0)
    else:
        amount = item.number("amount", 1)
        if unit and not item.has("amount"):
            item.refuse("amount", "is missing")
    start = item.choice("start", STARTS, starts[0])
    if start not in starts:
        waits_for_itself = circle and start == ("meeting" if starts == STARTS_OF_MEETING else "limit_reached")
        item.refuse("start", circle if waits_for_itself else f"is {start}, but here it must be {' or '.join(starts)}")
    return Limit(amount=amount, unit=unit, start=start, assumed=item.flag("assumed", Limit.assumed))


def _span(item: Group, steps: tuple[Step, ...]) -> Span:
    numbers = item.numbers("steps", ())
    if any(number > len(steps) for number in numbers):
        item.refuse("steps", f"name step {max(numbers)}, but the ladder has {len(steps)}")
    elif any(above != below + 1 for below, above in pairwise(numbers) if below > 0 and above > 0):
        item.refuse("steps", "must follow one another, such as [1, 2, 3]")
    return Span(numbers, _limit(item, ("step_begun", "raised", "decision")), item.text("name"))


def _category(item: Group) -> Category:
    return Category(key=item.key("key"), label=item.text("label"))


def _signpost(item: Group) -> Signpost:
    return Signpost(item.key("key"), item.text("question"), item.text("goes_to"), item.text("source"))


def _urgency(item: Group) -> Urgency:
    tracks = _keyed(item, "tracks", Track, _track)
    if sum(track.immediate_risk for track in tracks) > 1:
        item.refuse("tracks", "are taken at immediate risk more than once: only one can be")
    return Urgency(
        leave_first=item.texts("leave_first"),
        may_start_at="" if item.is_blank("may_start_at") else item.choice("may_start_at", STAGES[1:], Urgency.may_start_at),
        shrink=_limit_at(item, "shrink", ("step_begun",)),
        needed_by=item.flag("needed_by", Urgency.needed_by),
        standstill=item.flag("standstill", Urgency.standstill),
        tracks=tracks,
    )


def _track(item: Group) -> Track:
    covers = item.choice("covers", COVERS) if item.has("covers") else Track.covers
    starts = STARTS_OF_TRACK.get(covers, STARTS)
    return Track(
        key=item.key("key"),
        label=item.text("label"),
        limit=_limit(item.group("limit", LIMIT_KEYS), starts),
        covers=covers,
        immediate_risk=item.flag("immediate_risk", Track.immediate_risk),
    )


def _has_stage(steps: tuple[Step, ...], stage: str) -> bool:
    """Whether a step belongs to the stage, or may do so: what is wrong with the stage of a step has been told there."""
    return any(step.stage in (stage, "") for step in steps)


def _check_urgency(policy: Group, document: Document) -> None:
    stage = document.urgency.may_start_at
    if stage and document.steps and not _has_stage(document.steps, stage):
        policy.refuse("urgency", f"may start at {stage}, but no step of the ladder belongs to it")


def _telling(item: Group, steps: tuple[Step, ...]) -> Telling:
    stage = item.choice("stage", STAGES) if item.has("stage") else None
    step = item.number("step", 1) if item.has("step") else None
    if stage is not None and step is not None:
        item.refuse("step", "stands beside a stage: say the one or the other")
    elif step is not None and step > len(steps):
        item.refuse("step", f"is {step}, but the ladder has {len(steps)}")
    elif stage and steps and not _has_stage(steps, stage):
        item.refuse("stage", f"is {stage}, but no step of the ladder belongs to it")
    return Telling(event=item.choice("event", EVENTS), who=item.choice("who", TOLD), stage=stage, step=step)


def _nudges(item: Group) -> Nudges:
    nudges = Nudges(
        before=item.numbers("before", Nudges.before),
        at=item.flag("at", Nudges.at),
        after=item.numbers("after", Nudges.after),
        chaser_days=item.number("chaser_days", 1, Nudges.chaser_days),
        manager_from=item.choice("manager_from", NUDGES, Nudges.manager_from),
        office_from=item.choice("office_from", NUDGES, Nudges.office_from),
        urgent=_urgent_nudges(item.group("urgent", keys_of(UrgentNudges))) if item.has("urgent") else UrgentNudges(),
    )
    _check_chaser(item, "chaser_days", nudges.chaser_days, nudges.after)
    _check_differ(item, "before", nudges.before)
    _check_differ(item, "after", nudges.after)
    return nudges


def _urgent_nudges(item: Group) -> UrgentNudges:
    nudges = UrgentNudges(
        before_minutes=item.numbers("before_minutes", UrgentNudges.before_minutes, at_most=FORTNIGHT),
        at=item.flag("at", UrgentNudges.at),
        after_minutes=item.numbers("after_minutes", UrgentNudges.after_minutes, at_most=FORTNIGHT),
        chaser_minutes=item.number("chaser_minutes", 1, UrgentNudges.chaser_minutes, at_most=FORTNIGHT),
    )
    _check_chaser(item, "chaser_minutes", nudges.chaser_minutes, nudges.after_minutes)
    _check_differ(item, "before_minutes", nudges.before_minutes)
    _check_differ(item, "after_minutes", nudges.after_minutes)
    return nudges


def _check_chaser(item: Group, key: str, chaser: int, after: tuple[int, ...]) -> None:
    if 0 < chaser <= max(after, default=0):
        item.refuse(key, "is the last chaser, so it must come later than every other")


def _check_differ(item: Group, key: str, offsets: tuple[int, ...]) -> None:
    if len({*offsets} - {-1}) < len([one for one in offsets if one != -1]):
        item.refuse(key, "holds one number twice")


def _final_body(item: Group) -> FinalBody:
    return FinalBody(title=item.text("title"), short=item.text("short"), role=item.text("role"))


def _office_hours(policy: Group, end_of_day: time) -> OfficeHours:
    if not policy.has("office_hours"):
        return OfficeHours(closes=end_of_day) if end_of_day > OfficeHours.opens else OfficeHours()
    item = policy.group("office_hours", HOURS_KEYS)
    hours = OfficeHours(item.time_of_day("from", OfficeHours.opens), item.time_of_day("to", OfficeHours.closes))
    if item.has("from") and item.has("to") and hours.closes <= hours.opens:
        item.refuse("to", "must be later than from")
    return hours


def _pauses(item: Group) -> Pauses:
    pauses = Pauses(
        reasons=item.texts("reasons"),
        longest_working_days=item.number("longest_working_days", 1, Pauses.longest_working_days),
        watch_working_days=item.number("watch_working_days", 1, Pauses.watch_working_days),
    )
    if 0 < pauses.longest_working_days < pauses.watch_working_days and item.has("watch_working_days"):
        item.refuse("watch_working_days", f"is later than the end of the longest pause, {pauses.longest_working_days} working days")
    return pauses


def _closing(item: Group) -> Closing:
    confirmed_by = item.choices("confirmed_by", SIDES, Closing.confirmed_by)
    if item.has("confirmed_by") and not {*PARTIES} <= {*confirmed_by}:
        item.refuse("confirmed_by", "must hold raising and responding: both parties confirm (23.18)")
    return Closing(confirmed_by)


def _retention(item: Group) -> Retention:
    return Retention(item.number("years", 1, at_most=150), item.text("source"))


Keyed = TypeVar("Keyed", Category, Signpost, Track)


def _keyed(policy: Group, key: str, kind: type[Keyed], read: Callable[[Group], Keyed]) -> tuple[Keyed, ...]:
    """A list whose entries are told apart by their key."""
    items = policy.groups(key, keys_of(kind))
    found = tuple(read(item) for item in items)
    for position, (item, one) in enumerate(zip(items, found, strict=True)):
        if one.key and one.key in {earlier.key for earlier in found[:position]}:
            item.refuse("key", f"is {one.key}, which stands above already")
    return found
