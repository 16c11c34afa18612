"""The canonical dataset: lending events, daily position samples and hourly prices of many borrowers, and histories at any midnight.

Every source becomes one of these, so that training computes features by the node's code from the node's values. The folder format is in
`training/README.md`. Integers that may exceed 64 bits (token amounts, health factors) are decimal text in the files.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from oracle.domain.event import EventKind, LendingEvent
from oracle.domain.history import BorrowerHistory, PositionRisk
from oracle.domain.ids import USD, Address, SubjectId, parse_address, to_hex
from oracle.domain.market import AssetFacts, HourlySeries
from oracle.domain.position import PositionSample
from oracle.domain.units import HOUR_S, ChainId, Ppm, TimestampS
from oracle.features.collateral import compute_price_vector, fit_prices, volatility_ppm
from training.errors import DatasetError

type Token = tuple[ChainId, Address]

FORMAT = 1
_FILES = ("events.parquet", "samples.parquet", "prices.parquet", "assets.json", "meta.json")
_TEXT_COLUMNS = {"amount": int, "seized_amount": int, "health_factor_wad": int}


@dataclass(frozen=True, kw_only=True)
class Borrower:
    """One subject's events and samples, both ascending."""

    subject: SubjectId
    events: tuple[LendingEvent, ...]
    samples: tuple[PositionSample, ...]

    @cached_property
    def event_times(self) -> list[int]:
        """Return the times of the events, ascending."""
        return [e.time_s for e in self.events]

    @cached_property
    def sample_times(self) -> list[int]:
        """Return the times of the samples, ascending."""
        return [s.time_s for s in self.samples]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Borrowers, hourly USD prices and facts of the tokens, and the span that labels may use."""

    name: str
    borrowers: tuple[Borrower, ...]
    prices: Mapping[Token, HourlySeries]
    assets: Mapping[Token, AssetFacts]
    start_s: TimestampS
    end_s: TimestampS
    _volatility: dict[tuple[Token, Address, int], Ppm] = field(default_factory=dict, repr=False)

    def prices_at(self, as_of_s: TimestampS) -> dict[Token, HourlySeries]:
        """Return the series cut off at `as_of_s`; call once per snapshot, so that borrowers share them."""
        cut = {}
        for token, series in self.prices.items():
            hours = (as_of_s - series.first_hour_s) // HOUR_S + 1
            if hours >= 1:
                cut[token] = HourlySeries(first_hour_s=series.first_hour_s, prices_e8=series.prices_e8[:hours])
        return cut

    def history(self, borrower: Borrower, as_of_s: TimestampS, prices: Mapping[Token, HourlySeries]) -> BorrowerHistory:
        """Return what the node would have known at `as_of_s`, a 00:00 UTC; positions are the samples of that moment."""
        events = borrower.events[: bisect_right(borrower.event_times, as_of_s)]
        first, last = bisect_left(borrower.sample_times, as_of_s), bisect_right(borrower.sample_times, as_of_s)
        supplied = sorted({(e.chain_id, e.token) for e in events if e.kind is EventKind.SUPPLY})
        return BorrowerHistory(
            subject=borrower.subject,
            as_of_s=as_of_s,
            positions=tuple(self._risk(s, events) for s in borrower.samples[first:last]),
            events=events,
            samples=borrower.samples[:last],
            token_prices=tuple((token, prices[token]) for token in supplied if token in prices),
        )

    def _risk(self, sample: PositionSample, events: tuple[LendingEvent, ...]) -> PositionRisk:
        """Return the position of a sample; volatility is the largest among its tokens held and numeraires owed."""
        held, owed = _open_tokens(events, sample)
        pairs = [
            self.volatility_ppm((sample.chain_id, token), self.assets[(sample.chain_id, debt)].numeraire, sample.time_s)
            for token in held
            for debt in owed
            if (sample.chain_id, debt) in self.assets
        ]
        return PositionRisk(
            chain_id=sample.chain_id,
            market=sample.market,
            health_factor_wad=sample.health_factor_wad,
            debt_usd_e8=sample.debt_usd_e8,
            volatility_ppm=max(pairs, default=Ppm(0)),
        )

    def volatility_ppm(self, token: Token, numeraire: Address, as_of_s: TimestampS) -> Ppm:
        """Return the volatility of a token in a numeraire at a time, 0 if unknown."""
        key = (token, numeraire, int(as_of_s))
        if key not in self._volatility:
            prices = fit_prices(self._pair_prices(token, numeraire, as_of_s))
            self._volatility[key] = volatility_ppm(compute_price_vector(prices, 0, 0))
        return self._volatility[key]

    def _pair_prices(self, token: Token, numeraire: Address, as_of_s: TimestampS) -> tuple[int, ...]:
        base = self._window(token, as_of_s)
        if numeraire == USD:
            return base
        own = min(
            (a for (chain, _), a in self.assets.items() if chain == token[0] and a.numeraire == numeraire),
            key=lambda a: (a.issuer_risk, a.bridge_risk, a.token),
        )
        if own.token == token[1]:
            return ()
        quote = self._window((token[0], own.token), as_of_s)
        length = min(len(base), len(quote))
        return tuple(b * 10**8 // q for b, q in zip(base[-length:], quote[-length:], strict=True)) if length else ()

    def _window(self, token: Token, as_of_s: TimestampS) -> tuple[int, ...]:
        """Return a year of prices up to the moment, none if the series ended before it."""
        series = self.prices.get(token)
        if series is None or as_of_s > series.last_hour_s:
            return ()
        last = max(0, (as_of_s - series.first_hour_s) // HOUR_S + 1)
        return series.prices_e8[max(0, last - 8_761) : last]


def _open_tokens(events: tuple[LendingEvent, ...], sample: PositionSample) -> tuple[list[Address], list[Address]]:
    """Return the tokens held and owed in the sample's market, by net amounts of the events."""
    held: dict[Address, int] = {}
    owed: dict[Address, int] = {}
    for e in events:
        if e.chain_id != sample.chain_id or e.market != sample.market:
            continue
        if e.kind in (EventKind.SUPPLY, EventKind.WITHDRAW):
            held[e.token] = held.get(e.token, 0) + (e.amount if e.kind is EventKind.SUPPLY else -e.amount)
        else:
            owed[e.token] = owed.get(e.token, 0) + (e.amount if e.kind is EventKind.BORROW else -e.amount)
        if e.seized_token is not None:
            held[e.seized_token] = held.get(e.seized_token, 0) - e.seized_amount
    # Interest makes net amounts of a running loan smaller than what is owed: where nothing is left, all that was ever used counts.
    return [t for t, a in held.items() if a > 0] or list(held), [t for t, a in owed.items() if a > 0] or list(owed)


