"""Domain values as schemas: reports, features, explanations and borrower scores."""

from __future__ import annotations

from oracle.api.deps import ApiDeps
from oracle.api.explanation import FeatureValue, LeafExplanation, Reason, explain_leaf
from oracle.api.schemas.reports import (
    AttestationView,
    CutBlock,
    FeatureView,
    LandingView,
    ModelIds,
    ReportAnswer,
    ReportRef,
    ReportStruct,
)
from oracle.api.schemas.scores import (
    BorrowerScoreStruct,
    HistoryPoint,
    ReasonView,
    ScoreExplanation,
    ScoreView,
)
from oracle.delivery.codec import pack_attestations
from oracle.domain.ids import to_checksum, to_hex
from oracle.domain.report import Cut, Report, boundary_s
from oracle.domain.score import BorrowerScore, ScoreKind
from oracle.domain.units import ChainId
from oracle.scoring.bundle import Bundle
from oracle.storage.reports import Landing
from oracle.storage.scores import StoredScore


def model_ids(deps: ApiDeps) -> ModelIds:
    """Return the ids that the committee's configuration binds."""
    params = deps.config.params
    return ModelIds(
        borrower=to_hex(params.borrower_model_id),
        borrower_bundle=deps.borrower_bundle.name,
        collateral=to_hex(params.collateral_model_id),
        collateral_bundle=deps.collateral_bundle.name,
    )


def report_ref(deps: ApiDeps, report: Report) -> ReportRef:
    """Return what every answer says about its report."""
    cut = deps.scores.cut(report.epoch)
    valid_until_s = deps.config.valid_until_s(report.epoch)
    return ReportRef(
        epoch=report.epoch,
        report_hash=to_hex(report.hash),
        config_digest=to_hex(report.config_digest),
        scores_root=to_hex(report.scores_root),
        cut_hash=to_hex(report.cut_hash),
        cut=None if cut is None else _cut_blocks(cut),
        observed_at=boundary_s(report.epoch, deps.config.params.epoch_seconds),
        valid_until=valid_until_s,
        is_expired=deps.now_s() > valid_until_s,
        models=model_ids(deps),
    )


def report_struct(report: Report) -> ReportStruct:
    """Return the Solidity struct."""
    return ReportStruct(
        config_digest=to_hex(report.config_digest),
        epoch=report.epoch,
        cut_hash=to_hex(report.cut_hash),
        scores_root=to_hex(report.scores_root),
        observers=report.observers,
        borrowers=report.borrowers,
        collaterals=report.collaterals,
        stalled_chains=report.stalled_chains,
    )


def attestation_views(deps: ApiDeps, report: Report) -> list[AttestationView]:
    """Return the signatures with their members."""
    members = deps.config.members
    return [
        AttestationView(node=node, address=to_checksum(members[node]), signature=to_hex(signature))
        for node, signature in deps.scores.attestations(report.epoch).items()
        if node < len(members)
    ]


def packed_attestations(deps: ApiDeps, report: Report) -> str | None:
    """Return what `publish` takes, None below the quorum."""
    found = {n: s for n, s in deps.scores.attestations(report.epoch).items() if n < deps.config.n}
    return to_hex(pack_attestations(found, deps.config.q)) if len(found) >= deps.config.q else None


def landed_on(deps: ApiDeps, report: Report) -> list[int]:
    """Return the chains on which this very report landed."""
    landings = deps.scores.landings(report.epoch)
    return [landing.chain_id for landing in landings if landing.scores_root == report.scores_root]


def report_answer(deps: ApiDeps, report: Report) -> ReportAnswer:
    """Return a report with everything that is known of it."""
    return ReportAnswer(
        report=report_ref(deps, report),
        struct=report_struct(report),
        observers=[node for node in range(deps.config.n) if report.observers >> node & 1],
        attestations=attestation_views(deps, report),
        attestations_packed=packed_attestations(deps, report),
        quorum=deps.config.q,
        landings=[_landing_view(landing) for landing in deps.scores.landings(report.epoch)],
    )


