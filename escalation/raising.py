"""Raising a disagreement: a start page, seven questions saved one by one into a private draft, check, send, confirmation."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from accounts import kept_forms
from accounts.models import Appointment, Membership, Office, Partnership, Post, User
from audit import trail
from audit.models import Trace
from disputes.disagreement import by_reference
from disputes.models import Disagreement, Draft, DraftReader, Entry, Seat
from disputes.stages import Capacity, SideKind, Stage
from escalation import moves, raising_forms
from escalation.moves import Given, MoveRefused, NewChild
from escalation.opened import opened
from escalation.raising_forms import (
    BY_SLUG,
    HOW_MANY,
    ORDINARY,
    QUESTIONS,
    About,
    ActFirst,
    Beginning,
    Children,
    Question,
    SafeNow,
    Support,
    What,
    WhoThere,
    Why,
)
from escalation.running import AsIfSent, Running, raised_late, running
from pages import times
from pages.kept import posted
from procedure.clock import say_length
from procedure.ladder import Step

Answered = dict[str, Question]  # the pages of a draft by their slug, filled in

# ── beginning ───────────────────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """What this is and is not, what you need, your drafts; begins a draft."""
    places = _places_of(_person(request))
    form = Beginning(posted(request), places={key: place.label for key, place in places.items()})
    if request.method == "POST" and places:
        only = next(iter(places)) if len(places) == 1 else None
        if only or form.is_valid():
            draft = _begin(_person(request), places[only or form.cleaned_data["place"]])
            first = What if "think" in request.POST else QUESTIONS[0]  # thought through first, in the same draft: the rest is asked later
            return redirect("raise-question", draft.pk, first.slug)
    drafts = list(
        Draft.objects.filter(Q(author=_person(request)) | Q(readers__person=_person(request))).distinct().select_related("author")
    )
    context = {
        "form": form if len(places) > 1 else None,
        "places": places,
        "partnerships": {place.partnership.pk: place.partnership for place in places.values()}.values(),
        "mine": [_in_the_list(draft) for draft in drafts if draft.author_id == _person(request).pk],
        "to_read": [draft for draft in drafts if draft.author_id != _person(request).pk],
    }
    return render(request, "escalation/raising/start.html", context)


@dataclass(frozen=True)
class Place:
    """A post in a partnership: from where a disagreement may be raised."""

    post: Post
    partnership: Partnership
    label: str


def _places_of(person: User) -> dict[str, Place]:
    """By a key for the form. Only partnerships with a policy in force count: without one there is no procedure to follow."""
    posts = raising_forms.held_by(person)
    if not posts:
        return {}
    in_force = Membership.objects.filter(
        agency__in=[post.team.agency_id for post in posts], partnership__policies__in_force_from__lte=Now()
    )
    memberships = in_force.select_related("partnership").order_by("partnership__name").distinct()
    return {
        f"{post.pk}:{membership.partnership_id}": Place(
            post, membership.partnership, f"{post.title}, {post.team} ({membership.partnership.name})"
        )
        for post in posts
        for membership in memberships
        if membership.agency_id == post.team.agency_id
    }


def _begin(person: User, place: Place) -> Draft:
    """A new draft; the newest one in which nothing was typed or chosen yet is taken up again."""
    begun = Draft.objects.filter(author=person, post=place.post, partnership=place.partnership)
    empty = next((draft for draft in begun if not _says_something([page.get("typed") for page in draft.answers.values()])), None)
    return empty or Draft.objects.create(author=person, post=place.post, partnership=place.partnership)


def _says_something(typed: Any) -> bool:
    """Whether anything stands in these boxes; a date has several."""
    parts = typed.values() if isinstance(typed, dict) else typed if isinstance(typed, list) else None
    return bool(typed) if parts is None else any(_says_something(part) for part in parts)


def _in_the_list(draft: Draft) -> dict[str, Any]:
    """One of one's own drafts as the start page lists it: whom it is about, how far it has come, where to go on. No query."""
    about = About(draft)
    pages = raising_forms.asked(about)
    left = [page for page in pages if not draft.answers.get(page.slug, {}).get("done")]
    typed = about.typed(Children.slug)
    names = [typed[key] for key in sorted(typed) if key.startswith("pseudonym_") and typed[key]]
    done = HOW_MANY - len({page.number for page in left})
    url = reverse("raise-question", args=[draft.pk, left[0].slug]) if left else reverse("raise-check", args=[draft.pk])
    return {"draft": draft, "names": ", ".join(names), "done": done, "of": HOW_MANY, "url": url}


