"""Mediation, agreement and learning, walked by the people concerned in real browsers: the referral to the Chair, the private threads, the
joint session and its calendar file, the outcome that both confirm, and what is learnt, decided, told back, talked over and written down."""

from __future__ import annotations

import datetime as dt
from typing import Any

import icalendar
import pytest
from django.utils import timezone

from accounts.models import Appointment
from learning.models import Debrief, Subgroup
from procedure.calendars import shipped
from tests import factories
from tests.conftest import wait_until
from tests.journeys.conftest import Person, Site

ONLY_OURS = "we could live with a visit every fortnight"  # said to the Chair alone
FOR_MYSELF = "I went quiet when the manager spoke"  # said to nobody


@pytest.fixture
def site(site: Site) -> Site:
    """A disagreement that has gone up the line, and a subgroup that learns from those that ended."""
    w = site.world
    w.people["cass"] = factories.person("Cass", kept_for=w.partnership)
    with factories.as_set_up():
        Subgroup.objects.create(partnership=w.partnership, name="Quality assurance group")
        Appointment.objects.create(partnership=w.partnership, person=w.cass, office="subgroup", starts_on=dt.date(2020, 1, 1))
    d = factories.up_the_line(w)
    factories.move(d, "answer", w.hal)
    site.path = f"/disagreements/{d.reference}/"
    return site


def day(field: str, when: dt.datetime | dt.date, time: str = "") -> dict[str, str]:
    parts = {f"{field}_day": str(when.day), f"{field}_month": str(when.month), f"{field}_year": str(when.year)}
    return parts | ({f"{field}_time": time} if time else {})


def calendar_file(person: Person) -> Any:
    with person.page.expect_download() as downloading:
        person.page.locator('a[href$="session.ics"]').first.click()
    return icalendar.Calendar.from_ical(downloading.value.path().read_bytes())


