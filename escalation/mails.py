"""The words of a mail: reference, what is asked, by which rule, by when and how that is worked out, and why you. It names no child, no
person but the reader, and quotes nobody."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.mime.text import MIMEText
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from accounts import mailing
from disputes.models import Disagreement, Seat
from disputes.sessions import Session
from disputes.stages import Awaiting, Capacity
from escalation import beside, ics, issues, joint_session, limits, notices
from escalation.models import Clock, Digest, Notice
from pages import times
from procedure.clock import say_moment

WHEN_OWED_FOR = {  # where the rule alone does not say what happened
    ("told", "note_stall"): "stalled",
    ("told", "break_glass"): "opened",
    ("told", "refuse_break_glass"): "access_ended",
    ("told", "exclude"): "conflict",
    ("told", "lift_exclusion"): "conflict",
    ("told", "change_holder"): "handed_over",
    ("told", "redate"): "redated",
    ("news", "redate"): "redated",
    ("told", "reach_inner_limit"): "late_inside",
    ("told", "reach_last_chaser"): "unanswered",
    ("overdue", "reach_inner_limit"): "late_inside",
    ("news", "reach_limit"): "way_up",
    ("told", "name_mediator"): "mediator",
    ("news", "name_mediator"): "has_mediator",
    ("news", "ask_the_chair"): "chair_asked",
}
OTHERS = ("digest", *sorted(set(WHEN_OWED_FOR.values())))  # mails that belong to no rule of their own
ASKING = ("your_move", *notices.CLOCK_RULES)
FIRST_OF_ALL = (
    *(
        "urgent",
        "opened",
        "conflict",
        "access_ended",
        "chaser",
        "after",
        "at",
        "before",
        "your_move",
        "unanswered",
        "stalled",
        "handed_over",
        "overdue",
        "way_up",
        "late_inside",
        "ended",
        "redated",
    ),
    *("session_cancelled", "session_fixed", "mediator", "chair_asked", "has_mediator", "thread"),
    *("issue_late", "issue_due"),
    *("decided", "point_named", "referred", "told_back"),
    *("debrief_off", "event_off", "debrief", "debrief_asked", "event", "thanks"),
    *("told", "news", "draft_reminder"),
)


def letter(notice: Notice, now: dt.datetime) -> EmailMessage:
    """The mail of one notice. Its Message-ID is the row's, so that a duplicate after a crash collapses at the reader's."""
    made = _letter(template_of(notice), notice.person.email, notice.pk, now, _context(notice))
    if calendar := _calendar(notice, now):
        made.attach(calendar)
    return made


def digest_letter(digest: Digest, owed: Iterable[Notice], now: dt.datetime) -> EmailMessage:
    """One mail for several notices: a paragraph for each disagreement, and each rule beside them. The Message-ID is the digest row's."""
    owed = list(owed)
    by_disagreement: dict[UUID | str, list[Notice]] = {}
    for notice in owed:
        by_disagreement.setdefault(notice.disagreement_id or notice.rule, []).append(notice)
    foremost = [min(several, key=lambda notice: FIRST_OF_ALL.index(template_of(notice))) for several in by_disagreement.values()]
    foremost.sort(key=lambda notice: FIRST_OF_ALL.index(template_of(notice)))
    told = [_context(notice) | {"said": _say_in_a_line(notice)} for notice in foremost]
    person = owed[0].person
    context = {
        "person": person,
        "told": told,
        "many": len(told),
        "beside": any(notice.disagreement_id is None for notice in foremost),  # then they are not all disagreements
        "site": settings.SITE_URL,
        "mail_choice": _mail_choice(),
    }
    return _letter("digest", person.email, digest.pk, now, context)


def template_of(notice: Notice) -> str:
    """The name of its words in templates/emails/."""
    return WHEN_OWED_FOR.get((notice.rule, notice.entry.kind if notice.entry else ""), notice.template)


def _letter(template: str, address: str, row: UUID, now: dt.datetime, context: dict[str, object]) -> EmailMessage:
    subject, body = render_to_string(f"emails/{template}_subject.txt", context), render_to_string(f"emails/{template}.txt", context)
    return mailing.message(subject, body, address, row, now)


