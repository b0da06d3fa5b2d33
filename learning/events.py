"""Joint learning across professions: events for several agencies, and anonymous totals of where training is needed."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.db import connection
from django.db.models import Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Agency, Partnership, Post, User
from escalation.desk import Section
from learning import rooms
from learning.event_forms import EventForm
from learning.log import say_hours
from learning.membership import Learner, decider, learner, partnerships_of, reader
from learning.models import Attendance, Capability, LearningEvent
from pages import times
from pages.kept import key_of, posted

ON_THE_DESK_BEFORE = dt.timedelta(days=28)
ON_THE_DESK_AFTER = dt.timedelta(days=14)  # to say that they were there
SHOWN = 200


@dataclass
class Reading:
    """An event as this person finds it."""

    event: LearningEvent
    found: Learner
    mine: Attendance | None
    now: dt.datetime

    @property
    def is_past(self) -> bool:
        return self.event.starts_at <= self.now

    @property
    def comes(self) -> bool:
        return self.mine is not None and self.mine.withdrawn_at is None

    @property
    def was_there(self) -> bool:
        return self.mine is not None and self.mine.was_there

    @property
    def may_sign_up(self) -> bool:
        return not self.is_past and self.event.cancelled_at is None

    @property
    def may_say_they_were_there(self) -> bool:
        return self.is_past and self.event.cancelled_at is None

    @property
    def organises(self) -> bool:
        return self.event.partnership_id in self.found.decides

    @property
    def areas(self) -> list[str]:
        return [str(Capability(one).label) for one in self.event.areas if one in Capability.values]

    @property
    def hours(self) -> str:
        return say_hours(self.event.hours)

    @property
    def url(self) -> str:
        return reverse("event", args=[self.event.pk])


def _for_these(partnerships: QuerySet[Partnership] | list[uuid.UUID], person: User) -> QuerySet[LearningEvent]:
    own = Prefetch("attendances", Attendance.objects.filter(person=person), to_attr="own")
    return LearningEvent.objects.filter(partnership__in=partnerships).select_related("partnership").prefetch_related(own)


def _reading(event: LearningEvent, found: Learner, now: dt.datetime) -> Reading:
    return Reading(event, found, next(iter(event.own), None), now)  # type: ignore[attr-defined]


@require_safe
def events(request: HttpRequest) -> HttpResponse:
    """What is coming and what was, for everybody who works in the partnership. Those for one's own agency first."""
    found, now = learner(request), timezone.now()
    ours = set(found.person.posts.filter(ended_on=None).values_list("team__agency", flat=True))
    read = [_reading(one, found, now) for one in _for_these(partnerships_of(found.person), found.person)[:SHOWN]]
    coming = [one for one in read if not one.is_past and one.event.cancelled_at is None]
    coming.sort(key=lambda one: one.event.starts_at)
    context = {
        "for_us": [one for one in coming if _is_for(one.event, ours) or one.comes],
        "for_others": [one for one in coming if not (_is_for(one.event, ours) or one.comes)],
        "past": [one for one in read if one.is_past and one.event.cancelled_at is None],
        "organises": bool(found.decides),
        "rooms": rooms.open_to(found),
    }
    return render(request, "learning/events/list.html", context)


def _is_for(event: LearningEvent, agencies: set[uuid.UUID]) -> bool:
    return not event.agencies or not agencies or bool({str(one) for one in agencies} & set(event.agencies))


def _find(request: HttpRequest, event_id: uuid.UUID) -> Reading:
    found = learner(request)
    event = _for_these(partnerships_of(found.person), found.person).filter(pk=event_id).first()
    if event is None:
        raise Http404
    return _reading(event, found, timezone.now())


@require_http_methods(["GET", "HEAD", "POST"])
def event(request: HttpRequest, event_id: uuid.UUID) -> HttpResponse:
    """What it is, when and where; to say that one comes, or does not after all; afterwards that one was there."""
    reading = _find(request, event_id)
    if request.method == "POST":
        _act(request, reading)
        return redirect(reading.url)
    agencies = Agency.objects.filter(pk__in=reading.event.agencies).order_by("name")
    context = {"reading": reading, "agencies": agencies, "people": _who_comes(reading.event) if reading.organises else []}
    return render(request, "learning/events/event.html", context)


def _act(request: HttpRequest, reading: Reading) -> None:
    """Each of these twice is once."""
    if "come" in request.POST and reading.may_sign_up:
        _attend(reading, withdrawn_at=None)
        messages.success(request, _("You are on the list."))
    elif "not_come" in request.POST and reading.may_sign_up and reading.mine:
        _attend(reading, withdrawn_at=reading.mine.withdrawn_at or reading.now)
        messages.success(request, _("You are off the list."))
    elif "was_there" in request.POST and reading.may_say_they_were_there:
        _attend(reading, was_there=True)
        messages.success(request, _("Good. You can take its hours into your own log now."))
    elif "was_not_there" in request.POST and reading.mine:
        _attend(reading, was_there=False)
        messages.success(request, _("Taken back."))
    else:
        messages.warning(request, _("That is not open now: look at when the event is."))


def _attend(reading: Reading, **changes: Any) -> None:
    row = Attendance(event=reading.event, person=reading.found.person, **changes)
    Attendance.objects.bulk_create([row], ignore_conflicts=True)
    Attendance.objects.filter(event=reading.event, person=reading.found.person).update(**changes)


