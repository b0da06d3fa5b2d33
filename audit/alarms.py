"""What is unusual enough for somebody to look at: more disagreements opened in an hour than the reader's role explains, a large export.

The reader's own request writes the alarm, in the statement that writes the trail: nothing is counted later, nothing is read back.
A reader may not see alarms, so that one is written once an hour is held by a key made of person, kind and hour.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.db import connection
from django.utils import timezone

from audit.models import Alarm, Trace

OPENING = (Trace.Kind.READ, Trace.Kind.PRINTED)
LARGE_EXPORT = 100  # disagreements
ALARMS = UUID("6f5e2f4e-6f0b-4b0e-9a56-4d5a7f2f6c11")  # the name space of their keys

_READING = """
    WITH noted AS ({insert}),
    opened AS (
        SELECT disagreement_id AS id, facts->>'role' AS role FROM audit_trace
        WHERE person_id = %s AND at > now() - interval '1 hour' AND kind IN ('read', 'printed') AND disagreement_id IS NOT NULL
        UNION ALL SELECT %s::uuid, %s
    ),
    counted AS (SELECT count(DISTINCT id) AS opened, coalesce(max((%s::jsonb->>role)::int), %s) AS usual FROM opened)
    INSERT INTO audit_alarm (id, kind, person_id, partnership_id, facts)
    SELECT %s, 'unusual_reading', %s, %s, jsonb_build_object('opened', opened, 'limit', usual) FROM counted WHERE opened > usual
    ON CONFLICT DO NOTHING
"""
_EXPORT = """
    WITH noted AS ({insert})
    INSERT INTO audit_alarm (id, kind, person_id, partnership_id, disagreement_id, facts) VALUES (%s, 'large_export', %s, %s, %s, %s)
    ON CONFLICT DO NOTHING
"""


def with_reading(
    insert: str, values: list[Any], person: UUID, disagreement: UUID, partnership: UUID | None, facts: dict[str, Any]
) -> tuple[str, list[Any]]:
    """The statement that notes a reading, with the alarm in it. Whoever reads in several roles has the widest limit of them."""
    limits = settings.ACCORD_READING_LIMITS
    more = [person, disagreement, facts.get("role"), json.dumps(limits), min(limits.values())]
    return _READING.format(insert=insert), [*values, *more, _key(Alarm.Kind.UNUSUAL_READING, person), person, partnership]


def with_export(
    insert: str, values: list[Any], person: UUID, disagreement: UUID | None, partnership: UUID | None, disagreements: int
) -> tuple[str, list[Any]]:
    """The statement that notes an export, with the alarm in it."""
    facts = json.dumps({"disagreements": disagreements, "limit": LARGE_EXPORT})
    key = _key(Alarm.Kind.LARGE_EXPORT, person, partnership)
    return _EXPORT.format(insert=insert), [*values, key, person, partnership, disagreement, facts]


def _key(kind: str, *whose: UUID | None) -> UUID:
    """One alarm of a kind for a person in an hour of the clock."""
    return uuid5(ALARMS, ":".join([kind, f"{timezone.now():%Y-%m-%dT%H}", *map(str, whose)]))


def about_emergency(entry: UUID, person: UUID | None, partnership: UUID, disagreement: UUID) -> int:
    """An emergency access that no second person confirmed in time; 1 if the alarm is new. Written by the clock, once for each access."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_alarm (id, kind, person_id, partnership_id, disagreement_id, facts) VALUES (%s, %s, %s, %s, %s, '{}')"
            " ON CONFLICT DO NOTHING",
            [uuid5(ALARMS, f"emergency {entry}"), Alarm.Kind.UNCONFIRMED_ACCESS, person, partnership, disagreement],
        )
        return cursor.rowcount
