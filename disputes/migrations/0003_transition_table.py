"""Fills the database's own copy of the transition table. A change of the table in disputes/disagreement.py needs a further one."""

from django.db import migrations

ALLOWED = {
    "accept_mediation": [
        ("lscb_mediation", "lscb_mediation"),
    ],
    "add_note": [
        ("closed", "closed"),
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("redirected", "redirected"),
        ("resolved", "resolved"),
        ("up_the_line", "up_the_line"),
        ("withdrawn", "withdrawn"),
    ],
    "agree_to_differ": [
        ("line_manager", "closed"),
        ("line_manager", "line_manager"),
        ("lscb_mediation", "closed"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "closed"),
        ("practitioner", "practitioner"),
        ("up_the_line", "closed"),
        ("up_the_line", "up_the_line"),
    ],
    "answer": [
        ("line_manager", "line_manager"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "answer_closing_questions": [
        ("closed", "closed"),
        ("redirected", "redirected"),
        ("resolved", "resolved"),
        ("withdrawn", "withdrawn"),
    ],
    "ask_the_chair": [
        ("line_manager", "lscb_mediation"),
        ("up_the_line", "lscb_mediation"),
    ],
    "bring_in_support": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "cannot_tell_which_child": [
        ("line_manager", "line_manager"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "change_opposite_number": [
        ("line_manager", "line_manager"),
        ("up_the_line", "up_the_line"),
    ],
    "close_as_unconfirmed": [
        ("line_manager", "closed"),
        ("lscb_mediation", "closed"),
        ("practitioner", "closed"),
        ("up_the_line", "closed"),
    ],
    "close_without_agreement": [
        ("line_manager", "closed"),
        ("lscb_mediation", "closed"),
        ("up_the_line", "closed"),
    ],
    "confirm_outcome": [
        ("line_manager", "line_manager"),
        ("line_manager", "resolved"),
        ("lscb_mediation", "lscb_mediation"),
        ("lscb_mediation", "resolved"),
        ("practitioner", "practitioner"),
        ("practitioner", "resolved"),
        ("up_the_line", "resolved"),
        ("up_the_line", "up_the_line"),
    ],
    "correct_entry": [
        ("closed", "closed"),
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("redirected", "redirected"),
        ("resolved", "resolved"),
        ("up_the_line", "up_the_line"),
        ("withdrawn", "withdrawn"),
    ],
    "countersign": [
        ("line_manager", "line_manager"),
        ("line_manager", "resolved"),
        ("lscb_mediation", "lscb_mediation"),
        ("lscb_mediation", "resolved"),
        ("practitioner", "practitioner"),
        ("practitioner", "resolved"),
        ("up_the_line", "resolved"),
        ("up_the_line", "up_the_line"),
    ],
    "decline_mediation": [
        ("lscb_mediation", "line_manager"),
        ("lscb_mediation", "up_the_line"),
    ],
    "decline_outcome": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "match_child": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "pass_on": [
        ("practitioner", "practitioner"),
    ],
    "pass_up_the_line": [
        ("line_manager", "line_manager"),
        ("line_manager", "up_the_line"),
        ("up_the_line", "up_the_line"),
    ],
    "propose_outcome": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "reach_last_chaser": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "reach_limit": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "record_answer_for": [
        ("line_manager", "line_manager"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "record_confirmation_for": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "record_discussion": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "record_mediation": [
        ("lscb_mediation", "lscb_mediation"),
    ],
    "redirect": [
        ("line_manager", "redirected"),
        ("lscb_mediation", "redirected"),
        ("practitioner", "redirected"),
        ("up_the_line", "redirected"),
    ],
    "refer_to_line_manager": [
        ("practitioner", "line_manager"),
    ],
    "refuse_countersign": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "reopen": [
        ("resolved", "line_manager"),
        ("resolved", "practitioner"),
        ("resolved", "up_the_line"),
    ],
    "say_child_at_immediate_risk": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "say_still_at_risk": [
        ("closed", "closed"),
        ("redirected", "redirected"),
        ("resolved", "resolved"),
        ("withdrawn", "withdrawn"),
    ],
    "say_which_child": [
        ("line_manager", "line_manager"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "send": [
        ("recognition", "line_manager"),
        ("recognition", "practitioner"),
        ("recognition", "up_the_line"),
    ],
    "withdraw": [
        ("line_manager", "withdrawn"),
        ("lscb_mediation", "withdrawn"),
        ("practitioner", "withdrawn"),
        ("up_the_line", "withdrawn"),
    ],
}


def fill(apps, schema_editor):
    AllowedMove = apps.get_model("disputes", "AllowedMove")
    AllowedMove.objects.bulk_create(
        AllowedMove(kind=kind, from_stage=from_stage, to_stage=to_stage)
        for kind, pairs in ALLOWED.items()
        for from_stage, to_stage in pairs
    )


class Migration(migrations.Migration):
    dependencies = [("disputes", "0002_rights")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
