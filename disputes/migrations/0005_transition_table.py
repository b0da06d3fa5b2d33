"""The moves that came with the time a disagreement has: meetings, acknowledgement, disputed act, pauses, and what the clock notices."""

from django.db import migrations

ADDED = {
    "acknowledge": [
        ("line_manager", "line_manager"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "agree_standstill": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "hold_meeting": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "name_disputed_act": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "note_stall": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "pause_clock": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "reach_inner_limit": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "redate": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "resume_clock": [
        ("line_manager", "line_manager"),
        ("lscb_mediation", "lscb_mediation"),
        ("practitioner", "practitioner"),
        ("up_the_line", "up_the_line"),
    ],
    "take_next_step": [
        ("practitioner", "practitioner"),
    ],
}


def fill(apps, schema_editor):
    AllowedMove = apps.get_model("disputes", "AllowedMove")
    AllowedMove.objects.bulk_create(
        AllowedMove(kind=kind, from_stage=from_stage, to_stage=to_stage) for kind, pairs in ADDED.items() for from_stage, to_stage in pairs
    )


class Migration(migrations.Migration):
    dependencies = [("disputes", "0004_times")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
