"""Quorums: what each guarantees, for every committee that can exist."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.consensus import quorum
from oracle.domain.units import NodeId

EVERY_COMMITTEE = [(n, f) for f in range(11) for n in range(3 * f + 1, 32)]
committees = st.sampled_from(EVERY_COMMITTEE)


@pytest.mark.parametrize(("n", "f", "expected"), [(1, 0, 1), (4, 1, 3), (5, 1, 4), (7, 2, 5), (10, 3, 7), (31, 10, 21)])
def test_byzantine_quorum__small_committees__equals_hand_values(n: int, f: int, expected: int) -> None:
    assert quorum.byzantine_quorum(n, f) == expected


@given(size=committees, data=st.data())
def test_byzantine_quorum__two_of_them__share_an_honest_member(size: tuple[int, int], data: st.DataObject) -> None:
    n, f = size
    count = quorum.byzantine_quorum(n, f)
    first, second = (set(data.draw(st.permutations(range(n)))[:count]) for _ in range(2))
    faulty = set(data.draw(st.permutations(sorted(first & second)))[:f])

    assert (first & second) - faulty


def test_byzantine_quorum__all_honest_nodes__can_form_one() -> None:
    assert all(quorum.byzantine_quorum(n, f) <= n - f for n, f in EVERY_COMMITTEE)


def test_observation_quorum__of_any_committee__is_honest_in_its_majority_and_reachable() -> None:
    for n, f in EVERY_COMMITTEE:
        count = quorum.observation_quorum(f)

        assert count <= n - f
        assert 2 * (count - f) > count


def test_is_majority__faulty_nodes_alone__are_none() -> None:
    for n, f in EVERY_COMMITTEE:
        assert not any(quorum.is_majority(f, total, f) for total in range(quorum.observation_quorum(f), n + 1))


@pytest.mark.parametrize(
    ("values", "count", "expected"), [([], 1, None), ([3, 1, 2], 2, 2), ([0, 0, 5], 2, 0), ([4, 4], 3, None)]
)
def test_nth_highest__some_values__is_what_so_many_reach(values: list[int], count: int, expected: int | None) -> None:
    assert quorum.nth_highest(values, count) == expected


def test_bitmap__of_members__sets_their_bits() -> None:
    assert quorum.bitmap([NodeId(0), NodeId(3)]) == 0b1001
