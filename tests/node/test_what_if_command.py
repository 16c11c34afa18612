"""`assay what-if` over an answer of the API: what it prints, and what it says of a node that refuses."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from oracle.errors import ConfigurationError
from oracle.node.what_if_command import describe, fetch_what_if

ANSWER: dict[str, Any] = {
    "debt": "1500000000",
    "collateral_value": "2000000001",
    "loan_symbol": "USDC",
    "loan_decimals": 6,
    "block": {"block_number": 77},
    "basis_text": "No score is presented: floor terms.",
    "max_premium_bps": None,
    "max_ltv_bps": None,
    "ask_bps": 7_550,
    "reached": False,
    "repay": "300000",
    "top_up_value": "41",
    "notes": ["a note"],
}


def answering(status: int, body: Any) -> httpx.Client:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json=body))
    return httpx.Client(transport=transport, base_url="http://node")


def test_describe__not_reached__names_both_ways_in_tokens_and_units() -> None:
    assert describe(ANSWER) == [
        "debt 1,500.000000 USDC on collateral worth 2,000.000001 USDC, at block 77",
        "No score is presented: floor terms.",
        "asked for: a loan that is granted; had up to an LTV of 75.50 %",
        "repay 0.300000 USDC (300000 units)",
        "or add collateral worth 0.000041 USDC (41 units)",
        "a note",
    ]


def test_describe__reached__says_that_nothing_is_to_do() -> None:
    assert describe(ANSWER | {"reached": True})[3] == "these terms are reached: nothing to do"


def test_describe__no_top_up_suffices__names_the_repayment_alone() -> None:
    lines = describe(ANSWER | {"top_up_value": None, "loan_decimals": 0, "notes": []})

    assert lines[3:] == ["repay 300,000 USDC (300000 units)"]


def test_describe__goal__is_said_beside_the_ltv_that_it_is_had_at() -> None:
    asked = describe(ANSWER | {"max_premium_bps": 450, "max_ltv_bps": 7_000})[2]
    nowhere = describe(ANSWER | {"ask_bps": 0})[2]

    assert asked.startswith(
        "asked for: a loan that is granted, at most 4.50 % a year, no step of the menu above 70.00 %;"
    )
    assert nowhere.endswith("had at no LTV")


def test_fetch_what_if__answer__is_returned() -> None:
    assert fetch_what_if(answering(200, ANSWER), {}) == ANSWER


def test_fetch_what_if__problem_document__is_told_in_its_own_words() -> None:
    with pytest.raises(ConfigurationError, match="refuses: no such market"):
        fetch_what_if(answering(404, {"detail": "no such market"}), {})


@pytest.mark.parametrize("body", [[], {"status": "ok"}, "text"])
def test_fetch_what_if__another_service__is_refused(body: Any) -> None:
    with pytest.raises(ConfigurationError, match="refuses"):
        fetch_what_if(answering(200, body), {})


def test_fetch_what_if__nobody_listens__says_how_to_name_a_node() -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    client = httpx.Client(transport=httpx.MockTransport(fail), base_url="http://node")

    with pytest.raises(ConfigurationError, match="--node"):
        fetch_what_if(client, {})
