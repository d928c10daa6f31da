"""What --status says in each state, and that --apply and --undo leave what they should."""

import json
import os
import re
import shutil
import signal
import subprocess

from scratch import wire
from scratch.cluster import Cluster
from scratch.process import SERVER_BIN, Child, ScratchDirectory, as_server_user, free_port, run, wait_until
from setup.database import Database

CATALOGS = ["pg_proc", "pg_event_trigger", "pg_publication", "pg_publication_rel", "pg_namespace", "pg_class",
            "pg_authid", "pg_database", "pg_description", "pg_shdescription", "pg_depend", "pg_shdepend"]


def catalogs(database):
    """Where each row of the catalogs is, and since which transaction."""
    return {name: database.rows(f"SELECT ctid::text, xmin::text FROM {name} ORDER BY 1") for name in CATALOGS}


def definitions(database):
    environment = {"PATH": os.environ["PATH"]}
    where = ["-h", database.cluster.host, "-p", database.cluster.port, "-U", "postgres"]
    dump = run([SERVER_BIN / "pg_dump", *where, "--schema-only", database.name], env=environment)
    roles = run([SERVER_BIN / "pg_dumpall", *where, "--globals-only"], env=environment)
    counts = [database.rows(f"SELECT count(*) FROM {name}") for name in CATALOGS]
    rights = database.rows("SELECT datacl::text FROM pg_database WHERE datname = current_database()")
    return re.sub(r"(?m)^\\(un)?restrict .*$", "", dump + roles), counts, rights


TABLES = "CREATE TABLE keyed (id int PRIMARY KEY); CREATE TABLE keyless (v int); CREATE UNLOGGED TABLE fleeting (v int)"


def test_apply_twice_and_undo(database):
    database.rows(TABLES)
    before = definitions(database)
    assert "role pgweir made" in database.apply()
    assert database.published() == {"keyed": "rows", "keyless": "inserts"}
    once = catalogs(database)
    assert database.apply() == f"{database.name}: nothing to do\n"
    status, script = database.command("--print", "--role", "pgweir")
    assert status == 0
    assert catalogs(database) == once
    status, output = database.command("--undo", "--role", "pgweir")
    assert status == 0 and "role pgweir dropped" in output, output
    assert definitions(database) == before
    assert database.command("--undo", "--role", "pgweir") == (0, f"{database.name}: nothing to do\n")
    assert definitions(database) == before


