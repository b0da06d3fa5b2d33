"""What a representative is asked about a general issue, and what a subgroup is asked about its themes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django import forms as django_forms
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.directory_forms import EmailLine
from accounts.models import Appointment, Partnership, User
from learning import marking
from learning.membership import people_of
from learning.models import About, Decision, LearningPoint, Subgroup, Theme
from pages import fields, forms, times

KEEP = "keep"
NEW = "new"
LONGEST = 1500  # a briefing of all of it stays within two pages


def shortened(text: str, longest: int = 160) -> str:
    """The beginning of what somebody wrote, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


# ── the agency's representative ─────────────────────────────────────────────────────────────────────────────────────


class ReferralForm(forms.Form):
    """Which subgroup considers it; or kept in the agency, and why."""

    where = fields.ChoiceField(
        label=gettext_lazy("Where does it go?"), choices=[], empty=gettext_lazy("Choose a subgroup, or that it stays in the agency")
    )
    reason = fields.WordsField(
        label=gettext_lazy("Why it stays in the agency"),
        help_text=gettext_lazy("Only if it stays: what the agency does about it, without naming anyone."),
        called=gettext_lazy("The reason"),
        rows=4,
        max_length=LONGEST,
        required=False,
    )

    def __init__(self, *args: Any, point: LearningPoint, **options: Any) -> None:
        super().__init__(*args, **options)
        self.subgroups = {str(one.pk): one for one in working_subgroups([point.partnership_id])}
        stay = (KEEP, _("It stays in %(agency)s") % {"agency": point.agency.name})
        self.fields["where"].choices = [*((key, one.name) for key, one in self.subgroups.items()), stay]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("where") == KEEP and not given.get("reason") and "reason" not in self.errors:
            self.add_error("reason", _("Say why it stays in the agency"))
        return given

    @property
    def subgroup(self) -> Subgroup | None:
        return self.subgroups.get(self.cleaned_data["where"])


def working_subgroups(partnerships: Iterable[UUID]) -> list[Subgroup]:
    """Those that have not ended."""
    found = Subgroup.objects.filter(partnership__in=list(partnerships)).select_related("partnership").order_by(Lower("name"))
    today = timezone.localdate()
    return [one for one in found if one.ended_on is None or one.ended_on >= today]


def points_in(theme: Theme) -> list[LearningPoint]:
    """Those of a theme; none for whoever may not read them."""
    return list(LearningPoint.objects.filter(placed__theme=theme))


# ── the subgroup ────────────────────────────────────────────────────────────────────────────────────────────────────


class OfATheme(forms.Form):
    """Words about a theme, for everybody: marked where they may identify somebody."""

    def look_at(self, points: Iterable[LearningPoint]) -> None:
        """Learns what the children of these are called, where the reader knows it. Mostly it cannot be known, and the page says so."""
        self.known, knows_all = marking.known_of(point.disagreement_id for point in points)
        self.names_unknown = not knows_all


