"""Several messages in one mail: daily, weekly, and after an outage; sent again after a crash under the same Message-ID."""

from __future__ import annotations

import contextlib
import datetime as dt
import smtplib
import threading
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection
from django.utils import timezone

from accounts.models import User
from disputes.models import Disagreement
from escalation import mails, notices, sending, tasks
from escalation.beside import BESIDE
from escalation.models import Digest, Notice
from procedure import calendars
from tests import factories
from tests.factories import World

LONDON = ZoneInfo("Europe/London")
HOUR = dt.timedelta(hours=1)
ENGLAND = calendars.shipped("england-and-wales")
SECRETS = ("Ash", "S-1", "SC-9", "Referral closed", "neglect", "threshold", "Aisha", "Grace", "Mona", "Hill Lane", "Social Care")


@pytest.fixture
def w(db: None) -> World:
    return factories.world()


def chooses(person: User, how_often: str) -> None:
    with factories.as_set_up():
        User.objects.filter(pk=person.pk).update(mail=how_often)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=LONDON)


def due_since(hours: float, *disagreements: Disagreement, **only: Any) -> None:
    """So long ago; each rule a second after the other."""
    for number, notice in enumerate(Notice.objects.filter(disagreement__in=disagreements, **only).order_by("due_at")):
        Notice.objects.filter(pk=notice.pk).update(due_at=timezone.now() - hours * HOUR + number * dt.timedelta(seconds=1))


# ── when they go out ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("how_often", "now", "last", "following"),
    [
        ("daily", "2026-03-10T12:00", "2026-03-10T08:00", "2026-03-11T08:00"),
        ("daily", "2026-03-10T07:59", "2026-03-09T08:00", "2026-03-10T08:00"),
        ("daily", "2026-03-10T08:00", "2026-03-10T08:00", "2026-03-11T08:00"),
        ("daily", "2026-04-05T12:00", "2026-04-02T08:00", "2026-04-07T08:00"),  # Easter, and the clocks changed the week before
        ("weekly", "2026-03-11T12:00", "2026-03-09T08:00", "2026-03-16T08:00"),
        ("weekly", "2026-04-06T12:00", "2026-03-30T08:00", "2026-04-07T08:00"),  # Easter Monday: Tuesday is the first working day
        ("weekly", "2026-04-07T07:00", "2026-03-30T08:00", "2026-04-07T08:00"),
        ("weekly", "2026-12-29T12:00", "2026-12-29T08:00", "2027-01-04T08:00"),  # Monday is a substitute day
    ],
)
def test_at_eight_on_working_days_and_on_the_first_of_the_week(how_often: str, now: str, last: str, following: str) -> None:
    assert sending.last_morning(how_often, at(now), ENGLAND) == at(last)
    assert sending.next_morning(how_often, at(now), ENGLAND) == at(following)


def test_a_digest_waits_for_its_morning_and_takes_all_that_is_due_by_then(w: World, as_clock: Any) -> None:
    chooses(w.sam, "daily")
    first, second = factories.raised(w), factories.raised(w, by="nell")
    morning = sending.next_morning("daily", timezone.now(), w.policy.calendar)
    with as_clock():
        assert sending.claim_digest(morning - HOUR) is None
        assert Notice.objects.claim_next(morning - HOUR) is None
        digest = sending.claim_digest(morning)
        assert digest is not None
        assert sending.send_digest(digest, morning)
        assert sending.claim_digest(morning + HOUR) is None
        assert not Notice.objects.unsent().filter(digest=digest).exists()
    (message,) = mail.outbox
    assert message.to == ["sam@example.org"]
    assert message.extra_headers["Message-ID"] == f"<{digest.pk}@127.0.0.1>"
    for d in (first, second):
        assert message.body.count(f"{d.reference}: It is your move.") == 1
        assert message.body.count(f"/disagreements/{d.reference}/") == 1


