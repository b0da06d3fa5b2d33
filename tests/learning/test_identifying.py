"""Words that may identify somebody: found in what people write, told from ordinary words, and shown where they stand."""

from __future__ import annotations

import itertools

import pytest

from learning.identifying import Kind, Known, find, parts

KNOWN = Known(
    children=("Ash", "Little Fern"),
    references=("K7PM-3XQD", "HL-0417", "S-1"),
    people=("Aisha Khan", "Will O’Neill", "Grace Obi"),
    agencies=("Hill Lane Primary School", "Children’s Social Care", "Northshire Health Trust"),
    teams=("Front door", "Safeguarding", "Riverbank family hub"),
    everywhere="Northshire Safeguarding Children Partnership",
)


def words(text: str, known: Known | None = KNOWN) -> list[str]:
    return [found.text for found in find(text, known)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Nobody told ash what came next", ["ash"]),
        ("It was about little  fern again", ["little  fern"]),
        ("See k7pm-3xqd and HL-0417", ["k7pm-3xqd", "HL-0417"]),
        ("our number S-1.", ["S-1"]),
        ("another one, B4CD-99XZ", ["B4CD-99XZ"]),
        ("CSC-20931 was closed", ["CSC-20931"]),
        ("Aisha khan said so", ["Aisha khan"]),
        ("as Grace knows", ["Grace"]),
        ("WILL was away", ["WILL"]),
        ("Mrs O'Neill rang", ["Mrs O'Neill"]),
        ("Dr Patel and DC Cole", ["Dr Patel", "DC Cole"]),
        ("then mrs Price rang, and aunt Vi", ["mrs Price", "aunt Vi"]),
        ("born 2014, in spring", ["born 2014"]),
        ("hill lane primary school had no lead", ["hill lane primary school"]),
        ("At Hill Lane nobody knew", ["Hill Lane"]),
        ("Children's Social Care closed it", ["Children's Social Care"]),
        ("the Riverbank family hub", ["Riverbank family hub"]),
        ("born 12/03/2019", ["born 12/03/2019"]),
        ("DOB: 3.4.18", ["DOB: 3.4.18"]),
        ("on 12 March 2019", ["12 March 2019"]),
        ("since March 12th", ["March 12th"]),
        ("2019-03-12 was late", ["2019-03-12"]),
        ("AK (8) was", ["AK (8)"]),
        ("J.S., aged 14, waited", ["J.S., aged 14"]),
        ("a 7-year-old J", ["7-year-old J"]),
        ("NHS 943 476 5919", ["943 476 5919"]),
        ("at NN1 4XY", ["NN1 4XY"]),
        ("12 Mill Street was cold", ["12 Mill Street"]),
        ("ring 01632 960001 or +44 7700 900123", ["01632 960001", "+44 7700 900123"]),
        ("write to sam.reid@example.org", ["sam.reid@example.org"]),
        ("a boy called Jordan", ["called Jordan"]),
    ],
)
def test_what_may_identify_somebody_is_found(text: str, found: list[str]) -> None:
    assert words(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "Letters that decline a referral give no reasons.",
        "The threshold document has no page on neglect; children's social care and schools read it differently.",
        "will the protocol say who does it with grace?",
        "Northshire has no joint discharge checklist.",
        "Two of three agencies waited 28 working days, in 2026.",
        "Section 17 and section 47 are mixed up. Stage 2 took 5 days, step 3 took 10.",
        "Safeguarding leads were on leave; the front door had one person after 5pm.",
        "The pathway starts at 34 weeks. It should start at 20 weeks.",
        "Under-5s, 11-year-olds and 16 to 18 year olds wait longest.",
        "Working Together 2026 says otherwise. May we ask for guidance?",
        "A child of 8 was asked twice.",
        "Teams that miss Monday meetings hear of it late.",
        "Police, health and education each keep an own form.",
        "",
    ],
)
def test_ordinary_words_are_left_alone(text: str) -> None:
    assert words(text) == []


def test_without_a_disagreement_the_shapes_are_still_found() -> None:
    assert words("Ash, Mr Smith, 1/2/2020", None) == ["Mr Smith", "1/2/2020"]


def test_nothing_stands_inside_another_and_the_text_comes_out_whole() -> None:
    text = "Mrs Grace Obi of Hill Lane Primary School (01632 960001) told Ash on 1 May; <b>K7PM-3XQD</b> 🙂 שלום"
    found = find(text, KNOWN)
    assert all(one.end <= after.start for one, after in itertools.pairwise(found))
    assert "".join(part.text for part in parts(text, found)) == text
    assert [part.text for part in parts(text, found) if part.kind] == [one.text for one in found]
    assert {Kind.PERSON, Kind.AGENCY, Kind.CONTACT, Kind.CHILD, Kind.DATE, Kind.REFERENCE} == {one.kind for one in found}


@pytest.mark.parametrize(
    "long", ["a" * 100_000, "A. " * 30_000, "1 " * 50_000, "a@" * 50_000, "Mr " * 30_000 + ".", "é’-" * 30_000, "0" * 100_000]
)
def test_a_long_text_is_read_to_its_end(long: str) -> None:
    assert words(f"{long} Mr Smith")[-1] == "Mr Smith"
