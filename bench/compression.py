#!/usr/bin/python3
"""What compressing replies (cache.compression_cpu) gains and costs, on the shop's own statements: bytes kept of each
reply, CPU time that compressing takes, and CPU time of a hit with it and without it."""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from scratch.cluster import Cluster  # noqa: E402
from scratch.process import SERVER_BIN, end_on_signals, run  # noqa: E402
from scratch.proxy import Pgweir  # noqa: E402

PRODUCTS = 20_000
KEYS = 400  # that are asked for, so that nearly all is a hit
LISTED = "SELECT id, name, description, price_cents FROM products WHERE id > :id ORDER BY id"
STATEMENTS = {
    "product": "SELECT p.id, p.name, p.description, p.price_cents, c.id AS category_id, c.name AS category "
               "FROM products p JOIN categories c ON c.id = p.category_id WHERE p.id = :id",
    "product_reviews": "SELECT r.id, r.stars, r.body, c.name AS customer FROM reviews r JOIN customers c "
                       "ON c.id = r.customer_id WHERE r.product_id = :id ORDER BY r.id DESC LIMIT 10",
    "category_products": "SELECT id, name, price_cents FROM products WHERE category_id = :category "
                         "ORDER BY name, id LIMIT 20",
    "customer_orders": "SELECT o.id, o.ordered_at, count(*) AS lines, sum(l.quantity * l.price_cents) AS total_cents "
                       "FROM orders o JOIN order_lines l ON l.order_id = o.id WHERE o.customer_id = :id "
                       "GROUP BY o.id ORDER BY o.id DESC LIMIT 20",
    "100 products": f"{LISTED} LIMIT 100",
    "1000 products": f"{LISTED} LIMIT 1000",
}


def progress(text):
    print(text, file=sys.stderr, flush=True)


def total(proxy, name, **labels):
    return sum(value for (metric, found), value in proxy.metrics().items()
               if metric == name and set(labels.items()) <= set(found))


class Round:
    """One statement through a pgweir that compresses with this share of its time."""

    def __init__(self, cluster, share, script, seconds):
        settings = script.parent / "pgweir.toml"
        settings.write_text(f'[server]\nworkers = 1\n[cache]\nttl = "1h"\nmemory = "1GiB"\ncompression_cpu = {share}\n')
        with Pgweir(cluster, "release", ["--log-level", "warning", "--config", settings]) as proxy:
            self.pgbench(proxy, script, seconds)  # fills
            cpu, hits = total(proxy, "process_cpu_seconds_total"), self.hits(proxy)
            self.pgbench(proxy, script, seconds)
            self.hit_us = 1e6 * (total(proxy, "process_cpu_seconds_total") - cpu) / (self.hits(proxy) - hits)
            self.entries = total(proxy, "pgweir_cache_entries")
            self.content_bytes = total(proxy, "pgweir_cache_content_bytes")
            self.tried = sum(total(proxy, "pgweir_compression_replies_total", result=result)
                             for result in ("compressed", "no_gain"))
            self.compressed = total(proxy, "pgweir_compression_replies_total", result="compressed")
            self.cpu_seconds = total(proxy, "pgweir_compression_cpu_seconds_total")

    @staticmethod
    def hits(proxy):
        return proxy.lookups().get(("hit", "none"), 0)

    @staticmethod
    def pgbench(proxy, script, seconds):
        run([SERVER_BIN / "pgbench", "-n", "-h", "127.0.0.1", "-p", proxy.port, "-U", "postgres", "-c", 4,
             "-T", seconds, "-f", script, "shop"])


def measure(cluster, name, sql, directory, options):
    progress(name)
    script = pathlib.Path(directory) / "read.sql"
    script.write_text(f"\\set id random(1, {KEYS})\n\\set category :id\n{sql};\n")
    off, on = (Round(cluster, share, script, options.seconds) for share in (0, 1))
    return {"statement": name, "reply_bytes": off.content_bytes / off.entries, "kept": on.content_bytes / on.entries,
            "compressed": on.compressed / on.entries, "fill_us": 1e6 * on.cpu_seconds / max(on.tried, 1),
            "hit_us_off": off.hit_us, "hit_us_on": on.hit_us}


def report(rows, options):
    if options.format == "json":
        print(json.dumps(rows, indent=2))
        return
    print(f"{'statement':20} {'reply B':>8} {'kept B':>8} {'share':>6} {'compressed':>10} {'us a fill':>9} "
          f"{'us a hit off':>12} {'on':>6}")
    for row in rows:
        print(f"{row['statement']:20} {row['reply_bytes']:8.0f} {row['kept']:8.0f} "
              f"{row['kept'] / row['reply_bytes']:6.2f} {row['compressed']:10.0%} {row['fill_us']:9.1f} "
              f"{row['hit_us_off']:12.1f} {row['hit_us_on']:6.1f}")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench compression", description=__doc__)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement (default %(default)s)")
    parser.add_argument("--products", type=int, default=PRODUCTS)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    options = parser.parse_args()
    if options.seconds < 1 or options.products < 1000:
        parser.error("at least 1 second and 1000 products")
    end_on_signals()
    with Cluster("compression-bench") as cluster, tempfile.TemporaryDirectory() as directory:
        progress("loading the shop")
        cluster.sql("CREATE DATABASE shop")
        load = [ROOT / "build/release/shop-load", "--database", f"postgres://postgres@127.0.0.1:{cluster.port}/shop",
                "--products", options.products]
        subprocess.run([str(part) for part in load], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        report([measure(cluster, name, sql, directory, options) for name, sql in STATEMENTS.items()], options)


main()
