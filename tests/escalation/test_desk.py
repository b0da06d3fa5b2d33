"""The desk and the list: whose move it is, by when, in the order in which things should be done."""

import datetime as dt

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.acting import acting_as
from disputes.models import Disagreement, Draft, DraftReader
from escalation import desk
from tests import factories
from tests.factories import agreed, answered, move, raised, resolved, stand_in, with_the_chair

pytestmark = pytest.mark.django_db

FEBRUARY = {"raised_from_month": "2", "raised_from_year": "2026", "raised_to_month": "2", "raised_to_year": "2026"}
BACKWARDS = {"raised_from_day": "2", "raised_to_day": "1", **FEBRUARY}


@pytest.fixture
def w():
    return factories.world()


def open_as(client, person, path="/desk/", status=200):
    client.force_login(person)
    answer = client.get(path)
    assert answer.status_code == status
    return answer


def read(client, person, path="/desk/"):
    return open_as(client, person, path).content.decode()


def laid_out(client, person):
    return open_as(client, person).context["desk"]


def due_in(d, days):
    """The record's time is the database's own, so the due time is moved by hand."""
    with acting_as(d.raised_by), connection.cursor() as cursor:
        due_at = timezone.now() + dt.timedelta(days=days)
        cursor.execute("UPDATE disputes_disagreement SET due_at = %s WHERE id = %s", [due_at, d.pk])


# ── the desk


@pytest.mark.parametrize("path", ["/desk/", "/disagreements/"])
def test_nobody_comes_here_without_signing_in(client, w, path):
    assert client.get(path).url == f"/sign-in/?next={path}"


def test_an_empty_desk_says_so_kindly(client, w):
    html = read(client, w.stranger)
    assert "Nothing waits for you." in html
    assert "Enjoy the quiet" in html


def test_an_empty_desk_says_when_the_next_thing_is_due(client, w):
    d = raised(w)
    html = read(client, w.aisha)
    assert f"The next thing due is an answer from others on {d.reference}" in html


def test_the_responder_reads_what_to_do_about_whom_and_by_when(client, w):
    d = raised(w)
    html = read(client, w.sam)
    assert "Say whether you know which child this is" in html
    assert "Ash (5 to 10)" in html
    assert "Thresholds" in html
    assert f'href="/disagreements/{d.reference}/"' in html
    assert "days left" in html or "day left" in html


def test_where_there_is_one_thing_to_do_the_button_leads_to_it(client, w):
    d = raised(w)
    move(d, "match_child", w.sam)
    assert f'href="/disagreements/{d.reference}/answer/"' in read(client, w.sam)


def test_where_there_is_a_choice_the_button_leads_to_the_disagreement(client, w):
    d = answered(w)
    (row,) = laid_out(client, w.aisha).to_do
    assert (row.href, row.button) == (f"/disagreements/{d.reference}/", "Decide")


def test_the_raiser_sees_whom_they_wait_for(client, w):
    raised(w)
    made = laid_out(client, w.aisha)
    (row,) = made.waiting
    assert row.do == "Sam, Practitioner, Children's Social Care: to say which child this is"
    assert made.things_to_do == 0


def test_the_counts_are_links_to_what_they_count(client, w):
    answered(w)
    raised(w)
    html = read(client, w.aisha)
    assert '<a class="accord-counts__link" href="#to-do"><span class="accord-counts__number">1</span> to do</a>' in html
    assert '<a class="accord-counts__link" href="#waiting"><span class="accord-counts__number">1</span> waiting for others</a>' in html
    for anchor in ("to-do", "waiting", "finished"):
        assert html.count(f'id="{anchor}"') == 1


def test_a_child_at_immediate_risk_comes_first_then_what_is_latest(client, w):
    newest, oldest, urgent = raised(w), raised(w), raised(w, at_immediate_risk=True)
    due_in(newest, 1)
    due_in(oldest, -1)
    due_in(urgent, 5)
    order = [row.disagreement.reference for row in laid_out(client, w.sam).to_do]
    assert order == [urgent.reference, oldest.reference, newest.reference]


def test_what_is_late_says_how_late(client, w):
    raised(w)
    with time_machine.travel(timezone.now() + dt.timedelta(days=30), tick=True):
        html = read(client, w.sam)
    assert "days late" in html
    assert "accord-desk__row--late" in html


def test_a_stand_in_finds_the_rows_of_the_post_marked_with_its_holder(client, w):
    raised(w)
    stand_in(w.posts["sam"], w.stranger)
    (row,) = laid_out(client, w.stranger).to_do
    assert row.for_whom == "Sam"
    assert "for Sam" in read(client, w.stranger)
    assert laid_out(client, w.sam).to_do[0].for_whom == ""


