"""What an organisation says about somebody who signs in with it, and when that is believed (OpenID Connect Core 1.0, 3.1.3.7).

allauth keeps the state and PKCE of the way there and fetches the token; it takes an ID token from the token endpoint without looking at
its signature, and sends no nonce. Here the signature, issuer, audience, nonce and time are looked at always.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

import jwt
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from requests import RequestException, Session

SECONDS_TO_ANSWER = 5
LEEWAY = 60  # seconds by which two clocks may differ
LONGEST_SESSION = 12 * 60 * 60  # a sign-in there that is older than a session here may last is done again
FRESH = 300
ALGORITHMS = {"RS256": "RSA", "RS384": "RSA", "RS512": "RSA", "PS256": "RSA", "PS384": "RSA", "PS512": "RSA", "ES256": "EC", "ES384": "EC"}
"""Signatures that are believed, and the kind of key each needs: only those which a secret shared with us cannot make."""
KNOWN_FOR = 300  # seconds for which an organisation's addresses are remembered: beginning costs it one request, not each time
WHAT_GOES_WRONG_OUTSIDE = (OAuth2Error, RequestException, jwt.PyJWTError, ValueError, KeyError, TypeError)

_addresses: dict[str, tuple[float, dict[str, Any]]] = {}


class NotBelieved(Exception):
    """The answer of an organisation is not good enough to let somebody in. Carries a short code for the log, nothing of the answer."""


@dataclass(frozen=True)
class Claims:
    """What an organisation vouches for."""

    subject: str  # who it is, there; never given to somebody else
    email: str  # in small letters; empty unless its domain is one that this organisation may speak for
    signed_in_at: int | None  # epoch seconds of when they last showed there who they are (auth_time); None: it does not say


class Asking(Session):
    """Requests to an organisation: soon answered or not at all, and by nobody to whom it passes them on."""

    def __init__(self) -> None:
        super().__init__()
        self.max_redirects = 0

    def request(self, *args: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("timeout", SECONDS_TO_ANSWER)
        return super().request(*args, **kwargs)


class Endpoints(OpenIDConnectOAuth2Adapter):
    """The addresses of one organisation."""

    def __init__(self, request: HttpRequest, organisation: Organisation) -> None:
        self.organisation = organisation
        super().__init__(request, organisation.sub_id)

    def get_provider(self) -> Organisation:
        return self.organisation

    @property
    def openid_config(self) -> dict[str, Any]:
        return self.organisation.addresses()

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """Always that of the settings, whatever host the request names."""
        return settings.SITE_URL + reverse("openid_connect_callback", kwargs={"provider_id": self.provider_id})


class Organisation(OpenIDConnectProvider):
    """One organisation of ACCORD_ORGANISATIONS whose account people may sign in with."""

    def get_oauth2_adapter(self, request: HttpRequest) -> Endpoints:
        return Endpoints(request, self)

    def addresses(self) -> dict[str, Any]:
        """Its published configuration. Its issuer must be whom we were told of. Raises NotBelieved."""
        server = self.app.settings["server_url"]
        at, found = _addresses.get(server, (0.0, {}))
        if time.monotonic() - at > KNOWN_FOR or not found:
            try:
                found = _json(Asking().get(f"{server}/.well-known/openid-configuration"))
                if str(found["issuer"]).rstrip("/") != server:
                    raise NotBelieved("another issuer")
            except WHAT_GOES_WRONG_OUTSIDE as fault:
                raise NotBelieved("does not answer") from fault
            _addresses[server] = (time.monotonic(), found)
        return found

    def way_there(self, request: HttpRequest, way_on: str, *, fresh: bool, **remembered: Any) -> str:
        """The address at which they sign in. `fresh`: they shall show there who they are, whenever they last did.

        What is `remembered` comes back from `claims`, once, in the same session and within ten minutes. Raises NotBelieved.
        """
        nonce = secrets.token_urlsafe(32)
        wishes = {"nonce": nonce, "max_age": FRESH if fresh else LONGEST_SESSION}  # either makes it say when
        if fresh:
            wishes["prompt"] = "login"
        if wanted := self.app.settings["acr"]:
            wishes["acr_values"] = " ".join(wanted)
        data = {"fresh": fresh, "begun_at": time.time(), **remembered}
        try:
            answer = self.redirect(
                request,
                AuthProcess.LOGIN,
                next_url=way_on,
                data=data,
                auth_params=wishes,
                scope=["openid", "email", "profile"],
                nonce=nonce,
            )
        except WHAT_GOES_WRONG_OUTSIDE as fault:
            raise NotBelieved("no way there") from fault
        return str(answer["Location"])

    def claims(self, request: HttpRequest, code: str, state: dict[str, Any]) -> Claims:
        """What it says about who comes back with this code. Raises NotBelieved."""
        endpoints = self.get_oauth2_adapter(request)
        try:
            client = endpoints.get_client(request, self.app)
            answer = client.get_access_token(code, pkce_code_verifier=state["pkce_code_verifier"])
            said = self._verified(str(answer["id_token"]), state["nonce"])
            if "email" not in said and (address := self.addresses().get("userinfo_endpoint")):
                said = {**self._asked_again(address, answer["access_token"], said["sub"]), **said}
        except WHAT_GOES_WRONG_OUTSIDE as fault:
            raise NotBelieved("no good answer") from fault
        self._holds_what_is_wanted(said)
        return Claims(said["sub"], self._email(said), _moment(said))

    def _verified(self, token: str, nonce: str) -> dict[str, Any]:
        """The ID token's claims, after every look that Core 3.1.3.7 asks for."""
        header = jwt.get_unverified_header(token)
        algorithm = header["alg"]
        if algorithm not in ALGORITHMS:
            raise NotBelieved("signature")
        keys = [
            key
            for key in _json(Asking().get(self.addresses()["jwks_uri"]))["keys"]
            if key.get("kty") == ALGORITHMS[algorithm] and key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm
        ]
        if "kid" in header:
            keys = [key for key in keys if key.get("kid") == header["kid"]]
        if len(keys) != 1:
            raise NotBelieved("signature")
        said: dict[str, Any] = jwt.decode(
            token,
            key=jwt.PyJWK(keys[0], algorithm),
            algorithms=[algorithm],
            audience=self.app.client_id,
            issuer=self.addresses()["issuer"],
            leeway=LEEWAY,
            options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]},
        )
        several = isinstance(said["aud"], list) and len(said["aud"]) > 1
        if (several or "azp" in said) and said.get("azp") != self.app.client_id:
            raise NotBelieved("audience")
        if not constant_time_compare(str(said["nonce"]), nonce):
            raise NotBelieved("nonce")
        if not said["sub"] or len(said["sub"]) > 191:  # as long as allauth's column
            raise NotBelieved("subject")
        return said

    def _asked_again(self, address: str, access_token: str, subject: str) -> dict[str, Any]:
        """What it says when asked with the access token: many put the address only there."""
        said = _json(Asking().get(address, headers={"Authorization": f"Bearer {access_token}"}))
        if said["sub"] != subject:
            raise NotBelieved("subject")
        return {name: said[name] for name in ("email", "email_verified") if name in said}

    def _holds_what_is_wanted(self, said: dict[str, Any]) -> None:
        """The tenant and the strength of the sign-in there, where the settings name them."""
        wanted = self.app.settings
        if wanted["tenant"] and said.get("tid") != wanted["tenant"]:
            raise NotBelieved("tenant")
        if wanted["acr"] and said.get("acr") not in wanted["acr"]:
            raise NotBelieved("acr")
        how = said.get("amr")
        if wanted["amr"] and not (isinstance(how, list) and set(wanted["amr"]) & {method for method in how if isinstance(method, str)}):
            raise NotBelieved("amr")

    def _email(self, said: dict[str, Any]) -> str:
        """Their address, if this organisation may speak for its domain. Anybody can have any other address written beside their name."""
        email = said.get("email")
        if not isinstance(email, str) or not email.isascii() or said.get("email_verified", True) not in (True, "true"):
            return ""
        email = email.strip().lower()
        return email if self.speaks_for(email) else ""

    def speaks_for(self, email: str) -> bool:
        name, _at, domain = email.rpartition("@")
        return bool(name) and domain in self.app.settings["domains"]


def _moment(said: dict[str, Any]) -> int | None:
    moment = said.get("auth_time")
    if moment is None:
        return None
    now = time.time()
    if not isinstance(moment, int | float) or isinstance(moment, bool) or moment > now + LEEWAY:
        raise NotBelieved("auth_time")
    return int(min(moment, now))


def _json(answer: Any) -> dict[str, Any]:
    answer.raise_for_status()
    found = answer.json()
    if not isinstance(found, dict):
        raise TypeError
    return found
