"""A way to PostgreSQL that can be shut."""

import contextlib
import socket
import struct
import threading

from scratch.process import free_port


class Gate:
    """Copies bytes to a port of this machine while it is open; with it a PostgreSQL can be out of reach.
    While it is shut it keeps its port, so that nobody else listens there."""

    def __init__(self, target_port):
        self.port = free_port()
        self.target = ("127.0.0.1", target_port)
        self.listener = None
        self.ends = []
        self.left_alone = set()
        self._reserve()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shut()
        self.reserved.close()

    def _reserve(self):
        self.reserved = socket.socket()
        self.reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.reserved.bind(("127.0.0.1", self.port))

    def open(self):
        self.listener = self.reserved
        self.listener.listen(128)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def shut(self):
        """From here on nobody gets through, and who was through is cut off."""
        if self.listener is None:
            return
        ends, self.ends = [self.listener, *self.ends], []
        for end in ends:
            _hang_up(end)  # ends the accept() and recv() of other threads, which close() does not
            end.close()
        self.listener = None
        self._reserve()

    def cut(self, reset):
        """Who was through is cut off, by a reset or as if PostgreSQL had closed; PostgreSQL hears nothing of it."""
        clients, servers = self.ends[0::2], self.ends[1::2]
        self.left_alone.update(servers)
        for client in clients:
            if reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                _hang_up(client, socket.SHUT_RD)  # ends the recv() of the thread that copies
                client.close()
            else:
                _hang_up(client, socket.SHUT_WR)

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(self.target)
                self.ends += [client, server]
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source, sink):
        with contextlib.suppress(OSError):
            while raw := source.recv(65536):
                sink.sendall(raw)
        for end in (source, sink):
            if end not in self.left_alone:
                _hang_up(end)


def _hang_up(end, how=socket.SHUT_RDWR):
    with contextlib.suppress(OSError):  # the other side may have gone already
        end.shutdown(how)
