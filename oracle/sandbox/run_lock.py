"""A lock file that one process at a time holds, with its process id in it: two worlds or demos in one folder would overwrite each other's files."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TextIO

from oracle.errors import SandboxBusyError


def hold(path: Path, what: str) -> TextIO:
    """Return the open lock file; closing it, or the end of the process, releases it.

    Raises:
        SandboxBusyError: if another process holds it.
    """
    lock = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise SandboxBusyError(what, str(path.parent), holder) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
