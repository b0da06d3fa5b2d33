"""The record: chained by the database, never changed, and no change of a disagreement without an entry."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import DatabaseError, connection, models, transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from accounts.acting import acting_as
from accounts.models import User
from disputes.models import Child, ChildReference, Disagreement, Draft, DraftReader, Entry, Seat, Side, Text
from disputes.record import commitment
from tests import factories
from tests.factories import World

HOUR = dt.timedelta(hours=1)

# ── the chain ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_numbers_links_and_hashes_can_be_worked_out_again() -> None:
    w = factories.world()
    d = factories.with_the_chair(w)
    with acting_as(w.aisha):
        entries = list(d.entries.all())
        assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
        assert len(entries) >= 7
        previous = ""
        for entry in entries:
            assert entry.previous == previous
            assert entry.hash == hashlib.sha256(b"\x00" + entry.body.encode()).hexdigest()
            previous = entry.hash


@pytest.mark.django_db
def test_the_hashed_body_says_what_the_columns_say() -> None:
    w = factories.world()
    factories.stand_in(w.posts["mona"], w.rita)
    d = factories.at_line_managers(w)
    factories.move(d, "answer", w.rita, happened_at=timezone.now() - HOUR)
    with acting_as(w.aisha):
        for entry in d.entries.all():
            body = json.loads(entry.body)
            columns = {
                "v": 1,
                "id": entry.pk,
                "partnership": entry.partnership_id,
                "disagreement": entry.disagreement_id,
                "number": entry.number,
                "kind": entry.kind,
                "key": entry.key,
                "person": entry.person_id,
                "post": entry.post_id,
                "standing_in_for": entry.standing_in_for_id,
                "side": entry.side_id,
                "recorded_for": entry.recorded_for_id,
                "corrects": entry.corrects_id,
                "from_stage": entry.from_stage,
                "stage": entry.stage,
                "step": entry.step,
                "move_version": entry.move_version,
                "child_safe": entry.child_safe,
                "happened_at": microseconds(entry.happened_at),
                "recorded_at": microseconds(entry.recorded_at),
                "replayed": False,
                "facts": entry.facts,
                "commitments": entry.commitments,
                "previous": entry.previous,
            }
            assert body == {name: str(value) if isinstance(value, uuid.UUID) else value for name, value in columns.items()}
            not_hashed = {field.name for field in Entry._meta.concrete_fields} - set(columns)
            assert not_hashed == {"body", "hash"}


def microseconds(moment: dt.datetime | None) -> int:
    assert moment is not None
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


@pytest.mark.django_db
def test_texts_fit_their_commitments_and_no_other_text_is_taken() -> None:
    w = factories.world()
    d = factories.raised(w)
    with acting_as(w.aisha):
        (entry,) = d.entries.all()
        assert set(entry.commitments) == {"decision", "why_unsafe", "outcome_wanted"}
        for text in entry.texts.all():
            assert entry.commitments[text.field] == commitment(text.salt, text.field, text.value)
        assert "neglect" not in entry.body
        for field, value in (("decision", "Another text"), ("never_committed", "Anything")):
            with pytest.raises(DatabaseError, match="committed to"), transaction.atomic():
                Text.objects.create(partnership=w.partnership, disagreement=d, entry=entry, field=field, salt="0" * 64, value=value)


@pytest.mark.django_db
def test_the_same_words_twice_have_different_commitments() -> None:
    w = factories.world()
    d = factories.raised(w)
    first = factories.move(d, "add_note", w.aisha, note="The same")
    second = factories.move(d, "add_note", w.aisha, note="The same")
    assert first.commitments["note"] != second.commitments["note"]


@pytest.mark.django_db
def test_a_forged_number_hash_previous_and_time_are_overwritten() -> None:
    w = factories.world()
    d = factories.raised(w)
    with acting_as(w.aisha):
        forged = note(
            d, w.aisha, number=77, hash="f" * 64, previous="e" * 64, body="{}", replayed=True, recorded_at=timezone.now() - 900 * HOUR
        )
        entry = Entry.objects.get(pk=forged.pk)
        first = d.entries.get(number=1)
        assert (entry.number, entry.previous, entry.replayed) == (2, first.hash, False)
        assert entry.hash == hashlib.sha256(b"\x00" + entry.body.encode()).hexdigest()
        assert abs(entry.recorded_at - timezone.now()) < HOUR


def note(d: Disagreement, by: User, **forged: Any) -> Entry:
    """A raw entry beside the door, as a compromised web process might write it."""
    with acting_as(by):
        now = factories.fresh(d)
        columns: dict[str, Any] = {
            "partnership_id": d.partnership_id,
            "disagreement": now,
            "kind": "add_note",
            "person": by,
            "from_stage": now.stage,
            "stage": now.stage,
            "step": now.step,
            "move_version": now.move_version,
            "happened_at": timezone.now(),
            "key": uuid.uuid4(),
            **forged,
        }
        (entry,) = Entry.objects.bulk_create([Entry(**columns)])
    return entry


def switch_triggers_off() -> None:
    """As far as the web can: pgtrigger asks a setting that any session may set."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT array_agg(tgname::text) FROM pg_trigger WHERE NOT tgisinternal")
        cursor.execute("SELECT set_config('pgtrigger.ignore', %s, false)", ["{" + ",".join(cursor.fetchone()[0]) + "}"])


