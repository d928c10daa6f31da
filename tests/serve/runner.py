"""The command line of a suite of scenarios."""

import argparse
import resource
import sys
import time
import traceback

from scratch import wire
from scratch.cluster import Cluster
from scratch.process import end_on_signals
from serve.scenario import Stage


def passes(stage, function):
    started = time.monotonic()
    good = False
    try:
        function(stage)
        good = True
    except (AssertionError, OSError, RuntimeError, wire.Closed, wire.ServerError):
        traceback.print_exc(file=sys.stdout)
    print(f"{'ok  ' if good else 'FAIL'} {function.__name__:45} {time.monotonic() - started:5.1f} s", flush=True)
    return good


def raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(description, scenarios, settings=None):
    """Runs those named on the command line, or all; returns the exit status. settings: of PostgreSQL."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="release",
                        help="which build of pgweir to run (default: release; sanitizers need more memory than is allowed here)")
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    parser.add_argument("scenario", nargs="*")
    arguments = parser.parse_args()
    names = [function.__name__ for function in scenarios]
    if arguments.list:
        print("\n".join(names))
        return 0
    for name in arguments.scenario:
        if name not in names:
            parser.error(f"no scenario is called {name}")
    end_on_signals()
    raise_file_limit()
    # A second address, for which the certificate does not hold.
    addresses = {"listen_addresses": "'127.0.0.1,127.0.0.2'"}
    with Cluster("serve", settings=settings) as plain, Cluster("serve-tls", tls=True, settings=addresses) as secure:
        stage = Stage(arguments.preset, plain, secure)
        wanted = [function for function in scenarios if function.__name__ in (arguments.scenario or names)]
        failed = [function.__name__ for function in wanted if not passes(stage, function)]
    print(f"{len(failed)} failed" + "".join(f"\n  {name}" for name in failed))
    return 1 if failed else 0
