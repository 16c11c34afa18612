"""Roots of tries, against values that Ethereum's clients and specifications publish."""

from __future__ import annotations

import pytest

from oracle.chain.trie import compute_list_root, compute_trie_root

EMPTY = "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
# Source: ethereum/tests, TrieTests/trieanyorder.json ("singleItem", "dogs", "puppy", "foo", "smallValues", "testy") and
# the Ethereum wiki's worked example of the Patricia tree, whose content is "puppy".
KNOWN = [
    ({"A": "a" * 50}, "d23786fb4a010da3ce639d66d5e904a11dbc02746d1ce25029e53290cabf28ab"),
    ({"doe": "reindeer", "dog": "puppy", "dogglesworth": "cat"}, "8aad789dff2f538bca5d8ea56e8abe10f4c7ba3a5dea95fea4cd6e7c3a1168d3"),
    (
        {"do": "verb", "horse": "stallion", "doge": "coin", "dog": "puppy"},
        "5991bb8c6514148a29db676a14ac506cd2cd5775ace63c30a4fe457715e9ac84",
    ),
    ({"foo": "bar", "food": "bass"}, "17beaa1648bafa633cda809c90c04af50fc8aed3cb40d16efbddee6fdf63c4c3"),
    ({"be": "e", "dog": "puppy", "bed": "d"}, "3f67c7a47520f79faa29255d2d3c084a7a6df0453116ed7232ff10277a8be68b"),
    ({"test": "test", "te": "testy"}, "8452568af70d8d140f58d941338542f645fcca50094b20f3c3d8c3df49337928"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "root"), KNOWN)
def test_compute_trie_root__published_contents__give_the_published_roots(content: dict[str, str], root: str) -> None:
    items = {key.encode(): value.encode() for key, value in content.items()}

    assert compute_trie_root(items).hex() == root


def test_compute_trie_root__whatever_the_order__is_the_same() -> None:
    items = {b"%d" % n: b"value %d" % n for n in range(300)}

    assert compute_trie_root(items) == compute_trie_root(dict(reversed(items.items())))


def test_compute_list_root__nothing__is_the_root_of_the_empty_trie() -> None:
    assert compute_list_root([]).hex() == EMPTY


@pytest.mark.parametrize("count", [1, 2, 127, 128, 129, 255, 256, 257])
def test_compute_list_root__one_value_changed__changes_the_root(count: int) -> None:
    """127, 128 and 256 are where the encoding of a position gets longer."""
    values = [b"receipt %d" % n for n in range(count)]

    for changed in {0, count // 2, count - 1}:
        other = [*values[:changed], b"other", *values[changed + 1 :]]
        assert compute_list_root(other) != compute_list_root(values)
