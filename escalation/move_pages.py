"""One page for every move: what will happen, who will be told, what is asked; then the move itself, or plainly why not."""

from __future__ import annotations

import uuid
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.second_factor import ask_again, is_fresh
from audit import trail
from audit.models import Trace
from disputes.disagreement import by_reference
from disputes.models import Disagreement, Entry
from disputes.seats import Actor
from disputes.stages import Capacity, ChildSafe
from escalation import answer_forms, foresight, mediation, moves, outcomes, reading, versions, words
from escalation.forms import FORMS
from escalation.move_form import MoveForm, Occasion
from escalation.moves import MoveRefused, Overtaken
from escalation.opened import opened
from escalation.page import identity, move_url, say_for
from escalation.refusals import SentBefore
from pages import times
from pages.kept import key_of, posted

LEFT_BY = "left_by"  # in the session: the key of the page by which this person left a disagreement, which they cannot find again
SECOND_PERSON = ("countersign", "refuse_countersign", "lift_exclusion", "confirm_break_glass", "refuse_break_glass")
CONSIDERING = ("accept_mediation", "decline_mediation", "ask_for_more", "answer_the_chair")  # both positions stand above the questions
OF_THE_SESSION = ("answer_session", "cancel_session")  # the session itself does
READ_FIRST = ("answer", "accept_mediation", "decline_mediation")  # both views stand open: they are what is answered


@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, reference: str, slug: str) -> HttpResponse:
    """GET asks, POST makes the move through the door. A stale page, a refusal and a double post keep what was typed."""
    name = slug.replace("-", "_")
    if name not in FORMS or slug != name.replace("_", "-"):
        raise Http404
    now = timezone.now()
    key, seen = key_of(request), _seen(request)
    try:
        d = by_reference(reference, _person(request))
    except Disagreement.DoesNotExist:
        return _out_of_sight(request, name, key)
    actor = d.standing.actor(_person(request))
    before = Entry.objects.filter(disagreement=d, person=_person(request), key=key).first() if request.method == "POST" else None
    if before and before.kind == name and _says_the_same(request, before):
        # the same page posted twice
        return redirect(FORMS[name].leads_to(before, _person(request)) or reverse("disagreement", args=[d.reference]))
    if needs_fresh_factor(d, actor, name) and not is_fresh(request):
        return ask_again(request)
    is_open = name in {one.name for one in d.open_moves(actor)}
    form = _form(request, d, name, Occasion(d, actor, now, asked=request.GET.dict()), is_open=is_open)
    if request.method != "POST":
        return _ask(request, d, name, form, key) if form else _not_open(request, d, name)
    try:
        if before:
            key = uuid.uuid4()  # what they send next is a page of its own
            raise SentBefore
        if seen != d.move_version and not d.is_note(name):
            raise Overtaken(moves.latest_move(d))
        if form is None:
            raise MoveRefused(_("That is not open to you now."))
        if not form.is_valid():
            return _ask(request, d, name, form, key)
        with transaction.atomic():
            form.make_ready()
            entry = moves.make(d.pk, name, by=_person(request), given=form.given(), seen=seen, key=key, now=now)
            form.follow(entry)
    except Disagreement.DoesNotExist:  # gone from their sight while this page waited for the other's move
        _note_refusal(request, d, name)
        return _out_of_sight(request, name, key)
    except Overtaken as overtaken:
        return _overtaken(request, reference, name, overtaken, key)
    except MoveRefused as refused:
        _note_refusal(request, d, name)
        if not _still_sees(request, d.pk):
            return _out_of_sight(request, name, key)
        if form is None:
            return _not_open(request, d, name, str(refused))
        form.add_error(None, str(refused))  # open, but not with what was chosen: everything stays in the form
        return _ask(request, d, name, form, key, status=409)
    return _done(request, entry, key)


def needs_fresh_factor(d: Disagreement, actor: Actor, name: str) -> bool:
    """The Chair's acts, and those of a second person, are made by who has just shown that it is they."""
    return (not d.is_note(name) and actor.party_seat() is None and actor.seat_in(Capacity.CHAIR) is not None) or name in SECOND_PERSON


