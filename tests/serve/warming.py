"""Warm-up: what hits saved the most by is asked again after a start, so that clients find a full cache."""

import contextlib
import json
import os
import signal
import subprocess

import psycopg

from scratch import wire
from scratch.cluster import PASSWORD
from scratch.process import Child, ScratchDirectory, run, wait_until
from serve.scenario import holds, same, scenario, waits_for

ROLE = "warm_app"
MARK = "warm_secret_mark"
SCHEMA = f"""
DROP VIEW IF EXISTS warm_view; DROP TABLE IF EXISTS warm_rows, warm_log, warm_passing;
DROP FUNCTION IF EXISTS warm_note(int); DROP FUNCTION IF EXISTS warm_trusted(int);
CREATE TABLE warm_rows (n int PRIMARY KEY, v int NOT NULL, t timestamptz NOT NULL DEFAULT '2024-01-01 00:00+00');
INSERT INTO warm_rows SELECT n, n FROM generate_series(1, 100) n;
CREATE TABLE warm_log (n int);
CREATE TABLE warm_passing (n int);
CREATE VIEW warm_view AS SELECT n, v FROM warm_rows;
CREATE FUNCTION warm_note(int) RETURNS boolean LANGUAGE sql VOLATILE AS
  'INSERT INTO warm_log VALUES ($1); SELECT true';
CREATE FUNCTION warm_trusted(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 > 0';
DO $$ BEGIN CREATE ROLE {ROLE} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE {ROLE} LOGIN; ALTER ROLE {ROLE} RESET ALL;
GRANT postgres TO {ROLE};
GRANT SELECT, UPDATE ON warm_rows, warm_view TO {ROLE}; GRANT ALL ON warm_log, warm_passing TO {ROLE};
"""


class Life:
    """A pgweir that records, and its lives one after another; each begins with an empty cache."""

    def __init__(self, stage, **settings):
        self.stage = stage
        self.state = ScratchDirectory("warm")
        self.list = self.state.path / "state" / "warm-list"
        self.pgweir = stage.pgweir(cache_ttl="1h", server_state_dir=self.state.path / "state",
                                   **{"warm_user": ROLE, "warm_record": True, **settings})

    def __enter__(self):
        self.stage.plain.sql(SCHEMA)
        self.pgweir.__enter__()
        return self

    def __exit__(self, *what):
        try:
            self.pgweir.__exit__(*what)
        finally:
            self.state.__exit__()

    def end(self):
        self.pgweir.sessions.close()
        os.kill(self.pgweir.pid, signal.SIGTERM)
        self.pgweir.ended()

    def start(self):
        starts = self.pgweir.log().count("upstream is ")
        command = [self.stage.binary, "serve", "--config", self.pgweir.file]
        self.pgweir.child = Child("pgweir", command, self.pgweir.path / "pgweir.log")
        wait_until("pgweir", lambda: self.pgweir.log().count("upstream is ") > starts, alive=self.pgweir.child.running)

    def restart(self):
        self.end()
        self.start()

    def warm(self):
        return self.pgweir.status()["warm"]

    def warmed(self):
        """Its end, and how statements fared."""
        wait_until("the end of the warm-up", lambda: self.warm()["state"] in ("done", "failed"), seconds=60)
        warm = self.warm()
        return warm["state"], {outcome: n for outcome, n in warm["outcomes"].items() if n}

    def session(self, user=ROLE):
        return self.pgweir.session(user=user)

    def driver(self, user=ROLE):
        place = f"host=127.0.0.1 port={self.pgweir.port} user={user} dbname=postgres"
        return contextlib.closing(psycopg.connect(place, autocommit=True))

    def outcomes(self, ask):
        """{outcome: count} of what is asked."""
        before = self.pgweir.lookups()
        ask()
        after = self.pgweir.lookups()
        counts = {}
        for key, count in after.items():
            if count != before.get(key, 0):
                counts[key[0]] = counts.get(key[0], 0) + count - before.get(key, 0)
        return counts

    def ask_often(self, *statements, user=ROLE, prelude=()):
        """A fill and two hits of each."""
        session = self.session(user)
        for statement in prelude:
            session.rows(statement)
        for statement in statements:
            for _ in range(3):
                session.rows(statement)


