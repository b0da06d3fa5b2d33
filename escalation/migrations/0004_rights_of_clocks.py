"""What the web and the clock may do with what came new: digests, heartbeats, re-dating, a person's own choice of mail."""

from django.db import migrations

from accounts.history import TRIGGERS_ALWAYS_FIRE

SQL = """
ALTER TABLE escalation_digest ENABLE ROW LEVEL SECURITY;
ALTER TABLE escalation_digest FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON escalation_digest TO accord_owner USING (true) WITH CHECK (true);
CREATE POLICY clock ON escalation_digest TO accord_clock USING (true) WITH CHECK (true);
CREATE POLICY own ON escalation_digest FOR SELECT TO accord_app USING (person_id = accord_person());
REVOKE INSERT, UPDATE ON escalation_digest, escalation_heartbeat FROM accord_app;
GRANT SELECT, INSERT, UPDATE ON escalation_digest, escalation_heartbeat TO accord_clock;
GRANT UPDATE (mail) ON accounts_user TO accord_app;

DROP POLICY clock_written ON disputes_entry;
CREATE POLICY clock_written ON disputes_entry FOR INSERT TO accord_clock
    WITH CHECK (person_id IS NULL AND kind IN ('reach_limit', 'reach_last_chaser', 'reach_inner_limit', 'redate', 'note_stall'));

CREATE OR REPLACE FUNCTION accord_longest_waiting() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT least(
        (SELECT min(greatest(n.due_at, n.leased_until)) FROM escalation_notice n JOIN accounts_user u ON u.id = n.person_id
         WHERE n.sent_at IS NULL AND n.dropped_at IS NULL AND n.failed_at IS NULL AND n.digest_id IS NULL AND n.due_at <= clock_timestamp()
           AND (n.urgent OR n.rule = 'urgent' OR u.mail = 'at_once')  -- others wait for the digest they chose
           AND (n.leased_until IS NULL OR n.leased_until <= clock_timestamp())),
        (SELECT min(due_at) FROM escalation_clock
         WHERE stopped_at IS NULL AND reached_at IS NULL AND due_at <= clock_timestamp()
           AND due_at > started_at))  -- "at once" is noticed as late after an hour
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("escalation", "0003_several_clocks"), ("disputes", "0005_transition_table"), ("accounts", "0004_mail_choice")]
    operations = [
        migrations.RunSQL(SQL, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS_ALWAYS_FIRE, migrations.RunSQL.noop),
    ]
