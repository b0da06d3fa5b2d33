"""The pages about the people of an agency: who they are, how they join, and what may be put right. The office has them for its own."""

from __future__ import annotations

from uuid import UUID

from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts import directory, letters
from accounts.directory import STATES, Directory, Refused, directory_of, person_of
from accounts.directory_forms import NameAndAddress, NewPerson, SearchPeople
from accounts.directory_views import answer, fill_in, looked_for, page, paged
from accounts.invitations import CannotInvite, invite, withdraw
from accounts.models import Appointment, Invitation, Letter, Partnership, Post, StandIn, User
from accounts.second_factor import fresh_second_factor, has_one
from pages.kept import posted


@page
def people(request: HttpRequest, agency_id: UUID) -> HttpResponse:
    """The people of an agency, with what each can do today."""
    found = directory_of(request, agency_id, to_change=False)
    form, redirected = looked_for(request, SearchPeople)
    if redirected:
        return redirected
    listed = found.people()
    if text := form.cleaned_data.get("text"):
        of_title = Post.objects.filter(holder=OuterRef("pk"), team__agency=found.agency, ended_on=None, title__icontains=text)
        listed = listed.filter(Q(name__icontains=text) | Q(email__icontains=text) | Exists(of_title))
    state = form.cleaned_data.get("state")
    if state == "without":
        listed = listed.filter(left_on=None).exclude(Exists(Post.objects.filter(holder=OuterRef("pk"), ended_on=None)))
    else:
        listed = listed.filter(STATES[state]) if state else listed.filter(left_on=None)
    held = models.Prefetch("posts", Post.objects.filter(team__agency=found.agency, ended_on=None).select_related("team__agency"), "held")
    listing = paged(request, listed.order_by("name", "pk").prefetch_related(held))
    rows = [(person, directory.state_of(person)) for person in listing.object_list]
    return render(
        request, "directory/people.html", {"found": found, "page": listing, "rows": rows, "form": form, "is_narrowed": form.is_bound}
    )


def person_kept(request: HttpRequest, person_id: UUID) -> tuple[Directory | None, User, Partnership | None]:
    """A person and the directory they stand in, for who keeps the account (accord_keeps_person says the same): the administrator of their
    agency, or else the office of one partnership. A post or an office that they hold elsewhere gives nobody the keeping of it."""
    shown = get_object_or_404(User.objects.select_related("kept_by"), pk=person_id)
    if shown.kept_by_id:
        return directory_of(request, shown.kept_by_id), shown, None
    partnership = next((one for one in directory.served_by(person_of(request)) if one.pk == shown.kept_for_id), None)
    if partnership is None:
        raise Http404
    return None, shown, partnership


def back_to_people(found: Directory | None, partnership: Partnership | None) -> tuple[str, str]:
    if found:
        return (f"/directory/agencies/{found.agency.pk}/people/", _("People of %(agency)s") % {"agency": found.agency})
    return (f"/partnership/people/?of={partnership.slug}" if partnership else "/partnership/people/", _("Appointments"))


