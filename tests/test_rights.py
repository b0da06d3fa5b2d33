"""The second belt: what PostgreSQL itself shows and refuses, with every filter of ours left out."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.db import ProgrammingError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Appointment, Post, StandIn, StepPost, User
from disputes.models import Child, ChildReference, Disagreement, Draft, DraftReader, Entry, Seat, Text
from disputes.record import POSITIONS
from disputes.seats import EMERGENCIES
from escalation import tasks
from escalation.models import Notice
from learning.models import DebriefRequest, LearningPoint
from procedure.models import Policy
from tests import factories
from tests.factories import World

TODAY = dt.date.today()
DAY = dt.timedelta(days=1)


def tables_of_a_disagreement() -> list[str]:
    """Every table with a row of a disagreement in it, its history included."""
    return sorted(
        model._meta.db_table
        for model in apps.get_models()
        if "disagreement_id" in {f.column for f in model._meta.concrete_fields}
        or model is Disagreement
        or model._meta.db_table == "disputes_historicaldisagreement"
    )


PRIVATE = ["disputes_draft", "disputes_draftreader"]


def rows(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])


# ── roles ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_we_are_the_web_and_the_web_is_neither_superuser_nor_past_the_rules() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, session_user")
        assert cursor.fetchone() == ("accord_app", "accord_app")
        cursor.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin FROM pg_roles WHERE rolname LIKE 'accord%%'"
        )
        roles = {name: rest for name, *rest in cursor.fetchall()}
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner <> 'accord_owner'")
        assert cursor.fetchone() == (0,)
    assert set(roles) == {f"accord_{name}" for name in ("owner", "migrator", "app", "clock", "sealer", "report", "replay")}
    for name, (superuser, bypasses, creates_roles, creates_databases, logs_in) in roles.items():
        assert [superuser, bypasses, creates_roles, creates_databases] == [False] * 4, name
        assert logs_in == (name != "accord_owner")


def test_in_service_no_role_may_put_on_another_except_these(disposable_postgres: Any) -> None:
    """On a server of its own: the tests' server lets the web put on the clock's role, service does not."""
    with psycopg.connect(disposable_postgres.dsn()) as connection:
        granted = connection.execute(
            "SELECT g.rolname, m.rolname FROM pg_auth_members JOIN pg_roles g ON g.oid = roleid JOIN pg_roles m ON m.oid = member"
            " WHERE g.rolname LIKE 'accord%' OR m.rolname LIKE 'accord%'"
        ).fetchall()
    assert set(granted) == {
        ("accord_owner", "accord_migrator"),
        ("accord_app", "accord_replay"),  # never given a password in service
        ("accord_clock", "accord_replay"),
    }


@pytest.mark.django_db
def test_every_table_of_a_disagreement_is_under_row_level_security() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relkind = 'r'")
        secured = {name for name, on, forced in cursor.fetchall() if on and forced}
    tables = tables_of_a_disagreement() + PRIVATE
    assert len(tables) >= 22
    assert set(tables) - secured == set()


@pytest.mark.django_db
def test_functions_that_see_past_the_rules_are_no_trap() -> None:
    """A SECURITY DEFINER function has a fixed search path, with temporary tables last, and is open to named roles only."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, proconfig, coalesce(proacl::text, 'open to all') FROM pg_proc"
            " WHERE prosecdef AND pronamespace = 'public'::regnamespace"
        )
        found = cursor.fetchall()
    assert len(found) >= 7
    for name, settings, rights in found:
        assert settings == ["search_path=pg_catalog, public, pg_temp"], name
        assert "{=" not in rights, name
        assert ",=" not in rights, name
        assert "open" not in rights, name


def of(right: str, columns: str) -> str:
    """A right on single columns, as the catalogue is read below."""
    return " ".join(f"{right}({column})" for column in columns.split())


