"""The seven questions of raising a disagreement, in their order (23.12 to 23.14); each keeps what was typed in the draft."""

from __future__ import annotations

import datetime as dt
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from django import forms as django_forms
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import Membership, Post, Team, User
from disputes.models import Child, Draft
from pages import fields, forms, times
from pages.kept import Kept
from procedure.clock import say_length
from procedure.ladder import LINE_MANAGER
from procedure.models import Policy
from procedure.policy import Document, Signpost

HOW_MANY = 7
MOST_CHILDREN = 8
MOST_COLLEAGUES = 40  # in a larger agency the own team and line are offered; others can be brought in after sending
FEW = 10  # up to so many are radios, more are a list to open
NOBODY_IN_PARTICULAR = "team"
ORDINARY = "ordinary"  # no urgent track
MOST_DAYS_TOLD = 31  # told longer ago, it is a disagreement of another time: raise it as of today
LACKING = {"required", "incomplete"}  # what "Save and come back" lets pass


@dataclass
class About:
    """The draft a question is about, with what several questions need; each is read once and only when it is asked for."""

    draft: Draft

    @cached_property
    def policy(self) -> Policy:
        return Policy.objects.in_force(self.draft.partnership)

    @property
    def document(self) -> Document:
        return self.policy.document

    def typed(self, slug: str) -> dict[str, Any]:
        """What was typed on that page so far."""
        return self.draft.answers.get(slug, {}).get("typed", {})

    @cached_property
    def teams(self) -> list[Team]:
        """Every team one may disagree with: those of the partnership's agencies, own agency too, except one's own (23.4)."""
        agencies = Membership.objects.filter(partnership=self.draft.partnership).values("agency")
        return list(Team.objects.filter(agency__in=agencies).exclude(pk=self.draft.post.team_id).select_related("agency"))

    @cached_property
    def team(self) -> Team | None:
        chosen = self.typed("who").get("team")
        return next((team for team in self.teams if str(team.pk) == chosen), None)

    @cached_property
    def places(self) -> list[Post]:
        """The practitioners' posts of the team asked, held or not."""
        if self.team is None:
            return []
        posts = Post.objects.filter(team=self.team, level=0, ended_on=None).select_related("holder", "team__agency")
        posts = posts.order_by("holder__name", "title")
        return [post for post in posts if post.holder_id != self.draft.author_id]

    @cached_property
    def colleagues(self) -> list[Post]:
        """Held posts of the own agency, own team first, without those of the team asked: nobody sits on two sides."""
        own = self.draft.post
        held = Post.objects.filter(team__agency=own.team.agency_id, ended_on=None, holder__is_active=True)
        held = held.exclude(holder=self.draft.author_id).select_related("holder", "team__agency")
        if asked := self.typed("who").get("team"):
            held = held.exclude(team=asked)
        posts = list(held.order_by("holder__name", "title")[: MOST_COLLEAGUES + 1])
        if len(posts) > MOST_COLLEAGUES:
            near = held.filter(team=own.team_id) | held.filter(pk__in=[own.reports_to_id, own.adviser_id])
            posts = list(near.order_by("holder__name", "title"))
        return sorted(posts, key=lambda post: post.team_id != own.team_id)


class Answer(NamedTuple):
    """One row of check-your-answers. `words`: what a person wrote, to be shown as such."""

    label: str
    text: str
    words: bool = False


