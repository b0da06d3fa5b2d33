"""All models of this room, for Django to find; each stands in the module that says what it is for."""

from disputes.agreement import Agreement, Confirmation, OutstandingIssue
from disputes.disagreement import Disagreement
from disputes.drafts import Draft, DraftReader
from disputes.places import Child, ChildReference, Exclusion, Seat, Side, SideNote
from disputes.record import AllowedMove, Entry, Text

__all__ = [
    "Agreement",
    "AllowedMove",
    "Child",
    "ChildReference",
    "Confirmation",
    "Disagreement",
    "Draft",
    "DraftReader",
    "Entry",
    "Exclusion",
    "OutstandingIssue",
    "Seat",
    "Side",
    "SideNote",
    "Text",
]
