"""Writes what a node knows at a schedule of cuts as a canonical dataset: all that training needs to compute the node's vectors there, and the future of each.

The ledgers advance from cut to cut, as a node's do. At each cut go out who is listed and the positions with debt; at the last one events, daily samples,
hourly USD prices of every token, and the markets' rules over time. A borrower's rows stand under every subject that it was listed as, so an account that
became a contract has both histories. The format is described in `training/README.md`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from oracle.chain.histories import Place, boundary_of, gather_rows, list_borrowers
from oracle.chain.ledger import Ledger
from oracle.chain.reader import ChainReader, fetch_code, project_cut
from oracle.domain import canonical
from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import SubjectId, to_hex
from oracle.domain.report import Cut
from oracle.domain.units import ChainId
from oracle.errors import ConfigurationError
from oracle.node.export_tables import TableFolder

type Places = dict[SubjectId, tuple[Place, ...]]


async def write_export(
    folder: Path, name: str, config: CommitteeConfig, readers: Mapping[ChainId, ChainReader], cuts: Sequence[Cut]
) -> dict[str, int]:
    """Write the folder for cuts in ascending order, none stalled; return how many borrowers and rows it has.

    Raises:
        ConfigurationError: if the folder cannot be made, or holds something already.
        ChainError: if a chain cannot be read.
    """
    prepare_folder(folder)
    places: Places = {}
    with TableFolder(folder) as tables:
        for cut in cuts:
            ledgers = await project_cut(config, readers, cut)
            code = await fetch_code(config, readers, cut, ledgers)
            await asyncio.to_thread(_add_cut, tables, config, ledgers, cut, code, places)
        for chain_cut in cuts[-1].chains:
            changes = await readers[chain_cut.chain_id].fetch_parameters(chain_cut.block_number)
            tables.add(canonical.PARAMETERS, map(canonical.parameter_row, changes))
        start_s = await asyncio.to_thread(_add_histories, tables, ledgers, places)
        await asyncio.to_thread(tables.close)
    notes = sorted({note for reader in readers.values() if (note := getattr(reader, "code_note", ""))})
    _write_json(folder / canonical.ASSETS, _list_assets(config))
    # Written last: a folder without it is no dataset.
    _write_json(folder / canonical.META, _describe(name, config, cuts, start_s, notes))
    return {"borrowers": len(places), "cuts": len(cuts), **tables.counts}


def prepare_folder(folder: Path) -> None:
    """Make the folder, or take one that an unfinished export left; nothing of a finished one or of anybody else is lost."""
    known = {canonical.ASSETS, ".parts", *(f"{table}.parquet" for table in canonical.TABLES)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        strangers = sorted(path.name for path in folder.iterdir() if path.name not in known)
    except OSError as error:
        raise ConfigurationError(f"{folder}: {error.strerror}: name a folder that can be made") from error
    if strangers:
        what = "a finished export" if canonical.META in strangers else strangers[0]
        raise ConfigurationError(f"{folder} holds {what} already: name a new folder")


def _add_cut(
    tables: TableFolder,
    config: CommitteeConfig,
    ledgers: Mapping[ChainId, Ledger],
    cut: Cut,
    code: Mapping[Place, bool],
    places: Places,
) -> None:
    as_of_s = boundary_of(config, cut)
    for listed in list_borrowers(config, ledgers, cut, code):
        places[listed.subject] = listed.places
        tables.add(canonical.LISTED, [{"as_of_s": int(as_of_s), "subject": bytes(listed.subject)}])
        for state in listed.states:
            at = canonical.PositionAt(
                as_of_s=as_of_s, position=state.position, health_factor_wad=state.health_factor_wad
            )
            tables.add(canonical.POSITIONS, [canonical.position_row(listed.subject, at)])


def _add_histories(tables: TableFolder, ledgers: Mapping[ChainId, Ledger], places: Places) -> int:
    """Add all events, samples and prices; return the time of the first event, 0 without one."""
    starts = []
    for subject in sorted(places):
        events, samples = gather_rows(places[subject], ledgers)
        starts += [event.time_s for event in events[:1]]
        tables.add(canonical.EVENTS, (canonical.event_row(subject, event) for event in events))
        tables.add(canonical.SAMPLES, (canonical.sample_row(subject, sample) for sample in samples))
    for chain_id, ledger in ledgers.items():
        for asset in ledger.params.assets:
            series = ledger.prices.get_series(asset.token)
            if series is not None:
                tables.add(canonical.PRICES, [canonical.price_row(chain_id, asset.token, series)])
    return min(starts, default=0)


def _describe(
    name: str, config: CommitteeConfig, cuts: Sequence[Cut], start_s: int, notes: list[str]
) -> dict[str, Any]:
    return {
        "format": canonical.FORMAT,
        "name": name,
        "start_s": int(start_s),
        "end_s": int(boundary_of(config, cuts[-1])),
        "config_digest": to_hex(config.digest),
        "notes": notes,
        "cuts": [
            {
                "as_of_s": int(boundary_of(config, cut)),
                "epoch": int(cut.epoch),
                "cut_hash": to_hex(cut.hash),
                "chains": [
                    {
                        "chain_id": int(chain.chain_id),
                        "block_number": int(chain.block_number),
                        "block_hash": to_hex(chain.block_hash),
                    }
                    for chain in cut.chains
                ],
            }
            for cut in cuts
        ],
    }


def _list_assets(config: CommitteeConfig) -> list[dict[str, Any]]:
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


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
