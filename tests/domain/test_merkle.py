"""The tree against OpenZeppelin's own library, through the shared vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.ids import Hash32, keccak256, parse_hash, to_hex
from oracle.domain.merkle import MerkleTree, MultiProof, split_multiproof, verify_proof
from oracle.errors import MalformedValueError, RangeError


@pytest.fixture(scope="module")
def cases(vectors_dir: Path) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((vectors_dir / "tree.json").read_text())["cases"]
    return loaded


def test_root_and_proofs__shared_vectors__equal(cases: list[dict[str, Any]]) -> None:
    for case in cases:
        leaves = [parse_hash(leaf) for leaf in case["leaves"]]
        tree = MerkleTree(leaves)

        assert to_hex(tree.root) == case["root"]
        for leaf, proof in zip(leaves, case["proofs"], strict=True):
            assert [to_hex(node) for node in tree.proof(leaf)] == proof


def test_multiproof__shared_vectors__equal(cases: list[dict[str, Any]]) -> None:
    for case in cases:
        leaves = [parse_hash(leaf) for leaf in case["leaves"]]
        tree = MerkleTree(leaves)
        for expected in case["multiproofs"]:
            multiproof = tree.multiproof([leaves[i] for i in expected["indices"]])

            assert [to_hex(leaf) for leaf in multiproof.leaves] == expected["leaves"]
            assert [to_hex(node) for node in multiproof.proof] == expected["proof"]
            assert list(multiproof.flags) == expected["proofFlags"]
            assert split_multiproof(multiproof) == {leaf: tree.proof(leaf) for leaf in multiproof.leaves}


@given(st.integers(1, 70), st.integers(0, 69), st.integers(0, 255))
def test_verify_proof__one_changed_bit__refused(size: int, index: int, bit: int) -> None:
    leaves = [keccak256(bytes([i])) for i in range(size)]
    tree = MerkleTree(leaves)
    leaf = leaves[index % size]
    flipped = Hash32((int.from_bytes(leaf, "big") ^ (1 << bit)).to_bytes(32, "big"))

    assert verify_proof(tree.root, leaf, tree.proof(leaf))
    assert not verify_proof(tree.root, flipped, tree.proof(leaf))


def test_merkle_tree__no_leaf__refused() -> None:
    with pytest.raises(RangeError):
        MerkleTree([])


@given(count=st.integers(1, 40), data=st.data())
def test_split_multiproof__any_leaves__gives_each_its_own_proof(count: int, data: st.DataObject) -> None:
    leaves = [keccak256(b"leaf %d" % i) for i in range(count)]
    tree = MerkleTree(leaves)
    chosen = data.draw(st.lists(st.sampled_from(leaves), min_size=1, unique=True))

    proofs = split_multiproof(tree.multiproof(chosen))

    assert set(proofs) == set(chosen)
    assert all(verify_proof(tree.root, leaf, proof) for leaf, proof in proofs.items())


@pytest.mark.parametrize("flags", [(True,), (False, False), (True, True, True)])
def test_split_multiproof__flags_that_take_more_than_there_is__is_malformed(flags: tuple[bool, ...]) -> None:
    multi = MultiProof(leaves=(keccak256(b"a"),), proof=(keccak256(b"b"),), flags=flags)

    with pytest.raises(MalformedValueError, match="multiproof"):
        split_multiproof(multi)
