"""The form of a joint learning event."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from django import forms as django_forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Partnership
from learning import marking
from learning.log_form import HoursField
from learning.models import Capability, LearningEvent, Theme
from pages import fields, forms


class EventHours(HoursField):
    most = Decimal(40)


class EventForm(forms.Form):
    kind = fields.ChoiceField(
        label=gettext_lazy("What is it?"),
        choices=LearningEvent.Kind.choices,
        hints={
            LearningEvent.Kind.BRIEFING: gettext_lazy("Somebody tells, briefly, what changed or what was learnt."),
            LearningEvent.Kind.WORKSHOP: gettext_lazy("People of several agencies work on it together."),
            LearningEvent.Kind.SHADOWING: gettext_lazy("A day beside somebody in another agency."),
        },
        empty=gettext_lazy("Choose what it is"),
    )
    title = fields.LineField(
        label=gettext_lazy("What is it called?"),
        called=gettext_lazy("The title"),
        max_length=120,
        empty=gettext_lazy("Enter what it is called"),
    )
    about = fields.WordsField(
        label=gettext_lazy("What is it about? (optional)"),
        help_text=gettext_lazy("Everybody in the partnership can read this. Name no child, no family and no colleague."),
        called=gettext_lazy("What it is about"),
        rows=4,
        max_length=2000,
        required=False,
    )
    theme = fields.ChoiceField(
        label=gettext_lazy("From which theme does it come? (optional)"),
        help_text=gettext_lazy("So that it can be seen whether the theme comes up again afterwards."),
        widget=django_forms.Select,
        required=False,
    )
    starts_at = fields.MomentField(
        label=gettext_lazy("When does it begin?"),
        called=gettext_lazy("The time of the event"),
        not_past=True,
        help_text=gettext_lazy("For example 12 3 2026, 2pm"),
        empty=gettext_lazy("Enter the day and time at which it begins"),
    )
    hours = EventHours(
        label=gettext_lazy("How many hours does it take?"),
        help_text=gettext_lazy("Those who come can take them into their own log, for example 1.5"),
        empty=gettext_lazy("Enter how many hours it takes"),
    )
    place = fields.LineField(
        label=gettext_lazy("Where is it?"),
        help_text=gettext_lazy("A room, or how to join a video call."),
        called=gettext_lazy("The place"),
        empty=gettext_lazy("Enter where it is"),
    )
    areas = fields.ChoicesField(
        label=gettext_lazy("Which part of working with disagreement is it about?"),
        choices=Capability.choices,
        empty=gettext_lazy("Choose at least one part of working with disagreement"),
    )
    agencies = fields.ChoicesField(
        label=gettext_lazy("For which agencies is it? (optional)"),
        help_text=gettext_lazy("Leave all empty: it is for all of them."),
        required=False,
    )

    identifies_no_one = marking.confirming()

    def __init__(self, data: Any = None, *, partnership: Partnership, is_new: bool, **options: Any) -> None:
        super().__init__(data, **options)
        agencies = [(str(one.pk), one.name) for one in partnership.agencies.order_by("name")]
        self.fields["agencies"].choices = agencies  # type: ignore[attr-defined]
        if is_new:
            themes = [(str(one.pk), one.title) for one in Theme.objects.filter(partnership=partnership)]
            self.fields["theme"].choices = [("", _("None")), *themes]  # type: ignore[attr-defined]
        else:  # what it is and where it comes from is settled
            del self.fields["theme"], self.fields["kind"]

    @property
    def questions(self) -> list[Any]:
        """All but the box that belongs below marked words."""
        return [bound for bound in self.visible_fields() if bound.name != "identifies_no_one"]

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        marking.check(self, ["title", "about"])
        answers.pop("identifies_no_one", None)
        return answers

    def clean_theme(self) -> uuid.UUID | None:
        return uuid.UUID(self.cleaned_data["theme"]) if self.cleaned_data["theme"] else None
