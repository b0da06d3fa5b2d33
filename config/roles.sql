-- The people of the database, and who owns what. Safe to run again.
-- Run as a superuser, connected to the database of Accord, before the first migration.
-- Row-level security and the rights on single tables come with the migrations.

DO $$
DECLARE
    login text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'accord_owner') THEN
        CREATE ROLE accord_owner NOLOGIN;
    END IF;
    FOREACH login IN ARRAY ARRAY[
        'accord_migrator',  -- changes the schema, as accord_owner
        'accord_app',       -- the web: sees what the person it acts for may see
        'accord_clock',     -- due clocks and owed notices: no words
        'accord_sealer',    -- seals the record
        'accord_report',    -- counts only
        'accord_replay'     -- demonstration and volume data: never given a password in service
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', login);
        END IF;
        EXECUTE format('ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS', login);
        -- A statement that fails holds what people wrote, and so does the row it would have made: the server's log says neither.
        EXECUTE format('ALTER ROLE %I SET log_min_error_statement = panic', login);
        EXECUTE format('ALTER ROLE %I SET log_error_verbosity = terse', login);
        EXECUTE format('ALTER ROLE %I SET log_statement = none', login);
        EXECUTE format('ALTER ROLE %I SET log_min_duration_statement = -1', login);
        EXECUTE format('ALTER ROLE %I SET log_parameter_max_length_on_error = 0', login);
    END LOOP;
END
$$;

ALTER ROLE accord_owner NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOLOGIN;
GRANT accord_owner TO accord_migrator;
GRANT accord_app TO accord_replay;  -- the same rules hold for it; it alone may say when something was recorded
GRANT accord_clock TO accord_replay;  -- it also notices the limits that were reached in what it replays
ALTER ROLE accord_migrator SET role TO accord_owner;

DO $$
BEGIN
    EXECUTE format('ALTER DATABASE %I OWNER TO accord_owner', current_database());
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format(
        'GRANT CONNECT ON DATABASE %I TO accord_migrator, accord_app, accord_clock, accord_sealer, accord_report, accord_replay',
        current_database()
    );
END
$$;

ALTER SCHEMA public OWNER TO accord_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO accord_app, accord_clock, accord_sealer, accord_report, accord_replay;

-- What accord_owner makes, the web may read and write; migrations take away where less is right,
-- and give the other roles what they need, table by table.
ALTER DEFAULT PRIVILEGES FOR ROLE accord_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE ON TABLES TO accord_app;
ALTER DEFAULT PRIVILEGES FOR ROLE accord_owner IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO accord_app, accord_clock, accord_sealer;
ALTER DEFAULT PRIVILEGES FOR ROLE accord_owner
    REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE accord_owner IN SCHEMA public
    GRANT EXECUTE ON FUNCTIONS TO accord_app, accord_clock;
