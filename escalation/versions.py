"""Every version of the proposed outcome: who proposed, confirmed or declined it, and what changed since the version before (23.18)."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from disputes.comparing import Piece, compare, is_changed, lines
from disputes.models import Agreement, Disagreement, Entry
from disputes.stages import Stage
from escalation import outcomes, reading
from escalation.opened import opened
from escalation.outcomes import Confirmed, Issue
from escalation.page import find, identity

VERSIONS_A_PAGE = 20


@dataclass(frozen=True)
class Text:
    """A text with what became of each word since the version before, in its lines."""

    lines: list[list[Piece]]
    is_changed: bool

    @classmethod
    def of(cls, before: str | None, after: str) -> Text:
        """`before` is None for what is compared with nothing: no word of it is new."""
        pieces = compare(after if before is None else before, after)
        return cls(lines(pieces), is_changed(pieces))


@dataclass(frozen=True)
class IssueChange:
    """One outstanding issue of a version: "same", "changed", "added" or "removed" since the one before."""

    state: str
    number: int
    text: Text
    how: Text
    owner: Text


@dataclass
class Version:
    """One version, as the page shows it. `tone` is that of its badge."""

    agreement: Agreement
    proposed: Entry  # with person and post
    role: str  # as what they offered it, where they sit on no side
    state: str
    tone: str
    stands: bool  # neither replaced nor declined: its confirmations count
    text: Text
    kind: Text  # what it comes to
    is_first: bool
    issues: list[IssueChange] = field(default_factory=list)
    confirmed: list[Confirmed] = field(default_factory=list)
    declined: Entry | None = None

    @property
    def number(self) -> int:
        return self.agreement.version

    @property
    def is_changed(self) -> bool:
        return self.text.is_changed or self.kind.is_changed or any(issue.state != "same" for issue in self.issues)


@require_safe
def versions(request: HttpRequest, reference: str) -> HttpResponse:
    """The versions, the newest first, each compared with the one before."""
    d = find(request, reference)
    page = Paginator(d.agreements.order_by("-version"), VERSIONS_A_PAGE).get_page(request.GET.get("page"))
    opened(request, d, "versions", page=page.number)
    return render(request, "escalation/page/versions.html", {**identity(d), "page": page, "versions": compared(d, list(page))})


def since_the_one_before(d: Disagreement) -> Version | None:
    """The latest version with what changed in it; None where it is the first."""
    agreement = d.standing.agreement
    return compared(d, [agreement])[0] if agreement and agreement.version > 1 else None


def compared(d: Disagreement, shown: list[Agreement]) -> list[Version]:
    """These versions (the newest first), each compared with the one before, in a fixed number of queries."""
    if not shown:
        return []
    before_all = d.agreements.filter(version=shown[-1].version - 1)
    rows = [*shown, *before_all]
    entries = reading.full(d.entries.filter(pk__in=[pk for row in rows for pk in (row.entry_id, row.declined_by_id) if pk])).in_bulk()
    issues = _issues(d, rows, entries)
    texts = {row.version: _texts(entries[row.entry_id]) for row in rows}
    confirmed = outcomes.confirmed(d, shown)
    latest = d.standing.agreement.version if d.standing.agreement else 0
    mediators = outcomes.mediators_of(d) if any(row.proposed_by_id is None for row in shown) else set()
    found = []
    for row in shown:
        before = texts.get(row.version - 1)
        state, tone = _say_state(d, row, latest)
        found.append(
            Version(
                agreement=row,
                proposed=entries[row.entry_id],
                role=outcomes.say_role(entries[row.entry_id], mediators) if row.proposed_by_id is None else "",
                state=state,
                tone=tone,
                stands=row.version == latest and row.declined_by_id is None,
                text=Text.of(before.get("outcome", "") if before is not None else None, texts[row.version].get("outcome", "")),
                kind=Text.of(_kind(entries, rows, row.version - 1), outcomes.say_kind(entries[row.entry_id])),
                is_first=before is None,
                issues=_compare_issues(issues.get(row.version - 1), issues[row.version]),
                confirmed=confirmed[row.version],
                declined=entries.get(row.declined_by_id) if row.declined_by_id else None,
            )
        )
    return found


def _kind(entries: dict[UUID, Entry], rows: list[Agreement], version: int) -> str | None:
    """What that version came to; None where there is none."""
    return next((outcomes.say_kind(entries[row.entry_id]) for row in rows if row.version == version), None)


def _texts(entry: Entry) -> dict[str, str]:
    return {text.field: text.value for text in entry.texts.all()}


def _issues(d: Disagreement, rows: list[Agreement], entries: dict[UUID, Entry]) -> dict[int, list[Issue]]:
    by_version: dict[int, list[Issue]] = {row.version: [] for row in rows}
    version = {row.pk: row for row in rows}
    found = d.outstanding_issues.filter(agreement__in=version).select_related("owner", "owner_side__team__agency").order_by("number")
    for issue in found:
        agreement = version[issue.agreement_id]
        said = _texts(entries[agreement.entry_id])
        made = Issue(issue, said.get(f"issue_{issue.number}", ""), said.get(f"how_{issue.number}", ""))
        by_version[agreement.version].append(made)
    return by_version


def _say_state(d: Disagreement, row: Agreement, latest: int) -> tuple[str, str]:
    if row == d.standing.earlier_agreement:
        return _("Agreed, then reopened"), ""
    if row.version != latest:
        return _("Replaced by version %(number)d") % {"number": row.version + 1}, ""
    if d.stage == Stage.RESOLVED:
        return _("Agreed"), "done"
    if row.declined_by_id:
        return _("Changes asked for"), ""
    return (_("Proposed now"), "calm") if d.is_open else (_("Not agreed"), "")


def _compare_issues(before: list[Issue] | None, after: list[Issue]) -> list[IssueChange]:
    """Those of the version, in its order, then those that it no longer has. `before` is None for the first version."""
    if before is None:
        return [_compare_issue("same", None, issue) for issue in after]
    pairs = _pair(before, after)
    found = []
    for issue in after:
        was = pairs.get(issue.number)
        found.append(_compare_issue("" if was else "added", was, issue))
    kept = {issue.number for issue in pairs.values()}
    return [*found, *(_removed(issue) for issue in before if issue.number not in kept)]


def _pair(before: list[Issue], after: list[Issue]) -> dict[int, Issue]:
    """Number in the new version -> the issue it was: the one with the same words, else the one in its place if it is like it."""
    left = {issue.number: issue for issue in before}
    pairs: dict[int, Issue] = {}
    for issue in after:
        if same := next((one for one in left.values() if one.text == issue.text), None):
            pairs[issue.number] = left.pop(same.number)
    for issue in after:
        if issue.number not in pairs and issue.number in left and _is_like(left[issue.number], issue):
            pairs[issue.number] = left.pop(issue.number)
    return pairs


def _is_like(was: Issue, issue: Issue) -> bool:
    """Whether it reads as the same issue changed: half of the words are shared, or it is pursued in the same words."""
    old, new = set(was.text.lower().split()), set(issue.text.lower().split())
    return len(old & new) * 2 >= max(len(old), len(new)) or (was.how == issue.how != "")


def _compare_issue(state: str, was: Issue | None, issue: Issue) -> IssueChange:
    """`state` is empty where it is to be found out."""
    text = Text.of(was.text if was else None, issue.text)
    how = Text.of(was.how if was else None, issue.how)
    owner = Text.of(outcomes.say_owner_and_day(was) if was else None, outcomes.say_owner_and_day(issue))
    changed = any(part.is_changed for part in (text, how, owner))
    return IssueChange(state or ("changed" if changed else "same"), issue.number, text, how, owner)


def _removed(issue: Issue) -> IssueChange:
    return _compare_issue("removed", None, issue)
