"""Who may make a move, when it is open, and where it leads: the small questions that the transition table is written in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from disputes.seats import Actor
from disputes.stages import MANAGERS, MANAGING, MEDIATING, Awaiting, Capacity, Mediation, SideKind, Stage

if TYPE_CHECKING:
    from disputes.agreement import OutstandingIssue
    from disputes.disagreement import Disagreement

# ── who may (permissions): questions about the actor ────────────────────────────────────────────────────────────────

Permission = Callable[["Disagreement", Actor], bool]


def raised_it(d: Disagreement, by: Actor) -> bool:
    return by.seat_in(Capacity.RAISER) is not None


def acts_for_raising_side(d: Disagreement, by: Actor) -> bool:
    return by.acting_seat(d, SideKind.RAISING) is not None


def acts_for_responding_side(d: Disagreement, by: Actor) -> bool:
    return by.acting_seat(d, SideKind.RESPONDING) is not None


def acts_for_a_party(d: Disagreement, by: Actor) -> bool:
    return by.acting_seat(d) is not None


def acts_for_a_party_themselves(d: Disagreement, by: Actor) -> bool:
    """Whoever writes for a colleague lets nobody else write."""
    seat = by.acting_seat(d)
    return seat is not None and seat.capacity != Capacity.WRITES_FOR


def is_on_a_party_side(d: Disagreement, by: Actor) -> bool:
    return by.party_seat() is not None


def is_chair(d: Disagreement, by: Actor) -> bool:
    return by.seat_in(Capacity.CHAIR) is not None


def mediates(d: Disagreement, by: Actor) -> bool:
    """The Chair, or whom the Chair has named as mediator."""
    return by.seat_in(*MEDIATING) is not None


def is_office(d: Disagreement, by: Actor) -> bool:
    return by.seat_in(Capacity.OFFICE) is not None


def is_on_the_raising_side(d: Disagreement, by: Actor) -> bool:
    return by.party_seat(SideKind.RAISING) is not None


def is_on_the_responding_side(d: Disagreement, by: Actor) -> bool:
    seat = by.speaking_seat()
    return seat is not None and seat.side is not None and seat.side.kind == SideKind.RESPONDING


def raised_it_in_person(d: Disagreement, by: Actor) -> bool:
    """Nobody can say for the raiser what the raiser believes; a stand-in neither."""
    return by.person.pk == d.raised_by_id and raised_it(d, by)


def manages_the_raising_side(d: Disagreement, by: Actor) -> bool:
    return by.seat_in(Capacity.LINE_MANAGER, Capacity.SENIOR, kind=SideKind.RAISING) is not None


def manages_a_party(d: Disagreement, by: Actor) -> bool:
    """Also above the step at which it was settled: whoever was told that an outstanding issue is late."""
    return by.seat_in(*MANAGING) is not None


def has_not_confirmed(d: Disagreement, by: Actor) -> bool:
    seat = by.acting_seat(d)
    return seat is not None and seat.side in d.standing.unconfirmed_sides


def has_not_agreed_to_differ(d: Disagreement, by: Actor) -> bool:
    seat = by.acting_seat(d)
    return seat is not None and seat.side is not None and not seat.side.agreed_to_differ


def has_not_answered_closing_questions(d: Disagreement, by: Actor) -> bool:
    """Each side once, by those who spoke for it; a supporter does not answer for the side."""
    seat = by.speaking_seat()
    return seat is not None and seat.side is not None and not seat.side.closing_answered


def may_countersign(d: Disagreement, by: Actor) -> bool:
    """The office, and not whoever recorded the confirmation: it takes a second person."""
    return is_office(d, by) and not d.recorded_by(by.person)


def may_offer_an_outcome(d: Disagreement, by: Actor) -> bool:
    return acts_for_a_party(d, by) or (mediates(d, by) and d.mediation == Mediation.HELD)


def has_not_said_which_dates_suit(d: Disagreement, by: Actor) -> bool:
    seat = by.acting_seat(d)
    return seat is not None and seat.side in d.standing.sides_without_dates


def supports_somebody(d: Disagreement, by: Actor) -> bool:
    return by.seat_in(Capacity.SUPPORTER) is not None


def sees_to(issue: OutstandingIssue, by: Actor) -> bool:
    """Its owner, or whoever speaks for the side that owns it."""
    seat = by.speaking_seat()
    return bool(by.seats) and (issue.owner_id == by.person.pk or (seat is not None and seat.side_id == issue.owner_side_id))


def sees_to_an_issue(d: Disagreement, by: Actor) -> bool:
    return any(sees_to(issue, by) for issue in d.standing.promised_issues)


def speaks_for_a_party(d: Disagreement, by: Actor) -> bool:
    return by.speaking_seat() is not None


def has_seen_the_whole_record(d: Disagreement, by: Actor) -> bool:
    return any(not seat.positions_only and seat.capacity not in (Capacity.TOLD, Capacity.BREAK_GLASS) for seat in by.seats)


def may_say_who_must_not_see_it(d: Disagreement, by: Actor) -> bool:
    """Whoever acts for a side (for themselves too), who mediates, and the office; who opened it in an emergency may not."""
    return acts_for_a_party(d, by) or is_on_a_party_side(d, by) or mediates(d, by) or is_office(d, by)


def may_confirm_an_emergency(d: Disagreement, by: Actor) -> bool:
    """A second person: the office or the Chair, and not whoever opened it (design: second persons)."""
    return (is_office(d, by) or is_chair(d, by)) and any(person != by.person.pk for person in d.standing.unconfirmed_emergencies)


def nobody_but_its_own_door(d: Disagreement, by: Actor) -> bool:
    """Made through `moves.break_glass`, by whoever has no seat yet."""
    return False


def nobody_but_the_clock(d: Disagreement, by: Actor | None) -> bool:
    return False


def any_of(*permissions: Permission) -> Permission:
    def allowed(d: Disagreement, by: Actor) -> bool:
        return any(permission(d, by) for permission in permissions)

    allowed.__name__ = "_or_".join(permission.__name__ for permission in permissions)
    return allowed


# ── when (conditions): questions about the disagreement ─────────────────────────────────────────────────────────────


def awaits(*states: str) -> Callable[[Disagreement], bool]:
    def condition(d: Disagreement) -> bool:
        return d.awaiting in states

    return condition


def is_matched(d: Disagreement) -> bool:
    """No answer counts before both sides know which child it is."""
    return d.matched


def tried_first_or_at_immediate_risk(d: Disagreement) -> bool:
    """23.13: normally between the people who disagree first, unless the child is at immediate risk; silence counts as tried."""
    return d.tried_first or d.at_immediate_risk or d.limit_reached


def has_higher_step(d: Disagreement) -> bool:
    return d.policy.ladder.has_higher_manager_step(d.step)


def is_at_last_step(d: Disagreement) -> bool:
    return d.stage in MANAGERS and not d.policy.ladder.has_higher_manager_step(d.step) and d.mediation != Mediation.DECLINED


def chair_has_been_asked_for_help(d: Disagreement) -> bool:
    """The last body has mediated, or declined to: now it may be closed without agreement (23.11, 23.17)."""
    return d.mediation in (Mediation.DECLINED, Mediation.HELD)


def last_chaser_went_unanswered(d: Disagreement) -> bool:
    """A side is silent, whichever it is; that the Chair has not acted yet is no side's silence."""
    return d.chased and d.awaiting not in (Awaiting.NOTHING, Awaiting.CHAIR, Awaiting.MEDIATION)


