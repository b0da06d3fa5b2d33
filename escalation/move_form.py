"""What every move asks, and what it makes of the answers: the shape of the small forms in answer_forms and forms."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID

from django import forms as django_forms
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Post, User
from disputes.models import Child, Disagreement, Entry, Side
from disputes.seats import Actor, Standing
from disputes.stages import ChildSafe, SideKind
from escalation import seating
from escalation.moves import Given
from pages import fields, forms, times
from pages.templatetags.pages import phone

MINUTE = dt.timedelta(minutes=1)
YES_NO = [("yes", gettext_lazy("Yes")), ("no", gettext_lazy("No"))]
SOURCES = [
    ("phone", gettext_lazy("By phone")),
    ("letter", gettext_lazy("By letter")),
    ("email", gettext_lazy("By email")),
    ("meeting", gettext_lazy("In a meeting")),
]
HOW = [
    ("phone", gettext_lazy("By phone")),
    ("meeting", gettext_lazy("In a meeting")),
    ("video", gettext_lazy("By video")),
    ("email", gettext_lazy("By email")),
    ("letter", gettext_lazy("By letter")),
    ("other", gettext_lazy("In another way")),
]


@dataclass(frozen=True)
class Occasion:
    """Who is asked, about which disagreement, when: what a form needs to find its choices. `asked` is what the address said."""

    disagreement: Disagreement
    actor: Actor
    now: dt.datetime
    asked: Mapping[str, str] = field(default_factory=dict)

    @property
    def standing(self) -> Standing:
        return self.disagreement.standing

    @cached_property
    def children(self) -> list[Child]:
        return list(self.disagreement.children.all())

    @cached_property
    def began_at(self) -> dt.datetime | None:
        """When it began for the other side: when they were told, or when it was sent."""
        sent = self.disagreement.entries.filter(kind="send").values_list("happened_at", flat=True).first()
        return sent or self.disagreement.raised_at

    @property
    def is_the_raiser(self) -> bool:
        """The raiser in person: nobody else can say what the raiser believes (23.11)."""
        return self.actor.person.pk == self.disagreement.raised_by_id

    def side(self, kind: SideKind) -> Side:
        return self.standing.sides_of(kind)[0]


class MoveForm(forms.Form):
    """One move's questions, "is the child safe now?" last. Text goes to the words of the entry, `fact_names` to its facts."""

    happens: str | Promise = ""  # what will happen, said above the questions
    submit: str | Promise = ""  # on the button, where the move's own label does not fit
    fact_names: ClassVar[tuple[str, ...]] = ()
    shows_outcome: ClassVar[bool] = False  # the proposed outcome is part of the question
    folded: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]] = ()  # questions that may stay closed: (title, names)
    fold_after: ClassVar[str] = ""  # the question below which they stand; empty: below all

    child_safe = fields.ChoiceField(
        label=gettext_lazy("Is the child safe now?"),
        choices=ChildSafe.choices,
        empty=gettext_lazy("Say whether the child is safe now"),
    )

    def __init__(self, occasion: Occasion, data: Any = None) -> None:
        super().__init__(data)
        self.occasion = occasion
        self.fields["child_safe"].help_text = format_html(
            _("If a child is in danger now, call 999 or the front door, {number}, before you go on."),
            number=phone(occasion.disagreement.partnership.front_door),
        )
        self.ask()
        self.order_fields([name for name in self.fields if name != "child_safe"])

    def ask(self) -> None:
        """Adds questions and choices that depend on the occasion."""

    # ── how it stands on the page

    @property
    def main_fields(self) -> list[django_forms.BoundField]:
        """The questions that always stand open."""
        closed = {name for _title, names in self.folded for name in names}
        return [bound for bound in self.visible_fields() if bound.name not in closed and bound.name != "child_safe"]

    @property
    def folded_groups(self) -> list[tuple[str, list[django_forms.BoundField], bool]]:
        """(title, questions, whether it stands open because something is in it)."""
        return [
            (title, [self[name] for name in names], any(_filled(self[name]) or self[name].errors for name in names))
            for title, names in self.folded
            if names[0] in self.fields
        ]

    def let_choose(self, name: str, choices: Iterable[Any]) -> None:
        """Sets what can be chosen."""
        self.fields[name].choices = list(choices)  # type: ignore[attr-defined]

    # ── what it makes of the answers

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("still_at_risk") == "yes" and not cleaned.get("channel") and "channel" not in self.errors:
            self.add_error("channel", _("Choose how that concern goes on"))
        return cleaned

    def clean_happened_at(self) -> dt.datetime | None:
        """A contact lies after the raising. Who types minutes only means the whole of that minute."""
        happened, began = self.cleaned_data["happened_at"], self.occasion.began_at
        if happened is None or began is None or happened >= began:
            return happened
        if happened + MINUTE > began:
            return began
        said = _("%(called)s must be after this was raised, on %(when)s. What came before it can be added to the record instead")
        figures = {"called": self.fields["happened_at"].called, "when": times.moment(began)}  # type: ignore[attr-defined]
        raise django_forms.ValidationError(said, code="before", params=figures | {"parts": fields.MomentField.parts})

    def given(self) -> Given:
        """The answers as the door takes them."""
        cleaned = self.cleaned_data
        return Given(
            words=self.words(),
            facts=self.facts(),
            child_safe=cleaned["child_safe"],
            happened_at=cleaned.get("happened_at"),
            references={int(name.rpartition("_")[2]): text for name, text in cleaned.items() if name.startswith("reference_") and text},
            recorded_for=UUID(cleaned["recorded_for"]) if cleaned.get("recorded_for") else None,
            corrects=self.corrects(),
        )

    def make_ready(self) -> None:
        """Makes what must be there before the door is asked; gone again if the door refuses."""

    def follow(self, entry: Entry) -> None:
        """Does what belongs to the move once it is made, in the same transaction."""

    @classmethod
    def leads_to(cls, entry: Entry, by: User) -> str:
        """The address to which its maker goes afterwards; empty: back to the disagreement."""
        return ""

    @classmethod
    def repeats(cls, data: Mapping[str, str], entry: Entry) -> bool:
        """Whether what is posted again says the same as the first time, apart from the words."""
        return True

    def words(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in self._word_names() if self.cleaned_data.get(name)}

    def facts(self) -> dict[str, Any]:
        facts = {name: self.cleaned_data[name] for name in self.fact_names if self.cleaned_data.get(name) not in ("", None)}
        if self.cleaned_data.get("still_at_risk"):
            facts["still_at_risk"] = self.cleaned_data["still_at_risk"] == "yes"
            if facts["still_at_risk"]:
                facts["channel"] = self.cleaned_data["channel"]
        return facts

    def corrects(self) -> UUID | None:
        """The entry that this one corrects or disputes."""
        return None

    def _word_names(self) -> list[str]:
        is_text = (fields.WordsField, fields.LineField)
        return [name for name, one in self.fields.items() if isinstance(one, is_text) and not name.startswith("reference_")]


