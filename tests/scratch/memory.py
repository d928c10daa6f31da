"""What a process holds in memory."""

import contextlib
import pathlib
import re


def memory_bytes(pid, field):
    """A field of /proc/PID/status that is a size, such as VmRSS."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", text)[1]) * 1024


@contextlib.contextmanager
def memory_within(pid, bytes_max):
    """Fails if resident memory was, even for a moment, more than this above what it is now."""
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")  # resets VmHWM
    before = memory_bytes(pid, "VmRSS")
    yield
    grown = memory_bytes(pid, "VmHWM") - before
    if grown > bytes_max:
        raise AssertionError(f"memory grew by {grown >> 10} KiB, at most {bytes_max >> 10} KiB are allowed")