def _person(request: HttpRequest) -> User:
    return request.user  # type: ignore[return-value]  # every view here is behind the sign-in


def _seen(request: HttpRequest) -> int:
    """The move version of the page they looked at; -1, which no page has, when it is spoilt."""
    typed = request.POST.get("seen", "")
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 10 else -1


def _says_the_same(request: HttpRequest, entry: Entry) -> bool:
    """Whether the words are those that were sent with this key before; not so after "back" and a change of mind."""
    typed = sorted(text.replace("\r\n", "\n").strip() for _label, text in _typed(request))
    same = typed == sorted(text.value.strip() for text in entry.texts.all())
    return same and FORMS[entry.kind].repeats(request.POST.dict(), entry)


def _form(request: HttpRequest, d: Disagreement, name: str, occasion: Occasion, *, is_open: bool) -> MoveForm | None:
    """The move's form; None where the move is not open, for then its choices may not exist."""
    if not is_open:
        return None
    return FORMS[name](occasion, posted(request))


# ── what is answered ────────────────────────────────────────────────────────────────────────────────────────────────


def _ask(request: HttpRequest, d: Disagreement, name: str, form: MoveForm, key: UUID, status: int = 200, **more: Any) -> HttpResponse:
    """The page that asks. `more` is what a page that was overtaken says besides."""
    opened(request, d, name)
    stated = reading.positions(d)
    context = {
        **_page_of(d, name),
        "form": form,
        "key": key,
        "told": foresight.who_will_be_told(d, name, form.occasion.actor),
        "views": reading.two_views(d, stated),
        "mediation": mediation.part(d, form.occasion.actor, stated) if name in (*CONSIDERING, *OF_THE_SESSION) else None,
        "views_open": name in READ_FIRST,
        "reopened": reading.reopened(d) if name in READ_FIRST else None,
        "outcome": outcomes.outcome(d, timezone.localdate()) if form.shows_outcome or name == "propose_outcome" else None,
        "since": versions.since_the_one_before(d) if form.shows_outcome else None,
        **more,
    }
    return render(request, "escalation/moves/move.html", context, status=status)


def _not_open(request: HttpRequest, d: Disagreement, name: str, why: str = "") -> HttpResponse:
    """The move is not open to this person now: said plainly, what they typed to be copied."""
    opened(request, d, name)
    actor = d.standing.actor(_person(request))
    context = {
        **_page_of(d, name),
        "why": why or _("That is not open to you now."),
        "saying": say_for(d, actor),
        "open_moves": _links(d, actor),
        "typed": _typed(request),
    }
    return render(request, "escalation/moves/not_open.html", context, status=409)


def _overtaken(request: HttpRequest, reference: str, name: str, overtaken: Overtaken, key: UUID) -> HttpResponse:
    """Somebody moved first: what happened, what is open now, and everything they typed, in the form if it is still open."""
    try:
        d = by_reference(reference, _person(request))  # again: it has moved
    except Disagreement.DoesNotExist:
        return _out_of_sight(request, name, key)
    _note_refusal(request, d, name)
    actor = d.standing.actor(_person(request))
    happened = overtaken.entry or moves.latest_move(d)
    news = {
        "happened": happened,
        "sentence": words.say_entry(happened) if happened else "",
        "saying": say_for(d, actor),
        "open_moves": _links(d, actor),
    }
    if name in {one.name for one in d.open_moves(actor)}:
        form = FORMS[name](Occasion(d, actor, timezone.now()), request.POST)
        return _ask(request, d, name, form, key, status=409, overtaken=True, **news)
    opened(request, d, name)
    context = {**_page_of(d, name), **news, "why": str(overtaken), "overtaken": True, "typed": _typed(request)}
    return render(request, "escalation/moves/not_open.html", context, status=409)


def _out_of_sight(request: HttpRequest, name: str, key: UUID) -> HttpResponse:
    """Not open to this person, or no such disagreement: the same answer, with what they typed to be copied and nothing of any case.
    Who left it by this very page, and posted it twice, is answered as the first time."""
    if request.method == "POST":
        kept = type(request.session)(request.session.session_key)  # afresh: the first of two posts may have ended a moment ago
        if kept.get(LEFT_BY) == str(key):
            if request.session.get(LEFT_BY) != str(key):
                _say_they_left(request, name, key)
            return redirect("/desk/")
    return words_back(request, _typed(request))


