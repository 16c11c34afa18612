"""The committee as the protocol sees it, and how long this node waits.

The leader rotates with epoch and view, so that a faulty one leads neither every epoch nor two views in a row.
"""

from __future__ import annotations

from dataclasses import dataclass

from oracle.consensus import quorum
from oracle.domain.committee import CommitteeConfig
from oracle.domain.ids import Hash32
from oracle.domain.units import ChainId, Epoch, NodeId, View

MAX_DOUBLINGS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Committee:
    """Size, fault bound and attestation quorum of the committee with this digest; `chain_ids` are the destinations."""

    config_digest: Hash32
    n: int
    f: int
    q: int
    chain_ids: tuple[ChainId, ...]

    @property
    def members(self) -> tuple[NodeId, ...]:
        """Return every member id."""
        return tuple(NodeId(i) for i in range(self.n))

    @property
    def observation_quorum(self) -> int:
        """Return 2f + 1."""
        return quorum.observation_quorum(self.f)

    @property
    def byzantine_quorum(self) -> int:
        """Return (n + f) // 2 + 1."""
        return quorum.byzantine_quorum(self.n, self.f)

    @property
    def honest_witness_quorum(self) -> int:
        """Return f + 1."""
        return quorum.honest_witness_quorum(self.f)

    def leader(self, epoch: Epoch, view: View) -> NodeId:
        """Return who leads a view: member (epoch + view) mod n."""
        return NodeId((epoch + view) % self.n)


def committee_of(config: CommitteeConfig) -> Committee:
    """Return the protocol's view of a configuration; every configured chain is a destination."""
    return Committee(
        config_digest=config.digest,
        n=config.n,
        f=config.f,
        q=config.q,
        chain_ids=tuple(chain.chain_id for chain in config.params.chains),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Local waiting times; none of them concerns safety.

    `view_timeout_ms` must exceed grace, fetch and a few round trips; it doubles with each view. `grace_ms`: how long a leader that has 2f+1 commitments or
    reveals waits for the rest. `fetch_ms`: how long it waits for bodies. `stage_ms`: between two transmitters. `stall_ms`: how long after the boundary a
    chain without a cut counts as stalled.
    """

    view_timeout_ms: int
    grace_ms: int
    fetch_ms: int
    resend_ms: int
    stage_ms: int
    stall_ms: int

    def view_timeout_of_ms(self, view: View) -> int:
        """Return how long a view may last."""
        return self.view_timeout_ms << min(view, MAX_DOUBLINGS)


SANDBOX_TIMING = Timing(
    view_timeout_ms=6_000, grace_ms=400, fetch_ms=800, resend_ms=1_000, stage_ms=2_000, stall_ms=12_000
)
MAINNET_TIMING = Timing(
    view_timeout_ms=60_000, grace_ms=10_000, fetch_ms=10_000, resend_ms=5_000, stage_ms=60_000, stall_ms=1_800_000
)
