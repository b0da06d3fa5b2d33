"""The pages of the trail: whose part whom is shown, in words, without naming what the reader may not see; and looking is noted."""

from __future__ import annotations

import csv
import io
import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.acting import acting_as
from accounts.models import Appointment, User
from audit import trail
from audit.models import Alarm, Trace
from disputes.models import Disagreement
from tests import factories
from tests.factories import LONG_AGO, World, as_set_up

Kind = Trace.Kind
pytestmark = pytest.mark.django_db


@pytest.fixture
def w() -> World:
    w = factories.world()
    with as_set_up():
        w.people["lead"] = factories.person("Lead")
        Appointment.objects.create(
            partnership=w.partnership, person=w.lead, office="safeguarding_lead", agency=w.teams["health"].agency, starts_on=LONG_AGO
        )
    factories.stand_in(w.posts["sam"], w.nell)  # so that the lead's own people see what the lead does not
    return w


def opens(client: Client, person: User, d: Disagreement, tail: str = "") -> None:
    client.force_login(person)
    assert client.get(f"/disagreements/{d.reference}/{tail}").status_code in (200, 404, 409)


def page(client: Client, person: User, path: str = "/trail/") -> str:
    client.force_login(person)
    answer = client.get(path)
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).split())


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", "", html).split())


@pytest.mark.parametrize("who", ["lead", "auditor", "office", "sam", "chair", "rep", "stranger"])
@pytest.mark.parametrize("path", ["/trail/", "/trail/export/", "/trail/people/{nell}/"])
def test_who_may_read_the_trail(w: World, client: Client, who: str, path: str) -> None:
    client.force_login(w.person(who))
    assert client.get(path.format(nell=w.nell.pk)).status_code == (200 if who in ("lead", "auditor") else 404)


def test_it_says_who_opened_what_and_as_what(w: World, client: Client) -> None:
    d = factories.raised(w)
    opens(client, w.sam, d)
    opens(client, w.sam, d, "withdraw/")
    said = text_of(page(client, w.auditor))
    assert f"Sam opened {d.reference}" in said
    assert "as responder" in said
    assert f"Sam opened the page “Withdraw” of {d.reference}" in said or f"of {d.reference}" in said


def test_a_lead_sees_their_own_people_and_no_reference_that_is_closed_to_them(w: World, client: Client) -> None:
    d = factories.raised(w)
    for person in (w.nell, w.aisha):
        opens(client, person, d)
    html = page(client, w.lead)
    assert "Nell</a> opened a disagreement you cannot see" in html
    assert "as responder, standing in for a colleague" in html
    assert "Aisha" not in html
    assert d.reference not in html


def test_a_lead_reads_the_reference_of_what_the_agency_takes_part_in(w: World, client: Client) -> None:
    d = factories.raised(w, to="nell")
    opens(client, w.nell, d)
    assert f"Nell opened {d.reference}" in text_of(page(client, w.lead))


def test_an_auditor_of_another_partnership_sees_none_of_it(w: World, client: Client) -> None:
    other = factories.world("southshire")
    d = factories.raised(w)
    opens(client, w.sam, d)
    html = page(client, other.auditor)
    assert d.reference not in html
    assert "Sam opened" not in text_of(html)
    assert "Sam signed in" in text_of(html)  # the agency sits in both partnerships
    assert "They opened no disagreement" in page(client, other.auditor, f"/trail/people/{w.sam.pk}/")
    client.force_login(other.auditor)
    assert client.get(f"/trail/people/{w.office.pk}/").status_code == 404


def test_looking_at_it_is_itself_noted(w: World, client: Client) -> None:
    d = factories.raised(w)
    page(client, w.lead)
    page(client, w.auditor, f"/trail/?reference={d.reference}")
    page(client, w.lead, f"/trail/people/{w.nell.pk}/")
    page(client, w.lead, "/trail/alarms/")
    with acting_as(w.auditor):
        looked = [(one.person_id, one.what, one.facts) for one in Trace.objects.filter(kind=Kind.READ).order_by("at")]
    assert looked == [
        (w.lead.pk, "trail", {}),
        (w.auditor.pk, "trail", {"about": str(d.pk)}),
        (w.lead.pk, "trail_of", {"people": [str(w.nell.pk)]}),
        (w.lead.pk, "alarms", {}),
    ]


