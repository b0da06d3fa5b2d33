"""Raising a disagreement, page by page: nothing typed is lost, nothing is sent twice, drafts are private."""

import datetime as dt
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape

from accounts.acting import acting_as
from accounts.models import Membership, Partnership, Post, User
from disputes.models import ChildReference, Disagreement, Draft, DraftReader, Text
from disputes.stages import Stage
from escalation import raising_forms
from escalation.models import Notice
from procedure.models import Policy
from tests import factories

SLUGS = list(raising_forms.BY_SLUG)


@pytest.fixture
def w(db):
    return factories.world()


@pytest.fixture
def aisha(client, w):
    client.force_login(w.aisha)
    return client


def as_person(person):
    client = Client()
    client.force_login(person)
    return client


def begun(client):
    """The id of a draft that this client has just begun."""
    answer = client.post("/disagreements/new/")
    assert answer.status_code == 302, answer.content.decode()
    return answer.url.split("/")[3]


def url(draft, page):
    return f"/disagreements/new/{draft}/{page}/"


def drafts(person):
    with acting_as(person):
        return list(Draft.objects.filter(author=person))


def answers(w, **changes):
    """What a person posts on each page, in order."""
    pages = {
        "right-procedure": {"procedure": "none"},
        "children": {"pseudonym_1": "Ash", "age_band_1": "5_10", "reference_1": "S-17", "child_says": "I do not want to go home"},
        "what": {
            "decision": "The referral was closed",
            "category": "thresholds",
            "decided_on_day": "1",
            "decided_on_month": "3",
            "decided_on_year": "2026",
        },
        "why": {"why_unsafe": "Two terms of neglect", "outcome_wanted": "An assessment"},
        "safe-now": {"risk": "unsure"},
        "who": {"team": str(w.teams["social_care"].pk)},
        "who-there": {"place": str(w.posts["sam"].pk)},
        "support": {"consulted": "Grace agrees", "supporters": [str(w.posts["zoe"].pk)]},
    }
    for slug, given in changes.items():
        pages[slug.replace("_", "-")] = given
    return pages


ORDER = {slug: number for number, slug in enumerate(SLUGS)}


def filled(client, w, **changes):
    """A draft with every question answered, following the pages as they send one on."""
    draft = begun(client)
    pages = answers(w, **changes)
    for slug in sorted(pages, key=ORDER.__getitem__):
        answer = client.post(url(draft, slug), pages[slug])
        assert answer.status_code == 302, (slug, answer.content.decode())
    assert answer.url == url(draft, "check")
    return draft


def sent(client, w, **changes):
    draft = filled(client, w, **changes)
    answer = client.post(url(draft, "check"))
    assert answer.status_code == 302, answer.content.decode()
    return draft, answer.url


# ── the start page


def test_the_start_page_puts_the_emergency_first_and_says_what_it_needs(aisha):
    html = aisha.get("/disagreements/new/").content.decode()
    assert html.index("999") < html.index("about five minutes")
    assert "01632 960001" in html
    assert "01632 960002" in html
    assert "whatever their post or rank" in html


def test_beginning_makes_a_draft_and_asks_the_first_question(aisha, w):
    answer = aisha.post("/disagreements/new/", follow=True)
    assert "Question 1 of 7" in answer.content.decode()
    [draft] = drafts(w.aisha)
    assert (draft.post, draft.partnership) == (w.posts["aisha"], w.partnership)


def test_beginning_twice_takes_up_the_empty_draft(aisha, w):
    assert begun(aisha) == begun(aisha)
    assert len(drafts(w.aisha)) == 1


def test_a_person_without_a_post_is_told_kindly(w):
    client = as_person(w.stranger)
    assert "You need a post to raise one from" in client.get("/disagreements/new/").content.decode()
    assert "You need a post to raise one from" in client.post("/disagreements/new/").content.decode()
    assert drafts(w.stranger) == []


