"""The figures of a partnership as they were released: read here, never counted here. Every page and file shows the same numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import Appointment, Office, Partnership, User
from learning import figure_files, statistics
from learning.figure_words import DASH, TITLES, Shown, divided, say, say_all_hidden, say_period, shown
from learning.models import Decision, LearningEvent, Release, Theme
from learning.statistics import ALL, Period
from pages import times

READ_BY = (Office.OFFICE, Office.CHAIR, Office.DEPUTY, Office.AUDITOR, Office.REPRESENTATIVE, Office.SUBGROUP)


# ── what there is ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Released:
    """One release as it is read by somebody."""

    release: Release
    themes: dict[str, str]

    @property
    def period(self) -> Period:
        return Period(self.release.starts_on, self.release.ends_on)

    @property
    def name(self) -> str:
        return self.period.name

    @property
    def said(self) -> str:
        return say_period(self.period)

    @property
    def kept(self) -> dict[str, dict[str, Any]]:
        return {table["key"]: table for table in self.release.tables["tables"] if table["key"] in TITLES}

    def table(self, key: str) -> Shown:
        return shown(self.kept[key], self.period, self.themes)

    @property
    def tables(self) -> list[Shown]:
        return [self.table(key) for key in self.kept]

    @property
    def headline(self) -> str:
        return self.table("flow").sentence if "flow" in self.kept else ""

    def number(self, table: str, row: str, column: str) -> int | None:
        """As published; None: hidden, or not there."""
        kept = self.kept.get(table)
        return statistics.cells_of(kept).get((row, column)) if kept else None


@never_cache
@require_safe
def figures(request: HttpRequest) -> HttpResponse:
    """The releases, newest first, and whether something that was done was followed by fewer late answers."""
    partnership, among = _partnership(request)
    released = _released(partnership)
    context = {
        "partnership": partnership,
        "among": among,
        "asked": _asked(partnership, among),
        "years": [one for one in released if one.period.is_year],
        "quarters": [one for one in released if not one.period.is_year],
        "next_on": _next(timezone.localdate()),
        "followed": list(_followed(partnership, released)),
    }
    return render(request, "learning/figures/list.html", context)


@never_cache
@require_safe
def period(request: HttpRequest, period: str) -> HttpResponse:
    """One release: of each table what the numbers say, a chart, the numbers, and what was hidden."""
    partnership, among = _partnership(request)
    one = _one(partnership, period)
    tables, hidden = divided(one.tables)
    context = {
        "partnership": partnership,
        "asked": _asked(partnership, among),
        "one": one,
        "tables": tables,
        "hidden": hidden,
        "why_hidden": say_all_hidden(),
        "notes": notes(),
        "dash": DASH,
    }
    return render(request, "learning/figures/period.html", context)


@never_cache
@require_safe
def as_csv(request: HttpRequest, period: str, table: str) -> HttpResponse:
    """One table."""
    one = _one(_partnership(request)[0], period)
    if table not in one.kept:
        raise Http404
    return _file(figure_files.csv_of(one.table(table)), "text/csv; charset=utf-8", f"figures-{one.name}-{table}.csv")


@never_cache
@require_safe
def as_xlsx(request: HttpRequest, period: str) -> HttpResponse:
    """All tables, a sheet each."""
    partnership, _among = _partnership(request)
    one = _one(partnership, period)
    made = figure_files.xlsx_of(one.tables, heading(partnership, one), notes())
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return _file(made, kind, f"figures-{one.name}.xlsx")


@never_cache
@require_safe
def as_pdf(request: HttpRequest, period: str) -> HttpResponse:
    """The chapter for the annual report, of a year or a quarter."""
    partnership, _among = _partnership(request)
    one = _one(partnership, period)
    made = figure_files.pdf_of(one.tables, heading(partnership, one), partnership.name, notes())
    return _file(made, "application/pdf", f"figures-{one.name}.pdf")


def heading(partnership: Partnership, one: Released) -> str:
    return _("Professional disagreements, %(period)s") % {"period": one.said}


def notes() -> list[str]:
    """How small numbers were hidden, and when this was counted."""
    return [
        _(
            "A dash (%(dash)s) stands where fewer than %(n)d disagreements would be counted (it may be none), and where a number would "
            "let somebody work such a one out from others."
        )
        % {"dash": DASH, "n": 5},
        _("Shares are of the numbers shown. Medians and percentiles are in half days, of at least 5 and 10 steps."),
        _("These numbers were counted once, when the period had ended, and stay as they are. Nothing is counted anew for a reader."),
        _("More disagreements are not worse: raising one is part of keeping children safe (23.1). They are of agencies, never of people."),
    ]


def _file(made: bytes, kind: str, name: str) -> HttpResponse:
    answer = HttpResponse(made, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


# ── for whom ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _partnership(request: HttpRequest) -> tuple[Partnership, list[Partnership]]:
    """The partnership asked for (?in=…), or the first whose figures this person reads; 404 for everybody else."""
    person = request.user
    assert isinstance(person, User)  # noqa: S101 - the middleware lets nobody else in
    held = Appointment.objects.on(timezone.localdate()).filter(person=person, office__in=READ_BY)
    among = list(Partnership.objects.filter(appointments__in=held).distinct().order_by("name"))
    asked = request.GET.get("in", "")
    chosen = next((one for one in among if one.slug == asked), None) if asked else (among[0] if among else None)
    if chosen is None:
        raise Http404
    return chosen, among


def _asked(partnership: Partnership, among: list[Partnership]) -> str:
    return f"?in={partnership.slug}" if len(among) > 1 else ""


def _released(partnership: Partnership) -> list[Released]:
    themes = {str(pk): name for pk, name in Theme.objects.filter(partnership=partnership).values_list("pk", "title")}
    rows = Release.objects.filter(partnership=partnership).order_by("-ends_on", "starts_on")
    return [Released(row, themes) for row in rows]


def _one(partnership: Partnership, name: str) -> Released:
    try:
        period = Period.named(name)
    except ValueError:
        raise Http404 from None
    found = next((one for one in _released(partnership) if one.period == period), None)
    if found is None:
        raise Http404
    return found


def _next(today: dt.date) -> dt.date:
    """The day on which the present quarter has ended."""
    return Period.quarter_of(today).last + dt.timedelta(days=1)


# ── what followed ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Followed:
    """Something that was done, and published numbers of the quarters before and after. What came after need not have come from it."""

    what: str
    on: dt.date
    rows: list[tuple[str, str, str]]  # what is counted, before, after


def _followed(partnership: Partnership, released: list[Released]) -> Iterable[Followed]:
    """Changes and joint learning with a released quarter before and after; read from the published numbers alone."""
    quarters = {one.period: one for one in released if not one.period.is_year}
    for what, on, theme in sorted(_done(partnership), key=lambda done: done[1], reverse=True):
        middle = Period.quarter_of(on)
        before = quarters.get(Period.quarter_of(middle.first - dt.timedelta(days=1)))
        after = quarters.get(Period.quarter_of(middle.last + dt.timedelta(days=1)))
        if before is None or after is None:
            continue
        rows: list[tuple[str, str, str]] = [
            (_("Quarter"), before.said, after.said),
            (_("Late answers between practitioners"), _late(before, "practitioner"), _late(after, "practitioner")),
            (_("Late answers of line managers"), _late(before, "line_manager"), _late(after, "line_manager")),
        ]
        if theme:
            rows.append((_("General issues named in this theme"), _named(before, theme), _named(after, theme)))
        yield Followed(what, on, rows)


def _done(partnership: Partnership) -> Iterable[tuple[str, dt.date, str]]:
    carried_out = Decision.objects.filter(partnership=partnership, done_on__isnull=False).exclude(kind=Decision.Kind.NO_CHANGE)
    for decision in carried_out.select_related("theme"):
        if decision.done_on:
            yield f"{decision.get_kind_display()}: {decision.theme.title}", decision.done_on, str(decision.theme_id)
    for event in LearningEvent.objects.filter(partnership=partnership, cancelled_at=None, starts_at__lt=timezone.now()):
        yield f"{event.get_kind_display()}: {event.title}", times.local_day(event.starts_at), str(event.theme_id or "")


def _late(one: Released, stage: str) -> str:
    late, total = one.number("answer", ALL, f"late_{stage}"), one.number("answer", ALL, f"all_{stage}")
    if late is None or total is None:
        return DASH
    return _("%(late)d of %(total)d") % {"late": late, "total": total}


def _named(one: Released, theme: str) -> str:
    kept = one.kept.get("theme")
    if kept and theme not in kept["rows"]:
        return "0" if one.number("theme", ALL, "named") == 0 else DASH
    return say(one.number("theme", theme, "named"))
