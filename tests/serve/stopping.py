"""SIGTERM and SIGINT: what is running ends well, what is idle ends at once, and nothing new begins."""

import contextlib
import signal
import socket

from scratch import wire
from scratch.process import wait_until
from serve.scenario import fatal, login_error, same, scenario, waits_for

SHUTTING_DOWN = "57P01"  # admin_shutdown, as PostgreSQL's own SIGTERM
NOT_NOW = "57P03"  # cannot_connect_now


def wait_refused(pgweir):
    """Until nobody accepts connections any more."""
    wait_until("connections are refused", lambda: socket.socket().connect_ex(("127.0.0.1", pgweir.port)) != 0)


@contextlib.contextmanager
def running_statement(stage, session, mark):
    """A statement that goes on until the block is left."""
    with wire.Connection(stage.plain.host, stage.plain.port, database="postgres") as holder:
        holder.rows("SELECT pg_advisory_lock(2)")
        session.send(wire.query(f"SELECT 'done' FROM pg_advisory_xact_lock(2) -- {mark}"))
        waits_for(stage.plain, f"%-- {mark}", "advisory")
        yield


@scenario
def sigterm_drains(stage):
    with stage.pgweir() as pgweir:
        early, idle, busy, amid = pgweir.raw(), pgweir.session(), pgweir.session(), pgweir.session()
        idle.rows("SELECT 1")
        amid.rows("BEGIN")
        with running_statement(stage, busy, "drain"):
            pgweir.signal(signal.SIGTERM)
            same("an idle session", fatal(idle)["C"], SHUTTING_DOWN)
            wait_refused(pgweir)
            same("who came before and logs in now", login_error(early)["C"], NOT_NOW)
            same("/readyz", pgweir.http("/readyz")[0], 503)
            same("an open transaction goes on", amid.rows("SELECT 'still here'"), [["still here"]])
            same("and may commit", amid.rows("COMMIT"), [])
            same("then", fatal(amid)["C"], SHUTTING_DOWN)
        same("a running statement ends", busy.read_until("D")[-1].body[-4:], b"done")
        same("then", fatal(busy)["C"], SHUTTING_DOWN)
        pgweir.ended()


@scenario
def second_signal_cuts(stage):
    with stage.pgweir(server_drain_timeout="1h") as pgweir:
        amid, busy = pgweir.session(), pgweir.session()
        amid.rows("BEGIN")
        with running_statement(stage, busy, "second signal"):
            pgweir.signal(signal.SIGTERM)
            wait_refused(pgweir)
            pgweir.signal(signal.SIGHUP)  # no signal to end
            same("an open transaction goes on", amid.rows("SELECT 1"), [["1"]])
            pgweir.signal(signal.SIGINT)
            for session in (amid, busy):
                same("the end", fatal(session)["C"], SHUTTING_DOWN)
            pgweir.ended()


@scenario
def deadline_cuts(stage):
    with stage.pgweir(server_drain_timeout="100ms") as pgweir:
        amid = pgweir.session()
        amid.rows("BEGIN")
        pgweir.signal(signal.SIGINT)
        same("the end", fatal(amid)["C"], SHUTTING_DOWN)
        pgweir.ended()


@scenario
def service_manager_is_told(stage):
    """sd_notify: ready, reloading, ready again whatever came of it, stopping."""
    with contextlib.ExitStack() as stack:
        told = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        told.settimeout(30)
        pgweir = stage.pgweir(environment={"NOTIFY_SOCKET": f"\0pgweir-serve-{id(told)}".replace("\0", "@")})
        told.bind(f"\0pgweir-serve-{id(told)}")

        def hear():
            return told.recv(4096).decode().splitlines()

        with pgweir:
            same("at start", hear(), ["READY=1"])
            for settings in ({"cache_ttl": "1m"}, {"cache_ttl": "nonsense"}):
                pgweir.reload(**settings)
                reloading = hear()
                same("at a reload", (reloading[0], reloading[1].split("=")[0]), ("RELOADING=1", "MONOTONIC_USEC"))
                same("after it", hear(), ["READY=1"])
            pgweir.signal(signal.SIGTERM)
            same("at the end", hear(), ["STOPPING=1"])
            pgweir.ended()
