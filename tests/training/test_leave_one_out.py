"""Leaving a source out: nothing of it is learned from, and pooling is judged on rows that neither table saw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.test_borrower_validation import RECIPE, rows_of
from tests.training.test_upper_coverage import two_sources
from training.__main__ import main
from training.borrower import TREES
from training.errors import TrainingError
from training.leave_one_out import LeftOut, leave_each_out, render, study_sources, to_json
from training.pooling import ALONE, POOLED, Pooling, fit_pooled
from training.rows import BorrowerRows
from training.structure import distance_basis
from training.units import sigmoid

NAMES = ("looks", "borrows")


def riskier(rows: BorrowerRows, *, source: int, seed: int) -> BorrowerRows:
    """Return the rows with as many outcomes of a source turned bad at any distance."""
    random = np.random.default_rng(seed)
    turned = (rows.sources == source) & (random.random(len(rows.sources)) < 0.2)
    return replace(rows, is_positive=np.where(turned, 1, rows.is_positive))


def test_leave_each_out__outcomes_of_the_source_changed__what_is_foretold_stays() -> None:
    rows = two_sources()
    changed = replace(rows, is_positive=np.where(rows.sources == 1, 1 - rows.is_positive, rows.is_positive))

    before, after = (leave_each_out(r, NAMES, RECIPE)[1] for r in (rows, changed))

    assert [g.foretold for g in before.groups] == [g.foretold for g in after.groups]
    assert [g.realised for g in before.groups] != [g.realised for g in after.groups]


@pytest.fixture(scope="module")
def left_out() -> tuple[LeftOut, ...]:
    return leave_each_out(two_sources(), NAMES, RECIPE)


@pytest.fixture(scope="module")
def pooling() -> tuple[Pooling, ...]:
    return study_sources(riskier(two_sources(), source=1, seed=4))


def test_leave_each_out__every_source__is_judged_by_kind_and_says_what_came_first(
    left_out: tuple[LeftOut, ...],
) -> None:
    rows = two_sources()
    looks, borrows = left_out

    assert (looks.source, looks.trained_on, looks.is_forward) == ("looks", ("borrows",), False)
    assert (borrows.source, borrows.trained_on, borrows.is_forward) == ("borrows", ("looks",), True)
    assert looks.n_trained == int(((rows.sources == 1) & rows.is_level_known).sum())
    assert [g.name for g in looks.groups] == ["weekly"]
    assert [g.name for g in borrows.groups] == ["every borrow", "every borrow, level known"]
    assert TREES in borrows.groups[0].figures.paired


def test_leave_each_out__one_source__is_refused() -> None:
    with pytest.raises(TrainingError, match="at least two"):
        leave_each_out(rows_of(), ("looks",), RECIPE)


def test_fit_pooled__two_levels__ships_that_of_all_rows_and_one_slope() -> None:
    rows = riskier(two_sources(), source=1, seed=3)
    rows = rows.select(np.flatnonzero(rows.is_level_known))

    weights = fit_pooled(rows)
    p = sigmoid(weights[0] + distance_basis(rows.vectors[:, 0]) @ weights[1:])

    assert p.mean() == pytest.approx(rows.is_positive.mean(), abs=1e-4)
    first = rows.sources == 0
    assert p[first].mean() > rows.is_positive[first].mean()
    assert p[~first].mean() < rows.is_positive[~first].mean()
    assert (weights[1:] <= 1e-9).all()


def test_study_sources__a_source_riskier_at_every_distance__is_foretold_better_by_pooling(
    pooling: tuple[Pooling, ...],
) -> None:
    rows = two_sources()

    looks, elsewhere = pooling

    assert (looks.kind, elsewhere.kind) == ("later looks of the first source", "unseen owners of other sources")
    assert looks.foretold[POOLED] > looks.foretold[ALONE]
    assert elsewhere.gain.mean > 0
    assert elsewhere.n == int(((rows.sources == 1) & rows.is_level_known).sum())


def test_render__both_tables__hold_a_line_per_comparison(
    left_out: tuple[LeftOut, ...], pooling: tuple[Pooling, ...]
) -> None:
    lines, document = render(left_out, pooling), to_json(left_out, pooling)

    assert sum(line.startswith("| looks | weekly |") for line in lines) == 4
    assert sum(line.startswith(f"| {p.kind} |") for line in lines for p in pooling) == len(pooling)
    assert document["left_out"]["borrows"]["groups"]["every borrow"]["n"] == int((two_sources().sources == 1).sum())
    assert document["pooled_structure"][pooling[-1].kind]["gain"][0] == pytest.approx(pooling[-1].gain.mean)


def test_command__no_folder__says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leave-one-out", "--data", str(tmp_path / "absent")]) == 1
    assert "there is no such folder" in capsys.readouterr().err
