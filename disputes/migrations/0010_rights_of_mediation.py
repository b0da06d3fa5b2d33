"""Who mediates reads and writes the private threads; what the Chair asked and was told belongs to the positions; an outstanding issue is
done by an entry that says so; and the table of moves grows."""

from django.db import migrations

from accounts.history import TRIGGERS_ALWAYS_FIRE

SQL = """
CREATE OR REPLACE FUNCTION accord_seats() RETURNS SETOF disputes_seat -- those which the acting person fills now
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN RETURN QUERY
    WITH me AS (SELECT id FROM accounts_user WHERE id = accord_person() AND is_active),
    posts AS (
        SELECT p.id FROM accounts_post p, me WHERE p.holder_id = me.id AND p.ended_on IS NULL
        UNION SELECT s.post_id FROM accounts_standin s JOIN accounts_post p ON p.id = s.post_id AND p.ended_on IS NULL, me
        WHERE s.person_id = me.id AND accord_today() BETWEEN s.starts_on AND s.ends_on)
    SELECT seat.* FROM disputes_seat seat, me
    WHERE seat.person_id = me.id AND seat.post_id IS NULL AND (seat.ends_at IS NULL OR seat.ends_at > clock_timestamp())
      AND (seat.capacity NOT IN ('chair', 'office', 'told') OR EXISTS (
            SELECT 1 FROM accounts_appointment a
            WHERE a.person_id = me.id AND a.partnership_id = seat.partnership_id
              AND CASE seat.capacity WHEN 'chair' THEN a.office IN ('chair', 'deputy') WHEN 'office' THEN a.office = 'office'
                  ELSE a.office IN ('chair', 'deputy', 'representative') END
              AND a.starts_on <= accord_today() AND (a.ends_on IS NULL OR a.ends_on >= accord_today())))
      AND (seat.capacity <> 'mediator' OR ( -- only while they have a place in the partnership, and none in an agency that takes part
            (EXISTS (SELECT 1 FROM accounts_appointment a WHERE a.person_id = me.id AND a.partnership_id = seat.partnership_id
                     AND a.starts_on <= accord_today() AND (a.ends_on IS NULL OR a.ends_on >= accord_today()))
             OR EXISTS (SELECT 1 FROM accounts_post p JOIN accounts_team t ON t.id = p.team_id
                        JOIN accounts_membership m ON m.agency_id = t.agency_id AND m.partnership_id = seat.partnership_id
                        WHERE p.holder_id = me.id AND p.ended_on IS NULL))
            AND NOT EXISTS (SELECT 1 FROM disputes_side s JOIN accounts_team st ON st.id = s.team_id
                            WHERE s.disagreement_id = seat.disagreement_id AND (
                                st.agency_id IN (SELECT t.agency_id FROM accounts_post p JOIN accounts_team t ON t.id = p.team_id
                                                 WHERE p.holder_id = me.id AND p.ended_on IS NULL)
                                OR st.agency_id IN (SELECT t.agency_id FROM accounts_standin i JOIN accounts_post p ON p.id = i.post_id
                                                    JOIN accounts_team t ON t.id = p.team_id
                                                    WHERE i.person_id = me.id AND accord_today() BETWEEN i.starts_on AND i.ends_on)
                                OR st.agency_id IN (SELECT a.agency_id FROM accounts_appointment a WHERE a.person_id = me.id
                                    AND a.starts_on <= accord_today() AND (a.ends_on IS NULL OR a.ends_on >= accord_today()))))))
      AND seat.disagreement_id NOT IN (SELECT accord_excluded())
    UNION ALL
    SELECT seat.* FROM disputes_seat seat
    WHERE seat.post_id IN (SELECT id FROM posts) AND (seat.ends_at IS NULL OR seat.ends_at > clock_timestamp())
      AND seat.disagreement_id NOT IN (SELECT accord_excluded());
END
$$;

CREATE OR REPLACE FUNCTION accord_chaired() RETURNS SETOF uuid -- where the acting person mediates: the Chair who has accepted, a mediator
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT seat.disagreement_id FROM accord_seats() seat WHERE seat.capacity IN ('chair', 'mediator') AND NOT seat.positions_only
$$;

CREATE FUNCTION accord_unvouched(person uuid) RETURNS boolean -- let in by another agency's people, and no second person has looked since
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH RECURSIVE let_in(id, agency) AS ( -- this person, whoever of their agency invited them, whoever invited those
        SELECT u.id, u.kept_by_id FROM accounts_user u WHERE u.id = person AND u.kept_by_id IS NOT NULL
        UNION SELECT by.id, l.agency FROM let_in l JOIN accounts_invitation i ON i.person_id = l.id AND i.taken_up_at IS NOT NULL
        JOIN accounts_user by ON by.id = i.invited_by_id AND by.kept_by_id = l.agency)
    SELECT EXISTS (
        SELECT 1 FROM let_in l JOIN accounts_invitation i ON i.person_id = l.id AND i.taken_up_at IS NOT NULL
        JOIN accounts_user by ON by.id = i.invited_by_id AND by.kept_by_id IS DISTINCT FROM l.agency
        WHERE NOT EXISTS (SELECT 1 FROM accounts_appointment a WHERE a.person_id = by.id
            AND a.starts_on <= i.made_at::date AND (a.ends_on IS NULL OR a.ends_on >= i.made_at::date)
            AND (a.office = 'office' OR (a.office = 'administrator' AND a.agency_id = l.agency))))
    AND NOT EXISTS (
        SELECT 1 FROM disputes_confirmation c JOIN disputes_entry e ON e.id = c.entry_id AND e.side_id = c.side_id
        WHERE e.person_id = person AND c.countersigned_by_id IS NOT NULL)
$$;
REVOKE EXECUTE ON FUNCTION accord_unvouched(uuid) FROM PUBLIC, accord_clock;
GRANT EXECUTE ON FUNCTION accord_unvouched(uuid) TO accord_app;
CREATE FUNCTION accord_is_side_of(side uuid, disagreement uuid, mediating boolean) RETURNS boolean -- mediating: a party, while it lasts
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT 1 FROM disputes_side s JOIN disputes_disagreement d ON d.id = s.disagreement_id
        WHERE s.id = side AND d.id = disagreement AND d.id IN (SELECT accord_visible())
          AND (NOT mediating OR s.kind IN ('raising', 'responding') AND d.ended_at IS NULL AND d.mediation IN ('accepted', 'held')))
$$;
REVOKE EXECUTE ON FUNCTION accord_is_side_of(uuid, uuid, boolean) FROM PUBLIC, accord_clock;
GRANT EXECUTE ON FUNCTION accord_is_side_of(uuid, uuid, boolean) TO accord_app;
DROP POLICY written ON disputes_sidenote;
CREATE POLICY written ON disputes_sidenote FOR INSERT TO accord_app
    WITH CHECK (author_id = accord_person() AND accord_is_side_of(side_id, disagreement_id, with_chair)
        AND (side_id IN (SELECT accord_sides()) OR (with_chair AND disagreement_id IN (SELECT accord_chaired()))));

CREATE OR REPLACE FUNCTION accord_refuse_seat_without_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM disputes_entry e WHERE e.disagreement_id = NEW.disagreement_id AND (e.replayed OR e.recorded_at >= transaction_timestamp())
        AND CASE
            WHEN TG_OP = 'INSERT' THEN e.id = NEW.opened_by AND CASE NEW.capacity
                WHEN 'mediator' THEN e.kind = 'name_mediator'
                WHEN 'writes_for' THEN e.kind IN ('let_write', 'change_holder', 'exclude')
                ELSE e.child_safe = 'no' OR e.kind NOT IN (
                    'add_note', 'correct_entry', 'record_discussion', 'acknowledge', 'answer_closing_questions', 'co_sign', 'ask_for_debrief',
                    'finish_issue', 'ask_for_more', 'answer_the_chair', 'propose_session', 'answer_session', 'cancel_session') END
            WHEN NEW.ends_at IS DISTINCT FROM OLD.ends_at THEN
                e.kind IN ('pass_on', 'change_opposite_number', 'exclude', 'refuse_break_glass', 'change_holder', 'name_mediator', 'reopen')
            ELSE true END) THEN
        RAISE EXCEPTION 'a seat at disagreement % changed without an entry', NEW.disagreement_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

DROP POLICY seen ON disputes_entry;
CREATE POLICY seen ON disputes_entry FOR SELECT TO accord_app USING (
    disagreement_id IN (SELECT accord_visible(true)) OR (disagreement_id IN (SELECT accord_visible()) AND (person_id = accord_person()
        OR kind IN ('send', 'answer', 'record_answer_for', 'ask_the_chair', 'ask_for_more', 'answer_the_chair', 'propose_outcome',
                    'agree_to_differ')
        OR kind IN ('break_glass', 'confirm_break_glass', 'refuse_break_glass'))));

GRANT UPDATE (done_by_id) ON disputes_outstandingissue TO accord_app;
CREATE POLICY changed ON disputes_outstandingissue FOR UPDATE TO accord_app
    USING (disagreement_id IN (SELECT accord_visible()) AND done_by_id IS NULL) WITH CHECK (accord_said(done_by_id, 'finish_issue')
        AND id::text = (SELECT e.facts ->> 'issue' FROM disputes_entry e WHERE e.id = done_by_id));
GRANT SELECT ON disputes_outstandingissue TO accord_clock;
CREATE POLICY clock_seen ON disputes_outstandingissue FOR SELECT TO accord_clock USING (true);

DROP POLICY clock_written ON disputes_entry;
CREATE POLICY clock_written ON disputes_entry FOR INSERT TO accord_clock WITH CHECK (person_id IS NULL
    AND kind IN ('reach_limit', 'reach_last_chaser', 'reach_inner_limit', 'redate', 'note_stall', 'change_holder', 'note_overdue_issue'));
"""

ENDS = ("resolved", "closed", "withdrawn", "redirected")
OPEN = ("practitioner", "line_manager", "up_the_line", "lscb_mediation")
ADDED = {
    **dict.fromkeys(("ask_for_more", "answer_the_chair", "name_mediator", "propose_session", "answer_session", "cancel_session"), OPEN[3:]),
    **dict.fromkeys(("let_write", "co_sign"), OPEN),
    "finish_issue": (*OPEN, *ENDS[:1]),
    "note_overdue_issue": ENDS[:1],
    "ask_for_debrief": ENDS,
}


def fill(apps, schema_editor):
    AllowedMove = apps.get_model("disputes", "AllowedMove")
    AllowedMove.objects.bulk_create(
        AllowedMove(kind=kind, from_stage=stage, to_stage=stage) for kind, stages in ADDED.items() for stage in stages
    )


class Migration(migrations.Migration):
    dependencies = [("disputes", "0009_evidence_and_mediators")]
    operations = [
        migrations.RunSQL(SQL, migrations.RunSQL.noop),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunSQL(TRIGGERS_ALWAYS_FIRE, migrations.RunSQL.noop),
    ]
