"""Policies are read by the clock too; a version is never changed."""

from django.db import migrations

SQL = """
GRANT SELECT ON procedure_policy TO accord_clock;
REVOKE UPDATE ON procedure_policy, procedure_historicalpolicy FROM accord_app;
"""


class Migration(migrations.Migration):
    dependencies = [("procedure", "0001_policy"), ("accounts", "0003_rights")]
    operations = [migrations.RunSQL(SQL, migrations.RunSQL.noop)]
