"""How to disagree here: the procedure in plain words for anyone, on paper too, and for the day on which the system is down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Partnership, Post, StepPost, Team
from procedure.clock import say_length
from procedure.ladder import LSCB_MEDIATION, Step
from procedure.models import Policy


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
        "desks": desks,
        "out_of_hours": [desk.team for desk in desks if desk.team.out_of_hours],
    }
    return render(request, "escalation/public/how_to_disagree.html", context)


def _rung(step: Step) -> Rung:
    limit = step.limit
    return Rung(step, say_length(limit) if limit else "", bool(limit and limit.assumed), step.stage == LSCB_MEDIATION)


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
