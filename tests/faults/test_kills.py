"""A sender killed in the middle of sending loses nothing, and doubles nothing that a reader's mail program would not fold into one."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from escalation.kill_points import POINTS
from tests import factories
from tests.conftest import Process, SmtpSink, free_port, wait_until

pytestmark = pytest.mark.usefixtures("committed_db")
UNSENT = """SELECT count(*) FROM escalation_notice
    WHERE due_at <= now() AND sent_at IS NULL AND dropped_at IS NULL AND failed_at IS NULL"""
SENT = """SELECT id::text FROM escalation_notice WHERE sent_at IS NOT NULL AND digest_id IS NULL
    UNION SELECT digest_id::text FROM escalation_notice WHERE sent_at IS NOT NULL AND digest_id IS NOT NULL"""

# A relay with the mechanism switched off: it marks first and sends then, as the checker must find out.
MARKS_FIRST = """
import django
django.setup()
from django.core.management import call_command
from escalation import mails, sending
def send_one(notice, now):
    if not sending._is_owed_now(notice, now):
        return False
    notice.mark_sent(now)
    sending.hand_over(mails.letter(notice, now))
    return True
sending.send_one = send_one
call_command("relay", every=0.2)
"""


def slow(sink: SmtpSink, seconds: float) -> None:
    """The server keeps a message at once, and says so late: whoever dies in between does not know that it was kept."""
    keep = type(sink).handle_DATA

    async def keep_and_linger(server: Any, session: Any, envelope: Any) -> str:
        answer = await keep(sink, server, session, envelope)
        await asyncio.sleep(seconds)
        return answer

    sink.handle_DATA = keep_and_linger  # type: ignore[method-assign]


def owe_notices(superuser: Any, disagreements: int, *, since: str = "1 minute") -> None:
    """So many disagreements, and every reminder of theirs due by now: two mails of each are sent, the rest is overtaken."""
    w = factories.world()
    for _ in range(disagreements):
        factories.raised(w)
    superuser.execute(f"UPDATE escalation_notice SET due_at = now() - interval '{since}' - interval '20 seconds' * random()")


def let_leases_run_out(superuser: Any) -> None:
    for table in ("notice", "digest"):
        superuser.execute(f"UPDATE escalation_{table} SET leased_until = now() - interval '1 second' WHERE sent_at IS NULL")


def check(superuser: Any, sink: SmtpSink, kills: int) -> None:
    """Nothing is owed any more; every row that says it was sent came at least once; what came twice has the same Message-ID, at most
    once for each kill; no two Message-IDs say the same thing to the same person."""
    assert superuser.execute(UNSENT).fetchone() == (0,)
    rows = {row[0] for row in superuser.execute(SENT).fetchall()}
    arrived = Counter(message["Message-ID"].strip("<>").split("@")[0] for message in sink.messages)
    assert set(arrived) == rows
    assert sum(arrived.values()) - len(arrived) <= kills
    said = defaultdict(set)
    for message in sink.messages:
        if "have something for you" not in message["Subject"]:
            said[message["To"], message["Subject"]].add(message["Message-ID"])
    assert {len(ids) for ids in said.values()} <= {1}


def relay_of(run_process: Any, sink: SmtpSink, **environment: str) -> Process:
    environment["EMAIL_URL"] = sink.url
    return run_process("manage.py", "relay", "--every", "0.1", role="clock", ready="relay ready", env=environment)


def kill_at_points(run_process: Any, superuser: Any, sink: SmtpSink, kills: int, chance: random.Random) -> Counter[str]:
    """Kills so many relays at the named points in turn, each at its first or second mail; returns how many died where."""
    died: Counter[str] = Counter()
    for number in range(kills):
        point = POINTS[number % len(POINTS)]
        process = relay_of(run_process, sink, ACCORD_KILL_AT=f"{point}:{chance.choice([1, 1, 2])}")
        assert process.popen.wait(60) == -9, process.output
        died[point] += 1
        let_leases_run_out(superuser)
    return died


def send_the_rest(run_process: Any, superuser: Any, sink: SmtpSink) -> None:
    process = relay_of(run_process, sink)
    wait_until(lambda: superuser.execute(UNSENT).fetchone() == (0,), seconds=90, what="everything sent")
    assert process.end() == 0


def kill_at_random(run_process: Any, superuser: Any, sink: SmtpSink, kills: int, chance: random.Random) -> int:
    """Named points miss what nobody thought of: kills whenever; returns how often it was in the middle of sending."""
    slow(sink, 0.1)
    in_the_middle = 0
    for _ in range(kills):
        process, before = relay_of(run_process, sink), len(sink.messages)
        wait_until(lambda before=before: len(sink.messages) > before, what="sending")
        time.sleep(chance.random() * 0.3)
        process.kill()
        in_the_middle += superuser.execute(UNSENT).fetchone()[0] > 0
        let_leases_run_out(superuser)
    del sink.handle_DATA
    return in_the_middle


def test_a_relay_killed_at_every_point_and_at_random_loses_nothing(run_process: Any, superuser: Any, smtp_sink: SmtpSink) -> None:
    owe_notices(superuser, 9)
    died = kill_at_points(run_process, superuser, smtp_sink, 6, random.Random(23))
    hit = kill_at_random(run_process, superuser, smtp_sink, 2, random.Random(24))
    send_the_rest(run_process, superuser, smtp_sink)
    assert set(died) == set(POINTS)
    assert hit >= 1, "the kills came too late to mean anything"
    assert len({message["Message-ID"] for message in smtp_sink.messages}) == 18
    assert len(smtp_sink.messages) > 18, "a mail that was taken, and not marked, comes again"
    check(superuser, smtp_sink, kills=8)


@pytest.mark.long
def test_a_relay_killed_a_hundred_times_loses_nothing(run_process: Any, superuser: Any, smtp_sink: SmtpSink) -> None:
    owe_notices(superuser, 110)
    died = kill_at_points(run_process, superuser, smtp_sink, 84, random.Random(25))
    assert set(died.values()) == {28}
    hit = kill_at_random(run_process, superuser, smtp_sink, 16, random.Random(26))
    assert hit >= 12
    send_the_rest(run_process, superuser, smtp_sink)
    check(superuser, smtp_sink, kills=100)


def test_the_checker_finds_a_sender_that_marks_before_it_sends(run_process: Any, superuser: Any, smtp_sink: SmtpSink) -> None:
    owe_notices(superuser, 3)
    environment = {"EMAIL_URL": smtp_sink.url, "DJANGO_SETTINGS_MODULE": "config.settings", "ACCORD_KILL_AT": "before_send:2"}
    process = run_process("python", "-c", MARKS_FIRST, role="clock", env=environment)
    assert process.popen.wait(60) == -9, process.output
    let_leases_run_out(superuser)
    send_the_rest(run_process, superuser, smtp_sink)
    with pytest.raises(AssertionError):
        check(superuser, smtp_sink, kills=1)


@pytest.mark.parametrize("point", POINTS)
def test_a_digest_killed_comes_again_as_the_same_one(point: str, run_process: Any, superuser: Any, smtp_sink: SmtpSink) -> None:
    owe_notices(superuser, 3, since="2 hours")
    for _ in range(2):
        process = relay_of(run_process, smtp_sink, ACCORD_KILL_AT=point)
        assert process.popen.wait(60) == -9, process.output
        let_leases_run_out(superuser)
    send_the_rest(run_process, superuser, smtp_sink)
    assert superuser.execute("SELECT count(*) FROM escalation_digest").fetchone() == (1,)
    assert len(smtp_sink.messages) == (1 if point == "before_send" else 3)
    check(superuser, smtp_sink, kills=2)


def test_outside_of_tests_nothing_reads_the_variable(run_process: Any) -> None:
    said = "import os; os.environ.pop('ACCORD_TEST'); import django.conf as c; c.settings.configure(UNDER_TEST=False)\n"
    said += "from escalation import kill_points as k; k.reached('before_send'); print('alive', repr(k._wanted))"
    process = run_process("python", "-c", said, env={"ACCORD_KILL_AT": "before_send"})
    assert process.popen.wait(30) == 0, process.output
    assert "alive ''" in process.output


# ── leases, refusals, and a mail server that dies ───────────────────────────────────────────────────────────────────


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
        assert len(smtp_sink.messages) == (0 if refusing else 4)
    check(superuser, smtp_sink, kills=0)


class Mortal(SmtpSink):
    """A mail server that dies when it has kept a message: before it says so, or after. Then nobody listens for a while."""

    deaths: list[str]
    died = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answer = await super().handle_DATA(server, session, envelope)
        if self.deaths:
            if self.deaths.pop() == "after":
                await server.push(answer)
            server.transport.abort()
            self.died += 1
        return answer

    @contextmanager
    def listening(self) -> Iterator[None]:
        controller = Controller(self, hostname="127.0.0.1", port=self.port)
        controller.start()
        try:
            yield
        finally:
            controller.stop()


def test_a_mail_server_that_dies_after_it_took_a_mail_loses_nothing(run_process: Any, superuser: Any) -> None:
    owe_notices(superuser, 6)
    sink = Mortal(port=free_port())
    sink.deaths = ["after", "before", "after", "before"]
    process = relay_of(run_process, sink)
    for number in range(1, 5):
        with sink.listening():
            wait_until(lambda number=number: sink.died >= number, what="the mail server's death")
        time.sleep(0.4)
        let_leases_run_out(superuser)
    with sink.listening():
        wait_until(lambda: let_leases_run_out(superuser) or superuser.execute(UNSENT).fetchone() == (0,), what="everything sent")
        assert process.end() == 0
    doubled = len(sink.messages) - len({message["Message-ID"] for message in sink.messages})
    assert doubled <= 4
    check(superuser, sink, kills=4)
