"""The pages of an agency's directory: agencies, teams and posts, for the administrator who keeps it; and how every page of it is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import directory
from accounts.directory import Directory, Refused, directory_of, directory_with, person_of
from accounts.directory_forms import (
    AgencyForm,
    PostForm,
    SearchPosts,
    TeamForm,
    suggested,
)
from accounts.invitations import CannotInvite
from accounts.models import Agency, Post, StandIn, Team, User
from accounts.second_factor import fresh_second_factor
from pages import forms
from pages.kept import posted

PER_PAGE = 50
AGENCIES_PER_PAGE = 50
LOOKED_FOR = "looked_for_in_directory"  # in the session: a person's name is never part of an address
page = require_http_methods(["GET", "HEAD", "POST"])


def answer(request: HttpRequest, form: forms.Form, write: Callable[[], HttpResponse | None]) -> HttpResponse | None:
    """Writes what a right form asks and says where it goes on; None to show the form again, with what was refused."""
    if request.method != "POST" or not form.is_valid():
        return None
    try:
        return write()
    except (Refused, CannotInvite) as why:
        form.add_error(None, str(why))
        return None


def paged(request: HttpRequest, rows: QuerySet[Any], of: int = PER_PAGE) -> Page[Any]:
    return Paginator(rows, of).get_page(request.GET.get("page"))


def fill_in(request: HttpRequest, title: str, form: forms.Form, back: tuple[str, str], **more: Any) -> HttpResponse:
    """A page with one form. `back` is the address and the name of the page before it."""
    return render(request, "directory/form.html", {"title": title, "form": form, "back": back, **more})


# ── agencies ────────────────────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def agencies(request: HttpRequest) -> HttpResponse:
    """The agencies I keep; for the office those of its partnership, with who keeps each and what is missing."""
    person = person_of(request)
    mine = _counted(directory.kept_by(person))
    partnerships = directory.served_by(person)
    if not partnerships and not mine.exists():
        raise Http404
    partnership = next((one for one in partnerships if request.GET.get("of") in (None, one.slug)), None)
    ours = _counted(Agency.objects.filter(partnerships=partnership).order_by("name")) if partnership else Agency.objects.none()
    found = paged(request, ours if partnership else mine, AGENCIES_PER_PAGE)
    administrators = _administrators(list(found.object_list))
    context = {
        "partnership": partnership,
        "others": [one for one in partnerships if one != partnership],
        "kept": list(mine.exclude(partnerships=partnership)) if partnership else [],
        "page": found,
        "rows": [(agency, administrators.get(agency.pk, [])) for agency in found.object_list],
    }
    return render(request, "directory/agencies.html", context)


def _counted(found: QuerySet[Agency]) -> QuerySet[Agency]:
    """With the numbers of teams, posts, vacant posts and posts below managers that report to nobody."""
    posts = Post.objects.filter(team__agency=OuterRef("pk"), ended_on=None).order_by()

    def number_of(rows: QuerySet[Any], key: str) -> Coalesce:
        counted = rows.values(key).annotate(number=Count("pk")).values("number")
        return Coalesce(Subquery(counted, output_field=models.IntegerField()), 0)

    return found.annotate(
        teams_there=number_of(Team.objects.filter(agency=OuterRef("pk")).order_by(), "agency"),
        posts_there=number_of(posts, "team__agency"),
        vacant_there=number_of(posts.filter(holder=None), "team__agency"),
        lost_there=number_of(posts.filter(level=0, reports_to=None), "team__agency"),
    )


def _administrators(agencies: list[Agency]) -> dict[UUID | None, list[User]]:
    found: dict[UUID | None, list[User]] = {}
    held = directory.administrators_on(timezone.localdate()).filter(agency__in=agencies).select_related("person")
    for appointment in held.order_by("person__name"):
        if appointment.person not in found.setdefault(appointment.agency_id, []):
            found[appointment.agency_id].append(appointment.person)
    return found


@page
@fresh_second_factor
def new_agency(request: HttpRequest) -> HttpResponse:
    """An agency joins the partnership. The office names its administrator next."""
    partnership, _others = directory.served(request)
    form = AgencyForm(posted(request), partnership=partnership)

    def write() -> HttpResponse:
        agency = directory.add_agency(form.cleaned_data["name"], partnership)
        messages.success(
            request, _("%(agency)s is in your partnership. Appoint its administrator next, who keeps its directory.") % {"agency": agency}
        )
        return redirect("directory-agency", agency.pk)

    back = (f"/directory/?of={partnership.slug}", _("Directory"))
    said = _("Look first whether it is in the list already, perhaps under another name.")
    return answer(request, form, write) or fill_in(
        request, _("Add an agency"), form, back, caption=partnership.name, lead=said, partnership_name=partnership.name
    )


@page
def agency(request: HttpRequest, agency_id: UUID) -> HttpResponse:
    """One agency: its teams and who holds which post in them."""
    found = directory_of(request, agency_id, to_change=False)
    form, redirected = looked_for(request, SearchPosts)
    if redirected:
        return redirected
    posts = found.posts()
    if text := form.cleaned_data.get("text"):
        posts = posts.filter(Q(title__icontains=text) | Q(holder__name__icontains=text) | Q(holder__email__icontains=text))
    if form.cleaned_data.get("vacant"):
        posts = posts.filter(holder=None)
    listed = paged(request, posts)
    teams = Team.objects.filter(agency=found.agency).order_by("name", "pk")
    context = {
        "found": found,
        "page": listed,
        "form": form,
        "is_narrowed": form.is_bound,
        "teams": teams,
        "empty_teams": teams.filter(~Exists(Post.objects.filter(team=OuterRef("pk"), ended_on=None))),
        "administrators": _administrators([found.agency]).get(found.agency.pk, []),
    }
    return render(request, "directory/agency.html", context)


def looked_for(request: HttpRequest, kind: type[forms.Form]) -> tuple[Any, HttpResponse | None]:
    """The form of a list with what was asked. What is typed about people stays in the session, and out of the address."""
    form: Any
    if request.method == "POST":
        form = kind(request.POST)
        if not form.is_valid():
            return form, None
        request.session[LOOKED_FOR] = form.cleaned_data["text"]
        asked = {name: value for name, value in form.cleaned_data.items() if value and name != "text"}
        if form.cleaned_data["text"]:
            asked["found"] = "1"
        return form, redirect(f"{request.path}{_query(asked)}")
    asked = {name: value for name, value in request.GET.items() if name in kind.base_fields and name != "text"}  # type: ignore[attr-defined]
    if "found" in request.GET:
        asked["text"] = request.session.get(LOOKED_FOR, "")
    form = kind(asked or None)
    form.full_clean()
    if not form.is_bound or not form.is_valid():
        form.cleaned_data = getattr(form, "cleaned_data", {})
    return form, None


def _query(asked: dict[str, Any]) -> str:
    return "?" + "&".join(f"{name}={'on' if value is True else value}" for name, value in asked.items()) if asked else ""


# ── teams and posts ─────────────────────────────────────────────────────────────────────────────────────────────────


def to_agency(found: Directory) -> tuple[str, str]:
    return (f"/directory/agencies/{found.agency.pk}/", found.agency.name)


@page
def new_team(request: HttpRequest, agency_id: UUID) -> HttpResponse:
    found = directory_of(request, agency_id)
    form = TeamForm(posted(request), agency=found.agency)

    def write() -> HttpResponse:
        team = Team(agency=found.agency, **form.cleaned_data)
        directory.save(team)
        messages.success(request, _("%(team)s is added. Add its posts next.") % {"team": team})
        return redirect("directory-agency", found.agency.pk)

    return answer(request, form, write) or fill_in(request, _("Add a team"), form, to_agency(found), caption=found.agency.name)


@page
def team(request: HttpRequest, team_id: UUID) -> HttpResponse:
    found_team = get_object_or_404(Team.objects.select_related("agency"), pk=team_id)
    found = directory_with(request, found_team)
    now = {"name": found_team.name, "out_of_hours": found_team.out_of_hours}
    form = TeamForm(posted(request), agency=found.agency, team=found_team, initial=now)

    def write() -> HttpResponse:
        found_team.name, found_team.out_of_hours = form.cleaned_data["name"], form.cleaned_data["out_of_hours"]
        directory.save(found_team, "name", "out_of_hours")
        messages.success(request, _("Saved for %(team)s.") % {"team": found_team})
        return redirect("directory-agency", found.agency.pk)

    title = _("Change a team")
    return answer(request, form, write) or fill_in(request, title, form, to_agency(found), caption=found.agency.name)


def _post(request: HttpRequest, post_id: UUID) -> tuple[Directory, Post]:
    related = ("team__agency", "holder", "reports_to__holder", "reports_to__team__agency", "adviser__holder", "adviser__team__agency")
    found = get_object_or_404(Post.objects.select_related(*related), pk=post_id, ended_on=None)
    return directory_with(request, found), found


@require_safe
def post(request: HttpRequest, post_id: UUID) -> HttpResponse:
    """One post: who holds it, its line, who stands in."""
    found, shown = _post(request, post_id)
    today = timezone.localdate()
    context = {
        "found": found,
        "post": shown,
        "level": directory.level_name(shown.level),
        "state": directory.state_of(shown.holder) if shown.holder else "",
        "open": directory.say_open(number) if (number := directory.open_seats([shown]).get(shown.pk, 0)) else "",
        "stand_ins": StandIn.objects.filter(post=shown, ends_on__gte=today).filter(ends_on__gte=F("starts_on")).select_related("person"),
        "reports": Post.objects.filter(reports_to=shown, ended_on=None).count(),
        "today": today,
    }
    return render(request, "directory/post.html", context)


@page
@fresh_second_factor
def new_post(request: HttpRequest, agency_id: UUID) -> HttpResponse:
    found = directory_of(request, agency_id)
    form = PostForm(posted(request), found=found, initial={"team": request.GET.get("team", ""), "level": "0", "key": uuid4()})
    if not form.teams:
        messages.info(request, _("Add a team first: every post stands in one."))
        return redirect("directory-team-new", found.agency.pk)

    def write() -> HttpResponse:
        key = form.cleaned_data.pop("key") or uuid4()
        if there := found.posts().filter(pk=key).first():
            return redirect("directory-post", there.pk)
        directory.check_not_to_oneself(form.cleaned_data["holder"])
        made = Post(pk=key, **form.cleaned_data)
        directory.save(made)
        messages.success(request, _("%(post)s is added.") % {"post": made.title})
        return redirect("directory-post", made.pk)

    return answer(request, form, write) or fill_in(
        request, _("Add a post"), form, to_agency(found), caption=found.agency.name, suggested=suggested(found)
    )


@page
@fresh_second_factor
def change_post(request: HttpRequest, post_id: UUID) -> HttpResponse:
    """Everything about a post; a new holder takes over what is open at it."""
    found, shown = _post(request, post_id)
    names = ("title", "level", "holder")
    now = {name: getattr(shown, name) for name in names} | {
        name: getattr(shown, f"{name}_id") for name in ("team", "reports_to", "adviser")
    }
    form = PostForm(posted(request), found=found, post=shown, initial={name: _as_text(value) for name, value in now.items()})

    def write() -> HttpResponse:
        if directory.change_post(shown, form.cleaned_data):
            messages.success(request, _("Saved for %(post)s.") % {"post": shown.title})
        return redirect("directory-post", shown.pk)

    back = (f"/directory/posts/{shown.pk}/", shown.title)
    number = directory.open_seats([shown]).get(shown.pk, 0)
    lead = _("%(number)s wait at this post. Whoever holds it sees them, and nobody who held it before.") % {
        "number": directory.say_open(number)
    }
    return answer(request, form, write) or fill_in(
        request,
        _("Change a post"),
        form,
        back,
        caption=found.agency.name,
        lead=lead if number else "",
        suggested=suggested(found),
    )


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, UUID | int) else value or ""


@page
@fresh_second_factor
def end_post(request: HttpRequest, post_id: UUID) -> HttpResponse:
    """A post that is no longer there. Nothing of the past changes."""
    found, shown = _post(request, post_id)
    form = forms.Form(posted(request))

    def write() -> HttpResponse:
        directory.end_post(shown, timezone.localdate())
        messages.success(request, _("%(post)s has ended.") % {"post": shown.title})
        return redirect("directory-agency", found.agency.pk)

    context = {
        "found": found,
        "post": shown,
        "form": form,
        "open": directory.say_open(number) if (number := directory.open_seats([shown]).get(shown.pk, 0)) else "",
        "reports": Post.objects.filter(reports_to=shown, ended_on=None).count(),
    }
    return answer(request, form, write) or render(request, "directory/end_post.html", context)
