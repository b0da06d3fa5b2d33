"""The versions of an outcome: what each says, what changed, who stands behind it; and that only the one shown can be confirmed (23.18)."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Post, User
from audit.models import Trace
from disputes.models import Disagreement, Entry
from escalation.moves import MoveRefused
from escalation.words import KINDS_OF_OUTCOME
from tests import factories
from tests.factories import World, look, move
from tests.sameness import same

pytestmark = pytest.mark.django_db


@pytest.fixture
def w() -> World:
    return factories.world()


def read(client: Client, d: Disagreement, by: User, slug: str = "versions", status: int = 200) -> str:
    client.force_login(by)
    answer = client.get(f"/disagreements/{d.reference}/{slug}/")
    assert answer.status_code == status
    return answer.content.decode()


def plain(html: str) -> str:
    """The page's text as it is read aloud."""
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html.split("<main")[1])).split())


def propose(d: Disagreement, by: User, outcome: str, *issues: tuple[str, str, User, int]) -> Entry:
    """Each issue: what, how, whose, in how many days."""
    with acting_as(by):
        sides = {seat.person_id: str(seat.side_id) for seat in look(d, by).standing.seats}
    facts = [
        {"owner_side": sides[owner.pk], "owner": str(owner.pk), "due_on": (timezone.localdate() + dt.timedelta(days)).isoformat()}
        for _what, _how, owner, days in issues
    ]
    words = {f"{part}_{n}": text for n, issue in enumerate(issues, 1) for part, text in zip(("issue", "how"), issue, strict=False)}
    return move(d, "propose_outcome", by, facts={"issues": facts}, outcome=outcome, **words)


# ── the page of versions ────────────────────────────────────────────────────────────────────────────────────────────


def test_each_version_says_who_stands_behind_it_and_what_changed(w: World, client: Client) -> None:
    d = factories.answered(w)
    propose(d, w.sam, "A visit on Monday.", ("Share the notes", "By email", w.sam, 5), ("Ring the GP", "By phone", w.aisha, 5))
    move(d, "decline_outcome", w.aisha, change="Not alone")
    propose(d, w.aisha, "A joint visit on Tuesday.", ("Share the notes", "By post", w.sam, 5), ("Tell the school", "In writing", w.sam, 9))
    move(d, "confirm_outcome", w.sam)
    said = plain(read(client, d, w.sam))
    second, first = said.split("Version 2 Agreed")[1].split("Version 1 Replaced by version 2")
    assert "by Aisha, Practitioner, Hill Lane Primary School" in second
    assert "A added: joint end of what was added visit on removed: Monday end of what was removed" in second
    assert "added: Tuesday end of what was added" in second
    assert "removed: email end of what was removed added: post end of what was added" in second
    assert "Issue removed Ring the GP" in second
    assert "New issue Tell the school" in second
    assert "Issue changed" in second
    assert re.search(r"Confirmed Aisha, Practitioner, Hill Lane Primary School, Safeguarding · \d", second)
    assert re.search(r"Confirmed Sam, Practitioner, Children's Social Care, Front door · \d", second)
    assert "A visit on Monday." in first
    assert "added:" not in first
    assert re.search(r"Changes asked for Aisha, Practitioner, Hill Lane Primary School, Safeguarding · \d", first)


def test_what_changed_is_marked_without_colour_and_escaped(w: World, client: Client) -> None:
    d = factories.answered(w)
    propose(d, w.sam, "A <b>visit</b>\nOn Monday")
    propose(d, w.aisha, "A <script>alert(1)</script>\nOn Monday\nمرحبا")
    html = read(client, d, w.sam)
    assert "<ins>" in html
    assert "<del>" in html
    assert "<script>alert" not in html
    assert "&lt;" in html
    assert "<b>visit" not in html
    assert '<p dir="auto"><ins>' in html


def test_new_and_removed_issues_are_said(w: World, client: Client) -> None:
    d = factories.answered(w)
    propose(d, w.sam, "x", ("First", "a", w.sam, 5), ("Second", "b", w.sam, 5))
    propose(d, w.sam, "x", ("Second", "b", w.sam, 5))
    propose(d, w.sam, "x", ("Second", "b", w.sam, 5), ("Third", "c", w.aisha, 6))
    third, second, _first = re.split(r"Version \d ", plain(read(client, d, w.aisha)))[1:]
    assert "New issue Third" in third
    assert "Issue changed" not in third
    assert "Issue removed First" in second
    assert "Issue changed" not in second


