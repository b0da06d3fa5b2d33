"""Who sits where, who sees because of it, and whose move it is."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Post, User
from disputes.models import Disagreement, Seat
from disputes.seats import Standing, managers_above
from escalation import tasks
from tests import factories
from tests.factories import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def w() -> World:
    return factories.world()


def standing(d: Disagreement, by: User) -> Standing:
    with acting_as(by):
        found = factories.fresh(d)
        _ = found.standing.turn  # read while somebody acts
        return found.standing


def turn_of(d: Disagreement, w: World) -> set[str]:
    return {seat.person.name for seat in standing(d, w.aisha).turn.seats}


def test_whose_move_it_is_along_the_way(w: World) -> None:
    d = factories.raised(w)
    walked = [turn_of(d, w)]
    for move, by in (
        ("cannot_tell_which_child", w.sam),
        ("say_which_child", w.aisha),
        ("match_child", w.sam),
        ("answer", w.sam),
        ("refer_to_line_manager", w.aisha),
        ("answer", w.mona),
        ("pass_up_the_line", w.grace),
        ("answer", w.hal),
        ("ask_the_chair", w.hal),
        ("accept_mediation", w.chair),
        ("record_mediation", w.chair),
        ("propose_outcome", w.chair),
        ("confirm_outcome", w.ian),
        ("confirm_outcome", w.hal),
    ):
        factories.move(d, move, by)
        walked.append(turn_of(d, w))
    assert walked == [{name} if isinstance(name, str) else name for name in WALKED]


WALKED: list[str | set[str]] = [
    *("Sam", "Aisha", "Sam", "Sam", "Aisha", "Mona", "Grace", "Hal", "Ian", "Chair", "Chair", "Ian"),
    {"Ian", "Hal"},  # what the Chair proposes is for both to confirm
    "Hal",
    set(),
]


def test_reading_many_costs_no_more_than_reading_one(w: World, django_assert_num_queries: Any) -> None:
    made = [factories.at_line_managers(w) for _ in range(4)]
    with acting_as(w.aisha):
        one, many = [factories.fresh(made[0])], [factories.fresh(d) for d in made]
        with django_assert_num_queries(5):
            Standing.of_many(one, timezone.now())
        with django_assert_num_queries(5):
            Standing.of_many(many, timezone.now())
        assert {seat.person.name for d in many for seat in d.standing.turn.seats} == {"Mona"}


def test_nobody_sits_on_two_sides(w: World) -> None:
    with factories.as_set_up():
        Post.objects.filter(pk=w.posts["sam"].pk).update(reports_to=w.posts["grace"])  # a line that ends at the other side's manager
    d = factories.at_line_managers(w)
    with acting_as(w.aisha):
        for person in User.objects.all():
            assert Seat.objects.filter(disagreement=d, person=person, ends_at=None).values("side").distinct().count() <= 1


def test_a_manager_sees_nothing_before_their_step_or_the_limit_of_the_one_below(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    for person in (w.grace, w.mona, w.ian, w.hal):
        with acting_as(person):
            assert not Disagreement.objects.visible_to(person).exists()
    with as_clock():
        tasks.notice_due_clocks(timezone.now() + dt.timedelta(days=8))
    for person, sees in ((w.grace, True), (w.mona, True), (w.ian, False), (w.hal, False)):
        with acting_as(person):
            assert Disagreement.objects.visible_to(person).filter(pk=d.pk).exists() == sees


def test_a_seat_is_opened_by_an_entry_and_once(w: World) -> None:
    d = factories.at_line_managers(w)
    factories.move(d, "bring_in_support", w.aisha, facts={"post": str(w.posts["zoe"].pk)})
    factories.move(d, "bring_in_support", w.aisha, facts={"post": str(w.posts["zoe"].pk)})
    with acting_as(w.aisha):
        entries = set(d.entries.values_list("pk", flat=True))
        seats = list(d.seats.all())
        assert len(seats) == 5
        assert {seat.opened_by for seat in seats} <= entries


def test_an_exclusion_takes_the_seat_the_turn_and_the_stand_in(w: World) -> None:
    factories.stand_in(w.posts["mona"], w.rita)
    d = factories.at_line_managers(w)
    with acting_as(w.aisha):
        for person in (w.mona, w.rita):
            factories.exclude(partnership=w.partnership, disagreement=d, person=person)
    now = standing(d, w.aisha)
    assert not now.actor(w.mona).seats
    assert not now.actor(w.rita).seats
    assert {seat.person for seat in now.acting_seats(now.sides_of("responding"))} == {w.sam}


def test_a_conflict_of_interest_on_the_line_seats_the_next_above(w: World) -> None:
    d = factories.answered(w)
    with acting_as(w.aisha):
        factories.exclude(partnership=w.partnership, disagreement=d, person=w.mona)
    factories.move(d, "refer_to_line_manager", w.aisha)
    now = standing(d, w.aisha)
    assert {seat.person for seat in now.acting_seats(now.sides_of("responding"))} == {w.hal}


def test_where_a_post_is_empty_the_rest_of_its_team_answers(w: World) -> None:
    with factories.as_set_up():
        empty = Post.objects.create(team=w.teams["social_care"], holder=None, title="Vacant", level=0)
    w.posts["vacant"] = empty
    d = factories.raised(w, to="vacant")
    assert turn_of(d, w) == {"Sam"}


def test_managers_above_are_the_line_and_the_adviser(w: World) -> None:
    post = w.posts["aisha"]
    assert managers_above(post, 1) == [w.posts["grace"]]
    post.adviser = w.posts["rita"]
    assert managers_above(post, 1) == [w.posts["grace"], w.posts["rita"]]
    assert managers_above(post, 2) == [w.posts["ian"]]
    assert managers_above(None, 1) == []
