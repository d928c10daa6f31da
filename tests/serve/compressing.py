"""Replies that are kept compressed are the same replies."""

from scratch import wire
from scratch.process import ScratchDirectory, wait_until
from serve.scenario import holds, same, scenario

# Of every size and kind: small, long, what gets smaller and what does not, none, wide, NULL.
STATEMENTS = [
    "SELECT * FROM compress_rows WHERE n = 1",
    "SELECT * FROM compress_rows WHERE n < 200 ORDER BY n",
    "SELECT * FROM compress_rows ORDER BY n",
    "SELECT n, noise FROM compress_rows WHERE n < 50 ORDER BY n",
    "SELECT n, NULL AS nothing, v FROM compress_rows WHERE n < 100 ORDER BY n DESC",
    "SELECT * FROM compress_rows WHERE n < 0",
    "SELECT string_agg(v, ' ' ORDER BY n) FROM compress_rows",
]


def make_rows(stage):
    stage.plain.sql("DROP TABLE IF EXISTS compress_rows;"
                    "CREATE TABLE compress_rows (n int PRIMARY KEY, v text NOT NULL, noise bytea NOT NULL);"
                    "INSERT INTO compress_rows SELECT n, 'a product of the list, number ' || n,"
                    " decode(repeat(md5(n::text || random()), 2), 'hex') FROM generate_series(1, 3000) n")


def replies(pgweir, result):
    return pgweir.metric("pgweir_compression_replies_total", result=result)


def expanded(pgweir):
    return pgweir.metric("pgweir_compression_expanded_total")


@scenario
def compressed_replies_are_the_same(stage):
    make_rows(stage)
    with stage.pgweir(cache_compression_cpu=1, cache_ttl="1h") as pgweir, \
            wire.Connection(stage.plain.host, stage.plain.port, "postgres") as direct:
        session = pgweir.session()
        for round_ in ("first", "second"):
            for sql in STATEMENTS:
                wanted = direct.rows(sql)
                for ask in range(3):
                    holds(f"{sql}, {round_} {ask}: as directly", session.rows(sql) == wanted)
            session.rows("UPDATE compress_rows SET v = v || ' more' WHERE n % 2 = 0")
        holds(f"compressed: {replies(pgweir, 'compressed')}", replies(pgweir, "compressed") >= 6)
        holds("small ones were not", replies(pgweir, "too_small") >= 1)
        holds(f"answers from them: {expanded(pgweir)}", expanded(pgweir) >= 12)
        holds("memory was saved", pgweir.metric("pgweir_compression_stored_bytes_total") <
              pgweir.metric("pgweir_compression_reply_bytes_total") / 2)
        same("damaged", pgweir.metric("pgweir_compression_unreadable_total"), 0)


@scenario
def compressed_replies_come_back_from_the_disk(stage):
    stage.plain.sql("DROP TABLE IF EXISTS compress_wide; CREATE TABLE compress_wide (n int PRIMARY KEY, v text NOT NULL);"
                    "INSERT INTO compress_wide SELECT n, string_agg(md5((n * 25013 + i)::text), '-' ORDER BY i)"
                    " FROM generate_series(1, 130) n, generate_series(1, 25000) i GROUP BY n")
    settings = {"cache_memory": "64MiB", "cache_ttl": "1h", "cache_compression_cpu": 1, "cache_disk_admission": "all",
                "cache_disk_size_bytes": "256MiB", "cache_disk_write_bytes_per_second": "1GiB"}
    with ScratchDirectory("disk") as directory, \
            stage.pgweir(cache_disk_path=directory / "store", **settings) as pgweir:
        wait_until("the disk", lambda: pgweir.metric("pgweir_disk_used") == 1)
        session = pgweir.session()
        seen = {}

        def read_all():
            for n in range(1, 131):
                value = session.rows(f"SELECT v FROM compress_wide WHERE n = {n}")[0][0]
                holds(f"row {n} is the same as ever", seen.setdefault(n, value) == value)
            return pgweir.metric("pgweir_disk_reads_total", end="found")

        read_all()
        wait_until("replies from the disk", lambda: read_all() > 20)
        holds("they differ", len(set(seen.values())) == len(seen))
        same("damaged", pgweir.metric("pgweir_compression_unreadable_total"), 0)
        holds(f"answers from compressed ones: {expanded(pgweir)}", expanded(pgweir) > 20)


@scenario
def compression_may_be_switched_by_a_reload(stage):
    make_rows(stage)
    sql = STATEMENTS[1]
    with stage.pgweir(cache_compression_cpu=1, cache_ttl="1h") as pgweir:
        session = pgweir.session()
        wanted = session.rows(sql)
        session.rows(sql)
        before = replies(pgweir, "compressed")
        holds("it was compressed", before >= 1)
        pgweir.reload(cache_compression_cpu=0, cache_ttl="1h")
        holds("what is compressed still answers", session.rows(sql) == wanted)
        for other in STATEMENTS[2:]:
            session.rows(other)
        same("and nothing more is", replies(pgweir, "compressed"), before)
