"""The directory of an agency: its own administrator keeps teams, posts and people; everybody else finds nothing; the database agrees."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.acting import acting_as
from accounts.directory import open_seats
from accounts.models import Agency, Appointment, Invitation, Letter, Membership, Post, Team, User
from disputes.models import Disagreement
from tests import factories
from tests.factories import World, saved

NEW = {"title": "Family worker", "level": "0", "reports_to": "", "adviser": "", "holder": ""}


@pytest.fixture
def w(db: None) -> World:
    made = factories.world()
    made.people["ada"] = factories.administrator(made)
    return made


@pytest.fixture
def ada(w: World, client: Client) -> Client:
    client.force_login(w.ada)
    return client


@pytest.fixture
def office(w: World) -> Client:
    other = Client()
    other.force_login(w.office)
    return other


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def agency_of(w: World, key: str = "school") -> Agency:
    return w.teams[key].agency


def pages_of(w: World, key: str, holder: str) -> list[str]:
    """Every page about one agency's directory."""
    agency, team, post, person = agency_of(w, key).pk, w.teams[key].pk, w.posts[holder].pk, w.person(holder).pk
    return [
        reverse("directory-agency", args=[agency]),
        reverse("directory-people", args=[agency]),
        reverse("directory-changes", args=[agency]),
        *only_to_change(w, key, holder),
        reverse("directory-post", args=[post]),
        reverse("directory-person", args=[person]),
        reverse("directory-team", args=[team]),
    ]


def only_to_change(w: World, key: str, holder: str) -> list[str]:
    agency, team, post, person = agency_of(w, key).pk, w.teams[key].pk, w.posts[holder].pk, w.person(holder).pk
    return [
        *(reverse(f"directory-{part}-new", args=[agency]) for part in ("team", "post", "person")),
        *(reverse(f"directory-{part}", args=[agency]) for part in ("import", "template", "export")),
        *(reverse(f"directory-post-{part}", args=[post]) for part in ("change", "end", "stand-in")),
        *(reverse(f"directory-person-{part}", args=[person]) for part in ("change", "left", "invite", "sign-in")),
        reverse("directory-team", args=[team]),
    ]


# ── who comes in ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", ["stranger", "aisha", "ian", "chair", "deputy", "auditor", "rep"])
def test_others_find_nothing(who: str, w: World, client: Client) -> None:
    client.force_login(w.person(who))
    for url in [
        "/directory/",
        "/directory/agencies/new/",
        "/partnership/people/",
        "/partnership/people/new/",
        *pages_of(w, "school", "aisha"),
    ]:
        assert client.get(url).status_code in (404, 405), url
        assert client.post(url, {"do": "block"}).status_code in (404, 405), url
    assert 'href="/directory/"' not in text_of(client.get("/desk/"))


def test_an_administrator_keeps_their_own_agency_only(w: World, ada: Client) -> None:
    for url in pages_of(w, "school", "aisha"):
        assert ada.get(url).status_code == (302 if url.endswith(("/invite/", "/sign-in/")) else 200), url
    for url in pages_of(w, "health", "nell"):
        assert ada.get(url).status_code in (404, 405), url
        assert ada.post(url, {"name": "Mine", "do": "block", **NEW}).status_code in (404, 405), url
    assert "Northshire Health Trust" not in text_of(ada.get("/directory/"))


