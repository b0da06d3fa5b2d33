"""Notes of one side for itself: seen by that side only, outside the shared record, until somebody says in the record what is in them."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from disputes.models import SideNote
from disputes.stages import Capacity
from escalation.opened import opened
from escalation.page import find, identity
from pages import fields, forms
from pages.kept import posted


class WriteNote(forms.Form):
    """One note to one's own side."""

    text = fields.WordsField(
        label=gettext_lazy("Write a note for your side"),
        help_text=gettext_lazy("The other side, the Chair, the office and auditors do not see it. It is not part of the record."),
        rows=5,
        empty=gettext_lazy("Write the note"),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def our_notes(request: HttpRequest, reference: str) -> HttpResponse:
    """The notes of the reader's own side, newest first, and one more. Whoever sits on no side has none."""
    d = find(request, reference)
    actor = d.standing.actor(request.user)  # type: ignore[arg-type]
    seat = next((seat for seat in actor.seats if seat.side and seat.capacity != Capacity.TOLD), None)
    if seat is None or seat.side is None:
        raise Http404
    form = WriteNote(posted(request))
    if request.method == "POST" and form.is_valid():
        SideNote.objects.bulk_create(
            [
                SideNote(
                    partnership_id=d.partnership_id,
                    disagreement=d,
                    side=seat.side,
                    author=actor.person,
                    post=seat.post,
                    text=form.cleaned_data["text"],
                )
            ]
        )
        messages.success(request, _("Your side can read it."))
        return redirect("our-notes", d.reference)
    opened(request, d, "our_notes")
    notes = SideNote.objects.filter(side=seat.side, with_chair=False).select_related("author", "post").order_by("-written_at")[:200]
    return render(request, "escalation/page/our_notes.html", {**identity(d), "side": seat.side, "notes": notes, "form": form})
