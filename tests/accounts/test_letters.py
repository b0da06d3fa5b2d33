"""Mails about accounts: sent once, from rows, by a worker; what they say, and what they never say."""

from __future__ import annotations

import datetime as dt
import re
import smtplib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts import letters, mailing, tasks
from accounts.models import Invitation, Letter, User
from tests import factories
from tests.factories import World

pytestmark = pytest.mark.django_db
Kind = Letter.Kind
AsClock = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def w() -> World:
    return factories.world()


def row(pk: Any) -> Letter:
    with factories.as_set_up():
        return Letter.objects.select_related("person").get(pk=pk)


def only() -> Letter:
    with factories.as_set_up():
        return Letter.objects.select_related("person").get()


def change(letter: Letter, **fields: Any) -> None:
    with factories.as_set_up():
        Letter.objects.filter(pk=letter.pk).update(**fields)


def invited(w: World, **fields: Any) -> Invitation:
    from accounts import invitations

    with factories.as_set_up():
        new = User.objects.create_user("new@example.org", name="Nia", is_active=False)
        invitation = Invitation(person=new, invited_by=w.aisha, partnership=w.partnership)
        invitation.expires_at = timezone.now() + dt.timedelta(hours=72)
        invitation.key_hash, invitation.code_hash = invitations.hash_of(invitations.key_of(invitation)), "x"
        for name, value in fields.items():
            setattr(invitation, name, value)
        invitation.save(force_insert=True)
    return invitation


# ── sending ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_owed_is_sent_once(w: World, as_clock: AsClock) -> None:
    letters.owe(Kind.RESET, w.aisha)
    with as_clock():
        assert tasks.send_letters() == 1
        assert tasks.send_letters() == 0
    assert [message.to for message in mail.outbox] == [["aisha@example.org"]]
    assert only().sent_at is not None


def test_its_message_id_is_that_of_the_row_also_the_second_time(w: World, as_clock: AsClock) -> None:
    letters.owe(Kind.RESET, w.aisha)
    letter = only()
    with as_clock():
        for _ in range(2):
            letters.send_one(letters.Letter.objects.select_related("person", "invitation").get(pk=letter.pk), timezone.now())
    assert {message.extra_headers["Message-ID"] for message in mail.outbox} == {f"<{letter.pk}@127.0.0.1>"}


def test_only_the_clock_sends(w: World) -> None:
    letters.owe(Kind.RESET, w.aisha)
    with pytest.raises(tasks.WrongRole):
        tasks.send_letters()
    assert mail.outbox == []


def test_the_web_cannot_read_what_is_owed(w: World) -> None:
    letters.owe(Kind.RESET, w.aisha)
    assert not Letter.objects.exists()


def test_who_is_sending_is_left_alone_and_a_dead_sender_s_lease_runs_out(w: World, as_clock: AsClock) -> None:
    letters.owe(Kind.RESET, w.aisha)
    now = timezone.now()
    with as_clock():
        assert letters.claim_next(now) is not None
        assert letters.claim_next(now) is None
        again = letters.claim_next(now + dt.timedelta(minutes=6))
    assert again is not None
    assert again.attempts == 2


def test_a_mail_server_that_is_away_costs_no_attempt_and_ends_the_round(w: World, as_clock: AsClock, monkeypatch: Any) -> None:
    for person in (w.aisha, w.sam):
        letters.owe(Kind.RESET, person)
    tried = []

    def away(message: Any) -> None:
        tried.append(message)
        raise mailing.MailServerAway

    monkeypatch.setattr(mailing, "hand_over", away)
    with as_clock():
        assert tasks.send_letters() == 0
    assert len(tried) == 1
    with factories.as_set_up():
        assert set(Letter.objects.values_list("attempts", "leased_until", "sent_at")) == {(0, None, None)}


def test_one_that_fails_waits_longer_each_time_and_others_do_not_wait_for_it(w: World, as_clock: AsClock, monkeypatch: Any) -> None:
    for person in (w.aisha, w.sam):
        letters.owe(Kind.PASSWORD_CHANGED, person)
    real = mailing.hand_over

    def hand_over(message: Any) -> None:
        if "aisha@example.org" in message.to:
            raise smtplib.SMTPServerDisconnected
        real(message)

    monkeypatch.setattr(mailing, "hand_over", hand_over)
    with as_clock():
        assert tasks.send_letters() == 1
    with factories.as_set_up():
        failed = Letter.objects.get(person=w.aisha)
    assert failed.leased_until is not None
    assert dt.timedelta(seconds=50) < failed.leased_until - timezone.now() < dt.timedelta(seconds=70)
    change(failed, leased_until=None, attempts=3)
    with as_clock():
        tasks.send_letters()
    assert dt.timedelta(minutes=59) < (row(failed.pk).leased_until or timezone.now()) - timezone.now() < dt.timedelta(minutes=61)
    change(failed, leased_until=None, attempts=len(letters.RETRY_AFTER))
    with as_clock():
        tasks.send_letters()
    assert row(failed.pk).dropped_at is not None


