"""What a second factor is: an app that shows codes, a passkey, recovery codes; how each is added, used and removed.

The rows, passkeys and recovery codes are allauth's. A code of an app is checked here: it counts once (RFC 6238, 5.2), also when the cache
that allauth would remember it in is lost, and a phone whose clock is half a minute off still works.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Any

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa import signals
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from allauth.mfa.webauthn.internal import auth as webauthn
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts import letters, second_factor
from accounts.models import Letter, User

PERIOD = 30  # seconds for which an app shows a code
STEPS_OFF = (0, -1, 1)
UNBELIEVED = (ValidationError, ValueError, TypeError, KeyError, AttributeError, IndexError)  # of what a browser sends as a passkey
SECRET = "second_factor.secret"  # noqa: S105 - where the session keeps an app's secret, encrypted, until its first code
Type = Authenticator.Type


def of(person: User) -> list[Authenticator]:
    """What this person has, oldest first; recovery codes apart."""
    return list(Authenticator.objects.filter(user=person).exclude(type=Type.RECOVERY_CODES).order_by("created_at"))


# ── Using one ───────────────────────────────────────────────────────────────────────────────────────────────────────


def by_code(person: User, code: str) -> Authenticator | None:
    """Whose code this is, an app's or a recovery code; it is used up. Needs a transaction."""
    digits = re.sub(r"[\s–-]", "", code)
    for authenticator in Authenticator.objects.select_for_update().filter(user=person).exclude(type=Type.WEBAUTHN).order_by("-type"):
        right = _app_shows(authenticator, digits) if authenticator.type == Type.TOTP else authenticator.wrap().validate_code(digits)
        if right:
            authenticator.user = person
            return authenticator
    return None


def _app_shows(authenticator: Authenticator, digits: str) -> bool:
    """Whether the app shows this now, or did or will half a minute away; each code counts once, and none after a later one."""
    step = _step_of(get_adapter().decrypt(authenticator.data["secret"]), digits)
    if step is None or step <= authenticator.data.get("used_step", 0):
        return False
    authenticator.data["used_step"] = step
    authenticator.save(update_fields=["data"])
    return True


def _step_of(secret: str, digits: str) -> int | None:
    now = int(time.time()) // PERIOD
    shown = {now + off: format_hotp_value(hotp_value(secret, now + off)) for off in STEPS_OFF}
    return next((step for step, code in shown.items() if compare_user_code(actual=digits, expected=code)), None)


def passkey_asked(person: User) -> dict[str, Any]:
    """What the browser is to ask a passkey of this person for; empty where they have none."""
    if not Authenticator.objects.filter(user=person, type=Type.WEBAUTHN).exists():
        return {}
    return dict(webauthn.begin_authentication(person))


def by_passkey(person: User, credential: dict[str, Any]) -> Authenticator | None:
    """Whose answer this is, to the question asked last in this session."""
    try:
        webauthn.parse_authentication_response(credential)
        authenticator = webauthn.complete_authentication(person, credential)
    except UNBELIEVED:
        return None
    authenticator.user = person
    return authenticator


def note_used(request: HttpRequest, authenticator: Authenticator, *, again: bool = False) -> None:
    """The session keeps when: that is what `second_factor.passed_at` reads."""
    post_authentication(request, authenticator, reauthenticated=again)
    request.session.pop(second_factor.SPARED, None)


def note_refused(request: HttpRequest, person: User, *, again: bool = False) -> None:
    """Says to whoever listens (the trail does) that a code or passkey was wrong."""
    foremost = next(iter(of(person)), None)
    signals.authentication_failed.send(sender=Authenticator, request=request, user=person, authenticator=foremost, reauthentication=again)


# ── Adding one ──────────────────────────────────────────────────────────────────────────────────────────────────────


def new_secret(request: HttpRequest) -> str:
    """The secret of the app that is being set up: the same until its first code comes back."""
    if kept := request.session.get(SECRET):
        return get_adapter().decrypt(kept)
    secret = generate_totp_secret()
    request.session[SECRET] = get_adapter().encrypt(secret)
    return secret


