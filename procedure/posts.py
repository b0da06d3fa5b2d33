"""Who acts for each team at each manager's step of the ladder, and where there is nobody: read for a whole partnership at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from accounts.models import Partnership, Post, StepPost, Team
from procedure.ladder import MANAGER_STAGES, Step

MOST_ROUNDS = 12  # of asking for posts above posts; nobody's line is longer


@dataclass(frozen=True)
class Place:
    """One team at one level: who acts there, and what is missing."""

    team: Team
    level: int
    steps: str  # "Step 2: line managers"
    mapped: Post | None  # what the team's own mapping says
    found: tuple[Post, ...]  # else, by the reporting lines of its practitioners
    without: tuple[Post, ...]  # practitioners' posts whose line has nobody there

    @property
    def is_gap(self) -> bool:
        """Nobody would be found for somebody of this team."""
        return not self.mapped.is_held if self.mapped else bool(self.without) or not self.found

    @property
    def is_borrowed(self) -> bool:
        return self.mapped is not None and self.mapped.team_id != self.team.pk


def levels_of(steps: Iterable[Step]) -> dict[int, str]:
    """The levels at which managers act, each with the names of its steps."""
    names: dict[int, list[str]] = defaultdict(list)
    for step in steps:
        if step.stage in MANAGER_STAGES:
            names[step.level].append(step.name)
    return {level: "; ".join(said) for level, said in sorted(names.items())}


def teams_of(partnership: Partnership) -> list[Team]:
    found = Team.objects.filter(agency__partnerships=partnership).select_related("agency")
    return list(found.order_by("agency__name", "name", "pk"))


def places(partnership: Partnership, levels: Mapping[int, str]) -> list[Place]:
    """Every team at every level, gaps first. As many queries for a hundred teams as for one."""
    teams = teams_of(partnership)
    posts = {post.pk: post for post in _posts().filter(team__in=teams)}
    own: dict[UUID, list[Post]] = defaultdict(list)
    for post in posts.values():
        if post.ended_on is None:
            own[post.team_id].append(post)
    _add_those_above(posts)
    mappings = StepPost.objects.filter(team__in=teams, level__in=levels).select_related("post__holder", "post__team__agency")
    mapped = {(mapping.team_id, mapping.level): mapping.post for mapping in mappings}
    found = [_place(team, level, levels[level], own[team.pk], posts, mapped.get((team.pk, level))) for team in teams for level in levels]
    return sorted(found, key=lambda place: not place.is_gap)


def candidates(partnership: Partnership, level: int) -> list[Post]:
    """The posts of the partnership that are held by somebody at this level or above."""
    held = _posts().filter(team__agency__partnerships=partnership, level__gte=level, ended_on=None, holder__is_active=True)
    return list(held.order_by("team__agency__name", "team__name", "level", "title", "holder__name", "pk"))


def _posts():  # type: ignore[no-untyped-def]
    return Post.objects.select_related("holder", "team__agency")


def _add_those_above(posts: dict[UUID, Post]) -> None:
    """Lines may lead into teams outside the partnership: those posts too, all of one round in one query."""
    for _round in range(MOST_ROUNDS):
        missing = {post.reports_to_id for post in posts.values() if post.reports_to_id} - posts.keys()
        if not missing:
            return
        posts.update({post.pk: post for post in _posts().filter(pk__in=missing)})


def _place(team: Team, level: int, steps: str, own: list[Post], posts: Mapping[UUID, Post], mapped: Post | None) -> Place:
    found: dict[UUID, Post] = {}
    without = []
    for post in _beginning(own, level):
        acting = post if post.level >= level and post.is_held else _manager_at(post, level, posts)
        if acting:
            found[acting.pk] = acting
        else:
            without.append(post)
    return Place(team, level, steps, mapped, tuple(found.values()), tuple(without))


def _beginning(own: list[Post], level: int) -> list[Post]:
    """The posts whose lines are asked: the practitioners', else the lowest there are."""
    lowest = min((post.level for post in own), default=0)
    return [post for post in own if post.level == lowest]


def _manager_at(post: Post, level: int, posts: Mapping[UUID, Post]) -> Post | None:
    """As Post.manager_at reads the line, from what was read already."""
    seen = {post.pk}
    above = posts.get(post.reports_to_id) if post.reports_to_id else None
    while above is not None and above.pk not in seen:
        if above.level >= level and above.is_held:
            return above
        seen.add(above.pk)
        above = posts.get(above.reports_to_id) if above.reports_to_id else None
    return None