READS = [f"SELECT v FROM warm_rows WHERE n = {n} /* {MARK} */" for n in range(1, 21)]


def ask_in_all_ways(life):
    """Simple and extended, prepared and not, values as text and binary, replies likewise, under two time zones."""
    session = life.session()
    for read in READS:
        session.rows(read)
    with life.driver() as connection:
        for zone in ("UTC", "Asia/Tokyo"):
            connection.execute(f"SET TimeZone = '{zone}'")
            for binary in (False, True):
                for prepare in (False, True):
                    for n in (30, 31):
                        sql = "SELECT n, t, v::text FROM warm_rows WHERE n = %s"
                        connection.execute(sql, (n,), prepare=prepare, binary=binary).fetchall()
                        connection.execute(sql, (str(n),), prepare=prepare, binary=binary).fetchall()


@scenario
def warming_after_a_restart(stage):
    with Life(stage) as life:
        same("nothing to ask at first", life.warmed(), ("done", {}))
        for _ in range(3):
            ask_in_all_ways(life)
        life.restart()
        state, fared = life.warmed()
        same("the warm-up is", state, "done")
        holds(f"all are filled: {fared}", set(fared) == {"filled"} and fared["filled"] >= len(READS) + 8)
        counts = life.outcomes(lambda: ask_in_all_ways(life))
        holds(f"clients find them ({counts})", "miss" not in counts and counts["hit"] >= len(READS) + 16)
        # What is there costs nothing.
        asked = life.pgweir.metric("pgweir_warm_planned_statements")
        result = warm(life)
        same("again, nothing is filled", (result["state"], result["filled"], result["present"]), ("done", 0, asked))
        # And what was recorded in the first life outlives a second one, in which nobody asked for it.
        life.restart()
        life.warmed()
        life.restart()
        same("in a third life", life.warmed()[1], fared)


@scenario
def warming_keeps_to_its_role(stage):
    with Life(stage) as life:
        life.ask_often("SELECT v FROM warm_rows WHERE n = 1 /* own_mark */")
        life.ask_often("SELECT v FROM warm_rows WHERE n = 1 /* others_mark */", user="postgres")
        life.ask_often("SELECT v FROM warm_rows WHERE n = 2 /* set_role_mark */", prelude=["SET ROLE postgres"])
        holds("others hit, too", life.pgweir.metric("pgweir_cache_lookups_total", outcome="hit") == 6)
        life.end()
        content = life.list.read_bytes()
        same("the file has mode", life.list.stat().st_mode & 0o7777, 0o600)
        same("its own statement is there", content.count(b"own_mark"), 1)
        same("no other's is", [mark for mark in (b"others_mark", b"set_role_mark") if mark in content], [])
        # Another role's list is none of this one's business.
        life.pgweir.write(warm_user="postgres")
        life.start()
        same("of another role", life.warmed(), ("done", {}))
        holds("the log says so", "of another role than warm.user" in life.pgweir.log())


@scenario
def warming_records_only_if_asked(stage):
    with Life(stage, warm_record=None) as life:
        life.ask_often(*READS)
        life.restart()
        same("nothing was recorded", (life.list.exists(), life.warmed()), (False, ("done", {})))


@scenario
def warming_refuses_a_file_for_all_eyes(stage):
    with Life(stage) as life:
        life.ask_often(*READS)
        life.end()
        life.list.chmod(0o640)
        content = life.list.read_bytes()
        life.start()
        same("it is not used", life.warmed(), ("done", {}))
        holds("the log says the fix", f"{life.list}: has mode 0640" in life.pgweir.log() and "chmod 600" in life.pgweir.log())
        life.ask_often("SELECT v FROM warm_rows WHERE n = 50")
        life.end()
        same("it is as it was", (life.list.read_bytes(), life.list.stat().st_mode & 0o777), (content, 0o640))
        life.list.chmod(0o600)
        life.start()
        same("mended, it is used", life.warmed(), ("done", {"filled": len(READS)}))


