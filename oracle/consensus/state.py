"""The state of one node: immutable values, one `EpochState` for each live epoch.

Event handlers record facts here; rules (`machine.RULES`) look at the facts and act. Every collection is bounded: see `admission`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from oracle.consensus.bodies import Body, MessageKind
from oracle.consensus.committee import Committee, Timing
from oracle.consensus.events import Alarm, AlarmReason, Effect, PersistVote, Send, SetTimer, Timer, TimerKind, Vote
from oracle.consensus.messages import Message, SignedMessage
from oracle.consensus.observation import Observation
from oracle.consensus.outcome import Store
from oracle.domain.ids import Hash32, keccak256
from oracle.domain.report import Cut, Report
from oracle.domain.score import Score
from oracle.domain.units import ChainId, Epoch, NodeId, View
from oracle.errors import LocalProtocolError

FIRST_VIEW = View(0)
ANY_VIEW = View(0)
"""The view of an attestation and of a stalled cut: they belong to the epoch, not to a view."""

MAX_VIEWS_BEHIND = 8

type InboxKey = tuple[MessageKind, View, NodeId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """What does not change: the committee, which member this node is, and its waiting times."""

    committee: Committee
    node: NodeId
    timing: Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A prepared certificate: a Byzantine quorum of PREPAREs of one view over the report."""

    view: View
    report: Report
    prepares: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The committed report; `commits` are the wire forms that prove it to others."""

    view: View
    report: Report
    commits: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochState:
    """All that this node knows and has promised in one epoch."""

    epoch: Epoch
    # What this node found out by itself
    cut: Cut | None = None
    stall_turns_count: int = 0
    stalled_cuts: Mapping[Hash32, Cut] = field(default_factory=dict)
    observation: Observation | None = None
    salts: Mapping[View, Hash32] = field(default_factory=dict)
    # Where it stands
    view: View = FIRST_VIEW
    votes: Mapping[tuple[MessageKind, View], Vote] = field(default_factory=dict)
    prepared: Prepared | None = None
    decision: Decision | None = None
    is_abstaining: bool = False
    # What it was told
    inbox: Mapping[InboxKey, SignedMessage] = field(default_factory=dict)
    wishes: Mapping[NodeId, SignedMessage] = field(default_factory=dict)
    attestations: Mapping[NodeId, SignedMessage] = field(default_factory=dict)
    foreign_cuts: Mapping[NodeId, Hash32] = field(default_factory=dict)
    # What follows from that
    new_views: Mapping[View, Report | None] = field(default_factory=dict)
    valid: Mapping[View, Report] = field(default_factory=dict)
    reports: Mapping[Hash32, Report] = field(default_factory=dict)
    outcomes: Mapping[Hash32, tuple[Score, ...]] = field(default_factory=dict)
    store: Store = field(default_factory=lambda: Store(digests={}, bodies={}))
    evidence: Mapping[Hash32, tuple[SignedMessage, ...]] = field(default_factory=dict)
    agreed: Observation | None = None
    dropped_observers: Mapping[View, frozenset[NodeId]] = field(default_factory=dict)
    # What is under way or done
    fired: frozenset[Timer] = frozenset()
    done: frozenset[object] = frozenset()
    landed: frozenset[ChainId] = frozenset()
    resends_count: int = 0

    @property
    def cut_hash(self) -> Hash32:
        """Return the hash of this node's cut or, without one, of the decision's.

        Raises:
            LocalProtocolError: if there is neither.
        """
        if self.cut is not None:
            return self.cut.hash
        if self.decision is not None:
            return self.decision.report.cut_hash
        raise LocalProtocolError(f"epoch {self.epoch}: nothing can be sent before the cut is derived")

    @property
    def wished_view(self) -> View:
        """Return the highest view that this node wished for, or stands in."""
        wished = (view for kind, view in self.votes if kind is MessageKind.VIEW_WISH)
        return max(self.view, max(wished, default=View(0)))

    @property
    def may_vote(self) -> bool:
        """Return whether this node still votes in its view: it has the cut, no decision, and no wish to leave (C-06)."""
        return (
            self.cut is not None and not self.is_abstaining and self.decision is None and self.wished_view == self.view
        )

    @property
    def is_open(self) -> bool:
        """Return whether a fresh outcome may be proposed in this view: the first one, or one whose NEW_VIEW carries nothing prepared."""
        return self.view == 0 or self.new_views.get(self.view, ...) is None

    def has_voted(self, kind: MessageKind) -> bool:
        """Return whether this node is bound in its view for this kind."""
        return (kind, self.view) in self.votes

    def received(self, kind: MessageKind) -> dict[NodeId, SignedMessage]:
        """Return the messages of a kind in this view, by sender."""
        return {who: m for (k, view, who), m in self.inbox.items() if k is kind and view == self.view}

    def has_fired(self, kind: TimerKind) -> bool:
        """Return whether a timer of this view has elapsed."""
        return Timer(kind=kind, epoch=self.epoch, view=self.view) in self.fired


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """The whole state of the protocol at one node; `epoch` is the newest that its clock reached, None before the first."""

    local: Local
    epoch: Epoch | None = None
    epochs: Mapping[Epoch, EpochState] = field(default_factory=dict)


type Step = tuple[EpochState, tuple[Effect, ...]]


def new_node(committee: Committee, node: NodeId, timing: Timing) -> NodeState:
    """Return the state of a node that never ran before."""
    return NodeState(local=Local(committee=committee, node=node, timing=timing))


def put[K, V](mapping: Mapping[K, V], key: K, value: V) -> dict[K, V]:
    """Return a copy of `mapping` with one more item."""
    return {**mapping, key: value}


def draft(local: Local, state: EpochState, body: Body, *, view: View | None = None) -> Message:
    """Return a message of this node in its view."""
    return Message(
        config_digest=local.committee.config_digest,
        epoch=state.epoch,
        view=state.view if view is None else view,
        cut_hash=state.cut_hash,
        sender=local.node,
        body=body,
    )


def send_vote(local: Local, state: EpochState, message: Message, *, note: bytes, to: tuple[NodeId, ...]) -> Step:
    """Bind this node to a message, then send it.

    Raises:
        LocalProtocolError: if it is already bound to another one of this kind and view (C-05).
    """
    state, effect = bind(state, message, note=note)
    return state, (effect, Send(message=message, to=to))


def bind(state: EpochState, message: Message, *, note: bytes) -> tuple[EpochState, PersistVote]:
    """Record the vote for a message; see `send_vote`."""
    key = (message.kind, message.view)
    if key in state.votes:
        raise LocalProtocolError(f"epoch {state.epoch}: a second {message.kind.name} in view {message.view}")
    vote = Vote(
        config_digest=message.config_digest,
        epoch=message.epoch,
        view=message.view,
        kind=message.kind,
        cut_hash=message.cut_hash,
        body_hash=keccak256(message.encoded_body),
        note=note,
    )
    return replace(state, votes=put(state.votes, key, vote)), PersistVote(vote=vote)


def once(state: EpochState, mark: object) -> EpochState:
    """Record that something was done, so that it is not done again."""
    return replace(state, done=state.done | {mark})


def is_answered(state: EpochState, signed: SignedMessage, *what: object) -> bool:
    """Return whether the sender of a message got `what` since the last repetition."""
    return ("answered", signed.sender, *what) in state.done


def mark_answered(state: EpochState, signed: SignedMessage, whats: Iterable[tuple[object, ...]]) -> EpochState:
    """Record what the sender of a message gets, until the next repetition: so one node cannot make another send without end (C-14)."""
    return replace(state, done=state.done.union(("answered", signed.sender, *what) for what in whats))


def alarm_once(state: EpochState, reason: AlarmReason) -> Step | None:
    """Raise an alarm the first time in an epoch, None later."""
    if reason in state.done:
        return None
    return once(state, reason), (Alarm(epoch=state.epoch, reason=reason),)


def start_timer(state: EpochState, kind: TimerKind, delay_ms: int) -> Step | None:
    """Start a timer of this view the first time, None later."""
    timer = Timer(kind=kind, epoch=state.epoch, view=state.view)
    if timer in state.done:
        return None
    return once(state, timer), (SetTimer(timer=timer, delay_ms=delay_ms),)


def enter_view(local: Local, state: EpochState, view: View) -> Step:
    """Move to a view, start its timers, and forget messages of views long past."""
    inbox = {key: message for key, message in state.inbox.items() if key[1] + MAX_VIEWS_BEHIND >= view}
    state = replace(state, view=view, inbox=inbox, resends_count=0)
    view_timer = Timer(kind=TimerKind.VIEW, epoch=state.epoch, view=view)
    resend = Timer(kind=TimerKind.RESEND, epoch=state.epoch, view=ANY_VIEW)
    return state, (
        SetTimer(timer=view_timer, delay_ms=local.timing.view_timeout_of_ms(view)),
        SetTimer(timer=resend, delay_ms=local.timing.resend_ms),
    )
