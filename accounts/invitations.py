"""Invitations: how somebody without an account comes to have one. Made by a person, mailed by a worker, taken up once (promise 12).

The link's key and the code are made from the row's id and the service's secret. The database keeps neither: of the key its SHA-256,
of the code a keyed hash. The key goes by mail, the code by another channel; one without the other opens nothing.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models.functions import Greatest, Now
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import letters
from accounts.acting import invited_by_key
from accounts.directory import kept_by
from accounts.models import Agency, Invitation, Letter, Partnership, Post, User

LASTS = dt.timedelta(hours=72)
CODE_IS_SHOWN_FOR = dt.timedelta(minutes=10)
WRONG_CODES = 5  # then nobody comes in by it any more
MOST_A_DAY = 50  # of one inviter
KEY = re.compile(r"[A-Za-z0-9_-]{43}")
LAST_SECONDS = dt.timedelta(seconds=10)  # too late to begin: the database would find it expired before the end

_FOR_KEYS, _FOR_CODES, _FOR_KEPT_CODES = "accounts.invitation.key", "accounts.invitation.code", "accounts.invitation.code-kept"


class CannotInvite(Exception):
    """Not this person, or not now. Carries a sentence for whoever invites."""


class State(models.TextChoices):
    """How an invitation stands, for whoever made it."""

    OPEN = "open", gettext_lazy("Not joined yet")
    JOINED = "joined", gettext_lazy("Joined")
    EXPIRED = "expired", gettext_lazy("Ran out")
    SHUT = "shut", gettext_lazy("Closed: the code was wrong five times")
    WITHDRAWN = "withdrawn", gettext_lazy("Withdrawn")


# ── inviting ────────────────────────────────────────────────────────────────────────────────────────────────────────


def invite(
    by: User,
    email: str,
    name: str,
    *,
    agency: Agency | None,
    post: Post | None = None,
    partnership: Partnership | None = None,
    now: dt.datetime,
) -> tuple[Invitation | None, str]:
    """Invite this address to join, and say the code to tell them by another channel. Needs `by` to be acting.

    A person who has joined before gets no invitation but a letter that they were asked: (None, ""). `agency` keeps the account of
    somebody new (None: the office of `partnership`), `post` is the vacant post they will hold. Raises CannotInvite.
    """
    with transaction.atomic():
        person = find_or_make(email, name, agency, partnership)
        if person.is_active:
            letters.owe(Letter.Kind.SEAT, person)
            return None, ""
        _check(by, person, now)
        for earlier in Invitation.objects.filter(person=person, taken_up_at=None, revoked_at=None):
            withdraw(earlier, now)
        invitation = Invitation(person=person, invited_by=by, partnership=partnership, post=post, expires_at=now + LASTS)
        invitation.key_hash, code = hash_of(key_of(invitation)), code_of(invitation)
        invitation.code_hash = _kept_code(invitation, code)
        invitation.save(force_insert=True)
        letters.owe(Letter.Kind.INVITATION, person, invitation)
        return invitation, code


def invite_again(invitation: Invitation, by: User, now: dt.datetime) -> tuple[Invitation | None, str]:
    """The same person once more, with a new link and a new code; the earlier ones are worth nothing from now on."""
    person, post = invitation.person, invitation.post
    if post and not (post.holder_id is None and (post.level == 0 or kept_by(by).filter(pk=post.team.agency_id).exists())):
        post = None  # somebody holds it meanwhile, or it is for who keeps the directory to give
    return invite(by, person.email, person.name, agency=person.kept_by, post=post, partnership=invitation.partnership, now=now)


def find_or_make(email: str, name: str, agency: Agency | None, partnership: Partnership | None = None) -> User:
    """Whoever has this address; somebody new cannot sign in, and sees nothing, until they join. The agency keeps their account, or else
    the office of the partnership."""
    address = normal(email)
    if known := User.objects.filter(email=address).first():
        return known
    try:
        with transaction.atomic():
            kept_for = None if agency else partnership
            return User.objects.create_user(address, name=name, is_active=False, kept_by=agency, kept_for=kept_for)
    except IntegrityError:  # somebody else invited them in this moment
        return User.objects.get(email=address)


def normal(email: str) -> str:
    """As addresses are kept: one person has one account however the address is written."""
    return User.objects.normalize_email(email.strip()).lower()


def withdraw(invitation: Invitation, now: dt.datetime) -> None:
    """Nobody comes in by it any more. One that was taken up stays as it is."""
    if invitation.taken_up_at is None and invitation.revoked_at is None:
        invitation.revoked_at = now
        invitation.save(update_fields=["revoked_at"])


def _check(by: User, person: User, now: dt.datetime) -> None:
    if person.left_on is not None or person.last_login is not None or person.has_usable_password():  # who left, or was stopped
        raise CannotInvite(_("This person cannot be invited. Ask the administrator of their agency."))
    if Invitation.objects.filter(invited_by=by, made_at__gt=now - dt.timedelta(days=1)).count() >= MOST_A_DAY:
        raise CannotInvite(_("You have invited many people today. Invite this person tomorrow, or ask your administrator to."))


# ── the key and the code ────────────────────────────────────────────────────────────────────────────────────────────


def key_of(invitation: Invitation) -> str:
    """What stands in the link: 256 bits, made anew whenever it is needed. Needs nothing but the row; reads no database."""
    return _key(invitation, _secret_of(invitation))


def code_of(invitation: Invitation) -> str:
    """The six digits that whoever invited tells by another channel. Shown to them alone: see `shows_code`."""
    made = salted_hmac(_FOR_CODES, str(invitation.pk), secret=_secret_of(invitation), algorithm="sha256")
    return f"{int.from_bytes(made.digest(), 'big') % 1_000_000:06d}"


def shows_code(invitation: Invitation, now: dt.datetime) -> bool:
    """Whether the page may still show the code: only while it is new, whatever becomes of the browser afterwards."""
    return state_of(invitation, now) == State.OPEN and now < invitation.made_at + CODE_IS_SHOWN_FOR


def link(invitation: Invitation) -> str:
    """The whole address, for the mail."""
    return settings.SITE_URL + reverse("invitation", args=[key_of(invitation)])


def hash_of(key: str) -> str:
    """What the database keeps of a key, and knows its bearer by."""
    return hashlib.sha256(key.encode()).hexdigest()


def _key(invitation: Invitation, secret: str) -> str:
    digest = salted_hmac(_FOR_KEYS, str(invitation.pk), secret=secret, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _kept_code(invitation: Invitation, code: str) -> str:
    """Keyed, for six digits hashed alone are found by trying all of them."""
    secret = _secret_of(invitation)
    return salted_hmac(_FOR_KEPT_CODES, f"{invitation.pk}:{code}", secret=secret, algorithm="sha256").hexdigest()


def _secret_of(invitation: Invitation) -> str:
    """The service's secret when it was made: the present one, or one before it was changed."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return next((secret for secret in secrets if hash_of(_key(invitation, secret)) == invitation.key_hash), secrets[0])


