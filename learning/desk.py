"""What learning puts on a desk: general issues to refer, points without a theme, decisions to see to, what came late."""

from __future__ import annotations

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from escalation.desk import Section
from learning.membership import Learner, learner_of
from learning.models import Decision
from learning.point_forms import shortened
from learning.points import waiting_for, waiting_long
from learning.themes import late_or_owned, unplaced
from learning.waiting import ago
from pages import times

ON_THE_DESK = 5

Line = tuple[str, str, str, str]  # what, below it, its address, "late"


def on_the_desk(person: User) -> Section | None:
    """None for whoever has nothing to do with it: no office, and no decision to see to."""
    me = learner_of(person)
    lines = [*_decisions(me), *_to_refer(me), *_with_others(me), *_unplaced(me)]
    if lines:
        return Section(_("What others could learn"), lines, *_where(me))
    if me.decides or me.partnerships("representative"):
        quiet = [(_("Nothing waits for you"), _("General issues come here when a disagreement ends."))]
        return Section(_("What others could learn"), quiet, *_where(me))
    return None


def _where(me: Learner) -> tuple[str, str]:
    if me.decides or me.reads:
        return reverse("themes"), _("Themes and decisions")
    return reverse("learning"), _("What changed because somebody spoke up")


def _decisions(me: Learner) -> list[Line]:
    today = timezone.localdate()
    return [
        (
            one.theme.title,
            _say(one, mine=one.owner_id == me.person.pk),
            reverse("decision-done", args=[one.pk]),
            "late" if one.is_overdue(today) else "",
        )
        for one in late_or_owned(me)[: 2 * ON_THE_DESK]
    ]


def _say(one: Decision, *, mine: bool) -> str:
    said = {"what": one.get_kind_display(), "when": times.day(one.due_on) if one.due_on else ""}
    if mine:
        return _("Yours to see to: %(what)s, by %(when)s") % said
    return _("%(name)s sees to it: %(what)s, by %(when)s") % {**said, "name": one.owner.name if one.owner else ""}


def _to_refer(me: Learner) -> list[Line]:
    waiting = waiting_for(me)
    lines = [
        (
            shortened(one.issue, 100),
            _("To refer: %(about)s, %(agency)s, named %(ago)s")
            % {"about": one.get_about_display(), "agency": one.agency.name, "ago": ago(one.recorded_at)},
            reverse("learning-point", args=[one.pk]),
            "",
        )
        for one in waiting[:ON_THE_DESK]
    ]
    return [*lines, *_and_more(len(waiting) - ON_THE_DESK, reverse("learning-points"))]


def _and_more(number: int, address: str) -> list[Line]:
    if number <= 0:
        return []
    said = ngettext("%(n)d general issue more to refer", "%(n)d general issues more to refer", number) % {"n": number}
    return [(said, _("The oldest stand first."), address, "")]


def _with_others(me: Learner) -> list[Line]:
    """For the office: what representatives have not referred for long."""
    long = waiting_long(me) if me.offices else []
    if not long:
        return []
    words = ngettext(
        "%(n)d general issue waits long for a representative", "%(n)d general issues wait long for a representative", len(long)
    )
    oldest = _("The oldest, of %(agency)s, was named %(ago)s.") % {"agency": long[0].agency.name, "ago": ago(long[0].recorded_at)}
    return [(words % {"n": len(long)}, oldest, reverse("learning-points"), "")]


def _unplaced(me: Learner) -> list[Line]:
    number = len(unplaced(me.decides)) if me.decides else 0
    if not number:
        return []
    said = ngettext("%(n)d general issue without a theme", "%(n)d general issues without a theme", number) % {"n": number}
    return [(said, _("Referred to a subgroup, to be seen beside others like it."), reverse("themes"), "")]
