"""Health: what an operator has to look at, as codes and plain words. Red is what keeps the node from doing its work.

Each trouble has a stable code, so that an alert can name it.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from oracle.consensus.events import AlarmReason
from oracle.domain.committee import CommitteeConfig
from oracle.node.clock import Clock, monotonic_ms
from oracle.node.endpoints import CLOCK_TOLERANCE_S, EndpointWatch
from oracle.node.snapshot_audit import describe_compared
from oracle.node.status import NodeStatus

MISSED_EPOCHS_BEFORE_RED = 3
LEAST_FREE_BYTES = 200 << 20
RECENT_ALARM_EPOCHS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is wrong; `detail` says what to do where that is known."""

    code: str
    detail: str


class Health:
    """Looks at a node's status; cheap enough to be asked every few seconds."""

    def __init__(
        self,
        config: CommitteeConfig,
        status: NodeStatus,
        clock: Clock,
        database_path: Path,
        endpoints: EndpointWatch | None = None,
    ) -> None:
        self._config = config
        self._status = status
        self._clock = clock
        self._database_path = database_path
        self._endpoints = endpoints

    def troubles(self) -> tuple[Trouble, ...]:
        """Return everything that is wrong now; empty is green."""
        found = [*self._protocol_troubles(), *self._chain_troubles(), *self._machine_troubles()]
        return tuple(Trouble(code=code, detail=detail) for code, detail in found)

    def _protocol_troubles(self) -> list[tuple[str, str]]:
        status = self._status
        found: list[tuple[str, str]] = []
        if status.halted:
            found.append(("halted", status.halted))
        newest, agreed = status.newest_epoch, status.agreed_epoch
        allowed_ms = MISSED_EPOCHS_BEFORE_RED * self._config.params.epoch_seconds * 1_000
        if newest is None:
            if monotonic_ms() - status.started_ms > allowed_ms:
                found.append(("no_epoch", "no epoch has begun: is the clock right, and from_epoch reached?"))
        elif newest - (newest if agreed is None else agreed) >= MISSED_EPOCHS_BEFORE_RED:
            found.append(("no_agreement", f"the last agreed epoch is {agreed}, the clock is in {newest}"))
        elif agreed is None and monotonic_ms() - status.started_ms > allowed_ms:
            found.append(("no_agreement", "no epoch was agreed since this node started: are enough peers reachable?"))
        for alarm in status.alarms:
            is_recent = newest is not None and alarm.epoch > newest - RECENT_ALARM_EPOCHS
            if is_recent and alarm.reason is not AlarmReason.EPOCH_MISSED:
                found.append((alarm.reason.name.lower(), f"epoch {alarm.epoch}: {alarm.reason.value}"))
        return found

    def _chain_troubles(self) -> list[tuple[str, str]]:
        found = []
        for chain_id, chain in self._status.chains.items():
            if chain.is_disagreeing:
                found.append(("endpoints_disagree", chain.error))
            elif chain.error:
                found.append(
                    ("chain_unreadable", f"chain {chain_id}: {chain.error.removeprefix(f'chain {chain_id}: ')}")
                )
            if chain.snapshot_compared_count < chain.snapshot_ranges_count:
                words = describe_compared(chain.snapshot_compared_count, chain.snapshot_ranges_count)
                found.append(("snapshot_not_compared", f"chain {chain_id}: {words}"))
            if chain.spending_error:
                found.append(("gas_cap", chain.spending_error))
            if chain.demand_error:
                found.append(("vector_demanded", chain.demand_error))
            if chain.keeper_error:
                found.append(("keeper", chain.keeper_error))
        return found if self._endpoints is None else [*found, *self._endpoints.troubles()]

    def _machine_troubles(self) -> list[tuple[str, str]]:
        found = []
        newest_block_s = max((c.head_time_s for c in self._status.chains.values()), default=0)
        if newest_block_s and newest_block_s - self._clock.now_ms() // 1_000 > CLOCK_TOLERANCE_S:
            found.append(
                ("clock_off", f"a finalised block is dated {newest_block_s}, ahead of this clock: set the time")
            )
        if self._status.unexpected_error:
            words = f"{self._status.unexpected_error}: the log has the whole of it; report it, and restart the node if it stays"
            found.append(("unexpected_error", words))
        if self._status.storage_error:
            found.append(("storage", self._status.storage_error))
        free = shutil.disk_usage(self._database_path.parent).free
        if free < LEAST_FREE_BYTES:
            found.append(("disk_low", f"{free >> 20} MiB are left beside the database: free some space"))
        return found


def process_cpu_s() -> float:
    """Return the processor time of this process, for display."""
    return time.process_time()
