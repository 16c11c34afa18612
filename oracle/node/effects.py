"""Effects of the protocol, performed strictly in order: what must be on disk is on disk before the next one begins.

Slow work (cuts, observations, deliveries) is started here and answers with events later. Bookkeeping that nobody waits for is written by one worker
thread, in order.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oracle.consensus.events import (
    Alarm,
    AttestationSigned,
    Attested,
    Blame,
    CheckCut,
    DrawSalt,
    Effect,
    Event,
    MessageReceived,
    OutcomeAgreed,
    PersistOutcome,
    PersistVote,
    RequestCut,
    RequestObservation,
    RequestStalledCut,
    SaltDrawn,
    Send,
    SetTimer,
    SignAttestation,
    Timer,
    TimerFired,
    Transmit,
)
from oracle.consensus.messages import Message, SignedMessage
from oracle.domain.ids import Hash32, to_hex
from oracle.domain.report import Cut
from oracle.domain.units import Epoch, NodeId
from oracle.node.bookkeeping import Bookkeeper
from oracle.node.clock import Clock
from oracle.node.faults import Behaviour
from oracle.node.logs import get_log
from oracle.node.status import NodeStatus
from oracle.node.transport import PeerSender
from oracle.signing.signer import Signer
from oracle.storage.votes import VoteStore

SALT_BYTES = 32


class Effects:
    """Performs effects for one node; `post` hands an event to the protocol."""

    def __init__(
        self,
        *,
        node: NodeId,
        signer: Signer,
        votes: VoteStore,
        peers: Mapping[NodeId, PeerSender],
        behaviour: Behaviour,
        clock: Clock,
        status: NodeStatus,
        bookkeeper: Bookkeeper,
        post: Callable[[Event], None],
        request_cut: Callable[[Epoch], None],
        request_stalled_cut: Callable[[Epoch], None],
        check_cut: Callable[[Cut], None],
        request_observation: Callable[[Cut], None],
        deliver: Callable[[Transmit], None],
        watch_landing: Callable[[Attested], None],
    ) -> None:
        self._node = node
        self._signer = signer
        self._votes = votes
        self._peers = peers
        self._behaviour = behaviour
        self._clock = clock
        self._status = status
        self._bookkeeper = bookkeeper
        self._post = post
        self._request_cut = request_cut
        self._request_stalled_cut = request_stalled_cut
        self._check_cut = check_cut
        self._request_observation = request_observation
        self._deliver = deliver
        self._watch_landing = watch_landing
        self._timers: dict[Timer, asyncio.TimerHandle] = {}
        self._log = get_log(node=node)

    def perform(self, effects: Sequence[Effect]) -> None:
        """Perform effects in order.

        Raises:
            StorageError: if a vote could not be written; the effects behind it are not performed.
        """
        for effect in effects:
            self._perform(effect)

    def cancel_timers(self) -> None:
        """Stop every timer."""
        for handle in self._timers.values():
            handle.cancel()
        self._timers.clear()

    def _perform(self, effect: Effect) -> None:
        match effect:
            case PersistVote(vote=vote):
                self._votes.save(vote, stored_at_ms=self._clock.now_ms())
                self._status.of(vote.epoch).reach(vote.kind.name.lower())
            case PersistOutcome():
                self._votes.save_outcome(effect)
            case Send(message=message, to=to):
                self._send(message, to)
            case SetTimer(timer=timer, delay_ms=delay_ms):
                self._set_timer(timer, delay_ms)
            case RequestCut() | RequestStalledCut() | CheckCut() | RequestObservation():
                self._look(effect)
            case DrawSalt(epoch=epoch, view=view):
                salt = Hash32(secrets.token_bytes(SALT_BYTES))
                self._post(SaltDrawn(epoch=epoch, view=view, salt=salt))
            case SignAttestation(report=report):
                signature = self._signer.sign_digest(report.hash)
                self._post(AttestationSigned(epoch=report.epoch, report_hash=report.hash, signature=signature))
            case OutcomeAgreed() | Attested() | Transmit() | Blame() | Alarm():
                self._announce(effect)

    def _look(self, effect: RequestCut | RequestStalledCut | CheckCut | RequestObservation) -> None:
        match effect:
            case RequestCut(epoch=epoch):
                self._request_cut(epoch)
            case RequestStalledCut(epoch=epoch):
                self._request_stalled_cut(epoch)
            case CheckCut(cut=cut):
                self._check_cut(cut)
            case RequestObservation(cut=cut):
                self._request_observation(cut)

    def _announce(self, effect: OutcomeAgreed | Attested | Transmit | Blame | Alarm) -> None:
        match effect:
            case OutcomeAgreed():
                self._on_agreed(effect)
            case Attested():
                self._on_attested(effect)
            case Transmit():
                self._deliver(effect)
            case Blame():
                self._on_blame(effect)
            case Alarm(epoch=epoch, reason=reason):
                self._status.raise_alarm(epoch, reason)
                self._log.warning("alarm", epoch=epoch, reason=reason.value)

    def _send(self, message: Message, to: Sequence[NodeId]) -> None:
        for changed, receivers in self._behaviour.change_send(message, to):
            signed = SignedMessage(message=changed, signature=self._signer.sign_digest(changed.digest))
            for receiver in receivers:
                if receiver == self._node:
                    self._post(MessageReceived(signed=signed))
                elif (peer := self._peers.get(receiver)) is not None:
                    peer.put(signed.wire)
            for wire in self._behaviour.extra_wires(signed.wire):
                for peer in self._peers.values():
                    peer.put(wire)

    def _set_timer(self, timer: Timer, delay_ms: int) -> None:
        before = self._timers.pop(timer, None)
        if before is not None:
            before.cancel()
        loop = asyncio.get_running_loop()
        self._timers[timer] = loop.call_later(delay_ms / 1_000, self._fire, timer)

    def _fire(self, timer: Timer) -> None:
        self._timers.pop(timer, None)
        self._post(TimerFired(timer=timer))

    def _on_agreed(self, effect: OutcomeAgreed) -> None:
        epoch = effect.report.epoch
        status = self._status.of(epoch)
        status.view = effect.view
        elapsed_ms = status.reach("agreed")
        self._status.agreed_epoch = epoch
        self._status.agreed_count += 1
        self._bookkeeper.on_agreed(effect.report, effect.scores)
        self._log.info(
            "agreed",
            epoch=epoch,
            since_boundary_ms=elapsed_ms,
            view=effect.view,
            root=to_hex(effect.report.scores_root),
            borrowers=effect.report.borrowers,
            collaterals=effect.report.collaterals,
            observers=f"{effect.report.observers:b}",
        )

    def _on_attested(self, effect: Attested) -> None:
        elapsed_ms = self._status.of(effect.report.epoch).reach("attested")
        self._log.info(
            "attested", epoch=effect.report.epoch, since_boundary_ms=elapsed_ms, signers=sorted(effect.attestations)
        )
        self._bookkeeper.on_attested(effect)
        self._watch_landing(effect)

    def _on_blame(self, effect: Blame) -> None:
        self._status.blames_count += 1
        self._bookkeeper.on_blame(effect)
        facts: dict[str, Any] = {"epoch": effect.epoch, "blamed": effect.node, "reason": effect.reason.value}
        if effect.subject is not None:
            facts["subject"] = to_hex(effect.subject)
        if effect.field:
            facts["field"] = effect.field
            facts["theirs"] = show_field(effect.theirs, effect.field)
            facts["agreed"] = show_field(effect.agreed, effect.field)
        self._log.warning("blame", **facts)


def show_field(score: object, field: str) -> str:
    """Return a score's field as text, hashes in hex."""
    value = getattr(score, field, None)
    return to_hex(value) if isinstance(value, bytes) else str(value)
