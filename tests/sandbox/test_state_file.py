"""A dumped state without its traces: the same JSON but for them, however it is cut into pieces."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.errors import ChainProcessError
from oracle.sandbox.state_file import drop_traces, write_state

TRACE = {"parent": None, "trace": {"status": "Return", "steps": []}, "logs": [], "ordering": [{"Log": 0}]}


def state(traces: list[list[dict[str, Any]]]) -> dict[str, Any]:
    infos = [{"from": "0x01", "traces": t, "exit": "Stop", "out": "0x"} for t in traces]
    return {"block": {"number": 2}, "transactions": [{"info": info, "receipt": {"logs": []}} for info in infos]}


@given(st.lists(st.lists(st.just(TRACE), max_size=3), max_size=4), st.integers(1, 60))
def test_drop_traces__any_pieces__only_traces_are_gone(traces: list[list[dict[str, Any]]], piece_bytes: int) -> None:
    text = orjson.dumps(state(traces))

    pieces = (text[i : i + piece_bytes] for i in range(0, len(text), piece_bytes))
    filtered = b"".join(drop_traces(pieces, chain_id=1))

    assert orjson.loads(filtered) == state([[] for _ in traces])


def test_drop_traces__other_shape__is_left_as_it_is() -> None:
    text = b'{"transactions":[{"steps":[1]}]}'

    assert b"".join(drop_traces([text[:9], text[9:]], chain_id=1)) == text


@pytest.mark.parametrize("piece_bytes", [1, 7, 1_000])
@pytest.mark.parametrize(
    "text",
    [
        b'{"info":{"traces":[{"a":1}],"out":1}},"blocks":[1,2,3]}',
        b'{"info":{"traces":[{"a":1}],"out":1}},{"info":{"traces":[{"a":1}],"exit":"Stop"}}',
        b'{"info":{"traces":[{"a":1}',
    ],
    ids=["another key follows", "and is followed by one as expected", "cut off"],
)
def test_drop_traces__end_not_found__is_refused(text: bytes, piece_bytes: int) -> None:
    pieces = [text[i : i + piece_bytes] for i in range(0, len(text), piece_bytes)]

    with pytest.raises(ChainProcessError, match=r"sandbox chain 31337: .* traces"):
        list(drop_traces(pieces, chain_id=31_337))


@pytest.mark.parametrize("transactions", [0, 30_000])
def test_write_state__dump_larger_than_a_piece__is_whole(tmp_path: Path, transactions: int) -> None:
    dumped = gzip.compress(orjson.dumps(state([[TRACE]] * transactions)), compresslevel=1)

    write_state(dumped, tmp_path / "state.json", chain_id=1)

    assert orjson.loads((tmp_path / "state.json").read_bytes()) == state([[]] * transactions)
