"""Everything a person opens about a disagreement leaves a trace: who, what, when, in which capacity; once, and without words."""

from __future__ import annotations

import json
import random
import statistics
import time
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.acting import acting_as
from accounts.models import Appointment, User
from audit.models import Trace
from disputes.models import Draft, DraftReader
from escalation.forms import FORMS
from tests import factories
from tests.factories import LONG_AGO, World, as_set_up, move

Kind = Trace.Kind


@pytest.fixture
def w(db: None) -> World:
    return factories.world()


def of(person: User, **narrowed: Any) -> list[Trace]:
    """This person's part of the trail, oldest first, without how they came in."""
    coming = (Kind.SIGNED_IN, Kind.SIGNED_OUT)
    with acting_as(person):
        return list(Trace.objects.filter(person_id=person.pk, **narrowed).exclude(kind__in=coming).order_by("at", "pk"))


def said(trace: Trace) -> tuple[Any, ...]:
    return trace.kind, trace.what, trace.disagreement_id, trace.facts.get("as"), trace.facts.get("why")


# ── every address ───────────────────────────────────────────────────────────────────────────────────────────────────


def routes_of_a_disagreement(patterns: list[Any] | None = None, before: str = "") -> list[tuple[str, URLPattern]]:
    found = []
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += routes_of_a_disagreement(pattern.url_patterns, route)
        elif "<slug:reference>" in route:
            found.append((route, pattern))
    return found


def filled(route: str, reference: str) -> list[str]:
    """The addresses of a route; a move's route stands for all moves."""
    path = "/" + route.replace("<slug:reference>", reference)
    if "<slug:slug>" in path:
        return [path.replace("<slug:slug>", name.replace("_", "-")) for name in FORMS]
    path = path.replace("<int:number>", "1").replace("<slug:kind>", "raising")
    assert "<" not in path, f"say here what stands for the parts of {route}"
    return [path]


def test_every_address_of_a_disagreement_leaves_a_trace(w: World, client: Client) -> None:
    made = {"raised": factories.raised(w), "answered": factories.answered(w), "resolved": factories.resolved(w)}
    made["mediated"] = factories.session_fixed(w)
    routes = routes_of_a_disagreement()
    assert len(routes) >= 6
    opened: dict[str, int] = dict.fromkeys((route for route, _ in routes), 0)
    for d in made.values():
        for person in (w.ian, w.chair) if d == made["mediated"] else (w.aisha, w.sam, w.auditor):
            client.force_login(person)
            for route, _pattern in routes:
                every = filled(route, d.reference)
                for path in every if person == w.aisha and d == made["answered"] else every[:3]:
                    before = len(of(person, disagreement_id=d.pk))
                    answer = client.get(path)
                    if answer.status_code not in (200, 409):  # 409 shows the disagreement too
                        continue
                    opened[route] += 1
                    traces = of(person, disagreement_id=d.pk)
                    assert len(traces) == before + 1, f"{path} left {len(traces) - before} traces"
                    assert traces[-1].kind == Kind.READ
                    assert traces[-1].facts["as"], path
    assert [route for route, times in opened.items() if not times] == [], "never opened with success: let this test reach it"


@pytest.mark.parametrize(
    ("who", "capacity", "why"),
    [("aisha", "raiser", "seat"), ("sam", "responder", "seat"), ("grace", "line_manager", "seat"), ("auditor", "audit", "appointment")],
)
def test_the_capacity_is_kept(w: World, client: Client, who: str, capacity: str, why: str) -> None:
    d = factories.at_line_managers(w)
    person = w.person(who)
    client.force_login(person)
    client.get(f"/disagreements/{d.reference}/")
    assert said(of(person)[-1]) == ("read", "disagreement", d.pk, capacity, why)
    assert of(person)[-1].partnership_id == w.partnership.pk


