"""The extended protocol: names, portals, row limits, errors, any order of messages."""

import random
import struct

from protocol.scenario import scenario
from scratch.wire import (bind, close, describe, execute, flush, function_call, parse, query, select, sync)

INT4, TEXT, NUMERIC = 23, 25, 1700
POINT = "SELECT id, name, price, added FROM item WHERE id = $1"


def binary_int(value):
    return struct.pack("!i", value)


@scenario(hits=True)
def unnamed_statement(stage):
    a = stage.session()
    for key in ("1", "2", "1", "1"):
        a.ask(select(POINT, [key]), sync())


@scenario(hits=True)
def named_statement(stage):
    a = stage.session()
    a.ask(parse(POINT, "point"), describe("S", "point"), sync())
    for key in ("3", "4", "3", "3", None):
        a.ask(bind([key], "point"), execute(), sync())
    a.ask(bind(["3"], "point"), describe("P"), execute(), close("S", "point"), sync())
    a.ask(bind(["3"], "point"), execute(), sync())


@scenario(hits=True)
def constants_of_a_statement_stay_as_they_were_read(stage):
    """A statement prepared under one DateStyle, run under another, among others that were read under that one."""
    a, b = stage.session(), stage.session("b", DateStyle="German")
    day = "SELECT id FROM item WHERE added = '02/03/2024'"
    for session in (a, b, a, b):
        session.query(day)
    a.ask(parse(day, "day"), sync())
    a.ask(bind([], "day"), execute(), sync())
    for statement in ("SET DateStyle = German", "RESET DateStyle", "BEGIN; SET LOCAL DateStyle = German; COMMIT"):
        a.query(statement)
        for _ in range(3):
            a.ask(bind([], "day"), execute(), sync())
            a.query(day)


@scenario(hits=True)
def duplicate_name_is_an_error(stage):
    a = stage.session()
    a.ask(parse(POINT, "point"), sync())
    a.ask(parse("SELECT 1", "point"), bind([], "point"), execute(), sync())
    a.ask(bind(["5"], "point"), execute(), sync())
    a.ask(bind(["5"], "point", "p"), bind(["5"], "point", "p"), execute("p"), sync())


@scenario(hits=True)
def formats(stage):
    """Text and binary parameters and results, one for all and one for each."""
    a = stage.session()
    for _ in range(2):
        a.ask(select(POINT, ["7"], types=[INT4]), sync())
        a.ask(select(POINT, [binary_int(7)], types=[INT4], formats=[1]), sync())
        a.ask(select(POINT, ["7"], types=[INT4], result_formats=[1]), sync())
        a.ask(select(POINT, ["7"], types=[INT4], result_formats=[0, 1, 0, 1]), sync())
        a.ask(select(POINT, [binary_int(7)], types=[INT4], formats=[1], result_formats=[0]), sync())
    a.ask(select(POINT, [b"\0\1"], types=[INT4], formats=[1]), sync())
    a.ask(select(POINT, ["7"], types=[INT4], result_formats=[0, 1]), sync())
    a.ask(select(POINT, ["7", "8"]), sync())


@scenario()
def parameter_types_are_part_of_the_question(stage):
    a = stage.session()
    for _ in range(2):
        for type_oid in (0, INT4, 20, NUMERIC):
            a.ask(parse("SELECT name, $1 AS echo FROM item WHERE id = $1", types=[type_oid]), describe("S"),
                  bind(["8"]), describe("P"), execute(), sync())
    a.ask(parse("SELECT name FROM item WHERE id = $1", types=[TEXT]), bind(["8"]), execute(), sync())


@scenario()
def describe_in_every_place(stage):
    a = stage.session()
    for _ in range(3):
        a.ask(parse(POINT), describe("S"), bind(["9"]), execute(), sync())
        a.ask(parse(POINT), bind(["9"]), describe("P"), describe("P"), describe("S"), execute(), sync())
        a.ask(parse(POINT), bind(["9"]), execute(), describe("P"), sync())
        a.ask(parse(POINT), describe("S"), sync())
        a.ask(parse(POINT), bind(["9"]), describe("P"), sync())
    a.ask(describe("S", "nothing"), sync())
    a.ask(describe("P", "nothing"), sync())
    a.ask(parse("INSERT INTO note VALUES ($1, 'x')"), describe("S"), bind(["1"]), describe("P"), execute(), sync())


