"""People walk the whole procedure in a real browser, against a real site."""

from __future__ import annotations

import pytest

from tests.conftest import wait_until
from tests.journeys.conftest import REFERENCE, Person, Site

SECRET = "two terms of neglect not weighed"  # words of the case: never to be found in a mail


def raise_it(aisha: Person, *, at_risk: bool = False) -> None:
    """Seven questions, check, send: Aisha at the school disagrees with Sam at the front door."""
    site = aisha.site
    aisha.go("/disagreements/new/")
    aisha.press("Start")
    aisha.choose(procedure="none")
    aisha.press("Continue")
    aisha.write(pseudonym_1="Ash", reference_1="HL-204", child_says="Ash says home is cold")
    aisha.choose(age_band_1="5_10")
    aisha.press("Continue")
    aisha.write(decision="The referral was closed without an assessment")
    aisha.choose(category="thresholds")
    aisha.press("Continue")
    aisha.write(why_unsafe=SECRET, outcome_wanted="A section 17 assessment")
    aisha.press("Continue")
    aisha.choose(risk="yes" if at_risk else "unsure")
    aisha.press("Continue")
    if at_risk:
        aisha.sees("999")
        aisha.choose(start="higher")
        aisha.page.locator('[name="called"]').check()
        aisha.write(higher_reason="Ash may be hurt tonight", done_first="Called the front door")
        aisha.press("Continue")
    aisha.choose(team=str(site.world.teams["social_care"].pk))
    aisha.press("Continue")
    aisha.choose(place=str(site.world.posts["sam"].pk))
    aisha.press("Continue")
    aisha.write(consulted="Talked it through with the head")
    aisha.press("Continue")
    aisha.sees("Check your answers")
    aisha.sees(SECRET)
    aisha.press("Send the disagreement")
    found = REFERENCE.search(aisha.page.url.removeprefix(site.url))
    assert found, aisha.text()
    site.path = found.group()
    aisha.sees(site.path.split("/")[2])


def no_words_in_mails(site: Site) -> None:
    for mail in site.mails:
        assert SECRET not in str(mail)
        assert "Ash" not in str(mail)


def test_the_whole_ladder_from_recognition_to_resolved_through_the_chair_by_seven_people(site: Site) -> None:
    aisha = site.person("aisha")
    raise_it(aisha)
    wait_until(lambda: site.mails_to("sam"), what="a mail to Sam")

    sam = site.person("sam")
    sam.sees("Ash")
    sam.go(site.path)
    sam.sees("Your move")
    sam.make("match_child", reference_1="SC-77")
    sam.make("answer", view="Below the threshold", reasons="Nothing new since March")

    aisha.go("/desk/")
    aisha.sees("Ash")
    aisha.go(site.path)
    aisha.sees("Below the threshold")
    aisha.make("record_discussion", {"how": "phone"}, who="Aisha and Sam", said="We still differ", **just_now())
    aisha.make("refer_to_line_manager", unresolved="We still differ about the threshold")

    mona = site.person("mona")
    mona.sees("Ash")
    mona.go(site.path)
    mona.sees("Your move")
    mona.make("answer", view="I support Sam", reasons="The guidance is clear")
    grace = site.person("grace")
    grace.make("pass_up_the_line", unresolved="The managers differ too")

    hal = site.person("hal")
    hal.make("answer", view="We have no capacity", reasons="Waiting list", offer="A joint visit")
    ian = site.person("ian")
    ian.make("ask_the_chair", our_position="An assessment is needed", would_accept="A dated joint visit")

    chair = site.person("chair")
    chair.sees("Ash")
    chair.go(site.path)
    chair.sees(SECRET)  # both positions …
    chair.does_not_see("We still differ")  # … and not the whole record until accepting
    chair.make("accept_mediation", offer="I will meet both on Thursday")
    chair.sees("We still differ")
    chair.make("record_mediation", attended="Ian, Hal, the Chair", mediation="Both heard each other", **just_now())

    hal.make("propose_outcome", outcome="A joint visit by Friday, then an assessment")
    ian.go(site.path)
    ian.sees("A joint visit by Friday, then an assessment")
    ian.make("confirm_outcome")
    ian.sees("Resolved")

    aisha.go("/desk/")
    aisha.sees("at risk")  # 23.11: the raiser is always asked
    aisha.make("say_still_at_risk", {"still_at_risk": "no"}, safe="yes")
    wait_until(lambda: site.mails_to("chair") and site.mails_to("ian"), what="mails to Chair and Ian")
    no_words_in_mails(site)
    stranger = site.person("stranger")
    assert stranger.page.goto(site.url + site.path).status == 404
    assert "Ash" not in stranger.text()


