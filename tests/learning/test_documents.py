"""Documents: what people wrote stays text, the title is set, every document is tagged, alike on every machine."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from pypdf import PdfReader

from learning import documents

HOSTILE = [
    '#evil() #import "@preview/x:1.0.0": * #read("/etc/passwd")',
    "$ sum $ `code` ```raw``` *bold* _it_ \\ = heading <label> @reference",
    "// a comment /* and another",
    "\u202eabc\u202c \u2066x\u2069",
    "مرحبا שלום",
    "😀 👩\u200d👩\u200d👧 汉字 ไทย",
    "a\x00b\x07c\x85d\ufffee\ue000f\U0010ffffg",
    "ŵŷ ąčęřž Ωж → ✓ … ‘’ “” €",
    "<script>alert(1)</script> {{ x }} %s",
]


@pytest.fixture
def template(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    (tmp_path / "accord.typ").write_text((documents.TEMPLATES / "accord.typ").read_text())
    (tmp_path / "trial.typ").write_text('#import "accord.typ": *\n#show: accord\n#opening(above: given.who)\n#words(given.text)\n')
    monkeypatch.setattr(documents, "TEMPLATES", tmp_path)
    return "trial"


def read(made: bytes) -> tuple[PdfReader, str]:
    reader = PdfReader(io.BytesIO(made))
    return reader, "\n".join(page.extract_text() for page in reader.pages)


def test_a_document_has_its_title_its_language_and_its_tags(template: str) -> None:
    reader, text = read(documents.pdf(template, {"who": "Northshire", "text": "One.\n\nTwo."}, "What changed"))
    assert reader.metadata is not None
    assert reader.metadata.title == "What changed"
    root = reader.trailer["/Root"]
    assert root["/Lang"].lower().startswith("en")
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert b"pdfuaid" in root["/Metadata"].get_object().get_data()
    assert "Northshire" in text
    assert "One." in text
    assert "1 / 1" in text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_people_wrote_stays_text(template: str, hostile: str) -> None:
    reader, text = read(documents.pdf(template, {"who": hostile, "text": f"before {hostile} after"}, f"T {hostile}"))
    assert "before" in text
    assert "after" in text
    assert "root:" not in text
    assert reader.metadata is not None
    assert (reader.metadata.title or "").startswith("T")


def test_every_sign_of_markup_is_printed_as_typed(template: str) -> None:
    typed = '#evil("x") *not bold* _no_ $y$ `c` = h <l> @r \\ // end'
    _, text = read(documents.pdf(template, {"who": "", "text": typed}, "#title *x*"))
    assert typed in " ".join(text.split())
    assert "#title *x*" in text


@pytest.mark.parametrize("long", ["word " * 20_000, "x" * 100_000, "é" * 50_000, "line\n" * 3_000, "#" * 10_000])
def test_100_kb_is_set_on_pages(template: str, long: str) -> None:
    reader, _ = read(documents.pdf(template, {"who": "w", "text": long}, "Long"))
    assert len(reader.pages) > 1


def test_a_sign_without_a_glyph_is_an_empty_box_and_the_rest_stays(template: str) -> None:
    _, text = read(documents.pdf(template, {"who": "w", "text": "Smile 😀😀 please, ŵ"}, "Signs"))
    assert "😀" not in text
    assert "Smile □ please, ŵ" in text


def test_lists_numbers_and_dates_pass(template: str) -> None:
    import datetime as dt

    documents.pdf(template, {"who": "w", "text": "t", "n": 3, "rows": [["a", None], {"b": dt.date(2026, 3, 1)}]}, "Kinds")


def test_a_wrong_template_says_so() -> None:
    with pytest.raises(documents.NotMade):
        documents.pdf("there-is-none", {}, "Nothing")


def test_every_font_of_a_document_is_ours(template: str) -> None:
    reader, _ = read(documents.pdf(template, {"who": "w", "text": "plain"}, "Fonts"))
    fonts = {f.get_object()["/BaseFont"] for page in reader.pages for f in page["/Resources"]["/Font"].values()}
    assert fonts
    assert all("SourceSans3" in name for name in fonts), fonts
