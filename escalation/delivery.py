"""Whether messages arrived: shown on the page of a disagreement; what did not arrive is something to do for the sender's side."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from accounts.models import Mail, User
from disputes.models import Disagreement, Entry
from disputes.seats import Actor
from disputes.stages import ACTING, Capacity
from escalation import limits
from escalation.foresight import say_seat
from escalation.models import Notice
from escalation.sending import calendar_of, next_morning
from pages import times
from procedure.calendars import Calendar

TALKED = ("record_discussion", "hold_meeting")


@dataclass(frozen=True)
class Delivery:
    """One message to one person: by which rule, and what became of it. `tone` is that of a badge."""

    person: User
    who: str
    rule: str
    state: str
    tone: str
    at: dt.datetime | None


@dataclass(frozen=True)
class Undelivered:
    """A message to somebody whose move it is that never arrived. `sides` are those whose task it is to ring them."""

    disagreement: Disagreement
    person: User
    who: str
    at: dt.datetime
    sides: tuple[UUID, ...]

    @property
    def say(self) -> str:
        said = {"who": self.who, "day": times.day(self.at)}
        return _("Email to %(who)s did not arrive on %(day)s: ring them, and record the discussion.") % said


def delivery_of(d: Disagreement) -> list[Delivery]:
    """The messages of the latest entry, then those of the running clocks, each by the time at which it is due. For whoever may read the
    whole record."""
    latest = d.entries.order_by("-number").values("pk")[:1]
    of_issues = Q(rule__startswith="issue_", dropped_at=None)
    shown = d.notices.filter(Q(entry__in=latest) | Q(clock__stopped_at=None, clock__isnull=False) | of_issues)
    shown = shown.select_related("person", "clock", "entry")
    found = sorted(shown, key=lambda notice: (notice.clock_id is not None, notice.due_at, notice.person.name))
    calendar = None
    if any(notice.person.mail != Mail.AT_ONCE for notice in found):
        calendar = calendar_of(d.partnership_id)
    return [_say(notice, d, calendar) for notice in found]


def undelivered(d: Disagreement) -> list[Undelivered]:
    """Who never got what asks for their move, and has not been reached otherwise since."""
    return undelivered_of([d])[d.pk]


def undelivered_for(d: Disagreement, actor: Actor) -> list[Undelivered]:
    """Those that are this reader's to see to: on the other side of the table, or in the partnership's office."""
    sides = {seat.side_id for seat in actor.seats if seat.capacity in ACTING}
    is_office = actor.seat_in(Capacity.OFFICE) is not None
    return [one for one in undelivered(d) if is_office or sides.intersection(one.sides)]


def undelivered_of(disagreements: Iterable[Disagreement]) -> dict[UUID, list[Undelivered]]:
    """For many at once, with two queries; where each stands must have been read (Standing.of_many)."""
    by_id = {d.pk: d for d in disagreements}
    found: dict[UUID, list[Undelivered]] = {pk: [] for pk in by_id}
    lost = Notice.objects.filter(Q(failed_at__isnull=False) | Q(bounced_at__isnull=False), disagreement__in=by_id)
    lost = lost.exclude(rule="thread")  # who writes in private is nobody else's business
    latest: dict[tuple[UUID, UUID], tuple[dt.datetime, User]] = {}
    for notice in lost.select_related("person").order_by(Coalesce("bounced_at", "failed_at")):
        d, at = by_id[notice.disagreement_id or UUID(int=0)], notice.bounced_at or notice.failed_at
        if at and d.is_open and notice.person in d.standing.people_in(d.standing.turn.seats):
            latest[(d.pk, notice.person_id)] = (at, notice.person)
    if not latest:
        return found
    since = min(at for at, _person in latest.values())
    acts = Entry.objects.filter(disagreement__in={pk for pk, _person in latest}, recorded_at__gt=since, person__isnull=False)
    done = list(acts.values_list("disagreement_id", "person_id", "side_id", "kind", "recorded_at"))
    for (pk, person_id), (at, person) in latest.items():
        d = by_id[pk]
        sides = _senders(d, person)
        reached = any(
            where == pk and when > at and (by == person_id or (kind in TALKED and side in sides)) for where, by, side, kind, when in done
        )
        if not reached:
            found[pk].append(Undelivered(d, person, _who(d, person), at, sides))
    return found


def _senders(d: Disagreement, person: User) -> tuple[UUID, ...]:
    """The party sides across the table from this person; both for somebody who sits on none, as the Chair."""
    own = {seat.side_id for seat in d.standing.actor(person).seats}
    return tuple(side.pk for side in d.standing.party_sides if side.pk not in own)


def _who(d: Disagreement, person: User) -> str:
    seats = d.standing.actor(person).seats
    own = next((seat for seat in seats if seat.person_id == person.pk), None)
    if own is None and seats:
        return _("%(name)s, standing in for %(other)s") % {"name": person.name, "other": say_seat(seats[0])}
    return say_seat(own) if own else person.name


def _say(notice: Notice, d: Disagreement, calendar: Calendar | None) -> Delivery:
    state, tone, at = _state(notice, d.standing.now, calendar)
    return Delivery(notice.person, _who(d, notice.person), _say_rule(notice, d), state, tone, at)


def _state(notice: Notice, now: dt.datetime, calendar: Calendar | None) -> tuple[str, str, dt.datetime | None]:
    if notice.failed_at or notice.bounced_at:
        return _("could not be delivered"), "late", notice.bounced_at or notice.failed_at
    if notice.sent_at:
        return _("emailed %(when)s") % {"when": times.moment(notice.sent_at)}, "done", notice.sent_at
    if notice.dropped_at:
        return _("not sent: no longer needed"), "", notice.dropped_at
    how_often = notice.person.mail
    if how_often != Mail.AT_ONCE and calendar and not notice.urgent and notice.rule != "urgent":
        morning = next_morning(how_often, max(notice.due_at, now), calendar)
        return _("in the email of %(when)s") % {"when": times.moment(morning)}, "soon", morning
    if notice.due_at > now:
        return _("waiting until %(when)s") % {"when": times.moment(notice.due_at)}, "soon", notice.due_at
    return _("being sent"), "soon", notice.due_at


def _say_rule(notice: Notice, d: Disagreement) -> str:
    """Which rule it follows: "Reminder before the limit: To answer"."""
    rule = {
        "your_move": _("Your move"),
        "news": _("News"),
        "told": _("For information"),
        "urgent": _("A child at immediate risk"),
        "overdue": _("The time ran out"),
        "ended": _("It has ended"),
        "session_fixed": _("The joint session has a date"),
        "session_cancelled": _("The joint session is called off"),
        "issue_due": _("Reminder of an outstanding issue"),
        "issue_late": _("An outstanding issue is late"),
        "before": _("Reminder before the limit"),
        "at": _("Reminder at the limit"),
        "after": _("Reminder after the limit"),
        "chaser": _("Last reminder"),
    }.get(notice.template, notice.rule)
    if notice.clock is None:
        return rule
    return f"{rule}: {limits.say_about(d, notice.clock.about, notice.clock.step)}"


__all__ = ["Delivery", "Undelivered", "delivery_of", "undelivered", "undelivered_for", "undelivered_of"]
