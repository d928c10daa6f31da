"""What a scenario is: a function that is given a stage and raises if pgweir does not do what it should."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import urllib.error
import urllib.request

from scratch import memory, wire
from scratch.process import ROOT, Child, ScratchDirectory, free_port, wait_until
from scratch.proxy import parse_metrics

SCENARIOS = []
MIB = 1 << 20
SANITIZER_WORDS = ("ERROR: AddressSanitizer", "runtime error:", "WARNING: ThreadSanitizer")


def scenario(function):
    SCENARIOS.append(function)
    return function


def same(what, actual, wanted):
    if actual != wanted:
        raise AssertionError(f"{what}: {actual!r}, and not {wanted!r}")


def holds(what, value):
    if not value:
        raise AssertionError(f"{what}: {value!r}")


class Stage:
    """What scenarios share: a PostgreSQL without TLS and one with, and which build of pgweir to run."""

    def __init__(self, preset, plain, secure):
        self.binaries = ROOT / "build" / preset
        self.binary = os.environ.get("PGWEIR", self.binaries / "pgweir")
        self.plain = plain
        self.secure = secure

    def pgweir(self, upstream=None, **options):
        """Settings are keywords with _ for the section's dot: server_sessions_max=2."""
        return Pgweir(self.binary, upstream or url(self.plain.port), **options)


def url(*ports, host="127.0.0.1", **parameters):
    places = ",".join(f"{host}:{port}" for port in ports)
    options = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"postgres://{places}" + (f"?{options}" if options else "")


def dotted(name):
    section = next((section for section in ("cache_disk_",) if name.startswith(section)), name[:name.index("_") + 1])
    return section.replace("_", ".") + name[len(section):]


class Pgweir:
    """pgweir serve with a file of settings. Use as a context manager; leaving it ends it and checks how it ended."""

    def __init__(self, binary, upstream, environment=None, **settings):
        self.directory = ScratchDirectory("serve")
        self.port, self.admin_port = free_port(), free_port()
        self.environment = environment
        self.binary = binary
        self.file = self.path / "pgweir.toml"
        self.settings = {"upstream_url": upstream, "server_listen": f"127.0.0.1:{self.port}",
                         "admin_listen": f"127.0.0.1:{self.admin_port}", "server_workers": 2}
        self.rules = ""
        self.child = None
        self.sessions = contextlib.ExitStack()
        self.write(**settings)

    @property
    def path(self):
        return self.directory.path

    @property
    def pid(self):
        return self.child.process.pid

    def __enter__(self):
        try:
            command = [self.binary, "serve", "--config", self.file]
            self.child = Child("pgweir", command, self.path / "pgweir.log", self.environment)
            wait_until("pgweir", lambda: "upstream is " in self.log(), alive=self.child.running)
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self._leave()
            return
        try:
            self.sessions.close()
            status = self.child.stop()
            log = self.log()
        finally:
            self.directory.__exit__()
        same("exit status", status, 0)
        holds("no sanitizer has a complaint", not any(word in log for word in SANITIZER_WORDS))

    def _leave(self):
        try:
            self.sessions.close()
            if self.child is not None:
                print(f"the end of pgweir's log:\n{self.log()[-3000:]}")
                self.child.stop(signal.SIGKILL)
        finally:
            self.directory.__exit__()

    def write(self, rules=None, **settings):
        """Changes settings in the file, None takes one out; or the text of its [[rule]] tables."""
        self.settings.update(settings)
        self.rules = self.rules if rules is None else rules
        lines = [f"{dotted(name)} = {json.dumps(str(value) if isinstance(value, pathlib.Path) else value)}"
                 for name, value in self.settings.items() if value is not None]
        self.file.write_text("\n".join(lines) + "\n" + self.rules)

    def reload(self, **changes):
        """Changes the file as write() does and has it read; returns what pgweir logs about it."""
        self.write(**changes)
        return self.reread()

    def reread(self):
        before = len(self.log())
        self.signal(signal.SIGHUP)
        done = re.compile(r"configuration (not )?reloaded")
        return wait_until("a reload", lambda: done.search(self.log(), before) and self.log()[before:], alive=self.child.running)

    def signal(self, number):
        os.kill(self.pid, number)

    def ended(self):
        """Waits for the end of the process."""
        same("exit status", self.child.process.wait(30), 0)

    def log(self):
        return self.child.log()

    # --- clients -----------------------------------------------------------------------------------

    def raw(self, tls=None, source=None, timeout_s=30):
        """A connection that has not logged in. tls: an SSLContext, after SSLRequest."""
        opened = socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s,
                                          source_address=(source, 0) if source else None)
        return self.keep(opened if tls is None else request_tls(opened, tls))

    def keep(self, opened):
        """The connection over a socket; closed at the end."""
        connection = wire.Connection("127.0.0.1", self.port, opened=opened)
        self.sessions.callback(connection.socket.close)
        return connection

    def session(self, user="postgres", **options):
        connection = self.raw(**options)
        connection.login({"user": user, "database": "postgres"})
        return connection

    def refusal(self, user="postgres", **options):
        """The fields of the error that a login ends with."""
        return login_error(self.raw(**options), user)

    # --- HTTP --------------------------------------------------------------------------------------

    def http(self, path):
        """(status, text)."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=30) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def status(self):
        return json.loads(self.http("/api/status")[1])

    def metric(self, name, **labels):
        """The sum over all that have these labels."""
        wanted = set(labels.items())
        metrics = parse_metrics(self.http("/metrics")[1])
        return sum(value for (found, having), value in metrics.items() if found == name and wanted <= having)

    def lookups(self):
        """{(outcome, reason): count}, as far as there are any."""
        metrics = parse_metrics(self.http("/metrics")[1])
        found = [(dict(labels), value) for (name, labels), value in metrics.items() if name == "pgweir_cache_lookups_total"]
        return {(labels["outcome"], labels["reason"]): value for labels, value in found if value}

    def wait_ready(self, status):
        """Until /readyz answers with this status; returns its text."""
        wait_until(f"/readyz {status}", lambda: self.http("/readyz")[0] == status, seconds=20)
        return self.http("/readyz")[1]

    def memory_within(self, bytes_max):
        return memory.memory_within(self.pid, bytes_max)


def address_of_this_machine():
    """One that is not of the loopback; None if there is none. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address


def request_tls(opened, context):
    opened.sendall(wire.request(wire.SSL_REQUEST))
    same("answer to SSLRequest", opened.recv(1), b"S")
    return context.wrap_socket(opened, server_hostname="localhost")


def trusting(certificate=None, alpn=True):
    """A client's TLS settings: trusts this certificate alone, or whatever comes."""
    context = ssl.create_default_context(cafile=certificate)
    if certificate is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(["postgresql"])
    return context


def login_error(connection, user="postgres"):
    connection.send(wire.startup({"user": user, "database": "postgres"}))
    return fatal(connection)


def fatal(connection):
    """The fields of the error that this connection ends with."""
    messages = connection.read_until("closed")
    kinds = [item.kind for item in messages]
    holds(f"an error and the end of the connection (there was {kinds})", kinds[-2:] == ["E", "closed"])
    fields = wire.error_fields(messages[-2].body)
    same("severity", fields["S"], "FATAL")
    return fields


def waits_for(cluster, pattern, event):
    """Until a backend whose statement is like the pattern waits for this event of pg_stat_activity."""
    sql = f"SELECT 1 FROM pg_stat_activity WHERE query LIKE '{pattern}' AND wait_event = '{event}' AND pid <> pg_backend_pid()"
    wait_until(f"{pattern}: {event}", lambda: cluster.sql(sql))