def test_what_it_comes_to_is_part_of_the_version(w: World, client: Client) -> None:
    d = factories.answered(w)
    move(d, "propose_outcome", w.sam, outcome="A visit", facts={"kind_of_outcome": "compromise"})
    move(d, "propose_outcome", w.sam, outcome="A visit", facts={"kind_of_outcome": "decision_changed"})
    kinds = {key: str(label) for key, label in KINDS_OF_OUTCOME}
    assert f"What it comes to: {kinds['decision_changed']}" in plain(read(client, d, w.aisha, "confirm-outcome"))
    said = plain(read(client, d, w.aisha))
    assert "Word for word the same" not in said
    assert "What it comes to" in said.split("Version 1 ")[0]


def test_the_same_again_is_said_to_be_the_same(w: World, client: Client) -> None:
    d = factories.answered(w)
    propose(d, w.sam, "A visit")
    propose(d, w.aisha, "A visit")
    assert "Word for word the same" in read(client, d, w.sam)


def test_before_any_proposal_the_page_says_so(w: World, client: Client) -> None:
    assert "Nobody has proposed an outcome yet" in read(client, factories.answered(w), w.sam)


def test_whoever_does_not_see_it_finds_what_is_found_for_what_does_not_exist(w: World, client: Client) -> None:
    d = factories.answered(w)
    propose(d, w.sam, "A visit")
    hidden = read(client, d, w.stranger, status=404)
    d.reference = "ZZZZ-ZZZZ"
    assert same(hidden) == same(read(client, d, w.stranger, status=404))


def test_reading_the_versions_is_kept_in_the_trail(w: World, client: Client) -> None:
    d = factories.answered(w)
    read(client, d, w.sam)
    with acting_as(w.sam):
        assert Trace.objects.filter(kind="read", what="versions", disagreement_id=d.pk).count() == 1


def test_the_chairs_proposal_and_a_chair_who_has_not_accepted(w: World, client: Client) -> None:
    d = factories.up_the_line(w)
    move(d, "answer", w.hal)
    propose(d, w.hal, "A visit")
    move(d, "decline_outcome", w.ian, change="More")
    move(d, "ask_the_chair", w.ian)
    assert "A visit" in read(client, d, w.chair)
    move(d, "accept_mediation", w.chair)
    move(d, "record_mediation", w.chair)
    move(d, "propose_outcome", w.chair, outcome="A joint visit")
    said = plain(read(client, d, w.ian))
    assert "by Chair, the Chair" in said
    assert "added: joint" in said


def test_a_recorded_confirmation_names_who_confirmed_who_recorded_and_who_countersigned(w: World, client: Client) -> None:
    d = factories.raised(w, to="surgery")
    with acting_as(w.aisha):
        other = look(d, w.aisha).standing.turn.for_sides[0]
    move(d, "record_answer_for", w.aisha, recorded_for=other.pk, view="x")
    propose(d, w.aisha, "A visit")
    move(d, "record_confirmation_for", w.aisha, recorded_for=other.pk, who_confirmed="Dr Patel, by phone")
    said = plain(read(client, d, w.aisha))
    assert "Waits Mill Street Surgery: Dr Patel, by phone" in said
    assert "by Aisha, Practitioner. It waits for the office to countersign." in said
    move(d, "countersign", w.office)
    assert re.search(r"Countersigned on \d.* by Office, Partnership office", plain(read(client, d, w.aisha)))


def test_many_versions_are_read_in_as_many_questions_as_two(w: World, client: Client) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            read(client, d, w.aisha)
        return len(queries)

    d = factories.answered(w)
    propose(d, w.sam, "A", ("First", "a", w.sam, 5))
    propose(d, w.aisha, "B", ("First", "a", w.sam, 5))
    read(client, d, w.aisha)
    few = asked()
    for n in range(4):
        propose(d, w.sam, f"C {n}", ("First", "a", w.sam, 5), ("Second", "b", w.aisha, 5))
    assert asked() == few


# ── confirming exactly what is shown ────────────────────────────────────────────────────────────────────────────────


def opened(client: Client, d: Disagreement, by: User, slug: str) -> tuple[str, dict[str, Any]]:
    """The page, and what its form would send."""
    html = read(client, d, by, slug)
    hidden = {name: re.search(rf'name="{name}" value="([^"]*)"', html)[1] for name in ("seen", "key")}  # type: ignore[index]
    return html, {**hidden, "child_safe": "yes"}


def sent(client: Client, d: Disagreement, by: User, slug: str, given: dict[str, Any]) -> Any:
    client.force_login(by)
    return client.post(f"/disagreements/{d.reference}/{slug}/", given)


