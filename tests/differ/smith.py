"""sqlsmith's statements: what of them pgweir may cache is asked until it hits, and compared with the direct reply.

Most of what sqlsmith makes of all that PostgreSQL has cannot be cached: functions that are not IMMUTABLE, polymorphic
nulls, samples. So it is shown a database whose catalogs tell of little else than what can; the statements then run in
another, with the same tables."""

import collections
import random
import re
import subprocess

from differ.schema import TYPES, create_tables, values
from differ.story import Admin
from scratch import wire
from scratch.pair import Differs, Pair
from scratch.process import run

USER = "pgweir"
SHOWN, DATABASE = "smith_shown", "smith"
TABLES = ["plain_a", "plain_b", "parted", "parent"]
BUILT_IN = [t for t in TYPES if t not in ("mood", "positive", "text COLLATE blind")]
COLUMNS = 6
ASKED_MAX = 5  # times that a statement may miss, or be passed, until it hits
ASKED_AGAIN = 10  # statements that are asked again after a write
CANCELED = "57014"

# What may pass: of a statement that may be cached, for reasons that end.
PASSING = {"held", "in_flight", "not_followed", "stream_behind", "catalog_unknown", "settings_unknown"}
HITS_MIN = 0.9  # of those eligible
ELIGIBLE_MIN = 0.3  # of all reads

# sqlsmith leaves out functions that return trigger; its own questions need some.
HIDE_SQL = """
SET allow_system_table_mods = on;
CREATE TEMP TABLE odd AS SELECT oid FROM pg_type
  WHERE typtype = 'p' OR typname ~ '^_?(timetz|reg|aclitem|xml|xid|cid|tid|pg_|char$|oidvector|int2vector|txid_)';
UPDATE pg_proc AS p SET prorettype = 'trigger'::regtype
  WHERE proname NOT IN ('version', 'format', 'quote_ident', 'current_database', 'set_config', 'current_setting',
    'format_type', 'array_agg', 'unnest', 'pg_get_expr', 'pg_get_constraintdef', 'has_schema_privilege', 'has_table_privilege')
  AND (p.prorettype IN (SELECT oid FROM odd) OR EXISTS (SELECT FROM pg_proc AS o WHERE o.proname = p.proname
    AND (o.provolatile <> 'i' OR o.proargtypes::oid[] && ARRAY(SELECT oid FROM odd))));
DELETE FROM pg_operator WHERE oprleft IN (SELECT oid FROM odd) OR oprright IN (SELECT oid FROM odd)
  OR oprresult IN (SELECT oid FROM odd);
"""
# The rest of what cannot be cached, and sqlsmith likes much.
INSTEAD = [(re.compile(r" tablesample \w+ \([0-9.]+\)"), ""), (re.compile(r"pg_catalog\.current_database\(\)"), "cast('d' as name)"),
           (re.compile(r"pg_catalog\.version\(\)"), "cast('v' as text)")]
READ = re.compile(r"(select|with)\b", re.IGNORECASE)


def generate(cluster, seed, count):
    """sqlsmith's statements over tables that the cluster gets, and changes of these to go with them."""
    source = random.Random(seed)
    shape = {table: source.sample(BUILT_IN, COLUMNS) for table in TABLES}
    sql = create_tables(source, shape)
    cluster.sql(f"CREATE DATABASE {SHOWN}")
    cluster.sql(sql, SHOWN)
    cluster.sql(f"CREATE DATABASE {DATABASE} TEMPLATE {SHOWN}")
    cluster.sql(HIDE_SQL, SHOWN)
    command = ["sqlsmith", f"--target=host={cluster.host} port={cluster.port} user=postgres dbname={SHOWN}"]
    text = run([*command, "--exclude-catalog", "--dry-run", f"--seed={seed}", f"--max-queries={count}"])
    for pattern, other in INSTEAD:
        text = pattern.sub(other, text)
    statements = [statement.strip() for statement in re.split(r";\s*\n(?=\S)", text)]
    return [(statement, change(source, shape)) for statement in statements if statement]


def change(source, shape):
    table, i = source.choice(TABLES), source.randrange(COLUMNS)
    return f"UPDATE {table} SET c{i} = {values(source, [shape[table][i]])} WHERE id % 3 = {source.randrange(3)}"


