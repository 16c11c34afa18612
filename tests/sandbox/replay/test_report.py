"""The report of a replay: what the chain refused is a reason like any other, and both halves of an owner are one vault."""

from __future__ import annotations

from oracle.sandbox.replay.dataset import RowKind
from oracle.sandbox.replay.execute import Refusal, ReplayProgress
from oracle.sandbox.replay.planner import plan_vault, split_rows
from oracle.sandbox.replay.report import describe_vaults
from tests.sandbox.replay.vault_rows import E8, WAD, make_row, opened

CHAINS = (31_337, 31_338)
ADDRESSES = {7: "0x" + "11" * 20}


def price(_: int) -> int:
    return 200 * E8


def test_describe_vaults__chain_refused_a_row__vault_is_not_exact_and_says_why() -> None:
    rows = opened()
    progress = ReplayProgress(block_hashes_code="0x")
    progress.refusals.append(Refusal(label="borrow", owner_id=7, row_number=1, block_number=99))

    (vault,) = describe_vaults({7: rows}, {CHAINS[0]: [plan_vault(7, rows, price)]}, {CHAINS[0]: progress}, ADDRESSES)

    assert not vault.is_exact
    assert (vault.rows, vault.replayed) == (2, 1)
    assert [(r.row, r.outcome, r.reason) for r in vault.remarks] == [(1, "skipped", "the chain refused it")]


def test_describe_vaults__capped_and_dropped_rows_only__vault_is_exact() -> None:
    rows = [
        *opened(dai=1_000),
        make_row(RowKind.REPAY, number=2, dai_wad=400 * WAD),
        make_row(RowKind.LIQUIDATION, number=3, dai_wad=600 * WAD),
        make_row(RowKind.DEPOSIT, number=4, eth_wad=WAD),
    ]
    progress = {CHAINS[0]: ReplayProgress(block_hashes_code="0x")}

    (vault,) = describe_vaults({7: rows}, {CHAINS[0]: [plan_vault(7, rows, price)]}, progress, ADDRESSES)

    assert (vault.is_exact, vault.is_liquidated) == (True, True)
    assert [(r.row, r.outcome) for r in vault.remarks] == [(4, "dropped")]


def test_describe_vaults__owner_on_both_chains__is_one_vault() -> None:
    rows = opened()
    plans = {chain_id: [plan_vault(7, half, price)] for chain_id, half in zip(CHAINS, split_rows(rows), strict=True)}
    progress = {chain_id: ReplayProgress(block_hashes_code="0x") for chain_id in CHAINS}

    (vault,) = describe_vaults({7: rows}, plans, progress, ADDRESSES)

    assert vault.chain_ids == CHAINS
    assert vault.replayed == 4
