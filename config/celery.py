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
    "remind-of-drafts": {"task": "escalation.tasks.remind_of_drafts", "schedule": 60.0, "options": {"expires": 55}},
    "check-for-stalls": {"task": "escalation.tasks.check_for_stalls", "schedule": 600.0, "options": {"expires": 590}},  # works once a night
}

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("accord")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def start_the_database_we_bring(**_: Any) -> None:
    from config import database

    database.make_ready()
