"""Opening something of a disagreement is a record: who, what, when, and in which capacity they could."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Office, User
from audit import trail
from audit.models import Trace
from disputes.models import Disagreement
from disputes.seats import Actor
from disputes.stages import Capacity

ROLES = {
    Capacity.LINE_MANAGER: "manager",
    Capacity.SENIOR: "manager",
    Capacity.TOLD: "manager",
    Capacity.CHAIR: "chair",
    Capacity.MEDIATOR: "chair",
    Capacity.OFFICE: "office",
}
"""Whose limit of unusual reading counts; that of practitioners for all other capacities."""


def opened(request: HttpRequest, d: Disagreement, what: str, kind: Trace.Kind = Trace.Kind.READ, **facts: Any) -> None:
    """This person has this page of it before them. `what` is the page's short code."""
    person = request.user
    assert isinstance(person, User)  # noqa: S101 - the middleware lets nobody else in
    capacity = in_which_capacity(d, d.standing.actor(person))
    trail.note(kind, what, person=person.pk, disagreement=d.pk, partnership=d.partnership_id, **capacity, **facts)


def in_which_capacity(d: Disagreement, actor: Actor) -> dict[str, str]:
    """As what they see it; why: by a seat of their own, one that came with a post, one they stand in for, an appointment; whose limit
    of unusual reading counts."""
    seat = actor.seat_for(d)
    if seat is not None:
        holds = seat.post is not None and seat.post.holder_id == actor.person.pk
        why = "seat" if seat.person_id == actor.person.pk else "post" if holds else "stand_in"
        return {"as": seat.capacity, "why": why, "role": ROLES.get(Capacity(seat.capacity), "practitioner")}
    held = actor.person.appointments.on(timezone.localdate()).filter(partnership=d.partnership_id).values_list("office", flat=True)
    if Office.AUDITOR in held:
        return {"as": "audit", "why": "appointment", "role": "auditor"}
    if Office.SAFEGUARDING_LEAD in held:
        return {"as": "lead", "why": "appointment", "role": "safeguarding_lead"}
    return {"as": "passed_on", "why": "seat", "role": "practitioner"}  # a seat on a side that has passed it to others


def listed(request: HttpRequest, what: str, shown: Iterable[Disagreement], hits: int, **facts: Any) -> None:
    """A list that shows disagreements: how many there were and which ones were seen, never what was looked for."""
    by_partnership: dict[UUID | None, list[UUID]] = {}
    for d in shown:
        by_partnership.setdefault(d.partnership_id, []).append(d.pk)
    rows = {
        partnership: {"hits": hits, "seen": len(found), "shown": trail.ids(found), **facts} for partnership, found in by_partnership.items()
    }
    trail.note_for_each(Trace.Kind.SEARCHED, what, rows or {None: {"hits": hits, "seen": 0, "shown": []}}, person=request.user.pk)
