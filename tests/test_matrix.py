"""Every address as everybody: allowed, or the answer of what does not exist, or the way to sign in, as evidence/access.py says.

The count of addresses is held: a new one fails here until it is in the table, with its audience.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Appointment, Invitation, Membership, Post, User
from disputes.models import Disagreement, Draft
from evidence.access import ADDRESSES, ALSO_CALLED, BY_NAME, Audience
from evidence.management.commands import access
from evidence.models import Export
from learning.models import (
    Debrief,
    DebriefParticipant,
    DebriefRequest,
    Decision,
    LearningEvent,
    LearningPoint,
    LogEntry,
    Referral,
    Release,
    Subgroup,
    Theme,
    ThemePoint,
)
from tests import factories
from tests.factories import World
from tests.sameness import same

pytestmark = pytest.mark.django_db

ADDRESSES_THERE_ARE = 138  # one more or less: say here that it was meant, and for whom in evidence/access.py
METHODS = ("get", "head", "post")
OTHER_METHODS = ("put", "patch", "delete", "options")  # asked by some: a view that takes them takes them from everybody it takes in
ASK_ALL = ("anonymous", "stranger", "raiser", "office")

# ── the people ──────────────────────────────────────────────────────────────────────────────────────────────────────
# d stands with the line managers (Grace and Mona act), e with the Chair, who has accepted: before and after for all above.

PEOPLE = (
    *("anonymous", "stranger", "colleague", "raiser", "responder", "manager", "other_manager", "senior", "other_senior", "chair", "deputy"),
    *("office", "auditor", "auditor_out_of_dates", "administrator", "lead", "leaver", "former_holder", "stand_in", "excluded"),
    *("representative", "subgroup_member", "other_office", "other_auditor", "other_administrator"),
)
SEES_D = {"raiser", "responder", "manager", "other_manager", "stand_in", "auditor", "lead"}
SEES_E = SEES_D | {"senior", "other_senior", "chair", "office"}
ON_A_SIDE_OF_D = {"raiser", "responder", "manager", "other_manager", "stand_in"}
ON_A_SIDE_OF_E = ON_A_SIDE_OF_D | {"senior", "other_senior"}
EVERYBODY = set(PEOPLE)
IN_NORTHSHIRE = EVERYBODY - {"anonymous", "stranger", "leaver", "auditor_out_of_dates", "stand_in", "other_office", "other_auditor"}
SIGNED_IN = EVERYBODY - {"anonymous", "leaver"}

READS_THEMES = {"representative", "subgroup_member", "office", "chair", "deputy", "auditor", "excluded"}

# Whom the table means, of the rows that the matrix asks for: Aisha's draft, an export, the school's directory, Northshire's rules.
ALLOWED: dict[Audience, set[str]] = {
    Audience.EVERYBODY: EVERYBODY,
    Audience.SIGNING_IN: EVERYBODY,
    Audience.THE_INVITED: EVERYBODY,
    Audience.SIGNED_IN: SIGNED_IN,
    Audience.THEMSELVES: SIGNED_IN,
    Audience.IN_A_POST: SIGNED_IN,
    Audience.WHO_SEES_IT: SEES_D,
    Audience.WHO_RAISED_IT: {"raiser"},
    Audience.THE_PARTIES: ON_A_SIDE_OF_D,
    Audience.THE_SIDES_IN_MEDIATION: set(),  # of d, which is with the line managers
    Audience.WHO_MEDIATES: set(),
    Audience.WHO_SEES_THE_RECORD: set(),  # no session has a date here: see tests/escalation/test_ics.py
    Audience.WHO_TAKES_PART: ON_A_SIDE_OF_D,
    Audience.THE_AUTHOR: {"raiser"},
    Audience.OFFICE_AND_CHAIR: {"office", "chair", "deputy", "other_office"},
    Audience.OFFICE: {"office", "other_office"},
    Audience.LEARNING: {"representative", "subgroup_member", "office", "other_office"},
    Audience.THEMES: {*READS_THEMES, "other_office", "other_auditor"},
    Audience.DECIDING: {"subgroup_member", "office", "other_office"},
    Audience.SEES_TO_IT: {"subgroup_member", "office", "other_manager"},
    Audience.CHANGED: READS_THEMES,  # nothing has changed after this one yet; whoever owns its decision reads the theme all the same
    Audience.LEARNING_EVENTS: IN_NORTHSHIRE,
    Audience.THE_DEBRIEFED: {"raiser", "responder", "office"},
    Audience.AT_THE_DEBRIEF: {"raiser", "responder"},
    Audience.AUDITORS: {"auditor", "excluded", "other_auditor"},
    Audience.AUDITORS_AND_LEADS: {"auditor", "excluded", "other_auditor", "lead"},
    Audience.WATCHING: {"auditor", "excluded", "other_auditor", "lead", "office", "other_office"},
    Audience.KEEPERS: {"administrator"},
    Audience.KEEPERS_AND_OFFICE: {"administrator", "office"},
    Audience.DIRECTORIES: {"administrator", "other_administrator", "office", "other_office"},
}
# Rows that belong to somebody: what the audience's other members may do with rows of their own, they may not with these.
ALLOWED_ROWS: dict[str, set[str]] = {
    "log-change": {"raiser"},
    "log-delete": {"raiser"},
    "debrief-arrange": {"office"},
    "debrief-change": {"office"},
    "event-change": {"office", "subgroup_member"},
    "export": {"auditor"},
    "stand-in-end": {"manager", "administrator"},
    "invitation-code": {"raiser"},
    "invite-again": {"raiser"},
    "withdraw-invitation": {"raiser"},
    "remove-second-factor": set(),  # nobody has one here
    "download-recovery-codes": set(),
    "new-password": set(),  # the keys of the matrix open nothing: one page for all that opens nothing
    "invitation": set(),
    "procedure-proposal": set(),
    "procedure-proposal-text": set(),
    "procedure-version": {"office", "chair", "deputy", "other_office"},
    "procedure-version-text": {"office", "chair", "deputy", "other_office"},
    "procedure-post": {"office", "chair", "deputy"},
    "appointment-end": {"office"},
    "trail-alarm-looked-into": set(),
    "trail-person": {"auditor", "excluded", "lead"},
    "learning-point": {"representative", "subgroup_member", "office"},
    "learning-point-theme": {"subgroup_member", "office"},
    "theme": READS_THEMES | {"other_manager"},
    "theme-change": {"subgroup_member", "office"},
    "theme-decide": {"subgroup_member", "office"},
    "theme-briefing": READS_THEMES,
    "decision-done": {"subgroup_member", "office", "other_manager"},
    "subgroup": {"office"},
    **dict.fromkeys(("figures-period", "figures-xlsx", "figures-pdf", "figures-csv"), READS_THEMES),
    "openid_connect_login": set(),  # no organisation is set up here
    "openid_connect_callback": set(),
    "how-to-disagree-in": EVERYBODY,
}


@dataclass
class Matrix:
    """A partnership with everybody in it, and one row of everything an address can name."""

    w: World
    d: Disagreement
    e: Disagreement
    people: dict[str, User | None] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)

    def client(self, who: str) -> Client:
        client = Client(raise_request_exception=True)
        if (person := self.people[who]) is not None:
            client.force_login(User.objects.get(pk=person.pk))
        return client

    def path(self, route: str, reference: str) -> str:
        """The address with this reference, and with rows that exist for the rest."""
        filled = re.sub(r"<(?:\w+:)?(\w+)>", lambda part: reference if part[1] == "reference" else self.parts[part[1]], route)
        return f"/{filled}"


def made() -> Matrix:
    w, elsewhere = factories.world(), factories.world("elsewhere")
    ends = timezone.localdate() - dt.timedelta(days=1)
    relief, lead, keeper, other_keeper = (factories.person(name) for name in ("Relief", "Lead", "Keeper", "Other keeper"))
    second_auditor, late_auditor, successor = (factories.person(name) for name in ("Second auditor", "Late auditor", "Successor"))
    gone, member = factories.person("Gone"), factories.person("Subgroup member")
    school, care = w.teams["school"].agency, w.teams["social_care"].agency
    with factories.as_set_up():
        User.objects.filter(posts__team__agency=school).update(kept_by=school)
        Membership.objects.filter(partnership=elsewhere.partnership, agency__in=[school, care]).delete()  # agencies are nobody's own
        for person, office, agency, until in (
            (lead, "safeguarding_lead", school, None),
            (keeper, "administrator", school, None),
            (other_keeper, "administrator", care, None),
            (second_auditor, "auditor", None, None),
            (late_auditor, "auditor", None, ends),
            (member, "subgroup", None, None),
        ):
            Appointment.objects.create(
                partnership=w.partnership, person=person, office=office, agency=agency, starts_on=factories.LONG_AGO, ends_on=until
            )
        leavers_post = Post.objects.create(team=w.teams["health"], holder=gone, title="Nurse", level=0)
        formers_post = Post.objects.create(team=w.teams["social_care"], holder=w.zoe, title="Duty", level=0)
    stand_in = factories.stand_in(w.posts["grace"], relief)
    d = factories.at_line_managers(w)
    e = factories.with_the_chair(w)
    factories.move(e, "accept_mediation", w.chair)
    factories.exclude(partnership=w.partnership, disagreement=d, person=second_auditor)
    factories.exclude(partnership=w.partnership, disagreement=e, person=second_auditor)
    former = factories.raised(w, to="sam")  # whose responder's post changes hands
    with factories.as_set_up():
        User.objects.filter(pk=gone.pk).update(is_active=False, left_on=ends)
        leavers_post.refresh_from_db()
        formers_post.holder = successor
        formers_post.save()
    del former
    with acting_as(w.aisha):
        draft = Draft.objects.create(partnership=w.partnership, author=w.aisha, post=w.posts["aisha"])
        invited = User.objects.create(email="new@example.org", name="New", is_active=False, kept_by=school, password="!")
        invitation = Invitation.objects.create(
            person=invited,
            invited_by=w.aisha,
            key_hash="0" * 64,
            code_hash="x",
            expires_at=timezone.now() + dt.timedelta(days=2),
        )
    with acting_as(w.auditor):
        export = Export.objects.create(person=w.auditor, what="history.csv")
    found = Matrix(w, d, e)
    found.people = {
        "anonymous": None,
        "stranger": w.stranger,
        "colleague": w.nell,
        "raiser": w.aisha,
        "responder": w.sam,
        "manager": w.grace,
        "other_manager": w.mona,
        "senior": w.ian,
        "other_senior": w.hal,
        "chair": w.chair,
        "deputy": w.deputy,
        "office": w.office,
        "auditor": w.auditor,
        "auditor_out_of_dates": late_auditor,
        "administrator": keeper,
        "lead": lead,
        "leaver": gone,
        "former_holder": w.zoe,
        "stand_in": relief,
        "excluded": second_auditor,
        "representative": w.rep,
        "subgroup_member": member,
        "other_office": elsewhere.office,
        "other_auditor": elsewhere.auditor,
        "other_administrator": other_keeper,
    }
    found.parts = {
        **learnt(w, member),
        "draft_id": str(draft.pk),
        "agency_id": str(school.pk),
        "team_id": str(w.teams["school"].pk),
        "post_id": str(w.posts["aisha"].pk),
        "person_id": str(w.aisha.pk),
        "person": str(w.aisha.pk),
        "stand_in_id": str(stand_in.pk),
        "appointment_id": str(Appointment.objects.get(person=w.rep).pk),
        "pk": str(invitation.pk),
        "export": str(export.pk),
        "proposal_id": str(uuid.uuid4()),
        "alarm": str(uuid.uuid4()),
        **rows_of_learning(w),
        "number": "1",
        "level": "1",
        "slug": "add-note",
        "kind": "raising",
        "key": "a" * 43,
        "who": "a",
        "token": "a",
        "provider_id": "nobody",
    }
    return found


def learnt(w: World, member: User) -> dict[str, str]:
    """A general issue of the school, in a theme about which something was decided that Mona sees to."""
    ended = factories.resolved(w)
    factories.move(ended, "answer_closing_questions", w.aisha, facts={"general_issue": True})
    with acting_as(w.aisha):
        entry = ended.entries.get(kind="answer_closing_questions")
        common = {"partnership": w.partnership}
        point = LearningPoint.objects.create(
            **common,
            disagreement=ended,
            entry=entry,
            agency=w.teams["school"].agency,
            named_by=w.aisha,
            about="protocol",
            issue="No reasons",
        )
    with acting_as(w.office):
        subgroup = Subgroup.objects.create(**common, name="Quality")
        Referral.objects.create(**common, point=point, subgroup=subgroup, referred_by=w.office)
    with acting_as(member):
        theme = Theme.objects.create(**common, subgroup=subgroup, title="Reasons", about="protocol", made_by=member)
        ThemePoint.objects.create(**common, point=point, theme=theme, placed_by=member)
        soon = timezone.localdate() + dt.timedelta(days=9)
        decision = Decision.objects.create(
            **common, theme=theme, kind="protocol", what="A letter", owner=w.mona, due_on=soon, decided_by=member
        )
    flow = {"key": "flow", "rows": ["all"], "columns": ["opened", "closed", "open"], "names": {}, "cells": [[9, 8, None]]}
    with factories.as_set_up():
        starts, ends = dt.date(2026, 4, 1), dt.date(2026, 6, 30)
        Release.objects.create(**common, starts_on=starts, ends_on=ends, tables={"format": 1, "tables": [flow]})
    return {
        "period": "2026-27-q1",
        "table": "flow",
        "point_id": str(point.pk),
        "theme_id": str(theme.pk),
        "decision_id": str(decision.pk),
        "subgroup_id": str(subgroup.pk),
    }


def rows_of_learning(w: World) -> dict[str, str]:
    """An entry of the raiser's log, a debrief that was held, one that is asked for, an event to come."""
    yesterday, tomorrow = timezone.now() - dt.timedelta(days=1), timezone.now() + dt.timedelta(days=1)
    with acting_as(w.aisha):
        entry = LogEntry.objects.create(owner=w.aisha, on=yesterday.date(), title="Mine")
    asked = factories.resolved(w)
    requests = [factories.move(asked, "ask_for_debrief", w.aisha), factories.move(factories.resolved(w), "ask_for_debrief", w.aisha)]
    with acting_as(w.aisha):
        common = {"partnership": w.partnership, "asked_by": w.aisha}
        held, waits = (
            DebriefRequest.objects.create(**common, disagreement_id=one.disagreement_id, entry=one, side=one.side) for one in requests
        )
    with acting_as(w.office):
        debrief = Debrief.objects.create(
            partnership=w.partnership, disagreement_id=held.disagreement_id, arranged_by=w.office, starts_at=yesterday
        )
        for person in (w.aisha, w.sam):
            DebriefParticipant.objects.create(debrief=debrief, person=person)
        event = LearningEvent.objects.create(
            partnership=w.partnership, kind="briefing", title="Briefing", starts_at=tomorrow, hours=1, made_by=w.office
        )
    for person in (w.aisha, w.sam):
        with acting_as(person):
            DebriefParticipant.objects.filter(debrief=debrief, person=person).update(answer="yes")
    return {"entry_id": str(entry.pk), "request_id": str(waits.pk), "debrief_id": str(debrief.pk), "event_id": str(event.pk)}


