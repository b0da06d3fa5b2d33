"""Who is acting now: told to PostgreSQL (row-level security) and to every history row, in one place.

`acting_as` opens the transaction of a request, a task or a command and says to the database which person acts. Row-level
security reads it (`accord.person`), history rows copy it. Nothing else in the product sets it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from accounts.models import User

_person: ContextVar[User | None] = ContextVar("person", default=None)
_entry: ContextVar[UUID | None] = ContextVar("entry", default=None)
_moment: ContextVar[dt.datetime | None] = ContextVar("moment", default=None)


@contextmanager
def acting_as(person: User | None) -> Iterator[None]:
    """One transaction in which `person` acts (None: nobody, who sees nothing). Nested use changes the person and changes back."""
    token = _person.set(person)
    before = None if token.old_value is token.MISSING else token.old_value
    try:
        with transaction.atomic():
            _tell_database(person)
            yield
            if not connection.needs_rollback:  # after a fault the rollback does it, and nothing may hide that fault
                _tell_database(before)
    finally:
        _person.reset(token)


def _tell_database(person: User | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('accord.person', %s, true)", [str(person.pk) if person else ""])


@contextmanager
def invited_by_key(key_hash: str) -> Iterator[None]:
    """Inside, whoever holds this key of an open invitation may activate that one account, although nobody has signed in.

    `key_hash`: what the invitation keeps of its key. Row-level security reads it (`accord.invitation`); needs a transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('accord.invitation', %s, true)", [key_hash])
    try:
        yield
    finally:
        if not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('accord.invitation', '', true)")


@contextmanager
def because_of(entry_id: UUID) -> Iterator[None]:
    """History rows written inside carry the entry of the record that caused them."""
    token = _entry.set(entry_id)
    try:
        yield
    finally:
        _entry.reset(token)


@contextmanager
def as_of(moment: dt.datetime) -> Iterator[None]:
    """History rows written inside carry this time (aware). For demonstration and volume data only, whose record time is supplied too."""
    token = _moment.set(moment)
    try:
        yield
    finally:
        _moment.reset(token)


def current_person(instance: object = None, **_: object) -> User | None:
    """The person acting now; None for the clock and outside `acting_as`."""
    return _person.get()


def current_person_name() -> str:
    """Plain name for history rows, which outlives the account."""
    person = _person.get()
    return person.name if person else "Accord"


def current_entry() -> UUID | None:
    """The entry whose move is being written, if any."""
    return _entry.get()


def supplied_moment() -> dt.datetime | None:
    """The time that history rows are to carry; None in service: they carry that of the machine."""
    return _moment.get()


class ActingMiddleware:
    """Runs every view inside one transaction in which the signed-in person acts. Stands last: no view runs outside it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable, args: tuple, kwargs: dict) -> HttpResponse:
        if getattr(view, "without_transaction", False):  # readiness and streamed exports manage their own
            return view(request, *args, **kwargs)
        person = request.user if request.user.is_authenticated else None
        with acting_as(person):
            return view(request, *args, **kwargs)
