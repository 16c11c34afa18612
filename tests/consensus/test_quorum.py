"""Quorums: what each guarantees, for every committee that can exist."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.consensus import quorum
from oracle.domain.units import NodeId

committees = st.integers(0, 10).flatmap(lambda f: st.tuples(st.integers(3 * f + 1, 31), st.just(f)))


@pytest.mark.parametrize(("n", "f", "expected"), [(1, 0, 1), (4, 1, 3), (5, 1, 4), (7, 2, 5), (10, 3, 7), (31, 10, 21)])
def test_byzantine_quorum__small_committees__equals_hand_values(n: int, f: int, expected: int) -> None:
    assert quorum.byzantine_quorum(n, f) == expected


@given(size=committees, data=st.data())
def test_byzantine_quorum__two_of_them__share_an_honest_member(size: tuple[int, int], data: st.DataObject) -> None:
    n, f = size
    members = st.permutations(range(n))
    count = quorum.byzantine_quorum(n, f)
    first, second = set(data.draw(members)[:count]), set(data.draw(members)[:count])
    faulty = set(data.draw(members)[:f])

    assert (first & second) - faulty


@given(size=committees)
def test_byzantine_quorum__all_honest_nodes__can_form_one(size: tuple[int, int]) -> None:
    n, f = size

    assert quorum.byzantine_quorum(n, f) <= n - f


@given(size=committees)
def test_observation_quorum__of_any_committee__is_honest_in_its_majority_and_reachable(size: tuple[int, int]) -> None:
    n, f = size
    count = quorum.observation_quorum(f)

    assert count <= n - f
    assert 2 * (count - f) > count


@given(size=committees)
def test_is_majority__faulty_nodes_alone__are_none(size: tuple[int, int]) -> None:
    n, f = size

    assert not any(quorum.is_majority(f, total, f) for total in range(quorum.observation_quorum(f), n + 1))


@pytest.mark.parametrize(
    ("values", "count", "expected"), [([], 1, None), ([3, 1, 2], 2, 2), ([0, 0, 5], 2, 0), ([4, 4], 3, None)]
)
def test_nth_highest__some_values__is_what_so_many_reach(values: list[int], count: int, expected: int | None) -> None:
    assert quorum.nth_highest(values, count) == expected


def test_bitmap__of_members__sets_their_bits() -> None:
    assert quorum.bitmap([NodeId(0), NodeId(3)]) == 0b1001
