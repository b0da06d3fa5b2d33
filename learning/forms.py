"""The closing questions: one each about satisfaction, a general issue and a debrief (23.7, 23.19, 23.20)."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from disputes.stages import ChildSafe
from escalation.moves import Given
from learning import marking
from learning.identifying import Known
from learning.models import LearningPoint
from pages import fields, forms

YES_NO = [("yes", _("Yes")), ("no", _("No"))]
LONGEST_ISSUE = 2000


class ClosingQuestions(forms.Form):
    """Asked once of each side after the end. The general issue is kept apart, in words that identify no one."""

    worker_satisfied = fields.ChoiceField(
        label=_("Are you satisfied with how it was settled?"),
        choices=YES_NO,
        empty=_("Say whether you are satisfied with how it was settled"),
    )
    agency_satisfied = fields.ChoiceField(
        label=_("Is your agency satisfied?"), choices=YES_NO, empty=_("Say whether your agency is satisfied")
    )
    comment = fields.WordsField(
        label=_("What would you like to say about it? (optional)"),
        help_text=_("Both sides can read this."),
        called=_("What you say about it"),
        rows=3,
        required=False,
    )
    general_issue = fields.ChoiceField(
        label=_("Is there a general issue that others could learn from?"),
        help_text=_("For example a protocol that is unclear. It goes to your agency’s representative in the partnership."),
        choices=YES_NO,
        empty=_("Say whether there is a general issue"),
    )
    about = fields.ChoiceField(
        label=_("What is the general issue about?"),
        choices=LearningPoint.About.choices,
        required=False,
    )
    issue = fields.WordsField(
        label=_("Describe the general issue"),
        help_text=_("Name no child, no family and no colleague. It is read outside this disagreement."),
        called=_("The general issue"),
        rows=4,
        max_length=LONGEST_ISSUE,
        required=False,
    )
    identifies_no_one = marking.confirming()
    debrief = fields.ChoiceField(
        label=_("Would a debrief help?"),
        help_text=_("A talk between those involved, so that you go on working well together."),
        choices=YES_NO,
        empty=_("Say whether a debrief would help"),
    )
    child_safe = fields.ChoiceField(
        label=_("Is the child safe now?"), choices=ChildSafe.choices, empty=_("Say whether the child is safe now")
    )

    sections = [
        (_("How it went"), ["worker_satisfied", "agency_satisfied", "comment"]),
        (_("What others could learn"), ["general_issue", "about", "issue"]),
        (_("Working together"), ["debrief"]),
        (_("The child"), ["child_safe"]),
    ]

    def __init__(self, *args: Any, known: Known | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.known = known

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        if answers.get("general_issue") == "yes":
            if not answers.get("about") and "about" not in self.errors:
                self.add_error("about", _("Choose what the general issue is about"))
            if not answers.get("issue") and "issue" not in self.errors:
                self.add_error("issue", _("Describe the general issue, without naming anyone"))
            marking.check(self, ["issue"], self.known)
        return answers

    @property
    def names_a_general_issue(self) -> bool:
        return self.cleaned_data["general_issue"] == "yes"

    @property
    def asks_for_a_debrief(self) -> bool:
        return self.cleaned_data["debrief"] == "yes"

    @property
    def typed(self) -> list[tuple[str, str]]:
        """(label, what was typed) of every text that is not empty, to be copied where the form cannot be sent."""
        written = self.kept or self.data
        texts = [(str(self.fields[name].label), str(written.get(name, ""))) for name in ("comment", "issue")]
        return [(label, text) for label, text in texts if text.strip()]

    def given(self) -> Given:
        """The answers as the door takes them. The general issue itself is no part of the record: it identifies no one."""
        answers = self.cleaned_data
        facts = {name: answers[name] == "yes" for name in ("worker_satisfied", "agency_satisfied", "general_issue", "debrief")}
        return Given(words={"comment": answers["comment"]}, facts=facts, child_safe=answers["child_safe"])
