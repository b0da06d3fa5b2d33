"""A directory from a file: every mistake by line and column, a preview that says what would happen, then all of it or nothing."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from hypothesis import given as for_all
from hypothesis import settings as run_with
from hypothesis import strategies as st

from accounts import directory_csv, directory_import
from accounts.acting import acting_as
from accounts.directory import Directory
from accounts.directory_import import Plan, export_rows, plan
from accounts.models import Post, Team, User
from tests import factories
from tests.factories import World

HEAD = "name,email,team,post title,level,reports to,adviser\n"
AS_IT_IS = (
    HEAD
    + "Ian,ian@example.org,Safeguarding,Senior manager,senior manager,,\n"
    + "Grace,grace@example.org,Safeguarding,Line manager,line manager,ian@example.org,\n"
    + "Aisha,aisha@example.org,Safeguarding,Practitioner,practitioner,grace@example.org,\n"
    + "Zoe,zoe@example.org,Safeguarding,Teacher,practitioner,grace@example.org,\n"
    + "Ada school,ada.school@example.org,,,,,\n"
)
VACANT = ",,Safeguarding,Social worker,0,grace@example.org,\n"


@pytest.fixture
def w(db: None) -> World:
    made = factories.world()
    made.people["ada"] = factories.administrator(made)
    return made


@pytest.fixture
def ada(w: World, client: Client) -> Client:
    client.force_login(w.ada)
    return client


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def url(w: World) -> str:
    return reverse("directory-import", args=[w.teams["school"].agency.pk])


def planned(w: World, text: str) -> Plan:
    with acting_as(w.ada):
        return plan(Directory(w.teams["school"].agency, w.ada, True), directory_csv.read(text))


def preview(w: World, ada: Client, text: str) -> Any:
    return ada.post(url(w), {"do": "check", "text": text})


def apply(w: World, ada: Client, text: str) -> str:
    shown = preview(w, ada, text)
    assert "What the file would change" in text_of(shown), text_of(shown)
    seen = shown.context["plan"].mark
    return text_of(ada.post(url(w), {"do": "apply", "text": text, "seen": seen}, follow=True))


def mistakes(w: World, text: str) -> list[tuple[int, str]]:
    return [(one.line, one.column) for one in planned(w, text).mistakes]


# ── what it does ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_present_directory_reads_back_as_nothing_to_do(w: World, ada: Client) -> None:
    export = ada.get(reverse("directory-export", args=[w.teams["school"].agency.pk]))
    assert export["Content-Disposition"] == 'attachment; filename="directory.csv"'
    assert export["Content-Type"].startswith("text/csv")
    text = export.content.decode("utf-8")
    assert text.removeprefix("\ufeff").replace("\r\n", "\n") == AS_IT_IS
    for one in (text, text.replace(",", ";"), text.replace(",", "\t"), AS_IT_IS):
        made = planned(w, one)
        assert (made.mistakes, made.changes, made.same) == ([], 0, 5)
        assert (made.people_missing, made.posts_missing) == ([], [])
    page = text_of(preview(w, ada, text))
    assert "the directory says all of it already" in page
    assert "5 lines are left alone" in page
    assert "Make th" not in page


def test_what_is_new_changed_and_missing_is_said_then_done(w: World, ada: Client) -> None:
    text = (
        HEAD
        + "Ian Carr,ian@example.org,Safeguarding,Senior manager,2,,\n"
        + "Grace,grace@example.org,Safeguarding,Line manager,line manager,Senior manager,\n"
        + "Aisha,aisha@example.org,Safeguarding,Designated lead,practitioner,Line manager,ian@example.org\n"
        + "New Person,NEW@example.org,Nursery,Nursery nurse,0,Nursery manager,\n"
        + ",,Nursery,Nursery manager,1,ian@example.org,\n"
        + "Without Post,without@example.org,,,,,\n"
    )
    page = text_of(preview(w, ada, text))
    for said in (
        "New teams (1)",
        "New people (2)",
        "New posts (2)",
        "Posts that change (1)",
        "Names that change (1)",
        "People who are not",
    ):
        assert said in page, said
    assert "Practitioner → Designated lead" in page
    assert "Zoe" in page
    assert not Team.objects.filter(name="Nursery").exists()
    said = apply(w, ada, text)
    assert "7 changes were made" in said
    new = User.objects.get(email="new@example.org")
    assert (new.name, new.is_active, new.kept_by, new.has_usable_password()) == ("New Person", False, w.teams["school"].agency, False)
    nurse, manager = Post.objects.get(title="Nursery nurse"), Post.objects.get(title="Nursery manager")
    assert (nurse.holder, nurse.reports_to, nurse.team.name) == (new, manager, "Nursery")
    assert (manager.holder, manager.reports_to, manager.level) == (None, w.posts["ian"], 1)
    aisha = Post.objects.get(pk=w.posts["aisha"].pk)
    assert (aisha.title, aisha.adviser, aisha.holder) == ("Designated lead", w.posts["ian"], w.aisha)
    assert w.posts["zoe"].holder == w.zoe  # a file removes nobody
    assert Post.objects.get(pk=w.posts["zoe"].pk).holder == w.zoe
    for row in (new, nurse, aisha, User.objects.get(pk=w.ian.pk)):
        assert row.history.first().history_user == w.ada  # type: ignore[union-attr]
        assert row.history.first().actor_name == w.ada.name  # type: ignore[union-attr]
    again = planned(w, text)
    assert (again.mistakes, again.changes) == ([], 0)
    changes = text_of(ada.get(reverse("directory-changes", args=[w.teams["school"].agency.pk])))
    assert "Nursery manager" in changes


def test_the_only_post_of_its_title_changes_hands(w: World, ada: Client) -> None:
    d = factories.raised(w)
    text = AS_IT_IS.replace("Aisha,aisha@example.org,Safeguarding,Practitioner", "Zoe,zoe@example.org,Safeguarding,Practitioner")
    text = text.replace("Zoe,zoe@example.org,Safeguarding,Teacher", "Aisha,aisha@example.org,Safeguarding,Teacher")
    made = planned(w, text)
    assert [one.differences for one in made.changed_posts] == [[("held by", "Aisha", "Zoe")], [("held by", "Zoe", "Aisha")]]
    apply(w, ada, text)
    assert Post.objects.get(pk=w.posts["aisha"].pk).holder == w.zoe
    with acting_as(w.zoe):
        assert type(d).objects.filter(pk=d.pk).exists()
    with acting_as(w.aisha):
        assert not type(d).objects.filter(pk=d.pk).exists()


def test_what_is_open_is_not_given_to_nobody(w: World, ada: Client) -> None:
    factories.raised(w)
    vacant = AS_IT_IS.replace("Aisha,aisha@example.org,Safeguarding", ",,Safeguarding")
    new = AS_IT_IS.replace("Aisha,aisha@example.org,Safeguarding", "Pat,pat@example.org,Safeguarding")
    for text in (vacant, new):
        (one,) = planned(w, text).mistakes
        assert (one.line, one.column) == (4, "email")
        assert "1 open disagreement" in one.message
        assert "1 open disagreement" in text_of(preview(w, ada, text))


def test_twelve_posts_of_one_title_stay_apart(w: World, ada: Client) -> None:
    workers = "".join(f"Worker {n},worker{n}@example.org,Safeguarding,Social worker,0,grace@example.org,\n" for n in range(12))
    apply(w, ada, AS_IT_IS + workers + VACANT * 3)
    assert Post.objects.filter(title="Social worker").count() == 15
    without = AS_IT_IS + workers.replace("Worker 3,worker3@example.org", "Other,other@example.org") + VACANT * 2
    made = planned(w, without)
    assert [one.differences for one in made.changed_posts] == [[("held by", "vacant", "Other")]]
    assert (made.new_posts, [one.name for one in made.people_missing], len(made.posts_missing)) == ([], ["Worker 3"], 1)


def test_a_column_that_is_not_there_is_left_alone(w: World) -> None:
    text = "name;email;team;post title;level\nAisha;aisha@example.org;Safeguarding;Practitioner;0\n"
    assert planned(w, text).changes == 0
    text = HEAD + "Aisha,aisha@example.org,Safeguarding,Practitioner,0,,\n"
    assert [one.differences for one in planned(w, text).changed_posts] == [[("reports to", "Line manager, Grace", "nobody")]]


def test_an_adviser_of_another_agency_is_known_by_address(w: World, ada: Client) -> None:
    apply(w, ada, AS_IT_IS.replace("grace@example.org,\nZoe", "grace@example.org,noor@example.org\nZoe"))
    assert Post.objects.get(pk=w.posts["aisha"].pk).adviser == w.posts["noor"]
    with acting_as(w.ada):
        rows = export_rows(Directory(w.teams["school"].agency, w.ada, True))
    assert planned(w, directory_csv.write(rows)).changes == 0


def test_who_confirms_what_they_did_not_see_sees_it_first(w: World, ada: Client) -> None:
    text = AS_IT_IS + "Pat,pat@example.org,,,,,\n"
    page = text_of(ada.post(url(w), {"do": "apply", "text": text, "seen": "another"}))
    assert "changed since you looked" in page
    assert not User.objects.filter(email="pat@example.org").exists()
    mended = text_of(ada.post(url(w), {"do": "mend", "text": text}))
    assert "pat@example.org" in mended


def test_all_or_nothing(w: World, ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something is changed by others between the reading and the writing: then nothing is written."""
    text = AS_IT_IS.replace("Safeguarding,Teacher", "Safeguarding,Head of year") + "Pat,pat@example.org,,,,,\n"
    seen = preview(w, ada, text).context["plan"].mark
    monkeypatch.setattr(directory_import, "CHANGE", directory_import.CHANGE + " AND accounts_post.level > 7")
    page = text_of(ada.post(url(w), {"do": "apply", "text": text, "seen": seen}))
    assert "Nothing was changed" in page
    assert not User.objects.filter(email="pat@example.org").exists()


