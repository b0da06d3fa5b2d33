"""Named points at which the fault suite lets a sender die, as a power cut would. In service the variable is not even read."""

import os
import signal

from django.conf import settings

POINTS = ("before_send", "after_send", "before_mark")

_wanted, _, _nth = (os.environ.get("ACCORD_KILL_AT", "") if settings.UNDER_TEST else "").partition(":")
_left = int(_nth or 1)


def reached(point: str) -> None:
    """Kills this process and its group here, the n-th time, where ACCORD_KILL_AT is "point:n" in a test."""
    global _left
    if point != _wanted:
        return
    _left -= 1
    if _left <= 0:
        os.killpg(os.getpgrp(), signal.SIGKILL)
