"""Who may touch the tables of this room, and the question every row-level policy asks: who is acting?

Who people are decides who sees what, so the web may not write it: else whoever can run SQL as the web appoints themselves auditor.
It is written by who sets a partnership up (the owner), and for a demonstration by the replaying role.
"""

from django.db import migrations

from accounts.history import TRIGGERS_ALWAYS_FIRE

TABLES = ("partnership", "agency", "membership", "team", "user", "post", "steppost", "standin", "appointment")

SQL = """
CREATE FUNCTION accord_person() RETURNS uuid LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT nullif(current_setting('accord.person', true), '')::uuid
$$;
CREATE FUNCTION accord_today() RETURNS date LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT (clock_timestamp() AT TIME ZONE 'Europe/London')::date
$$;
GRANT EXECUTE ON FUNCTION accord_person(), accord_today() TO accord_app, accord_clock, accord_sealer, accord_report;

CREATE FUNCTION accord_audited() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT partnership_id FROM accounts_appointment
    WHERE person_id = (SELECT id FROM accounts_user WHERE id = accord_person() AND is_active) AND office = 'auditor'
      AND starts_on <= accord_today() AND (ends_on IS NULL OR ends_on >= accord_today())
$$;
CREATE FUNCTION accord_represents(partnership uuid, agency uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT 1 FROM accounts_appointment
        WHERE person_id = (SELECT id FROM accounts_user WHERE id = accord_person() AND is_active) AND partnership_id = partnership
          AND (office = 'office' OR (office = 'representative' AND agency_id = agency))
          AND starts_on <= accord_today() AND (ends_on IS NULL OR ends_on >= accord_today()))
$$;
REVOKE EXECUTE ON FUNCTION accord_audited(), accord_represents(uuid, uuid) FROM PUBLIC, accord_clock;
GRANT EXECUTE ON FUNCTION accord_audited(), accord_represents(uuid, uuid) TO accord_app;

GRANT DELETE ON django_session TO accord_app;
REVOKE INSERT, UPDATE ON auth_permission, auth_group, auth_group_permissions, django_content_type, django_migrations FROM accord_app;
"""


def grant(apps, schema_editor):
    for table in TABLES:
        schema_editor.execute(f"GRANT SELECT ON accounts_{table} TO accord_clock")
        schema_editor.execute(f"REVOKE INSERT, UPDATE ON accounts_{table}, accounts_historical{table} FROM accord_app")
        schema_editor.execute(f"GRANT INSERT, UPDATE ON accounts_{table} TO accord_replay")
        schema_editor.execute(f"GRANT INSERT ON accounts_historical{table} TO accord_replay")
    schema_editor.execute("GRANT UPDATE (last_login, password) ON accounts_user TO accord_app")  # signing in; a newer way of hashing


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_people"),
        ("sessions", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [
        migrations.RunSQL(SQL, migrations.RunSQL.noop),
        migrations.RunPython(grant, migrations.RunPython.noop),
        migrations.RunSQL(TRIGGERS_ALWAYS_FIRE, migrations.RunSQL.noop),
    ]
