"""Quotes of the API against the contract: every field of `LendingMarket.quote` at the same block, and what `borrow` then grants.

One tiny world with real bundles; its members' keys sign a report that is published and whose collateral scores are posted, as a node would do.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from eth_abi.abi import decode, encode

from oracle.delivery.codec import selector
from oracle.domain.ids import to_hex
from oracle.domain.loan import Basis, Refusal
from oracle.sandbox.config import TINY_HISTORY, CommitteeSpec, SandboxConfig, find_sandbox_models
from oracle.sandbox.world import start_world
from oracle.scoring.bundle import load_bundle
from oracle.storage.engine import open_database
from tests.integration.quoted_world import CHAIN, EPOCH_S, GRACE_S, PROOF, VALIDITY_S, QuotedWorld, open_api

pytestmark = [pytest.mark.enable_socket, pytest.mark.slow]


@pytest.fixture(scope="module")
def quoted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuotedWorld]:
    borrower_model, collateral_model = find_sandbox_models()
    assert borrower_model is not None
    assert collateral_model is not None
    config = SandboxConfig(
        history=TINY_HISTORY,
        committee=CommitteeSpec(epoch_seconds=EPOCH_S, validity_seconds=VALIDITY_S, grace_seconds=GRACE_S),
        borrower_model=borrower_model,
        collateral_model=collateral_model,
        block_interval_s=0,
        run_directory=tmp_path_factory.mktemp("world"),
    )
    models = (
        load_bundle(borrower_model.parent, allow_sandbox=True),
        load_bundle(collateral_model.parent, allow_sandbox=True),
    )
    database = open_database(tmp_path_factory.mktemp("node") / "node.db")
    with asyncio.Runner() as runner:
        world = runner.run(start_world(config))
        quoted = runner.run(open_api(world, database, models, runner))
        try:
            yield quoted
        finally:
            runner.run(quoted.api.aclose())
            for endpoint in quoted.endpoints:
                runner.run(endpoint.close())
            runner.run(world.stop())
            database.close()


def as_contract(body: Any) -> tuple[Any, ...]:
    """The API's quote as the contract's tuple."""
    quote = body["quote"]
    return (
        quote["allowed"],
        Refusal[quote["refusal"].upper()].value,
        Basis[quote["basis"].upper()].value,
        int(quote["ask_bps"]),
        quote["ltv_bps"],
        quote["premium_bps"],
        quote["el_ppm"],
        int(quote["debt_after"]),
        int(quote["exposure_after"]),
        int(quote["given"]),
        int(quote["limit"]),
    )


def amounts_around(body: Any) -> list[int]:
    """Amounts at, below and above every bound of the market."""
    value = int(body["collateral_value"])
    shares = (1, body["ltv_floor_bps"], body["ltv_floor_bps"] + 51, body["max_ltv_bps"], body["ltv_ceiling_bps"], 9_999)
    near = itertools.chain.from_iterable(
        (value * s // 10_000 - 1, value * s // 10_000, value * s // 10_000 + 1) for s in shares
    )
    return sorted({amount for amount in near if amount > 0} | {1, 10**13, 2**128 - 1})


def compare_all(quoted: QuotedWorld) -> list[tuple[int, int]]:
    """Compare for every borrower, with and without proof, at every amount; return the (basis, refusal) pairs that occurred."""
    seen: list[tuple[int, int]] = []
    for who, with_proof in itertools.product(quoted.borrowers, (True, False)):
        proof = quoted.encoded_proof(who) if with_proof else None
        for amount in amounts_around(quoted.quote(who, 1, with_proof=with_proof)):
            body = quoted.quote(who, amount, with_proof=with_proof)
            expected = quoted.contract_quote(who, amount, proof, body["block"]["block_number"])

            assert as_contract(body) == expected, (who, amount, with_proof)
            seen.append((expected[2], expected[1]))
    return seen


def test_quote__every_borrower_and_amount__equals_the_contract(quoted: QuotedWorld) -> None:
    seen = set(compare_all(quoted))

    bases, refusals = {basis for basis, _ in seen}, {refusal for _, refusal in seen}
    assert {Basis.RATED, Basis.UNRATED, Basis.NO_PROOF} <= bases
    assert {
        Refusal.NONE,
        Refusal.ABOVE_FLOOR,
        Refusal.ABOVE_CEILING,
        Refusal.OVER_BUDGET,
        Refusal.NOT_ENOUGH_CASH,
    } <= refusals


def test_what_if__every_borrower__the_contract_grants_what_it_names_and_no_unit_more(quoted: QuotedWorld) -> None:
    asked = 0
    for who, with_proof in itertools.product(quoted.borrowers, (True, False)):
        proof = quoted.encoded_proof(who) if with_proof else None
        value = int(quoted.quote(who, 1, with_proof=with_proof)["collateral_value"])
        body = quoted.what_if(who, value, with_proof=with_proof)
        block, left = body["block"]["block_number"], value - int(body["repay"])

        assert 0 < left < value, body
        assert quoted.contract_quote(who, left, proof, block)[0], (who, with_proof)
        assert not quoted.contract_quote(who, left + 1, proof, block)[0], (who, with_proof)
        asked += 1
    assert asked == 2 * len(quoted.borrowers)


def test_quote__then_borrow__grants_the_quoted_terms(quoted: QuotedWorld) -> None:
    body = quoted.quote("calm", 1)
    amount = int(body["collateral_value"]) * body["max_ltv_bps"] // 10_000 - 10**6
    quote = quoted.quote("calm", amount)["quote"]
    proof = quoted.encoded_proof("calm")
    assert proof is not None
    (value,) = decode((PROOF,), proof)
    data = selector(f"borrow(uint256,address,{PROOF})") + encode(
        ("uint256", "address", PROOF), (amount, to_hex(quoted.borrowers["calm"]), value)
    )

    receipt = quoted.send(quoted.borrowers["calm"], to_hex(quoted.market), data)

    topic = "0x" + selector("Borrowed(address,address,uint256,uint8,uint32,uint32,uint32)").hex()
    log = next(item for item in receipt["logs"] if item["topics"][0].startswith(topic))
    lent, basis, ltv_bps, premium_bps, el_ppm = decode(
        ("uint256", "uint8", "uint32", "uint32", "uint32"), bytes.fromhex(log["data"][2:])
    )
    assert quote["allowed"] is True
    assert lent == amount
    assert (basis, ltv_bps, premium_bps, el_ppm) == (
        Basis.RATED,
        quote["ltv_bps"],
        quote["premium_bps"],
        quote["el_ppm"],
    )


def test_quote__open_loan_and_interest__still_equals_the_contract(quoted: QuotedWorld) -> None:
    _, time_s = quoted.runner.run(quoted.world.chain(CHAIN).fetch_head())
    quoted.runner.run(quoted.world.mine(timestamp_s=time_s + 1_800))

    seen = compare_all(quoted)

    assert (Basis.RATED, Refusal.NONE) in seen


def test_quote__expired_scores__equals_the_contract(quoted: QuotedWorld) -> None:
    _, time_s = quoted.runner.run(quoted.world.chain(CHAIN).fetch_head())
    quoted.runner.run(quoted.world.mine(timestamp_s=time_s + VALIDITY_S + 1))

    seen = set(compare_all(quoted))

    assert {refusal for _, refusal in seen} == {Refusal.COLLATERAL_UNSCORED, Refusal.NOT_ENOUGH_CASH}
    assert Basis.EXPIRED in {basis for basis, _ in seen}


def test_quote__stale_price__is_refused_as_the_contract_reverts(quoted: QuotedWorld) -> None:
    _, time_s = quoted.runner.run(quoted.world.chain(CHAIN).fetch_head())
    quoted.runner.run(quoted.world.mine(timestamp_s=time_s + 86_400 + 1))
    parameters: dict[str, str | int] = {
        "borrower": to_hex(quoted.borrowers["wild"]),
        "market": to_hex(quoted.market),
        "amount": 5,
    }

    answer = quoted.runner.run(quoted.api.get("/v1/quote", params=parameters))

    assert (answer.status_code, answer.json()["code"]) == (503, "unusable-price")
    assert "older than the market accepts" in answer.json()["detail"]


def test_markets__of_the_world__have_names_from_the_chain(quoted: QuotedWorld) -> None:
    body = quoted.runner.run(quoted.api.get("/v1/markets")).json()

    assert [market["name"] for market in body["markets"]] == ["USDC against WETH"]
    assert body["markets"][0]["pair"]["name"] == "WETH/USD"
