"""A small committee's database with real scores: tables and trees of the frozen vectors under the real feature schemas.

Three epochs of five borrowers and two chains. Roots, attestations and leaves belong together, as a node would have stored them.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from oracle.domain.committee import ChainParams, CommitteeConfig, MarketParams, Params
from oracle.domain.ids import (
    ETH,
    USD,
    ZERO_HASH,
    Address,
    Hash32,
    SubjectId,
    borrower_subject,
    contract_borrower_subject,
    keccak256,
)
from oracle.domain.market import AssetFacts
from oracle.domain.merkle import MerkleTree
from oracle.domain.report import ChainCut, Cut, Report
from oracle.domain.score import Score
from oracle.domain.units import BlockNumber, ChainId, Epoch, NodeId, TimestampS
from oracle.features.registry import BORROWER_SCHEMA, COLLATERAL_SCHEMA, Schema, schema_digest
from oracle.scoring.bundle import Bundle
from oracle.scoring.calibration import score_borrowers, score_collaterals
from oracle.scoring.codec import decode_model
from oracle.scoring.model import Support
from oracle.scoring.reference import compute_margins
from oracle.signing.signer import LocalSigner
from oracle.storage.engine import Database
from oracle.storage.records import Blame, EpochRecord, RecordStore
from oracle.storage.reports import Landing, ReportStore
from oracle.storage.scores import ScoreStore

EPOCH_S, VALIDITY_S = 3_600, 10_800
FIRST_EPOCH = Epoch(494_400)
LAST_EPOCH = Epoch(494_402)
NOW_S = LAST_EPOCH * EPOCH_S + 600
CHAINS = (ChainId(31_337), ChainId(31_338))
SAFE, RISKY, YOUNG = (Address(bytes([n]) * 20) for n in (0x11, 0x22, 0x33))
CONTRACT = Address(b"\x44" * 20)
STRANGER = Address(b"\x99" * 20)
WETH, USDC = Address(b"\xa1" * 20), Address(b"\xa2" * 20)
FACTS = (1, 1, 40_000)


def make_bundle(vectors_dir: Path, position: int, schema: Schema) -> Bundle:
    """Return a bundle with the tables and trees of a frozen model, widened to the schema that the code computes."""
    document = json.loads((vectors_dir / "model.json").read_text())["models"][position]
    model = decode_model(bytes.fromhex(document["bin"][2:]))
    free = Support(lo=1, hi=65_534, is_required=False)
    extra = tuple(free for _ in range(len(schema) - model.n_features))
    wide = replace(model, n_features=len(schema), schema_digest=schema_digest(schema), support=(*model.support, *extra))
    return Bundle(
        name=f"vectors-{position}",
        model=wide,
        model_id=keccak256(bytes.fromhex(document["bin"][2:])),
        schema=schema,
        graph=b"",
        card="From the frozen vectors.",
    )


def make_signers() -> tuple[LocalSigner, ...]:
    return tuple(LocalSigner(hashlib.sha256(bytes([i])).digest()) for i in range(4))


def make_config(borrower: Bundle, collateral: Bundle) -> CommitteeConfig:
    def asset(token: Address, numeraire: Address) -> AssetFacts:
        return AssetFacts(
            token=token, price_feed=Address(token[::-1]), numeraire=numeraire, decimals=18, issuer_risk=0, bridge_risk=0
        )

    chains = tuple(
        ChainParams(
            chain_id=chain_id,
            markets=(MarketParams(protocol="aave_v3", market=Address(b"\xb0" * 20), start_block=BlockNumber(1)),),
            assets=(asset(WETH, ETH), asset(USDC, USD)),
        )
        for chain_id in CHAINS
    )
    params = Params(
        chains=chains,
        borrower_model_id=borrower.model_id,
        collateral_model_id=collateral.model_id,
        epoch_seconds=EPOCH_S,
        validity_seconds=VALIDITY_S,
    )
    members = tuple(signer.address for signer in make_signers())
    return CommitteeConfig(
        prev_digest=ZERO_HASH, seq=0, members=members, f=1, q=3, params=params, from_epoch=FIRST_EPOCH
    )


def borrower_vector(*head: int) -> tuple[int, ...]:
    """A vector of 13 slots: the frozen model's four, then ones (no such event)."""
    return (*head, *([1] * (len(BORROWER_SCHEMA) - len(head))))


VECTORS: dict[SubjectId, tuple[int, ...]] = {
    borrower_subject(SAFE): borrower_vector(50_000, 18_000, 700, 1),
    borrower_subject(RISKY): borrower_vector(33_500, 20_000, 2_500, 2_050),
    # Slot 1 is required: without a history of debt there is no rating.
    borrower_subject(YOUNG): borrower_vector(36_000, 0, 700, 1),
    contract_borrower_subject(CHAINS[0], CONTRACT): borrower_vector(36_000, 18_000, 700, 1),
    contract_borrower_subject(CHAINS[1], CONTRACT): borrower_vector(34_000, 18_000, 700, 1),
}
ACCOUNTS = {
    borrower_subject(SAFE): SAFE,
    borrower_subject(RISKY): RISKY,
    borrower_subject(YOUNG): YOUNG,
    contract_borrower_subject(CHAINS[0], CONTRACT): CONTRACT,
    contract_borrower_subject(CHAINS[1], CONTRACT): CONTRACT,
}
COLLATERAL_VECTOR = (2_000, 6_000, 2, *([100] * (len(COLLATERAL_SCHEMA) - 3)))