# ── narrowing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_name_is_posted_and_becomes_people(w: World, client: Client) -> None:
    d = factories.raised(w)
    for person in (w.sam, w.aisha):
        opens(client, person, d)
    client.force_login(w.auditor)
    answer = client.post("/trail/", {"name": "sam", "kind": "opened"})
    assert answer.status_code == 302
    assert answer["Location"] == f"/trail/?person={w.sam.pk}&kind=opened"
    html = page(client, w.auditor, answer["Location"])
    assert "Sam</a> opened" in html
    assert "Aisha" not in html


def test_nobody_of_the_name_in_one_s_part_is_said(w: World, client: Client) -> None:
    client.force_login(w.lead)
    answer = client.post("/trail/", {"name": "Aisha"})
    assert "Nobody of this name is in your part of the trail" in unescape(answer.content.decode())
    assert 'value="Aisha"' in answer.content.decode()


def test_who_has_opened_one_disagreement(w: World, client: Client) -> None:
    first, second = factories.raised(w), factories.raised(w)
    opens(client, w.sam, first)
    opens(client, w.aisha, second)
    assert f'href="/trail/?reference={first.reference}"' in page(client, w.auditor, f"/disagreements/{first.reference}/")
    said = text_of(page(client, w.auditor, f"/trail/?reference={first.reference}"))
    assert f"Sam opened {first.reference}" in said
    assert f"Aisha opened {second.reference}" not in said
    assert "Who has opened this" not in page(client, w.sam, f"/disagreements/{first.reference}/")


def test_a_reference_that_is_hidden_and_one_that_is_absent_are_the_same(w: World, client: Client) -> None:
    d = factories.raised(w)
    for reference in (d.reference, "ZZZZ-ZZZZ"):
        html = page(client, w.lead, f"/trail/?reference={reference}")
        assert "You cannot see a disagreement with this reference" in html
        client.force_login(w.lead)
        assert "You cannot see a disagreement with this reference" in unescape(
            client.post("/trail/", {"reference": reference}).content.decode()
        )


def test_by_kind_and_dates(w: World, client: Client) -> None:
    d = factories.raised(w)
    opens(client, w.sam, d)
    page(client, w.sam, "/desk/")
    said = text_of(page(client, w.auditor, "/trail/?kind=listed"))
    assert "Sam looked at the desk: 1 disagreement" in said
    assert f"Sam opened {d.reference}" not in said
    old = text_of(page(client, w.auditor, "/trail/?last_day=1&last_month=1&last_year=2021&first_day=1&first_month=1&first_year=2021"))
    assert "Nothing fits" in old


@pytest.mark.parametrize(
    "query",
    [
        "person=x",
        "person=%00",
        "kind=x",
        "reference=%00",
        "reference=" + "x" * 2000,
        "first_day=40",
        "page=99999",
        "page=x",
        "kind=opened&kind=x",
    ],
)
def test_a_spoilt_address_is_answered(w: World, client: Client, query: str) -> None:
    client.force_login(w.auditor)
    assert client.get(f"/trail/?{query}").status_code == 200
    assert client.get(f"/trail/export/?{query}").status_code in (200, 404)


@pytest.mark.parametrize("typed", ["", "x" * 100_000, "\x00\x1b", "😀", "\u202eabc", "<script>", "%(d)s"])
def test_whatever_is_typed_is_answered(w: World, client: Client, typed: str) -> None:
    client.force_login(w.auditor)
    fields = {"name": typed, "reference": typed, "kind": typed, "first_day": typed, "first_month": "13", "first_year": typed}
    assert client.post("/trail/", fields).status_code in (200, 302)


# ── one person ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_one_person_opened_disagreement_by_disagreement(w: World, client: Client) -> None:
    first, second = factories.raised(w), factories.raised(w)
    for d in (first, first, second):
        opens(client, w.nell, d)
    html = page(client, w.auditor, f"/trail/people/{w.nell.pk}/")
    assert "What Nell opened" in text_of(html)
    assert f"2 times {first.reference}" in text_of(html)
    assert f"1 time {second.reference}" in text_of(html)
    hidden = page(client, w.lead, f"/trail/people/{w.nell.pk}/")
    assert first.reference not in hidden
    assert text_of(hidden).count("a disagreement you cannot see") == 2
    client.force_login(w.lead)
    assert client.get(f"/trail/people/{w.aisha.pk}/").status_code == 404