def chair_was_asked(d: Disagreement) -> bool:
    """Whatever the sides do meanwhile: a proposal between them does not take the answer from the Chair."""
    return d.mediation == Mediation.ASKED


def chair_has_accepted(d: Disagreement) -> bool:
    return d.mediation == Mediation.ACCEPTED


def is_not_matched(d: Disagreement) -> bool:
    return not d.matched


def heard_or_silent_at_this_step(d: Disagreement) -> bool:
    """23.16: up the line if it *remains* unresolved: they have answered or talked at this step, or let its limit pass; a child at
    immediate risk waits for nobody."""
    if d.awaiting not in (Awaiting.MATCH, Awaiting.IDENTITY, Awaiting.ANSWER) or d.limit_reached or d.at_immediate_risk:
        return True
    if not _silence_is_measured(d):  # and silence that no clock measures must not hold anybody
        return True
    return d.entries.filter(kind__in=("record_discussion", "hold_meeting"), step=d.step).exists()


def _silence_is_measured(d: Disagreement) -> bool:
    """Whether a clock runs by which silence comes to an end: not one inside the step, nor one across steps that was reached below."""
    unreached = d.clocks.filter(stopped_at=None, reached_at=None)  # type: ignore[attr-defined]
    return unreached.exclude(about__in=("acknowledge", "meeting", "confirm")).exists()


