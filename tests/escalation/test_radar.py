"""The stall radar: what stands still is found, said once, and told to the office; and what must hold of all is checked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import User
from disputes.models import Disagreement, Entry, Seat
from disputes.seats import Standing
from escalation import radar
from escalation.models import Clock, Notice
from procedure.models import shipped_chapter
from tests import factories
from tests.factories import World

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)
LONG = 30 * DAY


@pytest.fixture
def w() -> World:
    return factories.world()


def kinds(d: Disagreement, by: User, ahead: dt.timedelta = dt.timedelta()) -> list[str]:
    with acting_as(by):
        now = timezone.now() + ahead
        found = factories.fresh(d)
        Standing.of_many([found], now)
        return [stall.kind for stall in radar.found_for([found], now).get(d.pk, [])]


@factories.as_set_up()
def leaves(w: World, *names: str) -> None:
    for name in names:
        post = w.posts[name]
        post.holder = None
        post.save()
        person = w.person(name)
        person.is_active = False
        person.save()


def send_all(as_clock: Any) -> None:
    with as_clock():
        Notice.objects.filter(sent_at=None).update(sent_at=timezone.now())


def without_clocks() -> str:
    document = yaml.safe_load(shipped_chapter())
    for step in document["steps"]:
        step.pop("limit", None)
    return yaml.safe_dump(document, sort_keys=False)


def test_what_goes_on_is_not_found(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    assert kinds(d, w.aisha) == []
    send_all(as_clock)
    assert kinds(d, w.aisha, LONG) == []


def test_an_ended_one_never_stands_still(w: World) -> None:
    assert kinds(factories.resolved(w), w.aisha, LONG) == []


def test_every_kind_says_what_is_wrong_and_what_to_do() -> None:
    for kind in radar.KINDS:
        wrong, to_do = radar.words_of(kind).removesuffix(".").split(". ")
        assert wrong, to_do


def test_unread_when_no_word_of_it_was_sent(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    assert kinds(d, w.aisha, LONG) == ["unread"]
    factories.move(d, "add_note", w.sam)  # has seen it, whatever was sent
    assert kinds(d, w.aisha, LONG) == []


def test_who_chose_one_mail_a_week_is_not_found_unread_after_two_days(w: World) -> None:
    d = factories.raised(w)
    with acting_as(w.sam):
        w.sam.mail = "weekly"
        w.sam.save(update_fields=["mail"])
    assert "unread" not in kinds(d, w.aisha, 6 * DAY)
    assert "unread" in kinds(d, w.aisha, 14 * DAY)


def test_the_holder_has_left_and_nobody_stands_in(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    factories.move(d, "match_child", w.sam)
    send_all(as_clock)
    leaves(w, "sam")
    found = kinds(d, w.aisha)
    assert "absent" in found
    assert "no_holder" not in found  # the raising side records what they say
    factories.stand_in(w.posts["sam"], w.nell)
    send_all(as_clock)
    assert kinds(d, w.aisha) == []


def test_a_new_holder_fills_the_place(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    send_all(as_clock)
    with factories.as_set_up():
        w.posts["sam"].holder = w.nell
        w.posts["sam"].save()
    assert kinds(d, w.aisha) == []


def test_a_manager_who_has_left_is_missed_though_the_worker_acts_on(w: World, as_clock: Any) -> None:
    d = factories.at_line_managers(w)
    send_all(as_clock)
    leaves(w, "mona")
    assert "absent" in kinds(d, w.aisha)
    assert "no_holder" not in kinds(d, w.aisha)


def test_nobody_at_all_can_make_the_next_move(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    send_all(as_clock)
    leaves(w, "sam", "aisha")
    with as_clock():
        now = timezone.now()
        found = factories.fresh(d)
        Standing.of_many([found], now)
        seen = [stall.kind for stall in radar.found_for([found], now)[d.pk]]
    assert seen == ["no_holder", "absent"]


def test_a_failed_or_bounced_mail_of_this_turn(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    with as_clock():
        Notice.objects.filter(rule="your_move").update(sent_at=timezone.now(), bounced_at=timezone.now())
    assert kinds(d, w.aisha) == ["failed_mail"]
    factories.move(d, "match_child", w.sam)  # he knows of it; this is another turn
    factories.move(d, "answer", w.sam)
    assert kinds(d, w.aisha) == []


def test_without_clocks_it_is_found_after_ten_quiet_working_days(as_clock: Any) -> None:
    w = factories.world("noclocks", without_clocks())
    d = factories.raised(w)
    send_all(as_clock)
    assert kinds(d, w.aisha, 11 * DAY) == []
    assert kinds(d, w.aisha, LONG) == ["no_next_step"]
    factories.move(d, "add_note", w.sam)
    with acting_as(w.aisha):
        last = Entry.objects.filter(disagreement=d).latest("number").recorded_at
    assert kinds(d, w.aisha, last - timezone.now() + 11 * DAY) == []


def test_without_clocks_and_without_people_there_is_no_next_step(as_clock: Any) -> None:
    w = factories.world("nobodyleft", without_clocks())
    d = factories.raised(w)
    send_all(as_clock)
    leaves(w, "sam", "aisha")
    with as_clock():
        found = factories.fresh(d)
        Standing.of_many([found], timezone.now())
        seen = [stall.kind for stall in radar.found_for([found], timezone.now())[d.pk]]
        assert seen == ["no_holder", "absent", "no_next_step"]
        assert "nobody can act and no clock runs" in radar.broken_invariants(timezone.now())


def test_as_many_questions_for_ten_as_for_one(w: World) -> None:
    many = [factories.raised(w) for _ in range(10)]

    def questions(chosen: Iterable[Disagreement]) -> int:
        with acting_as(w.aisha):
            found = list(Disagreement.objects.filter(pk__in=[d.pk for d in chosen]).select_related("policy", "raised_by"))
            Standing.of_many(found, timezone.now())
            with CaptureQueriesContext(
                connection,
            ) as asked:
                radar.found_for(found, timezone.now() + LONG)
            return len(asked)

    assert questions(many[:1]) == questions(many) <= 6


def test_the_nightly_check_says_it_once_and_tells_the_office(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    send_all(as_clock)
    leaves(w, "sam")
    with as_clock():
        assert radar.note_stalls(timezone.now()) == 1
        assert radar.note_stalls(timezone.now()) == 0
        noted = Entry.objects.get(disagreement=d, kind="note_stall")
        assert (noted.facts, noted.person, noted.stage, noted.move_version) == ({"kinds": ["absent"]}, None, "practitioner", 1)
        assert set(Notice.objects.filter(entry=noted, rule="told").values_list("person__name", flat=True)) == {"Office"}
        assert Seat.objects.filter(disagreement=d, capacity="office").exists()
    factories.stand_in(w.posts["sam"], w.nell)
    factories.move(d, "match_child", w.nell)
    with as_clock():
        Notice.objects.filter(sent_at=None).update(sent_at=timezone.now())
        assert radar.note_stalls(timezone.now()) == 0


def test_one_that_fails_does_not_hide_the_others(w: World, as_clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = factories.raised(w), factories.raised(w)
    noted = []

    def fails_once(pk: Any, found: list[str], *, now: dt.datetime) -> object:
        noted.append(pk)
        if len(noted) == 1:
            raise RuntimeError
        return object()

    monkeypatch.setattr(radar.moves, "note_stall", fails_once)
    with as_clock(), pytest.raises(RuntimeError):
        radar.note_stalls(timezone.now() + LONG)
    assert set(noted) == {first.pk, second.pk}


def test_in_the_role_of_the_web_it_fails_and_does_not_find_nothing() -> None:
    for check in (radar.note_stalls, radar.broken_invariants):
        with pytest.raises(radar.NotTheClock):
            check(timezone.now())


def test_nothing_is_broken_on_the_whole_way(w: World, as_clock: Any) -> None:
    for way in (factories.raised, factories.answered, factories.at_line_managers, factories.with_the_chair, factories.resolved):
        way(w)
    with as_clock():
        assert radar.broken_invariants(timezone.now()) == {}


def test_what_is_broken_is_counted_and_its_ids_logged(w: World, as_clock: Any, caplog: pytest.LogCaptureFixture) -> None:
    unreminded, misdated = factories.raised(w), factories.raised(w)
    with as_clock():
        now = timezone.now()
        Notice.objects.filter(disagreement=unreminded, clock__isnull=False).update(dropped_at=now, dropped_because="by hand")
        clock = Clock.objects.get(disagreement=misdated)
        clock.due_at += DAY
        clock.save()
        assert radar.broken_invariants(now) == {
            "the date is not that of the earliest clock": 1,
            "a reminder is not owed": 1,
        }
    assert str(misdated.pk) in caplog.text
    assert "neglect" not in caplog.text


def test_it_reads_in_batches(w: World, as_clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(radar, "BATCH", 2)
    for _ in range(5):
        factories.raised(w)
    with as_clock():
        assert radar.note_stalls(timezone.now() + LONG) == 5
