"""Who learns what: representatives and subgroups the general issues, everybody what changed, participants their debrief, and each person
alone their own log. The clock's role reads ids and times, never words."""

from django.db import migrations

from accounts.history import TRIGGERS_ALWAYS_FIRE

FUNCTIONS = """
CREATE FUNCTION accord_held(VARIADIC offices text[]) RETURNS SETOF uuid -- partnerships in which the acting person holds one of these now
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN RETURN QUERY
    SELECT a.partnership_id FROM accounts_appointment a JOIN accounts_user me ON me.id = a.person_id AND me.is_active
    WHERE me.id = accord_person() AND a.office = ANY (offices)
      AND a.starts_on <= accord_today() AND (a.ends_on IS NULL OR a.ends_on >= accord_today());
END
$$;
CREATE FUNCTION accord_learning() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT accord_held('office', 'chair', 'deputy', 'auditor', 'representative', 'subgroup')
$$;
CREATE FUNCTION accord_subgrouped() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT accord_held('office', 'subgroup')
$$;
CREATE FUNCTION accord_partnerships() RETURNS SETOF uuid -- in which the acting person works: a post in a member agency, or any office
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN RETURN QUERY
    SELECT m.partnership_id FROM accounts_membership m JOIN accounts_team t ON t.agency_id = m.agency_id
    JOIN accounts_post p ON p.team_id = t.id AND p.ended_on IS NULL
    JOIN accounts_user me ON me.id = p.holder_id AND me.is_active WHERE me.id = accord_person()
    UNION SELECT a.partnership_id FROM accounts_appointment a JOIN accounts_user me ON me.id = a.person_id AND me.is_active
    WHERE me.id = accord_person() AND a.starts_on <= accord_today() AND (a.ends_on IS NULL OR a.ends_on >= accord_today());
END
$$;
CREATE FUNCTION accord_changed_themes() RETURNS SETOF uuid -- those of the acting person's partnerships after which something changed
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT d.theme_id FROM learning_decision d WHERE d.done_at IS NOT NULL AND d.partnership_id IN (SELECT accord_partnerships())
$$;
CREATE FUNCTION accord_debriefed() RETURNS SETOF uuid -- debriefs to which the acting person is asked
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT p.debrief_id FROM learning_debriefparticipant p JOIN accounts_user me ON me.id = p.person_id AND me.is_active
    JOIN learning_debrief d ON d.id = p.debrief_id
    WHERE me.id = accord_person() AND d.disagreement_id NOT IN (SELECT accord_excluded())
$$;
CREATE FUNCTION accord_debriefs_joined() RETURNS SETOF uuid -- those to which the acting person said yes
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT p.debrief_id FROM learning_debriefparticipant p
    WHERE p.person_id = accord_person() AND p.answer = 'yes' AND p.debrief_id IN (SELECT accord_debriefed())
$$;
CREATE FUNCTION accord_debrief_places(asked uuid, OUT person uuid, OUT side uuid, OUT team uuid, OUT capacity text) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$ -- who sat where, for whoever arranges a debrief
    SELECT DISTINCT s.person_id, s.side_id, d.team_id, s.capacity::text FROM disputes_seat s JOIN disputes_side d ON d.id = s.side_id
    WHERE s.disagreement_id = asked AND s.capacity NOT IN ('told', 'break_glass') AND asked NOT IN (SELECT accord_excluded())
      AND EXISTS (SELECT 1 FROM learning_debriefrequest r WHERE r.disagreement_id = asked AND r.partnership_id IN (SELECT accord_offices()))
      AND s.person_id NOT IN (SELECT x.person_id FROM disputes_exclusion x WHERE x.disagreement_id = asked AND x.lifted_by IS NULL)
$$;
CREATE FUNCTION accord_debriefs_arranged() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT d.id FROM learning_debrief d
    WHERE d.partnership_id IN (SELECT accord_offices()) AND d.disagreement_id NOT IN (SELECT accord_excluded())
$$;
CREATE FUNCTION accord_cpd_totals(partnership uuid, OUT area text, OUT people bigint, OUT hours numeric) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$ -- never of fewer than five people
    SELECT area.value, count(DISTINCT e.owner_id) / 5 * 5, round(sum(e.hours) / 5) * 5 -- in fives, and without the reader's own
    FROM learning_logentry e CROSS JOIN LATERAL jsonb_array_elements_text(e.areas) area
    WHERE partnership IN (SELECT accord_learning()) AND e.on >= accord_today() - 365
      AND e.changed_at < date_trunc('quarter', accord_today()) -- as it stood when the quarter began: two looks show nobody's hours
      AND e.owner_id <> accord_person() AND e.owner_id IN (
        SELECT p.holder_id FROM accounts_post p JOIN accounts_team t ON t.id = p.team_id
        JOIN accounts_membership m ON m.agency_id = t.agency_id WHERE p.ended_on IS NULL AND m.partnership_id = partnership)
    GROUP BY area.value HAVING count(DISTINCT e.owner_id) >= 5
$$;
CREATE FUNCTION accord_event_totals(partnership uuid, OUT event uuid, OUT people bigint) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT e.id, count(*) FROM learning_learningevent e JOIN learning_attendance a ON a.event_id = e.id AND a.was_there
    WHERE e.partnership_id = partnership AND partnership IN (SELECT accord_learning()) GROUP BY e.id HAVING count(*) >= 5
$$;
CREATE FUNCTION accord_place_of(what text, which uuid) RETURNS uuid -- the partnership of a theme, a subgroup or a learning point
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT t.partnership_id FROM learning_theme t WHERE what = 'theme' AND t.id = which
    UNION ALL SELECT s.partnership_id FROM learning_subgroup s WHERE what = 'subgroup' AND s.id = which
    UNION ALL SELECT p.partnership_id FROM learning_learningpoint p WHERE what = 'point' AND p.id = which
$$;
CREATE FUNCTION accord_manages(manager uuid, person uuid) RETURNS boolean -- holds a post above one of that person's
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH RECURSIVE above(id) AS (
        SELECT p.reports_to_id FROM accounts_post p WHERE p.holder_id = person AND p.ended_on IS NULL
        UNION SELECT p.reports_to_id FROM accounts_post p JOIN above ON p.id = above.id)
    SELECT EXISTS (SELECT 1 FROM accounts_post p JOIN above ON above.id = p.id WHERE p.holder_id = manager)
$$;
CREATE FUNCTION accord_said_for(entry uuid, agency uuid) RETURNS boolean -- by the acting person, just now, on a side of this agency
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM disputes_entry e JOIN disputes_side s ON s.id = e.side_id JOIN accounts_team t ON t.id = s.team_id
                   WHERE e.id = entry AND t.agency_id = agency) AND accord_said(entry, 'answer_closing_questions')
$$;
CREATE FUNCTION accord_what_changed(OUT theme_id uuid, OUT mine boolean, OUT again boolean) RETURNS SETOF record
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN RETURN QUERY -- of what changed: whether the acting person named it or raised a case it came from; whether it was named again since
    SELECT t.id,
        coalesce(bool_or(lp.named_by_id = accord_person() OR d.raised_by_id = accord_person()), false),
        coalesce(bool_or(lp.recorded_at > (
            SELECT max(done.done_at) FROM learning_decision done WHERE done.theme_id = t.id AND done.kind <> 'no_change')), false)
    FROM learning_theme t LEFT JOIN learning_themepoint tp ON tp.theme_id = t.id
    LEFT JOIN learning_learningpoint lp ON lp.id = tp.point_id LEFT JOIN disputes_disagreement d ON d.id = lp.disagreement_id
    WHERE t.id IN (SELECT accord_changed_themes()) GROUP BY t.id;
END
$$;
CREATE FUNCTION accord_seated_at(disagreement uuid, person uuid) RETURNS boolean -- on a side of it, now or before
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT disagreement IN (SELECT accord_visible())
       AND EXISTS (SELECT 1 FROM disputes_seat s WHERE s.disagreement_id = disagreement AND s.person_id = person AND s.side_id IS NOT NULL)
$$;
"""
NAMES = """accord_held(text[]), accord_learning(), accord_subgrouped(), accord_partnerships(), accord_changed_themes(), accord_debriefed(),
    accord_debriefs_arranged(), accord_cpd_totals(uuid), accord_event_totals(uuid), accord_seated_at(uuid, uuid), accord_what_changed(),
    accord_debriefs_joined(), accord_debrief_places(uuid),
    accord_manages(uuid, uuid), accord_said_for(uuid, uuid), accord_place_of(text, uuid)"""
