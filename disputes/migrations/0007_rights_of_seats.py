"""Who may see, as issue 4 has it: a seat in a post belongs to whoever holds the post; safeguarding leads see their agency's; an exclusion
can be lifted; an emergency opens one for four hours. Seats and what sides said need an entry of the record, whoever writes them.
"""

from django.db import migrations

from accounts.history import TRIGGERS_ALWAYS_FIRE

# PL/pgSQL keeps the plans of a session: as plain SQL these were planned afresh in every statement of a page (bench/row_security.py).
FUNCTIONS = """
CREATE OR REPLACE FUNCTION accord_excluded() RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN RETURN QUERY
    SELECT disagreement_id FROM disputes_exclusion WHERE person_id = accord_person() AND lifted_by IS NULL;
END
$$;

CREATE FUNCTION accord_seats() RETURNS SETOF disputes_seat -- those which the acting person fills now
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
      AND seat.disagreement_id NOT IN (SELECT accord_excluded())
    UNION ALL
    SELECT seat.* FROM disputes_seat seat
    WHERE seat.post_id IN (SELECT id FROM posts) AND (seat.ends_at IS NULL OR seat.ends_at > clock_timestamp())
      AND seat.disagreement_id NOT IN (SELECT accord_excluded());
END
$$;

CREATE OR REPLACE FUNCTION accord_visible(whole boolean DEFAULT false, on_a_side boolean DEFAULT false) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN RETURN QUERY
    WITH me AS (SELECT id FROM accounts_user WHERE id = accord_person() AND is_active)
    SELECT seat.disagreement_id FROM accord_seats() seat
    WHERE NOT (whole AND seat.positions_only) AND NOT (on_a_side AND seat.side_id IS NULL)
    UNION
    SELECT d.id FROM disputes_disagreement d
    WHERE d.partnership_id IN (SELECT accord_audited()) AND d.id NOT IN (SELECT accord_excluded())
    UNION
    SELECT s.disagreement_id FROM me
    JOIN accounts_appointment a ON a.person_id = me.id AND a.office = 'safeguarding_lead'
        AND a.starts_on <= accord_today() AND (a.ends_on IS NULL OR a.ends_on >= accord_today())
    JOIN accounts_team t ON t.agency_id = a.agency_id
    JOIN disputes_side s ON s.team_id = t.id AND s.partnership_id = a.partnership_id AND s.ended_at IS NULL
    WHERE s.disagreement_id NOT IN (SELECT accord_excluded());
END
$$;

CREATE FUNCTION accord_sides() RETURNS SETOF uuid -- at which the acting person sits, being told apart
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN RETURN QUERY
    SELECT seat.side_id FROM accord_seats() seat WHERE seat.side_id IS NOT NULL AND seat.capacity <> 'told';
END
$$;
CREATE FUNCTION accord_chaired() RETURNS SETOF uuid -- where the acting person is the Chair and has accepted
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT seat.disagreement_id FROM accord_seats() seat WHERE seat.capacity = 'chair' AND NOT seat.positions_only
$$;

CREATE FUNCTION accord_may_break(disagreement uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT 1 FROM disputes_disagreement d JOIN accounts_user me ON me.id = accord_person() AND me.is_active
        WHERE d.id = disagreement AND d.id NOT IN (SELECT accord_excluded())
          AND NOT EXISTS (SELECT 1 FROM disputes_entry e WHERE e.disagreement_id = d.id AND e.kind = 'refuse_break_glass'
                          AND e.facts ->> 'person' = me.id::text) -- refused once: not again
          AND (
            EXISTS (SELECT 1 FROM accounts_appointment a
                    WHERE a.person_id = me.id AND a.partnership_id = d.partnership_id
                      AND a.office IN ('office', 'chair', 'deputy', 'safeguarding_lead')
                      AND a.starts_on <= accord_today() AND (a.ends_on IS NULL OR a.ends_on >= accord_today()))
            OR EXISTS (SELECT 1 FROM accounts_post p JOIN accounts_team mine ON mine.id = p.team_id
                       JOIN accounts_team theirs ON theirs.agency_id = mine.agency_id
                       JOIN disputes_side s ON s.team_id = theirs.id AND s.ended_at IS NULL
                       WHERE p.holder_id = me.id AND p.ended_on IS NULL AND p.level >= 1
                         AND s.disagreement_id = d.id AND s.kind IN ('raising', 'responding'))))
$$;
CREATE FUNCTION accord_breakable(wanted text, OUT id uuid, OUT partnership_id uuid) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT d.id, d.partnership_id FROM disputes_disagreement d WHERE d.reference = wanted AND accord_may_break(d.id)
$$;

CREATE FUNCTION accord_open_seats(post uuid) RETURNS integer -- a number only: who keeps posts reads no disagreement
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT count(DISTINCT seat.disagreement_id)::integer FROM disputes_seat seat JOIN disputes_disagreement d ON d.id = seat.disagreement_id
    WHERE seat.post_id = post AND seat.ends_at IS NULL AND d.ended_at IS NULL AND seat.capacity <> 'told'
      AND (accord_agency_of(post) IN (SELECT accord_administered())
        OR post IN (SELECT p.id FROM accounts_post p WHERE p.holder_id = accord_person()))
$$;
CREATE FUNCTION accord_open_seats_of(person uuid) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(sum(accord_open_seats(p.id)), 0)::integer FROM accounts_post p WHERE p.holder_id = person AND p.ended_on IS NULL
$$;

CREATE FUNCTION accord_said(entry uuid, what text) RETURNS boolean -- by the acting person, in this very transaction
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM disputes_entry e WHERE e.id = entry AND e.person_id = accord_person() AND e.kind = what
                   AND (e.replayed OR e.recorded_at >= transaction_timestamp()))
$$;

CREATE FUNCTION accord_note_hidden(noted uuid, who uuid, wanted text, page text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO audit_trace (id, at, kind, person_id, partnership_id, disagreement_id, what, facts)
    SELECT noted, clock_timestamp(), 'refused', who, d.partnership_id, d.id, 'hidden', jsonb_build_object('page', left(page, 60))
    FROM (SELECT 1) one LEFT JOIN disputes_disagreement d ON d.reference = wanted
$$;

REVOKE EXECUTE ON FUNCTION accord_seats(), accord_sides(), accord_chaired(), accord_may_break(uuid),
    accord_breakable(text), accord_open_seats(uuid), accord_open_seats_of(uuid), accord_note_hidden(uuid, uuid, text, text), accord_said(uuid, text)
    FROM PUBLIC, accord_app, accord_clock;
GRANT EXECUTE ON FUNCTION accord_sides(), accord_chaired(), accord_may_break(uuid), accord_breakable(text), accord_open_seats(uuid),
    accord_open_seats_of(uuid), accord_note_hidden(uuid, uuid, text, text), accord_said(uuid, text) TO accord_app;
"""

