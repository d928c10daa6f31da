#!/usr/bin/python3
"""What the guard is for: PostgreSQL stalls for ten seconds under clients that give up after a second and ask again,
with the guard and without; and a cold start, against what PostgreSQL does at its best. Leaves a plot."""

import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import random
import re
import signal
import struct
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from scratch import wire  # noqa: E402
from scratch.cluster import Cluster  # noqa: E402
from scratch.process import SERVER_BIN, end_on_signals, run  # noqa: E402
from scratch.proxy import Pgweir  # noqa: E402

CLIENTS = 300
TIMEOUT = 1.0       # seconds until a client gives up, cancels and asks again
TTL = 5             # seconds
LOAD = 0.8          # of PostgreSQL's capacity, for the fills of all keys once per ttl
ASKED = 5           # times for each key and ttl
RAMP, BEFORE, STALL, AFTER = 20, 35, 10, 60  # seconds of the run; the clients begin one after the other
ROWS = 1_000_000
COLD_KEYS = 50_000
COLD_CLIENTS = 256
NO_GUARD = ["guard.limit=10000", "guard.queue_max=100000", "guard.queue_wait=1h"]
READ = "SELECT count(*) FROM visits WHERE shop <> {}"
COLD = "\\set id random(1, {keys})\nSELECT count(*) FROM visits WHERE id BETWEEN :id AND :id + 4000;\n"

EXAMPLES = """examples:
  ./dev bench guard
  ./dev bench guard --only stall
  ./dev bench guard --format json
"""


def progress(text):
    print(text, file=sys.stderr, flush=True)


