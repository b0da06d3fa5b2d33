"""Writing the trail: with the request's own transaction, or beside it where that one will roll back."""

from __future__ import annotations

import json
import uuid
from typing import Any
from uuid import UUID

from django.db import connection, connections

from accounts.models import User
from audit.models import Trace

_INSERT = "INSERT INTO audit_trace (id, kind, person_id, partnership_id, disagreement_id, what, facts) VALUES (%s, %s, %s, %s, %s, %s, %s)"


def note(
    kind: Trace.Kind,
    what: str,
    *,
    person: UUID | None,
    disagreement: UUID | None = None,
    partnership: UUID | None = None,
    **facts: Any,
) -> None:
    """One row, committed with the rest of the request. The answer is not read back: the writer may not see the trail."""
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, _row(kind, what, person, disagreement, partnership, facts))


def note_apart(
    kind: Trace.Kind,
    what: str,
    *,
    person: UUID | None,
    disagreement: UUID | None = None,
    partnership: UUID | None = None,
    **facts: Any,
) -> None:
    """One row on a second connection: a refusal must stay although the request's transaction rolls back."""
    with connections["refusals"].cursor() as cursor:
        cursor.execute(_INSERT, _row(kind, what, person, disagreement, partnership, facts))


def note_failed_sign_in(sender: object, credentials: dict[str, Any], **_: Any) -> None:
    """A wrong password or an unknown address. Django says so; the address itself is not kept."""
    known = User.objects.filter(email=str(credentials.get("username", "")).lower()).values_list("pk", flat=True).first()
    note_apart(Trace.Kind.SIGN_IN_FAILED, "sign-in", person=known)


def _row(
    kind: Trace.Kind, what: str, person: UUID | None, disagreement: UUID | None, partnership: UUID | None, facts: dict[str, Any]
) -> list[Any]:
    return [uuid.uuid4(), kind.value, person, partnership, disagreement, what[:60], json.dumps(facts, default=str)]
