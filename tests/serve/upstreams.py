"""PostgreSQL out of reach: clients are told, and nothing has to be done when it is back."""

import socket
import threading

from scratch import wire
from scratch.cluster import Standby
from scratch.process import wait_until
from serve.gate import Gate
from serve.impostor import READY, Impostor
from serve.refreshing import hits, repeat_until
from serve.scenario import fatal, holds, same, scenario, url, waits_for


def told_that_unreachable(fields, *ports):
    same("SQLSTATE", fields["C"], "08006")
    for port in ports:
        holds(f"the message names port {port}: {fields['M']}", f"127.0.0.1:{port}" in fields["M"])


@scenario
def unreachable_at_start(stage):
    with Gate(stage.plain.port) as gate, stage.pgweir(url(gate.port)) as pgweir:
        told_that_unreachable(pgweir.refusal(), gate.port)
        holds("/readyz names it", f"127.0.0.1:{gate.port}" in pgweir.wait_ready(503))
        same("/healthz", pgweir.http("/healthz")[0], 200)
        gate.open()
        same("once it is there", pgweir.session().rows("SELECT 1"), [["1"]])
        pgweir.wait_ready(200)


@scenario
def unreachable_later(stage):
    with Gate(stage.plain.port) as gate, stage.pgweir(url(gate.port)) as pgweir:
        for _ in range(2):
            gate.open()
            pgweir.wait_ready(200)
            a = pgweir.session()
            same("while it is there", a.rows("SELECT 1"), [["1"]])
            gate.shut()
            told_that_unreachable(fatal(a), gate.port)
            told_that_unreachable(pgweir.refusal(), gate.port)
            pgweir.wait_ready(503)


@scenario
def cut_off_from_a_backend_that_writes_on(stage):
    """What it was doing may be committed at any time after: nobody may be answered from before."""
    stage.plain.sql("CREATE TABLE cut_off AS SELECT 1 AS id, 0 AS n")
    read = "SELECT n FROM cut_off WHERE id = 1"

    def hits(pgweir):
        return pgweir.metric("pgweir_cache_lookups_total", outcome="hit")

    for wanted, reset in ((1, True), (2, False)):
        with Gate(stage.plain.port) as gate, stage.pgweir(url(gate.port)) as pgweir:
            gate.open()
            a = pgweir.session()
            wait_until("a hit", lambda session=a, pgweir=pgweir: session.rows(read) and hits(pgweir) > 0)
            with wire.Connection(stage.plain.host, stage.plain.port, database="postgres") as locker:
                locker.rows("BEGIN; LOCK TABLE cut_off IN EXCLUSIVE MODE")
                a.send(wire.query(f"UPDATE cut_off SET n = {wanted}"))
                waits_for(stage.plain, "UPDATE cut_off%", "relation")
                gate.cut(reset)
                fatal(a)
                b = pgweir.session()
                for _ in range(3):
                    same("before it is committed", b.rows(read), [[str(wanted - 1)]])
                locker.rows("COMMIT")
                wait_until("the write", lambda locker=locker, value=str(wanted): locker.rows(read) == [[value]])
            same("after", b.rows(read), [[str(wanted)]])


@scenario
def several_upstreams(stage):
    """The first that answers: not one that is down, nor one that accepts and then says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent, Gate(stage.plain.port) as dead, Gate(stage.plain.port) as gate:
        ports = (dead.port, silent.getsockname()[1], gate.port)
        with stage.pgweir(url(*ports), upstream_connect_timeout="100ms") as pgweir:
            told_that_unreachable(pgweir.refusal(), *ports)
            gate.open()
            same("the third", pgweir.session().rows("SELECT 1"), [["1"]])


@scenario
def standby_beside_its_primary(stage):
    """Once a session is on the primary, what lags behind it is neither kept nor answered from the cache."""
    stage.plain.sql("DROP TABLE IF EXISTS lagging; CREATE TABLE lagging AS SELECT 1 AS n")
    read = "SELECT n FROM lagging"
    with Standby("serve-standby", stage.plain) as standby, Gate(stage.plain.port) as gate, \
            stage.pgweir(url(gate.port, standby.port)) as pgweir:
        on_standby = pgweir.session()
        repeat_until(on_standby, read, [["1"]], lambda: hits(pgweir) > 0)
        standby.sql("SELECT pg_wal_replay_pause()")
        wait_until("the pause", lambda: standby.sql("SELECT pg_get_wal_replay_pause_state()") == [["paused"]])
        gate.open()
        on_primary = pgweir.session()
        same("before", on_primary.rows(read), [["1"]])
        on_primary.rows("UPDATE lagging SET n = 2")
        before = hits(pgweir)
        for _ in range(5):
            same("on the standby", on_standby.rows(read), [["1"]])
            same("on the primary", on_primary.rows(read), [["2"]])
        repeat_until(on_primary, read, [["2"]], lambda: hits(pgweir) > before)
        before = hits(pgweir)
        same("on the standby", on_standby.rows(read), [["1"]])
        same("hits of a session on the standby", hits(pgweir), before)
        holds("the reason", pgweir.lookups()["bypass", "standby"] >= 6)


@scenario
def upstream_by_name(stage):
    with stage.pgweir(url(stage.plain.port, host="localhost")) as pgweir:
        same("by name", pgweir.session().rows("SELECT 1"), [["1"]])
        pgweir.reload(upstream_url=url(stage.plain.port, host="no-such-host.invalid"))
        fields = pgweir.refusal()
        same("SQLSTATE", fields["C"], "08006")
        holds(f"the name is in {fields['M']}", "no-such-host.invalid" in fields["M"])


@scenario
def upstream_by_unix_socket(stage):
    with stage.pgweir(f"host={stage.plain.path} port={stage.plain.port}") as pgweir:
        same("by Unix socket", pgweir.session().rows("SELECT inet_server_addr()"), [[None]])
        pgweir.wait_ready(200)


@scenario
def upstream_that_talks_nonsense(stage):
    """The client is told once, the log says it once, and what follows is not looked at."""
    with Impostor() as impostor, stage.pgweir(url(impostor.port, sslmode="disable")) as pgweir:
        login = threading.Thread(target=impostor.serve, daemon=True)
        login.start()
        a = pgweir.session()
        a.send(wire.query("UPDATE anything SET x = 1"))
        login.join()
        impostor.say(wire.message("Z", b"no status"))
        same("SQLSTATE", fatal(a)["C"], "08P01")
        for _ in range(3):
            impostor.hear_out()
            impostor.say(READY + wire.message("Z", b"no status"))
        impostor.opened.close()
        wait_until("its end", lambda: pgweir.metric("pgweir_upstream_connections") == 0)
        same("lines about it", pgweir.log().count("ReadyForQuery"), 1)
