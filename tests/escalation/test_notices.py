"""Who is owed which message, once each; what is no longer owed is not sent."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import StandIn
from disputes.models import Disagreement
from escalation import mails, notices, sending, tasks
from escalation.models import Notice
from tests import factories
from tests.factories import World

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


@pytest.fixture
def w() -> World:
    return factories.world()


def owed(d: Disagreement, w: World, **only: Any) -> set[tuple[str, str]]:
    with acting_as(w.aisha):
        found = Notice.objects.filter(disagreement=d, dropped_at=None, sent_at=None, **only)
        return set(found.values_list("person__name", "rule"))


def of_last_entry(d: Disagreement, w: World) -> set[tuple[str, str]]:
    with acting_as(w.aisha):
        return owed(d, w, entry=d.entries.order_by("-number").first())


def of_the_clock(d: Disagreement, w: World) -> set[tuple[str, str]]:
    return owed(d, w, clock__isnull=False)


# ── whose move ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_other_side_is_told_whose_move_it_is_and_nudged_before_at_after_and_last(w: World) -> None:
    d = factories.raised(w)
    assert of_last_entry(d, w) == {("Sam", "your_move")}
    assert of_the_clock(d, w) == {("Sam", rule) for rule in ("before_1", "at", "after_1", "chaser")}


def test_nudges_follow_whose_move_it_is(w: World) -> None:
    d = factories.raised(w)
    factories.move(d, "match_child", w.sam)
    assert {name for name, _ in of_the_clock(d, w)} == {"Sam"}
    factories.move(d, "answer", w.sam)
    assert {name for name, _ in of_the_clock(d, w)} == {"Aisha"}
    factories.agreed(d, w.aisha)
    assert {name for name, _ in of_the_clock(d, w)} == {"Sam"}  # owed again, not a second time
    with acting_as(w.aisha):
        rules = Counter(Notice.objects.filter(disagreement=d, person=w.sam, clock__isnull=False).values_list("rule", flat=True))
    assert set(rules.values()) == {1}


def test_notes_tell_nobody_and_leave_the_nudges(w: World) -> None:
    d = factories.answered(w)
    before = of_the_clock(d, w)
    for name in ("add_note", "record_discussion"):
        factories.move(d, name, w.sam)
        assert of_last_entry(d, w) == set()
    assert of_the_clock(d, w) == before


def test_a_step_drops_the_nudges_of_the_one_before(w: World) -> None:
    d = factories.at_line_managers(w)
    assert {name for name, _ in of_the_clock(d, w)} == {"Mona"}
    with acting_as(w.aisha):
        steps = set(Notice.objects.filter(dropped_at=None, clock__isnull=False).values_list("clock__step", flat=True))
    assert steps == {2}


def test_an_end_tells_everybody_and_nudges_nobody(w: World) -> None:
    d = factories.at_line_managers(w)
    factories.move(d, "withdraw", w.aisha)
    assert of_last_entry(d, w) == {(name, "ended") for name in ("Sam", "Grace", "Mona", "Office")}
    assert of_the_clock(d, w) == set()


def test_nobody_is_told_of_their_own_act_or_twice_of_one(w: World) -> None:
    d = factories.with_the_chair(w)
    with acting_as(w.aisha):
        told = Counter(Notice.objects.filter(entry__isnull=False).values_list("entry", "person"))
        assert set(told.values()) == {1}
        assert not any(notice.person == notice.entry.person for notice in Notice.objects.filter(entry__isnull=False))
    assert ("Chair", "your_move") in of_last_entry(d, w)


# ── the child at risk ───────────────────────────────────────────────────────────────────────────────────────────────


def test_both_line_managers_hear_at_once_that_a_child_is_at_immediate_risk(w: World) -> None:
    d = factories.raised(w)
    factories.move(d, "say_child_at_immediate_risk", w.sam)
    assert of_last_entry(d, w) == {(name, "urgent") for name in ("Aisha", "Grace", "Mona")}


@pytest.mark.parametrize("move", ["add_note", "answer", "withdraw"])
def test_saying_so_in_any_move_is_heard_too_even_in_the_last(move: str, w: World) -> None:
    d = factories.at_line_managers(w)
    by = {"answer": w.mona, "withdraw": w.aisha}.get(move, w.sam)
    factories.move(d, move, by, child_safe="no")
    urgent = {name for name, rule in of_last_entry(d, w) if rule == "urgent"}
    assert urgent == {"Aisha", "Sam", "Grace", "Mona"} - {by.name}
    assert factories.look(d, w.aisha).at_immediate_risk


def test_after_the_end_too(w: World) -> None:
    d = factories.resolved(w)
    factories.move(d, "add_note", w.aisha, child_safe="no")
    assert of_last_entry(d, w) == {("Sam", "urgent")}


# ── stand-ins, leavers, exclusions ──────────────────────────────────────────────────────────────────────────────────


def test_a_stand_in_is_owed_what_the_person_is(w: World) -> None:
    factories.stand_in(w.posts["sam"], w.rita)
    d = factories.raised(w)
    assert of_last_entry(d, w) == {("Sam", "your_move"), ("Rita", "your_move")}
    assert {name for name, _ in of_the_clock(d, w)} == {"Sam", "Rita"}


def test_a_stand_in_named_after_the_clock_began_gets_the_nudge(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    factories.stand_in(w.posts["sam"], w.rita, days=60)
    with as_clock():
        nudge = Notice.objects.get(disagreement=d, rule="before_1")
        assert sending.send_one(nudge, nudge.due_at)
        assert set(Notice.objects.filter(disagreement=d, rule="before_1").values_list("person__name", flat=True)) == {"Sam", "Rita"}
        late = Notice.objects.get(disagreement=d, rule="before_1", person=w.rita)
        assert sending.send_one(late, late.due_at)
    assert sorted(one.to[0] for one in mail.outbox) == ["rita@example.org", "sam@example.org"]


def test_when_the_stand_in_s_days_are_over_nothing_is_sent_to_them(w: World, as_clock: Any) -> None:
    factories.stand_in(w.posts["sam"], w.rita)
    d = factories.raised(w)
    with factories.as_set_up():
        StandIn.objects.update(ends_on=timezone.localdate() - DAY, starts_on=timezone.localdate() - 9 * DAY)
    with as_clock():
        for notice in Notice.objects.filter(disagreement=d, person=w.rita):
            assert notices.is_still_owed(notice, timezone.now()) == "no longer seated"


def test_whoever_left_is_owed_nothing_more(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    w.sam.is_active = False
    with factories.as_set_up():
        w.sam.save()
    with as_clock():
        for notice in Notice.objects.filter(disagreement=d, person=w.sam):
            assert sending.send_one(notice, timezone.now()) is False
            notice.refresh_from_db()
            assert notice.dropped_because == "person left"
    factories.move(d, "add_note", w.aisha, child_safe="no")
    assert "Sam" not in {name for name, _ in of_last_entry(d, w)}
    assert mail.outbox == []


def test_whoever_is_excluded_gets_no_mail_about_it(w: World, as_clock: Any) -> None:
    factories.stand_in(w.posts["sam"], w.rita)
    d = factories.raised(w)
    with acting_as(w.aisha):
        for person in (w.sam, w.rita):
            factories.exclude(partnership=w.partnership, disagreement=d, person=person)
    with as_clock():
        for notice in Notice.objects.filter(disagreement=d, person__in=[w.sam, w.rita]):
            assert sending.send_one(notice, timezone.now()) is False
    assert mail.outbox == []


# ── just before sending ─────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_done_meanwhile_is_not_asked_again(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    factories.move(d, "match_child", w.sam)
    factories.move(d, "answer", w.sam)
    with as_clock():
        tasks.send_owed_notices()
        asked = Notice.objects.filter(disagreement=d, person=w.sam, rule="your_move")
        assert set(asked.values_list("dropped_because", flat=True)) == {"moved on"}
    assert {one.to[0] for one in mail.outbox} == {"aisha@example.org"}


def test_each_nudge_is_sent_once_whatever_runs_how_often(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    with as_clock():
        for halves in range(80):
            now = timezone.now() + halves * DAY / 2
            tasks.notice_due_clocks(now)
            while notice := Notice.objects.claim_next(now):
                sending.send_one(notice, now)
        sent = Counter(Notice.objects.filter(disagreement=d).exclude(sent_at=None).values_list("person__name", "rule"))
    assert set(sent.values()) == {1}
    to_sam = {rule for name, rule in sent if name == "Sam"}
    assert to_sam == {"your_move", "before_1", "at", "after_1", "chaser"}
    assert {name for name, rule in sent if rule == "overdue"} == {"Grace", "Mona"}
    assert len({one.extra_headers["Message-ID"] for one in mail.outbox}) == len(mail.outbox) == sum(sent.values())


def test_the_message_id_is_the_row_s(w: World, as_clock: Any) -> None:
    factories.raised(w)
    with as_clock():
        notice = Notice.objects.get(rule="your_move")
        for _ in range(2):
            mails.letter(notice, timezone.now()).send()
    first, second = mail.outbox
    assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"] == f"<{notice.pk}@127.0.0.1>"


def test_mails_name_no_child_and_quote_no_words(w: World, as_clock: Any) -> None:
    d = factories.with_the_chair(w)
    factories.move(d, "record_discussion", w.ian, said="Canary words")
    factories.move(d, "withdraw", w.aisha, reason="Canary reason")
    with as_clock():
        for notice in Notice.objects.filter(disagreement=d):
            mails.letter(notice, timezone.now()).send()
    assert len(mail.outbox) > 20
    for one in mail.outbox:
        whole = f"{one.subject}\n{one.body}\n{one.extra_headers}"
        for canary in ("Ash", "neglect", "Referral closed", "S-1", "SC-9", "Canary", "threshold"):
            assert canary not in whole
