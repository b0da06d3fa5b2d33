"""The seven-minute briefing: seven parts on one or two pages, for whoever may read the theme, with nobody's name in it."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from django.utils import timezone
from pypdf import PdfReader

from accounts.acting import acting_as
from learning import briefing, documents
from learning.models import About, Decision, Theme, ThemePoint
from pages import times
from tests import factories
from tests.learning.conftest import Learning

pytestmark = pytest.mark.django_db


def address(theme: Theme) -> str:
    return f"/learning/themes/{theme.pk}/briefing/"


def read(made: bytes) -> tuple[PdfReader, str]:
    reader = PdfReader(io.BytesIO(made))
    return reader, " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def test_it_has_seven_parts_and_names_nobody(learning: Learning) -> None:
    one = learning.theme(learning.referred(issue="Words of the point itself"))
    learning.done(learning.decided(one))
    answer = learning.as_(learning.w.nell).get(address(one))
    assert answer["Content-Type"] == "application/pdf"
    assert "seven-minute-briefing.pdf" in answer["Content-Disposition"]
    reader, text = read(answer.content)
    assert reader.metadata is not None
    assert reader.metadata.title == "Reasons in letters"
    for part in ("What happens", "Why it matters", "What changed", "What to do", "Questions for your team", "When you disagree"):
        assert part in text
    assert "Letters that decline give no reasons." in text
    assert "Every letter gives reasons now" in text
    for hidden in ("Mona", "Quinn", "Aisha", "Thirty letters", "Words of the point itself", "Hill Lane"):
        assert hidden not in text
    assert len(reader.pages) <= 2


def test_before_anything_changed_only_those_who_see_the_theme_read_it(learning: Learning) -> None:
    one = learning.theme()
    made = learning.decided(one)
    for person in (learning.member, learning.w.office, learning.w.chair, learning.w.rep):
        _, text = read(learning.as_(person).get(address(one)).content)
        assert "A new letter" in text
        assert "Planned, by" in text
    other = factories.world("westmere")
    for person in (learning.w.nell, learning.w.stranger, other.office):
        assert learning.as_(person).get(address(one)).status_code == 404
    learning.done(made)
    assert learning.as_(learning.w.nell).get(address(one)).status_code == 200
    for person in (learning.w.stranger, other.office):
        assert learning.as_(person).get(address(one)).status_code == 404


def test_who_reads_only_what_changed_is_not_told_what_is_planned(learning: Learning) -> None:
    one = learning.theme()
    learning.done(learning.decided(one))
    learning.decided(one, what="Something more is planned")
    _, text = read(learning.as_(learning.w.nell).get(address(one)).content)
    assert "Something more is planned" not in text


@pytest.mark.parametrize("about", About.values)
def test_every_kind_of_theme_has_words_of_its_own_on_at_most_two_pages(learning: Learning, about: str) -> None:
    with acting_as(learning.member):
        one = Theme(partnership=learning.w.partnership, title="W" * 120, about=about, summary="Many words here. " * 88)
    several = [Decision(kind="protocol", what="", what_changed="So it is now done. " * 78, done_on=None) for _ in range(3)]
    for decision in several:
        decision.done_on = factories.LONG_AGO
        decision.done_at = factories.timezone.now()
    content = briefing.content(one, several)
    reader, text = read(documents.pdf("briefing", content, one.title))
    assert len(reader.pages) <= 2
    assert str(briefing.WHY[About(about)])[:30] in text


def test_hostile_words_stay_words(learning: Learning) -> None:
    with acting_as(learning.member):
        one = Theme(partnership=learning.w.partnership, title="#evil *x*", about="other", summary='#read("/etc/passwd") 😀 שלום\n\n= x')
    _, text = read(documents.pdf("briefing", briefing.content(one, []), one.title))
    assert '#read("/etc/passwd")' in text
    assert "Nothing has been decided yet." in text


def test_a_planned_day_that_has_passed_is_said_and_no_change_comes_last(learning: Learning) -> None:
    one = learning.theme()
    learning.decided(one, due_on=timezone.localdate() - dt.timedelta(days=6))
    _, text = read(learning.as_(learning.w.chair).get(address(one)).content)
    assert f"Was planned by {times.day(timezone.localdate() - dt.timedelta(days=6))}; not yet done" in text
    assert "What is to change" in text
    stays = Decision(kind="no_change", what="The law leaves no choice", done_at=timezone.now(), done_on=timezone.localdate())
    changed = Decision(kind="protocol", what_changed="It has reasons", done_at=factories.timezone.now(), done_on=factories.LONG_AGO)
    for decisions, title, first in (([stays], "What was decided", "No change, and why"), ([stays, changed], "What changed", "Since")):
        (part,) = [part for part in briefing.content(one, decisions)["parts"] if "changes" in part]
        assert part["title"] == title
        assert part["changes"][0]["head"].startswith(first)


def test_it_says_that_the_theme_has_come_up_again(learning: Learning) -> None:
    one = learning.theme(learning.referred())
    learning.done(learning.decided(one))
    assert "come up again" not in read(learning.as_(learning.w.nell).get(address(one)).content)[1]
    later = learning.referred("sam", issue="Once more")
    with acting_as(learning.member):
        ThemePoint.objects.create(partnership=learning.w.partnership, point=later, theme=one, placed_by=learning.member)
    assert "come up again" in read(learning.as_(learning.w.nell).get(address(one)).content)[1]
