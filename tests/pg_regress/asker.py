"""Between psql and pgweir: whatever psql sends goes through, and each read that pgweir looks up is asked
again until pgweir answers it from its cache; each reply is compared with the backend's own."""

import http.client
import re
import select
import socket
import struct
import threading
import time
from collections import Counter

from scratch import wire
from scratch.proxy import accept_each

READ = re.compile(rb"^(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(select|table|values|with)\b", re.IGNORECASE | re.DOTALL)
LOOKUPS = re.compile(rb'^pgweir_cache_lookups_total\{([^}]*)\} (\d+)', re.MULTILINE)

# Reasons that pass, of statements that may be cached: asking again changes nothing.
PASSING = {"held", "in_flight", "stream_behind", "not_followed"}
CANARY = "SELECT v FROM ask_twice.canary WHERE id = 1"
CANARY_SQL = """CREATE SCHEMA ask_twice; GRANT USAGE ON SCHEMA ask_twice TO PUBLIC;
CREATE TABLE ask_twice.canary (id int PRIMARY KEY, v int); GRANT SELECT ON ask_twice.canary TO PUBLIC;
INSERT INTO ask_twice.canary VALUES (1, 1);"""
ASKED_MAX = 5  # misses in a row of one statement
PATIENCE_SECONDS = 60
PREPARED_LOOK_SECONDS = 1  # of waiting, before it is asked whether it is in vain
POLL_SECONDS = 0.02


def is_read(sql):
    """Of several statements (or of a constant with a semicolon in it, but what does that matter) one may be COPY."""
    return READ.match(sql) is not None and b";" not in sql.rstrip(b"; \n")


class Counts:
    """The lookups that pgweir counts, asked over one connection."""

    def __init__(self, proxy):
        self.address = ("127.0.0.1", proxy.admin_port)
        self.http = http.client.HTTPConnection(*self.address, timeout=60)
        self.last = self._read()
        self.hits_seen = 0  # since the last call of news(), by the tap

    def news(self):
        """[(outcome, reason)] of what was looked up since the last call, but for the hits that the tap saw."""
        before, self.last = self.last, self._read()
        found = [key for key, count in self.last.items() for _ in range(count - before.get(key, 0))]
        for _ in range(self.hits_seen):
            if ("hit", "none") not in found:
                raise RuntimeError("a statement that did not reach PostgreSQL is not counted as a hit")
            found.remove(("hit", "none"))
        self.hits_seen = 0
        return found

    def _page(self):
        try:
            self.http.request("GET", "/metrics")
            return self.http.getresponse().read()
        except (http.client.HTTPException, ConnectionError):  # it was idle for too long
            self.http.close()
            self.http.request("GET", "/metrics")
            return self.http.getresponse().read()

    def _read(self):
        found = {}
        for labels, count in LOOKUPS.findall(self._page()):
            labels = dict(re.findall(rb'(\w+)="([^"]*)"', labels))
            key = (labels[b"outcome"].decode(), labels.get(b"reason", b"").decode())
            found[key] = found.get(key, 0) + int(count)
        return found


class Report:
    """What was found; one for all sessions, which come one at a time."""

    def __init__(self):
        self.reads = self.eligible = self.hits = self.failed = self.unstable = 0
        self.never_hit = []  # (reason, statement)
        self.bypassed = Counter()
        self.different = []


def content(messages):
    """Row description, rows, command tag or error, byte for byte."""
    return [(m.kind, m.body) for m in messages if m.kind not in "NSAZ"]


