"""The root of a Merkle Patricia trie whose content is known as a whole: what a block's header commits to its receipts by.

Built in one pass over sorted keys, without a database of nodes: nothing is ever looked up or changed. Source: Yellow Paper, appendices C and D.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import rlp

from oracle.domain.ids import Hash32, keccak256

type Nibbles = tuple[int, ...]
type Pair = tuple[Nibbles, bytes]
NIBBLES = 16
HASH_BYTES = 32


def compute_trie_root(items: Mapping[bytes, bytes]) -> Hash32:
    """Return the root of a trie with these keys and values, none of them empty."""
    if not items:
        return keccak256(rlp.encode(b""))
    pairs = sorted((_nibbles_of(key), value) for key, value in items.items())
    return keccak256(rlp.encode(_build(pairs, 0)))


def compute_list_root(values: Sequence[bytes]) -> Hash32:
    """Return the root of a trie whose keys are the positions, as blocks keep transactions and receipts."""
    return compute_trie_root({rlp.encode(position): value for position, value in enumerate(values)})


def _build(pairs: Sequence[Pair], depth: int) -> list[object]:
    """Return the node over `pairs`, which are sorted and share their first `depth` nibbles."""
    first, last = pairs[0][0], pairs[-1][0]
    if len(pairs) == 1:
        return [_pack_path(first[depth:], is_leaf=True), pairs[0][1]]
    shared = depth
    while shared < len(first) and first[shared] == last[shared]:
        shared += 1
    if shared > depth:
        return [_pack_path(first[depth:shared], is_leaf=False), _refer(_build(pairs, shared))]
    value = b""
    if len(first) == depth:
        value, pairs = pairs[0][1], pairs[1:]
    children: list[object] = []
    for nibble in range(NIBBLES):
        below = [pair for pair in pairs if pair[0][depth] == nibble]
        children.append(_refer(_build(below, depth + 1)) if below else b"")
    return [*children, value]


def _refer(node: list[object]) -> object:
    """Return what a parent holds of a node: itself if it is shorter than a hash."""
    encoded = rlp.encode(node)
    return node if len(encoded) < HASH_BYTES else keccak256(encoded)


def _nibbles_of(key: bytes) -> Nibbles:
    return tuple(nibble for byte in key for nibble in divmod(byte, NIBBLES))


def _pack_path(path: Nibbles, *, is_leaf: bool) -> bytes:
    """Return the hex-prefix encoding: a flag nibble, one of padding for even paths, then the path."""
    flag = 2 * is_leaf + len(path) % 2
    whole = (flag, *path) if len(path) % 2 else (flag, 0, *path)
    return bytes(NIBBLES * high + low for high, low in zip(whole[::2], whole[1::2], strict=True))
