"""What the office may write: a proposal, closure days, who acts for a team, and a policy that a second person approved (issue 3).

`accord_served` says in which partnerships the acting person is office, Chair or deputy today. A policy enters only through a proposal
that the acting person approved and somebody else made; its words, day and number are held equal here, whatever the web says.
"""

from django.db import migrations

from accounts.history import TRIGGERS_ALWAYS_FIRE

FUNCTION = """
CREATE FUNCTION accord_served() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT partnership_id FROM accounts_appointment
    WHERE person_id = (SELECT id FROM accounts_user WHERE id = accord_person() AND is_active) AND office IN ('office', 'chair', 'deputy')
      AND starts_on <= accord_today() AND (ends_on IS NULL OR ends_on >= accord_today())
$$;
REVOKE EXECUTE ON FUNCTION accord_served() FROM PUBLIC, accord_clock;
GRANT EXECUTE ON FUNCTION accord_served() TO accord_app;
"""

SERVED = "partnership_id IN (SELECT accord_served())"
MINE = "history_user_id = accord_person()"
OPEN = "approved_at IS NULL AND refused_at IS NULL AND withdrawn_at IS NULL"
TEAM_SERVED = """EXISTS (
    SELECT 1 FROM accounts_team t JOIN accounts_membership m ON m.agency_id = t.agency_id
    WHERE t.id = team_id AND m.partnership_id IN (SELECT accord_served()))"""
POST_SERVED = """EXISTS (
    SELECT 1 FROM accounts_post p JOIN accounts_team t ON t.id = p.team_id JOIN accounts_membership m ON m.agency_id = t.agency_id
    WHERE p.id = post_id AND p.level >= accounts_steppost.level AND p.ended_on IS NULL AND m.partnership_id IN (SELECT accord_served()))"""

# table: [(command, using or None, check or None)], for the web. Reading a policy, a closure day or a mapped post is open: due dates and
# opposite numbers are worked out from them for everybody.
POLICIES = {
    "procedure_proposal": [
        ("SELECT", SERVED, None),
        ("INSERT", None, f"{SERVED} AND proposed_by_id = accord_person() AND {OPEN}"),
        (
            "UPDATE",
            f"{SERVED} AND {OPEN}",
            f"{SERVED} AND ((approved_by_id = accord_person() AND proposed_by_id <> accord_person())"
            " OR (refused_by_id = accord_person() AND proposed_by_id <> accord_person())"
            " OR (withdrawn_at IS NOT NULL AND proposed_by_id = accord_person()))",
        ),
    ],
    "procedure_policy": [
        ("SELECT", "true", None),
        (
            "INSERT",
            None,
            f"""{SERVED} AND EXISTS (
                SELECT 1 FROM procedure_proposal o
                WHERE o.id = procedure_policy.proposal_id AND o.partnership_id = procedure_policy.partnership_id
                  AND o.text = procedure_policy.text AND o.in_force_from = procedure_policy.in_force_from
                  AND o.approved_by_id = accord_person() AND o.proposed_by_id <> accord_person())
            AND version = 1 + coalesce((
                SELECT max(before.version) FROM procedure_policy before WHERE before.partnership_id = procedure_policy.partnership_id), 0)""",
        ),
    ],
    "procedure_closureday": [
        ("SELECT", "true", None),
        ("INSERT", None, f"{SERVED} AND added_by_id = accord_person() AND removed_at IS NULL"),
        ("UPDATE", f"{SERVED} AND removed_at IS NULL", f"{SERVED} AND removed_by_id = accord_person()"),
    ],
    "accounts_steppost": [
        ("SELECT", "true", None),
        ("INSERT", None, f"{TEAM_SERVED} AND {POST_SERVED}"),
        ("UPDATE", TEAM_SERVED, f"{TEAM_SERVED} AND {POST_SERVED}"),
        ("DELETE", TEAM_SERVED, None),
    ],
    "procedure_historicalproposal": [("SELECT", SERVED, None), ("INSERT", None, f"{MINE} AND {SERVED}")],
    "procedure_historicalclosureday": [("SELECT", SERVED, None), ("INSERT", None, f"{MINE} AND {SERVED}")],
    "procedure_historicalpolicy": [("SELECT", "true", None), ("INSERT", None, f"{MINE} AND {SERVED}")],
    "accounts_historicalsteppost": [("SELECT", "true", None), ("INSERT", None, f"{MINE} AND {TEAM_SERVED}")],
}
READ_ONLY_WHEN_WRITTEN = ("procedure_policy", *(table for table in POLICIES if "historical" in table))

# Who wrote these tables before goes on doing so: the clock reads, the replaying role sets a demonstration up.
OTHERS = """
CREATE POLICY clock_seen ON procedure_policy FOR SELECT TO accord_clock USING (true);
CREATE POLICY clock_seen ON procedure_closureday FOR SELECT TO accord_clock USING (true);
CREATE POLICY clock_seen ON accounts_steppost FOR SELECT TO accord_clock USING (true);
CREATE POLICY replayed ON procedure_policy FOR INSERT TO accord_replay WITH CHECK (true);
CREATE POLICY replayed ON procedure_historicalpolicy FOR INSERT TO accord_replay WITH CHECK (true);
CREATE POLICY replayed ON accounts_steppost FOR INSERT TO accord_replay WITH CHECK (true);
CREATE POLICY replayed_change ON accounts_steppost FOR UPDATE TO accord_replay USING (true) WITH CHECK (true);
CREATE POLICY replayed ON accounts_historicalsteppost FOR INSERT TO accord_replay WITH CHECK (true);
GRANT SELECT ON procedure_closureday, procedure_bankholidays TO accord_clock;
GRANT INSERT ON procedure_policy, procedure_historicalpolicy, accounts_historicalsteppost TO accord_app;
GRANT INSERT, UPDATE, DELETE ON accounts_steppost TO accord_app;
REVOKE INSERT, UPDATE ON procedure_bankholidays FROM accord_app;
"""


def protect(apps, schema_editor):
    for table, policies in POLICIES.items():
        schema_editor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        schema_editor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        schema_editor.execute(f"CREATE POLICY owner ON {table} TO accord_owner USING (true) WITH CHECK (true)")
        for command, using, check in policies:
            name = {"SELECT": "seen", "INSERT": "written", "UPDATE": "changed", "DELETE": "deleted"}[command]
            conditions = (f" USING ({using})" if using else "") + (f" WITH CHECK ({check})" if check else "")
            schema_editor.execute(f"CREATE POLICY {name} ON {table} FOR {command} TO accord_app{conditions}")
    schema_editor.execute(f"REVOKE UPDATE ON {', '.join(READ_ONLY_WHEN_WRITTEN)} FROM accord_app")


class Migration(migrations.Migration):
    dependencies = [("procedure", "0003_proposals_and_days_off"), ("accounts", "0003_rights")]
    operations = [
        migrations.RunSQL(FUNCTION, migrations.RunSQL.noop),
        migrations.RunPython(protect, migrations.RunPython.noop),
        migrations.RunSQL(OTHERS, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS_ALWAYS_FIRE, migrations.RunSQL.noop),
    ]
