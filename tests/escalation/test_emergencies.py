"""Opening it in an emergency, conflicts of interest, posts that change hands, notes of one side: who sees, from when, until when."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Appointment, Post, User
from audit.models import Alarm
from disputes.models import Disagreement, Entry, Exclusion, Seat, SideNote
from disputes.seats import Standing
from escalation import moves, tasks
from escalation.models import Notice
from escalation.moves import Given, MoveRefused
from tests import factories
from tests.factories import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def w() -> World:
    return factories.world()


def sees(d: Disagreement, person: User, now: dt.datetime | None = None) -> bool:
    """By our own filters and by PostgreSQL's, which must agree."""
    with acting_as(User.objects.get(pk=person.pk)):
        ours = Disagreement.objects.visible_to(User.objects.get(pk=person.pk), now).filter(pk=d.pk).exists()
        theirs = Disagreement.objects.filter(pk=d.pk).exists()
    assert now or ours == theirs
    return ours


def break_glass(d: Disagreement, by: User, reason: str = "The child was found alone, and nobody answers") -> Entry | None:
    with acting_as(by):
        given = Given(words={"reason": reason} if reason else {}, child_safe="no")
        return moves.break_glass(d.reference, by=by, given=given, key=uuid.uuid4(), now=timezone.now())


# ── in an emergency ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_manager_of_an_agency_that_takes_part_sees_it_for_four_hours(w: World) -> None:
    d = factories.answered(w)
    assert not sees(d, w.hal)
    assert break_glass(d, w.hal) is not None
    assert sees(d, w.hal)
    with acting_as(w.hal):
        seat = Seat.objects.get(disagreement=d, person=w.hal)
        assert seat.ends_at is not None
        assert seat.ends_at - seat.starts_at == dt.timedelta(hours=4)
        found = factories.fresh(d)
        found.standing = Standing.of(found, timezone.now())
        open_moves = {move.name for move in found.open_moves(found.standing.actor(w.hal))}
    assert open_moves == set()
    assert not sees(d, w.hal, timezone.now() + dt.timedelta(hours=4, minutes=1))


@pytest.mark.parametrize("who", ["stranger", "nell", "zoe", "auditor", "rep"])
def test_nobody_else_may_and_it_looks_as_if_it_did_not_exist(w: World, who: str) -> None:
    d = factories.answered(w)
    assert break_glass(d, w.person(who)) is None
    assert sees(d, w.person(who)) == (who == "auditor")
    with acting_as(w.aisha):
        assert not d.entries.filter(kind="break_glass").exists()


def test_the_database_lets_nobody_in_for_longer_or_in_anothers_name(w: World) -> None:
    d = factories.answered(w)
    for who, person, hours in (("hal", "hal", 5), ("hal", "ian", 1), ("stranger", "stranger", 1)):
        with acting_as(w.person(who)), pytest.raises(DatabaseError), transaction.atomic():
            Seat.objects.create(
                partnership=w.partnership,
                disagreement=d,
                person=w.person(person),
                capacity="break_glass",
                starts_at=timezone.now(),
                ends_at=timezone.now() + dt.timedelta(hours=hours),
                opened_by=uuid.uuid4(),
            )


def sit_down(d: Disagreement, w: World) -> None:
    """A seat that nothing in the record opened; what is deferred is asked at once."""
    when = {"starts_at": timezone.now(), "ends_at": timezone.now()}
    with acting_as(w.hal), connection.cursor() as cursor:
        Seat.objects.create(partnership=w.partnership, disagreement=d, person=w.hal, capacity="break_glass", opened_by=uuid.uuid4(), **when)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_seat_that_no_entry_opened_is_refused_at_commit(w: World) -> None:
    d = factories.answered(w)
    with pytest.raises(DatabaseError, match="without an entry"):
        sit_down(d, w)


