"""The forms of the moves about who must not see it: conflicts of interest, and what was opened in an emergency."""

from __future__ import annotations

from typing import Any

from django import forms as django_forms
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Appointment, Office, User
from disputes.models import Entry
from escalation import effects, seating
from escalation.move_form import MoveForm, say_post
from pages import fields

ONESELF = "me"
SEES_BY_OFFICE = ~Q(office=Office.ADMINISTRATOR)  # who sees no disagreement by it


class Exclude(MoveForm):
    happens = gettext_lazy(
        "You, and people of your own side, are shut out at once: they cannot find this any more, and whoever you choose acts in "
        "their place. For anybody else this asks the partnership’s office, which hears of it in any case and can lift it again."
    )
    submit = gettext_lazy("They should not see this")
    person = fields.ChoiceField(
        label=gettext_lazy("Who has a conflict of interest?"),
        help_text=gettext_lazy("The person it is about, a relative, or somebody who cannot be impartial. It may be yourself."),
        widget=django_forms.Select,
        empty=gettext_lazy("Choose who has a conflict of interest"),
    )
    instead = fields.ChoiceField(
        label=gettext_lazy("Who acts in their place?"),
        help_text=gettext_lazy("Only where they have a place now. Leave it empty if nobody fits; the page then says so."),
        widget=django_forms.Select,
        required=False,
    )
    reason = fields.WordsField(
        label=gettext_lazy("What is the conflict?"),
        help_text=gettext_lazy("Everybody who takes part reads this. Say no more than they need."),
        rows=3,
        empty=gettext_lazy("Say what the conflict is"),
    )

    def ask(self) -> None:
        d, standing = self.occasion.disagreement, self.occasion.standing
        seated = {person.pk: person for person in standing.people_in(standing.seats) if person.pk != self.occasion.actor.person.pk}
        coming = [post.holder for side in standing.party_sides for post in _further_up(self, side) if post.holder]
        offices = Appointment.objects.on(timezone.localdate(self.occasion.now)).filter(SEES_BY_OFFICE, partnership=d.partnership)
        offices = offices.filter(Q(agency=None) | Q(agency__in=[side.team.agency_id for side in standing.party_sides])).select_related(
            "person"
        )
        others = {p.pk: p for p in [*coming, *(one.person for one in offices)] if p.pk not in {*seated, *standing.excluded}}
        others.pop(self.occasion.actor.person.pk, None)
        self.people: dict[str, User] = {str(p.pk): p for p in [*seated.values(), *others.values()]}
        self.people[ONESELF] = self.occasion.actor.person
        self.let_choose(
            "person",
            [
                ("", _("Choose a person")),
                (ONESELF, _("Myself")),
                *((str(p.pk), p.name) for p in sorted(seated.values(), key=lambda p: p.name)),
                *((str(p.pk), _("%(name)s (not here yet)") % {"name": p.name}) for p in sorted(others.values(), key=lambda p: p.name)),
            ],
        )
        self.places = {key: seating.instead_of(d, person) for key, person in self.people.items() if person.pk not in others}
        posts = {post.pk: post for found in self.places.values() for post in found}
        self.let_choose("instead", [("", _("Nobody yet")), *((str(pk), say_post(post)) for pk, post in posts.items())])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        chosen, instead = cleaned.get("person"), cleaned.get("instead")
        if chosen and instead and instead not in {str(post.pk) for post in self.places.get(chosen, [])}:
            self.add_error("instead", _("Choose somebody who can act in the place of that person"))
        return cleaned

    def facts(self) -> dict[str, Any]:
        person = self.people[self.cleaned_data["person"]]
        facts: dict[str, Any] = {"person": str(person.pk)}
        if not effects.may_exclude_at_once(self.occasion.disagreement, self.occasion.actor, person):
            return facts | {"asked": True}
        return facts | ({"instead": self.cleaned_data["instead"]} if self.cleaned_data.get("instead") else {})


def _further_up(form: MoveForm, side: Any) -> list[Any]:
    """Who would come in later for a side: its line above those who act now."""
    post = seating.acting_post(form.occasion.disagreement, side)
    return post.up_the_line() if post else []


class LiftExclusion(MoveForm):
    happens = gettext_lazy("They can find it again if they have a right to. A place that went to somebody else stays with them.")
    submit = gettext_lazy("Lift it")
    fact_names = ("person",)
    person = fields.ChoiceField(label=gettext_lazy("Who had no conflict after all?"), empty=gettext_lazy("Choose a person"))
    reason = fields.WordsField(label=gettext_lazy("How do you know?"), rows=3, empty=gettext_lazy("Say how you know"))

    def ask(self) -> None:
        people = User.objects.filter(pk__in=self.occasion.standing.excluded).exclude(pk=self.occasion.actor.person.pk).order_by("name")
        self.let_choose("person", [(str(person.pk), person.name) for person in people])


class ConfirmBreakGlass(MoveForm):
    happens = gettext_lazy("You say, as a second person, that it was right to open it. Their access ends by itself after four hours.")
    submit = gettext_lazy("Confirm it")
    fact_names = ("person",)
    person = fields.ChoiceField(label=gettext_lazy("Who opened it in an emergency?"), empty=gettext_lazy("Choose a person"))
    note = fields.WordsField(label=gettext_lazy("Is there anything to add? (optional)"), rows=3, required=False)

    def ask(self) -> None:
        waiting = [pk for pk in self.occasion.standing.unconfirmed_emergencies if pk != self.occasion.actor.person.pk]
        people = User.objects.filter(pk__in=waiting).order_by("name")
        self.let_choose("person", [(str(person.pk), person.name) for person in people])
        if len(waiting) == 1:
            self.fields["person"].initial = str(waiting[0])


class RefuseBreakGlass(ConfirmBreakGlass):
    happens = gettext_lazy("Their access ends at once. What they saw stays in the trail, and this in the record.")
    submit = gettext_lazy("End that access")
    note = fields.WordsField(label=gettext_lazy("Why should it not have been opened?"), rows=3, empty=gettext_lazy("Say why"))

    @classmethod
    def repeats(cls, data: Any, entry: Entry) -> bool:
        return data.get("person") == entry.facts.get("person")
