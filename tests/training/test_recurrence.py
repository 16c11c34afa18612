"""Episodes of liquidations: worked by hand, none counted twice, none known before it is over, no row that knows its future."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from oracle.domain.event import NO_VALUE
from oracle.domain.units import DAY_S, HOUR_S, TimestampS
from oracle.scoring.bundle import load_bundle
from training.datasets.aave_v2 import LIQUIDATIONS, read_aave_v2
from training.datasets.morpho_liquidations import read_morpho_liquidations
from training.datasets.morpho_tables import EVENTS, MARKETS
from training.datasets.schema import read_table
from training.errors import DatasetError, TrainingError
from training.evaluation.recurrence import (
    LIQUIDATIONS as PRIOR_LIQUIDATIONS,
)
from training.evaluation.recurrence import (
    PRIOR,
    EpisodeRows,
    Liquidations,
    build_episodes,
    compute_rank,
    rank_episodes,
)
from training.evaluation.task import NO_EVENT_DAY, TaskRows
from training.evaluation.tasks import TASKS

BUNDLE = load_bundle("borrower-1", allow_sandbox=False)
START = datetime(2024, 6, 15)  # noqa: DTZ001 - files hold naive UTC times
START_S = 1_718_409_600
ALICE, BOB = "0x" + "a" * 40, "0x" + "b" * 40
KNOWN, OTHER = "0x" + "11" * 32, "0x" + "22" * 32
type Hit = tuple[str, float]


def record(hits: list[Hit], took_all: list[bool] | None = None) -> Liquidations:
    return Liquidations(
        owners=np.array([who for who, _ in hits]),
        markets=np.array(["m"] * len(hits)),
        times_s=np.array([START_S + round(day * DAY_S) for _, day in hits]),
        took_all=np.array(took_all or [False] * len(hits)),
    )


def test_build_episodes__partial_liquidations_within_a_day__are_one_episode() -> None:
    """Alice: days 0, 0.5 and 1.4 chain into one; day 20 is another, 19.6 - 1 days after the first is known; day 60 comes too late."""
    episodes = build_episodes(record([(ALICE, 20), (ALICE, 0), (ALICE, 0.5), (ALICE, 1.4), (ALICE, 60)]))

    assert ((episodes.as_of_s - START_S) / DAY_S).tolist() == pytest.approx([2.4, 21, 61])
    assert episodes.n_liquidations.tolist() == [3, 1, 1]
    assert episodes.n_before.tolist() == [0, 1, 2]
    assert episodes.n_liquidations_before.tolist() == [3, 4, 5]
    assert episodes.event_days.tolist() == [(START_S // DAY_S) + 20, NO_EVENT_DAY, NO_EVENT_DAY]
    assert episodes.intensity.tolist() == pytest.approx([0, np.exp(-19.6 / 30), np.exp(-59.6 / 30) + np.exp(-41 / 30)])
    assert episodes.crowd.tolist() == [1, 2, 1]


def test_compute_rank__each_term__moves_as_described() -> None:
    quiet = {"intensity": 0.0, "n_liquidations": 1, "took_all": 0, "crowd": 0}

    def rank(**changed: float) -> float:
        values = {name: np.array([value]) for name, value in {**quiet, **changed}.items()}
        zeros = {n: np.zeros(1) for n in EpisodeRows.__dataclass_fields__ if n not in values}
        return float(compute_rank(EpisodeRows(**values, **zeros))[0])

    assert rank() == 0
    assert rank(intensity=1.5) == 1.5
    assert rank(n_liquidations=10) == pytest.approx(2.302585)
    assert rank(took_all=1) == -1
    assert rank(crowd=99) == pytest.approx(-0.4605170)


def test_rank_episodes__rows_of_the_future__change_nothing_before_them() -> None:
    hits: list[Hit] = [(ALICE, 0), (BOB, 3), (ALICE, 10), (BOB, 50)]
    end_s = START_S + 12 * DAY_S
    future: list[Hit] = [(BOB, 12.5), (ALICE, 13), ("0x" + "c" * 40, 12.1), (ALICE, 80)]

    before = rank_episodes(record(hits), BUNDLE, START_S, end_s)
    after = rank_episodes(record([*future, *hits]), BUNDLE, START_S, end_s)

    np.testing.assert_array_equal(before.as_of_s, after.as_of_s)
    np.testing.assert_array_equal(before.model.values, after.model.values)
    for name in (PRIOR, PRIOR_LIQUIDATIONS):
        np.testing.assert_array_equal(before.baselines[name].values, after.baselines[name].values)


def test_rank_episodes__horizon_after_the_record__is_no_row() -> None:
    rows = rank_episodes(record([(ALICE, 0), (BOB, 5), (BOB, 32)]), BUNDLE, START_S, START_S + 100 * DAY_S)

    assert ((rows.as_of_s - START_S) // DAY_S).tolist() == [1]

    with pytest.raises(TrainingError, match="30 days of record after it"):
        rank_episodes(record([(ALICE, 0)]), BUNDLE, START_S, START_S + 100 * DAY_S)


def test_rank_episodes__record_without_a_liquidation__is_said() -> None:
    with pytest.raises(TrainingError, match="holds no liquidation"):
        rank_episodes(record([]), BUNDLE, START_S, START_S + 100 * DAY_S)


def morpho_row(who: str, hours: int, **changed: Any) -> dict[str, Any]:
    names = {"event": "liquidate", "market": OTHER, "borrower": who, "caller": BOB, "tx": f"0x{hours}"}
    raw = {"repaid_assets_raw": "2500000", "seized_assets_raw": "7", "bad_debt_assets_raw": "0"}
    amounts = {"loan_amount": None, "collateral_amount": None}
    place = {"time": START + timedelta(hours=hours), "block": 100 + hours, "log_index": 1}
    return {**place, **names, **raw, **amounts, **changed}


def write_morpho(data: Path, rows: list[dict[str, Any]]) -> None:
    (data / EVENTS.file).parent.mkdir(exist_ok=True)
    schema = {"loan_amount": pl.Float64, "collateral_amount": pl.Float64}
    pl.DataFrame(rows, schema_overrides=schema).write_parquet(data / EVENTS.file)
    market = {"market": KNOWN, "collateral": "WETH", "loan": "USDC", "lltv": 0.86}
    pl.DataFrame([{**market, "collateral_decimals": 18, "loan_decimals": 6}]).write_parquet(data / MARKETS.file)


def test_read_morpho__loan_token_unknown__value_stays_missing(tmp_path: Path) -> None:
    duplicate = morpho_row(ALICE, 0, market=KNOWN)
    write_morpho(tmp_path, [duplicate, duplicate, morpho_row(ALICE, 1), morpho_row("0x" + "0" * 40, 2)])

    dataset = read_morpho_liquidations(tmp_path)

    events = [e for b in dataset.borrowers for e in b.events]
    assert [e.value_usd_e8 for e in events] == [2_500_000 * 100, NO_VALUE]
    assert events[0].token != events[1].token


def test_morpho_task__collateral_exhausted__ranks_lowest(tmp_path: Path) -> None:
    finished = morpho_row(ALICE, 0, bad_debt_assets_raw="5", event="liquidate")
    write_morpho(tmp_path, [finished, morpho_row(BOB, 1), morpho_row(BOB, 24 * 60), morpho_row(BOB, 2, event="borrow")])

    rows = TASKS["morpho_reliquidation_30d"](tmp_path, BUNDLE, TimestampS(0), TimestampS(2 * START_S))

    assert isinstance(rows, TaskRows)
    # Crowds of one and two: 0.1 ln 2 and 0.1 ln 3 are subtracted.
    assert rows.model.values.tolist() == pytest.approx([-1.0693147, -0.1098612])


def aave_row(who: str, hours: int, **changed: Any) -> dict[str, Any]:
    amounts = {"collateral_amount": 1.0, "debt_amount": 250.0, "debt_usd": None, "collateral_usd": None}
    names = {
        "user": who,
        "liquidator": None,
        "pool": BOB,
        "collateral": "WETH",
        "debt": "USDC",
        "vintage": "to_2021-07",
    }
    return {"time": START + timedelta(hours=hours), **names, **amounts, **changed}


def write_aave(data: Path, rows: list[dict[str, Any]]) -> None:
    (data / LIQUIDATIONS.file).parent.mkdir(exist_ok=True)
    schema = {"liquidator": pl.String, "debt_usd": pl.Float64, "collateral_usd": pl.Float64}
    pl.DataFrame(rows, schema_overrides=schema).write_parquet(data / LIQUIDATIONS.file)


def test_read_aave_v2__no_dollar_value__is_taken_of_dollar_coins_only(tmp_path: Path) -> None:
    write_aave(tmp_path, [aave_row(ALICE, 0), aave_row(ALICE, 1, debt="ZRX"), aave_row(BOB, 2, debt_usd=9.0)])

    dataset = read_aave_v2(tmp_path)

    values = [e.value_usd_e8 for b in dataset.borrowers for e in b.events]
    assert values == [250 * 10**8, NO_VALUE, 9 * 10**8]
    assert read_table(tmp_path, LIQUIDATIONS).defects == {
        "no dollar value and no liquidator, before 2021-07": 2,
        "debt of unknown value: no dollar coin, before 2021-07": 1,
    }


def test_aave_task__second_episode_in_time__is_positive(tmp_path: Path) -> None:
    write_aave(tmp_path, [aave_row(ALICE, 0), aave_row(ALICE, 0), aave_row(ALICE, 72), aave_row(BOB, 24 * 70)])

    rows = TASKS["aave_repeat_30d"](tmp_path, BUNDLE, TimestampS(0), TimestampS(2 * START_S))

    assert isinstance(rows, TaskRows)
    assert rows.as_of_s.tolist() == [START_S + 24 * HOUR_S, START_S + 96 * HOUR_S]
    assert rows.is_positive.tolist() == [True, False]


@pytest.mark.parametrize("task", ["morpho_reliquidation_30d", "aave_repeat_30d"])
def test_tasks__folder_absent__is_named(tmp_path: Path, task: str) -> None:
    with pytest.raises(DatasetError, match="is not there"):
        TASKS[task](tmp_path, BUNDLE, TimestampS(0), TimestampS(1))
