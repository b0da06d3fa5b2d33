"""Each person's own log: theirs alone, whoever else asks, and however."""

import csv
import datetime as dt
import io
import uuid

import pypdf
import pytest
from django.db import connection
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Appointment, KeptForm
from audit.models import Trace
from learning.models import LogEntry
from tests import factories

pytestmark = pytest.mark.django_db

TODAY = {"on_day": "3", "on_month": "3", "on_year": "2026"}
FULL = {
    **TODAY,
    "title": "A threshold talked through",
    "hours": "1.5",
    "role": "Lead teacher",
    "areas": ["raising", "learning"],
    "task": "Whether small signs add up",
    "process": "The form has one box",
    "style": "I pressed, and would wait a day",
    "learned": "Bring a chronology",
    "changed": "I write one from the first week",
}


@pytest.fixture
def w():
    return factories.world()


def write(client, person, path="/log/new/", **given):
    client.force_login(person)
    return client.post(path, {"key": str(uuid.uuid4()), **(given or FULL)})


def entries(person):
    with acting_as(person):
        return list(LogEntry.objects.filter(owner=person))


def test_what_is_written_stands_in_the_list_with_its_totals(client, w):
    assert write(client, w.aisha).url == "/log/"
    write(client, w.aisha, on_day="9", on_month="11", on_year="2025", title="A course", hours="6", areas=["raising"])
    html = client.get("/log/").content.decode()
    assert "A threshold talked through" in html
    assert "2 entries, 7.5 hours" in html
    assert "I write one from the first week" in html
    html = client.get("/log/?year=2025").content.decode()
    assert "1 entry, 6 hours" in html
    assert "A threshold talked through" not in html
    assert client.get("/log/?year=<script>").status_code == 200
    assert "Nothing in 2019" in client.get("/log/?year=2019").content.decode()


def test_it_is_changed_and_really_deleted(client, w):
    write(client, w.aisha)
    (entry,) = entries(w.aisha)
    page = client.get(f"/log/{entry.pk}/").content.decode()
    assert 'value="1.5"' in page
    assert "I pressed, and would wait a day" in page
    assert client.post(f"/log/{entry.pk}/", {**FULL, "title": "Said better", "hours": "", "areas": []}).url == "/log/"
    (entry,) = entries(w.aisha)
    assert (entry.title, entry.hours, entry.areas) == ("Said better", None, [])
    assert "Do you want to delete" in client.get(f"/log/{entry.pk}/delete/").content.decode()
    assert len(entries(w.aisha)) == 1
    with acting_as(w.aisha):  # as the page keeps it while it is being written
        KeptForm.objects.create(person=w.aisha, path=f"/log/{entry.pk}/", fields={"style": ["half a thought"]}, kept_at=timezone.now())
    assert client.post(f"/log/{entry.pk}/delete/").url == "/log/"
    with acting_as(w.aisha):
        assert not KeptForm.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE accord_owner")
        cursor.execute("SELECT count(*) FROM learning_logentry")
        assert cursor.fetchone() == (0,)
        cursor.execute("RESET ROLE")


