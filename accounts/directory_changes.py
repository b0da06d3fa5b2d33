"""What was changed in an agency's directory, by whom and when: read from the history rows of all that stands in it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Q, QuerySet, Value
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts import directory
from accounts.directory import directory_of, level_name
from accounts.directory_views import paged
from accounts.models import Agency, Appointment, Office, Post, StandIn, Team, User
from pages import times

SHOWN: dict[type[models.Model], dict[str, Any]] = {
    Team: {"name": gettext_lazy("name"), "out_of_hours": gettext_lazy("telephone out of hours")},
    Post: {
        "holder_id": gettext_lazy("held by"),
        "title": gettext_lazy("title"),
        "team_id": gettext_lazy("team"),
        "level": gettext_lazy("level"),
        "reports_to_id": gettext_lazy("reports to"),
        "adviser_id": gettext_lazy("adviser"),
        "ended_on": gettext_lazy("ended on"),
    },
    User: {
        "name": gettext_lazy("name"),
        "email": gettext_lazy("email address"),
        "is_active": gettext_lazy("can sign in"),
        "left_on": gettext_lazy("left on"),
    },
    StandIn: {"person_id": gettext_lazy("who"), "starts_on": gettext_lazy("from"), "ends_on": gettext_lazy("until")},
    Appointment: {"starts_on": gettext_lazy("from"), "ends_on": gettext_lazy("until")},
}
SAID_ALREADY = ("name", "title", "team_id", "person_id")  # of what is new, in the line above
KINDS = {model.__name__: model for model in SHOWN}


@dataclass(frozen=True)
class Change:
    """One change: what it was about, and each value with the one before."""

    at: dt.datetime
    by: str
    about: str
    is_new: bool
    values: list[tuple[str, str, str]]  # what, before, now


@require_safe
def changes(request: HttpRequest, agency_id: UUID) -> HttpResponse:
    found = directory_of(request, agency_id, to_change=False)
    page = paged(request, _newest_first(found.agency))
    return render(request, "directory/changes.html", {"found": found, "page": page, "changes": _read(list(page.object_list))})


def _newest_first(agency: Agency) -> QuerySet[Any, Any]:
    """(when, key, kind) of every history row of this directory: one list of five tables."""
    teams = Team.objects.filter(agency=agency).values("pk")
    posts = Post.objects.filter(team__agency=agency).values("pk")
    people = directory.people_of(agency).order_by().values("pk")
    of: dict[type[Any], Q] = {
        Team: Q(agency=agency),
        Post: Q(team__in=teams),
        User: Q(kept_by=agency) | Q(id__in=people),
        StandIn: Q(post__in=posts),
        Appointment: Q(agency=agency),
    }
    parts = [
        model.history.filter(which).order_by().annotate(kind=Value(model.__name__)).values_list("history_date", "history_id", "kind")
        for model, which in of.items()
    ]
    return parts[0].union(*parts[1:], all=True).order_by("-history_date", "history_id")


def _read(keys: list[tuple[dt.datetime, UUID, str]]) -> list[Change]:
    """As many queries for fifty changes as for one: the rows of each kind with all versions of the same things, and the names in them."""
    rows: dict[UUID, tuple[Any, Any]] = {}
    for kind, model in KINDS.items():
        wanted = [key for _at, key, of in keys if of == kind]
        if wanted:
            rows |= _with_the_one_before(model, wanted)
    names = _Names([row for pair in rows.values() for row in pair if row is not None])
    return [_said(KINDS[kind], *rows[key], names) for _at, key, kind in keys]


def _with_the_one_before(model: Any, wanted: list[UUID]) -> dict[UUID, tuple[Any, Any]]:
    history = model.history.model.objects
    things = history.filter(history_id__in=wanted).order_by().values("id")
    versions: dict[UUID, list[Any]] = defaultdict(list)
    for row in history.filter(id__in=things).order_by("history_date", "history_id"):
        versions[row.id].append(row)
    keys = set(wanted)
    return {
        row.history_id: (row, before)
        for of_one in versions.values()
        for before, row in zip([None, *of_one], of_one, strict=False)
        if row.history_id in keys
    }


class _Names:
    """The names of the people, posts and teams that rows speak of."""

    def __init__(self, rows: Iterable[Any]) -> None:
        keys: dict[str, set[UUID]] = defaultdict(set)
        for row in rows:
            for field, model in (("holder_id", "user"), ("person_id", "user"), ("post_id", "post"), ("team_id", "team")):
                keys[model].add(getattr(row, field, None))  # type: ignore[arg-type]
            for field in ("reports_to_id", "adviser_id"):
                keys["post"].add(getattr(row, field, None))  # type: ignore[arg-type]
        posts = {post.pk: post.title for post in Post.objects.filter(pk__in=keys["post"] - {None}).only("title")}  # type: ignore[arg-type]
        people = {one.pk: one.name for one in User.objects.filter(pk__in=keys["user"] - {None}).only("name")}  # type: ignore[arg-type]
        teams = {team.pk: team.name or str(team) for team in Team.objects.filter(pk__in=keys["team"] - {None}).select_related("agency")}  # type: ignore[arg-type]
        self.known: dict[UUID, str] = {**posts, **people, **teams}

    def of(self, field: str, value: Any) -> str:
        if field == "level":
            return level_name(value)
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        if isinstance(value, UUID):
            return self.known.get(value, "")
        if isinstance(value, dt.date):
            return times.day(value)
        return str(value) if value not in (None, "") else _("nothing")


def _said(model: type[models.Model], row: Any, before: Any, names: _Names) -> Change:
    fields = SHOWN[model]
    is_new = row.history_type == "+" or before is None
    values = []
    for name, called in fields.items():
        now, then = getattr(row, name), None if is_new else getattr(before, name)
        if now not in (None, "", True) and name not in SAID_ALREADY if is_new else now != then:
            values.append((str(called), "" if is_new else names.of(name, then), names.of(name, now)))
    return Change(row.history_date, row.actor_name, _about(model, row, names), is_new, values)


def _about(model: type[models.Model], row: Any, names: _Names) -> str:
    if model is Team:
        return _("Team: %(name)s") % {"name": row.name or names.of("team_id", row.id)}
    if model is Post:
        return _("Post: %(title)s, %(team)s") % {"title": row.title, "team": names.of("team_id", row.team_id)}
    if model is User:
        return _("Person: %(name)s") % {"name": row.name}
    if model is StandIn:
        said = {"name": names.of("person_id", row.person_id), "post": names.of("post_id", row.post_id)}
        return _("Stand-in: %(name)s for %(post)s") % said
    said = {"office": str(Office(row.office).label), "name": names.of("person_id", row.person_id)}
    return _("Appointment: %(name)s, %(office)s") % said
