"""People who leave: what is open goes to somebody else first, then their account ends. Blocking ends their sessions at once, without."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import directory, stand_ins
from accounts.directory import Directory, Refused, as_far_as_allowed
from accounts.directory_forms import Successors, suggested
from accounts.directory_people import back_to_people, person_kept, to_the_button
from accounts.directory_views import answer, page
from accounts.models import Appointment, Post, User
from accounts.second_factor import fresh_second_factor
from pages import forms
from pages.kept import posted

SAID = {
    "block": gettext_lazy("%(name)s is signed out everywhere and cannot sign in."),
    "unblock": gettext_lazy("%(name)s can sign in again."),
    "back": gettext_lazy("%(name)s is back. Unblock signing in, or invite them, when they begin."),
}


def leave(person: User, successors: Mapping[Post, User | None], today: dt.date) -> None:
    """Their posts go to these people (None: vacant), their account ends, and with it every session of theirs: all of it or nothing.

    Raises Refused while anything open at a post of theirs has nobody to go to.
    """
    with as_far_as_allowed():
        held = list(Post.objects.select_for_update().filter(holder=person, ended_on=None))
        if {post.pk for post in held} - {post.pk for post in successors}:
            raise Refused(_("They hold a post that is not on this page. Look again: it was changed meanwhile."))
        for post in held:
            successor = next(to for named, to in successors.items() if named.pk == post.pk)
            directory.check_hand_over(post, successor)
            post.holder = successor
            directory.save(post, "holder")
            directory.tell_of_changed_rights(successor)
        stand_ins.end_all_of(person, today)
        person.left_on, person.is_active = today, False
        directory.save(person, "left_on", "is_active")


def held_by(person: User) -> list[Post]:
    return list(Post.objects.filter(holder=person, ended_on=None).select_related("team__agency").order_by("team__name", "title", "pk"))


@page
@fresh_second_factor
def leaving(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """[They have left]: each of their posts with how much is open at it, and who takes it over."""
    found, shown, partnership = person_kept(request, person_id)
    if shown.left_on or shown == request.user:
        messages.warning(request, _("They have left already.") if shown.left_on else _("Somebody else must do this for you."))
        return redirect("directory-person", shown.pk)
    posts = held_by(shown)
    elsewhere = [post for post in posts if found is None or post.team.agency_id != found.agency.pk]
    seats = directory.open_seats(posts)
    posts.sort(key=lambda post: not seats.get(post.pk))  # what needs an answer first
    form = _form(request, posts, seats, found, shown)

    def write() -> HttpResponse:
        if elsewhere:
            raise Refused(_("They hold a post of another agency. Its administrator hands it over first."))
        leave(shown, form.chosen if isinstance(form, Successors) else {}, timezone.localdate())
        messages.success(request, _("%(name)s has left. They are signed out everywhere, and see nothing any more.") % {"name": shown.name})
        return redirect(back_to_people(found, partnership)[0])

    context = {
        "found": found,
        "shown": shown,
        "form": form,
        "open_seats": directory.say_open(total) if (total := sum(seats.values())) else "",
        "elsewhere": elsewhere,
        "offices": Appointment.objects.on(timezone.localdate()).filter(person=shown).select_related("partnership", "agency"),
        "suggested": [one for one in suggested(found) if one != shown] if found else [],
    }
    return answer(request, form, write) or render(request, "directory/leaving.html", context)


def _form(request: HttpRequest, posts: list[Post], seats: dict[UUID, int], found: Directory | None, leaver: User) -> forms.Form:
    if found is None:
        return forms.Form(posted(request))
    own = [post for post in posts if post.team.agency_id == found.agency.pk]
    return Successors(posted(request), posts=own, open_seats=seats, agency=found.agency, leaver=leaver)


@page
@fresh_second_factor
def sign_in_of(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """[Block signing in now], [Unblock], and [They are back] for somebody who had left. Their posts and seats stay where they are."""
    _found, shown, _partnership = person_kept(request, person_id)
    if request.method != "POST":
        return to_the_button(request, shown)
    state = directory.state_of(shown)
    may_do = {"working": "block", "blocked": "unblock", "left": "back"}
    if shown == request.user:
        messages.warning(request, _("Somebody else must do this for you."))
    elif (do := request.POST.get("do")) == may_do.get(state):
        shown.is_active, shown.left_on = do == "unblock", None  # who is back is unblocked, or invited, when they begin
        try:
            directory.save(shown, "is_active", "left_on")
            messages.success(request, SAID[str(do)] % {"name": shown.name})
        except Refused as why:
            messages.warning(request, str(why))
    return redirect("directory-person", shown.pk)
