"""Joint learning events: made by a subgroup or the office, for everybody in the partnership; totals that name nobody."""

import datetime as dt
import uuid

import pytest
from django.db import connection
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Appointment, Post
from learning.models import Attendance, LearningEvent, LogEntry, Subgroup, Theme
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def w():
    made = factories.world()
    made.people["quinn"] = factories.person("Quinn", kept_for=made.partnership)
    with factories.as_set_up():
        Appointment.objects.create(partnership=made.partnership, person=made.quinn, office="subgroup", starts_on=factories.LONG_AGO)
    return made


def given(days=9, **more):
    day = timezone.localtime() + dt.timedelta(days=days)
    moment = {"starts_at_day": day.day, "starts_at_month": day.month, "starts_at_year": day.year, "starts_at_time": "2pm"}
    return {
        "kind": "workshop",
        "title": "Saying it early",
        "about": "How to disagree before it hardens",
        "hours": "1.5",
        "place": "Town hall",
        "areas": ["raising", "responding"],
        **moment,
        **more,
    }


def make(client, w, by="quinn", key=None, **more):
    client.force_login(w.person(by))
    return client.post("/learning/events/new/", {**given(**more), "key": key or str(uuid.uuid4())})


def made(client, w, **more):
    assert make(client, w, **more).status_code == 302
    with acting_as(w.quinn):
        return LearningEvent.objects.latest("made_at")


def past(w, event):
    with acting_as(w.quinn):
        LearningEvent.objects.filter(pk=event.pk).update(starts_at=timezone.now() - dt.timedelta(days=1))


@pytest.mark.parametrize("by", ["quinn", "office"])
def test_subgroup_and_office_make_one_and_everybody_sees_it(client, w, by):
    elsewhere = factories.world("westmere")
    event = made(client, w, by=by)
    for name in ("aisha", "mona", "chair", "auditor"):
        client.force_login(w.person(name))
        assert "Saying it early" in client.get("/learning/events/").content.decode()
        assert "Town hall" in client.get(f"/learning/events/{event.pk}/").content.decode()
    for person in (w.stranger, factories.person("Somebody")):
        client.force_login(person)
        assert "Saying it early" not in client.get("/learning/events/").content.decode()
        assert client.get(f"/learning/events/{event.pk}/").status_code == 404
    assert elsewhere.partnership != w.partnership


def test_others_make_and_change_none(client, w):
    event = made(client, w)
    for name in ("aisha", "chair", "rep", "auditor"):
        assert make(client, w, by=name).status_code == 404
        for path in ("/learning/events/new/", f"/learning/events/{event.pk}/change/"):
            assert client.get(path).status_code == 404
            assert client.post(path, given()).status_code == 404
    with acting_as(w.aisha), connection.cursor() as cursor:
        cursor.execute("UPDATE learning_learningevent SET title = 'x'")
        assert cursor.rowcount == 0


