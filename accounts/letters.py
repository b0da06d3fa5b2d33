"""Mails about accounts: owed by a row, sent by a worker. A page takes as long whether or not there is such a person, and a mail server
that is away loses nothing.

As with the notices of a disagreement, a row is leased, asked again whether it is still owed, mailed, and then marked; whoever dies in
between leaves a lease that runs out, and the same mail goes again under the same Message-ID.
"""

from __future__ import annotations

import datetime as dt
import logging
import smtplib
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMessage
from django.db import connection
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.module_loading import import_string

from accounts import mailing
from accounts.models import Invitation, Letter, Partnership, User

log = logging.getLogger("accord.tasks")

RETRY_AFTER = [dt.timedelta(minutes=m) for m in (1, 5, 15, 60)] + [dt.timedelta(hours=6)] * 8
LEASE = dt.timedelta(minutes=5)
LINK_ASKED_FOR = dt.timedelta(hours=6)  # nobody waits for a link that they asked for longer ago
ADDRESS_IS_NEW = dt.timedelta(hours=72)  # so long the person has to say, by another way, that they did not ask for it
Kind = Letter.Kind


def owe(kind: Letter.Kind | str, person: User, invitation: Invitation | None = None, *, address: str = "") -> None:
    """One mail of this kind to this person, sent within seconds of the commit: to their address, or to this one that they had before.
    Nothing is read back: the web may not see what is owed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_letter (id, kind, person_id, invitation_id, address, attempts) VALUES (%s, %s, %s, %s, %s, 0)",
            [uuid.uuid4(), Kind(kind).value, person.pk, invitation.pk if invitation else None, address],
        )


def address_is_new(person: User, now: dt.datetime | None = None) -> bool:
    """Whether somebody changed their address within three days: whoever reads its mail may not be they, and is given nothing."""
    changed_at = person.address_changed_at
    return changed_at is not None and changed_at > (now or timezone.now()) - ADDRESS_IS_NEW


# ── Sending ─────────────────────────────────────────────────────────────────────────────────────────────────────────


_CLAIM = """
    UPDATE accounts_letter SET leased_until = %(until)s, attempts = attempts + 1
    WHERE id = (
        SELECT id FROM accounts_letter
        WHERE sent_at IS NULL AND dropped_at IS NULL AND (leased_until IS NULL OR leased_until < %(now)s)
        ORDER BY made_at, id FOR UPDATE SKIP LOCKED LIMIT 1)
    RETURNING id
"""


def claim_next(now: dt.datetime, lease: dt.timedelta = LEASE) -> Letter | None:
    """Leases the oldest owed letter to the caller, or None. Side by side callers never get the same one."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"now": now, "until": now + lease})
        row = cursor.fetchone()
    related = ("person", "invitation__invited_by", "invitation__partnership")
    return Letter.objects.select_related(*related).get(pk=row[0]) if row else None


def send_owed(batch: int = 100) -> int:
    """Sends so many at most; returns how many went. A mail server that is away ends it until the next round."""
    sent = 0
    while sent < batch and (letter := claim_next(timezone.now())) is not None:
        try:
            sent += send_one(letter, timezone.now())
        except mailing.MailServerAway:
            log.warning("the mail server is away: what is owed waits for it")
            break
    return sent


def send_one(letter: Letter, now: dt.datetime) -> bool:
    """Sends a claimed letter if it is still owed."""
    if not is_still_owed(letter, now):
        Letter.objects.filter(pk=letter.pk).update(dropped_at=now)
        return False
    try:
        mailing.hand_over(mail_of(letter, now))
    except mailing.MailServerAway:
        Letter.objects.filter(pk=letter.pk).update(attempts=letter.attempts - 1, leased_until=None)
        raise
    except (smtplib.SMTPException, OSError) as error:
        _try_again_later(letter, now, error)
        return False
    except Exception as bug:  # seen and raised, but this one then waits too: it must not stand before all others for ever
        _try_again_later(letter, now, bug)
        raise
    Letter.objects.filter(pk=letter.pk).update(sent_at=timezone.now())
    return True


