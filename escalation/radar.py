"""The stall radar: open disagreements that stand still, for the desks of office and managers, and checked each night as an invariant."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from django.db import connection
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Mail, User
from disputes.models import Disagreement, Entry, Seat
from disputes.seats import Standing
from disputes.stages import ACTING, ENDS, OPEN, Awaiting, Capacity
from escalation import moves, notices
from escalation.models import Clock, Notice
from procedure.models import share_calendars

log = logging.getLogger("accord.radar")

BATCH = 500  # disagreements read at a time: memory stays flat however many are open
REPLAYED = "replayed"  # a story told afterwards (demonstration): nobody is mailed about what is long past
QUIET_FOR = 10  # working days without a clock and without an act
TOLD_WITHIN = {Mail.AT_ONCE: 1, Mail.DAILY: 2, Mail.WEEKLY: 6}  # working days in which whoever's move it is must have been sent word
GOES_NOWHERE = {  # moves, but none that takes it on: giving up, changing who sits there, saying how much time there is
    *("withdraw", "redirect", "change_opposite_number", "say_child_at_immediate_risk"),
    *("name_disputed_act", "agree_standstill", "pause_clock", "resume_clock"),
}


class NotTheClock(Exception):
    """A check of every disagreement in a role that would be shown none: it must fail, not find nothing."""


@dataclass(frozen=True)
class Stall:
    """One thing that holds a disagreement up: a short code, and a sentence that says what is wrong and what to do."""

    kind: str
    words: str


def words_of(kind: str) -> str:
    """What is wrong, and what to do. Raises KeyError for a kind that there is not."""
    return {
        "no_holder": _("Nobody on the system can make the next move. Find out who holds the post now, or name a stand-in."),
        "absent": _("Whoever’s move it is has left the post, and nobody stands in. Name the new holder or a stand-in."),
        "no_next_step": _("It stands still and no time limit runs. Ask both sides what they need to go on."),
        "unread": _("Whoever’s move it is has been sent no word of it. Ring them."),
        "failed_mail": _("An email about this move did not arrive. Check the address, and ring them."),
        "paused": _("Its time limit has been paused for a while. Ask both sides whether it can go on now."),
    }[kind]


KINDS = ("no_holder", "absent", "no_next_step", "unread", "failed_mail", "paused")


def found_for(disagreements: list[Disagreement], now: dt.datetime) -> dict[UUID, list[Stall]]:
    """What holds each of these up, by id; those that go on are left out. Their standing has been read (Standing.of_many).

    Asks as many questions for a hundred as for one. Reads only what the web may read of each: who has opened a page is not among it.
    """
    still_open = [d for d in disagreements if d.stage in OPEN]
    share_calendars(d.policy for d in still_open)
    present = _present_turns(still_open)
    found = {d.pk: _kinds(d, present[d.pk], now) for d in still_open}
    return {pk: [Stall(kind, words_of(kind)) for kind in kinds] for pk, kinds in found.items() if kinds}


def note_stalls(now: dt.datetime) -> int:
    """Records what stands still, each standstill once, and has the office told; returns how many. Runs in the clock's role."""
    _must_be_the_clock()
    noted, faults = 0, []
    for batch in _in_batches(Disagreement.objects.open()):
        Standing.of_many(batch, now)
        for pk, stalls in found_for(batch, now).items():
            try:
                noted += moves.note_stall(pk, [stall.kind for stall in stalls], now=now) is not None
            except Exception as fault:  # a bug at one disagreement must not hide the standstill of all others
                log.error("stall of %s not noted: %s", pk, type(fault).__name__)
                faults.append(fault)
    if faults:
        raise faults[0]
    return noted


def broken_invariants(now: dt.datetime) -> dict[str, int]:
    """What must hold of every disagreement and does not: name of the rule -> how often. Empty when all is well.

    Logs ids, never words. Runs in the clock's role.
    """
    _must_be_the_clock()
    counts: dict[str, int] = {}

    def broken(rule: str, pk: UUID) -> None:
        counts[rule] = counts.get(rule, 0) + 1
        log.error("%s: %s", rule, pk)

    for pk in Clock.objects.filter(stopped_at=None, disagreement__stage__in=ENDS).values_list("pk", flat=True).iterator(BATCH):
        broken("a clock runs after the end", pk)
    dated = Clock.objects.filter(disagreement=OuterRef("pk"), stopped_at=None, due_at__gt=F("started_at"))  # "at once" sorts nothing
    earliest = dated.order_by("due_at").values("due_at")[:1]
    differing = Disagreement.objects.annotate(earliest=Subquery(earliest)).exclude(Q(due_at=F("earliest")) | Q(due_at=None, earliest=None))
    for pk in differing.values_list("pk", flat=True).iterator(BATCH):
        broken("the date is not that of the earliest clock", pk)
    for batch in _in_batches(Disagreement.objects.open()):
        Standing.of_many(batch, now)
        share_calendars(d.policy for d in batch)
        running = _running_clocks(batch)
        recorders = _recorders(batch)
        for d in batch:
            if not running.get(d.pk) and not _can_go_on(d, recorders):
                broken("nobody can act and no clock runs", d.pk)
        for clock in _unreminded([clock for clocks in running.values() for clock in clocks], now):
            broken("a reminder is not owed", clock.pk)
    return counts


