"""What waits, what does not, and how it ends if its turn does not come."""

import contextlib
import subprocess
import threading
import time

from scratch import wire
from scratch.process import wait_until
from serve.scenario import holds, same, waits_for
from guard.scenario import scenario

LOCK = 4711


@contextlib.contextmanager
def blocker(cluster):
    """Holds an advisory lock; gives a function that lets go of it."""
    with wire.Connection(cluster.host, cluster.port, "postgres") as session:
        session.rows(f"SELECT pg_advisory_lock({LOCK})")
        yield lambda: session.rows(f"SELECT pg_advisory_unlock({LOCK})")


def occupy(stage, pgweir, name="one"):
    """A session whose statement stays at PostgreSQL until the blocker lets go."""
    session = pgweir.session()
    session.send(wire.query(f"SELECT pg_advisory_xact_lock({LOCK}) /* {name} */"))
    waits_for(stage.plain, f"%{name} */%", "advisory")
    return session


def queued(pgweir, count):
    wait_until(f"{count} in the queue", lambda: pgweir.metric("pgweir_guard_queued") == count)


def refused(session, sql):
    """The fields of the error that a statement ends with; the session goes on."""
    try:
        session.rows(sql)
    except wire.ServerError as error:
        return error.fields
    raise AssertionError(f"{sql} was not refused")


def is_refused_for(fields, setting):
    same("SQLSTATE", fields["C"], "53300")
    holds(f"{setting} in the hint: {fields['H']}", setting in fields["H"] and "guard.limit" in fields["H"])


@scenario
def no_more_than_the_limit(stage):
    """Thirty clients, three at a time: counted by PostgreSQL, and each gets its own answer."""
    with stage.pgweir(guard_limit=3) as pgweir, wire.Connection(stage.plain.host, stage.plain.port, "postgres") as watcher:
        sessions = [pgweir.session() for _ in range(30)]
        answers, most, done = {}, [0], threading.Event()

        def ask(number):
            answers[number] = [sessions[number].rows(f"SELECT {number}, pg_sleep(0.02)")[0][0] for _ in range(5)]

        def watch():
            while not done.is_set():
                [[active]] = watcher.rows("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' "
                                          "AND backend_type = 'client backend' AND pid <> pg_backend_pid()")
                most[0] = max(most[0], int(active))

        threads = [threading.Thread(target=ask, args=(i,)) for i in range(30)]
        watching = threading.Thread(target=watch)
        for thread in [*threads, watching]:
            thread.start()
        for thread in threads:
            thread.join()
        done.set()
        watching.join()
        same("answers", answers, {i: [str(i)] * 5 for i in range(30)})
        holds(f"at most 3 at once, and there were {most[0]}", 1 <= most[0] <= 3)
        holds("some have waited", pgweir.metric("pgweir_guard_waited_total") > 20)
        same("refused", pgweir.status()["guard"]["refused_queue_wait_total"], 0)


@scenario
def transaction_goes_on(stage):
    """What is inside a transaction may hold the lock that all others wait for."""
    with stage.pgweir(guard_limit=1) as pgweir, blocker(stage.plain) as release:
        inside = pgweir.session()
        inside.rows("BEGIN")
        one = occupy(stage, pgweir)
        same("inside a transaction", inside.rows("SELECT 1"), [["1"]])
        inside.rows("COMMIT")
        inside.send(wire.query("SELECT 2"))
        queued(pgweir, 1)
        release()
        one.read_until("Z")
        same("its turn has come", wire.data_row(next(m for m in inside.read_until("Z") if m.kind == "D").body), [b"2"])


@scenario
def full_queue_refuses(stage):
    with stage.pgweir(guard_limit=1, guard_queue_max=1) as pgweir, blocker(stage.plain) as release:
        one, waiting, third = occupy(stage, pgweir), pgweir.session(), pgweir.session()
        waiting.send(wire.query("SELECT 'waits'"))
        queued(pgweir, 1)
        is_refused_for(refused(third, "SELECT 'waits'"), "guard.queue_max = 1")
        same("by the outcome", pgweir.lookups()[("refused", "queue_full")], 1)
        release()
        for session in (one, waiting):
            session.read_until("Z")
        same("the session goes on", third.rows("SELECT 3"), [["3"]])


