"""What is learnt: the closing questions of each side, and the list of what they brought to light."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Appointment, Office, Post, User
from audit import trail
from audit.models import Trace
from disputes.disagreement import by_reference
from disputes.models import Disagreement, Entry
from disputes.stages import ChildSafe
from escalation import moves
from escalation.desk import Section
from escalation.move_pages import words_back
from escalation.moves import MoveRefused
from escalation.opened import opened
from learning import marking
from learning.forms import ClosingQuestions
from learning.models import DebriefRequest, LearningPoint
from pages import times
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
        said.append(_("The general issue is on the list of your agency’s representative."))
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


# ── what was learnt ─────────────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def learning(request: HttpRequest) -> HttpResponse:
    """General issues: an agency's representative reads those of the agency, the office all, and whoever asks for a debrief. Others: 404.

    Nothing here leads to the disagreement: most readers have no seat at it, and need none to learn from it.
    """
    held = _appointments(_person(request))
    if not held:
        raise Http404
    posts = Post.objects.filter(ended_on=None).select_related("team__agency")
    debriefs = _debriefs(held).select_related("asked_by").prefetch_related(Prefetch("asked_by__posts", posts))
    seen: dict[UUID | None, dict[str, Any]] = {appointment.partnership_id: {"as": appointment.office} for appointment in held}
    trail.note_for_each(Trace.Kind.READ, "learning", seen, person=_person(request).pk)
    context = {
        "points": _points(held).select_related("agency", "named_by")[:AT_MOST],
        "debriefs": debriefs[:AT_MOST],
        "arranges_debriefs": any(appointment.office == Office.OFFICE for appointment in held),
    }
    return render(request, "learning/learning.html", context)


def on_the_desk(person: User) -> Section | None:
    """The newest of it, for the desks of representatives and of the office."""
    held = _appointments(person)
    if not held:
        return None
    newest = _points(held).select_related("agency")[:ON_THE_DESK]
    lines = [(str(point), f"{point.agency.name}, {times.day(point.recorded_at)}") for point in newest]
    if asked := _debriefs(held).count():
        said = ngettext("%(n)d debrief asked for", "%(n)d debriefs asked for", asked) % {"n": asked}
        lines.append((said, _("after disagreements that have ended")))
    if not lines:
        lines = [(_("No general issue has been named yet"), _("They come here when a disagreement ends."))]
    return Section(_("What others could learn"), lines, "/learning/", _("General issues and debriefs"))


def _appointments(person: User) -> list[Appointment]:
    offices = (Office.REPRESENTATIVE, Office.OFFICE)
    return list(Appointment.objects.on(timezone.localdate()).filter(person=person, office__in=offices))


def _points(held: list[Appointment]) -> QuerySet[LearningPoint]:
    mine = Q(pk__in=[])
    for appointment in held:
        own = Q(partnership=appointment.partnership_id)
        mine |= own if appointment.office == Office.OFFICE else own & Q(agency=appointment.agency_id)
    return LearningPoint.objects.filter(mine)


def _debriefs(held: list[Appointment]) -> QuerySet[DebriefRequest]:
    """The office arranges debriefs, for both sides together."""
    served = [appointment.partnership_id for appointment in held if appointment.office == Office.OFFICE]
    return DebriefRequest.objects.filter(partnership__in=served)
