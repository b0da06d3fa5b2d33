"""What browsers and proxies may keep of an answer: nothing, unless the answer says otherwise (static files do)."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class KeepNothing:
    """Says "no-store" on every answer: pages, downloads, redirects and faults. A shared computer keeps no page of a case."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer
