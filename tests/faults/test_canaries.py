"""What people write is found where it belongs, and nowhere else: planted words are looked for in everything that the processes leave.

Every form is filled in through a real gunicorn with words that nobody else writes, each of its own; those of moves that are refused, of
sign-ins that fail and of pages that break as well. A real worker and beat mail, gather and export over a real Redis that is listened to.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import http.client
import json
import random
import re
import socket
import string
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg
import pytest
import redis
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import connections
from django.utils import timezone

from accounts.models import User
from config import database
from escalation.forms import FORMS
from learning.models import Subgroup
from procedure.calendars import shipped
from tests import factories
from tests.conftest import ROOT, RedisServer, SmtpSink, free_port, wait_until
from tests.escalation.test_celery import Celery, celery
from tests.factories import World
from tests.faults.test_rights_that_end import SECRET, signed_in

pytestmark = pytest.mark.usefixtures("committed_db")

__all__ = ["celery"]  # the fixture

KEPT_IN = {
    *("disputes_text", "disputes_child", "disputes_childreference", "disputes_draft", "disputes_sidenote"),
    *("accounts_keptform", "learning_learningpoint", "evidence_exportpart", "learning_referral", "learning_theme", "learning_decision"),
    *("learning_thanks", "learning_debrief", "learning_debriefnote", "learning_logentry"),
}
"""The tables that are there to hold what people write."""

NOT_OURS = re.compile(r"_(day|month|year|time)$|^(csrfmiddlewaretoken|seen|key|next|email|code)$")

# gunicorn as in service, with an access log and with two ways to break: the file `fault` says which.
FAULTY = """
import pathlib
from config.wsgi import application
from django.db import connection
from escalation import moves
FAULT, make = pathlib.Path({fault!r}), moves.make
def breaks(*args, given, **more):
    kind = FAULT.read_text() if FAULT.exists() else ""
    if kind == "code":
        raise ValueError(str(given.words))
    if kind == "database":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 20")
            cursor.execute("SELECT pg_sleep(5), %s", [str(given.words)])
    return make(*args, given=given, **more)
moves.make = breaks
"""


# ── filling in pages ────────────────────────────────────────────────────────────────────────────────────────────────


class Fields(HTMLParser):
    """The fields of the form on a page that has most of them: what is suggested, and what there is to choose from."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self.select = ""
        self.feed(page)
        best = max(self.forms, key=lambda form: len(form["texts"]) + len(form["choices"]), default=None)
        self.texts: list[str] = best["texts"] if best else []
        self.given: dict[str, str] = best["given"] if best else {}
        self.choices: dict[str, list[str]] = best["choices"] if best else {}

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.forms.append({"texts": [], "given": {}, "choices": {}})
        if not self.forms:
            return
        form, name, kind = self.forms[-1], found.get("name", ""), found.get("type", "text")
        if tag == "textarea" or (tag == "input" and kind in ("text", "search") and not NOT_OURS.search(name)):
            form["texts"].append(name)
        elif tag == "select":
            self.select = name
        elif tag == "option" and found.get("value"):
            form["choices"].setdefault(self.select, []).append(found["value"])
            if "selected" in found:
                form["given"][self.select] = found["value"]
        elif tag == "input" and kind == "radio":
            form["choices"].setdefault(name, []).append(found.get("value", ""))
            if "checked" in found:
                form["given"][name] = found.get("value", "")
        elif tag == "input" and kind in ("hidden", "text", "email") and name:
            form["given"][name] = found.get("value", "")


@dataclass
class Planted:
    """Every word that was planted, with where: the page and the field."""

    chance: random.Random = field(default_factory=lambda: random.Random(2024))
    where: dict[str, str] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)  # of forms that were taken

    def word(self, where: str) -> str:
        word = "zq" + "".join(self.chance.choices(string.ascii_lowercase, k=12))
        self.where[word] = where
        return word

    def found_in(self, text: str) -> set[str]:
        return {word for word in re.findall(r"zq[a-z]{12}", text) if word in self.where}


