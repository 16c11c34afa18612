"""Scores and proofs of collaterals."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from oracle.api.answers import answer
from oracle.api.collateral_views import collateral_item, collateral_struct, find_pair, pair_view
from oracle.api.deps import ApiDeps, Deps, load_symbols
from oracle.api.inputs import EpochQuery, parse_epoch, parse_subject_parameter
from oracle.api.lookups import find_report, find_tree, require_kept
from oracle.api.schemas.collaterals import (
    CollateralAnswer,
    CollateralProofAnswer,
    CollateralProofStruct,
    CollateralsAnswer,
)
from oracle.api.views import (
    attestation_views,
    explanation_view,
    landed_on,
    packed_attestations,
    report_ref,
    report_struct,
)
from oracle.domain.ids import to_hex
from oracle.domain.market import Pair
from oracle.domain.score import CollateralScore
from oracle.domain.units import Epoch
from oracle.errors import SubjectNotListedError

router = APIRouter(prefix="/v1/collaterals", tags=["collaterals"], dependencies=[Depends(load_symbols)])

SubjectPath = Annotated[
    str,
    Path(
        description="Subject id of the pair: keccak256(abi.encode(2, chainId, token, numeraire)), as GET /v1/collaterals lists it.",
        examples=["0x" + "4f" * 32],
    ),
]


@router.get("", response_model=CollateralsAnswer, summary="All pairs with threshold, ceiling and floor")
def get_collaterals(request: Request, deps: Deps, epoch: EpochQuery = None) -> Response:
    """Every configured pair: what it allows, which constraint set it, and what makes it risky."""
    report = find_report(deps, parse_epoch(epoch))
    require_kept(deps, report.epoch)
    items = [collateral_item(deps, pair, deps.scores.score(report.epoch, pair.subject)) for pair in deps.config.pairs]
    return answer(request, deps, CollateralsAnswer(report=report_ref(deps, report), collaterals=items))


@router.get("/{subject}", response_model=CollateralAnswer, summary="One pair, explained")
def get_collateral(request: Request, deps: Deps, subject: SubjectPath, epoch: EpochQuery = None) -> Response:
    """One pair with every feature and reason."""
    report = find_report(deps, parse_epoch(epoch))
    require_kept(deps, report.epoch)
    pair = _require_pair(deps, subject, report.epoch)
    row = deps.scores.score(report.epoch, pair.subject)
    body = CollateralAnswer(
        report=report_ref(deps, report),
        collateral=collateral_item(deps, pair, row),
        explanation=None if row is None else explanation_view(deps, row),
    )
    return answer(request, deps, body)


@router.get("/{subject}/proof", response_model=CollateralProofAnswer, summary="Proof of a pair's score, for a contract")
def get_collateral_proof(request: Request, deps: Deps, subject: SubjectPath, epoch: EpochQuery = None) -> Response:
    """The arguments of `RiskOracle.verifyCollateral`, and the encoded entry that `post` takes."""
    report = find_report(deps, parse_epoch(epoch))
    require_kept(deps, report.epoch)
    pair = _require_pair(deps, subject, report.epoch)
    row = deps.scores.score(report.epoch, pair.subject)
    if row is None or not isinstance(row.score, CollateralScore):
        raise SubjectNotListedError(subject, report.epoch)
    siblings = find_tree(deps, report.epoch).proof(row.score.leaf)
    body = CollateralProofAnswer(
        report=report_ref(deps, report),
        pair=pair_view(deps, pair),
        leaf=to_hex(row.score.leaf),
        entry=to_hex(row.score.encoded),
        proof=CollateralProofStruct(
            epoch=report.epoch, score=collateral_struct(row.score), proof=[to_hex(node) for node in siblings]
        ),
        report_struct=report_struct(report),
        attestations=attestation_views(deps, report),
        attestations_packed=packed_attestations(deps, report),
        landed_on=landed_on(deps, report),
    )
    return answer(request, deps, body)


def _require_pair(deps: ApiDeps, text: str, epoch: Epoch) -> Pair:
    pair = find_pair(deps, parse_subject_parameter("subject", text))
    if pair is None:
        raise SubjectNotListedError(text, epoch)
    return pair
