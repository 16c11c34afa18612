"""The volatility of a position: the largest sigma among its (collateral, debt numeraire) pairs; one rule for node and training.

Collateral under 1 % of the position's collateral does not count, since anyone can send it. A token against its own numeraire has no pair. One pair of
unknown sigma makes the position's unknown (0): a calm token beside a young one must not hide it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from oracle.domain.committee import ChainParams
from oracle.domain.history import PositionRisk
from oracle.domain.market import Pair
from oracle.domain.position import Collateral, Position
from oracle.domain.units import BPS, Ppm, Wad, mul_div_up

COUNTED_SHARE_BPS = 100
"""Collateral below this share of a position's collateral does not set its sigma: anyone can send an account dust that turns into collateral."""

type Sigmas = Mapping[Pair, Ppm | None]
"""Volatility of each pair at one moment; None, or no entry, where too little is known. A price that never moved has volatility 0."""


def compute_position_risk(
    chain: ChainParams, position: Position, health_factor_wad: Wad, sigmas: Sigmas
) -> PositionRisk:
    """Return what a borrower's vector needs of a position; the health factor is the one that the protocol itself computes."""
    return PositionRisk(
        chain_id=position.chain_id,
        market=position.market,
        health_factor_wad=health_factor_wad,
        debt_usd_e8=position.debt_usd_e8,
        volatility_ppm=compute_position_volatility(chain, position, sigmas),
    )


def compute_position_volatility(chain: ChainParams, position: Position, sigmas: Sigmas) -> Ppm:
    """Return the largest sigma of a position's pairs, 0 (unknown) if there is none or one is not known."""
    found = [sigmas.get(pair) for pair in list_pairs(chain, position)]
    known = [sigma for sigma in found if sigma is not None]
    return max(known, default=Ppm(0)) if len(known) == len(found) else Ppm(0)


def list_pairs(chain: ChainParams, position: Position) -> Iterator[Pair]:
    """Yield the pairs that set a position's sigma: every counted collateral in the numeraire of every debt."""
    numeraires = [facts.numeraire for debt in position.debts if (facts := chain.asset(debt.token)) is not None]
    for collateral in list_counted(position):
        for numeraire in numeraires:
            if chain.wrapped_token(numeraire) != collateral.token:
                yield Pair(chain_id=chain.chain_id, token=collateral.token, numeraire=numeraire)


def list_counted(position: Position) -> list[Collateral]:
    """Return the collateral that is worth at least 1 % of all, and something at all."""
    least = mul_div_up(position.collateral_usd_e8, COUNTED_SHARE_BPS, BPS)
    return [c for c in position.collaterals if c.value_usd_e8 >= max(1, least)]