def test_both_agencies_and_the_office_are_told_at_once(w: World) -> None:
    d = factories.answered(w)
    entry = break_glass(d, w.hal)
    told: set[str] = set()
    for person in (w.aisha, w.sam, w.office):
        with acting_as(person):
            told |= {n.person.name for n in Notice.objects.filter(entry=entry).select_related("person") if n.urgent}
    assert {"Aisha", "Sam", "Office"} <= told


def test_it_needs_a_reason_and_a_second_person(w: World) -> None:
    d = factories.answered(w)
    with pytest.raises(MoveRefused, match="why"):
        break_glass(d, w.hal, reason=" ")
    break_glass(d, w.hal)
    factories.move(d, "confirm_break_glass", w.office, facts={"person": str(w.hal.pk)})
    with pytest.raises(MoveRefused):  # it is settled
        factories.move(d, "confirm_break_glass", w.office, facts={"person": str(w.hal.pk)})
    assert sees(d, w.hal)


def test_nobody_confirms_their_own(w: World) -> None:
    d = factories.answered(w)
    break_glass(d, w.office)
    with pytest.raises(MoveRefused):
        factories.move(d, "confirm_break_glass", w.office, facts={"person": str(w.office.pk)})
    factories.move(d, "confirm_break_glass", w.chair, facts={"person": str(w.office.pk)})  # seated for it, with both positions only


def test_who_says_it_should_not_have_been_opened_ends_it_at_once(w: World) -> None:
    d = factories.answered(w)
    break_glass(d, w.hal)
    factories.move(d, "refuse_break_glass", w.office, facts={"person": str(w.hal.pk)})
    assert not sees(d, w.hal)


def test_what_nobody_confirmed_in_a_working_day_raises_one_alarm(w: World, as_clock: Any) -> None:
    d = factories.answered(w)
    break_glass(d, w.hal)
    with as_clock():
        assert tasks.raise_alarms_about_emergencies(timezone.now()) == 0
        later = timezone.now() + dt.timedelta(days=7)
        assert tasks.raise_alarms_about_emergencies(later) == 1
        assert tasks.raise_alarms_about_emergencies(later) == 0
        assert list(Alarm.objects.values_list("kind", "person_id")) == [("unconfirmed_access", w.hal.pk)]
    factories.move(d, "confirm_break_glass", w.office, facts={"person": str(w.hal.pk)})


def test_the_page_answers_alike_for_what_is_hidden_and_what_is_absent(w: World, client: Client) -> None:
    d = factories.answered(w)
    client.force_login(w.stranger)
    asked = {"reason": "x", "child_safe": "no", "knows": "on"}
    answers = [client.post("/emergency/", {**asked, "reference": one}).content for one in (d.reference, "ZZZZ-ZZZZ")]
    assert answers[0].count(b"There is no disagreement with this reference") == answers[1].count(b"There is no disagreement") >= 1
    client.force_login(w.hal)
    answer = client.post("/emergency/", {**asked, "reference": d.reference.lower().replace("-", " ")})
    assert answer["Location"] == f"/disagreements/{d.reference}/"
    assert "You opened this in an emergency" in client.get(answer["Location"]).content.decode()
    client.force_login(w.office)
    assert "opened this in an emergency" in client.get("/desk/").content.decode()
    assert client.get(f"/disagreements/{d.reference}/confirm-break-glass/").status_code == 200


def test_ten_tries_an_hour(w: World, client: Client) -> None:
    d = factories.answered(w)
    client.force_login(w.hal)
    asked = {"reason": "x", "child_safe": "no", "knows": "on"}
    for _ in range(10):
        client.post("/emergency/", {**asked, "reference": "ZZZZ-ZZZZ"})
    assert client.post("/emergency/", {**asked, "reference": d.reference}).status_code == 200
    assert not sees(d, w.hal)


# ── conflicts of interest ───────────────────────────────────────────────────────────────────────────────────────────


