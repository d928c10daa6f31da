"""Ways to a wrong reply that need messages in a certain order, or sessions that end at a certain moment."""

import hashlib
import select as sockets
import socket
import struct

from protocol.scenario import scenario
from scratch import wire
from scratch.process import wait_until
from scratch.wire import bind, close, describe, execute, parse, query, select, sync

POINT = "SELECT name FROM item WHERE id = $1"
PRICE = "SELECT price FROM item WHERE id = $1"
TOO_LONG = " /* longer than pgweir reads: " + "x" * 70000 + "*/"


def run(values=("1",), statement=""):
    return bind(list(values), statement) + describe("P") + execute() + sync()


def with_known_replies(stage, name):
    """A session that would be answered from the cache, if it asked POINT or PRICE."""
    a = stage.session(name)
    for _ in range(2):
        a.ask(select(POINT, ["1"]), sync())
        a.ask(select(PRICE, ["1"]), sync())
    return a


@scenario(hits=True)
def statement_too_long_to_read(stage):
    """Its name, or the unnamed one, must not stand for what was there before."""
    a = with_known_replies(stage, "unnamed")
    a.ask(parse(POINT), sync())
    a.ask(run())
    a.ask(parse(PRICE + TOO_LONG), sync())
    a.ask(run())
    a = with_known_replies(stage, "unnamed, in a pipeline")
    a.ask(parse(POINT), parse(PRICE + TOO_LONG), sync())
    a.ask(run())
    a = with_known_replies(stage, "named")
    a.ask(parse(POINT, "s"), sync())
    a.ask(run(statement="s"))
    a.ask(close("S", "s"), parse(PRICE + TOO_LONG, "s"), sync())
    a.ask(run(statement="s"))


@scenario(hits=True)
def statement_behind_one_too_long_to_read(stage):
    """The ParseComplete of the first is not that of the second, which fails."""
    a = with_known_replies(stage, "a")
    a.ask(parse(POINT, "t"), sync())
    a.ask(parse(POINT + TOO_LONG, "u"), parse(PRICE, "t"), sync())
    a.ask(run(statement="t"))


@scenario(hits=True)
def query_too_long_to_read(stage):
    """It destroys the unnamed statement, whatever is before it."""
    long_query = query("SELECT 1" + TOO_LONG)
    for number, before in enumerate(([], [parse(POINT)], [parse(POINT, "v")])):
        a = with_known_replies(stage, f"a{number}")
        a.ask(parse(POINT), sync())
        a.ask(*before, long_query)
        a.ask(run())


@scenario(hits=True)
def question_of_pgweirs_beside_an_unnamed_statement(stage):
    """Where pgweir could not restore it, it must not ask anything."""
    a = with_known_replies(stage, "a")
    a.ask(parse(POINT, "s"), sync())
    a.ask(parse("SET extra_float_digits = 0", "set"), sync())
    for statement in (POINT, PRICE + TOO_LONG):
        a.ask(parse(statement), sync())
        a.ask(bind([], "set"), execute(), sync())
        a.ask(run(statement="s"))
        a.ask(run())


@scenario(hits=True, split=False)
def parameters_given_twice_at_startup(stage):
    """PostgreSQL takes the last."""
    twin = f"{stage.database}_twin"
    if not stage.direct(f"SELECT 1 FROM pg_database WHERE datname = '{twin}'"):
        stage.direct(f"CREATE DATABASE {twin} TEMPLATE protocol")
        stage.direct(f"CREATE ROLE {stage.database} SUPERUSER LOGIN")
        stage.direct(f"CREATE ROLE {twin} SUPERUSER LOGIN")
        with wire.Connection(*stage.direct_address, database=twin) as connection:
            connection.rows("UPDATE item SET name = 'of the twin'")
    text = "SELECT name FROM item WHERE id = 6"
    for parameters in ([("user", "postgres"), ("database", stage.database)],
                       [("user", "postgres"), ("database", stage.database), ("database", twin)],
                       [("user", "postgres"), ("database", twin), ("database", stage.database)],
                       [("user", twin), ("user", stage.database)], [("user", stage.database), ("user", twin)]):
        a = stage.raw("twice")
        a.send(wire.startup(parameters))
        a.connection.read_ready()
        for _ in range(3):
            a.query(text)


