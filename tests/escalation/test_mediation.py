"""Mediation (23.17): considered with both positions side by side, mediated by somebody without a stake, in private with each side, in a
joint session, and ended by what both confirm."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from html import unescape
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.acting import acting_as
from accounts.models import StandIn, User
from audit.models import Trace
from disputes.models import Disagreement, Entry, Seat, SideNote, Text
from disputes.stages import Awaiting, Capacity, Mediation
from escalation import history_of_words if False else notices  # noqa
