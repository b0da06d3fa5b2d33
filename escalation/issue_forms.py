"""The form by which an outstanding issue of an agreed outcome is said to be done, with its evidence (23.18)."""

from __future__ import annotations

from typing import Any

from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from disputes.models import OutstandingIssue
from disputes.rules import sees_to
from escalation.move_form import MoveForm
from pages import fields, times

SHOWN = 160  # letters of an issue beside its button; the whole of it stands on the page


class FinishIssue(MoveForm):
    happens = gettext_lazy("It is kept in the record with what you write, and both sides can read it. Reminders of it end.")
    submit = gettext_lazy("Say that it is done")
    issue = fields.ChoiceField(label=gettext_lazy("Which outstanding issue is done?"), empty=gettext_lazy("Choose the issue that is done"))
    evidence = fields.WordsField(
        label=gettext_lazy("What was done, and how can that be seen?"),
        help_text=gettext_lazy("For example the day of the visit, and where its note is kept. Do not enter names of a child."),
        empty=gettext_lazy("Enter what was done"),
    )

    def ask(self) -> None:
        """Those that the reader's side sees to; one alone is chosen already."""
        standing, actor = self.occasion.standing, self.occasion.actor
        self.issues: dict[str, OutstandingIssue] = {str(row.pk): row for row in standing.promised_issues if sees_to(row, actor)}
        agreement = standing.earlier_agreement or standing.agreement
        said = {text.field: text.value for text in agreement.entry.texts.all()} if agreement else {}
        self.let_choose("issue", [(pk, _say(row, said.get(f"issue_{row.number}", ""))) for pk, row in self.issues.items()])
        asked = self.occasion.asked.get("issue", "")
        chosen = [pk for pk, row in self.issues.items() if str(row.number) == asked] or (list(self.issues) if len(self.issues) == 1 else [])
        self.initial["issue"] = chosen[0] if chosen else None

    def facts(self) -> dict[str, Any]:
        row = self.issues[self.cleaned_data["issue"]]
        return super().facts() | {"issue": str(row.pk), "number": row.number}


def _say(row: OutstandingIssue, text: str) -> str:
    words = {"number": row.number, "text": Truncator(text).chars(SHOWN), "day": times.day(row.due_on)}
    return _("%(number)d. %(text)s (by %(day)s)") % words


FORMS: dict[str, type[MoveForm]] = {"finish_issue": FinishIssue}