def _person(request: HttpRequest) -> User:
    return request.user  # type: ignore[return-value]  # every view here is behind the sign-in


# ── one question ────────────────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "HEAD", "POST"])
def question(request: HttpRequest, draft_id: uuid.UUID, slug: str) -> HttpResponse:
    """One page of the seven: shows what was typed, keeps what is typed, goes on."""
    page = BY_SLUG.get(slug)
    if page is None:
        raise Http404
    draft = _own(request, draft_id)
    if draft is None:
        return _gone(request, draft_id, page)
    about = About(draft)
    if not page.applies(about):
        return redirect(_in_the_list(draft)["url"])
    if request.method != "POST":
        return _ask(request, page.blank(about, posted(request)))
    sent, stays = page.rearranged(request.POST)
    form = page(sent, about=about)
    later = "save" in sent
    if not form.is_valid() and not ((later or stays or form.may_wait()) and form.only_lacks_answers()):
        return _ask(request, form)
    form.keep()
    draft.save(update_fields=["answers", "saved_at"])
    if isinstance(form, Support):
        _let_read(draft, form)
    if later:
        messages.success(request, _("Saved. Your draft is here when you come back. Nobody has been told."))
        return redirect("raise")
    return redirect(_after(request, about, page, stays=stays))


def _own(request: HttpRequest, draft_id: uuid.UUID) -> Draft | None:
    """The reader's own draft; when it is to be changed, held until the end of the request. None: sent, deleted, or never theirs."""
    drafts = Draft.objects.filter(author=_person(request)).select_related("partnership", "post__team__agency", "author")
    if request.method == "POST":
        drafts = drafts.select_for_update(of=("self",))
    return drafts.filter(pk=draft_id).first()


def _ask(request: HttpRequest, form: Question) -> HttpResponse:
    pages = raising_forms.asked(form.about)
    before = pages.index(type(form)) - 1
    draft = form.about.draft
    if request.GET.get("back") == "check":
        back = reverse("raise-check", args=[draft.pk])
    else:
        back = reverse("raise-question", args=[draft.pk, pages[before].slug]) if before >= 0 else reverse("raise")
    context = {
        "form": form,
        "draft": draft,
        "back": back,
        "of": HOW_MANY,
        "partnership": draft.partnership,
        "document": form.about.document,
    }
    return render(request, form.template, context)


def _after(request: HttpRequest, about: About, page: type[Question], *, stays: bool) -> str:
    """Where to go when a page was kept. Who came from check-your-answers returns there, by way of what the change makes necessary."""
    draft, pages = about.draft, raising_forms.asked(About(about.draft))
    changing = "?back=check" if request.GET.get("back") == "check" else ""
    if stays:
        return reverse("raise-question", args=[draft.pk, page.slug]) + changing
    following = pages[pages.index(page) + 1 :]
    if changing:
        following = [p for p in following if p.number == page.number and not draft.answers.get(p.slug, {}).get("done")]
    if following:
        return reverse("raise-question", args=[draft.pk, following[0].slug]) + changing
    return reverse("raise-check", args=[draft.pk])


def _let_read(draft: Draft, form: Support) -> None:
    """The colleagues chosen may read the draft, and nobody else may any longer."""
    wanted = form.reading_people()
    known = set(draft.readers.values_list("person_id", flat=True))
    if known - wanted:
        draft.readers.filter(person__in=known - wanted).delete()
    DraftReader.objects.bulk_create([DraftReader(draft=draft, person_id=person) for person in wanted - known])


def _gone(request: HttpRequest, draft_id: uuid.UUID, page: type[Question] | None = None) -> HttpResponse:
    """No such draft for this person: to the confirmation if they have sent it, else a page that says so and gives their words back."""
    entry = _sending(_person(request), draft_id)
    typed = [(key, value) for key, value in (posted(request) or {}).items() if page and key != "csrfmiddlewaretoken" and len(value) > 2]
    if entry and not typed:
        return redirect("raise-sent", entry.disagreement.reference)
    context = {"typed": typed, "reference": entry.disagreement.reference if entry else ""}
    return render(request, "escalation/raising/gone.html", context, status=404)


def _sending(person: User, draft_id: uuid.UUID) -> Entry | None:
    return Entry.objects.filter(person=person, key=draft_id, kind="send").select_related("disagreement").first()


