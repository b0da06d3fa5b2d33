"""The settings of the service: what they refuse, what Django's own check says of them, and how they work over https in a browser."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import live
from dev import LIVE_FOR_CHECKS
from tests import factories
from tests.conftest import ROOT, free_port, process_env
from tests.test_headers import wrong

GOOD = LIVE_FOR_CHECKS


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────────────────────


def asked(monkeypatch: pytest.MonkeyPatch, **other: str) -> None:
    given = {**GOOD, "DEBUG": "", **other}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    live.refuse_what_is_for_trying(given["SECRET_KEY"], [], given["SITE_URL"], [host for host in given["ALLOWED_HOSTS"].split(",") if host])


def test_good_settings_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    asked(monkeypatch)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        *(({name: ""}, f"{name} is not set") for name in live.NEEDED),
        ({"SECRET_KEY": live.KEY_FOR_TRYING}, "SECRET_KEY is not a secret"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY is not a secret"),
        ({"SECRET_KEY": "a" * 80}, "SECRET_KEY is not a secret"),
        ({"ACCORD_SECRETS_KEY": GOOD["SECRET_KEY"]}, "ACCORD_SECRETS_KEY is not a secret of its own"),
        ({"ACCORD_SECRETS_KEY": "short"}, "ACCORD_SECRETS_KEY is not a secret"),
        ({"DEBUG": "1"}, "DEBUG is set"),
        ({"ALLOWED_HOSTS": "*"}, "exact names"),
        ({"ALLOWED_HOSTS": ".accord.invalid"}, "exact names"),
        ({"SITE_URL": "http://accord.invalid"}, "https://"),
        ({"SITE_URL": "https://other.invalid"}, "not among ALLOWED_HOSTS"),
    ],
)
def test_what_is_for_trying_is_refused(other: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImproperlyConfigured, match=said) as refusal:
        asked(monkeypatch, **other)
    assert GOOD["SECRET_KEY"] not in str(refusal.value)


def manage(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    of_the_tests = {"PYTEST_VERSION", "PYTEST_CURRENT_TEST", "ACCORD_TEST", "DJANGO_ALLOW_ASYNC_UNSAFE"}
    inherited = {name: value for name, value in os.environ.items() if name not in of_the_tests}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env={**inherited, **env}, capture_output=True, text=True, check=False
    )


def test_it_does_not_start_on_what_is_for_trying() -> None:
    ran = manage("check", **{**GOOD, "SECRET_KEY": live.KEY_FOR_TRYING})
    assert ran.returncode != 0
    assert "SECRET_KEY is not a secret" in ran.stderr


def test_djangos_own_check_finds_nothing() -> None:
    ran = manage("check", "--deploy", "--fail-level", "WARNING", **GOOD)
    assert ran.returncode == 0, ran.stderr
    assert "no issues" in ran.stdout + ran.stderr
    assert "check --deploy" not in ran.stderr


def test_what_the_settings_of_the_service_are() -> None:
    names = ["DEBUG", "ALLOWED_HOSTS", "USE_X_FORWARDED_HOST", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "SESSION_COOKIE_NAME"]
    names += ["SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "CSRF_COOKIE_NAME", "SESSION_COOKIE_DOMAIN", "SESSION_COOKIE_PATH"]
    names += ["PASSWORD_RESET_TIMEOUT", "DATA_UPLOAD_MAX_MEMORY_SIZE", "DATA_UPLOAD_MAX_NUMBER_FIELDS", "DATA_UPLOAD_MAX_NUMBER_FILES"]
    names += ["FILE_UPLOAD_PERMISSIONS", "SECRET_KEY_FALLBACKS", "SECURE_PROXY_SSL_HEADER"]
    script = f"import json; from django.conf import settings; print(json.dumps({{n: getattr(settings, n) for n in {names}}}))"
    code = f"import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings'; {script}"
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTEST_VERSION", "ACCORD_TEST")}
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**inherited, **GOOD, "SECRET_KEY_FALLBACKS": "one,two"}, capture_output=True, text=True
    )
    assert json.loads(ran.stdout or "null") == {
        "DEBUG": False,
        "ALLOWED_HOSTS": ["accord.invalid"],
        "USE_X_FORWARDED_HOST": False,
        "SECURE_SSL_REDIRECT": True,
        "SECURE_HSTS_SECONDS": 63_072_000,
        "SESSION_COOKIE_NAME": "__Host-sessionid",
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "CSRF_COOKIE_NAME": "__Host-csrftoken",
        "SESSION_COOKIE_DOMAIN": None,
        "SESSION_COOKIE_PATH": "/",
        "PASSWORD_RESET_TIMEOUT": 3600,
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 1024 * 1024,
        "DATA_UPLOAD_MAX_NUMBER_FIELDS": 200,
        "DATA_UPLOAD_MAX_NUMBER_FILES": 5,
        "FILE_UPLOAD_PERMISSIONS": 0o600,
        "SECRET_KEY_FALLBACKS": ["one", "two"],
        "SECURE_PROXY_SSL_HEADER": None,
    }, ran.stderr


def test_readiness_asks_whether_the_disk_is_waited_for(db: None, settings: Any, client: Any) -> None:
    """The tests' own server is told not to: so it is not ready, once that counts."""
    settings.UNDER_TEST = False
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.content) == (503, b"durability\n")


