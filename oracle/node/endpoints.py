"""Endpoints as their operator has to see them: who fails, who was proven wrong, who lags, and how far this machine's clock is from theirs.

A third endpoint that lies or fails changes no score, and nobody would miss it until a second one does. So what is wrong with each is logged when it
begins and when it ends, and counted in the metrics.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

from oracle.chain.checked import CheckedChain
from oracle.chain.rpc import RpcEndpoint
from oracle.domain.units import ChainId
from oracle.node.logs import get_log

LOOK_S = 1.0
LAG_TOLERANCE_S = 900
"""Finality moves in steps of up to some minutes, which two providers see at different moments."""
CLOCK_TOLERANCE_S = 60


class EndpointWatch:
    """Looks at the endpoints of every chain; cheap enough to be asked every second."""

    def __init__(
        self, chains: Mapping[ChainId, CheckedChain], endpoints: Mapping[ChainId, tuple[RpcEndpoint, ...]]
    ) -> None:
        self._chains = chains
        self._endpoints = endpoints
        self._failing: dict[tuple[ChainId, str], str] = {}
        self._outvoted: dict[tuple[ChainId, str], int] = {}
        self._log = get_log()

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Log what has changed since the last look."""
        for chain_id, chain in self._chains.items():
            for endpoint in self._endpoints[chain_id]:
                self._look_at((chain_id, endpoint.name), chain)

    def troubles(self) -> list[tuple[str, str]]:
        """Return what keeps this node behind or gives it a wrong time, as (code, words)."""
        found = [("endpoint_behind", words) for words in self.describe_lags()]
        offset_s = self.clock_offset_s()
        if offset_s is not None and abs(offset_s) > CLOCK_TOLERANCE_S:
            found.append(("clock_off", describe_offset(offset_s)))
        return found

    def describe_lags(self) -> Iterator[str]:
        """Yield a sentence for each chain that is held back by an endpoint far behind another."""
        for chain_id, chain in self._chains.items():
            heads = sorted(chain.heads.items(), key=lambda item: item[1].number, reverse=True)
            if len(heads) < 2:
                continue
            (best_name, best), (name, agreed) = heads[0], heads[1]
            if best.time_s - agreed.time_s > LAG_TOLERANCE_S:
                yield (
                    f"chain {chain_id}: endpoint {name} is {best.number - agreed.number} blocks "
                    f"({best.time_s - agreed.time_s} s) behind {best_name}, and nothing is believed on the word of one: "
                    f"wait until it has caught up, or replace it; if a block explorer has it right, replace {best_name}"
                )

    def clock_offset_s(self) -> float | None:
        """Return by how much this machine's clock is ahead of what most endpoints say, None if fewer than two say it."""
        offsets = [e.clock_offset_s for group in self._endpoints.values() for e in group]
        known = [offset for offset in offsets if offset is not None]
        return median(known) if len(known) >= 2 else None

    def collect(self) -> Iterator[Any]:
        """Yield the families of metrics."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        labels = ["chain", "endpoint"]
        calls = CounterMetricFamily("assay_endpoint_calls", "JSON-RPC calls", labels=labels)
        received = CounterMetricFamily("assay_endpoint_received_bytes", "Bytes of answers", labels=labels)
        failures = CounterMetricFamily("assay_endpoint_failures", "Requests that failed", labels=labels)
        outvoted = CounterMetricFamily("assay_endpoint_outvoted", "Answers outvoted or proven wrong", labels=labels)
        heads = GaugeMetricFamily("assay_endpoint_finalised_block", "Its newest finalised block", labels=labels)
        for chain_id, group in self._endpoints.items():
            chain = self._chains[chain_id]
            for endpoint in group:
                key = [str(chain_id), endpoint.name]
                calls.add_metric(key, endpoint.counters.calls_count)
                received.add_metric(key, endpoint.counters.received_bytes)
                failures.add_metric(key, endpoint.counters.failures_count)
                outvoted.add_metric(key, chain.disagreements.get(endpoint.name, 0))
                if endpoint.name in chain.heads:
                    heads.add_metric(key, chain.heads[endpoint.name].number)
        yield from (calls, received, failures, outvoted, heads)

    def _look_at(self, key: tuple[ChainId, str], chain: CheckedChain) -> None:
        chain_id, name = key
        outvoted = chain.disagreements.get(name, 0)
        if outvoted > self._outvoted.get(key, 0):
            self._log.warning("endpoint proven wrong", chain=chain_id, endpoint=name, times=outvoted)
        self._outvoted[key] = outvoted
        failure, before = chain.last_failures.get(name, ""), self._failing.get(key, "")
        if failure and not before:
            self._log.warning("endpoint fails", chain=chain_id, error=failure)
        elif before and not failure:
            self._log.info("endpoint answers again", chain=chain_id, endpoint=name)
        self._failing[key] = failure


def describe_offset(offset_s: float) -> str:
    """Return how far off this clock is, and what to do."""
    way = "ahead of" if offset_s > 0 else "behind"
    return f"this clock is {abs(offset_s):.0f} s {way} what the endpoints' answers are dated: set the time (NTP)"
