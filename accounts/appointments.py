"""Appointments: the partnership's office says who holds which office in it, from when until when. Never for oneself."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django import forms as django_forms
from django.contrib import messages
from django.db.models import Case, Q, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts import directory
from accounts.directory import Refused, as_far_as_allowed, person_of
from accounts.directory_forms import EmailLine
from accounts.directory_people import to_the_code
from accounts.directory_views import answer, fill_in, page, paged
from accounts.invitations import invite
from accounts.models import OF_AN_AGENCY, Agency, Appointment, Invitation, Office, Partnership, User
from accounts.second_factor import fresh_second_factor
from pages import fields, forms, times
from pages.kept import posted

HINTS = {
    Office.CHAIR: gettext_lazy("Mediates, and closes what cannot be resolved."),
    Office.DEPUTY: gettext_lazy("Acts for the Chair in absence or conflict of interest."),
    Office.OFFICE: gettext_lazy("Keeps the policy, the appointments and the agencies."),
    Office.AUDITOR: gettext_lazy("Reads every disagreement of the partnership, until an end date."),
    Office.REPRESENTATIVE: gettext_lazy("Takes an agency’s general issues to the subgroup."),
    Office.SAFEGUARDING_LEAD: gettext_lazy("Reads the disagreements and the reading log of one agency’s people."),
    Office.ADMINISTRATOR: gettext_lazy("Keeps one agency’s directory. Sees no disagreement by it."),
    Office.SUBGROUP: gettext_lazy("Considers general issues in the partnership’s subgroups. Sees no disagreement by it."),
}


class AppointmentForm(forms.Form):
    """Who, to which office, for which agency, from when until when."""

    office = fields.ChoiceField(
        label=gettext_lazy("Which office?"), choices=Office.choices, hints=HINTS, empty=gettext_lazy("Choose the office")
    )
    agency = fields.ChoiceField(
        label=gettext_lazy("For which agency?"),
        help_text=gettext_lazy("For a representative, a safeguarding lead or an administrator only."),
        required=False,
        widget=django_forms.Select(),
    )
    email = EmailLine(label=gettext_lazy("Their work email address"), empty=gettext_lazy("Enter their work email address"))
    name = fields.LineField(
        label=gettext_lazy("Their name"),
        help_text=gettext_lazy("Only for somebody who is new to Accord: they are invited."),
        called=gettext_lazy("The name"),
        max_length=120,
        required=False,
    )
    starts_on = fields.DayField(
        label=gettext_lazy("From"), called=gettext_lazy("The first day"), not_past=True, empty=gettext_lazy("Enter the first day")
    )
    ends_on = fields.DayField(
        label=gettext_lazy("Until (optional, but not for an auditor)"),
        help_text=gettext_lazy("That day included."),
        called=gettext_lazy("The last day"),
        not_past=True,
        required=False,
    )

    def __init__(self, *args: Any, partnership: Partnership, by: User, **options: Any) -> None:
        super().__init__(*args, **options)
        self.partnership, self.by = partnership, by
        self.agencies = {str(agency.pk): agency for agency in Agency.objects.filter(partnerships=partnership).order_by("name")}
        self.fields["agency"].choices = [("", _("None")), *((key, one.name) for key, one in self.agencies.items())]  # type: ignore[attr-defined]
        self.person: User | None = None

    def clean_agency(self) -> Agency | None:
        return self.agencies.get(self.cleaned_data["agency"])

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        office, agency, first, last = (found.get(part) for part in ("office", "agency", "starts_on", "ends_on"))
        if office in OF_AN_AGENCY and not agency and "agency" not in self.errors:
            self.add_error("agency", _("Choose the agency"))
        elif office and office not in OF_AN_AGENCY:
            found["agency"] = None
        if office == Office.AUDITOR and not last and "ends_on" not in self.errors:
            self.add_error("ends_on", _("Enter the last day: an auditor is appointed until a date"))
        if first and last and last < first:
            self.add_error("ends_on", _("The last day must not be before the first day"))
        if email := found.get("email"):
            self._find(email, found)
        return found

    def _find(self, email: str, found: dict[str, Any]) -> None:
        self.person = User.objects.filter(email=email).first()
        if self.person == self.by:
            self.add_error("email", _("Nobody appoints themselves. Somebody else of the office does it."))
        elif self.person and self.person.left_on:
            self.add_error("email", _("This person has left. Whoever keeps their account says so first if they are back."))
        elif self.person and (same := self._same(found)):
            self.add_error("email", _("They hold this office already, since %(day)s") % {"day": times.day(same.starts_on)})
        elif self.person is None and not found.get("name") and "name" not in self.errors:
            self.add_error("name", _("Nobody has this address in Accord. Check it, or enter the name of somebody new."))

    def _same(self, found: dict[str, Any]) -> Appointment | None:
        if self.person is None or not found.get("office") or not found.get("starts_on"):
            return None
        return already_held(self.partnership, self.person, found["office"], found.get("agency"), found["starts_on"], found.get("ends_on"))


class WhenItEnds(forms.Form):
    """At once, or after a day."""

    when = fields.ChoiceField(
        label=gettext_lazy("When does it end?"),
        choices=[("now", gettext_lazy("Now")), ("after", gettext_lazy("After a day"))],
        empty=gettext_lazy("Choose when it ends"),
    )
    ends_on = fields.DayField(
        label=gettext_lazy("The last day"),
        help_text=gettext_lazy("If it ends after a day."),
        called=gettext_lazy("The last day"),
        not_past=True,
        required=False,
    )

    def __init__(self, *args: Any, appointment: Appointment, **options: Any) -> None:
        super().__init__(*args, **options)
        self.appointment = appointment

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("when") == "now":
            found["ends_on"] = None
            self.errors.pop("ends_on", None)
        elif found.get("when") == "after" and not found.get("ends_on") and "ends_on" not in self.errors:
            self.add_error("ends_on", _("Enter the last day"))
        elif (last := found.get("ends_on")) and last < self.appointment.starts_on:
            self.add_error("ends_on", _("It begins on %(day)s, so it cannot end before") % {"day": times.day(self.appointment.starts_on)})
        return found


# ── what is written ─────────────────────────────────────────────────────────────────────────────────────────────────


def already_held(
    partnership: Partnership, person: User, office: str, agency: Agency | None, starts_on: dt.date, ends_on: dt.date | None
) -> Appointment | None:
    """The same office of the same person on some of these days."""
    held = Appointment.objects.filter(partnership=partnership, person=person, office=office, agency=agency)
    held = held.filter(Q(ends_on=None) | Q(ends_on__gte=starts_on))
    return (held.filter(starts_on__lte=ends_on) if ends_on else held).first()


def appoint(
    partnership: Partnership,
    person: User,
    office: str,
    *,
    agency: Agency | None,
    starts_on: dt.date,
    ends_on: dt.date | None,
    by: User,
) -> Appointment:
    """Raises Refused: oneself, and an agency whose administrator another partnership appointed."""
    if person == by:
        raise Refused(_("Nobody appoints themselves. Somebody else of the office does it."))
    with as_far_as_allowed():
        directory.one_at_a_time(f"appointments {partnership.pk}")
        if already_held(partnership, person, office, agency, starts_on, ends_on):  # sent twice
            raise Refused(_("They hold this office already."))
        if office == Office.ADMINISTRATOR and agency and (other := _appoints_elsewhere(agency, partnership, starts_on)):
            said = _("The administrator of %(agency)s is appointed by %(partnership)s. Ask its office.")
            raise Refused(said % {"agency": agency, "partnership": other})
        made = Appointment(partnership=partnership, person=person, office=office, agency=agency, starts_on=starts_on, ends_on=ends_on)
        directory.save(made)
        directory.tell_of_changed_rights(person)
    return made


def _appoints_elsewhere(agency: Agency, partnership: Partnership, day: dt.date) -> Partnership | None:
    """An agency of several partnerships has its administrator from one of them: else each could put its own person over it."""
    held = directory.administrators_on(max(day, timezone.localdate())).filter(agency=agency).select_related("partnership")
    found = list(held)
    if any(one.partnership_id == partnership.pk for one in found):
        return None
    return found[0].partnership if found else None


def end(appointment: Appointment, ends_on: dt.date | None, by: User, today: dt.date) -> None:
    """After `ends_on`, or now (None). Raises Refused for oneself and for the last of the office."""
    if appointment.person_id == by.pk:
        raise Refused(_("Nobody ends their own appointment. Somebody else of the office does it."))
    with as_far_as_allowed():
        directory.one_at_a_time(f"appointments {appointment.partnership_id}")  # two of the office who end each other
        if appointment.office == Office.OFFICE and not _others_of_the_office(appointment, today).exists():
            raise Refused(_("This is the last person of the office. Appoint somebody else first."))
        appointment.ends_on = ends_on or today - dt.timedelta(days=1)
        directory.save(appointment, "ends_on")
        directory.tell_of_changed_rights(appointment.person)


def _others_of_the_office(appointment: Appointment, today: dt.date) -> QuerySet[Appointment]:
    held = Appointment.objects.on(today).filter(partnership=appointment.partnership_id, office=Office.OFFICE)
    lasting = Q(ends_on=None) | (Q(ends_on__gte=appointment.ends_on) if appointment.ends_on else Q(pk=None))
    return held.filter(lasting).exclude(pk=appointment.pk).exclude(person=appointment.person_id)


# ── pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _context(partnership: Partnership, others: list[Partnership], **more: Any) -> dict[str, Any]:
    of = f"?of={partnership.slug}" if others else ""
    return {"partnership": partnership, "partnership_name": partnership.name, "others": others, "of": of, **more}


@require_safe
def appointments(request: HttpRequest) -> HttpResponse:
    """Who holds which office in the partnership: now, soon, and before."""
    partnership, others = directory.served(request)
    today = timezone.localdate()
    all_of_them = Appointment.objects.filter(partnership=partnership).select_related("person", "agency")
    past = Q(ends_on__lt=today)
    shows_past = "past" in request.GET
    shown = all_of_them.filter(past).order_by("-ends_on", "pk") if shows_past else all_of_them.exclude(past)
    if not shows_past:
        in_order = Case(*(When(office=office, then=Value(number)) for number, office in enumerate(Office)), default=Value(len(Office)))
        shown = shown.order_by(in_order, "agency__name", "person__name", "starts_on", "pk")
    context = _context(
        partnership, others, page=paged(request, shown), shows_past=shows_past, today=today, has_past=all_of_them.filter(past).exists()
    )
    return render(request, "directory/appointments.html", context)


@page
@fresh_second_factor
def appoint_somebody(request: HttpRequest) -> HttpResponse:
    partnership, others = directory.served(request)
    by, today = person_of(request), timezone.localdate()
    first = {"starts_on": today, "office": request.GET.get("office", ""), "agency": request.GET.get("agency", "")}
    form = AppointmentForm(posted(request), partnership=partnership, by=by, initial=first)
    to_list = f"/partnership/people/{_context(partnership, others)['of']}"

    def write() -> HttpResponse:
        given = form.cleaned_data
        invitation: Invitation | None = None
        with as_far_as_allowed():
            if form.person is None:
                invitation, _code = invite(  # who serves an agency is kept by it, who serves the partnership by its office
                    by, given["email"], given["name"], agency=given["agency"], partnership=partnership, now=timezone.now()
                )
            person = User.objects.get(email=given["email"])
            dates = {"starts_on": given["starts_on"], "ends_on": given["ends_on"]}
            made = appoint(partnership, person, given["office"], agency=given["agency"], by=by, **dates)
        said = _("%(name)s is appointed: %(office)s, from %(day)s.")
        messages.success(request, said % {"name": person.name, "office": made.get_office_display(), "day": times.day(made.starts_on)})
        return to_the_code(request, invitation, to_list) if invitation else redirect(to_list)

    lead = _("They are signed out, hear of it by mail, and have the new rights when they sign in again.")
    return answer(request, form, write) or fill_in(
        request, _("Appoint somebody"), form, (to_list, _("Appointments")), action=_("Appoint"), lead=lead, **_context(partnership, others)
    )


@page
@fresh_second_factor
def end_appointment(request: HttpRequest, appointment_id: UUID) -> HttpResponse:
    partnership, others = _of_appointment(request, appointment_id)
    today = timezone.localdate()
    found = Appointment.objects.filter(pk=appointment_id, partnership=partnership).select_related("person", "agency", "partnership").first()
    if found is None or (found.ends_on and found.ends_on < today):
        raise Http404
    form = WhenItEnds(posted(request), appointment=found)
    to_list = f"/partnership/people/{_context(partnership, others)['of']}"

    def write() -> HttpResponse:
        end(found, form.cleaned_data["ends_on"], person_of(request), today)
        if form.cleaned_data["ends_on"]:
            said = _("The appointment of %(name)s ends after %(day)s.")
            messages.success(request, said % {"name": found.person.name, "day": times.day(form.cleaned_data["ends_on"])})
        else:
            messages.success(request, _("The appointment of %(name)s has ended.") % {"name": found.person.name})
        return redirect(to_list)

    said = [found.person.name, str(found.get_office_display()), *([found.agency.name] if found.agency else [])]
    lead = _("What came with it ends at once: they are signed out, and no longer see what they saw by it.")
    if found.office in (Office.CHAIR, Office.DEPUTY):
        lead += " " + _("If they mediate now, appoint who follows first, so that nobody waits for nobody.")
    return answer(request, form, write) or fill_in(
        request,
        _("End an appointment"),
        form,
        (to_list, _("Appointments")),
        action=_("End it"),
        inset=", ".join(said),
        lead=lead,
        **_context(partnership, others),
    )


def _of_appointment(request: HttpRequest, appointment_id: UUID) -> tuple[Partnership, list[Partnership]]:
    """The partnership of this appointment, for its office, whichever of theirs the address names."""
    found = directory.served_by(person_of(request))
    chosen = next((one for one in found if Appointment.objects.filter(pk=appointment_id, partnership=one).exists()), None)
    if chosen is None:
        raise Http404
    return chosen, [one for one in found if one != chosen]
