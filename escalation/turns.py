"""Whose move it is, in words: one place for the sentence on the page, on desks and in the list."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils.translation import gettext as _

from disputes.models import Disagreement
from disputes.seats import Actor
from disputes.stages import Awaiting, Mediation, Stage
from pages import times

MAIN_MOVE = {
    Awaiting.MATCH: "match_child",
    Awaiting.IDENTITY: "say_which_child",
    Awaiting.ANSWER: "answer",
    Awaiting.CHAIR: "accept_mediation",
    Awaiting.MORE: "answer_the_chair",
    Awaiting.MEDIATION: "record_mediation",
    Awaiting.SESSION: "answer_session",
    Awaiting.CONFIRMATION: "confirm_outcome",
    Awaiting.POSITION: "agree_to_differ",
}


@dataclass(frozen=True)
class Saying:
    """What the panel says: `mine` whether the reader holds the turn, `who` names whose move it is, `ask` what is asked of them,
    `move` the one move that does it (None where there is a choice), `due_at` by when (None: no clock)."""

    mine: bool
    who: str
    ask: str
    move: str | None
    due_at: dt.datetime | None


def say_turn(disagreement: Disagreement, actor: Actor | None) -> Saying:
    """The present turn as read by `actor` (None: a reader without a seat, such as an auditor)."""
    turn = disagreement.standing.turn
    mine = actor is not None and turn.is_held_by(actor)
    due_at = disagreement.due_at if disagreement.is_open else None
    move = MAIN_MOVE.get(Awaiting(turn.awaiting)) if turn.awaiting else None
    if turn.for_sides and turn.awaiting in (Awaiting.MATCH, Awaiting.ANSWER):
        move = "record_answer_for"
    elif turn.for_sides and turn.awaiting == Awaiting.CONFIRMATION and not _has_to_confirm(disagreement, actor):
        move = "record_confirmation_for"
    elif turn.awaiting == Awaiting.CONFIRMATION and not disagreement.standing.unconfirmed_sides:
        move = "countersign"
    elif turn.awaiting == Awaiting.MEDIATION and not_to_be_held(disagreement):
        move = "propose_session"
    elif turn.awaiting == Awaiting.SESSION and turn.for_sides and not _has_to_say_dates(disagreement, actor):
        move = None  # nobody there is on the system: they are rung up
    return Saying(mine, _who(disagreement), _ask(disagreement), move, due_at)


def _has_to_confirm(disagreement: Disagreement, actor: Actor | None) -> bool:
    """One's own confirmation comes before recording that of a side which is not on the system."""
    seat = actor.acting_seat(disagreement) if actor else None
    return seat is not None and seat.side in disagreement.standing.unconfirmed_sides


def _has_to_say_dates(disagreement: Disagreement, actor: Actor | None) -> bool:
    seat = actor.acting_seat(disagreement) if actor else None
    return seat is not None and seat.side in disagreement.standing.sides_without_dates


def _who(disagreement: Disagreement) -> str:
    """ "Mona, Line manager, Children's Social Care"; several are joined; an ended one is nobody's move."""
    if not disagreement.is_open:
        return ""
    turn = disagreement.standing.turn
    names = []
    for seat in turn.seats:
        place = [seat.person.name]
        if seat.post:
            place += [seat.post.title, seat.post.team.agency.name]
        else:
            place.append(seat.get_capacity_display())
        names.append(", ".join(place))
    return "; ".join(dict.fromkeys(names)) or _("Nobody yet: the partnership's office can help")


