"""Opening seats: who comes to sit at a disagreement because of an act, and who is told by the policy's rules. Called by the door only."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from accounts.models import Appointment, Office, Post, StandIn, StepPost, User
from disputes.models import Confirmation, Disagreement, Entry, Exclusion, Seat, Side
from disputes.seats import managers_above
from disputes.stages import ACTING, ENDS, Capacity, Mediation, SideKind, Stage


def open_seat(
    disagreement: Disagreement,
    entry: Entry,
    person: User,
    capacity: str,
    *,
    side: Side | None = None,
    post: Post | None = None,
    step: int | None = None,
    positions_only: bool = False,
    is_invited: bool = False,
) -> Seat | None:
    """One person's place, once. None when they are excluded, inactive (unless `is_invited`: it waits for them), or sit on another side
    already: nobody sits on two sides."""
    is_here = person.is_active or (is_invited and person.left_on is None)
    if not is_here or Exclusion.objects.filter(disagreement=disagreement, person=person, lifted_by=None).exists():
        return None
    held = list(Seat.objects.filter(disagreement=disagreement, person=person, ends_at=None, side__ended_at=None))
    side_id = side.pk if side else None
    if any(seat.side_id != side_id for seat in held):
        return None
    for seat in held:
        if (seat.capacity, seat.step) == (capacity, step):
            if seat.positions_only and not positions_only:  # seated for one question, needed for the whole by now
                seat.positions_only = False
                seat.save(update_fields=["positions_only"])
            return seat
    return Seat.objects.create(
        partnership=disagreement.partnership,
        disagreement=disagreement,
        side=side,
        person=person,
        post=post,
        capacity=capacity,
        step=step,
        positions_only=positions_only,
        starts_at=entry.recorded_at,
        opened_by=entry.pk,
    )


def seat_post(disagreement: Disagreement, entry: Entry, side: Side, post: Post | None, capacity: str, step: int | None) -> Seat | None:
    """Seats whoever holds this post; None when nobody on the system does."""
    if post is None or not post.is_held or post.holder is None:
        return None
    return open_seat(disagreement, entry, post.holder, capacity, side=side, post=post, step=step)


def seat_responders(disagreement: Disagreement, entry: Entry, side: Side) -> list[Seat]:
    """The place addressed; where nobody sits in it, everybody with a practitioner's post in the team asked."""
    if side.post and (seat := seat_post(disagreement, entry, side, side.post, Capacity.RESPONDER, 1)):
        return [seat]
    posts = side.team.posts.filter(level=0, ended_on=None).select_related("holder")
    seats = (seat_post(disagreement, entry, side, post, Capacity.RESPONDER, 1) for post in posts)
    return [seat for seat in seats if seat]


def acting_post(disagreement: Disagreement, side: Side, step: int | None = None) -> Post | None:
    """The post from which a side's line goes up to `step` (None: to the next one): that of whoever acted last below it, else the one
    first addressed."""
    step = disagreement.acting_step + 1 if step is None else step
    below = [
        seat
        for seat in disagreement.standing.seats
        if seat.side_id == side.pk and seat.post and seat.capacity in ACTING and (seat.step or 0) < step
    ]
    if below:
        return max(below, key=lambda seat: seat.step or 0).post
    return side.post or side.team.posts.filter(level=0, ended_on=None).first()


def managers_for(disagreement: Disagreement, side: Side, step: int) -> list[Post]:
    """Who could act for a side at a step, the likeliest first (23.15, 23.16): the team's own mapping, then the line (and the adviser)
    of whoever acted last, then that of the place first addressed, then whoever stands above them. Empty: a gap."""
    level = disagreement.policy.ladder.step(step).level
    lines = list(dict.fromkeys(post for post in (acting_post(disagreement, side, step), side.post) if post))  # mostly one
    mapped = StepPost.objects.filter(team=side.team, level=level).select_related("post__holder", "post__team__agency").first()
    found = [mapped.post] if mapped else []
    for post in lines:
        found += managers_above(post, level)
    for post in lines:
        found += [above for above in post.up_the_line() if above.level >= level]
    return [post for post in dict.fromkeys(found) if post.is_held]


