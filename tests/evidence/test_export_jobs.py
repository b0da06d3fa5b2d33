"""An export is a job: made as the person who asked and with their rights at that moment, taken away once, gone within a day."""

import datetime as dt
import hashlib
import json
import signal
import subprocess
import uuid
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import User
from escalation.tasks import WrongRole
from evidence import history, jobs, tasks
from evidence.models import Export, ExportPart
from tests import factories
from tests.conftest import wait_until
from tests.factories import raised


@pytest.fixture
def w(db):
    return factories.world()


@pytest.fixture
def started(monkeypatch):
    """Which exports the clock would have started a process for."""
    found = []
    monkeypatch.setattr(tasks, "start", found.append)
    return found


def asked_by(client, person, **asked):
    client.force_login(person)
    answer = client.post("/exports/", asked)
    assert answer.status_code == 302, answer
    return uuid.UUID(answer.url.split("/")[2])


def content_of(answer):
    return b"".join(answer.streaming_content)


def row(export, person):
    with acting_as(person):
        return Export.objects.get(pk=export)


def change(export, **values):
    """As time or another process would."""
    with factories.as_set_up():
        Export.objects.filter(pk=export).update(**values)


def ends_today(person):
    with factories.as_set_up():
        person.appointments.update(ends_on=timezone.localdate() - dt.timedelta(days=1))


def run_clock(as_clock):
    with as_clock():
        return tasks.make_exports()


def status(client, export):
    return client.get(f"/exports/{export}/").status_code


# ── from asking to taking


def test_what_was_asked_is_made_and_taken_once(client, w, as_clock, started):
    d = raised(w)
    export = asked_by(client, w.auditor, reference=d.reference)
    page = client.get(f"/exports/{export}/").content.decode()
    assert '<meta http-equiv="refresh" content="5; url=?again">' in page
    assert "Being made" in page
    assert d.reference in page
    assert client.post(f"/exports/{export}/").url == f"/exports/{export}/"
    assert run_clock(as_clock) == 1
    assert [one.pk for one in started] == [export]
    assert jobs.make(export, w.auditor.pk)
    page = client.get(f"/exports/{export}/").content.decode()
    assert "http-equiv" not in page
    assert "Download (CSV)" in page
    content = content_of(client.post(f"/exports/{export}/"))
    made = row(export, w.auditor)
    assert (len(content), hashlib.sha256(content).hexdigest()) == (made.size, made.sha256)
    assert made.taken_at
    assert made.holds == []
    with factories.as_set_up():
        assert not ExportPart.objects.exists()
    again = client.post(f"/exports/{export}/", follow=True)
    assert "each can be downloaded once" in again.content.decode()
    assert "You downloaded it on" in again.content.decode()


def test_whoever_does_not_want_it_stops_the_page_from_looking_again(client, w):
    export = asked_by(client, w.auditor)
    page = client.get(f"/exports/{export}/?still").content.decode()
    assert "http-equiv" not in page
    assert "Look again" in page


def test_a_large_file_is_kept_in_pieces_and_comes_out_whole(client, w, monkeypatch):
    monkeypatch.setattr(jobs, "PIECE", 500)
    monkeypatch.setattr(jobs, "IN_MEMORY", 700)
    raised(w)
    export = asked_by(client, w.auditor)
    assert jobs.make(export, w.auditor.pk)
    with factories.as_set_up():
        numbers = list(ExportPart.objects.filter(export=export).values_list("number", flat=True))
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > 5
    content = content_of(client.post(f"/exports/{export}/"))
    assert hashlib.sha256(content).hexdigest() == row(export, w.auditor).sha256


