"""Joining by invitation: a link that only navigates, a code by another channel, once, within three days (promise 12)."""

import contextlib
import datetime as dt
import re

import pytest
from django.db import DatabaseError, connection, transaction
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from accounts import invitations, organisation
from accounts.acting import acting_as, invited_by_key
from accounts.invitations import CannotInvite, State
from accounts.models import Invitation, Letter, Post, User
from tests import factories

pytestmark = pytest.mark.django_db

PASSWORD = "three plain words together"
EMAIL = "pat.lee@surgery.example"


@pytest.fixture
def w():
    return factories.world()


def invite(w, *, by="aisha", email=EMAIL, name="Pat Lee", post="surgery", now=None, key="surgery"):
    """Aisha invites the doctor of the surgery, whose post nobody holds."""
    place = w.posts[post] if post else None
    inviter = w.person(by)
    with acting_as(inviter):
        return invitations.invite(
            inviter, email, name, agency=w.teams[key].agency, post=place, partnership=w.partnership, now=now or timezone.now()
        )


def path_of(invitation):
    return reverse("invitation", args=[invitations.key_of(invitation)])


def join(client, invitation, code, **answers):
    return client.post(
        path_of(invitation), {"code": code, "name": "Pat Lee", "new": PASSWORD, "again": answers.get("new", PASSWORD), **answers}
    )


def as_it_is(invitation):
    """The row as its inviter finds it."""
    with acting_as(invitation.invited_by):
        return Invitation.objects.select_related("person", "post").get(pk=invitation.pk)


def page(answer):
    return re.sub(r'(nonce|value)="[^"]*"|[0-9]{4}-[0-9]{4}-[0-9]{4}', "", answer.content.decode())


# ── inviting ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_is_invited_has_an_account_that_opens_nothing_until_they_join(client, w):
    invitation, code = invite(w, email="  Pat.Lee@Surgery.EXAMPLE ")
    person = User.objects.get(email=EMAIL)
    assert (person.is_active, person.has_usable_password(), person.kept_by) == (False, False, w.teams["surgery"].agency)
    assert re.fullmatch(r"\d{6}", code)
    assert invitation.expires_at - timezone.now() <= dt.timedelta(hours=72)
    assert not client.login(username=EMAIL, password="")


def test_one_person_has_one_account_however_the_address_is_written(w):
    first, _code = invite(w)
    second, _code = invite(w, email="PAT.LEE@surgery.example", by="mona")
    assert first.person_id == second.person_id


def test_a_new_invitation_makes_every_earlier_one_worthless_whoever_made_it(client, w):
    first, first_code = invite(w)
    second, second_code = invite(w, by="mona")
    assert as_it_is(first).revoked_at is not None
    assert join(client, first, first_code).status_code == 404
    assert join(client, second, second_code).status_code == 302


def test_whoever_has_joined_before_gets_no_invitation_but_is_told(w, as_clock):
    assert invite(w, email="sam@example.org") == (None, "")
    assert not Invitation.objects.exists()
    with as_clock():
        assert [letter.kind for letter in Letter.objects.filter(person=w.sam)] == [Letter.Kind.SEAT]


def test_a_letter_is_owed_that_holds_no_secret(w, as_clock):
    invitation, _code = invite(w)
    with as_clock():
        letter = Letter.objects.get(person=invitation.person)
        assert (letter.kind, letter.invitation_id) == (Letter.Kind.INVITATION, invitation.pk)


@pytest.mark.parametrize("gone", [{"left_on": dt.date(2026, 1, 1)}, {"last_login": timezone.now()}])
def test_nobody_brings_back_by_invitation_who_left_or_was_stopped(w, gone):
    with factories.as_set_up():
        User.objects.create_user(EMAIL, name="Pat", is_active=False, **gone)
    with pytest.raises(CannotInvite):
        invite(w)


def test_nobody_invites_without_end(w, monkeypatch):
    monkeypatch.setattr(invitations, "MOST_A_DAY", 2)
    for number in range(2):
        invite(w, email=f"pat{number}@surgery.example")
    with pytest.raises(CannotInvite):
        invite(w)
    assert not User.objects.filter(email=EMAIL).exists()
    assert invite(w, by="mona")


