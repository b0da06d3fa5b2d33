"""The desk: what I must do, in the order in which it should be done, and what others must do that I wait for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.db.models import F, Prefetch, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import User
from disputes.models import Child, Disagreement, Draft, Entry, OutstandingIssue, Seat, Text
from disputes.rules import last_chaser_went_unanswered, session_lies_ahead, waits_for_countersign
from disputes.seats import Actor, Standing
from disputes.stages import ACTING, MEDIATING, OPEN, Awaiting, Capacity, Mediation, Stage
from escalation import health, issues, outcomes, radar
from escalation.delivery import Undelivered, undelivered_of
from escalation.opened import listed
from escalation.turns import MAIN_MOVE, Saying, say_turn
from pages import times

LATELY = dt.timedelta(days=30)  # how long what has ended stays on the desk
CLOSING_QUESTIONS_STAY = dt.timedelta(days=60)
MOST = 300  # of one kind on one desk; the rest is in the list

HERE_IS_A_CHOICE = (Awaiting.MATCH, Awaiting.DECISION, Awaiting.CHAIR)  # read the whole page first, then choose
WATCHING = (Capacity.OFFICE, Capacity.LINE_MANAGER, Capacity.SENIOR)  # whose desks say what stands still
ONLY_TOLD = (Capacity.OFFICE, Capacity.TOLD, Capacity.CHAIR)


@dataclass(frozen=True)
class Row:
    """One thing to do, or to wait for."""

    disagreement: Disagreement
    do: str
    href: str
    button: str
    due_at: dt.datetime | None = None
    due_on: dt.date | None = None
    days_late: int = 0
    for_whom: str = ""  # the person whose post the reader stands in for
    note: str = ""
    tone: str = ""  # late, soon or nothing
    also: tuple[str, str] = ("", "")  # a link below: its words and address
    words: bool = False  # what is to be done stands in somebody's own words

    @property
    def late(self) -> str:
        """ "3 days late", of what has a day and no hour."""
        return outcomes.say_late(self.days_late)

    @property
    def is_urgent(self) -> bool:
        return self.disagreement.at_immediate_risk and self.disagreement.is_open

    @property
    def order(self) -> tuple[bool, float]:
        """Immediate risk before all, then what is latest or due soonest, then what has no date."""
        due_at = self.due_at or (timezone.make_aware(dt.datetime.combine(self.due_on, dt.time.max)) if self.due_on else None)
        return (not self.is_urgent, due_at.timestamp() if due_at else float("inf"))


@dataclass(frozen=True)
class Section:
    """A short list that another room adds to the desk: lines of text, and where the whole list is."""

    title: str
    lines: Sequence[tuple[str, ...]]  # what, a line below it; perhaps an address of its own, and "late"
    href: str
    link: str


MORE: list[Callable[[User], Section | None]] = []
"""Rooms above this one add their sections here when Django starts (learning does)."""


@dataclass
class Desk:
    """All that stands on one person's desk."""

    to_do: list[Row] = field(default_factory=list)
    referrals: list[Row] = field(default_factory=list)
    mediations: list[Row] = field(default_factory=list)  # this person's to hold: dates to propose, sessions coming, outcomes to record
    mediated: list[Row] = field(default_factory=list)  # and those that wait for the sides: dates unanswered, outcomes unconfirmed
    issues: list[Row] = field(default_factory=list)
    stalled: list[Row] = field(default_factory=list)
    waiting: list[Row] = field(default_factory=list)
    told: list[Row] = field(default_factory=list)
    finished: list[Row] = field(default_factory=list)

    @property
    def rows(self) -> list[Row]:
        """All that is said on it."""
        mediation = [*self.referrals, *self.mediations, *self.mediated]
        return [*self.to_do, *mediation, *self.issues, *self.stalled, *self.waiting, *self.told, *self.finished]

    @property
    def things_to_do(self) -> int:
        return len(self.to_do) + len(self.referrals) + len(self.mediations) + len(self.issues)

    @property
    def things_awaited(self) -> int:
        return len(self.waiting) + len(self.mediated)

    @property
    def next_due(self) -> Row | None:
        """What others must do next, for a desk on which nothing waits."""
        dated = [row for row in [*self.mediated, *self.waiting, *self.told] if row.due_at]
        return min(dated, key=lambda row: row.order[1], default=None)


