"""What a browser may keep, how much may be posted, and what health checks are answered."""

import uuid
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.test import RequestFactory

from config import settings as ours
from evidence import jobs
from tests import factories


@pytest.fixture
def w(db):
    return factories.world()


def test_no_answer_is_kept_by_the_browser_whatever_it_is(client, w, monkeypatch):
    d = factories.raised(w)
    assert "no-store" in client.get("/sign-in/")["Cache-Control"]
    assert client.get("/desk/")["Cache-Control"] == "no-store"  # a redirect
    client.force_login(w.aisha)
    for at in ("/desk/", f"/disagreements/{d.reference}/", "/how-to-disagree/", "/no-such-page/", f"/disagreements/{d.reference}/answer/"):
        assert client.get(at)["Cache-Control"] == "no-store", at
    client.force_login(w.auditor)
    export = client.post("/exports/", {"reference": d.reference}).url
    assert jobs.make(uuid.UUID(export.split("/")[2]), w.auditor.pk)
    answer = client.post(export)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    b"".join(answer.streaming_content)  # closing it would close the test's connection
    client.raise_request_exception = False
    monkeypatch.setattr("escalation.page.panel", lambda *_: 1 / 0)
    fault = client.get(f"/disagreements/{d.reference}/")
    assert (fault.status_code, fault["Cache-Control"]) == (500, "no-store")


def test_files_of_the_style_may_be_kept(client, db):
    answer = client.get("/static/favicon.svg")
    assert "max-age" in answer["Cache-Control"]
    answer.close()


def test_signing_out_lets_the_browser_forget(client, w):
    client.force_login(w.aisha)
    assert client.post("/sign-out/")["Clear-Site-Data"] == '"cache", "storage"'


def test_far_too_much_text_gets_its_errors_at_the_fields(client, w):
    d = factories.answered(w)
    client.force_login(w.sam)
    names = ["outcome", *(f"issue_{n}" for n in range(1, 6)), "note", "reason", "view", "said"]

    def send(text):
        sent = urlencode({"seen": d.move_version, "key": "x", "child_safe": "yes"} | dict.fromkeys(names, text))
        return client.post(f"/disagreements/{d.reference}/propose-outcome/", sent, content_type="application/x-www-form-urlencoded")

    answer = send("ب" * 12_000)
    assert answer.status_code == 200
    assert answer.content.decode().count("must be 10,000 characters or fewer. You have entered 12,000.") >= 6
    beyond = send("🙂" * 25_000)  # three megabytes on their way
    assert beyond.status_code == 413
    assert "each box takes up to 10,000 characters" in beyond.content.decode()


def test_a_health_check_is_answered_without_https_and_the_image_asks_for_it(settings):
    from django.middleware.security import SecurityMiddleware

    settings.SECURE_SSL_REDIRECT = True
    middleware = SecurityMiddleware(lambda request: None)
    assert middleware.process_request(RequestFactory().get("/health/live")) is None
    assert middleware.process_request(RequestFactory().get("/desk/")).status_code == 301
    assert "/health/live" in (Path(ours.BASE_DIR) / "Dockerfile").read_text()
