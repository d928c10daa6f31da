"""A database of its own for each test, set up by pgweir, and what its change stream says."""

import json
import os
import struct
import subprocess

import psycopg

from scratch.process import ROOT

PUBLICATIONS = "pgweir_rows,pgweir_inserts"


class Database:
    """Use as a context manager: created empty, dropped at the end with the slot that it may have."""

    def __init__(self, cluster, name, preset, role="pgweir"):
        self.cluster = cluster
        self.name = name
        self.role = role
        self.binary = os.environ.get("PGWEIR", ROOT / "build" / preset / "pgweir")
        self.connections = []

    def __enter__(self):
        self.cluster.sql(f'CREATE DATABASE "{self.name}" TEMPLATE template0')
        return self

    def __exit__(self, *_):
        for connection in self.connections:
            connection.close()
        self.cluster.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}'")
        self.cluster.sql(f"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '{self.name}'")
        self.cluster.sql(f'DROP DATABASE "{self.name}" WITH (FORCE)')

    def url(self, user="postgres"):
        return f"postgres://{user}@{self.cluster.host}:{self.cluster.port}/{self.name}"

    def connect(self, user="postgres", **options):
        connection = psycopg.connect(self.url(user), **{"autocommit": True, "prepare_threshold": None, **options})
        self.connections.append(connection)
        return connection

    def command(self, *arguments):
        """Exit status and output of `pgweir setup --url … arguments`."""
        words = [str(self.binary), "setup", "--url", self.url(), *arguments]
        result = subprocess.run(words, capture_output=True, text=True, timeout=300)
        return result.returncode, result.stdout + result.stderr

    def apply(self):
        status, output = self.command("--apply", "--role", self.role)
        assert status == 0, output
        return output

    def status(self, *arguments):
        """Exit status, promise, codes of what is missing, codes of advice."""
        status, output = self.command("--status", "--format", "json", *(arguments or ("--role", self.role)))
        report = json.loads(output)
        codes = {advice: [f["code"] for f in report["findings"] if f["advice"] == advice] for advice in (False, True)}
        return status, report["promise"], codes[False], codes[True]

    def published(self):
        """{table: publication} of what pgweir's two publications name."""
        found = {}
        query = "SELECT tablename, pubname FROM pg_publication_tables WHERE pubname LIKE 'pgweir%'"
        for table, publication in self.rows(query):
            assert table not in found, f"{table} is in both publications"
            found[table] = publication.removeprefix("pgweir_")
        return found

    def rows(self, query, values=None):
        with psycopg.connect(self.url(), autocommit=True) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def mend(self):
        """Until nothing is left that can be done; returns what is left."""
        left = None
        while True:
            now = self.rows("SELECT pgweir.mend()")[0][0]
            if now in (0, left):
                return now
            left = now

    def follow(self):
        self.rows("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [self.name])

    def heard(self):
        """What the stream has said since follow() or the last call: (prefix, text) of each message, and the
        kind of each change of a row, as [("pgweir.ddl", "CREATE TABLE"), ("row", "I")]."""
        query = """SELECT data FROM pg_logical_slot_get_binary_changes(%s, NULL, NULL, 'proto_version', '1',
            'publication_names', %s, 'messages', 'true')"""
        said = []
        for (raw,) in self.rows(query, [self.name, PUBLICATIONS]):
            kind = raw[:1].decode()
            if kind == "M":
                prefix, rest = raw[10:].split(b"\0", 1)
                (size,) = struct.unpack("!I", rest[:4])
                said.append((prefix.decode(), rest[4 : 4 + size].decode()))
            elif kind in "IUDT":
                said.append(("row", kind))
        return said

    def tags(self):
        return [text for prefix, text in self.heard() if prefix == "pgweir.ddl"]

    def lost(self):
        return [text for prefix, text in self.heard() if prefix == "pgweir.lost"]
