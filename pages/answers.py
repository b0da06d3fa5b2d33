"""What stands on every answer, whatever it is: page, redirect, file or fault. One table, one middleware, first of all.

The table is docs/operations.md's, "What every answer says"; tests/test_headers.py asks every address for it. The Content Security
Policy itself is in the settings (django-csp writes it); here stands what no setting can say: that nothing is kept, that a download
can do nothing in a browser, and which number a person may tell us when something went wrong.
"""

from __future__ import annotations

import logging
import time

from csp.constants import HEADER
from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from pages import numbers

log = logging.getLogger("accord.web")

NOT_USED = (
    *("accelerometer", "autoplay", "browsing-topics", "camera", "clipboard-read", "display-capture", "geolocation"),
    *("gyroscope", "hid", "magnetometer", "microphone", "midi", "payment", "serial", "usb", "xr-spatial-tracking"),
)
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in NOT_USED),
    "Reporting-Endpoints": 'csp="/csp-report/"',
}
# A file that is taken away is no page: opened in the browser after all, it runs nothing, loads nothing and belongs to nobody.
OF_A_DOWNLOAD = "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; sandbox"
NEVER = {"Server", "X-Powered-By", "Access-Control-Allow-Origin"}


class EveryAnswer(CSPMiddleware):
    """Stands first, so that the answers of all the others pass here on their way out."""

    def process_request(self, request: HttpRequest) -> None:
        request.began = time.monotonic()  # type: ignore[attr-defined]
        numbers.begin(request)
        super().process_request(request)

    def get_policy_parts(self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False) -> PolicyParts:
        """With the nonce always, also on answers that run no script: the policy is then the same everywhere."""
        self._make_nonce(request)
        return super().get_policy_parts(request, response, report_only)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.headers.get("Content-Disposition", "").startswith("attachment"):
            response.headers[HEADER] = OF_A_DOWNLOAD
        response = super().process_response(request, response)
        headers = response.headers
        for name, value in ALWAYS.items():
            headers[name] = value
        headers["Referrer-Policy"] = "same-origin" if _is_a_page(response) else "no-referrer"
        if settings.SECURE_HSTS_SECONDS and request.is_secure():
            preload = "; preload" if settings.SECURE_HSTS_PRELOAD else ""
            headers["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains{preload}"
        is_static = _is_static(request, response)
        if not is_static and "no-store" not in headers.get("Cache-Control", ""):
            headers["Cache-Control"] = "no-store"
        for name in NEVER:
            headers.pop(name, None)
        headers["X-Request-ID"] = numbers.current()
        if not is_static:
            _say(request, response)
        return response


def _is_a_page(response: HttpResponseBase) -> bool:
    """A form on a page that says "no-referrer" is sent with "Origin: null", and refused (docs/decisions/0010)."""
    return response.headers.get("Content-Type", "").startswith("text/html")


def _is_static(request: HttpRequest, response: HttpResponseBase) -> bool:
    return request.path_info.startswith(settings.STATIC_URL) and response.status_code in (200, 206, 304)


def _say(request: HttpRequest, response: HttpResponseBase) -> None:
    """One line for each answer: who (an id), where (ids only), how it ended, how long it took. No query, no body, no client's address."""
    if request.path_info.startswith("/health/") and response.status_code == 200:
        return
    person = getattr(getattr(request, "_cached_user", None), "pk", None)
    took = round((time.monotonic() - request.began) * 1000)  # type: ignore[attr-defined]
    match = request.resolver_match
    named = str(match.kwargs.get("slug", "")) if match and response.status_code != 404 else ""  # of a move or question there is
    said = {"person": person, "status": response.status_code, "ms": took}
    log.info("%s %s", numbers.method(request), numbers.masked(request.path_info, named), extra=said)