# ── the present turn ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Present:
    """What happened since it became this turn, and what was sent about it."""

    mover: UUID | None = None  # who made the last move
    since: dt.datetime | None = None
    acted: set[UUID] = field(default_factory=set)  # who has added to the record since
    told: set[UUID] = field(default_factory=set)  # to whom word of it went out
    failed: set[UUID] = field(default_factory=set)  # whose mail about it failed or came back
    runs: bool = False  # whether a clock runs
    last_act: dt.datetime | None = None  # a person's, whatever it was
    recorders: dict[UUID, UUID | None] = field(default_factory=dict)
    paused_at: dt.datetime | None = None


def _present_turns(disagreements: list[Disagreement]) -> dict[UUID, Present]:
    present = {d.pk: Present(recorders={}) for d in disagreements}
    here = Q(disagreement__in=list(present))
    rows = Entry.objects.filter(here, person__isnull=False, move_version=F("disagreement__move_version"))
    for pk, kind, person, at in rows.order_by("number").values_list("disagreement_id", "kind", "person_id", "recorded_at"):
        if Disagreement.is_note(kind):
            present[pk].acted.add(person)
        else:
            present[pk].mover, present[pk].since = person, at
        present[pk].last_act = at
    mails = Notice.objects.filter(here).filter(
        Q(rule="your_move", entry__move_version=F("disagreement__move_version")) | Q(clock__isnull=False, clock__stopped_at=None)
    )
    mails = mails.filter(Q(sent_at__isnull=False) | Q(failed_at__isnull=False) | Q(dropped_because=REPLAYED))
    rows_of_mail = mails.values_list("disagreement_id", "person_id", "rule", "due_at", "failed_at", "bounced_at")
    for pk, person, rule, due_at, failed_at, bounced_at in rows_of_mail:
        turn = present[pk]
        if rule != "your_move" and turn.since and due_at < turn.since:
            continue  # a reminder of an earlier turn
        if failed_at or bounced_at:
            turn.failed.add(person)
        else:
            turn.told.add(person)
    for pk in Clock.objects.filter(here, stopped_at=None).values_list("disagreement_id", flat=True):
        present[pk].runs = True
    paused = [d.pk for d in disagreements if d.paused_until]
    pauses = Entry.objects.filter(disagreement__in=paused, kind="pause_clock").order_by("number") if paused else Entry.objects.none()
    for pk, at in pauses.values_list("disagreement_id", "recorded_at"):
        present[pk].paused_at = at
    recorders = _recorders(disagreements)
    for turn in present.values():
        turn.recorders = recorders
    return present


def _recorders(disagreements: Iterable[Disagreement]) -> dict[UUID, UUID | None]:
    """Entry -> who recorded it, of the confirmations that wait for a second person."""
    waiting = []
    for d in disagreements:
        if d.standing.awaiting_countersign and d.standing.agreement:
            waiting += [c.entry_id for c in d.standing.agreement.confirmations.all() if not c.counts]
    return dict(Entry.objects.filter(pk__in=waiting).values_list("pk", "person_id"))


# ── what is wrong ───────────────────────────────────────────────────────────────────────────────────────────────────


def _kinds(d: Disagreement, present: Present, now: dt.datetime) -> list[str]:
    holders = d.standing.people_in(d.standing.turn.seats)
    checks = {
        "no_holder": not holders and not _office_records(d.standing) and d.awaiting != Awaiting.NOTHING,
        "absent": _holders_have_left(d.standing),
        "no_next_step": not present.runs and (not _can_go_on(d, present.recorders) or _has_been_quiet(d, present, now)),
        "unread": _is_unread(d, holders, present, now),
        "paused": _is_watched(d, present, now),
        "failed_mail": any(d.standing.actor(person).seats for person in _people(d.standing) if person.pk in present.failed),
    }
    return [kind for kind in KINDS if checks[kind]]


def _people(standing: Standing) -> list[User]:
    return standing.people_in(standing.seats)


def _office_records(standing: Standing) -> bool:
    """Whether somebody of the office can record what a side says that is not on the system."""
    return bool(standing.turn.for_sides and standing.people_in(standing.seats_in(Capacity.OFFICE)))


def _holders_have_left(standing: Standing) -> bool:
    """Whether everybody at the very step whose move it is has left the post, with nobody in their place. Where those of a step below
    go on acting for them (23.14), that is worth knowing too."""
    asked = standing.turn.sides or ()
    groups = [_nearest(standing, side.pk) for side in asked]
    if not asked and standing.turn.seats:
        groups = [list(standing.turn.seats)]
    return any(seats and not any(_is_there(standing, seat) for seat in seats) for seats in groups)


