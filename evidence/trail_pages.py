"""Who opened what: one's own reading; the trail for safeguarding leads and auditors; the alarms. Looking at it is itself noted."""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import io
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, F, Max, Min, QuerySet
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Office, User
from accounts.second_factor import fresh_second_factor
from audit import trail
from audit.models import Alarm, Trace
from audit.sight import Sight
from disputes.disagreement import by_reference
from disputes.models import Disagreement
from escalation.desk import Section
from escalation.opened import opened
from evidence.trail_forms import KINDS, Narrow
from evidence.trail_words import references_for, tell
from pages import times
from pages.sheets import safe

Kind = Trace.Kind
PER_PAGE = 50
MOST_PEOPLE = 20  # of one name
MOST_LINES = 5_000  # in one file
LATELY = dt.timedelta(days=30)  # where no first day is given: a partnership's trail is long
A_YEAR = dt.timedelta(days=366)


# ── one's own ───────────────────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def own_reading(request: HttpRequest) -> HttpResponse:
    """All that the trail says of the reader."""
    person = _person(request)
    own = Trace.objects.filter(person_id=person.pk).order_by("-at", "pk")
    page = Paginator(own, PER_PAGE).get_page(request.GET.get("page"))
    lines = tell(page.object_list, person)
    trail.note(Kind.READ, "own_trail", person=person.pk)
    return render(request, "audit/own_reading.html", {"page": page, "lines": lines})


@require_POST
def printed(request: HttpRequest) -> HttpResponse:
    """A browser prints a page of ours (static/printed.js). The answer says nothing of what is there."""
    try:
        found = resolve(request.POST.get("path", "")[:300])
    except Resolver404:
        return HttpResponse(status=204)
    what = str(found.kwargs.get("slug") or found.url_name or "page").replace("-", "_")
    if reference := found.kwargs.get("reference"):
        with contextlib.suppress(Disagreement.DoesNotExist):  # which is noted as refused
            opened(request, by_reference(reference, _person(request)), what, Kind.PRINTED)
        return HttpResponse(status=204)
    _note_looked(Sight.of(_person(request), timezone.localdate()), found.url_name or "page", kind=Kind.PRINTED)
    return HttpResponse(status=204)


# ── the trail ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Asked:
    """What one page of the trail is narrowed to."""

    people: list[UUID]
    reference: str = ""
    kind: str = ""
    first: dt.date | None = None
    last: dt.date | None = None
    disagreement: UUID | None = None

    def of(self, traces: QuerySet[Trace], now: dt.datetime) -> QuerySet[Trace]:
        since = self.first or timezone.localdate(now - LATELY)
        found = traces.filter(at__date__gte=since) if self.first else traces.filter(at__gte=now - LATELY)
        if self.last:
            found = found.filter(at__date__lte=self.last)
        if self.people:
            found = found.filter(person_id__in=self.people)
        if self.disagreement:
            found = found.filter(disagreement_id=self.disagreement)
        if self.kind:
            found = found.filter(kind__in=KINDS[self.kind][1])
        return found.order_by("-at", "pk")

    @property
    def fields(self) -> list[tuple[str, str]]:
        """As an address or a form holds it."""
        said = [("person", str(one)) for one in self.people]
        said += [(name, getattr(self, name)) for name in ("reference", "kind") if getattr(self, name)]
        for name in ("first", "last"):
            if day := getattr(self, name):
                said += [(f"{name}_day", str(day.day)), (f"{name}_month", str(day.month)), (f"{name}_year", str(day.year))]
        return said


@require_http_methods(["GET", "HEAD", "POST"])
def trail_page(request: HttpRequest) -> HttpResponse:
    """Who opened what and when. The form is posted, so that no name gets into an address; a link leads on."""
    sight = _sight(request)
    if request.method == "POST":
        return _narrow(request, sight)
    now = timezone.now()
    asked, form = _asked(request, request.GET)
    found = Trace.objects.none() if form.errors else asked.of(sight.traces(), now)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    lines = tell(page.object_list, sight.person)
    _note_looked(sight, "trail", people=asked.people, about=asked.disagreement)
    return _show(request, sight, form, asked, page=page, lines=lines)


def _narrow(request: HttpRequest, sight: Sight) -> HttpResponse:
    form = Narrow(request.POST)
    people: list[UUID] = []
    if form.is_valid() and (name := form.cleaned_data["name"]):
        people = list(sight.people().filter(name__icontains=name).values_list("pk", flat=True)[: MOST_PEOPLE + 1])
        if not people:
            form.add_error("name", _("Nobody of this name is in your part of the trail"))
        elif len(people) > MOST_PEOPLE:
            form.add_error("name", _("More than %(most)d people have this in their name. Enter more of it") % {"most": MOST_PEOPLE})
    if not form.errors and (reference := form.cleaned_data["reference"].upper()):
        _find(request, form, reference)
    if form.errors:
        return _show(request, sight, form, Asked([]), page=None, lines=[])
    given = form.cleaned_data
    asked = Asked(people, given["reference"].upper(), given["kind"], given["first"], given["last"])
    return redirect(f"{request.path}?{urlencode(asked.fields)}" if asked.fields else request.path)


