"""The database `pgweir` is pgweir itself, with psql and with a driver."""

import signal

import psycopg

from scratch.process import run, wait_until
from serve.scenario import fatal, holds, same, scenario, url


def psql(pgweir, *commands):
    """Rows as psql prints them, fields apart by bars."""
    words = [word for command in commands for word in ("-c", command)]
    return run(["psql", "-X", "-At", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", pgweir.port, "-U", "anybody",
                *words, "pgweir"]).splitlines()


@scenario
def console_by_psql(stage):
    with stage.pgweir() as pgweir:
        same("no database is in use", psql(pgweir, "SHOW SYNC"), [])
        pgweir.session().rows("SELECT 1")
        row = "postgres|fences and TTL only|sync.user is not set||"
        same("one is", psql(pgweir, "BEGIN", "show sync;", "COMMIT"), ["BEGIN", row, "COMMIT"])
        holds("the log says so", "database postgres: promise: fences and TTL only" in pgweir.log())
        databases = pgweir.status()["databases"]
        same("/api/status", [(d["name"], d["promise"]) for d in databases], [("postgres", "fences and TTL only")])
        holds("help", any(line.startswith("SHOW SYNC|") for line in psql(pgweir, "SHOW HELP")))


@scenario
def console_by_a_driver(stage):
    with stage.pgweir() as pgweir:
        pgweir.session().rows("SELECT 1")
        place = f"host=127.0.0.1 port={pgweir.port} user=anybody dbname=pgweir"
        with psycopg.connect(place, autocommit=True) as connection:
            for prepare in (False, True):
                rows = connection.execute("SHOW SYNC", prepare=prepare).fetchall()
                same("rows", rows, [("postgres", "fences and TTL only", "sync.user is not set", None, None)])
            try:
                connection.execute("SELECT 1")
                raise AssertionError("SELECT is no command of the console")
            except psycopg.errors.SyntaxError as error:
                holds(f"a hint in {error.diag.message_hint}", "SHOW HELP" in error.diag.message_hint)
            same("it goes on", connection.execute("SHOW VERSION").fetchone() is not None, True)


@scenario
def console_while_postgresql_is_away(stage):
    with stage.pgweir(url(1)) as pgweir:
        same("elsewhere", pgweir.refusal()["C"], "08006")
        same("here", psql(pgweir, "SHOW SYNC"), [])
        session = pgweir.raw()
        session.login({"user": "anybody", "database": "pgweir"})
        pgweir.signal(signal.SIGTERM)
        same("it ends with pgweir", fatal(session)["C"], "57P01")
        wait_until("pgweir ends", lambda: not pgweir.child.running())
