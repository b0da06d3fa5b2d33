"""No form breaks it: thousands of posts with hostile values, to every address that takes any, as many people; never a 500 (promise 16).

The forms are those that the pages really show: each person's pages are walked, every form found is kept with its fields. A post then
takes such a form, fills it believably, and spoils something: a value, a name, the token, the encoding, a file, the query. Each post is
rolled back, so that all meet the same world; before that, what would be checked at the commit is checked. The seed is fixed.
"""

from __future__ import annotations

import datetime as dt
import functools
import random
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from io import BytesIO
from typing import Any
from urllib.parse import quote_plus, urlsplit

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.test import Client
from django.urls import Resolver404, resolve
from django.utils import timezone

from disputes.models import Draft
from escalation.raising_forms import BY_SLUG
from pages.fields import WordsField
from procedure import proposals
from procedure.models import shipped_chapter
from tests import factories
from tests.conftest import just_signed_in
from tests.factories import acting_as
from tests.test_headers import filled
from tests.test_house import addresses

SEED = 20_260_301
PEOPLE = ["aisha", "sam", "grace", "mona", "hal", "chair", "office", "auditor", "rep", "nell", "zoe", "stranger", ""]
PAGES_EACH = 90
LONGEST = 5  # seconds of the processor for one post, on a slow machine: what takes longer grows with what is sent
A_DISAGREEMENT = "disagreements/<slug:reference>/"

# ── what is sent ────────────────────────────────────────────────────────────────────────────────────────────────────

