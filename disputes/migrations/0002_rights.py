"""Row-level security and the rules of the record in the database (design: rules of the database).

One function, `accord_visible`, says which disagreements the acting person may see; every policy asks it. It is SECURITY DEFINER,
because a policy on seats that read seats would call itself.
"""

from django.db import migrations

from accounts.history import TRIGGERS_ALWAYS_FIRE

FUNCTIONS = r"""
CREATE FUNCTION accord_visible(whole boolean DEFAULT false, on_a_side boolean DEFAULT false) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH me AS (SELECT id FROM accounts_user WHERE id = accord_person() AND is_active)
    SELECT seat.disagreement_id FROM disputes_seat seat, me
    WHERE (seat.ends_at IS NULL OR seat.ends_at > clock_timestamp())
      AND (seat.person_id = me.id OR seat.post_id IN (
            SELECT post_id FROM accounts_standin
            WHERE person_id = me.id AND accord_today() BETWEEN starts_on AND ends_on)
        OR seat.post_id IN (SELECT p.id FROM accounts_post p WHERE p.holder_id = me.id AND p.ended_on IS NULL))
      AND (seat.capacity NOT IN ('chair', 'office') OR EXISTS (
            SELECT 1 FROM accounts_appointment a
            WHERE a.person_id = me.id AND a.partnership_id = seat.partnership_id
              AND CASE seat.capacity WHEN 'chair' THEN a.office IN ('chair', 'deputy') ELSE a.office = 'office' END
              AND a.starts_on <= accord_today() AND (a.ends_on IS NULL OR a.ends_on >= accord_today())))
      AND NOT (whole AND seat.positions_only)
      AND NOT (on_a_side AND seat.side_id IS NULL)
      AND NOT EXISTS (
            SELECT 1 FROM disputes_exclusion e WHERE e.disagreement_id = seat.disagreement_id AND e.person_id = me.id)
    UNION
    SELECT d.id FROM disputes_disagreement d, me
    WHERE d.partnership_id IN (SELECT accord_audited())
      AND NOT EXISTS (SELECT 1 FROM disputes_exclusion e WHERE e.disagreement_id = d.id AND e.person_id = me.id)
$$;

CREATE FUNCTION accord_excluded() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT disagreement_id FROM disputes_exclusion WHERE person_id = accord_person()
$$;

CREATE FUNCTION accord_raised(disagreement uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM disputes_disagreement WHERE id = disagreement AND raised_by_id = accord_person() AND move_version = 0)
$$;

CREATE FUNCTION accord_drafts() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT id FROM disputes_draft WHERE author_id = accord_person()
    UNION SELECT draft_id FROM disputes_draftreader WHERE person_id = accord_person()
$$;

CREATE FUNCTION accord_last_link(
    disagreement uuid, OUT number integer, OUT hash text, OUT stage text, OUT move_version integer, OUT recorded_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT e.number, e.hash, e.stage, e.move_version, e.recorded_at FROM disputes_entry e WHERE e.disagreement_id = disagreement ORDER BY e.number DESC LIMIT 1
$$;

CREATE FUNCTION accord_move_is_allowed(move text, from_stage text, to_stage text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT 1 FROM disputes_allowedmove a WHERE a.kind = move AND a.from_stage = $2 AND a.to_stage = $3)
$$;

CREATE FUNCTION accord_microseconds(moment text) RETURNS bigint LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
    SELECT (extract(epoch FROM moment::timestamptz) * 1000000)::bigint
$$;

CREATE FUNCTION accord_entry_body(e jsonb) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT jsonb_build_object(
        'v', 1, 'id', e -> 'id', 'partnership', e -> 'partnership_id', 'key', e -> 'key',
        'disagreement', e -> 'disagreement_id', 'number', e -> 'number', 'kind', e -> 'kind',
        'person', e -> 'person_id', 'post', e -> 'post_id', 'standing_in_for', e -> 'standing_in_for_id', 'side', e -> 'side_id',
        'recorded_for', e -> 'recorded_for_id', 'corrects', e -> 'corrects_id', 'from_stage', e -> 'from_stage',
        'stage', e -> 'stage', 'step', e -> 'step', 'move_version', e -> 'move_version', 'child_safe', e -> 'child_safe',
        'happened_at', accord_microseconds(e ->> 'happened_at'), 'recorded_at', accord_microseconds(e ->> 'recorded_at'),
        'replayed', e -> 'replayed', 'facts', e -> 'facts', 'commitments', e -> 'commitments', 'previous', e -> 'previous'
    )::text
$$;

CREATE FUNCTION accord_refuse_move_without_entry(disagreement uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    d disputes_disagreement;
    e disputes_entry;
BEGIN
    SELECT * INTO d FROM disputes_disagreement WHERE id = disagreement;
    SELECT * INTO e FROM disputes_entry WHERE disagreement_id = disagreement ORDER BY number DESC LIMIT 1;
    IF (e.stage, e.step, e.move_version) IS DISTINCT FROM (d.stage, d.step::smallint, d.move_version) THEN
        RAISE EXCEPTION 'disagreement % changed its stage, step or version without an entry', d.id USING ERRCODE = 'check_violation';
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION accord_visible(boolean, boolean), accord_excluded(), accord_raised(uuid), accord_drafts(), accord_last_link(uuid),
    accord_move_is_allowed(text, text, text), accord_microseconds(text), accord_entry_body(jsonb),
    accord_refuse_move_without_entry(uuid) FROM PUBLIC, accord_app, accord_clock;
GRANT EXECUTE ON FUNCTION accord_visible(boolean, boolean), accord_excluded(), accord_raised(uuid), accord_drafts() TO accord_app;
"""

