"""The disagreement page: what it is about, whose move it is, by when; both views, the agreed outcome, the whole record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_fsm import Transition

from accounts.models import Appointment, Office, StandIn, User
from audit.models import Trace
from audit.sight import Sight
from disputes.disagreement import by_reference
from disputes.models import Disagreement
from disputes.rules import MAIN, NOTE, sees_to
from disputes.seats import Actor
from disputes.stages import Capacity
from escalation import mediation, outcomes, reading
from escalation.delivery import delivery_of, undelivered_for
from escalation.models import Clock
from escalation.moves import latest_move
from escalation.opened import opened
from escalation.running import Running, facts_of_time, running
from escalation.turns import Saying, say_turn
from pages import times

ENTRIES_A_PAGE = 50
AT_MOST_BUTTONS = 3


@dataclass(frozen=True)
class Afterwards:
    """What a room above this one offers on the page of a disagreement: a link, and a line below it."""

    label: str
    href: str
    text: str


AFTERWARDS: list[Callable[[Disagreement, User], list[Afterwards]]] = []
"""Rooms above add what they offer when Django starts (learning does: debriefs and thanks)."""


def find(request: HttpRequest, reference: str) -> Disagreement:
    """The disagreement under this reference. Hidden and absent are the same 404."""
    try:
        return by_reference(reference, request.user)  # type: ignore[arg-type]
    except Disagreement.DoesNotExist:
        raise Http404 from None


def disagreement(request: HttpRequest, reference: str) -> HttpResponse:
    """The page itself; reading it is kept in the trail."""
    d = find(request, reference)
    now = timezone.now()
    actor = d.standing.actor(request.user)  # type: ignore[arg-type]
    stated = reading.positions(d)
    ours = request.GET.get("side") == "ours"
    page = Paginator(reading.record(d, actor, ours=ours), ENTRIES_A_PAGE).get_page(request.GET.get("page"))
    clocks = list(d.clocks.order_by("started_at"))
    open_moves = d.open_moves(actor)
    runs = running(d, clocks, now) if d.is_open else []
    sight = Sight.of(request.user, timezone.localdate(now))  # type: ignore[arg-type]
    positions_only = bool(actor.seats) and all(seat.positions_only for seat in actor.seats) and d.partnership_id not in sight.audited
    printed = request.GET.get("print") == "1"  # the way to paper for browsers without JavaScript; with it, static/printed.js says so
    opened(request, d, "disagreement", Trace.Kind.PRINTED if printed else Trace.Kind.READ, page=page.number)
    context = {
        **identity(d),
        "now": now,
        "panel": panel(d, actor, runs, open_moves),
        "also_running": runs[1:],
        "undelivered": undelivered_for(d, actor) if d.is_open else [],
        "deliveries": [] if positions_only else delivery_of(d),
        "time_facts": facts_of_time(d, now),
        "ladder": ladder(d, clocks, began_at=next((entry.step for entry in stated if entry.kind == "send"), 1)),
        "own_references": reading.own_references(d, actor),
        "safe": reading.said_safe(d),
        "views": reading.two_views(d, stated),
        "reopened": reading.reopened(d),
        "outcome": outcomes.outcome(d, timezone.localdate(now), actor) if d.standing.agreement != d.standing.earlier_agreement else None,
        "earlier": outcomes.earlier(d, timezone.localdate(now), actor),
        "concerns": [] if d.is_open else reading.concerns(d),
        "ending": [] if d.is_open else reading.timeline(d, reading.ending(d)),
        "afterwards": [one for offer in AFTERWARDS for one in offer(d, actor.person)] if actor.seats and not positions_only else [],
        "mediation": mediation.part(d, actor, stated),
        "page": page,
        "items": reading.timeline(d, list(page)),
        "ours": ours,
        "printed": printed,
        "reads_trail": sight.reads_trail,
        "has_a_side": any(seat.side_id for seat in actor.seats),
        "positions_only": positions_only,
        "is_chair": actor.seat_in(Capacity.CHAIR) is not None,
        "as_auditor": not actor.seats,
        "as_lead": not actor.seats and d.partnership_id not in sight.audited,
        "emergency_until": [seat.ends_at for seat in actor.seats if seat.capacity == Capacity.BREAK_GLASS],
        "has_notes": any(seat.side_id and seat.capacity != Capacity.TOLD for seat in actor.seats),
        "may_correct": "correct_entry" in {move.name for move in open_moves},
        "can_see": how_many(those_who_see(d, now)),
    }
    return render(request, "escalation/page/disagreement.html", context)


def who_can_see(request: HttpRequest, reference: str) -> HttpResponse:
    """Who can see this, why, since when and until when: seats, stand-ins, auditors, leads. Exclusions are nobody's business."""
    d = find(request, reference)
    opened(request, d, "who_can_see")
    seen_by = those_who_see(d, timezone.now())
    return render(request, "escalation/page/who_can_see.html", {**identity(d), **seen_by})


