"""Writes a dumped chain to a file without its call traces, which are four fifths of it.

A dump is gzipped JSON, a gigabyte for 30,000 blocks: it is unpacked and filtered piece by piece and never parsed. In it each transaction has
`"traces":[...],"exit":`, and no trace holds the words that begin or end such a list. A dump without the first word is written as it is, which loads as well; one with
something else behind its traces is refused, since more than traces would be lost.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from oracle.errors import ChainProcessError

OPENING, CLOSING = b'"traces":[', b'],"exit":'
PIECE_BYTES = 2**20
UNKNOWN_DUMP = f"its dump has traces without {CLOSING.decode()} behind them: use the anvil that package.json pins, or teach state_file the new shape"
GZIP = 16 + zlib.MAX_WBITS


def write_state(dumped: bytes, path: Path, *, chain_id: int) -> None:
    """Write the state of `anvil_dumpState` for `--load-state`.

    Raises:
        ChainProcessError: if the end of a list of traces is not found; the file is then incomplete.
    """
    with path.open("wb") as file:
        for piece in drop_traces(_unpack(dumped), chain_id=chain_id):
            file.write(piece)


def drop_traces(pieces: Iterable[bytes], *, chain_id: int) -> Iterator[bytes]:
    """Yield the text of `pieces` with every list of traces empty.

    Raises:
        ChainProcessError: if the end of such a list is not found before the next one begins, or at all.
    """
    held, is_inside = b"", False
    for piece in pieces:
        held += piece
        at = 0
        while (found := held.find(CLOSING if is_inside else OPENING, at)) >= 0:
            if is_inside:
                _hold_no_opening(held[at:found], chain_id)
                at = found
            else:
                yield held[at : found + len(OPENING)]
                at = found + len(OPENING)
            is_inside = not is_inside
        # A mark may be cut in two by the end of the piece.
        end = max(at, len(held) - max(len(OPENING), len(CLOSING)) + 1)
        if is_inside:
            _hold_no_opening(held[at:], chain_id)
        else:
            yield held[at:end]
        held = held[end:]
    if is_inside:
        raise ChainProcessError(chain_id, UNKNOWN_DUMP)
    yield held


def _hold_no_opening(traces: bytes, chain_id: int) -> None:
    if OPENING in traces:
        raise ChainProcessError(chain_id, UNKNOWN_DUMP)


def _unpack(dumped: bytes) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(GZIP)
    for start in range(0, len(dumped), PIECE_BYTES):
        pending = dumped[start : start + PIECE_BYTES]
        while pending:
            yield unpacker.decompress(pending, PIECE_BYTES)
            pending = unpacker.unconsumed_tail
    yield unpacker.flush()
