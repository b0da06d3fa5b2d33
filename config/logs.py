"""Log lines: one JSON object a line, with ids and places, never the words of a case, a query or its values."""

import json
import logging
import time
import traceback
from typing import Any

STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
# What Django and Celery attach that may hold words: requests, SQL, arguments.
WITHHELD = {"request", "sql", "params", "args", "kwargs", "data", "context", "duration", "alias"}


class OneLine(logging.Formatter):
    """`extra={...}` becomes fields of the line. Of an exception only its kind and places are kept: its text may quote a case."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "from": record.name,
            "what": record.getMessage(),
        }
        line |= {key: str(value) for key, value in vars(record).items() if key not in STANDARD | WITHHELD}
        if record.exc_info and record.exc_info[0]:
            kind, _, where = record.exc_info
            line["exception"] = f"{kind.__module__}.{kind.__qualname__}"
            line["places"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(where)[-8:]]
        return json.dumps(line, ensure_ascii=False)
