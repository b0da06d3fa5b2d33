"""A right that ended is gone at once: of 500 requests that begin a second after its end none succeeds, whatever they ask for.

Pages, moves, lists and searches over a real gunicorn with several threads, in the session of before and in a new one; exports that were
asked for before and are made afterwards, exports that were made before and are taken afterwards, and mails that were owed already.
"""

from __future__ import annotations

import datetime as dt
import http.client
import itertools
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import User
from disputes.models import Disagreement
from evidence import jobs
from evidence.models import Export, ExportPart
from tests import factories
from tests.conftest import SmtpSink, free_port
from tests.factories import World, raised

pytestmark = pytest.mark.usefixtures("committed_db")

SECRET = "c" * 32  # of the form token: the same in the cookie and in the form
A_SECOND = 1.0
AT_ONCE = 8  # browsers
BY_BROWSERS = 400  # of the 500


@dataclass
class Case:
    """One person whose right to one disagreement ends in one way."""

    way: str
    person: User
    disagreement: Disagreement
    end: Callable[[], None]
    moves: dict[str, dict[str, Any]]  # what they could do until then: slug -> what the page posts
    sessions: list[str] = field(default_factory=list)
    still_signs_in: bool = True


def cases() -> list[Case]:
    """Each in a world of its own."""
    a, b, c, d, e, f, g = (factories.world(f"place-{slug}") for slug in "abcdefg")
    factories.stand_in(c.posts["sam"], c.stranger)
    at_managers, passed, with_chair = factories.at_line_managers(d), raised(e), factories.with_the_chair(f)
    closed = Case("the account was closed", a.sam, raised(a), partial(_close_account, a.sam), MATCHING, still_signs_in=False)
    return [
        closed,
        Case("the post changed hands", b.sam, raised(b), partial(_give, b, "sam", b.stranger), MATCHING),
        Case("the standing in ended", c.stranger, raised(c), partial(_end_standing_in, c), MATCHING),
        Case("a conflict of interest was found", d.mona, at_managers, partial(_exclude, at_managers, d.mona, by=d.grace), ANSWERING),
        Case("it was passed on", e.sam, passed, partial(_pass_on, e, passed), MATCHING),
        Case("the Chair's appointment ended", f.chair, with_chair, partial(_end_appointment, f.chair), {"accept-mediation": {}}),
        Case("the auditor's appointment ended", g.auditor, raised(g), partial(_end_appointment, g.auditor), {}),
    ]


MATCHING: dict[str, dict[str, Any]] = {"match-child": {}, "add-note": {"note": "Too late"}, "acknowledge": {}}
ANSWERING: dict[str, dict[str, Any]] = {
    "answer": {"view": "Too late", "reasons": "Too late"},
    "add-note": {"note": "Too late"},
    "propose-outcome": {"outcome": "Too late"},
}


@factories.as_set_up()
def _close_account(person: User) -> None:
    User.objects.filter(pk=person.pk).update(is_active=False)


@factories.as_set_up()
def _give(w: World, post: str, to: User) -> None:
    w.posts[post].holder = to
    w.posts[post].save()


@factories.as_set_up()
def _end_standing_in(w: World) -> None:
    long_ago = timezone.localdate() - dt.timedelta(days=20)
    w.posts["sam"].stand_ins.update(starts_on=long_ago, ends_on=long_ago + dt.timedelta(days=10))


@factories.as_set_up()
def _end_appointment(person: User) -> None:
    person.appointments.update(ends_on=timezone.localdate() - dt.timedelta(days=1))


def _exclude(d: Disagreement, person: User, *, by: User) -> None:
    with acting_as(by):
        factories.exclude(partnership_id=d.partnership_id, disagreement=d, person=person)


def _pass_on(w: World, d: Disagreement) -> None:
    factories.move(d, "pass_on", w.sam, facts={"team": str(w.teams["health"].pk)}, reason="For health visiting")


# ── over a real gunicorn ────────────────────────────────────────────────────────────────────────────────────────────


def signed_in(person: User) -> str:
    """A session with both factors, as a cookie."""
    client = Client()
    client.force_login(person)
    session = client.session
    session["_csrftoken"] = SECRET  # where the token is kept in the session
    session.save()
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@dataclass(frozen=True)
class Asked:
    """One request, and what must not come of it."""

    case: Case
    session: str
    method: str
    path: str
    body: str = ""


