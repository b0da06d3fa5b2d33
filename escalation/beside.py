"""Notices that belong to no disagreement: where the mail of each leads, and what a digest says of it in a line. The mails themselves are
templates; a room above that owes such notices has its lines here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from escalation.models import Notice


class Beside(NamedTuple):
    """`leads_to` may hold {about}: the key of what the notice is about."""

    leads_to: str
    line: object


BESIDE: dict[str, Beside] = {
    "draft_reminder": Beside("/desk/", _("You began to write down a disagreement and have not sent it.")),
    "point_named": Beside("/learning/points/{about}/", _("Somebody named a general issue that others could learn from.")),
    "referred": Beside("/learning/themes/", _("A general issue was referred to your subgroup.")),
    "decided": Beside("/learning/done/{about}/", _("A subgroup decided something that you see to.")),
    "told_back": Beside("/learning/#changed-{about}", _("What you raised has been considered: read what came of it.")),
    "debrief_asked": Beside("/debriefs/", _("A debrief is asked for.")),
    "debrief": Beside("/debriefs/{about}/", _("You are asked to a debrief, or its date has changed.")),
    "debrief_off": Beside("/debriefs/{about}/", _("A debrief to which you were asked is called off.")),
    "thanks": Beside("/thanks/", _("Somebody thanks you, or somebody you manage.")),
    "event": Beside("/learning/events/{about}/", _("A learning event to which you come is near.")),
    "event_off": Beside("/learning/events/{about}/", _("A learning event to which you wanted to come is called off.")),
}
STILL_OWED: list[Callable[[Notice], str]] = []
"""Rooms above add their questions here when Django starts: empty while a notice of theirs is still owed, else a short code why not."""
LEARNING_RULES = (
    *("point_named", "referred", "decided", "told_back"),
    *("debrief_asked", "debrief", "debrief_off", "thanks", "event", "event_off"),
)


def address(rule: str, about: UUID | None) -> str:
    """Where the mail of this rule leads; the desk where nothing better is known."""
    leads_to = BESIDE[rule].leads_to if rule in BESIDE else "/desk/"
    return leads_to.format(about=about) if about or "{" not in leads_to else "/desk/"
