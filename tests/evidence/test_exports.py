"""What auditors find and take away: every entry, every text and every changed field, and nothing that they may not see."""

import csv
import datetime as dt
import io
import json
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.acting import acting_as
from disputes.models import Disagreement, Entry, Side, Text
from evidence import history, jobs
from pages.sheets import safe
from tests import factories
from tests.factories import answered, at_line_managers, move, raised, resolved, with_the_chair

pytestmark = pytest.mark.django_db


@pytest.fixture
def w():
    return factories.world()


def ask(client, person, **asked):
    client.force_login(person)
    return client.post("/exports/", asked)


def take(client, person, **asked):
    """Asks for it, has it made as the worker's process does, and downloads it; the answer of whichever said no."""
    answer = ask(client, person, **asked)
    if answer.status_code != 302:
        return answer
    export = uuid.UUID(answer.url.split("/")[2])
    assert jobs.make(export, person.pk)
    return client.post(f"/exports/{export}/")


def content(answer):
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def rows(answer):
    return list(csv.DictReader(io.StringIO(content(answer).decode("utf-8-sig"))))


# ── who may


@pytest.mark.parametrize("name", ["aisha", "sam", "chair", "office", "rep", "stranger"])
def test_only_an_auditor_finds_anything_here(client, w, name):
    d = raised(w)
    client.force_login(w.person(name))
    assert client.get("/exports/").status_code == 404
    assert client.post("/exports/", {"reference": d.reference}).status_code == 404
    assert client.post("/exports/").status_code == 404


def test_nobody_comes_here_without_signing_in(client, w):
    assert client.get("/exports/").url == "/sign-in/?next=/exports/"
    assert client.post("/exports/").url.startswith("/sign-in/")
    assert client.get(f"/exports/{uuid.uuid4()}/").url.startswith("/sign-in/")
    assert client.post(f"/exports/{uuid.uuid4()}/").url.startswith("/sign-in/")


def test_an_appointment_counts_on_its_days_only(client, w):
    raised(w)
    today = timezone.localdate()
    for starts_on, ends_on, status in (
        (today, today, 200),
        (today + dt.timedelta(days=1), None, 404),
        (factories.LONG_AGO, today - dt.timedelta(days=1), 404),
    ):
        with factories.as_set_up():
            w.auditor.appointments.update(starts_on=starts_on, ends_on=ends_on)
        client.force_login(w.auditor)
        assert client.get("/exports/").status_code == status


def test_an_auditor_of_another_partnership_finds_nothing_of_this_one(client, w):
    d = raised(w)
    other = factories.world("westmere")
    client.force_login(other.auditor)
    assert d.reference not in client.get("/exports/").content.decode()
    assert take(client, other.auditor, reference=d.reference).status_code == 404
    assert take(client, other.auditor, reference="ZZZZ-ZZZZ").status_code == 404
    assert rows(take(client, other.auditor)) == []


def test_an_exclusion_beats_the_appointment(client, w):
    hidden, seen = raised(w), raised(w)
    with acting_as(w.sam):
        factories.exclude(partnership=w.partnership, disagreement=hidden, person=w.auditor)
    assert {row["Reference"] for row in rows(take(client, w.auditor))} == {seen.reference}
    assert take(client, w.auditor, reference=hidden.reference).status_code == 404


def test_an_auditor_who_also_has_a_seat_elsewhere_exports_only_what_they_audit(client, w):
    other = factories.world("westmere")
    d = raised(other)
    factories.stand_in(other.posts["sam"], w.auditor)
    audited = raised(w)
    assert {row["Reference"] for row in rows(take(client, w.auditor))} == {audited.reference}
    assert take(client, w.auditor, reference=d.reference).status_code == 404


def test_the_desk_leads_an_auditor_here_and_nobody_else(client, w):
    for person, leads in ((w.auditor, True), (w.office, False), (w.aisha, False)):
        client.force_login(person)
        assert ('href="/exports/"' in client.get("/desk/").content.decode()) == leads


# ── finding


def found(client, person, **asked):
    client.force_login(person)
    page = client.get("/exports/", asked)
    assert page.status_code == 200
    return {d.reference for d in page.context["page"].object_list}