@scenario(hits=True, split=False)
def prepared_statement_whose_table_gets_a_column(stage):
    """'cached plan must not change result type' comes as directly, also where the new reply is in the cache."""
    a, b = stage.session("a"), stage.session("b")
    a.ask(parse("SELECT * FROM note", "s"), sync())
    for _ in range(3):
        a.ask(run((), "s"))
    b.query("ALTER TABLE note ADD COLUMN two int DEFAULT 2")
    for _ in range(3):
        b.ask(select("SELECT * FROM note"), sync())
    a.ask(run((), "s"))
    a.ask(run((), "s"))
    b.query("ALTER TABLE note DROP COLUMN two")
    for _ in range(3):
        a.ask(run((), "s"))


@scenario(hits=True)
def wrong_numbers_of_formats(stage):
    a = stage.session()
    text = "SELECT name, price FROM item WHERE id = $1 AND price > $2"
    good = {"types": [23, 1700]}
    for _ in range(2):
        for formats, result_formats in (([], []), ([0], [0]), ([0, 0], [0, 0]), ([0, 0, 0], []), ([], [0, 0, 0]), ([], [1, 0]),
                                        ([], [0, 1]), ([], [2]), ([2], []), ([], [0, 7])):
            for _ in range(2):
                a.ask(select(text, ["40", "1"], formats=formats, result_formats=result_formats, **good), sync())


@scenario(hits=True)
def query_behind_a_failed_message(stage):
    """It is skipped, up to the next Sync, and what comes behind finds its own replies."""
    a = stage.session()
    price = "SELECT price FROM item WHERE id = 61"
    write = query("UPDATE item SET price = price + 1 WHERE id = 61")
    for _ in range(2):
        a.query(price)
    for failing in (bind(["1"], "missing"), parse("nonsense"), parse("SELECT 1/0") + bind() + execute(), execute("missing"),
                    describe("S", "missing")):
        a.end(failing, write, sync(), query(price), write, query(price))
        a.end(failing, write, write, select(PRICE, ["61"]), sync(), query(price), select(PRICE, ["61"]), sync(), write,
              query(price))
        a.end(parse(PRICE), bind(["61"]), query("SELECT 1/0"), query(price), write, select(PRICE, ["61"]), sync())
        a.end(parse(PRICE), bind(["61"]), execute(), write, query(price), failing, sync(), query(price))


@scenario(split=False)
def catalog_locked_by_ddl(stage):
    """Reading the catalog would wait for a view that is being altered; nobody else may."""
    a = stage.session()
    a.query("CREATE OR REPLACE VIEW locked AS SELECT id FROM item")
    with wire.Connection(*stage.direct_address, database=stage.database) as locker:
        locker.rows("BEGIN; ALTER VIEW locked SET (security_barrier = true)")
        a.query("DROP TABLE IF EXISTS unlocked; CREATE TABLE unlocked AS SELECT 1 AS one")
        for _ in range(3):
            a.query("SELECT one + 0 FROM unlocked")
            a.ask(select(POINT, ["1"]), sync())
        locker.rows("ROLLBACK")


@scenario(hits=True, split=False)
def statement_prepared_by_a_hit_in_a_transaction(stage):
    """Later it may not be possible to prepare it any more, and the transaction would fail."""
    a, b = stage.session("a"), stage.session("b")
    b.query("DROP TABLE IF EXISTS doomed; CREATE TABLE doomed AS SELECT 1 AS one")
    for _ in range(3):
        a.ask(select("SELECT count(*) FROM doomed"), sync())
    a.query("BEGIN")
    a.ask(parse("SELECT count(*) FROM doomed", "s"), bind([], "s"), describe("P"), execute(), sync())
    b.query("SET lock_timeout = '300ms'")
    b.query("DROP TABLE doomed")
    a.query("SELECT 1")
    a.query("COMMIT")
    a.ask(close("S", "s"), sync())


BIG = "SELECT w.id, w.body FROM wide w, generate_series(1, 7) n ORDER BY n, w.id"


def digest(connection):
    seen = hashlib.sha256()
    for item in connection.read_until("Z"):
        seen.update(item.kind.encode() + item.body)
    return seen.hexdigest()


