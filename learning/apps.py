"""Names the learning room to Django."""

from django.apps import AppConfig


class LearningConfig(AppConfig):
    name = "learning"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from escalation import beside, desk, forms, page
        from learning import debrief_forms, debriefs, events, tasks, thanks, together_tasks
        from learning import desk as learning_desk

        desk.MORE.append(learning_desk.on_the_desk)
        desk.MORE += [debriefs.on_the_desk, thanks.on_the_desk, events.on_the_desk]
        beside.STILL_OWED += [tasks.why_not, together_tasks.why_not]
        page.AFTERWARDS += [debriefs.after_the_end, thanks.after_the_end]
        forms.FORMS["ask_for_debrief"] = debrief_forms.AskForDebrief  # it leaves a row that only this room knows
