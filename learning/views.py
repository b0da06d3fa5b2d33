"""The closing questions of each side (23.7, 23.19, 23.20)."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from audit import trail
from audit.models import Trace
from disputes.disagreement import by_reference
from disputes.models import Disagreement, Entry
from disputes.stages import ChildSafe
from escalation import moves
from escalation.move_pages import words_back
from escalation.moves import MoveRefused
from escalation.opened import opened
from learning import marking
from learning.forms import ClosingQuestions
from learning.models import DebriefRequest, LearningPoint
from pages.kept import key_of, posted

MOVE = "answer_closing_questions"
ON_THE_DESK = 5
AT_MOST = 500


# ── the closing questions ───────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "HEAD", "POST"])
def closing_questions(request: HttpRequest, reference: str) -> HttpResponse:
    """Asked once of each side after the end (23.7, 23.19, 23.20). A double post and a colleague who was faster are harmless."""
    person = _person(request)
    form = ClosingQuestions(posted(request))
    try:
        d = by_reference(reference, person)
    except Disagreement.DoesNotExist:
        return words_back(request, form.typed)
    if request.method == "POST":
        form.known = marking.known_about(d)
    key = key_of(request)
    before = Entry.objects.filter(disagreement=d, person=person, key=key).first() if request.method == "POST" else None
    if before and [text.value for text in before.texts.all()] == [text for text in [_comment(request)] if text]:
        return redirect(f"/disagreements/{d.reference}/")  # the same page posted twice
    is_open = MOVE in {move.name for move in d.open_moves(d.standing.actor(person))}
    context = {"d": d, "url": f"/disagreements/{d.reference}/", "form": form, "key": key}
    if not is_open:
        return _not_open(request, context, d)
    if request.method != "POST" or not form.is_valid():
        opened(request, d, MOVE)
        return render(request, "learning/closing_questions.html", context)
    try:
        entry = moves.make(d.pk, MOVE, by=person, given=form.given(), seen=d.move_version, key=key, now=timezone.now())
    except Disagreement.DoesNotExist:  # gone from their sight meanwhile
        return words_back(request, form.typed)
    except MoveRefused:
        return _not_open(request, context, d)
    _keep(d, entry, form, person)
    if entry.child_safe == ChildSafe.NO:
        numbers = {"front": d.partnership.front_door, "night": d.partnership.out_of_hours}
        messages.warning(
            request, _("If a child is in danger now, call 999, or the front door on %(front)s (out of hours %(night)s).") % numbers
        )
    messages.success(request, _thanks(form))
    return redirect(f"/disagreements/{d.reference}/")


def _keep(d: Disagreement, entry: Entry, form: ClosingQuestions, person: User) -> None:
    """Beside the entry, in its transaction: the learning point and the debrief asked for. Posted twice at once, it is kept once."""
    side = entry.side
    if side is None:
        return
    common = {"partnership": d.partnership, "disagreement": d, "entry": entry}
    if form.names_a_general_issue:
        about, issue = form.cleaned_data["about"], form.cleaned_data["issue"]
        point = LearningPoint(**common, agency=side.team.agency, named_by=person, about=about, issue=issue)
        LearningPoint.objects.bulk_create([point], ignore_conflicts=True)
    if form.asks_for_a_debrief:
        DebriefRequest.objects.bulk_create([DebriefRequest(**common, side=side, asked_by=person)], ignore_conflicts=True)


def _thanks(form: ClosingQuestions) -> str:
    said = [_("Thank you. Your answers are on record.")]
    if form.names_a_general_issue:
        said.append(_("The general issue goes to your agency’s representative. You are told what comes of it."))
    if form.asks_for_a_debrief:
        said.append(_("The partnership’s office can see that you ask for a debrief."))
    return " ".join(said)


def _not_open(request: HttpRequest, context: dict[str, object], d: Disagreement) -> HttpResponse:
    """Answered already by a colleague, or not theirs to answer, or not ended: said plainly, what they typed to be copied."""
    opened(request, d, MOVE)
    form = context["form"]
    seat = d.standing.actor(_person(request)).speaking_seat()
    if d.is_open:
        why = _("The closing questions come when it has ended.")
    elif seat is not None and seat.side is not None:
        why = _("Your side has answered the closing questions.")
    else:
        why = _("The closing questions are for those who spoke for a side.")
    if request.method == "POST":
        trail.note(Trace.Kind.REFUSED, MOVE, person=_person(request).pk, disagreement=d.pk, partnership=d.partnership_id)
    typed = form.typed if isinstance(form, ClosingQuestions) else []
    return render(request, "learning/not_open.html", {**context, "form": None, "why": why, "typed": typed}, status=409)


def _person(request: HttpRequest) -> User:
    return request.user  # type: ignore[return-value]  # every view here is behind the sign-in


def _comment(request: HttpRequest) -> str:
    return request.POST.get("comment", "").replace("\r\n", "\n").strip()
