"""The way from the desk to the procedure's pages, for those who serve a partnership (this room lies below that of the desk)."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils import timezone

from accounts.models import Appointment, User
from procedure.models import Proposal
from procedure.views import OFFICES

register = template.Library()


@register.inclusion_tag("procedure/on_the_desk.html")
def procedure_on_the_desk(person: User) -> dict[str, Any]:
    """Nothing for most people, who hold no office today."""
    held = Appointment.objects.on(timezone.localdate()).filter(person=person, office__in=OFFICES).values_list("partnership", flat=True)
    served = set(held)
    if not served:
        return {"serves": False}
    asked = Proposal.objects.filter(partnership__in=served, approved_at=None, refused_at=None, withdrawn_at=None)
    return {"serves": True, "waiting": asked.exclude(proposed_by=person).count()}
