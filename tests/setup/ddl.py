"""DDL of every kind goes on as before, and the change stream says that it was there."""

import psycopg

# What is run, one statement a line, and the tag of each message that follows; "": none.
SAID = """
CREATE TABLE t (id int PRIMARY KEY, v int)                        | CREATE TABLE
CREATE TABLE IF NOT EXISTS t (id int)                             | CREATE TABLE
ALTER TABLE t ADD COLUMN w int                                    | ALTER TABLE
ALTER TABLE t RENAME COLUMN w TO x                                | ALTER TABLE
ALTER TABLE t DROP COLUMN x                                       | ALTER TABLE
ALTER TABLE t ENABLE ROW LEVEL SECURITY                           | ALTER TABLE
CREATE POLICY p ON t USING (true)                                 | CREATE POLICY
CREATE INDEX i ON t (v)                                           | CREATE INDEX
CREATE INDEX CONCURRENTLY j ON t (v)                              | CREATE INDEX
DROP INDEX CONCURRENTLY j                                         | DROP INDEX
DROP INDEX i                                                      | DROP INDEX
CREATE VIEW w AS SELECT * FROM t                                  | CREATE VIEW
CREATE OR REPLACE VIEW w AS SELECT id, v FROM t                   | CREATE VIEW
DROP VIEW w                                                       | DROP VIEW
CREATE MATERIALIZED VIEW m AS SELECT 1                            | CREATE MATERIALIZED VIEW
REFRESH MATERIALIZED VIEW m                                       | REFRESH MATERIALIZED VIEW
DROP MATERIALIZED VIEW m                                          | DROP MATERIALIZED VIEW
GRANT SELECT ON t TO PUBLIC                                       | GRANT
REVOKE SELECT ON t FROM PUBLIC                                    | REVOKE
GRANT USAGE ON SCHEMA public TO plain                             | GRANT
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO plain          | ALTER DEFAULT PRIVILEGES
ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM plain       | ALTER DEFAULT PRIVILEGES
REVOKE USAGE ON SCHEMA public FROM plain                          | REVOKE
ALTER TABLE t OWNER TO plain                                      | ALTER TABLE
ALTER TABLE t OWNER TO postgres                                   | ALTER TABLE
DROP OWNED BY plain                                               | DROP OWNED
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'        | CREATE FUNCTION
ALTER FUNCTION f() IMMUTABLE                                      | ALTER FUNCTION
DROP FUNCTION f()                                                 | DROP FUNCTION
CREATE TYPE e AS ENUM ('a')                                       | CREATE TYPE
ALTER TYPE e ADD VALUE 'b'                                        | ALTER TYPE
DROP TYPE e                                                       | DROP TYPE
CREATE SEQUENCE s                                                 | CREATE SEQUENCE
ALTER SEQUENCE s RESTART 5                                        | ALTER SEQUENCE
DROP SEQUENCE s                                                   | DROP SEQUENCE
CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING                | CREATE RULE
DROP RULE r ON t                                                  | DROP RULE
CREATE EXTENSION citext                                           | CREATE EXTENSION
DROP EXTENSION citext                                             | DROP EXTENSION
CREATE SCHEMA sc CREATE TABLE inner_one (id int PRIMARY KEY)      | CREATE SCHEMA
ALTER SCHEMA sc RENAME TO sd                                      | ALTER SCHEMA
DROP SCHEMA sd CASCADE                                            | DROP SCHEMA
CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int) | CREATE OPERATOR
DROP OPERATOR === (int, int)                                      | DROP OPERATOR
CREATE CAST (text AS int) WITH INOUT                              | CREATE CAST
DROP CAST (text AS int)                                           | DROP CAST
CREATE PUBLICATION other FOR TABLE t                              | CREATE PUBLICATION
ALTER PUBLICATION other DROP TABLE t                              | ALTER PUBLICATION
DROP PUBLICATION other                                            | DROP PUBLICATION
CREATE STATISTICS st ON id, v FROM t                              | CREATE STATISTICS
DROP STATISTICS st                                                | DROP STATISTICS
CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger() | CREATE TRIGGER
ALTER TABLE t DISABLE TRIGGER tr                                  | ALTER TABLE
DO $$BEGIN EXECUTE 'CREATE TABLE inside (id int)'; END$$          | CREATE TABLE
SELECT 1 AS v INTO selected                                       | SELECT INTO
CREATE TABLE made AS SELECT 1                                     | CREATE TABLE AS
DROP TABLE inside, selected                                       | DROP TABLE
COMMENT ON TABLE t IS 'read by nobody'                            |
CREATE TEMP TABLE tt (id serial PRIMARY KEY, v text UNIQUE)       |
CREATE INDEX ON tt (v)                                            |
ALTER TABLE tt ADD COLUMN w int                                   |
CREATE TEMP VIEW tw AS SELECT * FROM tt                           |
DROP VIEW tw                                                      |
DROP TABLE tt                                                     |
CREATE TEMP TABLE ta ON COMMIT DROP AS SELECT 1                   |
DROP TABLE IF EXISTS nowhere                                      |
INSERT INTO t VALUES (1, 1)                                       |
TRUNCATE t                                                        |
DROP TABLE t                                                      | DROP TABLE
"""


