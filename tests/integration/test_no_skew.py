"""No skew: training's vectors from an export equal the node's, bit for bit, for every borrower and every collateral at five cuts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from oracle.domain.event import EventKind
from oracle.sandbox.config import HistorySpec, SandboxConfig, find_sandbox_models
from oracle.sandbox.replay.spec import ReplaySpec
from oracle.sandbox.world import World, start_world
from tests.integration.data_folder import find_data_folder
from tests.integration.no_skew import compare_node_and_training
from training.histories import compute_vectors

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

CUTS, EVERY_DAYS, REPLAY_EVERY_DAYS = 5, 29, 149
SPEC = HistorySpec(seed=11)


@pytest.fixture
async def generated_world(tmp_path: Path) -> AsyncIterator[World]:
    """The sandbox's full history of other borrowers than the demo's: five months, a crash, contracts, borrowers on both chains."""
    borrower_model, collateral_model = find_sandbox_models()
    config = SandboxConfig(
        history=SPEC,
        borrower_model=borrower_model,
        collateral_model=collateral_model,
        run_directory=tmp_path / "world",
    )
    async with await start_world(config) as world:
        yield world


async def test_vectors__generated_world__are_the_nodes_at_every_cut(generated_world: World, tmp_path: Path) -> None:
    comparison = await compare_node_and_training(generated_world, tmp_path, cuts=CUTS, every_days=EVERY_DAYS)
    print(comparison.describe())
    mismatches = comparison.find_mismatches()

    assert mismatches == []
    assert len(comparison.node) == CUTS
    # What makes the comparison worth something.
    newest, dataset = max(comparison.node), comparison.dataset
    n_borrowers = comparison.n_borrowers[newest]
    n_collaterals = len(comparison.node[newest]) - n_borrowers
    assert n_borrowers > 250
    assert n_collaterals == sum(len(chain.pairs) for chain in dataset.chains)
    assert {event.kind for borrower in dataset.borrowers for event in borrower.events} == set(EventKind)
    newest_positions = [[p.position for p in b.positions if p.as_of_s == newest] for b in dataset.borrowers]
    n_on_both = sum(len({p.chain_id for p in found}) == 2 for found in newest_positions)
    n_mixed = sum(len(p.collaterals) > 1 for found in newest_positions for p in found)
    n_contracts = sum(any(b.subject[:12]) for b in dataset.borrowers)
    assert min(n_on_both, n_mixed, n_contracts) > 10
    assert {change.name for change in dataset.parameters} >= {"liquidation_threshold_bps", "ltv_bps"}


async def test_vectors__one_sample_lost_on_the_way__is_seen(generated_world: World, tmp_path: Path) -> None:
    """The comparison can fail: training without a borrower's newest sample has another vector of it."""
    comparison = await compare_node_and_training(generated_world, tmp_path, cuts=1, every_days=1)
    dataset = comparison.dataset
    victim = next(b for b in dataset.borrowers if len(b.samples) > 30 and dataset.cuts_s[0] in b.listed_times)
    robbed = replace(victim, samples=victim.samples[:-1])
    lossy = replace(dataset, borrowers=tuple(robbed if b is victim else b for b in dataset.borrowers))

    training = {as_of_s: compute_vectors(lossy, as_of_s) for as_of_s in dataset.cuts_s}

    assert len(replace(comparison, training=training).find_mismatches()) == 1


@pytest.fixture
async def replayed_world(tmp_path: Path) -> AsyncIterator[World]:
    """Recorded vaults, all of them, over their whole span."""
    borrower_model, collateral_model = find_sandbox_models()
    config = SandboxConfig(
        history=ReplaySpec(dataset=find_data_folder()),
        borrower_model=borrower_model,
        collateral_model=collateral_model,
        run_directory=tmp_path / "world",
    )
    async with await start_world(config) as world:
        yield world


async def test_vectors__replayed_world__are_the_nodes_at_every_cut(replayed_world: World, tmp_path: Path) -> None:
    comparison = await compare_node_and_training(replayed_world, tmp_path, cuts=CUTS, every_days=REPLAY_EVERY_DAYS)
    print(comparison.describe())
    mismatches = comparison.find_mismatches()

    assert mismatches == []
    assert len(comparison.node) == CUTS
    replay, dataset = replayed_world.manifest.replay, comparison.dataset
    assert replay is not None
    # Most vaults are listed at some cut: debt, or a borrow in the year before.
    assert len(dataset.borrowers) > replay.vaults // 2
    liquidated = sum(any(e.kind is EventKind.LIQUIDATION for e in b.events) for b in dataset.borrowers)
    assert liquidated > replay.liquidated_vaults // 2
