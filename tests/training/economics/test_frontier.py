"""Equal bad debt and equal capacity on frontiers that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from training.economics.frontier import (
    BlockSums,
    compare,
    compare_at_loss,
    compute_bad_debt_change,
    compute_capacity_gain,
    compute_gain_at_loss,
)
from training.economics.replay import SCALES

# Loses (s - 0.5) per unit of scale above one half: at scale 1 it is 0.5, at 1.2 it is 0.7.
RISING = np.maximum(0.0, SCALES - 0.5)


def test_compute_capacity_gain__rule_that_loses_less__is_scaled_up_to_the_same_loss() -> None:
    reference = (10.0, RISING + 0.2)

    gain = compute_capacity_gain((10.0, RISING), reference)

    # Reference loses 0.7; the rule does at scale 1.2, where it grants 12.
    assert gain is not None
    assert gain[1] == pytest.approx(1.2)
    assert gain[0] == pytest.approx(0.2)


def test_compute_bad_debt_change__rule_that_grants_twice__is_compared_at_half_scale() -> None:
    change = compute_bad_debt_change((20.0, RISING * 4 + 0.3), (10.0, RISING))

    # At half scale the rule loses 0.3, the reference 0.5.
    assert change == pytest.approx(0.3 / 0.5 - 1)


def test_comparisons__reference_without_loss__say_nothing() -> None:
    nothing = (10.0, np.zeros(len(SCALES)))

    assert compute_capacity_gain((10.0, RISING), nothing) is None
    assert compute_bad_debt_change((10.0, RISING), nothing) is None


def test_compute_capacity_gain__loss_reached_at_no_scale__says_nothing() -> None:
    assert compute_capacity_gain((10.0, RISING / 100), (10.0, RISING + 50)) is None
    assert compute_capacity_gain((10.0, RISING + 50), (10.0, RISING)) is None


def sums(granted: list[float], bad_debt: list[float]) -> BlockSums:
    losses = np.array(bad_debt)[:, None] * RISING[None, :]
    return BlockSums(
        loans=np.ones(len(granted)), granted=np.array(granted), liquidated=np.zeros(len(granted)), bad_debt=losses
    )


def test_compare__rule_with_itself__is_zero_with_no_width() -> None:
    rule = sums([1.0, 2.0, 3.0, 4.0, 2.0, 1.0], [1.0, 0.5, 2.0, 1.0, 1.5, 0.5])

    found = compare(rule, rule)

    assert found.capacity_gain == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)
    assert found.bad_debt_change == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)
    assert found.undefined_share == 0.0


def test_compare__losses_in_one_block_of_four__counts_draws_that_miss_it() -> None:
    rule = sums([1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.0])

    found = compare(rule, rule)

    # A draw of four blocks misses one of them with (3/4)^4 = 0.316.
    assert found.undefined_share == pytest.approx(0.75**4, abs=0.04)


def test_compare__same_seed__is_the_same() -> None:
    rule, reference = sums([1.0, 2.0, 1.5], [1.0, 0.4, 0.2]), sums([1.0, 1.8, 1.4], [1.1, 0.3, 0.4])

    assert compare(rule, reference) == compare(rule, reference)


def test_compute_gain_at_loss__both_scaled_to_it__compares_what_they_lend_there() -> None:
    # The rule loses 0.3 at scale 0.8 and lends 8 there; the reference, which loses nothing up to 0.8, does at 1.1 and lends 5.5.
    reference = (5.0, np.maximum(0.0, SCALES - 0.8))

    gain = compute_gain_at_loss((10.0, RISING), reference, 0.3)

    assert gain == pytest.approx(8.0 / 5.5 - 1)


def test_compute_gain_at_loss__lost_at_no_scale__says_nothing() -> None:
    assert compute_gain_at_loss((10.0, RISING), (10.0, np.zeros(len(SCALES))), 0.3) is None
    assert compute_gain_at_loss((10.0, RISING), (10.0, RISING), 99.0) is None
    assert compute_gain_at_loss((10.0, RISING), (10.0, RISING), 0.0) is None


def test_compare_at_loss__rule_that_lends_twice__is_twice_in_every_draw() -> None:
    lost = [1.0, 0.4, 0.2, 0.3, 0.5, 0.7]
    rule, reference = sums([2.0, 4.0, 3.0, 2.0, 5.0, 1.0], lost), sums([1.0, 2.0, 1.5, 1.0, 2.5, 0.5], lost)

    found = compare_at_loss(rule, reference, 0.1)

    assert found == pytest.approx((1.0, 1.0, 1.0))


def test_compare_at_loss__fewer_blocks_than_an_interval_takes__is_a_value_alone() -> None:
    found = compare_at_loss(sums([2.0, 4.0], [1.0, 0.4]), sums([1.0, 2.0], [1.0, 0.4]), 0.1)

    assert found is not None
    assert found[0] == pytest.approx(1.0)
    assert found[1:] == (None, None)
