"""How to disagree here: the procedure in plain words for anyone, on paper too, and for the day on which the system is down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import Partnership, Post, StepPost, Team
from procedure.clock import say_length
from procedure.ladder import LSCB_MEDIATION, Limit, Span, Step
from procedure.models import Policy
from procedure.policy import Document


@dataclass
class Desk:
    """A team with the titles of its posts: at the desk itself, one step up, further up. Titles only: people change, and this is public."""

    team: Team
    practitioners: list[str] = field(default_factory=list)
    managers: list[str] = field(default_factory=list)
    seniors: list[str] = field(default_factory=list)

    def add(self, level: int, title: str) -> None:
        column = (self.practitioners, self.managers, self.seniors)[min(level, 2)]
        if title not in column:
            column.append(title)


@dataclass(frozen=True)
class Rung:
    """A step of the ladder in words."""

    step: Step
    length: str
    assumed: bool
    is_mediation: bool
    inside: list[str]  # the time limits inside the step


@login_not_required
@require_safe
def how_to_disagree(request: HttpRequest) -> HttpResponse:
    """The page of the one partnership there is; of several, the list."""
    partnerships = list(Partnership.objects.order_by("name"))
    if len(partnerships) == 1:
        return _page(request, partnerships[0])
    return render(request, "escalation/public/partnerships.html", {"partnerships": partnerships})


@login_not_required
@require_safe
def how_to_disagree_in(request: HttpRequest, slug: str) -> HttpResponse:
    partnership = Partnership.objects.filter(slug=slug).first()
    if partnership is None:
        raise Http404
    return _page(request, partnership)


def _page(request: HttpRequest, partnership: Partnership) -> HttpResponse:
    try:
        document = Policy.objects.in_force(partnership).document
    except Policy.DoesNotExist:
        document = None
    desks = _desks(partnership)
    context = {
        "partnership": partnership,
        "partnership_name": partnership.name,  # in the header
        "is_demo": partnership.is_demo,
        "document": document,
        "rungs": [_rung(step) for step in document.steps] if document else [],
        "whole": _whole(document) if document else [],
        "names_assumed": document is not None and any(limit.assumed for step in document.steps for limit in step.clocks.values()),
        "desks": desks,
        "out_of_hours": [desk.team for desk in desks if desk.team.out_of_hours],
    }
    return render(request, "escalation/public/how_to_disagree.html", context)


def _rung(step: Step) -> Rung:
    said = {
        "acknowledge": _("seen and said so within %(length)s"),
        "answer": _("answered within %(length)s"),
        "meeting": _("without agreement, a meeting within %(length)s"),
        "confirm": _("confirmed in writing within %(length)s of the meeting"),
    }
    inside = [said[about] % {"length": _length(limit)} for about, limit in step.clocks.items() if about in said]
    limit = step.limit
    return Rung(step, say_length(limit) if limit else "", bool(limit and limit.assumed), step.stage == LSCB_MEDIATION, inside)


def _length(limit: Limit) -> str:
    return _("%(length)s (assumed)") % {"length": say_length(limit)} if limit.assumed else say_length(limit)


def _whole(document: Document) -> list[str]:
    """The time limits across steps, and that on raising."""
    said = [
        _("%(what)s: within %(length)s") % {"what": span.name or _say_steps(span), "length": _length(span.limit)} for span in document.spans
    ]
    if document.overall:
        said.append(_("The whole procedure: within %(length)s") % {"length": _length(document.overall)})
    if document.raise_within:
        length = {"length": _length(document.raise_within)}
        said.append(_("Raise it within %(length)s of the decision; later it can still be raised") % length)
    return said


def _say_steps(span: Span) -> str:
    return _("Steps %(first)d to %(last)d together") % {"first": span.steps[0], "last": span.steps[-1]}


def _desks(partnership: Partnership) -> list[Desk]:
    """Every team of the member agencies, with its own posts and those it borrows from another for a step."""
    teams = Team.objects.filter(agency__partnerships=partnership).select_related("agency").order_by("agency__name", "name")
    desks = {team.pk: Desk(team) for team in teams}
    for post in Post.objects.filter(team__in=desks, ended_on=None).order_by("level", "title"):
        desks[post.team_id].add(post.level, post.title)
    for mapped in _borrowed(desks):
        desks[mapped.team_id].add(mapped.level, f"{mapped.post.title}, {mapped.post.team}")
    return list(desks.values())


def _borrowed(teams: Iterable[object]) -> list[StepPost]:
    mapped = StepPost.objects.filter(team__in=list(teams)).select_related("post__team__agency").order_by("level")
    return [one for one in mapped if one.post.team_id != one.team_id]