def test_who_stands_in_is_kept_as_standing_in(w: World, client: Client) -> None:
    d = factories.raised(w)
    factories.stand_in(w.posts["sam"], w.stranger)
    client.force_login(w.stranger)
    client.get(f"/disagreements/{d.reference}/")
    assert said(of(w.stranger)[-1]) == ("read", "disagreement", d.pk, "responder", "stand_in")


def test_two_hundred_random_reads_are_all_there(w: World, client: Client) -> None:
    chance = random.Random(4)
    ds = [factories.raised(w), factories.answered(w), factories.at_line_managers(w)]
    pages = {
        "": "disagreement",
        "who-can-see/": "who_can_see",
        "add-note/": "add_note",
        "withdraw/": "withdraw",
        "?print=1": "disagreement",
    }
    capacities = {"aisha": "raiser", "sam": "responder", "auditor": "audit", "grace": "line_manager"}
    expected: dict[str, list[tuple[Any, ...]]] = {name: [] for name in capacities}
    clients = {name: Client() for name in capacities}
    for name, one in clients.items():
        one.force_login(w.person(name))
    began = {name: len(of(w.person(name))) for name in capacities}
    for _ in range(200):
        name, (tail, what) = chance.choice([*capacities]), chance.choice([*pages.items()])
        d = ds[2] if name == "grace" else chance.choice(ds)
        assert clients[name].get(f"/disagreements/{d.reference}/{tail}").status_code in (200, 409)
        expected[name].append(("printed" if tail == "?print=1" else "read", what, d.pk, capacities[name]))
    found = {name: [said(trace)[:4] for trace in of(w.person(name))[began[name] :]] for name in capacities}
    assert found == expected
    assert sum(len(rows) for rows in found.values()) == 200


def test_a_read_costs_one_insert_and_reads_nothing_back(w: World, client: Client) -> None:
    d = factories.raised(w)
    client.force_login(w.sam)
    for path in (f"/disagreements/{d.reference}/", "/desk/", "/disagreements/"):
        with CaptureQueriesContext(connection) as asked:
            assert client.get(path).status_code == 200
        of_trail = [query["sql"] for query in asked.captured_queries if "audit_trace" in query["sql"]]
        assert len(of_trail) == 1, path
        assert "INSERT INTO audit_trace" in of_trail[0]
        assert "RETURNING" not in of_trail[0]


# ── lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_notes_how_many_and_which_and_never_what_was_looked_for(w: World, client: Client) -> None:
    first, second = factories.raised(w), factories.raised(w)
    client.force_login(w.aisha)
    client.get("/disagreements/")
    listed = of(w.aisha, kind=Kind.SEARCHED)[-1]
    assert (listed.what, listed.facts["hits"], set(listed.facts["shown"])) == ("list", 2, {str(first.pk), str(second.pk)})
    client.post("/disagreements/", {"text": "Ash", "state": "", "stage": "", "agency": ""}, follow=True)
    client.post("/disagreements/", {"text": "Quillfeather", "state": "", "stage": "", "agency": ""}, follow=True)
    found, nothing = of(w.aisha, kind=Kind.SEARCHED)[-2:]
    assert (found.facts["hits"], nothing.facts["hits"], nothing.facts["shown"]) == (2, 0, [])
    everything = json.dumps([trace.facts for trace in of(w.aisha)]) + "".join(trace.what for trace in of(w.aisha))
    assert "Quill" not in everything
    assert "Ash" not in everything


def test_the_desk_is_noted_once_a_request(w: World, client: Client) -> None:
    d = factories.raised(w)
    client.force_login(w.sam)
    client.get("/desk/")
    (trace,) = of(w.sam)
    assert (trace.kind, trace.what, trace.facts["shown"], trace.partnership_id) == ("searched", "desk", [str(d.pk)], w.partnership.pk)


