"""The door: the one place where a disagreement changes.

A move writes rows only, in one transaction: the disagreement, one entry of the record with its words, history rows, the seats it
opens, the clocks it starts and stops, the notices it owes. No mail is sent and no task is queued here.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.acting import because_of
from accounts.models import Post, Team, User
from disputes.disagreement import EMERGENCY, breakable
from disputes.models import Child, ChildReference, Disagreement, Draft, Entry, Exclusion, OutstandingIssue, Seat, Side, Text
from disputes.record import commitment, new_salt
from disputes.seats import Actor, Standing
from disputes.stages import OPEN, Capacity, ChildSafe, SideKind
from escalation import clocks, effects, limits, notices, seating
from escalation.models import Clock
from escalation.refusals import MoveRefused, Overtaken, SentBefore
from procedure.models import Policy


@dataclass(frozen=True)
class Given:
    """What a person gave with a move. `words` go to the insert-only texts, `facts` hold choices, ids and dates only."""

    words: dict[str, str] = field(default_factory=dict)  # field -> text; empty ones are not kept
    facts: dict[str, Any] = field(default_factory=dict)
    child_safe: str = ""  # one of ChildSafe (23.5)
    happened_at: dt.datetime | None = None  # None: now
    references: dict[int, str] = field(default_factory=dict)  # child's number -> the side's own reference
    recorded_for: UUID | None = None  # the side for which somebody else records
    corrects: UUID | None = None


@dataclass(frozen=True)
class NewChild:
    """A child as the raiser names it: pseudonym, age band, and the raiser's own reference (may be empty)."""

    pseudonym: str
    age_band: str
    reference: str = ""


def make(disagreement_id: UUID, move: str, *, by: User, given: Given, seen: int, key: UUID, now: dt.datetime) -> Entry:
    """Make one move: stage, step, clocks, seats, entry, history and notices commit together or not at all.

    `by` is the acting person (see accounts.acting). `seen` is the move version of the page they looked at; notes do not need it.
    `key` makes a repeated post harmless: the first entry is answered again. `now` is aware; the record's own time comes from the
    database. Raises MoveRefused (not open to this person) and Overtaken (someone moved first; carries their entry).
    """
    with transaction.atomic():
        disagreement = _locked(disagreement_id)
        if done := Entry.objects.filter(disagreement=disagreement, person=by, key=key).first():
            if done.kind != move or not _says_the_same(done, given):
                raise SentBefore
            return done
        disagreement.standing = Standing.of(disagreement, now)
        actor = disagreement.standing.actor(by)
        is_note = Disagreement.is_note(move) if move in Disagreement.move_names() else False
        if not is_note and disagreement.move_version != seen:
            raise Overtaken(latest_move(disagreement))
        if move not in {open_move.name for open_move in disagreement.open_moves(actor)}:
            raise MoveRefused(_("That is not open to you now."))
        _check_given(disagreement, move, given)
        return _write(disagreement, move, actor, given, key, now, is_note=is_note)