@pytest.mark.parametrize(
    "write",
    [
        lambda w: Team.objects.create(agency=agency_of(w, "health"), name="Mine"),
        lambda w: saved(w.teams["health"], name="Mine"),
        lambda w: saved(w.teams["school"], agency=agency_of(w, "health")),
        lambda w: Post.objects.create(team=w.teams["health"], title="Mine", holder=w.ada),
        lambda w: saved(w.posts["nell"], holder=w.ada),
        lambda w: saved(w.posts["aisha"], team=w.teams["health"]),
        lambda w: saved(w.nell, name="Mine"),
        lambda w: saved(w.nell, is_active=False),
        lambda w: saved(w.nell, kept_by=agency_of(w)),
        lambda w: saved(w.aisha, kept_by=agency_of(w, "health")),
        lambda w: Appointment.objects.create(partnership=w.partnership, person=w.aisha, office="auditor", starts_on=factories.LONG_AGO),
        lambda w: Appointment.objects.create(partnership=w.partnership, person=w.ada, office="office", starts_on=factories.LONG_AGO),
        lambda w: User.objects.create_user("in@example.org", "x", name="In", is_active=True, kept_by=agency_of(w)),
        lambda w: Agency.objects.create(name="Mine"),
    ],
)
def test_the_database_refuses_an_administrator_what_is_not_theirs(write: Callable[[World], Any], w: World) -> None:
    factories.administrator(w, "health")
    with acting_as(w.ada), pytest.raises(DatabaseError), transaction.atomic():
        write(w)


def test_an_appointment_that_ended_opens_nothing(w: World, ada: Client) -> None:
    with factories.as_set_up():
        Appointment.objects.filter(person=w.ada).update(ends_on=timezone.localdate() - dt.timedelta(days=1))
    ada.force_login(w.ada)
    assert ada.get("/directory/").status_code == 404
    assert ada.get(reverse("directory-agency", args=[agency_of(w).pk])).status_code == 404


def test_the_office_reads_the_agencies_and_sees_who_keeps_them(w: World, office: Client) -> None:
    page = text_of(office.get("/directory/"))
    assert "Hill Lane Primary School" in page
    assert "Ada school" in page
    assert "no administrator" in page  # the other three
    school = agency_of(w)
    for name in ("agency", "people", "changes"):
        assert office.get(reverse(f"directory-{name}", args=[school.pk])).status_code == 200
    assert "Add a post" not in text_of(office.get(reverse("directory-agency", args=[school.pk])))
    for url in only_to_change(w, "school", "aisha"):
        assert office.get(url).status_code in (404, 405), url
        assert office.post(url, NEW).status_code in (404, 405), url


def test_the_office_keeps_an_agency_until_it_has_an_administrator(w: World, office: Client) -> None:
    new_team = reverse("directory-team-new", args=[agency_of(w, "surgery").pk])
    assert office.post(new_team, {"name": "Nurses"}).status_code == 302
    assert Team.objects.filter(name="Nurses").exists()
    factories.administrator(w, "surgery")
    assert office.post(new_team, {"name": "Doctors"}).status_code == 404
    with acting_as(w.office), pytest.raises(DatabaseError), transaction.atomic():
        Team.objects.create(agency=agency_of(w, "surgery"), name="Doctors")


def test_the_office_of_another_partnership_finds_nothing_of_ours(w: World, client: Client) -> None:
    other = factories.world("southshire")
    ours = factories.team(w.partnership, "Northshire Police", "Safeguarding")
    client.force_login(other.office)
    assert client.get(reverse("directory-agency", args=[ours.agency.pk])).status_code == 404
    assert "Northshire Police" not in text_of(client.get("/directory/"))
    assert client.get("/directory/?of=northshire").status_code == 200  # their own is shown: the address chooses among one's own
    assert "Northshire Safeguarding" not in text_of(client.get("/directory/?of=northshire"))


def test_the_desk_leads_there(w: World, ada: Client, office: Client) -> None:
    assert 'href="/directory/"' in text_of(ada.get("/desk/"))
    assert 'href="/partnership/people/"' in text_of(office.get("/desk/"))
    assert 'href="/account/stand-ins/"' in text_of(ada.get("/desk/"))


def test_administrators_see_no_disagreement(w: World, ada: Client) -> None:
    d = factories.raised(w)
    assert d.reference not in text_of(ada.get("/desk/"))
    assert d.reference not in text_of(ada.get("/disagreements/"))
    absent = ada.get("/disagreements/ZZZZ-ZZZZ/")
    hidden = ada.get(f"/disagreements/{d.reference}/")
    assert absent.status_code == hidden.status_code == 404
    page = text_of(ada.get(reverse("directory-post", args=[w.posts["aisha"].pk])))
    assert "1 open disagreement" in page
    assert d.reference not in page
    with acting_as(w.ada):
        assert not Disagreement.objects.exists()


