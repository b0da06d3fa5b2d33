"""The record as a page shows it: the two views side by side, the agreed outcome, the timeline. Reads in a fixed number of queries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Max, Prefetch, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import Post, Team, User
from disputes.models import Disagreement, Entry, Side
from disputes.record import POSITIONS
from disputes.seats import Actor
from disputes.stages import ENDS, PARTIES, SideKind, Stage
from escalation import words
from pages import times

ANSWERS = ("answer", "record_answer_for")
RECORDED_LATER = dt.timedelta(minutes=1)  # when "happened" and "recorded" are worth saying apart


@dataclass
class Statement:
    """One entry's words as they stand on the page: who, when, (label, text) of each."""

    entry: Entry
    who: str
    texts: list[tuple[str, str]]
    writes_for: str = ""


@dataclass
class View:
    """One side's view: what it said first (or answered last), and its later positions."""

    side: Side
    first: Statement | None = None
    later: list[Statement] = field(default_factory=list)
    cosigned: list[Statement] = field(default_factory=list)


@dataclass
class Item:
    """One entry of the timeline."""

    entry: Entry
    sentence: str
    side: str
    standing_in_for: str
    recorded_apart: bool
    safe: str
    texts: list[tuple[str, str]]
    facts: list[tuple[str, str]]
    corrections: list[Item]
    tone: str
    writes_for: str = ""  # the colleague who let them


def full(entries: QuerySet[Entry]) -> QuerySet[Entry]:
    """Entries with all that a page says of them, in two queries."""
    related = (
        *("person", "post__team__agency", "standing_in_for", "side__team__agency"),
        *("recorded_for__team__agency", "corrects"),
    )
    return entries.select_related(*related).prefetch_related("texts")


def texts_of(entry: Entry) -> list[tuple[str, str]]:
    """(label, text), in the order in which they were asked."""
    order = {name: place for place, name in enumerate(words.TEXTS)}
    texts = sorted(entry.texts.all(), key=lambda text: (order.get(text.field, len(order)), *_place(text.field)))
    return [(words.say_text(text.field), text.value) for text in texts]


def _place(field: str) -> tuple[str, bool, str]:
    """What belongs to one outstanding issue stands together: "issue_1", then "how_1"."""
    name, _line, number = field.rpartition("_")
    return (number if number.isdigit() else "", name != "issue", field)


# ── the two views ───────────────────────────────────────────────────────────────────────────────────────────────────


def positions(d: Disagreement) -> list[Entry]:
    """The entries that state a position, oldest first; what a Chair sees before accepting. With them, who co-signed."""
    found = list(full(d.entries.filter(kind__in=(*POSITIONS, "co_sign", "let_write"))).order_by("number"))
    d.__dict__[WRITERS] = _Writers.among(found)  # read once for all that the page says
    return [entry for entry in found if entry.kind != "let_write"]


def two_views(d: Disagreement, stated: Iterable[Entry]) -> list[View]:
    """What each party side says: the words of the sending or the latest answer, then each later position. What a side said that
    has passed it on since stands in the record only: it is not the view of those who were asked after it."""
    views: dict[UUID | None, View] = {side.pk: View(side) for side in d.standing.party_sides}
    writers = _Writers.of(d)
    for entry in stated:
        speaks = entry.recorded_for_id or entry.side_id
        view = views.get(speaks) if speaks else None
        if view is None or entry.kind == "propose_outcome":
            continue
        if entry.kind == "co_sign":
            view.cosigned.append(_statement(entry, writers))
            continue
        if entry.kind == "send" or entry.kind in ANSWERS:
            view.first, view.later = _statement(entry, writers), []
        else:
            view.later.append(_statement(entry, writers))
    return sorted(views.values(), key=lambda view: PARTIES.index(SideKind(view.side.kind)))


def _statement(entry: Entry, writers: _Writers) -> Statement:
    return Statement(entry, words.say_entry(entry), texts_of(entry), writers.say(entry))


WRITERS = "_writers"  # where they are kept on a disagreement


@dataclass(frozen=True)
class _Writers:
    """Who wrote for a colleague (23.14): by which entry each was let, from the post that it names, at its step."""

    let: list[Entry]

    @classmethod
    def of(cls, d: Disagreement) -> _Writers:
        if WRITERS not in d.__dict__:
            d.__dict__[WRITERS] = cls.among(d.entries.filter(kind="let_write").select_related("person").order_by("number"))
        kept: _Writers = d.__dict__[WRITERS]
        return kept

    @classmethod
    def among(cls, entries: Iterable[Entry]) -> _Writers:
        return cls([entry for entry in entries if entry.kind == "let_write"])

    def say(self, entry: Entry) -> str:
        """The colleague for whom this was written; empty where somebody wrote for themselves."""
        if entry.kind == "co_sign":
            return ""
        return next((one.person.name for one in reversed(self.let) if one.person and self._covers(one, entry)), "")

    @staticmethod
    def _covers(let: Entry, entry: Entry) -> bool:
        """At the same step; whoever acted when the Chair was asked goes on acting."""
        with_the_chair = entry.stage == Stage.LSCB_MEDIATION and entry.step == let.step + 1
        same_step = entry.step == let.step or with_the_chair
        return (entry.number or 0) > (let.number or 0) and str(entry.post_id) == str(let.facts.get("post")) and same_step


