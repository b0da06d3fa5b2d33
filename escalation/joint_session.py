"""The joint session of a mediation as people read it: who is expected, what an entry did to it, and its words (23.17)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import Appointment, Partnership, Post, User
from disputes.models import Disagreement, Entry
from disputes.seats import Standing
from disputes.sessions import OF_SESSIONS, Session, latest_session
from disputes.stages import ENDS, MEDIATING, PARTIES, Capacity, Mediation
from pages import times

CALLS_OFF = ("cancel_session", "propose_session", "record_mediation")


def fixed_by(entry: Entry) -> Session | None:
    """The session that this entry fixed: the last side's answer. None where it fixed none."""
    if entry.kind != "answer_session":
        return None
    session = _folded(entry, with_it=True)
    return session if session and session.fixed_by == entry.pk and session.fixed_at else None


def called_off_by(entry: Entry) -> Session | None:
    """The session that this entry ended before it came: called off, other dates proposed, the mediation recorded or the disagreement
    ended without it. None where none lay ahead."""
    if entry.kind not in CALLS_OFF and entry.stage not in ENDS:
        return None
    session = _folded(entry, with_it=False)
    if session is None or session.is_cancelled or session.fixed_at is None or entry.recorded_at is None:
        return None
    return replace(session, is_cancelled=True, changes=session.changes + 1) if session.fixed_at > entry.recorded_at else None


def to_come(standing: Standing) -> Session | None:
    """The session that is fixed and not called off, whether its time has come or not; none once the mediation is recorded."""
    session = standing.session if standing.disagreement.mediation == Mediation.ACCEPTED else None
    return session if session and session.fixed_at and not session.is_cancelled else None


def say_after_limit(d: Disagreement) -> str:
    """Beside a time limit that comes before the session: both are shown, and neither moves the other. Empty where it does not."""
    session = to_come(d.standing) if d.is_open else None
    if session is None or session.fixed_at is None or d.due_at is None or session.fixed_at <= max(d.due_at, d.standing.now):
        return ""
    said = _("The joint session is on %(session)s, after the time limit of %(limit)s. The time limit stays as it is.")
    return said % {"session": times.weekday_moment(session.fixed_at), "limit": times.weekday_moment(d.due_at)}


def is_fixed_by(standing: Standing, entry: UUID) -> bool:
    """Whether the session to come is the one that this entry fixed."""
    session = to_come(standing)
    return session is not None and session.fixed_by == entry


def _folded(entry: Entry, *, with_it: bool) -> Session | None:
    """The session as the record had it at this entry."""
    so_far = {"number__lte" if with_it else "number__lt": entry.number}
    said = Entry.objects.filter(disagreement=entry.disagreement_id, kind__in=("ask_the_chair", *OF_SESSIONS), **so_far).order_by("number")
    rows: list[tuple] = []
    for row in said.values_list("id", "kind", "side", "facts", "recorded_at"):
        rows = [] if row[1] == "ask_the_chair" else [*rows, row]
    parties = entry.disagreement.sides.filter(ended_at=None, kind__in=PARTIES)
    return latest_session(rows, set(parties.values_list("pk", flat=True)))


# ── who ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def expected(standing: Standing, session: Session) -> list[User]:
    """Who comes and still takes part: those named, a mediator named since, and for a side that named nobody whoever acts for it."""
    here = {person.pk: person for person in standing.people_in(standing.seats)}
    coming = [here[pk] for pk in session.people if pk in here]
    mediating = standing.people_in(standing.seats_in(Capacity.MEDIATOR))
    if not mediating and not any(_sits_as(standing, person, MEDIATING) for person in coming):
        mediating = standing.people_in(standing.seats_in(Capacity.CHAIR))
    coming += mediating
    for side in standing.party_sides:
        if not any(seat.side_id == side.pk for person in coming for seat in standing.actor(person).seats):
            coming += standing.people_in(standing.acting_seats([side]))
    return list(dict.fromkeys(coming))


def _sits_as(standing: Standing, person: User, capacities: Iterable[str]) -> bool:
    return any(seat.capacity in capacities for seat in standing.actor(person).seats)


def say_expected(d: Disagreement, session: Session) -> list[str]:
    """ "Margaret Ellis, Chair", then the sides' people by post."""
    return [say_of_side(d, person) for person in expected(d.standing, session)]


def say_of_side(d: Disagreement, person: User) -> str:
    """ "Mona Lewis, Team manager, Children’s Social Care, Front door"; the partnership's own by what they are here."""
    seats = d.standing.actor(person).seats
    seat = next((one for one in seats if one.person_id == person.pk), seats[0] if seats else None)
    if seat is None:
        return person.name
    if seat.post is None:
        return f"{person.name}, {seat.get_capacity_display()}"
    return f"{person.name}, {seat.post.title}, {seat.side or seat.post.team}"


def places_of(partnership: Partnership, people: list[User], today: dt.date) -> dict[UUID, str]:
    """What each of these people is: their posts, else their office in this partnership."""
    said: dict[UUID, str] = {}
    held = Appointment.objects.on(today).filter(partnership=partnership, person__in=people).order_by("office")
    for one in held.select_related("agency"):
        said.setdefault(one.person_id, one.get_office_display())
    for post in Post.objects.filter(holder__in=people, ended_on=None).select_related("team__agency").order_by("-level"):
        if post.holder_id:
            said[post.holder_id] = f"{post.title}, {post.team}"
    return said
