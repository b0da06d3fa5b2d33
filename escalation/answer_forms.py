"""The forms of answering, talking and agreeing: from "which child is this?" to the written confirmation."""

from __future__ import annotations

from typing import Any

from django import forms as django_forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Post
from disputes.stages import PARTIES, Capacity, SideKind
from escalation import words
from escalation.move_form import (
    HOW,
    MoveForm,
    ask_recorded_for,
    ask_references,
    ask_still_at_risk,
    happened_field,
    say_post,
    source_field,
)
from pages import fields

# ── which child? ────────────────────────────────────────────────────────────────────────────────────────────────────


class MatchChild(MoveForm):
    happens = gettext_lazy("Your own reference is kept beside theirs. Next you are asked for your answer; the date stays the same.")
    note = fields.WordsField(label=gettext_lazy("Anything to add (optional)"), rows=3, required=False)

    def ask(self) -> None:
        ask_references(self, required=True)
        self.order_fields([name for name in self.fields if name.startswith("reference_")])


class CannotTellWhichChild(MoveForm):
    happens = gettext_lazy("The side that raised it is asked to say how you can tell which child this is. The date stays the same.")
    missing = fields.WordsField(
        label=gettext_lazy("What do you need to know to find the child?"),
        help_text=gettext_lazy("Do not enter names or other details of a child here."),
        empty=gettext_lazy("Enter what you need to know"),
    )


class SayWhichChild(MoveForm):
    happens = gettext_lazy("The other side is asked again whether they know which child this is.")
    how_told = fields.WordsField(
        label=gettext_lazy("How have you told them which child this is?"),
        help_text=gettext_lazy("Pass the child’s identity by the channel that your partnership names, not here. Say only how and when."),
        empty=gettext_lazy("Enter how you have told them"),
    )


class PassOn(MoveForm):
    happens = gettext_lazy("Another team is asked instead of yours. The date stays the same, and you no longer see this disagreement.")
    submit = gettext_lazy("Pass it on")
    place = fields.ChoiceField(
        label=gettext_lazy("Who should have it?"),
        widget=django_forms.Select,
        empty=gettext_lazy("Choose the team or person who should have it"),
    )
    reason = fields.WordsField(label=gettext_lazy("Why is it not for you?"), empty=gettext_lazy("Enter why it is not for you"))

    def ask(self) -> None:
        """Colleagues of one's own team, and every team of the partnership that does not sit here already, each with its practitioners."""
        d, own = self.occasion.disagreement, self.occasion.side(SideKind.RESPONDING)
        asked = [seat.post_id for seat in self.occasion.standing.seats if seat.side_id == own.pk and seat.post_id]
        posts = Post.objects.filter(team__agency__partnerships=d.partnership_id, level=0, ended_on=None)
        posts = posts.exclude(team=self.occasion.side(SideKind.RAISING).team_id).exclude(pk__in=asked)
        groups: dict[Any, list[tuple[str, str]]] = {}
        for post in posts.select_related("holder", "team__agency"):
            anybody = [(str(post.team_id), _("Anybody at %(team)s") % {"team": post.team})] if post.team_id != own.team_id else []
            team = groups.setdefault(str(post.team), anybody)
            team.append((f"{post.team_id}:{post.pk}", say_post(post)))
        self.let_choose("place", [("", _("Choose a team or person")), *groups.items()])

    def facts(self) -> dict[str, Any]:
        team, _colon, post = self.cleaned_data["place"].partition(":")
        return {"team": team} | ({"post": post} if post else {})


# ── answering and talking ───────────────────────────────────────────────────────────────────────────────────────────


class Answer(MoveForm):
    happens = gettext_lazy("Your answer goes to the side that raised it. They then agree an outcome with you, or take it to the next step.")
    submit = gettext_lazy("Send the answer")
    view = fields.WordsField(label=gettext_lazy("What is your view?"), empty=gettext_lazy("Enter your view"))
    reasons = fields.WordsField(label=gettext_lazy("What are your reasons?"), empty=gettext_lazy("Enter your reasons"))
    offer = fields.WordsField(label=gettext_lazy("What can you offer? (optional)"), rows=3, required=False)


class RecordAnswerFor(MoveForm):
    happens = gettext_lazy("It is kept as their answer, shown as recorded by you. Next it is for the side that raised it to say what next.")
    submit = gettext_lazy("Record their answer")
    fact_names = ("source",)
    source = source_field(gettext_lazy("How did their answer come?"))
    happened_at = happened_field(gettext_lazy("When did it come?"), gettext_lazy("The time at which it came"))
    view = fields.WordsField(label=gettext_lazy("What is their view?"), empty=gettext_lazy("Enter their view"))
    reasons = fields.WordsField(label=gettext_lazy("What are their reasons?"), empty=gettext_lazy("Enter their reasons"))
    document = fields.LineField(
        label=gettext_lazy("Where is the letter, email or note of the call kept?"),
        empty=gettext_lazy("Enter where the letter, email or note is kept"),
    )

    def ask(self) -> None:
        ask_recorded_for(self, self.occasion.standing.turn.for_sides, _("Whose answer is it?"))
        ask_references(self, required=False)
        self.order_fields(["recorded_for"])


