"""The whole history of disagreements as rows of a table: every entry, every text, every changed field (23.18).

Reads in the rights of the acting person, so that a row they may not see is not in it.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Partnership, Post, Team, User
from disputes.models import Agreement, Child, ChildReference, Confirmation, Disagreement, Entry, Exclusion, OutstandingIssue, Seat, Side
from escalation import words
from escalation.models import Clock
from pages.sheets import safe
from pages.times import LONDON
from procedure.models import Policy

KEPT: tuple[type[models.Model], ...] = (Disagreement, Side, Seat, Agreement, OutstandingIssue, Confirmation, Clock, Exclusion)
MATCHES = ("match_child", "record_answer_for")  # by which a side names its own reference of a child
AT_ONCE = 50  # disagreements read together: a fixed number of queries for each such lot
NEVER_CHANGES = ("id", "partnership", "disagreement")  # said by the row itself

COLUMNS = [
    gettext_lazy("Reference"),
    gettext_lazy("Entry number"),
    gettext_lazy("Kind of row"),
    gettext_lazy("What"),
    gettext_lazy("Old value"),
    gettext_lazy("New value"),
    gettext_lazy("Words"),
    gettext_lazy("Person"),
    gettext_lazy("Standing in for"),
    gettext_lazy("Post"),
    gettext_lazy("Side"),
    gettext_lazy("Recorded for"),
    gettext_lazy("Happened at"),
    gettext_lazy("Recorded at"),
    gettext_lazy("Replayed"),
]


@dataclass
class Counts:
    """How much was written."""

    disagreements: int = 0
    entries: int = 0
    words: int = 0
    changes: int = 0
    children: int = 0
    held: list[UUID] = field(default_factory=list)  # the disagreements themselves

    @property
    def rows(self) -> int:
        return self.entries + self.words + self.changes + self.children

    def said(self) -> dict[str, int]:
        """As the trail and the page of an export say it."""
        return {"rows": self.rows, "disagreements": self.disagreements, "entries": self.entries, "changes": self.changes}


def rows(disagreements: models.QuerySet[Disagreement], counts: Counts) -> Iterator[list[str]]:
    """The heading, then entry by entry what was done, said and changed. `counts` is filled meanwhile."""
    yield [str(column) for column in COLUMNS]
    names = Names()
    found = iter(disagreements.select_related("policy").order_by("raised_at", "pk").iterator(chunk_size=AT_ONCE))
    while lot := list(islice(found, AT_ONCE)):
        files = _read(lot)
        names.learn(files)
        for case in files:
            counts.disagreements += 1
            counts.held.append(case.disagreement.pk)
            for row in _rows_of(case, names, counts):
                yield [safe(cell) for cell in row]


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Change:
    """One field of one row that became something else."""

    model: type[models.Model]
    of: Any  # the history row
    field: models.Field
    old: Any
    new: Any


@dataclass
class Named:
    """Something said of a child once and for all: such rows keep no history, so that they can be erased."""

    what: str
    value: str


@dataclass
class Case:
    """One disagreement with its entries in order and its changes by the entry that caused them."""

    disagreement: Disagreement
    entries: list[Entry] = field(default_factory=list)
    changes: dict[UUID | None, list[Change]] = field(default_factory=lambda: defaultdict(list))
    children: dict[UUID | None, list[Named]] = field(default_factory=lambda: defaultdict(list))


def _read(lot: list[Disagreement]) -> list[Case]:
    cases = {d.pk: Case(d) for d in lot}
    related = ("person", "standing_in_for", "post__team__agency", "side__team__agency", "recorded_for__team__agency")
    entries = Entry.objects.filter(disagreement__in=cases).select_related(*related).prefetch_related("texts").order_by("number")
    for entry in entries:
        cases[entry.disagreement_id].entries.append(entry)
    numbers = {entry.pk: entry.number or 0 for case in cases.values() for entry in case.entries}
    for model in KEPT:
        for change in _changes(model, list(cases), numbers):
            cases[_case_of(change.of)].changes[change.of.caused_by if change.of.caused_by in numbers else None].append(change)
    _read_children(cases)
    return list(cases.values())


def _read_children(cases: dict[UUID, Case]) -> None:
    """Children and the sides' references of them, each with the entry by which it came: these rows have no time of their own."""
    for child in Child.objects.filter(disagreement__in=cases).order_by("number"):
        case = cases[child.disagreement_id]
        about = _("child %(number)d") % {"number": child.number}
        case.children[_came_with(case, None)] += [
            Named(f"{about}: {_('pseudonym')}", child.pseudonym),
            Named(f"{about}: {_('age band')}", child.get_age_band_display()),
        ]
    found = ChildReference.objects.filter(disagreement__in=cases).select_related("child", "side__team__agency")
    for one in found.order_by("child__number", "side__kind", "reference"):
        case = cases[one.disagreement_id]
        what = _("child %(number)d: reference of %(side)s") % {"number": one.child.number, "side": _side(one.side)}
        case.children[_came_with(case, one.side)].append(Named(what, one.reference))