@pytest.mark.django_db
def test_asked_not_to_the_triggers_still_overwrite_and_refuse() -> None:
    w = factories.world()
    d = factories.raised(w)
    switch_triggers_off()
    forged = note(
        d, w.aisha, number=77, hash="f" * 64, previous="e" * 64, body="{}", replayed=True, recorded_at=timezone.now() - 900 * HOUR
    )
    with acting_as(w.aisha):
        entry = Entry.objects.get(pk=forged.pk)
        first = d.entries.get(number=1)
        assert (entry.number, entry.previous, entry.replayed) == (2, first.hash, False)
        assert abs(entry.recorded_at - timezone.now()) < HOUR
        with pytest.raises(DatabaseError, match="committed to"), transaction.atomic():
            Text.objects.create(partnership=w.partnership, disagreement=d, entry=first, field="forged", salt="0" * 64, value="Anything")
    for forgery in FORGERIES.values():
        with pytest.raises(DatabaseError, match=r"transition table|does not follow"), transaction.atomic():
            note(d, w.aisha, **forgery)
    with acting_as(w.aisha), pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
        Disagreement._base_manager.filter(pk=d.pk).update(raised_by=w.sam)


@pytest.mark.usefixtures("committed_db")
def test_asked_not_to_the_database_still_wants_an_entry_at_commit() -> None:
    w = factories.world()
    d = factories.raised(w)
    switch_triggers_off()
    with pytest.raises(DatabaseError, match="without an entry"), acting_as(w.aisha):
        by_update(d)
    connection.close()


@pytest.mark.django_db
def test_what_happened_cannot_have_happened_after_it_was_recorded() -> None:
    w = factories.world()
    d = factories.raised(w)
    entry = factories.move(d, "add_note", w.aisha, happened_at=timezone.now() + 100 * HOUR, now=timezone.now() + 200 * HOUR)
    assert entry.happened_at == entry.recorded_at


FORGERIES: dict[str, dict[str, Any]] = {
    "a transition outside the table": {"kind": "withdraw", "stage": "resolved"},
    "a move that does not exist": {"kind": "grant_everything"},
    "from a stage where it does not stand": {"from_stage": "up_the_line", "stage": "up_the_line"},
    "a version left out": {"move_version": 7},
    "a version gone back": {"move_version": 0},
}


@pytest.mark.django_db
@pytest.mark.parametrize("forgery", FORGERIES)
def test_the_database_refuses_an_entry_that_does_not_follow(forgery: str) -> None:
    w = factories.world()
    d = factories.raised(w)
    with pytest.raises(DatabaseError, match=r"transition table|does not follow"), transaction.atomic():
        note(d, w.aisha, **FORGERIES[forgery])


@pytest.mark.django_db
def test_nobody_writes_an_entry_in_the_name_of_another() -> None:
    w = factories.world()
    d = factories.raised(w)
    for forged in ({"person": w.sam}, {"person": None}):
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            note(d, w.aisha, **forged)


@pytest.mark.usefixtures("committed_db")
def test_an_entry_of_which_the_disagreement_knows_nothing_is_refused_at_commit() -> None:
    w = factories.world()
    d = factories.raised(w)
    with pytest.raises(DatabaseError, match="without an entry"):
        note(d, w.aisha, kind="withdraw", stage="withdrawn", move_version=2)
    note(d, w.aisha)  # a note changes neither stage, step nor version


