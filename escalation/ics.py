"""The joint session for a calendar (RFC 5545, RFC 5546): when, how long, and where to read the rest. It names no child, quotes nobody,
and says no place, for the place is somebody's words and calendars are read over shoulders."""

from __future__ import annotations

import datetime as dt
import unicodedata
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _
from icalendar import Calendar, Event, vCalAddress, vText

from disputes.sessions import Session
from pages.times import LONDON

REQUEST, CANCEL, PUBLISH = "REQUEST", "CANCEL", "PUBLISH"
LONGEST_NAME = 120


def invitation(
    session: Session,
    reference: str,
    partnership: str,
    *,
    method: str,
    stamp: dt.datetime,
    reader: tuple[str, str] | None = None,
) -> bytes:
    """The calendar file of a fixed session. Raises ValueError where none is fixed.

    `method` is REQUEST or CANCEL in a mail, PUBLISH for a file fetched from the page; `reader` the (name, address) to whom the mail goes,
    the only person that it names; `stamp` is when it is made. The UID is the session's, so a later file replaces an earlier one.
    """
    if session.fixed_at is None or session.ends_at is None:
        raise ValueError("A session goes into calendars once its date is fixed.")
    event = Event()
    event.add("uid", uid(session.entry))
    event.add("sequence", session.changes)
    event.add("dtstamp", stamp.astimezone(dt.UTC))
    event.add("dtstart", session.fixed_at.astimezone(LONDON))
    event.add("dtend", session.ends_at.astimezone(LONDON))
    event.add("summary", plain(_("Accord: joint session %(reference)s") % {"reference": reference}))
    event.add("location", plain(_("See Accord")))
    event.add("description", f"{_('Place and agenda stand in Accord:')} {page_of(reference)}\n{plain(partnership)}")
    event.add("url", page_of(reference))
    event.add("class", "PRIVATE")
    event.add("status", "CANCELLED" if method == CANCEL else "CONFIRMED")
    if method != PUBLISH:
        event.add("organizer", _address(_("Accord"), _sender()), encode=False)
    if reader and method != PUBLISH:
        attendee = _address(*reader)
        attendee.params["RSVP"] = vText("FALSE")  # nobody reads the answers
        event.add("attendee", attendee, encode=False)
    calendar = Calendar()
    calendar.add("prodid", "-//Accord//Joint session//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(event)
    around = session.fixed_at.year  # every change of the clocks since 1970 would be four kilobytes
    calendar.add_missing_timezones(first_date=dt.date(around - 1, 1, 1), last_date=dt.date(around + 1, 12, 31))
    return calendar.to_ical()


def uid(entry: UUID) -> str:
    """That of the entry which proposed the session: the same through every change of it."""
    return f"{entry}@{settings.SITE_URL.split('//', 1)[-1].split('/')[0].split(':')[0]}"


def page_of(reference: str) -> str:
    return f"{settings.SITE_URL}/disagreements/{reference}/"


def plain(text: str) -> str:
    """One line of printable text: what would end a line, or cannot be seen, is a space."""
    seen = "".join(" " if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") else one for one in text)
    return " ".join(seen.split())


def _address(name: str, address: str) -> vCalAddress:
    """A name may hold no quotation mark there (RFC 5545, 3.2), and no colon or line end that a reader could mistake for a property."""
    said = vCalAddress(f"mailto:{plain(address).replace(' ', '')}")
    said.params["CN"] = vText(plain(name).replace('"', "’")[:LONGEST_NAME])
    return said


def _sender() -> str:
    """The bare address from which mails go."""
    return settings.DEFAULT_FROM_EMAIL.rpartition("<")[2].rstrip("> ").strip()
