"""Asks once, before words leave a disagreement, whether those that may identify somebody should stay: the words are shown marked.

A form that holds such words takes three lines:

    class MyForm(forms.Form):
        issue = fields.WordsField(…)
        identifies_no_one = marking.confirming()     # under this name, and not among its `sections`

        def clean(self):
            answers = super().clean()
            marking.check(self, ["issue"], known)                   # known: marking.known_about(disagreement), or None
            return answers

and its template, below the question: {% include "learning/identifying.html" %}
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from disputes.models import Child, ChildReference, Disagreement
from learning import identifying
from learning.identifying import Found, Kind, Known, Part
from pages import fields, forms

AT_MOST_NAMED = 6

GIVES_AWAY = {
    Kind.CHILD: gettext_lazy("what a child is called here"),
    Kind.REFERENCE: gettext_lazy("a reference"),
    Kind.PERSON: gettext_lazy("a person’s name"),
    Kind.AGENCY: gettext_lazy("an agency or team"),
    Kind.DATE: gettext_lazy("a date"),
    Kind.AGE: gettext_lazy("initials with an age"),
    Kind.NUMBER: gettext_lazy("a person’s number"),
    Kind.PLACE: gettext_lazy("an address"),
    Kind.CONTACT: gettext_lazy("a telephone number or email address"),
}


@dataclass(frozen=True)
class Marked:
    """One text of a form in which something was found: what a page shows below the question."""

    label: str
    parts: list[Part]
    found: list[tuple[str, str]]  # a word, and what it gives away; each once


def confirming() -> fields.TickField:
    """The box to tick. The page shows it only below marked words, with a hidden field that remembers which words those were."""
    return fields.TickField(label=gettext_lazy("I have read the marked words: this identifies no one"), required=False)


def known_about(d: Disagreement) -> Known:
    """What this disagreement calls children, people, teams and agencies. Reads rows that whoever sees it may see."""
    references = ChildReference.objects.filter(disagreement=d).values_list("reference", flat=True)
    sides = list(d.sides.select_related("team__agency"))
    teams = [side.team for side in sides if side.team is not None]
    return Known(
        children=tuple(d.children.values_list("pseudonym", flat=True)),
        references=(d.reference, *references),
        people=tuple(User.objects.filter(pk__in=d.seats.values("person")).values_list("name", flat=True)),
        agencies=tuple(sorted({team.agency.name for team in teams})),
        teams=tuple(sorted({team.name for team in teams})),
        everywhere=d.partnership.name,
    )


def known_of(disagreements: Iterable[UUID]) -> tuple[Known, bool]:
    """What the children of these are called, as far as the reader sits there (the database shows no others); and whether that is all."""
    asked = set(disagreements)
    found = list(Child.objects.filter(disagreement__in=asked).values_list("disagreement", "pseudonym"))
    return Known(children=tuple(sorted({name for _d, name in found}))), bool(asked) and asked == {d for d, _name in found}


def check(form: forms.Form, names: list[str], known: Known | None = None) -> None:
    """In `clean`: refuses texts with such words, unless the box below the marked words was ticked for them. Leaves `form.marked`:
    a list of Marked, empty where nothing was found. What was typed stays as it is."""
    texts = {name: form.cleaned_data.get(name) or "" for name in names}
    found = {name: identifying.find(text, known) for name, text in texts.items()}
    now = _digests(one for several in found.values() for one in several)
    form.marked = [  # type: ignore[attr-defined]
        _marked(str(form.fields[name].label), texts[name], several) for name, several in found.items() if several
    ]
    confirmed = form.cleaned_data.get("identifies_no_one") and now <= set(re.findall(r"[0-9a-f]{12}", form.data.get("seen_words", "")))
    form.seen_words = " ".join(sorted(now))  # type: ignore[attr-defined]
    if not now or confirmed:
        return
    for name, several in found.items():
        if several:
            form.add_error(name, _refused(several))


def _marked(label: str, text: str, found: list[Found]) -> Marked:
    once = {one.text.casefold(): (one.text, str(GIVES_AWAY[one.kind])) for one in found}
    return Marked(label, identifying.parts(text, found), list(once.values()))


def _refused(found: list[Found]) -> str:
    words = list(dict.fromkeys(one.text for one in found))
    named = ", ".join(f"“{word}”" for word in words[:AT_MOST_NAMED])
    if len(words) > AT_MOST_NAMED:
        named += " …"
    return _("This may identify somebody: %(words)s. Change it, or say below that it identifies no one.") % {"words": named}


def _digests(found: Iterable[Found]) -> set[str]:
    """What the hidden field keeps: enough to know whether the same words were confirmed, not the words."""
    return {hashlib.sha256(one.text.casefold().encode()).hexdigest()[:12] for one in found}


__all__ = ["Marked", "check", "confirming", "known_about", "known_of"]
