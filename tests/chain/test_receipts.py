"""A block's hash proves its header, and the header its receipts: nothing else passes."""

from __future__ import annotations

from typing import Any

import pytest

from oracle.chain.abi import events
from oracle.chain.logs import LogQuery
from oracle.chain.receipts import encode_receipt, read_proven_logs, read_receipts_root
from oracle.chain.trie import compute_list_root
from oracle.domain.ids import Address, Hash32
from oracle.domain.units import BlockNumber
from oracle.errors import MalformedAnswerError
from tests.chain.provable_chain import NO_BLOOM

EMPTY_ROOT = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
GENESIS_HASH = Hash32(bytes.fromhex("d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"))
# Ethereum's block 0. Source: Yellow Paper, appendix I; every Ethereum client.
GENESIS: dict[str, Any] = {
    "parentHash": "0x" + "00" * 32,
    "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
    "miner": "0x" + "00" * 20,
    "stateRoot": "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
    "transactionsRoot": EMPTY_ROOT,
    "receiptsRoot": EMPTY_ROOT,
    "logsBloom": NO_BLOOM,
    "difficulty": "0x400000000",
    "number": "0x0",
    "gasLimit": "0x1388",
    "gasUsed": "0x0",
    "timestamp": "0x0",
    "extraData": "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
    "mixHash": "0x" + "00" * 32,
    "nonce": "0x0000000000000042",
}
EMITTER = Address(b"\xaa" * 20)
TOPIC = events.ANSWER_UPDATED
QUERY = LogQuery(
    first_block=BlockNumber(7), last_block=BlockNumber(7), addresses=frozenset({EMITTER}), topics=frozenset({TOPIC})
)


def make_receipt(kind: int, *addresses: bytes) -> dict[str, Any]:
    logs = [{"address": "0x" + a.hex(), "topics": ["0x" + TOPIC.hex()], "data": "0x0102"} for a in addresses]
    return {
        "type": hex(kind),
        "status": "0x1",
        "cumulativeGasUsed": "0x5208",
        "logsBloom": NO_BLOOM,
        "logs": logs,
    }


def test_read_receipts_root__header_of_ethereums_first_block__has_its_published_hash() -> None:
    assert read_receipts_root("a", GENESIS_HASH, GENESIS).hex() == EMPTY_ROOT[2:]


@pytest.mark.parametrize("field", sorted(GENESIS))
def test_read_receipts_root__any_field_changed__is_refused(field: str) -> None:
    changed = GENESIS[field][:-1] + ("1" if GENESIS[field][-1] != "1" else "2")

    with pytest.raises(MalformedAnswerError, match="another hash"):
        read_receipts_root("a", GENESIS_HASH, {**GENESIS, field: changed})


@pytest.mark.parametrize("field", sorted(GENESIS))
@pytest.mark.parametrize("value", [None, "0xzz", 7, [], {}, "-0x1"])
def test_read_receipts_root__field_of_the_wrong_shape__is_malformed(field: str, value: object) -> None:
    with pytest.raises(MalformedAnswerError):
        read_receipts_root("a", GENESIS_HASH, {**GENESIS, field: value})


@pytest.mark.parametrize("block", [None, [], "0x"])
def test_read_receipts_root__no_block__is_malformed(block: object) -> None:
    with pytest.raises(MalformedAnswerError):
        read_receipts_root("a", GENESIS_HASH, block)


def test_encode_receipt__legacy_without_logs__is_the_list_of_its_fields() -> None:
    """By hand: 0xf9 0x0108 (264 bytes), 0x01, 0x82 0x5208, 0xb9 0x0100 and the bloom, 0xc0."""
    expected = bytes.fromhex("f901080182" + "5208" + "b90100") + bytes(256) + b"\xc0"

    assert encode_receipt(make_receipt(0)) == expected


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_encode_receipt__typed__is_its_type_before_the_same_list(kind: int) -> None:
    assert encode_receipt(make_receipt(kind)) == bytes([kind]) + encode_receipt(make_receipt(0))


def test_encode_receipt__before_byzantium__has_a_state_root_for_a_status() -> None:
    receipt = {**make_receipt(0), "status": None, "root": "0x" + "ab" * 32}

    assert encode_receipt(receipt)[3:36] == b"\xa0" + b"\xab" * 32


def test_encode_receipt__deposit_of_canyon__ends_with_nonce_and_version() -> None:
    receipt = {**make_receipt(0x7E), "depositNonce": "0x5", "depositReceiptVersion": "0x1"}

    encoded = encode_receipt(receipt)

    assert encoded[0] == 0x7E
    assert encoded[-3:] == b"\xc0\x05\x01"


def test_read_proven_logs__asked_for_and_others__counts_all_and_returns_the_asked() -> None:
    receipts = [make_receipt(0, b"\xbb" * 20, EMITTER), make_receipt(2), make_receipt(3, EMITTER)]
    root = compute_list_root([encode_receipt(receipt) for receipt in receipts])

    logs = read_proven_logs("a", QUERY, BlockNumber(7), GENESIS_HASH, root, receipts)

    assert [(log.log_index, log.address, log.data) for log in logs] == [
        (1, EMITTER, b"\x01\x02"),
        (2, EMITTER, b"\x01\x02"),
    ]


@pytest.mark.parametrize(
    "forge",
    [
        lambda receipts: receipts[1:],
        lambda receipts: receipts[::-1],
        lambda receipts: [*receipts, receipts[0]],
        lambda receipts: [{**receipts[0], "logs": []}, *receipts[1:]],
        lambda receipts: [{**receipts[0], "type": "0x2"}, *receipts[1:]],
        lambda receipts: [{**receipts[0], "type": "0x80"}, *receipts[1:]],
        lambda receipts: [{**receipts[0], "cumulativeGasUsed": "-0x1"}, *receipts[1:]],
        lambda receipts: [{**receipts[0], "status": "0x" + "f" * 5_000}, *receipts[1:]],
        lambda receipts: [{**receipts[0], "type": "-0x1"}, *receipts[1:]],
        lambda _: None,
        lambda _: [None],
        lambda _: [],
    ],
)
def test_read_proven_logs__receipts_that_are_not_the_blocks__are_refused(forge: Any) -> None:
    receipts = [make_receipt(0, EMITTER), make_receipt(1, EMITTER)]
    root = compute_list_root([encode_receipt(receipt) for receipt in receipts])

    with pytest.raises(MalformedAnswerError):
        read_proven_logs("a", QUERY, BlockNumber(7), GENESIS_HASH, root, forge(receipts))
