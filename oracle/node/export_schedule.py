"""Which epochs an export holds: so many, so many days apart, counted back from the newest."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from oracle.domain.committee import CommitteeConfig
from oracle.domain.report import Cut, boundary_s
from oracle.domain.units import DAY_S, Epoch, TimestampS
from oracle.errors import ConfigurationError, ExportScheduleError
from oracle.node.verification import Verifier


async def derive_cuts(
    verifier: Verifier, config: CommitteeConfig, newest: Epoch, *, cuts: int | None, every_days: int | None
) -> tuple[Cut, ...]:
    """Return the cuts of a schedule, ascending: `cuts` of them (all that the history holds if only `every_days` is given), or the newest alone.

    Raises:
        ConfigurationError: if a number is below 1, or the newest epoch before the markets.
        ExportScheduleError: if the history is shorter than the schedule.
        EpochNotFinalError: if the newest epoch is not final yet.
    """
    for option, value in (("--cuts", cuts), ("--every", every_days)):
        if value is not None and value < 1:
            raise ConfigurationError(f"{option} {value} makes no schedule: give 1 or more")
    if cuts is None and every_days is None:
        cuts = 1
    first_s, step_days = await _fetch_first_s(verifier), every_days or 1
    epoch_s = config.params.epoch_seconds
    if boundary_s(newest, epoch_s) < first_s:
        raise ConfigurationError(
            f"--epoch {newest} is before the youngest chain's markets began: give {-(-first_s // epoch_s)} or later"
        )
    found = [await verifier.derive_cut(newest)]
    for epoch in _count_back(newest, config.params.epoch_seconds, step_days):
        if len(found) == cuts:
            break
        if boundary_s(epoch, config.params.epoch_seconds) < first_s:
            if cuts is not None:
                history_s = boundary_s(newest, config.params.epoch_seconds) - first_s
                raise ExportScheduleError(cuts, step_days, len(found), history_s // DAY_S)
            break
        found.append(await verifier.derive_cut(epoch))
    return tuple(reversed(found))


def _count_back(newest: Epoch, epoch_s: int, every_days: int) -> Iterator[Epoch]:
    for steps in count(1):
        yield Epoch((newest * epoch_s - steps * every_days * DAY_S) // epoch_s)


async def _fetch_first_s(verifier: Verifier) -> TimestampS:
    """Return when the youngest chain's markets began: before it, a cut says nothing."""
    times = []
    for reader in verifier.readers.values():
        first = min(market.start_block for market in reader.params.markets)
        times.append((await reader.chain.fetch_header(first)).time_s)
    return max(times)
