"""The pages that are shown when something went wrong. They tell nothing but what to do and a number, which is found in the log."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import Context, TemplateDoesNotExist
from django.template.loader import get_template

log = logging.getLogger("accord.web")

TOO_MUCH = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)
# SQLSTATE of what passes by itself: ended for its length, a lock not granted, idle for too long, a deadlock, too many connections.
BUSY = {"57014", "55P03", "25P03", "40P01", "40001", "53300"}
AGAIN_IN = 60  # seconds
PLAIN = "Sorry, something went wrong. Try again in a few minutes. If a child is in immediate danger, call 999."


def not_readable(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler400: what came cannot be read, or is too much."""
    if isinstance(exception, TOO_MUCH):
        return _page(request, "413.html", 413)
    return _page(request, "400.html", 400)


def not_allowed(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler403."""
    return _page(request, "403.html", 403)


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form carries no token of this session. Why exactly is for the log, without what was sent: mostly a proxy or SITE_URL is wrong."""
    log.warning("a form was refused", extra={"reason": reason.split(" - ")[0]})
    return _page(request, "403_csrf.html", 403)


def fault(request: HttpRequest) -> HttpResponse:
    """handler500. Asks nothing of the database, the session or the context processors: any of them may be what failed."""
    error = sys.exc_info()[1]
    if is_busy(error):
        answer = _bare(request, "503.html", 503, {"nothing_changed": True})
    elif isinstance(error, OperationalError | InterfaceError):
        answer = _bare(request, "503.html", 503, {"nothing_changed": False})
    else:
        return _bare(request, "500.html", 500, {})
    answer["Retry-After"] = str(AGAIN_IN)
    return answer


def is_busy(error: BaseException | None) -> bool:
    """Whether the database ended it, or did not begin it, before anything was committed."""
    cause = error.__cause__ if isinstance(error, DatabaseError) else None
    return getattr(cause, "sqlstate", None) in BUSY


def _page(request: HttpRequest, template: str, status: int) -> HttpResponse:
    return render(request, template, {"number": getattr(request, "number", "")}, status=status)


def _bare(request: HttpRequest, template: str, status: int, context: dict) -> HttpResponse:
    number = getattr(request, "number", "")
    try:
        page = get_template(template).template.render(Context({"number": number, **context}))  # type: ignore[attr-defined]
    except (TemplateDoesNotExist, ValueError, OSError):
        return HttpResponse(f"{PLAIN}\n{number}\n", status=status, content_type="text/plain; charset=utf-8")
    return HttpResponse(page, status=status)


class FromHere:
    """A form that the browser itself says was sent from another site is not ours, whatever token it carries (ASVS 3.5.8). Older
    browsers say nothing; for them stands the token alone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable, args: tuple, kwargs: dict) -> HttpResponse | None:
        if request.method in ("GET", "HEAD", "OPTIONS", "TRACE") or getattr(view, "csrf_exempt", False):
            return None
        if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
            return stale_form(request, "sent from another site")
        return None