# ── the key and the code ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_key_has_256_bits_and_another_purpose_than_the_code(w):
    invitation, code = invite(w)
    key = invitations.key_of(invitation)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", key)
    assert invitation.key_hash == invitations.hash_of(key)
    assert code == invitations.code_of(invitation)
    assert invitations.link(invitation).endswith(f"/invitation/{key}/")


def test_a_link_mailed_before_the_secret_was_changed_still_opens(client, w, settings):
    invitation, code = invite(w)
    key = invitations.key_of(invitation)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-another-secret-another-secret-another"
    assert invitations.key_of(invitation) == key
    assert invitations.code_of(invitation) == code
    assert join(client, invitation, code).status_code == 302


# ── the link ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_scanner_that_fetches_the_link_fifty_times_changes_nothing(client, w, settings):
    invitation, code = invite(w)
    for _ in range(50):
        assert client.get(path_of(invitation)).status_code == 200
        assert client.head(path_of(invitation)).status_code == 200
    with acting_as(w.aisha):
        after = Invitation.objects.get(pk=invitation.pk)
    assert (after.wrong_codes, after.taken_up_at, after.revoked_at) == (0, None, None)
    assert not User.objects.get(email=EMAIL).is_active
    assert settings.SESSION_COOKIE_NAME not in client.cookies
    assert join(client, invitation, code).status_code == 302


def test_the_page_says_who_asks_and_nothing_of_any_child(client, w):
    d = factories.raised(w)
    invitation, code = invite(w)
    text = client.get(path_of(invitation)).content.decode()
    assert "Aisha, Practitioner at Hill Lane Primary School, Safeguarding" in text
    assert "Pat Lee" in text
    for secret in (code, d.reference, "Ash", "thresholds", "Threshold"):
        assert secret not in text


