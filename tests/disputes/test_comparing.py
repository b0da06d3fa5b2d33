"""Two versions of a text compared word by word: nothing is lost, and what changed is said in whole words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disputes.comparing import ADDED, REMOVED, SAME, Piece, compare, is_changed, lines

SOME = ["visit", "Visit", "on", "Monday", "the", "child’s", ",", ".", "\n", "\n\n", " ", "  ", "🙂", "أم"]
WORDS = st.lists(st.sampled_from(SOME)).map("".join)


def read(pieces: list[Piece]) -> str:
    """Removed words in [-…-], added ones in [+…+]."""
    marks = {SAME: "{}", REMOVED: "[-{}-]", ADDED: "[+{}+]"}
    return "".join(marks[piece.kind].format(piece.text) for piece in pieces)


@given(st.one_of(WORDS, st.text()), st.one_of(WORDS, st.text()))
def test_no_letter_is_lost_or_invented(before: str, after: str) -> None:
    pieces = compare(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind != ADDED) == before
    assert "".join(piece.text for piece in pieces if piece.kind != REMOVED) == after
    assert all(piece.text for piece in pieces)
    assert is_changed(pieces) == (before != after)


@given(WORDS, WORDS)
def test_lines_hold_every_word_once(before: str, after: str) -> None:
    pieces = compare(before, after)
    shown = "".join(piece.text for line in lines(pieces) for piece in line)
    assert "".join(shown.split()) == "".join("".join(piece.text for piece in pieces).split())
    assert not any("\n" in piece.text for line in lines(pieces) for piece in line)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("", "", ""),
        ("", "A visit", "[+A visit+]"),
        ("A visit", "", "[-A visit-]"),
        ("A visit on Monday.", "A visit on Tuesday.", "A visit on [-Monday-][+Tuesday+]."),
        ("A visit on Monday.", "A joint visit on Monday.", "A [+joint +]visit on Monday."),
        ("Sam rings Aisha today.", "Mona writes to Grace today.", "[-Sam rings Aisha-][+Mona writes to Grace+] today."),
        ("The child’s plan", "The child’s visit", "The child’s [-plan-][+visit+]"),
        ("One.\nTwo.", "One.\nThree.", "One.\n[-Two-][+Three+]."),
    ],
)
def test_changes_are_whole_words(before: str, after: str, said: str) -> None:
    assert read(compare(before, after)) == said


def test_changes_that_only_a_gap_parts_are_said_as_one() -> None:
    assert [piece.kind for piece in compare("by five working days from today", "by ten calendar weeks from today")] == [
        SAME,
        REMOVED,
        ADDED,
        SAME,
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a " * 5_000, "a b " * 2_500),
        ("a b c d " * 1_250, "d c b a " * 1_250),
        (" " * 10_000, "\n" * 10_000),
        ("ab\n" * 3_300, "ba\n" * 3_300),
        (" ".join(str(n) for n in range(2_000)), " ".join(str(n) for n in reversed(range(2_000)))),
    ],
)
def test_the_longest_texts_that_a_page_takes_keep_nobody_waiting(before: str, after: str) -> None:
    """Compared naively, these take minutes."""
    pieces = compare(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind != ADDED) == before
    assert "".join(piece.text for piece in pieces if piece.kind != REMOVED) == after
