"""Linking: an address goes exactly where the compiler left room."""

from __future__ import annotations

import pytest

from oracle.errors import MissingArtifactError
from oracle.sandbox.artifacts import Artifact, load_aave_artifact, load_forge_artifact

LIBRARY = "0x" + "Ab" * 20


def test_link__two_holes__both_filled() -> None:
    artifact = Artifact(name="A", code_hex="60" + "0" * 40 + "61" + "0" * 40, holes=(("Lib", 1), ("Lib", 22)))

    assert artifact.link({"Lib": LIBRARY}).hex() == "60" + "ab" * 20 + "61" + "ab" * 20


def test_link__library_unknown__names_it() -> None:
    artifact = Artifact(name="A", code_hex="0" * 40, holes=(("Lib", 0),))

    with pytest.raises(KeyError, match="Lib"):
        artifact.link({})


def test_load_aave_artifact__pool__has_seven_libraries() -> None:
    artifact = load_aave_artifact("protocol/pool/Pool")

    assert {library for library, _ in artifact.holes} == {
        "BorrowLogic", "BridgeLogic", "EModeLogic", "FlashLoanLogic", "LiquidationLogic", "PoolLogic", "SupplyLogic",
    }  # fmt: skip


def test_load_forge_artifact__not_built__says_what_to_run() -> None:
    with pytest.raises(MissingArtifactError, match="forge build"):
        load_forge_artifact("NoSuchContract")
