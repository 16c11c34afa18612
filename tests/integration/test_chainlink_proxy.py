"""A pair's feed behind Chainlink's own aggregator proxy, from its npm package: what it reads is what any consumer of a Chainlink feed reads.

The proxy is compiled with our compiler; its pin to 0.8.26 is the one line that is not as released. `make peers` fetches it once.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from eth_abi.abi import encode

from oracle.domain.units import HOUR_S
from oracle.errors import SandboxRpcError
from oracle.sandbox.aave import Deployer
from oracle.sandbox.accounts import derive_account
from oracle.sandbox.artifacts import load_forge_artifact
from oracle.sandbox.chains import AnvilChain
from tests.bench.gas_peers import load_peer
from tests.integration.scored_pair import CHAIN_ID, FIRST_EPOCH, PAIR, START_S, VALIDITY_S, deploy_scored_pair

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
LTV_CEILING = 0
ROUND = ("uint80", "int256", "uint256", "uint256", "uint80")
PHASE = 1 << 64
"""The proxy puts the number of its aggregator before a round's, which is our epoch."""


async def test_proxy__over_a_scores_feed__answers_while_the_score_is_valid(tmp_path: Path) -> None:
    chain = await AnvilChain.start(CHAIN_ID, directory=tmp_path, genesis_s=START_S)
    try:
        deployer = Deployer(chain=chain, address=derive_account(1, "deployer").address, clock_s=START_S)
        await chain.fund([deployer.address], 10**21)
        pair = await deploy_scored_pair(deployer)
        types = ("address", "bytes32", "uint8")
        feed = deployer.create(load_forge_artifact("ScoreFeed"), {}, types, pair.address, PAIR, LTV_CEILING)
        proxy = deployer.create_raw("proxy", load_peer("DataFeedsLegacyAggregatorProxy") + encode(["address"], [feed]))
        await deployer.run()
        await pair.post(ltv_bps=7_500, threshold_bps=8_000)

        assert await chain.read(proxy, "decimals()", returns=("uint8",)) == (4,)
        assert await chain.read(proxy, "description()", returns=("string",)) == ("Assay LTV ceiling",)
        observed_s = FIRST_EPOCH * HOUR_S
        expected = (PHASE + FIRST_EPOCH, 7_500, observed_s, observed_s, PHASE + FIRST_EPOCH)
        assert await chain.read(proxy, "latestRoundData()", returns=ROUND) == expected
        assert await chain.read(proxy, "getRoundData(uint80)", PHASE + FIRST_EPOCH, returns=ROUND) == expected
        await pair.wait(VALIDITY_S)
        with pytest.raises(SandboxRpcError):
            await chain.read(proxy, "latestRoundData()", returns=ROUND)
    finally:
        await chain.stop()
