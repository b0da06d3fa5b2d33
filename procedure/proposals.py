"""How a policy comes into force: one person of the office proposes it from a day, a second one puts it in force or refuses."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.db import connection
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts.models import Partnership, User
from pages import times
from procedure.models import Policy, Proposal
from procedure.policy import PolicyErrors, load


class NotNow(Exception):
    """It cannot be done; carries a sentence for the person."""


def midnight(day: dt.date) -> dt.datetime:
    """The moment at which this day begins on a clock in London."""
    return dt.datetime.combine(day, dt.time(), tzinfo=times.LONDON)


def propose(partnership: Partnership, text: str, day: dt.date, by: User) -> Proposal:
    """Asks a second person. Sent twice, it is asked once."""
    same = Proposal.objects.filter(partnership=partnership, in_force_from=midnight(day), proposed_by=by, text=text)
    waiting = same.filter(approved_at=None, refused_at=None, withdrawn_at=None).first()
    return waiting or Proposal.objects.create(partnership=partnership, text=text, in_force_from=midnight(day), proposed_by=by)


def why_not_approve(proposal: Proposal, by: User, now: dt.datetime) -> str:
    """Why this person may not put it in force now, or ""."""
    if not proposal.is_waiting:
        return _("It has been decided already.")
    if proposal.proposed_by_id == by.pk:
        return _("You proposed it, so a second person puts it in force.")
    if is_late(proposal, now):
        return _("Its day has passed. Refuse it, and propose it again from a later day.")
    try:
        load(proposal.text)
    except PolicyErrors:
        return _("Accord finds mistakes in it that it did not look for when it was proposed. Refuse it, and propose it again.")
    return ""


def is_late(proposal: Proposal, now: dt.datetime) -> bool:
    """Whether the day from which it was to hold lies behind us."""
    return times.local_day(proposal.in_force_from) < times.local_day(now)


def approve(pk: UUID, by: User, now: dt.datetime) -> Policy:
    """Puts it in force as the next version. Asked twice by the same person, it answers with the version it became."""
    proposal = Proposal.objects.get(pk=pk)
    if proposal.approved_by_id == by.pk:
        return proposal.policy
    _one_at_a_time(proposal.partnership_id)
    proposal = _waiting(pk)
    if why := why_not_approve(proposal, by, now):
        raise NotNow(why)
    proposal.approved_by, proposal.approved_at = by, now
    proposal.save(update_fields=["approved_by", "approved_at"])
    latest = Policy.objects.filter(partnership=proposal.partnership_id).aggregate(latest=Max("version"))["latest"] or 0
    return Policy.objects.create(
        partnership_id=proposal.partnership_id,
        version=latest + 1,
        in_force_from=proposal.in_force_from,
        text=proposal.text,
        proposal=proposal,
    )


def refuse(pk: UUID, by: User, reason: str, now: dt.datetime) -> None:
    """Somebody else than the proposer says no, and why."""
    proposal = _waiting(pk)
    if proposal.proposed_by_id == by.pk:
        raise NotNow(_("You proposed it. Withdraw it instead."))
    proposal.refused_by, proposal.refused_at, proposal.reason = by, now, reason
    proposal.save(update_fields=["refused_by", "refused_at", "reason"])


def take_back(pk: UUID, by: User, now: dt.datetime) -> None:
    proposal = _waiting(pk)
    if proposal.proposed_by_id != by.pk:
        raise NotNow(_("Only the person who proposed it can withdraw it."))
    proposal.withdrawn_at = now
    proposal.save(update_fields=["withdrawn_at"])


def _waiting(pk: UUID) -> Proposal:
    """Locked, so that two people who decide at once are not both believed."""
    found = Proposal.objects.select_for_update().filter(pk=pk, approved_at=None, refused_at=None, withdrawn_at=None).first()
    if found is None:
        raise NotNow(_("It has been decided already."))
    return found


def _one_at_a_time(partnership: UUID) -> None:
    """Versions of a partnership follow each other: whoever puts the next one in force waits here for the one before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"policy {partnership}"])