FUNCTIONS += f"""
REVOKE EXECUTE ON FUNCTION {NAMES} FROM PUBLIC, accord_app, accord_clock;
GRANT EXECUTE ON FUNCTION {NAMES} TO accord_app;
REVOKE EXECUTE ON FUNCTION accord_held(text[]) FROM accord_app;
"""

ME = "accord_person()"
LEARNING, SUBGROUP = "partnership_id IN (SELECT accord_learning())", "partnership_id IN (SELECT accord_subgrouped())"
MEMBERS = "partnership_id IN (SELECT accord_partnerships())"
ASKED, TOOK_PART = "debrief_id IN (SELECT accord_debriefed())", "debrief_id IN (SELECT accord_debriefs_joined())"
AHEAD = "EXISTS (SELECT 1 FROM learning_debrief d WHERE d.id = debrief_id AND d.starts_at > clock_timestamp())"
OF_THE_SAME = "partnership_id = accord_place_of('{0}', {0}_id)"
PLACED = f"{SUBGROUP} AND {OF_THE_SAME.format('theme')} AND {OF_THE_SAME.format('point')}"
SEES_TO_IT = f"({SUBGROUP} OR (owner_id = {ME} AND {MEMBERS}))"
MY_NOTE = "note_id IN (SELECT n.id FROM learning_debriefnote n WHERE n.debrief_id IN (SELECT accord_debriefs_joined()))"
POINT = "(SELECT p.agency_id FROM learning_learningpoint p WHERE p.id = point_id AND p.partnership_id = {table}.partnership_id)"