@require_safe
def person(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """One person: posts, offices, whether they can sign in, and what may be done about it."""
    found, shown, partnership = person_kept(request, person_id)
    today = timezone.localdate()
    held = Post.objects.filter(holder=shown, ended_on=None).select_related("team__agency", "reports_to__holder")
    context = {
        "found": found,
        "shown": shown,
        "state": directory.state_of(shown),
        "is_me": shown == request.user,
        "posts": held.order_by("team__agency__name", "team__name", "title"),
        "offices": Appointment.objects.on(today).filter(person=shown).select_related("partnership", "agency"),
        "standing_in": StandIn.objects.filter(person=shown, ends_on__gte=today).select_related("post__holder", "post__team__agency"),
        "invitation": Invitation.objects.filter(person=shown).order_by("-made_at").first(),
        "back": back_to_people(found, partnership),
        "agency": found.agency if found else None,
        "now": timezone.now(),
    }
    return render(request, "directory/person.html", context)


@page
@fresh_second_factor
def new_person(request: HttpRequest, agency_id: UUID) -> HttpResponse:
    """Somebody joins the agency: an account that nobody can use yet, and an invitation to it."""
    found = directory_of(request, agency_id)
    form = NewPerson(posted(request), found=found)

    def write() -> HttpResponse:
        given = form.cleaned_data
        with directory.as_far_as_allowed():
            invitation, _code = invite(
                found.person, given["email"], given["name"], agency=found.agency, post=given["post"], now=timezone.now()
            )
        return to_the_code(request, invitation, back_to_people(found, None)[0])

    said = _("They get an email with a link, and you a code to tell them by telephone. With both they choose how to sign in.")
    return answer(request, form, write) or fill_in(
        request, _("Add a person"), form, back_to_people(found, None), caption=found.agency.name, lead=said, action=_("Add and invite")
    )


def to_the_code(request: HttpRequest, invitation: Invitation | None, otherwise: str) -> HttpResponse:
    """To the page that shows the code, for a few minutes and to whoever invited alone."""
    if invitation is None:
        messages.info(request, _("They have an account already, and hear of it by mail."))
        return redirect(otherwise)
    return redirect("invitation-code", invitation.pk)


def to_the_button(request: HttpRequest, shown: User) -> HttpResponse:
    """Who has just confirmed that it is they comes back by GET: what they were doing has its button on the person's page."""
    messages.info(request, _("Nothing was done yet. Use the button once more."))
    return redirect("directory-person", shown.pk)


@page
@fresh_second_factor
def invite_person(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """Invites somebody who has not joined yet, or once more; earlier links and codes are worth nothing from then on."""
    _found, shown, partnership = person_kept(request, person_id)
    if request.method != "POST":
        return to_the_button(request, shown)
    if directory.state_of(shown) != "invited":
        messages.warning(request, _("There is nothing to invite them to: they have joined, or have left."))
        return redirect("directory-person", shown.pk)
    last = Invitation.objects.filter(person=shown).order_by("-made_at").select_related("post").first()
    vacant = last.post if last and last.post and last.post.holder_id is None and last.post.ended_on is None else None
    try:
        with directory.as_far_as_allowed():
            invitation, _code = invite(
                person_of(request), shown.email, shown.name, agency=shown.kept_by, post=vacant, partnership=partnership, now=timezone.now()
            )
    except (Refused, CannotInvite) as why:
        messages.warning(request, str(why))
        return redirect("directory-person", shown.pk)
    return to_the_code(request, invitation, f"/directory/people/{shown.pk}/")


def check_address_may_change(person: User) -> None:
    """Where there is no second step, who reads the mail of an account has the account: then nobody else gives it another address."""
    by_organisation = not person.has_usable_password() and SocialAccount.objects.filter(user=person).exists()
    if person.last_login is not None and not has_one(person) and not by_organisation:
        raise Refused(
            _("%(name)s has no second step for signing in now. Change the address when they have set one up.") % {"name": person.name}
        )


@page
@fresh_second_factor
def change_person(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """A name or an address put right. The address is how they sign in, so who changes it shows again who they are."""
    _found, shown, _partnership = person_kept(request, person_id)
    form = NameAndAddress(posted(request), person=shown, initial={"name": shown.name, "email": shown.email})

    def write() -> HttpResponse:
        given = form.cleaned_data
        if changed := [name for name in ("name", "email") if getattr(shown, name) != given[name]]:
            before = shown.email
            if "email" in changed:
                check_address_may_change(shown)
            shown.name, shown.email = given["name"], given["email"]
            with directory.as_far_as_allowed():
                directory.save(shown, *changed)
                if "email" in changed and directory.state_of(shown) != "invited":
                    letters.owe(Letter.Kind.ADDRESS_CHANGED, shown, address=before)
                for invitation in Invitation.objects.filter(person=shown) if "email" in changed else ():
                    withdraw(invitation, timezone.now())  # its link went to the wrong address
            messages.success(request, _("Saved for %(name)s.") % {"name": shown.name})
        return redirect("directory-person", shown.pk)

    back = (f"/directory/people/{shown.pk}/", shown.name)
    said = _("Put a slip right, or follow a new name. For somebody else who takes their place, add a person and hand the post over.")
    return answer(request, form, write) or fill_in(request, _("Change a name or address"), form, back, lead=said)