# ── agencies ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_office_adds_an_agency(w: World, office: Client) -> None:
    said = office.post("/directory/agencies/new/", {"name": "Northshire Police"}, follow=True)
    assert "Appoint its administrator next" in text_of(said)
    assert Membership.objects.filter(agency__name="Northshire Police", partnership=w.partnership).count() == 1
    again = text_of(office.post("/directory/agencies/new/", {"name": "northshire police"}))
    assert "in your partnership already" in again
    assert Agency.objects.filter(name__iexact="northshire police").count() == 1


def test_an_agency_of_another_partnership_is_asked_about_first(w: World, office: Client) -> None:
    with factories.as_set_up():
        known = Agency.objects.create(name="British Transport Police")
    asked = text_of(office.post("/directory/agencies/new/", {"name": "British Transport Police"}))
    assert "It is the same agency" in asked
    assert not known.partnerships.exists()
    office.post("/directory/agencies/new/", {"name": "British Transport Police", "same": "on"})
    assert list(known.partnerships.all()) == [w.partnership]


# ── teams and posts ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_team_is_added_and_changed(w: World, ada: Client) -> None:
    url = reverse("directory-team-new", args=[agency_of(w).pk])
    assert "Add its posts next" in text_of(ada.post(url, {"name": "Nursery"}, follow=True))
    assert "a team of this name already" in text_of(ada.post(url, {"name": "nursery"}))
    made = Team.objects.get(name="Nursery")
    ada.post(reverse("directory-team", args=[made.pk]), {"name": "Early years", "out_of_hours": "01632 960009"})
    made.refresh_from_db()
    assert (made.name, made.out_of_hours) == ("Early years", "01632 960009")


def test_a_post_is_added_and_changed(w: World, ada: Client) -> None:
    url = reverse("directory-post-new", args=[agency_of(w).pk])
    given = NEW | {"team": str(w.teams["school"].pk), "reports_to": str(w.posts["grace"].pk), "holder": w.zoe.email.upper()}
    assert "Family worker is added" in text_of(ada.post(url, given, follow=True))
    made = Post.objects.get(title="Family worker")
    assert (made.holder, made.reports_to) == (w.zoe, w.posts["grace"])
    change = reverse("directory-post-change", args=[made.pk])
    ada.post(change, given | {"title": "Family support", "holder": "", "level": "1"})
    made.refresh_from_db()
    assert (made.title, made.holder, made.level) == ("Family support", None, 1)
    assert made.history.count() == 2
    assert made.history.first().history_user == w.ada


def test_a_reporting_line_makes_no_loop(w: World, ada: Client) -> None:
    ian = w.posts["ian"]
    given = {
        "title": ian.title,
        "team": str(ian.team_id),
        "level": "2",
        "reports_to": str(w.posts["grace"].pk),
        "adviser": "",
        "holder": "",
    }
    assert "This would make a loop" in text_of(ada.post(reverse("directory-post-change", args=[ian.pk]), given))


@pytest.mark.parametrize("email", ["nell@example.org", "nobody@example.org", "not an address", "a" * 300, "x\x07@example.org", "🙂"])
def test_a_holder_is_somebody_of_the_agency(email: str, w: World, ada: Client) -> None:
    given = NEW | {"team": str(w.teams["school"].pk), "holder": email}
    answer = ada.post(reverse("directory-post-new", args=[agency_of(w).pk]), given)
    assert answer.status_code == 200
    assert "Error:" in text_of(answer)


def test_a_team_of_another_agency_is_no_choice(w: World, ada: Client) -> None:
    for field, value in (("team", w.teams["health"].pk), ("reports_to", w.posts["noor"].pk), ("adviser", w.posts["noor"].pk)):
        given = NEW | {"team": str(w.teams["school"].pk)} | {field: str(value)}
        assert "Choose one of the answers in the list" in text_of(ada.post(reverse("directory-post-new", args=[agency_of(w).pk]), given))


