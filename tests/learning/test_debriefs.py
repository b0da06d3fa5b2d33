"""Debriefs: asked for, arranged without reading the case, voluntary, with a joint note that only those who were there can read."""

import datetime as dt
import uuid

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from accounts.acting import acting_as
from audit.models import Trace
from disputes.models import Entry
from escalation.models import Notice
from learning import tasks
from learning.models import Debrief, DebriefConsent, DebriefNote, DebriefParticipant, DebriefRequest, LearningEvent, LearningPoint
from pages import times
from tests import factories
from tests.factories import look, move, resolved

pytestmark = pytest.mark.django_db

NOTE = "We will ring before we write."


@pytest.fixture
def w():
    return factories.world()


def asked(w, client, by="aisha", d=None, **more):
    d = d or resolved(w)
    client.force_login(w.person(by))
    given = {"seen": look(d, w.aisha).move_version, "key": str(uuid.uuid4()), "child_safe": "yes", "note": "How we spoke", **more}
    assert client.post(f"/disagreements/{d.reference}/ask-for-debrief/", given).status_code == 302
    return d


def request_of(w):
    with acting_as(w.office):
        return DebriefRequest.objects.first()


def when(days):
    day = timezone.localtime() + dt.timedelta(days=days)
    return {"starts_at_day": day.day, "starts_at_month": day.month, "starts_at_year": day.year, "starts_at_time": "2pm"}


def arranged(w, client, people=("aisha", "sam"), days=9):
    client.force_login(w.office)
    given = {**when(days), "place": "Room 4", "facilitator": "Ruth", "people": [str(w.person(name).pk) for name in people]}
    answer = client.post(f"/debriefs/arrange/{request_of(w).pk}/", given)
    assert answer.status_code == 302, answer.content.decode()
    with acting_as(w.office):
        return Debrief.objects.get()


def held(w, client, people=("aisha", "sam"), comes=("aisha", "sam"), d=None):
    """Arranged, answered, and by now a day ago."""
    d = asked(w, client, d=d)
    one = arranged(w, client, people)
    for name in comes:
        client.force_login(w.person(name))
        client.post(f"/debriefs/{one.pk}/", {"answer": "yes"})
    with acting_as(w.office):
        Debrief.objects.filter(pk=one.pk).update(starts_at=timezone.now() - dt.timedelta(days=1))
    return d, one


def write(client, w, one, text=NOTE, seen=0, by="aisha"):
    client.force_login(w.person(by))
    return client.post(f"/debriefs/{one.pk}/note/", {"text": text, "seen": seen})


def notes(person):
    with acting_as(person):
        return list(DebriefNote.objects.order_by("version"))


# ── asked for and arranged


def test_either_side_asks_and_the_office_finds_it_without_the_case(client, w):
    d = asked(w, client)
    with acting_as(w.aisha):
        (entry,) = Entry.objects.filter(disagreement=d, kind="ask_for_debrief")
        assert DebriefRequest.objects.get().entry == entry
    client.force_login(w.office)
    html = client.get("/debriefs/").content.decode()
    assert "Aisha" in html
    assert d.reference not in html
    assert "How we spoke" not in html
    assert "A debrief is asked for" in client.get("/desk/").content.decode()
    page = client.get(f"/debriefs/arrange/{request_of(w).pk}/").content.decode()
    assert "Sam, Children&#x27;s Social Care, Front door (Answers for the other agency)" in page
    assert "Ash" not in page.replace("Aisha", "")
    with acting_as(w.office):
        traces = Trace.objects.filter(person_id=w.office.pk, kind="read").values_list("what", "disagreement_id")
        assert ("debrief_people", d.pk) in list(traces)


def test_asked_twice_with_one_page_it_is_one_request(client, w):
    key = str(uuid.uuid4())
    d = resolved(w)
    client.force_login(w.sam)
    given = {"seen": look(d, w.aisha).move_version, "key": key, "child_safe": "yes"}
    for _ in range(2):
        assert client.post(f"/disagreements/{d.reference}/ask-for-debrief/", given).status_code == 302
    with acting_as(w.office):
        assert DebriefRequest.objects.count() == 1


