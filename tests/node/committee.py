"""The committee of the frozen vectors, with its members' keys, and a small one for epochs of a second."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from oracle.domain.committee import FEATURE_SEMANTICS_VERSION, CommitteeConfig
from oracle.domain.ids import parse_address, parse_hash
from oracle.domain.units import Epoch
from oracle.signing.signer import LocalSigner
from tests.consensus.vectors import load, raw
from tests.domain.test_committee import params_of

_REPORT: Any = load("report")
_COMMITTEE: Any = load("committee")
SECRETS = tuple(raw(signer["privateKey"]) for signer in _REPORT["signers"])
SIGNERS = tuple(LocalSigner(secret) for secret in SECRETS)


def vector_config() -> CommitteeConfig:
    """Return the committee that the messages of the vectors are of."""
    case = _COMMITTEE["cases"][0]
    return CommitteeConfig(
        prev_digest=parse_hash(case["prevDigest"]),
        seq=int(case["seq"]),
        members=tuple(parse_address(member) for member in case["members"]),
        f=case["f"],
        q=case["q"],
        params=params_of(next(p for p in _COMMITTEE["params"] if p["name"] == case["params"])),
        from_epoch=Epoch(int(case["fromEpoch"])),
    )


def released_config() -> CommitteeConfig:
    """Return the same committee with this release's feature semantics: those of a vector are what they were when it was made."""
    config = vector_config()
    return replace(config, params=replace(config.params, feature_semantics_version=FEATURE_SEMANTICS_VERSION))


def quick_config(epoch_seconds: int = 1) -> CommitteeConfig:
    """Return the same members with short epochs from the first on."""
    config = vector_config()
    return replace(config, from_epoch=Epoch(0), params=replace(config.params, epoch_seconds=epoch_seconds))
