"""The disagreement page: what it is about, whose move it is, by when; both views, the agreed outcome, the whole record."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Appointment, Office, StandIn
from audit import trail
from audit.models import Trace
from disputes.disagreement import by_reference
from disputes.models import Disagreement
from disputes.rules import MAIN, NOTE
from disputes.seats import Actor
from escalation import reading
from escalation.models import Clock
from escalation.moves import latest_move
from escalation.turns import Saying, say_turn
from pages import times

ENTRIES_A_PAGE = 50
AT_MOST_BUTTONS = 3


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
    trail.note(Trace.Kind.READ, "disagreement", person=request.user.pk, disagreement=d.pk, partnership=d.partnership_id)
    context = {
        **identity(d),
        "now": now,
        "panel": panel(d, actor, clocks),
        "ladder": ladder(d, clocks, began_at=next((entry.step for entry in stated if entry.kind == "send"), 1)),
        "own_references": reading.own_references(d, actor),
        "safe": reading.said_safe(d),
        "views": reading.two_views(d, stated),
        "outcome": reading.outcome(d, timezone.localdate(now)),
        "ending": [] if d.is_open else reading.timeline(d, reading.ending(d)),
        "page": page,
        "items": reading.timeline(d, list(page)),
        "ours": ours,
        "has_a_side": any(seat.side_id for seat in actor.seats),
        "positions_only": bool(actor.seats) and all(seat.positions_only for seat in actor.seats) and not _audits(d, request.user),
        "as_auditor": not actor.seats,
        "may_correct": "correct_entry" in {move.name for move in d.open_moves(actor)},
        "can_see": len({seat.person_id for seat in d.standing.seats}),
    }
    return render(request, "escalation/page/disagreement.html", context)


def who_can_see(request: HttpRequest, reference: str) -> HttpResponse:
    """Who can see this, why and since when: seats, stand-ins, auditors. Exclusions are nobody's business."""
    d = find(request, reference)
    today = timezone.localdate()
    standing = d.standing
    posts = [seat.post_id for seat in standing.seats if seat.post_id]
    stand_ins = StandIn.objects.filter(post__in=posts, starts_on__lte=today, ends_on__gte=today).select_related("person", "post__holder")
    context = {
        **identity(d),
        "seats": d.standing.seats,
        "stand_ins": [one for one in stand_ins.order_by("person__name") if standing.actor(one.person).seats],
        "auditors": [one for one in Appointment.objects.people(d.partnership, Office.AUDITOR, today) if one.pk not in standing.excluded],
    }
    return render(request, "escalation/page/who_can_see.html", context)


def identity(d: Disagreement) -> dict[str, Any]:
    """What every page of a disagreement says first."""
    category = next((one.label for one in d.policy.document.categories if one.key == d.category), d.category)
    word = {"step": _("Step"), "stage": _("Stage"), "level": _("Level")}[d.policy.document.word_for_step]
    step = _("%(word)s %(number)d of %(all)d: %(name)s") % {
        "word": word,
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
    working: tuple[str, ...] = ()
    assumed: bool = False
    since: dt.datetime | None = None  # when it became their move, and when the mail about it went
    mailed: dt.datetime | None = None
    main: tuple[str, str] | None = None
    buttons: list[tuple[str, str]] = field(default_factory=list)
    more: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)


