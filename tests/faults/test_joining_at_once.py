"""An invitation posted from many browsers at the same moment: one joins, and five guesses are five, however quickly they come."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import invitations
from accounts.acting import acting_as
from accounts.models import Invitation, User
from tests import factories
from tests.escalation.test_races import at_once

pytestmark = pytest.mark.usefixtures("committed_db")

EMAIL = "pat.lee@surgery.example"


def invited() -> tuple[factories.World, Invitation, str]:
    w = factories.world()
    with acting_as(w.aisha):
        made, code = invitations.invite(
            w.aisha, EMAIL, "Pat Lee", agency=w.teams["surgery"].agency, post=w.posts["surgery"], now=timezone.now()
        )
    assert made
    return w, made, code


def posting(invitation: Invitation, code: str, password: str) -> Any:
    path = reverse("invitation", args=[invitations.key_of(invitation)])

    def post() -> int:
        try:
            return Client().post(path, {"code": code, "name": "Pat Lee", "new": password, "again": password}).status_code
        finally:
            connections["refusals"].close()  # this thread's own

    return post


def test_one_joins() -> None:
    _w, invitation, code = invited()
    passwords = [f"three plain words together {number}" for number in range(8)]
    answers = at_once(*(posting(invitation, code, password) for password in passwords))
    assert Counter(answers) == {302: 1, 404: 7}
    person = User.objects.get(email=EMAIL)
    assert person.check_password(passwords[answers.index(302)])
    assert person.history.filter(is_active=True).count() == 1


def test_twenty_guesses_at_once_are_not_more_than_five() -> None:
    w, invitation, code = invited()
    guesses = [f"{(int(code) + number) % 1_000_000:06d}" for number in range(1, 21)]
    answers = at_once(*(posting(invitation, guess, "three plain words together") for guess in guesses))
    assert set(answers) <= {200, 404}
    with acting_as(w.aisha):
        after = Invitation.objects.get(pk=invitation.pk)
    assert (after.wrong_codes, after.revoked_at is None) == (5, False)
    assert posting(invitation, code, "three plain words together")() == 404
    assert not User.objects.get(email=EMAIL).is_active
