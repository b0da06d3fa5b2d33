"""The mediation on the page of a disagreement (23.17): who mediates, both positions with what each would accept, the joint session, the
ways to the private threads, and to whom these are open."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from disputes.models import Disagreement, Entry, Side, SideNote
from disputes.seats import Actor
from disputes.sessions import Session
from disputes.stages import MEDIATING, Capacity, Mediation, Stage
from escalation import joint_session, positions
from pages import times

# ── the private threads: whose, and when ────────────────────────────────────────────────────────────────────────────


def mediates(actor: Actor) -> bool:
    """The Chair who has accepted, or the mediator."""
    return any(seat.capacity in MEDIATING and not seat.positions_only for seat in actor.seats)


def side_of(actor: Actor) -> Side | None:
    """The party side to which this person belongs; being told is not belonging."""
    seat = actor.party_seat()
    return seat.side if seat else None


def open_to(d: Disagreement, actor: Actor) -> list[Side]:
    """The sides whose thread this person reads: whoever mediates each, a side's people their own. None before the Chair has accepted."""
    if mediates(actor):
        sides = d.standing.party_sides
    else:
        own = side_of(actor)
        sides = [own] if own else []
    if not sides or is_writable(d) or d.mediation in (Mediation.ACCEPTED, Mediation.HELD):
        return sides
    if not d.standing.seats_in(Capacity.CHAIR):
        return []  # nobody was ever asked
    written = set(SideNote.objects.filter(side__in=sides, with_chair=True).values_list("side", flat=True))
    return [side for side in sides if side.pk in written]  # of a mediation before it was reopened


def is_writable(d: Disagreement) -> bool:
    return d.is_open and d.mediation in (Mediation.ACCEPTED, Mediation.HELD)


def address(d: Disagreement, side: Side, actor: Actor) -> str:
    """Where this person reads the thread with this side."""
    if mediates(actor):
        return reverse("with-a-side", args=[d.reference, side.kind])
    return reverse("with-the-chair", args=[d.reference])


# ── the part of the page ────────────────────────────────────────────────────────────────────────────────────────────


OFF = ("cancelled", "recorded")  # what is to be taken out of calendars


@dataclass(frozen=True)
class SessionSaid:
    """The joint session in words. `state`: asked, fixed, held (its time has come), cancelled, recorded (the mediation, before its
    day), nobody (no date suits both). `after`: what of the present time limit a session beyond it must say."""

    state: str
    when: str
    length: str
    dates: list[tuple[str, str]]  # each, and what the sides say to it
    place: str
    agenda: str
    note: str
    expected: list[str]
    after: str
    in_calendar: str  # the address of the calendar file; empty where no date is fixed


@dataclass(frozen=True)
class Part:
    """The mediation as this reader finds it on the page."""

    is_considered: bool  # the Chair has not decided yet
    both: list[positions.Position]
    question: positions.Question | None
    mediating: list[str]
    session: SessionSaid | None
    threads: list[tuple[str, str]] = field(default_factory=list)  # (label, address)


def part(d: Disagreement, actor: Actor, stated: list[Entry]) -> Part | None:
    """None where the Chair has not been asked, and no thread of an earlier mediation is open to this reader."""
    open_threads = open_to(d, actor)
    if d.stage != Stage.LSCB_MEDIATION and not open_threads:
        return None
    in_mediation = d.stage == Stage.LSCB_MEDIATION
    return Part(
        is_considered=in_mediation and d.mediation == Mediation.ASKED,
        both=positions.both(d, stated) if in_mediation else [],
        question=positions.question_of_the_chair(d) if d.mediation == Mediation.ASKED else None,
        mediating=who_mediates(d) if in_mediation and d.mediation != Mediation.ASKED else [],
        session=say_session(d),
        threads=[(_say_thread(side, actor), address(d, side, actor)) for side in open_threads],
    )


def _say_thread(side: Side, actor: Actor) -> str:
    return _("With %(side)s") % {"side": side} if mediates(actor) else _("Between our side and whoever mediates")


def who_mediates(d: Disagreement) -> list[str]:
    """The mediator, where one was named, then the Chair."""
    seats = sorted(d.standing.seats_in(Capacity.MEDIATOR, Capacity.CHAIR), key=lambda seat: seat.capacity != Capacity.MEDIATOR)
    people = {person.pk: person for seat in seats for person in d.standing.people_in([seat])}
    places = joint_session.places_of(d.partnership, list(people.values()), timezone.localdate(d.standing.now))
    said = []
    for person in people.values():
        capacities = {seat.capacity for seat in d.standing.actor(person).seats}
        what = _("mediator, named by the Chair") if Capacity.MEDIATOR in capacities else _("Chair")
        place = places.get(person.pk, "")
        said.append(f"{person.name}, {what} ({place})" if Capacity.MEDIATOR in capacities and place else f"{person.name}, {what}")
    return said


def say_session(d: Disagreement) -> SessionSaid | None:
    """The session last proposed, in words; None where there is none, or this reader sees the positions only."""
    session = d.standing.session
    if session is None:
        return None
    proposed = d.entries.filter(pk=session.entry).prefetch_related("texts").first()
    if proposed is None:
        return None
    words = {text.field: text.value for text in proposed.texts.all()}
    state = _state(session, d.standing.now)
    fixed = session.fixed_at if session.fixed_at and state in ("fixed", "held", *OFF) else None
    return SessionSaid(
        state=state,
        when=say_when(session) if fixed else "",
        length=times.length(session.minutes),
        dates=[_say_date(date, d, session) for date in sorted(session.dates)],
        place=words.get("place", ""),
        agenda=words.get("agenda", ""),
        note=words.get("note", ""),
        expected=joint_session.say_expected(d, session) if state in ("fixed", "held") else [],
        after=joint_session.say_after_limit(d),
        in_calendar=reverse("session-ics", args=[d.reference]) if state in ("fixed", *OFF) and fixed else "",
    )


def _state(session: Session, now: dt.datetime) -> str:
    if session.is_cancelled:
        return "recorded" if session.was_recorded else "cancelled"
    if session.fixed_at:
        return "fixed" if session.fixed_at > now else "held"
    return "nobody" if session.suits_nobody else "asked"


def _say_date(date: dt.datetime, d: Disagreement, session: Session) -> tuple[str, str]:
    """A proposed date, and what each side says to it."""
    said = []
    for side in d.standing.party_sides:
        answer = session.answers.get(side.pk)
        what = _("not said yet") if answer is None else _("suits") if date in answer else _("does not suit")
        said.append(f"{side}: {what}")
    return times.weekday_moment(date), "\n".join(said)


def say_when(session: Session) -> str:
    """ "Tuesday 10 March 2026, 5pm to 6.30pm"."""
    if session.fixed_at is None or session.ends_at is None:
        return ""
    day = f"{times.weekday_day(session.fixed_at)} {times.here(session.fixed_at).year}"
    return _("%(day)s, %(from)s to %(to)s") % {"day": day, "from": times.time(session.fixed_at), "to": times.time(session.ends_at)}
