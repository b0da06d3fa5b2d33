"""General issues on their way: the representative refers or keeps, the office where there is none, and nobody else."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Appointment
from escalation.models import Notice
from learning import tasks
from learning.models import LearningPoint, Referral
from tests import factories
from tests.learning.conftest import Learning

pytestmark = pytest.mark.django_db
LIST = "/learning/points/"


def page(point: LearningPoint) -> str:
    return f"{LIST}{point.pk}/"


def referral(learning: Learning, point: LearningPoint) -> Referral | None:
    with acting_as(learning.w.office):
        return Referral.objects.filter(point=point).first()


def owed(rule: str, as_clock: Any) -> list[str]:
    with as_clock():
        tasks.owe(timezone.now())
        return sorted(Notice.objects.filter(rule=rule).values_list("person__name", flat=True))


# ── who reads what ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_representative_reads_those_of_the_agency_and_no_others(learning: Learning) -> None:
    w = learning.w
    ours, theirs = learning.named("aisha", issue="From the school"), learning.named("sam", issue="From social care")
    html = learning.as_(w.rep).get(LIST).content.decode()
    assert "From the school" in html
    assert "From social care" not in html
    assert "Aisha" in html
    assert learning.client.get(page(ours)).status_code == 200
    assert learning.client.get(page(theirs)).status_code == 404
    with acting_as(w.rep):
        assert set(LearningPoint.objects.values_list("pk", flat=True)) == {ours.pk}


def test_subgroup_and_office_read_all_and_nothing_leads_to_the_disagreement(learning: Learning) -> None:
    points = [learning.named("aisha", issue="From the school"), learning.named("sam", issue="From social care")]
    with acting_as(learning.w.aisha):
        references = list(LearningPoint.objects.values_list("disagreement__reference", flat=True))
    for person in (learning.member, learning.w.office):
        html = learning.as_(person).get(LIST).content.decode() + learning.client.get(page(points[0])).content.decode()
        assert "From the school" in html
        assert "From social care" in html
        assert not any(reference in html for reference in references)
    assert "Named by" not in learning.as_(learning.member).get(page(points[0])).content.decode()


def test_everybody_else_finds_no_list_and_no_point(learning: Learning) -> None:
    point = learning.named()
    other = factories.world("westmere")
    for person in (learning.w.aisha, learning.w.chair, learning.w.auditor, learning.w.stranger, other.rep, other.office):
        answer = learning.as_(person).get(LIST)
        assert answer.status_code == (200 if person in (other.rep, other.office) else 404)
        assert "Letters give no reasons" not in answer.content.decode()
        for method in (learning.client.get, learning.client.post):
            assert method(page(point)).status_code == 404


def test_an_appointment_that_has_ended_opens_nothing(learning: Learning) -> None:
    point = learning.named()
    with factories.as_set_up():
        learning.member.appointments.update(ends_on=factories.LONG_AGO)
    assert learning.as_(learning.member).get(LIST).status_code == 404
    assert learning.client.get(page(point)).status_code == 404
    with acting_as(learning.member):
        assert not LearningPoint.objects.exists()


def test_an_empty_list_says_so_kindly(learning: Learning) -> None:
    html = learning.as_(learning.w.rep).get(LIST).content.decode()
    assert "No general issue has been named yet" in html
    assert "Nothing waits for you" in learning.client.get("/desk/").content.decode()


def test_the_list_takes_as_many_queries_for_many_as_for_one(learning: Learning, django_assert_max_num_queries: Any) -> None:
    learning.named()
    learning.as_(learning.w.office).get(LIST)
    for _ in range(3):
        learning.named("sam")
    learning.as_(learning.w.office)
    with django_assert_max_num_queries(14):
        assert learning.client.get(LIST).status_code == 200


# ── refer or keep ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_representative_refers_it_and_the_subgroup_hears_of_it(learning: Learning, as_clock: Any) -> None:
    point = learning.named()
    assert owed("point_named", as_clock) == ["Rep"]
    html = learning.as_(learning.w.rep).get("/desk/").content.decode()
    assert page(point) in html
    assert learning.client.post(page(point), {"where": str(learning.subgroup.pk), "reason": "not needed"})["Location"] == LIST
    made = referral(learning, point)
    assert made is not None
    assert (made.subgroup_id, made.reason, made.referred_by) == (learning.subgroup.pk, "", learning.w.rep)
    assert "With Quality assurance" in learning.client.get(LIST).content.decode()
    assert "Referred to Quality assurance" in learning.client.get(page(point)).content.decode()
    assert owed("referred", as_clock) == ["Quinn"]
    assert owed("referred", as_clock) == ["Quinn"]  # however often it runs
    assert "1 general issue without a theme" in learning.as_(learning.member).get("/desk/").content.decode()


def test_kept_in_the_agency_needs_a_reason(learning: Learning) -> None:
    point = learning.named()
    html = learning.as_(learning.w.rep).post(page(point), {"where": "keep"}).content.decode()
    assert "Say why it stays in the agency" in html
    assert referral(learning, point) is None
    assert learning.client.post(page(point), {"where": "keep", "reason": "Only our own form"})["Location"] == LIST
    made = referral(learning, point)
    assert made is not None
    assert (made.subgroup_id, made.reason) == (None, "Only our own form")
    assert "Only our own form" in learning.client.get(page(point)).content.decode()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "Choose a subgroup, or that it stays"),
        ({"where": "<script>"}, "Choose one of the answers in the list"),
        ({"where": "keep", "reason": "x" * 100_000}, "must be 1,500 characters or fewer"),
        ({"where": "keep", "reason": "bell \x07"}, "contains characters that cannot be shown"),
    ],
)
def test_what_is_wrong_is_said_and_kept(learning: Learning, wrong: dict[str, str], message: str) -> None:
    point = learning.named()
    answer = learning.as_(learning.w.rep).post(page(point), {"reason": "<b>kept</b> שלום", **wrong})
    html = answer.content.decode()
    assert message in html
    assert "reason" in wrong or "&lt;b&gt;kept&lt;/b&gt; שלום" in html
    assert referral(learning, point) is None


def test_sent_twice_or_by_two_it_is_done_once(learning: Learning) -> None:
    point = learning.named()
    for where in (str(learning.subgroup.pk), "keep"):
        assert learning.as_(learning.w.rep).post(page(point), {"where": where, "reason": "Because"}).status_code == 302
    made = referral(learning, point)
    assert made is not None
    assert made.subgroup_id == learning.subgroup.pk
    assert "seen to already" in learning.client.get(page(point)).content.decode()


def test_the_office_refers_only_where_an_agency_has_no_representative(learning: Learning, as_clock: Any) -> None:
    ours, theirs = learning.named("aisha"), learning.named("sam")
    assert owed("point_named", as_clock) == ["Office", "Rep"]
    office = learning.as_(learning.w.office)
    html = office.get(page(ours)).content.decode()
    assert "It waits for the representative of Hill Lane Primary School" in html
    assert "Rep" in html
    assert office.post(page(ours), {"where": "keep", "reason": "x"}).status_code == 404
    assert office.post(page(theirs), {"where": str(learning.subgroup.pk)}).status_code == 302
    assert referral(learning, theirs) is not None
    assert referral(learning, ours) is None


def test_the_database_itself_refuses_a_referral_by_somebody_else(learning: Learning) -> None:
    from django.db import DatabaseError, transaction

    point = learning.named("sam")
    for person in (learning.w.rep, learning.member, learning.w.aisha, learning.w.auditor):
        with acting_as(person), pytest.raises(DatabaseError), transaction.atomic():
            Referral.objects.create(
                partnership=learning.w.partnership, point_id=point.pk, subgroup_id=learning.subgroup.pk, referred_by=person
            )


def test_a_subgroup_that_ended_gets_nothing_more(learning: Learning) -> None:
    point = learning.named()
    learning.as_(learning.w.office)
    address = f"/learning/subgroups/{learning.subgroup.pk}/"
    day = timezone.localdate() - dt.timedelta(days=1)
    ended = {"name": "Quality", "ended_on_day": day.day, "ended_on_month": day.month, "ended_on_year": day.year}
    assert learning.client.post(address, ended)["Location"] == "/learning/subgroups/"
    html = learning.as_(learning.w.rep).get(page(point)).content.decode()
    assert "Quality" not in html
    assert "There is no subgroup yet" in html
    assert learning.client.post(page(point), {"where": str(learning.subgroup.pk)}).status_code == 200


# ── subgroups ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_office_adds_and_renames_subgroups(learning: Learning) -> None:
    office = learning.as_(learning.w.office)
    assert office.post("/learning/subgroups/", {"name": "Training"})["Location"] == "/learning/subgroups/"
    html = office.get("/learning/subgroups/").content.decode()
    assert "Training" in html
    assert "Quinn" in html
    assert "There is a subgroup of this name already" in office.post("/learning/subgroups/", {"name": "training"}).content.decode()
    assert "Enter what the subgroup is called" in office.post("/learning/subgroups/", {}).content.decode()
    assert "must be 100 characters or fewer" in office.post("/learning/subgroups/", {"name": "y" * 5000}).content.decode()
    assert office.post(f"/learning/subgroups/{learning.subgroup.pk}/", {"name": "Quality and practice"}).status_code == 302
    with acting_as(learning.member):
        learning.subgroup.refresh_from_db()
    assert learning.subgroup.name == "Quality and practice"


def test_nobody_but_the_own_office_keeps_subgroups(learning: Learning) -> None:
    other = factories.world("westmere")
    address = f"/learning/subgroups/{learning.subgroup.pk}/"
    for person in (learning.member, learning.w.chair, learning.w.rep, learning.w.aisha):
        assert learning.as_(person).get("/learning/subgroups/").status_code == 404
        assert learning.client.post("/learning/subgroups/", {"name": "Mine"}).status_code == 404
    assert learning.as_(other.office).get(address).status_code == 404
    assert "Quality assurance" not in learning.client.get("/learning/subgroups/").content.decode()


def test_the_appointments_page_offers_subgroup_members(learning: Learning) -> None:
    from accounts.appointments import HINTS, AppointmentForm

    form = AppointmentForm(partnership=learning.w.partnership, by=learning.w.office)
    assert "subgroup" in dict(form.fields["office"].choices)  # type: ignore[attr-defined]
    assert set(HINTS) == {office for office, _label in form.fields["office"].choices}  # type: ignore[attr-defined]


def test_an_agency_without_any_representative_left_falls_to_the_office(learning: Learning) -> None:
    point = learning.named("aisha")
    with factories.as_set_up():
        Appointment.objects.filter(person=learning.w.rep).update(ends_on=factories.LONG_AGO)
    assert learning.as_(learning.w.office).post(page(point), {"where": str(learning.subgroup.pk)}).status_code == 302
    assert referral(learning, point) is not None


def test_how_long_it_lies_with_a_representative_is_shown_to_her_and_to_the_office(learning: Learning) -> None:
    learning.named(issue="Lies there long")
    assert "named today" in learning.as_(learning.w.rep).get("/desk/").content.decode()
    assert "waits long" not in learning.as_(learning.w.office).get("/desk/").content.decode()
    with time_machine.travel(timezone.now() + dt.timedelta(days=80), tick=True):
        for person in (learning.w.rep, learning.w.office):
            html = learning.as_(person).get(LIST).content.decode()
            assert "named 80 days ago" in html
            assert "named 80 days ago" in learning.client.get("/desk/").content.decode()
        assert "With a representative for more than 28 days" in html
        assert "1 general issue waits long for a representative" in learning.client.get("/desk/").content.decode()


def test_the_representative_comes_from_a_point_to_what_was_decided(learning: Learning) -> None:
    one = learning.theme(learning.referred())
    learning.decided(one)
    rep = learning.as_(learning.w.rep)
    assert f'href="/learning/themes/{one.pk}/"' in rep.get(LIST).content.decode()
    assert "A new letter" in rep.get(f"/learning/themes/{one.pk}/").content.decode()