def ask(port: int, asked: Asked) -> tuple[int, str, str]:
    """Status, where it sends to, and the page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    cookies = f"{settings.SESSION_COOKIE_NAME}={asked.session}; {settings.CSRF_COOKIE_NAME}={SECRET}"
    headers = {"Cookie": cookies, "Sec-Fetch-Site": "same-origin", "Host": "localhost"}
    if asked.body:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        connection.request(asked.method, asked.path, asked.body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Location") or "", answer.read().decode(errors="replace")
    finally:
        connection.close()


def succeeded(asked: Asked, answer: tuple[int, str, str]) -> bool:
    """Whether anything of the disagreement came: its page, a move made, its line in a list; or a fault, which proves nothing."""
    status, location, page = answer
    d = asked.case.disagreement
    if status in (301, 302, 303):
        return not location.startswith("/sign-in/")
    own = {d.reference, "Ash (", "neglect"}
    shown = re.sub(r"<(input|textarea)[^>]*>", "", page).replace(f'value="{d.reference}"', "")
    return status >= 500 or status not in (200, 403, 404) or any(word in shown for word in own)


def requests_of(case: Case) -> list[Asked]:
    """Everything one could ask about this disagreement, in each session this person has."""
    at = f"/disagreements/{case.disagreement.reference}/"
    pages = [at, f"{at}who-can-see/", f"{at}sent/", f"{at}closing-questions/", *(f"{at}{slug}/" for slug in case.moves)]
    lists = ["/desk/", "/disagreements/", "/disagreements/?state=open", "/disagreements/?stage=practitioner", "/exports/"]
    asked = [Asked(case, session, "GET", page) for session in case.sessions for page in [*pages, *lists]]
    for session, (slug, given) in itertools.product(case.sessions, case.moves.items()):
        form = {"csrfmiddlewaretoken": SECRET, "seen": case.disagreement.move_version, "key": uuid.uuid4(), "child_safe": "yes", **given}
        asked.append(Asked(case, session, "POST", f"{at}{slug}/", urlencode(form)))
    return asked


def entries_of(superuser: Any) -> int:
    return superuser.execute("SELECT count(*) FROM disputes_entry").fetchone()[0]


def test_five_hundred_requests_after_the_end_of_a_right_come_to_nothing(
    run_process: Any, superuser: Any, smtp_sink: SmtpSink, as_clock: Any
) -> None:
    everybody = cases()
    for case in everybody:
        case.sessions.append(signed_in(case.person))
    port = free_port()
    server = run_process("gunicorn", "--workers", "1", "--threads", str(AT_ONCE), port=port, env={"LOG_LEVEL": "ERROR"})

    w = factories.world("still")
    control = Case("it stays", w.sam, raised(w), lambda: None, MATCHING, [signed_in(w.sam)])
    at = "/disagreements/{}/"
    before = [
        (asked, ask(port, asked))
        for case in [*everybody, control]
        for asked in requests_of(case)
        if asked.path in (at.format(case.disagreement.reference), "/disagreements/")
    ]
    assert all(succeeded(asked, answer) for asked, answer in before), "what is looked for is there as long as they may"
    assert len(before) == 2 * (len(everybody) + 1)

    exports = Exports(everybody)
    mails = Mails(everybody, control, superuser)

    for case in everybody:
        case.end()
    ended_at = time.monotonic()
    for case in everybody:
        if case.still_signs_in:
            case.sessions.append(signed_in(case.person))
    connections.close_all()
    made_before = entries_of(superuser)
    time.sleep(max(0.0, ended_at + A_SECOND - time.monotonic()))

    count: Counter[str] = Counter()
    asked = [one for case in everybody for one in requests_of(case)]
    while len(asked) < BY_BROWSERS:
        asked += asked[: BY_BROWSERS - len(asked)]
    with ThreadPoolExecutor(AT_ONCE) as browsers:
        answers = list(browsers.map(lambda one: ask(port, one), asked))
    got_through = [
        (one.case.way, one.method, one.path, answer[:2]) for one, answer in zip(asked, answers, strict=True) if succeeded(one, answer)
    ]
    assert got_through == []
    assert entries_of(superuser) == made_before, "no move was made"
    assert Counter(one.case.way for one in asked).keys() == {case.way for case in everybody}
    count["pages and moves"] = len(asked)

    count["exports made"], count["exports taken"] = exports.come_to_nothing(port, as_clock)
    count["mails"] = mails.come_to_nothing(run_process, superuser, smtp_sink)
    assert [succeeded(one, ask(port, one)) for one in requests_of(control) if one.method == "POST"].count(True) >= 2, "moves can be made"
    assert "Traceback" not in server.output
    assert min(count.values()) >= 10, count
    assert count.total() >= 500, count


# ── exports ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Exports:
    """Exports of auditors: some asked for and some made before their right ends, in each of three ways."""

    def __init__(self, everybody: list[Case], each: int = 8) -> None:
        self.asked: list[tuple[User, uuid.UUID]] = []
        self.made: list[tuple[User, uuid.UUID]] = []
        self.sessions: dict[uuid.UUID, list[str]] = {}
        for slug, end in (("x", _end_appointment), ("y", _close_account), ("z", None)):
            w = factories.world(f"exports-{slug}")
            d = raised(w)
            auditor = w.auditor
            for number in range(each):
                one = {"disagreement": str(d.pk)} if end is None or number % 2 else {}
                for kept in (self.asked, self.made):
                    with acting_as(auditor):
                        kept.append((auditor, Export.objects.create(person=auditor, what=jobs.HISTORY, asked=one).pk))
                assert jobs.make(self.made[-1][1], auditor.pk), "it is made as long as they may"
            self.sessions[auditor.pk] = [signed_in(auditor)]
            everybody.append(
                Case(
                    f"export, {slug}",
                    auditor,
                    d,
                    partial(end, auditor) if end else partial(_exclude, d, auditor, by=w.sam),
                    {},
                    self.sessions[auditor.pk],
                    still_signs_in=end is not _close_account,
                )
            )

    def come_to_nothing(self, port: int, as_clock: Any) -> tuple[int, int]:
        """What was asked for is made now, by the clock's choice and also where its process had started; what was made is taken now."""
        for person, export in self.asked:
            assert not jobs.make(export, person.pk)
        with as_clock(), transaction.atomic():
            assert jobs.claim_next(timezone.now()) is None, "nothing waits any more"
        taken = 0
        for person, export in self.made:
            for session in self.sessions[person.pk]:
                case = Case("export", person, Disagreement(reference="?"), lambda: None, {})
                body = urlencode({"csrfmiddlewaretoken": SECRET})
                status, location, page = ask(port, Asked(case, session, "POST", f"/exports/{export}/", body))
                assert status == 404 or location.startswith("/sign-in/"), (status, location)
                assert "Reference,Entry number" not in page
                taken += 1
        with factories.as_set_up():
            assert not Export.objects.filter(taken_at__isnull=False).exists()
            assert not ExportPart.objects.filter(export__in=[export for _person, export in self.asked]).exists()
        connections.close_all()
        return len(self.asked), taken


