"""The two-way bootstrap: figures as computed directly, errors by formula, coverage by simulation."""

from __future__ import annotations

import time

import numpy as np
import pytest

from training.statistics.clusters import Clusters, build_clusters
from training.statistics.figure import build_figure, minimum_detectable
from training.statistics.measures import CalibrationErrorMeasure, MeanMeasure, Measure, RankMeasure, WithinRankMeasure
from training.statistics.probabilities import bin_rows, compute_ece, row_losses
from training.statistics.ranking import compute_auc, compute_ks, compute_pr_auc, compute_within_auc
from training.statistics.resampling import resample
from training.units import sigmoid

type Array = np.ndarray[tuple[int], np.dtype[np.float64]]

DAY_S = 86_400


def grid(n_owners: int, n_blocks: int) -> Clusters:
    owners, blocks = (part.ravel() for part in np.meshgrid(np.arange(n_owners), np.arange(n_blocks), indexing="ij"))
    return build_clusters(owners, blocks * DAY_S, block_days=1)


def test_measures__unit_weights__are_the_plain_figures() -> None:
    random = np.random.default_rng(7)
    n = 600
    owners = random.integers(0, 12, n)
    outcomes = (random.random(n) < 0.1).astype(int)
    score = np.round(outcomes + random.normal(0, 1.5, n), 1)
    groups = np.arange(n)
    ones = np.ones((n, 1))

    auc, pr_auc, ks = RankMeasure(is_positive=outcomes, score=score).bind(groups, n)(ones)[:, 0]
    within = WithinRankMeasure(is_positive=outcomes, score=score, owners=owners).bind(groups, n)(ones)[0, 0]
    measure = CalibrationErrorMeasure(is_positive=outcomes, probability=sigmoid(score), bins=bin_rows(score))
    ece = measure.bind(groups, n)(ones)[0, 0]

    assert auc == pytest.approx(compute_auc(outcomes, score))
    assert pr_auc == pytest.approx(compute_pr_auc(outcomes, score))
    assert ks == pytest.approx(compute_ks(outcomes, score))
    assert within == pytest.approx(compute_within_auc(outcomes, score, owners))
    assert ece == pytest.approx(compute_ece(score, outcomes))


def test_measures__integer_weights__are_repeated_rows() -> None:
    random = np.random.default_rng(8)
    n, n_groups = 300, 20
    groups = np.sort(random.integers(0, n_groups, n))
    owners = groups // 4
    outcomes = (random.random(n) < 0.2).astype(int)
    score = random.integers(0, 40, n).astype(float)
    counts = random.integers(0, 4, n_groups)
    rows = np.repeat(np.arange(n), counts[groups])
    weights = counts[:, None].astype(float)

    rank = RankMeasure(is_positive=outcomes, score=score).bind(groups, n_groups)(weights)[:, 0]
    mean = MeanMeasure(names=("loss",), values=score[None, :]).bind(groups, n_groups)(weights)[0, 0]

    assert rank[0] == pytest.approx(compute_auc(outcomes[rows], score[rows]))
    assert rank[1] == pytest.approx(compute_pr_auc(outcomes[rows], score[rows]))
    assert mean == pytest.approx(score[rows].mean())
    counts_by_owner = np.repeat(np.arange(1, 6), 4)
    rows = np.repeat(np.arange(n), counts_by_owner[groups])
    within = WithinRankMeasure(is_positive=outcomes, score=score, owners=owners).bind(groups, n_groups)
    assert within(counts_by_owner[:, None].astype(float))[0, 0] == pytest.approx(
        compute_within_auc(outcomes[rows], score[rows], owners[rows])
    )


def test_resample__mean_of_independent_rows__error_is_that_of_the_mean() -> None:
    values = np.random.default_rng(9).normal(size=400)
    clusters = build_clusters(np.arange(400), np.arange(400) * DAY_S, block_days=1)

    draws = resample(clusters, {"a": [MeanMeasure(names=("m",), values=values[None, :])]}, n_draws=4_000)

    assert draws.standard_error(("a", "m")) == pytest.approx(values.std(ddof=1) / 20, rel=0.05)


def test_resample__score_against_itself__difference_is_exactly_nothing() -> None:
    clusters = grid(10, 10)
    random = np.random.default_rng(10)
    outcomes, score = (random.random(100) < 0.3).astype(int), random.normal(size=100)
    measure = RankMeasure(is_positive=outcomes, score=score)

    draws = resample(clusters, {"a": [measure], "b": [measure]}, n_draws=50)

    assert draws.standard_error(("a", "auc"), ("b", "auc")) == 0
    assert draws.standard_error(("a", "auc")) > 0


def test_resample__twice__gives_the_same_bits() -> None:
    clusters = grid(8, 9)
    measure = MeanMeasure(names=("m",), values=np.random.default_rng(1).normal(size=(1, 72)))

    first, second = (resample(clusters, {"a": [measure]}, n_draws=64) for _ in range(2))

    assert first.standard_error(("a", "m")) == second.standard_error(("a", "m"))


