"""Who may what: one line for every address, and for every capacity. `manage.py access` writes docs/access.md from it; tests/test_matrix.py
asks every address as everybody and fails when an answer, or a new address, is not in this table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Audience(Enum):
    """Whom an address is for. Everybody else gets the answer of something that does not exist; who has not signed in is asked to."""

    EVERYBODY = "everybody, without signing in"
    SIGNING_IN = "who is on the way in or out, and whoever asks how their own session stands"
    THE_INVITED = "whoever has the link of an invitation or of a forgotten password; it only leads to a form"
    SIGNED_IN = "everybody who has signed in"
    THEMSELVES = "each person, for what is their own; other people's things do not exist for them"
    IN_A_POST = "whoever holds a post in an agency of a partnership"
    WHO_SEES_IT = "who sees the disagreement: a seat now, audit of the partnership, safeguarding lead of an agency that takes part"
    WHO_RAISED_IT = "the person who raised it"
    THE_PARTIES = "who sits on a side of it, being told apart: notes of one's own side only"
    THE_SIDES_IN_MEDIATION = "who sits on a side of it, being told apart, once the Chair has accepted: their own side’s private thread"
    WHO_MEDIATES = "the Chair who has accepted, and the mediator: the private thread with each side"
    WHO_SEES_THE_RECORD = "who sees the whole record of it, once a joint session has a date"
    WHO_TAKES_PART = "who takes part in it: a seat that sees the whole record, being told apart"
    THE_AUTHOR = "the author of the draft; whom they consult may read it"
    OFFICE_AND_CHAIR = "the partnership’s office, the Chair and the deputy"
    OFFICE = "the partnership’s office"
    LEARNING = "agency representatives for their agency, subgroup members, and the office"
    THEMES = "subgroup members, the office, agency representatives, Chair, deputy and auditors"
    DECIDING = "subgroup members and the office"
    SEES_TO_IT = "subgroup members, the office, and whoever a decision names to see to it"
    CHANGED = "everybody who works in the partnership, once something has changed; before, who reads the themes"
    LEARNING_EVENTS = "everybody who works in the partnership or holds an office in it; others find none"
    THE_DEBRIEFED = "who is asked to the debrief, and the office without its note"
    AT_THE_DEBRIEF = "who said that they came to the debrief: not the office, nor anybody else"
    AUDITORS = "auditors, while appointed"
    AUDITORS_AND_LEADS = "auditors of the partnership, and safeguarding leads for the people of their agency"
    WATCHING = "safeguarding leads for the people of their agency, auditors and the office"
    KEEPERS = "the agency’s administrator; the office as long as it has none"
    KEEPERS_AND_OFFICE = "the agency’s administrator; the partnership’s office reads"
    DIRECTORIES = "agency administrators and the partnership’s office"


A = Audience


@dataclass(frozen=True)
class Address:
    """One address: for whom, whether it writes, and whether it asks for a second factor given in the last five minutes."""

    name: str
    audience: Audience
    fresh: bool = False


ADDRESSES: tuple[Address, ...] = (
    Address("start", A.EVERYBODY),
    Address("accessibility", A.EVERYBODY),
    Address("privacy", A.EVERYBODY),
    Address("how-to-disagree", A.EVERYBODY),
    Address("how-to-disagree-in", A.EVERYBODY),
    Address("live", A.EVERYBODY),
    Address("ready", A.EVERYBODY),
    Address("security-txt", A.EVERYBODY),
    Address("csp-report", A.EVERYBODY),
    Address("sign-in", A.SIGNING_IN),
    Address("mfa_authenticate", A.SIGNING_IN),
    Address("forgotten", A.SIGNING_IN),
    Address("new-password", A.THE_INVITED),
    Address("invitation", A.THE_INVITED),
    Address("openid_connect_login", A.SIGNING_IN),
    Address("openid_connect_callback", A.SIGNING_IN),
    Address("sign-out", A.SIGNED_IN),
    Address("account", A.THEMSELVES),
    Address("mail-choice", A.THEMSELVES),
    Address("password", A.THEMSELVES),
    Address("mfa_reauthenticate", A.THEMSELVES),
    Address("second-factor", A.THEMSELVES),
    Address("add-app", A.THEMSELVES, fresh=True),
    Address("add-passkey", A.THEMSELVES, fresh=True),
    Address("remove-second-factor", A.THEMSELVES, fresh=True),
    Address("recovery-codes", A.THEMSELVES),
    Address("download-recovery-codes", A.THEMSELVES),
    Address("new-recovery-codes", A.THEMSELVES, fresh=True),
    Address("session-left", A.SIGNING_IN),
    Address("session-extend", A.SIGNING_IN),
    Address("session-keep", A.SIGNING_IN),
    Address("session-forget", A.THEMSELVES),
    Address("sessions", A.THEMSELVES),
    Address("own-reading", A.THEMSELVES),
    Address("trail-printed", A.THEMSELVES),
    Address("stand-ins", A.THEMSELVES),
    Address("stand-in-end", A.THEMSELVES),
    Address("invitations", A.THEMSELVES),
    Address("invitation-code", A.THEMSELVES),
    Address("invite-again", A.THEMSELVES),
    Address("withdraw-invitation", A.THEMSELVES),
    Address("desk", A.SIGNED_IN),
    Address("disagreements", A.SIGNED_IN),
    Address("emergency", A.SIGNED_IN, fresh=True),
    Address("raise", A.IN_A_POST),
    Address("raise-question", A.THE_AUTHOR),
    Address("raise-check", A.THE_AUTHOR),
    Address("raise-delete", A.THE_AUTHOR),
    Address("raise-read", A.THE_AUTHOR),
    Address("raise-sent", A.WHO_RAISED_IT),
    Address("disagreement", A.WHO_SEES_IT),
    Address("who-can-see", A.WHO_SEES_IT),
    Address("versions", A.WHO_SEES_IT),
    Address("move", A.WHO_SEES_IT),
    Address("closing-questions", A.WHO_SEES_IT),
    Address("our-notes", A.THE_PARTIES),
    Address("thank", A.WHO_TAKES_PART),
    Address("thanks", A.THEMSELVES),
    Address("log", A.THEMSELVES),
    Address("log-new", A.THEMSELVES),
    Address("log-csv", A.THEMSELVES),
    Address("log-pdf", A.THEMSELVES),
    Address("log-change", A.THEMSELVES),
    Address("log-delete", A.THEMSELVES),
    Address("debriefs", A.THEMSELVES),
    Address("debrief", A.THE_DEBRIEFED),
    Address("debrief-arrange", A.OFFICE),
    Address("debrief-change", A.OFFICE),
    Address("debrief-note", A.AT_THE_DEBRIEF),
    Address("debrief-learning", A.AT_THE_DEBRIEF),
    Address("events", A.SIGNED_IN),
    Address("event", A.LEARNING_EVENTS),
    Address("event-new", A.DECIDING),
    Address("event-change", A.DECIDING),
    Address("capabilities", A.THEMES),
    Address("with-the-chair", A.THE_SIDES_IN_MEDIATION),
    Address("with-a-side", A.WHO_MEDIATES),
    Address("session-ics", A.WHO_SEES_THE_RECORD),
    Address("learning", A.SIGNED_IN),
    Address("learning-points", A.LEARNING),
    Address("learning-point", A.LEARNING),
    Address("learning-point-theme", A.DECIDING),
    Address("themes", A.THEMES),
    Address("theme-new", A.DECIDING),
    Address("theme", A.THEMES),
    Address("theme-change", A.DECIDING),
    Address("theme-decide", A.DECIDING),
    Address("theme-briefing", A.CHANGED),
    Address("decision-done", A.SEES_TO_IT),
    Address("figures", A.THEMES),
    Address("figures-period", A.THEMES),
    Address("figures-xlsx", A.THEMES),
    Address("figures-pdf", A.THEMES),
    Address("figures-csv", A.THEMES),
    Address("subgroups", A.OFFICE),
    Address("subgroup", A.OFFICE),
    Address("procedure", A.OFFICE_AND_CHAIR),
    Address("procedure-new", A.OFFICE_AND_CHAIR),
    Address("procedure-proposal", A.OFFICE_AND_CHAIR),
    Address("procedure-proposal-text", A.OFFICE_AND_CHAIR),
    Address("procedure-version", A.OFFICE_AND_CHAIR),
    Address("procedure-version-text", A.OFFICE_AND_CHAIR),
    Address("procedure-posts", A.OFFICE_AND_CHAIR),
    Address("procedure-post", A.OFFICE_AND_CHAIR),
    Address("procedure-calendar", A.OFFICE_AND_CHAIR),
    Address("appointments", A.OFFICE, fresh=True),
    Address("appoint", A.OFFICE, fresh=True),
    Address("appointment-end", A.OFFICE, fresh=True),
    Address("exports", A.AUDITORS),
    Address("export", A.THEMSELVES, fresh=True),
    Address("trail", A.AUDITORS_AND_LEADS),
    Address("trail-person", A.AUDITORS_AND_LEADS),
    Address("trail-export", A.AUDITORS_AND_LEADS, fresh=True),
    Address("trail-alarms", A.WATCHING),
    Address("trail-alarm-looked-into", A.WATCHING),
    Address("directory", A.DIRECTORIES),
    Address("directory-agency-new", A.OFFICE, fresh=True),
    Address("directory-agency", A.KEEPERS_AND_OFFICE),
    Address("directory-people", A.KEEPERS_AND_OFFICE),
    Address("directory-person-new", A.KEEPERS, fresh=True),
    Address("directory-team-new", A.KEEPERS),
    Address("directory-post-new", A.KEEPERS, fresh=True),
    Address("directory-import", A.KEEPERS, fresh=True),
    Address("directory-template", A.KEEPERS),
    Address("directory-export", A.KEEPERS),
    Address("directory-changes", A.KEEPERS_AND_OFFICE),
    Address("directory-team", A.KEEPERS),
    Address("directory-post", A.KEEPERS),
    Address("directory-post-change", A.KEEPERS, fresh=True),
    Address("directory-post-end", A.KEEPERS, fresh=True),
    Address("directory-post-stand-in", A.KEEPERS, fresh=True),
    Address("directory-person", A.KEEPERS),
    Address("directory-person-change", A.KEEPERS, fresh=True),
    Address("directory-person-invite", A.KEEPERS, fresh=True),
    Address("directory-person-left", A.KEEPERS, fresh=True),
    Address("directory-person-sign-in", A.KEEPERS, fresh=True),
    Address("directory-person-second-step", A.KEEPERS, fresh=True),
)
BY_NAME = {address.name: address for address in ADDRESSES}

ALSO_CALLED = {
    "account_login": "sign-in",
    "account_logout": "sign-out",
    "account_reauthenticate": "mfa_reauthenticate",
    None: "closing-questions",  # as the move is called
}
"""The same addresses under the names by which libraries and moves call them."""


CANNOT_ACT = "everything, no notes of a side; cannot act"
SEES: tuple[tuple[str, str, str, str], ...] = (
    ("Practitioner who raised it, or answers", "the act that named them", "they leave the post, pass it on, or are excluded", "everything"),
    ("Colleague asked to support", "the asking", "as above", "everything, notes of their side too"),
    ("Line manager or adviser, senior manager", "their step is reached, or the one below is late", "as above", "everything"),
    ("Stand-in", "the first day", "the last day", "what the post sees; acts are shown as “for”"),
    (
        "Chair or deputy",
        "when asked",
        "their appointment ends",
        "both positions; from accepting the whole record and the private thread with each side",
    ),
    ("Mediator", "the Chair names them", "another is named, or they are excluded", "everything, and the private thread with each side"),
    ("Partnership’s office", "the policy tells them, or it needs them", "their appointment ends", "everything, no notes of a side"),
    ("Agency representative", "the policy tells them", "their appointment ends", CANNOT_ACT),
    ("Auditor", "the first day of the appointment", "its last day", f"every disagreement of the partnership: {CANNOT_ACT}"),
    ("Safeguarding lead of an agency", "the first day", "the last day", f"those in which the agency takes part: {CANNOT_ACT}"),
    ("Who opened it in an emergency", "at once, both agencies told", "four hours later, or a second person refuses", CANNOT_ACT),
    ("Agency administrator, whoever runs the service", "never", "", "keeps people and posts, sees no disagreement"),
    ("Somebody with a conflict of interest", "never again", "office or Chair lift the exclusion", "nothing, whatever right they have"),
)
"""(who, from when, until when, what): the rule of `Disagreement.objects.visible_to` and of `accord_visible()` in words."""
