"""Opening a disagreement in an emergency without a place in it: a reason, four hours, both agencies told at once, a second person after."""

from __future__ import annotations

import datetime as dt
import re

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.second_factor import fresh_second_factor
from audit import trail
from audit.models import Trace
from disputes.models import Disagreement
from disputes.stages import ChildSafe
from escalation import moves
from escalation.moves import Given
from pages import fields, forms
from pages.kept import key_of, posted

TRIES_AN_HOUR = 10


class OpenIt(forms.Form):
    """Which one, why now, and that they know who will hear of it."""

    reference = fields.LineField(
        label=gettext_lazy("Which disagreement?"),
        help_text=gettext_lazy("Its reference, for example K7PM-3XQD."),
        called=gettext_lazy("The reference"),
        empty=gettext_lazy("Enter the reference"),
        max_length=20,
        width=10,
    )
    reason = fields.WordsField(
        label=gettext_lazy("Why must you see it now?"),
        help_text=gettext_lazy("This stands in the record with your name."),
        rows=4,
        empty=gettext_lazy("Say why you must see it now"),
    )
    child_safe = fields.ChoiceField(
        label=gettext_lazy("Is the child safe now?"), choices=ChildSafe.choices, empty=gettext_lazy("Say whether the child is safe now")
    )
    knows = fields.TickField(
        label=gettext_lazy("I know that both agencies, the office and the Chair are told at once that I opened it."),
        empty=gettext_lazy("Tick to say that you know who is told"),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@fresh_second_factor
def emergency(request: HttpRequest) -> HttpResponse:
    """What cannot be opened and what does not exist get the same answer; every try is kept in the trail, and there are ten an hour."""
    person = request.user
    assert isinstance(person, User)  # noqa: S101 - the middleware lets nobody else in
    form = OpenIt(posted(request), initial={"reference": request.GET.get("reference", "")[:9]})
    key = key_of(request)
    if request.method == "POST" and form.is_valid():
        reference = as_written(form.cleaned_data["reference"])
        if Disagreement.objects.visible_to(person).filter(reference=reference).exists():
            messages.info(request, _("You can see this already."))
            return redirect("disagreement", reference)
        tried = Trace.objects.filter(person_id=person.pk, what="emergency", at__gt=timezone.now() - dt.timedelta(hours=1)).count()
        entry = None
        if tried < TRIES_AN_HOUR:
            given = Given(words={"reason": form.cleaned_data["reason"]}, child_safe=form.cleaned_data["child_safe"])
            entry = moves.break_glass(reference, by=person, given=given, key=key, now=timezone.now())
        if entry is not None:
            trail.note(
                Trace.Kind.READ, "emergency", person=person.pk, disagreement=entry.disagreement_id, partnership=entry.partnership_id,
                **{"as": "break_glass", "why": "emergency", "role": "practitioner"},
            )  # fmt: skip
            messages.success(request, _("You can see it for four hours. Both agencies, the office and the Chair have been told."))
            return redirect("disagreement", reference)
        trail.note_apart(Trace.Kind.REFUSED, "emergency", person=person.pk)
        form.add_error("reference", _("There is no disagreement with this reference that you can open. Check it, or ring the office."))
    return render(request, "escalation/emergency.html", {"form": form, "key": key})


def as_written(typed: str) -> str:
    """A reference as people write it down under pressure: without its dash, with spaces, in small letters."""
    letters = re.sub(r"[\s-]", "", typed).upper()
    return f"{letters[:4]}-{letters[4:]}"
