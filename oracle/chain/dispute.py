"""Disputes about logs: two endpoints agree on a block's hash but not on its logs, so the block itself has to say.

The hash proves the header, the header's receipts root proves the receipts, and the logs follow from them (`receipts`). It does not matter who hands them
over. Only blocks on which the answers differ are proven. Where they are many, smaller ranges are asked for first: most often an endpoint cut off a long
answer, and gives short ones whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from oracle.chain.logs import LogQuery, RawLog
from oracle.chain.quantities import parse_quantity, read_answer
from oracle.chain.receipts import read_proven_logs, read_receipts_root
from oracle.chain.rpc import Call, Endpoint
from oracle.domain.ids import Hash32
from oracle.domain.units import BlockNumber
from oracle.errors import (
    EndpointDisagreementError,
    EndpointError,
    EndpointRefusalError,
    MalformedAnswerError,
    WrongChainError,
)

BLOCKS_PROVEN_AT_ONCE = 16
BLOCKS_PROVEN_PER_READ = 256
LONGEST_PROOF_S = 60.0
"""How long one endpoint may take to hand over what proves one range."""
TRANSACTION_GAS = 21_000
"""What a transaction costs at least. Source: Yellow Paper, appendix G."""
FREE_TRANSACTIONS = 16
"""Of those that some chains add to each block themselves, without gas."""
FAILURES_SHOWN = 4


class DisputeBudget:
    """How many blocks one read may still prove: a liar must not make a node fetch all receipts of a chain."""

    def __init__(self, left_blocks: int = BLOCKS_PROVEN_PER_READ) -> None:
        self._left_blocks = left_blocks

    def is_worth_halving(self, disputed: Sequence[BlockNumber]) -> bool:
        """Return whether a smaller range should be asked for before anything is proven."""
        return len(disputed) > min(BLOCKS_PROVEN_AT_ONCE, self._left_blocks)

    def spend(self, disputed: Sequence[BlockNumber], disagreement: EndpointDisagreementError) -> None:
        """Take note that these blocks will be proven.

        Raises:
            EndpointDisagreementError: if that is more than one read may cost.
        """
        self._left_blocks -= len(disputed)
        if self._left_blocks < 0:
            words = f"more than {BLOCKS_PROVEN_PER_READ} blocks differ"
            raise _unsettled(disagreement, words, is_range_to_blame=True)


def find_disputed_blocks(answers: Sequence[Sequence[RawLog]]) -> tuple[BlockNumber, ...]:
    """Return the blocks on whose logs not all answers are the same, ascending."""
    by_block = [_by_block(logs) for logs in answers]
    numbers = sorted(frozenset().union(*by_block))
    return tuple(n for n in numbers if len({logs.get(n) for logs in by_block}) > 1)


def replace_blocks(logs: Sequence[RawLog], proven: Mapping[BlockNumber, tuple[RawLog, ...]]) -> tuple[RawLog, ...]:
    """Return `logs` with those of some blocks replaced, in their order."""
    by_block = {**_by_block(logs), **proven}
    return tuple(log for number in sorted(by_block) for log in by_block[number])


def halve(query: LogQuery) -> tuple[LogQuery, LogQuery]:
    """Return two queries for the two halves of a range of at least two blocks."""
    middle = BlockNumber((query.first_block + query.last_block) // 2)
    return replace(query, last_block=middle), replace(query, first_block=BlockNumber(middle + 1))


async def fetch_proven_logs(
    endpoints: Sequence[Endpoint],
    query: LogQuery,
    hashes: Mapping[BlockNumber, Hash32],
    disagreement: EndpointDisagreementError,
    longest_s: float = LONGEST_PROOF_S,
) -> dict[BlockNumber, tuple[RawLog, ...]]:
    """Return the logs of each of the blocks with these agreed hashes, from whichever endpoint's header and receipts fit.

    Raises:
        EndpointDisagreementError: if nobody has those of some block.
    """
    proven: dict[BlockNumber, tuple[RawLog, ...]] = {}
    failures: list[str] = []
    for endpoint in endpoints:
        missing = {number: block_hash for number, block_hash in hashes.items() if number not in proven}
        if not missing:
            break
        try:
            async with asyncio.timeout(longest_s):
                await read_answer(endpoint.name, _prove_blocks(endpoint, query, missing, proven, failures))
        except (EndpointError, WrongChainError) as error:
            failures.append(str(error))
        except TimeoutError:
            failures.append(f"endpoint {endpoint.name}: its receipts took more than {longest_s:.0f} s")
    if len(proven) < len(hashes):
        raise _unsettled(disagreement, "; ".join(failures[:FAILURES_SHOWN]))
    return proven


async def _prove_blocks(
    endpoint: Endpoint,
    query: LogQuery,
    hashes: Mapping[BlockNumber, Hash32],
    proven: dict[BlockNumber, tuple[RawLog, ...]],
    failures: list[str],
) -> None:
    """Add what one endpoint proves to `proven`: a block at a time, so that one that does not fit costs no other."""
    headers = await endpoint.batch([("eth_getBlockByNumber", [hex(number), False]) for number in hashes])
    blocks: dict[BlockNumber, tuple[Hash32, Any]] = {}
    for number, block in zip(hashes, headers, strict=True):
        try:
            blocks[number] = (read_receipts_root(endpoint.name, hashes[number], block), block)
        except MalformedAnswerError as error:
            failures.append(str(error))
    together = await _fetch_block_receipts(endpoint, list(blocks))
    for number, (root, block) in blocks.items():
        try:
            receipts = together.get(number)
            if receipts is None:
                receipts = await read_answer(endpoint.name, _fetch_single_receipts(endpoint, number, block))
            proven[number] = read_proven_logs(endpoint.name, query, number, hashes[number], root, receipts)
        except (EndpointRefusalError, MalformedAnswerError) as error:
            failures.append(str(error))


async def _fetch_block_receipts(endpoint: Endpoint, numbers: Sequence[BlockNumber]) -> dict[BlockNumber, Any]:
    """Return the receipts of whole blocks, of none where the endpoint has no such method."""
    if not numbers:
        return {}
    try:
        given = await endpoint.batch([("eth_getBlockReceipts", [hex(number)]) for number in numbers])
    except EndpointRefusalError:
        return {}
    return dict(zip(numbers, given, strict=True))


async def _fetch_single_receipts(endpoint: Endpoint, number: BlockNumber, block: Any) -> list[Any]:
    """Return a block's receipts one by one; the header, which is proven, says how many there can be at most, the list of hashes is only claimed."""
    hashes, largest_count = (
        block["transactions"],
        parse_quantity(block["gasUsed"]) // TRANSACTION_GAS + FREE_TRANSACTIONS,
    )
    if not isinstance(hashes, list) or len(hashes) > largest_count:
        raise MalformedAnswerError(endpoint.name, f"block {number} with transactions that its gas was not enough for")
    calls: list[Call] = [("eth_getTransactionReceipt", [str(transaction_hash)]) for transaction_hash in hashes]
    return await endpoint.batch(calls) if calls else []


def _by_block(logs: Sequence[RawLog]) -> dict[BlockNumber, tuple[RawLog, ...]]:
    return {number: tuple(group) for number, group in groupby(logs, key=lambda log: log.block_number)}


def _unsettled(
    disagreement: EndpointDisagreementError, why: str, *, is_range_to_blame: bool = False
) -> EndpointDisagreementError:
    d = disagreement
    return EndpointDisagreementError(d.chain_id, d.subject, d.answers, why, is_range_to_blame=is_range_to_blame)
