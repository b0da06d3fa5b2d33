"""Each person's own reflection and CPD log: theirs to write, change, delete and take away. Nothing of it is traced."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.db.models.functions import ExtractYear
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import kept_forms
from accounts.models import User
from learning import documents, rooms
from learning.log_form import QUESTIONS, EntryForm
from learning.membership import learner
from learning.models import Capability, Debrief, LearningEvent, LogEntry
from pages import times
from pages.kept import key_of, posted
from pages.sheets import safe

AT_MOST = 500  # on one page; the year narrows it, and the exports hold all


# ── read ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Told:
    """One entry as its owner reads it."""

    entry: LogEntry

    @property
    def areas(self) -> list[str]:
        return [str(Capability(one).label) for one in self.entry.areas if one in Capability.values]

    @property
    def texts(self) -> list[tuple[str, str]]:
        """(the question in short, what was answered)"""
        return [(str(short), text) for name, short in QUESTIONS.items() if (text := getattr(self.entry, name))]

    @property
    def hours(self) -> str:
        return say_hours(self.entry.hours) if self.entry.hours else ""


@dataclass
class Totals:
    """Hours and entries of one log, and of each area. An entry with two areas counts in both."""

    entries: int = 0
    hours: Decimal = Decimal(0)
    by_area: dict[str, Decimal] = field(default_factory=dict)  # in the order of the areas

    @classmethod
    def of(cls, entries: Iterable[LogEntry]) -> Totals:
        entries = list(entries)
        found = {one: [entry for entry in entries if one.value in entry.areas] for one in Capability}
        by_area = {str(one.label): _hours(within) for one, within in found.items() if within}
        return cls(len(entries), _hours(entries), by_area)

    @property
    def said(self) -> str:
        number = ngettext("%(n)d entry", "%(n)d entries", self.entries) % {"n": self.entries}
        return f"{number}, {say_hours(self.hours)}" if self.hours else number

    @property
    def areas(self) -> list[tuple[str, str]]:
        return [(area, say_hours(hours)) for area, hours in self.by_area.items()]


def _hours(entries: list[LogEntry]) -> Decimal:
    return sum((entry.hours or Decimal(0) for entry in entries), Decimal(0))


def say_hours(hours: Decimal) -> str:
    """ "1.5 hours"; whole hours without a point."""
    return ngettext("%(n)s hour", "%(n)s hours", 1 if hours == 1 else 2) % {"n": int(hours) if hours == int(hours) else hours}


@never_cache
@require_safe
def log(request: HttpRequest) -> HttpResponse:
    """The person's own list, the newest first, of one year or all, with its totals."""
    person = _person(request)
    years, year = _years(person), _year(request)
    entries = list(_own(person, year)[:AT_MOST])
    page = {
        "told": [Told(entry) for entry in entries],
        "totals": Totals.of(entries),
        "years": years,
        "year": year,
        "asked": f"?year={year}" if year else "",
        "is_more": len(entries) == AT_MOST,
        "rooms": rooms.open_to(learner(request)),
    }
    return render(request, "learning/log/log.html", page)


def _own(person: User, year: int | None = None) -> QuerySet[LogEntry]:
    """Nobody else's ever: row-level security says so too, to everybody."""
    mine = LogEntry.objects.filter(owner=person)
    return mine.filter(on__year=year) if year else mine


def _one(request: HttpRequest, entry_id: uuid.UUID) -> LogEntry:
    entry = _own(_person(request)).filter(pk=entry_id).first()
    if entry is None:
        raise Http404
    return entry


def _years(person: User) -> list[int]:
    years = _own(person).order_by().annotate(year=ExtractYear("on")).values_list("year", flat=True).distinct()
    return sorted(years, reverse=True)


def _year(request: HttpRequest) -> int | None:
    """The year that is asked for; None: all."""
    asked = request.GET.get("year", "")
    return int(asked) if asked.isascii() and asked.isdecimal() and len(asked) == 4 and int(asked) else None


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - the middleware lets nobody else in
    return request.user


