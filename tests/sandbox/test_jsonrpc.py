"""Calldata from plain signatures against published selectors."""

from __future__ import annotations

import pytest

from oracle.sandbox.jsonrpc import decode_words, encode_call, parse_signature


@pytest.mark.parametrize(
    ("signature", "selector", "types"),
    [
        ("transfer(address,uint256)", "a9059cbb", ("address", "uint256")),
        ("totalSupply()", "18160ddd", ()),
        ("latestRoundData()", "feaf968c", ()),
    ],
)
def test_parse_signature__erc20_and_aggregator__published_selector(
    signature: str, selector: str, types: tuple[str, ...]
) -> None:
    assert parse_signature(signature) == (bytes.fromhex(selector), types)


def test_parse_signature__tuple_array__stays_one_type() -> None:
    _, types = parse_signature("init((address,uint8)[],(bytes,(bool,string))[2],bool)")

    assert types == ("(address,uint8)[]", "(bytes,(bool,string))[2]", "bool")


def test_encode_call__transfer__words_after_selector() -> None:
    data = encode_call("transfer(address,uint256)", "0x" + "11" * 20, 258)

    assert data.hex() == "a9059cbb" + "00" * 12 + "11" * 20 + "00" * 30 + "0102"


def test_decode_words__two_words__values() -> None:
    assert decode_words(("uint256", "bool"), "0x" + "00" * 31 + "05" + "00" * 31 + "01") == (5, True)
