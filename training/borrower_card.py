"""The lines of a borrower card that carry evidence: every kind of row with intervals, folds with dates, the choice of volatility and link, the prior of an unknown history."""

from __future__ import annotations

import numpy as np

from oracle.features.registry import BORROWER_SCHEMA
from oracle.scoring.reference import compute_margins
from training.borrower import DISTANCE, HEALTH, TREES, TrainedBorrower
from training.borrower_figures import BorrowerFigures, FoldFigures, GroupFigures
from training.evaluation.figures import MODEL
from training.rules import BARRIER_30, BARRIER_365, EPISODES, LOW_HEALTH
from training.statistics.figure import Figure
from training.structure_study import CHOSEN, Candidate, Study
from training.units import LEAF_UNITS
from training.upper_coverage import Coverage, coverage_lines

_BASELINES = (HEALTH, DISTANCE, BARRIER_30, BARRIER_365, LOW_HEALTH, EPISODES, TREES)


def evidence_lines(
    figures: BorrowerFigures, coverages: tuple[Coverage, ...], study: Study, trained: TrainedBorrower
) -> list[str]:
    """Return the lines."""
    return [
        "## Out of time, by kind of row",
        "Model: the score that runs, before recalibration. 95 % intervals count owners and blocks of time together; n positive rows fall on so many days. The Maker rows",
        "come from forward folds, the Morpho rows from a model that saw no row of Morpho. All are judged over 30 days; `evaluate` judges Morpho's over 7. A level that Morpho's file does not show is taken as the lower quartile of those shown.",
        "",
        *_group_table(figures.groups),
        "",
        "Paired differences, model minus baseline, on the same rows (a higher AUC and a lower log loss are better), and the smallest true difference in AUC that such rows would show:",
        "",
        *_paired_table(figures.groups),
        "",
        "## Calibration",
        "",
        *_in_the_large(figures.groups),
        "",
        *_fold_table(figures.folds),
        "",
        *coverage_lines(coverages),
        "",
        "## Volatility and link of the state offset",
        *_study_lines(study),
        "",
        "## Missing history",
        prior_line(trained),
        "",
    ]


def prior_margin(trained: TrainedBorrower) -> int:
    """Return the behaviour margin of an all-missing history, in units of 2^-12: no masking of any history gives a higher one."""
    return int(compute_margins(trained.model.trees, np.zeros((1, len(BORROWER_SCHEMA)), dtype=np.int64))[0])


def prior_line(trained: TrainedBorrower) -> str:
    """Return the sentence that declares the prior."""
    margin = prior_margin(trained)
    return (
        f"A missing slot counts as the riskiest value. With all of them missing the behaviour margin is {margin} units of 2^-12 ({margin / LEAF_UNITS:+.3f} of log-odds), "
        "the highest that hiding gives: the declared prior."
    )


def _group_table(groups: tuple[GroupFigures, ...]) -> list[str]:
    rows = [
        f"| {g.name} | {g.days[0]} to {g.days[1]} | {g.figures.n} | {g.figures.positives} of {g.figures.owners} owners, {g.figures.event_days} days | "
        f"{_text(g.figures.scores[MODEL]['auc'])} | {_text(g.figures.scores[MODEL]['pr_auc'])} | {_text(g.figures.scores[MODEL]['log_loss'], 4)} |"
        for g in groups
    ]
    return [
        "| rows | tested | n | positive | AUC | PR-AUC | log loss |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *rows,
    ]


def _paired_table(groups: tuple[GroupFigures, ...]) -> list[str]:
    rows = []
    for group in groups:
        for name in _BASELINES:
            comparison = group.figures.paired.get(name)
            if comparison is None or "auc" not in comparison:
                continue
            auc, loss = comparison["auc"], comparison.get("log_loss")
            detectable = "-" if auc.detectable is None else f"{auc.detectable:.3f}"
            rows.append(
                f"| {group.name} | {name} | {_text(group.figures.scores[name]['auc'])} | {_text(auc.difference, sign=True)} | {detectable} | "
                f"{'-' if loss is None else _text(loss.difference, 4, sign=True)} |"
            )
    return [
        "| rows | baseline | its AUC | AUC difference | detectable | log-loss difference |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows,
    ]


def _in_the_large(groups: tuple[GroupFigures, ...]) -> list[str]:
    rows = [f"| {g.name} | {g.foretold:.2%} | {g.realised:.2%} |" for g in groups]
    return ["| rows | foretold | happened |", "| --- | --- | --- |", *rows]


def _fold_table(folds: tuple[FoldFigures, ...]) -> list[str]:
    rows = []
    for fold in folds:
        slope = "too few events" if fold.line is None else _text(fold.line.slope)
        rows.append(
            f"| {fold.known_until} | {fold.tested[0]} to {fold.tested[1]} | {fold.n} | {fold.positives} | {slope} |"
        )
    return ["| trained until | tested | n | positive | slope |", "| --- | --- | --- | --- | --- |", *rows]


def _study_lines(study: Study) -> list[str]:
    held = next(c for c in study.checked if c.name == CHOSEN)
    best = study.chosen[0]
    later = next(c for c in study.checked if c.name == best.name)
    return [
        f"Chosen on weekly rows of {study.chosen_on[0]} to {study.chosen_on[1]}, checked on {study.checked_on[0]} to {study.checked_on[1]}. Gain: log loss against a logit of the health factor, paired.",
        f"`{best.name}` is best on the first span ({_gain(best)}). {_choice(study)} On the second span, a check only, it gains {_gain(later)} and `{CHOSEN}` {_gain(held)}.",
        "No change of the volatility rule has a gain whose lower bound is above zero on both spans."
        if not _proved(study)
        else f"Proved on both spans: {', '.join(_proved(study))}.",
        "",
        "| candidate | AUC, first span | log loss | gain | AUC, second span | log loss | gain |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *[_candidate_row(c, next(k for k in study.checked if k.name == c.name)) for c in study.chosen],
    ]


def _choice(study: Study) -> str:
    """Return what the first span alone decides."""
    if any(c.gain.low > 0 for c in study.chosen):
        return f"What it proves there is not shipped yet: the rule is `{CHOSEN}`."
    return f"No candidate's gain there has a lower bound above zero, so the rule stays `{CHOSEN}`."


def _proved(study: Study) -> list[str]:
    proved = {c.name for c in study.checked if c.gain.low > 0}
    return [c.name for c in study.chosen if c.gain.low > 0 and c.name in proved]


def _candidate_row(first: Candidate, second: Candidate) -> str:
    cells = [f"{c.auc:.3f} | {c.log_loss:.4f} | {_gain(c)}" for c in (first, second)]
    return f"| {first.name} | {' | '.join(cells)} |"


def _gain(candidate: Candidate) -> str:
    gain = candidate.gain
    return f"{gain.mean:+.4f} ({gain.low:+.4f} to {gain.high:+.4f})"


def _text(figure: Figure, places: int = 3, *, sign: bool = False) -> str:
    if figure.value is None:
        return "-"
    plus = "+" if sign else ""
    value = f"{figure.value:{plus}.{places}f}"
    if figure.low is None or figure.high is None:
        return f"{value} (no interval)"
    return f"{value} ({figure.low:{plus}.{places}f} to {figure.high:{plus}.{places}f})"
