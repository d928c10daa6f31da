"""A restart goes on with what is on disk, as far as it is known not to have changed: all of it with a permanent slot,
without one what a rule accepts."""

import os
import signal

from scratch.cluster import Cluster
from scratch.process import Child, ScratchDirectory, run, wait_until
from serve.scenario import holds, same, scenario, url

ROWS = 400
SYNC = "pgweir_restart"
SETTINGS = {"cache_memory": "64MiB", "cache_ttl": "1h", "cache_disk_size_bytes": "256MiB",
            "cache_disk_admission": "all", "cache_disk_write_bytes_per_second": "1GiB", "sync_user": SYNC}


class Life:
    """A pgweir with a disk and a change stream, and its lives one after another."""

    def __init__(self, stage, permanent=True, rules=""):
        self.stage = stage
        self.directory = ScratchDirectory("restart")
        self.postgres = Cluster("restart", settings={"max_slot_wal_keep_size": "1GB"})
        disk = {"cache_disk_path": self.directory.path / "store", "server_state_dir": self.directory.path / "state"}
        self.pgweir = stage.pgweir(url(self.postgres.port), sync_permanent_slot=permanent, **disk, **SETTINGS)
        self.pgweir.write(rules=rules)
        self.session = None

    def __enter__(self):
        self.postgres.__enter__()
        try:
            self.sql("CREATE TABLE kept_rows (n int PRIMARY KEY, v text NOT NULL);"
                     f"INSERT INTO kept_rows SELECT n, 'first' FROM generate_series(1, {ROWS}) n")
            administrator = f"postgres://postgres@127.0.0.1:{self.postgres.port}/postgres"
            run([self.stage.binary, "setup", "--url", administrator, "--role", SYNC, "--apply"])
            self.pgweir.__enter__()
            self.begin()
        except BaseException:
            self.postgres.__exit__()
            raise
        return self

    def __exit__(self, *what):
        try:
            self.pgweir.__exit__(*what)
        finally:
            self.postgres.__exit__()
            self.directory.__exit__()

    def sql(self, text):
        return self.postgres.sql(text)

    def slots(self, condition="true"):
        return self.sql("SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'pgweir\\_keep\\_%' AND "
                        + condition)[0][0]

    def begin(self):
        wait_until("the disk", lambda: self.pgweir.metric("pgweir_disk_used") == 1)
        self.session = self.pgweir.session()

    def end(self, how):
        self.pgweir.sessions.close()
        os.kill(self.pgweir.pid, how)
        wait_until("its end", lambda: not self.pgweir.child.running())

    def start(self):
        command = [self.stage.binary, "serve", "--config", self.pgweir.file]
        starts = self.pgweir.log().count("upstream is ")
        self.pgweir.child = Child("pgweir", command, self.pgweir.path / "pgweir.log")
        wait_until("pgweir", lambda: self.pgweir.log().count("upstream is ") > starts, alive=self.pgweir.child.running)
        self.begin()

    # --- reading -----------------------------------------------------------------------------------

    def read(self, n, value):
        rows = self.session.rows(f"SELECT n, v, repeat(md5(n::text), 3000) FROM kept_rows WHERE n = {n}")
        same(f"row {n}", (rows[0][0], rows[0][1], len(rows[0][2]), len(rows)), (str(n), value, 3000 * 32, 1))

    def outcome(self, n, value):
        before = self.pgweir.lookups()
        self.read(n, value)
        after = self.pgweir.lookups()
        return next(key[0] for key, count in after.items() if count != before.get(key, 0))

    def wait_followed(self):
        """Until what is asked twice hits."""
        def hits():
            before = self.pgweir.lookups().get(("hit", "none"), 0)
            for _ in range(2):
                self.session.rows("SELECT count(*) FROM kept_rows WHERE n = 0")
            return self.pgweir.lookups().get(("hit", "none"), 0) > before
        wait_until("a hit", hits, seconds=30)

    def fill(self):
        self.wait_followed()
        for n in range(1, ROWS + 1):
            self.read(n, "first")

    def write_out(self):
        """Pushes all of them out of memory and onto the disk."""
        for n in range(ROWS * 3):
            self.session.rows(f"SELECT {n}, v, repeat(md5('{n}'), 3000) FROM kept_rows WHERE n = 1")
        wait_until("the disk", lambda: self.pgweir.metric("pgweir_disk_entries") >= ROWS)

    def hits(self, numbers, value):
        """How many of them hit without a fill."""
        before = self.pgweir.metric("pgweir_cache_lookups_total", outcome="hit")
        for n in numbers:
            self.read(n, value)
        return self.pgweir.metric("pgweir_cache_lookups_total", outcome="hit") - before

    def resumed(self):
        return self.pgweir.metric("pgweir_sync_resumed_total")


CHANGED = range(1, ROWS + 1, 10)
UNCHANGED = [n for n in range(1, ROWS + 1) if n not in CHANGED]
CHANGE = "UPDATE kept_rows SET v = 'second' WHERE n % 10 = 1"