def test_a_person_with_two_posts_is_asked_from_which(aisha, w):
    with factories.as_set_up():
        other = Post.objects.create(team=w.teams["health"], holder=w.aisha, title="Governor", level=0)
    aisha.force_login(User.objects.get(pk=w.aisha.pk))  # another right ends every session
    unanswered = aisha.post("/disagreements/new/").content.decode()
    assert "There is a problem" in unanswered
    assert "Governor" in unanswered
    assert "Choose one of the answers" in aisha.post("/disagreements/new/", {"place": "\x00nonsense"}).content.decode()
    aisha.post("/disagreements/new/", {"place": f"{other.pk}:{w.partnership.pk}"})
    assert [draft.post for draft in drafts(w.aisha)] == [other]


def test_an_agency_in_two_partnerships_is_asked_for_which(aisha, w):
    second = factories.world("westmere")  # the same agencies sit in both
    html = aisha.post("/disagreements/new/").content.decode()
    assert "Westmere Safeguarding Children Partnership" in html
    aisha.post("/disagreements/new/", {"place": f"{w.posts['aisha'].pk}:{second.partnership.pk}"})
    assert [draft.partnership for draft in drafts(w.aisha)] == [second.partnership]


def test_a_partnership_without_a_policy_in_force_is_not_offered(aisha, w):
    with factories.as_set_up():
        unruled = Partnership.objects.create(slug="new", name="New", front_door="1", out_of_hours="2")
        Membership.objects.create(partnership=unruled, agency=w.teams["school"].agency)
        Policy.objects.create(
            partnership=unruled, version=1, in_force_from=timezone.now() + dt.timedelta(days=9), text=factories.shipped_chapter()
        )
    begun(aisha)
    assert [draft.partnership for draft in drafts(w.aisha)] == [w.partnership]


# ── the whole way


def test_a_disagreement_is_raised_page_by_page_and_sent(aisha, w):
    _, confirmation = sent(aisha, w)
    with acting_as(w.aisha):
        [d] = Disagreement.objects.all()
        assert confirmation == f"/disagreements/{d.reference}/sent/"
        assert (d.stage, d.category, d.at_immediate_risk) == (Stage.PRACTITIONER, "thresholds", False)
        seats = {(seat.person.name, seat.capacity) for seat in d.seats.select_related("person")}
        assert seats == {("Aisha", "raiser"), ("Sam", "responder"), ("Zoe", "supporter")}
        [entry] = d.entries.all()
        assert entry.child_safe == "unsure"
        assert entry.facts["decided_on"] == "2026-03-01"
        words = {text.field: text.value for text in Text.objects.filter(entry=entry)}
        assert words == {
            "decision": "The referral was closed",
            "why_unsafe": "Two terms of neglect",
            "outcome_wanted": "An assessment",
            "child_says": "I do not want to go home",
            "consulted": "Grace agrees",
        }
        assert [str(child) for child in d.children.all()] == ["Ash (5 to 10)"]
        assert [reference.reference for reference in ChildReference.objects.all()] == ["S-17"]
    for person, rules in ((w.sam, {"your_move", "before_1", "at", "after_1", "chaser"}), (w.zoe, {"told"})):
        with acting_as(person):
            assert set(Notice.objects.filter(person=person).values_list("rule", flat=True)) == rules
    assert drafts(w.aisha) == []


def test_the_confirmation_says_reference_who_was_told_and_by_when(aisha, w):
    _, confirmation = sent(aisha, w)
    html = aisha.get(confirmation).content.decode()
    reference = confirmation.split("/")[2]
    assert f"<strong>{reference}</strong>" in html
    assert "Sam" in html
    assert "Zoe" in html
    assert "answer is due by" in html
    assert "assumed" in html
    assert f'href="/disagreements/{reference}/"' in html
    assert "print this page" in html


def test_the_confirmation_is_for_the_person_who_raised_it_alone(aisha, w):
    _, confirmation = sent(aisha, w)
    assert as_person(w.sam).get(confirmation).status_code == 404
    assert as_person(w.nell).get(confirmation).status_code == 404
    assert aisha.get("/disagreements/ZZZZ-ZZZZ/sent/").status_code == 404


def test_sending_twice_answers_with_the_same_confirmation(aisha, w):
    draft, confirmation = sent(aisha, w)
    assert aisha.post(url(draft, "check")).url == confirmation
    assert aisha.get(url(draft, "check")).url == confirmation
    assert aisha.get(url(draft, "why")).url == confirmation
    with acting_as(w.aisha):
        assert Disagreement.objects.count() == 1


