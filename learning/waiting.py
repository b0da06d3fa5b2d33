"""How long something has waited, in words: a general issue for its representative, a debrief for the office."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pages import times

TOO_LONG = 28  # days: 20 working days, for a general issue that its agency's representative has


def days_since(moment: dt.datetime) -> int:
    return max((timezone.localdate() - times.local_day(moment)).days, 0)


def ago(moment: dt.datetime | None) -> str:
    """ "today", "yesterday", "80 days ago"."""
    if moment is None:
        return ""
    days = days_since(moment)
    if days < 2:
        return _("yesterday") if days else _("today")
    return ngettext("%(n)d day ago", "%(n)d days ago", days) % {"n": days}


def is_too_long(moment: dt.datetime | None) -> bool:
    return moment is not None and days_since(moment) > TOO_LONG
