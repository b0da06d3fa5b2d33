"""Thanks: to who sits on a side, and to their manager; nobody else reads them, and nothing of the case is in them."""

import pytest
from django.db import connection

from accounts.acting import acting_as
from disputes.models import Entry
from learning.models import Thanks
from tests import factories
from tests.factories import answered, at_line_managers, resolved

pytestmark = pytest.mark.django_db

TEXT = "You asked the question that nobody wanted to hear, kindly."


@pytest.fixture
def w():
    return factories.world()


def thank(client, w, d, by="sam", to="aisha", **more):
    client.force_login(w.person(by))
    given = {"to": str(w.person(to).pk) if to else "", "what_for": "challenge", "text": TEXT, **more}
    return client.post(f"/disagreements/{d.reference}/thanks/", given)


def rows(person):
    with acting_as(person):
        return list(Thanks.objects.all())


def test_it_reaches_the_person_and_their_manager_with_nothing_of_the_case(client, w):
    d = resolved(w)
    assert thank(client, w, d).url == f"/disagreements/{d.reference}/"
    for name in ("aisha", "grace", "sam"):
        client.force_login(w.person(name))
        html = client.get("/thanks/").content.decode()
        assert TEXT in html
        assert d.reference not in html
        assert "Ash (" not in html
    client.force_login(w.aisha)
    assert "Sam thanks you for a good challenge" in client.get("/desk/").content.decode()
    client.force_login(w.grace)
    assert "Sam thanks Aisha for a good challenge" in client.get("/desk/").content.decode()
    with acting_as(w.aisha):
        assert not Entry.objects.filter(disagreement=d, kind__contains="thank").exists()


def test_nobody_else_reads_it(client, w):
    d = at_line_managers(w)
    thank(client, w, d)
    for person in (w.mona, w.ian, w.office, w.chair, w.auditor, w.rep, w.stranger, factories.administrator(w)):
        client.force_login(person)
        for path in ("/thanks/", f"/disagreements/{d.reference}/", f"/disagreements/{d.reference}/thanks/", "/desk/"):
            assert TEXT not in client.get(path).content.decode()
        with acting_as(person), connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM learning_thanks")
            assert cursor.fetchone() == (0,), person


def test_once_a_person_and_disagreement(client, w):
    d = resolved(w)
    for _ in range(2):
        assert thank(client, w, d).status_code == 302
    assert len(rows(w.aisha)) == 1
    assert "You have thanked everybody" in client.get(f"/disagreements/{d.reference}/thanks/").content.decode()
    other = resolved(w)
    thank(client, w, other)
    assert len(rows(w.aisha)) == 2


def test_nobody_thanks_themselves_or_a_stranger(client, w):
    d = resolved(w)
    for to in ("sam", "stranger", "office"):
        assert "Choose one of the answers in the list" in thank(client, w, d, to=to).content.decode()
    with acting_as(w.sam), pytest.raises(Exception, match="row-level security"):
        Thanks.objects.create(
            partnership=w.partnership, disagreement=d, from_person=w.sam, to_person=w.stranger, what_for="challenge", text="x"
        )


def test_the_giver_is_not_told_as_the_manager(client, w):
    d = at_line_managers(w)
    thank(client, w, d, by="grace", to="aisha")
    assert rows(w.aisha)[0].manager is None
    with acting_as(w.aisha):
        assert Thanks.objects.get().from_person == w.grace


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"to": ""}, "Choose whom you thank"),
        ({"what_for": ""}, "Choose what you thank them for"),
        ({"text": ""}, "Enter what you want to say"),
        ({"text": "x" * 100_000}, "must be 1,000 characters or fewer"),
        ({"text": "You were right about Ash"}, "This may identify somebody"),
        ({"text": "Your file S-1 was a model"}, "This may identify somebody"),
        ({"text": "bell \x07"}, "contains characters that cannot be shown"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_sent(client, w, wrong, message):
    d = resolved(w)
    assert message in thank(client, w, d, **wrong).content.decode()
    assert rows(w.aisha) == []


def test_hidden_and_absent_are_the_same_404_and_watching_is_not_taking_part(client, w):
    d = answered(w)
    for name, reference in (("stranger", d.reference), ("sam", "ZZZZ-ZZZZ"), ("auditor", d.reference)):
        client.force_login(w.person(name))
        assert client.get(f"/disagreements/{reference}/thanks/").status_code == 404
    client.force_login(w.sam)
    assert f"/disagreements/{d.reference}/thanks/" in client.get(f"/disagreements/{d.reference}/").content.decode()


def test_the_list_takes_as_many_queries_for_many_as_for_one(client, w, django_assert_max_num_queries):
    for _ in range(3):
        thank(client, w, resolved(w))
    client.force_login(w.aisha)
    with django_assert_max_num_queries(12):
        client.get("/thanks/")


def test_who_has_another_post_by_now_is_thanked_with_the_manager_of_today(client, w):
    d = resolved(w)
    with factories.as_set_up():
        factories.saved(w.posts["aisha"], holder=w.zoe)  # and Aisha holds none
    assert thank(client, w, d).status_code == 302
    [row] = rows(w.aisha)
    assert row.manager is None
