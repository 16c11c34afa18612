"""Phase 6, transmit: who brings the report to a chain first, and who steps in.

For each chain and epoch the nodes are ordered by a keyed hash; each position waits one stage longer than the one before. A node whose turn comes transmits unless the
report has landed, and comes round again after n stages. Source: `tests/vectors/FORMATS.md`, section 10; libocr `transmission.go`.
"""

from __future__ import annotations

from oracle.consensus.committee import Committee
from oracle.consensus.events import SetTimer, Timer, Transmit
from oracle.consensus.state import EpochState, Local, Step
from oracle.domain.ids import Hash32, keccak256, uint_word
from oracle.domain.units import ChainId, Epoch, NodeId


def compute_order(config_digest: Hash32, epoch: Epoch, chain_id: ChainId, n: int) -> tuple[NodeId, ...]:
    """Return the members in the order in which they transmit to a chain."""
    head = config_digest + uint_word(epoch) + uint_word(chain_id)
    keys = {node: keccak256(head + uint_word(node)) for node in range(n)}
    return tuple(NodeId(node) for node in sorted(keys, key=lambda node: keys[node]))


def stage_of(committee: Committee, epoch: Epoch, chain_id: ChainId, node: NodeId) -> int:
    """Return a node's position, 0 first."""
    return compute_order(committee.config_digest, epoch, chain_id, committee.n).index(node)


def on_turn(local: Local, state: EpochState, timer: Timer, signatures: dict[NodeId, bytes]) -> Step:
    """Transmit if the report has not landed, and come round again."""
    if timer.chain_id is None or timer.chain_id in state.landed or state.decision is None:
        return state, ()
    transmit = Transmit(chain_id=timer.chain_id, report=state.decision.report, attestations=signatures)
    round_ms = local.committee.n * local.timing.stage_ms
    return state, (transmit, SetTimer(timer=timer, delay_ms=round_ms))