@scenario(split=False, passes=2)
def client_that_sends_no_more_amid_a_large_reply(stage):
    a = stage.session()
    a.send(query(BIG), query("INSERT INTO note VALUES (6, 'sent last')"))
    a.connection.socket.shutdown(socket.SHUT_WR)
    stage.transcript.append(digest(a.connection))
    a.until("closed")
    stage.session("b").query("SELECT count(*) FROM note WHERE id = 6")


@scenario(split=False, passes=2)
def client_that_leaves_amid_a_reply_others_wait_for(stage):
    a, b = stage.session("a"), stage.session("b")
    text = "SELECT w.id, w.body FROM wide w WHERE w.id < 900 ORDER BY w.id"
    b.query("UPDATE wide SET body = body WHERE id = 1")  # or it would be a hit
    with wire.Connection(*stage.direct_address, database=stage.database) as locker:
        locker.rows("BEGIN; LOCK TABLE wide")
        a.send(query(text))
        stage.wait_for_activity("SELECT w.id%")
        b.send(query(text))
        a.connection.socket.close()
        locker.rows("COMMIT")
    stage.transcript.append(digest(b.connection))


@scenario(hits=True, split=False)
def write_of_a_client_that_has_left(stage):
    """Nobody may be answered from before it once it is done."""
    b = stage.session("b")
    count = "SELECT count(*) FROM note WHERE id = 7"
    for number in range(3):
        for _ in range(2):
            b.query(count)
        a = stage.session("a")
        with wire.Connection(*stage.direct_address, database=stage.database) as locker:
            locker.rows("BEGIN; LOCK TABLE note IN EXCLUSIVE MODE")
            a.send(query("INSERT INTO note VALUES (7, 'left')"), wire.terminate() if number == 1 else b"")
            stage.wait_for_activity("INSERT INTO note VALUES (7%")
            a.connection.socket.close()
            b.query(count)
            written = int(stage.direct(count)[0][0]) + 1
            locker.rows("COMMIT")
        wait_until("the write", lambda wanted=written: int(stage.direct(count)[0][0]) == wanted)
        b.query(count)


@scenario(split=False, passes=2)
def upstream_lost_amid_a_row(stage):
    """What the client gets ends amid the row; nothing is put in its place."""
    a = stage.session()
    process_id = int.from_bytes(a.connection.backend_key[:4], "big")
    a.send(query("SELECT repeat('x', 30000000) AS amid"))
    blocked = f"SELECT 1 FROM pg_stat_activity WHERE pid = {process_id} AND wait_event = 'ClientWrite'"
    wait_until("the backend cannot send", lambda: stage.direct(blocked))
    stage.direct(f"SELECT pg_terminate_backend({process_id})")
    wait_until("it ends", lambda: not stage.direct(f"SELECT 1 FROM pg_stat_activity WHERE pid = {process_id}"))
    stage.transcript.append(" ".join(item.kind for item in a.connection.read_until("closed")))
    stage.transcript.append(f"only the row's bytes: {not a.connection.buffer[1000:].strip(b'x')}")


@scenario(split=False)
def cancel_while_another_fills(stage):
    """A batch that names its statement waits for another session's fill; cancelled, it has named nothing."""
    a, b = stage.session("a"), stage.session("b")
    a.query("SELECT name FROM item WHERE id = 1")
    b.query("UPDATE wide SET body = body WHERE id = 1")  # or it would be a hit
    text = "SELECT count(*) FROM wide WHERE id <> $1"
    with wire.Connection(*stage.direct_address, database=stage.database) as locker:
        locker.rows("BEGIN; LOCK TABLE wide")
        a.send(select(text, ["1"]), sync())
        stage.wait_for_activity("SELECT count(*) FROM wide%")
        b.send(parse(text, "s"), bind(["1"], "s"), describe("P"), execute(), sync())
        while not sockets.select([b.connection.socket], [], [], 0.1)[0]:
            b.connection.cancel()
        stage.transcript += [f"{m.kind} {wire.error_fields(m.body).get('C')}" if m.kind == "E" else m.kind
                             for m in b.connection.read_ready()]
        locker.rows("COMMIT")
    a.ready()
    b.ask(run(statement="s"))
    b.ask(parse(text, "s"), sync())
    b.ask(run(statement="s"))


