"""General issues on their way (23.19): the agency's representative refers each to a subgroup, or keeps it in the agency with a reason."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Office
from audit import trail
from audit.models import Trace
from learning import rooms
from learning.membership import Learner, learner, representatives
from learning.models import LearningPoint, Referral
from learning.point_forms import ReferralForm
from learning.waiting import TOO_LONG, is_too_long
from pages.kept import posted

PER_PAGE = 30


@require_safe
def points(request: HttpRequest) -> HttpResponse:
    """A representative reads those of the agency, office and subgroups all. Others: 404. What waits for the reader stands first.

    Nothing here leads to the disagreement: most readers have no seat at it, and need none to learn from it.
    """
    me = learner(request)
    if not me.partnerships(Office.REPRESENTATIVE, *_deciding()):
        raise Http404
    trail.note_for_each(Trace.Kind.READ, "learning_points", me.seen_as(), person=me.person.pk)
    found = points_of(me)
    waiting = found.filter(referral=None)
    to_refer = [point for point in waiting if me.takes_on(point.partnership_id, point.agency_id)]
    shown = Paginator(found.exclude(pk__in=[point.pk for point in to_refer]), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "to_refer": to_refer,
        "waiting_long": waiting_long(me) if me.offices else [],
        "page": shown,
        "places": set(me.decides),
        "rooms": rooms.open_to(me),
    }
    return render(request, "learning/points.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def point(request: HttpRequest, point_id: UUID) -> HttpResponse:
    """One of them: what is new, and where it goes. Sent twice, or after somebody else was faster, it says what was done."""
    me = learner(request)
    one = points_of(me).filter(pk=point_id).first()
    if one is None:
        raise Http404
    trail.note(Trace.Kind.READ, "learning_point", person=me.person.pk, partnership=one.partnership_id)
    referral = getattr(one, "referral", None)
    mine = referral is None and me.takes_on(one.partnership_id, one.agency_id)
    form = ReferralForm(posted(request), point=one) if mine else None
    if request.method == "POST" and referral:
        messages.info(request, _("This has been seen to already. Nothing was changed."))
        return redirect("learning-point", point_id)
    if request.method == "POST" and not mine:
        raise Http404
    if form and request.method == "POST" and form.is_valid():
        subgroup, reason = form.subgroup, form.cleaned_data["reason"]
        made = Referral(
            partnership_id=one.partnership_id, point=one, subgroup=subgroup, reason="" if subgroup else reason, referred_by=me.person
        )
        Referral.objects.bulk_create([made], ignore_conflicts=True)
        if not Referral.objects.filter(pk=made.pk).exists():
            messages.info(request, _("A colleague was faster: this has been seen to already. Nothing was changed."))
            return redirect("learning-point", point_id)
        said = _("It is with %(subgroup)s now.") % {"subgroup": subgroup} if subgroup else _("It stays in the agency, with your reason.")
        messages.success(request, said)
        return redirect("learning-points")
    context = {
        "point": one,
        "referral": referral,
        "form": form,
        "mine": mine,
        "waits_for": [] if referral or mine else list(representatives(one.partnership_id, one.agency_id).select_related("person")),
        "places": one.partnership_id in me.decides,
        "names": mine or one.partnership_id in me.offices,
    }
    return render(request, "learning/point.html", context)


def points_of(me: Learner) -> QuerySet[LearningPoint]:
    """With what a line says of each: agency, where it went, which theme."""
    found = LearningPoint.objects.filter(me.points)
    return found.select_related("agency", "named_by", "referral__subgroup", "placed__theme").order_by("-recorded_at", "pk")


def waiting_for(me: Learner) -> list[LearningPoint]:
    """What this person has to refer or to keep."""
    if not me.partnerships(Office.REPRESENTATIVE, Office.OFFICE):
        return []
    found = LearningPoint.objects.filter(me.points, referral=None).select_related("agency").order_by("recorded_at")
    return [point for point in found if me.takes_on(point.partnership_id, point.agency_id)]


def waiting_long(me: Learner) -> list[LearningPoint]:
    """For the office: what lies too long with somebody who represents an agency, the oldest first."""
    before = timezone.now() - dt.timedelta(days=TOO_LONG)
    found = LearningPoint.objects.filter(partnership__in=me.offices, referral=None, recorded_at__lt=before)
    found = found.select_related("agency").order_by("recorded_at")
    return [one for one in found if is_too_long(one.recorded_at) and not me.takes_on(one.partnership_id, one.agency_id)]


def _deciding() -> tuple[str, str]:
    return Office.OFFICE, Office.SUBGROUP
