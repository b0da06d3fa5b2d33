"""What the record is called on screen: a sentence for each kind of entry, a label for each text, words for each fact."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from disputes.models import Disagreement, Entry
from escalation import limits, radar
from pages import times

KINDS: dict[str, str | Promise] = {
    "send": gettext_lazy("%(who)s raised it"),
    "match_child": gettext_lazy("%(who)s said they know which child this is"),
    "cannot_tell_which_child": gettext_lazy("%(who)s could not tell which child this is"),
    "say_which_child": gettext_lazy("%(who)s told the other side which child this is"),
    "pass_on": gettext_lazy("%(who)s passed it to another team"),
    "answer": gettext_lazy("%(who)s answered"),
    "record_answer_for": gettext_lazy("%(who)s recorded the answer of %(for)s"),
    "record_discussion": gettext_lazy("%(who)s recorded a discussion"),
    "hold_meeting": gettext_lazy("%(who)s recorded a meeting"),
    "acknowledge": gettext_lazy("%(who)s said that they have seen it"),
    "propose_outcome": gettext_lazy("%(who)s proposed an outcome"),
    "confirm_outcome": gettext_lazy("%(who)s confirmed the outcome in writing"),
    "decline_outcome": gettext_lazy("%(who)s asked for changes to the outcome"),
    "record_confirmation_for": gettext_lazy("%(who)s recorded the confirmation of %(for)s"),
    "countersign": gettext_lazy("%(who)s countersigned the recorded confirmation"),
    "refuse_countersign": gettext_lazy("%(who)s refused the recorded confirmation"),
    "take_next_step": gettext_lazy("%(who)s took it to the next step"),
    "refer_to_line_manager": gettext_lazy("%(who)s referred it to the line manager or adviser"),
    "pass_up_the_line": gettext_lazy("%(who)s passed it up the line"),
    "ask_the_chair": gettext_lazy("%(who)s asked the Chair to mediate"),
    "change_opposite_number": gettext_lazy("%(who)s changed the opposite number"),
    "accept_mediation": gettext_lazy("%(who)s accepted and offered mediation"),
    "ask_for_more": gettext_lazy("%(who)s asked both sides for more"),
    "answer_the_chair": gettext_lazy("%(who)s told the Chair what their side would accept"),
    "decline_mediation": gettext_lazy("%(who)s declined to mediate"),
    "name_mediator": gettext_lazy("%(who)s named a mediator"),
    "propose_session": gettext_lazy("%(who)s proposed dates for a joint session"),
    "answer_session": gettext_lazy("%(who)s said which dates suit their side"),
    "cancel_session": gettext_lazy("%(who)s called the joint session off"),
    "record_mediation": gettext_lazy("%(who)s recorded the mediation"),
    "say_child_at_immediate_risk": gettext_lazy("%(who)s said that a child is at immediate risk"),
    "name_disputed_act": gettext_lazy("%(who)s said what is planned and when"),
    "agree_standstill": gettext_lazy("%(who)s recorded that what is planned will wait"),
    "pause_clock": gettext_lazy("%(who)s paused the time limits"),
    "resume_clock": gettext_lazy("%(who)s ended the pause"),
    "agree_to_differ": gettext_lazy("%(who)s agreed to differ"),
    "close_without_agreement": gettext_lazy("%(who)s closed it without agreement"),
    "close_as_unconfirmed": gettext_lazy("%(who)s closed it as unconfirmed"),
    "withdraw": gettext_lazy("%(who)s withdrew it"),
    "redirect": gettext_lazy("%(who)s took it to another procedure"),
    "reopen": gettext_lazy("%(who)s reopened it"),
    "say_still_at_risk": gettext_lazy("%(who)s said whether they still believe the child is at risk"),
    "answer_closing_questions": gettext_lazy("%(who)s answered the closing questions"),
    "finish_issue": gettext_lazy("%(who)s said that an outstanding issue is done"),
    "note_overdue_issue": gettext_lazy("An outstanding issue is past its date"),
    "bring_in_support": gettext_lazy("%(who)s asked a colleague to support them"),
    "let_write": gettext_lazy("%(who)s asked a colleague to write for them"),
    "co_sign": gettext_lazy("%(who)s co-signed what their side says"),
    "ask_for_debrief": gettext_lazy("%(who)s asked for a debrief"),
    "add_note": gettext_lazy("%(who)s added to the record"),
    "correct_entry": gettext_lazy("%(who)s corrected or disputed an entry"),
    "reach_limit": gettext_lazy("The time for this step ran out"),
    "reach_last_chaser": gettext_lazy("The last reminder went unanswered"),
    "reach_inner_limit": gettext_lazy("A time inside this step ran out"),
    "redate": gettext_lazy("The calendar changed, and with it the time limits"),
    "invite": gettext_lazy("%(who)s invited somebody to take part"),
    "exclude": gettext_lazy("%(who)s said that somebody has a conflict of interest and must not see this"),
    "lift_exclusion": gettext_lazy("%(who)s lifted an exclusion"),
    "break_glass": gettext_lazy("%(who)s opened it in an emergency"),
    "confirm_break_glass": gettext_lazy("%(who)s confirmed that it was opened in an emergency"),
    "refuse_break_glass": gettext_lazy("%(who)s said that it should not have been opened, and ended that access"),
    "change_holder": gettext_lazy("A post has a new holder, who takes part from now on"),
    "note_stall": gettext_lazy("It stands still: the partnership’s office was told"),
}

TEXTS: dict[str, str | Promise] = {
    "decision": gettext_lazy("What we disagree about"),
    "why_unsafe": gettext_lazy("Why it is unsafe or harmful"),
    "outcome_wanted": gettext_lazy("What we want to happen for the child"),
    "child_says": gettext_lazy("What the child says or wants"),
    "family_knows": gettext_lazy("What the family knows"),
    "consulted": gettext_lazy("Whom we have consulted"),
    "higher_reason": gettext_lazy("Why it starts at a higher step"),
    "risk": gettext_lazy("The risk"),
    "done_first": gettext_lazy("What was done first"),
    "missing": gettext_lazy("What they need to know"),
    "how_told": gettext_lazy("How they were told"),
    "reason": gettext_lazy("Reason"),
    "view": gettext_lazy("Our view"),
    "reasons": gettext_lazy("Our reasons"),
    "offer": gettext_lazy("What we can offer"),
    "document": gettext_lazy("Where the document is kept"),
    "who": gettext_lazy("Who took part"),
    "said": gettext_lazy("What was said"),
    "outcome": gettext_lazy("The outcome"),
    "change": gettext_lazy("What should change"),
    "who_confirmed": gettext_lazy("Who confirmed it"),
    "note": gettext_lazy("Note"),
    "unresolved": gettext_lazy("What is still not resolved"),
    "planned": gettext_lazy("What is planned"),
    "agreed": gettext_lazy("What was agreed"),
    "our_position": gettext_lazy("Our position"),
    "question": gettext_lazy("What the Chair asks both sides"),
    "answer": gettext_lazy("Our answer to the Chair"),
    "would_accept": gettext_lazy("What we would accept"),
    "no_stake": gettext_lazy("Why they have no stake in it"),
    "place": gettext_lazy("Where"),
    "agenda": gettext_lazy("What it is about"),
    "attended": gettext_lazy("Who took part"),
    "mediation": gettext_lazy("What was said and what came of it"),
    "may_share": gettext_lazy("What may be told to others"),
    "position": gettext_lazy("Position"),
    "other_position": gettext_lazy("Position of the other side"),
    "raiser_view": gettext_lazy("What the person who raised it says to that"),
    "where": gettext_lazy("Where it goes"),
    "not_delivered": gettext_lazy("What was not delivered"),
    "concern": gettext_lazy("The concern"),
    "correction": gettext_lazy("What should stand beside it"),
    "evidence": gettext_lazy("What was done, and how that can be seen"),
    "comment": gettext_lazy("Comment"),
}

# Facts that are choices: fact -> (label, value -> words). Ids of posts, teams and people are named by escalation.reading.
YES_NO: dict[Any, str | Promise] = {True: gettext_lazy("Yes"), False: gettext_lazy("No")}
WAYS: dict[Any, str | Promise] = {
    "phone": gettext_lazy("By phone"),
    "letter": gettext_lazy("By letter"),
    "email": gettext_lazy("By email"),
    "meeting": gettext_lazy("In a meeting"),
    "video": gettext_lazy("By video"),
    "other": gettext_lazy("In another way"),
}
KINDS_OF_OUTCOME = [
    ("decision_changed", gettext_lazy("The decision changed")),
    ("compromise", gettext_lazy("A compromise")),
    ("reasons_accepted", gettext_lazy("The decision stands, and its reasons are accepted")),
]
FACTS: dict[str, tuple[str | Promise, Mapping[Any, str | Promise]]] = {
    "source": (gettext_lazy("How it came"), WAYS),
    "how": (gettext_lazy("How they spoke"), WAYS),
    "at_immediate_risk": (gettext_lazy("A child at immediate risk"), YES_NO),
    "still_at_risk": (gettext_lazy("Still believes the child is at risk of significant harm"), YES_NO),
    "channel": (gettext_lazy("How that concern goes on"), {}),
    "kind_of_outcome": (gettext_lazy("What it comes to"), dict(KINDS_OF_OUTCOME)),
    "believes_at_risk": (
        gettext_lazy("Who still believes the child is at risk"),
        {
            "raising": gettext_lazy("The side that raised it"),
            "responding": gettext_lazy("The side that answered"),
            "both": gettext_lazy("Both sides"),
            "nobody": gettext_lazy("Nobody"),
        },
    ),
    "about": (
        gettext_lazy("About"),
        {
            "child_says": gettext_lazy("What the child says or wants"),
            "family_knows": gettext_lazy("What the family knows"),
            "other": gettext_lazy("Something else"),
        },
    ),
    "sort": (
        gettext_lazy("What it is"),
        {
            "correction": gettext_lazy("A correction of a mistake"),
            "time_disputed": gettext_lazy("It happened at another time than it says"),
            "disputed": gettext_lazy("Seen otherwise"),
        },
    ),
    "pause_reason": (gettext_lazy("Reason for the pause"), {}),
    "agreement_version": (gettext_lazy("Version"), {}),
    "worker_satisfied": (gettext_lazy("The worker is satisfied"), YES_NO),
    "agency_satisfied": (gettext_lazy("The agency is satisfied"), YES_NO),
    "general_issue": (gettext_lazy("There is a general issue"), YES_NO),
    "debrief": (gettext_lazy("A debrief would help"), YES_NO),
}

DONE: dict[str, str | Promise] = {
    "propose_outcome": gettext_lazy("Your proposed outcome is on record."),
    "confirm_outcome": gettext_lazy("Your confirmation is on record."),
    "finish_issue": gettext_lazy("It is on record that the issue is done."),
    "answer": gettext_lazy("Your answer is on record."),
    "add_note": gettext_lazy("Added to the record."),
    "record_discussion": gettext_lazy("The discussion is on record."),
    "hold_meeting": gettext_lazy("The meeting is on record."),
    "acknowledge": gettext_lazy("It is on record that you have seen it."),
    "pause_clock": gettext_lazy("The time limits are paused."),
    "resume_clock": gettext_lazy("The time limits go on."),
    "correct_entry": gettext_lazy("Added beside that entry."),
    "bring_in_support": gettext_lazy("Your colleague can see this disagreement now and is told so."),
    "ask_for_more": gettext_lazy("Both sides are asked."),
    "answer_the_chair": gettext_lazy("The Chair can read it."),
    "name_mediator": gettext_lazy("They can see this disagreement now and are told so, and so are both sides."),
    "propose_session": gettext_lazy("Both sides are asked for their dates."),
    "answer_session": gettext_lazy("Your dates are on record."),
    "cancel_session": gettext_lazy("The session is called off, and everybody who was expected is told."),
    "let_write": gettext_lazy("Your colleague can write for you now and is told so."),
    "co_sign": gettext_lazy("Your name stands beside what your side says."),
    "ask_for_debrief": gettext_lazy("The partnership’s office can see that you ask for a debrief."),
    "invite": gettext_lazy("They have an account already: they can see this disagreement now and are told so."),
}


def say_entry(entry: Entry) -> str:
    """ "Mona answered": what happened, in one sentence. The entry's person, and the side recorded for, must be loaded."""
    sentence = str(KINDS.get(entry.kind, entry.kind.replace("_", " ")))
    who = entry.person.name if entry.person else _("The clock")
    return sentence % {"who": who, "for": str(entry.recorded_for) if entry.recorded_for else _("the other side")}


