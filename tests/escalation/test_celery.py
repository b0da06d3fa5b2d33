"""A real worker and a real beat over a real Redis send a nudge; killed in the middle they lose and double nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import factories
from tests.conftest import Process, RedisServer, SmtpSink, wait_until
from tests.faults.test_kills import UNSENT, check, let_leases_run_out, owe_notices, slow

pytestmark = pytest.mark.usefixtures("committed_db")

# The beat of service, only that it beats each second and not each minute.
BEAT = """
import sys
from config.celery import app
assert {"sweep-clocks", "send-owed-notices", "redate-clocks", "remind-of-drafts"} < set(app.conf.beat_schedule)
for job in app.conf.beat_schedule.values():
    job["schedule"] = 1.0
app.Beat(schedule=sys.argv[1], loglevel="INFO").run()
"""


class Celery:
    """The two processes of service, on this test's database, Redis and mail server."""

    def __init__(self, run_process: Any, redis: RedisServer, sink: SmtpSink, directory: Path) -> None:
        self.run_process, self.directory = run_process, directory
        self.environment = {"REDIS_URL": redis.url, "EMAIL_URL": sink.url}

    def worker(self, **more: str) -> Process:
        options = ("worker", "--concurrency", "1", "--loglevel", "INFO", "--without-mingle", "--without-gossip")
        return self.run_process("celery", *options, ready="" if more else "ready.", env={**self.environment, **more})

    def beat(self) -> Process:
        return self.run_process("python", "-c", BEAT, str(self.directory / "schedule"), role="clock", env=self.environment)


@pytest.fixture
def celery(run_process: Any, redis_server: RedisServer, smtp_sink: SmtpSink, tmp_path: Path) -> Celery:
    return Celery(run_process, redis_server, smtp_sink, tmp_path)


def test_worker_and_beat_send_a_nudge_once_and_notice_the_limit(celery: Celery, smtp_sink: SmtpSink, superuser: Any) -> None:
    factories.raised(factories.world())
    superuser.execute("UPDATE escalation_notice SET due_at = now() - interval '1 second' WHERE rule = 'before_1'")
    superuser.execute("ALTER TABLE escalation_clock DISABLE TRIGGER USER")  # when a clock runs out is settled when it starts
    superuser.execute("UPDATE escalation_clock SET started_at = now() - interval '1 day', due_at = now() - interval '1 second'")
    superuser.execute("ALTER TABLE escalation_clock ENABLE TRIGGER USER")
    celery.worker()
    celery.beat()
    who = "SELECT rule, u.name FROM escalation_notice JOIN accounts_user u ON u.id = person_id WHERE sent_at IS NOT NULL"
    wait_until(lambda: len(superuser.execute(who).fetchall()) >= 5, seconds=60, what="the mails")
    sent = set(superuser.execute(who))
    assert sent == {("your_move", "Sam"), ("before_1", "Sam"), ("overdue", "Grace"), ("overdue", "Mona"), ("news", "Aisha")}
    rounds = superuser.execute("SELECT count(*) FROM disputes_entry WHERE kind = 'reach_limit'").fetchone()
    assert rounds == (1,)
    check(superuser, smtp_sink, kills=0)
    assert len(smtp_sink.messages) == 5


def test_a_worker_killed_and_a_redis_emptied_in_the_middle_lose_and_double_nothing(
    celery: Celery, redis_server: RedisServer, smtp_sink: SmtpSink, superuser: Any
) -> None:
    owe_notices(superuser, 3)
    slow(smtp_sink, 0.3)
    worker = celery.worker()
    beat = celery.beat()
    wait_until(lambda: len(smtp_sink.messages) >= 2, seconds=60, what="sending")
    worker.kill()
    assert superuser.execute(UNSENT).fetchone()[0] > 0, "killed too late to mean anything"
    redis_server.stop()
    redis_server.start()  # it keeps nothing on disk: every queued task is gone
    let_leases_run_out(superuser)
    celery.worker()
    beat.kill()
    celery.beat()
    wait_until(lambda: superuser.execute(UNSENT).fetchone() == (0,), seconds=60, what="everything sent")
    check(superuser, smtp_sink, kills=1)
