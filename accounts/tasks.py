"""What runs by itself about accounts: the mails that are owed, and words that nobody came back to."""

from __future__ import annotations

from celery import shared_task
from django.db import connection

from accounts import kept_forms, letters


class WrongRole(Exception):
    """Row-level security would show this role nothing: it must fail, not find zero."""


@shared_task(acks_late=True)
def send_letters(batch: int = 100) -> int:
    """Sends what is owed about accounts, oldest first; returns how many mails went. Safe to run twice and side by side."""
    _must_be_the_clock()
    return letters.send_owed(batch)


@shared_task
def forget_what_was_kept() -> int:
    """Deletes what people were writing more than a week ago and did not come back to; returns of how many pages."""
    _must_be_the_clock()
    return kept_forms.delete_old_ones()


def _must_be_the_clock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (role,) = cursor.fetchone()
    if role != "accord_clock":
        raise WrongRole(f"This is done as accord_clock, not as {role}.")
