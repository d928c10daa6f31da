"""PostgreSQL's own test programs, run against an address."""

import re
import shutil
import subprocess

from scratch.process import as_server_user, run

RESULT = re.compile(r"^(?:test|    ) +(\S+) +\.\.\. (ok|FAILED|failed)")


def copy_for_server_user(source, cluster, name):
    """The tests write beside their inputs and the server reads them, so its user gets a copy."""
    target = cluster.path / name
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.o", "*.c", "*.bc"))
    run(["chown", "-R", f"--reference={cluster.path}", target])
    return target


def run_suite(source, cluster, address, suite, tests, options=()):
    """{test: passed} and the directory with the results. options: more of them for the suite's program."""
    program, folder, schedule = {
        "regress": ("pg_regress", "src/test/regress", "parallel_schedule"),
        "isolation": ("pg_isolation_regress", "src/test/isolation", "isolation_schedule"),
    }[suite]
    work = copy_for_server_user(source / folder, cluster, suite)
    for module in (source / "contrib/spi").glob("*.so"):
        shutil.copy(module, work)
    for path in [source / "src/bin/psql/psql", *(source / "src/interfaces/libpq").glob("libpq.so*")]:
        shutil.copy(path, work)
    command = [work / program, f"--inputdir={work}", f"--outputdir={work}", f"--dlpath={work}", f"--bindir={work}"]
    command += [f"--host={address[0]}", f"--port={address[1]}", "--user=postgres"]
    command += ["--no-locale", "--encoding=UTF8"] if suite == "regress" else []
    command += options
    command += tests.split() if tests else [f"--schedule={work / schedule}"]
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "LD_LIBRARY_PATH": str(work), "HOME": str(work)}
    process = subprocess.Popen(
        as_server_user(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", cwd=work, env=environment)
    results, complete = {}, False
    for line in process.stdout:
        print("  " + line.rstrip(), flush=True)
        complete = complete or re.search(r"\d+ tests (passed|failed)", line) is not None
        if match := RESULT.match(line):
            results[match[1]] = match[2] == "ok"
    process.wait()
    if not complete:
        raise RuntimeError(f"{program} broke off with status {process.returncode}")
    return results, work