def test_the_same_page_posted_twice_makes_one(client, w):
    key = str(uuid.uuid4())
    assert make(client, w, key=key).url == make(client, w, key=key).url
    with acting_as(w.quinn):
        assert LearningEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"title": ""}, "Enter what it is called"),
        ({"kind": "party"}, "Choose one of the answers in the list"),
        ({"days": -9}, "must be in the future"),
        ({"hours": "60"}, "no more than 40"),
        ({"hours": ""}, "Enter how many hours it takes"),
        ({"areas": []}, "Choose at least one part"),
        ({"agencies": ["x"]}, "Choose only answers in the list"),
        ({"theme": str(uuid.uuid4())}, "Choose one of the answers in the list"),
        ({"about": "x" * 100_000}, "must be 2,000 characters or fewer"),
        ({"about": "As in K7PM-3XQD"}, "This may identify somebody"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(client, w, wrong, message):
    html = make(client, w, **{"place": "<b>Town hall</b> 🙂", **wrong}).content.decode()
    assert message in html
    assert "&lt;b&gt;Town hall&lt;/b&gt; 🙂" in html
    with acting_as(w.quinn):
        assert not LearningEvent.objects.exists()


def test_a_theme_becomes_an_event(client, w):
    with acting_as(w.quinn):
        with factories.as_set_up():
            group = Subgroup.objects.create(partnership=w.partnership, name="Quality")
        theme = Theme.objects.create(partnership=w.partnership, subgroup=group, title="Letters", about="protocol", made_by=w.quinn)
    client.force_login(w.quinn)
    assert f'value="{theme.pk}" selected' in client.get(f"/learning/events/new/?theme={theme.pk}").content.decode()
    assert made(client, w, theme=str(theme.pk)).theme_id == theme.pk


def test_people_sign_up_change_their_mind_and_say_they_were_there(client, w):
    event = made(client, w)
    path = f"/learning/events/{event.pk}/"
    client.force_login(w.aisha)
    for act in ("come", "come", "not_come", "not_come", "come"):
        assert client.post(path, {act: "yes"}).status_code == 302
    assert "You come to “Saying it early”" in client.get("/desk/").content.decode()
    client.post(path, {"was_there": "yes"})  # not yet
    with acting_as(w.aisha):
        mine = Attendance.objects.get()
        assert (mine.was_there, mine.withdrawn_at) == (False, None)
    client.force_login(w.quinn)
    html = client.get(path).content.decode()
    assert "Who signed up (1)" in " ".join(html.split())
    assert "Aisha" in html
    past(w, event)
    client.force_login(w.sam)  # came without signing up
    assert "Aisha" not in client.get(path).content.decode()
    client.post(path, {"was_there": "yes"})
    assert f"/log/new/?event={event.pk}" in client.get(path).content.decode()
    client.post(path, {"come": "yes"})
    with acting_as(w.sam):
        assert Attendance.objects.get().was_there is True


def test_being_there_offers_an_entry_of_the_log_already_filled_in(client, w):
    event = made(client, w)
    past(w, event)
    client.force_login(w.aisha)
    client.post(f"/learning/events/{event.pk}/", {"was_there": "yes"})
    html = client.get(f"/log/new/?event={event.pk}").content.decode()
    assert "Workshop: Saying it early" in html
    assert 'value="1.5"' in html
    day = timezone.localdate(timezone.now() - dt.timedelta(days=1))
    entry = {"on_day": day.day, "on_month": day.month, "on_year": day.year, "title": "Mine", "hours": "1.5", "areas": ["raising"]}
    client.post(f"/log/new/?event={event.pk}", {**entry, "key": str(uuid.uuid4())})
    with acting_as(w.aisha):
        assert LogEntry.objects.get().event == event
    with acting_as(w.quinn):
        assert not LogEntry.objects.exists()


def test_an_event_for_some_agencies_comes_first_for_them(client, w):
    made(client, w, agencies=[str(w.teams["health"].agency_id)])
    client.force_login(w.nell)
    assert "For other agencies" not in client.get("/learning/events/").content.decode()
    client.force_login(w.aisha)
    assert "For other agencies" in client.get("/learning/events/").content.decode()


def test_it_is_changed_and_called_off(client, w):
    event = made(client, w)
    client.force_login(w.aisha)
    client.post(f"/learning/events/{event.pk}/", {"come": "yes"})
    client.force_login(w.office)
    assert client.post(f"/learning/events/{event.pk}/change/", given(title="Saying it in time")).status_code == 302
    assert "Saying it in time" in client.get("/learning/events/").content.decode()
    assert client.post(f"/learning/events/{event.pk}/change/", {"call_off": "yes"}).url == "/learning/events/"
    client.force_login(w.aisha)
    assert "It was called off" in client.get(f"/learning/events/{event.pk}/").content.decode()
    client.post(f"/learning/events/{event.pk}/", {"come": "yes"})
    assert "Saying it in time" not in client.get("/desk/").content.decode()


def colleagues(w, many):
    found = [factories.person(f"Colleague {n} of {many}") for n in range(many)]
    with factories.as_set_up():
        for one in found:
            Post.objects.create(team=w.teams["school"], holder=one, title="Teacher", level=0)
    return found


def wrote(person, hours="2", areas=("raising",)):
    with acting_as(person):
        entry = LogEntry.objects.create(
            owner=person, on=timezone.localdate() - dt.timedelta(days=99), title="x", hours=hours, areas=list(areas)
        )
        LogEntry.objects.filter(pk=entry.pk).update(changed_at=timezone.now() - dt.timedelta(days=99))  # this quarter's are not counted yet


def test_totals_are_of_five_people_at_least_and_name_nobody(client, w):
    people = colleagues(w, 5)
    for one in people[:4]:
        wrote(one)
        wrote(one)
    client.force_login(w.rep)
    html = client.get("/learning/capabilities/").content.decode()
    assert html.count(">fewer than 5 people<") == 5
    wrote(people[4])
    html = client.get("/learning/capabilities/").content.decode()
    assert html.count(">fewer than 5 people<") == 4
    assert ">about 20<" in html
    assert ">5 or more<" in html
    for one in colleagues(w, 1):
        wrote(one, hours="1")
    assert client.get("/learning/capabilities/").content.decode().count(">about 20<") == 1  # one more person is not to be seen
    assert "Colleague" not in html


def test_totals_are_for_those_who_plan_the_learning(client, w):
    for name in ("aisha", "stranger"):
        client.force_login(w.person(name))
        assert client.get("/learning/capabilities/").status_code == 404
    with acting_as(w.aisha), connection.cursor() as cursor:
        for one in colleagues(w, 6):
            wrote(one)
        cursor.execute("SELECT count(*) FROM accord_cpd_totals(%s)", [w.partnership.pk])
        assert cursor.fetchone() == (0,)
    for name in ("rep", "office", "chair", "auditor", "quinn"):
        client.force_login(w.person(name))
        assert client.get("/learning/capabilities/").status_code == 200


def test_the_list_takes_as_many_queries_for_many_as_for_one(client, w, django_assert_max_num_queries):
    for _ in range(3):
        made(client, w)
    client.force_login(w.aisha)
    with django_assert_max_num_queries(14):
        client.get("/learning/events/")


def test_the_account_leads_to_the_rooms_of_learning_that_are_open(client, w):
    for person, figures in ((w.office, True), (w.sam, False)):
        client.force_login(person)
        html = client.get("/account/").content.decode()
        assert all(f'href="/{path}/"' in html for path in ("log", "thanks", "debriefs", "learning", "learning/events"))
        assert ('href="/learning/figures/"' in html) is figures
