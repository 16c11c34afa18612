"""The order of transmitters against the frozen vectors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.consensus.transmission import compute_order
from oracle.domain.ids import Hash32
from oracle.domain.units import ChainId, Epoch
from tests.consensus.vectors import h32, load


@pytest.mark.parametrize("case", load("transmission")["cases"], ids=lambda c: f"{c['epoch']}-{c['chainId']}-{c['n']}")
def test_compute_order__case_of_the_vector__equals_it(case: Any) -> None:
    order = compute_order(
        h32(case["configDigest"]), Epoch(int(case["epoch"])), ChainId(int(case["chainId"])), case["n"]
    )

    assert list(order) == case["order"]


@given(epoch=st.integers(0, 2**64 - 1), n=st.integers(1, 31))
def test_compute_order__any_epoch__holds_every_member_once(epoch: int, n: int) -> None:
    order = compute_order(Hash32(bytes(32)), Epoch(epoch), ChainId(1), n)

    assert sorted(order) == list(range(n))
