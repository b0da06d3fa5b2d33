"""The trail: reads and refusals stay, hold ids only, and are seen by the person and by auditors."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.acting import acting_as
from audit import trail
from audit.models import Trace
from tests import factories

Kind = Trace.Kind


@pytest.mark.django_db
def test_a_note_belongs_to_its_request_and_goes_with_it() -> None:
    w = factories.world()

    def fail() -> None:
        with acting_as(w.aisha):
            trail.note(Kind.READ, "page", person=w.aisha.pk)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with acting_as(w.aisha):
        assert not Trace.objects.exists()
        trail.note(Kind.READ, "page", person=w.aisha.pk, count=3)
        trace = Trace.objects.get()
    assert (trace.kind, trace.what, trace.facts, trace.person_id) == ("read", "page", {"count": 3}, w.aisha.pk)
    assert trace.at is not None


@pytest.mark.usefixtures("committed_db")
def test_a_refusal_stays_although_its_request_is_rolled_back(superuser: Any) -> None:
    w = factories.world()

    def fail() -> None:
        with acting_as(w.aisha):
            trail.note(Kind.READ, "page", person=w.aisha.pk)
            trail.note_apart(Kind.REFUSED, "withdraw", person=w.aisha.pk)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert superuser.execute("SELECT kind, what, person_id FROM audit_trace").fetchall() == [("refused", "withdraw", w.aisha.pk)]


@pytest.mark.usefixtures("committed_db")
def test_refusals_share_one_second_connection(superuser: Any) -> None:
    w = factories.world()
    for _ in range(3):
        trail.note_apart(Kind.REFUSED, "withdraw", person=w.aisha.pk)
    ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'accord_app'"
    assert superuser.execute(ours).fetchone()[0] <= 2


@pytest.mark.django_db
def test_a_trace_is_seen_by_the_person_and_by_their_partnership_s_auditor() -> None:
    w, other = factories.world(), factories.world("southshire")
    with acting_as(w.aisha):
        trail.note(Kind.READ, "page", person=w.aisha.pk, partnership=w.partnership.pk)
    for person, sees in ((w.aisha, True), (w.auditor, True), (w.sam, False), (w.office, False), (other.auditor, False), (None, False)):
        with acting_as(person):
            assert Trace.objects.exists() == sees


@pytest.mark.django_db
def test_nobody_writes_a_trace_of_another_person() -> None:
    w = factories.world()
    with acting_as(w.aisha), pytest.raises(DatabaseError, match="row-level"), transaction.atomic():
        trail.note(Kind.READ, "page", person=w.sam.pk)


@pytest.mark.django_db
@pytest.mark.parametrize("statement", ["UPDATE audit_trace SET what = 'x'", "DELETE FROM audit_trace", "TRUNCATE audit_trace"])
def test_a_trace_is_never_changed(statement: str) -> None:
    w = factories.world()
    with acting_as(w.aisha):
        trail.note(Kind.READ, "page", person=w.aisha.pk)
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.django_db
def test_a_failed_sign_in_keeps_no_address() -> None:
    w = factories.world()
    trail.note_failed_sign_in(None, {"username": "AISHA@example.org"})
    trail.note_failed_sign_in(None, {"username": "nobody@example.org"})
    with acting_as(w.aisha):
        (known,) = Trace.objects.filter(kind=Kind.SIGN_IN_FAILED)
    assert (known.person_id, known.facts, known.what) == (w.aisha.pk, {}, "sign-in")
