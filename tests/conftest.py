"""What every test stands on: a PostgreSQL of its own, and real processes where they matter."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.contrib.auth import SESSION_KEY
from django.db import connections
from django.test import Client
from psycopg import sql

from config import database, embedded

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]

# ── The database ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> Iterator[None]:
    """This worker's own database, copied from a migrated one. Tests connect as `accord_app`, as the web does."""
    with django_db_blocker.unblock():
        embedded.ensure_running(database.data_dir(), database=None, for_tests=True)
        template = _migrated_template()
        _let_tests_put_on_roles()
        _clone(template)
    yield
    with django_db_blocker.unblock():
        connections.close_all()
        _drop(database.name())


def _migrated_template() -> str:
    """The name of a database with every migration applied; made once for each state of the migrations."""
    made_of = [embedded.ROLES, ROOT / "requirements.txt", *sorted(ROOT.glob("*/migrations/*.py"))]
    made_of += sorted(path for path in ROOT.glob("procedure/*/*") if path.suffix in {".json", ".yaml", ".yml"})
    digest = hashlib.sha256()
    for path in made_of:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    template = f"accord_template_{digest.hexdigest()[:12]}"
    data_dir = database.data_dir()
    with embedded.locked(data_dir.with_name("test-template.lock")), embedded.superuser(data_dir) as server:
        _drop_leftovers(server, keep=template)
        if server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone():
            return template
        unfinished = f"{template}_unfinished"
        _drop(unfinished)
        embedded.create_database(data_dir, unfinished)
        migrated = subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"],
            cwd=ROOT,
            env={**os.environ, "ACCORD_TEST": "1", "ACCORD_DB_NAME": unfinished, "ACCORD_ROLE": "migrator"},
            capture_output=True,
            text=True,
            check=False,
        )
        if migrated.returncode:
            pytest.exit(f"manage.py migrate failed:\n{migrated.stdout}{migrated.stderr}", returncode=3)
        server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(unfinished), sql.Identifier(template)))
    return template


def _let_tests_put_on_roles() -> None:
    """In the tests' own server only: the web's role may put on that of the clock, to sweep, and that of the owner, to set people up
    (factories.as_set_up). It inherits nothing from them."""
    data_dir = database.data_dir()
    with embedded.locked(data_dir.with_name("test-template.lock")), embedded.superuser(data_dir) as server:
        for role in ("accord_clock", "accord_owner"):
            if server.execute("SELECT pg_has_role('accord_app', %s, 'SET')", [role]).fetchone() != (True,):
                server.execute(sql.SQL("GRANT {} TO accord_app WITH INHERIT FALSE, SET TRUE").format(sql.Identifier(role)))


def _drop_leftovers(server: psycopg.Connection[Any], keep: str) -> None:
    """Drop what killed runs left behind, and all but the newest few templates."""
    names = [row[0] for row in server.execute("SELECT datname FROM pg_database WHERE datname LIKE 'accord%' ORDER BY oid DESC")]
    for name in names:
        run = name.removeprefix("accord_test_").split("_")[0]
        if name.startswith("accord_test_") and run.isdigit() and not Path(f"/proc/{run}").exists() and Path("/proc/1").exists():
            _drop(name)
    templates = [name for name in names if name.startswith("accord_template_") and not name.endswith("_unfinished")]
    for name in templates[4:]:
        if name != keep:
            with contextlib.suppress(psycopg.errors.ObjectInUse):
                server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def _clone(template: str) -> None:
    """Put a fresh copy in the place of this worker's database."""
    _drop(database.name())
    data_dir = database.data_dir()
    with embedded.locked(data_dir.with_name("test-template.lock")), embedded.superuser(data_dir) as server:
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER accord_owner STRATEGY FILE_COPY")
        server.execute(copy.format(sql.Identifier(database.name()), sql.Identifier(template)))


def _drop(name: str) -> None:
    with embedded.superuser(database.data_dir()) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(autouse=True)
def _refusals_inside_the_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """In a test that is rolled back, the second connection (`refusals`) is the first one, so that its rows go too."""
    marker = request.node.get_closest_marker("django_db")
    fixtures = set(request.fixturenames)
    if fixtures & {"committed_db", "transactional_db", "live_server"} or not (marker or "db" in fixtures):
        yield
        return
    request.getfixturevalue("db")
    second = connections["refusals"]
    connections["refusals"] = connections["default"]
    yield
    connections["refusals"] = second


@pytest.fixture
def committed_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """For threads, processes and browsers: what is written is really committed. Afterwards the database is a fresh copy."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()
        _clone(_migrated_template())


@pytest.fixture
def superuser_dsn(django_db_setup: None) -> str:
    """How to reach this worker's database past every rule, with psycopg."""
    return embedded.superuser_dsn(database.data_dir(), database.name())


