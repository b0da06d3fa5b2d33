"""The questions a form can ask. What is typed wrongly is kept, and the message says what to do."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dates import MONTHS, MONTHS_3
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pages import times

LONGEST_WORDS = 10_000
LONGEST_LINE = 200
PARTS = ("day", "month", "year")
FIRST_YEAR = 2000  # nothing that is asked about happened before
YEARS_AHEAD = 10  # plans reach no further


# ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Asked:
    """What every field of ours can be told: how its label stands and what to say when it is left empty.

    `empty` is the message for no answer, `heading` makes the label the heading of the page, `label_size` is "s", "m", "l"
    or "" (plain), `called` is the noun with which messages about a wrong answer begin.
    """

    called: Any = gettext_lazy("What you enter")
    unanswered: Any = gettext_lazy("Answer “{}”")
    unanswered_unnamed: Any = gettext_lazy("Enter an answer")

    def __init__(
        self,
        *args: Any,
        empty: Any = None,
        heading: bool = False,
        label_size: str | None = None,
        called: Any = None,
        **options: Any,
    ) -> None:
        self.heading = heading
        self.label_size = ("l" if heading else "s") if label_size is None else label_size
        self.called = called or self.called
        label = options.get("label")
        required = empty or (format_lazy(self.unanswered, label) if label else self.unanswered_unnamed)
        options["error_messages"] = {"required": required} | options.get("error_messages", {})
        super().__init__(*args, **options)


class _Text(Asked, forms.CharField):
    """Text without control characters and no longer than the record takes."""

    allowed_controls = ""

    def __init__(self, *, max_length: int, **options: Any) -> None:
        self.longest = max_length
        super().__init__(**options)

    def to_python(self, value: Any) -> str:
        text = "" if value is None else str(value).replace("\r\n", "\n").replace("\r", "\n")
        text = super().to_python(text) or ""
        if any(unicodedata.category(character) in ("Cc", "Cs") and character not in self.allowed_controls for character in text):
            raise ValidationError(self._stray_characters(text), code="control_characters", params={"called": self.called})
        return text

    def _stray_characters(self, text: str) -> str:
        return _("%(called)s contains characters that cannot be shown. Type it again, or paste it as plain text.")

    def validate(self, value: str) -> None:
        super().validate(value)
        if len(value) > self.longest:
            said = _("%(called)s must be %(limit)s characters or fewer. You have entered %(entered)s.")
            figures = {"called": self.called, "limit": f"{self.longest:,}", "entered": f"{len(value):,}"}
            raise ValidationError(said, code="max_length", params=figures)


class WordsField(_Text):
    """What a person says in their own words: several lines, 10,000 characters unless told otherwise.

    A limit that is given is also said below the box. Lines end in "\\n". Emoji and any script are welcome.
    """

    widget = forms.Textarea
    called = gettext_lazy("What you write")
    allowed_controls = "\n\t"

    def __init__(self, *, rows: int = 5, max_length: int | None = None, **options: Any) -> None:
        self.said_limit = max_length
        options.setdefault("widget", forms.Textarea(attrs={"rows": rows}))
        super().__init__(max_length=max_length or LONGEST_WORDS, **options)


class LineField(_Text):
    """One line of text, 200 characters unless told otherwise. `width` is the width of the box in characters (2 to 30)."""

    def __init__(self, *, width: int | None = None, max_length: int = LONGEST_LINE, **options: Any) -> None:
        if width:
            options.setdefault("widget", forms.TextInput(attrs={"class": f"govuk-input--width-{width}"}))
        super().__init__(max_length=max_length, **options)

    def _stray_characters(self, text: str) -> str:
        if "\n" in text:
            return _("%(called)s must be on one line")
        return super()._stray_characters(text)


# ── Choices ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Hinted:
    """A list of choices of which each may carry a hint. `hints` goes by the value of the choice."""

    def __init__(self, *args: Any, hints: Mapping[Any, Any] | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.hints = hints or {}

    def create_option(self, name: str, value: Any, *rest: Any, **options: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *rest, **options)  # type: ignore[misc]
        hint = self.hints.get(value) or self.hints.get(str(value))
        if hint:
            option["hint"] = hint
            option["attrs"]["aria-describedby"] = f"{option['attrs'].get('id', name)}-item-hint"
        return option


class Radios(_Hinted, forms.RadioSelect):
    """One of several, all seen at once."""


class Checkboxes(_Hinted, forms.CheckboxSelectMultiple):
    """Any number of several."""


class ChoiceField(Asked, forms.ChoiceField):
    """One of several. Few choices are radios; give `widget=forms.Select` for many."""

    unanswered = gettext_lazy("Choose an answer to “{}”")
    unanswered_unnamed = gettext_lazy("Choose an answer")

    def __init__(self, *, hints: Mapping[Any, Any] | None = None, **options: Any) -> None:
        options.setdefault("widget", Radios(hints=hints))
        options["error_messages"] = {"invalid_choice": gettext_lazy("Choose one of the answers in the list")} | options.get(
            "error_messages", {}
        )
        super().__init__(**options)


class ChoicesField(Asked, forms.MultipleChoiceField):
    """Any number of several, as checkboxes."""

    unanswered = gettext_lazy("Choose at least one answer to “{}”")
    unanswered_unnamed = gettext_lazy("Choose at least one answer")

    def __init__(self, *, hints: Mapping[Any, Any] | None = None, **options: Any) -> None:
        options.setdefault("widget", Checkboxes(hints=hints))
        options["error_messages"] = {"invalid_choice": gettext_lazy("Choose only answers in the list")} | options.get("error_messages", {})
        super().__init__(**options)


class TickField(Asked, forms.BooleanField):
    """One box to tick."""

    unanswered = gettext_lazy("Tick “{}”")
    unanswered_unnamed = gettext_lazy("Tick the box")


# ── Days and moments ────────────────────────────────────────────────────────────────────────────────────────────────


class DayParts(forms.Widget):
    """Three boxes, or four with the time. Its value is a date or datetime, or the parts as they were typed."""

    template_name = "django/forms/widgets/day_parts.html"
    use_fieldset = True

    def __init__(self, attrs: dict[str, Any] | None = None, *, parts: tuple[str, ...] = PARTS) -> None:
        super().__init__(attrs)
        self.parts = parts

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> dict[str, str]:
        return {part: str(data.get(f"{name}_{part}") or "").strip() for part in self.parts}

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return not any(f"{name}_{part}" in data for part in self.parts)

    def id_for_label(self, id_: str, index: Any = None) -> str:
        return f"{id_}_day" if id_ else id_

    def use_required_attribute(self, initial: Any) -> bool:
        return False

    def format_value(self, value: Any) -> dict[str, str]:
        """What stands in each box."""
        if isinstance(value, dict):
            return value
        if not value:
            return {}
        local = times.local_day(value)
        typed = {"day": str(local.day), "month": str(local.month), "year": str(local.year)}
        return typed | ({"time": times.time(value)} if isinstance(value, datetime) else {})

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        widget = context["widget"]
        wrong = widget["attrs"].pop("wrong_parts", ())
        labels = {"day": _("Day"), "month": _("Month"), "year": _("Year"), "time": _("Time")}
        widget["parts"] = [
            {
                "label": labels[part],
                "name": f"{name}_{part}",
                "id": f"{widget['attrs'].get('id', name)}_{part}",
                "value": widget["value"].get(part, ""),
                "width": {"year": 4, "time": 5}.get(part, 2),
                "numeric": part != "time",
                "wrong": part in wrong,
            }
            for part in self.parts
        ]
        return context


class DayField(Asked, forms.Field):
    """A day, typed as three parts; cleans to a `date`, or None where it may be left out.

    `not_future` and `not_past` refuse days after or before today; give a sentence instead of True to say it in your words.
    No day lies before the year 2000, and no plan (`not_past`) more than ten years ahead.
    A ValidationError of this field carries `params["parts"]`: the boxes that are wrong.
    """

    called = gettext_lazy("The date")
    unanswered = gettext_lazy("Enter the date: “{}”")
    unanswered_unnamed = gettext_lazy("Enter a date")
    parts: tuple[str, ...] = PARTS
    in_the_future: Any = gettext_lazy("%(called)s must be today or in the past")
    in_the_past: Any = gettext_lazy("%(called)s must be today or in the future")

    def __init__(self, *, not_future: Any = False, not_past: Any = False, **options: Any) -> None:
        self.not_future, self.not_past = not_future, not_past
        options.setdefault("widget", DayParts(parts=self.parts))
        super().__init__(**options)

    def clean(self, value: Any) -> Any:
        typed = self.widget.format_value(value)
        missing = [part for part in self.parts if not typed.get(part)]
        if len(missing) == len(self.parts):
            if self.required:
                raise self.wrong(_as_it_is(self.error_messages["required"]), self.parts, "required")
            return None
        if missing:
            raise self.wrong(_must_include(missing), missing, "incomplete")
        answer = self.read(typed)
        self.check_direction(answer)
        return answer

    def read(self, typed: Mapping[str, str]) -> Any:
        """The day that the parts name."""
        if not re.fullmatch(r"[0-9]{4}", typed["year"]):
            raise self.wrong(_("%(called)s must have a year of 4 numbers, for example 2026"), ["year"], "year")
        self.check_year(int(typed["year"]))
        day, month = _small_number(typed["day"]), _month_number(typed["month"])
        wrong = [part for part, real in (("day", 1 <= day <= 31), ("month", 1 <= month <= 12)) if not real]
        try:
            return date(int(typed["year"]), month, day)
        except ValueError:
            raise self.wrong(_("%(called)s must be a real date"), wrong or PARTS, "unreal") from None

    def check_year(self, year: int) -> None:
        """Refuse a year that is a slip of the hand."""
        last = timezone.localdate(timezone=times.LONDON).year + YEARS_AHEAD
        if year < FIRST_YEAR:
            raise self.wrong(_("%%(called)s must be in the year %(year)d or later") % {"year": FIRST_YEAR}, ["year"], "too early")
        if self.not_past and year > last:
            raise self.wrong(_("%%(called)s must be in the year %(year)d or earlier") % {"year": last}, ["year"], "too late")

    def now(self) -> Any:
        """What the answer is measured against."""
        return timezone.localdate(timezone=times.LONDON)

    def check_direction(self, answer: Any) -> None:
        """Refuse what lies on the wrong side of today (or of now)."""
        if self.not_future and answer > self.now():
            raise self.wrong(self.in_the_future if self.not_future is True else _as_it_is(self.not_future), self.parts, "future")
        if self.not_past and answer < self.now():
            raise self.wrong(self.in_the_past if self.not_past is True else _as_it_is(self.not_past), self.parts, "past")

    def wrong(self, message: Any, parts: Iterable[str], code: str) -> ValidationError:
        """The refusal, with the boxes to mark."""
        return ValidationError(message, code=code, params={"called": self.called, "parts": tuple(parts)})

    def has_changed(self, initial: Any, data: Any) -> bool:
        before, after = self.widget.format_value(initial), self.widget.format_value(data)
        return any(before.get(part, "") != after.get(part, "") for part in self.parts)


class MomentField(DayField):
    """A day and a time of day as people write it (5pm, 9.30am, 17:00); cleans to an aware datetime of London."""

    called = gettext_lazy("The date and time")
    unanswered = gettext_lazy("Enter the date and time: “{}”")
    unanswered_unnamed = gettext_lazy("Enter a date and time")
    parts = (*PARTS, "time")
    in_the_future = gettext_lazy("%(called)s must be in the past")
    in_the_past = gettext_lazy("%(called)s must be in the future")

    def now(self) -> datetime:
        return timezone.now()

    def read(self, typed: Mapping[str, str]) -> datetime:
        day = super().read(typed)
        text, zone = _without_zone(typed["time"])
        clock = _clock_time(text)
        if clock is None:
            raise self.wrong(_("%(called)s must include a time with am or pm, for example 5pm or 9.30am"), ["time"], "time")
        first = datetime(day.year, day.month, day.day, *clock, tzinfo=times.LONDON)
        return self.as_the_clock_showed(first, zone)

    def as_the_clock_showed(self, first: datetime, zone: str) -> datetime:
        """One moment, on the two nights of the year on which a clock time is missing or comes twice."""
        second = first.replace(fold=1)
        if first.utcoffset() == second.utcoffset():
            readings = [first]
        elif first.astimezone(UTC).astimezone(times.LONDON).hour != first.hour:
            raise self.wrong(_("That time did not happen: the clocks went forward that night"), ["time"], "no such time")
        else:
            readings = [first, second]
        possible = [reading for reading in readings if not zone or reading.tzname() == zone]
        if not possible:
            raise self.wrong(_("%(called)s must be as clocks in the UK showed it"), ["time"], "zone")
        if len(possible) > 1:
            said = _("That time came twice, because the clocks went back that night. Add BST for the first or GMT for the second")
            raise self.wrong(said, ["time"], "twice")
        return possible[0]


def _as_it_is(message: Any) -> str:
    """A sentence given from outside, safe where Django fills in parameters."""
    return str(message).replace("%", "%%")


def _must_include(missing: list[str]) -> str:
    """The date must include a year; … a day and month; … a day, month and time."""
    names = {"day": _("day"), "month": _("month"), "year": _("year"), "time": _("time")}
    *others, last = [names[part] for part in missing]
    if not others:
        return _("%%(called)s must include a %(part)s") % {"part": last}
    return _("%%(called)s must include a %(parts)s and %(last)s") % {"parts": ", ".join(others), "last": last}


def _small_number(text: str) -> int:
    """The number of one or two digits that is written, or 0."""
    return int(text) if re.fullmatch(r"[0-9]{1,2}", text) else 0


def _month_number(text: str) -> int:
    """3 for "3", "03", "March" and "mar"; 0 for anything else."""
    names = {str(name).casefold(): number for table in (MONTHS, MONTHS_3) for number, name in table.items()}
    return _small_number(text) or names.get(text.casefold().rstrip("."), 0)


def _without_zone(text: str) -> tuple[str, str]:
    """The time without a BST or GMT behind it, and that word."""
    found = re.fullmatch(r"(.*?)\s*(bst|gmt)", text, re.IGNORECASE)
    return (found[1], found[2].upper()) if found else (text, "")


def _clock_time(text: str) -> tuple[int, int] | None:
    """Hour and minute of "5pm", "9.30 a.m.", "17:00", "1700", "midday"; None where it is not a time, or am or pm is left open."""
    plain = text.casefold().replace(".m.", "m").replace(" ", "")
    named = {"midday": (12, 0), "noon": (12, 0), "midnight": (0, 0), _("midday"): (12, 0), _("midnight"): (0, 0)}
    if plain in named:
        return named[plain]
    if found := re.fullmatch(r"([0-9]{1,2})(?:[.:]?([0-9]{2}))?(am|pm)", plain):
        hour, minute = int(found[1]), int(found[2] or 0)
        return (hour % 12 + (12 if found[3] == "pm" else 0), minute) if 1 <= hour <= 12 and minute <= 59 else None
    if found := re.fullmatch(r"([0-9]{2})[.:]?([0-9]{2})", plain):
        hour, minute = int(found[1]), int(found[2])
        return (hour, minute) if hour <= 23 and minute <= 59 else None
    return None
