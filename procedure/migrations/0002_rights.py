"""Policies are read by the web and the clock, and written by who sets a partnership up; a version is never changed."""

from django.db import migrations

from accounts.history import TRIGGERS_ALWAYS_FIRE

SQL = """
GRANT SELECT ON procedure_policy TO accord_clock;
REVOKE INSERT, UPDATE ON procedure_policy, procedure_historicalpolicy FROM accord_app;
GRANT INSERT ON procedure_policy, procedure_historicalpolicy TO accord_replay;
"""


class Migration(migrations.Migration):
    dependencies = [("procedure", "0001_policy"), ("accounts", "0003_rights")]
    operations = [
        migrations.RunSQL(SQL, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS_ALWAYS_FIRE, migrations.RunSQL.noop),
    ]
