"""Finds words by which somebody might be known in a general issue, before it leaves the disagreement. Pure: it warns, people decide."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a word gives away."""

    CHILD = "child"
    REFERENCE = "reference"
    PERSON = "person"
    AGENCY = "agency"
    DATE = "date"
    AGE = "age"
    NUMBER = "number"
    PLACE = "place"
    CONTACT = "contact"


@dataclass(frozen=True)
class Known:
    """What a disagreement calls people and places: exactly these words are looked for, beside what looks like a name or a number."""

    children: tuple[str, ...] = ()  # pseudonyms
    references: tuple[str, ...] = ()  # its own, and each side's for the child
    people: tuple[str, ...] = ()  # full names
    agencies: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    everywhere: str = ""  # the partnership's name: a place that all its people share gives nobody away


@dataclass(frozen=True)
class Found:
    """One stretch of a text, from `start` to `end`."""

    start: int
    end: int
    kind: Kind
    text: str


@dataclass(frozen=True)
class Part:
    """A stretch of a text as a page shows it: marked, or not (None)."""

    text: str
    kind: Kind | None = None


MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?"
    r"|dec(?:ember)?)"
)
YEAR = r"(?:19|20)\d\d"
TITLE = (
    r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Doctor|Prof|Professor|Rev|Sir|Dame|Lady|Lord|PC|DC|DS|DI|DCI|Sgt|Sergeant|Constable|Inspector|"
    r"Judge|Sister|Nurse|Aunt(?:ie)?|Uncle|Nan|Gran|Grandma|Grandad)"
)
NAME = r"[^\W\d_a-z][\w'’-]+"
NO_NAME = r"(?!(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)"  # "we miss Monday meetings"
INITIALS = r"[A-Z]\.?[ ]?(?:[A-Z]\b\.?)?"
AGED = r"(?:aged?|is)[ ]+\d{1,2}\b|\(?\d{1,2}(?:[ ]?(?:years?|yrs?|months?|mths?|weeks?)\b|\)|[ -]?y\.?o\.?\b)"

PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (Kind.CONTACT, re.compile(r"[\w.+'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")),
    (Kind.REFERENCE, re.compile(r"(?<!\w)[2-9BCDFGHJ-NP-TV-XZ]{4}-[2-9BCDFGHJ-NP-TV-XZ]{4}(?!\w)", re.IGNORECASE)),
    (Kind.REFERENCE, re.compile(r"(?<!\w)[A-Z]{1,5}[-/]?\d{3,9}(?!\w)")),
    (Kind.NUMBER, re.compile(r"(?<!\d)\d{3}[ -]?\d{3}[ -]?\d{4}(?!\d)")),  # of the NHS
    (Kind.NUMBER, re.compile(r"(?<!\w)[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)", re.IGNORECASE)),  # national insurance
    (Kind.CONTACT, re.compile(r"(?<!\w)(?:\+44[ ]?(?:\(0\))?|0)\d(?:[ -]?\d){8,9}(?!\d)")),
    (Kind.PLACE, re.compile(r"(?<!\w)[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}(?!\w)", re.IGNORECASE)),
    (
        Kind.PLACE,
        re.compile(
            r"(?<!\w)\d{1,4}[A-Za-z]? (?:[A-Z][\w'’]+ ){1,3}"
            r"(?:Road|Street|Lane|Avenue|Close|Drive|Way|Crescent|Court|Place|Row|Terrace)\b"
        ),
    ),
    (Kind.DATE, re.compile(r"(?<!\d)\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})(?!\d)")),
    (Kind.DATE, re.compile(rf"(?<!\d){YEAR}-\d{{2}}-\d{{2}}(?!\d)")),
    (Kind.DATE, re.compile(rf"(?<!\w)\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {MONTH}(?:,? {YEAR})?(?!\w)", re.IGNORECASE)),
    (Kind.DATE, re.compile(rf"(?<!\w){MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:,? {YEAR})?(?!\w)", re.IGNORECASE)),
    (
        Kind.DATE,
        re.compile(rf"(?<!\w)(?:born|d\.?o\.?b\.?|date of birth)[ :]+(?:on |in )?(?:{MONTH} )?\S{{0,11}}[^\s,.;:!?)]", re.IGNORECASE),
    ),
    (Kind.AGE, re.compile(rf"(?<!\w){INITIALS}[ ,]*(?:{AGED})")),
    (Kind.AGE, re.compile(rf"(?<!\w)\d{{1,2}}[ -](?:year|month|week)s?[ -]old[ ,]+{INITIALS}(?!\w)")),
    (Kind.PERSON, re.compile(rf"(?<!\w)(?i:{TITLE})\.? {NO_NAME}{NAME}(?: {NAME})?(?!\w)")),
    (Kind.PERSON, re.compile(rf"(?<!\w)(?:called|named|surname|known as) {NAME}(?!\w)")),
)
SHORTEST = 3  # of a part of a name
MANY_WORDS = 2
ORDINARY = frozenset(  # what an agency is, not which one
    """the and of for in at a primary junior infant infants secondary high middle nursery school schools academy college trust nhs
    foundation health healthcare community hospital hospitals surgery practice medical centre children children's childrens child young
    people people's social care services service council county city borough district police constabulary probation team teams front
    door mental adolescent family families safeguarding education housing youth justice midwifery nursing fire rescue ambulance charity
    hub partnership local authority public protection st saint""".split()  # noqa: SIM905 - words read better as words
)


