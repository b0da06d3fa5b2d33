"""Debriefs (23.20): asked for by either side after the end, arranged by the office, voluntary; the joint note is read by who took part."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Post, Team, User
from audit import trail
from audit.models import Trace
from disputes.models import Disagreement
from disputes.stages import ACTING, Capacity
from escalation.desk import Section
from escalation.page import Afterwards
from learning import marking, rooms, waiting
from learning.debrief_forms import AnswerForm, ArrangeForm, NoteForm, PointForm
from learning.membership import learner, learner_of
from learning.models import Debrief, DebriefConsent, DebriefNote, DebriefParticipant, DebriefRequest, LearningPoint
from pages import times
from pages.kept import key_of, posted

Answer = DebriefParticipant.Answer
MINE_ON_THE_DESK = 5
ON_THE_DESK_FOR = dt.timedelta(days=28)  # after it, until the note has everybody's consent


# ── one debrief, as its reader finds it ─────────────────────────────────────────────────────────────────────────────


@dataclass
class Reading:
    """A debrief, who is asked to it, and what this person may do about it now."""

    debrief: Debrief
    person: User
    now: dt.datetime
    is_arranged_by_me: bool = False  # as the partnership's office

    @cached_property
    def participants(self) -> list[DebriefParticipant]:
        return sorted(self.debrief.participants.all(), key=lambda one: one.person.name)

    @cached_property
    def posts(self) -> dict[uuid.UUID | None, Post]:
        """Where each of them works, to say beside the name."""
        people = [one.person_id for one in self.participants]
        held = Post.objects.filter(holder__in=people, ended_on=None).select_related("team__agency").order_by("-level")
        return {post.holder_id: post for post in held}

    @property
    def people(self) -> list[tuple[DebriefParticipant, Post | None]]:
        return [(one, self.posts.get(one.person_id)) for one in self.participants]

    @cached_property
    def mine(self) -> DebriefParticipant | None:
        return next((one for one in self.participants if one.person_id == self.person.pk), None)

    @property
    def is_past(self) -> bool:
        return self.debrief.starts_at <= self.now

    @property
    def may_answer(self) -> bool:
        """Also after it, if they were there without having said so before; not if they said that they would not come."""
        said_no = self.is_past and self.mine is not None and self.mine.answer == Answer.NO
        return self.mine is not None and self.debrief.cancelled_at is None and not self.took_part and not said_no

    @property
    def said_yes(self) -> bool:
        return self.mine is not None and self.mine.answer == Answer.YES

    @property
    def took_part(self) -> bool:
        return self.said_yes and self.is_past and self.debrief.cancelled_at is None

    @cached_property
    def notes(self) -> list[DebriefNote]:
        """The versions, the newest first; none for whoever did not take part."""
        if not self.took_part:
            return []
        return list(self.debrief.notes.select_related("written_by").prefetch_related("consents__person"))

    @property
    def latest(self) -> DebriefNote | None:
        return self.notes[0] if self.notes else None

    @property
    def missing(self) -> list[User]:
        """Who was there and has not consented to the newest version."""
        given = {one.person_id for one in self.latest.consents.all()} if self.latest else set()
        return [one.person for one in self.participants if one.answer == Answer.YES and one.person_id not in given]

    @property
    def is_settled(self) -> bool:
        return self.latest is not None and not self.missing

    @property
    def i_consented(self) -> bool:
        return self.latest is not None and self.person not in self.missing

    @property
    def url(self) -> str:
        return reverse("debrief", args=[self.debrief.pk])


def _with_people() -> QuerySet[Debrief]:
    return Debrief.objects.prefetch_related(Prefetch("participants", DebriefParticipant.objects.select_related("person")))


def _asked_to(person: User) -> QuerySet:
    return DebriefParticipant.objects.filter(person=person).values("debrief")


@require_safe
def debriefs(request: HttpRequest) -> HttpResponse:
    """Those to which this person is asked; and for the office what is asked for, and what it has arranged."""
    found, now = learner(request), timezone.now()
    person, offices = found.person, found.offices
    arranged = Debrief.objects.filter(partnership__in=offices).prefetch_related("participants") if offices else []
    if offices:
        trail.note_for_each(Trace.Kind.READ, "debriefs", {one: {"as": "office"} for one in offices}, person=person.pk)
    context = {
        "mine": [Reading(debrief, person, now) for debrief in _with_people().filter(pk__in=_asked_to(person))],
        "arranges": bool(offices),
        "my_requests": list(_my_requests(person)),
        "requests": _open_requests(offices) if offices else [],
        "arranged": [(debrief, [one.answer for one in debrief.participants.all()]) for debrief in arranged],
        "now": now,
        "rooms": rooms.open_to(found),
    }
    return render(request, "learning/debriefs/list.html", context)


@dataclass(frozen=True)
class Asked:
    """What one or both sides of a disagreement asked for. It says who asked; the case itself the office need not see."""

    request: DebriefRequest
    people: list[tuple[User, Post | None]]
    asked_at: dt.datetime
    teams: str = ""  # of its sides: tells it from another one that the same person asked for


def arranged_since() -> QuerySet[Debrief]:
    """What was arranged after a request, and not called off."""
    later = {"disagreement": OuterRef("disagreement"), "made_at__gte": OuterRef("recorded_at")}
    return Debrief.objects.filter(cancelled_at=None, **later)


def _open_requests(offices: list[uuid.UUID]) -> list[Asked]:
    """Those after which nothing was arranged yet, one for each disagreement."""
    waiting = DebriefRequest.objects.filter(partnership__in=offices).exclude(Exists(arranged_since()))
    found: dict[uuid.UUID, list[DebriefRequest]] = {}
    for one in waiting.select_related("asked_by").order_by("recorded_at"):
        found.setdefault(one.disagreement_id, []).append(one)
    people = {one.asked_by_id for several in found.values() for one in several}
    posts = {post.holder_id: post for post in Post.objects.filter(holder__in=people, ended_on=None).select_related("team__agency")}
    teams = _teams_of(found) if found else {}
    return [
        Asked(several[0], [(one.asked_by, posts.get(one.asked_by_id)) for one in several], several[0].recorded_at, teams.get(d, ""))
        for d, several in found.items()
    ]


def _teams_of(disagreements: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The teams that sat at each: what the office learns anyway when it arranges a debrief."""
    with connection.cursor() as cursor:
        asked = "SELECT DISTINCT d, place.team FROM unnest(%s::uuid[]) d, LATERAL accord_debrief_places(d) place"
        cursor.execute(asked, [list(disagreements)])
        rows = cursor.fetchall()
    teams = Team.objects.select_related("agency").in_bulk({team for _d, team in rows})
    named: dict[uuid.UUID, set[str]] = {}
    for d, team in rows:
        named.setdefault(d, set()).add(str(teams[team]))
    return {d: "; ".join(sorted(names)) for d, names in named.items()}


