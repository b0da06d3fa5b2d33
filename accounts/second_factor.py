"""A second factor for everybody, and a fresh one for the acts that weigh most (promises 11 and 12).

When it was given stands in the session, where allauth writes it. In a demonstration, whose password everybody may read, it is not
demanded; there the password stands for it.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.module_loading import import_string

FRESH_FOR = 300  # seconds
AFTERWARDS = "second_factor.afterwards"  # in the session: where somebody was going who had to set one up first
SPARED = "without_second_step"  # in the session of a demonstration: pages/context.py reads it
WITHOUT_ONE = {"second-factor", "add-app", "add-passkey", "recovery-codes", "download-recovery-codes", "sign-out", "account_logout"}

View = TypeVar("View", bound=Callable[..., HttpResponse])


def passed_at(request: HttpRequest) -> float | None:
    """When this session last saw a second factor: a code, a passkey, or the sign-in of their organisation, which says when that was."""
    return max((at for record in _records(request) if (at := _second_factor_at(record)) is not None), default=None)


def is_fresh(request: HttpRequest) -> bool:
    """Whether it was given within the last five minutes; in a demonstration the password stands for it."""
    at = passed_at(request)
    if at is None and is_exempt(request):
        at = max((float(record["at"]) for record in _records(request) if record.get("method") == "password"), default=None)
    return at is not None and 0 <= time.time() - at <= FRESH_FOR


def is_exempt(request: HttpRequest) -> bool:
    """A person of a demonstration, on a machine that is not live. Signing in writes which (`adapters.AccountAdapter.login`)."""
    return not settings.LIVE and bool(request.session.get("is_demo"))


def fresh_second_factor(view: View) -> View:
    """A view under this is for who has just shown that it is they. Others are asked first and come back to the same address by GET, so the
    page with the form stands there too; what they posted is kept for them."""

    @functools.wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return view(request, *args, **kwargs) if is_fresh(request) else ask_again(request)

    return cast(View, checked)


def fresh_if_there_is_one(view: View) -> View:
    """As fresh_second_factor, for what changes it: who has none yet has only just given the password, and sets up the first."""

    @functools.wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if is_fresh(request) or not (has_one(request.user) or passed_at(request)):
            return view(request, *args, **kwargs)
        return ask_again(request)

    return cast(View, checked)


def ask_again(request: HttpRequest) -> HttpResponse:
    """To the page "Confirm that it is you", and back."""
    if request.method == "POST":
        import_string("accounts.sessions.keep_form")(request, request.user)
    return redirect(f"{reverse('mfa_reauthenticate')}?{urlencode({'next': request.get_full_path()})}")


def has_one(person: Any) -> bool:
    """A passkey or an app of their own; recovery codes alone are none."""
    return Authenticator.objects.filter(user_id=person.pk).exclude(type=Authenticator.Type.RECOVERY_CODES).exists()


class SecondFactorRequired:
    """Who has signed in without a second factor sets one up before anything else. Pages that need no sign-in stay open to them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable, args: tuple, kwargs: dict) -> HttpResponse | None:
        if not getattr(view, "login_required", True) or not request.user.is_authenticated:
            return None
        if passed_at(request) is not None or is_exempt(request):
            return None
        name = request.resolver_match.url_name if request.resolver_match else None
        if has_one(request.user):  # signed in without it, which no page of ours allows
            open_to_them = {"mfa_reauthenticate", "account_reauthenticate", "sign-out", "account_logout"}
            return None if name in open_to_them else ask_again(request)
        if name in WITHOUT_ONE:
            return None
        if request.method == "GET":
            request.session[AFTERWARDS] = request.get_full_path()
        return redirect("second-factor")


def _records(request: HttpRequest) -> list[dict[str, Any]]:
    return get_authentication_records(request, request.user) if request.user.is_authenticated else []


def _second_factor_at(record: dict[str, Any]) -> float | None:
    at = {"mfa": record.get("at"), "socialaccount": record.get("auth_time")}.get(str(record.get("method")))
    return float(at) if isinstance(at, int | float) else None
