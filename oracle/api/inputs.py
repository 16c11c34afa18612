"""What clients send, checked before anything is looked up; addresses by EIP-55, everything else by shape."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Path, Query

from oracle.domain.ids import Address, Hash32, SubjectId, to_checksum
from oracle.domain.units import Epoch
from oracle.errors import AmountRangeError, ChecksumError, InvalidParameterError

MAX_EPOCH = 2**48 - 1
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_DIGITS = re.compile(r"[0-9]{1,78}")
_EXAMPLE_ADDRESS = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"

AddressPath = Annotated[
    str,
    Path(
        description="Address of the borrower: lower case, or mixed case with a right EIP-55 checksum.",
        examples=[_EXAMPLE_ADDRESS],
    ),
]
EpochQuery = Annotated[
    int | None, Query(ge=0, le=MAX_EPOCH, description="An earlier epoch; the newest report without it.")
]
EpochPath = Annotated[int, Path(ge=0, le=MAX_EPOCH, description="Epoch of the report.", examples=[494_400])]


def parse_address_parameter(name: str, text: str) -> Address:
    """Return the address.

    Raises:
        InvalidParameterError: if it is not 0x and 40 hex digits.
        ChecksumError: if it is in mixed case and the case is wrong.
    """
    if not _ADDRESS.fullmatch(text):
        raise InvalidParameterError(name, text, "0x and 40 hex digits")
    address = Address(bytes.fromhex(text[2:]))
    digits = text[2:]
    if digits not in (digits.lower(), digits.upper()) and text != to_checksum(address):
        raise ChecksumError(name, text)
    return address


def parse_hash_parameter(name: str, text: str) -> Hash32:
    """Return 32 bytes.

    Raises:
        InvalidParameterError: if it is not 0x and 64 hex digits.
    """
    if not _HASH.fullmatch(text):
        raise InvalidParameterError(name, text, "0x and 64 hex digits")
    return Hash32(bytes.fromhex(text[2:]))


def parse_subject_parameter(name: str, text: str) -> SubjectId:
    """Return a subject id; raises like `parse_hash_parameter`."""
    return SubjectId(parse_hash_parameter(name, text))


def parse_amount_parameter(text: str, limit_amount: int) -> int:
    """Return an amount in 1..limit.

    Raises:
        InvalidParameterError: if it is not a decimal integer.
        AmountRangeError: if it is zero or too large.
    """
    if not _DIGITS.fullmatch(text):
        raise InvalidParameterError("amount", text, "a decimal integer in the loan token's smallest unit")
    amount = int(text)
    if not 1 <= amount <= limit_amount:
        raise AmountRangeError(amount, limit_amount)
    return amount


def parse_epoch(value: int | None) -> Epoch | None:
    """Return the epoch of a query, None for the newest."""
    return None if value is None else Epoch(value)