def raise_disagreement(
    draft: Draft, *, by: User, given: Given, team: Team, post: Post | None, children: list[NewChild], now: dt.datetime
) -> Entry:
    """Send a draft: makes the disagreement and its first entry. The draft's id is the key; sending twice answers the first entry.

    `team` is the team asked, `post` the place in it (None: nobody there is on the system, or whoever holds a practitioner's post).
    `given.facts` holds category, at_immediate_risk, start_higher and the posts of supporters. Raises MoveRefused when the draft's
    author cannot raise it (no post, same team on both sides).
    """
    with transaction.atomic():
        fresh = Draft.objects.select_related("post__team", "partnership").select_for_update(of=("self",)).filter(pk=draft.pk)
        locked = fresh.first()  # the same draft posted twice waits here for itself
        if done := Entry.objects.filter(person=by, key=draft.pk, kind="send").first():
            return done
        policy = Policy.objects.in_force(draft.partnership)
        if locked is None or locked.author_id != by.pk:
            raise MoveRefused(_("Only its author can send a draft."))
        draft = locked
        _check_raising(draft, by, given, team, post, policy)
        urgent = bool(given.facts.get("at_immediate_risk"))
        times = {name: _moment(given.facts.get(name)) for name in ("decision_at", "disputed_act_at", "needed_by")}
        disagreement = Disagreement(
            partnership=draft.partnership,
            policy=policy,
            category=given.facts["category"],
            raised_by=by,
            raised_from=draft.post,
            at_immediate_risk=urgent,
            step=_first_step(policy, urgent=urgent, start_higher=bool(given.facts.get("start_higher"))),
            track=_track(policy, given.facts.get("track", ""), urgent=urgent),
            **times,
        )
        entry_id = uuid.uuid4()
        with because_of(entry_id):
            disagreement.save(force_insert=True)
            own, other = (
                Side.objects.create(partnership=draft.partnership, disagreement=disagreement, kind=kind, team=side_team, post=side_post)
                for kind, side_team, side_post in (
                    (SideKind.RAISING, draft.post.team, draft.post),
                    (SideKind.RESPONDING, team, post),
                )
            )
            first = Seat.objects.create(
                partnership=draft.partnership,
                disagreement=disagreement,
                side=own,
                person=by,
                post=draft.post,
                capacity=Capacity.RAISER,
                step=1,
                starts_at=now,
                opened_by=entry_id,
            )
            for number, child in enumerate(children, start=1):
                row = Child.objects.create(
                    partnership=draft.partnership,
                    disagreement=disagreement,
                    number=number,
                    pseudonym=child.pseudonym,
                    age_band=child.age_band,
                )
                if child.reference:
                    ChildReference.objects.create(
                        partnership=draft.partnership, disagreement=disagreement, side=own, child=row, reference=child.reference
                    )
        disagreement = _locked(disagreement.pk)
        disagreement.standing = Standing(disagreement, now, seats=[first], sides=[own, other])
        addressed = {"raising_team": str(own.team_id), "raising_post": str(own.post_id), "team": str(team.pk)}
        addressed |= {"post": str(post.pk)} if post else {}
        given = replace(given, facts={**given.facts, **addressed})  # who was addressed stands in the chain
        entry = _write(disagreement, "send", Actor(by, (first,)), given, draft.pk, now, is_note=False, entry_id=entry_id)
        draft.delete()
        return entry


def _first_step(policy: Policy, *, urgent: bool, start_higher: bool) -> int:
    stage = policy.document.urgency.may_start_at
    return policy.ladder.first_step_of(stage) if urgent and start_higher and stage else 1


def _track(policy: Policy, chosen: str, *, urgent: bool) -> str:
    """The urgent track chosen, or the one the policy keeps for a child at immediate risk."""
    tracks = policy.document.urgency.tracks
    if chosen and chosen not in {track.key for track in tracks}:
        raise MoveRefused(_("Choose how urgent it is."))
    return chosen or next((track.key for track in tracks if track.immediate_risk and urgent), "")


def _moment(value: str | None) -> dt.datetime | None:
    """A moment as facts keep it: ISO with its offset. None where nothing was said."""
    return dt.datetime.fromisoformat(value) if value else None


def reach_limit(clock_id: UUID, *, now: dt.datetime) -> Entry | None:
    """What the clock notices: the limit of a step is reached. Never changes stage or step; tells, and seats the next managers.

    What is late inside a step (an acknowledgement, a meeting, a confirmation) is recorded as that, and opens no way up.
    Returns None when it has been noticed already, or the clock has stopped. Runs in the clock's role.
    """
    about = Clock.objects.filter(pk=clock_id).values_list("about", flat=True).first()
    return _notice_by_clock(clock_id, "reach_inner_limit" if about in limits.INNER else "reach_limit", now)


def reach_last_chaser(clock_id: UUID, *, now: dt.datetime) -> Entry | None:
    """What the clock notices: the last chaser of a step has gone unanswered. Opens "close as unconfirmed" to Chair and office."""
    return _notice_by_clock(clock_id, "reach_last_chaser", now)