def feature_views(features: tuple[FeatureValue, ...]) -> list[FeatureView]:
    """Return slots by name."""
    return [
        FeatureView(
            slot=item.feature.slot,
            name=item.feature.name,
            unit=item.feature.unit,
            encoding=item.feature.kind,
            encoded=item.encoded_number,
            value=item.value_number,
        )
        for item in features
    ]


def bundle_of(deps: ApiDeps, row: StoredScore) -> Bundle:
    """Return the bundle of a leaf's kind."""
    return deps.borrower_bundle if row.score.kind is ScoreKind.BORROWER else deps.collateral_bundle


def explanation_view(deps: ApiDeps, row: StoredScore) -> ScoreExplanation | None:
    """Return the explanation of a leaf, None without its vector."""
    if row.vector is None:
        return None
    return _explanation(explain_leaf(bundle_of(deps, row), row.vector))


def score_view(score: BorrowerScore, chain_id: ChainId | None) -> ScoreView:
    """Return a borrower's leaf."""
    return ScoreView(
        subject=to_hex(score.subject),
        chain_id=chain_id,
        leaf=to_hex(score.leaf),
        margin=score.margin,
        state_offset=score.state_offset,
        behaviour_margin=score.behaviour_margin,
        pd_ppm=score.pd_ppm,
        pd_upper_ppm=score.pd_upper_ppm,
        points=score.points,
        grade=score.grade,
        adverse_codes=[code for code in score.reasons if code],
        features_hash=to_hex(score.features_hash),
    )


def history_point(row: StoredScore, score: BorrowerScore) -> HistoryPoint:
    """Return a leaf as one point of a history."""
    return HistoryPoint(
        epoch=row.epoch,
        leaf=to_hex(score.leaf),
        margin=score.margin,
        behaviour_margin=score.behaviour_margin,
        pd_ppm=score.pd_ppm,
        pd_upper_ppm=score.pd_upper_ppm,
        points=score.points,
        grade=score.grade,
    )


def borrower_struct(score: BorrowerScore) -> BorrowerScoreStruct:
    """Return the Solidity struct."""
    return BorrowerScoreStruct(
        kind=1,
        subject=to_hex(score.subject),
        state_offset=score.state_offset,
        behaviour_margin=score.behaviour_margin,
        pd_ppm=score.pd_ppm,
        pd_upper_ppm=score.pd_upper_ppm,
        points=score.points,
        grade=score.grade,
        reasons=to_hex(score.reasons),
        features_hash=to_hex(score.features_hash),
    )


def _explanation(found: LeafExplanation) -> ScoreExplanation:
    return ScoreExplanation(
        bias=found.bias,
        adverse=[_reason_view(reason) for reason in found.adverse],
        favourable=[_reason_view(reason) for reason in found.favourable],
        features=feature_views(found.features),
        unrated_because=list(found.unrated_because),
        shadow_margin=found.shadow_margin,
    )


def _reason_view(reason: Reason) -> ReasonView:
    return ReasonView(code=reason.code, feature=reason.feature, margin=reason.margin, text=reason.text)


def _cut_blocks(cut: Cut) -> list[CutBlock]:
    return [
        CutBlock(
            chain_id=chain.chain_id,
            block_number=chain.block_number,
            block_hash=to_hex(chain.block_hash),
            is_stalled=bool(cut.stalled_chains >> i & 1),
        )
        for i, chain in enumerate(cut.chains)
    ]


def _landing_view(landing: Landing) -> LandingView:
    is_ours = landing.transaction_hash is not None
    return LandingView(
        chain_id=landing.chain_id,
        block_number=landing.block_number,
        landed_at=landing.landed_at_s,
        scores_root=to_hex(landing.scores_root),
        transaction_hash=to_hex(landing.transaction_hash) if landing.transaction_hash else None,
        gas_used=landing.gas_used if is_ours else None,
    )
