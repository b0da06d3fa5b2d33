"""Signing in with the account of one's organisation: who is let in, who goes on to their invitation, and who is not known here."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.account.stages import LoginStageController
from allauth.mfa.internal.constants import LoginStageKey
from allauth.socialaccount import signals
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.signals import user_login_failed
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts import invitations, letters, limits
from accounts.acting import acting_as
from accounts.models import Letter, User
from accounts.organisation_tokens import LEEWAY, LONGEST_SESSION, Claims, NotBelieved, Organisation

log = logging.getLogger(__name__)

LONGEST_WAY_ON = 1000
ARRIVED = "organisation_arrival"  # in the session: for whom an organisation vouched, who has not joined yet
ARRIVAL_LASTS = 15 * 60


@dataclass(frozen=True)
class Arrival:
    """An organisation vouched for somebody who is invited and has not joined yet."""

    person: str
    provider: str
    uid: str
    auth_time: int | None
    at: float


# ── The way there and back ──────────────────────────────────────────────────────────────────────────────────────────


@login_not_required
@never_cache
@require_POST
def begin(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Goes on to their organisation. Whoever is signed in shall confirm there that it is they; only the page they were on is remembered.

    It is a page of ours that goes on, not a redirect: the pages here may send a form nowhere else (form-action).
    """
    organisation = find(request, provider_id)
    person = request.user if isinstance(request.user, User) else None
    try:
        tries = limits.Tries().take(limits.NETWORK, f"organisation {limits.network_of(request)}")
    except limits.TooMany:
        return _not_confirmed(request, organisation, NotBelieved("too many"), status=HTTPStatus.TOO_MANY_REQUESTS)
    try:
        there = organisation.way_there(
            request, _safe_way_on(request), fresh=person is not None, confirming=str(person.pk) if person else None, tries=tries.rows
        )
    except NotBelieved as reason:
        return _not_confirmed(request, organisation, reason)
    return render(request, "socialaccount/going_on.html", {"organisation": organisation, "there": there})


@login_not_required
@never_cache
@require_GET
def come_back(request: HttpRequest, provider_id: str) -> HttpResponse:
    """They come back: with a code that their organisation changes for its word, or without."""
    organisation = find(request, provider_id)
    state = statekit.unstash_state(request, provider_id=provider_id, state_id=request.GET.get("state", ""))
    if state is None:
        return _not_confirmed(request, organisation, NotBelieved("state"))
    remembered, way_on = state["data"], state.get("next") or ""
    try:
        _check_answer(request, organisation)
        claims = organisation.claims(request, request.GET["code"], state)
        limits.Tries(remembered["tries"]).give_back()
        if not _is_recent(claims, remembered):
            if remembered["fresh"]:
                raise NotBelieved("not fresh")
            return HttpResponseRedirect(organisation.way_there(request, way_on, fresh=True, confirming=None, tries=[]))
    except NotBelieved as reason:
        return _not_confirmed(request, organisation, reason, way_on)
    if remembered["confirming"]:
        return _confirm(request, organisation, claims, state)
    with acting_as(None):
        return _let_in(request, organisation, claims, way_on)


# They ask their organisation, and wait for it; no transaction is open meanwhile. `acting_as` opens it afterwards.
begin.without_transaction = come_back.without_transaction = True  # type: ignore[attr-defined]


def _check_answer(request: HttpRequest, organisation: Organisation) -> None:
    if "error" in request.GET:
        raise NotBelieved("cancelled" if request.GET["error"] == "access_denied" else "refused there")
    if "code" not in request.GET:
        raise NotBelieved("no code")
    if request.GET.get("iss", organisation.addresses()["issuer"]) != organisation.addresses()["issuer"]:  # RFC 9207
        raise NotBelieved("another issuer")


def _is_recent(claims: Claims, remembered: dict[str, Any]) -> bool:
    """Whether they showed there who they are when it was asked for: now, or since a session here could have begun.

    An organisation that never says when is believed at a sign-in; it does not count as a second factor then.
    """
    if remembered["fresh"]:
        return claims.signed_in_at is not None and claims.signed_in_at >= remembered["begun_at"] - LEEWAY
    return claims.signed_in_at is None or claims.signed_in_at >= time.time() - LONGEST_SESSION - LEEWAY