@pytest.fixture
def superuser(superuser_dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection past every rule, in autocommit. It sees committed rows only: use it with `committed_db`."""
    with psycopg.connect(superuser_dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def as_role(django_db_setup: None) -> Callable[[str], contextlib.AbstractContextManager[psycopg.Connection[Any]]]:
    """`with as_role("clock") as connection:` is a connection to this worker's database as that role, in autocommit."""

    @contextlib.contextmanager
    def connect(role: str) -> Iterator[psycopg.Connection[Any]]:
        host = str(embedded.socket_directory(database.data_dir()))
        with psycopg.connect(host=host, user=f"accord_{role}", dbname=database.name(), autocommit=True) as connection:
            yield connection

    return connect


@pytest.fixture
def as_clock(django_db_setup: None) -> Callable[[], contextlib.AbstractContextManager[None]]:
    """`with as_clock():` is the clock's own role on Django's connection, for sweeps inside the test's process."""

    @contextlib.contextmanager
    def put_on() -> Iterator[None]:
        _set_role("SET ROLE accord_clock")
        try:
            yield
        finally:
            if not connections["default"].needs_rollback:
                _set_role("RESET ROLE")

    return put_on


def _set_role(statement: str) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(statement)


# ── The client ──────────────────────────────────────────────────────────────────────────────────────────────────────

STILL_THERE = 240  # seconds after which a test's person shows again that it is they: below what a session and a second factor last


@pytest.fixture(autouse=True, scope="session")
def _signed_in_with_both_factors() -> Iterator[None]:
    """`client.force_login(person)` is a sign-in with password and second factor, just now, and it stays so while a test moves its clock.

    `client.stays_signed_in = False` leaves it to the limits of a session; `just_signed_in(client)` is a second factor given again.
    """
    force_login, request = Client.force_login, Client.request

    def force_login_with_both(self: Client, user: Any, backend: str | None = None) -> None:
        user.refresh_from_db(fields=["password", "rights_version"])  # the database counts rights up, and a session is held against them
        force_login(self, user, backend)
        just_signed_in(self)

    def request_of_somebody_there(self: Client, **environ: Any) -> Any:
        seen = getattr(self, "signed_in_at", None)
        if seen is not None and getattr(self, "stays_signed_in", True) and abs(time.time() - seen) > STILL_THERE:
            just_signed_in(self)
        return request(self, **environ)

    Client.force_login, Client.request = force_login_with_both, request_of_somebody_there  # type: ignore[method-assign]
    yield
    Client.force_login, Client.request = force_login, request  # type: ignore[method-assign]


def just_signed_in(client: Client) -> None:
    """Their session as it is in the moment after the second factor; nothing where nobody is signed in any more."""
    session = client.session
    if not (person := session.get(SESSION_KEY)):
        return
    client.signed_in_at = now = time.time()  # type: ignore[attr-defined]
    session["signed_in_at"] = session["active_at"] = now
    session["account_authentication_methods"] = [
        {"method": "password", "at": now},
        {"method": "mfa", "at": now, "id": 1, "type": "totp"},
    ]
    session["account_authentication_methods_user"] = person
    session["listed"] = session.session_key
    session.save()


# ── Processes of our own ────────────────────────────────────────────────────────────────────────────────────────────


def free_port() -> int:
    """A loopback port nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(happened: Callable[[], Any], *, seconds: float = 30, what: str = "it") -> Any:
    """The first true answer of `happened`; fails the test when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := happened():
            return answer
        time.sleep(0.05)
    pytest.fail(f"{what} did not happen within {seconds:g} seconds")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Process:
    """A real process under test. Everything it says goes to `log`."""

    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, text: str, seconds: float = 30) -> None:
        """Wait until it has said this."""
        end = time.monotonic() + seconds
        while text not in self.output:
            if self.popen.poll() is not None or time.monotonic() > end:
                pytest.fail(f"never said {text!r} (exit code {self.popen.poll()}):\n{self.output[-4000:]}")
            time.sleep(0.05)

    def signal(self, number: int) -> None:
        """Signal the process and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, number)

    def kill(self) -> None:
        """As a power cut would: no farewell."""
        self.signal(signal.SIGKILL)
        self.popen.wait()

    def end(self, seconds: float = 15) -> int:
        """Ask it to stop, insist when it does not; its exit code."""
        if self.popen.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.popen.terminate()
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        self.signal(signal.SIGKILL)
        return self.popen.returncode


@pytest.fixture
def run_process(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start `manage.py …`, `gunicorn …` or `celery …` as a real process on this test's database; ended with the test.

    `run_process("manage.py", "relay", role="clock", ready="…")` waits until the process has said `ready`.
    `run_process("gunicorn", port=8123)` serves Accord and waits until it listens. Use with `committed_db`.
    """
    started: list[Process] = []

    def run(program: str, *arguments: str, role: str = "", ready: str = "", port: int = 0, env: dict[str, str] | None = None) -> Process:
        command = {
            "manage.py": [sys.executable, "manage.py"],
            "gunicorn": [sys.executable, "-m", "gunicorn", "config.wsgi", "--worker-class", "gthread", "--threads", "4"],
            "celery": [sys.executable, "-m", "celery", "--app", "config.celery"],
            "python": [sys.executable],
        }[program] + list(arguments)
        if port and program == "gunicorn":
            command += ["--bind", f"127.0.0.1:{port}"]
        log = tmp_path / f"{Path(program).stem}-{len(started)}.log"
        environment = {**os.environ, **process_env(role or ("clock" if program == "celery" else "")), **(env or {})}
        with log.open("wb") as output:
            popen = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        process = Process(popen, log)
        started.append(process)
        if ready:
            process.wait_for(ready)
        if port:
            wait_until(lambda: popen.poll() is not None or listens(port), what=f"{program} listening on {port}")
            if popen.poll() is not None:
                pytest.fail(f"{program} ended at once:\n{process.output[-4000:]}")
        return process

    yield run
    for process in reversed(started):
        process.end()


