"""A whole directory from a file: first what it would add, change and leave alone, then all of it in one transaction, or nothing.

Nobody is removed by a file: who is not in it any more is listed, and a person decides.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import connection
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from simple_history.utils import bulk_create_with_history

from accounts import directory
from accounts.directory import Directory, Refused, as_far_as_allowed, level_name
from accounts.directory_csv import LEVEL_WORDS, File, Mistake, Row
from accounts.models import Post, Team, User

WRITTEN_AT_ONCE = 500
CHANGING = ("title", "level", "holder", "reports_to", "adviser")
CALLED = {
    "title": gettext_lazy("title"),
    "level": gettext_lazy("level"),
    "holder": gettext_lazy("held by"),
    "reports_to": gettext_lazy("reports to"),
    "adviser": gettext_lazy("adviser"),
}


@dataclass
class Changed:
    """A post that is there already, and what becomes different: (what, before, then)."""

    post: Post
    line: int
    differences: list[tuple[str, str, str]]


@dataclass
class Plan:
    """What a file would do to the directory. Nothing is written while there are mistakes."""

    mistakes: list[Mistake] = field(default_factory=list)
    new_teams: list[Team] = field(default_factory=list)
    new_people: list[User] = field(default_factory=list)
    renamed: list[tuple[User, str]] = field(default_factory=list)  # with the name before
    new_posts: list[Post] = field(default_factory=list)
    changed_posts: list[Changed] = field(default_factory=list)
    changed_hands: list[User | None] = field(default_factory=list)  # who holds a post of these, and who held it
    same: int = 0  # lines that say what is so already
    people_missing: list[User] = field(default_factory=list)
    posts_missing: list[Post] = field(default_factory=list)
    notes: list[Mistake] = field(default_factory=list)  # what is left as it is, and why

    @property
    def changes(self) -> int:
        kinds: tuple[Sized, ...] = (self.new_teams, self.new_people, self.renamed, self.new_posts, self.changed_posts)
        return sum(len(kind) for kind in kinds)

    @property
    def mark(self) -> str:
        """The same for the same plan: what is confirmed is what was seen, or it is shown again."""
        said = [
            *(f"team {team.name}" for team in self.new_teams),
            *(f"person {person.email} {person.name}" for person in self.new_people),
            *(f"name {person.pk} {before} {person.name}" for person, before in self.renamed),
            *(f"post {post.title} {post.team} {post.level} {post.holder and post.holder.email}" for post in self.new_posts),
            *(f"change {one.post.pk} {one.differences}" for one in self.changed_posts),
        ]
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:32]


def plan(found: Directory, file: File) -> Plan:
    """What this file would do. As many queries for two thousand lines as for two."""
    return _Planning(found, file).made()


def apply(planned: Plan, by: User) -> None:
    """All of it or nothing. New people cannot sign in until they are invited, one by one."""
    assert not planned.mistakes  # noqa: S101 - the page shows them instead
    with as_far_as_allowed():
        for model, rows in ((Team, planned.new_teams), (User, planned.new_people), (Post, planned.new_posts)):
            bulk_create_with_history(rows, model, batch_size=WRITTEN_AT_ONCE, default_user=by)
        _rename_all([person for person, _before in planned.renamed], by)
        _change_all([changed.post for changed in planned.changed_posts], by)
        directory.tell_of_changed_rights(*planned.changed_hands)


RENAME = """
    UPDATE accounts_user SET name = given.name FROM unnest(%s::uuid[], %s::text[]) AS given (id, name) WHERE accounts_user.id = given.id
"""
CHANGE = """
    UPDATE accounts_post SET title = given.title, level = given.level, holder_id = given.holder, reports_to_id = given.above,
        adviser_id = given.adviser
    FROM unnest(%s::uuid[], %s::text[], %s::smallint[], %s::uuid[], %s::uuid[], %s::uuid[])
        AS given (id, title, level, holder, above, adviser)
    WHERE accounts_post.id = given.id