def redate(disagreement_id: UUID, *, now: dt.datetime) -> Entry | None:
    """The bank holidays or closure days changed: works every running limit out afresh. The entry says old date, new date and why.

    Returns None where no date changes. Limits noticed as reached stay as they were. Runs in the clock's role.
    """
    with transaction.atomic():
        disagreement = _locked(disagreement_id)
        if disagreement.stage not in OPEN:
            return None
        running = list(disagreement.clocks.filter(stopped_at=None).order_by("due_at"))
        new = {c.pk: limits.explain(c).at for c in running if c.reached_at is None}
        changed = [c for c in running if c.pk in new and new[c.pk] != c.due_at]
        if not changed:
            for clock in running:
                clocks.count_again(disagreement, clock)
            return None
        first, last = min(c.started_at for c in changed), max(max(c.due_at, new[c.pk]) for c in changed)
        calendar, between = disagreement.policy.calendar, (timezone.localdate(first), timezone.localdate(last))
        days = sorted([*calendar.holidays_between(*between), *calendar.closures_between(*between)])
        facts = {
            "clocks": [{"about": c.about, "step": c.step, "old": c.due_at.isoformat(), "new": new[c.pk].isoformat()} for c in changed],
            "days": [[day.isoformat(), name] for day, name in days],
        }
        so_far = disagreement.entries.filter(kind="redate").count()  # a day taken back brings back the same dates, in an entry of its own
        key = uuid.uuid5(disagreement.pk, f"redate {so_far}")
        disagreement.standing = Standing.of(disagreement, now)
        return _write(disagreement, "redate", None, Given(facts=facts), key, now, is_note=True)


def break_glass(reference: str, *, by: User, given: Given, key: UUID, now: dt.datetime) -> Entry | None:
    """Open a disagreement in an emergency, without a seat: for four hours, with a reason in `given.words`. Both agencies hear at once.

    Open to managers of an agency that takes part, safeguarding leads, the office and the Chair; the database holds it too. Returns None
    alike when there is no such disagreement and when it is not open to them, so that nobody learns which it was. Raises MoveRefused
    without a reason.
    """
    if not given.words.get("reason", "").strip():
        raise MoveRefused(_("Say why you must see it now."))
    with transaction.atomic():
        if (found := breakable(reference)) is None:
            return None
        disagreement_id, partnership_id = found
        if done := Entry.objects.filter(disagreement=disagreement_id, person=by, key=key, kind="break_glass").first():
            return done
        entry_id = uuid.uuid4()
        with because_of(entry_id):
            Seat.objects.create(
                partnership_id=partnership_id,
                disagreement_id=disagreement_id,
                side=None,
                person=by,
                capacity=Capacity.BREAK_GLASS,
                starts_at=now,
                ends_at=now + EMERGENCY,
                opened_by=entry_id,
            )
        disagreement = _locked(disagreement_id)
        disagreement.standing = Standing.of(disagreement, now)
        actor = disagreement.standing.actor(by)
        return _write(disagreement, "break_glass", actor, given, key, now, is_note=True, entry_id=entry_id)


def hand_over(disagreement_id: UUID, *, now: dt.datetime) -> Entry | None:
    """Seats whose post has another holder by now go to them: the record says from whom to whom, and the new holder is told.

    Who sees it follows the post at once, without this. None where nothing changed hands. Runs in the clock's role.
    """
    with transaction.atomic():
        disagreement = _locked(disagreement_id)
        if disagreement.stage not in OPEN:
            return None
        disagreement.standing = Standing.of(disagreement, now)
        moved = [s for s in disagreement.standing.seats if s.post and s.post.is_held and s.post.holder_id != s.person_id]
        seated = {(s.person_id, s.side_id, s.capacity, s.step) for s in disagreement.standing.seats}
        on_side: dict[UUID | None, UUID | None] = {s.person_id: s.side_id for s in disagreement.standing.seats if s.is_held_by_its_person}
        moved = [s for s in moved if s.post and on_side.get(s.post.holder_id, s.side_id) == s.side_id]
        if not moved:
            return None
        facts = {"seats": [{"post": str(s.post_id), "from": str(s.person_id), "to": str(s.post.holder_id)} for s in moved if s.post]}
        key = uuid.uuid5(disagreement.pk, f"hand over {sorted(str(s.pk) for s in moved)}")
        if Entry.objects.filter(disagreement=disagreement, key=key).exists():
            return None
        handed = [s for s in moved if s.post and (s.post.holder_id, s.side_id, s.capacity, s.step) not in seated]
        return _write(disagreement, "change_holder", None, Given(facts=facts), key, now, is_note=True, handed=handed, ending=moved)