def test_nobody_else_is_told_the_address_of_this_page(client, w):
    invitation, _code = invite(w)
    for path in (path_of(invitation), "/invitation/" + "x" * 43 + "/"):
        assert client.get(path)["Referrer-Policy"] in ("same-origin", "no-referrer")
        assert client.get(path)["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_other_methods_are_refused(client, w, method):
    invitation, _code = invite(w)
    assert getattr(client, method)(path_of(invitation)).status_code == 405


# ── joining ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_with_link_and_code_they_join_hold_the_post_and_are_signed_in(client, w):
    invitation, code = invite(w)
    answer = join(client, invitation, f" {code[:3]} {code[3:]} ", name="Dr Pat Lee")
    assert (answer.status_code, answer["Location"]) == (302, "/desk/")
    person = User.objects.get(email=EMAIL)
    assert (person.is_active, person.name, person.check_password(PASSWORD)) == (True, "Dr Pat Lee", True)
    assert Post.objects.get(pk=w.posts["surgery"].pk).holder == person
    assert client.session["_auth_user_id"] == str(person.pk)
    assert client.session["account_authentication_methods"][-1]["method"] == "password"
    assert as_it_is(invitation).taken_up_at is not None
    assert person.history.first().is_active


def test_a_post_that_is_held_by_now_stays_with_its_holder(client, w):
    invitation, code = invite(w)
    with factories.as_set_up():
        Post.objects.filter(pk=w.posts["surgery"].pk).update(holder=w.nell)
    assert join(client, invitation, code).status_code == 302
    assert Post.objects.get(pk=w.posts["surgery"].pk).holder == w.nell


def test_used_once_it_opens_nothing_any_more(client, w):
    invitation, code = invite(w)
    join(client, invitation, code)
    client.logout()
    assert join(client, invitation, code, name="Somebody Else", new="another good password").status_code == 404
    assert client.get(path_of(invitation)).status_code == 404
    person = User.objects.get(email=EMAIL)
    assert (person.name, person.check_password(PASSWORD)) == ("Pat Lee", True)


def test_a_forwarded_link_without_the_code_is_useless(client, w):
    invitation, code = invite(w)
    for guess in ("", "12345", "abcdef", "1234567", "٠١٢٣٤٥"):
        answer = join(client, invitation, guess)
        assert answer.status_code == 200
    assert as_it_is(invitation).wrong_codes == 0
    answer = join(client, invitation, "000000" if code != "000000" else "111111")
    assert answer.context["form"].errors["code"] == ["That is not the code. Check it with Aisha"]
    assert as_it_is(invitation).wrong_codes == 1
    assert not User.objects.get(email=EMAIL).is_active
    assert "_auth_user_id" not in client.session


def test_after_five_wrong_codes_the_right_one_comes_too_late(client, w):
    invitation, code = invite(w)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    answers = [join(client, invitation, wrong) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 404]
    assert join(client, invitation, code).status_code == 404
    assert invitations.state_of(as_it_is(invitation), timezone.now()) == State.SHUT


def test_the_code_is_not_looked_at_while_anything_else_is_wrong(client, w):
    """Else a bad password would tell right codes from wrong ones, and cost nothing."""
    invitation, code = invite(w)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    said = [join(client, invitation, typed, new="short").context["form"].errors for typed in (code, wrong)]
    assert said[0] == said[1]
    assert as_it_is(invitation).wrong_codes == 0


@pytest.mark.parametrize("answers", [{"new": "short"}, {"new": "passwordpassword"}, {"again": "something else altogether"}, {"name": " "}])
def test_a_weak_password_or_no_name_is_said_at_the_field(client, w, answers):
    invitation, code = invite(w)
    answer = join(client, invitation, code, **answers)
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == list(answers)
    assert not User.objects.get(email=EMAIL).is_active


@pytest.mark.parametrize("typed", ["x" * 100_000, "\x00\x07", "😀" * 50, "\u202eabc", "<script>alert(1)</script>", "a\nb"])
def test_whatever_is_typed_it_is_a_page(client, w, typed):
    invitation, code = invite(w)
    assert client.post(path_of(invitation), {"code": typed, "name": typed, "new": typed, "again": typed}).status_code == 200
    assert join(client, invitation, code, name=typed).status_code in (200, 302)


def test_whoever_is_signed_in_joins_by_nobodys_invitation(client, w):
    invitation, code = invite(w)
    client.force_login(w.sam)
    assert join(client, invitation, code).status_code == 200
    assert not User.objects.get(email=EMAIL).is_active
    assert "You are signed in already" in client.get(path_of(invitation)).content.decode()


def test_whoever_their_organisation_answers_for_gives_the_code_and_no_password(client, w, monkeypatch):
    invitation, code = invite(w)
    arrival = organisation.Arrival(str(invitation.person_id), "school", "p1", None, 0.0)
    signed_in = []
    monkeypatch.setattr(organisation, "arrived", lambda request, person: arrival if person == invitation.person else None)
    monkeypatch.setattr(organisation, "finish", lambda request, person, *rest: signed_in.append((person, *rest)) or redirect("/desk/"))
    assert 'type="password"' not in client.get(path_of(invitation)).content.decode()
    assert client.post(path_of(invitation), {"code": f"{(int(code) + 1) % 1_000_000:06d}", "name": "Pat Lee"}).status_code == 200
    assert signed_in == []
    assert client.post(path_of(invitation), {"code": code, "name": "Pat Lee"}).status_code == 302
    person = User.objects.get(email=EMAIL)
    assert (person.is_active, person.has_usable_password()) == (True, False)
    assert signed_in == [(person, arrival, "/desk/")]


# ── what opens nothing looks alike ──────────────────────────────────────────────────────────────────────────────────


def test_used_run_out_withdrawn_shut_unknown_and_malformed_are_one_page(client, w):
    used, code = invite(w, email="a@surgery.example")
    join(client, used, code)
    client.logout()
    run_out, _code = invite(w, email="b@surgery.example", post=None, now=timezone.now() - dt.timedelta(hours=72))
    withdrawn, _code = invite(w, email="c@surgery.example", post=None)
    with acting_as(w.aisha):
        invitations.withdraw(withdrawn, timezone.now())
    shut, code = invite(w, email="d@surgery.example", post=None)
    for _ in range(5):
        join(client, shut, f"{(int(code) + 1) % 1_000_000:06d}")
    paths = [path_of(one) for one in (used, run_out, withdrawn, shut)]
    paths += ["/invitation/" + "A" * 43 + "/", "/invitation/x/", "/invitation/%00/", "/invitation/" + "y" * 5000 + "/", "/invitation/é/"]
    answers = [client.get(path) for path in paths] + [client.post(path, {"code": "123456"}) for path in paths]
    assert {answer.status_code for answer in answers} == {404}
    assert len({page(answer) for answer in answers}) == 1
    assert "ask whoever invited you to invite you again" in page(answers[0])


def test_it_lasts_72_hours_and_no_longer(w):
    now = timezone.now()
    nearly, _code = invite(w, now=now - dt.timedelta(hours=71, minutes=58))
    assert invitations.open_invitation(invitations.key_of(nearly)) == nearly
    over, _code = invite(w, now=now - dt.timedelta(hours=72))
    assert invitations.open_invitation(invitations.key_of(over)) is None


# ── the database ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_neither_key_nor_code_is_anywhere_in_the_database(client, w, superuser_dsn):
    invitation, code = invite(w)
    client.get(path_of(invitation))
    client.force_login(w.aisha)
    client.get(reverse("invitation-code", args=[invitation.pk]))
    key = invitations.key_of(invitation)
    with factories.as_set_up(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables USING (table_name, table_schema)"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
            " AND data_type IN ('text', 'character varying', 'json', 'jsonb', 'bytea', 'ARRAY')"
        )
        columns = cursor.fetchall()
        assert len(columns) > 100
        for table, column in columns:
            cursor.execute(f'SELECT count(*) FROM "{table}" WHERE "{column}"::text LIKE %s OR "{column}"::text = %s', [f"%{key}%", code])
            assert cursor.fetchone() == (0,), f"{table}.{column}"


def test_without_the_key_the_web_activates_nobody(w):
    """Whoever can run SQL as the web, but has no key: not signed in, or signed in as whoever invited."""
    invitation, _code = invite(w)
    for actor, key_hash in ((None, ""), (None, "0" * 64), (w.aisha, ""), (w.mona, "")):
        with contextlib.suppress(DatabaseError), transaction.atomic(), acting_as(actor), invited_by_key(key_hash):
            assert User.objects.filter(pk=invitation.person_id).update(is_active=True) == 0
        assert not User.objects.get(pk=invitation.person_id).is_active


def test_the_key_opens_its_own_account_and_no_other(w):
    invitation, _code = invite(w)
    other, _code = invite(w, email="other@surgery.example", post=None)
    with pytest.raises(DatabaseError), acting_as(None), invited_by_key(invitation.key_hash):
        User.objects.filter(pk=other.person_id).update(is_active=True)
    with acting_as(None), invited_by_key(invitation.key_hash):
        assert Post.objects.filter(pk=w.posts["sam"].pk).update(holder=invitation.person_id) == 0
        assert User.objects.filter(pk=invitation.person_id).update(is_active=True) == 1


def test_an_invitation_that_ran_out_or_was_withdrawn_activates_nobody_in_the_database_either(w):
    run_out, _code = invite(w, now=timezone.now() - dt.timedelta(hours=73))
    with pytest.raises(DatabaseError), acting_as(None), invited_by_key(run_out.key_hash):
        User.objects.filter(pk=run_out.person_id).update(is_active=True)
    withdrawn, _code = invite(w)
    with acting_as(w.aisha):
        invitations.withdraw(withdrawn, timezone.now())
    with pytest.raises(DatabaseError), acting_as(None), invited_by_key(withdrawn.key_hash):
        User.objects.filter(pk=withdrawn.person_id).update(is_active=True)


def test_only_whoever_invited_reads_an_invitation(w):
    invitation, _code = invite(w)
    for person in (None, w.mona, w.stranger, w.chair):
        with acting_as(person):
            assert not Invitation.objects.filter(pk=invitation.pk).exists()


def test_nobody_invites_in_anothers_name(w):
    first, _code = invite(w)
    with pytest.raises(DatabaseError), transaction.atomic(), acting_as(w.mona):
        Invitation.objects.create(
            person=first.person, invited_by=w.aisha, key_hash="k", code_hash="c", expires_at=timezone.now() + dt.timedelta(hours=1)
        )


# ── invitations of mine ─────────────────────────────────────────────────────────────────────────────────────────────


def test_i_see_whom_i_invited_and_whether_they_joined(client, w):
    joined, code = invite(w)
    join(client, joined, code)
    client.logout()
    invite(w, email="b@surgery.example", name="Bo", post=None)
    invite(w, by="mona", email="c@surgery.example", name="Cy", post=None)
    client.force_login(w.aisha)
    text = client.get("/account/invitations/").content.decode()
    assert all(said in text for said in ("Pat Lee", "Bo", "Joined", "Not joined yet"))
    assert "Cy" not in text


def test_as_many_queries_for_many_invitations_as_for_one(client, w, django_assert_max_num_queries):
    client.force_login(w.aisha)
    counts = []
    for number in range(6):
        invite(w, email=f"p{number}@surgery.example", post=None)
        if number in (0, 5):
            with django_assert_max_num_queries(40) as made:
                client.get("/account/invitations/")
            counts.append(len(made))
    assert counts[0] == counts[1]


def test_the_code_is_shown_to_whoever_invited_and_for_ten_minutes(client, w):
    invitation, code = invite(w)
    shown = reverse("invitation-code", args=[invitation.pk])
    client.force_login(w.aisha)
    assert f"{code[:3]} {code[3:]}" in client.get(shown).content.decode()
    client.force_login(w.mona)
    assert client.get(shown).status_code == 404
    later = timezone.now() + dt.timedelta(minutes=11)
    assert not invitations.shows_code(as_it_is(invitation), later)


def test_invited_again_there_is_a_new_link_and_a_new_code(client, w):
    first, code = invite(w)
    client.force_login(w.aisha)
    answer = client.post(reverse("invite-again", args=[first.pk]))
    with acting_as(w.aisha):
        second = Invitation.objects.exclude(pk=first.pk).get()
    assert answer["Location"] == reverse("invitation-code", args=[second.pk])
    assert second.post == w.posts["surgery"]
    client.logout()
    assert join(client, first, code).status_code == 404
    assert join(client, second, invitations.code_of(second)).status_code == 302


def test_withdrawn_nobody_joins_by_it(client, w):
    invitation, code = invite(w)
    client.force_login(w.aisha)
    assert client.post(reverse("withdraw-invitation", args=[invitation.pk])).status_code == 302
    client.logout()
    assert join(client, invitation, code).status_code == 404


@pytest.mark.parametrize("name", ["invite-again", "withdraw-invitation"])
def test_somebody_elses_invitation_is_as_if_absent(client, w, name):
    invitation, code = invite(w)
    client.force_login(w.mona)
    assert client.post(reverse(name, args=[invitation.pk])).status_code == 404
    assert client.get(reverse(name, args=[invitation.pk])).status_code == 405
    client.logout()
    assert join(client, invitation, code).status_code == 302


def test_inviting_again_forgets_a_post_that_somebody_holds_meanwhile(w):
    first, _code = invite(w)
    with factories.as_set_up():
        w.posts["surgery"].holder = w.stranger
        w.posts["surgery"].save()
    with acting_as(w.aisha):
        first.refresh_from_db()
        again, _code = invitations.invite_again(first, w.aisha, timezone.now())
    assert (again.person, again.post) == (first.person, None)


def test_a_post_of_a_manager_is_for_its_administrator_to_give(w):
    with factories.as_set_up():
        w.posts["surgery"].level = 1
        w.posts["surgery"].save()
    with pytest.raises(DatabaseError, match="row-level"), transaction.atomic():
        invite(w)
