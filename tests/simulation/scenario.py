"""Scenarios: which nodes are faulty how, and the weather of each epoch; all drawn from one seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from oracle.domain.units import Epoch, NodeId
from tests.simulation.faults import FAULTS, LIES, both
from tests.simulation.network import Conditions, Network
from tests.simulation.world import make_committee

EPOCH_MS = 60_000
CHAOS_MS = 8_000


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a run did."""

    epochs_count: int
    later_views_count: int
    crashes_count: int
    messages_count: int
    blames_count: int


def make_network(n: int, seed: int, *, fault: str, lie: str = "", crashing_count: int = 0) -> Network:
    """Return a committee of which f nodes are Byzantine in the same way; `fault` may name several, joined by +."""
    rng = random.Random(f"nodes {n} {seed}")
    committee = make_committee(n)
    members = list(committee.members)
    rng.shuffle(members)
    bad = members[: committee.f]
    names = [name for name in fault.split("+") if name]
    return Network(
        committee=committee,
        seed=seed,
        byzantine={node: both(*(FAULTS[name] for name in names)) for node in bad} if names else {},
        liars=dict.fromkeys(bad, LIES[lie]) if lie else {},
        crashing=set(members[committee.f : committee.f + crashing_count]),
    )


def draw_weather(rng: random.Random, network: Network, *, skew_percent: int) -> Conditions:
    """Return the weather of the first part of an epoch: calm one time in four."""
    crash_permille = 15 if network.crashing else 0
    if rng.randrange(4) == 0:
        return Conditions(crash_permille=crash_permille, skew_percent=skew_percent)
    members = network.committee.members
    if rng.randrange(4) == 0:
        lucky = rng.choice(network.honest)
        return Conditions(lucky=lucky, crash_permille=crash_permille, skew_percent=skew_percent)
    parted = frozenset(NodeId(m) for m in members if rng.randrange(3) == 0) if rng.randrange(3) == 0 else frozenset()
    return Conditions(
        delay_ms=rng.choice([30, 200, 800]),
        loss_percent=rng.choice([0, 10, 40]),
        duplicate_percent=rng.choice([0, 20]),
        crash_permille=crash_permille,
        skew_percent=skew_percent,
        partition=parted,
    )


def run(
    network: Network, epochs_count: int, *, skew_percent: int = 0, check_liveness: bool = True, stall: str = ""
) -> Figures:
    """Run epochs; each begins in bad weather, and must be decided and attested by every honest node once it is calm.

    `stall`: a chain stands still in every epoch, "lasting", or "passing" and going on about when the nodes give it up.
    """
    rng = random.Random(f"weather {network.seed}")
    for number in range(1, epochs_count + 1):
        epoch = Epoch(1_000 + number)
        start_ms = network.now_ms
        resumes_ms = start_ms + rng.randrange(500, 6_000) if stall == "passing" else None
        weather = draw_weather(rng, network, skew_percent=skew_percent)
        network.weather = replace(weather, is_stalled=bool(stall), resumes_ms=resumes_ms)
        network.start_epoch(epoch)
        network.run_until(start_ms + CHAOS_MS)
        network.weather = Conditions(skew_percent=skew_percent, is_stalled=bool(stall), resumes_ms=resumes_ms)
        network.run_until(start_ms + EPOCH_MS)
        if check_liveness:
            _check_liveness(network, epoch)
    checks = network.checks
    return Figures(
        epochs_count=len(checks.decided),
        later_views_count=sum(view > 0 for view in checks.views.values()),
        crashes_count=network.crashes_count,
        messages_count=network.messages_count,
        blames_count=len(checks.blames),
    )


def _check_liveness(network: Network, epoch: Epoch) -> None:
    honest = set(network.honest)
    assert network.checks.agreed_by[epoch] == honest, f"C-11 epoch {epoch} was not agreed by all"
    assert network.checks.attested_by[epoch] == honest, f"C-11 epoch {epoch} was not attested for all"
    for chain_id in network.committee.chain_ids:
        assert (chain_id, epoch) in network.landed, f"C-11 epoch {epoch} did not land on {chain_id}"