def _show(request: HttpRequest, sight: Sight, form: Narrow, asked: Asked, *, page: Any, lines: list[Any]) -> HttpResponse:
    chosen = sight.people().filter(pk__in=asked.people).order_by("name") if asked.people else []
    context = {
        "sight": sight,
        "form": form,
        "asked": asked,
        "chosen": chosen,
        "page": page,
        "lines": lines,
        "is_narrowed": bool(asked.fields) or form.is_bound,
        "export": f"/trail/export/?{urlencode(asked.fields)}",
    }
    return render(request, "audit/trail.html", context)


def _asked(request: HttpRequest, given: Any) -> tuple[Asked, Narrow]:
    """What the address, or the form of the export, asks for; the form shows it."""
    people = [person for text in given.getlist("person")[:MOST_PEOPLE] if (person := _uuid(text))]
    known = {name: value for name, value in given.items() if name not in ("person", "page", "name", "csrfmiddlewaretoken")}
    form = Narrow(known or None)
    form.full_clean()
    clean = getattr(form, "cleaned_data", {})
    asked = Asked(people, (clean.get("reference") or "").upper(), clean.get("kind") or "", clean.get("first"), clean.get("last"))
    if asked.reference:
        asked.disagreement = _find(request, form, asked.reference)
    return asked, form


def _find(request: HttpRequest, form: Narrow, reference: str) -> UUID | None:
    """The disagreement under this reference; hidden and absent are the same error."""
    try:
        return by_reference(reference, _person(request)).pk
    except Disagreement.DoesNotExist:
        form.add_error("reference", _("You cannot see a disagreement with this reference"))
        return None


@require_safe
def person_page(request: HttpRequest, person: UUID) -> HttpResponse:
    """What one person opened, disagreement by disagreement."""
    sight = _sight(request)
    whose = sight.people().filter(pk=person).first()
    if whose is None:
        raise Http404
    now = timezone.now()
    theirs = sight.traces().filter(person_id=whose.pk, at__gte=now - A_YEAR)
    of_disagreements = theirs.filter(disagreement_id__isnull=False, kind__in=(Kind.READ, Kind.PRINTED)).order_by()
    by_disagreement = of_disagreements.values("disagreement_id").annotate(times=Count("pk"), first=Min("at"), last=Max("at"))
    page = Paginator(by_disagreement.order_by("-last", "disagreement_id"), PER_PAGE).get_page(request.GET.get("page"))
    references = references_for([row["disagreement_id"] for row in page.object_list], sight.person)
    rows = [{**row, "reference": references.get(str(row["disagreement_id"]), "")} for row in page.object_list]
    other = dict(theirs.order_by().values_list("kind").annotate(Count("at", distinct=True)))
    _note_looked(sight, "trail_of", people=[whose.pk])
    numbers = {
        name: other.get(kind, 0) for name, kind in (("exports", Kind.EXPORTED), ("refused", Kind.REFUSED), ("failed", Kind.SIGN_IN_FAILED))
    }
    return render(request, "audit/person.html", {"whose": whose, "page": page, "rows": rows, "numbers": numbers})


@require_http_methods(["GET", "HEAD", "POST"])
def export(request: HttpRequest) -> HttpResponse:
    """Asks first, then gives what was shown as CSV: the newest lines, so many that it can be made at once. What to show stands in the
    address, so that whoever has to confirm that it is they finds it again."""
    sight = _sight(request)
    asked, form = _asked(request, request.GET)
    if form.errors:
        raise Http404  # the page before leads here with what it has checked
    if request.method == "POST":
        return _export(request, sight, asked)
    number = asked.of(sight.traces(), timezone.now()).count()
    back = f"/trail/?{urlencode(asked.fields)}"
    return render(request, "audit/export.html", {"number": number, "most": MOST_LINES, "back": back})


