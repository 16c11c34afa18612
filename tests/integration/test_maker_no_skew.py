"""No skew on recorded histories: all Maker vaults, replayed on two chains, are to the node exactly what a fee-free twin of the Maker adapter says.

The twin (`training/datasets/maker_on_aave.py`) has Aave's integers and no stability fee. It is not what `borrower-1` is trained on: with the fee, which
`training/datasets/maker.py` accrues, other debts and health factors follow.
"""

from __future__ import annotations

import pytest

from oracle.sandbox.config import SandboxConfig
from oracle.sandbox.replay.report import ReplayReport
from oracle.sandbox.replay.spec import ReplaySpec
from oracle.sandbox.world import start_world
from tests.integration.data_folder import find_data_folder
from tests.integration.maker_skew import compare_maker

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
CUTS, EVERY_DAYS = 5, 180
LEAST_EQUAL_VAULTS, LEAST_LISTED_VAULTS = 500, 200


async def test_vectors__every_exact_vault__equal_the_twins_at_five_cuts() -> None:
    data = find_data_folder()
    config = SandboxConfig(history=ReplaySpec(dataset=data), block_interval_s=0)
    async with await start_world(config) as world:
        report = ReplayReport.read(world.directory)
        comparison = await compare_maker(world, data, cuts=CUTS, every_days=EVERY_DAYS)
    print(comparison.describe())

    exact = {vault.vault_id for vault in report.vaults if vault.is_exact}
    assert comparison.different == {}
    assert comparison.listed == comparison.expected
    assert len(comparison.listed) == CUTS
    assert all(len(vaults) >= LEAST_LISTED_VAULTS for vaults in comparison.listed.values())
    assert len(exact & {*comparison.equal}) >= LEAST_EQUAL_VAULTS
    assert len(comparison.equal) + len(comparison.unlisted) + len(comparison.different) == len(report.vaults)
    assert sum(activity.failed_transactions for activity in world.manifest.activity) == 0
