"""The sweeps: run as the clock only, claim each notice once, and one failure delays one notice."""

from __future__ import annotations

import datetime as dt
import smtplib
import threading
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.acting import acting_as
from disputes.models import Draft, Entry
from escalation import moves, notices, radar, sending, tasks
from escalation.models import Clock, Heartbeat, Notice
from escalation.words import say_times
from procedure.models import ClosureDay
from tests import factories

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def late(days: int = 60) -> dt.datetime:
    return timezone.now() + days * DAY


@pytest.mark.django_db
def test_a_sweep_in_the_role_of_the_web_fails_and_does_not_find_nothing() -> None:
    for sweep in (tasks.sweep_clocks, tasks.send_owed_notices, tasks.remind_of_drafts, tasks.redate_clocks, tasks.check_for_stalls):
        with pytest.raises(tasks.WrongRole):
            sweep()


@pytest.mark.django_db
def test_a_limit_is_noticed_once_tells_the_next_managers_and_seats_them(as_clock: Any) -> None:
    w = factories.world()
    d = factories.raised(w)
    with as_clock():
        assert tasks.notice_due_clocks(timezone.now()) == 0
        assert tasks.notice_due_clocks(late(8)) == 1
        assert tasks.notice_due_clocks(late(8)) == 0
        overdue = set(Notice.objects.filter(disagreement=d, rule="overdue").values_list("person__name", flat=True))
    assert overdue == {"Grace", "Mona"}
    for manager in (w.grace, w.mona):
        seen = factories.look(d, manager)
        assert (seen.stage, seen.step, seen.limit_reached) == ("practitioner", 1, True)
    with acting_as(w.grace):
        noticed = Entry.objects.get(disagreement=d, kind="reach_limit")
        assert noticed.person is None
        assert noticed.move_version == 1


@pytest.mark.django_db
def test_after_the_last_chaser_the_office_is_told_and_may_close(as_clock: Any) -> None:
    w = factories.world()
    d = factories.raised(w)
    with as_clock():
        assert tasks.notice_due_clocks(late()) == 2
        assert tasks.notice_due_clocks(late()) == 0
    assert factories.look(d, w.office).chased
    factories.move(d, "close_as_unconfirmed", w.office, reasons="Silent")
    assert factories.look(d, w.aisha).stage == "closed"
    with as_clock():
        assert tasks.notice_due_clocks(late()) == 0


@pytest.mark.django_db
def test_a_stopped_clock_is_not_noticed(as_clock: Any) -> None:
    w = factories.world()
    d = factories.raised(w)
    with acting_as(w.aisha):
        (clock,) = Clock.objects.filter(disagreement=d)
    factories.move(d, "withdraw", w.aisha)
    with as_clock():
        assert moves.reach_limit(clock.pk, now=late()) is None
        assert tasks.notice_due_clocks(late()) == 0


