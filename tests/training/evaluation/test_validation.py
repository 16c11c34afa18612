"""Every split is judged on rows that training did not see, with its dates beside its figures."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pytest

from oracle.domain.units import DAY_S
from training.errors import TrainingError
from training.evaluation.validation import LabelledRows, validate
from training.splits import Fold, Shock, SplitKind, rolling_splits, shock_splits, unseen_splits

type Array = np.ndarray[Any, Any]

HORIZON_DAYS = 7
SHOCK = Shock(name="a crash", first=date(1970, 10, 1), until=date(1970, 10, 15))
N_OWNERS, N_WEEKS = 30, 52


def rows_of() -> LabelledRows:
    """Return 30 owners over 52 weeks; risk differs by owner, a tenth of the rows is positive."""
    owners, weeks = (part.ravel() for part in np.meshgrid(np.arange(N_OWNERS), np.arange(N_WEEKS), indexing="ij"))
    outcome = np.random.default_rng(3).random(len(owners)) < np.where(owners % 3 == 0, 0.25, 0.02)
    as_of_s = weeks * HORIZON_DAYS * DAY_S
    return LabelledRows(is_positive=outcome.astype(np.int64), owners=owners, as_of_s=as_of_s, horizon_days=HORIZON_DAYS)


def owner_type(rows: LabelledRows, seen: list[Fold] | None = None) -> Any:
    """Return a model that learns the rate of each type of owner, and one that learns the rate of all."""

    def predict(fold: Fold) -> Mapping[str, Array]:
        if seen is not None:
            seen.append(fold)
        types, y = rows.owners % 3 == 0, rows.is_positive
        rates = [y[fold.train][types[fold.train] == kind].mean() for kind in (False, True)]
        typed = np.where(types[fold.test], rates[1], rates[0])
        flat = np.full(len(fold.test), y[fold.train].mean())
        return {"typed": np.log(typed / (1 - typed)), "flat": np.log(flat / (1 - flat))}

    return predict


def all_splits(rows: LabelledRows) -> list[Any]:
    horizon_s = HORIZON_DAYS * DAY_S
    return [
        *rolling_splits(rows.as_of_s, horizon_s=horizon_s, n_folds=3, first_share=0.4),
        *unseen_splits(rows.as_of_s, rows.owners, horizon_s=horizon_s, first_share=0.5, n_parts=2),
        *shock_splits(rows.as_of_s, horizon_s=horizon_s, shocks=(SHOCK,)),
    ]


def test_validate__all_kinds__figures_dates_and_paired_gain() -> None:
    rows = rows_of()

    result = validate(owner_type(rows), "typed", rows, all_splits(rows), n_draws=100)

    assert [r.kind for r in result.splits].count(SplitKind.ROLLING) == 3
    assert [r.kind for r in result.pooled] == [SplitKind.ROLLING, SplitKind.UNSEEN]
    assert result.skipped == ()
    for split in (*result.splits, *result.pooled):
        assert set(split.figures.paired) == {"random", "flat"}
        assert split.figures.scores["flat"]["auc"].value is not None
        assert split.tested_first <= split.tested_last
    pooled = result.pooled[0]
    # Two types: AUC .5 + (share of positives of the risky type - share of negatives of it) / 2, about .5 + (.86 - .27) / 2.
    assert pooled.figures.scores["model"]["auc"].value == pytest.approx(0.8, abs=0.08)
    difference = pooled.figures.paired["flat"]["log_loss"].difference
    assert difference.high is not None
    assert difference.high < 0


def test_validate__every_reported_figure__lies_after_what_training_knew() -> None:
    """R-02: no figure but a shock's is of a day before the last that training knew; a shock's rows are not trained on."""
    rows = rows_of()
    folds: list[Fold] = []

    result = validate(owner_type(rows, folds), "typed", rows, all_splits(rows), n_draws=20)

    assert len(folds) == len(result.splits) == 6
    for split in result.splits:
        if split.kind is not SplitKind.SHOCK:
            assert split.trained_first < split.known_until <= split.tested_first
    for split in result.pooled:
        assert split.known_until <= split.tested_first


def test_validate__shock__none_of_its_rows_trains() -> None:
    rows = rows_of()
    folds: list[Fold] = []
    (split,) = shock_splits(rows.as_of_s, horizon_s=HORIZON_DAYS * DAY_S, shocks=(SHOCK,))

    (result,) = validate(owner_type(rows, folds), "typed", rows, [split], n_draws=20).splits

    assert set(folds[0].train).isdisjoint(split.fold.test)
    # 1 October 1970 is day 273: the week's row of day 273 is the first whose horizon meets it, that of day 280 the last.
    assert (result.tested_first, result.tested_last) == (date(1970, 10, 1), date(1970, 10, 8))


def test_validate__too_few_positives_to_learn_from__split_is_named() -> None:
    rows = rows_of()
    early = LabelledRows(
        is_positive=np.where(rows.as_of_s < 300 * DAY_S, 0, rows.is_positive),
        owners=rows.owners,
        as_of_s=rows.as_of_s,
        horizon_days=HORIZON_DAYS,
    )

    result = validate(owner_type(early), "typed", early, all_splits(early)[:3], n_draws=20)

    assert [s.name for s in result.splits] == []
    assert len(result.skipped) == 3
    assert "0 positive rows" in result.skipped[0]


def test_validate__same_score_everywhere__index_is_by_chance_only() -> None:
    rows = rows_of()

    result = validate(owner_type(rows), "typed", rows, all_splits(rows)[:1], n_draws=20)

    stability = result.splits[0].stability
    assert stability is not None
    # Owners are the same in every week: shares of the two scores do not move.
    assert stability.psi == pytest.approx(0, abs=1e-9)
    assert stability.by_chance > 0


def test_validate__scores_of_other_rows__is_refused() -> None:
    rows = rows_of()

    with pytest.raises(TrainingError, match="one score for each row"):
        validate(lambda fold: {"typed": np.zeros(3)}, "typed", rows, all_splits(rows)[:1])
