"""A Merkle tree of 100,000 leaves beside OpenZeppelin's own library, which runs in node over the same leaves and has to find the same root."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from oracle.domain.ids import Hash32, to_hex
from oracle.domain.merkle import MerkleTree
from tests.bench.figures import Figure, Peer, measure

LEAVES = 100_000
RUNS = 3
"""Of both: the median counts."""
PEER_SCRIPT = Path(__file__).with_name("merkle_peer.mjs")


def make_leaves(count: int) -> list[Hash32]:
    """Return leaves that the peer makes too."""
    return [Hash32(hashlib.sha256(index.to_bytes(4, "big")).digest()) for index in range(count)]


def measure_merkle() -> Iterator[Figure]:
    """Yield the CPU time of building the tree. Raises: RuntimeError if the roots differ."""
    leaves = make_leaves(LEAVES)
    ours = measure(lambda: MerkleTree(leaves), runs=RUNS)
    command = ["node", str(PEER_SCRIPT), str(LEAVES), str(RUNS)]
    theirs = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    root = to_hex(MerkleTree(leaves).root)
    if root != theirs["root"]:
        raise RuntimeError(f"the peer finds root {theirs['root']}, not {root}")
    peer = Peer(name="@openzeppelin/merkle-tree 1.0.8 in node", value=theirs["cpu_s"] * 1_000)
    yield Figure(name=f"Merkle tree, {LEAVES:,} leaves", value=ours.cpu_s * 1_000, unit="CPU ms", peer=peer)
