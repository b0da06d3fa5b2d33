"""The table of headers, on every answer there is: pages, redirects, refusals, faults, files, downloads (promise 17)."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any
from urllib.request import Request, urlopen

import pytest
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.test import Client, override_settings

from evidence import jobs
from pages.answers import NOT_USED
from tests import factories
from tests.conftest import free_port, wait_until
from tests.test_house import addresses

NONCE = re.compile(r"script-src 'nonce-[A-Za-z0-9+/=]{20,}' 'strict-dynamic'")
POLICY = {
    *("default-src 'none'", "style-src 'self'", "img-src 'self'", "font-src 'self'", "connect-src 'self'", "form-action 'self'"),
    *("frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'", "report-uri /csp-report/", "report-to csp"),
}
PLAIN = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Reporting-Endpoints": 'csp="/csp-report/"',
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in NOT_USED),
}
NUMBER = re.compile(r"\d{4}-\d{4}-\d{4}")
METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace")


def wrong(headers: Any, *, status: int = 200, static: bool = False, https: bool = False) -> list[str]:
    """What these headers lack of the table, or have too much."""
    found = [f"{name}: {headers.get(name)}" for name, value in PLAIN.items() if headers.get(name) != value]
    policy = headers.get("Content-Security-Policy", "")
    if headers.get("Content-Disposition", "").startswith("attachment"):
        if "sandbox" not in policy or "default-src 'none'" not in policy or "script-src" in policy:
            found.append(f"a download without sandbox: {policy}")
        kind = headers.get("Content-Type", "text/plain; charset=none given")
        if not re.search(r"filename\*?=", headers["Content-Disposition"]) or (kind.startswith("text/") and "charset" not in kind):
            found.append(f"a download without name or type: {headers['Content-Disposition']}")
    else:
        parts = set(policy.split("; "))
        scripts = {part for part in parts if part.startswith("script-src")}
        if parts - scripts != POLICY or not all(NONCE.fullmatch(part) for part in scripts) or len(scripts) != 1:
            found.append(f"policy: {policy}")
    if not static and "no-store" not in headers.get("Cache-Control", ""):
        found.append(f"kept: {headers.get('Cache-Control')}")
    is_page = headers.get("Content-Type", "").startswith("text/html")
    if headers.get("Referrer-Policy") != ("same-origin" if is_page else "no-referrer"):
        found.append(f"referrer: {headers.get('Referrer-Policy')}")
    if (headers.get("Strict-Transport-Security") == "max-age=63072000; includeSubDomains") != https:
        found.append(f"transport: {headers.get('Strict-Transport-Security')}")
    found += [f"{name} is there" for name in ("X-Powered-By", "Access-Control-Allow-Origin") if headers.get(name)]
    if not NUMBER.fullmatch(headers.get("X-Request-ID", "")):
        found.append(f"number: {headers.get('X-Request-ID')}")
    return found


@pytest.fixture
def w(db: None) -> factories.World:
    return factories.world()


def filled(route: str, reference: str) -> str:
    """The address, with a disagreement's reference and something believable for the rest."""
    route = re.sub(r"^\^|\$$|\\Z", "", route)
    believable = {"int": "1", "uuid": str(uuid.uuid4()), "slug": "withdraw", "str": "x" * 43}
    parts = {"reference": reference}
    path = re.sub(r"<(?:(\w+):)?(\w+)>", lambda part: parts.get(part[2]) or believable.get(part[1] or "str", "x"), route)
    path = re.sub(r"\(\?P<\w+>.*?\)", "x", path)
    assert "<" not in path, route
    return f"/{path}"


def asked(client: Client, method: str, path: str, **more: Any) -> Any:
    client.raise_request_exception = False
    answer = client.generic("TRACE", path, **more) if method == "trace" else getattr(client, method)(path, **more)
    if answer.streaming:
        b"".join(answer.streaming_content)
    return answer


# ── every address ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", ["", "aisha", "office", "auditor"])
def test_every_address_and_method_says_all_of_the_table(who: str, client: Client, w: factories.World) -> None:
    reference = factories.raised(w).reference
    if who:
        client.force_login(w.person(who))
    found, asked_for, statuses = {}, 0, set()
    for route, _pattern in addresses():
        for method in METHODS:
            answer = asked(client, method, filled(route, reference))
            statuses.add(answer.status_code)
            asked_for += 1
            if told := wrong(answer, status=answer.status_code):
                found[f"{method} {route} {answer.status_code}"] = told
            if who and method == "post" and "_auth_user_id" not in client.session:  # that was signing out
                client.force_login(w.person(who))
    assert found == {}
    assert asked_for > 250
    assert statuses & {200, 302, 405}
    assert 500 not in statuses
    assert not who or 404 in statuses


