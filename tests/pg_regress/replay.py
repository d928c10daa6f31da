"""The reads of PostgreSQL's regression tests once more, on the database that the suite left behind: each
directly, several times through pgweir, and directly again. What PostgreSQL answers alike twice, pgweir
must answer so each time, from the cache or not. The suite itself asks nearly nothing twice and changes
definitions all the time; here the cache is at work."""

import re
import time

from scratch import wire

TIMES = 3
READ = re.compile(r"^(select|table|values|with)\b", re.IGNORECASE)

# Statements that wait, leave something behind, or tell of the moment.
SKIPPED = re.compile(
    r"\binto\b|pg_sleep|nextval|setval|\blo_|pg_advisory|pg_terminate|pg_cancel|pg_reload|pg_rotate|set_config|set_ttdummy|dblink|pg_notify"
    r"|pg_stat|pg_wal|pg_switch|pg_create|pg_drop|pg_replication|pg_ls_|pg_logical|pg_log_|pg_read|txid|pg_current|pg_promote|pg_export",
    re.IGNORECASE)


def statements(folder):
    """Single SELECTs of the suite's files, without psql's own commands and variables; each once."""
    found = {}
    for path in sorted(folder.glob("*.sql")):
        text = re.sub(r"(?m)^\s*--.*$", "", path.read_text(errors="replace"))
        for part in re.split(r";[ \t]*(?:--.*)?\n", text):
            part = part.strip()
            plain = "\\" not in part and "$" not in part and ";" not in part and not re.search(r"(?<!:):[a-z'\"{]", part)
            if READ.match(part) and plain and not SKIPPED.search(part):
                found.setdefault(part, path.stem)
    return found


class Asker:
    """A session that is opened again when a statement has cost it its life."""

    def __init__(self, address, database):
        self.address = address
        self.database = database
        self.connection = None

    def ask(self, sql):
        """The reply's messages as pairs; None if there was none (a timeout counts as none)."""
        if self.connection is None:
            self.connection = wire.Connection(*self.address, database=self.database, timeout_s=60)
            self.connection.rows("SET statement_timeout = '3s'")
        self.connection.send(wire.query(sql))
        messages = self.connection.read_until("Z")
        if messages[-1].kind == "closed":
            self.connection = None
            return None
        reply = [(m.kind, m.body) for m in messages if m.kind not in "NS"]
        return None if any(kind == "E" and b"C57014\0" in body for kind, body in reply) else reply


def in_order(replies, direct):
    """Last come statements that fail, since a name that is not there may be new, and those that may run
    the suite's own functions, which may change definitions for all that pgweir knows: after each of them
    nothing hits until the catalog has been read again, and pgweir does not do that all the time."""
    names = direct.connection.rows("SELECT DISTINCT proname FROM pg_proc WHERE oid >= 16384 AND proname ~ '^\\w+$'")
    own_function = re.compile(r"\b(" + "|".join(re.escape(row[0]) for row in names) + r")\s*\(", re.IGNORECASE)

    def disturbs(item):
        sql, (_, reply) = item
        return reply is None or any(kind == "E" for kind, _ in reply) or own_function.search(sql) is not None

    return sorted(replies.items(), key=disturbs)


def wait_for_catalog(through, hits):
    """The suite ends with DDL. From here on a read of a table hits at its second time."""
    end = time.monotonic() + 120
    while True:
        before = hits()
        through.ask("SELECT * FROM int4_tbl")
        if hits() > before:
            return
        if time.monotonic() > end:
            raise RuntimeError("pgweir does not answer from the cache two minutes after the suite")


def replay(folder, direct_address, address, database, hits):
    """(number of statements compared, list of the differing with the number of the repetition). hits()
    tells how many statements have been answered from the cache."""
    direct, through = Asker(direct_address, database), Asker(address, database)
    expected = {sql: (name, direct.ask(sql)) for sql, name in statements(folder).items()}
    wait_for_catalog(through, hits)
    compared, different = 0, []
    for sql, (name, reply) in in_order(expected, direct):
        replies = [through.ask(sql) for _ in range(TIMES)]
        if reply is None or None in replies or direct.ask(sql) != reply:
            continue
        compared += 1
        different += [(name, number, sql) for number, again in enumerate(replies) if again != reply][:1]
    return compared, different
