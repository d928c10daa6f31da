#!/usr/bin/python3
"""bench-load against bench-echo and a tiny Redis look-alike, 0.2 s for each mode: replies come, and none is wrong.

Usage: smoke.py BENCH_ECHO BENCH_LOAD
"""

import json
import re
import socketserver
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
from run import median_interval  # noqa: E402


class RedisLookalike(socketserver.StreamRequestHandler):
    """Knows SET and GET of one value, whatever the key."""

    def handle(self):
        while header := self.rfile.readline():
            words = []
            for _ in range(int(header[1:])):
                length = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(length + 2)[:-2])
            if words[0] == b"SET":
                self.server.stored = words[2]
                self.wfile.write(b"+OK\r\n")
            else:
                value = self.server.stored
                self.wfile.write(b"$%d\r\n%s\r\n" % (len(value), value))


class RedisServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    stored = b""


def run_load(program, port, *options):
    done = subprocess.run(
        [program, "--port", str(port), "--connections", "4", "--seconds", "0.2", "--warmup", "0", *options],
        stdout=subprocess.PIPE, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout)


def check(name, condition, report):
    if not condition:
        sys.exit(f"{name}: {report}")
    print(f"{name}: ok")


def main():
    echo_program, load_program = sys.argv[1:]
    # The ranks that tables of the sign test give for 95 %.
    for count, low, high in ((3, 1, 3), (5, 1, 5), (6, 1, 6), (9, 2, 8), (25, 8, 18)):
        check(f"interval of {count}", median_interval(list(range(count, 0, -1))) == (low, high), (count, low, high))
    echo = subprocess.Popen([echo_program, "--value-bytes", "100"], stdout=subprocess.PIPE, text=True)
    redis = RedisServer(("127.0.0.1", 0), RedisLookalike)
    threading.Thread(target=redis.serve_forever, daemon=True).start()
    try:
        port = int(re.search(r":(\d+)$", echo.stdout.readline().strip()).group(1))
        sql = ["--sql", "SELECT body FROM items WHERE id = $1", "--touch"]
        for mode in ("simple", "prepared", "pipelined"):
            for how in ([], ["--poll"]):
                status, report = run_load(load_program, port, "--mode", mode, "--server-pid", str(echo.pid), *sql, *how)
                check(" ".join([mode, *how]), status == 0 and report["requests"] > 0 and report["errors"] == 0, report)
                check("busy", 0 <= report["generator_busy"] <= 1.1, report)
        for depth in ("1", "16"):
            status, report = run_load(load_program, redis.server_address[1], "--mode", "redis", "--keys", "10",
                                      "--value-bytes", "100", "--depth", depth, "--expect-bytes", "108")
            check(f"redis, depth {depth}", status == 0 and report["requests"] > 0 and report["errors"] == 0, report)
        status, report = run_load(load_program, port, "--idle", "50", "--server-pid", str(echo.pid))
        check("idle", status == 0 and report["sessions"] == 50, report)
        status, report = run_load(load_program, port, "--mode", "simple", "--expect-rows", "2", *sql)
        check("a wrong reply is an error", status == 1 and report["errors"] == 1, report)
    finally:
        echo.kill()
        echo.wait()
        redis.shutdown()


if __name__ == "__main__":
    main()
