"""The door: what one move writes, what it refuses, and the rules of the record that its effects carry."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import pytest
import yaml
from django.apps import apps
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Appointment, Post, StepPost
from disputes.models import Agreement, ChildReference, Confirmation, Disagreement, Draft, Entry, Seat, Side
from escalation import moves, notices, tasks
from escalation.models import Clock, Notice
from escalation.moves import Given, MoveRefused, NewChild, Overtaken
from procedure.models import shipped_chapter
from tests import factories
from tests.factories import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def w() -> World:
    return factories.world()


def attempt(d: Disagreement, move: str, by: Any, *, seen: int | None = None, key: uuid.UUID | None = None, **given: Any) -> Entry:
    given.setdefault("child_safe", "yes")
    with acting_as(by):
        seen = factories.fresh(d).move_version if seen is None else seen
        return moves.make(d.pk, move, by=by, given=Given(**given), seen=seen, key=key or uuid.uuid4(), now=timezone.now())


# ── keys, versions, refusals ────────────────────────────────────────────────────────────────────────────────────────


def test_a_repeated_key_answers_the_first_entry_whatever_happened_since(w: World) -> None:
    d, key = factories.raised(w), uuid.uuid4()
    first = attempt(d, "match_child", w.sam, key=key)
    factories.move(d, "answer", w.sam)
    assert attempt(d, "match_child", w.sam, seen=1, key=key) == first
    with acting_as(w.aisha):
        assert d.entries.count() == 3


def test_the_key_of_another_move_is_refused_and_another_persons_key_is_their_own(w: World) -> None:
    d, key = factories.raised(w), uuid.uuid4()
    attempt(d, "add_note", w.sam, key=key, words={"note": "x"})
    with pytest.raises(MoveRefused, match="once already"):
        attempt(d, "match_child", w.sam, key=key)
    assert attempt(d, "add_note", w.aisha, key=key, words={"note": "y"}).person == w.aisha


def test_a_stale_page_is_overtaken_by_the_move_that_came_first_not_by_a_note(w: World) -> None:
    d = factories.answered(w)
    factories.move(d, "add_note", w.sam)
    with acting_as(w.aisha):
        seen = factories.fresh(d).move_version
    referred = factories.move(d, "refer_to_line_manager", w.aisha)
    factories.move(d, "add_note", w.sam)
    with pytest.raises(Overtaken) as told:
        attempt(d, "withdraw", w.aisha, seen=seen)
    assert told.value.entry == referred
    assert str(told.value)


def test_notes_change_no_version_and_need_none(w: World) -> None:
    d = factories.answered(w)
    with acting_as(w.aisha):
        before = factories.fresh(d).move_version
    for note in ("add_note", "record_discussion"):
        attempt(d, note, w.aisha, seen=0, words={"note": "x"})
    with acting_as(w.aisha):
        assert factories.fresh(d).move_version == before


def test_a_refused_move_writes_nothing_at_all(w: World) -> None:
    d = factories.answered(w)
    with acting_as(w.aisha):
        owed = Notice.objects.filter(disagreement=d).count()
    for move, by, given in (
        ("answer", w.sam, {}),
        ("withdraw", w.sam, {}),
        ("record_answer_for", w.aisha, {}),
        ("bring_in_support", w.aisha, {"facts": {"post": str(w.posts["surgery"].pk)}}),
        ("bring_in_support", w.aisha, {"facts": {"post": str(w.posts["sam"].pk)}}),
        ("correct_entry", w.aisha, {"corrects": uuid.uuid4()}),
    ):
        with pytest.raises(MoveRefused):
            attempt(d, move, by, **given)
    with acting_as(w.aisha):
        assert d.entries.count() == 3
        assert d.seats.count() == 2
        assert Notice.objects.filter(disagreement=d).count() == owed


@pytest.mark.parametrize("broken", [(notices, "owe"), (Disagreement, "save")])
def test_a_fault_at_the_end_of_a_move_leaves_nothing(w: World, broken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    d = factories.answered(w)
    tables = [m for m in apps.get_models() if m._meta.app_label in ("disputes", "escalation") and m._meta.managed]

    def count() -> dict[str, int]:
        with acting_as(w.aisha):
            return {model.__name__: model._base_manager.count() for model in tables}

    before = count()

    def fault(*args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(*broken, fault)
    with pytest.raises(ZeroDivisionError):
        factories.move(d, "refer_to_line_manager", w.aisha)
    assert count() == before
    assert before["Entry"] == 3
    monkeypatch.undo()
    factories.move(d, "refer_to_line_manager", w.aisha)
    assert count()["Seat"] == 4


def test_what_a_move_writes_names_its_entry(w: World) -> None:
    d = factories.answered(w)
    entry = factories.move(d, "refer_to_line_manager", w.aisha)
    with acting_as(w.aisha):
        assert Seat.objects.filter(opened_by=entry.pk).count() == 2
        assert Clock.objects.get(started_by=entry).stopped_by is None
        assert Clock.objects.get(stopped_by=entry).step == 1
        assert set(Notice.objects.filter(entry=entry).values_list("person__name", "rule")) == {
            ("Mona", "your_move"),
            ("Grace", "told"),
            ("Sam", "news"),
        }
        for history in (Disagreement.history, Seat.history, Clock.history):
            assert history.filter(caused_by=entry.pk, actor_name="Aisha").exists()


# ── raising ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def send(w: World, **changed: Any) -> Entry:
    with acting_as(w.aisha):
        draft = changed.pop("draft", None) or Draft.objects.create(partnership=w.partnership, author=w.aisha, post=w.posts["aisha"])
        options = {
            "by": w.aisha,
            "given": Given(words={"decision": "x"}, facts={"category": "thresholds"}),
            "team": w.teams["social_care"],
            "post": w.posts["sam"],
            "children": [NewChild("Ash", "5_10", "S-1"), NewChild("Elm", "1_4")],
            "now": timezone.now(),
            **changed,
        }
        return moves.raise_disagreement(draft, **options)


def test_sending_makes_the_disagreement_and_deletes_the_draft(w: World) -> None:
    entry = send(w)
    with acting_as(w.aisha):
        d = factories.fresh(entry.disagreement_id)
        assert (d.stage, d.step, d.awaiting, d.move_version) == ("practitioner", 1, "match", 1)
        assert d.raised_at == entry.recorded_at
        assert not Draft.objects.exists()
        assert [(c.number, c.pseudonym) for c in d.children.all()] == [(1, "Ash"), (2, "Elm")]
        assert list(ChildReference.objects.values_list("reference", flat=True)) == ["S-1"]


def test_what_cannot_be_raised_is_refused(w: World) -> None:
    other = factories.world("southshire")
    for changed in (
        {"team": w.teams["school"], "post": None},
        {"team": w.teams["health"], "post": w.posts["sam"]},
        {"given": Given(facts={"category": "anything"})},
        {"by": w.zoe},
    ):
        with pytest.raises(MoveRefused):
            send(w, **changed)
    apart = factories.team(other.partnership, "Only southshire", "")
    with pytest.raises(MoveRefused):
        send(w, team=apart, post=None)
    with factories.as_set_up():
        Post.objects.filter(pk=w.posts["aisha"].pk).update(ended_on=dt.date.today())
    with pytest.raises(MoveRefused, match="no longer hold"):
        send(w)
    with acting_as(w.aisha):
        assert not Disagreement.objects.exists()


def test_a_child_at_immediate_risk_may_start_higher_and_tells_both_managers(w: World) -> None:
    d = factories.raised(w, at_immediate_risk=True, start_higher=True)
    assert (d.stage, d.step) == ("line_manager", 2)
    with acting_as(w.aisha):
        assert {seat.person.name for seat in d.standing.acting_seats(d.standing.party_sides)} == {"Grace", "Mona"}
    lower = factories.raised(w, at_immediate_risk=True)
    assert (lower.stage, lower.step) == ("practitioner", 1)
    with acting_as(w.mona):
        assert factories.fresh(lower).at_immediate_risk


# ── which child, and not for us ─────────────────────────────────────────────────────────────────────────────────────


def test_no_answer_before_the_child_is_matched_and_each_side_keeps_its_reference(w: World) -> None:
    d = factories.raised(w)
    with pytest.raises(MoveRefused):
        attempt(d, "answer", w.sam)
    factories.move(d, "match_child", w.sam, references={1: "SC-9"})
    with acting_as(w.sam):
        assert set(ChildReference.objects.values_list("side__kind", "reference")) == {("raising", "S-1"), ("responding", "SC-9")}


def test_passing_it_on_moves_the_side_and_not_the_clock(w: World) -> None:
    sue = factories.person("Sue")
    with factories.as_set_up():
        Post.objects.create(team=w.teams["social_care"], holder=sue, title="Practitioner", level=0, reports_to=w.posts["mona"])
    d = send_to_the_team(w)
    with acting_as(w.aisha):
        clock = Clock.objects.get()
    factories.move(d, "pass_on", w.sam, facts={"team": str(w.teams["health"].pk)})
    with acting_as(w.aisha):
        assert Clock.objects.get() == clock
        assert Clock.objects.get().stopped_at is None
        now = factories.fresh(d)
        assert [side.team.agency.name for side in now.standing.sides_of("responding")] == ["Northshire Health Trust"]
        assert {seat.person.name for seat in now.standing.turn.seats} == {"Nell"}
        assert now.standing.people_in(now.standing.turn.seats) == [w.nell]
        assert set(Notice.objects.filter(clock=clock, dropped_at=None).values_list("person__name", flat=True)) == {"Nell"}
    for gone in (w.sam, sue):
        with acting_as(gone), pytest.raises(Disagreement.DoesNotExist):
            factories.fresh(d)


def send_to_the_team(w: World) -> Disagreement:
    """To everybody at the front door."""
    entry = send(w, post=None)
    with acting_as(w.aisha):
        return factories.fresh(entry.disagreement_id)


def test_passing_it_on_to_who_cannot_take_it_is_refused(w: World) -> None:
    d = factories.raised(w)
    apart = factories.team(factories.world("southshire").partnership, "Only southshire", "")
    for team, post in (
        (w.teams["school"], None),
        (w.teams["social_care"], None),
        (apart, None),
        (w.teams["health"], w.posts["hal"]),
    ):
        with pytest.raises(MoveRefused):
            attempt(d, "pass_on", w.sam, facts={"team": str(team.pk), "post": str(post.pk) if post else None})
    with pytest.raises(MoveRefused):
        attempt(d, "pass_on", w.sam)


# ── the agreed outcome ──────────────────────────────────────────────────────────────────────────────────────────────


def issue(side: Side, **more: Any) -> dict[str, Any]:
    return {"owner_side": str(side.pk), "due_on": "2030-01-01", **more}


def test_who_proposes_has_confirmed_and_the_other_side_resolves_it(w: World) -> None:
    d = factories.answered(w)
    factories.agreed(d, w.sam)
    with acting_as(w.aisha):
        assert [c.side.kind for c in Confirmation.objects.all()] == ["responding"]
    factories.move(d, "confirm_outcome", w.aisha, facts={"still_at_risk": True, "channel": "My line manager"})
    with acting_as(w.aisha):
        now = factories.fresh(d)
        assert (now.stage, now.still_at_risk, now.awaiting) == ("resolved", True, "")
        assert now.ended_at == d.entries.order_by("-number").first().recorded_at
        assert now.due_at is None


def test_an_edit_voids_the_confirmations(w: World) -> None:
    d = factories.answered(w)
    factories.agreed(d, w.sam)
    factories.move(d, "propose_outcome", w.aisha, outcome="Changed")
    with acting_as(w.sam):
        now = factories.fresh(d)
        assert now.stage == "practitioner"
        assert [side.kind for side in now.standing.unconfirmed_sides] == ["responding"]
        assert [agreement.version for agreement in now.agreements.all()] == [2, 1]
    factories.move(d, "confirm_outcome", w.sam)
    assert factories.look(d, w.sam).stage == "resolved"


def test_declining_says_so_and_hands_it_back(w: World) -> None:
    d = factories.answered(w)
    factories.agreed(d, w.sam)
    entry = factories.move(d, "decline_outcome", w.aisha)
    with acting_as(w.aisha):
        assert factories.fresh(d).awaiting == "decision"
        assert Agreement.objects.get().declined_by == entry


def test_a_consulted_side_does_not_block(w: World) -> None:
    d = factories.answered(w)
    with acting_as(w.aisha):
        Side.objects.create(partnership=w.partnership, disagreement=d, kind="consulted", team=w.teams["health"], post=w.posts["nell"])
    factories.agreed(d, w.sam)
    factories.move(d, "confirm_outcome", w.aisha)
    assert factories.look(d, w.aisha).stage == "resolved"


def test_outstanding_issues_belong_to_a_side_at_the_table(w: World) -> None:
    d, elsewhere = factories.answered(w), factories.raised(w)
    with acting_as(w.aisha):
        ours, theirs = d.sides.get(kind="raising"), elsewhere.sides.get(kind="raising")
    with pytest.raises(MoveRefused):
        attempt(d, "propose_outcome", w.sam, facts={"issues": [issue(theirs)]}, words={"outcome": "x"})
    attempt(d, "propose_outcome", w.sam, facts={"issues": [issue(ours, owner=str(w.aisha.pk))]}, words={"outcome": "x", "issue_1": "y"})
    with acting_as(w.aisha):
        assert d.outstanding_issues.get().owner == w.aisha


def test_only_the_raisers_own_answer_says_what_the_raiser_still_believes(w: World) -> None:
    d = factories.at_line_managers(w)
    factories.agreed(d, w.mona)
    factories.move(d, "confirm_outcome", w.grace, facts={"still_at_risk": False})
    assert factories.look(d, w.aisha).still_at_risk is None
    factories.move(d, "say_still_at_risk", w.aisha, facts={"still_at_risk": True, "channel": "My line manager"})
    assert factories.look(d, w.aisha).still_at_risk is True


# ── a side that is not on the system ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def with_the_surgery(w: World) -> Disagreement:
    entry = send(w, team=w.teams["surgery"], post=w.posts["surgery"])
    with acting_as(w.aisha):
        return factories.fresh(entry.disagreement_id)


def surgery(d: Disagreement, w: World) -> uuid.UUID:
    with acting_as(w.aisha):
        return d.sides.get(kind="responding").pk


def test_a_side_not_on_the_system_goes_the_whole_way_up(w: World, with_the_surgery: Disagreement) -> None:
    d, side = with_the_surgery, surgery(with_the_surgery, w)
    for by, onwards in ((w.aisha, "refer_to_line_manager"), (w.grace, "pass_up_the_line"), (w.ian, "ask_the_chair")):
        with acting_as(by):
            standing = factories.fresh(d).standing
            assert [s.pk for s in standing.turn.for_sides] == [side]
            assert by in standing.people_in(standing.turn.seats)
        factories.move(d, "record_answer_for", by, recorded_for=side, references={1: "GP-1"}, said="By phone")
        factories.move(d, onwards, by)
    factories.move(d, "accept_mediation", w.chair)
    factories.move(d, "record_mediation", w.chair)
    factories.move(d, "propose_outcome", w.chair, outcome="x")
    factories.move(d, "confirm_outcome", w.ian)
    factories.move(d, "record_confirmation_for", w.ian, recorded_for=side, source="Letter")
    assert factories.look(d, w.aisha).stage == "lscb_mediation"
    factories.move(d, "countersign", w.office)
    assert factories.look(d, w.aisha).stage == "resolved"
    with acting_as(w.aisha):
        recorded = d.entries.filter(recorded_for=side)
        assert recorded.count() == 4
        assert {entry.side.kind for entry in recorded.select_related("side")} == {"raising"}


def test_a_recorded_confirmation_waits_for_a_second_person_of_the_office(w: World, with_the_surgery: Disagreement) -> None:
    d, side = with_the_surgery, surgery(with_the_surgery, w)
    factories.move(d, "record_answer_for", w.aisha, recorded_for=side)
    factories.agreed(d, w.aisha)
    factories.move(d, "record_confirmation_for", w.aisha, recorded_for=side)
    now = factories.look(d, w.office)
    with acting_as(w.office):
        assert now.stage == "practitioner"
        assert [seat.person for seat in now.standing.turn.seats] == [w.office]
        assert Notice.objects.filter(person=w.office, rule="your_move").exists()
    with pytest.raises(MoveRefused):
        attempt(d, "countersign", w.aisha)
    factories.move(d, "countersign", w.office)
    assert factories.look(d, w.aisha).stage == "resolved"


def test_whoever_recorded_it_does_not_countersign_it(w: World, with_the_surgery: Disagreement) -> None:
    colleague = factories.person("Olga")
    with factories.as_set_up():
        Appointment.objects.create(partnership=w.partnership, person=colleague, office="office", starts_on=factories.LONG_AGO)
    d, side = with_the_surgery, surgery(with_the_surgery, w)
    factories.move(d, "record_answer_for", w.aisha, recorded_for=side)
    factories.agreed(d, w.aisha)
    factories.move(d, "record_confirmation_for", w.aisha, recorded_for=side)
    factories.agreed(d, w.aisha)  # a new version: to be confirmed again, now that the office sits at the table
    factories.move(d, "record_confirmation_for", w.office, recorded_for=side)
    with pytest.raises(MoveRefused):
        attempt(d, "countersign", w.office)
    factories.move(d, "countersign", colleague)
    assert factories.look(d, w.aisha).stage == "resolved"


def test_nothing_is_recorded_for_a_side_that_can_act_for_itself(w: World, with_the_surgery: Disagreement) -> None:
    answerable = factories.raised(w)
    with acting_as(w.aisha):
        sam_s = answerable.sides.get(kind="responding").pk
    with pytest.raises(MoveRefused):
        attempt(answerable, "record_answer_for", w.aisha, recorded_for=sam_s)
    for wrong in (None, sam_s, uuid.uuid4()):
        with pytest.raises(MoveRefused):
            attempt(with_the_surgery, "record_answer_for", w.aisha, recorded_for=wrong)
    with pytest.raises(MoveRefused):
        attempt(answerable, "add_note", w.aisha, words={"note": "x"}, recorded_for=sam_s)


def test_an_entry_of_another_disagreement_cannot_be_corrected(w: World) -> None:
    d, other = factories.raised(w), factories.raised(w)
    with acting_as(w.aisha):
        own, foreign = d.entries.get().pk, other.entries.get().pk
    for wrong in (None, foreign, uuid.uuid4()):
        with pytest.raises(MoveRefused):
            attempt(d, "correct_entry", w.aisha, corrects=wrong, words={"note": "x"})
    assert attempt(d, "correct_entry", w.aisha, corrects=own, words={"note": "x"}).corrects_id == own


# ── up the ladder, and its gaps ─────────────────────────────────────────────────────────────────────────────────────


def acting(d: Disagreement, w: World, kind: str) -> set[str]:
    with acting_as(w.aisha):
        standing = factories.fresh(d).standing
        return {seat.person.name for seat in standing.acting_seats(standing.sides_of(kind))}


def test_a_raiser_without_a_line_manager_goes_to_their_adviser_and_on_from_there(w: World) -> None:
    with factories.as_set_up():
        Post.objects.filter(pk=w.posts["aisha"].pk).update(reports_to=None, adviser=w.posts["rita"])
    d = factories.answered(w)
    factories.move(d, "refer_to_line_manager", w.aisha)
    assert acting(d, w, "raising") == {"Rita"}
    factories.move(d, "record_discussion", w.rita)
    factories.move(d, "pass_up_the_line", w.rita)
    assert acting(d, w, "raising") == {"Noor"}


def test_a_gap_in_the_line_stops_nobody(w: World) -> None:
    """No line manager and no adviser on the system: it goes up all the same, and the raiser acts on for their side."""
    with factories.as_set_up():
        Post.objects.filter(pk__in=[w.posts["aisha"].pk, w.posts["zoe"].pk]).update(reports_to=None)
    d = factories.answered(w)
    factories.move(d, "refer_to_line_manager", w.aisha)
    assert (acting(d, w, "raising"), acting(d, w, "responding")) == ({"Aisha"}, {"Mona"})
    factories.move(d, "answer", w.mona)
    factories.move(d, "pass_up_the_line", w.aisha)
    factories.move(d, "record_discussion", w.aisha)
    factories.move(d, "ask_the_chair", w.aisha)
    assert factories.look(d, w.chair).stage == "lscb_mediation"


def test_a_gap_on_the_other_side_leaves_the_answer_with_who_had_it(w: World) -> None:
    with factories.as_set_up():
        Post.objects.filter(pk=w.posts["sam"].pk).update(reports_to=None)
    d = factories.at_line_managers(w)
    assert acting(d, w, "responding") == {"Sam"}
    factories.move(d, "change_opposite_number", w.grace, facts={"post": str(w.posts["hal"].pk)})
    assert acting(d, w, "responding") == {"Hal"}


def test_who_left_without_a_stand_in_leaves_their_side_to_others(w: World) -> None:
    d = factories.at_line_managers(w)
    w.mona.is_active = False
    with factories.as_set_up():
        w.mona.save()
    assert acting(d, w, "responding") == {"Sam"}
    factories.stand_in(w.posts["mona"], w.rita)
    assert acting(d, w, "responding") == {"Mona"}
    with acting_as(w.aisha):
        standing = factories.fresh(d).standing
        assert standing.people_in(standing.turn.seats) == [w.rita]
    assert factories.move(d, "answer", w.rita).standing_in_for == w.mona


def test_the_head_of_a_school_may_raise_too(w: World) -> None:
    with acting_as(w.ian):
        draft = Draft.objects.create(partnership=w.partnership, author=w.ian, post=w.posts["ian"])
        entry = moves.raise_disagreement(
            draft,
            by=w.ian,
            given=Given(words={"decision": "x"}, facts={"category": "other"}),
            team=w.teams["social_care"],
            post=w.posts["sam"],
            children=[NewChild("Ash", "5_10")],
            now=timezone.now(),
        )
        d = factories.fresh(entry.disagreement_id)
    factories.move(d, "record_discussion", w.ian)
    factories.move(d, "refer_to_line_manager", w.ian)
    factories.move(d, "record_discussion", w.ian)
    factories.move(d, "pass_up_the_line", w.ian)
    factories.move(d, "record_discussion", w.ian)
    factories.move(d, "ask_the_chair", w.ian)
    assert factories.look(d, w.ian).stage == "lscb_mediation"


def test_a_manager_of_both_sides_sits_on_one_and_the_next_above_on_the_other(w: World) -> None:
    chief = factories.person("Chief")
    with factories.as_set_up():
        above = Post.objects.create(team=w.teams["school"], holder=chief, title="Chief", level=3)
        Post.objects.filter(pk=w.posts["grace"].pk).update(reports_to=above)
        StepPost.objects.create(team=w.teams["social_care"], level=1, post=w.posts["grace"])
    d = factories.at_line_managers(w)
    assert (acting(d, w, "raising"), acting(d, w, "responding")) == ({"Grace"}, {"Mona"})
    with acting_as(w.aisha):
        sides = Seat.objects.filter(disagreement=d, ends_at=None).values_list("person", "side")
        assert len({person for person, _ in sides}) == len(set(sides))


def test_the_team_s_own_mapping_comes_first(w: World) -> None:
    with factories.as_set_up():
        StepPost.objects.create(team=w.teams["social_care"], level=2, post=w.posts["noor"])
    d = factories.at_line_managers(w)
    factories.move(d, "record_discussion", w.grace)
    factories.move(d, "pass_up_the_line", w.grace)
    assert acting(d, w, "responding") == {"Noor"}


def test_changing_the_opposite_number_ends_one_seat_and_opens_another(w: World) -> None:
    d = factories.at_line_managers(w)
    max_ = factories.person("Max")
    with factories.as_set_up():
        post = Post.objects.create(team=w.teams["social_care"], holder=max_, title="Line manager", level=1)
    entry = factories.move(d, "change_opposite_number", w.grace, facts={"post": str(post.pk)})
    assert acting(d, w, "responding") == {"Max"}
    with acting_as(w.mona), pytest.raises(Disagreement.DoesNotExist):
        factories.fresh(d)
    with acting_as(w.aisha):
        owed = Notice.objects.filter(dropped_at=None, sent_at=None)
        assert set(owed.exclude(clock=None).values_list("person__name", flat=True)) == {"Max"}
        assert set(owed.filter(entry=entry, rule="your_move").values_list("person__name", flat=True)) == {"Max"}


def test_an_opposite_number_who_cannot_sit_there_is_refused(w: World) -> None:
    d = factories.at_line_managers(w)
    for post in ("surgery", "ian", "aisha"):
        if post == "ian":
            factories.move(d, "bring_in_support", w.grace, facts={"post": str(w.posts["ian"].pk)})
        with pytest.raises(MoveRefused):
            attempt(d, "change_opposite_number", w.grace, facts={"post": str(w.posts[post].pk)})
    with pytest.raises(MoveRefused):
        attempt(d, "change_opposite_number", w.grace)


def test_a_policy_with_six_steps_is_climbed_one_by_one() -> None:
    w = factories.world("sixsteps", policy(six_steps()))
    top = factories.person("Top")
    with factories.as_set_up():
        post = Post.objects.create(team=w.teams["school"], holder=top, title="Director", level=4)
        Post.objects.filter(pk=w.posts["ian"].pk).update(reports_to=post)
    d = factories.answered(w)
    factories.move(d, "refer_to_line_manager", w.aisha)
    seen = []
    while factories.look(d, w.aisha).stage != "lscb_mediation":
        now = factories.look(d, w.aisha)
        seen.append((now.step, now.stage))
        with acting_as(w.aisha):
            side = now.standing.acting_seats(now.standing.sides_of("raising"))
        names = {move for move in ("pass_up_the_line", "ask_the_chair") if move in open_moves(d, side[0].person)}
        assert not names  # not before they have heard each other, or the limit has passed
        factories.move(d, "record_discussion", side[0].person)
        names = {move for move in ("pass_up_the_line", "ask_the_chair") if move in open_moves(d, side[0].person)}
        assert len(names) == 1
        factories.move(d, names.pop(), side[0].person)
    assert seen == [(2, "line_manager"), (3, "line_manager"), (4, "up_the_line"), (5, "up_the_line")]
    factories.move(d, "decline_mediation", w.chair)
    assert (factories.look(d, w.aisha).stage, factories.look(d, w.aisha).step) == ("up_the_line", 5)


def open_moves(d: Disagreement, by: Any) -> set[str]:
    with acting_as(by):
        now = factories.fresh(d)
        return {move.name for move in now.open_moves(now.standing.actor(by))}


def policy(change: dict[str, Any]) -> str:
    plain = json.loads(
        json.dumps({**yaml.safe_load(shipped_chapter()), **change}, default=str)
    )  # no references: a policy file may have none
    return yaml.safe_dump(plain, sort_keys=False)


def six_steps() -> dict[str, Any]:
    stages = ["practitioner", "line_manager", "line_manager", "up_the_line", "up_the_line", "lscb_mediation"]
    levels = [0, 1, 1, 2, 4, 5]
    common = {"raised_by": "a", "answered_by": "b", "limit": {"amount": 1, "unit": "working_days"}}
    return {
        "steps": [
            {"number": n, "stage": stage, "level": level, "name": f"Step {n}", **common}
            for n, (stage, level) in enumerate(zip(stages, levels, strict=True), start=1)
        ]
    }


def test_a_policy_without_limits_and_tellings_runs_no_clock_and_still_reaches_the_chair(as_clock: Any) -> None:
    steps = [{k: v for k, v in step.items() if k != "limit"} for step in yaml.safe_load(shipped_chapter())["steps"]]
    w = factories.world("limitless", policy({"steps": steps, "tellings": []}))
    d = factories.with_the_chair(w)
    factories.move(d, "accept_mediation", w.chair)
    with acting_as(w.aisha):
        assert not Clock.objects.exists()
        assert factories.fresh(d).due_at is None
    with as_clock():
        assert tasks.notice_due_clocks(timezone.now() + dt.timedelta(days=900)) == 0


def test_where_no_chair_is_appointed_a_deputy_is_asked_and_else_the_office(w: World) -> None:
    with factories.as_set_up():
        Appointment.objects.filter(person=w.chair).update(ends_on=dt.date.today() - dt.timedelta(days=1))
    assert factories.look(factories.with_the_chair(w), w.deputy).mediation == "asked"
    with factories.as_set_up():
        Appointment.objects.filter(person=w.deputy).update(ends_on=dt.date.today() - dt.timedelta(days=1))
    d = factories.with_the_chair(w)
    assert "redirect" in open_moves(d, w.office)


# ── the Chair and the ends ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_proposal_between_the_sides_does_not_take_the_answer_from_the_chair(w: World) -> None:
    d = factories.with_the_chair(w)
    factories.agreed(d, w.hal)
    assert {"accept_mediation", "decline_mediation"} <= open_moves(d, w.chair)
    factories.move(d, "accept_mediation", w.chair)
    assert factories.look(d, w.chair).awaiting == "confirmation"
    factories.move(d, "record_mediation", w.chair)
    factories.move(d, "confirm_outcome", w.ian)
    assert factories.look(d, w.aisha).stage == "resolved"
    with acting_as(w.aisha):
        assert Confirmation.objects.filter(disagreement=d).count() == 2


def test_the_chair_declines_and_it_is_closed_at_the_last_step(w: World) -> None:
    d = factories.with_the_chair(w)
    factories.move(d, "decline_mediation", w.chair, reasons="Not for mediation")
    now = factories.look(d, w.aisha)
    assert (now.stage, now.step, now.mediation) == ("up_the_line", 3, "declined")
    assert "ask_the_chair" not in open_moves(d, w.ian)
    factories.move(d, "close_without_agreement", w.hal)
    assert factories.look(d, w.aisha).stage == "closed"


def test_all_sides_agree_to_differ(w: World) -> None:
    d = factories.answered(w)
    factories.move(d, "agree_to_differ", w.sam, position="x")
    assert factories.look(d, w.aisha).stage == "practitioner"
    assert "agree_to_differ" not in open_moves(d, w.sam)
    factories.move(d, "agree_to_differ", w.aisha, position="y")
    assert factories.look(d, w.aisha).stage == "closed"


def test_agreeing_to_differ_at_one_step_does_not_count_at_the_next(w: World) -> None:
    d = factories.up_the_line(w)
    factories.move(d, "agree_to_differ", w.hal)
    factories.move(d, "record_discussion", w.ian)
    factories.move(d, "ask_the_chair", w.ian)
    factories.move(d, "agree_to_differ", w.ian)
    assert factories.look(d, w.aisha).stage == "lscb_mediation"


def test_who_acts_after_the_last_chaser_is_not_silent(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    with as_clock():
        tasks.notice_due_clocks(timezone.now() + dt.timedelta(days=60))
    assert "close_as_unconfirmed" in open_moves(d, w.office)
    factories.move(d, "match_child", w.sam)
    assert "close_as_unconfirmed" not in open_moves(d, w.office)


def test_a_raising_side_that_stays_silent_may_be_closed_too(w: World, as_clock: Any) -> None:
    d = factories.answered(w)
    with as_clock():
        tasks.notice_due_clocks(timezone.now() + dt.timedelta(days=60))
    factories.move(d, "close_as_unconfirmed", w.office)
    assert factories.look(d, w.aisha).stage == "closed"


def test_reopening_goes_back_to_where_the_sides_last_acted_and_asks_everything_again(w: World) -> None:
    d = factories.with_the_chair(w)
    factories.move(d, "accept_mediation", w.chair)
    factories.move(d, "record_mediation", w.chair)
    factories.agreed(d, w.chair)
    factories.move(d, "confirm_outcome", w.ian)
    factories.move(d, "confirm_outcome", w.hal)
    factories.move(d, "answer_closing_questions", w.aisha)
    assert "reopen" in open_moves(d, w.ian)
    factories.move(d, "reopen", w.aisha)
    now = factories.look(d, w.aisha)
    assert (now.stage, now.step, now.awaiting, now.ended_at, now.mediation) == ("up_the_line", 3, "answer", None, "")
    with acting_as(w.aisha):
        assert Clock.objects.filter(stopped_at=None).get().step == 3
    assert "answer" in open_moves(d, w.hal)
    factories.agreed(d, w.ian)
    factories.move(d, "confirm_outcome", w.hal)
    assert "answer_closing_questions" in open_moves(d, w.aisha)


def test_a_supporter_does_not_answer_the_closing_questions_for_the_side(w: World) -> None:
    d = factories.raised(w, supporters=[str(w.posts["zoe"].pk)])
    factories.move(d, "withdraw", w.aisha)
    assert "answer_closing_questions" not in open_moves(d, w.zoe)
    factories.move(d, "answer_closing_questions", w.aisha)
    assert "answer_closing_questions" not in open_moves(d, w.aisha)
    assert "answer_closing_questions" in open_moves(d, w.sam)


def test_a_stand_in_acts_for_and_the_record_says_so(w: World) -> None:
    factories.stand_in(w.posts["grace"], w.zoe)
    d = factories.at_line_managers(w)
    factories.move(d, "record_discussion", w.zoe)
    entry = factories.move(d, "pass_up_the_line", w.zoe)
    assert (entry.person, entry.standing_in_for, entry.post) == (w.zoe, w.grace, w.posts["grace"])


def test_a_stand_in_of_both_sides_acts_for_the_one_where_they_sit(w: World) -> None:
    factories.stand_in(w.posts["mona"], w.aisha)
    d = factories.at_line_managers(w)
    assert "answer" not in open_moves(d, w.aisha)
    assert "withdraw" in open_moves(d, w.aisha)
