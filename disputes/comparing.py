"""Two versions of a text, compared word by word. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

SAME, ADDED, REMOVED = "same", "added", "removed"

_WORDS = re.compile(r"\s+|[\w’'-]+|[^\w\s]")  # a gap, a word, or one sign: together they are the whole text
ALL_AT_ONCE = 8_000  # words of both texts; longer ones are compared paragraph by paragraph first, else it could take minutes


@dataclass(frozen=True)
class Piece:
    """A run of text and what became of it: SAME, ADDED or REMOVED."""

    kind: str
    text: str


def compare(before: str, after: str) -> list[Piece]:
    """What became of each word, in reading order, what was removed before what came in its place.

    Nothing is lost: SAME and REMOVED together are `before`, SAME and ADDED together are `after`, letter for letter. Empty where both
    are empty.
    """
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) + len(new) <= ALL_AT_ONCE:
        return _joined(_matched(old, new))
    return _joined(_by_paragraphs(before, after))


def lines(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """The same pieces in the lines of the text, empty lines left out: a page shows each as a paragraph."""
    found: list[list[Piece]] = [[]]
    for piece in pieces:
        first, *rest = piece.text.split("\n")
        found[-1] += [Piece(piece.kind, first)] if first else []
        for text in rest:
            found.append([Piece(piece.kind, text)] if text else [])
    return [line for line in found if any(piece.text.strip() for piece in line)]


def is_changed(pieces: Iterable[Piece]) -> bool:
    return any(piece.kind != SAME for piece in pieces)


def _matched(old: list[str], new: list[str]) -> Iterator[Piece]:
    """The beginning and the end that both share are set aside first: what is left is mostly short."""
    start, end = _shared(old, new), 0
    end = _shared(old[start:][::-1], new[start:][::-1])
    yield Piece(SAME, "".join(old[:start]))
    a, b = old[start : len(old) - end], new[start : len(new) - end]
    for kind, from_a, to_a, from_b, to_b in SequenceMatcher(str.isspace, a, b).get_opcodes():
        if kind == "equal":
            yield Piece(SAME, "".join(a[from_a:to_a]))
        else:
            yield Piece(REMOVED, "".join(a[from_a:to_a]))
            yield Piece(ADDED, "".join(b[from_b:to_b]))
    yield Piece(SAME, "".join(old[len(old) - end :]))


def _shared(one: list[str], other: list[str]) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _by_paragraphs(before: str, after: str) -> Iterator[Piece]:
    """Paragraphs that both have stay; those in between are compared in their words if they are not too long, else shown whole."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for kind, from_a, to_a, from_b, to_b in SequenceMatcher(None, old, new).get_opcodes():
        a, b = "".join(old[from_a:to_a]), "".join(new[from_b:to_b])
        words = (_WORDS.findall(a), _WORDS.findall(b))
        if kind == "equal":
            yield Piece(SAME, a)
        elif len(words[0]) + len(words[1]) <= ALL_AT_ONCE:
            yield from _matched(*words)
        else:
            yield Piece(REMOVED, a)
            yield Piece(ADDED, b)


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    """Changes with only a gap between them are one change: nobody reads, or hears, a text that jumps at every word."""
    runs: list[list[str]] = []  # each one [same, removed, added]
    for piece in pieces:
        if not runs or (piece.kind == SAME and piece.text and any(runs[-1][1:])):
            runs.append(["", "", ""])
        runs[-1][(SAME, REMOVED, ADDED).index(piece.kind)] += piece.text
    joined: list[list[str]] = []
    for same, removed, added in runs:
        if joined and any(joined[-1][1:]) and any((removed, added)) and same.isspace() and "\n" not in same:
            joined[-1][1] += same + removed
            joined[-1][2] += same + added
        else:
            joined.append([same, removed, added])
    parts = (Piece(kind, text) for run in joined for kind, text in zip((SAME, REMOVED, ADDED), run, strict=True))
    return [part for part in parts if part.text]


__all__ = ["ADDED", "REMOVED", "SAME", "Piece", "compare", "is_changed", "lines"]
