"""`python -m tests.bench --out build/bench.json`: measure everything, write the list, show the table."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from tests.bench import market
from tests.bench.epoch import measure_epoch, measure_large_epoch, run_epochs
from tests.bench.features import measure_features
from tests.bench.figures import Figure
from tests.bench.gas import measure_gas
from tests.bench.gas_peers import measure_gas_peers
from tests.bench.ingestion import measure_ingestion
from tests.bench.machine import describe_machine
from tests.bench.merkle import measure_merkle
from tests.bench.posting import measure_posting
from tests.bench.scoring import measure_scoring
from tests.bench.table import make_table

LOG_WIDTH = 180
LARGE_RUNS = 2


def measure_all() -> Iterator[tuple[str, list[Figure]]]:
    """Yield each section's title and figures."""
    yield "Scoring, one thread", list(measure_scoring())
    with tempfile.TemporaryDirectory() as folder:
        epochs = run_epochs(Path(folder))
        yield "Feature vectors, one thread", list(measure_features(epochs.histories))
        yield "One epoch, n = 4, 1,000 borrowers on two chains", list(measure_epoch(epochs))
    with tempfile.TemporaryDirectory() as folder:
        large = run_epochs(Path(folder), market.LARGE, LARGE_RUNS)
        yield "One epoch, n = 4, 20,000 borrowers on two chains", list(measure_large_epoch(large))
        del large
    yield "Merkle tree, one thread", list(measure_merkle())
    yield "Ingestion, one local chain (anvil) under two names", asyncio.run(measure_ingestion())
    gas = asyncio.run(measure_gas())
    yield "Gas, one local chain (anvil, prague)", [*gas, asyncio.run(measure_posting())]
    yield "Gas beside peers on the same kind of chain", asyncio.run(measure_gas_peers(gas))


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure Assay against named peers.")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"), help="where the list is written")
    out: Path = parser.parse_args().out
    console = Console()
    if not console.is_terminal:
        console = Console(width=LOG_WIDTH)
    started_s = time.perf_counter()
    console.print(describe_machine())
    written: list[dict[str, str | float]] = []
    for title, figures in measure_all():
        console.print(make_table(title, figures))
        written += [figure.to_json() for figure in figures]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    console.print(f"{len(written)} figures in {time.perf_counter() - started_s:.0f} s: {out}")


if __name__ == "__main__":
    main()
