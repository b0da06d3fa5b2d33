"""Log lines: in service one JSON object a line, elsewhere plain; ids and places, never the words of a case, a query or its values."""

from __future__ import annotations

import json
import logging
import time
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from pages import numbers

STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "color_message"}
# What Django and Celery attach that may hold words: requests, SQL, arguments.
WITHHELD = {"request", "sql", "params", "args", "kwargs", "data", "context", "duration", "alias", "response", "status_code"}
# Their messages are made of paths as somebody typed them, of hosts, of reprs: only what they were made from is kept.
ONLY_THE_PATTERN = ("django.request", "django.security", "django.template", "celery.app.trace", "gunicorn", "kombu", "allauth")
ROOT = Path(__file__).resolve().parent.parent
FRAMES = 8


class OneLine(logging.Formatter):
    """`extra={...}` becomes fields of the line. Of an exception only its kind, SQLSTATE and our own places are kept: its text may quote
    a case ("Key (email)=(…) already exists"), and so may the values of its frames."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.parts(record), ensure_ascii=False)

    def parts(self, record: logging.LogRecord) -> dict[str, Any]:
        line: dict[str, Any] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "from": record.name,
            "what": _what(record),
        }
        if number := numbers.current():
            line["number"] = number
        line |= {key: str(value) for key, value in vars(record).items() if key not in STANDARD | WITHHELD and value is not None}
        if (request := getattr(record, "request", None)) is not None and hasattr(request, "path_info"):
            line["path"] = f"{numbers.method(request)} {numbers.masked(request.path_info)}"
        if (status := getattr(record, "status_code", None)) is not None:
            line["status"] = str(status)
        data = getattr(record, "data", None)
        if record.name == "celery.app.trace" and isinstance(data, dict):
            line |= {"task": str(data.get("name")), "task_id": str(data.get("id"))}
        if record.exc_info and record.exc_info[1]:
            line |= of_exception(record.exc_info[1])
        return line


class Plain(OneLine):
    """The same for people: time, level, what, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        line = self.parts(record)
        first = f"{line.pop('at')[11:19]} {line.pop('level')} {line.pop('from')}: {line.pop('what')}"
        return " ".join([first, *(f"{key}={value}" for key, value in line.items())])


def _what(record: logging.LogRecord) -> str:
    """Our own lines say what they say. Of others', a line about an exception or a request is kept as it was written in their code."""
    is_ours = record.name.startswith("accord")
    if not is_ours and (record.exc_info or record.name.startswith(ONLY_THE_PATTERN)):
        # What has no place for a value was put together beforehand: str(exception), of a host or of a body.
        return str(record.msg) if "%" in str(record.msg) or not record.name.startswith("django.security") else "refused as suspicious"
    return record.getMessage()


def of_exception(error: BaseException) -> dict[str, Any]:
    """Kind, cause, SQLSTATE, the constraint, and where in our own code it passed."""
    said: dict[str, Any] = {"exception": _kind(error), "places": _places(error.__traceback__)}
    cause = error.__cause__ or error.__context__
    if cause is not None:
        said["cause"] = _kind(cause)
    for one in (error, cause):
        if state := getattr(one, "sqlstate", None):
            said["sqlstate"] = str(state)
            if constraint := getattr(getattr(one, "diag", None), "constraint_name", None):
                said["constraint"] = str(constraint)
            break
    return said


def _kind(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _places(where: TracebackType | None) -> list[str]:
    """Our own frames, the last few; of others' only the innermost, by its module's name."""
    frames = traceback.extract_tb(where)
    ours = [frame for frame in frames if _is_ours(frame.filename)]
    said = [f"{Path(frame.filename).relative_to(ROOT)}:{frame.lineno} {frame.name}" for frame in ours[-FRAMES:]]
    if frames and not _is_ours(frames[-1].filename):
        last = Path(frames[-1].filename)
        said.append(f"{'/'.join(last.parts[-2:])}:{frames[-1].lineno} {frames[-1].name}")
    return said


def _is_ours(filename: str) -> bool:
    path = Path(filename)
    return path.is_relative_to(ROOT) and not {".venv", "site-packages", "node_modules"}.intersection(path.parts)


def configuration(*, live: bool, level: str) -> dict[str, Any]:
    """LOGGING, for Django, Celery and gunicorn alike: everything to standard error, to be kept apart and unchanged."""
    to_stderr = {"handlers": ["stderr"], "level": level, "propagate": False}
    to_nowhere = {"handlers": ["nowhere"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": f"config.logs.{'OneLine' if live else 'Plain'}"}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
            "nowhere": {"class": "logging.NullHandler"},
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": to_stderr,
            "django.request": {**to_stderr, "level": "ERROR"},  # accord.web says how each request ended
            "django.db.backends": to_nowhere,  # statements and their values
            "django.security.csrf": to_nowhere,  # the path as it was typed; pages.faults says the reason
            "django.server": to_nowhere,  # addresses with their queries
            "celery.app.trace": {**to_stderr, "level": "WARNING"},  # arguments and results
            "gunicorn.error": to_stderr,
            "gunicorn.access": to_nowhere,  # addresses with their queries
        },
    }
