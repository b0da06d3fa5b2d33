"""Thanks for a good challenge or a good response (23.14): to a person and whoever manages them; outside the record, nothing of the case."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Post, User
from disputes.disagreement import by_reference
from disputes.models import Disagreement, Seat
from disputes.stages import Capacity
from escalation.desk import Section
from escalation.move_pages import words_back
from escalation.opened import opened
from escalation.page import Afterwards
from learning import marking, rooms
from learning.identifying import Known
from learning.membership import learner
from learning.models import Thanks
from pages import fields, forms, times
from pages.kept import posted

ON_THE_DESK_FOR = dt.timedelta(days=21)
LONGEST = 1000


class ThanksForm(forms.Form):
    to = fields.ChoiceField(label=gettext_lazy("Whom do you thank?"), choices=[], empty=gettext_lazy("Choose whom you thank"))
    what_for = fields.ChoiceField(
        label=gettext_lazy("What for?"),
        choices=Thanks.For.choices,
        hints={
            Thanks.For.CHALLENGE: gettext_lazy("They raised something, or held on to it, so that it could be seen."),
            Thanks.For.RESPONSE: gettext_lazy("They listened, looked again, answered openly."),
        },
        empty=gettext_lazy("Choose what you thank them for"),
    )
    text = fields.WordsField(
        label=gettext_lazy("What do you want to say?"),
        help_text=gettext_lazy("They and their manager read it. Say nothing of the case: no child, no family, nobody else."),
        called=gettext_lazy("Your thanks"),
        rows=4,
        max_length=LONGEST,
        empty=gettext_lazy("Enter what you want to say"),
    )
    identifies_no_one = marking.confirming()

    def __init__(self, data: Any = None, *, seats: dict[str, Seat], known: Known) -> None:
        super().__init__(data)
        self.known = known
        self.fields["to"].choices = [(pk, _said(seat)) for pk, seat in seats.items()]  # type: ignore[attr-defined]
        if len(seats) == 1:
            self.initial["to"] = next(iter(seats))

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        marking.check(self, ["text"], self.known)
        return answers

    @property
    def typed(self) -> list[tuple[str, str]]:
        """What was typed, to be copied where it cannot be sent."""
        text = str((self.kept or self.data or {}).get("text", ""))
        return [(str(self.fields["text"].label), text)] if text.strip() else []


def _said(seat: Seat) -> str:
    return ", ".join(filter(None, (seat.person.name, seat.post.title if seat.post else "", str(seat.side))))


# ── from a disagreement ─────────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "HEAD", "POST"])
def thank(request: HttpRequest, reference: str) -> HttpResponse:
    """Once a person and disagreement. A double post is harmless."""
    person = learner(request).person
    try:
        d = by_reference(reference, person)
    except Disagreement.DoesNotExist:
        text = request.POST.get("text", "")
        return words_back(request, [(str(_("Your thanks")), text)] if text.strip() else [])
    if not _may_thank(d, person):
        raise Http404
    opened(request, d, "thanks")
    thanked = set(Thanks.objects.filter(disagreement=d, from_person=person).values_list("to_person", flat=True))
    seats = _to_thank(d, person)
    left = {pk: seat for pk, seat in seats.items() if seat.person_id not in thanked}
    form = ThanksForm(posted(request), seats=left, known=_known(d, person))
    if request.method == "POST" and request.POST.get("to") in seats.keys() - left.keys():
        messages.success(request, _("Your thanks have been sent."))  # the same page posted twice
        return redirect("disagreement", d.reference)
    if request.method == "POST" and form.is_valid():
        _send(d, person, left[form.cleaned_data["to"]], form.cleaned_data)
        messages.success(request, _("Your thanks have been sent. They get a message, and so does their manager."))
        return redirect("disagreement", d.reference)
    context = {"d": d, "form": form, "url": reverse("disagreement", args=[d.reference]), "nobody": not left}
    return render(request, "learning/thanks/thank.html", context)


def _may_thank(d: Disagreement, person: User) -> bool:
    """Whoever takes part: not who was only told, and not who opened it in an emergency."""
    seats = d.standing.actor(person).seats
    return any(seat.capacity not in (Capacity.TOLD, Capacity.BREAK_GLASS) and not seat.positions_only for seat in seats)


def _to_thank(d: Disagreement, person: User) -> dict[str, Seat]:
    """Whoever sits on a side in their own person, but for who was only told: one seat each, the one from which they spoke first."""
    found: dict[str, Seat] = {}
    for seat in sorted(d.standing.seats, key=lambda seat: seat.step or 0):
        mine = seat.person_id == person.pk or seat.person_id in d.standing.excluded
        if seat.side_id and seat.capacity != Capacity.TOLD and seat.person.is_active and not mine:
            found.setdefault(str(seat.person_id), seat)
    return found


def _known(d: Disagreement, person: User) -> Known:
    """The names of giver and receiver may stand in it; those of children, references and teams are the case."""
    known = marking.known_about(d)
    return Known(children=known.children, references=known.references, everywhere=known.everywhere)


def _send(d: Disagreement, person: User, seat: Seat, given: dict[str, Any]) -> None:
    row = Thanks(
        partnership_id=d.partnership_id,
        disagreement=d,
        from_person=person,
        to_person=seat.person,
        manager=_manager_of(d, person, seat),
        what_for=given["what_for"],
        text=given["text"],
    )
    Thanks.objects.bulk_create([row], ignore_conflicts=True)


def _manager_of(d: Disagreement, person: User, seat: Seat) -> User | None:
    """Who manages them today: the nearest post above one of theirs that somebody holds; nobody where that is the giver, or somebody who
    must not know of the case."""
    held = list(Post.objects.filter(holder=seat.person_id, ended_on=None).order_by("pk"))
    own = next((post for post in held if post.pk == seat.post_id), next(iter(held), None))
    above = next((post for post in own.up_the_line() if post.is_held), None) if own else None
    holder = above.holder if above else None
    if holder is None or holder.pk in (person.pk, seat.person_id) or holder.pk in d.standing.excluded:
        return None
    return holder


# ── read ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def thanks(request: HttpRequest) -> HttpResponse:
    """Received, of the people one manages, and given. No disagreement is named."""
    me = learner(request)
    person = me.person
    found = Thanks.objects.filter(Q(to_person=person) | Q(manager=person) | Q(from_person=person))
    found = found.select_related("from_person", "to_person", "manager")
    context = {
        "received": [one for one in found if one.to_person_id == person.pk],
        "managed": [one for one in found if one.manager_id == person.pk],
        "given": [one for one in found if one.from_person_id == person.pk],
        "rooms": rooms.open_to(me),
    }
    return render(request, "learning/thanks/list.html", context)


def on_the_desk(person: User) -> Section | None:
    """The newest that came, to them or to somebody they manage."""
    since = timezone.now() - ON_THE_DESK_FOR
    found = Thanks.objects.filter(Q(to_person=person) | Q(manager=person), sent_at__gt=since).select_related("from_person", "to_person")
    lines = []
    for one in found[:5]:
        what = {"what": one.get_what_for_display().lower(), "giver": one.from_person.name, "receiver": one.to_person.name}
        to_me = one.to_person_id == person.pk
        said = _("%(giver)s thanks you for %(what)s") if to_me else _("%(giver)s thanks %(receiver)s for %(what)s")
        lines.append((said % what, times.day(one.sent_at)))
    return Section(_("Thanks"), lines, reverse("thanks"), _("Read it")) if lines else None


def after_the_end(d: Disagreement, person: User) -> list[Afterwards]:
    """Also while it is open: a good challenge may be thanked for at once."""
    if not _may_thank(d, person) or not _to_thank(d, person):
        return []
    said = _("For a good challenge or a good response. They and their manager read it; it is no part of the record.")
    return [Afterwards(_("Thank somebody"), reverse("thank", args=[d.reference]), said)]
