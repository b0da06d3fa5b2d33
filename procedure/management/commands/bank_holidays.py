"""Takes in bank holidays as GOV.UK publishes them, and says which ones are known."""

from __future__ import annotations

import datetime as dt
import json
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from procedure import calendars
from procedure.calendars import NAMES, CalendarError
from procedure.models import BankHolidays, bank_holidays

LARGEST = 1_000_000  # bytes; GOV.UK's file has some 70,000
FIRST_YEAR, LAST_YEAR = 1990, 2099
LONGEST_NAME = 200


class Command(BaseCommand):
    help = "Imports bank holidays in the JSON format of https://www.gov.uk/bank-holidays.json, or shows those of a year."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_subparsers(dest="what", required=True)
        importing = what.add_parser("import", help="take in a file with one or more of the three divisions")
        importing.add_argument("file", type=Path)
        showing = what.add_parser("show", help="list the bank holidays of a division in a year")
        showing.add_argument("division", choices=sorted(NAMES))
        showing.add_argument("year", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "show":
            self.show(options["division"], options["year"])
        else:
            self.take_in(options["file"])

    def show(self, division: str, year: int) -> None:
        """The days as the clock counts them now."""
        latest = BankHolidays.objects.filter(division=division).order_by("-version").first()
        known = _known(division, latest)
        days = [(day, name) for day, name in sorted(known.items()) if day.year == year]
        if not days:
            raise CommandError(f"No bank holidays of {NAMES[division]} are known for {year}.")
        came = f"version {latest.version}, imported {latest.imported_at:%Y-%m-%d}" if latest else "as shipped with Accord"
        self.stdout.write(f"{NAMES[division]}, {year} ({came})")
        for day, name in days:
            self.stdout.write(f"  {day:%a} {day.isoformat()}  {name}")

    def take_in(self, file: Path) -> None:
        """All divisions of the file or none: nothing is half applied."""
        published = _read(file)
        with transaction.atomic():
            for division in sorted(set(published) & set(NAMES)):
                self.take_in_division(division, published[division])

    def take_in_division(self, division: str, part: Any) -> None:
        """One new version, if it says anything new. Years before the file's first are kept: GOV.UK drops old ones."""
        latest = BankHolidays.objects.select_for_update().filter(division=division).order_by("-version").first()
        known = _known(division, latest)
        fresh = _checked(part, division)
        first, last = min(fresh).year, max(fresh).year
        if known and last < (known_until := max(known).year):
            raise CommandError(
                f"{NAMES[division]}: the file ends in {last}, but {known_until} is known already. It is older than what Accord has;"
                " nothing was imported."
            )
        before = [{"title": name, "date": day.isoformat(), "notes": ""} for day, name in sorted(known.items()) if day.year < first]
        text = json.dumps({division: {"division": division, "events": [*before, *part["events"]]}}, ensure_ascii=False, indent=1)
        becomes = _holidays(text, division)
        if becomes == known:
            self.stdout.write(f"{NAMES[division]}: nothing new; nothing was written.")
            return
        version = latest.version + 1 if latest else 1
        BankHolidays.objects.create(division=division, version=version, text=text)
        self.stdout.write(f"{NAMES[division]}: version {version}, bank holidays of {min(becomes).year} to {last}.")
        for line in _differences(known, becomes):
            self.stdout.write(f"  {line}")


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > LARGEST:
            raise CommandError(f"{file} is larger than 1 MB: this cannot be a file of bank holidays.")
        published = json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
    except RecursionError as error:
        raise CommandError(f"{file} is nested too deeply: this cannot be a file of bank holidays.") from error
    except ValueError as error:
        raise CommandError(f"{file} is not JSON: {error}.") from error
    if not isinstance(published, dict) or not set(published) & set(NAMES):
        raise CommandError(f"{file} holds none of the divisions {', '.join(sorted(NAMES))}: it is not in GOV.UK's format.")
    if strange := sorted(set(published) - set(NAMES)):
        raise CommandError(f"{file} holds {strange[0]!r:.60}, which is not a division; known are {', '.join(sorted(NAMES))}.")
    return published


def _checked(part: Any, division: str) -> Mapping[dt.date, str]:
    """The holidays of a division, after every event in it was looked at."""
    where = NAMES[division]
    events = part.get("events") if isinstance(part, dict) else None
    if not isinstance(events, list) or not events:
        raise CommandError(f"{where}: there are no events.")
    for number, event in enumerate(events, start=1):
        title = event.get("title") if isinstance(event, dict) else None
        if not isinstance(title, str) or not title.strip() or len(title) > LONGEST_NAME or not title.isprintable():
            raise CommandError(f"{where}, event {number}: must have a title of at most {LONGEST_NAME} characters.")
        if not isinstance(event.get("notes", ""), str):
            raise CommandError(f"{where}, event {number} ({title}): the notes must be text.")
        try:
            day = dt.datetime.strptime(str(event.get("date")), "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
        except ValueError as error:
            raise CommandError(f"{where}, event {number} ({title}): must have a date such as 2026-12-25.") from error
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise CommandError(f"{where}, event {number} ({title}): {day.year} is not a year from {FIRST_YEAR} to {LAST_YEAR}.")
    return _holidays(json.dumps({division: part}), division)


def _holidays(text: str, division: str) -> Mapping[dt.date, str]:
    try:
        return calendars.load_calendar(text, division).holidays
    except CalendarError as error:
        raise CommandError(str(error)) from error


def _known(division: str, latest: BankHolidays | None) -> Mapping[dt.date, str]:
    """What the clock counts now; nothing where no bank holidays came with the product and none were imported."""
    try:
        return bank_holidays(division, latest.text if latest else "").holidays
    except CalendarError:
        return {}


def _differences(known: Mapping[dt.date, str], becomes: Mapping[dt.date, str]) -> list[str]:
    """One line for each day that is new, gone or renamed, in the order of the days."""
    lines = []
    for day in sorted(known.keys() | becomes.keys()):
        if day not in known:
            lines.append(f"new      {day.isoformat()}  {becomes[day]}")
        elif day not in becomes:
            lines.append(f"gone     {day.isoformat()}  {known[day]}")
        elif known[day] != becomes[day]:
            lines.append(f"renamed  {day.isoformat()}  {known[day]} -> {becomes[day]}")
    return lines
