"""Where endpoints agree on blocks and not on their logs, the receipts decide; where they cannot, the node abstains (CH-01, CH-07)."""

from __future__ import annotations

from typing import Any

import pytest
import rlp
from hypothesis import given
from hypothesis import strategies as st

from oracle.chain.abi import events
from oracle.chain.checked import CheckedChain
from oracle.chain.dispute import BLOCKS_PROVEN_AT_ONCE, BLOCKS_PROVEN_PER_READ, fetch_proven_logs
from oracle.chain.logs import LogQuery, RawLog
from oracle.domain.ids import Hash32, keccak256
from oracle.domain.units import BlockNumber
from oracle.errors import EndpointDisagreementError
from tests.chain.aave_logs import answer
from tests.chain.fake_endpoint import CHAIN_ID, WETH, feed_of
from tests.chain.provable_chain import Json, ProvableChain, ProvingEndpoint

pytestmark = pytest.mark.anyio
QUANTITIES = frozenset(["difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas"])


def hash_header(header: Json) -> Hash32:
    """Return a header's hash, put together apart from the code under test."""
    fields: list[int | bytes] = [
        int(value, 16) if name in QUANTITIES else bytes.fromhex(value[2:]) for name, value in header.items()
    ]
    return keccak256(rlp.encode(fields))


def make_chain(blocks: int = 9) -> ProvableChain:
    chain = ProvableChain(hash_header)
    for number in range(1, blocks + 1):
        chain.mine(number * 12, [answer(WETH, (number + i) * 10**8) for i in range(1 + number % 3)])
    return chain


def make_query(blocks: int = 9) -> LogQuery:
    return LogQuery(
        first_block=BlockNumber(0),
        last_block=BlockNumber(blocks),
        addresses=frozenset({feed_of(WETH)}),
        topics=frozenset({events.ANSWER_UPDATED}),
    )


async def fetch_honest(chain: ProvableChain, query: LogQuery) -> tuple[RawLog, ...]:
    pair = [ProvingEndpoint("a", chain), ProvingEndpoint("b", chain)]
    return await CheckedChain(CHAIN_ID, pair).fetch_logs(query)


@pytest.mark.parametrize("kept", [0, 1, 5])
async def test_fetch_logs__one_of_two_truncates__receipts_decide_and_it_is_blamed(kept: int) -> None:
    chain = make_chain()
    truncating = ProvingEndpoint("truncating", chain)
    truncating.truncated_to = kept
    checked = CheckedChain(CHAIN_ID, [truncating, ProvingEndpoint("honest", chain)])

    logs = await checked.fetch_logs(make_query())

    assert logs == await fetch_honest(chain, make_query())
    assert checked.disagreements == {"truncating": 1}


async def test_fetch_logs__both_lie_about_different_blocks__the_truth_is_neithers_answer() -> None:
    chain = make_chain()
    left, right = ProvingEndpoint("left", chain), ProvingEndpoint("right", chain)
    left.hidden_blocks, right.hidden_blocks = frozenset({2}), frozenset({7})
    checked = CheckedChain(CHAIN_ID, [left, right])

    logs = await checked.fetch_logs(make_query())

    assert logs == await fetch_honest(chain, make_query())
    assert checked.disagreements == {"left": 1, "right": 1}
    assert sorted({*left.proven_blocks, *right.proven_blocks}) == [2, 7]


async def test_fetch_logs__only_the_liar_has_receipts__they_prove_it_wrong_all_the_same() -> None:
    chain = make_chain()
    lying, bare = ProvingEndpoint("lying", chain), ProvingEndpoint("bare", chain)
    lying.hidden_blocks = frozenset({3})
    bare.has_receipts = False

    checked = CheckedChain(CHAIN_ID, [bare, lying])

    assert await checked.fetch_logs(make_query()) == await fetch_honest(chain, make_query())
    assert checked.disagreements == {"lying": 1}


async def test_fetch_logs__receipts_one_by_one_only__settle_too() -> None:
    chain = make_chain()
    endpoints = [ProvingEndpoint("lying", chain), ProvingEndpoint("honest", chain)]
    endpoints[0].hidden_blocks = frozenset({3})
    for endpoint in endpoints:
        endpoint.has_block_receipts = False

    logs = await CheckedChain(CHAIN_ID, endpoints).fetch_logs(make_query())

    assert logs == await fetch_honest(chain, make_query())


async def test_fetch_logs__receipts_forged_and_none_elsewhere__abstains_with_both_digests() -> None:
    chain = make_chain()
    lying, bare = ProvingEndpoint("lying", chain), ProvingEndpoint("bare", chain)
    lying.hidden_blocks = frozenset({3})
    lying.forge = lambda receipts: receipts[:-1]
    bare.has_receipts = False
    checked = CheckedChain(CHAIN_ID, [lying, bare])

    with pytest.raises(EndpointDisagreementError, match="are not its receipts") as caught:
        await checked.fetch_logs(make_query())

    assert {"0:lying", "1:bare"} == set(caught.value.answers)
    assert len(set(caught.value.answers.values())) == 2
    assert checked.disagreements == {}


async def test_fetch_logs__blocks_differ_as_well__abstains() -> None:
    left, right = make_chain(), make_chain()
    right.reorganise(5)

    with pytest.raises(EndpointDisagreementError, match=r"block"):
        await CheckedChain(CHAIN_ID, [ProvingEndpoint("a", left), ProvingEndpoint("b", right)]).fetch_logs(make_query())


