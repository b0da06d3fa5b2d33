"""What row-level security costs: pages with it and without it, in turns, in one run. Target: at most 15 % of a page.

Makes a database of its own with the demonstration in it, each of its disagreements copied a hundred times:
`.venv/bin/python bench/row_security.py [copies]`.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NAME = "accord_row_security"
TARGET = 1.15
ROUNDS = 15
COPIED = ("disputes_side", "disputes_seat", "disputes_child", "disputes_entry", "disputes_text", "escalation_clock")
POINTING = ("side_id", "entry_id", "started_by_id", "stopped_by_id", "opened_by")
PEOPLE = ("aisha.khan", "mona.lewis", "margaret.ellis", "peter.lang", "una.clarke")


def main() -> int:
    copies = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory(prefix="accord-security-", ignore_cleanup_errors=True) as directory:
        os.environ |= {"ACCORD_DATA": f"{directory}/postgres", "ACCORD_DB_NAME": NAME, "DATABASE_URL": "", "LOG_LEVEL": "ERROR"}
        from config import embedded

        data = Path(directory).resolve() / "postgres"
        embedded.ensure_running(data, database=NAME)
        for command, role in (("migrate", "migrator"), ("demo", "replay")):
            environment = {**os.environ, "ACCORD_ROLE": role, "DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": str(ROOT)}
            subprocess.run([sys.executable, "manage.py", command], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        with embedded.superuser(data, NAME) as server:
            fill(server, copies)
            os.environ |= {"ACCORD_ROLE": "app", "DJANGO_SETTINGS_MODULE": "config.settings"}
            missed = measure(server)
        embedded.stop(data, mode="immediate")
    return missed


def fill(server: Any, copies: int) -> None:
    """Every disagreement of the demonstration, this many times more, with all that its pages read."""
    server.execute("SET session_replication_role = replica")
    server.execute("CREATE TEMP TABLE copies (n int, old uuid, new uuid)")
    server.execute(
        "INSERT INTO copies SELECT row_number() OVER (), id, gen_random_uuid() FROM disputes_disagreement, generate_series(1, %s)", [copies]
    )
    server.execute("CREATE TEMP TABLE keys (n int, old uuid, new uuid)")
    for table in COPIED:
        server.execute(f"INSERT INTO keys SELECT n, t.id, gen_random_uuid() FROM {table} t JOIN copies c ON c.old = t.disagreement_id")
    server.execute("CREATE INDEX ON keys (n, old)")
    server.execute("ANALYZE keys")
    for table in ("disputes_disagreement", *COPIED):
        copy(server, table)
    server.execute("RESET session_replication_role")
    server.execute("VACUUM ANALYZE")


def copy(server: Any, table: str) -> None:
    """The rows of each disagreement, for its copies; their keys are those of the copy."""
    columns = [name for (name,) in server.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table])]
    own = "(SELECT k.new FROM keys k WHERE k.n = c.n AND k.old = t.{})"
    is_it = table == "disputes_disagreement"
    values = {
        "id": "c.new" if is_it else own.format("id"),
        "disagreement_id": "c.new",
        "reference": "lpad(to_hex(n), 9, '0')",
        **{
            name: f"coalesce({own.format(name)}, t.{name})"
            for name in ("side_id", "entry_id", "started_by_id", "stopped_by_id", "opened_by")
        },
    }
    chosen = ", ".join(values.get(name, f't."{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    on = f"c.old = t.{'id' if is_it else 'disagreement_id'}"
    server.execute(f"INSERT INTO {table} ({names}) SELECT {chosen} FROM (SELECT * FROM {table}) t JOIN copies c ON {on}")


def measure(server: Any) -> int:
    import django

    django.setup()
    from django.test import Client

    from accounts.models import User
    from disputes.models import Disagreement

    tables = [name for (name,) in server.execute("SELECT relname FROM pg_class WHERE relrowsecurity AND relkind = 'r'").fetchall()]
    pages = {}
    for name in PEOPLE:
        person = User.objects.get(email=f"{name}@northshire.example")
        client = Client()
        client.force_login(person)
        session = client.session
        session.update({"is_demo": True, "signed_in_at": time.time(), "active_at": time.time()})
        session.save()
        from accounts.acting import acting_as

        with acting_as(person):
            reference = Disagreement.objects.visible_to(person).filter(reference__contains="-").values_list("reference", flat=True)[0]
        for path in ("/desk/", "/disagreements/", f"/disagreements/{reference}/"):
            pages[f"{name} {path.replace(reference, '…')}"] = (client, path)
    times: dict[str, dict[bool, list[float]]] = {page: {True: [], False: []} for page in pages}
    for turn in range(ROUNDS * 2):
        secured = turn % 2 == 0
        for table in tables:
            server.execute(f"ALTER TABLE {table} {'ENABLE' if secured else 'DISABLE'} ROW LEVEL SECURITY")
        for page, (client, path) in pages.items():
            began = time.perf_counter()
            answer = client.get(path, HTTP_HOST="127.0.0.1")
            if answer.status_code != 200:
                raise SystemExit(f"{page}: {answer.status_code}")
            if turn > 1:
                times[page][secured].append((time.perf_counter() - began) * 1000)
    (found,) = server.execute("SELECT count(*) FROM disputes_disagreement").fetchone()
    print(f"{found} disagreements, {ROUNDS - 1} rounds, milliseconds (median)")
    ratios = []
    for page, both in times.items():
        on, off = statistics.median(both[True]), statistics.median(both[False])
        ratios.append(on / off)
        print(f"{page:44} with {on:7.1f}   without {off:7.1f}   x{on / off:.2f}")
    middle = statistics.median(ratios)
    print(f"middle of the pages x{middle:.2f}, worst x{max(ratios):.2f} (target x{TARGET})")
    return int(max(ratios) > TARGET)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