def test_an_exclusion_beats_every_right_and_somebody_takes_their_place(w: World) -> None:
    d = factories.at_line_managers(w)
    assert sees(d, w.mona)
    factories.move(d, "exclude", w.sam, facts={"person": str(w.mona.pk), "instead": str(w.posts["hal"].pk)})
    assert not sees(d, w.mona)
    assert sees(d, w.hal)
    with acting_as(w.aisha):
        assert {seat.person.name for seat in factories.fresh(d).standing.turn.seats} == {"Hal"}
    with factories.as_set_up():
        Appointment.objects.create(partnership=w.partnership, person=w.mona, office="auditor", starts_on=factories.LONG_AGO)
        Appointment.objects.create(
            partnership=w.partnership,
            person=w.mona,
            office="safeguarding_lead",
            agency=w.teams["school"].agency,
            starts_on=factories.LONG_AGO,
        )
    factories.stand_in(w.posts["sam"], User.objects.get(pk=w.mona.pk))
    assert not sees(d, w.mona)
    assert break_glass(d, User.objects.get(pk=w.mona.pk)) is None


def test_who_is_excluded_before_they_come_in_is_passed_over(w: World) -> None:
    d = factories.answered(w)
    factories.move(d, "exclude", w.sam, facts={"person": str(w.mona.pk)})
    factories.move(d, "refer_to_line_manager", w.aisha)
    assert not sees(d, w.mona)
    assert sees(d, w.hal)


def test_one_can_step_back_oneself(w: World) -> None:
    d = factories.at_line_managers(w)
    factories.move(d, "exclude", w.grace, facts={"person": str(w.grace.pk), "instead": str(w.posts["ian"].pk)})
    assert not sees(d, w.grace)
    assert sees(d, w.ian)


def test_the_office_hears_of_it_and_lifts_what_was_none(w: World) -> None:
    d = factories.answered(w)
    factories.move(d, "exclude", w.aisha, facts={"person": str(w.grace.pk)})
    assert sees(d, w.office)
    with pytest.raises(MoveRefused):
        factories.move(d, "lift_exclusion", w.sam, facts={"person": str(w.grace.pk)})
    factories.move(d, "lift_exclusion", w.office, facts={"person": str(w.grace.pk)})
    factories.move(d, "refer_to_line_manager", w.aisha)
    assert sees(d, w.grace)
    with acting_as(w.office):
        assert Exclusion.objects.get(disagreement=d).lifted_by is not None


def test_of_the_other_side_and_of_the_partnership_a_side_asks_the_office(w: World, client: Client) -> None:
    """Else a side could shut out whoever objects, and confirm for them."""
    d = factories.answered(w)
    for whom in (w.sam, w.office, w.auditor, w.chair):
        with pytest.raises(MoveRefused):
            factories.move(d, "exclude", w.aisha, facts={"person": str(whom.pk)})
    factories.move(d, "exclude", w.aisha, facts={"person": str(w.sam.pk), "asked": True})
    assert sees(d, w.sam)
    with acting_as(w.office):
        assert Notice.objects.filter(person=w.office, entry__kind="exclude").exists()
        assert factories.fresh(d).standing.waiting.asked_to_exclude == (w.sam.pk,)
    client.force_login(w.office)
    assert "has a conflict of interest" in client.get("/desk/").content.decode()
    factories.move(d, "exclude", w.office, facts={"person": str(w.sam.pk), "instead": str(w.posts["mona"].pk)})
    assert not sees(d, w.sam)
    assert sees(d, w.mona)


def test_who_was_refused_once_does_not_open_it_again(w: World) -> None:
    d = factories.answered(w)
    break_glass(d, w.hal)
    factories.move(d, "refuse_break_glass", w.office, facts={"person": str(w.hal.pk)})
    assert break_glass(d, w.hal) is None
    with acting_as(w.aisha):
        assert Notice.objects.filter(person=w.aisha, entry__kind="refuse_break_glass").exists()


def test_the_office_settles_an_emergency_by_the_positions_and_keeps_no_sight_by_opening_one(w: World) -> None:
    d = factories.answered(w)
    break_glass(d, w.hal)
    with acting_as(w.office):
        assert Seat.objects.get(disagreement=d, person=w.office).positions_only
    e = factories.answered(w)
    break_glass(e, w.office)
    with acting_as(w.office):
        assert list(Seat.objects.filter(disagreement=e, person=w.office).values_list("capacity", flat=True)) == ["break_glass"]


