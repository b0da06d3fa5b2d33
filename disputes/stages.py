"""The fixed words of a disagreement's state: stages, what is awaited, sides, capacities. Data only, no database."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Stage(models.TextChoices):
    """The FSM state (23.12-23.18 and the other ends). A partnership's own steps each belong to one of these."""

    RECOGNITION = "recognition", _("Recognition")
    PRACTITIONER = "practitioner", _("Between practitioners")
    LINE_MANAGER = "line_manager", _("Line managers")
    UP_THE_LINE = "up_the_line", _("Up the line")
    LSCB_MEDIATION = "lscb_mediation", _("LSCB mediation")
    RESOLVED = "resolved", _("Resolved")
    CLOSED = "closed", _("Closed without agreement")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    REDIRECTED = "redirected", _("Redirected")


BEFORE_CHAIR = [Stage.PRACTITIONER, Stage.LINE_MANAGER, Stage.UP_THE_LINE]
MANAGERS = [Stage.LINE_MANAGER, Stage.UP_THE_LINE]
OPEN = [*BEFORE_CHAIR, Stage.LSCB_MEDIATION]
ENDS = [Stage.RESOLVED, Stage.CLOSED, Stage.WITHDRAWN, Stage.REDIRECTED]


class Awaiting(models.TextChoices):
    """What the record waits for; with the sides and seats it says whose move it is."""

    NOTHING = "", _("Nothing")
    MATCH = "match", _("The other side to say which child this is")
    IDENTITY = "identity", _("The raising side to say which child this is")
    ANSWER = "answer", _("The other side's answer")
    DECISION = "decision", _("The raising side to say what next")
    CONFIRMATION = "confirmation", _("Written confirmation of the outcome")
    POSITION = "position", _("The other side to say whether it differs too")
    CHAIR = "chair", _("The Chair to accept or decline")
    MORE = "more", _("The sides to say more to the Chair")
    MEDIATION = "mediation", _("The Chair's mediation")
    SESSION = "session", _("The sides to say which dates suit them")


class Mediation(models.TextChoices):
    """How far the request to the Chair has come (23.17)."""

    NONE = "", _("Not asked")
    ASKED = "asked", _("Asked")
    ACCEPTED = "accepted", _("Accepted")
    DECLINED = "declined", _("Declined")
    HELD = "held", _("Held")


class SideKind(models.TextChoices):
    RAISING = "raising", _("Raising side")
    RESPONDING = "responding", _("Responding side")
    CONSULTED = "consulted", _("Consulted")


PARTIES = (SideKind.RAISING, SideKind.RESPONDING)  # their confirmation is needed; a consulted side's is not


class Capacity(models.TextChoices):
    """In which capacity a person sits at a disagreement."""

    RAISER = "raiser", _("Raised it")
    RESPONDER = "responder", _("Answers for the other agency")
    SUPPORTER = "supporter", _("Supports the person who raised it")
    LINE_MANAGER = "line_manager", _("Line manager or adviser")
    SENIOR = "senior", _("Senior manager")
    WRITES_FOR = "writes_for", _("Writes for a colleague")
    CHAIR = "chair", _("Chair")
    MEDIATOR = "mediator", _("Mediator")
    OFFICE = "office", _("Partnership office")
    TOLD = "told", _("Told")
    BREAK_GLASS = "break_glass", _("Opened it in an emergency")


ACTING = (Capacity.RAISER, Capacity.RESPONDER, Capacity.WRITES_FOR, Capacity.LINE_MANAGER, Capacity.SENIOR)
MANAGING = (Capacity.LINE_MANAGER, Capacity.SENIOR)
MEDIATING = (Capacity.CHAIR, Capacity.MEDIATOR)


class ChildSafe(models.TextChoices):
    """The answer to "is the child safe now?", asked in every move (23.5)."""

    YES = "yes", _("Yes, as far as I know")
    UNSURE = "unsure", _("I am not sure")
    NO = "no", _("No, a child is at immediate risk")