def test_two_sendings_at_once_make_one_disagreement(committed_db):
    w = factories.world()
    first, second = as_person(w.aisha), as_person(w.aisha)
    draft = filled(first, w)

    def send(client):
        try:
            return client.post(url(draft, "check")).url
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as threads:
        confirmations = set(threads.map(send, (first, second)))
    assert len(confirmations) == 1
    with acting_as(w.aisha):
        assert Disagreement.objects.count() == 1


def test_a_question_answered_after_sending_gives_the_words_back(aisha, w):
    draft, _ = sent(aisha, w)
    answer = aisha.post(url(draft, "why"), {"why_unsafe": "A late thought", "outcome_wanted": ""})
    assert answer.status_code == 404
    assert "You have sent this already" in answer.content.decode()
    assert "A late thought" in answer.content.decode()


def test_the_check_page_shows_the_answers_who_is_told_and_by_when(aisha, w):
    draft = filled(aisha, w)
    html = aisha.get(url(draft, "check")).content.decode()
    for said in (
        "Ash, 5 to 10, your reference S-17",
        "The referral was closed",
        "1 March 2026",
        "Thresholds",
        "Children&#x27;s Social Care, Front door",
        "Sam, Practitioner",
        "Zoe, Teacher",
        "asked to answer",
        "at your side",
        "2 working days",
        "assumed",
        "Send the disagreement",
    ):
        assert said in html, said


def test_a_change_link_returns_to_the_check_page(aisha, w):
    draft = filled(aisha, w)
    assert f'href="{url(draft, "why")}?back=check"' in aisha.get(url(draft, "check")).content.decode()
    answer = aisha.post(url(draft, "why") + "?back=check", {"why_unsafe": "Three terms", "outcome_wanted": "A visit"})
    assert answer.url == url(draft, "check")
    assert "Three terms" in aisha.get(answer.url).content.decode()


def test_another_team_asks_again_who_there_before_returning(aisha, w):
    draft = filled(aisha, w)
    answer = aisha.post(url(draft, "who") + "?back=check", {"team": str(w.teams["health"].pk)})
    assert answer.url == url(draft, "who-there") + "?back=check"
    assert "Choose the person" in aisha.post(url(draft, "check")).content.decode()
    assert aisha.post(answer.url, {"place": str(w.posts["nell"].pk)}).url == url(draft, "check")


def test_what_is_missing_is_named_with_a_link_and_not_sent(aisha, w):
    draft = begun(aisha)
    aisha.post(url(draft, "why"), {"why_unsafe": "Because", "outcome_wanted": "", "save": "later"})
    looked = aisha.get(url(draft, "check")).content.decode()
    assert "Before you can send it" in looked
    assert "Send the disagreement" not in looked
    html = aisha.post(url(draft, "check")).content.decode()
    assert "There is a problem" in html
    assert f'href="{url(draft, "why")}?back=check">Enter the outcome you want for the child</a>' in html
    assert f'href="{url(draft, "what")}?back=check">' in html
    with acting_as(w.aisha):
        assert not Disagreement.objects.exists()


# ── question by question


def test_save_and_come_back_keeps_an_unfinished_page_and_resumes_there(aisha, w):
    draft = begun(aisha)
    aisha.post(url(draft, "right-procedure"), {"procedure": "none"})
    aisha.post(url(draft, "children"), {"pseudonym_1": "Ash", "age_band_1": "5_10"})
    answer = aisha.post(url(draft, "what"), {"decision": "Half a thought", "decided_on_day": "3", "save": "later"}, follow=True)
    html = answer.content.decode()
    assert "Saved" in html
    assert "2 of 7 questions answered" in html
    assert f'href="{url(draft, "what")}"' in html
    again = aisha.get(url(draft, "what")).content.decode()
    assert "Half a thought" in again
    assert 'name="decided_on_day" type="text" inputmode="numeric" value="3"' in again
    assert "There is a problem" not in again


