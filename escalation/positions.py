"""Both positions side by side, with what each side would accept: what the Chair weighs, and what a joint session begins with (23.17)."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from disputes.models import Disagreement, Entry, Side
from disputes.stages import Stage
from escalation import reading

SAYS_POSITION = ("our_position", "answer", "position", "view", "outcome_wanted")  # the fields of a position, the plainest first
AGENDA_QUOTES = 300  # characters of each side's words, to begin an agenda with


@dataclass(frozen=True)
class Question:
    """What the Chair asked both sides before deciding."""

    entry: Entry
    question: str
    answers: list[tuple[Side, Entry | None]]  # what each side answered it with; None: not answered


@dataclass(frozen=True)
class Position:
    """One side: its position as it said it last, and what it would accept, empty where it has not said; then what it added when the
    Chair asked for more, the oldest first."""

    side: Side
    position: str
    said_in: Entry | None
    would_accept: str
    accept_said_in: Entry | None
    added: list[tuple[str, Entry]]


def both(d: Disagreement, stated: list[Entry]) -> list[Position]:
    """The raising side first. `stated`: reading.positions(d), the oldest first."""
    found, asked = [], _asked_at(stated)
    questions = [entry.number or 0 for entry in stated if entry.kind == "ask_for_more" and (entry.number or 0) > asked]
    for view in reading.two_views(d, []):
        own = [entry for entry in stated if view.side.pk in (entry.recorded_for_id, entry.side_id) and entry.kind != "propose_outcome"]
        answers = [one for one in own if one.kind == "answer_the_chair" and questions and (one.number or 0) > questions[0]]
        position, said_in = _latest([entry for entry in own if entry not in answers], SAYS_POSITION)
        accepts, accept_said_in = _latest([entry for entry in own if (entry.number or 0) > asked], ("would_accept",))
        added = [(words, entry) for entry in answers if (words := _latest([entry], ("answer",))[0])]
        found.append(Position(view.side, position, said_in, accepts, accept_said_in, added))
    return found


def _asked_at(stated: list[Entry]) -> int:
    """The number below which nothing belongs to this mediation: an earlier one may have been before a reopening."""
    asked = [entry.number or 0 for entry in stated if entry.kind == "ask_the_chair"]
    return max(asked, default=0) - 1


def _latest(entries: list[Entry], names: tuple[str, ...]) -> tuple[str, Entry | None]:
    for entry in reversed(entries):
        texts = {text.field: text.value for text in entry.texts.all()}
        for name in names:
            if texts.get(name):
                return texts[name], entry
    return "", None


def would_accept(d: Disagreement, side: Side) -> str:
    """As this side said last; empty where it has not."""
    return next((one.would_accept for one in both(d, reading.positions(d)) if one.side.pk == side.pk), "")


def question_of_the_chair(d: Disagreement) -> Question | None:
    """What the Chair last asked both sides in this mediation."""
    if d.stage != Stage.LSCB_MEDIATION:
        return None
    asked = reading.full(_since_asked(d).filter(kind="ask_for_more")).order_by("-number").first()
    if asked is None:
        return None
    answered = {one.side_id: one for one in d.entries.filter(kind="answer_the_chair", number__gt=asked.number).order_by("number")}
    said = next((text.value for text in asked.texts.all() if text.field == "question"), "")
    return Question(asked, said, [(view.side, answered.get(view.side.pk)) for view in reading.two_views(d, [])])


def _since_asked(d: Disagreement) -> QuerySet[Entry]:
    asked = d.entries.filter(kind="ask_the_chair").order_by("-number").values_list("number", flat=True).first()
    return d.entries.filter(Q(number__gt=asked or 0))


def agenda(d: Disagreement) -> str:
    """A beginning for whoever proposes a joint session: the child first, then each position and what each would accept (23.5)."""
    lines = [_("How it is for the child now")]
    for one in both(d, reading.positions(d)):
        if one.position:
            lines.append(_("The position of %(side)s: %(words)s") % {"side": one.side, "words": _short(one.position)})
        else:
            lines.append(_("The position of %(side)s") % {"side": one.side})
        if one.would_accept:
            lines.append(_("What %(side)s would accept: %(words)s") % {"side": one.side, "words": _short(one.would_accept)})
    lines += [_("What can be agreed, and what is still to be done by whom"), _("What of this may be told to others")]
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))


def _short(words: str) -> str:
    return Truncator(" ".join(words.split())).chars(AGENDA_QUOTES)
