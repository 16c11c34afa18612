"""Gas of `post` in steady state: what goes with a report if everything that may be posted is posted, with one multiproof for all of it."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from oracle.delivery.codec import encode_post
from oracle.domain.ids import USD, Address, collateral_subject, keccak256, uint_word
from oracle.domain.merkle import MerkleTree
from oracle.domain.score import Binding, BorrowerScore, CollateralScore, Score
from oracle.domain.units import HOUR_S, Bps, ChainId, Epoch, Margin, Ppm
from oracle.sandbox.chains import AnvilChain
from tests.bench import peers
from tests.bench.figures import Figure
from tests.bench.gas import CHAIN_ID, FIRST_EPOCH, SENDER, Contract, make_score

COLLATERALS, BORROWERS = 9, 20
"""Pairs of a chain as in the shipped profiles, and the default of `posted_borrowers`."""
LISTED = 20_000


async def measure_posting() -> Figure:
    """Return the gas of a whole transaction, for each score, on a chain of its own."""
    with tempfile.TemporaryDirectory() as folder:
        chain = await AnvilChain.start(CHAIN_ID, directory=Path(folder), genesis_s=FIRST_EPOCH * HOUR_S)
        try:
            await chain.fund([SENDER], 10**24)
            return await _measure(chain, Epoch(FIRST_EPOCH + 1))
        finally:
            await chain.stop()


async def _measure(chain: AnvilChain, first: Epoch) -> Figure:
    """Post the same subjects twice, riskier the second time, and count that."""
    contract = Contract(chain, 4, 1, 3)
    await contract.deploy()
    gas = 0
    for step in range(2):
        epoch = Epoch(first + step)
        scores = _make_scores(step)
        others = [keccak256(uint_word(index)) for index in range(LISTED - len(scores))]
        tree = MerkleTree([*(score.leaf for score in scores), *others])
        await contract.publish(epoch, tree.root, LISTED)
        gas = await contract.post(encode_post(epoch, scores, tree.multiproof([score.leaf for score in scores])))
    name = f"post, each of {COLLATERALS} collaterals and {BORROWERS} borrowers"
    return Figure(name=name, value=gas / len(scores), unit="gas a score", peer=peers.RISK_ORACLE_UPDATE_GAS)


def _make_scores(step: int) -> list[Score]:
    borrowers: list[BorrowerScore] = [make_score(index) for index in range(BORROWERS)]
    riskier = [replace(score, behaviour_margin=Margin(score.behaviour_margin + step)) for score in borrowers]
    return [*riskier, *(_make_collateral(index, step) for index in range(COLLATERALS))]


def _make_collateral(index: int, step: int) -> CollateralScore:
    token = Address(keccak256(uint_word(index))[12:])
    return CollateralScore(
        subject=collateral_subject(ChainId(CHAIN_ID), token, USD),
        margin=Margin(-9_000 + step),
        volatility_ppm=Ppm(700_000),
        drawdown_bps=Bps(900),
        gap_ppm=Ppm(1_200),
        ltv_ceiling_bps=Bps(8_000),
        ltv_floor_bps=Bps(7_000),
        liquidation_threshold_bps=Bps(8_300),
        binding=Binding(1),
        features_hash=keccak256(uint_word(step)),
    )
