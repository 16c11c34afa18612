"""Watches the models of a node: how far today's rows drifted from the bundles' references, and what came true of earlier scores.

A cohort of borrowers is scored every 7 days, one of pairs every day, from the leaves that the committee agreed on; each is settled at the first agreed epoch
after its horizon. Nothing here is signed, and no score depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.domain.history import BorrowerHistory, CollateralHistory
from oracle.domain.ids import SubjectId
from oracle.domain.score import BorrowerScore, Score, ScoreKind
from oracle.domain.units import DAY_S, TimestampS
from oracle.node.cohort_labels import (
    BORROWER_HORIZON_S,
    COLLATERAL_HORIZON_S,
    borrower_members,
    collateral_members,
    count,
    label_borrower,
    label_collateral,
)
from oracle.node.observe import Observed, Scorers
from oracle.scoring.bundle import Bundle
from oracle.scoring.drift import Drift, compute_drifts, select_columns
from oracle.storage.cohorts import Cohort, CohortStore, Member

EVERY_S = {ScoreKind.BORROWER: 7 * DAY_S, ScoreKind.COLLATERAL: DAY_S}
HORIZON_S = {ScoreKind.BORROWER: BORROWER_HORIZON_S, ScoreKind.COLLATERAL: COLLATERAL_HORIZON_S}

type Bundles = Mapping[ScoreKind, Bundle]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """All settled cohorts of one model, summed."""

    cohorts_count: int
    subjects_count: int
    known_count: int
    realised_count: int
    expected: float
    upper: float
    deviation: float
    """Standard deviation of the count if subjects were independent, which one crash makes them not."""


def compute_bundle_drift(
    bundle: Bundle, scores: Iterable[Score], vectors: Mapping[SubjectId, tuple[int, ...]]
) -> tuple[Drift, ...] | None:
    """Return the drift of each column over the leaves whose vector this node computed; None if the bundle has no reference, empty without rows."""
    if bundle.reference is None:
        return None
    kept = [s for s in scores if s.subject in vectors and isinstance(s, BorrowerScore) == _is_borrower(bundle)]
    if not kept:
        return ()
    rows = np.array([vectors[s.subject] for s in kept], dtype=np.int64)
    margins = [s.behaviour_margin if isinstance(s, BorrowerScore) else s.margin for s in kept]
    return compute_drifts(bundle.reference, select_columns(bundle.model, rows, np.array(margins, dtype=np.int64)))


def sum_settled(cohorts: Iterable[Cohort], bundle: Bundle) -> Settled:
    """Return the sums over the settled cohorts that this bundle's model scored."""
    settled = [(c, c.tally) for c in cohorts if c.tally is not None and c.model_id == bundle.model_id]
    return Settled(
        cohorts_count=len(settled),
        subjects_count=sum(c.subjects_count for c, _ in settled),
        known_count=sum(t.known_count for _, t in settled),
        realised_count=sum(t.realised_count for _, t in settled),
        expected=sum(t.expected_ppm for _, t in settled) / 1e6,
        upper=sum(t.upper_ppm for _, t in settled) / 1e6,
        deviation=(sum(t.variance_ppm for _, t in settled) / 1e6) ** 0.5,
    )


class ModelWatch:
    """Keeps cohorts, and the newest figures for `/metrics`; called from the bookkeeper's thread alone."""

    def __init__(self, store: CohortStore, scorers: Scorers, *, epoch_s: int) -> None:
        self._store = store
        self._bundles: Bundles = {
            ScoreKind.BORROWER: scorers.borrower.bundle,
            ScoreKind.COLLATERAL: scorers.collateral.bundle,
        }
        self._epoch_s = epoch_s
        self._drifts: dict[ScoreKind, tuple[Drift, ...]] = {}
        self._settled: dict[ScoreKind, Settled] = {}

    def on_agreed(self, observed: Observed, scores: tuple[Score, ...]) -> None:
        """Settle what is mature, begin cohorts that are due, and take the drift of an agreed epoch."""
        as_of_s = TimestampS(observed.cut.epoch * self._epoch_s)
        borrowers = {h.subject: h for h in observed.histories.borrowers}
        collaterals = {h.pair.subject: h for h in observed.histories.collaterals}
        self._settle(ScoreKind.BORROWER, as_of_s, lambda m, at_s: _borrower_label(borrowers, m, at_s))
        self._settle(ScoreKind.COLLATERAL, as_of_s, lambda m, at_s: _collateral_label(collaterals, m, at_s))
        self._begin(ScoreKind.BORROWER, as_of_s, lambda: borrower_members(scores, borrowers.values()))
        self._begin(ScoreKind.COLLATERAL, as_of_s, lambda: collateral_members(scores))
        for kind, bundle in self._bundles.items():
            self._drifts[kind] = compute_bundle_drift(bundle, scores, observed.vectors) or ()
            self._settled[kind] = sum_settled(self._store.all(kind), bundle)

    def collect(self) -> Iterator[Any]:
        """Yield the families of metrics; called by the registry."""
        from prometheus_client.core import GaugeMetricFamily

        psi = GaugeMetricFamily("assay_model_psi", "Shift of a column from training", labels=["model", "column"])
        chance = GaugeMetricFamily("assay_model_psi_by_chance", "Its mean without drift", labels=["model", "column"])
        for kind, drifts in tuple(self._drifts.items()):
            for drift in drifts:
                psi.add_metric([kind.name.lower(), drift.name], drift.psi)
                chance.add_metric([kind.name.lower(), drift.name], drift.by_chance)
        expected = GaugeMetricFamily("assay_model_expected", "Events that settled cohorts expected", labels=["model"])
        realised = GaugeMetricFamily("assay_model_realised", "Events that came true in them", labels=["model"])
        upper = GaugeMetricFamily("assay_model_expected_upper", "Events at the upper bounds", labels=["model"])
        for kind, settled in tuple(self._settled.items()):
            expected.add_metric([kind.name.lower()], settled.expected)
            realised.add_metric([kind.name.lower()], settled.realised_count)
            upper.add_metric([kind.name.lower()], settled.upper)
        yield from (psi, chance, expected, upper, realised)

    def _settle(self, kind: ScoreKind, as_of_s: TimestampS, label: Callable[[Member, TimestampS], bool | None]) -> None:
        for at_s in self._store.due(kind, TimestampS(as_of_s - HORIZON_S[kind])):
            members = self._store.members(kind, at_s)
            labels = {m.subject: known for m in members if (known := label(m, at_s)) is not None}
            self._store.settle(kind, at_s, count(members, labels))

    def _begin(self, kind: ScoreKind, as_of_s: TimestampS, members: Callable[[], list[Member]]) -> None:
        newest_s = self._store.newest_s(kind)
        if newest_s is None or as_of_s >= newest_s + EVERY_S[kind]:
            self._store.open(kind, as_of_s, self._bundles[kind].model_id, members())


def _is_borrower(bundle: Bundle) -> bool:
    return bundle.kind is ScoreKind.BORROWER


def _borrower_label(histories: Mapping[SubjectId, BorrowerHistory], member: Member, at_s: TimestampS) -> bool | None:
    history = histories.get(member.subject)
    return None if history is None else label_borrower(history, at_s, member.debt_usd_e8)


def _collateral_label(
    histories: Mapping[SubjectId, CollateralHistory], member: Member, at_s: TimestampS
) -> bool | None:
    history = histories.get(member.subject)
    return None if history is None else label_collateral(history, at_s)
