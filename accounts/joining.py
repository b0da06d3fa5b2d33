"""Joining by invitation, without an account yet; and the invitations somebody has made."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from uuid import UUID

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django import forms as django_forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import invitations, limits, organisation
from accounts.forms import NewPassword
from accounts.invitations import CannotInvite, State
from accounts.models import Invitation, User
from pages import fields

INVITATIONS_A_PAGE = 25
REFERENCE = re.compile(r"[A-Z0-9]{4}-[A-Z0-9]{4}")


class Join(NewPassword):
    """The code that was told them, their name as others will read it, and a password; none where their organisation answers for them."""

    field_order = ("code", "name", "new", "again")

    code = fields.LineField(
        label=gettext_lazy("The six-digit code"),
        called=gettext_lazy("The code"),
        empty=gettext_lazy("Enter the six-digit code"),
        max_length=20,
        widget=django_forms.TextInput(
            attrs={"class": "govuk-input--width-10", "inputmode": "numeric", "autocomplete": "one-time-code", "spellcheck": "false"}
        ),
    )
    name = fields.LineField(
        label=gettext_lazy("Your name"),
        called=gettext_lazy("Your name"),
        help_text=gettext_lazy("As colleagues in other agencies should read it. Correct it if it is wrong."),
        empty=gettext_lazy("Enter your name"),
        max_length=120,
        widget=django_forms.TextInput(attrs={"autocomplete": "name", "spellcheck": "false"}),
    )

    def __init__(self, invitation: Invitation, data: Any = None, *, with_password: bool = True) -> None:
        invited = invitation.person
        super().__init__(data, person=User(email=invited.email, name=invited.name), initial={"name": invited.name})
        said = _("%(name)s has it, and tells it to you by phone, for example. It is in no email.")
        self.fields["code"].help_text = said % {"name": invitation.invited_by.name}
        self.fields["new"].label, self.fields["again"].label = _("Choose a password"), _("The password again")
        if not with_password:
            del self.fields["new"], self.fields["again"]

    def clean_code(self) -> str:
        """The digits, however they were grouped."""
        code = re.sub(r"[\s-]", "", self.cleaned_data["code"])
        if not re.fullmatch(r"[0-9]{6}", code):
            raise ValidationError(_("The code is six digits, for example 012 345"), code="shape")
        return code

    def clean_name(self) -> str:
        """A password may not be made of it."""
        self.person.name = self.cleaned_data["name"]
        return self.person.name


# ── joining ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@login_not_required
@sensitive_post_parameters("code", "new", "again")
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, key: str) -> HttpResponse:
    """What the link leads to. Fetching it does nothing, however often; only what is sent from its page opens the account."""
    now = timezone.now()
    invitation = invitations.open_invitation(key, now)
    if invitation is None:
        return _closed(request)
    if request.user.is_authenticated:
        return render(request, "accounts/join_signed_in.html", {"invitation": invitation})
    arrival = organisation.arrived(request, invitation.person)
    form = Join(invitation, request.POST if request.method == "POST" else None, with_password=arrival is None)
    if request.method == "POST" and form.is_valid() and _is_right_code(request, form, invitation, now):
        answers = form.cleaned_data
        person = invitations.take_up(invitation.key_hash, now=now, name=answers["name"], password=answers.get("new"))
        return _welcome(request, person, arrival) if person else _closed(request)
    if form.is_bound and invitations.open_invitation(key, now) is None:
        return _closed(request)  # that was the last try
    return render(request, "accounts/join.html", {"form": form, "arrival": arrival, **_page_of(invitation)})


def _is_right_code(request: HttpRequest, form: Join, invitation: Invitation, now: dt.datetime) -> bool:
    """Looked at when all else is right: what else is wrong must not tell a right code from a wrong one. Five wrong ones close it."""
    try:
        tries = limits.Tries().take(limits.NETWORK, f"invitation {limits.network_of(request)}")
    except limits.TooMany:
        form.add_error(None, _("There were too many tries from where you are. Wait five minutes and try again."))
        return False
    if invitations.is_right_code(invitation.key_hash, form.cleaned_data["code"], now):
        tries.give_back()
        return True
    user_login_failed.send(__name__, credentials={"username": invitation.person.email}, request=request)
    form.add_error("code", _("That is not the code. Check it with %(name)s") % {"name": invitation.invited_by.name})
    return False


def _page_of(invitation: Invitation) -> dict[str, Any]:
    """Who asks, from which post, in whose name. Nothing of any disagreement."""
    post = invitation.invited_by.posts.filter(ended_on=None).select_related("team__agency").first()
    name = invitation.partnership.name if invitation.partnership else ""
    return {
        "invitation": invitation,
        "asked_from": post,
        **({"partnership_name": name} if name else {}),
    }


def _welcome(request: HttpRequest, person: User, arrival: organisation.Arrival | None) -> HttpResponse:
    """Signed in. Who has a password sets up the second factor next, before anything else (SecondFactorRequired)."""
    if arrival:
        messages.success(request, _("You have joined. What waits for you is on your desk."))
        return organisation.finish(request, person, arrival, settings.LOGIN_REDIRECT_URL)
    messages.success(request, _("You have joined. One more thing, and you come to your desk."))
    return perform_password_login(request, {}, Login(user=person, redirect_url=settings.LOGIN_REDIRECT_URL))


def _closed(request: HttpRequest) -> HttpResponse:
    """One page for every invitation that opens nothing: used, run out, withdrawn, or never made."""
    return render(request, "accounts/join_closed.html", status=404)


# ── invitations of mine ─────────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def made(request: HttpRequest) -> HttpResponse:
    """Whom I invited, and whether they have joined."""
    now = timezone.now()
    page = Paginator(invitations.made_by(_person(request)), INVITATIONS_A_PAGE).get_page(request.GET.get("page"))
    rows = [(invitation, invitations.state_of(invitation, now)) for invitation in page]
    return render(request, "accounts/invitations.html", {"page": page, "rows": rows, "State": State})


@require_safe
def code(request: HttpRequest, pk: UUID) -> HttpResponse:
    """After inviting: the code, for ten minutes and for nobody else; then only what to do if it was lost."""
    now = timezone.now()
    invitation = _own(request, pk)
    reference = request.GET.get("disagreement", "")
    context = {
        "invitation": invitation,
        "code": invitations.code_of(invitation) if invitations.shows_code(invitation, now) else "",
        "state": invitations.state_of(invitation, now),
        "State": State,
        "reference": reference if REFERENCE.fullmatch(reference) else "",
    }
    return render(request, "accounts/invitation_code.html", context)


@require_POST
def again(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A new link and a new code for the same person."""
    invitation = _own(request, pk)
    try:
        new, _code = invitations.invite_again(invitation, _person(request), timezone.now())
    except CannotInvite as refused:
        messages.warning(request, str(refused))
        return redirect("invitations")
    if new is None:
        messages.success(request, _("They have joined already."))
        return redirect("invitations")
    return redirect("invitation-code", new.pk)


@require_POST
def withdraw(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Nobody comes in by it any more. Their place at a disagreement stays as it is, and they see nothing of it."""
    invitations.withdraw(_own(request, pk), timezone.now())
    messages.success(request, _("The invitation is withdrawn. Nobody can join by it."))
    return redirect("invitations")


def _person(request: HttpRequest) -> User:
    return request.user  # type: ignore[return-value]  # every view here is behind the sign-in


def _own(request: HttpRequest, pk: UUID) -> Invitation:
    related = ("person", "person__kept_by", "post__team__agency", "partnership")
    own = Invitation.objects.filter(pk=pk, invited_by=_person(request)).select_related(*related)
    if invitation := own.first():
        return invitation
    raise Http404
