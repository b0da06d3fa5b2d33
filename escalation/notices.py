"""Owed notices: rows written in the transaction of a move, and asked again, before they are sent, whether they are still owed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q

from accounts.models import User
from disputes.models import Disagreement, Draft, Entry
from disputes.seats import Actor, Standing
from disputes.stages import ACTING, ENDS, MANAGING, MEDIATING, OPEN, Capacity, ChildSafe, SideKind, Stage
from escalation import beside, issues, joint_session, limits
from escalation.clocks import times_of
from escalation.models import Clock, Notice

ENTRY_RULES = ("your_move", "news", "told", "urgent", "overdue", "ended")
CLOCK_RULES = ("before", "at", "after", "chaser")
ASKING = ("your_move", "overdue")  # what cannot wait for a digest while a limit runs by the hour
AT_ONCE = ("break_glass", "exclude")  # told at once, whatever somebody chose
DRAFT_RULES = ("draft_reminder",)
SESSION_RULES = ("session_fixed", "session_cancelled")  # each goes alone and at once: a calendar entry is attached
PRIVATE_RULES = ("thread",)  # a message in a private thread of the mediation (escalation.mediation_pages)
RULES = (*ENTRY_RULES, *CLOCK_RULES, *DRAFT_RULES, *SESSION_RULES, *PRIVATE_RULES, *issues.RULES, *beside.LEARNING_RULES)
HEARS_NEWS = (
    Capacity.RAISER,
    Capacity.RESPONDER,
    Capacity.WRITES_FOR,
    Capacity.SUPPORTER,
    Capacity.MEDIATOR,
    Capacity.LINE_MANAGER,
    Capacity.SENIOR,
)


def owe(disagreement: Disagreement, entry: Entry, clocks: list[Clock]) -> None:
    """Writes what this entry makes due: whose move it is now, who hears of it, and the nudges of the running clocks."""
    standing = disagreement.standing
    in_haste = any(limits.is_urgent(disagreement, limits.limit_of(disagreement, clock.about, clock.step)) for clock in clocks)
    for rule, people in _who_hears(standing, entry).items():
        Notice.objects.bulk_create(
            Notice(
                partnership=disagreement.partnership,
                disagreement=disagreement,
                person=person,
                rule=rule,
                entry=entry,
                due_at=entry.recorded_at,
                urgent=rule == "urgent"
                or rule in SESSION_RULES
                or entry.kind in ("break_glass", "exclude")
                or disagreement.at_immediate_risk
                or (in_haste and rule in ASKING),
                written_at=entry.recorded_at,
            )
            for person in people
        )
    _retarget(disagreement, entry, clocks)


def _who_hears(standing: Standing, entry: Entry) -> dict[str, list[User]]:
    """Rule -> people; everybody at most once for an entry, never the person who made it."""
    heard = {entry.person_id}

    def once(people: list[User]) -> list[User]:
        new = [person for person in people if person.pk not in heard]
        heard.update(person.pk for person in new)
        return new

    everybody = [seat for seat in standing.seats if not (seat.positions_only and seat.capacity != Capacity.CHAIR)]
    newly_seated = [seat for seat in standing.seats if seat.opened_by == entry.pk]
    hear_news = [seat for seat in standing.seats if seat.capacity in HEARS_NEWS]
    owed: dict[str, list[User]] = {}
    if entry.kind == "say_child_at_immediate_risk" or entry.child_safe == ChildSafe.NO:  # after the end too: the child first (23.5)
        owed["urgent"] = once(standing.people_in(hear_news))
    if entry.kind in ("break_glass", "refuse_break_glass"):  # both agencies, the office and the Chair, at once, after the end too
        partnerships_own = [seat for seat in standing.seats if seat.side_id is None and seat.capacity != Capacity.BREAK_GLASS]
        hear = standing.people_in([*hear_news, *partnerships_own])
        return {**owed, "told": [person for person in hear if person.pk != entry.person_id]}
    if entry.kind in ("exclude", "lift_exclusion"):  # the office each time: it may lift it, or is asked
        return {**owed, "told": once(standing.people_in([*standing.seats_in(Capacity.OFFICE), *newly_seated]))}
    owed |= _of_sessions(standing, entry)
    heard.update(person.pk for person in owed.get("session_fixed", ()))
    if entry.kind == "finish_issue":
        owed["news"] = once(issues.who_hears_that_it_is_done(standing, entry.side_id))
    if entry.stage in ENDS:
        if entry.from_stage not in ENDS:
            owed["ended"] = once(standing.people_in(everybody))
        return owed
    if entry.kind == "reach_limit":
        above = [
            seat for seat in standing.seats if seat.step == entry.step + 1 or (seat.capacity == Capacity.CHAIR and seat in newly_seated)
        ]
        told = {"overdue": once(standing.people_in(above)), "told": once(standing.people_in(newly_seated))}
        turn = {person.pk for person in standing.people_in(standing.turn.seats)}
        raising = standing.people_in(standing.acting_seats(standing.sides_of(SideKind.RAISING)))
        return {**told, "news": once([person for person in raising if person.pk not in turn])}  # the way up is open to them now
    if entry.kind in ("reach_last_chaser", "note_stall"):
        return {"told": once(standing.people_in(standing.seats_in(Capacity.OFFICE, Capacity.CHAIR)))}
    if entry.kind == "redate":
        return {"news": once(standing.people_in([*standing.turn.seats, *hear_news]))}
    if entry.kind == "reach_inner_limit":  # who waits for it hears that it is late; whose move it is has the clock's own reminders
        turn = {person.pk for person in standing.people_in(standing.turn.seats)}
        waiting = standing.people_in(standing.acting_seats(standing.party_sides))
        return {"told": once([person for person in waiting if person.pk not in turn])}
    if not Disagreement.is_note(entry.kind):  # also those who heard that it is urgent: that mail does not say what is asked, and by when
        holders = [person for person in standing.people_in(standing.turn.seats) if person.pk != entry.person_id]
        owed["your_move"] = holders
        heard.update(person.pk for person in holders)
    owed["told"] = once(standing.people_in(newly_seated))
    if not Disagreement.is_note(entry.kind) or entry.kind == "name_mediator":  # who mediates is news to both sides
        owed["news"] = once(standing.people_in(hear_news))
    return owed


def _of_sessions(standing: Standing, entry: Entry) -> dict[str, list[User]]:
    """Who gets the joint session for their calendar, or has it taken out again; whoever did it, too."""
    if entry.from_stage != Stage.LSCB_MEDIATION:
        return {}
    if fixed := joint_session.fixed_by(entry):
        return {"session_fixed": joint_session.expected(standing, fixed)}
    if ended := joint_session.called_off_by(entry):
        return {"session_cancelled": joint_session.expected(standing, ended)}
    return {}


Key = tuple[UUID | None, str, UUID]  # clock, rule, person
GRADES = ("before", "at", "after", "chaser")


def reminded(standing: Standing, clock: Clock, rule: str) -> list[User]:
    """Who is reminded of this limit by this rule: whoever's move it is; from the grade on that the policy names also their manager, and
    then the office. Only people who sit there already: a reminder opens no seat."""
    d, grade = standing.disagreement, GRADES.index(rule.split("_")[0])
    nudges = d.policy.document.nudges
    seats = list(standing.acting_seats(standing.party_sides) if clock.about == "meeting" else standing.turn.seats)
    if grade >= _grade_of(nudges.manager_from):
        sides = {seat.side_id for seat in seats if seat.side_id}
        seats += [s for s in standing.seats if s.side_id in sides and s.capacity in MANAGING and (s.step or 0) > d.acting_step]
    if grade >= _grade_of(nudges.office_from):
        seats += standing.seats_in(Capacity.OFFICE)
    return standing.people_in(seats)


def _expected(standing: Standing) -> list[User]:
    """Who is invited to act for a side that is not on the system yet: the reminders are owed to them too, and go if they have joined."""
    sides = {side.pk for side in standing.turn.for_sides}
    seats = [seat for seat in standing.seats if seat.side_id in sides and seat.capacity in ACTING]
    return [seat.person for seat in seats if not seat.person.is_active and seat.person.left_on is None]


def _grade_of(name: str) -> int:
    """ "never" comes after every grade."""
    return GRADES.index(name) if name in GRADES else len(GRADES)


def _retarget(disagreement: Disagreement, entry: Entry, clocks: list[Clock]) -> None:
    """The nudges of the running clocks go to whoever they are for now; all others of this disagreement are no longer owed."""
    now, standing = entry.recorded_at, disagreement.standing
    wanted: dict[Key, Notice] = {}
    for clock in clocks:
        limit = limits.limit_of(disagreement, clock.about, clock.step)
        for rule, when in times_of_clock(disagreement, clock):
            if when <= now or (clock.reached_at and rule.startswith("before")):
                continue
            for person in [*reminded(standing, clock, rule), *_expected(standing)]:
                wanted[(clock.pk, rule, person.pk)] = Notice(
                    partnership=disagreement.partnership,
                    disagreement=disagreement,
                    person=person,
                    rule=rule,
                    clock=clock,
                    due_at=when,
                    urgent=limits.is_urgent(disagreement, limit),
                    written_at=now,
                )
    known = {(n.clock_id, n.rule, n.person_id): n for n in disagreement.notices.filter(clock__isnull=False)}
    open_still = {clock.pk for clock in clocks if clock.reached_at is None}
    for key in [key for key in wanted if key[0] in open_still]:
        if (again := _named_anew(key, wanted[key], known)) != key:
            wanted[again] = wanted.pop(key)
            wanted[again].rule = again[1]
    dropped, changed = [], []
    for key, notice in known.items():
        new = wanted.pop(key, None)
        if notice.sent_at or notice.failed_at:
            continue
        if new is None and notice.dropped_at is None and not (notice.due_at <= now and notice.clock_id in {c.pk for c in clocks}):
            notice.dropped_at, notice.dropped_because = now, "moved on"
            dropped.append(notice)
        elif new is not None and (notice.dropped_at or notice.due_at != new.due_at or notice.urgent != new.urgent):
            notice.dropped_at, notice.dropped_because, notice.due_at, notice.urgent = None, "", new.due_at, new.urgent
            notice.digest = None  # owed anew: the mail it was to go with may have gone without it
            changed.append(notice)
    Notice.objects.bulk_update(dropped, ["dropped_at", "dropped_because"])
    Notice.objects.bulk_update(changed, ["dropped_at", "dropped_because", "due_at", "urgent", "digest"])
    Notice.objects.bulk_create(wanted[key] for key in sorted(wanted, key=str))


def _named_anew(key: Key, new: Notice, known: dict[Key, Notice]) -> Key:
    """A reminder that went out for one date does not remind of another: for that it goes once more, as "before_1_2"."""
    clock, rule, person = key
    again = 1
    while (sent := known.get(key)) and sent.sent_at and sent.due_at != new.due_at:
        again += 1
        key = (clock, f"{rule}_{again}", person)
    return key


def times_of_clock(d: Disagreement, clock: Clock) -> list[tuple[str, dt.datetime]]:
    """The rules of this clock; where somebody was chased anew, the last chaser is one more with a name of its own."""
    times = times_of(d, clock.about, clock.step, clock.due_at)
    last = f"chaser_{clock.chasers}" if clock.chasers else "chaser"
    minutes = d.policy.document.nudges.urgent.chaser_minutes
    urgent = limits.is_urgent(d, limits.limit_of(d, clock.about, clock.step))
    kept = [(f"after_{minutes}", when) if rule == "chaser" else (rule, when) for rule, when in times if rule != "chaser" or urgent]
    return [*kept, (last, clock.chaser_at)] if clock.chaser_at else kept


def owe_stand_ins(notice: Notice, now: dt.datetime) -> None:
    """A nudge was written when its clock started. Whoever stands in for its holders by now is owed the same one."""
    clock, disagreement = notice.clock, notice.disagreement
    if clock is None or disagreement is None or clock.stopped_at or disagreement.stage not in OPEN:
        return
    standing = Standing.of(disagreement, now)
    known = set(clock.notices.filter(rule=notice.rule).values_list("person_id", flat=True))
    Notice.objects.bulk_create(
        (
            Notice(
                partnership_id=notice.partnership_id,
                disagreement=disagreement,
                person=person,
                rule=notice.rule,
                clock=clock,
                due_at=notice.due_at,
                urgent=notice.urgent,
                written_at=now,
            )
            for person in reminded(standing, clock, notice.rule)
            if person.pk not in known
        ),
        ignore_conflicts=True,
    )


def is_still_owed(notice: Notice, now: dt.datetime) -> str:
    """Empty when the notice is still owed, else a short code why not: asked again just before sending."""
    if not notice.person.is_active:
        return "person left" if notice.person.has_usable_password() or notice.person.left_on else "not joined yet"
    if notice.disagreement is None:
        if notice.rule in DRAFT_RULES:
            return "" if Draft.objects.filter(pk__in=[notice.about]).exists() else "draft was sent"
        return next(filter(None, (why_not(notice) for why_not in beside.STILL_OWED)), "")
    disagreement = notice.disagreement
    standing = Standing.of(disagreement, now)
    if not standing.actor(notice.person).seats:
        return "no longer seated"
    if notice.clock_id:
        if disagreement.stage not in OPEN or notice.clock is None or notice.clock.stopped_at:
            return "moved on"
        if notice.person not in reminded(standing, notice.clock, notice.rule):
            return "not theirs now"
        if _is_overtaken(notice, now):
            return "overtaken"
    if notice.rule == "session_fixed" and (notice.entry_id is None or not joint_session.is_fixed_by(standing, notice.entry_id)):
        return "moved on"
    if notice.rule in PRIVATE_RULES and not reads_a_thread(standing.actor(notice.person)):
        return "no longer seated"
    if issues.is_about_an_issue(notice.rule):
        return issues.why_not(notice, standing)
    if notice.rule == "your_move" and notice.person not in standing.people_in(standing.turn.seats):
        return "moved on"
    return ""


def owe_word_of(d: Disagreement, people: Iterable[User], note: UUID, now: dt.datetime) -> None:
    """A message in a private thread: who can read it is sent word of it, without a word of it. One mail, until that one has gone."""
    readers = {person.pk: person for person in people}
    waiting = Notice.objects.unsent().filter(Q(leased_until=None) | Q(leased_until__lt=now), disagreement=d, rule="thread")
    known = set(waiting.filter(person__in=readers).values_list("person_id", flat=True))
    Notice.objects.bulk_create(
        Notice(partnership_id=d.partnership_id, disagreement=d, person=person, rule="thread", about=note, due_at=now, written_at=now)
        for pk, person in readers.items()
        if pk not in known
    )


def reads_a_thread(actor: Actor) -> bool:
    """Whether a private thread of the mediation is open to this person: whoever mediates, and a side's own people."""
    return any((seat.capacity in MEDIATING and not seat.positions_only) or seat.side_id for seat in actor.seats if seat.capacity != "told")


def _is_overtaken(notice: Notice, now: dt.datetime) -> bool:
    """A later reminder of the same limit is due to the same person as well, as after an outage: that one says it all."""
    later = Notice.objects.filter(clock=notice.clock, person=notice.person, due_at__gt=notice.due_at, due_at__lte=now)
    return later.filter(dropped_at=None, failed_at=None).exists()
