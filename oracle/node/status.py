"""What a node knows about itself: phases of epochs, chains, peers, alarms. Written by the runtime, read by health, metrics and the API."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field

from oracle.consensus.events import AlarmReason
from oracle.domain.units import BlockNumber, ChainId, Epoch, TimestampS
from oracle.node.clock import monotonic_ms

REMEMBERED_EPOCHS = 32
REMEMBERED_ALARMS = 64


@dataclass(slots=True, kw_only=True)
class ChainStatus:
    """One chain as this node last saw it; `error` is empty while all is well."""

    head_number: BlockNumber = BlockNumber(0)
    head_time_s: TimestampS = TimestampS(0)
    landed_epoch: Epoch = Epoch(0)
    error: str = ""
    is_disagreeing: bool = False
    failures_count: int = 0
    spending_error: str = ""
    """Why nothing is sent; empty while the daily cap allows it."""
    demand_error: str = ""
    """Which demanded vector this node cannot show; empty while it can show all."""
    keeper_error: str = ""
    """Which contract this node cannot keep in step; empty while it can."""
    snapshot_ranges_count: int = 0
    snapshot_compared_count: int = 0
    """Of rows that a snapshot brought: ranges in all, and those compared with the endpoints so far."""


@dataclass(slots=True, kw_only=True)
class EpochStatus:
    """Phases of one epoch: milliseconds from its boundary, in the order in which they were reached."""

    epoch: Epoch
    started_ms: int
    phases_ms: dict[str, int] = field(default_factory=dict)
    durations_ms: dict[str, int] = field(default_factory=dict)
    view: int = 0
    cpu_ms: int = 0

    def reach(self, phase: str) -> int:
        """Note that a phase was reached; the first time counts. Return the milliseconds since the boundary."""
        return self.phases_ms.setdefault(phase, monotonic_ms() - self.started_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class RaisedAlarm:
    """An alarm that the operator should look at."""

    epoch: Epoch
    reason: AlarmReason
    raised_ms: int


class NodeStatus:
    """Everything observable of a running node."""

    def __init__(self, chain_ids: tuple[ChainId, ...]) -> None:
        self.started_ms = monotonic_ms()
        self.chains = {chain_id: ChainStatus() for chain_id in chain_ids}
        self.epochs: OrderedDict[Epoch, EpochStatus] = OrderedDict()
        self.alarms: deque[RaisedAlarm] = deque(maxlen=REMEMBERED_ALARMS)
        self.newest_epoch: Epoch | None = None
        self.agreed_epoch: Epoch | None = None
        self.agreed_count = 0
        self.missed_count = 0
        self.blames_count = 0
        self.storage_error = ""
        self.unexpected_error = ""
        """The last error that this code has no name for, until an epoch is agreed."""
        self.halted = ""
        """Why this node stopped voting; empty while it votes."""

    def begin(self, epoch: Epoch) -> EpochStatus:
        """Note that the clock reached an epoch."""
        self.newest_epoch = epoch
        status = self.epochs.setdefault(epoch, EpochStatus(epoch=epoch, started_ms=monotonic_ms()))
        while len(self.epochs) > REMEMBERED_EPOCHS:
            self.epochs.popitem(last=False)
        return status

    def of(self, epoch: Epoch) -> EpochStatus:
        """Return the phases of an epoch, from now on if it was not begun."""
        known = self.epochs.get(epoch)
        if known is None:
            known = self.epochs[epoch] = EpochStatus(epoch=epoch, started_ms=monotonic_ms())
        return known

    def raise_alarm(self, epoch: Epoch, reason: AlarmReason) -> None:
        """Note an alarm."""
        if reason is AlarmReason.EPOCH_MISSED:
            self.missed_count += 1
        self.alarms.append(RaisedAlarm(epoch=epoch, reason=reason, raised_ms=monotonic_ms()))
