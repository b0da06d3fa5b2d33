"""A form as a page shows it: the markup of each question, and the summary of what is wrong."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.forms.renderers import TemplatesSetting
from django.utils.functional import cached_property

from pages.kept import Kept

CSS_OF = {
    forms.Textarea: "govuk-textarea",
    forms.Select: "govuk-select",
    forms.FileInput: "govuk-file-upload",
    forms.widgets.Input: "govuk-input",
}
WITHOUT_A_BOX = (forms.RadioSelect, forms.CheckboxSelectMultiple, forms.CheckboxInput, forms.HiddenInput)


class BoundField(forms.BoundField):
    """A question with its answer, in the markup of the design system: classes, and the ids of hint and error."""

    @property
    def heading(self) -> bool:
        """Is its label the heading of the page?"""
        return getattr(self.field, "heading", False)

    @property
    def label_size(self) -> str:
        return getattr(self.field, "label_size", "l" if self.heading else "s")

    @property
    def said_limit(self) -> int | None:
        """The number of characters that the page names below the box."""
        return getattr(self.field, "said_limit", None)

    @property
    def said_limit_in_words(self) -> str:
        return f"{self.said_limit or 0:,}"

    @property
    def is_one_box(self) -> bool:
        """One box to tick, with its label behind it."""
        return isinstance(self.field.widget, forms.CheckboxInput)

    @property
    def wrong_parts(self) -> tuple[str, ...]:
        """Of a date: the boxes that are wrong, all of them where the error does not say."""
        parts = getattr(self.field, "parts", ())
        refused = self.form.errors.as_data().get(self.name, [])
        named = {part for error in refused for part in (getattr(error, "params", None) or {}).get("parts", parts)}
        return tuple(part for part in parts if part in named)

    @property
    def first_focus(self) -> str:
        """The id of the element that a link to this question must reach: the first choice, the first wrong box."""
        if parts := self.wrong_parts:
            return f"{self.auto_id}_{parts[0]}"
        if isinstance(self.field.widget, forms.RadioSelect | forms.CheckboxSelectMultiple) and len(self):
            return self[0].id_for_label or ""
        return self.id_for_label or self.auto_id

    @property
    def aria_describedby(self) -> str:
        present = {"hint": self.help_text and not self.is_one_box, "error": self.errors, "info": self.said_limit}
        return " ".join(f"{self.auto_id}-{what}" for what, there in present.items() if there and not self.is_hidden)

    def build_widget_attrs(self, attrs: Any, widget: forms.Widget | None = None) -> Any:
        attrs = dict(super().build_widget_attrs(attrs, widget))
        widget = widget or self.field.widget
        attrs.pop("required", None)  # the page says what is missing, in its own words
        if getattr(self.field, "parts", None):
            attrs["wrong_parts"] = self.wrong_parts
        css = next((css for kind, css in CSS_OF.items() if isinstance(widget, kind)), "")
        if css and not isinstance(widget, WITHOUT_A_BOX):
            classes = [css, f"{css}--error" if self.errors else "", "govuk-js-character-count" if self.said_limit else ""]
            attrs["class"] = " ".join(filter(None, [*classes, widget.attrs.get("class")]))
        return attrs


class Renderer(TemplatesSetting):
    """FORM_RENDERER: forms that are not ours get the same markup."""

    bound_field_class = BoundField


class Form(forms.Form):
    """Our form. `sections` may group its questions: [(title, [names])]."""

    bound_field_class = BoundField
    use_required_attribute = False
    sections: ClassVar[list[tuple[Any, list[str]]]] = []

    def __init__(self, data: Any = None, *args: Any, **options: Any) -> None:
        """`data` may be what was kept of this page (pages.kept): then it stands in the form, which is not sent yet and has no errors."""
        self.kept = data if isinstance(data, Kept) else None
        super().__init__(None if self.kept is not None else data, *args, **options)

    def get_initial_for_field(self, field: forms.Field, field_name: str) -> Any:
        """What hidden fields carry is the page's own, and new each time; everything else is as it was left."""
        if self.kept is None or field.widget.is_hidden or field.disabled:
            return super().get_initial_for_field(field, field_name)
        name = self.add_prefix(field_name)
        if field.widget.value_omitted_from_data(self.kept, {}, name) or isinstance(field.widget, forms.FileInput):
            return super().get_initial_for_field(field, field_name)
        return field.widget.value_from_datadict(self.kept, {}, name)

    @property
    def error_summary(self) -> list[tuple[str, str]]:
        """What is wrong, in the order of the page: the message, and the id to go to ("" where no question is meant)."""
        return summary_of(self)

    @cached_property
    def field_groups(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """The questions under the titles of their sections; without sections one group without a title."""
        if not self.sections:
            return [("", self.visible_fields())]
        return [(title, [self[name] for name in names]) for title, names in self.sections]


def summary_of(form: forms.BaseForm) -> list[tuple[str, str]]:
    """The error summary of any form, ours or not."""
    whole = [(str(message), "") for message in form.errors.get(NON_FIELD_ERRORS, [])]
    return whole + [
        (str(message), getattr(field, "first_focus", field.id_for_label)) for field in form.visible_fields() for message in field.errors
    ]
