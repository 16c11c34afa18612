"""What `/metrics` shows of troubles: one sample for each label, however many chains have the same trouble."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from prometheus_client.parser import text_string_to_metric_families

from oracle.node.authentication import DropCounters
from oracle.node.health import Trouble
from oracle.node.metrics import MetricsSource, make_exposition
from oracle.node.status import NodeStatus


def test_troubles__two_chains_with_one_code__are_one_sample_with_their_number() -> None:
    found = [Trouble(code=code, detail="") for code in ("chain_unreadable", "halted", "chain_unreadable")]
    nothing: Any = SimpleNamespace(collect=lambda: iter(()), troubles=lambda: found)
    source = MetricsSource(NodeStatus(chain_ids=()), DropCounters(), {}, nothing, nothing, cast(Any, None))
    exposition = make_exposition(source)
    assert exposition is not None

    families = text_string_to_metric_families(exposition().decode())

    samples = [(s.labels, s.value) for family in families if family.name == "assay_trouble" for s in family.samples]
    assert samples == [({"code": "chain_unreadable"}, 2.0), ({"code": "halted"}, 1.0)]
