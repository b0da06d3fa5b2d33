"""What is counted where: each event in the period of its own recorded time, each disagreement once in a subject."""

from __future__ import annotations

import ast
import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from learning import statistics
from learning.statistics import ALL, Act, Asked, Case, Facts, Issue, Limited, Period, Point, Talk
from tests.learning.figures_world import moment, partnership, released

DAY = dt.timedelta(days=1)
Q1, Q2, Q3, Q4 = Period.year(2025).quarters
APRIL, JULY = dt.date(2025, 4, 7), dt.date(2025, 7, 7)


def case(name: str, *acts: Act, raising: str = "school", asked: str = "care", **more: Any) -> Case:
    return Case(name, raising, more.pop("category", "thresholds"), more.pop("at_risk", False), acts, (Asked(asked),), **more)


def act(kind: str, at: dt.datetime, stage: str = "practitioner", from_stage: str = "", step: int = 1, **more: Any) -> Act:
    return Act(kind, at, from_stage or stage, stage, step, **more)


def sent(day: dt.date) -> Act:
    return act("send", moment(day), from_stage="recognition")


def agreed(day: dt.date, kind: str = "compromise") -> list[Act]:
    """Proposed on this day by the other side, confirmed the next."""
    proposed = act("propose_outcome", moment(day), kind_of_outcome=kind, by_responding_side=True)
    return [proposed, act("confirm_outcome", moment(day + DAY), "resolved", "practitioner")]


def facts(*cases: Case, **more: Any) -> Facts:
    return Facts({"school": "School", "care": "Care", "surgery": "Surgery"}, {"thresholds": "Thresholds", "roles": "Roles"}, cases, **more)


def numbers(of: Facts, period: Period, table: str) -> dict[tuple[str, str], int]:
    counted = statistics.count(of)
    found = next(one for one in statistics.tables(of, counted, period) if one.key == table)
    return {place: counted.number(parts) for place, parts in found.parts.items()}


# ── periods ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_year_begins_on_the_first_of_april() -> None:
    assert (Q1.first, Q1.last) == (dt.date(2025, 4, 1), dt.date(2025, 6, 30))
    assert (Q4.first, Q4.last) == (dt.date(2026, 1, 1), dt.date(2026, 3, 31))
    assert Period.quarter_of(dt.date(2026, 2, 11)) == Q4
    assert [quarter.name for quarter in Period.year(2025).quarters] == [f"2025-26-q{n}" for n in (1, 2, 3, 4)]
    assert Period.year(2099).name == "2099-00"


@pytest.mark.parametrize("name", ["2025-26", "2025-26-q1", "2025-26-q4", "1999-00-q2"])
def test_periods_have_names(name: str) -> None:
    assert Period.named(name).name == name


