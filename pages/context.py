"""What every page knows: whose Accord this is, and where the reader stands in it. Makes no query."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

NAVIGATION = [
    ("/desk/", _("Desk"), ""),
    ("/disagreements/", _("Disagreements"), ""),
    # Translators: "Raise" and "a disagreement" stand one behind the other; a narrow screen shows only the first.
    ("/disagreements/new/", _("Raise"), _("a disagreement")),
    ("/how-to-disagree/", _("How to"), _("disagree here")),
]


def partnership(request: HttpRequest) -> dict[str, Any]:
    """The partnership's name, whether this is a demonstration, and the navigation.

    Signing in keeps both in the session (`partnership_name`, `is_demo`); a public page passes its own.
    """
    session = getattr(request, "session", {})
    return {
        "partnership_name": session.get("partnership_name") or settings.ACCORD_PARTNERSHIP,
        "is_demo": session.get("is_demo", False),
        "without_second_step": session.get("without_second_step", False),
        "navigation": navigation(request.path),
    }


def navigation(path: str) -> list[dict[str, Any]]:
    """The links of the header. The longest that begins the path is where the reader is: "page", or "true" for a page below."""
    here = max((href for href, _text, _rest in NAVIGATION if path.startswith(href)), key=len, default=None)
    return [
        {"href": href, "text": text, "rest": rest, "current": ("page" if path == href else "true") if href == here else ""}
        for href, text, rest in NAVIGATION
    ]