READ, ADD, KEEP = "SELECT", "INSERT SELECT", "INSERT SELECT UPDATE"
PEOPLE = ("agency", "appointment", "membership", "partnership", "post", "standin", "steppost", "team", "user")
DISAGREEMENT = ("disagreement", "side", "seat", "exclusion", "agreement", "outstandingissue", "confirmation")
GRANTS: dict[str, dict[str, str]] = {
    **{f"accounts_{name}": {"app": KEEP, "clock": READ, "replay": "INSERT UPDATE"} for name in PEOPLE},
    **{f"accounts_historical{name}": {"app": ADD, "replay": "INSERT"} for name in PEOPLE},
    "accounts_partnership": {"app": READ, "clock": READ, "replay": "INSERT UPDATE"},
    "accounts_historicalpartnership": {"app": READ, "replay": "INSERT"},
    "accounts_membership": {"app": ADD, "clock": READ, "replay": "INSERT UPDATE"},
    "accounts_user": {
        "app": KEEP + " UPDATE(last_login) UPDATE(mail) UPDATE(password)",  # and what of it, a trigger says
        "clock": READ,
        "replay": "INSERT UPDATE",
    },
    "accounts_steppost": {"app": "DELETE INSERT SELECT UPDATE", "clock": READ, "replay": "INSERT UPDATE"},
    "accounts_invitation": {"app": KEEP, "clock": READ},
    "accounts_letter": {"app": ADD, "clock": KEEP},
    "accounts_keptform": {"app": "DELETE INSERT SELECT UPDATE", "clock": "DELETE SELECT(id) SELECT(kept_at)"},
    "accounts_attempt": {"app": "DELETE INSERT SELECT"},
    "account_emailaddress": {"app": KEEP},
    "account_emailconfirmation": {"app": READ},
    "mfa_authenticator": {"app": "DELETE INSERT SELECT UPDATE"},
    "socialaccount_socialaccount": {"app": KEEP},
    "socialaccount_socialapp": {"app": READ},
    "socialaccount_socialtoken": {"app": READ},
    "usersessions_usersession": {"app": "DELETE INSERT SELECT UPDATE"},
    "procedure_policy": {"app": ADD, "clock": READ, "replay": "INSERT"},
    "procedure_historicalpolicy": {"app": ADD, "replay": "INSERT"},
    "procedure_proposal": {"app": KEEP},
    "procedure_historicalproposal": {"app": ADD},
    "procedure_closureday": {"app": KEEP, "clock": READ},
    "procedure_historicalclosureday": {"app": ADD},
    "procedure_bankholidays": {"app": READ, "clock": READ},
    "audit_trace": {"app": ADD},
    "audit_alarm": {"app": ADD + " UPDATE(seen_at) UPDATE(seen_by_id)", "clock": ADD + " UPDATE(told_at)"},
    "evidence_export": {
        "app": KEEP,
        "clock": "SELECT UPDATE(attempts) UPDATE(failed_at) UPDATE(holds) UPDATE(leased_until) UPDATE(removed_at)",
    },
    "evidence_exportpart": {"app": "DELETE INSERT SELECT", "clock": "DELETE SELECT(export_id) SELECT(id) SELECT(number)"},
    "disputes_sidenote": {"app": ADD},
    "disputes_disagreement": {"app": KEEP, "clock": "SELECT UPDATE"},
    "disputes_side": {"app": KEEP, "clock": READ},
    "disputes_seat": {"app": KEEP, "clock": ADD + " UPDATE(ends_at)"},
    "disputes_exclusion": {"app": ADD + " UPDATE(lifted_by)", "clock": READ},
    "disputes_child": {"app": ADD},
    "disputes_childreference": {"app": ADD},
    "disputes_entry": {"app": ADD, "clock": ADD, "sealer": READ},
    "disputes_text": {"app": ADD},
    "disputes_agreement": {"app": KEEP, "clock": READ},
    "disputes_outstandingissue": {"app": ADD + " UPDATE(done_by_id)", "clock": READ},
    "disputes_confirmation": {"app": KEEP, "clock": READ},
    **{f"disputes_historical{name}": {"app": ADD} for name in DISAGREEMENT},
    "disputes_historicaldisagreement": {"app": ADD, "clock": "INSERT"},
    "disputes_historicalseat": {"app": ADD, "clock": "INSERT"},
    "disputes_allowedmove": {"app": READ, "clock": READ},
    "disputes_draft": {
        "app": "DELETE INSERT SELECT UPDATE",
        "clock": "SELECT(author_id) SELECT(begun_at) SELECT(id) SELECT(partnership_id) SELECT(reminded_at) SELECT(saved_at)"
        " UPDATE(reminded_at)",
    },
    "disputes_draftreader": {"app": "DELETE INSERT SELECT"},
    "escalation_clock": {"app": KEEP, "clock": KEEP},
    "escalation_notice": {"app": KEEP, "clock": KEEP},
    "escalation_digest": {"app": READ, "clock": KEEP},
    "escalation_heartbeat": {"app": READ, "clock": KEEP},
    "escalation_historicalclock": {"app": ADD, "clock": "INSERT"},
    "learning_attendance": {
        "app": f"{ADD} {of('UPDATE', 'was_there withdrawn_at')}",
        "clock": of("SELECT", "event_id id person_id signed_up_at was_there withdrawn_at"),
    },
    "learning_debrief": {
        "app": f"{ADD} {of('UPDATE', 'cancelled_at facilitator place starts_at')}",
        "clock": of("SELECT", "arranged_by_id cancelled_at disagreement_id id made_at partnership_id starts_at"),
    },
    "learning_debriefconsent": {"app": ADD},
    "learning_debriefnote": {"app": ADD},
    "learning_debriefparticipant": {
        "app": f"{ADD} {of('UPDATE', 'answer')}",
        "clock": of("SELECT", "answer debrief_id id person_id side_id"),
    },
    "learning_debriefrequest": {
        "app": ADD,
        "clock": of("SELECT", "asked_by_id disagreement_id entry_id id partnership_id recorded_at side_id"),
    },
    "learning_decision": {
        "app": f"{ADD} {of('UPDATE', 'done_at done_by_id done_on evidence what_changed')}",
        "clock": of("SELECT", "decided_at decided_by_id done_at done_by_id done_on due_on id kind owner_id partnership_id theme_id"),
    },
    "learning_learningevent": {
        "app": f"{ADD} {of('UPDATE', 'about agencies areas cancelled_at hours place starts_at title')}",
        "clock": of("SELECT", "agencies areas cancelled_at hours id kind made_at made_by_id partnership_id starts_at theme_id"),
    },
    "learning_learningpoint": {
        "app": ADD,
        "clock": of("SELECT", "about agency_id debrief_id disagreement_id id named_by_id partnership_id recorded_at"),
    },
    "learning_logentry": {
        "app": f"DELETE INSERT SELECT {of('UPDATE', 'areas changed changed_at hours learned on process role style task title')}"
    },
    "learning_referral": {"app": ADD, "clock": of("SELECT", "id partnership_id point_id referred_at referred_by_id subgroup_id")},
    "learning_release": {"app": READ, "clock": ADD, "replay": "INSERT"},
    "learning_subgroup": {"app": f"{ADD} {of('UPDATE', 'ended_on name')}", "clock": of("SELECT", "ended_on id partnership_id")},
    "learning_thanks": {
        "app": ADD,
        "clock": of("SELECT", "disagreement_id from_person_id id manager_id partnership_id sent_at to_person_id what_for"),
    },
    "learning_theme": {
        "app": f"{ADD} {of('UPDATE', 'about subgroup_id summary title')}",
        "clock": of("SELECT", "about id made_at made_by_id partnership_id subgroup_id"),
    },
    "learning_themepoint": {
        "app": f"{ADD} {of('UPDATE', 'placed_at placed_by_id theme_id')}",
        "clock": of("SELECT", "id partnership_id placed_at placed_by_id point_id theme_id"),
    },
    "django_session": {"app": "DELETE INSERT SELECT UPDATE"},
    **{f"auth_{name}": {"app": READ} for name in ("group", "group_permissions", "permission")},
    "django_content_type": {"app": READ},
    "django_migrations": {"app": READ},
}
"""Every table, and what each role may do with it beside the rules on its rows. The replaying role may what the web may, and what stands
here; report, and every role that is not named, may nothing. A new table, or a new right, is written down here first."""