def test_a_signpost_says_where_it_goes_and_keeps_every_word(aisha, w):
    draft = begun(aisha)
    aisha.post(url(draft, "why"), {"why_unsafe": "Because", "outcome_wanted": "A visit"})
    answer = aisha.post(url(draft, "right-procedure"), {"procedure": "conference_dissent"}, follow=True)
    html = answer.content.decode()
    assert "Initial Child Protection Conferences" in html
    assert "NB to 23.18" in html
    kept = aisha.post(url(draft, "elsewhere"), {"save": "later"}, follow=True).content.decode()
    assert f'href="{url(draft, "elsewhere")}"' in kept
    assert aisha.post(url(draft, "elsewhere"), {"go_on": "on"}).url == url(draft, "children")
    assert "Because" in aisha.get(url(draft, "why")).content.decode()


@pytest.mark.parametrize("signpost", ["conference_dissent", "complaint", "allegation"])
def test_it_can_still_be_sent_after_every_signpost(aisha, w, signpost):
    sent(aisha, w, right_procedure={"procedure": signpost}, elsewhere={"go_on": "on"})


def test_several_children_can_be_added_and_taken_out(aisha, w):
    draft = begun(aisha)
    page = url(draft, "children")
    one = {"pseudonym_1": "Ash", "age_band_1": "5_10", "reference_1": "S-1"}
    assert aisha.post(page, one | {"add": "child"}).url == page
    html = aisha.get(page).content.decode()
    assert "Remove child 2" in html
    assert 'value="Ash"' in html
    aisha.post(page, one | {"pseudonym_2": "Bo", "age_band_2": "under_1", "add": "child"})
    aisha.post(page, one | {"pseudonym_2": "Bo", "age_band_2": "under_1", "pseudonym_3": "Cy", "age_band_3": "11_15", "remove": "1"})
    html = aisha.get(page).content.decode()
    assert 'value="Ash"' not in html
    assert "Remove child 3" not in html
    assert html.index('value="Bo"') < html.index('value="Cy"')


def test_no_more_than_eight_children(aisha, w):
    draft = begun(aisha)
    given = {f"pseudonym_{n}": f"Child {n}" for n in range(1, 30)} | {f"age_band_{n}": "1_4" for n in range(1, 30)}
    aisha.post(url(draft, "children"), given | {"add": "child"})
    html = aisha.get(url(draft, "children")).content.decode()
    assert "Remove child 8" in html
    assert "Remove child 9" not in html
    assert "Add another child" not in html


def test_a_disagreement_about_two_children_is_sent_with_both(aisha, w):
    children = {"pseudonym_1": "Ash", "age_band_1": "5_10", "pseudonym_2": "Bo", "age_band_2": "under_1", "reference_2": "S-2"}
    sent(aisha, w, children=children)
    with acting_as(w.aisha):
        [d] = Disagreement.objects.all()
        assert [child.pseudonym for child in d.children.all()] == ["Ash", "Bo"]
        assert [(r.child.pseudonym, r.reference) for r in d.child_references.select_related("child")] == [("Bo", "S-2")]


AT_ONCE = {"called": "on", "done_first": "Rang the front door", "start": "higher", "higher_reason": "It cannot wait two days"}


def test_immediate_risk_asks_to_call_first_and_may_start_with_both_line_managers(aisha, w):
    draft = begun(aisha)
    aisha.post(url(draft, "safe-now"), {"risk": "yes"})
    html = aisha.get(url(draft, "act-first")).content.decode()
    assert "call 999" in html
    assert "01632 960001" in html
    _, confirmation = sent(aisha, w, safe_now={"risk": "yes"}, act_first=AT_ONCE)
    with acting_as(w.aisha):
        d = Disagreement.objects.get(reference=confirmation.split("/")[2])
        assert (d.stage, d.at_immediate_risk, d.step) == (Stage.LINE_MANAGER, True, 2)
        seats = set(d.seats.filter(capacity="line_manager").values_list("person__name", flat=True))
        assert seats == {"Grace", "Mona"}
        [entry] = d.entries.all()
        assert entry.child_safe == "no"
        words = {text.field: text.value for text in Text.objects.filter(entry=entry)}
        assert words["done_first"] == "Rang the front door"
        assert words["higher_reason"] == "It cannot wait two days"
    html = aisha.get(confirmation).content.decode()
    assert "Grace" in html
    assert "Mona" in html


