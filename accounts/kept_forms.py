"""What people were writing when their session ended, or they went elsewhere: kept on the server for them alone, for a week.

Two ways lead here. With JavaScript a page sends what stands in its form two seconds after the last key. Without it, a form that is
posted after the session ended is kept before the sign-in page is shown. The next time they open that page, `pages.kept.posted`
finds it. Nothing of it is ever in an address, a log or the browser's storage.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Iterable, Mapping
from functools import partial

from django.db import connection
from django.http import HttpRequest, QueryDict
from django.urls import Resolver404, resolve
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import KeptForm, User
from pages.kept import Kept

A_WEEK = dt.timedelta(days=7)
LONGEST_PATH = 300
MOST_TEXT = 400_000  # characters of one page: far more than its fields take
MOST_PAGES = 40  # of one person; the oldest go
REMEMBERED = 20  # pages sent, in the session

# The page is new each time: what says which page it was, and what proves who sends it, is never kept; nor is a secret.
NEVER = {"csrfmiddlewaretoken", "key", "seen", "next", "code", "otp"}
A_SECRET = re.compile(r"password|passphrase|secret|token|credential|recovery", re.IGNORECASE)
A_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,100}")  # of a field; the database cannot hold the rest
WITHOUT_WORDS = re.compile(r"/(sign-in|sign-out|session|password|invitation|organisation|account/(?!mail/|stand-ins))")
OURS = re.compile(r"accord-")  # what the page itself says beside the fields
SAME_PAGE = ("back", "ended", "kept")  # parts of a query that lead to the same form
SENT = "sent_pages"


def page_of(path: str) -> str:
    """Under which name what was written on a page is kept: its address, without what makes no other page of it. "" for no page of ours."""
    bare, _, query = path.partition("?")
    if not bare.startswith("/") or bare.startswith("//") or "\x00" in bare or WITHOUT_WORDS.match(bare):
        return ""
    asked = QueryDict(query, mutable=True)
    for name in SAME_PAGE:
        asked.pop(name, None)
    page = f"{bare}?{asked.urlencode()}" if asked else bare
    return page if len(page) <= LONGEST_PATH else ""


def is_a_page(path: str) -> bool:
    """Whether there is such an address, for people who have signed in."""
    try:
        found = resolve(path.partition("?")[0])
    except Resolver404:
        return False
    return bool(getattr(found.func, "login_required", True))


def worth_keeping(posted: QueryDict) -> dict[str, list[str]]:
    """Name and values of what somebody wrote or chose; empty where there is nothing, or more than a page can hold."""
    kept = {
        name: [_clean(value) for value in values]
        for name, values in posted.lists()
        if A_NAME.fullmatch(name) and name not in NEVER and not A_SECRET.search(name) and not OURS.match(name)
    }
    if sum(len(name) + sum(map(len, values)) for name, values in kept.items()) > MOST_TEXT:
        return {}
    return kept if any(value.strip() for values in kept.values() for value in values) else {}


def _clean(value: str) -> str:
    """Without what the database cannot hold."""
    return value.replace("\x00", "").encode("utf-8", "replace").decode()


def keep_form(request: HttpRequest, person: User) -> bool:
    """Keeps what this request posts for `person`, who finds it on that page. Returns whether there was something to keep.

    For whatever answers a post by leading elsewhere first: the end of a session, a second factor that is asked for again.
    """
    page = page_of(page_with_form(request))
    fields = worth_keeping(request.POST) if page else {}
    if not fields:
        return False
    request.form_is_kept = True  # type: ignore[attr-defined]  # so that the redirect which follows is not taken for success
    keep(person, page, fields)
    return True


def keep(person: User, page: str, fields: Mapping[str, Iterable[str]]) -> None:
    with acting_as(person):
        row = KeptForm(person=person, path=page, fields=fields, kept_at=timezone.now())
        KeptForm.objects.bulk_create([row], update_conflicts=True, unique_fields=["person", "path"], update_fields=["fields", "kept_at"])
        newest = KeptForm.objects.filter(person=person).order_by("-kept_at").values_list("pk", flat=True)
        if too_many := list(newest[MOST_PAGES:]):
            KeptForm.objects.filter(pk__in=too_many).delete()


def forget(person: User, page: str, *, below: bool = False) -> int:
    """Deletes what was kept of one page, or of all `below` an address. Returns how many."""
    with acting_as(person):
        mine = KeptForm.objects.filter(person=person)
        return (mine.filter(path__startswith=page) if below else mine.filter(path=page)).delete()[0]


def forget_old_ones_of(person: User) -> None:
    with acting_as(person):
        KeptForm.objects.filter(person=person, kept_at__lt=timezone.now() - A_WEEK).delete()


def let_find(request: HttpRequest) -> None:
    """Hangs on the request how to find what this person was writing on this page (pages.kept.posted asks)."""
    request.find_kept = partial(_find, request)  # type: ignore[attr-defined]


def _find(request: HttpRequest) -> Kept | None:
    page = page_of(request.get_full_path())
    row = KeptForm.objects.filter(person=request.user.pk, path=page, kept_at__gt=timezone.now() - A_WEEK).first() if page else None
    return Kept.made_of(row.fields, row.kept_at) if row else None


# ── sent ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def sent(request: HttpRequest, person: User) -> None:
    """This page was sent: what was kept of it is not needed. What the page sends after that, in another tab or late, is old."""
    if page := page_of(request.get_full_path()):
        forget(person, page)
        pages = request.session.get(SENT, {}) | {page: time.time()}
        request.session[SENT] = dict(sorted(pages.items(), key=lambda one: -one[1])[:REMEMBERED])


def was_sent_since(request: HttpRequest, page: str, shown_at: float) -> bool:
    sent_at = request.session.get(SENT, {}).get(page)
    return sent_at is not None and sent_at >= shown_at


def page_with_form(request: HttpRequest) -> str:
    """The page with the form: mostly the address that is posted to. Where they differ the browser says which page it was."""
    path = request.get_full_path()
    start = f"{request.scheme}://{request.get_host()}"
    referer = request.META.get("HTTP_REFERER", "")
    page = referer.removeprefix(start) if referer.startswith(f"{start}/") else path
    return page if is_a_page(page) else path


def delete_old_ones() -> int:
    """Of everybody, in the clock's role, which may delete what is a week old, and reads none of it."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_keptform WHERE kept_at < clock_timestamp() - interval '7 days'")
        return int(cursor.rowcount)