def test_the_office_is_told_what_it_sees_and_nothing_of_accepting(w: World, client: Client) -> None:
    d = factories.answered(w)
    break_glass(d, w.hal)
    client.force_login(w.office)
    page = client.get(f"/disagreements/{d.reference}/").content.decode()
    assert "what was done in an emergency" in page
    assert "When you accept" not in page


def test_a_stand_in_does_not_outlive_the_post(w: World) -> None:
    d = factories.answered(w)
    relief = factories.person("Relief")
    factories.stand_in(w.posts["sam"], relief)
    assert sees(d, relief)
    with factories.as_set_up():
        Post.objects.filter(pk=w.posts["sam"].pk).update(ended_on=timezone.localdate())
    assert not sees(d, relief)


def test_somebody_who_cannot_take_the_place_is_refused(w: World) -> None:
    d = factories.at_line_managers(w)
    for post in ("sam", "nell", "grace"):
        with pytest.raises(MoveRefused):
            factories.move(d, "exclude", w.sam, facts={"person": str(w.mona.pk), "instead": str(w.posts[post].pk)})


def test_the_page_proposes_who_takes_the_place(w: World, client: Client) -> None:
    d = factories.at_line_managers(w)
    client.force_login(w.sam)
    page = client.get(f"/disagreements/{d.reference}/exclude/").content.decode()
    assert "Hal, Senior manager" in page
    with acting_as(w.sam):
        seen = factories.fresh(d).move_version
    given = {"person": str(w.mona.pk), "instead": str(w.posts["hal"].pk), "reason": "Her sister", "child_safe": "yes", "seen": seen}
    assert client.post(f"/disagreements/{d.reference}/exclude/", {**given, "key": str(uuid.uuid4())}).status_code == 302
    assert sees(d, w.hal)
    client.force_login(w.mona)
    assert client.get(f"/disagreements/{d.reference}/").status_code == 404


def test_whom_the_other_side_invited_confirms_with_the_office_as_second_person(w: World) -> None:
    """Who is behind an address only the inviter knows: alone with it, nobody resolves anything."""
    d = factories.raised(w, to="surgery")
    with factories.as_set_up():
        invited = User.objects.create(
            email="gp@example.org", name="Dr Patel", is_active=False, kept_by=w.teams["surgery"].agency, password="!"
        )
    factories.move(d, "invite", w.aisha, facts={"person": str(invited.pk), "capacity": "responder"})
    with factories.as_set_up():
        User.objects.filter(pk=invited.pk).update(is_active=True)
    invited.refresh_from_db()
    factories.move(d, "match_child", invited, references={1: "GP-1"})
    factories.agreed(d, w.aisha)
    factories.move(d, "confirm_outcome", invited, facts={"still_at_risk": False})
    assert factories.look(d, w.aisha).stage == "practitioner"
    factories.move(d, "countersign", w.office)
    assert factories.look(d, w.aisha).stage == "resolved"


# ── posts that change hands ─────────────────────────────────────────────────────────────────────────────────────────


def give(post: Post, to: User | None) -> None:
    with factories.as_set_up():
        post.holder = to
        post.save()


def test_a_seat_goes_with_its_post_and_the_former_holder_sees_nothing_more(w: World, as_clock: Any) -> None:
    d = factories.answered(w)
    give(w.posts["sam"], w.stranger)
    assert not sees(d, w.sam)
    assert sees(d, w.stranger)
    with as_clock():
        assert tasks.hand_over_to_holders(timezone.now()) == 1
        assert tasks.hand_over_to_holders(timezone.now()) == 0
    with acting_as(w.stranger):
        entry = d.entries.get(kind="change_holder")
        assert entry.facts["seats"] == [{"post": str(w.posts["sam"].pk), "from": str(w.sam.pk), "to": str(w.stranger.pk)}]
        old, new = Seat.objects.filter(disagreement=d, post=w.posts["sam"]).order_by("starts_at")
        assert (old.person, old.ends_at, new.person, new.ends_at) == (w.sam, entry.recorded_at, w.stranger, None)
        assert Notice.objects.filter(person=w.stranger, entry=entry).exists()
    assert not sees(d, w.sam)
    assert sees(d, w.stranger)


