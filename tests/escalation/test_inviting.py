"""Inviting somebody who has no account: the other side's person to answer, or a colleague to support; and joining at once to the desk."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts import invitations
from accounts.acting import acting_as
from accounts.models import Invitation, Letter, Post, User
from disputes.models import Disagreement, Seat
from disputes.stages import Capacity
from escalation import notices
from escalation.models import Notice
from tests import factories
from tests.escalation.test_move_pages import address, hidden, page_of, post
from tests.factories import World, move

pytestmark = pytest.mark.django_db

PASSWORD = "three plain words together"
EMAIL = "pat.lee@surgery.example"


@pytest.fixture
def w() -> World:
    return factories.world()


@pytest.fixture
def d(w: World) -> Disagreement:
    """Aisha asks the surgery, where nobody has an account."""
    return factories.raised(w, to="surgery")


def invite(client: Client, d: Disagreement, by: User, email: str = EMAIL, **given: Any) -> Any:
    return post(client, d, "invite", by, **{"email": email, "full_name": "Pat Lee"} | given)


def invited(client: Client, d: Disagreement, by: User, email: str = EMAIL, **given: Any) -> Invitation:
    """The invitation that this makes; `by` is led to the code."""
    answer = invite(client, d, by, email, **given)
    assert answer.status_code == 302, answer.context["form"].errors
    with acting_as(by):
        made = Invitation.objects.select_related("person", "post").get(person__email=email, revoked_at=None)
    assert answer["Location"] == reverse("invitation-code", args=[made.pk]) + f"?disagreement={d.reference}"
    return made


def joins(invitation: Invitation) -> Client:
    """They open the link and type the code they were told; their browser afterwards."""
    client = Client()
    typed = {"code": invitations.code_of(invitation), "name": invitation.person.name, "new": PASSWORD, "again": PASSWORD}
    answer = client.post(reverse("invitation", args=[invitations.key_of(invitation)]), typed)
    assert answer.status_code == 302
    client.force_login(User.objects.get(pk=invitation.person_id))  # and has set up a second factor
    return client


def seat_of(d: Disagreement, person: User, by: User) -> Seat:
    with acting_as(by):
        return Seat.objects.select_related("side", "post").get(disagreement=d, person=person, ends_at=None)


# ── the other side's person ─────────────────────────────────────────────────────────────────────────────────────────


def test_inviting_stands_out_where_nobody_of_the_other_side_is_there(client: Client, w: World, d: Disagreement):
    client.force_login(w.aisha)
    html = client.get(f"/disagreements/{d.reference}/").content.decode()
    buttons = re.findall(r'<a href="([^"]+)" class="govuk-button', html)
    assert address(d, "invite") in buttons


def test_the_other_sides_person_is_invited_to_the_place_that_was_asked(client: Client, w: World, d: Disagreement):
    invitation = invited(client, d, w.aisha)
    assert invitation.post == w.posts["surgery"]
    assert invitation.partnership_id == w.partnership.pk
    seat = seat_of(d, invitation.person, w.aisha)
    assert (seat.capacity, seat.side.team, seat.post) == (Capacity.RESPONDER, w.teams["surgery"], w.posts["surgery"])
    code = client.get(reverse("invitation-code", args=[invitation.pk]) + f"?disagreement={d.reference}").content.decode()
    assert "Now tell Pat Lee the code" in code
    assert f"/disagreements/{d.reference}/" in code


def test_until_they_join_nothing_changes_but_that_they_stand_in_the_list(client: Client, w: World, d: Disagreement):
    invitation = invited(client, d, w.aisha)
    with acting_as(w.aisha):
        assert factories.fresh(d).standing.turn.for_sides  # still not on the system: what they say can be recorded for them
    assert not Disagreement.objects.visible_to(invitation.person).exists()
    with acting_as(invitation.person):
        assert not Disagreement.objects.exists()  # nor does the database show them anything
    html = client.get(f"/disagreements/{d.reference}/who-can-see/").content.decode()
    assert "Invited, has not joined yet" in html


def test_who_joins_finds_it_on_the_desk_with_their_move(client: Client, w: World, d: Disagreement):
    theirs = joins(invited(client, d, w.aisha))
    desk = theirs.get("/desk/").content.decode()
    assert d.reference in desk
    assert "Say whether you know which child this is, so that Aisha can be answered." in desk
    page = theirs.get(f"/disagreements/{d.reference}/").content.decode()
    assert "Your move" in page
    person = User.objects.get(email=EMAIL)
    move(d, "match_child", person, references={1: "GP-1"})
    move(d, "answer", person, view="We see it otherwise", reasons="Because")
    with acting_as(w.aisha):
        standing = factories.fresh(d).standing
        assert standing.turn.is_held_by(standing.actor(w.aisha))


def test_the_record_keeps_that_somebody_was_invited_and_neither_address_nor_words(client: Client, w: World, d: Disagreement):
    invited(client, d, w.aisha)
    with acting_as(w.aisha):
        entry = d.entries.get(kind="invite")
        assert set(entry.facts) == {"person", "capacity", "post"}
        assert (entry.commitments, entry.texts.count()) == ({}, 0)
    assert EMAIL not in client.get(f"/disagreements/{d.reference}/").content.decode()


def test_where_somebody_else_waits_for_that_post_they_get_a_seat_of_their_own_and_see_no_more(client: Client, w: World, d: Disagreement):
    """Else whoever raises something could plant a friend in a post and read what it sees."""
    invited(client, d, w.aisha)
    other = factories.raised(w, by="sam", to="surgery")
    second = invited(client, other, w.sam, "friend@elsewhere.example")
    assert second.post is None
    theirs = joins(second)
    assert theirs.get(f"/disagreements/{other.reference}/").status_code == 200
    assert theirs.get(f"/disagreements/{d.reference}/").status_code == 404


def test_reminders_go_to_them_once_they_have_joined_and_to_whoever_recorded_for_them_no_more(
    client: Client, w: World, d: Disagreement, as_clock: Any
) -> None:
    invitation = invited(client, d, w.aisha)
    with as_clock():
        owed = Notice.objects.filter(disagreement=d, clock__isnull=False, sent_at=None, dropped_at=None)
        theirs, aishas = owed.filter(person=invitation.person), owed.filter(person=w.aisha)
        assert {notice.rule for notice in theirs} == {notice.rule for notice in aishas} != set()
        assert {notices.is_still_owed(notice, notice.due_at) for notice in theirs} == {"not joined yet"}
        assert "" in {notices.is_still_owed(notice, notice.due_at) for notice in aishas}
    joins(invitation)
    with as_clock():
        assert "" in {notices.is_still_owed(notice, notice.due_at) for notice in theirs.all()}
        assert {notices.is_still_owed(notice, notice.due_at) for notice in aishas.all()} == {"not theirs now"}


# ── a colleague ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("inviter", ["aisha", "sam"])
def test_either_side_invites_a_colleague_of_its_own_agency_to_support(client: Client, w: World, inviter: str):
    d = factories.raised(w)
    by = w.person(inviter)
    invitation = invited(client, d, by, "new@colleague.example")
    seat = seat_of(d, invitation.person, by)
    assert (seat.capacity, seat.side.team) == (Capacity.SUPPORTER, w.posts[inviter].team)
    assert invitation.person.kept_by == w.posts[inviter].team.agency
    assert joins(invitation).get(f"/disagreements/{d.reference}/").status_code == 200


def test_where_both_may_be_asked_one_says_which(client: Client, w: World, d: Disagreement):
    html = page_of(client, d, "invite", w.aisha)
    assert "Somebody at Mill Street Surgery, who answers" in html
    assert "A colleague at Hill Lane Primary School, who supports you" in html
    answer = invite(client, d, w.aisha, whom="supporter", post=str(w.posts["surgery"].pk))
    assert "post" in answer.context["form"].errors
    invitation = invited(client, d, w.aisha, whom="supporter", post="")
    assert seat_of(d, invitation.person, w.aisha).capacity == Capacity.SUPPORTER


def test_the_side_that_was_asked_invites_nobody_for_the_other(client: Client, w: World):
    d = factories.raised(w)
    assert 'name="whom"' not in page_of(client, d, "invite", w.sam)
    invitation = invited(client, d, w.sam, whom="responder")
    seat = seat_of(d, invitation.person, w.sam)
    assert (seat.capacity, seat.side.team) == (Capacity.SUPPORTER, w.teams["social_care"])


# ── who has an account already ──────────────────────────────────────────────────────────────────────────────────────


def test_whoever_has_an_account_is_seated_and_told_and_no_code_is_made(client: Client, w: World, as_clock: Any):
    with factories.as_set_up():
        User.objects.filter(pk=w.zoe.pk).update(kept_by=w.teams["school"].agency)
    d = factories.raised(w)
    answer = invite(client, d, w.aisha, email="  ZOE@example.org")
    assert answer["Location"] == f"/disagreements/{d.reference}/"
    assert seat_of(d, w.zoe, w.aisha).post == w.posts["zoe"]
    assert not Invitation.objects.exists()
    client.force_login(w.zoe)
    assert client.get(f"/disagreements/{d.reference}/").status_code == 200
    with as_clock():
        assert Notice.objects.filter(disagreement=d, person=w.zoe, rule="told").count() == 1
        assert not Letter.objects.filter(person=w.zoe).exists()  # the notice tells them


@pytest.mark.parametrize(("who", "status"), [("sam", 200), ("mona", 409), ("aisha", 200), ("nell", 409)])
def test_nobody_is_seated_twice_or_on_two_sides_or_for_another_agency(client: Client, w: World, who: str, status: int):
    d = factories.raised(w)
    answer = invite(client, d, w.aisha, email=w.person(who).email)
    assert answer.status_code == status
    assert answer.context["form"].errors
    with acting_as(w.aisha):
        assert Seat.objects.filter(disagreement=d, person=w.person(who)).count() == (who in ("sam", "aisha"))


# ── the same page twice, and what was refused ───────────────────────────────────────────────────────────────────────


def test_the_same_page_posted_twice_makes_one_invitation_and_leads_to_its_code(client: Client, w: World, d: Disagreement):
    html = page_of(client, d, "invite", w.aisha)
    typed = {
        **{name: hidden(html, name) for name in ("seen", "key")},
        "child_safe": "yes",
        "whom": "responder",
        "email": EMAIL,
        "full_name": "Pat Lee",
        "post": "",
    }
    answers = [client.post(address(d, "invite"), typed) for _ in range(2)]
    assert answers[0]["Location"] == answers[1]["Location"]
    assert "/account/invitations/" in answers[0]["Location"]
    with acting_as(w.aisha):
        assert Invitation.objects.count() == 1
    other = client.post(address(d, "invite"), typed | {"email": "another@surgery.example"})
    assert other.status_code == 409  # "back", and somebody else: nothing happens unsaid
    assert not User.objects.filter(email="another@surgery.example").exists()


def test_what_is_refused_leaves_nobody_behind(client: Client, w: World, d: Disagreement, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(invitations, "MOST_A_DAY", 0)
    answer = invite(client, d, w.aisha)
    assert answer.status_code == 409
    assert EMAIL in answer.content.decode()  # what was typed is kept
    assert not User.objects.filter(email=EMAIL).exists()
    with acting_as(w.aisha):
        assert not d.entries.filter(kind="invite").exists()


@pytest.mark.parametrize(
    "typed", ["", "pat", "pat@", "a" * 300 + "@x.example", "x" * 100_000, "pat@x.example\nBcc: y", "\x00@x.example", "😀"]
)
def test_what_is_no_address_is_said_at_the_field(client: Client, w: World, d: Disagreement, typed: str):
    answer = invite(client, d, w.aisha, email=typed)
    assert answer.status_code == 200
    assert "email" in answer.context["form"].errors


@pytest.mark.parametrize(
    "typed", [{"whom": "chair"}, {"post": str(uuid.uuid4())}, {"post": "x"}, {"full_name": ""}, {"full_name": "x" * 10_000}]
)
def test_what_cannot_be_chosen_is_said_at_the_field(client: Client, w: World, d: Disagreement, typed: dict[str, str]):
    answer = invite(client, d, w.aisha, **typed)
    assert answer.status_code == 200
    assert set(typed) <= set(answer.context["form"].errors)


def test_a_post_that_is_held_is_not_offered(client: Client, w: World, d: Disagreement):
    html = page_of(client, d, "invite", w.aisha)
    assert str(w.posts["surgery"].pk) in html
    assert all(str(held.pk) not in html for held in Post.objects.exclude(holder=None))


def test_only_practitioners_posts_of_the_very_team_are_offered(client: Client, w: World, d: Disagreement):
    """Who manages whom, and who works in another team, is for the agency's administrator to say."""
    elsewhere = factories.team(w.partnership, w.teams["school"].agency.name, "Another team")
    with factories.as_set_up():
        kinds = [(w.teams["surgery"], 1), (w.teams["school"], 1), (w.teams["school"], 2), (elsewhere, 0)]
        never = [Post.objects.create(team=team, title="Vacant", level=level) for team, level in kinds]
        own = Post.objects.create(team=w.teams["school"], title="Vacant", level=0)
    html = page_of(client, d, "invite", w.aisha)
    assert str(own.pk) in html
    for post_there, whom in zip(never, ["responder", *["supporter"] * 3], strict=True):
        assert str(post_there.pk) not in html
        assert "post" in invite(client, d, w.aisha, whom=whom, post=str(post_there.pk)).context["form"].errors
