"""Support for the person who raises (23.14): thinking it through first, a colleague who reads, co-signs, or writes in their own name."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.test import Client

from accounts.acting import acting_as
from accounts.models import User
from disputes.models import Disagreement, Draft, Entry, Seat
from escalation.models import Notice
from tests import factories
from tests.factories import World, look, move

pytestmark = pytest.mark.django_db


@pytest.fixture
def w() -> World:
    return factories.world()


def sent(client: Client, d: Disagreement, name: str, by: User, **given: Any) -> Any:
    client.force_login(by)
    seen = look(d, by).move_version
    path = f"/disagreements/{d.reference}/{name.replace('_', '-')}/"
    return client.post(path, {"seen": seen, "key": str(uuid.uuid4()), "child_safe": "yes", **given})


def let_zoe_write(client: Client, w: World, d: Disagreement) -> None:
    assert sent(client, d, "let_write", w.aisha, post=str(w.posts["zoe"].pk)).status_code == 302


def page(client: Client, d: Disagreement, by: User) -> str:
    client.force_login(by)
    return " ".join(client.get(f"/disagreements/{d.reference}/").content.decode().split())


# ── writing for a colleague


def test_a_colleague_writes_at_this_step_in_their_own_name(w: World, client: Client) -> None:
    d = factories.answered(w)
    let_zoe_write(client, w, d)
    with acting_as(w.zoe):
        seat = Seat.objects.get(disagreement=d, person=w.zoe)
        assert (seat.capacity, seat.step) == ("writes_for", 1)
        assert Notice.objects.filter(person=w.zoe, disagreement=d, rule="told").exists()
    assert sent(client, d, "propose_outcome", w.zoe, outcome="A joint visit").status_code == 302
    with acting_as(w.sam):
        entry = Entry.objects.get(disagreement=d, kind="propose_outcome")
        assert (entry.person, entry.post, entry.standing_in_for) == (w.zoe, w.posts["zoe"], None)
    html = page(client, d, w.sam)
    assert "writes for Aisha" in html
    assert "Zoe proposed an outcome" in html
    assert "Aisha asked a colleague to write for them" in html
    assert "Writes for a colleague" in client.get(f"/disagreements/{d.reference}/who-can-see/").content.decode()


def test_both_may_act_and_the_next_step_is_for_the_managers(w: World, client: Client) -> None:
    d = factories.answered(w)
    let_zoe_write(client, w, d)
    move(d, "propose_outcome", w.zoe, outcome="A visit")
    assert sent(client, d, "refer_to_line_manager", w.zoe, unresolved="x").status_code == 409  # that stays with who raised it
    move(d, "refer_to_line_manager", w.aisha, unresolved="x")
    assert look(d, w.aisha).stage == "line_manager"
    with acting_as(w.zoe):
        fresh = look(d, w.zoe)
        assert "propose_outcome" not in {one.name for one in fresh.open_moves(fresh.standing.actor(w.zoe))}


def test_the_responder_may_be_written_for_too(w: World, client: Client) -> None:
    d = factories.raised(w)
    factories.team(w.partnership, "Children's Social Care", "Duty")
    assert sent(client, d, "let_write", w.sam, post=str(w.posts["mona"].pk)).status_code == 302
    assert sent(client, d, "match_child", w.mona, reference_1="SC-1").status_code == 302


@pytest.mark.parametrize("whom", ["sam", "nell", "aisha"])
def test_only_a_free_colleague_of_ones_own_agency_is_offered(w: World, client: Client, whom: str) -> None:
    d = factories.raised(w)
    answer = sent(client, d, "let_write", w.aisha, post=str(w.posts[whom].pk), note="MY WORDS")
    assert answer.status_code == 200
    assert "MY WORDS" in answer.content.decode()
    with acting_as(w.aisha):
        assert not Entry.objects.filter(disagreement=d, kind="let_write").exists()


def test_who_is_at_their_side_comes_first_in_the_list(w: World, client: Client) -> None:
    d = factories.raised(w, supporters=[str(w.posts["zoe"].pk)])
    client.force_login(w.aisha)
    html = client.get(f"/disagreements/{d.reference}/let-write/").content.decode()
    listed = re.findall(r'<option value="([0-9a-f-]+)"', html)
    assert listed[0] == str(w.posts["zoe"].pk)
    let_zoe_write(client, w, d)
    with acting_as(w.zoe):
        assert {seat.capacity for seat in Seat.objects.filter(disagreement=d, person=w.zoe)} == {"supporter", "writes_for"}


def test_a_supporter_alone_writes_nothing_for_anybody(w: World, client: Client) -> None:
    d = factories.raised(w, supporters=[str(w.posts["zoe"].pk)])
    assert sent(client, d, "let_write", w.zoe, post=str(w.posts["grace"].pk)).status_code == 409


# ── co-signing


def test_who_supports_puts_their_name_beside_it_and_the_page_shows_it(w: World, client: Client) -> None:
    d = factories.raised(w, supporters=[str(w.posts["zoe"].pk)])
    assert sent(client, d, "co_sign", w.zoe, note="I see it as Aisha does").status_code == 302
    for person in (w.aisha, w.sam, w.auditor):
        html = page(client, d, person)
        views = html[html.index('id="views-title"') : html.index('id="record"')]
        assert "Co-signed by" in views
        assert "Zoe" in views
        assert "I see it as Aisha does" in views
        assert "writes for" not in views
    before = look(d, w.aisha)
    assert (before.awaiting, before.stage) == ("match", "practitioner")


def test_who_does_not_support_cannot_co_sign(w: World, client: Client) -> None:
    d = factories.raised(w)
    for person in (w.aisha, w.sam):
        assert sent(client, d, "co_sign", person).status_code == 409
    assert "Co-signed by" not in page(client, d, w.sam)


def test_the_page_takes_as_many_queries_for_many_names_as_for_one(w: World, client: Client, django_assert_max_num_queries: Any) -> None:
    d = factories.raised(w, supporters=[str(w.posts["zoe"].pk)])
    for _ in range(3):
        move(d, "co_sign", w.zoe)
    client.force_login(w.aisha)
    with django_assert_max_num_queries(60):
        client.get(f"/disagreements/{d.reference}/")


# ── before anybody is told


def test_it_can_be_thought_through_first_in_a_draft_that_nobody_else_sees(w: World, client: Client) -> None:
    client.force_login(w.zoe)
    start = client.get("/disagreements/new/").content.decode()
    assert "Anyone may raise a disagreement, whatever their post or rank" in start
    assert "write for you" in start
    begun = client.post("/disagreements/new/", {"think": "yes"})
    with acting_as(w.zoe):
        draft = Draft.objects.get(author=w.zoe)
    assert begun.url.endswith(f"{draft.pk}/what/")
    kept = client.post(begun.url, {"decision": "It was closed", "save": "later"}, follow=True).content.decode()
    assert "Nobody has been told" in kept
    assert "Let a colleague read it" in kept
    for person in (w.grace, w.sam, w.office, w.auditor):
        client.force_login(person)
        assert client.get(begun.url).status_code == 404
        with acting_as(person):
            assert not Draft.objects.exists()
            assert not Notice.objects.filter(about=draft.pk).exists()


def test_thinking_it_through_needs_no_category_and_leaves_one_empty_draft(w: World, client: Client) -> None:
    client.force_login(w.zoe)
    begun = client.post("/disagreements/new/", {"think": "yes"}).url
    html = client.get(begun).content.decode()
    assert "only you, and the colleagues you let read it, see it" in html
    assert "You can leave this until later" in html
    client.post(begun, {"save": "later"})  # nothing typed
    assert client.post("/disagreements/new/", {"think": "yes"}).url == begun
    refused = client.post(begun, {})
    assert refused.status_code == 200
    assert client.post(begun, {"decision": "It was closed"}).url.endswith("/why/")
    assert client.post("/disagreements/new/", {"think": "yes"}).url != begun
    check = client.get(begun.replace("/what/", "/check/")).content.decode()
    assert "Choose what it is mostly about" in check


def test_a_consulted_colleague_reads_the_draft_and_only_reads(w: World, client: Client) -> None:
    client.force_login(w.aisha)
    begun = client.post("/disagreements/new/", {"think": "yes"}).url
    client.post(begun, {"decision": "It was closed too soon", "save": "later"})
    client.post(begun.replace("/what/", "/support/"), {"readers": [str(w.zoe.pk)], "save": "later"})
    client.force_login(w.zoe)
    assert "Draft by Aisha" in client.get("/disagreements/new/").content.decode()
    html = client.get(begun.replace("/what/", "/read/")).content.decode()
    assert "It was closed too soon" in html
    assert client.post(begun, {"decision": "changed"}).status_code == 404
