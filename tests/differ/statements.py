"""Random statements over the schema, from a seed: reads that mostly can be cached, writes, settings, DDL."""

import struct

from differ.schema import READABLE, ROLES, ROWS, SMALL, TABLES, TYPES, values
from scratch import wire

SETTINGS = {
    "DateStyle": ["'ISO, MDY'", "'SQL, DMY'", "'German'", "'Postgres, MDY'"],
    "TimeZone": ["'UTC'", "'Europe/Berlin'", "'America/New_York'"],
    "IntervalStyle": ["'postgres'", "'iso_8601'", "'sql_standard'", "'postgres_verbose'"],
    "extra_float_digits": ["1", "0", "-5"],
    "bytea_output": ["'hex'", "'escape'"],
    "search_path": ["public", "other, public", "public, other"],
    "transform_null_equals": ["on", "off"],
    "client_encoding": ["'UTF8'", "'LATIN1'"],
    "row_security": ["on", "off"],
}
# What is done and what takes it back, whichever of the two comes first.
DDL = [
    ("GRANT SELECT ON granted TO bob", "REVOKE SELECT ON granted FROM bob"),
    ("REVOKE SELECT ON other.plain_a FROM alice, bob", "GRANT SELECT ON other.plain_a TO alice, bob"),
    ("ALTER TABLE granted ADD COLUMN IF NOT EXISTS more text DEFAULT 'm'", "ALTER TABLE granted DROP COLUMN IF EXISTS more"),
    ("ALTER TABLE granted ALTER COLUMN v TYPE bigint", "ALTER TABLE granted ALTER COLUMN v TYPE int"),
    ("CREATE TABLE IF NOT EXISTS other.plain_b AS SELECT 1 AS id, 'shadow' AS c0", "DROP TABLE IF EXISTS other.plain_b"),
    ("CREATE OR REPLACE VIEW changing_view AS SELECT id FROM plain_b WHERE id > 2",
     "CREATE OR REPLACE VIEW changing_view AS SELECT id FROM plain_a WHERE id < 6"),
    ("ALTER TABLE secured DISABLE ROW LEVEL SECURITY", "ALTER TABLE secured ENABLE ROW LEVEL SECURITY"),
    ("ALTER TABLE parted DETACH PARTITION parted_2", "ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (6) TO (MAXVALUE)"),
    ("ALTER TABLE child NO INHERIT parent", "ALTER TABLE child INHERIT parent"),
    ("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'", "ALTER TYPE mood RENAME VALUE 'blue' TO 'sad'"),
    ("CREATE INDEX IF NOT EXISTS by_c0 ON plain_b (id DESC)", "DROP INDEX IF EXISTS by_c0"),
    ("TRUNCATE granted", "INSERT INTO granted SELECT i, i FROM generate_series(1, 12) AS i ON CONFLICT DO NOTHING"),
]
INT4 = 23
NO_EQUALITY_WITH_TEXT = ("mood", "jsonb")  # a value that is none of the type's is an error, which nothing keeps


class Read:
    """One way to ask: text, parameters, protocol (simple, extended, named) and formats."""

    def __init__(self, sql, parameters, protocol, binary=False, result_binary=False):
        self.sql, self.parameters, self.protocol = sql, parameters, protocol
        self.binary, self.result_binary = binary, result_binary

    def parse(self, name=""):
        return wire.parse(self.sql, name, types=[INT4] * len(self.parameters))

    def execute(self, name=""):
        packed = [struct.pack("!i", p) if self.binary else str(p) for p in self.parameters]
        bound = wire.bind(packed, statement=name, formats=[1] if self.binary and packed else [],
                          result_formats=[1] if self.result_binary else [])
        return bound + wire.describe("P") + wire.execute() + wire.sync()

    def message(self):
        return wire.query(self.sql) if self.protocol == "simple" else self.parse() + self.execute()

    def in_other_formats(self, random):
        protocol = random.choice(["extended", "named"] + ["simple"] * (not self.parameters))
        return Read(self.sql, self.parameters, protocol, random.random() < 0.5, not self.result_binary)

    def __repr__(self):
        how = f" ({self.protocol}, {self.parameters}, binary {self.binary:d}{self.result_binary:d})"
        return self.sql + ("" if self.protocol == "simple" else how)


