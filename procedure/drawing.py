"""Draws a policy in plain English, as a table, a ladder and a comparison, so that those who answer for it can read it (23.9)."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from procedure.calendars import NAMES
from procedure.ladder import Limit, Span, Step
from procedure.policy import Document, Nudges, Telling, Track, Urgency, UrgentNudges

WIDTH = 100
ASSUMED = "assumed, check with your partnership"

STAGES = {
    "practitioner": "Practitioner",
    "line_manager": "Line manager",
    "up_the_line": "Up the line",
    "lscb_mediation": "Mediation",
}
CLOCKS = {
    "acknowledge": "Acknowledge",
    "answer": "Answer",
    "meeting": "Convene a meeting if there is no agreement",
    "confirm": "Confirm in writing after the meeting",
    "step": "Settle",
}
STARTS = {
    "raised": "when it was raised",
    "limit_reached": "when the limit is reached",
    "decision": "the decision complained of",
}
EVENTS = {
    "raised": "it is raised",
    "step_begun": "a {word} begins",
    "answered": "it is answered",
    "meeting": "a meeting is held",
    "limit_reached": "a limit is reached",
    "asked_chair": "the {body} is asked",
    "resolved": "it is resolved",
    "closed": "it is closed",
}
TOLD = {
    "office": "the office of the partnership",
    "next_manager": "the next managers",
    "chair": "the {body}",
    "representative": "the agencies’ representatives",
}
NUDGES = {
    "before": "from the first reminder on",
    "at": "from the limit on",
    "after": "from the first reminder after the limit on",
    "chaser": "with the last chaser",
    "never": "never",
}
SIDES = {"raising": "the side that raised it", "responding": "the side that responds", "consulted": "those consulted"}


@dataclass(frozen=True)
class Row:
    """One step of the ladder, in words: a row of a table. `tellings` are who is told about this step in particular."""

    number: int
    tier: str
    stage: str
    name: str
    raised_by: str
    answered_by: str
    clocks: tuple[str, ...]
    assumed: bool
    tellings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """What differs between two policies: before and after are sentences, "" where there was or is nothing."""

    what: str
    before: str
    after: str


def rows(document: Document) -> list[Row]:
    """The ladder as a table, lowest step first."""
    return [
        Row(
            number=step.number,
            tier=step.tier.capitalize(),
            stage=STAGES.get(step.stage, step.stage),
            name=step.name,
            raised_by=step.raised_by,
            answered_by=step.answered_by,
            clocks=clocks_of(step, document.word_for_step),
            assumed=any(limit.assumed for limit in step.clocks.values()),
            tellings=tuple(
                say_telling(telling, document)
                for telling in document.tellings
                if telling.step == step.number or telling.stage == step.stage
            ),
        )
        for step in document.steps
    ]


def clocks_of(step: Step, word: str) -> tuple[str, ...]:
    """Each limit of a step as a line: "Settle within 2 working days from when the step begins"."""
    return tuple(f"{CLOCKS[about]} {say_limit(limit, word, about=about)}" for about, limit in step.clocks.items())


def other_clocks(document: Document) -> tuple[str, ...]:
    """The limits that belong to no single step, each as a line."""
    word = document.word_for_step
    lines = [f"Raise it {say_limit(document.raise_within, word)}"] if document.raise_within else []
    lines += [f"{say_span(span, word)}" for span in document.spans]
    lines += [f"The whole procedure {say_limit(document.overall, word)}"] if document.overall else []
    lines += [say_track(track, word) for track in document.urgency.tracks]
    return tuple(lines)


def compare(old: Document, new: Document) -> list[Change]:
    """What would change if the new policy took the place of the old one, in plain English; empty where nothing would."""
    before, after = (dict(statements(document, word=new.word_for_step)) for document in (old, new))
    return [
        Change(what, before.get(what, ""), after.get(what, ""))
        for what in _merged(list(before), list(after))
        if before.get(what, "") != after.get(what, "")
    ]


def _merged(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """All headings in the order of the new policy, those that are gone where they stood in the old one."""
    merged = list(after)
    for position, what in enumerate(before):
        if what not in merged:
            place = merged.index(before[position - 1]) + 1 if position else 0
            merged.insert(place, what)
    return merged


def statements(document: Document, word: str = "") -> list[tuple[str, str]]:
    """All that a policy says: headings, each with its sentence. No heading comes twice, and nothing of the policy is left out."""
    word = word or document.word_for_step
    body = document.final_body
    said = [
        ("Title", document.title),
        ("Source", document.source),
        ("Word for a step", document.word_for_step),
    ]
    for step in document.steps:
        said += _step(step, word)
    said += [
        ("Final body", f"{body.title} (in short: {body.short})"),
        ("What the final body does", body.role),
        ("Limit on raising", _capital(say_limit(document.raise_within, word)) if document.raise_within else "None"),
    ]
    said += [(f"Several {word}s together, {n}", say_span(span, word)) for n, span in enumerate(document.spans, start=1)]
    said += [
        ("Limit on the whole procedure", _capital(say_limit(document.overall, word)) if document.overall else "None"),
        ("Or before the disputed act, whichever is sooner", _yes(document.or_before_disputed_act)),
        *_urgency(document.urgency, word),
        ("Categories", "; ".join(f"{one.label} ({one.key})" for one in document.categories)),
        ("Two teams of one agency may disagree here", _yes(document.within_one_agency)),
    ]
    said += [
        (f"Not for this procedure: {one.key}", f"{one.question} Goes to: {one.goes_to} (source: {one.source})")
        for one in document.signposts
    ]
    return [
        *said,
        ("Who is told", " ".join(say_telling(telling, document, word) for telling in document.tellings)),
        *_nudges(document.nudges),
        ("Bank holidays", NAMES.get(document.calendar, document.calendar)),
        ("End of the working day", f"{document.end_of_working_day:%H:%M}"),
        ("Office hours", f"{document.office_hours.opens:%H:%M} to {document.office_hours.closes:%H:%M}"),
        ("Reminder of a draft", f"After {_count(document.draft_reminder_working_days, 'working day')}"),
        ("Pauses of a clock", _pauses(document)),
        ("Who confirms before it is resolved", _capital(_list(SIDES.get(side, side) for side in document.closing.confirmed_by))),
        ("How long the record is kept", _retention(document)),
        ("How to say that a child is still at risk", "; ".join(document.concern_channels)),
    ]


def _step(step: Step, word: str) -> list[tuple[str, str]]:
    heading = f"{word.capitalize()} {step.number}"
    clocks = dict(zip(step.clocks, clocks_of(step, word), strict=True))
    return [
        (heading, step.name),
        (f"{heading}, raised by", step.raised_by),
        (f"{heading}, answered by", step.answered_by),
        (f"{heading}, stage of chapter 23", STAGES.get(step.stage, step.stage)),
        (f"{heading}, seniority", "Practitioner" if step.level == 0 else f"Level {step.level} of management"),
        (f"{heading}, tier", step.tier.capitalize()),
        *((f"{heading}, {CLOCKS[about][0].lower()}{CLOCKS[about][1:]}", clocks.get(about, "No limit")) for about in CLOCKS),
    ]


def _urgency(urgency: Urgency, word: str) -> list[tuple[str, str]]:
    starts_at = STAGES.get(urgency.may_start_at, urgency.may_start_at)
    return [
        ("Before anything else, at immediate risk", " ".join(urgency.leave_first)),
        ("At immediate risk one may start at", starts_at or "The first step only"),
        (
            "At immediate risk nothing takes longer than",
            _capital(say_limit(urgency.shrink, word)) if urgency.shrink else "No limit of its own",
        ),
        ("The raiser may name the moment by which the child needs it settled", _yes(urgency.needed_by)),
        ("The sides may agree that the disputed act waits", _yes(urgency.standstill)),
        *((f"Urgent track: {track.key}", say_track(track, word)) for track in urgency.tracks),
    ]


def _nudges(nudges: Nudges) -> list[tuple[str, str]]:
    return [
        ("Reminders", _say_nudges(nudges.before, nudges.at, nudges.after, nudges.chaser_days, "working day")),
        ("Managers are reminded too", _capital(NUDGES.get(nudges.manager_from, nudges.manager_from))),
        ("The office is reminded too", _capital(NUDGES.get(nudges.office_from, nudges.office_from))),
        ("Reminders when it is urgent, at any hour", _urgent(nudges.urgent)),
    ]


def _urgent(urgent: UrgentNudges) -> str:
    return _say_nudges(urgent.before_minutes, urgent.at, urgent.after_minutes, urgent.chaser_minutes, "minute")


def _say_nudges(before: tuple[int, ...], at: bool, after: tuple[int, ...], chaser: int, unit: str) -> str:
    parts = [f"{_count(n, unit)} before" for n in before]
    parts += ["at the limit"] if at else []
    parts += [f"{_count(n, unit)} after" for n in after]
    return _capital(_list([*parts, f"a last time {_count(chaser, unit)} after"]))


def _pauses(document: Document) -> str:
    if not (pauses := document.pauses):
        return "None"
    longest, watch = _count(pauses.longest_working_days, "working day"), _count(pauses.watch_working_days, "working day")
    return f"For {_list(pauses.reasons)}; {longest} at most, looked at again after {watch}"


def _retention(document: Document) -> str:
    if not (retention := document.retention):
        return "Not said"
    return f"{_count(retention.years, 'year')} (source: {retention.source})"


def say_telling(telling: Telling, document: Document, word: str = "") -> str:
    """ "When a limit is reached at step 3, the office of the partnership is told." """
    word = word or document.word_for_step
    words = {"word": word, "body": document.final_body.short}
    where = f" at {word} {telling.step}" if telling.step else ""
    where = f" at the stage {STAGES.get(telling.stage, telling.stage).lower()}" if telling.stage else where
    who = TOLD.get(telling.who, telling.who).format_map(words)
    verb = "are" if telling.who in ("next_manager", "representative") else "is"
    return f"When {EVENTS.get(telling.event, telling.event).format_map(words)}{where}, {who} {verb} told."


def say_span(span: Span, word: str) -> str:
    """ "Steps 1 to 3 together within 10 working days from when the first of them begins"."""
    several = len(span.steps) > 1
    steps = f"{word.capitalize()}s {span.steps[0]} to {span.steps[-1]} together" if several else f"{word.capitalize()} {span.steps[0]}"
    return f"{span.name + ': ' if span.name else ''}{steps} {say_limit(span.limit, word, about='span' if several else '')}"


def say_track(track: Track, word: str) -> str:
    """ "Fast track: everything within 24 hours from when it was raised"."""
    covers = "everything" if track.covers == "everything" else f"each {word}"
    taken = "; taken when a child is at immediate risk" if track.immediate_risk else ""
    return f"{track.label}: {covers} {say_limit(track.limit, word)}{taken}"


def say_limit(limit: Limit, word: str = "step", *, about: str = "") -> str:
    """ "within 2 working days from when the step begins (assumed, check with your partnership)".

    `about` is what the limit is for, where the words of its start depend on that: a clock of a step, or "span".
    """
    match limit.start:
        case "step_begun":
            start = "when the first of them begins" if about == "span" else f"when the {word} begins"
        case "previous_answer":
            start = "the answer" if about == "meeting" else f"the answer of the {word} before"
        case "meeting":
            start = "the meeting" if about == "confirm" else f"the meeting of the {word} before"
        case _:
            start = STARTS.get(limit.start, limit.start)
    if limit.unit == "at_once":
        said = f"at once {start if start.startswith('when') else f'after {start}'}"
    else:
        said = f"within {_count(limit.amount, limit.unit.replace('_', ' ').removesuffix('s'))} from {start}"
    return said + (f" ({ASSUMED})" if limit.assumed else "")


def table(document: Document) -> str:
    """The ladder as a table in plain text."""
    heads = (document.word_for_step.capitalize(), "Stage", "Raised by", "Answered by", "Clocks")
    widths = (24, 13, 20, 20, 23)
    lines = [_line(heads, widths), _line(["-" * width for width in widths], widths)]
    for row in rows(document):
        tier = f" ({row.tier.lower()})" if row.tier else ""
        cells = (f"{row.number} {row.name}{tier}", row.stage, row.raised_by, row.answered_by, "; ".join(row.clocks) or "No clock")
        wrapped = [textwrap.wrap(cell, width) for cell, width in zip(cells, widths, strict=True)]
        height = max(map(len, wrapped))
        lines += [_line([column[n] if n < len(column) else "" for column in wrapped], widths) for n in range(height)]
        lines.append("")
    return "\n".join(lines).rstrip()


def _line(cells: Iterable[str], widths: Iterable[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def diagram(document: Document) -> str:
    """The ladder drawn in plain text, the first step at the top and the final body below."""
    lines: list[str] = []
    for row in rows(document):
        if lines:
            lines += ["   |", "   | no agreement", "   v"]
        tier = f", {row.tier.lower()}" if row.tier else ""
        lines += _box([f"{row.number}  {row.name}  [{row.stage.lower()}{tier}]", f"{row.raised_by} -> {row.answered_by}", *row.clocks])
    if clocks := other_clocks(document):
        lines += ["", f"Across the {document.word_for_step}s:", *(f"  {clock}" for clock in clocks)]
    return "\n".join(lines)


def _box(sentences: Iterable[str]) -> list[str]:
    inner = WIDTH - 4
    wrapped = [line for sentence in sentences for line in textwrap.wrap(sentence, inner, subsequent_indent="   ")]
    edge = "+" + "-" * (WIDTH - 2) + "+"
    return [edge, *(f"| {line.ljust(inner)} |" for line in wrapped), edge]


def show(document: Document) -> str:
    """The whole policy for a terminal: its ladder as a table and drawn, and all else that it says."""
    steps = tuple(f"{document.word_for_step.capitalize()} {step.number}" for step in document.steps)
    rest = [(what, said) for what, said in statements(document) if said and not what.startswith(steps)]
    listed = [
        line
        for what, said in rest
        for line in textwrap.wrap(f"{what}: {said}", WIDTH, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)
    ]
    return "\n".join([table(document), "", diagram(document), "", *listed])


def replayed(played: Mapping[str, Any]) -> str:
    """What `procedure.replay` worked out, as plain text: each event, with the clocks that run after it and their working."""
    scenarios = played.get("scenarios", [played])
    return "\n\n".join("\n".join(_replayed(scenario)) for scenario in scenarios)


def _replayed(scenario: Mapping[str, Any]) -> list[str]:
    names = [str(scenario[key]) for key in ("id", "title") if scenario.get(key)]
    lines = [f"{'  '.join(names)}  (policy {scenario.get('policy')}, bank holidays {scenario.get('calendar')})"]
    for event in scenario["events"]:
        step = f"step {event['step']}" if event["step"] else ""
        lines.append(f"{event['at'][:16].replace('T', ' ')}  {event['kind']:<22}  {step}".rstrip())
        lines += [f"    {event['note']}"] if event.get("note") else []
        for clock in event["clocks"]:
            due = clock["due_at"][:16].replace("T", " ")
            lines.append(f"    due {due}  {clock['label']}{'  (reached)' if clock['reached'] else ''}")
            lines += [f"        {line}" for line in clock["working"]]
    return lines


def _count(n: int, unit: str) -> str:
    return f"{n} {unit}" if n == 1 else f"{n} {unit}s"


def _yes(said: bool) -> str:
    return "Yes" if said else "No"


def _list(things: Iterable[str]) -> str:
    items = list(things)
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