def psql(database, script):
    command = [SERVER_BIN / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database.url()]
    result = subprocess.run([str(part) for part in command], input=script, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr


def test_printed_scripts(database):
    database.rows(TABLES)
    before = definitions(database)
    for _ in range(2):
        psql(database, database.command("--role", database.role)[1])
        assert database.status()[:3] == (0, "full", [])
    assert database.command("--apply", "--role", database.role) == (0, f"{database.name}: nothing to do\n")
    psql(database, database.command("--print", "--undo", "--role", database.role)[1])
    assert definitions(database) == before
    database.rows("SELECT 1")


def test_a_role_of_many_databases(database):
    with Database(database.cluster, "neighbour", "release", role='Odd "role\'') as neighbour:
        neighbour.binary = database.binary
        database.role = neighbour.role
        database.apply()
        database.rows(f'REVOKE CONNECT ON DATABASE "{neighbour.name}" FROM PUBLIC')
        neighbour.apply()
        assert neighbour.status()[:3] == (0, "full", [])
        status, output = database.command("--undo", "--role", database.role)
        assert status == 0 and "stays" in output, output
        assert neighbour.status()[:3] == (0, "full", [])
        status, output = neighbour.command("--undo", "--role", database.role)
        assert status == 0 and "dropped" in output, output


def test_a_role_that_was_there(database):
    database.cluster.sql("CREATE ROLE theirs")
    database.role = "theirs"
    assert database.status()[2] == ["role_login", "role_replication", "not_set_up"]
    database.apply()
    assert database.status()[:3] == (0, "full", [])
    status, output = database.command("--undo", "--role", "theirs")
    assert status == 0 and "was there before" in output
    assert database.rows("SELECT count(*) FROM pg_roles WHERE rolname = 'theirs'") == [(1,)]
    database.cluster.sql("DROP ROLE theirs")


def test_status_in_each_state(database):
    database.rows(TABLES)
    advice = ["no_replica_identity", "identity_by_key", "unlogged"]
    assert database.status() == (1, "fences and TTL only", ["role_missing", "not_set_up"], advice)
    database.apply()
    assert database.status() == (0, "full", [], advice)
    states = {
        "ALTER EVENT TRIGGER pgweir_after_ddl DISABLE": "event_trigger_disabled",
        "ALTER EVENT TRIGGER pgweir_after_drop ENABLE": "event_trigger_disabled",
        "DROP EVENT TRIGGER pgweir_before_alter_table": "event_trigger_missing",
        "DROP PUBLICATION pgweir_inserts": "publication_missing",
        "ALTER PUBLICATION pgweir_rows SET (publish = 'insert')": "publication_altered",
        "ALTER PUBLICATION pgweir_rows SET (publish_via_partition_root = true)": "publication_altered",
        "ALTER ROLE pgweir NOREPLICATION": "role_replication",
        "ALTER ROLE pgweir NOLOGIN": "role_login",
        f'REVOKE CONNECT ON DATABASE "{database.name}" FROM PUBLIC': "role_connect",
        "REVOKE ALL ON FUNCTION pgweir.mend FROM pgweir": "role_mend",
        "REVOKE ALL ON SCHEMA pgweir FROM pgweir": "role_mend",
        "COMMENT ON SCHEMA pgweir IS 'pgweir setup of old'": "other_version",
    }
    for breaks, code in states.items():
        database.rows(breaks)
        status, promise, missing, _ = database.status()
        assert (status, promise, missing) == (1, "fences and TTL only", [code]), (breaks, missing)
        assert "nothing to do" not in database.apply()
        assert database.status() == (0, "full", [], advice), breaks
        assert database.published() == {"keyed": "rows", "keyless": "inserts"}, breaks
    assert "WAL" in database.command("--status")[1]


def test_tables_amiss(database):
    database.rows(TABLES)
    database.apply()
    for name in ("before_alter_table", "after_drop", "after_ddl"):
        database.rows(f"ALTER EVENT TRIGGER pgweir_{name} DISABLE")
    database.rows("CREATE TABLE unseen (v int); ALTER TABLE keyed DROP CONSTRAINT keyed_pkey")
    for name in ("before_alter_table", "after_drop", "after_ddl"):
        database.rows(f"ALTER EVENT TRIGGER pgweir_{name} ENABLE ALWAYS")
    status, promise, missing, advice = database.status()
    assert (status, promise, missing) == (1, "fences and TTL only", ["table_refuses_writes"])
    assert "table_not_published" in advice
    assert "published 0 tables with rows, 3 with inserts only" in database.apply()
    assert database.status()[:3] == (0, "full", [])


def test_refused(database):
    database.rows("CREATE SCHEMA pgweir")
    for what in ("--apply", "--undo"):
        status, output = database.command(what)
        assert status == 2 and "has not made" in output, output
    database.rows("DROP SCHEMA pgweir; CREATE PUBLICATION pgweir_rows FOR ALL TABLES")
    status, output = database.command("--apply")
    assert status == 2 and "FOR ALL TABLES" in output
    assert "publication_all_tables" not in database.status()[2] and "not_set_up" in database.status()[2]
    database.rows("DROP PUBLICATION pgweir_rows")
    database.cluster.sql("CREATE ROLE nobody_much LOGIN")
    user = Database(database.cluster, database.name, "release")
    user.binary, user.url = database.binary, lambda: Database.url(database, "nobody_much")
    status, output = user.command("--apply")
    assert status == 2 and "permission denied" in output, output
    assert database.rows("SELECT to_regnamespace('pgweir')") == [(None,)]
    assert user.command("--apply", "--role", "pg_monitor")[0] == 2
    user.url = lambda: "postgres://nobody_much:secret@127.0.0.1:notaport/x"
    status, output = user.command("--status")
    assert status == 2 and "secret" not in output, output


def test_a_server_that_cannot(database):
    settings = {"wal_level": "replica", "max_replication_slots": "0", "max_wal_senders": "0"}
    with Cluster("setup-replica", settings=settings) as cluster, Database(cluster, "one", "release") as one:
        one.binary = database.binary
        one.rows(TABLES)
        one.apply()
        missing = ["wal_level", "max_replication_slots", "max_wal_senders"]
        assert one.status()[:3] == (1, "fences and TTL only", missing)
        assert "ALTER SYSTEM SET wal_level = 'logical'" in one.command("--status")[1]
        one.rows("CREATE TABLE t (v int); UPDATE t SET v = 1")


def test_slots_of_others_and_its_own(database):
    database.apply()
    most = int(database.rows("SHOW max_replication_slots")[0][0])
    for n in range(most):
        database.rows(f"SELECT pg_create_physical_replication_slot('taken{n}')")
    assert database.status()[:3] == (1, "fences and TTL only", ["max_replication_slots"])
    database.rows("SELECT pg_drop_replication_slot('taken0')")
    follower = database.connect(database.role)
    follower.execute("SELECT pg_create_logical_replication_slot('own', 'pgoutput', true)")
    assert database.status()[:3] == (0, "full", [])
    follower.close()
    database.rows("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name LIKE 'taken%'")


def test_a_standby(database):
    database.rows(TABLES)
    database.apply()
    cluster, directory, port = database.cluster, ScratchDirectory("setup-standby"), free_port()
    with directory as path:
        where = ["-h", cluster.host, "-p", cluster.port, "-U", "postgres", "-D", path / "data", "-R", "--no-sync"]
        run(as_server_user([SERVER_BIN / "pg_basebackup", *where]), cwd="/")
        with open(path / "data/postgresql.conf", "a") as file:
            file.write(f"port = {port}\nunix_socket_directories = '{path}'\n")
        child = Child("standby", as_server_user([SERVER_BIN / "postgres", "-D", path / "data"]), path / "log")
        try:
            wait_until("the standby", lambda: wire.answers("127.0.0.1", port), alive=child.running)
            standby = Database(cluster, database.name, "release")
            standby.binary, standby.url = database.binary, lambda: f"postgres://postgres@127.0.0.1:{port}/{database.name}"
            status, promise, missing, _ = standby.status()
            assert (status, promise, missing) == (1, "TTL only", ["standby"])
            for what in ("--apply", "--undo"):
                status, output = standby.command(what)
                assert status == 2 and "run it on the primary" in output, output
        finally:
            child.stop(signal.SIGINT)


def test_dump_and_restore_of_the_shop(database):
    """Into a database that is set up, by an owner who is no superuser, in one transaction and without."""
    cluster = database.cluster
    sizes = ["--products", "500", "--customers", "100", "--orders", "300", "--reviews", "300"]
    loader = database.binary.parent / "shop-load" if hasattr(database.binary, "parent") else shutil.which("shop-load")
    run([os.environ.get("SHOP_LOAD", loader), "--database", database.url(), *sizes])
    environment = {"PATH": os.environ["PATH"]}
    where = ["-h", cluster.host, "-p", cluster.port]
    cluster.sql("CREATE ROLE shopkeeper LOGIN CREATEDB")
    with ScratchDirectory("setup-dump") as path:
        archive = path / "shop.dump"
        run([SERVER_BIN / "pg_dump", *where, "-U", "postgres", "-Fc", "-f", archive, database.name], env=environment)
        for name, options in (("restored", []), ("restored_whole", ["--single-transaction"])):
            with Database(cluster, name, "release") as restored:
                restored.binary = database.binary
                cluster.sql(f"ALTER DATABASE {name} OWNER TO shopkeeper")
                restored.apply()
                run([SERVER_BIN / "pg_restore", *where, "-U", "shopkeeper", "--no-owner", "--exit-on-error", *options,
                     "-d", name, archive], env=environment)
                assert restored.mend() == 0 and restored.status()[:3] == (0, "full", [])
                tables = [table for (table,) in database.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
                assert tables and set(restored.published()) == set(tables)
                for table in tables:
                    query = f"SELECT t::text FROM {table} t ORDER BY 1"
                    assert database.rows(query) == restored.rows(query), table
                # What it holds is the owner's to dump, whatever pgweir has put beside it.
                run([SERVER_BIN / "pg_dump", *where, "-U", "shopkeeper", "-Fc", "-f", path / "again", name], env=environment)
