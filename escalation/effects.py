"""What single moves write beside the entry: seats, sides, references, agreements, confirmations. One small function a move."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Appointment, Office, Post, Team, User
from disputes.models import Agreement, ChildReference, Confirmation, Disagreement, Entry, OutstandingIssue, Seat, Side
from disputes.rules import sees_to
from disputes.seats import Actor
from disputes.stages import MEDIATING, Capacity, ChildSafe, SideKind, Stage
from escalation import seating
from escalation.refusals import MoveRefused

if TYPE_CHECKING:
    from escalation.moves import Given

Effect = Callable[[Disagreement, Entry, Actor, "Given"], "list[Seat] | None"]


def apply(disagreement: Disagreement, entry: Entry, actor: Actor | None, given: Given) -> list[Seat]:
    """Writes what this move writes. Returns the seats that end with it (the door ends them last)."""
    if actor is None:
        return []
    leaving = EFFECTS.get(entry.kind, _nothing)(disagreement, entry, actor, given) or []
    at_risk = given.child_safe == ChildSafe.NO or entry.kind == "say_child_at_immediate_risk"
    if at_risk and entry.from_stage == Stage.PRACTITIONER:  # also when the same act ends it: the managers are told
        disagreement.__dict__.pop("standing", None)
        seating.seat_next_managers(disagreement, entry)
    return leaving


def _nothing(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    return None


def _seated(seat: Seat | None) -> Seat:
    if seat is None:
        raise MoveRefused(_("That person cannot take part: they have no account, sit on another side, or must not see this."))
    return seat


def _team(d: Disagreement, value: str | None) -> Team:
    """A team of an agency of this partnership."""
    team = Team.objects.filter(pk=value).first() if value else None
    if team is None or not d.partnership.agencies.filter(pk=team.agency_id).exists():
        raise MoveRefused(_("Choose a team of this partnership, and somebody in it."))
    return team


def _post(value: str | UUID | None) -> Post | None:
    return Post.objects.select_related("holder", "team__agency").get(pk=value) if value else None


def _send(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    own, other = d.standing.sides
    seating.seat_responders(d, entry, other)
    for post_id in given.facts.get("supporters", []):
        seating.seat_post(d, entry, own, _colleague(own, _post(post_id)), Capacity.SUPPORTER, None)
    if d.step > 1:
        seating.seat_managers(d, entry, d.step)
    elif d.at_immediate_risk:
        seating.seat_next_managers(d, entry)


def _colleague(side: Side, post: Post | None) -> Post:
    """Support comes from one's own agency (23.14)."""
    if post is None or post.team.agency_id != side.team.agency_id:
        raise MoveRefused(_("Choose a colleague of your own agency."))
    return post


def _manager(d: Disagreement, side: Side | None, post: Post | None) -> Post | None:
    """Who acts for a side at a step of managers stands on its line, or in its agency at that level or above (23.15, 23.16)."""
    if post is None or side is None:
        return None
    in_agency = post.team.agency_id == side.team.agency_id and post.level >= d.policy.ladder.step(d.step).level
    if not in_agency and post not in seating.managers_for(d, side, d.step):
        raise MoveRefused(_("Choose a manager of that side, at this step or above."))
    return post


def _keep_references(d: Disagreement, side: Side | None, given: Given) -> None:
    if side is None:
        return
    for child in d.children.all():
        if reference := given.references.get(child.number):
            ChildReference.objects.create(partnership=d.partnership, disagreement=d, side=side, child=child, reference=reference)


