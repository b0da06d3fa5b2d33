"""The office's pages about its procedure: the policy in force and the next one, who acts at which step, the days nobody works."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Appointment, Office, Partnership, StepPost, Team, User
from pages import times
from pages.kept import posted
from pages.limits import MEGABYTE, takes_files
from procedure import drawing, proposals
from procedure import posts as step_posts
from procedure.calendars import NAMES, Calendar
from procedure.forms import Closure, FromWhen, PolicyText, Refusal, WhoActs
from procedure.models import BankHolidays, ClosureDay, Policy, Proposal, working_days
from procedure.policy import Document, PolicyErrors, load
from procedure.proposals import NotNow

OFFICES = (Office.OFFICE, Office.CHAIR, Office.DEPUTY)
page = require_http_methods(["GET", "HEAD", "POST"])


# ── whose procedure ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Served:
    """The partnership that is looked at, and the others that this person serves."""

    partnership: Partnership
    person: User
    others: tuple[Partnership, ...]

    @property
    def of(self) -> str:
        """What an address carries, where a person serves several."""
        return f"?of={self.partnership.slug}" if self.others else ""

    def to(self, name: str, *args: Any) -> str:
        return reverse(name, args=args) + self.of

    @property
    def to_procedure(self) -> str:
        return self.to("procedure")

    @property
    def to_posts(self) -> str:
        return self.to("procedure-posts")

    def context(self, **more: Any) -> dict[str, Any]:
        return {"served": self, "partnership": self.partnership, "partnership_name": self.partnership.name, "of": self.of, **more}


def _served(request: HttpRequest, partnership: UUID | None = None) -> Served:
    """Who is office, Chair or deputy today; everybody else finds nothing here."""
    person = request.user
    assert isinstance(person, User)  # noqa: S101 - the middleware lets nobody else in
    held = Appointment.objects.on(timezone.localdate()).filter(person=person, office__in=OFFICES)
    found = list(Partnership.objects.filter(pk__in=held.values("partnership")).order_by("name"))
    wanted = request.GET.get("of")
    chosen = [one for one in found if partnership in (None, one.pk) and wanted in (None, one.slug)]
    if not chosen:
        raise Http404
    return Served(chosen[0], person, tuple(one for one in found if one != chosen[0]))


def _in_force(partnership: Partnership) -> Policy | None:
    try:
        return Policy.objects.in_force(partnership)
    except Policy.DoesNotExist:
        return None


def _read(text: str) -> Document | None:
    """A policy that was put in force long ago may hold what is refused today."""
    try:
        return load(text)
    except PolicyErrors:
        return None


# ── the procedure ───────────────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def procedure(request: HttpRequest) -> HttpResponse:
    """The policy in force, its versions, and what waits for a second person."""
    served = _served(request)
    now = timezone.now()
    versions = list(Policy.objects.filter(partnership=served.partnership).defer("text").order_by("-version"))
    current = _in_force(served.partnership)
    asked = Proposal.objects.filter(partnership=served.partnership).defer("text").select_related("proposed_by", "refused_by")
    context = served.context(
        current=current,
        document=_read(current.text) if current else None,
        versions=versions,
        coming=[policy for policy in versions if policy.in_force_from > now],
        waiting=[one for one in asked if one.is_waiting],
        refused=[one for one in asked if one.refused_at][:3],
        now=now,
    )
    return render(request, "procedure/procedure.html", context)


@require_safe
def version(request: HttpRequest, number: int) -> HttpResponse:
    """One version, drawn."""
    served = _served(request)
    policy = _version(served, number)
    context = served.context(policy=policy, current=_in_force(served.partnership), **_drawn(_read(policy.text)))
    return render(request, "procedure/version.html", context)


@require_safe
def version_text(request: HttpRequest, number: int) -> HttpResponse:
    policy = _version(_served(request), number)
    return _as_file(policy.text, f"policy-version-{policy.version}.yaml")


def _version(served: Served, number: int) -> Policy:
    if number > 2**31 - 1:
        raise Http404
    found: Policy = get_object_or_404(
        Policy.objects.select_related("proposal__proposed_by", "proposal__approved_by"), partnership=served.partnership, version=number
    )
    return found


def _as_file(text: str, name: str) -> HttpResponse:
    answer = HttpResponse(text, content_type="application/yaml; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


# ── a new one ───────────────────────────────────────────────────────────────────────────────────────────────────────


@takes_files(up_to=10 * MEGABYTE)  # a far too large one gets its error at the field, too
@page
def new(request: HttpRequest) -> HttpResponse:
    """The text with its mistakes; then the ladder drawn, the comparison, and the day. Nothing is kept until it is proposed."""
    served = _served(request)
    what = request.POST.get("do")
    if request.method != "POST":
        current = _in_force(served.partnership) if "from-current" in request.GET else None
        return _ask_text(request, served, PolicyText(posted(request), initial={"text": current.text if current else ""}))
    if what == "change":
        return _ask_text(request, served, PolicyText(initial={"text": request.POST.get("text", "")}))
    given = PolicyText(request.POST, request.FILES if what != "propose" else None)
    if not given.is_valid() or given.document is None:
        return _ask_text(request, served, given)
    text = given.cleaned_data["text"]
    when = FromWhen(request.POST) if what == "propose" else FromWhen(initial={"text": text})
    if what != "propose" or not when.is_valid():
        return _ask_day(request, served, given.document, when)
    proposal = proposals.propose(served.partnership, text, when.cleaned_data["in_force_from"], served.person)
    messages.success(request, _("A second person can now put it in force. Tell them: Accord sends no mail about it."))
    return redirect(served.to("procedure-proposal", proposal.pk))


def _ask_text(request: HttpRequest, served: Served, form: PolicyText) -> HttpResponse:
    return render(request, "procedure/new.html", served.context(form=form))


def _ask_day(request: HttpRequest, served: Served, document: Document, form: FromWhen) -> HttpResponse:
    current = _in_force(served.partnership)
    context = served.context(form=form, current=current, differences=_compared(current, document), **_drawn(document))
    return render(request, "procedure/preview.html", context)


@page
def proposal(request: HttpRequest, proposal_id: UUID) -> HttpResponse:
    """What is proposed, for the second person to put in force or refuse, and for the first to withdraw."""
    found = Proposal.objects.filter(pk=proposal_id).select_related("proposed_by", "approved_by", "refused_by").first()
    if found is None:
        raise Http404
    served = _served(request, found.partnership_id)
    now = timezone.now()
    form = Refusal(posted(request) if request.POST.get("do", "refuse") == "refuse" else None)
    if request.method == "POST" and (done := _decide(request, served, found, form)):
        return done
    document = _read(found.text)
    current = _in_force(served.partnership)
    context = served.context(
        proposal=found,
        policy=Policy.objects.filter(proposal=found).defer("text").first(),
        current=current,
        differences=_compared(current, document) if found.is_waiting else None,
        is_mine=found.proposed_by_id == served.person.pk,
        why_not=proposals.why_not_approve(found, served.person, now),
        is_late=proposals.is_late(found, now),
        second=_second_people(served, found),
        form=form,
        **_drawn(document),
    )
    return render(request, "procedure/proposal.html", context)


def _decide(request: HttpRequest, served: Served, found: Proposal, form: Refusal) -> HttpResponse | None:
    """Approve, refuse or withdraw; None to show the page again with what is wrong."""
    now, person = timezone.now(), served.person
    try:
        match request.POST.get("do"):
            case "approve":
                policy = proposals.approve(found.pk, person, now)
                said = _("Version %(version)d is put in force from %(day)s.")
                messages.success(request, said % {"version": policy.version, "day": times.day(policy.in_force_from)})
                return redirect(served.to("procedure"))
            case "refuse":
                if not form.is_valid():
                    return None
                proposals.refuse(found.pk, person, form.cleaned_data["reason"], now)
                messages.success(request, _("You refused it. Nothing changes."))
            case "withdraw":
                proposals.take_back(found.pk, person, now)
                messages.success(request, _("You withdrew it. Nothing changes."))
    except NotNow as why:
        messages.warning(request, str(why))
    return redirect(served.to("procedure-proposal", found.pk))


@require_safe
def proposal_text(request: HttpRequest, proposal_id: UUID) -> HttpResponse:
    found = get_object_or_404(Proposal, pk=proposal_id)
    _served(request, found.partnership_id)
    return _as_file(found.text, f"proposed-policy-{times.local_day(found.proposed_at).isoformat()}.yaml")


def _second_people(served: Served, found: Proposal) -> list[User]:
    held = Appointment.objects.on(timezone.localdate()).filter(partnership=served.partnership, office__in=OFFICES)
    return list(User.objects.filter(pk__in=held.values("person")).exclude(pk=found.proposed_by_id).order_by("name"))


def _drawn(document: Document | None) -> dict[str, Any]:
    """The ladder as a table, and beside it what a policy says of everything else."""
    if document is None:
        return {"document": None}
    word = document.word_for_step.capitalize()
    rest = [
        (what, said)
        for what, said in drawing.statements(document)
        if not what.startswith(tuple(f"{word} {step.number}" for step in document.steps))
    ]
    return {"document": document, "drawn": drawing.rows(document), "other_clocks": drawing.other_clocks(document), "rest": rest}


def _compared(current: Policy | None, document: Document | None) -> list[drawing.Change] | None:
    """What would change, None where there is nothing to compare."""
    before = _read(current.text) if current else None
    return drawing.compare(before, document) if before and document else None


# ── who acts ────────────────────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def posts(request: HttpRequest) -> HttpResponse:
    """Each team at each manager's step: who acts, or a gap."""
    served = _served(request)
    levels = _levels(served)
    found = step_posts.places(served.partnership, levels) if levels else []
    gaps = [place for place in found if place.is_gap]
    return render(
        request, "procedure/posts.html", served.context(gaps=gaps, places=[place for place in found if not place.is_gap], levels=levels)
    )


