"""The joint session of a mediation (23.17), read from the record: dates proposed, dates taken, when it is, whether it was called off
or the mediation recorded before its day.

Pure: nothing is kept beside the entries. A session is fixed when every party side has taken at least one date and one of them suits all:
the earliest such date that still lay ahead when the last side answered.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

OF_SESSIONS = ("propose_session", "answer_session", "cancel_session", "record_mediation")


@dataclass(frozen=True)
class Session:
    """One proposed session. `people` are those expected: whom the mediator names, then whom each side sends."""

    entry: UUID  # which proposed it; its words are the agenda and the place
    dates: tuple[dt.datetime, ...]
    minutes: int
    people: tuple[UUID, ...] = ()
    answers: dict[UUID, tuple[dt.datetime, ...]] = field(default_factory=dict)  # side -> dates that suit it
    fixed_at: dt.datetime | None = None
    fixed_by: UUID | None = None  # the entry with which the last side took it
    is_cancelled: bool = False
    was_recorded: bool = False  # before its day: it was held already, or without a session; then it is cancelled too
    changes: int = 0  # how often it changed since it was fixed: the SEQUENCE of its calendar entry (RFC 5545)

    @property
    def ends_at(self) -> dt.datetime | None:
        return self.fixed_at + dt.timedelta(minutes=self.minutes) if self.fixed_at else None

    @property
    def suits_nobody(self) -> bool:
        """Every side has answered and no date suits all."""
        return self.fixed_at is None and not self.is_cancelled and self.fixed_by is not None


def latest_session(said: Iterable[tuple[UUID, str, UUID | None, dict[str, Any], dt.datetime]], sides: set[UUID]) -> Session | None:
    """The session last proposed. `said`: (id, kind, side, facts, recorded at) of its entries in the order of the record; `sides`: the
    party sides, who all have to take a date. None where no session was proposed."""
    session: Session | None = None
    for entry, kind, side, facts, recorded_at in said:
        if kind == "propose_session":
            session = Session(entry, _moments(facts), int(facts["minutes"]), tuple(UUID(one) for one in facts.get("people", ())))
        elif session is None or session.is_cancelled:
            continue
        elif kind == "cancel_session":
            session = replace(session, is_cancelled=True, changes=session.changes + 1)
        elif kind == "record_mediation" and (session.fixed_at is None or session.fixed_at > recorded_at):
            session = replace(session, is_cancelled=True, was_recorded=True, changes=session.changes + 1)
        elif kind == "answer_session" and side is not None and session.fixed_by is None:
            session = _answered(session, entry, side, facts, recorded_at, sides)
    return session


def _answered(session: Session, entry: UUID, side: UUID, facts: dict[str, Any], recorded_at: dt.datetime, sides: set[UUID]) -> Session:
    answers = {**session.answers, side: tuple(date for date in _moments(facts) if date in session.dates)}
    people = tuple(dict.fromkeys([*session.people, *(UUID(one) for one in facts.get("people", ()))]))
    if not sides <= set(answers):
        return replace(session, answers=answers, people=people)
    suits_all = [date for date in sorted(session.dates) if date > recorded_at and all(date in answers[one] for one in sides)]
    return replace(session, answers=answers, people=people, fixed_by=entry, fixed_at=suits_all[0] if suits_all else None)


def _moments(facts: dict[str, Any]) -> tuple[dt.datetime, ...]:
    return tuple(dt.datetime.fromisoformat(one) for one in facts.get("dates", ()))