def test_the_confirming_page_shows_the_version_its_issues_and_what_changed(w: World, client: Client) -> None:
    d = factories.answered(w)
    propose(d, w.aisha, "A visit on Monday")
    propose(d, w.sam, "A visit on Tuesday", ("Share the notes", "By email", w.sam, 5))
    html, _given = opened(client, d, w.aisha, "confirm-outcome")
    said = plain(html)
    assert "Version 2, proposed by Children's Social Care" in said
    assert "Share the notes" in said
    assert "By email" in said
    assert "Confirm version 2" in said
    assert "What changed since version 1" in said


def test_a_page_opened_before_an_edit_confirms_nothing_and_keeps_what_was_typed(w: World, client: Client) -> None:
    d = factories.answered(w)
    propose(d, w.sam, "A visit on Monday")
    _html, given = opened(client, d, w.aisha, "confirm-outcome")
    propose(d, w.sam, "A visit in June")
    answer = sent(client, d, w.aisha, "confirm-outcome", given | {"still_at_risk": "no", "concern": "MY WORDS"})
    said = plain(answer.content.decode())
    assert answer.status_code == 409
    assert "Sam proposed an outcome" in said
    assert "nothing was sent" in said
    assert "Confirm version 2" in said
    assert "removed: on Monday" in said
    assert "MY WORDS" in answer.content.decode()
    with acting_as(w.aisha):
        assert not Entry.objects.filter(disagreement=d, kind="confirm_outcome").exists()
        assert look(d, w.aisha).stage == "practitioner"


def test_the_door_refuses_a_version_that_is_not_the_latest(w: World) -> None:
    d = factories.answered(w)
    propose(d, w.sam, "A visit on Monday")
    propose(d, w.sam, "A visit in June")
    for number in (1, 3, 0):
        with pytest.raises(MoveRefused, match="not the version"):
            move(d, "confirm_outcome", w.aisha, facts={"agreement_version": number})
    move(d, "confirm_outcome", w.aisha, facts={"agreement_version": 2})
    assert look(d, w.aisha).stage == "resolved"


def test_nobody_confirms_for_the_other_side(w: World, client: Client) -> None:
    d = factories.answered(w)
    propose(d, w.sam, "A visit")
    with acting_as(w.sam):
        ours = next(side for side in look(d, w.sam).standing.party_sides if side.kind == "raising")
    with pytest.raises(MoveRefused):
        move(d, "confirm_outcome", w.sam)  # it stands confirmed for their own side: there is nothing for them to confirm
    with pytest.raises(MoveRefused):
        move(d, "confirm_outcome", w.sam, recorded_for=ours.pk)
    with pytest.raises(MoveRefused):
        move(d, "confirm_outcome", w.aisha, recorded_for=ours.pk)
    with pytest.raises(MoveRefused):
        move(d, "record_confirmation_for", w.sam, recorded_for=ours.pk)
    said = read(client, d, w.sam, "confirm-outcome", status=409)
    assert "That is not open to you now." in said
    assert look(d, w.aisha).stage == "practitioner"


def test_of_two_proposals_at_once_one_stands_and_the_other_keeps_its_words(w: World, client: Client) -> None:
    d = factories.answered(w)
    _html, hers = opened(client, d, w.aisha, "propose-outcome")
    _html, his = opened(client, d, w.sam, "propose-outcome")
    assert sent(client, d, w.sam, "propose-outcome", his | {"outcome": "His words"}).status_code == 302
    answer = sent(client, d, w.aisha, "propose-outcome", hers | {"outcome": "HER WORDS"})
    assert answer.status_code == 409
    assert "HER WORDS</textarea>" in answer.content.decode()
    assert "His words" in answer.content.decode()
    again = {name: re.search(rf'name="{name}" value="([^"]*)"', answer.content.decode())[1] for name in ("seen", "key")}  # type: ignore[index]
    assert sent(client, d, w.aisha, "propose-outcome", again | {"child_safe": "yes", "outcome": "HER WORDS"}).status_code == 302
    with acting_as(w.aisha):
        assert list(d.agreements.values_list("version", flat=True)) == [2, 1]


def test_the_record_says_which_version_was_confirmed(w: World, client: Client) -> None:
    d = factories.answered(w)
    propose(d, w.sam, "A visit")
    _html, given = opened(client, d, w.aisha, "confirm-outcome")
    assert sent(client, d, w.aisha, "confirm-outcome", given | {"still_at_risk": "no"}).status_code == 302
    with acting_as(w.sam):
        entry = Entry.objects.get(disagreement=d, kind="confirm_outcome")
        assert (entry.facts["agreement_version"], entry.person, entry.post) == (1, w.aisha, w.posts["aisha"])
        assert entry.recorded_at is not None
    client.force_login(w.sam)
    said = plain(client.get(f"/disagreements/{d.reference}/").content.decode())
    assert "Aisha confirmed the outcome in writing" in said
    assert "Version: 1" in said