@scenario
def long_wait_refuses(stage):
    with stage.pgweir(guard_limit=1, guard_queue_wait="200ms") as pgweir, blocker(stage.plain) as release:
        one, second = occupy(stage, pgweir), pgweir.session()
        is_refused_for(refused(second, "SELECT 2"), "guard.queue_wait = 200 ms")
        same("by the outcome", pgweir.lookups()[("refused", "queue_wait")], 1)
        release()
        one.read_until("Z")
        same("the session goes on", second.rows("SELECT 3"), [["3"]])


@scenario
def refused_by_the_extended_protocol(stage):
    """In one batch, and message by message: an error, all up to Sync is skipped, and the session goes on."""
    with stage.pgweir(guard_limit=1, guard_queue_max=0) as pgweir, blocker(stage.plain) as release:
        one, second = occupy(stage, pgweir), pgweir.session()
        for messages in (wire.select("SELECT 1") + wire.sync(), wire.parse("SELECT 1", "named") + wire.flush() + wire.describe("S", "named") + wire.sync(),
                         wire.function_call(1598, []), wire.query("SELECT '" + "x" * 100_000 + "'")):
           
            second.send(messages)
            kinds = [message.kind for message in second.read_until("Z")]
            same("kinds of messages", kinds, ["E", "Z"])
        second.send(wire.parse("SELECT 1") + wire.flush())
        same("an error before Sync", second.read_until("E")[-1].kind, "E")
        second.send(wire.execute() + wire.terminate())
        second.read_until("closed")
        release()
        one.read_until("Z")


@scenario
def cancel_of_what_waits(stage):
    with stage.pgweir(guard_limit=1) as pgweir, blocker(stage.plain) as release:
        one, second, third = occupy(stage, pgweir), pgweir.session(), pgweir.session()
        for session, messages in ((second, wire.query("SELECT 2")), (third, wire.parse("SELECT 3") + wire.flush())):
            session.send(messages)
            queued(pgweir, 1)
            session.cancel()
            fields = wire.error_fields(session.read_until("E")[-1].body)
            same("SQLSTATE", (fields["C"], fields["M"]), ("57014", "canceling statement due to user request"))
            queued(pgweir, 0)
        third.send(wire.sync())
        for session in (second, third):
            session.read_until("Z")
        release()
        one.read_until("Z")
        same("the sessions go on", [second.rows("SELECT 2"), third.rows("SELECT 3")], [[["2"]], [["3"]]])


@scenario
def statement_timeout_of_what_waits(stage):
    """PostgreSQL cannot end it, since it does not have it."""
    stage.plain.sql("DROP TABLE IF EXISTS part; CREATE TABLE part (id int PRIMARY KEY)")
    with stage.pgweir(guard_limit=1) as pgweir, blocker(stage.plain) as release:
        second = pgweir.session()
        second.rows("SET statement_timeout = '300ms'")
        second.rows("SELECT count(*) FROM part")
        one = occupy(stage, pgweir)
        fields = refused(second, "SELECT max(id) FROM part")
        same("SQLSTATE", (fields["C"], fields["M"]), ("57014", "canceling statement due to statement timeout"))
        release()
        one.read_until("Z")
        second.rows("SET statement_timeout = 0")
        same("the session goes on", second.rows("SELECT max(id) FROM part"), [[None]])