def test_a_post_ends_when_nothing_is_open_at_it(w: World, ada: Client) -> None:
    factories.raised(w)
    url = reverse("directory-post-end", args=[w.posts["aisha"].pk])
    assert "Hand the post over" in text_of(ada.get(url))
    assert "cannot be left vacant" in text_of(ada.post(url))
    zoe = reverse("directory-post-end", args=[w.posts["zoe"].pk])
    ada.post(zoe)
    w.posts["zoe"].refresh_from_db()
    assert w.posts["zoe"].ended_on == timezone.localdate()
    assert ada.get(zoe).status_code == 404


# ── people ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_person_is_inactive_and_invited_to_a_vacant_post(w: World, ada: Client) -> None:
    with factories.as_set_up():
        vacant = Post.objects.create(team=w.teams["school"], title="Deputy head", level=1)
    given = {"name": "Pat Lee", "email": "Pat.Lee@example.org", "post": str(vacant.pk)}
    answer = ada.post(reverse("directory-person-new", args=[agency_of(w).pk]), given, follow=True)
    assert answer.status_code == 200
    pat = User.objects.get(email="pat.lee@example.org")
    assert (pat.is_active, pat.kept_by, pat.has_usable_password()) == (False, agency_of(w), False)
    with acting_as(w.ada):
        invitation = Invitation.objects.get(person=pat)
    assert (invitation.post, invitation.invited_by, invitation.partnership) == (vacant, w.ada, None)
    page = text_of(ada.get(reverse("directory-person", args=[pat.pk])))
    assert "not joined yet" in page
    assert "Invite again" in page
    ada.post(reverse("directory-person-invite", args=[pat.pk]))
    with acting_as(w.ada):
        assert Invitation.objects.filter(person=pat, revoked_at=None).count() == 1
        assert Invitation.objects.filter(person=pat).count() == 2


def test_an_address_that_is_taken_is_not_taken_again(w: World, ada: Client) -> None:
    url = reverse("directory-person-new", args=[agency_of(w).pk])
    assert "an account with this address already" in text_of(ada.post(url, {"name": "Nell", "email": w.nell.email.upper(), "post": ""}))
    change = reverse("directory-person-change", args=[w.aisha.pk])
    assert "an account with this address already" in text_of(ada.post(change, {"name": "A", "email": w.nell.email}))


def test_a_name_and_an_address_are_put_right(w: World, ada: Client) -> None:
    ada.post(reverse("directory-person-change", args=[w.aisha.pk]), {"name": "Aisha Khan", "email": "aisha.khan@example.org"})
    w.aisha.refresh_from_db()
    assert (w.aisha.name, w.aisha.email) == ("Aisha Khan", "aisha.khan@example.org")
    changes = text_of(ada.get(reverse("directory-changes", args=[agency_of(w).pk])))
    assert "Aisha Khan" in changes
    assert "aisha@example.org" in changes
    assert w.ada.name in changes


def test_who_has_joined_is_not_invited_again(w: World, ada: Client) -> None:
    said = text_of(ada.post(reverse("directory-person-invite", args=[w.aisha.pk]), follow=True))
    assert "nothing to invite them to" in said


def test_blocking_signs_out_at_once_and_is_undone(w: World, ada: Client) -> None:
    aisha = Client()
    aisha.force_login(w.aisha)
    url = reverse("directory-person-sign-in", args=[w.aisha.pk])
    assert "is signed out everywhere" in text_of(ada.post(url, {"do": "block"}, follow=True))
    assert aisha.get("/desk/").status_code == 302
    w.aisha.refresh_from_db()
    assert (w.aisha.is_active, w.aisha.left_on) == (False, None)
    assert w.posts["aisha"].holder == w.aisha
    page = text_of(ada.get(reverse("directory-person", args=[w.aisha.pk])))
    assert "Unblock" in page
    assert "signing in blocked" in page
    ada.post(url, {"do": "unblock"})
    w.aisha.refresh_from_db()
    assert w.aisha.is_active