def write_dataset(dataset: Dataset, folder: Path) -> None:
    """Write the canonical folder."""
    folder.mkdir(parents=True, exist_ok=True)
    events = ((b.subject, event) for b in dataset.borrowers for event in b.events)
    samples = ((b.subject, sample) for b in dataset.borrowers for sample in b.samples)
    _frame(LendingEvent, events).write_parquet(folder / "events.parquet", compression="zstd")
    _frame(PositionSample, samples).write_parquet(folder / "samples.parquet", compression="zstd")
    prices = [
        {"chain_id": chain, "token": bytes(token), "first_hour_s": s.first_hour_s, "prices_e8": list(s.prices_e8)}
        for (chain, token), s in dataset.prices.items()
    ]
    pl.DataFrame(prices).write_parquet(folder / "prices.parquet", compression="zstd")
    assets = [
        {"chain_id": chain, "token": to_hex(token), "numeraire": to_hex(a.numeraire), "decimals": a.decimals}
        | {"price_feed": to_hex(a.price_feed), "issuer_risk": a.issuer_risk, "bridge_risk": a.bridge_risk}
        for (chain, token), a in dataset.assets.items()
    ]
    (folder / "assets.json").write_text(json.dumps(assets, indent=1) + "\n")
    meta = {"format": FORMAT, "name": dataset.name, "start_s": dataset.start_s, "end_s": dataset.end_s}
    (folder / "meta.json").write_text(json.dumps(meta, indent=1) + "\n")