def test_what_a_digest_says(w: World, as_clock: Any) -> None:
    chooses(w.sam, "weekly")
    d = factories.raised(w)
    morning = sending.next_morning("weekly", timezone.now(), w.policy.calendar)
    with as_clock():
        digest = sending.claim_digest(morning)
        assert digest
        sending.send_digest(digest, morning)
    (message,) = mail.outbox
    whole = f"{message.subject}\n{message.body}"
    assert message.subject == "1 disagreement has something for you"
    assert not [secret for secret in SECRETS if secret in whole]
    flat = " ".join(message.body.split())
    assert f"{d.reference}: " in flat
    assert "Say whether you know which child it is about. By: " in flat
    assert "(assumed)" in flat
    assert "in the post Practitioner" in flat
    assert "How often you get emails: http" in flat
    assert "call 999" in flat
    assert max(map(len, message.body.splitlines())) < 78
    assert "\n\n\n" not in message.body


def test_what_is_urgent_never_waits_for_a_digest(w: World, as_clock: Any) -> None:
    for person in (w.grace, w.mona, w.sam, w.aisha):
        chooses(person, "weekly")
    d = factories.raised(w)
    factories.move(d, "say_child_at_immediate_risk", w.sam)
    with as_clock():
        tasks.send_owed_notices()
        assert {one.to[0] for one in mail.outbox if one.subject.startswith("Urgent")} == {
            "aisha@example.org",
            "grace@example.org",
            "mona@example.org",
        }


def test_who_goes_back_to_mails_at_once_gets_them(w: World, as_clock: Any) -> None:
    chooses(w.sam, "weekly")
    factories.raised(w)
    with as_clock():
        assert Notice.objects.claim_next(timezone.now()) is None
    chooses(w.sam, "at_once")
    with as_clock():
        assert Notice.objects.claim_next(timezone.now()) is not None


# ── after an outage ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_after_an_outage_one_mail_for_each_person_and_no_storm(w: World, as_clock: Any) -> None:
    made = [factories.raised(w) for _ in range(4)]
    with as_clock():
        due_since(20, *made)
        tasks.send_owed_notices()
        (message,) = mail.outbox
        assert message.subject == "4 disagreements have something for you"
        assert tasks.send_owed_notices() == 0
        because = set(Notice.objects.exclude(dropped_at=None).values_list("dropped_because", flat=True))
        sent = set(Notice.objects.exclude(sent_at=None).values_list("rule", flat=True))
    assert because == {"overtaken"}
    assert sent == {"your_move", "chaser"}


