#!/usr/bin/python3
"""What freshness costs: hits that survive writes of other rows, the fence around a write, and whether the change
stream keeps up with as many writes as PostgreSQL can take."""

import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from scratch import wire  # noqa: E402
from scratch.cluster import Cluster  # noqa: E402
from scratch.process import SERVER_BIN, end_on_signals, run  # noqa: E402
from scratch.proxy import Pgweir  # noqa: E402

PRODUCTS = 100_000
MAX_LAG = 2.0  # seconds; sync.max_lag's default
READ = "\\set id random_zipfian(1, {products}, 1.07)\nSELECT name, price_cents FROM products WHERE id = :id;\n"
WRITE = "\\set id random(1, {products})\nUPDATE products SET price_cents = price_cents + 1 WHERE id = :id;\n"

EXAMPLES = """examples:
  ./dev bench freshness
  ./dev bench freshness --seconds 20
  ./dev bench freshness --format json
"""


def progress(text):
    print(text, file=sys.stderr, flush=True)


class Bench:
    def __init__(self, options, cluster, scripts):
        self.options = options
        self.cluster = cluster
        self.read = scripts / "read.sql"
        self.write = scripts / "write.sql"
        self.read.write_text(READ.format(products=options.products))
        self.write.write_text(WRITE.format(products=options.products))

    def url(self, database, port=None):
        return f"postgres://postgres@127.0.0.1:{port or self.cluster.port}/{database}"

    def pgweir(self, binary="pgweir", follow=True):
        arguments = ["--log-level", "warning"] + (["--sync-user", "pgweir"] if follow else [])
        proxy = Pgweir(self.cluster, "release", arguments)
        proxy.binary = ROOT / "build/release" / binary
        return proxy

    def pgbench(self, port, database, *arguments):
        command = [SERVER_BIN / "pgbench", "-h", "127.0.0.1", "-p", port, "-U", "postgres"]
        return run([*command, *arguments, database])

    def load(self, port, database, *arguments):
        return self.pgbench(port, database, "-n", "-M", "prepared", *arguments)


