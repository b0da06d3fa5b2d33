"""ACCORD_ORGANISATIONS: what is read, and what stops the start."""

import json
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import organisations

ENTRA = {
    "id": "northshire",
    "name": "Northshire Council",
    "tenant": "11111111-2222-3333-4444-555555555555",
    "client_id": "abc",
    "secret": "a-secret-value",
    "domains": ["Northshire.gov.example", "schools.northshire.gov.example"],
}
TRUST = {**ENTRA, "id": "trust", "server_url": "https://login.trust.example/realms/staff/", "amr": ["mfa"]}
del TRUST["tenant"]


def read(*apps: Any, live: bool = True) -> list[dict[str, Any]]:
    return organisations.apps(json.dumps(apps), live=live)


def test_nothing_is_nobody() -> None:
    assert organisations.apps("", live=True) == organisations.apps(" []", live=True) == []


def test_each_is_read() -> None:
    entra, trust = read(ENTRA, TRUST)
    assert (entra["provider_id"], entra["name"], entra["client_id"], entra["secret"]) == (
        *("northshire", "Northshire Council", "abc", "a-secret-value"),
    )
    assert entra["settings"] == {
        "server_url": "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
        "domains": ["northshire.gov.example", "schools.northshire.gov.example"],
        "tenant": "11111111-2222-3333-4444-555555555555",
        "acr": [],
        "amr": [],
        "token_auth_method": "",
        "oauth_pkce_enabled": True,
    }
    assert trust["settings"]["server_url"] == "https://login.trust.example/realms/staff"
    assert trust["settings"]["amr"] == ["mfa"]


def test_a_machine_to_try_it_on_may_ask_itself() -> None:
    here = {**TRUST, "server_url": "http://127.0.0.1:4000"}
    assert read(here, live=False)
    with pytest.raises(ImproperlyConfigured):
        read(here, live=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": ""}, "id is missing"),
        ({"id": "North Shire"}, "id must be"),
        ({"id": "../x"}, "id must be"),
        ({"id": 7}, "id must be text"),
        ({"name": ""}, "name is missing"),
        ({"secret": ""}, "secret is missing"),
        ({"client_id": None}, "client_id is missing"),
        ({"domains": []}, "domains is missing"),
        ({"domains": "example.org"}, "domains must be"),
        ({"domains": ["*"]}, "domains must be"),
        ({"domains": ["*.example.org"]}, "domains must be"),
        ({"domains": ["@example.org"]}, "domains must be"),
        ({"domains": [1]}, "domains must be"),
        ({"amr": "mfa"}, "acr and amr"),
        ({"acr": [""]}, "acr and amr"),
        ({"tenant": "common"}, "tenant must be"),
        ({"tenant": "Organizations"}, "tenant must be"),
        ({"tenant": ""}, "server_url (or tenant"),
        ({"server_url": "https://login.microsoftonline.com/common/v2.0"}, "own tenant"),
        ({"server_url": "http://login.example"}, "https"),
        ({"server_url": "https:///x"}, "https"),
        ({"server_url": "https://login.example/?x=1"}, "https"),
        ({"server_url": "login.example"}, "https"),
        ({"token_auth_method": "private_key_jwt"}, "token_auth_method"),
        ({"scope": "everything"}, "there is no scope"),
    ],
    ids=str,
)
def test_a_mistake_stops_the_start_and_tells_no_secret(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        read(TRUST, {**ENTRA, **change})
    assert said in str(refused.value)
    assert "number 2" in str(refused.value)
    assert "a-secret-value" not in str(refused.value)


@pytest.mark.parametrize("written", ["{", '{"id": "x"}', '["x"]', "a-secret-value", '"a-secret-value"'])
def test_what_is_no_list_stops_the_start(written: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        organisations.apps(written, live=True)
    assert "a-secret-value" not in str(refused.value)


def test_each_id_stands_once() -> None:
    with pytest.raises(ImproperlyConfigured):
        read(ENTRA, {**TRUST, "id": "northshire"})
