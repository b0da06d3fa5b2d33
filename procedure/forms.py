"""What the office is asked: the text of a policy, from which day, why not, who acts, which day is closed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms as django_forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Post
from pages import fields, forms, times
from procedure.calendars import Calendar
from procedure.policy import Document, PolicyError, PolicyErrors, load

LARGEST = 256 * 1024  # bytes of a policy
LONGEST_LINE = 160  # of a line that is shown beside its mistake
YEARS_AHEAD = 10


@dataclass(frozen=True)
class Mistake:
    """One thing wrong in a policy, with the line on which it stands."""

    error: PolicyError
    line: str


class PolicyTextField(fields.WordsField):
    """A policy as text. Where it is wrong is said line by line, beside the form."""

    called = gettext_lazy("The policy")

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=LARGEST, **options)
        self.said_limit = None


class FileField(fields.Asked, django_forms.FileField):
    """A file to choose."""


class PolicyText(forms.Form):
    """A file or the text itself; a file wins. `document` or `mistakes` stand here after checking."""

    file = FileField(
        label=gettext_lazy("Upload a policy file"), help_text=gettext_lazy("A text file in YAML, up to 256 KB"), required=False
    )
    text = PolicyTextField(label=gettext_lazy("Or paste or change it here"), rows=18, required=False, strip=False)

    document: Document | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.mistakes: list[Mistake] = []
        if self.is_bound:
            self.data: Any = self.data.copy()  # type: ignore[attr-defined]  # the text of a file is put into the box, to be mended there
        self.fields["text"].widget.attrs |= {"spellcheck": "false", "autocapitalize": "off", "wrap": "off", "class": "accord-code"}

    def clean_file(self) -> str:
        file = self.cleaned_data["file"]
        if not file:
            return ""
        if file.size > LARGEST:
            raise ValidationError(_("The file is larger than 256 KB. A policy is a few pages of text."))
        try:
            text = file.read().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError:
            raise ValidationError(_("The file is not text in UTF-8. Choose the policy’s own file, not a PDF or a Word document.")) from None
        if "\0" in text:
            raise ValidationError(_("The file is not text. Choose the policy’s own file, not a PDF or a Word document."))
        return text

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if "file" in self.errors:
            return found
        if found.get("file"):
            self.data["text"] = found["text"] = found["file"]
            self.errors.pop("text", None)
        elif "text" in self.errors:
            return found
        if not (found.get("text") or "").strip():
            self.add_error("file", _("Choose a policy file, or paste its text below"))
            return found
        self.read(found["text"])
        return found

    def read(self, text: str) -> None:
        try:
            self.document = load(text)
        except PolicyErrors as wrong:
            lines = text.splitlines()
            self.mistakes = [Mistake(error, _line(lines, error.line)) for error in wrong.errors]
            many = len(self.mistakes)
            said = (
                _("There is 1 mistake in the policy. Nothing was changed.")
                if many == 1
                else _("There are %d mistakes in the policy. Nothing was changed.") % many
            )
            self.add_error("text", said)


def _line(lines: list[str], number: int) -> str:
    """The line itself, cut where it is very long."""
    line = lines[number - 1].rstrip() if 1 <= number <= len(lines) else ""
    return line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + "…"


class FromWhen(forms.Form):
    """From which day it is to hold. The text travels with it."""

    text = PolicyTextField(widget=django_forms.HiddenInput(), strip=False)
    in_force_from = fields.DayField(
        label=gettext_lazy("From which day?"),
        help_text=gettext_lazy("It holds from the first minute of that day, for disagreements raised from then on."),
        called=gettext_lazy("The day"),
        not_past=True,
        empty=gettext_lazy("Enter the day from which it is to hold"),
    )


class Refusal(forms.Form):
    """Why a second person does not put it in force."""

    reason = fields.WordsField(
        label=gettext_lazy("Why not?"),
        help_text=gettext_lazy("The person who proposed it reads this."),
        rows=3,
        max_length=1000,
        called=gettext_lazy("The reason"),
        empty=gettext_lazy("Enter why you refuse it"),
    )


class WhoActs(forms.Form):
    """A post for a team at a level, its own or a borrowed one; empty goes back to the reporting line."""

    post = fields.ChoiceField(label=gettext_lazy("Who acts?"), required=False, widget=django_forms.Select())

    def __init__(self, *args: Any, posts: Iterable[Post], first: str, **options: Any) -> None:
        super().__init__(*args, **options)
        groups: dict[str, list[tuple[str, str]]] = {}
        for post in sorted(posts, key=lambda post: post.team.agency.name != first):
            groups.setdefault(post.team.agency.name, []).append((str(post.pk), f"{post}, {post.team.name or post.team.agency.name}"))
        self.fields["post"].choices = [("", _("Nobody in particular: follow the reporting line")), *groups.items()]  # type: ignore[attr-defined]


class Closure(forms.Form):
    """A day on which the partnership's offices are closed."""

    day = fields.DayField(label=gettext_lazy("Which day?"), called=gettext_lazy("The day"), empty=gettext_lazy("Enter the day"))
    name = fields.LineField(
        label=gettext_lazy("What is it called?"),
        help_text=gettext_lazy("For example “Office move”. It is shown wherever a due date is explained, so name nobody."),
        called=gettext_lazy("The name"),
        max_length=80,
        empty=gettext_lazy("Enter what the day is called"),
    )

    def __init__(self, *args: Any, calendar: Calendar, **options: Any) -> None:
        super().__init__(*args, **options)
        self.calendar = calendar

    def clean_day(self) -> dt.date:
        day = self.cleaned_data["day"]
        last = timezone.localdate(timezone=times.LONDON).year + YEARS_AHEAD
        if day.year > last:
            raise ValidationError(_("The day must be in the year %(year)d or earlier") % {"year": last})
        if name := self.calendar.holidays.get(day) or self.calendar.closures.get(day):
            raise ValidationError(_("%(day)s is a day off already: %(name)s") % {"day": times.weekday_day(day), "name": name})
        if not self.calendar.is_working_day(day):
            raise ValidationError(_("%(day)s is at a weekend, which is never counted") % {"day": times.weekday_day(day)})
        return day
