"""Mails: every rule in every state says what is asked and by when, and nothing of the case."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import User
from disputes.models import Disagreement, Entry
from disputes.stages import Awaiting
from escalation import limits, mails, tasks
from escalation.beside import BESIDE
from escalation.models import Clock, Digest, Notice
from escalation.notices import CLOCK_RULES, RULES
from tests import factories
from tests.factories import World, look, move

pytestmark = pytest.mark.django_db

SECRETS = (
    *("Ash", "S-1", "SC-9", "Referral closed", "Two terms", "neglect", "assessment", "threshold", "No new facts"),
    *("5 to 10", "Aisha", "Grace", "Mona", "Hal", "Hill Lane", "Social Care"),
)

STATES = {
    Awaiting.NOTHING: factories.resolved,
    Awaiting.MATCH: factories.raised,
    Awaiting.IDENTITY: lambda w: _after(factories.raised(w), "cannot_tell_which_child", w.sam),
    Awaiting.ANSWER: factories.at_line_managers,
    Awaiting.DECISION: factories.answered,
    Awaiting.CONFIRMATION: lambda w: _proposed(w),
    Awaiting.CHAIR: factories.with_the_chair,
    Awaiting.MORE: lambda w: _after(factories.with_the_chair(w), "ask_for_more", w.chair),
    Awaiting.MEDIATION: lambda w: _after(factories.with_the_chair(w), "accept_mediation", w.chair),
    Awaiting.SESSION: lambda w: factories.session_proposed(w),
}
ASKED = {
    Awaiting.MATCH: "which child",
    Awaiting.IDENTITY: "the other side can tell",
    Awaiting.ANSWER: "Answer with your view",
    Awaiting.DECISION: "Agree an outcome",
    Awaiting.CONFIRMATION: "Confirm the proposed outcome",
    Awaiting.CHAIR: "Accept and offer mediation",
    Awaiting.MORE: "The Chair needs to know more",
    Awaiting.MEDIATION: "Hold the mediation",
    Awaiting.SESSION: "which of the proposed dates",
}


@pytest.fixture
def w() -> World:
    return factories.world()


def _after(d: Disagreement, name: str, by: User) -> Disagreement:
    move(d, name, by)
    return look(d, by)


def _proposed(w: World) -> Disagreement:
    d = factories.answered(w)
    factories.agreed(d, w.sam)
    return look(d, w.sam)


def sent(rule: str, d: Disagreement | None, w: World, to: User) -> Any:
    """The mail of this rule as `to` gets it."""
    clock = d.clocks.filter(stopped_at=None).first() if d and rule in CLOCK_RULES else None
    notice = Notice(partnership=w.partnership, disagreement=d, person=to, rule=rule, clock=clock, due_at=timezone.now())
    mails.letter(notice, timezone.now()).send()
    return mail.outbox[-1]


def check(message: Any, *, reference: str, leads_to: str = "/desk/") -> None:
    """What holds of every mail: plain, short, of the right width, with nothing of the case in it."""
    text = f"{message.subject}\n{message.body}"
    assert "\n" not in message.subject
    assert len(message.subject) < 60
    for secret in SECRETS:
        assert not re.search(rf"\b{re.escape(secret)}\b", text), secret
    for left in ("{{", "{%", "%(", "&#", "&amp;", "None"):
        assert left not in text, left
    assert max(map(len, text.splitlines())) < 78
    assert "\n\n\n" not in message.body
    assert "You get this" in message.body
    assert "/disagreements/" + reference in message.body if reference else leads_to in message.body
    assert reference in message.subject
    assert message.content_subtype == "plain"


@pytest.mark.parametrize("awaiting", STATES)
@pytest.mark.parametrize("rule", [rule for rule in RULES if rule not in BESIDE])
def test_every_rule_in_every_state_names_no_child_and_quotes_nobody(w: World, rule: str, awaiting: str) -> None:
    d = STATES[awaiting](w)  # type: ignore[operator]
    with acting_as(w.sam if awaiting != Awaiting.CHAIR else w.ian):
        assert d.awaiting == awaiting
        message = sent(rule, d, w, w.sam)
    check(message, reference=d.reference)
    assert message.to == [w.sam.email]
    if rule in ("your_move", *CLOCK_RULES) and awaiting:
        body = " ".join(message.body.split())
        assert ASKED[Awaiting(awaiting)] in body
        assert re.search(r"By: \w+day \d+ \w+ \d{4}, ", body)
        assert "is assumed" in body


def test_a_reminder_of_a_draft_names_nothing(w: World) -> None:
    message = sent("draft_reminder", None, w, w.sam)
    check(message, reference="")
    assert message.subject == "You have a draft that is not sent"


@pytest.mark.parametrize("rule", BESIDE)
def test_a_mail_beside_every_disagreement_leads_to_its_page_and_names_nothing(w: World, rule: str) -> None:
    about = uuid.uuid4()
    notice = Notice(partnership=w.partnership, person=w.sam, rule=rule, about=about, due_at=timezone.now())
    mails.letter(notice, timezone.now()).send()
    message = mail.outbox[-1]
    check(message, reference="", leads_to=BESIDE[rule].leads_to.format(about=about))


def test_names_are_not_escaped_in_a_plain_mail(w: World) -> None:
    d = factories.raised(w)
    w.sam.name = "Sam O'Neil & Co"
    with acting_as(w.sam):
        assert "Hello Sam O'Neil & Co," in sent("your_move", d, w, w.sam).body


def test_an_urgent_mail_says_999_and_the_numbers_first(w: World) -> None:
    d = factories.raised(w)
    with acting_as(w.sam):
        body = sent("urgent", d, w, w.sam).body
    assert "01632 960001" in body
    assert "01632 960002" in body
    assert body.index("call 999") < body.index("open the page")


def test_the_office_is_asked_to_countersign(w: World) -> None:
    d = factories.raised(w, to="surgery")
    with acting_as(w.aisha):
        other = d.standing.turn.for_sides[0]
    move(d, "record_answer_for", w.aisha, recorded_for=other.pk, view="x")
    with acting_as(w.aisha):
        body = sent("your_move", look(d, w.aisha), w, w.aisha).body
    assert "Agree an outcome" in body
    factories.agreed(d, w.aisha)
    with acting_as(w.aisha):
        assert "Record for them what" in sent("your_move", look(d, w.aisha), w, w.aisha).body
    move(d, "record_confirmation_for", w.aisha, recorded_for=other.pk)
    with acting_as(w.office):
        message = sent("your_move", look(d, w.office), w, w.office)
    assert "Countersign" in message.body
    check(message, reference=d.reference)


def test_a_mail_can_be_made_without_seeing_any_words(w: World) -> None:
    """What a mail needs are columns that the clock's role may read: no text, no child."""
    d = factories.raised(w)
    with acting_as(w.sam):
        clock = Clock.objects.get(disagreement=d)
        message = sent("before", d, w, w.sam)
    assert clock.due_at > timezone.now() - dt.timedelta(days=1)
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"


