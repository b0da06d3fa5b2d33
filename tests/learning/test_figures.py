"""The figures as they are released, read and taken away: counted once, in the clock's role, for those who look after the learning."""

from __future__ import annotations

import copy
import csv
import dataclasses
import datetime as dt
import functools
import io
import re
from typing import Any

import openpyxl
import pypdf
import pytest
from django.test import Client
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Appointment
from config.celery import SCHEDULE
from escalation.models import Heartbeat
from escalation.tasks import WrongRole
from learning import counting, figure_files, statistics
from learning.figure_words import TITLES, Shown, divided, say_period, shown
from learning.models import Decision, Release, Subgroup, Theme
from learning.statistics import ALL, Period
from tests import factories
from tests.factories import World
from tests.learning.figures_world import YEAR, partnership, released
from tests.sameness import same

pytestmark = pytest.mark.django_db

HOSTILE = ["=1+1", "+44", "-2", "@SUM(A1)", "<script>alert(1)</script>", "Very long " * 30, "\u202eabc", "a'b[c]:*?/\\"]


@functools.cache
def a_year() -> dict[Period, list[dict[str, object]]]:
    return released(partnership(4, cases=120))


def publish(w: World, **agencies: str) -> dict[Period, list[dict[str, Any]]]:
    """Five releases of a made-up year, as they would stand in the database."""
    made = copy.deepcopy(a_year())
    with factories.as_set_up():
        for period, tables in made.items():
            for table in tables:
                table["names"] = {key: agencies.get(key.replace(" ", "_"), name) for key, name in table["names"].items()}  # type: ignore[attr-defined]
            kept = {"format": 1, "tables": tables}
            Release.objects.create(partnership=w.partnership, starts_on=period.first, ends_on=period.last, tables=kept)
    return made  # type: ignore[return-value]


def read(client: Client, w: World, who: str, address: str) -> Any:
    client.force_login(w.person(who))
    return client.get(address)


# ── counting ────────────────────────────────────────────────────────────────────────────────────────────────────────


def next_quarter() -> dt.datetime:
    last = Period.quarter_of(timezone.localdate()).last
    return dt.datetime.combine(last + dt.timedelta(days=1), dt.time(3), tzinfo=statistics.LONDON)


def test_the_web_may_not_count(client: Client) -> None:
    with pytest.raises(WrongRole):
        counting.release_figures()


def test_a_completed_quarter_is_counted_once(as_clock: Any) -> None:
    w = factories.world()
    for _ in range(5):
        factories.resolved(w)
    with as_clock():
        assert counting.release_completed(timezone.now()) == 0  # the quarter is not over
        made = counting.release_completed(next_quarter())
        assert made in (1, 2)  # with the year, if it ends with this quarter
        assert counting.release_completed(next_quarter()) == 0
        release = Release.objects.get(starts_on=Period.quarter_of(timezone.localdate()).first, ends_on__lt=next_quarter().date())
    cells = {table["key"]: statistics.cells_of(table) for table in release.tables["tables"]}
    assert list(cells) == list(TITLES)
    assert cells["flow"][ALL, "opened"] == cells["flow"][ALL, "closed"] == 5
    assert cells["between"][str(w.teams["school"].agency_id), str(w.teams["social_care"].agency_id)] == 5
    assert cells["between"][str(w.teams["surgery"].agency_id), ALL] == 0
    assert cells["category"]["thresholds", "opened"] == 5
    assert cells["outcome"]["resolved", "closed"] == 5
    assert cells["confirmed"]["both", "closed"] == 5
    assert cells["answer"][str(w.teams["social_care"].agency_id), "late_practitioner"] == 0


def test_four_are_not_told(as_clock: Any) -> None:
    w = factories.world()
    for _ in range(4):
        factories.raised(w)
    with as_clock():
        counting.release_completed(next_quarter())
        tables = Release.objects.order_by("ends_on")[0].tables["tables"]
    for table in tables:
        if table["key"] in ("flow", "between", "category", "urgency"):
            assert {value for place, value in statistics.cells_of(table).items() if place[1] != "closed"} <= {None}, table["key"]