# What somebody with SQL as the web could still forge with a seat of their own: another seat, or a side's word. Checked at commit, when an
# entry of the same transaction must be there.
ENTRIES = """
CREATE FUNCTION accord_refuse_seat_without_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM disputes_entry e WHERE e.disagreement_id = NEW.disagreement_id AND (e.replayed OR e.recorded_at >= transaction_timestamp())
        AND CASE
            WHEN TG_OP = 'INSERT' THEN e.id = NEW.opened_by AND (
                e.child_safe = 'no' OR e.kind NOT IN ('add_note', 'correct_entry', 'record_discussion', 'acknowledge', 'answer_closing_questions'))
            WHEN NEW.ends_at IS DISTINCT FROM OLD.ends_at THEN
                e.kind IN ('pass_on', 'change_opposite_number', 'exclude', 'refuse_break_glass', 'change_holder')
            ELSE true END) THEN
        RAISE EXCEPTION 'a seat at disagreement % changed without an entry', NEW.disagreement_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER accord_opened_by_an_entry AFTER INSERT OR UPDATE ON disputes_seat DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION accord_refuse_seat_without_entry();

CREATE FUNCTION accord_refuse_word_without_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    needed text;
BEGIN
    needed := CASE
        WHEN NEW.agreed_to_differ AND NOT OLD.agreed_to_differ THEN 'agree_to_differ'
        WHEN NEW.closing_answered AND NOT OLD.closing_answered THEN 'answer_closing_questions'
        WHEN NEW.ended_at IS NOT NULL AND OLD.ended_at IS NULL THEN 'pass_on' END;
    IF needed IS NOT NULL AND NOT EXISTS (SELECT 1 FROM disputes_entry e WHERE e.disagreement_id = NEW.disagreement_id
            AND e.side_id = NEW.id AND e.kind = needed AND (e.replayed OR e.recorded_at >= transaction_timestamp())) THEN
        RAISE EXCEPTION 'side % said nothing of the kind', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER accord_said_in_an_entry AFTER UPDATE ON disputes_side DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION accord_refuse_word_without_entry();

CREATE FUNCTION accord_check_post() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_user = 'accord_app' AND OLD.holder_id IS NOT NULL AND OLD.ended_on IS NULL
        AND (NEW.holder_id IS NULL OR NEW.ended_on IS NOT NULL) AND accord_open_seats(OLD.id) > 0 THEN
        RAISE EXCEPTION 'open seats are handed over first' USING ERRCODE = 'check_violation';
    END IF;
    IF current_user = 'accord_app' AND NEW.holder_id = accord_person()
        AND (TG_OP = 'INSERT' OR NEW.holder_id IS DISTINCT FROM OLD.holder_id) THEN  -- who keeps posts gives none to themselves
        RAISE EXCEPTION 'nobody gives a post to themselves' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER accord_check_post BEFORE INSERT OR UPDATE ON accounts_post FOR EACH ROW EXECUTE FUNCTION accord_check_post();
REVOKE EXECUTE ON FUNCTION accord_refuse_seat_without_entry(), accord_refuse_word_without_entry(), accord_check_post()
    FROM PUBLIC, accord_app, accord_clock;
"""

