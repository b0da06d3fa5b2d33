"""The trail in words: "Sam Reid opened K7PM-3XQD, 6 March 2026, 2pm, as responder". Names a disagreement only to who may see it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from audit.models import Trace
from disputes.models import Disagreement
from pages import times

Kind = Trace.Kind
LOOKING = (Kind.READ, Kind.EXPORTED)
CLOSED = gettext_lazy("a disagreement you cannot see")

OPENED = {
    "disagreement": gettext_lazy("opened %(d)s"),
    "who_can_see": gettext_lazy("opened “Who can see this” of %(d)s"),
    "private_thread": gettext_lazy("opened a private thread of the mediation in %(d)s"),
    "session_ics": gettext_lazy("took the joint session of %(d)s into a calendar"),
    "sent": gettext_lazy("opened the confirmation that %(d)s was sent"),
    "draft": gettext_lazy("read a colleague’s draft"),
    "learning": gettext_lazy("read what others could learn"),
    "thanks": gettext_lazy("opened “Thank somebody” of %(d)s"),
    "debriefs": gettext_lazy("looked at who asks for a debrief"),
    "debrief_people": gettext_lazy("looked at who took part in %(d)s, to arrange a debrief"),
    "trail": gettext_lazy("looked at who opened what"),
    "trail_of": gettext_lazy("looked at the reading, disagreement by disagreement"),
    "own_trail": gettext_lazy("looked at “What you opened”"),
    "alarms": gettext_lazy("looked at the alarms"),
}
CHANGED = {
    "password": gettext_lazy("changed the password"),
    "password-reset": gettext_lazy("set a new password after asking for one by email"),
    "reset-asked": gettext_lazy("asked for a new password by email"),
    "second-factor": gettext_lazy("changed the second step of signing in"),
}
CAPACITIES = {
    "raiser": gettext_lazy("as the person who raised it"),
    "responder": gettext_lazy("as responder"),
    "supporter": gettext_lazy("as supporter"),
    "line_manager": gettext_lazy("as line manager or adviser"),
    "senior": gettext_lazy("as senior manager"),
    "chair": gettext_lazy("as Chair"),
    "mediator": gettext_lazy("as mediator"),
    "office": gettext_lazy("as the partnership’s office"),
    "told": gettext_lazy("as somebody who is told of it"),
    "break_glass": gettext_lazy("in an emergency"),
    "audit": gettext_lazy("as auditor"),
    "lead": gettext_lazy("as safeguarding lead"),
    "passed_on": gettext_lazy("from the team that passed it on"),
}
WHY = {"stand_in": gettext_lazy("standing in for a colleague"), "post": gettext_lazy("in a post taken over from a colleague")}


@dataclass(frozen=True)
class Line:
    """One row of the trail as somebody reads it. `before` and `after` stand round the disagreement, a link where it may be seen."""

    at: dt.datetime
    who: str
    person_id: UUID | None
    before: str
    reference: str
    after: str
    capacity: str
    shown: list[str] = field(default_factory=list)
    unseen: int = 0  # of what a list showed them: how many the reader may not see

    @property
    def day(self) -> str:
        return f"{times.weekday_day(self.at)} {times.here(self.at).year}"

    @property
    def seen(self) -> int:
        """How many disagreements a list showed them."""
        return len(self.shown) + self.unseen

    @property
    def did(self) -> str:
        """As one sentence without the name."""
        return f"{self.before}{self.reference}{self.after}"


def tell(traces: Iterable[Trace], reader: User) -> list[Line]:
    """Each in words, in their order, with as many queries for a hundred as for one."""
    rows = _acts(traces)
    looked_at = {UUID(one) for row in rows if row.kind in LOOKING for one in row.facts.get("people", ())}
    people = User.objects.in_bulk(looked_at | {row.person_id for row in rows if row.person_id})
    wanted = {row.disagreement_id for row in rows} | {UUID(one) for row in rows for one in row.facts.get("shown", ())}
    references = references_for(wanted - {None}, reader)
    return [_line(row, people, references) for row in rows]


def _acts(traces: Iterable[Trace]) -> list[Trace]:
    """What one act left in several partnerships is one line."""
    once: dict[tuple[Any, ...], Trace] = {}
    for trace in traces:
        act = once.setdefault((trace.at, trace.kind, trace.what, trace.person_id), trace)
        if act is not trace and "shown" in act.facts:
            parts = [act.facts, trace.facts]
            both = {"shown": [*parts[0]["shown"], *parts[1].get("shown", [])], "seen": sum(part.get("seen", 0) for part in parts)}
            act.facts = {**act.facts, **both}
    return list(once.values())


def references_for(disagreements: Iterable[UUID | None], reader: User) -> dict[str, str]:
    """The references of those that the reader may see, by id as text."""
    wanted = [one for one in disagreements if one]
    if not wanted:
        return {}
    seen = Disagreement.objects.visible_to(reader).filter(pk__in=wanted).values_list("pk", "reference")
    return {str(pk): reference for pk, reference in seen}


def _line(row: Trace, people: dict[UUID, User], references: dict[str, str]) -> Line:
    reference = references.get(str(row.disagreement_id), "")
    said = _said(row, is_seen=bool(reference)) + _of_whom(row, people)
    before, mark, after = said.partition("%(d)s")
    if mark and not reference:
        before, after = f"{before}{CLOSED}{after}", ""
    person = people.get(row.person_id) if row.person_id else None
    shown = row.facts.get("shown", [])
    seen = [references[one] for one in shown if one in references]
    return Line(
        row.at,
        person.name if person else _("Somebody unknown"),
        row.person_id,
        before,
        reference if mark else "",
        after,
        say_capacity(row.facts),
        seen,
        row.facts.get("seen", len(shown)) - len(seen),
    )


def _of_whom(row: Trace, people: dict[UUID, User]) -> str:
    """Whose part of the trail somebody looked at, where it was narrowed."""
    names = [people[UUID(one)].name for one in row.facts.get("people", ()) if row.kind in LOOKING and UUID(one) in people]
    return _(", of %(names)s") % {"names": ", ".join(names)} if names else ""


def say_capacity(facts: dict[str, Any]) -> str:
    said = [str(words) for words in (CAPACITIES.get(facts.get("as", "")), WHY.get(facts.get("why", ""))) if words]
    return ", ".join(said)


def _said(row: Trace, *, is_seen: bool) -> str:
    """The sentence; `%(d)s` stands for the disagreement. What was refused because it is hidden and what is not there read alike."""
    about = row.disagreement_id is not None
    by_kind = {
        Kind.READ: lambda: _opened(row.what, about=about),
        Kind.PRINTED: lambda: _("printed %(d)s") if about else _("printed a page"),
        Kind.SEARCHED: lambda: _looked_through(row),
        Kind.EXPORTED: lambda: _exported(row),
        Kind.REFUSED: lambda: _refused(row.what, is_seen=is_seen),
        Kind.SIGN_IN_FAILED: lambda: _("gave a wrong code") if row.what == "second-factor" else _("failed to sign in"),
        Kind.SIGNED_IN: lambda: _("signed in"),
        Kind.SIGNED_OUT: lambda: _("signed out"),
        Kind.CHANGED: lambda: str(CHANGED.get(row.what, _("changed the account"))),
    }
    return by_kind[Kind(row.kind)]()


def _opened(what: str, *, about: bool) -> str:
    if what in OPENED:
        return str(OPENED[what])
    if label := _label(what):
        return _("opened the page “%(label)s” of") % {"label": label} + " %(d)s"
    return _("opened a page of %(d)s") if about else _("opened a page")


def _label(move: str) -> str:
    """What a move is called on its button; nothing for what is no move."""
    if move not in Disagreement.move_names():
        return ""
    transitions = getattr(Disagreement, move)._django_fsm.transitions.values()
    return next(str(one.custom["label"]) for one in transitions)


def _looked_through(row: Trace) -> str:
    hits, seen = row.facts.get("hits", 0), row.facts.get("seen", 0)
    if row.what == "desk":
        return ngettext("looked at the desk: %(n)d disagreement", "looked at the desk: %(n)d disagreements", seen) % {"n": seen}
    where = _("looked for disagreements to export") if row.what == "exports" else _("looked through the list of disagreements")
    return where + _(": %(hits)d found, %(seen)d shown") % {"hits": hits, "seen": seen}


def _exported(row: Trace) -> str:
    if row.what.startswith("trail"):
        rows = row.facts.get("rows", 0)
        return ngettext("exported %(n)d line of the trail", "exported %(n)d lines of the trail", rows) % {"n": rows}
    if row.what.endswith("taken"):
        return _("downloaded an export")
    if row.disagreement_id:
        return _("exported the history of %(d)s")
    many = row.facts.get("disagreements", 0)
    return ngettext("exported the history of %(n)d disagreement", "exported the history of %(n)d disagreements", many) % {"n": many}


def _refused(what: str, *, is_seen: bool) -> str:
    if what == "hidden":
        return _("asked for %(d)s, which was closed") if is_seen else _("asked for a disagreement that is closed or not there")
    if label := _label(what):
        return _("was refused “%(label)s” at") % {"label": label} + " %(d)s"
    return _("was refused something at %(d)s")