# ── Who they are ────────────────────────────────────────────────────────────────────────────────────────────────────


def _let_in(request: HttpRequest, organisation: Organisation, claims: Claims, way_on: str) -> HttpResponse:
    account = SocialAccount.objects.filter(provider=organisation.sub_id, uid=claims.subject).select_related("user").first()
    person = account.user if account else _by_address(organisation, claims)
    if not isinstance(person, User):
        return _not_known(request, organisation, None, claims, "unknown")
    if not person.is_active:
        return _to_invitation(request, organisation, person, claims, way_on)
    return _sign_in(request, organisation, person, claims.subject, claims.signed_in_at, way_on)


def _by_address(organisation: Organisation, claims: Claims) -> User | None:
    """Whose address this is, if that person never came by this organisation before: an address may be given to a successor. One that
    somebody has just changed links nothing yet; whoever is invited has the invitation in hand."""
    person = User.objects.filter(email=claims.email).first() if claims.email else None
    if person and SocialAccount.objects.filter(user=person, provider=organisation.sub_id).exists():
        log.warning("organisation: another account with the same address", extra={"organisation": organisation.sub_id, "person": person.pk})
        return None
    if person and person.is_active and letters.address_is_new(person):
        log.warning("organisation: an address that was changed just now", extra={"organisation": organisation.sub_id, "person": person.pk})
        return None
    return person


def _to_invitation(request: HttpRequest, organisation: Organisation, person: User, claims: Claims, way_on: str) -> HttpResponse:
    """Whoever is invited, and has the invitation's link, goes on there. Who has left, or has no open invitation, is not known here."""
    invitation = invitations.open_invitation(key) if (key := _key_in(way_on)) else None
    if invitation is None or invitation.person_id != person.pk:
        return _not_known(request, organisation, person, claims, "not active")
    arrival = Arrival(str(person.pk), organisation.sub_id, claims.subject, claims.signed_in_at, time.time())
    request.session[ARRIVED] = asdict(arrival)
    return HttpResponseRedirect(way_on)


def _key_in(way_on: str) -> str:
    try:
        found = resolve(way_on.partition("?")[0])
    except Resolver404:
        return ""
    if found.url_name != "invitation":
        return ""
    return str(next(iter([*found.args, *found.kwargs.values()]), ""))


def arrived(request: HttpRequest, person: User) -> Arrival | None:
    """That an organisation has just vouched for this person, who has not joined yet; else None."""
    kept = request.session.get(ARRIVED)
    if not kept or kept["person"] != str(person.pk) or time.time() - kept["at"] > ARRIVAL_LASTS:
        return None
    return Arrival(**kept)


def finish(request: HttpRequest, person: User, arrival: Arrival, way_on: str) -> HttpResponse:
    """Signs in whoever has just joined, and knows them by their organisation's account from now on."""
    request.session.pop(ARRIVED, None)
    return _sign_in(request, find(request, arrival.provider), person, arrival.uid, arrival.auth_time, way_on)


def _sign_in(
    request: HttpRequest, organisation: Organisation, person: User, subject: str, signed_in_at: int | None, way_on: str
) -> HttpResponse:
    """As allauth signs in. Where the organisation says when they showed who they are, it is the second factor too."""
    if request.user.is_authenticated:
        get_account_adapter(request).logout(request)
    account, is_new = SocialAccount.objects.get_or_create(provider=organisation.sub_id, uid=subject, defaults={"user": person})
    if account.user_id != person.pk:  # linked to somebody else in this very moment
        return _not_confirmed(request, organisation, NotBelieved("another person"), way_on)
    arrival = SocialLogin(user=person, account=account, provider=organisation)
    if is_new:
        if person.last_login is not None:  # who is just joining knows it
            letters.owe(Letter.Kind.SECOND_FACTOR_CHANGED, person)
        signals.social_account_added.send(sender=SocialLogin, request=request, sociallogin=arrival)
    _record(request, person, account, signed_in_at)
    login = Login(user=person, redirect_url=way_on or settings.LOGIN_REDIRECT_URL, signal_kwargs={"sociallogin": arrival})
    if signed_in_at is not None:
        LoginStageController(request, login).set_handled(LoginStageKey.MFA_AUTHENTICATE.value)
    log.info(
        "organisation: signed in", extra={"organisation": organisation.sub_id, "person": person.pk, "says_when": signed_in_at is not None}
    )
    return perform_login(request, login)