def test_every_command_is_said(database):
    database.cluster.sql("CREATE ROLE plain")
    database.apply()
    database.follow()
    session = database.connect()
    for line in SAID.strip().splitlines():
        statement, expected = (part.strip() for part in line.rsplit("|", 1))
        session.execute(statement)
        heard = set(database.tags())
        inner = {"CREATE EXTENSION", "DROP EXTENSION"}  # the script's own commands are said too
        assert heard == ({expected} - {""}) or (expected in inner and expected in heard), f"{statement}: {heard}"
    assert "postgres" in session.execute("SELECT current_user").fetchone()


def test_what_is_rolled_back_is_not_said(database):
    database.apply()
    database.follow()
    session = database.connect()
    session.execute("BEGIN; CREATE TABLE a (v int); SAVEPOINT s; CREATE VIEW w AS SELECT 1; ROLLBACK TO s; COMMIT")
    session.execute("BEGIN; CREATE TABLE b (v int); ROLLBACK")
    assert database.tags() == ["CREATE TABLE"]


def test_changes_of_published_tables_are_in_the_stream(database):
    database.apply()
    session = database.connect()
    session.execute("CREATE TABLE t (id int PRIMARY KEY, v int)")
    session.execute("CREATE TABLE keyless (v int)")
    session.execute("CREATE TABLE n (v int PRIMARY KEY) PARTITION BY RANGE (v)")
    session.execute("CREATE TABLE leaf PARTITION OF n FOR VALUES FROM (0) TO (100)")
    database.follow()
    for table in ("t", "keyless", "n"):
        session.execute(f"INSERT INTO {table} (v{', id' if table == 't' else ''}) VALUES (1{', 1' if table == 't' else ''})")
        session.execute(f"UPDATE {table} SET v = 2")
        session.execute(f"DELETE FROM {table}")
        session.execute(f"TRUNCATE {table}")
        expected = "IT" if table == "keyless" else "IUDT"
        assert "".join(kind for what, kind in database.heard() if what == "row") == expected, table


def test_roles_without_privileges(database):
    database.cluster.sql("CREATE ROLE ordinary LOGIN")
    database.apply()
    database.follow()
    database.rows("CREATE SCHEMA own AUTHORIZATION ordinary")
    database.heard()
    session = database.connect("ordinary")
    session.execute("SET search_path = own; CREATE TABLE t (id int PRIMARY KEY, v int)")
    session.execute("BEGIN; ALTER TABLE t DROP CONSTRAINT t_pkey; UPDATE t SET v = 1; COMMIT")
    session.execute("ALTER TABLE t SET UNLOGGED; ALTER TABLE t SET LOGGED; GRANT SELECT ON t TO PUBLIC; DROP TABLE t")
    assert {"CREATE TABLE", "ALTER TABLE", "GRANT", "DROP TABLE"} == set(database.tags())
    for attempt in ("SELECT pgweir.mend()", "ALTER PUBLICATION pgweir_rows DROP TABLE t", "SELECT pgweir.place(1)"):
        try:
            session.execute(attempt)
        except psycopg.Error:
            continue
        raise AssertionError(f"an ordinary role may: {attempt}")


SETTINGS = [
    "SET session_replication_role = replica",
    "SET standard_conforming_strings = off; SET backslash_quote = off",
    "SET plpgsql.extra_errors = 'all'; SET plpgsql.extra_warnings = 'all'; SET plpgsql.variable_conflict = 'error'",
    "SET quote_all_identifiers = on; SET transform_null_equals = on; SET lock_timeout = '1ms'",
    "SET row_security = off; SET force_parallel_mode = on; SET client_min_messages = debug1",
    "SET default_transaction_isolation = serializable; SET check_function_bodies = off",
    "SET search_path = hostile, pg_catalog",
]
HOSTILE = """
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.format(text, VARIADIC "any") RETURNS text LANGUAGE internal AS 'text_format';
CREATE FUNCTION hostile.strpos(text, text) RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''called''; END';
CREATE FUNCTION hostile.pg_logical_emit_message(boolean, text, text) RETURNS pg_lsn LANGUAGE plpgsql
    AS 'BEGIN RAISE EXCEPTION ''called''; END';
CREATE FUNCTION hostile.same(text, text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''called''; END';
CREATE OPERATOR hostile.= (FUNCTION = hostile.same, LEFTARG = text, RIGHTARG = text)
"""


