"""Bytes that no client should send. Only the session that sends them may notice."""

import random
import socket
import struct

from scratch import wire

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class Witness:
    """A session that was there before and must work afterwards, and a newcomer."""

    def __init__(self, address, database):
        self.address = address
        self.database = database
        self.old = wire.Connection(*address, database=database)

    def testify(self):
        for session in (self.old, wire.Connection(*self.address, database=self.database)):
            rows = session.rows("SELECT name FROM item WHERE id = 1")
            assert rows == [["item 1"]], rows
            if session is not self.old:
                session.close()


def throw(address, raw, login=None):
    """Sends bytes, half-closes, and reads to the end; returns what came back."""
    connection = wire.Connection(*address, database=login, timeout_s=30)
    received = b""
    try:
        connection.socket.sendall(raw)
        connection.socket.shutdown(socket.SHUT_WR)
        while part := connection.socket.recv(65536):
            received += part
    except ConnectionError:
        pass
    finally:
        connection.socket.close()
    return received


@check
def encryption_by_gss_is_refused(address, database):
    """PostgreSQL may offer it, pgweir does not: N, then TLS is refused likewise, then plain text goes on."""
    connection = wire.Connection(*address, timeout_s=30)
    for code in (wire.GSSENC_REQUEST, wire.SSL_REQUEST):
        connection.send(wire.request(code))
        assert connection.read_bytes(1) == b"N", "a request for encryption was not refused"
    connection.login({"user": "postgres", "database": database})
    connection.close()


@check
def random_bytes_instead_of_startup(address, database):
    del database
    for seed in range(60):
        choose = random.Random(seed)
        throw(address, choose.randbytes(choose.randrange(1, 300)))


@check
def startup_lengths(address, database):
    """A wrong length has no answer, as PostgreSQL gives none: a client that gives up before it has logged in
    may say Terminate, and read an error as one of its own."""
    del database
    for length in (0, 1, 3, 4, 7, 8, 9, 10001, 0x58000000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
        said = throw(address, struct.pack("!II", length, wire.PROTOCOL_3_0))
        assert not said or 8 <= length <= 10001, f"{length} was answered with {said!r}"
        throw(address, struct.pack("!II", length, wire.PROTOCOL_3_0) + b"user\0postgres\0\0" * 20)


@check
def truncated_startup(address, database):
    whole = wire.startup({"user": "postgres", "database": database})
    for length in range(len(whole)):
        throw(address, whole[:length])


@check
def requests_repeated(address, database):
    del database
    throw(address, wire.request(wire.SSL_REQUEST) * 500)
    throw(address, wire.request(wire.GSSENC_REQUEST) * 500)
    throw(address, wire.request(wire.CANCEL_REQUEST, b"\0" * 8))
    throw(address, wire.request(wire.CANCEL_REQUEST, b"\0" * 3))
    throw(address, wire.request(wire.CANCEL_REQUEST, b"\0" * 300))


@check
def random_bytes_after_login(address, database):
    for seed in range(60):
        choose = random.Random(seed)
        throw(address, choose.randbytes(choose.randrange(1, 300)), login=database)


@check
def message_lengths(address, database):
    for kind in "QPBDECSHFXdcfpZ?\0":
        for length in (0, 1, 3, 4, 5, 0x3FFFFFFF, 0x40000001, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
            throw(address, kind.encode() + struct.pack("!I", length) + b"SELECT 1\0", login=database)


@check
def mutated_messages(address, database):
    """A sound exchange with some of its bytes changed."""
    sound = (wire.parse("SELECT name FROM item WHERE id = $1", "s", [23]) + wire.bind(["1"], "s", "p", [0], [0]) +
             wire.describe("P", "p") + wire.execute("p", 1) + wire.close("P", "p") + wire.sync() + wire.query("SELECT 1"))
    for seed in range(150):
        choose = random.Random(seed)
        raw = bytearray(sound)
        for _ in range(choose.randrange(1, 4)):
            raw[choose.randrange(len(raw))] = choose.randrange(256)
        throw(address, bytes(raw), login=database)


@check
def truncated_messages(address, database):
    sound = wire.select("SELECT name FROM item WHERE id = $1", ["1"]) + wire.sync()
    for length in range(1, len(sound), 3):
        throw(address, sound[:length], login=database)


@check
def counts_that_lie(address, database):
    """Bind and Parse that announce more than they hold."""
    for count in (1, 2, 1000, 0x7FFF, 0x8000, 0xFFFF):
        packed = struct.pack("!H", count)
        throw(address, wire.message("P", b"\0SELECT 1\0" + packed) + wire.sync(), login=database)
        throw(address, wire.parse("SELECT 1") + wire.message("B", b"\0\0" + packed) + wire.sync(), login=database)
        throw(address, wire.parse("SELECT 1") + wire.message("B", b"\0\0\0\0" + packed) + wire.sync(), login=database)
        throw(address, wire.parse("SELECT 1") + wire.message("B", b"\0\0\0\0\0\0" + packed) + wire.sync(), login=database)
    for length in (-2, -2147483648, 2147483647):
        body = b"\0\0\0\0\0\1" + struct.pack("!i", length) + b"\0\0"
        throw(address, wire.parse("SELECT $1::text") + wire.message("B", body) + wire.sync(), login=database)


@check
def password_message_without_a_question(address, database):
    throw(address, wire.message("p", b"secret\0") + wire.query("SELECT 1"), login=database)


@check
def many_connections_that_say_nothing(address, database):
    del database
    idle = [socket.create_connection(address) for _ in range(50)]
    for connection in idle:
        connection.close()


@check
def reader_that_never_reads(address, database):
    """A client asks for much and reads nothing; then it goes."""
    connection = wire.Connection(*address, database=database)
    connection.socket.setblocking(False)
    raw = wire.query("SELECT body FROM wide") * 50
    try:
        while raw:
            raw = raw[connection.socket.send(raw) :]
    except BlockingIOError:
        pass
    connection.socket.close()
