"""The forms of debriefs: asking for one, arranging it, the answer, the joint note, and a theme that may leave it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from disputes.models import Entry
from escalation.move_form import MoveForm
from learning import marking
from learning.forms import LONGEST_ISSUE
from learning.identifying import Known
from learning.models import DebriefParticipant, DebriefRequest, LearningPoint
from pages import fields, forms

Answer = DebriefParticipant.Answer
FEWEST = 2


class AskForDebrief(MoveForm):
    """The move's form (escalation.forms.FORMS takes it when Django starts): it leaves a request for the office beside the entry."""

    happens = gettext_lazy(
        "The partnership’s office finds a date and asks the people of both sides. Nobody has to come. "
        "What is said there is no part of this record."
    )
    submit = gettext_lazy("Ask for a debrief")
    note = fields.WordsField(
        label=gettext_lazy("What would you like to talk about? (optional)"),
        help_text=gettext_lazy("Both sides can read this in the record."),
        rows=3,
        required=False,
    )

    def follow(self, entry: Entry) -> None:
        if entry.side is not None:
            row = DebriefRequest(
                partnership=entry.partnership, disagreement=entry.disagreement, entry=entry, side=entry.side, asked_by=entry.person
            )
            DebriefRequest.objects.bulk_create([row], ignore_conflicts=True)


class ArrangeForm(forms.Form):
    """Without `people` (they are settled once it is arranged) it asks only when and where."""

    people = fields.ChoicesField(label=gettext_lazy("Who is asked?"), help_text=gettext_lazy("It is voluntary for everybody."), choices=[])
    starts_at = fields.MomentField(
        label=gettext_lazy("When is it?"),
        called=gettext_lazy("The time of the debrief"),
        not_past=True,
        help_text=gettext_lazy("For example 12 3 2026, 2pm"),
        empty=gettext_lazy("Enter the day and time of the debrief"),
    )
    place = fields.LineField(
        label=gettext_lazy("Where is it?"),
        help_text=gettext_lazy("A room, or how to join a video call. Name no child."),
        called=gettext_lazy("The place"),
        empty=gettext_lazy("Enter where it is"),
    )
    facilitator = fields.LineField(
        label=gettext_lazy("Who leads it? (optional)"),
        help_text=gettext_lazy("Somebody who took no side."),
        called=gettext_lazy("The name"),
        max_length=120,
        required=False,
    )

    def __init__(self, data: Any = None, *, people: Iterable[tuple[str, str]] | None = None, **options: Any) -> None:
        super().__init__(data, **options)
        if people is None:
            del self.fields["people"]
        else:
            self.fields["people"].choices = list(people)  # type: ignore[attr-defined]

    def clean_people(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["people"]
        if len(chosen) < FEWEST:
            raise ValidationError(_("Choose at least two people: a debrief is a talk"), code="few")
        return chosen


class AnswerForm(forms.Form):
    answer = fields.ChoiceField(
        label=gettext_lazy("Do you come?"),
        help_text=gettext_lazy("You need give no reason, and can change your answer."),
        choices=[(Answer.YES, gettext_lazy("Yes, I come")), (Answer.NO, gettext_lazy("No"))],
        empty=gettext_lazy("Say whether you come"),
    )

    def __init__(self, data: Any = None, *, is_past: bool = False, **options: Any) -> None:
        super().__init__(data, **options)
        if is_past:
            answer: Any = self.fields["answer"]
            answer.label, answer.help_text = _("Were you there?"), _("Who was there reads and writes the joint note.")
            answer.choices = [(Answer.YES, _("Yes")), (Answer.NO, _("No"))]


class NoteForm(forms.Form):
    text = fields.WordsField(
        label=gettext_lazy("What do you want to keep of it together?"),
        help_text=gettext_lazy("What helped, what got in the way, how you want to work together. Only those who were there can read it."),
        called=gettext_lazy("The note"),
        rows=10,
        empty=gettext_lazy("Enter what you want to keep of it"),
    )


class PointForm(forms.Form):
    about = fields.ChoiceField(
        label=gettext_lazy("What is the general issue about?"),
        choices=LearningPoint.About.choices,
        empty=gettext_lazy("Choose what the general issue is about"),
    )
    issue = fields.WordsField(
        label=gettext_lazy("Describe the general issue"),
        help_text=gettext_lazy("Name no child, no family and no colleague. It is read outside the debrief."),
        called=gettext_lazy("The general issue"),
        rows=4,
        max_length=LONGEST_ISSUE,
        empty=gettext_lazy("Describe the general issue, without naming anyone"),
    )
    identifies_no_one = marking.confirming()

    sections = [("", ["about", "issue"])]

    def __init__(self, data: Any = None, *, known: Known | None = None) -> None:
        super().__init__(data)
        self.known = known

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        marking.check(self, ["issue"], self.known)
        return answers
