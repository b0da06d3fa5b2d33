"""Where allauth asks us: who may join, what is mailed, how secrets are kept."""

import base64
import functools
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.core import context
from allauth.core.internal.httpkit import get_client_ip
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib.auth import authenticate
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from requests import Session

from accounts import limits, organisation, organisation_tokens, second_factor
from accounts.models import Partnership, User


class AccountAdapter(DefaultAccountAdapter):
    """Signing in. Nobody joins but by invitation; what allauth would mail or say of itself, we mail from rows and say in our own words."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_safe_url(self, url: str | None) -> bool:
        """Whatever stands there: some of it cannot even be read as an address (http://[), and is then no way on."""
        try:
            return bool(super().is_safe_url(url))
        except ValueError:
            return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Who this is. Somebody who has left is answered as nobody at all. The tries are counted by who asks (accounts.limits)."""
        person = authenticate(request, username=credentials.get("email", ""), password=credentials.get("password", ""))
        AuthenticationBackend.unstash_authenticated_user()
        return person if isinstance(person, User) else None

    def login(self, request: HttpRequest, user: User) -> None:  # type: ignore[override]
        """Every sign-in, by whichever way: keeps what the header says, and clears away sessions that have run out."""
        super().login(request, user)
        request.session["partnership_name"], request.session["is_demo"] = own_partnership(user)
        if second_factor.is_exempt(request) and second_factor.passed_at(request) is None:
            request.session[second_factor.SPARED] = True  # every page says so
        type(request.session).clear_expired()  # what somebody looked for and left behind goes with their session
        limits.forget_old(timezone.now())

    def get_login_stages(self) -> list[str]:
        return ["allauth.mfa.stages.AuthenticateStage"]

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:  # type: ignore[override]
        return redirect("sign-in")

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Our pages ask first (second_factor.fresh_second_factor); allauth asks again before it changes anything."""
        request = context.request
        return not second_factor.is_fresh(request) and second_factor.has_one(request.user)

    def get_reauthentication_methods(self, user: Any) -> list[dict]:
        return [{"id": "mfa_reauthenticate", "description": _("Confirm that it is you"), "url": reverse("mfa_reauthenticate")}]

    def get_client_ip(self, request: HttpRequest) -> str:
        """Behind a socket of the same machine there is no address; then all are counted as one network."""
        return get_client_ip(request) or "local"

    def add_message(self, request: HttpRequest, level: int, message_template: str | None = None, *args: Any, **kwargs: Any) -> None:
        if not (message_template or "").startswith(("account/", "mfa/")):
            super().add_message(request, level, message_template, *args, **kwargs)

    def send_mail(self, template_prefix: str, email: str, context: dict) -> None:
        """Mails about accounts are rows (accounts.letters)."""

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """As send_mail."""


def own_partnership(person: User) -> tuple[str, bool]:
    """What the header says: the partnership's name (empty for somebody who works in several), and whether it is a demonstration."""
    served = Partnership.objects.filter(appointments__person=person)
    worked_in = Partnership.objects.filter(agencies__teams__posts__holder=person)
    own = list(Partnership.objects.filter(Q(pk__in=served.values("pk")) | Q(pk__in=worked_in.values("pk"))))
    return own[0].name if len(own) == 1 else "", any(partnership.is_demo for partnership in own)


class OrganisationAdapter(DefaultSocialAccountAdapter):
    """Signing in with one's own organisation. Who is let in, accounts/organisation.py decides; nobody signs up by it."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:
        """Not as allauth would: an address counts only where the organisation may speak for it."""
        return False

    def list_apps(self, request: HttpRequest, provider: str | None = None, client_id: str | None = None) -> list[SocialApp]:
        """Those of the settings alone: who may write rows shall not be able to add an organisation."""
        found = [known.app for known in organisation.all_of(request)]
        return [app for app in found if provider in (None, app.provider, app.provider_id) and client_id in (None, app.client_id)]

    def get_requests_session(self) -> Session:
        return organisation_tokens.Asking()


class SecondFactorAdapter(DefaultMFAAdapter):
    """The second factor. Its secrets are kept encrypted, under a key that is not in the database (ACCORD_SECRETS_KEY)."""

    def encrypt(self, text: str) -> str:
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _box().decrypt(encrypted_text.encode()).decode()

    def get_totp_issuer(self) -> str:
        return "Accord"

    def _get_site_name(self) -> str:
        return "Accord"

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Mails about accounts are rows (accounts.letters)."""


def _box() -> MultiFernet:
    """The first key shuts; each of them opens, so that a key can be changed."""
    return MultiFernet([_fernet(key) for key in settings.ACCORD_SECRETS_KEY])


@functools.cache
def _fernet(key: str) -> Fernet:
    derived = HKDF(hashes.SHA256(), length=32, salt=None, info=b"accord: secrets of second factors").derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
