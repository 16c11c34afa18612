"""Drives nodes by hand: every effect is looked at, and only what a test delivers is delivered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from oracle.consensus import events
from oracle.consensus.bodies import Body, MessageKind
from oracle.consensus.machine import step
from oracle.consensus.messages import Message, SignedMessage
from oracle.consensus.state import EpochState, NodeState, new_node
from oracle.domain.ids import Hash32, keccak256
from oracle.domain.report import Cut
from oracle.domain.score import Score
from oracle.domain.units import Epoch, NodeId, View
from tests.simulation.world import TIMING, borrower, collateral, cut_of, make_committee, sign

EPOCH = Epoch(8)
"""Member 0 leads view 0 of this epoch in a committee of four."""
COMMITTEE = make_committee(4)
TRUTH: tuple[Score, ...] = (borrower(1, 100), borrower(2, 200), collateral(3, 50))


def message(
    sender: int, body: Body, *, view: int = 0, epoch: Epoch = EPOCH, cut_hash: Hash32 | None = None
) -> SignedMessage:
    """Return a message signed by a member."""
    plain = Message(
        config_digest=COMMITTEE.config_digest,
        epoch=epoch,
        view=View(view),
        cut_hash=cut_of(epoch).hash if cut_hash is None else cut_hash,
        sender=NodeId(sender),
        body=body,
    )
    return SignedMessage(message=plain, signature=sign(NodeId(sender), plain.digest))


@dataclass
class Driver:
    """One node, the effects it asked for, and the shell's routine answers."""

    node: NodeId
    scores: tuple[Score, ...] = TRUTH
    stalled: Cut | None = None
    """What this node's finalised blocks say while chain 1 has no cut; None: every chain has one."""
    state: NodeState = field(init=False)
    effects: list[events.Effect] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = new_node(COMMITTEE, self.node, TIMING)

    def start(self) -> Driver:
        """Bring the node to its commitment."""
        self.feed(events.BoundaryReached(epoch=EPOCH))
        return self

    def feed(self, event: events.Event) -> list[events.Effect]:
        """Step, and answer everything but messages and timers; own messages come back. Returns the new effects."""
        before = len(self.effects)
        self.state, effects = step(self.state, event)
        for effect in effects:
            self.effects.append(effect)
            for answer in self._answers(effect):
                self.feed(answer)
        return self.effects[before:]

    def receive(self, *messages: SignedMessage) -> list[events.Effect]:
        return [effect for m in messages for effect in self.feed(events.MessageReceived(signed=m))]

    def fire(self, kind: events.TimerKind, view: int = 0) -> list[events.Effect]:
        return self.feed(events.TimerFired(timer=events.Timer(kind=kind, epoch=EPOCH, view=View(view))))

    @property
    def epoch(self) -> EpochState:
        return self.state.epochs[EPOCH]

    def sent(self, kind: MessageKind, effects: Iterable[events.Effect] | None = None) -> list[SignedMessage]:
        """Return the messages of a kind that the node sent, signed."""
        sends = [e for e in (self.effects if effects is None else effects) if isinstance(e, events.Send)]
        return [self.seal(e.message) for e in sends if e.message.kind is kind]

    def one(self, kind: MessageKind) -> SignedMessage:
        (found,) = dict.fromkeys(self.sent(kind))
        return found

    def seal(self, plain: Message) -> SignedMessage:
        return SignedMessage(message=plain, signature=sign(self.node, plain.digest))

    def votes(self) -> list[events.Vote]:
        return [e.vote for e in self.effects if isinstance(e, events.PersistVote)]

    def _answers(self, effect: events.Effect) -> list[events.Event]:
        match effect:
            case events.RequestCut(epoch=epoch):
                return [] if self.stalled else [events.CutDerived(cut=cut_of(epoch))]
            case events.RequestStalledCut():
                return [events.StalledCutFound(cut=self.stalled)] if self.stalled else []
            case events.CheckCut(cut=cut):
                return [events.CutChecked(cut=cut, is_confirmed=cut == self.stalled)]
            case events.RequestObservation(cut=cut):
                return [events.ObservationReady(epoch=cut.epoch, scores=self.scores)]
            case events.DrawSalt(epoch=epoch, view=view):
                salt = Hash32(keccak256(b"salt %d %d" % (self.node, view)))
                return [events.SaltDrawn(epoch=epoch, view=view, salt=salt)]
            case events.SignAttestation(report=report):
                signature = sign(self.node, report.hash)
                return [events.AttestationSigned(epoch=report.epoch, report_hash=report.hash, signature=signature)]
            case events.Send(message=plain, to=to) if self.node in to:
                return [events.MessageReceived(signed=self.seal(plain))]
            case _:
                return []


def started(**scores: tuple[Score, ...]) -> list[Driver]:
    """Return four nodes that sent their commitments; `n2=...` gives node 2 other scores."""
    return [Driver(node=NodeId(i), scores=scores.get(f"n{i}", TRUTH)).start() for i in range(4)]


def closed(nodes: list[Driver]) -> SignedMessage:
    """Let leader 0 receive every commitment and return the set it closes."""
    nodes[0].receive(*(node.one(MessageKind.COMMITMENT) for node in nodes[1:]))
    return nodes[0].one(MessageKind.CLOSED_SET)


def revealed(nodes: list[Driver]) -> None:
    """Let everyone reveal to leader 0."""
    closed_set = closed(nodes)
    for node in nodes[1:]:
        node.receive(closed_set)
        nodes[0].receive(*node.sent(MessageKind.REVEAL))


def proposed(nodes: list[Driver]) -> SignedMessage:
    """Return the proposal of leader 0."""
    revealed(nodes)
    return nodes[0].one(MessageKind.PROPOSAL)


def deliver_all(nodes: list[Driver], kind: MessageKind) -> None:
    """Give every node the broadcasts of one kind of all others."""
    messages = {node.node: dict.fromkeys(node.sent(kind)) for node in nodes}
    for node in nodes:
        node.receive(*(m for sender, found in messages.items() if sender != node.node for m in found))


def agreed(nodes: list[Driver]) -> None:
    """Bring everyone through PREPARE and COMMIT to attestations."""
    proposal = proposed(nodes)
    for node in nodes[1:]:
        node.receive(proposal)
    deliver_all(nodes, MessageKind.PREPARE)
    deliver_all(nodes, MessageKind.COMMIT)


def count(effects: Iterable[events.Effect], kind: type[events.Effect]) -> int:
    return sum(isinstance(effect, kind) for effect in effects)
