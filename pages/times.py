"""Days and times in the words of the screen, always as they stand on a clock in London."""

from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

LONDON = ZoneInfo("Europe/London")


class DaysLeft(NamedTuple):
    """How long is left, in words, and the tone of the badge that says so: calm, soon or late."""

    text: str
    tone: str

    def __str__(self) -> str:
        return self.text


def here(value: datetime) -> datetime:
    """The same moment on a London clock. Takes aware datetimes only."""
    return value.astimezone(LONDON)


def local_day(value: date | datetime) -> date:
    """The day in London on which a moment falls; a day stays itself."""
    return here(value).date() if isinstance(value, datetime) else value


def time(value: datetime) -> str:
    """5pm, 5.30pm, midday, midnight."""
    local = here(value)
    if local.minute == 0 and local.hour in (0, 12):
        return _("midday") if local.hour else _("midnight")
    minutes = f".{local.minute:02}" if local.minute else ""
    return f"{local.hour % 12 or 12}{minutes}{'pm' if local.hour >= 12 else 'am'}"


def day(value: date | datetime) -> str:
    """6 March 2026."""
    local = local_day(value)
    return f"{local.day} {MONTHS[local.month]} {local.year}"


def moment(value: datetime) -> str:
    """6 March 2026, 5pm."""
    return f"{day(value)}, {time(value)}"


def weekday_day(value: date | datetime) -> str:
    """Tuesday 10 March."""
    local = local_day(value)
    return f"{WEEKDAYS[local.weekday()]} {local.day} {MONTHS[local.month]}"


def weekday_moment(value: datetime) -> str:
    """Tuesday 10 March, 5pm."""
    return f"{weekday_day(value)}, {time(value)}"


def length(minutes: int) -> str:
    """1 hour 30 minutes."""
    hours, rest = divmod(minutes, 60)
    said = [ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}] if hours else []
    said += [_("%(n)d minutes") % {"n": rest}] if rest or not hours else []
    return " ".join(said)


def days_left(due: datetime, now: datetime) -> DaysLeft:
    """Calendar days between now and the limit: "3 days left", "due today", "late since 5pm", "2 days late"."""
    days = (local_day(due) - local_day(now)) / timedelta(days=1)
    if days < 0:
        return DaysLeft(ngettext("%(days)d day late", "%(days)d days late", int(-days)) % {"days": -days}, "late")
    if due < now:
        return DaysLeft(_("late since %(time)s") % {"time": time(due)}, "late")
    if days == 0:
        return DaysLeft(_("due today"), "soon")
    text = ngettext("%(days)d day left", "%(days)d days left", int(days)) % {"days": days}
    return DaysLeft(text, "soon" if days == 1 else "calm")
