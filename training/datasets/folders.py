"""Every folder of the public data: its tables, how often its outcome occurs, what it can be used for and what it cannot show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from training.datasets import (
    aave_btc,
    aave_polygon,
    aave_states,
    aave_v2,
    aave_v3,
    compound_v2,
    crvusd,
    liquity,
    market_tables,
    morpho_tables,
    rocifi,
    sai,
)
from training.datasets.schema import Table

type Frames = Mapping[Path, pl.DataFrame]
EPISODE_GAP_S, HORIZON_S = 86_400, 30 * 86_400


@dataclass(frozen=True, kw_only=True)
class BaseRate:
    """How often an outcome occurs: `positives` of `n` units."""

    what: str
    positives: int
    n: int


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder; `base_rates` are counted from its tables once they are read, empty where no outcome can be made of them."""

    name: Path
    tables: tuple[Table, ...]
    use: str
    limits: str
    base_rates: Callable[[Frames], tuple[BaseRate, ...]] = lambda _: ()


def _repeats(table: Table, owner: str, chosen: pl.Expr | None = None) -> Callable[[Frames], tuple[BaseRate, ...]]:
    """Return a counter of episodes of liquidation that another follows within 30 days after their end is known."""

    def count(frames: Frames) -> tuple[BaseRate, ...]:
        frame = frames[table.file]
        times = (frame if chosen is None else frame.filter(chosen)).select(owner, "time_s").sort(owner, "time_s")
        gap = pl.col("time_s").diff().over(owner)
        starts = times.with_columns((gap.is_null() | (gap >= EPISODE_GAP_S)).alias("starts"), gap.alias("gap"))
        episodes = starts.filter("starts")
        horizon_end_s = int(str(times["time_s"].max() or 0)) - EPISODE_GAP_S - HORIZON_S
        lasts = starts.with_columns(pl.col("starts").shift(-1).over(owner).fill_null(value=True).alias("is_last"))
        judged = lasts.filter(pl.col("is_last") & (pl.col("time_s") <= horizon_end_s))
        following = pl.col("gap") <= EPISODE_GAP_S + HORIZON_S
        before = episodes.with_columns((pl.col("time_s") - pl.col("gap")).alias("ended_s"))
        repeated = before.filter(following & (pl.col("ended_s") <= horizon_end_s))
        return (BaseRate(what="episodes followed by another within 30 days", positives=len(repeated), n=len(judged)),)

    return count


def _liquity_rates(frames: Frames) -> tuple[BaseRate, ...]:
    borrowers = frames[liquity.BORROWS.file]["borrower"].unique()
    liquidated = frames[liquity.LIQUIDATIONS.file]["borrower"].unique()
    known = int(liquidated.is_in(borrowers.implode()).sum())
    return (
        BaseRate(what="borrowers ever liquidated", positives=known, n=len(borrowers)),
        BaseRate(
            what="liquidated owners without any borrow in the record",
            positives=len(liquidated) - known,
            n=len(liquidated),
        ),
    )


def _crvusd_rates(frames: Frames) -> tuple[BaseRate, ...]:
    loans = frames[crvusd.LOANS.file]
    end_s = int(str(loans["end_time_est_s"].max() or 0))
    judged = loans.filter(pl.col("start_time_est_s") + HORIZON_S <= end_s)
    is_early = pl.col("end_time_est_s") <= pl.col("start_time_est_s") + HORIZON_S
    positives = len(judged.filter(pl.col("status").is_in(crvusd.LIQUIDATED) & is_early))
    return (BaseRate(what="loans liquidated within 30 days of opening", positives=positives, n=len(judged)),)


def _polygon_rates(frames: Frames) -> tuple[BaseRate, ...]:
    borrowers = frames[aave_polygon.WALLETS.file].filter(pl.col("num_Borrows") > 0)
    positives = len(borrowers.filter(pl.col("num_liquidations") > 0))
    return (BaseRate(what="borrowers ever liquidated", positives=positives, n=len(borrowers)),)


