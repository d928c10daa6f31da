"""The servers that are compared, each tuned for what is measured, all on 127.0.0.1 and in scratch directories."""

import contextlib
import dataclasses
import os
import re
import signal
import socket
import subprocess
import tempfile
import urllib.request

from scratch.cluster import PASSWORD, Cluster
from scratch.process import Child, ScratchDirectory, as_server_user, free_port, give_to_server_user, wait_until
from scratch.proxy import parse_metrics

USER = "scram_user"  # of the scratch cluster; SCRAM-SHA-256 with PASSWORD
DATABASE = "postgres"
POOL_SIZE = 100  # more than any comparison opens
VALUE_BYTES = 256
KEYS = 1000


@dataclasses.dataclass
class Server:
    """Something that answers, and the processes whose CPU time it costs (their children included)."""

    name: str
    port: int
    pids: list
    admin_port: int = 0


@dataclasses.dataclass
class Machine:
    """Which processors the load generator, the server under test and PostgreSQL behind it are pinned to."""

    generator: set
    server: set
    database: set

    @classmethod
    def plan(cls):
        cpus = sorted(os.sched_getaffinity(0))
        if len(cpus) == 1:
            return cls(set(cpus), set(cpus), set(cpus))
        return cls({cpus[0]}, {cpus[1]}, set(cpus[2:]) or {cpus[1]})

    def generator_alone(self):
        """Whether the load generator has its processors for itself, so that it may poll."""
        return not self.generator & (self.server | self.database)

    def describe(self):
        def text(cpus):
            return ",".join(str(cpu) for cpu in sorted(cpus))

        polling = ", polling" if self.generator_alone() else ""
        return (f"load generator on CPU {text(self.generator)}{polling}, server under test on CPU {text(self.server)}, "
                f"PostgreSQL behind a proxy on CPU {text(self.database)}")


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def running(name, command, port, log_path, cpus, stop_signal=signal.SIGTERM):
    """The command, pinned, once it accepts connections; stopped at the end."""
    pinned = ["taskset", "--cpu-list", ",".join(str(cpu) for cpu in sorted(cpus))]
    child = Child(name, pinned + [str(part) for part in command], log_path)
    try:
        wait_until(f"{name} (its log: {log_path})", lambda: accepts(port), alive=child.running)
        yield child.process.pid
    except BaseException:
        if not child.running():
            raise RuntimeError(f"{name} ended early; the end of its log:\n{child.log()[-3000:]}") from None
        raise
    finally:
        child.stop(stop_signal, seconds=20)


@contextlib.contextmanager
def all_in_one_directory():
    """Scratch directories made from here on lie in one, so that none outlives a run that ends half-way."""
    with ScratchDirectory("bench") as path:
        outer, tempfile.tempdir = tempfile.tempdir, str(path)
        try:
            yield
        finally:
            tempfile.tempdir = outer


@contextlib.contextmanager
def own_directory(name):
    with ScratchDirectory(name) as path:
        yield path


