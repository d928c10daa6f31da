#!/usr/bin/python3
"""psycopg 3, feature by feature, against one address; prints a transcript that depends on nothing else.

Usage: psycopg_features.py HOST PORT DATABASE
"""

import asyncio
import datetime
import decimal
import sys
import threading
import time
import uuid

import psycopg
from psycopg import sql
from psycopg.rows import dict_row, namedtuple_row
from psycopg.types.json import Jsonb

TIMES = 4  # each read is repeated, so that later ones may come from the cache


def show(label, value):
    print(f"{label}: {value!r}")


def again(label, read):
    """Reads several times; all must agree. Compared as text, since nan equals nothing."""
    seen = [repr(read()) for _ in range(TIMES)]
    print(f"{label}: {seen[0] if all(text == seen[0] for text in seen) else seen}")


def queries(connection):
    point = "SELECT id, name, price FROM product WHERE id = %s"
    again("client-side literal", lambda: connection.execute("SELECT name FROM product WHERE id = 1").fetchall())
    again("parameters", lambda: connection.execute(point, [2]).fetchall())
    again("binary", lambda: connection.execute(point, [2], binary=True).fetchall())
    again("prepared", lambda: connection.execute(point, [3], prepare=True).fetchall())
    again("not prepared", lambda: connection.execute(point, [3], prepare=False).fetchall())
    again("list", lambda: connection.execute("SELECT name FROM product WHERE id = ANY(%s) ORDER BY id", [[1, 3, 5]]).fetchall())
    again("null", lambda: connection.execute("SELECT count(*) FROM product WHERE name = %s", [None]).fetchone())
    again("named", lambda: connection.execute("SELECT name FROM product WHERE id = %(id)s", {"id": 4}).fetchone())
    again("composed", lambda: connection.execute(sql.SQL("SELECT {} FROM {} ORDER BY id LIMIT 2").format(
        sql.Identifier("name"), sql.Identifier("product"))).fetchall())
    with connection.cursor(row_factory=dict_row) as cursor:
        again("dict rows", lambda: cursor.execute("SELECT id, name FROM product WHERE id < 3 ORDER BY id").fetchall())
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        again("named tuples", lambda: tuple(cursor.execute("SELECT id, name FROM product WHERE id = 7").fetchone()))
    cursor = connection.execute("SELECT id, name FROM product WHERE id < 3; SELECT count(*) FROM product")
    show("first result", cursor.fetchall())
    show("next result", (cursor.nextset(), cursor.fetchall(), cursor.nextset()))
    cursor = connection.execute("SELECT id, name, price FROM product LIMIT 0")
    show("description", [(c.name, c.type_code, c.internal_size, c.precision) for c in cursor.description])


def prepared_threshold(connection):
    connection.prepare_threshold = 2
    connection.prepared_max = 3
    for statement in range(6):
        again(f"statement {statement}", lambda n=statement: connection.execute(
            f"SELECT name, {n} AS n FROM product WHERE id = %s", [n + 1]).fetchone())
    rows = connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
    show("statements prepared on the server", rows)


def data_types(connection):
    values = [1, -(2**40), 1.5, decimal.Decimal("12.340"), "käse 表", b"\x00\xff", True, datetime.date(2024, 3, 10),
              datetime.datetime(2024, 3, 10, 12, tzinfo=datetime.timezone.utc), datetime.timedelta(days=1, hours=2),
              uuid.UUID(int=7), Jsonb({"a": [1, None]}), [1, 2], ["x", None]]
    for value in values:
        for binary in (False, True):
            with connection.cursor(binary=binary) as cursor:
                show(f"round trip, binary {binary}", cursor.execute("SELECT %s AS v", [value]).fetchone())
    for binary in (False, True):
        again(f"all columns, binary {binary}",
              lambda b=binary: connection.execute("SELECT * FROM kinds ORDER BY id", binary=b).fetchall())


def transactions(connection):
    price = "SELECT price FROM product WHERE id = 10"
    again("before", lambda: connection.execute(price).fetchone())
    with connection.transaction():
        connection.execute("UPDATE product SET price = price + 1 WHERE id = 10")
        show("inside", connection.execute(price).fetchone())
        with connection.transaction("inner"):
            connection.execute("UPDATE product SET price = 0 WHERE id = 10")
            raise psycopg.Rollback
        show("after the savepoint", connection.execute(price).fetchone())
    again("after commit", lambda: connection.execute(price).fetchone())
    with connection.transaction(force_rollback=True):
        connection.execute("DELETE FROM product WHERE id = 10")
        show("deleted", connection.execute(price).fetchone())
    again("after rollback", lambda: connection.execute(price).fetchone())