def test_nobody_blocks_themselves(w: World, ada: Client) -> None:
    for do in ("block", "back", "unblock", ""):
        ada.post(reverse("directory-person-sign-in", args=[w.ada.pk]), {"do": do})
    w.ada.refresh_from_db()
    assert w.ada.is_active
    assert "Somebody else must do this" in text_of(ada.get(reverse("directory-person-left", args=[w.ada.pk]), follow=True))


# ── long lists ──────────────────────────────────────────────────────────────────────────────────────────────────────


def many(w: World, number: int) -> None:
    with factories.as_set_up():
        for count in range(number):
            who = factories.person(f"Worker {count}", kept_by=agency_of(w))
            Post.objects.create(
                team=w.teams["school"], holder=who, title=f"Worker post {count}", reports_to=w.posts["grace"], adviser=w.posts["ian"]
            )


LISTS = ("agency", "people", "changes", "export", "import", "post-new", "person-new")


@pytest.mark.parametrize("name", LISTS)
def test_long_lists_ask_no_more_than_short_ones(name: str, w: World, ada: Client, django_assert_max_num_queries: Any) -> None:
    url = reverse(f"directory-{name}", args=[agency_of(w).pk])
    ada.get(url)
    with django_assert_max_num_queries(200) as few:
        ada.get(url)
    most = len(few)
    many(w, 20)
    with django_assert_max_num_queries(most):
        assert ada.get(url).status_code == 200
    assert most < 40


def test_the_list_of_agencies_asks_no_more_for_many(w: World, office: Client, django_assert_max_num_queries: Any) -> None:
    office.get("/directory/")
    with django_assert_max_num_queries(100) as few:
        office.get("/directory/")
    most = len(few)
    for number in range(12):
        factories.team(w.partnership, f"School {number}", "Team")
    with django_assert_max_num_queries(most):
        assert "School 11" in text_of(office.get("/directory/"))


def test_a_list_has_pages_and_is_searched(w: World, ada: Client) -> None:
    many(w, 60)
    posts, people = (reverse(f"directory-{name}", args=[agency_of(w).pk]) for name in ("agency", "people"))
    assert 'rel="next"' in text_of(ada.get(posts))
    assert 'rel="next"' in text_of(ada.get(people))
    for url in (posts, people):
        answer = ada.post(url, {"text": "worker 17"}, follow=True)
        assert "17" not in answer.redirect_chain[0][0].replace(str(agency_of(w).pk), "")  # what was typed is in no address
        assert "Worker post 17" in text_of(answer)
        assert "Worker post 18" not in text_of(answer)
    assert "No post fits" in text_of(ada.post(posts, {"text": "nobody at all"}, follow=True))
    assert "Nobody fits" in text_of(ada.post(people, {"text": "nobody at all"}, follow=True))
    assert "Worker 1" not in text_of(ada.post(people, {"state": "invited"}, follow=True))
    for asked in ("?state=nonsense", "?page=x", "?page=999999", "?vacant=on", "?found=1", "?state=left", "?state=without"):
        assert ada.get(people + asked).status_code == 200
        assert ada.get(posts + asked).status_code == 200


def test_an_agency_with_nobody_in_it_says_what_to_do(w: World, office: Client) -> None:
    office.post("/directory/agencies/new/", {"name": "New Nursery"})
    nursery = Agency.objects.get(name="New Nursery")
    assert "Nothing is here yet" in text_of(office.get(reverse("directory-agency", args=[nursery.pk])))
    assert "Nobody is here yet" in text_of(office.get(reverse("directory-people", args=[nursery.pk])))
    assert "Nothing was changed yet" in text_of(office.get(reverse("directory-changes", args=[nursery.pk])))
    assert "Add a team first" in text_of(office.get(reverse("directory-post-new", args=[nursery.pk]), follow=True))


STRANGE = ["", " ", "x" * 50_000, "\x00", "\x07bell", "🙂", "\u202eabc", "<script>alert(1)</script>", "=1+1", "'"]


