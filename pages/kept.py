"""What a form on a page is made from: what was just posted, or what this person was writing there when they had to stop.

Where it was kept is a matter of the room above (accounts.kept_forms); it hangs `find_kept` on the request.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID, uuid4

from django.http import HttpRequest, QueryDict


class Kept(QueryDict):
    """What somebody was writing on a page, read back. A form shows it as it was typed, and says nothing about mistakes yet."""

    kept_at: dt.datetime | None = None

    @classmethod
    def made_of(cls, values: Mapping[str, Iterable[str]], kept_at: dt.datetime | None = None) -> Kept:
        kept = cls("", mutable=True)
        for name, typed in values.items():
            kept.setlist(name, list(typed))
        kept._mutable = False
        kept.kept_at = kept_at
        return kept


def posted(request: HttpRequest) -> Any:
    """For a form's data: request.POST when something was posted; else what was kept of this page (`Kept`); else None.

    `pages.forms.Form` knows the second from the first: what was kept is shown in the form, without errors. The page says
    so by itself (templates/components/kept.html).
    """
    if request.method == "POST":
        return request.POST
    find = getattr(request, "find_kept", None)
    kept = find() if find else None
    request.kept = kept  # type: ignore[attr-defined]  # for the note above the page
    return kept


def key_of(request: HttpRequest) -> UUID:
    """The page's own key, which makes a second post of it harmless; a new one for a new page or a spoilt one."""
    try:
        return UUID(request.POST.get("key", ""))
    except ValueError:
        return uuid4()
