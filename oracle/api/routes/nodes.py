"""The committee and this node: who observed, who signed, who was caught at what, and whether to rely on this node now."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from oracle.api.answers import fresh_answer
from oracle.api.deps import ApiDeps, Deps
from oracle.api.readiness import find_troubles
from oracle.api.schemas.nodes import (
    BlameView,
    ChainView,
    HealthAnswer,
    MemberView,
    NodesAnswer,
    ReadyAnswer,
    ThisNode,
    TroubleView,
)
from oracle.api.views import report_ref
from oracle.domain.ids import keccak256, to_checksum, to_hex
from oracle.domain.report import Report
from oracle.domain.units import NodeId
from oracle.errors import StorageError
from oracle.storage.records import Blame

router = APIRouter()

COUNTED_REPORTS = 24
BLAMES = 100
NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"model": ReadyAnswer, "description": "Not ready; `troubles` says why."}
}


@router.get("/v1/nodes", response_model=NodesAnswer, tags=["nodes"], summary="The committee, its members, and blames")
def get_nodes(deps: Deps) -> Response:
    """Participation over the last reports, every difference that this node found between a member's statement and the outcome, and this node's health."""
    reports = list(deps.scores.latest_reports(COUNTED_REPORTS))
    blames = deps.scores.blames(BLAMES)
    status = deps.status.status()
    troubles = find_troubles(deps, reports[0] if reports else None)
    body = NodesAnswer(
        report=report_ref(deps, reports[0]) if reports else None,
        config_digest=to_hex(deps.config.digest),
        f=deps.config.f,
        attestation_quorum=deps.config.q,
        counted_reports=len(reports),
        members=_members(deps, reports, list(blames), status.node),
        blames=[_blame_view(blame) for blame in blames],
        this_node=ThisNode(
            node=status.node,
            version=status.version,
            is_ready=not troubles,
            troubles=[TroubleView(code=t.code, detail=t.detail) for t in troubles],
            chains=[
                ChainView(chain_id=c.chain_id, indexed_block_number=c.indexed_block_number, endpoints=c.endpoints_count)
                for c in status.chains
            ],
        ),
    )
    return fresh_answer(body)


@router.get("/healthz", response_model=HealthAnswer, tags=["health"], summary="Is the process alive")
async def get_health(request: Request) -> Response:
    """Answers as long as the process does; says nothing about its data."""
    return fresh_answer(HealthAnswer(status="alive"))


@router.get("/readyz", response_model=ReadyAnswer, responses=NOT_READY, tags=["health"], summary="Can it be relied on")
def get_readiness(deps: Deps) -> Response:
    """503 with the reasons when there is no unexpired report, epochs stall, endpoints disagree, or the database fails."""
    report: Report | None = None
    try:
        reports = deps.scores.latest_reports(1)
        report = reports[0] if reports else None
        troubles = find_troubles(deps, report)
        views = [TroubleView(code=t.code, detail=t.detail) for t in troubles]
    except StorageError:
        views = [TroubleView(code="database", detail="the database cannot be read")]
    body = ReadyAnswer(
        status="not_ready" if views else "ready",
        epoch=None if report is None else report.epoch,
        current_epoch=deps.current_epoch(),
        troubles=views,
    )
    return fresh_answer(body, status=503 if views else 200)


def _members(deps: ApiDeps, reports: list[Report], blames: list[Blame], this_node: NodeId | None) -> list[MemberView]:
    signed = [deps.scores.attestations(report.epoch) for report in reports]
    members = []
    for node, address in enumerate(deps.config.members):
        observed = [report.epoch for report in reports if report.observers >> node & 1]
        members.append(
            MemberView(
                node=node,
                address=to_checksum(address),
                observed_reports=len(observed),
                attested_reports=sum(NodeId(node) in attestations for attestations in signed),
                observed_epochs=[int(epoch) for epoch in observed],
                blames=sum(blame.node == node for blame in blames),
                is_this_node=node == this_node,
            )
        )
    return members


def _blame_view(blame: Blame) -> BlameView:
    return BlameView(
        epoch=blame.epoch,
        node=blame.node,
        kind=blame.kind,
        subject=None if blame.subject is None else to_hex(blame.subject),
        difference=blame.difference,
        seen_at_ms=blame.seen_at_ms,
        evidence_hash=to_hex(keccak256(blame.evidence)),
    )