# ── over https ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of localhost, by nobody."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    directory = tmp_path_factory.mktemp("https")
    (directory / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return directory / "cert.pem", directory / "key.pem"


@pytest.fixture
def service(committed_db: None, run_process: Any, certificate: tuple[Path, Path], tmp_path: Path) -> Any:
    """Accord with the settings of the service, speaking https itself: its address, its process."""
    port = free_port()
    env = {
        **GOOD,
        **process_env(),
        "DEBUG": "",
        "ALLOWED_HOSTS": "localhost",
        "SITE_URL": f"https://localhost:{port}",
        "STATIC_ROOT": str(tmp_path / "static"),
        "LOG_LEVEL": "INFO",
    }
    collected = subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert collected.returncode == 0, collected.stderr
    cert, key = certificate
    web = run_process("gunicorn", "--workers", "1", "--certfile", str(cert), "--keyfile", str(key), port=port, env=env)
    return env["SITE_URL"], port, web


def ask(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> http.client.HTTPResponse:
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection("localhost", port, context=trusting, timeout=20)
    connection.request(method, path, body, {"Host": f"localhost:{port}", **headers})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def test_the_service_says_the_table_and_no_more(service: Any) -> None:
    _site, port, web = service
    for method, path in [("GET", "/sign-in/"), ("GET", "/desk/"), ("GET", "/nowhere/"), ("GET", "/health/live"), ("DELETE", "/sign-in/")]:
        answer = ask(port, method, path)
        assert wrong(answer.headers, https=True) == [], path
        assert answer.headers.get_all("Server") == ["accord"]
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            assert cookie.startswith("__Host-"), cookie
            assert all(part in cookie for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
            assert "Domain" not in cookie
    assert ask(port, "GET", "/sign-in/").headers["Set-Cookie"]
    big = ask(port, "POST", "/sign-in/", b"email=" + b"x" * 3_000_000, **{"Content-Type": "application/x-www-form-urlencoded"})
    assert big.status == 413
    assert wrong(big.headers, https=True) == []
    other = ask(port, "GET", "/sign-in/", Host="evil.example")
    assert other.status == 400
    assert wrong(other.headers, https=True) == []
    for line in web.output.splitlines():  # every line is one JSON object
        if line.strip():
            assert {"at", "level", "from", "what"} <= set(json.loads(line)), line
    assert "evil.example" not in web.output


def test_forms_work_over_https_in_a_browser(service: Any, browser: Any) -> None:
    """No referrer leaves, and yet Django's check of where a form came from is content. Signing in, and out."""
    site, _port, web = service
    w = factories.world()
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(f"{site}/sign-in/")
    page.locator('[name="email"]').fill(w.aisha.email)
    page.locator('[name="password"]').fill("not the password")
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in", exact=True).click()
    assert "We do not know" in page.locator("main").inner_text()
    page.locator('[name="email"]').fill(w.aisha.email)
    page.locator('[name="password"]').fill(factories.PASSWORD)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in", exact=True).click()
    assert "sign-in" not in page.url or "factor" in page.url or "authenticate" in page.url, page.locator("main").inner_text()
    cookies = {cookie["name"]: cookie for cookie in context.cookies()}
    assert set(cookies) <= {"__Host-sessionid", "__Host-csrftoken"}
    assert "__Host-sessionid" in cookies
    assert all(cookie["secure"] and cookie["httpOnly"] and cookie["sameSite"] == "Lax" for cookie in cookies.values())
    assert [text for text in complaints if "certificate" not in text] == []
    assert w.aisha.email not in web.output
    context.close()