def test_what_the_server_refuses_for_good_is_given_up(w: World, as_clock: AsClock, monkeypatch: Any) -> None:
    letters.owe(Kind.PASSWORD_CHANGED, w.aisha)

    def refuse(message: Any) -> None:
        raise smtplib.SMTPRecipientsRefused({"aisha@example.org": (550, b"no such person")})

    monkeypatch.setattr(mailing, "hand_over", refuse)
    with as_clock():
        assert tasks.send_letters() == 0
    assert only().dropped_at is not None


def test_a_bug_in_one_mail_is_raised_and_that_one_waits(w: World, as_clock: AsClock, monkeypatch: Any) -> None:
    letters.owe(Kind.PASSWORD_CHANGED, w.aisha)
    monkeypatch.setattr(letters, "mail_of", lambda *args: 1 / 0)
    with as_clock(), pytest.raises(ZeroDivisionError):
        tasks.send_letters()
    assert only().leased_until is not None
    assert only().dropped_at is None


# ── whether it is still owed ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "kind", [Kind.RESET, Kind.SEAT, Kind.PASSWORD_CHANGED, Kind.SECOND_FACTOR_CHANGED, Kind.RIGHTS_CHANGED, Kind.ALARM]
)
def test_who_has_left_is_told_nothing(w: World, as_clock: AsClock, kind: str) -> None:
    letters.owe(kind, w.aisha)
    with factories.as_set_up():
        User.objects.filter(pk=w.aisha.pk).update(is_active=False)
    with as_clock():
        assert tasks.send_letters() == 0
    assert mail.outbox == []
    assert only().dropped_at is not None


def test_nobody_gets_a_link_that_they_asked_for_yesterday(w: World, as_clock: AsClock) -> None:
    letters.owe(Kind.RESET, w.aisha)
    letter = only()
    assert letters.is_still_owed(letter, timezone.now() + dt.timedelta(hours=5))
    assert not letters.is_still_owed(letter, timezone.now() + dt.timedelta(hours=7))


@pytest.mark.parametrize(
    ("fields", "owed"),
    [
        ({}, True),
        ({"taken_up_at": timezone.now()}, False),
        ({"revoked_at": timezone.now()}, False),
        ({"expires_at": timezone.now()}, False),
    ],
)
def test_an_invitation_is_sent_while_it_is_open(w: World, as_clock: AsClock, fields: dict[str, Any], owed: bool) -> None:
    invitation = invited(w, **fields)
    letters.owe(Kind.INVITATION, invitation.person, invitation)
    with as_clock():
        assert tasks.send_letters() == int(owed)


# ── what they say ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_its_words_says_why_and_where_and_names_no_case(w: World, as_clock: AsClock, kind: str) -> None:
    d = factories.raised(w)
    invitation = invited(w) if kind == Kind.INVITATION else None
    letters.owe(kind, invitation.person if invitation else w.aisha, invitation)
    with as_clock():
        assert tasks.send_letters() == 1
    (message,) = mail.outbox
    body = str(message.body)
    assert message.subject
    assert "\n" not in message.subject
    assert "You get this because" in body
    assert "http://127.0.0.1:8000/" in body or kind == Kind.ADDRESS_CHANGED  # to who may no longer be the person: it leads nowhere
    assert "999" in body
    assert all(len(line) <= 76 or "http" in line for line in body.splitlines())
    assert "&#" not in body
    for word in (d.reference, "Ash", "Referral closed", "neglect", "{{", "{%"):
        assert word not in body + message.subject
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"


def test_an_invitation_holds_the_link_and_not_the_code(w: World, as_clock: AsClock) -> None:
    from accounts import invitations

    invitation = invited(w)
    letters.owe(Kind.INVITATION, invitation.person, invitation)
    with as_clock():
        tasks.send_letters()
    body = str(mail.outbox[0].body)
    assert f"/invitation/{invitations.key_of(invitation)}/" in body
    assert invitations.code_of(invitation).replace(" ", "") not in re.sub(r"\s", "", body)
    assert "Aisha" in body


def test_the_row_holds_no_address_and_no_link(w: World) -> None:
    letters.owe(Kind.RESET, w.aisha)
    with factories.as_set_up():
        assert Letter.objects.get().address == ""  # only one of before is ever kept
    kept = {field.name for field in Letter._meta.get_fields()}
    assert kept == {"id", "kind", "person", "invitation", "address", "made_at", "leased_until", "attempts", "sent_at", "dropped_at"}