@scenario()
def row_limits_and_resumed_portals(stage):
    a = stage.session()
    wanted = "SELECT id, name FROM item WHERE id <= 10 ORDER BY id"
    for limit in (3, 5, 10, 11, 0, 1):
        resumes = [execute("", limit) for _ in range(4)]
        a.ask(parse(wanted), bind(), describe("P"), *resumes, sync())
    a.ask(query("BEGIN"))
    a.ask(parse(wanted, "s"), bind([], "s", "p"), execute("p", 4), sync())
    a.ask(select(POINT, ["1"]), sync())
    a.ask(execute("p", 4), sync())
    a.ask(execute("p", 0), execute("p", 0), close("P", "p"), execute("p", 1), sync())
    a.ask(query("ROLLBACK"))
    a.ask(bind([], "s", "p"), execute("p", 2), sync())
    a.ask(execute("p", 2), sync())


@scenario()
def executing_twice(stage):
    a = stage.session()
    a.ask(parse(POINT), bind(["11"]), execute(), execute(), sync())
    a.ask(parse(POINT), bind(["11"]), execute(), bind(["12"]), execute(), sync())
    a.ask(parse(POINT), bind(["11"]), bind(["12"]), execute(), sync())
    a.ask(parse("INSERT INTO note VALUES (1, 'twice')"), bind(), execute(), execute(), sync())


@scenario()
def flush_before_sync(stage):
    a = stage.session()
    for _ in range(3):
        a.send(parse(POINT), describe("S"), flush())
        a.until("T", "E")
        a.send(bind(["13"]), describe("P"), flush())
        a.until("T", "E")
        a.send(execute(), flush())
        a.until("C", "E")
        a.ask(sync())
        a.send(flush(), flush())
        a.ask(sync())


@scenario(hits=True)
def pipeline_of_hits_and_misses(stage):
    """Replies keep the order of the questions."""
    a = stage.session()
    for key in ("20", "22"):
        a.ask(select(POINT, [key]), sync())
    for round_number in range(3):
        messages = []
        for key in range(18, 26):
            messages.append(select(POINT, [str(key)]))
            if key % 3 == round_number:
                messages.append(sync())
        count = sum(message == sync() for message in messages)
        a.send(*messages, sync())
        a.ready(count + 1)


@scenario(hits=True)
def pipeline_with_writes_between(stage):
    a = stage.session()
    price = "SELECT price FROM item WHERE id = $1"
    for _ in range(2):
        a.ask(select(price, ["30"]), sync())
    for _ in range(2):
        write = select("UPDATE item SET price = price + 1 WHERE id = 30")
        a.send(select(price, ["30"]), write, select(price, ["30"]), sync(), select(price, ["30"]), sync())
        a.ready(2)
        a.send(select(price, ["30"]), sync(), write, sync(), select(price, ["30"]), sync(), query("SELECT price FROM item WHERE id = 30"))
        a.ready(4)


@scenario(hits=True)
def error_skips_up_to_sync(stage):
    a = stage.session()
    a.ask(select(POINT, ["31"]), sync())
    bad = select("SELECT 1 / (id - id) FROM item WHERE id = $1", ["31"])
    a.send(select(POINT, ["31"]), bad, select(POINT, ["31"]), describe("S"), sync(), select(POINT, ["31"]), sync())
    a.ready(2)
    a.send(parse("SELEC"), select(POINT, ["31"]), sync(), select(POINT, ["31"]), sync())
    a.ready(2)
    a.send(select(POINT, ["x"]), select(POINT, ["31"]), sync(), select(POINT, ["31"]), sync())
    a.ready(2)
    a.send(select("INSERT INTO note VALUES (77, 'undone')"), bad, sync(), query("SELECT * FROM note WHERE id = 77"))
    a.ready(2)
    a.send(bad, query("SELECT 'skipped'"), sync())
    a.ready(1)


@scenario()
def simple_query_destroys_the_unnamed_statement(stage):
    a = stage.session()
    a.ask(parse(POINT), sync())
    a.ask(bind(["32"]), execute(), sync())
    a.query("SELECT name FROM item WHERE id = 32")
    a.ask(bind(["32"]), execute(), sync())
    a.ask(parse(POINT), bind(["32"]), sync())
    a.ask(execute(), sync())
    a.ask(parse(POINT), bind(["32"]), query("SELECT name FROM item WHERE id = 32"))
    a.ask(execute(), sync())


