"""What an entry of somebody's own log asks: the task apart from the people; how one went about conflict is a question, no label."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django import forms as django_forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from learning.models import Capability
from pages import fields, forms

MOST_HOURS = Decimal(200)  # of one entry: a long course

QUESTIONS: dict[str, str | Promise] = {
    "task": gettext_lazy("What it was about"),
    "process": gettext_lazy("What got in the way"),
    "style": gettext_lazy("How I went about it"),
    "learned": gettext_lazy("What I learnt"),
    "changed": gettext_lazy("What changed in my practice"),
}
"""The questions of an entry in short, as they stand over what was answered."""


class HoursField(fields.Asked, django_forms.Field):
    """Hours to one decimal, as people write them (1.5, 1,5); None where it is left out."""

    called = gettext_lazy("The hours")

    def __init__(self, **options: Any) -> None:
        options.setdefault("widget", django_forms.TextInput(attrs={"class": "govuk-input--width-4", "inputmode": "decimal"}))
        super().__init__(**options)

    def prepare_value(self, value: Any) -> Any:
        return f"{value.normalize():f}" if isinstance(value, Decimal) else value

    def clean(self, value: Any) -> Decimal | None:
        typed = str(value or "").strip().replace(",", ".")
        if not typed:
            if self.required:
                raise ValidationError(self.error_messages["required"], code="required")
            return None
        if not re.fullmatch(r"[0-9]{1,4}(\.[0-9])?", typed, re.ASCII):
            raise ValidationError(_("%(called)s must be a number like 2 or 1.5"), code="number", params={"called": self.called})
        hours = Decimal(typed)
        if not 0 < hours <= self.most:
            said = {"called": self.called, "most": self.most}
            raise ValidationError(_("%(called)s must be more than 0, and no more than %(most)s"), code="range", params=said)
        return hours

    most = MOST_HOURS


class EntryForm(forms.Form):
    on = fields.DayField(
        label=gettext_lazy("When was it?"),
        called=gettext_lazy("The day"),
        not_future=True,
        empty=gettext_lazy("Enter the day on which it was"),
    )
    title = fields.LineField(
        label=gettext_lazy("What was it, in a few words?"),
        help_text=gettext_lazy("For example “Meeting about a threshold”. Leave out names, of children and of colleagues."),
        called=gettext_lazy("The title"),
        max_length=120,
        empty=gettext_lazy("Enter in a few words what it was"),
    )
    hours = HoursField(
        label=gettext_lazy("How many hours? (optional)"),
        help_text=gettext_lazy("As your professional register counts them, for example 1.5"),
        required=False,
    )
    role = fields.LineField(
        label=gettext_lazy("In which role? (optional)"), called=gettext_lazy("The role"), max_length=120, required=False
    )
    areas = fields.ChoicesField(
        label=gettext_lazy("Which part of working with disagreement was it about? (optional)"), choices=Capability.choices, required=False
    )
    task = fields.WordsField(
        label=gettext_lazy("What did we disagree about? (optional)"),
        help_text=gettext_lazy("The question itself, as if the people had been others."),
        rows=4,
        required=False,
    )
    process = fields.WordsField(
        label=gettext_lazy("What in systems or bureaucracy got in the way? (optional)"),
        help_text=gettext_lazy("Forms, waiting, who has to sign what, computers that do not talk to each other."),
        rows=4,
        required=False,
    )
    style = fields.WordsField(
        label=gettext_lazy("How did I go about the conflict, and would I do so again? (optional)"),
        help_text=gettext_lazy(
            "Did I press, give way, look for a middle, keep out of it, or look for something new with them? Each has its time. "
            "Left out of the PDF unless you ask for it."
        ),
        rows=4,
        required=False,
    )
    learned = fields.WordsField(label=gettext_lazy("What did I learn? (optional)"), rows=4, required=False)
    changed = fields.WordsField(label=gettext_lazy("What changed in my practice? (optional)"), rows=4, required=False)

    sections = [
        (gettext_lazy("What it was"), ["on", "title", "hours", "role", "areas"]),
        (gettext_lazy("The question, apart from the people"), ["task", "process"]),
        (gettext_lazy("Myself"), ["style", "learned", "changed"]),
    ]
