"""What strangers may tell us: a browser, that a page tried what its policy forbids; anybody, that they found a weakness."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from pages import numbers

log = logging.getLogger("accord.csp")

LARGEST = 16 * 1024
A_MINUTE = 30  # reports are noted; more are only counted by nobody
DIRECTIVE = re.compile(r"[a-z-]{3,40}")


@csrf_exempt
@login_not_required
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """A browser refused something on one of our pages. Noted: which rule, on which page, and whether it was ours, inline or foreign."""
    if _too_many():
        return HttpResponse(status=429, headers={"Retry-After": "60"})
    try:
        told = json.loads(request.read(LARGEST + 1)[:LARGEST])
    except (ValueError, RecursionError):
        return HttpResponse(status=400)
    for report in (told if isinstance(told, list) else [told])[:5]:
        _note(report)
    return HttpResponse(status=204)


csp_report.without_transaction = True  # type: ignore[attr-defined]  # it needs no database
csp_report.largest_body = LARGEST  # type: ignore[attr-defined]


def _too_many() -> bool:
    key = f"csp-reports-{timezone.now():%H%M}"
    cache.add(key, 0, 120)
    try:
        return cache.incr(key) > A_MINUTE
    except ValueError:  # it ended between the two
        return False


def _note(report: Any) -> None:
    body = report.get("csp-report") or report.get("body") if isinstance(report, dict) else None
    if not isinstance(body, dict):
        return
    directive = str(body.get("effective-directive") or body.get("effectiveDirective") or body.get("violated-directive") or "").split(" ")[0]
    try:
        page = urlsplit(str(body.get("document-uri") or body.get("documentURL") or "")[:2000]).path
    except ValueError:
        page = "?"
    blocked = str(body.get("blocked-uri") or body.get("blockedURL") or "")[:2000]
    said = {"directive": directive if DIRECTIVE.fullmatch(directive) else "?", "page": numbers.masked(page), "blocked": _whose(blocked)}
    log.warning("a page tried what its policy forbids", extra=said)


def _whose(blocked: str) -> str:
    if blocked in ("inline", "eval", "wasm-eval", "trusted-types-policy", "trusted-types-sink"):
        return blocked
    return "ours" if blocked.startswith(settings.SITE_URL) else "foreign"


@login_not_required
@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """Whom to tell about a weakness (RFC 9116)."""
    until = (timezone.now() + dt.timedelta(days=180)).astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    contact = settings.SECURITY_CONTACT or f"mailto:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}"
    lines = [
        f"Contact: {contact}",
        f"Expires: {until:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en",
        f"Canonical: {settings.SITE_URL}/.well-known/security.txt",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


security_txt.without_transaction = True  # type: ignore[attr-defined]
