"""Leavers: what is open at their posts goes to somebody else first; then they are out, everywhere and at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import leaving
from accounts.acting import acting_as
from accounts.directory import Refused
from accounts.models import Post, StandIn
from disputes.models import Disagreement, Seat
from tests import factories
from tests.factories import World


@pytest.fixture
def w(db: None) -> World:
    made = factories.world()
    made.people["ada"] = factories.administrator(made)
    return made


@pytest.fixture
def ada(w: World, client: Client) -> Client:
    client.force_login(w.ada)
    return client


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def left(w: World, name: str) -> str:
    return reverse("directory-person-left", args=[w.person(name).pk])


def field(post: Post) -> str:
    return f"post_{post.pk.hex}"


def sees(d: Disagreement, person: Any) -> bool:
    with acting_as(person):
        by_the_database = Disagreement.objects.filter(pk=d.pk).exists()
        assert by_the_database == Disagreement.objects.visible_to(person, timezone.now()).filter(pk=d.pk).exists()
    return by_the_database


def test_a_leaver_hands_over_what_is_open(w: World, ada: Client) -> None:
    d = factories.answered(w)
    aisha = Client()
    aisha.force_login(w.aisha)
    assert aisha.get(f"/disagreements/{d.reference}/").status_code == 200
    page = text_of(ada.get(left(w, "aisha")))
    assert "1 open disagreement" in page
    assert d.reference not in page
    assert "Ash" not in page
    done = ada.post(left(w, "aisha"), {field(w.posts["aisha"]): w.zoe.email}, follow=True)
    assert "has left" in text_of(done)
    w.aisha.refresh_from_db()
    w.posts["aisha"].refresh_from_db()
    assert (w.aisha.is_active, w.aisha.left_on) == (False, timezone.localdate())
    assert w.posts["aisha"].holder == w.zoe
    assert aisha.get(f"/disagreements/{d.reference}/").status_code == 302  # signed out
    assert sees(d, w.zoe)
    with acting_as(w.zoe):
        assert Seat.objects.filter(disagreement=d, post=w.posts["aisha"]).exists()
    assert "To do" in text_of(_signed_in(w.zoe).get("/desk/"))
    assert d.reference in text_of(_signed_in(w.zoe).get("/disagreements/"))


def _signed_in(person: Any) -> Client:
    client = Client()
    person.refresh_from_db()
    client.force_login(person)
    return client


def test_refused_while_something_open_has_nobody(w: World, ada: Client) -> None:
    factories.raised(w)
    for given in ({}, {field(w.posts["aisha"]): ""}, {field(w.posts["aisha"]): w.aisha.email}, {field(w.posts["aisha"]): w.nell.email}):
        answer = ada.post(left(w, "aisha"), given)
        assert answer.status_code == 200
        assert "Error:" in text_of(answer), given
    assert "Enter who takes over" in text_of(ada.post(left(w, "aisha"), {}))
    with factories.as_set_up():
        new = factories.person("New", is_active=False, kept_by=w.teams["school"].agency)
    assert "who can sign in has this address" in text_of(ada.post(left(w, "aisha"), {field(w.posts["aisha"]): new.email}))
    w.aisha.refresh_from_db()
    assert w.aisha.is_active
    assert w.aisha.left_on is None


def test_by_whatever_way_the_database_refuses_too(w: World) -> None:
    factories.raised(w)
    with acting_as(w.ada), pytest.raises(DatabaseError), transaction.atomic():
        factories.saved(w.aisha, left_on=timezone.localdate(), is_active=False)
    post = Post.objects.get(pk=w.posts["aisha"].pk)
    for changes in ({"holder": None}, {"ended_on": timezone.localdate()}):
        with acting_as(w.ada), pytest.raises(DatabaseError), transaction.atomic():
            factories.saved(post, **changes)
    w.aisha.refresh_from_db()
    with acting_as(w.ada), pytest.raises(Refused, match="cannot be left vacant"):
        leaving.leave(w.aisha, {w.posts["aisha"]: None}, timezone.localdate())
    with acting_as(w.ada), pytest.raises(Refused, match="not on this page"):
        leaving.leave(w.aisha, {}, timezone.localdate())
    w.aisha.refresh_from_db()
    assert w.aisha.is_active


def test_with_nothing_open_a_post_may_stay_vacant(w: World, ada: Client) -> None:
    assert "Nothing is open" in text_of(ada.get(left(w, "zoe")))
    ada.post(left(w, "zoe"), {})
    w.posts["zoe"].refresh_from_db()
    w.zoe.refresh_from_db()
    assert w.posts["zoe"].holder is None
    assert w.zoe.left_on
    assert "has left already" in text_of(ada.get(left(w, "zoe"), follow=True)) or "They have left already" in text_of(
        ada.get(left(w, "zoe"), follow=True)
    )
    assert "Left" in text_of(ada.get(reverse("directory-people", args=[w.teams["school"].agency.pk])))


def test_whoever_leaves_stands_in_for_nobody_and_may_come_back(w: World, ada: Client) -> None:
    factories.stand_in(w.posts["grace"], w.zoe)
    ada.post(left(w, "zoe"), {})
    today = timezone.localdate()
    assert not StandIn.objects.filter(person=w.zoe, starts_on__lte=today, ends_on__gte=today).exists()
    assert StandIn.objects.filter(person=w.zoe).exists()
    url = reverse("directory-person-sign-in", args=[w.zoe.pk])
    assert "is back" in text_of(ada.post(url, {"do": "back"}, follow=True))
    w.zoe.refresh_from_db()
    assert (w.zoe.left_on, w.zoe.is_active) == (None, False)
    ada.post(url, {"do": "unblock"})
    w.zoe.refresh_from_db()
    assert w.zoe.is_active


def test_a_post_goes_to_somebody_else_and_the_one_before_sees_no_more(w: World, ada: Client) -> None:
    d = factories.raised(w)
    post = w.posts["aisha"]
    given = {"title": post.title, "team": str(post.team_id), "level": "0", "reports_to": str(post.reports_to_id), "adviser": ""}
    assert "cannot be left vacant" in text_of(ada.post(reverse("directory-post-change", args=[post.pk]), given | {"holder": ""}))
    assert sees(d, w.aisha)
    answer = ada.post(reverse("directory-post-change", args=[post.pk]), given | {"holder": w.zoe.email}, follow=True)
    assert "Saved for" in text_of(answer)
    assert not sees(d, w.aisha)
    assert sees(d, w.zoe)
    aisha = _signed_in(w.aisha)
    assert aisha.get(f"/disagreements/{d.reference}/").status_code == 404
    assert d.reference not in text_of(aisha.get("/disagreements/"))


def test_a_post_with_something_open_needs_somebody_who_can_sign_in(w: World, ada: Client) -> None:
    factories.raised(w)
    with factories.as_set_up():
        factories.person("New", is_active=False, kept_by=w.teams["school"].agency)
    post = w.posts["aisha"]
    given = {"title": post.title, "team": str(post.team_id), "level": "0", "reports_to": "", "adviser": "", "holder": "new@example.org"}
    assert "cannot sign in yet" in text_of(ada.post(reverse("directory-post-change", args=[post.pk]), given))


def test_a_post_in_another_agency_is_handed_over_there_first(w: World, ada: Client) -> None:
    with factories.as_set_up():
        Post.objects.create(team=w.teams["health"], holder=w.zoe, title="Governor")
    page = text_of(ada.get(left(w, "zoe")))
    assert "posts that you do not keep" in page
    assert "another agency" in text_of(ada.post(left(w, "zoe"), {}))
    w.zoe.refresh_from_db()
    assert w.zoe.is_active


def test_leaving_asks_no_more_for_many_posts(w: World, ada: Client, django_assert_max_num_queries: Any) -> None:
    ada.get(left(w, "zoe"))
    with django_assert_max_num_queries(100) as few:
        ada.get(left(w, "zoe"))
    most = len(few)
    with factories.as_set_up():
        for number in range(10):
            Post.objects.create(team=w.teams["school"], holder=w.zoe, title=f"Post {number}")
    with django_assert_max_num_queries(most):
        assert "Post 9" in text_of(ada.get(left(w, "zoe")))
    ada.post(left(w, "zoe"), {})
    w.zoe.refresh_from_db()
    assert w.zoe.left_on


@pytest.mark.parametrize("typed", ["x" * 50_000, "\x07", "🙂", "\u202eabc", "<script>alert(1)</script>", "=1+1", "a@b"])
def test_whatever_is_typed_gets_an_answer(typed: str, w: World, ada: Client) -> None:
    answer = ada.post(left(w, "aisha"), {field(w.posts["aisha"]): typed})
    assert answer.status_code == 200
    assert "<script>alert" not in text_of(answer)


def test_who_keeps_the_directory_reads_nothing_by_giving_themselves_a_post(w: World, ada: Client) -> None:
    d = factories.raised(w)
    post = w.posts["aisha"]
    given = {"title": post.title, "team": str(post.team_id), "level": "0", "reports_to": "", "adviser": "", "holder": w.ada.email}
    said = "Nobody gives a post to themselves"
    assert said in text_of(ada.post(reverse("directory-post-change", args=[post.pk]), given))
    assert said in text_of(ada.post(left(w, "aisha"), {field(post): w.ada.email}))
    file = "name,email,team,post title,level\nAda school,ada.school@example.org,Safeguarding,Practitioner,0\n"
    url = reverse("directory-import", args=[w.teams["school"].agency.pk])
    assert said in text_of(ada.post(url, {"do": "check", "text": file}))
    today = timezone.localdate()
    days = {f"{name}_{part}": str(getattr(today, part)) for name in ("starts_on", "ends_on") for part in ("day", "month", "year")}
    named = ada.post(reverse("directory-post-stand-in", args=[post.pk]), {"person": w.ada.email, **days})
    assert "Nobody names themselves" in text_of(named)
    for write in (
        lambda: factories.saved(Post.objects.get(pk=post.pk), holder=w.ada),
        lambda: StandIn.objects.create(post=post, person=w.ada, starts_on=today, ends_on=today),
    ):
        with acting_as(w.ada), pytest.raises(DatabaseError), transaction.atomic():
            write()
    assert not sees(d, w.ada)
    zoe = w.posts["zoe"]  # nothing is open at hers, yet
    assert said in text_of(ada.post(reverse("directory-post-change", args=[zoe.pk]), given | {"title": zoe.title}))
    added = given | {"title": "Another"}
    assert said in text_of(ada.post(reverse("directory-post-new", args=[w.teams["school"].agency.pk]), added))
    zoe.refresh_from_db()
    assert zoe.holder == w.zoe
