"""Celery, and every timed job on one screen. Without a broker `manage.py relay` runs the same jobs in one process."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_init

# Each job may run twice and side by side: the rows, not the queue, know what was done.
SCHEDULE = {
    "sweep-clocks": {"task": "escalation.tasks.sweep_clocks", "schedule": 60.0, "options": {"expires": 55}},
    "send-owed-notices": {"task": "escalation.tasks.send_owed_notices", "schedule": 60.0, "options": {"expires": 55}},
    "redate-clocks": {"task": "escalation.tasks.redate_clocks", "schedule": 60.0, "options": {"expires": 55}},
    "hand-over-seats": {"task": "escalation.tasks.hand_over_seats", "schedule": 60.0, "options": {"expires": 55}},
    "check-emergencies": {"task": "escalation.tasks.check_emergencies", "schedule": 300.0, "options": {"expires": 290}},
    "remind-of-drafts": {"task": "escalation.tasks.remind_of_drafts", "schedule": 60.0, "options": {"expires": 55}},
    "remind-of-issues": {"task": "escalation.tasks.remind_of_issues", "schedule": 600.0, "options": {"expires": 590}},
    "make-exports": {"task": "evidence.tasks.make_exports", "schedule": 10.0, "options": {"expires": 9}},
    "tell-of-alarms": {"task": "audit.tasks.tell_of_alarms", "schedule": 60.0, "options": {"expires": 55}},
    "tell-what-was-learnt": {"task": "learning.tasks.tell_what_was_learnt", "schedule": 60.0, "options": {"expires": 55}},
    "send-letters": {"task": "accounts.tasks.send_letters", "schedule": 10.0, "options": {"expires": 9}},
    "forget-what-was-kept": {"task": "accounts.tasks.forget_what_was_kept", "schedule": 3600.0, "options": {"expires": 3500}},
    "release-figures": {"task": "learning.counting.release_figures", "schedule": 3600.0, "options": {"expires": 3500}},  # once a quarter
    "check-for-stalls": {"task": "escalation.tasks.check_for_stalls", "schedule": 600.0, "options": {"expires": 590}},  # works once a night
}

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("accord")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(related_name="counting")


@worker_init.connect
@beat_init.connect
def start_the_database_we_bring(**_: Any) -> None:
    from config import database

    database.make_ready()
