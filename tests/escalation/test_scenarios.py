"""The six scenarios of practice walk through the door: same events in, same steps, dates, outcome, confirmations and learning out."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from django.db import connection, transaction

import procedure
from accounts.acting import acting_as, as_of
from accounts.models import User
from disputes.models import Disagreement, Draft, Entry
from disputes.stages import Stage
from escalation import moves
from escalation.models import Clock
from escalation.moves import Given, NewChild
from tests import factories
from tests.factories import World

LONDON = ZoneInfo("Europe/London")
POLICIES = Path(procedure.__file__).parent / "policies"
FIXTURE = Path(__file__).parent.parent / "procedure" / "fixtures" / "scenarios.yaml"
SCENARIOS = {one["id"]: one for one in yaml.safe_load(FIXTURE.read_text(encoding="utf-8"))["scenarios"]}


@pytest.fixture(autouse=True)
def in_the_role_that_replays(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Scenarios have their own dates, and only accord_replay may say when something was recorded. All of it is rolled back."""
    with django_db_blocker.unblock():
        connection.close()
        signed_in, connection.settings_dict["USER"] = connection.settings_dict["USER"], "accord_replay"
        try:
            with transaction.atomic():
                yield
                transaction.set_rollback(True)
        finally:
            connection.close()
            connection.settings_dict["USER"] = signed_in


class Walk:
    """One scenario, its events made as moves at their own times. Each event may be several moves of the product."""

    def __init__(self, scenario: dict[str, Any]) -> None:
        text = (POLICIES / f"{scenario['policy']}.yaml").read_text(encoding="utf-8")
        self.w: World = factories.world(f"s-{scenario['id'].lower()}", text)
        self.last: dt.datetime | None = None
        self.pk: uuid.UUID | None = None

    def raise_it(self, at: str, **facts: Any) -> Walk:
        moment, author = self._at(at), self.w.aisha
        with acting_as(author), as_of(moment):
            draft = Draft.objects.create(partnership=self.w.partnership, author=author, post=self.w.posts["aisha"])
            category = self.w.policy.document.categories[0].key
            entry = moves.raise_disagreement(
                draft,
                by=author,
                given=Given(words={"decision": "As in the scenario"}, facts={"category": category, **facts}, child_safe="unsure"),
                team=self.w.posts["sam"].team,
                post=self.w.posts["sam"],
                children=[NewChild("Ash", "5_10")],
                now=moment,
            )
        self.pk = entry.disagreement_id
        return self

    def move(self, at: str, by: User, name: str, *, facts: dict[str, Any] | None = None, **words: str) -> Entry:
        moment = self._at(at)
        assert self.pk
        default = {"outcome" if name == "propose_outcome" else "note": "As in the scenario"}
        with acting_as(by), as_of(moment):
            seen = Disagreement.objects.values_list("move_version", flat=True).get(pk=self.pk)
            return moves.make(
                self.pk,
                name,
                by=by,
                given=Given(words=words or default, facts=facts or {}, child_safe="yes"),
                seen=seen,
                key=uuid.uuid4(),
                now=moment,
            )

    def notice(self, at: str) -> Entry:
        """The clock notices the limit that is due by then."""
        moment = self._at(at)
        with acting_as(None), as_of(moment):
            clock = Clock.objects.get(disagreement=self.pk, stopped_at=None, about="step")
            entry = moves.reach_limit(clock.pk, now=moment)
        assert entry
        return entry

    def _at(self, at: str) -> dt.datetime:
        moment = dt.datetime.fromisoformat(at).replace(tzinfo=LONDON)
        assert self.last is None or moment > self.last, "events come in their order"
        self.last = moment
        return moment

    @property
    def d(self) -> Disagreement:
        with acting_as(self.w.aisha):
            return factories.fresh(self.pk)  # type: ignore[arg-type]

    def due(self) -> str:
        """The date everybody sees, in local time."""
        at = self.d.due_at
        assert at
        return at.astimezone(LONDON).strftime("%Y-%m-%dT%H:%M")

    def confirmed_by(self) -> set[str]:
        with acting_as(self.w.aisha):
            agreement = self.d.agreements.first()
            assert agreement
            return {str(c.side.kind) for c in agreement.confirmations.select_related("side")}

    def learn(self, at: str, *people: User) -> None:
        """Each side answers the closing questions: the general issue goes to learning (23.19)."""
        for n, person in enumerate(people):
            self.move(
                f"{at}:{n:02d}", person, "answer_closing_questions", facts={"general_issue": True}, general_issue="As in the scenario"
            )
        assert all(side.closing_answered for side in self._sides())

    def _sides(self) -> list[Any]:
        with acting_as(self.w.aisha):
            return list(self.d.sides.all())