def prepare(bench):
    """The shop's data, a database for pgbench, and what pgweir needs to follow both."""
    for name in ("shop", "bench"):
        bench.cluster.sql(f"CREATE DATABASE {name}")
    load = [ROOT / "build/release/shop-load", "--database", bench.url("shop"), "--products", bench.options.products]
    subprocess.run([str(part) for part in load], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    bench.pgbench(bench.cluster.port, "bench", "-i", "-s", "10", "-q")
    for name in ("shop", "bench"):
        run([ROOT / "build/release/pgweir", "setup", "--url", bench.url(name), "--role", "pgweir", "--apply"])


def hit_ratio(proxy, before):
    counts = {"hit": 0, "miss": 0}
    for (outcome, reason), count in proxy.lookups().items():
        if outcome in counts:
            counts[outcome] += count - before.get((outcome, reason), 0)
    return counts["hit"] / max(1, counts["hit"] + counts["miss"])


def measure_hits(bench):
    """Hit ratio of reads by primary key alone, and while every tenth statement writes to some row."""
    ratios = {}
    with bench.pgweir() as proxy:
        mixes = {"reads only": ["-f", f"{bench.read}@1"], "10 % writes": ["-f", f"{bench.read}@9", "-f", f"{bench.write}@1"]}
        progress("hits: warming up")
        bench.load(proxy.port, "shop", *mixes["reads only"], "-c", 8, "-T", bench.options.seconds)
        for name, scripts in mixes.items():
            progress(f"hits: {name}")
            before = proxy.lookups()
            bench.load(proxy.port, "shop", *scripts, "-c", 8, "-T", bench.options.seconds)
            ratios[name] = hit_ratio(proxy, before)
    kept = ratios["10 % writes"] / ratios["reads only"]
    return {"name": "hits that survive writes of other rows", "value": kept, "wanted": 0.9, "better": "more",
            "detail": f"hit ratio {ratios['10 % writes']:.3f} with 10 % writes, {ratios['reads only']:.3f} without"}


def median_write(bench, proxy, seconds, logs):
    """Median microseconds of one write."""
    prefix = logs / f"{pathlib.Path(proxy.binary).name}{len(list(logs.iterdir()))}"
    bench.load(proxy.port, "shop", "-f", bench.write, "-c", 1, "-T", seconds, "-l", "--log-prefix", prefix)
    times = [int(line.split()[2]) for log in logs.glob(f"{prefix.name}.*") for line in log.read_text().splitlines()]
    return statistics.median(times)


def measure_fences(bench, logs):
    """The median write through pgweir, and through one that was built to hold nothing. Both write at the same
    time, one client each: what a write takes is mostly the disk's, and that changes from second to second."""
    medians = []
    with bench.pgweir() as with_fences, bench.pgweir("pgweir-fences-off") as without, ThreadPoolExecutor(2) as pool:
        for number in range(bench.options.rounds):
            progress(f"fences: round {number + 1} of {bench.options.rounds}")
            seconds = max(1, bench.options.seconds // 5)
            order = (with_fences, without) if number % 2 == 0 else (without, with_fences)
            measured = list(pool.map(lambda proxy: median_write(bench, proxy, seconds, logs), order))
            medians.append(measured if number % 2 == 0 else measured[::-1])
    ratio = statistics.median(a / b for a, b in medians)
    with_us, without_us = (statistics.median(values) for values in zip(*medians))
    return {"name": "median write, with fences by without", "value": ratio, "wanted": 1.05, "better": "less",
            "detail": f"{with_us:.0f} us with, {without_us:.0f} us without"}


class LagWatch:
    """Samples how far behind pgweir is while something else runs."""

    def __init__(self, proxy, database):
        self.proxy, self.database = proxy, database
        self.lags, self.losses = [], 0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()

    def _run(self):
        while not self.stopped.wait(0.1):
            for (name, labels), value in self.proxy.metrics().items():
                if dict(labels).get("database") != self.database:
                    continue
                if name == "pgweir_sync_lag_seconds":
                    self.lags.append(value)
                elif name == "pgweir_sync_losses_total":
                    self.losses = value


def measure_stream(bench):
    """How far the stream lags while pgbench writes directly, as fast as PostgreSQL takes it."""
    load = ["-c", 4, "-j", 2, "-T", bench.options.seconds]

    def tps():
        return float(re.search(r"tps = ([\d.]+)", bench.load(bench.cluster.port, "bench", *load))[1])

    progress("stream: pgbench directly, nobody follows")
    alone = tps()
    with bench.pgweir() as proxy, wire.Connection(proxy.host, proxy.port, "bench") as reader:
        reader.rows("SELECT bbalance FROM pgbench_branches WHERE bid = 1")
        progress("stream: pgbench directly, followed")
        with LagWatch(proxy, "bench") as watch:
            followed = tps()
    lag = max(watch.lags) if watch.lags else float("inf")
    return {"name": "greatest lag behind pgbench, seconds", "value": lag, "wanted": MAX_LAG, "better": "less",
            "detail": f"{followed:,.0f} transactions/s followed, {alone:,.0f} alone; median lag "
                      f"{statistics.median(watch.lags or [0]):.2f} s, stream lost {watch.losses:.0f} times"}


def report(rows, options):
    for row in rows:
        row["reached"] = row["value"] >= row["wanted"] if row["better"] == "more" else row["value"] <= row["wanted"]
    if options.format == "json":
        print(json.dumps({"command": " ".join(["./dev bench freshness", *sys.argv[1:]]), "rows": rows}, indent=2))
    else:
        print("command: " + " ".join(["./dev bench freshness", *sys.argv[1:]]) + "\n")
        for row in rows:
            sign = ">=" if row["better"] == "more" else "<="
            verdict = "reached" if row["reached"] else "MISSED"
            print(f"{row['name']:40} {row['value']:6.3f}  wanted {sign} {row['wanted']}  {verdict:8} {row['detail']}")
    return 0 if all(row["reached"] for row in rows) else 1


def main():
    parser = argparse.ArgumentParser(prog="./dev bench freshness", description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=10, help="of each measurement (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=15, help="of the comparison of writes (default %(default)s)")
    parser.add_argument("--products", type=int, default=PRODUCTS, help="rows that are read and written")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    options = parser.parse_args()
    if options.seconds < 5 or options.rounds < 1 or options.products < 1:
        parser.error("at least 5 seconds, 1 round and 1 product")
    end_on_signals()
    settings = {"shared_buffers": "256MB", "max_wal_size": "4GB"}
    with Cluster("freshness-bench", settings=settings) as cluster, tempfile.TemporaryDirectory() as scripts:
        logs = pathlib.Path(scripts) / "logs"
        logs.mkdir()
        bench = Bench(options, cluster, pathlib.Path(scripts))
        progress("loading the shop and pgbench's tables")
        prepare(bench)
        return report([measure_hits(bench), measure_fences(bench, logs), measure_stream(bench)], options)


sys.exit(main())
