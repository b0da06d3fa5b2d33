"""The partnership's learning page: what changed because somebody spoke up, for everybody who works there. Told without blame."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from learning import rooms
from learning.membership import learner, partnerships_of
from learning.models import Decision

PER_PAGE = 15


@dataclass(frozen=True)
class Change:
    """One decision that was carried out, or decided to change nothing, as its readers see it."""

    decision: Decision
    mine: bool  # the reader raised it, or a disagreement from which it came
    again: bool  # it came up after this change
    partnership: str  # where the reader works in several

    @property
    def nothing(self) -> bool:
        return self.decision.kind == Decision.Kind.NO_CHANGE


@require_safe
def changed(request: HttpRequest) -> HttpResponse:
    """Whoever works in no partnership finds an empty page."""
    me = learner(request)
    page = Paginator(changes_for(me.person), PER_PAGE).get_page(request.GET.get("page"))
    mine, again = marks()
    several = len({one.partnership_id for one in page.object_list}) > 1
    latest = _latest(page.object_list)
    context = {
        "page": page,
        "changes": [
            Change(one, one.theme_id in mine, one.theme_id in again and one.pk in latest, one.partnership.name if several else "")
            for one in page.object_list
        ],
        "rooms": rooms.open_to(me),
    }
    return render(request, "learning/changed.html", context)


def changes_for(person: User) -> QuerySet[Decision]:
    """What changed, the newest first; after it what was decided to stay as it is."""
    found = Decision.objects.filter(done_at__isnull=False, partnership__in=partnerships_of(person))
    nothing = Case(When(kind=Decision.Kind.NO_CHANGE, then=1), default=0)
    return found.select_related("theme", "partnership").order_by(nothing, "-done_at", "pk")


def _latest(decisions: object) -> set[UUID]:
    """The newest decision of each theme on this page: there it is said that the theme came up again."""
    first: dict[UUID, UUID] = {}
    for one in decisions:  # type: ignore[attr-defined]
        first.setdefault(one.theme_id, one.pk)
    return set(first.values())


def marks() -> tuple[set[UUID], set[UUID]]:
    """Themes that the reader raised; themes that came up after their change. The points themselves are not for everybody to read."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT theme_id, mine, again FROM accord_what_changed()")
        rows = cursor.fetchall()
    return {theme for theme, mine, _again in rows if mine}, {theme for theme, _mine, again in rows if again}
