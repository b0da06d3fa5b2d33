"""Who people are: the partnership (tenant), agencies, teams, people, posts, stand-ins and appointments."""

from __future__ import annotations

import datetime as dt
import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.history import History


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

    history = History(excluded_fields=["password", "last_login", "mail"])
    objects = People()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")

    def __str__(self) -> str:
        return self.name


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
        constraints = [models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="stand_in_ends_after_it_starts")]

    def __str__(self) -> str:
        return f"{self.person} for {self.post}"


class Office(models.TextChoices):
    """The offices a person may hold in a partnership."""

    CHAIR = "chair", _("Chair")
    DEPUTY = "deputy", _("Deputy chair")
    OFFICE = "office", _("Partnership office")
    AUDITOR = "auditor", _("Auditor")
    REPRESENTATIVE = "representative", _("Agency representative")


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
    agency = models.ForeignKey(Agency, models.PROTECT, null=True, blank=True)  # for a representative
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)

    history = History()
    objects = AppointmentQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.person}, {self.get_office_display()} of {self.partnership}"
