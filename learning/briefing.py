"""The seven-minute briefing of a theme: one or two pages for a team meeting, a minute for each of seven parts. Names no one."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from audit import trail
from audit.models import Trace
from learning import documents
from learning.changed import changes_for, marks
from learning.membership import learner
from learning.models import About, Decision, Theme
from pages import times

CHANGES_AT_MOST = 3
AGAIN = gettext_lazy("It has come up again since the change. Say where it still happens: the subgroup looks at what is missing.")
ROOMY = 1500  # characters: fewer are set larger, and still fit on one page

WHY = {
    About.PROTOCOL: gettext_lazy(
        "Where a protocol can be read in two ways, each agency acts rightly by its own, and the child waits between them."
    ),
    About.ROLES: gettext_lazy("When it is not clear who does what, each agency may believe that another one is seeing to the child."),
    About.THRESHOLD: gettext_lazy("Each of those who see a child differently holds part of the picture. Together the parts show more."),
    About.INFORMATION_SHARING: gettext_lazy("What one agency knows protects a child only when those who decide know it too."),
    About.TRAINING: gettext_lazy("People do what they have had the chance to learn, and learning together builds trust."),
    About.RESOURCES: gettext_lazy(
        "Where a service is missing or full, people argue whose child it is. The gap needs somebody to see to it."
    ),
    About.SYSTEM: gettext_lazy("Forms, systems and procedures can themselves cause conflict between people who want the same for a child."),
    About.OTHER: gettext_lazy("What one disagreement brings to light often matters to many children."),
}
DO = {
    About.PROTOCOL: (
        gettext_lazy("Read the new wording together, and say where it is still unclear."),
        gettext_lazy("When you rely on a protocol, name the paragraph to the other agency."),
    ),
    About.ROLES: (
        gettext_lazy("Say at the end of every meeting who does what, by when."),
        gettext_lazy("When you think that something is somebody else’s to do, ask whether they think so too."),
    ),
    About.THRESHOLD: (
        gettext_lazy("Give reasons with every decision, in words that the other agency can check."),
        gettext_lazy("Send a chronology: small signs add up only when they are seen together."),
    ),
    About.INFORMATION_SHARING: (
        gettext_lazy("Ask what the other agency needs to know to decide, and tell them."),
        gettext_lazy("Say what you did with what you were told."),
    ),
    About.TRAINING: (
        gettext_lazy("Look for the joint learning events of the partnership, and go with a colleague from another agency."),
        gettext_lazy("Tell your team what you would do differently now."),
    ),
    About.RESOURCES: (
        gettext_lazy("Say plainly that a service is missing, and record what the child gets meanwhile."),
        gettext_lazy("Name the gap when a disagreement ends: it goes to the subgroup."),
    ),
    About.SYSTEM: (
        gettext_lazy("Speak to the person, not only to the form."),
        gettext_lazy("Say which step of a procedure costs time without helping a child."),
    ),
    About.OTHER: (
        gettext_lazy("Talk about it before you need it."),
        gettext_lazy("Say it when something does not work: that is how it changes."),
    ),
}
ASK = {
    About.PROTOCOL: (gettext_lazy("Where do we and the agencies around us read a rule differently?"),),
    About.ROLES: (gettext_lazy("For which tasks are we not sure whose they are?"),),
    About.THRESHOLD: (gettext_lazy("When did we last change our minds because of what another agency knew?"),),
    About.INFORMATION_SHARING: (gettext_lazy("What do we know that others would need, and how do they get it?"),),
    About.TRAINING: (gettext_lazy("Who among us has not heard of this yet?"),),
    About.RESOURCES: (gettext_lazy("What do we do when the service that a child needs is not there?"),),
    About.SYSTEM: (gettext_lazy("Which of our own procedures make it hard to work with us?"),),
    About.OTHER: (gettext_lazy("Where have we seen something like this?"),),
}
ASK_ALL = (
    gettext_lazy("What would we do if this happened here tomorrow?"),
    gettext_lazy("Would a newcomer among us dare to disagree, and whom would they ask for support?"),
)


@require_safe
def briefing(request: HttpRequest, theme_id: UUID) -> HttpResponse:
    """For everybody in the partnership once something has changed; before, for those who see the theme."""
    me = learner(request)
    seen = Q(partnership__in=me.reads) | Q(pk__in=changes_for(me.person).values("theme"))
    theme = Theme.objects.filter(seen, pk=theme_id).select_related("partnership", "subgroup").first()
    if theme is None:
        raise Http404
    trail.note(Trace.Kind.EXPORTED, "briefing", person=me.person.pk, partnership=theme.partnership_id, disagreements=0)
    done = theme.partnership_id not in me.reads
    decisions = theme.decisions.filter(done_at__isnull=False) if done else theme.decisions.all()
    made = documents.pdf("briefing", content(theme, list(decisions), again=theme.pk in marks()[1]), theme.title)
    answer = HttpResponse(made, content_type="application/pdf")
    answer["Content-Disposition"] = 'attachment; filename="seven-minute-briefing.pdf"'
    return answer


def content(theme: Theme, decisions: list[Decision], *, again: bool = False) -> dict[str, Any]:
    """What the document says, part by part; `again`: it came up after the change. Names nobody, nor who sees to a decision."""
    about = About(theme.about)
    settled = sorted((one for one in decisions if one.done_at), key=lambda one: one.done_at or timezone.now(), reverse=True)
    coming = [one for one in decisions if not one.done_at]
    today = timezone.localdate()
    changes = [one for one in settled if one.kind != Decision.Kind.NO_CHANGE]
    nothing = [one for one in settled if one not in changes]
    shown = [_say(one, today) for one in [*changes, *coming, *nothing][:CHANGES_AT_MOST]]
    what = _("What changed") if changes else _("What is to change") if coming or not nothing else _("What was decided")
    return {
        "above": theme.partnership.name,
        "about": _("Seven-minute briefing, %(day)s. One minute for each part.") % {"day": times.day(today)},
        "foot": _("%(partnership)s, seven-minute briefing") % {"partnership": theme.partnership.name},
        "parts": [
            {"title": _("What it is about"), "lines": [str(about.label)], "words": ""},
            {"title": _("What happens"), "lines": [], "words": theme.summary},
            {"title": _("Why it matters"), "lines": [], "words": str(WHY[about])},
            {"title": what, "lines": [str(AGAIN)] if again else [], "words": "", "changes": shown},
            {"title": _("What to do"), "lines": [*map(str, DO[about])], "words": ""},
            {"title": _("Questions for your team"), "lines": [*map(str, (*ASK[about], *ASK_ALL))], "words": ""},
            {
                "title": _("When you disagree"),
                "lines": [],
                "words": _(
                    "Say so, early, to the person you disagree with. Disagreeing about what keeps a child safe is part of the work, "
                    "whatever your rank. If you cannot resolve it between you, raise it: this briefing exists because somebody did."
                ),
            },
        ],
        "roomy": len(theme.summary) + sum(len(one["words"]) for one in shown) < ROOMY,
        "nothing": _("Nothing has been decided yet."),
    }


def _say(one: Decision, today: dt.date) -> dict[str, str]:
    """One change, or what is to come, in a heading and words."""
    if one.kind == Decision.Kind.NO_CHANGE:
        return {"head": _("No change, and why"), "words": one.what}
    if one.done_on:
        return {"head": _("Since %(day)s") % {"day": times.day(one.done_on)}, "words": one.what_changed}
    if one.due_on is None:
        return {"head": _("Planned"), "words": one.what}
    planned = _("Was planned by %(day)s; not yet done") if one.is_overdue(today) else _("Planned, by %(day)s")
    return {"head": planned % {"day": times.day(one.due_on)}, "words": one.what}