@page
def post(request: HttpRequest, team_id: UUID, level: int) -> HttpResponse:
    """Who acts for one team at one level."""
    served = _served(request)
    levels = _levels(served)
    team = Team.objects.filter(pk=team_id, agency__partnerships=served.partnership).select_related("agency").first()
    if team is None or level not in levels:
        raise Http404
    mapped = StepPost.objects.filter(team=team, level=level).select_related("post__holder", "post__team__agency").first()
    choices = step_posts.candidates(served.partnership, level)
    form = WhoActs(
        posted(request),
        posts=choices,
        first=team.agency.name,
        initial={"post": str(mapped.post_id) if mapped else ""},
    )
    if request.method == "POST" and form.is_valid():
        _map(team, level, mapped, form.cleaned_data["post"])
        messages.success(request, _("Saved for %(team)s.") % {"team": team})
        return redirect(served.to("procedure-posts"))
    context = served.context(team=team, level=level, steps=levels[level], mapped=mapped, form=form)
    return render(request, "procedure/post.html", context)


def _levels(served: Served) -> dict[int, str]:
    current = _in_force(served.partnership)
    document = _read(current.text) if current else None
    return step_posts.levels_of(document.steps) if document else {}


def _map(team: Team, level: int, mapped: StepPost | None, chosen: str) -> None:
    if not chosen:
        if mapped:
            mapped.delete()
    elif mapped is None or str(mapped.post_id) != chosen:
        StepPost.objects.update_or_create(team=team, level=level, defaults={"post_id": chosen})