class Question(forms.Form):
    """One page of the raising. `number` is the question it counts as; several small pages may share one."""

    slug: ClassVar[str]
    number: ClassVar[int]
    title: ClassVar[Any]
    template: ClassVar[str] = "escalation/raising/question.html"
    in_short: ClassVar[dict[str, Any]] = {}  # how a question is called on the check page, where its label is long
    follow_up: ClassVar[str] = ""  # the page whose answer falls when this one is answered differently

    def __init__(self, data: Any = None, *, about: About, **options: Any) -> None:
        self.about = about
        options.setdefault("auto_id", "id_%s")
        super().__init__(data, **options)
        self.offer()

    @classmethod
    def blank(cls, about: About, kept: Kept | None = None) -> Question:
        """The page as it is opened: with what was typed before (`kept`: and not sent), and nothing wrong yet."""
        return cls(kept, about=about, initial=about.typed(cls.slug))

    @classmethod
    def answered(cls, about: About) -> Question:
        """The page as if what is kept had been sent now: says what is still wrong with it."""
        return cls(_as_posted(about.typed(cls.slug)), about=about)

    @classmethod
    def applies(cls, about: About) -> bool:
        """Whether this page is asked at all, from what was answered before."""
        return True

    @classmethod
    def rearranged(cls, data: MultiValueDict) -> tuple[MultiValueDict, bool]:
        """What was posted, after a button that changes the page itself; and whether such a button was pressed."""
        return data, False

    def offer(self) -> None:
        """Sets the choices that depend on the draft."""

    @property
    def asks_in_its_title(self) -> bool:
        """Whether the one question of the page is its heading."""
        return any(getattr(field, "heading", False) for field in self.fields.values())

    def only_lacks_answers(self) -> bool:
        """Whether what was typed may be kept although the page is not finished."""
        codes = {error.code for errors in self.errors.as_data().values() for error in errors}
        return codes <= LACKING

    def may_wait(self) -> bool:
        """Whether one may go on although the page is not finished: check-your-answers asks for the rest."""
        return False

    @property
    def typed(self) -> dict[str, Any]:
        """What stands in the boxes, fit for the draft: text, lists of choices, parts of a date."""
        read = {name: field.widget.value_from_datadict(self.data, self.files, self.add_prefix(name)) for name, field in self.fields.items()}
        return {name: _storable(value) for name, value in read.items() if value not in (None, "", [], False)}

    def keep(self) -> None:
        """Puts it into the draft."""
        answers = self.about.draft.answers
        if self.follow_up and self.about.typed(self.slug) != self.typed:
            answers.pop(self.follow_up, None)
        answers[self.slug] = {"typed": self.typed, "done": self.is_valid()}

    def rows(self) -> list[Answer]:
        """The answers in words, for check-your-answers and for a colleague's reading; without what was left empty by choice."""
        rows = []
        for name, field in self.fields.items():
            text = self.said(name)
            if text or field.required:
                rows.append(
                    Answer(
                        str(self.in_short.get(name, field.label)),
                        text or _("Not answered yet"),
                        bool(text) and isinstance(field, fields.WordsField),
                    )
                )
        return rows

    def said(self, name: str) -> str:
        """One answer in words, from what was typed; "" where there is none."""
        field, typed = self.fields[name], self.typed.get(name)
        if not typed:
            return ""
        if isinstance(field, fields.DayField):
            day = self.cleaned_data.get(name) if self.is_bound and self.is_valid() else None
            said = times.moment if isinstance(field, fields.MomentField) else times.day
            return said(day) if day else " ".join(filter(None, typed.values()))
        if isinstance(field, fields.TickField):
            return _("Yes")
        if isinstance(field, django_forms.ChoiceField):
            chosen = typed if isinstance(typed, list) else [typed]
            return ", ".join(str(label) for value, label in _flat(field.choices) if str(value) in chosen)
        return str(typed)


def _flat(choices: Any) -> list[tuple[Any, Any]]:
    """Choices without their groups."""
    flat: list[tuple[Any, Any]] = []
    for value, label in choices:
        flat += [(v, f"{value}, {name}") for v, name in label] if isinstance(label, list | tuple) else [(value, label)]
    return flat


