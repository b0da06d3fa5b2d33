"""Turns a limit and a moment into a deadline with its working, so that nobody has to trust a date they cannot check (23.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, partial
from zoneinfo import ZoneInfo

from procedure.calendars import ONE_DAY, Calendar
from procedure.ladder import Limit
from procedure.policy import Nudges

LONDON = "Europe/London"
OFFICE_HOURS = (time(9), time(17))
NOTHING = timedelta(0)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True)
class Sooner:
    """A moment that ends a limit if it comes before its length is up; `why` is what it is: "the disputed act"."""

    at: datetime
    why: str


@dataclass(frozen=True)
class Pause:
    """A time in which no limit runs, and why. One that ends before it begins does nothing."""

    begins: datetime
    ends: datetime
    reason: str = ""


@dataclass(frozen=True)
class Due:
    """When a limit is reached: `at` is aware, in UTC. `because` says what came first, where something did (see Sooner).

    Most deadlines are only compared, so the working is put into words when it is first read.
    """

    at: datetime
    lines: tuple[str, ...] | Callable[[], tuple[str, ...]] = field(repr=False, compare=False)
    assumed: bool
    because: str = ""

    @cached_property
    def working(self) -> tuple[str, ...]:
        """Lines of plain English in local time that explain the moment."""
        return self.lines() if callable(self.lines) else self.lines


def due(
    limit: Limit,
    started_at: datetime,
    calendar: Calendar,
    *,
    end_of_working_day: time,
    office_hours: tuple[time, time] = OFFICE_HOURS,
    zone: str = LONDON,
    pauses: Sequence[Pause] = (),
    sooner: Sequence[Sooner] = (),
    starts_with: str = "",
) -> Due:
    """When `limit` is reached if it began at `started_at` (aware); `starts_with` says what that was ("the previous answer").

    Working days and calendar days: the local day of the start is day 0, whatever the hour and whether people work on it or
    not; the limit ends at `end_of_working_day`, local time, on the last day. Working hours: time elapsed inside the office
    hours of working days. Hours and minutes: elapsed time, also over a night when the clocks change. At once: at the start.

    Days that lie in a pause from the opening of the office to the end of the working day are not counted; working hours, hours
    and minutes do not run in a pause. The earliest of `sooner` counts if it comes before all this, but not before the start: what
    happened before a limit began cannot end it.

    Raises ValueError for a naive moment and for a unit that cannot be counted.
    """
    count = _Count(limit, started_at, calendar, end_of_working_day, office_hours, zone, pauses)
    at, first = count.ends_at, None
    for each in sooner:
        if _aware(started_at) <= _aware(each.at) < at:
            at, first = each.at.astimezone(UTC), each
    return Due(at, partial(_working, count, first, starts_with), limit.assumed, first.why if first else "")


def nudge_times(
    due: datetime,
    nudges: Nudges,
    calendar: Calendar,
    *,
    end_of_working_day: time,
    office_hours: tuple[time, time] = OFFICE_HOURS,
    urgent: bool = False,
    zone: str = LONDON,
) -> list[tuple[str, datetime]]:
    """When people are reminded of `due` (aware), earliest first, each with its rule; the moments are aware, in UTC.

    No rule comes twice, because it carries its distance. "before_1", "after_1" and "chaser" come when the office opens (or
    when the working day ends, if that is earlier), so many working days from the local day of `due`; "at" comes at `due`, or,
    where that is outside the office hours, when the office next opens. Urgent ones come at any hour, so many minutes from `due`:
    "before_120", "at", "after_60", "chaser". Times from before the clock started are for the caller to drop.
    """
    due = _aware(due).astimezone(UTC)
    if urgent:
        steps = [(f"before_{n}", -n) for n in nudges.urgent.before_minutes] + [("at", 0)] * nudges.urgent.at
        steps += [(f"after_{n}", n) for n in nudges.urgent.after_minutes] + [("chaser", nudges.urgent.chaser_minutes)]
        return sorted(((rule, due + timedelta(minutes=n)) for rule, n in steps), key=lambda nudge: nudge[1])
    opens, closes = min(office_hours[0], end_of_working_day), office_hours[1]
    local = due.astimezone(ZoneInfo(zone))
    last_day = local.date()

    def morning(n: int) -> datetime:
        return _moment(calendar.add_working_days(last_day, n), opens, zone)

    times = [(f"before_{n}", morning(-n)) for n in nudges.before]
    if nudges.at:
        if not calendar.is_working_day(last_day) or local.time() > closes:
            times.append(("at", morning(1)))
        else:
            times.append(("at", max(due, _moment(last_day, opens, zone))))
    times += [(f"after_{n}", morning(n)) for n in nudges.after] + [("chaser", morning(nudges.chaser_days))]
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
    """ "2 working days", "1 hour", "at once"."""
    if limit.unit == "at_once":
        return "at once"
    return _say_number(limit.amount, limit.unit.replace("_", " "))


class _Count:
    """One limit being counted, so that finding its end and saying how share their steps. `ends_at` disregards Sooner."""

    def __init__(
        self,
        limit: Limit,
        started_at: datetime,
        calendar: Calendar,
        end_of_working_day: time,
        office_hours: tuple[time, time],
        zone: str,
        pauses: Sequence[Pause],
    ) -> None:
        self.limit, self.calendar, self.zone = limit, calendar, zone
        self.end_of_working_day, self.office_hours = end_of_working_day, office_hours
        self.started_at = _aware(started_at).astimezone(UTC)
        self.first_day = started_at.astimezone(ZoneInfo(zone)).date()
        self.pauses = tuple(_apart(pauses)) if pauses else ()
        self.ends_at = self._end()

    def _end(self) -> datetime:
        match self.limit.unit:
            case "working_days" | "calendar_days":
                return _moment(self._last_day(), self.end_of_working_day, self.zone)
            case "minutes":
                return self._after(timedelta(minutes=self.limit.amount))
            case "hours":
                return self._after(timedelta(hours=self.limit.amount))
            case "working_hours":
                return self._after_working(timedelta(hours=self.limit.amount))
            case "at_once":
                return self.started_at
            case _:
                raise ValueError(f"A limit in {self.limit.unit} cannot be counted.")

    def _last_day(self) -> date:
        day = self._days_on(self.first_day, self.limit.amount)
        for pause in self.pauses:
            first, last = self._whole_days(pause)
            if first <= day:
                day = self._days_on(day, self._days_in(max(first, self.first_day + ONE_DAY), last))
        return day

    def _days_on(self, day: date, n: int) -> date:
        return self.calendar.add_working_days(day, n) if self.limit.unit == "working_days" else day + timedelta(days=n)

    def _days_in(self, first: date, last: date) -> int:
        if self.limit.unit == "working_days":
            return self.calendar.count_working_days(first, last)
        return max(0, (last - first).days + 1)

    def _whole_days(self, pause: Pause) -> tuple[date, date]:
        """The first and the last day that lie in the pause from opening to end; the last is before the first if none does."""
        zone = ZoneInfo(self.zone)
        first, last = pause.begins.astimezone(zone).date(), pause.ends.astimezone(zone).date()
        opens = min(self.office_hours[0], self.end_of_working_day)
        if _moment(first, opens, self.zone) < pause.begins:
            first += ONE_DAY
        if _moment(last, self.end_of_working_day, self.zone) > pause.ends:
            last -= ONE_DAY
        return first, last

    def _after(self, length: timedelta) -> datetime:
        at = self.started_at + length
        for pause in self.pauses:
            if pause.begins < at:
                at += max(NOTHING, pause.ends - max(pause.begins, self.started_at))
        return at

    def _after_working(self, left: timedelta) -> datetime:
        """Runs through the office hours, from one closing or pause to the next, until nothing is left."""
        for opens, closes in self._offices_open(self.started_at, self.pauses):
            at = max(opens, self.started_at)
            for pause in (*self.pauses, Pause(closes, closes)):
                if at < pause.begins:
                    run = min(pause.begins, closes) - at
                    if left <= run:
                        return at + left
                    left -= max(NOTHING, run)
                at = max(at, pause.ends)
        raise AssertionError("there is always another day")

    def _offices_open(self, at: datetime, pauses: tuple[Pause, ...] = ()) -> Iterator[tuple[datetime, datetime]]:
        """Opening and closing of each working day that is not over at `at` nor lies in one of `pauses`, without end."""
        opens, closes = self.office_hours
        if opens >= closes:
            raise ValueError("Office hours must begin before they end.")
        zone = ZoneInfo(self.zone)
        day = at.astimezone(zone).date() - ONE_DAY
        while True:
            day = self.calendar.add_working_days(day, 1)
            opening, closing = _moment(day, opens, self.zone), _moment(day, closes, self.zone)
            if closing <= at:
                continue
            pause = next((p for p in pauses if p.begins <= opening and closing <= p.ends), None)
            if pause:
                day = max(day, pause.ends.astimezone(zone).date() - ONE_DAY)
                continue
            yield opening, closing

    def adds(self, pause: Pause) -> int | timedelta:
        """What one pause of `pauses` adds: days, for a limit in days, or time."""
        if self.limit.unit in ("working_days", "calendar_days"):
            first, last = self._whole_days(pause)
            return self._days_in(max(first, self.first_day + ONE_DAY), last)
        begins = max(pause.begins, self.started_at)
        if self.limit.unit != "working_hours":
            return max(NOTHING, pause.ends - begins)
        added = NOTHING
        for opens, closes in self._offices_open(begins):
            if opens >= pause.ends:
                break
            added += max(NOTHING, min(closes, pause.ends) - max(opens, begins))
        return added


def _apart(pauses: Sequence[Pause]) -> Iterator[Pause]:
    """The pauses in order and in UTC, those that overlap or touch as one, with all their reasons."""
    waiting: Pause | None = None
    for pause in sorted(pauses, key=lambda pause: (_aware(pause.begins), _aware(pause.ends))):
        begins, ends = pause.begins.astimezone(UTC), pause.ends.astimezone(UTC)
        if ends <= begins:
            continue
        if waiting and begins <= waiting.ends:
            reasons = dict.fromkeys(reason for reason in (waiting.reason, pause.reason) if reason)
            waiting = Pause(waiting.begins, max(ends, waiting.ends), "; ".join(reasons))
        else:
            if waiting:
                yield waiting
            waiting = Pause(begins, ends, pause.reason)
    if waiting:
        yield waiting


def _aware(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError("A clock needs moments that carry their time zone.")
    return moment


def _local(moment: datetime, zone: str) -> datetime:
    return _aware(moment).astimezone(ZoneInfo(zone))


def _moment(day: date, at: time, zone: str) -> datetime:
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)


def _working(count: _Count, first: Sooner | None, starts_with: str) -> tuple[str, ...]:
    limit, zone = count.limit, count.zone
    length = say_length(limit)
    if limit.unit == "working_hours":
        opens, closes = map(say_time, count.office_hours)
        length += f" ({opens} to {closes} on working days)"
    lines = [f"{length} from {starts_with}{', ' if starts_with else ''}{say_moment(count.started_at, zone)}"]
    if limit.unit in ("working_days", "working_hours"):
        counts_from = count.first_day + ONE_DAY if limit.unit == "working_days" else count.first_day
        last_day = _local(count.ends_at, zone).date()
        lines += _say_days_off(count.calendar, counts_from, last_day)
        lines += _say_unknown_years(count.calendar, count.first_day, last_day)
    if limit.unit == "calendar_days":
        lines.append("weekends and bank holidays count")
    if limit.unit in ("minutes", "hours"):
        lines += _say_clocks_changed(count)
    lines += [_say_pause(pause, count) for pause in count.pauses if count.started_at < pause.ends and pause.begins < count.ends_at]
    if first:
        lines.append(f"that would be {say_moment(count.ends_at, zone)}")
        lines.append(f"{first.why} comes first: {say_moment(first.at, zone)}")
    lines.append(f"due {say_moment(first.at if first else count.ends_at, zone)}")
    if limit.assumed:
        lines.append("This length is assumed: check with your partnership")
    return tuple(lines)


def _say_clocks_changed(count: _Count) -> list[str]:
    """Why 24 hours from noon do not end at noon: nobody thinks of it on the night when it matters."""
    before, after = (_local(moment, count.zone).utcoffset() or NOTHING for moment in (count.started_at, count.ends_at))
    if before == after:
        return []
    how = "go forward" if after > before else "go back"
    return [f"the clocks {how} in between, which is allowed for"]


def _say_pause(pause: Pause, count: _Count) -> str:
    added = count.adds(pause)
    if not added:
        adds = f"nothing, because {'no whole working day lies in it' if isinstance(added, int) else 'the office is closed'}"
    elif isinstance(added, int):
        adds = _say_number(added, "working days" if count.limit.unit == "working_days" else "days")
    else:
        adds = _say_time_span(added) + (" of office time" if count.limit.unit == "working_hours" else "")
    why = f" ({pause.reason})" if pause.reason else ""
    return f"paused from {say_moment(pause.begins, count.zone)} to {say_moment(pause.ends, count.zone)}{why}: adds {adds}"


def _say_time_span(span: timedelta) -> str:
    hours, minutes = divmod(span // timedelta(minutes=1), 60)
    said = [_say_number(n, unit) for n, unit in ((hours, "hours"), (minutes, "minutes")) if n]
    return _say_list(said) if said else "less than a minute"


def _say_number(n: int, units: str) -> str:
    return f"{n} {units.removesuffix('s') if n == 1 else units}"


def _say_days_off(calendar: Calendar, first_day: date, last_day: date) -> list[str]:
    """The bank holidays and closures that moved the deadline, as one line of each or none: those on weekdays."""
    return [
        *_say_days(calendar.holidays_between(first_day, last_day), "bank holiday", f" in {calendar.name}"),
        *_say_days(calendar.closures_between(first_day, last_day), "local closure day", ""),
    ]


def _say_days(days: list[tuple[date, str]], what: str, where: str) -> list[str]:
    moved_by = [f"{name} ({_say_short_day(day)})" for day, name in days if day.weekday() < 5]
    if not moved_by:
        return []
    return [f"{_say_list(moved_by)} {f'is a {what}' if len(moved_by) == 1 else f'are {what}s'}{where}"]


def _say_unknown_years(calendar: Calendar, first_day: date, last_day: date) -> list[str]:
    unknown = [str(year) for year in range(first_day.year, last_day.year + 1) if year not in calendar.known_years]
    if not unknown:
        return []
    return [f"the bank holidays of {_say_list(unknown)} in {calendar.name} are not known: only weekends are left out"]


def _say_short_day(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]}"


def _say_list(things: list[str]) -> str:
    return " and ".join([", ".join(things[:-1]), things[-1]] if len(things) > 1 else things)
