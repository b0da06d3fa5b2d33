"""Themes: merged, decided, done, told back; who reads them; and that they come up again is shown without blame."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Appointment
from escalation import notices
from escalation.models import Notice
from learning import tasks
from learning.models import Decision, Theme, ThemePoint
from tests import factories
from tests.learning.conftest import Learning

pytestmark = pytest.mark.django_db
LIST = "/learning/themes/"
NEW = "/learning/themes/new/"


def day(field: str, when: dt.date) -> dict[str, str]:
    return {f"{field}_day": str(when.day), f"{field}_month": str(when.month), f"{field}_year": str(when.year)}


def in_days(number: int) -> dt.date:
    return timezone.localdate() + dt.timedelta(days=number)


def a_theme(**more: Any) -> dict[str, Any]:
    return {"title": "Reasons in letters", "about": "protocol", "summary": "Letters give no reasons.", "key": str(uuid.uuid4()), **more}


def a_decision(**more: Any) -> dict[str, Any]:
    return {
        "kind": "protocol",
        "what": "A new letter",
        "email": "mona@example.org",
        "key": str(uuid.uuid4()),
        **day("due_on", in_days(30)),
        **more,
    }


DONE = {"what_changed": "Every letter gives reasons now", "evidence": "Thirty letters read", **day("done_on", timezone.localdate())}


def themes(learning: Learning) -> list[Theme]:
    with acting_as(learning.member):
        return list(Theme.objects.order_by("made_at"))


def decisions(learning: Learning) -> list[Decision]:
    with acting_as(learning.member):
        return list(Decision.objects.select_related("owner").order_by("decided_at"))


def owed(rule: str, as_clock: Any) -> list[str]:
    with as_clock():
        tasks.owe(timezone.now())
        return sorted(Notice.objects.filter(rule=rule).values_list("person__name", flat=True))


# ── merge ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_three_points_become_one_theme_and_one_moves_to_another(learning: Learning) -> None:
    points = [learning.referred(by, issue=f"Number {n}") for n, by in enumerate(["aisha", "sam", "aisha"])]
    member = learning.as_(learning.member)
    html = member.get(NEW).content.decode()
    assert all(f"Number {n}" in html for n in range(3))
    chosen = [str(point.pk) for point in points]
    given = a_theme(points=chosen)
    address = member.post(NEW, given)["Location"]
    assert member.post(NEW, given)["Location"] == address  # the same page posted twice
    (first,) = themes(learning)
    assert first.subgroup_id == learning.subgroup.pk
    html = member.get(address).content.decode()
    assert all(f"Number {n}" in html for n in range(3))
    assert "general issue without a theme" not in member.get("/desk/").content.decode()

    other = learning.theme(title="Another theme")
    assert member.post(f"/learning/points/{points[0].pk}/theme/", {"theme": str(other.pk)})["Location"] == f"{LIST}{other.pk}/"
    assert member.post(f"/learning/points/{points[0].pk}/theme/", {"theme": str(other.pk)}).status_code == 302
    with acting_as(learning.member):
        assert ThemePoint.objects.filter(theme=other).count() == 1
        assert ThemePoint.objects.filter(theme=first).count() == 2
    assert "new/?point=" in member.post(f"/learning/points/{points[1].pk}/theme/", {"theme": "new"})["Location"]


def test_only_what_was_referred_can_be_merged(learning: Learning) -> None:
    point = learning.named(issue="Not referred yet")
    member = learning.as_(learning.member)
    assert "Not referred yet" not in member.get(NEW).content.decode()
    assert "Choose only answers in the list" in member.post(NEW, a_theme(points=[str(point.pk)])).content.decode()
    assert member.get(f"/learning/points/{point.pk}/theme/").status_code == 404


def test_a_theme_s_words_can_be_changed(learning: Learning) -> None:
    one = learning.theme()
    member = learning.as_(learning.member)
    assert "Letters that decline give no reasons." in member.get(f"{LIST}{one.pk}/change/").content.decode()
    assert member.post(f"{LIST}{one.pk}/change/", a_theme(title="Better words", about="training"))["Location"] == f"{LIST}{one.pk}/"
    assert [(theme.title, theme.about) for theme in themes(learning)] == [("Better words", "training")]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"title": ""}, "Enter what the theme is called"),
        ({"title": "x" * 5000}, "must be 120 characters or fewer"),
        ({"about": "<script>"}, "Choose one of the answers in the list"),
        ({"summary": ""}, "Say what happens, in general"),
        ({"summary": "y" * 100_000}, "must be 1,500 characters or fewer"),
        ({"points": ["nonsense", "\x00"]}, "Choose only answers in the list"),
        ({"summary": "Mrs Jones of NN1 4XY waited"}, "This may identify somebody"),
    ],
)
def test_what_is_wrong_with_a_theme_is_said_and_kept(learning: Learning, wrong: dict[str, Any], message: str) -> None:
    given = a_theme(**{"title": "<b>kept</b>", **wrong})
    html = learning.as_(learning.member).post(NEW, given).content.decode()
    assert message in html
    assert "title" in wrong or "&lt;b&gt;kept&lt;/b&gt;" in html
    assert themes(learning) == []


def test_without_a_subgroup_nothing_is_merged_and_the_page_says_why(learning: Learning) -> None:
    with acting_as(learning.w.office):
        learning.subgroup.ended_on = in_days(-3)
        learning.subgroup.save(update_fields=["ended_on"])
    answer = learning.as_(learning.member).get(NEW, follow=True)
    assert "The partnership’s office adds one" in answer.content.decode()


# ── decide ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_decision_has_an_owner_and_a_date_and_the_owner_hears_of_it(learning: Learning, as_clock: Any) -> None:
    one = learning.theme(learning.referred())
    member = learning.as_(learning.member)
    given = a_decision()
    assert member.post(f"{LIST}{one.pk}/decide/", given)["Location"] == f"{LIST}{one.pk}/"
    assert member.post(f"{LIST}{one.pk}/decide/", given).status_code == 302  # the same page posted twice
    (made,) = decisions(learning)
    assert (made.owner, made.due_on, made.decided_by, made.is_done) == (learning.w.mona, in_days(30), learning.member, False)
    assert owed("decided", as_clock) == ["Mona"]
    mona = learning.as_(learning.w.mona)
    assert f"/learning/done/{made.pk}/" in mona.get("/desk/").content.decode()
    assert mona.get(f"{LIST}{one.pk}/").status_code == 200
    assert mona.get(f"{LIST}{one.pk}/decide/").status_code == 404
    assert mona.get(LIST).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"email": ""}, "Choose who sees to it: a decision without an owner is not done"),
        (day("due_on", in_days(-1)), "The date must be today or in the future"),
        ({"due_on_day": "", "due_on_month": "", "due_on_year": ""}, "Enter by when"),
        ({"due_on_day": "31", "due_on_month": "2"}, "must be a real date"),
        ({"email": "nobody@example.org"}, "Nobody in this partnership has this address"),
        ({"email": "stranger@example.org"}, "Nobody in this partnership has this address"),
        ({"kind": ""}, "Choose what was decided"),
        ({"what": ""}, "Say what will be done"),
        ({"kind": "no_change"}, "Leave this: nothing changes"),
        ({"what": "Ring 01632 960001"}, "This may identify somebody"),
        ({"what": "z" * 100_000}, "must be 1,500 characters or fewer"),
    ],
)
def test_a_decision_that_lacks_something_is_a_clear_error_that_loses_nothing(
    learning: Learning, wrong: dict[str, str], message: str
) -> None:
    one = learning.theme()
    answer = learning.as_(learning.member).post(f"{LIST}{one.pk}/decide/", a_decision(**{"what": "kept 🙂 <i>", **wrong}))
    html = answer.content.decode()
    assert answer.status_code == 200
    assert message in html
    assert "There is a problem" in html
    assert "what" in wrong or "kept 🙂 &lt;i&gt;" in html
    assert decisions(learning) == []


def test_no_change_needs_a_reason_has_no_owner_and_is_told_back_at_once(learning: Learning, as_clock: Any) -> None:
    one = learning.theme(learning.referred("sam"))
    given = {"kind": "no_change", "what": "The law leaves no choice here", "key": str(uuid.uuid4())}
    assert learning.as_(learning.member).post(f"{LIST}{one.pk}/decide/", given).status_code == 302
    (made,) = decisions(learning)
    assert (made.owner, made.due_on, made.is_done) == (None, None, True)
    assert owed("told_back", as_clock) == ["Aisha", "Sam"]
    html = learning.as_(learning.w.sam).get("/learning/").content.decode()
    assert "No change, and why" in html
    assert "The law leaves no choice here" in html


# ── done, and told back ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", ["owner", "member", "office"])
def test_what_changed_is_recorded_by_owner_subgroup_or_office(learning: Learning, who: str) -> None:
    made = learning.decided(learning.theme())
    person = {"owner": learning.w.mona, "member": learning.member, "office": learning.w.office}[who]
    address = f"/learning/done/{made.pk}/"
    assert "A new letter" in learning.as_(person).get(address).content.decode()
    assert learning.client.post(address, DONE)["Location"] == f"{LIST}{made.theme_id}/"
    (now,) = decisions(learning)
    assert (now.what_changed, now.evidence, now.done_on, now.done_by) == (
        DONE["what_changed"],
        DONE["evidence"],
        timezone.localdate(),
        person,
    )
    assert learning.client.post(address, {**DONE, "what_changed": "Something else"}).status_code == 302  # once
    assert decisions(learning)[0].what_changed == DONE["what_changed"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"what_changed": ""}, "Say what changed"),
        ({"evidence": ""}, "Say how you know"),
        (day("done_on", in_days(1)), "must be today or in the past"),
        (day("done_on", in_days(-40)), "so it cannot have changed before"),
        ({"what_changed": "Dr Patel writes them"}, "This may identify somebody"),
    ],
)
def test_what_is_wrong_with_what_changed_is_said_and_kept(learning: Learning, wrong: dict[str, str], message: str) -> None:
    made = learning.decided(learning.theme())
    html = learning.as_(learning.w.mona).post(f"/learning/done/{made.pk}/", {**DONE, **wrong}).content.decode()
    assert message in html
    assert "evidence" in wrong or DONE["evidence"] in html
    assert not decisions(learning)[0].is_done


def test_it_is_told_back_to_who_named_it_and_who_raised_the_disagreement_once(learning: Learning, as_clock: Any) -> None:
    one = learning.theme(learning.referred("sam"), learning.referred("sam", issue="Again"))
    made = learning.decided(one)
    assert owed("told_back", as_clock) == []
    learning.done(made)
    assert owed("told_back", as_clock) == ["Aisha", "Sam"]
    assert owed("told_back", as_clock) == ["Aisha", "Sam"]
    with as_clock():
        notice = Notice.objects.filter(rule="told_back").first()
        assert notice is not None
        assert notices.is_still_owed(notice, timezone.now()) == ""


def test_who_names_it_after_the_change_is_not_told_of_the_change_before(learning: Learning, as_clock: Any) -> None:
    one = learning.theme()
    learning.done(learning.decided(one))
    later = learning.referred("sam")
    with acting_as(learning.member):
        ThemePoint.objects.create(partnership=learning.w.partnership, point=later, theme=one, placed_by=learning.member)
    assert owed("told_back", as_clock) == []


def test_the_sweep_refuses_every_other_role(learning: Learning) -> None:
    from escalation.tasks import WrongRole

    with pytest.raises(WrongRole):
        tasks.owe(timezone.now())


def test_what_is_late_stands_on_the_desks_of_owner_and_subgroup(learning: Learning) -> None:
    learning.decided(learning.theme(), due_on=in_days(-2))
    for person in (learning.w.mona, learning.member):
        html = learning.as_(person).get("/desk/").content.decode()
        assert "Reasons in letters" in html
        assert "Late" in html
    assert "Reasons in letters" not in learning.as_(learning.w.sam).get("/desk/").content.decode()
    assert "Late" in learning.as_(learning.member).get(LIST).content.decode()


# ── who reads what ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_themes_are_read_by_those_who_learn_for_the_partnership_and_points_by_fewer(learning: Learning) -> None:
    one = learning.theme(learning.referred(issue="Only for the subgroup"))
    other = factories.world("westmere")
    for person in (learning.w.rep, learning.w.chair, learning.w.deputy, learning.w.auditor):
        html = learning.as_(person).get(f"{LIST}{one.pk}/").content.decode()
        assert "Reasons in letters" in html
        assert "Only for the subgroup" not in html
        assert learning.client.get(LIST).status_code == 200
        for path in (NEW, f"{LIST}{one.pk}/change/", f"{LIST}{one.pk}/decide/"):
            assert learning.client.get(path).status_code == 404
            assert learning.client.post(path, {}).status_code == 404
    for person in (learning.w.aisha, learning.w.stranger, other.office, other.rep):
        assert learning.as_(person).get(f"{LIST}{one.pk}/").status_code == 404
        assert "Reasons in letters" not in learning.client.get(LIST).content.decode()


def test_a_practitioner_reads_only_what_changed(learning: Learning) -> None:
    one = learning.theme(learning.referred(), title="Changed theme")
    learning.theme(title="Unchanged theme")
    made = learning.decided(one)
    html = learning.as_(learning.w.nell).get("/learning/").content.decode()
    assert "Changed theme" not in html
    learning.done(made)
    html = learning.client.get("/learning/").content.decode()
    assert "Changed theme" in html
    assert "Every letter gives reasons now" in html
    assert "Thirty letters read" not in html  # the evidence is the subgroup's
    assert "Unchanged theme" not in html
    assert "You raised this" not in html
    assert learning.client.get(f"{LIST}{one.pk}/").status_code == 404
    assert "You raised this" in learning.as_(learning.w.aisha).get("/learning/").content.decode()
    other = factories.world("westmere")
    for person in (learning.w.stranger, other.office):
        assert "Changed theme" not in learning.as_(person).get("/learning/").content.decode()


def test_that_it_came_up_again_is_shown_and_blames_nobody(learning: Learning) -> None:
    one = learning.theme(learning.referred())
    learning.done(learning.decided(one))
    assert "It came up again" not in learning.as_(learning.w.nell).get("/learning/").content.decode()
    later = learning.referred("sam", issue="Once more")
    assert learning.as_(learning.member).post(f"/learning/points/{later.pk}/theme/", {"theme": str(one.pk)}).status_code == 302
    html = learning.client.get(f"{LIST}{one.pk}/").content.decode()
    assert "It came up once more after the change" in html
    assert "after the change" in html
    assert "It came up again" in learning.client.get(LIST).content.decode()
    html = learning.as_(learning.w.nell).get("/learning/").content.decode()
    assert "It came up again" in html
    assert "Once more" not in html


def test_the_pages_take_as_many_queries_for_many_themes_as_for_one(learning: Learning, django_assert_max_num_queries: Any) -> None:
    for n in range(4):
        one = learning.theme(learning.referred(), title=f"Theme {n}")
        learning.decided(one)
        learning.done(learning.decided(one))
    learning.as_(learning.member)
    with django_assert_max_num_queries(16):
        assert learning.client.get(LIST).status_code == 200
    with django_assert_max_num_queries(14):
        assert learning.client.get("/learning/").status_code == 200


def test_a_key_of_something_else_opens_and_changes_nothing(learning: Learning) -> None:
    """Two members; the one posts pages with the keys of the other's rows."""
    one, other = learning.theme(title="One"), learning.theme(title="Other")
    made = learning.decided(one)
    office = learning.as_(learning.w.office)
    assert office.post(NEW, a_theme(key=str(one.pk))).status_code == 404
    no_change = {"kind": "no_change", "what": "Nothing", "key": str(made.pk)}
    assert office.post(f"{LIST}{other.pk}/decide/", no_change).status_code == 404
    assert [theme.title for theme in themes(learning)] == ["One", "Other"]
    assert not decisions(learning)[0].is_done