@scenario
def warming_sends_nothing_that_writes(stage):
    with Life(stage) as life:
        life.pgweir.reload(rules='[[rule]]\nname = "warm"\nrelation = "public.warm_rows"\ntrust = ["public.warm_trusted"]\n')
        life.ask_often(*READS[:3], "SELECT v FROM warm_view WHERE n = 7", "SELECT 100 / v FROM warm_rows WHERE n = 8",
                       "SELECT n FROM warm_passing", "SELECT v FROM warm_rows WHERE warm_trusted(n)")
        life.end()
        stage.plain.sql("CREATE OR REPLACE VIEW warm_view AS SELECT n, v FROM warm_rows WHERE warm_note(n);"
                        "CREATE OR REPLACE FUNCTION warm_trusted(int) RETURNS boolean LANGUAGE sql VOLATILE"
                        " AS 'INSERT INTO warm_log VALUES ($1); SELECT true';"
                        "UPDATE warm_rows SET v = 0 WHERE n = 8; DROP TABLE warm_passing")
        life.start()
        same("they fare", life.warmed(), ("done", {"filled": 3, "uncacheable": 2, "failed": 2}))
        same("what was written", stage.plain.sql("SELECT count(*) FROM warm_log"), [["0"]])
        # Nor could it: a session that only reads shares the entries of those that do not.
        life.ask_often("SELECT v FROM warm_rows WHERE n = 60")
        reader = life.session()
        reader.rows("SET default_transaction_read_only = on")
        same("they share", life.outcomes(lambda: reader.rows("SELECT v FROM warm_rows WHERE n = 60")), {"hit": 1})


@contextlib.contextmanager
def locked(cluster, table="warm_rows"):
    """Nobody reads it meanwhile; nor, if it has a view, the catalog."""
    with contextlib.closing(psycopg.connect(f"host=127.0.0.1 port={cluster.port} user=postgres dbname=postgres")) as holder:
        holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield


@scenario
def warming_and_readiness(stage):
    with Life(stage) as life:
        life.ask_often(*READS)
        life.end()
        with locked(stage.plain):
            life.start()
            wait_until("the warm-up", lambda: life.warm()["state"] == "running")
            life.pgweir.wait_ready(200)
            same("readiness does not wait", life.warm()["state"], "running")
            life.end()
        life.pgweir.write(server_ready_when="warm")
        with locked(stage.plain):
            life.start()
            wait_until("the warm-up", lambda: life.warm()["state"] == "running")
            holds("readiness waits", "warming up: " in life.pgweir.wait_ready(503))
        life.pgweir.wait_ready(200)
        same("until it has ended", life.warm()["state"], "done")
        # Once and for all.
        with locked(stage.plain):
            life.session().rows("UPDATE warm_log SET n = 0")
            stage.plain.sql("SELECT 1")
            warm(life, "--no-wait")
            same("a later one changes nothing", life.pgweir.http("/readyz")[0], 200)


@scenario
def warming_skips_what_is_locked(stage):
    with Life(stage) as life:
        life.ask_often(READS[0], "SELECT n FROM warm_passing")
        life.end()
        with locked(stage.plain, "warm_passing"):
            life.start()
            same("they fare", life.warmed(), ("done", {"filled": 1, "failed": 1}))


LONG = "SELECT count(*) FROM warm_passing a, warm_passing b, warm_passing c, warm_passing d WHERE a.n + b.n > c.n + d.n"


def long_runs(cluster, count="count(*)"):
    """Of the backends where it runs for the warm-up."""
    return cluster.sql(f"SELECT {count} FROM pg_stat_activity WHERE usename = '{ROLE}' AND state = 'active'"
                       " AND query LIKE '%warm_passing a%'")[0][0]


def make_long(cluster):
    cluster.sql("INSERT INTO warm_passing SELECT generate_series(1, 1000)")


