"""Outstanding issues after the end: reminders, what is late, who hears of it, evidence, and nothing twice (23.18)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Post, User
from disputes.models import Disagreement, Entry, OutstandingIssue
from escalation import desk, foresight, issues, moves, notices, sending, tasks
from escalation.models import Heartbeat, Notice
from escalation.moves import MoveRefused
from tests import factories
from tests.factories import World, look, move

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


@pytest.fixture
def w() -> World:
    return factories.world()


def at(day: dt.date, hour: int = 9) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time(hour)))


def friday() -> dt.date:
    """A Friday two to three weeks from now."""
    day = timezone.localdate() + 14 * DAY
    return day + (4 - day.weekday()) % 7 * DAY


def with_issues(
    w: World, *due: dt.date, owner: str = "sam", d: Disagreement | None = None, by: str = "sam", confirms: str = "aisha"
) -> Disagreement:
    """Resolved, with an outstanding issue for each of these days."""
    d = d or factories.answered(w)
    with acting_as(w.aisha):
        side = next(side for side in d.standing.party_sides if side.team_id == w.posts[owner].team_id)
    facts = {"issues": [{"owner_side": str(side.pk), "owner": str(w.person(owner).pk), "due_on": day.isoformat()} for day in due]}
    words = {f"{part}_{n}": f"{part.upper()} {n}" for n in range(1, len(due) + 1) for part in ("issue", "how")}
    move(d, "propose_outcome", w.person(by), facts=facts, outcome="An assessment", **words)
    move(d, "confirm_outcome", w.person(confirms), facts={"still_at_risk": False} if confirms == "aisha" else {})
    return look(d, w.aisha)


def issue_of(d: Disagreement, by: User, number: int = 1) -> OutstandingIssue:
    with acting_as(by):
        return OutstandingIssue.objects.get(disagreement=d, number=number)


def finish(d: Disagreement, by: User, number: int = 1) -> Entry:
    issue = issue_of(d, by, number)
    return move(d, "finish_issue", by, facts={"issue": str(issue.pk), "number": number}, evidence="Visited, note in the file")


def told(as_clock: Any) -> Counter[tuple[str, str]]:
    """(rule, name) of every notice about an issue."""
    with as_clock():
        return Counter(Notice.objects.filter(rule__startswith="issue_").values_list("rule", "person__name"))


def sweep(as_clock: Any, now: dt.datetime) -> int:
    with as_clock():
        return tasks.owe_issue_reminders(now)


@contextmanager
def on(now: dt.datetime) -> Iterator[None]:
    with time_machine.travel(now, tick=True):
        yield


def laid_out(client: Client, person: User) -> desk.Desk:
    client.force_login(person)
    return client.get("/desk/").context["desk"]


# ── reminders ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_owner_is_reminded_two_working_days_before(w: World, as_clock: Any) -> None:
    with_issues(w, friday())
    assert sweep(as_clock, at(friday() - 3 * DAY)) == 0
    assert sweep(as_clock, at(friday() - 2 * DAY, hour=7)) == 0  # nobody is told by night
    assert sweep(as_clock, at(friday() - 2 * DAY)) == 1
    assert told(as_clock) == {("issue_due_1", "Sam"): 1}


def test_a_weekend_is_no_working_day(w: World, as_clock: Any) -> None:
    monday = friday() + 3 * DAY
    with_issues(w, monday)
    assert sweep(as_clock, at(friday() - 2 * DAY)) == 0
    assert sweep(as_clock, at(friday() - DAY)) == 1


def test_no_sweep_says_anything_twice(w: World, as_clock: Any) -> None:
    with_issues(w, friday(), friday())
    for day in range(-3, 20):
        for hour in (9, 15):
            sweep(as_clock, at(friday() + day * DAY, hour))
    everybody = {"Sam", "Grace", "Mona"}
    expected = {(f"issue_due_{n}", "Sam") for n in (1, 2)}
    expected |= {(f"issue_late_{n}_{week}", name) for n in (1, 2) for week in (0, 1, 2) for name in everybody}
    assert told(as_clock) == dict.fromkeys(expected, 1)


def test_after_an_outage_only_the_present_week_is_said(w: World, as_clock: Any) -> None:
    with_issues(w, friday())
    assert sweep(as_clock, at(friday() + 18 * DAY)) == 1
    assert {rule for rule, _name in told(as_clock)} == {"issue_late_1_2"}


def test_the_day_after_the_record_says_so_and_the_managers_of_both_sides_are_seated(w: World, as_clock: Any) -> None:
    d = with_issues(w, friday())
    assert sweep(as_clock, at(friday() + DAY)) == 1
    assert {name for _rule, name in told(as_clock)} == {"Sam", "Grace", "Mona"}
    for manager in (w.grace, w.mona):
        assert look(d, manager).stage == "resolved"
    with acting_as(w.grace):
        entry = Entry.objects.get(disagreement=d, kind="note_overdue_issue")
        assert (entry.person, entry.facts["number"], entry.facts["due_on"]) == (None, 1, friday().isoformat())
    sweep(as_clock, at(friday() + 9 * DAY))
    with acting_as(w.grace):
        assert Entry.objects.filter(disagreement=d, kind="note_overdue_issue").count() == 1


def test_managers_who_settled_it_hear_of_it_and_nobody_above_them(w: World, as_clock: Any) -> None:
    d = factories.at_line_managers(w)
    move(d, "answer", w.mona)
    with_issues(w, friday(), d=d, owner="mona", by="mona", confirms="grace")
    sweep(as_clock, at(friday() + DAY))
    assert told(as_clock) == {("issue_late_1_0", "Mona"): 1, ("issue_late_1_0", "Grace"): 1}


def test_an_owner_who_has_gone_is_followed_by_whoever_has_the_post(w: World, as_clock: Any) -> None:
    with_issues(w, friday())
    with factories.as_set_up():
        Post.objects.filter(pk=w.posts["sam"].pk).update(holder=w.nell)
    sweep(as_clock, at(friday() - DAY))
    assert told(as_clock) == {("issue_due_1", "Nell"): 1}


def test_where_the_post_is_empty_whoever_speaks_for_the_side_is_reminded(w: World, as_clock: Any) -> None:
    d = factories.at_line_managers(w)
    move(d, "answer", w.mona)
    with_issues(w, friday(), d=d, owner="sam", by="mona", confirms="grace")
    with factories.as_set_up():
        Post.objects.filter(pk=w.posts["sam"].pk).update(holder=None)
    sweep(as_clock, at(friday() - DAY))
    assert told(as_clock) == {("issue_due_1", "Mona"): 1}


def test_a_stand_in_is_reminded_too(w: World, as_clock: Any) -> None:
    with_issues(w, friday())
    factories.stand_in(w.posts["sam"], w.rita, days=40)
    sweep(as_clock, at(friday() - DAY))
    assert told(as_clock) == {("issue_due_1", "Sam"): 1, ("issue_due_1", "Rita"): 1}


def test_nothing_is_owed_for_what_is_only_proposed_done_replaced_or_reopened(w: World, as_clock: Any) -> None:
    proposed = factories.answered(w)
    with acting_as(w.aisha):
        side = str(proposed.standing.party_sides[0].pk)
    facts = {"issues": [{"owner_side": side, "owner": str(w.aisha.pk), "due_on": friday().isoformat()}]}
    move(proposed, "propose_outcome", w.sam, facts=facts, outcome="x", issue_1="y")
    finish(with_issues(w, friday()), w.sam)
    reopened = with_issues(w, friday())
    move(reopened, "reopen", w.aisha, not_delivered="Nobody came")
    for day in (-1, 1, 9):
        assert sweep(as_clock, at(friday() + day * DAY)) == 0
    move(reopened, "answer", w.sam)
    factories.agreed(reopened, w.sam)
    move(reopened, "confirm_outcome", w.aisha)
    assert sweep(as_clock, at(friday() + 9 * DAY)) == 0
    assert not told(as_clock)


def test_a_notice_that_has_become_idle_is_dropped_and_not_sent(w: World, as_clock: Any) -> None:
    done, opened, kept = with_issues(w, friday()), with_issues(w, friday()), with_issues(w, friday())
    sweep(as_clock, at(friday() + DAY))
    finish(done, w.sam)
    move(opened, "reopen", w.grace, not_delivered="Nobody came")
    with as_clock():
        why = {
            d.pk: {
                notices.is_still_owed(n, at(friday() + DAY)) for n in Notice.objects.filter(disagreement=d, rule__startswith="issue_late")
            }
            for d in (done, opened, kept)
        }
    assert why == {done.pk: {"done or reopened"}, opened.pk: {"done or reopened"}, kept.pk: {""}}


def test_a_reminder_whose_reader_left_meanwhile_goes_to_who_came_after(w: World, as_clock: Any) -> None:
    d = with_issues(w, friday())
    sweep(as_clock, at(friday() - DAY))
    with factories.as_set_up():
        Post.objects.filter(pk=w.posts["sam"].pk).update(holder=w.nell)
    with as_clock():
        for notice in Notice.objects.filter(disagreement=d, rule="issue_due_1"):
            notice.drop(timezone.now(), notices.is_still_owed(notice, at(friday() - DAY)))
    sweep(as_clock, at(friday() - DAY, 10))
    with as_clock():
        owed = Notice.objects.filter(disagreement=d, rule="issue_due_1")
        assert {(n.person.name, n.dropped_because) for n in owed} == {("Sam", "no longer seated"), ("Nell", "")}


def test_the_mail_names_the_number_and_the_day_and_quotes_nobody(w: World, as_clock: Any) -> None:
    with_issues(w, friday())
    sweep(as_clock, at(friday() + DAY))
    with as_clock(), on(at(friday() + DAY)):
        while notice := Notice.objects.claim_next(timezone.now()):
            sending.send_one(notice, timezone.now())
    about = {letter.to[0].split(".")[0].split("@")[0]: letter for letter in mail.outbox if "outstanding issue" in letter.subject}
    assert set(about) == {"sam", "grace", "mona"}
    for letter in about.values():
        assert "Outstanding issue 1" in letter.body
        assert "ISSUE 1" not in letter.body
        assert f"{friday().day} {friday():%B %Y}" in " ".join(letter.body.split())
    assert "If it is done, say so on the page" in about["sam"].body
    assert "you can reopen the disagreement" in " ".join(about["grace"].body.split())


def test_the_sweep_asks_as_many_questions_for_ten_as_for_one(w: World, as_clock: Any) -> None:
    def asked() -> int:
        with as_clock(), CaptureQueriesContext(connection) as queries:
            assert tasks.owe_issue_reminders(at(friday() - DAY, 11)) == 0
        return len(queries)

    with_issues(w, friday())
    sweep(as_clock, at(friday() - DAY))
    once = asked()
    for _ in range(3):
        with_issues(w, friday(), friday() + 30 * DAY)
    sweep(as_clock, at(friday() - DAY))
    assert asked() == once


def test_the_job_is_on_the_schedule_beats_and_runs_as_the_clock_only(as_clock: Any) -> None:
    assert "escalation.tasks.remind_of_issues" in {job["task"] for job in settings.CELERY_BEAT_SCHEDULE.values()}
    with pytest.raises(tasks.WrongRole):
        tasks.remind_of_issues()
    with as_clock():
        tasks.remind_of_issues()
        assert Heartbeat.objects.filter(job="remind_of_issues").exists()


def test_the_rules_of_an_issue_say_its_number() -> None:
    assert [issues.number_in(rule) for rule in ("issue_due_3", "issue_late_12_4", "issue_late", "issue_due_x")] == [3, 12, 0, 0]


# ── done, with evidence ─────────────────────────────────────────────────────────────────────────────────────────────


def test_whoever_sees_to_it_says_that_it_is_done_and_both_sides_read_the_evidence(w: World, client: Client) -> None:
    d = with_issues(w, friday(), friday())
    client.force_login(w.sam)
    page = client.get(f"/disagreements/{d.reference}/finish-issue/?issue=2")
    form = page.context["form"]
    second = issue_of(d, w.sam, 2)
    assert form["issue"].value() == str(second.pk)
    key = page.context["key"]
    given = {"seen": d.move_version, "key": key, "issue": str(second.pk), "evidence": "Seen on Monday", "child_safe": "yes"}
    for _ in range(2):  # the same page posted twice
        assert client.post(f"/disagreements/{d.reference}/finish-issue/", given).status_code == 302
    client.force_login(w.aisha)
    said = client.get(f"/disagreements/{d.reference}/").content.decode()
    assert said.count("Seen on Monday") == 2  # with the outcome, and in the record
    assert ">Done</strong>" in said
    with acting_as(w.aisha):
        assert Entry.objects.filter(disagreement=d, kind="finish_issue").count() == 1
        assert look(d, w.aisha).standing.unfinished_issues == [issue_of(d, w.aisha, 1)]


def test_evidence_is_asked_for_and_nothing_typed_is_lost(w: World, client: Client) -> None:
    d = with_issues(w, friday(), friday())
    client.force_login(w.sam)
    address = f"/disagreements/{d.reference}/finish-issue/"
    key = client.get(address).context["key"]
    answer = client.post(address, {"seen": d.move_version, "key": key, "evidence": "MY WORDS", "child_safe": "yes"})
    assert "Choose the issue that is done" in answer.content.decode()
    assert "MY WORDS" in answer.content.decode()
    one = str(issue_of(d, w.sam).pk)
    answer = client.post(address, {"seen": d.move_version, "key": key, "issue": one, "evidence": " ", "child_safe": "yes"})
    assert "Enter what was done" in answer.content.decode()


def test_nobody_says_for_the_other_side_that_it_is_done_nor_twice(w: World, client: Client) -> None:
    d = with_issues(w, friday())
    with pytest.raises(MoveRefused):
        finish(d, w.aisha)
    finish(d, w.sam)
    with pytest.raises(MoveRefused):
        finish(d, w.sam)
    client.force_login(w.aisha)
    assert client.get(f"/disagreements/{d.reference}/finish-issue/").status_code == 409


# ── desks ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_issue_stays_on_its_owners_desk_until_it_is_done(w: World, client: Client) -> None:
    d = with_issues(w, friday())
    (row,) = laid_out(client, w.sam).issues
    assert (row.do, row.due_on, row.href) == ("ISSUE 1", friday(), f"/disagreements/{d.reference}/finish-issue/?issue=1")
    assert laid_out(client, w.aisha).issues == []
    with on(at(friday() + 200 * DAY)):
        (row,) = laid_out(client, w.sam).to_do
        assert (row.tone, row.late) == ("late", "200 days late")
    finish(d, w.sam)
    assert laid_out(client, w.sam).issues == []


def test_what_is_late_stands_above_the_closing_questions(w: World, client: Client) -> None:
    d = with_issues(w, friday())
    with on(at(friday() + 3 * DAY)):
        assert [row.href for row in laid_out(client, w.sam).to_do] == [
            f"/disagreements/{d.reference}/finish-issue/?issue=1",
            f"/disagreements/{d.reference}/closing-questions/",
        ]
    assert "three short" not in client.get("/desk/").content.decode()


def test_both_managers_find_what_is_late_with_its_owner_and_reopen_in_one_step(w: World, client: Client, as_clock: Any) -> None:
    d = with_issues(w, friday())
    assert laid_out(client, w.grace).to_do == []
    sweep(as_clock, at(friday() + 3 * DAY))
    with on(at(friday() + 3 * DAY)):
        for manager in (w.grace, w.mona):
            row, closing = laid_out(client, manager).to_do
            assert "closing-questions" in closing.href
            assert (row.do, row.late) == ("ISSUE 1", "3 days late")
            assert "Sam, Children's Social Care" in row.note
            html = client.get("/desk/").content.decode()
            assert f'<a class="govuk-link" href="/disagreements/{d.reference}/reopen/">' in html
            assert f'<a class="govuk-button" href="/disagreements/{d.reference}/">See it<' in html
        client.force_login(w.grace)
        address = f"/disagreements/{d.reference}/reopen/"
        key = client.get(address).context["key"]
        given = {"seen": d.move_version, "key": key, "not_delivered": "Nobody came", "child_safe": "unsure"}
        assert client.post(address, given).status_code == 302
        assert not [row for name in ("grace", "mona") for row in laid_out(client, w.person(name)).rows if row.words]
        (row,) = laid_out(client, w.sam).issues
        assert row.note == "Agreed before it was reopened, not done."
    assert look(d, w.aisha).stage == "practitioner"


def test_the_desk_asks_as_many_questions_for_ten_issues_as_for_one(w: World, client: Client) -> None:
    def asked() -> int:
        client.force_login(w.sam)
        with CaptureQueriesContext(connection) as queries:
            client.get("/desk/")
        return len(queries)

    with_issues(w, friday())
    asked()
    once = asked()
    with_issues(w, friday(), friday(), friday())
    with_issues(w, friday(), friday())
    assert asked() == once


def test_the_page_offers_its_owner_to_say_that_it_is_done(w: World, client: Client) -> None:
    d = with_issues(w, friday())
    move(d, "answer_closing_questions", w.sam, facts={"worker_satisfied": True})
    client.force_login(w.sam)
    page = client.get(f"/disagreements/{d.reference}/")
    assert page.context["panel"].main[1] == f"/disagreements/{d.reference}/finish-issue/"
    client.force_login(w.aisha)
    assert f"/disagreements/{d.reference}/finish-issue/" not in client.get(f"/disagreements/{d.reference}/").content.decode()


def test_a_note_of_lateness_needs_a_late_issue(w: World, as_clock: Any) -> None:
    d = with_issues(w, friday())
    issue = issue_of(d, w.sam)
    with as_clock():
        assert moves.note_overdue_issue(issue.pk, now=at(friday())) is None


# ── reopened ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reopening_takes_no_promise_back(w: World, client: Client) -> None:
    d = with_issues(w, friday(), friday())
    move(d, "reopen", w.aisha, not_delivered="NOBODY CAME")
    for reader in (w.sam, w.aisha):
        client.force_login(reader)
        said = client.get(f"/disagreements/{d.reference}/").content.decode()
        assert said.count("Agreed before it was reopened, not done") == 2
        assert "Earlier outcome, confirmed by both, not delivered" in said
        assert "The proposed outcome" not in said
        assert said.index("Why it came back") < said.index("NOBODY CAME") < said.index("move-title")
    asked = laid_out(client, w.sam).to_do[0]
    assert "It was reopened" in asked.do
    assert "NOBODY CAME" in client.get(asked.href).content.decode()
    assert [row.do for row in laid_out(client, w.sam).issues] == ["ISSUE 1", "ISSUE 2"]
    assert finish(d, w.sam).stage == "practitioner"
    with pytest.raises(MoveRefused):
        finish(d, w.aisha, 2)
    assert [row.do for row in laid_out(client, w.sam).issues] == ["ISSUE 2"]


def test_until_a_new_version_is_confirmed(w: World, client: Client) -> None:
    d = with_issues(w, friday())
    move(d, "reopen", w.aisha, not_delivered="Nobody came")
    move(d, "answer", w.sam)
    move(d, "propose_outcome", w.sam, outcome="ANEW")
    client.force_login(w.sam)
    said = client.get(f"/disagreements/{d.reference}/").content.decode()
    assert said.index("The proposed outcome") < said.index("ANEW") < said.index("Earlier outcome, confirmed by both")
    assert "Agreed, then reopened" in client.get(f"/disagreements/{d.reference}/versions/").content.decode()
    assert client.get(f"/disagreements/{d.reference}/finish-issue/").status_code == 200
    move(d, "confirm_outcome", w.aisha)
    assert laid_out(client, w.sam).issues == []
    assert client.get(f"/disagreements/{d.reference}/finish-issue/").status_code == 409
    assert "Earlier outcome" not in client.get(f"/disagreements/{d.reference}/").content.decode()


# ── who hears that it is done ───────────────────────────────────────────────────────────────────────────────────────


def heard(w: World, d: Disagreement, by: User) -> set[str]:
    """Who is told that issue 1 is done; the page says the same before."""
    with acting_as(by):
        fresh = factories.fresh(d.pk)
        foreseen = {line.split(",")[0] for line in foresight.who_will_be_told(fresh, "finish_issue", fresh.standing.actor(by))}
    entry = finish(d, by)
    with factories.as_set_up():
        told = set(Notice.objects.filter(entry=entry, rule="news").values_list("person__name", flat=True))
    assert foreseen == told
    return told


def test_the_other_side_hears_that_it_is_done(w: World) -> None:
    assert heard(w, with_issues(w, friday()), w.sam) == {"Aisha"}


def test_the_managers_who_were_told_that_it_is_late_hear_that_it_is_done(w: World, as_clock: Any) -> None:
    d = with_issues(w, friday())
    sweep(as_clock, at(friday() + DAY))
    assert heard(w, d, w.sam) == {"Aisha", "Grace", "Mona"}


def test_while_it_is_reopened_the_other_side_hears_it_too(w: World) -> None:
    d = with_issues(w, friday())
    move(d, "reopen", w.aisha, not_delivered="Nobody came")
    assert heard(w, d, w.sam) == {"Aisha"}
