"""Tables of prices, parameters, quotes and regimes, and of Maker's vaults: what they must look like. Their rows are read by their own adapters."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from training.datasets.schema import Column, Defect, Kind, Table, columns

_BARS = columns(Kind.NUMBER, "open", "high", "low", "close", is_optional=True, low=0)
_INCOHERENT = Defect(
    name="bar whose close lies outside its low and high",
    where=(pl.col("close") > pl.col("high")) | (pl.col("close") < pl.col("low")),
)
_NO_PRICE = Defect(name="price of zero or none", where=pl.col("close").is_null() | (pl.col("close") <= 0), drops=True)
_NO_BAR = Defect(
    name="bar with a price of zero or below",
    where=pl.min_horizontal("open", "high", "low", "close") <= 0,
    drops=True,
)

CLOSES = Table(
    file=Path("prices_hourly_close_401") / "binance_usdt_hourly_close_2021_2025.parquet",
    columns=(
        *columns(Kind.CATEGORY, "symbol"),
        *columns(Kind.TIME, "time"),
        *columns(Kind.NUMBER, "close", low=0, is_optional=True),
    ),
    key=("symbol", "time_s"),
    defects=(
        _NO_PRICE,
        Defect(
            name="LUNA after its collapse: another coin under the same symbol",
            where=(pl.col("symbol").cast(pl.String) == "LUNA") & (pl.col("time_s") >= 1_653_955_200),
        ),
    ),
)
HOURLY_BARS = Table(
    file=Path("prices_hourly_ohlcv_2021_2023") / "binance_usdt_hourly_ohlcv.parquet",
    columns=(*columns(Kind.CATEGORY, "symbol"), *columns(Kind.TIME, "time"), *_BARS),
    key=("symbol", "time_s"),
    defects=(_NO_BAR, _INCOHERENT),
)
INTRADAY_BARS = Table(
    file=Path("prices_2024_2026_intraday") / "intraday_ohlcv.parquet",
    columns=(*columns(Kind.CATEGORY, "symbol", "src"), *columns(Kind.TIME, "time"), *_BARS),
    key=("symbol", "src", "time_s"),
    defects=(_NO_BAR, _INCOHERENT),
)
DAILY_BARS = Table(
    file=Path("prices_daily_2014_2026") / "daily_ohlcv.parquet",
    columns=(*columns(Kind.CATEGORY, "symbol", "src"), *columns(Kind.TIME, "time"), *_BARS),
    key=("symbol", "src", "time_s"),
    defects=(_NO_BAR, _INCOHERENT),
)
LENDING_PRICES = Table(
    file=Path("prices_lending_assets_coingecko") / "hourly_usd.parquet",
    columns=(
        *columns(Kind.CATEGORY, "set", "symbol"),
        *columns(Kind.TIME, "time"),
        Column(name="usd", kind=Kind.NUMBER, unit="USD, or ETH", low=0),
    ),
    key=("set", "symbol", "time_s"),
    defects=(
        Defect(
            name="quoted in ether, despite the name of the column",
            where=(pl.col("set").cast(pl.String) == "compound_v3_assets")
            & pl.col("symbol").cast(pl.String).is_in("cbETH rETH ezETH rsETH weETH osETH rswETH tBTC cbBTC".split()),
        ),
    ),
)
DEPEGS = tuple(
    Table(
        file=Path("stablecoin_depeg_daily") / f"{coin}_features_labels.parquet",
        columns=(*columns(Kind.TIME, "date"), *_BARS, *columns(Kind.NUMBER, "depeg_1d", "depeg_7d", is_optional=True)),
        key=("date_s",),
        defects=(
            Defect(
                name="labelled a depeg although the close is within 1 %",
                where=(pl.col("depeg_1d") == 1) & ((pl.col("close") - 1).abs() <= 0.01),
            ),
        ),
    )
    for coin in ("usdc", "usdt", "dai", "pax", "ust")
)
PARAMETER_CHANGES = Table(
    file=Path("aave_reserve_params") / "param_changes.parquet",
    columns=(
        *columns(Kind.TIME, "date"),
        *columns(Kind.CATEGORY, "chain", is_optional=True),
        *columns(Kind.CATEGORY, "market", "symbol", "param"),
        *columns(Kind.TEXT, "before", "after", is_optional=True),
        *columns(Kind.NUMBER, "before_num", "after_num", is_optional=True),
    ),
    defects=(
        Defect(name="no chain", where=pl.col("chain").is_null()),
        Defect(name="new listing: nothing before", where=pl.col("before").is_null()),
    ),
)
RESERVES = Table(
    file=Path("aave_v3_daily_reserves") / "reserves_daily.parquet",
    columns=(
        *columns(Kind.CATEGORY, "network", "asset_address", "symbol"),
        *columns(Kind.NUMBER, "loan_to_value", "liquidation_threshold", low=0, is_optional=True),
        *columns(Kind.FLAG, "frozen", "paused", is_optional=True),
    ),
    may_repeat=True,
    defects=(
        Defect(name="caps and e-mode decoded wrongly: columns not read", where=pl.lit(value=True)),
        Defect(name="loan-to-value of zero: no collateral any more", where=pl.col("loan_to_value") == 0),
    ),
)
QUOTES = Table(
    file=Path("dex_quotes_1inch_2023") / "quotes.parquet",
    columns=(
        *columns(Kind.TIME, "time"),
        *columns(Kind.CATEGORY, "src_sym", "dst_sym"),
        *columns(Kind.NUMBER, "in_amount", "out_amount", "price", low=0),
        Column(name="price_impact", kind=Kind.NUMBER, low=0, high=1),
    ),
)
CHAIN_TVL = Table(
    file=Path("tvl_stablecoin_supply_2020_2025") / "chain_tvl_daily.parquet",
    columns=(*columns(Kind.TEXT, "date", "chain"), *columns(Kind.NUMBER, "tvl", low=0)),
    key=("date", "chain"),
)
SUPPLIES = Table(
    file=Path("tvl_stablecoin_supply_2020_2025") / "stablecoin_supply_daily.parquet",
    columns=(*columns(Kind.TEXT, "Date", "Stablecoin"), *columns(Kind.NUMBER, "Circulation", low=0)),
    key=("Date", "Stablecoin"),
)
VAULT_EVENTS = Table(
    file=Path("maker_ethb_vaults") / "events.parquet",
    columns=(
        *columns(Kind.TIME, "time"),
        *columns(Kind.INTEGER, "vault", "block", low=1),
        *columns(Kind.TEXT, "event"),
        *columns(Kind.NUMBER, "eth", "dai", is_optional=True),
    ),
    may_repeat=True,
    defects=(Defect(name="whole ether seized: rounded at the source", where=pl.col("event") == "liquidation"),),
)
VAULT_PARAMETERS = Table(
    file=Path("maker_ethb_vaults") / "param_changes.parquet",
    columns=(
        *columns(Kind.TIME, "TIMESTAMP"),
        *columns(Kind.TEXT, "PARAMETER"),
        *columns(Kind.NUMBER, "TO_VALUE", is_optional=True),
    ),
)
VAULT_PRICES = Table(
    file=Path("maker_ethb_vaults") / "eth_usd_daily_coingecko.parquet",
    columns=(*columns(Kind.TIME, "date"), *columns(Kind.NUMBER, "price", low=0)),
    key=("date_s",),
)