def _filled(bound: django_forms.BoundField) -> bool:
    value = bound.value()
    return any(value.values()) if isinstance(value, dict) else bool(value)


# ── questions that several moves ask ────────────────────────────────────────────────────────────────────────────────


def ask_references(form: MoveForm, *, required: bool) -> None:
    """The side's own reference of each child; the first is needed where the child is to be matched."""
    for child in form.occasion.children:
        label = _("Your own reference for %(child)s") % {"child": child.pseudonym}
        if not required:
            label = _("Their reference for %(child)s (optional)") % {"child": child.pseudonym}
        elif child.number > 1:
            label = _("Your own reference for %(child)s (optional)") % {"child": child.pseudonym}
        form.fields[f"reference_{child.number}"] = fields.LineField(
            label=label,
            help_text=_("Your file number for the child. Do not enter a name.") if required else "",
            max_length=60,
            width=20,
            required=required and child.number == 1,
            called=_("The reference"),
            empty=_("Enter your own reference for this child"),
        )


def ask_still_at_risk(form: MoveForm, label: Any = None) -> None:
    """23.11: who still believes the child to be at risk says so, and by which channel the concern goes on."""
    form.fields["still_at_risk"] = fields.ChoiceField(
        label=label or _("Do you still believe the child is at risk of significant harm?"),
        choices=YES_NO,
        empty=_("Say whether you still believe the child is at risk"),
    )
    ask_channel(form, _("If yes, how will that concern go on?"), required=False)


