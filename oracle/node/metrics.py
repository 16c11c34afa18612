"""Metrics in Prometheus text, read from the node's status when they are asked for; nothing is counted twice.

`prometheus-client` belongs to the `api` extra; without it there is no /metrics, and the node works the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from oracle.domain.units import NodeId
from oracle.node.authentication import DropCounters
from oracle.node.endpoints import EndpointWatch
from oracle.node.health import Health, process_cpu_s
from oracle.node.model_watch import ModelWatch
from oracle.node.purse import Purse
from oracle.node.status import NodeStatus
from oracle.node.stores import Stores
from oracle.node.transport import PeerSender


class MetricsSource:
    """Collects the present state of a node."""

    def __init__(
        self,
        status: NodeStatus,
        drops: DropCounters,
        peers: Mapping[NodeId, PeerSender],
        health: Health,
        endpoints: EndpointWatch,
        purse: Purse,
        models: ModelWatch | None = None,
        stores: Stores | None = None,
    ) -> None:
        self._status = status
        self._drops = drops
        self._peers = peers
        self._health = health
        self._endpoints = endpoints
        self._purse = purse
        self._models = models
        self._stores = stores

    def collect(self) -> Iterator[Any]:
        """Yield the families of metrics; called by the registry."""
        yield from self._protocol()
        yield from self._chains()
        yield from self._endpoints.collect()
        yield from self._spending()
        yield from self._members()
        yield from self._phases()
        if self._stores is not None:
            yield from self._sent_beside(self._stores)
        if self._models is not None:
            yield from self._models.collect()

    def _protocol(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        status = self._status
        yield GaugeMetricFamily("assay_epoch", "Newest epoch that the clock reached", value=status.newest_epoch or 0)
        yield GaugeMetricFamily("assay_agreed_epoch", "Newest agreed epoch", value=status.agreed_epoch or 0)
        yield CounterMetricFamily("assay_epochs_agreed", "Epochs agreed since start", value=status.agreed_count)
        yield CounterMetricFamily("assay_epochs_missed", "Epochs without an outcome", value=status.missed_count)
        yield CounterMetricFamily("assay_blames", "Nodes caught with a difference", value=status.blames_count)
        yield CounterMetricFamily("assay_cpu_seconds", "Processor time of the node", value=process_cpu_s())
        troubles = GaugeMetricFamily("assay_trouble", "Troubles of the node by code", labels=["code"])
        for code, times in sorted(Counter(trouble.code for trouble in self._health.troubles()).items()):
            troubles.add_metric([code], times)
        yield troubles

    def _chains(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        heads = GaugeMetricFamily("assay_finalised_block", "Newest finalised block indexed", labels=["chain"])
        landed = GaugeMetricFamily("assay_landed_epoch", "Newest epoch seen on the chain", labels=["chain"])
        failures = CounterMetricFamily("assay_chain_failures", "Failed reads of the chain", labels=["chain"])
        ranges = GaugeMetricFamily("assay_snapshot_ranges", "Ranges that a snapshot brought", labels=["chain"])
        compared = GaugeMetricFamily(
            "assay_snapshot_compared_ranges", "Of those, compared with the endpoints", labels=["chain"]
        )
        for chain_id, chain in self._status.chains.items():
            ranges.add_metric([str(chain_id)], chain.snapshot_ranges_count)
            compared.add_metric([str(chain_id)], chain.snapshot_compared_count)
            heads.add_metric([str(chain_id)], chain.head_number)
            landed.add_metric([str(chain_id)], chain.landed_epoch)
            failures.add_metric([str(chain_id)], chain.failures_count)
        yield from (heads, landed, failures, ranges, compared)

    def _spending(self) -> Iterator[Any]:
        from prometheus_client.core import GaugeMetricFamily

        spent = GaugeMetricFamily("assay_spent_wei", "Fees paid in the last 24 hours", labels=["chain"])
        reserved = GaugeMetricFamily("assay_reserved_wei", "Fees that may be due yet", labels=["chain"])
        cap = GaugeMetricFamily("assay_daily_cap_wei", "The operator's cap for 24 hours", labels=["chain"])
        for chain_id in self._status.chains:
            balance = self._purse.balance(chain_id)
            spent.add_metric([str(chain_id)], balance.spent_wei)
            reserved.add_metric([str(chain_id)], balance.reserved_wei)
            cap.add_metric([str(chain_id)], balance.cap_wei)
        yield from (spent, reserved, cap)

    def _sent_beside(self, stores: Stores) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        counts = GaugeMetricFamily("assay_demands", "Demands of vectors by how they ended", labels=["chain", "ending"])
        for chain_id in self._status.chains:
            for ending, count in stores.demands.counts(chain_id).items():
                counts.add_metric([str(chain_id), ending.value], count)
        kept = CounterMetricFamily("assay_kept_calls", "Refreshes of contracts kept in step", labels=["chain"])
        for chain_id in self._status.chains:
            kept.add_metric([str(chain_id)], stores.keeping.calls_count(chain_id))
        yield from (counts, kept)

    def _members(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        dropped = CounterMetricFamily("assay_messages_dropped", "Dropped messages", labels=["member", "reason"])
        for (member, reason), count in self._drops.counts.items():
            dropped.add_metric(["unknown" if member is None else str(member), reason.value], count)
        sent = CounterMetricFamily("assay_messages_sent", "Messages taken by a peer", labels=["member"])
        reachable = GaugeMetricFamily("assay_peer_reachable", "Whether the last request succeeded", labels=["member"])
        for member, peer in self._peers.items():
            sent.add_metric([str(member)], peer.sent)
            reachable.add_metric([str(member)], int(peer.is_reachable or False))
        yield from (dropped, sent, reachable)

    def _phases(self) -> Iterator[Any]:
        from prometheus_client.core import GaugeMetricFamily

        phases = GaugeMetricFamily(
            "assay_phase_ms", "Milliseconds from the boundary to a phase of the newest agreed epoch", labels=["phase"]
        )
        agreed = self._status.agreed_epoch
        epoch = self._status.epochs.get(agreed) if agreed is not None else None
        for phase, elapsed_ms in (epoch.phases_ms if epoch is not None else {}).items():
            phases.add_metric([phase], elapsed_ms)
        yield phases


def make_exposition(source: MetricsSource) -> Callable[[], bytes] | None:
    """Return a function that gives the metrics as text, None without prometheus-client."""
    if find_spec("prometheus_client") is None:
        return None
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    registry.register(source)
    return lambda: generate_latest(registry)
