"""What an auditor looks for."""

from __future__ import annotations

from typing import Any

from django import forms as django_forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Agency
from disputes.stages import Stage
from pages import fields, forms


class Find(forms.Form):
    """Disagreements by when they were raised, their stage, and an agency on either side. Everything may be left open."""

    raised_from = fields.DayField(label=_("Raised from"), called=_("The first day"), required=False)
    raised_to = fields.DayField(label=_("Raised until"), called=_("The last day"), required=False)
    stage = fields.ChoiceField(label=_("Stage"), required=False, widget=django_forms.Select())
    agency = fields.ChoiceField(label=_("Agency"), required=False, widget=django_forms.Select())

    def __init__(self, *args: Any, agencies: list[Agency], **options: Any) -> None:
        super().__init__(*args, **options)
        stages = [choice for choice in Stage.choices if choice[0] != Stage.RECOGNITION]
        self.fields["stage"].choices = [("", _("Any stage")), *stages]  # type: ignore[attr-defined]
        choices = [("", _("Any agency")), *((str(agency.pk), agency.name) for agency in agencies)]
        self.fields["agency"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        first, last = found.get("raised_from"), found.get("raised_to")
        if first and last and last < first:
            self.add_error("raised_to", _("The last day must not be before the first day"))
        return found