def explicit_transactions(host, port, database):
    with psycopg.connect(host=host, port=port, dbname=database, user="postgres") as connection:
        show("not autocommit", connection.execute("SELECT name FROM product WHERE id = 11").fetchone())
        show("status", connection.info.transaction_status.name)
        connection.commit()
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        again("repeatable read", lambda: connection.execute("SELECT name FROM product WHERE id = 11").fetchone())
        connection.rollback()
        connection.read_only = True
        try:
            connection.execute("UPDATE product SET price = 1")
        except psycopg.errors.ReadOnlySqlTransaction as error:
            show("read only", error.sqlstate)
        connection.rollback()


def two_phase(host, port, database):
    address = f"host={host} port={port} dbname={database} user=postgres"
    for outcome in ("rollback", "commit"):
        connection = psycopg.connect(address)
        connection.tpc_begin(connection.xid(1, f"gid-{outcome}", "branch"))
        connection.execute("UPDATE product SET price = price + 100 WHERE id = 12")
        connection.tpc_prepare()
        connection.close()
        with psycopg.connect(address) as connection:
            found = [xid for xid in connection.tpc_recover() if xid.database == database]
            show("prepared", [(xid.format_id, xid.gtrid, xid.bqual) for xid in found])
            (connection.tpc_commit if outcome == "commit" else connection.tpc_rollback)(found[0])
            show(outcome, connection.execute("SELECT price FROM product WHERE id = 12").fetchone())


def errors(connection):
    for text, arguments in (("SELEC 1", None), ("SELECT 1 / (id - id) FROM product", None), ("SELECT nothing FROM product", None),
                            ("INSERT INTO product VALUES (1, 'twice', 1)", None), ("SELECT %s::int", ["x"])):
        try:
            connection.execute(text, arguments)
        except psycopg.Error as error:
            show("error", (type(error).__name__, error.sqlstate, error.diag.message_primary, error.diag.statement_position))
    notices = []
    connection.add_notice_handler(lambda diag: notices.append(diag.message_primary))
    connection.execute("DO $$BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two'; END$$")
    show("notices", notices)


def copies(connection):
    with connection.cursor() as cursor:
        with cursor.copy("COPY note (id, body) FROM STDIN") as copy:
            for n in range(500):
                copy.write_row((n, f"note {n}\twith a tab"))
        again("copied in", lambda: cursor.execute("SELECT count(*), sum(id) FROM note").fetchone())
        with cursor.copy("COPY (SELECT id, body FROM note WHERE id < 3 ORDER BY id) TO STDOUT") as copy:
            show("copied out", list(copy.rows()))
        with cursor.copy("COPY (SELECT id, body FROM note WHERE id < 3 ORDER BY id) TO STDOUT (FORMAT binary)") as copy:
            show("copied out, binary", b"".join(bytes(part) for part in copy))
        try:
            with cursor.copy("COPY note (id, body) FROM STDIN") as copy:
                copy.write_row((1000, "never"))
                raise ValueError("the client gives up")
        except psycopg.errors.QueryCanceled as error:
            show("given up", str(error))
        again("afterwards", lambda: cursor.execute("SELECT count(*) FROM note").fetchone())


def pipelines(connection):
    with connection.pipeline() as pipeline:
        cursors = [connection.execute("SELECT name FROM product WHERE id = %s", [n % 5 + 1]) for n in range(20)]
        connection.execute("UPDATE product SET name = 'piped' WHERE id = 20")
        cursors.append(connection.execute("SELECT name FROM product WHERE id = 20"))
        pipeline.sync()
        show("pipeline", [cursor.fetchone() for cursor in cursors])
    try:
        with connection.pipeline() as pipeline:
            first = connection.execute("SELECT name FROM product WHERE id = 1")
            connection.execute("SELECT 1 / (id - id) FROM product")
            connection.execute("SELECT name FROM product WHERE id = 2")
            pipeline.sync()
    except psycopg.Error as error:
        show("broken pipeline", (error.sqlstate, first.fetchone()))
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO note VALUES (%s, %s) RETURNING id", [(n, "many") for n in range(2000, 2005)], returning=True)
        ids = [cursor.fetchone()]
        while cursor.nextset():
            ids.append(cursor.fetchone())
        show("executemany", ids)


