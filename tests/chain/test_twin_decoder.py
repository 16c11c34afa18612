"""The same bytes from two endpoints are decoded once, and nothing else is taken for them."""

from __future__ import annotations

import orjson
import pytest

from oracle.chain.rpc import TWIN_ANSWER_BYTES, TwinDecoder


def test_twin_decoder__same_bytes_twice__are_decoded_once_and_then_forgotten() -> None:
    decoder = TwinDecoder()
    content = orjson.dumps(["x" * TWIN_ANSWER_BYTES])

    first, second, third = (decoder.decode(content) for _ in range(3))

    assert first is second
    assert third is not first
    assert third == first


def test_twin_decoder__other_bytes__are_decoded_and_nothing_stays() -> None:
    decoder = TwinDecoder()
    left, right = (orjson.dumps([letter * TWIN_ANSWER_BYTES]) for letter in "xy")

    assert (decoder.decode(left), decoder.decode(right)) == (["x" * TWIN_ANSWER_BYTES], ["y" * TWIN_ANSWER_BYTES])
    assert decoder._content == b""


def test_twin_decoder__no_json__is_an_error_each_time() -> None:
    decoder = TwinDecoder()

    for _ in range(2):
        with pytest.raises(orjson.JSONDecodeError):
            decoder.decode(b"x" * TWIN_ANSWER_BYTES)