def test_what_the_record_says_is_what_is_counted(as_clock: Any) -> None:
    """The facts of one disagreement, as they come out of the database."""
    w = factories.world()
    d = factories.at_line_managers(w)
    with as_clock():
        (case,) = counting.facts_of(w.partnership).cases
    assert (case.raising, case.asked[0].agency) == (str(w.teams["school"].agency_id), str(w.teams["social_care"].agency_id))
    assert case.acts[0].kind == "send"
    assert case.acts[-1].stage == "line_manager"
    assert {limit.about for limit in case.limits} == {"step"}
    (spell,) = statistics.spells(case)
    assert [stay.stage for stay in statistics.stays(spell)] == ["practitioner", "line_manager"]
    assert str(d.pk) == case.id


def test_counting_asks_the_same_questions_of_one_and_of_many(as_clock: Any, django_assert_max_num_queries: Any) -> None:
    w = factories.world()
    for _ in range(3):
        factories.raised(w)
    with as_clock(), django_assert_max_num_queries(16):
        assert len(counting.facts_of(w.partnership).cases) == 3


def test_one_partnership_whose_figures_fail_does_not_hold_up_the_others(as_clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = factories.world(), factories.world("elsewhere")
    for w in (one, other):
        factories.raised(w)
    whole = counting.facts_of

    def failing(partnership: Any) -> Any:
        if partnership == one.partnership:
            raise RuntimeError("broken")
        return whole(partnership)

    monkeypatch.setattr(counting, "facts_of", failing)
    with as_clock():
        with pytest.raises(RuntimeError):
            counting.release_completed(next_quarter())
        assert {release.partnership_id for release in Release.objects.all()} == {other.partnership.pk}


def test_it_runs_by_itself_and_says_so(as_clock: Any) -> None:
    assert SCHEDULE["release-figures"]["task"] == "learning.counting.release_figures"
    with as_clock():
        counting.release_figures()
        assert Heartbeat.objects.filter(job="release_figures").exists()


# ── pages, and for whom ─────────────────────────────────────────────────────────────────────────────────────────────

READERS = ("office", "chair", "deputy", "auditor", "rep", "member")
OTHERS = ("aisha", "grace", "sam", "stranger")
FILES = ("figures.xlsx", "figures.pdf", "flow.csv")


@pytest.fixture
def w() -> World:
    made = factories.world()
    made.people["member"] = factories.person("Member", kept_for=made.partnership)
    with factories.as_set_up():
        Appointment.objects.create(partnership=made.partnership, person=made.member, office="subgroup", starts_on=factories.LONG_AGO)
    return made


@pytest.mark.parametrize("who", READERS)
def test_who_looks_after_the_learning_reads_the_figures(client: Client, w: World, who: str) -> None:
    publish(w)
    for address in ("", "2025-26/", "2025-26-q2/", *(f"2025-26-q2/{name}" for name in FILES)):
        assert read(client, w, who, f"/learning/figures/{address}").status_code == 200, address


@pytest.mark.parametrize("who", OTHERS)
def test_nobody_else_does(client: Client, w: World, who: str) -> None:
    publish(w)
    for address in ("", "2025-26/", "2025-26-q2/", *(f"2025-26-q2/{name}" for name in FILES)):
        assert read(client, w, who, f"/learning/figures/{address}").status_code == 404, address


def test_the_figures_of_another_partnership_do_not_exist(client: Client, w: World) -> None:
    elsewhere = factories.world("elsewhere")
    publish(elsewhere)
    assert b"The first figures come" in read(client, w, "office", "/learning/figures/").content
    assert read(client, w, "office", "/learning/figures/2025-26/").status_code == 404
    assert read(client, w, "office", "/learning/figures/?in=elsewhere").status_code == 404
    with acting_as(w.office):
        assert not Release.objects.exists()


def test_whoever_serves_two_partnerships_chooses(client: Client, w: World) -> None:
    elsewhere = factories.world("elsewhere")
    publish(elsewhere)
    with factories.as_set_up():
        Appointment.objects.create(partnership=elsewhere.partnership, person=w.chair, office="chair", starts_on=factories.LONG_AGO)
    assert b"elsewhere" in read(client, w, "chair", "/learning/figures/").content
    page = read(client, w, "chair", "/learning/figures/?in=northshire").content.decode()
    assert "The first figures come" in page
    assert client.get("/learning/figures/2025-26/?in=elsewhere").status_code == 200
    assert client.get("/learning/figures/2025-26/?in=northshire").status_code == 404


@pytest.mark.parametrize("name", ["2025-26-q9", "x", "2024-25", "9999-00", "-", "2025-26-q1-q1"])
def test_a_period_that_is_not_there_is_not_there(client: Client, w: World, name: str) -> None:
    publish(w)
    assert read(client, w, "office", f"/learning/figures/{name}/").status_code == 404
    assert client.get(f"/learning/figures/{name}/figures.pdf").status_code == 404


def test_a_table_that_is_not_there_is_not_there(client: Client, w: World) -> None:
    publish(w)
    assert read(client, w, "office", "/learning/figures/2025-26/nothing.csv").status_code == 404


def test_the_page_takes_no_filters(client: Client, w: World) -> None:
    """What anybody can ever see is what was released: nothing in an address counts anew."""
    publish(w)
    plain = read(client, w, "office", "/learning/figures/2025-26-q1/")
    asked = client.get("/learning/figures/2025-26-q1/?agency=school&from=2025-04-01&category=thresholds")
    shown_in = re.compile(r"<main.*</main>", re.DOTALL)
    (one,), (other,) = (shown_in.findall(same(answer.content.decode())) for answer in (plain, asked))
    assert one == other


def test_every_table_has_its_sentence_chart_and_numbers(client: Client, w: World) -> None:
    made = publish(w)
    page = read(client, w, "office", "/learning/figures/2025-26/").content.decode()
    for table in made[YEAR]:
        assert f'id="{table["key"]}"' in page
    assert page.count('class="accord-chart"') >= 10
    assert page.count('class="accord-chart"') == page.count('role="img"') == page.count("<desc")
    assert "style=" not in page
    assert "were opened" in page
    assert '<span class="govuk-visually-hidden">hidden</span>' in page
    assert "let somebody work such a one out" in page


def test_before_the_first_quarter_is_over_the_page_says_when(client: Client, w: World) -> None:
    page = read(client, w, "rep", "/learning/figures/").content.decode()
    day = Period.quarter_of(timezone.localdate()).last + dt.timedelta(days=1)
    assert f"{day.day} {day:%B %Y}" in page


def test_what_followed_a_change_is_read_from_what_was_published(client: Client, w: World) -> None:
    made = publish(w)
    with acting_as(w.office):
        subgroup = Subgroup.objects.create(partnership=w.partnership, name="Quality")
    with acting_as(w.member):
        common = {"partnership": w.partnership}
        theme = Theme.objects.create(**common, subgroup=subgroup, title="Letters without reasons", about="protocol", made_by=w.member)
        decision = Decision.objects.create(
            **common, theme=theme, kind="protocol", what="A letter", owner=w.mona, due_on=dt.date(2026, 1, 1), decided_by=w.member
        )
        factories.saved(decision, done_on=dt.date(2025, 8, 8), done_by=w.member, done_at=timezone.now(), what_changed="It has reasons")
    page = read(client, w, "member", "/learning/figures/").content.decode()
    assert "Letters without reasons" in page
    assert "need not have come from it" in page
    for quarter in (1, 3):
        cells = {str(table["key"]): statistics.cells_of(table) for table in made[Period.quarter(2025, quarter)]}["answer"]
        late, total = cells[ALL, "late_practitioner"], cells[ALL, "all_practitioner"]
        assert late is not None
        assert f"{late} of {total}" in page


def test_the_list_asks_as_much_of_many_releases_as_of_one(client: Client, w: World, django_assert_max_num_queries: Any) -> None:
    client.force_login(w.office)
    with django_assert_max_num_queries(25):
        client.get("/learning/figures/")
    publish(w)
    with django_assert_max_num_queries(25):
        client.get("/learning/figures/")


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def hostile(w: World) -> None:
    publish(w, **{f"agency_{i}": HOSTILE[i] for i in range(5)})


def test_csv_holds_the_numbers_of_the_page(client: Client, w: World) -> None:
    made = publish(w)
    answer = read(client, w, "office", "/learning/figures/2025-26/category.csv")
    assert answer["Content-Disposition"] == 'attachment; filename="figures-2025-26-category.csv"'
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    table = next(table for table in made[YEAR] if table["key"] == "category")
    assert [row[1:] for row in rows[1:]] == [["–" if value is None else str(value) for value in line] for line in table["cells"]]


def test_hostile_names_are_text_in_every_file(client: Client, w: World) -> None:
    hostile(w)
    rows = list(csv.reader(io.StringIO(read(client, w, "office", "/learning/figures/2025-26/between.csv").content.decode("utf-8-sig"))))
    assert rows[1][0] == "'=1+1"
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    book = openpyxl.load_workbook(io.BytesIO(client.get("/learning/figures/2025-26/figures.xlsx").content))
    cells = [cell for sheet in book for line in sheet.iter_rows() for cell in line]
    assert not any(cell.data_type == "f" for cell in cells)
    assert "=1+1" in {cell.value for cell in cells}
    page = client.get("/learning/figures/2025-26/").content.decode()
    assert "<script>alert(1)" not in page
    assert client.get("/learning/figures/2025-26/figures.pdf").content.startswith(b"%PDF")


def test_the_workbook_has_a_sheet_a_table_and_says_how_to_read_them(client: Client, w: World) -> None:
    made = publish(w)
    book = openpyxl.load_workbook(io.BytesIO(read(client, w, "auditor", "/learning/figures/2025-26-q3/figures.xlsx").content))
    assert len(book.sheetnames) == 1 + len(made[Period.quarter(2025, 3)])
    assert "dash" in " ".join(str(line[0].value) for line in book.worksheets[0].iter_rows())
    flow = book.worksheets[1]
    assert [cell.value for cell in flow[4]] == ["Opened, closed and still open", "Opened", "Ended", "Open at the end"]
    table = made[Period.quarter(2025, 3)][0]
    assert [[cell.value for cell in line[1:]] for line in flow.iter_rows(min_row=5)] == [
        ["–" if value is None else value for value in line]
        for line in table["cells"]  # type: ignore[attr-defined]
    ]


def test_the_chapter_of_the_annual_report_is_a_tagged_document(client: Client, w: World) -> None:
    publish(w)
    document = pypdf.PdfReader(io.BytesIO(read(client, w, "chair", "/learning/figures/2025-26/figures.pdf").content))
    text = " ".join(page.extract_text() for page in document.pages)
    assert document.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert document.metadata is not None
    assert document.metadata.title == "Professional disagreements, April 2025 to March 2026"
    for title in TITLES.values():
        assert str(title) in text
    assert "never of people" in text


def test_what_is_hidden_on_the_page_is_hidden_in_every_file(client: Client, w: World) -> None:
    """The same tables, so that no file shows more: what a page hides is a dash in all of them."""
    made = publish(w)
    book = openpyxl.load_workbook(io.BytesIO(read(client, w, "office", "/learning/figures/2025-26/figures.xlsx").content))
    for table, sheet in zip(made[YEAR], book.worksheets[1:], strict=True):
        hidden = sum(value is None for line in table["cells"] for value in line)  # type: ignore[attr-defined]
        of_cells = [cell.value for line in sheet.iter_rows(min_row=5, max_col=1 + len(table["columns"])) for cell in line[1:]]  # type: ignore[arg-type]
        assert of_cells.count("–") == hidden
        csv_text = client.get(f"/learning/figures/2025-26/{table['key']}.csv").content.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(csv_text)))
        assert sum(cell == "–" for row in rows[1:] for cell in row[1 : 1 + len(table["columns"])]) == hidden  # type: ignore[arg-type]


