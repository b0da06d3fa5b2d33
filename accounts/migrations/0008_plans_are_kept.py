"""What every row-level policy asks is asked in PL/pgSQL, which keeps its plan for the session; as plain SQL it was planned afresh in each
statement of a page (bench/row_security.py)."""

from django.db import migrations

SQL = """
CREATE OR REPLACE FUNCTION accord_audited() RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN RETURN QUERY
    SELECT a.partnership_id FROM accounts_appointment a JOIN accounts_user me ON me.id = a.person_id AND me.is_active
    WHERE me.id = accord_person() AND a.office = 'auditor'
      AND a.starts_on <= accord_today() AND (a.ends_on IS NULL OR a.ends_on >= accord_today());
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_subgroup_members")]
    operations = [migrations.RunSQL(SQL, migrations.RunSQL.noop)]