def _ask(disagreement: Disagreement) -> str:
    """What is asked of whoever's move it is, as one sentence."""
    if not disagreement.is_open:
        return {
            Stage.RESOLVED: _("Resolved: both sides confirmed the same outcome in writing."),
            Stage.CLOSED: _("Closed without agreement."),
            Stage.WITHDRAWN: _("Withdrawn."),
            Stage.REDIRECTED: _("Taken to another procedure."),
        }[Stage(disagreement.stage)]
    turn = disagreement.standing.turn
    if turn.for_sides and turn.awaiting in (Awaiting.MATCH, Awaiting.ANSWER, Awaiting.CONFIRMATION):
        absent = ", ".join(str(side) for side in turn.for_sides)
        if turn.awaiting == Awaiting.CONFIRMATION:
            return _("Nobody at %(side)s is on the system. Record their confirmation for them.") % {"side": absent}
        return _("Nobody at %(side)s is on the system. Record their answer for them, or invite somebody there.") % {"side": absent}
    raiser = disagreement.raised_by.name
    if turn.awaiting == Awaiting.CONFIRMATION and not disagreement.standing.unconfirmed_sides:
        return _("Countersign the confirmation that was recorded for a side not on the system.")
    return {
        Awaiting.MATCH: _("Say whether you know which child this is, so that %(raiser)s can be answered."),
        Awaiting.IDENTITY: _("Say how the other side can tell which child this is."),
        Awaiting.ANSWER: _ask_for_an_answer(disagreement),
        Awaiting.DECISION: _ask_what_next(disagreement),
        Awaiting.CONFIRMATION: _("Confirm the proposed outcome in writing, or say what should change."),
        Awaiting.POSITION: _("One side agrees to differ. Record your position too, and it closes; or propose an outcome."),
        Awaiting.CHAIR: _("Accept and offer mediation, ask both sides for more, or decline with reasons."),
        Awaiting.MORE: _("The Chair needs to know more before deciding. Answer, and say what your side would accept."),
        Awaiting.MEDIATION: _ask_who_mediates(disagreement),
        Awaiting.SESSION: _ask_for_dates(disagreement),
        Awaiting.NOTHING: "",
    }[Awaiting(turn.awaiting)] % {"raiser": raiser}


def not_to_be_held(disagreement: Disagreement) -> bool:
    """No session is fixed: none was proposed, none of its dates suits, or it was called off."""
    session = disagreement.standing.session
    return session is None or session.is_cancelled or session.fixed_at is None


def _ask_who_mediates(disagreement: Disagreement) -> str:
    """Said to the Chair and the mediator."""
    session = disagreement.standing.session
    if session is None:
        return _("Propose dates for a joint session, or hold the mediation without one and record it.")
    if session.is_cancelled:
        return _("The joint session was called off. Propose other dates, or record the mediation without one.")
    if session.fixed_at is None:
        return _("No date suits both sides. Propose others, or record the mediation without a joint session.")
    when = times.weekday_moment(session.fixed_at)
    if session.fixed_at > disagreement.standing.now:
        return _("The joint session is on %(when)s. Hold the mediation and record it.") % {"when": when}
    return _("The joint session was on %(when)s. Record the mediation.") % {"when": when}


def _ask_for_dates(disagreement: Disagreement) -> str:
    turn = disagreement.standing.turn
    if turn.for_sides and len(turn.for_sides) == len(turn.sides):
        absent = ", ".join(str(side) for side in turn.for_sides)
        return _("Nobody at %(side)s is on the system. Ring them for their dates, and tell whoever mediates.") % {"side": absent}
    return _("Say which of the proposed dates for a joint session suit your side, and who comes.")


def _ask_for_an_answer(disagreement: Disagreement) -> str:
    if disagreement.standing.is_just_reopened:
        return _(
            "It was reopened: what both sides agreed was not delivered. Say what you will do about it, with your view and your reasons."
        )
    return _("Answer with your view and your reasons.")


def _ask_what_next(disagreement: Disagreement) -> str:
    """Said to the raising side after an answer, a change asked for, or the Chair's part; reads right to the other side too."""
    agreement = disagreement.standing.agreement
    if disagreement.mediation == Mediation.HELD:
        return _("The mediation has been held. Propose an outcome, or close it without agreement.")
    if disagreement.mediation == Mediation.DECLINED:
        return _("The Chair has declined to mediate. Propose an outcome, or close it without agreement.")
    if agreement and agreement.declined_by_id:
        return _("A side has asked for changes. Propose another outcome, or take it to the next step.")
    return _("There is an answer. Agree an outcome, or take it to the next step.")
