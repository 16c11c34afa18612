"""From rows of borrowers to rows of a task: the bundle's score, and the rules that any risk manager has at hand.

The score is the log-odds of the probability that the bundle publishes, which is of 30 days; over another horizon it only ranks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from oracle.domain.score import ScoreKind
from oracle.domain.units import DAY_S
from oracle.scoring.bundle import Bundle
from oracle.scoring.model import BorrowerTables
from oracle.scoring.reference import compute_margins
from training.errors import TrainingError
from training.evaluation.task import Score, TaskRows
from training.labels import HORIZON_S
from training.rows import BorrowerRows
from training.rules import rule_signals, scorecard_features
from training.structure import offsets_at

type Array = np.ndarray[Any, Any]

SHADOW = "with_shadow_trees"
FIRST, KNOWN = "first_borrows", "level_known"


def build_loan_task(rows: BorrowerRows, bundle: Bundle, horizon_s: int, groups: Mapping[str, Array]) -> TaskRows:
    """Return the rows of a task.

    Raises:
        TrainingError: if there are none, or the bundle scores no borrowers.
    """
    if bundle.kind is not ScoreKind.BORROWER:
        raise TrainingError(f"{bundle.name} scores collaterals, this task asks about borrowers: pass a borrower bundle")
    if len(rows.as_of_s) == 0:
        raise TrainingError("the span holds no row with debt above dust whose horizon ends inside the record")
    published, shadow = score_rows(bundle, rows.vectors)
    days = horizon_s // DAY_S
    return TaskRows(
        is_positive=rows.is_positive,
        owners=rows.clusters,
        as_of_s=rows.as_of_s,
        event_days=rows.event_days,
        model=Score(values=published, is_probability=horizon_s == HORIZON_S),
        baselines={
            **{name: Score(values=v, is_probability=False) for name, v in rule_signals(rows, days).items()},
            SHADOW: Score(values=shadow, is_probability=horizon_s == HORIZON_S),
        },
        groups=groups,
        horizon_days=days,
        upper=_upper(bundle, published) if horizon_s == HORIZON_S else None,
        features=scorecard_features(rows),
    )


def score_rows(bundle: Bundle, vectors: Array) -> tuple[Array, Array]:
    """Return (log-odds that the bundle publishes, those with behaviour trees even where these run in shadow)."""
    tables = _tables(bundle)
    structural = offsets_at(tables.state_offsets, vectors[:, 0])
    behaviour = compute_margins(bundle.model.trees, vectors)
    with_trees = structural + behaviour
    return _log_odds(tables, with_trees if bundle.trees_active else structural), _log_odds(tables, with_trees)


def _tables(bundle: Bundle) -> BorrowerTables:
    tables = bundle.model.tables
    if not isinstance(tables, BorrowerTables):
        raise TrainingError(f"{bundle.name} holds no tables of borrowers")
    return tables


def _log_odds(tables: BorrowerTables, margins: Array) -> Array:
    p = np.array([tables.pd_ppm[tables.table_index(m)] for m in margins.tolist()]) / 1e6
    return np.asarray(np.log(p / (1 - p)))


def _upper(bundle: Bundle, published: Array) -> Array:
    """Return the upper bound that goes with each published probability."""
    tables = _tables(bundle)
    ppm = np.rint(1e6 / (1 + np.exp(-published))).astype(np.int64)
    return np.array(tables.pd_upper_ppm)[np.searchsorted(np.array(tables.pd_ppm), ppm)] / 1e6