def test_it_is_resolved_between_practitioners_after_an_edit_voided_a_confirmation(site: Site) -> None:
    aisha = site.person("aisha")
    raise_it(aisha)
    sam = site.person("sam")
    sam.make("cannot_tell_which_child", missing="Two children fit")
    aisha.make("say_which_child", how_told="By phone to the front door")
    sam.make("match_child", reference_1="SC-77")
    sam.make("answer", view="You are right", reasons="We read the chronology together")
    sam.make("propose_outcome", outcome="Assessment opened today")
    aisha.make("propose_outcome", outcome="Assessment opened today; feedback by Friday")
    sam.go(site.path)
    sam.sees("Assessment opened today; feedback by Friday")
    sam.make("confirm_outcome")
    sam.sees("Resolved")
    sam.go(f"{site.path}closing-questions/")
    sam.does_not_see("Page not found")
    aisha.go(site.path)
    aisha.sees("Resolved")
    no_words_in_mails(site)


def test_a_child_at_immediate_risk_starts_with_the_line_managers(site: Site) -> None:
    aisha = site.person("aisha")
    raise_it(aisha, at_risk=True)
    aisha.go(site.path)
    aisha.sees("Line manager")
    mona = site.person("mona")
    mona.sees("Ash")
    mona.go(site.path)
    mona.sees("immediate risk")
    mona.make("match_child", reference_1="SC-77")
    mona.make("answer", view="We act tonight", reasons="The risk is clear", safe="unsure")
    grace = site.person("grace")
    grace.make("propose_outcome", outcome="Strategy discussion tonight")
    mona.make("confirm_outcome")
    mona.sees("Resolved")
    wait_until(lambda: site.mails_to("grace") and site.mails_to("mona"), what="mails to both line managers")
    no_words_in_mails(site)


def test_two_managers_at_once_one_wins_and_the_other_keeps_their_words(site: Site) -> None:
    aisha, sam = site.person("aisha"), site.person("sam")
    raise_it(aisha)
    sam.make("match_child", reference_1="SC-77")
    sam.make("answer", view="Below the threshold", reasons="Nothing new")
    aisha.go(f"{site.path}propose-outcome/")
    aisha.write(outcome="Words that must not be lost")
    sam.make("propose_outcome", outcome="A joint visit")
    aisha.choose(child_safe="yes")
    aisha.send()
    aisha.sees("Sam")
    assert aisha.page.locator('[name="outcome"]').input_value() == "Words that must not be lost"
    aisha.send()
    aisha.sees("Words that must not be lost")


@pytest.mark.parametrize("path", ["/sign-in/", "/how-to-disagree/", "/accessibility/", "/privacy/"])
def test_public_pages_need_no_sign_in(site: Site, path: str) -> None:
    person = Person(site, site.new_page())
    person.go(path)
    assert person.page.url == site.url + path or path == "/how-to-disagree/"


def just_now() -> dict[str, str]:
    """The day and time of a talk that has just ended, as the date boxes want it: no talk lies before the raising."""
    from django.utils import timezone

    now = timezone.localtime()
    return {
        "happened_at_day": str(now.day),
        "happened_at_month": str(now.month),
        "happened_at_year": str(now.year),
        "happened_at_time": f"{now:%H:%M}",
    }
