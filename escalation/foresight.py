"""Who will be told of a move before it is made: read from who sits where and from the policy, in the page's words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Appointment, Office, User
from disputes.models import Disagreement, Seat
from disputes.rules import session_lies_ahead
from disputes.seats import Actor
from disputes.stages import MEDIATING, Awaiting, Capacity, Stage
from escalation import issues, joint_session
from escalation.notices import HEARS_NEWS

EVENTS = {
    "ask_the_chair": "asked_chair",
    "answer": "answered",
    "record_answer_for": "answered",
    "hold_meeting": "meeting",
    "take_next_step": "step_begun",
    "refer_to_line_manager": "step_begun",
    "pass_up_the_line": "step_begun",
    "decline_mediation": "step_begun",
    "reopen": "step_begun",
    "close_without_agreement": "closed",
    "close_as_unconfirmed": "closed",
    "withdraw": "closed",
    "redirect": "closed",
    "confirm_outcome": "resolved",  # these three only if it ends by them: see MAY_END
    "countersign": "resolved",
    "agree_to_differ": "closed",
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
    elif move in ("change_opposite_number", "bring_in_support", "name_mediator", "let_write"):
        told.append(_("The person you choose below, who joins"))
    elif move == "finish_issue":
        told += _told_that_it_is_done(d, actor)
    elif move == "ask_for_debrief":
        told.append(_("The partnership’s office"))
    elif move == "invite":
        told.append(_("The person you invite, without a word of what it is about"))
    elif move == "refuse_break_glass":
        told.append(_("Everybody who was told that it was opened"))
    elif move == "exclude":
        told.append(_("The partnership’s office, and whoever you choose in their place"))
    elif move == "say_child_at_immediate_risk":
        told.append(_("The line managers of both sides"))
    told += _by_policy(d, move, actor)
    return list(dict.fromkeys(told))


def _seated(d: Disagreement, move: str, actor: Actor) -> list[str]:
    seats: Iterable[Seat] = d.standing.seats
    if move in ENDING or (move in MAY_END and _ends_it(d, move, actor)):
        seats = [seat for seat in seats if not seat.positions_only or seat.capacity == Capacity.CHAIR]
    elif (d.is_note(move) and move != "name_mediator") or (not d.is_open and move != "reopen"):
        seats = []
    else:
        turn = {seat.pk for seat in d.standing.turn.seats} if move not in LEAVES_THE_MEDIATORS else set()
        mediating = _told_of_the_mediation(d, move)
        seats = [seat for seat in seats if seat.capacity in HEARS_NEWS or seat.pk in turn or seat.pk in mediating]
    seats = list(seats)
    people = [person for person in d.standing.people_in(seats) if person.pk != actor.person.pk]
    return [_say_person(person, d.standing.actor(person).seats, seats) for person in people]


def _told_that_it_is_done(d: Disagreement, actor: Actor) -> list[str]:
    seat = actor.seat_for(d)
    people = issues.who_hears_that_it_is_done(d.standing, seat.side_id if seat else None)
    return [_say_person(one, d.standing.actor(one).seats, d.standing.seats) for one in people if one.pk != actor.person.pk]


LEAVES_THE_MEDIATORS = ("name_mediator", "propose_session", "record_mediation")  # what one does who mediates, the other finds on the desk


def _told_of_the_mediation(d: Disagreement, move: str) -> set[UUID]:
    """The Chair's and the mediator's seats to which a mail goes: it is their move then, or a joint session is fixed, or is not held."""
    mediating = [seat for seat in d.standing.seats if seat.capacity in MEDIATING]
    if move == "answer_the_chair" and d.awaiting != Awaiting.CONFIRMATION:
        return {seat.pk for seat in mediating}
    if move == "answer_session" and len(d.standing.sides_without_dates) <= 1:
        return {seat.pk for seat in mediating}  # the last side has answered: then it is their move
    if move in joint_session.CALLS_OFF and session_lies_ahead(d) and d.standing.session:
        people = joint_session.expected(d.standing, d.standing.session)
        return {seat.pk for seat in mediating if any(person in people for person in d.standing.people_in([seat]))}
    return set()


def _say_person(person: User, filled: Iterable[Seat], told: list[Seat]) -> str:
    """The person in their own seat, or as whoever stands in for another."""
    seats = [seat for seat in filled if seat in told]
    own = next((seat for seat in seats if seat.person_id == person.pk), None)
    if own is None and seats:
        return _("%(name)s, standing in for %(other)s") % {"name": person.name, "other": say_seat(seats[0])}
    return say_seat(own) if own else person.name


def _by_policy(d: Disagreement, move: str, actor: Actor) -> list[str]:
    """Whom the policy's telling rules bring in, by name; who sits there already in that part is not brought in again."""
    step = _step_after(d, move)
    stage = d.policy.ladder.stage_of(step) if EVENTS.get(move) in ("step_begun", "asked_chair") else d.stage
    event = None if move in MAY_END and not _ends_it(d, move, actor) else EVENTS.get(move)
    tellings = [telling for telling in d.policy.document.tellings if telling.event == event]
    who = {telling.who for telling in tellings if telling.stage in (None, stage) and telling.step in (None, step)}
    if move == "record_confirmation_for":
        who.add("office")
    today = timezone.localdate(d.standing.now)
    told = []
    if move == "ask_the_chair":  # whatever the policy tells: who is asked must be able to answer (23.17)
        chair = next(iter(Appointment.objects.people(d.partnership, Office.CHAIR, today)), None)
        title = d.policy.document.final_body.short
        told.append(f"{chair.name}, {title}" if chair else title)
    elif "chair" in who:
        title = d.policy.document.final_body.short
        told += [f"{one.name}, {title}" for one in _not_yet(d, Appointment.objects.people(d.partnership, Office.CHAIR, today))]
    if "next_manager" in who and d.policy.ladder.has_higher_manager_step(step):
        told.append(_("The managers of both sides at the next step, for information"))
    if "representative" in who:
        told += [_("%(name)s, who represents their agency") % {"name": one.name} for one in _not_yet(d, _representatives(d, today))]
    if "office" in who:
        people = list(Appointment.objects.people(d.partnership, Office.OFFICE, today))
        told += [f"{person.name}, {_('Partnership office')}" for person in _not_yet(d, people)]
        told += [] if people else [_("The partnership’s office")]
    return told


