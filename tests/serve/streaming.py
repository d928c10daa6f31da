"""Whatever the speed of either side, what passes through does not pile up."""

import select
import socket
import struct
import threading

from scratch import wire
from scratch.process import wait_until
from serve.scenario import MIB, holds, same, scenario, trusting, waits_for

VALUE_BYTES = 1 << 16
SLOW_CLIENTS = 4


def large_query(rows, mark):
    return wire.query(f"SELECT repeat('x', {VALUE_BYTES}) FROM generate_series(1, {rows}) -- {mark}")


class Reader:
    """Reads one result, looks at each message, and keeps none."""

    def __init__(self, connection):
        self.socket = connection.socket
        self.buffer = bytearray(4 * MIB)
        self.filled = 0

    def kinds(self):
        """{kind: how many} of the messages up to ReadyForQuery; rows must have the length that was asked for."""
        counts = {}
        while "Z" not in counts:
            with memoryview(self.buffer) as view:
                size = self.socket.recv_into(view[self.filled :])
                holds("more of the result", size)
                self.filled += size
                at = self._count(view, counts)
                view[: self.filled - at] = view[at : self.filled]
                self.filled -= at
        return counts

    def _count(self, view, counts):
        at = 0
        while at + 5 <= self.filled:
            kind, length = struct.unpack_from("!cI", view, at)
            if at + 1 + length > self.filled:
                break
            counts[kind.decode()] = counts.get(kind.decode(), 0) + 1
            if kind == b"D":
                same("length of a row", length, 4 + 2 + 4 + VALUE_BYTES)
            at += 1 + length
        return at


def read_result(connection, rows):
    same("messages", Reader(connection).kinds(), {"T": 1, "D": rows, "C": 1, "Z": 1})


@scenario
def result_of_1_gib(stage):
    rows = (1 << 30) // VALUE_BYTES
    with stage.pgweir() as pgweir:
        a = pgweir.session()
        with pgweir.memory_within(64 * MIB):
            a.send(large_query(rows, "1 GiB"))
            read_result(a, rows)
        same("the next statement", a.rows("SELECT 1"), [["1"]])


def clients_that_stop_reading(stage, tls):
    """Each asks for 64 MiB and reads nothing until PostgreSQL, too, is stuck."""
    rows = 64 * MIB // VALUE_BYTES
    tls_settings = {"server_tls_cert": stage.secure.certificate, "server_tls_key": stage.secure.key} if tls else {}
    with stage.pgweir(**tls_settings) as pgweir:
        clients = [pgweir.session(tls=trusting(stage.secure.certificate) if tls else None) for _ in range(SLOW_CLIENTS)]
        with pgweir.memory_within(32 * MIB):
            for number, client in enumerate(clients):
                client.send(large_query(rows, f"slow {number}"))
                waits_for(stage.plain, f"%-- slow {number}", "ClientWrite")
            same("a witness", pgweir.session().rows("SELECT 1"), [["1"]])
            for client in clients:
                read_result(client, rows)


@scenario
def client_that_stops_reading(stage):
    clients_that_stop_reading(stage, tls=False)


@scenario
def client_that_stops_reading_tls(stage):
    clients_that_stop_reading(stage, tls=True)


@scenario
def copy_faster_than_the_server_reads(stage):
    """The server waits in a trigger for a lock; meanwhile the client sends as fast as it can."""
    line = b"x" * 1023 + b"\n"
    chunk = wire.copy_data(line * 64)
    chunks = 64 * MIB // len(chunk)
    stage.plain.sql("CREATE TABLE held (body text); CREATE FUNCTION wait_once() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
                    "PERFORM pg_advisory_lock(1); PERFORM pg_advisory_unlock(1); RETURN NULL; END$$;"
                    "CREATE TRIGGER wait_once BEFORE INSERT ON held FOR EACH ROW EXECUTE FUNCTION wait_once()")
    with stage.pgweir() as pgweir, wire.Connection(stage.plain.host, stage.plain.port, database="postgres") as holder:
        holder.rows("SELECT pg_advisory_lock(1)")
        a = pgweir.session(timeout_s=None)
        a.send(wire.query("COPY held FROM STDIN"))
        same("reply to COPY", a.read_until("G", "E")[-1].kind, "G")
        with pgweir.memory_within(32 * MIB):
            sender = threading.Thread(target=lambda: a.send(*[chunk] * chunks, wire.copy_done()), daemon=True)
            sender.start()
            waits_for(stage.plain, "COPY held%", "advisory")
            wait_until("the client is stuck", lambda: is_stuck(a.socket))
            holds("the client has not sent all", sender.is_alive())
            holder.rows("SELECT pg_advisory_unlock(1)")
            same("rows", a.read_until("C", "E")[-1].body, b"COPY 0\0")
            sender.join()
    stage.plain.sql("DROP TABLE held; DROP FUNCTION wait_once")


def is_stuck(opened):
    """Whether nothing can be sent, and does not become possible within a second."""
    return not select.select([], [opened], [], 1)[1]


@scenario
def client_that_vanishes_amid_a_result(stage):
    """PostgreSQL must not go on working for it."""
    with stage.pgweir() as pgweir:
        a = pgweir.session()
        a.send(wire.query("SELECT repeat('x', 1000), generate_series(1, 1000000000000) -- endless"))
        a.read_until("D")
        a.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        a.socket.close()
        busy = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%-- endless' AND pid <> pg_backend_pid()"
        wait_until("the end of that backend", lambda: not stage.plain.sql(busy), seconds=10)