def words_back(request: HttpRequest, typed: list[tuple[str, str]]) -> HttpResponse:
    """The 404 of a disagreement, hidden or absent; whoever sent words to it, or was writing some, finds them there."""
    if not typed:
        raise Http404
    return render(request, "escalation/moves/out_of_sight.html", {"typed": typed}, status=404)


def _say_they_left(request: HttpRequest, name: str, key: UUID) -> None:
    """On the desk; and remembered at once, with the move itself, for the same page posted twice."""
    done = str(words.DONE.get(name, _("Done, and on record.")))
    messages.success(request, _("%(done)s You have left this disagreement.") % {"done": done})
    request.session[LEFT_BY] = str(key)
    request.session.save()


def _done(request: HttpRequest, entry: Entry, key: UUID) -> HttpResponse:
    """Back to the page, which says what happens next. No words of the case, and nobody's name."""
    sees = _still_sees(request, entry.disagreement_id)
    d = by_reference(entry.disagreement.reference, _person(request)) if sees else None
    if entry.child_safe == ChildSafe.NO or entry.kind == "say_child_at_immediate_risk":
        said = _(
            "If a child is in danger now, call 999, or the front door on %(front)s (out of hours %(night)s). The managers have been told."
        )
        messages.warning(request, said % {"front": entry.partnership.front_door, "night": entry.partnership.out_of_hours})
    if d is None:
        _say_they_left(request, entry.kind, key)
        return redirect("/desk/")
    if further := FORMS[entry.kind].leads_to(entry, _person(request)):
        return redirect(further)
    done = str(words.DONE.get(entry.kind, _("Done, and on record.")))
    further_on = "" if d.is_note(entry.kind) else _next(d, _person(request))  # a note moves nothing
    messages.success(request, f"{done} {further_on}".strip())
    return redirect("disagreement", d.reference)


def _still_sees(request: HttpRequest, disagreement: UUID) -> bool:
    return Disagreement.objects.visible_to(_person(request)).filter(pk=disagreement).exists()


def _next(d: Disagreement, person: User) -> str:
    """Whose move it is now and by when. Who that is, the page says: a message waits in the session until it is read."""
    saying = say_for(d, d.standing.actor(person))
    if not d.is_open:
        return saying.ask
    by = _(" By %(when)s.") % {"when": times.weekday_moment(saying.due_at)} if saying.due_at else ""
    if saying.mine:
        return _("It is your move.%(by)s") % {"by": by}
    return _("It is now their move.%(by)s") % {"by": by}


# ── pieces of these pages ───────────────────────────────────────────────────────────────────────────────────────────


def _page_of(d: Disagreement, name: str) -> dict[str, Any]:
    labels = {t.custom["label"] for t in getattr(Disagreement, name)._django_fsm.transitions.values()}
    return {**identity(d), "move": name, "label": str(next(iter(labels))), "urgency": d.policy.document.urgency.leave_first}


def _links(d: Disagreement, actor: Any) -> list[tuple[str, str]]:
    """(label, address) of every move open now."""
    return [(str(one.custom["label"]), address) for one in d.open_moves(actor) if (address := move_url(d, one.name))]


def _typed(request: HttpRequest) -> list[tuple[str, str]]:
    """(label, text) of what was typed in words, to be copied."""
    issues = {f"{part}_{n}" for n in answer_forms.ISSUES for part in ("issue", "how")}
    texts = [(name, str(text)) for name, text in (posted(request) or {}).items() if name in words.TEXTS or name in issues]
    return [(words.say_text(name), text) for name, text in texts if text.strip()]


def _note_refusal(request: HttpRequest, d: Disagreement, name: str) -> None:
    trail.note_apart(Trace.Kind.REFUSED, name, person=_person(request).pk, disagreement=d.pk, partnership=d.partnership_id)
