"""Reads what a partnership has set down as its procedure, and says line by line what is wrong with it (23.12 to 23.18)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import time
from itertools import pairwise
from typing import Any, TypeVar

import yaml

from procedure.calendars import divisions
from procedure.ladder import LINE_MANAGER, LSCB_MEDIATION, PRACTITIONER, STAGES, Ladder, Limit, Step

__all__ = [
    "Category",
    "Document",
    "FinalBody",
    "Ladder",
    "Limit",
    "Nudges",
    "PolicyError",
    "PolicyErrors",
    "Signpost",
    "Step",
    "Telling",
    "Urgency",
    "load",
]

WORDS_FOR_STEP = ("step", "stage", "level")
UNITS = ("minutes", "hours", "calendar_days", "working_days")
UNITS_NOT_COUNTED_YET = ("working_hours", "at_once")
STARTS = ("step_begun", "raised", "previous_answer")
EVENTS = ("raised", "step_begun", "limit_reached", "asked_chair", "resolved", "closed")
TOLD = ("office", "next_manager", "chair")
LARGEST = 1000  # of anything: what is larger is a slip of the keyboard, and counting it would take long
TEXT, NUMBER, BOOL, NULL = (f"tag:yaml.org,2002:{tag}" for tag in ("str", "int", "bool", "null"))


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
class Urgency:
    """When a child is at immediate risk (23.13): what to do before anything else, and the stage one may start at."""

    leave_first: tuple[str, ...]
    may_start_at: str = LINE_MANAGER


@dataclass(frozen=True)
class Telling:
    """Who is told when something happens. With a stage, only if the disagreement stands, or stood last, at that stage."""

    event: str
    who: str
    stage: str | None = None


@dataclass(frozen=True)
class Nudges:
    """When people are reminded of a limit: working days before and after it, and at it. `chaser_days` after it, a last time."""

    before: tuple[int, ...] = (1,)
    at: bool = True
    after: tuple[int, ...] = (1,)
    chaser_days: int = 5


@dataclass(frozen=True)
class FinalBody:
    """Who mediates in the end (23.17): "Chair of the Local Safeguarding Children Board", in short "LSCB Chair"."""

    title: str
    short: str


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
    draft_reminder_working_days: int = 2

    @property
    def ladder(self) -> Ladder:
        return Ladder(self.steps)


@dataclass(frozen=True, order=True)
class PolicyError:
    """One thing wrong: its line, counted from 1, the field ("steps[2].limit.unit", also from 1), and a sentence."""

    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.field}: {self.message}" if self.field else f"line {self.line}: {self.message}"


class PolicyErrors(ValueError):
    """The policy cannot be used; `errors` holds everything that is wrong with it, in the order of its lines."""

    def __init__(self, errors: Iterable[PolicyError]) -> None:
        self.errors = sorted(set(errors))
        super().__init__("\n".join(map(str, self.errors)))


def load(text: str) -> Document:
    """Reads a policy in YAML. Raises PolicyErrors with all that is wrong: unknown and double keys, types, units, order."""
    errors: list[PolicyError] = []
    policy = _Mapping(_root(text), "", Document, errors)
    document = _document(policy)
    _check_urgency(policy, document)
    if errors:
        raise PolicyErrors(errors)
    return document


def _root(text: str) -> yaml.Node:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PolicyErrors([PolicyError(line, "", f"is not YAML: {error.problem}")]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise PolicyErrors([PolicyError(line, "", "holds a character that YAML does not allow")]) from error
    except RecursionError as error:
        raise PolicyErrors([PolicyError(1, "", "is nested too deeply")]) from error
    if root is None:
        raise PolicyErrors([PolicyError(1, "", "is empty")])
    return root


def _document(policy: _Mapping) -> Document:
    return Document(
        title=policy.text("title"),
        source=policy.text("source"),
        word_for_step=policy.choice("word_for_step", WORDS_FOR_STEP),
        calendar=policy.choice("calendar", divisions()),
        final_body=_final_body(policy.mapping("final_body", FinalBody)),
        steps=_steps(policy),
        categories=_keyed(policy, "categories", Category, _category),
        concern_channels=policy.texts("concern_channels"),
        urgency=_urgency(policy.mapping("urgency", Urgency)),
        signposts=_keyed(policy, "signposts", Signpost, _signpost),
        tellings=tuple(_telling(item) for item in policy.mappings("tellings", Telling)),
        nudges=_nudges(policy.mapping("nudges", Nudges)) if policy.has("nudges") else Nudges(),
        end_of_working_day=policy.time_of_day("end_of_working_day", Document.end_of_working_day),
        draft_reminder_working_days=policy.number("draft_reminder_working_days", 1, Document.draft_reminder_working_days),
    )


def _steps(policy: _Mapping) -> tuple[Step, ...]:
    items = policy.mappings("steps", Step)
    steps = tuple(_step(item) for item in items)
    for position, (item, step) in enumerate(zip(items, steps, strict=True), start=1):
        if step.number > 0 and step.number != position:
            item.refuse("number", f"is {step.number}, but this is step {position}: number the steps 1, 2, 3 in their order")
        if position == 1 and step.limit and step.limit.start == "previous_answer":
            item.refuse("limit", "starts at the previous answer, but nothing comes before the first step")
    for (_, below), (item, above) in pairwise(zip(items, steps, strict=True)):
        _check_rises(below, above, item)
    for stage in (PRACTITIONER, LINE_MANAGER, LSCB_MEDIATION):
        if steps and all(step.stage not in (stage, "") for step in steps):
            policy.refuse("steps", f"have none at the stage {stage}, which every ladder needs (23.13, 23.15, 23.17)")
    return steps


def _check_rises(below: Step, above: Step, item: _Mapping) -> None:
    if below.stage and above.stage:
        if STAGES.index(above.stage) < STAGES.index(below.stage):
            item.refuse("stage", f"is {above.stage}, which comes before {below.stage}: the ladder only goes up (23.16)")
        if below.stage == LSCB_MEDIATION:
            item.refuse("stage", "follows mediation, but mediation is one step and the last (23.17)")
    if 0 <= above.level < below.level:
        item.refuse("level", f"is {above.level}, lower than {below.level} on the step before: seniority only rises (23.16)")


def _step(item: _Mapping) -> Step:
    return Step(
        number=item.number("number", 1),
        stage=item.choice("stage", STAGES),
        name=item.text("name"),
        raised_by=item.text("raised_by"),
        answered_by=item.text("answered_by"),
        level=item.number("level", 0),
        limit=_limit(item.mapping("limit", Limit)) if item.has("limit") else None,
    )


def _limit(item: _Mapping) -> Limit:
    unit = item.choice("unit", UNITS + UNITS_NOT_COUNTED_YET)
    if unit in UNITS_NOT_COUNTED_YET:
        item.refuse("unit", f"is {unit}, which cannot be counted yet: use one of {', '.join(UNITS)}")
    return Limit(
        amount=item.number("amount", 1),
        unit=unit,
        start=item.choice("start", STARTS, Limit.start),
        assumed=item.flag("assumed", Limit.assumed),
    )


def _category(item: _Mapping) -> Category:
    return Category(key=item.key("key"), label=item.text("label"))


def _signpost(item: _Mapping) -> Signpost:
    return Signpost(item.key("key"), item.text("question"), item.text("goes_to"), item.text("source"))


def _urgency(item: _Mapping) -> Urgency:
    return Urgency(item.texts("leave_first"), item.choice("may_start_at", STAGES[1:], Urgency.may_start_at))


def _check_urgency(policy: _Mapping, document: Document) -> None:
    stage = document.urgency.may_start_at
    if document.steps and stage not in {step.stage for step in document.steps}:
        policy.refuse("urgency", f"may start at {stage}, but no step of the ladder belongs to it")


def _telling(item: _Mapping) -> Telling:
    stage = item.choice("stage", STAGES) if item.has("stage") else None
    return Telling(event=item.choice("event", EVENTS), who=item.choice("who", TOLD), stage=stage)


def _nudges(item: _Mapping) -> Nudges:
    nudges = Nudges(
        before=item.numbers("before", Nudges.before),
        at=item.flag("at", Nudges.at),
        after=item.numbers("after", Nudges.after),
        chaser_days=item.number("chaser_days", 1, Nudges.chaser_days),
    )
    if 0 < nudges.chaser_days <= max(nudges.after, default=0):
        item.refuse("chaser_days", "is the last chaser, so it must come later than every other")
    return nudges


def _final_body(item: _Mapping) -> FinalBody:
    return FinalBody(title=item.text("title"), short=item.text("short"))


Keyed = TypeVar("Keyed", Category, Signpost)


def _keyed(policy: _Mapping, key: str, kind: type[Keyed], read: Callable[[_Mapping], Keyed]) -> tuple[Keyed, ...]:
    """A list whose entries are told apart by their key."""
    items = policy.mappings(key, kind)
    found = tuple(read(item) for item in items)
    for position, (item, one) in enumerate(zip(items, found, strict=True)):
        if one.key and one.key in {earlier.key for earlier in found[:position]}:
            item.refuse("key", f"is {one.key}, which stands above already")
    return found


class _Mapping:
    """One mapping of the YAML text, read key by key. What is wrong is added to `errors`, and reading goes on.

    `kind` is the dataclass it becomes: its fields are the keys allowed, those without a default the keys needed. A key that
    is absent or wrong reads as its default; the document is never handed out then.
    """

    def __init__(self, node: yaml.Node, path: str, kind: type[Any], errors: list[PolicyError]) -> None:
        self._node, self._path, self._errors = node, path, errors
        self._values: dict[str, yaml.Node] = {}
        self._needed = {field.name for field in fields(kind) if field.default is field.default_factory is MISSING}
        if not isinstance(node, yaml.MappingNode):
            self._refuse_at(node, path, "must be a group of keys and values")
            return
        for key, value in node.value:
            self._take(key, value, [field.name for field in fields(kind)])
        for name in sorted(name for name in self._needed if not self.has(name)):
            self._refuse_at(self._values.get(name, node), self._path_to(name), "is missing")

    def _take(self, key: yaml.Node, value: yaml.Node, allowed: Sequence[str]) -> None:
        name = key.value if isinstance(key, yaml.ScalarNode) else "?"
        if name in self._values:
            self._refuse_at(key, self._path_to(name), "stands here twice")
        elif name in allowed:
            self._values[name] = value
        else:
            meant = difflib.get_close_matches(name, allowed, n=1)
            hint = f": did you mean {meant[0]}?" if meant else f"; known here: {', '.join(allowed)}"
            self._refuse_at(key, self._path_to(name), f"is not a key that is known here{hint}")

    def refuse(self, key: str, message: str) -> None:
        self._refuse_at(self._values.get(key, self._node), self._path_to(key), message)

    def _refuse_at(self, node: yaml.Node, path: str, message: str) -> None:
        self._errors.append(PolicyError(node.start_mark.line + 1, path, message))

    def _path_to(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def has(self, key: str) -> bool:
        """Whether the key is there and not null."""
        return key in self._values and self._values[key].tag != NULL

    def text(self, key: str) -> str:
        return self._text(self._values[key], self._path_to(key)) if self.has(key) else ""

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(self._text(item, path) for item, path in self._items(key))

    def key(self, key: str) -> str:
        """A short name for the database: small letters, figures and low lines."""
        value = self.text(key)
        if value and not re.fullmatch("[a-z][a-z0-9_]{0,39}", value):
            self.refuse(key, f"is {value!r}, but may hold only small letters, figures and _ (40 at most)")
        return value

    def choice(self, key: str, options: Sequence[str], default: str = "") -> str:
        value = self.text(key)
        if value in options:
            return value
        if value:
            self.refuse(key, f"is {value!r}, but must be one of {', '.join(options)}")
        return default

    def number(self, key: str, at_least: int, default: int = -1) -> int:
        return self._number(self._values[key], self._path_to(key), at_least) if self.has(key) else default

    def numbers(self, key: str, default: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(self._number(item, path, 1) for item, path in self._items(key)) if self.has(key) else default

    def flag(self, key: str, default: bool) -> bool:
        if not self.has(key):
            return default
        value = _scalar(self._values[key], BOOL).lower()
        if not value:
            self.refuse(key, "must be true or false, without quotes")
        return value in ("true", "yes", "on")

    def time_of_day(self, key: str, default: time) -> time:
        """A local time such as 17:00. YAML takes that for the number 1020, so the text is read and not the value."""
        if not self.has(key):
            return default
        value = str(self._values[key].value)
        if re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", value):
            return time.fromisoformat(value)
        self.refuse(key, "must be a time of day such as 17:00")
        return default

    def mapping(self, key: str, kind: type[Any]) -> _Mapping:
        if self.has(key):
            return _Mapping(self._values[key], self._path_to(key), kind, self._errors)
        return _Mapping(self._node, self._path_to(key), kind, [])

    def mappings(self, key: str, kind: type[Any]) -> list[_Mapping]:
        return [_Mapping(item, path, kind, self._errors) for item, path in self._items(key)]

    def _items(self, key: str) -> list[tuple[yaml.Node, str]]:
        """The entries of a list, each with its path; a list that is needed holds at least one."""
        if not self.has(key):
            return []
        node = self._values[key]
        if not isinstance(node, yaml.SequenceNode):
            self.refuse(key, "must be a list")
            return []
        if not node.value and key in self._needed:
            self.refuse(key, "must hold at least one entry")
        return [(item, f"{self._path_to(key)}[{n}]") for n, item in enumerate(node.value, start=1)]

    def _text(self, node: yaml.Node, path: str) -> str:
        value = _scalar(node, TEXT).strip()
        if not value:
            self._refuse_at(node, path, "must be text: put it in quotes if it looks like a number, a date, yes or no")
        return value

    def _number(self, node: yaml.Node, path: str, at_least: int) -> int:
        value = _scalar(node, NUMBER)
        if re.fullmatch("0|[1-9][0-9]{0,3}", value) and at_least <= int(value) <= LARGEST:
            return int(value)
        self._refuse_at(node, path, f"must be a whole number from {at_least} to {LARGEST}, without quotes")
        return -1


def _scalar(node: yaml.Node, tag: str) -> str:
    """The text of a single value of that kind, "" for everything else."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) and node.tag == tag else ""
