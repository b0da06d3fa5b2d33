"""What people do beside a disagreement: a debrief held and one asked for, thanks, learning events, and somebody's own log."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from accounts.acting import acting_as
from accounts.models import User
from demo.people import Northshire
from demo.story import Days, Story
from disputes.models import Seat
from learning.models import Attendance, Debrief, DebriefConsent, DebriefNote, DebriefParticipant, LearningEvent, LogEntry, Thanks

NOTE = (
    "We had each thought that the other knew. Sam had one letter on the desk, Aisha had two terms of mornings.\n\n"
    "From now on the school sends a chronology with a referral about neglect, and rings before it writes. The front door says in a decline "
    "what would have changed the decision. If it gets tense, we ring each other first and send the mail afterwards."
)


def tell(north: Northshire, days: Days, finished: list[Story]) -> None:
    """After the two finished stories: the debrief of the first was held, that of the second is asked for (in its closing questions)."""
    threshold, step_down = finished
    _debrief(north, days.on("2026-03-24 14:00", ended="2026-03-25 12:00"), threshold)
    _thank(
        north,
        days.ago(2, "11:40"),
        threshold,
        "mona.lewis",
        "aisha.khan",
        what_for=Thanks.For.CHALLENGE,
        text="You did not let go, and you never made it about us. I have told my team how you did it.",
    )
    _thank(
        north,
        days.ago(1, "09:15"),
        step_down,
        "nell.doyle",
        "dawn.fletcher",
        what_for=Thanks.For.RESPONSE,
        text="You looked again although you had decided, and said so openly. That made the rest easy.",
    )
    _events(north, days)
    _log(north, days)


def _debrief(north: Northshire, at: dt.datetime, story: Story) -> None:
    office = north.people["callum.reeve"]
    with acting_as(office):
        made = Debrief.objects.create(
            partnership=north.partnership,
            disagreement_id=story.id,
            arranged_by=office,
            facilitator="Ruth Adeyemi, who took no side",
            starts_at=at,
            place="Town hall, room 4",
            made_at=at - dt.timedelta(days=8),
        )
        came = ("aisha.khan", "sam.reid", "grace.obi")
        sides = _sides(north, story, "aisha.khan")
        DebriefParticipant.objects.bulk_create(
            DebriefParticipant(debrief=made, person=north.people[who], side_id=sides.get(north.people[who].pk))
            for who in (*came, "mona.lewis")
        )
    for who in came:  # each answers for themselves; Mona did not
        with acting_as(north.people[who]):
            DebriefParticipant.objects.filter(debrief=made, person=north.people[who]).update(answer=DebriefParticipant.Answer.YES)
    with acting_as(north.people["aisha.khan"]):
        note = DebriefNote(debrief=made, version=1, text=NOTE, written_by=north.people["aisha.khan"], written_at=at + dt.timedelta(hours=1))
        DebriefNote.objects.bulk_create([note])
    for hours, who in enumerate(came, start=1):
        with acting_as(north.people[who]):
            consent = DebriefConsent(note=note, person=north.people[who], given_at=at + dt.timedelta(hours=hours))
            DebriefConsent.objects.bulk_create([consent])


def _sides(north: Northshire, story: Story, seen_by: str) -> dict[Any, Any]:
    """Person -> side, as somebody who takes part reads it."""
    with acting_as(north.people[seen_by]):
        return dict(Seat.objects.filter(disagreement=story.id, side__isnull=False).values_list("person_id", "side_id"))


def _thank(north: Northshire, at: dt.datetime, story: Story, giver: str, to: str, **said: str) -> None:
    post = north.posts[to]
    above = next((one for one in post.up_the_line() if one.is_held), None)
    manager: User | None = above.holder if above else None
    with acting_as(north.people[giver]):
        row = Thanks(
            partnership=north.partnership,
            disagreement_id=story.id,
            from_person=north.people[giver],
            to_person=north.people[to],
            manager=manager,
            sent_at=at,
            **said,
        )
        Thanks.objects.bulk_create([row])


def _events(north: Northshire, days: Days) -> None:
    office = north.people["callum.reeve"]
    with acting_as(office):
        past, coming, shadowing = (
            LearningEvent.objects.create(partnership=north.partnership, made_by=office, made_at=made_at, **event)
            for made_at, event in (
                (
                    days.ago(40, "10:00"),
                    {
                        "kind": LearningEvent.Kind.BRIEFING,
                        "title": "What a decline should say",
                        "about": "Seven minutes on letters that decline a referral, and half an hour for questions.",
                        "starts_at": days.ago(12, "09:00"),
                        "hours": Decimal("0.5"),
                        "place": "By video: the link comes with the reminder",
                        "areas": ["responding", "learning"],
                    },
                ),
                (
                    days.ago(9, "10:00"),
                    {
                        "kind": LearningEvent.Kind.WORKSHOP,
                        "title": "Saying it early",
                        "about": (
                            "How to disagree before it hardens. We practise in threes across agencies: one raises, one answers, "
                            "one watches."
                        ),
                        "starts_at": days.ahead(9, "13:30"),
                        "hours": Decimal("3"),
                        "place": "Town hall, the long room",
                        "areas": ["raising", "responding"],
                    },
                ),
                (
                    days.ago(5, "10:00"),
                    {
                        "kind": LearningEvent.Kind.SHADOWING,
                        "title": "A morning at the front door",
                        "about": "Sit beside the duty team while referrals come in.",
                        "starts_at": days.ahead(15, "09:00"),
                        "hours": Decimal("3.5"),
                        "place": "Civic centre, second floor",
                        "areas": ["responding"],
                        "agencies": [str(north.posts["aisha.khan"].team.agency_id), str(north.posts["nell.doyle"].team.agency_id)],
                    },
                ),
            )
        )
    for who in ("aisha.khan", "sam.reid", "nell.doyle", "priya.nair", "grace.obi", "mona.lewis"):
        _comes(north, past, who, was_there=True)
    for who in ("aisha.khan", "mona.lewis", "nell.doyle"):
        _comes(north, coming, who)
    _comes(north, shadowing, "aisha.khan")


def _comes(north: Northshire, event: LearningEvent, who: str, *, was_there: bool = False) -> None:
    person = north.people[who]
    with acting_as(person):
        Attendance.objects.bulk_create([Attendance(event=event, person=person, was_there=was_there, signed_up_at=event.made_at)])


def _log(north: Northshire, days: Days) -> None:
    """Two entries of Aisha's, who is shown first in the demonstration; and one each of others, so that there are totals to show."""
    for who in ("sam.reid", "nell.doyle", "priya.nair", "grace.obi", "mona.lewis"):
        person = north.people[who]
        with acting_as(person):
            own = LogEntry(
                owner=person,
                on=days.ago(11, "09:00").date(),
                title="Briefing: What a decline should say",
                hours=Decimal("0.5"),
                role=north.posts[who].title,
                areas=["responding", "learning"],
            )
            LogEntry.objects.bulk_create([own])
    owner = north.people["aisha.khan"]
    with acting_as(owner):
        LogEntry.objects.bulk_create(
            [
                LogEntry(
                    owner=owner,
                    on=days.on("2026-03-06 12:00", ended="2026-03-10 10:00").date(),
                    title="A threshold, taken to the line managers",
                    hours=Decimal("2.5"),
                    role="Safeguarding lead teacher",
                    areas=["raising", "learning"],
                    task="Whether seven small signs together meet a threshold that none of them meets alone.",
                    process="The referral form asks about one incident. There is nowhere to put a pattern.",
                    style="I pressed, and was right to. I would ring first next time: my second mail was written in anger and read so.",
                    learned="A chronology says in one page what I could not say in three phone calls.",
                    changed="I begin a chronology in the week in which I first wonder.",
                ),
                LogEntry(
                    owner=owner,
                    on=days.ago(12, "09:00").date(),
                    title="Briefing: What a decline should say",
                    hours=Decimal("0.5"),
                    role="Safeguarding lead teacher",
                    areas=["responding", "learning"],
                    learned="The other side of the letter: why reasons are hard to write in an hour.",
                ),
            ]
        )