def test_immediate_risk_between_practitioners_tells_both_line_managers(aisha, w):
    draft = filled(aisha, w, safe_now={"risk": "yes"}, act_first={"called": "on", "start": "first"})
    html = aisha.get(url(draft, "check")).content.decode()
    assert "Grace" in html
    assert "Mona" in html
    answer = aisha.post(url(draft, "check"))
    with acting_as(w.aisha):
        d = Disagreement.objects.get(reference=answer.url.split("/")[2])
        assert d.stage == Stage.PRACTITIONER
        assert set(d.seats.filter(capacity="line_manager").values_list("person__name", flat=True)) == {"Grace", "Mona"}


def test_starting_higher_needs_a_reason(aisha, w):
    draft = begun(aisha)
    aisha.post(url(draft, "safe-now"), {"risk": "yes"})
    html = aisha.post(url(draft, "act-first"), {"called": "on", "start": "higher"}).content.decode()
    assert '<a href="#id_higher_reason">Enter why it should start with the line managers</a>' in html


def test_no_longer_at_risk_leaves_the_urgent_answers_out(aisha, w):
    draft = filled(aisha, w, safe_now={"risk": "yes"}, act_first=AT_ONCE)
    aisha.post(url(draft, "safe-now") + "?back=check", {"risk": "no"})
    answer = aisha.post(url(draft, "check"))
    with acting_as(w.aisha):
        d = Disagreement.objects.get(reference=answer.url.split("/")[2])
        assert (d.stage, d.at_immediate_risk) == (Stage.PRACTITIONER, False)
        assert not Text.objects.filter(field__in=["higher_reason", "done_first"]).exists()


def test_the_own_team_is_not_offered_but_others_of_the_own_agency_are(aisha, w):
    other = factories.team(w.partnership, "Hill Lane Primary School", "Nursery")
    draft = begun(aisha)
    html = aisha.get(url(draft, "who")).content.decode()
    assert f'value="{other.pk}"' in html
    assert f'value="{w.teams["school"].pk}"' not in html
    assert "Choose one of the answers" in aisha.post(url(draft, "who"), {"team": str(w.teams["school"].pk)}).content.decode()


def test_many_teams_are_a_list_by_agency(aisha, w):
    for n in range(12):
        last = factories.team(w.partnership, "Northshire Police", f"Team {n}")
    draft = begun(aisha)
    html = aisha.get(url(draft, "who")).content.decode()
    assert '<optgroup label="Northshire Police">' in html
    assert aisha.post(url(draft, "who"), {"team": str(last.pk)}).url == url(draft, "who-there")
    assert "Northshire Police, Team 11" in aisha.get(url(draft, "check")).content.decode()


def test_a_team_without_accounts_is_said_and_can_be_asked(aisha, w):
    draft = begun(aisha)
    aisha.post(url(draft, "who"), {"team": str(w.teams["surgery"].pk)})
    assert "Not on Accord yet" in aisha.get(url(draft, "who-there")).content.decode()
    for place in (str(w.posts["surgery"].pk), "team"):
        draft = filled(aisha, w, who={"team": str(w.teams["surgery"].pk)}, who_there={"place": place})
        assert "you record their answer for them" in aisha.get(url(draft, "check")).content.decode()
        confirmation = aisha.post(url(draft, "check")).url
        assert "nobody there is on Accord yet" in aisha.get(confirmation).content.decode()


def test_not_knowing_who_asks_the_whole_team(aisha, w):
    second = factories.person("Tess")
    with factories.as_set_up():
        Post.objects.create(team=w.teams["social_care"], holder=second, title="Practitioner", level=0)
    _, confirmation = sent(aisha, w, who_there={"place": "team"})
    html = aisha.get(confirmation).content.decode()
    assert "Sam" in html
    assert "Tess" in html


def test_a_place_in_another_team_is_refused(aisha, w):
    draft = begun(aisha)
    aisha.post(url(draft, "who"), {"team": str(w.teams["health"].pk)})
    assert "There is a problem" in aisha.post(url(draft, "who-there"), {"place": str(w.posts["sam"].pk)}).content.decode()


def test_a_page_that_is_not_asked_leads_on(aisha, w):
    draft = begun(aisha)
    for slug in ("elsewhere", "act-first", "who-there"):
        assert aisha.get(url(draft, slug)).url == url(draft, "right-procedure")
    assert aisha.get(url(draft, "no-such-question")).status_code == 404


# ── hostile input

