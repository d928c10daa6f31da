"""A server that lets one client log in as PostgreSQL does, and then says what the test tells it to."""

import socket
import struct

from scratch.wire import message

READY = message("Z", b"I")


class Impostor:
    """Use as a context manager. serve() takes the next client through its login and its first statement."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.opened = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for end in (self.opened, self.listener):
            if end is not None:
                end.close()

    def serve(self):
        """Connections that end without a word only looked whether somebody is here."""
        while True:
            self.opened, _ = self.listener.accept()
            self.opened.settimeout(30)
            if length := self.opened.recv(4):
                break
            self.opened.close()
        self.opened.recv(struct.unpack("!I", length)[0] - 4)
        self.say(message("R", struct.pack("!I", 0)) + message("K", b"\0\0\0\1\0\0\0\2") + READY)
        self.opened.recv(65536)

    def say(self, raw):
        self.opened.sendall(raw)

    def hear_out(self):
        """Reads to the end of what pgweir sends."""
        while self.opened.recv(65536):
            pass