@scenario(hits=True)
def settings_in_the_pipeline_of_reads(stage):
    a, b = stage.session("a"), stage.session("b")
    a.query("CREATE SCHEMA IF NOT EXISTS other; DROP TABLE IF EXISTS other.item; "
            "CREATE TABLE other.item AS SELECT 3 AS id, 'of other' AS name, date '1999-12-31' AS added")
    a.query("DO $$BEGIN CREATE ROLE nobody_special; EXCEPTION WHEN duplicate_object THEN NULL; END$$")
    read = "SELECT id + 0, name || '', array_agg(added) FROM item WHERE id = 3 GROUP BY 1, 2"
    for _ in range(3):
        b.query(read)
    for setting in ("DateStyle = 'German'", "search_path = other", "ROLE nobody_special", "search_path = public", "DateStyle = ISO"):
        a.query(read)
        b.query(read)
        a.send(query(f"SET {setting}"), query(read), query(read), select(read), sync())
        a.ready(4)
        a.query(read)
        a.send(select(f"SET {setting}"), sync(), select(read), sync())
        a.ready(2)
        a.send(query("RESET ROLE"), query(read))
        a.ready(2)


@scenario(hits=True)
def strings_in_the_pipeline_of_their_setting(stage):
    """Read with the old setting this is one SELECT or INSERT of a string; with the new one it writes more."""
    a, b = stage.session("a"), stage.session("b")
    insert = r"INSERT INTO note VALUES (70, 'a\''); UPDATE item SET price = price + 1 WHERE id = 70; --')"
    hidden = r"SELECT 'a\'', name FROM item WHERE id = 70; UPDATE item SET price = price + 1 WHERE id = 70; --' FROM item"
    price = "SELECT price FROM item WHERE id = 70"
    for text in (hidden, insert, hidden, insert):
        for _ in range(3):
            b.query(price)
        a.query(price)
        a.send(query("SET standard_conforming_strings = off"), query(text))
        a.ready(2)
        b.query(price)
        a.query("SET standard_conforming_strings = on")


@scenario(hits=True, split=False)
def client_that_leaves_while_pgweir_asks(stage):
    """pgweir asks for the catalog in the session that writes. What the client has sent is done all the same,
    and others are not kept waiting by its question."""
    b = stage.session("b")
    count = "SELECT count(*) FROM note WHERE id = 8"
    for number, leaves in enumerate((lambda session: session.send(wire.terminate()), lambda session: session.close(),
                                     lambda session: session.shutdown(socket.SHUT_WR))):
        for _ in range(3):
            b.query(count)
        a = stage.session("a")
        a.query(count)
        written = int(stage.direct(count)[0][0]) + 1
        with wire.Connection(*stage.direct_address, database=stage.database) as locker:
            locker.rows("BEGIN; LOCK TABLE pg_policy")
            b.query(f"COMMENT ON TABLE item IS 'changed {number}'")
            a.send(query("INSERT INTO note VALUES (8, 'asked first')"))
            wait_until("the write or a question", lambda wanted=written: asks(stage) or int(stage.direct(count)[0][0]) == wanted)
            leaves(a.connection if number == 0 else a.connection.socket)
            locker.rows("COMMIT")
        wait_until("the write", lambda wanted=written: int(stage.direct(count)[0][0]) == wanted)
        b.query(count)


@scenario(split=False)
def client_that_is_cut_off_while_pgweir_asks(stage):
    """Somebody else asks the question then."""
    a, b = stage.session("a"), stage.session("b")
    read = "SELECT name FROM item WHERE id = 8"
    a.query(read)
    with wire.Connection(*stage.direct_address, database=stage.database) as locker:
        locker.rows("BEGIN; LOCK TABLE pg_policy")
        b.query("COMMENT ON TABLE item IS 'changed'")
        a.send(query(read))
        wait_until("the reply or a question", lambda: asks(stage) or sockets.select([a.connection.socket], [], [], 0)[0])
        a.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        a.connection.socket.close()
        b.query(read)
        locker.rows("COMMIT")
    b.query(read)


def asks(stage):
    """Whether a question of pgweir's waits for a lock."""
    return stage.direct("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                        " AND query LIKE '%hashtextextended%' AND pid <> pg_backend_pid()")