@fresh_second_factor
def _export(request: HttpRequest, sight: Sight, asked: Asked) -> HttpResponse:
    lines = tell(asked.of(sight.traces(), timezone.now())[:MOST_LINES], sight.person)
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow([_("When"), _("Who"), _("Did"), _("Disagreement"), _("In which capacity")])
    for line in lines:
        when = line.at.astimezone(times.LONDON).isoformat(timespec="seconds")
        table.writerow([when, *map(safe, (line.who, line.did, line.reference, line.capacity))])
    facts = {"rows": len(lines), "people": [str(one) for one in asked.people]}
    trail.note_for_each(Kind.EXPORTED, "trail.csv", dict.fromkeys(sight.partnerships(), facts), person=sight.person.pk)
    answer = HttpResponse("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="accord-trail-{timezone.localdate().isoformat()}.csv"'
    return answer


# ── alarms ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Said:
    """An alarm in words."""

    alarm: Alarm
    words: str
    who: str
    reference: str
    seen_by: str


@require_safe
def alarms(request: HttpRequest) -> HttpResponse:
    """What somebody should look at, newest first; what was looked into stays, with who did."""
    sight = _sight(request, of_alarms=True)
    page = Paginator(sight.alarms().order_by(F("seen_at").desc(nulls_first=True), "-at", "pk"), PER_PAGE).get_page(request.GET.get("page"))
    found = list(page.object_list)
    people = User.objects.in_bulk({one for alarm in found for one in (alarm.person_id, alarm.seen_by_id) if one})
    references = references_for([alarm.disagreement_id for alarm in found], sight.person)
    said = [_say(alarm, people, references) for alarm in found]
    _note_looked(sight, "alarms")
    context = {
        "page": page,
        "open": [one for one in said if one.alarm.seen_at is None],
        "done": [one for one in said if one.alarm.seen_at is not None],
        "reads_trail": sight.reads_trail,
    }
    return render(request, "audit/alarms.html", context)


@require_POST
def looked_into(request: HttpRequest, alarm: UUID) -> HttpResponse:
    """Somebody looked into it. A colleague who was faster did, too."""
    sight = _sight(request, of_alarms=True)
    if not sight.alarms().filter(pk=alarm).exists():
        raise Http404
    sight.alarms().filter(pk=alarm, seen_at=None).update(seen_at=Now(), seen_by_id=sight.person.pk)
    messages.success(request, _("Thank you. It is kept that you looked into it."))
    return redirect("trail-alarms")


def _say(alarm: Alarm, people: dict[UUID, User], references: dict[str, str]) -> Said:
    who = people[alarm.person_id].name if alarm.person_id in people else _("Somebody")
    facts = {"who": who, **alarm.facts}
    if alarm.kind == Alarm.Kind.UNUSUAL_READING:
        words = _("%(who)s opened %(opened)s disagreements within an hour. Up to %(limit)s is usual for their role.") % {
            "opened": "?",
            "limit": "?",
            **facts,
        }
    elif alarm.kind == Alarm.Kind.LARGE_EXPORT:
        words = _("%(who)s exported the history of %(disagreements)s disagreements at once.") % {"disagreements": "?", **facts}
    elif alarm.kind == Alarm.Kind.ROLE_GRANTED:
        office = dict(Office.choices).get(alarm.facts.get("office"), "?")
        words = _("%(who)s appointed somebody: %(office)s.") % {"who": who, "office": office}
    else:
        words = _("%(who)s opened a disagreement in an emergency, and nobody confirmed that it was right.") % {"who": who}
    seen_by = people[alarm.seen_by_id].name if alarm.seen_by_id in people else ""
    return Said(alarm, words, who, references.get(str(alarm.disagreement_id), ""), seen_by)


def on_the_desk(person: User) -> Section | None:
    """The alarms that wait, for those who look; and the way to the trail."""
    sight = Sight.of(person, timezone.localdate())
    waiting = sight.alarms().filter(seen_at=None).count() if sight.reads_alarms else 0
    if waiting:
        said = ngettext("%(n)d alarm to look at", "%(n)d alarms to look at", waiting) % {"n": waiting}
        lines = [(said, _("unusual reading, a large export, an appointment or an emergency that nobody confirmed"))]
        return Section(_("Who opened what"), lines, "/trail/alarms/", _("Look at the alarms"))
    if sight.reads_trail:
        whose = [partnership.name for partnership in sight.audited.values()] + list(sight.led.values())
        lines = [(name, _("no alarm waits to be looked at")) for name in whose]
        return Section(_("Who opened what"), lines, "/trail/", _("Look at who opened what"))
    return None


# ── who, and that they looked ───────────────────────────────────────────────────────────────────────────────────────


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - the middleware lets nobody else in
    return request.user


def _sight(request: HttpRequest, *, of_alarms: bool = False) -> Sight:
    """What this person may look at. Everybody else finds nothing here."""
    sight = Sight.of(_person(request), timezone.localdate())
    if not (sight.reads_alarms if of_alarms else sight.reads_trail):
        raise Http404
    return sight


def _note_looked(
    sight: Sight, what: str, *, kind: Trace.Kind = Kind.READ, people: list[UUID] | None = None, about: UUID | None = None
) -> None:
    facts: dict[str, Any] = {"people": [str(one) for one in people]} if people else {}
    if about:
        facts["about"] = str(about)
    trail.note_for_each(kind, what, dict.fromkeys(sight.partnerships(), facts), person=sight.person.pk)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