# ── joining ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def open_invitation(key: str, now: dt.datetime | None = None) -> Invitation | None:
    """The invitation of this key, if one can still join by it. Changes nothing. None for whatever else: all is answered alike."""
    return open_by_hash(hash_of(key), now) if KEY.fullmatch(key) else None


def open_by_hash(key_hash: str, now: dt.datetime | None = None) -> Invitation | None:
    """As `open_invitation`, for who keeps the hash and not the key, as a session does."""
    with invited_by_key(key_hash):
        return _open(key_hash, now).first()


def is_right_code(key_hash: str, code: str, now: dt.datetime) -> bool:
    """Whether this is the code. A wrong one is counted, one after the other; after five the invitation is closed."""
    with invited_by_key(key_hash):
        invitation = _open(key_hash, now).select_for_update(of=("self",)).first()
        if invitation is None:
            return False
        if constant_time_compare(_kept_code(invitation, code), invitation.code_hash):
            return True
        invitation.wrong_codes += 1
        if invitation.wrong_codes >= WRONG_CODES:
            invitation.revoked_at = now
        invitation.save(update_fields=["wrong_codes", "revoked_at"])
        return False


def take_up(key_hash: str, *, now: dt.datetime, name: str = "", password: str | None = None) -> User | None:
    """Activates the account, once: the name corrected, a password set, the vacant post filled. None when it is too late.

    Asks no code: whoever calls has checked it (`is_right_code`), or knows by their organisation's word that the address is theirs.
    Without a password they sign in with their organisation.
    """
    with invited_by_key(key_hash):
        invitation = _open(key_hash, now).select_for_update(of=("self",)).first()
        if invitation is None:
            return None
        person = invitation.person
        person.is_active = True
        person.name = name or person.name
        person.set_password(password)
        person.save(update_fields=["is_active", "name", "password"])
        _fill(invitation)
        invitation.taken_up_at = now
        invitation.save(update_fields=["taken_up_at"])
    person.refresh_from_db()  # the database has counted that their rights changed
    return person


def _open(key_hash: str, now: dt.datetime | None) -> models.QuerySet[Invitation]:
    moment = Greatest(models.Value(now, models.DateTimeField()), Now()) if now else Now()
    related = ("person", "person__kept_by", "invited_by", "partnership", "post")
    return Invitation.objects.select_related(*related).filter(
        key_hash=key_hash,
        taken_up_at=None,
        revoked_at=None,
        expires_at__gt=moment + models.Value(LAST_SECONDS),
        person__is_active=False,
        person__left_on=None,
        person__last_login=None,
    )


def _fill(invitation: Invitation) -> None:
    """They hold the post from now on, if nobody does. Where the database does not let them (others sit at that post already), their
    agency's administrator decides."""
    if invitation.post is None:
        return
    if post := Post.objects.select_for_update(of=("self",)).filter(pk=invitation.post.pk, holder=None, ended_on=None).first():
        post.holder = invitation.person
        post.save(update_fields=["holder"])


# ── what became of it ───────────────────────────────────────────────────────────────────────────────────────────────


def state_of(invitation: Invitation, now: dt.datetime) -> State:
    if invitation.taken_up_at or invitation.person.is_active:
        return State.JOINED
    if invitation.wrong_codes >= WRONG_CODES:
        return State.SHUT
    if invitation.revoked_at:
        return State.WITHDRAWN
    return State.OPEN if invitation.expires_at > now else State.EXPIRED


def made_by(person: User) -> models.QuerySet[Invitation]:
    """The latest invitation of each person whom this one invited, newest first."""
    latest = Invitation.objects.filter(invited_by=person).order_by("person", "-made_at").distinct("person").values("pk")
    related = ("person", "person__kept_by", "post__team__agency")
    return Invitation.objects.filter(pk__in=latest).select_related(*related).order_by("-made_at", "pk")
