"""Changes of committee and rotations of hot keys against the shared vectors (D-01)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from oracle.domain.certificate import CHANGE_TYPEHASH, ROTATION_TYPEHASH, CommitteeChange, HomeBlock, HotKeyRotation
from oracle.domain.ids import keccak256, parse_address, parse_hash, to_hex
from oracle.domain.units import BlockNumber, ChainId, Epoch, NodeId
from tests.domain.test_committee import config_of, params_of

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "certificate.json").read_text())
COMMITTEES = json.loads((Path(__file__).parents[1] / "vectors" / "committee.json").read_text())
RAW_PARAMS = {raw["name"]: raw for raw in COMMITTEES["params"]}


def home_of(raw: dict[str, Any]) -> HomeBlock:
    return HomeBlock(
        chain_id=ChainId(int(raw["homeChainId"])),
        block_number=BlockNumber(int(raw["homeBlockNumber"])),
        block_hash=parse_hash(raw["homeBlockHash"]),
    )


def change_of(raw: dict[str, Any]) -> CommitteeChange:
    return CommitteeChange(
        prev_digest=parse_hash(raw["prevDigest"]),
        seq=int(raw["seq"]),
        next_digest=parse_hash(raw["nextDigest"]),
        home=home_of(raw),
    )


def rotation_of(raw: dict[str, Any]) -> HotKeyRotation:
    return HotKeyRotation(
        config_digest=parse_hash(raw["configDigest"]),
        member=NodeId(raw["memberId"]),
        hot_key=parse_address(raw["hotKey"]),
        nonce=int(raw["nonce"]),
        from_epoch=Epoch(int(raw["fromEpoch"])),
    )


def test_type_hashes__vectors__are_equal() -> None:
    assert to_hex(CHANGE_TYPEHASH) == VECTORS["changeTypeHash"]
    assert to_hex(ROTATION_TYPEHASH) == VECTORS["rotationTypeHash"]
    assert keccak256(VECTORS["changeType"].encode()) == CHANGE_TYPEHASH
    assert keccak256(VECTORS["rotationType"].encode()) == ROTATION_TYPEHASH


@pytest.mark.parametrize("raw", VECTORS["cases"], ids=lambda raw: raw["changeHash"][:10])
def test_committee_change__vector__has_its_hash(raw: dict[str, Any]) -> None:
    assert to_hex(change_of(raw).hash) == raw["changeHash"]


@pytest.mark.parametrize("raw", VECTORS["rotations"], ids=lambda raw: raw["rotationHash"][:10])
def test_hot_key_rotation__vector__has_its_hash(raw: dict[str, Any]) -> None:
    assert to_hex(rotation_of(raw).hash) == raw["rotationHash"]


def test_committee_change__to_a_configuration__binds_all_of_it() -> None:
    raw = next(case for case in VECTORS["cases"] if case["paramsHash"] == RAW_PARAMS["twoChains"]["paramsHash"])
    config = config_of(raw, params_of(RAW_PARAMS["twoChains"]))

    assert to_hex(config.digest) == raw["nextDigest"]
    assert to_hex(CommitteeChange.to(config, home_of(raw)).hash) == raw["changeHash"]
