"""Who may come, and how many."""

import socket
import stat

from scratch import wire
from scratch.process import Child, ScratchDirectory, free_port, wait_until
from serve.scenario import MIB, address_of_this_machine, holds, login_error, same, scenario, url

IDLE_SESSIONS = 5000
BYTES_PER_IDLE_SESSION = 16 * 1024


@scenario
def limit_of_sessions(stage):
    with stage.pgweir(server_sessions_max=2) as pgweir:
        sessions = [pgweir.session(), pgweir.session()]
        fields = pgweir.refusal()
        same("SQLSTATE", fields["C"], "53300")  # too_many_connections
        holds(f"the setting is named: {fields}", "server.sessions_max = 2" in fields["H"])
        console = pgweir.raw()
        console.login({"user": "postgres", "database": "pgweir"})
        same("in the console", console.rows("SHOW GUARD")[0][3], "0")
        console.close()
        same("refusals counted", pgweir.metric("pgweir_client_sessions_refused_total"), 1)
        sessions[0].close()
        wait_until("a place is free", lambda: pgweir.metric("pgweir_client_sessions") == 1)
        same("a new session", pgweir.session().rows("SELECT 1"), [["1"]])


@scenario
def limit_of_upstream_connections(stage):
    """Of which the change streams have theirs."""
    def full(pgweir, hint):
        fields = pgweir.refusal()
        same("SQLSTATE and hint", (fields["C"], fields["H"]), ("53300", hint))

    with stage.pgweir(upstream_max_connections=2) as pgweir:
        first, second = pgweir.session(), pgweir.session()
        full(pgweir, "pgweir's limit is upstream.max_connections = 2.")
        first.send(wire.terminate())
        first.read_until("closed")
        wait_until("a place", lambda: pgweir.status()["client_sessions"] == 1)
        pgweir.session()
        same("the other one goes on", second.rows("SELECT 1"), [["1"]])
    with stage.pgweir(upstream_max_connections=7, sync_user="nobody", sync_databases_max=3) as pgweir:
        pgweir.session()
        full(pgweir, "pgweir's limit is upstream.max_connections = 7, of which its change streams may need 6.")


@scenario
def limit_of_postgresql(stage):
    """Its own refusal reaches the client as it is."""
    stage.plain.sql("CREATE ROLE only_one LOGIN CONNECTION LIMIT 1")
    with stage.pgweir() as pgweir:
        first = pgweir.session(user="only_one")
        same("SQLSTATE", pgweir.refusal(user="only_one")["C"], "53300")
        same("the first", first.rows("SELECT 1"), [["1"]])


@scenario
def unix_socket(stage):
    with ScratchDirectory("socket") as directory:
        with stage.pgweir(server_unix_socket_dir=str(directory)) as pgweir:
            path = directory / f".s.PGSQL.{pgweir.port}"
            same("who may connect", stat.S_IMODE(path.stat().st_mode), 0o777)
            opened = socket.socket(socket.AF_UNIX)
            opened.connect(str(path))
            a = pgweir.keep(opened)
            a.login({"user": "postgres", "database": "postgres"})
            same("by Unix socket", a.rows("SELECT 1"), [["1"]])
        holds("the file is gone", not path.exists())


@scenario
def logins_without_password_are_for_local_clients(stage):
    """Seen from PostgreSQL every client is pgweir, which it trusts."""
    remote = address_of_this_machine()
    if remote is None:
        print("     this machine has no address but the loopback's: nothing is remote here")
        return
    with stage.pgweir() as pgweir:
        same("a local client", pgweir.session().rows("SELECT 1"), [["1"]])
        same("a remote one", pgweir.refusal(source=remote)["C"], "28000")
        pgweir.reload(upstream_allow_passwordless_remote=True)
        same("a remote one, if allowed", pgweir.session(source=remote).rows("SELECT 1"), [["1"]])


@scenario
def thousands_of_idle_sessions(stage):
    """Before a stub, since PostgreSQL would need as many processes. The cache gives them their memory."""
    port = free_port()
    with ScratchDirectory("stub") as directory:
        stub = Child("bench-echo", [stage.binaries / "bench-echo", "--port", port], directory / "log")
        try:
            wait_until("the stub", lambda: wire.answers("127.0.0.1", port), alive=stub.running)
            with stage.pgweir(url(port, sslmode="disable"), server_sessions_max=IDLE_SESSIONS, cache_memory="64MiB") as pgweir:
                limit = pgweir.metric("pgweir_cache_limit_bytes")
                same("the limit at first", limit, 64 * MIB)
                with pgweir.memory_within(IDLE_SESSIONS * BYTES_PER_IDLE_SESSION):
                    sessions = [pgweir.session(timeout_s=60) for _ in range(IDLE_SESSIONS)]
                    same("sessions counted", pgweir.metric("pgweir_client_sessions"), IDLE_SESSIONS)
                    same("one more", login_error(pgweir.raw())["C"], "53300")
                    wanted = sessions[0].rows("SELECT 1")
                    holds("all answer", all(session.rows("SELECT 1") == wanted for session in sessions))
                taken = pgweir.metric("pgweir_session_bytes")
                holds(f"{taken} bytes taken", 2 << 10 < taken / IDLE_SESSIONS < BYTES_PER_IDLE_SESSION)
                wait_until("the cache gives it", lambda: abs(limit - pgweir.metric("pgweir_cache_limit_bytes") - taken) <= 2 * MIB)
        finally:
            stub.process.kill()
            stub.process.wait()
