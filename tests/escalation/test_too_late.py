"""Who comes too late: the disagreement has left their sight since they opened the page. No words are lost, no case is shown."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from accounts.acting import acting_as
from accounts.models import User
from disputes.models import Disagreement, Entry
from escalation.forms import FORMS
from escalation.move_form import MoveForm
from escalation.moves import MoveRefused, Overtaken
from tests import factories
from tests.escalation.test_move_pages import address, hidden, page_of, without_token
from tests.escalation.test_races import at_once
from tests.factories import World, look, move


@pytest.fixture
def w(db: None) -> World:
    return factories.world()


def opened(client: Client, d: Disagreement, name: str, by: User) -> dict[str, str]:
    html = page_of(client, d, name, by)
    return {"seen": hidden(html, "seen"), "key": hidden(html, "key"), "child_safe": "yes"}


def passed_on(w: World, d: Disagreement, by: User) -> None:
    move(d, "pass_on", by, facts={"team": str(w.teams["health"].pk)}, reason="For health visiting")


def test_whose_seat_has_ended_gets_their_words_back_and_nothing_of_the_case(w: World, client: Client) -> None:
    d = factories.raised(w)
    sent = opened(client, d, "cannot_tell_which_child", w.sam) | {"missing": "MY OWN WORDS"}
    passed_on(w, d, w.sam)
    answer = client.post(address(d, "cannot_tell_which_child"), sent)
    said = answer.content.decode()
    assert answer.status_code == 404
    assert "This disagreement is not open to you, or does not exist" in said
    assert "MY OWN WORDS</textarea>" in said
    assert "Ash" not in said
    assert d.reference not in said
    absent = client.post("/disagreements/ZZZZ-ZZZZ/cannot-tell-which-child/", sent)
    assert without_token(absent) == without_token(answer)
    assert client.get(address(d, "cannot_tell_which_child")).status_code == 404


@pytest.mark.parametrize("refusal", [Disagreement.DoesNotExist, MoveRefused("No"), Overtaken(None)])
def test_who_leaves_while_their_page_waits_at_the_door_gets_their_words_back(
    w: World, client: Client, monkeypatch: pytest.MonkeyPatch, refusal: Any
) -> None:
    d = factories.raised(w)
    factories.stand_in(w.posts["sam"], w.stranger)
    sent = opened(client, d, "cannot_tell_which_child", w.sam) | {"missing": "MY OWN WORDS"}

    def make(*_: Any, **__: Any) -> None:
        raise refusal

    def is_valid(form: MoveForm) -> bool:  # the other leaves outside the transaction of this page, which is rolled back
        valid = reads(form)
        passed_on(w, d, w.stranger)
        monkeypatch.setattr("escalation.moves.make", make)
        return valid

    reads = FORMS["cannot_tell_which_child"].is_valid
    monkeypatch.setattr(FORMS["cannot_tell_which_child"], "is_valid", is_valid)
    answer = client.post(address(d, "cannot_tell_which_child"), sent)
    assert answer.status_code == 404
    assert "MY OWN WORDS</textarea>" in answer.content.decode()
    assert "Ash" not in answer.content.decode()


def test_who_ends_an_own_seat_by_a_double_click_is_answered_as_the_first_time(w: World, client: Client) -> None:
    d = factories.raised(w)
    sent = opened(client, d, "pass_on", w.sam) | {"place": str(w.teams["health"].pk), "reason": "For health visiting"}
    answers = [client.post(address(d, "pass_on"), sent) for _ in range(2)]
    assert [(answer.status_code, answer["Location"]) for answer in answers] == [(302, "/desk/")] * 2
    assert client.get("/desk/").content.decode().count("You have left this disagreement") == 1
    other = client.post(address(d, "pass_on"), sent | {"key": str(uuid.uuid4())})
    assert other.status_code == 404
    assert "For health visiting</textarea>" in other.content.decode()


def test_a_page_sent_again_with_other_words_is_not_taken_for_the_first(w: World, client: Client) -> None:
    d = factories.answered(w)
    sent = opened(client, d, "add_note", w.sam) | {"about": "other", "note": "The first"}
    assert client.post(address(d, "add_note"), sent).status_code == 302
    again = client.post(address(d, "add_note"), sent | {"note": "The second"})
    said = again.content.decode()
    assert again.status_code == 409
    assert "You have sent this page once already" in said
    assert "The second</textarea>" in said
    assert hidden(said, "key") != sent["key"]
    assert client.post(address(d, "add_note"), sent | {"note": "The second", "key": hidden(said, "key")}).status_code == 302
    assert client.post(address(d, "add_note"), sent).status_code == 302  # the very same: made once
    with acting_as(w.sam):
        assert Entry.objects.filter(disagreement=d, kind="add_note").count() == 2


def test_closing_questions_that_came_too_late_give_the_words_back(w: World, client: Client) -> None:
    d = factories.resolved(w)
    client.force_login(w.stranger)
    answer = client.post(reverse("closing-questions", args=[d.reference]), {"comment": "MY OWN WORDS"})
    assert answer.status_code == 404
    assert "MY OWN WORDS</textarea>" in answer.content.decode()
    assert client.post(reverse("closing-questions", args=[d.reference]), {}).status_code == 404


def test_closing_questions_sent_again_with_another_comment_are_not_taken_for_the_first(w: World, client: Client) -> None:
    d = factories.resolved(w)
    client.force_login(w.sam)
    sent = dict.fromkeys(("worker_satisfied", "agency_satisfied", "child_safe"), "yes") | dict.fromkeys(("general_issue", "debrief"), "no")
    sent |= {"key": str(uuid.uuid4()), "comment": "The first"}
    at = reverse("closing-questions", args=[d.reference])
    assert [client.post(at, sent).status_code for _ in range(2)] == [302, 302]
    again = client.post(at, sent | {"comment": "The second"})
    assert again.status_code == 409
    assert "The second</textarea>" in again.content.decode()


def test_the_message_after_a_move_names_nobody_and_stands_in_no_cookie(w: World, client: Client) -> None:
    d = factories.raised(w)
    answer = client.post(address(d, "match_child"), opened(client, d, "match_child", w.sam) | {"reference_1": "SC-1"})
    assert set(answer.cookies) <= {"sessionid", "csrftoken"}
    banner = client.get(answer["Location"]).content.decode().split("govuk-notification-banner__heading")[1].split("</p>")[0]
    assert "It is your move. By " in banner
    assert "Aisha" not in banner


def test_who_recorded_a_confirmation_is_not_told_that_it_is_their_move(w: World, client: Client) -> None:
    d = factories.raised(w, to="surgery")
    side = str(_side_of_the_surgery(d, w))
    move(d, "record_answer_for", w.aisha, recorded_for=uuid.UUID(side), view="No")
    factories.agreed(d, w.aisha)
    move(d, "record_confirmation_for", w.aisha, recorded_for=uuid.UUID(side), who_confirmed="Dr Lee", document="File 13")
    factories.agreed(d, w.aisha)  # a new version, now that the office sits at the table
    move(d, "record_confirmation_for", w.office, recorded_for=uuid.UUID(side), who_confirmed="Dr Lee", document="File 13")
    client.force_login(w.office)
    panel = client.get(f"/disagreements/{d.reference}/").content.decode().split('aria-labelledby="move-title"')[1].split("</section>")[0]
    assert "Your move" not in panel
    assert "A second person at the partnership’s office" in panel
    assert "somebody else at the office has to countersign it" in panel


def _side_of_the_surgery(d: Disagreement, w: World) -> uuid.UUID:
    with acting_as(w.aisha):
        return look(d, w.aisha).sides.get(kind="responding").pk


# ── who stands in for the raiser ────────────────────────────────────────────────────────────────────────────────────


def test_a_stand_in_withdraws_with_the_raisers_view_and_is_not_asked_what_the_raiser_believes(w: World, client: Client) -> None:
    d = factories.answered(w)
    factories.agreed(d, w.sam)
    assert 'name="raiser_view"' not in page_of(client, d, "withdraw", w.aisha)
    assert 'name="still_at_risk"' in page_of(client, d, "confirm_outcome", w.aisha)
    factories.stand_in(w.posts["aisha"], w.zoe)
    assert 'name="raiser_view"' in page_of(client, d, "withdraw", w.zoe)
    assert 'name="still_at_risk"' not in page_of(client, d, "confirm_outcome", w.zoe)
    move(d, "confirm_outcome", w.zoe)
    client.force_login(w.zoe)
    assert "say-still-at-risk" not in client.get(f"/disagreements/{d.reference}/").content.decode()
    assert "say-still-at-risk" not in client.get("/desk/").content.decode()
    client.force_login(w.aisha)
    assert "say-still-at-risk" in client.get(f"/disagreements/{d.reference}/").content.decode()
    assert "say-still-at-risk" in client.get("/desk/").content.decode()


# ── on real threads ─────────────────────────────────────────────────────────────────────────────────────────────────


def _sending(client: Client, at: str, sent: dict[str, str]) -> Callable[[], Any]:
    def act() -> Any:
        try:
            return client.post(at, sent)
        finally:
            connections.close_all()  # that of refusals too

    return act


@pytest.mark.usefixtures("committed_db")
def test_a_double_click_on_pass_on_at_the_very_same_moment_is_never_a_fault() -> None:
    w = factories.world()
    d = factories.raised(w)
    for _again in range(3):
        client = Client(raise_request_exception=False)
        sent = opened(client, d, "pass_on", w.sam) | {"place": str(w.teams["health"].pk), "reason": "For health visiting"}
        second = Client(raise_request_exception=False)
        second.cookies = client.cookies
        answers = at_once(*(_sending(one, address(d, "pass_on"), sent) for one in (client, second)))
        assert [(answer.status_code, answer.get("Location")) for answer in answers] == [(302, "/desk/")] * 2, answers
        d = factories.raised(w)


@pytest.mark.usefixtures("committed_db")
def test_two_who_fill_one_seat_at_the_very_same_moment_lose_no_words() -> None:
    w = factories.world()
    factories.stand_in(w.posts["sam"], w.stranger)
    for _again in range(3):
        d = factories.raised(w)
        one, other = Client(raise_request_exception=False), Client(raise_request_exception=False)
        leaves = opened(one, d, "pass_on", w.sam) | {"place": str(w.teams["health"].pk), "reason": "WORDS OF SAM"}
        stays = opened(other, d, "cannot_tell_which_child", w.stranger) | {"missing": "WORDS OF THE OTHER"}
        answers = at_once(_sending(one, address(d, "pass_on"), leaves), _sending(other, address(d, "cannot_tell_which_child"), stays))
        codes = sorted(answer.status_code for answer in answers)
        assert codes in ([302, 404], [302, 409]), codes
        for answer, text in zip(answers, ("WORDS OF SAM", "WORDS OF THE OTHER"), strict=True):
            assert answer.status_code == 302 or f"{text}</textarea>" in answer.content.decode()
