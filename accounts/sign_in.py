"""Signing in: password, then the second factor; signing out; and showing again that it is they, before what weighs most.

Known and unknown addresses, and people who have left, get the same answers in the same time (promise 12).
"""

from __future__ import annotations

import json
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.decorators import login_stage_required
from allauth.account.internal.flows.login import perform_password_login, record_authentication
from allauth.account.models import Login
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import factors, limits, second_factor
from accounts.acting import acting_as
from accounts.forms import Code, Credential, PresentPassword, SignIn, sent
from accounts.models import Partnership, User

LONGEST_WAY_ON = 1000


# ── Signing in ──────────────────────────────────────────────────────────────────────────────────────────────────────


@login_not_required
@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """Asks who they are. A wrong answer gets the same sentence whether or not there is such a person; the trail hears of it
    (audit.apps, for this room knows nothing of that one)."""
    wanted = safe_way_on(request)
    if request.user.is_authenticated and request.method != "POST":
        return HttpResponseRedirect(wanted or settings.LOGIN_REDIRECT_URL)
    form = SignIn(sent(request))
    if request.method == "POST" and form.is_valid():
        with acting_as(None):  # whoever was signed in here has no say in it
            try:
                if person := _who(request, **form.cleaned_data):
                    return _take_on(request, person, wanted)
                form.add_error(None, _("We do not know this email address and password together. Check both and try again."))
            except limits.TooMany:
                form.add_error(None, _too_many())
    return render(request, "accounts/sign_in.html", {"form": form, "next": wanted, **_before_anyone_signed_in()})


def _who(request: HttpRequest, email: str, password: str) -> User | None:
    tries = limits.take(request, limits.ACCOUNT, email)
    person = get_adapter(request).authenticate(request, email=email, password=password)
    if person is not None:
        tries.give_back()
    return person


def _take_on(request: HttpRequest, person: User, wanted: str) -> HttpResponse:
    if request.user.is_authenticated:  # as somebody else: nothing of theirs stays
        logout(request)
    login = Login(user=person, redirect_url=wanted or settings.LOGIN_REDIRECT_URL)
    return perform_password_login(request, {}, login)


def _too_many() -> str:
    return _("There were too many tries. Wait five minutes and try again. If you do not know your password, you can set a new one.")


@require_http_methods(["GET", "HEAD", "POST"])
@login_stage_required(stage=AuthenticateStage.key, redirect_urlname="sign-in")
@sensitive_post_parameters("code")
def second_step(request: HttpRequest) -> HttpResponse:
    """The password was right; now a code or a passkey. Nobody is signed in yet."""
    stage = request._login_stage  # type: ignore[attr-defined]
    person = stage.login.user
    if not person.is_active:
        return stage.abort()
    form, used = _asked_for(request, person)
    if used is not None:
        factors.note_used(request, used)
        return stage.exit()
    return render(request, "accounts/second_step.html", _page(form, person))


def _page(form: Any, person: User) -> dict[str, Any]:
    asked, kinds = factors.passkey_asked(person), {one.type for one in factors.of(person)}
    return {"form": form, "passkey": json.dumps(asked) if asked else "", "kinds": kinds, "code_button": "secondary" if asked else ""}


def _asked_for(request: HttpRequest, person: User, *, again: bool = False) -> tuple[Any, Authenticator | None]:
    """The form, and the second factor if what was posted is one. Five wrong ones, and then a wait."""
    if request.method != "POST":
        return Code(), None
    form = Credential(request.POST) if "credential" in request.POST else Code(request.POST)
    if not form.is_valid():
        return form if isinstance(form, Code) else _said_in_code_form(form), None
    try:
        tries = limits.take(request, limits.ACCOUNT, f"second {person.pk}")
    except limits.TooMany:
        return _said_in_code_form(form, _("There were too many tries. Wait five minutes and try again.")), None
    if isinstance(form, Credential):
        used, wrong = factors.by_passkey(person, form.cleaned_data["credential"]), _("This passkey does not belong to your account.")
    else:
        used, wrong = (
            factors.by_code(person, form.cleaned_data["code"]),
            _("This code is not right, or was used before. Wait for the next."),
        )
    if used is not None:
        tries.give_back()
        return form, used
    factors.note_refused(request, person, again=again)
    if isinstance(form, Credential):
        return _said_in_code_form(form, wrong), None
    form.add_error("code", wrong)
    return form, None