def test_disagreements_are_found_by_date_stage_and_agency(client, w):
    today = timezone.localdate()
    with_health, at_managers = raised(w, to="nell"), at_line_managers(w)
    day = lambda name, date: {f"{name}_day": date.day, f"{name}_month": date.month, f"{name}_year": date.year}  # noqa: E731
    both = {with_health.reference, at_managers.reference}
    assert found(client, w.auditor) == both
    assert found(client, w.auditor, **day("raised_from", today), **day("raised_to", today)) == both
    assert found(client, w.auditor, **day("raised_from", today + dt.timedelta(days=1))) == set()
    assert found(client, w.auditor, **day("raised_to", today - dt.timedelta(days=1))) == set()
    assert found(client, w.auditor, stage="line_manager") == {at_managers.reference}
    assert found(client, w.auditor, agency=w.teams["health"].agency.pk) == {with_health.reference}


def test_what_was_found_is_what_is_exported(client, w):
    raised(w)
    at_managers = at_line_managers(w)
    assert {row["Reference"] for row in rows(take(client, w.auditor, stage="line_manager"))} == {at_managers.reference}
    client.force_login(w.auditor)
    html = client.get("/exports/?stage=line_manager").content.decode()
    assert '<input type="hidden" name="stage" value="line_manager">' in html


@pytest.mark.parametrize(
    "asked",
    [
        {"stage": "<script>"},
        {"agency": "x"},
        {"raised_from_day": "31", "raised_from_month": "2", "raised_from_year": "2026"},
        {"raised_from_day": "x" * 1000},
    ],
)
def test_what_cannot_be_looked_for_is_said_and_not_exported(client, w, asked):
    raised(w)
    client.force_login(w.auditor)
    page = client.get("/exports/", asked)
    assert page.status_code == 200
    assert "There is a problem" in page.content.decode()
    assert "<script>" not in page.content.decode().split("<main")[1]
    assert take(client, w.auditor, **asked).status_code == 404


def test_nothing_found_says_so_kindly(client, w):
    client.force_login(w.auditor)
    assert "No disagreement fits" in client.get("/exports/").content.decode()


# ── what is in the file


def test_every_entry_and_every_text_is_in_it(client, w):
    d = with_the_chair(w)
    told = rows(take(client, w.auditor, reference=d.reference.lower()))
    with acting_as(w.aisha):
        entries = list(Entry.objects.filter(disagreement=d).order_by("number"))
        texts = set(Text.objects.filter(disagreement=d).values_list("value", flat=True))
    assert [int(row["Entry number"]) for row in told if row["Kind of row"] == "Entry"] == [entry.number for entry in entries]
    assert {row["Words"] for row in told if row["Kind of row"] == "Words"} == texts
    answered_by = next(row for row in told if row["What"] == "Sam answered")
    assert answered_by["Person"] == "Sam"
    assert answered_by["Post"] == "Practitioner, Children's Social Care, Front door"
    assert answered_by["Side"] == "Children's Social Care, Front door (Responding side)"
    assert answered_by["Replayed"] == "no"
    assert "Child safe now: Yes, as far as I know" in answered_by["New value"]


def test_every_changed_field_is_in_it_with_person_side_and_both_times(client, w):
    d = at_line_managers(w)
    told = rows(take(client, w.auditor))
    changes = [row for row in told if row["Kind of row"] == "Changed field"]
    stages = [(row["Old value"], row["New value"]) for row in changes if row["What"] == "disagreement: stage"]
    assert stages == [("", "Recognition"), ("Recognition", "Between practitioners"), ("Between practitioners", "Line managers")]
    last = next(row for row in changes if row["New value"] == "Line managers")
    assert (last["Person"], last["Side"]) == ("Aisha", "Hill Lane Primary School, Safeguarding (Raising side)")
    assert last["Happened at"]
    assert last["Recorded at"]
    assert {row["What"].split(":")[0] for row in changes} >= {"disagreement", "side", "seat", "clock"}
    assert any(row["What"] == "seat: person" and row["New value"] == "Mona" for row in changes)
    assert d.reference == changes[0]["Reference"]


