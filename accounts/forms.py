"""What the sign-in page asks, and how often somebody wants mail."""

from typing import Any

from django import forms as django_forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Mail
from pages import fields, forms

LONGEST_PASSWORD = 1000  # more is not a password, and hashing it is work


class SignIn(forms.Form):
    """A work e-mail address and a password. It says nothing about which of the two was wrong."""

    email = fields.LineField(
        label=_("Email address"),
        called=_("The email address"),
        empty=_("Enter your email address"),
        max_length=254,
        widget=django_forms.EmailInput(attrs={"autocomplete": "username", "spellcheck": "false"}),
    )
    password = django_forms.CharField(
        label=_("Password"),
        strip=False,
        widget=django_forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": _("Enter your password")},
    )

    def clean_email(self) -> str:
        return self.cleaned_data["email"].strip().lower()

    def clean_password(self) -> str:
        """As typed; what cannot be a password is one that is wrong."""
        password: Any = self.cleaned_data["password"]
        return password if len(password) <= LONGEST_PASSWORD else ""


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
