"""Who people are: the partnership (tenant), agencies, teams, people, posts, stand-ins and appointments."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, ClassVar

import pgtrigger
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from accounts.history import History, settled


class Row(models.Model):
    """A row with a random key: nothing can be guessed or counted from it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)

    class Meta:
        abstract = True


class Partnership(Row):
    """One local safeguarding children board or partnership: the tenant."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    calendar = models.CharField(max_length=40, default="england-and-wales")  # whose bank holidays count
    front_door = models.CharField(max_length=120)  # telephone of the front door in working hours
    out_of_hours = models.CharField(max_length=120)  # telephone of the emergency duty team
    office_phone = models.CharField(max_length=120, blank=True)
    is_demo = models.BooleanField(default=False)

    history = History()

    def __str__(self) -> str:
        return self.name


class Agency(Row):
    """Children's social care, a school, a health trust, the police. Global: it may sit in several partnerships."""

    name = models.CharField(max_length=120)
    partnerships: models.ManyToManyField = models.ManyToManyField(Partnership, through="Membership", related_name="agencies")

    history = History()

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "agencies"

    def __str__(self) -> str:
        return self.name


class Membership(Row):
    """An agency's place in a partnership."""

    partnership = models.ForeignKey(Partnership, models.PROTECT)
    agency = models.ForeignKey(Agency, models.PROTECT)

    history = History()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["partnership", "agency"], name="one_membership")]

    def __str__(self) -> str:
        return f"{self.agency} in {self.partnership}"


class Team(Row):
    """A team of an agency; two teams of one agency may be two sides (23.4: within and between agencies)."""

    agency = models.ForeignKey(Agency, models.PROTECT, related_name="teams")
    name = models.CharField(max_length=120)
    out_of_hours = models.CharField(max_length=120, blank=True)  # telephone shown on the printable page

    history = History()

    class Meta:
        ordering = ["agency__name", "name"]

    def __str__(self) -> str:
        return f"{self.agency.name}, {self.name}" if self.name else self.agency.name


