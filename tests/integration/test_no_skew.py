"""No skew: training's vectors from an export equal the node's, bit for bit, for every borrower and every collateral at five cuts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from oracle.domain.event import EventKind
from oracle.domain.ids import SubjectId, borrower_subject, parse_address
from oracle.sandbox.config import HistorySpec, SandboxConfig, find_sandbox_models
from oracle.sandbox.replay.spec import ReplaySpec
from oracle.sandbox.world import World, start_world
from tests.integration.data_folder import find_data_folder
from tests.integration.no_skew import Comparison, compare_node_and_training
from training.histories import compute_vectors

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

CUTS, EVERY_DAYS = 5, 29
# Vaults have years of history, borrowers of Morpho Blue 55 days at its end: two schedules of one world.
VAULT_EVERY_DAYS, MORPHO_EVERY_DAYS = 149, 10
LEAST_VAULTS, LEAST_LIQUIDATED, LEAST_ON_MORPHO = 200, 30, 200
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


def choose_subjects(world: World, *, vaults: bool) -> set[SubjectId]:
    """Return the subjects of the replayed vaults, or of the other borrowers, which are those of Morpho Blue."""
    return {
        borrower_subject(parse_address(borrower.address))
        for borrower in world.manifest.borrowers
        if (borrower.vault_id is not None) is vaults
    }


def check_all_equal(comparison: Comparison) -> None:
    """Hold that nothing differs, and that every pair of the committee's was compared at every cut."""
    print(comparison.describe())
    mismatches = comparison.find_mismatches()

    assert mismatches == []
    assert len(comparison.node) == CUTS
    n_collaterals = [len(vectors) - comparison.n_borrowers[as_of_s] for as_of_s, vectors in comparison.node.items()]
    assert n_collaterals == [sum(len(chain.pairs) for chain in comparison.dataset.chains)] * CUTS


async def test_vectors__replayed_world__are_the_nodes_at_every_cut(replayed_world: World, tmp_path: Path) -> None:
    vaults = choose_subjects(replayed_world, vaults=True)
    on_morpho = choose_subjects(replayed_world, vaults=False)

    over_years = await compare_node_and_training(
        replayed_world, tmp_path / "years", cuts=CUTS, every_days=VAULT_EVERY_DAYS
    )
    over_weeks = await compare_node_and_training(
        replayed_world, tmp_path / "weeks", cuts=CUTS, every_days=MORPHO_EVERY_DAYS
    )

    # Vaults: many at each cut, most at some cut, and enough that were liquidated.
    check_all_equal(over_years)
    listed = [vaults & vectors.keys() for _, vectors in sorted(over_years.node.items())]
    liquidated = {
        borrower.subject
        for borrower in over_years.dataset.borrowers
        if borrower.subject in vaults and any(event.kind is EventKind.LIQUIDATION for event in borrower.events)
    }
    print(f"vaults at each cut: {[*map(len, listed)]}, {len(set().union(*listed))} of {len(vaults)} at some cut")
    print(f"{len(liquidated)} vaults with a liquidation")
    assert min(map(len, listed)) >= LEAST_VAULTS
    assert len(set().union(*listed)) > len(vaults) * 9 // 10
    assert len(liquidated) > LEAST_LIQUIDATED
    # Borrowers of Morpho Blue: some that are there at every cut, with another vector each time, and more from cut to cut.
    check_all_equal(over_weeks)
    morpho_listed = [on_morpho & vectors.keys() for _, vectors in sorted(over_weeks.node.items())]
    at_all_cuts = set.intersection(*morpho_listed)
    changing = {s for s in at_all_cuts if len({vectors[s] for vectors in over_weeks.node.values()}) == CUTS}
    print(
        f"of Morpho Blue at each cut: {[*map(len, morpho_listed)]}, {len(at_all_cuts)} at all, {len(changing)} changing"
    )
    assert min(len(at_all_cuts), len(changing)) >= LEAST_ON_MORPHO
    assert all(before < after for before, after in pairwise(morpho_listed))
