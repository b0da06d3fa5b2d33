"""Two conflicting moves at once: exactly one happens, the other person is told. On real threads and a real PostgreSQL."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import User
from disputes.models import Disagreement, Draft, Entry, Seat
from escalation import moves
from escalation.moves import Given, MoveRefused, NewChild, Overtaken
from tests import factories
from tests.factories import World

pytestmark = pytest.mark.usefixtures("committed_db")


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each of these answered or raised when all began at the same moment, each on a connection of its own."""
    start, answers = threading.Barrier(len(acts)), [None] * len(acts)

    def run(position: int, act: Callable[[], Any]) -> None:
        try:
            start.wait(10)
            answers[position] = act()
        except Exception as refusal:
            answers[position] = refusal
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def making(d: Disagreement, move: str, by: User, *, seen: int, key: uuid.UUID | None = None, **words: str) -> Callable[[], Entry]:
    key = key or uuid.uuid4()

    def act() -> Entry:
        with acting_as(by):
            given = Given(words=words or {"note": "Because"}, child_safe="yes")
            return moves.make(d.pk, move, by=by, given=given, seen=seen, key=key, now=timezone.now())

    return act


def version(d: Disagreement, w: World) -> int:
    return factories.look(d, w.aisha).move_version


def withdraw_or_refer(w: World) -> tuple[Disagreement, list[Callable[[], Entry]]]:
    d = factories.answered(w)
    seen = version(d, w)
    return d, [making(d, "withdraw", w.aisha, seen=seen), making(d, "refer_to_line_manager", w.aisha, seen=seen)]


def confirm_or_propose_again(w: World) -> tuple[Disagreement, list[Callable[[], Entry]]]:
    d = factories.answered(w)
    factories.agreed(d, w.sam)
    seen = version(d, w)
    return d, [making(d, "confirm_outcome", w.aisha, seen=seen), making(d, "propose_outcome", w.sam, seen=seen, outcome="Other")]


def two_managers_pass_it_up(w: World) -> tuple[Disagreement, list[Callable[[], Entry]]]:
    d = factories.at_line_managers(w)
    factories.move(d, "answer", w.mona)
    seen = version(d, w)
    return d, [making(d, "pass_up_the_line", w.grace, seen=seen), making(d, "pass_up_the_line", w.relief, seen=seen)]


def answer_or_withdraw(w: World) -> tuple[Disagreement, list[Callable[[], Entry]]]:
    d = factories.raised(w)
    factories.move(d, "match_child", w.sam)
    seen = version(d, w)
    return d, [making(d, "answer", w.sam, seen=seen), making(d, "withdraw", w.aisha, seen=seen)]


CONFLICTS = [withdraw_or_refer, confirm_or_propose_again, two_managers_pass_it_up, answer_or_withdraw]
ROUNDS = 50  # of each: 200 races


@pytest.mark.parametrize("conflict", CONFLICTS)
def test_of_two_conflicting_moves_one_happens_and_the_other_is_told(conflict: Any) -> None:
    w = factories.world()
    w.people["relief"] = factories.person("Relief")
    factories.stand_in(w.posts["grace"], w.people["relief"])
    winners: Counter[int] = Counter()
    for _ in range(ROUNDS):
        d, acts = conflict(w)
        before = version(d, w)
        answers = at_once(*acts)
        won = [position for position, answer in enumerate(answers) if isinstance(answer, Entry)]
        assert len(won) == 1, answers
        winners[won[0]] += 1
        told = answers[1 - won[0]]
        assert isinstance(told, Overtaken), told
        assert told.entry == answers[won[0]]
        with acting_as(w.aisha):
            now = factories.fresh(d)
            assert now.move_version == before + 1
            assert d.entries.filter(move_version=before + 1).count() == 1
            numbers = list(d.entries.values_list("number", flat=True))
        assert numbers == list(range(1, len(numbers) + 1))
    assert sum(winners.values()) == ROUNDS


def test_the_same_page_sent_twice_makes_one_move() -> None:
    w = factories.world()
    for _ in range(25):
        d = factories.raised(w)
        twice = making(d, "match_child", w.sam, seen=1, key=uuid.uuid4())
        first, second = at_once(twice, twice)
        assert isinstance(first, Entry), first
        assert first == second
        assert version(d, w) == 2


def test_the_same_draft_sent_twice_makes_one_disagreement() -> None:
    w = factories.world()
    for _ in range(15):
        with acting_as(w.aisha):
            draft = Draft.objects.create(partnership=w.partnership, author=w.aisha, post=w.posts["aisha"])

        def send(draft: Draft = draft) -> Entry:
            with acting_as(w.aisha):
                return moves.raise_disagreement(
                    draft,
                    by=w.aisha,
                    given=Given(words={"decision": "x"}, facts={"category": "thresholds"}),
                    team=w.teams["social_care"],
                    post=w.posts["sam"],
                    children=[NewChild("Ash", "5_10")],
                    now=timezone.now(),
                )

        first, second = at_once(send, send)
        assert isinstance(first, Entry), first
        assert first == second
    with acting_as(w.aisha):
        assert Disagreement.objects.count() == 15
        assert Draft.objects.count() == 0


def test_notes_do_not_stand_in_each_others_way() -> None:
    w = factories.world()
    d = factories.answered(w)
    answers = at_once(*(making(d, "add_note", by, seen=0) for by in (w.aisha, w.sam, w.aisha, w.sam)))
    assert all(isinstance(answer, Entry) for answer in answers), answers
    with acting_as(w.aisha):
        assert list(d.entries.values_list("number", flat=True)) == [1, 2, 3, 4, 5, 6, 7]


def test_who_passed_it_on_meanwhile_is_refused_and_not_met_with_an_error() -> None:
    """A note does not look at the version: it must still see that the seat has ended while it waited for the lock."""
    w = factories.world()
    for _ in range(10):
        d = factories.raised(w)
        given = Given(words={"reason": "x"}, facts={"team": str(w.teams["health"].pk)}, child_safe="yes")

        def pass_on(d: Disagreement = d, given: Given = given) -> Entry:
            with acting_as(w.sam):
                return moves.make(d.pk, "pass_on", by=w.sam, given=given, seen=1, key=uuid.uuid4(), now=timezone.now())

        passed, noted = at_once(pass_on, making(d, "add_note", w.sam, seen=1))
        assert isinstance(passed, Entry), passed
        assert isinstance(noted, Entry | MoveRefused | Disagreement.DoesNotExist), repr(noted)
        with acting_as(w.sam):
            assert not Seat.objects.filter(disagreement=d).exists()