# ── check and send ──────────────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest, draft_id: uuid.UUID) -> HttpResponse:
    """Check your answers, then send. What is missing is named, with a link to it."""
    draft = _own(request, draft_id)
    if draft is None:
        return _gone(request, draft_id)
    about, now = About(draft), timezone.now()
    answered = _answered(about)
    missing = _missing(answered)
    refused = ""
    if request.method == "POST" and not missing:
        try:
            entry = _send(about, answered, by=_person(request))
        except MoveRefused as refusal:
            refused = str(refusal)
        else:
            _forget_what_was_kept(request, draft_id)
            return redirect("raise-sent", entry.disagreement.reference)
    context = {
        "draft": draft,
        "questions": answered.values(),
        "missing": missing,
        "tried": request.method == "POST",
        "refused": refused,
        "document": about.document,
        "preview": None if missing else _preview(about, answered, now),
        "now": now,
    }
    return render(request, "escalation/raising/check.html", context)


def _answered(about: About) -> Answered:
    return {page.slug: page.answered(about) for page in raising_forms.asked(about)}


def _missing(answered: Answered) -> list[tuple[str, str]]:
    """What still has to be answered or set right: the message, and the page."""
    return [(message, slug) for slug, form in answered.items() for message, _id in form.error_summary]


def _send(about: About, answered: Answered, *, by: User) -> Entry:
    given: dict[str, Any] = {}
    for form in answered.values():
        given |= form.cleaned_data
    risk = given["risk"]
    facts: dict[str, Any] = {
        "category": given["category"],
        "at_immediate_risk": risk == "yes",
        "start_higher": given.get("start") == "higher",
        "supporters": given.get("supporters", []),
    }
    if given["decided_on"]:
        facts["decided_on"] = given["decided_on"].isoformat()
    moments = _moments(about, answered, timezone.now())
    facts |= {name: moment.isoformat() for name, moment in moments.items() if moment}
    if track := _track(given):
        facts["track"] = track
    words: tuple[str, ...] = ("decision", "why_unsafe", "outcome_wanted", "child_says", "consulted", "done_first")
    if facts["start_higher"]:
        words += ("higher_reason",)
    children = [
        NewChild(given[f"pseudonym_{n}"], given[f"age_band_{n}"], given[f"reference_{n}"])
        for n in range(1, raising_forms.MOST_CHILDREN + 1)
        if f"pseudonym_{n}" in given
    ]
    return moves.raise_disagreement(
        about.draft,
        by=by,
        given=Given(
            words={name: given.get(name, "") for name in words},
            facts=facts,
            child_safe={"yes": "no", "no": "yes", "unsure": "unsure"}[risk],
            happened_at=moments["told_at"],
        ),
        team=about.team,  # type: ignore[arg-type]  # check has seen that the question is answered
        post=_whom(answered),
        children=children,
        now=timezone.now(),
    )


def _moments(about: About, answered: Answered, now: dt.datetime) -> dict[str, dt.datetime | None]:
    """The moments that bear on the time it has. Of the decision only the day is asked: it counts from when the offices open."""
    given: dict[str, Any] = {}
    for form in answered.values():
        given |= form.cleaned_data
    moments = {name: given.get(name) for name in ("told_at", "disputed_act_at", "needed_by")}
    decided = given.get("decided_on")
    opens = about.document.office_hours.opens
    moments["decision_at"] = min(dt.datetime.combine(decided, opens, times.LONDON), now) if decided else None
    return moments


def _track(given: dict[str, Any]) -> str:
    """The urgent track that was chosen; "" for the ordinary time limits."""
    chosen: str = given.get("track") or ""
    return "" if chosen == ORDINARY else chosen


def _whom(answered: Answered) -> Post | None:
    """The place chosen; None: the whole team."""
    return next((page.post for page in answered.values() if isinstance(page, WhoThere)), None)


@dataclass
class Told:
    """One person who is told, and why; without a post, `name` is a sentence about somebody who cannot be reached here."""

    name: str
    post: Post | None = None
    why: list[str] = field(default_factory=list)

    @property
    def reasons(self) -> str:
        return "; ".join(dict.fromkeys(self.why))


@dataclass(frozen=True)
class Preview:
    """What sending will do: who is told and why, where it starts, by when an answer is due."""

    told: list[Told]
    step: str
    running: list[Running]  # the time limits that begin; none where the procedure sets none
    raised_late: str = ""  # "2 working days": the procedure's limit on raising, where it has passed
    told_at: dt.datetime | None = None

    @property
    def asks_somebody(self) -> bool:
        """Whether anybody on Accord is asked to answer; else the raiser tells them, and records what they say."""
        return any(one.post for one in self.told if str(ASKED) in one.why)