def test_no_changed_field_is_forgotten(client, w):
    d = resolved(w)
    told = [row for row in rows(take(client, w.auditor)) if row["Kind of row"] == "Changed field"]
    expected = 0
    with acting_as(w.auditor):
        for model in history.KEPT:
            key = "id" if model is Disagreement else "disagreement_id"
            versions = {}
            for kept in model.history.filter(**{key: d.pk}).order_by("history_date"):
                before = versions.get(kept.id)
                for field in model._meta.concrete_fields:
                    if field.name in history.NEVER_CHANGES:
                        continue
                    new = getattr(kept, field.attname)
                    expected += new not in (None, "") if before is None else new != getattr(before, field.attname)
                versions[kept.id] = kept
    assert len(told) == expected > 40


def test_changes_stand_below_the_entry_that_caused_them(client, w):
    answered(w)
    numbers = [int(row["Entry number"]) for row in rows(take(client, w.auditor))]
    assert numbers == sorted(numbers)


def test_happened_and_recorded_are_two_times(client, w):
    d = answered(w, told_at=(timezone.now() - dt.timedelta(days=3)).isoformat())
    yesterday = timezone.now() - dt.timedelta(days=1)
    move(d, "record_discussion", w.sam, happened_at=yesterday, said="We spoke")
    row = next(row for row in rows(take(client, w.auditor)) if row["What"] == "Sam recorded a discussion")
    assert row["Happened at"] == history.moment(yesterday)
    assert row["Recorded at"] > row["Happened at"]


def test_what_was_recorded_for_a_side_says_so(client, w):
    d = raised(w, to="surgery")
    with acting_as(w.aisha):
        side = Side.objects.get(disagreement=d, kind="responding")
    move(d, "record_answer_for", w.aisha, recorded_for=side.pk, view="No")
    row = next(row for row in rows(take(client, w.auditor)) if row["Recorded for"])
    assert row["Recorded for"] == "Mill Street Surgery (Responding side)"


def test_a_stand_in_is_named_with_whom_they_stand_in_for(client, w):
    d = raised(w)
    factories.stand_in(w.posts["sam"], w.stranger)
    move(d, "match_child", w.stranger)
    row = next(row for row in rows(take(client, w.auditor)) if row["Person"] == "Stranger")
    assert row["Standing in for"] == "Sam"


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r", " =", "\x00=", "＝"])
def test_a_cell_that_would_be_a_formula_gets_an_apostrophe(begins):
    assert safe(f"{begins}HYPERLINK(1)").startswith("'")


@pytest.mark.parametrize("text", ["a = b", "Ash", "שלום", "🙂", "one\ntwo", "2026-03-06", ""])
def test_any_other_cell_stays_as_it_is(text):
    assert safe(text) == text


def test_control_characters_are_left_out():
    assert safe("a\x00b\x1b[31m\u0085c\td") == "ab[31mc\td"


def test_hostile_words_come_through_the_file_whole(client, w):
    d = answered(w)
    hostile = '=cmd|"/C calc"!A1, "quoted"; line\nnext 🙂 שלום'
    move(d, "add_note", w.sam, note=hostile)
    assert f"'{hostile}" in [row["Words"] for row in rows(take(client, w.auditor))]


def test_the_file_opens_in_a_spreadsheet_and_its_name_says_nothing(client, w):
    raised(w)
    answer = take(client, w.auditor)
    assert content(answer).startswith(b"\xef\xbb\xbfReference,Entry number,")
    assert answer.streaming
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="accord-history-{timezone.localdate().isoformat()}.csv"'


def test_the_page_says_what_each_column_is(client, w):
    client.force_login(w.auditor)
    html = client.get("/exports/").content.decode()
    assert "has an apostrophe before it" in html
    for column in history.COLUMNS:
        assert str(column) in html


def test_times_are_those_of_london_and_never_ambiguous():
    assert history.moment(dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)) == "2026-07-01 13:00:00+01:00"
    assert history.moment(None) == ""


# ── what it leaves behind, and what it costs


