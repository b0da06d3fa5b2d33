"""Names the audit room to Django."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_login_failed

        from audit import trail

        user_login_failed.connect(trail.note_failed_sign_in, dispatch_uid="trail")
