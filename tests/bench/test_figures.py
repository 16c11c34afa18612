"""Ratios point one way: above 1 is good, whatever the unit."""

from __future__ import annotations

import pytest

from tests.bench.figures import Cost, Figure, Peer, median_cost, round_digits
from tests.bench.table import show_number


def test_ratio__rate_half_of_the_peers__is_one_half() -> None:
    figure = Figure(name="rows", value=50, unit="rows/s", peer=Peer(name="peer", value=100), more_is_better=True)

    assert figure.ratio == 0.5


def test_ratio__cost_half_of_the_peers__is_two() -> None:
    figure = Figure(name="gas", value=50, unit="gas", peer=Peer(name="peer", value=100))

    assert figure.ratio == 2


@pytest.mark.parametrize(("value", "peer_value"), [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0)])
def test_ratio__nothing_measured__is_refused(value: float, peer_value: float) -> None:
    with pytest.raises(ValueError, match="no measurement"):
        _ = Figure(name="gas", value=value, unit="gas", peer=Peer(name="peer", value=peer_value)).ratio


def test_to_json__a_figure__has_the_six_keys_and_the_peers_source() -> None:
    figure = Figure(name="gas", value=57_862, unit="gas", peer=Peer(name="peer", value=94_700, source="constant"))

    line = {"name": "gas", "value": 57_862, "unit": "gas", "peer": "peer (constant)", "peer_value": 94_700}
    assert figure.to_json() == line | {"ratio": 1.637}


@pytest.mark.parametrize(
    ("value", "rounded", "shown"),
    [(0.123456, 0.1235, "0.1235"), (9.99999, 10, "10"), (1_234.56, 1_235, "1,235"), (98_021.7, 98_022, "98,022")],
)
def test_round_digits__four_significant__and_whole_above(value: float, rounded: float, shown: str) -> None:
    assert round_digits(value) == rounded
    assert show_number(value) == shown


def test_median_cost__three_runs__takes_each_median_apart() -> None:
    costs = [Cost(cpu_s=3, wall_s=10), Cost(cpu_s=1, wall_s=30), Cost(cpu_s=2, wall_s=20)]

    assert median_cost(costs) == Cost(cpu_s=2, wall_s=20)