def _rocifi_rates(frames: Frames) -> tuple[BaseRate, ...]:
    liquidated = set(frames[rocifi.LIQUIDATIONS.file]["loan_id"])
    repaid = set(frames[rocifi.REPAYMENTS.file]["loan_id"])
    return (BaseRate(what="loans liquidated", positives=len(liquidated), n=len(liquidated | repaid)),)


def _maker_rates(frames: Frames) -> tuple[BaseRate, ...]:
    events = frames[market_tables.VAULT_EVENTS.file]
    liquidated = events.filter(pl.col("event") == "liquidation")["vault"].n_unique()
    borrowed = events.filter(pl.col("event") == "borrow")["vault"].n_unique()
    return (BaseRate(what="vaults that borrowed ever liquidated", positives=liquidated, n=borrowed),)


FOLDERS: tuple[Folder, ...] = (
    Folder(
        name=Path("maker_ethb_vaults"),
        tables=(market_tables.VAULT_EVENTS, market_tables.VAULT_PARAMETERS, market_tables.VAULT_PRICES),
        use="borrower model: the one source whose state is known at every moment; replay on chain",
        limits="one collateral, one market; vaults, not owners; the protocol's own price lags and is not in the folder",
        base_rates=_maker_rates,
    ),
    Folder(
        name=liquity.FOLDER,
        tables=(liquity.BORROWS, liquity.LIQUIDATIONS, liquity.REDEMPTIONS),
        use="external test of the ranking: task liquity_30d",
        limits="no collateral, repayment or closure: no level of probability can be judged, closed troves look open",
        base_rates=_liquity_rates,
    ),
    Folder(
        name=morpho_tables.FOLDER,
        tables=(morpho_tables.EVENTS, morpho_tables.MARKETS),
        use="second chain: tasks morpho_borrow_7d and morpho_reliquidation_30d",
        limits="no repayments or withdrawals: debt is an upper bound; values only in the two identified markets; few crash days",
        base_rates=_repeats(morpho_tables.EVENTS, "borrower", pl.col("event") == "liquidate"),
    ),
    Folder(
        name=aave_v2.FOLDER,
        tables=(aave_v2.LIQUIDATIONS, aave_v2.BALANCES),
        use="external test of the ranking: task aave_repeat_30d; days of market stress",
        limits="liquidations only, so nobody who never was liquidated; fifty wallets' balances are too few for anything",
        base_rates=_repeats(aave_v2.LIQUIDATIONS, "user"),
    ),
    Folder(
        name=aave_btc.FOLDER,
        tables=(aave_btc.LIQUIDATIONS, aave_btc.WITH_TRANSACTIONS, aave_btc.ACTIONS, aave_btc.MARKETS),
        use="repeated liquidations of borrowers with bitcoin; daily stress of two markets",
        limits="what was repaid is unknown; deposits and repayments are of wallets chosen for their liquidation: no features",
        base_rates=_repeats(aave_btc.LIQUIDATIONS, "liquidatee"),
    ),
    Folder(
        name=crvusd.LOANS_FOLDER,
        tables=(crvusd.LOANS,),
        use="external test of the ranking: task crvusd_30d",
        limits="no size, no health; soft liquidation is no event; loans still open have no outcome yet",
        base_rates=_crvusd_rates,
    ),
    Folder(
        name=crvusd.STATES_FOLDER,
        tables=(crvusd.STATES,),
        use="distribution of sizes and bands for stress tests",
        limits="no borrower and no time, the same loan many times: no events, no features, no rows",
    ),
    Folder(
        name=aave_polygon.WALLETS_FOLDER,
        tables=(aave_polygon.WALLETS, aave_polygon.SAMPLE),
        use="base rate of Polygon borrowers",
        limits="totals include what came after the liquidation, and half of the dollar sums forgot decimals: never features",
        base_rates=_polygon_rates,
    ),
    Folder(
        name=aave_states.PANEL_FOLDER,
        tables=(aave_states.PANEL, aave_states.WEEKLY, aave_polygon.EVENTS),
        use="checks of position valuation; full events of eighteen wallets through the feature code",
        limits="29 wallets: no training, no rate",
    ),
    Folder(
        name=aave_states.SNAPSHOT_FOLDER,
        tables=(aave_states.V2, aave_states.V3, aave_states.V2_STABLE),
        use="joint distribution of size and health; check of the health-factor formula",
        limits="one day: no outcome",
    ),
    Folder(
        name=aave_v3.FOLDER,
        tables=(aave_v3.LIQUIDATIONS, aave_v3.USERS),
        use="small check of the adapter in raw units",
        limits="144 liquidations in six months; the users' rows have blocks but no time: nothing point-in-time can be made of them",
        base_rates=_repeats(aave_v3.LIQUIDATIONS, "user"),
    ),
    Folder(
        name=rocifi.FOLDER,
        tables=(rocifi.LIQUIDATIONS, rocifi.REPAYMENTS),
        use="check of the adapter; rate of default of tiny credit loans",
        limits="only defaulted loans have a date and a size: their presence is the outcome; cents to a few dollars, mostly farmed",
        base_rates=_rocifi_rates,
    ),
    Folder(
        name=compound_v2.FOLDER,
        tables=(compound_v2.EVENTS,),
        use="volume through the feature code",
        limits="cut off at ten thousand rows a kind; no repayment or liquidation, so no outcome",
    ),
    Folder(
        name=sai.FOLDER,
        tables=(sai.BITES, sai.STATES),
        use="check of the adapter; paths of health of thirty-one large CDPs",
        limits="last thousand bites only, their debt unknown; the CDPs were picked for size",
    ),
    Folder(
        name=Path("prices_hourly_close_401"),
        tables=(market_tables.CLOSES,),
        use="prices of every task; collateral model",
        limits="pairs alive in June 2025, so failures are under-represented; one exchange, close only",
    ),
    Folder(
        name=Path("prices_hourly_ohlcv_2021_2023"),
        tables=(market_tables.HOURLY_BARS,),
        use="range estimators; stress windows with coins delisted later",
        limits="begins 2021-04; single precision",
    ),
    Folder(
        name=Path("prices_2024_2026_intraday"),
        tables=(market_tables.INTRADAY_BARS,),
        use="wicks of single venues",
        limits="mixed venues and bar lengths: not a fair value",
    ),
    Folder(
        name=Path("prices_daily_2014_2026"),
        tables=(market_tables.DAILY_BARS,),
        use="long history for tails",
        limits="tickers reused by other coins; two sources with volumes in different units",
    ),
    Folder(
        name=Path("prices_lending_assets_coingecko"),
        tables=(market_tables.LENDING_PRICES,),
        use="staked tokens and stablecoins against their base",
        limits="nine series are in ether; isolated bad ticks: take a median of five first; ends before the depeg of March 2023",
    ),
    Folder(
        name=Path("stablecoin_depeg_daily"),
        tables=market_tables.DEPEGS,
        use="depeg label at 1 %, comparable with a published table",
        limits="the authors' own label is far too lax; UST ends a day before its collapse",
    ),
    Folder(
        name=Path("aave_reserve_params"),
        tables=(market_tables.PARAMETER_CHANGES,),
        use="what risk managers did: task reserve_cut",
        limits="dates of proposals, some never executed, some simulated twice; stewards' changes are absent",
    ),
    Folder(
        name=Path("aave_v3_daily_reserves"),
        tables=(market_tables.RESERVES,),
        use="LTV and threshold of reserves by day and chain",
        limits="caps and e-mode are decoded wrongly at the source; no prices or use",
    ),
    Folder(
        name=Path("dex_quotes_1inch_2023"),
        tables=(market_tables.QUOTES,),
        use="slippage by size",
        limits="one day of November 2023",
    ),
    Folder(
        name=Path("tvl_stablecoin_supply_2020_2025"),
        tables=(market_tables.CHAIN_TVL, market_tables.SUPPLIES),
        use="regimes",
        limits="days as text, no time of day: usable from the day after only",
    ),
)
