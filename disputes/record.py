"""The record: one entry an act, chained to the one before; its words stand apart in an insert-only table."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import F

from accounts.history import append_only
from accounts.models import Partnership, Post, Row, User
from disputes.places import Side
from disputes.stages import ChildSafe, Stage

POSITIONS = (
    "send",
    "answer",
    "record_answer_for",
    "ask_the_chair",
    "ask_for_more",
    "answer_the_chair",
    "propose_outcome",
    "agree_to_differ",
)
"""Kinds of entry that state a side's position: what the Chair sees until accepting."""


def commitment(salt: str, field: str, value: str) -> str:
    """What the chain keeps of a text: SHA-256 over salt, field name and value, so that the text can be erased and the chain stand."""
    return hashlib.sha256(f"{salt}{field}\x00{value}".encode()).hexdigest()


def new_salt() -> str:
    return secrets.token_hex(32)


class Entry(Row):
    """One act in the record. The database numbers it, times it and chains it; nobody may change it afterwards."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    disagreement = models.ForeignKey("disputes.Disagreement", models.PROTECT, related_name="entries")
    number = models.PositiveIntegerField(null=True)  # set by the database; 1 is the sending
    kind = models.CharField(max_length=40)  # the move, or what the clock noticed
    person = models.ForeignKey(User, models.PROTECT, null=True)  # null: the clock
    post = models.ForeignKey(Post, models.PROTECT, null=True)
    standing_in_for = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    side = models.ForeignKey(Side, models.PROTECT, null=True)
    recorded_for = models.ForeignKey(Side, models.PROTECT, null=True, related_name="+")  # a side that is not on the system
    corrects = models.ForeignKey("self", models.PROTECT, null=True, related_name="corrections")
    from_stage = models.CharField(max_length=20, choices=Stage.choices)
    stage = models.CharField(max_length=20, choices=Stage.choices)  # after the act
    step = models.PositiveSmallIntegerField()
    move_version = models.PositiveIntegerField()
    child_safe = models.CharField(max_length=10, choices=ChildSafe.choices, blank=True)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()  # the database's; only the replay role may supply it
    replayed = models.BooleanField(default=False)  # set by the database: the record time was supplied
    key = models.UUIDField()  # makes a repeated post harmless
    facts = models.JSONField(default=dict)  # choices, ids, dates: never words
    commitments = models.JSONField(default=dict)  # field -> commitment of its text
    body = models.TextField(default="")  # the very text that was hashed; set by the database
    previous = models.CharField(max_length=64, default="")
    hash = models.CharField(max_length=64, default="")

    class Meta:
        verbose_name_plural = "entries"
        ordering: ClassVar[list[str]] = ["number"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["disagreement", "number"], name="one_entry_a_number"),
            models.UniqueConstraint(fields=["disagreement", "person", "key"], name="one_entry_a_key", nulls_distinct=False),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            *append_only(),
            pgtrigger.Trigger(
                name="a_record_time",  # as the caller: only the replay role may say when it was recorded
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    NEW.replayed := (current_user = 'accord_replay' AND NEW.recorded_at IS NOT NULL);
                    IF NOT NEW.replayed THEN NEW.recorded_at := clock_timestamp(); END IF;
                    NEW.happened_at := least(NEW.happened_at, NEW.recorded_at);
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="b_chain",  # number, previous hash and hash come from the database; the door holds the row lock
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("last", "RECORD")],
                func="""
                    IF NOT accord_move_is_allowed(NEW.kind, NEW.from_stage, NEW.stage) THEN
                        RAISE EXCEPTION 'the transition table has no % from % to %', NEW.kind, NEW.from_stage, NEW.stage
                            USING ERRCODE = 'check_violation';
                    END IF;
                    SELECT * INTO last FROM accord_last_link(NEW.disagreement_id);
                    IF NEW.from_stage IS DISTINCT FROM coalesce(last.stage, 'recognition')
                        OR NEW.move_version - coalesce(last.move_version, 0) NOT IN (0, 1) THEN
                        RAISE EXCEPTION 'entry % does not follow the one before', NEW.id USING ERRCODE = 'check_violation';
                    END IF;
                    IF NEW.replayed AND NEW.recorded_at < last.recorded_at THEN
                        RAISE EXCEPTION 'entry % is recorded before the one it follows', NEW.id USING ERRCODE = 'check_violation';
                    END IF;
                    NEW.number := coalesce(last.number, 0) + 1;
                    NEW.previous := coalesce(last.hash, '');
                    NEW.body := accord_entry_body(to_jsonb(NEW));
                    NEW.hash := encode(sha256('\\x00'::bytea || convert_to(NEW.body, 'UTF8')), 'hex');
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="entries_are_moves",  # nor an entry that the disagreement knows nothing of: it stays the sum of its entries
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                timing=pgtrigger.Deferred,
                func="""
                    PERFORM accord_refuse_move_without_entry(NEW.disagreement_id);
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.kind}"


class Text(Row):
    """The words of one entry, one row a field, under a salted commitment that the entry's hash covers."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    disagreement = models.ForeignKey("disputes.Disagreement", models.PROTECT)
    entry = models.ForeignKey(Entry, models.PROTECT, related_name="texts")
    field = models.CharField(max_length=40)
    salt = models.CharField(max_length=64)
    value = models.TextField()

    class Meta:
        ordering: ClassVar[list[Any]] = [F("id")]
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["entry", "field"], name="one_text_a_field")]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            *append_only(),
            pgtrigger.Trigger(
                name="fits_its_commitment",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF (SELECT commitments ->> NEW.field FROM disputes_entry WHERE id = NEW.entry_id) IS DISTINCT FROM
                        encode(sha256(convert_to(NEW.salt || NEW.field, 'UTF8') || '\\x00'::bytea || convert_to(NEW.value, 'UTF8')), 'hex')
                    THEN
                        RAISE EXCEPTION 'this text is not the one its entry committed to' USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.field


class AllowedMove(models.Model):
    """The transition table as the database knows it: filled by migrations, held equal to the code by a test."""

    kind = models.CharField(max_length=40)
    from_stage = models.CharField(max_length=20)
    to_stage = models.CharField(max_length=20)

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["kind", "from_stage", "to_stage"], name="one_allowed_move")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.from_stage} to {self.to_stage}"
