"""Replies asked anew over another session's connection, and old replies in place of errors."""

import time

from scratch import wire
from serve.scenario import holds, same, scenario

SCHEMA = """DROP TABLE IF EXISTS price; CREATE TABLE price (id int PRIMARY KEY, amount int NOT NULL);
INSERT INTO price SELECT i, 100 * i FROM generate_series(1, 100) i"""
READ = "SELECT amount FROM price WHERE id = 1 /* pgweir: ttl=300ms {} */"
PATIENCE_SECONDS = 30


def hits(pgweir):
    return sum(count for (outcome, _), count in pgweir.lookups().items() if outcome == "hit")


def repeat_until(session, sql, rows, done, unless=None):
    """Each reply on the way must be right too, or an error of this SQLSTATE."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not done():
        try:
            same(sql, session.rows(sql), rows)
        except wire.ServerError as error:
            if error.fields["C"] != unless:
                raise
        holds(f"within {PATIENCE_SECONDS} s", time.monotonic() < end)


@scenario
def old_reply_in_place_of_an_error(stage):
    """Somebody has locked the table: who accepts it has the old reply, the others have the error."""
    stage.plain.sql(SCHEMA)
    accepting, strict = READ.format("stale_if_error=1h"), READ.format("")
    with stage.pgweir() as pgweir, wire.Connection(stage.plain.host, stage.plain.port, "postgres") as locker:
        session = pgweir.session()
        session.rows("SET lock_timeout = '50ms'")
        for sql in (accepting, strict):
            repeat_until(session, sql, [["100"]], lambda before=hits(pgweir): hits(pgweir) > before)
        locker.rows("BEGIN")
        locker.rows("LOCK TABLE price IN ACCESS EXCLUSIVE MODE")
        repeat_until(session, accepting, [["100"]], lambda: pgweir.metric("pgweir_stale_if_error_total") >= 2)
        try:
            repeat_until(session, strict, [["100"]], lambda: False)
        except wire.ServerError as error:
            same("the error of PostgreSQL", error.fields["C"], "55P03")
        locker.rows("ROLLBACK")
        same("the session goes on", session.rows("SELECT 1"), [["1"]])


@scenario
def reply_asked_anew_over_an_idle_connection(stage):
    """A session reads all the time; another one is idle, and what it has prepared, and it alone, stays there."""
    stage.plain.sql(SCHEMA)
    sql = READ.format("stale_while_revalidate=1h")
    with stage.pgweir(server_workers=1) as pgweir:
        idle, reader = pgweir.session(), pgweir.session()
        idle.rows("PREPARE mine AS SELECT 1")
        for session in (idle, reader):
            session.rows(sql)
        repeat_until(reader, sql, [["100"]], lambda: pgweir.metric("pgweir_refreshes_total") >= 3)
        same("what is prepared", idle.rows("SELECT name FROM pg_prepared_statements"), [["mine"]])
        reader.rows("UPDATE price SET amount = 7 WHERE id = 1")
        before = pgweir.metric("pgweir_refreshes_total")
        repeat_until(reader, sql, [["7"]], lambda: pgweir.metric("pgweir_refreshes_total") > before)
        same("the idle session's own read", idle.rows(sql), [["7"]])


@scenario
def lock_that_a_refresh_does_not_wait_for(stage):
    """What is asked anew over an idle session's connection must not hold up its client, whoever has locked what."""
    stage.plain.sql(SCHEMA)
    sql = READ.format("stale_while_revalidate=1h")
    with stage.pgweir(server_workers=1) as pgweir, wire.Connection(stage.plain.host, stage.plain.port, "postgres") as locker:
        idle, reader = pgweir.session(), pgweir.session()
        for session in (idle, reader):
            session.rows(sql)
        repeat_until(reader, sql, [["100"]], lambda: pgweir.metric("pgweir_refreshes_total") >= 1)
        locker.rows("BEGIN")
        locker.rows("LOCK TABLE price IN ACCESS EXCLUSIVE MODE")
        before = pgweir.metric("pgweir_refreshes_total")
        # While the other one is not idle for long enough, this session asks by itself, and waits for the lock.
        reader.rows("SET lock_timeout = '50ms'")
        repeat_until(reader, sql, [["100"]], lambda: pgweir.metric("pgweir_refreshes_total") >= before + 2, unless="55P03")
        same("the idle session's own statement", idle.rows("SELECT 22"), [["22"]])
        locker.rows("ROLLBACK")