def _who_comes(event: LearningEvent) -> list[tuple[Attendance, Post | None]]:
    """For its organisers."""
    rows = list(event.attendances.select_related("person").order_by("person__name"))
    people = [one.person_id for one in rows]
    posts = {post.holder_id: post for post in Post.objects.filter(holder__in=people, ended_on=None).select_related("team__agency")}
    return [(one, posts.get(one.person_id)) for one in rows if one.withdrawn_at is None or one.was_there]


# ── made by a subgroup or the office ────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """From a theme, or alone. The same page posted twice makes one event."""
    found, key = decider(request), key_of(request)
    partnership = _partnership(request, found)
    form = EventForm(posted(request), partnership=partnership, is_new=True, initial={"theme": request.GET.get("theme", "")})
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        one = LearningEvent(
            id=uuid.uuid5(found.person.pk, str(key)),
            partnership=partnership,
            made_by=found.person,
            theme_id=given.pop("theme"),
            **given,
        )
        LearningEvent.objects.bulk_create([one], ignore_conflicts=True)
        messages.success(request, _("It is on the list of everybody in the partnership."))
        return redirect("event", one.pk)
    context = {"form": form, "key": key, "partnership": partnership, "partnerships": _organised(found)}
    return render(request, "learning/events/write.html", context)


def _organised(found: Learner) -> list[Partnership]:
    return list(Partnership.objects.filter(pk__in=found.decides).order_by("name"))


def _partnership(request: HttpRequest, found: Learner) -> Partnership:
    """The one that is asked for, of those this person organises for; else the first."""
    organised = _organised(found)
    return next((one for one in organised if one.slug == request.GET.get("partnership")), organised[0])


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, event_id: uuid.UUID) -> HttpResponse:
    """Everything but what it is and where it comes from; or it is called off."""
    reading = _find(request, event_id)
    one = reading.event
    if not reading.organises or not reading.may_sign_up:
        raise Http404
    if request.method == "POST" and "call_off" in request.POST:
        one.cancelled_at = reading.now
        one.save(update_fields=["cancelled_at"])
        messages.success(request, _("It is called off. Whoever signed up gets a message."))
        return redirect("events")
    names = ("title", "about", "starts_at", "hours", "place", "areas", "agencies")
    form = EventForm(posted(request), partnership=one.partnership, is_new=False, initial={name: getattr(one, name) for name in names})
    if request.method == "POST" and form.is_valid():
        LearningEvent.objects.filter(pk=one.pk).update(**{name: form.cleaned_data[name] for name in names})
        messages.success(request, _("The event is changed."))
        return redirect(reading.url)
    return render(request, "learning/events/write.html", {"form": form, "reading": reading})


# ── where training is needed ────────────────────────────────────────────────────────────────────────────────────────


ROUGHLY = 5


@dataclass(frozen=True)
class Total:
    """One area, over the last twelve months. None: fewer than five people, which is not said. Whoever looks every day must not learn what
    one person wrote in between: so both numbers are rough."""

    area: str
    people: int | None = None
    hours: Decimal | None = None

    @property
    def at_least(self) -> int:
        """People, in fives."""
        return (self.people or 0) // ROUGHLY * ROUGHLY

    @property
    def about(self) -> int:
        """Hours, to the nearest five."""
        return round((self.hours or 0) / ROUGHLY) * ROUGHLY


@require_safe
def capabilities(request: HttpRequest) -> HttpResponse:
    """Hours that people wrote into their own logs, by area, never of fewer than five people and never by name."""
    found = reader(request)
    partnerships = list(Partnership.objects.filter(pk__in=found.reads).order_by("name"))
    context = {"told": [(one, _totals(one), _attended(one)) for one in partnerships], "rooms": rooms.open_to(found)}
    return render(request, "learning/events/capabilities.html", context)


def _totals(partnership: Partnership) -> list[Total]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT area, people, hours FROM accord_cpd_totals(%s)", [partnership.pk])
        known = {area: (people, hours) for area, people, hours in cursor.fetchall()}
    return [Total(str(one.label), *known.get(one.value, ())) for one in Capability]


def _attended(partnership: Partnership) -> list[tuple[LearningEvent, int]]:
    """Events to which at least five people say they came."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT event, people FROM accord_event_totals(%s)", [partnership.pk])
        known = dict(cursor.fetchall())
    return [(one, known[one.pk]) for one in LearningEvent.objects.filter(pk__in=known)]


# ── elsewhere ───────────────────────────────────────────────────────────────────────────────────────────────────────


def on_the_desk(person: User) -> Section | None:
    """Those to which they come, and those of the last days at which they may have been."""
    now = timezone.now()
    near = Q(starts_at__lte=now + ON_THE_DESK_BEFORE, starts_at__gt=now - ON_THE_DESK_AFTER)
    signed_up = Attendance.objects.filter(person=person, withdrawn_at=None, was_there=False).values("event")
    found = LearningEvent.objects.filter(near, pk__in=signed_up, cancelled_at=None).order_by("starts_at")
    lines = [
        (_say_near(one, now), f"{one.get_kind_display()}, {times.weekday_moment(one.starts_at)}", reverse("event", args=[one.pk]), "")
        for one in found
    ]
    return Section(_("Learning together"), lines, reverse("events"), _("Learning events")) if lines else None


def _say_near(event: LearningEvent, now: dt.datetime) -> str:
    said = _("You come to “%(title)s”") if event.starts_at > now else _("Were you at “%(title)s”?")
    return said % {"title": event.title}
