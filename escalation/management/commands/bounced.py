"""Reads a mail server's report that a message of ours came back, and says so in the rows: a pipe from the mailbox that gets them."""

from __future__ import annotations

import re
import sys
from email import message_from_bytes, policy
from email.message import Message
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from escalation.models import Notice

LONGEST = 1024 * 1024  # more than a report with the headers of what came back
OURS = re.compile(r"<([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@")


class Command(BaseCommand):
    help = "Marks what came back: reads one delivery report (RFC 3464) from the standard input."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.epilog = "Ends with 1 when the report is of no message of ours. Reports of mere delay change nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        report = message_from_bytes(sys.stdin.buffer.read(LONGEST), policy=policy.compat32)
        if not _says_that_it_failed(report):
            self.stdout.write("No failure: nothing marked.")
            return
        rows = _ours_in(report)
        marked = mark_bounced(rows) if rows else 0
        if not marked:
            raise CommandError("It names no message of ours.")
        self.stdout.write(f"Marked: {marked}.")


def mark_bounced(rows: set[UUID]) -> int:
    """Each row is a notice's or a digest's; returns how many notices came back. Doing it twice changes nothing more."""
    now, found = timezone.now(), 0
    for mails in (Notice.objects.filter(pk__in=rows), Notice.objects.filter(digest__in=rows)):
        sent = mails.filter(sent_at__isnull=False)
        sent.filter(bounced_at=None).update(bounced_at=now)
        found += sent.count()
    return found


def _says_that_it_failed(report: Message) -> bool:
    """One recipient's block with the action "failed". A delay may still end well."""
    for part in report.walk():
        if part.get_content_type() == "message/delivery-status":
            return any(str(block.get("Action", "")).strip().lower() == "failed" for block in part.walk())
    return False


def _ours_in(report: Message) -> set[UUID]:
    """The Message-ID of what came back: in its own headers, which reports carry whole or as text."""
    found: set[UUID] = set()
    for part in report.walk():
        if part is report:
            continue
        found |= _ids(str(part.get("Message-ID", "")))
        if part.get_content_type() == "text/rfc822-headers":
            payload = part.get_payload(decode=True)
            headers = message_from_bytes(payload) if isinstance(payload, bytes) else Message()
            found |= _ids(str(headers.get("Message-ID", "")))
    return found


def _ids(header: str) -> set[UUID]:
    return {UUID(row) for row in OURS.findall(header.lower())}