def test_a_list_over_two_partnerships_is_one_row_for_each(w: World, client: Client) -> None:
    other = factories.world("southshire")
    here, there = factories.raised(w), factories.raised(other)
    with as_set_up():
        Appointment.objects.create(partnership=other.partnership, person=w.auditor, office="auditor", starts_on=LONG_AGO)
    client.force_login(w.auditor)
    client.get("/disagreements/")
    rows = {trace.partnership_id: trace.facts["shown"] for trace in of(w.auditor, kind=Kind.SEARCHED)}
    assert rows == {w.partnership.pk: [str(here.pk)], other.partnership.pk: [str(there.pk)]}


def test_the_auditor_s_finding_page_and_the_learning_page_are_noted(w: World, client: Client) -> None:
    d = factories.raised(w)
    client.force_login(w.auditor)
    client.get("/exports/")
    assert [(trace.kind, trace.what, trace.facts["shown"]) for trace in of(w.auditor)] == [("searched", "exports", [str(d.pk)])]
    client.force_login(w.office)
    client.get("/learning/points/")
    assert [(trace.kind, trace.what, trace.partnership_id) for trace in of(w.office)] == [("read", "learning_points", w.partnership.pk)]


# ── drafts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_colleague_s_draft_is_noted_and_one_s_own_is_not(w: World, client: Client) -> None:
    with acting_as(w.aisha):
        draft = Draft.objects.create(partnership=w.partnership, author=w.aisha, post=w.posts["aisha"])
        DraftReader.objects.create(draft=draft, person=w.zoe)
    for person in (w.aisha, w.zoe):
        client.force_login(person)
        assert client.get(f"/disagreements/new/{draft.pk}/read/").status_code == 200
    assert of(w.aisha) == []
    (trace,) = of(w.zoe)
    assert (trace.kind, trace.what, trace.disagreement_id, trace.facts) == ("read", "draft", None, {})  # 23.12: no draft is named


# ── printing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_printed_page_is_noted_with_and_without_javascript(w: World, client: Client) -> None:
    d = factories.raised(w)
    client.force_login(w.sam)
    assert client.post("/trail/printed/", {"path": f"/disagreements/{d.reference}/who-can-see/"}).status_code == 204
    page = client.get(f"/disagreements/{d.reference}/")
    assert f'href="/disagreements/{d.reference}/?print=1" data-print' in page.content.decode()
    client.get(f"/disagreements/{d.reference}/?print=1")
    assert [said(trace)[:4] for trace in of(w.sam) if trace.kind == Kind.PRINTED] == [
        ("printed", "who_can_see", d.pk, "responder"),
        ("printed", "disagreement", d.pk, "responder"),
    ]


@pytest.mark.parametrize("path", ["", "/nowhere/", "x" * 5000, "/disagreements/ZZZZ-ZZZZ/", "/disagreements/", "\x00", "//", "/%00"])
def test_saying_what_was_printed_never_fails_and_answers_nothing(w: World, client: Client, path: str) -> None:
    client.force_login(w.sam)
    answer = client.post("/trail/printed/", {"path": path})
    assert (answer.status_code, answer.content) == (204, b"")


# ── refused ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("committed_db")
def test_hidden_and_absent_are_noted_and_look_alike(client: Client, superuser: Any) -> None:
    w = factories.world()
    d = factories.raised(w)
    client.force_login(w.stranger)
    hidden, absent = client.get(f"/disagreements/{d.reference}/"), client.get("/disagreements/ZZZZ-ZZZZ/")
    assert hidden.status_code == absent.status_code == 404
    rows = superuser.execute(
        "SELECT what, person_id, disagreement_id, partnership_id FROM audit_trace WHERE kind = 'refused' ORDER BY at"
    ).fetchall()
    assert rows == [("hidden", w.stranger.pk, d.pk, w.partnership.pk), ("hidden", w.stranger.pk, None, None)]
    times: dict[str, list[float]] = {d.reference: [], "ZZZZ-ZZZZ": []}
    for _ in range(100):
        for reference, taken in times.items():
            began = time.perf_counter()
            client.get(f"/disagreements/{reference}/")
            taken.append(time.perf_counter() - began)
    medians = [statistics.median(taken) for taken in times.values()]
    assert abs(medians[0] - medians[1]) < 0.005, medians
    assert superuser.execute("SELECT count(*) FROM audit_trace WHERE kind = 'refused'").fetchone() == (202,)


