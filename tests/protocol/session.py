"""Startup, cancel, COPY, notifications, settings, replication: what belongs to the session."""

import hashlib
import struct
import threading

from protocol.scenario import scenario
from scratch import wire
from scratch.wire import copy_data, copy_done, copy_fail, execute, flush, parse, bind, describe, query, select, sync

POINT = "SELECT name FROM item WHERE id = $1"


@scenario(hits=True)
def plain_login(stage):
    a = stage.session()
    a.query("SELECT name FROM item WHERE id = 1")
    a.query("SELECT name FROM item WHERE id = 1")


@scenario(hits=True)
def startup_parameters(stage):
    a = stage.session(application_name="protocol", DateStyle="German, DMY", options="-c search_path=public -c extra_float_digits=0")
    for _ in range(2):
        a.query("SELECT added FROM item WHERE id = 1")
    b = stage.session("b", DateStyle="ISO")
    for _ in range(2):
        b.query("SELECT added FROM item WHERE id = 1")


@scenario(split=False)
def refused_logins(stage):
    for parameters in ({"database": "no_such_database"}, {"user": "no_such_user"}, {"user": "refused_user"},
                       {"options": "-c no_such_setting=1"}, {"DateStyle": "nonsense"}, {"client_encoding": "nonsense"}):
        a = stage.raw("refused")
        a.send(wire.startup({"user": "postgres", "database": stage.database, **parameters}))
        a.until("Z")


@scenario()
def startup_without_user_or_terminator(stage):
    a = stage.raw("no user")
    a.send(wire.startup({"database": stage.database}))
    a.until("Z")
    b = stage.raw("no terminator")
    body = struct.pack("!I", wire.PROTOCOL_3_0) + b"user\0postgres"
    b.send(struct.pack("!I", len(body) + 4) + body)
    stage.transcript += [wire.error_fields(m.body).get("M", m.kind) for m in b.connection.read_until("Z")]


@scenario(hits=True)
def protocol_versions(stage):
    user = {"user": "postgres", "database": stage.database}
    for parameters, version in ((user, wire.PROTOCOL_3_2), ({**user, "_pq_.unknown": "1"}, wire.PROTOCOL_3_0),
                                ({**user, "_pq_.a": "1", "_pq_.b": "2"}, wire.PROTOCOL_3_2), (user, 196608 + 9999)):
        a = stage.raw(f"version {version:#x}")
        a.send(wire.startup(parameters, version))
        a.until("Z")
        a.query("SELECT name FROM item WHERE id = 1")
        a.query("SELECT name FROM item WHERE id = 1")
    # pgweir answers these itself, and does not know yet what its upstream would say.
    for version in (262144, 0):
        a = stage.raw(f"version {version:#x}")
        a.send(wire.startup(user, version))
        stage.transcript += [wire.error_fields(m.body).get("C", m.kind) for m in a.connection.read_until("Z")]


@scenario()
def encryption_requests(stage):
    """TLS is refused by a byte; the session then goes on in plain text."""
    a = stage.raw("requests")
    a.send(wire.request(wire.SSL_REQUEST))
    stage.transcript.append(f"{a.connection.read_bytes(1)!r}")
    a.send(wire.startup({"user": "postgres", "database": stage.database}))
    a.until("Z")
    a.query("SELECT 1")


@scenario(split=False)
def cancel_a_running_statement(stage):
    a = stage.session()
    a.query("SELECT name FROM item WHERE id = 1")
    a.send(query("SELECT 'cancel me', pg_sleep(60)"))
    stage.wait_for_activity("SELECT ''cancel me''%")
    a.connection.cancel()
    a.ready()
    a.query("SELECT name FROM item WHERE id = 1")
    a.send(select(POINT, ["1"]), select("SELECT 'cancel me too', pg_sleep(60)"), select(POINT, ["1"]), sync())
    stage.wait_for_activity("SELECT ''cancel me too''%")
    a.connection.cancel()
    a.ready()
    a.query("SELECT name FROM item WHERE id = 1")


@scenario(split=False)
def cancel_with_a_wrong_key(stage):
    a, b = stage.session("a"), stage.session("b")
    key = a.connection.backend_key
    a.connection.backend_key = key[:4] + bytes(byte ^ 255 for byte in key[4:])
    b.query("SELECT pg_advisory_lock(7)")
    a.send(query("SELECT 'not cancelled', pg_advisory_lock(7)"))
    stage.wait_for_activity("SELECT ''not cancelled''%")
    a.connection.cancel()
    b.query("SELECT pg_advisory_unlock(7)")
    a.ready()
    a.query("SELECT pg_advisory_unlock(7)")


@scenario(hits=True)
def copy_both_ways(stage):
    a = stage.session()
    a.send(query("COPY note FROM STDIN"))
    a.until("G")
    a.send(copy_data(b"1\tone\n2\t"), copy_data(b"two\n"), copy_done())
    a.ready()
    a.query("COPY (SELECT id, body FROM note ORDER BY 1, 2) TO STDOUT")
    a.query("COPY item TO STDOUT (FORMAT binary)")
    a.query("SELECT count(*) FROM note")
    a.query("SELECT count(*) FROM note")
    a.ask(parse("COPY item TO STDOUT (FORMAT csv, HEADER)"), bind(), describe("P"), execute(), sync())


