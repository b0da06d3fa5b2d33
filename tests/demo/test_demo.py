"""The demonstration: told through the door in a moment, consistent, and with something to do for everybody it prints."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import time
from collections import Counter
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import User
from config.database import BASE_DIR as ROOT
from demo import learning, past
from demo.people import DEMO_PASSWORD, SIGN_IN_AS
from disputes.models import Disagreement, Draft, DraftReader, Text
from disputes.stages import OPEN
from escalation.models import Clock
from learning.models import LearningPoint, Theme
from learning.statistics import Period
from learning.themes import told
from procedure import calendars

pytestmark = pytest.mark.usefixtures("committed_db")
LONDON = ZoneInfo("Europe/London")
BUSY = {"Aisha Khan", "Sam Reid", "Grace Obi", "Mona Lewis", "Ian Marsh", "Hal Bright", "Margaret Ellis", "David Osborne", "Callum Reeve"}


@pytest.fixture
def demo(run_process: Any) -> Any:
    """Runs `manage.py demo …` as a process of its own; its exit code and what it said."""

    def run(*arguments: str) -> tuple[int, str]:
        process = run_process("manage.py", "demo", *arguments)
        code = process.popen.wait(90)
        return code, process.output

    return run


def with_a_turn() -> set[str]:
    """Those of the printed people whose move it is somewhere."""
    busy = set()
    for shown in SIGN_IN_AS:
        person = User.objects.get(email=shown.email)
        with acting_as(person):
            for d in Disagreement.objects.visible_to(person).open():
                if d.standing.turn.is_held_by(d.standing.actor(person)):
                    busy.add(shown.name)
    return busy


def entries(superuser: Any) -> list[dict[str, Any]]:
    """All entries, by disagreement in the order of the record."""
    columns = ("disagreement_id", "number", "kind", "recorded_at", "happened_at", "replayed", "body", "hash", "previous", "person_id")
    rows = superuser.execute(f"SELECT {', '.join(columns)} FROM disputes_entry ORDER BY disagreement_id, number").fetchall()
    return [dict(zip(columns, row, strict=True)) for row in rows]


def check_the_record(record: list[dict[str, Any]], now: dt.datetime) -> None:
    """Whole chains, times that only rise, in working hours, never in the future."""
    calendar = calendars.shipped()
    before: dict[str, Any] = {}
    for entry in record:
        same = before.get("disagreement_id") == entry["disagreement_id"]
        assert entry["number"] == (before["number"] + 1 if same else 1)
        assert entry["previous"] == (before["hash"] if same else "")
        assert entry["hash"] == hashlib.sha256(b"\0" + entry["body"].encode()).hexdigest()
        assert entry["replayed"]
        assert entry["happened_at"] <= entry["recorded_at"] <= now
        if same:
            assert entry["recorded_at"] > before["recorded_at"]
        local = entry["recorded_at"].astimezone(LONDON)
        assert calendar.is_working_day(local.date()), entry
        assert dt.time(8, 30) <= local.time() <= dt.time(17), entry
        before = entry


def test_the_demonstration_has_something_for_everybody(demo: Any, superuser: Any) -> None:
    busy = time.process_time()
    code, said = demo()
    assert code == 0, said
    assert time.process_time() - busy < 30  # of the processor: what else this machine does must not count
    assert re.search(r"in [\d.]+ seconds", said)
    check_the_record(entries(superuser), timezone.now())
    assert with_a_turn() == BUSY

    auditor = User.objects.get(email="peter.lang@northshire.example")
    with acting_as(auditor):
        disagreements = list(Disagreement.objects.visible_to(auditor))
        stages = Counter((d.stage, d.mediation) for d in disagreements)
        assert {stage for stage, _ in stages} == set(OPEN) | {"resolved", "closed", "withdrawn", "redirected"}
        assert stages["lscb_mediation", "asked"]
        assert stages["lscb_mediation", "accepted"]
        assert {d.awaiting for d in disagreements} >= {"match", "identity", "answer", "decision", "confirmation", "chair", "mediation"}
        assert sum(d.is_open for d in disagreements) >= 9
        assert [d.limit_reached for d in disagreements if d.is_open].count(True) == 1
        assert any(d.at_immediate_risk and d.stage == "line_manager" for d in disagreements)
        closed = next(d for d in disagreements if d.stage == "closed")
        assert closed.still_at_risk
        assert closed.entries.get(kind="say_still_at_risk").facts["channel"] in closed.policy.document.concern_channels
        assert closed.entries.filter(kind="reach_limit", person=None).exists()
        assert not Text.objects.filter(value="").exists()

    representative = User.objects.get(email="judith.hale@northshire.example")
    with acting_as(representative):
        assert LearningPoint.objects.count() == 5
        assert LearningPoint.objects.get(referral=None).named_by.name == "Aisha Khan"
    with acting_as(User.objects.get(email="vera.blunt@northshire.example")):
        themes = told(Theme.objects.all())
        assert sorted(len(theme.points) for theme in themes) == [1, 1, 1, 1, 1, 2, 3]
        assert {theme.state for theme in themes} == {"Late", "Decided", "It came up again", "Done"}
        assert all(theme.decisions for theme in themes)
    stand_in = User.objects.get(email="joe.walsh@northshire.example")
    with acting_as(stand_in):
        turns = [d.standing.turn.is_held_by(d.standing.actor(stand_in)) for d in Disagreement.objects.visible_to(stand_in).open()]
        assert any(turns)
    colleague = User.objects.get(email="zoe.price@northshire.example")
    with acting_as(colleague):
        assert DraftReader.objects.filter(person=colleague).count() == Draft.objects.count() == 1
    assert User.objects.get(email="aisha.khan@northshire.example").check_password(DEMO_PASSWORD)

    manager = User.objects.get(email="grace.obi@northshire.example")
    with acting_as(manager):  # told by the clock
        late = [d for d in Disagreement.objects.visible_to(manager).open() if d.limit_reached]
        assert len(late) == 1
        assert Clock.objects.get(disagreement=late[0], stopped_at=None).reached_at == late[0].due_at
    senior = User.objects.get(email="ruth.adeyemi@northshire.example")
    with acting_as(senior):  # a manager told early is not looked for again, one rank higher
        assert not Disagreement.objects.visible_to(senior).filter(stage="line_manager").exists()

    code, said = demo()
    assert code == 1
    assert "nothing was changed" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "today",
    ["2026-12-27", "2027-03-29", "2027-01-16T11:00", "2026-11-23T08:15", "2026-11-24T23:40", "2025-11-05T15:00"],
    ids=["27 December", "Easter Monday", "Saturday", "early morning", "late at night", "before the stories"],
)
def test_any_day_will_do(demo: Any, superuser: Any, today: str) -> None:
    now = dt.datetime.fromisoformat(today if "T" in today else f"{today}T12:00").replace(tzinfo=LONDON)
    code, said = demo("--today", today)
    assert code == 0, said
    check_the_record(entries(superuser), now)
    assert with_a_turn() == BUSY
    unsent = "sent_at IS NULL AND dropped_at IS NULL AND due_at <= %s"
    assert superuser.execute(f"SELECT count(*) FROM escalation_notice WHERE {unsent}", [now]).fetchone() == (0,)
    open_ = "SELECT count(*) FROM disputes_disagreement WHERE ended_at IS NULL AND"
    assert superuser.execute(f"{open_} limit_reached").fetchone() == (1,)
    assert superuser.execute(f"{open_} due_at <= %s", [now]).fetchone() == (1,)
    assert superuser.execute("SELECT count(*) FROM disputes_historicaldisagreement WHERE history_date > %s", [now]).fetchone() == (0,)
    assert superuser.execute("SELECT count(*) FROM disputes_draft WHERE saved_at > %s", [now]).fetchone() == (0,)


def test_it_says_whom_one_may_sign_in_as(demo: Any) -> None:
    code, said = demo("--people")
    assert code == 0, said
    for shown in SIGN_IN_AS:
        assert shown.email in said
    assert DEMO_PASSWORD in said


def test_only_the_replaying_role_may_tell_it(run_process: Any) -> None:
    process = run_process("manage.py", "demo", role="app")
    assert process.popen.wait(60) == 1
    assert "accord_replay" in process.output
    assert not User.objects.exists()


def test_the_readme_names_everybody_one_may_sign_in_as():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for shown in SIGN_IN_AS:
        assert f"| {shown.role} | {shown.name}, `{shown.email}` | {shown.agency} |" in readme


@pytest.mark.parametrize(
    ("today", "earlier", "last"),
    [("2026-11-22", "2025-26-q4", "2026-27-q2"), ("2027-03-31", "2025-26-q4", "2026-27-q3"), ("2026-05-01", "2024-25-q4", "2025-26-q4")],
)
def test_a_completed_year_and_the_last_completed_quarter_have_numbers(today: str, earlier: str, last: str) -> None:
    assert past.quarters(dt.date.fromisoformat(today)) == (Period.named(earlier), Period.named(last))


def test_what_was_learnt_names_stories_that_are_told() -> None:
    told_of = set(past.NAMES[: 2 * len(past.RAISED)])
    assert {one.story for one in learning.NAMED} <= told_of