@contextmanager
def undone() -> Iterator[None]:
    """Whatever a request writes is taken back, so that the next one finds the same rows."""
    try:
        with transaction.atomic():
            yield
            raise _Undo
    except _Undo:
        pass


class _Undo(Exception):
    pass


def routes() -> list[tuple[str, str]]:
    """(address, name of the table), each address once."""
    seen: dict[str, str] = {}
    for route, name in access.routes():
        seen.setdefault(route, name)
    return list(seen.items())


def part_of(matrix: Matrix, route: str, name: str) -> str:
    if name == "how-to-disagree-in":
        matrix.parts["slug"] = matrix.w.partnership.slug
    elif name == "raise-question":
        matrix.parts["slug"] = "what"
    else:
        matrix.parts["slug"] = "add-note"
    if name == "remove-second-factor":
        return route.replace("<int:pk>", "1")
    return route


def allowed(name: str, on_e: bool) -> set[str]:
    if name in ALLOWED_ROWS:
        return ALLOWED_ROWS[name]
    audience = BY_NAME[name].audience
    if on_e and audience is Audience.WHO_SEES_IT:
        return SEES_E
    if on_e and audience is Audience.WHO_TAKES_PART:
        return ON_A_SIDE_OF_E | {"chair", "office"}
    if on_e and audience is Audience.THE_PARTIES:
        return ON_A_SIDE_OF_E
    if on_e and audience is Audience.THE_SIDES_IN_MEDIATION:
        return ON_A_SIDE_OF_E
    if on_e and audience is Audience.WHO_MEDIATES:
        return {"chair"}
    return ALLOWED[audience]


