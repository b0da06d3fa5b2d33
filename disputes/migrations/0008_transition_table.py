"""The moves that came with who may see it: invitations, conflicts of interest, emergencies, posts that changed hands."""

from django.db import migrations

ADDED = {
    "break_glass": [
        ("closed", "closed"),
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("redirected", "redirected"),
        ("resolved", "resolved"),
        ("up_the_line", "up_the_line"),
        ("withdrawn", "withdrawn"),
    ],
    "change_holder": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "confirm_break_glass": [
        ("closed", "closed"),
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("redirected", "redirected"),
        ("resolved", "resolved"),
        ("up_the_line", "up_the_line"),
        ("withdrawn", "withdrawn"),
    ],
    "exclude": [
        ("closed", "closed"),
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("redirected", "redirected"),
        ("resolved", "resolved"),
        ("up_the_line", "up_the_line"),
        ("withdrawn", "withdrawn"),
    ],
    "invite": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "lift_exclusion": [
        ("closed", "closed"),
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("redirected", "redirected"),
        ("resolved", "resolved"),
        ("up_the_line", "up_the_line"),
        ("withdrawn", "withdrawn"),
    ],
    "refuse_break_glass": [
        ("closed", "closed"),
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("redirected", "redirected"),
        ("resolved", "resolved"),
        ("up_the_line", "up_the_line"),
        ("withdrawn", "withdrawn"),
    ],
}


def fill(apps, schema_editor):
    AllowedMove = apps.get_model("disputes", "AllowedMove")
    AllowedMove.objects.bulk_create(
        AllowedMove(kind=kind, from_stage=from_stage, to_stage=to_stage) for kind, pairs in ADDED.items() for from_stage, to_stage in pairs
    )


class Migration(migrations.Migration):
    dependencies = [("disputes", "0007_rights_of_seats")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
