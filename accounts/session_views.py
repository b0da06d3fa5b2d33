"""What a page asks about its session by itself, what it keeps while somebody writes, and the list of one's own sessions."""

from __future__ import annotations

import datetime as dt
import re
import time
from dataclasses import dataclass

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import kept_forms
from accounts import sessions as limits
from accounts.models import User
from pages import times

# ── what a page asks and says by itself ─────────────────────────────────────────────────────────────────────────────


@login_not_required  # who is signed out is told so, and is not sent to another page
@require_safe
def left(request: HttpRequest) -> JsonResponse:
    """How many seconds are left. Asking is no activity. The token is for a page that was open while its owner signed in again."""
    if not isinstance(request.user, User):
        return JsonResponse({"signed_in": False, "seconds": 0, "at_most": 0})
    return _left(request, request.user)


def _left(request: HttpRequest, person: User) -> JsonResponse:
    seconds, at_most = limits.seconds_left(request.session, time.time())
    said = {"signed_in": True, "seconds": int(seconds), "at_most": int(at_most), "who": limits.who(person), "token": get_token(request)}
    return JsonResponse(said)


@login_not_required
@require_POST
def extend(request: HttpRequest) -> HttpResponse:
    """Another fifteen minutes, as often as they like, up to the twelve hours."""
    if not isinstance(request.user, User):
        return JsonResponse({"signed_in": False, "seconds": 0, "at_most": 0})
    limits.extend(request)
    return _left(request, request.user)


@login_not_required
@require_POST
def keep(request: HttpRequest) -> JsonResponse:
    """What stands in a form just now. Answers when it was kept ("5.04pm"); "" where there was nothing to keep.

    Also of somebody whose session has just ended, like a form that they post then.
    """
    ended: limits.Ended | None = getattr(request, "session_ended", None)
    person = request.user if isinstance(request.user, User) else ended.person if ended else None
    page = kept_forms.page_of(request.POST.get("accord-page", ""))
    kept = ""
    if person is None:
        status = 200
    elif not page or not kept_forms.is_a_page(page):
        status = 400
    else:
        status = 200
        if not kept_forms.was_sent_since(request, page, _shown_at(request)):
            kept = _keep(request, person, page)
    return JsonResponse({"signed_in": request.user.is_authenticated, "kept": kept}, status=status)


def _keep(request: HttpRequest, person: User, page: str) -> str:
    fields = kept_forms.worth_keeping(request.POST)
    if not fields:
        kept_forms.forget(person, page)
        return ""
    kept_forms.keep(person, page, fields)
    return times.time(timezone.now())


def _shown_at(request: HttpRequest) -> float:
    try:
        return float(request.POST.get("accord-shown", ""))
    except ValueError:
        return 0.0


@require_POST
def forget(request: HttpRequest) -> HttpResponse:
    """ "Start afresh": what was kept of a page is deleted, and the page is shown as new."""
    page = kept_forms.page_of(request.POST.get("page", ""))
    assert isinstance(request.user, User)  # noqa: S101 - the middleware lets nobody else in
    if not page or not kept_forms.is_a_page(page):
        return redirect("/desk/")
    kept_forms.forget(request.user, page)
    return redirect(page)


# ── one's own sessions ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Place:
    """Where one is signed in."""

    pk: int
    device: str
    since: dt.datetime
    active_at: dt.datetime
    is_this: bool


@require_http_methods(["GET", "HEAD", "POST"])
def sessions(request: HttpRequest) -> HttpResponse:
    """The list, newest first and this one on top; to sign out in one place, or everywhere else."""
    person = request.user
    assert isinstance(person, User)  # noqa: S101 - the middleware lets nobody else in
    if request.method == "POST":
        elsewhere = UserSession.objects.filter(user=person).exclude(session_key=request.session.session_key)
        if request.POST.get("do") != "others":
            chosen = request.POST.get("place", "")
            elsewhere = elsewhere.filter(pk=int(chosen) if re.fullmatch("[0-9]{1,9}", chosen) else 0)
        for place in elsewhere:
            place.end()
        messages.success(request, _("You are signed out there."))
        return redirect("sessions")
    places = _places(person, request)
    return render(request, "accounts/sessions.html", {"places": places, "others": [place for place in places if not place.is_this]})


def _places(person: User, request: HttpRequest) -> list[Place]:
    """Only those that are still running."""
    listed = {row.session_key: row for row in UserSession.objects.filter(user=person)}
    found = []
    for session in Session.objects.filter(session_key__in=listed, expire_date__gt=timezone.now()):
        stored, row = session.get_decoded(), listed[session.session_key]
        if stored.get("_auth_user_id") == str(person.pk) and not limits.why_over(stored, time.time()):
            since, active = (_moment(stored[name]) for name in ("signed_in_at", "active_at"))
            is_this = session.session_key == request.session.session_key
            found.append(Place(row.pk, say_device(row.user_agent), since, active, is_this))
    return sorted(found, key=lambda place: (not place.is_this, -place.active_at.timestamp()))


def _moment(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, tz=dt.UTC)


BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
MACHINES = (
    ("iPad", "iPad"),
    ("iPhone", "iPhone"),
    ("Android", "Android"),
    ("CrOS", "Chromebook"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)


def say_device(user_agent: str) -> str:
    """ "Edge on Windows": what a person recognises of what a browser says about itself."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    machine = next((name for mark, name in MACHINES if mark in user_agent), "")
    if browser and machine:
        return _("%(browser)s on %(machine)s") % {"browser": browser, "machine": machine}
    return browser or machine or _("An unknown browser")