def kind_of(answer: Any) -> str:
    """in: the view took them in; hidden: as what does not exist; sign-in: asked to sign in; method: this address has no such method."""
    if answer.status_code in (404, 410):
        return "hidden"
    if answer.status_code == 405:
        return "method"
    if answer.status_code in (301, 302) and answer["Location"].startswith("/sign-in/"):
        return "sign-in"
    return "in" if answer.status_code in (200, 204, 302, 303, 400, 409, 413, 422, 429) else f"status {answer.status_code}"


# ── the table itself ────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_address_is_in_the_table_and_the_table_names_no_other() -> None:
    found = routes()
    assert {name for _route, name in found} == set(BY_NAME)
    assert len(ADDRESSES) == len(BY_NAME)
    assert len(found) == ADDRESSES_THERE_ARE
    assert set(ALSO_CALLED) <= {pattern.name for pattern in _patterns()}


def _patterns(patterns: Any = None) -> Iterator[Any]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if hasattr(pattern, "url_patterns"):
            yield from _patterns(pattern.url_patterns)
        else:
            yield pattern


def test_nobody_administers_by_djangos_admin() -> None:
    """Who runs the service configures it and reads no disagreement."""
    assert "django.contrib.admin" not in settings.INSTALLED_APPS
    assert not any(name and name.startswith("admin") for _route, name in access.routes())


