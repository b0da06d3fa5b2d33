"""The directory of an agency: who keeps it, what stands in it, and what may be written. Each agency's own administrator keeps it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, models, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.http import Http404, HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import letters
from accounts.acting import current_person
from accounts.models import Agency, Appointment, Letter, Membership, Office, Partnership, Post, StandIn, Team, User

HIGHEST_LEVEL = 9
LEVELS = {0: gettext_lazy("Practitioner"), 1: gettext_lazy("Line manager"), 2: gettext_lazy("Senior manager")}
REFUSED_BY_THE_DATABASE = ("42501", "P0001", "23", "40", "55P03")  # no right, a trigger's rule, a constraint, others were at it


class Refused(Exception):
    """What was asked may not be done now; says why, to the person who asked."""


@contextmanager
def as_far_as_allowed() -> Iterator[None]:
    """Writes inside all happen or none does. The database has its own view of who may write what: a refusal becomes a sentence."""
    try:
        with transaction.atomic():
            yield
            with connection.cursor() as cursor:  # what is checked at the end is checked here, where it can still be said
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    except DatabaseError as fault:
        cause = fault.__cause__
        state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or ""
        if type(fault) is not DatabaseError and not state.startswith(REFUSED_BY_THE_DATABASE):
            raise
        raise Refused(_("That was not saved: it is not yours to change, or something else was changed meanwhile. Look again.")) from fault


def one_at_a_time(what: str) -> None:
    """Until the end of the transaction nobody else is inside the same `what`: who looks and then writes is not overtaken."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [what])


# ── who keeps what ──────────────────────────────────────────────────────────────────────────────────────────────────


def person_of(request: HttpRequest) -> User:
    person = request.user
    assert isinstance(person, User)  # noqa: S101 - the middleware lets nobody else in
    return person


def administrators_on(day: dt.date) -> models.QuerySet[Appointment]:
    return Appointment.objects.on(day).filter(office=Office.ADMINISTRATOR, person__is_active=True)


def kept_by(person: User) -> models.QuerySet[Agency]:
    """The agencies whose directory this person keeps today: as administrator, or as the office while an agency has none and sits in that
    partnership alone. The database says the same (accord_administered)."""
    held = administrators_on(timezone.localdate())
    own = held.filter(person=person, agency__partnerships=F("partnership"))
    ours = Membership.objects.filter(agency=OuterRef("pk"), partnership__in=served_by(person))
    others = Membership.objects.filter(agency=OuterRef("agency")).exclude(partnership=OuterRef("partnership"))
    without = Exists(ours.filter(~Exists(others))) & ~Exists(held.filter(agency=OuterRef("pk")))
    return Agency.objects.filter(Q(pk__in=own.values("agency")) | without).order_by("name")


def served_by(person: User) -> list[Partnership]:
    """The partnerships whose office this person is today."""
    held = Appointment.objects.on(timezone.localdate()).filter(person=person, office=Office.OFFICE)
    return list(Partnership.objects.filter(pk__in=held.values("partnership")).order_by("name"))


def served(request: HttpRequest) -> tuple[Partnership, list[Partnership]]:
    """The partnership whose office looks, and the others of the same person; everybody else finds nothing."""
    found = served_by(person_of(request))
    wanted = request.GET.get("of")
    chosen = next((one for one in found if wanted in (None, one.slug)), None)
    if chosen is None:
        raise Http404
    return chosen, [one for one in found if one != chosen]


@dataclass(frozen=True)
class Directory:
    """One agency's directory as one person sees it: its administrator changes it, the office of its partnership reads it
    (and keeps it while the agency has no administrator)."""

    agency: Agency
    person: User
    may_change: bool

    def people(self) -> models.QuerySet[User]:
        return people_of(self.agency)

    def posts(self) -> models.QuerySet[Post]:
        return posts_of(self.agency)


def directory_of(request: HttpRequest, agency_id: UUID, *, to_change: bool = True) -> Directory:
    """For the agency's administrator; where it is only read, for the office of its partnerships too. Else it is as if absent."""
    person = person_of(request)
    agency = Agency.objects.filter(pk=agency_id).first()
    if agency is None:
        raise Http404
    if kept_by(person).filter(pk=agency.pk).exists():
        return Directory(agency, person, True)
    if to_change or not Membership.objects.filter(agency=agency, partnership__in=served_by(person)).exists():
        raise Http404
    return Directory(agency, person, False)


def directory_with(request: HttpRequest, row: Team | Post) -> Directory:
    """The directory in which this team or post stands, if the reader keeps it."""
    return directory_of(request, row.agency_id if isinstance(row, Team) else row.team.agency_id)


# ── what stands in it ───────────────────────────────────────────────────────────────────────────────────────────────


def people_of(agency: Agency) -> models.QuerySet[User]:
    """The people whose accounts the agency keeps, and whoever else holds a post in it. Those who left among them."""
    holds = Post.objects.filter(team__agency=agency, ended_on=None, holder=OuterRef("pk"))
    return User.objects.filter(Q(kept_by=agency) | Exists(holds))


def posts_of(agency: Agency) -> models.QuerySet[Post]:
    """The posts there are now, with all that a list says of them."""
    found = Post.objects.filter(team__agency=agency, ended_on=None)
    found = found.select_related("team__agency", "holder", "reports_to__holder", "reports_to__team__agency", "adviser__holder")
    return found.order_by("team__name", "-level", "title", "holder__name", "pk")


