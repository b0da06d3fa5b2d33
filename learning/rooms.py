"""The pages of learning that stand beside each other, as far as they are open to a reader: the links at their side."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Office
from learning.membership import DECIDING, READING, Learner


class Room(NamedTuple):
    """One link: the name of its address, what it says, and who is shown it."""

    name: str
    text: object
    open_to: Callable[[Learner], bool]


def _everybody(me: Learner) -> bool:
    return True


def _holding(*offices: str) -> Callable[[Learner], bool]:
    return lambda me: bool(me.partnerships(*offices))


ROOMS: list[Room] = [
    Room("learning", _("What changed"), _everybody),
    Room("events", _("Joint learning events"), _everybody),
    Room("log", _("My reflection and CPD log"), _everybody),
    Room("learning-points", _("General issues"), _holding(*DECIDING, Office.REPRESENTATIVE)),
    Room("themes", _("Themes and decisions"), _holding(*READING)),
    Room("debriefs", _("Debriefs"), _everybody),
    Room("thanks", _("Thanks"), _everybody),
    Room("capabilities", _("Where training is needed"), _holding(*READING)),
    Room("figures", _("Figures"), _holding(*READING)),
    Room("subgroups", _("Subgroups"), _holding(Office.OFFICE)),
]


def open_to(me: Learner) -> list[tuple[str, object]]:
    """(address, text) of each, in order."""
    found = []
    for room in ROOMS:
        if room.open_to(me):
            try:
                found.append((reverse(room.name), room.text))
            except NoReverseMatch:
                continue
    return found
