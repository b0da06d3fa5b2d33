"""What the sign-in page asks."""

from typing import Any

from django import forms as django_forms
from django.utils.translation import gettext_lazy as _

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
