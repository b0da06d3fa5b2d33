"""Two versions of a text compared word by word: nothing is lost, and what changed is said in whole words."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disputes.comparing import ADDED, REMOVED, SAME, Piece, compare, is_changed, lines

WORDS = st.lists(st.sampled_from(["visit", "Visit", "on", "Monday", "the", "child’s", ",", ".", "\n", "\n\n", " ", "  ", "🙂", "أم"])).map("".join)


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


def test_the_longest_texts_that_a_page_takes_are_compared_in_a_moment() -> None:
    """Whoever writes the same word ten thousand times keeps nobody waiting."""
    hostile = [("a " * 10_000, "a b " * 5_000), ("a b c d " * 2_000, "d c b a " * 2_000), (" " * 20_000, "\n" * 20_000), ("ab\n" * 6_000, "ba\n" * 6_000)]
    hostile.append((" ".join(str(n) for n in range(4_000)), " ".join(str(n) for n in reversed(range(4_000)))))
    hostile.append((" ".join(str(n) for n in range(1_000)), " ".join(str(n) for n in reversed(range(1_000)))))
    for before, after in hostile:
        began = time.process_time()
        pieces = compare(before, after)
        assert time.process_time() - began < 5
        assert "".join(piece.text for piece in pieces if piece.kind != ADDED) == before