def test_the_trail_keeps_the_fingerprint_and_that_it_was_taken(client, w):
    raised(w)
    export = asked_by(client, w.auditor)
    jobs.make(export, w.auditor.pk)
    content_of(client.post(f"/exports/{export}/"))
    with acting_as(w.auditor), connection.cursor() as cursor:
        cursor.execute("SELECT what, facts::text FROM audit_trace WHERE kind = 'exported' ORDER BY at")
        kept = [(what, json.loads(facts)) for what, facts in cursor.fetchall()]
    assert [what for what, _ in kept] == ["history.csv", "history.csv taken"]
    assert {facts["sha256"] for _, facts in kept} == {row(export, w.auditor).sha256}
    assert {facts["export"] for _, facts in kept} == {str(export)}


def test_the_same_asked_twice_is_one_export_and_five_are_enough(client, w):
    found = [raised(w) for _ in range(6)]
    first = asked_by(client, w.auditor)
    assert asked_by(client, w.auditor) == first
    for d in found[:4]:
        asked_by(client, w.auditor, reference=d.reference)
    answer = client.post("/exports/", {"reference": found[4].reference}, follow=True)
    assert answer.redirect_chain[0][0] == "/exports/"
    assert "You have 5 exports" in answer.content.decode()
    jobs.make(first, w.auditor.pk)
    assert "You have 5 exports" in client.post("/exports/", {"reference": found[4].reference}, follow=True).content.decode()
    content_of(client.post(f"/exports/{first}/"))
    asked_by(client, w.auditor, reference=found[4].reference)


def test_the_list_says_what_was_asked_and_how_far_it_is(client, w):
    d = raised(w)
    today = timezone.localdate()
    first = {"raised_from_day": today.day, "raised_from_month": today.month, "raised_from_year": today.year}
    agency = w.teams["social_care"].agency
    asked_by(client, w.auditor, **first, stage="practitioner", agency=agency.pk)
    jobs.make(asked_by(client, w.auditor, reference=d.reference), w.auditor.pk)
    page = client.get("/exports/").content.decode()
    assert "All that you audit; raised from" in page
    assert f"stage: Between practitioners; agency: {agency.name}".replace("'", "&#x27;") in page
    assert "Being made" in page
    assert "Ready" in page


def test_the_list_takes_as_many_queries_for_many_as_for_one(client, w):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            client.get("/exports/")
        return len(captured)

    found = [raised(w) for _ in range(4)]
    asked_by(client, w.auditor, reference=found[0].reference)
    queries()
    before = queries()
    for d in found[1:]:
        asked_by(client, w.auditor, reference=d.reference)
    assert queries() == before


# ── whose it is


def test_an_export_is_its_askers_alone(client, w):
    raised(w)
    export = asked_by(client, w.auditor)
    jobs.make(export, w.auditor.pk)
    with factories.as_set_up():
        other = factories.person("Second auditor")
        w.auditor.appointments.create(partnership=w.partnership, person=other, office="auditor", starts_on=factories.LONG_AGO)
    for person in (other, w.aisha, w.office):
        client.force_login(person)
        assert status(client, export) == status(client, uuid.uuid4()) == 404
        assert client.post(f"/exports/{export}/").status_code == 404
    with acting_as(other):
        assert not Export.objects.exists()
        assert not ExportPart.objects.exists()
        assert not jobs.make(export, other.pk)


def test_the_clock_reads_no_word_of_a_file(client, w, as_clock):
    raised(w)
    jobs.make(asked_by(client, w.auditor), w.auditor.pk)
    with as_clock(), connection.cursor() as cursor:
        cursor.execute("SELECT count(export_id) FROM evidence_exportpart")
        assert cursor.fetchone() == (1,)
        cursor.execute("SELECT has_column_privilege('evidence_exportpart', 'content', 'SELECT')")
        assert cursor.fetchone() == (False,)


# ── rights that end


def test_whoever_lost_the_appointment_gets_nothing_made(client, w, as_clock, started):
    raised(w)
    export = asked_by(client, w.auditor)
    ends_today(w.auditor)
    assert run_clock(as_clock) == 0
    assert started == []
    client.force_login(w.auditor)
    assert status(client, export) == 404
    kept = row(export, w.auditor)
    assert (kept.made_at, kept.attempts) == (None, 0)
    assert kept.removed_at