def say_text(field: str) -> str:
    """The label under which a text of an entry stands."""
    name, _line, number = field.rpartition("_")
    if name == "issue" and number.isdigit():
        return _("Outstanding issue %(number)s") % {"number": number}
    if name == "how" and number.isdigit():
        return _("How outstanding issue %(number)s will be pursued") % {"number": number}
    return str(TEXTS.get(field, field.replace("_", " ").capitalize()))


def say_choices(d: Disagreement, facts: dict[str, Any]) -> list[tuple[str, str]]:
    """(label, words) of those facts of an entry that were chosen from a list."""
    said = []
    by_the_clock = "due_at" in facts  # then "about" names a time limit
    for name, (label, values) in FACTS.items():
        if name in facts and (name != "at_immediate_risk" or facts[name]) and not (name == "about" and by_the_clock):
            said.append((str(label), str(values.get(facts[name], facts[name]))))
    if "procedure" in facts:
        goes_to = {one.key: one.goes_to for one in d.policy.document.signposts}
        said.append((_("Procedure"), goes_to.get(facts["procedure"], _("Another procedure"))))
    return said + say_times(d, facts)


MOMENTS: dict[str, str | Promise] = {
    "told_at": gettext_lazy("Told in person or by phone"),
    "disputed_act_at": gettext_lazy("Planned for"),
    "needed_by": gettext_lazy("The child needs it settled by"),
    "until": gettext_lazy("The time goes on"),
}


