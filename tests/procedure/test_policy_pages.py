"""The office's pages: a policy comes in by two people, posts are named for steps, closure days are kept. Others find nothing."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, ProgrammingError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Appointment, StepPost, User
from pages import times
from procedure import proposals
from procedure.calendars import Calendar
from procedure.models import ClosureDay, Policy, Proposal, shipped_chapter
from procedure.posts import levels_of, places
from tests import factories
from tests.factories import World

SHORTER = shipped_chapter().replace("limit: {amount: 5, unit: working_days, assumed: true}", "limit: {amount: 3, unit: working_days}", 1)
REFUSED = "violates row-level security policy"


@pytest.fixture
def w(db: None) -> World:
    return factories.world()


@pytest.fixture
def office(w: World, client: Client) -> Client:
    client.force_login(w.office)
    return client


@pytest.fixture
def chair(w: World) -> Client:
    other = Client()
    other.force_login(w.chair)
    return other


def day_in(days: int) -> dt.date:
    return timezone.localdate(timezone=times.LONDON) + dt.timedelta(days=days)


def parts(day: dt.date, name: str = "in_force_from") -> dict[str, str]:
    return {f"{name}_day": str(day.day), f"{name}_month": str(day.month), f"{name}_year": str(day.year)}


def proposed(w: World, text: str = SHORTER, days: int = 10, by: str = "office") -> Proposal:
    with acting_as(w.person(by)):
        return proposals.propose(w.partnership, text, day_in(days), w.person(by))


def of(w: World, proposal: Proposal) -> Proposal:
    with acting_as(w.office):
        return Proposal.objects.get(pk=proposal.pk)


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


# ── who comes in ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", ["stranger", "aisha", "mona", "hal", "rep", "auditor"])
def test_others_find_nothing(who: str, w: World, client: Client) -> None:
    proposal = proposed(w)
    client.force_login(w.person(who))
    team = w.teams["school"].pk
    pages = [
        *("/procedure/", "/procedure/new/", "/procedure/posts/", "/procedure/calendar/"),
        *("/procedure/versions/1/", "/procedure/versions/1/policy.yaml", f"/procedure/posts/{team}/1/"),
        *(f"/procedure/proposals/{proposal.pk}/", f"/procedure/proposals/{proposal.pk}/policy.yaml"),
    ]
    for page in pages:
        assert client.get(page).status_code == 404, page
    for page in pages:
        assert client.post(page, {"do": "approve"}).status_code in (404, 405), page
    assert "Your procedure" not in text_of(client.get("/desk/"))


def test_an_appointment_that_ended_opens_nothing(w: World, client: Client) -> None:
    with factories.as_set_up():
        Appointment.objects.filter(person=w.office).update(ends_on=day_in(-1))
    client.force_login(w.office)
    assert client.get("/procedure/").status_code == 404


def test_the_office_of_another_partnership_finds_nothing_of_ours(w: World, client: Client) -> None:
    proposal = proposed(w)
    other = factories.world("southshire")
    client.force_login(other.office)
    assert client.get(f"/procedure/proposals/{proposal.pk}/").status_code == 404
    assert client.get("/procedure/?of=northshire").status_code == 404
    ours = factories.team(w.partnership, "Northshire Police", "Safeguarding")  # the agencies of the world sit in both
    assert client.get(f"/procedure/posts/{ours.pk}/1/").status_code == 404
    with acting_as(other.office), pytest.raises(ProgrammingError, match=REFUSED), transaction.atomic():
        StepPost.objects.create(team=ours, level=1, post=other.posts["mona"])
    assert "Northshire Safe" not in text_of(client.get("/procedure/"))


def test_who_serves_two_partnerships_chooses(w: World, office: Client) -> None:
    other = factories.world("southshire")
    with factories.as_set_up():
        Appointment.objects.create(partnership=other.partnership, person=w.office, office="deputy", starts_on=factories.LONG_AGO)
    office.force_login(User.objects.get(pk=w.office.pk))  # another right ends every session
    assert "?of=southshire" in text_of(office.get("/procedure/"))
    page = text_of(office.get("/procedure/calendar/?of=southshire"))
    assert "Southshire" in page
    office.post("/procedure/calendar/?of=southshire", {"do": "add", "name": "Move", **parts(dt.date(2027, 3, 3), "day")})
    assert ClosureDay.objects.get().partnership == other.partnership


def test_the_desk_leads_there_and_says_what_waits(w: World, office: Client, chair: Client) -> None:
    proposed(w)
    assert "1 proposed policy waits for a second person" in text_of(chair.get("/desk/"))
    assert "waits for a second person" not in text_of(office.get("/desk/"))
    assert 'href="/procedure/"' in text_of(office.get("/desk/"))


# ── a policy by two people ──────────────────────────────────────────────────────────────────────────────────────────


def test_from_the_text_to_the_next_version(w: World, office: Client, chair: Client) -> None:
    file = SimpleUploadedFile("policy.yaml", SHORTER.encode())
    preview = text_of(office.post("/procedure/new/", {"do": "check", "file": file}))
    assert "What it would be" in preview
    assert "assumed, check with your partnership" in preview
    assert "within 3 working days" in preview
    assert "What changes against version 1" in preview
    assert "keep the version they began under" in preview
    assert not Proposal.objects.exists()
    day = day_in(3)
    sent = office.post("/procedure/new/", {"do": "propose", "text": SHORTER, **parts(day)}, follow=True)
    assert "Waits for a second person" in text_of(sent)
    with acting_as(w.office):
        proposal = Proposal.objects.get()
    assert proposal.in_force_from == dt.datetime.combine(day, dt.time(), tzinfo=times.LONDON)
    url = f"/procedure/proposals/{proposal.pk}/"
    assert "Put it in force from" in text_of(chair.get(url))
    assert "Put it in force from" not in text_of(office.get(url))
    done = chair.post(url, {"do": "approve"}, follow=True)
    assert "Version 2 is put in force" in text_of(done)
    policy = Policy.objects.get(version=2)
    assert (policy.text, policy.in_force_from, policy.partnership) == (SHORTER, proposal.in_force_from, w.partnership)
    assert policy.history.get().history_user == w.chair
    assert "as version 2" in text_of(office.get(url))
    assert "Version 2 takes its place" in text_of(office.get("/procedure/"))
    assert f"Proposed by {w.office.name}, put in force by {w.chair.name}" in text_of(office.get("/procedure/versions/2/"))
    download = office.get("/procedure/versions/2/policy.yaml")
    assert download.content.decode() == SHORTER
    assert download["Content-Disposition"] == 'attachment; filename="policy-version-2.yaml"'


def test_open_disagreements_keep_their_version(w: World, chair: Client) -> None:
    d = factories.raised(w)
    chair.post(f"/procedure/proposals/{proposed(w, days=0).pk}/", {"do": "approve"})
    assert factories.look(d, w.aisha).policy.version == 1
    assert Policy.objects.in_force(w.partnership).version == 2
    assert factories.raised(w).policy.version == 2


@pytest.mark.parametrize("do", ["approve", "refuse"])
def test_the_proposer_cannot_be_the_second_person(do: str, w: World, office: Client) -> None:
    proposal = proposed(w)
    answer = office.post(f"/procedure/proposals/{proposal.pk}/", {"do": do, "reason": "x"}, follow=True)
    assert "You proposed it" in text_of(answer)
    assert of(w, proposal).is_waiting
    assert Policy.objects.count() == 1


def test_approving_twice_is_harmless_and_versions_follow_each_other(w: World, chair: Client) -> None:
    first, second = proposed(w), proposed(w, shipped_chapter() + "\n# again\n")
    for proposal in (first, first, second, first):
        assert chair.post(f"/procedure/proposals/{proposal.pk}/", {"do": "approve"}).status_code == 302
    assert list(Policy.objects.order_by("version").values_list("version", "proposal")) == [(1, None), (2, first.pk), (3, second.pk)]


def test_a_second_second_person_is_told_that_it_is_done(w: World, chair: Client, client: Client) -> None:
    url = f"/procedure/proposals/{proposed(w).pk}/"
    chair.post(url, {"do": "approve"})
    client.force_login(w.deputy)
    for do in ("approve", "refuse", "withdraw"):
        assert "It has been decided already" in text_of(client.post(url, {"do": do, "reason": "Late"}, follow=True)), do
    assert Policy.objects.count() == 2


def test_refused_with_a_reason_which_the_proposer_reads(w: World, office: Client, chair: Client) -> None:
    proposal = proposed(w)
    url = f"/procedure/proposals/{proposal.pk}/"
    assert "Enter why you refuse it" in text_of(chair.post(url, {"do": "refuse", "reason": " "}))
    chair.post(url, {"do": "refuse", "reason": "Three days is <b>too short</b>"})
    assert "Three days is &lt;b&gt;too short" in text_of(office.get(url))
    assert "Refused lately" in text_of(office.get("/procedure/"))
    assert Policy.objects.count() == 1
    chair.post(url, {"do": "approve"})
    assert Policy.objects.count() == 1
    kept = {field.name for field in Proposal.history.model._meta.get_fields()}
    assert not kept & {"text", "reason"}


def test_withdrawn_by_the_proposer_alone(w: World, office: Client, chair: Client) -> None:
    proposal = proposed(w)
    url = f"/procedure/proposals/{proposal.pk}/"
    assert "Only the person who proposed it" in text_of(chair.post(url, {"do": "withdraw"}, follow=True))
    office.post(url, {"do": "withdraw"})
    assert "Withdrawn by" in text_of(office.get(url))
    chair.post(url, {"do": "approve"})
    assert Policy.objects.count() == 1


def test_its_day_must_not_have_passed(w: World, chair: Client) -> None:
    proposal = proposed(w, days=1)
    with acting_as(w.chair), pytest.raises(proposals.NotNow, match="Its day has passed"):
        proposals.approve(proposal.pk, w.chair, timezone.now() + dt.timedelta(days=3))
    assert Policy.objects.count() == 1


def test_a_text_in_which_mistakes_are_found_later_is_not_put_in_force(w: World, chair: Client) -> None:
    proposal = proposed(w, "title: [")
    url = f"/procedure/proposals/{proposal.pk}/"
    assert "finds mistakes in it" in text_of(chair.get(url))
    chair.post(url, {"do": "approve"})
    assert Policy.objects.count() == 1


def test_proposed_twice_it_is_asked_once(w: World, office: Client) -> None:
    for _ in range(2):
        office.post("/procedure/new/", {"do": "propose", "text": SHORTER, **parts(day_in(3))})
    with acting_as(w.office):
        assert Proposal.objects.count() == 1


# ── bad input ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_mistakes_are_listed_by_line_and_the_text_is_kept(office: Client, w: World) -> None:
    wrong = shipped_chapter().replace("unit: working_days", "unit: weeks", 1) + "\nsurprise: <script>alert(1)</script>\n"
    line = next(n for n, said in enumerate(wrong.splitlines(), start=1) if "unit: weeks" in said)
    for given in ({"text": wrong}, {"file": SimpleUploadedFile("p.yaml", wrong.encode())}):
        page = text_of(office.post("/procedure/new/", {"do": "check", **given}))
        assert "Error:" in page
        assert f"Line {line}" in page
        assert page.count("limit: {amount: 2, unit: weeks") == 2  # beside the mistake, and in the box
        assert "surprise" in page
        assert "<script>alert" not in page


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "Choose a policy file, or paste its text below"),
    "blank": ({"text": " \n \n"}, "Choose a policy file, or paste its text below"),
    "an empty file": ({"file": b""}, "empty"),
    "a binary file": ({"file": bytes(range(256))}, "is not text in UTF-8"),
    "zeroes": ({"file": b"title: a\0b"}, "The file is not text"),
    "a large file": ({"file": b"#" * (256 * 1024 + 1)}, "larger than 256 KB"),
    "a very large file": ({"file": b"#" * 10_000_000}, "larger than 256 KB"),
    "a large text": ({"text": "#" * 300_000}, "must be 262,144 characters or fewer"),
    "a large text of few characters": ({"text": "é" * 200_000}, "256 KB"),
    "control characters": ({"text": "title: \x07"}, "cannot be shown"),
    "a tag": ({"text": "title: !!python/object/apply:os.system ['true']"}, "Line 1"),
    "a bomb": ({"text": "a: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: [*b,*b,*b]"}, "Line"),
    "a list": ({"text": "- 1\n- 2"}, "Line 1"),
    "not YAML": ({"text": "title: [\n: }"}, "Line"),
    "right to left and emoji": ({"text": "title: \u202eabc 🙂"}, "Line"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_text_gets_a_sentence(what: str, office: Client, w: World) -> None:
    given, said = BAD[what]
    data = {name: SimpleUploadedFile("p.yaml", value) if name == "file" else value for name, value in given.items()}
    answer = office.post("/procedure/new/", {"do": "check", **data})
    assert answer.status_code == 200
    assert said in text_of(answer)
    assert "Error:" in text_of(answer)
    office.post("/procedure/new/", {"do": "propose", **data, **parts(day_in(3))})
    with acting_as(w.office):
        assert not Proposal.objects.exists()


def test_ten_megabytes_of_text_are_turned_away(office: Client) -> None:
    assert office.post("/procedure/new/", {"do": "check", "text": "#" * 10_000_000}).status_code == 413


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ({}, "Enter the day from which it is to hold"),
        ({"in_force_from_day": "31", "in_force_from_month": "2", "in_force_from_year": "2030"}, "must be a real date"),
        ({"in_force_from_day": "x", "in_force_from_month": "<b>", "in_force_from_year": "٢٠٣٠"}, "The day must"),
        (parts(dt.date(2021, 1, 1)), "must be today or in the future"),
        ({"in_force_from_day": "1", "in_force_from_month": "1", "in_force_from_year": "9999"}, "or earlier"),
    ],
)
def test_a_wrong_day_gets_a_sentence_and_the_text_is_kept(day: dict[str, str], said: str, office: Client, w: World) -> None:
    page = text_of(office.post("/procedure/new/", {"do": "propose", "text": SHORTER, **day}))
    assert said in page
    assert "What it would be" in page
    assert 'name="text"' in page
    assert "Resolution of professional disagreements" in page
    with acting_as(w.office):
        assert not Proposal.objects.exists()


def test_one_can_go_back_to_the_text(office: Client) -> None:
    page = text_of(office.post("/procedure/new/", {"do": "change", "text": "title: <mine>"}))
    assert "title: &lt;mine&gt;</textarea>" in page
    assert shipped_chapter().splitlines()[0] in text_of(office.get("/procedure/new/?from-current"))


@pytest.mark.parametrize("path", ["versions/0/", "versions/9/", f"versions/{10**30}/", f"posts/{'0' * 8}-0000-0000-0000-{'0' * 12}/1/"])
def test_what_is_not_there_is_not_found(path: str, office: Client) -> None:
    assert office.get(f"/procedure/{path}").status_code == 404


@pytest.mark.parametrize("do", ["", "approve ", "x" * 5000, "drop"])
def test_an_unknown_wish_changes_nothing(do: str, w: World, office: Client, chair: Client) -> None:
    proposal = proposed(w)
    assert chair.post(f"/procedure/proposals/{proposal.pk}/", {"do": do}).status_code == 302
    assert office.post("/procedure/calendar/", {"do": do}).status_code == 200
    assert of(w, proposal).is_waiting


# ── the database's own word ─────────────────────────────────────────────────────────────────────────────────────────


def put(w: World, proposal: Proposal | None, **other: Any) -> Policy:
    given = {"partnership": w.partnership, "version": 2, "text": SHORTER, "proposal": proposal}
    return Policy.objects.create(**{**given, "in_force_from": proposal.in_force_from if proposal else timezone.now(), **other})


FORGED: dict[str, Any] = {
    "without a proposal": lambda w, p: put(w, None),
    "without a second person": lambda w, p: put(w, p),
    "approved by oneself": lambda w, p: Proposal.objects.filter(pk=p.pk).update(approved_by=w.office, approved_at=timezone.now()),
    "in another's name": lambda w, p: Proposal.objects.filter(pk=p.pk).update(approved_by=w.chair, approved_at=timezone.now()),
    "refused in another's name": lambda w, p: Proposal.objects.filter(pk=p.pk).update(refused_by=w.chair, refused_at=timezone.now()),
    "proposed in another's name": lambda w, p: Proposal.objects.create(
        partnership=w.partnership, text=SHORTER, in_force_from=timezone.now(), proposed_by=w.chair
    ),
    "born approved": lambda w, p: Proposal.objects.create(
        partnership=w.partnership,
        text=SHORTER,
        in_force_from=timezone.now(),
        proposed_by=w.office,
        approved_by=w.chair,
        approved_at=timezone.now(),
    ),
    "a closure in another's name": lambda w, p: ClosureDay.objects.create(
        partnership=w.partnership, day=day_in(1), name="x", added_by=w.chair
    ),
}


@pytest.mark.parametrize("wish", FORGED)
def test_the_web_cannot_forge_it(wish: str, w: World) -> None:
    proposal = proposed(w)
    with acting_as(w.office), pytest.raises((ProgrammingError, DatabaseError), match=f"{REFUSED}|approved_by_a"), transaction.atomic():
        FORGED[wish](w, proposal)


CHANGED: dict[str, dict[str, Any]] = {
    "other words": {"text": shipped_chapter()},
    "another day": {"in_force_from": timezone.now()},
    "a number that does not follow": {"version": 7},
}


@pytest.mark.parametrize("what", CHANGED)
def test_what_is_put_in_force_is_what_was_approved(what: str, w: World) -> None:
    proposal = proposed(w)
    with acting_as(w.chair):
        Proposal.objects.filter(pk=proposal.pk).update(approved_by=w.chair, approved_at=timezone.now())
        with pytest.raises(ProgrammingError, match=REFUSED), transaction.atomic():
            put(w, proposal, **CHANGED[what])
    with acting_as(w.deputy), pytest.raises(ProgrammingError, match=REFUSED), transaction.atomic():
        put(w, proposal)  # another than who approved it
    with acting_as(w.chair):
        put(w, proposal)
    with acting_as(w.chair), pytest.raises(DatabaseError), transaction.atomic():
        put(w, proposal, version=3)  # one proposal is one version


@pytest.mark.parametrize("who", ["stranger", "aisha", "rep", "auditor"])
def test_others_see_and_write_nothing_in_the_database(who: str, w: World) -> None:
    proposal = proposed(w)
    with acting_as(w.person(who)):
        assert not Proposal.objects.exists()
        assert not Proposal.history.exists()
        assert Proposal.objects.filter(pk=proposal.pk).update(refused_by=w.person(who), refused_at=timezone.now()) == 0
        for write in (
            lambda: Proposal.objects.create(partnership=w.partnership, text="x", in_force_from=timezone.now(), proposed_by=w.person(who)),
            lambda: ClosureDay.objects.create(partnership=w.partnership, day=day_in(1), name="x", added_by=w.person(who)),
            lambda: StepPost.objects.create(team=w.teams["school"], level=1, post=w.posts["mona"]),
        ):
            with pytest.raises(ProgrammingError, match=REFUSED), transaction.atomic():
                write()


def test_what_was_decided_stays(w: World) -> None:
    proposal = proposed(w)
    with acting_as(w.chair):
        proposals.refuse(proposal.pk, w.chair, "No", timezone.now())
        assert Proposal.objects.filter(pk=proposal.pk).update(refused_by=None, refused_at=None) == 0
    with factories.as_set_up(), pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(reason="Yes")
    with (
        acting_as(w.office),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM procedure_proposal")


def test_two_people_at_once_make_one_version(committed_db: None) -> None:
    w = factories.world()
    proposal = proposed(w)
    outcomes: list[str] = []
    together = threading.Barrier(2)

    def decide(who: str) -> None:
        together.wait()
        try:
            with acting_as(w.person(who)):
                proposals.approve(proposal.pk, w.person(who), timezone.now())
            outcomes.append("done")
        except proposals.NotNow:
            outcomes.append("not now")
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=[who]) for who in ("chair", "deputy")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "not now"]
    assert Policy.objects.count() == 2


# ── who acts ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_gaps_come_first_and_are_counted(w: World, office: Client) -> None:
    page = text_of(office.get("/procedure/posts/"))
    assert "2 gaps" in page  # the surgery, at two levels
    assert page.index("Mill Street Surgery") < page.index("Hill Lane Primary School")
    assert "Grace, Line manager" in page
    assert "Hal, Senior manager" in page


def test_each_place_is_what_the_post_itself_finds(w: World) -> None:
    levels = levels_of(w.policy.ladder)
    assert list(levels) == [1, 2]
    with acting_as(w.office):
        StepPost.objects.create(team=w.teams["surgery"], level=1, post=w.posts["rita"])
    found = {(place.team.pk, place.level): place for place in places(w.partnership, levels)}
    for who in ("aisha", "sam", "nell", "surgery"):
        for level in levels:
            place = found[w.posts[who].team_id, level]
            expected = w.posts[who].manager_at(level)
            assert (place.mapped or next(iter(place.found), None)) == expected, (who, level)
            assert place.is_gap == (expected is None)


def test_a_post_is_named_changed_and_cleared_and_history_keeps_it(w: World, office: Client) -> None:
    surgery = w.teams["surgery"]
    url = f"/procedure/posts/{surgery.pk}/1/"
    page = text_of(office.get(url))
    assert "Rita, Line manager, Health visiting" in page
    assert "Nell" not in page  # a practitioner is not senior enough
    for post in ("rita", "mona"):
        answer = office.post(url, {"post": str(w.posts[post].pk)}, follow=True)
        assert "Saved for Mill Street Surgery" in text_of(answer)
        assert w.posts["surgery"].manager_at(1) == w.posts[post]
    assert "1 gap" in text_of(office.get("/procedure/posts/"))
    office.post(url, {"post": ""})
    assert not StepPost.objects.exists()
    assert [row.history_type for row in StepPost.history.order_by("history_date")] == ["+", "~", "-"]
    assert {row.history_user for row in StepPost.history.all()} == {w.office}


def test_a_named_post_that_nobody_holds_is_a_gap(w: World, office: Client) -> None:
    with acting_as(w.office):
        StepPost.objects.create(team=w.teams["school"], level=1, post=w.posts["mona"])
    with factories.as_set_up():
        w.mona.is_active = False
        w.mona.save()
    assert "Nobody holds the post that is named: Line manager" in text_of(office.get("/procedure/posts/"))


@pytest.mark.parametrize("post", ["nonsense", "nell", "other", "x" * 10_000, "\x00"])
def test_no_other_post_can_be_named(post: str, w: World, office: Client) -> None:
    other = factories.world("southshire")
    given = {"nell": str(w.posts["nell"].pk), "other": str(other.posts["hal"].pk)}.get(post, post)
    if post == "other":  # agencies are shared between the two; this one is theirs alone
        with factories.as_set_up():
            own = factories.team(other.partnership, "Southshire Police", "Safeguarding")
            other.posts["hal"].team = own
            other.posts["hal"].save()
    answer = office.post(f"/procedure/posts/{w.teams['surgery'].pk}/1/", {"post": given})
    assert answer.status_code == 200
    assert "Choose one of the answers in the list" in text_of(answer)
    assert not StepPost.objects.exists()
    assert office.get(f"/procedure/posts/{w.teams['surgery'].pk}/0/").status_code == 404
    assert office.get(f"/procedure/posts/{w.teams['surgery'].pk}/{10**30}/").status_code == 404


def test_many_teams_take_as_many_queries_as_few(w: World, office: Client, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(16) as few:
        office.get("/procedure/posts/")
    for number in range(8):
        other = factories.team(w.partnership, f"Agency {number}", "Team")
        with factories.as_set_up():
            factories.Post.objects.create(team=other, holder=w.nell, title="Nurse", reports_to=w.posts["rita"])
            StepPost.objects.create(team=other, level=2, post=w.posts["hal"])
    with django_assert_max_num_queries(len(few.captured_queries)):
        page = office.get("/procedure/posts/")
    assert "Agency 7" in text_of(page)


# ── days off ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_closure_day_is_added_counted_and_taken_back(w: World, office: Client, chair: Client) -> None:
    day = dt.date(2027, 3, 3)
    given = {"do": "add", "name": "Office <move>", **parts(day, "day")}
    answer = text_of(office.post("/procedure/calendar/", given, follow=True))
    assert "is now a closure day" in answer
    assert "Office &lt;move&gt;" in answer
    assert not fresh_calendar(w).is_working_day(day)
    assert "is a day off already: Office &lt;move&gt;" in text_of(office.post("/procedure/calendar/", given))
    closure = ClosureDay.objects.get()
    for client in (chair, office):  # twice
        client.post("/procedure/calendar/", {"do": "remove", "closure": str(closure.pk)})
    closure.refresh_from_db()
    assert closure.removed_by == w.chair
    assert fresh_calendar(w).is_working_day(day)
    office.post("/procedure/calendar/", given)
    assert ClosureDay.objects.filter(removed_at=None).count() == 1
    with acting_as(w.deputy):
        assert [row.history_type for row in ClosureDay.history.order_by("history_date")] == ["+", "~", "+"]


def fresh_calendar(w: World) -> Calendar:
    return Policy.objects.get(pk=w.policy.pk).calendar


def test_the_days_and_where_they_come_from_are_shown(w: World, office: Client) -> None:
    page = text_of(office.get("/procedure/calendar/"))
    assert "Bank holidays in England and Wales" in page
    assert "shipped with Accord" in page
    assert "Christmas Day" in page
    assert str(timezone.localdate().year + 1) in page


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Enter the day"),
        ({"name": "", **parts(dt.date(2027, 3, 3), "day")}, "Enter what the day is called"),
        ({"name": "x" * 81, **parts(dt.date(2027, 3, 3), "day")}, "must be 80 characters or fewer"),
        ({"name": "a\x00b", **parts(dt.date(2027, 3, 3), "day")}, "cannot be shown"),
        ({"name": "Move", **parts(dt.date(2026, 12, 25), "day")}, "is a day off already: Christmas Day"),
        ({"name": "Move", **parts(dt.date(2027, 3, 6), "day")}, "is at a weekend"),
        ({"name": "Move", "day_day": "31", "day_month": "2", "day_year": "2027"}, "must be a real date"),
        ({"name": "Move", "day_day": "1", "day_month": "1", "day_year": "9998"}, "or earlier"),
        ({"name": "Move", "day_day": "1" * 5000, "day_month": "1", "day_year": "2027"}, "must be a real date"),
    ],
)
def test_a_wrong_closure_day_gets_a_sentence(given: dict[str, str], said: str, w: World, office: Client) -> None:
    answer = office.post("/procedure/calendar/", {"do": "add", **given})
    assert answer.status_code == 200
    assert said in text_of(answer)
    assert not ClosureDay.objects.exists()


@pytest.mark.parametrize("closure", ["", "x", "\x00", "00000000-0000-0000-0000-000000000000"])
def test_taking_back_what_is_not_there_is_harmless(closure: str, office: Client) -> None:
    assert office.post("/procedure/calendar/", {"do": "remove", "closure": closure}).status_code == 302


def test_the_closure_day_of_another_partnership_stays(w: World, office: Client) -> None:
    other = factories.world("southshire")
    with acting_as(other.office):
        closure = ClosureDay.objects.create(partnership=other.partnership, day=day_in(1), name="x", added_by=other.office)
    office.post("/procedure/calendar/", {"do": "remove", "closure": str(closure.pk)})
    closure.refresh_from_db()
    assert closure.removed_at is None


def test_the_shorter_policy_of_these_tests_is_one() -> None:
    assert yaml.safe_load(SHORTER)["steps"][1]["limit"]["amount"] == 3
