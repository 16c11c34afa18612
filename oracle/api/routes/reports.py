"""Reports, their leaves, and the vector behind a leaf."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from starlette.responses import StreamingResponse

from oracle.api.answers import answer
from oracle.api.deps import Deps
from oracle.api.explanation import decode_features, unpack_vector
from oracle.api.inputs import EpochPath, parse_hash_parameter
from oracle.api.lookups import find_report, latest_report, require_kept
from oracle.api.schemas.reports import FeaturesAnswer, LeavesAnswer, ReportAnswer, ReportRef
from oracle.api.views import bundle_of, feature_views, report_answer, report_ref
from oracle.domain.ids import to_hex
from oracle.domain.units import Epoch
from oracle.errors import LeafNotFoundError, ReportNotFoundError, VectorNotKeptError
from oracle.storage.scores import StoredScore

router = APIRouter(prefix="/v1", tags=["reports"])

_CHUNK_LEAVES = 500
LeafPath = Annotated[str, Path(description="Leaf hash, as scores and proofs name it.", examples=["0x" + "4f" * 32])]


@router.get("/reports/latest", response_model=ReportAnswer, summary="The newest report")
def get_latest_report(request: Request, deps: Deps) -> Response:
    """What was signed, at which blocks, by whom, and where it landed."""
    return answer(request, deps, report_answer(deps, latest_report(deps)))


@router.get("/reports/{epoch}", response_model=ReportAnswer, summary="The report of an epoch")
def get_report(request: Request, deps: Deps, epoch: EpochPath) -> Response:
    """The same for an earlier epoch. Reports are kept for ever."""
    return answer(request, deps, report_answer(deps, find_report(deps, Epoch(epoch))))


@router.get("/reports/{epoch}/leaves", response_model=LeavesAnswer, summary="Download every leaf of a report")
def get_leaves(deps: Deps, epoch: EpochPath) -> Response:
    """All entries, ascending by subject, streamed. Their StandardMerkleTree has the report's `scores_root`: input of `assay verify --leaves`."""
    report = find_report(deps, Epoch(epoch))
    require_kept(deps, report.epoch)
    stream = _stream_leaves(report_ref(deps, report), deps.scores.scores(report.epoch))
    headers = {
        "Content-Disposition": f'attachment; filename="leaves-{epoch}.json"',
        "Cache-Control": "public, max-age=3600",
        "ETag": f'"{report.scores_root[:16].hex()}"',
    }
    return StreamingResponse(stream, headers=headers, media_type="application/json")


@router.get("/features/{leaf}", response_model=FeaturesAnswer, summary="The vector behind a leaf")
def get_features(request: Request, deps: Deps, leaf: LeafPath) -> Response:
    """The features that the leaf's `featuresHash` commits to, as bytes and by name. Any node's answer can be checked by one hash."""
    leaf_hash = parse_hash_parameter("leaf", leaf)
    row = deps.scores.by_leaf(leaf_hash)
    if row is None:
        raise LeafNotFoundError(to_hex(leaf_hash))
    if row.vector is None:
        raise VectorNotKeptError(to_hex(leaf_hash))
    report = deps.scores.report(row.epoch)
    if report is None:
        raise ReportNotFoundError(row.epoch)
    body = FeaturesAnswer(
        report=report_ref(deps, report),
        leaf=to_hex(leaf_hash),
        subject=to_hex(row.score.subject),
        kind=row.score.kind.name.lower(),
        features_hash=to_hex(row.score.features_hash),
        vector=to_hex(row.vector),
        features=feature_views(decode_features(bundle_of(deps, row), unpack_vector(row.vector))),
    )
    return answer(request, deps, body)


def _stream_leaves(report: ReportRef, rows: Sequence[StoredScore]) -> Iterator[str]:
    """Yield the JSON of a `LeavesAnswer` in pieces, so that 100,000 leaves never are one string."""
    yield f'{{"epoch":{report.epoch},"report":{report.model_dump_json()},"entries":['
    for start in range(0, len(rows), _CHUNK_LEAVES):
        chunk = [f'"{to_hex(row.score.encoded)}"' for row in rows[start : start + _CHUNK_LEAVES]]
        yield ("," if start else "") + ",".join(chunk)
    yield "]}"
