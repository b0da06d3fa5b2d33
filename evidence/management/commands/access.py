"""Writes docs/access.md, the table of who may what, from the code: `manage.py access` (--check: only says whether it is current)."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.urls import URLPattern, URLResolver, get_resolver

from disputes.disagreement import Disagreement
from evidence.access import ADDRESSES, ALSO_CALLED, BY_NAME, SEES

TARGET = settings.BASE_DIR / "docs" / "access.md"

HEAD = """# Who may what

Written from the code by `manage.py access`; do not edit by hand. `tests/test_matrix.py` asks every address as everybody.
What somebody may not see gets the same answer, in status, body and time, as what does not exist. Every address asks again at every request.

## Who sees a disagreement

A person sees it because they hold a seat at it, or a dated scope, and are not excluded: `visible_to` in the code, `accord_visible()` in
PostgreSQL's row-level security, which a test holds equal.

| who | from | until | sees |
|---|---|---|---|
"""


def routes(patterns: list[Any] | None = None, before: str = "") -> list[tuple[str, str]]:
    """(address, name) of everything the service answers, as `evidence.access` calls it."""
    found: list[tuple[str, str]] = []
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            found.append((route, ALSO_CALLED.get(pattern.name, pattern.name) or ""))
    return found


def written() -> str:
    """The whole page as Markdown."""
    lines = [HEAD.rstrip("\n")]
    lines += [f"| {' | '.join(row)} |" for row in SEES]
    lines += ["", "## Whose a move is", "", "When each is open, and where it leads: [Stages and moves](stages.md).", ""]
    lines += ["| move | on screen | for whom |", "|---|---|---|"]
    for move in Disagreement.move_names():
        table = next(iter(getattr(Disagreement, move)._django_fsm.transitions.values()))
        lines.append(f"| `{move}` | {table.custom['label']} | {table.permission.__name__.replace('_', ' ')} |")
    lines += ["", f"## Addresses ({len({route for route, _ in routes()})})", "", "| address | for | fresh second factor |", "|---|---|---|"]
    order = {address.name: place for place, address in enumerate(ADDRESSES)}
    for route, name in sorted(dict(routes()).items(), key=lambda one: (order.get(one[1], len(order)), one[0])):
        address = BY_NAME[name]
        lines.append(f"| `/{route.replace('<', '{').replace('>', '}')}` | {address.audience.value} | {'yes' if address.fresh else ''} |")
    return "\n".join(lines) + "\n"


class Command(BaseCommand):
    help = "Writes docs/access.md from the code (--check: only says whether it is current)."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        if check:
            if not TARGET.exists() or TARGET.read_text(encoding="utf-8") != written():
                raise SystemExit("docs/access.md is not current: run manage.py access")
            return
        TARGET.write_text(written(), encoding="utf-8")
        self.stdout.write(f"wrote {TARGET.name}")
