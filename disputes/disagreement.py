"""One professional disagreement and the table of its moves: the single source for buttons, tests, diagram and database rule."""

from __future__ import annotations

import datetime as dt
import secrets
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID

import pgtrigger
from django.db import connection, models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import GET_STATE, FSMField, Transition, transition

from accounts.history import History
from accounts.models import Office, Partnership, Post, Row, StandIn, User
from audit import trail
from disputes.places import Exclusion, Seat, Side
from disputes.rules import (
    MORE,
    NOTE,
    acknowledgement_is_due,
    acts_for_a_party,
    acts_for_a_party_themselves,
    acts_for_raising_side,
    acts_for_responding_side,
    any_of,
    awaits,
    chair_has_accepted,
    chair_has_been_asked_for_help,
    chair_was_asked,
    closed_when_all_differ,
    disputed_act_can_wait,
    has_a_side_not_on_the_system,
    has_another_practitioner_step,
    has_higher_step,
    has_not_agreed_to_differ,
    has_not_answered_closing_questions,
    has_not_confirmed,
    has_not_said_which_dates_suit,
    has_seen_the_whole_record,
    has_unfinished_issues,
    heard_or_silent_at_this_step,
    is_at_last_step,
    is_chair,
    is_matched,
    is_not_matched,
    is_office,
    is_on_a_party_side,
    is_on_the_raising_side,
    is_on_the_responding_side,
    is_paused,
    last_chaser_went_unanswered,
    managers_come_next_or_at_immediate_risk,
    manages_a_party,
    manages_the_raising_side,
    may_be_paused,
    may_confirm_an_emergency,
    may_countersign,
    may_offer_an_outcome,
    may_say_who_must_not_see_it,
    mediates,
    nobody_but_its_own_door,
    nobody_but_the_clock,
    offered,
    raised_it,
    raised_it_in_person,
    resolved_when_all_confirmed,
    sees_to_an_issue,
    session_lies_ahead,
    somebody_is_excluded,
    speaks_for_a_party,
    supports_somebody,
    tried_first_or_at_immediate_risk,
    waits_for_countersign,
    was_opened_in_an_emergency,
    where_it_came_from,
    where_it_starts,
)
from disputes.seats import SERVING, Actor, Standing, unstaked
from disputes.stages import BEFORE_CHAIR, ENDS, MANAGERS, OPEN, Awaiting, Capacity, Mediation, Stage
from procedure.ladder import Step
from procedure.models import Policy

REFERENCE_LETTERS = "23456789BCDFGHJKLMNPQRSTVWXZ"  # nothing that is misheard on the telephone or spells a word


