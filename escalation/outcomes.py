"""The proposed and agreed outcome as pages show it: its text, who confirmed it, and what is still to be done under it (23.18)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from disputes.models import Agreement, Confirmation, Disagreement, Entry, OutstandingIssue, Side
from disputes.rules import sees_to
from disputes.seats import Actor
from disputes.stages import Stage
from escalation import reading, words
from pages import times


@dataclass(frozen=True)
class Confirmed:
    """One side's written confirmation of one version. `entry` is None for a reader who may not see it yet, such as a Chair who has not
    accepted; `recorded`: somebody else recorded it for that side. That, and the word of whom only the other side knows, `waits` until the
    office has countersigned it."""

    side: Side | None
    entry: Entry | None = None
    who_confirmed: str = ""  # as whoever recorded it wrote it down
    recorded: bool = False
    waits: bool = False
    is_countersigned: bool = False
    countersigned: Entry | None = None


@dataclass(frozen=True)
class Issue:
    """One thing that is still to be done: what, how it is pursued, who sees to it, by when, and once it is done with which evidence."""

    row: OutstandingIssue
    text: str
    how: str = ""
    done: Entry | None = None
    evidence: str = ""
    days_late: int = 0
    may_finish: bool = False

    @property
    def number(self) -> int:
        return self.row.number

    @property
    def is_done(self) -> bool:
        return self.row.done_by_id is not None

    @property
    def owner(self) -> str:
        """ "Dawn Fletcher, Children's Social Care, Locality": a side alone where nobody there is on the system."""
        return f"{self.row.owner.name}, {self.row.owner_side}" if self.row.owner else str(self.row.owner_side)

    @property
    def late(self) -> str:
        """ "3 days late"; empty where it is not."""
        return say_late(self.days_late)


@dataclass
class Outcome:
    """The latest version, and how far its confirmation has come."""

    agreement: Agreement
    text: str
    issues: list[Issue] = field(default_factory=list)
    by: str = ""
    confirmed: list[Confirmed] = field(default_factory=list)
    missing: list[Side] = field(default_factory=list)
    is_earlier: bool = False  # agreed before it was reopened, and nothing agreed since

    @property
    def version(self) -> int:
        return self.agreement.version

    @property
    def kind(self) -> str:
        return say_kind(self.agreement.entry)

    @property
    def declined(self) -> bool:
        return self.agreement.declined_by_id is not None

    @property
    def unfinished(self) -> list[Issue]:
        return [issue for issue in self.issues if not issue.is_done]


def outcome(d: Disagreement, today: dt.date, actor: Actor | None = None) -> Outcome | None:
    """What is proposed or agreed now; None where nothing was proposed yet. `actor` may finish what their side sees to."""
    standing = d.standing
    return _outcome(d, standing.agreement, today, actor, standing.unconfirmed_sides) if standing.agreement else None


def earlier(d: Disagreement, today: dt.date, actor: Actor | None = None) -> Outcome | None:
    """What both sides had confirmed before it was reopened, and what is not done of it; None once there is a new agreed version."""
    agreement = d.standing.earlier_agreement
    return _outcome(d, agreement, today, actor, [], is_earlier=True) if agreement else None


def _outcome(
    d: Disagreement, agreement: Agreement, today: dt.date, actor: Actor | None, missing: list[Side], *, is_earlier: bool = False
) -> Outcome:
    texts = {text.field: text.value for text in agreement.entry.texts.all()}
    return Outcome(
        agreement=agreement,
        text=texts.get("outcome", ""),
        issues=issues_of(d, agreement, texts, today, actor),
        by=str(agreement.proposed_by) if agreement.proposed_by else _say_who_offered(d, agreement.entry),
        confirmed=confirmed(d, [agreement])[agreement.version],
        missing=missing,
        is_earlier=is_earlier,
    )


def _say_who_offered(d: Disagreement, entry: Entry) -> str:
    """ "David Osborne, mediator": who mediated, where no side proposed it."""
    said = {"name": entry.person.name if entry.person else "", "role": say_role(entry, mediators_of(d))}
    return _("%(name)s, %(role)s") % said


def mediators_of(d: Disagreement) -> set[str]:
    """The ids of those whom the Chair has named to mediate here."""
    return set(d.entries.filter(kind="name_mediator").values_list("facts__person", flat=True))


def say_role(entry: Entry, mediators: set[str]) -> str:
    """As what somebody acted who sits on no side."""
    return _("mediator") if str(entry.person_id) in mediators else _("the Chair")


def issues_of(d: Disagreement, agreement: Agreement, texts: dict[str, str], today: dt.date, actor: Actor | None = None) -> list[Issue]:
    """The issues of one version. Late is only what both sides agreed, though it be reopened, and nobody has said is done."""
    rows = list(agreement.issues.select_related("owner", "owner_side__team__agency"))
    done = reading.full(d.entries.filter(pk__in=[row.done_by_id for row in rows if row.done_by_id])).in_bulk()
    agreed = d.standing.agreement if d.stage == Stage.RESOLVED else d.standing.earlier_agreement
    is_agreed = agreed is not None and agreement.pk == agreed.pk
    found = []
    for row in rows:
        entry = done.get(row.done_by_id) if row.done_by_id else None
        alive = is_agreed and row.done_by_id is None
        found.append(
            Issue(
                row,
                text=texts.get(f"issue_{row.number}", ""),
                how=texts.get(f"how_{row.number}", ""),
                done=entry,
                evidence=next((text.value for text in entry.texts.all() if text.field == "evidence"), "") if entry else "",
                days_late=max((today - row.due_on).days, 0) if alive else 0,
                may_finish=alive and actor is not None and sees_to(row, actor),
            )
        )
    return found


def say_kind(entry: Entry) -> str:
    """What the proposer says that the outcome comes to; empty where they did not say."""
    return str(dict(words.KINDS_OF_OUTCOME).get(entry.facts.get("kind_of_outcome", ""), ""))


def say_late(days: int) -> str:
    return ngettext("%(days)d day late", "%(days)d days late", days) % {"days": days} if days > 0 else ""


def say_owner_and_day(issue: Issue) -> str:
    """ "Dawn Fletcher, Children's Social Care, Locality, by 14 July 2026"."""
    return _("%(owner)s, by %(day)s") % {"owner": issue.owner, "day": times.day(issue.row.due_on)}


def confirmed(d: Disagreement, agreements: Iterable[Agreement]) -> dict[int, list[Confirmed]]:
    """Version -> its confirmations in the order in which they came, each with name, post and time; in three queries for all of them."""
    by_version: dict[int, list[Confirmed]] = {agreement.version: [] for agreement in agreements}
    rows = list(
        Confirmation.objects.filter(disagreement=d, agreement__version__in=by_version).select_related("agreement").order_by("entry__number")
    )
    wanted = {pk for row in rows for pk in (row.entry_id, row.countersigned_by_id) if pk}
    seen = reading.full(d.entries.filter(pk__in=wanted)).in_bulk()  # a Chair may not see them all yet
    sides = {side.pk: side for side in Side.objects.filter(disagreement=d).select_related("team__agency")}
    for row in rows:
        entry = seen.get(row.entry_id)
        said = {text.field: text.value for text in entry.texts.all()} if entry else {}
        by_version[row.agreement.version].append(
            Confirmed(
                side=sides.get(row.side_id),
                entry=entry,
                who_confirmed=said.get("who_confirmed", ""),
                recorded=entry is not None and entry.recorded_for_id is not None,
                is_countersigned=row.countersigned_by_id is not None,
                waits=not row.counts,
                countersigned=seen.get(row.countersigned_by_id) if row.countersigned_by_id else None,
            )
        )
    return by_version
