"""Who people are may now be written by the web, each part by those who keep it, and nothing else (issue 4).

An agency's administrator keeps its teams, posts and people; the partnership's office its appointments and agencies; a post's holder their
stand-ins; everybody their own password. Whoever holds the key of an open invitation (`accord.invitation`) may activate that one account.
A change of rights ends every session of the person: the database counts it (`rights_version`).
"""

from django.db import migrations

from accounts.history import TRIGGERS_ALWAYS_FIRE

FUNCTIONS = """
CREATE FUNCTION accord_offices() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT partnership_id FROM accounts_appointment
    WHERE person_id = (SELECT id FROM accounts_user WHERE id = accord_person() AND is_active) AND office = 'office'
      AND starts_on <= accord_today() AND (ends_on IS NULL OR ends_on >= accord_today())
$$;
CREATE FUNCTION accord_administered() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT a.agency_id FROM accounts_appointment a JOIN accounts_membership m USING (partnership_id, agency_id)
    WHERE a.person_id = (SELECT id FROM accounts_user WHERE id = accord_person() AND is_active) AND a.office = 'administrator'
      AND a.starts_on <= accord_today() AND (a.ends_on IS NULL OR a.ends_on >= accord_today())
    UNION -- an agency without an administrator is kept by the office, until it has one, and while it sits in this partnership alone
    SELECT m.agency_id FROM accounts_membership m
    WHERE m.partnership_id IN (SELECT accord_offices())
      AND NOT EXISTS (SELECT 1 FROM accounts_membership o WHERE o.agency_id = m.agency_id AND o.partnership_id <> m.partnership_id)
      AND NOT EXISTS (
        SELECT 1 FROM accounts_appointment a JOIN accounts_user u ON u.id = a.person_id AND u.is_active
        WHERE a.agency_id = m.agency_id AND a.office = 'administrator'
          AND a.starts_on <= accord_today() AND (a.ends_on IS NULL OR a.ends_on >= accord_today()))
$$;
CREATE FUNCTION accord_may_join(agency uuid) RETURNS boolean -- one that is new, or that somebody of its own keeps
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT NOT EXISTS (SELECT 1 FROM accounts_membership m WHERE m.agency_id = agency) OR EXISTS (
        SELECT 1 FROM accounts_appointment a JOIN accounts_user u ON u.id = a.person_id AND u.is_active
        WHERE a.agency_id = agency AND a.office = 'administrator'
          AND a.starts_on <= accord_today() AND (a.ends_on IS NULL OR a.ends_on >= accord_today()))
$$;
CREATE FUNCTION accord_administered_elsewhere(agency uuid, partnership uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT 1 FROM accounts_appointment a JOIN accounts_user u ON u.id = a.person_id AND u.is_active
        WHERE a.agency_id = agency AND a.partnership_id <> partnership AND a.office = 'administrator'
          AND a.starts_on <= accord_today() AND (a.ends_on IS NULL OR a.ends_on >= accord_today()))
$$;
CREATE FUNCTION accord_keeps_person(person uuid) RETURNS boolean -- one keeper: the agency's administrator, else one partnership's office
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT 1 FROM accounts_user u WHERE u.id = person AND CASE
            WHEN u.kept_by_id IS NOT NULL THEN u.kept_by_id IN (SELECT accord_administered())
            ELSE u.kept_for_id IN (SELECT accord_offices()) END)
$$;
CREATE FUNCTION accord_invited() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT i.person_id FROM accounts_invitation i JOIN accounts_user u ON u.id = i.person_id AND NOT u.is_active AND u.left_on IS NULL
        AND u.last_login IS NULL AND u.password LIKE '!%'  -- one who was blocked comes back by their administrator only
    WHERE i.key_hash = nullif(current_setting('accord.invitation', true), '')
      AND i.taken_up_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > clock_timestamp()
$$;
CREATE FUNCTION accord_joined() RETURNS SETOF uuid -- by the key that is shown now, a moment ago or not yet
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT i.person_id FROM accounts_invitation i
    WHERE i.key_hash = nullif(current_setting('accord.invitation', true), '') AND i.revoked_at IS NULL AND i.expires_at > clock_timestamp()
      AND (i.taken_up_at IS NULL OR i.taken_up_at >= transaction_timestamp())
$$;
CREATE FUNCTION accord_may_be_invited(person uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM accounts_user WHERE id = person AND NOT is_active AND left_on IS NULL
                   AND last_login IS NULL AND password LIKE '!%')
$$;
CREATE FUNCTION accord_free_for(post uuid, person uuid) RETURNS boolean -- nobody else was ever seated in it and still is
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN NOT EXISTS (SELECT 1 FROM disputes_seat s WHERE s.post_id = $1 AND s.ends_at IS NULL AND s.person_id <> $2);
END
$$;
CREATE FUNCTION accord_agency_of(post uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT t.agency_id FROM accounts_post p JOIN accounts_team t ON t.id = p.team_id WHERE p.id = post
$$;
CREATE FUNCTION accord_works_in(person uuid, agency uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM accounts_user WHERE id = person AND kept_by_id = agency) OR EXISTS (
        SELECT 1 FROM accounts_post p JOIN accounts_team t ON t.id = p.team_id
        WHERE p.holder_id = person AND p.ended_on IS NULL AND t.agency_id = agency)
$$;
REVOKE EXECUTE ON FUNCTION accord_offices(), accord_administered(), accord_may_join(uuid), accord_administered_elsewhere(uuid, uuid), accord_keeps_person(uuid), accord_invited(), accord_joined(), accord_may_be_invited(uuid),
    accord_free_for(uuid, uuid), accord_agency_of(uuid), accord_works_in(uuid, uuid) FROM PUBLIC, accord_clock;
GRANT EXECUTE ON FUNCTION accord_offices(), accord_administered(), accord_may_join(uuid), accord_administered_elsewhere(uuid, uuid), accord_keeps_person(uuid), accord_invited(), accord_joined(), accord_may_be_invited(uuid),
    accord_free_for(uuid, uuid), accord_agency_of(uuid), accord_works_in(uuid, uuid) TO accord_app;
"""