class People(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: object) -> User:
        """A person with a work e-mail address; without a password they cannot sign in with one."""
        person = self.model(email=self.normalize_email(email).lower(), **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def get_by_natural_key(self, email: str | None) -> User:
        return self.get(email=(email or "").lower())


class Mail(models.TextChoices):
    """How often a person wants mail. What is urgent comes at once, whatever is chosen."""

    AT_ONCE = "at_once", _("At once")
    DAILY = "daily", _("One email each working day")
    WEEKLY = "weekly", _("One email each week")


class User(AbstractBaseUser, Row):
    """A person. Deactivated when they leave, never deleted: the record names them."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    mail = models.CharField(max_length=10, choices=Mail.choices, default=Mail.AT_ONCE)
    kept_by = models.ForeignKey(Agency, models.PROTECT, null=True, blank=True, related_name="people")  # its administrator keeps the account
    kept_for = models.ForeignKey(Partnership, models.PROTECT, null=True, blank=True, related_name="+")  # else the office of this one does
    address_changed_at = models.DateTimeField(null=True, blank=True)  # the database stamps it
    left_on = models.DateField(null=True, blank=True)
    rights_version = models.PositiveIntegerField(default=0)  # the database counts it up when a right changes: every session ends

    history = History(excluded_fields=["password", "last_login", "mail", "rights_version", "address_changed_at"])
    objects = People()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")

    def __str__(self) -> str:
        return self.name

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """What every session is held against at each request: it ends with another password, and when a right changes."""
        key_salt = "accounts.User.session"
        return salted_hmac(key_salt, f"{self.password}:{self.rights_version}", secret=secret, algorithm="sha256").hexdigest()


class Post(Row):
    """A person's place in a team. Reporting lines and opposite numbers are found through posts (23.15, 23.16)."""

    team = models.ForeignKey(Team, models.PROTECT, related_name="posts")
    holder = models.ForeignKey(User, models.PROTECT, related_name="posts", null=True, blank=True)  # null: nobody on the system
    title = models.CharField(max_length=120)
    level = models.PositiveSmallIntegerField(default=0)  # 0 practitioner, 1 line manager, 2 and more senior
    reports_to = models.ForeignKey("self", models.PROTECT, related_name="reports", null=True, blank=True)
    adviser = models.ForeignKey("self", models.PROTECT, related_name="advised", null=True, blank=True)  # e.g. named nurse
    ended_on = models.DateField(null=True, blank=True)

    history = History()

    class Meta:
        ordering = ["team__agency__name", "team__name", "level", "title"]

    def __str__(self) -> str:
        return f"{self.holder.name if self.holder else _('nobody yet')}, {self.title}"

    @property
    def is_held(self) -> bool:
        """Whether somebody with a working account holds it."""
        return self.ended_on is None and self.holder is not None and self.holder.is_active

    def up_the_line(self) -> list[Post]:
        """The posts above this one, nearest first. Stops at a loop, so a wrong reporting line cannot hang a page."""
        line: list[Post] = []
        post = self.reports_to
        while post is not None and post not in line and post != self:
            line.append(post)
            post = post.reports_to
        return line

    def manager_at(self, level: int) -> Post | None:
        """The post on this line that acts at `level`: the team's own mapping first, else the first high enough; None: a gap."""
        mapped = StepPost.objects.filter(team=self.team, level=level).select_related("post__holder", "post__team__agency").first()
        if mapped:
            return mapped.post
        return next((post for post in self.up_the_line() if post.level >= level and post.is_held), None)

    def stand_ins_on(self, day: dt.date) -> models.QuerySet[StandIn]:
        return self.stand_ins.filter(starts_on__lte=day, ends_on__gte=day)


class StepPost(Row):
    """A team's own answer to "who acts for you at this level"; the post may be borrowed, as GP practices do."""

    team = models.ForeignKey(Team, models.PROTECT, related_name="step_posts")
    level = models.PositiveSmallIntegerField()
    post = models.ForeignKey(Post, models.PROTECT)

    history = History()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "level"], name="one_post_for_each_level")]

    def __str__(self) -> str:
        return f"{self.team}, level {self.level}: {self.post}"


class StandIn(Row):
    """Who acts for a post between two days, school holidays too. Shown in the record as "for"."""

    post = models.ForeignKey(Post, models.PROTECT, related_name="stand_ins")
    person = models.ForeignKey(User, models.PROTECT, related_name="standing_in")
    starts_on = models.DateField()
    ends_on = models.DateField()

    history = History()

    class Meta:
        constraints = [  # one that is called off before its first day ends the day before it
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on") - dt.timedelta(days=1)), name="stand_in_ends_after_it_starts")
        ]

    def __str__(self) -> str:
        return f"{self.person} for {self.post}"


class Office(models.TextChoices):
    """The offices a person may hold in a partnership."""

    CHAIR = "chair", _("Chair")
    DEPUTY = "deputy", _("Deputy chair")
    OFFICE = "office", _("Partnership office")
    AUDITOR = "auditor", _("Auditor")
    REPRESENTATIVE = "representative", _("Agency representative")
    SAFEGUARDING_LEAD = "safeguarding_lead", _("Safeguarding lead of an agency")
    ADMINISTRATOR = "administrator", _("Agency administrator")
    SUBGROUP = "subgroup", _("Subgroup member")


OF_AN_AGENCY = (Office.REPRESENTATIVE, Office.SAFEGUARDING_LEAD, Office.ADMINISTRATOR)
"""Offices that are held for one agency in the partnership; the others are the partnership's own."""


class AppointmentQuerySet(models.QuerySet["Appointment"]):
    def on(self, day: dt.date) -> AppointmentQuerySet:
        return self.filter(starts_on__lte=day, person__is_active=True).filter(Q(ends_on=None) | Q(ends_on__gte=day))

    def people(self, partnership: Partnership, office: str, day: dt.date) -> list[User]:
        """Who holds this office in this partnership on this day."""
        held = self.on(day).filter(partnership=partnership, office=office).select_related("person").order_by("person__name")
        return [appointment.person for appointment in held]


