"""Many rows to vectors, in batches and on several processes: the same vectors, and no more memory for more rows."""

from __future__ import annotations

import subprocess
import sys

import pytest

MANY_ROWS, FEW_ROWS = 200_000, 40_000
MEMORY_LIMIT_BYTES = 1 << 30
PEAK_LIMIT_MB = 200
# The limit is on all that a process may ever map: it would die before it took more.
LIMITED = (
    f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({MEMORY_LIMIT_BYTES}, {MEMORY_LIMIT_BYTES})); "
    "from tests.bench.feature_volume import main; main()"
)


def run_limited(rows: int, *, processes: int) -> dict[str, str]:
    arguments = ["--rows", str(rows), "--processes", str(processes)]
    finished = subprocess.run(
        [sys.executable, "-c", LIMITED, *arguments], capture_output=True, text=True, check=True, timeout=600
    )
    return dict(line.split(" ", 1) for line in finished.stdout.splitlines())


@pytest.mark.slow
def test_feature_volume__on_one_and_two_processes__gives_the_same_vectors_in_bounded_memory() -> None:
    few = run_limited(FEW_ROWS, processes=1)
    many = run_limited(MANY_ROWS, processes=1)
    shared = run_limited(MANY_ROWS, processes=2)

    assert int(many["rows"]) >= MANY_ROWS
    assert many["digest"] == shared["digest"]
    assert int(many["peak_mb"]) < PEAK_LIMIT_MB
    assert int(many["peak_mb"]) < 2 * int(few["peak_mb"])
    assert float(many["vectors_cpu_s"]) * 1_000_000 / MANY_ROWS < 60
