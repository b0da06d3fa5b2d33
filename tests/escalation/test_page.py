"""The disagreement page: what each person finds at each stage, exactly the moves open to them, and the whole record."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import User
from audit.models import Trace
from disputes.models import Disagreement
from escalation import words
from tests import factories
from tests.factories import World, move
from tests.sameness import same

pytestmark = pytest.mark.django_db


@pytest.fixture
def w() -> World:
    return factories.world()


def address(d: Disagreement) -> str:
    return f"/disagreements/{d.reference}/"


def page(client: Client, d: Disagreement, by: User, query: str = "") -> str:
    client.force_login(by)
    answer = client.get(address(d) + query)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def without_token(answer: Any) -> str:
    return same(answer.content.decode())


def offered(html: str, d: Disagreement) -> set[str]:
    """The moves that the page links to, by name."""
    slugs = set(re.findall(rf'href="/disagreements/{d.reference}/([a-z-]+)/"', html)) - {
        "who-can-see",
        "our-notes",
        "with-the-chair",
        "thanks",
        "versions",
    }  # pages, not moves
    return {"answer_closing_questions" if slug == "closing-questions" else slug.replace("-", "_") for slug in slugs}


def moved(*names: tuple[str, str], start: Callable[[World], Disagreement]) -> Callable[[World], Disagreement]:
    def make(w: World) -> Disagreement:
        d = start(w)
        for name, by in names:
            move(d, name, w.person(by))
        return d

    return make


STAGES: dict[str, Callable[[World], Disagreement]] = {
    "raised": factories.raised,
    "answered": factories.answered,
    "at line managers": factories.at_line_managers,
    "up the line": factories.up_the_line,
    "with the chair": factories.with_the_chair,
    "chair accepted": moved(("accept_mediation", "chair"), start=factories.with_the_chair),
    "chair declined": moved(("decline_mediation", "chair"), start=factories.with_the_chair),
    "resolved": factories.resolved,
    "withdrawn": moved(("withdraw", "aisha"), start=factories.answered),
}
PEOPLE = ("aisha", "sam", "grace", "mona", "ian", "hal", "chair", "office", "auditor", "stranger", "nell")


@pytest.mark.parametrize("stage", STAGES)
def test_each_person_finds_exactly_the_moves_open_to_them(w: World, client: Client, stage: str) -> None:
    d = STAGES[stage](w)
    seen = set()
    for name in PEOPLE:
        person = w.person(name)
        with acting_as(person):
            visible = Disagreement.objects.visible_to(person).filter(pk=d.pk).exists()
            fresh = factories.fresh(d.pk) if visible else None
            open_now = {one.name for one in fresh.open_moves(fresh.standing.actor(person))} if fresh else set()
        if fresh is None:
            client.force_login(person)
            assert client.get(address(d)).status_code == 404, name
            continue
        seen.add(name)
        html = page(client, d, person)
        assert offered(html, d) == open_now, name
        buttons = re.findall(r'class="govuk-button[ "]', html.split('class="accord-move__body"')[1].split("</section>")[0])
        assert len(buttons) <= 3
    assert {"aisha", "sam", "auditor"} <= seen
    assert not {"stranger", "nell"} & seen


@pytest.mark.parametrize(
    ("stage", "mine", "who"),
    [
        ("raised", "sam", "Sam"),
        ("answered", "aisha", "Aisha"),
        ("at line managers", "mona", "Mona"),
        ("up the line", "hal", "Hal"),
        ("with the chair", "chair", "Chair"),
        ("chair declined", "ian", "Ian"),
    ],
)
def test_the_panel_says_whose_move_it_is_and_by_when(w: World, client: Client, stage: str, mine: str, who: str) -> None:
    d = STAGES[stage](w)
    html = page(client, d, w.person(mine))
    assert "Your move" in html
    assert re.search(r"by \w+day \d+ \w+, ", html)
    assert "How this date is worked out" in html
    assert "is assumed" in html
    other = page(client, d, w.auditor)
    assert "Their move" in other
    assert who in other.split("accord-move__ask")[1].split("</p>")[0]
    assert re.search(r"Asked on \d+ \w+ \d{4}", other)


def test_the_main_move_of_the_panel_is_its_first_and_only_strong_button(w: World, client: Client) -> None:
    d = factories.at_line_managers(w)
    panel = page(client, d, w.mona).split('class="accord-move__body"')[1].split("</section>")[0]
    buttons = re.findall(r'<a[^>]*class="(govuk-button[^"]*)"[^>]*>([^<]*)<', panel)
    assert buttons[0] == ("govuk-button", "Answer")
    assert all("secondary" in css for css, _label in buttons[1:])


def test_the_identity_bar_says_what_it_is_about(w: World, client: Client) -> None:
    d = factories.at_line_managers(w)
    html = page(client, d, w.aisha)
    bar = html.split("accord-identity")[1:]
    said = " ".join(bar)
    assert d.reference in said
    assert "Ash (5 to 10)" in said
    assert "Thresholds" in said
    assert said.index("Hill Lane Primary School") < said.index("Children's Social Care")
    assert "Stage 2 of 4: Line manager or adviser to opposite number" in said
    assert "days left" in said


def test_the_reference_is_found_in_small_letters(w: World, client: Client) -> None:
    d = factories.raised(w)
    client.force_login(w.aisha)
    assert client.get(address(d).lower()).status_code == 200


def test_hidden_and_absent_are_the_same_404(w: World, client: Client) -> None:
    d = factories.raised(w)
    client.force_login(w.stranger)
    for tail in ("", "who-can-see/", "answer/"):
        hidden = client.get(address(d) + tail)
        absent = client.get("/disagreements/ZZZZ-ZZZZ/" + tail)
        assert hidden.status_code == absent.status_code == 404
        assert without_token(hidden) == without_token(absent)


@pytest.mark.parametrize("reference", ["%00", "a%00b", "x" * 500, "%F0%9F%91%A9", "..", "K7PM%203XQD"])
def test_odd_references_are_404(w: World, client: Client, reference: str) -> None:
    client.force_login(w.aisha)
    assert client.get(f"/disagreements/{reference}/").status_code == 404


def test_without_a_sign_in_nothing_is_shown(w: World, client: Client) -> None:
    d = factories.raised(w)
    answer = client.get(address(d))
    assert answer.status_code == 302
    assert "sign-in" in answer["Location"]


def test_an_excluded_person_finds_nothing(w: World, client: Client) -> None:
    d = factories.raised(w)
    with acting_as(w.aisha):
        factories.exclude(partnership=w.partnership, disagreement=d, person=w.auditor)
    client.force_login(w.auditor)
    assert client.get(address(d)).status_code == 404
    said = page(client, d, w.aisha, "who-can-see/")
    assert "Exclu" not in said
    assert "Auditor" not in said


def test_immediate_risk_is_said_first(w: World, client: Client) -> None:
    d = factories.raised(w)
    move(d, "say_child_at_immediate_risk", w.aisha, child_safe="no", risk="No food", done_first="999")
    html = page(client, d, w.sam)
    assert html.index("said to be at immediate risk") < html.index("Your move")
    assert "01632 960001" in html


def test_the_last_answer_about_the_childs_safety_is_shown_with_who_and_when(w: World, client: Client) -> None:
    d = factories.raised(w)
    move(d, "match_child", w.sam, references={1: "SC-9"}, child_safe="unsure")
    facts = page(client, d, w.aisha).split('class="accord-facts"')[1].split("</dl>")[0]
    assert "I am not sure" in facts
    assert "Sam, Practitioner" in facts


def test_the_two_views_stand_side_by_side_with_later_positions(w: World, client: Client) -> None:
    d = factories.up_the_line(w)
    move(d, "answer", w.hal, view="HAL'S VIEW")
    move(d, "ask_the_chair", w.ian, our_position="IAN'S POSITION")
    views = page(client, d, w.aisha).split('id="views-title"')[1].split('class="accord-section"')[0]
    school, care = views.split("accord-views__view")[1:3]
    assert "Two terms of neglect" in school
    assert "IAN'S POSITION" in school
    assert "HAL'S VIEW" in care
    assert "Below the threshold" not in views  # an earlier answer: in the record, not among the views


def test_the_chair_sees_both_positions_until_accepting_and_then_the_whole_record(w: World, client: Client) -> None:
    d = factories.at_line_managers(w)
    move(d, "record_discussion", w.grace, said="ONLY FOR THE SIDES")
    move(d, "answer", w.mona, view="MONA'S VIEW")
    move(d, "pass_up_the_line", w.grace)
    move(d, "answer", w.hal, view="HAL'S VIEW")
    move(d, "ask_the_chair", w.ian, our_position="IAN'S POSITION")
    html = page(client, d, w.chair)
    assert "You see what each side says" in html
    assert "ONLY FOR THE SIDES" not in html
    for position in ("Two terms of neglect", "HAL'S VIEW", "IAN'S POSITION"):
        assert position in html
    move(d, "accept_mediation", w.chair)
    html = page(client, d, w.chair)
    assert "ONLY FOR THE SIDES" in html
    assert "You see what each side says" not in html


def test_an_auditor_reads_everything_and_is_offered_nothing(w: World, client: Client) -> None:
    d = factories.resolved(w)
    html = page(client, d, w.auditor)
    assert offered(html, d) == set()
    assert "as an auditor" in html
    assert "No new facts" in html
    assert "Ours only" not in html


def test_reading_is_kept_in_the_trail(w: World, client: Client) -> None:
    d = factories.raised(w)
    page(client, d, w.sam)
    with acting_as(w.sam):
        trace = Trace.objects.get(kind="read", disagreement_id=d.pk)
    assert (trace.what, trace.person_id, trace.partnership_id) == ("disagreement", w.sam.pk, w.partnership.pk)


# ── the agreed outcome and the end ──────────────────────────────────────────────────────────────────────────────────


def test_the_outcome_shows_its_version_issues_and_who_has_confirmed(w: World, client: Client) -> None:
    d = factories.answered(w)
    with acting_as(w.sam):
        seat = d.seats.get(person=w.sam)
    day = timezone.localdate() + dt.timedelta(days=3)
    facts = {"issues": [{"owner_side": str(seat.side_id), "owner": str(w.sam.pk), "due_on": day.isoformat()}]}
    move(d, "propose_outcome", w.sam, facts=facts, outcome="A joint visit", issue_1="Share the notes")
    said = page(client, d, w.aisha).split('id="outcome-title"')[1].split("</section>")[0]
    assert "Version 1" in said
    assert "A joint visit" in said
    assert "Share the notes" in said
    assert "Sam, Children's Social Care, Front door" in re.sub(r"<[^>]+>", "", said)
    assert re.search(r"Not confirmed</strong>\s+Hill Lane", said)
    assert re.search(r">Confirmed</strong>\s+<span[^>]*><span[^>]*>Sam</span>", said)


def test_a_confirmation_recorded_for_a_side_waits_for_the_office(w: World, client: Client) -> None:
    d = factories.raised(w, to="surgery")
    with acting_as(w.aisha):
        other = d.standing.turn.for_sides[0]
    move(d, "record_answer_for", w.aisha, recorded_for=other.pk, view="x")
    factories.agreed(d, w.aisha)
    move(d, "record_confirmation_for", w.aisha, recorded_for=other.pk)
    html = page(client, d, w.aisha)
    assert "waits for the office to countersign" in html
    assert "recorded for Mill Street Surgery" in html


def test_the_raiser_is_asked_whether_the_child_is_still_at_risk_after_the_managers_agreed(w: World, client: Client) -> None:
    d = factories.at_line_managers(w)
    move(d, "answer", w.mona)
    factories.agreed(d, w.mona)
    move(d, "confirm_outcome", w.grace)
    html = page(client, d, w.aisha)
    assert "Do you still believe the child is at risk of significant harm?" in html
    channel = "The safeguarding lead of the agency where the concern is held"
    move(d, "say_still_at_risk", w.aisha, facts={"still_at_risk": True, "channel": channel})
    html = page(client, d, w.aisha)
    ended = html.split('id="ending-title"')[1].split("</section>")[0]
    assert "Grace confirmed the outcome in writing" in ended
    assert channel in ended
    assert "Answer the closing questions for your side" in html


def test_an_ended_disagreement_says_so_to_those_who_are_asked_nothing(w: World, client: Client) -> None:
    d = factories.resolved(w)
    html = page(client, d, w.auditor)
    assert "accord-move--closed" in html
    assert "both sides confirmed the same outcome" in html


# ── the record ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_record_is_newest_first_and_says_who_for_whom_and_when(w: World, client: Client) -> None:
    d = factories.raised(w, told_at=(timezone.now() - dt.timedelta(days=3)).isoformat())
    factories.stand_in(w.posts["sam"], w.nell)
    move(d, "match_child", w.nell, references={1: "SC-9"})
    earlier = timezone.now() - dt.timedelta(hours=30)
    move(d, "record_discussion", w.aisha, happened_at=earlier, said="We spoke", facts={"how": "phone"})
    html = page(client, d, w.sam)
    record = html.split('id="record"')[2] if html.count('id="record"') > 1 else html.split('id="record"')[1]
    assert record.index("Aisha recorded a discussion") < record.index("Nell said they know") < record.index("Aisha raised it")
    assert "for Sam" in record
    assert re.search(r"recorded \d+ \w+ \d{4}", record)
    assert "How they spoke: <strong><bdi>By phone" in record
    assert "entry 3" in record


def test_a_correction_stands_beside_the_entry_it_corrects(w: World, client: Client) -> None:
    d = factories.answered(w)
    with acting_as(w.aisha):
        entry = d.entries.get(kind="answer")
    move(d, "correct_entry", w.aisha, corrects=entry.pk, facts={"sort": "time_disputed"}, correction="IT WAS ON MONDAY")
    html = page(client, d, w.sam)
    beside = html.split(f'id="entry-{entry.number}"')[1].split("accord-timeline__item")[0]
    assert "IT WAS ON MONDAY" in beside
    assert "happened at another time" in beside
    assert f"about entry {entry.number}" in html


def test_only_ours_leaves_the_other_sides_entries_out(w: World, client: Client) -> None:
    d = factories.answered(w)
    html = page(client, d, w.sam, "?side=ours").split('<ol class="accord-timeline"')[1]
    assert "Sam answered" in html
    assert "Aisha raised it" not in html


def test_a_long_record_is_paged(w: World, client: Client) -> None:
    d = factories.raised(w)
    many(d, w, 55)
    first = page(client, d, w.aisha)
    assert first.count('id="entry-') == 50
    second = page(client, d, w.aisha, "?page=2")
    assert second.count('id="entry-') == 6
    assert "Aisha raised it" in second.split('<ol class="accord-timeline"')[1]
    assert page(client, d, w.aisha, "?page=x&side=%00").count('id="entry-') == 50


def many(d: Disagreement, w: World, number: int) -> None:
    for n in range(number):
        move(d, "add_note", (w.aisha, w.sam)[n % 2], note=f"Note {n}", facts={"about": "other"})


def test_the_number_of_queries_does_not_grow_with_the_record(w: World, client: Client) -> None:
    small, large = factories.at_line_managers(w), factories.at_line_managers(w)
    for d in (small, large):
        with acting_as(w.sam):
            entry = d.entries.get(kind="answer")
        move(d, "correct_entry", w.sam, corrects=entry.pk, correction="x", facts={"sort": "correction"})
    many(large, w, 45)
    with acting_as(w.sam):
        entry = large.entries.filter(kind="add_note").first()
    for _ in range(5):
        move(large, "correct_entry", w.sam, corrects=entry.pk, correction="x", facts={"sort": "correction"})
    client.force_login(w.mona)
    counts = []
    for d in (small, large):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address(d)).status_code == 200
        counts.append(len(queries))
    assert counts[1] <= counts[0]  # the sending, whose places are named, stands on the last page of a long record
    assert counts[0] <= 35, "\n".join(query["sql"][:160] for query in queries)


def test_every_kind_of_entry_has_its_sentence() -> None:
    assert set(words.KINDS) == set(Disagreement.move_names()) | {"send"}


def test_facts_with_ids_are_named(w: World, client: Client) -> None:
    d = factories.raised(w)
    move(d, "pass_on", w.sam, facts={"team": str(w.teams["health"].pk), "post": str(w.posts["nell"].pk)}, reason="Not ours")
    html = page(client, d, w.aisha)
    assert "Passed to: <strong><bdi>Northshire Health Trust, Health visiting" in html
    assert "Nell, Practitioner, Northshire Health Trust" in html
    move(d, "bring_in_support", w.aisha, facts={"post": str(w.posts["zoe"].pk)})
    assert "Zoe, Teacher" in page(client, d, w.aisha)


def test_unknown_ids_in_facts_break_nothing(w: World, client: Client) -> None:
    d = factories.raised(w)
    move(d, "add_note", w.aisha, note="x", facts={"post": str(uuid.uuid4()), "team": str(uuid.uuid4()), "about": "nonsense"})
    assert "Aisha added to the record" in page(client, d, w.aisha)


# ── who can see this ────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_can_see_lists_seats_stand_ins_and_auditors(w: World, client: Client) -> None:
    d = factories.with_the_chair(w)
    factories.stand_in(w.posts["mona"], w.rita)
    html = page(client, d, w.aisha, "who-can-see/")
    for said in (
        "Aisha",
        "Raised it",
        "Mona",
        "Line manager or adviser",
        "sees both positions only",
        "Auditor of the partnership",
        "since ",
    ):
        assert said in html
    assert re.search(r"Rita</span>.*?Stands in for Mona", html, re.DOTALL)
    assert "Stranger" not in html.split("<main")[1]


def test_after_it_was_passed_on_the_former_teams_words_stand_under_nobody_elses_name(w: World, client: Client) -> None:
    d = factories.resolved(w)
    move(d, "reopen", w.aisha, not_delivered="No assessment")
    move(d, "pass_on", w.sam, facts={"team": str(w.teams["health"].pk), "post": str(w.posts["nell"].pk)}, reason="Theirs now")
    html = page(client, d, w.aisha)
    views = html.split('class="accord-views"')[1].split('class="accord-section"')[0]
    assert "Northshire Health Trust" in views
    assert "No answer yet" in views
    assert "Below the threshold" not in views
    assert "Below the threshold" in html  # in the record
    move(d, "match_child", w.nell, references={1: "H-2"})
    move(d, "answer", w.nell, view="NELL'S VIEW")
    assert "NELL'S VIEW" in page(client, d, w.aisha).split('class="accord-views"')[1].split('class="accord-section"')[0]


def test_a_step_below_the_one_at_which_it_began_is_not_said_to_be_done(w: World, client: Client) -> None:
    d = factories.raised(w, at_immediate_risk=True, start_higher=True)
    steps = page(client, d, w.aisha).split('class="accord-ladder"')[1].split("</ol>")[0].split("</li>")
    assert "Started higher" in steps[0]
    assert "Done" not in steps[0]
    assert "Now" in steps[1]
    d = factories.at_line_managers(w)
    assert "Started higher" not in page(client, d, w.aisha)


def test_the_last_word_of_each_side_on_the_childs_safety_stands(w: World, client: Client) -> None:
    d = factories.raised(w)
    move(d, "add_note", w.aisha, child_safe="unsure")
    move(d, "match_child", w.sam, references={1: "SC-9"}, child_safe="yes")
    facts = page(client, d, w.aisha).split('<dl class="accord-facts">')[-1].split("</dl>")[0]
    assert facts.count("Is the child safe now?") == 2
    assert facts.index("Yes, as far as I know") < facts.index("Said by Sam") < facts.index("I am not sure") < facts.index("Said by Aisha")


def test_once_it_has_ended_no_answer_is_awaited(w: World, client: Client) -> None:
    d = factories.raised(w)
    assert "No answer yet." in page(client, d, w.aisha)
    move(d, "withdraw", w.aisha, reason="Sorted out")
    html = page(client, d, w.aisha)
    assert "No answer yet." not in html
    assert "It ended without an answer in writing." in html
