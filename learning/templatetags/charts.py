"""Bars as SVG: labelled directly, with a title and a description, in print and in forced colours. Text does not grow with the page."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from learning.figure_words import Bars, Shown

register = template.Library()

LINE, BAR, GAP = 20, 18, 14  # in the units of the page; widths are shares of it
LONGEST = 66  # per cent of the width, so that the number has room after it
IN_A_LINE = 40  # signs of a label: what a telephone shows


@register.simple_tag
def bars(table: Shown) -> str:
    """The chart of a table; nothing where there is nothing to draw."""
    if not table.chart:
        return ""
    rows, height = _placed(table.chart)
    said = "; ".join(f"{one.label}: {', '.join(bar.said for bar in one.bars)}" for one in table.chart)
    context = {"key": table.key, "title": table.title, "said": _("Bars: %(said)s.") % {"said": said}, "rows": rows, "height": height}
    return render_to_string("learning/figures/bars.html", context)


def _placed(chart: Sequence[Bars]) -> tuple[list[dict[str, Any]], int]:
    """What stands where, from the top down, and how high it all is."""
    rows, y = [], 0
    for one in chart:
        lines = wrap(one.label, IN_A_LINE) or [""]
        label = [{"y": y + LINE * (i + 1) - 6, "text": text} for i, text in enumerate(lines)]
        y += LINE * len(lines)
        drawn = []
        for bar in one.bars:
            width = round((bar.share or 0) * LONGEST, 1)
            drawn.append({"y": y, "text_y": y + 14, "width": width, "said": bar.said, "series": bar.series, "dx": 8 if width else 0})
            y += BAR + 4
        rows.append({"label": label, "bars": drawn})
        y += GAP
    return rows, max(y - GAP, LINE)
