"""Writes what a node knows at a cut as canonical Parquet: events, daily samples, hourly prices, facts. Training reads the same folder.

One row a value of `oracle.domain`, columns named as its fields, `subject` in front. Integers that may exceed 64 bits are decimal text, bytes are
binary. The format is described in `training/README.md`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from oracle.chain.histories import Histories
from oracle.domain.committee import CommitteeConfig
from oracle.domain.event import LendingEvent
from oracle.domain.ids import USD, SubjectId, to_hex
from oracle.domain.position import PositionSample
from oracle.domain.report import Cut, boundary_s

FORMAT = 1
TEXT_COLUMNS = frozenset({"amount", "seized_amount", "health_factor_wad"})


def write_export(folder: Path, name: str, config: CommitteeConfig, cut: Cut, histories: Histories) -> dict[str, int]:
    """Write the folder and return how many rows each file has."""
    folder.mkdir(parents=True, exist_ok=True)
    events = [(b.subject, event) for b in histories.borrowers for event in b.events]
    samples = [(b.subject, sample) for b in histories.borrowers for sample in b.samples]
    prices = [
        {
            "chain_id": int(history.pair.chain_id),
            "token": bytes(history.pair.token),
            "first_hour_s": int(history.series.first_hour_s),
            "prices_e8": list(history.series.prices_e8),
        }
        for history in histories.collaterals
        if history.pair.numeraire == USD
    ]
    _write_table(folder / "events.parquet", _to_rows(LendingEvent, events))
    _write_table(folder / "samples.parquet", _to_rows(PositionSample, samples))
    _write_table(folder / "prices.parquet", prices)
    assets = _to_assets(config)
    (folder / "assets.json").write_text(json.dumps(assets, indent=1) + "\n", encoding="utf-8")
    meta = {
        "format": FORMAT,
        "name": name,
        "start_s": min((int(event.time_s) for _, event in events), default=0),
        "end_s": int(boundary_s(cut.epoch, config.params.epoch_seconds)),
        "cut_hash": to_hex(cut.hash),
        "config_digest": to_hex(config.digest),
    }
    (folder / "meta.json").write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
    return {
        "borrowers": len(histories.borrowers),
        "events": len(events),
        "samples": len(samples),
        "prices": len(prices),
    }


def _to_rows(cls: type[Any], values: Iterable[tuple[SubjectId, Any]]) -> list[dict[str, Any]]:
    names = [item.name for item in fields(cls)]
    return [
        {"subject": bytes(subject), **{name: _plain(name, getattr(value, name)) for name in names}}
        for subject, value in values
    ]


def _plain(name: str, value: Any) -> Any:
    if name in TEXT_COLUMNS:
        return str(value)
    return int(value) if isinstance(value, int) else value


def _to_assets(config: CommitteeConfig) -> list[dict[str, Any]]:
    return [
        {
            "chain_id": int(chain.chain_id),
            "token": to_hex(asset.token),
            "numeraire": to_hex(asset.numeraire),
            "decimals": asset.decimals,
            "price_feed": to_hex(asset.price_feed),
            "issuer_risk": asset.issuer_risk,
            "bridge_risk": asset.bridge_risk,
        }
        for chain in config.params.chains
        for asset in chain.assets
    ]


def _write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    import polars as pl

    pl.DataFrame(rows, infer_schema_length=None).write_parquet(path, compression="zstd")
