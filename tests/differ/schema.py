"""Tables whose types, roles and shapes are traps for a cache, from a seed."""

# Values that are equal to PostgreSQL though they are not the same bytes, or the other way round.
TYPES = {
    "int": ["1", "2", "42", "-7"],
    "numeric": ["1", "1.0", "1.00", "42", "1e3"],
    "float8": ["0.1", "'-0'", "0", "'NaN'", "1e300"],
    "text": ["'a'", "'A'", "'042'", "''", "'ä'"],
    "char(5)": ["'a'", "'a  '", "'A'"],
    "text COLLATE blind": ["'a'", "'A'", "'b'"],
    "timestamptz": ["'2024-03-31 01:30+00'", "'2024-03-31 03:30+02'", "'2024-02-01 00:00'", "'infinity'"],
    "timestamp": ["'2024-01-02 03:04:05'", "'2024-12-31'", "'01/02/2024'"],
    "date": ["'2024-01-02'", "'2024-02-01'", "'01/02/2024'"],
    "interval": ["'1 day'", "'24 hours'", "'1 month 2 days 03:04:05'", "'1-2 3'"],
    "bytea": [r"'\x00ff'", r"'\x61'", "'a'"],
    "bool": ["true", "false"],
    "mood": ["'sad'", "'ok'", "'happy'"],
    "positive": ["1", "2", "42"],
    "int[]": ["'{1,2}'", "'{}'", "'[0:1]={1,2}'"],
    "jsonb": ["""'{"a": 1}'""", "'[1.0, 1]'"],
    "uuid": ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "'A0EEBC999C0B4EF8BB6D6BB9BD380A11'"],
    "varbit": ["B'101'", "B'1010'"],
    "inet": ["'10.0.0.1'", "'10.0.0.1/32'", "'10.0.0.0/8'"],
}
ROLES = ["postgres", "alice", "bob"]
TABLES = ["plain_a", "plain_b", "parted", "parent"]
SMALL = ["secured", "granted"]  # id and v
READABLE = TABLES + ["child", "only_view", "changing_view", "secured", "granted", "other.plain_a"]
ROWS = 12

# Of the cluster, once.
ROLES_SQL = "CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; GRANT bob TO alice"

BEFORE = """
CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE SCHEMA other;
GRANT USAGE ON SCHEMA other TO PUBLIC;
GRANT ALL ON SCHEMA public TO PUBLIC;
CREATE TABLE marker (id int PRIMARY KEY, v int);
INSERT INTO marker VALUES (1, 0);
"""
AFTER = """
CREATE VIEW only_view AS SELECT a.*, b.id AS other_id FROM plain_a AS a JOIN plain_b AS b USING (id);
CREATE VIEW changing_view AS SELECT id FROM plain_a WHERE id < 6;
CREATE TABLE secured (id int PRIMARY KEY, owner text, v int);
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secured USING (owner = current_user);
INSERT INTO secured SELECT i, CASE i % 2 WHEN 0 THEN 'alice' ELSE 'bob' END, i FROM generate_series(1, 12) AS i;
CREATE TABLE granted (id int PRIMARY KEY, v int);
INSERT INTO granted SELECT i, i FROM generate_series(1, 12) AS i;
CREATE TABLE other.plain_a (id int PRIMARY KEY, c0 text, c1 int);
INSERT INTO other.plain_a SELECT i, 'other', i FROM generate_series(1, 12) AS i;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, other TO alice, bob;
REVOKE ALL ON granted, parted FROM bob;
CREATE FUNCTION rewrite(which int) RETURNS int LANGUAGE plpgsql AS
  $$BEGIN UPDATE granted SET v = v + 10 WHERE id = which; RETURN which; END$$;
CREATE FUNCTION on_parent() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
  $$BEGIN UPDATE public.granted SET v = v + 100 WHERE id = 1; RETURN NULL; END$$;
CREATE TRIGGER counted AFTER UPDATE ON parent FOR EACH STATEMENT EXECUTE FUNCTION on_parent();
"""


def columns(random):
    """{table: [type of c0, c1, …]}; parents and children, partitions have the same."""
    return {table: random.sample(list(TYPES), random.randint(3, 6)) for table in TABLES}


def values(random, types):
    return ", ".join("NULL" if random.random() < 0.1 else random.choice(TYPES[t]) for t in types)


def create_tables(random, shape):
    """The SQL that makes and fills the tables."""
    sql = []
    for table, types in shape.items():
        body = ", ".join(["id int PRIMARY KEY"] + [f"c{i} {t}" for i, t in enumerate(types)])
        sql.append(f"CREATE TABLE {table} ({body})" + (" PARTITION BY RANGE (id)" if table == "parted" else ""))
        if table == "parted":
            sql.append("CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (MINVALUE) TO (6)")
            sql.append("CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (6) TO (MAXVALUE)")
        if table == "parent":
            sql.append("CREATE TABLE child (extra int, PRIMARY KEY (id)) INHERITS (parent)")
            sql += [f"INSERT INTO child VALUES ({100 + i}, {values(random, types)}, {i})" for i in range(ROWS)]
        sql += [f"INSERT INTO {table} VALUES ({i}, {values(random, types)})" for i in range(ROWS)]
    return ";\n".join(sql) + ";\n"


def create(random, shape):
    """The SQL that makes and fills the schema."""
    return BEFORE + create_tables(random, shape) + AFTER