def test_nobody_finds_on_their_desk_what_they_are_excluded_from(client, w):
    d = raised(w)
    with acting_as(w.sam):
        factories.exclude(partnership=w.partnership, disagreement=d, person=w.sam)
    assert laid_out(client, w.sam).to_do == []


def test_an_auditor_has_no_row_for_what_they_only_audit(client, w):
    raised(w)
    made = laid_out(client, w.auditor)
    assert [made.to_do, made.waiting, made.told] == [[], [], []]


def test_the_chair_finds_referrals_under_their_own_heading(client, w):
    d = with_the_chair(w)
    html = read(client, w.chair)
    assert "Referrals to you" in html
    (row,) = laid_out(client, w.chair).referrals
    assert (row.button, row.href) == ("Read the referral", f"/disagreements/{d.reference}/")
    assert html.count('id="to-do"') == 1
    move(d, "accept_mediation", w.chair)
    made = laid_out(client, w.chair)
    assert made.referrals == []
    assert made.mediations[0].href == f"/disagreements/{d.reference}/propose-session/"


def test_the_office_reads_what_it_is_told_of_apart_from_what_it_waits_for(client, w):
    with_the_chair(w)
    made = laid_out(client, w.office)
    assert len(made.told) == 1
    assert made.waiting == []
    assert "What you are told of" in read(client, w.office)


def test_the_office_finds_what_waits_for_its_countersign(client, w):
    d = raised(w, to="surgery")
    with acting_as(w.aisha):
        side = next(s for s in d.standing.party_sides if s.kind == "responding")
    move(d, "record_answer_for", w.aisha, recorded_for=side.pk, view="No", facts={})
    agreed(d, w.aisha)
    move(d, "record_confirmation_for", w.aisha, recorded_for=side.pk, source="By letter")
    (row,) = laid_out(client, w.office).to_do
    assert row.href == f"/disagreements/{d.reference}/countersign/"


def test_whoever_recorded_a_confirmation_is_not_asked_to_countersign_it(client, w):
    d = raised(w, to="surgery")
    with acting_as(w.aisha):
        side = next(s for s in d.standing.party_sides if s.kind == "responding")
    move(d, "record_answer_for", w.aisha, recorded_for=side.pk, view="No", facts={})
    agreed(d, w.aisha)
    move(d, "record_confirmation_for", w.aisha, recorded_for=side.pk, source="By letter")
    with factories.as_set_up():
        factories.Appointment.objects.create(partnership=w.partnership, person=w.stranger, office="office", starts_on=factories.LONG_AGO)
    assert laid_out(client, w.aisha).to_do == []
    assert len(laid_out(client, w.office).to_do) == 1


def test_the_raiser_records_for_a_side_that_is_not_on_the_system(client, w):
    d = raised(w, to="surgery")
    (row,) = laid_out(client, w.aisha).to_do
    assert (row.href, row.button) == (f"/disagreements/{d.reference}/record-answer-for/", "Record their answer")


def test_after_the_end_the_raiser_is_asked_whether_the_child_is_still_at_risk(client, w):
    d = answered(w)
    agreed(d, w.sam)
    move(d, "confirm_outcome", w.aisha)
    hrefs = [row.href for row in laid_out(client, w.aisha).to_do]
    assert f"/disagreements/{d.reference}/say-still-at-risk/" in hrefs
    assert f"/disagreements/{d.reference}/say-still-at-risk/" not in [row.href for row in laid_out(client, w.sam).to_do]
    move(d, "say_still_at_risk", w.aisha, facts={"still_at_risk": False})
    assert f"/disagreements/{d.reference}/say-still-at-risk/" not in [row.href for row in laid_out(client, w.aisha).to_do]


def test_after_the_end_each_side_finds_the_closing_questions_until_one_of_them_answers(client, w):
    d = resolved(w)
    href = f"/disagreements/{d.reference}/closing-questions/"
    for person in (w.aisha, w.sam):
        assert [row.href for row in laid_out(client, person).to_do] == [href]
    move(d, "answer_closing_questions", w.sam, facts={"worker_satisfied": True})
    assert laid_out(client, w.sam).to_do == []
    assert [row.href for row in laid_out(client, w.aisha).to_do] == [href]
    assert len(laid_out(client, w.sam).finished) == 1


def test_what_ended_long_ago_has_left_the_desk(client, w):
    resolved(w)
    with time_machine.travel(timezone.now() + dt.timedelta(days=90), tick=True):
        made = laid_out(client, w.sam)
    assert [made.to_do, made.finished] == [[], []]