# What the triggers ask answers whoever asks, about any disagreement. So nobody may ask it but the triggers, which run as the owner:
# each trigger function that asks is made so here. `a_record_time` stays the caller's, for it looks who the caller is.
TRIGGER_FUNCTIONS = """
DO $do$
DECLARE
    asking regprocedure;
    made integer := 0;
BEGIN
    FOR asking IN
        SELECT DISTINCT p.oid::regprocedure FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE NOT t.tgisinternal AND p.prosrc ~ 'accord_(last_link|move_is_allowed|entry_body|refuse_move_without_entry)'
    LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp', asking);
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC, accord_app, accord_clock', asking);
        made := made + 1;
    END LOOP;
    IF made <> 3 THEN
        RAISE EXCEPTION 'three triggers ask about the record, % were found', made;
    END IF;
END
$do$;
"""

SEEN = "disagreement_id IN (SELECT accord_visible())"
AT_THE_TABLE = "disagreement_id IN (SELECT accord_visible(false, true))"
JUST_RAISED = f"({SEEN} OR accord_raised(disagreement_id))"
POSITIONS = "('send', 'answer', 'record_answer_for', 'ask_the_chair', 'propose_outcome', 'agree_to_differ')"

# table: (who sees a row, who may write one, who may change one or None). "clock" rights stand below.
POLICIES = {
    "disagreement": ("id IN (SELECT accord_visible())", "raised_by_id = accord_person()", "id IN (SELECT accord_visible())"),
    "child": (SEEN, JUST_RAISED, None),
    "side": (JUST_RAISED, JUST_RAISED, SEEN),
    "childreference": (AT_THE_TABLE, SEEN, None),
    "seat": (JUST_RAISED, JUST_RAISED, SEEN),
    "exclusion": (SEEN, SEEN, None),
    "entry": (
        f"disagreement_id IN (SELECT accord_visible(true)) OR ({SEEN} AND (kind IN {POSITIONS} OR person_id = accord_person()))",
        f"person_id = accord_person() AND {SEEN}",
        None,
    ),
    "text": (
        "EXISTS (SELECT 1 FROM disputes_entry e WHERE e.id = entry_id)",
        "EXISTS (SELECT 1 FROM disputes_entry e WHERE e.id = entry_id AND e.person_id = accord_person())",
        None,
    ),
    "agreement": (SEEN, SEEN, SEEN),
    "outstandingissue": (SEEN, SEEN, None),
    "confirmation": (SEEN, SEEN, SEEN),
    "draft": ("id IN (SELECT accord_drafts())", "author_id = accord_person()", "author_id = accord_person()"),
    "draftreader": (
        "draft_id IN (SELECT accord_drafts())",
        "draft_id IN (SELECT id FROM disputes_draft WHERE author_id = accord_person())",
        None,
    ),
}
KEPT = ("disagreement", "side", "seat", "exclusion", "agreement", "outstandingissue", "confirmation")

