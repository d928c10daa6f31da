"""SET pgweir.explain = on: notices come between the messages of a reply, and change nothing else."""

import os
import subprocess

import psycopg

from scratch import wire
from serve.scenario import holds, same, scenario

ON = "SET pgweir.explain = on"
READ = "SELECT name FROM told WHERE id = $1"
SCHEMA = "CREATE TABLE IF NOT EXISTS told (id int PRIMARY KEY, name text)"
ROWS = "TRUNCATE told; INSERT INTO told SELECT i, 'name ' || i FROM generate_series(1, 2000) i"


def prepared(number):
    return wire.bind([str(number)], "s") + wire.execute()


# What a client sends in one go, up to its last ReadyForQuery; how many of these come, and how many statements count.
TALKS = [
    ("simple", wire.query("SELECT name FROM told WHERE id = 1"), 1, 1),
    ("empty", wire.query(""), 1, 1),
    ("several in one", wire.query("SELECT 1; SELECT name FROM told WHERE id = 2"), 1, 1),
    ("error", wire.query("SELECT 1/0 FROM told"), 1, 1),
    ("prepared", wire.parse(READ, "s", [23]) + wire.sync() + prepared(3) + wire.sync(), 2, 1),
    ("the same batch again and again", (prepared(3) + wire.sync()) * 5, 5, 5),
    ("several in a batch", b"".join(prepared(n) for n in range(5)) + wire.sync(), 1, 5),
    ("error within a batch", prepared(4) + wire.select("SELECT 1/0 FROM told") + prepared(5) + wire.sync(), 1, 3),
    ("batches and queries", (wire.query("SELECT count(*) FROM told") + prepared(6) + wire.sync()) * 3, 6, 6),
    ("flush", wire.select(READ, ["7"], types=[23]) + wire.flush() + prepared(8) + wire.flush() + wire.sync(), 1, 2),
    ("part of a portal", wire.bind(["9"], "s", "p") + wire.execute("p", 1) + wire.close("P", "p") + wire.sync(), 1, 1),
    ("copy out", wire.query("COPY told TO STDOUT"), 1, 1),
    ("copy in", wire.query("COPY told FROM STDIN") + wire.copy_data(b"3000\tcopied\n") + wire.copy_done(), 1, 1),
    ("copy that fails", wire.query("COPY told FROM STDIN") + wire.copy_fail("no"), 1, 1),
    ("large", wire.query("SELECT repeat(name, 100) FROM told") + prepared(10) + wire.sync(), 2, 2),
    ("a block", b"".join(wire.query(sql) for sql in ("BEGIN", "SELECT name FROM told WHERE id = 1", "SELECT 1/0", "ROLLBACK")), 4, 4),
    ("notices of PostgreSQL's own", wire.query("DO 'BEGIN RAISE NOTICE ''mine''; END'"), 1, 1),
    ("function call", wire.function_call(89, []), 1, 1),
]


def is_told(item):
    return item.kind == "N" and wire.error_fields(item.body)["M"].startswith("pgweir: ")


def talk(session, sent, readies):
    session.send(sent)
    return [item for _ in range(readies) for item in session.read_ready()]


@scenario
def notices_between_messages(stage):
    """Without them each reply is the one that a client that has not asked for them gets."""
    stage.plain.sql(SCHEMA)
    with stage.pgweir() as pgweir:
        told, plain = pgweir.session(), pgweir.session()
        told.rows(ON)
        for name, sent, readies, statements in TALKS:
            replies = []
            for session in (plain, told):
                stage.plain.sql(ROWS)
                replies.append(talk(session, sent, readies))
            without, with_notices = replies
            same(f"{name}: replies", [(m.kind, m.body) for m in with_notices if not is_told(m)],
                 [(m.kind, m.body) for m in without])
            same(f"{name}: notices", sum(map(is_told, with_notices)), statements)
            holds(f"{name}: nobody else is told", not any(map(is_told, without)))
            holds(f"{name}: the last is ReadyForQuery", with_notices[-1].kind == "Z")