class ThemeForm(OfATheme):
    """Points seen as one: a title, what it is about, a summary, and for a new theme which points."""

    title = fields.LineField(
        label=gettext_lazy("What is the theme called?"),
        help_text=gettext_lazy("A few words that everybody understands, for example “Reasons in letters that decline a referral”."),
        called=gettext_lazy("The title"),
        max_length=120,
        empty=gettext_lazy("Enter what the theme is called"),
    )
    about = fields.ChoiceField(
        label=gettext_lazy("What is it about?"), choices=About.choices, empty=gettext_lazy("Choose what it is about")
    )
    summary = fields.WordsField(
        label=gettext_lazy("What happens, in general?"),
        help_text=gettext_lazy("Everybody in the partnership reads this once something has changed. Name no one."),
        called=gettext_lazy("The summary"),
        rows=6,
        max_length=LONGEST,
        empty=gettext_lazy("Say what happens, in general"),
    )
    identifies_no_one = marking.confirming()
    subgroup = fields.ChoiceField(label=gettext_lazy("Which subgroup sees to it?"), choices=[], empty=gettext_lazy("Choose the subgroup"))
    points = fields.ChoicesField(label=gettext_lazy("Which general issues belong to it?"), choices=[], required=False)

    def __init__(
        self, *args: Any, subgroups: list[Subgroup], points: list[LearningPoint] | None = None, theme: Theme | None = None, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.subgroups = {str(one.pk): one for one in subgroups}
        self.unplaced = {str(one.pk): one for one in points or []}
        self.look_at(points_in(theme) if theme else self.unplaced.values())
        several = len({one.partnership_id for one in subgroups}) > 1
        name = "{0.name} ({0.partnership.name})" if several else "{0.name}"
        self.fields["subgroup"].choices = [(key, name.format(one)) for key, one in self.subgroups.items()]  # type: ignore[attr-defined]
        self.fields["points"].choices = [  # type: ignore[attr-defined]
            (key, f"{one.get_about_display()}: {shortened(one.issue)} ({one.agency.name})") for key, one in self.unplaced.items()
        ]
        only = next(iter(self.subgroups)) if len(self.subgroups) == 1 else None
        if only:
            self.fields["subgroup"].required = False
            self.fields["subgroup"].widget = django_forms.HiddenInput()
            self.initial.setdefault("subgroup", only)
        named = ["title", "about", "summary", *([] if only else ["subgroup"])]
        self.sections = [("", named), *([(_("General issues"), ["points"])] if theme is None and self.unplaced else [])]  # type: ignore[misc]

    def clean_subgroup(self) -> str:
        return self.cleaned_data["subgroup"] or (next(iter(self.subgroups)) if len(self.subgroups) == 1 else "")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        subgroup = self.subgroups.get(given.get("subgroup", ""))
        chosen = [self.unplaced[key] for key in given.get("points", [])]
        if subgroup and any(point.partnership_id != subgroup.partnership_id for point in chosen):
            self.add_error("points", _("Choose general issues of the subgroup’s own partnership"))
        marking.check(self, ["title", "summary"], self.known)
        return given

    @property
    def chosen_subgroup(self) -> Subgroup:
        return self.subgroups[self.cleaned_data["subgroup"]]

    @property
    def chosen_points(self) -> list[LearningPoint]:
        return [self.unplaced[key] for key in self.cleaned_data["points"]]


class PlaceForm(forms.Form):
    """To which theme a general issue belongs."""

    theme = fields.ChoiceField(label=gettext_lazy("Which theme does it belong to?"), choices=[], empty=gettext_lazy("Choose a theme"))

    def __init__(self, *args: Any, themes: list[Theme], **options: Any) -> None:
        super().__init__(*args, **options)
        self.themes = {str(one.pk): one for one in themes}
        new = (NEW, _("A new theme"))
        self.fields["theme"].choices = [*((key, one.title) for key, one in self.themes.items()), new]  # type: ignore[attr-defined]


class DecisionForm(OfATheme):
    """What is decided about a theme, who sees to it and by when. No change needs a reason instead of an owner."""

    kind = fields.ChoiceField(
        label=gettext_lazy("What did the subgroup decide?"), choices=Decision.Kind.choices, empty=gettext_lazy("Choose what was decided")
    )
    what = fields.WordsField(
        label=gettext_lazy("What will be done?"),
        help_text=gettext_lazy("Or why nothing changes: those who raised it are told that reason. Name no one."),
        called=gettext_lazy("What will be done"),
        rows=5,
        max_length=LONGEST,
        empty=gettext_lazy("Say what will be done, or why nothing changes"),
    )
    identifies_no_one = marking.confirming()
    owner = fields.ChoiceField(
        label=gettext_lazy("Who sees to it?"),
        help_text=gettext_lazy("Leave this, and the date, if nothing changes."),
        choices=[],
        required=False,
        widget=django_forms.Select(),
    )
    email = EmailLine(
        label=gettext_lazy("Or somebody else, by their work email address"),
        help_text=gettext_lazy("Anybody who works in an agency of the partnership."),
        required=False,
    )
    due_on = fields.DayField(label=gettext_lazy("By when?"), called=gettext_lazy("The date"), not_past=True, required=False)

    sections = [("", ["kind", "what"]), (gettext_lazy("Who and by when"), ["owner", "email", "due_on"])]

    def __init__(self, *args: Any, theme: Theme, **options: Any) -> None:
        super().__init__(*args, **options)
        self.theme = theme
        self.look_at(points_in(theme))
        held = Appointment.objects.on(timezone.localdate()).filter(partnership=theme.partnership_id).select_related("person", "agency")
        self.owners = {str(one.person_id): one.person for one in held}
        offices: dict[str, list[str]] = {}
        for one in held:
            offices.setdefault(str(one.person_id), []).append(one.agency.name if one.agency else one.get_office_display())
        choices = sorted((person.name, key) for key, person in self.owners.items())
        named = [(key, f"{name}, {', '.join(dict.fromkeys(offices[key]))}") for name, key in choices]
        self.fields["owner"].choices = [("", _("Choose a person")), *named]  # type: ignore[attr-defined]

    def clean_email(self) -> User | None:
        email = self.cleaned_data["email"]
        if not email:
            return None
        person = people_of(self.theme.partnership_id).filter(email=email).first()
        if person is None:
            raise django_forms.ValidationError(_("Nobody in this partnership has this address. Check it, or choose a person in the list."))
        return person

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        owner = self.owners.get(given.get("owner", "")) or given.get("email")
        if given.get("owner") and given.get("email"):
            self.add_error("email", _("Choose a person or enter an address, not both"))
        if given.get("kind") == Decision.Kind.NO_CHANGE:
            for name in ("owner", "email", "due_on"):
                if given.get(name):
                    self.add_error(name, _("Leave this: nothing changes, so nobody has anything to see to"))
        elif given.get("kind"):
            if not owner and not {"owner", "email"} & set(self.errors):
                self.add_error("owner", _("Choose who sees to it: a decision without an owner is not done"))
            if not given.get("due_on") and "due_on" not in self.errors:
                self.add_error("due_on", _("Enter by when"))
        given["person"] = owner
        marking.check(self, ["what"], self.known)
        return given


class DoneForm(OfATheme):
    """What changed, since when, and how anybody can see it."""

    what_changed = fields.WordsField(
        label=gettext_lazy("What changed?"),
        help_text=gettext_lazy("This is told back to those who raised it, and everybody in the partnership reads it. Name no one."),
        called=gettext_lazy("What changed"),
        rows=5,
        max_length=LONGEST,
        empty=gettext_lazy("Say what changed"),
    )
    identifies_no_one = marking.confirming()
    done_on = fields.DayField(
        label=gettext_lazy("Since when?"),
        called=gettext_lazy("The day it changed"),
        not_future=True,
        empty=gettext_lazy("Enter since when"),
    )
    evidence = fields.WordsField(
        label=gettext_lazy("How do you know?"),
        help_text=gettext_lazy("The evidence: for example where the new protocol is kept, an audit, figures. The subgroup reads it."),
        called=gettext_lazy("The evidence"),
        rows=4,
        max_length=LONGEST,
        empty=gettext_lazy("Say how you know that it changed"),
    )

    sections = [("", ["what_changed"]), ("", ["done_on", "evidence"])]

    def __init__(self, *args: Any, decision: Decision, **options: Any) -> None:
        super().__init__(*args, **options)
        self.decision = decision
        self.look_at(points_in(decision.theme))

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        decided = timezone.localdate(self.decision.decided_at)
        if (day := given.get("done_on")) and day < decided:
            self.add_error("done_on", _("It was decided on %(day)s, so it cannot have changed before") % {"day": times.day(decided)})
        marking.check(self, ["what_changed"], self.known)
        return given


# ── the office ──────────────────────────────────────────────────────────────────────────────────────────────────────


class SubgroupForm(forms.Form):
    """A subgroup of the partnership, and the day on which it ended."""

    name = fields.LineField(
        label=gettext_lazy("What is the subgroup called?"),
        called=gettext_lazy("The name"),
        max_length=100,
        empty=gettext_lazy("Enter what the subgroup is called"),
    )
    ended_on = fields.DayField(
        label=gettext_lazy("When did it end? (optional)"),
        help_text=gettext_lazy("From the next day nothing more is referred to it. Its themes stay."),
        called=gettext_lazy("The day it ended"),
        not_future=True,
        required=False,
    )

    def __init__(self, *args: Any, partnership: Partnership, subgroup: Subgroup | None = None, **options: Any) -> None:
        if subgroup:
            options.setdefault("initial", {"name": subgroup.name, "ended_on": subgroup.ended_on})
        super().__init__(*args, **options)
        self.partnership, self.subgroup = partnership, subgroup
        if subgroup is None:
            del self.fields["ended_on"]

    def clean_name(self) -> str:
        name = self.cleaned_data["name"]
        same = Subgroup.objects.filter(partnership=self.partnership, name__iexact=name)
        if self.subgroup:
            same = same.exclude(pk=self.subgroup.pk)
        if same.exists():
            raise django_forms.ValidationError(_("There is a subgroup of this name already"))
        return name
