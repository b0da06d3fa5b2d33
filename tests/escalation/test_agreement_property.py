"""No sequence of proposals, confirmations and second thoughts ends resolved without every side's confirmation of the very last version
(23.18). What counts as confirmed is read from the record here, and not from the rows that the door keeps beside it."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.acting import acting_as
from accounts.models import Appointment, User
from disputes.models import Disagreement, Entry
from escalation import moves
from escalation.moves import Given, MoveRefused, Overtaken
from escalation.turns import say_turn
from tests import factories
from tests.factories import World, look, move

pytestmark = pytest.mark.django_db

PEOPLE = ("aisha", "sam", "grace", "mona", "ian", "hal", "chair", "office", "second")
AGREEING = ("propose_outcome", "propose_outcome", "confirm_outcome", "confirm_outcome", "confirm_outcome")
OTHERS = (
    *("decline_outcome", "record_confirmation_for", "countersign", "refuse_countersign", "agree_to_differ", "reopen", "answer"),
    *("refer_to_line_manager", "add_note"),
)
WHOSE_TURN_IT_IS = "whose turn it is"  # and does what is asked of them: else hardly any sequence would come to an end
ACT = st.tuples(
    st.one_of(st.just(WHOSE_TURN_IT_IS), st.sampled_from(PEOPLE)),
    st.sampled_from([*AGREEING, *OTHERS]),
    st.integers(0, 5).map(lambda n: max(n - 3, 0)),  # how many moves ago they opened the page: mostly none
    st.sampled_from([None, None, 0, -1]),  # which version they say they confirm: not said, the latest, the one before
)
BEGINNINGS = st.sampled_from(
    ["between practitioners", "between managers", "not on the system", "offered by the Chair", "offered by the Chair"]
)


class Undone(Exception):
    """Takes back what an example wrote."""


@pytest.fixture
def w() -> World:
    w = factories.world()
    with factories.as_set_up():
        w.people["second"] = factories.person("Second", kept_for=w.partnership)
        Appointment.objects.create(partnership=w.partnership, person=w.second, office="office", starts_on=factories.LONG_AGO)
    return w


def begun(w: World, how: str) -> Disagreement:
    if how == "between managers":
        d = factories.at_line_managers(w)
        move(d, "answer", w.mona)
        return look(d, w.aisha)
    if how == "offered by the Chair":  # who confirms it for nobody
        d = factories.with_the_chair(w)
        move(d, "accept_mediation", w.chair)
        move(d, "record_mediation", w.chair)
        move(d, "propose_outcome", w.chair, outcome="A joint visit")
        return look(d, w.aisha)
    if how == "not on the system":
        d = factories.raised(w, to="surgery")
        with acting_as(w.aisha):
            other = look(d, w.aisha).standing.turn.for_sides[0]
        move(d, "record_answer_for", w.aisha, recorded_for=other.pk, view="x")
        return look(d, w.aisha)
    return factories.answered(w)


def asked_now(d: Disagreement, w: World) -> tuple[User, str]:
    """Whoever's turn it is, and what is asked of them where that leads on."""
    with acting_as(w.aisha):
        now = factories.fresh(d)
        seats = now.standing.turn.seats
        by = seats[0].person if seats else w.aisha
        asked = say_turn(now, now.standing.actor(by)).move or ""
    if by == w.office:
        by = w.second  # who did not record it
    return by, asked if asked in ("confirm_outcome", "record_confirmation_for", "countersign", "answer") else "propose_outcome"


def act(d: Disagreement, by: User, name: str, ago: int, version: int | None, n: int) -> str:
    """Makes this move as a page of some moves ago would; answers "" when it was made, else why not."""
    with acting_as(by), transaction.atomic():
        now = Disagreement.objects.filter(pk=d.pk).first()
        if now is None:
            return "not seen"
        latest = now.standing.agreement
        facts: dict[str, Any] = {"still_at_risk": False}
        if version is not None and name == "confirm_outcome":
            facts["agreement_version"] = (latest.version if latest else 0) + version
        others = now.standing.turn.for_sides
        words = {"outcome" if name == "propose_outcome" else "note": f"Words {n}"}
        recorded_for = others[0].pk if name == "record_confirmation_for" and others else None
        given = Given(words=words, facts=facts, child_safe="yes", recorded_for=recorded_for)
        seen = max(now.move_version - ago, 0)
        try:
            moves.make(d.pk, name, by=by, given=given, seen=seen, key=uuid.uuid4(), now=timezone.now())
        except (MoveRefused, Overtaken) as refused:
            return type(refused).__name__
        assert seen == now.move_version or Disagreement.is_note(name)  # nothing is done from a page that is out of date
        assert facts.get("agreement_version") in (None, latest and latest.version)
    return ""


