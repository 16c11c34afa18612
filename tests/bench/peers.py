"""Figures of peers that cannot be shipped or run here, as constants with their source, and the limits of our own profiles.

Gas of other oracles: whole transactions in steady state, deployed from their released npm packages on a local EVM (anvil, prague) and driven with
real signatures. libocr and OCR2Base: `@chainlink/contracts` 1.4.0. RedStone: `@redstone-finance/evm-connector` 0.9.0, what a pull adds to a call.
"""

from __future__ import annotations

from collections.abc import Mapping

from oracle.consensus.committee import SANDBOX_TIMING
from oracle.sandbox.config import CommitteeSpec
from tests.bench.figures import Peer

MEASURED_GAS = "constant, measured once on a local EVM from its npm package"

OCR2_TRANSMIT_GAS: Mapping[int, Peer] = {
    4: Peer(name="libocr OCR2Aggregator transmit, n=4, f+1 signatures", value=94_700, source=MEASURED_GAS),
    7: Peer(name="libocr OCR2Aggregator transmit, n=7, f+1 signatures", value=103_900, source=MEASURED_GAS),
    13: Peer(name="libocr OCR2Aggregator transmit, n=13, f+1 signatures", value=122_100, source=MEASURED_GAS),
    31: Peer(name="libocr OCR2Aggregator transmit, n=31, f+1 signatures", value=177_000, source=MEASURED_GAS),
}
RISK_ORACLE_UPDATE_GAS = Peer(name="ChaosLabs RiskOracle, one value, its cheapest", value=198_000, source=MEASURED_GAS)
REDSTONE_PULL_GAS = Peer(name="RedStone pull, 3 signers", value=28_000, source=MEASURED_GAS)
PROTOTYPE_VERIFY_GAS: Mapping[int, Peer] = {
    1_000: Peer(
        name="bare prototype, nine-field leaf, depth 10", value=8_100, source="constant, measured once on a local EVM"
    ),
    100_000: Peer(
        name="bare prototype, nine-field leaf, depth 17", value=9_600, source="constant, measured once on a local EVM"
    ),
    1_000_000: Peer(
        name="bare prototype, nine-field leaf, depth 20", value=10_200, source="constant, measured once on a local EVM"
    ),
}

FEATURE_ROWS_LIMIT = Peer(name="1,000,000 rows in 60 s on two cores", value=1_000_000 / 60 / 2, source="limit")
MAINNET_EPOCH_S = 3_600
SANDBOX_EPOCH_LIMIT = Peer(
    name="epoch of the sandbox profile", value=CommitteeSpec().epoch_seconds * 1_000, source="limit"
)
MAINNET_EPOCH_LIMIT = Peer(name="epoch of the mainnet profile", value=MAINNET_EPOCH_S * 1_000, source="limit")
VIEW_LIMIT = Peer(name="view timeout of the sandbox profile", value=SANDBOX_TIMING.view_timeout_ms, source="limit")
