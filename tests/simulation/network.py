"""A seeded in-memory network of nodes in virtual time: delay, loss, duplication, reordering, partitions, crashes.

It plays the shell of every node exactly as `events.py` demands: effects in order, votes on disk before what depends on them, every claim of a received message
checked, own messages come back. A crash may happen between any two effects and loses everything but the disk.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from oracle.consensus import events
from oracle.consensus.bodies import MessageKind
from oracle.consensus.committee import Committee
from oracle.consensus.machine import step
from oracle.consensus.messages import Message, SignedMessage, decode_message
from oracle.consensus.recovery import restore
from oracle.consensus.state import NodeState, new_node
from oracle.domain.ids import Hash32
from oracle.domain.score import Score
from oracle.domain.units import ChainId, Epoch, NodeId, View
from oracle.errors import PeerProtocolError
from tests.simulation.checks import Checks
from tests.simulation.world import TIMING, cut_of, seen_by, sign, stalled_cut_of, true_scores

type Fault = Callable[["Network", NodeId, Message, NodeId], list[Message]]
"""What a Byzantine node really sends to a peer where the protocol says `message`."""


@dataclass
class Conditions:
    """The weather; percentages of single messages, milliseconds."""

    delay_ms: int = 20
    loss_percent: int = 0
    duplicate_percent: int = 0
    crash_permille: int = 0
    skew_percent: int = 0
    partition: frozenset[NodeId] = frozenset()
    lucky: NodeId | None = None
    """The only node that COMMITs reach; once it has decided nothing of it gets out: the worst case of a view change."""
    subjects_count: int = 4
    is_stalled: bool = False
    """The second chain stands still until `resumes_ms` of virtual time, which each node sees up to a second later."""
    resumes_ms: int | None = None


@dataclass
class Actor:
    """One node: its protocol state, its disk, and whether it runs."""

    state: NodeState
    votes: dict[tuple[Epoch, View, MessageKind], events.Vote] = field(default_factory=dict)
    outcomes: dict[Hash32, events.PersistOutcome] = field(default_factory=dict)
    timers: dict[events.Timer, int] = field(default_factory=dict)
    life: int = 0
    is_up: bool = True


@dataclass
class Network:
    """The whole simulated committee."""

    committee: Committee
    seed: int
    byzantine: dict[NodeId, Fault] = field(default_factory=dict)
    liars: dict[NodeId, Callable[[tuple[Score, ...]], tuple[Score, ...]]] = field(default_factory=dict)
    crashing: set[NodeId] = field(default_factory=set)
    weather: Conditions = field(default_factory=Conditions)
    checks: Checks = field(default_factory=Checks)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.now_ms = 0
        self.epoch = Epoch(0)
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._counter = 0
        self._decoded: dict[bytes, SignedMessage] = {}
        self.rivals: dict[tuple[Epoch, View], list[Hash32]] = {}
        self.landed: dict[tuple[ChainId, Epoch], set[NodeId]] = {}
        self.crashes_count = 0
        self.messages_count = 0
        self.actors = {m: Actor(state=new_node(self.committee, m, TIMING)) for m in self.committee.members}

    @property
    def faulty(self) -> set[NodeId]:
        return set(self.byzantine) | set(self.liars)

    @property
    def honest(self) -> list[NodeId]:
        return [node for node in self.committee.members if node not in self.faulty]

    # --- time ---

    def at(self, delay_ms: int, action: Callable[[], None]) -> None:
        self._counter += 1
        heapq.heappush(self._queue, (self.now_ms + delay_ms, self._counter, action))

    def run_until(self, time_ms: int) -> None:
        while self._queue and self._queue[0][0] <= time_ms:
            self.now_ms, _, action = heapq.heappop(self._queue)
            action()
        self.now_ms = time_ms

    def start_epoch(self, epoch: Epoch) -> None:
        self.epoch = epoch
        self._decoded.clear()
        scores = true_scores(epoch, self.weather.subjects_count)
        for node in self.honest:
            self.checks.on_scores(epoch, seen_by(node, epoch, scores, self.weather.skew_percent))
        for node in self.committee.members:
            self.post(node, events.BoundaryReached(epoch=epoch), self.rng.randrange(60))

    # --- nodes ---

    def post(self, node: NodeId, event: events.Event, delay_ms: int) -> None:
        """Deliver an event to a node later, unless it restarts in between."""
        life = self.actors[node].life

        def deliver() -> None:
            actor = self.actors[node]
            if actor.is_up and actor.life == life:
                self.handle(node, event)

        self.at(delay_ms, deliver)

    def handle(self, node: NodeId, event: events.Event) -> None:
        actor = self.actors[node]
        try:
            actor.state, effects = step(actor.state, event)
        except PeerProtocolError as error:
            self.checks.on_dropped(error, self.faulty)
            return
        for effect in effects:
            if node in self.crashing and self.rng.randrange(1000) < self.weather.crash_permille:
                self.crash(node)
                return
            self.perform(node, actor, effect)

    def crash(self, node: NodeId) -> None:
        actor = self.actors[node]
        actor.is_up = False
        actor.life += 1
        actor.timers.clear()
        self.crashes_count += 1
        self.at(self.rng.randrange(50, 2_000), lambda: self.restart(node))

    def restart(self, node: NodeId) -> None:
        actor = self.actors[node]
        recent = [vote for vote in actor.votes.values() if vote.epoch > self.epoch - 2]
        fresh = new_node(self.committee, node, TIMING)
        actor.state = restore(fresh, recent, actor.outcomes.values())
        actor.is_up = True
        self.handle(node, events.BoundaryReached(epoch=self.epoch))

    def perform(self, node: NodeId, actor: Actor, effect: events.Effect) -> None:
        match effect:
            case events.PersistVote(vote=vote):
                key = (vote.epoch, vote.view, vote.kind)
                assert actor.votes.setdefault(key, vote).body_hash == vote.body_hash, "C-05"
            case events.PersistOutcome():
                actor.outcomes[effect.scores_root] = effect
            case events.Send(message=message, to=to):
                self.send(node, actor, message, to)
            case events.SetTimer(timer=timer, delay_ms=delay_ms):
                self.set_timer(node, actor, timer, delay_ms)
            case events.Blame():
                if node not in self.faulty:
                    self.checks.on_blame(effect, self.faulty)
            case events.OutcomeAgreed() | events.Attested() | events.Transmit():
                self.record(node, effect)
            case _:
                self.answer(node, effect)

    def answer(self, node: NodeId, effect: events.Effect) -> None:
        delay_ms = self.rng.randrange(1, 30)
        match effect:
            case events.RequestCut(epoch=epoch):
                if (wait_ms := self._derivable_in_ms(node)) is not None:
                    self.post(node, events.CutDerived(cut=cut_of(epoch)), delay_ms + wait_ms)
            case events.RequestStalledCut(epoch=epoch) if self._derivable_in_ms(node) != 0:
                self.post(node, events.StalledCutFound(cut=stalled_cut_of(epoch)), delay_ms)
            case events.CheckCut(cut=cut):
                is_confirmed = self._derivable_in_ms(node) != 0 and cut == stalled_cut_of(cut.epoch)
                self.post(node, events.CutChecked(cut=cut, is_confirmed=is_confirmed), delay_ms)
            case events.RequestObservation(cut=cut):
                scores = true_scores(cut.epoch, self.weather.subjects_count)
                seen = seen_by(node, cut.epoch, scores, self.weather.skew_percent)
                told = self.liars[node](seen) if node in self.liars else seen
                self.post(node, events.ObservationReady(epoch=cut.epoch, scores=told), delay_ms)
            case events.DrawSalt(epoch=epoch, view=view):
                salt = Hash32(self.rng.randbytes(32))
                self.post(node, events.SaltDrawn(epoch=epoch, view=view, salt=salt), 0)
            case events.SignAttestation(report=report):
                signature = sign(node, report.hash)
                signed = events.AttestationSigned(epoch=report.epoch, report_hash=report.hash, signature=signature)
                self.post(node, signed, 0)

    def _derivable_in_ms(self, node: NodeId) -> int | None:
        """Return how long it is until a node sees a cut of every chain, None if it never does."""
        weather = self.weather
        if not weather.is_stalled:
            return 0
        lag_ms = random.Random(f"lag {self.epoch} {node}").randrange(1_000)
        return None if weather.resumes_ms is None else max(0, weather.resumes_ms + lag_ms - self.now_ms)

    def record(self, node: NodeId, effect: events.OutcomeAgreed | events.Attested | events.Transmit) -> None:
        if isinstance(effect, events.Transmit):
            place = (effect.chain_id, effect.report.epoch)
            self.landed.setdefault(place, set()).add(node)
            for member in self.committee.members:
                self.post(member, events.LandedOnChain(chain_id=place[0], epoch=place[1]), self.rng.randrange(400))
        elif node in self.faulty:
            return
        elif isinstance(effect, events.OutcomeAgreed):
            self.checks.on_agreed(node, effect)
        else:
            self.checks.on_attested(node, effect, self.committee.q)

    def set_timer(self, node: NodeId, actor: Actor, timer: events.Timer, delay_ms: int) -> None:
        self._counter += 1
        generation = self._counter
        actor.timers[timer] = generation
        life = actor.life

        def fire() -> None:
            if actor.life == life and actor.is_up and actor.timers.get(timer) == generation:
                del actor.timers[timer]
                self.handle(node, events.TimerFired(timer=timer))

        self.at(delay_ms, fire)

    # --- messages ---

    def send(self, node: NodeId, actor: Actor, message: Message, to: tuple[NodeId, ...]) -> None:
        if node not in self.byzantine:
            if node not in self.faulty:
                self.checks.on_sign(node, message, actor.votes)
            signed = self.seal(node, message)
            for peer in to:
                self.carry(node, peer, signed)
            return
        for peer in to:
            told = [message] if peer == node else self.byzantine[node](self, node, message, peer)
            for variant in told:
                self.carry(node, peer, self.seal(node, variant))

    def seal(self, node: NodeId, message: Message) -> SignedMessage:
        return SignedMessage(message=message, signature=sign(node, message.digest))

    def carry(self, sender: NodeId, receiver: NodeId, signed: SignedMessage) -> None:
        if sender == receiver:
            self.post(receiver, events.MessageReceived(signed=signed), 0)
            return
        weather = self.weather
        parted = (sender in weather.partition) != (receiver in weather.partition)
        if parted or self._is_starved(sender, receiver, signed) or self.rng.randrange(100) < weather.loss_percent:
            return
        copies = 2 if self.rng.randrange(100) < weather.duplicate_percent else 1
        for _ in range(copies):
            self.messages_count += 1
            self.at(self.rng.randrange(1, weather.delay_ms), lambda: self.arrive(sender, receiver, signed.wire))

    def _is_starved(self, sender: NodeId, receiver: NodeId, signed: SignedMessage) -> bool:
        lucky = self.weather.lucky
        if lucky is None:
            return False
        state = self.actors[lucky].state.epochs.get(self.epoch)
        has_decided = state is not None and state.decision is not None
        return (signed.kind is MessageKind.COMMIT and receiver != lucky) or (sender == lucky and has_decided)

    def arrive(self, sender: NodeId, receiver: NodeId, wire: bytes) -> None:
        """Decode and authenticate as a shell does; refuse what any claim of which does not hold."""
        if not self.actors[receiver].is_up:
            return
        signed = self._decoded.get(wire)
        if signed is None:
            try:
                signed = decode_message(wire, carrier=sender)
                valid = all(sign(c.signer, c.digest) == c.signature for c in signed.claims())
            except PeerProtocolError as error:
                self.checks.on_dropped(error, self.faulty)
                return
            assert valid, "nobody in the simulation can forge a signature"
            self._decoded[wire] = signed
        self.handle(receiver, events.MessageReceived(signed=signed))
