"""Addresses, hashes, subject ids and numeraires.

Addresses are 20 and hashes 32 raw bytes everywhere inside; hex text exists only at the edges. Byte order equals numeric order.
Source: `tests/vectors/FORMATS.md`, section 1.
"""

from __future__ import annotations

from typing import NewType

import sha3

from oracle.domain.units import ChainId
from oracle.errors import MalformedValueError

Address = NewType("Address", bytes)
Hash32 = NewType("Hash32", bytes)
SubjectId = NewType("SubjectId", bytes)

ZERO_HASH = Hash32(bytes(32))
USD = Address(bytes.fromhex("0000000000000000000000000000000000000348"))
"""ISO 4217 code 840, as Chainlink's Denominations library has it."""
ETH = Address(b"\xee" * 20)
BTC = Address(b"\xbb" * 20)
NUMERAIRE_NAMES = {USD: "USD", ETH: "ETH", BTC: "BTC"}

_SUBJECT_BORROWER_CONTRACT = 1
_SUBJECT_COLLATERAL = 2


def keccak256(data: bytes) -> Hash32:
    """Return Ethereum's keccak-256 of `data` (not NIST SHA3-256)."""
    return Hash32(sha3.keccak_256(data).digest())


def uint_word(value: int) -> bytes:
    """Return the 32-byte ABI word of an unsigned integer."""
    return value.to_bytes(32, "big")


def int_word(value: int) -> bytes:
    """Return the 32-byte ABI word of a signed integer (two's complement)."""
    return value.to_bytes(32, "big", signed=True)


def bytes_word(value: bytes) -> bytes:
    """Return the ABI word of a fixed `bytesN`: left-aligned, zero-padded."""
    return value.ljust(32, b"\0")


def address_word(value: bytes) -> bytes:
    """Return the ABI word of an address: right-aligned, zero-padded."""
    return value.rjust(32, b"\0")


def parse_address(text: str) -> Address:
    """Return the address of a 0x-prefixed hex string.

    Raises:
        MalformedValueError: if it is not 20 bytes of hex.
    """
    return Address(_parse_hex("address", text, 20))


def parse_hash(text: str) -> Hash32:
    """Return the 32 bytes of a 0x-prefixed hex string.

    Raises:
        MalformedValueError: if it is not 32 bytes of hex.
    """
    return Hash32(_parse_hex("hash", text, 32))


def to_hex(value: bytes) -> str:
    """Return lower-case hex with the 0x prefix."""
    return "0x" + value.hex()


def to_checksum(address: bytes) -> str:
    """Return the EIP-55 form: a letter is upper case where the hash of the lower-case hex has a digit of 8 or more."""
    digits = address.hex()
    digest = keccak256(digits.encode()).hex()
    return "0x" + "".join(c.upper() if int(d, 16) >= 8 else c for c, d in zip(digits, digest, strict=False))


def borrower_subject(address: Address) -> SubjectId:
    """Return the subject of an address without code: one subject over all chains."""
    return SubjectId(address_word(address))


def contract_borrower_subject(chain_id: ChainId, address: Address) -> SubjectId:
    """Return the subject of an address with code: one subject per chain."""
    words = uint_word(_SUBJECT_BORROWER_CONTRACT) + uint_word(chain_id) + address_word(address)
    return SubjectId(keccak256(words))


def collateral_subject(chain_id: ChainId, token: Address, numeraire: Address) -> SubjectId:
    """Return the subject of a collateral priced in a numeraire, on one chain."""
    words = uint_word(_SUBJECT_COLLATERAL) + uint_word(chain_id) + address_word(token)
    return SubjectId(keccak256(words + address_word(numeraire)))


def _parse_hex(name: str, text: str, length_bytes: int) -> bytes:
    expected = f"0x and {2 * length_bytes} hex digits"
    if not text.startswith("0x") or len(text) != 2 + 2 * length_bytes:
        raise MalformedValueError(name, text[:80], expected)
    try:
        return bytes.fromhex(text[2:])
    except ValueError:
        raise MalformedValueError(name, text[:80], expected) from None
