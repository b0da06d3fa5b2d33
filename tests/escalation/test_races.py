"""Two conflicting moves at once: exactly one happens, the other person is told. On real threads and a real PostgreSQL."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import User
from disputes.models import Disagreement, Draft, Entry, Seat, Text
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
ROUNDS = 50  # of each: 200 races; the thousand by the pages stand below


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


# ── by the pages, a thousand of each ────────────────────────────────────────────────────────────────────────────────

FEW = 25  # of each in the ordinary run
A_THOUSAND = 1000
ON_ONE = 40  # races on one disagreement: then another begins, so that no record grows without end


class Table:
    """One disagreement at the line managers, and clients of people who stay signed in. Moves here leave it where it is: an outcome
    proposed can be proposed anew, by either side, as often as they like."""

    def __init__(self, w: World, people: list[User]) -> None:
        self.w, self.people = w, people
        self.clients = [_client(person) for person in people]
        self.left = 0

    def ready(self) -> tuple[Disagreement, int]:
        """The disagreement and its version, as everybody's page shows it."""
        if self.left == 0:
            self.d = factories.at_line_managers(self.w)
            factories.move(self.d, "answer", self.w.mona)
            self.left = ON_ONE
        self.left -= 1
        return self.d, version(self.d, self.w)

    def at_once(self, d: Disagreement, posts: list[tuple[Client, str, dict[str, Any]]]) -> list[Any]:
        return at_once(*(sending(client, f"/disagreements/{d.reference}/{slug}/", given) for client, slug, given in posts))


def _client(person: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client


def sending(client: Client, at: str, given: dict[str, Any]) -> Callable[[], Any]:
    def act() -> Any:
        try:
            return client.post(at, given)
        finally:
            connections.close_all()  # that of refusals too

    return act


def said(text: str, seen: int, key: uuid.UUID | None = None) -> dict[str, Any]:
    """What a page posts that proposes an outcome."""
    return {"outcome": text, "seen": seen, "key": key or uuid.uuid4(), "child_safe": "yes"}


def entries_with(d: Disagreement, by: User, text: str) -> int:
    with acting_as(by):
        return Text.objects.filter(disagreement=d, value=text).count()


def numbered_without_gap(d: Disagreement, by: User) -> bool:
    with acting_as(by):
        numbers = list(d.entries.values_list("number", flat=True))
    return numbers == list(range(1, len(numbers) + 1))


def submit_twice(how_many: int) -> int:
    """The same page sent twice at the same moment: a move, a note, a draft in turn. Both are told that it is done, one entry is there."""
    w = factories.world()
    table = Table(w, [w.grace, w.grace])
    twins = table.clients
    twins[1].cookies = twins[0].cookies
    races = 0
    for number in range(how_many):
        d, seen = table.ready()
        text, key = f"Double {number}", uuid.uuid4()
        slug, given = ("add-note", {"note": text, "about": "other"}) if number % 3 == 2 else ("propose-outcome", {"outcome": text})
        given |= {"seen": seen, "key": key, "child_safe": "yes"}
        answers = table.at_once(d, [(client, slug, given) for client in twins])
        assert [(answer.status_code, answer.headers.get("Location")) for answer in answers] == [
            (302, f"/disagreements/{d.reference}/")
        ] * 2, (number, slug)
        assert entries_with(d, w.grace, text) == 1
        assert version(d, w) == seen + (slug != "add-note")
        races += 1
        if table.left == 0:
            assert numbered_without_gap(d, w.grace)
    return races


def two_managers(how_many: int) -> int:
    """Two people with the same page before them send different things at the same moment: one happens; the other reads what happened,
    and finds every word of theirs on the page, ready to be sent again."""
    w = factories.world()
    relief = factories.person("Relief")
    factories.stand_in(w.posts["grace"], relief)
    table = Table(w, [w.grace, w.mona, relief])
    pairs = [(0, 1), (0, 2), (1, 2)]  # across the table, and two who fill one seat
    races, winners = 0, Counter[int]()
    for number in range(how_many):
        d, seen = table.ready()
        pair = pairs[number % len(pairs)]
        texts = [f"Words {number} of {table.people[who].name}" for who in pair]
        posts = [(table.clients[who], "propose-outcome", said(text, seen)) for who, text in zip(pair, texts, strict=True)]
        answers = table.at_once(d, posts)
        codes = [answer.status_code for answer in answers]
        assert sorted(codes) == [302, 409], (number, codes)
        won, lost = codes.index(302), codes.index(409)
        winners[won] += 1
        page = answers[lost].content.decode()
        assert texts[lost] in page, "the loser keeps their words"
        assert f"{table.people[pair[won]].name} proposed" in page, "and is told what happened"
        assert [entries_with(d, w.grace, text) for text in texts] == ([1, 0] if won == 0 else [0, 1])
        assert version(d, w) == seen + 1
        races += 1
        if table.left == 0:
            assert numbered_without_gap(d, w.grace)
    assert len(winners) == 2, "always the same one won: nothing raced"
    return races


def test_a_page_sent_twice_at_once_is_one_act() -> None:
    assert submit_twice(FEW) == FEW


def test_two_managers_with_the_same_page_make_one_act_and_no_word_is_lost() -> None:
    assert two_managers(FEW) == FEW


@pytest.mark.long
def test_a_thousand_pages_sent_twice_at_once_are_a_thousand_acts() -> None:
    assert submit_twice(A_THOUSAND) == A_THOUSAND


@pytest.mark.long
def test_a_thousand_races_of_two_managers_make_a_thousand_acts() -> None:
    assert two_managers(A_THOUSAND) == A_THOUSAND


def test_without_the_lock_the_races_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard of these guards: with the door's lock and version check off, two managers both succeed, and the test must say so."""
    related = ("policy", "partnership", "raised_by", "raised_from__team__agency")
    monkeypatch.setattr(moves, "_locked", lambda pk: Disagreement.objects.select_related(*related).get(pk=pk))
    with pytest.raises((AssertionError, ValueError)):
        two_managers(FEW)
