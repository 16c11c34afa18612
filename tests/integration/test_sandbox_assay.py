"""Assay's contracts in a world: one committee for both chains, markets that lend as their terms say."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from oracle.domain.ids import keccak256
from oracle.sandbox.assay import build_committee
from oracle.sandbox.config import TINY_HISTORY, CommitteeSpec, SandboxConfig
from oracle.sandbox.jsonrpc import Transaction, encode_call
from oracle.sandbox.manifest import WorldManifest
from oracle.sandbox.world import World, start_world

pytestmark = pytest.mark.anyio
CHAIN = 31_337
MAX_UINT = 2**256 - 1
HEADER_BYTES = 44
BORROWER_TABLES_BYTES = 5_919


@pytest.fixture
def config(vectors_dir: Path, tmp_path: Path) -> SandboxConfig:
    """A world with the models of the frozen vectors."""
    borrower, collateral, *_ = orjson.loads((vectors_dir / "model.json").read_bytes())["models"]
    (tmp_path / "borrower.bin").write_bytes(bytes.fromhex(borrower["bin"][2:]))
    (tmp_path / "collateral.bin").write_bytes(bytes.fromhex(collateral["bin"][2:]))
    return SandboxConfig(
        history=TINY_HISTORY,
        committee=CommitteeSpec(epoch_seconds=20, validity_seconds=200, grace_seconds=40),
        borrower_model=tmp_path / "borrower.bin",
        collateral_model=tmp_path / "collateral.bin",
        block_interval_s=0,
    )


async def borrow_usdc(world: World, market: str, *, weth_wad: int, usdc_e6: int) -> list[str]:
    """The first integrator supplies WETH to a market and asks for a loan without proof; returns the statuses."""
    user = world.manifest.account("integrator").address
    weth = world.manifest.chain(CHAIN).token("WETH").address

    def call(to: str, signature: str, *arguments: object) -> Transaction:
        return Transaction(sender=user, to=to, data=encode_call(signature, *arguments))

    receipts = await world.execute(
        CHAIN,
        [
            call(weth, "mint(address,uint256)", user, weth_wad),
            call(weth, "approve(address,uint256)", market, MAX_UINT),
            call(market, "supplyCollateral(uint256,address)", weth_wad, user),
            call(market, "borrow(uint256,address)", usdc_e6, user),
        ],
    )
    return [receipt["status"] for receipt in receipts]


async def test_assay__both_chains__hold_the_digest_that_nodes_compute(config: SandboxConfig) -> None:
    async with await start_world(config) as world:
        committee = build_committee(WorldManifest.read(world.manifest_path))
        for chain in world.manifest.chains:
            assert chain.assay is not None
            oracle = chain.assay.risk_oracle
            (digest,) = await world.chain(chain.chain_id).read(oracle, "configDigest()", returns=("bytes32",))
            _, _, f, q, members = await world.chain(chain.chain_id).read(
                oracle, "committee()", returns=("uint64", "uint64", "uint8", "uint8", "address[]")
            )

            assert digest == committee.digest
            assert (f, q) == (1, 3)
            assert [bytes.fromhex(member[2:]) for member in members] == list(committee.members)


async def test_assay__tables_contract__holds_the_tables_section_after_a_stop_byte(config: SandboxConfig) -> None:
    assert config.borrower_model is not None
    model = config.borrower_model.read_bytes()
    async with await start_world(config) as world:
        entry = world.manifest.chain(CHAIN)
        assert entry.assay is not None
        code = await world.chain(CHAIN).rpc("eth_getCode", entry.assay.borrower_tables, "latest")

    tables = model[HEADER_BYTES : HEADER_BYTES + BORROWER_TABLES_BYTES]
    assert bytes.fromhex(code[2:]) == b"\0" + tables
    assert world.manifest.committee is not None
    assert world.manifest.committee.borrower_model_id == "0x" + keccak256(model).hex()


async def test_assay__loan_without_a_score__static_market_lends_and_scored_one_refuses(config: SandboxConfig) -> None:
    async with await start_world(config) as world:
        await world.set_price("WETH", 2_000 * 10**8, chain_id=CHAIN)
        await world.set_price("USDC", 1 * 10**8, chain_id=CHAIN)
        entry = world.manifest.chain(CHAIN)
        assert entry.assay is not None
        markets = {market.name: market.address for market in entry.assay.markets}

        static = await borrow_usdc(world, markets["WETH-USDC-static"], weth_wad=10**18, usdc_e6=1_600 * 10**6)
        above = await borrow_usdc(world, markets["WETH-USDC-static"], weth_wad=1, usdc_e6=100 * 10**6)
        scored = await borrow_usdc(world, markets["WETH-USDC-scored"], weth_wad=10**18, usdc_e6=100 * 10**6)

    # 80.5 % of $2,000 is $1,610; no collateral score has landed yet, so the scored market lends nothing.
    assert static == ["0x1", "0x1", "0x1", "0x1"]
    assert above == ["0x1", "0x1", "0x1", "0x0"]
    assert scored == ["0x1", "0x1", "0x1", "0x0"]


async def test_world__without_models__runs_without_assay() -> None:
    async with await start_world(SandboxConfig(history=TINY_HISTORY, block_interval_s=0)) as world:
        assert [chain.assay for chain in world.manifest.chains] == [None, None]
        assert world.manifest.committee is None
        assert len([account for account in world.manifest.accounts if account.role == "member"]) == 4
