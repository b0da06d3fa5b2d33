"""What becomes of an export: asked for, made as the person who asked, taken away once, gone within a day.

Rights are read three times: when it is asked for, when it is made, and when it is taken. What is in the file is written to an unnamed
temporary file first and then kept in pieces, so that memory stays bounded however long the history is.
"""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import hashlib
import io
import tempfile
from collections.abc import Iterator
from typing import IO, Any
from uuid import UUID

from django.db import connection, models
from django.db.models import F, Func, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.acting import acting_as
from accounts.models import Office, User
from audit import trail
from audit.models import Trace
from disputes.disagreement import DisagreementQuerySet
from disputes.models import Disagreement
from escalation import kill_points
from escalation.listing import narrowed
from evidence import history
from evidence.models import Export, ExportPart

HISTORY = "history.csv"
OPEN_AT_MOST = 5  # of one person: asked for, and not yet taken or gone
KEPT_FOR = dt.timedelta(hours=24)
ATTEMPTS = 3
LEASE = dt.timedelta(minutes=4)
SECONDS = 180  # then the process that makes it ends itself: well before its lease runs out
IN_MEMORY = 2_000_000  # bytes; the rest of a file goes to an unnamed temporary one
PIECE = 1_000_000  # bytes of a file in one row
DAYS = ("raised_from", "raised_to")
EXPORTS = 47  # the room of advisory locks in which people are locked while they ask


class TooMany(Exception):
    """This person has as many open exports as they may."""


class State(models.TextChoices):
    """What a person reads of their export."""

    WAITING = "waiting", _("Being made")
    READY = "ready", _("Ready")
    TAKEN = "taken", _("Downloaded")
    FAILED = "failed", _("Could not be made")
    GONE = "gone", _("Removed after 24 hours")
    CHANGED = "changed", _("Made again: your rights had changed")
    DROPPED = "dropped"  # nobody sees it any more


def state_of(export: Export, now: dt.datetime) -> State:
    """Where it stands now. One whose day is over is gone, also while the clock has not yet come round to remove it."""
    if export.failed_at:
        return State.FAILED
    if export.taken_at:
        return State.TAKEN
    if export.made_at is None:
        return State.DROPPED if export.removed_at else State.WAITING
    if export.made_at <= now - KEPT_FOR:
        return State.GONE
    return State.CHANGED if export.removed_at else State.READY


def all_of(person: User) -> models.QuerySet[Export]:
    """What this person asked for, latest first, without what was dropped because a right had ended."""
    dropped = Q(made_at=None, failed_at=None, removed_at__isnull=False)
    return Export.objects.filter(person=person, what=HISTORY).exclude(dropped).order_by("-asked_at", "-pk")


# ── rights ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def audits(person: User, day: dt.date) -> bool:
    """Whether this person may export at all on that day."""
    return person.is_active and person.appointments.on(day).filter(office=Office.AUDITOR).exists()


def audited_by(person: User, day: dt.date) -> DisagreementQuerySet:
    """The disagreements of the partnerships that this person audits on that day, minus exclusions."""
    held = person.appointments.on(day).filter(office=Office.AUDITOR)
    return Disagreement.objects.visible_to(person).filter(partnership__in=held.values("partnership"))


def found(asked: dict[str, Any], audited: DisagreementQuerySet) -> DisagreementQuerySet:
    """What was asked for, of what may be seen: one disagreement, or all that fit."""
    if one := asked.get("disagreement"):
        return audited.filter(pk=one)
    return narrowed(audited, {name: dt.date.fromisoformat(value) if name in DAYS else value for name, value in asked.items()})