# ── Confirming that it is you ───────────────────────────────────────────────────────────────────────────────────────


def _confirm(request: HttpRequest, organisation: Organisation, claims: Claims, state: dict[str, Any]) -> HttpResponse:
    """They came back from showing once more who they are. It must be the same person, here and there."""
    person, way_on = request.user, state.get("next") or ""
    if not isinstance(person, User) or str(person.pk) != state["data"]["confirming"]:
        return _not_confirmed(request, organisation, NotBelieved("session ended"), way_on)
    with acting_as(person):
        account = SocialAccount.objects.filter(provider=organisation.sub_id, uid=claims.subject, user=person).first()
        if account is None:
            return _not_confirmed(request, organisation, NotBelieved("another person"), way_on)
        _record(request, person, account, claims.signed_in_at, reauthenticated=True)
        return HttpResponseRedirect(way_on or settings.LOGIN_REDIRECT_URL)


def linked(request: HttpRequest, person: User) -> list[Organisation]:
    """The organisations by whose account this person is known: there they can confirm that it is they."""
    known = set(SocialAccount.objects.filter(user=person).values_list("provider", flat=True))
    return [organisation for organisation in all_of(request) if organisation.sub_id in known]


def _record(request: HttpRequest, person: User, account: SocialAccount, signed_in_at: int | None, **how: Any) -> None:
    """In the session, as allauth does, with the moment that counts: when they showed there who they are."""
    record_authentication(request, person, "socialaccount", provider=account.provider, uid=account.uid, auth_time=signed_in_at, **how)


# ── Which there are ─────────────────────────────────────────────────────────────────────────────────────────────────


def all_of(request: HttpRequest) -> list[Organisation]:
    """The organisations of the settings, in their order. None is kept in the database."""
    apps = settings.SOCIALACCOUNT_PROVIDERS.get("openid_connect", {}).get("APPS", [])
    return [Organisation(request, app=SocialApp(provider="openid_connect", **app)) for app in apps]


def find(request: HttpRequest, provider_id: str) -> Organisation:
    provider = next((organisation for organisation in all_of(request) if organisation.sub_id == provider_id), None)
    if provider is None:
        raise Http404
    return provider


# ── The two ways in which it ends without them ──────────────────────────────────────────────────────────────────────


def _not_known(request: HttpRequest, organisation: Organisation, person: User | None, claims: Claims, why: str) -> HttpResponse:
    """One page for whoever is unknown, blocked, has left or is not invited: it tells nobody who has an account."""
    log.warning("organisation: not let in", extra={"organisation": organisation.sub_id, "why": why, "person": person.pk if person else ""})
    user_login_failed.send(sender=__name__, credentials={"username": person.email if person else claims.email}, request=request)
    return render(request, "socialaccount/not_known.html", {"organisation": organisation}, status=HTTPStatus.FORBIDDEN)


def _not_confirmed(
    request: HttpRequest, organisation: Organisation, reason: NotBelieved, way_on: str = "", status: int = HTTPStatus.BAD_REQUEST
) -> HttpResponse:
    """One page for whatever went wrong between the organisation and us, with the request's number, which stands in the log."""
    person = request.user.pk if request.user.is_authenticated else ""
    cause = type(reason.__cause__).__name__ if reason.__cause__ else ""
    log.warning(
        "organisation: not confirmed",
        extra={"organisation": organisation.sub_id, "why": str(reason), "cause": cause, "person": person},
    )
    page = {
        "organisation": organisation,
        "number": getattr(request, "number", ""),
        "way_on": way_on or _safe_way_on(request),
        "too_many": status == HTTPStatus.TOO_MANY_REQUESTS,
    }
    return render(request, "socialaccount/not_confirmed.html", page, status=status)


def _safe_way_on(request: HttpRequest) -> str:
    """The page they wanted, if it is one of ours: a path, and no longer than any of them."""
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe and wanted.startswith("/") and len(wanted) <= LONGEST_WAY_ON else ""
