"""Pairs and collateral scores as schemas."""

from __future__ import annotations

from typing import Literal

from oracle.api.deps import ApiDeps
from oracle.api.reason_texts import BINDING_TEXTS
from oracle.api.schemas.collaterals import (
    CollateralItem,
    CollateralScoreStruct,
    CollateralScoreView,
    PairView,
)
from oracle.api.views import explanation_view
from oracle.domain.ids import NUMERAIRE_NAMES, SubjectId, to_checksum, to_hex
from oracle.domain.market import Pair
from oracle.domain.score import Binding, CollateralScore
from oracle.storage.scores import StoredScore

_BINDING_NAMES: dict[Binding, Literal["drawdown", "cap", "unrated"]] = {
    Binding.DRAWDOWN: "drawdown",
    Binding.CAP: "cap",
    Binding.UNRATED: "unrated",
}


def find_pair(deps: ApiDeps, subject: SubjectId) -> Pair | None:
    """Return the configured pair of a subject."""
    return next((pair for pair in deps.config.pairs if pair.subject == subject), None)


def pair_view(deps: ApiDeps, pair: Pair) -> PairView:
    """Return a pair with symbols; a numeraire that is none of the three named shows as the address it is."""
    symbol = deps.symbols.get(pair.chain_id, pair.token)
    numeraire = NUMERAIRE_NAMES.get(pair.numeraire) or to_checksum(pair.numeraire)
    return PairView(
        subject=to_hex(pair.subject),
        chain_id=pair.chain_id,
        token=to_checksum(pair.token),
        token_symbol=symbol,
        numeraire=to_checksum(pair.numeraire),
        numeraire_symbol=numeraire,
        name=f"{symbol or to_checksum(pair.token)}/{numeraire}",
    )


def collateral_item(deps: ApiDeps, pair: Pair, row: StoredScore | None) -> CollateralItem:
    """Return a pair with its score, if the report has one."""
    if row is None or not isinstance(row.score, CollateralScore):
        return CollateralItem(pair=pair_view(deps, pair), status="absent", score=None, adverse=[])
    explanation = explanation_view(deps, row)
    return CollateralItem(
        pair=pair_view(deps, pair),
        status="unrated" if row.score.binding is Binding.UNRATED else "rated",
        score=collateral_score_view(row.score),
        adverse=[] if explanation is None else explanation.adverse,
    )


def collateral_score_view(score: CollateralScore) -> CollateralScoreView:
    """Return a pair's leaf."""
    return CollateralScoreView(
        leaf=to_hex(score.leaf),
        margin=score.margin,
        volatility_ppm=score.volatility_ppm,
        drawdown_bps=score.drawdown_bps,
        gap_ppm=score.gap_ppm,
        ltv_ceiling_bps=score.ltv_ceiling_bps,
        ltv_floor_bps=score.ltv_floor_bps,
        liquidation_threshold_bps=score.liquidation_threshold_bps,
        binding=_BINDING_NAMES[score.binding],
        binding_text=BINDING_TEXTS[score.binding],
        features_hash=to_hex(score.features_hash),
    )


def collateral_struct(score: CollateralScore) -> CollateralScoreStruct:
    """Return the Solidity struct."""
    return CollateralScoreStruct(
        kind=2,
        subject=to_hex(score.subject),
        margin=score.margin,
        volatility_ppm=score.volatility_ppm,
        drawdown_bps=score.drawdown_bps,
        gap_ppm=score.gap_ppm,
        ltv_ceiling_bps=score.ltv_ceiling_bps,
        ltv_floor_bps=score.ltv_floor_bps,
        liquidation_threshold_bps=score.liquidation_threshold_bps,
        binding=score.binding,
        features_hash=to_hex(score.features_hash),
    )