def test_an_act_of_the_new_holder_is_their_own_and_that_of_a_stand_in_is_for_somebody(w: World) -> None:
    d = factories.raised(w)
    give(w.posts["sam"], w.stranger)
    own = factories.move(d, "match_child", w.stranger, references={1: "SC-1"})
    relief = factories.person("Relief")
    factories.stand_in(w.posts["sam"], relief)
    stood_in = factories.move(d, "answer", relief, view="No")
    assert own.standing_in_for is None
    assert stood_in.standing_in_for is not None


def test_a_safeguarding_lead_sees_what_their_agency_takes_part_in_and_while_appointed(w: World) -> None:
    d = factories.answered(w)
    lead = factories.person("Lead")
    with factories.as_set_up():
        held = Appointment.objects.create(
            partnership=w.partnership,
            person=lead,
            office="safeguarding_lead",
            agency=w.teams["school"].agency,
            starts_on=factories.LONG_AGO,
        )
    assert sees(d, lead)
    with factories.as_set_up():
        held.agency = w.teams["health"].agency
        held.save()
    assert not sees(d, lead)
    with factories.as_set_up():
        held.agency, held.ends_on = w.teams["school"].agency, timezone.localdate() - dt.timedelta(days=1)
        held.save()
    assert not sees(d, lead)


def test_an_administrator_sees_no_disagreement(w: World, client: Client) -> None:
    d = factories.answered(w)
    keeper = factories.person("Keeper")
    with factories.as_set_up():
        Appointment.objects.create(
            partnership=w.partnership, person=keeper, office="administrator", agency=w.teams["school"].agency, starts_on=factories.LONG_AGO
        )
    assert not sees(d, keeper)
    assert break_glass(d, keeper) is None
    client.force_login(keeper)
    assert client.get(f"/disagreements/{d.reference}/").status_code == 404


# ── notes of one side ───────────────────────────────────────────────────────────────────────────────────────────────


def test_notes_of_a_side_are_seen_by_that_side_only(w: World, client: Client) -> None:
    d = factories.with_the_chair(w)
    factories.move(d, "accept_mediation", w.chair)
    client.force_login(w.aisha)
    assert client.post(f"/disagreements/{d.reference}/our-notes/", {"text": "Ask for the school nurse first"}).status_code == 302
    shown = {}
    for name in ("aisha", "grace", "ian", "sam", "mona", "hal", "chair", "office", "auditor", "stranger"):
        person = w.person(name)
        client.force_login(person)
        answer = client.get(f"/disagreements/{d.reference}/our-notes/")
        with acting_as(person):
            rows = SideNote.objects.count()
        shown[name] = ("school nurse" in answer.content.decode(), rows)
    assert {name for name, (page, rows) in shown.items() if page} == {"aisha", "grace", "ian"}
    assert {name for name, (page, rows) in shown.items() if rows} == {"aisha", "grace", "ian"}


def test_nobody_writes_a_note_for_the_other_side(w: World) -> None:
    d = factories.answered(w)
    with acting_as(w.aisha):
        (other,) = factories.fresh(d).standing.sides_of("responding")
    with acting_as(w.aisha), pytest.raises(DatabaseError), transaction.atomic():
        SideNote.objects.bulk_create([SideNote(partnership=w.partnership, disagreement=d, side=other, author=w.aisha, text="x")])


def test_four_hours_later_the_page_is_gone(w: World, client: Client) -> None:
    d = factories.answered(w)
    break_glass(d, w.hal)
    with time_machine.travel(timezone.now() + dt.timedelta(hours=5)):
        client.force_login(w.hal)
        assert client.get(f"/disagreements/{d.reference}/").status_code == 404