# ── one's own ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_everybody_reads_their_own(w: World, client: Client) -> None:
    d = factories.raised(w)
    opens(client, w.sam, d)
    said = text_of(page(client, w.sam, "/account/reading/"))
    assert f"Opened {d.reference}" in said
    assert "as responder" in said
    assert "Signed in" in said


# ── export ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def rows_of(answer: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_what_is_shown_can_be_taken_away_and_that_is_noted(w: World, client: Client) -> None:
    d = factories.raised(w)
    for person in (w.sam, w.aisha):
        opens(client, person, d)
    with as_set_up():
        User.objects.filter(pk=w.sam.pk).update(name="=1+1")
    client.force_login(w.auditor)
    address = f"/trail/export/?person={w.sam.pk}&kind=opened"
    assert "Export 1 line" in client.get(address).content.decode()
    heads, *rows = rows_of(client.post(address))
    assert heads[:3] == ["When", "Who", "Did"]
    assert [row[1:] for row in rows] == [["'=1+1", f"opened {d.reference}", d.reference, "as responder"]]
    with acting_as(w.auditor):
        noted = Trace.objects.get(kind=Kind.EXPORTED)
    assert (noted.what, noted.person_id, noted.facts["rows"]) == ("trail.csv", w.auditor.pk, 1)


def test_the_export_needs_a_fresh_second_factor(w: World, client: Client) -> None:
    client.force_login(w.auditor)
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": 1.0}, {"method": "mfa", "at": 1.0, "type": "totp"}]
    session.save()
    answer = client.post("/trail/export/?kind=opened")
    assert answer.status_code == 302
    assert "next=%2Ftrail%2Fexport%2F%3Fkind%3Dopened" in answer["Location"]
    with acting_as(w.auditor):
        assert not Trace.objects.filter(kind=Kind.EXPORTED).exists()


def test_a_lead_s_export_names_no_disagreement_they_cannot_see(w: World, client: Client) -> None:
    d = factories.raised(w)
    opens(client, w.nell, d)
    client.force_login(w.lead)
    _heads, *rows = rows_of(client.post("/trail/export/?kind=opened"))
    assert [row[1:4] for row in rows] == [["Nell", "opened a disagreement you cannot see", ""]]


# ── cost ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/trail/", "/account/reading/", "/trail/people/{sam}/", "/trail/alarms/"])
def test_as_many_queries_for_forty_lines_as_for_two(w: World, client: Client, path: str) -> None:
    def reads(times: int) -> None:
        for _ in range(times):
            d = factories.raised(w)
            for person in (w.sam, w.auditor):
                with acting_as(person):
                    trail.note(Kind.READ, "disagreement", person=person.pk, disagreement=d.pk, partnership=w.partnership.pk, role="auditor")
            with as_set_up():
                Alarm.objects.create(kind="unusual_reading", person_id=w.sam.pk, partnership_id=w.partnership.pk, disagreement_id=d.pk)

    client.force_login(w.auditor)
    counted = []
    for times in (1, 19):
        reads(times)
        client.get(path.format(sam=w.sam.pk))  # warm
        with CaptureQueriesContext(connection) as asked:
            assert client.get(path.format(sam=w.sam.pk)).status_code == 200
        counted.append(len(asked))
    assert counted[0] == counted[1]


def test_an_act_in_two_partnerships_is_one_line(w: World, client: Client) -> None:
    other = factories.world("southshire")
    with as_set_up():
        Appointment.objects.create(partnership=other.partnership, person=w.auditor, office="auditor", starts_on=LONG_AGO)
    here, there = factories.raised(w), factories.raised(other)
    page(client, w.auditor, "/disagreements/")
    said = text_of(page(client, w.auditor, "/account/reading/"))
    assert said.count("Looked through the list of disagreements: 2 found, 2 shown") == 1
    assert {here.reference, there.reference} <= set(said.replace(",", " ").split())
