"""What the record is called on screen: a sentence for each kind of entry, a label for each text, words for each fact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from disputes.models import Disagreement, Entry

KINDS: dict[str, str | Promise] = {
    "send": gettext_lazy("%(who)s raised it"),
    "match_child": gettext_lazy("%(who)s said they know which child this is"),
    "cannot_tell_which_child": gettext_lazy("%(who)s could not tell which child this is"),
    "say_which_child": gettext_lazy("%(who)s told the other side which child this is"),
    "pass_on": gettext_lazy("%(who)s passed it to another team"),
    "answer": gettext_lazy("%(who)s answered"),
    "record_answer_for": gettext_lazy("%(who)s recorded the answer of %(for)s"),
    "record_discussion": gettext_lazy("%(who)s recorded a discussion"),
    "propose_outcome": gettext_lazy("%(who)s proposed an outcome"),
    "confirm_outcome": gettext_lazy("%(who)s confirmed the outcome in writing"),
    "decline_outcome": gettext_lazy("%(who)s asked for changes to the outcome"),
    "record_confirmation_for": gettext_lazy("%(who)s recorded the confirmation of %(for)s"),
    "countersign": gettext_lazy("%(who)s countersigned the recorded confirmation"),
    "refuse_countersign": gettext_lazy("%(who)s refused the recorded confirmation"),
    "refer_to_line_manager": gettext_lazy("%(who)s referred it to the line manager or adviser"),
    "pass_up_the_line": gettext_lazy("%(who)s passed it up the line"),
    "ask_the_chair": gettext_lazy("%(who)s asked the Chair to mediate"),
    "change_opposite_number": gettext_lazy("%(who)s changed the opposite number"),
    "accept_mediation": gettext_lazy("%(who)s accepted and offered mediation"),
    "decline_mediation": gettext_lazy("%(who)s declined to mediate"),
    "record_mediation": gettext_lazy("%(who)s recorded the mediation"),
    "say_child_at_immediate_risk": gettext_lazy("%(who)s said that a child is at immediate risk"),
    "agree_to_differ": gettext_lazy("%(who)s agreed to differ"),
    "close_without_agreement": gettext_lazy("%(who)s closed it without agreement"),
    "close_as_unconfirmed": gettext_lazy("%(who)s closed it as unconfirmed"),
    "withdraw": gettext_lazy("%(who)s withdrew it"),
    "redirect": gettext_lazy("%(who)s took it to another procedure"),
    "reopen": gettext_lazy("%(who)s reopened it"),
    "say_still_at_risk": gettext_lazy("%(who)s said whether they still believe the child is at risk"),
    "answer_closing_questions": gettext_lazy("%(who)s answered the closing questions"),
    "bring_in_support": gettext_lazy("%(who)s asked a colleague to support them"),
    "add_note": gettext_lazy("%(who)s added to the record"),
    "correct_entry": gettext_lazy("%(who)s corrected or disputed an entry"),
    "reach_limit": gettext_lazy("The time for this step ran out"),
    "reach_last_chaser": gettext_lazy("The last reminder went unanswered"),
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
    "our_position": gettext_lazy("Our position"),
    "would_accept": gettext_lazy("What we would accept"),
    "attended": gettext_lazy("Who took part"),
    "mediation": gettext_lazy("What was said and what came of it"),
    "position": gettext_lazy("Position"),
    "other_position": gettext_lazy("Position of the other side"),
    "raiser_view": gettext_lazy("What the person who raised it says to that"),
    "where": gettext_lazy("Where it goes"),
    "not_delivered": gettext_lazy("What was not delivered"),
    "concern": gettext_lazy("The concern"),
    "correction": gettext_lazy("What should stand beside it"),
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
FACTS: dict[str, tuple[str | Promise, Mapping[Any, str | Promise]]] = {
    "source": (gettext_lazy("How it came"), WAYS),
    "how": (gettext_lazy("How they spoke"), WAYS),
    "at_immediate_risk": (gettext_lazy("A child at immediate risk"), YES_NO),
    "still_at_risk": (gettext_lazy("Still believes the child is at risk of significant harm"), YES_NO),
    "channel": (gettext_lazy("How that concern goes on"), {}),
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
    "agreement_version": (gettext_lazy("Version"), {}),
    "worker_satisfied": (gettext_lazy("The worker is satisfied"), YES_NO),
    "agency_satisfied": (gettext_lazy("The agency is satisfied"), YES_NO),
    "general_issue": (gettext_lazy("There is a general issue"), YES_NO),
    "debrief": (gettext_lazy("A debrief would help"), YES_NO),
}

DONE: dict[str, str | Promise] = {
    "propose_outcome": gettext_lazy("Your proposed outcome is on record."),
    "confirm_outcome": gettext_lazy("Your confirmation is on record."),
    "answer": gettext_lazy("Your answer is on record."),
    "add_note": gettext_lazy("Added to the record."),
    "record_discussion": gettext_lazy("The discussion is on record."),
    "correct_entry": gettext_lazy("Added beside that entry."),
    "bring_in_support": gettext_lazy("Your colleague can see this disagreement now and is told so."),
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
    return str(TEXTS.get(field, field.replace("_", " ").capitalize()))


def say_choices(d: Disagreement, facts: dict[str, Any]) -> list[tuple[str, str]]:
    """(label, words) of those facts of an entry that were chosen from a list."""
    said = []
    for name, (label, values) in FACTS.items():
        if name in facts and (name != "at_immediate_risk" or facts[name]):
            said.append((str(label), str(values.get(facts[name], facts[name]))))
    if "procedure" in facts:
        goes_to = {one.key: one.goes_to for one in d.policy.document.signposts}
        said.append((_("Procedure"), goes_to.get(facts["procedure"], _("Another procedure"))))
    return said