def note_stall(disagreement_id: UUID, kinds: list[str], *, now: dt.datetime) -> Entry | None:
    """What the nightly check finds: it stands still and nobody reachable can move it on. Seats the office, once for each standstill.

    `kinds` are words of escalation.radar. Returns None when it was said of this move version already. Runs in the clock's role.
    """
    with transaction.atomic():
        disagreement = _locked(disagreement_id)
        key = uuid.uuid5(disagreement.pk, f"stall {disagreement.move_version} {sorted(kinds)}")
        if disagreement.stage not in OPEN or Entry.objects.filter(disagreement=disagreement, key=key).exists():
            return None
        disagreement.standing = Standing.of(disagreement, now)
        return _write(disagreement, "note_stall", None, Given(facts={"kinds": sorted(kinds)}), key, now, is_note=True)


def note_overdue_issue(issue_id: UUID, *, now: dt.datetime) -> Entry | None:
    """What the clock notices after the end: the day of an outstanding issue has passed and nobody has said that it is done (23.18).

    The managers of both sides are seated and told. None when it was noticed before, is done, or has not passed. Runs in the clock's role.
    """
    with transaction.atomic():
        issue = OutstandingIssue.objects.filter(pk=issue_id).first()
        if issue is None:
            return None
        disagreement = _locked(issue.disagreement_id)
        disagreement.standing = Standing.of(disagreement, now)
        issue = next((one for one in disagreement.standing.unfinished_issues if one.pk == issue_id), None)
        if issue is None or issue.due_on >= timezone.localdate(now):
            return None
        key = uuid.uuid5(issue.pk, "overdue")
        if Entry.objects.filter(disagreement=disagreement, key=key).exists():
            return None
        facts = {"issue": str(issue.pk), "number": issue.number, "due_on": issue.due_on.isoformat()}
        return _write(disagreement, "note_overdue_issue", None, Given(facts=facts), key, now, is_note=True)


def latest_move(disagreement: Disagreement) -> Entry | None:
    """The entry of the last move (notes do not count), with its person; None if this person may not see it."""
    notes = [name for name in Disagreement.move_names() if Disagreement.is_note(name)]
    same_version = disagreement.entries.filter(move_version=disagreement.move_version).exclude(kind__in=notes)
    return same_version.select_related("person", "post__team__agency").order_by("number").first()


# ── what may be given ───────────────────────────────────────────────────────────────────────────────────────────────


SAYS_RISK = ("send", "say_child_at_immediate_risk")
MAY_SAY_NOTHING = {
    *("match_child", "confirm_outcome", "countersign", "say_still_at_risk", "answer_closing_questions", "bring_in_support"),
    *("acknowledge", "resume_clock", "invite", "confirm_break_glass", "co_sign", "let_write", "answer_session", "ask_for_debrief"),
}


def _says_the_same(done: Entry, given: Given) -> bool:
    """Whether a repeated post repeats the words as well."""
    kept = dict(done.texts.values_list("field", "value"))
    return kept == {name: text for name, text in given.words.items() if text} and done.child_safe == given.child_safe


def _check_raising(draft: Draft, by: User, given: Given, team: Team, post: Post | None, policy: Policy) -> None:
    """Raises MoveRefused when the draft cannot be sent so, whatever form it came through."""
    if draft.post.holder_id != by.pk or draft.post.ended_on is not None:
        raise MoveRefused(_("You no longer hold the post from which you began this. Begin it again from your present one."))
    if team.pk == draft.post.team_id:
        raise MoveRefused(_("Choose a team other than your own."))
    if not policy.document.within_one_agency and team.agency_id == draft.post.team.agency_id:
        raise MoveRefused(_("This procedure is for disagreements between agencies. Inside your own agency, use its own procedure."))
    if not draft.partnership.agencies.filter(pk=team.agency_id).exists() or (post and post.team_id != team.pk):
        raise MoveRefused(_("Choose a team of this partnership, and somebody in it."))
    if given.facts.get("category") not in {category.key for category in policy.document.categories}:
        raise MoveRefused(_("Choose what the disagreement is about."))


