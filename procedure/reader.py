"""Reads YAML key by key and names the line and the field of all that is wrong, so that a policy is mended in one go."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import time
from typing import Any

import yaml

KILOBYTES = 256  # a policy is a few pages
DEPTH = 20
MOST_NODES = 10_000  # keys, values and entries: the largest policy has some hundreds
LARGEST = 1000  # of anything: what is larger is a slip of the keyboard, and counting it would take long
LONGEST_TEXT = 1000
LONGEST_LIST = 100
MOST_ERRORS = 100
NO_CHARACTER = r"\\U(?!000|0010)[0-9A-Fa-f]{8}"
TEXT, NUMBER, BOOL, NULL = (f"tag:yaml.org,2002:{tag}" for tag in ("str", "int", "bool", "null"))


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
        if len(self.errors) > MOST_ERRORS:
            last = self.errors[MOST_ERRORS - 1]
            more = PolicyError(last.line, "", "has more mistakes below: mend these first")
            self.errors = [*self.errors[:MOST_ERRORS], more]
        super().__init__("\n".join(map(str, self.errors)))


def root_of(text: str, errors: list[PolicyError]) -> yaml.Node:
    """The YAML text as nodes; its tags are added to `errors`. Raises PolicyErrors for what cannot be read, or not safely."""
    if too_large(len(text)) or too_large(len(text.encode(errors="replace"))):
        raise PolicyErrors([TOO_LARGE])
    try:
        errors += _tags(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except PolicyErrors:
        raise
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PolicyErrors([PolicyError(line, "", f"is not YAML: {_said_of(error)}")]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise PolicyErrors([PolicyError(line, "", "holds a character that YAML does not allow")]) from error
    except RecursionError as error:
        raise PolicyErrors([PolicyError(1, "", "is nested too deeply")]) from error
    except (ValueError, OverflowError) as error:
        found = re.search(NO_CHARACTER, text)
        line = text.count("\n", 0, found.start()) + 1 if found else 1
        said = "holds a character that does not exist" if found else f"is not YAML: {short(str(error))}"
        raise PolicyErrors([PolicyError(line, "", said)]) from error
    if root is None:
        raise PolicyErrors([PolicyError(1, "", "is empty")])
    return root


TOO_LARGE = PolicyError(1, "", f"is larger than {KILOBYTES} KB: a policy is a few pages")


def _said_of(error: yaml.MarkedYAMLError) -> str:
    """What the reader of YAML stumbled on, in the words of somebody who has never heard of tokens."""
    problem = error.problem or "it cannot be read"
    return next((said for part, said in STUMBLES if part in problem), short(problem))


STUMBLES = (
    (r"found character '\t'", "begins with a tab: put spaces in its place"),
    (
        "expected <block end>",
        "does not fit with what stands above: look there for an open quote, a missing colon or the indent",
    ),
    ("could not find expected ':'", "a colon is missing here or above, or a quote is not closed"),
    ("mapping values are not allowed", "has a colon too many, or one is missing in the line above: put text that holds a colon in quotes"),
    ("found unexpected end of stream", "a quote is opened and not closed"),
    ("but found another document", "begins a second document: a file holds one"),
    ("incompatible YAML document", "asks for another version of YAML: leave the line out"),
)


def too_large(size: int) -> bool:
    """Whether so many bytes are more than a policy may have."""
    return size > KILOBYTES * 1024


def short(text: str) -> str:
    """Enough of a text to be recognised in a message of one line."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."


class _Place:
    """Where the reader of events stands: in which group or list, and at which key or entry of it."""

    def __init__(self, path: str, is_list: bool) -> None:
        self._path, self._is_list = path, is_list
        self._count, self._key, self._at_key = 0, "?", True

    def next(self, event: yaml.Event) -> str:
        """The path of the node that begins with this event."""
        self._count += 1
        if self._is_list:
            return f"{self._path}[{self._count}]"
        if self._at_key:
            self._key = short(event.value) if isinstance(event, yaml.ScalarEvent) else "?"
        self._at_key = not self._at_key
        return f"{self._path}.{self._key}" if self._path else self._key


def _tags(text: str) -> list[PolicyError]:
    """The tags, which a policy does not need. Raises PolicyErrors for references, which can grow without end, and deep nesting."""
    places: list[_Place] = []
    errors: list[PolicyError] = []
    nodes = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionEndEvent):
            places.pop()
        if not isinstance(event, yaml.NodeEvent):
            continue
        path = places[-1].next(event) if places else ""
        line = event.start_mark.line + 1 if event.start_mark else 1
        nodes += 1
        if nodes > MOST_NODES:
            raise PolicyErrors([PolicyError(line, "", f"holds more than {MOST_NODES:,} keys and values: a policy is a few pages")])
        if event.anchor:
            message = f"uses the reference {short(event.anchor)} (& or *), which repeats another part of the file: write it out instead"
            raise PolicyErrors([*errors, PolicyError(line, path, message)])
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag:
            errors.append(PolicyError(line, path, f"has the tag {short(event.tag)}: leave out what begins with !"))
        if isinstance(event, yaml.CollectionStartEvent):
            places.append(_Place(path, is_list=isinstance(event, yaml.SequenceStartEvent)))
            if len(places) > DEPTH:
                raise PolicyErrors([*errors, PolicyError(line, "", "is nested too deeply")])
    return errors


