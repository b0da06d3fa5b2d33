"""What an auditor finds, asks for and takes away as a file. Everybody else finds nothing here."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import Agency, Appointment, Office, User
from accounts.second_factor import fresh_second_factor
from audit import trail
from disputes.disagreement import DisagreementQuerySet
from disputes.models import Side
from disputes.stages import Stage
from escalation.desk import Section, describe, with_what_rows_say
from escalation.listing import narrowed
from escalation.opened import listed
from evidence import history, jobs
from evidence.forms import Find
from evidence.jobs import State
from evidence.models import Export
from pages import times

PER_PAGE = 25
LATEST = 5  # of one's own exports on the page
REFERENCE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}")
LOOK_AGAIN = 5  # seconds
TONES = {State.WAITING: "", State.READY: "done", State.TAKEN: "calm", State.FAILED: "late", State.GONE: "calm", State.CHANGED: "calm"}


@require_http_methods(["GET", "HEAD", "POST"])
def exports(request: HttpRequest) -> HttpResponse:
    """Find disagreements by dates, stage and agency; ask for the history of all that were found, or of one; see what was asked for."""
    audited = _audited(request)
    if request.method == "POST":
        return _ask(request, audited)
    form = _form(request.GET, audited)
    form.full_clean()
    found = narrowed(audited, getattr(form, "cleaned_data", {}))
    page = Paginator(found.order_by("-raised_at", "pk"), PER_PAGE).get_page(request.GET.get("page"))
    describe(page.object_list)
    listed(request, "exports", page.object_list, hits=page.paginator.count)
    own = _said(list(jobs.all_of(_person(request))[:LATEST]), audited)
    context = {"form": form, "page": page, "asked": request.GET, "columns": history.COLUMNS, "is_narrowed": form.is_bound, "own": own}
    return render(request, "evidence/exports.html", context)


@fresh_second_factor
def _ask(request: HttpRequest, audited: DisagreementQuerySet) -> HttpResponse:
    """One more export: of one disagreement (`reference`), or of all that fit what was asked."""
    try:
        export = jobs.ask(_person(request), _wanted(request, audited))
    except jobs.TooMany:
        messages.warning(
            request,
            _("You have %(number)d exports that are being made or wait to be downloaded. Download one of them first.")
            % {"number": jobs.OPEN_AT_MOST},
        )
        return redirect("exports")
    return redirect("export", export=export.pk)


def _wanted(request: HttpRequest, audited: DisagreementQuerySet) -> dict[str, str]:
    """What was posted, as the row keeps it: ids, days and a stage."""
    if one := request.POST.get("reference", "").upper():
        pk = audited.filter(reference=one).values_list("pk", flat=True).first() if REFERENCE.fullmatch(one) else None
        if pk is None:
            trail.note_hidden(one, person=_person(request).pk)
            raise Http404
        return {"disagreement": str(pk)}
    form = _form(request.POST, audited)
    if form.is_bound and not form.is_valid():
        raise Http404  # the page posts what it has checked
    given = getattr(form, "cleaned_data", {})
    return {name: value.isoformat() if isinstance(value, dt.date) else str(value) for name, value in given.items() if value}


@require_http_methods(["GET", "HEAD", "POST"])
def export(request: HttpRequest, export: UUID) -> HttpResponse:
    """One export of one's own: what was asked, how far it is, and the way to take it. Looks again by itself while it is being made."""
    said = _own(request, export)
    if request.method == "POST":
        return _download(request, export)
    looks_again = said.state == State.WAITING and "still" not in request.GET
    context = {"said": said, "looks_again": LOOK_AGAIN if looks_again else None, "columns": history.COLUMNS, "State": State}
    return render(request, "evidence/export.html", context)


@fresh_second_factor
def _download(request: HttpRequest, export: UUID) -> HttpResponse:
    """The file, once. It streams from an unnamed temporary one, after the transaction in which the rights were read has ended."""
    try:
        file = jobs.take(export, _person(request))
    except jobs.NotThere:
        messages.warning(request, _("This file is not here: each can be downloaded once, within 24 hours. Ask for it again."))
        return redirect("export", export=export)
    except jobs.RightsChanged as changed:
        messages.warning(request, _("What you may see has changed since this file was made. It was removed, and is being made again."))
        return redirect("export", export=changed.afresh.pk)
    day = timezone.localdate().isoformat()
    name = f"accord-history-{day}.csv"
    return FileResponse(file, as_attachment=True, filename=name, content_type="text/csv; charset=utf-8")  # type: ignore[return-value]


