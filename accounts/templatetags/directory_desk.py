"""The way from the desk to the directory, for those who keep one (this room lies below that of the desk)."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils import timezone

from accounts.models import Appointment, Office, User

register = template.Library()


@register.inclusion_tag("directory/on_the_desk.html")
def directory_on_the_desk(person: User) -> dict[str, Any]:
    """For most people only the way to their stand-ins."""
    held = Appointment.objects.on(timezone.localdate()).filter(person=person, office__in=(Office.OFFICE, Office.ADMINISTRATOR))
    offices = set(held.values_list("office", flat=True))
    return {"serves": Office.OFFICE in offices, "keeps": Office.ADMINISTRATOR in offices}