# table: (who sees a row, who may write one, (who may change which, the columns) or None, who may delete or None)
POLICIES = {
    "subgroup": (
        MEMBERS,
        "partnership_id IN (SELECT accord_offices())",
        ("partnership_id IN (SELECT accord_offices())", "name, ended_on"),
        None,
    ),
    "referral": (
        f"{LEARNING} AND {POINT.format(table='learning_referral')} IS NOT NULL",
        f"referred_by_id = {ME} AND accord_represents(partnership_id, {POINT.format(table='learning_referral')})",
        None,
        None,
    ),
    "theme": (
        f"{LEARNING} OR id IN (SELECT accord_changed_themes()) OR id IN (SELECT d.theme_id FROM learning_decision d WHERE d.owner_id = {ME} AND d.partnership_id IN (SELECT accord_partnerships()))",
        f"made_by_id = {ME} AND {SUBGROUP} AND {OF_THE_SAME.format('subgroup')}",
        (SUBGROUP, "title, about, summary, subgroup_id", f"{SUBGROUP} AND {OF_THE_SAME.format('subgroup')}"),
        None,
    ),
    "themepoint": (LEARNING, f"placed_by_id = {ME} AND {PLACED}", (SUBGROUP, "theme_id, placed_by_id, placed_at", PLACED), None),
    "decision": (
        f"{LEARNING} OR ({MEMBERS} AND (owner_id = {ME} OR done_at IS NOT NULL))",
        f"decided_by_id = {ME} AND done_at IS NULL AND {SUBGROUP} AND {OF_THE_SAME.format('theme')}",
        (
            f"done_at IS NULL AND {SEES_TO_IT}",
            "what_changed, evidence, done_on, done_by_id, done_at",
            f"done_by_id = {ME} AND {SEES_TO_IT}",
        ),
        None,
    ),
    "debrief": (
        "id IN (SELECT accord_debriefed()) OR (partnership_id IN (SELECT accord_offices())"
        " AND disagreement_id NOT IN (SELECT accord_excluded()))",
        f"arranged_by_id = {ME} AND partnership_id IN (SELECT accord_offices())",
        ("id IN (SELECT accord_debriefs_arranged())", "facilitator, starts_at, place, cancelled_at"),
        None,
    ),
    "debriefparticipant": (
        f"{ASKED} OR debrief_id IN (SELECT accord_debriefs_arranged())",
        "answer = '' AND debrief_id IN (SELECT accord_debriefs_arranged()) AND person_id IN (SELECT place.person FROM learning_debrief d,"
        " LATERAL accord_debrief_places(d.disagreement_id) place WHERE d.id = debrief_id)",
        # Who said no and stayed away does not read afterwards what the others wrote.
        (f"person_id = {ME} AND (answer <> 'no' OR {AHEAD})", "answer", f"person_id = {ME}"),
        None,
    ),
    "debriefnote": (TOOK_PART, f"written_by_id = {ME} AND {TOOK_PART}", None, None),
    "debriefconsent": (MY_NOTE, f"person_id = {ME} AND {MY_NOTE}", None, None),
    "thanks": (
        f"{ME} IN (from_person_id, to_person_id, manager_id) AND disagreement_id NOT IN (SELECT accord_excluded())",
        f"from_person_id = {ME} AND accord_seated_at(disagreement_id, to_person_id)"
        " AND (manager_id IS NULL OR accord_manages(manager_id, to_person_id))",
        None,
        None,
    ),
    "learningevent": (
        MEMBERS,
        f"made_by_id = {ME} AND {SUBGROUP}",
        (SUBGROUP, "title, about, starts_at, hours, place, areas, agencies, cancelled_at"),
        None,
    ),
    "attendance": (
        f"person_id = {ME} OR event_id IN (SELECT e.id FROM learning_learningevent e WHERE e.partnership_id IN (SELECT accord_subgrouped()))",
        f"person_id = {ME} AND event_id IN (SELECT e.id FROM learning_learningevent e)",
        (f"person_id = {ME}", "withdrawn_at, was_there"),
        None,
    ),
    "logentry": (
        f"owner_id = {ME}",
        f"owner_id = {ME}",
        (f"owner_id = {ME}", '"on", title, hours, role, areas, task, process, style, learned, changed, changed_at'),
        f"owner_id = {ME}",
    ),
    "release": (LEARNING, "false", None, None),
}