def has_stated_a_position(d: Disagreement, side: Side) -> bool:
    """Whether this side has put its view on record itself."""
    own = Q(side=side, recorded_for=None) | Q(recorded_for=side)
    return d.entries.filter(own, kind__in=set(POSITIONS) - {"propose_outcome"}).exists()


# ── the timeline ────────────────────────────────────────────────────────────────────────────────────────────────────


def record(d: Disagreement, actor: Actor, *, ours: bool) -> QuerySet[Entry]:
    """Every entry this person may see, newest first; only those of their own side if `ours`."""
    entries = d.entries.order_by("-number")
    if ours:
        sides = {seat.side_id for seat in actor.seats if seat.side_id}
        entries = entries.filter(Q(side__in=sides) | Q(recorded_for__in=sides))
    corrections = full(Entry.objects.order_by("number"))
    return full(entries).prefetch_related(Prefetch("corrections", queryset=corrections))


def timeline(d: Disagreement, entries: list[Entry]) -> list[Item]:
    """These entries as the page shows them; ids in their facts become names, in three queries for all of them."""
    every = entries + [correction for entry in entries for correction in entry.corrections.all()]
    names, writers = _Names.of(d, every), _Writers.of(d)
    return [_item(d, entry, names, writers, [_item(d, one, names, writers, []) for one in entry.corrections.all()]) for entry in entries]


def _item(d: Disagreement, entry: Entry, names: _Names, writers: _Writers, corrections: list[Item]) -> Item:
    later = entry.recorded_at is not None and entry.recorded_at - entry.happened_at > RECORDED_LATER
    return Item(
        entry=entry,
        sentence=words.say_entry(entry),
        side=str(entry.side) if entry.side else "",
        standing_in_for=entry.standing_in_for.name if entry.standing_in_for else "",
        recorded_apart=later or entry.replayed,
        safe=entry.get_child_safe_display() if entry.child_safe else "",
        texts=texts_of(entry),
        facts=words.say_choices(d, entry.facts) + names.say(entry.kind, entry.facts),
        corrections=corrections,
        tone="clock" if entry.person_id is None else "quiet" if entry.kind in ("bring_in_support", "match_child") else "",
        writes_for=writers.say(entry),
    )


@dataclass
class _Names:
    """Names of the posts, teams and people whose ids stand in facts."""

    posts: dict[str, str]
    teams: dict[str, str]
    people: dict[str, str]
    sides: dict[str, str]

    POSTS = ("own_post", "other_post", "post")

    @classmethod
    def of(cls, d: Disagreement, entries: list[Entry]) -> _Names:
        posts, teams, people = set(), set(), set()
        for entry in entries:
            posts |= {entry.facts[name] for name in cls.POSTS if entry.facts.get(name)} | set(entry.facts.get("supporters", []))
            teams |= {entry.facts["team"]} if entry.facts.get("team") else set()
            posts |= {entry.facts["instead"]} if entry.facts.get("instead") else set()
            people |= {entry.facts["person"]} if entry.facts.get("person") else set()
            people |= set(entry.facts.get("people", []))
            for seat in entry.facts.get("seats", []):
                posts, people = posts | {seat["post"]}, people | {seat["from"], seat["to"]}
            people |= {issue["owner"] for issue in entry.facts.get("issues", []) if issue.get("owner")}
        held = Post.objects.filter(pk__in=posts).select_related("holder", "team__agency")
        return cls(
            posts={str(post.pk): f"{post}, {post.team}" for post in held},
            teams={str(team.pk): str(team) for team in Team.objects.filter(pk__in=teams).select_related("agency")},
            people={str(person.pk): person.name for person in User.objects.filter(pk__in=people)},
            sides={str(side.pk): str(side) for side in d.standing.sides},
        )

    def say(self, kind: str, facts: dict[str, Any]) -> list[tuple[str, str]]:
        labels = {"own_post": _("For the side that raised it"), "other_post": _("Opposite number"), "post": _("Person")}
        said = [(labels[name], self.posts.get(str(facts[name]), "")) for name in self.POSTS if facts.get(name)]
        said += [(_("Asked to support"), self.posts.get(str(post), "")) for post in facts.get("supporters", [])]
        if facts.get("team"):
            said.insert(0, (_("Asked") if kind == "send" else _("Passed to"), self.teams.get(str(facts["team"]), "")))
        for number, issue in enumerate(facts.get("issues", []), start=1):
            owner = self.people.get(str(issue.get("owner")), "")
            due = times.day(dt.date.fromisoformat(issue["due_on"]))
            said.append((_("Outstanding issue %(number)d") % {"number": number}, f"{owner}, {due}" if owner else due))
        said += [(_("Unconfirmed by"), self.sides.get(str(side), "")) for side in facts.get("unconfirmed", [])]
        if facts.get("asked"):
            said.append((_("Asked of the partnership’s office"), _("Yes")))
        if facts.get("person"):
            said.append((_("Person"), self.people.get(str(facts["person"]), "")))
        if facts.get("people"):
            who = _("Comes from the partnership") if kind == "propose_session" else _("Comes from this side")
            said.append((who, ", ".join(self.people.get(str(one), "") for one in facts["people"])))
        if facts.get("instead"):
            said.append((_("In their place"), self.posts.get(str(facts["instead"]), "")))
        for seat in facts.get("seats", []):
            names = {"from": self.people.get(seat["from"], ""), "to": self.people.get(seat["to"], "")}
            said.append((self.posts.get(seat["post"], "").split(", ", 1)[-1], _("%(from)s, now %(to)s") % names))
        if facts.get("decided_on"):
            said.append((_("Decided on"), times.day(dt.date.fromisoformat(facts["decided_on"]))))
        return [(label, value) for label, value in said if value]