def test_an_owner_finds_their_outstanding_issue_with_its_words_and_date(client, w):
    d = answered(w)
    with acting_as(w.aisha):
        side = next(s for s in d.standing.party_sides if s.kind == "responding")
    due = timezone.localdate() + dt.timedelta(days=10)
    issues = [{"owner_side": str(side.pk), "owner": str(w.sam.pk), "due_on": due.isoformat()}]
    move(d, "propose_outcome", w.sam, facts={"issues": issues}, outcome="Assessment", issue_1="Visit <b>on Monday</b>")
    assert laid_out(client, w.sam).issues == []
    move(d, "confirm_outcome", w.aisha, facts={"still_at_risk": False})
    (row,) = laid_out(client, w.sam).issues
    assert (row.do, row.due_on) == ("Visit <b>on Monday</b>", due)
    assert "Visit &lt;b&gt;on Monday" in read(client, w.sam)
    assert laid_out(client, w.aisha).issues == []
    with time_machine.travel(timezone.now() + dt.timedelta(days=12), tick=True):
        made = laid_out(client, w.sam)
        assert [row.tone for row in made.to_do] == ["late", ""]  # what was promised and is late, then the closing questions
        assert made.issues == []
    with time_machine.travel(timezone.now() + dt.timedelta(days=59), tick=True):
        assert laid_out(client, w.sam).to_do[0].late == "49 days late"


def test_my_drafts_and_those_i_am_asked_to_read_stand_on_the_desk(client, w):
    with acting_as(w.aisha):
        draft = Draft.objects.create(partnership=w.partnership, author=w.aisha, post=w.posts["aisha"], answers={"decision": "Secret words"})
        DraftReader.objects.create(draft=draft, person=w.zoe)
    mine, asked, other = read(client, w.aisha), read(client, w.zoe), read(client, w.sam)
    assert f"/disagreements/new/{draft.pk}/check/" in mine
    assert "Aisha asks you to read a draft" in asked
    assert str(draft.pk) not in other
    assert "Secret words" not in mine + asked


def test_a_desk_takes_as_many_queries_for_many_as_for_one(client, w):
    def queries(person):
        client.force_login(person)
        client.get("/desk/")
        with CaptureQueriesContext(connection) as captured:
            client.get("/desk/")
        return len(captured)

    def one_of_each():
        raised(w)
        answered(w)
        with_the_chair(w)
        d = answered(w)
        agreed(d, w.sam)
        move(d, "confirm_outcome", w.aisha)

    one_of_each()
    people = (w.aisha, w.sam, w.mona, w.chair, w.office)
    before = [queries(person) for person in people]
    for _ in range(2):
        one_of_each()
    assert [queries(person) for person in people] == before
    assert max(before) < 45  # the rooms above (learning) add theirs


def test_another_partnership_has_nothing_on_these_desks(client, w):
    other = factories.world("westmere")
    raised(other)
    assert laid_out(client, w.sam).to_do == []


# ── the list


def references(client, person, query=""):
    return {d.reference for d, _ in open_as(client, person, f"/disagreements/{query}").context["rows"]}


def find(client, person, **asked):
    client.force_login(person)
    answer = client.post("/disagreements/", asked)
    assert answer.status_code == 302, answer.context["form"].errors
    return answer.url, {d.reference for d, _ in client.get(answer.url).context["rows"]}


def test_the_list_holds_what_a_person_may_see_and_nothing_else(client, w):
    seen, other = raised(w), raised(w, by="nell", to="sam")
    assert references(client, w.aisha) == {seen.reference}
    assert references(client, w.sam) == {seen.reference, other.reference}
    assert references(client, w.auditor) == {seen.reference, other.reference}
    assert references(client, w.stranger) == set()


def test_the_list_never_counts_what_is_hidden(client, w):
    raised(w, by="nell", to="sam")
    html = read(client, w.aisha, "/disagreements/")
    assert "1 disagreement" not in html
    assert "There is no disagreement that you take part in" in html
    assert "Northshire Health Trust" not in html


def test_the_list_is_narrowed_by_state(client, w):
    ended, still_open = resolved(w), raised(w)
    assert references(client, w.aisha, "?state=open") == {still_open.reference}
    assert references(client, w.aisha, "?state=ended") == {ended.reference}
    assert references(client, w.aisha, "?state=overdue") == set()
    with time_machine.travel(timezone.now() + dt.timedelta(days=30), tick=True):
        assert references(client, w.aisha, "?state=overdue") == {still_open.reference}


