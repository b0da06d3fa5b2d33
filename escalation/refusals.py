"""Why a move did not happen, as a sentence for the person; raised inside the door, shown by views."""

from __future__ import annotations

from django.utils.translation import gettext as _

from disputes.models import Entry


class MoveRefused(Exception):
    """The move is not open to this person now, or not with what they gave. Carries a sentence fit for them."""


class Overtaken(MoveRefused):
    """Somebody moved since the page was made. Carries their entry, so that the page can say what happened."""

    def __init__(self, entry: Entry | None) -> None:
        super().__init__(_("Somebody else has moved since you opened this page."))
        self.entry = entry


class SentBefore(MoveRefused):
    """The page was sent once already and now says something else (back button): nothing was written a second time."""

    def __init__(self) -> None:
        super().__init__(_("You have sent this page once already. What you wrote now has not been sent: look at it again and send it."))
