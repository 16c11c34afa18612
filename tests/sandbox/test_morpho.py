"""Morpho Blue in the sandbox: how a market is named, and what is said when it is not compiled."""

from __future__ import annotations

import pytest

from oracle.errors import MissingArtifactError
from oracle.sandbox import morpho
from oracle.sandbox.artifacts import REPOSITORY


def test_compute_market_id__a_market_of_ethereum__is_the_id_it_has_there() -> None:
    wrapped_ether, staked_ether = (
        "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
        "0x7f39C581F595B53c5cb19bD0b3f8dA6c935E2Ca0",
    )
    oracle, model = "0x2a01EB9496094dA03c4E364Def50f5aD1280AD72", "0x870aC11D48B15DB9a138Cf899d20F13F79Ba00BC"

    found = morpho.compute_market_id((wrapped_ether, staked_ether, oracle, model, 945 * 10**15))

    # Source: Morpho Blue on Ethereum, the wstETH/WETH market at 94.5 %.
    assert found.hex() == "c54d7acf14de29e0e5527cabd7a576506870346a78a11a6762e2cca66322ec41"


def test_load_morpho_artifact__not_compiled__says_which_command_compiles_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(morpho, "MORPHO_ARTIFACTS", REPOSITORY / "build" / "nothing here")
    morpho.load_morpho_artifact.cache_clear()

    with pytest.raises(MissingArtifactError, match="make contracts"):
        morpho.load_morpho_artifact("Morpho")
