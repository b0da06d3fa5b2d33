"""How often a person wants mail: their own choice, of nobody else, and no version of the person."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.acting import acting_as
from accounts.models import User
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("choice", ["daily", "weekly", "at_once"])
def test_one_chooses_for_oneself(client: Any, choice: str) -> None:
    w = factories.world()
    client.force_login(w.aisha)
    versions = User.history.count()
    assert client.post("/account/mail/", {"mail": choice})["Location"] == "/desk/"
    kept = dict(User.objects.values_list("name", "mail"))
    assert kept.pop("Aisha") == choice
    assert set(kept.values()) == {"at_once"}
    assert User.history.count() == versions
    html = client.get("/account/mail/").content.decode()
    assert f'value="{choice}" checked' in " ".join(html.split())
    assert "Your choice counts from now on." in client.get("/desk/").content.decode() or choice


@pytest.mark.parametrize("given", [{}, {"mail": "never"}, {"mail": "x" * 100_000}, {"mail": "\0"}])
def test_what_is_no_choice_is_said_at_the_field(client: Any, given: dict[str, str]) -> None:
    w = factories.world()
    client.force_login(w.aisha)
    answer = client.post("/account/mail/", given)
    assert answer.status_code == 200
    assert "There is a problem" in answer.content.decode()
    with acting_as(w.aisha):
        assert User.objects.get(pk=w.aisha.pk).mail == "at_once"
