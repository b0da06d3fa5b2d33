"""The trail is written by the web and read by the person it is about and by auditors."""

from django.db import migrations

from accounts.history import TRIGGERS_ALWAYS_FIRE

SQL = """
REVOKE UPDATE ON audit_trace FROM accord_app;
ALTER TABLE audit_trace ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_trace FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON audit_trace TO accord_owner USING (true) WITH CHECK (true);
CREATE POLICY written ON audit_trace FOR INSERT TO accord_app WITH CHECK (person_id IS NOT DISTINCT FROM accord_person() OR accord_person() IS NULL);
CREATE POLICY seen ON audit_trace FOR SELECT TO accord_app
    USING (person_id = accord_person() OR partnership_id IN (SELECT accord_audited()));
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_trail"), ("accounts", "0003_rights")]
    operations = [
        migrations.RunSQL(SQL, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS_ALWAYS_FIRE, migrations.RunSQL.noop),
    ]