def say_times(d: Disagreement, facts: dict[str, Any]) -> list[tuple[str, str]]:
    """(label, words) of the moments and time limits that an entry is about."""
    said = [(str(label), times.weekday_moment(_moment(facts[name]))) for name, label in MOMENTS.items() if facts.get(name)]
    if "dates" in facts and ("minutes" in facts or "session" in facts):
        on = "; ".join(times.weekday_moment(_moment(date)) for date in facts["dates"]) or _("None")
        said.append((_("Dates proposed") if "minutes" in facts else _("Dates that suit"), on))
    if isinstance(facts.get("minutes"), int):
        said.append((_("How long"), times.length(facts["minutes"])))
    if facts.get("track"):
        tracks = {track.key: track.label for track in d.policy.document.urgency.tracks}
        said.append((_("How urgent"), tracks.get(facts["track"], facts["track"])))
    if "due_at" in facts:
        due = times.weekday_moment(_moment(facts["due_at"]))
        said.append((limits.say_about(d, facts.get("about", "step"), facts.get("step", d.step)), _("was due %(when)s") % {"when": due}))
    if "issue" in facts and "number" in facts:
        said.append((_("Outstanding issue"), str(facts["number"])))
    if "issue" in facts and "due_on" in facts:
        said.append((_("It was due"), times.day(dt.date.fromisoformat(facts["due_on"]))))
    for one in facts.get("clocks", []):
        dates = {name: times.weekday_moment(_moment(one[name])) for name in ("old", "new")}
        said.append((limits.say_about(d, one["about"], one.get("step", d.step)), _("due %(old)s became %(new)s") % dates))
    if kinds := facts.get("kinds"):
        said.append((_("What holds it up"), " ".join(radar.words_of(kind) for kind in kinds if kind in radar.KINDS)))
    if "days" in facts and any(_moment(one["new"]) < _moment(one["old"]) for one in facts["clocks"]):
        said.append((_("Why"), _("A bank holiday or closure day was taken back.")))
    if days := facts.get("days"):
        named = ", ".join(f"{name} ({times.day(dt.date.fromisoformat(day))})" for day, name in days)
        said.append((_("Nobody works on these days now"), named))
    return said


def _moment(value: str) -> dt.datetime:
    """A moment of the facts, ISO with its offset."""
    return dt.datetime.fromisoformat(value)