def test_whatever_the_session_is_set_to(database):
    database.apply()
    database.rows(HOSTILE)
    database.follow()
    for setting in SETTINGS:
        session = database.connect()
        session.execute(setting)
        session.execute("CREATE TABLE public.t (id int PRIMARY KEY, v int)")
        session.execute("INSERT INTO public.t VALUES (1, 1)")
        with session.transaction():
            session.execute("ALTER TABLE public.t DROP CONSTRAINT t_pkey")
            session.execute("UPDATE public.t SET v = 2")
        database.mend()
        session.execute("ALTER TABLE public.t SET UNLOGGED")
        session.execute("ALTER TABLE public.t SET LOGGED; ALTER TABLE public.t ADD PRIMARY KEY (id)")
        database.mend()
        assert database.published() == {"t": "rows"}, setting
        session.execute("DROP TABLE public.t")
        heard = database.heard()
        assert ("pgweir.ddl", "DROP TABLE") in heard and not [w for w, _ in heard if w == "pgweir.lost"], (setting, heard)


SABOTAGE = {
    "the view is gone": "DROP VIEW pgweir.tables",
    "a function is gone": "DROP FUNCTION pgweir.must_leave_rows, pgweir.publish, pgweir.unlogged_text",
    "a function fails": "CREATE OR REPLACE FUNCTION pgweir.must_leave_rows(relid oid) RETURNS boolean LANGUAGE plpgsql"
    " AS 'BEGIN RAISE EXCEPTION ''sabotage''; END'",
    "the publications are gone": "DROP PUBLICATION pgweir_rows, pgweir_inserts",
}


def test_when_its_own_parts_fail(database):
    for name, sabotage in SABOTAGE.items():
        database.apply()
        session = database.connect()
        session.execute("CREATE TABLE t (id int PRIMARY KEY, v int)")
        database.follow()
        session.execute(sabotage)
        session.execute("CREATE TABLE u (id int PRIMARY KEY, v int)")
        session.execute("ALTER TABLE t ADD COLUMN w int; ALTER TABLE t DROP COLUMN w; DROP TABLE u")
        session.execute("BEGIN; CREATE TEMP TABLE x (v int); CREATE TABLE y (v int); COMMIT; DROP TABLE y, t")
        prefixes = {prefix for prefix, _ in database.heard()}
        if name == "the publications are gone":
            assert prefixes == {"pgweir.ddl"}
        else:
            assert prefixes == {"pgweir.ddl", "pgweir.lost"}, name
        database.rows("SELECT pg_drop_replication_slot(%s)", [database.name])
        database.command("--undo")
        assert database.status()[2][0] == "not_set_up", name


def test_thousands_in_one_transaction(database):
    database.apply()
    session = database.connect()
    used = "SELECT pg_current_xact_id()::text::bigint"
    before = database.rows(used)[0][0]
    with session.transaction():
        session.execute("""DO $$BEGIN FOR n IN 1..1000 LOOP
            EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, v int)', n);
            EXECUTE format('ALTER TABLE t%s ADD COLUMN w int', n);
            EXECUTE format('CREATE TEMP TABLE x%s (id int)', n);
        END LOOP; END$$""")
        session.execute("INSERT INTO t1 VALUES (1, 1); UPDATE t1 SET v = 2")
    assert database.rows(used)[0][0] - before < 500, "subtransactions with an id each"
    assert database.mend() == 0 and len(database.published()) == 1000
    session.execute("DO $$BEGIN FOR n IN 1..1000 LOOP EXECUTE format('DROP TABLE t%s', n); END LOOP; END$$")
    assert database.published() == {}


def test_extensions(database):
    database.apply()
    session = database.connect()
    session.execute("CREATE EXTENSION hstore; CREATE EXTENSION pg_trgm; CREATE EXTENSION citext")
    session.execute("CREATE TABLE t (id citext PRIMARY KEY, h hstore); INSERT INTO t VALUES ('A', 'a=>1')")
    session.execute("BEGIN; DROP EXTENSION citext CASCADE; UPDATE t SET h = 'b=>2'; COMMIT")
    assert database.mend() == 0 and database.published() == {"t": "inserts"}
    assert session.execute("SELECT count(*) FROM pg_depend WHERE deptype = 'e' AND classid IN "
                           "('pg_publication'::regclass, 'pg_publication_rel'::regclass)").fetchone() == (0,)
