"""What a scenario is: a function that drives sessions and so writes a transcript."""

import random

from scratch import wire
from scratch.process import wait_until

SCENARIOS = []


def scenario(hits=False, split=True, passes=3):
    """Registers a scenario. hits: its later passes must get hits. split: also sent in small pieces."""

    def register(function):
        SCENARIOS.append({"name": function.__name__, "function": function, "hits": hits, "split": split, "passes": passes})
        return function

    return register


SETUP = """
CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL, price numeric(10,2), added date);
INSERT INTO item SELECT n, 'item ' || n, n * 1.25, date '2024-01-01' + n FROM generate_series(1, 200) n;
CREATE TABLE note (id int, body text);
CREATE TABLE wide (id int PRIMARY KEY, body text);
INSERT INTO wide SELECT n, repeat(chr(65 + n % 26), 1000) FROM generate_series(1, 3000) n;
ANALYZE
"""


class Session:
    """A connection whose messages go into the transcript."""

    def __init__(self, stage, name, connection):
        self.stage = stage
        self.name = name
        self.connection = connection

    def send(self, *messages):
        self.connection.send(*messages)

    def record(self, messages):
        self.stage.transcript += [f"{self.name}: {item!r}" for item in messages]
        return messages

    def until(self, *kinds):
        return self.record(self.connection.read_until(*kinds))

    def ready(self, count=1):
        """Reads up to the count-th ReadyForQuery."""
        for _ in range(count):
            self.until("Z")

    def ask(self, *messages):
        """Sends, then reads up to one ReadyForQuery."""
        self.send(*messages)
        self.ready()

    def query(self, sql):
        self.ask(wire.query(sql))

    def end(self, *messages):
        """Sends what has an unknown number of replies, and reads up to a marker that cannot be skipped, or to
        the end of the session. Whether the session still stands."""
        self.send(*messages, wire.sync(), wire.query("ROLLBACK"), wire.query("SELECT 'the end' AS marker"))
        while True:
            items = self.until("Z")
            if items[-1].kind == "closed":
                return False
            if any(item.kind == "D" and b"the end" in item.body for item in items):
                return True


class Stage:
    """One pass of one scenario against one address."""

    def __init__(self, address, direct_address, database, split_seed=None):
        self.address = address
        self.direct_address = direct_address
        self.database = database
        self.transcript = []
        self.sessions = []
        self.random = random.Random(split_seed) if split_seed is not None else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for session in self.sessions:
            session.connection.close()

    def _pieces(self, raw):
        at = 0
        while at < len(raw):
            size = self.random.choice((1, 1, 2, 3, 5, 17, 400))
            yield raw[at : at + size]
            at += size

    def raw(self, name):
        """A connection that has sent nothing yet."""
        pieces = self._pieces if self.random else None
        session = Session(self, name, wire.Connection(*self.address, pieces=pieces, timeout_s=20))
        self.sessions.append(session)
        return session

    def session(self, name="a", **parameters):
        session = self.raw(name)
        session.record(session.connection.login({"user": "postgres", "database": self.database, **parameters}))
        return session

    def direct(self, sql):
        """Rows by a connection of its own to PostgreSQL, outside of the transcript."""
        with wire.Connection(*self.direct_address, database=self.database) as connection:
            return connection.rows(sql)

    def wait_for_activity(self, pattern):
        """Until some backend of this database runs a statement like the pattern."""
        sql = (
            "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
            f" AND datname = current_database() AND query LIKE '{pattern}'"
        )
        wait_until(pattern, lambda: self.direct(sql))