def due_in(scenario: str) -> list[str]:
    """The due times written in the scenario, in order; a day alone means the end of that working day."""
    found = [event["due"] for event in SCENARIOS[scenario]["events"] if "due" in event]
    as_text = [one.isoformat(timespec="minutes") if isinstance(one, dt.datetime) else str(one) for one in found]
    return [one if "T" in one else f"{one}T17:00" for one in as_text]


def test_s01_threshold_refused() -> None:
    walk = Walk(SCENARIOS["S01"])
    w, first_due, second_due = walk.w, *due_in("S01")
    walk.raise_it("2026-03-02T09:40", decision_at="2026-02-27T15:10:00+00:00")
    assert walk.due() == first_due
    walk.move("2026-03-02T09:55", w.sam, "match_child")
    walk.move("2026-03-03T11:00", w.sam, "record_discussion")
    walk.move("2026-03-04T10:15", w.aisha, "refer_to_line_manager")
    assert (walk.due(), walk.d.step) == (second_due, 2)
    walk.move("2026-03-06T14:00", w.mona, "propose_outcome")
    assert walk.confirmed_by() == {"responding"}
    walk.move("2026-03-09T08:50", w.grace, "confirm_outcome")
    assert (walk.d.stage, walk.d.step, walk.confirmed_by()) == (Stage.RESOLVED, 2, {"raising", "responding"})
    walk.learn("2026-03-09T10:00", w.aisha, w.sam)


def test_s03_step_down_disputed() -> None:
    walk = Walk(SCENARIOS["S03"])
    w = walk.w
    walk.raise_it("2026-05-20T13:00")
    assert [walk.due()] == due_in("S03")
    walk.move("2026-05-22T15:00", w.sam, "match_child")
    walk.move("2026-05-22T15:30", w.sam, "record_discussion")
    assert walk.notice("2026-05-28T17:00").kind == "reach_limit"
    assert walk.d.limit_reached
    walk.move("2026-05-29T09:30", w.aisha, "refer_to_line_manager")
    assert walk.d.due_at is None  # the notes on this policy name no further length: the product works without a clock
    sides = {side.kind: str(side.pk) for side in walk._sides()}
    issue = {"owner_side": sides["responding"], "owner": str(w.mona.pk), "due_on": "2026-07-14"}
    walk.move("2026-06-02T12:00", w.mona, "propose_outcome", facts={"issues": [issue]}, outcome="Deferred six weeks", issue_1="Review")
    walk.move("2026-06-03T09:10", w.grace, "confirm_outcome")
    assert (walk.d.stage, walk.d.step, walk.confirmed_by()) == (Stage.RESOLVED, 2, {"raising", "responding"})
    with acting_as(w.grace):
        assert [str(one.due_on) for one in walk.d.agreements.get().issues.all()] == ["2026-07-14"]
    walk.learn("2026-06-03T10:00", w.aisha, w.sam)


