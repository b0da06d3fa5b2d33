"""The database roles, before the first table. Where the migrator may not create roles, they must stand already (config/roles.sql)."""

from django.db import migrations

ROLES = ("owner", "migrator", "app", "clock", "sealer", "report", "replay")


def create_missing_roles(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'accord\\_%%'")
        standing = {row[0] for row in cursor.fetchall()}
        missing = [f"accord_{role}" for role in ROLES if f"accord_{role}" not in standing]
        if not missing:
            return
        cursor.execute("SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user")
        if not cursor.fetchone()[0]:
            raise RuntimeError(f"The roles {', '.join(missing)} are missing: run config/roles.sql as the database's superuser first.")
        for role in missing:
            login = "NOLOGIN" if role == "accord_owner" else "LOGIN"
            cursor.execute(f"CREATE ROLE {role} {login} NOSUPERUSER NOBYPASSRLS")


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [migrations.RunPython(create_missing_roles, migrations.RunPython.noop)]
