"""How much may be sent at once: said here for each view that takes a file, and asked before anything of it is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse

MEGABYTE = 1024 * 1024
ROUND_IT = 64 * 1024  # the other fields of the form, and what wraps them
LONGEST_WAIT = 32 * MEGABYTE

View = TypeVar("View", bound=Callable[..., HttpResponse])


def takes_files(*, up_to: int) -> Callable[[View], View]:
    """`@takes_files(up_to=10 * MEGABYTE)` on a view: bodies of this size come in. Stands above all other decorators.

    The form itself says kindly what a file may be; this only stops what is far beyond it. No file of any form is larger than
    settings.LARGEST_BODY.
    """

    def mark(view: View) -> View:
        view.largest_body = up_to + ROUND_IT  # type: ignore[attr-defined]
        return view

    return mark


class BodyLimit:
    """Refuses what is too large by its announced length. What announces none is read as empty (WSGI), so nothing passes by silence."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self._ask(request, settings.LARGEST_BODY + ROUND_IT)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable, args: tuple, kwargs: dict) -> None:
        self._ask(request, getattr(view, "largest_body", settings.DATA_UPLOAD_MAX_MEMORY_SIZE))

    def _ask(self, request: HttpRequest, limit: int) -> None:
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            return
        if length > limit:
            _let_pass(request, length)
            raise RequestDataTooBig("larger than this address takes")


def _let_pass(request: HttpRequest, length: int) -> None:
    """Takes what is on its way and keeps nothing of it: a browser that is cut off while it sends shows no page of ours."""
    left = min(length, LONGEST_WAIT)
    while left > 0 and (part := request.read(min(left, ROUND_IT))):
        left -= len(part)
