"""An export is its asker's alone. The clock claims it, drops it and takes the file away; the words are read by the web's role only."""

from django.db import migrations

from accounts.history import TRIGGERS_ALWAYS_FIRE

SQL = """
ALTER TABLE evidence_export ENABLE ROW LEVEL SECURITY;
ALTER TABLE evidence_export FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON evidence_export TO accord_owner USING (true) WITH CHECK (true);
CREATE POLICY own ON evidence_export TO accord_app USING (person_id = accord_person()) WITH CHECK (person_id = accord_person());
CREATE POLICY clock ON evidence_export TO accord_clock USING (true) WITH CHECK (true);
GRANT SELECT, UPDATE (leased_until, attempts, failed_at, removed_at, holds) ON evidence_export TO accord_clock;
ALTER TABLE evidence_exportpart ENABLE ROW LEVEL SECURITY;
ALTER TABLE evidence_exportpart FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON evidence_exportpart TO accord_owner USING (true) WITH CHECK (true);
CREATE POLICY own ON evidence_exportpart TO accord_app
    USING (export_id IN (SELECT id FROM evidence_export WHERE person_id = accord_person()))
    WITH CHECK (export_id IN (SELECT id FROM evidence_export WHERE person_id = accord_person()));
CREATE POLICY clock ON evidence_exportpart TO accord_clock USING (true) WITH CHECK (true);
REVOKE UPDATE ON evidence_exportpart FROM accord_app;
GRANT DELETE ON evidence_exportpart TO accord_app;
GRANT SELECT (id, export_id, number), DELETE ON evidence_exportpart TO accord_clock;
"""


class Migration(migrations.Migration):
    dependencies = [("evidence", "0001_exports"), ("accounts", "0006_rights_of_administrators")]
    operations = [
        migrations.RunSQL(SQL, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS_ALWAYS_FIRE, migrations.RunSQL.noop),
    ]
