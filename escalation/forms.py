"""The form of every move a person can make here, by the move's name; those of the ladder, the Chair, the ends and the record."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django import forms as django_forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from disputes.models import Entry
from disputes.seats import managers_above
from disputes.stages import SideKind, Stage
from escalation import answer_forms, issue_forms, mediation_forms, reading, seating, words
from escalation.invite_form import InviteSomebody
from escalation.move_form import (
    MoveForm,
    ask_channel,
    ask_other_post,
    ask_own_post,
    ask_still_at_risk,
    posts_at,
    say_post,
)
from escalation.protection_forms import ConfirmBreakGlass, Exclude, LiftExclusion, RefuseBreakGlass
from escalation.support_forms import CoSign, LetWrite
from pages import fields, times

# ── up the ladder ───────────────────────────────────────────────────────────────────────────────────────────────────

UNRESOLVED: dict[str, Any] = {
    "label": gettext_lazy("What is still not resolved?"),
    "empty": gettext_lazy("Enter what is still not resolved"),
}


class TakeNextStep(MoveForm):
    happens: str | Promise = gettext_lazy("The same people try again, at the next step of the ladder.")
    submit = gettext_lazy("Take it to the next step")
    unresolved = fields.WordsField(**UNRESOLVED)

    def ask(self) -> None:
        d = self.occasion.disagreement
        if step := d.policy.ladder.next_after(d.step):
            self.happens = _("The same people try again, at the next step of the ladder: %(step)s.") % {"step": step.name}


class ReferToLineManager(MoveForm):
    happens = gettext_lazy("Your line manager or adviser takes it on and speaks with their opposite number in the other agency.")
    submit = gettext_lazy("Refer it")
    fact_names = ("own_post", "other_post")
    unresolved = fields.WordsField(**UNRESOLVED)

    def ask(self) -> None:
        d = self.occasion.disagreement
        step = d.policy.ladder.first_step_of(Stage.LINE_MANAGER)
        level = d.policy.ladder.step(step).level
        ask_own_post(self, managers_above(d.raised_from, level), _("Who takes it on for the side that raised it?"))
        ask_other_post(self, step)


class PassUpTheLine(MoveForm):
    happens = gettext_lazy("More senior managers of both sides take it on, at the next step of the ladder.")
    submit = gettext_lazy("Pass it up the line")
    fact_names = ("own_post", "other_post")
    unresolved = fields.WordsField(**UNRESOLVED)

    def ask(self) -> None:
        d = self.occasion.disagreement
        own = seating.acting_post(d, self.occasion.side(SideKind.RAISING))
        level = d.policy.ladder.step(d.step + 1).level
        ask_own_post(self, managers_above(own, level), _("Who takes it on for the side that raised it?"))
        ask_other_post(self, d.step + 1)


class ChangeOppositeNumber(MoveForm):
    happens = gettext_lazy("Another manager of the other side takes the place of the present one, who leaves this disagreement.")
    fact_names = ("post",)
    post = fields.ChoiceField(
        label=gettext_lazy("Who should it be?"), widget=django_forms.Select, empty=gettext_lazy("Choose who it should be")
    )
    reason = fields.WordsField(label=gettext_lazy("Why?"), empty=gettext_lazy("Enter why"))

    def ask(self) -> None:
        d = self.occasion.disagreement
        own = self.occasion.actor.acting_seat(d)
        side = seating.other_side(d, own.side if own else None)
        posts = posts_at(side, d.present_step.level) if side else []
        self.let_choose("post", [("", _("Choose a person")), *((str(post.pk), say_post(post)) for post in posts)])


# ── the child at risk ───────────────────────────────────────────────────────────────────────────────────────────────


class SayChildAtImmediateRisk(MoveForm):
    happens = gettext_lazy("The managers of both sides are told at once, and it may be referred to them without waiting.")
    submit = gettext_lazy("Tell the managers now")
    risk = fields.WordsField(label=gettext_lazy("What is the risk?"), empty=gettext_lazy("Enter what the risk is"))
    done_first = fields.WordsField(
        label=gettext_lazy("What have you done already to make the child safe?"),
        help_text=gettext_lazy("Whom you called, and when."),
        empty=gettext_lazy("Enter what you have done already to make the child safe"),
    )


# ── the time it has ─────────────────────────────────────────────────────────────────────────────────────────────────


class NameDisputedAct(MoveForm):
    happens = gettext_lazy("Every time limit that would end later ends then: an answer after it would come too late.")
    submit = gettext_lazy("Add it to the record")
    planned = fields.LineField(
        label=gettext_lazy("What is planned that cannot wait for this?"),
        help_text=gettext_lazy("For example a discharge, a closure of the case, a move."),
        empty=gettext_lazy("Enter what is planned"),
    )
    disputed_act_at = fields.MomentField(
        label=gettext_lazy("When is it planned?"),
        called=gettext_lazy("The time for which it is planned"),
        not_past=True,
        help_text=gettext_lazy("For example 12 3 2026, 10am"),
        empty=gettext_lazy("Enter the day and time for which it is planned"),
    )

    def facts(self) -> dict[str, Any]:
        return {"disputed_act_at": self.cleaned_data["disputed_act_at"].isoformat()}


class AgreeStandstill(MoveForm):
    happens = gettext_lazy("What is disputed waits until this is settled, so it no longer shortens the time for it.")
    submit = gettext_lazy("Record that it will wait")
    agreed = fields.WordsField(
        label=gettext_lazy("What was agreed, and with whom?"), rows=3, empty=gettext_lazy("Enter what was agreed, and with whom")
    )


class PauseClock(MoveForm):
    happens = gettext_lazy("The running time limits stand still until that day, and it stands in the record why. Both sides are told.")
    submit = gettext_lazy("Pause it")
    fact_names = ("pause_reason",)
    pause_reason = fields.ChoiceField(label=gettext_lazy("Why does it have to wait?"), empty=gettext_lazy("Choose why it has to wait"))
    reason = fields.WordsField(
        label=gettext_lazy("In your own words: what are you waiting for?"), rows=3, empty=gettext_lazy("Enter what you are waiting for")
    )
    until = fields.DayField(
        label=gettext_lazy("On which day does the time go on?"),
        called=gettext_lazy("The day on which the time goes on"),
        not_past=True,
        empty=gettext_lazy("Enter the day on which the time goes on"),
    )

    @property
    def last_day(self) -> dt.date | None:
        """No pause is longer than the policy allows."""
        policy = self.occasion.disagreement.policy
        pauses = policy.document.pauses
        return policy.calendar.add_working_days(times.local_day(self.occasion.now), pauses.longest_working_days) if pauses else None

    def ask(self) -> None:
        pauses = self.occasion.disagreement.policy.document.pauses
        self.let_choose("pause_reason", [(reason, reason) for reason in (pauses.reasons if pauses else ())])
        if last := self.last_day:
            self.fields["until"].help_text = _("After today, and not after %(last)s.") % {"last": times.day(last)}

    def clean_until(self) -> dt.date:
        day, last = self.cleaned_data["until"], self.last_day
        said = {"parts": fields.DayField.parts}
        if day <= times.local_day(self.occasion.now):
            raise django_forms.ValidationError(_("The day on which the time goes on must be after today"), code="today", params=said)
        if last and day > last:
            message = _("The day on which the time goes on must not be after %(last)s: your procedure allows no longer pause")
            raise django_forms.ValidationError(message, code="too long", params=said | {"last": times.day(last)})
        return day

    def facts(self) -> dict[str, Any]:
        until = dt.datetime.combine(self.cleaned_data["until"], dt.time(), times.LONDON)
        return super().facts() | {"until": until.isoformat()}


class ResumeClock(MoveForm):
    happens = gettext_lazy("The time limits go on from now. Both sides are told.")
    submit = gettext_lazy("End the pause")
    note = fields.WordsField(label=gettext_lazy("Why does it go on now? (optional)"), rows=3, required=False)


# ── the ends ────────────────────────────────────────────────────────────────────────────────────────────────────────


class AgreeToDiffer(MoveForm):
    happens = gettext_lazy("Your side’s position is recorded. When every side has agreed to differ, it is closed without agreement.")
    position = fields.WordsField(label=gettext_lazy("What is your side’s position?"), empty=gettext_lazy("Enter your side’s position"))

    def ask(self) -> None:
        ask_still_at_risk(self)


class CloseWithoutAgreement(MoveForm):
    happens = gettext_lazy("The disagreement ends. Each side’s position stands in the record, and who still believes the child is at risk.")
    fact_names = ("believes_at_risk", "channel")
    position = fields.WordsField(label=gettext_lazy("What is your side’s position?"), empty=gettext_lazy("Enter your side’s position"))
    other_position = fields.WordsField(
        label=gettext_lazy("What is the other side’s position?"), empty=gettext_lazy("Enter the other side’s position")
    )
    believes_at_risk = fields.ChoiceField(
        label=gettext_lazy("Who still believes the child is at risk of significant harm?"),
        choices=[
            ("raising", gettext_lazy("The side that raised it")),
            ("responding", gettext_lazy("The side that answered")),
            ("both", gettext_lazy("Both sides")),
            ("nobody", gettext_lazy("Nobody")),
        ],
        empty=gettext_lazy("Say who still believes the child is at risk"),
    )

    def ask(self) -> None:
        ask_channel(self, _("If anybody does, how will that concern go on?"), required=False)
        d, actor = self.occasion.disagreement, self.occasion.actor
        own = actor.acting_seat(d)
        if own is None:  # the Chair writes both
            self.fields["position"].label = _("What is the position of %(side)s?") % {"side": self.occasion.side(SideKind.RAISING)}
            other = self.occasion.side(SideKind.RESPONDING)
        else:
            other = seating.other_side(d, own.side) or self.occasion.side(SideKind.RESPONDING)
        label = _("What is the position of %(side)s?") % {"side": other}
        if reading.has_stated_a_position(d, other):
            self.fields["other_position"].required = False
            label = _("What is the position of %(side)s? (optional: they have given it)") % {"side": other}
        self.fields["other_position"].label = label
        if self.occasion.is_the_raiser:
            self.fields["still_at_risk"] = fields.ChoiceField(
                label=_("Do you yourself still believe the child is at risk of significant harm?"),
                choices=[("yes", _("Yes")), ("no", _("No"))],
                empty=_("Say whether you still believe the child is at risk"),
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        somebody = cleaned.get("believes_at_risk") not in (None, "", "nobody")
        if somebody and not cleaned.get("channel") and "channel" not in self.errors:
            self.add_error("channel", _("Choose how that concern goes on"))
        return cleaned


class CloseAsUnconfirmed(MoveForm):
    happens = gettext_lazy("The disagreement ends as unconfirmed by the side that stayed silent, never as resolved.")
    reason = fields.WordsField(label=gettext_lazy("Why is it closed now?"), empty=gettext_lazy("Enter why it is closed now"))

    def facts(self) -> dict[str, Any]:
        return {"unconfirmed": [str(side.pk) for side in self.occasion.standing.turn.sides]}


class Withdraw(MoveForm):
    happens = gettext_lazy("The disagreement ends. The record stays.")
    reason = fields.WordsField(label=gettext_lazy("Why is it withdrawn?"), empty=gettext_lazy("Enter why it is withdrawn"))

    def ask(self) -> None:
        if not self.occasion.is_the_raiser:  # a stand-in speaks for the post, not for the raiser
            raiser = self.occasion.disagreement.raised_by.name
            self.fields["raiser_view"] = fields.WordsField(
                label=_("What does %(raiser)s, who raised it, say to that?") % {"raiser": raiser},
                empty=_("Enter what the person who raised it says to that"),
            )


class Redirect(MoveForm):
    happens = gettext_lazy("The disagreement ends here and goes on under another procedure. The record stays.")
    fact_names = ("procedure",)
    procedure = fields.ChoiceField(
        label=gettext_lazy("Which procedure is it for?"), empty=gettext_lazy("Choose the procedure that it is for")
    )
    reason = fields.WordsField(label=gettext_lazy("Why?"), empty=gettext_lazy("Enter why"))
    where = fields.LineField(
        label=gettext_lazy("Where does it go, and who has been told?"),
        help_text=gettext_lazy("For example the team, and its own reference."),
        empty=gettext_lazy("Enter where it goes"),
    )

    def ask(self) -> None:
        signposts = self.occasion.disagreement.policy.document.signposts
        self.let_choose("procedure", [*((one.key, one.goes_to) for one in signposts), ("other", _("Another procedure"))])


class Reopen(MoveForm):
    happens = gettext_lazy("It opens again at the step at which the sides last acted. The earlier outcome stays in the record.")
    submit = gettext_lazy("Reopen it")
    not_delivered = fields.WordsField(
        label=gettext_lazy("What of the agreed outcome was not delivered?"), empty=gettext_lazy("Enter what was not delivered")
    )


# ── additions to the record ─────────────────────────────────────────────────────────────────────────────────────────


class SayStillAtRisk(MoveForm):
    happens = gettext_lazy("Your answer is added to the record, whatever the managers agreed.")
    submit = gettext_lazy("Record my answer")

    def ask(self) -> None:
        ask_still_at_risk(self)
        self.fields["concern"] = fields.WordsField(label=_("If yes, what is your concern? (optional)"), rows=3, required=False)


class BringInSupport(MoveForm):
    happens = gettext_lazy("Your colleague can see this disagreement from now on and is told so.")
    submit = gettext_lazy("Ask them")
    fact_names = ("post",)
    post = fields.ChoiceField(label=gettext_lazy("Which colleague?"), widget=django_forms.Select, empty=gettext_lazy("Choose a colleague"))
    note = fields.WordsField(
        label=gettext_lazy("What would you like them to do? (optional)"),
        help_text=gettext_lazy(
            "For example: come to the meeting with me. Both sides read this in the record. "
            "What only your side should read belongs in the notes of your side."
        ),
        rows=3,
        required=False,
    )

    def ask(self) -> None:
        seat = self.occasion.actor.party_seat()
        seated = {one.person_id for one in self.occasion.standing.seats}
        posts = posts_at(seat.side, 0) if seat and seat.side else []
        choices = [(str(post.pk), say_post(post)) for post in posts if post.holder_id not in seated]
        self.let_choose("post", [("", _("Choose a person")), *choices])


class AddNote(MoveForm):
    happens = gettext_lazy("It is added to the record, where both sides can read it. Whose move it is stays the same.")
    submit = gettext_lazy("Add it to the record")
    fact_names = ("about",)
    about = fields.ChoiceField(
        label=gettext_lazy("What is it about?"),
        choices=[
            ("child_says", gettext_lazy("What the child says or wants")),
            ("family_knows", gettext_lazy("What the family knows")),
            ("other", gettext_lazy("Something else")),
        ],
        empty=gettext_lazy("Choose what it is about"),
    )
    note = fields.WordsField(label=gettext_lazy("What should stand in the record?"), empty=gettext_lazy("Enter what should stand there"))


class CorrectEntry(MoveForm):
    happens = gettext_lazy("A further entry stands beside the first one. The record is never changed.")
    submit = gettext_lazy("Add it beside that entry")
    fact_names = ("sort",)
    entry = fields.ChoiceField(
        label=gettext_lazy("Which entry is it about?"), widget=django_forms.Select, empty=gettext_lazy("Choose the entry it is about")
    )
    sort = fields.ChoiceField(
        label=gettext_lazy("What is it?"),
        choices=[
            ("correction", gettext_lazy("A correction of a mistake")),
            ("time_disputed", gettext_lazy("It happened at another time than it says")),
            ("disputed", gettext_lazy("We see what it says otherwise")),
        ],
        empty=gettext_lazy("Say what it is"),
    )
    correction = fields.WordsField(label=gettext_lazy("What should stand beside it?"), empty=gettext_lazy("Enter what should stand there"))

    def ask(self) -> None:
        self.entries: dict[str, Entry] = {
            str(entry.number): entry
            for entry in self.occasion.disagreement.entries.select_related("person", "recorded_for__team__agency").order_by("-number")
        }
        said = ((number, f"{number}. {words.say_entry(one)}, {times.day(one.happened_at)}") for number, one in self.entries.items())
        self.let_choose("entry", [("", _("Choose an entry")), *said])
        self.initial["entry"] = self.occasion.asked.get("entry", "")

    def corrects(self) -> UUID | None:
        return self.entries[self.cleaned_data["entry"]].pk


FORMS: dict[str, type[MoveForm]] = {
    **mediation_forms.FORMS,
    **issue_forms.FORMS,
    "match_child": answer_forms.MatchChild,
    "cannot_tell_which_child": answer_forms.CannotTellWhichChild,
    "say_which_child": answer_forms.SayWhichChild,
    "pass_on": answer_forms.PassOn,
    "answer": answer_forms.Answer,
    "record_answer_for": answer_forms.RecordAnswerFor,
    "record_discussion": answer_forms.RecordDiscussion,
    "hold_meeting": answer_forms.HoldMeeting,
    "acknowledge": answer_forms.Acknowledge,
    "propose_outcome": answer_forms.ProposeOutcome,
    "confirm_outcome": answer_forms.ConfirmOutcome,
    "decline_outcome": answer_forms.DeclineOutcome,
    "record_confirmation_for": answer_forms.RecordConfirmationFor,
    "countersign": answer_forms.Countersign,
    "refuse_countersign": answer_forms.RefuseCountersign,
    "take_next_step": TakeNextStep,
    "refer_to_line_manager": ReferToLineManager,
    "pass_up_the_line": PassUpTheLine,
    "change_opposite_number": ChangeOppositeNumber,
    "say_child_at_immediate_risk": SayChildAtImmediateRisk,
    "name_disputed_act": NameDisputedAct,
    "agree_standstill": AgreeStandstill,
    "pause_clock": PauseClock,
    "resume_clock": ResumeClock,
    "agree_to_differ": AgreeToDiffer,
    "close_without_agreement": CloseWithoutAgreement,
    "close_as_unconfirmed": CloseAsUnconfirmed,
    "withdraw": Withdraw,
    "redirect": Redirect,
    "reopen": Reopen,
    "say_still_at_risk": SayStillAtRisk,
    "bring_in_support": BringInSupport,
    "let_write": LetWrite,
    "co_sign": CoSign,
    "invite": InviteSomebody,
    "exclude": Exclude,
    "lift_exclusion": LiftExclusion,
    "confirm_break_glass": ConfirmBreakGlass,
    "refuse_break_glass": RefuseBreakGlass,
    "add_note": AddNote,
    "correct_entry": CorrectEntry,
}