def _my_requests(person: User) -> QuerySet[DebriefRequest]:
    """What this person asked for, and was not asked to yet, the oldest first. Whoever is not asked to a debrief does not see it."""
    mine = DebriefRequest.objects.filter(asked_by=person).exclude(Exists(arranged_since()))
    return mine.select_related("disagreement").order_by("recorded_at")


def _find(request: HttpRequest, debrief_id: uuid.UUID) -> Reading:
    """For who is asked to it, and for the office. Hidden and absent are the same 404."""
    found = learner(request)
    debrief = _with_people().filter(pk=debrief_id).first()
    if debrief is None:
        raise Http404
    reading = Reading(debrief, found.person, timezone.now(), is_arranged_by_me=debrief.partnership_id in found.offices)
    if reading.mine is None and not reading.is_arranged_by_me:
        raise Http404
    return reading


def _taking_part(request: HttpRequest, debrief_id: uuid.UUID) -> Reading:
    reading = _find(request, debrief_id)
    if not reading.took_part:
        raise Http404
    return reading


@require_http_methods(["GET", "HEAD", "POST"])
def debrief(request: HttpRequest, debrief_id: uuid.UUID) -> HttpResponse:
    """When and where, who is asked; one's own answer; afterwards the joint note and the consent to it."""
    reading = _find(request, debrief_id)
    form = AnswerForm(posted(request), initial={"answer": reading.mine.answer if reading.mine else ""}, is_past=reading.is_past)
    if request.method == "POST" and "consent" in request.POST:
        return _consent(request, reading)
    if request.method == "POST" and reading.mine and reading.may_answer and form.is_valid():
        reading.mine.answer = form.cleaned_data["answer"]
        reading.mine.save(update_fields=["answer"])
        messages.success(request, _("Your answer is kept. The others can see it."))
        return redirect(reading.url)
    context = {"reading": reading, "form": form}
    return render(request, "learning/debriefs/debrief.html", context)


