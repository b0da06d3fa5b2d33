"""The trail is read by its person, by auditors, and by an agency's safeguarding lead for the agency's own people. Alarms likewise."""

from django.db import migrations

from accounts.history import TRIGGERS_ALWAYS_FIRE

SQL = """
CREATE FUNCTION accord_led_people() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH led AS (
        SELECT agency_id FROM accounts_appointment
        WHERE person_id = (SELECT id FROM accounts_user WHERE id = accord_person() AND is_active) AND office = 'safeguarding_lead'
          AND starts_on <= accord_today() AND (ends_on IS NULL OR ends_on >= accord_today()))
    SELECT id FROM accounts_user WHERE kept_by_id IN (SELECT agency_id FROM led)
    UNION SELECT p.holder_id FROM accounts_post p JOIN accounts_team t ON t.id = p.team_id
    WHERE p.holder_id IS NOT NULL AND p.ended_on IS NULL AND t.agency_id IN (SELECT agency_id FROM led)
$$;
REVOKE EXECUTE ON FUNCTION accord_led_people() FROM PUBLIC, accord_clock;
GRANT EXECUTE ON FUNCTION accord_led_people() TO accord_app;
DROP POLICY seen ON audit_trace;
CREATE POLICY seen ON audit_trace FOR SELECT TO accord_app
    USING (person_id = accord_person() OR partnership_id IN (SELECT accord_audited()) OR person_id IN (SELECT accord_led_people()));
CREATE INDEX audit_trace_of_partnership ON audit_trace (partnership_id, at DESC);

ALTER TABLE audit_alarm ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_alarm FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON audit_alarm TO accord_owner USING (true) WITH CHECK (true);
CREATE POLICY written ON audit_alarm FOR INSERT TO accord_app
    WITH CHECK (person_id = accord_person() AND told_at IS NULL AND seen_at IS NULL);
CREATE POLICY seen ON audit_alarm FOR SELECT TO accord_app USING (person_id IN (SELECT accord_led_people())
    OR partnership_id IN (SELECT accord_audited()) OR partnership_id IN (SELECT accord_offices()));
CREATE POLICY looked_into ON audit_alarm FOR UPDATE TO accord_app
    USING (seen_at IS NULL AND person_id <> accord_person() AND (person_id IN (SELECT accord_led_people())
        OR partnership_id IN (SELECT accord_audited()) OR partnership_id IN (SELECT accord_offices())))
    WITH CHECK (seen_by_id = accord_person());
CREATE POLICY clock ON audit_alarm TO accord_clock USING (true) WITH CHECK (true);
REVOKE UPDATE ON audit_alarm FROM accord_app;
GRANT UPDATE (seen_at, seen_by_id) ON audit_alarm TO accord_app;
GRANT SELECT, INSERT, UPDATE (told_at) ON audit_alarm TO accord_clock;

CREATE FUNCTION accord_role_granted() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN -- an appointment gives sight of disagreements: those who look are told, and not by whoever gave it
    IF current_user = 'accord_app' AND accord_person() IS NOT NULL THEN
        INSERT INTO audit_alarm (id, kind, person_id, partnership_id, facts) VALUES (
            gen_random_uuid(), 'role_granted', accord_person(), NEW.partnership_id,
            jsonb_build_object('office', NEW.office, 'to', NEW.person_id));
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER accord_role_granted AFTER INSERT ON accounts_appointment FOR EACH ROW EXECUTE FUNCTION accord_role_granted();
REVOKE EXECUTE ON FUNCTION accord_role_granted() FROM PUBLIC, accord_app, accord_clock;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_alarms"), ("accounts", "0006_rights_of_administrators")]
    operations = [
        migrations.RunSQL(SQL, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS_ALWAYS_FIRE, migrations.RunSQL.noop),
    ]
