"""The guide to policy files names every key, and its example is a policy."""

import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from django.conf import settings

from procedure import policy, replay
from procedure.policy import Document, load

GUIDE = (Path(settings.BASE_DIR) / "docs" / "policies.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall("```yaml\n(.*?)```", GUIDE, re.DOTALL)
KINDS = [getattr(policy, name) for name in policy.__all__ if is_dataclass(getattr(policy, name)) and name not in {"PolicyError", "Ladder"}]
NOT_KEYS = {("Span", "limit"), ("OfficeHours", "opens"), ("OfficeHours", "closes")}  # keys of their own stand there
KEYS = [(kind.__name__, one.name) for kind in KINDS for one in fields(kind) if (kind.__name__, one.name) not in NOT_KEYS]


WORDS = [*policy.UNITS, *policy.STARTS, *policy.EVENTS, *policy.TOLD, *policy.NUDGES, *policy.SIDES, *replay.KINDS]


@pytest.mark.parametrize(("kind", "key"), KEYS)
def test_every_key_is_named_and_stands_in_the_example(kind, key):
    assert re.search(rf"\b{key}\b", GUIDE.replace(EXAMPLE, ""))
    assert re.search(rf"\b{key}:", EXAMPLE)


@pytest.mark.parametrize("word", WORDS)
def test_every_word_that_may_be_used_is_named(word):
    assert re.search(rf"\b{word}\b", GUIDE)


def test_the_example_is_a_policy_and_leaves_nothing_out():
    document = load(EXAMPLE)
    left_out = {one.name for one in fields(Document) if getattr(document, one.name) in (None, ())}
    assert left_out == set()
    assert {about for step in document.steps for about in step.clocks} == {"acknowledge", "answer", "meeting", "confirm", "step"}


def test_the_notes_have_a_row_each():
    rows = GUIDE.split("## The 51 notes")[1].splitlines()
    assert len([row for row in rows if row.startswith("| ")]) == 51 + 1
