"""Scores and proofs of borrowers.

An address that is not listed is no error for a score (200, `unknown`, floor terms) and is one for a proof (404): there is no leaf to prove.
"""

from __future__ import annotations

from typing import Annotated, Literal

from eth_abi.abi import encode
from fastapi import APIRouter, Query, Request, Response

from oracle.api.answers import answer
from oracle.api.deps import ApiDeps, Deps
from oracle.api.inputs import AddressPath, EpochQuery, parse_address_parameter, parse_epoch
from oracle.api.lookups import (
    borrower_leaves,
    borrower_score,
    choose_leaf,
    find_report,
    find_tree,
    latest_report,
    require_kept,
    require_leaf,
    subject_chain,
)
from oracle.api.reason_texts import UNKNOWN_TEXT
from oracle.api.schemas.scores import (
    BatchAnswer,
    BatchItem,
    BatchRequest,
    BorrowerAnswer,
    BorrowerProofAnswer,
    HistoryPoint,
    ProofStruct,
)
from oracle.api.views import (
    attestation_views,
    borrower_struct,
    explanation_view,
    history_point,
    landed_on,
    packed_attestations,
    report_ref,
    report_struct,
    score_view,
)
from oracle.domain.ids import Address, to_checksum, to_hex
from oracle.domain.score import BorrowerScore
from oracle.domain.units import ChainId, Epoch

router = APIRouter(prefix="/v1/borrowers", tags=["borrowers"])

PROOF_TYPE = "(uint64,(uint8,bytes32,int32,int32,uint32,uint32,uint16,uint8,bytes4,bytes32),bytes32[])"
ChainQuery = Annotated[
    int | None,
    Query(
        ge=1,
        le=2**53 - 1,
        description="For a contract account: the chain whose subject is meant. The riskiest without it.",
    ),
]
EpochsQuery = Annotated[int, Query(ge=1, le=50, description="How many kept epochs the history looks back over.")]


@router.get("/{address}/score", response_model=BorrowerAnswer, summary="Score of an address, explained")
def get_score(
    request: Request,
    deps: Deps,
    address: AddressPath,
    epochs: EpochsQuery = 10,
    epoch: EpochQuery = None,
    chain_id: ChainQuery = None,
) -> Response:
    """Probability of liquidation within 30 days with its upper bound, points, grade, every reason, every feature, and the last epochs.

    An address without a score answers 200 with status `unknown`: it borrows on floor terms, like anyone without a proof.
    """
    account = parse_address_parameter("address", address)
    report = find_report(deps, parse_epoch(epoch))
    require_kept(deps, report.epoch)
    chain = None if chain_id is None else ChainId(chain_id)
    row, others = choose_leaf(deps, report.epoch, account, chain)
    score = None if row is None else borrower_score(row)
    body = BorrowerAnswer(
        report=report_ref(deps, report),
        address=to_checksum(account),
        status=_status(score),
        summary=_summary(score),
        score=None if score is None else score_view(score, subject_chain(deps, account, score.subject)),
        other_subjects=[to_hex(other.score.subject) for other in others],
        explanation=None if row is None else explanation_view(deps, row),
        history=[] if score is None else _history(deps, report.epoch, score, epochs),
    )
    return answer(request, deps, body)


@router.get("/{address}/proof", response_model=BorrowerProofAnswer, summary="Proof of a score, for a contract")
def get_proof(
    request: Request, deps: Deps, address: AddressPath, epoch: EpochQuery = None, chain_id: ChainQuery = None
) -> Response:
    """The leaf's fields and siblings as the Solidity struct `Proof`, also ABI-encoded, with the report and its attestations.

    A chain accepts the proof while its newest report is of the same epoch, or the one before within the grace. `landed_on` lists such chains.
    """
    account = parse_address_parameter("address", address)
    report = find_report(deps, parse_epoch(epoch))
    row = require_leaf(deps, report.epoch, account, None if chain_id is None else ChainId(chain_id))
    score = borrower_score(row)
    siblings = find_tree(deps, report.epoch).proof(score.leaf)
    body = BorrowerProofAnswer(
        report=report_ref(deps, report),
        address=to_checksum(account),
        leaf=to_hex(score.leaf),
        proof=ProofStruct(epoch=report.epoch, score=borrower_struct(score), proof=[to_hex(node) for node in siblings]),
        proof_abi_type=PROOF_TYPE,
        proof_encoded=to_hex(_encode_proof(report.epoch, score, siblings)),
        report_struct=report_struct(report),
        attestations=attestation_views(deps, report),
        attestations_packed=packed_attestations(deps, report),
        landed_on=landed_on(deps, report),
    )
    return answer(request, deps, body)


@router.post("/scores", response_model=BatchAnswer, summary="Scores of up to 100 addresses")
def post_scores(request: Request, deps: Deps, batch: BatchRequest) -> Response:
    """Scores of the newest report in the order asked for; nothing is stored. One wrong address refuses the batch and is named."""
    accounts = [parse_address_parameter(f"addresses.{i}", text) for i, text in enumerate(batch.addresses)]
    report = latest_report(deps)
    require_kept(deps, report.epoch)
    body = BatchAnswer(
        report=report_ref(deps, report), borrowers=[_batch_item(deps, report.epoch, account) for account in accounts]
    )
    return answer(request, deps, body)


def _batch_item(deps: ApiDeps, epoch: Epoch, account: Address) -> BatchItem:
    scores = [borrower_score(row) for row in borrower_leaves(deps, epoch, account)]
    return BatchItem(
        address=to_checksum(account),
        status=_status(scores[0] if scores else None),
        scores=[score_view(score, subject_chain(deps, account, score.subject)) for score in scores],
    )


def _status(score: BorrowerScore | None) -> Literal["rated", "unrated", "unknown"]:
    if score is None:
        return "unknown"
    return "unrated" if score.grade == 0 else "rated"


def _summary(score: BorrowerScore | None) -> str:
    if score is None:
        return UNKNOWN_TEXT
    if score.grade == 0:
        return "Listed, but unrated: too little history, or outside what the model was trained on. Floor terms apply."
    return (
        f"Grade {score.grade} of 10, {score.points} points: {_percent(score.pd_ppm)} probability of a liquidation within 30 days, "
        f"at most {_percent(score.pd_upper_ppm)} by the model's upper bound."
    )


def _percent(ppm: int) -> str:
    return f"{ppm // 10_000}.{ppm % 10_000 // 100:02d} %"


def _history(deps: ApiDeps, last: Epoch, score: BorrowerScore, count: int) -> list[HistoryPoint]:
    points = []
    kept = [epoch for epoch in deps.scores.kept_epochs() if epoch <= last][-count:]
    for epoch in reversed(kept):
        row = deps.scores.score(epoch, score.subject)
        if row is not None and isinstance(row.score, BorrowerScore):
            points.append(history_point(row, row.score))
    return points


def _encode_proof(epoch: Epoch, score: BorrowerScore, siblings: tuple[bytes, ...]) -> bytes:
    fields = (
        1,
        score.subject,
        score.state_offset,
        score.behaviour_margin,
        score.pd_ppm,
        score.pd_upper_ppm,
        score.points,
        score.grade,
        score.reasons,
        score.features_hash,
    )
    return encode((PROOF_TYPE,), ((epoch, fields, siblings),))