def _match_child(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    _keep_references(d, entry.side, given)


def _pass_on(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> list[Seat]:
    """The side becomes another team; the clock goes on. Those who passed it on leave the table."""
    old = next(side for side in d.standing.sides_of(SideKind.RESPONDING) if entry.side_id == side.pk)
    leaving = [seat for seat in d.standing.seats if seat.side_id == old.pk]
    team, post = _team(d, given.facts.get("team")), _post(given.facts.get("post"))
    is_colleague = team == old.team and post is not None and post not in {seat.post for seat in leaving}
    if (team in {side.team for side in d.standing.sides} and not is_colleague) or (post and team and post.team_id != team.pk):
        raise MoveRefused(_("Choose a team or a person that does not take part yet."))
    new = Side.objects.create(
        partnership=d.partnership,
        disagreement=d,
        kind=SideKind.RESPONDING,
        team=team,
        post=post,
    )
    old.ended_at = entry.recorded_at
    old.save()
    seating.seat_responders(d, entry, new)
    if d.limit_reached or d.at_immediate_risk:  # the new side's manager is told as the old one's was
        d.standing.sides = [side for side in d.standing.sides if side != old] + [new]
        seating.seat_next_managers(d, entry)
    return leaving


def _record_answer_for(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    _keep_references(d, next((s for s in d.standing.sides if s.pk == given.recorded_for), None), given)


def _propose_outcome(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    """A version and its issues; who proposes a version has confirmed it for their side, the Chair confirms for nobody."""
    _forget_differing(d)
    latest = d.agreements.first()
    seat = actor.acting_seat(d)
    agreement = Agreement.objects.create(
        partnership=d.partnership,
        disagreement=d,
        version=latest.version + 1 if latest else 1,
        entry=entry,
        proposed_by=seat.side if seat else None,
    )
    for number, issue in enumerate(given.facts.get("issues", []), start=1):
        OutstandingIssue.objects.create(
            partnership=d.partnership,
            disagreement=d,
            agreement=agreement,
            number=number,
            owner_side_id=issue["owner_side"],
            owner_id=issue.get("owner"),
            due_on=issue["due_on"],
        )
    if seat and seat.side:
        _confirm(d, agreement, seat.side, entry, needs_countersign=d.was_invited_by_the_others(seat))


def _confirm(d: Disagreement, agreement: Agreement, side: Side, entry: Entry, *, needs_countersign: bool = False) -> None:
    Confirmation.objects.create(
        partnership=d.partnership,
        disagreement=d,
        agreement=agreement,
        side=side,
        entry=entry,
        needs_countersign=needs_countersign,
    )


def _confirm_outcome(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    seat = actor.acting_seat(d)
    agreement = d.agreements.first()
    if seat and seat.side and agreement:
        _confirm(d, agreement, seat.side, entry, needs_countersign=d.was_invited_by_the_others(seat))
    _say_still_at_risk(d, entry, actor, given)


def _decline_outcome(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    if agreement := d.agreements.first():
        agreement.declined_by = entry
        agreement.save()


def _record_confirmation_for(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    side = next(side for side in d.standing.unconfirmed_sides if side.pk == given.recorded_for)
    if agreement := d.agreements.first():
        _confirm(d, agreement, side, entry, needs_countersign=True)


def _countersign(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    if agreement := d.agreements.first():
        for confirmation in agreement.confirmations.filter(needs_countersign=True, countersigned_by=None):
            confirmation.countersigned_by = entry
            confirmation.save()


def _begin_managers_step(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    chosen = {
        SideKind.RAISING.value: _post(given.facts.get("own_post")),
        SideKind.RESPONDING.value: _post(given.facts.get("other_post")),
    }
    for side in d.standing.party_sides:
        _manager(d, side, chosen.get(side.kind))
    seating.seat_managers(d, entry, d.step, chosen)
    _forget_differing(d)


def _forget_differing(d: Disagreement) -> None:
    """A side that agreed to differ at one step is asked afresh at the next."""
    for side in d.standing.party_sides:
        if side.agreed_to_differ:
            side.agreed_to_differ = False
            side.save()


def _change_opposite_number(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> list[Seat]:
    own = actor.acting_seat(d)
    side = seating.other_side(d, own.side if own else None)
    if side is None:
        return []
    leaving = [seat for seat in d.standing.acting_seats([side]) if seat.step == d.step]
    post = _manager(d, side, _post(given.facts.get("post")))
    new = _seated(seating.seat_post(d, entry, side, post, seating.capacity_at(d, d.step), d.step))
    return [seat for seat in leaving if seat.pk != new.pk]


def _asks_afresh(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    _forget_differing(d)


def _accept_mediation(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    for seat in d.standing.seats_in(Capacity.CHAIR):
        seat.positions_only = False
        seat.save()


def _name_mediator(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> list[Seat]:
    """Whoever was named before leaves the table."""
    person = _person(given)
    if person not in seating.who_could_mediate(d):
        raise MoveRefused(_("Choose somebody with no stake in it: not of an agency that takes part."))
    before = [seat for seat in d.standing.seats_in(Capacity.MEDIATOR) if seat.person_id != person.pk]
    _seated(seating.open_seat(d, entry, person, Capacity.MEDIATOR))
    return before


DATES_AT_MOST = 5
MINUTES = range(15, 8 * 60 + 1)


def _propose_session(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    dates = _dates(given)
    if not 1 <= len(dates) <= DATES_AT_MOST or any(date <= d.standing.now for date in dates):
        raise MoveRefused(_("Propose one to five dates that have not passed."))
    if given.facts.get("minutes") not in MINUTES:
        raise MoveRefused(_("Say how long the session takes: between 15 minutes and 8 hours."))
    _check_expected(d, given, [seat for seat in d.standing.seats if seat.capacity in MEDIATING])


def _answer_session(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    """Dates of those proposed, and who comes for this side. None at all says that none suits."""
    seat, session = actor.acting_seat(d), d.standing.session
    if session is None or given.facts.get("session") != str(session.entry) or not set(_dates(given)) <= set(session.dates):
        raise MoveRefused(_("Choose from the dates that are proposed now."))
    _check_expected(d, given, [one for one in d.standing.seats if seat and one.side_id == seat.side_id])


def _dates(given: Given) -> list[dt.datetime]:
    return [dt.datetime.fromisoformat(one) for one in given.facts.get("dates", [])]


def _check_expected(d: Disagreement, given: Given, seats: list[Seat]) -> None:
    """Whoever names people for a session names their own."""
    if not set(given.facts.get("people", [])) <= {str(person.pk) for person in d.standing.people_in(seats)}:
        raise MoveRefused(_("Choose people of your own side."))


def _finish_issue(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    mine = [issue for issue in d.standing.promised_issues if sees_to(issue, actor)]
    issue = next((issue for issue in mine if str(issue.pk) == given.facts.get("issue")), None)
    if issue is None:
        raise MoveRefused(_("Choose one of the outstanding issues that your side sees to and that is not done yet."))
    issue.done_by = entry
    issue.save(update_fields=["done_by"])


def _let_write(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    seat = actor.acting_seat(d)
    if seat and seat.side:
        post = _colleague(seat.side, _post(given.facts.get("post")))
        if post.holder_id in {one.person_id for one in d.standing.acting_seats([seat.side])}:
            raise MoveRefused(_("They act for your side already. Choose another colleague."))
        _seated(seating.seat_post(d, entry, seat.side, post, Capacity.WRITES_FOR, seat.step))


def _agree_to_differ(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    seat = actor.acting_seat(d)
    if seat and seat.side:
        seat.side.agreed_to_differ = True
        seat.side.save()
    _say_still_at_risk(d, entry, actor, given)


def _say_still_at_risk(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    """Only the raiser's own answer counts as the raiser's (23.11)."""
    if actor.person.pk == d.raised_by_id and "still_at_risk" in given.facts:
        d.still_at_risk = bool(given.facts["still_at_risk"])


def _bring_in_support(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    seat = actor.party_seat()
    if seat and seat.side:
        post = _colleague(seat.side, _post(given.facts.get("post")))
        _seated(seating.seat_post(d, entry, seat.side, post, Capacity.SUPPORTER, None))


def _invite(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    """A seat waits for somebody who has no account yet: the responder of a side that is not on the system, or a colleague as support."""
    person, post = _person(given), _post(given.facts.get("post"))
    own = actor.party_seat()
    if own is None or own.side is None:
        raise MoveRefused(_("That is not open to you now."))
    if given.facts.get("capacity") == Capacity.SUPPORTER:
        if person.kept_by_id != own.side.team.agency_id:
            raise MoveRefused(_("Choose a colleague of your own agency."))
        _check_vacant(own.side, post)
        _seated(seating.open_seat(d, entry, person, Capacity.SUPPORTER, side=own.side, post=post, is_invited=True))
        return
    side = next((side for side in d.standing.party_sides if not d.standing.is_on_system(side)), None)
    if side is None or person.kept_by_id != side.team.agency_id or (post and post.team_id != side.team_id):
        raise MoveRefused(_("Invite somebody of the side that is not on the system yet."))
    _check_vacant(side, post)
    _seated(seating.open_seat(d, entry, person, Capacity.RESPONDER, side=side, post=post, step=1, is_invited=True))


def _check_vacant(side: Side, post: Post | None) -> None:
    """A post that they will come to hold is a practitioner's of this very team; who manages is for the agency's administrator to say."""
    if post and post.holder_id is None and (post.level != 0 or post.team_id != side.team_id):
        raise MoveRefused(_("Choose a post that is open to invitations."))


def _person(given: Given) -> User:
    wanted = given.facts.get("person")
    person = User.objects.filter(pk=str(wanted)).first() if wanted else None
    if person is None:
        raise MoveRefused(_("Choose a person."))
    return person


def may_exclude_at_once(d: Disagreement, actor: Actor, person: User) -> bool:
    """The office and the Chair anybody; a side itself and its own people. Of the other side, and of the partnership's people, it asks
    the office: else a side could shut out whoever objects."""
    if actor.seat_in(Capacity.OFFICE, Capacity.CHAIR) or person.pk == actor.person.pk:
        return True
    seat = actor.party_seat()
    if seat is None or seat.side is None:
        return False
    sides = {other.side_id for other in d.standing.actor(person).seats}
    if sides:
        return sides == {seat.side_id}
    posts = person.posts.filter(ended_on=None).values_list("team__agency", flat=True)
    has_an_office = person.appointments.on(timezone.localdate(d.standing.now)).filter(partnership=d.partnership).exists()
    return seat.side.team.agency_id in posts and not has_an_office


def _exclude(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> list[Seat]:
    """From now on this person sees nothing of it, and whoever is named in their place takes their seat (conflict of interest)."""
    person = _person(given)
    if person.pk in d.standing.excluded:
        raise MoveRefused(_("That person cannot see it already."))
    at_once = may_exclude_at_once(d, actor, person)
    if at_once == bool(given.facts.get("asked")):
        raise MoveRefused(_("Only the partnership’s office or the Chair can shut out somebody of the other side. Ask them."))
    seating.seat_office(d, entry, without=[person.pk])  # they hear of it, and may lift what was no conflict
    if not at_once:
        return []
    today = timezone.localdate(d.standing.now)
    lifting = [
        one
        for office in (Office.OFFICE, Office.CHAIR, Office.DEPUTY)
        for one in Appointment.objects.people(d.partnership, office, today)
        if one.pk not in {*d.standing.excluded, person.pk}
    ]
    if not lifting:
        raise MoveRefused(_("Then nobody would be left who could lift it again. Ring the partnership’s office."))
    instead = _post(given.facts.get("instead"))
    if instead and instead not in seating.instead_of(d, person):
        raise MoveRefused(_("Choose one of those who can act in their place."))
    filled = [seat for seat in d.standing.actor(person).seats if seat.person_id == person.pk]
    if instead:
        for seat in filled:
            if seat.side and seat.post:
                _seated(seating.seat_post(d, entry, seat.side, instead, seat.capacity, seat.step))
    elif any(seat.capacity == Capacity.CHAIR for seat in filled):
        seating.seat_chair(d, entry, without=[person.pk])
    return filled


def excluding(entry: Entry) -> UUID | None:
    """Whom this entry excludes. The door writes it at the very end: it may be whoever makes the move, who then sees nothing more."""
    return UUID(entry.facts["person"]) if entry.kind == "exclude" and not entry.facts.get("asked") else None


def _lift_exclusion(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    exclusion = d.exclusions.filter(person=_person(given), lifted_by=None).first()
    if exclusion is None:
        raise MoveRefused(_("Choose somebody who is excluded."))
    if exclusion.person_id == actor.person.pk:
        raise MoveRefused(_("That is not open to you now."))
    exclusion.lifted_by = entry.pk
    exclusion.save(update_fields=["lifted_by"])


def _break_glass(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    d.__dict__.pop("standing", None)
    seating.seat_second_persons(d, entry)


def _settle_emergency(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    person = _person(given)
    if person.pk == actor.person.pk or person.pk not in d.standing.unconfirmed_emergencies:
        raise MoveRefused(_("Choose somebody who opened it in an emergency, other than yourself."))


def _refuse_break_glass(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> list[Seat]:
    _settle_emergency(d, entry, actor, given)
    person = _person(given)
    return [seat for seat in d.standing.seats if seat.capacity == Capacity.BREAK_GLASS and seat.person_id == person.pk]


def _answer_closing_questions(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    seat = actor.speaking_seat()
    if seat and seat.side:
        seat.side.closing_answered = True
        seat.side.save()


def _name_disputed_act(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    d.disputed_act_at = dt.datetime.fromisoformat(given.facts["disputed_act_at"])


def _pause(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> None:
    d.paused_until = dt.datetime.fromisoformat(given.facts["until"])


def _reopen(d: Disagreement, entry: Entry, actor: Actor, given: Given) -> list[Seat]:
    """At its next end every side is asked again (23.7, 23.19, 23.20). Who mediated leaves; a Chair reads the positions until asked anew."""
    for side in d.standing.party_sides:
        side.agreed_to_differ = side.closing_answered = False
        side.save()
    for seat in d.standing.seats_in(Capacity.CHAIR):
        seat.positions_only = True
        seat.save(update_fields=["positions_only"])
    return list(d.standing.seats_in(Capacity.MEDIATOR))


EFFECTS: dict[str, Effect] = {
    "send": _send,
    "match_child": _match_child,
    "pass_on": _pass_on,
    "record_answer_for": _record_answer_for,
    "propose_outcome": _propose_outcome,
    "confirm_outcome": _confirm_outcome,
    "decline_outcome": _decline_outcome,
    "record_confirmation_for": _record_confirmation_for,
    "countersign": _countersign,
    "refuse_countersign": _decline_outcome,
    "name_disputed_act": _name_disputed_act,
    "pause_clock": _pause,
    "take_next_step": _asks_afresh,
    "refer_to_line_manager": _begin_managers_step,
    "pass_up_the_line": _begin_managers_step,
    "change_opposite_number": _change_opposite_number,
    "ask_the_chair": _asks_afresh,
    "decline_mediation": _asks_afresh,
    "accept_mediation": _accept_mediation,
    "agree_to_differ": _agree_to_differ,
    "close_without_agreement": _say_still_at_risk,
    "say_still_at_risk": _say_still_at_risk,
    "bring_in_support": _bring_in_support,
    "let_write": _let_write,
    "name_mediator": _name_mediator,
    "propose_session": _propose_session,
    "answer_session": _answer_session,
    "finish_issue": _finish_issue,
    "invite": _invite,
    "exclude": _exclude,
    "lift_exclusion": _lift_exclusion,
    "break_glass": _break_glass,
    "confirm_break_glass": _settle_emergency,
    "refuse_break_glass": _refuse_break_glass,
    "answer_closing_questions": _answer_closing_questions,
    "reopen": _reopen,
}