TRIGGERS = """
CREATE FUNCTION accord_check_person() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.email IS DISTINCT FROM OLD.email THEN
        NEW.address_changed_at := clock_timestamp();
        NEW.rights_version := OLD.rights_version + 1;
    ELSIF current_user = 'accord_app' THEN
        NEW.address_changed_at := OLD.address_changed_at;
    END IF;
    IF NEW.email IS DISTINCT FROM OLD.email THEN
        NULL;
    ELSIF NEW.is_active IS DISTINCT FROM OLD.is_active AND NEW.rights_version = OLD.rights_version THEN
        NEW.rights_version := OLD.rights_version + 1;
    ELSIF current_user = 'accord_app' THEN
        NEW.rights_version := OLD.rights_version;  -- whatever an older reading of the row says
    END IF;
    IF current_user <> 'accord_app'
        OR (NEW.id, NEW.email, NEW.name, NEW.is_active, NEW.left_on, NEW.kept_by_id, NEW.kept_for_id)
            IS NOT DISTINCT FROM (OLD.id, OLD.email, OLD.name, OLD.is_active, OLD.left_on, OLD.kept_by_id, OLD.kept_for_id) THEN
        RETURN NEW;
    END IF;
    IF NEW.id IN (SELECT accord_invited()) AND NEW.is_active
        AND (NEW.email, NEW.left_on, NEW.kept_by_id, NEW.kept_for_id)
            IS NOT DISTINCT FROM (OLD.email, OLD.left_on, OLD.kept_by_id, OLD.kept_for_id) THEN
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id OR NOT accord_keeps_person(OLD.id)
        OR NEW.kept_for_id IS DISTINCT FROM OLD.kept_for_id
        OR (NEW.kept_by_id IS DISTINCT FROM OLD.kept_by_id AND NEW.kept_by_id NOT IN (SELECT accord_administered()))
        OR (NEW.id = accord_person() AND NEW.is_active IS DISTINCT FROM OLD.is_active) THEN
        RAISE EXCEPTION 'this account is kept by others' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.left_on IS NOT NULL AND OLD.left_on IS NULL AND accord_open_seats_of(OLD.id) > 0 THEN
        RAISE EXCEPTION 'open seats are handed over first' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER accord_check_person BEFORE UPDATE ON accounts_user FOR EACH ROW EXECUTE FUNCTION accord_check_person();

CREATE FUNCTION accord_revoke_earlier() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN -- one open invitation a person, whoever made the others
    UPDATE accounts_invitation SET revoked_at = clock_timestamp()
    WHERE person_id = NEW.person_id AND id <> NEW.id AND taken_up_at IS NULL AND revoked_at IS NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER accord_revoke_earlier AFTER INSERT ON accounts_invitation FOR EACH ROW EXECUTE FUNCTION accord_revoke_earlier();

CREATE FUNCTION accord_office_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE accounts_user SET rights_version = rights_version + 1
    WHERE id IN (CASE WHEN TG_OP <> 'INSERT' THEN OLD.person_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.person_id END);
    RETURN NULL;
END
$$;
CREATE TRIGGER accord_office_changed AFTER INSERT OR UPDATE OR DELETE ON accounts_appointment
    FOR EACH ROW EXECUTE FUNCTION accord_office_changed();

CREATE FUNCTION accord_post_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.holder_id, NEW.ended_on, NEW.level) IS NOT DISTINCT FROM (OLD.holder_id, OLD.ended_on, OLD.level) THEN
        RETURN NULL;
    END IF;
    UPDATE accounts_user SET rights_version = rights_version + 1
    WHERE id IN (CASE WHEN TG_OP = 'UPDATE' THEN OLD.holder_id END, NEW.holder_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER accord_post_changed AFTER INSERT OR UPDATE ON accounts_post FOR EACH ROW EXECUTE FUNCTION accord_post_changed();
REVOKE EXECUTE ON FUNCTION accord_check_person(), accord_revoke_earlier(), accord_office_changed(), accord_post_changed() FROM PUBLIC, accord_app, accord_clock;
"""