class Appointment(Row):
    """A person's office in a partnership, with dates."""

    partnership = models.ForeignKey(Partnership, models.PROTECT, related_name="appointments")
    person = models.ForeignKey(User, models.PROTECT, related_name="appointments")
    office = models.CharField(max_length=20, choices=Office.choices)
    agency = models.ForeignKey(Agency, models.PROTECT, null=True, blank=True)  # for the offices of an agency (OF_AN_AGENCY)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)

    history = History()
    objects = AppointmentQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.person}, {self.get_office_display()} of {self.partnership}"


class Invitation(Row):
    """A way in for one person who has no account yet. Its link only navigates: it opens nothing by being fetched (mail scanners fetch).

    The link's key is made from this row's id and the service's secret, and only its hash is kept; the code is told by another channel.
    Used once, within 72 hours, after which whoever invited may invite again.
    """

    person = models.ForeignKey(User, models.PROTECT, related_name="invitations")  # not active until it is taken up
    invited_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    partnership = models.ForeignKey(Partnership, models.PROTECT, null=True)  # in whose name; null: an agency's administrator
    post = models.ForeignKey(Post, models.PROTECT, null=True)  # the vacant post they will hold
    key_hash = models.CharField(max_length=64, unique=True)
    code_hash = models.CharField(max_length=128)
    made_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    wrong_codes = models.PositiveSmallIntegerField(default=0)
    taken_up_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [settled("wrong_codes", "taken_up_at", "revoked_at")]

    def __str__(self) -> str:
        return str(self.pk)


class Letter(Row):
    """A mail about an account that is owed to one person: sent by a worker from this row, so that a page takes as long whether or not
    there is such a person. Holds no secret, and no address but one that they no longer have: the rest is made when it is sent."""

    class Kind(models.TextChoices):
        INVITATION = "invitation"
        SEAT = "seat"  # somebody who has an account already was asked to take part
        RESET = "reset"
        PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a kind of letter
        SECOND_FACTOR_CHANGED = "second_factor_changed"
        RIGHTS_CHANGED = "rights_changed"
        ADDRESS_CHANGED = "address_changed"  # to the address which they had until then
        ALARM = "alarm"  # unusual reading, an unconfirmed emergency access: look at the page of alarms

    kind = models.CharField(max_length=24, choices=Kind.choices)
    person = models.ForeignKey(User, models.PROTECT, related_name="letters")
    invitation = models.ForeignKey(Invitation, models.PROTECT, null=True)
    address = models.EmailField(blank=True, db_default="")  # only where it goes to one which they had before
    made_at = models.DateTimeField(db_default=Now())
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    dropped_at = models.DateTimeField(null=True)  # no longer owed, or given up

    class Meta:
        indexes: ClassVar[list[Any]] = [models.Index(fields=["made_at"], condition=Q(sent_at=None, dropped_at=None), name="letters_owed")]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [settled("leased_until", "attempts", "sent_at", "dropped_at")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class KeptForm(Row):
    """What a person was typing on one page: kept by the page as they type, or when they post it after their session ended. Theirs alone;
    no history, deleted when the page is sent or after a week."""

    person = models.ForeignKey(User, models.CASCADE, related_name="+")
    path = models.CharField(max_length=300)
    fields = models.JSONField()  # name -> list of values, as posted
    kept_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["person", "path"], name="one_kept_form_a_page")]

    def __str__(self) -> str:
        return str(self.pk)


class Attempt(models.Model):
    """One try at a password, a code or a link, counted for some minutes and then deleted. `about` is a keyed hash of the account or of the
    network it came from: no address, no person."""

    about = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[Any]] = [models.Index(fields=["about", "at"], name="attempts_about")]

    def __str__(self) -> str:
        return f"{self.about[:8]} {self.at}"