FUNCTIONS = {
    "accord_person": {"app", "clock", "sealer", "report"},
    "accord_today": {"app", "clock", "sealer", "report"},
    **{
        f"accord_{asked}": {"app"}
        for asked in (
            *("audited", "represents", "visible", "excluded", "raised", "drafts", "longest_waiting", "served"),
            *("offices", "administered", "administered_elsewhere", "keeps_person", "invited", "joined", "may_be_invited", "free_for"),
            *("agency_of", "works_in", "led_people", "sides", "chaired", "may_break", "breakable", "open_seats", "open_seats_of"),
            *("note_hidden", "said", "may_join"),
            *("learning", "subgrouped", "partnerships", "changed_themes", "debriefed", "debriefs_arranged", "cpd_totals", "event_totals"),
            *(
                "seated_at",
                "what_changed",
                "debriefs_joined",
                "debrief_places",
                "is_side_of",
                "manages",
                "said_for",
                "place_of",
                "unvouched",
            ),
        )
    },
    "accord_held": set(),
    "accord_seats": set(),  # whole rows: asked by the functions above only
    "_pgtrigger_should_ignore": {"app", "clock"},
    # Only the triggers ask these, as the owner: they answer whoever asks.
    "accord_last_link": set(),
    "accord_move_is_allowed": set(),
    "accord_refuse_move_without_entry": set(),
    "accord_entry_body": set(),
    "accord_microseconds": set(),
}


