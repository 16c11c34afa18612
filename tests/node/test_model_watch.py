"""The watch over a fake committee's life: cohorts begin and settle on time, drift is taken where there is a reference."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from typer.testing import CliRunner

from oracle.chain.histories import Histories
from oracle.domain.event import EventKind
from oracle.domain.history import BorrowerHistory
from oracle.domain.report import Cut
from oracle.domain.score import Score, ScoreKind
from oracle.domain.units import DAY_S, Epoch, TimestampS
from oracle.features.borrower import compute_borrower_vector
from oracle.features.registry import BORROWER_SCHEMA
from oracle.node.committee_file import write_committee
from oracle.node.model_commands import app, describe
from oracle.node.model_watch import ModelWatch, compute_bundle_drift
from oracle.node.observe import Observed, Scorers
from oracle.node.settings import load_settings
from oracle.node.stores import Stores
from oracle.scoring.bundle import Bundle, load_bundle
from oracle.scoring.drift import Shift, select_columns
from oracle.scoring.population import make_reference
from oracle.scoring.session import Scorer
from tests.features.histories import AS_OF_S, STRANGER, event, random_history, with_events
from tests.node.committee import released_config
from tests.node.test_cohort_labels import PAIR_SCORE, collateral
from tests.node.test_settings import config_text

EPOCH_S = 3_600
COLLATERAL = load_bundle("collateral-1", allow_sandbox=False)


def referenced() -> Bundle:
    """The released bundle with a reference made of random rows."""
    bundle = replace(load_bundle("borrower-1", allow_sandbox=False), reference=None)
    random = np.random.default_rng(1)
    rows = np.stack([random.integers(1, 300, 2_000) for _ in BORROWER_SCHEMA], axis=1)
    columns = select_columns(bundle.model, rows, np.zeros(len(rows), dtype=np.int64))
    return replace(bundle, reference=make_reference(columns))


SCORERS = Scorers(borrower=Scorer(referenced()), collateral=Scorer(COLLATERAL))


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    opened = Stores.open(tmp_path / "node.db", hold=False)
    yield opened
    opened.database.close()


def rated_life() -> BorrowerHistory:
    for seed in range(100):
        life = random_history(seed)
        (score,) = SCORERS.borrower.score_borrowers([life.subject], [compute_borrower_vector(life)])
        if score.grade > 0:
            return life
    raise AssertionError


LIFE = rated_life()


def observe(days_later: int, life: BorrowerHistory | None = LIFE) -> tuple[Observed, tuple[Score, ...]]:
    """The borrower's history as it is known some days after the first cut."""
    lives = () if life is None else (replace(life, as_of_s=TimestampS(AS_OF_S + days_later * DAY_S)),)
    vectors = {h.subject: compute_borrower_vector(h) for h in lives}
    scores = tuple(SCORERS.borrower.score_borrowers(list(vectors), list(vectors.values())))
    observed = Observed(
        cut=Cut(epoch=Epoch((AS_OF_S + days_later * DAY_S) // EPOCH_S), chains=()),
        scores=scores,
        vectors=vectors,
        accounts={},
        histories=Histories(borrowers=lives, collaterals=(), accounts={}),
        timings_ms={},
    )
    return observed, scores


def watch_of(stores: Stores) -> ModelWatch:
    return ModelWatch(stores.cohorts, SCORERS, epoch_s=EPOCH_S)


def test_on_agreed__every_hour_of_two_weeks__begins_a_cohort_each_seven_days(stores: Stores) -> None:
    watch = watch_of(stores)

    for day in range(15):
        watch.on_agreed(*observe(day))

    starts = [c.as_of_s for c in stores.cohorts.all(ScoreKind.BORROWER)]
    assert starts == [AS_OF_S, AS_OF_S + 7 * DAY_S, AS_OF_S + 14 * DAY_S]


@pytest.mark.parametrize(("hit_after_s", "realised"), [(29 * DAY_S, 1), (31 * DAY_S, 0)])
def test_on_agreed__labels_mature__counts_what_came_true(stores: Stores, hit_after_s: int, realised: int) -> None:
    watch = watch_of(stores)
    watch.on_agreed(*observe(0))
    hit = event(EventKind.LIQUIDATION, AS_OF_S + hit_after_s, 10**6, caller=STRANGER)
    watch.on_agreed(*observe(29))
    before = stores.cohorts.all(ScoreKind.BORROWER)[0].tally

    # An epoch late: what lies beyond the horizon is known by then, and does not count.
    watch.on_agreed(*observe(32, with_events(LIFE, hit)))

    tally = stores.cohorts.all(ScoreKind.BORROWER)[0].tally
    assert before is None
    assert tally is not None
    assert (tally.known_count, tally.realised_count) == (1, realised)
    assert stores.cohorts.members(ScoreKind.BORROWER, AS_OF_S) == ()


def test_on_agreed__borrower_no_longer_listed__label_is_unknown(stores: Stores) -> None:
    watch = watch_of(stores)
    watch.on_agreed(*observe(0))

    watch.on_agreed(*observe(30, None))

    (cohort,) = stores.cohorts.all(ScoreKind.BORROWER)
    assert cohort.tally is not None
    assert (cohort.subjects_count, cohort.tally.known_count) == (1, 0)


@pytest.mark.parametrize(("lowest", "realised"), [(851, 0), (850, 1)])
def test_on_agreed__pair_fell__counts_the_fall_that_its_probability_is_of(
    stores: Stores, lowest: int, realised: int
) -> None:
    """The bundle's gap probability is that of 15 %, whatever its bonus and buffer are."""
    watch, pair = watch_of(stores), collateral([1_000] * 24 + [lowest] * 2)
    score = replace(PAIR_SCORE, subject=pair.pair.subject)
    for days in (0, 1):
        observed, _ = observe(days, None)
        watch.on_agreed(replace(observed, histories=replace(observed.histories, collaterals=(pair,))), (score,))

    tally = stores.cohorts.all(ScoreKind.COLLATERAL)[0].tally

    assert tally is not None
    assert (tally.known_count, tally.realised_count) == (1, realised)


def test_collect__after_an_epoch__exposes_psi_and_counts(stores: Stores) -> None:
    watch = watch_of(stores)
    watch.on_agreed(*observe(0))
    watch.on_agreed(*observe(31))
    registry = CollectorRegistry()
    registry.register(watch)

    text = generate_latest(registry).decode()

    assert 'assay_model_psi{column="debt_age",model="borrower"}' in text
    assert 'assay_model_psi_by_chance{column="score",model="borrower"}' in text
    assert 'assay_model_realised{model="borrower"} 0.0' in text
    # The released collateral bundle of this test has no rows: nothing is said of it.
    assert 'assay_model_psi{column="volatility_365d"' not in text


def test_compute_bundle_drift__no_reference__is_none_and_no_rows_empty() -> None:
    bundle = SCORERS.borrower.bundle

    assert compute_bundle_drift(replace(bundle, reference=None), (), {}) is None
    assert compute_bundle_drift(bundle, (), {}) == ()


def test_compute_bundle_drift__one_row_far_from_training__shows_no_shift_beyond_chance_of_one_row() -> None:
    observed, scores = observe(0)

    drifts = compute_bundle_drift(SCORERS.borrower.bundle, scores, observed.vectors)

    assert drifts is not None
    assert all(drift.by_chance > 1 for drift in drifts if drift.name == "debt_age")
    assert {drift.shift for drift in drifts} <= set(Shift)


@pytest.fixture
def member(tmp_path: Path) -> Path:
    """The config of a member of a committee that scores with the released bundles."""
    config = released_config()
    params = replace(
        config.params,
        borrower_model_id=SCORERS.borrower.bundle.model_id,
        collateral_model_id=COLLATERAL.model_id,
    )
    write_committee(replace(config, params=params), tmp_path / "committee.json")
    (tmp_path / "password").write_text("open sesame\n")
    (tmp_path / "node.toml").write_text(config_text(peers={}).render())
    return tmp_path / "node.toml"


def test_report__no_database__is_one_line(member: Path) -> None:
    result = CliRunner().invoke(app, ["report", "--config", str(member)])

    assert result.exit_code == 1
    assert "run the node first" in result.output


def test_report__kept_epoch_and_cohorts__as_json_and_in_words(member: Path) -> None:
    opened = Stores.open(load_settings(member).database, hold=False)
    observed, scores = observe(0)
    opened.scores.save(observed.cut.epoch, scores, vectors=observed.packed_vectors(), accounts={})
    watch_of(opened).on_agreed(observed, scores)
    watch_of(opened).on_agreed(*observe(30))
    opened.database.close()

    shown = CliRunner().invoke(app, ["report", "--config", str(member), "--json"])
    refused = CliRunner().invoke(app, ["report", "--config", str(member), "--epoch", "1"])

    found = json.loads(shown.output)
    borrower, collateral = found["models"]
    assert found["epoch"] == observed.cut.epoch
    assert borrower["settled"]["known"] == 1
    assert [c["known"] for c in borrower["cohorts"]] == [1, None]
    assert collateral["cohorts"] == []
    assert any("came" in line or "realised" in line for line in describe(found))
    assert (refused.exit_code, "is not kept" in refused.output) == (1, True)


def test_describe__bundle_without_reference__says_so() -> None:
    empty = {"cohorts": 0, "subjects": 0, "known": 0, "realised": 0, "expected": 0.0}
    part = {"name": "b", "model_id": "0x", "has_reference": False, "drift": [], "horizon_days": 30}
    found = {"epoch": None, "models": [{**part, "settled": empty, "cohorts": []}]}

    lines = describe(found)

    assert lines[0] == "no epoch is kept yet"
    assert any("carries no reference" in line for line in lines)
    assert any("30 days old" in line for line in lines)