# ── replay ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("committed_db")
def test_only_replay_may_supply_the_record_time_and_the_hash_says_so(as_role: Any) -> None:
    w = factories.world()
    d = factories.raised(w)
    with acting_as(w.aisha):
        sent = d.entries.get()
    later, earlier = sent.recorded_at + dt.timedelta(microseconds=5), sent.recorded_at - HOUR
    with as_role("replay") as raw:
        entry = insert_note(raw, d, w.aisha, later)
        stored = raw.execute("SELECT recorded_at, replayed, body FROM disputes_entry WHERE id = %s", [entry]).fetchone()
        assert stored[:2] == (later, True)
        assert json.loads(stored[2])["replayed"] is True
        with pytest.raises(psycopg.errors.CheckViolation, match="recorded before"):
            insert_note(raw, d, w.aisha, earlier)
    with as_role("app") as raw:
        entry = insert_note(raw, d, w.aisha, sent.recorded_at - HOUR)
        stored = raw.execute("SELECT recorded_at > now() - interval '1 hour', replayed FROM disputes_entry WHERE id = %s", [entry])
        assert stored.fetchone() == (True, False)


def insert_note(raw: psycopg.Connection[Any], d: Disagreement, by: User, recorded_at: dt.datetime) -> uuid.UUID:
    key = uuid.uuid4()
    raw.execute("SELECT set_config('accord.person', %s, false)", [str(by.pk)])
    raw.execute(
        "INSERT INTO disputes_entry (id, partnership_id, disagreement_id, kind, person_id, from_stage, stage, step, move_version,"
        " child_safe, happened_at, recorded_at, replayed, key, facts, commitments, body, previous, hash)"
        " VALUES (%s, %s, %s, 'add_note', %s, 'practitioner', 'practitioner', 1, 1, '', %s, %s, false, %s, %s, %s, '', '', '')",
        [key, d.partnership_id, d.pk, by.pk, recorded_at, recorded_at, key, Jsonb({}), Jsonb({})],
    )
    return key


# ── nothing is changed, deleted or emptied ──────────────────────────────────────────────────────────────────────────

INSERT_ONLY = ["disputes_entry", "disputes_text", "disputes_child", "disputes_childreference", "audit_trace"]
HISTORY = sorted(m._meta.db_table for m in apps.get_models() if hasattr(m, "history_id"))


def test_there_are_history_tables() -> None:
    assert len(HISTORY) >= 16
    assert "disputes_historicaldisagreement" in HISTORY
    assert "accounts_historicalpost" in HISTORY


@pytest.fixture
def filled(committed_db: None) -> World:
    w = factories.world()
    d = factories.answered(w)
    with acting_as(w.sam):
        [side] = factories.fresh(d).sides.filter(kind="responding")
    issue = {"owner_side": str(side.pk), "due_on": (timezone.localdate() + dt.timedelta(days=9)).isoformat()}
    factories.move(d, "propose_outcome", w.sam, outcome="An assessment opens", issue_1="A joint visit", facts={"issues": [issue]})
    factories.move(d, "confirm_outcome", w.aisha, facts={"still_at_risk": False})
    connection.close()
    return w


@pytest.mark.parametrize("role", ["app", "replay", "clock"])
def test_insert_only_tables_cannot_be_changed_by(role: str, filled: World, as_role: Any) -> None:
    with as_role(role) as raw:
        raw.execute("SELECT set_config('accord.person', %s, false)", [str(filled.aisha.pk)])
        for table in INSERT_ONLY + HISTORY:
            for statement in (f"UPDATE {table} SET {first_column(table)} = NULL", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
                with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.RaiseException)):
                    raw.execute(statement)


def test_not_even_a_superuser_changes_them_without_switching_the_triggers_off(filled: World, superuser: Any) -> None:
    tried = 0
    for table in INSERT_ONLY + HISTORY:
        (rows,) = superuser.execute(f"SELECT count(*) FROM {table}").fetchone()
        statements = [f"TRUNCATE {table} CASCADE"]
        if rows:
            statements += [f"UPDATE {table} SET {first_column(table)} = {first_column(table)}", f"DELETE FROM {table}"]
        for statement in statements:
            with pytest.raises(psycopg.errors.RaiseException, match="pgtrigger"):
                superuser.execute(statement)
            tried += 1
    assert tried > 40


def test_the_setting_of_pgtrigger_lets_nobody_change_them_either(filled: World, superuser: Any) -> None:
    superuser.execute("SELECT set_config('pgtrigger.ignore', array_agg(tgname)::text, false) FROM pg_trigger WHERE NOT tgisinternal")
    for table in INSERT_ONLY + HISTORY:
        with pytest.raises(psycopg.errors.RaiseException, match="pgtrigger"):
            superuser.execute(f"TRUNCATE {table} CASCADE")
        if superuser.execute(f"SELECT count(*) > 0 FROM {table}").fetchone() == (True,):
            with pytest.raises(psycopg.errors.RaiseException, match="pgtrigger"):
                superuser.execute(f"DELETE FROM {table}")