def test_the_trail_keeps_who_exported_how_much(client, w):
    d = raised(w)
    answered(w)
    taken = len(rows(take(client, w.auditor)))
    one = len(rows(take(client, w.auditor, reference=d.reference)))
    columns = "person_id, partnership_id, disagreement_id, what, facts"
    sql = f"SELECT {columns} FROM audit_trace WHERE kind = 'exported' AND what = 'history.csv' ORDER BY at"
    with acting_as(w.auditor), connection.cursor() as cursor:
        cursor.execute(sql)
        kept = [(*row[:4], json.loads(row[4]) if isinstance(row[4], str) else row[4]) for row in cursor.fetchall()]
    assert [row[:4] for row in kept] == [
        (w.auditor.pk, w.partnership.pk, None, "history.csv"),
        (w.auditor.pk, w.partnership.pk, d.pk, "history.csv"),
    ]
    assert kept[0][4]["disagreements"] == 2
    assert [row[4]["rows"] for row in kept] == [taken, one]


def test_an_export_takes_as_many_queries_for_many_as_for_one(client, w):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            rows(take(client, w.auditor))
        return len(captured)

    resolved(w)
    queries()
    before = queries()
    for _ in range(3):
        resolved(w)
    assert queries() == before


def test_the_page_takes_as_many_queries_for_many_as_for_one(client, w):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            client.get("/exports/")
        return len(captured)

    client.force_login(w.auditor)
    raised(w)
    queries()
    before = queries()
    for _ in range(3):
        raised(w)
    assert queries() == before


def test_more_than_one_lot_is_read_to_the_end(client, w, monkeypatch):
    monkeypatch.setattr(history, "AT_ONCE", 2)
    for _ in range(5):
        raised(w)
    assert len({row["Reference"] for row in rows(take(client, w.auditor))}) == 5


def test_a_row_without_a_cause_still_has_its_person_and_time(client, w):
    d = raised(w)
    with acting_as(w.sam):
        factories.exclude(partnership=w.partnership, disagreement=d, person=w.zoe)
    row = next(row for row in rows(take(client, w.auditor)) if not row["Entry number"] and row["What"] == "exclusion: person")
    assert (row["Person"], row["New value"]) == ("Sam", "Zoe")
    assert row["Recorded at"]


@pytest.mark.parametrize("reference", ["\x00", "K7PM-3XQ\x00", "'; --", "🙂" * 1000, "K7PM", "-"])
def test_a_reference_that_is_none_is_404(client, w, reference):
    raised(w)
    assert take(client, w.auditor, reference=reference).status_code == 404


def test_children_their_references_and_exclusions_are_in_it_with_the_entry_by_which_they_came(client, w):
    d = answered(w)
    with acting_as(w.sam):
        factories.exclude(partnership=w.partnership, disagreement=d, person=w.zoe)
    told = rows(take(client, w.auditor))
    entries = {row["Entry number"]: row for row in told if row["Kind of row"] == "Entry"}
    said = {row["What"]: row for row in told if row["Kind of row"] == "Child"}
    assert {what: (row["New value"], row["Entry number"]) for what, row in said.items()} == {
        "child 1: pseudonym": ("Ash", "1"),
        "child 1: age band": ("5 to 10", "1"),
        "child 1: reference of Hill Lane Primary School, Safeguarding (Raising side)": ("S-1", "1"),
        "child 1: reference of Children's Social Care, Front door (Responding side)": ("SC-9", "2"),
    }
    assert all(row["Recorded at"] == entries[row["Entry number"]]["Recorded at"] for row in said.values())
    excluded = next(row for row in told if row["What"] == "exclusion: person")
    assert (excluded["New value"], excluded["Person"]) == ("Zoe", "Sam")


def test_a_reference_that_was_recorded_for_a_side_stands_with_that_entry(client, w):
    d = raised(w, to="surgery")
    with acting_as(w.aisha):
        side = Side.objects.get(disagreement=d, kind="responding")
    entry = move(d, "record_answer_for", w.aisha, recorded_for=side.pk, view="No", references={1: "GP-3"})
    row = next(row for row in rows(take(client, w.auditor)) if row["New value"] == "GP-3")
    assert row["What"] == "child 1: reference of Mill Street Surgery (Responding side)"
    assert row["Entry number"] == str(entry.number)