def _check_given(disagreement: Disagreement, move: str, given: Given) -> None:
    """Raises MoveRefused for what no form of ours offers: nothing said, another disagreement's side or entry, a side that can act for
    itself. The forms say the same at the right place; this holds for whatever else comes to the door."""
    standing = disagreement.standing
    if given.child_safe not in ChildSafe.values:
        raise MoveRefused(_("Say whether the child is safe now."))
    if move not in MAY_SAY_NOTHING and not any(text.strip() for text in given.words.values()):
        raise MoveRefused(_("Write down what there is to say."))
    _check_times(disagreement, move, given)
    if move == "propose_outcome" and not given.words.get("outcome", "").strip():
        raise MoveRefused(_("Write down what is agreed."))
    somebody_believes = given.facts.get("still_at_risk") or given.facts.get("believes_at_risk") not in (None, "nobody")
    if somebody_believes and not given.facts.get("channel"):
        raise MoveRefused(_("Choose how that concern goes on."))
    if move in ("confirm_outcome", "countersign") and given.child_safe == ChildSafe.NO:
        raise MoveRefused(
            _("A child is at immediate risk: call 999 or the front door first, and add it to the record. Confirm when it is safe.")
        )
    if move == "confirm_outcome" and given.facts.get("agreement_version") not in (None, standing.agreement and standing.agreement.version):
        raise MoveRefused(_("That is not the version that is proposed now. Read it again before you confirm it."))
    if move in ("record_answer_for", "record_confirmation_for"):
        if given.recorded_for not in {side.pk for side in standing.turn.for_sides}:
            raise MoveRefused(_("Choose the side for which you record this."))
    elif given.recorded_for is not None:
        raise MoveRefused(_("This cannot be recorded for another side."))
    corrected = given.corrects and disagreement.entries.filter(pk=given.corrects).exists()
    if (move == "correct_entry" or given.corrects) and not corrected:
        raise MoveRefused(_("Choose the entry that you want to correct."))
    sides = {str(side.pk) for side in standing.party_sides}
    if move == "propose_outcome" and any(str(issue.get("owner_side")) not in sides for issue in given.facts.get("issues", [])):
        raise MoveRefused(_("Choose who will see to each outstanding issue."))
    if move == "propose_outcome":
        _check_issues(standing, given)


def _check_issues(standing: Standing, given: Given) -> None:
    """Each outstanding issue has an owner of the side that sees to it, and a day that has not passed (23.18)."""
    for issue in given.facts.get("issues", []):
        people = standing.people_in(seat for seat in standing.seats if seat.side and str(seat.side_id) == str(issue["owner_side"]))
        if issue.get("owner") and str(issue["owner"]) not in {str(person.pk) for person in people}:
            raise MoveRefused(_("Choose who will see to each outstanding issue."))
        if dt.date.fromisoformat(issue["due_on"]) < timezone.localdate(standing.now):
            raise MoveRefused(_("Say by when each outstanding issue is to be done: a day that has not passed."))


def _check_times(disagreement: Disagreement, move: str, given: Given) -> None:
    """Moments in their order: a contact lies between the raising and now, an act in dispute and a pause lie ahead."""
    now, raised = disagreement.standing.now, disagreement.raised_at
    happened = given.happened_at
    if happened and happened > now:
        raise MoveRefused(_("That lies in the future. Say when it happened."))
    sent = disagreement.entries.filter(kind="send").values_list("happened_at", flat=True).first() or raised
    if happened and sent and move in clocks.BOTH_TOOK_PART and happened < sent:
        raise MoveRefused(_("That lies before this disagreement was raised. Say what came before it in a note."))
    if move == "name_disputed_act":
        act = _moment(given.facts.get("disputed_act_at"))
        if act is None or act <= now:
            raise MoveRefused(_("Say when it is planned: a date and time that has not passed."))
    if move == "pause_clock":
        allowed = disagreement.policy.document.pauses
        if given.facts.get("pause_reason") and (allowed is None or given.facts["pause_reason"] not in allowed.reasons):
            raise MoveRefused(_("Choose one of the reasons that your partnership allows."))
        pauses, until = disagreement.policy.document.pauses, _moment(given.facts.get("until"))
        longest = disagreement.policy.calendar.add_working_days(timezone.localdate(now), pauses.longest_working_days) if pauses else None
        if until is None or until <= now or longest is None or timezone.localdate(until) > longest:
            raise MoveRefused(_("Choose the day on which the pause ends: after today, and no later than your partnership allows."))


