"""People and disagreements for tests: plain functions, people with a meaning. Disagreements are made and moved through the door."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Agency, Appointment, Membership, Partnership, Post, StandIn, Team, User
from disputes.models import Disagreement, Draft, Entry, Exclusion
from escalation import moves
from escalation.moves import Given, NewChild
from procedure.models import Policy, shipped_chapter

PASSWORD = "a-good-long-password"
LONG_AGO = dt.date(2020, 1, 1)


@dataclass
class World:
    """One partnership with a school, social care, health, a surgery without accounts, and the partnership's own people."""

    partnership: Partnership
    policy: Policy
    teams: dict[str, Team] = field(default_factory=dict)
    posts: dict[str, Post] = field(default_factory=dict)

    def person(self, name: str) -> User:
        """By first name, in lower case: aisha, grace, ian; sam, mona, hal; nell, rita, noor; chair, deputy, office, auditor, stranger."""
        return self.people[name]

    people: dict[str, User] = field(default_factory=dict)

    def __getattr__(self, name: str) -> User:
        try:
            return self.__dict__["people"][name]
        except KeyError:
            raise AttributeError(name) from None


@contextmanager
def as_set_up() -> Iterator[None]:
    """Who people are is not for the web to write. Inside this, whoever sets a partnership up does it (see tests/conftest.py)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, session_user")
        before, signed_in = cursor.fetchone()
        if signed_in != "accord_app":  # a script in a role of its own
            yield
            return
        cursor.execute("SET ROLE accord_owner")
    try:
        yield
    finally:
        if not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute(f"SET ROLE {before}")


@as_set_up()
def person(name: str, **fields: Any) -> User:
    return User.objects.create_user(f"{name.lower().replace(' ', '.')}@example.org", PASSWORD, name=name, **fields)


@as_set_up()
def world(slug: str = "northshire", policy_text: str | None = None) -> World:
    """Aisha (school) raises; Sam (front door) answers; Grace and Mona manage them; Ian and Hal stand above; Zoe at the school is a
    colleague; Nell, Rita and Noor are health; the surgery has a post that nobody holds; the chair and others serve the partnership."""
    partnership = Partnership.objects.create(
        slug=slug, name=f"{slug.title()} Safeguarding Children Partnership", front_door="01632 960001", out_of_hours="01632 960002"
    )
    policy = Policy.objects.create(
        partnership=partnership, version=1, in_force_from=timezone.now() - dt.timedelta(days=2000), text=policy_text or shipped_chapter()
    )
    made = World(partnership, policy)
    lines = {
        "school": ("Hill Lane Primary School", "Safeguarding", ["Ian", "Grace", "Aisha"]),
        "social_care": ("Children's Social Care", "Front door", ["Hal", "Mona", "Sam"]),
        "health": ("Northshire Health Trust", "Health visiting", ["Noor", "Rita", "Nell"]),
    }
    suffix = "" if slug == "northshire" else f" {slug}"
    for key, (agency_name, team_name, names) in lines.items():
        made.teams[key] = team(partnership, agency_name, team_name)
        above = None
        for level, name in zip((2, 1, 0), names, strict=True):
            who = person(name + suffix)
            title = ("Practitioner", "Line manager", "Senior manager")[level]
            above = Post.objects.create(team=made.teams[key], holder=who, title=title, level=level, reports_to=above)
            made.people[name.lower()] = who
            made.posts[name.lower()] = above
    made.people["zoe"] = person("Zoe" + suffix)
    made.posts["zoe"] = Post.objects.create(
        team=made.teams["school"], holder=made.zoe, title="Teacher", level=0, reports_to=made.posts["grace"]
    )
    made.teams["surgery"] = team(partnership, "Mill Street Surgery", "")
    made.posts["surgery"] = Post.objects.create(team=made.teams["surgery"], holder=None, title="General practitioner", level=0)
    for office in ("chair", "deputy", "office", "auditor"):
        made.people[office] = person(office.title() + suffix, kept_for=partnership)
        Appointment.objects.create(partnership=partnership, person=made.people[office], office=office, starts_on=LONG_AGO)
    made.people["rep"] = person("Rep" + suffix, kept_for=partnership)
    Appointment.objects.create(
        partnership=partnership, person=made.rep, office="representative", agency=made.teams["school"].agency, starts_on=LONG_AGO
    )
    made.people["stranger"] = person("Stranger" + suffix)
    return made


@as_set_up()
def team(partnership: Partnership, agency_name: str, name: str) -> Team:
    agency, _ = Agency.objects.get_or_create(name=agency_name)
    Membership.objects.get_or_create(partnership=partnership, agency=agency)
    return Team.objects.create(agency=agency, name=name)


def saved(row: Any, **changes: Any) -> None:
    """Writes these changes of a row, as whoever acts; the database may refuse."""
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(update_fields=list(changes))


@as_set_up()
def administrator(w: World, key: str = "school", name: str = "Ada") -> User:
    """Somebody who keeps this agency's directory; the agency keeps the accounts of whoever holds a post in it."""
    agency = w.teams[key].agency
    User.objects.filter(posts__team__agency=agency).update(kept_by=agency)
    who = person(f"{name} {key}" + ("" if w.partnership.slug == "northshire" else f" {w.partnership.slug}"), kept_by=agency)
    Appointment.objects.create(partnership=w.partnership, person=who, office="administrator", agency=agency, starts_on=LONG_AGO)
    return who


@as_set_up()
def stand_in(post: Post, by: User, days: int = 7) -> StandIn:
    today = timezone.localdate()
    return StandIn.objects.create(post=post, person=by, starts_on=today, ends_on=today + dt.timedelta(days=days))