@scenario
def warming_ends_with_pgweir(stage):
    """Amid a statement that would run for long: its list is not lost, and nothing is left behind."""
    with Life(stage, server_drain_timeout="1h") as life:
        life.ask_often(LONG)
        life.end()
        make_long(stage.plain)
        life.start()
        wait_until("the statement", lambda: long_runs(stage.plain) == "1")
        life.end()
        wait_until("the end of its session", lambda: stage.plain.sql(
            f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{ROLE}'") == [["0"]])
        stage.plain.sql("TRUNCATE warm_passing")
        life.start()
        same("the next one", life.warmed(), ("done", {"filled": 1}))


@scenario
def warming_shows_no_statements(stage):
    with Life(stage) as life:
        life.ask_often(*READS, f"SELECT 100 / v FROM warm_rows WHERE n = 8 AND '{MARK}' <> ''",
                       f"SELECT v FROM warm_view WHERE n = 7 AND '{MARK}' <> ''")
        life.end()
        holds("they are recorded", MARK.encode() in life.list.read_bytes())
        stage.plain.sql("UPDATE warm_rows SET v = 0 WHERE n = 8; DROP VIEW warm_view")
        life.start()
        same("they fare", life.warmed(), ("done", {"filled": len(READS), "uncacheable": 1, "failed": 1}))
        with contextlib.closing(psycopg.connect(f"host=127.0.0.1 port={life.pgweir.port} user=x dbname=pgweir",
                                                autocommit=True)) as console:
            shown = str(console.execute("SHOW WARM").fetchall())
        places = {"the log": life.pgweir.log(), "/metrics": life.pgweir.http("/metrics")[1],
                  "/api/status": life.pgweir.http("/api/status")[1], "SHOW WARM": shown}
        same("a statement is seen in", [name for name, text in places.items() if MARK in text], [])


@scenario
def warming_waits_its_turn(stage):
    """The guard has no room for a statement: it is tried again."""
    reads = [f"SELECT v FROM warm_rows WHERE n = {n}" for n in range(5)]
    with Life(stage, guard_limit=1, guard_queue_wait="3s") as life, psycopg.connect(
            f"host=127.0.0.1 port={stage.plain.port} user=postgres dbname=postgres", autocommit=True) as blocker:
        stage.plain.sql("INSERT INTO warm_passing SELECT generate_series(1, 30)")
        life.ask_often(LONG)
        life.ask_often(*reads)
        life.end()
        make_long(stage.plain)
        life.start()
        wait_until("the long one", lambda: long_runs(stage.plain) == "1")
        blocker.execute("SELECT pg_advisory_lock(5)")
        client = life.session("postgres")
        client.send(wire.query("SELECT pg_advisory_xact_lock(5) /* occupies */"))
        wait_until("the client to queue", lambda: life.pgweir.metric("pgweir_guard_queued") == 1)
        long_runs(stage.plain, "pg_cancel_backend(min(pid))")
        waits_for(stage.plain, "%occupies */%", "advisory")
        wait_until("a refusal", lambda: life.pgweir.metric("pgweir_cache_lookups_total", outcome="refused"))
        same("meanwhile", life.warm()["state"], "running")
        blocker.execute("SELECT pg_advisory_unlock(5)")
        same("they fare", life.warmed(), ("done", {"filled": 5, "failed": 1}))


@scenario
def warming_with_a_change_stream(stage):
    """Nothing can be kept before it has begun: the warm-up waits for it."""
    administrator = f"postgres://postgres@127.0.0.1:{stage.plain.port}/postgres"
    with Life(stage, sync_user="warm_sync") as life:
        run([stage.binary, "setup", "--url", administrator, "--role", "warm_sync", "--apply"])
        try:
            def hits():
                return life.outcomes(lambda: life.ask_often(*READS)).get("hit", 0) > 0
            wait_until("hits", hits, seconds=30)
            life.ask_often(*READS)
            life.restart()
            same("they fare", life.warmed(), ("done", {"filled": len(READS)}))
            session = life.session()
            same("clients find them", life.outcomes(lambda: [session.rows(read) for read in READS]), {"hit": len(READS)})
            life.end()
        finally:
            run([stage.binary, "setup", "--url", administrator, "--role", "warm_sync", "--undo"])
        life.pgweir.write(sync_user=None)
        life.start()


@scenario
def warming_with_a_password(stage):
    with Life(stage, warm_user="scram_user") as life:
        stage.plain.sql("GRANT SELECT ON warm_rows TO scram_user")
        place = f"host=127.0.0.1 port={life.pgweir.port} user=scram_user password='{PASSWORD}' dbname=postgres"
        with contextlib.closing(psycopg.connect(place, autocommit=True)) as connection:
            for _ in range(3):
                connection.execute(READS[0])
        life.restart()
        state, _ = life.warmed()
        same("without a password", (state, "password" in life.warm()["why"]), ("failed", True))
        life.end()
        passfile = life.state.path / "passfile"
        passfile.write_text(f"127.0.0.1:{life.pgweir.port}:*:scram_user:{PASSWORD}\n")
        passfile.chmod(0o600)
        life.pgweir.write(warm_passfile=passfile)
        life.start()
        same("with one", life.warmed(), ("done", {"filled": 1}))
        stage.plain.sql("REVOKE ALL ON warm_rows FROM scram_user")


def command(life, *words):
    done = subprocess.run([life.stage.binary, "warm", "--connect", f"127.0.0.1:{life.pgweir.port}", *words],
                          capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def warm(life, *words):
    status, out, err = command(life, "--format", "json", *words)
    same(f"exit status ({err})", status, 0)
    return json.loads(out) if out else None


@scenario
def warming_by_command(stage):
    with Life(stage) as life:
        life.ask_often(*READS)
        life.restart()
        life.warmed()
        life.session().rows("UPDATE warm_rows SET v = v")
        result = warm(life)
        same("what was written is filled anew", (result["state"], result["statements"], result["filled"]),
             ("done", len(READS), len(READS)))
        holds("in words", f"done: {len(READS)} of {len(READS)} statements" in command(life)[1])
        # Who may log in no more gets nothing asked.
        stage.plain.sql(f"ALTER ROLE {ROLE} NOLOGIN")
        status, out, _ = command(life, "--format", "json")
        same("exit status", status, 1)
        holds(f"it says why: {out}", "not permitted to log in" in json.loads(out)["why"])
        same("state", json.loads(out)["state"], "failed")


@scenario
def warming_needs_a_role(stage):
    with Life(stage, warm_user=None, warm_record=None) as life:
        status, _, err = command(life)
        same("exit status", status, 2)
        holds(f"it says why: {err}", "warm.user" in err)
        same("/api/status", life.warm(), None)


@scenario
def warming_under_settings_of_before(stage):
    """A role's own settings have changed: sessions that set them as before find what they had."""
    with Life(stage) as life:
        before = ["SET extra_float_digits = 1", "SET DateStyle = 'ISO, MDY'"]
        life.ask_often(*READS, prelude=before)
        life.end()
        stage.plain.sql(f"ALTER ROLE {ROLE} SET extra_float_digits = 2; ALTER ROLE {ROLE} SET DateStyle = 'German'")
        life.start()
        same("they fare", life.warmed(), ("done", {"filled": len(READS)}))
        session = life.session()
        for statement in before:
            session.rows(statement)
        same("clients find them", life.outcomes(lambda: [session.rows(read) for read in READS]), {"hit": len(READS)})
        # What a session of the role may not set is not tried by force.
        life.ask_often(READS[0], prelude=["SET search_path = warm_gone, public"])
        life.end()
        stage.plain.sql("CREATE SCHEMA IF NOT EXISTS warm_gone")
        life.start()
        fared = life.warmed()[1]
        stage.plain.sql("DROP SCHEMA warm_gone")
        same("the search path means another one now", fared, {"filled": len(READS), "unlike": 1})