# ── inside the door ─────────────────────────────────────────────────────────────────────────────────────────────────


def _locked(disagreement_id: UUID) -> Disagreement:
    related = ("policy", "partnership", "raised_by", "raised_from__team__agency")
    return Disagreement.objects.select_related(*related).select_for_update(of=("self",)).get(pk=disagreement_id)


def _write(
    disagreement: Disagreement,
    move: str,
    actor: Actor | None,
    given: Given,
    key: UUID,
    now: dt.datetime,
    *,
    is_note: bool,
    entry_id: UUID | None = None,
    handed: Sequence[Seat] = (),
    ending: Sequence[Seat] = (),
) -> Entry:
    """The move itself, the row lock held: transition, entry, texts, effects, clocks, notices, save. Seats that are `handed` on go to who
    holds their post now; those `ending` end with it."""
    entry_id = entry_id or uuid.uuid4()
    with because_of(entry_id):
        before = Before(disagreement.stage, disagreement.step)
        was_at_risk = disagreement.at_immediate_risk and move != "send"
        seat = actor.seat_for(disagreement) if actor else None  # the seat from which it is done, before it moves on
        getattr(disagreement, move)(actor)
        if given.child_safe == ChildSafe.NO:
            disagreement.at_immediate_risk = True
        elif given.child_safe == ChildSafe.YES and actor and actor.party_seat(SideKind.RAISING) and move not in SAYS_RISK:
            disagreement.at_immediate_risk = False  # the side that is worried says that the child is safe
        if not is_note:
            disagreement.move_version += 1
        entry = _record(disagreement, move, actor, seat, given, key, now, before.stage, entry_id)
        for seat_handed in handed:
            seating.seat_post(disagreement, entry, seat_handed.side, seat_handed.post, seat_handed.capacity, seat_handed.step)  # type: ignore[arg-type]
        leaving = [*effects.apply(disagreement, entry, actor, given), *ending]
        _stamp_end(disagreement, entry)
        disagreement.__dict__.pop("standing", None)
        disagreement.standing = Standing.of(disagreement, max(now, entry.recorded_at or now))
        seating.tell(disagreement, entry, before.stage)
        disagreement.standing.leave_out(leaving)
        if excluding := effects.excluding(entry):
            disagreement.standing.excluded.add(excluding)
        running = _follow(disagreement, entry, before, was_at_risk=was_at_risk)
        notices.owe(disagreement, entry, running)
        disagreement.save()
        own = actor.seats if actor else ()
        for ending_seat in sorted(leaving, key=lambda seat: seat in own):  # last, and one's own last of all: who has left may write no more
            ending_seat.ends_at = entry.recorded_at
            ending_seat.save(update_fields=["ends_at"])
        if excluding:
            Exclusion.objects.create(
                partnership=disagreement.partnership, disagreement=disagreement, person_id=excluding, opened_by=entry.pk
            )
    return entry


def _follow(disagreement: Disagreement, entry: Entry, before: Before, *, was_at_risk: bool) -> list[Clock]:
    """The clocks after this entry; the earliest is the disagreement's own date."""
    at_risk = disagreement.at_immediate_risk
    if at_risk != was_at_risk:
        disagreement.at_risk_since = entry.recorded_at if at_risk else None
        if at_risk:
            disagreement.paused_until = None  # as escalation.limits reads it from the record
        if at_risk and not disagreement.track:
            disagreement.track = _track(disagreement.policy, "", urgent=True)
    running = clocks.follow(disagreement, entry, before.stage, before.step, was_at_risk=was_at_risk)
    if entry.kind == "redate":
        for clock in running:
            clocks.count_again(disagreement, clock)
    disagreement.due_at = min((clock.due_at for clock in running if not clock.is_at_once), default=None)
    return running