def test_from_the_referral_to_the_chair_to_a_page_of_ones_own_log(site: Site) -> None:
    # The managers ask the Chair; the Chair asks for more, reads what each side would accept, and accepts.
    ian, hal = site.person("ian"), site.person("hal")
    ian.make("ask_the_chair", our_position="An assessment is needed", would_accept="A dated joint visit")
    chair = site.person("chair")
    chair.sees("Ash")
    chair.make("ask_for_more", question="What would each of you accept?")
    hal.go("/desk/")
    hal.sees("Ash")
    hal.make("answer_the_chair", answer="The threshold is not met", would_accept="A visit by the school nurse")
    chair.go(site.path)
    chair.sees("A dated joint visit")
    chair.sees("A visit by the school nurse")
    chair.make("accept_mediation", offer="An hour with both of you")
    chair.make("name_mediator", {"person": str(site.world.people["noor"].pk)}, no_stake="Noor manages another trust")

    # Each side has a private thread with whoever mediates; the other side has not.
    ian.go(f"{site.path}with-the-chair/")
    ian.write(text=ONLY_OURS)
    ian.send()
    noor = site.person("noor")
    noor.go(f"{site.path}with-each-side/raising/")
    noor.sees(ONLY_OURS)
    noor.write(text="Thank you, I shall keep that between us")
    noor.send()
    hal.go(f"{site.path}with-the-chair/")
    hal.does_not_see(ONLY_OURS)
    assert hal.page.goto(f"{site.url}{site.path}with-each-side/raising/").status == 404

    # A joint session both accept, and a calendar file that names no child.
    first, ahead = (shipped().add_working_days(timezone.localdate(), days) for days in (5, 6))
    noor.make(
        "propose_session",
        {"minutes": "60"},
        **day("date_1", first, "10am"),
        **day("date_2", ahead, "2pm"),
        place="Room 4",
        agenda="What Ash says; what each of us would accept",
    )
    for side in (ian, hal):
        side.go(site.path)
        side.sees("Your move")
        side.go(f"{site.path}answer-session/")
        side.page.locator("input[name=dates]").nth(1).check()
        side.choose(child_safe="yes")
        side.send()
    wait_until(lambda: [mail for mail in site.mails_to("hal") if mail.is_multipart()], what="a mail with a calendar file")
    [event] = calendar_file(hal).walk("VEVENT")
    assert timezone.localtime(event.decoded("DTSTART")).hour == 14
    for words in ("Ash", "Room 4", ONLY_OURS):
        assert words not in event.to_ical().decode()
    chair.go("/desk/")
    chair.sees("session")

    # What was agreed is offered, and counts when both have confirmed that very version.
    noor.make(
        "record_mediation", attended="Ian, Hal and Noor", mediation="Both heard each other", may_share="That a visit is planned", **now()
    )
    noor.make("propose_outcome", {"kind_of_outcome": "compromise"}, outcome="A joint visit by Friday")
    ian.make("confirm_outcome")
    hal.make("propose_outcome", {"kind_of_outcome": "compromise"}, outcome="A joint visit by Thursday")  # an edit voids what was confirmed
    ian.go(f"{site.path}versions/")
    ian.sees("Thursday")
    ian.make("confirm_outcome")
    ian.sees("Resolved")

    # What others can learn goes to the representative, the subgroup, and back to who raised it.
    aisha = site.person("aisha")
    aisha.go(f"{site.path}closing-questions/")
    answers = {"worker_satisfied": "yes", "agency_satisfied": "yes", "general_issue": "yes", "about": "threshold", "debrief": "yes"}
    aisha.write(issue="Ash waited because outcome letters give no reasons")
    aisha.choose(**answers, child_safe="yes")
    aisha.send()
    aisha.sees("Ash")  # marked: it may identify somebody; nothing is lost
    aisha.write(issue="Outcome letters give no reasons")
    aisha.send()
    assert aisha.page.url.endswith(site.path), aisha.text()
    rep = site.person("rep")
    rep.go("/learning/points/")
    rep.sees("Outcome letters give no reasons")
    rep.does_not_see("Ash")
    rep._click(rep.page.locator('main a[href^="/learning/points/"]').first)
    rep.page.locator("input[name=where]").first.check()
    rep.send()
    cass = site.person("cass")
    wait_until(lambda: site.mails_to("cass"), what="a mail to the subgroup")
    cass.go("/learning/themes/new/")
    cass.write(title="Letters without reasons", summary="Who refers does not learn why it was closed")
    cass.choose(about="threshold")
    cass.page.locator("input[name=points]").first.check()
    cass.send()
    theme = cass.page.url.removeprefix(site.url)
    cass.go(f"{theme}decide/")
    cass.choose(kind="guidance")
    cass.write(what="A template for outcome letters")
    cass.send()
    cass.sees("There is a problem")  # without an owner; what was typed is still there
    assert cass.page.locator("[name=what]").input_value() == "A template for outcome letters"
    cass.choose(owner=str(site.world.people["cass"].pk))
    cass.write(**day("due_on", timezone.localdate() + dt.timedelta(days=30)))
    cass.send()
    cass._click(cass.page.locator('main a[href^="/learning/done/"]').first)
    cass.write(what_changed="Every outcome letter now says why", evidence="Ten letters read in May", **day("done_on", timezone.localdate()))
    cass.send()
    wait_until(lambda: len(site.mails_to("aisha")) and told_back(site), what="that it was told back")
    aisha.go("/learning/")
    aisha.sees("Every outcome letter now says why")
    aisha.sees("You raised this")

    # A debrief for both sides, with a joint note that only they read.
    office = site.person("office")
    office.go("/debriefs/")
    office._click(office.page.locator('main a[href^="/debriefs/arrange/"]').first)
    for name in ("aisha", "sam"):
        office.page.locator(f'input[name=people][value="{site.world.people[name].pk}"]').check()
    office.write(**day("starts_at", ahead, "3pm"), place="Town Hall", facilitator="Noor")
    office.send()
    sam = site.person("sam")
    for who in (aisha, sam):
        who.go("/debriefs/")
        who._click(who.page.locator('main a[href^="/debriefs/"]').first)
        who.choose(answer="yes")
        who.send()
    with factories.acting_as(site.world.office):
        Debrief.objects.update(starts_at=timezone.now() - dt.timedelta(hours=2))
    aisha.go("/debriefs/")
    aisha._click(aisha.page.locator('main a[href^="/debriefs/"]').first)
    debrief = aisha.page.url.removeprefix(site.url)
    aisha.go(f"{debrief}note/")
    aisha.write(text="We speak sooner next time")
    aisha.send()
    sam.go(debrief)
    sam.sees("We speak sooner next time")
    office.go(debrief)
    office.does_not_see("We speak sooner next time")

    # And what is one's own stays one's own.
    aisha.go("/log/new/")
    aisha.write(title="Going up the line", style=FOR_MYSELF, **day("on", timezone.localdate()))
    aisha.page.locator("input[name=areas][value=raising]").check()
    aisha.send()
    aisha.go("/log/")
    aisha.sees("Going up the line")
    for address, beginning in (("log.csv", b"\xef\xbb\xbf"), ("log.pdf", b"%PDF")):
        with aisha.page.expect_download() as downloading:
            aisha.page.locator(f'main a[href$="{address}"]').first.click()
        assert downloading.value.path().read_bytes().startswith(beginning)
    told = [part.get_payload(decode=True).decode() for mail in site.mails for part in mail.walk() if not part.is_multipart()]
    for words in ("Ash", ONLY_OURS, FOR_MYSELF, "Room 4", "Outcome letters", "outcome letter", "joint visit"):
        assert [text for text in told if words in text] == [], words


def told_back(site: Site) -> bool:
    return any("changed" in str(mail["Subject"]).lower() or "raised" in str(mail["Subject"]).lower() for mail in site.mails_to("aisha"))


def now() -> dict[str, str]:
    then = timezone.localtime()
    return day("happened_at", then, f"{then:%H:%M}")