def those_who_see(d: Disagreement, now: dt.datetime) -> dict[str, list[Any]]:
    """The seats that somebody fills, who stands in for their posts, and who sees it by an appointment."""
    today, standing = timezone.localdate(now), d.standing
    posts = [seat.post_id for seat in standing.seats if seat.post_id]
    stand_ins = StandIn.objects.filter(post__in=posts, starts_on__lte=today, ends_on__gte=today).select_related("person", "post__holder")
    agencies = [side.team.agency_id for side in standing.sides]
    held = Appointment.objects.on(today).filter(partnership=d.partnership, office__in=(Office.AUDITOR, Office.SAFEGUARDING_LEAD))
    held = held.exclude(person__in=standing.excluded).select_related("person").order_by("person__name")
    return {
        "seats": [seat for seat in standing.seats if seat.person_id not in standing.excluded],
        "stand_ins": [one for one in stand_ins.order_by("person__name") if standing.actor(one.person).seats],
        "auditors": [one.person for one in held if one.office == Office.AUDITOR],
        "leads": [one.person for one in held if one.office == Office.SAFEGUARDING_LEAD and one.agency_id in agencies],
    }


def how_many(seen_by: dict[str, list[Any]]) -> int:
    people = {one.person_id for kind in ("seats", "stand_ins") for one in seen_by[kind]}
    return len(people | {person.pk for kind in ("auditors", "leads") for person in seen_by[kind]})


def identity(d: Disagreement) -> dict[str, Any]:
    """What every page of a disagreement says first."""
    category = next((one.label for one in d.policy.document.categories if one.key == d.category), d.category)
    step = _("%(word)s %(number)d of %(all)d: %(name)s") % {
        "word": word_for_step(d),
        "number": d.step,
        "all": len(d.policy.ladder),
        "name": d.present_step.name,
    }
    return {
        "d": d,
        "url": reverse("disagreement", args=[d.reference]),
        "children": list(d.children.all()),
        "category": category,
        "sides": d.standing.party_sides,
        "step_name": step if d.is_open else d.get_stage_display(),
        "numbers": (d.partnership.front_door, d.partnership.out_of_hours),
    }


def word_for_step(d: Disagreement) -> str:
    """The partnership's own word for a step of the ladder."""
    return {"step": _("Step"), "stage": _("Stage"), "level": _("Level")}[d.policy.document.word_for_step]


def move_url(d: Disagreement, move: str) -> str:
    """Where a move is made."""
    if move == "answer_closing_questions":
        try:
            return reverse("closing-questions", args=[d.reference])
        except NoReverseMatch:
            return ""
    return reverse("move", args=[d.reference, move.replace("_", "-")])


