"""Many rows of borrowers to vectors, in batches and on several processes: the same vectors, and no more memory for more rows."""

from __future__ import annotations

import subprocess
import sys

import pytest

MANY_ROWS, FEW_ROWS = 300_000, 60_000
"""Of borrowers: the price hours, which do not grow, come on top."""
MOST_GROWTH = 1.2
"""Of memory, from few rows to many: five times the borrowers, kept, would double it."""
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
    shared = run_limited(FEW_ROWS, processes=2)
    many = run_limited(MANY_ROWS, processes=1)
    print(few, shared, many, sep="\n")

    assert int(many["borrower_rows"]) >= MANY_ROWS > int(few["borrower_rows"]) * 3
    assert int(many["borrower_vectors"]) > int(few["borrower_vectors"]) * 3
    assert few["digest"] == shared["digest"]
    assert int(many["peak_mb"]) < PEAK_LIMIT_MB
    assert int(many["peak_mb"]) < MOST_GROWTH * int(few["peak_mb"])
    assert float(many["borrower_cpu_s"]) * 1_000_000 / MANY_ROWS < 60