# ── one's own exports, in words ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Said:
    """An export as its page and the list say it."""

    export: Export
    what: str
    state: State

    @property
    def tone(self) -> str:
        return TONES[self.state]

    @property
    def fingerprint(self) -> str:
        """In groups of eight, so that it breaks on a narrow screen and can be read out."""
        return " ".join(self.export.sha256[at : at + 8] for at in range(0, 64, 8))

    @property
    def kept_until(self) -> dt.datetime | None:
        return self.export.made_at + jobs.KEPT_FOR if self.export.made_at else None


def _own(request: HttpRequest, export: UUID) -> Said:
    """This person's export as it stands. Of somebody else, dropped, or of what they may no longer see: a 404."""
    audited = _audited(request)
    said = _said(list(jobs.all_of(_person(request)).filter(pk=export)), audited)
    if not said:
        raise Http404
    return said[0]


def _said(found: list[Export], audited: DisagreementQuerySet) -> list[Said]:
    now = timezone.now()
    wanted = {export.asked["disagreement"] for export in found if "disagreement" in export.asked}
    references = {str(pk): reference for pk, reference in audited.filter(pk__in=wanted).values_list("pk", "reference")} if wanted else {}
    agencies = {export.asked["agency"] for export in found if "agency" in export.asked}
    names = {str(agency.pk): agency.name for agency in Agency.objects.filter(pk__in=agencies)} if agencies else {}
    visible = [export for export in found if export.asked.get("disagreement", "") in {"", *references}]
    return [Said(export, _in_words(export.asked, references, names), jobs.state_of(export, now)) for export in visible]


def _in_words(asked: dict[str, Any], references: dict[str, str], agencies: dict[str, str]) -> str:
    if one := asked.get("disagreement"):
        return references[one]
    first, last = (times.day(dt.date.fromisoformat(asked[name])) if name in asked else "" for name in jobs.DAYS)
    said = []
    if first:
        said.append(_("raised from %(day)s") % {"day": first})
    if last:
        said.append(_("raised until %(day)s") % {"day": last})
    if "stage" in asked:
        said.append(_("stage: %(stage)s") % {"stage": dict(Stage.choices)[asked["stage"]]})
    if "agency" in asked:
        said.append(_("agency: %(agency)s") % {"agency": agencies.get(asked["agency"], "")})
    return "; ".join([_("All that you audit"), *said])


# ── who, and what they find ─────────────────────────────────────────────────────────────────────────────────────────


def on_the_desk(person: User) -> Section | None:
    """The way in, for whoever audits today."""
    audits = person.appointments.on(timezone.localdate()).filter(office=Office.AUDITOR).select_related("partnership")
    lines = [(appointment.partnership.name, _until(appointment)) for appointment in audits]
    return (
        Section(_("You are appointed as an auditor"), lines, "/exports/", _("Find disagreements and export their history"))
        if lines
        else None
    )


def _until(appointment: Appointment) -> str:
    return _("until %(day)s") % {"day": times.day(appointment.ends_on)} if appointment.ends_on else _("without an end date")


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - the middleware lets nobody else in
    return request.user


def _audited(request: HttpRequest) -> DisagreementQuerySet:
    """The disagreements of the partnerships that this person audits today. Whoever audits none gets a 404."""
    person, today = _person(request), timezone.localdate()
    if not jobs.audits(person, today):
        raise Http404
    return jobs.audited_by(person, today).select_related(*with_what_rows_say()).prefetch_related("children")


def _form(asked: dict, audited: DisagreementQuerySet) -> Find:
    sides = Side.objects.filter(disagreement__in=audited.order_by().values("pk"))
    agencies = Agency.objects.filter(pk__in=sides.values("team__agency")).order_by("name")
    given = {name: value for name, value in asked.items() if name not in ("page", "csrfmiddlewaretoken", "reference")}
    return Find(given or None, agencies=list(agencies))


__all__ = ["export", "exports", "on_the_desk"]
