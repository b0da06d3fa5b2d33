"""The list of all disagreements a person may see, found by state, stage, agency, reference, child and (auditors) by date."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from django import forms as django_forms
from django.core.paginator import Paginator
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts.models import Agency, Office, User
from disputes.disagreement import DisagreementQuerySet
from disputes.models import Child, Disagreement, Side
from disputes.seats import Standing
from disputes.stages import ENDS, Stage
from escalation.desk import describe, with_what_rows_say
from escalation.opened import listed
from escalation.turns import say_turn
from pages import fields, forms

PER_PAGE = 25
REFERENCE = re.compile(r"[0-9A-Z]{4}-?[0-9A-Z]{0,4}")
STATES = [("", _("All")), ("open", _("Open")), ("overdue", _("Late")), ("ended", _("Ended"))]
LOOKED_FOR = "looked_for"  # in the session: a child's pseudonym is never part of an address


class Find(forms.Form):
    """What one may look for. Everything may be left open."""

    state = fields.ChoiceField(label=_("State"), choices=STATES, required=False, widget=django_forms.Select())
    stage = fields.ChoiceField(label=_("Stage"), required=False, widget=django_forms.Select())
    agency = fields.ChoiceField(label=_("Agency"), required=False, widget=django_forms.Select())
    text = fields.LineField(
        label=_("Reference or child"), help_text=_("How it begins: K7PM, or Ash"), called=_("What you look for"), required=False, width=20
    )
    raised_from = fields.DayField(label=_("Raised from"), called=_("The first day"), required=False)
    raised_to = fields.DayField(label=_("Raised until"), called=_("The last day"), required=False)

    def __init__(self, *args: Any, agencies: list[Agency], with_dates: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        stages = [choice for choice in Stage.choices if choice[0] != Stage.RECOGNITION]
        self.fields["stage"].choices = [("", _("Any stage")), *stages]  # type: ignore[attr-defined]
        agency = [("", _("Any agency")), *((str(agency.pk), agency.name) for agency in agencies)]
        self.fields["agency"].choices = agency  # type: ignore[attr-defined]
        if not with_dates:
            del self.fields["raised_from"], self.fields["raised_to"]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        first, last = found.get("raised_from"), found.get("raised_to")
        if first and last and last < first:
            self.add_error("raised_to", _("The last day must not be before the first day"))
        return found


@require_http_methods(["GET", "HEAD", "POST"])
def disagreements(request: HttpRequest) -> HttpResponse:
    """One page of the list. The form is posted, so that what is typed about a child stays out of the address; a link leads on."""
    now = timezone.now()
    person = request.user
    assert isinstance(person, User)  # noqa: S101 - the middleware lets nobody else in
    visible = Disagreement.objects.visible_to(person, now)
    audits = person.appointments.on(timezone.localdate(now)).filter(office=Office.AUDITOR).exists()
    agencies = list(Agency.objects.filter(pk__in=Side.objects.filter(disagreement__in=visible).values("team__agency")).order_by("name"))
    asked = request.POST if request.method == "POST" else _asked(request)
    form = Find(asked or None, agencies=agencies, with_dates=audits)
    if request.method == "POST" and form.is_valid():
        return redirect(_address_of(request, form))
    form.full_clean()
    found = narrowed(visible, getattr(form, "cleaned_data", {}))  # what is wrong does not narrow it; the page says so
    related = found.select_related(*with_what_rows_say()).prefetch_related("children")
    in_order = related.order_by(F("ended_at").desc(nulls_first=True), F("due_at").asc(nulls_last=True), "pk")
    page = Paginator(in_order, PER_PAGE).get_page(request.GET.get("page"))
    rows = _rows(list(page.object_list), person, now)
    listed(request, "list", [d for d, _saying in rows], hits=page.paginator.count)
    context = {"form": form, "page": page, "rows": rows, "now": now, "is_narrowed": bool(asked), "nothing_at_all": not asked and not rows}
    return render(request, "escalation/desk/disagreements.html", context)


def narrowed(visible: DisagreementQuerySet, by: dict[str, Any]) -> DisagreementQuerySet:
    """The visible ones that fit: `by` has any of state, stage, agency, text, raised_from and raised_to (days, both included)."""
    found = visible
    if state := by.get("state"):
        found = {"open": found.open(), "overdue": found.overdue(timezone.now()), "ended": found.filter(stage__in=ENDS)}[state]
    if stage := by.get("stage"):
        found = found.filter(stage=stage)
    if agency := by.get("agency"):
        found = found.filter(pk__in=Side.objects.filter(team__agency=agency, ended_at=None).values("disagreement"))
    if text := by.get("text"):
        children = Child.objects.filter(pseudonym__istartswith=text).values("disagreement")
        found = found.filter(Q(reference__istartswith=_as_reference(text)) | Q(pk__in=children))
    if first := by.get("raised_from"):
        found = found.filter(raised_at__date__gte=first)
    if last := by.get("raised_to"):
        found = found.filter(raised_at__date__lte=last)
    return found


def _as_reference(text: str) -> str:
    """As references are written: "k7pm3xqd" is K7PM-3XQD."""
    plain = re.sub(r"[\s-]", "", text).upper()
    return f"{plain[:4]}-{plain[4:]}" if len(plain) > 4 else plain


def _asked(request: HttpRequest) -> dict[str, Any]:
    """What the address asks for, with what was typed before, which only the session knows."""
    asked: dict[str, Any] = {name: value for name, value in request.GET.items() if name != "page"}
    if asked.pop(LOOKED_FOR, None):
        asked["text"] = request.session.get(LOOKED_FOR, "")
    elif text := asked.pop("text", ""):  # from a link elsewhere: a reference only
        asked["text"] = text if REFERENCE.fullmatch(text.strip().upper()) else ""
    return asked


def _address_of(request: HttpRequest, form: Find) -> str:
    """This list, narrowed: everything in the address but the words."""
    by = form.cleaned_data
    query = {name: str(by[name]) for name in ("state", "stage", "agency") if by.get(name)}
    for name in ("raised_from", "raised_to"):
        if day := by.get(name):
            query |= {f"{name}_day": day.day, f"{name}_month": day.month, f"{name}_year": day.year}
    request.session.pop(LOOKED_FOR, None)  # no longer than it is needed
    if by.get("text"):
        request.session[LOOKED_FOR] = by["text"]
        query[LOOKED_FOR] = "1"
    return f"{request.path}?{urlencode(query)}" if query else request.path


def _rows(found: list[Disagreement], person: User, now: Any) -> list[tuple[Disagreement, Any]]:
    """Each with whose move it is."""
    Standing.read_sessions(Standing.of_many(found, now))
    describe(found)
    for d in found:
        d.sides_said = d.standing.party_sides  # type: ignore[attr-defined]
    return [(d, say_turn(d, d.standing.actor(person))) for d in found]