HOSTILE = {
    "empty": "",
    "unknown": "nonsense",
    "far too long": "x" * 100_000,
    "control characters": "a\x00\x07b",
    "emoji": "👩‍👧 🙂",
    "right to left": "שלום \u202eabc",
    "a script": "<script>alert(1)</script>",
    "a percent sign": "%s %(x)s {{ 7 }}",
}
BOXES = {
    "right-procedure": ["procedure"],
    "elsewhere": [],
    "children": ["pseudonym_1", "age_band_1", "reference_1", "child_says"],
    "what": [
        *("decision", "decided_on_day", "decided_on_month", "decided_on_year", "category"),
        *("disputed_act_at_day", "disputed_act_at_month", "disputed_act_at_year", "disputed_act_at_time"),
    ],
    "why": ["why_unsafe", "outcome_wanted"],
    "safe-now": ["risk"],
    "act-first": ["done_first", "start", "higher_reason"],
    "who": ["team"],
    "who-there": ["place", "told_at_day", "told_at_month", "told_at_year", "told_at_time"],
    "support": ["consulted", "supporters", "readers"],
}
WORDS = {"pseudonym_1", "reference_1", "child_says", "decision", "why_unsafe", "outcome_wanted", "done_first", "higher_reason", "consulted"}


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("slug", SLUGS)
def test_hostile_answers_are_told_and_kept(aisha, w, slug, what):
    """An error at the field and in the summary, or, where the words are harmless, a page further with the words kept."""
    draft = begun(aisha)
    aisha.post(url(draft, "right-procedure"), {"procedure": "complaint"})
    aisha.post(url(draft, "safe-now"), {"risk": "yes"})
    aisha.post(url(draft, "who"), {"team": str(w.teams["social_care"].pk)})
    value = HOSTILE[what]
    posted = dict.fromkeys(BOXES[slug], value)
    answer = aisha.post(url(draft, slug), posted)
    if answer.status_code == 302:
        assert set(BOXES[slug]) <= WORDS or (slug == "support" and what == "empty")
        html = aisha.get(url(draft, slug)).content.decode()
    else:
        assert answer.status_code == 200
        html = answer.content.decode()
        assert "There is a problem" in html
        assert "Error:" in html
    assert "<script>alert" not in html
    if value and set(BOXES[slug]) & WORDS and what != "control characters":
        assert escape(value) in html
    saved = aisha.post(url(draft, slug), posted | {"save": "later"})
    assert saved.status_code in (200, 302)
    assert aisha.get(url(draft, "check")).status_code == 200
    assert aisha.get(url(draft, "read")).status_code == 200


@pytest.mark.parametrize(
    ("day", "month", "year", "told"),
    [
        ("31", "2", "2026", "must be a real date"),
        ("1", "1", "2999", "must be today or in the past"),
        ("1", "", "2026", "must include a month"),
        ("1", "1", "26", "year of 4 numbers"),
        ("\x00", "", "2026", "must include a month"),
        ("1", "1", "0000", "must be in the year 2000 or later"),
        ("14", "10", "1066", "must be in the year 2000 or later"),
    ],
)
def test_a_day_that_cannot_be_is_told_and_kept(aisha, w, day, month, year, told):
    draft = begun(aisha)
    posted = {
        "decision": "Closed",
        "category": "other",
        "decided_on_day": day,
        "decided_on_month": month,
        "decided_on_year": year,
    }
    html = aisha.post(url(draft, "what"), posted).content.decode()
    assert told in html
    assert "Closed" in html
    assert f'value="{year}"' in html
    assert aisha.post(url(draft, "what"), posted | {"save": "later"}).status_code in (200, 302)


@pytest.mark.parametrize("key", ["remove", "add"])
@pytest.mark.parametrize("value", ["", "0", "9", "-1", "x" * 1000, "\x00", "²"])
def test_strange_buttons_do_no_harm(aisha, w, key, value):
    draft = begun(aisha)
    answer = aisha.post(url(draft, "children"), {"pseudonym_1": "Ash", "age_band_1": "5_10", key: value})
    assert answer.status_code in (200, 302)
    assert 'value="Ash"' in aisha.get(url(draft, "children")).content.decode()


# ── drafts are private


