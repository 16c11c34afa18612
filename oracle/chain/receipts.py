"""What an agreed block hash proves: its header, through the header's receipts root every receipt, and so every log of the block.

An endpoint can lie about a header or about receipts, but not so that both hashes still fit. A block of a chain whose header or receipts have fields that
are not known here does not fit either: it proves nothing, and settles nothing.
Source: Yellow Paper, 4.3; EIP-2718, EIP-1559, EIP-4895, EIP-4844, EIP-4788, EIP-7685; for deposits the OP Stack's specification of Canyon.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import rlp

from oracle.chain.logs import LogQuery, RawLog
from oracle.chain.quantities import LARGEST_WORD, UNREADABLE, parse_quantity
from oracle.chain.trie import compute_list_root
from oracle.domain.ids import Address, Hash32, keccak256
from oracle.domain.units import BlockNumber
from oracle.errors import MalformedAnswerError

WORD_BYTES = 32
LEGACY_TYPE = 0
DEPOSIT_TYPE = 0x7E
LARGEST_TYPE = 0x7F
_BYTES, _QUANTITY = False, True
_HEADER: tuple[tuple[str, bool], ...] = (
    ("parentHash", _BYTES),
    ("sha3Uncles", _BYTES),
    ("miner", _BYTES),
    ("stateRoot", _BYTES),
    ("transactionsRoot", _BYTES),
    ("receiptsRoot", _BYTES),
    ("logsBloom", _BYTES),
    ("difficulty", _QUANTITY),
    ("number", _QUANTITY),
    ("gasLimit", _QUANTITY),
    ("gasUsed", _QUANTITY),
    ("timestamp", _QUANTITY),
    ("extraData", _BYTES),
    ("mixHash", _BYTES),
    ("nonce", _BYTES),
)
_LATER_HEADER: tuple[tuple[str, bool], ...] = (
    ("baseFeePerGas", _QUANTITY),
    ("withdrawalsRoot", _BYTES),
    ("blobGasUsed", _QUANTITY),
    ("excessBlobGas", _QUANTITY),
    ("parentBeaconBlockRoot", _BYTES),
    ("requestsHash", _BYTES),
)
"""Fields that hard forks appended, in their order: a header ends before the first that it lacks."""


def read_receipts_root(endpoint: str, block_hash: Hash32, block: Any) -> Hash32:
    """Return the receipts root of a block as JSON-RPC gives it, proven by the block's hash.

    Raises:
        MalformedAnswerError: if the header is not the one that has this hash.
    """
    try:
        fields = [_field(block[name], is_quantity=kind) for name, kind in _HEADER]
        for name, kind in _LATER_HEADER:
            if block.get(name) is None:
                break
            fields.append(_field(block[name], is_quantity=kind))
        found = keccak256(rlp.encode(fields))
        root = Hash32(_field(block["receiptsRoot"], is_quantity=_BYTES))
    except UNREADABLE as cause:
        raise MalformedAnswerError(endpoint, f"a block of the wrong shape: {str(block)[:120]}") from cause
    if found != block_hash:
        raise MalformedAnswerError(endpoint, f"the header given for block 0x{block_hash.hex()} has another hash")
    return root


def read_proven_logs(
    endpoint: str, query: LogQuery, number: BlockNumber, block_hash: Hash32, root: Hash32, receipts: Any
) -> tuple[RawLog, ...]:
    """Return the logs of one block that a query asks for, out of receipts that the receipts root proves.

    Raises:
        MalformedAnswerError: if these are not the block's receipts.
    """
    try:
        encoded = [encode_receipt(receipt) for receipt in receipts]
        logs = list(_number_logs(number, block_hash, receipts))
    except UNREADABLE as cause:
        raise MalformedAnswerError(endpoint, f"receipts of block {number} of the wrong shape") from cause
    if compute_list_root(encoded) != root:
        raise MalformedAnswerError(endpoint, f"the receipts given for block {number} are not its receipts")
    return tuple(log for log in logs if log.address in query.addresses and log.topics[:WORD_BYTES] in query.topics)


def encode_receipt(receipt: dict[str, Any]) -> bytes:
    """Return a receipt as its block's trie holds it."""
    kind = parse_quantity(receipt.get("type") or "0x0", LARGEST_TYPE)
    outcome = receipt.get("status")
    fields: list[object] = [
        _field(receipt["root"], is_quantity=_BYTES) if outcome is None else _field(outcome, is_quantity=_QUANTITY),
        _field(receipt["cumulativeGasUsed"], is_quantity=_QUANTITY),
        _field(receipt["logsBloom"], is_quantity=_BYTES),
        [_encodable(log) for log in receipt["logs"]],
    ]
    if kind == DEPOSIT_TYPE and receipt.get("depositReceiptVersion") is not None:
        fields += [_field(receipt[n], is_quantity=_QUANTITY) for n in ("depositNonce", "depositReceiptVersion")]
    envelope = b"" if kind == LEGACY_TYPE else bytes([kind])
    return envelope + bytes(rlp.encode(fields))


def _number_logs(number: BlockNumber, block_hash: Hash32, receipts: Sequence[Any]) -> Iterator[RawLog]:
    """Yield every log of a block; an index counts through the whole block."""
    index = 0
    for receipt in receipts:
        for log in receipt["logs"]:
            address, topics, data = _encodable(log)
            yield RawLog(number, block_hash, index, Address(address), b"".join(topics), data)
            index += 1


def _encodable(log: dict[str, Any]) -> tuple[bytes, list[bytes], bytes]:
    topics = [_field(topic, is_quantity=_BYTES) for topic in log["topics"]]
    return _field(log["address"], is_quantity=_BYTES), topics, _field(log["data"], is_quantity=_BYTES)


def _field(text: str, *, is_quantity: bool) -> bytes:
    """Return the bytes of a hex string; a quantity has no leading zeros, and zero is empty."""
    if is_quantity:
        value = parse_quantity(text, LARGEST_WORD)
        return value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes.fromhex(text.removeprefix("0x"))