def pack(vector: Sequence[int]) -> bytes:
    return struct.pack(f">{len(vector)}H", *vector)


@dataclass(frozen=True, kw_only=True)
class CommitteeWorld:
    """What a test needs to know of the seeded database."""

    database: Database
    config: CommitteeConfig
    borrower_bundle: Bundle
    collateral_bundle: Bundle
    reports: dict[Epoch, Report]
    scores: dict[Epoch, tuple[Score, ...]]


def seed_world(database: Database, vectors_dir: Path) -> CommitteeWorld:
    borrower = make_bundle(vectors_dir, 0, BORROWER_SCHEMA)
    collateral = make_bundle(vectors_dir, 1, COLLATERAL_SCHEMA)
    config = make_config(borrower, collateral)
    reports, scores = {}, {}
    for epoch in range(FIRST_EPOCH, LAST_EPOCH + 1):
        scores[Epoch(epoch)] = score_epoch(config, borrower, collateral, drift=epoch - LAST_EPOCH)
        reports[Epoch(epoch)] = store_epoch(database, config, Epoch(epoch), scores[Epoch(epoch)])
    RecordStore(database).save_blame(
        Blame(
            epoch=LAST_EPOCH,
            node=NodeId(3),
            kind="WRONG_ENTRY",
            subject=borrower_subject(RISKY),
            difference="pdPpm 1 instead of 159136",
            evidence=b"signed message",
            seen_at_ms=NOW_S * 1_000,
        )
    )
    return CommitteeWorld(
        database=database,
        config=config,
        borrower_bundle=borrower,
        collateral_bundle=collateral,
        reports=reports,
        scores=scores,
    )


def score_epoch(config: CommitteeConfig, borrower: Bundle, collateral: Bundle, *, drift: int) -> tuple[Score, ...]:
    """Score all subjects; `drift` moves z, so that epochs differ."""
    subjects = sorted(VECTORS)
    rows = np.asarray([(VECTORS[s][0] + 256 * drift, *VECTORS[s][1:]) for s in subjects], dtype=np.int64)
    found: list[Score] = list(
        score_borrowers(borrower.model, subjects, rows, compute_margins(borrower.model.trees, rows))
    )
    pairs = [pair.subject for pair in config.pairs]
    # The last pair has no volatility, which is required: it is unrated, and the vector stored for it is not the one it commits to.
    missing = (COLLATERAL_VECTOR[0], 0, *COLLATERAL_VECTOR[2:])
    columns = np.asarray([COLLATERAL_VECTOR] * (len(pairs) - 1) + [missing], dtype=np.int64)
    margins = compute_margins(collateral.model.trees, columns)
    found += score_collaterals(collateral.model, pairs, columns, margins)
    return tuple(sorted(found, key=lambda score: score.subject))


def vectors_of(config: CommitteeConfig, drift: int) -> dict[SubjectId, bytes]:
    packed = {s: pack((v[0] + 256 * drift, *v[1:])) for s, v in VECTORS.items()}
    return packed | {pair.subject: pack(COLLATERAL_VECTOR) for pair in config.pairs}


def store_epoch(database: Database, config: CommitteeConfig, epoch: Epoch, scores: tuple[Score, ...]) -> Report:
    cut = Cut(
        epoch=epoch,
        chains=tuple(
            ChainCut(chain_id=c, block_number=BlockNumber(1_000 + i), block_hash=Hash32(bytes([i + 1]) * 32))
            for i, c in enumerate(CHAINS)
        ),
    )
    report = Report(
        config_digest=config.digest,
        epoch=epoch,
        cut_hash=cut.hash,
        scores_root=MerkleTree(score.leaf for score in scores).root,
        observers=0b0111,
        borrowers=len(VECTORS),
        collaterals=len(config.pairs),
        stalled_chains=0,
    )
    reports, records = ReportStore(database), RecordStore(database)
    reports.save(report, committed_at_ms=NOW_S * 1_000)
    signers = make_signers()
    reports.save_attestations(epoch, {NodeId(i): signers[i].sign_digest(report.hash) for i in range(3)})
    records.save_epoch(
        EpochRecord(epoch=epoch, cut=cut, entries_root=None, borrowers=5, collaterals=len(config.pairs), timings_ms={})
    )
    reports.save_landing(landing_of(report))
    vectors = vectors_of(config, epoch - LAST_EPOCH)
    ScoreStore(database).save(epoch, scores, vectors=vectors, accounts=ACCOUNTS)
    return report


def landing_of(report: Report) -> Landing:
    """The report landed on the first chain only, brought by another node."""
    return Landing(
        epoch=report.epoch,
        chain_id=CHAINS[0],
        scores_root=report.scores_root,
        block_number=BlockNumber(2_000),
        landed_at_s=TimestampS(report.epoch * EPOCH_S + 300),
        transaction_hash=None,
        gas_used=0,
    )
