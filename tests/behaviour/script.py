"""Reads a behaviour script and plays it. The format is described in README.md beside this file."""

import re
import shlex
import time

from scratch import wire

TYPE_OIDS = {"bool": 16, "int8": 20, "int2": 21, "int4": 23, "text": 25, "oid": 26, "float8": 701, "varchar": 1043,
             "date": 1082, "timestamptz": 1184, "numeric": 1700, "uuid": 2950}
STEP = re.compile(r"^([a-z]\w*)(&?)> ?(.*)$")
RECEIVE = re.compile(r"^([a-z]\w*)<$")
SESSION = re.compile(r"^session ([a-z]\w*):(.*)$")
SOON_SECONDS = 20


class ScriptError(Exception):
    """The script itself cannot be read."""


class Mismatch(Exception):
    """What happened is not what the script expects."""


class Step:
    """One statement and what is expected of it."""

    def __init__(self, line, session, text, sends=True, receives=True):
        self.line = line
        self.session = session
        self.text = text
        self.sends = sends
        self.receives = receives
        self.rows = None  # None: not checked
        self.repeats = False  # until its reply is as expected
        self.error = None
        self.outcome = None
        self.notices = None  # texts of pgweir's own that must come; None: not checked


def read_script(path):
    """(steps, {session: startup parameters})."""
    steps, sessions = [], {}
    for number, raw in enumerate(path.read_text().splitlines(), 1):
        line = raw.rstrip()
        if not line or line.startswith("#"):
            continue
        if match := SESSION.match(line):
            sessions[match[1]] = dict(part.split("=", 1) for part in shlex.split(match[2]))
        elif match := STEP.match(line):
            steps.append(Step(number, match[1], match[3], receives=not match[2]))
        elif match := RECEIVE.match(line):
            steps.append(Step(number, match[1], "", sends=False))
        elif steps:
            read_expectation(steps[-1], number, line)
        else:
            raise ScriptError(f"line {number}: expected a statement before '{line}'")
    return steps, sessions


def read_expectation(step, number, line):
    kind, rest = line[:1], line[1:].strip()
    if kind == " ":
        step.text += "\n" + line.strip()
    elif kind in "=~":
        step.repeats = step.repeats or kind == "~"
        step.rows = step.rows or []
        if rest != "none":
            step.rows.append(rest)
    elif kind == "!":
        step.repeats = step.repeats or rest.endswith(" soon")
        step.error = rest.removesuffix(" soon")
    elif kind == "*":
        step.notices = step.notices or []
        if rest != "none":
            step.notices.append(rest)
    elif kind == ":":
        step.outcome = rest
    else:
        raise ScriptError(f"line {number}: cannot read '{line}'")


def messages_of(text):
    """Simple query; with \\bind VALUE... at its end the extended protocol."""
    text, bound, arguments = text.partition("\\bind")
    if not bound:
        return wire.query(text)
    values, types = [], []
    for argument in shlex.split(arguments):
        kind, colon, value = argument.partition(":")
        if not colon or kind not in TYPE_OIDS:
            kind, value = None, argument
        types.append(TYPE_OIDS.get(kind, 0))
        values.append(None if value == "null" else value)
    return wire.select(text.strip(), values, types=types) + wire.sync()


def render(value):
    if value is None:
        return "null"
    return value.decode(errors="backslashreplace").replace("\n", "\\n")