class RecordDiscussion(MoveForm):
    happens = gettext_lazy("It is added to the record. Whose move it is stays the same.")
    submit = gettext_lazy("Record the discussion")
    fact_names = ("how",)
    who = fields.LineField(label=gettext_lazy("Who took part?"), empty=gettext_lazy("Enter who took part"))
    how = fields.ChoiceField(label=gettext_lazy("How did you speak?"), choices=HOW, empty=gettext_lazy("Say how you spoke"))
    happened_at = happened_field(gettext_lazy("When did you speak?"), gettext_lazy("The time you spoke"))
    said = fields.WordsField(label=gettext_lazy("What was said?"), empty=gettext_lazy("Enter what was said"))


class HoldMeeting(MoveForm):
    happens = gettext_lazy("It is added to the record. Whose move it is stays the same; a time limit for the meeting itself is met.")
    submit = gettext_lazy("Record the meeting")
    happened_at = happened_field(gettext_lazy("When was the meeting?"), gettext_lazy("The time of the meeting"))
    attended = fields.WordsField(label=gettext_lazy("Who took part?"), rows=3, empty=gettext_lazy("Enter who took part"))
    said = fields.WordsField(label=gettext_lazy("What was said and what came of it?"), empty=gettext_lazy("Enter what was said"))


class Acknowledge(MoveForm):
    happens = gettext_lazy("The other side sees that you have it. The time for your answer goes on.")
    submit = gettext_lazy("Say that we have seen it")


# ── an agreed outcome ───────────────────────────────────────────────────────────────────────────────────────────────

ISSUES = range(1, 6)
ISSUE_PARTS = ("issue", "how", "owner", "due")


class ProposeOutcome(MoveForm):
    happens: str | Promise = gettext_lazy(
        "Both sides are asked to confirm exactly this text in writing. Proposing it confirms it for your side. "
        "A new version voids every confirmation of the one before."
    )
    submit = gettext_lazy("Propose this outcome")
    folded = tuple((f"Outstanding issue {n}", tuple(f"{part}_{n}" for part in ISSUE_PARTS)) for n in ISSUES)
    outcome = fields.WordsField(
        label=gettext_lazy("What is agreed?"),
        help_text=gettext_lazy("Write it so that both sides can confirm it word for word."),
        rows=8,
        empty=gettext_lazy("Enter what is agreed"),
    )
    kind_of_outcome = fields.ChoiceField(
        label=gettext_lazy("What does it come to? (optional)"),
        help_text=gettext_lazy("For the partnership’s yearly figures, which name nobody."),
        choices=words.KINDS_OF_OUTCOME,
        required=False,
    )

    def ask(self) -> None:
        if self.occasion.actor.acting_seat(self.occasion.disagreement) is None:  # whoever mediates offers it (23.17)
            self.happens = _(
                "You offer it, and it binds nobody: both sides are asked to confirm exactly this text in writing, and it counts only if "
                "both do. A new version voids every confirmation of the one before."
            )
        owners = [("", _("Choose a person")), *self._owners()]
        for n in ISSUES:
            self.fields[f"issue_{n}"] = fields.WordsField(label=_("What is still to be done?"), rows=2, required=False)
            self.fields[f"how_{n}"] = fields.WordsField(label=_("How will it be pursued?"), rows=2, required=False)
            self.fields[f"owner_{n}"] = fields.ChoiceField(
                label=_("Who does it?"), choices=owners, widget=django_forms.Select, required=False
            )
            self.fields[f"due_{n}"] = fields.DayField(label=_("By when?"), called=_("The day it is due"), not_past=True, required=False)
        if not self.is_bound:
            self._start_from_the_last_version()

    @property
    def folded_groups(self) -> Any:
        return [(_("Outstanding issue %(n)d (optional)") % {"n": n}, *group[1:]) for n, group in enumerate(super().folded_groups, start=1)]

    def _owners(self) -> list[tuple[str, str]]:
        """The seated people of the party sides, and "somebody" where a side has nobody on the system."""
        standing = self.occasion.standing
        owners = {}
        for seat in standing.seats:
            if seat.side and seat.side.kind in PARTIES and seat.capacity != Capacity.TOLD:
                owners[f"{seat.side_id}:{seat.person_id}"] = f"{seat.person.name}, {seat.post.title if seat.post else ''}, {seat.side}"
        for side in standing.party_sides:
            if not standing.is_on_system(side):
                owners[f"{side.pk}:"] = _("Somebody at %(side)s") % {"side": side}
        return list(owners.items())

    def _start_from_the_last_version(self) -> None:
        agreement = self.occasion.standing.agreement
        if agreement is None:
            return
        texts = {text.field: text.value for text in agreement.entry.texts.all()}
        self.initial["outcome"] = texts.get("outcome", "")
        self.initial["kind_of_outcome"] = agreement.entry.facts.get("kind_of_outcome", "")
        for issue in agreement.issues.all():
            for part in ("issue", "how"):
                self.initial[f"{part}_{issue.number}"] = texts.get(f"{part}_{issue.number}", "")
            self.initial[f"owner_{issue.number}"] = f"{issue.owner_side_id}:{issue.owner_id or ''}"
            self.initial[f"due_{issue.number}"] = issue.due_on

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for n in ISSUES:
            if not any(cleaned.get(f"{part}_{n}") for part in ISSUE_PARTS):
                continue
            for part, message in (
                ("issue", _("Enter what is still to be done, or leave this issue empty")),
                ("how", _("Enter how it will be pursued")),
                ("owner", _("Choose who does it")),
                ("due", _("Enter the day by which it is to be done")),
            ):
                if not cleaned.get(f"{part}_{n}") and f"{part}_{n}" not in self.errors:
                    self.add_error(f"{part}_{n}", message)
        return cleaned

    def _issues(self) -> list[int]:
        return [n for n in ISSUES if self.cleaned_data.get(f"issue_{n}")]

    def words(self) -> dict[str, str]:
        """Issues move up where one was left empty: the record numbers them from 1."""
        places = list(enumerate(self._issues(), start=1))
        issues = {f"{part}_{place}": self.cleaned_data[f"{part}_{n}"] for place, n in places for part in ("issue", "how")}
        return {"outcome": self.cleaned_data["outcome"], **issues}

    def facts(self) -> dict[str, Any]:
        issues = []
        for n in self._issues():
            side, _colon, owner = self.cleaned_data[f"owner_{n}"].partition(":")
            issues.append({"owner_side": side, "owner": owner or None, "due_on": self.cleaned_data[f"due_{n}"].isoformat()})
        kind = self.cleaned_data.get("kind_of_outcome")
        return {"issues": issues} | ({"kind_of_outcome": kind} if kind else {})