AGENCY = "agency_id IN (SELECT accord_administered())"
POST = "team_id IN (SELECT t.id FROM accounts_team t WHERE t.agency_id IN (SELECT accord_administered()))"
STAND_IN = """(post_id IN (SELECT p.id FROM accounts_post p WHERE p.holder_id = accord_person())
    OR accord_agency_of(post_id) IN (SELECT accord_administered()))"""
SAME_AGENCY = "accord_works_in(person_id, accord_agency_of(post_id))"
NOT_MINE = """partnership_id IN (SELECT accord_offices()) AND person_id <> accord_person()
    AND (agency_id IS NULL OR EXISTS (
        SELECT 1 FROM accounts_membership m WHERE m.agency_id = accounts_appointment.agency_id AND m.partnership_id = accounts_appointment.partnership_id))
    AND NOT (office = 'administrator' AND accord_administered_elsewhere(agency_id, partnership_id))"""
MAY_JOIN = "partnership_id IN (SELECT accord_offices()) AND accord_may_join(agency_id)"
BY_KEY = "key_hash = nullif(current_setting('accord.invitation', true), '')"
INVITATION = f"(invited_by_id = accord_person() OR {BY_KEY} OR accord_keeps_person(person_id))"
OPEN_OR_MINE = "(accord_person() IS NULL OR user_id = accord_person() OR accord_keeps_person(user_id))"
KEPT = "(history_user_id = accord_person() OR (history_user_id IS NULL AND EXISTS (SELECT 1 FROM accord_joined())))"

