"""What the keeper of a directory is asked: an agency, a team, a post, a person, who takes over, a file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

from django import forms as django_forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import directory
from accounts.directory import HIGHEST_LEVEL, Directory, level_name
from accounts.models import Agency, Partnership, Post, Team, User
from pages import fields, forms

MOST_SUGGESTED = 500  # people whom the browser offers while an address is typed
STATES = [
    ("", gettext_lazy("Everybody who has not left")),
    ("working", gettext_lazy("Can sign in")),
    ("invited", gettext_lazy("Not joined yet")),
    ("blocked", gettext_lazy("Signing in blocked")),
    ("without", gettext_lazy("Without a post")),
    ("left", gettext_lazy("Left")),
]


class EmailLine(fields.LineField):
    """A work e-mail address, in lower case; `suggest` names the list of people whom the browser offers."""

    called = gettext_lazy("The email address")

    def __init__(self, *, suggest: str = "", **options: Any) -> None:
        attrs = {"autocomplete": "off", "spellcheck": "false", "inputmode": "email"} | ({"list": suggest} if suggest else {})
        options.setdefault("widget", django_forms.TextInput(attrs=attrs))
        super().__init__(max_length=254, **options)

    def clean(self, value: Any) -> str:
        email = super().clean(value).strip().lower()
        if email:
            try:
                validate_email(email)
            except ValidationError:
                raise ValidationError(_("Enter an email address in the form name@example.org")) from None
        return email


class PersonLine(EmailLine):
    """Somebody of the agency, by address; cleans to the person, or None where it may be left empty."""

    def __init__(self, *, agency: Agency | None = None, at_work: bool = False, **options: Any) -> None:
        self.agency, self.at_work = agency, at_work
        super().__init__(suggest="people", **options)

    def prepare_value(self, value: Any) -> Any:
        return value.email if isinstance(value, User) else value

    def clean(self, value: Any) -> Any:
        email = super().clean(value)
        if not email:
            return None
        found = directory.somebody(self.agency, email, at_work=self.at_work) if self.agency else None
        if found is None:
            said = (
                _("Nobody at %(agency)s who can sign in has this address") if self.at_work else _("Nobody at %(agency)s has this address")
            )
            raise ValidationError(said % {"agency": self.agency})
        return found


def suggested(found: Directory, *, at_work: bool = False) -> list[User]:
    """Whom the browser offers in the boxes for people."""
    people = found.people().filter(left_on=None, **({"is_active": True} if at_work else {}))
    return list(people.order_by("name", "pk").only("name", "email")[:MOST_SUGGESTED])


class AgencyForm(forms.Form):
    """An agency joins the partnership."""

    name = fields.LineField(
        label=gettext_lazy("What is the agency called?"),
        called=gettext_lazy("The name"),
        max_length=120,
        empty=gettext_lazy("Enter its name"),
    )
    same = fields.TickField(label=gettext_lazy("It is the same agency"), required=False)

    def __init__(self, *args: Any, partnership: Partnership, **options: Any) -> None:
        super().__init__(*args, **options)
        self.partnership = partnership
        self.known: Agency | None = None
        if (self.is_bound and not self._is_known_elsewhere()) or not self.is_bound:
            del self.fields["same"]

    def _is_known_elsewhere(self) -> bool:
        name = str(self.data.get("name") or "").strip()
        self.known = Agency.objects.filter(name__iexact=name).first() if name and "\0" not in name else None
        return self.known is not None and not self.known.partnerships.filter(pk=self.partnership.pk).exists()

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if self.known and "same" not in self.fields:
            self.add_error("name", _("This agency is in your partnership already"))
        elif self.known and not found.get("same"):
            said = _(
                "An agency of this name works in another partnership. Tick if it is the same one; else enter a name that tells them apart."
            )
            self.add_error("same", said)
        return found


class TeamForm(forms.Form):
    """A team's name and whom to ring out of hours."""

    name = fields.LineField(
        label=gettext_lazy("What is the team called?"),
        help_text=gettext_lazy("An agency with one team only, like a small surgery, may leave this empty."),
        called=gettext_lazy("The name"),
        max_length=120,
        required=False,
    )
    out_of_hours = fields.LineField(
        label=gettext_lazy("Telephone out of hours (optional)"),
        help_text=gettext_lazy("Shown on the page that people print for a night without Accord."),
        called=gettext_lazy("The telephone number"),
        max_length=120,
        required=False,
        width=20,
    )

    def __init__(self, *args: Any, agency: Agency, team: Team | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.others = Team.objects.filter(agency=agency).exclude(pk__in=[team.pk] if team else [])

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if self.others.filter(name__iexact=name).exists():
            raise ValidationError(_("There is a team of this name already") if name else _("Enter what the team is called"))
        return name


class Place(NamedTuple):
    """One post, as a list to choose from says it."""

    pk: UUID
    title: str
    level: int
    team: str
    holder: str | None
    reports_to: UUID | None


def _places_of(agency: Agency, post: Post | None) -> list[Place]:
    """The posts of the agency, and those that this post names now: they may belong to another agency."""
    named = [key for key in (post.reports_to_id, post.adviser_id) if key] if post else []
    found = Post.objects.filter(Q(team__agency=agency, ended_on=None) | Q(pk__in=named)).order_by("team__name", "-level", "title", "pk")
    columns = ("pk", "title", "level", "team__name", "team__agency__name", "holder__name", "reports_to")
    rows = found.values_list(*columns)
    return [Place(pk, title, level, team or of, holder, above) for pk, title, level, team, of, holder, above in rows]


def _post(key: str) -> Post | None:
    """One of the choices: the form has checked that it is."""
    return Post.objects.select_related("holder").get(pk=key) if key else None


class PostForm(forms.Form):
    """A place in a team: what it is called, how senior it is, above and beside it, and who holds it."""

    title = fields.LineField(
        label=gettext_lazy("What is the post called?"),
        called=gettext_lazy("The title"),
        max_length=120,
        empty=gettext_lazy("Enter the title of the post"),
    )
    team = fields.ChoiceField(label=gettext_lazy("Team"), widget=django_forms.Select(), empty=gettext_lazy("Choose the team"))
    level = fields.ChoiceField(
        label=gettext_lazy("Level"),
        help_text=gettext_lazy("Opposite numbers are found by level: a line manager speaks with a line manager."),
        choices=[(str(level), level_name(level)) for level in range(HIGHEST_LEVEL + 1)],
        widget=django_forms.Select(),
    )
    reports_to = fields.ChoiceField(
        label=gettext_lazy("Reports to"),
        help_text=gettext_lazy("Whom a disagreement goes up to."),
        required=False,
        widget=django_forms.Select(),
    )
    adviser = fields.ChoiceField(
        label=gettext_lazy("Adviser (optional)"),
        help_text=gettext_lazy("For example the named nurse, who may speak beside the line manager."),
        required=False,
        widget=django_forms.Select(),
    )
    holder = PersonLine(
        label=gettext_lazy("Who holds it?"),
        help_text=gettext_lazy("Their work email address. Leave empty when the post is vacant."),
        required=False,
    )

    key = django_forms.UUIDField(widget=django_forms.HiddenInput(), required=False)  # of a new one: sent twice, it is one post

    def __init__(self, *args: Any, found: Directory, post: Post | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.post = post
        if post:
            del self.fields["key"]
        self.teams = {str(team.pk): team for team in Team.objects.filter(agency=found.agency).select_related("agency")}
        self.places = _places_of(found.agency, post)
        self.fields["team"].choices = [(key, team.name or team.agency.name) for key, team in self.teams.items()]  # type: ignore[attr-defined]
        self.fields["reports_to"].choices = [("", _("Nobody"))] + self._choices(least=1)  # type: ignore[attr-defined]
        least = 0 if len(self.places) <= MOST_SUGGESTED else 1  # a list of thousands is no help; a file names anybody
        self.fields["adviser"].choices = [("", _("None"))] + self._choices(least)  # type: ignore[attr-defined]
        self.fields["holder"].agency = found.agency  # type: ignore[attr-defined]

    def _choices(self, least: int) -> list[Any]:
        """The posts by team, without this one."""
        now = (self.post.reports_to_id, self.post.adviser_id) if self.post else ()
        teams: dict[str, list[tuple[str, str]]] = {}
        for place in self.places:
            if (place.level >= least or place.pk in now) and not (self.post and place.pk == self.post.pk):
                teams.setdefault(place.team, []).append((str(place.pk), f"{place.title}, {place.holder or _('vacant')}"))
        return list(teams.items())

    def clean_reports_to(self) -> Post | None:
        above = _post(self.cleaned_data["reports_to"])
        lines = {place.pk: place.reports_to for place in self.places}
        if self.post and directory.makes_a_loop(self.post, above, lines):
            raise ValidationError(_("This would make a loop: that post reports to this one, directly or through others"))
        return above

    def clean_adviser(self) -> Post | None:
        return _post(self.cleaned_data["adviser"])

    def clean_level(self) -> int:
        return int(self.cleaned_data["level"])

    def clean_team(self) -> Team:
        return self.teams[self.cleaned_data["team"]]


class NameAndAddress(forms.Form):
    """A person's name and work address, to be put right."""

    name = fields.LineField(
        label=gettext_lazy("Name"), called=gettext_lazy("The name"), max_length=120, empty=gettext_lazy("Enter their name")
    )
    email = EmailLine(
        label=gettext_lazy("Work email address"),
        help_text=gettext_lazy("They sign in with it, and mails go there."),
        empty=gettext_lazy("Enter their work email address"),
    )

    def __init__(self, *args: Any, person: User | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.person = person

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if email and User.objects.filter(email=email).exclude(pk__in=[self.person.pk] if self.person else []).exists():
            raise ValidationError(_("Somebody has an account with this address already"))
        return email


class NewPerson(NameAndAddress):
    """Somebody who joins: who they are, and the vacant post that is theirs."""

    post = fields.ChoiceField(
        label=gettext_lazy("Post (optional)"),
        help_text=gettext_lazy("Vacant posts. You may also give them a post later."),
        required=False,
        widget=django_forms.Select(),
    )

    def __init__(self, *args: Any, found: Directory, **options: Any) -> None:
        super().__init__(*args, **options)
        self.vacant = {str(post.pk): post for post in found.posts().filter(holder=None)}
        choices = [(key, f"{post.title}, {post.team.name or post.team.agency.name}") for key, post in self.vacant.items()]
        self.fields["post"].choices = [("", _("None yet")), *choices]  # type: ignore[attr-defined]

    def clean_post(self) -> Post | None:
        return self.vacant.get(self.cleaned_data["post"])


class Search(forms.Form):
    """Narrows a long list down."""

    text = fields.LineField(
        label=gettext_lazy("Name, address or post"), called=gettext_lazy("What you look for"), required=False, max_length=100, width=20
    )


class SearchPeople(Search):
    state = fields.ChoiceField(label=gettext_lazy("Who"), choices=STATES, required=False, widget=django_forms.Select())


class SearchPosts(Search):
    vacant = fields.TickField(label=gettext_lazy("Only vacant posts"), required=False)


class Successors(forms.Form):
    """Who takes over each post of somebody who leaves. A post with something open needs a person; the others may stay vacant."""

    def __init__(self, *args: Any, posts: Iterable[Post], open_seats: dict[Any, int], agency: Agency, leaver: User, **options: Any) -> None:
        super().__init__(*args, **options)
        self.leaver = leaver
        self.posts = list(posts)
        for post in self.posts:
            number = open_seats.get(post.pk, 0)
            said = directory.say_open(number)
            self.fields[self.name_of(post)] = PersonLine(
                agency=agency,
                at_work=bool(number),
                label=_("Who takes over as %(post)s?") % {"post": post.title},
                help_text=(
                    _("%(team)s. %(number)s: it needs somebody who can sign in. Their work email address.")
                    % {"team": post.team.name or agency, "number": said}
                    if number
                    else _("%(team)s. Nothing is open: leave empty to keep the post vacant.") % {"team": post.team.name or agency}
                ),
                required=bool(number),
                empty=_("Enter who takes over as %(post)s") % {"post": post.title},
            )

    @staticmethod
    def name_of(post: Post) -> str:
        return f"post_{post.pk.hex}"

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        for post in self.posts:
            if found.get(self.name_of(post)) == self.leaver:
                self.add_error(self.name_of(post), _("Name somebody else: this is the person who leaves"))
        return found

    @property
    def chosen(self) -> dict[Post, User | None]:
        return {post: self.cleaned_data[self.name_of(post)] for post in self.posts}