MAY_CHANGE = {
    "disputes_disagreement": {
        *("stage", "step", "returns_to", "awaiting", "mediation", "ended_at", "due_at", "at_immediate_risk", "matched", "tried_first"),
        *("limit_reached", "chased", "still_at_risk", "move_version", "acknowledged", "at_risk_since", "decision_at", "disputed_act_at"),
        *("needed_by", "paused_until", "standstill", "track"),
    },
    "disputes_side": {"ended_at", "agreed_to_differ", "closing_answered"},
    "disputes_seat": {"ends_at", "positions_only"},
    "disputes_agreement": {"declined_by_id"},
    "disputes_outstandingissue": {"done_by_id"},
    "disputes_confirmation": {"countersigned_by_id"},
    "escalation_clock": {"due_at", "calendar", "reached_at", "chased_at", "chaser_at", "chasers", "stopped_by_id", "stopped_at"},
}
"""What is settled stays as it was written: all columns but these. Stage, step and version change with an entry only."""


def test_what_is_settled_is_not_rewritten(filled: World, superuser: Any) -> None:
    for table, free in MAY_CHANGE.items():
        columns = superuser.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s",
            [table],
        ).fetchall()
        settled = {name for name, _ in columns} - free
        assert len(settled) >= 6, table
        assert free <= {name for name, _ in columns}, table
        for name, kind in columns:
            with superuser.transaction(force_rollback=True):
                superuser.execute("SET CONSTRAINTS ALL DEFERRED")
                if name in free:
                    superuser.execute(f"UPDATE {table} SET {name} = {name}")
                    continue
                with pytest.raises(psycopg.errors.RaiseException, match="pgtrigger"), superuser.transaction():
                    superuser.execute(f"UPDATE {table} SET {name} = {ANOTHER[kind].format(name=name)}")


ANOTHER = {
    "uuid": "gen_random_uuid()",
    "character varying": "'x'",
    "timestamp with time zone": "coalesce({name}, now()) + interval '1 hour'",
    "smallint": "coalesce({name}, 0) + 1",
    "boolean": "NOT {name}",
    "date": "{name} + 1",
}


def first_column(table: str) -> str:
    return "history_type" if "historical" in table else "id"


def test_a_disagreement_is_never_deleted(filled: World, superuser: Any) -> None:
    with pytest.raises(psycopg.errors.RaiseException):
        superuser.execute("DELETE FROM disputes_disagreement")
    with pytest.raises(psycopg.errors.RaiseException):
        superuser.execute("TRUNCATE disputes_disagreement CASCADE")
    with acting_as(filled.aisha), pytest.raises(DatabaseError), transaction.atomic():
        Disagreement.objects.get().delete()


# ── no write path past the door ─────────────────────────────────────────────────────────────────────────────────────


def by_save(d: Disagreement) -> None:
    forged = Disagreement(**{field.attname: getattr(d, field.attname) for field in Disagreement._meta.concrete_fields})
    forged._state.adding = False
    forged.step = 3
    forged.save()


def by_update(d: Disagreement) -> None:
    Disagreement._base_manager.filter(pk=d.pk).update(stage="resolved", ended_at=timezone.now())


def by_version(d: Disagreement) -> None:
    Disagreement._base_manager.filter(pk=d.pk).update(move_version=9)


def by_bulk_update(d: Disagreement) -> None:
    d.step = 2
    Disagreement._base_manager.bulk_update([d], ["step"])


def by_team(d: Disagreement) -> None:
    """The other party says that another team was asked."""
    Side._base_manager.filter(disagreement=d, kind="responding").update(team=d.raised_from.team)


def by_seat(d: Disagreement) -> None:
    Seat._base_manager.filter(disagreement=d).update(person=d.raised_by)


def by_reference(d: Disagreement) -> None:
    Disagreement._base_manager.filter(pk=d.pk).update(reference="FORG-ED22")


def by_raising_time(d: Disagreement) -> None:
    Disagreement._base_manager.filter(pk=d.pk).update(raised_at=timezone.now())


def by_sql(d: Disagreement) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE disputes_disagreement SET stage = 'line_manager', step = 2 WHERE id = %s", [d.pk])


def by_insert(d: Disagreement) -> None:
    Disagreement(partnership=d.partnership, policy=d.policy, category="x", raised_by=d.raised_by, raised_from=d.raised_from).save()