# table: [(command, using or None, check or None)] for the web. Reading who people are is open: opposite numbers are found by everybody.
POLICIES = {
    "accounts_user": [
        ("SELECT", "true", None),
        (
            "INSERT",
            None,
            "NOT is_active AND accord_person() IS NOT NULL AND (kept_for_id IS NULL OR kept_for_id IN (SELECT accord_offices()))",
        ),
        *[("UPDATE", *["accord_person() IS NULL OR id = accord_person() OR accord_keeps_person(id)"] * 2)],
    ],
    "accounts_agency": [
        ("SELECT", "true", None),
        ("INSERT", None, "EXISTS (SELECT 1 FROM accord_offices())"),
        ("UPDATE", "id IN (SELECT accord_administered())", "id IN (SELECT accord_administered())"),
    ],
    "accounts_membership": [("SELECT", "true", None), ("INSERT", None, MAY_JOIN)],
    "accounts_team": [("SELECT", "true", None), ("INSERT", None, AGENCY), ("UPDATE", AGENCY, AGENCY)],
    "accounts_post": [
        ("SELECT", "true", None),
        ("INSERT", None, POST),
        (
            "UPDATE",
            f"{POST} OR (holder_id IS NULL AND id IN (SELECT i.post_id FROM accounts_invitation i WHERE i.{BY_KEY} AND accord_free_for(accounts_post.id, i.person_id)))",
            f"{POST} OR holder_id IN (SELECT accord_joined())",
        ),
    ],
    "accounts_standin": [  # one may always be ended, also that of somebody who no longer works there
        ("SELECT", "true", None),
        ("INSERT", None, f"{STAND_IN} AND {SAME_AGENCY} AND person_id <> accord_person()"),
        (
            "UPDATE",
            STAND_IN,
            f"{STAND_IN} AND (({SAME_AGENCY} AND person_id <> accord_person()) OR ends_on < accord_today() OR ends_on < starts_on)",
        ),
    ],
    "accounts_appointment": [("SELECT", "true", None), ("INSERT", None, NOT_MINE), ("UPDATE", NOT_MINE, NOT_MINE)],
    "accounts_invitation": [
        ("SELECT", INVITATION, None),
        (
            "INSERT",
            None,
            "invited_by_id = accord_person() AND accord_may_be_invited(person_id)"
            " AND (post_id IS NULL OR accord_agency_of(post_id) IN (SELECT accord_administered())"
            " OR EXISTS (SELECT 1 FROM accounts_post p WHERE p.id = post_id AND p.level = 0 AND p.holder_id IS NULL))"
            " AND taken_up_at IS NULL AND revoked_at IS NULL"
            " AND wrong_codes = 0 AND expires_at <= clock_timestamp() + interval '72 hours 5 minutes'",
        ),
        ("UPDATE", INVITATION, INVITATION),
    ],
    "accounts_letter": [("SELECT", "person_id = accord_person()", None), ("INSERT", None, "sent_at IS NULL AND dropped_at IS NULL")],
    "accounts_keptform": [(command, *["person_id = accord_person()"] * 2) for command in ("SELECT", "INSERT", "UPDATE", "DELETE")],
    "mfa_authenticator": [(command, *[OPEN_OR_MINE] * 2) for command in ("SELECT", "INSERT", "UPDATE", "DELETE")],
    **{
        f"accounts_historical{name}": [("SELECT", "true", None), ("INSERT", None, KEPT)]
        for name in ("user", "agency", "membership", "team", "post", "standin", "appointment")
    },
}
WRITTEN = ("user", "agency", "membership", "team", "post", "standin", "appointment")
CHANGED = ("user", "agency", "team", "post", "standin", "appointment")
JOINED = ("invitation", "letter", "keptform")