def test_the_page_of_the_docs_says_the_same() -> None:
    assert access.TARGET.read_text(encoding="utf-8") == access.written()


# ── asked ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", PEOPLE)
def test_every_address_answers_as_the_table_says(who: str) -> None:
    matrix = made()
    client = matrix.client(who)
    cookies = dict(client.cookies)
    wrong, asked = [], 0
    for route, name in routes():
        full = part_of(matrix, route, name)
        for reference, on_e in ((matrix.d.reference, False), (matrix.e.reference, True)):
            if on_e and "<slug:reference>" not in route:
                continue
            expected = "in" if who in allowed(name, on_e) else "hidden"
            if who in ("anonymous", "leaver") and BY_NAME[name].audience not in OPEN_TO_ALL:
                expected = "sign-in"
            for method in (*METHODS, *(OTHER_METHODS if who in ASK_ALL else ())):
                client.cookies.clear()
                client.cookies.update(cookies)
                with undone():
                    got = kind_of(getattr(client, method)(matrix.path(full, reference)))
                if name in LEADS_TO_SIGNING_IN and got == "sign-in":
                    got = expected
                asked += 1
                if got not in (expected, "method"):
                    wrong.append((method, route, "e" if on_e else "", f"{got}, not {expected}"))
    assert asked > (700 if who in ASK_ALL else 300)
    assert wrong == [], "\n".join(map(str, wrong))


