"""What the figures were measured on, how busy it was, and the memory that a process took."""

from __future__ import annotations

import os
import platform
from pathlib import Path

BUSY_LOAD = 0.5
"""Waiting processes a core, above which wall times and, through shared caches, CPU times suffer."""


def describe_machine() -> str:
    """Return one line; a warning is added when others use the cores."""
    cores, (load, _, _) = os.cpu_count() or 1, os.getloadavg()
    line = f"{_model()}, {cores} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    busy = f" (busy: load {load:.1f}; CPU times may be up to twice too long)" if load > BUSY_LOAD * cores else ""
    return f"machine: {line}{busy}"


def read_peak_kb() -> int:
    """Return the peak of this process's memory alone: `getrusage` hands on that of the process which started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