# ── words ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def a_table(key: str, rows: list[str], columns: list[str], cells: list[list[int | None]], **more: Any) -> Shown:
    return shown({"key": key, "rows": rows, "columns": columns, "cells": cells, "names": {}, **more}, YEAR, {})


def test_periods_in_words() -> None:
    assert say_period(YEAR) == "April 2025 to March 2026"
    assert say_period(Period.quarter(2025, 4)) == "January to March 2026"


def test_sentences_say_what_the_numbers_say() -> None:
    flow = a_table("flow", ["2025-04", ALL], ["opened", "closed", "open"], [[7, 1, 6], [7, 1, 6]])
    assert flow.sentence == "7 disagreements were opened. 1 ended. 6 were open at the end."
    about = a_table("category", ["roles", ALL], ["opened"], [[None], [None]], names={"roles": "Roles"})
    assert about.sentence == "Too few to show without hiding most of them."
    ended = a_table("ended", ["practitioner", ALL], ["resolved", "otherwise", ALL], [[15, 0, 15], [18, 2, 20]])
    assert ended.sentence.startswith("15 of 20 (75%) were resolved between practitioners")


def test_nothing_comes_first_when_one_that_is_hidden_may_be_more() -> None:
    names = {"a": "A", "b": "B", "c": "C"}
    open_question = a_table("category", ["a", "b", "c", ALL], ["opened"], [[6], [None], [None], [20]], names=names)
    assert open_question.sentence == "20 in all."
    settled = a_table("category", ["a", "b", "c", ALL], ["opened"], [[12], [None], [None], [20]], names=names)
    assert settled.sentence == "A came first: 12 of 20 (60%)."


