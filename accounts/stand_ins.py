"""Stand-ins: who acts for a post between two days. Named by whoever holds the post, or by the administrator of its agency.

Two people may stand in for one post on the same day (one for mornings, one for afternoons): the record says who acted, and for whom.
The same person is named once for a day. Ending takes effect at once; the row stays.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import F, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts import directory
from accounts.acting import current_person
from accounts.directory import Directory, Refused, as_far_as_allowed, person_of
from accounts.directory_forms import PersonLine, suggested
from accounts.directory_views import answer, fill_in, page
from accounts.models import Post, StandIn, User
from accounts.second_factor import fresh_second_factor
from pages import fields, forms, times
from pages.kept import posted

LONGEST = dt.timedelta(days=366)  # of one stand-in; longer than that, somebody else holds the post


class StandInForm(forms.Form):
    """Who, from which day to which."""

    post = fields.ChoiceField(label=gettext_lazy("For which of your posts?"), empty=gettext_lazy("Choose the post"))
    person = PersonLine(
        label=gettext_lazy("Who stands in?"),
        help_text=gettext_lazy("The work email address of somebody of the same agency who can sign in."),
        at_work=True,
        empty=gettext_lazy("Enter who stands in"),
    )
    starts_on = fields.DayField(
        label=gettext_lazy("From"), called=gettext_lazy("The first day"), not_past=True, empty=gettext_lazy("Enter the first day")
    )
    ends_on = fields.DayField(
        label=gettext_lazy("Until"),
        help_text=gettext_lazy("That day included."),
        called=gettext_lazy("The last day"),
        not_past=True,
        empty=gettext_lazy("Enter the last day"),
    )

    def __init__(self, *args: Any, posts: list[Post], **options: Any) -> None:
        super().__init__(*args, **options)
        self.posts = {str(post.pk): post for post in posts}
        self.fields["post"].choices = [(key, f"{post.title}, {post.team}") for key, post in self.posts.items()]  # type: ignore[attr-defined]
        if len(self.posts) == 1:
            del self.fields["post"]
        agency = self._chosen().team.agency if self._chosen() else None
        self.fields["person"].agency = agency  # type: ignore[attr-defined]

    def _chosen(self) -> Post:
        """The post they mean; until they have said it, the first: its agency is where people are looked for."""
        wanted = str(self.data.get("post") or "") if self.is_bound else ""
        return self.posts.get(wanted) or next(iter(self.posts.values()))

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        found["post"] = post = (found.get("post") and self.posts[found["post"]]) or self._chosen()
        person, first, last = found.get("person"), found.get("starts_on"), found.get("ends_on")
        if person and person.pk == post.holder_id:
            self.add_error("person", _("Name somebody else: this person holds the post"))
        if first and last:
            if last < first:
                self.add_error("ends_on", _("The last day must not be before the first day"))
            elif last - first > LONGEST:
                self.add_error("ends_on", _("The last day must be within a year of the first. For longer, hand the post over."))
            elif person and (same := running(post, first).filter(person=person, starts_on__lte=last).first()):
                said = _("%(name)s stands in from %(first)s to %(last)s already")
                self.add_error("person", said % {"name": person.name, "first": times.day(same.starts_on), "last": times.day(same.ends_on)})
        return found


def running(post: Post, day: dt.date) -> QuerySet[StandIn]:
    """Those for this post that run on this day or begin later."""
    return StandIn.objects.filter(Q(ends_on__gte=day) & Q(ends_on__gte=F("starts_on")), post=post)


def name(post: Post, person: User, starts_on: dt.date, ends_on: dt.date) -> StandIn:
    if person == current_person():
        raise Refused(_("Nobody names themselves. The holder of the post does it, or another administrator."))
    stand_in = StandIn(post=post, person=person, starts_on=starts_on, ends_on=ends_on)
    with as_far_as_allowed():
        directory.one_at_a_time(f"stand-ins {post.pk}")
        if running(post, starts_on).filter(person=person, starts_on__lte=ends_on).exists():  # sent twice
            raise Refused(_("They stand in on these days already."))
        directory.save(stand_in)
        directory.tell_of_changed_rights(person)
    return stand_in


def end_all_of(person: User, today: dt.date) -> None:
    """Whoever leaves stands in for nobody."""
    with as_far_as_allowed():
        for stand_in in StandIn.objects.select_for_update().exclude(ends_on__lt=F("starts_on")).filter(person=person, ends_on__gte=today):
            directory.end_stand_in(stand_in, today)


# ── pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _posts_of(person: User) -> list[Post]:
    held = Post.objects.filter(holder=person, ended_on=None).select_related("team__agency")
    return list(held.order_by("team__agency__name", "team__name", "title", "pk"))


@page
def mine(request: HttpRequest) -> HttpResponse:
    """Who acts for my posts and when, and for whom I act."""
    person, today = person_of(request), timezone.localdate()
    posts = _posts_of(person)
    form = StandInForm(posted(request), posts=posts) if posts else None
    if form and (done := answer(request, form, lambda: _named(request, form, "stand-ins"))):
        return done
    ours = StandIn.objects.filter(ends_on__gte=today).filter(ends_on__gte=F("starts_on")).order_by("starts_on", "pk")
    context = {
        "posts": posts,
        "form": form,
        "named": ours.filter(post__in=posts).select_related("person", "post__team__agency"),
        "standing_in": ours.filter(person=person).select_related("post__holder", "post__team__agency"),
        "suggested": _colleagues(posts, person),
        "today": today,
    }
    return render(request, "directory/stand_ins.html", context)


def _colleagues(posts: list[Post], person: User) -> list[User]:
    found: dict[UUID, User] = {}
    for agency in {post.team.agency for post in posts}:
        for one in suggested(Directory(agency, person, False), at_work=True):
            found[one.pk] = one
    return sorted((one for one in found.values() if one != person), key=lambda one: one.name)


def _named(request: HttpRequest, form: StandInForm, to: str, *args: Any) -> HttpResponse:
    given = form.cleaned_data
    made = name(given["post"], given["person"], given["starts_on"], given["ends_on"])
    said = _("%(name)s stands in for %(post)s from %(first)s until %(last)s.")
    days = {"first": times.day(made.starts_on), "last": times.day(made.ends_on)}
    messages.success(request, said % {"name": made.person.name, "post": made.post.title, **days})
    return redirect(to, *args)


@page
@fresh_second_factor
def of_post(request: HttpRequest, post_id: UUID) -> HttpResponse:
    """The administrator names who stands in for a post of the agency."""
    post = get_object_or_404(Post.objects.select_related("team__agency", "holder"), pk=post_id, ended_on=None)
    found = directory.directory_with(request, post)
    form = StandInForm(posted(request), posts=[post])
    return answer(request, form, lambda: _named(request, form, "directory-post", post.pk)) or fill_in(
        request,
        _("Name a stand-in"),
        form,
        (f"/directory/posts/{post.pk}/", post.title),
        caption=f"{post.title}, {post.team.name or found.agency}",
        action=_("Name this stand-in"),
        lead=_("They see and do what the holder of the post may, on these days only. The record shows them as acting for the holder."),
        suggested=[one for one in suggested(found, at_work=True) if one.pk != post.holder_id],
    )


@require_http_methods(["POST"])
def ended(request: HttpRequest, stand_in_id: UUID) -> HttpResponse:
    """[End it now], by the holder of the post or the administrator of its agency."""
    stand_in = get_object_or_404(StandIn.objects.select_related("post__team__agency", "person"), pk=stand_in_id)
    is_mine = stand_in.post.holder_id == person_of(request).pk
    if not is_mine and not directory.kept_by(person_of(request)).filter(pk=stand_in.post.team.agency_id).exists():
        raise Http404
    try:
        directory.end_stand_in(stand_in, timezone.localdate())
        messages.success(request, _("%(name)s stands in no more.") % {"name": stand_in.person.name})
    except Refused as why:
        messages.warning(request, str(why))
    back_to_mine = is_mine and request.POST.get("from") != "directory"
    return redirect("stand-ins") if back_to_mine else redirect("directory-post", stand_in.post_id)
