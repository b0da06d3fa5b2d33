"""Turns a limit and a moment into a deadline with its working, so that nobody has to trust a date they cannot check (23.2)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from procedure.calendars import Calendar
from procedure.ladder import Limit
from procedure.policy import Nudges

LONDON = "Europe/London"
MORNING = time(9)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True)
class Due:
    """When a limit is reached: `at` is aware, in UTC. `working` are lines of plain English in local time that explain it."""

    at: datetime
    working: tuple[str, ...]
    assumed: bool


def due(limit: Limit, started_at: datetime, calendar: Calendar, *, end_of_working_day: time, zone: str = LONDON) -> Due:
    """When `limit` is reached if it began at `started_at` (aware).

    Working days and calendar days: the local day of the start is day 0, whatever the hour and whether people work on it or
    not; the limit ends at `end_of_working_day`, local time, on the last day. Hours and minutes: elapsed time, also over
    a night when the clocks change. Raises ValueError for a naive moment and for a unit that cannot be counted.
    """
    first_day = _local(started_at, zone).date()
    match limit.unit:
        case "minutes":
            at = started_at.astimezone(UTC) + timedelta(minutes=limit.amount)
        case "hours":
            at = started_at.astimezone(UTC) + timedelta(hours=limit.amount)
        case "calendar_days":
            at = _moment(first_day + timedelta(days=limit.amount), end_of_working_day, zone)
        case "working_days":
            at = _moment(calendar.add_working_days(first_day, limit.amount), end_of_working_day, zone)
        case _:
            raise ValueError(f"A limit in {limit.unit} cannot be counted.")
    return Due(at=at, working=_working(limit, started_at, at, calendar, zone), assumed=limit.assumed)


def nudge_times(
    due: datetime, nudges: Nudges, calendar: Calendar, *, end_of_working_day: time, zone: str = LONDON
) -> list[tuple[str, datetime]]:
    """When people are reminded of `due` (aware), earliest first, each with its rule; the moments are aware, in UTC.

    "before", "after" and "chaser" come at 9am local time (or when the working day ends, if that is earlier), so many
    working days from the local day of `due`; "at" comes at `due`. Where a policy has several days before or after, the rule
    returns with each. Times from before the clock started are for the caller to drop.
    """
    last_day = _local(due, zone).date()
    days = [("before", -n) for n in nudges.before] + [("after", n) for n in nudges.after]
    days += [("chaser", nudges.chaser_days)]
    morning = min(MORNING, end_of_working_day)
    times = [(rule, _moment(calendar.add_working_days(last_day, n), morning, zone)) for rule, n in days]
    if nudges.at:
        times.append(("at", due.astimezone(UTC)))
    return sorted(times, key=lambda nudge: nudge[1])


def say_moment(moment: datetime, zone: str = LONDON) -> str:
    """ "Thursday 2 April 2026, 6:20pm" in the local time of `zone`, with GMT or BST in the hour that comes twice."""
    local = _local(moment, zone)
    comes_twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return f"{say_day(local)}, {say_time(local.time())}" + (f" {local.tzname()}" if comes_twice else "")


def say_day(day: date) -> str:
    """ "Thursday 2 April 2026"; the names do not depend on the machine's locale."""
    return f"{DAYS[day.weekday()]} {_say_short_day(day)} {day.year}"


def say_time(at: time) -> str:
    """ "6:20pm", and "5pm" for a full hour; noon is "12pm", midnight "12am"."""
    minutes = f":{at.minute:02}" if at.minute else ""
    return f"{at.hour % 12 or 12}{minutes}{'am' if at.hour < 12 else 'pm'}"


def say_length(limit: Limit) -> str:
    """ "2 working days", "1 hour"."""
    unit = limit.unit.replace("_", " ")
    return f"{limit.amount} {unit.removesuffix('s') if limit.amount == 1 else unit}"


def _local(moment: datetime, zone: str) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError("A clock needs moments that carry their time zone.")
    return moment.astimezone(ZoneInfo(zone))


def _moment(day: date, at: time, zone: str) -> datetime:
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)


def _working(limit: Limit, started_at: datetime, at: datetime, calendar: Calendar, zone: str) -> tuple[str, ...]:
    lines = [f"{say_length(limit)} from {say_moment(started_at, zone)}"]
    if limit.unit == "working_days":
        first_day, last_day = _local(started_at, zone).date(), _local(at, zone).date()
        lines += _say_holidays(calendar, first_day, last_day) + _say_unknown_years(calendar, first_day, last_day)
    if limit.unit == "calendar_days":
        lines.append("weekends and bank holidays count")
    lines.append(f"due {say_moment(at, zone)}")
    if limit.assumed:
        lines.append("This length is assumed: check with your partnership")
    return tuple(lines)


def _say_holidays(calendar: Calendar, first_day: date, last_day: date) -> list[str]:
    """The bank holidays that moved the deadline, as one line or none: those on weekdays, after day 0."""
    moved_by = [
        f"{name} ({_say_short_day(day)})"
        for day, name in calendar.holidays_between(first_day + timedelta(days=1), last_day)
        if day.weekday() < 5
    ]
    if not moved_by:
        return []
    verb = "is a bank holiday" if len(moved_by) == 1 else "are bank holidays"
    return [f"{_say_list(moved_by)} {verb} in {calendar.name}"]


def _say_unknown_years(calendar: Calendar, first_day: date, last_day: date) -> list[str]:
    unknown = [str(year) for year in range(first_day.year, last_day.year + 1) if year not in calendar.known_years]
    if not unknown:
        return []
    return [f"the bank holidays of {_say_list(unknown)} in {calendar.name} are not known: only weekends are left out"]


def _say_short_day(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]}"


def _say_list(things: list[str]) -> str:
    return " and ".join([", ".join(things[:-1]), things[-1]] if len(things) > 1 else things)