# What the clock's role reads to tell people and to count: no words.
CLOCK = {
    "learningpoint": "id, partnership_id, disagreement_id, agency_id, named_by_id, about, recorded_at, debrief_id",
    "debriefrequest": "id, partnership_id, disagreement_id, side_id, asked_by_id, recorded_at, entry_id",
    "subgroup": "id, partnership_id, ended_on",
    "referral": "id, partnership_id, point_id, subgroup_id, referred_by_id, referred_at",
    "theme": "id, partnership_id, subgroup_id, about, made_by_id, made_at",
    "themepoint": "id, partnership_id, point_id, theme_id, placed_by_id, placed_at",
    "decision": "id, partnership_id, theme_id, kind, owner_id, due_on, decided_by_id, decided_at, done_on, done_by_id, done_at",
    "debrief": "id, partnership_id, disagreement_id, arranged_by_id, starts_at, made_at, cancelled_at",
    "debriefparticipant": "id, debrief_id, person_id, side_id, answer",
    "thanks": "id, partnership_id, disagreement_id, from_person_id, to_person_id, manager_id, what_for, sent_at",
    "learningevent": "id, partnership_id, theme_id, kind, starts_at, hours, areas, agencies, made_by_id, made_at, cancelled_at",
    "attendance": "id, event_id, person_id, signed_up_at, withdrawn_at, was_there",
}

