"""Quantities of a hostile endpoint: within bounds or an error, never a number that fails somewhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.chain.quantities import LARGEST_QUANTITY, LARGEST_WORD, UNREADABLE, parse_quantity, read_answer
from oracle.errors import EndpointTimeoutError, MalformedAnswerError


@given(value=st.integers(0, LARGEST_QUANTITY))
def test_parse_quantity__any_within_64_bits__is_itself(value: int) -> None:
    assert parse_quantity(hex(value)) == value


def test_parse_quantity__bounds__are_part_of_it_and_one_more_is_not() -> None:
    assert parse_quantity("0x7fffffffffffffff") == 2**63 - 1
    assert parse_quantity("0x" + "f" * 64, LARGEST_WORD) == 2**256 - 1
    with pytest.raises(ValueError, match="out of bounds"):
        parse_quantity("0x8000000000000000")


@pytest.mark.parametrize(
    "answer",
    ["-0x1", "0x" + "f" * 5_000, "0x" + "f" * 65, "0x1" + "0" * 64, "0x", "", None, 7, True, [], ["0x1"], {}, 1.5],
)
def test_parse_quantity__anything_else__is_an_error_that_readers_expect(answer: object) -> None:
    with pytest.raises(UNREADABLE):
        parse_quantity(answer, LARGEST_WORD)


@pytest.mark.anyio
@pytest.mark.parametrize("cause", [OverflowError(), KeyError("hash"), TypeError(), ValueError(), RecursionError()])
async def test_read_answer__reading_fails_somehow__is_malformed(cause: Exception) -> None:
    async def read() -> None:
        raise cause

    with pytest.raises(MalformedAnswerError, match="endpoint liar: an answer that cannot be read"):
        await read_answer("liar", read())


@pytest.mark.anyio
async def test_read_answer__endpoint_failed__is_as_it_was() -> None:
    async def read() -> None:
        raise EndpointTimeoutError("slow", "timed out")

    with pytest.raises(EndpointTimeoutError):
        await read_answer("slow", read())
