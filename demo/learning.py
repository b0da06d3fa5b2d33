"""What the stories taught: general issues named at their ends, referred, merged into themes, decided, done and told back (23.19)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from accounts.acting import acting_as
from accounts.models import Agency
from demo.past import Bygone
from demo.people import HEALTH, POLICE, SCHOOL, SOCIAL_CARE, Northshire
from demo.story import LONDON, Days, Story
from learning.models import About, Decision, LearningPoint, Referral, Subgroup, Theme, ThemePoint

REPRESENTATIVES = {SCHOOL: "judith.hale", SOCIAL_CARE: "anne.corrigan", HEALTH: "helen.carr", POLICE: "omar.haddad"}
QUALITY, PROCEDURES = "Quality assurance", "Policy and procedures"
MEMBER = "vera.blunt"
A_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Named:
    """A general issue that `by` named when the past story of a child of this name ended."""

    story: str
    by: str
    about: str
    issue: str
    theme: str = ""  # the title of the theme it came to belong to
    kept: str = ""  # the reason why it stayed in the agency
    waits: bool = False  # for its representative


@dataclass(frozen=True)
class Seen:
    """A theme, and what was decided about it."""

    title: str
    about: str
    summary: str
    kind: str
    what: str
    owner: str
    takes: int  # days from the decision to its date; below 0: not done, see _due
    changed: str = ""
    evidence: str = ""
    finished: str = ""  # how a point begins that the two finished stories brought


TIERS = "Children between the tiers of the mental health service"
LETTERS = "Reasons in letters that decline a referral"
CHRONOLOGY = "A chronology with every referral about neglect"
CLOSING = "When a plan may close while visits are refused"
HOSPITAL = "Leaving hospital with everything in place"
ROLL = "Removing a child from a school’s roll"
UNBORN = "Assessments before birth begin too late"

NAMED = [
    Named(
        "Avocet",
        "nell.doyle",
        About.PROTOCOL,
        "There is no joint checklist for a discharge from hospital. Equipment and a named worker are settled on the last day, if at all.",
        HOSPITAL,
    ),
    Named(
        "Bunting",
        "zoe.price",
        About.INFORMATION_SHARING,
        "A school can take a child off its roll without the lead practitioner hearing of it, although the child has a plan.",
        ROLL,
    ),
    Named(
        "Garnet",
        "priya.nair",
        About.PROTOCOL,
        "Assessments before birth begin at 34 weeks. When agencies then disagree, there is no time left to do it well.",
        UNBORN,
    ),
    Named(
        "Dunlin",
        "aisha.khan",
        About.RESOURCES,
        "Referrals to the mental health service come back, each time with another reason, and nobody keeps hold while the tiers decide.",
        TIERS,
    ),
    Named(
        "Hazel",
        "aisha.khan",
        About.RESOURCES,
        "A child can be too ill for one tier and not ill enough for the next. There is no service in between, and no word for that.",
        TIERS,
    ),
    Named(
        "Dipper",
        "tessa.quinn",
        About.RESOURCES,
        "When a young person waits for the mental health service, three agencies each believe that another one sees them meanwhile.",
        TIERS,
    ),
    Named(
        "Fern",
        "ben.cole",
        About.SYSTEM,
        "Our duty list shows who was on call last week, so that others ring a person who is asleep.",
        kept="It is our own list. It is made afresh each Monday from now on, and the partnership’s office has the number.",
    ),
    Named(
        "Poppy",
        "sam.reid",
        About.THRESHOLD,
        "Letters that decline still go out without reasons at weekends, when duty staff write them.",
        LETTERS,
    ),
    Named(
        "Petrel",
        "priya.nair",
        About.TRAINING,
        "People new to their post do not know that they may disagree with somebody more senior, or how.",
    ),
    Named(
        "Reed",
        "aisha.khan",
        About.INFORMATION_SHARING,
        "After a meeting that one agency could not attend, nobody tells it what was decided.",
        waits=True,
    ),
]

SEEN = [
    Seen(
        LETTERS,
        About.THRESHOLD,
        "A referral is declined in two lines. Whoever referred learns neither what was weighed nor what would change the decision, refers "
        "again with the same words, or gives up.",
        Decision.Kind.GUIDANCE,
        "A letter that declines says what was known, what was weighed, and what would change the decision.",
        "mona.lewis",
        60,
        "Every letter that declines a referral now says what was known, what was weighed, and what would change the decision.",
        "Forty letters read by the group: thirty-eight had all three parts.",
        finished="Letters that decline",
    ),
    Seen(
        CHRONOLOGY,
        About.INFORMATION_SHARING,
        "Neglect shows over months. A referral that tells of one day reads as early help, although the file it comes from tells "
        "another story.",
        Decision.Kind.GUIDANCE,
        "One page for all agencies: how to write a chronology in twenty minutes, with an example.",
        "helen.carr",
        -1,
        finished="Referrals about neglect",
    ),
    Seen(
        CLOSING,
        About.PROTOCOL,
        "A plan is to close because nothing new has come up. Nothing new has come up because nobody was let in. Agencies read the "
        "same silence in two ways.",
        Decision.Kind.PROTOCOL,
        "Shared criteria for closing: the children have been seen at home by somebody, and every agency of the plan has been asked.",
        "ruth.adeyemi",
        -2,
        finished="There are no shared criteria",
    ),
    Seen(
        HOSPITAL,
        About.PROTOCOL,
        "A ward is ready to send a child home, and those who look after the child there hear of it that morning.",
        Decision.Kind.PROTOCOL,
        "A joint discharge checklist for children with complex needs: equipment, a named worker, a date for the first visit.",
        "noor.malik",
        -3,
    ),
    Seen(
        ROLL,
        About.INFORMATION_SHARING,
        "Education at home may be a good choice. When a child who has a plan leaves the roll, those who work with the child need to "
        "know before.",
        Decision.Kind.PROTOCOL,
        "The lead practitioner hears before a child with a plan is taken off the roll.",
        "ian.marsh",
        45,
        "It is a local rule now: the school tells the lead practitioner in writing before a child with a plan is taken off its roll.",
        "Section 4 of the local procedure. Asked of eleven schools in the autumn: all knew it.",
    ),
    Seen(
        UNBORN,
        About.PROTOCOL,
        "Work with a family before birth began so late that any disagreement about it used up the weeks that were left.",
        Decision.Kind.PROTOCOL,
        "The pathway before birth begins earlier.",
        "fay.grant",
        50,
        "The pathway before birth begins at 20 weeks, with a first meeting of all agencies by 24 weeks.",
        "Pathway of the health trust, page 3. Six assessments since then: the latest began at 23 weeks.",
    ),
    Seen(
        TIERS,
        About.RESOURCES,
        "A young person is referred, sent on to another tier, and sent back. Each tier keeps to its own criteria. Meanwhile nobody holds "
        "the worry, and those who referred argue about whose child it is.",
        Decision.Kind.COMMISSION,
        "The executive is asked to commission what is missing between the tiers. Until then: whoever has the referral keeps it until the "
        "next tier has said yes.",
        "carys.bevan",
        -4,
    ),
]


def tell(north: Northshire, days: Days, past: list[Bygone]) -> None:
    """After the stories of the past quarters and the two that have ended well, whose points stand already."""
    subgroups = _subgroups(north)
    stories = {story.name: story for story in past}
    named: list[tuple[Named, LearningPoint]] = [(one, _name(north, days, one, stories[one.story])) for one in NAMED]
    with acting_as(north.people[MEMBER]):
        earlier = {
            seen.title: LearningPoint.objects.filter(partnership=north.partnership, issue__startswith=seen.finished).earliest("recorded_at")
            for seen in SEEN
            if seen.finished
        }
    for point in earlier.values():
        _refer(north, days, point, subgroups[QUALITY])
    for one, point in named:
        if not one.waits:
            _refer(north, days, point, None if one.kept else subgroups[QUALITY], one.kept)
    for seen in SEEN:
        first = earlier.get(seen.title)
        points = [point for one, point in named if one.theme == seen.title]
        where = PROCEDURES if seen.kind == Decision.Kind.PROTOCOL else QUALITY
        _see(north, days, seen, [*([first] if first else []), *points], subgroups[where], first)


def _subgroups(north: Northshire) -> dict[str, Subgroup]:
    with acting_as(north.people["callum.reeve"]):
        return {name: Subgroup.objects.create(partnership=north.partnership, name=name) for name in (QUALITY, PROCEDURES)}


def _name(north: Northshire, days: Days, one: Named, story: Story) -> LearningPoint:
    """`one.by` answers the closing questions the working day after the end, and names it."""
    assert story.last is not None  # noqa: S101 - it has been told
    next_day = days.calendar.add_working_days(story.last.astimezone(LONDON).date(), 1)
    at = dt.datetime.combine(next_day, dt.time(11, 20), LONDON)
    asked = {"worker_satisfied": True, "agency_satisfied": True, "general_issue": True, "debrief": False}
    entry = story.move(at, one.by, "answer_closing_questions", child_safe="yes", facts=asked)
    with acting_as(north.people[one.by]):
        return LearningPoint.objects.create(
            partnership=north.partnership,
            disagreement_id=story.id,
            entry=entry,
            agency=Agency.objects.get(teams__posts=entry.post_id),
            named_by=north.people[one.by],
            about=one.about,
            issue=one.issue,
            recorded_at=at,
        )


def _refer(north: Northshire, days: Days, point: LearningPoint, subgroup: Subgroup | None, reason: str = "") -> None:
    by = north.people[REPRESENTATIVES[point.agency.name]]
    with acting_as(by):
        Referral.objects.create(
            partnership=north.partnership,
            point=point,
            subgroup=subgroup,
            reason=reason,
            referred_by=by,
            referred_at=min(point.recorded_at + 2 * A_DAY, days.lately(30)),
        )


def _see(north: Northshire, days: Days, seen: Seen, points: list[LearningPoint], subgroup: Subgroup, first: LearningPoint | None) -> None:
    """The subgroup meets some days after the points it had then; what came later was placed when it came."""
    before = [first] if first else points
    met = min(max(point.recorded_at for point in before) + 6 * A_DAY, days.lately(25))
    member = north.people[MEMBER]
    with acting_as(member):
        theme = Theme.objects.create(
            partnership=north.partnership,
            subgroup=subgroup,
            title=seen.title,
            about=seen.about,
            summary=seen.summary,
            made_by=member,
            made_at=met,
        )
        for point in points:
            placed_at = max(met, min(point.recorded_at + 6 * A_DAY, days.lately(20)))
            ThemePoint.objects.create(partnership=north.partnership, point=point, theme=theme, placed_by=member, placed_at=placed_at)
        decided = Decision.objects.create(
            partnership=north.partnership,
            theme=theme,
            kind=seen.kind,
            what=seen.what,
            owner=north.people[seen.owner],
            due_on=_due(days, seen, met),
            decided_by=member,
            decided_at=met,
        )
    if seen.changed:
        _done(north, days, decided.pk, seen, met)


def _due(days: Days, seen: Seen, met: dt.datetime) -> dt.date:
    """Of what is done, some days after it was decided; of the rest, soon, one of them late."""
    today = days.now.astimezone(LONDON).date()
    from_today = {-1: 21, -2: -6, -3: 40, -4: 75}
    return today + dt.timedelta(days=from_today[seen.takes]) if seen.takes < 0 else met.date() + dt.timedelta(days=seen.takes)


def _done(north: Northshire, days: Days, decision: UUID, seen: Seen, met: dt.datetime) -> None:
    at = min(met + dt.timedelta(days=seen.takes - 4), days.lately(15))
    owner = north.people[seen.owner]
    with acting_as(owner):
        Decision.objects.filter(pk=decision).update(
            what_changed=seen.changed, evidence=seen.evidence, done_on=at.astimezone(LONDON).date(), done_by=owner, done_at=at
        )
