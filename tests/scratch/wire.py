"""A PostgreSQL client of bytes: builds frontend messages, reads backend messages, decides nothing."""

import socket
import struct
import typing

PROTOCOL_3_0 = 196608
PROTOCOL_3_2 = 196610
SSL_REQUEST = 80877103
GSSENC_REQUEST = 80877104
CANCEL_REQUEST = 80877102


def cstring(text):
    return (text if isinstance(text, bytes) else text.encode()) + b"\0"


def message(kind, body=b""):
    return kind.encode() + struct.pack("!I", len(body) + 4) + body


def startup(parameters, version=PROTOCOL_3_0):
    """parameters: a dict, or pairs if one is to come twice."""
    body = struct.pack("!I", version)
    for name, value in parameters.items() if isinstance(parameters, dict) else parameters:
        body += cstring(name) + cstring(value)
    body += b"\0"
    return struct.pack("!I", len(body) + 4) + body


def request(code, body=b""):
    """SSLRequest, GSSENCRequest, CancelRequest."""
    return struct.pack("!II", len(body) + 8, code) + body


def query(sql):
    return message("Q", cstring(sql))


def parse(sql, name="", types=()):
    return message("P", cstring(name) + cstring(sql) + struct.pack(f"!H{len(types)}I", len(types), *types))


def _formats(formats):
    return struct.pack(f"!H{len(formats)}H", len(formats), *formats)


def bind(values=(), statement="", portal="", formats=(), result_formats=()):
    """values: bytes, str or None each."""
    body = cstring(portal) + cstring(statement) + _formats(formats) + struct.pack("!H", len(values))
    for value in values:
        if value is None:
            body += struct.pack("!i", -1)
        else:
            raw = value.encode() if isinstance(value, str) else value
            body += struct.pack("!i", len(raw)) + raw
    return message("B", body + _formats(result_formats))


def describe(kind, name=""):
    """kind: "S" statement, "P" portal."""
    return message("D", kind.encode() + cstring(name))


def execute(portal="", rows_max=0):
    return message("E", cstring(portal) + struct.pack("!I", rows_max))


def close(kind, name=""):
    return message("C", kind.encode() + cstring(name))


def flush():
    return message("H")


def sync():
    return message("S")


def terminate():
    return message("X")


def copy_data(raw):
    return message("d", raw)


def copy_done():
    return message("c")


def copy_fail(reason):
    return message("f", cstring(reason))


def function_call(oid, arguments, formats=(), result_format=0):
    body = struct.pack("!I", oid) + _formats(formats) + struct.pack("!H", len(arguments))
    for value in arguments:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    return message("F", body + struct.pack("!H", result_format))


def select(sql, values=(), **options):
    """Unnamed Parse, Bind, Describe, Execute of one statement; the caller adds Sync."""
    types = options.pop("types", ())
    return parse(sql, types=types) + bind(values, **options) + describe("P") + execute()


class Message(typing.NamedTuple):
    kind: str
    body: bytes

    def __repr__(self):
        """One line for a transcript; what differs from run to run (process ids, keys, salts) is masked."""
        return f"{self.kind} {describe_body(self.kind, self.body)}"


class Closed(Exception):
    """The peer closed the connection."""


class ServerError(Exception):
    def __init__(self, fields):
        super().__init__(f"{fields.get('C')}: {fields.get('M')}")
        self.fields = fields


def error_fields(body):
    """Of an ErrorResponse or NoticeResponse."""
    fields = {}
    for part in body.split(b"\0"):
        if part:
            fields[chr(part[0])] = part[1:].decode(errors="replace")
    return fields


def data_row(body):
    """Values of a DataRow as bytes or None."""
    (count,) = struct.unpack_from("!H", body)
    at, values = 2, []
    for _ in range(count):
        (length,) = struct.unpack_from("!i", body, at)
        at += 4
        values.append(None if length < 0 else body[at : at + length])
        at += max(length, 0)
    return values


