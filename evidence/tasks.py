"""Exports that wait are made by processes of their own: in the role of the web, with the rights of whoever asked, and killed when it
takes too long. The clock's role starts them and reads no word."""

from __future__ import annotations

import os
import subprocess
import sys

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from escalation.tasks import beats, must_see_everything
from evidence import jobs
from evidence.models import Export

AT_ONCE = 2  # processes, however many workers there are

_started: list[subprocess.Popen[bytes]] = []


@shared_task
@beats
def make_exports() -> int:
    """Starts the making of what waits, and removes what nobody took in time; returns how many were started. Does not wait for them:
    mails must not stand behind an export. Safe to run twice and side by side."""
    must_see_everything()
    now = timezone.now()
    jobs.remove_old(now)
    _started[:] = [process for process in _started if process.poll() is None]
    started = 0
    while (export := _claim()) is not None:
        start(export)
        started += 1
    return started


def _claim() -> Export | None:
    now = timezone.now()
    with transaction.atomic():
        return jobs.claim_next(now) if jobs.being_made(now) < AT_ONCE else None


def start(export: Export) -> None:
    """The process that makes it. It is not ours to wait for, and outlives us: its lease and its own time limit end it."""
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "export", str(export.pk), str(export.person_id)]
    environment = {**os.environ, "ACCORD_ROLE": "app"}
    _started.append(
        subprocess.Popen(  # noqa: S603 - our own command, two ids
            command,
            cwd=settings.BASE_DIR,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
    )


__all__ = ["make_exports", "start"]
