"""The pages of a mediation: a private thread of each side with the Chair and the mediator, and the joint session for a calendar (23.17).

Messages stand outside the record, its chain and every export, under row-level security of their own (disputes.SideNote, with_chair).
"""

from __future__ import annotations

import datetime as dt
import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from disputes.models import Disagreement, Seat, Side, SideNote
from disputes.seats import Actor
from disputes.stages import MEDIATING, PARTIES, Capacity
from escalation import ics, notices
from escalation.mediation import address, is_writable, mediates, open_to, side_of
from escalation.move_pages import words_back
from escalation.opened import opened
from escalation.page import find, identity
from pages import fields, forms
from pages.kept import key_of, posted

MESSAGES_A_PAGE = 50
ROOM = uuid.UUID("6f0f5c0e-9a43-4f4e-8f5c-6d1f9f8f2f60")  # keys of pages become ids of messages in a room of their own


class WriteMessage(forms.Form):
    """One message in a private thread."""

    text = fields.WordsField(label=gettext_lazy("Your message"), rows=6, empty=gettext_lazy("Write your message"))


# ── the pages ───────────────────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "HEAD", "POST"])
def with_the_chair(request: HttpRequest, reference: str) -> HttpResponse:
    """A side's own thread with whoever mediates."""
    if (d := _found(request, reference)) is None:
        return _out_of_sight(request)
    actor = d.standing.actor(request.user)  # type: ignore[arg-type]
    side = side_of(actor)
    if side is None or mediates(actor) or side not in open_to(d, actor):
        return _out_of_sight(request)
    return _thread(request, d, actor, side)


@require_http_methods(["GET", "HEAD", "POST"])
def with_a_side(request: HttpRequest, reference: str, kind: str) -> HttpResponse:
    """For whoever mediates: the thread with one side."""
    if (d := _found(request, reference)) is None:
        return _out_of_sight(request)
    actor = d.standing.actor(request.user)  # type: ignore[arg-type]
    side = next((side for side in d.standing.party_sides if side.kind == kind and kind in PARTIES), None)
    if side is None or not mediates(actor) or side not in open_to(d, actor):
        return _out_of_sight(request)
    return _thread(request, d, actor, side)


def _found(request: HttpRequest, reference: str) -> Disagreement | None:
    try:
        return find(request, reference)
    except Http404:
        return None


def _out_of_sight(request: HttpRequest) -> HttpResponse:
    """Not open to this person, or no such disagreement: the same 404, and whoever sent words to it finds them there."""
    text = (posted(request) or {}).get("text", "")
    return words_back(request, [(_("Your message"), text)] if text.strip() else [])


def _thread(request: HttpRequest, d: Disagreement, actor: Actor, side: Side) -> HttpResponse:
    """Messages oldest first, the last page at first, and a form below them while writing is open."""
    form, key, status = WriteMessage(posted(request)), key_of(request), 200
    writable = is_writable(d)
    if request.method == "POST" and (form.is_valid() or not writable):
        if writable and _write(d, actor, side, form.cleaned_data["text"], key, timezone.now()):
            messages.success(request, _("Your message is there. Whoever it is for gets an email that says so, without your words."))
            return redirect(f"{address(d, side, actor)}#latest")
        form.add_error(None, _("The mediation is over, and nothing more can be written here. Nothing was sent: copy what you wrote."))
        writable, status = False, 409
    opened(request, d, "private_thread")
    notes = SideNote.objects.filter(side=side, with_chair=True).select_related("author", "post__team__agency").order_by("written_at", "id")
    pages = Paginator(notes, MESSAGES_A_PAGE)
    page = pages.get_page(request.GET.get("page") or pages.num_pages)
    is_mediating = mediates(actor)
    context = {
        **identity(d),
        "side": side,
        "form": form,
        "key": key,
        "page": page,
        "notes": [(note, _who(note, d)) for note in page],
        "is_writable": writable,
        "mediates": is_mediating,
        "other": next((one for one in open_to(d, actor) if one != side), None) if is_mediating else None,
        "readers": [one.name for one in _readers(d, side)],
    }
    return render(request, "escalation/mediation/thread.html", context, status=status)


def _who(note: SideNote, d: Disagreement) -> str:
    """As what somebody wrote: their post, or what they are in the mediation."""
    if note.post:
        return note.post.title
    seat = d.standing.actor(note.author).seat_in(*MEDIATING)
    return seat.get_capacity_display() if seat else _("mediated it then")


def _write(d: Disagreement, actor: Actor, side: Side, text: str, key: uuid.UUID, now: dt.datetime) -> bool:
    """Keeps the message and owes its notices. The page's key makes a repeated post harmless. False: it ended meanwhile."""
    locked = Disagreement.objects.select_for_update(of=("self",)).get(pk=d.pk)
    if not is_writable(locked):
        return False
    pk = uuid.uuid5(ROOM, f"{key} {actor.person.pk} {side.pk}")
    before = SideNote.objects.filter(pk=pk).first()
    if before and before.text == text:
        return True
    if before:
        pk = uuid.uuid4()  # "back", and other words: a message of its own
    seat = _seat_of(actor, side)
    note = SideNote(
        pk=pk,
        partnership_id=d.partnership_id,
        disagreement=d,
        side=side,
        with_chair=True,
        author=actor.person,
        post=seat.post if seat else None,
        text=text,
    )
    SideNote.objects.bulk_create([note])
    notices.owe_word_of(d, [person for person in _readers(d, side) if person.pk != note.author_id], note.pk, now)
    return True


def _seat_of(actor: Actor, side: Side) -> Seat | None:
    return next((seat for seat in actor.seats if seat.side_id == side.pk and seat.capacity != Capacity.TOLD), None)


def _readers(d: Disagreement, side: Side) -> list[User]:
    """Everybody who can read this thread today."""
    of_side = [seat for seat in d.standing.seats if seat.side_id == side.pk and seat.capacity != Capacity.TOLD]
    mediating = [seat for seat in d.standing.seats if seat.capacity in MEDIATING and not seat.positions_only]
    return d.standing.people_in([*of_side, *mediating])


# ── the joint session ───────────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def session_ics(request: HttpRequest, reference: str) -> HttpResponse:
    """The fixed session for a calendar, for whoever sees the record; the same 404 where none is fixed."""
    d = find(request, reference)
    actor = d.standing.actor(request.user)  # type: ignore[arg-type]
    session = d.standing.session
    if session is None or session.fixed_at is None or (actor.seats and all(seat.positions_only for seat in actor.seats)):
        raise Http404
    opened(request, d, "session_ics")
    method = ics.CANCEL if session.is_cancelled else ics.PUBLISH
    made = ics.invitation(session, d.reference, d.partnership.name, method=method, stamp=timezone.now())
    headers = {"Content-Disposition": f'attachment; filename="accord-{d.reference}.ics"'}
    return HttpResponse(made, content_type="text/calendar; charset=utf-8", headers=headers)
