"""Subgroups (23.19): general issues merged into themes, what is decided about each, and what changed in the end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from audit import trail
from audit.models import Trace
from learning import rooms
from learning.membership import Learner, decider, learner, reader
from learning.models import Decision, LearningPoint, Theme, ThemePoint
from learning.point_forms import NEW, DecisionForm, DoneForm, PlaceForm, ThemeForm, working_subgroups
from pages.kept import key_of, posted

page = require_http_methods(["GET", "HEAD", "POST"])
AT_MOST = 200


# ── what a theme says of itself ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Told:
    """A theme with its points (where the reader may see them) and decisions."""

    theme: Theme
    points: list[LearningPoint]
    decisions: list[Decision]
    today: dt.date

    @property
    def changed_at(self) -> dt.datetime | None:
        """When the last change was recorded. "No change" is none."""
        done = [d.done_at for d in self.decisions if d.done_at and d.kind != Decision.Kind.NO_CHANGE]
        return max(done, default=None)

    @property
    def again(self) -> list[LearningPoint]:
        """What came up after the change."""
        changed = self.changed_at
        return [point for point in self.points if changed and point.recorded_at and point.recorded_at > changed]

    @property
    def open_decisions(self) -> list[Decision]:
        return [one for one in self.decisions if not one.is_done]

    @property
    def changes_nothing(self) -> bool:
        """Whether "no change" is all that was decided."""
        return bool(self.decisions) and all(one.kind == Decision.Kind.NO_CHANGE for one in self.decisions)

    @property
    def late(self) -> bool:
        return any(one.is_overdue(self.today) for one in self.decisions)

    @property
    def next_due(self) -> dt.date | None:
        return min((one.due_on for one in self.open_decisions if one.due_on), default=None)

    @property
    def tone(self) -> str:
        if self.late:
            return "late"
        if self.changes_nothing:
            return ""
        return "soon" if not self.decisions or self.again else "done" if not self.open_decisions else "calm"

    @property
    def state(self) -> str:
        """Where it stands, in a few words."""
        if self.late:
            return _("Late")
        if not self.decisions:
            return _("Not decided yet")
        if self.open_decisions:
            return _("Decided")
        if self.changes_nothing:
            return _("No change")
        return _("It came up again") if self.again else _("Done")

    @property
    def order(self) -> tuple[int, float]:
        """What asks for something first: late, undecided, come up again, under way, done."""
        rank = 0 if self.late else 1 if not self.decisions else 2 if self.again else 3 if self.open_decisions else 4
        return rank, -self.theme.made_at.timestamp()


def told(themes: QuerySet[Theme], *, with_points: bool = True) -> list[Told]:
    decisions = Prefetch("decisions", Decision.objects.select_related("owner", "decided_by", "done_by").order_by("decided_at"))
    found = themes.select_related("subgroup").prefetch_related(decisions)
    if with_points:
        placed = ThemePoint.objects.select_related("point__agency").order_by("-point__recorded_at")
        found = found.prefetch_related(Prefetch("placed", placed))
    today = timezone.localdate()
    return [
        Told(theme, [one.point for one in theme.placed.all()] if with_points else [], list(theme.decisions.all()), today) for theme in found
    ]


# ── read ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def themes(request: HttpRequest) -> HttpResponse:
    """What the subgroups see to, what asks for something first; for members, the office, representatives, Chair and auditors."""
    me = reader(request)
    trail.note_for_each(Trace.Kind.READ, "themes", me.seen_as(), person=me.person.pk)
    seen = told(Theme.objects.filter(partnership__in=me.reads)[:AT_MOST], with_points=bool(me.decides))
    context = {
        "themes": sorted(seen, key=lambda one: one.order),
        "unplaced": unplaced(me.decides),
        "decides": bool(me.decides),
        "subgroups": working_subgroups(me.decides),
        "keeps_subgroups": bool(me.offices),
        "rooms": rooms.open_to(me),
        "today": timezone.localdate(),
    }
    return render(request, "learning/themes.html", context)


@require_safe
def theme(request: HttpRequest, theme_id: UUID) -> HttpResponse:
    me = learner(request)
    one = _theme(me, theme_id)
    trail.note(Trace.Kind.READ, "theme", person=me.person.pk, partnership=one.partnership_id)
    decides = one.partnership_id in me.decides
    (seen,) = told(Theme.objects.filter(pk=one.pk), with_points=decides)
    context = {"told": seen, "theme": one, "decides": decides, "me": me.person, "today": timezone.localdate(), "rooms": rooms.open_to(me)}
    return render(request, "learning/theme.html", context)


def unplaced(partnerships: Iterable[UUID]) -> list[LearningPoint]:
    """General issues that were referred to a subgroup and belong to no theme yet."""
    found = LearningPoint.objects.filter(partnership__in=list(partnerships), referral__subgroup__isnull=False, placed=None)
    return list(found.select_related("agency", "referral__subgroup").order_by("recorded_at")[:AT_MOST])


def _theme(me: Learner, theme_id: UUID, *, to_decide: bool = False) -> Theme:
    """Http404 for whoever may not; the owner of a decision reads its theme too."""
    where = Q(partnership__in=me.decides if to_decide else me.reads)
    if not to_decide:
        where |= Q(pk__in=Decision.objects.filter(owner=me.person).values("theme"))
    found = Theme.objects.filter(where, pk=theme_id).select_related("subgroup", "partnership").first()
    if found is None:
        raise Http404
    return found


# ── merge ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@page
def new_theme(request: HttpRequest) -> HttpResponse:
    """A theme of one or several points; ?point= has one chosen already."""
    me = decider(request)
    subgroups = working_subgroups(me.decides)
    if not subgroups:
        messages.warning(request, _("There is no subgroup yet. The partnership’s office adds one first."))
        return redirect("themes")
    free = unplaced(me.decides)
    chosen = [str(one.pk) for one in free if str(one.pk) == request.GET.get("point")]
    first = next((one for one in free if chosen == [str(one.pk)]), None)
    initial = {"points": chosen, "about": first.about if first else None}
    form = ThemeForm(posted(request), subgroups=subgroups, points=free, initial=initial)
    key = key_of(request)
    if request.method == "POST" and (done := Theme.objects.filter(pk=key, made_by=me.person).first()):
        return redirect("theme", done.pk)  # the same page posted twice
    if request.method == "POST" and form.is_valid():
        given, subgroup = form.cleaned_data, form.chosen_subgroup
        made = Theme(
            pk=key,
            partnership_id=subgroup.partnership_id,
            subgroup=subgroup,
            made_by=me.person,
            **{name: given[name] for name in ("title", "about", "summary")},
        )
        Theme.objects.bulk_create([made], ignore_conflicts=True)
        if not Theme.objects.filter(pk=key, made_by=me.person, subgroup=subgroup).exists():
            raise Http404  # a key of something else
        _place(form.chosen_points, made, me)
        messages.success(request, _("The theme is made. Decide what follows from it when the subgroup meets."))
        return redirect("theme", made.pk)
    return _form(request, _("A theme out of general issues"), form, reverse("themes"), _("Make this theme"), key=key)


@page
def change_theme(request: HttpRequest, theme_id: UUID) -> HttpResponse:
    me = decider(request)
    one = _theme(me, theme_id, to_decide=True)
    subgroups = working_subgroups([one.partnership_id])
    if one.subgroup not in subgroups:
        subgroups.append(one.subgroup)
    initial = {"title": one.title, "about": one.about, "summary": one.summary, "subgroup": str(one.subgroup_id)}
    form = ThemeForm(posted(request), subgroups=subgroups, theme=one, initial=initial)
    if request.method == "POST" and form.is_valid():
        said = {name: form.cleaned_data[name] for name in ("title", "about", "summary")}
        Theme.objects.filter(pk=one.pk).update(**said, subgroup=form.chosen_subgroup)
        messages.success(request, _("The theme is changed."))
        return redirect("theme", one.pk)
    return _form(request, _("Change this theme"), form, reverse("theme", args=[one.pk]), _("Save"), caption=one.title)


@page
def place(request: HttpRequest, point_id: UUID) -> HttpResponse:
    """Puts a general issue into a theme, or moves it to another."""
    me = decider(request)
    found = LearningPoint.objects.filter(pk=point_id, partnership__in=me.decides, referral__subgroup__isnull=False)
    point = found.select_related("agency", "placed__theme").first()
    if point is None:
        raise Http404
    there = getattr(point, "placed", None)
    others = Theme.objects.filter(partnership=point.partnership_id).order_by("title")
    if there:
        others = others.exclude(pk=there.theme_id)
    form = PlaceForm(posted(request), themes=list(others[:AT_MOST]))
    if request.method == "POST" and there and request.POST.get("theme") == str(there.theme_id):
        return redirect("theme", there.theme_id)  # the same page posted twice
    if request.method == "POST" and form.is_valid():
        if form.cleaned_data["theme"] == NEW:
            return redirect(f"{reverse('theme-new')}?point={point.pk}")
        chosen = form.themes[form.cleaned_data["theme"]]
        _place([point], chosen, me)
        messages.success(request, _("It belongs to “%(theme)s” now.") % {"theme": chosen.title})
        return redirect("theme", chosen.pk)
    title = _("Move it to another theme") if there else _("Put it into a theme")
    back = reverse("theme", args=[there.theme_id]) if there else reverse("themes")
    return _form(request, title, form, back, _("Move it") if there else _("Put it there"), point=point)


def _place(points: list[LearningPoint], theme: Theme, me: Learner) -> None:
    now = timezone.now()
    for point in points:
        if not ThemePoint.objects.filter(point=point).update(theme=theme, placed_by=me.person, placed_at=now):
            made = ThemePoint(partnership_id=point.partnership_id, point=point, theme=theme, placed_by=me.person)
            ThemePoint.objects.bulk_create([made], ignore_conflicts=True)


# ── decide ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@page
def decide(request: HttpRequest, theme_id: UUID) -> HttpResponse:
    """What follows: kind, what, owner, date. No change has a reason instead, and is told back at once."""
    me = decider(request)
    one = _theme(me, theme_id, to_decide=True)
    form = DecisionForm(posted(request), theme=one)
    key = key_of(request)
    if request.method == "POST" and Decision.objects.filter(pk=key, theme=one).exists():
        return redirect("theme", one.pk)  # the same page posted twice
    if request.method == "POST" and form.is_valid():
        made = _decided(key, one, form.cleaned_data, me)
        if made.owner:
            messages.success(request, _("Decided. %(name)s is told, and has it on the desk.") % {"name": made.owner.name})
        else:
            messages.success(request, _("Decided. Those who raised it are told the reason."))
        return redirect("theme", one.pk)
    back = reverse("theme", args=[one.pk])
    return _form(request, _("Record a decision"), form, back, _("Record the decision"), caption=one.title, key=key)


def _decided(key: UUID, theme: Theme, given: dict[str, Any], me: Learner) -> Decision:
    made = Decision(
        pk=key,
        partnership_id=theme.partnership_id,
        theme=theme,
        kind=given["kind"],
        what=given["what"],
        owner=given["person"],
        due_on=given["due_on"],
        decided_by=me.person,
    )
    with transaction.atomic():
        Decision.objects.bulk_create([made], ignore_conflicts=True)
        if not Decision.objects.filter(pk=key, theme=theme, decided_by=me.person).exists():
            raise Http404  # a key of something else
        if made.kind == Decision.Kind.NO_CHANGE:
            _is_done(made, {"what_changed": "", "evidence": "", "done_on": timezone.localdate()}, me)
    return made


@page
def done(request: HttpRequest, decision_id: UUID) -> HttpResponse:
    """What changed, when and how one knows: by the owner, the subgroup or the office. Told back by the clock (learning.tasks)."""
    me = learner(request)
    mine = Q(partnership__in=me.decides) | Q(owner=me.person)
    one = Decision.objects.filter(mine, pk=decision_id).select_related("theme", "owner").first()
    if one is None:
        raise Http404
    home = reverse("theme", args=[one.theme_id])
    if one.is_done:
        if request.method == "POST":
            messages.info(request, _("What changed is recorded already."))
        return redirect(home)
    form = DoneForm(posted(request), decision=one)
    if request.method == "POST" and form.is_valid():
        _is_done(one, form.cleaned_data, me)
        messages.success(request, _("Recorded. Those who raised it are told what changed, and everybody in the partnership can read it."))
        return redirect(home)
    return _form(request, _("Record what changed"), form, home, _("Record what changed"), caption=one.theme.title, decision=one)


def _is_done(one: Decision, given: dict[str, Any], me: Learner) -> None:
    changes = {name: given[name] for name in ("what_changed", "evidence", "done_on")}
    Decision.objects.filter(pk=one.pk, done_at=None).update(**changes, done_by=me.person, done_at=timezone.now())


# ── for others ──────────────────────────────────────────────────────────────────────────────────────────────────────


def late_or_owned(me: Learner) -> QuerySet[Decision]:
    """What this person has to see to, and what is overdue in their subgroups; the latest first."""
    theirs = Q(owner=me.person) | Q(partnership__in=me.decides, due_on__lt=timezone.localdate())
    return Decision.objects.filter(theirs, done_at=None).select_related("theme", "owner").order_by("due_on")


def _form(request: HttpRequest, title: str, form: Any, back: str, action: str, **more: Any) -> HttpResponse:
    return render(request, "learning/form.html", {"title": title, "form": form, "back": back, "action": action, **more})