def _storable(value: Any) -> Any:
    """Without characters that the database does not take, and never longer than a text may be."""
    if isinstance(value, str):
        plain = value.replace("\r\n", "\n").replace("\r", "\n")[: fields.LONGEST_WORDS]
        return "".join(c for c in plain if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    if isinstance(value, dict):
        return {key: _storable(part) for key, part in value.items()}
    return [_storable(part) for part in value] if isinstance(value, list) else value


def _as_posted(typed: Mapping[str, Any]) -> MultiValueDict:
    """What is kept, in the shape in which a browser sends it."""
    posted: MultiValueDict = MultiValueDict()
    for name, value in typed.items():
        if isinstance(value, dict):
            for part, text in value.items():
                posted[f"{name}_{part}"] = text
        elif isinstance(value, list):
            posted.setlist(name, value)
        else:
            posted[name] = "on" if value is True else value
    return posted


# ── 1 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


class RightProcedure(Question):
    slug, number = "right-procedure", 1
    title = gettext_lazy("Is this the right procedure?")
    follow_up = "elsewhere"

    procedure = fields.ChoiceField(
        label=title,
        heading=True,
        help_text=gettext_lazy("Some concerns have a procedure of their own. If one of these fits, we will show you where it goes."),
        empty=gettext_lazy("Choose what it is, or “None of these”"),
    )

    def offer(self) -> None:
        signposts = [(signpost.key, signpost.question) for signpost in self.about.document.signposts]
        self.fields["procedure"].choices = [("none", _("None of these: it is a professional disagreement")), *signposts]  # type: ignore[attr-defined]


class Elsewhere(Question):
    """Shown after a signpost was chosen: where it goes. Nothing typed is lost, and one may go on all the same."""

    slug, number = "elsewhere", 1
    title = gettext_lazy("This may belong somewhere else")
    template = "escalation/raising/elsewhere.html"

    go_on = django_forms.BooleanField(
        label=gettext_lazy("It is still a disagreement"),
        error_messages={"required": gettext_lazy("Say whether it is still a disagreement, after reading where it may belong")},
    )

    @classmethod
    def applies(cls, about: About) -> bool:
        return about.typed(RightProcedure.slug).get("procedure", "none") != "none"

    @property
    def signpost(self) -> Signpost | None:
        chosen = self.about.typed(RightProcedure.slug).get("procedure")
        return next((signpost for signpost in self.about.document.signposts if signpost.key == chosen), None)

    def rows(self) -> list[Answer]:
        return [Answer(str(self.fields["go_on"].label), _("Yes") if self.typed.get("go_on") else _("Not answered yet"))]


# ── 2 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Children(Question):
    slug, number = "children", 2
    title = gettext_lazy("Which child is it about?")
    template = "escalation/raising/children.html"

    def __init__(self, data: Any = None, *, about: About, **options: Any) -> None:
        named = data if data is not None else options.get("initial", {})
        self.how_many = max([1] + [n for n in range(1, MOST_CHILDREN + 1) if f"pseudonym_{n}" in named])
        super().__init__(data, about=about, **options)

    def offer(self) -> None:
        for n in range(1, self.how_many + 1):
            self.fields[f"pseudonym_{n}"] = fields.LineField(
                label=_("What to call the child here"),
                help_text=_("A made-up first name, not the child’s real name. You can add a few words, for example: Ash (girl, 8)."),
                called=_("What to call the child"),
                empty=_("Enter what to call the child here"),
                max_length=60,
            )
            self.fields[f"age_band_{n}"] = fields.ChoiceField(
                label=_("How old is the child?"),
                choices=Child.AgeBand.choices,
                widget=fields.Radios(attrs={"class": "govuk-radios--small"}),
                empty=_("Choose how old the child is"),
            )
            self.fields[f"reference_{n}"] = fields.LineField(
                label=_("Your agency’s own reference for the child (optional)"),
                help_text=_("Only your side sees it as yours. The other side adds its own."),
                called=_("The reference"),
                required=False,
                max_length=60,
                width=20,
            )
        self.fields["child_says"] = fields.WordsField(
            label=_("What does the child say or want? (optional)")
            if self.how_many == 1
            else _("What do the children say or want? (optional)"),
            help_text=_("If you know it: in their own words where you can. Do not name anyone."),
            required=False,
            rows=4,
        )

    @property
    def typed(self) -> dict[str, Any]:
        """An empty name is kept too: it says that there is one more child."""
        return {f"pseudonym_{n}": "" for n in range(1, self.how_many + 1)} | super().typed

    @property
    def children(self) -> list[dict[str, Any]]:
        """Each child's number and its three questions."""
        names = ("pseudonym", "age_band", "reference")
        return [{"number": n, "fields": [self[f"{name}_{n}"] for name in names]} for n in range(1, self.how_many + 1)]

    @property
    def may_add(self) -> bool:
        return self.how_many < MOST_CHILDREN

    @classmethod
    def rearranged(cls, data: MultiValueDict) -> tuple[MultiValueDict, bool]:
        """Adds an empty child, or takes one out and moves those behind it up."""
        data = data.copy()
        count = max([1] + [n for n in range(1, MOST_CHILDREN + 1) if f"pseudonym_{n}" in data])
        if "add" in data and count < MOST_CHILDREN:
            data[f"pseudonym_{count + 1}"] = ""
        removed = data.get("remove", "")
        if removed in {str(n) for n in range(1, count + 1)} and count > 1:
            for name in ("pseudonym", "age_band", "reference"):
                for n in range(int(removed), count):
                    data.setlist(f"{name}_{n}", data.getlist(f"{name}_{n + 1}"))
                data.pop(f"{name}_{count}", None)
        return data, "add" in data or "remove" in data

    def rows(self) -> list[Answer]:
        rows = []
        for n in range(1, self.how_many + 1):
            parts = [self.said(f"pseudonym_{n}"), self.said(f"age_band_{n}")]
            if reference := self.said(f"reference_{n}"):
                parts.append(_("your reference %(reference)s") % {"reference": reference})
            label = _("Child") if self.how_many == 1 else _("Child %(number)s") % {"number": n}
            rows.append(Answer(label, ", ".join(filter(None, parts)) or _("Not answered yet")))
        if says := self.said("child_says"):
            rows.append(Answer(_("What the child says or wants"), says, words=True))
        return rows


# ── 3 and 4 ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class What(Question):
    slug, number = "what", 3
    title = gettext_lazy("What do you disagree with?")
    in_short = {"decided_on": gettext_lazy("When was it decided?"), "disputed_act_at": gettext_lazy("Planned, and cannot wait")}

    decision = fields.WordsField(
        label=gettext_lazy("What was decided, or not done?"),
        help_text=gettext_lazy("A few sentences are enough. Use the name you gave the child here, not the real one."),
        empty=gettext_lazy("Enter what was decided, or not done"),
    )
    decided_on = fields.DayField(
        label=gettext_lazy("When was the decision you disagree with? (optional)"),
        help_text=gettext_lazy("For example, 27 3 2026"),
        called=gettext_lazy("The day it was decided"),
        not_future=True,
        required=False,
    )
    category = fields.ChoiceField(label=gettext_lazy("What is it mostly about?"), empty=gettext_lazy("Choose what it is mostly about"))
    disputed_act_at = fields.MomentField(
        label=gettext_lazy("Is something planned that cannot wait for this, and when? (optional)"),
        help_text=gettext_lazy("For example a discharge or a closure: 12 3 2026, 10am. Leave it empty if there is nothing."),
        called=gettext_lazy("The time for which it is planned"),
        not_past=True,
        required=False,
    )

    def offer(self) -> None:
        document = self.about.document
        if not (document.or_before_disputed_act or document.urgency.standstill):
            del self.fields["disputed_act_at"]
        self.fields["category"].choices = [(c.key, c.label) for c in self.about.document.categories]  # type: ignore[attr-defined]
        if self._is_thought_through_first():
            self.fields["category"].help_text = _("You can leave this until later.")

    def _is_thought_through_first(self) -> bool:
        """Whoever begins here has not answered the first question."""
        return RightProcedure.slug not in self.about.draft.answers

    def may_wait(self) -> bool:
        return self._is_thought_through_first() and set(self.errors) <= {"category"}


class Why(Question):
    slug, number = "why", 4
    title = gettext_lazy("Why does it matter for the child?")

    why_unsafe = fields.WordsField(
        label=gettext_lazy("Why is it unsafe or harmful for the child?"),
        help_text=gettext_lazy("What you have seen and heard, and what worries you."),
        empty=gettext_lazy("Enter why it is unsafe or harmful"),
    )
    outcome_wanted = fields.WordsField(
        label=gettext_lazy("What do you want to happen for the child?"),
        help_text=gettext_lazy("Be as exact as you can: the other side answers this."),
        empty=gettext_lazy("Enter the outcome you want for the child"),
    )
    needed_by = fields.MomentField(
        label=gettext_lazy("By when does the child need this settled? (optional)"),
        help_text=gettext_lazy("If the ordinary time is too long for this child: a day and time, for example 12 3 2026, 5pm."),
        called=gettext_lazy("The time by which the child needs it settled"),
        not_past=True,
        required=False,
    )
    track = fields.ChoiceField(
        label=gettext_lazy("How urgent is it?"), required=False, initial=ORDINARY, empty=gettext_lazy("Choose how urgent it is")
    )

    def offer(self) -> None:
        urgency = self.about.document.urgency
        if not urgency.needed_by:
            del self.fields["needed_by"]
        if not urgency.tracks:
            del self.fields["track"]
            return
        field: Any = self.fields["track"]
        field.choices = [(ORDINARY, _("The ordinary time limits")), *((track.key, track.label) for track in urgency.tracks)]
        lengths = {
            track.key: (_("%(length)s for each step") if track.covers == "step" else _("%(length)s for all of it"))
            % {"length": say_length(track.limit)}
            for track in urgency.tracks
        }
        field.widget.hints = lengths


# ── 5 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


class SafeNow(Question):
    slug, number = "safe-now", 5
    title = gettext_lazy("Is a child at immediate risk?")
    template = "escalation/raising/safe_now.html"

    risk = fields.ChoiceField(
        label=title,
        heading=True,
        help_text=gettext_lazy("Somebody may be hurt or seriously harmed before this disagreement can be answered."),
        choices=[
            ("yes", gettext_lazy("Yes, a child is at immediate risk")),
            ("no", gettext_lazy("No, as far as I know")),
            ("unsure", gettext_lazy("I am not sure")),
        ],
        hints={"unsure": gettext_lazy("Talk to your line manager or safeguarding lead today, or ask the front door.")},
        empty=gettext_lazy("Say whether a child is at immediate risk"),
    )


class ActFirst(Question):
    """23.13: emergency action never waits for the procedure, which may then start higher, with the reason kept."""

    slug, number = "act-first", 5
    title = gettext_lazy("Act first, then go on")
    in_short = {"done_first": gettext_lazy("What was done?")}
    template = "escalation/raising/act_first.html"

    called = fields.TickField(
        label=gettext_lazy("I have called, or I am calling now"),
        empty=gettext_lazy("Call first. Then tick to say that you have called, or are calling now"),
    )
    done_first = fields.WordsField(
        label=gettext_lazy("What was done? (optional)"),
        help_text=gettext_lazy("Whom you called, when, and what they said they would do."),
        required=False,
        rows=3,
    )
    start = fields.ChoiceField(
        label=gettext_lazy("Where should the disagreement start?"),
        help_text=gettext_lazy("Normally the people who disagree try first. When a child is at immediate risk it may start higher."),
        choices=[
            ("higher", gettext_lazy("With the line managers, at once")),
            ("first", gettext_lazy("With the person I disagree with; the line managers are told now")),
        ],
        empty=gettext_lazy("Choose where the disagreement should start"),
    )
    higher_reason = fields.WordsField(
        label=gettext_lazy("Why should it start with the line managers?"),
        help_text=gettext_lazy("Leave this empty if it starts with the person you disagree with."),
        called=gettext_lazy("The reason"),
        required=False,
        rows=3,
    )

    def offer(self) -> None:
        """Only where the procedure lets one start higher."""
        document = self.about.document
        if not document.urgency.may_start_at:
            del self.fields["start"], self.fields["higher_reason"]
            return
        if document.urgency.may_start_at != LINE_MANAGER:
            ladder = document.ladder
            name = ladder.step(ladder.first_step_of(document.urgency.may_start_at)).name
            choices: Any = self.fields["start"]
            choices.choices = [("higher", _("At this step, at once: %(step)s") % {"step": name}), choices.choices[1]]
            self.fields["higher_reason"].label = _("Why should it start higher?")

    @classmethod
    def applies(cls, about: About) -> bool:
        return about.typed(SafeNow.slug).get("risk") == "yes"

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or self.cleaned_data
        if answers.get("start") == "higher" and "higher_reason" in answers and not answers["higher_reason"]:
            reason = _("Enter why it should start with the line managers")
            if self.about.document.urgency.may_start_at != LINE_MANAGER:
                reason = _("Enter why it should start higher")
            self.add_error("higher_reason", django_forms.ValidationError(reason, code="required"))
        return answers


# ── 6 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Who(Question):
    slug, number = "who", 6
    title = gettext_lazy("Which team do you disagree with?")
    follow_up = "who-there"

    team = fields.ChoiceField(
        label=title,
        heading=True,
        help_text=gettext_lazy("Another team of your own agency can be chosen too."),
        empty=gettext_lazy("Choose the team you disagree with"),
    )

    def offer(self) -> None:
        field: Any = self.fields["team"]
        if not self.about.document.within_one_agency:
            field.help_text = _("A team of another agency: your procedure is not for disagreements inside one agency.")
        if len(self.about.teams) <= FEW:
            field.choices = [(str(team.pk), str(team)) for team in self.about.teams]
            return
        by_agency: dict[str, list[tuple[str, str]]] = {}
        for team in self.about.teams:
            by_agency.setdefault(team.agency.name, []).append((str(team.pk), team.name or team.agency.name))
        field.widget = django_forms.Select()
        field.choices = [("", _("Choose a team")), *by_agency.items()]

    def clean_team(self) -> str:
        """23.4 leaves it open whether two teams of one agency may disagree here; the policy says so, and where it goes instead."""
        chosen, document = self.cleaned_data["team"], self.about.document
        team = next((team for team in self.about.teams if str(team.pk) == chosen), None)
        if document.within_one_agency or team is None or team.agency_id != self.about.draft.post.team.agency_id:
            return chosen
        elsewhere = next((one.goes_to for one in document.signposts if one.key == "one_agency"), _("your agency’s own procedure"))
        said = _("This team is of your own agency. That belongs elsewhere: %(elsewhere)s. Choose a team of another agency")
        raise django_forms.ValidationError(said, code="one agency", params={"elsewhere": elsewhere})


class WhoThere(Question):
    slug, number = "who-there", 6
    title = gettext_lazy("Who in that team?")

    in_short = {"told_at": gettext_lazy("Told already")}

    place = fields.ChoiceField(label=title, heading=True, empty=gettext_lazy("Choose the person, or say that you do not know who"))
    told_at = fields.MomentField(
        label=gettext_lazy("Have you already told them, in person or by phone, and when? (optional)"),
        help_text=gettext_lazy("Then the time for their answer counts from that moment. For example 6 3 2026, 2.30pm."),
        called=gettext_lazy("The time at which you told them"),
        not_future=True,
        required=False,
    )

    @classmethod
    def applies(cls, about: About) -> bool:
        return bool(about.typed(Who.slug).get("team"))

    def offer(self) -> None:
        field: Any = self.fields["place"]
        not_yet = _("Not on Accord yet: their answer will be recorded for them.")
        held = [post for post in self.about.places if post.is_held]
        field.help_text = str(self.about.team or "")
        field.choices = [
            *((str(post.pk), _named(post)) for post in self.about.places),
            (NOBODY_IN_PARTICULAR, _("I do not know who: ask the whole team")),
        ]
        whole = (
            ngettext(
                "%(number)d person there is on Accord and will be asked.",
                "%(number)d people there are on Accord and will all be asked.",
                len(held),
            )
            % {"number": len(held)}
            if held
            else _("Nobody in this team is on Accord yet: their answer will be recorded for them.")
        )
        field.widget.hints = {str(post.pk): not_yet for post in self.about.places if not post.is_held} | {NOBODY_IN_PARTICULAR: whole}
        if len(self.about.places) > FEW:
            field.widget = django_forms.Select()
            field.choices = [("", _("Choose a person")), *field.choices]

    def clean_told_at(self) -> dt.datetime | None:
        told = self.cleaned_data["told_at"]
        if told and told < timezone.now() - dt.timedelta(days=MOST_DAYS_TOLD):
            said = _("The time at which you told them must be in the last %(days)d days: tell them again, or leave it empty")
            figures = {"days": MOST_DAYS_TOLD, "parts": fields.MomentField.parts}
            raise django_forms.ValidationError(said, code="long ago", params=figures)
        return told

    @property
    def post(self) -> Post | None:
        """The place chosen; None: the whole team."""
        return next((post for post in self.about.places if str(post.pk) == self.typed.get("place")), None)


def _named(post: Post) -> str:
    """ "Sam Lee, social worker"; a post that nobody on the system holds goes by its title."""
    return f"{post.holder.name}, {post.title}" if post.is_held and post.holder else post.title


# ── 7 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Support(Question):
    slug, number = "support", 7
    title = gettext_lazy("Who supports you?")
    in_short = {
        "consulted": gettext_lazy("Consulted already"),
        "supporters": gettext_lazy("At your side"),
        "readers": gettext_lazy("May read this draft"),
    }

    consulted = fields.WordsField(
        label=gettext_lazy("Whom have you consulted already? (optional)"),
        help_text=gettext_lazy("For example your manager, adviser or a colleague, and what they said."),
        required=False,
        rows=3,
    )
    supporters = fields.ChoicesField(
        label=gettext_lazy("Who should be at your side? (optional)"),
        help_text=gettext_lazy("Nobody has to pursue this alone. They will be told when you send it, and can see all of it."),
        required=False,
    )
    readers = fields.ChoicesField(
        label=gettext_lazy("Let a colleague read this draft before you send it (optional)"),
        help_text=gettext_lazy("They find it under “Raise a disagreement” and cannot change it. Tell them that it is there."),
        required=False,
    )

    def offer(self) -> None:
        posts = self.about.colleagues
        for name in ("supporters", "readers"):
            if not posts:
                del self.fields[name]
        if posts:
            self.fields["supporters"].choices = [(str(post.pk), _at(post, self.about.draft.post.team)) for post in posts]  # type: ignore[attr-defined]
            people = {post.holder_id: _at(post, self.about.draft.post.team) for post in reversed(posts)}
            self.fields["readers"].choices = [(str(pk), label) for pk, label in reversed(people.items())]  # type: ignore[attr-defined]

    def reading_people(self) -> set[uuid.UUID]:
        return {uuid.UUID(pk) for pk in self.cleaned_data.get("readers", [])}


def _at(post: Post, own: Team) -> str:
    """A colleague's name and post, with the team where it is another."""
    name = f"{post.holder.name if post.holder else ''}, {post.title}"
    return name if post.team_id == own.pk or not post.team.name else f"{name}, {post.team.name}"


QUESTIONS: tuple[type[Question], ...] = (RightProcedure, Elsewhere, Children, What, Why, SafeNow, ActFirst, Who, WhoThere, Support)
BY_SLUG = {question.slug: question for question in QUESTIONS}


def asked(about: About) -> list[type[Question]]:
    """The pages that this draft is asked, in their order."""
    return [question for question in QUESTIONS if question.applies(about)]


class Beginning(forms.Form):
    """From which post, where a person holds several or their agency sits in several partnerships."""

    place = fields.ChoiceField(
        label=gettext_lazy("From which of your posts are you raising it?"),
        label_size="m",
        empty=gettext_lazy("Choose the post from which you are raising it"),
    )

    def __init__(self, data: Any = None, *, places: Mapping[str, str]) -> None:
        super().__init__(data)
        self.fields["place"].choices = list(places.items())  # type: ignore[attr-defined]


def held_by(person: User) -> list[Post]:
    """The posts from which this person may raise: any that they hold, whatever the rank (23.14)."""
    return list(Post.objects.filter(holder=person, ended_on=None).select_related("team__agency"))
