"""An indexer as a process of its own, on a chain made from a seed: what the kill test starts, kills and starts again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

from oracle.chain.checked import CheckedChain
from oracle.chain.indexer import Indexer
from oracle.chain.logs import RangeSize
from oracle.domain.units import ChainId
from oracle.storage.chain_rows import ChainRows, Mark, RowTuple
from oracle.storage.engine import open_database
from tests.chain.aave_logs import market_opened, opened_loan
from tests.chain.fake_endpoint import CHAIN_ID, FakeChain, FakeEndpoint, address_of, make_params

BLOCKS = 120
STORING, DONE = "storing", "done"


def make_chain(seed: int) -> FakeChain:
    """Return a chain of many small and a few large blocks, about 10,000 logs in all."""
    random = Random(seed)
    chain = FakeChain()
    chain.mine(12, market_opened())
    for number in range(2, BLOCKS + 1):
        loans = 150 if random.randrange(20) == 0 else random.randrange(20)
        accounts = (address_of(f"{number} {i}") for i in range(loans))
        chain.mine(12 * number, [log for a in accounts for log in opened_loan(a, collateral=10**18, debt=10**6)])
    return chain


class AnnouncedRows(ChainRows):
    """Rows that say so right before each transaction."""

    def append(self, chain_id: ChainId, rows: Sequence[RowTuple], *, mark: Mark, filter_hash: bytes) -> None:
        print(STORING, mark[0], flush=True)
        super().append(chain_id, rows, mark=mark, filter_hash=filter_hash)


def index(rows: ChainRows, chain: FakeChain, range_blocks: int) -> None:
    """Index the chain from where the rows stand up to its head."""
    checked = CheckedChain(CHAIN_ID, [FakeEndpoint("a", chain), FakeEndpoint("b", chain)])
    size = RangeSize(range_blocks, range_blocks)
    asyncio.run(Indexer(make_params(), checked, rows, range_size=size).sync())


def main() -> None:
    """Hold the database and index, announcing every transaction."""
    path, seed, range_blocks = sys.argv[1:]
    database = open_database(Path(path))
    database.hold()
    index(AnnouncedRows(database), make_chain(int(seed)), int(range_blocks))
    print(DONE, flush=True)


if __name__ == "__main__":
    main()