@scenario()
def failed_parse_destroys_the_unnamed_statement(stage):
    a = stage.session()
    a.ask(select(POINT, ["33"]), sync())
    a.ask(parse("SELEC"), sync())
    a.ask(bind(["33"]), execute(), sync())
    a.ask(parse(POINT), bind(["33"]), close("S"), execute(), sync())
    a.ask(bind(["33"]), execute(), sync())


@scenario()
def close_in_every_place(stage):
    a = stage.session()
    a.ask(close("S", "none"), close("P", "none"), close("S"), close("P"), sync())
    a.ask(parse(POINT, "s"), bind(["34"], "s", "p"), close("S", "s"), execute("p"), sync())
    a.ask(parse(POINT, "s"), bind(["34"], "s", "p"), execute("p"), close("P", "p"), execute("p"), sync())
    a.ask(parse("SELECT name FROM item WHERE id = 34", "s"), sync())
    a.ask(close("S", "s"), parse("SELECT price FROM item WHERE id = 34", "s"), bind([], "s"), execute(), sync())


@scenario(hits=True)
def empty_and_several_statements(stage):
    a = stage.session()
    for text in ("", ";", "-- only a comment", ";;SELECT name FROM item WHERE id = 35;;"):
        a.ask(parse(text), bind(), describe("P"), execute(), sync())
        a.query(text)
    a.ask(parse("SELECT 1; SELECT 2"), sync())
    a.query("SELECT name FROM item WHERE id = 35; INSERT INTO note VALUES (2, 'b'); SELECT name FROM item WHERE id = 36")
    a.query("SELECT name FROM item WHERE id = 35; SELECT 1/0; SELECT name FROM item WHERE id = 36")


@scenario(hits=True)
def transaction_over_the_extended_protocol(stage):
    a = stage.session()
    a.ask(select(POINT, ["37"]), sync())
    a.ask(select("BEGIN"), select(POINT, ["37"]), sync())
    a.ask(select(POINT, ["37"]), sync())
    a.ask(select("SELECT 1/0"), sync())
    a.ask(select(POINT, ["37"]), sync())
    a.ask(select("ROLLBACK"), sync())
    a.ask(select("BEGIN"), select("UPDATE item SET name = name WHERE id = 37"), select(POINT, ["37"]), select("COMMIT"),
          select(POINT, ["37"]), sync())


@scenario()
def function_calls(stage):
    """The old F message: int4pl, a null, a function that does not exist."""
    a = stage.session()
    two = [binary_int(40), binary_int(2)]
    a.ask(function_call(177, two, [1], 1))
    a.ask(function_call(177, [b"40", b"2"], [0], 0))
    a.ask(function_call(177, [binary_int(40), None], [1], 1))
    a.ask(function_call(1, [], [], 0))
    a.query("SELECT name FROM item WHERE id = 1")


def random_message(choose):
    statements = (
        POINT, "SELECT count(*) FROM item WHERE id > $1", "SELECT name FROM item ORDER BY id LIMIT 7", "SELECT $1::int",
        "INSERT INTO note VALUES ($1, 'random')", "UPDATE item SET price = price + 1 WHERE id = $1", "SELECT 1 / 0",
        "SELECT body FROM note ORDER BY id, body", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT x", "ROLLBACK TO x", "nonsense",
    )
    name, portal = choose.choice(("", "", "s1", "s2")), choose.choice(("", "", "p1", "p2"))
    text = choose.choice(statements)
    values = [str(choose.randrange(1, 6))] if "$1" in text else []
    return choose.choice((
        lambda: parse(text, name),
        lambda: parse(text) + bind(values, portal=portal) + describe("P", portal) + execute(portal),
        lambda: select(POINT, [str(choose.randrange(1, 6))]) + sync(),
        lambda: bind(values, name, portal),
        lambda: bind([str(choose.randrange(1, 6))], name, portal),
        lambda: describe("S", name),
        lambda: describe("P", portal),
        lambda: execute(portal, choose.choice((0, 0, 1, 3))),
        lambda: close("S", name),
        lambda: close("P", portal),
        flush,
        sync,
        sync,
        lambda: query(text if "$1" not in text else "SELECT name FROM item WHERE id = 2"),
    ))()


@scenario()
def any_order(stage):
    """Random sequences of messages, most of them nonsense, from fixed seeds."""
    for seed in range(40):
        choose = random.Random(seed)
        a = stage.session()
        a.end(*[random_message(choose) for _ in range(40)])
        a.connection.close()
