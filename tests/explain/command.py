"""Runs pgweir explain against one database."""

import json
import os
import subprocess

from scratch.process import ROOT, run


class Command:
    def __init__(self, cluster, database, preset):
        self.cluster = cluster
        self.database = database
        self.binary = os.environ.get("PGWEIR", ROOT / "build" / preset / "pgweir")

    def url(self, user="postgres"):
        return f"postgres://{user}@{self.cluster.host}:{self.cluster.port}/{self.database}"

    def set_up(self):
        run([self.binary, "setup", "--url", self.url(), "--role", "pgweir", "--apply"])

    def raw(self, *arguments, options="", text=None):
        """Exit status, standard output, standard error."""
        environment = {**os.environ, "PGOPTIONS": options}
        words = [str(self.binary), "explain", *arguments]
        result = subprocess.run(words, capture_output=True, text=True, timeout=120, env=environment, input=text)
        return result.returncode, result.stdout, result.stderr

    def text(self, sql, *arguments, user="postgres", **more):
        status, out, error = self.raw("--url", self.url(user), *arguments, sql, **more)
        assert error == "", error
        return status, out

    def json(self, sql, *arguments, **more):
        status, out = self.text(sql, "--format", "json", *arguments, **more)
        report = json.loads(out)
        assert out.count("\n") == 1, out
        assert status == (0 if report["cacheable"] else 1), (status, report)
        return report