def test_a_thousand_lines_ask_no_more_than_ten(w: World, ada: Client, django_assert_max_num_queries: Any) -> None:
    def workers(number: int) -> str:
        return AS_IT_IS + "".join(
            f"Worker {n},w{n}@example.org,Team {n % 20},Post {n},0,grace@example.org,ian@example.org\n" for n in range(number)
        )

    preview(w, ada, workers(1))
    with django_assert_max_num_queries(100) as few:
        preview(w, ada, workers(10))
    most = len(few)
    with django_assert_max_num_queries(most):
        page = text_of(preview(w, ada, workers(1200)))
    assert "New people (1200)" in page
    assert "Only the first 200 are shown" in page
    assert "2420 changes were made" in apply(w, ada, workers(1200))
    assert Post.objects.filter(team__agency=w.teams["school"].agency).count() == 1204
    with django_assert_max_num_queries(most):
        assert "1205 lines are left alone" in text_of(preview(w, ada, workers(1200)))


# ── mistakes ────────────────────────────────────────────────────────────────────────────────────────────────────────

MISTAKES: dict[str, tuple[str, list[tuple[int, str]]]] = {
    "no heading": ("Aisha,aisha@example.org\n", [(1, "Aisha"), (1, "aisha@example.org"), *[(1, c) for c in sorted(directory_csv.NEEDED)]]),
    "a column is missing": ("name,email,team,level\nA,a@example.org,,\n", [(1, "post title")]),
    "a column twice": ("name,name," + HEAD[5:] + "A,a@example.org,,,,,,\n", [(1, "name")]),
    "no address": (HEAD + "A,nowhere,,,,,\n", [(2, "email")]),
    "a name without an address": (HEAD + "A,,Safeguarding,Teacher,0,,\n", [(2, "email")]),
    "an address without a name": (HEAD + ",a@example.org,,,,,\n", [(2, "name")]),
    "a team alone": (HEAD + ",,Safeguarding,,,,\n", [(2, "post title")]),
    "the same twice": (HEAD + "A,a@example.org,S,T,0,,\n" * 2, [(3, "email")]),
    "two names": (HEAD + "A,a@example.org,S,T,0,,\nB,A@example.org,S,U,0,,\n", [(3, "name")]),
    "an unknown level": (HEAD + "A,a@example.org,S,T,boss,,\n,,S,U,10,,\n,,S,V,-1,,\n,,S,W,,,\n", [(n, "level") for n in (2, 3, 4, 5)]),
    "an unknown manager": (HEAD + "A,a@example.org,S,T,0,King,no@example.org\n", [(2, "adviser"), (2, "reports to")]),
    "itself": (HEAD + "A,a@example.org,S,T,0,a@example.org,\n", [(2, "reports to")]),
    "a loop": (HEAD + ",,S,T,0,U,\n,,S,U,1,V,\n,,S,V,1,T,\n,,S,W,0,T,\n", [(2, "reports to"), (3, "reports to"), (4, "reports to")]),
    "a loop through who is not in the file": (
        HEAD + "Ian,ian@example.org,Safeguarding,Senior manager,2,aisha@example.org,\n",
        [(2, "reports to")],
    ),
    "two posts of one title": (HEAD + ",,S,T,1,,\n,,S,T,1,,\n,,S,U,0,T,\n", [(4, "reports to")]),
    "two posts of one person": (HEAD + "A,a@example.org,S,T,1,,\nA,a@example.org,S,V,1,,\n,,S,U,0,a@example.org,\n", [(4, "reports to")]),
    "no team": (HEAD + "A,a@example.org,,T,0,,\n", [(2, "team")]),
    "too many cells": (HEAD + "A,a@example.org,S,T,0,,,more\n", [(2, "8")]),
    "kept elsewhere": (HEAD + "Nell,nell@example.org,Safeguarding,Nurse,0,,\n", [(2, "email")]),
    "control characters": (HEAD + "A\x07,a@example.org,S,T,0,,\n", [(2, "name")]),
    "a new line in a cell": (HEAD + '"A\nB",a@example.org,S,T,0,,\nB,b,,,,,\n', [(2, "name"), (4, "email")]),
    "a quotation mark that does not end": (HEAD + 'A,a@example.org,S,"T,0,,\nB,b@example.org,,,,,\n', [(2, "")]),
    "a quotation mark inside": (HEAD + 'A,a@example.org,S,"T"x,0,,\n', [(2, "")]),
    "a long name": (HEAD + "A" * 121 + ",a@example.org,S,T,0,,\n", [(2, "name")]),
    "a very long cell": (HEAD + "A" * 200_000 + ",a@example.org,S,T,0,,\n", [(2, "")]),
    "nothing below the heading": (HEAD, [(2, "")]),
    "only empty lines": ("\n\n , ,\n", [(1, "")]),
    "too many lines": (HEAD + ",,S,T,0,,\n" * 2001, [(2002, "")]),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_mistakes_are_named_by_line_and_column(what: str, w: World, ada: Client) -> None:
    text, found = MISTAKES[what]
    assert sorted(mistakes(w, text)) == sorted(found)
    answer = preview(w, ada, text)
    assert answer.status_code == 200
    page = text_of(answer)
    assert "Error:" in page
    assert "Nothing was changed" in page or "Choose a file" in page
    assert Post.objects.filter(team__agency=w.teams["school"].agency).count() == 4


def test_who_has_left_does_not_come_back_by_a_file(w: World) -> None:
    with factories.as_set_up():
        User.objects.filter(pk=w.zoe.pk).update(left_on="2026-01-01", is_active=False)
    assert mistakes(w, AS_IT_IS) == [(5, "email")]


def test_the_office_of_a_post_is_not_taken_by_somebody_elses_name(w: World) -> None:
    with factories.as_set_up():
        User.objects.filter(pk=w.zoe.pk).update(kept_by=w.teams["health"].agency)
    made = planned(w, AS_IT_IS.replace("Zoe,", "Zoey,"))
    assert (made.mistakes, made.renamed, len(made.notes)) == ([], [], 1)


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────────

FILES: dict[str, tuple[bytes, str]] = {
    "UTF-8": ((HEAD + "Zoë Ñandú,z@example.org,,,,,\n").encode(), "Zoë Ñandú"),
    "UTF-8 with a byte-order mark": ((HEAD + "Zoë,z@example.org,,,,,\n").encode("utf-8-sig"), "Zoë"),
    "semicolons and quotes": (b'"name";"email";"team";"post title";"level"\r\n"Lee, Pat";"p@example.org";"";"";""\r\n', "Lee, Pat"),
    "old Mac line ends": ((HEAD + "Zoe B,z@example.org,,,,,\n").replace("\n", "\r").encode(), "Zoe B"),
    "right to left": ((HEAD + "\u05d0\u05d1,z@example.org,,,,,\n").encode(), "\u05d0\u05d1"),
    "Windows-1252": ((HEAD + "Zoë,z@example.org,,,,,\n").encode("cp1252"), "is not text in UTF-8"),
    "a spreadsheet's own format": (b"PK\x03\x04\x00\x00" + bytes(range(256)), "is not text in UTF-8"),
    "zeroes": (b"name,email\0", "is not text"),
    "empty": (b"", "empty"),
    "600 KB": (b"x" * 600_000, "larger than 512 KB"),
    "9 MB": (b"x" * 9_000_000, "larger than 512 KB"),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_is_read_or_said_to_be_unreadable(what: str, w: World, ada: Client) -> None:
    content, said = FILES[what]
    answer = ada.post(url(w), {"do": "check", "file": SimpleUploadedFile("d.csv", content)})
    assert answer.status_code == 200
    assert said in text_of(answer)


def test_ten_megabytes_and_more_are_refused_at_once(w: World, ada: Client) -> None:
    answer = ada.post(url(w), {"do": "check", "file": SimpleUploadedFile("d.csv", b"x" * 12_000_000)})
    assert answer.status_code == 413


def test_formulas_are_text_coming_in_and_going_out(w: World, ada: Client) -> None:
    text = HEAD + '\'=cmd|\'/c calc\'!A1,f@example.org,S,"=HYPERLINK(""x"")",0,,\n\'@SUM,g@example.org,,,,,\n\'-x,h@example.org,,,,,\n'
    apply(w, ada, text)
    assert User.objects.get(email="f@example.org").name == "=cmd|'/c calc'!A1"
    assert Post.objects.get(holder__email="f@example.org").title == '=HYPERLINK("x")'
    export = ada.get(reverse("directory-export", args=[w.teams["school"].agency.pk])).content.decode("utf-8-sig")
    for row in csv.reader(io.StringIO(export)):
        for cell in row:
            assert not cell.startswith(("=", "+", "-", "@", "\t")), cell
    assert planned(w, export).changes == 0
    page = text_of(preview(w, ada, HEAD + "<script>alert(1)</script>,i@example.org,,,,,\n"))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_template_is_read_without_a_mistake(w: World, ada: Client) -> None:
    template = ada.get(reverse("directory-template", args=[w.teams["school"].agency.pk])).content.decode()
    assert planned(w, template).mistakes == []


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=30).map(
    lambda cell: cell.strip(" \u00a0")
)


@run_with(max_examples=300, deadline=None)
@for_all(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6))
def test_what_is_written_reads_back_the_same(cells: list[tuple[str, str]]) -> None:
    rows = [(name or "n", f"p{number}@example.org", team or "t", "title", "0", "", "") for number, (name, team) in enumerate(cells)]
    found = directory_csv.read(directory_csv.write(rows))
    assert found.mistakes == []
    assert [(row.name, row.team) for row in found.rows] == [(row[0], row[2]) for row in rows]


@run_with(max_examples=500, deadline=None)
@for_all(
    st.lists(st.sampled_from([*"a,;\t\"'\n\r=@ .0", "name", "email", "\ufeff", "\x00", "\x07", "post title", "\u2028"]), max_size=80).map(
        "".join
    )
)
def test_whatever_the_text_it_is_read(text: str) -> None:
    directory_csv.read(text)
    directory_csv.read(HEAD + text)
