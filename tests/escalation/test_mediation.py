"""Mediation (23.17): considered with both positions side by side, held by somebody without a stake, in private with each side, in a joint
session, and ended only by what both sides confirm."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import uuid
from html import unescape
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Post, User
from audit.models import Trace
from disputes.models import Disagreement, Entry, SideNote, Text
from disputes.sessions import Session
from disputes.stages import Awaiting, Capacity, Mediation, Stage
from escalation import desk, foresight, mails, notices, positions, seating
from escalation.models import Notice
from escalation.turns import say_turn
from evidence import history
from pages import times
from procedure.calendars import shipped
from procedure.models import shipped_chapter
from tests import factories
from tests.factories import World, dates_taken, look, move
from tests.sameness import same

pytestmark = pytest.mark.django_db

SECRET = "THE MOTHER IS AFRAID OF HIM"
ANSWER = "WE WILL NOT SAY SO IN THE ROOM"
THEIRS_ONLY = "FROM THE FRONT DOOR"


@pytest.fixture
def w() -> World:
    return factories.world()


def page(client: Client, d: Disagreement, by: User, tail: str = "") -> str:
    client.force_login(by)
    answer = client.get(f"/disagreements/{d.reference}/{tail}")
    assert answer.status_code == 200, (by, tail, answer.status_code)
    return unescape(answer.content.decode())


def post(client: Client, d: Disagreement, tail: str, by: User, **given: Any) -> Any:
    """Opens the page and sends it with its own hidden fields."""
    html = page(client, d, by, tail)
    kept = dict(re.findall(r'name="(seen|key)" value="([^"]*)"', html))
    return client.post(f"/disagreements/{d.reference}/{tail}", {"child_safe": "yes", **kept, **given})


def typed(name: str, moment: dt.datetime) -> dict[str, str]:
    local = times.here(moment)
    parts = {"day": local.day, "month": local.month, "year": local.year, "time": f"{local:%H:%M}"}
    return {f"{name}_{part}": str(value) for part, value in parts.items()}


def working_day(ahead: int, hour: int = 10) -> dt.datetime:
    """So many working days from today, at 10am."""
    return dt.datetime.combine(shipped().add_working_days(timezone.localdate(), ahead), dt.time(hour), times.LONDON)


def proposal(w: World, **more: Any) -> dict[str, Any]:
    """What whoever mediates fills in to propose one date, five working days ahead."""
    ahead = typed("date_1", working_day(5))
    return {**ahead, "minutes": "90", "place": "Room 4", "agenda": "1. The child", "people": [str(w.chair.pk)], **more}


def session_of(d: Disagreement, by: User) -> Session:
    with acting_as(by):
        session = factories.fresh(d.pk).standing.session
    assert session is not None
    return session


@factories.as_set_up()
def manager_elsewhere(w: World, name: str = "Olga") -> User:
    """A manager of an agency that takes no part."""
    who = factories.person(name)
    team = factories.team(w.partnership, "Northshire Police", "Public protection")
    Post.objects.create(team=team, holder=who, title="Detective inspector", level=2)
    return who


def with_mediator(w: World) -> tuple[Disagreement, User]:
    d = factories.in_mediation(w)
    olga = manager_elsewhere(w)
    move(d, "name_mediator", w.chair, facts={"person": str(olga.pk)}, no_stake="She knows nobody here")
    return look(d, w.aisha), olga


# ── considered ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_chair_sees_both_positions_with_what_each_would_accept_before_deciding(w: World, client: Client) -> None:
    d = factories.up_the_line(w)
    move(d, "answer", w.hal, view="HAL'S VIEW")
    move(d, "ask_the_chair", w.ian, our_position="IAN'S POSITION", would_accept="A JOINT VISIT")
    for tail in ("", "accept-mediation/", "decline-mediation/", "ask-for-more/"):
        html = page(client, d, w.chair, tail)
        part = html.split("What the Chair considers")[1]
        school, care = part.split('class="accord-views__view"')[1:3]
        assert "IAN'S POSITION" in school
        assert "A JOINT VISIT" in school
        assert "HAL'S VIEW" in care
        assert "Has not told the Chair yet" in care
    move(d, "answer_the_chair", w.hal, answer="HAL TO THE CHAIR", would_accept="A VISIT ALONE")
    care = page(client, d, w.chair, "accept-mediation/").split('class="accord-views__view"')[2]
    assert "HAL TO THE CHAIR" in care
    assert "A VISIT ALONE" in care


def test_the_chair_may_ask_both_sides_for_more_and_either_hands_it_back(w: World, client: Client) -> None:
    d = factories.with_the_chair(w)
    assert post(client, d, "ask-for-more/", w.chair, question="WHO SAW HIM LAST?").status_code == 302
    d = look(d, w.ian)
    assert (d.awaiting, d.mediation) == (Awaiting.MORE, Mediation.ASKED)
    for person in (w.ian, w.hal):
        with acting_as(person):
            saying = say_turn(d := factories.fresh(d.pk), d.standing.actor(person))
        assert (saying.mine, saying.move) == (True, "answer_the_chair")
        assert "WHO SAW HIM LAST?" in page(client, d, person, "answer-the-chair/")
    answer = post(client, d, "answer-the-chair/", w.hal, answer="We did, on Monday", would_accept="A visit")
    assert answer.status_code == 302
    assert look(d, w.ian).awaiting == Awaiting.CHAIR
    assert "answered" in page(client, d, w.chair)


def test_an_answer_to_the_chairs_question_stands_beside_the_position_and_counts_for_its_side_only(w: World, client: Client) -> None:
    d = factories.up_the_line(w)
    move(d, "answer", w.hal, view="HAL'S VIEW")
    move(d, "ask_the_chair", w.ian, our_position="IAN'S POSITION", would_accept="A JOINT VISIT")
    move(d, "ask_for_more", w.chair, question="WHO SAW HIM LAST?")
    move(d, "answer_the_chair", w.hal, answer="WE DID", would_accept="A VISIT")
    part = page(client, d, w.chair).split("What the Chair considers")[1]
    school, care = part.split('class="accord-views__view"')[1:3]
    assert "HAL'S VIEW" in care
    assert care.index("HAL'S VIEW") < care.index("Added when the Chair asked") < care.index("WE DID")
    assert "Added when" not in school
    line = part.split('class="accord-timeline__by">')[1].split("</p>")[0]
    assert re.search(r"Safeguarding: not answered yet", line), line
    assert re.search(r"Front door: answered \d", line), line
    with acting_as(w.ian):
        assert "HAL'S VIEW" in positions.agenda(factories.fresh(d.pk))


def test_what_is_missing_is_said_at_its_question(w: World, client: Client) -> None:
    d = factories.with_the_chair(w)
    assert "Enter what you need to know" in post(client, d, "ask-for-more/", w.chair).content.decode()
    said = unescape(post(client, d, "answer-the-chair/", w.hal).content.decode())
    assert "Enter what your side would accept" in said
    assert "Enter your side’s position" in said


def test_the_other_side_hears_that_the_chair_is_asked_and_what_it_can_do(w: World) -> None:
    d = factories.with_the_chair(w)
    with factories.as_set_up():
        notice = Notice.objects.select_related("entry", "person", "partnership").get(
            disagreement=d, rule="news", person=w.hal, entry__kind="ask_the_chair"
        )
    with acting_as(w.hal):
        notice.disagreement = factories.fresh(d.pk)
        letter = mails.letter(notice, timezone.now())
    assert "what your side would accept" in " ".join(letter.body.split())


# ── who mediates ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mediator_is_named_from_those_without_a_stake_and_the_former_leaves(w: World, client: Client) -> None:
    d = factories.in_mediation(w)
    olga, other = manager_elsewhere(w), manager_elsewhere(w, "Pia")
    html = page(client, d, w.chair, "name-mediator/")
    assert "Olga, Detective inspector, Northshire Police" in html
    for name in ("Hal", "Grace", "Aisha", "Rep,", "Auditor"):
        assert f">{name}" not in html.split("<select")[1].split("</select>")[0]
    answer = post(client, d, "name-mediator/", w.chair, person=str(olga.pk), no_stake="She has not met the family")
    assert answer.status_code == 302
    html = page(client, d, w.aisha)
    assert "Olga, mediator, named by the Chair (Detective inspector, Northshire Police" in html
    assert "She has not met the family" in html
    with factories.as_set_up():
        rules = dict(Notice.objects.filter(entry__kind="name_mediator").values_list("person__name", "rule"))
    assert rules["Olga"] == "told"
    assert rules["Aisha"] == rules["Hal"] == "news"
    assert "Olga, who mediates now, leaves" in page(client, d, w.chair, "name-mediator/")
    assert post(client, d, "name-mediator/", w.chair, person=str(other.pk), no_stake="Nor has she").status_code == 302
    client.force_login(olga)
    assert client.get(f"/disagreements/{d.reference}/").status_code == 404
    assert "Pia, mediator" in page(client, d, other)


def test_somebody_with_a_stake_cannot_be_named_whatever_is_posted(w: World, client: Client) -> None:
    d = factories.in_mediation(w)
    for who in (w.hal, w.grace, w.stranger, w.rep):
        answer = post(client, d, "name-mediator/", w.chair, person=str(who.pk), no_stake="None")
        assert answer.status_code == 200
        assert "Choose one of the answers in the list" in answer.content.decode()
        with acting_as(w.chair):
            assert who not in seating.who_could_mediate(factories.fresh(d.pk))


def test_a_mediator_mediates_and_can_say_that_they_have_a_stake_after_all(w: World, client: Client) -> None:
    d, olga = with_mediator(w)
    with acting_as(olga):
        d = factories.fresh(d.pk)
        open_now = {one.name for one in d.open_moves(d.standing.actor(olga))}
    assert {"propose_session", "record_mediation", "exclude"} <= open_now
    assert not {"accept_mediation", "name_mediator", "close_without_agreement", "confirm_outcome"} & open_now
    assert post(client, d, "exclude/", olga, person="me", instead="", reason="My sister teaches there").status_code == 302
    assert client.get(f"/disagreements/{d.reference}/").status_code == 404
    with acting_as(w.chair):
        assert [seat.capacity for seat in factories.fresh(d.pk).standing.turn.seats] == [Capacity.CHAIR]


def test_an_outcome_is_offered_and_binds_nobody_until_both_confirm(w: World, client: Client) -> None:
    d, olga = with_mediator(w)
    assert "no policy makes it binding" in page(client, d, w.hal)
    move(d, "record_mediation", olga, mediation="They talked")
    assert "binds nobody" in page(client, d, olga, "propose-outcome/")
    move(d, "propose_outcome", olga, outcome="An assessment")
    with acting_as(w.hal):
        d = factories.fresh(d.pk)
        assert {side.kind for side in d.standing.unconfirmed_sides} == {"raising", "responding"}
    assert (d.stage, d.awaiting) == (Stage.LSCB_MEDIATION, Awaiting.CONFIRMATION)
    move(d, "confirm_outcome", w.ian)
    assert look(d, w.hal).is_open
    move(d, "confirm_outcome", w.hal)
    assert look(d, w.hal).stage == Stage.RESOLVED


# ── the joint session ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_is_proposed_answered_and_fixed_by_its_pages(w: World, client: Client) -> None:
    d = factories.in_mediation(w)
    html = page(client, d, w.chair, "propose-session/")
    assert "1. How it is for the child now" in html
    assert "The position of Hill Lane Primary School, Safeguarding" in html
    early, late = working_day(5), working_day(6)
    both = typed("date_1", late) | typed("date_2", early)
    assert post(client, d, "propose-session/", w.chair, **proposal(w, **both)).status_code == 302
    assert look(d, w.ian).awaiting == Awaiting.SESSION
    session = session_of(d, w.ian)
    assert list(session.dates) == sorted(session.dates)
    assert session.minutes == 90
    html = page(client, d, w.hal)
    assert "Room 4" in html
    assert "Front door: not said yet" in html
    first, second = (date.isoformat() for date in session.dates)
    answer = post(client, d, "answer-session/", w.hal, dates=[first, second], people=[str(w.hal.pk), str(w.sam.pk)])
    assert answer.status_code == 302
    assert look(d, w.ian).awaiting == Awaiting.SESSION
    assert post(client, d, "answer-session/", w.ian, dates=[second], people=[str(w.ian.pk)]).status_code == 302
    assert look(d, w.ian).awaiting == Awaiting.MEDIATION
    assert session_of(d, w.ian).fixed_at == session.dates[1]
    html = page(client, d, w.aisha)
    assert "has a date" in html
    assert f"/disagreements/{d.reference}/session.ics" in html
    for who in ("Chair, Chair", "Hal, Senior manager", "Sam, Practitioner", "Ian, Senior manager"):
        assert who in html


def test_a_side_that_is_not_on_the_system_is_rung_for_its_dates(w: World, client: Client) -> None:
    d = factories.raised(w, to="surgery")
    with acting_as(w.aisha):
        other = factories.fresh(d.pk).standing.turn.for_sides[0]
    for name, by in (("refer_to_line_manager", w.aisha), ("pass_up_the_line", w.grace), ("ask_the_chair", w.ian)):
        move(d, "record_answer_for", by, recorded_for=other.pk, view="No")
        move(d, name, by)
    move(d, "accept_mediation", w.chair)
    ahead = {"dates": [(timezone.now() + dt.timedelta(days=7)).isoformat()], "minutes": 60, "people": [str(w.chair.pk)]}
    move(d, "propose_session", w.chair, facts=ahead, agenda="x", place="y")
    (row,) = laid_out(client, w.ian).to_do
    assert row.button == "Choose dates"
    dates_taken(w, d, w.ian, 0)
    (row,) = laid_out(client, w.ian).to_do
    assert "Ring them for their dates" in row.do
    assert row.href == f"/disagreements/{d.reference}/"
    assert "Ring them for their dates" in page(client, d, w.ian)
    with acting_as(w.chair):
        d = factories.fresh(d.pk)
        assert "record_mediation" in {one.name for one in d.open_moves(d.standing.actor(w.chair))}  # it can be held all the same


def test_no_date_that_suits_both_asks_for_others(w: World, client: Client) -> None:
    d = factories.session_proposed(w)
    dates_taken(w, d, w.ian, 0)
    assert post(client, d, "answer-session/", w.hal, dates=["none"]).status_code == 302
    html = page(client, d, w.chair)
    assert "No date suits both sides" in html
    assert "Front door: does not suit" in html
    assert "Safeguarding: suits" in html
    assert f'href="/disagreements/{d.reference}/propose-session/"' in html


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Choose every date that suits your side, or that none does"),
        ({"dates": ["none", 0]}, "but not both"),
        ({"dates": [0], "people": []}, "Choose who comes from your side"),
        ({"dates": ["2020-01-01T10:00:00+00:00"]}, "Choose only answers in the list"),
        ({"dates": ["<script>"]}, "Choose only answers in the list"),
        ({"dates": [0], "people": ["chair"]}, "Choose only answers in the list"),
        ({"dates": [0], "people": ["hal"], "note": "x" * 100_000}, "10,000 characters or fewer"),
    ],
)
def test_a_wrong_answer_to_the_dates_is_said_at_its_question(w: World, client: Client, given: dict[str, Any], said: str) -> None:
    d = factories.session_proposed(w)
    session = session_of(d, w.hal)
    sent = {
        "dates": [session.dates[one].isoformat() if isinstance(one, int) else one for one in given.get("dates", [])],
        "people": [str(w.person(one).pk) for one in given.get("people", [])],
        "note": given.get("note", ""),
    }
    answer = post(client, d, "answer-session/", w.hal, **sent)
    assert answer.status_code == 200
    assert said in unescape(answer.content.decode())
    assert look(d, w.hal).awaiting == Awaiting.SESSION


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"date_1_day": "1", "date_1_month": "1", "date_1_year": "2020"}, "must lie ahead"),
        ({"date_1_day": "31", "date_1_month": "2"}, "must be a real date"),
        ({"date_1_time": "25:00"}, "must include a time"),
        ({"date_1_year": "9999"}, "or earlier"),
        (dict.fromkeys(("date_1_day", "date_1_month", "date_1_year", "date_1_time"), ""), "Enter at least one date and time"),
        ({"date_2_day": "5"}, "must include a month"),
        ({"minutes": "5"}, "Choose one of the answers in the list"),
        ({"minutes": "100000000"}, "Choose one of the answers in the list"),
        ({"place": ""}, "Enter where it is, or how to join"),
        ({"place": "a\r\nBEGIN:VEVENT"}, "must be on one line"),
        ({"place": "x" * 201}, "200 characters or fewer"),
        ({"agenda": "x" * 100_000}, "10,000 characters or fewer"),
        ({"agenda": "\x00"}, "characters that cannot be shown"),
        ({"people": []}, "Choose at least one person who comes"),
    ],
)
def test_a_session_that_cannot_be_is_refused_at_the_field_and_nothing_is_lost(
    w: World, client: Client, changes: dict[str, Any], said: str
) -> None:
    d = factories.in_mediation(w)
    answer = post(client, d, "propose-session/", w.chair, **(proposal(w, note="MY NOTE") | changes))
    assert answer.status_code == 200
    html = unescape(answer.content.decode())
    assert said in html
    assert "MY NOTE" in html
    assert look(d, w.chair).awaiting == Awaiting.MEDIATION


def box_of(html: str) -> str:
    """What the box below odd dates sends."""
    return re.findall(r'name="all_the_same" type="checkbox" value="([^"]+)"', html)[0]


def next_saturday() -> dt.datetime:
    today = timezone.localdate()
    return dt.datetime.combine(today + dt.timedelta(days=(4 - today.weekday()) % 7 + 1), dt.time(10), times.LONDON)


@pytest.mark.parametrize(
    ("when", "said"),
    [
        (lambda: working_day(40), "after the present time limit of "),
        (lambda: working_day(5, 6), "before 7am or after 9pm"),
        (lambda: working_day(5, 22), "before 7am or after 9pm"),
        (next_saturday, "not a working day"),
    ],
)
def test_an_odd_date_is_asked_about_once_and_nothing_is_lost(w: World, client: Client, when: Any, said: str) -> None:
    d = factories.in_mediation(w)
    odd = proposal(w, note="MY NOTE") | typed("date_3", when())
    html = unescape(post(client, d, "propose-session/", w.chair, **odd).content.decode())
    assert html.count(said) == 2, html  # at the question, and in the summary
    assert "MY NOTE" in html
    assert 'href="#id_date_3_day"' in html  # from the summary
    assert look(d, w.chair).awaiting == Awaiting.MEDIATION
    box = box_of(html)
    other = odd | typed("date_3", next_saturday() + dt.timedelta(days=7))
    assert "Say again" in post(client, d, "propose-session/", w.chair, **other, all_the_same=box).content.decode()
    assert post(client, d, "propose-session/", w.chair, **odd, all_the_same=box).status_code == 302
    assert len(session_of(d, w.chair).dates) == 2


def test_a_session_after_the_time_limit_is_said_beside_it(w: World, client: Client) -> None:
    d = factories.session_proposed(w, dates=[working_day(40)])
    for person in (w.ian, w.hal):
        dates_taken(w, d, person, 0)
    assert "after the time limit of" in page(client, d, w.hal)
    assert "after the time limit of" not in page(client, factories.session_fixed(w), w.hal)


def test_a_mediation_recorded_before_the_sessions_day_takes_it_out_of_calendars(w: World, client: Client) -> None:
    d = factories.session_fixed(w)
    html = page(client, d, w.chair, "record-mediation/")
    assert "If it was held already, record it" in html
    assert "is called off" not in html
    move(d, "record_mediation", w.chair, mediation="They talked")
    html = page(client, d, w.hal)
    assert "The mediation was recorded before that day" in html
    assert "Take it out of my calendar" in html
    assert "has a date" not in html
    assert "Add it to my calendar" not in html
    file = client.get(f"/disagreements/{d.reference}/session.ics").content.decode()
    assert "METHOD:CANCEL" in file
    assert "SEQUENCE:1" in file


@pytest.mark.parametrize(
    ("month", "time", "said"), [("3", "1.30am", "did not happen"), ("10", "1.30am", "came twice"), ("10", "1.30am GMT", "")]
)
def test_the_nights_on_which_the_clocks_change(w: World, client: Client, month: str, time: str, said: str) -> None:
    d = factories.in_mediation(w)
    year = timezone.localdate().year + 1
    last_sunday = max(one for one in (dt.date(year, int(month), number) for number in range(25, 32)) if one.weekday() == 6)
    when = {"date_1_day": str(last_sunday.day), "date_1_month": month, "date_1_year": str(year), "date_1_time": time}
    answer = post(client, d, "propose-session/", w.chair, **(proposal(w) | when))
    html = unescape(answer.content.decode())
    assert said in html
    if not said:  # only asked whether a Sunday, at night, is meant
        assert post(client, d, "propose-session/", w.chair, **(proposal(w) | when), all_the_same=box_of(html)).status_code == 302


def test_a_hostile_place_and_agenda_are_shown_as_they_are_and_go_into_no_mail(w: World, client: Client) -> None:
    d = factories.in_mediation(w)
    odd = "<script>alert(1)</script> %s {{ d }} 👩‍👧 مرحبا"
    assert post(client, d, "propose-session/", w.chair, **proposal(w, place=odd, agenda=odd)).status_code == 302
    client.force_login(w.hal)
    html = client.get(f"/disagreements/{d.reference}/").content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; %s {{ d }}" in html
    with factories.as_set_up():
        found = list(Notice.objects.filter(entry__kind="propose_session").select_related("entry", "person", "partnership"))
    assert found
    with acting_as(w.chair):
        for notice in found:
            notice.disagreement = factories.fresh(d.pk)
            assert "script" not in mails.letter(notice, timezone.now()).message().as_string()


def test_who_proposes_again_sees_that_the_fixed_session_is_called_off(w: World, client: Client) -> None:
    d = factories.session_fixed(w)
    html = page(client, d, w.chair, "propose-session/")
    assert "is called off, and everybody is told" in html
    assert "Room 4, Town Hall" in html  # as it was the last time
    assert post(client, d, "cancel-session/", w.chair).status_code == 200
    assert post(client, d, "cancel-session/", w.chair, reason="Snow").status_code == 302
    assert "was called off" in page(client, d, w.chair)
    assert "called off" in page(client, d, w.ian)
    assert "cancel-session" not in page(client, d, w.chair)


def test_a_session_of_an_earlier_mediation_is_past(w: World) -> None:
    d = factories.session_fixed(w)
    move(d, "propose_outcome", w.ian, outcome="An assessment")
    move(d, "confirm_outcome", w.hal)
    move(d, "reopen", w.ian, not_delivered="No assessment")
    move(d, "answer", w.hal)
    move(d, "ask_the_chair", w.ian)
    move(d, "accept_mediation", w.chair)
    d = look(d, w.chair)
    assert d.standing.session is None
    with acting_as(w.chair):
        assert "cancel_session" not in {one.name for one in d.open_moves(d.standing.actor(w.chair))}


def test_recording_begins_with_the_session_that_was_held(w: World, client: Client) -> None:
    d = factories.session_fixed(w)
    with time_machine.travel(timezone.now() + dt.timedelta(days=8), tick=True):
        html = page(client, d, w.chair, "record-mediation/")
        assert "Chair, Chair\nIan, Senior manager" in html
        held = session_of(d, w.chair).fixed_at
        assert held is not None
        answer = post(
            client,
            d,
            "record-mediation/",
            w.chair,
            **typed("happened_at", held),
            attended="Both",
            mediation="They talked",
            may_share="The school may tell the nurse",
        )
        assert answer.status_code == 302
        html = page(client, d, w.aisha)
    assert "What may be told to others" in html
    assert "The school may tell the nurse" in html


def test_the_page_names_those_who_are_then_told(w: World) -> None:
    """What each move of the mediation says beforehand, against the notices that it owes."""
    d = factories.with_the_chair(w)
    olga = manager_elsewhere(w)

    def made(name: str, by: User, **given: Any) -> None:
        with acting_as(by):
            fresh = factories.fresh(d.pk)
            lines = foresight.who_will_be_told(fresh, name, fresh.standing.actor(by))
        said = {line.split(",")[0] for line in lines} - {"The person you choose below"}
        if name == "answer_session":
            session = session_of(d, by)
            given["facts"] = {"session": str(session.entry), "dates": [session.dates[0].isoformat()], "people": [str(by.pk)]}
        entry = move(d, name, by, **given)
        with factories.as_set_up():
            told = set(Notice.objects.filter(entry=entry).values_list("person__name", flat=True))
        assert said == told - {by.name, "Olga" if name == "name_mediator" else ""}, name

    ahead = {"dates": [(timezone.now() + dt.timedelta(days=7)).isoformat()], "minutes": 60, "people": [str(olga.pk)]}
    made("ask_for_more", w.chair, question="Who?")
    made("answer_the_chair", w.hal, answer="We")
    made("accept_mediation", w.chair, offer="An hour")
    made("name_mediator", w.chair, facts={"person": str(olga.pk)}, no_stake="None")
    for _again in range(2):  # the second proposal calls the first session off
        made("propose_session", olga, facts=ahead, agenda="x", place="y")
        made("answer_session", w.ian)
        made("answer_session", w.hal)
    made("cancel_session", w.chair, reason="Snow")
    made("record_mediation", olga, mediation="By phone")


# ── the private threads ─────────────────────────────────────────────────────────────────────────────────────────────

EVERYBODY = (
    *("aisha", "zoe", "grace", "ian", "sam", "mona", "hal", "nell", "rita", "noor"),
    *("chair", "deputy", "office", "auditor", "rep", "stranger"),
)
OURS, THEIRS, MEDIATING = {"aisha", "grace", "ian"}, {"sam", "mona", "hal"}, {"chair", "olga"}


def written(w: World, client: Client) -> tuple[Disagreement, User]:
    """Each side has written in private, and the mediator has answered the first."""
    d, olga = with_mediator(w)
    assert post(client, d, "with-the-chair/", w.grace, text=SECRET).status_code == 302
    assert post(client, d, "with-each-side/raising/", olga, text=ANSWER).status_code == 302
    assert post(client, d, "with-the-chair/", w.hal, text=THEIRS_ONLY).status_code == 302
    return d, olga


def test_each_side_writes_with_whoever_mediates_and_nobody_else_reads_it(w: World, client: Client) -> None:
    d, olga = written(w, client)
    with factories.as_set_up():
        lead = factories.person("Una")
        factories.Appointment.objects.create(
            partnership=w.partnership,
            person=lead,
            office="safeguarding_lead",
            agency=w.teams["school"].agency,
            starts_on=factories.LONG_AGO,
        )
    people = {name: w.person(name) for name in EVERYBODY} | {"olga": olga, "lead": lead}
    read: dict[str, set[str]] = {}
    for tail in ("with-the-chair/", "with-each-side/raising/", "with-each-side/responding/"):
        for name, person in people.items():
            client.force_login(person)
            answer = client.get(f"/disagreements/{d.reference}/{tail}")
            if answer.status_code == 200:
                html = answer.content.decode()
                read.setdefault(name, set()).update(one for one in (SECRET, ANSWER, THEIRS_ONLY) if one in html)
            else:
                assert answer.status_code == 404, (name, tail)
                absent = client.get(f"/disagreements/ZZZZ-ZZZZ/{tail}")
                assert same(answer.content.decode()) == same(absent.content.decode())
    assert {name for name, found in read.items() if found == {SECRET, ANSWER}} == OURS
    assert {name for name, found in read.items() if found == {THEIRS_ONLY}} == THEIRS
    assert {name for name, found in read.items() if found == {SECRET, ANSWER, THEIRS_ONLY}} == set(read) - OURS - THEIRS == MEDIATING


def test_the_database_shows_it_to_nobody_else_either(w: World, client: Client) -> None:
    _d, olga = written(w, client)
    factories.stand_in(w.posts["mona"], w.nell)
    people = {name: w.person(name) for name in EVERYBODY} | {"olga": olga}
    counted = {}
    for name, person in people.items():
        with acting_as(person), connection.cursor() as cursor:
            cursor.execute("SELECT count(*), count(*) FILTER (WHERE text = %s) FROM disputes_sidenote", [SECRET])
            counted[name] = cursor.fetchone()
    expected = dict.fromkeys(OURS, (2, 1)) | dict.fromkeys({*THEIRS, "nell"}, (1, 0)) | dict.fromkeys(MEDIATING, (3, 1))
    assert counted == dict.fromkeys(people, (0, 0)) | expected
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM disputes_sidenote")
        assert cursor.fetchone() == (0,)  # nobody acts


def test_nobody_writes_into_it_by_sql(w: World, client: Client) -> None:
    d, olga = written(w, client)
    with acting_as(w.aisha):
        sides = {side.kind: side for side in factories.fresh(d.pk).standing.party_sides}
    for person in (w.hal, w.office, w.auditor, w.stranger, w.deputy, w.rep):
        note = SideNote(partnership=w.partnership, disagreement=d, side=sides["raising"], with_chair=True, author=person, text="x")
        with acting_as(person), pytest.raises(DatabaseError), transaction.atomic():
            SideNote.objects.bulk_create([note])
    with acting_as(olga), pytest.raises(DatabaseError), transaction.atomic():  # nor for somebody else
        SideNote.objects.bulk_create(
            [SideNote(partnership=w.partnership, disagreement=d, side=sides["raising"], with_chair=True, author=w.grace, text="x")]
        )
    with acting_as(w.grace), pytest.raises(DatabaseError), transaction.atomic():
        SideNote.objects.filter(text=SECRET).update(text="Nothing")
    with acting_as(w.grace), pytest.raises(DatabaseError), transaction.atomic():
        SideNote.objects.filter(text=SECRET).delete()


def test_a_chair_who_has_not_accepted_and_a_side_before_that_find_no_thread(w: World, client: Client) -> None:
    d = factories.with_the_chair(w)
    for person, tail in ((w.chair, "with-each-side/raising/"), (w.ian, "with-the-chair/"), (w.hal, "with-the-chair/")):
        for method in ("get", "post"):
            client.force_login(person)
            assert getattr(client, method)(f"/disagreements/{d.reference}/{tail}", {"text": "x"}).status_code == 404
    assert "In private" not in page(client, d, w.ian)


def test_odd_sides_in_the_address_are_404(w: World, client: Client) -> None:
    d = factories.in_mediation(w)
    client.force_login(w.chair)
    for kind in ("consulted", "x", "RAISING", "raising-1", "0"):
        assert client.get(f"/disagreements/{d.reference}/with-each-side/{kind}/").status_code == 404
    client.force_login(w.ian)
    assert client.get(f"/disagreements/{d.reference}/with-each-side/raising/").status_code == 404


def test_the_page_says_who_reads_it_and_that_it_is_no_part_of_the_record(w: World, client: Client) -> None:
    d, _olga = written(w, client)
    html = page(client, d, w.ian, "with-the-chair/")
    assert "Only your side, the Chair and the mediator read this. It is not part of the record and in no export." in html
    readers = html.split("Who can read it today")[1].split("</details>")[0]
    for name in ("Aisha", "Grace", "Ian", "Chair", "Olga"):
        assert f"<li>{name}</li>" in readers
    assert "Hal" not in readers
    assert html.index(SECRET) < html.index(ANSWER)  # oldest first


def test_it_is_in_no_export_in_no_record_and_on_nobodys_page(w: World, client: Client) -> None:
    d, olga = written(w, client)
    with acting_as(w.auditor):
        made = io.StringIO()
        csv.writer(made).writerows(history.rows(Disagreement.objects.filter(pk=d.pk), history.Counts()))
    assert d.reference in made.getvalue()
    for person in (w.aisha, w.hal, w.chair, w.auditor, w.office, olga):
        client.force_login(person)
        for address in (f"/disagreements/{d.reference}/", f"/disagreements/{d.reference}/?print=1", "/desk/", "/disagreements/"):
            answer = client.get(address)
            for secret in (SECRET, ANSWER):
                assert secret not in answer.content.decode(), (person, address)
    for secret in (SECRET, ANSWER):
        assert secret not in made.getvalue()
    with acting_as(w.auditor):
        assert not Text.objects.filter(value__contains=SECRET).exists()
        assert not Entry.objects.filter(facts__icontains=SECRET).exists()


def test_nothing_on_the_page_of_the_other_side_says_that_anything_was_written(w: World, client: Client) -> None:
    d, _olga = with_mediator(w)
    before = page(client, d, w.hal)
    assert post(client, d, "with-the-chair/", w.grace, text=SECRET).status_code == 302
    after = page(client, d, w.hal)
    shown = [re.sub(r"\d+ms|nonce-\S+", "", same(html)) for html in (before, after)]
    assert shown[0] == shown[1]


def test_the_same_page_posted_twice_writes_once_and_other_words_are_a_message_of_their_own(w: World, client: Client) -> None:
    d = factories.in_mediation(w)
    client.force_login(w.ian)
    where = f"/disagreements/{d.reference}/with-the-chair/"
    key = str(uuid.uuid4())
    for text in (SECRET, SECRET, "Another word"):
        assert client.post(where, {"text": text, "key": key}).status_code == 302
    with acting_as(w.chair):
        assert sorted(SideNote.objects.values_list("text", flat=True)) == sorted([SECRET, "Another word"])
    for key in ("", "x", "0" * 5000):
        assert client.post(where, {"text": "Spoilt key", "key": key}).status_code == 302


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "Write the message"), ("x" * 100_000, "10,000 characters or fewer"), ("a\x00b", "characters that cannot be shown")],
)
def test_a_message_that_cannot_be_is_kept_and_said(w: World, client: Client, text: str, said: str) -> None:
    d = factories.in_mediation(w)
    answer = post(client, d, "with-the-chair/", w.ian, text=text)
    assert answer.status_code == 200
    assert said.replace("Write the message", "Write your message") in answer.content.decode()
    with acting_as(w.ian):
        assert not SideNote.objects.exists()


def test_hostile_words_are_shown_as_they_are(w: World, client: Client) -> None:
    d = factories.in_mediation(w)
    odd = "<script>alert(1)</script> %s {{ d }} 👩‍👧 مرحبا"
    assert post(client, d, "with-the-chair/", w.ian, text=odd).status_code == 302
    client.force_login(w.chair)
    html = client.get(f"/disagreements/{d.reference}/with-each-side/raising/").content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; %s {{ d }}" in html


def test_after_the_end_it_can_be_read_and_no_longer_written(w: World, client: Client) -> None:
    d, olga = written(w, client)
    html = page(client, d, w.grace, "with-the-chair/")
    key = re.search(r'name="key" value="([^"]*)"', html)
    move(d, "withdraw", w.aisha)
    assert key
    late = client.post(f"/disagreements/{d.reference}/with-the-chair/", {"key": key[1], "text": "TOO LATE"})
    assert late.status_code == 409
    assert "TOO LATE" in late.content.decode()
    assert "The mediation is over" in late.content.decode()
    html = page(client, d, w.grace, "with-the-chair/")
    assert SECRET in html
    assert "<textarea" not in html
    assert f"/disagreements/{d.reference}/with-the-chair/" in page(client, d, w.grace)
    assert SECRET in page(client, d, olga, "with-each-side/raising/")


def test_a_former_mediator_and_whoever_is_excluded_read_it_no_more(w: World, client: Client) -> None:
    d, olga = written(w, client)
    other = manager_elsewhere(w, "Pia")
    move(d, "name_mediator", w.chair, facts={"person": str(other.pk)}, no_stake="None")
    move(d, "exclude", w.grace, facts={"person": str(w.grace.pk)}, reason="A relative")
    for person, tail in ((olga, "with-each-side/raising/"), (w.grace, "with-the-chair/")):
        client.force_login(person)
        assert client.get(f"/disagreements/{d.reference}/{tail}").status_code == 404
        with acting_as(person):
            assert not SideNote.objects.exists()
    assert SECRET in page(client, d, other, "with-each-side/raising/")


def test_whoever_was_writing_when_they_had_to_leave_finds_their_words(w: World, client: Client) -> None:
    d, olga = written(w, client)
    move(d, "name_mediator", w.chair, facts={"person": str(manager_elsewhere(w, "Pia").pk)}, no_stake="None")
    client.force_login(olga)
    tail, typed_words = "with-each-side/raising/", {"text": "MY LAST WORD"}
    answers = [client.post(f"/disagreements/{one}/{tail}", typed_words) for one in (d.reference, "ZZZZ-ZZZZ")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert "MY LAST WORD" in answers[0].content.decode()
    assert same(answers[0].content.decode()) == same(answers[1].content.decode())


def test_being_told_is_not_reading_it(client: Client) -> None:
    told = shipped_chapter().replace("- {event: asked_chair, who: office}", "- {event: asked_chair, who: representative}", 1)
    w = factories.world(policy_text=told)
    d, _olga = written(w, client)
    assert page(client, d, w.rep)
    client.force_login(w.rep)
    assert client.get(f"/disagreements/{d.reference}/with-the-chair/").status_code == 404
    with acting_as(w.rep):
        assert not SideNote.objects.exists()


def test_opening_it_leaves_a_trace_without_words(w: World, client: Client) -> None:
    d, olga = written(w, client)
    page(client, d, olga, "with-each-side/responding/")
    with factories.as_set_up():
        trace = Trace.objects.filter(what="private_thread", person_id=olga.pk).order_by("-at").first()
    assert trace is not None
    assert trace.disagreement_id == d.pk
    assert trace.facts["as"] == "mediator"
    assert SECRET not in str(trace.facts)


# ── word of it ──────────────────────────────────────────────────────────────────────────────────────────────────────


def word_of_it(d: Disagreement) -> list[Notice]:
    with factories.as_set_up():
        found = Notice.objects.filter(disagreement=d, rule="thread").select_related("person", "partnership", "entry")
        return list(found.order_by("person__name", "written_at"))


def test_those_who_can_read_it_are_sent_word_once_until_that_has_gone(w: World, client: Client) -> None:
    d, _olga = with_mediator(w)
    for text in ("One", "Two", "Three"):
        assert post(client, d, "with-the-chair/", w.grace, text=text).status_code == 302
    assert [notice.person.name for notice in word_of_it(d)] == ["Aisha", "Chair", "Ian", "Olga"]
    with factories.as_set_up():
        Notice.objects.filter(rule="thread").update(sent_at=timezone.now())
    assert post(client, d, "with-the-chair/", w.grace, text="Four").status_code == 302
    assert [notice.person.name for notice in word_of_it(d)] == ["Aisha", "Aisha", "Chair", "Chair", "Ian", "Ian", "Olga", "Olga"]


def test_the_mail_says_that_there_is_one_and_no_word_of_it(w: World, client: Client) -> None:
    d, _olga = with_mediator(w)
    assert post(client, d, "with-the-chair/", w.grace, text=SECRET).status_code == 302
    for notice in word_of_it(d):
        with acting_as(w.chair):
            notice.disagreement = factories.fresh(d.pk)
            assert notices.is_still_owed(notice, timezone.now()) == ""
            whole = mails.letter(notice, timezone.now()).message().as_string()
        assert "private message" in whole
        for secret in (SECRET, "Grace", "Ash", "Hill Lane"):
            assert secret not in whole


def test_who_may_no_longer_read_it_is_not_written_to(w: World, client: Client) -> None:
    d, olga = with_mediator(w)
    assert post(client, d, "with-the-chair/", w.grace, text=SECRET).status_code == 302
    move(d, "name_mediator", w.chair, facts={"person": str(manager_elsewhere(w, "Pia").pk)}, no_stake="None")
    (hers,) = [notice for notice in word_of_it(d) if notice.person_id == olga.pk]
    with acting_as(w.chair):
        hers.disagreement = factories.fresh(d.pk)
        assert notices.is_still_owed(hers, timezone.now()) == "no longer seated"


def test_a_session_that_was_called_off_since_is_not_mailed_as_fixed(w: World) -> None:
    d = factories.session_fixed(w)
    with factories.as_set_up():
        notice = Notice.objects.select_related("entry", "person").filter(disagreement=d, rule="session_fixed").first()
    assert notice is not None
    for since, owed in ((lambda: None, ""), (lambda: move(d, "cancel_session", w.chair, reason="Snow"), "moved on")):
        since()
        with acting_as(w.chair):
            notice.disagreement = factories.fresh(d.pk)
            assert notices.is_still_owed(notice, timezone.now()) == owed


# ── the desks ───────────────────────────────────────────────────────────────────────────────────────────────────────


def laid_out(client: Client, who: User) -> desk.Desk:
    client.force_login(who)
    return client.get("/desk/").context["desk"]


def test_the_chairs_desk_shows_what_waits_for_whom_with_its_clock(w: World, client: Client) -> None:
    asked = factories.with_the_chair(w)
    (row,) = laid_out(client, w.chair).referrals
    assert row.due_at == look(asked, w.chair).due_at is not None
    move(asked, "ask_for_more", w.chair, question="Who?")
    (row,) = laid_out(client, w.chair).mediated
    assert "You asked both sides for more" in row.do
    assert "Ian" in row.note
    assert row.due_at is not None
    assert laid_out(client, w.ian).to_do[0].button == "Tell the Chair"
    move(asked, "answer_the_chair", w.ian, answer="Us")
    move(asked, "accept_mediation", w.chair)
    (row,) = laid_out(client, w.chair).mediations
    assert row.button == "Propose dates"


def test_sessions_coming_dates_unanswered_and_outcomes_unconfirmed(w: World, client: Client) -> None:
    d = factories.session_proposed(w)
    olga = manager_elsewhere(w)
    move(d, "name_mediator", w.chair, facts={"person": str(olga.pk)}, no_stake="None")
    for who in (w.chair, olga):
        (row,) = laid_out(client, who).mediated
        assert "Dates for the joint session are not answered yet" in row.do
        assert "Hal" in row.note
    assert laid_out(client, w.hal).to_do[0].href.endswith("/answer-session/")
    dates_taken(w, d, w.ian, 0)
    dates_taken(w, d, w.hal, 0)
    for who in (w.chair, olga):
        (row,) = laid_out(client, who).mediations
        assert "The joint session is on" in row.do
        assert row.button == "See the session"
    assert "The joint session is on" in laid_out(client, w.ian).waiting[0].note
    move(d, "record_mediation", olga, mediation="They talked")
    (row,) = laid_out(client, w.chair).mediated
    assert "no outcome is proposed yet" in row.do
    move(d, "propose_outcome", w.ian, outcome="A visit")
    for who in (w.chair, olga):
        (row,) = laid_out(client, who).mediated
        assert "not confirmed by both sides yet" in row.do
        assert "Hal" in row.note


def test_a_desk_asks_as_many_questions_for_many_mediations_as_for_one(w: World, client: Client, django_assert_max_num_queries: Any) -> None:
    factories.session_fixed(w)
    client.force_login(w.chair)
    client.get("/desk/")
    with CaptureQueriesContext(connection) as one:
        client.get("/desk/")
    factories.session_fixed(w)
    factories.session_proposed(w)
    factories.in_mediation(w)
    with django_assert_max_num_queries(len(one)):
        client.get("/desk/")


def test_who_mediates_is_no_party_and_confirms_for_nobody(w: World) -> None:
    d, olga = with_mediator(w)
    with acting_as(olga):
        actor = factories.fresh(d.pk).standing.actor(olga)
    assert actor.party_seat() is None
    assert {seat.capacity for seat in actor.seats} == {Capacity.MEDIATOR}