# ── single things the page says ─────────────────────────────────────────────────────────────────────────────────────


def said_safe(d: Disagreement) -> list[Entry]:
    """What each side said last to "is the child safe now?", the latest first: one side's yes hides no doubt of the other. Whoever opened
    it in an emergency may know too; Chair and office answer from afar."""
    answers = d.entries.exclude(child_safe="").filter(Q(side__isnull=False) | Q(kind="break_glass"))
    last = answers.select_related("person", "post", "side__team__agency").order_by("side__kind", "-number").distinct("side__kind")
    return sorted(last, key=lambda entry: entry.number or 0, reverse=True)


def reopened(d: Disagreement) -> Statement | None:
    """Why it came back, in the words of whoever reopened it, until there is a new agreed version."""
    if d.standing.earlier_agreement is None:
        return None
    entry = full(d.entries.filter(kind="reopen")).order_by("-number").first()
    return Statement(entry, words.say_entry(entry), texts_of(entry)) if entry else None


def ending(d: Disagreement) -> list[Entry]:
    """What ended it, and who still believes the child is at risk and by which channel that goes on (23.11); newest first."""
    ends = Q(stage__in=ENDS) & ~Q(from_stage__in=ENDS)
    concern = Q(facts__has_key="channel") | Q(facts__has_key="still_at_risk") | Q(facts__has_key="believes_at_risk")
    return list(full(d.entries.filter(ends | concern)).order_by("-number")[:6])


@dataclass(frozen=True)
class Concern:
    """Somebody, or a whole side, still believes after the end that the child is at risk: who, and by which channel that goes on."""

    person: User | None
    post: Post | None
    side: Side | None
    channel: str
    said: Entry


def concerns(d: Disagreement) -> list[Concern]:
    """The residual concerns and who holds them (23.11), oldest first: what each said last counts. A side is named where its managers said
    it for the side, and nobody on it said it in person."""
    reopened = d.entries.filter(kind="reopen").aggregate(last=Max("number"))["last"] or 0
    spoken = Q(facts__has_key="still_at_risk") | Q(facts__has_key="believes_at_risk")
    own: dict[UUID | None, Concern | None] = {}
    for_sides: dict[str, Concern] = {}
    for entry in full(d.entries.filter(spoken, number__gt=reopened)).order_by("number"):
        channel = entry.facts.get("channel", "")
        if "still_at_risk" in entry.facts:
            holds = bool(entry.facts["still_at_risk"])
            own[entry.person_id] = Concern(entry.person, entry.post, entry.side, channel, entry) if holds else None
        believes = entry.facts.get("believes_at_risk", "")
        for side in d.standing.party_sides:
            if believes in (side.kind, "both"):
                for_sides[side.kind] = Concern(None, None, side, channel, entry)
    held = [concern for concern in own.values() if concern]
    sides = {concern.side for concern in held}
    return [*held, *(concern for concern in for_sides.values() if concern.side not in sides)]


def own_references(d: Disagreement, actor: Actor) -> list[tuple[str, str]]:
    """(child, reference) as the reader's own side keeps them, so that the right file is found; the other side's are not shown."""
    sides = {seat.side_id for seat in actor.seats if seat.side_id}
    kept = d.child_references.filter(side__in=sides).select_related("child").order_by("child__number") if sides else []
    return [(one.child.pseudonym, one.reference) for one in kept]