def _came_with(case: Case, side: Side | None) -> UUID | None:
    """The sending for children and the raising side's references; for those of another side the first entry by which it named them."""
    of_side = (e for e in case.entries if side and e.kind in MATCHES and side.pk == (e.recorded_for_id or e.side_id))
    sending = (e for e in case.entries if e.kind == "send" and (side is None or e.side_id == side.pk))
    first = next(of_side, None) or next(sending, None)
    return first.pk if first else None


def _case_of(kept: Any) -> UUID:
    return kept.id if not hasattr(kept, "disagreement_id") else kept.disagreement_id


def _changes(model: type[models.Model], disagreements: list[UUID], numbers: dict[UUID, int]) -> Iterator[Change]:
    """What each version of each row has that the one before it had not."""
    of_case = "id__in" if model is Disagreement else "disagreement_id__in"
    history = model.history.filter(**{of_case: disagreements})  # type: ignore[attr-defined]
    last = max(numbers.values(), default=0) + 1
    versions: dict[UUID, list[Any]] = defaultdict(list)
    for kept in history:
        versions[kept.id].append(kept)
    fields = [f for f in model._meta.concrete_fields if f.name not in NEVER_CHANGES]
    for of_one in versions.values():
        of_one.sort(key=lambda kept: (numbers.get(kept.caused_by, last), kept.history_date))
        before: Any = None
        for kept in of_one:
            for one in fields:
                old, new = getattr(before, one.attname, None), getattr(kept, one.attname)
                if new not in (None, "") if before is None else old != new:
                    yield Change(model, kept, one, old, new)
            before = kept


# ── in words ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Names:
    """What ids stand for, read once a lot for all of it."""

    def __init__(self) -> None:
        self._said: dict[tuple[type[models.Model], Any], str] = {}

    def learn(self, cases: list[Case]) -> None:
        """Reads the rows that these cases' changes point at. Entries are named within their own disagreement only: earlier ones go."""
        self._said = {known: said for known, said in self._said.items() if known[0] is not Entry}
        wanted: dict[type[models.Model], set[Any]] = defaultdict(set)
        for case in cases:
            for changes in case.changes.values():
                for change in changes:
                    if to := change.field.related_model:
                        wanted[to] |= {key for key in (change.old, change.new) if key and (to, key) not in self._said}  # type: ignore[index]
            for entry in case.entries:
                self._said[Entry, entry.pk] = _("entry %(number)s") % {"number": entry.number}
        for model, related in _READ_WITH.items():
            for row in model.objects.filter(pk__in=wanted[model]).select_related(*related):  # type: ignore[attr-defined]
                self._said[model, row.pk] = str(row)

    def say(self, field: models.Field, value: Any) -> str:
        """A value as an auditor reads it: names for ids, words for choices, times in London."""
        if value is None or value == "":
            return ""
        if field.related_model:
            return self._said.get((field.related_model, value), str(value))  # type: ignore[arg-type]
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        if isinstance(value, dt.datetime):
            return moment(value)
        return str(dict(field.flatchoices).get(value, value))