@require_safe
def desk(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    person = request.user
    assert isinstance(person, User)  # noqa: S101 - the middleware lets nobody else in
    sections = [section for section in (add(person) for add in MORE) if section]
    laid_out = _laid_out(person, now)
    seen = {row.disagreement.pk: row.disagreement for row in laid_out.rows}
    if seen:
        listed(request, "desk", seen.values(), hits=len(seen))
    page = {
        "desk": laid_out,
        "drafts": Draft.objects.filter(author=person).select_related("partnership"),
        "drafts_to_read": Draft.objects.filter(readers__person=person).exclude(author=person).select_related("author"),
        "sections": sections,
        "silent_since": health.silent_since(now),
        "now": now,
    }
    return render(request, "escalation/desk/desk.html", page)


def describe(disagreements: Iterable[Disagreement]) -> None:
    """Leaves on each what a row says of it: the children, and the category in the policy's words."""
    for d in disagreements:
        labels = {category.key: category.label for category in d.policy.document.categories}
        d.children_said = ", ".join(str(child) for child in d.children.all())  # type: ignore[attr-defined]
        d.category_said = labels.get(d.category, d.category)  # type: ignore[attr-defined]


def with_what_rows_say() -> tuple[str, ...]:
    """The rows beside a disagreement that lists read with it."""
    return ("policy", "partnership", "raised_by", "raised_from")


# ── laying out ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _laid_out(person: User, now: dt.datetime) -> Desk:
    made = Desk()
    disagreements = _with_a_seat(person, now)
    standings = Standing.of_many(disagreements, now)
    Standing.read_sessions(standings)
    Standing.read_waiting([one for one in standings if one.actor(person).seat_in(Capacity.OFFICE, Capacity.CHAIR)])
    describe(disagreements)
    recorded = _confirmations_recorded_by(person, disagreements)
    lost = undelivered_of(d for d in disagreements if d.is_open)
    watched = [d for d in disagreements if d.is_open and d.standing.actor(person).seat_in(*WATCHING)]
    stalls = radar.found_for(watched, now) if watched else {}
    for d in disagreements:
        actor = d.standing.actor(person)
        if not actor.seats:
            continue
        _lay_emergencies(made, d, actor)
        if d.is_open:
            _lay_open(made, d, actor, now, recorded_it=d.pk in recorded)
            _lay_undelivered(made, d, actor, lost[d.pk])
            _lay_stalled(made, d, actor, stalls.get(d.pk, []), lost=bool(lost[d.pk]))
        else:
            _lay_ended(made, d, actor, now)
    _lay_issues(made, person, now, {d.pk: d for d in disagreements})
    for rows in (made.to_do, made.referrals, made.mediations, made.mediated, made.stalled, made.waiting, made.told):
        rows.sort(key=lambda row: row.order)
    made.finished.sort(key=lambda row: row.disagreement.ended_at or now, reverse=True)
    return made


def _with_a_seat(person: User, now: dt.datetime) -> list[Disagreement]:
    """The disagreements at which this person sits: all open ones, those that ended lately, and those that still wait for an answer."""
    seats = Seat.objects.active(now).of(person, timezone.localdate(now))
    wanted = (
        Q(stage__in=OPEN)
        | Q(ended_at__gte=now - CLOSING_QUESTIONS_STAY)
        | Q(stage__in=[Stage.RESOLVED, Stage.CLOSED], still_at_risk=None, raised_by=person)
    )
    found = Disagreement.objects.visible_to(person, now).filter(wanted, pk__in=seats.values("disagreement"))
    found = found.select_related(*with_what_rows_say()).prefetch_related(_children())
    return list(found.order_by(F("ended_at").desc(nulls_first=True), "-at_immediate_risk", F("due_at").asc(nulls_last=True))[:MOST])


def _children(path: str = "children") -> Prefetch:
    return Prefetch(path, Child.objects.order_by("number"))


def _confirmations_recorded_by(person: User, disagreements: list[Disagreement]) -> set[UUID]:
    """Where this person recorded a confirmation that waits for its countersign: that takes somebody else."""
    latest = [d.standing.agreement for d in disagreements if d.standing.awaiting_countersign and d.standing.agreement]
    entries = [c.entry_id for agreement in latest for c in agreement.confirmations.all() if not c.counts]
    return set(Entry.objects.filter(pk__in=entries, person=person).values_list("disagreement_id", flat=True))


def _lay_open(made: Desk, d: Disagreement, actor: Actor, now: dt.datetime, *, recorded_it: bool) -> None:
    saying = say_turn(d, actor)
    mine = saying.mine and not (saying.move == "countersign" and recorded_it)
    tone = times.days_left(d.due_at, now).tone if d.due_at else ""
    if mine:
        rows = made.to_do
        if _holds_as_mediating(d, actor):
            rows = made.referrals if d.awaiting == Awaiting.CHAIR else made.mediations
        row = Row(d, saying.ask, _where(d, saying), _button(d, saying), d.due_at, for_whom=_for_whom(d, actor), tone=tone)
        rows.append(row)
    else:
        rows = made.told if all(seat.capacity in ONLY_TOLD for seat in actor.seats) else made.waiting
        do, note = _they_must(d, saying), _nobody_acted(d) or _session_ahead(d)
        if _has_mediated(d, actor):
            rows, do, note = made.mediated, _sides_must(d), do
        rows.append(Row(d, do, page_of(d), _("Open"), d.due_at, tone=tone, note=note))
    _lay_for_office(made, d, actor, already=mine or recorded_it)


def _nobody_acted(d: Disagreement) -> str:
    return _("The time limit has passed.") if d.limit_reached and not d.chased else ""


def _session_ahead(d: Disagreement) -> str:
    """For whoever waits for the mediation."""
    if not session_lies_ahead(d) or d.standing.session is None or d.standing.session.fixed_at is None:
        return ""
    return _("The joint session is on %(when)s.") % {"when": times.weekday_moment(d.standing.session.fixed_at)}


def _has_mediated(d: Disagreement, actor: Actor) -> bool:
    """Whether this person mediates here, or as the Chair has asked for more before deciding to."""
    if actor.seat_in(Capacity.CHAIR) and d.awaiting == Awaiting.MORE:
        return True
    return actor.seat_in(*MEDIATING) is not None and d.mediation in (Mediation.ACCEPTED, Mediation.HELD)


def _sides_must(d: Disagreement) -> str:
    """What a mediation waits for, as whoever mediates thinks of it; the row's note says who."""
    if d.awaiting == Awaiting.MORE:
        return _("You asked both sides for more. Neither has answered yet.")
    if d.awaiting == Awaiting.SESSION:
        return _("Dates for the joint session are not answered yet.")
    if d.awaiting == Awaiting.CONFIRMATION:
        return _("The outcome is not confirmed by both sides yet.")
    return (
        _("The mediation is recorded, and no outcome is proposed yet.") if d.mediation == Mediation.HELD else _("It waits for the sides.")
    )


def _lay_for_office(made: Desk, d: Disagreement, actor: Actor, *, already: bool) -> None:
    """What Chair and office may do although it is not their turn: countersign, close as unconfirmed."""
    if actor.seat_in(Capacity.OFFICE) and d.awaiting == Awaiting.CONFIRMATION and waits_for_countersign(d) and not already:
        do = _("Countersign the confirmation that was recorded for a side not on the system.")
        made.to_do.append(Row(d, do, page_of(d, "countersign"), _("Countersign")))
    if actor.seat_in(Capacity.OFFICE, Capacity.CHAIR) and last_chaser_went_unanswered(d):
        do = _("The last reminder went unanswered. Ring them, or close it as unconfirmed.")
        made.to_do.append(Row(d, do, page_of(d), _("See what can be done"), d.due_at, tone="late"))


def _lay_emergencies(made: Desk, d: Disagreement, actor: Actor) -> None:
    """What waits for a second person: an emergency access, within one working day; somebody whom a side asks to shut out."""
    if not actor.seat_in(Capacity.OFFICE, Capacity.CHAIR):
        return
    opened = [when for one, when in d.standing.waiting.emergencies.items() if one != actor.person.pk]
    if opened:
        last_day = d.policy.calendar.add_working_days(timezone.localdate(min(opened)), 1)
        due_at = timezone.make_aware(dt.datetime.combine(last_day, d.policy.document.end_of_working_day))
        do = _("Somebody opened this in an emergency. Confirm it, or end that access.")
        made.to_do.append(Row(d, do, page_of(d, "confirm-break-glass"), _("Look at it"), due_at, tone="soon"))
    if d.standing.waiting.asked_to_exclude:
        do = _("A side says that somebody has a conflict of interest. Shut them out, or say why not in the record.")
        made.to_do.append(Row(d, do, page_of(d, "exclude"), _("Look at it")))


def _lay_undelivered(made: Desk, d: Disagreement, actor: Actor, lost: list[Undelivered]) -> None:
    """A message that never arrived is something to do for the side across the table, and for the office."""
    sides = {seat.side_id for seat in actor.seats if seat.capacity in ACTING}
    speaks = actor.party_seat() is not None
    for one in lost:
        if sides.intersection(one.sides):
            where = (page_of(d, "record-discussion"), _("Record it")) if speaks else (page_of(d), _("Open"))
            made.to_do.append(Row(d, one.say, *where, d.due_at, tone="late"))
        elif actor.seat_in(Capacity.OFFICE):
            made.stalled.append(Row(d, one.say, page_of(d), _("Open"), d.due_at, tone="late"))


def _lay_stalled(made: Desk, d: Disagreement, actor: Actor, stalls: list[radar.Stall], *, lost: bool) -> None:
    """What holds it up, with what to do; not for whoever's own move it is, and a lost message is said once."""
    said = [stall.words for stall in stalls if not (stall.kind == "failed_mail" and lost)]
    if said and not d.standing.turn.is_held_by(actor):
        made.stalled.append(Row(d, said[0], page_of(d), _("Open"), d.due_at, note=" ".join(said[1:]), tone="late"))


def _lay_ended(made: Desk, d: Disagreement, actor: Actor, now: dt.datetime) -> None:
    raiser = actor.seat_in(Capacity.RAISER) if actor.person.pk == d.raised_by_id else None  # nobody else can say what they believe
    if raiser and d.still_at_risk is None and d.stage in (Stage.RESOLVED, Stage.CLOSED):
        do = _("Do you still believe the child is at risk of significant harm?")
        made.to_do.append(Row(d, do, page_of(d, "say-still-at-risk"), _("Answer")))
    seat = actor.speaking_seat()
    recent = d.ended_at and d.ended_at >= now - CLOSING_QUESTIONS_STAY
    if recent and seat and seat.side and not seat.side.closing_answered:
        do = _("Answer the closing questions about how it went.")
        made.to_do.append(Row(d, do, page_of(d, "closing-questions"), _("Answer"), for_whom=_seat_of_another(seat, actor)))
    if d.ended_at and d.ended_at >= now - LATELY:
        made.finished.append(Row(d, say_turn(d, actor).ask, page_of(d), _("Open")))


def _lay_issues(made: Desk, person: User, now: dt.datetime, known: dict[UUID, Disagreement]) -> None:
    """What an agreed outcome leaves to be done (23.18): this person's own, until it is done; and what is late of those they manage.
    What is late stands with what is to be done, by its date; what was reopened is nobody's to reopen, but stays promised.
    `known`: disagreements of which it is read already where they stand."""
    today = timezone.localdate(now)
    seats = Seat.objects.active(now).of(person, timezone.localdate(now)).values("disagreement")
    found = issues.promised().filter(disagreement__in=Disagreement.objects.visible_to(person, now).filter(pk__in=seats))
    related = [f"disagreement__{name}" for name in with_what_rows_say()]
    rows = list(found.select_related("agreement", "owner", *related).prefetch_related(_children("disagreement__children"))[:MOST])
    others = {row.disagreement_id: row.disagreement for row in rows if row.disagreement_id not in known}
    for row in rows:
        row.disagreement = known.get(row.disagreement_id) or others[row.disagreement_id]
    Standing.of_many(others.values(), now)
    describe(others.values())
    entries = {row.agreement.entry_id for row in rows}
    words = {(text.entry_id, text.field): text.value for text in Text.objects.filter(entry__in=entries, field__startswith="issue_")}
    for row in rows:
        d, late = row.disagreement, (today - row.due_on).days
        text = words.get((row.agreement.entry_id, f"issue_{row.number}")) or _("An outstanding issue.")
        said = Row(d, text, page_of(d), _("See it"), due_on=row.due_on, days_late=max(late, 0), tone="late" if late > 0 else "", words=True)
        manages = late > 0 and not d.is_open and person in issues.who_manages(d.standing)
        if manages:
            said = replace(said, also=(_("Reopen it"), page_of(d, "reopen")))
        if person in issues.who_sees_to(d.standing, row):
            href = f"{page_of(d, 'finish-issue')}?issue={row.number}"
            under, note = (made.to_do, _("Taken on under an agreed outcome.")) if late > 0 else (made.issues, "")
            if d.is_open:
                under, note = made.issues, _("Agreed before it was reopened, not done.")
            under.append(replace(said, href=href, button=_("Say that it is done"), for_whom=_owner_if_other(row, person), note=note))
        elif manages:
            made.to_do.append(replace(said, note=_say_who_has_it(d, row)))


def _owner_if_other(issue: OutstandingIssue, person: User) -> str:
    return issue.owner.name if issue.owner and issue.owner_id != person.pk else ""


def _say_who_has_it(d: Disagreement, issue: OutstandingIssue) -> str:
    side = next((side for side in d.standing.sides if side.pk == issue.owner_side_id), None)
    who = f"{issue.owner.name}, {side}" if issue.owner else str(side)
    return _("Agreed, and past its date. With %(who)s.") % {"who": who}


# ── in words ────────────────────────────────────────────────────────────────────────────────────────────────────────


def page_of(d: Disagreement, move: str = "") -> str:
    """The disagreement's page, or that of one move of it."""
    return f"/disagreements/{d.reference}/{move + '/' if move else ''}"


def _where(d: Disagreement, saying: Saying) -> str:
    if saying.move is None or (d.awaiting in HERE_IS_A_CHOICE and saying.move == MAIN_MOVE.get(Awaiting(d.awaiting))):
        return page_of(d)
    if saying.move == "record_mediation" and session_lies_ahead(d):
        return f"{page_of(d)}#mediation-title"
    return page_of(d, saying.move.replace("_", "-"))


def _button(d: Disagreement, saying: Saying) -> str:
    by_move = {
        "answer": _("Answer"),
        "say_which_child": _("Say which child"),
        "confirm_outcome": _("Read and confirm"),
        "record_mediation": _("See the session") if session_lies_ahead(d) else _("Record the mediation"),
        "propose_session": _("Propose dates"),
        "answer_session": _("Choose dates"),
        "answer_the_chair": _("Tell the Chair"),
        "record_answer_for": _("Record their answer"),
        "record_confirmation_for": _("Record their confirmation"),
        "countersign": _("Countersign"),
        "match_child": _("Read it"),
        "accept_mediation": _("Read the referral"),
    }
    return by_move.get(saying.move or "", _("Decide"))


def _holds_as_mediating(d: Disagreement, actor: Actor) -> bool:
    return any(seat.capacity in MEDIATING for seat in actor.seats if seat in d.standing.turn.seats)


def _for_whom(d: Disagreement, actor: Actor) -> str:
    """Whose turn it really is, where the reader only stands in."""
    held = [seat for seat in actor.seats if seat in d.standing.turn.seats]
    if not held or any(seat.person_id == actor.person.pk for seat in held):
        return ""
    return held[0].person.name


def _seat_of_another(seat: Seat, actor: Actor) -> str:
    return "" if seat.person_id == actor.person.pk else seat.person.name


def _they_must(d: Disagreement, saying: Saying) -> str:
    """Whose move it is and what they must do: "Mona, Line manager, Children's Social Care, to answer"."""
    turn = d.standing.turn
    if turn.awaiting == Awaiting.CONFIRMATION and not d.standing.unconfirmed_sides:
        what = _("to countersign the recorded confirmation")
    else:
        what = {
            Awaiting.MATCH: _("to say which child this is"),
            Awaiting.IDENTITY: _("to say how the other side can tell which child this is"),
            Awaiting.ANSWER: _("to answer"),
            Awaiting.DECISION: _("to say what happens next"),
            Awaiting.CONFIRMATION: _("to confirm the outcome in writing"),
            Awaiting.CHAIR: _("to accept or decline the referral"),
            Awaiting.MORE: _("to tell the Chair more"),
            Awaiting.MEDIATION: _("to hold the mediation"),
            Awaiting.SESSION: _("to say which dates for the joint session suit them"),
            Awaiting.NOTHING: "",
        }[Awaiting(turn.awaiting)]
    return _("%(who)s: %(what)s") % {"who": saying.who, "what": what}


__all__ = ["MORE", "Desk", "Row", "Section", "describe", "desk", "page_of", "with_what_rows_say"]