def granted(columns: str, source: str) -> list[Any]:
    """The rights as the catalogue keeps them, of everybody but the owner."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns}, CASE right_.grantee WHEN 0 THEN 'everybody' ELSE replace(right_.grantee::regrole::text, 'accord_', '') END,"
            f" right_.privilege_type FROM {source} AS right_ WHERE right_.grantee <> 'accord_owner'::regrole"
        )
        return cursor.fetchall()


@pytest.mark.django_db
def test_what_each_role_may_do_with_each_table() -> None:
    found: dict[str, dict[str, str]] = {}
    whole = granted("relname, ''", "pg_class c, aclexplode(relacl)")
    single = granted("relname, attname", "pg_attribute a JOIN pg_class c ON c.oid = attrelid, aclexplode(attacl)")
    of_tables = [row for row in [*whole, *single] if row[0] in _tables()]
    for table, column, role, right in sorted(of_tables, key=lambda row: (bool(row[1]), row[3], row[1])):
        rights = found.setdefault(table, {})
        rights[role] = f"{rights.get(role, '')} {right}{f'({column})' if column else ''}".strip()
    assert found == GRANTS
    assert set(GRANTS) == _tables()


def _tables() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND relnamespace = 'public'::regnamespace")
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.django_db
def test_who_may_ask_which_function() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prorettype <> 'trigger'::regtype")
        found: dict[str, set[str]] = {name: set() for (name,) in cursor.fetchall()}
    for name, role, _ in granted("proname", "pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner)))"):
        if name in found:
            found[name].add(role)
    assert found == FUNCTIONS


@pytest.mark.django_db
def test_no_trigger_can_be_switched_off_by_a_setting() -> None:
    """Installing a trigger brings back the function that asks the setting; the migrations end with ours."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname FROM pg_trigger WHERE tgname LIKE 'pgtrigger_%%'")
        names = [name for (name,) in cursor.fetchall()]
        assert len(names) > 60
        cursor.execute("SELECT set_config('pgtrigger.ignore', %s, true)", ["{" + ",".join(names) + "}"])
        cursor.execute("SELECT bool_or(_pgtrigger_should_ignore(name::name)) FROM unnest(%s::text[]) AS name", [names])
        assert cursor.fetchone() == (False,)
        cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'O'")
        assert cursor.fetchall() == []


