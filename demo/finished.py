"""Two disagreements that have ended well, with their dates of 2026: a referral not accepted, and a plan that was to close too soon."""

from __future__ import annotations

import datetime as dt
from typing import Any

from accounts.acting import acting_as
from accounts.models import Agency
from demo.people import Northshire
from demo.story import Days, Story
from disputes.models import Entry
from disputes.stages import SideKind
from escalation.moves import NewChild
from learning.models import DebriefRequest, LearningPoint


def tell(north: Northshire, days: Days) -> list[Story]:
    return [threshold_refused(north, days), step_down_disputed(north, days)]


def threshold_refused(north: Northshire, days: Days) -> Story:
    def on(moment: str) -> dt.datetime:
        return days.on(moment, ended="2026-03-10 10:00")

    story = Story(north).send(
        on("2026-03-02 09:40"),
        "aisha.khan",
        "sam.reid",
        category="thresholds",
        children=[NewChild("Ash", "5_10", "HL-0417")],
        facts={"decided_on": on("2026-02-27 15:10").date().isoformat()},
        decision=(
            "Our referral of 26 February came back as no further action. The letter says that the threshold was not met. "
            "It gives no reasons."
        ),
        why_unsafe=(
            "Over two terms Ash has come to school hungry, in the same unwashed clothes, and late on most Mondays. Each sign is "
            "small. Together they show that nobody at home is looking after her daily needs, and it is getting worse, not better."
        ),
        outcome_wanted="An assessment under section 17 that looks at all the contacts together, with a visit to the home.",
        child_says="“I like it best at breakfast club.” She asks for seconds and takes bread home for her brother.",
        consulted="Grace Obi, our head teacher, has read this and agrees that I raise it.",
    )
    story.move(on("2026-03-02 09:55"), "sam.reid", "match_child", references={1: "CSC-20931"})
    story.move(
        on("2026-03-03 11:25"),
        "aisha.khan",
        "record_discussion",
        facts={"how": "phone"},
        happened_at=on("2026-03-03 11:00"),
        who="Aisha Khan and Sam Reid",
        said=(
            "We went through the February referral line by line. Sam could see only that one contact on the day; I described the earlier "
            "ones from our own file. We understood each other but did not agree whether they add up."
        ),
    )
    story.move(
        on("2026-03-03 16:05"),
        "sam.reid",
        "answer",
        view="Taken by itself, the referral describes early help rather than a child in need.",
        reasons="No injury, no disclosure, and the mother has been willing to talk. I had no chronology with the referral.",
        offer="I am glad to look again if the school can send dates of the earlier contacts.",
    )
    story.move(
        on("2026-03-04 10:15"),
        "aisha.khan",
        "refer_to_line_manager",
        unresolved="We have talked and still differ. I have put the seven earlier contacts into a chronology and asked Grace to go on.",
    )
    story.move(
        on("2026-03-06 14:40"),
        "grace.obi",
        "record_discussion",
        facts={"how": "meeting"},
        happened_at=on("2026-03-06 14:00"),
        child_safe="yes",
        who="Grace Obi and Mona Lewis",
        said=(
            "We read the earlier contacts side by side. Seen together they show a pattern that no single referral did. "
            "Mona will open an assessment today."
        ),
    )
    story.move(
        on("2026-03-06 16:20"),
        "mona.lewis",
        "propose_outcome",
        child_safe="yes",
        outcome=(
            "The front door opens an assessment under section 17 today. The seven earlier contacts are part of it. A social worker visits "
            "the home by 11 March, and the school hears the outcome in writing, with reasons."
        ),
    )
    story.move(on("2026-03-09 08:50"), "grace.obi", "confirm_outcome", child_safe="yes", facts={"agreement_version": 1})
    story.move(on("2026-03-09 09:20"), "aisha.khan", "say_still_at_risk", child_safe="yes", facts={"still_at_risk": False})
    school = story.move(
        on("2026-03-09 09:35"),
        "aisha.khan",
        "answer_closing_questions",
        child_safe="yes",
        facts={"worker_satisfied": True, "agency_satisfied": True, "general_issue": True, "debrief": True},
        comment="It helped that nobody took it personally.",
    )
    _learn(north, school, "threshold", "Letters that decline a referral give no reasons, so nobody can learn from them.")
    _debrief(north, school)
    front_door = story.move(
        on("2026-03-10 10:00"),
        "mona.lewis",
        "answer_closing_questions",
        child_safe="yes",
        facts={"worker_satisfied": True, "agency_satisfied": True, "general_issue": True, "debrief": False},
    )
    _learn(north, front_door, "information_sharing", "Referrals about neglect often come without a chronology.")
    return story


