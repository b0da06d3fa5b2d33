"""Who lost their phone and their recovery codes: whoever keeps their account takes their second step away, and they set up a new one."""

from __future__ import annotations

from uuid import UUID

from allauth.mfa import signals
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts import letters
from accounts.acting import acting_as
from accounts.directory_people import person_kept
from accounts.models import Letter
from accounts.second_factor import fresh_second_factor


@fresh_second_factor
def lost_second_step(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """Says what to make sure of first, and then takes it away. Nobody does this for themselves."""
    _found, shown, _partnership = person_kept(request, person_id)
    own = Authenticator.objects.filter(user=shown)
    if shown == request.user or not shown.is_active or not own.exists():
        messages.warning(request, _("They have no second step that you can take away."))
        return redirect("directory-person", shown.pk)
    if letters.address_is_new(shown):
        messages.warning(request, _("Their email address was changed less than three days ago. Their second step stays until then."))
        return redirect("directory-person", shown.pk)
    if request.method == "POST":
        with acting_as(shown):  # the trail is theirs; the request says whose doing it was
            for one in own:
                signals.authenticator_removed.send(sender=Authenticator, request=request, user=shown, authenticator=one)
        own.delete()
        letters.owe(Letter.Kind.SECOND_FACTOR_CHANGED, shown)
        messages.success(
            request, _("%(name)s sets up a new second step at their next sign-in. An email tells them.") % {"name": shown.name}
        )
        return redirect("directory-person", shown.pk)
    return render(request, "accounts/lost_second_step.html", {"shown": shown})
