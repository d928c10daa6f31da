"""SIGHUP: a good file holds for who comes from now on, a bad one changes nothing."""

import signal

from scratch import wire
from scratch.process import wait_until
from serve.gate import Gate
from serve.scenario import fatal, holds, same, scenario, url


@scenario
def good_file_takes_effect(stage):
    with stage.pgweir(server_sessions_max=1) as pgweir:
        old = pgweir.session()
        same("a second session", pgweir.refusal()["C"], "53300")
        same("sessions_max of the status page", pgweir.status()["client_sessions_max"], 1)
        log = pgweir.reload(server_sessions_max=2)
        holds(f"nothing waits for a restart: {log}", "restart" not in log)
        same("a second session", pgweir.session().rows("SELECT 1"), [["1"]])
        same("a third session", pgweir.refusal()["C"], "53300")
        same("sessions_max of the status page", pgweir.status()["client_sessions_max"], 2)
        same("the session from before", old.rows("SELECT 1"), [["1"]])


@scenario
def bad_file_changes_nothing(stage):
    with stage.pgweir(server_sessions_max=1) as pgweir:
        old = pgweir.session()
        for bad in ({"server_sessions_max": 0}, {"server_sessions_max": 5, "cache_tll": "30s"},
                    {"cache_tll": None, "server_tls_cert": "/no/such/file", "server_tls_key": "/no/such/file"}):
            log = pgweir.reload(**bad)
            holds(f"the log says that nothing has changed: {log}", "nothing has changed" in log)
            name = "/no/such/file" if "server_tls_cert" in bad else f"{pgweir.file}:"
            holds(f"the log names {name}: {log}", name in log)
            same("a second session", pgweir.refusal()["C"], "53300")
            same("sessions_max of the status page", pgweir.status()["client_sessions_max"], 1)
        pgweir.file.unlink()
        holds("a file that is gone is named", str(pgweir.file) in pgweir.reread())
        same("the session from before", old.rows("SELECT 1"), [["1"]])


@scenario
def what_waits_for_a_restart_is_named(stage):
    with stage.pgweir() as pgweir:
        log = pgweir.reload(server_workers=3, cache_shards=2, cache_ttl="1m")
        holds(f"both are named, and no other: {log}", "server.workers, cache.shards: as before" in log)


@scenario
def memory_may_be_lowered(stage):
    lower = 4 << 20
    stage.plain.sql("CREATE TABLE large AS SELECT id, repeat('x', 100000) AS body FROM generate_series(1, 80) id")
    with stage.pgweir(cache_ttl="1h") as pgweir:
        session = pgweir.session()
        for number in range(1, 81):
            session.rows(f"SELECT body FROM large WHERE id = {number}")
        holds("more is kept than will be allowed", pgweir.metric("pgweir_cache_bytes") > lower)
        log = pgweir.reload(cache_memory="4MiB")
        holds(f"nothing waits for a restart: {log}", "restart" not in log)
        same("the limit", pgweir.metric("pgweir_cache_limit_bytes"), lower)
        holds("no more is kept than is allowed", pgweir.metric("pgweir_cache_bytes") <= lower)
        holds("and some of it is", pgweir.metric("pgweir_cache_content_bytes") > lower / 2)


AWAY = """
[[rule]]
name = "away"
relation = "public.kept"
bypass = true
"""
VOUCHED = """
[[rule]]
name = "vouched"
relation = "public.kept"
trust = ["public.known(int)"]
"""


def read_simply(session, sql="SELECT v FROM kept WHERE id = 1"):
    return session.rows(sql)[0][0]


def read_prepared(session):
    session.send(wire.bind([b"1"], "s"), wire.execute(), wire.sync())
    (row,) = [wire.data_row(item.body) for item in session.read_ready() if item.kind == "D"]
    return row[0].decode()


def read_counted(pgweir, session, read):
    """(value, outcome, reason) of a read while nobody else asks."""
    before = pgweir.lookups()
    value = read(session)
    ((outcome, reason),) = [key for key, count in pgweir.lookups().items() if count != before.get(key, 0)]
    return value, outcome, reason


@scenario
def rules_hold_for_open_sessions(stage):
    """For what is prepared too; and nothing stays that was kept under other rules."""
    stage.plain.sql("CREATE TABLE kept (id int PRIMARY KEY, v int); INSERT INTO kept VALUES (1, 1);"
                    "CREATE FUNCTION known(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN $1; END'")
    with stage.pgweir(cache_ttl="1h") as pgweir:
        a = pgweir.session()
        a.send(wire.parse("SELECT v FROM kept WHERE id = $1", "s", [23]), wire.sync())
        a.read_ready()

        def until(read, *wanted):
            wait_until(f"{read.__name__}: {wanted}", lambda: read_counted(pgweir, a, read) == wanted)

        for read in (read_simply, read_prepared):
            until(read, "1", "hit", "none")
        pgweir.reload(rules=AWAY)
        for read in (read_simply, read_prepared):
            until(read, "1", "bypass", "rule")
        stage.plain.sql("UPDATE kept SET v = 2")  # which pgweir is not told of
        log = pgweir.reload(rules=AWAY.replace("relation", "relatoin"))
        holds(f"a mistake in a rule changes nothing: {log}", "nothing has changed" in log and "relation?" in log)
        for read in (read_simply, read_prepared):
            same("under the rules as they were", read_counted(pgweir, a, read), ("2", "bypass", "rule"))
        pgweir.reload(rules="")
        for read in (read_simply, read_prepared):
            until(read, "2", "hit", "none")

        def read_by_function(session):
            return read_simply(session, "SELECT known(v) FROM kept WHERE id = 1")

        until(read_by_function, "2", "bypass", "user_function")
        pgweir.reload(rules=VOUCHED)
        until(read_by_function, "2", "hit", "none")
        stage.plain.sql("UPDATE kept SET v = 3")
        pgweir.reload(rules=VOUCHED + 'ttl = "30m"\n')
        for read in (read_simply, read_prepared, read_by_function):
            until(read, "3", "hit", "none")
        pgweir.reload(rules="")
        until(read_by_function, "3", "bypass", "user_function")


@scenario
def reload_of_the_upstream(stage):
    """Readiness and new sessions follow it; old sessions stay where they are."""
    with Gate(stage.plain.port) as nowhere, stage.pgweir() as pgweir:
        pgweir.wait_ready(200)
        old = pgweir.session()
        pgweir.reload(upstream_url=url(nowhere.port))
        holds("the new upstream is named", f"127.0.0.1:{nowhere.port}" in pgweir.wait_ready(503))
        same("upstream of the status page", pgweir.status()["upstream"], url(nowhere.port))
        same("a new session", pgweir.refusal()["C"], "08006")
        same("the session from before", old.rows("SELECT 1"), [["1"]])
        nowhere.open()
        pgweir.wait_ready(200)
        same("a new session", pgweir.session().rows("SELECT 1"), [["1"]])


@scenario
def reload_of_the_drain_timeout(stage):
    with stage.pgweir(server_drain_timeout="1h") as pgweir:
        a = pgweir.session()
        a.rows("BEGIN")
        pgweir.reload(server_drain_timeout="1ms")
        pgweir.signal(signal.SIGTERM)
        same("its end", fatal(a)["C"], "57P01")
        pgweir.ended()
