"""The ways in which a session's settings change. Each is a story told to a Teller (see session.py): statements, and
where the probes are asked. x is the setting, a and b two values that are not its own."""

from scratch import wire

WAYS = {}
SET_CONFIG_OID = 2078
FAILS = "SELECT 1 / (gone - 7) FROM amount WHERE id = 2"


def way(name, runs_code=False):
    """runs_code: of users, so that pgweir cannot tell what it did."""

    def register(function):
        function.runs_code = runs_code
        WAYS[name] = function
        return function

    return register


@way("SET")
def plain(teller, x, a, b):
    teller.do(x.set(a)).probe()
    teller.do(x.set(b)).probe()


# What stands behind SET in one pipeline is not read, and so may be anything: hence runs_code.
@way("SET, extended, in one pipeline with the probes", runs_code=True)
def pipelined(teller, x, a, b):
    for value in (a, b):
        sql = x.set(value)
        teller.probe(first=[(sql, wire.select(sql) + wire.sync())])


@way("SET in a transaction")
def in_transaction(teller, x, a, b):
    teller.do("BEGIN", x.set(a)).probe(in_transaction=True)
    teller.do(x.set(b), "COMMIT").probe()


@way("SET LOCAL")
def local(teller, x, a, b):
    teller.do(x.set(b), "BEGIN", x.set(a, "LOCAL ")).probe(in_transaction=True)
    teller.do("COMMIT").probe()


@way("SET LOCAL, COMMIT AND CHAIN")
def chained(teller, x, a, b):
    teller.do("BEGIN", x.set(a, "LOCAL "), "COMMIT AND CHAIN").probe(in_transaction=True)
    teller.do(x.set(b), "ROLLBACK AND CHAIN").probe(in_transaction=True)
    teller.do("COMMIT").probe()


@way("SET LOCAL without a transaction")
def local_alone(teller, x, a, b):
    del b
    teller.do(x.set(a, "LOCAL ")).probe()


@way("SET and another statement in one query")
def beside(teller, x, a, b):
    teller.do(f"{x.set(a)}; SELECT 1; {x.set(b)}").probe()
    teller.do(f"BEGIN; {x.set(a)}; COMMIT; SELECT 1").probe()


@way("set_config in a select list")
def select_list(teller, x, a, b):
    teller.do(f"SELECT {x.config(a)}").probe()
    teller.do(f"SELECT m.id, {x.config(b)} AS now FROM moment m ORDER BY id").probe()


@way("set_config, local")
def local_config(teller, x, a, b):
    teller.do(f"SELECT {x.config(b, 'true')}", "BEGIN", f"SELECT {x.config(a, 'true')}").probe(in_transaction=True)
    teller.do("COMMIT").probe()


@way("set_config with parameters")
def parameters(teller, x, a, b):
    for value in (a, b):
        body = wire.select("SELECT pg_catalog.set_config($1, $2, $3)", [x.name, value, "f"]) + wire.sync()
        teller.ask(f"set_config({x.name}, {value}), extended", body).probe()


@way("set_config in a CTE")
def cte(teller, x, a, b):
    teller.do(f"WITH s AS (SELECT {x.config(a)} AS now) SELECT now FROM s").probe()
    teller.do(f"WITH s AS MATERIALIZED (SELECT {x.config(b)} AS now) SELECT id FROM moment, s WHERE now IS NOT NULL").probe()


@way("set_config in a condition")
def condition(teller, x, a, b):
    teller.do(f"SELECT id FROM moment WHERE {x.config(a)} IS NOT NULL").probe()
    teller.do(f"SELECT count(*) FROM (VALUES (1)) v (n) HAVING {x.config(b)} <> ''").probe()


@way("set_config called by the protocol")
def called(teller, x, a, b):
    del b
    body = wire.function_call(SET_CONFIG_OID, [x.name.encode(), a.encode(), b"f"])
    teller.ask(f"function call set_config({x.name}, {a})", body).probe()


@way("set_config in COPY")
def copied(teller, x, a, b):
    teller.do(f"COPY (SELECT {x.config(a)}) TO STDOUT").probe()
    teller.do(f"COPY (SELECT {x.config(b)}) TO STDOUT").probe()


@way("set_config in EXPLAIN ANALYZE")
def explained(teller, x, a, b):
    teller.do(f"EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT {x.config(a)}").probe()
    teller.do(f"EXPLAIN SELECT {x.config(b)}", x.set(b)).probe()


@way("set_config in a cursor", runs_code=True)
def cursor(teller, x, a, b):
    declare = f"DECLARE c CURSOR FOR SELECT {x.config(a)} UNION ALL SELECT {x.config(b)}"
    teller.do("BEGIN", declare, "FETCH 1 FROM c").probe(in_transaction=True)
    teller.do("COMMIT").probe()


