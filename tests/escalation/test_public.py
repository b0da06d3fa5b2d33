"""The public page "how to disagree here", and what monitors ask."""

import datetime as dt
import signal

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from accounts.models import Partnership, StepPost
from escalation import health
from escalation.models import Heartbeat
from tests import factories

# ── how to disagree here


@pytest.fixture
def w(db):
    return factories.world()


def test_it_needs_no_sign_in_and_says_the_steps_with_their_lengths(client, w):
    html = client.get("/how-to-disagree/").content.decode()
    for said in (
        "How to disagree here",
        w.partnership.name,
        "whatever their rank",
        "call 999",
        "01632 960001",
        "01632 960002",
        "Line manager or adviser to opposite number",
        "within 5 working days (assumed)",
        "Mediation by the Chair of the LSCB",
        "If the system is down",
        "with the time at which it happened",
    ):
        assert said in html, said


def test_danger_comes_before_anything_else(client, w):
    html = client.get("/how-to-disagree/").content.decode().split("<main", 1)[1]
    assert html.index("call 999") < html.index("Anyone may disagree") < html.index("The steps")


def test_opposite_numbers_are_teams_and_titles_never_people(client, w):
    with factories.as_set_up():
        StepPost.objects.create(team=w.teams["surgery"], level=1, post=w.posts["rita"])
    w.teams["health"].out_of_hours = "01632 960777"
    with factories.as_set_up():
        w.teams["health"].save()
    html = client.get("/how-to-disagree/").content.decode()
    assert "Children&#x27;s Social Care, Front door" in html
    assert "General practitioner" in html
    assert "Line manager, Northshire Health Trust, Health visiting" in html
    assert "01632 960777" in html
    assert "example.org" not in html
    for person in ("Aisha", "Mona", "Chair northshire"):
        assert person not in html


def test_of_several_partnerships_there_is_a_list_and_each_has_its_page(client, w):
    other = factories.world("westmere")
    html = client.get("/how-to-disagree/").content.decode()
    assert "/how-to-disagree/northshire/" in html
    assert other.partnership.name in html
    assert other.partnership.name in client.get("/how-to-disagree/westmere/").content.decode()


def test_a_partnership_that_is_not_there_is_a_404(client, w):
    assert client.get("/how-to-disagree/elsewhere/").status_code == 404


@pytest.mark.django_db
def test_before_anything_is_set_up_the_page_still_answers(client):
    assert "No partnership has been set up" in client.get("/how-to-disagree/").content.decode()
    with factories.as_set_up():
        Partnership.objects.create(slug="new", name="New Partnership", front_door="1", out_of_hours="2")
    html = client.get("/how-to-disagree/").content.decode()
    assert "has not published its procedure" in html
    assert "call 999" in html


def test_it_takes_as_many_queries_for_many_teams_as_for_few(client, w, django_assert_max_num_queries):
    for number in range(10):
        factories.team(w.partnership, f"School {number}", "Safeguarding")
    with django_assert_max_num_queries(12):
        client.get("/how-to-disagree/")


@pytest.mark.parametrize("path", ["/accessibility/", "/privacy/", "/how-to-disagree/"])
def test_public_pages_open_for_anyone_signed_in_or_not(client, w, path):
    assert client.get(path).status_code == 200
    client.force_login(w.stranger)
    assert client.get(path).status_code == 200


# ── whether it lives, whether it can work


@pytest.fixture
def longest_waiting(monkeypatch):
    def since(moment):
        monkeypatch.setattr(health, "_longest_waiting", lambda: moment)

    since(None)
    return since


def test_it_lives_without_asking_the_database(client, db, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get("/health/live")
    assert (answer.status_code, answer.content) == (200, b"live\n")


def test_it_is_ready_when_nothing_waits(client, db, longest_waiting):
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.content) == (200, b"ready\n")


def beat(minutes: float, *jobs: str) -> None:
    """These jobs ended well so many minutes ago."""
    with factories.as_set_up():
        for job in jobs or health.SWEEPS:
            Heartbeat.objects.update_or_create(job=job, defaults={"at": timezone.now() - dt.timedelta(minutes=minutes)})