def test_refusals_and_faults_say_it_too(client: Client, w: factories.World, monkeypatch: pytest.MonkeyPatch) -> None:
    d = factories.raised(w)
    path = f"/disagreements/{d.reference}/"
    client.force_login(w.aisha)

    def fails_with(error: Exception) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise error

        monkeypatch.setattr("escalation.page.panel", fail)

    seen = {}

    def see(name: str, answer: Any) -> None:
        assert wrong(answer, status=answer.status_code) == [], name
        seen[name] = answer.status_code

    see("absent", asked(client, "get", "/no-such-page/"))
    see("absent file", asked(client, "get", "/static/no-such-file.css"))
    see("another host", asked(client, "get", "/desk/", headers={"host": "evil.example"}))
    see("not a form", asked(client, "post", path, data=b"\x00", content_type="multipart/form-data; boundary=x"))
    see("too much", asked(client, "post", "/sign-in/", data={"email": "x" * 1_100_000}))
    see("too many fields", asked(client, "post", "/account/mail/", data={f"f{n}": "" for n in range(201)}))
    strict = Client(enforce_csrf_checks=True)
    see("no token", asked(strict, "post", "/sign-in/", data={"email": "a@example.org"}))
    see("another site", asked(client, "post", "/account/mail/", headers={"sec-fetch-site": "cross-site"}))
    fails_with(PermissionDenied())
    see("not allowed", asked(client, "get", path))
    fails_with(ZeroDivisionError())
    see("fault", asked(client, "get", path))
    fails_with(OperationalError())
    see("database away", asked(client, "get", path))
    assert seen == {
        "absent": 404,
        "absent file": 404,
        "another host": 400,
        "not a form": seen["not a form"],
        "too much": 413,
        "too many fields": 413,
        "no token": 403,
        "another site": 403,
        "not allowed": 403,
        "fault": 500,
        "database away": 503,
    }


@pytest.mark.parametrize(
    "where",
    [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "accounts.sessions.SessionLimits",
        "pages.limits.BodyLimit",
    ],
)
def test_a_fault_in_a_middleware_says_it_too(where: str, db: None, settings: Any, client: Client) -> None:
    settings.MIDDLEWARE = [part for one in settings.MIDDLEWARE for part in ((f"{__name__}.Broken", one) if one == where else (one,))]
    answer = asked(client, "get", "/sign-in/")
    assert answer.status_code == 500
    assert wrong(answer) == []


class Broken:
    """A middleware with a fault."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        raise ZeroDivisionError("a secret of this fault")


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_static_files_say_it_and_may_be_kept(client: Client, db: None) -> None:
    answer = asked(client, "get", "/static/favicon.svg")
    assert answer.status_code == 200
    assert wrong(answer, static=True) == []
    assert "max-age" in answer["Cache-Control"]
    again = asked(client, "get", "/static/favicon.svg", headers={"if-modified-since": answer["Last-Modified"]})
    assert again.status_code == 304
    assert wrong(again, static=True) == []


def test_downloads_can_do_nothing_in_a_browser(client: Client, w: factories.World) -> None:
    d = factories.raised(w)
    client.force_login(w.auditor)
    export = client.post("/exports/", {"reference": d.reference}).url
    assert jobs.make(uuid.UUID(export.split("/")[2]), w.auditor.pk)
    csv = client.post(export)
    client.force_login(w.office)
    policy = client.get("/procedure/versions/1/policy.yaml")
    for answer, kind in ((csv, "text/csv; charset=utf-8"), (policy, "application/yaml; charset=utf-8")):
        assert answer.status_code == 200
        assert answer["Content-Type"] == kind
        assert answer["Content-Disposition"].startswith("attachment; filename")
        assert wrong(answer) == []
        if answer.streaming:
            b"".join(answer.streaming_content)


# ── https ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@override_settings(SECURE_HSTS_SECONDS=63_072_000, SECURE_HSTS_PRELOAD=False, SECURE_SSL_REDIRECT=True)
def test_https_is_remembered_for_two_years_and_http_goes_there(db: None) -> None:
    client = Client()
    for path in ("/sign-in/", "/desk/", "/no-such-page/", "/static/favicon.svg", "/health/live"):
        answer = asked(client, "get", path, secure=True)
        assert wrong(answer, https=True, static=path.startswith("/static/")) == [], path
    plain = asked(client, "get", "/sign-in/")
    assert (plain.status_code, plain["Location"]) == (301, "https://testserver/sign-in/")
    assert wrong(plain) == []


def test_signing_out_lets_the_browser_forget(client: Client, w: factories.World) -> None:
    """Not the cookies: that would be those of the council's whole domain (docs/decisions/0010). Ours is deleted by name."""
    client.force_login(w.aisha)
    answer = client.post("/sign-out/")
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert answer.cookies["sessionid"]["max-age"] == 0


def test_the_nonce_is_another_each_time(client: Client, db: None) -> None:
    seen = {NONCE.search(client.get("/privacy/")["Content-Security-Policy"])[0] for _ in range(5)}  # type: ignore[index]
    assert len(seen) == 5


