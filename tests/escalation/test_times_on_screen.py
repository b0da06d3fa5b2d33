"""Time as people meet it: what the moves about it ask, what raising asks, every running limit on the page with its working."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Post
from disputes.models import Disagreement, Draft, Entry
from disputes.seats import Standing
from escalation import moves, tasks, words
from escalation.foresight import who_will_be_told
from escalation.forms import FORMS
from escalation.models import Clock, Notice
from escalation.move_form import Occasion
from pages import times
from procedure import models as policy_models
from procedure.models import shipped_chapter
from tests import factories
from tests.escalation.test_move_pages import ABOUT_TIME, _sensible, address, done, page_of, post, typed
from tests.escalation.test_raising import answers, begun, filled, url
from tests.factories import World, look, move

pytestmark = pytest.mark.django_db

FIRST = "    limit: {amount: 2, unit: working_days, assumed: true}\n"
INSIDE = """    tier: informal
    limit: {amount: 5, unit: working_days}
    acknowledge: {amount: 1, unit: working_days}
    answer: {amount: 3, unit: working_days, assumed: true}
    meeting: {amount: 2, unit: working_days, start: previous_answer}
    confirm: {amount: 1, unit: working_days, start: meeting}

  - number: 2
    stage: practitioner
    level: 0
    name: Once more between the people who disagree
    raised_by: the practitioner
    answered_by: the practitioner
"""
OTHERS = """
spans: [{steps: [1, 2], amount: 8, unit: working_days, name: Both first steps}]
overall: {amount: 30, unit: calendar_days}
raise_within: {amount: 2, unit: working_days}
pauses: {reasons: [A report is awaited, The family cannot be reached], longest_working_days: 10}
"""
URGENT = """  shrink: {amount: 1, unit: working_days, assumed: true}
  needed_by: true
  standstill: true
  tracks: [{key: quick, label: Within a day, limit: {amount: 24, unit: hours}, covers: everything}]
"""
TOLD = """tellings:
  - {event: answered, who: chair}
  - {event: meeting, who: representative}
  - {event: step_begun, who: office, step: 2}
  - {event: closed, who: office}
