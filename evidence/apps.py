"""Names the evidence room to Django."""

from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    name = "evidence"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from escalation import desk
        from evidence import trail_pages, views

        desk.MORE.append(views.on_the_desk)
        desk.MORE.append(trail_pages.on_the_desk)