@pytest.mark.parametrize("text", STRANGE)
def test_whatever_is_typed_gets_an_answer(text: str, w: World, ada: Client, office: Client) -> None:
    agency = agency_of(w).pk
    for name in ("team-new", "post-new", "person-new", "agency", "people"):
        fields = (
            "name",
            "email",
            "title",
            "team",
            "level",
            "reports_to",
            "adviser",
            "holder",
            "post",
            "out_of_hours",
            "text",
            "state",
            "vacant",
        )
        answer = ada.post(reverse(f"directory-{name}", args=[agency]), dict.fromkeys(fields, text), follow=True)
        assert answer.status_code == 200, name
        assert "<script>alert" not in text_of(answer)
    assert office.post("/directory/agencies/new/", {"name": text, "same": text}, follow=True).status_code == 200


def test_an_address_put_right_closes_the_invitation_that_went_astray(w: World, ada: Client) -> None:
    ada.post(reverse("directory-person-new", args=[agency_of(w).pk]), {"name": "Pat Lee", "email": "wrong@example.org", "post": ""})
    pat = User.objects.get(email="wrong@example.org")
    ada.post(reverse("directory-person-change", args=[pat.pk]), {"name": "Pat Lee", "email": "right@example.org"})
    with acting_as(w.ada):
        assert Invitation.objects.get(person=pat).revoked_at
    assert "no longer open" in text_of(ada.get(reverse("directory-person", args=[pat.pk])))


def test_who_is_given_a_post_or_loses_it_hears_of_it(w: World, ada: Client) -> None:
    post = w.posts["aisha"]
    given = {"title": post.title, "team": str(post.team_id), "level": "0", "reports_to": "", "adviser": "", "holder": w.zoe.email}
    ada.post(reverse("directory-post-change", args=[post.pk]), given)
    ada.post(reverse("directory-post-change", args=[post.pk]), given | {"title": "Lead"})  # no change of hands
    for person in (w.aisha, w.zoe):
        with acting_as(person):
            assert Letter.objects.filter(person=person, kind="rights_changed").count() == 1


def test_a_post_that_is_sent_twice_is_one(w: World, ada: Client) -> None:
    url = reverse("directory-post-new", args=[agency_of(w).pk])
    key = ada.get(url).context["form"]["key"].value()
    for _ in range(2):
        assert ada.post(url, NEW | {"team": str(w.teams["school"].pk), "key": str(key)}).status_code == 302
    assert Post.objects.filter(title="Family worker").count() == 1
    elsewhere = NEW | {"team": str(w.teams["school"].pk), "key": str(w.posts["nell"].pk)}  # of another agency
    assert "was not saved" in text_of(ada.post(url, elsewhere))
    assert ada.post(url, elsewhere | {"key": "x"}).status_code == 200


@pytest.mark.parametrize("name", ["post", "post-change", "person"])
def test_one_page_asks_no_more_for_a_large_agency(name: str, w: World, ada: Client, django_assert_max_num_queries: Any) -> None:
    key = w.aisha.pk if name == "person" else w.posts["aisha"].pk
    url = reverse(f"directory-{name}", args=[key])
    ada.get(url)
    with django_assert_max_num_queries(60) as few:
        ada.get(url)
    most = len(few)
    many(w, 10)
    with factories.as_set_up():
        for count in range(5):
            Post.objects.create(team=w.teams["school"], holder=w.aisha, title=f"Further post {count}")
            factories.stand_in(w.posts["aisha"], User.objects.get(name=f"Worker {count}"))
            factories.stand_in(w.posts["grace"], w.aisha)
    with django_assert_max_num_queries(most):
        assert ada.get(url).status_code == 200


def test_how_much_is_open_at_posts_of_others_is_not_said(w: World) -> None:
    factories.raised(w)
    with acting_as(w.ada):
        assert open_seats([w.posts["aisha"], w.posts["sam"]]) == {w.posts["aisha"].pk: 1, w.posts["sam"].pk: 0}