# ── days off ────────────────────────────────────────────────────────────────────────────────────────────────────────


@page
def calendar(request: HttpRequest) -> HttpResponse:
    """Bank holidays and closure days, and to add or take back a closure day."""
    served = _served(request)
    division = _division(served)
    counted = working_days(served.partnership.pk, division)
    what = request.POST.get("do")
    form = Closure(posted(request) if what in ("add", None) else None, calendar=counted)
    if what == "remove":
        _take_back(request, served)
        return redirect(served.to("procedure-calendar"))
    if what == "add" and form.is_valid():
        if _close(served, form):
            said = _("%(day)s is now a closure day. Due dates of open disagreements follow within minutes, and each record says so.")
            messages.success(request, said % {"day": times.weekday_day(form.cleaned_data["day"])})
        return redirect(served.to("procedure-calendar"))
    return render(request, "procedure/calendar.html", _calendar_context(served, division, counted, form))


def _calendar_context(served: Served, division: str, counted: Calendar, form: Closure) -> dict[str, Any]:
    this_year = timezone.localdate().year
    closures = list(ClosureDay.objects.filter(partnership=served.partnership, removed_at=None).select_related("added_by"))
    years = [(year, counted.holidays_between(dt.date(year, 1, 1), dt.date(year, 12, 31))) for year in (this_year, this_year + 1)]
    latest = BankHolidays.objects.filter(division=division).defer("text").order_by("-version").first()
    return served.context(division=NAMES.get(division, division), years=years, closures=closures, latest=latest, form=form)


def _division(served: Served) -> str:
    current = _in_force(served.partnership)
    document = _read(current.text) if current else None
    return document.calendar if document else served.partnership.calendar


def _close(served: Served, form: Closure) -> bool:
    """False where somebody else closed that day at the same moment."""
    try:
        with transaction.atomic():
            ClosureDay.objects.create(
                partnership=served.partnership, day=form.cleaned_data["day"], name=form.cleaned_data["name"], added_by=served.person
            )
    except IntegrityError:
        return False
    return True


def _take_back(request: HttpRequest, served: Served) -> None:
    """Taken back twice is taken back once."""
    try:
        wanted = UUID(request.POST.get("closure", ""))
    except ValueError:
        return
    closure = ClosureDay.objects.select_for_update().filter(pk=wanted, partnership=served.partnership, removed_at=None).first()
    if closure is None:
        return
    closure.removed_by, closure.removed_at = served.person, timezone.now()
    closure.save(update_fields=["removed_by", "removed_at"])
    said = _("%(day)s is a working day again. Due dates of open disagreements are worked out again within minutes.")
    messages.success(request, said % {"day": times.weekday_day(closure.day)})
