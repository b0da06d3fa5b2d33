"""Stand-ins: named by whoever holds the post, or by the administrator; dated; ended at once; shown in the record as "for"."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import Post, StandIn
from disputes.models import Disagreement
from tests import factories
from tests.factories import World

URL = "/account/stand-ins/"


@pytest.fixture
def w(db: None) -> World:
    made = factories.world()
    made.people["ada"] = factories.administrator(made)
    return made


@pytest.fixture
def aisha(w: World, client: Client) -> Client:
    client.force_login(w.aisha)
    return client


@pytest.fixture
def ada(w: World) -> Client:
    other = Client()
    other.force_login(w.ada)
    return other


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def day_in(days: int) -> dt.date:
    return timezone.localdate() + dt.timedelta(days=days)


def given(person: str, first: int = 0, last: int = 5, **more: str) -> dict[str, str]:
    days = {"starts_on": day_in(first), "ends_on": day_in(last)}
    parts = {f"{name}_{part}": str(getattr(day, part)) for name, day in days.items() for part in ("day", "month", "year")}
    return {"person": person, **parts, **more}


def named(w: World) -> list[StandIn]:
    return list(StandIn.objects.filter(post=w.posts["aisha"]).order_by("starts_on"))


def test_whoever_holds_a_post_names_who_stands_in(w: World, aisha: Client) -> None:
    assert "Nobody, today or later" in text_of(aisha.get(URL))
    said = text_of(aisha.post(URL, given(w.zoe.email.upper()), follow=True))
    assert "Zoe stands in for Practitioner from" in said
    assert "stands in today" in said
    (one,) = named(w)
    assert (one.person, one.starts_on, one.ends_on) == (w.zoe, day_in(0), day_in(5))
    assert one.history.get().history_user == w.aisha
    zoe = Client()
    zoe.force_login(w.zoe)
    assert "You stand in for" in text_of(zoe.get(URL))


def test_an_act_of_the_stand_in_is_shown_for_the_holder(w: World, aisha: Client) -> None:
    d = factories.answered(w)
    zoe = Client()
    zoe.force_login(w.zoe)
    assert zoe.get(f"/disagreements/{d.reference}/").status_code == 404
    aisha.post(URL, given(w.zoe.email))
    zoe.force_login(w.zoe)
    assert "for Aisha" in text_of(zoe.get("/desk/"))
    factories.move(d, "refer_to_line_manager", w.zoe)
    page = text_of(aisha.get(f"/disagreements/{d.reference}/"))
    assert "Zoe" in page
    assert "for Aisha" in page


def test_ending_takes_effect_at_once_and_the_row_stays(w: World, aisha: Client) -> None:
    d = factories.raised(w)
    aisha.post(URL, given(w.zoe.email))
    aisha.post(URL, given(w.grace.email, 10, 20))
    for one in named(w):
        assert "stands in no more" in text_of(aisha.post(reverse("stand-in-end", args=[one.pk]), follow=True))
    today, later = named(w)
    assert (today.starts_on, today.ends_on) == (day_in(0), day_in(-1))
    assert (later.starts_on, later.ends_on) == (day_in(10), day_in(9))  # covers no day
    with acting_as(w.zoe):
        assert not Disagreement.objects.visible_to(w.zoe, timezone.now()).filter(pk=d.pk).exists()
        assert not Disagreement.objects.filter(pk=d.pk).exists()
    assert "Nobody, today or later" in text_of(aisha.get(URL))
    assert aisha.post(reverse("stand-in-end", args=[today.pk])).status_code == 302  # twice is once
    assert [one.ends_on for one in named(w)] == [day_in(-1), day_in(9)]


def test_two_may_stand_in_on_one_day_the_same_person_only_once(w: World, aisha: Client) -> None:
    aisha.post(URL, given(w.zoe.email))
    aisha.post(URL, given(w.grace.email))
    assert len(named(w)) == 2
    assert "Zoe stands in from" in text_of(aisha.post(URL, given(w.zoe.email, 3, 9)))
    assert aisha.post(URL, given(w.zoe.email, 6, 9)).status_code == 302
    assert len(named(w)) == 3


WRONG = [
    (lambda w: given(w.aisha.email), "Name somebody else"),
    (lambda w: given(w.nell.email), "Nobody at Hill Lane Primary School"),
    (lambda w: given("nobody@example.org"), "Nobody at Hill Lane Primary School"),
    (lambda w: given("not an address"), "in the form name@example.org"),
    (lambda w: given(""), "Enter who stands in"),
    (lambda w: given(w.zoe.email, 5, 3), "must not be before the first day"),
    (lambda w: given(w.zoe.email, -1, 3), "must be today or in the future"),
    (lambda w: given(w.zoe.email, 0, 400), "within a year"),
    (lambda w: given(w.zoe.email) | {"ends_on_day": "31", "ends_on_month": "2"}, "must be a real date"),
    (lambda w: {}, "Enter the first day"),
    (lambda w: given("x" * 100_000), "Error:"),
    (lambda w: given("\x07\u202e🙂"), "Error:"),
]


@pytest.mark.parametrize(("typed", "said"), WRONG)
def test_what_is_wrong_is_said(typed: Any, said: str, w: World, aisha: Client) -> None:
    answer = aisha.post(URL, typed(w))
    assert answer.status_code == 200
    assert said in text_of(answer)
    assert not named(w)


def test_somebody_who_cannot_sign_in_stands_in_for_nobody(w: World, aisha: Client) -> None:
    with factories.as_set_up():
        w.zoe.is_active = False
        w.zoe.save()
    assert "who can sign in has this address" in text_of(aisha.post(URL, given(w.zoe.email)))


def test_who_holds_two_posts_says_which(w: World, aisha: Client) -> None:
    with factories.as_set_up():
        other = Post.objects.create(team=w.teams["school"], holder=w.aisha, title="Lead teacher")
    aisha.force_login(w.aisha)
    assert "Choose the post" in text_of(aisha.post(URL, given(w.zoe.email)))
    aisha.post(URL, given(w.zoe.email, post=str(other.pk)))
    assert StandIn.objects.get().post == other
    for wrong in (str(w.posts["grace"].pk), "x", ""):
        assert "Error:" in text_of(aisha.post(URL, given(w.zoe.email, post=wrong)))


def test_who_holds_no_post_names_nobody(w: World, client: Client) -> None:
    client.force_login(w.stranger)
    assert "You hold no post" in text_of(client.get(URL))
    assert client.post(URL, given(w.zoe.email)).status_code == 200
    assert not StandIn.objects.exists()


def test_the_administrator_names_and_ends_them_too(w: World, ada: Client) -> None:
    post = w.posts["aisha"]
    url = reverse("directory-post-stand-in", args=[post.pk])
    said = text_of(ada.post(url, given(w.zoe.email), follow=True))
    assert "Zoe stands in for Practitioner" in said
    (one,) = named(w)
    ada.post(reverse("stand-in-end", args=[one.pk]), {"from": "directory"})
    assert named(w)[0].ends_on == day_in(-1)
    assert "Nobody stands in, today or later" in text_of(ada.get(reverse("directory-post", args=[post.pk])))


def test_others_end_and_name_none(w: World, client: Client) -> None:
    with factories.as_set_up():
        one = factories.stand_in(w.posts["aisha"], w.zoe)
    for who in (w.zoe, w.grace, w.nell, w.stranger, w.office, w.chair):
        client.force_login(who)
        assert client.post(reverse("stand-in-end", args=[one.pk])).status_code == 404
        assert client.post(reverse("directory-post-stand-in", args=[w.posts["aisha"].pk]), given(w.grace.email)).status_code == 404
        with acting_as(who), pytest.raises(DatabaseError), transaction.atomic():
            StandIn.objects.create(post=w.posts["aisha"], person=who, starts_on=day_in(0), ends_on=day_in(3))
        with acting_as(who), pytest.raises(DatabaseError), transaction.atomic():
            factories.saved(one, ends_on=day_in(100))
    assert client.get(reverse("stand-in-end", args=[one.pk])).status_code == 405


def test_nobody_of_another_agency_stands_in_by_the_database_too(w: World) -> None:
    with acting_as(w.aisha), pytest.raises(DatabaseError), transaction.atomic():
        StandIn.objects.create(post=w.posts["aisha"], person=w.nell, starts_on=day_in(0), ends_on=day_in(3))
