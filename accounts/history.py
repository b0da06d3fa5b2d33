"""How rows are kept: every version with person and cause (django-simple-history), and triggers that nobody may switch off (pgtrigger)."""

from __future__ import annotations

import uuid
from typing import Any

import pgtrigger
from django.db import models
from simple_history.models import HistoricalRecords

from accounts.acting import current_entry, current_person, current_person_name, supplied_moment


class Kept(models.Model):
    """What every history row says beside the values: the entry that caused it and the actor's name in plain text.

    The name outlives the account (people are deactivated, never deleted); the entry gives side and times (23.18).
    """

    caused_by = models.UUIDField(null=True, default=current_entry)
    actor_name = models.CharField(max_length=200, default=current_person_name)

    class Meta:
        abstract = True


class History(HistoricalRecords):
    """simple-history with our columns and our acting person. Only for models whose columns hold no free text.

    Rows have random keys, so that writing one reads nothing back: its writer may not be allowed to see it.
    """

    def __init__(self, **options: object) -> None:
        super().__init__(bases=[Kept], get_user=current_person, history_id_field=models.UUIDField(default=uuid.uuid4), **options)  # type: ignore[arg-type]

    def create_history_model(self, model: type[models.Model], inherited: bool) -> type[models.Model]:
        """Adds the append-only triggers while the history model is being made, so that migrations carry them."""
        history_model = super().create_history_model(model, inherited)
        pgtrigger.register(*append_only())(history_model)
        return history_model

    def post_save(self, instance: models.Model, created: bool, using: str | None = None, **kwargs: Any) -> None:
        """As simple-history's, but for a save of nothing that history keeps: a sign-in, a password hashed anew, is no new version."""
        if not (saved := kwargs.get("update_fields")) or not set(saved) <= set(self.excluded_fields):
            super().post_save(instance, created, using=using, **kwargs)

    def create_historical_record(self, instance: models.Model, history_type: str, using: str | None = None) -> None:
        """As simple-history's; in demonstration and volume data with the time of the story."""
        if (moment := supplied_moment()) is None:
            return super().create_historical_record(instance, history_type, using)
        instance._history_date = moment  # type: ignore[attr-defined]  # where simple-history looks for it
        try:
            return super().create_historical_record(instance, history_type, using)
        finally:
            del instance._history_date  # type: ignore[attr-defined]


def append_only() -> list[pgtrigger.Trigger]:
    """Update, delete and truncate refused by the database, whoever asks (design: rules of the database)."""
    return [
        pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        pgtrigger.Trigger(
            name="never_truncated",
            level=pgtrigger.Statement,
            when=pgtrigger.Before,
            operation=pgtrigger.Truncate,
            func="RAISE EXCEPTION 'pgtrigger: % may not be truncated', TG_TABLE_NAME;",
        ),
    ]


def settled(*changing: str) -> pgtrigger.Trigger:
    """What a row says is settled when it is written; only the columns of these fields may change afterwards."""
    return pgtrigger.ReadOnly(name="settled", exclude=list(changing))


TRIGGERS_ALWAYS_FIRE = """
CREATE OR REPLACE FUNCTION _pgtrigger_should_ignore(trigger_name name) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$ SELECT false $$;
"""
"""pgtrigger lets any session name triggers to leave out (`pgtrigger.ignore`), so whoever can run SQL as the web could forge the record.
Installing a trigger brings that function back: every migration that follows one runs this, and a test asks the migrated database."""