# ── the browser ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_browser_has_nothing_to_report_and_goes_nowhere_else(committed_db: None, browser: Any, run_process: Any, client: Client) -> None:
    w = factories.world()
    d = factories.answered(w)
    port = free_port()
    site = f"http://127.0.0.1:{port}"
    web = run_process("gunicorn", "--workers", "1", port=port, env={"SITE_URL": site})
    pages = {
        "": ["/sign-in/", "/how-to-disagree/", "/accessibility/", "/privacy/", "/no-such-page/"],
        "aisha": ["/desk/", "/disagreements/", "/disagreements/new/", f"/disagreements/{d.reference}/", "/account/mail/"],
        "sam": ["/desk/", f"/disagreements/{d.reference}/propose-outcome/", f"/disagreements/{d.reference}/who-can-see/"],
        "auditor": ["/exports/", f"/disagreements/{d.reference}/"],
        "office": ["/procedure/", "/procedure/new/", "/procedure/posts/", "/procedure/calendar/"],
    }
    elsewhere: list[str] = []
    complaints: list[str] = []
    visited = 0

    reports: list[dict[str, Any]] = []  # that the browser has written down to tell us; it sends them when it finds the time

    def page_of(context: Any) -> Any:
        page = context.new_page()
        page.on("request", lambda request: None if request.url.startswith(site) else elsewhere.append(request.url))
        inside = context.new_cdp_session(page)
        inside.on("Network.reportingApiReportAdded", lambda told: reports.append(told["report"]))
        inside.send("Network.enable")
        inside.send("Network.enableReportingApi", {"enable": True})
        return page

    for who, paths in pages.items():
        context = browser.new_context()
        if who:
            client.force_login(w.person(who))
            context.add_cookies([{"name": "sessionid", "value": client.session.session_key, "url": site}])
        page = page_of(context)
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        for path in paths:
            page.goto(site + path, wait_until="load")
            assert page.url == site + path, f"{who} was sent from {path} to {page.url}"
            visited += 1
        context.close()
    assert visited >= 17
    assert elsewhere == []
    assert [text for text in complaints if "404" not in text] == []  # the page that is not there
    assert reports == []
    assert "policy forbids" not in web.output

    # And the telling itself works: what a page must not do is refused, written down to be told, and noted without a word of it.
    context = browser.new_context()
    page = page_of(context)
    page.goto(f"{site}/privacy/")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=\"http://elsewhere.invalid/secret-word.png\">')")
    for _ in range(300):
        if reports:
            break
        page.wait_for_timeout(100)
    [report] = reports
    assert (report["destination"], report["type"]) == ("csp", "csp-violation")
    told = json.dumps([{"type": report["type"], "age": 0, "url": report["initiatorUrl"], "body": report["body"]}]).encode()
    sent = Request(f"{site}/csp-report/", told, {"Content-Type": "application/reports+json"})
    with urlopen(sent, timeout=30) as answer:
        assert answer.status == 204
    wait_until(lambda: "policy forbids" in web.output, what="a report in the log")
    line = next(line for line in web.output.splitlines() if "policy forbids" in line)
    assert all(said in line for said in ("img-src", "/privacy/", "foreign"))
    assert "secret-word" not in web.output
    assert ".invalid" not in web.output
    context.close()


# ── what strangers tell us ──────────────────────────────────────────────────────────────────────────────────────────

REPORT = {"csp-report": {"document-uri": "http://testserver/privacy/", "effective-directive": "img-src", "blocked-uri": "inline"}}


@pytest.fixture(autouse=True)
def _no_reports_yet() -> Any:
    from django.core.cache import cache

    cache.clear()
    yield
    cache.clear()


def test_a_report_is_noted_by_its_rule_and_place_only(client: Client, db: None, caplog: Any, settings: Any) -> None:
    answer = client.post("/csp-report/", json.dumps(REPORT), content_type="application/csp-report")
    assert answer.status_code == 204
    [record] = [record for record in caplog.records if record.name == "accord.csp"]
    assert (record.directive, record.page, record.blocked) == ("img-src", "/privacy/", "inline")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[" * 10_000, 400),
        (b"[]", 204),
        (b"7", 204),
        (b'{"csp-report": 3}', 204),
        (b'[{"body": {"documentURL": 3, "effectiveDirective": ["x"]}}, null]', 204),
        (b'{"csp-report": {"document-uri": "http://[", "blocked-uri": null}}', 204),
        (b"\xff\xfe", 400),
        (b"x" * 20_000, 413),
    ],
)
def test_no_report_breaks_it(client: Client, db: None, body: bytes, status: int) -> None:
    answer = client.post("/csp-report/", body, content_type="application/json")
    assert answer.status_code == status
    assert wrong(answer) == []


def test_many_reports_are_not_noted(client: Client, db: None) -> None:
    statuses = [client.post("/csp-report/", json.dumps(REPORT), content_type="application/csp-report").status_code for _ in range(40)]
    assert statuses[:5] == [204] * 5
    assert statuses[-1] == 429
    assert client.get("/csp-report/").status_code == 405


def test_security_txt_says_whom_to_tell(client: Client, db: None, settings: Any) -> None:
    said = dict(line.split(": ", 1) for line in client.get("/.well-known/security.txt").content.decode().splitlines())
    assert said["Contact"] == "mailto:accord@accord.example"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", said["Expires"])
    settings.SECURITY_CONTACT = "https://accord.example/weakness"
    assert b"Contact: https://accord.example/weakness" in client.get("/.well-known/security.txt").content
