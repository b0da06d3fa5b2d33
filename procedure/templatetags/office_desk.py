"""The way from the desk to the procedure's pages, for those who serve a partnership (this room lies below that of the desk)."""

from __future__ import annotations

from typing import Any

from django import template
from django.db.models import Count, OuterRef, Q, Subquery
from django.utils import timezone

from accounts.models import Appointment, User
from procedure.models import Proposal
from procedure.views import OFFICES

register = template.Library()


@register.inclusion_tag("procedure/on_the_desk.html")
def procedure_on_the_desk(person: User) -> dict[str, Any]:
    """Nothing for most people, who hold no office today."""
    open_ones = Q(approved_at=None, refused_at=None, withdrawn_at=None) & ~Q(proposed_by=person)
    open_ones &= Q(partnership=OuterRef("partnership"))
    waiting = Proposal.objects.filter(open_ones).order_by().values("partnership").annotate(number=Count("pk")).values("number")
    held = Appointment.objects.on(timezone.localdate()).filter(person=person, office__in=OFFICES)
    found = dict(held.values_list("partnership", Subquery(waiting)))
    return {"serves": bool(found), "waiting": sum(number or 0 for number in found.values())}