# ── why you, and what only some entries say ─────────────────────────────────────────────────────────────────────────


def body_for(rule: str, d: Disagreement, w: World, to: User) -> str:
    with acting_as(w.office if to == w.office else w.aisha):
        return " ".join(sent(rule, d, w, to).body.split())


def test_each_reader_is_told_why_they_get_it(w: World) -> None:
    d = factories.at_line_managers(w)
    factories.stand_in(w.posts["mona"], w.rita)
    held = body_for("at", look(d, w.aisha), w, w.mona)
    assert "it is your move. Answer with your view" in held
    assert "because it is your move, in the post Line manager." in held
    stood_in = body_for("at", look(d, w.aisha), w, w.rita)
    assert "because you stand in for the post whose move it is (Line manager)." in stood_in


def test_a_manager_s_and_the_office_s_copy_says_that_the_move_is_not_theirs(w: World, as_clock: Any) -> None:
    d = factories.raised(w)
    with as_clock():
        tasks.notice_due_clocks(timezone.now() + dt.timedelta(days=60))
    for to, why in ((w.mona, "you manage the post whose move it is (Practitioner)"), (w.office, "its office is reminded too")):
        body = body_for("chaser", look(d, w.aisha), w, to)
        assert "The move is not yours" in body
        assert "What is asked of them: Say whether you know which child it is about." in body
        assert why in body
        assert "Sam" not in body


def test_a_mail_says_by_which_rule_and_how_its_date_is_worked_out(w: World) -> None:
    body = body_for("before", factories.raised(w), w, w.sam)
    assert "By which rule: Stage 1 of 4, Between the people who disagree" in body
    assert re.search(r"How this date is worked out: 2 working days from \w+day \d+ \w+ \d{4}, [\d:]+[ap]m; ", body)


@pytest.mark.parametrize(
    ("rule", "kind", "said"),
    [
        ("told", "note_stall", "stands still"),
        ("told", "reach_last_chaser", "went unanswered"),
        ("told", "reach_inner_limit", "inside the present step"),
        ("overdue", "reach_inner_limit", "inside the present step"),
        ("news", "redate", "A holiday or a closing day changed"),
    ],
)
def test_what_the_clock_found_has_words_of_its_own(w: World, rule: str, kind: str, said: str) -> None:
    d = factories.raised(w)
    facts = {"about": "acknowledge", "step": 1}
    with acting_as(w.sam):
        entry = Entry(kind=kind, disagreement=d, facts=facts)
        notice = Notice(partnership=w.partnership, disagreement=d, person=w.sam, rule=rule, entry=entry, due_at=timezone.now())
        message = mails.letter(notice, timezone.now())
        line = mails.digest_letter(Digest(person=w.sam), [notice], timezone.now()).body
    check(message, reference=d.reference)
    assert said in " ".join(message.body.split())
    assert f"{d.reference}: " in line
    if kind == "reach_inner_limit":
        assert limits.say_about(d, "acknowledge", 1) in " ".join(message.body.split())
