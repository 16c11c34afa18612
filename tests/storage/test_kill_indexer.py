"""An indexer killed at any moment, inside a transaction too, ends with the rows of one that nobody disturbed (CH-02)."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from oracle.chain.rows import compute_rows_digest
from oracle.storage.chain_rows import ChainRows
from oracle.storage.engine import open_database
from tests.chain.fake_endpoint import CHAIN_ID
from tests.storage.indexing_process import index, make_chain

KILLS = 6
LONGEST_WAIT_S = 0.03
"""A transaction takes about that long: some kills come before it, some inside, some after."""


def start_and_kill(path: Path, seed: int, random: Random) -> None:
    """Start the indexer and kill it a moment after it began one of its first transactions, or let it end."""
    range_blocks, transactions = random.randrange(4, 16), random.randrange(1, 4)
    command = [sys.executable, "-m", "tests.storage.indexing_process", str(path), str(seed), str(range_blocks)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(transactions):
            process.stdout.readline()
        time.sleep(random.uniform(0, LONGEST_WAIT_S))
        process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_kill__at_random_moments__rows_are_those_of_an_undisturbed_run(tmp_path: Path, seed: int) -> None:
    random, chain = Random(seed), make_chain(seed)
    undisturbed, killed = open_database(tmp_path / "undisturbed.db"), open_database(tmp_path / "killed.db")
    index(ChainRows(undisturbed), chain, 40)
    expected = list(ChainRows(undisturbed).load_rows(CHAIN_ID, 0, 10**9))
    rows = ChainRows(killed)

    kept = []
    for _ in range(KILLS):
        start_and_kill(tmp_path / "killed.db", seed, random)
        newest = next((number for number, _ in rows.load_marks(CHAIN_ID)), -1)
        found = list(rows.load_rows(CHAIN_ID, 0, 10**9))
        assert found == [row for row in expected if row[0] <= newest]
        kept.append(len(found))
    index(rows, chain, 40)
    found = list(rows.load_rows(CHAIN_ID, 0, 10**9))
    undisturbed.close()
    killed.close()

    assert len(found) == sum(len(block.logs) for block in chain.blocks)
    assert compute_rows_digest(found) == compute_rows_digest(expected)
    assert all(before <= after for before, after in pairwise(kept))
    assert any(0 < count < len(expected) for count in kept), f"no kill hit the middle: {kept}"
