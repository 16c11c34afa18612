"""The committee's configuration against the shared vectors, and the bounds of its size (D-01, D-04)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from oracle.domain.committee import (
    ChainParams,
    CommitteeConfig,
    MarketParams,
    Params,
    default_attestation_quorum,
)
from oracle.domain.ids import Address, parse_address, parse_hash, to_hex
from oracle.domain.market import AssetFacts
from oracle.domain.units import BlockNumber, ChainId, Epoch
from oracle.errors import ConfigurationError


def chain_of(raw: dict[str, Any]) -> ChainParams:
    return ChainParams(
        chain_id=ChainId(int(raw["chainId"])),
        markets=tuple(
            MarketParams(
                protocol=m["protocol"],
                market=parse_address(m["market"]),
                start_block=BlockNumber(int(m["startBlock"])),
            )
            for m in raw["markets"]
        ),
        assets=tuple(
            AssetFacts(
                token=parse_address(a["token"]),
                price_feed=parse_address(a["priceFeed"]),
                numeraire=parse_address(a["numeraire"]),
                decimals=int(a["decimals"]),
                issuer_risk=int(a["issuerRisk"]),
                bridge_risk=int(a["bridgeRisk"]),
            )
            for a in raw["assets"]
        ),
    )


def params_of(raw: dict[str, Any]) -> Params:
    return Params(
        chains=tuple(chain_of(c) for c in raw["chains"]),
        borrower_model_id=parse_hash(raw["borrowerModelId"]),
        collateral_model_id=parse_hash(raw["collateralModelId"]),
        epoch_seconds=int(raw["epochSeconds"]),
        validity_seconds=int(raw["validitySeconds"]),
        feature_semantics_version=int(raw["featureSemanticsVersion"]),
        leaf_layout_version=int(raw["leafLayoutVersion"]),
    )


def config_of(raw: dict[str, Any], params: Params) -> CommitteeConfig:
    return CommitteeConfig(
        prev_digest=parse_hash(raw["prevDigest"]),
        seq=int(raw["seq"]),
        members=tuple(parse_address(member) for member in raw["members"]),
        f=int(raw["f"]),
        q=int(raw["q"]),
        params=params,
        from_epoch=Epoch(int(raw["fromEpoch"])),
    )


@pytest.fixture(scope="module")
def vectors(vectors_dir: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((vectors_dir / "committee.json").read_text())
    return loaded


def test_params_hash__shared_vectors__equal(vectors: dict[str, Any]) -> None:
    for raw in vectors["params"]:
        assert to_hex(params_of(raw).hash) == raw["paramsHash"], raw["name"]


def test_pairs__shared_vectors__same_collaterals_without_a_numeraire_in_itself(
    vectors: dict[str, Any],
) -> None:
    for raw in vectors["params"]:
        pairs = [p for chain in params_of(raw).chains for p in chain.pairs]

        assert [to_hex(p.subject) for p in pairs] == [c["subject"] for c in raw["collaterals"]]


def test_config_digest__shared_vectors__equal(vectors: dict[str, Any]) -> None:
    params = {raw["name"]: params_of(raw) for raw in vectors["params"]}
    for case in vectors["cases"]:
        config = config_of(case, params[case["params"]])

        assert to_hex(config.digest) == case["configDigest"]


def a_config(vectors: dict[str, Any], members: int, f: int, q: int, *, twice: bool = False) -> CommitteeConfig:
    addresses = [Address(bytes([i + 1]) * 20) for i in range(members)]
    if twice:
        addresses[-1] = addresses[0]
    return CommitteeConfig(
        prev_digest=parse_hash("0x" + "11" * 32),
        seq=0,
        members=tuple(addresses),
        f=f,
        q=q,
        params=params_of(vectors["params"][0]),
        from_epoch=Epoch(1),
    )


@pytest.mark.parametrize(("members", "f", "q"), [(3, 1, 2), (32, 10, 22), (4, 1, 1), (4, 1, 4), (6, 2, 3)])
def test_committee__sizes_that_cannot_be_safe__refused(vectors: dict[str, Any], members: int, f: int, q: int) -> None:
    with pytest.raises(ConfigurationError):
        a_config(vectors, members, f, q)


def test_committee__member_listed_twice__refused(vectors: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="twice"):
        a_config(vectors, 4, 1, 2, twice=True)


def test_default_attestation_quorum__design_rule__n_minus_f_then_byzantine() -> None:
    assert [default_attestation_quorum(n, f) for n, f in ((4, 1), (7, 2), (10, 3), (31, 10))] == [
        3,
        5,
        7,
        21,
    ]