WORDS = [
    *(
        "",
        " ",
        "\0",
        "before\0after",
        "\x1b[31m",
        "\x08\x0b\x0c",
        "\ufeff",
        "\u2028\u2029",
        "\u202e\u2066abc",
        "\r\nBcc: x@example.org",
        "\r",
    ),
    *("x" * 100_000, "🙂" * 20_000, "ب" * 12_000, "\n" * 50_000, "a" * 201, "e\u0301" * 5_000, "🏴" + "\U000e0067" * 200),
    *(
        "<script>alert(1)</script>",
        "'; DROP TABLE disputes_entry; --",
        '" onload="x',
        "{{ 7*7 }}",
        "{% csrf_token %}",
        "${7*7}",
        "%s%n%(x)s",
    ),
    *(
        "../../etc/passwd",
        "..\\..\\x",
        "/dev/null",
        "=1+1",
        "@SUM(A1)",
        "\t=cmd",
        "日本語テキスト",
        "עברית",
        "Ünïcödé",
        "ﷺ" * 300,
        "İ",
        "ß",
    ),
]
NUMBERS = [
    *("0", "-1", "1", "00001", "9" * 400, "9" * 5_000, "2147483648", "9223372036854775808", "-9223372036854775809", "1e309", "1e5", "NaN"),
    *("Infinity", "-0", "0x10", "1_000", " 7 ", "７", "٣", "²", "½", "Ⅷ", "१२", "+1", "1.5", "1,5", "--1", "1;1"),
]
TIMES = [
    *("31", "30", "29", "2", "13", "0", "2026", "99999", "0000", "-2026", "1900", "10000", "2026-02-30", "2025-03-30T01:30", "0001-01-01"),
    *(
        "9999-12-31",
        "9999-12-31T23:59:59",
        "10000-01-01",
        "2026-13-01",
        "24:00",
        "25:61",
        "23:59",
        "5pm",
        "12am",
        "midnight",
        "1:30",
        "13pm",
        "٩:٣٠",
    ),
    *("2026-03-01T10:00:00+99:99", "1970-01-01T00:00:00Z", "noon", "february", "sept", "29 february"),
]
IDS = [
    *(
        "not-a-uuid",
        "00000000-0000-0000-0000-000000000000",
        "{6f7a1f7e-3b0f-4d3b-8f0e-5a4f8e2f1c11}",
        "urn:uuid:6f7a1f7e-3b0f-4d3b-8f0e-5a4f8e2f1c11",
    ),
    *(
        "6F7A1F7E3B0F4D3B8F0E5A4F8E2F1C11",
        "6f7a1f7e-3b0f-4d3b-8f0e-5a4f8e2f1c1",
        "g" * 36,
        "ZZZZ-ZZZZ",
        "zzzz-zzzz",
        "0000-0000",
        "null",
        "None",
    ),
    *("true", "[]", "{}", "[object Object]", "on", "undefined", "0", "1"),
]
ADDRESSES = [
    *(
        "//evil.example",
        "javascript:alert(1)",
        "http://[",
        "http://[::1",
        "/\\evil.example",
        "https://evil.example:99999/",
        "/desk/\0",
        "/" * 3_000,
    ),
    *(
        "a@b",
        "a" * 300 + "@example.org",
        "x@exämple.org",
        "x@" + "a." * 130 + "org",
        "two@example.org,three@example.org",
        '"q uoted"@example.org',
    ),
    *("AISHA@EXAMPLE.ORG", "aisha@example.org\0", "aisha@example.org ", "aisha@еxample.org", "@", "x@[127.0.0.1]", "mailto:x@example.org"),
]
HOSTILE = [*WORDS, *NUMBERS, *TIMES, *IDS, *ADDRESSES]
BELIEVABLE = ["Because of the two terms", "6", "2026", "10", "yes", "no", "A. Person", "person@example.org", "9am", "unsure", "1"]
OTHER_NAMES = [
    *(
        "is_active",
        "is_superuser",
        "stage",
        "step",
        "id",
        "pk",
        "by",
        "person",
        "csrfmiddlewaretoken",
        "next",
        "seen",
        "key",
        "do",
        "of",
        "save",
    ),
    *("form-TOTAL_FORMS", "form-INITIAL_FORMS", "__proto__", "a[]", "a[0][b]", "", "\0", "x" * 2_000, "обман", "file", "page"),
]
BOMB = b"".join(b"%c: &%c [%s]\n" % (97 + n, 97 + n, b",".join([b"*%c" % (96 + n) if n else b"x"] * 9)) for n in range(9))
FILES = [
    *(b"", b"\0" * 100, b"\xff\xfea\0b\0", b"\xef\xbb\xbfname,email\n", b"\x80\x81\x82", b"x" * 300_000, b"PK\x03\x04broken", b"%PDF-1.7"),
    BOMB,
    *(
        b"!!python/object/apply:os.system ['true']",
        b"? {a: b}\n: c",
        b"- " * 20_000,
        b"{" * 5_000,
        b"[" * 5_000,
        b"a: b: c",
        b"\t- x",
        b"*unknown",
    ),
    *(
        b'"name","email"\n"x","' + b"y" * 200_000,
        b"name,email\r" * 5_000,
        b",,,,,\n" * 3_000,
        b'a,"b\nc",d\n',
        b"email\n=1+1\n@x\n",
        b";;;\n",
    ),
    *(
        b"name,email\n" + b"A,a@example.org\n" * 3_000,
        shipped_chapter().encode(),
        shipped_chapter().replace("working_days", "days").encode(),
    ),
    *(shipped_chapter()[:2_000].encode(), shipped_chapter().replace(": ", ": -", 40).encode(), b"date,name\n2026-02-30,x\n9999-99-99,y\n"),
]
FILE_NAMES = [
    "policy.yaml",
    "people.csv",
    "../../x.csv",
    "x" * 300 + ".csv",
    "a\0b.csv",
    "نص.csv",
    "",
    ".",
    "con.csv",
    'x".csv',
    "a\r\nb.csv",
]
QUERIES = [
    "",
    "",
    "",
    "",
    "?of=%00",
    "?of=nowhere",
    "?page=²",
    "?page=-1",
    "?next=http://[",
    "?x=%ED%A0%80",
    "?" + "a=1&" * 150,
    "?%",
    "?ours=%F0%9F",
    "?page=9999999999",
]


# ── the forms there are ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Form:
    """One form that somebody was shown: where it goes, its fields with what stands in them or may be chosen."""

    who: str
    path: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)

    @property
    def kind(self) -> str:
        return kind_of(self.path)


@functools.cache
def kind_of(path: str) -> str:
    """The address without whose it is: its route, and which move or question it is about."""
    try:
        found = resolve(path)
    except Resolver404:
        return path
    return f"{found.route} {found.kwargs.get('slug', '')}".strip()