def test_it_is_offered_to_both_sides_after_the_end_and_not_before(client, w):
    open_one = factories.answered(w)
    d = resolved(w)
    for name in ("aisha", "sam"):
        client.force_login(w.person(name))
        assert "/ask-for-debrief/" in client.get(f"/disagreements/{d.reference}/").content.decode()
        assert "/ask-for-debrief/" not in client.get(f"/disagreements/{open_one.reference}/").content.decode()
    client.force_login(w.auditor)
    assert "/ask-for-debrief/" not in client.get(f"/disagreements/{d.reference}/").content.decode()


def test_who_is_asked_finds_it_on_the_desk_and_answers(client, w):
    d = asked(w, client)
    one = arranged(w, client)
    assert client.get(f"/debriefs/arrange/{request_of(w).pk}/").url == f"/debriefs/{one.pk}/"  # arranged once
    client.force_login(w.sam)
    assert "You are asked to a debrief" in client.get("/desk/").content.decode()
    assert f"/debriefs/{one.pk}/" in client.get(f"/disagreements/{d.reference}/").content.decode()
    assert "Room 4" in client.get(f"/debriefs/{one.pk}/").content.decode()
    assert "Say whether you come" in client.post(f"/debriefs/{one.pk}/", {}).content.decode()
    for answer in ("yes", "no", "no"):
        assert client.post(f"/debriefs/{one.pk}/", {"answer": answer}).status_code == 302
    with acting_as(w.office):
        assert {p.person.name: p.answer for p in one.participants.select_related("person")} == {"Aisha": "", "Sam": "no"}
    assert "You are asked to a debrief" not in client.get("/desk/").content.decode()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"people": []}, "Choose at least one answer"),
        ({"people": ["aisha"]}, "Choose at least two people"),
        ({"people": ["aisha", "stranger"]}, "Choose only answers in the list"),
        ({"place": ""}, "Enter where it is"),
        ({"starts_at_year": "2020"}, "must be in the future"),
        ({"starts_at_time": "later"}, "must include a time with am or pm"),
        ({"facilitator": "x" * 500}, "must be 120 characters or fewer"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_arranged(client, w, wrong, message):
    asked(w, client)
    given = {**when(9), "place": "Room 4 <b>", "people": ["aisha", "sam"], **wrong}
    given["people"] = [str(w.person(name).pk) for name in given["people"]]
    client.force_login(w.office)
    html = client.post(f"/debriefs/arrange/{request_of(w).pk}/", given).content.decode()
    assert message in html
    assert "place" in wrong or "Room 4 &lt;b&gt;" in html
    with acting_as(w.office):
        assert not Debrief.objects.exists()


def test_the_office_changes_and_calls_off_and_then_may_arrange_anew(client, w):
    asked(w, client)
    one = arranged(w, client)
    assert client.post(f"/debriefs/{one.pk}/change/", {**when(12), "place": "Room 5"}).status_code == 302
    with acting_as(w.office):
        assert Debrief.objects.get().place == "Room 5"
    assert client.post(f"/debriefs/{one.pk}/change/", {"call_off": "yes"}).url == "/debriefs/"
    assert client.get(f"/debriefs/{one.pk}/change/").status_code == 404
    client.force_login(w.aisha)
    assert "It was called off" in client.get(f"/debriefs/{one.pk}/").content.decode()
    assert client.get(f"/debriefs/{one.pk}/note/").status_code == 404
    client.force_login(w.office)
    assert client.get(f"/debriefs/arrange/{request_of(w).pk}/").status_code == 200


# ── the joint note


def test_each_consents_to_the_very_version(client, w):
    _d, one = held(w, client)
    assert write(client, w, one).status_code == 302
    first = notes(w.aisha)[0]
    client.force_login(w.sam)
    page = client.get(f"/debriefs/{one.pk}/").content.decode()
    assert NOTE in page
    assert "I agree with version 1" in page
    write(client, w, one, "Said better", seen=1, by="sam")
    client.force_login(w.aisha)
    client.post(f"/debriefs/{one.pk}/", {"consent": str(first.pk)})  # the page from before
    assert "Not everybody has agreed yet" in client.get(f"/debriefs/{one.pk}/").content.decode()
    second = notes(w.aisha)[1]
    for _ in range(2):
        assert client.post(f"/debriefs/{one.pk}/", {"consent": str(second.pk)}).status_code == 302
    assert "Everybody agrees" in client.get(f"/debriefs/{one.pk}/").content.decode()
    with acting_as(w.sam):
        assert DebriefConsent.objects.filter(note=second).count() == 2


def test_two_who_write_at_once_lose_nothing(client, w):
    _d, one = held(w, client)
    write(client, w, one, "Aisha’s version")
    late = write(client, w, one, "Sam’s version", seen=0, by="sam")
    assert late.status_code == 409
    html = late.content.decode()
    assert "Sam’s version" in html
    assert "Aisha’s version" in html
    assert [note.text for note in notes(w.sam)] == ["Aisha’s version"]
    assert write(client, w, one, "Both versions", seen=1, by="sam").status_code == 302
    assert write(client, w, one, "Both versions", seen=1, by="sam").status_code == 302  # posted twice
    assert len(notes(w.sam)) == 2


def test_nobody_else_reads_the_note_by_any_address_or_any_query(client, w):
    d = factories.at_line_managers(w)
    factories.agreed(d, w.mona)
    move(d, "confirm_outcome", w.grace)
    d, one = held(w, client, people=("aisha", "sam", "grace"), d=look(d, w.aisha))
    write(client, w, one)
    administrator = factories.administrator(w)
    for person in (w.grace, w.mona, w.office, w.chair, w.auditor, w.rep, w.stranger, administrator):
        client.force_login(person)
        for path in (f"/debriefs/{one.pk}/", "/debriefs/", f"/disagreements/{d.reference}/", "/desk/", "/learning/"):
            assert NOTE not in client.get(path).content.decode(), (person, path)
        assert client.get(f"/debriefs/{one.pk}/note/").status_code == 404
        assert write(client, w, one, by=next(name for name, one_ in w.people.items() if one_ == w.stranger)).status_code == 404
        with acting_as(person), connection.cursor() as cursor:
            for table in ("learning_debriefnote", "learning_debriefconsent"):
                cursor.execute(f"SELECT count(*) FROM {table}")
                assert cursor.fetchone() == (0,), (person, table)
    client.force_login(w.office)
    assert client.get(f"/debriefs/{one.pk}/").status_code == 200
    client.force_login(w.mona)
    assert client.get(f"/debriefs/{one.pk}/").status_code == 404


def test_before_the_date_there_is_no_note(client, w):
    asked(w, client)
    one = arranged(w, client)
    client.force_login(w.aisha)
    client.post(f"/debriefs/{one.pk}/", {"answer": "yes"})
    assert client.get(f"/debriefs/{one.pk}/note/").status_code == 404


def test_who_was_there_without_having_said_so_may_still_say_it(client, w):
    _d, one = held(w, client, comes=("aisha",))
    write(client, w, one)
    client.force_login(w.sam)
    html = client.get(f"/debriefs/{one.pk}/").content.decode()
    assert "Were you there?" in html
    assert NOTE not in html
    client.post(f"/debriefs/{one.pk}/", {"answer": "yes"})
    assert NOTE in client.get(f"/debriefs/{one.pk}/").content.decode()


# ── what goes on from it


def test_a_theme_leaves_it_in_words_that_identify_no_one(client, w):
    _d, one = held(w, client)
    client.force_login(w.sam)
    path = f"/debriefs/{one.pk}/learning/"
    marked = client.post(path, {"about": "protocol", "issue": "Aisha rang and Ash waited", "key": str(uuid.uuid4())})
    assert "This may identify somebody" in marked.content.decode()
    with acting_as(w.sam):
        assert not LearningPoint.objects.exists()
    given = {"about": "protocol", "issue": "Nobody knows who rings whom", "key": str(uuid.uuid4())}
    for _ in range(2):
        assert client.post(path, given).status_code == 302
    with acting_as(w.sam):
        point = LearningPoint.objects.get()
        assert (point.debrief, point.entry, point.agency) == (one, None, w.teams["social_care"].agency)
    client.force_login(w.office)
    assert client.get(path).status_code == 404


def test_a_log_entry_is_offered_already_begun(client, w):
    _d, one = held(w, client)
    client.force_login(w.aisha)
    assert f"/log/new/?debrief={one.pk}" in client.get(f"/debriefs/{one.pk}/").content.decode()
    html = client.get(f"/log/new/?debrief={one.pk}").content.decode()
    assert "A debrief after a disagreement" in html
    client.force_login(w.stranger)
    assert "A debrief after a disagreement" not in client.get(f"/log/new/?debrief={one.pk}").content.decode()


def test_the_list_takes_as_many_queries_for_many_as_for_one(client, w, django_assert_max_num_queries):
    for _ in range(3):
        d = resolved(w)
        move(d, "ask_for_debrief", w.aisha)
    client.force_login(w.office)
    with django_assert_max_num_queries(14):
        assert client.get("/debriefs/").status_code == 200
    assert DebriefParticipant.Answer.OPEN == ""


# ── who is told


def owed(as_clock):
    with as_clock():
        tasks.owe(timezone.now())
        return {(n.template, n.person.name) for n in Notice.objects.filter(disagreement=None).select_related("person")}


def test_the_office_hears_of_it_and_then_whoever_is_asked_and_of_each_new_date(client, w, as_clock):
    asked(w, client)
    assert owed(as_clock) == {("debrief_asked", "Office")}
    one = arranged(w, client)
    client.force_login(w.sam)
    client.post(f"/debriefs/{one.pk}/", {"answer": "no"})
    assert owed(as_clock) == {("debrief_asked", "Office"), ("debrief", "Aisha")}
    owed(as_clock)
    client.force_login(w.office)
    client.post(f"/debriefs/{one.pk}/change/", {**when(12), "place": "Room 5"})
    owed(as_clock)
    with as_clock():
        assert Notice.objects.filter(person=w.aisha, about=one.pk).count() == 2
    client.post(f"/debriefs/{one.pk}/change/", {"call_off": "yes"})
    assert ("debrief_off", "Aisha") in owed(as_clock)
    assert ("debrief_off", "Sam") not in owed(as_clock)


def test_thanks_are_told_to_both_and_events_to_who_signed_up(client, w, as_clock):
    d = resolved(w)
    client.force_login(w.sam)
    client.post(f"/disagreements/{d.reference}/thanks/", {"to": str(w.aisha.pk), "what_for": "challenge", "text": "Well said"})
    with acting_as(w.office):
        event = LearningEvent.objects.create(
            partnership=w.partnership,
            kind="briefing",
            title="Briefing",
            starts_at=timezone.now() + dt.timedelta(days=1),
            hours=1,
            made_by=w.office,
        )
    client.force_login(w.nell)
    client.post(f"/learning/events/{event.pk}/", {"come": "yes"})
    assert owed(as_clock) == {("thanks", "Aisha"), ("thanks", "Grace"), ("event", "Nell")}


def test_whoever_asked_sees_that_it_waits_and_the_office_how_long_and_whose_it_is(client, w):
    asked(w, client)
    with acting_as(w.aisha):
        team = str(w.teams["school"])
    for path in ("/debriefs/", "/desk/"):
        html = client.get(path).content.decode()  # as Aisha, who asked
        assert f"You asked for a debrief on {times.day(timezone.localdate())}" in html
        assert "has not arranged it with you yet" in html
    with time_machine.travel(timezone.now() + dt.timedelta(days=40), tick=True):
        client.force_login(w.office)
        html = client.get("/debriefs/").content.decode()
        assert f"Took part: Children&#x27;s Social Care, Front door; {team}" in html
        assert "Asked 40 days ago" in html
        assert f"40 days ago. Took part: Children&#x27;s Social Care, Front door; {team}" in client.get("/desk/").content.decode()
    arranged(w, client)
    client.force_login(w.aisha)
    assert "You asked for a debrief on" not in client.get("/debriefs/").content.decode()
