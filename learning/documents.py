"""Documents as PDF: the one place that calls typst. Tagged (PDF/UA-1), in our own typeface, alike on every machine.

A template is a file in learning/typst; it begins with the shared look and reads what it says from `given`:

    #import "accord.typ": *
    #show: accord
    #opening(above: given.partnership)
    #words(given.summary)

What people wrote goes in as JSON and comes out as text: no sign in it is markup, nothing in it is run.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.translation import get_language

TEMPLATES = Path(__file__).parent / "typst"
MISSING = "\u25a1"  # an empty box, for a sign that none of our fonts has

_KEPT_FORMATS = "\u200b\u200c\u200d\u200e\u200f\u00ad"
_NEVER_SET = {"Cc", "Cf", "Cs", "Co", "Cn"}  # control and invisible signs: overrides of the direction among them
_SIGNS_OF_PRINT = "\u200b\u2013\u2014\u2018\u2019\u201c\u201d\u2022\u2026\u20ac"
_LONG_WORD = re.compile(r"\S{40}")


class NotMade(Exception):
    """The template is wrong (not what people wrote: that is set whatever it holds)."""


def pdf(template: str, data: dict[str, Any], title: str) -> bytes:
    """The document of learning/typst/<template>.typ. `data` is anything JSON can hold, dates and translated strings too;
    data["foot"] stands at the foot of each page (else the title). `title` is the document's name and its first heading."""
    given = json.loads(json.dumps({"foot": title, **data}, cls=DjangoJSONEncoder))
    language, _, region = (get_language() or settings.LANGUAGE_CODE).partition("-")
    refused: Exception | None = None
    for settable in (_anything, _no_pictures, _european, _plain):  # a sign without a glyph has no place in a tagged document
        clean = _each_text(given, settable)
        inputs = {
            "given": json.dumps(clean, ensure_ascii=False),
            "title": _text(title, settable).replace("\n", " ").strip() or template,
            "foot": clean["foot"].replace("\n", " "),
            "lang": language or "en",
            "region": region.upper() or "GB",
        }
        try:
            return _set(template, inputs)
        except _Missing as error:
            refused = error
    raise NotMade(str(refused))


class _Missing(Exception):
    pass


def _set(template: str, inputs: dict[str, str]) -> bytes:
    import typst

    try:
        return typst.compile(
            TEMPLATES / f"{template}.typ",
            root=TEMPLATES,
            font_paths=[settings.BASE_DIR / "var/assets/fonts"],
            ignore_system_fonts=True,
            format="pdf",
            pdf_standards="ua-1",
            sys_inputs=inputs,
        )
    except (typst.TypstError, RuntimeError) as error:
        if "could not be displayed" in str(error):
            raise _Missing(template) from None  # what the error quotes are people's words: not for a log
        raise NotMade(str(error)) from error


def _each_text(value: Any, settable: Callable[[str], bool]) -> Any:
    if isinstance(value, str):
        return _text(value, settable)
    if isinstance(value, list):
        return [_each_text(one, settable) for one in value]
    if isinstance(value, dict):
        return {name: _each_text(one, settable) for name, one in value.items()}
    return value


def _text(value: str, settable: Callable[[str], bool]) -> str:
    value = value.replace("\r\n", "\n").replace("\t", " ")
    visible = (c for c in value if c == "\n" or c in _KEPT_FORMATS or unicodedata.category(c) not in _NEVER_SET)
    shown = "".join(c if settable(c) else MISSING for c in visible)
    shown = re.sub(f"{MISSING}[{MISSING}\u200d\ufe0f]*", MISSING, shown)
    return _LONG_WORD.sub(lambda word: word.group() + "\u200b", shown)  # a place where a line may break


def _anything(c: str) -> bool:
    return True


def _no_pictures(c: str) -> bool:
    """The alphabets that our fonts and typst's own have for sure; no emoji, no ideographs."""
    return c < "\u0700" or ("\u1e00" <= c < "\u2bff" and unicodedata.category(c) != "So") or c == MISSING


def _european(c: str) -> bool:
    return c < "\u0250" or "\u0391" <= c <= "\u03c9" or "\u0410" <= c <= "\u044f" or c in _SIGNS_OF_PRINT


def _plain(c: str) -> bool:
    return c in "\n\u200b" or " " <= c <= "~" or "\u00a1" <= c <= "\u00ff"
