"""Released bundles on a real chain: registered, self-tested within 16 million gas a transaction, pinned by the digest, and equal on every row."""

from __future__ import annotations

from pathlib import Path

import pytest

from oracle.domain.committee import ChainParams, CommitteeConfig, Params
from oracle.domain.ids import ETH, Address, keccak256
from oracle.domain.market import AssetFacts
from oracle.domain.score import ScoreKind
from oracle.domain.units import ChainId, Epoch
from oracle.scoring.codec import model_id
from tests.integration.model_registry_world import (
    BATCH_GAS_LIMIT,
    CHAIN_ID,
    GENESIS_S,
    TESTED,
    RegistryWorld,
    registry_world,
)
from tests.scoring.model_runs import ModelRun, make_runs

pytestmark = pytest.mark.anyio
NAMES = ("borrower-1", "collateral-1")
CASES_PER_BATCH = 128


@pytest.fixture(scope="module")
def runs() -> tuple[ModelRun, ModelRun]:
    by_name = {run.name: run for run in make_runs()}
    return by_name[NAMES[0]], by_name[NAMES[1]]


def config_of(runs: tuple[ModelRun, ModelRun]) -> CommitteeConfig:
    asset = AssetFacts(
        token=Address(b"\xa1" * 20),
        price_feed=Address(b"\xa2" * 20),
        numeraire=ETH,
        decimals=18,
        issuer_risk=0,
        bridge_risk=0,
    )
    params = Params(
        chains=(ChainParams(chain_id=ChainId(CHAIN_ID), markets=(), assets=(asset,)),),
        borrower_model_id=model_id(runs[0].data),
        collateral_model_id=model_id(runs[1].data),
        epoch_seconds=3_600,
        validity_seconds=10_800,
    )
    members = tuple(Address(bytes([i]) * 20) for i in range(1, 5))
    return CommitteeConfig(
        prev_digest=keccak256(b"salt"),
        seq=0,
        members=members,
        f=1,
        q=3,
        params=params,
        from_epoch=Epoch(GENESIS_S // 3_600),
    )


async def compare(world: RegistryWorld, run: ModelRun, *, step: int) -> int:
    """Register, test and compare every `step`-th row of a run; return how many."""
    code = await world.register(run.data)
    await world.run_self_test(code, run.self_test, cases_per_batch=CASES_PER_BATCH)
    assert await world.state_of(code) == TESTED
    is_borrower = run.model.kind is ScoreKind.BORROWER
    vectors = [row.astype(">u2").tobytes() for row in run.vectors[::step]]
    answers = await world.score(code, "scoreBorrower" if is_borrower else "scoreCollateral", vectors)
    for vector, answer, leaf in zip(vectors, answers, run.leaves[::step], strict=True):
        # Of a leaf: no kind and subject in front, and no reasons before the features hash.
        fields = leaf[64:256] + leaf[288:] if is_borrower else leaf[64:]
        assert answer == fields, vector.hex()
    return len(answers)


async def test_registry__released_models__are_tested_pinned_and_equal(
    runs: tuple[ModelRun, ModelRun], tmp_path: Path
) -> None:
    """R-01, R-02, R-03 on a chain."""
    config = config_of(runs)
    async with registry_world(config, tmp_path) as world:
        compared = [await compare(world, run, step=40) for run in runs]
        await world.pin(config)

        pinned = await world.chain.read(
            world.registry, "modelsOf(bytes32)", config.digest, returns=("bytes32", "bytes32")
        )

    assert compared == [250, 250]
    assert pinned == (config.params.borrower_model_id, config.params.collateral_model_id)
    assert max(world.gas_used["self-test"]) < BATCH_GAS_LIMIT


@pytest.mark.slow
async def test_registry__every_row__is_equal(runs: tuple[ModelRun, ModelRun], tmp_path: Path) -> None:
    """Ten thousand rows of each released model through `eth_call`."""
    async with registry_world(config_of(runs), tmp_path) as world:
        compared = [await compare(world, run, step=1) for run in runs]

    assert compared == [10_000, 10_000]
