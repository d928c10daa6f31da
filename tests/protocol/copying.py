"""COPY FROM STDIN that fails before, while and after it reads, with everything sent at once: which Syncs
PostgreSQL answers depends on how far it has read."""

import socket

from protocol.scenario import scenario
from scratch.wire import (bind, copy_data, copy_done, copy_fail, execute, flush, parse, query, select, sync)

POINT = "SELECT name FROM item WHERE id = $1"
SETUP = "CREATE OR REPLACE VIEW item_view AS SELECT id, name FROM item"
UNREAD = "COPY item_view FROM STDIN"  # a view: refused after CopyInResponse, before any data is read
READ = "COPY note FROM STDIN"
GOOD, BAD = copy_data(b"1\tone\n"), copy_data(b"x\tone\n")
TABLES = (UNREAD, READ)


def extended(sql):
    return parse(sql) + bind() + execute()


def behind():
    """Groups that must find their own replies, whatever has become of the COPY."""
    write = select("UPDATE item SET price = price + 1 WHERE id = 60") + sync()
    read = select("SELECT price FROM item WHERE id = 60") + sync()
    return read + write + read + query("SELECT price FROM item WHERE id = 60")


def play(stage, *pipelines):
    stage.session("setup").query(SETUP)
    for number, pipeline in enumerate(pipelines):
        a = stage.session(f"a{number}")
        a.query("SELECT price FROM item WHERE id = 60")
        if a.end(pipeline):
            a.ask(select("SELECT price FROM item WHERE id = 60"), sync())


@scenario()
def extended_copy_with_sync_before_its_data(stage):
    """P B E S d c S: where COPY has not read, both Syncs are answered."""
    play(stage, *(extended(table) + sync() + data + end + sync() + more
                  for table in TABLES for data in (GOOD, BAD, GOOD + BAD, b"") for end in (copy_done(), copy_fail("enough"))
                  for more in (b"", behind())))


@scenario()
def extended_copy_with_many_syncs(stage):
    play(stage, *(extended(table) + sync() + sync() + flush() + data + sync() + data + copy_done() + sync() + more
                  for table in TABLES for data in (GOOD, BAD) for more in (b"", sync() + sync() + behind())))


@scenario()
def extended_copy_with_sync_after_its_data(stage):
    play(stage, *(select(POINT, ["1"]) + extended(table) + data + copy_done() + sync() + behind()
                  for table in TABLES for data in (GOOD, BAD)))


@scenario(split=False)
def extended_copy_without_its_end(stage):
    """The next statement ends the session, if COPY gets to read it."""
    play(stage, *(extended(table) + more + behind() for table in TABLES for more in (b"", sync(), sync() + sync())))


@scenario()
def simple_copy_with_syncs(stage):
    play(stage, *(query(table) + sync() + data + sync() + copy_done() + sync() + behind()
                  for table in TABLES for data in (GOOD, BAD, b"")))


@scenario(split=False)
def simple_copy_without_its_end(stage):
    play(stage, *(query(table) + data + behind() for table in TABLES for data in (b"", BAD, sync() + BAD)))


@scenario()
def copy_behind_copy(stage):
    play(stage, *(extended(first) + sync() + BAD + copy_done() + sync() + extended(second) + sync() + BAD + copy_done() + sync()
                  + behind() for first in TABLES for second in TABLES),
         *(query(f"{first}; {second}") + GOOD + copy_done() + sync() + GOOD + copy_done() + behind()
           for first in TABLES for second in TABLES))


@scenario(split=False)
def copy_that_is_waited_for(stage):
    """As libpq does it: data follows CopyInResponse, and an error is seen late."""
    stage.session("setup").query(SETUP)
    for table in TABLES:
        for number, tail in enumerate((BAD + copy_done() + sync(), copy_fail("enough") + sync())):
            a = stage.session(f"a{number}")
            a.send(extended(table), sync())
            a.until("G")
            a.end(tail, behind())


@scenario(split=False)
def copy_of_a_client_that_sends_no_more(stage):
    """It still gets every ReadyForQuery, and the error of a COPY that lacks its end."""
    stage.session("setup").query(SETUP)
    for number, pipeline in enumerate(start + data + end for start in (extended(UNREAD) + sync(), extended(READ) + sync(),
                                                                      query(UNREAD), query(READ))
                                      for data in (GOOD, BAD, b"") for end in (b"", copy_done(), copy_done() + sync())):
        a = stage.session(f"a{number}")
        a.send(pipeline)
        a.connection.socket.shutdown(socket.SHUT_WR)
        a.until("closed")
