"""An app that shows codes, in the hand of a person of a test."""

from __future__ import annotations

import time
from dataclasses import dataclass

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, generate_totp_secret, hotp_value

from accounts.models import User


@dataclass
class App:
    """Shows the code of now, or of so many steps of thirty seconds later."""

    secret: str

    def code(self, steps: int = 0) -> str:
        return format_hotp_value(hotp_value(self.secret, int(time.time()) // 30 + steps))

    def wrong(self) -> str:
        right = {self.code(steps) for steps in range(-2, 4)}
        return next(code for code in ("000000", "111111", "222222", "333333", "444444", "555555", "666666", "777777") if code not in right)


def app_of(person: User) -> App:
    """This person has set up an app; outside a request, so nobody is told."""
    secret = generate_totp_secret()
    Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data={"secret": get_adapter().encrypt(secret)})
    return App(secret)


def recovery_codes_of(person: User) -> list[str]:
    return RecoveryCodes.activate(person).get_unused_codes()