@pytest.mark.parametrize("key", TITLES)
def test_every_table_can_be_read_when_there_was_nothing(key: str) -> None:
    nothing = statistics.release(partnership(1, cases=1, first=dt.date(2024, 5, 1), days=2), YEAR, {})
    table = shown(next(table for table in nothing if table["key"] == key), YEAR, {})
    assert table.sentence
    assert figure_files.csv_of(table)
    assert table.title


def test_an_agency_that_has_left_keeps_its_name_and_a_category_of_before_its_key() -> None:
    facts = partnership(4, cases=120)
    left = dict(list(facts.agencies.items())[1:])
    changed = dataclasses.replace(facts, agencies=left, former={"agency 0": "Agency 0"}, categories={})
    tables = {str(table["key"]): table for table in statistics.release(changed, YEAR, {})}
    assert "Agency 0" in [label for label, _cells, _total in shown(tables["between"], YEAR, {}).rows]
    assert "Thresholds" in [label for label, _cells, _total in shown(tables["category"], YEAR, {}).rows]


def test_of_what_is_wholly_hidden_one_sentence_is_said_instead_of_dashes(client: Client, w: World) -> None:
    tables = copy.deepcopy(a_year())[YEAR]
    for table in tables[1:]:
        table.update(cells=[[None for _cell in line] for line in table["cells"]], days={})  # type: ignore[attr-defined]
    with factories.as_set_up():
        kept = {"format": 1, "tables": tables}
        Release.objects.create(partnership=w.partnership, starts_on=YEAR.first, ends_on=YEAR.last, tables=kept)
    (flow,), hidden = divided(shown(table, YEAR, {}) for table in tables)
    assert len(hidden) == len(TITLES) - 1
    page = read(client, w, "office", "/learning/figures/2025-26/").content.decode()
    document = pypdf.PdfReader(io.BytesIO(client.get("/learning/figures/2025-26/figures.pdf").content))
    text = " ".join(one.extract_text() for one in document.pages)
    book = openpyxl.load_workbook(io.BytesIO(client.get("/learning/figures/2025-26/figures.xlsx").content))
    assert len(document.pages) <= 2
    assert f'id="{flow.key}"' in page
    assert page.count("Too few to show</h2>") == text.count("Of these too few were counted") == 1
    for one, sheet in zip(hidden, book.worksheets[2:], strict=True):
        assert f'id="{one.key}"' not in page
        assert one.title in page
        assert one.title in text
        assert (sheet["A1"].value, sheet.max_row) == (one.sentence, 2)