"""


def rich_policy() -> str:
    """Chapter 23 with everything about time that a procedure can say."""
    text = shipped_chapter()
    head, tail = text.split(FIRST, 1)
    managers = "    limit: {amount: 5, unit: working_days, assumed: true}\n"
    tail = tail.replace(managers, managers + "    acknowledge: {amount: 4, unit: working_hours}\n", 1)
    for number in (4, 3, 2):
        tail = tail.replace(f"- number: {number}", f"- number: {number + 1}")
    text = head + INSIDE + tail
    text = text.replace("  shrink: {amount: 1, unit: working_days, assumed: true}\n", URGENT)
    text = text.replace("tellings: # assumed, except that the Chair is asked (23.17)\n", TOLD)
    return text.replace("\nsignposts:", OTHERS + "\nsignposts:", 1)


@pytest.fixture
def w() -> World:
    return factories.world(policy_text=rich_policy())


def told(days: float) -> str:
    return (timezone.now() - dt.timedelta(days=days)).isoformat()


def disputed(w: World) -> Disagreement:
    return factories.raised(w, disputed_act_at=(timezone.now() + dt.timedelta(days=20)).isoformat())


def paused(w: World) -> Disagreement:
    d = factories.raised(w)
    until = dt.datetime.combine(timezone.localdate() + dt.timedelta(days=5), dt.time(), times.LONDON)
    move(d, "pause_clock", w.aisha, facts={"until": until.isoformat(), "pause_reason": "A report is awaited"}, reason="The report")
    return d


def matched(w: World) -> Disagreement:
    d = factories.raised(w)
    move(d, "match_child", w.sam)
    return d


def at_line_managers(w: World) -> Disagreement:
    d = factories.answered(w)
    move(d, "take_next_step", w.aisha, unresolved="x")
    move(d, "refer_to_line_manager", w.aisha, unresolved="x")
    return d


def page(client: Client, d: Disagreement, by: Any) -> str:
    client.force_login(by)
    return client.get(f"/disagreements/{d.reference}/").content.decode()


# ── the moves about time ────────────────────────────────────────────────────────────────────────────────────────────

STAGED = {
    "hold_meeting": (lambda w: factories.raised(w, told_at=told(5)), "sam"),
    "acknowledge": (at_line_managers, "mona"),
    "take_next_step": (factories.answered, "aisha"),
    "name_disputed_act": (factories.raised, "aisha"),
    "agree_standstill": (disputed, "sam"),
    "pause_clock": (factories.raised, "aisha"),
    "resume_clock": (paused, "sam"),
}
assert set(STAGED) == ABOUT_TIME
ODD = "<script>alert(1)</script> %s مرحبا"
MAY_SAY_NOTHING = {"acknowledge", "resume_clock"}


@pytest.mark.parametrize("name", sorted(STAGED))
def test_each_is_made_by_its_page_and_stands_in_the_record(w: World, client: Client, name: str) -> None:
    make, who = STAGED[name]
    d, by = make(w), w.person(who)
    with acting_as(by):
        fresh = look(d, by)
        given, _texts = _sensible(FORMS[name](Occasion(fresh, fresh.standing.actor(by), timezone.now())))
    entry = done(client, d, name, by, **given)
    assert entry.kind == name
    html = page(client, d, by)
    assert "<script>alert" not in html
    assert f'id="entry-{entry.number}"' in html


@pytest.mark.parametrize("name", sorted(STAGED))
def test_hostile_answers_are_refused_and_kept(w: World, client: Client, name: str) -> None:
    make, who = STAGED[name]
    d, by = make(w), w.person(who)
    for text in ("", "x" * 50_000, "a\x00b", ODD, "99"):
        html = page_of(client, d, name, by)
        hidden = dict(re.findall(r'name="(seen|key)" value="([^"]*)"', html))
        names = set(re.findall(r'<(?:textarea|input)[^>]*name="(\w+)"', html)) - {"seen", "key", "csrfmiddlewaretoken"}
        answer = client.post(address(d, name), {**dict.fromkeys(names, text), "child_safe": text, **hidden})
        assert answer.status_code == 200, text[:20]
        said = answer.content.decode()
        assert "There is a problem" in said
        assert "<script>alert" not in said


def wrong(client: Client, d: Disagreement, name: str, by: Any, **given: Any) -> str:
    answer = post(client, d, name, by, **given)
    assert answer.status_code == 200
    assert answer.context["form"].errors
    return answer.content.decode()


CONTACTS = ("record_discussion", "hold_meeting")


@pytest.mark.parametrize("name", CONTACTS)
@pytest.mark.parametrize(("days", "said"), [(-2, "must be in the past"), (2, "must be after this was raised")])
def test_a_contact_lies_between_the_raising_and_now(w: World, client: Client, name: str, days: int, said: str) -> None:
    d = factories.raised(w)
    moment = typed("happened_at", timezone.now() - dt.timedelta(days=days))
    html = wrong(client, d, name, w.sam, **moment, said="Kept words", who="Aisha", attended="Aisha", how="phone")
    assert said in html
    assert "Kept words" in html
    assert f'value="{moment["happened_at_time"]}"' in html
    assert 'id="happened_at-error"' in html or "id_happened_at" in html


def test_a_contact_after_they_were_told_counts_although_it_was_sent_later(w: World, client: Client) -> None:
    d = factories.raised(w, told_at=told(3))
    entry = done(
        client, d, "hold_meeting", w.sam, **typed("happened_at", timezone.now() - dt.timedelta(days=1)), attended="All", said="Yes"
    )
    assert entry.happened_at < entry.recorded_at - dt.timedelta(hours=20)  # type: ignore[operator]


def test_a_contact_in_the_very_minute_of_the_raising_is_taken(w: World, client: Client) -> None:
    d = factories.raised(w)
    done(client, d, "hold_meeting", w.sam, **typed("happened_at", d.raised_at), attended="All", said="Yes")  # type: ignore[arg-type]


def test_a_disputed_act_lies_ahead(w: World, client: Client) -> None:
    d = factories.raised(w)
    html = wrong(client, d, "name_disputed_act", w.aisha, planned="A discharge", **typed("disputed_act_at", d.raised_at))  # type: ignore[arg-type]
    assert "must be in the future" in html
    assert "A discharge" in html


@pytest.mark.parametrize(("days", "said"), [(0, "must be after today"), (60, "your procedure allows no longer pause")])
def test_a_pause_ends_after_today_and_within_what_the_policy_allows(w: World, client: Client, days: int, said: str) -> None:
    d = factories.raised(w)
    day = typed("until", timezone.now() + dt.timedelta(days=days))
    assert said in wrong(client, d, "pause_clock", w.aisha, pause_reason="A report is awaited", reason="Report", **day)


def test_a_pause_moves_the_date_and_the_page_says_until_when(w: World, client: Client) -> None:
    d = factories.raised(w)
    with acting_as(w.aisha):
        before = look(d, w.aisha).due_at
    day = timezone.now() + dt.timedelta(days=8)
    entry = done(client, d, "pause_clock", w.aisha, pause_reason="A report is awaited", reason="X", **typed("until", day))
    assert entry.facts["pause_reason"] == "A report is awaited"
    moved: Any = look(d, w.aisha)
    assert moved.due_at > before
    html = page(client, d, w.sam)
    assert "Paused until" in html
    assert times.weekday_day(day) in html
    assert "Reason for the pause: <strong><bdi>A report is awaited" in html
    done(client, d, "resume_clock", w.sam)
    assert "Paused until" not in page(client, d, w.sam)


# ── the page of a disagreement ──────────────────────────────────────────────────────────────────────────────────────


def test_the_first_limit_stands_in_the_panel_and_the_others_below_each_with_its_working(w: World, client: Client) -> None:
    d = factories.raised(w)
    html = page(client, d, w.sam)
    panel, below = html.split("Also running")
    assert "To say that it has been seen" in panel
    for about in ("To answer", "This step: Between the people who disagree", "Both first steps", "The whole procedure"):
        assert about in below, about
    assert html.count("How this date is worked out") == 5
    assert "Assumed: check with your partnership" in below
    assert "Stage 1, informal" in html
    assert "Stage 2" in html


def test_the_acknowledgement_is_a_button_as_long_as_it_is_awaited(w: World, client: Client) -> None:
    d = factories.raised(w)
    move(d, "match_child", w.sam)
    assert "Say that you have seen it" not in page(client, d, w.sam)  # to know which child it is means to have seen it
    d = at_line_managers(w)
    buttons = page(client, d, w.mona).split("govuk-button-group")[1].split("</div>")[0]
    assert "Say that you have seen it" in buttons
    done(client, d, "acknowledge", w.mona)
    assert "Say that you have seen it" not in page(client, d, w.mona)


def test_a_limit_that_was_reached_is_shown_as_late(w: World, client: Client, as_clock: Any) -> None:
    d = factories.raised(w, told_at=told(10))
    with as_clock():
        tasks.notice_due_clocks(timezone.now())
    html = page(client, d, w.aisha)
    assert "late" in html.split("Also running")[0]
    assert "A time inside this step ran out" in html
    assert "To say that it has been seen: <strong><bdi>was due" in html
    assert "About: <strong><bdi>acknowledge" not in html


def test_without_a_clock_the_page_says_so_and_whose_move_it_is(client: Client) -> None:
    text = shipped_chapter().replace(FIRST, "")
    w = factories.world(policy_text=text)
    d = factories.raised(w)
    html = page(client, d, w.sam)
    assert "No time limit is set for this step" in html
    assert "Your move" in html
    assert "Also running" not in html


def test_disputed_act_standstill_and_track_are_shown_plainly(w: World, client: Client) -> None:
    at = timezone.now() + dt.timedelta(days=20)
    d = factories.raised(w, disputed_act_at=at.isoformat(), needed_by=at.isoformat(), track="quick")
    html = page(client, d, w.sam)
    assert "Planned, and cannot wait" in html
    assert "The child needs it settled by" in html
    assert "Within a day" in html
    done(client, d, "agree_standstill", w.sam, agreed="They wait")
    assert "Waits until this is settled" in page(client, d, w.sam)


def test_a_changed_calendar_is_said_with_old_and_new_date(w: World, client: Client) -> None:
    d = factories.raised(w)
    with acting_as(w.aisha):
        due_at: Any = look(d, w.aisha).due_at
    old, new = due_at, due_at + dt.timedelta(days=1)
    facts = {
        "clocks": [{"about": "answer", "step": 1, "old": old.isoformat(), "new": new.isoformat()}],
        "days": [["2026-04-09", "Training day"]],
    }
    with acting_as(w.aisha):
        said = dict(words.say_choices(look(d, w.aisha), facts))
    assert said["To answer"] == f"due {times.weekday_moment(old)} became {times.weekday_moment(new)}"
    assert "Training day (9 April 2026)" in said["Nobody works on these days now"]


def test_the_number_of_queries_stays_the_same_however_many_limits_run(w: World, client: Client) -> None:
    plain = factories.raised(factories.world("plainshire"))
    many = factories.raised(w)
    counts = []
    for d in (plain, many):
        with acting_as(d.raised_by):
            person = d.raised_by
        client.force_login(person)
        client.get(f"/disagreements/{d.reference}/")
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/disagreements/{d.reference}/").status_code == 200
        counts.append(len(queries))
    with acting_as(w.aisha):
        running = Clock.objects.filter(disagreement=many, stopped_at=None).count()
    assert running == 5
    assert counts[1] - counts[0] <= running, counts  # a policy with pauses asks for them once a limit at most


# ── who will be told ────────────────────────────────────────────────────────────────────────────────────────────────


def foreseen(d: Disagreement, name: str, by: Any) -> str:
    with acting_as(by):
        fresh = look(d, by)
        return "; ".join(who_will_be_told(fresh, name, fresh.standing.actor(by)))


def test_tellings_of_every_event_are_foreseen_as_they_happen(w: World) -> None:
    d = matched(w)
    assert "Chair, LSCB Chair" in foreseen(d, "answer", w.sam)
    assert "Rep, who represents their agency" in foreseen(d, "hold_meeting", w.sam)
    move(d, "answer", w.sam, view="x")
    assert "Partnership office" in foreseen(d, "take_next_step", w.aisha)
    assert "Partnership office" not in foreseen(d, "refer_to_line_manager", w.aisha)
    move(d, "take_next_step", w.aisha, unresolved="x")
    with acting_as(w.aisha):
        seated = {seat.person.name for seat in look(d, w.aisha).standing.seats}
    assert {"Chair", "Office"} <= seated
    assert "Chair, LSCB Chair" not in foreseen(d, "answer", w.sam)  # sits there already: hears nothing new


def test_the_end_is_foreseen_where_the_last_side_confirms(w: World) -> None:
    d = factories.answered(w)
    move(d, "agree_to_differ", w.aisha, position="x", facts={"still_at_risk": False})
    assert "Partnership office" in foreseen(d, "agree_to_differ", w.sam)
    other = factories.answered(w)
    assert "Partnership office" not in foreseen(other, "agree_to_differ", w.sam)


# ── raising ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def aisha(client: Client, w: World) -> Any:
    client.force_login(w.aisha)
    return client


def parts(name: str, moment: dt.datetime, *, time: bool = True) -> dict[str, str]:
    given = typed(name, moment)
    return given if time else {key: value for key, value in given.items() if not key.endswith("_time")}


def raise_with(client: Any, w: World, **changes: dict[str, Any]) -> Any:
    pages = answers(w)
    for slug, more in changes.items():
        pages[slug.replace("_", "-")] |= more
    draft = filled(client, w, **{slug.replace("-", "_"): given for slug, given in pages.items()})
    return draft


def test_the_moments_asked_at_raising_reach_the_disagreement(aisha: Any, w: World) -> None:
    now = timezone.now()
    planned, needed, told_at = now + dt.timedelta(days=9), now + dt.timedelta(days=7), now - dt.timedelta(days=2)
    draft = raise_with(
        aisha,
        w,
        what=parts("disputed_act_at", planned) | parts("decided_on", now - dt.timedelta(days=5), time=False),
        why=parts("needed_by", needed) | {"track": "quick"},
        who_there=parts("told_at", told_at),
    )
    html = aisha.get(url(draft, "check")).content.decode()
    assert "Your procedure says within 2 working days of the decision; it can still be raised." in html
    assert "Time counts from when you told them" in html
    assert times.moment(planned.replace(second=0, microsecond=0)) in html
    assert "Within a day" in html
    confirmation = aisha.post(url(draft, "check"))
    assert confirmation.status_code == 302
    html = aisha.get(confirmation.url).content.decode()
    assert "The whole procedure" in html
    with acting_as(w.aisha):
        d: Any = Disagreement.objects.get()
        sent = Entry.objects.get(disagreement=d, kind="send")
        clock = Clock.objects.get(disagreement=d, about="track")
    assert d.track == "quick"
    assert abs(d.disputed_act_at - planned) < dt.timedelta(minutes=1)
    assert abs(d.needed_by - needed) < dt.timedelta(minutes=1)
    assert times.local_day(d.decision_at) == times.local_day(now - dt.timedelta(days=5))
    assert abs(sent.happened_at - told_at) < dt.timedelta(minutes=1)
    assert clock.started_at == sent.happened_at


def test_what_the_check_page_foresees_is_what_then_runs(aisha: Any, w: World) -> None:
    draft = raise_with(aisha, w, who_there=parts("told_at", timezone.now() - dt.timedelta(hours=30)))
    foreseen = {(one.about, one.at) for one in aisha.get(url(draft, "check")).context["preview"].running}
    confirmation = aisha.post(url(draft, "check"))
    running = {(one.about, one.at) for one in aisha.get(confirmation.url).context["running"]}
    assert foreseen == running
    assert len(running) == 5


@pytest.mark.parametrize(
    ("slug", "name", "days", "said"),
    [
        ("what", "disputed_act_at", -1, "must be in the future"),
        ("why", "needed_by", -1, "must be in the future"),
        ("who-there", "told_at", 1, "must be in the past"),
        ("who-there", "told_at", -40, "must be in the last 31 days"),
    ],
)
def test_moments_on_the_wrong_side_of_now_are_told_and_kept(aisha: Any, w: World, slug: str, name: str, days: int, said: str) -> None:
    draft = begun(aisha)
    aisha.post(url(draft, "who"), {"team": str(w.teams["social_care"].pk)})
    given = parts(name, timezone.now() + dt.timedelta(days=days))
    html = aisha.post(url(draft, slug), answers(w)[slug] | given).content.decode()
    assert said in html
    assert f'value="{given[f"{name}_time"]}"' in html


def test_a_plain_policy_asks_neither_for_a_track_nor_for_when_it_is_needed(client: Client) -> None:
    w = factories.world()
    client.force_login(w.aisha)
    html = client.get(url(begun(client), "why")).content.decode()
    assert "How urgent" not in html
    assert "By when does the child" not in html


def test_a_team_of_ones_own_agency_is_refused_where_the_policy_excludes_it(client: Client) -> None:
    text = shipped_chapter().replace("within_one_agency: true", "within_one_agency: false")
    w = factories.world(policy_text=text)
    other = factories.team(w.partnership, w.teams["school"].agency.name, "Early years")
    client.force_login(w.aisha)
    draft = begun(client)
    html = client.post(url(draft, "who"), {"team": str(other.pk)}).content.decode()
    assert "This team is of your own agency" in html
    assert "your agency’s own procedure" in html
    given = moves.Given(words={"decision": "x"}, facts={"category": "other"}, child_safe="yes")
    with acting_as(w.aisha):
        kept = Draft.objects.get(pk=draft)
    with acting_as(w.aisha), pytest.raises(moves.MoveRefused, match="own agency"):
        moves.raise_disagreement(kept, by=w.aisha, given=given, team=other, post=None, children=[], now=timezone.now())


def test_starting_higher_is_not_offered_where_the_policy_has_no_such_way(client: Client) -> None:
    w = factories.world(policy_text=shipped_chapter().replace("  may_start_at: line_manager\n", '  may_start_at: ""\n'))
    client.force_login(w.aisha)
    draft = filled(client, w, safe_now={"risk": "yes"}, act_first={"called": "on"})
    assert "Where should the disagreement start" not in client.get(url(draft, "act-first")).content.decode()
    assert client.get(url(draft, "check")).status_code == 200
    assert client.post(url(draft, "check")).status_code == 302
    with acting_as(w.aisha):
        assert Disagreement.objects.get().step == 1


# ── whether messages arrive ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_message_that_never_arrived_is_a_warning_and_a_task_for_the_senders_side(w: World, client: Client, superuser: Any) -> None:
    d = factories.raised(w)
    assert "Who is sent which message" in page(client, d, w.aisha)
    with factories.as_set_up():
        Notice.objects.filter(disagreement=d, rule="your_move").update(failed_at=timezone.now())
    assert "did not arrive" in page(client, d, w.aisha)
    assert "did not arrive" not in page(client, d, w.sam).split("Who is sent which message")[0]
    client.force_login(w.aisha)
    desk = client.get("/desk/").content.decode()
    assert "did not arrive" in desk
    assert f"/disagreements/{d.reference}/record-discussion/" in desk


def test_what_stands_still_is_on_the_managers_desk_with_what_to_do(w: World, client: Client) -> None:
    d = at_line_managers(w)
    client.force_login(w.grace)
    assert "Stands still" not in client.get("/desk/").content.decode()
    with factories.as_set_up():
        Post.objects.filter(pk=w.posts["mona"].pk).update(holder=None)
    desk = client.get("/desk/").content.decode()
    assert "Stands still" in desk
    assert "Name the new holder or a stand-in" in desk
    client.force_login(w.aisha)
    assert "Stands still" not in client.get("/desk/").content.decode()
    assert d.reference in desk


def test_a_pause_that_is_over_can_be_followed_by_another(w: World) -> None:
    d = paused(w)
    with acting_as(w.aisha):
        fresh = look(d, w.aisha)
        later = fresh.standing.now + dt.timedelta(days=6)
        names = {one.name for one in fresh.open_moves(fresh.standing.actor(w.aisha))}
        assert {"pause_clock", "resume_clock"} & names == {"resume_clock"}
        fresh.standing = Standing.of(fresh, later)
        names = {one.name for one in fresh.open_moves(fresh.standing.actor(w.aisha))}
        assert {"pause_clock", "resume_clock"} & names == {"pause_clock"}


EXAMPLES = sorted(Path(policy_models.__file__).parent.glob("policies/*.yaml"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_policy_is_raised_shown_and_published(client: Client, example: Path) -> None:
    w = factories.world(policy_text=example.read_text(encoding="utf-8"))
    client.force_login(w.aisha)
    category = {"category": w.policy.document.categories[0].key}
    draft = filled(client, w, what=answers(w)["what"] | category, safe_now={"risk": "yes"}, act_first={"called": "on", "start": "first"})
    html = client.get(url(draft, "check")).content.decode()
    confirmation: Any = client.post(url(draft, "check"))
    assert confirmation.status_code == 302
    assert client.get(confirmation.url).status_code == 200
    with acting_as(w.aisha):
        d = look(Disagreement.objects.get(), w.aisha)
        clocks = Clock.objects.filter(disagreement=d, stopped_at=None).count()
    assert html.count("How this date is worked out") == clocks
    shown = page(client, d, w.sam)
    assert ("No time limit is set for this step" in shown) == (clocks == 0)
    assert "Your move" in shown
    assert client.get("/how-to-disagree/").status_code == 200
    assert client.get("/desk/").status_code == 200