def test_the_same_page_posted_twice_writes_one_entry(client, w):
    key = str(uuid.uuid4())
    for _ in range(2):
        assert write(client, w.aisha, **FULL, key=key).status_code == 302
    assert len(entries(w.aisha)) == 1
    write(client, w.sam, **FULL, key=key)  # another person's page, with the same key
    assert len(entries(w.sam)) == len(entries(w.aisha)) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"title": ""}, "Enter in a few words what it was"),
        ({"title": "x" * 100_000}, "must be 120 characters or fewer"),
        ({"on_day": "31", "on_month": "2"}, "must be a real date"),
        ({"on_year": "2099"}, "must be today or in the past"),
        ({"on_day": "", "on_month": "", "on_year": ""}, "Enter the day"),
        ({"hours": "two"}, "must be a number like 2 or 1.5"),
        ({"hours": "-1"}, "must be a number like 2 or 1.5"),
        ({"hours": "1.25"}, "must be a number like 2 or 1.5"),
        ({"hours": "0"}, "more than 0"),
        ({"hours": "9999"}, "no more than 200"),
        ({"hours": "١"}, "must be a number like 2 or 1.5"),
        ({"areas": ["made up"]}, "Choose only answers in the list"),
        ({"learned": "bell \x07"}, "contains characters that cannot be shown"),
        ({"task": "y" * 100_000}, "must be 10,000 characters or fewer"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(client, w, wrong, message):
    page = write(client, w.aisha, **{**FULL, "style": "<script>kept</script> 🙂 שלום", **wrong})
    html = page.content.decode()
    assert page.status_code == 200
    assert message in html
    assert "&lt;script&gt;kept&lt;/script&gt; 🙂 שלום" in html
    assert entries(w.aisha) == []


def test_hours_may_be_written_with_a_comma(client, w):
    write(client, w.aisha, **{**FULL, "hours": "1,5"})
    assert str(entries(w.aisha)[0].hours) == "1.5"


def everybody_else(w):
    lead = factories.person("Lead")
    with factories.as_set_up():
        Appointment.objects.create(
            partnership=w.partnership,
            person=lead,
            office="safeguarding_lead",
            agency=w.teams["school"].agency,
            starts_on=factories.LONG_AGO,
        )
    elsewhere = factories.world("westmere")
    return [w.grace, w.ian, w.sam, w.office, w.chair, w.auditor, w.rep, w.stranger, lead, factories.administrator(w), elsewhere.office]


def test_nobody_else_finds_it_by_any_address_or_any_query(client, w):
    write(client, w.aisha)
    (entry,) = entries(w.aisha)
    for person in everybody_else(w):
        client.force_login(person)
        for path in (f"/log/{entry.pk}/", f"/log/{entry.pk}/delete/"):
            assert client.get(path).status_code == 404
            assert client.post(path, FULL).status_code == 404
        for path in ("/log/", "/log/log.csv", "/desk/", "/account/"):
            assert "A threshold talked through" not in client.get(path).content.decode("utf-8-sig")
        with acting_as(person), connection.cursor() as cursor:
            for sql in ("SELECT count(*) FROM learning_logentry", "SELECT count(*) FROM learning_logentry WHERE owner_id IS NOT NULL"):
                cursor.execute(sql)
                assert cursor.fetchone() == (0,), person
            cursor.execute("UPDATE learning_logentry SET title = 'taken'")
            assert cursor.rowcount == 0
            cursor.execute("DELETE FROM learning_logentry")
            assert cursor.rowcount == 0
    assert entries(w.aisha)[0].title == FULL["title"]


@pytest.mark.parametrize("role", ["clock", "report", "sealer"])
def test_no_other_role_of_the_database_reads_it(w, role, as_role):
    with as_role(role) as raw, pytest.raises(Exception, match="permission denied"):
        raw.execute("SELECT title FROM learning_logentry")


def test_nobody_writes_into_somebody_elses_log(w):
    with acting_as(w.sam), pytest.raises(Exception, match="row-level security"):
        LogEntry.objects.create(owner=w.aisha, on=dt.date(2026, 3, 3), title="Planted")


def test_no_line_of_the_trail_and_no_kept_page_stays_of_it(client, w):
    write(client, w.aisha)
    with acting_as(w.auditor):
        before = Trace.objects.count()
    client.post("/log/new/", {"key": str(uuid.uuid4()), **FULL, "title": "Another"})
    entry, _another = entries(w.aisha)
    for path in ("/log/", f"/log/{entry.pk}/", "/log/log.csv", "/log/log.pdf", f"/log/{entry.pk}/delete/"):
        assert client.get(path).status_code == 200
    with acting_as(w.auditor):
        assert Trace.objects.count() == before
    with acting_as(w.aisha):
        assert not KeptForm.objects.filter(person=w.aisha).exists()


def test_the_spreadsheet_is_the_owners_with_formulas_made_harmless(client, w):
    write(client, w.aisha, **{**FULL, "title": '=HYPERLINK("x")', "learned": "+one\nline"})
    answer = client.get("/log/log.csv")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert "attachment" in answer["Content-Disposition"]
    head, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    cells = dict(zip(head, row, strict=True))
    assert cells["Title"] == '\'=HYPERLINK("x")'
    assert cells["What I learnt"] == "'+one\nline"
    assert cells["Date"] == "2026-03-03"
    assert cells["Areas"] == "Raising a disagreement; Learning from it"
    assert cells["How I went about it"] == FULL["style"]
    client.force_login(w.sam)
    assert len(list(csv.reader(io.StringIO(client.get("/log/log.csv").content.decode("utf-8-sig"))))) == 1


def test_the_pdf_leaves_out_how_one_went_about_it_unless_asked(client, w):
    write(client, w.aisha, **{**FULL, "task": "*not bold* #eval <a> 🙂 שלום"})
    text = text_of(client.get("/log/log.pdf"))
    assert "Reflection and CPD log of Aisha" in text
    assert "1 entry, 1.5 hours" in text
    assert "*not bold* #eval <a>" in text
    assert "I pressed" not in text
    assert "I pressed" in text_of(client.get("/log/log.pdf?whole=1&year=2026"))
    assert "1 entry" not in text_of(client.get("/log/log.pdf?year=2019"))


def text_of(answer):
    assert answer["Content-Type"] == "application/pdf"
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(answer.content)).pages).split())


def test_an_empty_log_says_so_kindly_and_who_may_read_it(client, w):
    client.force_login(w.aisha)
    html = client.get("/log/").content.decode()
    assert "Nothing yet" in html
    assert "Nobody else can read your log" in html
    assert "What somebody may still ask you for" in html
    assert 'href="/log/"' in client.get("/account/").content.decode()
    assert text_of(client.get("/log/log.pdf"))


def test_the_list_takes_as_many_queries_for_many_as_for_one(client, w, django_assert_max_num_queries):
    for n in range(6):
        write(client, w.aisha, **{**FULL, "on_year": str(2020 + n)})
    assert timezone.now().year >= 2026
    with django_assert_max_num_queries(12):
        client.get("/log/")
