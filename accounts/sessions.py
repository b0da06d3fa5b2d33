"""How long a session lasts: fifteen minutes without doing anything, twelve hours at most (promise 11); it ends with a changed right.

The server measures it. The browser's cookie lives as long as the longest session, so that we still know whose it was when it has
ended: what they post then is kept for them (accounts.kept_forms), and is in the form again when they have signed in.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts import kept_forms
from accounts.acting import acting_as
from accounts.kept_forms import keep_form, page_of
from accounts.models import User

__all__ = ["SessionLimits", "begin", "forget_device", "keep_form", "seconds_left"]

WRITTEN_EVERY = 30  # seconds: more often than this it is not written down that somebody was active
PASSIVE = ("/session/", "/session/keep/")  # what pages ask and say by themselves: nobody did anything
AGAIN = "again"  # in the address of a page that looks again by itself, as that of an export which is being made
IDLE, OLD, CHANGED = "idle", "old", "changed"  # why it ended
WAS = "was"  # in a session that has ended: whose it was
MARK = "mark"  # in a session: of the password with which it is held up
ASKED_FIRST = ("/sign-in/", "/account/confirm/", "/account/second-factor/")  # a redirect there is no success


@dataclass(frozen=True)
class Ended:
    """A session that this request came with, and that is over. `person` may still have words kept; None: not theirs to be trusted."""

    person: User | None
    why: str


class SessionLimits:
    """Ends what was idle too long or is too old. Who then asks for a page signs in first, and what they posted is kept."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        before = dict(request.session.items()) if SESSION_KEY in request.session else {}  # the next line may empty it
        person = request.user
        if isinstance(person, User):
            if why := why_over(request.session, time.time()):
                _end(request, person, why)
            else:
                kept_forms.let_find(request)
                if request.path not in PASSIVE and AGAIN not in request.GET:
                    _note_activity(request, person)
        elif before:
            _ended_by_a_change(request, before)
        elif WAS in request.session:
            request.session_ended = Ended(_whose(request.session[WAS]), IDLE)  # type: ignore[attr-defined]
        response = self.get_response(request)
        if _was_sent(request, response):
            kept_forms.sent(request, person)  # type: ignore[arg-type]
        return response

    def process_view(self, request: HttpRequest, view: Callable, args: tuple, kwargs: dict) -> HttpResponse | None:
        """After the check of the CSRF token: a post that another site sent is not kept."""
        ended: Ended | None = getattr(request, "session_ended", None)
        if ended is None or not getattr(view, "login_required", True):
            return None
        kept = request.method == "POST" and ended.person is not None and keep_form(request, ended.person)
        return HttpResponseRedirect(way_back_in(request, ended.why, kept=kept))


def _was_sent(request: HttpRequest, response: HttpResponse) -> bool:
    """Whether a page was sent with success: every view of ours answers that by leading on."""
    return (
        request.method == "POST"
        and response.status_code in (302, 303)
        and not response.headers["Location"].startswith(ASKED_FIRST)
        and hasattr(request, "find_kept")
        and request.user.is_authenticated
        and not getattr(request, "form_is_kept", False)
    )


def way_back_in(request: HttpRequest, why: str, *, kept: bool) -> str:
    """The sign-in page, which says why, and leads to the page they were on."""
    query = QueryDict(mutable=True)
    page = kept_forms.page_with_form(request)
    if page_of(page):
        query["next"] = page
    query["ended"] = why
    if kept:
        query["kept"] = "1"
    return f"{reverse('sign-in')}?{query.urlencode(safe='/')}"


# ── how long ────────────────────────────────────────────────────────────────────────────────────────────────────────


def why_over(session: SessionBase | dict[str, Any], now: float) -> str:
    """IDLE, OLD, or "" while it runs. One that does not say since when is over."""
    if now - session.get("signed_in_at", 0) >= settings.SESSION_COOKIE_AGE:
        return OLD
    return IDLE if now - session.get("active_at", 0) >= settings.ACCORD_IDLE_SECONDS else ""