POLICIES = """
DROP POLICY written ON disputes_seat;
CREATE POLICY written ON disputes_seat FOR INSERT TO accord_app WITH CHECK (
    capacity <> 'break_glass' AND (disagreement_id IN (SELECT accord_visible()) OR accord_raised(disagreement_id))
    OR capacity = 'break_glass' AND person_id = accord_person() AND side_id IS NULL AND post_id IS NULL
       AND ends_at <= clock_timestamp() + interval '4 hours 1 minute' AND accord_may_break(disagreement_id));
DROP POLICY written ON disputes_exclusion;
CREATE POLICY written ON disputes_exclusion FOR INSERT TO accord_app WITH CHECK (accord_said(opened_by, 'exclude'));
DROP POLICY seen ON disputes_entry; -- who was seated only to say whether an emergency was one, sees that and the positions
CREATE POLICY seen ON disputes_entry FOR SELECT TO accord_app USING (
    disagreement_id IN (SELECT accord_visible(true)) OR (disagreement_id IN (SELECT accord_visible()) AND (person_id = accord_person()
        OR kind IN ('send', 'answer', 'record_answer_for', 'ask_the_chair', 'propose_outcome', 'agree_to_differ')
        OR kind IN ('break_glass', 'confirm_break_glass', 'refuse_break_glass'))));
CREATE POLICY changed ON disputes_exclusion FOR UPDATE TO accord_app
    USING (disagreement_id IN (SELECT accord_visible())) WITH CHECK (accord_said(lifted_by, 'lift_exclusion'));
GRANT UPDATE (lifted_by) ON disputes_exclusion TO accord_app;

DROP POLICY seen ON audit_trace; -- whoever is excluded does not learn of it from the trail either
CREATE POLICY seen ON audit_trace FOR SELECT TO accord_app USING (
    (person_id = accord_person() OR partnership_id IN (SELECT accord_audited()) OR person_id IN (SELECT accord_led_people()))
    AND (disagreement_id IS NULL OR person_id = accord_person() OR disagreement_id NOT IN (SELECT accord_excluded())));
DROP POLICY seen ON audit_alarm;
CREATE POLICY seen ON audit_alarm FOR SELECT TO accord_app USING (
    (person_id IN (SELECT accord_led_people()) OR partnership_id IN (SELECT accord_audited()) OR partnership_id IN (SELECT accord_offices()))
    AND (disagreement_id IS NULL OR disagreement_id NOT IN (SELECT accord_excluded())));

ALTER TABLE disputes_sidenote ENABLE ROW LEVEL SECURITY;
ALTER TABLE disputes_sidenote FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON disputes_sidenote TO accord_owner USING (true) WITH CHECK (true);
CREATE POLICY seen ON disputes_sidenote FOR SELECT TO accord_app
    USING (side_id IN (SELECT accord_sides()) OR (with_chair AND disagreement_id IN (SELECT accord_chaired())));
CREATE POLICY written ON disputes_sidenote FOR INSERT TO accord_app
    WITH CHECK (author_id = accord_person() AND disagreement_id IN (SELECT accord_visible())
        AND (side_id IN (SELECT accord_sides()) OR (with_chair AND disagreement_id IN (SELECT accord_chaired()))));
REVOKE UPDATE ON disputes_sidenote FROM accord_app;

GRANT UPDATE (ends_at) ON disputes_seat TO accord_clock;
CREATE POLICY clock_changed ON disputes_seat FOR UPDATE TO accord_clock USING (true) WITH CHECK (true);
DROP POLICY clock_written ON disputes_entry;
CREATE POLICY clock_written ON disputes_entry FOR INSERT TO accord_clock WITH CHECK (person_id IS NULL
    AND kind IN ('reach_limit', 'reach_last_chaser', 'reach_inner_limit', 'redate', 'note_stall', 'change_holder'));
"""


class Migration(migrations.Migration):
    dependencies = [
        ("disputes", "0006_side_notes"),
        ("accounts", "0006_rights_of_administrators"),
        ("audit", "0004_rights_of_leads"),
        ("escalation", "0004_rights_of_clocks"),
    ]
    operations = [
        migrations.RunSQL(FUNCTIONS, migrations.RunSQL.noop),
        migrations.RunSQL(ENTRIES, migrations.RunSQL.noop),
        migrations.RunSQL(POLICIES, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS_ALWAYS_FIRE, migrations.RunSQL.noop),
    ]