CLOCK = """
GRANT SELECT ON disputes_disagreement, disputes_side, disputes_seat, disputes_exclusion, disputes_entry, disputes_agreement,
    disputes_confirmation, disputes_allowedmove TO accord_clock;
GRANT UPDATE ON disputes_disagreement TO accord_clock;
GRANT INSERT ON disputes_entry, disputes_seat, disputes_historicaldisagreement, disputes_historicalseat TO accord_clock;
GRANT SELECT (id, partnership_id, author_id, begun_at, saved_at, reminded_at), UPDATE (reminded_at) ON disputes_draft TO accord_clock;
CREATE POLICY clock_seen ON disputes_disagreement FOR SELECT TO accord_clock USING (true);
CREATE POLICY clock_changed ON disputes_disagreement FOR UPDATE TO accord_clock USING (true) WITH CHECK (true);
CREATE POLICY clock_seen ON disputes_side FOR SELECT TO accord_clock USING (true);
CREATE POLICY clock_seen ON disputes_seat FOR SELECT TO accord_clock USING (true);
CREATE POLICY clock_written ON disputes_seat FOR INSERT TO accord_clock WITH CHECK (true);
CREATE POLICY clock_seen ON disputes_exclusion FOR SELECT TO accord_clock USING (true);
CREATE POLICY clock_seen ON disputes_entry FOR SELECT TO accord_clock USING (true);
CREATE POLICY clock_written ON disputes_entry FOR INSERT TO accord_clock
    WITH CHECK (person_id IS NULL AND kind IN ('reach_limit', 'reach_last_chaser'));
CREATE POLICY clock_seen ON disputes_agreement FOR SELECT TO accord_clock USING (true);
CREATE POLICY clock_seen ON disputes_confirmation FOR SELECT TO accord_clock USING (true);
CREATE POLICY clock_seen ON disputes_draft FOR SELECT TO accord_clock USING (true);
CREATE POLICY clock_changed ON disputes_draft FOR UPDATE TO accord_clock USING (true) WITH CHECK (true);
CREATE POLICY clock_written ON disputes_historicaldisagreement FOR INSERT TO accord_clock WITH CHECK (history_user_id IS NULL);
CREATE POLICY clock_written ON disputes_historicalseat FOR INSERT TO accord_clock WITH CHECK (history_user_id IS NULL);
GRANT SELECT ON disputes_entry TO accord_sealer;
CREATE POLICY sealer_seen ON disputes_entry FOR SELECT TO accord_sealer USING (true);
GRANT DELETE ON disputes_draft, disputes_draftreader TO accord_app;
CREATE POLICY deleted ON disputes_draft FOR DELETE TO accord_app USING (author_id = accord_person());
CREATE POLICY deleted ON disputes_draftreader FOR DELETE TO accord_app
    USING (draft_id IN (SELECT id FROM disputes_draft WHERE author_id = accord_person()));
REVOKE INSERT, UPDATE ON disputes_allowedmove FROM accord_app;
"""


def protect(apps, schema_editor):
    for name, (seen, written, changed) in POLICIES.items():
        table = f"disputes_{name}"
        _force(schema_editor, table)
        schema_editor.execute(f"CREATE POLICY seen ON {table} FOR SELECT TO accord_app USING ({seen})")
        schema_editor.execute(f"CREATE POLICY written ON {table} FOR INSERT TO accord_app WITH CHECK ({written})")
        if changed:
            schema_editor.execute(f"CREATE POLICY changed ON {table} FOR UPDATE TO accord_app USING ({changed}) WITH CHECK ({changed})")
        else:
            schema_editor.execute(f"REVOKE UPDATE ON {table} FROM accord_app")
    for name in KEPT:
        table = f"disputes_historical{name}"
        column = "id" if name == "disagreement" else "disagreement_id"
        _force(schema_editor, table)
        schema_editor.execute(f"REVOKE UPDATE ON {table} FROM accord_app")
        schema_editor.execute(f"CREATE POLICY seen ON {table} FOR SELECT TO accord_app USING ({column} IN (SELECT accord_visible(true)))")
        schema_editor.execute(f"CREATE POLICY written ON {table} FOR INSERT TO accord_app WITH CHECK (history_user_id = accord_person())")


def _force(schema_editor, table):
    schema_editor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    schema_editor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    schema_editor.execute(f"CREATE POLICY owner ON {table} TO accord_owner USING (true) WITH CHECK (true)")


class Migration(migrations.Migration):
    dependencies = [("disputes", "0001_record"), ("accounts", "0003_rights")]
    operations = [
        migrations.RunSQL(FUNCTIONS, migrations.RunSQL.noop),
        migrations.RunPython(protect, migrations.RunPython.noop),
        migrations.RunSQL(CLOCK, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGER_FUNCTIONS, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS_ALWAYS_FIRE, migrations.RunSQL.noop),
    ]
