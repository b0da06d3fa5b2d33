"""Names the audit room to Django."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Who comes, goes, fails to come in, or changes their way in: Django and allauth say so."""
        from allauth.account.signals import password_changed, password_reset, password_set
        from allauth.mfa.signals import authentication_failed, authenticator_added, authenticator_removed, authenticator_reset
        from allauth.socialaccount.signals import social_account_added
        from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed

        from accounts import passwords
        from audit import trail

        user_login_failed.connect(trail.note_failed_sign_in, dispatch_uid="trail")
        authentication_failed.connect(trail.note_failed_second_factor, dispatch_uid="trail")
        user_logged_in.connect(trail.note_signed_in, dispatch_uid="trail")
        user_logged_out.connect(trail.note_signed_out, dispatch_uid="trail")
        for signal in (password_set, password_changed):
            signal.connect(trail.note_password_changed, dispatch_uid="trail")
        passwords.WHEN_ASKED_FOR.append(trail.note_reset_asked)
        password_reset.connect(trail.note_password_reset, dispatch_uid="trail")
        for signal in (authenticator_added, authenticator_removed, authenticator_reset):
            signal.connect(trail.note_second_factor_changed, dispatch_uid="trail")
        social_account_added.connect(trail.note_organisation_linked, dispatch_uid="trail")
