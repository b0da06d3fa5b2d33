"""A directory as CSV: read with every mistake by line and column, and written so that it reads back the same."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from accounts.directory import HIGHEST_LEVEL

COLUMNS = ("name", "email", "team", "post title", "level", "reports to", "adviser")
NEEDED = ("name", "email", "team", "post title", "level")
LEVEL_WORDS = {"practitioner": 0, "line manager": 1, "senior manager": 2}
LONGEST = {"name": 120, "email": 254, "team": 120, "post title": 120, "reports to": 254, "adviser": 254, "level": 30}
MOST_LINES = 2000  # what is written in some seconds; a larger agency brings a file for each part of it
MOST_MISTAKES = 100  # the page lists no more
BEGINS_A_FORMULA = re.compile(r"'*\s*[=+\-@|%\t]")


@dataclass(frozen=True, order=True)
class Mistake:
    """One thing wrong: its line, counted from 1, its column as the file calls it, and a sentence."""

    line: int
    column: str
    message: str


@dataclass(frozen=True)
class Row:
    """One line: a person, a post, or a person in a post. None: the file has no such column."""

    line: int
    name: str = ""
    email: str = ""
    team: str = ""
    title: str = ""
    level: int = 0
    reports_to: str | None = None
    adviser: str | None = None


@dataclass
class File:
    """What a file says, and all that is wrong with it."""

    rows: list[Row] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)

    def wrong(self, line: int, column: str, message: str) -> None:
        self.mistakes.append(Mistake(line, column, message))


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def read(text: str) -> File:
    """Commas, semicolons or tabs; quotes; any order of columns. Nothing in a cell is more than text."""
    found = File()
    text = text.removeprefix("\ufeff")
    heading: list[str] | None = None
    for line, cells in _lines(text, found):
        if not any(cell.strip() for cell in cells):
            continue
        if heading is None:
            heading = _heading(line, cells, found)
            if found.mistakes:
                break
            continue
        if len(found.rows) >= MOST_LINES:
            found.wrong(line, "", _("A file has at most %(most)s lines. Split it.") % {"most": f"{MOST_LINES:,}"})
            break
        if row := _row(line, cells, heading, found):
            found.rows.append(row)
    if heading is None and not found.mistakes:
        found.wrong(1, "", _("The file is empty. Its first line names the columns."))
    elif not found.rows and not found.mistakes:
        found.wrong(2, "", _("There is nothing below the line that names the columns."))
    return found


def _lines(text: str, found: File) -> Iterator[tuple[int, list[str]]]:
    """Each line with the number at which it begins; a cell in quotes may hold several."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    begins = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            found.wrong(
                begins, "", _("The quotation marks do not fit together from here on. A quotation mark inside a cell is written twice.")
            )
            return
        yield begins, cells
        begins = reader.line_num + 1


def _delimiter(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=first.count)


def _heading(line: int, cells: list[str], found: File) -> list[str]:
    names = [" ".join(cell.replace("_", " ").replace("-", " ").lower().split()) for cell in cells]
    names = [{"e mail": "email", "title": "post title", "post": "post title"}.get(name, name) for name in names]
    while names and not names[-1]:
        names.pop()
    for number, name in enumerate(names):
        if name not in COLUMNS:
            said = _("There is no column of this name. The columns are: %(columns)s.") % {"columns": ", ".join(COLUMNS)}
            found.wrong(line, shown(cells[number]) or str(number + 1), said)
        elif name in names[:number]:
            found.wrong(line, name, _("This column is there twice."))
    for name in NEEDED:
        if name not in names:
            found.wrong(line, name, _("This column is missing. The first line names the columns."))
    return names


def _row(line: int, cells: list[str], heading: list[str], found: File) -> Row | None:
    before = len(found.mistakes)
    if any(cell.strip() for cell in cells[len(heading) :]):
        found.wrong(
            line, str(len(heading) + 1), _("This line has more cells than there are columns. Put a cell with a comma in quotation marks.")
        )
    values = {name: _cell(cell) for name, cell in zip(heading, cells, strict=False)}
    for name, value in values.items():
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
            found.wrong(line, name, _("This contains characters that cannot be shown, or a new line. Type it again."))
        elif len(value) > LONGEST[name]:
            found.wrong(line, name, _("This must be %(most)d characters or fewer.") % {"most": LONGEST[name]})
    email = values.get("email", "").lower()
    name, title, level = values.get("name", ""), values.get("post title", ""), values.get("level", "")
    if email and len(found.mistakes) == before and not _is_address(email):
        found.wrong(line, "email", _("This is no email address. One looks like name@example.org."))
    if email and not name:
        found.wrong(line, "name", _("Enter the name of the person."))
    if name and not email:
        found.wrong(line, "email", _("Enter the work email address: people are known by it."))
    if not title and (values.get("team") or values.get("reports to") or values.get("adviser") or level):
        found.wrong(line, "post title", _("Enter the title of the post."))
    if not title and not email and not name and len(found.mistakes) == before:
        found.wrong(line, "email", _("This line names neither a person nor a post."))
    number = _level(level)
    if title and number is None:
        said = _("Enter the level: practitioner, line manager, senior manager, or a number from 0 to %(most)d.")
        found.wrong(line, "level", said % {"most": HIGHEST_LEVEL})
    if len(found.mistakes) > before:
        return None
    lines = {key: values.get(of, "") if of in heading else None for key, of in (("reports_to", "reports to"), ("adviser", "adviser"))}
    return Row(line, name, email, values.get("team", ""), title, number or 0, **lines)


def _cell(cell: str) -> str:
    """As typed, without the apostrophe that keeps a spreadsheet from reading a formula."""
    text = cell.strip(" \u00a0\r\n")
    return text[1:] if text.startswith("'") and BEGINS_A_FORMULA.match(text[1:]) else text


def _is_address(email: str) -> bool:
    try:
        validate_email(email)
    except ValidationError:
        return False
    return True


def _level(said: str) -> int | None:
    word = " ".join(said.lower().split())
    if re.fullmatch(r"[0-9]", word):
        return int(word)
    return LEVEL_WORDS.get(word)


def shown(cell: str) -> str:
    """A cell in a sentence: short, and nothing that cannot be shown."""
    text = "".join(character for character in cell.strip() if unicodedata.category(character) not in ("Cc", "Cs"))
    return text if len(text) <= 40 else text[:40] + "…"


# ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def write(rows: Iterable[Iterable[str]]) -> str:
    """With a byte-order mark, for the spreadsheets that need one; an apostrophe before what would be a formula."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([f"'{cell}" if BEGINS_A_FORMULA.match(cell) else cell for cell in row])
    return "\ufeff" + file.getvalue()


TEMPLATE = [
    ("Grace Obi", "grace.obi@example.org", "Safeguarding", "Head teacher", "line manager", "", ""),
    ("Aisha Khan", "aisha.khan@example.org", "Safeguarding", "Designated safeguarding lead", "practitioner", "Head teacher", ""),
    ("", "", "Safeguarding", "Deputy head", "1", "", ""),
]
