#!/usr/bin/python3
"""Measures pgweir against the limit of this machine, PostgreSQL itself, and other poolers and caches.

Where there are two processors or more, the load generator has one for itself and polls on it. A generator
that sleeps is woken by the server's send(), which costs a virtual machine microseconds each time, and the
more the longer the server takes: the faster of two servers is then measured as faster than it is.
"""

import argparse
import contextlib
import dataclasses
import json
import math
import os
import pathlib
import platform
import resource
import shutil
import signal
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import servers  # noqa: E402  (needs the path above)

HIT_SQL = "SELECT body FROM items WHERE id = $1"
PASS_SQL = "SELECT body FROM items WHERE id = $1 AND clock_timestamp() IS NOT NULL"  # volatile: never cached
ACCOUNTED = 0.99  # the share of requests that must have had the outcome that is measured
WARMUP_SECONDS = 0.3
HIT_ROUNDS = 9
PASS_ROUNDS = 25  # PostgreSQL does most of the work, so that a difference between proxies is small
CONFIDENCE = 0.95
PIPELINE_DEPTH = 16

EXAMPLES = """examples:
  ./dev bench                              everything, about eight minutes
  ./dev bench --quick                      everything, shorter and noisier
  ./dev bench --only hit-simple --seconds 5
  ./dev bench --only hit --only idle       all whose names begin so
  ./dev bench --format json > bench.json   progress goes to standard error
"""


@dataclasses.dataclass(frozen=True)
class Comparison:
    name: str
    mode: str
    sql: str
    outcome: str  # what pgweir must count
    against: dict  # server: ratio of pgweir's throughput to its own that is wanted, or None
    about: str
    rounds: int

    def order(self):
        """pgweir second, so that its neighbours in time are the servers with a wanted ratio."""
        names = list(self.against)
        return names[:1] + ["pgweir"] + names[1:]


def hits(mode, about, **against):
    return Comparison(f"hit-{mode}", mode, HIT_SQL, "hit", against, f"answered from the cache, {about}", HIT_ROUNDS)


def passes(mode, about):
    against = {"pgbouncer": 1.0, "direct": None}
    return Comparison(f"pass-{mode}", mode, PASS_SQL, "bypass", against, f"passed through, {about}", PASS_ROUNDS)


COMPARISONS = [
    hits("simple", "simple protocol", echo=0.7, pgpool=2.0, redis=None),
    hits("prepared", "prepared statement", echo=0.7, pgpool=2.0, redis=None),
    hits("pipelined", f"prepared statement, {PIPELINE_DEPTH} in flight", echo=0.7, pgpool=2.0, redis=None),
    passes("simple", "simple protocol"),
    passes("prepared", "prepared statement"),
    passes("pipelined", f"prepared statement, {PIPELINE_DEPTH} in flight"),
]
IDLE = "idle"
IDLE_ABOUT = "memory of an idle session, before a stub upstream"

PACKAGES = {"pgbouncer": "pgbouncer", "pgpool": "pgpool2", "redis": "redis-server"}
PROGRAMS = {"pgbouncer": "pgbouncer", "pgpool": "pgpool", "redis": "redis-server"}


class Invalid(Exception):
    """A measurement that says nothing: an error, or not the outcome that was to be measured."""


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 rounds of 1 s")
    parser.add_argument("--only", action="append", metavar="NAME", help="a comparison, or how its name begins")
    parser.add_argument("--skip", action="append", default=[], metavar="SERVER", help="leave a server out")
    parser.add_argument("--seconds", type=float, help="measured in each round (default 1)")
    parser.add_argument("--rounds", type=int,
                        help=f"rounds, of which the median counts (default {HIT_ROUNDS}, of pass-* {PASS_ROUNDS})")
    parser.add_argument("--connections", type=int, default=16, help="of the load generator (default %(default)s)")
    parser.add_argument("--sessions", type=int, default=5000, help="idle sessions (default %(default)s)")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--list", action="store_true", help="list the comparisons")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release", metavar="DIR",
                        help="where pgweir, bench-echo and bench-load are (default build/release)")
    options = parser.parse_args()
    options.seconds = 1.0 if options.seconds is None else options.seconds
    if options.rounds is None and options.quick:
        options.rounds = 3
    if (options.rounds is not None and options.rounds < 1) or options.seconds <= 0 or not 1 <= options.connections <= servers.POOL_SIZE:
        parser.error(f"rounds and seconds are positive, connections are 1 to {servers.POOL_SIZE}")
    names = [comparison.name for comparison in COMPARISONS] + [IDLE]
    wanted = options.only or [""]
    for prefix in wanted:
        if not any(name.startswith(prefix) for name in names):
            parser.error(f"no comparison is called {prefix}; --list shows them")
    options.names = [name for name in names if name.startswith(tuple(wanted))]
    return options