def find(text: str, known: Known | None = None) -> list[Found]:
    """Every stretch that may identify somebody, in order, none inside another."""
    known = known or Known()
    plain = text.replace("’", "'")  # the same length: positions stay
    hits = sorted({*_known_in(plain, known), *_patterns_in(plain)}, key=lambda hit: (hit[0], -hit[1]))
    found: list[Found] = []
    for start, end, kind in hits:
        if not found or start >= found[-1].end:
            found.append(Found(start, end, kind, text[start:end]))
    return found


def parts(text: str, found: Iterable[Found]) -> list[Part]:
    """The text as marked and unmarked stretches, nothing left out."""
    made, at = [], 0
    for one in found:
        if one.start > at:
            made.append(Part(text[at : one.start]))
        made.append(Part(one.text, one.kind))
        at = one.end
    return [*made, Part(text[at:])] if at < len(text) else made


# ── what the disagreement itself calls them ─────────────────────────────────────────────────────────────────────────

Hit = tuple[int, int, Kind]


def _patterns_in(text: str) -> Iterator[Hit]:
    for kind, pattern in PATTERNS:
        for match in pattern.finditer(text):
            yield match.start(), match.end(), kind


def _known_in(text: str, known: Known) -> Iterator[Hit]:
    everywhere = known.everywhere.casefold()
    for word in known.children:
        yield from _where(text, word, Kind.CHILD)
    for word in known.references:
        yield from _where(text, word, Kind.REFERENCE)
    for name in known.people:
        yield from _where(text, name, Kind.PERSON)
        for part in _words(name):
            if len(part) >= SHORTEST:  # "will" is a verb; "Will" and "WILL" may be a person
                yield from _where(text, part, Kind.PERSON, as_written=True)
    for name in (*known.agencies, *known.teams):
        distinct = _distinct(name)
        is_own = bool(distinct) and distinct.casefold() not in everywhere
        if is_own or len(_words(name)) >= MANY_WORDS:
            yield from _where(text, name, Kind.AGENCY, as_written=not is_own)
        if is_own and len(distinct) > SHORTEST:
            yield from _where(text, distinct, Kind.AGENCY, as_written=True)


def _where(text: str, word: str, kind: Kind, *, as_written: bool = False) -> Iterator[Hit]:
    """Where it stands as a whole word; as written (or all in capitals) where it is an ordinary word too."""
    word = word.replace("’", "'").strip()
    if not word:
        return
    loose = r"\s+".join(re.escape(part) for part in word.split())
    any_of = rf"{loose}|{loose.upper()}" if as_written and loose.replace(r"\s", "") == loose else loose
    for match in re.finditer(rf"(?<!\w)(?:{any_of})(?!\w)", text, 0 if as_written else re.IGNORECASE):
        yield match.start(), match.end(), kind


def _words(name: str) -> list[str]:
    return re.findall(r"[\w'-]+", name.replace("’", "'"))


def _distinct(name: str) -> str:
    """ "Hill Lane" of "Hill Lane Primary School"; nothing of "Children's Social Care"."""
    kept: list[str] = []
    for word in _words(name):
        if word.casefold() in ORDINARY:
            break
        kept.append(word)
    return " ".join(kept)


__all__ = ["Found", "Kind", "Known", "Part", "find", "parts"]