@pytest.mark.django_db
def test_triggers_that_ask_about_the_record_do_so_as_the_owner() -> None:
    """So the web need not be able to ask; but who acts is asked as the caller."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text || ' ' || regexp_replace(tgname, '^pgtrigger_(.*)_[0-9a-f]+$', '\\1'), prosecdef"
            " FROM pg_trigger JOIN pg_proc p ON p.oid = tgfoid WHERE NOT tgisinternal AND (prosrc ~ 'accord_' OR prosecdef) ORDER BY 1"
        )
        assert dict(cursor.fetchall()) == {
            "disputes_disagreement moves_leave_entries": True,
            "disputes_entry a_record_time": False,
            "disputes_entry b_chain": True,
            "disputes_entry entries_are_moves": True,
            "disputes_seat accord_opened_by_an_entry": True,
            "disputes_side accord_said_in_an_entry": True,
            "accounts_appointment accord_office_changed": True,
            "accounts_post accord_post_changed": True,
            "accounts_invitation accord_revoke_earlier": True,
            "accounts_post accord_check_post": False,  # whose right it is, is asked as the caller
            "accounts_user accord_check_person": False,
            "accounts_appointment accord_role_granted": False,
        }


@pytest.mark.django_db
def test_nobody_asks_how_the_record_of_another_stands(full: World) -> None:
    d = Disagreement(pk=factories.raised(full).pk)
    asked = ("accord_last_link(%s)", "accord_refuse_move_without_entry(%s)")
    for person in (full.stranger, full.aisha):
        for function in asked:
            refused = pytest.raises(ProgrammingError, match="permission denied")
            with acting_as(person), refused, transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SELECT {function}", [d.pk])


WHO_PEOPLE_ARE: dict[str, Callable[[World], object]] = {
    "to appoint oneself auditor": lambda w: Appointment.objects.create(
        partnership=w.partnership, person=w.stranger, office="auditor", starts_on=TODAY
    ),
    "to stand in for somebody": lambda w: StandIn.objects.create(post=w.posts["sam"], person=w.stranger, starts_on=TODAY, ends_on=TODAY),
    "to take a post": lambda w: Post.objects.filter(pk=w.posts["sam"].pk).update(holder=w.stranger),
    "to let somebody in": lambda w: User.objects.create_user("new@example.org", name="New"),
    "to come back": lambda w: User.objects.filter(pk=w.stranger.pk).update(is_active=False),
    "to be another's": lambda w: User.objects.filter(pk=w.stranger.pk).update(kept_by=w.teams["school"].agency),
    "to read the mail of another": lambda w: User.objects.filter(pk=w.sam.pk).update(email="mine@example.org"),
    "to name who acts": lambda w: StepPost.objects.create(team=w.teams["school"], level=1, post=w.posts["mona"]),
    "to set rules": lambda w: Policy.objects.create(partnership=w.partnership, version=2, in_force_from=timezone.now(), text=w.policy.text),
    "to write history": lambda w: Appointment.history.create(
        id=w.stranger.pk, office="auditor", starts_on=TODAY, history_date=timezone.now(), history_type="+"
    ),
}

REFUSED = "permission denied|violates row-level security policy|kept by others"


@pytest.mark.django_db
@pytest.mark.parametrize("wish", WHO_PEOPLE_ARE)
def test_the_web_may_not_say_who_people_are(wish: str) -> None:
    """Refused, or done to no row at all: rows that one may not change are not there for the change."""
    w = factories.world()
    with acting_as(w.stranger):
        assert not done(wish, w)


def done(wish: str, w: World) -> bool:
    """Whether the database did it."""
    try:
        with transaction.atomic():
            return WHO_PEOPLE_ARE[wish](w) != 0
    except ProgrammingError as refused:
        if re.search(REFUSED, str(refused)):
            return False
        raise


@pytest.mark.django_db
def test_signing_in_keeps_its_time_and_a_newer_hash_and_no_version_of_the_person(client: Client, settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", "django.contrib.auth.hashers.MD5PasswordHasher"]
    w = factories.world()
    with factories.as_set_up():
        w.aisha.password = make_password(factories.PASSWORD, hasher="md5")
        w.aisha.save()
    before = w.aisha.history.count()
    client.post("/sign-in/", {"email": w.aisha.email, "password": factories.PASSWORD})
    now = User.objects.get(pk=w.aisha.pk)
    assert now.last_login is not None
    assert now.password.startswith("pbkdf2_sha256$")
    assert w.aisha.history.count() == before


# ── what nobody sees ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def full(db: None) -> World:
    """A world in which every table of a disagreement holds something."""
    w = factories.world()
    factories.resolved(w)
    with acting_as(w.aisha):
        draft = Draft.objects.create(partnership=w.partnership, author=w.aisha, post=w.posts["aisha"], answers={"why": "private"})
        DraftReader.objects.create(draft=draft, person=w.zoe)
    return w


def test_strangers_and_nobody_see_no_row_of_any_table(full: World) -> None:
    other = factories.world("southshire")
    left = factories.person("Left", is_active=False)
    people = [None, full.stranger, full.rita, full.noor, full.ian, full.hal, full.chair, full.deputy, full.office, full.rep]
    people += [other.auditor, other.chair, other.aisha, other.office, left]
    tables = tables_of_a_disagreement() + PRIVATE
    for person in people:
        with acting_as(person):
            seen = {table: rows(table) for table in tables}
        assert seen == dict.fromkeys(tables, 0), person
    with acting_as(full.aisha):
        assert rows("disputes_entry") == 5
        assert rows("disputes_draft") == 1


def test_without_anybody_acting_every_table_is_empty(full: World) -> None:
    assert {table: rows(table) for table in tables_of_a_disagreement()} == dict.fromkeys(tables_of_a_disagreement(), 0)


def test_drafts_are_seen_by_their_author_and_those_consulted_only(full: World) -> None:
    for person in (full.grace, full.sam, full.auditor, full.office):
        with acting_as(person):
            assert not Draft.objects.exists()
            assert not DraftReader.objects.exists()
    for person in (full.aisha, full.zoe):
        with acting_as(person):
            assert Draft.objects.count() == 1
    with acting_as(full.zoe):
        assert Draft.objects.update(answers={}) == 0
        assert Draft.objects.all()._raw_delete("default") == 0


def test_an_auditor_sees_their_partnership_while_appointed(full: World) -> None:
    other = factories.world("southshire")
    factories.raised(other)
    for starts, ends, sees in (
        (TODAY, TODAY, True),
        (TODAY - DAY, None, True),
        (TODAY + DAY, None, False),
        (TODAY - 9 * DAY, TODAY - DAY, False),
    ):
        with factories.as_set_up():
            Appointment.objects.filter(person=full.auditor).update(starts_on=starts, ends_on=ends)
        with acting_as(full.auditor):
            assert (rows("disputes_disagreement"), Disagreement.objects.visible_to(full.auditor).count()) == ((1, 1) if sees else (0, 0))
            assert (rows("disputes_entry") > 0) == sees


def test_a_deactivated_person_sees_nothing_whatever_session_is_left(full: World) -> None:
    for name in ("aisha", "auditor"):
        person = full.person(name)
        with factories.as_set_up():
            User.objects.filter(pk=person.pk).update(is_active=False)
        with acting_as(person):
            assert rows("disputes_entry") == rows("disputes_disagreement") == 0
        person.refresh_from_db()
        with acting_as(person):
            assert not Disagreement.objects.visible_to(person).exists()


def test_whose_seat_has_ended_sees_nothing_at_once(full: World) -> None:
    d = factories.raised(full)
    factories.move(d, "pass_on", full.sam, facts={"team": str(full.teams["health"].pk), "post": str(full.posts["nell"].pk)})
    with acting_as(full.sam):
        assert not Disagreement.objects.filter(pk=d.pk).exists()
        assert not Entry.objects.filter(disagreement=d).exists()
        assert not Text.objects.filter(disagreement=d).exists()
        assert not Child.objects.filter(disagreement=d).exists()
        assert not Disagreement.history.filter(id=d.pk).exists()


def test_an_exclusion_beats_seat_stand_in_and_audit(full: World) -> None:
    d = factories.raised(full)
    relief = factories.person("Relief")
    factories.stand_in(full.posts["sam"], relief)
    with acting_as(relief):
        assert Disagreement.objects.filter(pk=d.pk).exists()
    for person in (relief, full.sam, full.auditor):
        with acting_as(full.aisha):
            factories.exclude(partnership=full.partnership, disagreement=d, person=person)
        with acting_as(person):
            assert not Disagreement.objects.filter(pk=d.pk).exists()
            assert not Disagreement.objects.visible_to(person).filter(pk=d.pk).exists()
            assert not Seat.objects.filter(disagreement=d).exists()
            assert not Text.objects.filter(disagreement=d).exists()


def test_each_side_s_reference_for_the_child_is_seen_by_the_sides_and_auditors_only(full: World) -> None:
    d = factories.with_the_chair(full)
    both = {"S-1", "SC-9"}
    seen = {}
    for name in ("aisha", "sam", "hal", "auditor", "chair", "office", "rita"):
        with acting_as(full.person(name)):
            seen[name] = set(ChildReference.objects.filter(disagreement=d).values_list("reference", flat=True))
    assert seen == {"aisha": both, "sam": both, "hal": both, "auditor": both, "chair": set(), "office": set(), "rita": set()}
    factories.move(d, "accept_mediation", full.chair)
    with acting_as(full.chair):
        assert not ChildReference.objects.filter(disagreement=d).exists()


def test_an_excluded_person_does_not_see_even_what_was_addressed_to_them(full: World) -> None:
    d = factories.raised(full)
    with acting_as(full.sam):
        assert Notice.objects.filter(disagreement=d, person=full.sam).exists()
    with acting_as(full.aisha):
        factories.exclude(partnership=full.partnership, disagreement=d, person=full.sam)
    with acting_as(full.sam):
        assert not Notice.objects.filter(disagreement=d).exists()


def test_until_accepting_the_chair_does_not_see_who_was_told_what_but_turns_the_nudges(full: World) -> None:
    d = factories.with_the_chair(full)
    with acting_as(full.chair):
        told = set(Notice.objects.filter(disagreement=d, clock=None).values_list("person__name", flat=True))
        assert told == {"Chair"}
        nudges = set(Notice.objects.filter(disagreement=d, clock__isnull=False).unsent().values_list("pk", flat=True))
    factories.move(d, "decline_mediation", full.chair, reasons="It stays with you")
    with acting_as(full.ian):
        assert not Notice.objects.filter(pk__in=nudges).unsent().exists()
        owed = Notice.objects.filter(disagreement=d, clock__isnull=False).unsent().values_list("person__name", flat=True)
        assert "Chair" not in owed


def test_until_accepting_the_chair_reads_both_positions_and_nothing_else(full: World) -> None:
    d = factories.at_line_managers(full)
    factories.move(d, "record_discussion", full.grace, said="They met")
    factories.move(d, "answer", full.mona, view="No")
    factories.move(d, "pass_up_the_line", full.grace, why="Unresolved")
    factories.move(d, "answer", full.hal, view="No")
    factories.move(d, "ask_the_chair", full.ian, our_position="Ours")
    with acting_as(full.chair):
        kinds = set(Entry.objects.filter(disagreement=d).values_list("kind", flat=True))
        assert kinds == {"send", "answer", "ask_the_chair"}
        assert set(Text.objects.filter(disagreement=d).values_list("field", flat=True)).isdisjoint({"said", "why"})
        assert not Disagreement.history.filter(id=d.pk).exists()
    factories.move(d, "accept_mediation", full.chair)
    with acting_as(full.chair):
        assert "record_discussion" in Entry.objects.filter(disagreement=d).values_list("kind", flat=True)
        assert Text.objects.filter(disagreement=d, field="said").exists()


def test_nobody_moves_a_seat_or_a_right_of_a_disagreement_they_do_not_see(full: World) -> None:
    d = factories.raised(full)
    with acting_as(full.stranger):
        assert Seat.objects.update(person=full.stranger) == 0
        assert Disagreement._base_manager.filter(pk=d.pk).update(due_at=None) == 0
    with acting_as(full.stranger), pytest.raises(Exception, match="row-level security"):
        Seat.objects.create(
            partnership=full.partnership, disagreement_id=d.pk, person=full.stranger, capacity="told", starts_at=timezone.now()
        )


# ── both belts agree ────────────────────────────────────────────────────────────────────────────────────────────────


def test_both_belts_show_everybody_the_same(db: None) -> None:
    w, other = factories.world(), factories.world("southshire")
    relief = factories.person("Relief")
    factories.stand_in(w.posts["mona"], relief)
    factories.stand_in(w.posts["grace"], w.nell)
    made = [
        factories.raised(w),
        factories.answered(w),
        factories.at_line_managers(w),
        factories.up_the_line(w),
        factories.with_the_chair(w),
        factories.resolved(w),
        factories.raised(w, by="nell", to="aisha"),
        factories.raised(other),
    ]
    factories.move(made[0], "pass_on", w.sam, facts={"team": str(w.teams["health"].pk)})
    with acting_as(w.aisha):
        factories.exclude(partnership=w.partnership, disagreement=made[2], person=w.mona)
        factories.exclude(partnership=w.partnership, disagreement=made[3], person=w.auditor)
    seen_by = {}
    for person in [*w.people.values(), *other.people.values(), relief]:
        with acting_as(person):
            by_database = set(Disagreement._base_manager.values_list("pk", flat=True))
            by_us = set(Disagreement.objects.visible_to(person).values_list("pk", flat=True))
        assert by_us == by_database, person
        seen_by[person.email] = len(by_us)
    # Our own belt alone, with the database's off (the clock sees every row):
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE accord_clock")
    alone = {p.email: Disagreement.objects.visible_to(p).count() for p in [*w.people.values(), *other.people.values(), relief]}
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
    assert alone == seen_by
    assert sum(seen_by.values()) > 30
    assert min(seen_by.values()) == 0


# ── the clock and the others ────────────────────────────────────────────────────────────────────────────────────────

WORDS = ["disputes_text", "disputes_child", "disputes_childreference", "disputes_draftreader", "audit_trace", "django_session"]


@pytest.mark.usefixtures("committed_db")
def test_the_clock_sees_what_is_due_and_no_words(as_role: Any) -> None:
    w = factories.world()
    factories.raised(w)
    with acting_as(w.aisha):
        Draft.objects.create(partnership=w.partnership, author=w.aisha, post=w.posts["aisha"])
    with as_role("clock") as raw:
        for table in ("escalation_clock", "escalation_notice", "disputes_disagreement", "disputes_entry"):
            assert raw.execute(f"SELECT count(*) > 0 FROM {table}").fetchone() == (True,)
        for table in WORDS:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                raw.execute(f"SELECT * FROM {table}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            raw.execute("SELECT answers FROM disputes_draft")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            raw.execute("UPDATE disputes_seat SET person_id = person_id")
        with pytest.raises(psycopg.errors.CheckViolation, match="without an entry"):
            raw.execute("UPDATE disputes_seat SET ends_at = now()")
        with pytest.raises(psycopg.errors.CheckViolation, match="without an entry"):
            raw.execute("UPDATE disputes_disagreement SET step = 2")


@pytest.mark.parametrize("role", ["sealer", "report"])
@pytest.mark.usefixtures("committed_db")
def test_the_other_roles_read_no_words_and_write_nothing(role: str, as_role: Any) -> None:
    with as_role(role) as raw:
        for table in [*WORDS, "disputes_seat", "accounts_user", "escalation_notice"]:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                raw.execute(f"SELECT * FROM {table}")
        for table in ("disputes_entry", "disputes_disagreement", "escalation_clock"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                raw.execute(f"UPDATE {table} SET id = id")


@pytest.mark.django_db
def test_a_sweep_without_rights_goes_red_and_does_not_find_zero() -> None:
    factories.raised(factories.world())
    assert Notice.objects.count() == 0
    with pytest.raises(tasks.WrongRole):
        tasks.notice_due_clocks(timezone.now())


@pytest.mark.django_db
def test_learning_is_seen_by_those_at_the_table_and_who_takes_it_on() -> None:
    assert {LearningPoint._meta.db_table, DebriefRequest._meta.db_table} <= set(tables_of_a_disagreement())


def test_the_database_and_the_code_mean_the_same_by_positions(superuser: psycopg.Connection[Any]) -> None:
    """What a Chair reads before accepting stands in the code and in a policy of the entries."""
    found = superuser.execute("SELECT qual FROM pg_policies WHERE tablename = 'disputes_entry' AND policyname = 'seen'").fetchone()
    assert found
    assert set(re.findall(r"'(\w+)'::", found[0])) == {*POSITIONS, *EMERGENCIES}
