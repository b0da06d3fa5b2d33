"""Whose account one may sign in with: ACCORD_ORGANISATIONS read, checked, and handed to allauth. A mistake stops the start."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

NEEDED = ("id", "name", "client_id", "secret", "domains")
KNOWN = {*NEEDED, "server_url", "tenant", "acr", "amr", "token_auth_method"}
ENTRA = "https://login.microsoftonline.com/{tenant}/v2.0"
FOR_EVERYBODY = {"common", "organizations", "consumers"}  # Entra's names for "any tenant at all"
HERE = {"127.0.0.1", "::1", "localhost"}
AUTH_METHODS = {"client_secret_basic", "client_secret_post"}


def apps(written: str, *, live: bool) -> list[dict[str, Any]]:
    """allauth's APPS from a JSON list of organisations (docs/operations.md says what each holds). Empty text: nobody's.

    Raises ImproperlyConfigured naming the organisation and the field, never a value: one of them is a secret.
    """
    if not written.strip():
        return []
    try:
        organisations = json.loads(written)
    except json.JSONDecodeError as fault:
        raise ImproperlyConfigured(f"ACCORD_ORGANISATIONS is no JSON (line {fault.lineno}, column {fault.colno}).") from None
    if not isinstance(organisations, list) or not all(isinstance(organisation, dict) for organisation in organisations):
        raise ImproperlyConfigured("ACCORD_ORGANISATIONS must be a JSON list of objects.")
    read = [_app(organisation, number, live) for number, organisation in enumerate(organisations, start=1)]
    if len({app["provider_id"] for app in read}) < len(read):
        raise ImproperlyConfigured("ACCORD_ORGANISATIONS: each id may stand only once; it is how people's accounts are known again.")
    return read


def _app(organisation: dict[str, Any], number: int, live: bool) -> dict[str, Any]:
    def must(holds: object, what: str) -> None:
        if not holds:
            raise ImproperlyConfigured(f"ACCORD_ORGANISATIONS, number {number}: {what}.")

    must(not (unknown := sorted(set(organisation) - KNOWN)), f"there is no {', '.join(unknown)}")
    for name in NEEDED:
        must(organisation.get(name), f"{name} is missing")
    for name in KNOWN - {"domains", "acr", "amr"}:
        must(isinstance(organisation.get(name, ""), str), f"{name} must be text")
    must(
        re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", organisation["id"]), "id must be small letters, digits and hyphens: it stands in addresses"
    )
    domains, acr, amr = (_texts(organisation.get(name, [])) for name in ("domains", "acr", "amr"))
    domains = [domain.lower() for domain in domains or []]
    must(
        domains and all(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", domain) for domain in domains),
        "domains must be like council.example.org",
    )
    must(acr is not None and amr is not None, "acr and amr must be lists of text")
    method = organisation.get("token_auth_method", "")
    must(not method or method in AUTH_METHODS, f"token_auth_method must be one of {', '.join(sorted(AUTH_METHODS))}")
    tenant = organisation.get("tenant", "")
    must(tenant.lower() not in FOR_EVERYBODY, "tenant must be the organisation's own")
    server = organisation.get("server_url") or (ENTRA.format(tenant=tenant) if tenant else "")
    must(server, "server_url (or tenant, for Microsoft Entra) is missing")
    address = urlsplit(server)
    secure = address.scheme == "https" or (address.scheme == "http" and address.hostname in HERE and not live)
    must(secure and address.hostname and not address.query and not address.fragment, "server_url must be an https address")
    must(not FOR_EVERYBODY & set(address.path.lower().split("/")), "server_url must name the organisation's own tenant")
    return {
        "provider_id": organisation["id"],
        "name": organisation["name"],
        "client_id": organisation["client_id"],
        "secret": organisation["secret"],
        "settings": {
            "server_url": server.removesuffix("/.well-known/openid-configuration").rstrip("/"),
            "domains": domains,
            "tenant": tenant,
            "acr": acr,
            "amr": amr,
            "token_auth_method": method,
            "oauth_pkce_enabled": True,
        },
    }


def _texts(value: object) -> list[str] | None:
    """A list of texts; None for anything else."""
    if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
        return None
    return value