class Player:
    """Plays one script against one address; counts lookups if the proxy does."""

    def __init__(self, cluster, address, database, proxy=None):
        self.cluster = cluster
        self.address = address
        self.database = database
        self.proxy = proxy
        self.connections = {}

    def play(self, steps, parameters):
        try:
            for step in steps:
                self.play_step(step, parameters)
        finally:
            for connection in self.connections.values():
                connection.close()

    def connection(self, name, parameters):
        if name not in self.connections:
            direct = name == "direct"
            address = (self.cluster.host, self.cluster.port) if direct else self.address
            login = {"user": "postgres", **parameters.get(name, {})}
            user = login.pop("user")
            self.connections[name] = wire.Connection(*address, self.database, user, login, timeout_s=30)
        return self.connections[name]

    def play_step(self, step, parameters):
        if step.repeats:
            self.wait_for_reply(step, parameters)
            return
        if step.outcome and step.outcome.endswith(" soon"):
            self.play_soon(step, parameters)
            return
        counted = self.proxy is not None and step.outcome is not None
        before = self.proxy.lookups() if counted else {}
        self.exchange(step, parameters)
        if counted:
            check_outcome(step, difference(before, self.proxy.lookups()))

    def wait_for_reply(self, step, parameters):
        """Repeats the statement until it has the rows or the error: what others change is noticed a little later."""
        deadline = time.monotonic() + SOON_SECONDS
        while True:
            try:
                return self.exchange(step, parameters)
            except Mismatch:
                if time.monotonic() > deadline:
                    raise

    def play_soon(self, step, parameters):
        """Repeats the statement until it has the outcome; each of its replies must be right."""
        wanted = step.outcome.removesuffix(" soon")
        deadline = time.monotonic() + SOON_SECONDS
        while True:
            before = self.proxy.lookups() if self.proxy else {}
            self.exchange(step, parameters)
            if self.proxy is None:
                return
            change = difference(before, self.proxy.lookups())
            if matches(wanted, change):
                return
            if time.monotonic() > deadline:
                raise Mismatch(f"line {step.line}: expected '{wanted}' within {SOON_SECONDS} s, last was {show(change)}")

    def exchange(self, step, parameters):
        connection = self.connection(step.session, parameters)
        if step.sends:
            connection.send(messages_of(step.text))
        if step.receives:
            messages = connection.read_ready()
            check_reply(step, messages)
            if self.proxy is not None and step.notices is not None:
                check_notices(step, messages)


def difference(before, after):
    return {key: count - before.get(key, 0) for key, count in after.items() if count != before.get(key, 0)}


def show(change):
    return ", ".join(f"{outcome} {reason} x {count}" for (outcome, reason), count in change.items()) or "no lookup"


def matches(wanted, change):
    outcome, _, reason = wanted.partition(" ")
    if wanted == "no hit":
        return all(key[0] != "hit" for key in change)
    if wanted == "hits":
        return bool(change) and all(key[0] == "hit" for key in change)
    if sum(change.values()) != 1:
        return False
    ((got, why),) = change
    return got == outcome and reason in ("", why)


def check_outcome(step, change):
    if not matches(step.outcome, change):
        raise Mismatch(f"line {step.line}: expected outcome '{step.outcome}', got {show(change)}")


def check_reply(step, messages):
    rows, error = [], None
    for item in messages:
        if item.kind == "T":
            rows = []
        elif item.kind == "D":
            rows.append(" | ".join(render(value) for value in wire.data_row(item.body)))
        elif item.kind == "E":
            error = wire.error_fields(item.body)
    code = error["C"] if error else None
    if code != step.error:
        raise Mismatch(f"line {step.line}: expected error {step.error}, got {code}" + (f" ({error['M']})" if error else ""))
    if step.rows is not None and rows != step.rows:
        raise Mismatch(f"line {step.line}: expected rows {step.rows}, got {rows}")


def check_notices(step, messages):
    """pgweir's own come before the statement's replies; each text must be in the message or detail of one."""
    texts, replied = [], False
    for item in messages:
        fields = wire.error_fields(item.body) if item.kind == "N" else {}
        if fields.get("M", "").startswith("pgweir: "):
            if replied or (fields["S"], fields["V"], fields["C"]) != ("NOTICE", "NOTICE", "00000"):
                raise Mismatch(f"line {step.line}: a notice out of place or form: {fields}")
            texts.append(fields["M"] + "\n" + fields.get("D", ""))
        replied = replied or item.kind not in "NSA"
    missing = [wanted for wanted in step.notices if not any(wanted in text for text in texts)]
    if missing or (texts and not step.notices):
        raise Mismatch(f"line {step.line}: expected notices {step.notices}, got {texts}")
