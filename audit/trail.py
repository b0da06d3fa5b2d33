"""Writing the trail: with the request's own transaction, or beside it where that one will roll back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import connection, connections
from django.db.models import Q

from accounts.models import Partnership, User
from audit import alarms
from audit.models import Trace

Kind = Trace.Kind
NOBODY = UUID(int=0)

_INSERT = "INSERT INTO audit_trace (id, kind, person_id, partnership_id, disagreement_id, what, facts) VALUES "
_ROW = "(%s, %s, %s, %s, %s, %s, %s)"


def note(
    kind: Trace.Kind,
    what: str,
    *,
    person: UUID | None,
    disagreement: UUID | None = None,
    partnership: UUID | None = None,
    **facts: Any,
) -> None:
    """One row, committed with the rest of the request. The answer is not read back: the writer may not see the trail.

    What makes an alarm makes it in the same statement: a disagreement opened beyond what is usual, a large export.
    """
    statement, values = _INSERT + _ROW, _row(kind, what, person, disagreement, partnership, facts)
    if person and disagreement and kind in alarms.OPENING:
        statement, values = alarms.with_reading(statement, values, person, disagreement, partnership, facts)
    elif person and kind == Kind.EXPORTED and facts.get("disagreements", 0) > alarms.LARGE_EXPORT:
        statement, values = alarms.with_export(statement, values, person, disagreement, partnership, facts["disagreements"])
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def note_for_each(
    kind: Trace.Kind, what: str, facts_of: dict[UUID | None, dict[str, Any]], *, person: UUID | None, apart: bool = False
) -> None:
    """One row for each partnership with its own facts, in one statement: each partnership's auditors see their own part.
    Without any partnership it is one row all the same."""
    rows = [_row(kind, what, person, None, partnership, facts) for partnership, facts in (facts_of or {None: {}}).items()]
    with (connections["refusals"] if apart else connection).cursor() as cursor:
        cursor.execute(_INSERT + ", ".join([_ROW] * len(rows)), [value for row in rows for value in row])


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
        cursor.execute(_INSERT + _ROW, _row(kind, what, person, disagreement, partnership, facts))


def note_hidden(reference: str, *, person: UUID) -> None:
    """Somebody asked for a disagreement they may not see, or for one that is not there: the database alone knows which, notes the
    one as it notes the other, and answers nothing. The reference itself is not kept."""
    with connections["refusals"].cursor() as cursor:
        cursor.execute(
            "SELECT accord_note_hidden(%s, %s, %s, %s)", [uuid.uuid4(), person, reference[:20].replace("\0", ""), "disagreement"]
        )


# ── who comes and goes (audit.apps connects these to Django's and allauth's signals) ────────────────────────────────
# Written apart: on the way in nobody acts yet, or somebody else does, and what fails must stay.


def note_failed_sign_in(sender: object, credentials: dict[str, Any], **_: Any) -> None:
    """A wrong password or an unknown address. Django says so; the address itself is not kept."""
    address = str(credentials.get("username") or credentials.get("email") or "").lower()
    known = User.objects.filter(email=address).values_list("pk", flat=True).first()
    _note_way_in(Kind.SIGN_IN_FAILED, "sign-in", known)


def note_failed_second_factor(sender: object, user: User, **_: Any) -> None:
    _note_way_in(Kind.SIGN_IN_FAILED, "second-factor", user.pk)


def note_signed_in(sender: object, user: User, **_: Any) -> None:
    _note_way_in(Kind.SIGNED_IN, "sign-in", user.pk)


def note_signed_out(sender: object, user: User | None, **_: Any) -> None:
    if user is not None:
        _note_way_in(Kind.SIGNED_OUT, "sign-out", user.pk)


def note_second_factor_changed(sender: object, user: User, request: Any = None, **_: Any) -> None:
    """Added or taken away: by themselves, or by whoever keeps their account when the second step was lost."""
    by = getattr(getattr(request, "user", None), "pk", None)
    _note_way_in(Kind.CHANGED, "second-factor", user.pk, **({"by": str(by)} if by and by != user.pk else {}))


def note_organisation_linked(sender: object, sociallogin: Any, **_: Any) -> None:
    """The account of their organisation signs them in from now on."""
    _note_way_in(Kind.CHANGED, "organisation", sociallogin.user.pk)


def note_password_changed(sender: object, user: User, **_: Any) -> None:
    _note_way_in(Kind.CHANGED, "password", user.pk)


def note_password_reset(sender: object, user: User, **_: Any) -> None:
    """A new password by the way of the forgotten one."""
    _note_way_in(Kind.CHANGED, "password-reset", user.pk)


def note_reset_asked(person: UUID | None) -> None:
    """Somebody asked for a way back in, known or unknown. Nobody's address is kept."""
    _note_way_in(Kind.CHANGED, "reset-asked", person)


def _note_way_in(kind: Trace.Kind, what: str, person: UUID | None, **facts: Any) -> None:
    note_for_each(kind, what, dict.fromkeys(_everywhere(person), facts), person=person, apart=True)


def _everywhere(person: UUID | None) -> dict[UUID | None, dict[str, Any]]:
    """The partnerships in which this person works or holds an office: signing in is signing in to each. Asked for nobody, too,
    so that an unknown address takes as long as a known one."""
    who = person or NOBODY
    works = Q(agencies__teams__posts__holder=who, agencies__teams__posts__ended_on=None)
    held = Q(appointments__person=who) | Q(agencies__people=who)
    found: Sequence[UUID] = list(Partnership.objects.filter(works | held).values_list("pk", flat=True).distinct())
    return {partnership: {} for partnership in found}


def _row(
    kind: Trace.Kind, what: str, person: UUID | None, disagreement: UUID | None, partnership: UUID | None, facts: dict[str, Any]
) -> list[Any]:
    return [uuid.uuid4(), kind.value, person, partnership, disagreement, what[:60], json.dumps(facts, default=str)]


def ids(disagreements: Iterable[UUID], most: int = 100) -> list[str]:
    """As facts hold them: the first of them, as text."""
    return [str(one) for one in list(disagreements)[:most]]
