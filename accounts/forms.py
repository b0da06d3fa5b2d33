"""What is asked of somebody about their account: signing in, the second factor, a new password, how often they want mail."""

from __future__ import annotations

import json
from typing import Any

from django import forms as django_forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from accounts.models import Mail, User
from pages import fields, forms

LONGEST_PASSWORD = 1000  # more is not a password, and hashing it is work
LONGEST_CREDENTIAL = 20_000


def sent(request: HttpRequest) -> QueryDict | None:
    """What a form is made from: what was posted, be it nothing. Nothing of these forms is ever kept for later."""
    return request.POST if request.method == "POST" else None


class AddressField(fields.LineField):
    """A work e-mail address, as somebody types it; given on in lower case."""

    def __init__(self, **options: Any) -> None:
        options |= {
            "label": _("Email address"),
            "called": _("The email address"),
            "empty": _("Enter your email address"),
            "max_length": 254,
            "widget": django_forms.EmailInput(attrs={"autocomplete": "username", "spellcheck": "false"}),
        }
        super().__init__(**options)

    def clean(self, value: Any) -> str:
        return str(super().clean(value)).strip().lower()


class PasswordField(django_forms.CharField):
    """As typed; what is too long to be a password is one that is wrong."""

    def __init__(self, *, label: Any, empty: Any, new: bool = False, **options: Any) -> None:
        widget = django_forms.PasswordInput(attrs={"autocomplete": "new-password" if new else "current-password"})
        super().__init__(label=label, strip=False, widget=widget, error_messages={"required": empty}, **options)

    def clean(self, value: Any) -> str:
        password = str(super().clean(value))
        return password if len(password) <= LONGEST_PASSWORD else ""


class SignIn(forms.Form):
    """A work e-mail address and a password. It says nothing about which of the two was wrong."""

    email = AddressField()
    password = PasswordField(label=_("Password"), empty=_("Enter your password"))


class Code(forms.Form):
    """Six digits from an app, or a recovery code."""

    code = fields.LineField(
        label=_("Code"),
        called=_("The code"),
        help_text=_("The six digits that your app shows now, or one of your recovery codes."),
        empty=_("Enter a code"),
        max_length=40,
        widget=django_forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false", "class": "govuk-input--width-10"}
        ),
    )


class AppCode(Code):
    """The first code of an app that was just set up."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["code"].label = _now("What six digits does the app show?")
        self.fields["code"].help_text = ""


class PresentPassword(forms.Form):
    """The password once more, to confirm that it is they."""

    password = PasswordField(label=_("Your password"), empty=_("Enter your password"))


class Credential(forms.Form):
    """What a passkey answered: JSON from the browser, put in by the page's script."""

    credential = django_forms.CharField(
        widget=django_forms.HiddenInput,
        max_length=LONGEST_CREDENTIAL,
        error_messages={"required": _("The passkey was not used. Try again.")},
    )

    def clean_credential(self) -> dict[str, Any]:
        try:
            answer = json.loads(self.cleaned_data["credential"])
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise ValidationError(_("The passkey was not used. Try again."))
        return answer


class NewPasskey(Credential):
    """A passkey and what its owner calls it."""

    name = fields.LineField(
        label=_("What do you call it? (optional)"),
        called=_("The name"),
        help_text=_("For example “Work phone”, so that you can tell several apart."),
        required=False,
        max_length=60,
        width=20,
    )


class NewPassword(forms.Form):
    """A password of their choice, twice. What is wrong with it is said at once, with what would be right."""

    new = PasswordField(
        label=_("New password"),
        empty=_("Enter a new password"),
        new=True,
        help_text=_("At least 12 characters. Three or four words that have nothing to do with each other are good, with spaces too."),
    )
    again = PasswordField(label=_("The new password again"), empty=_("Enter the new password again"), new=True)

    def __init__(self, *args: Any, person: User, **options: Any) -> None:
        self.person = person
        super().__init__(*args, **options)

    def clean_new(self) -> str:
        new = self.cleaned_data["new"]
        password_validation.validate_password(new, self.person)
        return new

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        new, again = self.cleaned_data.get("new"), self.cleaned_data.get("again")
        if new and again and new != again:
            self.add_error("again", _("The two are not the same. Type the new password again."))
        return cleaned


class ChangedPassword(NewPassword):
    """The present password, and a new one."""

    field_order = ("present", "new", "again")

    present = PasswordField(label=_("Your password now"), empty=_("Enter the password that you have now"))


class Forgotten(forms.Form):
    """Whose password is forgotten."""

    email = AddressField()


class MailChoice(forms.Form):
    """How often mails come. What is urgent is no choice."""

    mail = fields.ChoiceField(
        label=_("How often do you want emails?"),
        heading=True,
        choices=Mail.choices,
        hints={
            Mail.AT_ONCE: _("Each message as it comes. Reminders come in office hours."),
            Mail.DAILY: _("At 8am on working days, if there is anything."),
            Mail.WEEKLY: _("At 8am on the first working day of the week, if there is anything. A reminder may then come after its date."),
        },
        help_text=_("Whatever you choose, an email comes at once when a child is said to be at immediate risk, or time is short."),
        empty=_("Choose how often you want emails"),
    )
