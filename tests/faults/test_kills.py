"""A sender killed in the middle of sending loses nothing, and doubles nothing that a reader's mail program would not fold into one."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from typing import Any

import pytest

from tests import factories
from tests.conftest import Process, SmtpSink, wait_until

pytestmark = pytest.mark.usefixtures("committed_db")
DUE = "due_at <= now()"
UNSENT = f"SELECT count(*) FROM escalation_notice WHERE {DUE} AND sent_at IS NULL AND dropped_at IS NULL AND failed_at IS NULL"


def slow(sink: SmtpSink, seconds: float) -> None:
    """The server keeps a message at once, and says so late: whoever dies in between does not know that it was kept."""
    keep = type(sink).handle_DATA

    async def keep_and_linger(server: Any, session: Any, envelope: Any) -> str:
        answer = await keep(sink, server, session, envelope)
        await asyncio.sleep(seconds)
        return answer

    sink.handle_DATA = keep_and_linger  # type: ignore[method-assign]


def owe_notices(superuser: Any, disagreements: int) -> None:
    """So many disagreements, and every nudge of theirs due now."""
    w = factories.world()
    for _ in range(disagreements):
        factories.raised(w)
    superuser.execute("UPDATE escalation_notice SET due_at = now() - interval '1 minute' * random()")


def let_leases_run_out(superuser: Any) -> None:
    superuser.execute("UPDATE escalation_notice SET leased_until = now() - interval '1 second' WHERE sent_at IS NULL")


def check(superuser: Any, sink: SmtpSink, kills: int) -> None:
    """Every notice that says it was sent came at least once; what came twice has the same Message-ID, at most one for each kill."""
    rows = superuser.execute("SELECT id::text FROM escalation_notice WHERE sent_at IS NOT NULL").fetchall()
    arrived = Counter(message["Message-ID"].strip("<>").split("@")[0] for message in sink.messages)
    assert set(arrived) == {row[0] for row in rows}
    doubled = sum(arrived.values()) - len(arrived)
    assert doubled <= kills
    assert superuser.execute(UNSENT).fetchone() == (0,)


def kill_and_go_on(run_process: Any, superuser: Any, sink: SmtpSink, *, disagreements: int, kills: int, chance: random.Random) -> int:
    owe_notices(superuser, disagreements)
    slow(sink, 0.15)
    environment = {"EMAIL_URL": sink.url}
    killed_while_sending = 0

    def relay() -> Process:
        return run_process("manage.py", "relay", "--every", "0.2", role="clock", ready="relay ready", env=environment)

    for _ in range(kills):
        process, before = relay(), len(sink.messages)
        wait_until(lambda before=before: len(sink.messages) > before, what="sending")
        time.sleep(chance.random() * 0.4)
        process.kill()
        killed_while_sending += superuser.execute(UNSENT).fetchone()[0] > 0
        let_leases_run_out(superuser)
    sink.handle_DATA = type(sink).handle_DATA.__get__(sink)  # type: ignore[method-assign]
    process = relay()
    wait_until(lambda: superuser.execute(UNSENT).fetchone() == (0,), what="everything sent")
    assert process.end() == 0
    return killed_while_sending


def test_a_relay_killed_while_sending_loses_nothing(run_process: Any, superuser: Any, smtp_sink: SmtpSink) -> None:
    hit = kill_and_go_on(run_process, superuser, smtp_sink, disagreements=5, kills=3, chance=random.Random(23))
    assert hit >= 2, "the kills came too late to mean anything"
    assert len({message["Message-ID"] for message in smtp_sink.messages}) == 25
    check(superuser, smtp_sink, kills=3)


@pytest.mark.long
def test_a_relay_killed_forty_times_loses_nothing(run_process: Any, superuser: Any, smtp_sink: SmtpSink) -> None:
    hit = kill_and_go_on(run_process, superuser, smtp_sink, disagreements=60, kills=40, chance=random.Random(24))
    assert hit >= 30
    check(superuser, smtp_sink, kills=40)


def test_what_a_dead_sender_leased_is_taken_up_when_the_lease_has_run_out(run_process: Any, superuser: Any, smtp_sink: SmtpSink) -> None:
    """Before that nobody sends it: the sender might only be slow."""
    factories.raised(factories.world())
    superuser.execute("UPDATE escalation_notice SET leased_until = now() + interval '5 minutes', attempts = 1")
    process = run_process("manage.py", "relay", "--once", role="clock", env={"EMAIL_URL": smtp_sink.url})
    process.popen.wait(30)
    assert smtp_sink.messages == []
    let_leases_run_out(superuser)
    process = run_process("manage.py", "relay", "--once", role="clock", env={"EMAIL_URL": smtp_sink.url})
    process.popen.wait(30)
    assert [message["To"] for message in smtp_sink.messages] == ["sam@example.org"]


def test_a_mail_server_that_turns_everything_away_for_now_delays_and_loses_nothing(
    run_process: Any, superuser: Any, smtp_sink: SmtpSink
) -> None:
    owe_notices(superuser, 2)
    smtp_sink.refusing = True
    for refusing in (True, False):
        smtp_sink.refusing = refusing
        let_leases_run_out(superuser)
        run_process("manage.py", "relay", "--once", role="clock", env={"EMAIL_URL": smtp_sink.url}).popen.wait(30)
        assert len(smtp_sink.messages) == (0 if refusing else 10)
    check(superuser, smtp_sink, kills=0)