@scenario
def notices_come_before_the_reply(stage):
    """Of each statement that is sent by itself, hit, miss or passed through."""
    stage.plain.sql(f"{SCHEMA}; {ROWS}")
    with stage.pgweir(cache_ttl="1h") as pgweir:
        told = pgweir.session()
        told.rows(ON)
        told.send(wire.parse(READ, "s", [23]), wire.sync())
        told.read_ready()
        outcomes = set()
        for sent in [prepared(1) + wire.sync(), wire.query("SELECT name FROM told WHERE id = 2"), wire.query("SELECT random() FROM told")] * 4:
            reply = talk(told, sent, 1)
            notices = [index for index, item in enumerate(reply) if is_told(item)]
            same("place of the notice", notices, [0])
            fields = wire.error_fields(reply[0].body)
            same("severity and code", (fields["S"], fields["V"], fields["C"]), ("NOTICE", "NOTICE", "00000"))
            outcomes.add(fields["M"].split(",")[0].split(" (")[0])
        holds(f"outcomes: {outcomes}", outcomes >= {"pgweir: hit", "pgweir: bypass: volatile_function"})


@scenario
def notices_amid_a_stream(stage):
    """Replies that follow one another without a pause, cut anywhere by the network: each has its own notice first."""
    stage.plain.sql(f"{SCHEMA}; {ROWS}")
    sent = [wire.query(f"SELECT repeat(name, 100), random() < 2 FROM told WHERE id <= {rows}") for rows in (2000, 1) * 20]
    with stage.pgweir() as pgweir:
        told = pgweir.session()
        told.rows(ON)
        told.send(*sent)
        for number in range(len(sent)):
            reply = told.read_ready()
            same(f"places of notices in reply {number}", [i for i, item in enumerate(reply) if is_told(item)], [0])
            same(f"rows of reply {number}", sum(item.kind == "D" for item in reply), 1 if number % 2 else 2000)


@scenario
def notices_in_psycopg(stage):
    """Pipelines, server-side cursors, COPY and prepared statements go on as they would."""
    stage.plain.sql(f"{SCHEMA}; {ROWS}")
    with stage.pgweir() as pgweir, psycopg.connect(
            f"host=127.0.0.1 port={pgweir.port} user=postgres dbname=postgres options='-c pgweir.explain=on'", autocommit=True) as connection:
        texts = []
        connection.add_notice_handler(lambda notice: texts.append(notice.message_primary))
        for _ in range(3):
            with connection.pipeline():
                cursors = [connection.execute(READ.replace("$1", "%s"), (n,), prepare=True) for n in range(1, 40)]
            same("rows of a pipeline", [c.fetchone()[0] for c in cursors], [f"name {n}" for n in range(1, 40)])
        holds("a notice for each", len(texts) >= 117)
        holds(f"all are pgweir's: {set(texts)}", all(text.startswith("pgweir: ") for text in texts))
        with connection.transaction(), connection.cursor(name="slow") as cursor:
            cursor.itersize = 300
            cursor.execute("SELECT id FROM told ORDER BY id")
            same("rows of a cursor", len(cursor.fetchall()), 2000)
        with connection.cursor().copy("COPY told TO STDOUT") as copy:
            same("rows of COPY", sum(1 for _ in copy.rows()), 2000)
        texts.clear()
        for _ in range(8):
            connection.execute("SELECT name FROM told WHERE id = 7")
        holds(f"hits are told: {texts}", any(text.startswith("pgweir: hit, expires in ") for text in texts))


@scenario
def notices_in_psql(stage):
    stage.plain.sql(f"{SCHEMA}; {ROWS}")
    with stage.pgweir() as pgweir:
        environment = {**os.environ, "PGOPTIONS": "-c pgweir.explain=on"}
        command = ["psql", "-XAtq", "-h", "127.0.0.1", "-p", str(pgweir.port), "-U", "postgres", "postgres"]
        script = "SELECT name FROM told WHERE id = 1;\n" * 5 + "\\set VERBOSITY verbose\nSELECT now() IS NULL FROM told WHERE id = 1;\n"
        ended = subprocess.run(command, input=script, capture_output=True, text=True, timeout=60, env=environment, check=True)
        same("rows", ended.stdout, "name 1\n" * 5 + "f\n")
        for said in ("NOTICE:  pgweir: hit, expires in ", "DETAIL:  template: ", "reads: public.told", "rows: public.told: id = 1",
                     "in its key: database postgres, user postgres", "NOTICE:  00000: pgweir: bypass: volatile_function (now)"):
            holds(f"{said}: {ended.stderr}", said in ended.stderr)