def sides_behind_the_last_version(d: Disagreement) -> set[uuid.UUID | None] | None:
    """Read from the record alone: whose confirmation stands of the version proposed last; None where none is proposed."""
    confirmed: set[uuid.UUID | None] | None = None
    waiting: dict[uuid.UUID | None, uuid.UUID | None] = {}  # side -> who recorded it
    for entry in Entry.objects.filter(disagreement=d).order_by("number"):
        if entry.kind == "propose_outcome":
            confirmed, waiting = {entry.side_id} - {None}, {}
        elif entry.kind in ("decline_outcome", "refuse_countersign", "reopen", "agree_to_differ"):
            confirmed, waiting = None, {}
        elif confirmed is not None and entry.kind == "confirm_outcome":
            confirmed.add(entry.side_id)
        elif confirmed is not None and entry.kind == "record_confirmation_for":
            waiting[entry.recorded_for_id] = entry.person_id
        elif confirmed is not None and entry.kind == "countersign":
            assert entry.person_id not in waiting.values()  # it takes a second person
            confirmed |= set(waiting)
    return confirmed


def check(d: Disagreement, w: World) -> str:
    with acting_as(w.aisha):
        now = factories.fresh(d)
        behind = sides_behind_the_last_version(now)
        wanted = {side.pk for side in now.standing.party_sides}
        assert len(wanted) == 2
        if now.stage == "resolved":
            assert behind is not None
            assert behind >= wanted
            latest = now.standing.agreement
            assert latest is not None
            assert latest.version == now.entries.filter(kind="propose_outcome").count()
        elif now.is_open:
            assert behind is None or not behind >= wanted or now.awaiting != "confirmation"
        return now.stage


def try_out(w: World, how: str, acts: list[Any], ended: Counter[str]) -> None:
    try:
        with transaction.atomic():
            d = begun(w, how)
            for n, (who, name, ago, version) in enumerate(acts):
                by, does = asked_now(d, w) if who == WHOSE_TURN_IT_IS else (w.person(who), name)
                act(d, by, does, ago, version, n)
                ended[check(d, w)] += 1
            raise Undone
    except Undone:
        pass


def examples(number: int) -> Any:
    """Not made smaller when one fails: each takes a second of a real database."""
    return settings(max_examples=number, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=[*HealthCheck])


def test_no_sequence_ends_resolved_without_all_sides_behind_the_last_version(w: World) -> None:
    ended: Counter[str] = Counter()

    @examples(20)
    @given(BEGINNINGS, st.lists(ACT, min_size=4, max_size=10))
    def whatever_they_do(how: str, acts: list[Any]) -> None:
        try_out(w, how, acts, ended)

    whatever_they_do()
    assert ended["resolved"] > 5  # else it would prove nothing
    assert ended["practitioner"] > 5


@pytest.mark.long
def test_no_long_sequence_does_either(w: World) -> None:
    ended: Counter[str] = Counter()

    @examples(400)
    @given(BEGINNINGS, st.lists(ACT, min_size=6, max_size=25))
    def whatever_they_do(how: str, acts: list[Any]) -> None:
        try_out(w, how, acts, ended)

    whatever_they_do()
    assert ended["resolved"] > 50


def test_the_oracle_itself_tells_a_stale_confirmation_from_a_fresh_one(w: World) -> None:
    d = factories.answered(w)
    factories.agreed(d, w.sam)
    assert act(d, w.aisha, "confirm_outcome", 1, None, 1) == "Overtaken"
    factories.agreed(d, w.aisha)
    assert act(d, w.sam, "confirm_outcome", 0, -1, 2) == "MoveRefused"
    assert act(d, w.aisha, "confirm_outcome", 0, 0, 3) == "MoveRefused"  # it is their own
    with acting_as(w.aisha):
        assert sides_behind_the_last_version(d) == {d.standing.sides_of("raising")[0].pk}
    assert act(d, w.sam, "confirm_outcome", 0, 0, 4) == ""
    assert check(d, w) == "resolved"
