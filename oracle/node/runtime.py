"""The loop that owns the protocol's state: one event at a time through `step`, its effects in order, everything slow beside it.

Single-threaded: nothing else touches the state. Cuts, observations and deliveries run as tasks and come back as events. A vote that cannot be written
stops the node: what it holds in memory is then ahead of what it could prove after a restart.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from oracle.chain.asking import Backoff
from oracle.chain.reader import ChainReader
from oracle.consensus.events import (
    Attested,
    BoundaryReached,
    Event,
    MessageReceived,
    ObservationReady,
    Transmit,
)
from oracle.consensus.machine import step
from oracle.consensus.state import NodeState
from oracle.domain.committee import CommitteeConfig
from oracle.domain.report import Cut
from oracle.domain.units import ChainId, Epoch, NodeId
from oracle.errors import (
    OracleError,
    PeerProtocolError,
    StorageError,
)
from oracle.node.authentication import Authenticator, DropCounters, DroppedMessageError, DropReason, EpochWindow
from oracle.node.bookkeeping import Bookkeeper
from oracle.node.clock import Clock, monotonic_ms
from oracle.node.cuts import IDLE_SYNC_S, CutFinder
from oracle.node.effects import Effects
from oracle.node.faults import Behaviour
from oracle.node.landing import DeliveryDesk
from oracle.node.logs import get_log, suffix_ms
from oracle.node.observe import Observer
from oracle.node.status import NodeStatus

RETRY_S, LONGEST_RETRY_S = 1.0, 15.0
IDLE_CLOCK_S = 0.2


class Runtime:
    """One running node. `effects` is set right after construction, since effects post events here; `beside` runs while the node does."""

    effects: Effects

    def __init__(
        self,
        *,
        config: CommitteeConfig,
        state: NodeState,
        readers: Mapping[ChainId, ChainReader],
        observer: Observer,
        authenticator: Authenticator,
        drops: DropCounters,
        desks: Mapping[ChainId, DeliveryDesk],
        bookkeeper: Bookkeeper,
        behaviour: Behaviour,
        clock: Clock,
        status: NodeStatus,
        poll_ms: int,
        beside: Sequence[Callable[[], Coroutine[Any, Any, None]]] = (),
    ) -> None:
        self._beside = beside
        self._config = config
        self._state = state
        self._readers = readers
        self._observer = observer
        self._authenticator = authenticator
        self._drops = drops
        self._desks = desks
        self._bookkeeper = bookkeeper
        self._behaviour = behaviour
        self._clock = clock
        self._status = status
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._cpu_start_ms = 0
        self._cuts = CutFinder(config, readers, clock, status, poll_ms=poll_ms, post=self.post)
        self._log = get_log()

    @property
    def protocol_state(self) -> NodeState:
        """Return the protocol's present state, to look at."""
        return self._state

    def post(self, event: Event) -> None:
        """Queue an event."""
        self._events.put_nowait(event)

    def on_batch(self, content: bytes) -> bool:
        """Take in the content of a request from a peer; return whether it is one that a member could have sent."""
        if self._status.newest_epoch is None:
            return True
        try:
            wires = self._authenticator.read_batch(content)
        except DroppedMessageError as error:
            self._drop(error.sender, error.why, error.reason)
            return False
        refusals = [refusal.why for wire in wires if (refusal := self._take(wire)) is not None]
        return len(refusals) < len(wires) or set(refusals) == {DropReason.OTHER_EPOCH}

    def _take(self, wire: bytes) -> DroppedMessageError | None:
        window = EpochWindow.around(self._status.newest_epoch or Epoch(0))
        try:
            self.post(MessageReceived(signed=self._authenticator.read(wire, window)))
        except DroppedMessageError as error:
            self._drop(error.sender, error.why, error.reason)
            return error
        return None

    def on_too_large(self) -> None:
        """Count a request that was refused for its size."""
        self._drops.count(None, DropReason.TOO_LARGE)

    async def run(self) -> None:
        """Run until cancelled.

        Raises:
            StorageError: if a vote could not be written.
            LocalProtocolError: if this code is wrong; the node stops rather than guess.
        """
        boundaries = asyncio.create_task(self._run_boundaries())
        if self._config.params.epoch_seconds > 2 * IDLE_SYNC_S:
            for chain_id in self._readers:
                self._spawn(self._keep_running(partial(self._cuts.keep_synced, chain_id)))
        for begin in self._beside:
            self._spawn(self._keep_running(begin))
        try:
            while True:
                await self._handle(await self._events.get())
        finally:
            self.effects.cancel_timers()
            for task in (boundaries, *self._tasks):
                task.cancel()
            await asyncio.gather(boundaries, *self._tasks, return_exceptions=True)

    async def _keep_running(self, begin: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something until it is done: begin anew after an error that nobody expected."""
        backoff = Backoff(RETRY_S, LONGEST_RETRY_S)
        while True:
            task = self._spawn(begin())
            await asyncio.wait([task])
            if task.cancelled() or task.exception() is None:
                return
            await asyncio.sleep(backoff.next_s())

    async def _handle(self, event: Event) -> None:
        if self._status.halted:
            return
        try:
            state, effects = step(self._state, event)
        except PeerProtocolError as error:
            self._drop(error.sender, DropReason.PROTOCOL, error.reason)
            return
        try:
            self.effects.perform(effects)
        except StorageError as error:
            self._status.halted = str(error)
            raise
        self._state = state

    def _drop(self, sender: int | None, why: DropReason, reason: str) -> None:
        """Count a message, and log it at 1, 10, 100, ...: a flood of messages is no flood of lines."""
        count = self._drops.count(None if sender is None else NodeId(sender), why)
        if count == 10 ** (len(str(count)) - 1):
            self._log.warning("dropped", sender=sender, reason=reason, count=count)

    # --- time -------------------------------------------------------------------------------------------------------

    async def _run_boundaries(self) -> None:
        """Announce each epoch when the clock reaches it; epochs that were slept through are skipped."""
        seconds = self._config.params.epoch_seconds
        last = -1
        while True:
            now_ms = self._clock.now_ms()
            epoch = now_ms // (seconds * 1_000)
            if epoch > last and epoch >= self._config.from_epoch and now_ms > 0:
                last = epoch
                late_ms = now_ms - epoch * seconds * 1_000
                self._begin(Epoch(epoch), late_ms)
            until_ms = (max(epoch, self._config.from_epoch - 1) + 1) * seconds * 1_000 - self._clock.now_ms()
            await asyncio.sleep(min(max(until_ms, 5) / 1_000, IDLE_CLOCK_S))

    def _begin(self, epoch: Epoch, late_ms: int) -> None:
        status = self._status.begin(epoch)
        status.started_ms = monotonic_ms() - late_ms
        before = self._status.epochs.get(Epoch(epoch - 1))
        if before is not None:
            before.cpu_ms = time.process_time_ns() // 1_000_000 - self._cpu_start_ms
            self._log.info("epoch over", epoch=before.epoch, cpu_ms=before.cpu_ms, **suffix_ms(before.phases_ms))
        if self._status.agreed_epoch is not None and self._status.agreed_epoch + 1 >= epoch:
            self._status.unexpected_error = ""
        self._cpu_start_ms = time.process_time_ns() // 1_000_000
        self.post(BoundaryReached(epoch=epoch))

    # --- requests of the protocol -----------------------------------------------------------------------------------

    def request_cut(self, epoch: Epoch) -> None:
        """Derive the cut of an epoch, whenever that becomes possible."""
        self._spawn(self._cuts.derive(epoch))

    def request_stalled_cut(self, epoch: Epoch) -> None:
        """Find what can be scored without the chains that stall."""
        self._spawn(self._cuts.find_stalled(epoch))

    def check_cut(self, cut: Cut) -> None:
        """Compare another node's stalled cut with this node's blocks."""
        self._spawn(self._cuts.check(cut))

    def request_observation(self, cut: Cut) -> None:
        """Score a cut."""
        self._spawn(self._observe(cut))

    def deliver(self, effect: Transmit) -> None:
        """Bring a report to a chain."""
        self._spawn(self._desks[effect.chain_id].deliver(effect))

    def watch_landing(self, effect: Attested) -> None:
        """Wait for a report on every chain."""
        for desk in self._desks.values():
            self._spawn(desk.watch(effect))

    async def _observe(self, cut: Cut) -> None:
        status = self._status.of(cut.epoch)
        backoff = Backoff(RETRY_S, LONGEST_RETRY_S)
        while self._status.newest_epoch is None or self._status.newest_epoch <= cut.epoch + 1:
            try:
                observed = await self._observer.observe(cut)
            except OracleError as error:
                self._log.warning("observation failed", epoch=cut.epoch, error=str(error))
                self._cuts.note(error)
                if not error.retryable:
                    return
                await asyncio.sleep(backoff.next_s())
                continue
            status.durations_ms.update(observed.timings_ms)
            elapsed_ms = status.reach("observed")
            self._log.info(
                "observed",
                epoch=cut.epoch,
                since_boundary_ms=elapsed_ms,
                entries=len(observed.scores),
                **suffix_ms(observed.timings_ms),
            )
            self._bookkeeper.on_observed(observed)
            self._bookkeeper.on_epoch(cut.epoch, cut)
            scores = self._behaviour.change_scores(observed.scores)
            self.post(ObservationReady(epoch=cut.epoch, scores=scores))
            return

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=getattr(work, "__qualname__", None))
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)
        return task

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("a task failed", exc_info=error)
            self._status.unexpected_error = f"{type(error).__name__} in {task.get_name()}"