@pytest.mark.parametrize(("owner_effect", "block_effect"), [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)])
def test_interval__shocks_by_owner_and_by_time__covers_the_mean(owner_effect: float, block_effect: float) -> None:
    """In 95 % of samples; a one-way interval by the wrong cluster would cover far less."""
    random = np.random.default_rng(11)
    n_owners, n_blocks, n_samples = 30, 25, 300
    clusters = grid(n_owners, n_blocks)
    covered = 0
    for _ in range(n_samples):
        noise = random.normal(size=(n_owners, n_blocks))
        values = noise + owner_effect * random.normal(size=(n_owners, 1)) + block_effect * random.normal(size=n_blocks)
        draws = resample(clusters, {"a": [MeanMeasure(names=("m",), values=values.reshape(1, -1))]}, n_draws=200)
        figure = build_figure(float(values.mean()), draws.standard_error(("a", "m")), min(n_owners, n_blocks) - 1)
        assert figure.low is not None
        assert figure.high is not None
        covered += figure.low <= 0 <= figure.high

    # Binomial error of 300 samples is 1.3 %; without any shock the floor at the larger one-way variance makes it wider.
    assert 0.91 <= covered / n_samples <= 0.995


def test_interval__liquidations_in_few_crashes__covers_auc_and_its_difference() -> None:
    """Positives come in crashes and from risky owners; one score knows the owner's risk, the other is a noisy copy."""
    random = np.random.default_rng(12)
    n_owners, n_blocks, n_samples = 60, 20, 200
    clusters = grid(n_owners, n_blocks)
    truths = {"auc": [], "difference": []}  # type: dict[str, list[float]]
    intervals = []
    for _ in range(n_samples):
        outcomes, scores = crash_sample(random, n_owners, n_blocks)
        measures: dict[str, list[Measure]] = {
            k: [RankMeasure(is_positive=outcomes, score=s)] for k, s in scores.items()
        }
        draws = resample(clusters, measures, n_draws=200)
        degrees = clusters.degrees_of_freedom(outcomes)
        good, bad = (compute_auc(outcomes, scores[k]) for k in ("good", "bad"))
        truths["auc"].append(good)
        truths["difference"].append(good - bad)
        intervals.append(
            (
                build_figure(good, draws.standard_error(("good", "auc")), degrees),
                build_figure(good - bad, draws.standard_error(("good", "auc"), ("bad", "auc")), degrees),
            )
        )

    for i, name in enumerate(("auc", "difference")):
        truth = float(np.mean(truths[name]))
        covered = [f[i].low <= truth <= f[i].high for f in intervals if f[i].low is not None and f[i].high is not None]  # type: ignore[operator]
        assert 0.90 <= np.mean(covered) <= 1.0, name


def crash_sample(random: np.random.Generator, n_owners: int, n_blocks: int) -> tuple[Array, dict[str, Array]]:
    """Return outcomes and two scores; a third of the blocks are crashes."""
    risk = np.broadcast_to(random.normal(size=(n_owners, 1)), (n_owners, n_blocks)) + random.normal(
        0, 0.7, (n_owners, n_blocks)
    )
    crash = np.where(random.random(n_blocks) < 0.35, 3.0, 0.0)
    logits = -5.0 + risk + crash
    outcomes = (random.random(logits.shape) < sigmoid(logits)).astype(float).ravel()
    return outcomes, {"good": risk.ravel(), "bad": (risk + random.normal(0, 1.0, risk.shape)).ravel()}


def test_minimum_detectable__many_degrees__is_2_8_errors() -> None:
    # Bloom (1995): 1.96 + 0.84.
    assert minimum_detectable(1.0, 10_000) == pytest.approx(2.80, abs=0.01)
    assert minimum_detectable(1.0, 0) is None


def test_build_figure__events_in_one_block__no_interval_but_a_reason() -> None:
    figure = build_figure(0.7, 0.1, 0)

    assert (figure.value, figure.low, figure.high) == (0.7, None, None)
    assert figure.reason


@pytest.mark.slow
def test_resample__200000_rows_and_1000_draws__within_30_seconds() -> None:
    random = np.random.default_rng(13)
    n = 200_000
    owners, times = random.integers(0, 350, n), random.integers(0, 550, n) * DAY_S
    outcomes = (random.random(n) < 0.014).astype(int)
    scores = {f"score_{i}": outcomes + random.normal(0, 2, n) for i in range(5)}
    started = time.process_time()

    measures: dict[str, list[Measure]] = {
        name: [
            RankMeasure(is_positive=outcomes, score=s),
            MeanMeasure(names=("log_loss",), values=row_losses(s, outcomes)[None, :]),
        ]
        for name, s in scores.items()
    }
    draws = resample(build_clusters(owners, times, block_days=7), measures)

    assert time.process_time() - started < 30
    assert draws.standard_error(("score_0", "auc"), ("score_1", "auc")) > 0