def manager_for(disagreement: Disagreement, side: Side, step: int) -> Post | None:
    """Who acts for a side at a step, found from posts: the likeliest who may sit there; None where there is a gap."""
    return next((post for post in managers_for(disagreement, side, step) if _may_sit(disagreement, post, side)), None)


def _may_sit(disagreement: Disagreement, post: Post, side: Side) -> bool:
    """Nobody sits on two sides, and an exclusion beats every right. Where both sides share a manager, the other finds one above."""
    standing = disagreement.standing
    elsewhere = any(seat.person_id == post.holder_id and seat.side_id != side.pk for seat in standing.seats)
    return not elsewhere and post.holder_id not in standing.excluded


def capacity_at(disagreement: Disagreement, step: int) -> str:
    stage = disagreement.policy.ladder.stage_of(step)
    return Capacity.LINE_MANAGER if stage == Stage.LINE_MANAGER else Capacity.SENIOR


def seat_managers(disagreement: Disagreement, entry: Entry, step: int, chosen: dict[str, Post | None] | None = None) -> list[Seat]:
    """Seats each party side's manager of `step`: the chosen post, else the one found from posts. Who was seated there early stays."""
    seats = []
    for side in disagreement.standing.party_sides:
        post = (chosen or {}).get(side.kind)
        early = (s for s in disagreement.standing.seats if s.side_id == side.pk and s.step == step and s.capacity in ACTING)
        if post is None and any(early):
            continue  # told when the limit was reached: looked for again, it would be their own manager
        wanted = [post] if post else managers_for(disagreement, side, step)
        tried = (seat_post(disagreement, entry, side, one, capacity_at(disagreement, step), step) for one in wanted)
        seats.append(next((seat for seat in tried if seat), None))
    return [seat for seat in seats if seat]


def seat_next_managers(disagreement: Disagreement, entry: Entry) -> list[Seat]:
    """The managers of the next step, when it is a step of managers."""
    if (
        disagreement.stage == Stage.LSCB_MEDIATION
        or disagreement.mediation
        or not disagreement.policy.ladder.has_higher_manager_step(disagreement.step)
    ):
        return []
    return seat_managers(disagreement, entry, disagreement.step + 1)


def seat_managers_of_issues(disagreement: Disagreement, entry: Entry) -> list[Seat]:
    """After the end: the managers of both sides, where none has taken part yet, hear what is overdue (23.18)."""
    managing = {seat.side_id for seat in disagreement.standing.seats if seat.capacity in (Capacity.LINE_MANAGER, Capacity.SENIOR)}
    step = disagreement.acting_step
    if not disagreement.policy.ladder.has_higher_manager_step(step):
        return []
    seats = []
    for side in disagreement.standing.party_sides:
        if side.pk not in managing:
            tried = (
                seat_post(disagreement, entry, side, post, capacity_at(disagreement, step + 1), step + 1)
                for post in managers_for(disagreement, side, step + 1)
            )
            seats.append(next((seat for seat in tried if seat), None))
    return [seat for seat in seats if seat]


def seat_chair(disagreement: Disagreement, entry: Entry, *, without: Collection[UUID | None] = ()) -> Seat | None:
    """The Chair, who sees both positions until accepting; a deputy for absence or conflict (23.17), or when the Chair let the limit
    pass."""
    today = timezone.localdate(entry.recorded_at)
    seated = {seat.person_id for seat in disagreement.standing.seats_in(Capacity.CHAIR)} if entry.person_id is None else set()
    for office in (Office.CHAIR, Office.DEPUTY):
        for person in Appointment.objects.people(disagreement.partnership, office, today):
            if person.pk in seated or person.pk in without:
                continue
            if seat := open_seat(disagreement, entry, person, Capacity.CHAIR, positions_only=disagreement.mediation == Mediation.ASKED):
                return seat
    return None