class Client:
    """One session that asks, waits for a second, cancels, and asks the same again."""

    def __init__(self, port, counts, began):
        self.port, self.counts, self.began = port, counts, began
        self.reader = self.writer = self.key = None

    async def connect(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(wire.startup({"user": "postgres", "database": "postgres"}))
        await self._until_ready()

    async def _until_ready(self):
        """Whether rows came, and no error."""
        good = False
        while True:
            kind, length = struct.unpack("!cI", await self.reader.readexactly(5))
            body = await self.reader.readexactly(length - 4)
            if kind == b"K":
                self.key = body
            elif kind == b"D":
                good = True
            elif kind == b"E":
                good = False
            elif kind == b"Z":
                return good

    async def _cancel(self):
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(wire.request(wire.CANCEL_REQUEST, self.key))
        await writer.drain()
        writer.close()

    async def ask(self, sql):
        """Once; whether it was answered in time."""
        self.writer.write(wire.query(sql))
        reply = asyncio.ensure_future(self._until_ready())
        done, _ = await asyncio.wait({reply}, timeout=TIMEOUT)
        if done:
            return reply.result()
        await self._cancel()
        await reply
        return False

    async def run(self, keys, pause, seed, end):
        chosen = random.Random(seed)
        await asyncio.sleep(chosen.random() * RAMP)
        while time.monotonic() < end:
            due = time.monotonic() + pause * chosen.expovariate(1)
            sql = READ.format(chosen.randrange(keys))
            good = False
            while not good and time.monotonic() < end:
                good = await self.ask(sql)
                self.counts[good].append(time.monotonic() - self.began)
                if not good:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(max(0, due - time.monotonic()))


def processes_of(cluster):
    parent = cluster.child.process.pid
    children = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, queue = [], [parent]
    while queue:
        found.append(queue[0])
        queue += children.get(queue.pop(0), [])
    return found


def signal_all(cluster, number):
    for pid in processes_of(cluster):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


class Pgbench:
    def __init__(self, cluster):
        self.cluster = cluster

    def tps(self, port, script, clients, seconds):
        command = [SERVER_BIN / "pgbench", "-h", "127.0.0.1", "-p", port, "-U", "postgres", "-n", "-f", script,
                   "-c", clients, "-T", seconds, "postgres"]
        return float(re.search(r"tps = ([\d.]+) \(without", run(command))[1])


def pgweir(cluster, settings, directory):
    """With a file of settings."""
    file = directory / "guard.toml"
    sections = {}
    for setting in settings:
        name, value = setting.split("=", 1)
        section, key = name.rsplit(".", 1)
        sections.setdefault(section, []).append(f"{key} = {value if value.isdigit() else json.dumps(value)}")
    file.write_text("".join(f"[{section}]\n" + "\n".join(lines) + "\n" for section, lines in sections.items()))
    return Pgweir(cluster, "release", ["--log-level", "error", "--config", file])


def capacity(cluster, scripts):
    script = scripts / "capacity.sql"
    script.write_text("\\set shop random(1000, 2000000000)\n" + READ.format(":shop") + ";\n")
    return Pgbench(cluster).tps(cluster.port, script, 4, 5)


async def clients_of(port, keys, pause, counts, began, end):
    clients = [Client(port, counts, began) for _ in range(CLIENTS)]
    for client in clients:
        await client.connect()
    await asyncio.gather(*(client.run(keys, pause, seed, end) for seed, client in enumerate(clients)))


def stalled(cluster, name, settings, scripts, keys, pause):
    """Answers and failures by the second since the clients began."""
    with pgweir(cluster, [f"cache.ttl={TTL}s", "server.workers=1", *settings], scripts) as proxy:
        counts = {True: [], False: []}
        began = time.monotonic()

        def stall():
            time.sleep(BEFORE)
            progress(f"{name}: PostgreSQL stalls for {STALL} s")
            signal_all(cluster, signal.SIGSTOP)
            time.sleep(STALL)
            signal_all(cluster, signal.SIGCONT)

        stalling = threading.Thread(target=stall)
        stalling.start()
        progress(f"{name}: {CLIENTS} clients, {keys} keys")
        asyncio.run(clients_of(proxy.port, keys, pause, counts, began, began + BEFORE + STALL + AFTER))
        stalling.join()
    cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
    seconds = BEFORE + STALL + AFTER
    return {outcome: [sum(1 for at in times if int(at) == second) for second in range(seconds)]
            for outcome, times in (("good", counts[True]), ("bad", counts[False]))}


def rate_before(series):
    return sum(series["good"][BEFORE - 10:BEFORE]) / 10


def recovery(series, before):
    """Seconds from the end of the stall until answers are, for three seconds, 0.9 of what they should be."""
    for second in range(BEFORE + STALL, len(series["good"]) - 2):
        if all(count >= 0.9 * before for count in smooth(series["good"])[second:second + 3]):
            return second - BEFORE - STALL
    return None


def smooth(counts):
    return [sum(counts[max(0, i - 1):i + 2]) / len(counts[max(0, i - 1):i + 2]) for i in range(len(counts))]


def plot(series, path):
    data = path.with_suffix(".dat")
    names = list(series)
    rows = [[second] + [series[name]["good"][second] for name in names] for second in range(BEFORE + STALL + AFTER)]
    data.write_text("\n".join(" ".join(map(str, row)) for row in rows) + "\n")
    lines = ", ".join(f"'{data}' using 1:{i + 2} with lines lw 2 title '{name}'" for i, name in enumerate(names))
    script = f"""set terminal svg size 900,380 background 'white'
set output '{path}'
set title 'PostgreSQL stalls for {STALL} s; clients give up after {TIMEOUT:.0f} s and ask again'
set xlabel 'seconds'
set ylabel 'answers in time, per second'
set yrange [0:*]
set key bottom right
set object 1 rectangle from {BEFORE},graph 0 to {BEFORE + STALL},graph 1 fillcolor rgb '#dddddd' fillstyle solid noborder behind
plot {lines}
"""
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def sparkline(counts):
    blocks = " ▁▂▃▄▅▆▇█"
    most = max(counts) or 1
    return "".join(blocks[round(8 * count / most)] for count in counts)


def measure_stall(cluster, scripts, out):
    progress("what PostgreSQL can do")
    can = capacity(cluster, scripts)
    keys = int(LOAD * can * TTL)
    pause = CLIENTS * TTL / (ASKED * keys)
    series = {}
    for name, settings in (("without the guard", NO_GUARD), ("with the guard", [])):
        series[name] = stalled(cluster, name, settings, scripts, keys, pause)
        progress(f"{name}: {sparkline(series[name]['good'])}")
    plot(series, out / "guard.svg")
    progress(f"plot: {out / 'guard.svg'}")
    rows = []
    before = max(rate_before(each) for each in series.values())
    for name, wanted in (("with the guard", 10), ("without the guard", None)):
        took = recovery(series[name], before)
        told = f"{took} s" if took is not None else f"not within {AFTER} s"
        rows.append({"name": f"back after the stall, {name}", "value": took, "reached": (took is not None and took <= wanted) if wanted else took is None,
                     "wanted": f"<= {wanted} s" if wanted else f"> {AFTER} s (else nothing is shown)",
                     "detail": f"{told}; {keys} keys, {can:.0f} queries/s at most, answers/s before {rate_before(series[name]):.0f}"})
    return rows


class Watch:
    """The greatest number of statements that PostgreSQL runs at once."""

    def __init__(self, cluster):
        self.cluster, self.most, self.done = cluster, 0, threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def _run(self):
        with wire.Connection(self.cluster.host, self.cluster.port, "postgres") as session:
            while not self.done.wait(0.05):
                [[active]] = session.rows("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' "
                                          "AND backend_type = 'client backend' AND pid <> pg_backend_pid()")
                self.most = max(self.most, int(active))


def measure_cold(cluster, scripts, options):
    """All keys are cold, and far more clients ask than PostgreSQL has use for."""
    script = scripts / "cold.sql"
    script.write_text(COLD.format(keys=COLD_KEYS))
    pgbench = Pgbench(cluster)
    direct, guarded, most, limit_max = [], [], 0, 64
    for number in range(options.rounds):
        progress(f"cold start: round {number + 1} of {options.rounds}")
        best = {clients: pgbench.tps(cluster.port, script, clients, 4) for clients in (2, 3, 4, 8)}
        direct.append(max(best.values()))
        with pgweir(cluster, ["cache.ttl=1ms"], scripts) as proxy, Watch(cluster) as watch:
            guarded.append(pgbench.tps(proxy.port, script, COLD_CLIENTS, 12))
            most = max(most, watch.most)
    ratios = sorted(a / b for a, b in zip(guarded, direct))
    ratio = ratios[len(ratios) // 2]
    return [{"name": f"cold, {COLD_CLIENTS} clients, by PostgreSQL's best", "value": ratio, "wanted": ">= 0.9", "reached": ratio >= 0.9,
             "detail": f"{guarded[-1]:.0f} answers/s, {direct[-1]:.0f} directly at its best concurrency"},
            {"name": "statements at PostgreSQL at once", "value": most, "wanted": f"<= {limit_max}", "reached": most <= limit_max,
             "detail": "counted in pg_stat_activity twenty times a second"}]


def report(rows, options):
    command = " ".join(["./dev bench guard", *sys.argv[1:]])
    if options.format == "json":
        print(json.dumps({"command": command, "rows": rows}, indent=2))
    else:
        print(f"command: {command}\n")
        for row in rows:
            value = "-" if row["value"] is None else f"{row['value']:.2f}"
            print(f"{row['name']:42} {value:>7}  wanted {row['wanted']:12} {'reached' if row['reached'] else 'MISSED':8} {row['detail']}")
    return 0 if all(row["reached"] for row in rows) else 1


def main():
    parser = argparse.ArgumentParser(prog="./dev bench guard", description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("stall", "cold"), help="one of the two (default: both)")
    parser.add_argument("--rounds", type=int, default=3, help="of the cold start (default %(default)s)")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("at least 1 round")
    end_on_signals()
    out = ROOT / "build/bench"
    out.mkdir(parents=True, exist_ok=True)
    settings = {"max_connections": "400", "shared_buffers": "256MB", "max_parallel_workers_per_gather": "0"}
    with Cluster("guard-bench", settings=settings) as cluster:
        scripts = cluster.path / "scripts"
        scripts.mkdir()
        cluster.sql(f"CREATE TABLE visits AS SELECT i AS id, i % 1000 AS shop FROM generate_series(1, {ROWS}) i; ALTER TABLE visits ADD PRIMARY KEY (id)")
        cluster.sql("VACUUM ANALYZE visits")
        rows = []
        if options.only != "cold":
            rows += measure_stall(cluster, scripts, out)
        if options.only != "stall":
            rows += measure_cold(cluster, scripts, options)
    return report(rows, options)


sys.exit(main())
