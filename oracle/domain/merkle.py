"""OpenZeppelin's StandardMerkleTree over score leaves: root, proofs and multiproofs.

Leaves are sorted by hash and laid out from the end of an array of 2n-1 nodes; node i hashes the sorted pair of nodes 2i+1 and 2i+2.
It lives in `domain` because consensus must know a report's root before anything is delivered.
Source: OpenZeppelin `merkle-tree` (core.ts) and `MerkleProof.sol`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from oracle.domain.ids import ZERO_HASH, Hash32, keccak256
from oracle.errors import MalformedValueError, RangeError


def hash_pair(a: Hash32, b: Hash32) -> Hash32:
    """Return the commutative hash of two nodes."""
    return keccak256(a + b if a < b else b + a)


@dataclass(frozen=True, kw_only=True, slots=True)
class MultiProof:
    """Siblings and flags that prove `leaves`, which stand in the order that the verifier must hash them in."""

    leaves: tuple[Hash32, ...]
    proof: tuple[Hash32, ...]
    flags: tuple[bool, ...]


class MerkleTree:
    """A tree over at least one leaf; the order in which leaves are given does not matter."""

    def __init__(self, leaves: Iterable[Hash32]) -> None:
        ordered = sorted(leaves)
        count = len(ordered)
        if count == 0:
            raise RangeError("number of leaves", 0, 1, 2**31)
        nodes: list[Hash32] = [ZERO_HASH] * (2 * count - 1)
        for i, leaf in enumerate(ordered):
            nodes[2 * count - 2 - i] = leaf
        for i in range(count - 2, -1, -1):
            nodes[i] = hash_pair(nodes[2 * i + 1], nodes[2 * i + 2])
        self._nodes = nodes
        self._index = {leaf: 2 * count - 2 - i for i, leaf in enumerate(ordered)}

    @property
    def root(self) -> Hash32:
        """Return the root."""
        return self._nodes[0]

    def __contains__(self, leaf: object) -> bool:
        return leaf in self._index

    def proof(self, leaf: Hash32) -> tuple[Hash32, ...]:
        """Return the siblings from `leaf` up to the root.

        Raises:
            KeyError: if the leaf is not in the tree.
        """
        index = self._index[leaf]
        siblings = []
        while index > 0:
            siblings.append(self._nodes[index + 1 if index % 2 else index - 1])
            index = (index - 1) >> 1
        return tuple(siblings)

    def multiproof(self, leaves: Sequence[Hash32]) -> MultiProof:
        """Return one proof for several distinct leaves.

        Raises:
            KeyError: if a leaf is not in the tree.
        """
        indices = sorted((self._index[leaf] for leaf in leaves), reverse=True)
        stack = list(indices)
        proof: list[Hash32] = []
        flags: list[bool] = []
        position = 0
        while position < len(stack) and stack[position] > 0:
            index = stack[position]
            position += 1
            sibling = index + 1 if index % 2 else index - 1
            if position < len(stack) and stack[position] == sibling:
                flags.append(True)
                position += 1
            else:
                flags.append(False)
                proof.append(self._nodes[sibling])
            stack.append((index - 1) >> 1)
        if not indices:
            proof.append(self.root)
        return MultiProof(leaves=tuple(self._nodes[i] for i in indices), proof=tuple(proof), flags=tuple(flags))


def split_multiproof(multi: MultiProof) -> dict[Hash32, tuple[Hash32, ...]]:
    """Return for each leaf of a multiproof the siblings from it up to the root that the multiproof hashes to.

    Raises:
        MalformedValueError: if flags and hashes do not fit each other.
    """
    queue = list(multi.leaves)
    rest = list(multi.proof)
    above: list[tuple[int, Hash32]] = []
    """Of each node that was hashed: where what it became stands in the queue, and its sibling."""
    taken = 0
    for is_known in multi.flags:
        needed = taken + 1 + is_known
        if needed > len(queue) or not (is_known or rest):
            raise MalformedValueError(
                "multiproof",
                f"{len(multi.leaves)} leaves, {len(multi.proof)} hashes",
                f"as many as {len(multi.flags)} flags take",
            )
        first = queue[taken]
        sibling = queue[taken + 1] if is_known else rest.pop(0)
        above.append((len(queue), sibling))
        if is_known:
            above.append((len(queue), first))
        queue.append(hash_pair(first, sibling))
        taken = needed
    return {leaf: _climb(above, index) for index, leaf in enumerate(multi.leaves)}


def _climb(above: Sequence[tuple[int, Hash32]], index: int) -> tuple[Hash32, ...]:
    siblings = []
    while index < len(above):
        index, sibling = above[index]
        siblings.append(sibling)
    return tuple(siblings)


def verify_proof(root: Hash32, leaf: Hash32, proof: Iterable[Hash32]) -> bool:
    """Return whether `proof` leads from `leaf` to `root`."""
    node = leaf
    for sibling in proof:
        node = hash_pair(node, sibling)
    return node == root
