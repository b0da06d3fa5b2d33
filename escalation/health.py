"""Whether this process lives, and whether Accord can do its work. Says nothing of any case: load balancers and monitors read it."""

from __future__ import annotations

import datetime as dt
import functools
import logging

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from escalation.models import Heartbeat

log = logging.getLogger("accord.health")

SILENT_AFTER = dt.timedelta(minutes=5)  # the sweeps run each minute
BEHIND_AFTER = dt.timedelta(minutes=15)  # they run, and yet something waits for so long
SWEEPS = ("sweep_clocks", "send_owed_notices")


@login_not_required
@require_safe
@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nothing of the database: restarting this process would not mend that."""
    return _say("live")


@login_not_required
@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """The database answers, to the web's own role, its schema is this code's, and the sweeps are not silent. Otherwise 503 with one
    short code."""
    try:
        problem = _problem(timezone.now())
    except DatabaseError as error:
        log.warning("not ready: %s", type(error).__name__)
        problem = "database"
    return _say(problem or "ready", status=503 if problem else 200)


live.without_transaction = True  # type: ignore[attr-defined]
ready.without_transaction = True  # type: ignore[attr-defined]


def _problem(now: dt.datetime) -> str:
    connection.ensure_connection()
    if not _is_the_web():
        return "role"
    if not _keeps_what_it_says():
        return "durability"
    if not _is_migrated():
        return "migrations"
    waiting_since = _longest_waiting()
    behind = waiting_since is not None and waiting_since < now - BEHIND_AFTER
    return "sweeps" if behind or sweeps_are_silent(now) else ""


def sweeps_are_silent(now: dt.datetime) -> bool:
    """Whether limits go unnoticed or mails unsent, because nothing has run for five minutes: then people ring rather than wait."""
    return silent_since(now) is not None


def silent_since(now: dt.datetime) -> dt.datetime | None:
    """Since when the sweeps have been silent; None: they run. Before their first run only what waits tells that they should have."""
    ended_well = dict(Heartbeat.objects.filter(job__in=SWEEPS).values_list("job", "at"))
    last = min(ended_well.values()) if len(ended_well) == len(SWEEPS) else _longest_waiting()
    return last if last and last < now - SILENT_AFTER else None


def _is_the_web() -> bool:
    """Every rule of the database holds for accord_app. In another role pages would work, and show everybody everything."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolname = 'accord_app' AND NOT rolsuper AND NOT rolbypassrls"
            " AND current_setting('row_security') = 'on' FROM pg_roles WHERE rolname = current_user"
        )
        return bool(cursor.fetchone()[0])


def _keeps_what_it_says() -> bool:
    """What is acknowledged is on the disk. The tests' own server is told not to wait for that."""
    if settings.UNDER_TEST:
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')")
        fsync, full_pages, commit = cursor.fetchone()
    return fsync == "on" and full_pages == "on" and commit != "off"


def _is_migrated() -> bool:
    """Once it is, it stays so for the life of this process: a newer schema must serve older code."""
    return _remembered_migrated() if _remembered_migrated.cache_info().currsize else _plan_is_empty() and _remembered_migrated()


@functools.cache
def _remembered_migrated() -> bool:
    return True


def _plan_is_empty() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _longest_waiting() -> dt.datetime | None:
    """Since when the oldest owed notice or unnoticed limit waits. Nobody's own rights: a function of the database answers a time only."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT accord_longest_waiting()")
        return cursor.fetchone()[0]


def _say(word: str, status: int = 200) -> HttpResponse:
    return HttpResponse(f"{word}\n", status=status, content_type="text/plain; charset=utf-8")