def ask_channel(form: MoveForm, label: Any, *, required: bool) -> None:
    channels = form.occasion.disagreement.policy.document.concern_channels
    form.fields["channel"] = fields.ChoiceField(
        label=label, choices=[(channel, channel) for channel in channels], required=required, empty=_("Choose how that concern goes on")
    )


def ask_recorded_for(form: MoveForm, sides: Iterable[Side], label: Any) -> None:
    """For which side that is not on the system; one alone is chosen already."""
    choices = [(str(side.pk), str(side)) for side in sides]
    form.fields["recorded_for"] = fields.ChoiceField(
        label=label, choices=choices, initial=choices[0][0] if len(choices) == 1 else None, empty=_("Choose for whom you record this")
    )


def source_field(label: Any) -> fields.ChoiceField:
    return fields.ChoiceField(label=label, choices=SOURCES, empty=gettext_lazy("Say how it came"))


def happened_field(label: Any, called: Any) -> fields.MomentField:
    """When it happened: never in the future, and (see MoveForm) never before the raising."""
    return fields.MomentField(
        label=label,
        called=called,
        not_future=True,
        help_text=gettext_lazy("For example 6 3 2026, 2.30pm"),
        empty=gettext_lazy("Enter the day and time at which it happened"),
    )


def say_post(post: Post) -> str:
    """ "Mona, Line manager, Children's Social Care, Front door"; a post that nobody holds says so."""
    return f"{post.holder.name if post.holder else _('nobody yet')}, {post.title}, {post.team}"


def posts_at(side: Side, level: int, found: Post | None = None) -> list[Post]:
    """Held posts of the side's agency at this level or above, the one found from posts first."""
    held = Post.objects.filter(team__agency=side.team.agency_id, level__gte=level, ended_on=None, holder__is_active=True).select_related(
        "holder", "team__agency"
    )
    posts = {post.pk: post for post in ([found] if found else [])} | {post.pk: post for post in held}
    return list(posts.values())


def ask_other_post(form: MoveForm, step: int) -> None:
    """The opposite number at `step`: found from posts, changeable; not asked where that side has nobody on the system."""
    d = form.occasion.disagreement
    side = form.occasion.side(SideKind.RESPONDING)
    found = seating.manager_for(d, side, step)
    posts = posts_at(side, d.policy.ladder.step(step).level, found)
    if not posts:
        return
    needed = form.occasion.standing.is_on_system(side)
    choices = [(str(post.pk), say_post(post)) for post in posts]
    if found is None:
        choices = [("", _("Choose a person") if needed else _("Nobody: they are not on the system")), *choices]
    form.fields["other_post"] = fields.ChoiceField(
        label=_("Who is their opposite number at %(side)s?") % {"side": side},
        help_text=_("Found from their posts. Choose another person if that is not right.") if found else "",
        choices=choices,
        widget=django_forms.Select,
        required=needed,
        initial=str(found.pk) if found else "",
        empty=_("Choose who answers for the other agency"),
    )


def ask_own_post(form: MoveForm, posts: list[Post], label: Any) -> None:
    """Who takes it on for the raising side; one alone is chosen already."""
    choices = [(str(post.pk), say_post(post)) for post in posts]
    if choices:
        form.fields["own_post"] = fields.ChoiceField(
            label=label, choices=choices, initial=choices[0][0] if len(choices) == 1 else None, empty=_("Choose who takes it on")
        )