def by_copy(d: Disagreement) -> None:
    columns = [field.column for field in Disagreement._meta.concrete_fields]
    values = {field.column: field.get_prep_value(getattr(d, field.attname)) for field in Disagreement._meta.concrete_fields}
    values |= {"id": uuid.uuid4(), "reference": "FORG-ED22"}
    with connection.cursor() as cursor, cursor.copy(f"COPY disputes_disagreement ({', '.join(columns)}) FROM STDIN") as copy:
        copy.write_row([values[column] for column in columns])


REFUSALS = r"without an entry|row-level security|COPY FROM not supported|pgtrigger: Cannot update"


@pytest.mark.usefixtures("committed_db")
def test_no_write_path_changes_stage_step_or_version_without_an_entry() -> None:
    w = factories.world()
    d = factories.raised(w)
    paths: list[Callable[[Disagreement], None]] = [by_save, by_update, by_version, by_bulk_update, by_sql, by_insert, by_copy]
    paths += [by_team, by_seat, by_reference, by_raising_time]
    for path in paths:
        with (
            pytest.raises(
                (DatabaseError, psycopg.Error),
                match=REFUSALS,
            ),
            acting_as(w.aisha),
        ):
            path(factories.fresh(d))
    now = factories.look(d, w.aisha)
    assert (now.stage, now.step, now.move_version) == ("practitioner", 1, 1)


@pytest.mark.django_db
def test_the_queryset_refuses_to_write() -> None:
    for verb in ("update", "delete", "bulk_create", "bulk_update"):
        with pytest.raises(TypeError, match="only through"):
            getattr(Disagreement.objects.all(), verb)()


@pytest.mark.django_db
def test_the_stage_cannot_be_assigned_and_refreshing_does_not_unprotect_it() -> None:
    w = factories.world()
    d = factories.raised(w)
    with acting_as(w.aisha):
        for refresh in (lambda: None, d.refresh_from_db, lambda: d.refresh_from_db(fields=["due_at"])):
            refresh()
            with pytest.raises(AttributeError):
                d.stage = "resolved"
            with pytest.raises(AttributeError):
                factories.fresh(d).stage = "resolved"
            assert d.stage == "practitioner"


# ── no words in history ─────────────────────────────────────────────────────────────────────────────────────────────

CHAR_FIELDS_IN_HISTORY = {
    "disputes_historicaldisagreement": {"reference", "stage", "awaiting", "mediation", "category", "track"},
    "disputes_historicalside": {"kind"},
    "disputes_historicalseat": {"capacity"},
    "disputes_historicalexclusion": set(),
    "disputes_historicalagreement": set(),
    "disputes_historicaloutstandingissue": set(),
    "disputes_historicalconfirmation": set(),
    "escalation_historicalclock": {"about", "calendar"},
    "procedure_historicalpolicy": set(),
    "procedure_historicalproposal": set(),
    "procedure_historicalclosureday": set(),
    "accounts_historicalpartnership": {"slug", "name", "calendar", "front_door", "out_of_hours", "office_phone"},
    "accounts_historicalagency": {"name"},
    "accounts_historicalmembership": set(),
    "accounts_historicalteam": {"name", "out_of_hours"},
    "accounts_historicaluser": {"email", "name"},
    "accounts_historicalpost": {"title"},
    "accounts_historicalsteppost": set(),
    "accounts_historicalstandin": set(),
    "accounts_historicalappointment": {"office"},
}
"""Every column of a history table that holds characters: codes, names and numbers of people and places, never what somebody wrote."""

EVERY_HISTORY_ROW = {"actor_name", "history_type", "history_change_reason"}


def test_history_holds_no_words() -> None:
    found = {}
    for model in apps.get_models():
        if hasattr(model, "history_id"):
            holding = {f.name for f in model._meta.concrete_fields if isinstance(f, models.CharField | models.TextField | models.JSONField)}
            found[model._meta.db_table] = holding - EVERY_HISTORY_ROW
    assert found == CHAR_FIELDS_IN_HISTORY


def test_what_holds_words_has_no_history() -> None:
    for model in (Draft, DraftReader, Text, Child, ChildReference, Entry):
        assert not hasattr(model, "history"), model


@pytest.mark.django_db
def test_every_version_names_the_person_and_the_entry_that_caused_it() -> None:
    w = factories.world()
    d = factories.answered(w)
    with acting_as(w.aisha):
        kinds = dict(d.entries.values_list("id", "kind"))
        versions = [(kinds[version.caused_by], version.actor_name) for version in d.history.order_by("history_date")]
        assert versions == [("send", "Aisha"), ("send", "Aisha"), ("match_child", "Sam"), ("answer", "Sam")]
        assert d.history.first().history_user == w.sam