def describe_body(kind, body):
    if kind == "K":
        return f"(process id and key, {len(body)} bytes)"
    if kind == "A":
        return f"(process id) {body[4:]!r}"
    if kind == "R":
        return repr(body[:4] + b"(salt)" if body[:4] == struct.pack("!I", 5) else body)
    if kind in "EN":
        return repr({key: value for key, value in error_fields(body).items()})
    return repr(body)


class Connection:
    """One TCP connection, or a socket that is open already. With `database` it logs in (where no password is
    asked) and reads up to ReadyForQuery."""

    def __init__(self, host, port, database=None, user="postgres", parameters=None, timeout_s=60, pieces=None, opened=None):
        self.socket = opened or socket.create_connection((host, port), timeout=timeout_s)
        if self.socket.family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.address = (host, port)
        self.buffer = b""
        self.pieces = pieces  # a function that cuts what is sent, to try other boundaries
        self.backend_key = b""
        self.parameters = {}
        if database is not None:
            try:
                self.login({"user": user, "database": database, **(parameters or {})})
            except BaseException:
                self.socket.close()
                raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.socket.sendall(terminate())
        except OSError:
            pass
        self.socket.close()

    def login(self, parameters):
        self.send(startup(parameters))
        return self.read_ready()

    def send(self, *messages):
        raw = b"".join(messages)
        for piece in self.pieces(raw) if self.pieces else [raw]:
            self.socket.sendall(piece)

    def _fill(self):
        try:
            raw = self.socket.recv(65536)
        except ConnectionError as error:
            raise Closed(str(error)) from error
        if not raw:
            raise Closed("end of stream")
        self.buffer += raw

    def read_bytes(self, count):
        while len(self.buffer) < count:
            self._fill()
        raw, self.buffer = self.buffer[:count], self.buffer[count:]
        return raw

    def read(self):
        """The next message; raises Closed at the end of the stream."""
        kind = self.read_bytes(1).decode("latin-1")
        (length,) = struct.unpack("!I", self.read_bytes(4))
        body = self.read_bytes(length - 4)
        if kind == "K":
            self.backend_key = body
        elif kind == "S":
            name, value = body.split(b"\0")[:2]
            self.parameters[name.decode()] = value.decode(errors="replace")
        return Message(kind, body)

    def read_until(self, *kinds):
        """Messages up to and with the first of these kinds, or to the end of the stream."""
        messages = []
        while True:
            try:
                messages.append(self.read())
            except Closed:
                messages.append(Message("closed", b""))
                return messages
            if messages[-1].kind in kinds:
                return messages

    def read_ready(self):
        """Messages up to ReadyForQuery; an error that ends the connection is raised."""
        messages = self.read_until("Z")
        if messages[-1].kind == "closed":
            raise next((ServerError(error_fields(m.body)) for m in messages if m.kind == "E"), Closed("before ready"))
        return messages

    def rows(self, sql):
        """Simple query; rows of the last result as lists of text; raises ServerError."""
        self.send(query(sql))
        rows = []
        error = None
        for item in self.read_ready():
            if item.kind == "T":
                rows = []
            elif item.kind == "D":
                rows.append([None if v is None else v.decode(errors="replace") for v in data_row(item.body)])
            elif item.kind == "E":
                error = error or ServerError(error_fields(item.body))
        if error:
            raise error
        return rows

    def cancel(self):
        """Sends a CancelRequest for this session on a connection of its own and waits for its end."""
        with socket.create_connection(self.address, timeout=60) as other:
            other.sendall(request(CANCEL_REQUEST, self.backend_key))
            while other.recv(1024):
                pass


def answers(host, port):
    """Whether a login succeeds there now."""
    try:
        with Connection(host, port, database="postgres", timeout_s=5):
            return True
    except (OSError, Closed, ServerError):
        return False