@pytest.mark.parametrize("path", [NEW, LIST, "/learning/points/", "/learning/"])
def test_strange_questions_in_an_address_are_no_fault(learning: Learning, path: str) -> None:
    for question in ("?point=%00", "?page=9999999999999999", "?page=-1&of=%F0%9F%99%82", "?point=" + "x" * 5000):
        assert learning.as_(learning.member).get(path + question).status_code == 200


def test_no_change_is_neither_done_nor_above_what_changed(learning: Learning) -> None:
    changed, stays = learning.theme(title="Changed theme"), learning.theme(title="Stays as it is")
    learning.done(learning.decided(changed))
    no_change = {"kind": "no_change", "what": "The law leaves no choice here", "key": str(uuid.uuid4())}
    learning.as_(learning.member).post(f"{LIST}{stays.pk}/decide/", no_change, follow=True)
    html = learning.client.get(f"{LIST}{stays.pk}/").content.decode()
    assert "No change" in html
    assert "Done" not in html
    assert "The law leaves no choice here" in learning.client.get(LIST).content.decode()
    html = learning.as_(learning.w.sam).get("/learning/").content.decode()
    assert html.index("Changed theme") < html.index("Stays as it is")


def test_a_child_s_name_is_marked_where_the_reader_knows_it_and_else_the_page_says_that_it_cannot(learning: Learning) -> None:
    one = learning.theme(learning.referred())
    address = f"{LIST}{one.pk}/decide/"
    given = a_decision(what="Nobody told Ash about it")
    member = learning.as_(learning.member)
    assert "cannot know the names of the child here" in member.get(address).content.decode()
    with factories.as_set_up():
        Appointment.objects.create(
            partnership=learning.w.partnership, person=learning.w.aisha, office="subgroup", starts_on=factories.LONG_AGO
        )
    aisha = learning.as_(learning.w.aisha)
    assert "cannot know the names of the child here" not in aisha.get(address).content.decode()
    assert "<mark>Ash</mark>" in aisha.post(address, given).content.decode()
    assert decisions(learning) == []
