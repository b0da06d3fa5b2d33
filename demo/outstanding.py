"""Outcomes that leave something to be done: an interim plan while a service is missing, and a promise whose day has passed."""

from __future__ import annotations

import datetime as dt
from typing import Any

from demo.people import Northshire
from demo.story import Days, Story
from disputes.stages import SideKind
from escalation.moves import NewChild


def tell(north: Northshire, days: Days) -> list[Story]:
    return [between_two_tiers(north, days), feedback_not_given(north, days)]


def owed_by(story: Story, who: str, kind: SideKind, due_on: dt.date) -> dict[str, Any]:
    """One outstanding issue of this side, owned by this person."""
    return {"owner_side": str(story.side(kind).pk), "owner": str(story.person(who).pk), "due_on": due_on.isoformat()}


def between_two_tiers(north: Northshire, days: Days) -> Story:
    """Partly resolved: an interim plan now; that no service fits is carried forward to those who commission one, and stays open."""

    def on(moment: str) -> dt.datetime:
        return days.on(moment, ended="2026-03-31 12:00")

    story = Story(north).send(
        on("2026-03-16 10:00"),
        "aisha.khan",
        "maya.lind",
        category="thresholds",
        children=[NewChild("Brook", "11_15", "HL-0388")],
        facts={"decided_on": on("2026-03-13 12:00").date().isoformat()},
        decision="Brook’s referral has come back a third time, each time from another tier: too ill for one, not ill enough for another.",
        why_unsafe="Since January he has not slept through a night, and he has told two adults that he would rather not wake up.",
        outcome_wanted="One service takes him on now, and somebody says which one that is for the next child like him.",
        child_says="“Everyone says it’s someone else.”",
    )
    story.move(on("2026-03-16 14:10"), "maya.lind", "match_child", references={1: "CM-5521"})
    story.move(
        on("2026-03-18 15:20"),
        "maya.lind",
        "answer",
        view="He needs more than the school can give, and what he needs falls between our two teams.",
        reasons="The community team sees moderate anxiety. The intensive team takes young people from fourteen. Nothing lies between.",
        offer="I can ring Brook’s mother this week and go through a safety plan with her.",
    )
    story.move(on("2026-03-19 10:00"), "aisha.khan", "refer_to_line_manager", unresolved="Who takes him on. The safety plan is welcome.")
    story.move(
        on("2026-03-24 11:30"),
        "paul.grey",
        "answer",
        view="We agree about Brook, and cannot agree to what neither of us is paid to provide.",
        reasons="Three schools have raised the same gap since Christmas. It is no longer about one boy.",
    )
    story.move(
        on("2026-03-25 10:00"), "grace.obi", "pass_up_the_line", unresolved="Somebody who can decide about the gap has to hear of it."
    )
    story.move(
        on("2026-03-27 15:00"),
        "carys.bevan",
        "propose_outcome",
        child_safe="yes",
        outcome=(
            "The community team sees Brook each week from Monday, above its usual limits, until a service that fits is there. "
            "The safety plan is shared with the school."
        ),
        issue_1="Tell the partnership’s executive that no service fits young people of this age and need, and bring back its answer",
        how_1="A paper with the three cases, without names, for the executive’s next meeting; its answer in writing to both of us",
        facts={"issues": [owed_by(story, "carys.bevan", SideKind.RESPONDING, _weeks_ahead(days, 5))]},
    )
    story.move(on("2026-03-30 09:00"), "ian.marsh", "confirm_outcome", child_safe="yes", facts={"agreement_version": 1})
    story.move(on("2026-03-30 10:15"), "aisha.khan", "say_still_at_risk", child_safe="yes", facts={"still_at_risk": False})
    answered = {"worker_satisfied": True, "agency_satisfied": False, "general_issue": False, "debrief": False}
    story.move(on("2026-03-30 10:30"), "aisha.khan", "answer_closing_questions", child_safe="yes", facts=answered)
    story.move(on("2026-03-31 12:00"), "carys.bevan", "answer_closing_questions", child_safe="yes", facts=answered)
    return story


def feedback_not_given(north: Northshire, days: Days) -> Story:
    """Agreed between the line managers in the second version; one promise is kept, with its evidence, and one is past its day."""
    story = Story(north).send(
        days.ago(16, "09:40"),
        "aisha.khan",
        "sam.reid",
        category="communication",
        children=[NewChild("Sedge", "5_10", "HL-0372")],
        decision="For five weeks nobody has told us what came of the strategy meeting about Sedge.",
        why_unsafe="We see him every day and do not know what to watch for, or whom he may go home with.",
        outcome_wanted="We are told today who may collect him, and after each meeting within two working days what was decided.",
    )
    story.move(days.ago(16, "11:05"), "sam.reid", "match_child", references={1: "CSC-20377"})
    story.move(
        days.ago(15, "14:30"),
        "sam.reid",
        "answer",
        view="You should have heard. The minutes were waiting for a signature.",
        reasons="Our process lets nothing out before the chair of the meeting has signed.",
        offer="I rang Zoe this morning and told her who may collect him.",
    )
    story.move(days.ago(14, "10:10"), "aisha.khan", "refer_to_line_manager", unresolved="That it happens again next time.")
    story.move(
        days.ago(13, "11:40"),
        "mona.lewis",
        "propose_outcome",
        child_safe="yes",
        outcome="The school hears what was decided within five working days after each meeting.",
        issue_1="Write down how schools hear of decisions before the minutes are signed",
        how_1="A half-page note for our team, sent to you for comment",
        facts={"issues": [owed_by(story, "sam.reid", SideKind.RESPONDING, days.ago(5, "12:00").date())]},
    )
    story.move(days.ago(13, "15:05"), "grace.obi", "decline_outcome", change="Two working days, by phone. In five he has been home twice.")
    story.move(
        days.ago(12, "09:50"),
        "mona.lewis",
        "propose_outcome",
        child_safe="yes",
        outcome="The school hears by phone what was decided within two working days after each meeting, and in writing within five.",
        issue_1="Write down how schools hear of decisions before the minutes are signed",
        how_1="A one-page note for our team, sent to Grace Obi for comment",
        issue_2="Name one person at the school who takes these calls, and one who stands in",
        how_2="An email from Grace Obi to Mona Lewis",
        facts={
            "issues": [
                owed_by(story, "sam.reid", SideKind.RESPONDING, days.ago(4, "12:00").date()),
                owed_by(story, "grace.obi", SideKind.RAISING, days.ago(8, "12:00").date()),
            ]
        },
    )
    story.move(days.ago(12, "13:25"), "grace.obi", "confirm_outcome", child_safe="yes", facts={"agreement_version": 2})
    story.move(days.ago(11, "09:15"), "aisha.khan", "say_still_at_risk", child_safe="yes", facts={"still_at_risk": False})
    story.finish(days.ago(9, "10:20"), "grace.obi", 2, "Aisha Khan takes the calls, Zoe Price stands in. Email to Mona Lewis of today.")
    return story


def _weeks_ahead(days: Days, weeks: int) -> dt.date:
    """A working day so many weeks from now."""
    return days.calendar.add_working_days(days.now.date(), 5 * weeks)
