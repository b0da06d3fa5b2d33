"""Runs every timed job in this one process, for a machine without a broker. The rows know what is done, so it may run beside others."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections
from django.utils.module_loading import import_string

log = logging.getLogger("accord.relay")


class Command(BaseCommand):
    help = "Runs the timed jobs (notices, limits, reminders) until it is told to stop."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="Run every job once and end.")
        parser.add_argument("--every", type=float, default=5.0, metavar="SECONDS", help="How long to rest between rounds.")

    def handle(self, *args: Any, once: bool, every: float, **options: Any) -> None:
        stop = threading.Event()
        if not once:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
        self.stdout.write("relay ready")
        self.stdout.flush()
        while not stop.is_set():
            run_all(stop)
            if once:
                break
            stop.wait(max(every, 0.1))
        self.stdout.write("relay stopped")


def run_all(stop: threading.Event) -> None:
    """Every job of the schedule once. One that fails is named in the log, and the others are run all the same."""
    for job in settings.CELERY_BEAT_SCHEDULE.values():
        if stop.is_set():
            return
        close_old_connections()  # one that broke is not used again
        try:
            import_string(str(job["task"]))()
        except Exception as error:
            log.error("%s failed: %s", job["task"], type(error).__name__)  # the message itself might hold words
    close_old_connections()
