"""Checks a policy file, shows it, and plays events through it, so that a partnership tries its procedure before it is in force."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from procedure import drawing
from procedure.policy import Document, PolicyErrors, load_file


class Command(BaseCommand):
    help = "Checks a policy file, shows its ladder, or works out the due times of events under it. Needs no database."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="check | show | replay")
        check = verbs.add_parser("check", help="say what is wrong with a policy file, line by line")
        show = verbs.add_parser("show", help="show the ladder as a table and drawn, and all else the policy says")
        replay = verbs.add_parser("replay", help="work out step, clocks and due times for each event of a file of scenarios")
        for verb in (check, show, replay):
            verb.add_argument("file", type=Path, metavar="FILE", help="the policy, a YAML file")
        replay.add_argument("events", type=Path, metavar="EVENTS", help="the events, a YAML file")
        replay.add_argument("--json", action="store_true", help="print JSON")
        replay.add_argument("--scenario", default=None, metavar="ID", help="only this scenario of the file")

    def handle(self, *args: Any, **options: Any) -> None:
        match options["verb"]:
            case "check":
                self._check(options["file"])
            case "show":
                self.stdout.write(drawing.show(self._load(options["file"])))
            case "replay":
                self._replay(options)

    def _check(self, path: Path) -> None:
        try:
            _read(path)
        except PolicyErrors as refused:
            for error in refused.errors:
                self.stdout.write(str(error))
            sys.exit(1)
        self.stdout.write("No mistakes.")

    def _load(self, path: Path) -> Document:
        try:
            return _read(path)
        except PolicyErrors as refused:
            raise CommandError("\n".join([f"{path} cannot be used:", *map(str, refused.errors)])) from refused

    def _replay(self, options: dict[str, Any]) -> None:
        from procedure.replay import replay_file

        self._load(options["file"])  # says what is wrong with the policy before anything is said of the events
        try:
            played = replay_file(options["file"], options["events"], scenario=options["scenario"])
        except OSError as error:
            raise CommandError(_unreadable(options["events"], error)) from error
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(played, indent=2, ensure_ascii=False) if options["json"] else drawing.replayed(played))


def _read(path: Path) -> Document:
    try:
        return load_file(path)
    except OSError as error:
        raise CommandError(_unreadable(path, error)) from error


def _unreadable(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"There is no file {path}."
    return f"The file {path} cannot be read: {error.strerror}."
