"""Passwords: what is no good one, changing it, and setting a new one when it is forgotten (promise 12)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from allauth.account import signals
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlsafe_base64_decode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from accounts import letters, limits
from accounts.acting import acting_as
from accounts.forms import ChangedPassword, Forgotten, NewPassword, sent
from accounts.models import Letter, User
from accounts.sign_in import password_is_right

THIS_PLACE = ("accord", "partnership", "safeguarding", "children", "password", "welcome")
OWN_PART = 8  # so many characters must be left when all that anybody could guess is taken away
AS_LONG_AS = 0.4  # seconds that asking for a new password takes, whoever asks

WHEN_ASKED_FOR: list[Callable[[UUID | None], None]] = []
"""Rooms above this one hear who asked for a new password (None: nobody we know): the trail does."""


class NotOfThisPlace:
    """No password of words that anybody would try first here: of Accord, of the person's own name and address. Such a word may stand in a
    password that is long enough without it."""

    said = gettext_lazy(
        "This password is easy to guess: it is made of your name, your email address or words of this place. Choose other words."
    )

    def validate(self, password: str, user: Any = None) -> None:
        own = re.split(r"[\W_]+", f"{getattr(user, 'name', '')} {getattr(user, 'email', '')}".lower())
        guessed = sorted({*THIS_PLACE, *(word for word in own if len(word) >= 3)}, key=len, reverse=True)
        left = re.sub("|".join(map(re.escape, guessed)), "", password.lower())
        if len(left) < OWN_PART and left != password.lower():
            raise ValidationError(self.said, code="password_of_this_place")

    def get_help_text(self) -> str:
        return str(_("Do not use your name, your email address or the word Accord."))


# ── Changing it ─────────────────────────────────────────────────────────────────────────────────────────────────────


@never_cache
@sensitive_post_parameters("present", "new", "again")
def change(request: HttpRequest) -> HttpResponse:
    """Their own password. Every other session of theirs ends: what keeps it is made from the password."""
    person = request.user
    assert isinstance(person, User)  # noqa: S101 - the middleware lets nobody else in
    if not person.has_usable_password():
        return render(request, "accounts/no_password.html")
    form = ChangedPassword(sent(request), person=person)
    if request.method == "POST" and form.is_valid() and password_is_right(request, form, "present"):
        set_password(person, form.cleaned_data["new"])
        update_session_auth_hash(request, person)
        signals.password_changed.send(sender=User, request=request, user=person)
        messages.success(request, _("Your new password counts from now on. Wherever else you were signed in, you are signed out."))
        return redirect("account")
    return render(request, "accounts/password.html", {"form": form})


@sensitive_variables("password")
def set_password(person: User, password: str) -> None:
    """Every session of theirs ends with it, and a mail tells them."""
    person.set_password(password)
    person.save(update_fields=["password"])
    letters.owe(Letter.Kind.PASSWORD_CHANGED, person)


# ── When it is forgotten ────────────────────────────────────────────────────────────────────────────────────────────


def _always_as_long(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Whoever asks, and whatever there was to write, the answer takes as long. The transaction is over before the wait."""

    @wraps(view)
    def waited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        began = time.monotonic()
        with acting_as(request.user if isinstance(request.user, User) else None):
            answer = view(request, *args, **kwargs)
        if request.method == "POST":
            time.sleep(max(0.0, AS_LONG_AS - (time.monotonic() - began)))
        return answer

    waited.without_transaction = True  # type: ignore[attr-defined]
    return waited


@login_not_required
@never_cache
@_always_as_long
def forgotten(request: HttpRequest) -> HttpResponse:
    """Asks for the address, and says the same whether or not there is such a person. A worker mails the link."""
    form = Forgotten(sent(request))
    if request.method != "POST" or not form.is_valid():
        return render(request, "accounts/forgotten.html", {"form": form})
    address = form.cleaned_data["email"]
    try:
        limits.Tries().take(limits.NETWORK, f"links {limits.network_of(request)}")
    except limits.TooMany:
        form.add_error(None, _("Many people have asked for a new password from where you are. Wait five minutes and try again."))
        return render(request, "accounts/forgotten.html", {"form": form})
    person = User.objects.filter(email=address, is_active=True).first()
    for note in WHEN_ASKED_FOR:
        note(person.pk if person else None)
    if _may_have_a_link(address, person) and person is not None:
        letters.owe(Letter.Kind.RESET, person)
    return render(request, "accounts/forgotten_sent.html")


def _may_have_a_link(address: str, person: User | None) -> bool:
    """Three an hour, and none to an address that somebody has just given them. Whoever signs in with their organisation has no password
    here, and their mail alone shall not give them one."""
    try:
        limits.Tries().take(limits.LINKS, address)
    except limits.TooMany:
        return False
    return person is not None and person.has_usable_password() and not letters.address_is_new(person)


@login_not_required
@never_cache
@sensitive_post_parameters("new", "again")
def set_new(request: HttpRequest, who: str, token: str) -> HttpResponse:
    """The link from the mail: it only shows the page, for mail scanners fetch links. What is sent from the page sets the password, once;
    nobody is signed in by it, and the second factor is asked for as ever."""
    person = _of_link(who, token)
    if person is None:
        return render(request, "accounts/link_is_old.html", status=410)
    form = NewPassword(sent(request), person=person)
    if request.method == "POST" and form.is_valid():
        set_password(person, form.cleaned_data["new"])
        limits.forget(limits.ACCOUNT, person.email)
        signals.password_reset.send(sender=User, request=request, user=person)
        messages.success(request, _("Your new password counts from now on. Sign in with it."))
        return redirect("sign-in")
    return render(request, "accounts/new_password.html", {"form": form, "person": person})


def _of_link(who: str, token: str) -> User | None:
    """Whose link it is: of an hour at most, of somebody still here, and of the password that they had when it was made."""
    try:
        person = User.objects.filter(pk=urlsafe_base64_decode(who).decode(), is_active=True).first()
    except (ValueError, OverflowError, ValidationError):
        return None
    return person if person is not None and person.has_usable_password() and default_token_generator.check_token(person, token) else None
