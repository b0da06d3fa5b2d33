"""What the door holds whatever page or program comes to it: silence noticed again, offices that change hands, posts that may not act."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Appointment, Post, User
from disputes.models import Disagreement, Side
from escalation import tasks
from escalation.models import Clock, Notice
from escalation.moves import MoveRefused, SentBefore
from tests import factories
from tests.factories import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def w() -> World:
    return factories.world()


def rules_to(d: Disagreement, person: User, kind: str) -> set[str]:
    with acting_as(person):
        return set(Notice.objects.filter(disagreement=d, person=person, entry__kind=kind).values_list("rule", flat=True))


def later(as_clock: Any, days: int) -> None:
    with as_clock():
        tasks.notice_due_clocks(timezone.now() + dt.timedelta(days=days))


def silently_up_to_the_chair(w: World, as_clock: Any) -> Disagreement:
    """Nobody of the other side ever says which child it is; every limit passes."""
    d = factories.raised(w)
    later(as_clock, 30)
    factories.move(d, "refer_to_line_manager", w.aisha)
    later(as_clock, 60)
    factories.move(d, "pass_up_the_line", w.grace)
    later(as_clock, 90)
    factories.move(d, "ask_the_chair", w.ian)
    return d


def test_what_was_never_matched_can_still_be_matched_and_agreed_at_the_chairs_table(w: World, as_clock: Any) -> None:
    d = silently_up_to_the_chair(w, as_clock)
    factories.move(d, "accept_mediation", w.chair)
    with pytest.raises(MoveRefused):
        factories.agreed(d, w.hal)
    factories.move(d, "match_child", w.sam)
    assert factories.look(d, w.aisha).awaiting == "mediation"
    factories.agreed(d, w.hal)
    factories.move(d, "confirm_outcome", w.ian)
    assert factories.look(d, w.aisha).stage == "resolved"


def test_nobody_climbs_before_the_other_side_was_heard_or_let_the_limit_pass(w: World) -> None:
    d = factories.at_line_managers(w)
    with pytest.raises(MoveRefused):
        factories.move(d, "pass_up_the_line", w.grace)
    factories.move(d, "record_discussion", w.mona)
    factories.move(d, "pass_up_the_line", w.grace)
    with pytest.raises(MoveRefused):
        factories.move(d, "ask_the_chair", w.ian)
    factories.move(d, "say_child_at_immediate_risk", w.aisha)  # waits for nobody
    factories.move(d, "ask_the_chair", w.ian)


def test_a_second_silence_is_noticed_as_the_first_was(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    later(as_clock, 40)
    assert factories.look(d, w.aisha).chased
    with acting_as(w.aisha):
        first = Clock.objects.get(disagreement=d).chaser_at
    factories.move(d, "match_child", w.sam, now=timezone.now() + dt.timedelta(days=40))
    with acting_as(w.aisha):
        again = Clock.objects.get(disagreement=d)
    assert not factories.look(d, w.aisha).chased
    assert again.chased_at is not None or again.chaser_at >= first


def test_the_overdue_mail_reaches_the_managers_who_sat_there_already(w: World, as_clock: Any) -> None:
    d = factories.raised(w, at_immediate_risk=True)
    later(as_clock, 5)
    assert rules_to(d, w.grace, "reach_limit") == {"overdue"}
    assert rules_to(d, w.mona, "reach_limit") == {"overdue"}


def test_whose_move_it_is_hears_it_beside_the_urgent_mail(w: World) -> None:
    d = factories.raised(w)
    factories.move(d, "match_child", w.sam)
    factories.move(d, "answer", w.sam, child_safe="no", view="x")
    assert rules_to(d, w.aisha, "answer") == {"urgent", "your_move"}
    assert rules_to(d, w.grace, "answer") == {"urgent"}


def test_managers_hear_of_a_child_at_risk_also_when_the_same_act_ends_it(w: World) -> None:
    d = factories.answered(w)
    factories.move(d, "withdraw", w.aisha, child_safe="no", reason="x")
    assert rules_to(d, w.grace, "withdraw") == {"urgent"}
    assert rules_to(d, w.mona, "withdraw") == {"urgent"}


def test_no_outcome_is_confirmed_while_a_child_is_said_to_be_at_immediate_risk(w: World) -> None:
    d = factories.answered(w)
    factories.agreed(d, w.sam)
    with pytest.raises(MoveRefused, match="immediate risk"):
        factories.move(d, "confirm_outcome", w.aisha, child_safe="no", facts={"still_at_risk": False})
    assert factories.look(d, w.aisha).stage == "practitioner"


def test_immediate_risk_is_over_when_the_worried_side_says_so_and_not_before(w: World) -> None:
    d = factories.raised(w)
    factories.move(d, "say_child_at_immediate_risk", w.aisha, child_safe="no", risk="x")
    factories.move(d, "match_child", w.sam, child_safe="yes")
    assert factories.look(d, w.aisha).at_immediate_risk
    factories.move(d, "add_note", w.aisha, child_safe="yes")
    assert not factories.look(d, w.aisha).at_immediate_risk


def test_managers_stand_on_the_line_or_in_the_agency_at_that_level(w: World) -> None:
    d = factories.answered(w)
    for facts in ({"own_post": "nell"}, {"own_post": "zoe"}, {"other_post": "rita"}, {"other_post": "sam"}):
        with pytest.raises(MoveRefused):
            factories.move(d, "refer_to_line_manager", w.aisha, facts={key: str(w.posts[name].pk) for key, name in facts.items()})
    factories.move(d, "refer_to_line_manager", w.aisha, facts={"own_post": str(w.posts["ian"].pk)})
    for wrong in ("nell", "rita", "sam"):
        with pytest.raises(MoveRefused):
            factories.move(d, "change_opposite_number", w.ian, facts={"post": str(w.posts[wrong].pk)})
    factories.move(d, "change_opposite_number", w.ian, facts={"post": str(w.posts["hal"].pk)})


def test_support_comes_from_ones_own_agency(w: World) -> None:
    with pytest.raises(MoveRefused):
        factories.raised(w, supporters=[str(w.posts["hal"].pk)])
    d = factories.raised(w)
    with pytest.raises(MoveRefused):
        factories.move(d, "bring_in_support", w.aisha, facts={"post": str(w.posts["nell"].pk)})


@pytest.mark.parametrize("given", [{"child_safe": "banana"}, {"child_safe": ""}, {"reason": " "}])
def test_a_move_says_something_and_whether_the_child_is_safe(w: World, given: dict[str, Any]) -> None:
    d = factories.answered(w)
    with pytest.raises(MoveRefused):
        factories.move(d, "withdraw", w.aisha, **{"child_safe": "yes", "reason": "x", **given})


def test_a_page_sent_twice_with_other_words_is_refused_and_not_answered_as_done(w: World) -> None:
    from escalation import moves

    d, key = factories.answered(w), uuid.uuid4()
    with acting_as(w.aisha):
        for words in ("ALPHA", "ALPHA"):
            given = moves.Given(words={"note": words}, child_safe="unsure")
            moves.make(d.pk, "add_note", by=w.aisha, given=given, seen=0, key=key, now=timezone.now())
        assert d.entries.filter(kind="add_note").count() == 1
        given = moves.Given(words={"note": "BETA"}, child_safe="no")
        with pytest.raises(SentBefore):
            moves.make(d.pk, "add_note", by=w.aisha, given=given, seen=0, key=key, now=timezone.now())


def test_a_chair_whose_appointment_ended_sees_nothing_and_the_deputy_takes_the_seat_at_the_limit(w: World, as_clock: Any) -> None:
    d = factories.with_the_chair(w)
    with factories.as_set_up():
        Appointment.objects.filter(person=w.chair).update(ends_on=timezone.localdate() - dt.timedelta(days=1))
    with acting_as(w.chair):
        assert not Disagreement.objects.filter(pk=d.pk).exists()
        assert not Disagreement.objects.visible_to(w.chair).exists()
    later(as_clock, 40)
    factories.move(d, "accept_mediation", w.deputy)
    assert factories.look(d, w.aisha).mediation == "accepted"


def test_a_post_takes_its_seats_along_to_its_next_holder(w: World) -> None:
    d = factories.raised(w)
    with factories.as_set_up():
        new = factories.person("Newcomer")
        Post.objects.filter(pk=w.posts["sam"].pk).update(holder=new)
        User.objects.filter(pk=w.sam.pk).update(is_active=False)
    with acting_as(new):
        assert Disagreement.objects.visible_to(new).get() == Disagreement.objects.get()
    with acting_as(w.aisha):
        assert not factories.fresh(d).standing.turn.for_sides
    entry = factories.move(d, "match_child", new)
    assert entry.person == new


def test_not_for_us_may_go_to_a_colleague_of_the_same_team(w: World) -> None:
    with factories.as_set_up():
        tess = factories.person("Tess")
        post = Post.objects.create(team=w.teams["social_care"], holder=tess, title="Social worker", reports_to=w.posts["mona"])
    d = factories.raised(w)
    factories.move(d, "pass_on", w.sam, facts={"team": str(post.team_id), "post": str(post.pk)})
    assert factories.move(d, "match_child", tess).person == tess


def test_passing_on_inside_an_agency_keeps_its_manager(w: World) -> None:
    with factories.as_set_up():
        tess = factories.person("Tess")
        other = factories.team(w.partnership, "Children's Social Care", "Family help")
        post = Post.objects.create(team=other, holder=tess, title="Social worker", reports_to=w.posts["mona"])
    d = factories.raised(w, at_immediate_risk=True)
    factories.move(d, "pass_on", w.sam, facts={"team": str(other.pk), "post": str(post.pk)})
    with acting_as(w.aisha):
        side = Side.objects.get(disagreement=d, kind="responding", ended_at=None)
        assert {seat.person.name for seat in side.seats.filter(ends_at=None).select_related("person")} == {"Tess", "Mona"}


def test_who_agrees_to_differ_hands_the_move_to_the_other_side(w: World) -> None:
    d = factories.answered(w)
    factories.agreed(d, w.sam)
    factories.move(d, "agree_to_differ", w.aisha)
    with acting_as(w.aisha):
        standing = factories.fresh(d).standing
        assert standing.people_in(standing.turn.seats) == [w.sam]
    factories.agreed(d, w.sam)  # he may rather propose again: then nobody differs yet
    factories.move(d, "agree_to_differ", w.sam)
    assert factories.look(d, w.aisha).stage == "practitioner"
    factories.move(d, "agree_to_differ", w.aisha)
    assert factories.look(d, w.aisha).stage == "closed"