def _nearest(standing: Standing, side: UUID) -> list[Seat]:
    """The seats meant to act for this side at the present step, whether anybody fills them or not."""
    reached = [
        s for s in standing.seats if s.side_id == side and s.capacity in ACTING and (s.step or 0) <= standing.disagreement.acting_step
    ]
    nearest = max((s.step or 0 for s in reached), default=0)
    return [s for s in reached if (s.step or 0) == nearest]


def _is_there(standing: Standing, seat: Seat) -> bool:
    people = standing.people_in([seat])
    if seat.post is None:
        return bool(people)
    holds = seat.post.is_held and seat.post.holder_id == seat.person_id
    return any(person.pk != seat.person_id or holds for person in people)


def _can_go_on(d: Disagreement, recorders: dict[UUID, UUID | None]) -> bool:
    """Whether anybody who takes part has a move that takes it on."""
    standing = d.standing
    if standing.awaiting_countersign and standing.agreement:
        office = {person.pk for person in standing.people_in(standing.seats_in(Capacity.OFFICE))}
        waiting = {c.entry_id for c in standing.agreement.confirmations.all() if not c.counts}
        if office - {recorders.get(pk) for pk in waiting}:
            return True
    others = [seat for seat in standing.seats if seat.capacity not in (Capacity.OFFICE, Capacity.TOLD)]
    actors = [standing.actor(person) for person in standing.people_in(others)]
    for move in d.get_available_stage_transitions():  # type: ignore[attr-defined]
        if move.custom["note"] or move.name in GOES_NOWHERE:
            continue
        if any(move.has_perm(d, actor) for actor in actors):
            return True
    return False


def _is_watched(d: Disagreement, present: Present, now: dt.datetime) -> bool:
    """A pause that has lasted as long as the policy lets pass without a look at it."""
    pauses = d.policy.document.pauses
    if pauses is None or present.paused_at is None or d.paused_until is None or d.paused_until <= now:
        return False
    return _working_days_later(d, present.paused_at, pauses.watch_working_days) <= timezone.localdate(now)


def _has_been_quiet(d: Disagreement, present: Present, now: dt.datetime) -> bool:
    last = present.last_act or d.raised_at
    return last is not None and _working_days_later(d, last, QUIET_FOR) < timezone.localdate(now)


def _is_unread(d: Disagreement, holders: list[User], present: Present, now: dt.datetime) -> bool:
    """Nothing shows that anybody whose move it is knows of it. Who made the last move knows; who chose fewer mails has them later."""
    if present.since is None or not holders:
        return False
    if any(person.pk in present.told | present.acted or person.pk == present.mover for person in holders):
        return False
    days = min(TOLD_WITHIN[Mail(person.mail)] for person in holders)
    return _working_days_later(d, present.since, 1 if d.at_immediate_risk else days) < timezone.localdate(now)


def _working_days_later(d: Disagreement, moment: dt.datetime, days: int) -> dt.date:
    return d.policy.calendar.add_working_days(timezone.localdate(moment), days)


# ── the nightly walk ────────────────────────────────────────────────────────────────────────────────────────────────


def _must_be_the_clock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (role,) = cursor.fetchone()
    if role != "accord_clock":
        raise NotTheClock(f"The nightly check runs as accord_clock, not as {role}.")


def _in_batches(disagreements: QuerySet[Disagreement]) -> Iterator[list[Disagreement]]:
    """All of them in the order of their keys, so many at a time; a batch is let go before the next is read."""
    ordered = disagreements.select_related("policy", "partnership", "raised_by").order_by("pk")
    last: UUID | None = None
    while batch := list(ordered.filter(pk__gt=last)[:BATCH] if last else ordered[:BATCH]):
        last = batch[-1].pk
        yield batch
        for d in batch:
            d.__dict__.pop("standing", None)


def _running_clocks(batch: list[Disagreement]) -> dict[UUID, list[Clock]]:
    by_key = {d.pk: d for d in batch}
    running: dict[UUID, list[Clock]] = {}
    for clock in Clock.objects.filter(disagreement__in=list(by_key), stopped_at=None):
        clock.disagreement = by_key[clock.disagreement_id]
        running.setdefault(clock.disagreement_id, []).append(clock)
    return running


def _unreminded(running: list[Clock], now: dt.datetime) -> Iterator[Clock]:
    """Clocks of which somebody who is to be reminded is owed no reminder. Who fills in for another is owed it when it is sent
    (notices.owe_stand_ins); what lies in the past was sent or dropped then."""
    waiting = [clock for clock in running if clock.reached_at is None]
    owed = set(Notice.objects.filter(clock__in=waiting, dropped_at=None).values_list("clock_id", "rule", "person_id"))
    for clock in waiting:
        standing = clock.disagreement.standing
        seated = {seat.person_id for seat in standing.seats}
        for rule, when in notices.times_of_clock(clock.disagreement, clock):
            people = {person.pk for person in notices.reminded(standing, clock, rule)} & seated if when > now else set()
            if any((clock.pk, rule, person) not in owed for person in people):
                yield clock
                break