@pytest.mark.parametrize("how", ["appointment", "account"])
def test_the_process_that_makes_it_asks_again(client, w, how):
    raised(w)
    export = asked_by(client, w.auditor)
    if how == "appointment":
        ends_today(w.auditor)
    else:
        with factories.as_set_up():
            User.objects.filter(pk=w.auditor.pk).update(is_active=False)
    assert not jobs.make(export, w.auditor.pk)
    with factories.as_set_up():
        assert not ExportPart.objects.exists()
        assert Export.objects.get(pk=export).removed_at


def test_a_file_is_not_taken_after_the_appointment_ended(client, w):
    raised(w)
    export = asked_by(client, w.auditor)
    jobs.make(export, w.auditor.pk)
    ends_today(w.auditor)
    client.force_login(w.auditor)
    assert client.post(f"/exports/{export}/").status_code == status(client, export) == 404
    assert row(export, w.auditor).taken_at is None


def test_a_file_with_what_may_no_longer_be_seen_is_removed_and_made_again(client, w):
    hidden, seen = raised(w), raised(w)
    export = asked_by(client, w.auditor)
    jobs.make(export, w.auditor.pk)
    with acting_as(w.sam):
        factories.exclude(partnership=w.partnership, disagreement=hidden, person=w.auditor)
    client.force_login(w.auditor)
    answer = client.post(f"/exports/{export}/", follow=True)
    assert "What you may see has changed" in answer.content.decode()
    afresh = uuid.UUID(answer.redirect_chain[-1][0].split("/")[2])
    assert afresh != export
    with factories.as_set_up():
        assert not ExportPart.objects.exists()
    assert "Made again" in client.get(f"/exports/{export}/").content.decode()
    jobs.make(afresh, w.auditor.pk)
    content = content_of(client.post(f"/exports/{afresh}/")).decode()
    assert hidden.reference not in content
    assert seen.reference in content


def test_an_export_of_one_that_may_no_longer_be_seen_is_as_absent_as_it(client, w):
    made, waiting = raised(w), raised(w)
    first, second = asked_by(client, w.auditor, reference=made.reference), asked_by(client, w.auditor, reference=waiting.reference)
    jobs.make(first, w.auditor.pk)
    for d in (made, waiting):
        with acting_as(w.sam):
            factories.exclude(partnership=w.partnership, disagreement=d, person=w.auditor)
    assert not jobs.make(second, w.auditor.pk)
    client.force_login(w.auditor)
    for export in (first, second):
        assert status(client, export) == client.post(f"/exports/{export}/").status_code == 404
    page = client.get("/exports/").content.decode()
    assert made.reference not in page
    assert waiting.reference not in page


# ── time and faults


def test_after_a_day_the_file_is_gone(client, w, as_clock):
    raised(w)
    export = asked_by(client, w.auditor)
    jobs.make(export, w.auditor.pk)
    change(export, made_at=timezone.now() - dt.timedelta(hours=24, seconds=1))
    client.force_login(w.auditor)
    assert "Nobody downloaded it within 24 hours" in client.get(f"/exports/{export}/").content.decode()  # before the clock came round, too
    assert client.post(f"/exports/{export}/").status_code == 302
    run_clock(as_clock)
    with factories.as_set_up():
        assert not ExportPart.objects.exists()
    kept = row(export, w.auditor)
    assert kept.removed_at
    assert kept.holds == []
    assert "Nobody downloaded it within 24 hours" in client.get(f"/exports/{export}/").content.decode()


def test_a_lease_keeps_others_away_until_it_runs_out_and_three_attempts_are_enough(client, w, as_clock, started):
    raised(w)
    export = asked_by(client, w.auditor)
    for attempt in (1, 2, 3):
        assert run_clock(as_clock) == 1
        assert run_clock(as_clock) == 0
        assert row(export, w.auditor).attempts == attempt
        change(export, leased_until=timezone.now() - dt.timedelta(seconds=1))
    assert run_clock(as_clock) == 0
    client.force_login(w.auditor)
    page = client.get(f"/exports/{export}/").content.decode()
    assert "this export could not be made" in page
    assert row(export, w.auditor).failed_at
    assert not jobs.make(export, w.auditor.pk)
    assert len(started) == 3