def test_it_is_not_ready_when_the_sweeps_are_silent(client, db, longest_waiting):
    beat(4)
    assert client.get("/health/ready").status_code == 200
    for job in health.SWEEPS:
        beat(4)
        beat(6, job)
        answer = client.get("/health/ready")
        assert (answer.status_code, answer.content) == (503, b"sweeps\n"), job


def test_before_the_first_sweep_only_what_waits_says_that_there_should_have_been_one(client, db, longest_waiting):
    longest_waiting(timezone.now() - dt.timedelta(minutes=4))
    assert client.get("/health/ready").status_code == 200
    longest_waiting(timezone.now() - dt.timedelta(minutes=6))
    assert client.get("/health/ready").status_code == 503


def test_it_is_not_ready_when_they_run_and_something_waits_all_the_same(client, db, longest_waiting):
    beat(0)
    longest_waiting(timezone.now() - dt.timedelta(minutes=14))
    assert client.get("/health/ready").status_code == 200
    longest_waiting(timezone.now() - dt.timedelta(minutes=16))
    assert client.get("/health/ready").content == b"sweeps\n"


def test_desks_say_when_reminders_are_not_running(client, w):
    client.force_login(w.aisha)
    beat(1)
    assert "Reminders are not running" not in client.get("/desk/").content.decode()
    beat(30)
    html = client.get("/desk/").content.decode()
    assert "Reminders are not running" in html
    assert "Ring people rather than wait" in html


def test_it_is_not_ready_without_its_database(client, db, monkeypatch):
    def fail(*_):
        raise DatabaseError("password of accord_app is 12345")

    monkeypatch.setattr(health, "_longest_waiting", fail)
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.content) == (503, b"database\n")


def test_it_is_not_ready_before_its_migrations(client, db, monkeypatch, longest_waiting):
    monkeypatch.setattr(health, "_is_migrated", lambda: False)
    assert client.get("/health/ready").content == b"migrations\n"


@pytest.mark.parametrize("role", ["accord_clock", "accord_owner"])
def test_it_is_not_ready_in_a_role_that_sees_more_than_the_web_may(client, db, longest_waiting, role):
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {role}")
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.content) == (503, b"role\n")


def test_the_state_of_migrations_is_asked_once_and_remembered(db, monkeypatch, longest_waiting):
    health._remembered_migrated.cache_clear()
    asked = []
    monkeypatch.setattr(health, "_plan_is_empty", lambda: asked.append(1) or len(asked) > 1)
    assert [health._is_migrated() for _ in range(4)] == [False, True, True, True]
    assert len(asked) == 2
    health._remembered_migrated.cache_clear()
    monkeypatch.undo()
    assert health._is_migrated()


def test_the_database_says_since_when_something_waits_and_nothing_else(client, w):
    d = factories.raised(w)
    since = health._longest_waiting()
    assert since is not None
    assert abs(timezone.now() - since) < dt.timedelta(minutes=5)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM escalation_notice")
        assert cursor.fetchone() == (0,), "without a person the web sees no notice"
    assert d.reference not in client.get("/health/ready").content.decode()


# ── the relay


def test_the_relay_runs_the_sweeps_and_stops_when_it_is_told(committed_db, run_process, superuser):
    w = factories.world()
    factories.raised(w)
    relay = run_process("manage.py", "relay", "--every", "1", role="clock", ready="relay ready")
    from tests.conftest import wait_until

    wait_until(lambda: superuser.execute("SELECT count(*) > 0 FROM escalation_notice WHERE sent_at IS NOT NULL").fetchone()[0])
    relay.popen.send_signal(signal.SIGTERM)
    assert relay.popen.wait(15) == 0
    assert "relay stopped" in relay.output
    assert "Traceback" not in relay.output


def test_the_relay_goes_on_when_a_job_fails(committed_db, run_process):
    relay = run_process("manage.py", "relay", "--every", "0.2", role="app", ready="relay ready")  # the wrong role: every sweep refuses
    relay.wait_for("escalation.tasks.remind_of_drafts failed: WrongRole")
    assert relay.popen.poll() is None
    relay.popen.send_signal(signal.SIGINT)
    assert relay.popen.wait(15) == 0


def test_the_relay_can_run_once(committed_db, run_process):
    relay = run_process("manage.py", "relay", "--once", role="clock")
    assert relay.popen.wait(60) == 0
    assert "relay ready" in relay.output