"""


def _rename_all(people: list[User], by: User) -> None:
    for lot in _lots(people):
        _update(RENAME, [[one.pk for one in lot], [one.name for one in lot]], len(lot))
        User.history.bulk_history_create(lot, update=True, default_user=by)  # type: ignore[attr-defined]


def _change_all(posts: list[Post], by: User) -> None:
    for lot in _lots(posts):
        lines = [[post.holder_id for post in lot], [post.reports_to_id for post in lot], [post.adviser_id for post in lot]]
        _update(CHANGE, [[post.pk for post in lot], [post.title for post in lot], [post.level for post in lot], *lines], len(lot))
        Post.history.bulk_history_create(lot, update=True, default_user=by)  # type: ignore[attr-defined]


def _lots(rows: list[Any]) -> Iterator[list[Any]]:
    """Some hundreds at a time: one statement has seconds, not minutes."""
    return (rows[begin : begin + WRITTEN_AT_ONCE] for begin in range(0, len(rows), WRITTEN_AT_ONCE))


def _update(statement: str, columns: list[list[Any]], expected: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, columns)
        if cursor.rowcount != expected:
            raise Refused(_("Nothing was changed: part of the directory is not yours to change any more. Look again."))


class _Planning:
    """One file held against one directory."""

    def __init__(self, found: Directory, file: File) -> None:
        self.found, self.agency, self.file = found, found.agency, file
        self.plan = Plan(mistakes=list(file.mistakes))
        self.teams = {team.name.casefold(): team for team in Team.objects.filter(agency=found.agency).select_related("agency")}
        self.posts = list(found.posts())
        self.own = {person.email: person for person in found.people()}
        self.posts_of_rows: dict[int, Post] = {}  # by line
        self.before: dict[UUID, Row | None] = {}

    def made(self) -> Plan:
        rows = self.file.rows
        self._refuse_the_same_twice(rows)
        people = self._people(rows)
        with_post = [row for row in rows if row.title]
        for row in with_post:
            self._team(row, all(not row.team for row in with_post))
        if self.plan.mistakes:
            return self._finished()
        matched = self._match(with_post)
        state = {post.pk: {name: getattr(post, name) for name in CHANGING} for post in self.posts}
        for row in with_post:
            post = matched.get(row.line) or Post(team=self.teams[row.team.casefold()], level=row.level)
            post.title, post.level, post.holder = row.title, row.level, people.get(row.email)
            self.posts_of_rows[row.line] = post
        self._lines(with_post)
        self._refuse_loops(with_post)
        self._sort_out(with_post, state)
        self._refuse_what_has_nobody(state)
        self._list_what_is_missing(rows, matched)
        return self._finished()

    def _finished(self) -> Plan:
        self.plan.mistakes.sort()
        return self.plan

    def wrong(self, line: int, column: str, said: str) -> None:
        self.plan.mistakes.append(Mistake(line, column, said))

    # ── people and teams

    def _refuse_the_same_twice(self, rows: Iterable[Row]) -> None:
        seen: dict[tuple[str, str, str], int] = {}
        for row in rows:
            key = (row.email, row.team.casefold(), row.title.casefold())
            if row.email and (first := seen.setdefault(key, row.line)) != row.line:
                self.wrong(row.line, "email", _("The same person in the same post as in line %(line)d.") % {"line": first})

    def _people(self, rows: Iterable[Row]) -> dict[str, User]:
        wanted = {row.email for row in rows if row.email}
        known = {**{person.email: person for person in User.objects.filter(email__in=wanted - self.own.keys())}, **self.own}
        found: dict[str, User] = {}
        first: dict[str, Row] = {}
        for row in rows:
            if not row.email:
                continue
            if (earlier := first.setdefault(row.email, row)) is not row:
                if earlier.name != row.name:
                    self.wrong(row.line, "name", _("Line %(line)d gives another name for this address.") % {"line": earlier.line})
                continue
            person = known.get(row.email)
            if person is None:
                person = User(email=row.email, name=row.name, is_active=False, kept_by=self.agency, password=make_password(None))
                self.plan.new_people.append(person)
            elif row.email not in self.own:
                self.wrong(
                    row.line, "email", _("Somebody with this address has an account that others keep. Ask your partnership’s office.")
                )
            elif person.left_on:
                self.wrong(
                    row.line, "email", _("This person has left. If they are back, say so on their page first; else take the line out.")
                )
            elif person.name != row.name:
                self._rename(person, row)
            found[row.email] = person
        return found

    def _rename(self, person: User, row: Row) -> None:
        if person.kept_by_id == self.agency.pk:
            self.plan.renamed.append((person, person.name))
            person.name = row.name
        else:
            said = _("The name of %(name)s stays: others keep their account.") % {"name": person.name}
            self.plan.notes.append(Mistake(row.line, "name", said))

    def _team(self, row: Row, none_named: bool) -> None:
        if row.team.casefold() in self.teams:
            return
        if not row.team and not (none_named and not self.teams):
            self.wrong(row.line, "team", _("Enter the team of this post."))
            return
        self.teams[row.team.casefold()] = team = Team(agency=self.agency, name=row.team)
        self.plan.new_teams.append(team)

    # ── which post a line means

    def _match(self, rows: list[Row]) -> dict[int, Post]:
        """Line -> the post that is meant: the same place with the same holder; else a vacant one that is filled; else the only one of
        its title, whose holder changes; else the same holder in the same team, whose title changes. Any other line is a new post."""
        left: dict[tuple[str, str], list[Post]] = defaultdict(list)
        lines: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for post in self.posts:
            left[(post.team.name.casefold(), post.title.casefold())].append(post)
        for row in rows:
            lines[(row.team.casefold(), row.title.casefold())].append(row)
        found: dict[int, Post] = {}
        for key, group in lines.items():
            there = left[key]
            is_only = len(group) == 1 and len(there) == 1
            for row in [*(row for row in group if row.email), *(row for row in group if not row.email)]:
                self._take(found, row, there, lambda post, row=row: (post.holder.email if post.holder else "") == row.email)  # type: ignore[misc]
            for row in group:
                self._take(found, row, there, lambda post: post.holder is None or is_only)  # noqa: B023 - called at once
        self._match_by_holder(found, [row for row in rows if row.line not in found and row.email], [p for ps in left.values() for p in ps])
        return found

    @staticmethod
    def _take(found: dict[int, Post], row: Row, there: list[Post], fits) -> None:  # type: ignore[no-untyped-def]
        if row.line not in found and (post := next(filter(fits, there), None)):
            found[row.line] = post
            there.remove(post)

    @staticmethod
    def _match_by_holder(found: dict[int, Post], rows: list[Row], posts: list[Post]) -> None:
        held: dict[tuple[str, str], list[Post]] = defaultdict(list)
        lines: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for post in posts:
            if post.holder:
                held[(post.team.name.casefold(), post.holder.email)].append(post)
        for row in rows:
            lines[(row.team.casefold(), row.email)].append(row)
        for key, group in lines.items():
            if len(group) == 1 and len(held[key]) == 1:
                found[group[0].line] = held[key][0]

    # ── who is above and beside

    def _lines(self, rows: list[Row]) -> None:
        nodes = {post.pk: post for post in (*self.posts, *self.posts_of_rows.values())}
        by_email: dict[str, list[Post]] = defaultdict(list)
        by_title: dict[str, list[Post]] = defaultdict(list)
        for post in nodes.values():
            by_title[post.title.casefold()].append(post)
            if post.holder:
                by_email[post.holder.email].append(post)
        said = {ref.lower() for row in rows for ref in (row.reports_to, row.adviser) if ref and "@" in ref}
        elsewhere = Post.objects.filter(holder__email__in=said - by_email.keys(), ended_on=None).select_related("holder", "team__agency")
        for post in elsewhere.exclude(team__agency=self.agency):
            by_email[post.holder.email].append(post)  # type: ignore[union-attr]
        for row in rows:
            post = self.posts_of_rows[row.line]
            if row.reports_to is not None:
                post.reports_to = self._meant(row, "reports to", row.reports_to, post, post.reports_to, by_email, by_title)
            if row.adviser is not None:
                post.adviser = self._meant(row, "adviser", row.adviser, post, post.adviser, by_email, by_title)

    def _meant(
        self,
        row: Row,
        column: str,
        ref: str,
        post: Post,
        now: Post | None,
        by_email: dict[str, list[Post]],
        by_title: dict[str, list[Post]],
    ) -> Post | None:
        if not ref:
            return None
        is_address = "@" in ref
        fits = by_email.get(ref.lower(), []) if is_address else by_title.get(ref.casefold(), [])
        if not is_address and len(fits) > 1:
            fits = [one for one in fits if one.team == post.team] or fits
        if len(fits) > 1 and now in fits:
            fits = [now]  # type: ignore[list-item]
        if fits == [post]:
            self.wrong(
                row.line, column, _("A post cannot report to itself.") if column == "reports to" else _("A post cannot advise itself.")
            )
        elif len(fits) == 1:
            return fits[0]
        elif not fits and now and ref.casefold() == now.title.casefold():
            return now  # a vacant post of another agency, as an export names it
        elif not fits:
            said = _("Nobody with this address holds a post.") if is_address else _("There is no post of this title, here or in the file.")
            self.wrong(row.line, column, said)
        elif is_address:
            self.wrong(row.line, column, _("This person holds more than one post. Enter the title of the post instead."))
        else:
            self.wrong(row.line, column, _("There is more than one post of this title. Enter the email address of who holds it."))
        return now

    def _refuse_loops(self, rows: list[Row]) -> None:
        lines = {post.pk: post.reports_to_id for post in (*self.posts, *self.posts_of_rows.values())}
        for row in rows:
            post = self.posts_of_rows[row.line]
            if post.reports_to_id != post.pk and directory.makes_a_loop(post, post.reports_to, lines):
                self.wrong(row.line, "reports to", _("This makes a loop: that post reports to this one, directly or through others."))

    # ── what becomes of it

    def _sort_out(self, rows: list[Row], state: dict[UUID, dict[str, object]]) -> None:
        for row in rows:
            post = self.posts_of_rows[row.line]
            if post.holder == self.found.person and state.get(post.pk, {}).get("holder") != post.holder:
                self.wrong(row.line, "email", _("Nobody gives a post to themselves: another administrator must."))
            if post.pk not in state:
                self.plan.new_posts.append(post)
                continue
            was = state[post.pk]
            differences = [
                (str(CALLED[name]), _said(name, was[name]), _said(name, getattr(post, name)))
                for name in CHANGING
                if was[name] != getattr(post, name)
            ]
            if was["holder"] != post.holder:
                self.plan.changed_hands += [was["holder"], post.holder]  # type: ignore[list-item]
            if differences:
                self.plan.changed_posts.append(Changed(post, row.line, differences))
            else:
                self.plan.same += 1
        self.plan.same += sum(1 for row in self.file.rows if not row.title and row.email in self.own)

    def _refuse_what_has_nobody(self, state: dict[UUID, dict[str, object]]) -> None:
        """What is open at a post needs somebody who can sign in."""
        changed = [one for one in self.plan.changed_posts if state[one.post.pk]["holder"] != one.post.holder]
        unheld = [one for one in changed if not one.post.holder or not one.post.holder.is_active]
        seats = directory.open_seats(one.post for one in unheld)
        for one in unheld:
            if number := seats.get(one.post.pk):
                said = _("This post has %(number)s. Hand it over on its own page, to somebody else who can sign in.")
                self.wrong(one.line, "email", said % {"number": directory.say_open(number)})

    def _list_what_is_missing(self, rows: list[Row], matched: dict[int, Post]) -> None:
        named = {row.email for row in rows}
        self.plan.people_missing = [one for one in self.own.values() if one.email not in named and not one.left_on]
        self.plan.people_missing.sort(key=lambda one: one.name)
        kept = {post.pk for post in matched.values()}
        self.plan.posts_missing = [post for post in self.posts if post.pk not in kept]


def _said(name: str, value: object) -> str:
    if name == "level":
        return level_name(int(str(value)))
    if isinstance(value, User):
        return value.name
    if isinstance(value, Post):
        return f"{value.title}, {value.holder.name}" if value.holder else value.title
    return str(value or (_("vacant") if name == "holder" else _("nobody")))


def export_rows(found: Directory) -> list[tuple[str, ...]]:
    """The directory of now, in the columns of a file: every post, then who holds none."""
    words = {level: word for word, level in LEVEL_WORDS.items()}
    above = ("reports_to__holder__email", "reports_to__title", "adviser__holder__email", "adviser__title")
    posts = found.posts().values_list("holder__name", "holder__email", "team__name", "title", "level", *above)
    rows: list[tuple[str, ...]] = [
        (name or "", email or "", team, title, words.get(level, str(level)), lead or lead_title or "", adviser or adviser_title or "")
        for name, email, team, title, level, lead, lead_title, adviser, adviser_title in posts
    ]
    held = Post.objects.filter(holder=OuterRef("pk"), team__agency=found.agency, ended_on=None)
    without = found.people().filter(left_on=None).exclude(Exists(held)).order_by("name", "pk")
    return rows + [(name, email, "", "", "", "", "") for name, email in without.values_list("name", "email")]
