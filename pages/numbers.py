"""The number of a request, which a person can say on the telephone, and what of a request may stand in a log."""

from __future__ import annotations

import functools
import re
import secrets
from collections.abc import Iterator
from contextvars import ContextVar

from django.http import HttpRequest
from django.urls import URLResolver, get_resolver

_current: ContextVar[str] = ContextVar("number", default="")

# What stands in addresses and is an id: a reference, a uuid, a small number.
AN_ID = re.compile(r"[0-9B-Z]{4}-[0-9B-Z]{4}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{1,4}", re.IGNORECASE)
WORD = re.compile(r"[a-z][a-z0-9.-]{0,40}")
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
MASK = "…"


def begin(request: HttpRequest) -> str:
    """A number for this request. From here until the next one, every line of this thread's log carries it."""
    number = "-".join(f"{secrets.randbelow(10_000):04}" for _ in range(3))
    request.number = number  # type: ignore[attr-defined]
    _current.set(number)
    return number


def current() -> str:
    """The number of the request that is being answered; empty outside one."""
    return _current.get()


def masked(path: str, also: str = "") -> str:
    """The path as a log may have it: words of our own addresses and ids stay, and `also`; keys, tokens and whatever was typed do not."""
    ours = _own_words() | {also}
    return "/".join(part if not part or part in ours or AN_ID.fullmatch(part) else MASK for part in path[:500].split("/"))


def method(request: HttpRequest) -> str:
    """The method, where it is one: a client may send any word."""
    return request.method if request.method in METHODS else "?"


@functools.cache
def _own_words() -> frozenset[str]:
    """Every literal part of every address of ours."""
    return frozenset(word for route in _routes(get_resolver().url_patterns, "") for word in route.split("/") if WORD.fullmatch(word))


def _routes(patterns: list, before: str) -> Iterator[str]:
    for pattern in patterns:
        route = f"{before}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        else:
            yield route.replace("^", "").replace("$", "").replace("\\", "")