def test_s04_the_disputed_act_comes_first() -> None:
    walk = Walk(SCENARIOS["S04"])
    w = walk.w
    walk.raise_it("2026-06-09T16:45", disputed_act_at="2026-06-10T10:00:00+01:00")
    assert [walk.due()] == due_in("S04")
    with acting_as(w.aisha):
        clock = Clock.objects.get(disagreement=walk.pk, about="step")
        assert clock.explained.because == "the disputed act"
    walk.move("2026-06-09T16:55", w.sam, "match_child")
    walk.move("2026-06-09T17:00", w.sam, "say_child_at_immediate_risk")
    walk.move("2026-06-09T17:20", w.aisha, "refer_to_line_manager")
    walk.move("2026-06-09T17:30", w.grace, "agree_standstill")
    assert (walk.d.standstill, walk.d.step) == (True, 2)
    assert walk.due() > "2026-06-10T10:00"  # the discharge waits: it no longer shortens the time
    walk.move("2026-06-10T09:00", w.mona, "hold_meeting")
    walk.move("2026-06-10T11:00", w.mona, "propose_outcome")
    walk.move("2026-06-10T11:20", w.grace, "confirm_outcome")
    assert (walk.d.stage, walk.d.step, walk.confirmed_by()) == (Stage.RESOLVED, 2, {"raising", "responding"})
    walk.learn("2026-06-11T10:00", w.aisha, w.sam)


def test_s07_a_policy_without_clocks() -> None:
    walk = Walk(SCENARIOS["S07"])
    w = walk.w
    walk.raise_it("2026-10-01T09:00")
    assert walk.d.due_at is None
    walk.move("2026-10-06T10:50", w.sam, "match_child")
    walk.move("2026-10-06T11:00", w.sam, "answer")
    walk.move("2026-10-08T14:00", w.aisha, "refer_to_line_manager")
    assert (walk.d.step, walk.d.present_step.tier) == (2, "informal")
    walk.move("2026-10-09T09:30", w.grace, "propose_outcome")
    walk.move("2026-10-09T11:00", w.mona, "confirm_outcome")
    assert (walk.d.stage, walk.d.step, walk.confirmed_by()) == (Stage.RESOLVED, 2, {"raising", "responding"})
    walk.learn("2026-10-10T10:00", w.aisha, w.sam)


def test_s09_to_the_third_step() -> None:
    walk = Walk(SCENARIOS["S09"])
    w = walk.w
    walk.raise_it("2026-03-16T10:00")
    assert [walk.due()] == due_in("S09")
    walk.notice("2026-03-18T17:00")
    walk.move("2026-03-19T10:00", w.aisha, "refer_to_line_manager")
    assert walk.due() == "2026-03-25T17:00"  # five working days from the limit of step 1: no answer came
    walk.move("2026-03-20T10:00", w.mona, "match_child")
    walk.move("2026-03-24T10:00", w.mona, "answer")
    walk.move("2026-03-25T10:00", w.grace, "pass_up_the_line")
    assert (walk.due(), walk.d.step) == ("2026-03-27T17:00", 3)
    sides = {side.kind: str(side.pk) for side in walk._sides()}
    issue = {"owner_side": sides["responding"], "owner": str(w.hal.pk), "due_on": "2026-06-30"}
    walk.move("2026-03-27T15:00", w.hal, "propose_outcome", facts={"issues": [issue]}, outcome="Interim plan", issue_1="Commissioning gap")
    walk.move("2026-03-30T09:00", w.ian, "confirm_outcome")
    assert (walk.d.stage, walk.d.step, walk.confirmed_by()) == (Stage.RESOLVED, 3, {"raising", "responding"})
    walk.learn("2026-03-31T10:00", w.aisha, w.sam)


def test_s11_conference_refused() -> None:
    walk = Walk(SCENARIOS["S11"])
    w = walk.w
    walk.raise_it("2026-02-09T09:15", supporters=[str(w.posts["zoe"].pk)])
    assert [walk.due()] == due_in("S11")
    walk.move("2026-02-11T15:30", w.sam, "match_child")
    walk.move("2026-02-11T16:00", w.sam, "record_discussion")
    walk.move("2026-02-12T10:00", w.aisha, "refer_to_line_manager")
    assert (walk.due(), walk.d.step) == ("2026-02-18T17:00", 2)
    walk.move("2026-02-13T14:00", w.mona, "propose_outcome")
    walk.move("2026-02-13T16:30", w.grace, "confirm_outcome")
    assert (walk.d.stage, walk.d.step, walk.confirmed_by()) == (Stage.RESOLVED, 2, {"raising", "responding"})
    walk.learn("2026-02-16T10:00", w.aisha, w.sam)
