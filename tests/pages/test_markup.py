"""Our form templates give the markup of GOV.UK Frontend: compared with the fixtures that its package ships."""

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from django import forms as django_forms
from django.conf import settings
from django.template.loader import render_to_string

from pages import fields, forms

COMPONENTS = settings.BASE_DIR / "node_modules" / "govuk-frontend" / "dist" / "govuk" / "components"
IDS = ("id", "for", "name", "aria-describedby", "value", "data-maxlength")
VOID = {"input", "br"}


class Outline(HTMLParser):
    """A page as a list of tags and texts, so that white space and the order of attributes do not count.

    The names of ids differ (Django's are `id_outcome`), so they are numbered in the order in which they come.
    `aria-invalid` is ours: it tells a screen reader which box is wrong.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.lines: list[Any] = []
        self.ids: dict[str, str] = {}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {key: self.renamed(key, value or "") for key, value in attrs if key not in ("aria-invalid", "cols", "value")}
        if "class" in named:
            named["class"] = " ".join(sorted(named["class"].split()))
        self.lines.append((tag, sorted(named.items())))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            self.lines.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        if text := " ".join(data.split()):
            self.lines.append(text)

    def renamed(self, key: str, value: str) -> str:
        if key not in IDS:
            return value
        if key == "name":
            return "a name"
        return " ".join(self.ids.setdefault(word, f"id {len(self.ids) + 1}") for word in value.split())


def expected(component: str, name: str) -> list[Any]:
    fixtures = json.loads((COMPONENTS / component / "fixtures.json").read_text())["fixtures"]
    return Outline(next(fixture["html"] for fixture in fixtures if fixture["name"] == name)).lines


def ours(field: django_forms.Field, data: dict[str, Any] | None = None) -> list[Any]:
    form_class = type("OneQuestion", (forms.Form,), {"answer": field})
    return Outline(form_class(data)["answer"].as_field_group()).lines


PLAIN = {"label_size": ""}
GATEWAY = "You’ll have a user ID if you’ve registered for Self Assessment or filed a tax return online before."
VERIFY = (
    "You’ll have an account if you’ve already proved your identity with either Barclays, CitizenSafe, Digidentity, Experian, "
    "Post Office, Royal Mail or SecureIdentity."
)
NULLAM = "Nullam id dolor id nibh ultricies vehicula ut id elit."
WASTE = [
    ("animal", "Waste from animal carcasses"),
    ("mines", "Waste from mines or quarries"),
    ("farm", "Farm or agricultural waste"),
]


def input_with_hint() -> list[Any]:
    hint = "It’s on your National Insurance card, benefit letter, payslip or P60. For example, ‘QQ 12 34 56 C’."
    return ours(fields.LineField(label="National insurance number", help_text=hint, **PLAIN))


def input_with_error() -> list[Any]:
    empty = "Enter a National Insurance number in the correct format"
    return ours(fields.LineField(label="National Insurance number", empty=empty, **PLAIN), {})


def textarea_with_error() -> list[Any]:
    label = "Why can’t you provide a National Insurance number?"
    return ours(fields.WordsField(label=label, empty="You must provide an explanation", **PLAIN), {})


def input_as_heading() -> list[Any]:
    return ours(fields.LineField(label="National Insurance number", heading=True))


def plain_radios() -> list[Any]:
    return ours(fields.ChoiceField(label="Have you changed your name?", choices=[("yes", "Yes"), ("no", "No")], **PLAIN))


def radios_with_hints() -> list[Any]:
    choices = [("gateway", "Sign in with Government Gateway"), ("verify", "Sign in with GOV.UK Verify")]
    hints = {"gateway": GATEWAY, "verify": VERIFY}
    return ours(fields.ChoiceField(label="How do you want to sign in?", choices=choices, hints=hints, heading=True))


def checkboxes_with_error() -> list[Any]:
    hints = {value: NULLAM for value, _label in WASTE}
    label = "Which types of waste do you transport regularly?"
    field = fields.ChoicesField(label=label, choices=WASTE, hints=hints, empty="Please select an option", **PLAIN)
    return ours(field, {})


def select_with_hint_and_error() -> list[Any]:
    choices = [(str(number), f"GOV.UK frontend option {number}") for number in (1, 2, 3)]
    texts = {"label": "Label text goes here", "help_text": "Hint text goes here", "empty": "Error message goes here"}
    return ours(fields.ChoiceField(choices=choices, widget=django_forms.Select, **texts, **PLAIN), {})


def character_count() -> list[Any]:
    return ours(fields.WordsField(label="Can you provide more detail?", max_length=10, **PLAIN))


def date_with_hint() -> list[Any]:
    return ours(fields.DayField(label="What is your date of birth?", help_text="For example, 31 3 1980", **PLAIN))


@pytest.mark.parametrize(
    ("component", "name", "question"),
    [
        ("input", "with hint text", input_with_hint),
        ("input", "with error message", input_with_error),
        ("input", "with label as page heading", input_as_heading),
        ("textarea", "with error message", textarea_with_error),
        ("radios", "default", plain_radios),
        ("radios", "with hints on items", radios_with_hints),
        ("checkboxes", "with error message", checkboxes_with_error),
        ("select", "with hint text and error message", select_with_hint_and_error),
        ("character-count", "default", character_count),
        ("date-input", "default", date_with_hint),
    ],
)
def test_a_question_has_the_markup_of_the_design_system(component, name, question):
    assert question() == expected(component, name)


def test_the_error_summary_has_the_markup_of_the_design_system():
    problems = [
        ("The date your passport was issued must be in the past", "example-error-1"),
        ("Enter a postcode, like AA1 1AA", "example-error-2"),
    ]
    html = render_to_string("components/error_summary.html", {"problems": problems})
    assert Outline(html).lines == expected("error-summary", "default")


def test_only_the_wrong_part_of_a_date_is_marked():
    marked = ours(fields.DayField(label="When?", **PLAIN), {"answer_day": "6", "answer_month": "3"})
    boxes = [dict(line[1])["class"] for line in marked if isinstance(line, tuple) and line[0] == "input"]
    assert ["govuk-input--error" in css for css in boxes] == [False, False, True]