def write(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    give_to_server_user(path)


@contextlib.contextmanager
def postgres(machine):
    """A scratch cluster with the table that everything reads."""
    settings = {"shared_buffers": "128MB", "max_connections": str(2 * POOL_SIZE + 50), "autovacuum": "off"}
    with Cluster("bench", settings=settings) as cluster:
        cluster.sql("CREATE TABLE items (id int PRIMARY KEY, body text NOT NULL)")
        cluster.sql(f"INSERT INTO items SELECT i, rpad('', {VALUE_BYTES}, md5(i::text)) "
                    f"FROM generate_series(1, {KEYS}) i")
        cluster.sql(f"GRANT SELECT ON items TO {USER}")
        cluster.sql("VACUUM ANALYZE items")
        os.sched_setaffinity(cluster.child.process.pid, machine.database)  # backends inherit it
        yield Server("direct", cluster.port, [cluster.child.process.pid])


@contextlib.contextmanager
def echo(machine, binaries):
    """The limit of this machine: one thread, canned replies of the same size."""
    port = free_port()
    with own_directory("bench-echo") as path:
        command = [binaries / "bench-echo", "--port", port, "--value-bytes", VALUE_BYTES]
        with running("bench-echo", command, port, path / "log", machine.server) as pid:
            yield Server("echo", port, [pid])


@contextlib.contextmanager
def pgweir(machine, binary, upstream_port):
    port, admin_port = free_port(), free_port()
    with own_directory("bench-pgweir") as path:
        write(path / "pgweir.toml", '[cache]\nttl = "1h"\n')  # else some of what is measured as hits would be fills
        command = [binary, "serve", "--upstream", f"postgres://127.0.0.1:{upstream_port}", "--workers", 1]
        command += ["--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{admin_port}", "--state", path / "state"]
        command += ["--config", path / "pgweir.toml"]
        with running("pgweir", command, port, path / "log", machine.server) as pid:
            yield Server("pgweir", port, [pid], admin_port)


def pgweir_lookups(server):
    """{outcome: statements} that pgweir has counted."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.admin_port}/metrics", timeout=30) as reply:
        metrics = parse_metrics(reply.read().decode())
    outcomes = {}
    for (name, labels), value in metrics.items():
        if name == "pgweir_cache_lookups_total":
            outcome = dict(labels)["outcome"]
            outcomes[outcome] = outcomes.get(outcome, 0) + value
    return outcomes


PGBOUNCER = """
[databases]
* = host=127.0.0.1 port={upstream_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = {auth_type}
auth_file = {path}/users.txt
pool_mode = session
max_client_conn = {sessions}
default_pool_size = {sessions}
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
log_stats = 0
verbose = 0
listen_backlog = 1024
"""


@contextlib.contextmanager
def pgbouncer(machine, upstream_port, sessions=POOL_SIZE, auth_type="scram-sha-256"):
    port = free_port()
    with own_directory("bench-pgbouncer") as path:
        write(path / "users.txt", f'"{USER}" "{PASSWORD}"\n')
        settings = PGBOUNCER.format(port=port, upstream_port=upstream_port, path=path, sessions=sessions,
                                    auth_type=auth_type)
        write(path / "pgbouncer.ini", settings)
        command = as_server_user(["pgbouncer", path / "pgbouncer.ini"])
        with running("pgbouncer", command, port, path / "log", machine.server, signal.SIGINT) as pid:
            yield Server("pgbouncer", port, [pid])


# One backend, no clustering: nothing but its pool and its query cache is at work.
PGPOOL = """
backend_clustering_mode = 'raw'
listen_addresses = '127.0.0.1'
port = {port}
socket_dir = '{path}'
pcp_listen_addresses = '127.0.0.1'
pcp_port = {pcp_port}
pcp_socket_dir = '{path}'
pid_file_name = '{path}/pgpool.pid'
logdir = '{path}'
backend_hostname0 = '127.0.0.1'
backend_port0 = {upstream_port}
backend_flag0 = 'DISALLOW_TO_FAILOVER'
enable_pool_hba = on
pool_passwd = 'pool_passwd'
num_init_children = {sessions}
max_pool = 1
listen_backlog_multiplier = 2
child_life_time = 0
child_max_connections = 0
connection_life_time = 0
client_idle_limit = 0
connection_cache = on
load_balance_mode = off
health_check_period = 0
sr_check_period = 0
use_watchdog = off
log_min_messages = warning
log_connections = off
log_statement = off
log_per_node_statement = off
log_client_messages = off
check_temp_table = none
check_unlogged_table = off
enable_shared_relcache = on
relcache_expire = 0
memory_cache_enabled = on
memqcache_method = 'shmem'
memqcache_total_size = 256MB
memqcache_max_num_cache = 1000000
memqcache_expire = 0
memqcache_auto_cache_invalidation = on
memqcache_maxcache = 400kB
memqcache_cache_block_size = 1MB
memqcache_oiddir = '{path}/oiddir'
"""


@contextlib.contextmanager
def pgpool(machine, upstream_port, sessions):
    port, pcp_port = free_port(), free_port()
    with own_directory("bench-pgpool") as path:
        (path / "oiddir").mkdir()
        give_to_server_user(path / "oiddir")
        settings = PGPOOL.format(port=port, pcp_port=pcp_port, upstream_port=upstream_port, path=path,
                                 sessions=sessions)
        write(path / "pgpool.conf", settings)
        write(path / "pool_passwd", f"{USER}:TEXT{PASSWORD}\n")
        write(path / "pool_hba.conf", "host all all 127.0.0.1/32 scram-sha-256\n")
        write(path / "pcp.conf", "")
        command = ["pgpool", "-n", "-f", path / "pgpool.conf", "-a", path / "pool_hba.conf", "-F", path / "pcp.conf"]
        with running("pgpool", as_server_user(command), port, path / "log", machine.server, signal.SIGINT) as pid:
            yield Server("pgpool", port, [pid])


def pgpool_hits(server):
    """Answers that pgpool-II has taken from its query cache."""
    command = ["psql", f"host=127.0.0.1 port={server.port} user={USER} dbname={DATABASE} sslmode=disable"]
    done = subprocess.run(command + ["-x", "-c", "SHOW POOL_CACHE"], check=True, text=True, stdout=subprocess.PIPE,
                          env={**os.environ, "PGPASSWORD": PASSWORD})
    return int(re.search(r"num_cache_hits\s*\|\s*(\d+)", done.stdout).group(1))


@contextlib.contextmanager
def redis(machine):
    port = free_port()
    with own_directory("bench-redis") as path:
        command = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command += ["--dir", path, "--daemonize", "no"]
        with running("redis-server", as_server_user(command), port, path / "log", machine.server) as pid:
            yield Server("redis", port, [pid])
