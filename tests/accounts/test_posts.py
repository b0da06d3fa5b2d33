"""Posts: who stands above whom, who stands in, who holds an office on which day."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.acting import acting_as, current_person, current_person_name
from accounts.models import Appointment, Post, StandIn, StepPost, User
from tests import factories
from tests.factories import World

pytestmark = pytest.mark.django_db
TODAY = dt.date.today()
DAY = dt.timedelta(days=1)


@pytest.fixture
def w() -> World:
    return factories.world()


def test_the_line_goes_up_and_ends(w: World) -> None:
    assert w.posts["aisha"].up_the_line() == [w.posts["grace"], w.posts["ian"]]
    assert w.posts["ian"].up_the_line() == []


def test_a_line_that_bites_its_tail_ends_too(w: World) -> None:
    with factories.as_set_up():
        Post.objects.filter(pk=w.posts["ian"].pk).update(reports_to=w.posts["aisha"])
    aisha = Post.objects.get(pk=w.posts["aisha"].pk)
    assert [post.holder.name for post in aisha.up_the_line()] == ["Grace", "Ian"]
    assert aisha.manager_at(9) is None
    with factories.as_set_up():
        Post.objects.filter(pk=aisha.pk).update(reports_to=aisha)
    assert Post.objects.get(pk=aisha.pk).up_the_line() == []


def test_the_manager_at_a_level_is_the_nearest_high_enough_who_is_there(w: World) -> None:
    aisha = w.posts["aisha"]
    assert aisha.manager_at(1) == w.posts["grace"]
    assert aisha.manager_at(2) == w.posts["ian"]
    assert aisha.manager_at(3) is None
    w.grace.is_active = False
    with factories.as_set_up():
        w.grace.save()
    assert Post.objects.get(pk=aisha.pk).manager_at(1) == w.posts["ian"]


def test_the_team_s_mapping_beats_the_line_and_may_be_borrowed(w: World) -> None:
    with factories.as_set_up():
        StepPost.objects.create(team=w.teams["school"], level=1, post=w.posts["rita"])
    assert w.posts["aisha"].manager_at(1) == w.posts["rita"]
    with factories.as_set_up(), pytest.raises(IntegrityError), transaction.atomic():
        StepPost.objects.create(team=w.teams["school"], level=1, post=w.posts["noor"])


@pytest.mark.parametrize(("field", "value"), [("holder", None), ("ended_on", TODAY)])
def test_a_post_is_held_while_somebody_is_in_it(w: World, field: str, value: object) -> None:
    post = w.posts["sam"]
    assert post.is_held
    setattr(post, field, value)
    assert not post.is_held


def test_stand_ins_are_dated_and_end_after_they_begin(w: World) -> None:
    with factories.as_set_up():
        StandIn.objects.create(post=w.posts["sam"], person=w.rita, starts_on=TODAY, ends_on=TODAY)
    for day, stands_in in ((TODAY - DAY, False), (TODAY, True), (TODAY + DAY, False)):
        assert w.posts["sam"].stand_ins_on(day).exists() == stands_in
    with factories.as_set_up():  # called off before its first day
        StandIn.objects.create(post=w.posts["grace"], person=w.rita, starts_on=TODAY, ends_on=TODAY - DAY)
    assert not any(w.posts["grace"].stand_ins_on(day).exists() for day in (TODAY - DAY, TODAY, TODAY + DAY))
    with factories.as_set_up(), pytest.raises(IntegrityError), transaction.atomic():
        StandIn.objects.create(post=w.posts["sam"], person=w.rita, starts_on=TODAY, ends_on=TODAY - 2 * DAY)


def test_an_office_is_held_between_its_days_by_who_is_still_here(w: World) -> None:
    def chairs(day: dt.date) -> list[User]:
        return Appointment.objects.people(w.partnership, "chair", day)

    with factories.as_set_up():
        Appointment.objects.filter(person=w.chair).update(starts_on=TODAY - DAY, ends_on=TODAY)
    assert [chairs(TODAY + n * DAY) for n in (-2, -1, 0, 1)] == [[], [w.chair], [w.chair], []]
    w.chair.is_active = False
    with factories.as_set_up():
        w.chair.save()
    assert chairs(TODAY) == []


def test_addresses_are_told_apart_without_capitals(w: World) -> None:
    assert User.objects.get_by_natural_key("AISHA@Example.org") == w.aisha
    with factories.as_set_up(), pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("Aisha@Example.ORG", name="Another")


# ── who is acting ───────────────────────────────────────────────────────────────────────────────────────────────────


def told_to_the_database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting('accord.person', true), '')")
        return str(cursor.fetchone()[0])


def test_acting_is_nested_and_ends(w: World) -> None:
    assert (current_person(), current_person_name(), told_to_the_database()) == (None, "Accord", "")
    with acting_as(w.aisha):
        assert (current_person(), told_to_the_database()) == (w.aisha, str(w.aisha.pk))
        with acting_as(w.sam):
            assert (current_person(), told_to_the_database()) == (w.sam, str(w.sam.pk))
        assert (current_person(), told_to_the_database()) == (w.aisha, str(w.aisha.pk))
    assert (current_person(), told_to_the_database()) == (None, "")


@pytest.mark.parametrize("inner", [True, False])
def test_a_fault_ends_it_and_is_not_hidden(w: World, inner: bool) -> None:
    with factories.as_set_up(), pytest.raises(IntegrityError, match="stand_in_ends"), acting_as(w.aisha):  # noqa: SIM117
        with acting_as(w.sam if inner else w.aisha):
            StandIn.objects.create(post=w.posts["sam"], person=w.rita, starts_on=TODAY, ends_on=TODAY - 2 * DAY)
    assert (current_person(), told_to_the_database()) == (None, "")


def test_after_a_fault_inside_the_outer_person_acts_on(w: World) -> None:
    with acting_as(w.aisha):
        with pytest.raises(ZeroDivisionError), acting_as(w.sam):
            raise ZeroDivisionError
        assert (current_person(), told_to_the_database()) == (w.aisha, str(w.aisha.pk))