@scenario
def old_reply_instead_of_a_refusal(stage):
    """Where the rule allows it."""
    stage.plain.sql("DROP TABLE IF EXISTS price; CREATE TABLE price (id int PRIMARY KEY, amount int); INSERT INTO price VALUES (1, 100)")
    sql = "SELECT amount FROM price WHERE id = 1 /* pgweir: ttl=50ms {} */"
    accepting, strict = sql.format("stale_if_error=1h"), sql.format("")
    with stage.pgweir(guard_limit=1, guard_queue_max=0) as pgweir, blocker(stage.plain) as release:
        session = pgweir.session()
        for text in (accepting, strict):
            wait_until("a hit", lambda text=text: session.rows(text) and any(outcome == "hit" for outcome, _ in pgweir.lookups()))
        one = occupy(stage, pgweir)
        wait_until("an old reply", lambda: session.rows(accepting) == [["100"]] and pgweir.metric("pgweir_stale_if_error_total") >= 1)
        wait_until("its ttl to end", lambda: refused_or_rows(session, strict) == "53300")
        release()
        one.read_until("Z")


def refused_or_rows(session, sql):
    try:
        return session.rows(sql)
    except wire.ServerError as error:
        return error.fields["C"]


@scenario
def one_that_waits_for_another_that_waits(stage):
    """All places are taken by statements that wait for a lock; whose holder waits here. It is let in all the same."""
    with stage.pgweir(guard_limit_min=1, guard_limit_max=4) as pgweir:
        holder, other = pgweir.session(), pgweir.session()
        holder.rows(f"SELECT pg_advisory_lock({LOCK})")
        other.send(wire.query(f"SELECT pg_advisory_xact_lock({LOCK}) /* other */"))
        waits_for(stage.plain, "%other */%", "advisory")
        same("let in", holder.rows(f"SELECT pg_advisory_unlock({LOCK})"), [["t"]])
        other.read_until("Z")
        holds("it had to wait", pgweir.metric("pgweir_guard_waited_total") >= 1)


@scenario
def slow_client_keeps_nobody_waiting(stage):
    """PostgreSQL waits for the client then: reading a large result, and writing a COPY."""
    stage.plain.sql("DROP TABLE IF EXISTS copied; CREATE TABLE copied (id int)")
    with stage.pgweir(guard_limit=1) as pgweir:
        slow, writer, other = pgweir.session(), pgweir.session(), pgweir.session()
        slow.send(wire.query("SELECT repeat('x', 1000) FROM generate_series(1, 100000)"))
        waits_for(stage.plain, "%repeat%", "ClientWrite")
        same("beside a result that nobody reads", other.rows("SELECT 1"), [["1"]])
        writer.send(wire.query("COPY copied FROM STDIN"))
        writer.read_until("G")
        same("beside a COPY", other.rows("SELECT 2"), [["2"]])
        writer.send(wire.copy_data(b"1\n") + wire.copy_done())
        writer.read_until("Z")
        same("copied", other.rows("SELECT id FROM copied"), [["1"]])
        rows = [item for item in slow.read_until("Z") if item.kind == "D"]
        same("the result", len(rows), 100000)


@scenario
def limit_by_reload(stage):
    with stage.pgweir(guard_limit=1) as pgweir, blocker(stage.plain) as release:
        one, second = occupy(stage, pgweir), pgweir.session()
        second.send(wire.query("SELECT 2"))
        queued(pgweir, 1)
        pgweir.reload(guard_limit=2)
        second.read_until("Z")
        same("the limit", pgweir.metric("pgweir_guard_limit"), 2)
        release()
        one.read_until("Z")


@scenario
def shown_in_the_console(stage):
    with stage.pgweir(guard_limit=7) as pgweir:
        session = pgweir.raw()
        session.login({"user": "postgres", "database": "pgweir"})
        [row] = session.rows("SHOW GUARD")
        same("limit and whether it adapts", row[:2], ["7", "no"])
        same("in the status", pgweir.status()["guard"]["limit"], 7)


