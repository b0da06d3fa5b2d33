"""What somebody who reads the trail looks for."""

from __future__ import annotations

from typing import Any

from django import forms as django_forms
from django.utils.translation import gettext_lazy as _

from audit.models import Trace
from pages import fields, forms

Kind = Trace.Kind
KINDS = {
    "opened": (_("Opened"), [Kind.READ]),
    "printed": (_("Printed"), [Kind.PRINTED]),
    "exported": (_("Exported"), [Kind.EXPORTED]),
    "listed": (_("Looked through a list"), [Kind.SEARCHED]),
    "refused": (_("Was refused"), [Kind.REFUSED]),
    "failed": (_("Failed to sign in"), [Kind.SIGN_IN_FAILED]),
    "signed": (_("Signed in or out"), [Kind.SIGNED_IN, Kind.SIGNED_OUT]),
    "changed": (_("Changed how they sign in"), [Kind.CHANGED]),
}


class Narrow(forms.Form):
    """Everything may be left open. The name is posted and becomes people: no name stands in an address."""

    name = fields.LineField(label=_("Person"), help_text=_("A name, or part of one"), called=_("The name"), required=False, width=20)
    reference = fields.LineField(
        label=_("Disagreement"), help_text=_("Its reference: K7PM-3XQD"), called=_("The reference"), required=False, width=10
    )
    kind = fields.ChoiceField(label=_("What they did"), required=False, widget=django_forms.Select())
    first = fields.DayField(label=_("From"), called=_("The first day"), required=False, not_future=True)
    last = fields.DayField(label=_("Until"), called=_("The last day"), required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [("", _("Anything")), *((key, label) for key, (label, _kinds) in KINDS.items())]
        self.fields["kind"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        first, last = found.get("first"), found.get("last")
        if first and last and last < first:
            self.add_error("last", _("The last day must not be before the first day"))
        return found
