"""`assay model report`: drift of inputs and scores, and what came true of earlier scores, from a node's database. Exit codes: 0 reported, 1 refused, 2 wrong usage."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from oracle.domain.ids import to_hex
from oracle.domain.units import Epoch
from oracle.errors import ConfigurationError, OracleError
from oracle.node.committee_file import read_committee
from oracle.node.model_watch import HORIZON_S, compute_bundle_drift, sum_settled
from oracle.node.settings import load_settings
from oracle.node.stores import Stores
from oracle.node.wiring import load_scorers
from oracle.scoring.bundle import Bundle
from oracle.scoring.drift import Drift
from oracle.storage.cohorts import Cohort

app = typer.Typer(help="Watch the models that a node scores with.", no_args_is_help=True)
_console = Console(soft_wrap=True)


@app.callback()
def model() -> None:
    """Watch the models that a node scores with."""


@app.command()
def report(
    config: Annotated[Path, typer.Option("--config", help="A node's TOML file.")] = Path("node.toml"),
    epoch: Annotated[int | None, typer.Option(help="A kept epoch; the newest if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Say how far today's rows drifted from training, and what came true of what was predicted; works beside a running node."""
    try:
        found = read_report(config, epoch)
    except OracleError as error:
        Console(stderr=True, soft_wrap=True).print(f"[red]error[/red] {escape(str(error))}")
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    for line in describe(found):
        _console.print(escape(line))


def read_report(config: Path, epoch: int | None) -> dict[str, Any]:
    """Return the report of both models.

    Raises:
        ConfigurationError: if there is no database yet, or the epoch is not kept.
        OracleError: if a setting, a bundle or the database is wrong.
    """
    settings = load_settings(config)
    committee = read_committee(settings.committee)
    scorers = load_scorers(settings, committee)
    if not settings.database.is_file():
        raise ConfigurationError(f"{settings.database}: there is no database yet: run the node first")
    stores = Stores.open(settings.database, hold=False)
    try:
        kept = stores.scores.epochs()
        chosen = epoch if epoch is not None else (kept[-1] if kept else None)
        if epoch is not None and epoch not in kept:
            words = f"{kept[0]} to {kept[-1]}" if kept else "none"
            raise ConfigurationError(f"epoch {epoch} is not kept (kept: {words}); choose another, or raise kept_epochs")
        stored = () if chosen is None else stores.scores.all(Epoch(chosen))
        vectors = {s.score.subject: _unpack(s.vector) for s in stored if s.vector is not None}
        scores = [s.score for s in stored]
        models = []
        for bundle in (scorers.borrower.bundle, scorers.collateral.bundle):
            drifts = compute_bundle_drift(bundle, scores, vectors)
            models.append(_model(bundle, drifts, stores.cohorts.all(bundle.kind)))
        return {"epoch": chosen, "models": models}
    finally:
        stores.database.close()


def describe(found: dict[str, Any]) -> list[str]:
    """Return a report in words."""
    lines = ["no epoch is kept yet" if found["epoch"] is None else f"epoch {found['epoch']}"]
    for part in found["models"]:
        lines += ["", f"{part['name']} ({part['model_id']})", *_drift_lines(part), *_cohort_lines(part)]
    return lines


def _model(bundle: Bundle, drifts: tuple[Drift, ...] | None, cohorts: tuple[Cohort, ...]) -> dict[str, Any]:
    settled = sum_settled(cohorts, bundle)
    return {
        "name": bundle.name,
        "model_id": to_hex(bundle.model_id),
        "has_reference": drifts is not None,
        "drift": [
            {
                "column": d.name,
                "psi": round(d.psi, 4),
                "by_chance": round(d.by_chance, 4),
                "missing_share": round(d.missing_share, 4),
                "shift": d.shift.value,
            }
            for d in drifts or ()
        ],
        "horizon_days": HORIZON_S[bundle.kind] // 86_400,
        "settled": {
            "cohorts": settled.cohorts_count,
            "subjects": settled.subjects_count,
            "known": settled.known_count,
            "realised": settled.realised_count,
            "expected": round(settled.expected, 3),
            "expected_upper": round(settled.upper, 3),
            "independent_deviation": round(settled.deviation, 3),
        },
        "cohorts": [_cohort(c) for c in cohorts],
    }


def _cohort(cohort: Cohort) -> dict[str, Any]:
    tally = cohort.tally
    return {
        "as_of": datetime.fromtimestamp(cohort.as_of_s, UTC).isoformat(),
        "model_id": to_hex(cohort.model_id),
        "subjects": cohort.subjects_count,
        "known": None if tally is None else tally.known_count,
        "realised": None if tally is None else tally.realised_count,
        "expected": None if tally is None else round(tally.expected_ppm / 1e6, 3),
        "expected_upper": None if tally is None else round(tally.upper_ppm / 1e6, 3),
    }


def _drift_lines(part: dict[str, Any]) -> list[str]:
    if not part["has_reference"]:
        return ["drift: the bundle carries no reference of its training rows, so there is nothing to compare with"]
    if not part["drift"]:
        return ["drift: no row whose vector this node computed"]
    return [
        "drift: PSI, beside what chance alone gives",
        *(
            f"  {d['column']:<24} {d['psi']:.3f} ({d['by_chance']:.3f}) {d['shift']}, missing {d['missing_share']:.0%}"
            for d in part["drift"]
        ),
    ]


def _cohort_lines(part: dict[str, Any]) -> list[str]:
    waiting = sum(c["known"] is None for c in part["cohorts"])
    settled = part["settled"]
    if not settled["cohorts"]:
        return [f"realised: no cohort of this model is {part['horizon_days']} days old yet, {waiting} wait"]
    unknown = settled["subjects"] - settled["known"]
    bounds = f"expected {settled['expected']:.1f} (upper bounds {settled['expected_upper']:.1f})"
    counted = f"{settled['realised']} of {settled['known']} in {settled['cohorts']} cohorts"
    return [
        f"realised: {counted}, {bounds}; {unknown} labels unknown, {waiting} cohorts wait",
        f"  standard deviation {settled['independent_deviation']:.1f} if subjects were independent; one crash hits many, so the true one is larger",
    ]


def _unpack(vector: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(vector[i : i + 2], "big") for i in range(0, len(vector), 2))