def add_app(request: HttpRequest, person: User, code: str) -> bool:
    """Adds the app, if this is what it shows. A person has one app; a newer one takes the place of the older."""
    secret = new_secret(request)
    step = _step_of(secret, re.sub(r"\s", "", code))
    if step is None:
        return False
    Authenticator.objects.filter(user=person, type=Type.TOTP).delete()
    added = TOTP.activate(person, secret).instance
    added.data["used_step"] = step
    added.save(update_fields=["data"])
    del request.session[SECRET]
    _added(request, person, added)
    return True


def qr_path(address: str) -> tuple[int, str]:
    """A QR code for an inline drawing: how many squares it is wide, and the path of the dark ones."""
    import qrcode  # type: ignore[import-untyped]

    code = qrcode.QRCode(border=4)
    code.add_data(address)
    code.make(fit=True)
    matrix = code.get_matrix()
    drawn = [f"M{x} {y}h1v1h-1z" for y, row in enumerate(matrix) for x, dark in enumerate(row) if dark]
    return len(matrix), "".join(drawn)


def passkey_wanted(person: User) -> dict[str, Any]:
    """What the browser is to ask a new passkey for."""
    return dict(webauthn.begin_registration(person, passwordless=False))


def add_passkey(request: HttpRequest, person: User, name: str, credential: dict[str, Any]) -> bool:
    """Adds the passkey, if its answer is to the question asked last in this session."""
    try:
        webauthn.parse_registration_response(credential)
        webauthn.complete_registration(credential)
    except UNBELIEVED:
        return False
    called = name or _("Passkey %(number)d") % {"number": Authenticator.objects.filter(user=person, type=Type.WEBAUTHN).count() + 1}
    _added(request, person, webauthn.WebAuthn.add(person, called, credential).instance)
    return True


def _added(request: HttpRequest, person: User, added: Authenticator) -> None:
    """It was in their hand just now, so it counts as given; with the first come recovery codes."""
    signals.authenticator_added.send(sender=Authenticator, request=request, user=person, authenticator=added)
    added.user = person
    note_used(request, added, again=True)
    letters.owe(Letter.Kind.SECOND_FACTOR_CHANGED, person)


# ── Removing, and recovery codes ────────────────────────────────────────────────────────────────────────────────────


def remove(request: HttpRequest, person: User, authenticator: Authenticator) -> bool:
    """Removes it, unless it is the last: nobody goes without."""
    list(Authenticator.objects.select_for_update().filter(user=person))  # two removals at once would leave none
    if not [other for other in of(person) if other.pk != authenticator.pk]:
        return False
    signals.authenticator_removed.send(sender=Authenticator, request=request, user=person, authenticator=authenticator)
    Authenticator.objects.filter(pk=authenticator.pk, user=person).delete()
    letters.owe(Letter.Kind.SECOND_FACTOR_CHANGED, person)
    return True


def recovery_codes_of(person: User) -> RecoveryCodes | None:
    kept = Authenticator.objects.filter(user=person, type=Type.RECOVERY_CODES).first()
    return RecoveryCodes(kept) if kept else None


def new_recovery_codes(request: HttpRequest, person: User) -> RecoveryCodes:
    """Ten codes, each for once. Those of before are worth nothing from now on."""
    had_some, _rows = Authenticator.objects.filter(user=person, type=Type.RECOVERY_CODES).delete()
    made = RecoveryCodes.activate(person)
    signals.authenticator_reset.send(sender=Authenticator, request=request, user=person, authenticator=made.instance)
    if had_some:
        letters.owe(Letter.Kind.SECOND_FACTOR_CHANGED, person)
    return made


def in_groups(text: str, size: int = 4) -> str:
    """Easier to read and to type."""
    return " ".join(text[i : i + size] for i in range(0, len(text), size))


def name_of(authenticator: Authenticator) -> str:
    return _("App that shows codes") if authenticator.type == Type.TOTP else str(authenticator.data.get("name", ""))


def names_of(several: Iterable[Authenticator]) -> list[tuple[Authenticator, str]]:
    return [(one, name_of(one)) for one in several]
