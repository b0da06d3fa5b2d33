"""The subgroups of a partnership, kept by its office: their names, and when one ended."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import Appointment, Office, Partnership
from learning import rooms
from learning.membership import Learner, learner
from learning.models import Subgroup
from learning.point_forms import SubgroupForm
from pages.kept import posted

page = require_http_methods(["GET", "HEAD", "POST"])


@page
def subgroups(request: HttpRequest) -> HttpResponse:
    """All of them, who is a member, and a form for one more."""
    me = _office(request)
    partnership = _partnership(me, request.GET.get("of"))
    form = SubgroupForm(posted(request), partnership=partnership)
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["name"]
        Subgroup.objects.bulk_create([Subgroup(partnership=partnership, name=name)], ignore_conflicts=True)
        messages.success(request, _("%(name)s is added. General issues can be referred to it.") % {"name": name})
        return redirect("subgroups")
    today = timezone.localdate()
    context = {
        "form": form,
        "subgroups": Subgroup.objects.filter(partnership=partnership).annotate(themes=Count("theme")).order_by("name"),
        "members": Appointment.objects.people(partnership, Office.SUBGROUP, today),
        "today": today,
        "rooms": rooms.open_to(me),
    }
    return render(request, "learning/subgroups.html", context)


@page
def subgroup(request: HttpRequest, subgroup_id: UUID) -> HttpResponse:
    """Its name, and the day it ended."""
    me = _office(request)
    one = Subgroup.objects.filter(pk=subgroup_id, partnership__in=me.offices).select_related("partnership").first()
    if one is None:
        raise Http404
    form = SubgroupForm(posted(request), partnership=one.partnership, subgroup=one)
    if request.method == "POST" and form.is_valid():
        one.name, one.ended_on = form.cleaned_data["name"], form.cleaned_data["ended_on"]
        one.save(update_fields=["name", "ended_on"])
        messages.success(request, _("The subgroup is changed."))
        return redirect("subgroups")
    context = {"title": _("Change this subgroup"), "form": form, "back": reverse("subgroups"), "action": _("Save"), "caption": one.name}
    return render(request, "learning/form.html", context)


def _office(request: HttpRequest) -> Learner:
    me = learner(request)
    if not me.offices:
        raise Http404
    return me


def _partnership(me: Learner, slug: str | None) -> Partnership:
    found = Partnership.objects.filter(pk__in=me.offices).order_by("name")
    return next((one for one in found if one.slug == slug), found[0])
