"""The form of one move: inviting somebody who has no account, to answer for the other side or to support one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms as django_forms
from django.core.validators import EmailValidator
from django.db import connection
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import invitations
from accounts.invitations import CannotInvite
from accounts.models import Agency, Invitation, Post, User
from disputes.models import Entry, Side
from disputes.stages import Capacity, SideKind
from escalation.move_form import MoveForm
from escalation.refusals import MoveRefused
from pages import fields


class InviteSomebody(MoveForm):
    happens = gettext_lazy(
        "We email them a link. You get a code of six digits, and tell it to them by phone. "
        "They see this disagreement once they have joined, and not before."
    )
    submit = gettext_lazy("Invite them")
    whom = fields.ChoiceField(label=gettext_lazy("Whom do you invite?"), empty=gettext_lazy("Choose whom you invite"))
    full_name = fields.LineField(
        label=gettext_lazy("What is their name?"),
        help_text=gettext_lazy("The person who works there. Not a child, and nobody of a family."),
        called=gettext_lazy("The name"),
        empty=gettext_lazy("Enter their name"),
        max_length=120,
    )
    email = fields.LineField(
        label=gettext_lazy("What is their work email address?"),
        help_text=gettext_lazy("Their own, not one that a team shares."),
        called=gettext_lazy("The email address"),
        empty=gettext_lazy("Enter their work email address"),
        max_length=254,
        validators=[EmailValidator(gettext_lazy("Enter an email address in the correct format, like name@example.com"))],
        widget=django_forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    post = fields.ChoiceField(
        label=gettext_lazy("Which post do they hold?"),
        help_text=gettext_lazy("Posts that nobody on the system holds yet."),
        widget=django_forms.Select,
        required=False,
    )

    def ask(self) -> None:
        """Somebody of the side that is not on the system, if one's own raised it; and always a colleague."""
        seat = self.occasion.actor.party_seat()
        self.own = seat.side if seat else None
        self.absent = _absent_side(self)
        whom = [(Capacity.RESPONDER, _("Somebody at %(side)s, who answers") % {"side": self.absent})] if self.absent else []
        if self.own:
            whom.append((Capacity.SUPPORTER, _("A colleague at %(agency)s, who supports you") % {"agency": self.own.team.agency}))
        self.let_choose("whom", whom)
        self.initial["whom"] = whom[0][0] if whom else None
        if self.own and len(whom) == 1:
            self.fields["full_name"].label = _("What is your colleague’s name?")
            self.fields["full_name"].help_text = _("Somebody at %(agency)s who supports you.") % {"agency": self.own.team.agency}
            self.fields["whom"].disabled = True  # nothing to choose, whatever is posted
        self.posts = self._vacant()
        groups: dict[str, list[tuple[str, str]]] = {}
        for post in self.posts.values():
            groups.setdefault(str(post.team), []).append((str(post.pk), post.title))
        if groups:
            self.let_choose("post", [("", _("None of these")), *groups.items()])
            if self.absent and str(self.absent.post_id) in self.posts:
                self.initial["post"] = str(self.absent.post_id)  # the place that was asked
        else:
            del self.fields["post"]

    @property
    def main_fields(self) -> list[django_forms.BoundField]:
        return [bound for bound in super().main_fields if not bound.field.disabled]

    def _vacant(self) -> dict[str, Post]:
        """Practitioners' posts of the absent team and of one's own which nobody holds and for whose coming holder no seat waits here.
        Who manages whom is for their agency's administrator to say."""
        posts = Post.objects.filter(ended_on=None, holder=None, level=0).select_related("team__agency").order_by("team__name", "title")
        waited_for = [seat.post_id for seat in self.occasion.standing.seats if seat.post_id]
        theirs = posts.filter(team=self.absent.team_id) if self.absent else posts.none()
        ours = posts.filter(team=self.own.team_id) if self.own else posts.none()
        return {str(post.pk): post for post in [*theirs, *ours] if post.pk not in waited_for}

    def clean_email(self) -> str:
        """Who sits here and can act needs no invitation."""
        address = invitations.normal(self.cleaned_data["email"])
        if any(seat.person.email == address and seat.person.is_active for seat in self.occasion.standing.seats):
            raise django_forms.ValidationError(_("This person takes part already"), code="seated")
        return address

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        post = self.posts.get(cleaned.get("post") or "")
        if post and cleaned.get("whom") and not self._fits(post):
            self.add_error("post", _("Choose a post of the side for which you invite them, or “None of these”"))
        return cleaned

    def _fits(self, post: Post) -> bool:
        if self._is_for_the_absent():
            return bool(self.absent and post.team_id == self.absent.team_id)
        return bool(self.own and post.team_id == self.own.team_id)

    def _is_for_the_absent(self) -> bool:
        return self.cleaned_data["whom"] == Capacity.RESPONDER

    # ── what it makes of the answers

    def make_ready(self) -> None:
        """The person, who sees nothing until they join; and the post in which they will sit."""
        cleaned = self.cleaned_data
        side = self.absent if self._is_for_the_absent() else self.own
        assert side is not None  # noqa: S101 - it could not be chosen otherwise
        self.agency: Agency = side.team.agency
        self.person = invitations.find_or_make(cleaned["email"], cleaned["full_name"], self.agency)
        chosen = self.posts.get(cleaned.get("post") or "")
        self.place = _held_by(self.person, side) if self.person.is_active else chosen if chosen and _is_free(chosen, self.person) else None

    def words(self) -> dict[str, str]:
        """Nothing that is typed here is anybody's account of the case."""
        return {}

    def facts(self) -> dict[str, Any]:
        facts = {"person": str(self.person.pk), "capacity": str(self.cleaned_data["whom"])}
        return facts | ({"post": str(self.place.pk)} if self.place else {})

    def follow(self, entry: Entry) -> None:
        """The invitation itself. Where they have joined before, they are told of their seat like everybody else."""
        by: User = self.occasion.actor.person
        if self.person.is_active:
            return
        try:
            invitations.invite(
                by,
                self.person.email,
                self.person.name,
                agency=self.agency,
                post=self.place,
                partnership=entry.partnership,
                now=self.occasion.now,
            )
        except CannotInvite as refused:
            raise MoveRefused(str(refused)) from refused

    @classmethod
    def leads_to(cls, entry: Entry, by: User) -> str:
        made = Invitation.objects.filter(invited_by=by, person=entry.facts["person"], taken_up_at=None).order_by("-made_at").first()
        if made is None:
            return ""
        return reverse("invitation-code", args=[made.pk]) + f"?disagreement={entry.disagreement.reference}"

    @classmethod
    def repeats(cls, data: Mapping[str, str], entry: Entry) -> bool:
        known = User.objects.filter(pk=entry.facts.get("person")).values_list("email", flat=True).first()
        return invitations.normal(data.get("email", "")) == known


def _absent_side(form: MoveForm) -> Side | None:
    """The side that was asked and has nobody on the system, as the side that raised it finds it."""
    standing = form.occasion.standing
    if form.occasion.actor.party_seat(SideKind.RAISING) is None:
        return None
    return next((side for side in standing.sides_of(SideKind.RESPONDING) if not standing.is_on_system(side)), None)


def _held_by(person: User, side: Side) -> Post | None:
    """The post from which somebody who has an account already takes part."""
    held = Post.objects.filter(holder=person, ended_on=None, team__agency=side.team.agency_id).order_by("level")
    return held.filter(team=side.team_id).first() or (held.first() if side.kind != SideKind.RESPONDING else None)


def _is_free(post: Post, person: User) -> bool:
    """Whether nobody else waits to hold it, at any disagreement: whoever holds a post sees what it sees. If somebody does, this person
    gets a seat of their own, and nobody learns why."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT accord_free_for(%s, %s)", [post.pk, person.pk])
        (free,) = cursor.fetchone()
    return bool(free)