def panel(d: Disagreement, actor: Actor, clocks: list[Clock]) -> Panel:
    """The panel as this reader finds it."""
    saying = say_for(d, actor)
    offered = [(move.name, str(move.custom["label"]), move.custom["weight"]) for move in d.open_moves(actor)]
    links = {name: (label, move_url(d, name)) for name, label, _weight in offered if move_url(d, name)}
    if d.is_open:
        made = _open_panel(d, saying, clocks)
        first = saying.move
    else:
        first = next((name for name in ("say_still_at_risk", "answer_closing_questions") if _unanswered(d, name, links)), None)
        made = _ended_panel(saying, first)
    if first in links and made.tone == "":
        made.main = links.pop(first)
    main = [name for name, _label, weight in offered if weight == MAIN and name in links]
    as_buttons = main[: AT_MOST_BUTTONS - bool(made.main)]
    made.buttons = [links[name] for name in as_buttons]
    made.notes = [links[name] for name, _label, weight in offered if weight == NOTE and name in links]
    more = [name for name, _label, weight in offered if weight != NOTE and name in links and name not in as_buttons]
    more.sort(key=lambda name: name != "say_child_at_immediate_risk")  # the child comes first (23.5)
    made.more = [links[name] for name in more]
    return made


def _open_panel(d: Disagreement, saying: Saying, clocks: list[Clock]) -> Panel:
    running = next((clock for clock in clocks if clock.stopped_at is None), None)
    made = Panel(
        tone="" if saying.mine else "theirs",
        title=_("Your move") if saying.mine else _("Their move"),
        ask=saying.ask if saying.mine else saying.who,
        asked_of="" if saying.mine else saying.ask,
        due_at=saying.due_at,
    )
    if running:
        running.disagreement = d  # its policy is loaded already
        made.working, made.assumed = running.explained.working, running.explained.assumed
    if not saying.mine and (asked := latest_move(d)):
        made.since = asked.recorded_at
        told = d.notices.filter(entry=asked, rule="your_move", sent_at__isnull=False)
        made.mailed = told.order_by("sent_at").values_list("sent_at", flat=True).first()
    return made


def _ended_panel(saying: Saying, first: str | None) -> Panel:
    if first == "say_still_at_risk":
        asked = _("Do you still believe the child is at risk of significant harm? You are asked whatever was agreed.")
        return Panel("", _("One question for you"), asked, asked_of=saying.ask)
    if first == "answer_closing_questions":
        asked = _("Answer the closing questions for your side: they help the agencies to learn from it.")
        return Panel("", _("Before you go"), asked, asked_of=saying.ask)
    return Panel("closed", _("Ended"), saying.ask)


def _unanswered(d: Disagreement, move: str, links: dict[str, Any]) -> bool:
    return move in links and (move != "say_still_at_risk" or d.still_at_risk is None)


# ── beside it ───────────────────────────────────────────────────────────────────────────────────────────────────────


def ladder(d: Disagreement, clocks: list[Clock], began_at: int) -> list[dict[str, str]]:
    """The steps of this policy, and when each was worked on; after the end only those that were reached. Below the step at which
    it began (a child at immediate risk) nothing was done."""
    spent = {clock.step: clock for clock in clocks}
    highest = max([d.step, *spent])
    steps = []
    for step in d.policy.ladder:
        if step.number < began_at and step.number != d.step:
            steps.append({"name": step.name, "state": "skipped", "when": ""})
        elif d.is_open and step.number == d.step:
            when = _("due %(when)s") % {"when": times.weekday_day(d.due_at)} if d.due_at else ""
            steps.append({"name": step.name, "state": "now", "when": when})
        elif step.number < d.step or (not d.is_open and step.number <= highest):
            steps.append({"name": step.name, "state": "done", "when": _between(spent.get(step.number))})
        elif d.is_open:
            steps.append({"name": step.name, "state": "ahead", "when": ""})
    return steps


def _between(clock: Clock | None) -> str:
    """ "2 March 2026 to 4 March 2026"; one day alone where it began and ended on the same."""
    if clock is None:
        return ""
    days = list(dict.fromkeys(times.day(moment) for moment in (clock.started_at, clock.stopped_at) if moment))
    return _("%(first)s to %(last)s") % {"first": days[0], "last": days[-1]} if len(days) > 1 else days[0]


def _audits(d: Disagreement, person: Any) -> bool:
    appointed = person.appointments.on(timezone.localdate())
    return appointed.filter(partnership=d.partnership_id, office=Office.AUDITOR).exists()