def has_another_practitioner_step(d: Disagreement) -> bool:
    above = d.policy.ladder.next_after(d.step)
    return d.stage == Stage.PRACTITIONER and above is not None and above.stage == Stage.PRACTITIONER


def managers_come_next_or_at_immediate_risk(d: Disagreement) -> bool:
    """Where a policy has several steps between practitioners they come first, unless the child is at immediate risk (23.13)."""
    return d.at_immediate_risk or not has_another_practitioner_step(d)


def acknowledgement_is_due(d: Disagreement) -> bool:
    return not d.acknowledged and d.present_step.acknowledge is not None


def disputed_act_can_wait(d: Disagreement) -> bool:
    return d.policy.document.urgency.standstill and d.disputed_act_at is not None and not d.standstill


def may_be_paused(d: Disagreement) -> bool:
    """If the policy allows it at all, and never while a child is at immediate risk."""
    return d.policy.document.pauses is not None and not is_paused(d) and not d.at_immediate_risk


def is_paused(d: Disagreement) -> bool:
    return d.paused_until is not None and d.paused_until > d.standing.now


def has_a_side_not_on_the_system(d: Disagreement) -> bool:
    return bool(d.standing.turn.for_sides)


def was_opened_in_an_emergency(d: Disagreement) -> bool:
    """And no second person has said yet whether that was right."""
    return bool(d.standing.unconfirmed_emergencies)


def somebody_is_excluded(d: Disagreement) -> bool:
    return bool(d.standing.excluded)


def has_unfinished_issues(d: Disagreement) -> bool:
    """What both sides agreed is still to be done (23.18); a reopening takes no promise back."""
    return bool(d.standing.promised_issues)


def session_lies_ahead(d: Disagreement) -> bool:
    """A date that both sides took, not yet past, for the joint session."""
    session = d.standing.session
    return session is not None and session.fixed_at is not None and not session.is_cancelled and session.fixed_at > d.standing.now


def waits_for_countersign(d: Disagreement) -> bool:
    return d.standing.awaiting_countersign


# ── where to (targets read from the ladder or from the act) ─────────────────────────────────────────────────────────


def where_it_starts(d: Disagreement, by: Actor, **_: Any) -> str:
    return d.policy.ladder.stage_of(d.step)


def where_it_came_from(d: Disagreement, by: Actor, **_: Any) -> str:
    return d.policy.ladder.stage_of(d.acting_step)


def resolved_when_all_confirmed(d: Disagreement, by: Actor, **_: Any) -> str:
    return Stage.RESOLVED if d.awaiting == Awaiting.NOTHING else d.stage


def closed_when_all_differ(d: Disagreement, by: Actor, **_: Any) -> str:
    return Stage.CLOSED if d.awaiting == Awaiting.NOTHING else d.stage


MAIN, MORE, NOTE = "main", "more", "note"  # how a move is offered: button, link, or addition to the record


def offered(label: Any, weight: str = MAIN, *, note: bool = False) -> dict[str, Any]:
    """What the table says of a move beside the rule: its words on the button, its weight, and whether it is only a note."""
    return {"label": label, "weight": weight, "note": note}
