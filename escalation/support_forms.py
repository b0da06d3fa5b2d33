"""Support for whoever raises or answers (23.14): a colleague writes for them in their own name, or puts their name beside what they say."""

from __future__ import annotations

from django import forms as django_forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from disputes.stages import ACTING
from escalation.move_form import MoveForm, posts_at, say_post
from pages import fields


class LetWrite(MoveForm):
    happens = gettext_lazy(
        "Your colleague can answer, talk, propose and confirm for your side at this step, and so can you. What they write stands in the "
        "record under their own name, as writing for you. Taking it up the line, or withdrawing it, stays with whoever raised it."
    )
    submit = gettext_lazy("Let them write for me")
    fact_names = ("post",)
    post = fields.ChoiceField(
        label=gettext_lazy("Which colleague?"),
        help_text=gettext_lazy("Somebody of your own agency, for example a named professional or your safeguarding lead."),
        widget=django_forms.Select,
        empty=gettext_lazy("Choose a colleague"),
    )
    note = fields.WordsField(
        label=gettext_lazy("What would help you? (optional)"), help_text=gettext_lazy("Both sides can read this."), rows=3, required=False
    )

    def ask(self) -> None:
        seat = self.occasion.actor.acting_seat(self.occasion.disagreement)
        seats = self.occasion.standing.seats
        taken = {one.person_id for one in seats if one.capacity in ACTING or (seat and one.side_id != seat.side_id)}
        posts = posts_at(seat.side, 0) if seat and seat.side else []
        free = [post for post in posts if post.holder_id not in taken]
        supporting = {one.person_id for one in seats if seat and one.side_id == seat.side_id}
        free.sort(key=lambda post: post.holder_id not in supporting)  # who is at their side already comes first
        self.let_choose("post", [("", _("Choose a person")), *((str(post.pk), say_post(post)) for post in free)])


class CoSign(MoveForm):
    happens = gettext_lazy("Your name and post stand on the page beside what your side says. It binds nobody, and moves nothing.")
    submit = gettext_lazy("Put my name beside it")
    note = fields.WordsField(
        label=gettext_lazy("What do you want to add? (optional)"),
        help_text=gettext_lazy("Both sides can read this."),
        rows=3,
        required=False,
    )
