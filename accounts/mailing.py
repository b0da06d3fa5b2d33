"""How a mail is made and handed over, whatever it says: plain text, a Message-ID from the row that owes it, and whether to try again."""

from __future__ import annotations

import contextlib
import datetime as dt
import smtplib
import textwrap
from collections.abc import Callable
from email.utils import format_datetime
from uuid import UUID

from django.conf import settings
from django.core import mail
from django.core.mail import EmailMessage

WIDTH = 76


class MailServerAway(Exception):
    """There was nobody to give a mail to. It is no fault of the mail, and nothing was sent."""


def message(subject: str, body: str, address: str, row: UUID, now: dt.datetime) -> EmailMessage:
    """Its Message-ID is the row's, so that a duplicate after a crash collapses at the reader's."""
    headers = {
        "Message-ID": f"<{row}@{_host()}>",
        "Date": format_datetime(now),
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    return EmailMessage(subject.strip(), wrapped(body), settings.DEFAULT_FROM_EMAIL, [address], headers=headers)


def hand_over(letter: EmailMessage, reached: Callable[[str], object] = str) -> None:
    """To the mail server. Raises MailServerAway when it never came to that; what goes wrong in saying goodbye is no matter.

    `reached` hears how far it came: tests kill the process there.
    """
    server = mail.get_connection()
    try:
        server.open()
    except (smtplib.SMTPException, OSError) as nobody_there:
        raise MailServerAway from nobody_there
    reached("before_send")
    try:
        server.send_messages([letter])
        reached("after_send")
    finally:
        with contextlib.suppress(smtplib.SMTPException, OSError):
            server.close()


def is_final(error: Exception) -> bool:
    """Whether the mail server refused this recipient or this message for good (5xx), and not for now, nor us as its sender."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500


def wrapped(body: str) -> str:
    """No line too long to read, no address broken, no more than one empty line."""
    lines: list[str] = []
    for line in body.strip().splitlines():
        whole = line.rstrip()
        if len(whole) > WIDTH and " " in whole.strip():
            indent = whole[: len(whole) - len(whole.lstrip())]
            lines += textwrap.wrap(whole, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        elif whole or (lines and lines[-1]):
            lines.append(whole)
    return "\n".join(lines) + "\n"


def _host() -> str:
    return settings.SITE_URL.split("//", 1)[-1].split(":")[0].split("/")[0]