async def test_fetch_logs__long_answers_are_cut_off__short_ones_are_asked_for_and_few_blocks_proven() -> None:
    """An endpoint that gives at most 50 of 400 logs: smaller ranges agree, and only what is left is proven."""
    chain = make_chain(200)
    capped, honest = ProvingEndpoint("capped", chain), ProvingEndpoint("honest", chain)
    capped.truncated_to = 50
    checked = CheckedChain(CHAIN_ID, [capped, honest])

    logs = await checked.fetch_logs(make_query(200))

    assert logs == await fetch_honest(chain, make_query(200))
    proven = capped.proven_blocks + honest.proven_blocks
    assert len(proven) <= BLOCKS_PROVEN_AT_ONCE
    assert len(honest.asked_ranges) <= 2 * 200 // BLOCKS_PROVEN_AT_ONCE


async def test_fetch_logs__liar_about_every_block_of_a_long_range__costs_no_more_than_the_limit() -> None:
    blocks = 2 * BLOCKS_PROVEN_PER_READ
    chain = make_chain(blocks)
    lying, honest = ProvingEndpoint("lying", chain), ProvingEndpoint("honest", chain)
    lying.truncated_to = 0

    with pytest.raises(EndpointDisagreementError, match="blocks differ"):
        await CheckedChain(CHAIN_ID, [lying, honest]).fetch_logs(make_query(blocks))

    assert len(lying.proven_blocks + honest.proven_blocks) <= BLOCKS_PROVEN_PER_READ


async def test_fetch_logs__liar_lists_a_million_transactions__is_asked_for_none_of_them() -> None:
    """The header, which the hash proves, says how much gas was used, and a transaction costs 21,000 at least."""
    chain = make_chain()
    lying, honest = ProvingEndpoint("lying", chain), ProvingEndpoint("honest", chain)
    lying.hidden_blocks, lying.has_block_receipts, lying.claimed_transactions_count = frozenset({3}), False, 1_000_000

    logs = await CheckedChain(CHAIN_ID, [lying, honest]).fetch_logs(make_query())

    assert logs == await fetch_honest(chain, make_query())
    assert lying.asked_receipts_count == 1


async def test_fetch_logs__one_block_of_the_proof_is_bad__the_others_are_taken_from_it() -> None:
    chain = make_chain()
    partial, honest = ProvingEndpoint("partial", chain), ProvingEndpoint("honest", chain)
    partial.hidden_blocks = frozenset({2, 5, 7})
    spoilt = chain.receipts(2)
    partial.forge = lambda receipts: [] if receipts == spoilt else receipts

    logs = await CheckedChain(CHAIN_ID, [partial, honest]).fetch_logs(make_query())

    assert logs == await fetch_honest(chain, make_query())
    assert honest.proven_blocks == [2]


@pytest.mark.parametrize(
    "forge",
    [
        lambda receipts: [{**receipts[0], "cumulativeGasUsed": "-0x1"}, *receipts[1:]],
        lambda receipts: [{**receipts[0], "status": "0x" + "f" * 5_000}, *receipts[1:]],
        lambda receipts: [{**receipts[0], "logs": [[]]}, *receipts[1:]],
        lambda receipts: 7,
    ],
)
async def test_fetch_logs__receipts_made_to_break_the_reader__the_other_endpoint_decides(forge: Any) -> None:
    chain = make_chain()
    lying, honest = ProvingEndpoint("lying", chain), ProvingEndpoint("honest", chain)
    lying.hidden_blocks, lying.forge = frozenset({3}), forge

    logs = await CheckedChain(CHAIN_ID, [lying, honest]).fetch_logs(make_query())

    assert logs == await fetch_honest(chain, make_query())
    assert honest.proven_blocks == [3]


async def test_fetch_proven_logs__one_hands_over_byte_by_byte__is_left_behind_and_the_next_asked() -> None:
    chain = make_chain()
    slow, honest = ProvingEndpoint("slow", chain), ProvingEndpoint("honest", chain)
    slow.delay_s = 30.0
    hashes = {BlockNumber(3): Hash32(chain.blocks[3].block_hash)}
    disagreement = EndpointDisagreementError(CHAIN_ID, "logs", {})

    proven = await fetch_proven_logs([slow, honest], make_query(), hashes, disagreement, longest_s=0.05)

    assert len(proven[BlockNumber(3)]) == len(chain.blocks[3].logs)
    with pytest.raises(EndpointDisagreementError, match=r"endpoint slow: its receipts took more than"):
        await fetch_proven_logs([slow], make_query(), hashes, disagreement, longest_s=0.05)


@given(hidden=st.lists(st.frozensets(st.integers(1, 9)), min_size=2, max_size=3))
async def test_fetch_logs__whatever_each_hides__is_the_truth_or_what_two_said(hidden: list[frozenset[int]]) -> None:
    """CH-01: what comes back is either proven, or the answer that two endpoints gave."""
    chain = make_chain()
    endpoints = [ProvingEndpoint(str(i), chain) for i in range(len(hidden))]
    for endpoint, blocks in zip(endpoints, hidden, strict=True):
        endpoint.hidden_blocks = blocks
    everywhere_hidden = frozenset.intersection(*hidden)
    truth = await fetch_honest(chain, make_query())

    logs = await CheckedChain(CHAIN_ID, endpoints).fetch_logs(make_query())

    shared = [blocks for blocks in hidden if hidden.count(blocks) >= 2]
    missing = shared[0] if shared else everywhere_hidden
    assert logs == tuple(log for log in truth if log.block_number not in missing)