LEADS_TO_SIGNING_IN = ("start", "sign-out", "mfa_authenticate")  # whoever they take in
OPEN_TO_ALL = (Audience.EVERYBODY, Audience.SIGNING_IN, Audience.THE_INVITED)


@pytest.mark.parametrize("who", sorted(SIGNED_IN - SEES_E))
def test_hidden_is_absent_in_status_and_body(who: str) -> None:
    """Every address of a disagreement, as each who sees neither: the answer for one that exists and for one that does not."""
    matrix = made()
    client = matrix.client(who)
    compared = 0
    for route, name in routes():
        if "<slug:reference>" not in route:
            continue
        for method in ("get", "head", "post"):
            with undone():
                hidden = getattr(client, method)(matrix.path(part_of(matrix, route, name), matrix.e.reference))
            with undone():
                absent = getattr(client, method)(matrix.path(part_of(matrix, route, name), "ZZZZ-ZZZZ"))
            assert hidden.status_code == absent.status_code == (405 if hidden.status_code == 405 else 404), (method, route)
            assert masked(hidden)[0] == masked(absent)[0], (method, route)
            assert dict(masked(hidden)[1]) == dict(masked(absent)[1]), (method, route)
            compared += 1
    assert compared >= 15


def masked(answer: Any) -> tuple[str, list[tuple[str, str]]]:
    headers = sorted((name, same(value)) for name, value in answer.headers.items() if name not in ("Content-Length", "X-Request-ID"))
    return same(answer.content.decode()), headers