def _said_in_code_form(form: Any, message: str = "") -> Code:
    """The form that the page shows, saying this above it."""
    shown = Code(form.data if isinstance(form, Code) else {"code": ""})
    shown.full_clean()
    shown.errors.clear()
    for said in [message] if message else [error for errors in form.errors.values() for error in errors]:
        shown.add_error(None, said)
    return shown


# ── Signing out ─────────────────────────────────────────────────────────────────────────────────────────────────────


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Ends it, and lets the browser keep nothing of it. Not the cookies: theirs would be those of the whole council's domain."""
    logout(request)
    answer = redirect("sign-in")
    answer["Clear-Site-Data"] = '"cache", "storage"'
    return answer


# ── Showing again that it is they ───────────────────────────────────────────────────────────────────────────────────


@never_cache
@sensitive_post_parameters("code", "password")
def confirm(request: HttpRequest) -> HttpResponse:
    """A second factor once more, and then back to what they wanted to do. In a demonstration the password will do."""
    person = request.user
    assert isinstance(person, User)  # noqa: S101 - the middleware lets nobody else in
    wanted = safe_way_on(request) or "/account/"
    page: dict[str, Any] = {"next": wanted}
    if second_factor.has_one(person):
        form, used = _asked_for(request, person, again=True)
        if used is not None:
            factors.note_used(request, used, again=True)
            return HttpResponseRedirect(wanted)
        return render(request, "accounts/confirm.html", page | _page(form, person))
    if not second_factor.is_exempt(request) or not person.has_usable_password():
        return render(request, "accounts/confirm.html", page)
    form = PresentPassword(sent(request))
    if request.method == "POST" and form.is_valid() and password_is_right(request, form, "password"):
        record_authentication(request, person, method="password", reauthenticated=True)
        return HttpResponseRedirect(wanted)
    return render(request, "accounts/confirm.html", page | {"form": form})


def password_is_right(request: HttpRequest, form: Any, name: str) -> bool:
    """Whether this field of the form holds the password of who is signed in; if not, says so at the field."""
    person = request.user
    try:
        tries = limits.take(request, limits.ACCOUNT, f"second {person.pk}")
    except limits.TooMany:
        form.add_error(name, _("There were too many tries. Wait five minutes and try again."))
        return False
    if isinstance(person, User) and person.check_password(form.cleaned_data[name]):
        tries.give_back()
        return True
    form.add_error(name, _("This is not your password. Check it and try again."))
    return False


# ── What they wanted, and what the page says before anyone has signed in ────────────────────────────────────────────


def safe_way_on(request: HttpRequest) -> str:
    """The page they wanted, if it is one of ours: a path, and no longer than any of them."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe and wanted.startswith("/") and len(wanted) <= LONGEST_WAY_ON else ""


def _before_anyone_signed_in() -> dict[str, object]:
    """The partnership in the header, where there is only one, and the people of a demonstration."""
    people = demo_people()
    page: dict[str, object] = {"demo_people": people, "is_demo": bool(people)}
    if people:
        page["demo_password"] = settings.ACCORD_DEMO_PASSWORD
    names = list(Partnership.objects.values_list("name", flat=True)[:2])
    if len(names) == 1 and not settings.ACCORD_PARTNERSHIP:
        page["partnership_name"] = names[0]
    return page


def demo_people() -> list[tuple[str, str, str, str]]:
    """Name, address, role and agency of whom one may sign in as, one for each role; nobody where there is no demonstration."""
    if not Partnership.objects.filter(is_demo=True).exists():
        return []
    return [(shown.name, shown.email, shown.role, shown.agency) for shown in import_string(settings.ACCORD_DEMO_PEOPLE)]
