"""The sweep among a million open disagreements, 20,000 of them due: finding them, noticing them, writing notices, memory.

Makes a database of its own, which goes with it: `.venv/bin/python bench/sweep.py [disagreements] [due]`. Takes some minutes and about
2 GB. Only ratios within one run tell anything; rates a second are those of this machine, as busy as it was.

The template is one disagreement made through the door. It is copied by plain statements with the triggers off. Those that are due have
their sides, seats, first entry and reminders, so that they can be noticed; of the others only the disagreement and its clock are there.
"""

from __future__ import annotations

import datetime as dt
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NAME = "accord_sweep"
TARGET_FIND = 2.0  # times the one indexed statement
TARGET_WRITE = 8_000  # notices a second, on two cores
BATCH = 500
NOTICED = 200  # by each worker, one by one
WRITTEN = 20_000  # notices, by each worker
WALKED = 200  # batches of the nightly check

DUE = """SELECT id FROM escalation_clock WHERE stopped_at IS NULL AND reached_at IS NULL AND due_at <= %s ORDER BY due_at"""
ROWS_OF_DUE = ("disputes_side", "disputes_seat", "disputes_entry", "escalation_notice")


def main() -> int:
    disagreements, due = (int(number) for number in [*sys.argv[1:3], *("1000000", "20000")[len(sys.argv[1:3]) :]])
    with tempfile.TemporaryDirectory(prefix="accord-sweep-", ignore_cleanup_errors=True) as directory:
        os.environ |= {"ACCORD_DATA": f"{directory}/postgres", "ACCORD_DB_NAME": NAME, "DATABASE_URL": ""}
        from config import embedded

        data = Path(directory).resolve() / "postgres"
        embedded.ensure_running(data, database=NAME)
        began = time.perf_counter()
        run([sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"], role="migrator")
        run([sys.executable, __file__, "worker", "template"], role="migrator")
        with embedded.superuser(data, NAME) as server:
            fill(server, disagreements, due)
            say("filled", f"{disagreements:,} disagreements, {due:,} due", f"{time.perf_counter() - began:.0f} s")
        failed = subprocess.run([sys.executable, __file__, "worker", "measure"], cwd=ROOT, env=environment("clock"), check=False).returncode
        embedded.stop(data, mode="immediate")
    return failed


def environment(role: str) -> dict[str, str]:
    return {**os.environ, "ACCORD_ROLE": role, "DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": str(ROOT)}


def run(command: list[str], *, role: str) -> None:
    subprocess.run(command, cwd=ROOT, env=environment(role), check=True)


def say(what: str, measured: str, judged: str = "") -> None:
    print(f"{what:42} {measured:>38}  {judged}", flush=True)


# ── a million of them ───────────────────────────────────────────────────────────────────────────────────────────────


def fill(server: Any, disagreements: int, due: int) -> None:
    """Copies the one disagreement there is. The first `due` of the copies are due, the others in the weeks to come."""
    server.execute("SET session_replication_role = replica")
    server.execute("SET synchronous_commit = off")
    server.execute("SET maintenance_work_mem = '256MB'")
    server.execute("CREATE TEMP TABLE copies (n int, old uuid, new uuid)")
    server.execute(
        "INSERT INTO copies SELECT n, id, gen_random_uuid() FROM disputes_disagreement, generate_series(1, %s) n", [disagreements]
    )
    server.execute("CREATE TEMP TABLE keys (n int, old uuid, new uuid)")  # of the rows that hang on a disagreement
    for table in ROWS_OF_DUE:
        server.execute(
            f"INSERT INTO keys SELECT n, t.id, gen_random_uuid() FROM {table} t, copies c WHERE n <= %s",
            [due],
        )
    server.execute("INSERT INTO keys SELECT n, t.id, gen_random_uuid() FROM escalation_clock t, copies c")
    server.execute("CREATE INDEX ON keys (n, old)")
    server.execute("ANALYZE keys")
    when = f"CASE WHEN n <= {due} THEN now() - n * interval '10 ms' ELSE now() + interval '1 day' + n * interval '1 s' END"
    copy(server, "disputes_disagreement", {"id": "c.new", "reference": "lpad(to_hex(n), 9, '0')", "due_at": when})
    copy(
        server,
        "escalation_clock",
        {"started_at": f"{when} - interval '2 days'", "due_at": when, "chaser_at": f"{when} + interval '7 days'"},
    )
    for table in ROWS_OF_DUE:
        copy(server, table, {"due_at": when} if table == "escalation_notice" else {}, least=due)
    server.execute("RESET session_replication_role")
    server.execute("VACUUM ANALYZE")
    server.execute("CHECKPOINT")


def copy(server: Any, table: str, changed: dict[str, str], least: int | None = None) -> None:
    """Every row of the template, once for each copy; its keys are those of the copy."""
    found = server.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table]).fetchall()
    columns = [name for (name,) in found]
    own = "(SELECT k.new FROM keys k WHERE k.n = c.n AND k.old = t.{})"
    values = {
        "id": own.format("id"),
        "disagreement_id": "c.new",
        **{name: f"coalesce({own.format(name)}, t.{name})" for name in ("side_id", "entry_id", "clock_id", "started_by_id", "opened_by")},
        **changed,
    }
    chosen = ", ".join(values.get(name, f't."{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    where = f"WHERE n <= {least}" if least else ""
    server.execute(f"INSERT INTO {table} ({names}) SELECT {chosen} FROM (SELECT * FROM {table}) t, copies c {where}")


def template() -> None:
    """One disagreement, through the door."""
    from tests import factories

    factories.raised(factories.world())


# ── what is measured ────────────────────────────────────────────────────────────────────────────────────────────────


def measure() -> int:
    missed = find()
    missed += noticing() + writing()
    walking()
    return 1 if missed else 0


def median_of(*ways: Callable[[], int], rounds: int = 25) -> list[float]:
    """The middle time of each, taken in turns, after one that does not count. All must find as many."""
    assert len({way() for way in ways}) == 1
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for way, taken in zip(ways, times, strict=True):
            began = time.perf_counter()
            way()
            taken.append(time.perf_counter() - began)
    return [statistics.median(taken) for taken in times]


def find() -> int:
    from django.db import connection
    from django.utils import timezone

    from escalation import tasks
    from escalation.models import Clock

    now, missed = timezone.now(), 0
    for most in (None, tasks.IN_A_ROW):

        def ours(most: int | None = most) -> int:
            due = Clock.objects.filter(stopped_at=None, reached_at=None, due_at__lte=now).order_by("due_at").values_list("pk", flat=True)
            return len(list(due[:most]))

        def floor(most: int | None = most) -> int:
            with connection.cursor() as cursor:
                cursor.execute(DUE + (f" LIMIT {most}" if most else ""), [now])
                return len(cursor.fetchall())

        mine, least = median_of(ours, floor)
        ratio = mine / least
        missed += ratio > TARGET_FIND
        many = f"{most:,} in a sweep" if most else "all that are due"
        judged = f"x{ratio:.2f} (<= {TARGET_FIND:g}: {'missed' if ratio > TARGET_FIND else 'met'})"
        say(f"finding, {many}", f"{mine * 1000:.1f} ms, the statement {least * 1000:.1f} ms", judged)
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + DUE, [now])
        plan = " ".join(line for (line,) in cursor.fetchall())
    say("its plan uses the partial index", "yes" if "running_by_due" in plan else "no")
    return missed


def noticing() -> int:
    """Limits noticed through the door, one by one: entry, seats, clocks, history, notices; a commit each."""
    before = notices_written()
    taken = side_by_side("notice")
    rate = (notices_written() - before) / taken
    verdict = "missed" if rate < TARGET_WRITE else "met"
    say(
        "noticing through the door, two workers",
        f"{2 * NOTICED / taken:,.0f} limits/s, {rate:,.0f} notices/s",
        f"(>= {TARGET_WRITE:,} notices: {verdict})",
    )
    return int(rate < TARGET_WRITE)


def writing() -> int:
    """Notices written in bulk, as the door writes them (bulk_create, all rules of the database on), 500 and a commit at a time."""
    before = notices_written()
    taken = side_by_side("write")
    rate = (notices_written() - before) / taken
    verdict = "missed" if rate < TARGET_WRITE else "met"
    say("writing notices in bulk, two workers", f"{rate:,.0f} notices/s", f"(>= {TARGET_WRITE:,}: {verdict})")
    return int(rate < TARGET_WRITE)


def notices_written() -> int:
    from escalation.models import Notice

    return Notice.objects.count()


def side_by_side(worker: str) -> float:
    """Two workers, begun together when both are ready; how long until both were done."""
    both = [
        subprocess.Popen([sys.executable, __file__, "worker", worker, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for n in (0, 1)
    ]
    for one in both:
        assert one.stdout is not None
        one.stdout.readline()
    began = time.perf_counter()
    for one in both:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    for one in both:
        one.wait()
        assert one.returncode == 0
    return time.perf_counter() - began


def ready() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def notice(worker: int) -> None:
    from django.utils import timezone

    from escalation import moves
    from escalation.models import Clock

    now = timezone.now()
    due = list(Clock.objects.filter(stopped_at=None, reached_at=None, due_at__lte=now).order_by("due_at").values_list("pk", flat=True))
    mine = [pk for pk in due if pk.int % 2 == worker][: NOTICED + 1]
    moves.reach_limit(mine.pop(), now=now)  # the first reads what all others find in memory
    ready()
    for pk in mine:
        assert moves.reach_limit(pk, now=now)


def write(worker: int) -> None:
    from django.db import transaction
    from django.utils import timezone

    from escalation.models import Clock, Notice

    now = timezone.now()
    due = list(Clock.objects.filter(stopped_at=None, reached_at=None, due_at__lte=now).order_by("due_at"))
    due = [clock for clock in due if clock.pk.int % 2 == worker]
    people = list(Notice.objects.filter(clock=due[0]).values_list("person_id", flat=True)[:1])
    rules = [f"after_{n}" for n in range(50, 60)]  # none of the policy's
    ready()
    rows = ((clock, rule, person) for rule in rules for clock in due for person in people)
    left = min(WRITTEN, len(due) * len(rules) // BATCH * BATCH)
    while left > 0:
        with transaction.atomic():
            Notice.objects.bulk_create(
                Notice(
                    partnership_id=clock.partnership_id,
                    disagreement_id=clock.disagreement_id,
                    person_id=person,
                    rule=rule,
                    clock=clock,
                    due_at=now + dt.timedelta(days=1),
                    written_at=now,
                )
                for clock, rule, person in (next(rows) for _ in range(BATCH))
            )
        left -= BATCH


def walking() -> None:
    """The nightly check's walk over all that are open, a batch at a time: what it keeps in memory."""
    from django.utils import timezone

    from disputes.models import Disagreement
    from disputes.seats import Standing
    from escalation import radar

    now, sizes, began, seen = timezone.now(), [], time.perf_counter(), 0
    for number, batch in enumerate(radar._in_batches(Disagreement.objects.open()), start=1):
        Standing.of_many(batch, now)
        radar.found_for(batch, now)
        seen += len(batch)
        sizes.append(resident())
        if number == WALKED:
            break
    tenth = max(1, len(sizes) // 10)
    grown = max(sizes) - sizes[tenth]
    say(
        f"the nightly walk, {seen:,} disagreements",
        f"{seen / (time.perf_counter() - began):,.0f}/s, {max(sizes):.0f} MiB resident",
        f"grew {grown:.1f} MiB after the first tenth (flat: {'met' if grown < 5 else 'missed'})",
    )


def resident() -> float:
    """MiB in memory now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    if sys.argv[1:2] == ["worker"]:
        import django

        django.setup()
        job, *numbers = sys.argv[2:]
        sys.exit({"template": template, "measure": measure, "notice": notice, "write": write}[job](*map(int, numbers)))  # type: ignore[operator]
    sys.exit(main())
