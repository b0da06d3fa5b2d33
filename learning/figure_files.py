"""The figures as files: a table as CSV, all of them as XLSX, the annual report's chapter as PDF. The same numbers as the page."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from learning import documents
from learning.figure_words import DASH, Shown, divided, say_all_hidden
from pages.sheets import safe

LONGEST_SHEET_NAME = 31
NOT_IN_SHEET_NAMES = str.maketrans("", "", "[]:*?/\\'")


def csv_of(table: Shown) -> bytes:
    """With a byte order mark, as spreadsheets want it. A name that would be a formula gets an apostrophe."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out)
    writer.writerow([safe(cell) for cell in [table.title, *table.columns]])
    for label, numbers in table.numbers:
        writer.writerow([safe(label), *(DASH if number is None else f"{number:g}" for number in numbers)])
    return out.getvalue().encode()


def xlsx_of(tables: Sequence[Shown], title: str, notes: Sequence[str]) -> bytes:
    """A sheet a table, after one that says how to read them. Text stays text, whatever it begins with."""
    import xlsxwriter

    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, options)
    book.set_properties({"title": title})
    head, bold, wrapped = (book.add_format(look) for look in ({"bold": True, "text_wrap": True}, {"bold": True}, {"text_wrap": True}))
    about = book.add_worksheet(_("Read me"))
    about.set_column(0, 0, 100, wrapped)
    for row, line in enumerate([title, *notes]):
        about.write_string(row, 0, line, bold if row == 0 else wrapped)
    used: set[str] = set()
    for table in tables:
        _sheet(book.add_worksheet(_sheet_name(table.title, used)), table, head, bold)
    book.close()
    return out.getvalue()


def _sheet(sheet: Any, table: Shown, head: Any, bold: Any) -> None:
    sheet.set_column(0, 0, 44)
    sheet.set_column(1, len(table.columns), 16)
    sheet.write_string(0, 0, table.sentence)
    sheet.write_string(1, 0, table.counts)
    if table.is_hidden:
        return
    sheet.write_row(3, 0, [table.title, *table.columns], head)
    for at, ((label, numbers), (_label, _said, is_total)) in enumerate(zip(table.numbers, table.rows, strict=True), start=4):
        sheet.write_string(at, 0, label, bold if is_total else None)
        for column, number in enumerate(numbers, start=1):
            if number is None:
                sheet.write_string(at, column, DASH)
            else:
                sheet.write_number(at, column, number, bold if is_total else None)
    sheet.freeze_panes(4, 1)


def _sheet_name(title: str, used: set[str]) -> str:
    """As spreadsheets allow: 31 signs, each once."""
    name = title.translate(NOT_IN_SHEET_NAMES)[:LONGEST_SHEET_NAME].strip()
    while name in used:
        name = f"{name[: LONGEST_SHEET_NAME - 2]} 2"
    used.add(name)
    return name


def pdf_of(tables: Sequence[Shown], title: str, partnership: str, notes: Sequence[str]) -> bytes:
    told, hidden = divided(tables)
    data = {
        "partnership": partnership,
        "chapter": _("A chapter for the annual report"),
        "how": _("How to read these numbers"),
        "notes": list(notes),
        "tables": [_chapter(table) for table in told],
        "too_few": _("Too few to show"),
        "not_shown": [table.title for table in hidden],
        "why_not": say_all_hidden(),
    }
    return documents.pdf("report", data, title)


def _chapter(table: Shown) -> dict[str, Any]:
    return {
        "title": table.title,
        "sentence": table.sentence,
        "counts": table.counts,
        "head": [_("Of which") if table.key != "between" else _("Raised by"), *table.columns],
        "rows": [[label, *cells] for label, cells, _is_total in table.rows],
        "is_wide": table.is_wide,
        "chart": [
            {"label": one.label, "bars": [{"said": bar.said, "share": bar.share or 0, "series": bar.series} for bar in one.bars]}
            for one in table.chart
        ],
    }