def say_for(d: Disagreement, actor: Actor) -> Saying:
    """The present turn as this reader finds it. Whoever recorded a confirmation cannot countersign it: it takes a second person."""
    saying = say_turn(d, actor)
    if saying.mine and saying.move == "countersign" and d.recorded_by(actor.person):
        others = {seat.person for seat in d.standing.turn.seats} - {actor.person}
        who = "; ".join(sorted(person.name for person in others)) or _("A second person at the partnership’s office")
        ask = _("You recorded this confirmation, so somebody else at the office has to countersign it.")
        return replace(saying, mine=False, who=who, ask=ask, move=None)
    return saying


# ── the one strong panel ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Panel:
    """Whose move it is, what is asked, by when, and what this reader can do. Links are (label, address)."""

    tone: str  # "" mine, "theirs", "closed"
    title: str
    ask: str
    asked_of: str = ""
    due_at: dt.datetime | None = None
    about: str = ""  # what the date is for, where several limits run
    working: tuple[str, ...] = ()
    assumed: bool = False
    has_no_limit: bool = False
    since: dt.datetime | None = None  # when it became their move, and when the mail about it went
    mailed: dt.datetime | None = None
    main: tuple[str, str] | None = None
    buttons: list[tuple[str, str]] = field(default_factory=list)
    more: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)


def panel(d: Disagreement, actor: Actor, runs: list[Running], open_moves: list[Transition]) -> Panel:
    """The panel as this reader finds it. Its date is that of the limit that ends first; the others stand below it."""
    saying = say_for(d, actor)
    offered = [(move.name, str(move.custom["label"]), move.custom["weight"]) for move in open_moves]
    links = {name: (label, move_url(d, name)) for name, label, _weight in offered if move_url(d, name)}
    if d.is_open:
        made = _open_panel(d, saying, runs)
        first = saying.move
    else:
        asked = ["say_still_at_risk", "answer_closing_questions", "finish_issue"]
        if _owes_what_is_late(d, actor):
            asked.insert(1, "finish_issue")
        first = next((name for name in asked if _unanswered(d, name, links)), None)
        made = _ended_panel(saying, first, _say_what_is_left(d))
    if first in links and made.tone == "":
        made.main = links.pop(first)
    main = [name for name, _label, weight in offered if weight == MAIN and name in links]
    first_of_all = ["acknowledge"] + (["invite"] if d.standing.turn.for_sides else [])  # a clock of its own waits; nobody there to act
    as_buttons = [name for name in first_of_all if name in links] + main
    as_buttons = as_buttons[: AT_MOST_BUTTONS - bool(made.main)]
    made.buttons = [links[name] for name in as_buttons]
    made.notes = [links[name] for name, _label, weight in offered if weight == NOTE and name in links and name not in as_buttons]
    more = [name for name, _label, weight in offered if weight != NOTE and name in links and name not in as_buttons]
    more.sort(key=lambda name: name != "say_child_at_immediate_risk")  # the child comes first (23.5)
    made.more = [links[name] for name in more]
    return made


def _open_panel(d: Disagreement, saying: Saying, runs: list[Running]) -> Panel:
    made = Panel(
        tone="" if saying.mine else "theirs",
        title=_("Your move") if saying.mine else _("Their move"),
        ask=saying.ask if saying.mine else saying.who,
        asked_of="" if saying.mine else saying.ask,
        has_no_limit=not runs,
    )
    if runs:
        first = runs[0]
        made.due_at, made.working, made.assumed = first.at, first.due.working, first.due.assumed
        made.about = first.about if len(runs) > 1 else ""
    if not saying.mine and (asked := latest_move(d)):
        made.since = asked.recorded_at
        told = d.notices.filter(entry=asked, rule="your_move", sent_at__isnull=False)
        made.mailed = told.order_by("sent_at").values_list("sent_at", flat=True).first()
    return made


