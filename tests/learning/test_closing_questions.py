"""The closing questions, and the list of what others could learn."""

import uuid

import pytest

from accounts.acting import acting_as
from disputes.models import Entry
from learning.models import DebriefRequest, LearningPoint
from tests import factories
from tests.factories import answered, look, move, resolved

pytestmark = pytest.mark.django_db

ANSWERS = {"worker_satisfied": "yes", "agency_satisfied": "no", "general_issue": "no", "debrief": "no", "child_safe": "yes"}
ISSUE = {"general_issue": "yes", "about": "protocol", "issue": "The threshold document has no page on neglect"}


@pytest.fixture
def w():
    return factories.world()


def address(d):
    return f"/disagreements/{d.reference}/closing-questions/"


def answer(client, d, person, **more):
    client.force_login(person)
    return client.post(address(d), {**ANSWERS, "key": str(uuid.uuid4()), **more})


def entries(d, person):
    with acting_as(person):
        return list(Entry.objects.filter(disagreement=d, kind="answer_closing_questions"))


def points(person):
    with acting_as(person):
        return list(LearningPoint.objects.all())


def test_each_side_answers_once_and_the_answers_stand_in_the_record(client, w):
    d = resolved(w)
    assert answer(client, d, w.sam, comment="Quicker next time").url == f"/disagreements/{d.reference}/"
    assert answer(client, d, w.aisha).status_code == 302
    first, second = entries(d, w.aisha)
    assert first.facts == {"worker_satisfied": True, "agency_satisfied": False, "general_issue": False, "debrief": False}
    assert first.child_safe == "yes"
    with acting_as(w.aisha):
        assert [text.value for text in first.texts.all()] == ["Quicker next time"]
        assert {first.side.kind, second.side.kind} == {"raising", "responding"}


def test_a_side_that_has_answered_is_told_so_and_keeps_its_words(client, w):
    d = resolved(w)
    answer(client, d, w.sam)
    again = answer(client, d, w.sam, comment="Something more", **ISSUE)
    assert again.status_code == 409
    assert "Your side has answered the closing questions" in again.content.decode()
    assert "Something more" in again.content.decode()
    assert ISSUE["issue"] in again.content.decode()
    assert len(entries(d, w.aisha)) == 1


def test_the_same_page_posted_twice_answers_once(client, w):
    d = resolved(w)
    key = str(uuid.uuid4())
    for _ in range(2):
        assert answer(client, d, w.sam, key=key, debrief="yes", **ISSUE).status_code == 302
    assert len(entries(d, w.aisha)) == 1
    assert len(points(w.sam)) == 1


def test_a_general_issue_goes_to_the_list_of_the_agency_and_not_into_the_record(client, w):
    d = resolved(w)
    answer(client, d, w.sam, **ISSUE)
    (point,) = points(w.sam)
    assert (point.about, point.agency_id, point.named_by) == ("protocol", w.teams["social_care"].agency_id, w.sam)
    with acting_as(w.sam):
        assert ISSUE["issue"] not in [text.value for text in point.entry.texts.all()]
        assert point.entry.facts["general_issue"] is True


