"""Who will be told of a move before it is made: read from who sits where and from the policy, in the page's words."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Appointment, Office, User
from disputes.models import Disagreement, Seat
from disputes.seats import Actor
from disputes.stages import Capacity
from escalation.notices import HEARS_NEWS

EVENTS = {
    "ask_the_chair": "asked_chair",
    "refer_to_line_manager": "step_begun",
    "pass_up_the_line": "step_begun",
    "decline_mediation": "step_begun",
    "reopen": "step_begun",
    "close_without_agreement": "closed",
    "close_as_unconfirmed": "closed",
    "withdraw": "closed",
    "redirect": "closed",
}
ENDING = ("close_without_agreement", "close_as_unconfirmed", "withdraw", "redirect")
MAY_END = ("confirm_outcome", "countersign", "agree_to_differ")


def who_will_be_told(d: Disagreement, move: str, actor: Actor) -> list[str]:
    """Plain lines: people by name and post, then those who join by this move. Empty: nobody is told."""
    told = _seated(d, move, actor)
    if move in ("refer_to_line_manager", "pass_up_the_line"):
        told.append(_("The managers named below, who join"))
    elif move == "pass_on":
        told.append(_("The team or person you choose below, who joins"))
    elif move in ("change_opposite_number", "bring_in_support"):
        told.append(_("The person you choose below, who joins"))
    elif move == "say_child_at_immediate_risk":
        told.append(_("The line managers of both sides"))
    told += _by_policy(d, move)
    return list(dict.fromkeys(told))


def _seated(d: Disagreement, move: str, actor: Actor) -> list[str]:
    seats: Iterable[Seat] = d.standing.seats
    if move in ENDING or move in MAY_END:
        seats = [seat for seat in seats if not seat.positions_only or seat.capacity == Capacity.CHAIR]
    elif d.is_note(move) or (not d.is_open and move != "reopen"):
        seats = []
    else:
        turn = {seat.pk for seat in d.standing.turn.seats}
        seats = [seat for seat in seats if seat.capacity in HEARS_NEWS or seat.pk in turn]
    seats = list(seats)
    people = [person for person in d.standing.people_in(seats) if person.pk != actor.person.pk]
    return [_say_person(person, d.standing.actor(person).seats, seats) for person in people]


def _say_person(person: User, filled: Iterable[Seat], told: list[Seat]) -> str:
    """The person in their own seat, or as whoever stands in for another."""
    seats = [seat for seat in filled if seat in told]
    own = next((seat for seat in seats if seat.person_id == person.pk), None)
    if own is None and seats:
        return _("%(name)s, standing in for %(other)s") % {"name": person.name, "other": say_seat(seats[0])}
    return say_seat(own) if own else person.name


def _by_policy(d: Disagreement, move: str) -> list[str]:
    """Whom the policy's telling rules bring in, by name."""
    event = EVENTS.get(move)
    who = {telling.who for telling in d.policy.document.tellings if telling.event == event and telling.stage in (None, d.stage)}
    if move == "record_confirmation_for":
        who.add("office")
    today = timezone.localdate(d.standing.now)
    told = []
    if "chair" in who and move == "ask_the_chair":
        chair = next(iter(Appointment.objects.people(d.partnership, Office.CHAIR, today)), None)
        title = d.policy.document.final_body.short
        told.append(f"{chair.name}, {title}" if chair else title)
    if "office" in who:
        people = Appointment.objects.people(d.partnership, Office.OFFICE, today)
        told += [f"{person.name}, {_('Partnership office')}" for person in people] or [_("The partnership’s office")]
    return told


def say_seat(seat: Seat) -> str:
    """ "Mona, Line manager, Children's Social Care, Front door"."""
    place = [seat.person.name]
    if seat.post:
        place += [seat.post.title, str(seat.side or seat.post.team)]
    else:
        place.append(seat.get_capacity_display())
    return ", ".join(place)