GRANTS = """
GRANT UPDATE ON accounts_user TO accord_app;
REVOKE UPDATE ON accounts_letter FROM accord_app;
REVOKE UPDATE ON accounts_attempt FROM accord_app;
GRANT DELETE ON accounts_attempt, accounts_keptform, mfa_authenticator, usersessions_usersession TO accord_app;
REVOKE INSERT, UPDATE ON socialaccount_socialapp, socialaccount_socialtoken, account_emailconfirmation FROM accord_app;
GRANT SELECT ON accounts_invitation TO accord_clock;
GRANT SELECT, INSERT, UPDATE ON accounts_letter TO accord_clock;
GRANT SELECT (id, kept_at), DELETE ON accounts_keptform TO accord_clock;
CREATE POLICY clock_seen ON accounts_invitation FOR SELECT TO accord_clock USING (true);
CREATE POLICY clock_seen ON accounts_letter TO accord_clock USING (true) WITH CHECK (true);
CREATE POLICY clock_seen ON accounts_keptform FOR SELECT TO accord_clock USING (true);
CREATE POLICY clock_deleted ON accounts_keptform FOR DELETE TO accord_clock USING (kept_at < clock_timestamp() - interval '7 days');
"""

BELONG = """
UPDATE accounts_user u SET kept_by_id = (
    SELECT t.agency_id FROM accounts_post p JOIN accounts_team t ON t.id = p.team_id
    WHERE p.holder_id = u.id ORDER BY (p.ended_on IS NOT NULL), p.level, p.id LIMIT 1)
WHERE u.kept_by_id IS NULL;
UPDATE accounts_user u SET kept_for_id = (
    SELECT a.partnership_id FROM accounts_appointment a WHERE a.person_id = u.id ORDER BY a.starts_on, a.id LIMIT 1)
WHERE u.kept_by_id IS NULL;
"""


def protect(apps, schema_editor):
    for table, policies in POLICIES.items():
        schema_editor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        schema_editor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        schema_editor.execute(f"CREATE POLICY owner ON {table} TO accord_owner USING (true) WITH CHECK (true)")
        for command, using, check in policies:
            name = {"SELECT": "seen", "INSERT": "written", "UPDATE": "changed", "DELETE": "deleted"}[command]
            conditions = f" USING ({using})" if using and command != "INSERT" else ""
            conditions += f" WITH CHECK ({check})" if check and command in ("INSERT", "UPDATE") else ""
            schema_editor.execute(f"CREATE POLICY {name} ON {table} FOR {command} TO accord_app{conditions}")
    for name in WRITTEN:  # the replaying role goes on setting a demonstration up; the clock goes on reading
        for table in (f"accounts_{name}", f"accounts_historical{name}"):
            schema_editor.execute(f"CREATE POLICY replayed ON {table} FOR INSERT TO accord_replay WITH CHECK (true)")
            schema_editor.execute(f"GRANT INSERT ON {table} TO accord_app")
        schema_editor.execute(
            f"CREATE POLICY replayed_change ON accounts_{name} FOR UPDATE TO accord_replay USING (true) WITH CHECK (true)"
        )
        schema_editor.execute(f"CREATE POLICY clock_seen ON accounts_{name} FOR SELECT TO accord_clock USING (true)")
    for name in CHANGED:
        schema_editor.execute(f"GRANT UPDATE ON accounts_{name} TO accord_app")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_joining_and_letters"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("usersessions", "0001_initial"),
        ("socialaccount", "0006_alter_socialaccount_extra_data"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("procedure", "0004_rights_of_the_office"),  # whose policies look through these tables
    ]
    operations = [
        migrations.RunSQL(FUNCTIONS, migrations.RunSQL.noop),
        migrations.RunSQL(BELONG, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS, migrations.RunSQL.noop),
        migrations.RunPython(protect, migrations.RunPython.noop),
        migrations.RunSQL(GRANTS, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS_ALWAYS_FIRE, migrations.RunSQL.noop),
    ]