def read_dataset(folder: Path) -> Dataset:
    """Return the dataset of a canonical folder.

    Raises:
        DatasetError: if a file is missing or of another format.
    """
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        raise DatasetError(str(folder), f"it lacks {', '.join(missing)}: a canonical dataset has {', '.join(_FILES)}")
    meta = json.loads((folder / "meta.json").read_text())
    if meta.get("format") != FORMAT:
        raise DatasetError(
            str(folder), f"its format is {meta.get('format')}, this code reads {FORMAT}: export it again"
        )
    events = _values(LendingEvent, pl.read_parquet(folder / "events.parquet"))
    samples = _values(PositionSample, pl.read_parquet(folder / "samples.parquet"))
    prices = {
        (ChainId(row["chain_id"]), Address(row["token"])): HourlySeries(
            first_hour_s=TimestampS(row["first_hour_s"]), prices_e8=tuple(row["prices_e8"])
        )
        for row in pl.read_parquet(folder / "prices.parquet").to_dicts()
    }
    assets = {
        (ChainId(row["chain_id"]), parse_address(row["token"])): AssetFacts(
            token=parse_address(row["token"]),
            price_feed=parse_address(row["price_feed"]),
            numeraire=parse_address(row["numeraire"]),
            decimals=row["decimals"],
            issuer_risk=row["issuer_risk"],
            bridge_risk=row["bridge_risk"],
        )
        for row in json.loads((folder / "assets.json").read_text())
    }
    return Dataset(
        name=meta["name"],
        borrowers=collect_borrowers(events, samples),
        prices=prices,
        assets=assets,
        start_s=TimestampS(meta["start_s"]),
        end_s=TimestampS(meta["end_s"]),
    )


def collect_borrowers(
    events: Iterable[tuple[SubjectId, LendingEvent]], samples: Iterable[tuple[SubjectId, PositionSample]]
) -> tuple[Borrower, ...]:
    """Return borrowers ascending by subject, their rows in canonical order."""
    events_of: dict[SubjectId, list[LendingEvent]] = {}
    samples_of: dict[SubjectId, list[PositionSample]] = {}
    for subject, event in events:
        events_of.setdefault(subject, []).append(event)
    for subject, sample in samples:
        samples_of.setdefault(subject, []).append(sample)
    return tuple(
        Borrower(
            subject=subject,
            events=tuple(sorted(events_of.get(subject, ()), key=lambda e: e.order)),
            samples=tuple(sorted(samples_of.get(subject, ()), key=lambda s: (s.time_s, s.chain_id, s.market))),
        )
        for subject in sorted(events_of.keys() | samples_of.keys())
    )


def _frame(cls: type[Any], rows: Iterable[tuple[SubjectId, Any]]) -> pl.DataFrame:
    names = [f.name for f in fields(cls)]
    columns: dict[str, list[Any]] = {"subject": [], **{name: [] for name in names}}
    for subject, row in rows:
        columns["subject"].append(bytes(subject))
        for name in names:
            value = getattr(row, name)
            columns[name].append(str(value) if name in _TEXT_COLUMNS else _plain(value))
    return pl.DataFrame(columns)


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, EventKind) else value


def _values(cls: type[Any], frame: pl.DataFrame) -> Iterable[tuple[SubjectId, Any]]:
    for row in frame.to_dicts():
        subject = SubjectId(row.pop("subject"))
        for name in _TEXT_COLUMNS.keys() & row.keys():
            row[name] = int(row[name])
        if "kind" in row:
            row["kind"] = EventKind(row["kind"])
        yield subject, cls(**row)