def seat_office(
    disagreement: Disagreement, entry: Entry, *, positions_only: bool = False, without: Collection[UUID | None] = ()
) -> list[Seat]:
    today = timezone.localdate(entry.recorded_at)
    people = [one for one in Appointment.objects.people(disagreement.partnership, Office.OFFICE, today) if one.pk not in without]
    held = {seat.person_id for seat in disagreement.standing.seats_in(Capacity.OFFICE)} if positions_only else set()
    seats = (
        open_seat(disagreement, entry, person, Capacity.OFFICE, positions_only=positions_only) for person in people if person.pk not in held
    )
    return [seat for seat in seats if seat]


def tell_representatives(disagreement: Disagreement, entry: Entry) -> list[Seat]:
    """The party agencies' representatives on the partnership: told, which is not acting."""
    today = timezone.localdate(entry.recorded_at)
    seats = []
    for side in disagreement.standing.party_sides:
        held = Appointment.objects.on(today).filter(
            partnership=disagreement.partnership, office=Office.REPRESENTATIVE, agency=side.team.agency_id
        )
        seats += [open_seat(disagreement, entry, one.person, Capacity.TOLD, side=side) for one in held.select_related("person")]
    return [seat for seat in seats if seat]


def tell_chair(disagreement: Disagreement, entry: Entry) -> list[Seat]:
    """The Chair, told before being asked: both positions only."""
    today = timezone.localdate(entry.recorded_at)
    people = Appointment.objects.people(disagreement.partnership, Office.CHAIR, today)
    seats = (open_seat(disagreement, entry, person, Capacity.TOLD, positions_only=True) for person in people)
    return [seat for seat in seats if seat]


def seat_second_persons(disagreement: Disagreement, entry: Entry) -> None:
    """Who can say whether an emergency was one: the office, and where nobody else is there the Chair; both see the positions and what was
    done, no more. The Chair is told in any case."""
    today = timezone.localdate(entry.recorded_at)
    seat_office(disagreement, entry, positions_only=True, without=[entry.person_id])
    offices = Appointment.objects.people(disagreement.partnership, Office.OFFICE, today)
    if any(person.pk != entry.person_id for person in offices):
        tell_chair(disagreement, entry)
    elif not disagreement.standing.seats_in(Capacity.CHAIR):
        for office in (Office.CHAIR, Office.DEPUTY):
            for person in Appointment.objects.people(disagreement.partnership, office, today):
                if person.pk != entry.person_id and open_seat(disagreement, entry, person, Capacity.CHAIR, positions_only=True):
                    return


def who_could_mediate(disagreement: Disagreement) -> list[User]:
    """Somebody with no stake (23.17): an office-holder of the partnership or a manager of one of its agencies, of none that takes part."""
    today = timezone.localdate(disagreement.standing.now)
    agencies = set(Side.objects.filter(disagreement=disagreement).values_list("team__agency", flat=True))  # also of who passed it on
    held = Appointment.objects.on(today).filter(partnership=disagreement.partnership)
    own_agency = held.filter(agency__in=agencies).values("person")
    in_post = Post.objects.filter(ended_on=None, holder__isnull=False)
    theirs = in_post.filter(team__agency__in=agencies).values("holder")
    elsewhere = in_post.filter(team__agency__in=disagreement.partnership.agencies.exclude(pk__in=agencies), level__gte=1).values("holder")
    offices = held.filter(office__in=(Office.CHAIR, Office.DEPUTY, Office.OFFICE, Office.REPRESENTATIVE)).values("person")
    fit = User.objects.filter(Q(pk__in=offices) | Q(pk__in=elsewhere), is_active=True).exclude(kept_by__in=agencies)
    seated = set(Seat.objects.filter(disagreement=disagreement, side__isnull=False).values_list("person", flat=True))
    seated |= {seat.person_id for seat in disagreement.standing.seats_in(Capacity.CHAIR)}
    stand_ins = StandIn.objects.filter(post__team__agency__in=agencies, starts_on__lte=today, ends_on__gte=today).values("person")
    fit = fit.exclude(pk__in=own_agency).exclude(pk__in=theirs).exclude(pk__in=stand_ins)
    fit = fit.exclude(pk__in=seated | disagreement.standing.excluded)
    return list(fit.order_by("name"))


