"""Draws the state diagram and the table of moves from the code: `manage.py stages` rewrites docs/stages.md."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from disputes.disagreement import Disagreement, allowed_moves
from disputes.stages import ENDS, OPEN, Stage

TARGET = settings.BASE_DIR / "docs" / "stages.md"

HEAD = """# Stages and moves

Drawn from the transition table in `disputes/disagreement.py` by `manage.py stages`; do not edit by hand.
The same table draws the buttons, is checked again by the door, and is the rule in the database (`disputes_allowedmove`).
"""


def drawn() -> str:
    """The whole page as Markdown: a Mermaid diagram of changes of stage, and the table of all moves."""
    table = allowed_moves()
    changes: dict[tuple[str, str], list[str]] = {}
    for move in Disagreement.move_names():
        for name, source, target in sorted(table):
            if name == move and source != target:
                changes.setdefault((source, target), []).append(move)
    order = list(Stage.values)
    lines = [HEAD, "```mermaid", "stateDiagram-v2", f"    [*] --> {Stage.RECOGNITION.value}"]
    for stage in Stage:
        lines.append(f"    {stage.value}: {stage.label}")
    for (source, target), moves in sorted(changes.items(), key=lambda change: (order.index(change[0][0]), order.index(change[0][1]))):
        lines.append(f"    {source} --> {target}: {', '.join(m.replace('_', ' ') for m in moves)}")
    lines += [f"    {stage.value} --> [*]" for stage in ENDS]
    lines += ["```", "", "| move | on screen | from | to | counts as a move |", "|---|---|---|---|---|"]
    for move in Disagreement.move_names():
        pairs = [(source, target) for name, source, target in table if name == move]
        sources = _named({source for source, _ in pairs})
        targets = _named({target for source, target in pairs if target != source}) or "stays"
        label = next(iter(getattr(Disagreement, move)._django_fsm.transitions.values())).custom["label"]
        lines.append(f"| `{move}` | {label} | {sources} | {targets} | {'no, a note' if Disagreement.is_note(move) else 'yes'} |")
    return "\n".join(lines) + "\n"


def _named(stages: set[str]) -> str:
    if stages == set(OPEN):
        return "any open stage"
    if stages == set(ENDS):
        return "any end"
    if stages == {*OPEN, *ENDS}:
        return "any open stage or end"
    return ", ".join(str(stage.label).lower() for stage in Stage if stage.value in stages)


class Command(BaseCommand):
    help = "Draws docs/stages.md from the transition table (--check: only says whether it is current)."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        if check:
            if TARGET.read_text(encoding="utf-8") != drawn():
                raise SystemExit("docs/stages.md is not current: run manage.py stages")
            return
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(drawn(), encoding="utf-8")
        self.stdout.write(f"wrote {TARGET.name}")