class ConfirmOutcome(MoveForm):
    happens = gettext_lazy("You confirm this text for your side, in writing. When every side has, the disagreement is resolved.")
    submit: str | Promise = gettext_lazy("Confirm this outcome")
    shows_outcome = True

    def ask(self) -> None:
        if agreement := self.occasion.standing.agreement:
            self.submit = _("Confirm version %(number)d") % {"number": agreement.version}
        if self.occasion.is_the_raiser:
            ask_still_at_risk(self)
            self.fields["concern"] = fields.WordsField(label=_("If yes, what is your concern? (optional)"), rows=3, required=False)

    def facts(self) -> dict[str, Any]:
        agreement = self.occasion.standing.agreement
        return super().facts() | {"agreement_version": agreement.version if agreement else 0}


class DeclineOutcome(MoveForm):
    happens = gettext_lazy(
        "The proposed outcome is not confirmed by your side. Either side can propose another, or it goes to the next step."
    )
    submit = gettext_lazy("Send what should change")
    shows_outcome = True
    change = fields.WordsField(label=gettext_lazy("What should change in it?"), empty=gettext_lazy("Enter what should change in it"))


class RecordConfirmationFor(MoveForm):
    happens = gettext_lazy("It is kept as theirs, recorded by you. It counts once the partnership’s office has countersigned it.")
    submit = gettext_lazy("Record their confirmation")
    shows_outcome = True
    fact_names = ("source",)
    who_confirmed = fields.LineField(label=gettext_lazy("Who confirmed it?"), empty=gettext_lazy("Enter who confirmed it"))
    source = source_field(gettext_lazy("How did it come?"))
    happened_at = happened_field(gettext_lazy("When did it come?"), gettext_lazy("The time at which it came"))
    document = fields.LineField(
        label=gettext_lazy("Where is the letter, email or note of the call kept?"),
        empty=gettext_lazy("Enter where the letter, email or note is kept"),
    )

    def ask(self) -> None:
        ask_recorded_for(self, self.occasion.standing.turn.for_sides, _("Whose confirmation is it?"))
        self.order_fields(["recorded_for"])


class Countersign(MoveForm):
    happens = gettext_lazy("The recorded confirmation counts from now on. When every side has confirmed, the disagreement is resolved.")
    submit = gettext_lazy("Countersign")
    shows_outcome = True
    note = fields.WordsField(label=gettext_lazy("How have you checked it? (optional)"), rows=3, required=False)


class RefuseCountersign(MoveForm):
    happens = gettext_lazy("The recorded confirmation does not count. The proposal is off, and the sides go on from where they were.")
    submit = gettext_lazy("Refuse it")
    shows_outcome = True
    reason = fields.WordsField(label=gettext_lazy("Why does it not count?"), empty=gettext_lazy("Enter why it does not count"))
