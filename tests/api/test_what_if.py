"""The what-if route: what it names is granted by `quote`, and one unit less is not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from oracle.domain.ids import Address, to_hex
from tests.api.committee_world import SAFE, STRANGER
from tests.api.conftest import MARKET

pytestmark = pytest.mark.anyio


async def ask(client: httpx.AsyncClient, route: str, who: Address, **more: Any) -> Any:
    answer = await client.get(route, params={"borrower": to_hex(who), "market": to_hex(MARKET), **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("who", [SAFE, STRANGER])
async def test_what_if__loan_too_large__the_repayment_makes_quote_grant_it(
    client: httpx.AsyncClient, who: Address
) -> None:
    asked = 5_900_000_000

    body = await ask(client, "/v1/what-if", who, amount=str(asked))

    repay = int(body["repay"])
    assert body["reached"] is False
    assert 0 < repay < asked
    granted = await ask(client, "/v1/quote", who, amount=str(asked - repay))
    refused = await ask(client, "/v1/quote", who, amount=str(asked - repay + 1))
    assert granted["quote"]["allowed"] is True
    assert refused["quote"]["allowed"] is False


async def test_what_if__collateral_of_6000__top_up_is_worked_by_hand(client: httpx.AsyncClient) -> None:
    body = await ask(client, "/v1/what-if", STRANGER, amount="5900000000")

    # Without a score the floor: the least value is 5,900 / floor, and 6,000 is there.
    assert body["basis"] == "no_proof"
    floor = int(body["ask_bps"])
    assert int(body["collateral_value"]) == 6_000_000_000
    assert int(body["top_up_value"]) == -(-5_900_000_000 * 10_000 // floor) - 6_000_000_000


async def test_what_if__goal_on_the_premium__quote_charges_no_more(client: httpx.AsyncClient) -> None:
    asked = 3_600_000_000
    today = await ask(client, "/v1/quote", SAFE, amount=str(asked))
    goal = max(1, today["quote"]["premium_bps"] - 1)

    body = await ask(client, "/v1/what-if", SAFE, amount=str(asked), max_premium_bps=goal)

    left = asked - int(body["repay"])
    if left:
        assert (await ask(client, "/v1/quote", SAFE, amount=str(left)))["quote"]["premium_bps"] <= goal


async def test_what_if__no_debt_and_no_amount__nothing_to_do(client: httpx.AsyncClient) -> None:
    body = await ask(client, "/v1/what-if", STRANGER)

    assert (body["debt"], body["repay"], body["top_up_value"], body["reached"]) == ("0", "0", "0", True)
    assert any("no debt" in note for note in body["notes"])


@pytest.mark.parametrize("bad", [{"max_premium_bps": "-1"}, {"max_ltv_bps": "10001"}, {"amount": "1.5"}])
async def test_what_if__bad_goal__is_a_problem_document(client: httpx.AsyncClient, bad: dict[str, str]) -> None:
    answer = await client.get("/v1/what-if", params={"borrower": to_hex(SAFE), "market": to_hex(MARKET), **bad})

    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
