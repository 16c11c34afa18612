"""Canonical ABI encoding of flat tuples, the only shape that messages have.

A tuple is a list of parts: static words, or one dynamic tail. Decoding is lenient and every message is encoded again and compared, so that exactly one
byte string is accepted for each value. Source: Solidity ABI specification; `tests/vectors/FORMATS.md`, section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oracle.domain.ids import Hash32, uint_word
from oracle.errors import MalformedValueError

WORD = 32
MAX_ITEMS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """The encoding of a dynamic value, placed behind the head."""

    data: bytes


def encode_tuple(*parts: bytes | Tail) -> bytes:
    """Return the head (words, and offsets of tails) followed by the tails."""
    head_bytes = sum(WORD if isinstance(part, Tail) else len(part) for part in parts)
    head: list[bytes] = []
    tails: list[bytes] = []
    for part in parts:
        if isinstance(part, Tail):
            head.append(uint_word(head_bytes))
            tails.append(part.data)
            head_bytes += len(part.data)
        else:
            head.append(part)
    return b"".join(head + tails)


def bytes_tail(value: bytes) -> Tail:
    """Return the tail of a `bytes`."""
    return Tail(data=uint_word(len(value)) + value + bytes(-len(value) % WORD))


def bytes_array_tail(values: Sequence[bytes]) -> Tail:
    """Return the tail of a `bytes[]`."""
    return Tail(data=uint_word(len(values)) + encode_tuple(*(bytes_tail(value) for value in values)))


def words_tail(words: Sequence[bytes]) -> Tail:
    """Return the tail of an array of one-word values."""
    return Tail(data=uint_word(len(words)) + b"".join(words))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads a tuple; word indices count from its start.

    Raises:
        MalformedValueError: from every method, if the data end early or a value is out of range.
    """

    data: bytes

    def word(self, index: int) -> Hash32:
        """Return one word."""
        return Hash32(self._slice(index * WORD, WORD))

    def words(self, index: int, count: int) -> bytes:
        """Return consecutive words."""
        return self._slice(index * WORD, count * WORD)

    def uint(self, index: int, bits: int) -> int:
        """Return an unsigned integer of `bits` bits."""
        value = int.from_bytes(self.word(index), "big")
        if value >> bits:
            raise MalformedValueError("ABI word", hex(value), f"uint{bits}")
        return value

    def bytes_at(self, index: int) -> bytes:
        """Return the `bytes` whose offset is word `index`."""
        return self._bytes(self._offset(index))

    def bytes_array_at(self, index: int) -> tuple[bytes, ...]:
        """Return the `bytes[]` whose offset is word `index`."""
        inner = Reader(data=self.data[self._offset(index) :])
        count = inner._count(0)
        items = Reader(data=inner.data[WORD:])
        return tuple(items.bytes_at(i) for i in range(count))

    def words_at(self, index: int, width: int = 1) -> tuple[bytes, ...]:
        """Return the array of values of `width` words whose offset is word `index`."""
        inner = Reader(data=self.data[self._offset(index) :])
        count = inner._count(0)
        return tuple(inner.words(1 + i * width, width) for i in range(count))

    def _offset(self, index: int) -> int:
        return self.uint(index, 32)

    def _count(self, index: int) -> int:
        count = self.uint(index, 32)
        if count > MAX_ITEMS:
            raise MalformedValueError("array length", str(count), f"at most {MAX_ITEMS}")
        return count

    def _bytes(self, position: int) -> bytes:
        length = int.from_bytes(self._slice(position, WORD), "big")
        return self._slice(position + WORD, length)

    def _slice(self, start: int, length: int) -> bytes:
        if start + length > len(self.data):
            raise MalformedValueError("ABI data", f"{len(self.data)} bytes", f"at least {start + length}")
        return self.data[start : start + length]