def test_a_debrief_is_recorded_for_the_side(client, w):
    d = resolved(w)
    answer(client, d, w.aisha, debrief="yes")
    with acting_as(w.aisha):
        debrief = DebriefRequest.objects.get()
        assert (debrief.side.kind, debrief.asked_by) == ("raising", w.aisha)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"worker_satisfied": ""}, "Say whether you are satisfied"),
        ({"agency_satisfied": "perhaps"}, "Choose one of the answers in the list"),
        ({"debrief": ""}, "Say whether a debrief would help"),
        ({"child_safe": ""}, "Say whether the child is safe now"),
        ({**ISSUE, "about": ""}, "Choose what the general issue is about"),
        ({**ISSUE, "about": "<script>"}, "Choose one of the answers in the list"),
        ({**ISSUE, "issue": ""}, "Describe the general issue"),
        ({**ISSUE, "issue": "x" * 100_000}, "must be 2,000 characters or fewer"),
        ({"comment": "y" * 100_000}, "must be 10,000 characters or fewer"),
        ({"comment": "bell \x07"}, "contains characters that cannot be shown"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(client, w, wrong, message):
    d = resolved(w)
    page = answer(client, d, w.sam, **{"comment": "<script>kept</script> 🙂 שלום", **wrong})
    html = page.content.decode()
    assert page.status_code == 200
    assert message in html
    assert "There is a problem" in html
    if "comment" not in wrong:
        assert "&lt;script&gt;kept&lt;/script&gt; 🙂 שלום" in html
    assert entries(d, w.aisha) == []


def test_the_child_at_risk_brings_the_numbers_to_ring(client, w):
    d = resolved(w)
    client.force_login(w.sam)
    page = client.post(address(d), {**ANSWERS, "child_safe": "no", "key": str(uuid.uuid4())}, follow=True)
    assert w.partnership.front_door in page.content.decode()


def test_while_it_is_open_there_are_no_closing_questions(client, w):
    d = answered(w)
    assert answer(client, d, w.sam).status_code == 409
    assert "when it has ended" in client.get(address(d)).content.decode()


def test_only_those_who_spoke_for_a_side_are_asked(client, w):
    d = resolved(w)
    client.force_login(w.auditor)
    assert client.get(address(d)).status_code == 409
    assert answer(client, d, w.auditor).status_code == 409
    assert entries(d, w.aisha) == []


def test_hidden_and_absent_are_the_same_404(client, w):
    d = resolved(w)
    other = factories.world("westmere")
    for person in (w.stranger, w.rep, other.sam):
        client.force_login(person)
        for path in (address(d), "/disagreements/ZZZZ-ZZZZ/closing-questions/"):
            assert client.get(path).status_code == 404
            assert client.post(path, ANSWERS).status_code == 404


def test_nobody_comes_here_without_signing_in(client, w):
    d = resolved(w)
    for path in (address(d), "/learning/"):
        assert client.get(path).url == f"/sign-in/?next={path}"


def test_a_manager_who_spoke_for_the_side_may_answer_for_it(client, w):
    d = factories.at_line_managers(w)
    factories.agreed(d, w.mona)
    move(d, "confirm_outcome", w.grace)
    d = look(d, w.grace)
    assert d.stage == "resolved"
    assert answer(client, d, w.mona).status_code == 302


# ── words that may identify somebody ────────────────────────────────────────────────────────────────────────────────

NAMING = {"general_issue": "yes", "about": "protocol", "issue": "Ash waited because Aisha was away; ring 01632 960001"}


def test_a_general_issue_that_may_identify_somebody_is_shown_marked_and_not_sent(client, w):
    d = resolved(w)
    html = answer(client, d, w.sam, comment="kept", **NAMING).content.decode()
    assert "This may identify somebody" in html
    for word in ("Ash", "Aisha", "01632 960001"):
        assert f"<mark>{word}</mark>" in html
    assert NAMING["issue"] in html.replace("&#x27;", "'")
    assert ">kept</textarea>" in html.replace("\n", "")
    assert "this identifies no one" in html
    assert entries(d, w.sam) == []


def seen_words(html):
    return html.split('name="seen_words" value="')[1].split('"')[0]


def test_it_is_asked_once_and_sent_as_it_stands_when_it_identifies_no_one(client, w):
    d = resolved(w)
    seen = seen_words(answer(client, d, w.sam, **NAMING).content.decode())
    assert answer(client, d, w.sam, **NAMING, identifies_no_one="on", seen_words=seen).status_code == 302
    assert [point.issue for point in points(w.sam)] == [NAMING["issue"]]


def test_a_changed_text_is_sent_without_being_asked_again(client, w):
    d = resolved(w)
    seen = seen_words(answer(client, d, w.sam, **NAMING).content.decode())
    better = {**NAMING, "issue": "Nobody stood in while a manager was away"}
    assert answer(client, d, w.sam, **better, seen_words=seen).status_code == 302
    assert [point.issue for point in points(w.sam)] == [better["issue"]]


def test_words_that_were_not_shown_are_not_confirmed(client, w):
    d = resolved(w)
    seen = seen_words(answer(client, d, w.sam, **NAMING).content.decode())
    more = {**NAMING, "issue": NAMING["issue"] + " and Mrs Jones"}
    html = answer(client, d, w.sam, **more, identifies_no_one="on", seen_words=seen).content.decode()
    assert "<mark>Mrs Jones</mark>" in html
    assert answer(client, d, w.sam, **NAMING, identifies_no_one="on", seen_words="\x00 nonsense").status_code == 200
    assert points(w.sam) == []


def test_what_the_other_side_reads_is_not_asked_about(client, w):
    d = resolved(w)
    assert answer(client, d, w.sam, comment="Grace was quick", general_issue="no").status_code == 302
