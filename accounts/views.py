"""The address itself."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


@login_not_required
def start(request: HttpRequest) -> HttpResponse:
    """To the desk, or to the way in."""
    return redirect("/desk/" if request.user.is_authenticated else "sign-in")
