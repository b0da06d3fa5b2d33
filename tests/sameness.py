"""What differs between two answers that say the same: tokens, nonces, references, the seconds a session has left."""

from __future__ import annotations

import re

DIFFERS = re.compile(
    r"\b(?-i:[0-9B-Z]{4}-[0-9B-Z]{4})\b"  # a reference
    r"|[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9a-f]{16,64}\b"  # a key, and the number of the request
    r"|(name=\"csrfmiddlewaretoken\" value|nonce|data-shown|data-seconds|data-at-most)=\"[^\"]*\""
    r"|'nonce-[^']*'",
    re.IGNORECASE,
)


def same(text: str) -> str:
    """The text without what differs each time."""
    return DIFFERS.sub("", text)
