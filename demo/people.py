"""Northshire, a partnership that does not exist: its agencies, teams, posts with their reporting lines, and appointments."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.hashers import make_password

from accounts.acting import as_of
from accounts.models import OF_AN_AGENCY, Agency, Appointment, Membership, Office, Partnership, Post, StandIn, StepPost, Team, User
from procedure.models import Policy, shipped_chapter

DEMO_PASSWORD = getattr(settings, "ACCORD_DEMO_PASSWORD", "") or "northshire-demo-1"
SLUG = "northshire"
SINCE = dt.datetime(2020, 1, 6, 9, tzinfo=ZoneInfo("Europe/London"))

SCHOOL, SOCIAL_CARE, HEALTH = "Hill Lane Primary School", "Children’s Social Care", "Northshire Health Trust"
POLICE, CAMHS = "Northshire Police", "Northshire Child and Adolescent Mental Health Service"
SURGERY = "Mill Street Surgery"


class Place(NamedTuple):
    """One post of a team, most senior first. `above` and `adviser` are e-mail names; `who` empty: nobody on the system."""

    who: str
    title: str
    level: int
    above: str = ""
    adviser: str = ""


# (agency, team, telephone out of hours) -> its posts. Advisers come first: others point to them.
TEAMS: dict[tuple[str, str, str], list[Place]] = {
    (HEALTH, "Safeguarding children", ""): [
        Place("Helen Carr", "Named nurse for safeguarding children", 1),
        Place("Fay Grant", "Named midwife for safeguarding", 1),
        Place("Amir Shah", "Named GP for safeguarding children", 1),
    ],
    (HEALTH, "Health visiting", "01632 960141"): [
        Place("Noor Malik", "Head of children’s community services", 2),
        Place("Rita Osei", "Health visiting team leader", 1, "noor.malik", "helen.carr"),
        Place("Nell Doyle", "Health visitor", 0, "rita.osei", "helen.carr"),
        Place("Bea Sharma", "Health visitor", 0, "rita.osei", "helen.carr"),
    ],
    (HEALTH, "Midwifery", "01632 960142"): [
        Place("Sue Tan", "Head of midwifery", 2),
        Place("Jan Price", "Community midwifery manager", 1, "sue.tan", "fay.grant"),
        Place("Kate Lowe", "Community midwife", 0, "jan.price", "fay.grant"),
    ],
    (SCHOOL, "Safeguarding", ""): [
        Place("Ian Marsh", "Director of safeguarding, school trust", 2),
        Place("Grace Obi", "Head teacher", 1, "ian.marsh"),
        Place("Aisha Khan", "Designated safeguarding lead", 0, "grace.obi"),
        Place("Zoe Price", "Deputy designated safeguarding lead", 0, "grace.obi"),
    ],
    (SOCIAL_CARE, "Front door", "01632 960002"): [
        Place("Hal Bright", "Service manager, front door", 2),
        Place("Mona Lewis", "Team manager, front door", 1, "hal.bright"),
        Place("Sam Reid", "Social worker, front door", 0, "mona.lewis"),
        Place("Tessa Quinn", "Social worker, front door", 0, "mona.lewis"),
    ],
    (SOCIAL_CARE, "Child in need and safeguarding", "01632 960002"): [
        Place("Ruth Adeyemi", "Service manager, child in need and safeguarding", 2),
        Place("Dawn Fletcher", "Team manager, child in need", 1, "ruth.adeyemi"),
        Place("Joe Walsh", "Senior social worker", 0, "dawn.fletcher"),
        Place("Priya Nair", "Social worker", 0, "dawn.fletcher"),
    ],
    (POLICE, "Public protection", "01632 960101"): [
        Place("Omar Haddad", "Detective inspector", 2),
        Place("Lena Frost", "Detective sergeant", 1, "omar.haddad"),
        Place("Ben Cole", "Detective constable", 0, "lena.frost"),
    ],
    (CAMHS, "Community team", "01632 960151"): [
        Place("Carys Bevan", "Service lead", 2),
        Place("Paul Grey", "Team manager", 1, "carys.bevan"),
        Place("Maya Lind", "Clinical nurse specialist", 0, "paul.grey"),
    ],
    (SURGERY, "", "01632 960161"): [Place("", "General practitioner", 0)],
}

# The surgery has no managers on the system: it borrows those of the trust. (agency, team) -> level -> whose post
BORROWED: dict[tuple[str, str], dict[int, str]] = {(SURGERY, ""): {1: "amir.shah", 2: "noor.malik"}}

APPOINTED: list[tuple[str, str, str]] = [
    (Office.CHAIR, "Margaret Ellis", ""),
    (Office.DEPUTY, "David Osborne", ""),
    (Office.OFFICE, "Callum Reeve", ""),
    (Office.OFFICE, "Yasmin Ford", ""),
    (Office.AUDITOR, "Peter Lang", ""),
    (Office.REPRESENTATIVE, "Judith Hale", SCHOOL),
    (Office.REPRESENTATIVE, "Anne Corrigan", SOCIAL_CARE),
    (Office.REPRESENTATIVE, "Helen Carr", HEALTH),
    (Office.REPRESENTATIVE, "Omar Haddad", POLICE),
    (Office.REPRESENTATIVE, "Carys Bevan", CAMHS),
    (Office.REPRESENTATIVE, "Amir Shah", SURGERY),
    (Office.SUBGROUP, "Vera Blunt", ""),
    (Office.SUBGROUP, "Tom Archer", ""),
    (Office.SAFEGUARDING_LEAD, "Una Clarke", SOCIAL_CARE),
    (Office.ADMINISTRATOR, "Dev Patel", SCHOOL),
]


class Shown(NamedTuple):
    """A person to sign in as: one for each role."""

    role: str
    name: str
    email: str
    agency: str


def email_name(name: str) -> str:
    return name.lower().replace(" ", ".")


def _shown(role: str, name: str, agency: str) -> Shown:
    return Shown(role, name, f"{email_name(name)}@northshire.example", agency)


SIGN_IN_AS = [
    _shown("Practitioner who raises", "Aisha Khan", SCHOOL),
    _shown("Practitioner who answers", "Sam Reid", SOCIAL_CARE),
    _shown("Line manager, raising side", "Grace Obi", SCHOOL),
    _shown("Line manager, answering side", "Mona Lewis", SOCIAL_CARE),
    _shown("Senior manager, raising side", "Ian Marsh", SCHOOL),
    _shown("Senior manager, answering side", "Hal Bright", SOCIAL_CARE),
    _shown("Chair", "Margaret Ellis", "Partnership"),
    _shown("Mediator, named by the Chair", "David Osborne", "Partnership"),
    _shown("Partnership office", "Callum Reeve", "Partnership"),
    _shown("Auditor", "Peter Lang", "Partnership"),
    _shown("Agency representative", "Judith Hale", SCHOOL),
    _shown("Subgroup member", "Vera Blunt", "Partnership"),
    _shown("Safeguarding lead of an agency", "Una Clarke", SOCIAL_CARE),
    _shown("Agency administrator", "Dev Patel", SCHOOL),
]


@dataclass
class Northshire:
    """The partnership with its people, found by e-mail name ("grace.obi") and teams, found by name ("Front door")."""

    partnership: Partnership
    people: dict[str, User] = field(default_factory=dict)
    posts: dict[str, Post] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)


def build(today: dt.date) -> Northshire:
    """Writes the partnership as it stood in 2020, and the stand-in of these days."""
    with as_of(SINCE):
        partnership = Partnership.objects.create(
            slug=SLUG,
            name="Northshire Safeguarding Children Partnership",
            front_door="01632 960001",
            out_of_hours="01632 960002",
            office_phone="01632 960010",
            is_demo=True,
        )
        Policy.objects.create(partnership=partnership, version=1, in_force_from=SINCE, text=shipped_chapter())
        north = Northshire(partnership)
        _seat_everybody(north)
        _borrow(north)
        _appoint(north)
    away = north.posts["dawn.fletcher"]
    first, last = today - dt.timedelta(days=2), today + dt.timedelta(days=9)
    StandIn.objects.create(post=away, person=north.people["joe.walsh"], starts_on=first, ends_on=last)
    return north


def _seat_everybody(north: Northshire) -> None:
    secret = make_password(DEMO_PASSWORD)  # made once: it is slow on purpose, and the same for all
    agencies: dict[str, Agency] = {}
    names = [place.who for places in TEAMS.values() for place in places if place.who] + [name for _, name, _ in APPOINTED]
    for name in dict.fromkeys(names):
        person = User(email=f"{email_name(name)}@northshire.example", name=name, password=secret)
        person.save(force_insert=True)
        north.people[email_name(name)] = person
    for (agency_name, team_name, phone), places in TEAMS.items():
        if agency_name not in agencies:
            agencies[agency_name] = Agency.objects.create(name=agency_name)
            Membership.objects.create(partnership=north.partnership, agency=agencies[agency_name])
        team = Team.objects.create(agency=agencies[agency_name], name=team_name, out_of_hours=phone)
        north.teams[team_name or agency_name] = team
        for place in places:
            post = Post.objects.create(
                team=team,
                holder=north.people.get(email_name(place.who)),
                title=place.title,
                level=place.level,
                reports_to=north.posts.get(place.above),
                adviser=north.posts.get(place.adviser),
            )
            north.posts[email_name(place.who) or email_name(agency_name)] = post
            if place.who:
                User.objects.filter(pk=north.people[email_name(place.who)].pk, kept_by=None).update(kept_by=team.agency)


def _borrow(north: Northshire) -> None:
    for (agency_name, team_name), levels in BORROWED.items():
        for level, whose in levels.items():
            StepPost.objects.create(team=north.teams[team_name or agency_name], level=level, post=north.posts[whose])


def _appoint(north: Northshire) -> None:
    agencies = {team.agency.name: team.agency for team in north.teams.values()}
    for office, name, agency in APPOINTED:
        Appointment.objects.create(
            partnership=north.partnership,
            person=north.people[email_name(name)],
            office=office,
            agency=agencies.get(agency),
            starts_on=SINCE.date(),
        )
        keeper = {"kept_by": agencies[agency]} if office in OF_AN_AGENCY else {"kept_for": north.partnership}
        User.objects.filter(pk=north.people[email_name(name)].pk, kept_by=None).update(**keeper)