# ── write, change, delete ───────────────────────────────────────────────────────────────────────────────────────────


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """An empty page, or one begun from a learning event or a debrief they were at. The same page posted twice writes one entry."""
    person, key = _person(request), key_of(request)
    event = _event(request)
    form = EntryForm(posted(request), initial=_begun(request, event))
    if request.method == "POST" and form.is_valid():
        entry = LogEntry(id=uuid.uuid5(person.pk, str(key)), owner=person, event=event, **form.cleaned_data)
        LogEntry.objects.bulk_create([entry], ignore_conflicts=True)
        messages.success(request, _("It is in your log."))
        return redirect("log")
    return render(request, "learning/log/write.html", {"form": form, "key": key, "event": event})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, entry_id: uuid.UUID) -> HttpResponse:
    """What stood there before is not kept."""
    entry = _one(request, entry_id)
    form = EntryForm(posted(request), initial={name: getattr(entry, name) for name in EntryForm.base_fields})
    if request.method == "POST" and form.is_valid():
        LogEntry.objects.filter(pk=entry.pk).update(**form.cleaned_data, changed_at=timezone.now())
        messages.success(request, _("Your entry is changed."))
        return redirect("log")
    return render(request, "learning/log/write.html", {"form": form, "entry": entry})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, entry_id: uuid.UUID) -> HttpResponse:
    """Asks first; then the row is gone, and no version of it stays."""
    entry = _one(request, entry_id)
    if request.method == "POST":
        entry.delete()
        kept_forms.forget(entry.owner, reverse("log-change", args=[entry_id]), below=True)  # nor what was being changed in it
        messages.success(request, _("Your entry is deleted."))
        return redirect("log")
    return render(request, "learning/log/delete.html", {"entry": entry})


def _event(request: HttpRequest) -> LearningEvent | None:
    """The learning event that the page was begun from; anything else begins an empty page."""
    pk = _id(request.GET.get("event", ""))
    return LearningEvent.objects.filter(pk=pk, attendances__person=_person(request), starts_at__lte=timezone.now()).first() if pk else None


def _begun(request: HttpRequest, event: LearningEvent | None) -> dict[str, Any]:
    if event:
        title = f"{event.get_kind_display()}: {event.title}"[:120]
        return {"on": times.local_day(event.starts_at), "title": title, "hours": event.hours, "areas": event.areas}
    if debrief := _debrief(request):
        return {"on": times.local_day(debrief.starts_at), "title": _("A debrief after a disagreement"), "areas": [Capability.LEARNING]}
    return {"on": timezone.localdate(), "role": _post_of(_person(request))}


def _debrief(request: HttpRequest) -> Debrief | None:
    pk = _id(request.GET.get("debrief", ""))
    return Debrief.objects.filter(pk=pk, participants__person=_person(request), starts_at__lte=timezone.now()).first() if pk else None


def _post_of(person: User) -> str:
    post = person.posts.filter(ended_on=None).order_by("level", "title").first()
    return post.title if post else ""


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


# ── taken away ──────────────────────────────────────────────────────────────────────────────────────────────────────


@never_cache
@require_safe
def as_csv(request: HttpRequest) -> HttpResponse:
    """For a spreadsheet: formulas made harmless, a byte-order mark for those that need one."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow([_("Date"), _("Title"), _("Hours"), _("My role"), _("Areas"), *map(str, QUESTIONS.values())])
    for entry in _own(_person(request), _year(request)).iterator():
        told = Told(entry)
        texts = [getattr(entry, name) for name in QUESTIONS]
        cells = [entry.title, str(entry.hours or ""), entry.role, "; ".join(told.areas), *texts]
        table.writerow([entry.on.isoformat(), *map(safe, cells)])
    answer = HttpResponse("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{_filename(request, "csv")}"'
    return answer


@never_cache
@require_safe
def as_pdf(request: HttpRequest) -> HttpResponse:
    """For a professional register: totals first, then every entry. What was private in it can be left out."""
    person, year = _person(request), _year(request)
    entries = list(_own(person, year))
    without = () if "whole" in request.GET else ("style",)
    totals = Totals.of(entries)
    data = {
        "name": person.name,
        "period": str(year) if year else _("All years"),
        "totals": totals.said,
        "areas": totals.areas,
        "entries": [_printed(Told(entry), without) for entry in entries],
    }
    title = _("Reflection and CPD log of %(name)s") % {"name": person.name}
    data["foot"] = _("%(title)s, as it stood on %(day)s") % {"title": title, "day": times.day(timezone.now())}
    answer = HttpResponse(documents.pdf("log", data, title), content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="{_filename(request, "pdf")}"'
    return answer


def _printed(told: Told, without: tuple[str, ...]) -> dict[str, Any]:
    entry = told.entry
    return {
        "on": times.day(entry.on),
        "title": entry.title,
        "about": [part for part in (told.hours, entry.role, ", ".join(told.areas)) if part],
        "texts": [[str(short), getattr(entry, name)] for name, short in QUESTIONS.items() if name not in without and getattr(entry, name)],
    }


def _filename(request: HttpRequest, kind: str) -> str:
    year = _year(request)
    return f"my-log-{year or timezone.localdate().isoformat()}.{kind}"