def is_still_owed(letter: Letter, now: dt.datetime) -> bool:
    """Who has left is told nothing; an invitation counts while it is open, a link for a new password while somebody waits for it."""
    person, invitation = letter.person, letter.invitation
    if letter.kind == Kind.INVITATION:
        is_open = invitation is not None and invitation.taken_up_at is None and invitation.revoked_at is None
        return bool(is_open and invitation and invitation.expires_at > now and not person.is_active and person.left_on is None)
    if letter.kind == Kind.RESET:
        return person.is_active and now - letter.made_at <= LINK_ASKED_FOR and not address_is_new(person, now)
    if letter.kind == Kind.ADDRESS_CHANGED:
        return True
    return person.is_active


def _try_again_later(letter: Letter, now: dt.datetime, error: Exception) -> None:
    log.warning("letter %s not sent: %s", letter.pk, type(error).__name__)
    if mailing.is_final(error) or letter.attempts > len(RETRY_AFTER):
        Letter.objects.filter(pk=letter.pk).update(dropped_at=now)
    else:
        Letter.objects.filter(pk=letter.pk).update(leased_until=now + RETRY_AFTER[letter.attempts - 1])


# ── What they say ───────────────────────────────────────────────────────────────────────────────────────────────────


def mail_of(letter: Letter, now: dt.datetime) -> EmailMessage:
    """The mail of one letter: no child, no words of a case; links are made now and stand nowhere but in the mail."""
    context: dict[str, Any] = {
        "person": letter.person,
        "site": settings.SITE_URL,
        "made_at": letter.made_at,
        "invitation": letter.invitation,
        "office_phone": _office_phone(letter),
    }
    if make := LINKS.get(letter.kind):
        context["link"] = settings.SITE_URL + make(letter)
    template = f"emails/letters/{letter.kind}"
    subject, body = render_to_string(f"{template}_subject.txt", context), render_to_string(f"{template}.txt", context)
    return mailing.message(subject, body, letter.address or letter.person.email, letter.pk, now)


def new_password_link(letter: Letter) -> str:
    """A path that works once and for an hour (PASSWORD_RESET_TIMEOUT): the token names the present password and the last sign-in."""
    who = urlsafe_base64_encode(force_bytes(letter.person.pk.hex))
    return reverse("new-password", args=[who, default_token_generator.make_token(letter.person)])


def _invitation_link(letter: Letter) -> str:
    """Made by who knows how (accounts.invitations): path, or whole address."""
    link = str(import_string("accounts.invitations.link")(letter.invitation))
    return link.removeprefix(settings.SITE_URL)


LINKS: dict[str, Callable[[Letter], str]] = {
    Kind.RESET: new_password_link,
    Kind.INVITATION: _invitation_link,
    Kind.SEAT: lambda letter: "/desk/",
    Kind.PASSWORD_CHANGED: lambda letter: reverse("forgotten"),
    Kind.SECOND_FACTOR_CHANGED: lambda letter: reverse("account"),
    Kind.RIGHTS_CHANGED: lambda letter: reverse("sign-in"),
    Kind.ALARM: lambda letter: reverse("trail-alarms"),
}


def _office_phone(letter: Letter) -> str:
    """Of the partnership whose invitation it is, else of the person's only one: whom to ring when a mail is not as it should be."""
    if letter.invitation and letter.invitation.partnership:
        return letter.invitation.partnership.office_phone
    own = Partnership.objects.filter(agencies__teams__posts__holder=letter.person) | Partnership.objects.filter(
        appointments__person=letter.person
    )
    phones = list(own.exclude(office_phone="").values_list("office_phone", flat=True).distinct()[:2])
    return phones[0] if len(phones) == 1 else ""


__all__ = ["Kind", "address_is_new", "claim_next", "is_still_owed", "mail_of", "owe", "send_one", "send_owed"]