def _preview(about: About, answered: Answered, now: dt.datetime) -> Preview:
    """Follows the door: responders, supporters, the managers when a child is at immediate risk, and the policy's tellings."""
    risk = answered[SafeNow.slug].cleaned_data["risk"] == "yes"
    higher = risk and answered[ActFirst.slug].cleaned_data.get("start") == "higher"
    ladder = about.policy.ladder
    step = ladder.step(ladder.first_step_of(about.document.urgency.may_start_at if higher else Stage.PRACTITIONER))
    told = _managers(about, answered, step.level, higher=True) if higher else []
    told += _told_first(about, answered, TOLD_ONLY if higher else ASKED)
    if risk and not higher and (above := ladder.next_after(step.number)):
        told += _managers(about, answered, above.level, higher=False)
    told += _told_by_policy(about, step, timezone.localdate(now))
    moments = _moments(about, answered, now)
    told_at = moments["told_at"]
    chosen = _track(answered[Why.slug].cleaned_data)
    as_risk = next((track.key for track in about.document.urgency.tracks if track.immediate_risk and risk), "")
    as_sent = AsIfSent(
        about.policy,
        step.number,
        told_at or now,
        at_immediate_risk=risk,
        at_risk_since=now if risk else None,
        track=chosen or as_risk,
        decision_at=moments["decision_at"],
        disputed_act_at=moments["disputed_act_at"],
        needed_by=moments["needed_by"],
    )
    late = raised_late(about.policy, moments["decision_at"], told_at or now)
    return Preview(_once(told), step.name, as_sent.running(now), say_length(late) if late else "", told_at)


def _told_by_policy(about: About, step: Step, today: dt.date) -> list[Told]:
    """Whom the policy's tellings bring in when it is raised."""
    tellings = [one for one in about.document.tellings if one.event == "raised" and one.stage in (None, step.stage)]
    who = {one.who for one in tellings if one.step in (None, step.number)}
    partnership, told = about.draft.partnership, []
    if "office" in who:
        told += [Told(one.name, None, [_("partnership office")]) for one in Appointment.objects.people(partnership, Office.OFFICE, today)]
    if "chair" in who:
        chairs = Appointment.objects.people(partnership, Office.CHAIR, today)
        told += [Told(one.name, None, [about.document.final_body.short]) for one in chairs]
    if "representative" in who:
        agencies = [team.agency_id for team in (about.draft.post.team, about.team) if team]
        held = Appointment.objects.on(today).filter(partnership=partnership, office=Office.REPRESENTATIVE, agency__in=agencies)
        told += [Told(one.person.name, None, [_("represents their agency")]) for one in held.select_related("person")]
    return told


ASKED = gettext_lazy("asked to answer")
TOLD_ONLY = gettext_lazy("told that you disagree")
AT_YOUR_SIDE = gettext_lazy("at your side")
SPEAKS_FOR_YOU = gettext_lazy("speaks for your side")
AT_RISK = gettext_lazy("because a child is at immediate risk")


def _told_first(about: About, answered: Answered, why: Any) -> list[Told]:
    """The people one disagrees with, and those at the raiser's side."""
    chosen = _whom(answered)
    asked = [post for post in ([chosen] if chosen else about.places) if post.is_held]
    told = [_told(post, why) for post in asked]
    if not asked:
        absent = _("Nobody at %(team)s is on Accord yet. Tell them yourself; you record their answer for them.")
        told = [Told(absent % {"team": about.team})]
    supporters = answered[Support.slug].cleaned_data.get("supporters", [])
    return told + [_told(post, AT_YOUR_SIDE) for post in about.colleagues if str(post.pk) in supporters]


def _managers(about: About, answered: Answered, level: int, *, higher: bool) -> list[Told]:
    """Both sides' managers, the other side's first. Where there is a gap, it is said."""
    asked = _whom(answered) or next(iter(about.places), None)
    told = []
    for post, team, why in ((asked, about.team, ASKED), (about.draft.post, about.draft.post.team, SPEAKS_FOR_YOU)):
        manager = post.manager_at(level) if post else None
        gap = _("No manager of %(team)s is on Accord yet: ring them, or ask your partnership’s office") % {"team": team}
        told.append(_told(manager, why if higher else AT_RISK) if manager and manager.is_held else Told(gap))
    return told


