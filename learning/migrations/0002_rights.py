"""Row-level security of learning points and debriefs: who sees the disagreement, and those who take the learning on."""

from django.db import migrations

from accounts.history import TRIGGERS_ALWAYS_FIRE

SEEN = "disagreement_id IN (SELECT accord_visible())"


def protect(apps, schema_editor):
    taken_on = {
        "learningpoint": "accord_represents(partnership_id, agency_id)",
        "debriefrequest": "accord_represents(partnership_id, NULL)",
    }
    for name, also in taken_on.items():
        table = f"learning_{name}"
        schema_editor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        schema_editor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        schema_editor.execute(f"REVOKE UPDATE ON {table} FROM accord_app")
        schema_editor.execute(f"CREATE POLICY owner ON {table} TO accord_owner USING (true) WITH CHECK (true)")
        schema_editor.execute(f"CREATE POLICY seen ON {table} FOR SELECT TO accord_app USING ({SEEN} OR {also})")
        schema_editor.execute(f"CREATE POLICY written ON {table} FOR INSERT TO accord_app WITH CHECK ({SEEN})")


class Migration(migrations.Migration):
    dependencies = [("learning", "0001_points_and_debriefs"), ("disputes", "0003_transition_table")]
    operations = [
        migrations.RunPython(protect, migrations.RunPython.noop),
        migrations.RunSQL(TRIGGERS_ALWAYS_FIRE, migrations.RunSQL.noop),
    ]
