"""What an auditor finds, and takes away as a file. Everybody else finds nothing here."""

from __future__ import annotations

import codecs
import csv
import io
import re
import tempfile
from typing import IO
from uuid import UUID

from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Agency, Appointment, Office, User
from audit import trail
from audit.models import Trace
from disputes.disagreement import DisagreementQuerySet
from disputes.models import Disagreement, Side
from escalation.desk import Section, describe, with_what_rows_say
from escalation.listing import narrowed
from evidence import history as case_history
from evidence.forms import Find
from pages import times

PER_PAGE = 25
REFERENCE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}")
IN_MEMORY = 2_000_000  # bytes of an export kept in memory; the rest goes to an unnamed file that ends with the response


@require_safe
def exports(request: HttpRequest) -> HttpResponse:
    """Find disagreements by dates, stage and agency, and export all that were found, or one."""
    audited = _audited(request)
    form = _form(request.GET, audited)
    page = Paginator(_found(form, audited).order_by("-raised_at", "pk"), PER_PAGE).get_page(request.GET.get("page"))
    describe(page.object_list)
    context = {"form": form, "page": page, "asked": request.GET, "columns": case_history.COLUMNS, "is_narrowed": form.is_bound}
    return render(request, "evidence/exports.html", context)


@require_POST
def history(request: HttpRequest) -> FileResponse:
    """The case history as CSV: of one disagreement (`reference`), or of all that fit what was asked.

    The file is written to the end before the first byte leaves, inside the request's own transaction. A generator that read
    while the browser fetched would hold a transaction open for as long as the slowest line takes (and be ended by the
    database after 30 idle seconds), could break off in the middle and leave a file that looks whole, and would know its
    row counts too late for the trail. The response itself streams from the finished file; memory stays bounded.
    """
    audited = _audited(request)
    one = request.POST.get("reference", "")
    form = _form(request.POST, audited)
    if one:
        found = audited.filter(reference=one.upper())
        if not REFERENCE.fullmatch(one.upper()) or not found.exists():
            raise Http404
    elif form.is_bound and not form.is_valid():
        raise Http404  # the page posts what it has checked
    else:
        found = _found(form, audited)
    counts = case_history.Counts()
    kept = _write(found, counts)
    _note(request, found, counts, is_one=bool(one))
    day = timezone.localdate().isoformat()
    return FileResponse(kept, as_attachment=True, filename=f"accord-history-{day}.csv", content_type="text/csv; charset=utf-8")


def _write(found: DisagreementQuerySet, counts: case_history.Counts) -> IO[bytes]:
    """The CSV with a byte order mark, without which spreadsheets misread every accent; rewound."""
    kept = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the response closes it
    kept.write(codecs.BOM_UTF8)
    text = io.TextIOWrapper(kept, encoding="utf-8", newline="", write_through=True)  # type: ignore[type-var]
    csv.writer(text).writerows(case_history.rows(found, counts))
    text.detach()
    kept.seek(0)
    return kept  # type: ignore[return-value]


def _note(request: HttpRequest, found: DisagreementQuerySet, counts: case_history.Counts, *, is_one: bool) -> None:
    """One row of the trail for each partnership in the file: who took how much."""
    person = request.user.pk
    only = found.values_list("pk", flat=True).get() if is_one else None
    amounts = {"rows": counts.rows, "disagreements": counts.disagreements, "entries": counts.entries, "changes": counts.changes}
    partnerships: set[UUID | None] = set(found.order_by().values_list("partnership", flat=True)) or {None}
    for partnership in partnerships:
        trail.note(Trace.Kind.EXPORTED, "history.csv", person=person, disagreement=only, partnership=partnership, **amounts)


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


def _audited(request: HttpRequest) -> DisagreementQuerySet:
    """The disagreements of the partnerships that this person audits today. Whoever audits none gets a 404."""
    person = request.user
    assert isinstance(person, User)  # noqa: S101 - the middleware lets nobody else in
    held = person.appointments.on(timezone.localdate()).filter(office=Office.AUDITOR)
    if not held.exists():
        raise Http404
    visible = Disagreement.objects.visible_to(person).filter(partnership__in=held.values("partnership"))
    return visible.select_related(*with_what_rows_say()).prefetch_related("children")


def _form(asked: dict, audited: DisagreementQuerySet) -> Find:
    sides = Side.objects.filter(disagreement__in=audited.order_by().values("pk"))
    agencies = Agency.objects.filter(pk__in=sides.values("team__agency")).order_by("name")
    given = {name: value for name, value in asked.items() if name not in ("page", "csrfmiddlewaretoken", "reference")}
    return Find(given or None, agencies=list(agencies))


def _found(form: Find, audited: DisagreementQuerySet) -> DisagreementQuerySet:
    form.full_clean()
    return narrowed(audited, getattr(form, "cleaned_data", {}))
