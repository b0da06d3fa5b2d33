"""The components of a page, one file each in templates/components/, and days and times in words."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django import template
from django.core.paginator import Page
from django.forms import BaseForm
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html, format_html_join, linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from pages import times
from pages.forms import summary_of

register = template.Library()


# ── Days and times ──────────────────────────────────────────────────────────────────────────────────────────────────


def _or_nothing(say: Any) -> Any:
    """A filter that answers "" where there is no value."""

    def said(value: Any) -> str:
        return say(value) if value else ""

    said.__doc__ = say.__doc__
    return said


for _name in ("moment", "day", "weekday_moment", "weekday_day", "time"):
    register.filter(_name, _or_nothing(getattr(times, _name)))


@register.filter
def days_left(due: datetime, now: datetime | None = None) -> times.DaysLeft:
    """How long is left until `due`: prints its words, has a `.tone`."""
    return times.days_left(due, now or timezone.now())


@register.simple_tag
def due(when: datetime | date | None, now: datetime | None = None) -> str:
    """A badge: "1 day left", "due today", "2 days late"; nothing where there is no limit."""
    if not isinstance(when, datetime):
        return ""
    left = times.days_left(when, now or timezone.now())
    return _component("badge", text=left.text, tone=left.tone)


# ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@register.filter
def words(text: str) -> SafeString:
    """What a person wrote: escaped, in its paragraphs, each in the direction of its own script."""
    paragraphs = linebreaks(text or "", autoescape=True).replace("<p>", '<p dir="auto">')
    return format_html('<div class="accord-words">{}</div>', mark_safe(paragraphs))  # noqa: S308 - escaped by linebreaks


@register.filter
def changes(lines: Iterable[Iterable[Any]]) -> SafeString:
    """A text with its changes, in lines of pieces (`kind`: same, added or removed; `text`): struck through and underlined, and said to
    whoever hears the page. A line is read in the direction of its own script."""
    marks = {
        "added": ("ins", _("added:"), _("end of what was added")),
        "removed": ("del", _("removed:"), _("end of what was removed")),
    }

    def piece_of(piece: Any) -> SafeString:
        if piece.kind not in marks:
            return format_html("{}", piece.text)
        name, begins, ends = marks[piece.kind]
        text = piece.text.strip()
        before, _text, after = piece.text.partition(text) if text else (piece.text, "", "")  # no line is drawn under a gap
        hidden = '{4}<{0}><span class="govuk-visually-hidden"> {1} </span>{2}<span class="govuk-visually-hidden"> {3} </span></{0}>{5}'
        return format_html(hidden, mark_safe(name), begins, text, ends, before, after)  # noqa: S308 - one of the two names above

    in_lines = [format_html_join("", "{}", ((piece_of(piece),) for piece in line)) for line in lines]
    paragraphs = format_html_join("", '<p dir="auto">{}</p>', ((line,) for line in in_lines))
    return format_html('<div class="accord-words accord-words--compared">{}</div>', paragraphs)


@register.filter
def phone(number: str) -> SafeString:
    """A telephone number, kept on one line."""
    return format_html('<span class="accord-phone">{}</span>', number) if number else mark_safe("")


# ── Components without content ──────────────────────────────────────────────────────────────────────────────────────


@register.simple_tag
def error_summary(form: BaseForm | str | None = None) -> str:
    """What is wrong with a form, each line a link to the question; nothing where all is well."""
    problems = summary_of(form) if isinstance(form, BaseForm) and form.is_bound else []
    return _component("error_summary", problems=problems) if problems else ""


@register.inclusion_tag("components/back_link.html")
def back_link(url: str, text: str = "") -> dict[str, Any]:
    """The way back, above the page."""
    return {"url": url, "text": text}


@register.inclusion_tag("components/button.html")
def button(text: str, kind: str = "", href: str = "", name: str = "", value: str = "") -> dict[str, Any]:
    """A button, or with `href` a link that looks like one. Kinds: secondary, warning."""
    return {"text": text, "kind": kind, "href": href, "name": name, "value": value}


@register.inclusion_tag("components/badge.html")
def badge(text: str, tone: str = "") -> dict[str, Any]:
    """A short fact in a frame. Tones: calm, soon, late, done."""
    return {"text": text, "tone": tone}


@register.inclusion_tag("components/person.html")
def person(name: str, post: str = "", side: str = "") -> dict[str, Any]:
    """A person with their post and side."""
    return {"name": name, "post": post, "side": side}


@register.inclusion_tag("components/ladder.html")
def ladder(steps: list[Any]) -> dict[str, Any]:
    """Where the disagreement stands. Each step has a name, a state (done, now, ahead, skipped) and when."""
    return {"steps": steps}


@register.inclusion_tag("components/progress.html")
def progress(number: int, of: int) -> dict[str, Any]:
    """Question 3 of 7."""
    return {"number": number, "of": of}


@register.inclusion_tag("components/pages_of.html", takes_context=True)
def pages_of(context: template.Context, page: Page) -> dict[str, Any]:
    """The pages of a long list."""
    query = context["request"].GET if "request" in context else QueryDict()
    numbers = page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
    return {"page": page, "numbers": numbers, "gap": page.paginator.ELLIPSIS, "query": query}


@register.inclusion_tag("components/summary_row.html")
def summary_row(key: str, value: Any, change: str = "", about: str = "") -> dict[str, Any]:
    """One row of check-your-answers; `about` says to a screen reader what the link changes."""
    return {"key": key, "value": value, "change": change, "about": about}


# ── Components with content ─────────────────────────────────────────────────────────────────────────────────────────


@register.simple_block_tag
def summary_list(content: str) -> str:
    """Questions and answers, one row each."""
    return _component("summary_list", content=content)


@register.simple_block_tag
def panel(content: str, title: str) -> str:
    """It is done: the one panel of a confirmation page."""
    return _component("panel", content=content, title=title)


@register.simple_block_tag
def inset(content: str) -> str:
    """Text set apart."""
    return _component("inset", content=content)


@register.simple_block_tag
def warning(content: str) -> str:
    """Something with consequences."""
    return _component("warning", content=content)


@register.simple_block_tag
def details(content: str, summary: str) -> str:
    """Text that opens; printed open."""
    return _component("details", content=content, summary=summary)


@register.simple_block_tag
def banner(content: str, title: str = "", kind: str = "") -> str:
    """News at the top of a page. Kind: success."""
    return _component("banner", content=content, title=title, kind=kind)


@register.simple_block_tag
def urgent(content: str, title: str) -> str:
    """A child may be in immediate danger."""
    return _component("urgent", content=content, title=title)


def _component(name: str, **context: Any) -> str:
    return render_to_string(f"components/{name}.html", context)