@scenario()
def copy_that_fails(stage):
    a = stage.session()
    a.send(query("COPY note FROM STDIN"))
    a.until("G")
    a.send(copy_data(b"1\tone\n"), copy_fail("changed my mind"))
    a.ready()
    a.send(query("COPY note FROM STDIN"), copy_data(b"x\tone\n"), copy_done())
    a.ready()
    a.send(query("COPY note FROM STDIN; SELECT name FROM item WHERE id = 1"))
    a.until("G")
    a.send(copy_data(b"3\tthree\n"), copy_done())
    a.ready()
    a.send(parse("COPY note FROM STDIN"), bind(), execute(), copy_data(b"4\tfour\n"), copy_done(), sync())
    a.ready()
    a.send(query("COPY note FROM STDIN"), copy_data(b"5\tfive\n"), flush(), copy_done(), sync())
    a.ready(2)
    a.send(query("COPY missing FROM STDIN"), copy_data(b"5\tfive\n"), flush(), copy_done(), sync())
    a.ready(2)
    a.send(copy_data(b"stray"), copy_done(), query("SELECT count(*) FROM note"))
    a.ready()
    a.query("SELECT count(*) FROM note")


@scenario()
def copy_in_a_pipeline(stage):
    a = stage.session()
    a.send(select(POINT, ["1"]), parse("COPY note FROM STDIN"), bind(), execute(), copy_data(b"4\tfour\n"), copy_done(),
           sync(), select(POINT, ["1"]), sync())
    a.ready(2)


@scenario(split=False)
def notifications_while_idle(stage):
    a, b = stage.session("a"), stage.session("b")
    a.query("LISTEN news")
    a.query("SELECT name FROM item WHERE id = 1")
    for _ in range(2):
        b.query("NOTIFY news, 'first'")
        a.until("A")
        b.query("SELECT pg_notify('news', 'second')")
        a.until("A")
    a.query("SELECT name FROM item WHERE id = 1")
    a.query("UNLISTEN *")
    b.query("NOTIFY news, 'unheard'")
    a.query("SELECT name FROM item WHERE id = 1")


@scenario()
def notices_and_warnings(stage):
    a = stage.session()
    a.query("DO $$BEGIN RAISE NOTICE 'noticed'; END$$")
    a.query("COMMIT")
    a.query("SELECT name FROM item WHERE id = 1; ROLLBACK")
    a.query("SET client_min_messages = debug1")
    a.query("DO $$BEGIN RAISE DEBUG 'debugged'; END$$")


@scenario(hits=True)
def settings_that_are_reported(stage):
    a = stage.session()
    read = "SELECT id, added FROM item WHERE id = 3"
    for setting in ("DateStyle = 'SQL, DMY'", "TimeZone = 'Asia/Tokyo'", "application_name = 'other'", "client_encoding = 'LATIN1'",
                    "standard_conforming_strings = off", "IntervalStyle = iso_8601", "extra_float_digits = 0"):
        a.query("SET " + setting)
        a.query(read)
        a.query(read)
    a.query("BEGIN")
    a.query("SET LOCAL DateStyle = 'German'")
    a.query(read)
    a.query("ROLLBACK")
    a.query(read)
    a.query("RESET ALL")
    a.query(read)
    a.query("DISCARD ALL")
    a.query(read)


@scenario(hits=True, split=False, passes=2)
def large_results(stage):
    a = stage.session()
    for _ in range(3):
        a.send(query("SELECT id, body FROM wide ORDER BY id"))
        seen = hashlib.sha256()
        for item in a.connection.read_until("Z"):
            seen.update(item.kind.encode() + item.body)
        stage.transcript.append(seen.hexdigest())
    a.query("SELECT name FROM item WHERE id = 1")


@scenario(split=False, passes=2)
def pipeline_larger_than_every_buffer(stage):
    """Sent by one thread and read by another: neither side may wait for the other to finish."""
    a = stage.session()
    count = 4000
    messages = [select("SELECT body FROM wide WHERE id = $1", [str(n % 300 + 1)]) for n in range(count)]
    sender = threading.Thread(target=lambda: a.send(b"".join(messages), sync()))
    sender.start()
    seen = hashlib.sha256()
    for item in a.connection.read_until("Z"):
        seen.update(item.kind.encode() + item.body)
    sender.join()
    stage.transcript.append(seen.hexdigest())


@scenario(split=False)
def backend_is_terminated(stage):
    a = stage.session()
    a.query("SELECT name FROM item WHERE id = 1")
    process_id = struct.unpack("!I", a.connection.backend_key[:4])[0]
    stage.direct(f"SELECT pg_terminate_backend({process_id})")
    a.until("closed")


@scenario(split=False)
def client_leaves_in_the_middle(stage):
    """Its open transaction must not stay behind with locks."""
    a = stage.session()
    a.query("BEGIN")
    a.query("UPDATE item SET name = 'lost' WHERE id = 50")
    a.connection.socket.close()
    b = stage.session("b")
    b.query("UPDATE item SET name = name WHERE id = 50")
    b.query("SELECT name FROM item WHERE id = 50")


@scenario(split=False)
def replication(stage):
    """A walsender's session: commands, COPY both ways, its end. What holds a position is not compared."""
    a = stage.raw("replication")
    a.send(wire.startup({"user": "postgres", "database": stage.database, "replication": "database"}))
    a.until("Z")
    kinds = []
    a.send(query("IDENTIFY_SYSTEM"))
    kinds += [m.kind for m in a.connection.read_until("Z")]
    a.send(query("CREATE_REPLICATION_SLOT protocol_test TEMPORARY LOGICAL test_decoding NOEXPORT_SNAPSHOT"))
    kinds += [m.kind for m in a.connection.read_until("Z")]
    a.send(query("START_REPLICATION SLOT protocol_test LOGICAL 0/0"))
    kinds += [m.kind for m in a.connection.read_until("W", "E")]
    stage.direct("INSERT INTO note VALUES (1, 'streamed')")
    a.connection.read_until("d")
    a.send(copy_done())
    ended = [m.kind for m in a.connection.read_until("Z")]
    stage.transcript.append(" ".join(kinds + [kind for kind in ended if kind != "d"]))
    a.query("SELECT 1")
