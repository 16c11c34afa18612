"""A chain full of logs: a hand-assembled contract that emits Aave's `Supply` as often as it is told, called once a block.

It answers the calls by which an adapter finds a pool's configurator with its own address, so the real indexer takes it for a market.
"""

from __future__ import annotations

from oracle.chain.abi import events
from oracle.domain.committee import ChainParams, MarketParams
from oracle.domain.ids import Address, parse_address, uint_word
from oracle.domain.units import BlockNumber, ChainId
from oracle.sandbox.accounts import derive_account
from oracle.sandbox.chains import AnvilChain
from oracle.sandbox.jsonrpc import Transaction
from tests.chain.fake_endpoint import WETH, make_params

CHAIN_ID = ChainId(31_337)
START_BLOCK = BlockNumber(1)
GAS_PER_LOG = 3_500
BATCH_BLOCKS = 100
_SENDER = derive_account(1, "bench").address

# Called with (count, seed): for count..1 emits Supply(WETH, seed + i, 0; seed + i, i). Called with a bare selector: returns its own address.
_RUNTIME = bytes.fromhex(
    "366004146062576020355f35"  # four bytes of calldata are a view call; else the stack is: seed, count
    "5b8015606057818101805f5281602052"  # loop: until count is zero; account = seed + count; memory: account, count
    f"5f8173{WETH.hex()}7f{events.SUPPLY.hex()}60405fa4"  # topics: Supply, token, account, zero
    "5060019003600c565b00"  # count - 1, again; end
    "5b305f5260205ff3"  # view: own address
)


SUPPLY_ABI = [
    {
        "type": "event",
        "name": "Supply",
        "anonymous": False,
        "inputs": [
            {"name": "reserve", "type": "address", "indexed": True},
            {"name": "user", "type": "address", "indexed": False},
            {"name": "onBehalfOf", "type": "address", "indexed": True},
            {"name": "amount", "type": "uint256", "indexed": False},
            {"name": "referralCode", "type": "uint16", "indexed": True},
        ],
    }
]


def creation_code() -> bytes:
    """Return what deploys the contract."""
    return bytes.fromhex(f"61{len(_RUNTIME):04x}80600a5f395ff3") + _RUNTIME


async def fill_chain(chain: AnvilChain, *, blocks_count: int, logs_per_block: int) -> ChainParams:
    """Deploy the contract, emit, make every block final, and return the parameters of a chain whose market it is."""
    await chain.fund([_SENDER], 10**27)
    (receipt,) = await chain.execute([Transaction(sender=_SENDER, to=None, data=creation_code())])
    pool = parse_address(receipt["contractAddress"])
    for first in range(0, blocks_count, BATCH_BLOCKS):
        for number in range(first, min(first + BATCH_BLOCKS, blocks_count)):
            await chain.send([_emission(pool, number, logs_per_block)])
            await chain.mine()
    for _ in range(4):
        await chain.mine()
    return params_of(pool)


def params_of(pool: Address) -> ChainParams:
    """Return the parameters of a chain with this market and the usual tokens."""
    market = MarketParams(protocol="aave_v3", market=pool, start_block=START_BLOCK)
    return ChainParams(chain_id=CHAIN_ID, markets=(market,), assets=make_params(CHAIN_ID).assets)


def _emission(pool: Address, number: int, logs_count: int) -> Transaction:
    data = uint_word(logs_count) + uint_word(number * logs_count + 1)
    return Transaction(sender=_SENDER, to="0x" + pool.hex(), data=data, gas=50_000 + GAS_PER_LOG * logs_count)