def _ends_it(d: Disagreement, move: str, actor: Actor) -> bool:
    """Whether this is the last confirmation, or the last side to differ."""
    seat = actor.acting_seat(d)
    own = seat.side_id if seat else None
    if move == "agree_to_differ":
        return all(side.agreed_to_differ or side.pk == own for side in d.standing.party_sides)
    if move == "countersign":
        return not d.standing.unconfirmed_sides
    return all(side.pk == own for side in d.standing.unconfirmed_sides) and not d.standing.awaiting_countersign


def _step_after(d: Disagreement, move: str) -> int:
    """The step at which it will stand: what tellings name one."""
    ladder = d.policy.ladder
    if move == "refer_to_line_manager":
        return ladder.first_step_of(Stage.LINE_MANAGER)
    if move == "ask_the_chair":
        return ladder.first_step_of(Stage.LSCB_MEDIATION)
    if move in ("decline_mediation", "reopen"):
        return d.acting_step
    return d.step + (move in ("take_next_step", "pass_up_the_line"))


def _representatives(d: Disagreement, today: dt.date) -> list[User]:
    agencies = [side.team.agency_id for side in d.standing.party_sides]
    held = Appointment.objects.on(today).filter(partnership=d.partnership, office=Office.REPRESENTATIVE, agency__in=agencies)
    return [one.person for one in held.select_related("person")]


def _not_yet(d: Disagreement, people: Iterable[User]) -> list[User]:
    """Those who do not sit there: to be told by the policy opens a seat, and says nothing to those who have one."""
    seated = {seat.person_id for seat in d.standing.seats}
    return [person for person in people if person.pk not in seated]


def say_seat(seat: Seat) -> str:
    """ "Mona, Line manager, Children's Social Care, Front door"."""
    place = [seat.person.name]
    if seat.post:
        place += [seat.post.title, str(seat.side or seat.post.team)]
    else:
        place.append(seat.get_capacity_display())
    return ", ".join(place)
