"""Makes one export that was asked for, and ends: started by the clock (evidence/tasks.py), with the rights of whoever asked."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from evidence import jobs

log = logging.getLogger("accord.exports")


class Command(BaseCommand):
    help = "Makes one export that somebody asked for, as that person."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("export", type=UUID)
        parser.add_argument("person", type=UUID)

    def handle(self, *args: Any, export: UUID, person: UUID, **options: Any) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # the end, whatever it is doing
        signal.alarm(jobs.SECONDS)
        os.nice(10)  # pages come first
        _must_be_held_by_the_rules()
        try:
            made = jobs.make(export, person)
        except Exception as fault:
            log.error("export %s failed: %s", export, type(fault).__name__)  # the message itself might hold words
            with contextlib.suppress(Exception):
                jobs.give_back(export, person)
            raise SystemExit(1) from None
        log.info("export %s %s", export, "made" if made else "not made")


def _must_be_held_by_the_rules() -> None:
    """In any other role than the web's, row-level security might show more than the person may see, or nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (role,) = cursor.fetchone()
    if role != "accord_app":
        raise CommandError(f"Exports are made as accord_app, not as {role}.")