def _told(post: Post, why: Any) -> Told:
    return Told(post.holder.name if post.holder else "", post, [str(why)])


def _once(told: list[Told]) -> list[Told]:
    """Everybody once, with all the reasons."""
    people: dict[Any, Told] = {}
    for one in told:
        if first := people.get(one.post.holder_id if one.post else one.name):
            first.why += one.why
        else:
            people[one.post.holder_id if one.post else one.name] = one
    return list(people.values())


# ── after sending ───────────────────────────────────────────────────────────────────────────────────────────────────


@require_GET
def sent(request: HttpRequest, reference: str) -> HttpResponse:
    """The confirmation: reference, who has been told, what happens next and by when. For the person who raised it."""
    try:
        disagreement = by_reference(reference, _person(request))
    except Disagreement.DoesNotExist:
        raise Http404 from None
    entry = disagreement.entries.filter(kind="send", person=_person(request)).first()
    if entry is None:
        raise Http404
    seats = disagreement.seats.filter(opened_by=entry.pk).exclude(capacity=Capacity.RAISER)
    seats = seats.select_related("person", "side", "post__holder", "post__team__agency").order_by("starts_at", "person__name")
    now = timezone.now()
    late = raised_late(disagreement.policy, disagreement.decision_at, entry.happened_at)
    step = disagreement.policy.ladder.step(entry.step)
    opened(request, disagreement, "sent")
    context = {
        "disagreement": disagreement,
        "entry": entry,
        "told": _once([Told(seat.person.name, seat.post, [_why_seated(seat, entry)]) for seat in sorted(seats, key=_is_not_asked(entry))]),
        "sides": disagreement.sides.filter(kind="responding", seats=None, ended_at=None).select_related("team__agency"),
        "running": running(disagreement, disagreement.clocks.filter(started_by=entry), now),
        "late": say_length(late) if late else "",
        "now": now,
        "step": step,
    }
    return render(request, "escalation/raising/sent.html", context)


def _is_not_asked(entry: Entry) -> Callable[[Seat], bool]:
    """Sorts those first who are asked to answer."""
    return lambda seat: not (seat.side and seat.side.kind == SideKind.RESPONDING and seat.step == entry.step)


def _why_seated(seat: Seat, entry: Entry) -> str:
    if not _is_not_asked(entry)(seat):
        return str(ASKED)
    if seat.capacity == Capacity.RESPONDER:
        return str(TOLD_ONLY)
    if seat.capacity == Capacity.SUPPORTER:
        return str(AT_YOUR_SIDE)
    if seat.capacity in (Capacity.LINE_MANAGER, Capacity.SENIOR):
        return str(SPEAKS_FOR_YOU if seat.step == entry.step else AT_RISK)
    return seat.get_capacity_display()


# ── drafts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@require_GET
def read(request: HttpRequest, draft_id: uuid.UUID) -> HttpResponse:
    """The draft as its author, or a colleague they let read it, reads it."""
    drafts = Draft.objects.filter(Q(author=_person(request)) | Q(readers__person=_person(request)), pk=draft_id)
    draft = drafts.select_related("author", "partnership", "post__team__agency").first()
    if draft is None:
        return _gone(request, draft_id)
    about = About(draft)
    questions = [form for form in _answered(about).values() if form.typed]
    own = draft.author_id == _person(request).pk
    if not own:  # that a colleague read it, not which: a draft that is deleted leaves no trace (23.12)
        trail.note(Trace.Kind.READ, "draft", person=_person(request).pk, partnership=draft.partnership_id)
    context = {"draft": draft, "questions": questions, "own": own}
    return render(request, "escalation/raising/read.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, draft_id: uuid.UUID) -> HttpResponse:
    """Asks first, then deletes: a draft leaves no trace (23.12)."""
    draft = _own(request, draft_id)
    if draft is None:
        return _gone(request, draft_id)
    if request.method == "POST":
        draft.delete()
        _forget_what_was_kept(request, draft_id)
        messages.success(request, _("Your draft has been deleted."))
        return redirect("raise")
    return render(request, "escalation/raising/delete.html", {"listed": _in_the_list(draft)})


def _forget_what_was_kept(request: HttpRequest, draft_id: uuid.UUID) -> None:
    """Nor does what was kept of its pages while they were being written."""
    kept_forms.forget(_person(request), reverse("raise-check", args=[draft_id]).removesuffix("check/"), below=True)
