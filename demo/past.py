"""Disagreements of the last quarter, and of the end of the last financial year, all ended: short stories, so that the figures have
something to say, and the annual report too."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from demo.people import Northshire
from demo.story import LONDON, Days, Story
from escalation.moves import NewChild
from learning.statistics import Period, local_day

MANAGERS = {
    **dict.fromkeys(("aisha.khan", "zoe.price"), "grace.obi"),
    **dict.fromkeys(("nell.doyle", "bea.sharma"), "rita.osei"),
    **dict.fromkeys(("sam.reid", "tessa.quinn"), "mona.lewis"),
    **dict.fromkeys(("priya.nair", "joe.walsh"), "dawn.fletcher"),
    "kate.lowe": "jan.price",
    "ben.cole": "lena.frost",
}
# fmt: off
NAMES = (
    "Alder", "Avocet", "Birch", "Bramble", "Bunting", "Clover", "Coot", "Curlew", "Dipper", "Dunlin", "Elder", "Fern", "Fulmar",
    "Garnet", "Gorse", "Hazel", "Hobby", "Iris", "Ivy", "Jay", "Juniper", "Kestrel", "Knot", "Laurel", "Linden", "Lotus", "Mallow",
    "Marten", "Myrtle", "Nettle", "Oriole", "Osprey", "Pearl", "Petrel", "Pine", "Pipit", "Plover", "Poppy", "Quail", "Reed", "Rush",
    "Sage", "Siskin", "Sloe", "Swift", "Tansy", "Tern", "Thistle", "Thrush", "Willow",
)
# fmt: on


# (who raises, whom they ask, what about) of one quarter; of every four one begins with the managers, and one is taken back.
RAISED = [
    ("aisha.khan", "sam.reid", "thresholds"),
    ("nell.doyle", "priya.nair", "need_for_action"),
    ("ben.cole", "tessa.quinn", "communication"),
    ("sam.reid", "nell.doyle", "roles_and_responsibilities"),
    ("zoe.price", "tessa.quinn", "thresholds"),
    ("aisha.khan", "joe.walsh", "communication"),
    ("bea.sharma", "sam.reid", "thresholds"),
    ("ben.cole", "sam.reid", "need_for_action"),
    ("tessa.quinn", "bea.sharma", "communication"),
    ("aisha.khan", "sam.reid", "thresholds"),
    ("nell.doyle", "joe.walsh", "thresholds"),
    ("ben.cole", "priya.nair", "thresholds"),
    ("zoe.price", "sam.reid", "need_for_action"),
    ("priya.nair", "nell.doyle", "need_for_action"),
    ("kate.lowe", "tessa.quinn", "thresholds"),
    ("aisha.khan", "tessa.quinn", "need_for_action"),
    ("ben.cole", "joe.walsh", "thresholds"),
    ("sam.reid", "bea.sharma", "thresholds"),
    ("ben.cole", "sam.reid", "communication"),
    ("aisha.khan", "joe.walsh", "thresholds"),
]
WORDS = {
    "thresholds": (
        "The referral was closed because the threshold was not met.",
        "What we see in a week does not show in one contact. Taken together it worries us.",
        "Somebody looks at all the contacts together, and tells us what would change the decision.",
    ),
    "need_for_action": (
        "What was agreed at the last meeting has not been done, and no new date is set.",
        "Nothing has changed at home while everybody waits.",
        "A visit this week, and a date for what comes after it.",
    ),
    "communication": (
        "We heard of the change in the plan from the family, not from you.",
        "We went on as before, and nobody was watching for what the plan says.",
        "The plan in writing, and a name to ring when something changes.",
    ),
    "roles_and_responsibilities": (
        "Each of us thought that the other would tell the family.",
        "For ten days nobody did, and the child heard it at school.",
        "We settle who speaks with the family, and write it into the plan.",
    ),
}
OUTCOMES = {
    "decision_changed": "The decision is changed: it is taken up again this week, with what both of us know.",
    "compromise": "We do half of it now and look at the rest together in three weeks.",
    "reasons_accepted": "The decision stands. The reasons were explained, and they make sense with what was not known before.",
}


@dataclass
class Bygone(Story):
    """One that has ended, known by the name of its child: demo/learning.py says of some what was learnt."""

    name: str = ""


@dataclass(frozen=True)
class Past:
    """One of them: the how-manieth of its quarter says how it went."""

    north: Northshire
    days: Days
    quarter: Period
    at: int
    name: str

    def on(self, day: int, time: str) -> dt.datetime:
        """`time` on the so-manieth working day after its beginning."""
        begins = self.quarter.first + dt.timedelta(days=3 * self.at)
        return dt.datetime.combine(self.days.calendar.add_working_days(begins, day), dt.time.fromisoformat(time), LONDON)

    def tell(self) -> Bygone:
        by, to, category = RAISED[self.at]
        decision, why_unsafe, outcome_wanted = WORDS[category]
        urgent = self.at % 4 == 0  # begins with the managers (23.13)
        story = Bygone(self.north, name=self.name)
        story.send(
            self.on(1, "09:20"),
            by,
            to,
            category=category,
            children=[NewChild(self.name, "5_10", f"R-{1000 + self.at}")],
            facts={"at_immediate_risk": urgent, "start_higher": urgent},
            child_safe="no" if urgent else "unsure",
            decision=decision,
            why_unsafe=why_unsafe,
            outcome_wanted=outcome_wanted,
        )
        if self.at % 4 == 2:  # taken back before anybody answered
            story.move(self.on(1, "15:10"), by, "withdraw", reason="It was a misunderstanding about dates.", child_safe="yes")
            return story
        story.move(self.on(1, "10:35"), to, "match_child", references={1: f"C-{4000 + self.at}"}, child_safe="yes")
        if urgent:
            self._by_managers(story, by, to)
        else:
            self._between_them(story, by, to)
        return story

    def _between_them(self, story: Story, by: str, to: str) -> None:
        answered = 5 if self.at % 4 == 3 else self.at % 3 + 1  # half after the time limit
        self._propose(story, to, answered)
        said = {"agreement_version": 1, "still_at_risk": False}
        story.move(self.on(answered + 1, "09:15"), by, "confirm_outcome", facts=said, child_safe="yes")

    def _by_managers(self, story: Story, by: str, to: str) -> None:
        self._propose(story, MANAGERS[to], 2)
        story.move(self.on(3, "09:40"), MANAGERS[by], "confirm_outcome", facts={"agreement_version": 1}, child_safe="yes")
        story.move(self.on(3, "10:05"), by, "say_still_at_risk", facts={"still_at_risk": False}, child_safe="yes")

    def _propose(self, story: Story, by: str, day: int) -> None:
        kind = list(OUTCOMES)[(0, 1, 2, 0, 1, 0)[self.at % 6]]
        story.move(self.on(day, "14:05"), by, "propose_outcome", facts={"kind_of_outcome": kind}, child_safe="yes", outcome=OUTCOMES[kind])


def tell(north: Northshire, days: Days) -> list[Bygone]:
    """Twenty of each quarter, the earlier quarter first."""
    earlier, last = quarters(local_day(days.now))
    told: list[Bygone] = []
    for first, quarter in ((0, earlier), (len(RAISED), last)):
        told += [Past(north, days, quarter, at, NAMES[first + at]).tell() for at in range(len(RAISED))]
    return told


def quarters(today: dt.date) -> tuple[Period, Period]:
    """The last that is completed; and the last of the financial year before it, so that a year has numbers, and a quarter after it."""
    last = Period.quarter_of(_before(Period.quarter_of(today)))
    return Period.quarter_of(_before(Period.year(last.starts_in))), last


def _before(period: Period) -> dt.date:
    return period.first - dt.timedelta(days=1)