# ── agreeing to differ ──────────────────────────────────────────────────────────────────────────────────────────────

CHANNEL = "The safeguarding lead of the agency where the concern is held"


def test_both_sides_read_who_holds_the_concern_and_where_it_goes_on(w: World, client: Client) -> None:
    d = factories.answered(w)
    move(d, "agree_to_differ", w.aisha, facts={"still_at_risk": True, "channel": CHANNEL}, position="It is met")
    move(d, "agree_to_differ", w.sam, facts={"still_at_risk": False}, position="It is not")
    for reader in (w.aisha, w.sam):
        client.force_login(reader)
        said = plain(client.get(f"/disagreements/{d.reference}/").content.decode())
        held = said.split("Who still believes that the child is at risk")[1].split("How it ended")[0]
        assert "Aisha, Practitioner, Hill Lane Primary School" in held
        assert CHANNEL in held
        assert "Sam" not in held


def test_a_concern_that_is_taken_back_is_no_longer_held(w: World, client: Client) -> None:
    d = factories.answered(w)
    move(d, "agree_to_differ", w.aisha, facts={"still_at_risk": True, "channel": CHANNEL}, position="It is met")
    move(d, "agree_to_differ", w.sam, facts={"still_at_risk": False}, position="It is not")
    move(d, "say_still_at_risk", w.aisha, facts={"still_at_risk": False})
    client.force_login(w.sam)
    assert "Who still believes that the child is at risk" not in client.get(f"/disagreements/{d.reference}/").content.decode()


def test_no_concern_without_its_channel(w: World) -> None:
    d = factories.answered(w)
    for facts in ({"still_at_risk": True}, {"believes_at_risk": "both"}):
        with pytest.raises(MoveRefused, match="how that concern goes on"):
            move(d, "agree_to_differ", w.aisha, facts=facts, position="It is met")


def test_closing_without_agreement_names_the_side_that_holds_the_concern(w: World, client: Client) -> None:
    d = factories.with_the_chair(w)
    move(d, "decline_mediation", w.chair)
    facts = {"believes_at_risk": "raising", "channel": CHANNEL}
    move(d, "close_without_agreement", w.hal, facts=facts, position="No", other_position="Yes")
    client.force_login(w.hal)
    said = plain(client.get(f"/disagreements/{d.reference}/").content.decode())
    held = said.split("Who still believes that the child is at risk")[1].split("How it ended")[0]
    assert "Hill Lane Primary School, Safeguarding" in held
    assert CHANNEL in held


def test_one_side_alone_closes_nothing_and_the_silent_one_is_chased(w: World, as_clock: Any) -> None:
    d = factories.answered(w)
    move(d, "agree_to_differ", w.aisha, facts={"still_at_risk": False}, position="It is met")
    d = look(d, w.sam)
    assert (d.stage, d.awaiting) == ("practitioner", "position")
    with acting_as(w.sam):
        assert [seat.person for seat in d.standing.turn.seats] == [w.sam]
    with as_clock():
        reminded = d.notices.filter(clock__isnull=False, dropped_at=None, sent_at=None)
        assert {notice.person for notice in reminded} == {w.sam}
        assert "chaser" in {notice.template for notice in reminded}
    for impatient in (w.aisha, w.sam):
        with pytest.raises(MoveRefused):
            move(d, "close_as_unconfirmed", impatient, reason="Silent")
    assert look(d, w.aisha).stage == "practitioner"


def test_a_version_that_the_mediator_offers_says_so(w: World, client: Client) -> None:
    d = factories.in_mediation(w)
    olga = factories.person("Olga")
    team = factories.team(w.partnership, "Northshire Police", "Public protection")
    with factories.as_set_up():
        Post.objects.create(team=team, holder=olga, title="Detective inspector", level=2)
    move(d, "name_mediator", w.chair, facts={"person": str(olga.pk)}, no_stake="None")
    move(d, "record_mediation", olga)
    move(d, "propose_outcome", olga, outcome="A joint visit")
    assert "by Olga, mediator" in plain(read(client, d, w.ian))
    client.force_login(w.ian)
    for where in ("", "confirm-outcome/"):
        assert "proposed by Olga, mediator." in client.get(f"/disagreements/{d.reference}/{where}").content.decode()