@dataclass(frozen=True)
class Before:
    """Where it stood before the move."""

    stage: str
    step: int


def _record(
    disagreement: Disagreement,
    move: str,
    actor: Actor | None,
    seat: Seat | None,
    given: Given,
    key: UUID,
    now: dt.datetime,
    from_stage: str,
    entry_id: UUID,
) -> Entry:
    words = {name: text for name, text in given.words.items() if text}
    salts = {name: new_salt() for name in words}
    Entry.objects.bulk_create(  # one INSERT, nothing read back: the database numbers, times and chains it
        [
            Entry(
                id=entry_id,
                partnership=disagreement.partnership,
                disagreement=disagreement,
                kind=move,
                person=actor.person if actor else None,
                post=seat.post if seat else None,
                standing_in_for=_stood_in_for(seat, actor),
                side=seat.side if seat else None,
                recorded_for_id=given.recorded_for,
                corrects_id=given.corrects,
                from_stage=from_stage,
                stage=disagreement.stage,
                step=disagreement.step,
                move_version=disagreement.move_version,
                child_safe=given.child_safe,
                happened_at=given.happened_at or now,
                recorded_at=now,
                key=key,
                facts=given.facts,
                commitments={name: commitment(salts[name], name, text) for name, text in words.items()},
            )
        ]
    )
    entry = Entry.objects.select_related("person", "side", "post").get(pk=entry_id)
    Text.objects.bulk_create(
        Text(
            partnership=disagreement.partnership,
            disagreement=disagreement,
            entry=entry,
            field=name,
            salt=salts[name],
            value=words[name],
        )
        for name in sorted(words)
    )
    return entry


def _stood_in_for(seat: Seat | None, actor: Actor | None) -> User | None:
    """For whom they act: nobody, if the seat is theirs or that of the post which they hold."""
    if seat is None or actor is None or seat.person_id == actor.person.pk:
        return None
    return None if seat.post and seat.post.holder_id == actor.person.pk else seat.person


def _stamp_end(disagreement: Disagreement, entry: Entry) -> None:
    """Times of the disagreement are those of the record, not of this machine."""
    if entry.kind == "send":
        disagreement.raised_at = entry.recorded_at
    if disagreement.ended_at and entry.stage != entry.from_stage:
        disagreement.ended_at = entry.recorded_at


def _notice_by_clock(clock_id: UUID, what: str, now: dt.datetime) -> Entry | None:
    with transaction.atomic():
        clock = Clock.objects.filter(pk=clock_id).first()
        if clock is None:
            return None
        disagreement = _locked(clock.disagreement_id)
        clock = Clock.objects.get(pk=clock_id)  # again, now that nobody else can move
        done = clock.chased_at if what == "reach_last_chaser" else clock.reached_at
        if clock.stopped_at or done or disagreement.stage not in OPEN or now < clock.noticed_from:
            return None
        disagreement.standing = Standing.of(disagreement, now)
        given = Given(facts={"about": clock.about, "due_at": clock.due_at.isoformat(), "step": clock.step})
        again = f" {clock.chasers}" if what == "reach_last_chaser" and clock.chasers else ""
        entry = _write(disagreement, what, None, given, uuid.uuid5(clock.pk, what + again), now, is_note=True)
        with because_of(entry.pk):
            clock.refresh_from_db()
            if what == "reach_last_chaser":
                clock.chased_at = entry.recorded_at
            else:
                clock.reached_at = entry.recorded_at
            clock.save()
        return entry


__all__ = [
    *("Given", "MoveRefused", "NewChild", "Overtaken", "SentBefore"),
    *(
        "break_glass",
        "hand_over",
        "latest_move",
        "make",
        "note_overdue_issue",
        "note_stall",
        "raise_disagreement",
        "reach_last_chaser",
        "reach_limit",
        "redate",
    ),
]
