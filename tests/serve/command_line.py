"""What is told to whom starts pgweir."""

import re
import signal
import subprocess
import urllib.request

from scratch import wire
from scratch.process import Child, ScratchDirectory, wait_until
from serve.scenario import holds, same, scenario, url

MISTAKES = [
    ([], "subcommand is required"),
    (["sreve"], "no command 'sreve'"),
    (["drill", "shpo"], "no command 'shpo'"),
    (["serve", "--bogus"], "--bogus"),
    (["serve", "--workers", "257"], "from 0 to 256"),
    (["serve", "--upstream", "postgres://user:hidden@127.0.0.1"], "must not have a user"),
    (["serve", "--config", "/no/such/file"], "/no/such/file"),
    (["serve", "--state", "/no/such/directory/state"], "/no/such/directory/state"),
]


@scenario
def mistakes_are_named(stage):
    for arguments, named in MISTAKES:
        ended = subprocess.run([stage.binary, *arguments], capture_output=True, text=True, timeout=30, check=False)
        said = ended.stdout + ended.stderr
        same(f"exit status of {arguments}", ended.returncode, 2)
        holds(f"{named} is named: {said}", named in said)
        holds(f"no password is repeated: {said}", "hidden" not in said)


@scenario
def ports_that_the_system_chooses(stage):
    """Flags alone, no file; the log says which ports they are."""
    with ScratchDirectory("ports") as directory:
        command = [stage.binary, "serve", "--upstream", url(stage.plain.port), "--listen", "127.0.0.1:0,127.0.0.1:0",
                   "--admin", "127.0.0.1:0", "--workers", "1", "--state", directory / "state", "--log-level", "debug"]
        child = Child("pgweir", command, directory / "log")
        try:
            wait_until("pgweir", lambda: "upstream is " in child.log(), alive=child.running)
            ports = re.findall(r"listening on 127\.0\.0\.1:(\d+)", child.log())
            same("ports", len(set(ports)), 2)
            for port in ports:
                holds(f"a login at port {port}", wire.answers("127.0.0.1", int(port)))
            dashboard = re.search(r"dashboard at (http:\S+)", child.log())[1]
            with urllib.request.urlopen(dashboard + "healthz", timeout=30) as reply:
                same("/healthz", reply.status, 200)
        finally:
            same("exit status", child.stop(signal.SIGTERM), 0)
