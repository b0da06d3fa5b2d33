"""The same with a real worker and beat, and with a Redis that is emptied and goes away: the queue only wakes, the rows know."""

from __future__ import annotations

import random
from typing import Any

import pytest

from escalation.kill_points import POINTS
from tests.conftest import RedisServer, SmtpSink, wait_until
from tests.escalation.test_celery import Celery, celery
from tests.faults.test_kills import UNSENT, check, let_leases_run_out, owe_notices

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.long]

__all__ = ["celery"]  # the fixture


def test_workers_killed_at_every_point_and_a_redis_away_lose_nothing(
    celery: Celery, redis_server: RedisServer, smtp_sink: SmtpSink, superuser: Any
) -> None:
    owe_notices(superuser, 24)
    chance, kills = random.Random(27), 18
    beat = celery.beat()
    for number in range(kills):
        worker = celery.worker(ACCORD_KILL_AT=f"{POINTS[number % len(POINTS)]}:{chance.choice([1, 2])}")
        wait_until(lambda worker=worker: worker.popen.poll() is not None, seconds=60, what="the worker's death")
        let_leases_run_out(superuser)
        if number % 6 == 5:
            redis_server.stop()  # what it held is gone, and for a while there is none
            assert superuser.execute(UNSENT).fetchone()[0] > 0
            redis_server.start()
            beat.kill()
            beat = celery.beat()
    celery.worker()
    wait_until(lambda: superuser.execute(UNSENT).fetchone() == (0,), seconds=90, what="everything sent")
    check(superuser, smtp_sink, kills=kills)


def test_without_redis_the_relay_sends_all_the_same(
    celery: Celery, redis_server: RedisServer, smtp_sink: SmtpSink, superuser: Any, run_process: Any
) -> None:
    owe_notices(superuser, 4)
    redis_server.stop()
    run_process("manage.py", "relay", "--every", "0.1", role="clock", ready="relay ready", env=celery.environment)
    wait_until(lambda: superuser.execute(UNSENT).fetchone() == (0,), seconds=60, what="everything sent")
    check(superuser, smtp_sink, kills=0)