@pytest.mark.parametrize("page", [*SLUGS, "check", "read", "delete"])
def test_the_drafts_of_others_are_not_found(aisha, w, page):
    draft = filled(aisha, w)
    for stranger in (w.zoe, w.grace, w.sam, w.office, w.auditor):
        client = as_person(stranger)
        hidden, absent = client.get(url(draft, page)), client.get(url(uuid.uuid4(), page))
        assert hidden.status_code == absent.status_code == 404
        assert client.post(url(draft, page), {"why_unsafe": "mine now"}).status_code in (404, 405)
    assert len(drafts(w.aisha)) == 1


def test_a_colleague_who_may_read_finds_the_draft_and_reads_it_only(aisha, w):
    draft = filled(aisha, w, support={"readers": [str(w.zoe.pk), str(w.grace.pk)]})
    zoe = as_person(w.zoe)
    html = zoe.get("/disagreements/new/").content.decode()
    assert "Draft by Aisha" in html
    assert url(draft, "read") in html
    assert "Two terms of neglect" in zoe.get(url(draft, "read")).content.decode()
    for page in ("why", "check", "delete"):
        assert zoe.get(url(draft, page)).status_code == 404
        assert zoe.post(url(draft, page), {}).status_code == 404
    aisha.post(url(draft, "support"), {"readers": [str(w.grace.pk)]})
    assert zoe.get(url(draft, "read")).status_code == 404
    assert as_person(w.grace).get(url(draft, "read")).status_code == 200


def test_a_reader_must_be_a_colleague(aisha, w):
    draft = begun(aisha)
    assert "There is a problem" in aisha.post(url(draft, "support"), {"readers": [str(w.sam.pk)]}).content.decode()
    with acting_as(w.aisha):
        assert not DraftReader.objects.exists()


def test_in_a_large_agency_the_own_team_and_line_are_offered(aisha, w):
    crowd = factories.team(w.partnership, "Hill Lane Primary School", "Crowd")
    for n in range(raising_forms.MOST_COLLEAGUES):
        holder = factories.person(f"Crowd {n}")
        with factories.as_set_up():
            Post.objects.create(team=crowd, holder=holder, title="Teacher", level=0)
    html = aisha.get(url(begun(aisha), "support")).content.decode()
    assert "Zoe, Teacher" in html
    assert "Grace, Line manager" in html
    assert "Crowd 3" not in html


def test_deleting_a_draft_asks_first(aisha, w):
    draft = filled(aisha, w, support={"readers": [str(w.zoe.pk)]})
    html = aisha.get(url(draft, "delete")).content.decode()
    assert "Do you want to delete this draft?" in html
    assert len(drafts(w.aisha)) == 1
    assert "has been deleted" in aisha.post(url(draft, "delete"), follow=True).content.decode()
    assert drafts(w.aisha) == []
    gone = aisha.post(url(draft, "why"), {"why_unsafe": "Typed in another window", "outcome_wanted": ""})
    assert gone.status_code == 404
    assert "Typed in another window" in gone.content.decode()
    assert aisha.get(url(draft, "check")).status_code == 404


def test_everything_asks_to_sign_in(client, w):
    draft = uuid.uuid4()
    for page in (
        "/disagreements/new/",
        *(url(draft, page) for page in [*SLUGS, "check", "read", "delete"]),
        "/disagreements/ABCD-EFGH/sent/",
    ):
        assert client.get(page).status_code == 302


# ── fast


def test_each_page_takes_few_queries(aisha, w, django_assert_max_num_queries):
    draft = filled(aisha, w)
    pages = answers(w)
    for slug in pages:
        with django_assert_max_num_queries(16):
            aisha.get(url(draft, slug))
        with django_assert_max_num_queries(20):
            aisha.post(url(draft, slug), pages[slug])
    with django_assert_max_num_queries(20):
        aisha.get(url(draft, "check"))
    with django_assert_max_num_queries(16):
        aisha.get("/disagreements/new/")


def test_many_drafts_take_no_more_queries_than_one(aisha, w, django_assert_num_queries):
    filled(aisha, w)
    with CaptureQueriesContext(connection) as captured:
        aisha.get("/disagreements/new/")
        one = len(captured)
    for _ in range(5):
        filled(aisha, w)
    with django_assert_num_queries(one):
        aisha.get("/disagreements/new/")
