"""Row-level security of clocks and notices; the clock's role sees and writes them all."""

from django.db import migrations

from accounts.history import TRIGGERS_ALWAYS_FIRE

SEEN = "disagreement_id IN (SELECT accord_visible())"
# Who reads the whole record sees who was told what. Who reads the positions only, as the Chair until accepting, sees the nudges of the
# clock: accepting or declining turns them to whoever's move it is then. An exclusion beats even what was addressed to the person.
NOTICED = f"""disagreement_id IN (SELECT accord_visible(true)) OR (clock_id IS NOT NULL AND {SEEN})
    OR (person_id = accord_person() AND (disagreement_id IS NULL OR disagreement_id NOT IN (SELECT accord_excluded())))"""
SQL = f"""
ALTER TABLE escalation_clock ENABLE ROW LEVEL SECURITY;
ALTER TABLE escalation_clock FORCE ROW LEVEL SECURITY;
ALTER TABLE escalation_notice ENABLE ROW LEVEL SECURITY;
ALTER TABLE escalation_notice FORCE ROW LEVEL SECURITY;
ALTER TABLE escalation_historicalclock ENABLE ROW LEVEL SECURITY;
ALTER TABLE escalation_historicalclock FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON escalation_clock TO accord_owner USING (true) WITH CHECK (true);
CREATE POLICY owner ON escalation_notice TO accord_owner USING (true) WITH CHECK (true);
CREATE POLICY owner ON escalation_historicalclock TO accord_owner USING (true) WITH CHECK (true);
CREATE POLICY visible ON escalation_clock TO accord_app USING ({SEEN}) WITH CHECK ({SEEN});
CREATE POLICY visible ON escalation_notice TO accord_app USING ({NOTICED}) WITH CHECK ({SEEN});
CREATE POLICY seen ON escalation_historicalclock FOR SELECT TO accord_app
    USING (disagreement_id IN (SELECT accord_visible(true)));
CREATE POLICY written ON escalation_historicalclock FOR INSERT TO accord_app WITH CHECK (history_user_id = accord_person());
REVOKE UPDATE ON escalation_historicalclock FROM accord_app;
GRANT SELECT, INSERT, UPDATE ON escalation_clock, escalation_notice TO accord_clock;
GRANT INSERT ON escalation_historicalclock TO accord_clock;
CREATE POLICY clock ON escalation_clock TO accord_clock USING (true) WITH CHECK (true);
CREATE POLICY clock ON escalation_notice TO accord_clock USING (true) WITH CHECK (true);
CREATE POLICY clock_written ON escalation_historicalclock FOR INSERT TO accord_clock WITH CHECK (history_user_id IS NULL);

CREATE FUNCTION accord_longest_waiting() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT least(
        (SELECT min(greatest(due_at, leased_until)) FROM escalation_notice
         WHERE sent_at IS NULL AND dropped_at IS NULL AND failed_at IS NULL AND due_at <= clock_timestamp()
           AND (leased_until IS NULL OR leased_until <= clock_timestamp())),
        (SELECT min(due_at) FROM escalation_clock
         WHERE stopped_at IS NULL AND reached_at IS NULL AND due_at <= clock_timestamp()))
$$;
REVOKE EXECUTE ON FUNCTION accord_longest_waiting() FROM PUBLIC, accord_clock;
GRANT EXECUTE ON FUNCTION accord_longest_waiting() TO accord_app;
"""


class Migration(migrations.Migration):
    dependencies = [("escalation", "0001_clocks_and_notices"), ("disputes", "0003_transition_table")]
    operations = [
        migrations.RunSQL(SQL, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS_ALWAYS_FIRE, migrations.RunSQL.noop),
    ]