class Front:
    """One psql's connection, in a thread of its own."""

    def __init__(self, client, asker):
        self.client, self.asker = client, asker
        self.buffer = b""
        self.unsure = True  # whether pgweir knows the catalog as it is now
        self.uncounted = True  # whether something was sent since the counts were last read
        self.reads_in_a_row = 0
        self.status = None  # of the transaction; None: something is unanswered
        self.server = socket.create_connection((asker.proxy.host, asker.proxy.port))
        self.through = wire.Connection(asker.proxy.host, asker.proxy.port, opened=self.server)
        self.backend = None

    def run(self):
        try:
            if self._startup():
                self._relay()
        except (EOFError, wire.Closed, ConnectionResetError, BrokenPipeError):
            pass  # psql, or the session, has ended
        finally:
            self.client.close()
            self.server.close()

    def _need(self, count):
        while len(self.buffer) < count:
            raw = self.client.recv(65536)
            if not raw:
                raise EOFError
            self.buffer += raw

    def _startup(self):
        while True:
            self._need(8)
            length, code = struct.unpack_from("!II", self.buffer)
            self._need(length)
            packet, self.buffer = self.buffer[:length], self.buffer[length:]
            if code not in (wire.SSL_REQUEST, wire.GSSENC_REQUEST):
                break
            self.client.sendall(b"N")
        self.server.sendall(packet)
        if code == wire.CANCEL_REQUEST:
            self.client.sendall(self.server.recv(1) or b"")
            return False
        messages = self.through.read_until("Z")
        self._give(messages)
        if messages[-1].kind == "closed":
            return False
        self.backend = self.asker.tap.backend(struct.unpack_from("!I", self.through.backend_key)[0])
        self.status = messages[-1].body
        return True

    def _give(self, messages):
        """To psql; the reply's last message tells the transaction's status."""
        self.client.sendall(b"".join(wire.message(m.kind, m.body) for m in messages if m.kind != "closed"))
        if messages[-1].kind == "closed":
            raise EOFError
        if messages[-1].kind == "Z":
            self.status = messages[-1].body

    def _relay(self):
        while True:
            if self.through.buffer:
                self._give([self.through.read()])
                continue
            self._forward_whole_messages()
            ready, _, _ = select.select([self.client, self.server], [], [])
            if self.server in ready:
                self._give([self.through.read()])
            elif self.client in ready:
                self._need(len(self.buffer) + 1)

    def _forward_whole_messages(self):
        while len(self.buffer) >= 5:
            (length,) = struct.unpack_from("!I", self.buffer, 1)
            if len(self.buffer) < 1 + length:
                return
            message, self.buffer = self.buffer[: 1 + length], self.buffer[1 + length :]
            sql = message[5:-1]
            if message[:1] == b"Q" and is_read(sql) and self.status in (b"I", b"T"):
                self._read_twice(sql)
                continue
            self.status, self.unsure, self.uncounted, self.reads_in_a_row = None, True, True, 0
            self.server.sendall(message)
            if message[:1] == b"Q":
                return

    def _ask(self, sql):
        """(messages, outcome, reason)."""
        if self.uncounted:
            self.asker.counts.news()
            self.uncounted = False
        self.backend.forget()
        self.through.send(wire.query(sql))
        messages = self.through.read_until("Z")
        if messages[-1].kind == "Z" and not self.backend.reached(sql):
            self.asker.counts.hits_seen += 1
            return messages, "hit", "none"
        looked_up = self.asker.counts.news()
        return messages, *(looked_up[0] if len(looked_up) == 1 else ("bypass", f"{len(looked_up)} lookups"))

    def _read_twice(self, sql):
        report = self.asker.report
        self.reads_in_a_row += 1
        report.reads += 1
        self._wait_for_catalog()
        messages, outcome, reason = self._ask(sql)
        replies = [messages]
        failed = messages[-1].kind != "Z" or any(m.kind == "E" for m in messages)
        if not failed:
            outcome, reason = self._until_hit(sql, replies, outcome, reason)
        if failed:
            report.failed += 1
        elif outcome == "hit":
            report.hits += 1
            self._compare(sql, replies)
        elif outcome == "miss":
            report.never_hit.append((reason, sql))
        else:
            report.bypassed[reason] += 1
            self.unsure = True  # it may have run anything
        report.eligible += not failed and outcome != "bypass"
        self._give(messages)

    def _until_hit(self, sql, replies, outcome, reason):
        misses, patience = 0, self.asker.patience(2 if reason == "not_followed" else PATIENCE_SECONDS)
        while outcome == "miss" or (outcome == "bypass" and reason in PASSING):
            misses += outcome == "miss"
            if misses >= ASKED_MAX or patience.is_over() or patience.is_in_vain():
                break
            if outcome == "bypass":
                time.sleep(POLL_SECONDS)
            messages, outcome, reason = self._ask(sql)
            replies.append(messages)
        return outcome, reason

    def _compare(self, sql, replies):
        own = content(self.backend.ask(sql))
        if all(content(reply) == own for reply in replies):
            return
        if content(self.backend.ask(sql)) != own:
            self.asker.report.unstable += 1
        else:
            self.asker.report.different.append((sql, [content(reply) for reply in replies], own))

    def _wait_for_catalog(self):
        """Until pgweir knows the catalog again: asks what nothing changes until it is looked up."""
        if not self.unsure or self.status != b"I" or self.reads_in_a_row < self.asker.run_of_reads:
            return
        patience = self.asker.patience(PATIENCE_SECONDS)
        while True:
            _, outcome, reason = self._ask(CANARY.encode())
            if outcome != "bypass":
                self.unsure = False
            if outcome != "bypass" or reason not in PASSING | {"catalog_unknown", "settings_unknown"}:
                return
            if patience.is_in_vain():
                return
            if patience.is_over():
                raise RuntimeError(f"pgweir looks up nothing: {reason}")
            time.sleep(POLL_SECONDS)


class Patience:
    """With pgweir, which is right to wait for as long as a prepared transaction may change what is read."""

    def __init__(self, cluster, seconds):
        self.cluster = cluster
        now = time.monotonic()
        self.end, self.next_look = now + seconds, now + PREPARED_LOOK_SECONDS

    def is_over(self):
        return time.monotonic() > self.end

    def is_in_vain(self):
        if time.monotonic() < self.next_look:
            return False
        self.next_look = time.monotonic() + PREPARED_LOOK_SECONDS
        return bool(self.cluster.sql("SELECT 1 FROM pg_prepared_xacts"))


class Asker:
    """Use as a context manager; psql connects to its host and port, one at a time."""

    def __init__(self, cluster, tap, proxy, run_of_reads):
        """run_of_reads: how many reads must come in a row before the last of them waits for pgweir to know
        the catalog again, which it reads in a tenth of the time only."""
        self.cluster, self.tap, self.proxy, self.run_of_reads = cluster, tap, proxy, run_of_reads
        self.counts, self.report, self.errors = Counts(proxy), Report(), []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.host, self.port = self.listener.getsockname()

    def patience(self, seconds):
        return Patience(self.cluster, seconds)

    def __enter__(self):
        threading.Thread(target=accept_each, args=(self.listener, self._serve), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _serve(self, client):
        try:
            Front(client, self).run()
        except Exception as error:  # the suite must hear of it
            self.errors.append(f"{type(error).__name__}: {error}")