# ── mails ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Mails:
    """Mails owed before the end: five kinds of notice to everybody whose right ends, and one to a person whose right stays."""

    def __init__(self, everybody: list[Case], control: Case, superuser: Any) -> None:
        superuser.execute("UPDATE escalation_notice SET sent_at = now()")
        self.people, self.control = {case.person.email for case in everybody}, control.person
        for case in everybody:
            for rule in ("your_move", "news", "told", "urgent", "overdue"):
                self._owe(superuser, case.person, case.disagreement, rule)
        self._owe(superuser, control.person, control.disagreement, "urgent")

    def _owe(self, superuser: Any, person: User, d: Disagreement, rule: str) -> None:
        superuser.execute(
            "INSERT INTO escalation_notice (id, partnership_id, disagreement_id, person_id, rule, entry_id, due_at, written_at, urgent,"
            " attempts, dropped_because) SELECT gen_random_uuid(), partnership_id, disagreement_id, %s, %s, id, now(), now(), true, 0, ''"
            " FROM disputes_entry WHERE disagreement_id = %s ORDER BY number DESC LIMIT 1 ON CONFLICT DO NOTHING",
            [person.pk, rule, d.pk],
        )

    def come_to_nothing(self, run_process: Any, superuser: Any, sink: SmtpSink) -> int:
        process = run_process("manage.py", "relay", "--once", role="clock", env={"EMAIL_URL": sink.url})
        assert process.popen.wait(120) == 0, process.output
        to = Counter(message["X-Envelope-To"] for message in sink.messages)
        assert to[self.control.email] >= 1, "whoever still has a right gets their mail"
        assert self.people.isdisjoint(to), to
        left = "SELECT count(*) FROM escalation_notice n JOIN accounts_user u ON u.id = person_id WHERE u.email = ANY(%s) AND {}"
        of_them = [list(self.people)]
        assert superuser.execute(left.format("sent_at IS NULL AND dropped_at IS NULL AND due_at <= now()"), of_them).fetchone() == (0,)
        return superuser.execute(left.format("dropped_at IS NOT NULL AND entry_id IS NOT NULL"), of_them).fetchone()[0]