def somebody(agency: Agency, email: str, *, at_work: bool = False) -> User | None:
    """The person of the agency with this address who has not left; `at_work`: whose account works today."""
    found = people_of(agency).filter(email=email.strip().lower(), left_on=None)
    return (found.filter(is_active=True) if at_work else found).first()


def level_name(level: int) -> str:
    return str(LEVELS.get(level) or _("Senior, level %(level)d") % {"level": level})


NOT_JOINED = Q(is_active=False, left_on=None, last_login=None, password__startswith="!")  # noqa: S106 - no password
STATES = {
    "working": Q(is_active=True),
    "invited": NOT_JOINED,
    "blocked": Q(is_active=False, left_on=None) & ~NOT_JOINED,
    "left": Q(left_on__isnull=False),
}


def state_of(person: User) -> str:
    """As STATES, of one person: working, invited (has not joined yet), blocked or left."""
    if person.left_on:
        return "left"
    if person.is_active:
        return "working"
    return "blocked" if person.last_login or person.has_usable_password() else "invited"


def open_seats(posts: Iterable[Post]) -> dict[UUID, int]:
    """How many open disagreements wait at each of these posts. Numbers are all that an administrator learns of them."""
    keys = [post.pk for post in posts]
    if not keys:
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, accord_open_seats(id) FROM unnest(%s::uuid[]) AS id", [keys])
        return {key: number or 0 for key, number in cursor.fetchall()}


def open_seats_of(person: User) -> int:
    """At how many seats of open disagreements this person sits, whichever post they belong to."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT accord_open_seats_of(%s)", [person.pk])
        return int(cursor.fetchone()[0] or 0)


def say_open(number: int) -> str:
    return ngettext("%(number)d open disagreement", "%(number)d open disagreements", number) % {"number": number}


# ── what is written ─────────────────────────────────────────────────────────────────────────────────────────────────


def add_agency(name: str, partnership: Partnership) -> Agency:
    """A new agency of this partnership, or one that other partnerships know already."""
    with as_far_as_allowed():
        one_at_a_time("agencies")
        agency = Agency.objects.filter(name__iexact=name).first() or Agency.objects.create(name=name)
        Membership.objects.get_or_create(partnership=partnership, agency=agency)
    return agency


def save(row: models.Model, *changed: str) -> None:
    """Writes a new row, or of one that is there the fields that changed."""
    with as_far_as_allowed():
        row.save(update_fields=None if row._state.adding else changed)


def change_post(post: Post, given: Mapping[str, Any]) -> bool:
    """Title, level, team, line, adviser; and the holder, who takes over what is open at it from now on. False: it was so already."""
    with as_far_as_allowed():
        before = Post.objects.select_for_update().filter(pk=post.pk, ended_on=None).first()
        if before is None:
            raise Refused(_("This post has ended meanwhile."))
        changed = [name for name, value in given.items() if getattr(before, name) != value]
        post.title, post.level, post.team, post.holder = given["title"], given["level"], given["team"], given["holder"]
        post.reports_to, post.adviser = given["reports_to"], given["adviser"]
        if "holder" in changed:
            check_hand_over(before, post.holder)
            tell_of_changed_rights(before.holder, post.holder)
        save(post, *changed)
    return bool(changed)


def check_not_to_oneself(to: User | None) -> None:
    """Who keeps the directory reads no disagreement by it."""
    if to is not None and to == current_person():
        raise Refused(_("Nobody gives a post to themselves: another administrator must."))


def check_hand_over(post: Post, to: User | None) -> None:
    """Whoever holds a post sits at its open disagreements: while there are any, it needs somebody who can sign in."""
    check_not_to_oneself(to)
    if (to is None or not to.is_active) and (number := open_seats([post]).get(post.pk, 0)):
        if to is None:
            said = _("%(post)s has %(number)s, so it cannot be left vacant. Name who takes over.")
        else:
            said = _("%(post)s has %(number)s. %(name)s cannot sign in yet, so they cannot take over.")
        raise Refused(said % {"post": post.title, "number": say_open(number), "name": to.name if to else ""})


def end_post(post: Post, today: dt.date) -> None:
    with as_far_as_allowed():
        check_hand_over(post, None)
        for stand_in in StandIn.objects.select_for_update().filter(post=post, ends_on__gte=today):
            end_stand_in(stand_in, today)
        post.ended_on = today
        save(post, "ended_on")


def end_stand_in(stand_in: StandIn, today: dt.date) -> None:
    """From this moment on they stand in no more. One that has not begun ends the day before it would: it covers no day."""
    if stand_in.ends_on < max(stand_in.starts_on, today):
        return
    with as_far_as_allowed():
        stand_in.ends_on = max(stand_in.starts_on, today) - dt.timedelta(days=1)
        save(stand_in, "ends_on")
        tell_of_changed_rights(stand_in.person)


def tell_of_changed_rights(*people: User | None) -> None:
    """A mail to each who can sign in, and did not do it themselves: what they see and may do is another from now on."""
    for person in {person for person in people if person and person.is_active} - {current_person()}:
        letters.owe(Letter.Kind.RIGHTS_CHANGED, person)


def makes_a_loop(post: Post, reports_to: Post | None, lines: dict[UUID, UUID | None]) -> bool:
    """Whether the reporting line from `reports_to` upwards comes back to this post. `lines`: post -> the one above it."""
    seen, above = set(), reports_to.pk if reports_to else None
    while above is not None and above not in seen:
        if above == post.pk:
            return True
        seen.add(above)
        above = lines.get(above)
    return False