def instead_of(disagreement: Disagreement, person: User) -> list[Post]:
    """Who could take the place of somebody with a conflict of interest: for a manager whoever else stands on the line at that level or
    above, for anybody else a colleague of the same level in the team, or the manager above."""
    found: list[Post] = []
    for seat in disagreement.standing.actor(person).seats:
        if seat.post is None or seat.side is None or seat.post.holder_id != person.pk:
            continue
        level = seat.post.level
        if level == 0:
            found += list(seat.post.team.posts.filter(level=0, ended_on=None).select_related("holder", "team__agency"))
        found += managers_for(disagreement, seat.side, max(seat.step or 1, disagreement.acting_step)) if level else []
        found += seat.post.up_the_line()
    gone = disagreement.standing.excluded | {person.pk}
    elsewhere = {seat.person_id for seat in disagreement.standing.seats if seat.person_id != person.pk}
    return [post for post in dict.fromkeys(found) if post.is_held and post.holder_id not in gone | elsewhere]


def event_of(entry: Entry, from_stage: str) -> str | None:
    """The policy's word for what this entry did, for its telling rules; None when none speaks of it."""
    if entry.kind == "send":
        return "raised"
    if entry.kind == "reach_limit":
        return "limit_reached"
    if entry.kind == "ask_the_chair":
        return "asked_chair"
    if entry.stage == Stage.RESOLVED and from_stage != Stage.RESOLVED:
        return "resolved"
    if entry.stage in ENDS and from_stage not in ENDS:
        return "closed"
    if entry.kind in ("answer", "record_answer_for"):
        return "answered"
    if entry.kind == "hold_meeting":
        return "meeting"
    if entry.kind in ("take_next_step", "refer_to_line_manager", "pass_up_the_line", "decline_mediation", "reopen"):
        return "step_begun"
    return None


def tell(disagreement: Disagreement, entry: Entry, from_stage: str) -> None:
    """Opens the seats that the policy's telling rules name for this entry; told is not the same as acting."""
    event = event_of(entry, from_stage)
    stage = from_stage if entry.stage in ENDS else entry.stage
    opened = False
    for telling in disagreement.policy.document.tellings:
        if telling.event != event or telling.stage not in (None, stage) or telling.step not in (None, entry.step):
            continue
        if telling.who == "office":
            opened |= bool(seat_office(disagreement, entry))
        elif telling.who == "next_manager":
            opened |= bool(seat_next_managers(disagreement, entry))
        elif telling.who == "chair":
            opened |= entry.kind != "ask_the_chair" and bool(tell_chair(disagreement, entry))
        elif telling.who == "representative":
            opened |= bool(tell_representatives(disagreement, entry))
    if entry.kind == "ask_the_chair":  # whatever the policy tells: who is asked must be able to answer (23.17)
        seated = seat_chair(disagreement, entry)
        opened |= bool(seated or seat_office(disagreement, entry))
    if entry.kind == "note_overdue_issue":
        opened |= bool(seat_managers_of_issues(disagreement, entry))
    if entry.kind in ("reach_limit", "reach_last_chaser") and entry.stage == Stage.LSCB_MEDIATION:
        opened |= bool(seat_chair(disagreement, entry))  # whoever chairs by now, or the deputy: a Chair who left blocks nobody
    waits = entry.kind in ("confirm_outcome", "propose_outcome") and _needs_countersign(disagreement, entry)
    if waits or entry.kind in ("reach_last_chaser", "record_confirmation_for", "note_stall"):  # who may close it, who must countersign
        opened |= bool(seat_office(disagreement, entry))
    if opened:
        disagreement.__dict__.pop("standing", None)


def _needs_countersign(disagreement: Disagreement, entry: Entry) -> bool:
    return Confirmation.objects.filter(disagreement=disagreement, entry=entry, needs_countersign=True).exists()


def other_side(disagreement: Disagreement, side: Side | None) -> Side | None:
    """The party side across the table."""
    kind = SideKind.RESPONDING if side and side.kind == SideKind.RAISING else SideKind.RAISING
    return next(iter(disagreement.standing.sides_of(kind)), None)