# ── list, search, count and open agree ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", sorted(SIGNED_IN))
def test_list_search_count_desk_and_rows_agree_with_open(who: str) -> None:
    matrix = made()
    client = matrix.client(who)
    person = User.objects.get(pk=matrix.people[who].pk)  # type: ignore[union-attr]
    references = {}
    for one in (matrix.d, matrix.e):
        references[one.reference] = client.get(f"/disagreements/{one.reference}/").status_code == 200
    listed = client.get("/disagreements/").content.decode()
    desk = client.get("/desk/").content.decode()
    with acting_as(person):
        ours = set(Disagreement.objects.visible_to(person).values_list("reference", flat=True))
        theirs = set(Disagreement.objects.values_list("reference", flat=True))
    for reference, opens in references.items():
        assert (reference in ours) == (reference in theirs) == opens, reference
        assert (reference in listed) == opens, reference
        assert opens or reference not in desk
        searched = client.get("/disagreements/", {"looked_for": reference, "q": reference}).content.decode()
        assert opens or f"/disagreements/{reference}/" not in searched
    assert ours == theirs
    expected = {matrix.d.reference} if who in SEES_D else set()
    assert ours & {matrix.d.reference} == expected


def test_crawled_as_one_party_and_replayed_as_all_others(client: Client) -> None:
    """Every link that the raiser's pages hold, followed three deep, then asked as everybody who sees nothing: nothing."""
    matrix = made()
    raiser = matrix.client("raiser")
    found, new = set(), {"/desk/", f"/disagreements/{matrix.d.reference}/"}
    for _ in range(3):
        found |= new
        links: set[str] = set()
        for path in new:
            answer = raiser.get(path)
            if answer.status_code == 200 and not answer.streaming:
                links |= set(re.findall(r'href="(/[^"#]*)"', answer.content.decode(errors="replace")))
        new = {link for link in links if not link.startswith(("/static/", "/sign-out"))} - found
    of_it = sorted(path for path in found | new if matrix.d.reference in path)
    assert len(of_it) >= 8
    leaked = []
    for who in sorted(EVERYBODY - SEES_D):
        other = matrix.client(who)
        for path in of_it:
            with undone():
                answer = other.get(path)
            if kind_of(answer) not in ("hidden", "sign-in") or "Ash (" in answer.content.decode(errors="replace"):
                leaked.append((who, path))
    assert leaked == []