def _session(notice: Notice) -> Session | None:
    """The joint session that this notice is about, as its entry left it."""
    if notice.entry is None or notice.rule not in notices.SESSION_RULES:
        return None
    find = joint_session.fixed_by if notice.rule == "session_fixed" else joint_session.called_off_by
    return find(notice.entry)


def _calendar(notice: Notice, now: dt.datetime) -> MIMEText | None:
    """The calendar entry that goes with a mail about the joint session."""
    session, d = _session(notice), notice.disagreement
    if session is None or d is None:
        return None
    method = ics.REQUEST if notice.rule == "session_fixed" else ics.CANCEL
    reader = (notice.person.name, notice.person.email)
    made = ics.invitation(session, d.reference, notice.partnership.name, method=method, stamp=now, reader=reader)
    part = MIMEText(made.decode(), "calendar", "utf-8")
    part.set_param("method", method)
    part.add_header("Content-Disposition", "attachment", filename=f"accord-{d.reference}.ics")
    return part


def _mail_choice() -> str:
    return f"{settings.SITE_URL}/account/mail/"


# ── what a mail says ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class When:
    """A limit in words: what it is for, when it is reached, and how that is worked out."""

    limit: str = ""
    due: str = ""
    working: str = ""
    assumed: bool = False


@dataclass(frozen=True)
class Part:
    """What the reader has to do with it: it is their move, they stand in for it, manage it, are the office, or take part."""

    word: str = "part"  # holder, stand_in, manager, office, part
    post: str = ""  # the title of the post whose move it is: no names
    seats: tuple[Seat, ...] = field(default=())


def _context(notice: Notice) -> dict[str, object]:
    d = notice.disagreement
    context: dict[str, object] = {
        "person": notice.person,
        "reference": d.reference if d else "",
        "partnership": notice.partnership,
        "url": settings.SITE_URL + (f"/disagreements/{d.reference}/" if d else beside.address(template_of(notice), notice.about)),
        "mail_choice": _mail_choice(),
    }
    if d is None:
        return context
    if session := _session(notice):
        context["session"] = _say_session(session)
    turn, part = d.standing.turn, part_of(notice, d)
    about = notice.clock.about if notice.clock else ""
    context |= {
        "awaiting": turn.awaiting,
        "about": about if about in limits.INNER else "",
        "countersign": bool(turn.awaiting == Awaiting.CONFIRMATION and not turn.sides),
        "record_for": bool(turn.for_sides),
        "part": part,
        "mine": part.word in ("holder", "stand_in"),
        "stage": d.get_stage_display(),
        "rule": _say_step(d, notice.clock.step if notice.clock else d.step),
        "limit": _say_what_ran_out(notice, d),
    }
    if issues.is_about_an_issue(notice.rule):
        context |= _about_an_issue(notice, d)
    if notice.template in ASKING and d.is_open:
        running = [notice.clock] if notice.clock else list(d.clocks.filter(stopped_at=None).order_by("due_at"))
        context["when"] = _when(d, next((clock for clock in running if notice.clock or clock.about not in limits.INNER), None))
        if notice.clock is None and turn.awaiting in (Awaiting.MATCH, Awaiting.ANSWER):
            context["acknowledge"] = _when(d, next((clock for clock in running if clock.about == "acknowledge"), None))
    return context


def _say_session(session: Session) -> str:
    """ "Tuesday 10 March 2026, 5pm to 6.30pm": as clocks in the UK show it."""
    if session.fixed_at is None or session.ends_at is None:
        return ""
    day = f"{times.weekday_day(session.fixed_at)} {times.here(session.fixed_at).year}"
    said = {"day": day, "from": times.time(session.fixed_at), "to": times.time(session.ends_at)}
    return _("%(day)s, %(from)s to %(to)s") % said


def _about_an_issue(notice: Notice, d: Disagreement) -> dict[str, object]:
    """Which issue, by its number and date; not its words. `mine`: the reader sees to it."""
    issue = issues.issue_of(notice, d.standing)
    if issue is None:
        return {"issue": None, "mine": False}
    return {"issue": issue, "issue_day": times.day(issue.due_on), "mine": notice.person in issues.who_sees_to(d.standing, issue)}