@pytest.mark.django_db
def test_a_fault_at_one_disagreement_does_not_hide_the_limits_of_the_others(as_clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    w = factories.world()
    first, second = factories.raised(w), factories.raised(w, by="nell")
    reach = moves.reach_limit

    def faulty(pk: Any, *, now: dt.datetime) -> Any:
        if Clock.objects.get(pk=pk).disagreement_id == first.pk:
            raise ZeroDivisionError
        return reach(pk, now=now)

    monkeypatch.setattr(moves, "reach_limit", faulty)
    with as_clock():
        with pytest.raises(ZeroDivisionError):
            tasks.notice_due_clocks(late(8))
        assert list(Clock.objects.exclude(reached_at=None).values_list("disagreement", flat=True)) == [second.pk]


def send_all() -> int:
    return tasks.send_owed_notices()


@pytest.mark.django_db
def test_one_failure_delays_one_notice_and_no_other(as_clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    w = factories.world()
    factories.raised(w)
    factories.raised(w, by="nell", to="mona")
    hand_over = sending.hand_over

    def failing(letter: EmailMessage) -> None:
        if letter.to == [w.sam.email]:
            raise smtplib.SMTPServerDisconnected("gone")
        hand_over(letter)

    monkeypatch.setattr(sending, "hand_over", failing)
    with as_clock():
        assert send_all() == 1
        waiting = Notice.objects.get(person=w.sam, rule="your_move")
        assert waiting.sent_at is None
        assert waiting.failed_at is None
        assert timezone.now() + dt.timedelta(seconds=50) < waiting.leased_until < timezone.now() + 2 * HOUR
        assert send_all() == 0
        monkeypatch.setattr(sending, "hand_over", hand_over)
        Notice.objects.filter(pk=waiting.pk).update(leased_until=timezone.now() - HOUR)
        assert send_all() == 1
    assert [one.to for one in mail.outbox] == [["mona@example.org"], ["sam@example.org"]]


REFUSED_FOR_GOOD = [smtplib.SMTPRecipientsRefused({"x": (550, b"unknown")}), smtplib.SMTPDataError(554, b"no")]
REFUSED_FOR_NOW = [
    smtplib.SMTPRecipientsRefused({"x": (450, b"greylisted")}),
    smtplib.SMTPDataError(451, b"later"),
    smtplib.SMTPAuthenticationError(535, b"wrong password"),
    smtplib.SMTPSenderRefused(550, b"we are not set up", "us@example.org"),
    ConnectionRefusedError(),
    TimeoutError(),
]


@pytest.mark.django_db
@pytest.mark.parametrize("error", [*REFUSED_FOR_GOOD, *REFUSED_FOR_NOW], ids=lambda e: f"{type(e).__name__}-{e}"[:45])
def test_what_is_refused_for_good_fails_at_once_and_the_rest_is_tried_again(as_clock: Any, error: Exception, monkeypatch: Any) -> None:
    w = factories.world()
    factories.raised(w)

    def refusing(letter: EmailMessage) -> None:
        raise error

    monkeypatch.setattr(sending, "hand_over", refusing)
    with as_clock():
        assert send_all() == 0
        notice = Notice.objects.get(person=w.sam, rule="your_move")
    assert (notice.failed_at is not None) == (error in REFUSED_FOR_GOOD)
    assert notice.sent_at is None


@pytest.mark.django_db
def test_retries_grow_longer_and_end_after_two_days(as_clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    w = factories.world()
    factories.raised(w)

    def refusing(letter: EmailMessage) -> None:
        raise smtplib.SMTPServerDisconnected

    monkeypatch.setattr(sending, "hand_over", refusing)
    now, waits = timezone.now() + dt.timedelta(seconds=1), []
    with as_clock():
        while notice := Notice.objects.filter(person=w.sam).claim_next(now):
            sending.send_one(notice, now)
            if notice.failed_at:
                break
            waits.append(notice.leased_until - now)
            now = notice.leased_until + dt.timedelta(seconds=1)
    assert waits[:5] == [dt.timedelta(minutes=1), dt.timedelta(minutes=5), dt.timedelta(minutes=15), HOUR, 6 * HOUR]
    assert sum(waits, dt.timedelta()) >= 48 * HOUR
    assert notice.failed_at is not None


@pytest.mark.django_db
def test_a_bug_is_raised_and_its_notice_waits_behind_the_others(as_clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    w = factories.world()
    factories.raised(w)
    factories.raised(w, by="nell", to="mona")
    hand_over = sending.hand_over

    def buggy(letter: EmailMessage) -> None:
        if letter.to == [w.sam.email]:
            raise ZeroDivisionError
        hand_over(letter)

    monkeypatch.setattr(sending, "hand_over", buggy)
    with as_clock():
        with pytest.raises(ZeroDivisionError):
            send_all()
        assert send_all() == 1
        assert Notice.objects.get(person=w.sam, rule="your_move").leased_until is not None


@pytest.mark.usefixtures("committed_db")
def test_side_by_side_senders_never_claim_the_same_notice(as_clock: Any) -> None:
    w = factories.world()
    for _ in range(6):
        factories.move(factories.raised(w), "match_child", w.sam)
    claimed: list[Any] = []
    start = threading.Barrier(4)

    def claim() -> None:
        try:
            with as_clock():
                start.wait()
                while notice := Notice.objects.claim_next(timezone.now() + HOUR):
                    claimed.append(notice.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed))
    with as_clock():
        assert len(claimed) == Notice.objects.filter(due_at__lte=timezone.now() + HOUR).count() > 6


@pytest.mark.usefixtures("committed_db")
def test_side_by_side_sweeps_notice_a_limit_once(as_clock: Any) -> None:
    w = factories.world()
    made = [factories.raised(w) for _ in range(4)]
    start, noticed = threading.Barrier(3), []

    def sweep() -> None:
        try:
            with as_clock():
                start.wait()
                noticed.append(tasks.notice_due_clocks(late(8)))
        finally:
            connection.close()

    threads = [threading.Thread(target=sweep) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(noticed) == len(made)
    with as_clock():
        assert Entry.objects.filter(kind="reach_limit").count() == len(made)


# ── drafts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def draft_of(w: factories.World) -> Draft:
    with acting_as(w.aisha):
        return Draft.objects.create(partnership=w.partnership, author=w.aisha, post=w.posts["aisha"], answers={"why": "canary"})


@pytest.mark.django_db
def test_a_draft_left_for_two_working_days_reminds_its_author_once(as_clock: Any) -> None:
    w = factories.world()
    draft_of(w)
    calendar = w.policy.calendar
    today = timezone.localdate()
    second = calendar.add_working_days(today, 2)
    at_noon = timezone.make_aware(dt.datetime.combine(second, dt.time(12)))
    with as_clock():
        assert tasks.owe_draft_reminders(at_noon) == 0
        assert tasks.owe_draft_reminders(at_noon + DAY) == 1
        assert tasks.owe_draft_reminders(at_noon + 2 * DAY) == 0
        (notice,) = Notice.objects.filter(rule="draft_reminder")
    assert (notice.person, notice.disagreement) == (w.aisha, None)


@pytest.mark.django_db
def test_a_draft_that_was_sent_meanwhile_reminds_nobody(as_clock: Any) -> None:
    w = factories.world()
    draft = draft_of(w)
    with as_clock():
        tasks.owe_draft_reminders(late())
    with acting_as(w.aisha):
        draft.delete()
    with as_clock():
        notice = Notice.objects.get(rule="draft_reminder")
        assert notices.is_still_owed(notice, timezone.now()) == "draft was sent"


@pytest.mark.django_db
def test_a_partnership_without_a_policy_stops_no_reminder_of_another(as_clock: Any) -> None:
    w = factories.world()
    with factories.as_set_up():
        bare = factories.Partnership.objects.create(slug="bare", name="Bare", front_door="0", out_of_hours="0")
    with acting_as(w.aisha):
        Draft.objects.create(partnership=bare, author=w.aisha, post=w.posts["aisha"])
    draft_of(w)
    with as_clock():
        assert tasks.owe_draft_reminders(late()) == 1


# ── heartbeats, re-dating, the nightly check ────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_a_job_that_ends_well_says_so_and_one_that_fails_does_not(as_clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with as_clock():
        for job in (tasks.sweep_clocks, tasks.send_owed_notices, tasks.remind_of_drafts, tasks.redate_clocks):
            job()
            job()
        assert set(Heartbeat.objects.values_list("job", flat=True)) == {
            *("sweep_clocks", "send_owed_notices", "remind_of_drafts", "redate_clocks")
        }
        before = dict(Heartbeat.objects.values_list("job", "at"))
        monkeypatch.setattr(tasks, "notice_due_clocks", lambda now: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            tasks.sweep_clocks()
        assert dict(Heartbeat.objects.values_list("job", "at")) == before


@pytest.mark.django_db
def test_every_job_of_the_schedule_is_a_task_of_its_name() -> None:
    for job in settings.CELERY_BEAT_SCHEDULE.values():
        assert import_string(job["task"]).name == job["task"]


@pytest.mark.django_db
def test_a_new_closure_day_moves_the_date_with_an_entry_that_says_so(as_clock: Any) -> None:
    w = factories.world()
    d, other = factories.raised(w), factories.raised(factories.world("elsewhere"))
    with as_clock():
        assert tasks.redate_changed(timezone.now()) == 0
    with acting_as(w.aisha):
        (before,) = Clock.objects.filter(disagreement=d)
    day = timezone.localdate(before.due_at)
    with factories.as_set_up():
        ClosureDay.objects.create(partnership=w.partnership, day=day, name="Office move", added_by=w.office)
    with as_clock():
        assert tasks.redate_changed(timezone.now()) == 1
        assert tasks.redate_changed(timezone.now()) == 0
        (after,) = Clock.objects.filter(disagreement=d)
        entry = Entry.objects.get(disagreement=d, kind="redate")
        assert not Entry.objects.filter(disagreement=other, kind="redate").exists()
        reminder = Notice.objects.get(clock=after, rule="at")
        assert reminder.due_at == after.due_at > before.due_at
    assert [day.isoformat(), "Office move"] in entry.facts["days"]


@pytest.mark.django_db
def test_a_closure_day_taken_back_and_set_again_moves_the_date_each_time(as_clock: Any) -> None:
    w = factories.world("backandforth")
    d = factories.raised(w)
    with acting_as(w.aisha):
        first = Clock.objects.get(disagreement=d).due_at
    day = timezone.localdate(first)
    for times_moved in (1, 2, 3):
        with factories.as_set_up():
            if times_moved == 2:
                ClosureDay.objects.filter(partnership=w.partnership).update(removed_by=w.office, removed_at=timezone.now())
            else:
                ClosureDay.objects.create(partnership=w.partnership, day=day, name="Office move", added_by=w.office)
        with as_clock():
            assert tasks.redate_changed(timezone.now()) == 1
            entries = Entry.objects.filter(disagreement=d, kind="redate").order_by("number")
            assert entries.count() == times_moved
            assert (Clock.objects.get(disagreement=d).due_at == first) == (times_moved == 2)
            said = dict(say_times(d, entries[times_moved - 1].facts))
            assert ("Why" in said) == (times_moved == 2)


@pytest.mark.django_db
def test_redating_asks_once_for_each_policy_and_not_for_each_clock(as_clock: Any) -> None:
    w = factories.world()
    counts = []
    for _ in range(2):
        factories.raised(w)
        with as_clock(), CaptureQueriesContext(connection) as asked:
            tasks.redate_changed(timezone.now())
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 4


@pytest.mark.django_db
def test_the_nightly_check_runs_once_a_night_after_two(as_clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []
    monkeypatch.setattr(radar, "note_stalls", lambda now: ran.append(now) or 1)
    midday = timezone.make_aware(dt.datetime(2026, 3, 10, 12))
    with as_clock():
        for hours, done in ((0, 1), (1, 0), (13.9, 0), (14.1, 1), (15, 0), (36, 0), (39, 1)):
            assert tasks.check_once_a_night(midday + hours * HOUR) == done, hours