def test_no_more_than_two_are_made_at_once(client, w, as_clock, started):
    for d in [raised(w) for _ in range(4)]:
        asked_by(client, w.auditor, reference=d.reference)
    assert run_clock(as_clock) == 2
    assert run_clock(as_clock) == 0
    jobs.make(started[0].pk, w.auditor.pk)
    assert run_clock(as_clock) == 1


def test_a_fault_gives_it_back_and_leaves_nothing_half_made(client, w, monkeypatch):
    raised(w)
    export = asked_by(client, w.auditor)
    change(export, leased_until=timezone.now() + dt.timedelta(minutes=4), attempts=1)
    monkeypatch.setattr(history, "_rows_of", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        jobs.make(export, w.auditor.pk)
    jobs.give_back(export, w.auditor.pk)
    kept = row(export, w.auditor)
    assert (kept.made_at, kept.leased_until, kept.attempts) == (None, None, 1)
    with factories.as_set_up():
        assert not ExportPart.objects.exists()


def test_outside_the_clocks_role_nothing_is_started(w):
    with pytest.raises(WrongRole):
        tasks.make_exports()


# ── real processes


def told(superuser, export):
    columns = "made_at IS NOT NULL, failed_at IS NOT NULL, removed_at IS NOT NULL, attempts, size"
    return superuser.execute(f"SELECT {columns} FROM evidence_export WHERE id = %s", [export]).fetchone()


def relay(run_process, **environment):
    return run_process("manage.py", "relay", "--every", "0.2", role="clock", ready="relay ready", env=environment)


def a_row(w):
    with acting_as(w.auditor):
        return Export.objects.create(person=w.auditor, what=jobs.HISTORY).pk


def test_the_relay_starts_a_process_that_makes_it(committed_db, run_process, superuser):
    w = factories.world()
    raised(w)
    export = a_row(w)
    process = relay(run_process)
    wait_until(lambda: told(superuser, export)[0], what="the file", seconds=60)
    assert told(superuser, export)[3] == 1
    assert superuser.execute("SELECT sum(length(content)) FROM evidence_exportpart").fetchone() == (told(superuser, export)[4],)
    assert "Two terms of neglect" not in process.output


def test_a_process_that_is_killed_three_times_is_given_up_and_two_times_not(committed_db, run_process, superuser):
    """Each dies as its file is written, before it is kept: it leaves a lease that runs out, and nothing else."""
    w = factories.world()
    raised(w)
    export = a_row(w)
    dying = relay(run_process, ACCORD_KILL_AT="in_export")
    for attempt in (1, 2, 3):
        wait_until(lambda attempt=attempt: told(superuser, export)[3] == attempt, what="an attempt", seconds=60)
        wait_until(lambda: not processes_of(export), what="its death", seconds=60)
        assert told(superuser, export)[:3] == (False, False, False)
        assert superuser.execute("SELECT count(*) FROM evidence_exportpart").fetchone() == (0,)
        if attempt == 2:
            dying.end()
            superuser.execute("UPDATE evidence_export SET leased_until = now() - interval '1 second'")
            break
        superuser.execute("UPDATE evidence_export SET leased_until = now() - interval '1 second'")
    relay(run_process)
    wait_until(lambda: told(superuser, export)[0], what="the file", seconds=60)
    assert told(superuser, export)[3] == 3


def processes_of(export):
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            found += [directory.name] if str(export).encode() in (directory / "cmdline").read_bytes() else []
        except OSError:
            continue
    return found


def test_a_process_that_takes_too_long_ends_itself(committed_db, run_process, superuser):
    w = factories.world()
    raised(w)
    export = a_row(w)
    too_long = (
        "import django, time; django.setup()\nfrom django.core.management import call_command\nfrom evidence import history, jobs\n"
        "jobs.SECONDS = 1\nhistory._rows_of = lambda *_: time.sleep(60)\n"
        f"call_command('export', '{export}', '{w.auditor.pk}')"
    )
    process = run_process("python", "-c", too_long, role="app", env={"DJANGO_SETTINGS_MODULE": "config.settings"})
    assert process.popen.wait(30) == -signal.SIGALRM, process.output
    assert told(superuser, export)[:3] == (False, False, False)


def test_the_process_refuses_another_role_and_another_person(committed_db, run_process, superuser):
    w = factories.world()
    raised(w)
    export = a_row(w)
    for role, person, code in (("clock", w.auditor, 1), ("replay", w.auditor, 1), ("app", w.office, 0)):
        process = run_process("manage.py", "export", str(export), str(person.pk), role=role)
        assert process.popen.wait(30) == code, process.output
        assert told(superuser, export)[:3] == (False, False, False)


def test_a_fault_in_the_process_says_no_words(committed_db, run_process, superuser):
    w = factories.world()
    raised(w)
    export = a_row(w)
    broken = (
        "import django; django.setup()\nfrom django.core.management import call_command\nfrom evidence import history\n"
        "def fails(case, *_):\n    raise ValueError(case.entries[0].texts.all()[0].value)\nhistory._rows_of = fails\n"
        f"call_command('export', '{export}', '{w.auditor.pk}')"
    )
    process = run_process("python", "-c", broken, role="app", env={"DJANGO_SETTINGS_MODULE": "config.settings"})
    assert process.popen.wait(30) == 1
    assert "ValueError" in process.output
    assert "neglect" not in process.output


def test_what_the_clock_starts_runs_as_the_web(monkeypatch):
    seen = {}

    class Started:
        def __init__(self, command, **options):
            seen.update(options, command=command)

    monkeypatch.setattr(subprocess, "Popen", Started)
    monkeypatch.setattr(tasks, "_started", [])
    tasks.start(Export(pk=uuid.UUID(int=1), person_id=uuid.UUID(int=2)))
    assert seen["env"]["ACCORD_ROLE"] == "app"
    assert seen["command"][-3:] == ["export", str(uuid.UUID(int=1)), str(uuid.UUID(int=2))]


# ── a second factor, just now


@pytest.fixture
def long_ago(client, w):
    """An auditor whose second factor lies ten minutes back, and who is still there."""
    d = raised(w)
    export = asked_by(client, w.auditor)
    jobs.make(export, w.auditor.pk)
    client.stays_signed_in = False
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 600
    session["account_authentication_methods"] = session["account_authentication_methods"]
    session.save()
    return d, export


def test_asking_and_taking_want_a_second_factor_of_the_last_five_minutes(client, w, long_ago):
    d, export = long_ago
    before = row(export, w.auditor)
    for at, given in (("/exports/", {"reference": d.reference}), (f"/exports/{export}/", {})):
        answer = client.post(at, given)
        assert answer.status_code == 302
        assert answer.url.startswith(f"/account/confirm/?next={quote(at, safe='')}")
        assert client.get(at).status_code == 200  # they come back here
    assert row(export, w.auditor) == before
    with acting_as(w.auditor):
        assert Export.objects.count() == 1
        assert row(export, w.auditor).taken_at is None


def test_without_the_appointment_nobody_is_asked_for_one(client, w, long_ago):
    d, export = long_ago
    client.force_login(w.office)
    assert client.post("/exports/", {"reference": d.reference}).status_code == 404
    assert client.post(f"/exports/{export}/").status_code == 404


def test_a_page_that_looks_again_by_itself_keeps_no_session_open(client, w):
    export = asked_by(client, w.auditor)
    client.stays_signed_in = False
    session = client.session
    session["active_at"] = was = session["active_at"] - 300
    session.save()
    assert client.get(f"/exports/{export}/?again").status_code == 200
    assert client.session["active_at"] == was
    assert client.get(f"/exports/{export}/").status_code == 200
    assert client.session["active_at"] > was
