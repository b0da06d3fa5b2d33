"""The two pages that every public service owes its readers. They need no sign-in and no database."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


@login_not_required
def accessibility(request: HttpRequest) -> HttpResponse:
    """How Accord can be used by everyone, and whom to tell when it cannot."""
    return render(request, "pages/accessibility.html")


@login_not_required
def privacy(request: HttpRequest) -> HttpResponse:
    """What is kept about people who use Accord and about children, why, and the cookies."""
    cookies = {"session_cookie": settings.SESSION_COOKIE_NAME, "form_cookie": settings.CSRF_COOKIE_NAME}
    return render(request, "pages/privacy.html", cookies)
