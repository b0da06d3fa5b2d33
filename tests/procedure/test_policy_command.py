"""The command checks, shows and replays a policy file, with one clear message for what it cannot read, and without a database."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

import procedure
from config import database

POLICIES = Path(procedure.__file__).parent / "policies"
LONDON = POLICIES / "london-2021.yaml"

EVENTS = """\
scenarios:
  - id: S03
    title: Step-down disputed
    policy: london-2021
    events:
      - {at: 2026-05-20T13:00, kind: raised, step: 1, by: health visitor}
      - {at: 2026-05-29T09:30, kind: step_opened, step: 2, by: managers}
  - id: S05
    title: Another
    policy: london-2021
    events:
      - {at: 2026-06-01T13:00, kind: raised, step: 1, by: school}
"""


def policy(*words):
    out = StringIO()
    call_command("policy", *map(str, words), stdout=out)
    return out.getvalue()


@pytest.fixture
def wrong(tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text(
        LONDON.read_text(encoding="utf-8").replace("unit: working_days", "unit: moons").replace("stage: line_manager", "stage: up")
    )
    return file


@pytest.fixture
def events(tmp_path):
    file = tmp_path / "events.yaml"
    file.write_text(EVENTS, encoding="utf-8")
    return file


@pytest.mark.parametrize("file", sorted(POLICIES.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_shipped_files_have_no_mistakes(file):
    assert policy("check", file) == "No mistakes.\n"


def test_a_check_lists_every_mistake_on_a_line_of_its_own_and_fails(wrong, capsys):
    with pytest.raises(SystemExit) as ended:
        call_command("policy", "check", str(wrong))
    assert ended.value.code == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert any("steps[1].limit.unit: is 'moons', but must be one of minutes" in line for line in lines)
    assert any("steps[2].stage: is 'up', but must be one of practitioner" in line for line in lines)
    assert all(line.startswith("line ") for line in lines)


@pytest.mark.parametrize("verb", ["show", "replay"])
def test_what_is_wrong_is_told_before_anything_is_done(verb, wrong, events):
    with pytest.raises(CommandError, match=r"cannot be used:\nline \d+, steps\[1\].limit.unit"):
        policy(verb, wrong, *([events] if verb == "replay" else []))


@pytest.mark.parametrize("verb", ["check", "show"])
def test_a_file_that_is_not_there_is_one_message(verb, tmp_path):
    with pytest.raises(CommandError, match="There is no file"):
        policy(verb, tmp_path / "none.yaml")


def test_a_folder_is_one_message(tmp_path):
    with pytest.raises(CommandError, match="cannot be read: Is a directory"):
        policy("check", tmp_path)


def test_a_file_of_ten_megabytes_is_refused_at_once(tmp_path, capsys):
    file = tmp_path / "large.yaml"
    file.write_bytes(b"a: 1\n" * 2_000_000)
    with pytest.raises(SystemExit):
        call_command("policy", "check", str(file))
    assert capsys.readouterr().out == "line 1: is larger than 256 KB: a policy is a few pages\n"


def test_the_ladder_is_shown_as_a_table_and_drawn():
    shown = policy("show", LONDON)
    assert "1 Discussion or meeting" in shown
    assert "| 1  Discussion or meeting between professionals  [practitioner]" in shown
    assert "Settle within 5 working days from when it was raised" in shown
    assert "The raiser may name the moment by which the child needs it settled: Yes" in shown


def test_events_are_replayed_as_json(events):
    played = json.loads(policy("replay", LONDON, events, "--json", "--scenario", "S03"))
    raised, opened = played["events"]
    assert raised["due_at"] == "2026-05-28T17:00:00+01:00"
    assert any("Spring bank holiday" in line for line in raised["working"])
    assert opened["due_at"] is None


def test_all_scenarios_of_a_file_are_replayed(events):
    assert [one["id"] for one in json.loads(policy("replay", LONDON, events, "--json"))["scenarios"]] == ["S03", "S05"]


def test_events_are_replayed_as_text(events):
    played = policy("replay", LONDON, events)
    assert "S03  Step-down disputed" in played
    assert "    due 2026-05-28 17:00  step 1: 5 working days from raised" in played
    assert "S05  Another" in played


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2026-05-29T09:30", "2026-05-19T09:30"),
        ("2026-05-29T09:30", "2999-05-19T09:30"),
        ("kind: step_opened", "kind: jumped"),
        ("step: 2", "step: 9"),
    ],
)
def test_events_that_cannot_be_are_refused_with_the_reason(old, new, events):
    events.write_text(EVENTS.replace(old, new), encoding="utf-8")
    with pytest.raises(CommandError, match="S03, event 2"):
        policy("replay", LONDON, events)


def test_events_that_are_not_there_are_one_message(tmp_path):
    with pytest.raises(CommandError, match=r"none\.yaml"):
        policy("replay", LONDON, tmp_path / "none.yaml")


def test_the_command_starts_no_database():
    assert "policy" in database.COMMANDS_WITHOUT_DATABASE


def test_the_command_line_says_yes_with_its_exit_code(wrong):
    def code_of(file):
        command = [sys.executable, "manage.py", "policy", "check", str(file)]
        return subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, check=False).returncode

    assert (code_of(LONDON), code_of(wrong)) == (0, 1)
