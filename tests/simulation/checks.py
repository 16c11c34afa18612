"""What must hold in every run, checked as it happens; invariant ids are those of `oracle/consensus/README.md`."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from oracle.consensus.bodies import AttestationBody, MessageKind
from oracle.consensus.events import Attested, Blame, BlameReason, OutcomeAgreed, Vote
from oracle.consensus.messages import Message
from oracle.domain.ids import Hash32, keccak256
from oracle.domain.merkle import MerkleTree
from oracle.domain.score import Score, ScoreKind
from oracle.domain.units import Epoch, NodeId, View
from oracle.errors import PeerProtocolError
from tests.simulation.world import stalled_cut_of

BINDING = (
    MessageKind.CUT,
    MessageKind.COMMITMENT,
    MessageKind.CLOSED_SET,
    MessageKind.REVEAL,
    MessageKind.PROPOSAL,
    MessageKind.PREPARE,
    MessageKind.COMMIT,
    MessageKind.VIEW_WISH,
    MessageKind.NEW_VIEW,
)


@dataclass
class Checks:
    """Observes everything that honest nodes sign and output; asserts at once."""

    signed: dict[tuple[NodeId, MessageKind, Epoch, View], Hash32] = field(default_factory=dict)
    wished: dict[tuple[NodeId, Epoch], View] = field(default_factory=dict)
    voted: set[tuple[NodeId, MessageKind, Epoch, View]] = field(default_factory=set)
    decided: dict[Epoch, Hash32] = field(default_factory=dict)
    agreed_by: dict[Epoch, set[NodeId]] = field(default_factory=lambda: defaultdict(set))
    attested_by: dict[Epoch, set[NodeId]] = field(default_factory=lambda: defaultdict(set))
    honest_leaves: dict[Epoch, set[Hash32]] = field(default_factory=lambda: defaultdict(set))
    views: dict[Epoch, View] = field(default_factory=dict)
    stalled: dict[Epoch, int] = field(default_factory=dict)
    blames: list[Blame] = field(default_factory=list)
    dropped_count: int = 0

    def on_scores(self, epoch: Epoch, scores: tuple[Score, ...]) -> None:
        self.honest_leaves[epoch].update(score.leaf for score in scores)

    def on_sign(self, node: NodeId, message: Message, disk: dict[tuple[Epoch, View, MessageKind], Vote]) -> None:
        """C-05: nothing binding is signed twice differently, nor before its vote is on disk. C-15: no cut but what the blocks say."""
        if message.kind is MessageKind.CUT:
            assert message.cut_hash == stalled_cut_of(message.epoch).hash, "C-15"
        if isinstance(message.body, AttestationBody):
            key = (node, message.kind, message.epoch, View(0))
            assert self.signed.setdefault(key, message.body.report_hash) == message.body.report_hash, "C-05"
            assert message.body.report_hash == self.decided[message.epoch], "C-08"
            return
        if message.kind not in BINDING:
            return
        key = (node, message.kind, message.epoch, message.view)
        assert self.signed.setdefault(key, message.digest) == message.digest, f"C-05 {key}"
        vote = disk[message.epoch, message.view, message.kind]
        assert vote.body_hash == keccak256(message.encoded_body), "C-05"
        self._check_promise(node, message, key)

    def on_agreed(self, node: NodeId, effect: OutcomeAgreed) -> None:
        """C-01 and C-04: one outcome per epoch, and every leaf of it was computed in full by an honest node."""
        report = effect.report
        assert self.decided.setdefault(report.epoch, report.hash) == report.hash, f"C-01 epoch {report.epoch}"
        assert {score.leaf for score in effect.scores} <= self.honest_leaves[report.epoch], "C-04"
        counts = [sum(s.kind is kind for s in effect.scores) for kind in (ScoreKind.BORROWER, ScoreKind.COLLATERAL)]
        assert [report.borrowers, report.collaterals] == counts, "C-04"
        assert MerkleTree(score.leaf for score in effect.scores).root == report.scores_root, "C-04"
        self.agreed_by[report.epoch].add(node)
        self.stalled[report.epoch] = report.stalled_chains
        self.views[report.epoch] = max(self.views.get(report.epoch, View(0)), effect.view)

    def on_attested(self, node: NodeId, effect: Attested, q: int) -> None:
        assert effect.report.hash == self.decided[effect.report.epoch], "C-08"
        assert len(effect.attestations) >= q, "C-08"
        self.attested_by[effect.report.epoch].add(node)

    def on_blame(self, blame: Blame, byzantine: set[NodeId]) -> None:
        """C-10: equivocation and bad proposals are only ever blamed on nodes that did it."""
        if blame.reason in (BlameReason.EQUIVOCATION, BlameReason.BAD_PROPOSAL):
            assert blame.node in byzantine, f"C-10 {blame.reason} of honest node {blame.node}"
        self.blames.append(blame)

    def on_dropped(self, error: PeerProtocolError, byzantine: set[NodeId]) -> None:
        assert error.sender in byzantine, f"C-10 honest node {error.sender}: {error.reason}"
        self.dropped_count += 1

    def _check_promise(self, node: NodeId, message: Message, key: tuple[NodeId, MessageKind, Epoch, View]) -> None:
        """C-06: a node that wished to leave a view casts no new vote in it (repeating an old one is allowed)."""
        place = (node, message.epoch)
        if message.kind is MessageKind.VIEW_WISH:
            self.wished[place] = max(self.wished.get(place, View(0)), message.view)
        elif message.kind is not MessageKind.CUT and key not in self.voted:
            assert message.view >= self.wished.get(place, View(0)), f"C-06 {key}"
        self.voted.add(key)
