"""Model cards: what a bundle is, how good it is out of time, and what its data cannot show. The first line says whether behaviour trees count."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from oracle.domain.units import DAY_S
from oracle.features.registry import BORROWER_SCHEMA, Schema
from oracle.scoring.bundle import training_span_line
from oracle.scoring.model import Model, ModelFlag
from training import calibrate
from training.borrower import TREES, TrainedBorrower, Validation
from training.validate import Gain, Metrics

MAKER_LIMITS = """\
- The level of risk is that of one collateral (ETH) in one market (Maker ETH-B), 2020-10 to 2023-01. Another market's is another: see calibration in the large on Morpho.
- Morpho's file has no repayments, no withdrawals and no position older than it: two levels in three are unknown, and its 55 days hold one fall of prices.
- Vaults, not owners: one person's vaults count as several borrowers, and history does not follow an owner to a new vault.
- Few liquidations on few days: intervals count vaults and months together and are wide, and one crash more or less would move them.
- Prices are exchange closes through an oracle-sampling rule; Maker's own price lags by an hour. Before 2021 they are daily.
- Loss given default is a reference, not measured: nearly all of Maker's liquidations left no bad debt."""
GENERATED_LIMITS = """\
- Generated activity: borrowers behave as the generator was told to. Nothing here says anything about real borrowers.
- It exists so that a local world can show active behaviour trees. The sandbox flag keeps it from loading anywhere else."""


def span_line(as_of_s: np.ndarray[Any, Any], horizon_s: int, source: str = "") -> str:
    """Return the card's line on when the rows (of one source) are from, and when the last label's horizon ends (rounded up to a day)."""
    first = datetime.fromtimestamp(int(as_of_s.min()), UTC).date()
    return training_span_line(first, last_known_day(as_of_s, horizon_s), source)


def last_known_day(as_of_s: np.ndarray[Any, Any], horizon_s: int) -> date:
    """Return the day by which the last row's horizon has ended."""
    return datetime.fromtimestamp(-(-(int(as_of_s.max()) + horizon_s) // DAY_S) * DAY_S, UTC).date()


def borrower_card(
    name: str, source: str, span: str, trained: TrainedBorrower, limits: str, evidence: Sequence[str] = ()
) -> str:
    """Return the card of a borrower bundle."""
    model, validation = trained.model, trained.validation
    is_active = ModelFlag.TREES_ACTIVE in model.flags
    if ModelFlag.SANDBOX_ONLY in model.flags:
        gained = "has a" if validation.gain.low > 0 else "has no"
        first = f"Behaviour trees: ACTIVE, for the sandbox only. Their gain {gained} lower bound above zero out of time; generated data cannot show anything about real loans."
    elif is_active:
        first = "Behaviour trees: ACTIVE. Their out-of-time gain has a lower bound above zero; the data cannot show that it holds for other protocols."
    else:
        first = "Behaviour trees: SHADOW. Their out-of-time gain over the structural score is not proved above zero on these data, so they do not count. The data cannot show the level of risk outside Maker."
    lines = [
        first,
        "",
        f"# {name}",
        "",
        f"Log-odds of a liquidation above max($100, 1 % of debt) within 30 days. Source: {source}.",
        span,
        "",
        f"{validation.split}: {validation.n_rows} rows, {validation.n_positives} positive, of {validation.n_positive_clusters} borrowers.",
        f"AUC of `{TREES}`: 95 % interval {validation.auc_low:.3f} to {validation.auc_high:.3f}, counting borrowers and months together.",
        "",
        *metric_table(validation.metrics),
        "",
        f"Log-loss gain of the trees over the best structural baseline ({validation.best_baseline}): {gain_text(validation.gain)}.",
        *_borrow_gain(validation),
        "",
        f"Probabilities are recalibrated out of time (intercept {trained.recalibration[0]:+.3f}, slope {trained.recalibration[1]:.3f}).",
        f"Upper bounds are one-sided at {calibrate.CONFIDENCE:.0%}, counting borrowers, not days: where one crash is the news they are too narrow. Groups are pooled with riskier ones.",
        f"Grades use a reference loss given default of {calibrate.REFERENCE_LGD_BPS // 100} %, set by judgement.",
        "Below liquidation the slope of the state offset is set, not fitted.",
        "",
        *evidence,
        f"## What the data cannot show\n{limits}",
        "",
        *feature_table(BORROWER_SCHEMA, model),
    ]
    return "\n".join(lines) + "\n"


def _borrow_gain(validation: Validation) -> list[str]:
    """Return the gain on rows of borrows, where there are such rows."""
    if validation.borrow_gain is None:
        return []
    return [
        f"On rows of borrows the gain over the best there ({validation.best_borrow_baseline}) is {gain_text(validation.borrow_gain)}. The trees count only if the gain is proved on both kinds of row."
    ]


def metric_table(metrics: tuple[Metrics, ...]) -> list[str]:
    rows = [f"| {m.name} | {m.auc:.3f} | {m.pr_auc:.3f} | {m.log_loss:.4f} | {m.brier:.4f} |" for m in metrics]
    return ["| out of time | AUC | PR-AUC | log loss | Brier |", "| --- | --- | --- | --- | --- |", *rows]


def feature_table(schema: Schema, model: Model) -> list[str]:
    sign = {-1: "falls", 0: "free", 1: "rises"}
    rows = [
        f"| {f.slot} | {f.name} | {f.unit} | {sign[f.monotone]} | {support.lo}..{support.hi}{', required' if support.is_required else ''} |"
        for f, support in zip(schema, model.support, strict=True)
    ]
    return ["| slot | feature | unit | risk | rated within |", "| --- | --- | --- | --- | --- |", *rows]


def gain_text(gain: Gain) -> str:
    return f"{gain.mean:+.5f}, 95 % interval {gain.low:+.5f} to {gain.high:+.5f}"