POINTS = """
DROP POLICY written ON learning_debriefrequest;
CREATE POLICY written ON learning_debriefrequest FOR INSERT TO accord_app WITH CHECK (asked_by_id = accord_person()
    AND disagreement_id IN (SELECT accord_visible())
    AND (accord_said(entry_id, 'answer_closing_questions') OR accord_said(entry_id, 'ask_for_debrief')));
DROP POLICY seen ON learning_debriefrequest;
CREATE POLICY seen ON learning_debriefrequest FOR SELECT TO accord_app USING (disagreement_id IN (SELECT accord_visible())
    OR (accord_represents(partnership_id, NULL) AND disagreement_id NOT IN (SELECT accord_excluded())));
DROP POLICY seen ON learning_learningpoint;
CREATE POLICY seen ON learning_learningpoint FOR SELECT TO accord_app USING (
    accord_represents(partnership_id, agency_id) OR partnership_id IN (SELECT accord_subgrouped()) OR named_by_id = accord_person());
DROP POLICY written ON learning_learningpoint;
CREATE POLICY written ON learning_learningpoint FOR INSERT TO accord_app WITH CHECK (
    named_by_id = accord_person() AND (accord_said_for(entry_id, agency_id) AND disagreement_id IN (SELECT accord_visible())
        OR debrief_id IN (SELECT accord_debriefs_joined())));
GRANT INSERT, SELECT ON learning_release TO accord_clock;
CREATE POLICY clock_seen ON learning_release FOR SELECT TO accord_clock USING (true);
CREATE POLICY clock_written ON learning_release FOR INSERT TO accord_clock WITH CHECK (true);
REVOKE INSERT ON learning_release FROM accord_app;
GRANT INSERT ON learning_release TO accord_replay;
GRANT DELETE ON learning_logentry TO accord_app;
"""


def protect(apps, schema_editor):
    def do(sql):
        schema_editor.execute(sql)

    for name, (seen, written, changed, deleted) in POLICIES.items():
        table = f"learning_{name}"
        do(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        do(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        do(f"CREATE POLICY owner ON {table} TO accord_owner USING (true) WITH CHECK (true)")
        do(f"CREATE POLICY seen ON {table} FOR SELECT TO accord_app USING ({seen})")
        do(f"CREATE POLICY written ON {table} FOR INSERT TO accord_app WITH CHECK ({written})")
        do(f"REVOKE UPDATE ON {table} FROM accord_app")
        if changed:
            whose, columns, kept = changed if len(changed) == 3 else (*changed, changed[0])
            do(f"GRANT UPDATE ({columns}) ON {table} TO accord_app")
            do(f"CREATE POLICY changed ON {table} FOR UPDATE TO accord_app USING ({whose}) WITH CHECK ({kept})")
        if deleted:
            do(f"CREATE POLICY deleted ON {table} FOR DELETE TO accord_app USING ({deleted})")
    for name, columns in CLOCK.items():
        do(f"GRANT SELECT ({columns}) ON learning_{name} TO accord_clock")
        do(f"CREATE POLICY clock_seen ON learning_{name} FOR SELECT TO accord_clock USING (true)")


class Migration(migrations.Migration):
    dependencies = [("learning", "0003_subgroups_debriefs_and_logs"), ("disputes", "0010_rights_of_mediation")]
    operations = [
        migrations.RunSQL(FUNCTIONS, migrations.RunSQL.noop),
        migrations.RunPython(protect, migrations.RunPython.noop),
        migrations.RunSQL(POINTS, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS_ALWAYS_FIRE, migrations.RunSQL.noop),
    ]