class Generator:
    def __init__(self, random, shape):
        self.random, self.shape = random, shape

    def _key(self):
        """Of a row: some are asked for and changed more often, so that it is the same one."""
        return self.random.randrange(ROWS if self.random.random() < 0.4 else 3)

    def setting(self):
        chance = self.random.random()
        if chance < 0.4:
            return f"SET ROLE {self.random.choice(ROLES)}" if self.random.random() < 0.7 else "RESET ROLE"
        if chance < 0.5:
            return self.random.choice(["RESET ALL", "DISCARD ALL"])
        name = self.random.choice(list(SETTINGS))
        value = self.random.choice(SETTINGS[name])
        if chance < 0.6 and value[0] == "'":
            return f"SELECT set_config('{name}', {value}, false)"
        return f"SET {name} = {value}"

    def ddl(self):
        return self.random.choice(self.random.choice(DDL))

    def write(self):
        table = self.random.choice(TABLES + SMALL + ["child"])
        key = self._key()
        if table in SMALL:
            return self.random.choice([f"UPDATE {table} SET v = v + 1 WHERE id = {key}", f"SELECT rewrite({key})",
                                       f"DO $$BEGIN UPDATE {table} SET v = 0 WHERE id = {key}; END$$"])
        types = self.shape["parent" if table == "child" else table]
        kind = self.random.randrange(8)
        i = self.random.randrange(len(types))
        changed = f"c{i} = {values(self.random, [types[i]])}"
        if table == "child" or kind >= 4:
            where = f"id = {key + (100 if table == 'child' else 0)}" if kind != 5 else f"id % 3 = {key % 3}"
            return f"UPDATE {table} SET {changed} WHERE {where}"
        if kind == 0:
            return f"DELETE FROM {table} WHERE id = {key}"
        if kind == 1:
            return f"UPDATE {table} SET id = {(key + 5) % ROWS} WHERE id = {key}"
        if kind == 2:
            return f"WITH changed AS (UPDATE {table} SET {changed} WHERE id = {key} RETURNING id) SELECT count(*) FROM changed"
        return (f"INSERT INTO {table} VALUES ({key}, {values(self.random, types)})"
                + self.random.choice([" ON CONFLICT DO NOTHING", f" ON CONFLICT (id) DO UPDATE SET {changed}"]))

    def read(self):
        table = self.random.choice(READABLE)
        types = self.shape.get({"child": "parent", "only_view": "plain_a"}.get(table, table), [])
        where, parameters = self._where(types)
        protocol = self.random.choice(["extended", "named", "simple", "simple"])
        if parameters and protocol == "simple":
            protocol = "extended"
        sql = self._select(table, types, where, parameters)
        if self.random.random() < 0.1:
            sql = f"/* {self.random.random()} */ {sql}"
        return Read(sql, parameters, protocol, self.random.random() < 0.5, self.random.random() < 0.5)

    def _select(self, table, types, where, parameters):
        column = f"c{self.random.randrange(len(types))}" if types else "id"
        every = [
            f"SELECT count(*), max(id) FROM {table} {where}",
            f"SELECT * FROM (SELECT id, {column} AS v FROM {table} {where}) AS s ORDER BY id",
            f"SELECT * FROM {table} {where} ORDER BY id",
            f"SELECT {column}, count(*), min(id) FROM {table} {where} GROUP BY {column} ORDER BY 3",
            f"SELECT id, sum(id) OVER (ORDER BY id), lag(id) OVER (ORDER BY id) FROM {table} {where} ORDER BY id",
            f"WITH w AS (SELECT * FROM {table} {where}) SELECT count(*) FROM w AS x, w AS y WHERE x.id <= y.id",
            f"SELECT x FROM {table} AS x {where} ORDER BY id",
            f"SELECT id FROM {table} {where} UNION ALL SELECT id FROM plain_b WHERE id < 3 ORDER BY 1",
            f"SELECT id, 6 / (id - 3) FROM {table} {where} ORDER BY id",
        ]
        if types:
            every.append(f"SELECT id, {column}::text, coalesce({column}::text, '?') FROM {table} {where} ORDER BY 1, 2")
        if not parameters:
            every += [
                f"SELECT x.id, y.* FROM {table} AS x JOIN plain_b AS y ON x.id = y.id ORDER BY x.id, y.id",
                f"SELECT x.id, y.c0 FROM {table} AS x LEFT JOIN plain_b AS y ON x.id = y.id AND y.id = 4 WHERE x.id = 4",
                f"SELECT id FROM {table} AS x WHERE EXISTS (SELECT 1 FROM plain_b AS y WHERE y.id = x.id AND y.id > 5) ORDER BY id",
                f"SELECT id FROM {table} WHERE id NOT IN (SELECT id FROM plain_a WHERE id > 4) ORDER BY id LIMIT 5 OFFSET 1",
            ]
        return self.random.choice(every)

    def _where(self, types):
        kind = self.random.randrange(7)
        if kind == 0:
            return "", []
        if kind == 1 and types:
            i = self.random.randrange(len(types))
            if types[i] not in NO_EQUALITY_WITH_TEXT:
                return f"WHERE c{i} = {self.random.choice(TYPES[types[i]])}", []
        if kind == 2:
            return "WHERE id IN (1, 2, 103)", []
        key = self._key()
        if kind == 3:
            return f"WHERE id = {key} AND id < 9", []
        if kind == 4:
            return "WHERE id IN ($1, $2)", [key, key + 1]
        return ("WHERE id = $1", [key]) if kind > 5 else (f"WHERE id = {key}", [])