def test_two_mails_late_are_no_storm(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    with as_clock():
        due_since(20, d, rule__in=["your_move", "before_1"])
        assert tasks.send_owed_notices() == 2
        assert not Digest.objects.exists()


def test_a_reminder_overtaken_by_a_later_one_is_dropped_with_a_note(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    with as_clock():
        due_since(0.5, d, clock__isnull=False)
        tasks.send_owed_notices()
        told = dict(Notice.objects.filter(disagreement=d, clock__isnull=False).values_list("rule", "dropped_because"))
    assert told == {"before_1": "overtaken", "at": "overtaken", "after_1": "overtaken", "chaser": ""}


def test_what_was_tried_alone_goes_alone_for_the_server_may_have_it(w: World, as_clock: Any) -> None:
    made = [factories.raised(w) for _ in range(4)]
    with as_clock():
        due_since(20, *made, rule="your_move")
        tried = Notice.objects.filter(rule="your_move").first()
        assert tried
        Notice.objects.filter(pk=tried.pk).update(attempts=1)
        tasks.send_owed_notices()
        tried.refresh_from_db()
        assert tried.digest is None
    assert {one.extra_headers["Message-ID"] for one in mail.outbox} >= {f"<{tried.pk}@127.0.0.1>"}
    assert len(mail.outbox) == 2


def test_a_mail_server_that_is_away_uses_no_attempt_up(w: World, as_clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(4):
        factories.raised(w)
    asked = []

    def away(letter: EmailMessage) -> None:
        asked.append(letter)
        raise sending.MailServerAway

    with as_clock():
        with monkeypatch.context() as patched:
            patched.setattr(sending, "hand_over", away)
            for _ in range(3):
                assert tasks.send_owed_notices() == 0
        assert len(asked) == 3, "one in a round is enough"
        assert set(Notice.objects.values_list("attempts", flat=True)) == {0}
        due_since(2, *Disagreement.objects.all(), rule="your_move")
        with monkeypatch.context() as patched:
            patched.setattr(sending, "hand_over", away)
            tasks.send_owed_notices()
        (digest,) = Digest.objects.all()
        assert (digest.attempts, digest.leased_until) == (0, None)
        assert tasks.send_owed_notices() == 1
    assert mail.outbox[0].extra_headers["Message-ID"] == f"<{digest.pk}@127.0.0.1>"


def test_a_bug_at_one_person_holds_up_nobody_else(w: World, as_clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [factories.raised(w) for _ in range(3)] + [factories.raised(w, by="nell", to="hal") for _ in range(3)]
    factories.raised(w, to="rita")
    still_owed = notices.is_still_owed

    def buggy(notice: Notice, now: dt.datetime) -> str:
        if notice.person == w.sam:
            raise ZeroDivisionError
        return still_owed(notice, now)

    monkeypatch.setattr(notices, "is_still_owed", buggy)
    with as_clock():
        due_since(3, *made, rule="your_move")
        with pytest.raises(ZeroDivisionError):
            tasks.send_owed_notices()
    assert [one.to for one in mail.outbox] == [["hal@example.org"]]
    with as_clock():
        for _ in range(4):
            with contextlib.suppress(ZeroDivisionError):
                tasks.send_owed_notices()
    assert [one.to for one in mail.outbox] == [["hal@example.org"], ["rita@example.org"]]


# ── crashes and refusals ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def claimed(w: World, as_clock: Any) -> Digest:
    """A digest whose sender died."""
    chooses(w.sam, "daily")
    factories.raised(w)
    factories.raised(w)
    morning = sending.next_morning("daily", timezone.now(), w.policy.calendar)
    with as_clock():
        digest = sending.claim_digest(morning)
    assert digest
    return digest


def test_after_a_crash_the_same_row_goes_out_again(w: World, as_clock: Any, claimed: Digest) -> None:
    now = claimed.made_at
    with as_clock():
        assert sending.claim_digest(now + dt.timedelta(minutes=1)) is None, "the sender might only be slow"
        again = sending.claim_digest(now + dt.timedelta(minutes=6))
        assert again == claimed
        sending.send_digest(again, now)
        assert Digest.objects.count() == 1
    assert [one.extra_headers["Message-ID"] for one in mail.outbox] == [f"<{claimed.pk}@127.0.0.1>"]


def test_what_is_no_longer_owed_by_then_is_left_out_and_an_empty_one_not_sent(w: World, as_clock: Any, claimed: Digest) -> None:
    with as_clock():
        first, second = (notice.disagreement for notice in claimed.notices.order_by("due_at"))
    factories.move(first, "withdraw", w.aisha)
    with as_clock():
        sending.send_digest(claimed, claimed.made_at)
        assert first.reference not in mail.outbox[0].body
        assert second.reference in mail.outbox[0].body
        assert Notice.objects.get(digest=claimed, disagreement=first).dropped_because == "moved on"


def test_what_was_left_out_and_is_owed_again_is_not_lost(w: World, as_clock: Any) -> None:
    """The turn goes from Sam to Aisha and back: the digest that went in between took nothing of this along."""
    chooses(w.sam, "daily")
    d = factories.raised(w)
    factories.raised(w)  # so that the digest goes out all the same
    later = timezone.now() + dt.timedelta(days=60)
    with as_clock():
        digest = sending.claim_digest(later)
        assert digest
        in_it = Notice.objects.filter(digest=digest, disagreement=d, rule="chaser")
        assert in_it.count() == 1
    factories.move(d, "match_child", w.sam)
    factories.move(d, "answer", w.sam)
    with as_clock():
        sending.send_digest(digest, later)
        again = Notice.objects.get(disagreement=d, rule="chaser", person=w.sam)
        assert again.dropped_because == "moved on"
    factories.agreed(d, w.aisha)
    with as_clock():
        again.refresh_from_db()
        assert (again.dropped_at, again.sent_at, again.digest) == (None, None, None)
        once_more = sending.claim_digest(later)
        assert once_more
        assert once_more != digest


def test_a_digest_of_which_nothing_is_owed_any_more_is_not_sent(w: World, as_clock: Any, claimed: Digest) -> None:
    with as_clock():
        both = [notice.disagreement for notice in claimed.notices.all()]
    for d in both:
        factories.move(d, "withdraw", w.aisha)
    with as_clock():
        assert sending.send_digest(claimed, claimed.made_at) is False
        assert sending.claim_digest(claimed.made_at + HOUR) is None or mail.outbox == []
    assert mail.outbox == []


def test_a_digest_refused_for_good_fails_with_all_its_notices(w: World, as_clock: Any, claimed: Digest, monkeypatch: Any) -> None:
    def refusing(letter: EmailMessage) -> None:
        raise smtplib.SMTPRecipientsRefused({"x": (550, b"unknown")})

    monkeypatch.setattr(sending, "hand_over", refusing)
    with as_clock():
        assert sending.send_digest(claimed, claimed.made_at) is False
        assert not Notice.objects.filter(digest=claimed, failed_at=None).exists()
        assert sending.claim_digest(claimed.made_at + dt.timedelta(minutes=6)) is None


def test_a_digest_refused_for_now_is_tried_again_later(w: World, as_clock: Any, claimed: Digest, monkeypatch: Any) -> None:
    def refusing(letter: EmailMessage) -> None:
        raise smtplib.SMTPDataError(451, b"later")

    monkeypatch.setattr(sending, "hand_over", refusing)
    with as_clock():
        assert sending.send_digest(claimed, claimed.made_at) is False
        claimed.refresh_from_db()
        assert claimed.failed_at is None
        assert claimed.leased_until == claimed.made_at + dt.timedelta(minutes=1)


def test_every_kind_of_message_has_its_line_and_its_place(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    digest = Digest(person=w.sam, made_at=timezone.now())
    with factories.acting_as(w.sam):
        for rule in mails.FIRST_OF_ALL:
            about = None if rule in BESIDE else d
            notice = Notice(partnership=w.partnership, disagreement=about, person=w.sam, rule=rule, due_at=timezone.now(), about=w.sam.pk)
            body = mails.digest_letter(digest, [notice], timezone.now()).body
            assert (BESIDE[rule].leads_to.partition("{")[0] if about is None else f"{d.reference}: ") in body
            assert not [secret for secret in SECRETS if secret in body]


@pytest.mark.usefixtures("committed_db")
def test_side_by_side_senders_make_one_digest_and_send_it_once(as_clock: Any) -> None:
    w = factories.world()
    made = [factories.raised(w) for _ in range(4)]
    with as_clock():
        due_since(3, *made, rule="your_move")
    start, claimed = threading.Barrier(4), []

    def claim() -> None:
        try:
            with as_clock():
                start.wait()
                claimed.append(sending.claim_digest(timezone.now()))
                claimed.append(Notice.objects.claim_next(timezone.now()))
        finally:
            connection.close()

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (digest,) = [one for one in claimed if one]
    assert isinstance(digest, Digest)
    with as_clock():
        assert digest.notices.count() == 4