class Reader(HTMLParser):
    """The forms and links of a page."""

    def __init__(self, who: str, path: str) -> None:
        super().__init__()
        self.who, self.path = who, path
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._form: Form | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and given.get("href", "").startswith("/"):
            self.links.append(given["href"])
        if tag == "form":
            action = urlsplit(given.get("action") or self.path).path
            self._form = Form(self.who, action) if given.get("method", "").lower() == "post" else None
            if self._form:
                self.forms.append(self._form)
        if self._form is None:
            return
        name = given.get("name", "")
        if tag == "select":
            self._select = name
            self._form.fields.setdefault(name, [])
        elif tag == "option":
            self._form.fields.setdefault(self._select, []).append(given.get("value", ""))
        elif tag in ("input", "textarea", "button") and name and name != "csrfmiddlewaretoken":
            if given.get("type") == "file":
                self._form.files.add(name)
            else:
                self._form.fields.setdefault(name, []).append(given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None


def a_world() -> factories.World:
    """Disagreements at every height of the ladder, a draft, a policy that waits for a second person."""
    w = factories.world()
    for made in (factories.raised, factories.answered, factories.at_line_managers, factories.up_the_line, factories.with_the_chair):
        made(w)
    agreed = factories.answered(w)
    factories.agreed(agreed, w.sam)
    factories.resolved(w)
    with acting_as(w.aisha):
        Draft.objects.create(partnership=w.partnership, author=w.aisha, post=w.posts["aisha"])
    with acting_as(w.office):
        proposals.propose(w.partnership, shipped_chapter(), timezone.localdate() + dt.timedelta(days=30), w.office)
    return w


def signed_in(w: factories.World, people: list[str]) -> dict[str, Client]:
    clients = {}
    for name in people:
        clients[name] = Client(raise_request_exception=False)
        if name:
            clients[name].force_login(w.person(name))
    return clients


def forms_shown(w: factories.World, clients: dict[str, Client], pages_each: int) -> list[Form]:
    """Every form on the pages that each person comes to by links; and for each address that showed none, an empty one."""
    found: dict[tuple[str, str, tuple[str, ...]], Form] = {}
    starts = [
        "/desk/",
        "/disagreements/",
        "/disagreements/new/",
        "/exports/",
        "/procedure/",
        "/procedure/new/",
        "/account/mail/",
        "/sign-in/",
    ]
    starts += [f"/{route}" for route, _pattern in addresses() if "<" not in route and not route.startswith("^")]
    for who, client in clients.items():
        with acting_as(w.person(who) if who else None):
            drafts = list(Draft.objects.filter(author=w.person(who)).values_list("pk", flat=True)) if who else []
        starts_here = [f"/disagreements/new/{draft}/{slug}/" for draft in drafts for slug in BY_SLUG] + starts
        ahead, seen, of_a_kind = list(dict.fromkeys(starts_here)), set(), Counter[str]()
        while ahead and len(seen) < pages_each:
            path = urlsplit(ahead.pop(0)).path
            kind = kind_of(path)
            if path in seen or path.startswith("/static/") or of_a_kind[kind] >= (8 if kind == A_DISAGREEMENT else 2):
                continue
            seen.add(path)
            of_a_kind[kind] += 1
            answer = client.get(path)
            if answer.status_code >= 500:
                raise AssertionError(f"GET {path} as {who or 'nobody'} answered {answer.status_code}") from fault_of(answer)
            if answer.status_code in (301, 302):
                ahead.insert(0, answer["Location"])
            if answer.streaming or not answer["Content-Type"].startswith("text/html"):
                continue
            reader = Reader(who, path)
            reader.feed(answer.content.decode())
            ahead = [link for link in reader.links if "/" in link[1:]] + ahead  # deeper first: the starts come anyway
            for form in reader.forms:
                found.setdefault((who, form.path, tuple(sorted(form.fields))), form)
    for route, _pattern in addresses():
        for who in clients:
            path = filled(route, "ZZZZ-ZZZZ")
            found.setdefault((who, path, ()), Form(who, path))
    return list(found.values())


# ── one post ────────────────────────────────────────────────────────────────────────────────────────────────────────


def spoiled(form: Form, rng: random.Random) -> tuple[dict[str, Any], str]:
    """What is posted, and what was done to it (without the value)."""
    data: dict[str, Any] = {name: rng.choice(values) if any(values) else rng.choice(BELIEVABLE) for name, values in form.fields.items()}
    for name in form.files:
        if rng.random() < 0.8:
            file = BytesIO(rng.choice(FILES))
            file.name = rng.choice(FILE_NAMES)
            data[name] = file
    done = []
    for _ in range(rng.choice([1, 1, 1, 2, 3, 6])):
        names = list(data) or [""]
        how = rng.choice(["value", "value", "value", "value", "missing", "twice", "other", "array", "all"])
        name = rng.choice(names)
        if how == "missing" and name in data:
            del data[name]
        elif how == "twice":
            data[name or "x"] = [rng.choice(HOSTILE), rng.choice(HOSTILE), rng.choice(BELIEVABLE)]
        elif how == "other":
            name = rng.choice(OTHER_NAMES)
            data[name] = rng.choice(HOSTILE)
        elif how == "array":
            data[f"{name}[]"] = data.pop(name, "x")
        elif how == "all":
            data |= {each: rng.choice(HOSTILE) for each in form.fields}
        else:
            data[name or "x"] = rng.choice(HOSTILE)
        done.append(f"{how} {name[:20]!r}")
    return data, ", ".join(done)


def encoded(data: dict[str, Any]) -> bytes:
    """As a browser writes a form; what no browser would send (lone surrogates) goes as its bytes."""
    pairs = [(name, one) for name, value in data.items() for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
    return "&".join(f"{quote_plus(name, errors='surrogatepass')}={quote_plus(one, errors='surrogatepass')}" for name, one in pairs).encode()


FORM = "application/x-www-form-urlencoded"
RAW = [
    *(
        b"%",
        b"=&=&=",
        b"a=%ED%A0%80&b=%ED%BF%BF",
        b"a=%FF%FE",
        b"&" * 1_000,
        b"a" * 70_000,
        b"\xff\xfe\x00",
        b"a=1;b=2",
        b"{}",
        b"[" * 1_000,
        b"--x--",
    ),
    b'--x\r\nContent-Disposition: form-data; name="a"; filename="\xff"\r\nContent-Type: \x00\r\n\r\nq\r\n--x--\r\n',
    *(
        b'--x\r\nContent-Disposition: form-data; name="outcome"\r\n\r\n\xff\xfe\xed\xa0\x80\r\n--x--\r\n',
        b"--x\r\nContent-Disposition: form-data\r\n\r\n",
    ),
    b'--x\r\nContent-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64\r\n\r\n***\r\n--x--\r\n',
]
TYPES = [
    FORM,
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "application/json",
    "text/plain; charset=nonsense",
    f"{FORM}; charset=utf-7",
    "",
]


HEADERS = [
    {"accept-language": "\xff"},
    {"sec-fetch-site": "cross-site"},
    {"referer": "http://["},
    {"origin": "null"},
    {"cookie": "\xff=\x00"},
]


def post(client: Client, form: Form, rng: random.Random) -> tuple[Any, str]:
    query = rng.choice(QUERIES)
    headers = rng.choice(HEADERS) if rng.random() < 0.1 else {}
    way = rng.random()
    if way < 0.06:
        body, kind = rng.choice(RAW), rng.choice(TYPES)
        return client.generic("POST", form.path + query, body, content_type=kind, headers=headers), f"raw {body[:30]!r} as {kind}"
    data, done = spoiled(form, rng)
    client.handler.enforce_csrf_checks = rng.random() < 0.03
    try:
        if form.files or way < 0.15:
            kept = {name: value for name, value in data.items() if value is not None}
            return client.post(form.path + query, kept, headers=headers), f"multipart, {done}"
        return client.generic("POST", form.path + query, encoded(data), content_type=FORM, headers=headers), done
    finally:
        client.handler.enforce_csrf_checks = False


class AsNobody:
    """In a test the connection for refusals is the first one. In service it is a second, on which nobody has signed in: so is this."""

    def __getattr__(self, name: str) -> Any:
        return getattr(connection, name)

    def cursor(self) -> CursorOfNobody:
        return CursorOfNobody(connection.cursor())


class CursorOfNobody:
    def __init__(self, cursor: Any) -> None:
        self.real = cursor
        self.person = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def __enter__(self) -> Any:
        self.real.execute("SELECT current_setting('accord.person', true)")
        self.person = self.real.fetchone()[0] or ""
        self.real.execute("SELECT set_config('accord.person', '', true)")
        return self.real

    def __exit__(self, *_: object) -> None:
        if not connection.needs_rollback:
            self.real.execute("SELECT set_config('accord.person', %s, true)", [self.person])
        self.real.close()


def fault_of(answer: Any) -> BaseException | None:
    return answer.exc_info[1] if getattr(answer, "exc_info", None) else None


def place_of(fault: BaseException | None) -> str:
    if fault is None:
        return "?"
    from config.logs import of_exception

    said = of_exception(fault)
    return f"{said['exception']}: {str(fault)[:120]!r} at {' < '.join(said['places'][-2:])}"


def storm(w: factories.World, posts: int, people: list[str], pages_each: int = PAGES_EACH, seed: int = SEED) -> None:
    rng = random.Random(seed)
    connections["refusals"] = AsNobody()  # put back by conftest
    clients = signed_in(w, people)
    forms = forms_shown(w, clients, pages_each)
    kinds = sorted({form.kind for form in forms})
    of_kind = {kind: [form for form in forms if form.kind == kind] for kind in kinds}
    real = {kind: [form for form in some if form.fields or form.files] for kind, some in of_kind.items()}
    with_forms = [kind for kind in kinds if real[kind]]
    statuses: Counter[int] = Counter()
    faults: dict[str, str] = {}
    slowest: list[tuple[float, str]] = []
    with connection.cursor() as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = 0")  # all of it is one transaction
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # the world's own checks: once, not again after every post
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    began = time.monotonic()
    for number in range(posts):
        if number % 500 == 499:
            for client in clients.values():  # outside what is rolled back
                just_signed_in(client)
        if rng.random() < 0.85:
            form = rng.choice(real[with_forms[number % len(with_forms)]])
        else:
            form = rng.choice(of_kind[kinds[number % len(kinds)]])
        client = clients[form.who]
        cookies = {name: cookie.value for name, cookie in client.cookies.items()}
        busy = time.process_time()
        with transaction.atomic():
            answer, done = post(client, form, rng)
            if answer.streaming:
                b"".join(answer.streaming_content)
            status, fault = answer.status_code, fault_of(answer)
            if status < 500 and not connection.needs_rollback:
                try:
                    with connection.cursor() as cursor:
                        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                except DatabaseError as refused:
                    status, fault = 599, refused
            transaction.set_rollback(True)
        slowest = sorted([*slowest, (time.process_time() - busy, f"{form.path} as {form.who or 'nobody'}, {done}")], reverse=True)[:5]
        client.cookies.clear()
        client.cookies.load(cookies)
        statuses[status] += 1
        if status >= 500:
            faults.setdefault(place_of(fault), f"post {number}, {form.path} as {form.who or 'nobody'}, {done}")
    took = f"{time.monotonic() - began:.0f} s"
    print(f"{posts} posts to {len(kinds)} addresses, {len(with_forms)} with {len(forms)} forms, {took}: {dict(statuses)}")
    print("\n".join(f"{seconds:.1f} s of the processor: {what}" for seconds, what in slowest))
    assert faults == {}, "\n".join(f"{place}\n   {where}" for place, where in faults.items())
    assert slowest[0][0] < LONGEST, slowest
    assert len(with_forms) >= 25, "too few real forms were found"
    assert statuses[200] > posts // 10, statuses  # forms shown again with their errors: the posts do get inside


@pytest.fixture
def w(db: None) -> factories.World:
    return a_world()


def test_no_form_breaks_it(w: factories.World) -> None:
    storm(w, 1_500, ["aisha", "sam", "office", "chair", ""], pages_each=40)


@pytest.mark.long
@pytest.mark.parametrize("part", range(1, 11))
def test_no_form_breaks_it_in_twenty_thousand_posts(part: int, w: factories.World) -> None:
    storm(w, 2_000, PEOPLE, seed=SEED + part)


def test_the_storm_sees_what_it_is_for(w: factories.World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field that breaks on one kind of value is found."""

    def breaks(self: WordsField, value: Any) -> str:
        return str(int(value)) if str(value)[:1].isdigit() else str(value)

    monkeypatch.setattr(WordsField, "to_python", breaks)
    with pytest.raises(AssertionError, match=r"ValueError.*test_fuzz\.py:\d+ breaks"):
        storm(w, 400, ["sam"])


def test_what_is_sent_is_what_is_meant() -> None:
    assert encoded({"a": "\ud800", "b": ["1", "2"], "\0": "é"}) == b"a=%ED%A0%80&b=1&b=2&%00=%C3%A9"
    assert len(HOSTILE) > 100
    assert uuid.UUID(IDS[2])