def new_reference() -> str:
    """Eight random characters, "K7PM-3XQD": tells nothing, and cannot be counted."""
    letters = "".join(secrets.choice(REFERENCE_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


class DisagreementQuerySet(models.QuerySet["Disagreement"]):
    """Reads as sentences. Nothing here writes: the door is the one writer (F4)."""

    def visible_to(self, person: User, now: dt.datetime | None = None) -> DisagreementQuerySet:
        """What this person may see: a seat (own or stood in for), or a dated scope (auditor of a partnership, safeguarding lead of an
        agency that takes part), minus exclusions. A seat in a post is held by whoever holds the post."""
        if not person.is_active:
            return self.none()
        now = now or timezone.now()
        day = timezone.localdate(now)
        stood_in = StandIn.objects.filter(person=person, post__ended_on=None, starts_on__lte=day, ends_on__gte=day).values("post")
        held = Post.objects.filter(holder=person, ended_on=None).values("pk")
        seats = Seat.objects.active(now).filter(Q(person=person, post=None) | Q(post__in=stood_in) | Q(post__in=held))
        for capacity, offices in SERVING.items():
            serving = person.appointments.on(day).filter(office__in=offices).values("partnership")
            seats = seats.exclude(Q(capacity=capacity, post=None) & ~Q(partnership__in=serving))
        seats = seats.exclude(Q(capacity=Capacity.MEDIATOR) & ~unstaked(person, day))
        audited = person.appointments.on(day).filter(office=Office.AUDITOR).values("partnership")
        led = Side.objects.filter(
            Q(team__agency__appointment__ends_on=None) | Q(team__agency__appointment__ends_on__gte=day),
            team__agency__appointment__person=person,
            team__agency__appointment__office=Office.SAFEGUARDING_LEAD,
            team__agency__appointment__starts_on__lte=day,
            team__agency__appointment__partnership=F("partnership"),
            ended_at=None,
        ).values("disagreement")
        return self.filter(Q(pk__in=seats.values("disagreement")) | Q(partnership__in=audited) | Q(pk__in=led)).exclude(
            pk__in=Exclusion.objects.filter(person=person, lifted_by=None).values("disagreement")
        )

    def open(self) -> DisagreementQuerySet:
        return self.filter(stage__in=OPEN)

    def overdue(self, now: dt.datetime) -> DisagreementQuerySet:
        return self.open().filter(due_at__lt=now)

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("A disagreement changes only through escalation.moves.")

    update = delete = bulk_create = bulk_update = _refuse


class Disagreement(Row):
    """One professional disagreement, from the sending to its end. Only its transitions change its stage, only the door calls them."""

    partnership = models.ForeignKey(Partnership, models.PROTECT, related_name="disagreements")
    reference = models.CharField(max_length=9, unique=True, default=new_reference, editable=False)
    policy = models.ForeignKey(Policy, models.PROTECT)  # the version it began under
    stage = FSMField(choices=Stage.choices, default=Stage.RECOGNITION, protected=True)
    step = models.PositiveSmallIntegerField(default=1)  # on this policy's ladder
    returns_to = models.PositiveSmallIntegerField(null=True)  # the step from which the Chair was asked
    awaiting = models.CharField(max_length=12, choices=Awaiting.choices, blank=True)
    mediation = models.CharField(max_length=10, choices=Mediation.choices, blank=True)
    category = models.CharField(max_length=40)  # a key of the policy (23.3)
    raised_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    raised_from = models.ForeignKey(Post, models.PROTECT, related_name="+")
    raised_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)  # the earliest running clock, for sorting only
    at_immediate_risk = models.BooleanField(default=False)
    at_risk_since = models.DateTimeField(null=True)
    decision_at = models.DateTimeField(null=True)  # the decision or inaction complained of
    disputed_act_at = models.DateTimeField(null=True)  # when what is disputed will be done: a limit comes no later than it
    needed_by = models.DateTimeField(null=True)  # by when the child needs it settled, as the raiser sees it
    standstill = models.BooleanField(default=False)  # the disputed act waits until this is settled
    track = models.CharField(max_length=40, blank=True)  # a key of the policy's urgent tracks
    acknowledged = models.BooleanField(default=False)  # the other side has said at this step that it has seen it
    paused_until = models.DateTimeField(null=True)
    matched = models.BooleanField(default=False)  # the responding side said which child it is
    tried_first = models.BooleanField(default=False)  # the people who disagree have talked or answered (23.13)
    limit_reached = models.BooleanField(default=False)  # at the present step
    chased = models.BooleanField(default=False)  # the last chaser of the present step went unanswered
    still_at_risk = models.BooleanField(null=True)  # what the raiser still believes at the end (23.11)
    move_version = models.PositiveIntegerField(default=0)

    history = History()
    objects = DisagreementQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-raised_at"]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["due_at"], condition=Q(ended_at=None), name="open_by_due"),
            models.Index(fields=["partnership", "-raised_at"], name="newest_of_partnership"),
        ]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(stage__in=Stage.values), name="a_known_stage"),
            models.CheckConstraint(condition=Q(stage__in=ENDS) ^ Q(ended_at=None), name="ended_when_at_an_end"),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="settled", fields=["id", "partnership", "reference", "policy", "category", "raised_by", "raised_from"]),
            pgtrigger.Protect(
                name="raised_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__raised_at__isnull=False) & pgtrigger.Q(old__raised_at__df=pgtrigger.F("new__raised_at")),
            ),
            pgtrigger.Trigger(
                name="moves_leave_entries",  # a change of stage, step or version without an entry is refused at commit
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.Update,
                timing=pgtrigger.Deferred,
                func="""
                    PERFORM accord_refuse_move_without_entry(NEW.id);
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """As Django's; the protected stage is let go for it and comes back if it fails (F2: never unprotect the class)."""
        held = self.__dict__.pop("stage", None)
        try:
            super().refresh_from_db(*args, **kwargs)
        finally:
            if held is not None:
                self.__dict__.setdefault("stage", held)
            self.__dict__.pop("standing", None)

    # ── questions

    @property
    def is_open(self) -> bool:
        return self.stage in OPEN

    @property
    def acting_step(self) -> int:
        """The step at which the sides' people act: the present one, or once the Chair was asked the one it came from."""
        return self.returns_to or self.step

    @property
    def present_step(self) -> Step:
        return self.policy.ladder.step(self.step)

    @cached_property
    def standing(self) -> Standing:
        """Who sits where, read once; drop the attribute to read again."""
        return Standing.of(self, timezone.now())

    def open_moves(self, by: Actor) -> list[Transition]:
        """The moves open now to `by`, in the order of the ladder."""
        order = list(type(self).move_names())
        available = self.get_available_user_stage_transitions(by)  # type: ignore[attr-defined]
        return sorted(available, key=lambda move: order.index(move.name))

    @classmethod
    def move_names(cls) -> list[str]:
        """Every move of the table, in the order in which it is written."""
        return [name for name, member in vars(cls).items() if hasattr(member, "_django_fsm")]

    @classmethod
    def is_note(cls, move: str) -> bool:
        """Whether this adds to the record without being a move: it needs no page version and counts for none."""
        return any(t.custom["note"] for t in getattr(cls, move)._django_fsm.transitions.values())

    def _awaiting_without_agreement(self) -> str:
        if self.stage == Stage.LSCB_MEDIATION:
            return {Mediation.ASKED: Awaiting.CHAIR, Mediation.ACCEPTED: Awaiting.MEDIATION}.get(
                Mediation(self.mediation), Awaiting.DECISION
            )
        return Awaiting.DECISION

    def _begin_step(self, step: int) -> None:
        self.step = step
        self.limit_reached = False
        self.chased = False
        self.acknowledged = False
        self.paused_until = None
        self.awaiting = Awaiting.ANSWER if self.matched else Awaiting.MATCH

    def _hand_over(self, awaiting: str) -> None:
        """Somebody acted, so nobody has been silent since the last chaser; now it waits for this."""
        self.awaiting = awaiting
        self.chased = False

    def _let_proposal_stand(self, otherwise: str) -> None:
        """What the Chair does leaves a proposal between the sides to be confirmed."""
        self._hand_over(self.awaiting if self.awaiting == Awaiting.CONFIRMATION else otherwise)

    def recorded_by(self, person: User) -> bool:
        """Whether this person recorded a confirmation of the latest version that waits for its countersign."""
        agreement = self.standing.agreement
        waiting = [c.entry_id for c in agreement.confirmations.all() if not c.counts] if agreement else []
        return bool(waiting) and self.entries.filter(pk__in=waiting, person=person).exists()

    def was_invited_by_the_others(self, seat: Seat | None) -> bool:
        """Whether whoever sits here was invited by the other side: who they are, only their inviter knows, so the office countersigns."""
        if seat is None or seat.side_id is None or seat.opened_by is None:
            return False
        with connection.cursor() as cursor:  # an invitation of long ago counts as well: what nobody has looked at, nobody vouches for
            cursor.execute("SELECT accord_unvouched(%s)", [seat.person_id])
            if cursor.fetchone() == (True,):
                return True
        opened = dict(self.entries.values_list("pk", "person"))
        by_the_others = set(self.entries.filter(kind="invite").exclude(side=seat.side_id).values_list("pk", flat=True))
        let_in: dict[UUID, list[UUID]] = {}  # who sits on this side -> the entries that opened their seats
        for person, entry in Seat.objects.filter(side=seat.side_id, opened_by__isnull=False).values_list("person", "opened_by"):
            let_in.setdefault(person, []).append(entry)  # type: ignore[arg-type]
        asked, seen = [seat.opened_by], set()
        while asked:  # and whether whoever let them in was, and so on
            entry = asked.pop()
            if entry in by_the_others:
                return True
            if entry not in seen and entry in opened:
                seen.add(entry)
                asked += let_in.get(opened[entry], [])
        return False

    def _end(self) -> None:
        self.awaiting = Awaiting.NOTHING
        self.ended_at = timezone.now()

    # ── the table of moves, in the order of the ladder: recognition

    @transition(
        field=stage,
        source=Stage.RECOGNITION,
        target=GET_STATE(where_it_starts, states=BEFORE_CHAIR),
        permission=raised_it,
        custom=offered(_("Send it")),
    )
    def send(self, by: Actor) -> None:
        """Starts the record: at practitioner stage, or higher when a child is at immediate risk (23.13)."""
        self._begin_step(self.step)

    # ── which child?

    @transition(
        field=stage,
        source=OPEN,
        conditions=[is_not_matched],
        permission=is_on_the_responding_side,
        custom=offered(_("We know which child this is")),
    )
    def match_child(self, by: Actor) -> None:
        """May come late: whoever stayed silent can still say so at the Chair's table, and only then can anything be agreed."""
        self.matched = self.acknowledged = True
        if self.awaiting in (Awaiting.MATCH, Awaiting.IDENTITY):
            self._hand_over(Awaiting.ANSWER)

    @transition(
        field=stage,
        source=BEFORE_CHAIR,
        conditions=[awaits(Awaiting.MATCH)],
        permission=acts_for_responding_side,
        custom=offered(_("We cannot tell which child this is")),
    )
    def cannot_tell_which_child(self, by: Actor) -> None:
        self.acknowledged = True
        self._hand_over(Awaiting.IDENTITY)

    @transition(
        field=stage,
        source=BEFORE_CHAIR,
        conditions=[awaits(Awaiting.IDENTITY)],
        permission=is_on_the_raising_side,
        custom=offered(_("Say how they can tell which child it is")),
    )
    def say_which_child(self, by: Actor) -> None:
        self._hand_over(Awaiting.MATCH)

    @transition(
        field=stage,
        source=Stage.PRACTITIONER,
        conditions=[awaits(Awaiting.MATCH, Awaiting.ANSWER)],
        permission=acts_for_responding_side,
        custom=offered(_("Not for us: pass it on")),
    )
    def pass_on(self, by: Actor) -> None:
        """ "Not for us": goes to the right team without stopping the clock."""
        self.matched = False
        self._hand_over(Awaiting.MATCH)

    # ── answering and talking

    @transition(
        field=stage,
        source=BEFORE_CHAIR,
        conditions=[awaits(Awaiting.ANSWER), is_matched],
        permission=acts_for_responding_side,
        custom=offered(_("Answer")),
    )
    def answer(self, by: Actor) -> None:
        self.tried_first = True
        self._hand_over(Awaiting.DECISION)

    @transition(
        field=stage,
        source=BEFORE_CHAIR,
        conditions=[awaits(Awaiting.MATCH, Awaiting.ANSWER), has_a_side_not_on_the_system],
        permission=any_of(acts_for_raising_side, is_office),
        custom=offered(_("Record an answer that came by phone, letter or email")),
    )
    def record_answer_for(self, by: Actor) -> None:
        """An answer recorded for a side that is not on the system, with source, date and where the document is kept."""
        self.matched = True
        self.tried_first = True
        self._hand_over(Awaiting.DECISION)

    @transition(
        field=stage,
        source=OPEN,
        permission=is_on_a_party_side,
        custom=offered(_("Record a discussion"), NOTE, note=True),
    )
    def record_discussion(self, by: Actor) -> None:
        self.tried_first = True

    @transition(
        field=stage,
        source=OPEN,
        permission=is_on_a_party_side,
        custom=offered(_("Record a meeting"), NOTE, note=True),
    )
    def hold_meeting(self, by: Actor) -> None:
        """Both sides met. Where the policy sets a time for written confirmation after a meeting, it runs from here."""
        self.tried_first = True

    @transition(
        field=stage,
        source=BEFORE_CHAIR,
        conditions=[awaits(Awaiting.ANSWER), acknowledgement_is_due],
        permission=acts_for_responding_side,
        custom=offered(_("Say that you have seen it"), NOTE, note=True),
    )
    def acknowledge(self, by: Actor) -> None:
        """Where the policy asks for an acknowledgement inside a step; the answer follows."""
        self.acknowledged = True

    # ── an agreed outcome

    @transition(
        field=stage,
        source=OPEN,
        conditions=[is_matched],
        permission=may_offer_an_outcome,
        custom=offered(_("Propose an outcome")),
    )
    def propose_outcome(self, by: Actor) -> None:
        """A new version of the agreed outcome. It voids the confirmations of any earlier one (23.18)."""
        self._hand_over(Awaiting.CONFIRMATION)

    @transition(
        field=stage,
        source=OPEN,
        target=GET_STATE(resolved_when_all_confirmed, states=[*OPEN, Stage.RESOLVED]),
        conditions=[awaits(Awaiting.CONFIRMATION)],
        permission=has_not_confirmed,
        custom=offered(_("Confirm the outcome in writing")),
    )
    def confirm_outcome(self, by: Actor) -> None:
        seat = by.acting_seat(self)
        others = [side for side in self.standing.unconfirmed_sides if seat and side != seat.side]
        if not others and not self.standing.awaiting_countersign and not self.was_invited_by_the_others(seat):
            self._end()

    @transition(
        field=stage,
        source=OPEN,
        conditions=[awaits(Awaiting.CONFIRMATION)],
        permission=has_not_confirmed,
        custom=offered(_("Say what should change in it")),
    )
    def decline_outcome(self, by: Actor) -> None:
        self._hand_over(self._awaiting_without_agreement())

    @transition(
        field=stage,
        source=OPEN,
        conditions=[awaits(Awaiting.CONFIRMATION), has_a_side_not_on_the_system],
        permission=any_of(acts_for_raising_side, is_office),
        custom=offered(_("Record a confirmation that came by phone, letter or email")),
    )
    def record_confirmation_for(self, by: Actor) -> None:
        """Counts only when the partnership's office has countersigned it."""

    @transition(
        field=stage,
        source=OPEN,
        target=GET_STATE(resolved_when_all_confirmed, states=[*OPEN, Stage.RESOLVED]),
        conditions=[awaits(Awaiting.CONFIRMATION), waits_for_countersign],
        permission=may_countersign,
        custom=offered(_("Countersign the recorded confirmation")),
    )
    def countersign(self, by: Actor) -> None:
        if not self.standing.unconfirmed_sides:
            self._end()

    @transition(
        field=stage,
        source=OPEN,
        conditions=[awaits(Awaiting.CONFIRMATION), waits_for_countersign],
        permission=may_countersign,
        custom=offered(_("Refuse the recorded confirmation")),
    )
    def refuse_countersign(self, by: Actor) -> None:
        """The side it was recorded for says otherwise: the version is off, and the sides go on from where they were."""
        self._hand_over(self._awaiting_without_agreement())

    # ── up the ladder

    @transition(
        field=stage,
        source=Stage.PRACTITIONER,
        conditions=[tried_first_or_at_immediate_risk, has_another_practitioner_step],
        permission=any_of(raised_it, manages_the_raising_side),
        custom=offered(_("Take it to the next step")),
    )
    def take_next_step(self, by: Actor) -> None:
        """Where a policy has more than one step between practitioners."""
        self._begin_step(self.step + 1)

    @transition(
        field=stage,
        source=Stage.PRACTITIONER,
        target=Stage.LINE_MANAGER,
        conditions=[tried_first_or_at_immediate_risk, managers_come_next_or_at_immediate_risk],
        permission=any_of(raised_it, manages_the_raising_side),
        custom=offered(_("Refer to the line manager or adviser")),
    )
    def refer_to_line_manager(self, by: Actor) -> None:
        """23.15: to the worker's own line manager or adviser, who discusses with their opposite number. Where the posts show none
        (the head raises it, or the line has a gap) it goes up all the same, and the worker acts on for their side."""
        self._begin_step(self.policy.ladder.first_step_of(Stage.LINE_MANAGER))

    @transition(
        field=stage,
        source=MANAGERS,
        target=GET_STATE(where_it_starts, states=MANAGERS),
        conditions=[has_higher_step, heard_or_silent_at_this_step],
        permission=acts_for_raising_side,
        custom=offered(_("Pass it up the line")),
    )
    def pass_up_the_line(self, by: Actor) -> None:
        """23.16: to the next step that the policy names."""
        self._begin_step(self.step + 1)

    @transition(
        field=stage,
        source=MANAGERS,
        target=Stage.LSCB_MEDIATION,
        conditions=[is_at_last_step, heard_or_silent_at_this_step],
        permission=acts_for_a_party,
        custom=offered(_("Ask the Chair to mediate")),
    )
    def ask_the_chair(self, by: Actor) -> None:
        """23.17: consideration is given to referring it to the Chair; the Chair has not accepted yet."""
        self.returns_to = self.step
        self._begin_step(self.policy.ladder.first_step_of(Stage.LSCB_MEDIATION))
        self.mediation = Mediation.ASKED
        self.awaiting = Awaiting.CHAIR

    @transition(
        field=stage,
        source=MANAGERS,
        permission=acts_for_a_party,
        custom=offered(_("Change the opposite number"), MORE),
    )
    def change_opposite_number(self, by: Actor) -> None:
        """Another post takes the place of the other side's manager at this step."""

    # ── the Chair

    @transition(
        field=stage,
        source=Stage.LSCB_MEDIATION,
        conditions=[chair_was_asked],
        permission=is_chair,
        custom=offered(_("Accept and offer mediation")),
    )
    def accept_mediation(self, by: Actor) -> None:
        self.mediation = Mediation.ACCEPTED
        self._let_proposal_stand(Awaiting.MEDIATION)

    @transition(
        field=stage,
        source=Stage.LSCB_MEDIATION,
        conditions=[chair_was_asked],
        permission=is_chair,
        custom=offered(_("Ask both sides for more")),
    )
    def ask_for_more(self, by: Actor) -> None:
        """The Chair considers, and cannot decide yet; either side's answer hands it back."""
        self._let_proposal_stand(Awaiting.MORE)

    @transition(
        field=stage,
        source=Stage.LSCB_MEDIATION,
        conditions=[chair_was_asked],
        permission=acts_for_a_party,
        custom=offered(_("Tell the Chair what your side would accept")),
    )
    def answer_the_chair(self, by: Actor) -> None:
        """What each side would accept stands beside its position, for the Chair to consider (23.17)."""
        self._let_proposal_stand(Awaiting.CHAIR)

    @transition(
        field=stage,
        source=Stage.LSCB_MEDIATION,
        target=GET_STATE(where_it_came_from, states=MANAGERS),
        conditions=[chair_was_asked],
        permission=is_chair,
        custom=offered(_("Decline, with reasons")),
    )
    def decline_mediation(self, by: Actor) -> None:
        """Returns it to the last step and opens the closing moves."""
        proposed = self.awaiting
        self._begin_step(self.acting_step)
        self.returns_to = None
        self.mediation = Mediation.DECLINED
        self.awaiting = proposed
        self._let_proposal_stand(Awaiting.DECISION)

    @transition(
        field=stage,
        source=Stage.LSCB_MEDIATION,
        conditions=[chair_has_accepted],
        permission=is_chair,
        custom=offered(_("Name a mediator"), NOTE, note=True),
    )
    def name_mediator(self, by: Actor) -> None:
        """Somebody with no stake in it mediates for the Chair. Whoever was named before leaves the table."""

    @transition(
        field=stage,
        source=Stage.LSCB_MEDIATION,
        conditions=[chair_has_accepted, awaits(Awaiting.MEDIATION, Awaiting.SESSION)],
        permission=mediates,
        custom=offered(_("Propose dates for a joint session")),
    )
    def propose_session(self, by: Actor) -> None:
        self._hand_over(Awaiting.SESSION)

    @transition(
        field=stage,
        source=Stage.LSCB_MEDIATION,
        conditions=[chair_has_accepted, awaits(Awaiting.SESSION)],
        permission=has_not_said_which_dates_suit,
        custom=offered(_("Say which dates suit your side")),
    )
    def answer_session(self, by: Actor) -> None:
        """The session is fixed when one date suits all; else whoever mediates proposes others."""
        seat = by.acting_seat(self)
        waiting = [side for side in self.standing.sides_without_dates if seat is None or side != seat.side]
        self._hand_over(Awaiting.SESSION if waiting else Awaiting.MEDIATION)

    @transition(
        field=stage,
        source=Stage.LSCB_MEDIATION,
        conditions=[chair_has_accepted, session_lies_ahead],
        permission=mediates,
        custom=offered(_("Call the joint session off"), MORE),
    )
    def cancel_session(self, by: Actor) -> None:
        self._let_proposal_stand(Awaiting.MEDIATION)

    @transition(
        field=stage,
        source=Stage.LSCB_MEDIATION,
        conditions=[chair_has_accepted],
        permission=mediates,
        custom=offered(_("Record the mediation")),
    )
    def record_mediation(self, by: Actor) -> None:
        self.mediation = Mediation.HELD
        self._let_proposal_stand(Awaiting.DECISION)

    # ── the child at risk

    @transition(
        field=stage,
        source=OPEN,
        permission=any_of(is_on_a_party_side, is_chair),
        custom=offered(_("A child is at immediate risk"), MORE),
    )
    def say_child_at_immediate_risk(self, by: Actor) -> None:
        """999 and the front door first (the page says so); then both line managers are told and the urgent way is open (23.13)."""
        self.at_immediate_risk = True

    # ── the time it has

    @transition(
        field=stage,
        source=OPEN,
        permission=is_on_a_party_side,
        custom=offered(_("Say when the disputed act will happen"), MORE),
    )
    def name_disputed_act(self, by: Actor) -> None:
        """ "Or before the disputed act, whichever is sooner": a discharge, a closure. Brings every running limit forward to it."""
        self.standstill = False

    @transition(
        field=stage,
        source=OPEN,
        conditions=[disputed_act_can_wait],
        permission=acts_for_a_party,
        custom=offered(_("Record that the disputed act will wait"), MORE),
    )
    def agree_standstill(self, by: Actor) -> None:
        """Standstill: nothing is done until it is settled, so the act no longer shortens the time for it."""
        self.standstill = True

    @transition(
        field=stage,
        source=OPEN,
        conditions=[may_be_paused],
        permission=acts_for_raising_side,
        custom=offered(_("Pause the time limit"), MORE),
    )
    def pause_clock(self, by: Actor) -> None:
        """Only where the policy allows it, with a reason and an end; by the side that waits, never by the one that owes the answer."""

    @transition(
        field=stage,
        source=OPEN,
        conditions=[is_paused],
        permission=is_on_a_party_side,
        custom=offered(_("End the pause"), MORE),
    )
    def resume_clock(self, by: Actor) -> None:
        self.paused_until = None

    # ── the ends

    @transition(
        field=stage,
        source=OPEN,
        target=GET_STATE(closed_when_all_differ, states=[*OPEN, Stage.CLOSED]),
        conditions=[is_matched],
        permission=has_not_agreed_to_differ,
        custom=offered(_("Agree to differ"), MORE),
    )
    def agree_to_differ(self, by: Actor) -> None:
        """One side records its position; when every party side has, it is closed without agreement."""
        seat = by.acting_seat(self)
        if all(side.agreed_to_differ or (seat and side == seat.side) for side in self.standing.party_sides):
            self._end()
        else:
            self._hand_over(Awaiting.POSITION)

    @transition(
        field=stage,
        source=[*MANAGERS, Stage.LSCB_MEDIATION],
        target=Stage.CLOSED,
        conditions=[chair_has_been_asked_for_help],
        permission=any_of(acts_for_a_party, is_chair),
        custom=offered(_("Close without agreement"), MORE),
    )
    def close_without_agreement(self, by: Actor) -> None:
        """At the last step: each side's position and the residual concern with its channel are recorded (23.11)."""
        self._end()

    @transition(
        field=stage,
        source=OPEN,
        target=Stage.CLOSED,
        conditions=[last_chaser_went_unanswered],
        permission=any_of(is_chair, is_office),
        custom=offered(_("Close as unconfirmed"), MORE),
    )
    def close_as_unconfirmed(self, by: Actor) -> None:
        """A side stayed silent after the last chaser: closed as "unconfirmed by …", never as resolved."""
        self._end()

    @transition(
        field=stage,
        source=OPEN,
        target=Stage.WITHDRAWN,
        permission=any_of(raised_it, manages_the_raising_side),
        custom=offered(_("Withdraw"), MORE),
    )
    def withdraw(self, by: Actor) -> None:
        self._end()

    @transition(
        field=stage,
        source=OPEN,
        target=Stage.REDIRECTED,
        permission=any_of(raised_it, manages_the_raising_side, is_chair, is_office),
        custom=offered(_("Take it to another procedure"), MORE),
    )
    def redirect(self, by: Actor) -> None:
        self._end()

    @transition(
        field=stage,
        source=Stage.RESOLVED,
        target=GET_STATE(where_it_came_from, states=BEFORE_CHAIR),
        permission=any_of(raised_it, acts_for_a_party, manages_a_party),
        custom=offered(_("Reopen: the outcome was not delivered"), MORE),
    )
    def reopen(self, by: Actor) -> None:
        """Back to the step at which the sides last acted, to be answered there."""
        step = self.returns_to or self.step
        self.returns_to = None
        self.mediation = Mediation.NONE
        self.at_immediate_risk = False
        self.ended_at = None
        self.still_at_risk = None
        self.at_risk_since = self.disputed_act_at = self.needed_by = None
        self.standstill, self.track = False, ""
        self._begin_step(step)

    # ── after the end

    @transition(
        field=stage,
        source=ENDS,
        permission=raised_it_in_person,
        custom=offered(_("Say whether you still believe the child is at risk"), NOTE, note=True),
    )
    def say_still_at_risk(self, by: Actor) -> None:
        """The raiser is always asked, whatever the managers agreed; a yes has a channel (23.11)."""

    @transition(
        field=stage,
        source=ENDS,
        permission=has_not_answered_closing_questions,
        custom=offered(_("Answer the closing questions"), NOTE, note=True),
    )
    def answer_closing_questions(self, by: Actor) -> None:
        """Once for each side: satisfied (23.7), general issue (23.19), debrief (23.20)."""

    @transition(
        field=stage,
        source=[*OPEN, Stage.RESOLVED],
        conditions=[has_unfinished_issues],
        permission=sees_to_an_issue,
        custom=offered(_("Say that an outstanding issue is done"), NOTE, note=True),
    )
    def finish_issue(self, by: Actor) -> None:
        """With the evidence: what was done, and where it is kept (23.18). Also while it is reopened, of what was agreed before."""

    @transition(
        field=stage,
        source=ENDS,
        permission=speaks_for_a_party,
        custom=offered(_("Ask for a debrief"), NOTE, note=True),
    )
    def ask_for_debrief(self, by: Actor) -> None:
        """Either side may, whatever it said to the closing questions (23.20)."""

    # ── additions to the record

    @transition(
        field=stage,
        source=OPEN,
        permission=is_on_a_party_side,
        custom=offered(_("Ask a colleague to support you"), NOTE, note=True),
    )
    def bring_in_support(self, by: Actor) -> None:
        """23.14: nobody has to pursue it unsupported."""

    @transition(
        field=stage,
        source=OPEN,
        permission=acts_for_a_party_themselves,
        custom=offered(_("Let a colleague write for you"), NOTE, note=True),
    )
    def let_write(self, by: Actor) -> None:
        """A colleague, named professional or safeguarding lead acts beside you at this step, in their own name (23.14)."""

    @transition(
        field=stage,
        source=OPEN,
        permission=supports_somebody,
        custom=offered(_("Co-sign it"), NOTE, note=True),
    )
    def co_sign(self, by: Actor) -> None:
        """Whoever supports a colleague puts their own name beside what that side says (23.14)."""

    @transition(
        field=stage,
        source=[*OPEN, *ENDS],
        permission=has_seen_the_whole_record,
        custom=offered(_("Add to the record"), NOTE, note=True),
    )
    def add_note(self, by: Actor) -> None:
        """What the child says or wants, what the family knows, or anything else both sides should have on record."""

    @transition(
        field=stage,
        source=[*OPEN, *ENDS],
        permission=has_seen_the_whole_record,
        custom=offered(_("Correct or dispute an entry"), NOTE, note=True),
    )
    def correct_entry(self, by: Actor) -> None:
        """A further entry beside the first: the record is never edited."""

    # ── who takes part, and who must not

    @transition(
        field=stage,
        source=OPEN,
        permission=is_on_a_party_side,
        custom=offered(_("Invite somebody who has no account"), NOTE, note=True),
    )
    def invite(self, by: Actor) -> None:
        """The other agency's person may have no account: a seat is kept for them until they join. Or a colleague, to support."""

    @transition(
        field=stage,
        source=[*OPEN, *ENDS],
        permission=may_say_who_must_not_see_it,
        custom=offered(_("Somebody has a conflict of interest"), NOTE, note=True),
    )
    def exclude(self, by: Actor) -> None:
        """The named person, or a relative: from now on they cannot see it, whatever right they have; somebody acts in their place."""

    @transition(
        field=stage,
        source=[*OPEN, *ENDS],
        conditions=[somebody_is_excluded],
        permission=any_of(is_office, is_chair),
        custom=offered(_("Lift an exclusion"), NOTE, note=True),
    )
    def lift_exclusion(self, by: Actor) -> None:
        """There was no conflict of interest after all. A seat that ended is not opened again by this."""

    @transition(
        field=stage,
        source=[*OPEN, *ENDS],
        permission=nobody_but_its_own_door,
        custom=offered(_("Open it in an emergency"), NOTE, note=True),
    )
    def break_glass(self, by: Actor) -> None:
        """Somebody without a seat looks for four hours, with a reason; both agencies hear of it at once. Has a door of its own."""

    @transition(
        field=stage,
        source=[*OPEN, *ENDS],
        conditions=[was_opened_in_an_emergency],
        permission=may_confirm_an_emergency,
        custom=offered(_("Confirm that it was opened in an emergency"), NOTE, note=True),
    )
    def confirm_break_glass(self, by: Actor) -> None:
        """The second person, at once or within one working day."""

    @transition(
        field=stage,
        source=[*OPEN, *ENDS],
        conditions=[was_opened_in_an_emergency],
        permission=may_confirm_an_emergency,
        custom=offered(_("Say that it should not have been opened"), NOTE, note=True),
    )
    def refuse_break_glass(self, by: Actor) -> None:
        """Ends that access at once."""

    # ── what the clock notices (no person may)

    @transition(field=stage, source=OPEN, permission=nobody_but_the_clock, custom=offered(_("A post has a new holder"), NOTE, note=True))
    def change_holder(self, by: Actor | None = None) -> None:
        """Seats go with their post to whoever holds it now: the former holder's end, with the day and the names in the record."""

    @transition(field=stage, source=OPEN, permission=nobody_but_the_clock, custom=offered(_("Limit reached"), NOTE, note=True))
    def reach_limit(self, by: Actor | None = None) -> None:
        """The clock never changes stage or step: it records, tells, and seats the next manager."""
        self.limit_reached = True

    @transition(field=stage, source=OPEN, permission=nobody_but_the_clock, custom=offered(_("Last chaser sent"), NOTE, note=True))
    def reach_last_chaser(self, by: Actor | None = None) -> None:
        self.chased = True

    @transition(
        field=stage, source=OPEN, permission=nobody_but_the_clock, custom=offered(_("Time limit inside the step reached"), NOTE, note=True)
    )
    def reach_inner_limit(self, by: Actor | None = None) -> None:
        """An acknowledgement, a meeting or a confirmation is late. The step goes on."""

    @transition(
        field=stage,
        source=Stage.RESOLVED,
        permission=nobody_but_the_clock,
        custom=offered(_("An outstanding issue is overdue"), NOTE, note=True),
    )
    def note_overdue_issue(self, by: Actor | None = None) -> None:
        """Its date has passed: the managers of both sides see it on their desks from now on."""

    @transition(
        field=stage, source=OPEN, permission=nobody_but_the_clock, custom=offered(_("New date: the calendar changed"), NOTE, note=True)
    )
    def redate(self, by: Actor | None = None) -> None:
        """A new or changed bank holiday or closure day: the entry says old date, new date and why."""

    @transition(field=stage, source=OPEN, permission=nobody_but_the_clock, custom=offered(_("Nobody can move it on"), NOTE, note=True))
    def note_stall(self, by: Actor | None = None) -> None:
        """It stands still and nobody who could act is reachable: the partnership's office is told."""


def allowed_moves() -> set[tuple[str, str, str]]:
    """The table as (move, from stage, to stage): what the database's rule is filled with."""
    table: set[tuple[str, str, str]] = set()
    for name in Disagreement.move_names():
        for source, move in getattr(Disagreement, name)._django_fsm.transitions.items():
            targets = [source] if move.target is None else getattr(move.target, "allowed_states", [move.target])
            if name in ("confirm_outcome", "countersign", "agree_to_differ"):  # stays, or ends: never wanders
                targets = [target for target in targets if target == source or target in ENDS]
            if name == "pass_up_the_line" and source == Stage.UP_THE_LINE:
                targets = [Stage.UP_THE_LINE]  # the ladder only rises
            table |= {(name, str(source), str(target)) for target in targets}
    return table


def by_reference(reference: str, person: User) -> Disagreement:
    """The disagreement this person may see under this reference. Raises DoesNotExist alike when hidden and when absent; that somebody
    asked is kept in the trail alike, too."""
    related = ("partnership", "policy", "raised_by", "raised_from__team__agency")
    try:
        return Disagreement.objects.visible_to(person).select_related(*related).get(reference=reference.upper())
    except Disagreement.DoesNotExist:
        trail.note_hidden(reference.upper(), person=person.pk)
        raise


EMERGENCY = dt.timedelta(hours=4)
"""How long somebody sees what they opened in an emergency; the database allows no longer (disputes/migrations/0007)."""


def breakable(reference: str) -> tuple[UUID, UUID] | None:
    """Id and partnership of the disagreement which the acting person may open in an emergency; None alike when absent and when not."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, partnership_id FROM accord_breakable(%s)", [reference.upper()])
        return cursor.fetchone()