def server_side_cursors(host, port, database):
    with psycopg.connect(host=host, port=port, dbname=database, user="postgres") as connection:
        with connection.cursor("walk") as cursor:
            cursor.execute("SELECT id FROM product ORDER BY id")
            show("fetchmany", (cursor.fetchmany(3), cursor.fetchone()))
            cursor.itersize = 7
            show("rest", sum(row[0] for row in cursor))
        with connection.cursor("scroll", scrollable=True) as cursor:
            cursor.execute("SELECT id FROM product ORDER BY id")
            cursor.scroll(10)
            show("scrolled", cursor.fetchone())
            cursor.scroll(2, mode="absolute")
            show("absolute", cursor.fetchone())
        with connection.cursor("held", withhold=True) as cursor:
            cursor.execute("SELECT id FROM product ORDER BY id DESC")
            connection.commit()
            show("held", cursor.fetchone())
        with connection.cursor() as cursor:
            show("stream", [row for row in cursor.stream("SELECT id FROM product WHERE id < 6 ORDER BY id")])


def notifications(connection, host, port, database):
    connection.execute("LISTEN news")
    with psycopg.connect(host=host, port=port, dbname=database, user="postgres", autocommit=True) as other:
        other.execute("NOTIFY news, 'while idle'")
    for notice in connection.notifies():
        show("notified", (notice.channel, notice.payload))
        break
    connection.execute("UNLISTEN *")


def cancelling(connection, host, port, database):
    result = []

    def sleep():
        try:
            connection.execute("SELECT 'driver sleeps', pg_sleep(60)")
        except psycopg.errors.QueryCanceled as error:
            result.append(error.sqlstate)

    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    with psycopg.connect(host=host, port=port, dbname=database, user="postgres", autocommit=True) as other:
        active = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state = 'active' AND query LIKE '%%driver sleeps%%'"
        while not other.execute(active, [connection.info.backend_pid]).fetchone():
            time.sleep(0.01)
    connection.cancel()
    sleeper.join()
    show("cancelled", result)
    again("usable", lambda: connection.execute("SELECT name FROM product WHERE id = 1").fetchone())


def large_results(connection):
    again("a million bytes", lambda: sum(len(r[0]) for r in connection.execute("SELECT repeat(name, 500) FROM product").fetchall()))
    text = "x" * 3_000_000
    show("a large parameter", connection.execute("SELECT length(%s)", [text]).fetchone())
    show("many columns", len(connection.execute("SELECT " + ",".join(str(n) for n in range(1600))).fetchone()))


def settings(connection):
    for zone in ("UTC", "Asia/Tokyo", "UTC"):
        connection.execute(sql.SQL("SET TimeZone = {}").format(zone))
        again(f"in {zone}", lambda: str(connection.execute("SELECT moment FROM kinds WHERE id = 1").fetchone()[0]))
    connection.execute("SET client_encoding = LATIN1")
    again("latin1", lambda: connection.execute("SELECT words FROM kinds WHERE id = 2").fetchone())
    connection.execute("RESET client_encoding")
    show("parameters", [connection.info.parameter_status(n) for n in ("server_encoding", "DateStyle", "integer_datetimes")])


async def asynchronous(host, port, database):
    async with await psycopg.AsyncConnection.connect(
            host=host, port=port, dbname=database, user="postgres", autocommit=True) as connection:
        for _ in range(TIMES):
            cursor = await connection.execute("SELECT name FROM product WHERE id = %s", [1])
            show("async", await cursor.fetchone())
        async with connection.transaction():
            await connection.execute("UPDATE product SET name = 'async' WHERE id = 30")
        cursor = await connection.execute("SELECT name FROM product WHERE id = 30")
        show("async write", await cursor.fetchone())
        async with connection.pipeline():
            cursors = [await connection.execute("SELECT name FROM product WHERE id = %s", [n]) for n in (1, 2, 1)]
        show("async pipeline", [await cursor.fetchone() for cursor in cursors])


def main():
    host, port, database = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    address = (host, port, database)
    with psycopg.connect(host=host, port=port, dbname=database, user="postgres", autocommit=True) as connection:
        queries(connection)
        data_types(connection)
        transactions(connection)
        errors(connection)
        copies(connection)
        pipelines(connection)
        notifications(connection, *address)
        cancelling(connection, *address)
        large_results(connection)
        settings(connection)
    with psycopg.connect(host=host, port=port, dbname=database, user="postgres", autocommit=True) as connection:
        prepared_threshold(connection)
    explicit_transactions(*address)
    two_phase(*address)
    server_side_cursors(*address)
    asyncio.run(asynchronous(*address))


main()