def process_env(role: str = "") -> dict[str, str]:
    """What a process needs to work on this worker's database."""
    extra = {"ACCORD_ROLE": role} if role else {}
    return {
        "ACCORD_TEST": "1",
        "ACCORD_DATA": str(database.data_dir()),
        "ACCORD_DB_NAME": database.name(),
        "PYTHONUNBUFFERED": "1",
        **extra,
    }


@dataclass
class DisposablePostgres:
    """A server of one test's own, which it may stop, crash and start again."""

    data_dir: Path

    def env(self, role: str = "") -> dict[str, str]:
        return {**process_env(role), "ACCORD_DATA": str(self.data_dir), "ACCORD_DB_NAME": "accord"}

    def dsn(self, name: str = "accord") -> str:
        return embedded.superuser_dsn(self.data_dir, name)

    def crash(self) -> None:
        embedded.stop(self.data_dir, mode="immediate")

    def start(self) -> None:
        embedded.start(self.data_dir, for_tests=True)


@pytest.fixture
def disposable_postgres(tmp_path: Path) -> Iterator[DisposablePostgres]:
    """An empty database `accord` with its roles, on a server that only this test uses."""
    server = DisposablePostgres(tmp_path / "postgres")
    embedded.ensure_running(server.data_dir, database="accord", for_tests=True)
    yield server
    embedded.stop(server.data_dir, mode="immediate")


@dataclass
class RedisServer:
    """A Redis of the test's own, which it may stop and start again; it keeps nothing on disk."""

    port: int
    directory: Path
    popen: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with (self.directory / "redis.log").open("ab") as log:
            self.popen = subprocess.Popen([*command, "--dir", str(self.directory)], stdout=log, stderr=log)
        wait_until(lambda: listens(self.port), what="redis-server listening")

    def stop(self) -> None:
        if self.popen:
            self.popen.kill()
            self.popen.wait()
            self.popen = None


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    if not shutil.which("redis-server"):
        _missing("redis-server")
    server = RedisServer(free_port(), tmp_path)
    server.start()
    yield server
    server.stop()


@dataclass
class SmtpSink:
    """A mail server that keeps what it is given. While `refusing`, it turns every message away."""

    port: int = 0
    refusing: bool = False
    messages: list[EmailMessage] = field(default_factory=list)

    @property
    def url(self) -> str:
        """For EMAIL_URL."""
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refusing:
            return "451 Not now"
        message = message_from_bytes(envelope.content, policy=policy.default)
        message["X-Envelope-To"] = ", ".join(envelope.rcpt_tos)
        self.messages.append(message)  # type: ignore[arg-type]
        return "250 Kept"


@pytest.fixture
def smtp_sink() -> Iterator[SmtpSink]:
    from aiosmtpd.controller import Controller

    logging.getLogger("mail.log").setLevel(logging.WARNING)
    sink = SmtpSink(port=free_port())
    controller = Controller(sink, hostname="127.0.0.1", port=sink.port)
    controller.start()
    yield sink
    controller.stop()


# ── The browser ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium, else Playwright's own."""
    from playwright.sync_api import Error, sync_playwright

    # Playwright's loop runs in this thread, and Django would take every query for one made inside a coroutine.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        except Error:
            _missing("chromium")
        yield chromium
        chromium.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


# ── What was missing ────────────────────────────────────────────────────────────────────────────────────────────────


def _missing(part: str) -> None:
    pytest.skip(f"{part} is not installed")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    absent = [part for part in ("chromium", "redis-server") if not shutil.which(part)]
    skipped = len(terminalreporter.stats.get("skipped", []))
    if absent:
        terminalreporter.section("MISSING", sep="!", red=True, bold=True)
        terminalreporter.write_line(f"Not on this machine: {', '.join(absent)}. Skipped tests: {skipped}.", red=True)