@scenario
def one_query_for_each_expiry(stage):
    """A heavy aggregate that everybody asks for, again and again after its ttl."""
    stage.plain.sql("DROP TABLE IF EXISTS sales; CREATE TABLE sales AS SELECT i AS id, i % 7 AS shop FROM generate_series(1, 100000) i")
    sql = "SELECT shop, count(*) FROM sales GROUP BY shop ORDER BY shop /* pgweir: ttl=1s */"
    wanted = [[str(shop), str(len(range(shop or 7, 100001, 7)))] for shop in range(7)]
    with stage.pgweir(guard_limit=4, guard_queue_wait="60s", cache_fill_wait="60s", cache_ttl_jitter=0, cache_early_refresh=0) as pgweir:
        sessions = [pgweir.session() for _ in range(256)]
        sessions[0].rows(sql)
        before, wrong, begin = pgweir.lookups(), [], time.monotonic()

        def ask(session):
            while time.monotonic() < begin + 5:
                if session.rows(sql) != wanted:
                    wrong.append(session)

        threads = [threading.Thread(target=ask, args=(session,)) for session in sessions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        lasted = time.monotonic() - begin
        after = pgweir.lookups()
        same("wrong answers", wrong, [])
        asked = {key: count - before.get(key, 0) for key, count in after.items()}
        expired = asked.get(("miss", "expired"), 0)
        holds(f"{expired} fills in {lasted:.1f} s with a ttl of 1 s", 2 <= expired <= lasted + 1)
        holds(f"nobody else asks PostgreSQL for it: {asked}", not any(count for (outcome, _), count in asked.items() if outcome in ("bypass", "refused")))


@scenario
def off_and_on_under_load(stage):
    """Switched off, all that had hit goes to PostgreSQL: no more at once than the limit. Switched on, it hits again."""
    stage.plain.sql("DROP TABLE IF EXISTS item; CREATE TABLE item AS SELECT i AS id, i * 3 AS price FROM generate_series(1, 500) i; "
                    "ALTER TABLE item ADD PRIMARY KEY (id)")
    with stage.pgweir(guard_limit=3, cache_ttl="1h") as pgweir, wire.Connection(stage.plain.host, stage.plain.port, "postgres") as watcher:
        sessions = [pgweir.session() for _ in range(48)]
        done, wrong, most = threading.Event(), [], [0]

        def ask(session, seed):
            number = seed
            while not done.is_set():
                number = (number * 7 + 1) % 500
                if session.rows(f"SELECT price FROM item WHERE id = {number + 1}") != [[str(3 * number + 3)]]:
                    wrong.append(number)

        def watch():
            while not done.is_set():
                [[active]] = watcher.rows("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' "
                                          "AND backend_type = 'client backend' AND pid <> pg_backend_pid()")
                most[0] = max(most[0], int(active))

        def outcome(name, reason=None):
            return sum(count for (found, why), count in pgweir.lookups().items() if found == name and reason in (None, why))

        threads = [threading.Thread(target=ask, args=(session, seed)) for seed, session in enumerate(sessions)]
        threads.append(threading.Thread(target=watch))
        for thread in threads:
            thread.start()
        try:
            wait_until("hits", lambda: outcome("hit") > 2000)
            same("off", command(stage, "off", "--connect", f"127.0.0.1:{pgweir.port}"), 0)
            wait_until("statements passed on", lambda: outcome("bypass", "off") > 1000)
            hits = outcome("hit")
            wait_until("more of them", lambda: outcome("bypass", "off") > 2000)
            same("hits meanwhile", outcome("hit"), hits)
            same("shown", (pgweir.status()["cache_is_off"], pgweir.metric("pgweir_cache_off")), (True, 1))
            same("on", command(stage, "on", "--connect", f"127.0.0.1:{pgweir.port}"), 0)
            wait_until("hits again", lambda: outcome("hit") > hits + 2000)
        finally:
            done.set()
            for thread in threads:
                thread.join()
        same("wrong answers", wrong, [])
        holds(f"at most 3 at once, and there were {most[0]}", most[0] <= 3)
        holds("some had to wait", pgweir.metric("pgweir_guard_waited_total") > 100)


def command(stage, *arguments):
    return subprocess.run([stage.binary, *arguments], check=False, timeout=60).returncode