_READ_WITH: dict[type[models.Model], tuple[str, ...]] = {
    User: (),
    Post: ("holder",),
    Team: ("agency",),
    Side: ("team__agency",),
    Agreement: (),
    Partnership: (),
    Policy: ("partnership",),
}


def moment(value: dt.datetime | None) -> str:
    """2026-03-06 14:00:05+00:00, as clocks in London showed it, with its distance from UTC: sorts, and is never ambiguous."""
    return value.astimezone(LONDON).isoformat(sep=" ", timespec="seconds") if value else ""


def _rows_of(case: Case, names: Names, counts: Counts) -> Iterator[list[str]]:
    for entry in case.entries:
        counts.entries += 1
        yield _row(case, entry, _("Entry"), words.say_entry(entry), new=_facts(entry, case.disagreement))
        for text in sorted(entry.texts.all(), key=lambda text: text.field):
            counts.words += 1
            yield _row(case, entry, _("Words"), words.say_text(text.field), said=text.value)
        yield from _children_in_words(case, entry, counts)
        yield from _changes_in_words(case, entry, case.changes.get(entry.pk, []), names, counts)
    yield from _children_in_words(case, None, counts)
    yield from _changes_in_words(case, None, case.changes.get(None, []), names, counts)


def _children_in_words(case: Case, entry: Entry | None, counts: Counts) -> Iterator[list[str]]:
    for named in case.children.get(entry.pk if entry else None, []):
        counts.children += 1
        yield _row(case, entry, _("Child"), named.what, new=named.value)


def _changes_in_words(case: Case, entry: Entry | None, changes: Iterable[Change], names: Names, counts: Counts) -> Iterator[list[str]]:
    for change in changes:
        counts.changes += 1
        what = f"{change.model._meta.verbose_name}: {change.field.verbose_name}"
        old, new = names.say(change.field, change.old), names.say(change.field, change.new)
        row = _row(case, entry, _("Changed field"), what, old=old, new=new)
        if entry is None:  # no entry caused it: the history's own person and time
            row[7], row[13] = change.of.actor_name, moment(change.of.history_date)
        yield row


def _facts(entry: Entry, d: Disagreement) -> str:
    """Stage before and after, what was chosen, and whether the child was said to be safe."""
    said = [(_("Stage"), f"{entry.get_from_stage_display()} → {entry.get_stage_display()}"), (_("Step"), str(entry.step))]
    if entry.child_safe:
        said.append((_("Child safe now"), str(entry.get_child_safe_display())))
    said += words.say_choices(d, entry.facts)
    for name in ("worker_satisfied", "agency_satisfied", "general_issue", "debrief"):
        if name in entry.facts:
            said.append((name.replace("_", " ").capitalize(), _("yes") if entry.facts[name] else _("no")))
    return "; ".join(f"{label}: {value}" for label, value in said)


def _row(case: Case, entry: Entry | None, kind: str, what: str, *, old: str = "", new: str = "", said: str = "") -> list[str]:
    start = [case.disagreement.reference, str(entry.number) if entry else "", kind, what, old, new, said]
    if entry is None:
        return [*start, "", "", "", "", "", "", "", ""]
    return [
        *start,
        entry.person.name if entry.person else _("Accord (the clock)"),
        entry.standing_in_for.name if entry.standing_in_for else "",
        f"{entry.post.title}, {entry.post.team}" if entry.post else "",
        _side(entry.side),
        _side(entry.recorded_for),
        moment(entry.happened_at),
        moment(entry.recorded_at),
        _("yes") if entry.replayed else _("no"),
    ]


def _side(side: Side | None) -> str:
    return f"{side} ({side.get_kind_display()})" if side else ""
