"""How often one may try: five times in five minutes for an account, more for a network, and then a wait; never a lock that stays.

Tries are rows, for the cache is disposable. They are written beside the request's transaction, so that tries at the same moment count
each other. A try that succeeds is given back: only failures add up.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Self

from allauth.account.adapter import get_adapter
from allauth.core.internal.ratelimit import truncate_ip
from django.db import connections, transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import Attempt

BESIDE = "refusals"


@dataclass(frozen=True)
class Limit:
    """So many tries within this time."""

    name: str
    most: int
    within: dt.timedelta


ACCOUNT = Limit("account", 5, dt.timedelta(minutes=5))
NETWORK = Limit("network", 50, dt.timedelta(minutes=5))  # a whole council may come from one address
LINKS = Limit("links", 3, dt.timedelta(hours=1))  # mails with a link to a new password, for one address
LONGEST = dt.timedelta(hours=1)


class TooMany(Exception):
    """There were too many tries: this one is not made, and does not count."""


@dataclass
class Tries:
    """What one request took of its limits."""

    rows: list[int] = field(default_factory=list)

    def give_back(self) -> None:
        Attempt.objects.using(BESIDE).filter(pk__in=self.rows).delete()
        self.rows = []

    def take(self, limit: Limit, key: str, now: dt.datetime | None = None) -> Self:
        """One more try under this limit; raises TooMany, and gives back what was taken before."""
        now = now or timezone.now()
        about = _about(limit, key)
        with transaction.atomic(using=BESIDE):
            with connections[BESIDE].cursor() as cursor:  # tries at the same moment come one after the other
                cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [about])
            made = Attempt.objects.using(BESIDE).filter(about=about, at__gt=now - limit.within).count()
            if made < limit.most:
                self.rows.append(Attempt.objects.using(BESIDE).create(about=about, at=now).pk)
                return self
        self.give_back()
        raise TooMany


def take(request: HttpRequest, limit: Limit, key: str) -> Tries:
    """One try for this account, and one from the network it comes from. Raises TooMany."""
    return Tries().take(limit, key).take(NETWORK, network_of(request))


def network_of(request: HttpRequest) -> str:
    """Where a request comes from, past the proxies that are ours (TRUSTED_PROXY_COUNT); of IPv6 the network only."""
    return truncate_ip(get_adapter(request).get_client_ip(request))


def forget(limit: Limit, key: str) -> None:
    """Who has shown otherwise that the account is theirs begins anew."""
    Attempt.objects.using(BESIDE).filter(about=_about(limit, key)).delete()


def forget_old(now: dt.datetime) -> None:
    Attempt.objects.using(BESIDE).filter(at__lte=now - LONGEST).delete()


def _about(limit: Limit, key: str) -> str:
    return salted_hmac("accounts.limits", f"{limit.name}:{key}", algorithm="sha256").hexdigest()
