"""The quote and market routes: which score is presented, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from oracle.api.markets import MarketState
from oracle.domain.ids import ZERO_HASH, Address, to_checksum, to_hex
from oracle.domain.units import Epoch
from oracle.errors import EndpointDisagreementError
from tests.api.committee_world import CHAINS, FIRST_EPOCH, LAST_EPOCH, SAFE, STRANGER, USDC, WETH, YOUNG
from tests.api.conftest import MARKET, TWIN_MARKET, FakeMarkets

pytestmark = pytest.mark.anyio


def asked(borrower: Address = SAFE, amount: object = 1_000_000_000, **more: Any) -> dict[str, Any]:
    return {"borrower": to_hex(borrower), "market": to_hex(MARKET), "amount": str(amount), **more}


async def fetch(client: httpx.AsyncClient, **parameters: Any) -> Any:
    answer = await client.get("/v1/quote", params=asked(**parameters))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_quote__rated_borrower__presents_the_score_that_the_chain_accepts(client: httpx.AsyncClient) -> None:
    body = await fetch(client)

    assert body["quote"]["basis"] == "rated"
    assert body["proof_epoch"] == body["report"]["epoch"] == LAST_EPOCH
    assert body["block"] == {
        "chain_id": CHAINS[0],
        "block_number": 2_100,
        "block_hash": "0x" + "77" * 32,
        "timestamp": LAST_EPOCH * 3_600 + 600,
    }
    # 1,000 of 6,000 is 16.67 %, rounded up against the borrower.
    assert body["quote"]["ask_bps"] == "1667"
    assert body["quote"]["debt_after"] == "1000000000"
    assert body["pair"]["name"] == "WETH/USD"
    assert [step["ltv_bps"] for step in body["menu"]] == list(
        range(body["ltv_floor_bps"], body["ltv_ceiling_bps"] + 1, 50)
    )


async def test_quote__same_loan__differs_by_who_asks(client: httpx.AsyncClient) -> None:
    bases = {
        name: (await fetch(client, borrower=who, **more))["quote"]["basis"]
        for name, who, more in [
            ("rated", SAFE, {}),
            ("unrated", YOUNG, {}),
            ("unknown", STRANGER, {}),
            ("hidden", SAFE, {"proof": "false"}),
        ]
    }

    assert bases == {"rated": "rated", "unrated": "unrated", "unknown": "no_proof", "hidden": "no_proof"}


async def test_quote__without_proof__offers_the_floor_only(client: httpx.AsyncClient) -> None:
    body = await fetch(client, proof="false", amount=5_900_000_000)

    assert body["report"] is None
    assert [step["ltv_bps"] for step in body["menu"]] == [body["ltv_floor_bps"]] == [body["max_ltv_bps"]]
    assert body["quote"]["refusal"] == "above_ceiling"
    assert body["quote"]["refusal_text"].startswith("Above what the pair allows")


async def test_quote__newest_report_not_landed__uses_the_older_one(
    client: httpx.AsyncClient, markets: FakeMarkets, market_state: MarketState, world: Any
) -> None:
    older = Epoch(LAST_EPOCH - 1)
    head = replace(market_state.head, epoch=older, scores_root=world.reports[older].scores_root)
    markets.states[(CHAINS[0], MARKET)] = replace(market_state, head=head)

    body = await fetch(client)

    assert (body["proof_epoch"], body["quote"]["basis"]) == (older, "rated")


async def test_quote__chain_without_report_or_with_a_lost_one__says_so(
    client: httpx.AsyncClient, markets: FakeMarkets, market_state: MarketState
) -> None:
    none = replace(market_state.head, epoch=Epoch(0), previous_epoch=Epoch(0))
    markets.states[(CHAINS[0], MARKET)] = replace(market_state, head=none)
    before = await fetch(client)
    lost = replace(market_state.head, epoch=Epoch(FIRST_EPOCH - 1), previous_epoch=Epoch(0))
    markets.states[(CHAINS[0], MARKET)] = replace(market_state, head=lost)
    after = await fetch(client)

    assert before["notes"] == ["No report has landed on this chain yet."]
    assert after["notes"][0].startswith(f"This node does not hold the scores of epoch {FIRST_EPOCH - 1}")
    assert before["quote"]["basis"] == after["quote"]["basis"] == "no_proof"


async def test_quote__other_root_on_chain__is_an_alarm_not_a_quote(
    client: httpx.AsyncClient, markets: FakeMarkets, market_state: MarketState
) -> None:
    head = replace(market_state.head, scores_root=ZERO_HASH)
    markets.states[(CHAINS[0], MARKET)] = replace(market_state, head=head)

    answer = await client.get("/v1/quote", params=asked())

    assert (answer.status_code, answer.json()["code"]) == (500, "root-conflict")


async def test_quote__no_collateral__has_no_menu_and_still_says_the_highest_ltv(
    client: httpx.AsyncClient, markets: FakeMarkets, market_state: MarketState
) -> None:
    books = replace(market_state.borrower, collateral_value_amount=0)
    with_collateral = await fetch(client)
    markets.states[(CHAINS[0], MARKET)] = replace(market_state, borrower=books)

    body = await fetch(client)

    assert (body["quote"]["refusal"], body["menu"]) == ("no_collateral", [])
    assert body["max_ltv_bps"] == with_collateral["max_ltv_bps"] > 0


async def test_quote__market_of_other_tables__is_refused(
    client: httpx.AsyncClient, markets: FakeMarkets, market_state: MarketState
) -> None:
    constants = replace(market_state.constants, tables_hash=ZERO_HASH)
    markets.states[(CHAINS[0], MARKET)] = replace(market_state, constants=constants)

    answer = await client.get("/v1/quote", params=asked())

    assert (answer.status_code, answer.json()["code"]) == (502, "market-unreadable")


async def test_quote__refused_price__is_503_as_the_contract_reverts(
    client: httpx.AsyncClient, markets: FakeMarkets, market_state: MarketState
) -> None:
    books = replace(market_state.borrower, collateral_value_amount=None, price_refusal="older than accepted")
    markets.states[(CHAINS[0], MARKET)] = replace(market_state, borrower=books)

    answer = await client.get("/v1/quote", params=asked())

    assert (answer.status_code, answer.json()["code"]) == (503, "unusable-price")
    assert "older than accepted" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("0", "amount-out-of-range"),
        (str(2**128), "amount-out-of-range"),
        ("1" * 79, "invalid-parameter"),
        ("1" * 81, "invalid-request"),
        ("-1", "invalid-parameter"),
        ("1.5", "invalid-parameter"),
        ("1e9", "invalid-parameter"),
        ("١٢", "invalid-parameter"),
        ("", "invalid-parameter"),
    ],
)
async def test_quote__amount_that_no_market_takes__is_refused(
    client: httpx.AsyncClient, amount: str, code: str
) -> None:
    answer = await client.get("/v1/quote", params=asked(amount=amount))

    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_quote__largest_amount__is_a_quote_not_an_error(client: httpx.AsyncClient) -> None:
    body = await fetch(client, amount=2**128 - 1)

    assert body["quote"]["refusal"] == "not_enough_cash"
    assert (body["quote"]["given"], body["quote"]["limit"]) == (str(2**128 - 1), str(10**13))


@pytest.mark.parametrize(
    ("parameters", "status", "code"),
    [
        ({"market": "0x" + "ee" * 20}, 404, "market-not-found"),
        ({"chain_id": CHAINS[1]}, 404, "market-not-found"),
        ({"market": to_hex(TWIN_MARKET)}, 422, "ambiguous-market"),
        ({"collateral": to_hex(USDC)}, 422, "collateral-mismatch"),
        ({"collateral": "WBTC"}, 422, "collateral-mismatch"),
        ({"borrower": "0x12"}, 422, "invalid-parameter"),
    ],
)
async def test_quote__market_or_collateral_that_does_not_fit__is_explained(
    client: httpx.AsyncClient, parameters: dict[str, Any], status: int, code: str
) -> None:
    answer = await client.get("/v1/quote", params=asked() | parameters)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_quote__collateral_by_any_of_its_names__is_accepted(client: httpx.AsyncClient) -> None:
    subject = (await fetch(client))["pair"]["subject"]

    for name in ("WETH", "weth/usd", to_hex(WETH), to_checksum(WETH), subject):
        assert (await fetch(client, collateral=name))["pair"]["subject"] == subject


async def test_quote__twin_market_with_its_chain__is_found(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/quote", params=asked() | {"market": to_hex(TWIN_MARKET), "chain_id": CHAINS[0]})

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"


async def test_quote__endpoints_disagree__is_503(client: httpx.AsyncClient, markets: FakeMarkets) -> None:
    class Disagreeing(dict[Any, Any]):
        def get(self, key: Any, default: Any = None) -> Any:
            raise EndpointDisagreementError(31_337, "a market", {"a": "1", "b": "2"})

    markets.states = Disagreeing()

    quote = await client.get("/v1/quote", params=asked())
    listed = await client.get("/v1/markets")

    assert (quote.status_code, quote.json()["code"]) == (503, "endpoints-disagree")
    assert len(listed.json()["unreachable"]) == 3


async def test_markets__listed__have_pair_and_constants(client: httpx.AsyncClient) -> None:
    body = (await client.get("/v1/markets")).json()

    assert len(body["markets"]) == 3
    assert body["markets"][0]["pair"]["name"] == "WETH/USD"
    assert body["markets"][0]["name"] == "USDC against WETH"
    assert body["markets"][0]["borrower_limit"] == "1000000000000"
    assert body["report"]["epoch"] == LAST_EPOCH