class Bench:
    """The servers of one run, started when first needed and stopped together."""

    def __init__(self, options, stack):
        self.options = options
        self.stack = stack
        self.machine = servers.Machine.plan()
        self.started = {}

    def server(self, name):
        if name not in self.started:
            progress("starting " + ("postgres" if name == "direct" else name))
            self.started[name] = self.stack.enter_context(self._make(name))
        return self.started[name]

    def _make(self, name):
        if name in PROGRAMS and shutil.which(PROGRAMS[name]) is None:
            raise Invalid(f"{name} is not installed; apt-get install {PACKAGES[name]}, or --skip {name}")
        if name == "direct":
            return servers.postgres(self.machine)
        if name == "echo":
            return servers.echo(self.machine, self.options.build)
        if name == "redis":
            return servers.redis(self.machine)
        upstream_port = self.server("direct").port
        if name == "pgweir":
            return servers.pgweir(self.machine, self.options.build / "pgweir", upstream_port)
        if name == "pgpool":
            return servers.pgpool(self.machine, upstream_port, self.options.connections + 8)
        return servers.pgbouncer(self.machine, upstream_port)

    def load(self, server, *arguments):
        """One run of bench-load; returns its report."""
        cpus = ",".join(str(cpu) for cpu in sorted(self.machine.generator))
        command = ["taskset", "--cpu-list", cpus, self.options.build / "bench-load", "--port", server.port]
        if self.machine.generator_alone():
            command.append("--poll")
        command += ["--user", servers.USER, "--database", servers.DATABASE]
        command += ["--server-pid", ",".join(str(pid) for pid in server.pids), *arguments]
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, check=False, env={**os.environ, "PGPASSWORD": servers.PASSWORD})
        if done.returncode != 0:
            raise Invalid(f"load on {server.name} failed: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def measure(self, comparison, name, seconds, reply_bytes):
        """One round of one server; checks that it did what is measured."""
        server = self.server(name)
        arguments = ["--connections", self.options.connections, "--keys", servers.KEYS, "--seconds", seconds,
                     "--warmup", WARMUP_SECONDS, "--touch"]
        if name == "redis":
            arguments += ["--mode", "redis", "--value-bytes", redis_value_bytes(reply_bytes)]
            arguments += ["--depth", PIPELINE_DEPTH if comparison.mode == "pipelined" else 1]
        else:
            arguments += ["--mode", comparison.mode, "--sql", comparison.sql]
        before = count_outcome(server, comparison.outcome)
        report = self.load(server, *arguments)
        after = count_outcome(server, comparison.outcome)
        if before is not None:
            report["outcome_share"] = (after - before) / report["requests_total"]
        return report


def count_outcome(server, outcome):
    """How often the server has done what is measured so far; None if it does nothing else."""
    if server.name == "pgweir":
        return servers.pgweir_lookups(server).get(outcome, 0)
    if server.name == "pgpool":
        return servers.pgpool_hits(server)
    return None


def redis_value_bytes(reply_bytes):
    """The size of the value that makes Redis's reply as long on the wire as PostgreSQL's."""
    for value_bytes in range(reply_bytes):
        if len(f"${value_bytes}\r\n") + value_bytes + 2 >= reply_bytes:
            return value_bytes
    return 0


def progress(text):
    print(text, file=sys.stderr, flush=True)


def run_comparison(bench, comparison):
    """{server: its median figures}, with the ratios round by round."""
    names = [name for name in comparison.order() if name not in bench.options.skip]
    reply_bytes = 0
    for name in names:  # fills the caches; not counted
        report = bench.measure(comparison, name, 0.2, reply_bytes)
        reply_bytes = reply_bytes or round(report["reply_bytes_mean"])
    rounds = {name: [] for name in names}
    count = bench.options.rounds or comparison.rounds
    for number in range(count):
        for name in names if number % 2 == 0 else reversed(names):
            progress(f"{comparison.name}: round {number + 1} of {count}, {name}")
            report = bench.measure(comparison, name, bench.options.seconds, reply_bytes)
            check_round(comparison, name, report, reply_bytes)
            rounds[name].append(report)
    return [summarise(comparison, name, rounds) for name in names]


def check_round(comparison, name, report, reply_bytes):
    share = report.get("outcome_share", 1.0)
    if share < ACCOUNTED:
        raise Invalid(f"{comparison.name}: only {share:.1%} of the requests to {name} were a {comparison.outcome}")
    if abs(report["reply_bytes_mean"] - reply_bytes) > 1:
        raise Invalid(f"{comparison.name}: replies of {name} have {report['reply_bytes_mean']:.0f} bytes, "
                      f"others {reply_bytes}")


def summarise(comparison, name, rounds):
    figures = ("throughput_rps", "p50_us", "p99_us", "server_cpu_us", "server_busy", "generator_busy")
    row = {"comparison": comparison.name, "server": name, "rounds": rounds[name]}
    for figure in (*figures, "reply_bytes_mean"):
        row[figure] = statistics.median(report[figure] for report in rounds[name])
    if "outcome_share" in rounds[name][0]:
        row["outcome_share"] = min(report["outcome_share"] for report in rounds[name])
    if name != "pgweir" and "pgweir" in rounds:
        pairs = zip(rounds["pgweir"], rounds[name])
        ratios = [ours["throughput_rps"] / theirs["throughput_rps"] for ours, theirs in pairs]
        row["pgweir_ratio"] = statistics.median(ratios)
        row["pgweir_ratio_low"], row["pgweir_ratio_high"] = median_interval(ratios)
        wanted = comparison.against[name]
        if wanted is not None:
            row["wanted"], row["verdict"] = wanted, verdict(row, wanted)
    return row


def median_interval(values):
    """Where the median of all rounds that could be run lies, with CONFIDENCE or more, whatever the
    distribution: the number of values below it is binomial. Of fewer than six values: lowest and highest."""
    values = sorted(values)
    n, left_out = len(values), 0
    while sum(math.comb(n, k) for k in range(left_out + 2)) * 2 <= (1 - CONFIDENCE) * 2**n:
        left_out += 1
    return values[left_out], values[n - 1 - left_out]


def verdict(row, wanted):
    if row["pgweir_ratio"] >= wanted:
        return "reached"
    return "within noise" if row["pgweir_ratio_high"] >= wanted else "MISSED"


def run_idle(bench):
    """Memory for each of many idle sessions: logged in only, and after one statement each."""
    sessions = bench.options.sessions
    stub = bench.server("echo")
    spare = servers.POOL_SIZE
    makers = {
        "pgweir": lambda: servers.pgweir(bench.machine, bench.options.build / "pgweir", stub.port),
        "pgbouncer": lambda: servers.pgbouncer(bench.machine, stub.port, sessions + spare, auth_type="trust"),
    }
    rows = []
    for name, make in makers.items():
        if name in bench.options.skip:
            continue
        progress(f"{IDLE}: {sessions} sessions, {name}")
        with make() as server:
            report = bench.load(server, "--idle", sessions, "--sql", HIT_SQL.replace("$1", "1"))
        rows.append({"comparison": IDLE, "server": name, **report})
    return rows


def run_all(options):
    with servers.all_in_one_directory(), contextlib.ExitStack() as stack:
        bench = Bench(options, stack)
        rows = []
        for comparison in COMPARISONS:
            if comparison.name in options.names:
                rows += run_comparison(bench, comparison)
        idle = run_idle(bench) if IDLE in options.names else []
        return {"machine": describe_machine(), "pinning": bench.machine.describe(), "command": command_line(),
                "seconds": options.seconds, "connections": options.connections,
                "comparisons": rows, "idle": idle}


def describe_machine():
    model = platform.machine()
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{len(os.sched_getaffinity(0))} cores ({model}), Linux {platform.release()}"


def command_line():
    return " ".join(["./dev bench", *sys.argv[1:]])


def aligned(header, lines, left):
    """Columns as wide as their widest cell; the first `left` of them and the last are aligned left."""
    widths = [max(len(line[i]) for line in [header, *lines]) for i in range(len(header))]

    def pad(i, cell):
        return cell.ljust(widths[i]) if i < left or i == len(header) - 1 else cell.rjust(widths[i])

    return ["  ".join(pad(i, cell) for i, cell in enumerate(line)).rstrip() for line in [header, *lines]]


def ratio_cells(row):
    if "pgweir_ratio" not in row:
        return "", "", ""
    spread = f"{row['pgweir_ratio_low']:.2f}-{row['pgweir_ratio_high']:.2f}"
    wanted = f">= {row['wanted']:.1f} {row['verdict']}" if "wanted" in row else ""
    return f"{row['pgweir_ratio']:.2f}", spread, wanted


def print_text(result):
    print(f"machine: {result['machine']}")
    print(f"command: {result['command']}")
    print(f"pinning: {result['pinning']}")
    print(f"method:  interleaved rounds of {result['seconds']:g} s, {result['connections']} connections; medians; "
          "pgweir with one worker")
    if result["comparisons"]:
        lines, last = [], None
        for row in result["comparisons"]:
            name, last = ("" if row["comparison"] == last else row["comparison"]), row["comparison"]
            lines.append([name, row["server"], f"{row['throughput_rps']:,.0f}", f"{row['p50_us']:,.0f}",
                          f"{row['p99_us']:,.0f}", f"{row['server_cpu_us']:.2f}", f"{row['server_busy']:.0%}",
                          f"{row['generator_busy']:.0%}", str(len(row["rounds"])), *ratio_cells(row)])
        header = ["comparison", "server", "requests/s", "p50 us", "p99 us", "CPU us", "server", "load",
                  "rounds", "pgweir/it", "95 %", "wanted"]
        print()
        print("\n".join(aligned(header, lines, left=2)))
    if result["idle"]:
        lines = [[row["comparison"] if i == 0 else "", row["server"], f"{row['sessions']:,}",
                  f"{row['login_bytes_per_session']:,.0f}", f"{row['query_bytes_per_session']:,.0f}", ""]
                 for i, row in enumerate(result["idle"])]
        header = ["comparison", "server", "sessions", "bytes/session after login", "after one statement", ""]
        print()
        print("\n".join(aligned(header, lines, left=2)))


def end_on_signals():
    """The first SIGINT or SIGTERM ends the run; later ones must not cut its cleaning up short."""

    def end(number, _):
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        progress("interrupted")
        sys.exit(128 + number)

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, end)


def raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main():
    options = parse_arguments()
    if options.list:
        for comparison in COMPARISONS:
            print(f"{comparison.name:16} {comparison.about}; against {', '.join(comparison.against)}")
        print(f"{IDLE:16} {IDLE_ABOUT}; against pgbouncer")
        return 0
    end_on_signals()
    raise_file_limit()
    os.environ["PATH"] += ":/usr/sbin"  # where Debian puts the poolers, and where users do not look
    try:
        result = run_all(options)
    except (Invalid, RuntimeError) as error:
        progress(f"bench: {error}")
        return 1
    if options.format == "json":
        print(json.dumps(result, indent=2))
    else:
        print_text(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