def part_of(notice: Notice, d: Disagreement) -> Part:
    """Why this person, of all people."""
    standing = d.standing
    meeting = notice.clock is not None and notice.clock.about == "meeting"
    asked = standing.acting_seats(standing.party_sides) if meeting else standing.turn.seats
    filled = standing.actor(notice.person).seats
    if held := [seat for seat in filled if seat in asked]:
        own = next((seat for seat in held if seat.person_id == notice.person.pk), None)
        seat = own or held[0]
        return Part("holder" if own else "stand_in", seat.post.title if seat.post else "", tuple(held))
    for seat in filled:
        if seat.capacity in notices.MANAGING and (below := [one for one in asked if one.side_id == seat.side_id]):
            return Part("manager", below[0].post.title if below[0].post else "", tuple(below))
    return Part("office" if any(seat.capacity == Capacity.OFFICE for seat in filled) else "part")


def _say_step(d: Disagreement, step: int) -> str:
    """ "Stage 2 of 4, Line manager or adviser to opposite number": the partnership's own words."""
    document = d.policy.document
    word = {"step": _("Step"), "stage": _("Stage"), "level": _("Level")}.get(document.word_for_step, document.word_for_step)
    said = {"word": word, "number": step, "of": len(document.steps), "name": d.policy.ladder.step(step).name}
    return _("%(word)s %(number)d of %(of)d, %(name)s") % said


def _say_what_ran_out(notice: Notice, d: Disagreement) -> str:
    facts = notice.entry.facts if notice.entry and notice.entry.kind in ("reach_limit", "reach_inner_limit", "reach_last_chaser") else {}
    if facts.get("about", "step") == "step":
        return ""  # the step is named beside it
    try:
        return limits.say_about(d, facts["about"], facts.get("step", d.step))
    except (LookupError, ValueError):
        return ""


def _when(d: Disagreement, clock: Clock | None) -> When | None:
    if clock is None:
        return None
    try:
        explained = limits.work_out(d, clock.about, clock.step, clock.started_at, began_at=clock.began_at)
    except LookupError:
        return When(due=say_moment(clock.due_at))
    same = explained.at == clock.due_at  # a limit that was reached keeps its date, whatever holiday came later
    working = [line for line in explained.working if not line.startswith("This length is assumed")]
    name = "" if clock.about == "step" else limits.say_about(d, clock.about, clock.step)  # the step is named beside it
    return When(name, say_moment(clock.due_at), "; ".join(working) if same else "", explained.assumed)


def _say_in_a_line(notice: Notice) -> str:
    """What a digest says first of a disagreement."""
    d, rule = notice.disagreement, template_of(notice)
    if d is None:
        return str(beside.BESIDE[rule].line)
    if rule in ASKING:
        mine = part_of(notice, d).word in ("holder", "stand_in")
        late = rule in ("after", "chaser")
        if mine:
            return _("It is late, and still your move.") if late else _("It is your move.")
        return _("It is late, and the move is not yours.") if late else _("Its time is coming to an end; the move is not yours.")
    return {
        "urgent": _("A child is said to be at immediate risk."),
        "overdue": _("The time for its present step ran out without the move that was asked for."),
        "way_up": _("The time for its present step ran out. You can take it to the next step now."),
        "late_inside": _("Something that the procedure asks for inside the present step is late."),
        "unanswered": _("The last reminder went unanswered."),
        "opened": _("Somebody who does not take part opened it in an emergency."),
        "stalled": _("It stands still, and nobody who can be reached can move it on."),
        "handed_over": _("You take part in it now, with a post that you hold."),
        "ended": _("It has ended: %(stage)s.") % {"stage": d.get_stage_display()},
        "access_ended": _("Access in an emergency was ended by a second person."),
        "conflict": _("Somebody has a conflict of interest, or has none after all."),
        "redated": _("A holiday changed, and with it the date by which something is due."),
        "session_fixed": _("The joint session has a date."),
        "session_cancelled": _("The joint session is called off."),
        "mediator": _("You are named as its mediator."),
        "has_mediator": _("A mediator has been named."),
        "chair_asked": _("The Chair has been asked to mediate. Your side can say what it would accept."),
        "thread": _("There is a private message about the mediation."),
        "issue_due": _("An outstanding issue of the agreed outcome is due soon."),
        "issue_late": _("An outstanding issue of the agreed outcome is past its date."),
        "told": _("You can now see it."),
        "news": _("There is something new in it. Nothing is asked of you now."),
    }[rule]


__all__ = ["OTHERS", "Part", "When", "digest_letter", "letter", "part_of", "template_of"]
