"""Names the accounts room to Django."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in, user_logged_out

        from accounts import sessions

        user_logged_in.connect(sessions.begin, dispatch_uid="session begins")
        user_logged_out.connect(sessions.forget_device, dispatch_uid="session ends")
