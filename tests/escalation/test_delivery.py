"""Whether a message arrived: shown, marked when it came back, and a task for the other side until somebody was reached."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import User
from disputes.models import Disagreement
from disputes.seats import Standing
from escalation import delivery, sending, tasks
from escalation.models import Notice
from tests import factories
from tests.factories import World, look

pytestmark = pytest.mark.django_db

REPORT = """\
From: MAILER-DAEMON@mail.example.org
To: accord@accord.example
Subject: Undelivered
Message-ID: <20260310.1@mail.example.org>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

It could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.org

Final-Recipient: rfc822; sam@example.org
Action: {action}
Status: 5.1.1

--b
Content-Type: {kind}

From: accord@accord.example
Message-ID: <{row}@127.0.0.1>
Subject: Your move

--b--
"""


@pytest.fixture
def w() -> World:
    return factories.world()


def report(monkeypatch: pytest.MonkeyPatch, row: Any, action: str = "failed", kind: str = "message/rfc822", whole: str = "") -> str:
    raw = (whole or REPORT.format(row=row, action=action, kind=kind)).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
    out = io.StringIO()
    call_command("bounced", stdout=out)
    return out.getvalue()


def sent_to_sam(d: Disagreement, as_clock: Any) -> Notice:
    with as_clock():
        tasks.send_owed_notices()
        return Notice.objects.get(disagreement=d, rule="your_move", person__name="Sam")


def lost(d: Disagreement, as_clock: Any, column: str = "failed_at") -> None:
    with as_clock():
        Notice.objects.filter(disagreement=d, rule="your_move", person__name="Sam").update(**{column: timezone.now()})


def tasks_of(d: Disagreement, person: User) -> list[str]:
    fresh = look(d, person)
    with acting_as(person):
        return [one.say for one in delivery.undelivered_for(fresh, Standing.of(fresh, timezone.now()).actor(person))]


# ── reports of mail servers ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers"])
def test_a_report_marks_the_notice_it_is_about(w: World, as_clock: Any, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    notice = sent_to_sam(factories.raised(w), as_clock)
    with as_clock():
        for _ in range(2):
            assert report(monkeypatch, notice.pk, kind=kind) == "Marked: 1.\n"
        notice.refresh_from_db()
    assert notice.bounced_at is not None


def test_a_report_of_a_digest_marks_all_its_notices(w: World, as_clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with factories.as_set_up():
        User.objects.filter(pk=w.sam.pk).update(mail="daily")
    factories.raised(w), factories.raised(w)
    morning = sending.next_morning("daily", timezone.now(), w.policy.calendar)
    with as_clock():
        digest = sending.claim_digest(morning)
        assert digest
        sending.send_digest(digest, morning)
        sent = Notice.objects.filter(digest=digest).exclude(sent_at=None)
        assert report(monkeypatch, digest.pk) == f"Marked: {sent.count()}.\n"
        assert not sent.filter(bounced_at=None).exists()


def test_a_delay_marks_nothing(w: World, as_clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    notice = sent_to_sam(factories.raised(w), as_clock)
    with as_clock():
        assert "nothing marked" in report(monkeypatch, notice.pk, action="delayed")
        notice.refresh_from_db()
    assert notice.bounced_at is None


@pytest.mark.parametrize("row", ["5c9b4a9e-0000-4000-8000-000000000000", "x", ""])
def test_a_report_of_nothing_of_ours_ends_with_an_error(as_clock: Any, monkeypatch: pytest.MonkeyPatch, row: str) -> None:
    with as_clock(), pytest.raises(CommandError, match="no message of ours"):
        report(monkeypatch, row)


@pytest.mark.parametrize("whole", ["nothing", "\0\xff", "Content-Type: multipart/report; boundary=x\n\n--x\n\n--x"])
def test_what_is_no_report_changes_nothing(as_clock: Any, monkeypatch: pytest.MonkeyPatch, whole: str) -> None:
    with as_clock():
        assert "nothing marked" in report(monkeypatch, "", whole=whole)


# ── a task for the other side ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("column", ["failed_at", "bounced_at"])
def test_a_lost_mail_is_a_task_of_the_sender_s_side(w: World, as_clock: Any, column: str) -> None:
    d = factories.raised(w)
    assert tasks_of(d, w.aisha) == []
    lost(d, as_clock, column)
    (said,) = tasks_of(d, w.aisha)
    assert said.startswith("Email to Sam, Practitioner, Children's Social Care")
    assert said.endswith(": ring them, and record the discussion.")
    assert tasks_of(d, w.sam) == []


def test_a_discussion_recorded_by_that_side_ends_it(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    lost(d, as_clock)
    factories.move(d, "record_discussion", w.aisha)
    assert tasks_of(d, w.aisha) == []


def test_an_act_of_that_person_ends_it_and_a_note_of_the_sender_does_not(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    lost(d, as_clock)
    factories.move(d, "add_note", w.aisha)
    assert len(tasks_of(d, w.aisha)) == 1
    factories.move(d, "add_note", w.sam)
    assert tasks_of(d, w.aisha) == []


def test_what_others_did_not_get_is_no_task(w: World, as_clock: Any) -> None:
    d = factories.answered(w)
    lost(d, as_clock)  # Sam's, who has answered: it is Aisha's move
    assert tasks_of(d, w.aisha) == []


def test_desks_ask_for_many_at_once(w: World, as_clock: Any) -> None:
    made = [factories.raised(w) for _ in range(3)]
    for d in made:
        lost(d, as_clock)
    counts = []
    for many in (made[:1], made):
        with acting_as(w.aisha):
            some = list(Disagreement.objects.filter(pk__in=[d.pk for d in many]).select_related("policy"))
            Standing.of_many(some, timezone.now())
            with CaptureQueriesContext(connection) as asked:
                found = delivery.undelivered_of(some)
        assert sum(map(len, found.values())) == len(many)
        counts.append(len(asked))
    assert counts[0] == counts[1] == 2


# ── what is shown ───────────────────────────────────────────────────────────────────────────────────────────────────


def shown(d: Disagreement, person: User) -> list[tuple[str, str]]:
    fresh = look(d, person)
    with acting_as(person):
        return [(one.rule, one.state) for one in delivery.delivery_of(fresh)]


def test_each_message_says_its_rule_and_what_became_of_it(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    first, *reminders = shown(d, w.aisha)
    assert first == ("Your move", "being sent")
    step = "Between the people who disagree"
    assert [rule for rule, _ in reminders] == [
        f"Reminder before the limit: {step}",
        f"Reminder at the limit: {step}",
        f"Reminder after the limit: {step}",
        f"Last reminder: {step}",
    ]
    assert all(state.startswith("waiting until ") for _, state in reminders)
    sent_to_sam(d, as_clock)
    assert shown(d, w.aisha)[0][1].startswith("emailed ")
    lost(d, as_clock, "bounced_at")
    assert shown(d, w.aisha)[0][1] == "could not be delivered"


def test_who_chose_a_daily_email_is_shown_with_it(w: World, as_clock: Any) -> None:
    with factories.as_set_up():
        User.objects.filter(pk=w.sam.pk).update(mail="daily")
    d = factories.raised(w)
    assert shown(d, w.aisha)[0][1].startswith("in the email of ")
    assert shown(d, w.aisha)[0][1].endswith(", 8am")


def test_it_is_dated_when_it_was_lost(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    lost(d, as_clock)
    fresh = look(d, w.aisha)
    with acting_as(w.aisha):
        (one,) = delivery.undelivered(fresh)
    assert abs(one.at - timezone.now()) < dt.timedelta(minutes=1)
    assert one.person == w.sam
