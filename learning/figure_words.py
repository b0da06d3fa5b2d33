"""The figures in words: titles, labels, one sentence a table that says what the numbers say, and what a chart draws."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.dates import MONTHS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from disputes.stages import Stage
from learning.models import About
from learning.statistics import ALL, RESOLVED, STAGES, Cells, Period, Place, cells_of

DASH = "–"

TITLES = {
    "flow": gettext_lazy("Opened, closed and still open"),
    "between": gettext_lazy("Who raised with whom"),
    "category": gettext_lazy("What they were about"),
    "urgency": gettext_lazy("How urgent they were"),
    "reached": gettext_lazy("The highest step they reached"),
    "ended": gettext_lazy("Where they ended"),
    "outcome": gettext_lazy("How they ended"),
    "confirmed": gettext_lazy("Confirmed in writing"),
    "step": gettext_lazy("Time at each step"),
    "answer": gettext_lazy("Answers and their time limits"),
    "issue": gettext_lazy("Outstanding issues"),
    "point": gettext_lazy("General issues on their way"),
    "about": gettext_lazy("What the general issues were about"),
    "theme": gettext_lazy("Themes"),
    "debrief": gettext_lazy("Debriefs"),
}
WHAT_IT_COUNTS = {
    "flow": gettext_lazy("A disagreement that was reopened counts again as opened."),
    "between": gettext_lazy("Rows raised it, columns were asked. An agency that raised nothing is a finding too: it shows 0."),
    "category": gettext_lazy("Disagreements opened in this time, as whoever raised them chose."),
    "urgency": gettext_lazy("Disagreements opened in this time, by what was said when they were raised."),
    "reached": gettext_lazy("Disagreements that ended in this time."),
    "ended": gettext_lazy("The step at which those that ended in this time came to their end."),
    "outcome": gettext_lazy("Those that ended in this time. What kind of outcome it is, whoever proposed it said."),
    "confirmed": gettext_lazy("Those that ended in this time. “For one side” means recorded for it and countersigned by the office."),
    "step": gettext_lazy("Steps left in this time: from their beginning until they were left, weekends included, to the half day."),
    "answer": gettext_lazy("Steps at which an agency was asked and answered, or the time limit passed first. Agencies, never people."),
    "issue": gettext_lazy("What both sides agreed is still to be done."),
    "point": gettext_lazy("Each line counts what happened in this time, so one issue can be in several lines."),
    "about": gettext_lazy("General issues named in this time."),
    "theme": gettext_lazy("General issues named in this time, by the theme they are part of."),
    "debrief": gettext_lazy("Asked for by a side, and held, in this time."),
}
ROWS = {
    "urgency": {
        "at_risk": gettext_lazy("A child at immediate risk"),
        "not_at_risk": gettext_lazy("No immediate risk"),
        "again": gettext_lazy("Reopened"),
    },
    "outcome": {
        "decision_changed": gettext_lazy("Decision changed"),
        "compromise": gettext_lazy("Compromise"),
        "reasons_accepted": gettext_lazy("Reasons accepted"),
        "resolved": gettext_lazy("Resolved, kind not said"),
        "differ": gettext_lazy("They differ: closed without agreement"),
        "unconfirmed": gettext_lazy("Closed unconfirmed: one side stayed silent"),
        "withdrawn": gettext_lazy("Withdrawn"),
        "redirected": gettext_lazy("Taken to another procedure"),
    },
    "confirmed": {
        "both": gettext_lazy("By both sides themselves"),
        "countersigned": gettext_lazy("By one side itself, for one side"),
        "not_confirmed": gettext_lazy("Not by both"),
    },
    "issue": {
        "agreed": gettext_lazy("Agreed"),
        "done": gettext_lazy("Done"),
        "overdue": gettext_lazy("Passed their day"),
        "open": gettext_lazy("Still to be done at the end"),
    },
    "point": {
        "named": gettext_lazy("Named"),
        "referred": gettext_lazy("Referred to a subgroup"),
        "kept": gettext_lazy("Kept in the agency"),
        "decided": gettext_lazy("Decided"),
        "changed": gettext_lazy("Changed, and told back"),
    },
    "debrief": {"asked": gettext_lazy("Asked for"), "held": gettext_lazy("Held")},
}
COLUMNS = {
    "opened": gettext_lazy("Opened"),
    "closed": gettext_lazy("Ended"),
    "open": gettext_lazy("Open at the end"),
    "resolved": gettext_lazy("Resolved"),
    "otherwise": gettext_lazy("Otherwise"),
    "in_time": gettext_lazy("In time"),
    "late": gettext_lazy("Late"),
    "no_limit": gettext_lazy("No time limit"),
    "late_practitioner": gettext_lazy("Late, practitioners"),
    "all_practitioner": gettext_lazy("Asked, practitioners"),
    "late_line_manager": gettext_lazy("Late, line managers"),
    "all_line_manager": gettext_lazy("Asked, line managers"),
    "late_up_the_line": gettext_lazy("Late, up the line"),
    "all_up_the_line": gettext_lazy("Asked, up the line"),
    "issues": gettext_lazy("Issues"),
    "points": gettext_lazy("General issues"),
    "named": gettext_lazy("Named"),
    "debriefs": gettext_lazy("Debriefs"),
}


def title(key: str) -> str:
    return str(TITLES.get(key, key))


def say_period(period: Period) -> str:
    """ "April to June 2026", "April 2025 to March 2026"."""
    first, last = (str(MONTHS[day.month]) for day in (period.first, period.last))
    if period.first.year == period.last.year:
        return _("%(first)s to %(last)s %(year)d") % {"first": first, "last": last, "year": period.last.year}
    return _("%(first)s %(from)d to %(last)s %(to)d") % {
        "first": first,
        "from": period.first.year,
        "last": last,
        "to": period.last.year,
    }


@dataclass(frozen=True)
class Bar:
    """One bar: how long, in words, and of which series (1, 2, …). `share`: of the longest, 0 to 1; None: hidden."""

    said: str
    share: float | None
    series: int


@dataclass(frozen=True)
class Bars:
    """What stands under one label of a chart."""

    label: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Shown:
    """One table as it is read: on the page, in files, in print."""

    key: str
    title: str
    counts: str
    sentence: str
    columns: list[str]
    rows: list[tuple[str, list[str], bool]]  # label, cells, whether it is the total
    numbers: list[tuple[str, list[int | float | None]]]
    chart: list[Bars]
    hides: bool

    @property
    def is_wide(self) -> bool:
        return len(self.columns) > 4

    @property
    def is_hidden(self) -> bool:
        """Not one number of it may be shown."""
        return all(number is None for _label, line in self.numbers for number in line)


def divided(tables: Iterable[Shown]) -> tuple[list[Shown], list[Shown]]:
    """Those with numbers, and those of which every number is hidden: a page says that of all of them in one sentence."""
    both: tuple[list[Shown], list[Shown]] = ([], [])
    for table in tables:
        both[table.is_hidden].append(table)
    return both


def say_all_hidden() -> str:
    """Above the titles of such tables."""
    return _("Of these too few were counted: any number would tell about single disagreements.")


def shown(kept: Mapping[str, Any], period: Period, themes: Mapping[str, str]) -> Shown:
    """`kept`: one table of a release. `themes`: the titles that the reader may see, by id."""
    return Reader(kept, period, themes).shown


class Reader:
    """One table of a release, read for somebody."""

    def __init__(self, kept: Mapping[str, Any], period: Period, themes: Mapping[str, str]) -> None:
        self.key: str = kept["key"]
        self.kept, self.period, self.themes = kept, period, themes
        self.cells: Cells = cells_of(kept)
        self.rows: list[str] = kept["rows"]
        self.columns: list[str] = kept["columns"]
        self.days: Mapping[str, Mapping[str, float | None]] = kept.get("days", {})

    @property
    def shown(self) -> Shown:
        columns = [self.column(column) for column in self.columns]
        if self.key == "step":
            columns += [_("Median days"), _("90th percentile, days")]
        numbers = [(self.row(row), self.line(row)) for row in self.rows]
        said = [(self.row(row), self.said(row), row == ALL) for row in self.rows]
        return Shown(
            key=self.key,
            title=title(self.key),
            counts=str(WHAT_IT_COUNTS.get(self.key, "")),
            sentence=self.sentence,
            columns=columns,
            rows=said,
            numbers=numbers,
            chart=self.chart,
            hides=any(value is None for value in self.cells.values()),
        )

    def line(self, row: str) -> list[int | float | None]:
        values: list[int | float | None] = [self.cells[row, column] for column in self.columns]
        if self.key == "step":
            lengths = self.days.get(row, {})
            values += [lengths.get("median"), lengths.get("ninetieth")]
        return values

    def said(self, row: str) -> list[str]:
        """The line in words; no length of what there was none of."""
        is_nothing = self.key == "step" and self.cells[row, ALL] == 0
        return [*(say(value) for value in self.line(row)[: len(self.columns)]), *self._lengths(row, "" if is_nothing else None)]

    def _lengths(self, row: str, nothing: str | None) -> list[str]:
        return [nothing if nothing is not None else say(length) for length in self.line(row)[len(self.columns) :]]

    # ── labels

    def row(self, key: str) -> str:
        if key == ALL:
            return _("All")
        if self.key == "flow":
            return self._of_flow(key)
        if self.key == "theme":
            return self.themes.get(key, _("A theme")) if key else _("In no theme yet")
        if self.key == "about":
            return str(About(key).label) if key in About.values else key
        if key in STAGES:
            return str(Stage(key).label)
        return str(self.kept["names"].get(key) or ROWS.get(self.key, {}).get(key) or self._unnamed(key))

    def column(self, key: str) -> str:
        if key == ALL:
            return _("All")
        return str(self.kept["names"].get(key) or COLUMNS.get(key) or self._unnamed(key))

    def _unnamed(self, key: str) -> str:
        """A category of an earlier procedure by its key; an agency whose name is not kept."""
        return key.replace("_", " ").capitalize() if self.key == "category" else _("An agency that has left")

    def _of_flow(self, key: str) -> str:
        if "q" in key:
            return say_period(Period.named(key))
        month = dt.date.fromisoformat(f"{key}-01")
        return f"{MONTHS[month.month]} {month.year}"

    # ── a sentence

    @property
    def sentence(self) -> str:
        return SENTENCES.get(self.key, _largest)(self)

    def value(self, row: str, column: str) -> int | None:
        return self.cells.get((row, column))

    def largest(self, column: str, rows: Iterable[str] | None = None) -> tuple[str, int] | None:
        """The row that counts most of those that are shown. None: nothing is, or two count the same."""
        values = [(self.value(row, column) or 0, row) for row in (rows or self.rows) if row != ALL]
        ordered = sorted(values, reverse=True)
        if not ordered or not ordered[0][0] or (len(ordered) > 1 and ordered[0][0] == ordered[1][0]):
            return None
        hidden = [row for row in (rows or self.rows) if row != ALL and self.value(row, column) is None]
        total = self.value(ALL, column)
        left = (total or 0) - sum(value for value, _row in values)
        if hidden and (total is None or left >= ordered[0][0]):
            return None  # one that is hidden may count more
        return ordered[0][1], ordered[0][0]

    # ── a chart

    @property
    def chart(self) -> list[Bars]:
        """The bars of this table; empty: nothing to draw."""
        columns = DRAWN.get(self.key, (self.columns[0],))
        rows = [row for row in self.rows if row != ALL]
        if self.key == "step":
            return self._days_drawn(rows)
        if self.key == "answer":
            return self._levels_drawn()
        longest = max((self.cells[row, column] or 0 for row in rows for column in columns), default=0)
        if not longest:
            return []
        drawn = [tuple(self._bar(row, column, i, longest, len(columns)) for i, column in enumerate(columns, 1)) for row in rows]
        return [Bars(self.row(row), bars) for row, bars in zip(rows, drawn, strict=True)]

    def _bar(self, row: str, column: str, series: int, longest: int, of: int) -> Bar:
        value = self.cells[row, column]
        said = _of_series(value, "" if of == 1 else self.column(column).lower())
        return Bar(said, None if value is None else value / longest, series)

    def _levels_drawn(self) -> list[Bars]:
        """All agencies together, level by level: how many were asked, and how many were late."""
        asked = {stage: self.value(ALL, f"all_{stage}") for stage in STAGES[:3]}
        longest = max((value or 0 for value in asked.values()), default=0)
        if not longest:
            return []
        found = []
        for stage, value in asked.items():
            late = self.value(ALL, f"late_{stage}")
            bars = (
                Bar(_of_series(value, _("asked")), None if value is None else value / longest, 1),
                Bar(_of_series(late, _("late")), None if late is None else late / longest, 2),
            )
            found.append(Bars(str(Stage(stage).label), bars))
        return found

    def _days_drawn(self, rows: list[str]) -> list[Bars]:
        known = {row: self.days[row] for row in rows if row in self.days}
        longest = max((length or 0 for lengths in known.values() for length in lengths.values()), default=0)
        if not longest:
            return []
        found = []
        for row, lengths in known.items():
            bars = [
                Bar(words % {"days": say(length)}, 0.8 * length / longest, series)
                for series, length, words in (
                    (1, lengths.get("median"), _("half: %(days)s days")),
                    (2, lengths.get("ninetieth"), _("9 in 10: %(days)s days")),
                )
                if length is not None
            ]
            found.append(Bars(self.row(row), tuple(bars)))
        return found


DRAWN: dict[str, tuple[str, ...]] = {
    "flow": ("opened", "closed"),
    "between": (ALL,),
    "ended": ("resolved", "otherwise"),
}
"""The columns of which a chart has bars; else the first."""


def say(value: int | float | None) -> str:
    """A number as it is read; a dash for one that is hidden."""
    if value is None:
        return DASH
    return f"{value:g}"


def _of_series(value: int | None, name: str) -> str:
    """Beside a bar: "10 opened", "ended: hidden"."""
    if value is None:
        return _("%(what)s: hidden") % {"what": name} if name else _("hidden")
    return f"{value:g} {name}".strip()


def share(part: int, whole: int) -> str:
    return f"{round(100 * part / whole)}%"


# ── what the numbers say ────────────────────────────────────────────────────────────────────────────────────────────


def _too_few() -> str:
    return _("Too few to show without hiding most of them.")


def _flow(r: Reader) -> str:
    opened, closed, left = (r.value(ALL, column) for column in ("opened", "closed", "open"))
    said: list[str] = []
    if opened is None and closed is None:
        return _too_few()
    if opened is not None:
        said.append(ngettext("%(n)d disagreement was opened.", "%(n)d disagreements were opened.", opened) % {"n": opened})
    if closed is not None:
        said.append(ngettext("%(n)d ended.", "%(n)d ended.", closed) % {"n": closed})
    if left is not None:
        said.append(ngettext("%(n)d was open at the end.", "%(n)d were open at the end.", left) % {"n": left})
    return " ".join(said)


def _between(r: Reader) -> str:
    agencies = [row for row in r.rows if row != ALL]
    silent = [r.row(row) for row in agencies if r.value(row, ALL) == 0]
    found = []
    if top := r.largest(ALL, agencies):
        found.append(_("%(agency)s raised most: %(n)d.") % {"agency": r.row(top[0]), "n": top[1]})
    if silent and len(silent) < len(agencies):
        words = ngettext("%(n)d agency raised none: %(names)s.", "%(n)d agencies raised none: %(names)s.", len(silent))
        found.append(words % {"n": len(silent), "names": _listed(silent)})
    elif silent:
        found.append(_("No agency raised one."))
    return " ".join(found) or _too_few()


def _ended(r: Reader) -> str:
    resolved, total = r.value("practitioner", "resolved"), r.value(ALL, ALL)
    if not total:
        return _("None ended.") if total == 0 else _too_few()
    if resolved is None:
        return ngettext("%(n)d ended.", "%(n)d ended.", total) % {"n": total}
    words = _("%(n)d of %(total)d (%(share)s) were resolved between practitioners, where the procedure wants it (23.10).")
    return words % {"n": resolved, "total": total, "share": share(resolved, total)}


def _urgency(r: Reader) -> str:
    at_risk, total = r.value("at_risk", "opened"), r.value(ALL, "opened")
    if at_risk is None or not total:
        return _largest(r)
    words = _("In %(n)d of %(total)d (%(share)s) a child was at immediate risk when it was raised.")
    return words % {"n": at_risk, "total": total, "share": share(at_risk, total)}


def _reached(r: Reader) -> str:
    lowest, total = r.value("practitioner", "closed"), r.value(ALL, "closed")
    if lowest is None or not total:
        return _largest(r)
    words = _("%(n)d of %(total)d (%(share)s) went no higher than the people who disagree.")
    return words % {"n": lowest, "total": total, "share": share(lowest, total)}


def _outcome(r: Reader) -> str:
    column, total = "closed", r.value(ALL, "closed")
    if not total:
        return _("None ended.") if total == 0 else _too_few()
    resolved = [r.value(row, column) for row in RESOLVED]
    if all(value is not None for value in resolved):
        n = sum(value or 0 for value in resolved)
        return _("%(n)d of %(total)d (%(share)s) ended in an agreed outcome.") % {"n": n, "total": total, "share": share(n, total)}
    return _largest(r)


def _confirmed(r: Reader) -> str:
    both, total = r.value("both", "closed"), r.value(ALL, "closed")
    if both is None or not total:
        return _("None ended.") if total == 0 else _too_few()
    words = _("Both sides confirmed the outcome themselves in %(n)d of %(total)d (%(share)s).")
    return words % {"n": both, "total": total, "share": share(both, total)}


def _step(r: Reader) -> str:
    found = []
    late, total = r.value("practitioner", "late"), r.value("practitioner", ALL)
    if late is not None and total:
        words = _("Between practitioners %(n)d of %(total)d steps (%(share)s) went past their time limit.")
        found.append(words % {"n": late, "total": total, "share": share(late, total)})
    if (median := r.days.get("practitioner", {}).get("median")) is not None:
        found.append(_("Half of those between practitioners took no more than %(days)s days.") % {"days": say(median)})
    return " ".join(found) or (_("No step was left.") if total == 0 else _too_few())


def _answer(r: Reader) -> str:
    found = []
    for stage in STAGES[:3]:
        late, total = r.value(ALL, f"late_{stage}"), r.value(ALL, f"all_{stage}")
        if late is not None and total:
            words = _("%(level)s: %(n)d of %(total)d answers (%(share)s) came after their time limit.")
            found.append(words % {"level": Stage(stage).label, "n": late, "total": total, "share": share(late, total)})
    return " ".join(found) or _too_few()


def _lines(r: Reader) -> str:
    """Each line with its number: "Agreed: 7. Done: 5."."""
    column = r.columns[0]
    said = [f"{r.row(row)}: {value}." for row in r.rows if (value := r.value(row, column)) is not None]
    return " ".join(said) or _too_few()


def _largest(r: Reader) -> str:
    column = r.columns[0]
    total = r.value(ALL, column)
    if total == 0:
        return _("None in this time.")
    top = r.largest(column)
    if top is None or total is None:
        return _too_few() if total is None else _("%(n)d in all.") % {"n": total}
    return _("%(what)s came first: %(n)d of %(total)d (%(share)s).") % {
        "what": r.row(top[0]),
        "n": top[1],
        "total": total,
        "share": share(top[1], total),
    }


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else _("%(first)s and %(last)s") % {"first": ", ".join(names[:-1]), "last": names[-1]}


SENTENCES: dict[str, Callable[[Reader], str]] = {
    "flow": _flow,
    "between": _between,
    "urgency": _urgency,
    "reached": _reached,
    "ended": _ended,
    "outcome": _outcome,
    "confirmed": _confirmed,
    "step": _step,
    "answer": _answer,
    "issue": _lines,
    "point": _lines,
    "debrief": _lines,
}

__all__ = ["Bar", "Bars", "Place", "Shown", "divided", "say", "say_all_hidden", "say_period", "shown", "title"]
