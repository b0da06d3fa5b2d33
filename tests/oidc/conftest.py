"""A real OpenID provider (oidc-provider, in node), and somebody with a browser there."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.conf import settings as django_settings
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts import organisation_tokens
from config import organisations
from tests.conftest import ROOT, Process, free_port

SECRET = "a-secret-that-only-the-tests-share"
SCHOOL, COUNCIL = "hill-lane", "northshire"
DOMAINS = {SCHOOL: ["example.org"], COUNCIL: ["council.example"]}


def node() -> str:
    """The machine's own, else that of the wheel with which dev.py sets up a machine that has none."""
    ours = ROOT / ".venv/bin/node"
    found = str(ours) if ours.exists() else shutil.which("node")
    if not found:
        pytest.fail("There is no node: `python3 dev.py setup` brings one.")
    return found


@dataclass
class Provider:
    """The running provider. It has no people until it is given orders."""

    process: Process
    issuer: str

    def order(self, people: dict[str, dict[str, Any]], **orders: Any) -> None:
        """Who there is, by login name, with their claims; and what is to go wrong (provider.mjs says what can)."""
        requests.post(f"{self.issuer}/orders", json={"people": people, **orders}, timeout=5).raise_for_status()

    def end(self) -> None:
        if self.process.popen.stdin:
            self.process.popen.stdin.close()
        self.process.end()

    def app(self, client: str, **fields: Any) -> dict[str, Any]:
        """An organisation of ACCORD_ORGANISATIONS, whose accounts this provider keeps."""
        named = {"id": client, "name": f"{client.replace('-', ' ').title()} accounts", "client_id": client, "secret": SECRET}
        return {**named, "server_url": self.issuer, "domains": DOMAINS[client], **fields}


def start(site_url: str, log: Path, host: str = "127.0.0.1") -> Provider:
    """For a browser, `host` may be another site than Accord's, although it is the same machine."""
    port = free_port()
    clients = {name: [f"{site_url}/organisation/{name}/login/callback/"] for name in DOMAINS}
    told = json.dumps({"host": host, "port": port, "clients": clients, "secret": SECRET})
    with log.open("wb") as output:
        popen = subprocess.Popen(
            [node(), str(ROOT / "tests/oidc/provider.mjs"), told],
            cwd=ROOT,
            stdin=subprocess.PIPE,  # it ends when this does
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    provider = Provider(Process(popen, log), f"http://{host}:{port}")
    provider.process.wait_for("ready at")
    return provider


@pytest.fixture(scope="session")
def running_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    provider = start(django_settings.SITE_URL, tmp_path_factory.mktemp("oidc") / "provider.log")
    yield provider
    provider.end()


@pytest.fixture
def provider(running_provider: Provider, settings: Any) -> Provider:
    """The provider as it was made, and Accord set up for the school's and the council's accounts at it."""
    running_provider.order({})
    configure(settings, running_provider.app(SCHOOL), running_provider.app(COUNCIL))
    return running_provider


def configure(settings: Any, *apps: dict[str, Any]) -> None:
    """Accord as it would be with these organisations in its environment."""
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": organisations.apps(json.dumps(apps), live=False)}}
    organisation_tokens._addresses.clear()


@dataclass
class Visitor:
    """Somebody with two things open: Accord (`client`), and their organisation's pages (`there`)."""

    client: Client
    there: requests.Session

    def begin(self, name: str = SCHOOL, way_on: str = "") -> str:
        """Press the button; the address that they are sent on to."""
        page = self.client.post(reverse("openid_connect_login", args=[name]), {"next": way_on})
        assert page.status_code == 200, page.content.decode()
        found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page.content.decode())
        assert found, page.content.decode()
        return html.unescape(found[1])

    def sign_in_there(self, address: str, login: str, go: str = "in", acr: str = "") -> str:
        """Show who they are at the organisation, if it asks; path and query by which it sends them back."""
        answer = self.there.get(address, allow_redirects=False, timeout=5)
        while not (place := answer.headers.get("Location", "")).startswith(django_settings.SITE_URL):
            if place:
                answer = self.there.get(requests.compat.urljoin(answer.url, place), allow_redirects=False, timeout=5)
                continue
            assert "Login name" in answer.text, answer.text
            answer = self.there.post(answer.url, {"login": login, "go": go, "acr": acr}, allow_redirects=False, timeout=5)
        parts = urlsplit(place)
        return f"{parts.path}?{parts.query}"

    def arrive(self, login: str, name: str = SCHOOL, way_on: str = "", **there: Any) -> HttpResponse:
        """The whole way: the page that Accord answers in the end."""
        return self.client.get(self.sign_in_there(self.begin(name, way_on), login, **there))  # type: ignore[return-value]


@pytest.fixture
def visitor(client: Client) -> Visitor:
    client.stays_signed_in = False  # type: ignore[attr-defined]
    return Visitor(client, requests.Session())


@pytest.fixture
def another_visitor() -> Callable[[], Visitor]:
    def made() -> Visitor:
        client = Client()
        client.stays_signed_in = False  # type: ignore[attr-defined]
        return Visitor(client, requests.Session())

    return made
