"""No statement of a user fails because the database is set up."""

import psycopg

from scratch.process import wait_until

KEYED = "CREATE TABLE {0} (id int PRIMARY KEY, v int); INSERT INTO {0} SELECT n, n FROM generate_series(1, 5) n"

# Each takes the identity of `t` away, within a transaction that then changes its rows.
LOSES_IDENTITY = {
    "drop constraint": ("", "ALTER TABLE t DROP CONSTRAINT t_pkey"),
    "drop the column": ("", "ALTER TABLE t DROP COLUMN id"),
    "identity nothing": ("", "ALTER TABLE t REPLICA IDENTITY NOTHING"),
    "identity by a mere index": (
        "ALTER TABLE t ALTER v SET NOT NULL; CREATE UNIQUE INDEX tv ON t (v)",
        "ALTER TABLE t REPLICA IDENTITY USING INDEX tv; DROP INDEX tv"),
    "full, and back to a key that is gone": (
        "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t REPLICA IDENTITY FULL",
        "ALTER TABLE t REPLICA IDENTITY DEFAULT"),
    "a deferrable key instead": (
        "", "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD CONSTRAINT t_pkey PRIMARY KEY (id) DEFERRABLE"),
    "the constraint of a unique identity": (
        "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD CONSTRAINT u UNIQUE (id), ALTER id SET NOT NULL;"
        "ALTER TABLE t REPLICA IDENTITY USING INDEX u",
        "ALTER TABLE t DROP CONSTRAINT u"),
    "drop the type of the key": (
        "CREATE DOMAIN d AS int; DROP TABLE t; CREATE TABLE t (id d PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1)",
        "DROP DOMAIN d CASCADE"),
    "drop the column above": (
        "DROP TABLE t; CREATE TABLE above (id int, v int); CREATE TABLE t (PRIMARY KEY (id)) INHERITS (above);"
        "INSERT INTO t VALUES (1, 1)",
        "ALTER TABLE above DROP COLUMN id"),
    "drop the key of all partitions": (
        "DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, v int) PARTITION BY RANGE (id);"
        "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (id);"
        "CREATE TABLE t2 PARTITION OF t1 FOR VALUES FROM (0) TO (50); INSERT INTO t VALUES (1, 1)",
        "ALTER TABLE t DROP CONSTRAINT t_pkey"),
    "within DO": ("", "DO $$BEGIN EXECUTE 'ALTER TABLE t DROP CONSTRAINT t_pkey'; END$$"),
    "within a function in SQL": (
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'ALTER TABLE t DROP CONSTRAINT t_pkey'", "SELECT f()"),
}


def test_identity_lost_and_rows_changed_in_one_transaction(database):
    database.apply()
    for name, (before, loses) in LOSES_IDENTITY.items():
        session = database.connect()
        session.execute(KEYED.format("t"))
        session.execute(before)
        database.mend()
        assert "rows" in database.published().values(), name
        with session.transaction():
            session.execute(loses)
            session.execute("UPDATE t SET v = 10 WHERE v = 1")
            session.execute("DELETE FROM t WHERE v = 10")
        assert "rows" not in database.published().values(), name
        session.execute("INSERT INTO t (v) VALUES (7)" if loses.endswith("COLUMN id") else "SELECT")
        session.execute("UPDATE t SET v = 11")
        assert database.mend() == 0 and "inserts" in database.published().values(), name
        session.execute("UPDATE t SET v = 12; DROP TABLE t CASCADE; DROP TABLE IF EXISTS above; DROP FUNCTION IF EXISTS f")


def test_rolled_back(database):
    database.apply()
    session = database.connect()
    session.execute(KEYED.format("t"))
    session.execute("BEGIN; SAVEPOINT s; ALTER TABLE t DROP CONSTRAINT t_pkey; UPDATE t SET v = 2; ROLLBACK TO s")
    session.execute("UPDATE t SET v = 3; COMMIT")
    assert database.published() == {"t": "rows"}
    session.execute("BEGIN; ALTER TABLE t SET UNLOGGED; ROLLBACK")
    assert database.published() == {"t": "rows"}


SETS_UNLOGGED = {
    "plain": "ALTER TABLE t SET UNLOGGED",
    "odd case and comments": "alter /* a table */ TABLE -- t\n  Only public . \"t\" sEt unLogged",
    "if exists, with others": "ALTER TABLE IF EXISTS t ADD COLUMN w int, SET UNLOGGED",
    "comments within": "ALTER TABLE t SET/* un */ -- less\n  UNLOGGED",
    "what looks like a comment": "ALTER TABLE other ADD COLUMN w text DEFAULT '--'; ALTER TABLE t SET UNLOGGED",
    "unicode name": "ALTER TABLE U&\"\\0074\" SET UNLOGGED",
    "within DO": "DO $$BEGIN ALTER TABLE t SET UNLOGGED; END$$",
    "put together": "DO $$BEGIN EXECUTE format('ALTER TABLE %I SET UN%s', 't', 'LOGGED'); END$$",
    "function in SQL": "SELECT make_unlogged()",
    "function in PL/pgSQL": "SELECT make_unlogged_too()",
    "among others": "ALTER TABLE other ADD COLUMN w int; ALTER TABLE t SET UNLOGGED; UPDATE t SET v = 9",
}
FUNCTIONS = """
CREATE FUNCTION make_unlogged() RETURNS void LANGUAGE sql AS 'ALTER TABLE t SET UNLOGGED';
CREATE FUNCTION make_unlogged_too() RETURNS void LANGUAGE plpgsql AS 'BEGIN ALTER TABLE t SET UNLOGGED; END'
"""


def test_set_unlogged(database):
    database.apply()
    session = database.connect()
    session.execute(FUNCTIONS)
    session.execute(KEYED.format("other"))
    session.execute("CREATE TABLE u (v int)")
    for name, sets in SETS_UNLOGGED.items():
        for key in ("PRIMARY KEY", ""):
            session.execute(f"CREATE TABLE t (id int {key}, v int)")
            assert database.published() == {"other": "rows", "u": "inserts", "t": "rows" if key else "inserts"}, name
            session.execute(sets)
            session.execute("UPDATE t SET v = 2")
            assert database.published() == {"other": "rows", "u": "inserts"}, name
            assert database.mend() == 0 and database.published() == {"other": "rows", "u": "inserts"}, name
            session.execute("ALTER TABLE t SET LOGGED")
            assert database.published() == {"other": "rows", "u": "inserts", "t": "rows" if key else "inserts"}, name
            session.execute("DROP TABLE t; ALTER TABLE other DROP COLUMN IF EXISTS w")


def test_set_unlogged_in_the_extended_protocol_and_in_a_block(database):
    database.apply()
    session = database.connect()
    session.execute(KEYED.format('"Odd ""Table"""'))
    session.execute('ALTER TABLE "Odd ""Table""" SET UNLOGGED', prepare=True)
    assert database.published() == {}
    session.execute(KEYED.format("t"))
    with session.transaction():
        session.execute("UPDATE t SET v = 2")
        session.execute("ALTER TABLE t SET UNLOGGED")
        session.execute("UPDATE t SET v = 3")
        session.execute("ALTER TABLE t SET LOGGED")
        session.execute("UPDATE t SET v = 4")
    assert database.mend() == 0 and database.published() == {"t": "rows"}


NEW_TABLES = {
    "CREATE TABLE n (v int)": {"n": "inserts"},
    "CREATE TABLE n (v int PRIMARY KEY)": {"n": "rows"},
    "CREATE TABLE n (v int PRIMARY KEY DEFERRABLE)": {"n": "inserts"},
    "CREATE TABLE n AS SELECT 1 AS v": {"n": "inserts"},
    "SELECT 1 AS v INTO n": {"n": "inserts"},
    "CREATE SCHEMA s CREATE TABLE n (v int PRIMARY KEY)": {"n": "rows"},
    "CREATE UNLOGGED TABLE n (v int)": {},
    "CREATE TEMP TABLE n (v int PRIMARY KEY)": {},
    "CREATE TABLE n (v int PRIMARY KEY) PARTITION BY RANGE (v);"
    "CREATE TABLE leaf PARTITION OF n FOR VALUES FROM (0) TO (100)": {"leaf": "rows"},
    "CREATE TABLE n (v int) PARTITION BY RANGE (v); CREATE TABLE leaf (v int);"
    "ALTER TABLE n ATTACH PARTITION leaf FOR VALUES FROM (0) TO (100)": {"leaf": "inserts"},
    "CREATE TABLE n (v int) PARTITION BY RANGE (v);"
    "CREATE TABLE leaf PARTITION OF n FOR VALUES FROM (0) TO (100);"
    "ALTER TABLE n ADD PRIMARY KEY (v)": {"leaf": "rows"},
    "CREATE VIEW w AS SELECT 1 AS v; CREATE TABLE n (v int); ALTER TABLE n REPLICA IDENTITY FULL": {"n": "rows"},
    "CREATE MATERIALIZED VIEW m AS SELECT 1 AS v; CREATE TABLE n (v int); DROP MATERIALIZED VIEW m": {"n": "inserts"},
}


def test_new_tables_are_published_and_can_be_written(database):
    database.apply()
    for creates, expected in NEW_TABLES.items():
        for in_block in (False, True):
            session = database.connect()
            if in_block:
                with session.transaction():
                    session.execute("SELECT 1")
                    session.execute(creates)
                    session.execute("SET LOCAL search_path = public, s; INSERT INTO n VALUES (2); UPDATE n SET v = 3")
                assert database.published() == {}, f"{creates}: holds the publications until its block ends"
                assert database.mend() == 0
            else:
                for statement in creates.split(";"):
                    session.execute(statement)
                assert database.published() == expected, creates
                session.execute("SET search_path = public, s; INSERT INTO n VALUES (2); UPDATE n SET v = 3; DELETE FROM n")
            assert database.published() == expected, creates
            assert database.mend() == 0 and database.published() == expected, creates
            session.execute("DROP TABLE IF EXISTS pg_temp.n, public.n; DROP SCHEMA IF EXISTS s CASCADE; DROP VIEW IF EXISTS w")
            session.close()


def test_a_table_moves_with_its_identity(database):
    database.apply()
    session = database.connect()
    session.execute("CREATE TABLE t (id int NOT NULL)")
    steps = {
        "ALTER TABLE t ADD PRIMARY KEY (id)": "rows",
        "ALTER TABLE t REPLICA IDENTITY NOTHING": "inserts",
        "ALTER TABLE t REPLICA IDENTITY DEFAULT": "rows",
        "ALTER TABLE t DROP CONSTRAINT t_pkey": "inserts",
        "ALTER TABLE t REPLICA IDENTITY FULL": "rows",
        "CREATE SCHEMA s": "rows",
        "ALTER TABLE t SET SCHEMA s": "rows",
        "ALTER TABLE s.t REPLICA IDENTITY DEFAULT": "inserts",
    }
    for statement, publication in steps.items():
        session.execute(statement)
        assert database.published() == {"t": publication}, statement


def test_identity_index_dropped_concurrently(database):
    """It takes the identity away in a transaction of its own, and then waits for older ones."""
    session = database.connect()
    session.execute("CREATE TABLE t (id int NOT NULL, v int); CREATE UNIQUE INDEX ti ON t (id)")
    session.execute("ALTER TABLE t REPLICA IDENTITY USING INDEX ti; INSERT INTO t VALUES (1, 1)")
    database.apply()
    assert database.published() == {"t": "inserts"}
    older, dropper = database.connect(), database.connect()
    older.execute("BEGIN; SELECT * FROM t")
    pid = dropper.info.backend_pid
    dropper.pgconn.send_query(b"DROP INDEX CONCURRENTLY ti")
    gone = "SELECT 1 FROM pg_index WHERE indexrelid = 'ti'::regclass AND NOT indisreplident"
    wait_until("the index is no identity any more", lambda: database.rows(gone))
    assert database.rows(f"SELECT cardinality(pg_blocking_pids({pid}))") == [(1,)]
    session.execute("UPDATE t SET v = 2; DELETE FROM t")
    older.execute("COMMIT")
    assert dropper.pgconn.get_result().status == psycopg.pq.ExecStatus.COMMAND_OK


def test_tables_join_while_transactions_are_open(database):
    session = database.connect()
    session.execute(KEYED.format("keyed") + "; CREATE TABLE keyless (v int); INSERT INTO keyless VALUES (1)")
    writer, dropper = database.connect(), database.connect()
    writer.execute("BEGIN; UPDATE keyed SET v = 2; UPDATE keyless SET v = 2")
    session.execute(KEYED.format("losing"))
    dropper.execute("BEGIN; ALTER TABLE losing DROP CONSTRAINT losing_pkey")
    assert "1 tables are in use" in database.apply()
    assert database.published() == {"keyed": "rows", "keyless": "inserts"}
    writer.execute("UPDATE keyed SET v = 3; UPDATE keyless SET v = 3; DELETE FROM keyless; COMMIT")
    dropper.execute("UPDATE losing SET v = 3; COMMIT")
    assert database.mend() == 0 and database.published()["losing"] == "inserts"
    session.execute("UPDATE losing SET v = 4")


def test_several_lose_their_identity_at_the_same_time(database):
    """ALTER PUBLICATION locks the publication until the end of its transaction; no one may wait for that."""
    database.apply()
    database.follow()
    names = ["first", "second", "third", "fourth"]
    sessions = [database.connect() for _ in names]
    for session, name in zip(sessions, names):
        session.execute(KEYED.format(name))
    database.heard()
    for session, name in zip(sessions, names):
        session.execute(f"BEGIN; ALTER TABLE {name} DROP CONSTRAINT {name}_pkey; UPDATE {name} SET v = 2")
    for session, name in zip(reversed(sessions), reversed(names)):
        session.execute(f"DELETE FROM {name} WHERE id = 1; COMMIT")
        session.execute(f"UPDATE {name} SET v = 3")
    lost = database.lost()
    assert len(lost) == 3, lost
    for session, name in zip(sessions, names):
        session.execute(f"UPDATE {name} SET v = 4")
    status, promise, missing, _ = database.status()
    assert (status, promise) == (1, "fences and TTL only") and "publication_altered" in missing
    assert database.mend() == 0
    assert database.status()[:3] == (0, "full", [])
    assert database.published() == {"first": "inserts", "second": "inserts", "third": "rows", "fourth": "rows"}
    for session, name in zip(sessions, names):
        session.execute(f"UPDATE {name} SET v = 5")


def test_a_block_that_makes_tables_holds_nobody_up(database):
    database.apply()
    session = database.connect()
    session.execute(KEYED.format("t"))
    maker = database.connect()
    maker.execute("BEGIN")
    maker.execute("CREATE TABLE made (id int PRIMARY KEY)")
    session.execute("SET lock_timeout = '1ms'; ALTER TABLE t DROP CONSTRAINT t_pkey; CREATE TABLE another (v int)")
    assert database.published() == {"another": "inserts", "t": "inserts"} or database.mend() == 0
    session.execute("UPDATE t SET v = 2")
    maker.execute("COMMIT")
    maker.execute("DO $$BEGIN CREATE TABLE inside (id int PRIMARY KEY); END$$")
    assert "inside" not in database.published(), "a function may go on for long"
    assert database.mend() == 0
    assert database.published() == {"another": "inserts", "t": "inserts", "made": "rows", "inside": "rows"}


def test_a_snapshot_from_before(database):
    """REPEATABLE READ sees catalogs in SQL as they were; PostgreSQL's own commands see them as they are."""
    database.apply()
    session = database.connect()
    for level in ("REPEATABLE READ", "SERIALIZABLE"):
        late = database.connect()
        late.execute(f"BEGIN ISOLATION LEVEL {level}")
        late.execute("SELECT 1")
        session.execute(KEYED.format("t"))
        assert database.published() == {"t": "rows"}
        late.execute("ALTER TABLE t DROP CONSTRAINT t_pkey")
        late.execute("SAVEPOINT s; UPDATE t SET v = 2; COMMIT")
        assert database.published() == {}
        late.execute(f"BEGIN ISOLATION LEVEL {level}; SELECT 1")
        session.execute("DROP TABLE t")
        session.execute(KEYED.format("t"))
        late.execute("ALTER TABLE t SET UNLOGGED; COMMIT")
        session.execute("DROP TABLE t")
        session.execute(KEYED.format("t"))
        late.execute(f"BEGIN ISOLATION LEVEL {level}; SELECT 1")
        session.execute("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD CONSTRAINT other PRIMARY KEY (id)")
        assert database.published() == {"t": "rows"}
        late.execute("ALTER TABLE t DROP CONSTRAINT other; UPDATE t SET v = 2; COMMIT")
        session.execute("UPDATE t SET v = 3; DROP TABLE t")


def test_publications_altered_by_hand(database):
    database.apply()
    session = database.connect()
    session.execute("CREATE TABLE keyless (v int); INSERT INTO keyless VALUES (1)")
    session.execute(KEYED.format("t"))
    with session.transaction():
        session.execute("ALTER PUBLICATION pgweir_rows ADD TABLE keyless")
        session.execute("UPDATE keyless SET v = 2")
    with session.transaction():
        session.execute("ALTER PUBLICATION pgweir_rows SET TABLE t (id, v) WHERE (id > 1), keyless")
        session.execute("UPDATE keyless SET v = 3; UPDATE t SET v = 3")
    session.execute("ALTER PUBLICATION pgweir_inserts SET (publish = 'insert, update')")
    assert database.status()[2] == ["publication_altered"]
    assert database.mend() == 0
    session.execute("ALTER PUBLICATION pgweir_inserts SET TABLE keyless WHERE (v > 1)")
    assert "table_not_published" in database.status()[3]
    assert database.mend() == 0 and "table_not_published" not in database.status()[3]
    assert database.published() == {"keyless": "inserts", "t": "rows"} and database.status()[:2] == (0, "full")
    session.execute("UPDATE keyless SET v = 4; UPDATE t SET v = 4")