@as_set_up()
def exclude(**whom: Any) -> Exclusion:
    """Who must not see it, without the move that says so (tests/escalation/test_emergencies.py makes it)."""
    return Exclusion.objects.create(**whom)


def raised(w: World, *, by: str = "aisha", to: str = "sam", now: dt.datetime | None = None, **facts: Any) -> Disagreement:
    """A disagreement just sent, by default from Aisha at the school to Sam at the front door."""
    author = w.person(by)
    now = now or timezone.now()
    with acting_as(author):
        draft = Draft.objects.create(partnership=w.partnership, author=author, post=w.posts[by])
        entry = moves.raise_disagreement(
            draft,
            by=author,
            given=Given(
                words={"decision": "Referral closed", "why_unsafe": "Two terms of neglect", "outcome_wanted": "An assessment"},
                facts={"category": "thresholds", **facts},
                child_safe="unsure",
                happened_at=dt.datetime.fromisoformat(facts["told_at"]) if "told_at" in facts else None,
            ),
            team=w.posts[to].team,
            post=w.posts[to],
            children=[NewChild("Ash", "5_10", "S-1")],
            now=now,
        )
        return fresh(entry.disagreement_id)


def fresh(disagreement: Disagreement | uuid.UUID) -> Disagreement:
    """As it stands now; inside somebody's `acting_as`."""
    pk = disagreement if isinstance(disagreement, uuid.UUID) else disagreement.pk
    return Disagreement.objects.select_related("partnership", "policy", "raised_from", "raised_by").get(pk=pk)


def move(
    d: Disagreement, name: str, by: User, *, facts: dict[str, Any] | None = None, now: dt.datetime | None = None, **given: Any
) -> Entry:
    """`by` makes this move on the page as it stands now; `given` are further fields of Given or words."""
    with acting_as(by):
        seen = Disagreement.objects.values_list("move_version", flat=True).get(pk=d.pk)
        known = {key: given.pop(key) for key in ("references", "happened_at", "recorded_for", "corrects", "child_safe") if key in given}
        default = {"outcome" if name == "propose_outcome" else "note": "Because"}
        entry = moves.make(
            d.pk,
            name,
            by=by,
            given=Given(words=given or default, facts=facts or {}, **{"child_safe": "yes", **known}),
            seen=seen,
            key=uuid.uuid4(),
            now=now or timezone.now(),
        )
    return entry


def look(d: Disagreement, by: User) -> Disagreement:
    """The disagreement as this person finds it."""
    with acting_as(by):
        return fresh(d.pk)


def answered(w: World, **options: Any) -> Disagreement:
    """Raised, matched and answered between practitioners."""
    d = raised(w, **options)
    move(d, "match_child", w.sam, references={1: "SC-9"})
    move(d, "answer", w.sam, view="Below the threshold", reasons="No new facts")
    return look(d, w.aisha)


def at_line_managers(w: World, **options: Any) -> Disagreement:
    d = answered(w, **options)
    move(d, "refer_to_line_manager", w.aisha)
    return look(d, w.aisha)


def up_the_line(w: World, **options: Any) -> Disagreement:
    d = at_line_managers(w, **options)
    move(d, "answer", w.mona)
    move(d, "pass_up_the_line", w.grace)
    return look(d, w.aisha)


def with_the_chair(w: World, **options: Any) -> Disagreement:
    d = up_the_line(w, **options)
    move(d, "answer", w.hal)
    move(d, "ask_the_chair", w.ian)
    return look(d, w.aisha)


def in_mediation(w: World, **options: Any) -> Disagreement:
    """The Chair has accepted."""
    d = with_the_chair(w, **options)
    move(d, "accept_mediation", w.chair, offer="An hour with both of you")
    return look(d, w.aisha)


def session_proposed(w: World, *, dates: list[dt.datetime] | None = None, **options: Any) -> Disagreement:
    """The Chair has proposed dates for a joint session: in 7 and 9 days, at this time of day."""
    d = in_mediation(w, **options)
    ahead = dates or [(timezone.now() + dt.timedelta(days=days)).replace(microsecond=0) for days in (7, 9)]
    facts = {"dates": [date.isoformat() for date in ahead], "minutes": 90, "people": [str(w.chair.pk)]}
    move(d, "propose_session", w.chair, facts=facts, agenda="What the child says first", place="Room 4, Town Hall")
    return look(d, w.aisha)


def dates_taken(w: World, d: Disagreement, by: User, *which: int) -> Entry:
    """`by` takes these of the proposed dates for their side (0 is the earliest), and comes themselves; none says that none suits."""
    with acting_as(by):
        session = fresh(d).standing.session
    assert session is not None
    dates = [session.dates[n].isoformat() for n in which]
    facts = {"session": str(session.entry), "dates": dates, "people": [str(by.pk)] if dates else []}
    return move(d, "answer_session", by, facts=facts)


def session_fixed(w: World, **options: Any) -> Disagreement:
    """Both sides took the earlier date."""
    d = session_proposed(w, **options)
    dates_taken(w, d, w.ian, 0, 1)
    dates_taken(w, d, w.hal, 0)
    return look(d, w.aisha)


def agreed(d: Disagreement, by: User) -> Entry:
    """`by` proposes an outcome without outstanding issues."""
    return move(d, "propose_outcome", by, outcome="An assessment opens on Monday")


def resolved(w: World, **options: Any) -> Disagreement:
    """Resolved between practitioners, confirmed by both."""
    d = answered(w, **options)
    agreed(d, w.sam)
    move(d, "confirm_outcome", w.aisha, facts={"still_at_risk": False})
    return look(d, w.aisha)
