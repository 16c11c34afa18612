"""Everything that goes into and comes out of `step`: the whole contract between the protocol and its shell.

The shell performs effects strictly in the order given. A `PersistVote` or `PersistOutcome` must be on disk before any later effect is performed; if that fails, none
of the later ones may be. A `Send` whose `to` names this node is signed like any other and comes back as `MessageReceived`. No effect is ever cancelled: a
timer, cut or salt that is no longer wanted is ignored when it arrives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum

from oracle.consensus.bodies import MessageKind
from oracle.consensus.messages import Message, SignedMessage
from oracle.domain.ids import Hash32, SubjectId
from oracle.domain.report import Cut, Report
from oracle.domain.score import Score
from oracle.domain.units import ChainId, Epoch, NodeId, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """A promise that binds this node: what it signed of one kind in one view (view 0 for an attestation and for a stalled cut).

    At most one exists for (config_digest, epoch, view, kind): the store uses that as its key, refuses another `body_hash` under it, and returns all votes of
    recent epochs to `recovery.restore`. `note` is opaque: what the node needs to repeat the message and to go on.
    """

    config_digest: Hash32
    epoch: Epoch
    view: View
    kind: MessageKind
    cut_hash: Hash32
    body_hash: Hash32
    note: bytes


class TimerKind(StrEnum):
    """What a timer is for."""

    VIEW = "view"
    COMMITMENTS = "commitments"
    REVEALS = "reveals"
    BODIES = "bodies"
    RESEND = "resend"
    TRANSMIT = "transmit"
    STALL = "stall"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Names one timer; setting it again replaces it. `chain_id` only for TRANSMIT."""

    kind: TimerKind
    epoch: Epoch
    view: View
    chain_id: ChainId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryReached:
    """The local clock passed the epoch's boundary. Epochs start in ascending order; send it also for the current epoch after a restart."""

    epoch: Epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class CutDerived:
    """Answer to RequestCut: every chain has its finalised cut."""

    cut: Cut


@dataclass(frozen=True, slots=True, kw_only=True)
class StalledCutFound:
    """Answer to RequestStalledCut: the cut of each chain that has one, the finalised head of each other, which is marked as stalled."""

    cut: Cut


@dataclass(frozen=True, slots=True, kw_only=True)
class CutChecked:
    """Answer to CheckCut."""

    cut: Cut
    is_confirmed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationReady:
    """Answer to RequestObservation: this node's scores at the cut, in any order, one for each subject."""

    epoch: Epoch
    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SaltDrawn:
    """Answer to DrawSalt: 32 bytes from the operating system's secure randomness."""

    epoch: Epoch
    view: View
    salt: Hash32


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived:
    """A decoded message, every claim of which was verified; from a peer, or our own come back."""

    signed: SignedMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired:
    """A timer set by SetTimer elapsed."""

    timer: Timer


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationSigned:
    """Answer to SignAttestation: 65 bytes over the report's hash."""

    epoch: Epoch
    report_hash: Hash32
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LandedOnChain:
    """The report of this epoch, or of a later one, is finalised or safely included on the destination chain."""

    chain_id: ChainId
    epoch: Epoch


Event = (
    BoundaryReached | CutDerived | StalledCutFound | CutChecked | ObservationReady | SaltDrawn | MessageReceived
    | TimerFired | AttestationSigned | LandedOnChain
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PersistVote:
    """Write the vote, synchronously, before any later effect."""

    vote: Vote


@dataclass(frozen=True, slots=True, kw_only=True)
class PersistOutcome:
    """Write the entries under `scores_root` (a bucket body: `score.decode_scores` reads it) before any later effect; given back to `restore`."""

    epoch: Epoch
    scores_root: Hash32
    entries: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Sign `message` and send it to each of `to`, in no order; losing it is allowed, changing it is not."""

    message: Message
    to: tuple[NodeId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTimer:
    """Fire `timer` once after `delay_ms`."""

    timer: Timer
    delay_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCut:
    """Derive the epoch's cut from finalised blocks and answer CutDerived, whenever that becomes possible."""

    epoch: Epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestStalledCut:
    """Some chain had no cut in time. Find what can be scored without it and answer StalledCutFound; never, if every chain gets its cut first."""

    epoch: Epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckCut:
    """Compare another node's stalled cut with this node's finalised blocks, and answer CutChecked as soon as they decide it.

    A live chain: the block is the cut derived here. A stalled one: no cut can be derived here, and the block is the last finalised one at or before the boundary. A
    block that is not finalised here yet, or a live chain without a cut, decides nothing yet.
    """

    cut: Cut


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestObservation:
    """Compute this node's scores at the cut and answer ObservationReady."""

    cut: Cut


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawSalt:
    """Draw a fresh salt and answer SaltDrawn."""

    epoch: Epoch
    view: View


@dataclass(frozen=True, slots=True, kw_only=True)
class SignAttestation:
    """Sign `report.hash` itself, not a message, and answer AttestationSigned."""

    report: Report


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeAgreed:
    """The epoch is decided and its entries are here, ascending by subject; emitted once."""

    report: Report
    scores: tuple[Score, ...]
    view: View


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """At least q attestations of the report exist, by member id; emitted once."""

    report: Report
    attestations: Mapping[NodeId, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transmit:
    """It is this node's turn to bring the report to a chain, if the delivery policy wants it there."""

    chain_id: ChainId
    report: Report
    attestations: Mapping[NodeId, bytes]


class BlameReason(Enum):
    """What a node is blamed for."""

    DIFFERENT_ENTRY = "scored a subject differently"
    MISSING_ENTRY = "left a subject out"
    EXTRA_ENTRY = "scored a subject that is not in the outcome"
    EQUIVOCATION = "signed two conflicting messages"
    BAD_PROPOSAL = "proposed what does not follow from its evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """A node's evidence differs from the outcome or contradicts itself; `node` may be this node.

    For entries: the first differing `subject` (of those compared), `field` the first differing score field, `theirs` and `agreed` the whole scores.
    """

    epoch: Epoch
    node: NodeId
    reason: BlameReason
    evidence: tuple[SignedMessage, ...]
    subject: SubjectId | None = None
    field: str = ""
    theirs: Score | None = None
    agreed: Score | None = None
    differing_subjects_count: int = 0


class AlarmReason(Enum):
    """Why an operator should look now."""

    CUT_MISMATCH = "a quorum scores other blocks than this node: its chain data or finality is wrong"
    CHAIN_STALLED = "a chain had no cut in time: the epoch is scored without what depends on it"
    CUT_CHANGED = "finalised blocks changed after this node voted: it abstains from the epoch"
    OBSERVATION_CHANGED = "recomputed entries differ from those this node committed to"
    NO_ENTRIES = "no entry of this epoch is supported by f+1 nodes"
    EPOCH_MISSED = "the epoch was retired without an outcome"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something is wrong that the protocol survives."""

    epoch: Epoch
    reason: AlarmReason


Effect = (
    PersistVote | PersistOutcome | Send | SetTimer | RequestCut | RequestStalledCut | CheckCut | RequestObservation
    | DrawSalt | SignAttestation | OutcomeAgreed | Attested | Transmit | Blame | Alarm
)  # fmt: skip