def goes_on(stage, how):
    with Life(stage) as life:
        life.fill()
        unchanged = UNCHANGED
        if how == signal.SIGKILL:
            life.write_out()
            # What a device that did not keep up has refused is in memory only once it was filled again.
            unchanged = [n for n in UNCHANGED if life.outcome(n, "first") == "hit"]
            holds(f"{len(unchanged)} are on the disk", len(unchanged) >= ROWS / 4)
        life.session.rows("UPDATE kept_rows SET v = 'second' WHERE n = 2")  # what has changed before its end has changed
        life.read(2, "second")
        life.end(how)
        life.sql(CHANGE)
        life.start()
        life.wait_followed()
        same("streams that went on", life.resumed(), 1)
        unchanged = [n for n in unchanged if n != 2]
        hits = life.hits(unchanged, "first")
        holds(f"{hits} of {len(unchanged)} that have not changed hit", hits >= 0.95 * len(unchanged))
        same("hits among those that have changed", life.hits(CHANGED, "second"), 0)
        life.read(2, "second")
        # And so again, of what it has not touched.
        life.end(signal.SIGTERM)
        life.sql("UPDATE kept_rows SET v = 'third' WHERE n = 4")
        life.start()
        life.wait_followed()
        same("the one that has changed", life.outcome(4, "third"), "miss")
        unchanged = [n for n in unchanged if n != 4]
        hits = life.hits(unchanged, "first")
        holds(f"{hits} of {len(unchanged)} that have not changed hit again", hits >= 0.95 * len(unchanged))


@scenario
def restart_goes_on(stage):
    goes_on(stage, signal.SIGTERM)


@scenario
def restart_goes_on_after_a_kill(stage):
    goes_on(stage, signal.SIGKILL)


def nothing_is_told(life, expected_resumed=0):
    """Of what was there nothing answers; the newest does."""
    life.wait_followed()
    same("streams that went on", life.resumed(), expected_resumed)
    same("hits", life.hits(range(1, 60), "first"), 0)


@scenario
def restart_after_ddl(stage):
    with Life(stage) as life:
        for ddl in ("ALTER TABLE kept_rows ADD COLUMN w int", "CREATE ROLE pgweir_restart_other",
                    "REVOKE ALL ON kept_rows FROM PUBLIC"):
            life.fill()
            life.end(signal.SIGTERM)
            life.sql(ddl)
            life.start()
            nothing_is_told(life, 1)
        life.sql("DROP ROLE pgweir_restart_other")


@scenario
def restart_without_its_slot(stage):
    """Dropped meanwhile, or held back too little; or it never had one."""
    with Life(stage) as life:
        life.fill()
        life.end(signal.SIGKILL)
        wait_until("the end of its stream", lambda: life.slots("active") == "0")
        life.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
        life.start()
        nothing_is_told(life)
        same("a new slot", life.slots(), "1")
        life.fill()
        life.end(signal.SIGTERM)
        life.sql("ALTER SYSTEM SET max_slot_wal_keep_size = -1")
        life.sql("SELECT pg_reload_conf()")
        life.start()
        nothing_is_told(life)
        same("slots without a bound", life.slots(), "0")
        holds("it is said", "max_slot_wal_keep_size sets it no bound" in life.pgweir.http("/api/status")[1])


@scenario
def restart_without_a_permanent_slot(stage):
    """Only what a rule accepts by ttl answers; and nothing once definitions may have changed, or it was written to."""
    rules = '[[rule]]\nname = "by_ttl"\nrelation = "public.slow_rows"\nttl = "1h"\naccept_ttl = true\n'
    with Life(stage, permanent=False, rules=rules) as life:
        life.sql("CREATE TABLE slow_rows (n int PRIMARY KEY); INSERT INTO slow_rows SELECT generate_series(1, 50)")

        def hits():
            before = life.pgweir.metric("pgweir_cache_lookups_total", outcome="hit")
            for n in range(1, 41):
                same("rows", life.session.rows(f"SELECT count(*), repeat('x', 90000) FROM slow_rows WHERE n <= {n}")[0][0], str(n))
            return life.pgweir.metric("pgweir_cache_lookups_total", outcome="hit") - before

        for how in (signal.SIGTERM, signal.SIGKILL):
            hits()
            life.fill()
            if how == signal.SIGKILL:
                life.write_out()
            life.end(how)
            life.start()
            found = hits()
            holds(f"{found} of 40 under the rule hit", found >= 38)
            nothing_is_told(life)
        life.end(signal.SIGTERM)
        life.sql("REVOKE SELECT ON slow_rows FROM PUBLIC")
        life.start()
        same("hits after a change of privileges", hits(), 0)
        holds("hits", hits() >= 38)
        life.session.rows("INSERT INTO slow_rows VALUES (100)")
        life.end(signal.SIGTERM)
        life.start()
        same("hits of what was written to before its end", hits(), 0)