def test_the_list_is_narrowed_by_stage_and_agency(client, w):
    front_door, health = answered(w), raised(w, to="nell")
    at_managers = factories.at_line_managers(w)
    assert references(client, w.aisha, "?stage=line_manager") == {at_managers.reference}
    agency = w.teams["health"].agency
    assert references(client, w.aisha, f"?agency={agency.pk}") == {health.reference}
    assert front_door.reference in references(client, w.aisha, "?stage=practitioner")


def test_a_reference_is_found_however_it_is_typed(client, w):
    wanted = raised(w)
    raised(w)
    for typed in (wanted.reference, wanted.reference.lower(), wanted.reference.replace("-", ""), wanted.reference[:6]):
        assert find(client, w.aisha, text=typed)[1] == {wanted.reference}


def test_a_child_is_found_by_how_the_pseudonym_begins_and_is_never_in_the_address(client, w):
    d = raised(w)
    address, found = find(client, w.aisha, text="as")
    assert found == {d.reference}
    address, found = find(client, w.aisha, text="Ashley", state="open")
    assert found == set()
    assert "Ash" not in address
    assert "state=open" in address
    assert 'value="Ashley"' in client.get(address).content.decode()


def test_words_that_stand_in_an_address_are_not_looked_for(client, w):
    raised(w)
    assert 'value="Ash"' not in read(client, w.aisha, "/disagreements/?text=Ash")


def test_auditors_narrow_by_date_and_others_cannot(client, w):
    d = raised(w)
    today = timezone.localdate()
    asked = {f"raised_from_{part}": getattr(today, part) for part in ("day", "month", "year")}
    assert find(client, w.auditor, **asked)[1] == {d.reference}
    tomorrow = today + dt.timedelta(days=1)
    asked = {f"raised_from_{part}": getattr(tomorrow, part) for part in ("day", "month", "year")}
    assert find(client, w.auditor, **asked)[1] == set()
    assert "Raised from" not in read(client, w.aisha, "/disagreements/")


@pytest.mark.parametrize(
    "asked",
    [
        {"state": "<script>"},
        {"stage": "recognition"},
        {"agency": "not-an-agency"},
        {"text": "x" * 100_000},
        {"text": "a\x00b"},
        {"raised_from_day": "31", "raised_from_month": "2", "raised_from_year": "2026"},
        BACKWARDS,
    ],
)
def test_what_cannot_be_looked_for_is_said_at_the_field(client, w, asked):
    client.force_login(w.auditor)
    for answer in (client.post("/disagreements/", asked), client.get("/disagreements/", asked if "text" not in asked else {})):
        assert answer.status_code == 200
    html = client.post("/disagreements/", asked).content.decode()
    assert "There is a problem" in html
    assert "<script>" not in html.split("<main")[1]


@pytest.mark.parametrize("page", ["0", "-1", "999", "x", ""])
def test_a_page_that_is_not_there_shows_one_that_is(client, w, page):
    raised(w)
    assert len(references(client, w.aisha, f"?page={page}")) == 1


def test_the_list_has_pages_and_as_many_queries_for_many_as_for_one(client, w, monkeypatch):
    def queries():
        client.get("/disagreements/")
        with CaptureQueriesContext(connection) as captured:
            client.get("/disagreements/")
        return len(captured)

    monkeypatch.setattr("escalation.listing.PER_PAGE", 3)
    client.force_login(w.aisha)
    raised(w)
    before = queries()
    for _ in range(4):
        raised(w)
    assert queries() == before
    assert len(references(client, w.aisha)) == 3
    assert len(references(client, w.aisha, "?page=2")) == 2
    assert "page=2" in read(client, w.aisha, "/disagreements/")


def test_open_ones_come_first_by_when_they_are_due(client, w):
    ended = resolved(w)
    later, sooner = raised(w), raised(w)
    due_in(later, 3)
    due_in(sooner, 1)
    rows = open_as(client, w.aisha, "/disagreements/").context["rows"]
    assert [d.reference for d, _ in rows] == [sooner.reference, later.reference, ended.reference]


def test_the_desk_and_the_page_say_the_same_of_whose_move_it_is(client, w):
    d = with_the_chair(w)
    for person in (w.ian, w.hal, w.chair, w.office, w.aisha):
        with acting_as(person):
            found = Disagreement.objects.visible_to(person).get(pk=d.pk)
            mine = desk.say_turn(found, found.standing.actor(person)).mine
        made = laid_out(client, person)
        assert bool(made.to_do or made.referrals) == mine


def test_what_was_looked_for_is_forgotten_with_the_next_search(client, w):
    raised(w)
    client.force_login(w.aisha)
    client.post("/disagreements/", {"text": "Ash"})
    assert client.session["looked_for"] == "Ash"
    client.post("/disagreements/", {"state": "open"})
    assert "looked_for" not in client.session