# ── asking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def ask(person: User, asked: dict[str, Any]) -> Export:
    """One more row for the worker; the same as before where the same still waits. `asked` holds ids, days (ISO) and a stage.

    Raises TooMany. Two pages posted at once wait here for each other.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [EXPORTS, str(person.pk)])
    now = timezone.now()
    waiting = Export.objects.filter(person=person, what=HISTORY, made_at=None, failed_at=None, removed_at=None)
    if same := waiting.filter(asked=asked).first():
        return same
    ready = Q(made_at__gt=now - KEPT_FOR, taken_at=None, removed_at=None)
    if waiting.count() + Export.objects.filter(ready, person=person).count() >= OPEN_AT_MOST:
        raise TooMany
    return Export.objects.create(person=person, what=HISTORY, asked=asked)


# ── making: in a process of its own, in the role of the web ─────────────────────────────────────────────────────────


def make(export_id: UUID, person_id: UUID) -> bool:
    """Makes the file with the rights that this person has now; whether it was made. Whoever lost their right finds nothing of it.

    The row is locked until the end: whoever was given the same export once more waits, and then sees that it is done.
    """
    person = User.objects.get(pk=person_id)
    with acting_as(person):
        waiting = Export.objects.filter(pk=export_id, person=person, made_at=None, failed_at=None, removed_at=None)
        export = waiting.select_for_update().first()
        if export is None:
            return False
        wanted = found(export.asked, audited_by(person, timezone.localdate()))
        if not audits(person, timezone.localdate()) or ("disagreement" in export.asked and not wanted.exists()):
            Export.objects.filter(pk=export.pk).update(removed_at=timezone.now())
            return False
        counts = history.Counts()
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
            _write(wanted, counts, file)
            kill_points.reached("in_export")
            export.size, export.sha256 = _keep(export, file)
        export.counts = amounts = counts.said()
        export.holds, export.made_at, export.leased_until = counts.held, timezone.now(), None
        export.save(update_fields=["size", "sha256", "counts", "holds", "made_at", "leased_until"])
        _note(export, person, amounts)
        return True


def give_back(export_id: UUID, person_id: UUID) -> None:
    """After a fault: another process may try it at once, and not only when the lease has run out."""
    with acting_as(User.objects.get(pk=person_id)):
        Export.objects.filter(pk=export_id, made_at=None).update(leased_until=None)


def _write(wanted: DisagreementQuerySet, counts: history.Counts, file: tempfile.SpooledTemporaryFile[bytes]) -> None:
    """The CSV with a byte order mark, without which spreadsheets misread every accent; rewound."""
    file.write(codecs.BOM_UTF8)
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)  # type: ignore[type-var]
    csv.writer(text).writerows(history.rows(wanted, counts))
    text.detach()
    file.seek(0)


def _keep(export: Export, file: tempfile.SpooledTemporaryFile[bytes]) -> tuple[int, str]:
    """The file in the database, piece by piece; its size and SHA-256."""
    size, digest = 0, hashlib.sha256()
    for number, piece in enumerate(iter(lambda: file.read(PIECE), b"")):
        ExportPart.objects.bulk_create([ExportPart(export=export, number=number, content=piece)])
        size += len(piece)
        digest.update(piece)
    return size, digest.hexdigest()


def _note(export: Export, person: User, amounts: dict[str, int]) -> None:
    """One row of the trail for each partnership in the file: who exported how much, and which file it was."""
    only = UUID(export.asked["disagreement"]) if "disagreement" in export.asked else None
    held = Disagreement.objects.filter(pk__in=_held_by(export)).order_by()
    partnerships: set[UUID | None] = set(held.values_list("partnership", flat=True).distinct()) or {None}
    facts = {**amounts, "export": export.pk, "sha256": export.sha256}
    for partnership in partnerships:
        trail.note(Trace.Kind.EXPORTED, HISTORY, person=person.pk, disagreement=only, partnership=partnership, **facts)


# ── taking it away ──────────────────────────────────────────────────────────────────────────────────────────────────


class NotThere(Exception):
    """There is no file to take, or none any more."""


class RightsChanged(Exception):
    """Something in the file may no longer be seen by whoever asked for it. The file is gone; `afresh` is made instead."""

    def __init__(self, afresh: Export) -> None:
        self.afresh = afresh


def take(export_id: UUID, person: User) -> IO[bytes]:
    """The file, once: afterwards it is gone from the database. Rights are read again: all that is in it must still be visible.

    Raises NotThere, and RightsChanged for a file that holds what may no longer be seen.
    """
    now = timezone.now()
    export = Export.objects.select_for_update().filter(pk=export_id, person=person).first()
    if export is None or state_of(export, now) != State.READY:
        raise NotThere
    audited = audited_by(person, timezone.localdate(now))
    if audited.filter(pk__in=_held_by(export)).count() != len(export.holds):
        _remove([export.pk], now)
        raise RightsChanged(ask(person, export.asked))
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the response closes it
    for piece in _pieces(export):
        file.write(piece)
    file.seek(0)
    Export.objects.filter(pk=export.pk).update(taken_at=now)
    _remove([export.pk], now)
    trail.note(Trace.Kind.EXPORTED, f"{HISTORY} taken", person=person.pk, export=export.pk, sha256=export.sha256)
    return file  # type: ignore[return-value]


def _held_by(export: Export) -> models.QuerySet[Export, Any]:
    """The disagreements in the file, as a subquery: they may be many."""
    return Export.objects.filter(pk=export.pk).values_list(Func(F("holds"), function="unnest"), flat=True)


def _pieces(export: Export) -> Iterator[bytes]:
    """One after the other, never all at once."""
    number = 0
    while (piece := ExportPart.objects.filter(export=export, number=number).values_list("content", flat=True).first()) is not None:
        yield bytes(piece)
        number += 1


def _remove(exports: list[UUID], now: dt.datetime) -> None:
    ExportPart.objects.filter(export__in=exports).delete()
    Export.objects.filter(pk__in=exports).update(removed_at=now, holds=[])


# ── what the clock does ─────────────────────────────────────────────────────────────────────────────────────────────


def claim_next(now: dt.datetime) -> Export | None:
    """Leases the oldest export that waits for somebody to make it. Passes over those whose person may not export any more (they are
    dropped), and gives up those that were tried too often. Call inside a transaction."""
    waiting = Export.objects.filter(made_at=None, failed_at=None, removed_at=None)
    free = waiting.filter(Q(leased_until=None) | Q(leased_until__lt=now)).select_related("person")
    while export := free.select_for_update(skip_locked=True, of=("self",)).order_by("asked_at", "pk").first():
        if not audits(export.person, timezone.localdate(now)):
            export.removed_at = now
        elif export.attempts >= ATTEMPTS:
            export.failed_at = now
        else:
            export.leased_until, export.attempts = now + LEASE, export.attempts + 1
        export.save(update_fields=["removed_at", "failed_at", "leased_until", "attempts"])
        if export.leased_until and export.leased_until > now:
            return export
    return None


def being_made(now: dt.datetime) -> int:
    """How many are leased now."""
    return Export.objects.filter(made_at=None, failed_at=None, removed_at=None, leased_until__gte=now).count()


def remove_old(now: dt.datetime) -> int:
    """Files that nobody took within their day go; how many went."""
    old = Export.objects.filter(made_at__lte=now - KEPT_FOR, removed_at=None).values_list("pk", flat=True)
    exports = list(old[:1000])
    if exports:
        _remove(exports, now)
    return len(exports)


__all__ = [
    *("NotThere", "RightsChanged", "State", "TooMany"),
    *("all_of", "ask", "audited_by", "audits", "being_made", "claim_next", "found", "give_back", "make", "remove_old", "state_of", "take"),
]
