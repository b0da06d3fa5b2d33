"""The organisations whose account one may sign in with, for the pages that offer them."""

from __future__ import annotations

from typing import Any

from django import template

from accounts import organisation
from accounts.models import User
from accounts.organisation_tokens import Organisation

register = template.Library()


@register.simple_tag(takes_context=True)
def organisations(context: dict[str, Any], email: str = "") -> list[Organisation]:
    """All of them, in the order of the settings; with an address, those that may speak for it."""
    known = organisation.all_of(context["request"]) if "request" in context else []
    return [one for one in known if not email or one.speaks_for(email)]


@register.simple_tag(takes_context=True)
def own_organisations(context: dict[str, Any]) -> list[Organisation]:
    """Those by which the reader is known here."""
    person = context["request"].user
    return organisation.linked(context["request"], person) if isinstance(person, User) else []
