"""Which database, and as whom: each kind of process has a role of its own (see roles.sql)."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import environ

from config import embedded

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
if not os.environ.get("PYTEST_VERSION") and (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env")

# pytest sets PYTEST_VERSION. From then on ACCORD_TEST says it to all that the tests start, and what this machine
# is set up to reach is forgotten: no test writes into a real queue or sends a real mail.
if "PYTEST_VERSION" in os.environ and "ACCORD_TEST" not in os.environ:
    os.environ["ACCORD_TEST"] = "1"
    for name_of_a_service in ("DATABASE_URL", "REDIS_URL", "EMAIL_URL"):
        os.environ.pop(name_of_a_service, None)
UNDER_TEST = env.bool("ACCORD_TEST", default=False)

ROLES_OF_COMMANDS = {
    "migrate": "migrator",
    "makemigrations": "migrator",
    "sqlmigrate": "migrator",
    "showmigrations": "migrator",
    "pgtrigger": "migrator",
    "bank_holidays": "migrator",
    "relay": "clock",
    "bounced": "clock",
    "demo": "replay",
    "export": "app",  # started by the clock, and yet with the rights of whoever asked
}
URL_OF_ROLE = {"migrator": "MIGRATOR_DATABASE_URL", "clock": "CLOCK_DATABASE_URL", "replay": "REPLAY_DATABASE_URL"}
ROLES = {"app", "migrator", "clock", "sealer", "report", "replay"}
COMMANDS_WITHOUT_DATABASE = {
    *("check", "collectstatic", "compilemessages", "diffsettings", "findstatic", "help", "makemessages", "policy", "version", "--version"),
}


def role_for(argv: list[str]) -> str:
    """The role of the process with this command line; ACCORD_ROLE overrides. `accord_` is not part of it."""
    if role := env.str("ACCORD_ROLE", default=""):
        if role not in ROLES:
            raise ValueError(f"ACCORD_ROLE is {role!r}, not one of {', '.join(sorted(ROLES))}")
        return role
    program, *arguments = [*argv, ""]
    if Path(program).name == "celery" or "celery" in Path(program).parts:
        return "clock"
    return ROLES_OF_COMMANDS.get(arguments[0], "app")


def is_embedded() -> bool:
    """Whether we bring the server ourselves. Tests always do, so that they may break it."""
    return UNDER_TEST or not env.str("DATABASE_URL", default="")


def data_dir() -> Path:
    """The data directory of the server we bring ourselves."""
    return (BASE_DIR / env.str("ACCORD_DATA", default="var/test-postgres" if UNDER_TEST else "var/postgres")).resolve()


def name() -> str:
    """The database inside the server we bring ourselves. Every run of the tests, and every worker of a run, has its own."""
    if not UNDER_TEST:
        return env.str("ACCORD_DB_NAME", default="accord")
    run = os.environ.setdefault("ACCORD_TEST_RUN", str(os.getpid()))
    return env.str("ACCORD_DB_NAME", default=f"accord_test_{run}_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}")


def make_ready(argv: list[str] | None = None) -> None:
    """Start the server we bring ourselves, unless there is another or this command needs none."""
    if is_embedded() and not COMMANDS_WITHOUT_DATABASE.intersection((argv or [])[:2]):
        embedded.ensure_running(data_dir(), database=name(), for_tests=UNDER_TEST)


def databases(role: str | None = None) -> dict[str, dict[str, Any]]:
    """DATABASES for this role. `refusals` is a second connection to the same place: what is written there outlives a rollback."""
    default = _connection(role or role_for(sys.argv))
    return {"default": default, "refusals": {**default, "OPTIONS": dict(default["OPTIONS"])}}


def _connection(role: str) -> dict[str, Any]:
    if is_embedded():
        settings: dict[str, Any] = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name(),
            "USER": f"accord_{role}",
            "HOST": str(embedded.socket_directory(data_dir())),
        }
    else:
        own_url = URL_OF_ROLE.get(role, f"{role.upper()}_DATABASE_URL")
        settings = dict(env.db(own_url if env.str(own_url, default="") else "DATABASE_URL"))
    settings["CONN_MAX_AGE"] = 60
    settings["CONN_HEALTH_CHECKS"] = True
    settings["OPTIONS"] = {**settings.get("OPTIONS", {}), **_limits(role)}
    return settings


def _limits(role: str) -> dict[str, Any]:
    """Nobody waits for ever, and in the web nobody for long: what takes more than this is a fault of ours, answered by "try again in a
    minute" (pages/faults.py). Commands and workers may take longer, migrations as long as they need."""
    if role == "app" and not _is_patient(sys.argv):
        seconds = {"statement_timeout": 5.0, "lock_timeout": 2.0, "idle_in_transaction_session_timeout": 10.0}
    elif role in {"app", "clock"}:
        seconds = {"statement_timeout": 600.0 if role == "app" else 30.0, "lock_timeout": 10.0, "idle_in_transaction_session_timeout": 60.0}
    else:
        seconds = {"lock_timeout": 10.0}
    options = " ".join(f"-c {setting}={value * 1000:.0f}" for setting, value in seconds.items())
    return {"connect_timeout": 10, "application_name": f"accord-{role}", "options": options}


def _is_patient(argv: list[str]) -> bool:
    """Whether nobody sits before a page: a command other than the server for trying, or a worker."""
    program, *arguments = [*argv, ""]
    if Path(program).name == "celery" or "celery" in Path(program).parts:
        return True
    return Path(program).name in {"manage.py", "django-admin"} and arguments[0] != "runserver"
