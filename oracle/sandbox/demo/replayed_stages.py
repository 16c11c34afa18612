"""Stages that only recorded vaults have: where they come from, and what the model says of them after everything that it has seen.

Recorded times are shifted by whole days so that the history ends now. The model's training span moves with them: probabilities are shown for an epoch
after its end only, because before it the model would be asked about what it was told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from oracle.domain.ids import to_hex
from oracle.domain.score import BorrowerScore
from oracle.domain.units import DAY_S
from oracle.errors import DemoFailedError
from oracle.sandbox.demo.committee_stages import HONEST, require
from oracle.sandbox.demo.loans import RatedBorrower, fetch_scores
from oracle.sandbox.demo.session import Demo
from oracle.sandbox.demo.view import DemoView
from oracle.sandbox.manifest import BorrowerEntry, ReplayEntry
from oracle.sandbox.world import World
from oracle.scoring.bundle import Bundle, load_bundle

SOURCE = "maker_ethb_vaults"
"""The data set that the replayed vaults, and their part of the training, come from."""
SHOWN_VAULTS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfTime:
    """Where the training span of a bundle ends on the chains' clock, and the epoch that is shown."""

    bundle: Bundle
    span: tuple[date, date]
    until_s: int
    observed_at_s: int

    @property
    def is_after(self) -> bool:
        """Return whether the epoch lies after everything that training knew."""
        return self.observed_at_s >= self.until_s


def describe_replay(view: DemoView, world: World) -> None:
    """Say where the history comes from and what it left out. Raises: DemoFailedError if it is no replay."""
    replay = require_replay(world)
    view.say(
        f"{replay.vaults} vaults of {replay.dataset}, {_day(replay.data_start_s)} to {_day(replay.data_end_s)}: {replay.replayed_rows:,} of "
        f"{replay.rows:,} rows replayed, {replay.exact_vaults} vaults exactly, {replay.liquidated_vaults} up to their first liquidation"
    )
    view.say(
        f"times are {replay.shift_s // DAY_S:,} days later here, so that the history ends now; "
        f"every row left out has its reason in {world.directory.name}/{replay.report}"
    )


async def show_out_of_time(demo: Demo) -> None:
    """Show probabilities of the vaults at the present epoch, which lies after the training span of the bundle."""
    replay = require_replay(demo.world)
    report = await demo.committee.get(HONEST, f"/v1/reports/{demo.epoch}")
    found = find_out_of_time(demo.setting.bundle_folder, replay, int(report["report"]["epoch"]) * demo.epoch_seconds)
    demo.view.say(
        f"bundle {found.bundle.name}, trained on {found.span[0]} to {found.span[1]} of the data, which ends here at {_moment(found.until_s)}; "
        f"epoch {demo.epoch} is of {_moment(found.observed_at_s)}"
    )
    require(
        demo, found.is_after, "the epoch lies after everything that training has seen: nothing below was ever a label"
    )
    vaults = {b.address.lower(): b for b in demo.world.manifest.borrowers if b.vault_id is not None}
    rated = [borrower for borrower in demo.ranked if borrower.address.lower() in vaults]
    owing = [borrower for borrower in rated if vaults[borrower.address.lower()].debt_usd > 0]
    ranked = sorted(owing, key=lambda borrower: (-borrower.score.pd_ppm, borrower.address))
    listed = sum(
        isinstance(score, BorrowerScore) and to_hex(score.subject[12:]) in vaults
        for score in await fetch_scores(demo.committee, HONEST, demo.epoch)
    )
    demo.view.table(
        ("vault", "chain", "debt", "PD in 30 days", "at most", "points", "grade"),
        [_row(borrower, vaults[borrower.address.lower()]) for borrower in spread(ranked, SHOWN_VAULTS)],
        title=f"{len(ranked)} rated vaults with debt, riskiest first",
    )
    expected = sum(borrower.score.pd_ppm for borrower in ranked)
    demo.view.say(
        f"{listed} vaults are listed: {len(ranked)} owe and are rated, {len(rated) - len(ranked)} owe nothing any more, {listed - len(rated)} are "
        f"unrated (too little debt or history); of those that owe the model expects {expected / 1e6:.1f} to be liquidated within 30 days"
    )
    if not found.bundle.trees_active:
        demo.view.say(
            "[dim]Behaviour trees are in shadow: on these data they have shown no gain, so a probability says where a position stands and no more.[/]"
        )
    demo.record["out_of_time"] = _record(demo, replay, found, ranked, listed)


def find_out_of_time(bundle_folder: Path, replay: ReplayEntry, observed_at_s: int) -> OutOfTime:
    """Return the training span's end on the chains' clock. Raises: DemoFailedError if the bundle does not state it."""
    bundle = load_bundle(bundle_folder, allow_sandbox=True)
    span = bundle.training_span_of(SOURCE)
    if span is None:
        raise DemoFailedError(
            f"bundle {bundle.name} does not say what it was trained on: train it again with `make train`"
        )
    until_s = int(datetime.combine(span[1], time(), UTC).timestamp()) + replay.shift_s
    return OutOfTime(bundle=bundle, span=span, until_s=until_s, observed_at_s=observed_at_s)


def require_replay(world: World) -> ReplayEntry:
    """Return where a replayed world comes from. Raises: DemoFailedError if it is none."""
    if world.manifest.replay is None:
        raise DemoFailedError("this world is not a replay")
    return world.manifest.replay


def spread[T](values: list[T], count: int) -> list[T]:
    """Return at most `count` values from first to last, evenly."""
    if len(values) <= count:
        return values
    return [values[i * (len(values) - 1) // (count - 1)] for i in range(count)]


def _row(borrower: RatedBorrower, entry: BorrowerEntry) -> tuple[str, ...]:
    score = borrower.score
    return (
        str(entry.vault_id),
        str(entry.chain_ids[0]),
        f"${entry.debt_usd:,}",
        f"{score.pd_ppm / 1e4:.2f} %",
        f"{score.pd_upper_ppm / 1e4:.2f} %",
        str(score.points),
        str(score.grade),
    )


def _record(
    demo: Demo, replay: ReplayEntry, found: OutOfTime, ranked: list[RatedBorrower], listed: int
) -> dict[str, Any]:
    return {
        "bundle": found.bundle.name,
        "model_id": "0x" + found.bundle.model_id.hex(),
        "trees_active": found.bundle.trees_active,
        "training_span": [str(day) for day in found.span],
        "shift_s": replay.shift_s,
        "training_until_s": found.until_s,
        "observed_at_s": found.observed_at_s,
        "epoch": demo.epoch,
        "listed": listed,
        "vaults": [
            {
                "address": b.address,
                "pd_ppm": b.score.pd_ppm,
                "pd_upper_ppm": b.score.pd_upper_ppm,
                "grade": b.score.grade,
            }
            for b in ranked
        ],
    }


def _day(time_s: int) -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d}"


def _moment(time_s: int) -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M} UTC"
