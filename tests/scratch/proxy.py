"""pgweir before a cluster, or a plain relay in its place."""

import os
import re
import socket
import threading
import urllib.request

from scratch import wire
from scratch.process import ROOT, Child, ScratchDirectory, free_port, wait_until

METRIC = re.compile(r"^([a-zA-Z_:]+)(?:\{(.*)\})? ([^ ]+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Pgweir:
    """Use as a context manager; leaving it fails if pgweir did not end cleanly."""

    counts = True  # has /metrics

    def __init__(self, cluster, preset="release", arguments=()):
        self.host = "127.0.0.1"
        self.port = free_port()
        self.admin_port = free_port()
        self.directory = ScratchDirectory("proxy")
        self.upstream = f"postgres://127.0.0.1:{cluster.port}"
        self.binary = os.environ.get("PGWEIR", ROOT / "build" / preset / "pgweir")
        self.arguments = list(arguments)
        self.child = None

    def __enter__(self):
        command = [self.binary, "serve", "--upstream", self.upstream, "--listen", f"127.0.0.1:{self.port}"]
        command += ["--admin", f"127.0.0.1:{self.admin_port}", "--state", self.directory.path / "state"]
        try:
            self.child = Child("pgweir", command + self.arguments, self.directory.path / "pgweir.log")
            wait_until("pgweir", lambda: wire.answers(self.host, self.port), alive=self.child.running)
        except BaseException:
            self._stop_quietly()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self._stop_quietly()
            return
        try:
            status = self.child.stop()
            log = self.child.log()
        finally:
            self.directory.__exit__()
        if status != 0 or "ERROR: AddressSanitizer" in log or "runtime error:" in log or "WARNING: ThreadSanitizer" in log:
            raise RuntimeError(f"pgweir ended with status {status}; the end of its log:\n{log[-6000:]}")

    def _stop_quietly(self):
        if self.child is not None:
            try:
                self.child.stop(seconds=10)
            except RuntimeError as error:
                print(error)
            print(f"the end of pgweir's log:\n{self.child.log()[-4000:]}")
        self.directory.__exit__()

    def metrics(self):
        """{(name, frozenset of (label, value))}: number."""
        url = f"http://127.0.0.1:{self.admin_port}/metrics"
        with urllib.request.urlopen(url, timeout=30) as reply:
            return parse_metrics(reply.read().decode())

    def lookups(self):
        """{(outcome, reason): count} of statements looked up in the cache."""
        found = {}
        for (name, labels), value in self.metrics().items():
            if name == "pgweir_cache_lookups_total":
                labels = dict(labels)
                key = (labels["outcome"], labels.get("reason", ""))
                found[key] = found.get(key, 0) + int(value)
        return found


def parse_metrics(text):
    found = {}
    for line in text.splitlines():
        match = METRIC.match(line)
        if match:
            found[(match[1], frozenset(LABEL.findall(match[2] or "")))] = float(match[3])
    return found


def accept_each(listener, serve):
    """Until the listener is closed; each client on a thread of its own."""
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(client,), daemon=True).start()


class Relay:
    """Copies bytes both ways. With it a suite compares PostgreSQL with itself, and must pass."""

    counts = False

    def __init__(self, cluster, preset=None, arguments=()):
        del preset, arguments
        self.host = "127.0.0.1"
        self.port = free_port()
        self.target = (cluster.host, cluster.port)
        self.listener = None

    def __enter__(self):
        self.listener = socket.create_server((self.host, self.port), backlog=128)
        threading.Thread(target=accept_each, args=(self.listener, self._serve), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def metrics(self):
        return {}

    def lookups(self):
        return {}

    def _serve(self, client):
        try:
            server = socket.create_connection(self.target)
        except OSError:
            client.close()
            return
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self._copy, args=(server, client), daemon=True).start()
        self._copy(client, server)

    @staticmethod
    def _copy(source, sink):
        try:
            while raw := source.recv(65536):
                sink.sendall(raw)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def proxy_before(cluster, preset="release", arguments=()):
    """What PGWEIR_TEST_PROXY names: pgweir, or relay."""
    kind = {"pgweir": Pgweir, "relay": Relay}[os.environ.get("PGWEIR_TEST_PROXY", "pgweir")]
    return kind(cluster, preset=preset, arguments=arguments)