@way("set_config in a portal")
def portal(teller, x, a, b):
    sql = f"SELECT {x.config(a)} UNION ALL SELECT {x.config(b)}"
    teller.do("BEGIN")
    teller.ask(f"{sql}, in a portal, one row", wire.parse(sql, "u") + wire.bind(statement="u", portal="p") +
               wire.execute("p", 1) + wire.sync()).probe(in_transaction=True)
    teller.ask("the rest of the portal", wire.execute("p") + wire.sync()).do("COMMIT").probe()


@way("PREPARE and EXECUTE", runs_code=True)
def executed(teller, x, a, b):
    teller.do(f"PREPARE change_it (text) AS SELECT set_config('{x.name}', $1, false)")
    teller.do(f"EXECUTE change_it ('{a}')").probe()
    teller.do(f"EXECUTE change_it ('{b}')").probe()


@way("a function", runs_code=True)
def function(teller, x, a, b):
    teller.do(f"SELECT change('{x.name}', '{a}')").probe()
    teller.do(f"SELECT id FROM moment WHERE change_stably('{x.name}', '{b}') <> ''").probe()


@way("a function with a SET clause", runs_code=True)
def function_clause(teller, x, a, b):
    del a, b
    teller.do(f"SELECT {x.function}()").probe()
    teller.do(f"SELECT {x.function}_for_good()").probe()


@way("a procedure that commits", runs_code=True)
def procedure(teller, x, a, b):
    del b
    teller.do(f"CALL change_and_commit('{x.name}', '{a}')").probe()


@way("DO", runs_code=True)
def do_block(teller, x, a, b):
    teller.do(f"DO $$BEGIN {x.set(a)}; END$$").probe()
    inner = f"BEGIN PERFORM {x.config(b)}; RAISE 'undone'; EXCEPTION WHEN raise_exception THEN NULL; END"
    teller.do(f"DO $$BEGIN {inner}; END$$").probe()


@way("a trigger", runs_code=True)
def trigger(teller, x, a, b):
    del b
    teller.do(f"INSERT INTO made_by_trigger VALUES ('{x.name}', '{a}')").probe()


@way("RESET")
def reset(teller, x, a, b):
    teller.do(x.set(a), x.set(b), f"RESET {x.name}").probe()
    teller.do(x.set(a), f"SET {x.name} TO DEFAULT").probe()


@way("RESET ALL")
def reset_all(teller, x, a, b):
    teller.do(x.set(a)).probe()
    teller.do(x.set(b), "RESET ALL").probe()


@way("DISCARD ALL")
def discard_all(teller, x, a, b):
    teller.do(x.set(a)).probe()
    teller.do(x.set(b), "DISCARD ALL").probe()


@way("ROLLBACK")
def rollback(teller, x, a, b):
    teller.do(x.set(a), "BEGIN", x.set(b)).probe(in_transaction=True)
    teller.do("ROLLBACK").probe()


@way("a failed transaction")
def failed(teller, x, a, b):
    teller.do(x.set(a), "BEGIN", x.set(b), FAILS).probe(in_transaction=True)
    teller.do("COMMIT").probe()


@way("a failed query")
def failed_query(teller, x, a, b):
    teller.do(x.set(a), f"{x.set(b)}; {FAILS}").probe()


@way("a failed pipeline", runs_code=True)
def failed_pipeline(teller, x, a, b):
    teller.do(x.set(a))
    teller.ask(f"{x.set(b)}, then what fails, in one pipeline", wire.select(x.set(b)) + wire.select(FAILS) + wire.sync()).probe()


@way("ROLLBACK TO SAVEPOINT")
def rollback_to(teller, x, a, b):
    teller.do("BEGIN", x.set(a), "SAVEPOINT s", x.set(b)).probe(in_transaction=True)
    teller.do("ROLLBACK TO s").probe(in_transaction=True)
    teller.do("COMMIT").probe()


@way("ROLLBACK TO SAVEPOINT after a failure")
def rollback_to_failed(teller, x, a, b):
    teller.do("BEGIN", "SAVEPOINT s", x.set(a), FAILS, "ROLLBACK TO s").probe(in_transaction=True)
    teller.do(x.set(b), "SAVEPOINT t", x.set(a), "RELEASE t", "COMMIT").probe()


@way("a statement prepared before")
def prepared_before(teller, x, a, b):
    teller.prepare()
    for value in (a, b):
        teller.do(x.set(value)).execute().execute()
    teller.do(f"RESET {x.name}").execute().execute()