def _ended_panel(saying: Saying, first: str | None, left: str) -> Panel:
    if first == "say_still_at_risk":
        asked = _("Do you still believe the child is at risk of significant harm? You are asked whatever was agreed.")
        return Panel("", _("One question for you"), asked, asked_of=saying.ask)
    if first == "answer_closing_questions":
        asked = _("Answer the closing questions for your side: they help the agencies to learn from it.")
        return Panel("", _("Before you go"), asked, asked_of=saying.ask)
    if first == "finish_issue":
        return Panel("", _("Still to be done"), _("Your side took on what is still to be done. Say so when it is."), asked_of=left)
    return Panel("closed", _("Ended"), saying.ask, asked_of=left)


def _owes_what_is_late(d: Disagreement, actor: Actor) -> bool:
    today = timezone.localdate()
    return any(issue.due_on < today and sees_to(issue, actor) for issue in d.standing.unfinished_issues)


def _say_what_is_left(d: Disagreement) -> str:
    """ "2 outstanding issues, 1 of them late."; empty where nothing is."""
    left = d.standing.unfinished_issues
    late = sum(issue.due_on < timezone.localdate() for issue in left)
    if not left:
        return ""
    said = ngettext("%(n)d outstanding issue", "%(n)d outstanding issues", len(left)) % {"n": len(left)}
    return _("%(issues)s, %(late)d late.") % {"issues": said, "late": late} if late else f"{said}."


def _unanswered(d: Disagreement, move: str, links: dict[str, Any]) -> bool:
    return move in links and (move != "say_still_at_risk" or d.still_at_risk is None)


# ── beside it ───────────────────────────────────────────────────────────────────────────────────────────────────────


def ladder(d: Disagreement, clocks: list[Clock], began_at: int) -> list[dict[str, str]]:
    """The steps of this policy in its own words, and when each was worked on; after the end only those that were reached. Below the
    step at which it began (a child at immediate risk) nothing was done."""
    spent = {about: {clock.step: clock for clock in clocks if clock.about == about} for about in OF_THE_STEP}
    latest = {number: clock for about in reversed(OF_THE_STEP) for number, clock in spent[about].items()}
    highest = d.step if d.is_open else max(d.entries.aggregate(highest=Max("step"))["highest"] or 1, d.step)
    word, tiers = word_for_step(d), {"informal": _("informal"), "formal": _("formal")}
    steps = []
    for step in d.policy.ladder:
        place = f"{word} {step.number}"
        said = {"name": step.name, "place": f"{place}, {tiers[step.tier]}" if step.tier else place, "when": ""}
        if step.number < began_at and step.number != d.step:
            said["state"] = "skipped"
        elif d.is_open and step.number == d.step:
            clock = latest.get(step.number)
            due_at = clock.due_at if clock and clock.stopped_at is None else d.due_at
            said |= {"state": "now", "when": _("due %(when)s") % {"when": times.weekday_day(due_at)} if due_at else ""}
        elif step.number < d.step or (not d.is_open and step.number <= highest):
            said |= {"state": "done", "when": _between(latest.get(step.number), latest.get(step.number - 1))}
        elif d.is_open:
            said["state"] = "ahead"
        else:
            continue
        steps.append(said)
    return steps


OF_THE_STEP = ("step", "answer", "acknowledge")  # whose clock says when a step was worked on, the best first


def _between(clock: Clock | None, before: Clock | None) -> str:
    """ "2 March 2026 to 4 March 2026"; one day alone where it began and ended on the same. A limit may count from before its step
    began (from the raising, the decision): then the step began when the one below was left."""
    if clock is None:
        return ""
    began = max(filter(None, (clock.started_at, before.stopped_at if before else None)))
    if clock.stopped_at and began > clock.stopped_at:
        began = clock.started_at
    days = list(dict.fromkeys(times.day(moment) for moment in (began, clock.stopped_at) if moment))
    return _("%(first)s to %(last)s") % {"first": days[0], "last": days[-1]} if len(days) > 1 else days[0]
