"""`world.json`: one entry per address, and somebody of each kind to try things with."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from oracle.sandbox.manifest import BorrowerEntry, WorldManifest
from oracle.sandbox.manifest_entries import describe_representatives, merge_borrowers
from oracle.sandbox.population import Borrower, generate_population

CHAINS = (31_337, 31_338)


def entry_of(
    borrower: Borrower, *, behaviour: str = "careful", debt_usd: int = 100, liquidations: int = 0
) -> BorrowerEntry:
    return BorrowerEntry(
        address=borrower.owner, owner=borrower.owner, behaviour=behaviour, chain_ids=borrower.chain_ids, has_code=False,
        liquidations=liquidations, debt_usd=debt_usd,
    )  # fmt: skip


def small_population() -> tuple[Borrower, ...]:
    return generate_population(1, CHAINS, per_chain=8, on_all_chains=4, contracts_per_chain=0)


def test_merge_borrowers__same_address_on_two_chains__sums_both() -> None:
    borrower = small_population()[0]

    merged = merge_borrowers(
        [entry_of(borrower, debt_usd=100, liquidations=1), entry_of(borrower, debt_usd=40, liquidations=2)]
    )

    assert [(entry.debt_usd, entry.liquidations) for entry in merged] == [(140, 3)]


def test_describe_representatives__labels__safe_is_never_liquidated_and_risky_most_often() -> None:
    calm, hit, worst, without_debt = small_population()[:4]
    entries = [
        entry_of(calm),
        entry_of(hit, liquidations=1, debt_usd=900),
        entry_of(worst, behaviour="serial", liquidations=5),
        entry_of(without_debt, behaviour="staker", debt_usd=0),
    ]

    accounts = {a.label: a.address for a in describe_representatives(small_population(), entries, seed=1)}

    assert accounts == {
        "careful": hit.owner, "serial": worst.owner, "safe": calm.owner, "risky": worst.owner,
    }  # fmt: skip


def test_world_manifest__unknown_key__is_refused(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    path.write_text('{"seed":1,"world_key":"k","chains":[],"accounts":[],"borrowers":[],"activity":[],"extra":1}')

    with pytest.raises(ValidationError, match="extra"):
        WorldManifest.read(path)


def test_world_manifest__written__reads_back_the_same(tmp_path: Path) -> None:
    entries = tuple(entry_of(borrower) for borrower in small_population())
    manifest = WorldManifest(seed=1, world_key="k", chains=(), accounts=(), borrowers=entries, activity=())

    manifest.write(tmp_path / "world.json")

    assert WorldManifest.read(tmp_path / "world.json") == manifest
