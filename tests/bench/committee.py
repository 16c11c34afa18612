"""Four nodes in one process: the real protocol step, real keys, every message encoded, signed, decoded and checked, votes on disk.

It plays the shell of each node as `oracle/node/effects.py` does, without network and timers: a message arrives as soon as it is sent. What each part costs is
added up over all nodes; the time between messages, which a network adds, is not in it.
"""

from __future__ import annotations

import secrets
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from oracle.consensus import events
from oracle.consensus.committee import SANDBOX_TIMING, committee_of
from oracle.consensus.machine import step
from oracle.consensus.messages import Message, SignedMessage, decode_batch, encode_batch
from oracle.consensus.state import NodeState, new_node
from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import Hash32
from oracle.domain.report import Cut
from oracle.domain.score import Score
from oracle.domain.units import Epoch, NodeId
from oracle.node.authentication import Authenticator, EpochWindow
from oracle.signing.signer import LocalSigner
from oracle.storage.engine import open_database
from oracle.storage.votes import VoteStore

PROTOCOL, SIGN, CHECK, VOTES = "protocol", "encode and sign", "decode and check", "votes on disk"


class Node:
    """One member: its state, key, vote store and what it scores."""

    def __init__(self, config: CommitteeConfig, node: NodeId, signer: LocalSigner, folder: Path) -> None:
        self.node = node
        self.signer = signer
        self.state: NodeState = new_node(committee_of(config), node, SANDBOX_TIMING)
        self.authenticator = Authenticator(config)
        self.votes = VoteStore(open_database(folder / f"node-{node}.sqlite"))
        self.scores: tuple[Score, ...] = ()
        self.attested: events.Attested | None = None


class Committee:
    """All nodes, and the CPU seconds that each part took over all of them."""

    def __init__(self, config: CommitteeConfig, signers: Sequence[LocalSigner], folder: Path) -> None:
        self.nodes = [Node(config, NodeId(i), signer, folder) for i, signer in enumerate(signers)]
        self.cpu_s: defaultdict[str, float] = defaultdict(float)
        self.messages_count = 0
        self.sent_bytes = 0
        self._queue: deque[tuple[Node, events.Event | bytes]] = deque()
        self._cut: Cut | None = None

    def run_epoch(self, cut: Cut, scores_of: Sequence[tuple[Score, ...]]) -> events.Attested:
        """Bring every node from the boundary to a report with enough attestations.

        Raises:
            RuntimeError: if a node did not get there; then nothing was measured.
        """
        self._cut = cut
        for node, scores in zip(self.nodes, scores_of, strict=True):
            node.scores, node.attested = scores, None
            self._queue.append((node, events.BoundaryReached(epoch=cut.epoch)))
        while self._queue:
            node, item = self._queue.popleft()
            self._handle(node, item, cut.epoch)
        attested = [node.attested for node in self.nodes if node.attested is not None]
        if len(attested) < len(self.nodes) or len({a.report.hash for a in attested}) != 1:
            raise RuntimeError(f"{len(attested)} of {len(self.nodes)} nodes attested epoch {cut.epoch}")
        return attested[0]

    def _handle(self, node: Node, item: events.Event | bytes, epoch: Epoch) -> None:
        event = self._receive(node, item, epoch) if isinstance(item, bytes) else item
        with self._timed(PROTOCOL):
            node.state, effects = step(node.state, event)
        for effect in effects:
            self._perform(node, effect)

    def _receive(self, node: Node, content: bytes, epoch: Epoch) -> events.Event:
        with self._timed(CHECK):
            (wire,) = decode_batch(content)
            return events.MessageReceived(signed=node.authenticator.read(wire, EpochWindow.around(epoch)))

    def _perform(self, node: Node, effect: events.Effect) -> None:
        match effect:
            case events.PersistVote(vote=vote):
                with self._timed(VOTES):
                    node.votes.save(vote, stored_at_ms=0)
            case events.PersistOutcome():
                with self._timed(VOTES):
                    node.votes.save_outcome(effect)
            case events.Send(message=message, to=to):
                self._send(node, message, to)
            case events.Attested():
                node.attested = effect
            case _:
                self._answer(node, effect)

    def _answer(self, node: Node, effect: events.Effect) -> None:
        match effect:
            case events.RequestCut() if self._cut is not None:
                self._queue.append((node, events.CutDerived(cut=self._cut)))
            case events.RequestObservation(cut=cut):
                self._queue.append((node, events.ObservationReady(epoch=cut.epoch, scores=node.scores)))
            case events.DrawSalt(epoch=epoch, view=view):
                salt = Hash32(secrets.token_bytes(32))
                self._queue.append((node, events.SaltDrawn(epoch=epoch, view=view, salt=salt)))
            case events.SignAttestation(report=report):
                with self._timed(SIGN):
                    signature = node.signer.sign_digest(report.hash)
                answer = events.AttestationSigned(epoch=report.epoch, report_hash=report.hash, signature=signature)
                self._queue.append((node, answer))

    def _send(self, node: Node, message: Message, to: Sequence[NodeId]) -> None:
        with self._timed(SIGN):
            signed = SignedMessage(message=message, signature=node.signer.sign_digest(message.digest))
            content = encode_batch([signed.wire])
        for receiver in to:
            if receiver == node.node:
                self._queue.append((node, events.MessageReceived(signed=signed)))
            else:
                self.messages_count += 1
                self.sent_bytes += len(content)
                self._queue.append((self.nodes[receiver], content))

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        cpu_s = time.process_time()
        try:
            yield
        finally:
            self.cpu_s[part] += time.process_time() - cpu_s
