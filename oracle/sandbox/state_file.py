"""Writes a dumped chain to a file without its call traces, which are four fifths of it.

A dump is gzipped JSON, a gigabyte for 30,000 blocks: it is unpacked and filtered piece by piece and never parsed. In it each transaction has
`"traces":[...],"exit":`, and no trace holds the words that end it. A dump of another shape is written as it is, which loads as well.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

OPENING, CLOSING = b'"traces":[', b'],"exit":'
PIECE_BYTES = 2**20
GZIP = 16 + zlib.MAX_WBITS


def write_state(dumped: bytes, path: Path) -> None:
    """Write the state of `anvil_dumpState` for `--load-state`."""
    with path.open("wb") as file:
        for piece in drop_traces(_unpack(dumped)):
            file.write(piece)


def drop_traces(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the text of `pieces` with every list of traces empty."""
    held, is_inside = b"", False
    for piece in pieces:
        held += piece
        at = 0
        while (found := held.find(CLOSING if is_inside else OPENING, at)) >= 0:
            if is_inside:
                at = found
            else:
                yield held[at : found + len(OPENING)]
                at = found + len(OPENING)
            is_inside = not is_inside
        # A mark may be cut in two by the end of the piece.
        end = max(at, len(held) - max(len(OPENING), len(CLOSING)) + 1)
        if not is_inside:
            yield held[at:end]
        held = held[end:]
    yield held


def _unpack(dumped: bytes) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(GZIP)
    for start in range(0, len(dumped), PIECE_BYTES):
        pending = dumped[start : start + PIECE_BYTES]
        while pending:
            yield unpacker.decompress(pending, PIECE_BYTES)
            pending = unpacker.unconsumed_tail
    yield unpacker.flush()