class Smith:
    """Use as a context manager."""

    def __init__(self, cluster, proxy):
        self.proxy = proxy
        cluster.sql("CREATE TABLE marker (id int PRIMARY KEY, v int); INSERT INTO marker VALUES (1, 0);"
                    "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO alice", DATABASE)
        if proxy.counts:
            url = f"postgres://postgres@{cluster.host}:{cluster.port}/{DATABASE}"
            run([proxy.binary, "setup", "--url", url, "--role", USER, "--apply"])
        self.admin = Admin(cluster, proxy, DATABASE)
        self.pair = Pair(cluster, proxy, DATABASE, "alice", {"statement_timeout": "1s"})
        self.lookups = proxy.lookups()
        self.with_rows = {}  # the last statements whose hits had rows, in this order
        self.counts = collections.Counter()
        self.bypassed = collections.Counter()

    def __enter__(self):
        self.admin.settle()
        return self

    def __exit__(self, *_):
        self.pair.close()
        self.admin.close()

    def tell(self, sql, change_of_tables):
        if READ.match(sql):
            self.read(sql)
            return
        self.counts["writes"] += 1
        for write in (sql, change_of_tables):  # the first often fails, or changes nothing
            self.pair.ask_side(1, [(write, wire.query(write))])
        self.admin.settle()
        for again in list(self.with_rows):
            self.read(again)

    def read(self, sql):
        self.counts["reads"] += 1
        named = [(sql, wire.query(sql))]
        (own,) = self.pair.ask_side(0, named)
        self.lookups = self.proxy.lookups()
        filled = None
        for _ in range(ASKED_MAX):
            (reply,) = self.pair.ask_side(1, named)
            outcome, reason = self._outcome()
            if CANCELED in (sqlstate(own), sqlstate(reply)):
                self.counts["took too long"] += 1
                return
            if outcome == "bypass" and reason not in PASSING:
                self.bypassed[reason] += 1
                return
            self._compare(named, own, reply, filled if outcome == "hit" else None)
            if sqlstate(reply):
                self.counts["failed alike"] += 1
                return
            if outcome == "hit":
                self.counts["eligible"] += 1
                self.counts["hits"] += 1
                if any(item.kind == "D" for item in reply):
                    self.counts["hits with rows"] += 1
                    self.with_rows[sql] = True
                    if len(self.with_rows) > ASKED_AGAIN:
                        del self.with_rows[next(iter(self.with_rows))]
                return
            filled = reply
        self.counts["eligible"] += 1

    def _outcome(self):
        before, self.lookups = self.lookups, self.proxy.lookups()
        return next((key for key, count in self.lookups.items() if count > before.get(key, 0)), ("bypass", "not counted"))

    def _compare(self, named, own, reply, filled):
        """Without an order rows may come in any, with a limit they may be any; but a hit is what filled it."""
        if filled is not None:
            self.pair.compare(named, [filled], [reply])
        if reply == own or sqlstate(own) or sqlstate(reply):
            self.pair.compare(named, [own], [reply])
            return
        self.counts["in another order"] += 1
        if "limit" not in named[0][0].lower():
            self.pair.compare(named, [sorted(own)], [sorted(reply)])


def sqlstate(reply):
    return next((wire.error_fields(item.body)["C"] for item in reply if item.kind == "E"), None)


def judge(smith):
    counts = smith.counts
    good = counts["hits"] >= HITS_MIN * counts["eligible"] and counts["eligible"] >= ELIGIBLE_MIN * counts["reads"]
    print(f"{'ok  ' if good or not smith.proxy.counts else 'FAIL'} sqlsmith: " + ", ".join(f"{n} {what}" for what, n in counts.items())
          + f"; at least {ELIGIBLE_MIN} of the reads must be eligible, and {HITS_MIN} of those hit")
    print("     bypassed: " + ", ".join(f"{why} {n}" for why, n in smith.bypassed.most_common()))
    return good or not smith.proxy.counts


def check(cluster, proxy, seed, count):
    """Whether everything agreed, and enough hit."""
    statements = generate(cluster, seed, count)
    with Smith(cluster, proxy) as smith:
        try:
            for sql, change_of_tables in statements:
                smith.tell(sql, change_of_tables)
        except Differs as error:
            print(f"FAIL sqlsmith, --seed {seed}: {error}")
            return False
    return judge(smith)
