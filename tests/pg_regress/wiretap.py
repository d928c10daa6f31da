"""A tap between pgweir and PostgreSQL. It tells whether a statement reached the server, and it can ask
the same backend past pgweir: the session's own reply at this moment, with all that only this session has
(settings, role, an open transaction), and with no cache in between."""

import queue
import select
import socket
import struct
import threading

from scratch import wire


class Backend:
    """One of pgweir's connections to PostgreSQL; a thread of its own copies both ways."""

    def __init__(self, client, server, announce):
        self.client, self.server, self.announce = client, server, announce
        self.questions, self.answers = queue.Queue(), queue.Queue()
        self.wake_read, self.wake_write = socket.socketpair()
        self.greeting = b""  # of the server, until it has told its process id
        self.known = False
        self.asked = b""  # what pgweir sent since forget()
        threading.Thread(target=self._run, daemon=True).start()

    def forget(self):
        self.asked = b""

    def reached(self, sql):
        """Whether a simple query of this text has been sent to the server since forget()."""
        return wire.query(sql) in self.asked

    def ask(self, sql):
        """The server's messages up to ReadyForQuery. Only while pgweir waits for nothing."""
        self.questions.put(sql)
        self.wake_write.sendall(b"?")
        return self.answers.get(timeout=120)

    def _run(self):
        try:
            while True:
                ready, _, _ = select.select([self.client, self.server, self.wake_read], [], [])
                if self.wake_read in ready:
                    self.wake_read.recv(1)
                    self.answers.put(self._exchange(self.questions.get()))
                    continue
                if self.client in ready:
                    raw = self.client.recv(65536)
                    self.asked = (self.asked + raw)[-300_000:]
                    self._pass(raw, self.server)
                if self.server in ready:
                    raw = self.server.recv(65536)
                    self._read_greeting(raw)
                    self._pass(raw, self.client)
        except (OSError, EOFError):
            pass  # one side has closed
        finally:
            for end in (self.client, self.server, self.wake_read, self.wake_write):
                end.close()

    @staticmethod
    def _pass(raw, to):
        if not raw:
            raise EOFError
        to.sendall(raw)

    def _exchange(self, sql):
        connection = wire.Connection("", 0, opened=self.server)
        connection.send(wire.query(sql))
        messages = connection.read_until("Z")
        for message in messages:
            if message.kind == "A":
                self.client.sendall(wire.message("A", message.body))
        return messages

    def _read_greeting(self, raw):
        if self.known:
            return
        self.greeting += raw
        if self.greeting[:1] == b"N":  # TLS declined; no notice can come this early
            self.greeting = self.greeting[1:]
        while len(self.greeting) >= 5:
            (length,) = struct.unpack_from("!I", self.greeting, 1)
            if len(self.greeting) < 1 + length:
                return
            if self.greeting[:1] == b"K":
                self.known = True
                self.announce(struct.unpack_from("!I", self.greeting, 5)[0], self)
                return
            self.greeting = self.greeting[1 + length :]


class Wiretap:
    """Use as a context manager; looks to pgweir like the cluster."""

    def __init__(self, cluster):
        self.target = (cluster.host, cluster.port)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.host, self.port = self.listener.getsockname()
        self.backends = {}

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def backend(self, process_id):
        """The backend whose process id a client has been told."""
        return self.backends[process_id]

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.target)
            except OSError:
                return
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Backend(client, server, self.backends.__setitem__)
