"""Faults forced in every layer: the page tells a number only, and the log knows it, with places and without words (promise 30)."""

from __future__ import annotations

import io
import json
import logging
import re
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from accounts.models import User
from config import logs
from pages import numbers
from tests import factories
from tests.test_headers import NUMBER

CANARY = "Ash-was-left-alone-at-noon"
TELLS_TOO_MUCH = re.compile(
    r"Traceback|File \"|\.py\b|line \d+, in|SELECT|INSERT|psycopg|django|gunicorn|Python|/home/|/work|site-packages", re.I
)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the log of the service would hold."""
    kept = io.StringIO()
    handler = logging.StreamHandler(kept)
    handler.setFormatter(logs.OneLine())
    named = [logging.getLogger(name) for name in ("", "django", "django.request")]
    before = [logger.level for logger in named]
    for logger in named:
        logger.addHandler(handler)
        if logger.name == "root":
            logger.setLevel(logging.INFO)
    yield kept
    for logger, level in zip(named, before, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)


@pytest.fixture
def w(db: None) -> factories.World:
    return factories.world()


@pytest.fixture
def signed_in(client: Client, w: factories.World) -> Client:
    client.force_login(w.aisha)
    client.raise_request_exception = False
    return client


def told(answer: Any, log: io.StringIO, status: int = 500) -> list[dict[str, Any]]:
    """The lines of the log that carry the number which the page told; the page told nothing else."""
    body = answer.content.decode()
    assert answer.status_code == status, body[:500]
    assert CANARY not in body + str(answer.headers)
    assert not TELLS_TOO_MUCH.search(body), TELLS_TOO_MUCH.search(body)
    number = answer["X-Request-ID"]
    assert NUMBER.fullmatch(number)
    assert number in body
    assert "999" in body or status in (400, 403)
    assert CANARY not in log.getvalue()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in lines if line.get("number") == number]


def a_fault(*_: Any, **__: Any) -> None:
    child = CANARY  # noqa: F841 - a local value, as a view holds them
    raise ValueError(f"could not read {CANARY}")


def sql_fault(*_: Any, **__: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table WHERE words = %s", [CANARY])


def key_fault(*_: Any, **__: Any) -> None:
    """PostgreSQL quotes the row: Key (email)=(…) already exists."""
    with factories.as_set_up(), transaction.atomic():
        User.objects.create(email=f"{CANARY}@example.org".lower(), name="A")
        User.objects.create(email=f"{CANARY}@example.org".lower(), name="B")


@pytest.mark.parametrize(
    ("where", "fault", "kind"),
    [
        ("escalation.page.panel", a_fault, "builtins.ValueError"),  # a view
        ("escalation.page.panel", sql_fault, "django.db.utils.ProgrammingError"),  # a query
        ("escalation.page.panel", key_fault, "django.db.utils.IntegrityError"),  # a row
        ("escalation.page.render", a_fault, "builtins.ValueError"),  # a template
        ("pages.context.navigation", a_fault, "builtins.ValueError"),  # what every page knows
        ("accounts.acting._tell_database", a_fault, "builtins.ValueError"),  # the transaction
        ("django.contrib.sessions.backends.db.SessionStore.load", a_fault, "builtins.ValueError"),  # a middleware
        ("django.contrib.auth.middleware.get_user", a_fault, "builtins.ValueError"),  # who it is
    ],
)
def test_a_fault_tells_a_number_which_the_log_knows(
    where: str, fault: Any, kind: str, signed_in: Client, w: factories.World, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = factories.raised(w).reference
    monkeypatch.setattr(where, fault)
    lines = told(signed_in.get(f"/disagreements/{reference}/?q={CANARY}"), log)
    line = next(line for line in lines if line.get("exception"))
    assert line["exception"] == kind
    assert line["level"] == "error"
    assert line["path"] == f"GET /disagreements/{reference}/"
    assert any("tests/test_errors.py" in place for place in line["places"])
    assert not any("/home/" in place or place.startswith("/") for place in line["places"])
    if "django.db" in kind:
        assert line["sqlstate"] in ("42P01", "23505")
        assert line["cause"].startswith("psycopg.errors.")
    [end] = [line for line in lines if line["from"] == "accord.web"]
    assert (end["status"], end["what"]) == ("500", f"GET /disagreements/{reference}/")


def test_the_page_of_a_fault_needs_nothing_that_may_have_failed(
    signed_in: Client, w: factories.World, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("escalation.desk.desk", a_fault)
    monkeypatch.setattr("pages.faults.get_template", lambda _: (_ for _ in ()).throw(OSError("no such file")))
    monkeypatch.setattr("pages.context.navigation", a_fault)
    answer = signed_in.get("/desk/")
    assert answer["Content-Type"].startswith("text/plain")
    assert told(answer, log)


@pytest.mark.parametrize(("path", "status"), [("/sign-in/", 413), ("/account/mail/", 403)])
def test_refusals_tell_a_number_too(path: str, status: int, w: factories.World, log: io.StringIO) -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(w.aisha)
    client.cookies["csrftoken"] = "x" * 32
    data = {"email": "x" * 1_100_000} if status == 413 else {"mail": CANARY}
    assert told(client.post(path, data), log, status)


def test_what_has_no_number_in_the_page_has_it_in_the_header(signed_in: Client, log: io.StringIO) -> None:
    answer = signed_in.get(f"/disagreements/{CANARY}/")
    assert answer.status_code == 404
    [line] = [json.loads(line) for line in log.getvalue().splitlines() if answer["X-Request-ID"] in line]
    assert (line["what"], line["status"]) == ("GET /disagreements/…/", "404")
    assert CANARY not in log.getvalue()


# ── what takes too long ─────────────────────────────────────────────────────────────────────────────────────────────


def too_long(*_: Any, **__: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 50")
        cursor.execute("SELECT pg_sleep(5), %s", [CANARY])


def test_a_statement_that_takes_too_long_is_a_page_that_says_try_again(
    signed_in: Client, w: factories.World, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("escalation.page.panel", too_long)
    answer = signed_in.get(f"/disagreements/{factories.raised(w).reference}/")
    [line] = [line for line in told(answer, log, 503) if line.get("exception")]
    assert line["sqlstate"] == "57014"
    assert answer["Retry-After"] == "60"
    assert "Try again in a minute" in answer.content.decode()
    assert "Nothing was changed" in answer.content.decode()


def test_a_lock_that_is_not_granted_is_a_page_that_says_try_again(committed_db: None, client: Client, superuser: Any) -> None:
    w = factories.world()
    d = factories.answered(w)
    client.force_login(w.sam)
    client.raise_request_exception = False
    before = superuser.execute("SELECT count(*) FROM disputes_entry").fetchone()
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with psycopg.connect(superuser.info.dsn) as other:
            other.execute("SELECT 1 FROM disputes_disagreement WHERE id = %s FOR UPDATE", [d.pk])
            held.set()
            let_go.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    try:
        path = f"/disagreements/{d.reference}/propose-outcome/"
        sent = {"seen": d.move_version, "key": "6f7a1f7e-3b0f-4d3b-8f0e-5a4f8e2f1c11", "child_safe": "yes", "outcome": CANARY}
        page = client.get(path)
        sent |= {name: page.context["form"][name].value() or "" for name in ("seen", "key") if name in page.context["form"].fields}
        answer = client.post(path, sent)
    finally:
        let_go.set()
        holder.join()
    assert answer.status_code == 503, answer.content.decode()[:2000]
    assert "Nothing was changed" in answer.content.decode()
    assert superuser.execute("SELECT count(*) FROM disputes_entry").fetchone() == before


def test_when_the_database_is_away_nothing_false_is_said(signed_in: Client, w: factories.World, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly") from psycopg.OperationalError("gone")

    monkeypatch.setattr("escalation.page.panel", away)
    answer = signed_in.get(f"/disagreements/{factories.raised(w).reference}/")
    assert answer.status_code == 503
    assert "Nothing was changed" not in answer.content.decode()
    assert "it counts once" in answer.content.decode()


def test_the_web_waits_five_seconds_and_a_command_longer() -> None:
    from config import database

    web = database._limits("app")["options"]
    assert "statement_timeout=5000" in web
    assert "lock_timeout=2000" in web
    assert "idle_in_transaction_session_timeout=10000" in web
    assert not database._is_patient(["gunicorn", "config.wsgi"])
    assert not database._is_patient(["/x/gunicorn/__main__.py", "config.wsgi"])
    assert not database._is_patient(["manage.py", "runserver"])
    assert database._is_patient(["manage.py", "export"])
    assert database._is_patient(["celery", "worker"])
    assert "statement_timeout" not in database._limits("migrator")["options"]


# ── the log itself ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_keys_and_whatever_was_typed_stand_in_no_path() -> None:
    assert numbers.masked("/disagreements/K7PM-3XQD/who-can-see/") == "/disagreements/K7PM-3XQD/who-can-see/"
    assert numbers.masked("/health/ready") == "/health/ready"
    assert numbers.masked("/procedure/proposals/6f7a1f7e-3b0f-4d3b-8f0e-5a4f8e2f1c11/policy.yaml").endswith("1c11/policy.yaml")
    key = "kQ3v-Zx_8s9LmN2pQ4rT6uV8wX0yA1bC3dE5fG7hI9j"
    assert numbers.masked(f"/invitation/{key}/").endswith("/…/")
    assert numbers.masked(f"/desk/{CANARY}/a@example.org") == "/desk/…/…"
    assert numbers.masked("/" + "x/" * 5000).count("…") <= 251


@pytest.mark.parametrize("line", [logs.OneLine(), logs.Plain()])
def test_a_line_withholds_what_others_put_into_theirs(line: logging.Formatter) -> None:
    def record(name: str, message: str, *args: Any, **more: Any) -> str:
        try:
            raise ValueError(CANARY) from DatabaseError(CANARY)
        except ValueError as error:
            info = (type(error), error, error.__traceback__)
        made = logging.LogRecord(name, logging.ERROR, "x.py", 1, message, args, info if more.pop("fault", True) else None)
        vars(made).update(more)
        return line.format(made)

    task = {"name": "escalation.tasks.sweep_clocks", "id": "6f7a", "args": f"({CANARY},)", "exc": CANARY, "kwargs": CANARY}
    said = record("celery.app.trace", "Task %(name)s[%(id)s] raised: %(exc)s", task, data=task)
    assert "sweep_clocks" in said
    assert CANARY not in said
    for name, message, args in [
        ("django.request", "%s: %s", ("Internal Server Error", f"/{CANARY}/")),
        ("gunicorn.error", "Error handling request %s", (f"/x?{CANARY}",)),
        ("django.template", "Exception while resolving variable '%s'", (CANARY,)),
        ("some.library", "cannot do %s", (CANARY,)),
        ("accord.tasks", "failed: %s", ("ValueError",)),
    ]:
        assert CANARY not in record(name, message, *args), name
    assert CANARY not in record("django.security.DisallowedHost", f"Invalid HTTP_HOST header: {CANARY}", fault=False)
    assert "ValueError" in record("accord.tasks", "failed: %s", "x")


def test_each_answer_is_one_line_with_who_where_and_how_long(signed_in: Client, w: factories.World, log: io.StringIO) -> None:
    signed_in.get(f"/disagreements/?q={CANARY}")
    signed_in.post(f"/account/mail/?{CANARY}", {"mail": CANARY, "email": "somebody@example.org"})
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    ends = [line for line in lines if line["from"] == "accord.web"]
    assert [line["what"] for line in ends] == ["GET /disagreements/", "POST /account/mail/"]
    assert {line["person"] for line in ends} == {str(w.aisha.pk)}
    assert all(line["ms"].isdigit() and NUMBER.fullmatch(line["number"]) for line in ends)
    for word in (CANARY, "@example.org", w.aisha.name, "127.0.0.1"):
        assert word not in log.getvalue()