def keys_of(kind: type[Any]) -> dict[str, bool]:
    """The fields of a dataclass as keys of YAML, each with whether it is needed: those without a default."""
    return {one.name: one.default is one.default_factory is MISSING for one in fields(kind)}


class Group:
    """One group of keys and values of the YAML text, read key by key. What is wrong is added to `errors`, and reading goes on.

    `keys` are the keys allowed, each with whether it is needed. A key that is absent or wrong reads as its default; the
    document is never handed out then.
    """

    def __init__(self, node: yaml.Node, path: str, keys: dict[str, bool], errors: list[PolicyError]) -> None:
        self._node, self._path, self._errors = node, path, errors
        self._values: dict[str, yaml.Node] = {}
        self._needed = {name for name, needed in keys.items() if needed}
        if not isinstance(node, yaml.MappingNode):
            self._refuse_at(node, path, "must be a group of keys and values")
            return
        for key, value in node.value:
            self._take(key, value, list(keys))
        for name in sorted(name for name in self._needed if not self.has(name)):
            self._refuse_at(self._values.get(name, node), self._path_to(name), "is missing")

    def _take(self, key: yaml.Node, value: yaml.Node, allowed: Sequence[str]) -> None:
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
        if name in self._values:
            self._refuse_at(key, self._path_to(name), "stands here twice")
        elif name in allowed:
            self._values[name] = value
        elif len(self._errors) <= MOST_ERRORS:
            meant = difflib.get_close_matches(name[:80], allowed, n=1)
            hint = f": did you mean {meant[0]}?" if meant else f"; known here: {', '.join(allowed)}"
            self._refuse_at(key, self._path_to(name), f"is not a key that is known here{hint}")

    def refuse(self, key: str, message: str) -> None:
        self._refuse_at(self._values.get(key, self._node), self._path_to(key), message)

    def _refuse_at(self, node: yaml.Node, path: str, message: str) -> None:
        self._errors.append(PolicyError(node.start_mark.line + 1, path, message))

    def _path_to(self, key: str) -> str:
        return f"{self._path}.{short(key)}" if self._path else short(key)

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
            self.refuse(key, f"is {short(value)!r}, but may hold only small letters, figures and _ (40 at most)")
        return value

    def choice(self, key: str, options: Sequence[str], default: str = "") -> str:
        value = self.text(key)
        if value in options:
            return value
        if value:
            self.refuse(key, f"is {short(value)!r}, but must be one of {', '.join(options)}")
        return default

    def choices(self, key: str, options: Sequence[str], default: tuple[str, ...]) -> tuple[str, ...]:
        """A list of words out of `options`, each once."""
        if not self.has(key):
            return default
        words = self.texts(key)
        for position, word in enumerate(words):
            if word and word not in options:
                self.refuse(key, f"holds {short(word)!r}, but may hold only {', '.join(options)}")
            elif word and word in words[:position]:
                self.refuse(key, f"holds {word} twice")
        return words

    def number(self, key: str, at_least: int, default: int = -1, at_most: int = LARGEST) -> int:
        return self._number(self._values[key], self._path_to(key), at_least, at_most) if self.has(key) else default

    def numbers(self, key: str, default: tuple[int, ...], at_most: int = LARGEST) -> tuple[int, ...]:
        if not self.has(key):
            return default
        return tuple(self._number(item, path, 1, at_most) for item, path in self._items(key))

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

    def is_blank(self, key: str) -> bool:
        """Whether the key is there and says "" on purpose."""
        return self.has(key) and isinstance(self._values[key], yaml.ScalarNode) and not str(self._values[key].value).strip()

    def group(self, key: str, keys: dict[str, bool]) -> Group:
        if self.has(key):
            return Group(self._values[key], self._path_to(key), keys, self._errors)
        return Group(self._node, self._path_to(key), keys, [])

    def groups(self, key: str, keys: dict[str, bool]) -> list[Group]:
        return [Group(item, path, keys, self._errors) for item, path in self._items(key)]

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
        if len(node.value) > LONGEST_LIST:
            self.refuse(key, f"must hold at most {LONGEST_LIST} entries")
            return []
        return [(item, f"{self._path_to(key)}[{n}]") for n, item in enumerate(node.value, start=1)]

    def _text(self, node: yaml.Node, path: str) -> str:
        value = _scalar(node, TEXT).strip()
        if not value:
            self._refuse_at(node, path, "must be text: put it in quotes if it looks like a number, a date, yes or no")
        elif len(value) > LONGEST_TEXT:
            self._refuse_at(node, path, f"is longer than {LONGEST_TEXT} characters")
        elif re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", value):
            self._refuse_at(node, path, "holds a character that cannot be shown")
        return value

    def _number(self, node: yaml.Node, path: str, at_least: int, at_most: int) -> int:
        value = _scalar(node, NUMBER)
        if re.fullmatch("0|[1-9][0-9]{0,5}", value) and at_least <= int(value) <= at_most:
            return int(value)
        self._refuse_at(node, path, f"must be a whole number from {at_least} to {at_most}, without quotes")
        return -1


def _scalar(node: yaml.Node, tag: str) -> str:
    """The text of a single value of that kind, "" for everything else."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) and node.tag == tag else ""
