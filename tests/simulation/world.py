"""The seeded world of the simulation: committee, cuts, and what each node scores."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import lru_cache

from oracle.consensus.committee import Committee, Timing
from oracle.domain.ids import Hash32, SubjectId, keccak256, uint_word
from oracle.domain.report import ChainCut, Cut
from oracle.domain.score import Binding, BorrowerScore, CollateralScore, Reasons, Score
from oracle.domain.units import BlockNumber, Bps, ChainId, Epoch, Margin, NodeId, Ppm

CHAINS = (ChainId(31337), ChainId(31338))
TIMING = Timing(view_timeout_ms=1_500, grace_ms=150, fetch_ms=200, resend_ms=250, stage_ms=500, stall_ms=1_000)


def make_committee(n: int) -> Committee:
    f = (n - 1) // 3
    return Committee(config_digest=keccak256(b"committee %d" % n), n=n, f=f, q=n - f, chain_ids=CHAINS)


@lru_cache(maxsize=64)
def cut_of(epoch: Epoch) -> Cut:
    chains = tuple(
        ChainCut(chain_id=c, block_number=BlockNumber(epoch), block_hash=keccak256(uint_word(c) + uint_word(epoch)))
        for c in CHAINS
    )
    return Cut(epoch=epoch, chains=chains)


@lru_cache(maxsize=64)
def stalled_cut_of(epoch: Epoch) -> Cut:
    """Return the cut while the second chain stands still: its last block is an old one."""
    live, other = cut_of(epoch).chains
    head = replace(other, block_number=BlockNumber(3), block_hash=keccak256(b"last block before the stall"))
    return Cut(epoch=epoch, chains=(live, head), stalled_chains=0b10)


def borrower(subject: int, margin: int, salt: bytes = b"") -> BorrowerScore:
    return BorrowerScore(
        subject=SubjectId(uint_word(subject)),
        state_offset=Margin(margin),
        behaviour_margin=Margin(0),
        pd_ppm=Ppm(1_000),
        pd_upper_ppm=Ppm(2_000),
        points=700,
        grade=3,
        reasons=Reasons(bytes(4)),
        features_hash=keccak256(b"features" + salt),
    )


def collateral(subject: int, margin: int) -> CollateralScore:
    return CollateralScore(
        subject=SubjectId(uint_word(subject)),
        margin=Margin(margin),
        volatility_ppm=Ppm(600_000),
        drawdown_bps=Bps(1_500),
        gap_ppm=Ppm(90),
        ltv_ceiling_bps=Bps(7_500),
        ltv_floor_bps=Bps(5_000),
        liquidation_threshold_bps=Bps(8_000),
        binding=Binding.DRAWDOWN,
        features_hash=keccak256(b"features"),
    )


def true_scores(epoch: Epoch, subjects_count: int) -> tuple[Score, ...]:
    rng = random.Random(f"scores {epoch}")
    borrowers = [borrower(1_000 + i, rng.randint(-30_000, 5_000)) for i in range(subjects_count)]
    return (*borrowers, collateral(7, rng.randint(-40_000, 0)), collateral(8, rng.randint(-40_000, 0)))


def seen_by(node: NodeId, epoch: Epoch, scores: tuple[Score, ...], skew_percent: int) -> tuple[Score, ...]:
    """Return what an honest node computes: some epochs and subjects differ between honest nodes, as with differing data."""
    rng = random.Random(f"skew {epoch}")
    if rng.randrange(100) >= skew_percent:
        return scores
    split = rng.randrange(1, 1 << 12)
    chosen = {score.subject for score in scores if rng.randrange(3) == 0}
    if not split >> node & 1:
        return scores
    return tuple(
        replace(s, state_offset=Margin(s.state_offset + 77))
        if s.subject in chosen and isinstance(s, BorrowerScore)
        else s
        for s in scores
    )


def sign(node: NodeId, digest: Hash32) -> bytes:
    """Return a stand-in for a signature: only the holder of `node` calls it, and anyone can check it."""
    return (keccak256(b"key of node" + uint_word(node) + digest) * 3)[:65]
