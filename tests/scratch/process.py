"""Child processes, free ports and scratch directories that do not outlive the suite."""

import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVER_BIN = pathlib.Path(os.environ.get("PG_BIN", "/usr/lib/postgresql/15/bin"))

# PostgreSQL refuses to run as root; Debian's server package brings this user.
SERVER_USER = "postgres" if os.geteuid() == 0 else None


def as_server_user(command):
    if SERVER_USER is None:
        return [str(part) for part in command]
    switch = ["setpriv", f"--reuid={SERVER_USER}", f"--regid={SERVER_USER}", "--init-groups"]
    return switch + [str(part) for part in command]


def give_to_server_user(path):
    if SERVER_USER is not None:
        entry = pwd.getpwnam(SERVER_USER)
        os.chown(path, entry.pw_uid, entry.pw_gid)


PORTS = range(7300, 9300)  # below those that the kernel hands to outgoing connections
given_ports = []


def free_port():
    """None that was given lately: whoever asked may not listen on it yet."""
    while True:
        port = random.choice(PORTS)
        if port in given_ports[-len(PORTS) // 4:]:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        given_ports.append(port)
        return port


class ScratchDirectory:
    """A directory that the server's user owns; removed at the end, kept if KEEP=1."""

    def __init__(self, name):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=f"pgweir-{name}-"))
        give_to_server_user(self.path)
        self.path.chmod(0o755)

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        if os.environ.get("KEEP") == "1":
            print(f"kept {self.path}")
        else:
            shutil.rmtree(self.path, ignore_errors=True)


class Child:
    """One process with its output in a log file. The process gets a group of its own."""

    def __init__(self, name, command, log_path, environment=None):
        self.name = name
        self.log_path = log_path
        with open(log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                cwd="/",
            )

    def running(self):
        return self.process.poll() is None

    def log(self):
        return pathlib.Path(self.log_path).read_text(errors="replace")

    def stop(self, number=signal.SIGTERM, seconds=40):
        """Returns the exit status; kills what does not end in time and reports that as an error."""
        if self.running():
            self.process.send_signal(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise RuntimeError(f"{self.name} did not end within {seconds} s; its log:\n{self.log()[-4000:]}") from None


def wait_until(what, ready, seconds=60, alive=lambda: True):
    """Polls ready() until it returns something true."""
    deadline = time.monotonic() + seconds
    while True:
        value = ready()
        if value:
            return value
        if not alive():
            raise RuntimeError(f"{what}: the process has ended")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not ready after {seconds} s")
        time.sleep(0.02)


def run(command, **options):
    """subprocess.run that shows the output of what failed."""
    result = subprocess.run([str(p) for p in command], capture_output=True, text=True, errors="replace", **options)
    if result.returncode != 0:
        sys.stderr.write(result.stdout[-4000:] + result.stderr[-4000:])
        raise RuntimeError(f"{command[0]} ended with status {result.returncode}: {' '.join(str(p) for p in command)}")
    return result.stdout


def end_on_signals():
    """Turns SIGTERM into an ordinary exit, so that context managers clean up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