# ── the office arranges it ──────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "HEAD", "POST"])
def arrange(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """Who is asked, when and where. The office learns who sat where, and nothing of what it was about."""
    found = learner(request)
    asked = DebriefRequest.objects.filter(pk=request_id, partnership__in=found.offices).select_related("asked_by").first()
    if asked is None:
        raise Http404
    if request.method == "POST":
        _one_at_a_time(asked)
    before = Debrief.objects.filter(disagreement=asked.disagreement_id, cancelled_at=None, made_at__gte=asked.recorded_at).first()
    if before:  # arranged already, by a colleague or by the same page
        return redirect("debrief", before.pk)
    _note_reading(asked, found.person)
    places = _places(asked)
    form = ArrangeForm(posted(request), people=[(str(place.person.pk), place.said) for place in places])
    if not form.is_bound:
        form.initial["people"] = [str(place.person.pk) for place in places if place.acts]
    if request.method == "POST" and form.is_valid():
        made = _arranged(asked, form.cleaned_data, places, found.person)
        messages.success(request, _("It is arranged. Everybody you chose gets a message that asks whether they come."))
        return redirect("debrief", made.pk)
    return render(request, "learning/debriefs/arrange.html", {"asked": asked, "form": form})


def _one_at_a_time(asked: DebriefRequest) -> None:
    """Two at the office, or one page posted twice at once, arrange one debrief."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"debrief {asked.disagreement_id}"])


def _note_reading(asked: DebriefRequest, person: User) -> None:
    seen: dict[str, Any] = {"disagreement": asked.disagreement_id, "partnership": asked.partnership_id}
    capacity: dict[str, Any] = {"as": "office", "why": "appointment", "role": "office"}
    trail.note(Trace.Kind.READ, "debrief_people", person=person.pk, **seen, **capacity)


@dataclass(frozen=True)
class Place:
    """Where somebody sat: all that the office learns."""

    person: User
    side: uuid.UUID
    team: Team
    capacity: str

    @property
    def acts(self) -> bool:
        return self.capacity in ACTING

    @property
    def said(self) -> str:
        return f"{self.person.name}, {self.team} ({Capacity(self.capacity).label})"


def _places(asked: DebriefRequest) -> list[Place]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT person, side, team, capacity FROM accord_debrief_places(%s)", [asked.disagreement_id])
        rows = cursor.fetchall()
    people = User.objects.filter(is_active=True).in_bulk({row[0] for row in rows})
    teams = Team.objects.select_related("agency").in_bulk({row[2] for row in rows})
    found: dict[uuid.UUID, Place] = {}
    for person, side, team, capacity in sorted(rows, key=lambda row: row[3] not in ACTING):  # in what they acted, before the rest
        if person in people:
            found.setdefault(person, Place(people[person], side, teams[team], capacity))
    return sorted(found.values(), key=lambda place: (str(place.team), place.person.name))


@transaction.atomic
def _arranged(asked: DebriefRequest, given: dict[str, Any], places: list[Place], by: User) -> Debrief:
    made = Debrief.objects.create(
        partnership_id=asked.partnership_id,
        disagreement_id=asked.disagreement_id,
        arranged_by=by,
        facilitator=given["facilitator"],
        starts_at=given["starts_at"],
        place=given["place"],
    )
    chosen = [place for place in places if str(place.person.pk) in given["people"]]
    DebriefParticipant.objects.bulk_create(DebriefParticipant(debrief=made, person=place.person, side_id=place.side) for place in chosen)
    return made


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, debrief_id: uuid.UUID) -> HttpResponse:
    """Another date or place, or called off. Those who come are told again."""
    reading = _find(request, debrief_id)
    one = reading.debrief
    if not reading.is_arranged_by_me or one.cancelled_at:
        raise Http404
    if request.method == "POST" and "call_off" in request.POST:
        one.cancelled_at = timezone.now()
        one.save(update_fields=["cancelled_at"])
        messages.success(request, _("It is called off. Everybody who was asked gets a message."))
        return redirect("debriefs")
    form = ArrangeForm(posted(request), initial={name: getattr(one, name) for name in ("starts_at", "place", "facilitator")})
    if request.method == "POST" and form.is_valid():
        Debrief.objects.filter(pk=one.pk).update(**{name: form.cleaned_data[name] for name in ("starts_at", "place", "facilitator")})
        messages.success(request, _("Changed. With another date, everybody who has not declined gets a message."))
        return redirect(reading.url)
    return render(request, "learning/debriefs/change.html", {"reading": reading, "form": form})


# ── the joint note ──────────────────────────────────────────────────────────────────────────────────────────────────


def _consent(request: HttpRequest, reading: Reading) -> HttpResponse:
    """To the very version that they read. A newer one is shown first."""
    if not reading.took_part or reading.latest is None:
        raise Http404
    if request.POST["consent"] != str(reading.latest.pk):
        messages.warning(request, _("Somebody wrote a newer version meanwhile. Read it, then say whether you agree with it."))
    else:
        row = DebriefConsent(note=reading.latest, person=reading.person)
        DebriefConsent.objects.bulk_create([row], ignore_conflicts=True)
        messages.success(request, _("Your consent to this version is kept."))
    return redirect(f"{reading.url}#note")


@require_http_methods(["GET", "HEAD", "POST"])
def note(request: HttpRequest, debrief_id: uuid.UUID) -> HttpResponse:
    """A version of the joint note: it begins from the one before. Whoever writes it has consented to it; the others are asked anew."""
    reading = _taking_part(request, debrief_id)
    latest = reading.latest
    version = latest.version if latest else 0
    form = NoteForm(posted(request), initial={"text": latest.text if latest else ""})
    newer = False
    if request.method == "POST" and form.is_valid():
        newer = request.POST.get("seen") != str(version)
        if latest and form.cleaned_data["text"] == latest.text:
            return redirect(f"{reading.url}#note")  # the same page posted twice
        if not newer and _written(reading, form.cleaned_data["text"], version + 1):
            messages.success(request, _("Version %(number)d is written. The others read it before they agree.") % {"number": version + 1})
            return redirect(f"{reading.url}#note")
        newer = True
    context = {"reading": reading, "form": form, "seen": version, "newer": newer, "latest": latest}
    return render(request, "learning/debriefs/note.html", context, status=409 if newer else 200)


def _written(reading: Reading, text: str, version: int) -> bool:
    """False: somebody else wrote this version a moment ago."""
    row = DebriefNote(debrief=reading.debrief, version=version, text=text, written_by=reading.person)
    DebriefNote.objects.bulk_create([row], ignore_conflicts=True)
    if not DebriefNote.objects.filter(pk=row.pk).exists():
        return False
    DebriefConsent.objects.create(note=row, person=reading.person)
    return True


@require_http_methods(["GET", "HEAD", "POST"])
def learning_point(request: HttpRequest, debrief_id: uuid.UUID) -> HttpResponse:
    """A theme and nothing else leaves the debrief: in words that identify no one, to the representative of one's own agency."""
    reading = _taking_part(request, debrief_id)
    key = key_of(request)
    d = Disagreement.objects.visible_to(reading.person).filter(pk=reading.debrief.disagreement_id).first()
    form = PointForm(posted(request), known=marking.known_about(d) if d else None)
    agency = _agency_of(reading)
    if agency is None:
        raise Http404
    if request.method == "POST" and form.is_valid():
        point = LearningPoint(
            id=uuid.uuid5(reading.person.pk, str(key)),
            partnership_id=reading.debrief.partnership_id,
            disagreement_id=reading.debrief.disagreement_id,
            debrief=reading.debrief,
            agency_id=agency,
            named_by=reading.person,
            about=form.cleaned_data["about"],
            issue=form.cleaned_data["issue"],
        )
        LearningPoint.objects.bulk_create([point], ignore_conflicts=True)
        messages.success(request, _("Thank you. It is on the list of your agency’s representative; the note itself stays with you."))
        return redirect(reading.url)
    return render(request, "learning/debriefs/point.html", {"reading": reading, "form": form, "key": key})


def _agency_of(reading: Reading) -> uuid.UUID | None:
    """Of the side they sat on; for others, where they work."""
    if reading.mine and (side := reading.mine.side_id):
        found: uuid.UUID | None = Team.objects.filter(side=side).values_list("agency", flat=True).first()
        if found:
            return found
    post = reading.posts.get(reading.person.pk)
    return post.team.agency_id if post else None


# ── elsewhere ───────────────────────────────────────────────────────────────────────────────────────────────────────


def on_the_desk(person: User) -> Section | None:
    """What waits: for the office what is asked for; for who is asked, the answer, the date, the note."""
    now = timezone.now()
    lines: list[tuple[str, str, str, str]] = []
    if offices := learner_of(person).offices:
        lines += [
            (_("A debrief is asked for"), _said_by(one), reverse("debrief-arrange", args=[one.request.pk]), "")
            for one in _open_requests(offices)
        ]
    lines += [
        (
            _("You asked for a debrief on %(day)s") % {"day": times.day(one.recorded_at)},
            _("The office has not arranged it with you yet. About %(reference)s.") % {"reference": one.disagreement.reference},
            reverse("disagreement", args=[one.disagreement.reference]),
            "",
        )
        for one in _my_requests(person)[:MINE_ON_THE_DESK]
    ]
    near = _with_people().filter(pk__in=_asked_to(person), cancelled_at=None, starts_at__gt=now - ON_THE_DESK_FOR)
    for one in near.order_by("starts_at"):
        reading = Reading(one, person, now)
        if said := _asked_of(reading):
            lines.append((said, times.weekday_moment(one.starts_at), reading.url, ""))
    return Section(_("Debriefs"), lines, reverse("debriefs"), _("Debriefs")) if lines else None


def _said_by(one: Asked) -> str:
    said = {"names": ", ".join(who.name for who, _post in one.people), "ago": waiting.ago(one.asked_at), "teams": one.teams}
    return (_("by %(names)s, %(ago)s. Took part: %(teams)s") if one.teams else _("by %(names)s, %(ago)s")) % said


def _asked_of(reading: Reading) -> str:
    if not reading.is_past:
        if reading.mine and reading.mine.answer == Answer.NO:
            return ""
        return _("A debrief to which you come") if reading.said_yes else _("You are asked to a debrief. Do you come?")
    if not reading.took_part or reading.is_settled:
        return ""
    if reading.latest is None:
        return _("Write down together what came of the debrief")
    return "" if reading.i_consented else _("Read the joint note of the debrief, and say whether you agree with it")


def after_the_end(d: Disagreement, person: User) -> list[Afterwards]:
    """On the page of a disagreement that has ended: ask for one, or find the one that is arranged."""
    if d.is_open:
        return []
    one = Debrief.objects.filter(disagreement=d, participants__person=person, cancelled_at=None).first()
    if one:
        said = _("%(when)s. It is voluntary.") % {"when": times.weekday_moment(one.starts_at)}
        return [Afterwards(_("The debrief"), reverse("debrief", args=[one.pk]), said)]
    if d.standing.actor(person).speaking_seat() is None:
        return []
    said = _("A talk of those involved, so that you go on working well together. Either side may ask, and nobody has to come.")
    if DebriefRequest.objects.filter(disagreement=d).exists():
        said = _("A debrief is asked for. The partnership’s office finds a date and asks you.")
    return [Afterwards(_("Ask for a debrief"), reverse("move", args=[d.reference, "ask-for-debrief"]), said)]
