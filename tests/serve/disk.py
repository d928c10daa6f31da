"""What memory has no room for is read from a file, and nothing that befalls the file befalls a client."""

import os
import signal

from scratch.process import Child, ScratchDirectory, wait_until
from serve.scenario import holds, same, scenario

ROWS = 300
SETTINGS = {"cache_memory": "64MiB", "cache_ttl": "1h", "cache_disk_size_bytes": "256MiB",
            "cache_disk_admission": "all", "cache_disk_write_bytes_per_second": "1GiB"}


def make_rows(stage):
    stage.plain.sql("DROP TABLE IF EXISTS disk_rows; CREATE TABLE disk_rows (n int PRIMARY KEY, v text NOT NULL);"
                    f"INSERT INTO disk_rows SELECT n, 'first' FROM generate_series(1, {ROWS}) n")


def read_all(session, value, numbers=range(1, ROWS + 1)):
    """Each reply of 300 kB, so that 64 MiB hold a part of them."""
    for n in numbers:
        rows = session.rows(f"SELECT n, v, repeat(md5(n::text), 9000) FROM disk_rows WHERE n = {n}")
        same(f"row {n}", (rows[0][0], rows[0][1], len(rows[0][2]), len(rows)), (str(n), value, 9000 * 32, 1))


def read_until_found(session, pgweir, value, what):
    """What leaves the memory faster than the device takes it is not written; so again, until some was."""
    before = found(pgweir)

    def some_were_found():
        read_all(session, value)
        return found(pgweir) > before

    wait_until(what, some_were_found)


def is_used(pgweir):
    return pgweir.metric("pgweir_disk_used") == 1


def found(pgweir):
    return pgweir.metric("pgweir_disk_reads_total", end="found")


@scenario
def disk_answers_what_memory_has_lost(stage):
    make_rows(stage)
    with ScratchDirectory("disk") as directory, \
            stage.pgweir(cache_disk_path=directory / "store", **SETTINGS) as pgweir:
        wait_until("the disk", lambda: is_used(pgweir))
        session = pgweir.session()
        read_all(session, "first")
        read_all(session, "first")
        hits = found(pgweir)
        holds(f"many were read from the disk: {hits}", hits > 50)
        holds("it was written to", pgweir.metric("pgweir_disk_written_bytes_total") > 10_000_000)
        session.rows("UPDATE disk_rows SET v = 'second'")
        read_all(session, "second")
        same("of what has changed nothing answered", found(pgweir), hits)
        read_until_found(session, pgweir, "second", "the new ones from the disk too")
        session.rows("BEGIN")
        session.rows("SELECT n FROM disk_rows WHERE n = 1")
        read_until_found(session, pgweir, "second", "and within a transaction that reads")
        session.rows("COMMIT")


@scenario
def disk_after_a_kill(stage):
    """What is there again answers nothing: what has changed meanwhile is not known where changes are not followed."""
    make_rows(stage)
    with ScratchDirectory("disk") as directory:
        settings = {**SETTINGS, "cache_disk_path": directory / "store", "server_state_dir": directory / "state"}
        with stage.pgweir(**settings) as pgweir:
            wait_until("the disk", lambda: is_used(pgweir))
            session = pgweir.session()
            read_all(session, "first")
            read_all(session, "first")
            entries = pgweir.metric("pgweir_disk_entries")
            holds(f"there are some: {entries}", entries > 100)
            pgweir.sessions.close()
            os.kill(pgweir.pid, signal.SIGKILL)
            wait_until("its end", lambda: not pgweir.child.running())
            stage.plain.sql("UPDATE disk_rows SET v = 'second'")
            command = [stage.binary, "serve", "--config", pgweir.file]
            pgweir.child = Child("pgweir", command, pgweir.path / "again.log")
            wait_until("pgweir", lambda: "upstream is " in pgweir.child.log(), alive=pgweir.child.running)
            wait_until("the disk", lambda: is_used(pgweir))
            rebuilt = pgweir.metric("pgweir_disk_rebuilt_total")
            lost = 8 * 2**20 // (9000 * 32)
            holds(f"all but the last 8 MiB are there again: {rebuilt} of {entries}", rebuilt >= entries - lost - 1)
            session = pgweir.session()
            hits = pgweir.metric("pgweir_cache_lookups_total", outcome="hit")
            read_all(session, "second")
            same("hits", pgweir.metric("pgweir_cache_lookups_total", outcome="hit"), hits)


@scenario
def disk_replaced_truncated_and_removed(stage):
    make_rows(stage)
    with ScratchDirectory("disk") as directory, \
            stage.pgweir(cache_disk_path=directory / "store", **SETTINGS) as pgweir:
        store = directory / "store"
        for harm in (lambda: os.truncate(store, 1 << 20), store.unlink, lambda: store.write_bytes(bytes(1000))):
            wait_until("the disk", lambda: is_used(pgweir))
            session = pgweir.session()
            read_all(session, "first")
            read_all(session, "first")
            opened = pgweir.metric("pgweir_disk_breaker_opened_total")
            harm()
            for _ in range(20):
                read_all(session, "first")
                if pgweir.metric("pgweir_disk_breaker_opened_total") > opened:
                    break
            holds("it was noticed", pgweir.metric("pgweir_disk_breaker_opened_total") > opened)
        wait_until("the disk", lambda: is_used(pgweir))
        session.rows("UPDATE disk_rows SET v = 'second'")
        read_all(session, "second")


@scenario
def disk_that_cannot_be_used(stage):
    """Then there is none, and it is said."""
    with ScratchDirectory("disk") as directory:
        letter = directory / "letter"
        letter.write_text("Dear Ann,\n" * 1000)
        for path, why in ((letter, "something else"), (directory / "no" / "store", "No such file")):
            with stage.pgweir(cache_disk_path=path, **SETTINGS) as pgweir:
                wait_until("what is wrong", lambda: why in pgweir.log())
                same("a statement", pgweir.session().rows("SELECT 1"), [["1"]])
                same("pgweir_disk_used", pgweir.metric("pgweir_disk_used"), 0)
        same("the letter", letter.read_text(), "Dear Ann,\n" * 1000)
