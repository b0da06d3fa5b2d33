"""The forms of the moves around the Chair (23.17): asking, considering, naming a mediator, the joint session, what came of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms as django_forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from disputes.models import Disagreement
from disputes.rules import session_lies_ahead
from disputes.stages import MEDIATING
from escalation import joint_session, positions, seating
from escalation.effects import DATES_AT_MOST
from escalation.move_form import MoveForm, happened_field
from pages import fields, times

NONE_SUITS = "none"


# ── asking, and considering ─────────────────────────────────────────────────────────────────────────────────────────


class AskTheChair(MoveForm):
    happens = gettext_lazy("The Chair sees both positions, and accepts or declines. Until then the Chair does not see the whole record.")
    submit = gettext_lazy("Ask the Chair")
    our_position = fields.WordsField(label=gettext_lazy("What is your side’s position?"), empty=gettext_lazy("Enter your side’s position"))
    would_accept = fields.WordsField(
        label=gettext_lazy("What would your side accept?"),
        help_text=gettext_lazy("Besides what you asked for: what would be enough for the child? The other side is asked the same."),
        rows=3,
        empty=gettext_lazy("Enter what your side would accept"),
    )


class AskForMore(MoveForm):
    happens = gettext_lazy("Both sides are asked, and you decide when either has answered. You still see both positions only.")
    submit = gettext_lazy("Ask both sides")
    question = fields.WordsField(
        label=gettext_lazy("What do you need to know before you decide?"),
        help_text=gettext_lazy("Both sides read the same question."),
        empty=gettext_lazy("Enter what you need to know"),
    )


class AnswerTheChair(MoveForm):
    happens = gettext_lazy("It stands beside the other side’s position, where the Chair and both sides read it.")
    submit = gettext_lazy("Tell the Chair")
    answer = fields.WordsField(label=gettext_lazy("What is your side’s position?"), empty=gettext_lazy("Enter your side’s position"))
    would_accept = fields.WordsField(
        label=gettext_lazy("What would your side accept?"),
        help_text=gettext_lazy("What would be enough for the child, even if it is not all that you want."),
        rows=3,
        empty=gettext_lazy("Enter what your side would accept"),
    )

    def ask(self) -> None:
        seat = self.occasion.actor.acting_seat(self.occasion.disagreement)
        asked = positions.question_of_the_chair(self.occasion.disagreement)
        if asked:
            self.fields["answer"].label = _("What is your side’s answer to the Chair?")
            self.fields["answer"].error_messages["required"] = _("Enter your side’s answer to the Chair")
        if seat and seat.side and not self.is_bound:
            self.initial["would_accept"] = positions.would_accept(self.occasion.disagreement, seat.side)


class AcceptMediation(MoveForm):
    happens = gettext_lazy(
        "You see the whole record from now on, and both sides are told what you offer. Each side can then write to you in private. "
        "You mediate: what comes of it is offered, and binds nobody who does not confirm it."
    )
    submit = gettext_lazy("Accept and offer mediation")
    offer = fields.WordsField(
        label=gettext_lazy("What do you offer?"),
        help_text=gettext_lazy("For example when and how you would meet both sides."),
        empty=gettext_lazy("Enter what you offer"),
    )


class DeclineMediation(MoveForm):
    happens = gettext_lazy("It returns to the last step before you. From then on it may also be closed without agreement.")
    submit = gettext_lazy("Decline")
    reasons = fields.WordsField(label=gettext_lazy("What are your reasons?"), empty=gettext_lazy("Enter your reasons"))


# ── who mediates ────────────────────────────────────────────────────────────────────────────────────────────────────


class NameMediator(MoveForm):
    happens: str | Promise = gettext_lazy(
        "Whoever you choose sees the whole record, writes with each side in private, and holds the mediation."
    )
    submit = gettext_lazy("Name them")
    fact_names = ("person",)
    person = fields.ChoiceField(
        label=gettext_lazy("Who mediates for you?"),
        help_text=gettext_lazy("Nobody of an agency that takes part is in the list."),
        widget=django_forms.Select,
        empty=gettext_lazy("Choose who mediates for you"),
    )
    no_stake = fields.WordsField(
        label=gettext_lazy("How do you know that they have no stake in it?"),
        help_text=gettext_lazy("Both sides read this. For example: they have not worked with the family, and both sides were asked."),
        rows=3,
        empty=gettext_lazy("Say how you know that they have no stake in it"),
    )

    def ask(self) -> None:
        d = self.occasion.disagreement
        present = {seat.person_id for seat in d.standing.seats_in("mediator")}
        people = [person for person in seating.who_could_mediate(d) if person.pk not in present]
        places = joint_session.places_of(d.partnership, people, times.local_day(self.occasion.now))
        said = ((str(one.pk), f"{one.name}, {places[one.pk]}" if places.get(one.pk) else one.name) for one in people)
        self.let_choose("person", [("", _("Choose a person")), *said])
        if present:
            names = ", ".join(one.name for one in d.standing.people_in(d.standing.seats_in("mediator")))
            self.happens = _("%(name)s, who mediates now, leaves this disagreement. %(then)s") % {"name": names, "then": self.happens}
        if not people:
            self.fields["person"].help_text = _("There is nobody in the partnership without a stake. Ring the partnership’s office.")


# ── the joint session ───────────────────────────────────────────────────────────────────────────────────────────────

LENGTHS = [
    ("30", gettext_lazy("Half an hour")),
    ("60", gettext_lazy("An hour")),
    ("90", gettext_lazy("An hour and a half")),
    ("120", gettext_lazy("Two hours")),
    ("180", gettext_lazy("Three hours")),
    ("240", gettext_lazy("Four hours")),
    ("480", gettext_lazy("A whole day (8 hours)")),
]
DATES = range(1, DATES_AT_MOST + 1)
ALWAYS_OPEN = 2
EARLIEST, LATEST = dt.time(7), dt.time(21)  # when a session begins without being asked about


class ProposeSession(MoveForm):
    happens: str | Promise = gettext_lazy(
        "Both sides say which dates suit them. The first date that suits both is fixed, and everybody who comes gets it by email for "
        "their calendar. The email names no child."
    )
    submit = gettext_lazy("Propose these dates")
    fold_after = "date_2"
    folded = (("More dates", tuple(f"date_{n}" for n in DATES if n > ALWAYS_OPEN)),)
    place = fields.LineField(
        label=gettext_lazy("Where?"),
        help_text=gettext_lazy("A room and its address, or how to join a call. It stands on the page only, not in emails."),
        called=gettext_lazy("The place"),
        empty=gettext_lazy("Enter where it is, or how to join"),
    )
    agenda = fields.WordsField(
        label=gettext_lazy("What will you talk about?"),
        help_text=gettext_lazy("Begun for you from both positions. Change it as you like."),
        called=gettext_lazy("The agenda"),
        rows=10,
        empty=gettext_lazy("Enter what you will talk about"),
    )
    note = fields.WordsField(label=gettext_lazy("Anything else that both sides should know? (optional)"), rows=3, required=False)

    def ask(self) -> None:
        d = self.occasion.disagreement
        hint = _("As clocks in the UK show it. For example %(when)s.") % {"when": _example(d, self.occasion.now)}
        if d.due_at and d.due_at > self.occasion.now:
            hint += " " + _("The present time limit is %(limit)s.") % {"limit": say_long(d.due_at)}
        for n in DATES:
            needed = n == 1
            self.fields[f"date_{n}"] = fields.MomentField(
                label=_("First date and time") if needed else _("Date and time %(n)d (optional)") % {"n": n},
                called=_("The first date") if needed else _("Date %(n)d") % {"n": n},
                help_text=hint if needed else "",
                not_past=_("The session must lie ahead: enter a date and time that has not passed"),
                required=needed,
                empty=_("Enter at least one date and time"),
            )
        self.fields["minutes"] = fields.ChoiceField(
            label=_("How long will it take?"),
            choices=LENGTHS,
            initial="90",
            widget=django_forms.Select,
            empty=_("Choose how long it will take"),
        )
        self.odd = {name: said for name, date in self._typed_dates().items() if (said := self._what_is_odd(date))}
        if self.odd:
            self._ask_once_more()
        people = d.standing.people_in(d.standing.seats_in(*MEDIATING))
        self.fields["people"] = fields.ChoicesField(
            label=_("Who comes from the partnership?"),
            choices=[(str(person.pk), say_mediating(d, person)) for person in people],
            initial=[str(self.occasion.actor.person.pk)] if any(one.pk == self.occasion.actor.person.pk for one in people) else None,
            empty=_("Choose at least one person who comes"),
        )
        if not self.is_bound:
            self.initial["agenda"] = positions.agenda(d)
            if before := d.standing.session:
                kept = {text.field: text.value for text in d.entries.get(pk=before.entry).texts.all()}
                self.initial.update({name: kept.get(name, "") for name in ("agenda", "place")})
                self.initial["minutes"] = str(before.minutes)
        if session_lies_ahead(d) and d.standing.session and d.standing.session.fixed_at:
            words = {"when": say_long(d.standing.session.fixed_at), "then": self.happens}
            self.happens = _("The session of %(when)s is called off, and everybody is told. %(then)s") % words
        self.order_fields(
            ["date_1", "date_2", "date_3", "date_4", "date_5", "all_the_same", "minutes", "place", "people", "agenda", "note"]
        )

    def _typed_dates(self) -> dict[str, dt.datetime]:
        """The dates that were sent and can be read, by the name of their question."""
        read: dict[str, dt.datetime] = {}
        for n in DATES if self.is_bound else ():
            field = self.fields[f"date_{n}"]
            try:
                date = field.clean(field.widget.value_from_datadict(self.data, self.files, f"date_{n}"))
            except django_forms.ValidationError:
                continue
            if date:
                read[f"date_{n}"] = date
        return read

    def _what_is_odd(self, date: dt.datetime) -> str:
        """Why somebody may not have meant this date; empty where nothing is odd about it."""
        d, local = self.occasion.disagreement, times.here(date)
        said = []
        if not d.policy.calendar.is_working_day(local.date()):
            said.append(_("not a working day"))
        if not EARLIEST <= local.time() <= LATEST:
            said.append(_("before 7am or after 9pm"))
        if d.due_at and self.occasion.now < d.due_at < date:
            said.append(_("after the present time limit of %(limit)s") % {"limit": say_long(d.due_at)})
        return f"{say_long(date)}: {'; '.join(said)}." if said else ""

    def _ask_once_more(self) -> None:
        """A box below the dates. What it sends are the dates that it was ticked for: another odd date is asked about again."""
        dates = self._typed_dates()
        self.fields["all_the_same"] = fields.ChoicesField(
            label=_("Are these dates right?"),
            help_text=_("A date after the time limit does not move the time limit."),
            choices=[(" ".join(dates[name].isoformat() for name in self.odd), _("Yes, propose them all the same"))],
            required=False,
            error_messages={"invalid_choice": _("Say again whether the dates are right: they have changed")},
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.odd and not cleaned.get("all_the_same"):
            for name, said in self.odd.items():
                self.add_error(name, _("%(odd)s Change it, or say below that it is right") % {"odd": said})
        return cleaned

    @property
    def folded_groups(self) -> Any:
        return [(_("More dates"), *group[1:]) for group in super().folded_groups]

    def dates(self) -> list[dt.datetime]:
        """Each once, the earliest first."""
        return sorted({date for n in DATES if (date := self.cleaned_data.get(f"date_{n}"))})

    def facts(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        dates = [date.isoformat() for date in self.dates()]
        return {"dates": dates, "minutes": int(cleaned["minutes"]), "people": list(cleaned["people"])}


def _example(d: Disagreement, now: dt.datetime) -> str:
    day = d.policy.calendar.add_working_days(times.local_day(now), 5)
    return f"{day.day} {day.month} {day.year}, 10am"


def say_mediating(d: Any, person: User) -> str:
    """ "Margaret Ellis, Chair"."""
    seat = next((seat for seat in d.standing.actor(person).seats if seat.capacity in MEDIATING), None)
    return f"{person.name}, {seat.get_capacity_display()}" if seat else person.name


class AnswerSession(MoveForm):
    happens = gettext_lazy("The first date that suits both sides is fixed, and everybody who comes gets it by email for their calendar.")
    submit = gettext_lazy("Send our dates")
    dates = fields.ChoicesField(
        label=gettext_lazy("Which of these dates suit your side?"),
        empty=gettext_lazy("Choose every date that suits your side, or that none does"),
    )
    people = fields.ChoicesField(label=gettext_lazy("Who comes from your side?"), required=False)
    note = fields.WordsField(
        label=gettext_lazy("Anything else? (optional)"),
        help_text=gettext_lazy("For example when you could come instead, or what somebody needs to take part."),
        rows=3,
        required=False,
    )

    def ask(self) -> None:
        d, actor = self.occasion.disagreement, self.occasion.actor
        session, seat = d.standing.session, actor.acting_seat(d)
        ahead = [date for date in sorted(session.dates) if date > self.occasion.now] if session else []
        length = times.length(session.minutes) if session else ""
        said = [(date.isoformat(), _("%(when)s, for %(length)s") % {"when": say_long(date), "length": length}) for date in ahead]
        self.let_choose("dates", [*said, (NONE_SUITS, _("None of these dates suits us"))])
        side = seat.side if seat else None
        seats = [one for one in d.standing.seats if side and one.side_id == side.pk and one.capacity != "told"]
        people = {person.pk: person for person in d.standing.people_in(seats)}
        self.let_choose("people", [(str(person.pk), joint_session.say_of_side(d, person)) for person in people.values()])
        if actor.person.pk in people:
            self.fields["people"].initial = [str(actor.person.pk)]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        chosen = cleaned.get("dates") or []
        if NONE_SUITS in chosen and len(chosen) > 1:
            self.add_error("dates", _("Choose the dates that suit your side, or that none does, but not both"))
        elif chosen and NONE_SUITS not in chosen and not cleaned.get("people") and "people" not in self.errors:
            self.add_error("people", _("Choose who comes from your side"))
        return cleaned

    def facts(self) -> dict[str, Any]:
        session = self.occasion.standing.session
        dates = [date for date in self.cleaned_data["dates"] if date != NONE_SUITS]
        people = list(self.cleaned_data["people"]) if dates else []
        return {"session": str(session.entry) if session else "", "dates": dates, "people": people}


def say_long(date: dt.datetime) -> str:
    """ "Tuesday 10 March 2026, 5pm"."""
    return f"{times.weekday_day(date)} {times.here(date).year}, {times.time(date)}"


class CancelSession(MoveForm):
    happens: str | Promise = gettext_lazy(
        "Everybody who was expected gets an email that takes it out of their calendar. You can propose other dates."
    )
    submit = gettext_lazy("Call it off")
    reason = fields.WordsField(label=gettext_lazy("Why is it called off?"), rows=3, empty=gettext_lazy("Enter why it is called off"))

    def ask(self) -> None:
        session = self.occasion.standing.session
        if session and session.fixed_at:
            when = say_long(session.fixed_at)
            self.happens = _("The session of %(when)s is called off. %(then)s") % {"when": when, "then": self.happens}


class RecordMediation(MoveForm):
    happens: str | Promise = gettext_lazy(
        "It is added to the record. The sides, or you, can then offer an outcome: it counts only if both sides confirm it. "
        "Your view binds nobody."
    )
    submit = gettext_lazy("Record the mediation")
    happened_at = happened_field(gettext_lazy("When was the mediation?"), gettext_lazy("The time of the mediation"))
    attended = fields.WordsField(label=gettext_lazy("Who took part?"), rows=3, empty=gettext_lazy("Enter who took part"))
    mediation = fields.WordsField(
        label=gettext_lazy("What was said and what came of it?"), rows=8, empty=gettext_lazy("Enter what was said and what came of it")
    )
    may_share = fields.WordsField(
        label=gettext_lazy("What of this may be told to others, and to whom? (optional)"),
        help_text=gettext_lazy("Agree it with both sides. If you leave it empty, it stays with those who can see this disagreement."),
        rows=3,
        required=False,
    )

    def ask(self) -> None:
        d = self.occasion.disagreement
        session = d.standing.session
        if session is None or session.is_cancelled or session.fixed_at is None:
            return
        if session_lies_ahead(d):
            when = say_long(session.fixed_at)
            said = _("A session is fixed for %(when)s. If it was held already, record it: the day is taken out of all calendars. %(then)s")
            self.happens = said % {"when": when, "then": self.happens}
        elif not self.is_bound:
            self.initial["happened_at"] = session.fixed_at
            self.initial["attended"] = "\n".join(joint_session.say_expected(d, session))


FORMS: dict[str, type[MoveForm]] = {
    "ask_the_chair": AskTheChair,
    "accept_mediation": AcceptMediation,
    "ask_for_more": AskForMore,
    "answer_the_chair": AnswerTheChair,
    "decline_mediation": DeclineMediation,
    "name_mediator": NameMediator,
    "propose_session": ProposeSession,
    "answer_session": AnswerSession,
    "cancel_session": CancelSession,
    "record_mediation": RecordMediation,
}
