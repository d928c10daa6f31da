"""Questions whose answers depend on settings, asked in the simple and in the extended protocol, in text and binary."""

from scratch import wire

TEXT, DATE, FLOAT8 = 25, 1082, 701

# Statement, or statement and parameters as (type oid, value).
PROBES = [
    "SELECT at, stamp, day, clock, span FROM moment ORDER BY id",
    "SELECT at::text, day::text, span::text FROM moment WHERE id = 1",
    "SELECT id FROM moment WHERE day = '02/03/2024'",
    "SELECT id FROM moment WHERE at < '2024-07-01 01:00' ORDER BY id",
    "SELECT id FROM moment WHERE at < '2024-03-10 13:00 EST' ORDER BY id",
    "SELECT id FROM moment WHERE span = '1-2 3 4:05:06' ORDER BY id",
    "SELECT min(at), max(at), max(span) FROM moment",
    "SELECT ratio, small, exact, price, raw, parts FROM amount ORDER BY id",
    "SELECT ratio::text, price::text, row(ratio, raw), raw::text FROM amount WHERE id = 1",
    "SELECT id FROM amount WHERE raw = 'ab'",
    "SELECT count(*) FROM amount WHERE gone = NULL",
    "SELECT id, '{NULL,1}'::text[] FROM amount WHERE id = 1",
    r"SELECT id, 'a\nb' AS literal FROM phrase WHERE body = 'a\nb'",
    r"SELECT E'it\'s' AS quoted, id FROM phrase WHERE id = 1",
    "SELECT accents FROM phrase ORDER BY id",
    "SELECT document FROM phrase WHERE id = 1",
    "SELECT '<a/>text'::xml::text FROM phrase WHERE id = 1",
    "SELECT xmlelement(name x, '\\xdead'::bytea) FROM phrase WHERE id = 1",
    "SELECT id FROM phrase WHERE body @@ 'the run' ORDER BY id",
    "SELECT to_tsvector(body) FROM phrase WHERE id = 1",
    "SELECT label FROM placed",
    "SELECT m.at, p.label, a.ratio FROM moment m JOIN amount a USING (id) JOIN placed p USING (id)",
    "SELECT id, day, ratio FROM seen",
    "SELECT id FROM heap WHERE id BETWEEN 2 AND 9",
    "SELECT id FROM heap WHERE id > 0",
    "SELECT other, count(*) FROM heap GROUP BY other",
    "SELECT DISTINCT tag FROM heap",
    "SELECT h.id, t.id FROM heap h JOIN twin t ON t.heap_id = h.id WHERE h.other < 3",
    "SELECT id FROM sliced",
    "SELECT id FROM tenant_row ORDER BY id",
    "SELECT count(*) FROM only_other",
    "SELECT 1 / (gone - 7) FROM amount WHERE id = 2",
    ("SELECT id, at FROM moment WHERE day = $1", [(DATE, "02/03/2024")]),
    ("SELECT id, day FROM moment WHERE day::text = $1", [(TEXT, "2024-02-03")]),
    ("SELECT ratio, $1::float8 FROM amount WHERE ratio < $1", [(FLOAT8, "0.30000000000000010")]),
]


def messages():
    """[(what it is, its messages)], each with one ReadyForQuery for an answer. In text, a statement without parameters
    has one entry for both protocols."""
    asked = []
    for probe in PROBES:
        sql, parameters = (probe, []) if isinstance(probe, str) else probe
        values, types = [value for _, value in parameters], [oid for oid, _ in parameters]
        text = wire.select(sql, values, types=types) + wire.sync() if parameters else wire.query(sql)
        binary = wire.select(sql, values, types=types, result_formats=(1,)) + wire.sync()
        asked += [(f"{sql} ({'text' if parameters else 'simple'})", text), (f"{sql} (binary)", binary)]
    return asked