def step_down_disputed(north: Northshire, days: Days) -> Story:
    def on(moment: str) -> dt.datetime:
        return days.on(moment, ended="2026-06-04 11:10")

    story = Story(north).send(
        on("2026-05-20 13:00"),
        "nell.doyle",
        "priya.nair",
        category="need_for_action",
        children=[NewChild("Robin", "1_4", "HV-3308"), NewChild("Wren", "1_4", "HV-2951")],
        facts={"decided_on": on("2026-05-18 10:00").date().isoformat()},
        decision="The child in need plan for both children is to close at the end of May.",
        why_unsafe=(
            "I have been turned away at the door four times since April, and nobody has seen where the children sleep. The plan was made "
            "because of home conditions. We cannot say that they are better when no one has been let in."
        ),
        outcome_wanted="The plan stays open until a home visit has taken place and both children have been seen.",
        consulted="Helen Carr, named nurse, advised me to raise it now rather than after the plan has closed.",
    )
    story.move(on("2026-05-20 15:10"), "priya.nair", "match_child", references={1: "CSC-18220", 2: "CSC-18221"})
    story.move(
        on("2026-05-22 16:10"),
        "nell.doyle",
        "record_discussion",
        facts={"how": "video"},
        happened_at=on("2026-05-22 15:30"),
        who="Nell Doyle and Priya Nair",
        said=(
            "Priya has seen the children at nursery, where they do well, and reads the refusals as anger with services. I worry about "
            "what we are not shown. We did not agree, and parted on good terms."
        ),
    )
    story.move(
        on("2026-05-29 09:30"),
        "nell.doyle",
        "refer_to_line_manager",
        unresolved="The time between us has run out without an answer that settles it. Rita and Dawn have agreed to take it up.",
    )
    story.move(
        on("2026-06-02 12:35"),
        "dawn.fletcher",
        "record_discussion",
        facts={"how": "meeting"},
        happened_at=on("2026-06-02 12:00"),
        child_safe="yes",
        who="Rita Osei and Dawn Fletcher",
        said=(
            "We looked at what would have to be true for the plan to close safely, and found that we agree on that. "
            "A joint visit comes first."
        ),
    )
    raising, answering = str(story.side(SideKind.RAISING).pk), str(story.side().pk)
    story.move(
        on("2026-06-02 14:20"),
        "dawn.fletcher",
        "propose_outcome",
        child_safe="yes",
        outcome=(
            "Closing is put off by six weeks. Priya and Nell visit together and see both children at home, and the plan is reviewed on "
            "14 July with what they found."
        ),
        issue_1="Review the plan with what the joint visit found",
        how_1="A review meeting on 14 July, chaired by Dawn Fletcher, with the health visitor present",
        issue_2="Offer the mother a joint visit at a time that suits her",
        how_2="Nell Doyle rings her this week and offers two times",
        facts={
            "issues": [
                {
                    "owner_side": answering,
                    "owner": str(north.people["dawn.fletcher"].pk),
                    "due_on": on("2026-07-14 12:00").date().isoformat(),
                },
                {"owner_side": raising, "owner": str(north.people["nell.doyle"].pk), "due_on": on("2026-06-12 12:00").date().isoformat()},
            ]
        },
    )
    story.move(on("2026-06-03 09:10"), "rita.osei", "confirm_outcome", child_safe="yes", facts={"agreement_version": 1})
    story.move(on("2026-06-03 11:30"), "nell.doyle", "say_still_at_risk", child_safe="yes", facts={"still_at_risk": False})
    health = story.move(
        on("2026-06-03 11:40"),
        "nell.doyle",
        "answer_closing_questions",
        child_safe="yes",
        facts={"worker_satisfied": True, "agency_satisfied": True, "general_issue": True, "debrief": False},
    )
    _learn(north, health, "protocol", "There are no shared criteria for closing a plan while home visits are refused.")
    care = story.move(
        on("2026-06-04 11:10"),
        "dawn.fletcher",
        "answer_closing_questions",
        child_safe="yes",
        facts={"worker_satisfied": False, "agency_satisfied": True, "general_issue": False, "debrief": True},
    )
    _debrief(north, care)
    story.finish(
        on("2026-06-11 15:40"),
        "nell.doyle",
        2,
        "Priya Nair and I were let in on 10 June and saw both children in their bedrooms. Note of the visit in the health record.",
    )
    if on("2026-07-14 15:30") <= days.now:
        story.finish(
            on("2026-07-14 15:30"),
            "dawn.fletcher",
            1,
            "Reviewed today with health visiting. The plan goes on for three months, a visit each fortnight. Minutes in the child’s file.",
        )
    return story


def _learn(north: Northshire, entry: Entry, about: str, issue: str) -> None:
    """A general issue in words that identify no one, for the representative of the agency that named it (23.19)."""
    with acting_as(entry.person):
        agency = Agency.objects.get(teams__posts=entry.post_id)
        LearningPoint.objects.create(**_of(north, entry, named_by="person"), agency=agency, about=about, issue=issue)


def _debrief(north: Northshire, entry: Entry) -> None:
    """A debrief asked for (23.20)."""
    with acting_as(entry.person):
        DebriefRequest.objects.create(**_of(north, entry, side="side", asked_by="person"))


def _of(north: Northshire, entry: Entry, **also: str) -> dict[str, Any]:
    """What a row of learning has from its entry; `also` names further fields by the entry's own."""
    kept = {"partnership": north.partnership, "disagreement_id": entry.disagreement_id, "entry": entry, "recorded_at": entry.recorded_at}
    return kept | {field: getattr(entry, own) for field, own in also.items()}
