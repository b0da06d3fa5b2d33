"""Each person's own account: how they sign in, their second factor, their emails, and the way to all that is theirs."""

from __future__ import annotations

import json
import time

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts import factors, second_factor
from accounts.factors import Type
from accounts.forms import AppCode, MailChoice, NewPasskey, sent
from accounts.models import User
from accounts.second_factor import fresh_if_there_is_one, fresh_second_factor

CODES_ARE_SHOWN_FOR = 600  # seconds after they were made, in the session that made them
NEW_CODES = "second_factor.codes_made_at"


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - the middleware lets nobody else in
    return request.user


def account(request: HttpRequest) -> HttpResponse:
    """All that is theirs, on one page."""
    person = _person(request)
    codes = factors.recovery_codes_of(person)
    page = {
        "own": factors.names_of(factors.of(person)),
        "codes_left": len(codes.get_unused_codes()) if codes else 0,
        "has_password": person.has_usable_password(),
        "elsewhere": _elsewhere(),
    }
    return render(request, "accounts/account.html", page)


def _elsewhere() -> list[tuple[str, str, str]]:
    """The other pages that are theirs: address, name, and what is there."""
    return [
        (reverse("sessions"), _("Where you are signed in"), _("Each browser, and since when. You can end any of them.")),
        (reverse("stand-ins"), _("Who stands in for you"), _("While you are away, somebody else gets your moves and your emails.")),
        (reverse("invitations"), _("Whom you invited"), _("Whether they have joined. You can invite them again, or withdraw it.")),
        (reverse("log"), _("Your log"), _("What you learnt from disagreeing, and your hours. Nobody else can read it.")),
        (reverse("thanks"), _("Thanks"), _("What others thank you for, and whom you thanked.")),
        (reverse("debriefs"), _("Debriefs"), _("Talks after a disagreement has ended, to which you are asked.")),
        (reverse("own-reading"), _("What you opened"), _("The disagreements that you read, and when. Your agency’s lead sees the same.")),
    ]


def mail_choice(request: HttpRequest) -> HttpResponse:
    """Each person's own choice, kept beside who they are: it is no version of the person, so no history is written of it."""
    person = _person(request)
    form = MailChoice(sent(request), initial={"mail": person.mail})
    if request.method == "POST" and form.is_valid():
        User.objects.filter(pk=person.pk).update(mail=form.cleaned_data["mail"])
        messages.success(request, _("Your choice counts from now on."))
        return redirect("/desk/")
    return render(request, "accounts/mail.html", {"form": form})


# ── The second factor ───────────────────────────────────────────────────────────────────────────────────────────────


@never_cache
def overview(request: HttpRequest) -> HttpResponse:
    """What they have, or, for who has none yet, what they can choose from."""
    person = _person(request)
    own, codes = factors.of(person), factors.recovery_codes_of(person)
    page = {
        "own": factors.names_of(own),
        "has_app": any(one.type == Type.TOTP for one in own),
        "codes_left": len(codes.get_unused_codes()) if codes else 0,
        "is_exempt": second_factor.is_exempt(request),
    }
    return render(request, "accounts/second_factor.html" if own else "accounts/choose_second_factor.html", page)


@never_cache
@fresh_if_there_is_one
@sensitive_post_parameters("code")
def add_app(request: HttpRequest) -> HttpResponse:
    """An app that shows codes: scan or type its secret, then send its first code."""
    person, form = _person(request), AppCode(sent(request))
    if request.method == "POST" and form.is_valid():
        if factors.add_app(request, person, form.cleaned_data["code"]):
            messages.success(request, _("Your app is set up. From now on you are asked for its code when you sign in."))
            return _after_adding(request, person)
        form.add_error("code", _("This is not the code that the app shows. Check that you scanned this page, and try again."))
    secret = factors.new_secret(request)
    address = get_adapter().build_totp_url(person, secret)
    width, path = factors.qr_path(address)
    page = {"form": form, "secret": factors.in_groups(secret), "address": address, "qr_width": width, "qr_path": path}
    return render(request, "accounts/add_app.html", page | {"has_app": any(one.type == Type.TOTP for one in factors.of(person))})


@never_cache
@fresh_if_there_is_one
def add_passkey(request: HttpRequest) -> HttpResponse:
    """A passkey: this device's fingerprint, face or PIN, or a security key."""
    person, form = _person(request), NewPasskey(sent(request))
    if request.method == "POST" and form.is_valid():
        if factors.add_passkey(request, person, form.cleaned_data["name"], form.cleaned_data["credential"]):
            messages.success(request, _("Your passkey is set up. From now on you are asked for it when you sign in."))
            return _after_adding(request, person)
        form.add_error(None, _("The passkey could not be set up. Try again."))
    if form.is_bound and "credential" in form.errors:
        for said in form.errors.pop("credential"):
            form.add_error(None, said)
    return render(request, "accounts/add_passkey.html", {"form": form, "options": json.dumps(factors.passkey_wanted(person))})


def _after_adding(request: HttpRequest, person: User) -> HttpResponse:
    if factors.recovery_codes_of(person) is None:
        _show_new_codes(request, person)
        return redirect("recovery-codes")
    return redirect("second-factor")


@never_cache
@fresh_second_factor
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks, and then removes one of their own; never the last."""
    person = _person(request)
    found = Authenticator.objects.filter(user=person, pk=pk).exclude(type=Type.RECOVERY_CODES).first()
    if found is None:
        raise Http404
    is_last = len(factors.of(person)) == 1
    if request.method == "POST" and not is_last and factors.remove(request, person, found):
        messages.success(request, _("It is removed. Nobody can sign in with it any more."))
        return redirect("second-factor")
    return render(request, "accounts/remove_second_factor.html", {"name": factors.name_of(found), "is_last": is_last})


@never_cache
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """Shows new ones, once: in the session that made them, until they say that they have kept them. Sending from it goes on."""
    person = _person(request)
    if request.method == "POST":
        request.session.pop(NEW_CODES, None)
        return redirect(request.session.pop(second_factor.AFTERWARDS, None) or "second-factor")
    codes = factors.recovery_codes_of(person)
    if codes is None or not _are_new(request):
        return redirect("second-factor")
    shown = [factors.in_groups(code) for code in codes.get_unused_codes()]
    return render(request, "accounts/recovery_codes.html", {"codes": shown, "site": settings.SITE_URL, "person": person})


@never_cache
def download_recovery_codes(request: HttpRequest) -> HttpResponse:
    """The same as a file of text, as long as the page shows them."""
    person = _person(request)
    codes = factors.recovery_codes_of(person)
    if codes is None or not _are_new(request):
        raise Http404
    lines = [_("Recovery codes for Accord, each for once"), person.email, "", *map(factors.in_groups, codes.get_unused_codes()), ""]
    answer = HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="accord-recovery-codes.txt"'
    return answer


@never_cache
@fresh_second_factor
def new_recovery_codes(request: HttpRequest) -> HttpResponse:
    """Asks, and then makes ten new ones in the place of the old."""
    person = _person(request)
    if not factors.of(person):
        return redirect("second-factor")
    if request.method == "POST":
        _show_new_codes(request, person)
        return redirect("recovery-codes")
    return render(request, "accounts/new_recovery_codes.html")


def _show_new_codes(request: HttpRequest, person: User) -> None:
    factors.new_recovery_codes(request, person)
    request.session[NEW_CODES] = time.time()


def _are_new(request: HttpRequest) -> bool:
    return 0 <= time.time() - request.session.get(NEW_CODES, 0) <= CODES_ARE_SHOWN_FOR