@pytest.mark.parametrize(
    "name", ["", "2025", "2025-27", "2025-26-q5", "2025-26-q0", "x", "2025-26-q", "-1-00", "٢٠٢٥-26", "99999-00", "0000-01"]
)
def test_anything_else_is_no_period(name: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Period.named(name)


def test_quarters_are_completed_one_by_one_and_the_year_after_its_last() -> None:
    assert statistics.completed(APRIL, Q1.last) == []
    assert statistics.completed(APRIL, Q1.last + DAY) == [Q1]
    assert statistics.completed(APRIL, dt.date(2026, 4, 1)) == [Q1, Q2, Q3, Q4, Period.year(2025)]
    assert statistics.completed(dt.date(2026, 1, 2), dt.date(2026, 4, 1)) == [Q4, Period.year(2025)]


# ── opened, closed, open ────────────────────────────────────────────────────────────────────────────────────────────


def test_opened_closed_and_open_at_the_end() -> None:
    of = facts(case("a", sent(APRIL), *agreed(APRIL + 30 * DAY)), case("b", sent(APRIL), *agreed(JULY)), case("c", sent(JULY)))
    first, second, year = (numbers(of, period, "flow") for period in (Q1, Q2, Period.year(2025)))
    assert (first[ALL, "opened"], first[ALL, "closed"], first[ALL, "open"]) == (2, 1, 1)
    assert (first["2025-04", "opened"], first["2025-05", "closed"], first["2025-04", "open"]) == (2, 1, 2)
    assert (second[ALL, "opened"], second[ALL, "closed"], second[ALL, "open"]) == (1, 1, 1)
    assert (year["2025-26-q1", "opened"], year["2025-26-q2", "opened"], year[ALL, "opened"], year[ALL, "open"]) == (2, 1, 3, 1)


def test_a_reopening_is_opened_again_and_a_note_after_the_end_is_nothing() -> None:
    reopened = act("reopen", moment(JULY), from_stage="resolved")
    note = act("answer_closing_questions", moment(APRIL + 9 * DAY), "resolved")
    of = facts(case("a", sent(APRIL), *agreed(APRIL + DAY), note, reopened))
    assert numbers(of, Q1, "flow")[ALL, "open"] == 0
    assert numbers(of, Q2, "flow")[ALL, "opened"] == numbers(of, Q2, "flow")[ALL, "open"] == 1
    assert numbers(of, Q2, "urgency")["again", "opened"] == 1


def test_midnight_belongs_to_london() -> None:
    in_utc = dt.datetime(2025, 6, 30, 23, 30, tzinfo=dt.UTC)  # half past midnight on 1 July
    of = facts(case("a", act("send", in_utc, from_stage="recognition")))
    assert numbers(of, Q1, "flow")[ALL, "opened"] == 0
    assert numbers(of, Q2, "flow")[ALL, "opened"] == 1


def test_a_completed_period_counts_the_same_for_ever() -> None:
    """What happens later changes nothing: every table of the first quarter, counted at its end and a year on."""
    whole = partnership(11, cases=40)
    until = moment(Q1.last + DAY, 0)
    early = Facts(
        whole.agencies,
        whole.categories,
        [_as_known(one, until) for one in whole.cases if one.acts[0].at < until],
        [_point_as_known(one, until) for one in whole.points if one.named_at < until],
        [one for one in whole.talks if one.at < until],
    )
    for table in {table.key for table in statistics.tables(whole, statistics.count(whole), Q1)}:
        then, now = numbers(early, Q1, table), numbers(whole, Q1, table)
        assert {place: value for place, value in now.items() if value} == {place: value for place, value in then.items() if value}, table


def _as_known(one: Case, until: dt.datetime) -> Case:
    limits = tuple(
        Limited(limit.about, limit.step, limit.began_at, limit.reached_at if limit.reached_at and limit.reached_at < until else None)
        for limit in one.limits
        if limit.began_at < until
    )
    issues = tuple(
        Issue(issue.id, issue.version_at, issue.done_at if issue.done_at and issue.done_at < until else None) for issue in one.issues
    )
    acts = tuple(act for act in one.acts if act.at < until)
    return Case(one.id, one.raising, one.category, one.at_risk, acts, one.asked, limits, issues)


def _point_as_known(one: Point, until: dt.datetime) -> Point:
    referred = one.referred_at if one.referred_at and one.referred_at < until else None
    return Point(one.id, one.case, one.about, one.named_at, referred, theme=one.theme)


# ── what they were, and how they ended ──────────────────────────────────────────────────────────────────────────────


def test_who_raised_with_whom_and_who_never_did() -> None:
    of = facts(case("a", sent(APRIL)), case("b", sent(APRIL)), case("c", sent(APRIL), raising="care", asked="school"))
    found = numbers(of, Q1, "between")
    assert found["school", "care"] == 2
    assert found["care", ALL] == found[ALL, "school"] == 1
    assert found["surgery", ALL] == 0
    assert found[ALL, ALL] == 3


def test_the_first_agency_asked_counts_also_after_it_passed_it_on() -> None:
    passed = Case("a", "school", "roles", True, (sent(APRIL),), (Asked("surgery", moment(APRIL + DAY)), Asked("care")))
    assert numbers(facts(passed), Q1, "between")["school", "surgery"] == 1
    assert numbers(facts(passed), Q1, "urgency")["at_risk", "opened"] == 1
    assert numbers(facts(passed), Q1, "category")["roles", "opened"] == 1


@pytest.mark.parametrize(
    ("kind", "stage", "outcome"),
    [
        ("agree_to_differ", "closed", "differ"),
        ("close_without_agreement", "closed", "differ"),
        ("close_as_unconfirmed", "closed", "unconfirmed"),
        ("withdraw", "withdrawn", "withdrawn"),
        ("redirect", "redirected", "redirected"),
    ],
)
def test_how_it_ended_without_an_agreed_outcome(kind: str, stage: str, outcome: str) -> None:
    of = facts(case("a", sent(APRIL), act(kind, moment(APRIL + DAY), stage, "practitioner")))
    assert {row for (row, _), n in numbers(of, Q1, "outcome").items() if n} == {outcome, ALL}
    assert numbers(of, Q1, "confirmed")["not_confirmed", "closed"] == 1
    assert numbers(of, Q1, "ended")["practitioner", "otherwise"] == 1


@pytest.mark.parametrize("kind", ["decision_changed", "compromise", "reasons_accepted", "", "nonsense"])
def test_an_agreed_outcome_is_of_the_kind_that_its_last_version_says(kind: str) -> None:
    of = facts(case("a", sent(APRIL), act("propose_outcome", moment(APRIL), kind_of_outcome="compromise"), *agreed(APRIL + DAY, kind)))
    expected = kind if kind in statistics.RESOLVED else "resolved"
    assert {row for (row, _), n in numbers(of, Q1, "outcome").items() if n} == {expected, ALL}
    assert numbers(of, Q1, "confirmed")["both", "closed"] == 1
    assert numbers(of, Q1, "ended")["practitioner", "resolved"] == 1


def test_confirmed_for_a_side_that_is_not_on_the_system() -> None:
    recorded = act("record_confirmation_for", moment(APRIL + DAY))
    proposed = act("propose_outcome", moment(APRIL))
    done = act("countersign", moment(APRIL + 2 * DAY), "resolved", "practitioner")
    of = facts(case("a", sent(APRIL), proposed, recorded, done))
    assert numbers(of, Q1, "confirmed")["countersigned", "closed"] == 1


def test_the_highest_step_is_not_always_where_it_ended() -> None:
    up = act("refer_to_line_manager", moment(APRIL + DAY), "line_manager", "practitioner", 2)
    asked = act("ask_the_chair", moment(APRIL + 2 * DAY), "lscb_mediation", "line_manager", 4)
    declined = act("decline_mediation", moment(APRIL + 3 * DAY), "line_manager", "lscb_mediation", 2)
    end = act("confirm_outcome", moment(APRIL + 4 * DAY), "resolved", "line_manager", 2)
    of = facts(case("a", sent(APRIL), up, asked, declined, end))
    assert numbers(of, Q1, "reached")["lscb_mediation", "closed"] == 1
    assert numbers(of, Q1, "ended")["line_manager", "resolved"] == 1


# ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def with_limit(reached: dt.datetime | None, *acts: Act) -> Case:
    return case("a", sent(APRIL), *acts, limits=(Limited("step", 1, moment(APRIL), reached),), asked="care")


def test_a_step_left_after_its_limit_was_late_and_the_answer_too() -> None:
    limit = moment(APRIL + DAY, 17)
    reached = act("reach_limit", limit, about="step")
    answered = act("answer", moment(APRIL + 2 * DAY), by_responding_side=True)
    late = facts(with_limit(limit, reached, answered, *agreed(APRIL + 3 * DAY)))
    in_time = facts(with_limit(None, answered, *agreed(APRIL + 3 * DAY)))
    assert numbers(late, Q1, "step")["practitioner", "late"] == 1
    assert numbers(late, Q1, "answer")["care", "late_practitioner"] == 1
    assert numbers(in_time, Q1, "step")["practitioner", "in_time"] == 1
    assert numbers(in_time, Q1, "answer")["care", "late_practitioner"] == 0
    assert numbers(in_time, Q1, "answer")["care", "all_practitioner"] == 1


def test_it_is_not_the_agencys_lateness_when_the_raising_side_had_to_say_which_child() -> None:
    limit = moment(APRIL + DAY, 17)
    cannot = act("cannot_tell_which_child", moment(APRIL), by_responding_side=True)
    reached = act("reach_limit", limit, about="step")
    answered = act("answer", moment(APRIL + 2 * DAY), by_responding_side=True)
    assert numbers(facts(with_limit(limit, cannot, reached, answered)), Q1, "answer")["care", "late_practitioner"] == 0


def test_what_the_raising_side_writes_is_no_answer() -> None:
    own = act("propose_outcome", moment(APRIL))
    assert numbers(facts(case("a", sent(APRIL), own)), Q1, "answer")[ALL, "all_practitioner"] == 0
    talked = act("record_discussion", moment(APRIL))
    assert numbers(facts(case("a", sent(APRIL), talked)), Q1, "answer")[ALL, "all_practitioner"] == 1


def test_lateness_is_of_the_agency_that_was_asked_then() -> None:
    passed_on = moment(APRIL + 2 * DAY)
    reached = act("reach_limit", moment(APRIL + DAY, 17), about="step")
    one = Case("a", "school", "roles", False, (sent(APRIL), reached), (Asked("surgery", passed_on), Asked("care")))
    found = numbers(facts(one), Q1, "answer")
    assert (found["surgery", "late_practitioner"], found["care", "late_practitioner"]) == (1, 0)


def test_the_length_of_a_step_is_shown_of_five_and_its_ninetieth_percentile_of_ten() -> None:
    def some(n: int) -> dict[str, Any]:
        cases = [case(f"{i}", sent(APRIL), *agreed(APRIL + (i + 1) * DAY)) for i in range(n)]
        return next(table for table in statistics.release(facts(*cases), Q1, {}) if table["key"] == "step")["days"]  # type: ignore[return-value]

    assert some(4) == {}
    assert some(5)["practitioner"] == {"median": 4.0, "ninetieth": None}
    assert some(10)["practitioner"] == {"median": 6.5, "ninetieth": 10.0}


def test_percentiles_lie_between_the_nearest_two() -> None:
    assert statistics.percentile([1, 2, 3, 4], 50) == 2.5
    assert statistics.percentile([1], 90) == 1
    assert statistics.percentile([0, 10], 90) == 9


# ── what is left to do, and learning ────────────────────────────────────────────────────────────────────────────────


def test_issues_of_the_version_that_was_confirmed_alone() -> None:
    acts = agreed(APRIL + 2 * DAY)
    first = act("propose_outcome", moment(APRIL))
    late = act("note_overdue_issue", moment(JULY), "resolved", issue="2")
    issues = (
        Issue("1", moment(APRIL), None),
        Issue("2", acts[0].at, None),
        Issue("3", acts[0].at, moment(APRIL + 9 * DAY)),
    )
    of = facts(case("a", sent(APRIL), first, *acts, late, issues=issues))
    before, after = numbers(of, Q1, "issue"), numbers(of, Q2, "issue")
    assert [before[row, "issues"] for row in ("agreed", "done", "overdue", "open")] == [2, 1, 0, 1]
    assert [after[row, "issues"] for row in ("agreed", "done", "overdue", "open")] == [0, 0, 1, 1]


def test_general_issues_by_what_happened_when() -> None:
    point = Point("p", "a", "roles", moment(APRIL), moment(APRIL + DAY), None, "theme", moment(JULY), moment(JULY + DAY))
    of = facts(
        case("a", sent(APRIL)), points=[point], talks=[Talk("t", "a", moment(APRIL), held=False), Talk("u", "a", moment(JULY), held=True)]
    )
    assert {row for (row, _), n in numbers(of, Q1, "point").items() if n} == {"named", "referred"}
    assert {row for (row, _), n in numbers(of, Q2, "point").items() if n} == {"decided", "changed"}
    assert numbers(of, Q1, "about")["roles", "named"] == 1
    assert numbers(of, Q1, "theme")["theme", "named"] == 1
    assert numbers(of, Q1, "debrief")["asked", "debriefs"] == numbers(of, Q2, "debrief")["held", "debriefs"] == 1


# ── releases ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_lines_add_up() -> None:
    of = partnership(5, cases=70)
    counted = statistics.count(of)
    for period in (Q1, Q3, Period.year(2025)):
        for table in statistics.tables(of, counted, period):
            for *places, total in [*table.lines, *table.shows_noughts]:
                assert sum(counted.number(table.parts[place]) for place in places) == counted.number(table.parts[total]), (table.key, total)


def test_subjects_that_count_the_same_have_the_same_sums() -> None:
    counted = statistics.count(partnership(6, cases=70))
    rows = list(statistics.known_to_all(counted))
    assert len(rows) > 20
    assert all(sum(counted.units[part] * times for part, times in row.items()) == 0 for row in rows)


def test_a_release_is_plain_and_the_same_every_time() -> None:
    import json

    of = partnership(8)
    once, again = released(of), released(of)
    assert json.loads(json.dumps(list(once.values()))) == json.loads(json.dumps(list(again.values())))


def test_a_table_whose_earlier_numbers_changed_is_not_shown_again() -> None:
    """A point that was moved to another theme: the year beside the quarters would tell which."""
    points = [Point(f"p{i}", f"{i}", "roles", moment(APRIL), theme="one" if i < 6 else "two") for i in range(12)]
    cases = [case(f"{i}", sent(APRIL)) for i in range(12)]
    before = statistics.release(facts(*cases, points=points), Q1, {})
    showed = {Q1: {str(table["key"]): statistics.cells_of(table) for table in before}}
    assert showed[Q1]["theme"]["one", "named"] == 6
    moved = [*points[:5], Point("p5", "5", "roles", moment(APRIL), theme="two"), *points[6:]]
    year = {
        str(table["key"]): statistics.cells_of(table)
        for table in statistics.release(facts(*cases, points=moved), Period.year(2025), showed)
    }
    assert set(year["theme"].values()) == {None}
    assert year["about"]["roles", "named"] == 12


def test_the_pure_modules_know_no_django() -> None:
    for name in ("statistics", "suppression"):
        tree = ast.parse(Path(statistics.__file__).with_name(f"{name}.py").read_text(encoding="utf-8"))
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not any(module and module.startswith("django") for module in imported)
