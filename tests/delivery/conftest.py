"""Scores and a report of one epoch on the fake chain."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from oracle.domain.ids import USD, Address, borrower_subject, collateral_subject, keccak256
from oracle.domain.merkle import MerkleTree
from oracle.domain.report import Report
from oracle.domain.score import Binding, BorrowerScore, CollateralScore, Reasons, Score
from oracle.domain.units import Bps, Epoch, Margin, Ppm
from tests.delivery.fake_chain import CHAIN

WETH = Address(b"\xee\x01" * 10)


def account(number: int) -> Address:
    return Address(number.to_bytes(20, "big"))


def borrower_score(number: int, *, pd: int = 4_000, behaviour: int = 100, grade: int = 3) -> BorrowerScore:
    return BorrowerScore(
        subject=borrower_subject(account(number)),
        state_offset=Margin(-9_000),
        behaviour_margin=Margin(behaviour),
        pd_ppm=Ppm(pd),
        pd_upper_ppm=Ppm(pd + 1_000),
        points=700,
        grade=grade,
        reasons=Reasons(bytes(4)),
        features_hash=keccak256(number.to_bytes(2, "big")),
    )


def collateral_score(*, gap: int = 300, threshold: int = 8_000, binding: Binding = Binding.CAP) -> CollateralScore:
    return CollateralScore(
        subject=collateral_subject(CHAIN, WETH, USD),
        margin=Margin(-12_000),
        volatility_ppm=Ppm(700_000),
        drawdown_bps=Bps(1_500),
        gap_ppm=Ppm(gap),
        ltv_ceiling_bps=Bps(7_500),
        ltv_floor_bps=Bps(5_000),
        liquidation_threshold_bps=Bps(threshold),
        binding=binding,
        features_hash=keccak256(b"weth"),
    )


@dataclass(frozen=True)
class Agreed:
    report: Report
    scores: tuple[Score, ...]


@pytest.fixture
def agreed() -> Agreed:
    return make_agreed()


def make_agreed() -> Agreed:
    """Return a report of seven borrowers and a pair, and their scores."""
    scores: tuple[Score, ...] = (*(borrower_score(n) for n in range(1, 8)), collateral_score())
    report = Report(
        config_digest=keccak256(b"config"),
        epoch=Epoch(100),
        cut_hash=keccak256(b"cut"),
        scores_root=MerkleTree(s.leaf for s in scores).root,
        observers=0b1111,
        borrowers=7,
        collaterals=1,
        stalled_chains=0,
    )
    return Agreed(report=report, scores=scores)