@dataclass
class Browser:
    """One person at the site, without a browser's own traces."""

    port: int
    planted: Planted
    session: str = ""

    def ask(self, method: str, path: str, form: dict[str, Any] | None = None) -> tuple[int, str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        cookies = f"{settings.SESSION_COOKIE_NAME}={self.session}; {settings.CSRF_COOKIE_NAME}={SECRET}"
        headers = {"Cookie": cookies, "Sec-Fetch-Site": "same-origin", "Host": "localhost"}
        body = None
        if form is not None:
            body = urlencode({**form, "csrfmiddlewaretoken": SECRET}, doseq=True)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Location") or "", answer.read().decode(errors="replace")
        finally:
            connection.close()

    def write(self, path: str, **chosen: Any) -> tuple[int, str, str]:
        """Opens the page, plants a word in each of its fields, answers the rest as suggested or as chosen, and sends it."""
        status, _where, page = self.ask("GET", path)
        assert status == 200, (path, status)
        fields = Fields(page)
        words = {name: self.planted.word(f"{path} {name}") for name in fields.texts if name not in chosen}
        answers = {name: values[0] for name, values in fields.choices.items() if name not in fields.given}
        given = {**answers, **fields.given, "child_safe": "yes", **chosen, **words}
        answer = self.ask("POST", path, {name: value for name, value in given.items() if value is not None})
        if answer[0] in (302, 303):
            self.planted.kept |= set(words.values())
        return answer

    def done(self, path: str, **chosen: Any) -> str:
        """As `write`, which must be taken; where it leads."""
        status, where, page = self.write(path, **chosen)
        wrong = re.findall(r'<li>\s*<a href="#[^"]*">([^<]*)', page)
        assert status == 302, (path, status, wrong or page[-1500:])
        return where


# ── what is listened to ─────────────────────────────────────────────────────────────────────────────────────────────


class Listener:
    """Everything that any process says to Redis: queues, task arguments (which travel as base64), cache."""

    def __init__(self, server: RedisServer) -> None:
        self.heard: list[bytes] = []
        self.client = redis.Redis.from_url(server.url)
        self.socket = socket.create_connection(("127.0.0.1", server.port))
        self.socket.sendall(b"MONITOR\r\n")
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while said := self.socket.recv(65536):
                self.heard.append(said)

    @property
    def said(self) -> str:
        text = b"".join(self.heard).decode(errors="replace")
        opened = []
        for packed in set(re.findall(r"[A-Za-z0-9+/]{16,}={0,2}", text)):
            with contextlib.suppress(ValueError):
                opened.append(base64.b64decode(packed + "=" * (-len(packed) % 4)).decode(errors="replace"))
        return "\n".join([text, *opened])

    def kept(self) -> str:
        """What is in Redis now, whatever its type."""
        return "\n".join(f"{key!r} {self.client.dump(key)!r}" for key in self.client.scan_iter())

    def close(self) -> None:
        self.socket.close()
        self.client.close()


@contextlib.contextmanager
def watching_activity(superuser: Any) -> Iterator[list[str]]:
    """What other roles than the web's own could read of running statements, as the clock and the reports see them."""
    seen: list[str] = []
    yield seen
    for role in ("accord_clock", "accord_report", "accord_sealer"):
        superuser.execute(f"SET ROLE {role}")
        seen += [str(row[0]) for row in superuser.execute("SELECT query FROM pg_stat_activity WHERE usename = 'accord_app'")]
        superuser.execute("RESET ROLE")
    seen += [str(row[0]) for row in superuser.execute("SELECT query FROM pg_stat_activity WHERE state = 'idle'")]


def tables_with(superuser: Any, planted: Planted) -> dict[str, set[str]]:
    """Table -> the planted words in it; files kept as bytes are read as text, sessions are opened."""
    found: dict[str, set[str]] = {}
    names = superuser.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    for (name,) in names:
        rows = "\n".join(str(row[0]) for row in superuser.execute(f'SELECT t::text FROM "{name}" t'))
        if name == "evidence_exportpart":
            rows += "".join(bytes(row[0]).decode() for row in superuser.execute("SELECT content FROM evidence_exportpart"))
        if name == "django_session":
            data = superuser.execute("SELECT session_data FROM django_session").fetchall()
            rows += "\n".join(str(SessionStore().decode(row[0])) for row in data)
        if words := planted.found_in(rows):
            found[name] = words
    return found


def files_below(*places: Path) -> Iterator[Path]:
    for place in places:
        yield from (path for path in place.rglob("*") if path.is_file() and "postgres" not in str(path.relative_to(place)))


# ── the walk ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Site:
    """The running site with everybody signed in."""

    w: World
    port: int
    planted: Planted
    superuser: Any

    def person(self, name: str) -> Browser:
        return self.of(self.w.person(name))

    def of(self, person: User) -> Browser:
        return Browser(self.port, self.planted, signed_in(person))


def just_now() -> dict[str, str]:
    now = timezone.localtime()
    return {
        "happened_at_day": str(now.day),
        "happened_at_month": str(now.month),
        "happened_at_year": str(now.year),
        "happened_at_time": f"{now:%H:%M}",
    }


def in_a_week() -> dict[str, str]:
    """The days of the outstanding issues."""
    day = timezone.localdate() + dt.timedelta(days=7)
    return {f"due_{n}_{part}": str(getattr(day, part)) for n in range(1, 6) for part in ("day", "month", "year")}


def raise_one(site: Site, *, send: bool = True) -> str:
    """The seven questions; where the disagreement is. Not sent, it stays a draft."""
    aisha, w = site.person("aisha"), site.w
    where = aisha.done("/disagreements/new/")
    chosen: dict[str, dict[str, Any]] = {
        "right-procedure": {"procedure": "none"},
        "children": {"age_band_1": "5_10", "add": None, "remove": None},
        "what": {"category": "thresholds"},
        "safe-now": {"risk": "unsure"},
        "who": {"team": str(w.teams["social_care"].pk)},
        "who-there": {"place": str(w.posts["sam"].pk)},
        "support": {},
    }
    while (slug := where.rstrip("/").split("/")[-1]) != "check":
        where = aisha.done(where, **chosen.get(slug, {}))
    if not send:
        return where
    sent = aisha.ask("POST", where, {})
    assert sent[0] == 302, sent
    return re.sub(r"sent/$", "", sent[1])


def walk_the_ladder(site: Site, at: str) -> None:
    """From the practitioners to the Chair and to the end, with something written on every page on the way."""
    aisha, sam, grace, mona = (site.person(name) for name in ("aisha", "sam", "grace", "mona"))
    ian, hal = site.person("ian"), site.person("hal")
    sam.done(f"{at}cannot-tell-which-child/")
    aisha.done(f"{at}say-which-child/")
    sam.done(f"{at}match-child/")
    sam.done(f"{at}answer/")
    aisha.done(f"{at}record-discussion/", how="phone", **just_now())
    aisha.done(f"{at}add-note/", about="child_says")
    sam.done(f"{at}add-note/", about="family_knows")
    aisha.done(f"{at}correct-entry/")
    aisha.done(f"{at}our-notes/")
    sam.done(f"{at}our-notes/")
    sam.done(f"{at}propose-outcome/", **in_a_week())
    aisha.done(f"{at}decline-outcome/")
    aisha.done(f"{at}refer-to-line-manager/")
    mona.done(f"{at}answer/")
    grace.done(f"{at}pass-up-the-line/")
    hal.done(f"{at}answer/")
    ian.done(f"{at}ask-the-chair/")
    mediate(site, at)
    hal.done(f"{at}propose-outcome/", **in_a_week())
    site.person("ian").done(f"{at}confirm-outcome/")
    for name in ("aisha", "sam"):
        person = site.person(name)
        person.done(f"{at}closing-questions/", general_issue="yes", debrief="yes")


def mediate(site: Site, at: str) -> None:
    """The Chair asks for more, accepts, names a mediator, writes with each side in private, and holds a joint session."""
    ian, hal, chair = (site.person(name) for name in ("ian", "hal", "chair"))
    chair.done(f"{at}ask-for-more/")
    hal.done(f"{at}answer-the-chair/")
    chair.done(f"{at}accept-mediation/")
    chair.done(f"{at}name-mediator/")
    for side, person in (("raising", ian), ("responding", hal)):
        person.done(f"{at}with-the-chair/")
        chair.done(f"{at}with-each-side/{side}/")
    day = shipped().add_working_days(timezone.localdate(), 5)  # about a day off one is asked again
    date = {f"date_1_{part}": str(getattr(day, part)) for part in ("day", "month", "year")} | {"date_1_time": "10am"}
    chair.done(f"{at}propose-session/", people=str(site.w.chair.pk), **date)
    for person in (ian, hal):
        box = re.search(r'<input[^>]*name="dates"[^>]*>', person.ask("GET", f"{at}answer-session/")[2])
        comes = str(site.w.person("ian" if person is ian else "hal").pk)
        person.done(f"{at}answer-session/", people=comes, dates=re.findall(r'value="([^"]+)"', box[0] if box else "")[0])
    wait_until(
        lambda: site.superuser.execute("SELECT count(*) FROM escalation_notice WHERE rule = 'session_fixed'").fetchone()[0], what="word"
    )
    site.superuser.execute("UPDATE escalation_notice SET due_at = now() - interval '1 hour' WHERE rule = 'session_fixed'")
    chair.done(f"{at}record-mediation/", **just_now())


def learn(site: Site, at: str) -> None:
    """Points to the subgroup, a theme, a decision and what changed; thanks, a debrief and its note; a page of one's own log."""
    aisha, sam, office, w = site.person("aisha"), site.person("sam"), site.person("office"), site.w
    ours, theirs = (
        site.superuser.execute("SELECT id FROM learning_learningpoint WHERE named_by_id = %s", [w.person(name).pk]).fetchone()[0]
        for name in ("aisha", "sam")
    )
    site.person("rep").done(f"/learning/points/{ours}/", where="keep")
    office.done(f"/learning/points/{theirs}/", reason="")
    theme = office.done("/learning/themes/new/", points=str(theirs))
    later = timezone.localdate() + dt.timedelta(days=30)
    due = {f"due_on_{part}": str(getattr(later, part)) for part in ("day", "month", "year")}
    office.done(f"{theme}decide/", email="", owner=str(w.office.pk), **due)
    decision = site.superuser.execute("SELECT id FROM learning_decision").fetchone()[0]
    today = {f"done_on_{part}": str(getattr(timezone.localdate(), part)) for part in ("day", "month", "year")}
    office.done(f"/learning/done/{decision}/", **today)
    aisha.done(f"{at}thanks/", to=str(w.sam.pk))
    request = site.superuser.execute("SELECT id FROM learning_debriefrequest").fetchone()[0]
    start = {f"starts_at_{part}": str(getattr(later, part)) for part in ("day", "month", "year")} | {"starts_at_time": "10am"}
    debrief = office.done(f"/debriefs/arrange/{request}/", people=[str(w.aisha.pk), str(w.sam.pk)], **start)
    pk = site.superuser.execute("SELECT id FROM learning_debrief").fetchone()[0]
    for person in (aisha, sam):
        person.done(f"/debriefs/{pk}/", answer="yes")
    site.superuser.execute("UPDATE learning_debrief SET starts_at = now() - interval '2 hours'")
    aisha.done(f"/debriefs/{pk}/note/")
    assert debrief
    today = {f"on_{part}": str(getattr(timezone.localdate(), part)) for part in ("day", "month", "year")}
    aisha.done("/log/new/", hours="1", **today)


def refuse_every_move(site: Site, at: str) -> int:
    """Every form there is, sent where it is not open, with a word in each of its fields: 409 or 404, and the words come back."""
    sam, sent = site.person("sam"), 0
    for name, form in FORMS.items():
        texts = [key for key, one in form.base_fields.items() if not one.widget.__class__.__name__.startswith(("Radio", "Check", "Select"))]
        texts += ["note", "reason"]
        words = {key: site.planted.word(f"refused {name} {key}") for key in texts if not NOT_OURS.search(key)}
        status, _where, _page = sam.ask("POST", f"{at}{name.replace('_', '-')}/", {**words, "seen": 0, "key": "x", "child_safe": "yes"})
        assert status in (200, 404, 409), (name, status)
        sent += 1
    return sent


def break_it(site: Site, at: str, fault: Path) -> None:
    """Code that raises with the words in its message, and a database that ends the statement they are in."""
    sam = site.person("sam")
    for kind in ("code", "database"):
        fault.write_text(kind)
        status, _where, page = sam.write(f"{at}add-note/", about="other")
        assert status in (500, 503)
        assert not site.planted.found_in(page)
    fault.unlink()


def fail_to_sign_in(site: Site) -> None:
    nobody = Browser(site.port, site.planted)
    for address in (f"{site.planted.word('sign-in, address')}@example.org", site.w.sam.email):
        given = {"login": address, "email": address, "username": address, "password": site.planted.word("sign-in, password")}
        assert nobody.ask("POST", "/sign-in/", given)[0] in (200, 302, 429)
    nobody.ask("POST", "/password/forgotten/", {"email": f"{site.planted.word('reset, address')}@example.org"})


def come_too_late(site: Site, at: str) -> None:
    """A form that is posted after the session ended is kept for its person, and for nobody else."""
    late = site.person("sam")
    session = SessionStore(late.session)
    session["active_at"] = session["signed_in_at"] = time.time() - 3600
    session.save()
    connections.close_all()
    word = site.planted.word("kept form")
    status, where, _page = late.ask("POST", f"{at}add-note/", {"note": word, "about": "other", "seen": 0, "key": "x"})
    assert (status, urlsplit(where).path) == (302, "/sign-in/")
    assert word not in where
    site.planted.kept.add(word)


def test_planted_words_are_found_where_they_belong_and_nowhere_else(
    celery: Celery, run_process: Any, redis_server: RedisServer, smtp_sink: SmtpSink, superuser: Any, tmp_path: Path
) -> None:
    server_log = database.data_dir() / "log.txt"
    log_begins = server_log.stat().st_size
    began = time.time()
    temporary, fault = tmp_path / "temporary", tmp_path / "fault"
    temporary.mkdir()
    (tmp_path / "faulty.py").write_text(FAULTY.format(fault=str(fault)))
    environment = {"TMPDIR": str(temporary), "REDIS_URL": redis_server.url, "EMAIL_URL": smtp_sink.url}
    listener = Listener(redis_server)
    planted, port = Planted(), free_port()
    arguments = ("-m", "gunicorn", "faulty:application", "--worker-class", "gthread", "--threads", "4", "--access-logfile", "-")
    web = run_process(
        "python",
        *arguments,
        "--bind",
        f"127.0.0.1:{port}",
        port=port,
        env={**environment, "PYTHONPATH": f"{ROOT}:{tmp_path}", "LOG_LEVEL": "DEBUG"},
    )
    site = Site(factories.world(), port, planted, superuser)
    with factories.as_set_up():
        Subgroup.objects.create(partnership=site.w.partnership, name="Quality assurance group")

    with watching_activity(superuser) as activity:
        raise_one(site, send=False)
        stays = raise_one(site)
        at = raise_one(site)
        break_it(site, stays, fault)
        assert refuse_every_move(site, stays) == len(FORMS)
        walk_the_ladder(site, at)
        learn(site, at)
        come_too_late(site, stays)
        fail_to_sign_in(site)
        auditor = site.person("auditor")
        export = auditor.ask("POST", "/exports/", {"reference": at.split("/")[2]})[1]
        assert export.startswith("/exports/")

        superuser.execute("UPDATE escalation_notice SET due_at = now() - interval '2 hours' WHERE sent_at IS NULL")
        celery.environment |= environment
        celery.worker()
        celery.beat()
        wait_until(lambda: superuser.execute("SELECT made_at FROM evidence_export").fetchone()[0], seconds=90, what="the export")
        owed = "SELECT count(*) FROM escalation_notice WHERE sent_at IS NULL AND dropped_at IS NULL AND due_at <= now()"
        wait_until(lambda: superuser.execute(owed).fetchone() == (0,), seconds=90, what="the mails")

    # Where it belongs: every word that was taken is in one of the tables for words; the record is on its page and in the export.
    found = tables_with(superuser, planted)
    assert found["evidence_exportpart"] <= found["disputes_text"] | found["disputes_child"] | found["disputes_childreference"]
    status, _where, taken = auditor.ask("POST", export, {})
    page = site.person("aisha").ask("GET", at)[2]
    assert status == 200
    assert planted.found_in(taken) == found["evidence_exportpart"]
    assert len(planted.found_in(page)) >= 20
    lost = planted.kept - set().union(*found.values())
    assert {planted.where[word] for word in lost} == set(), "written, taken and nowhere"
    assert set(found) == KEPT_IN, "each of these tables holds what it is for"
    assert len(planted.kept) >= 50
    assert len(planted.where) >= 150

    # And nowhere else.
    said = {path.name: path.read_text(errors="replace") for path in tmp_path.glob("*.log")}
    assert {"gunicorn-0.log", "python-0.log", "celery-1.log", "redis.log"} & set(said)
    assert "POST /disagreements/" in web.output, "the access log is among them"
    with server_log.open("rb") as log:
        log.seek(log_begins)
        said["the database's log"] = log.read().decode(errors="replace")
    assert "due to statement timeout" in said["the database's log"], "what the database ended is in its log, without the words"
    said["Redis, said"], said["Redis, kept"] = listener.said, listener.kept()
    listener.close()
    assert "make_exports" in said["Redis, said"], "Redis was listened to"
    assert "[[], {}, {" in said["Redis, said"], "and what it was told was opened"
    said["statements"] = "\n".join(activity)
    said |= {
        f"mail {n}": mail.as_string() + "".join(str(part.get_content()) for part in mail.walk() if not part.is_multipart())
        for n, mail in enumerate(smtp_sink.messages)
    }
    assert sum(name.startswith("mail ") for name in said) >= 5
    assert any("have something for you" in text or "messages for you" in text for text in said.values()), (
        "one mail for several was among them"
    )
    changed = [path for path in files_below(ROOT / "var", temporary) if path.stat().st_mtime >= began]
    said |= {str(path): path.read_bytes().decode(errors="replace") for path in changed}
    leaks = {name: sorted(planted.where[word] for word in words) for name, text in said.items() if (words := planted.found_in(text))}
    assert leaks == {}
    print(f"{len(planted.where)} words planted, {len(planted.kept)} kept in {len(found)} tables; looked for in {len(said)} places")


# ── that the sweep would find it ────────────────────────────────────────────────────────────────────────────────────


def test_a_word_in_a_task_is_found(redis_server: RedisServer) -> None:
    planted, listener = Planted(), Listener(redis_server)
    plain, packed = planted.word("a key"), planted.word("an argument")
    body = base64.b64encode(json.dumps([[packed], {}, {}]).encode()).decode()
    wait_until(lambda: listener.client.lpush("celery", json.dumps({"body": body})) and "lpush" in listener.said.lower(), what="Redis")
    listener.client.set("kept", plain)
    wait_until(lambda: planted.found_in(listener.said) == {plain, packed}, what="both words")
    assert plain in planted.found_in(listener.kept())
    listener.close()


def test_a_word_in_a_statement_that_fails_is_in_the_servers_log_for_other_roles_and_not_for_ours(superuser: Any, as_role: Any) -> None:
    planted, server_log = Planted(), database.data_dir() / "log.txt"
    begins, fails = server_log.stat().st_size, "SELECT 1/0, '{}'"
    theirs = planted.word("the superuser's statement")
    with pytest.raises(psycopg.errors.DivisionByZero):
        superuser.execute(fails.format(theirs))
    for role in ("app", "clock", "migrator", "replay", "report", "sealer"):
        with as_role(role) as connection, pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute(fails.format(planted.word(role)))
    with server_log.open("rb") as log:
        log.seek(begins)
        assert planted.found_in(log.read().decode(errors="replace")) == {theirs}


def test_a_word_in_a_table_or_a_session_is_found(superuser: Any) -> None:
    w, planted = factories.world(), Planted()
    with factories.as_set_up():
        User.objects.filter(pk=w.zoe.pk).update(name=planted.word("a name"))
    session = SessionStore(signed_in(w.sam))
    session["said"] = planted.word("a session")
    session.save()
    assert set(tables_with(superuser, planted)) == {"accounts_user", "django_session"}