@pytest.mark.usefixtures("committed_db")
def test_one_s_own_trail_does_not_tell_what_is_hidden_from_what_is_absent(client: Client) -> None:
    w = factories.world()
    d = factories.raised(w)
    pages = []
    for person, reference in ((w.stranger, d.reference), (w.nell, "ZZZZ-ZZZZ")):
        client.force_login(person)
        assert client.get(f"/disagreements/{reference}/").status_code == 404
        pages.append(client.get("/account/reading/").content.decode())
    for page in pages:
        assert page.count("Asked for a disagreement that is closed or not there") == 1
        assert d.reference not in page


@pytest.mark.usefixtures("committed_db")
def test_every_404_of_a_hidden_disagreement_is_noted(client: Client, superuser: Any) -> None:
    w = factories.world()
    d = factories.raised(w)
    client.force_login(w.nell)
    tried = 0
    for route, _pattern in routes_of_a_disagreement():
        for path in filled(route, d.reference)[:3]:
            for method in ("get", "post"):
                if getattr(client, method)(path).status_code == 404:
                    tried += 1
    assert tried >= 12
    noted = superuser.execute("SELECT count(*) FROM audit_trace WHERE what = 'hidden' AND disagreement_id = %s", [d.pk])
    assert noted.fetchone() == (tried,)


@pytest.mark.usefixtures("committed_db")
def test_a_move_that_was_refused_is_noted(client: Client, superuser: Any) -> None:
    w = factories.world()
    d = factories.raised(w)
    client.force_login(w.sam)
    answer = client.post(f"/disagreements/{d.reference}/withdraw/", {"key": str(uuid.uuid4()), "seen": d.move_version, "note": "Please"})
    assert answer.status_code == 409
    rows = superuser.execute(
        "SELECT kind, what, disagreement_id FROM audit_trace WHERE disagreement_id IS NOT NULL ORDER BY kind"
    ).fetchall()
    assert rows == [("read", "withdraw", d.pk), ("refused", "withdraw", d.pk)]


# ── the way in ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_coming_and_going_is_noted(w: World, client: Client) -> None:
    client.force_login(w.aisha)
    client.post("/sign-out/")
    with acting_as(w.aisha):
        ways = list(Trace.objects.filter(person_id=w.aisha.pk).order_by("at").values_list("kind", "partnership_id"))
    assert ways == [("signed_in", w.partnership.pk), ("signed_out", w.partnership.pk)]


def test_asking_for_a_new_password_is_noted_and_keeps_no_address(w: World, client: Client) -> None:
    path = "/password/forgotten/"
    for address in (w.aisha.email, "nobody@example.org"):
        assert client.post(path, {"email": address}).status_code == 200
    with acting_as(w.aisha):
        (trace,) = Trace.objects.filter(what="reset-asked")
    assert (trace.kind, trace.facts, trace.person_id) == ("changed", {}, w.aisha.pk)


def test_nothing_noted_holds_words(w: World, client: Client) -> None:
    d = factories.answered(w)
    move(d, "add_note", w.aisha, note="Zebracanary")
    for person in (w.aisha, w.sam, w.auditor):
        client.force_login(person)
        for tail in ("", "who-can-see/", "add-note/"):
            client.get(f"/disagreements/{d.reference}/{tail}")
        client.get("/desk/")
        for trace in of(person):
            text = json.dumps(trace.facts)
            assert not any(word in text for word in ("Zebra", "Ash", "neglect", "threshold", "Sam", d.reference))
