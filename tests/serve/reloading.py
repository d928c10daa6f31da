"""SIGHUP: a good file holds for who comes from now on, a bad one changes nothing."""

import signal

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
        log = pgweir.reload(server_workers=3, cache_memory_bytes="64MiB", cache_ttl="1m")
        holds(f"both are named, and no other: {log}", "server.workers, cache.memory_bytes: as before" in log)


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