def seconds_left(session: SessionBase, now: float) -> tuple[float, float]:
    """Until it ends when nothing is done, and until it ends whatever is done."""
    at_most = session.get("signed_in_at", 0) + settings.SESSION_COOKIE_AGE - now
    return min(session.get("active_at", 0) + settings.ACCORD_IDLE_SECONDS - now, at_most), at_most


def extend(request: HttpRequest) -> None:
    request.session["active_at"] = time.time()


def _note_activity(request: HttpRequest, person: User) -> None:
    is_listed = request.session.get("listed") == request.session.session_key
    if abs(time.time() - request.session["active_at"]) > WRITTEN_EVERY or not is_listed:
        extend(request)
        request.session[MARK] = _mark(person)  # another one, where they have just changed their password
        _list(request, person)


def _list(request: HttpRequest, person: User) -> None:
    """On the person's own list of sessions (accounts.session_views)."""
    try:
        with acting_as(person):
            UserSession.objects.create_from_request(request)
    except PermissionDenied:  # allauth cannot tell the client's address: no reason to shut anybody out
        return
    request.session["listed"] = request.session.session_key


def on_every_page(request: HttpRequest) -> dict[str, Any]:
    """For the dialog that warns, and for keeping what is written. Nothing where nobody is signed in; makes no query."""
    idle_minutes = max(1, settings.ACCORD_IDLE_SECONDS // 60)
    person = getattr(request, "user", None)
    if not (person and person.is_authenticated) or "active_at" not in request.session:
        return {"idle_minutes": idle_minutes}
    now = time.time()
    seconds, at_most = seconds_left(request.session, now)
    limits = {"seconds": int(seconds), "at_most": int(at_most), "warning": settings.ACCORD_WARNING_SECONDS}
    return {"idle_minutes": idle_minutes, "session_limits": {**limits, "shown": f"{now:.3f}", "who": who(person)}}


def who(person: User) -> str:
    """Says whether two pages are the same person's, and nothing else."""
    return salted_hmac("accounts.sessions.who", str(person.pk), algorithm="sha256").hexdigest()[:16]


# ── its beginning and end ───────────────────────────────────────────────────────────────────────────────────────────


def begin(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    """Somebody signed in: from now on it is measured. Django has changed the session's key just before."""
    request.session.pop(WAS, None)
    request.session["signed_in_at"] = request.session["active_at"] = time.time()
    request.session[MARK] = _mark(user)
    kept_forms.forget_old_ones_of(user)


def forget_device(sender: Any, request: HttpRequest, user: User | None, **_: Any) -> None:
    """Somebody signed out, or was: that session is not on their list any more."""
    if user is not None and request.session.session_key:
        with acting_as(user):
            UserSession.objects.filter(user=user, session_key=request.session.session_key).delete()


def _end(request: HttpRequest, person: User, why: str) -> None:
    with acting_as(person):
        logout(request)
    request.session[WAS] = {"person": str(person.pk), MARK: _mark(person)}
    request.session_ended = Ended(_whose(request.session[WAS]), why)  # type: ignore[attr-defined]


def _ended_by_a_change(request: HttpRequest, before: dict[str, Any]) -> None:
    """Django found that the session is not held up by the person's password and rights any more, and has emptied it."""
    was = {"person": before[SESSION_KEY], MARK: before.get(MARK)}
    person = _whose(was)
    if person is not None:
        request.session[WAS] = was
    request.session_ended = Ended(person, CHANGED)  # type: ignore[attr-defined]


def _whose(was: dict[str, str | None]) -> User | None:
    """Whose words they are. Nobody's, where the password is another now: then the session may have been a thief's."""
    person = User.objects.filter(pk=str(was["person"]), is_active=True).first()
    return person if person and constant_time_compare(was[MARK] or "", _mark(person)) else None


def _mark(person: User) -> str:
    return salted_hmac("accounts.sessions.mark", person.password, algorithm="sha256").hexdigest()[:32]
