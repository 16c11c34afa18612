"""Scores and proofs of borrowers."""

from __future__ import annotations

import httpx
import pytest
from eth_abi.abi import decode

from oracle.api.app import create_app
from oracle.api.deps import ApiDeps
from oracle.api.routes.borrowers import PROOF_TYPE
from oracle.domain.ids import borrower_subject, contract_borrower_subject, keccak256, parse_hash, to_checksum, to_hex
from oracle.domain.merkle import verify_proof
from oracle.signing.verify import recover
from tests.api.committee_world import (
    CHAINS,
    CONTRACT,
    FIRST_EPOCH,
    LAST_EPOCH,
    RISKY,
    SAFE,
    STRANGER,
    YOUNG,
    CommitteeWorld,
)
from tests.api.conftest import client_of

pytestmark = pytest.mark.anyio


def path(address: bytes, what: str = "score") -> str:
    return f"/v1/borrowers/{to_hex(address)}/{what}"


async def test_score__rated_borrower__equals_the_leaf_and_names_its_report(
    client: httpx.AsyncClient, world: CommitteeWorld
) -> None:
    answer = await client.get(path(RISKY))

    body = answer.json()
    leaf = next(s for s in world.scores[LAST_EPOCH] if s.subject == borrower_subject(RISKY))
    assert answer.status_code == 200
    assert body["status"] == "rated"
    assert body["score"]["leaf"] == to_hex(leaf.leaf)
    assert body["score"]["margin"] == body["score"]["state_offset"] + body["score"]["behaviour_margin"]
    assert body["score"]["pd_upper_ppm"] >= body["score"]["pd_ppm"] >= 1
    assert body["report"]["epoch"] == LAST_EPOCH
    assert body["report"]["report_hash"] == to_hex(world.reports[LAST_EPOCH].hash)
    assert [block["chain_id"] for block in body["report"]["cut"]] == [31_337, 31_338]
    assert body["report"]["valid_until"] == LAST_EPOCH * 3_600 + 10_800
    assert body["report"]["models"]["borrower"] == to_hex(world.borrower_bundle.model_id)


async def test_score__rated_borrower__reasons_and_bias_add_up_to_the_margin(client: httpx.AsyncClient) -> None:
    body = (await client.get(path(RISKY))).json()

    explanation = body["explanation"]
    parts = [reason["margin"] for reason in explanation["adverse"] + explanation["favourable"]]
    assert explanation["bias"] + sum(parts) == body["score"]["margin"]
    assert all(reason["margin"] > 0 for reason in explanation["adverse"])
    assert all(reason["margin"] < 0 for reason in explanation["favourable"])
    assert body["score"]["adverse_codes"] == [reason["code"] for reason in explanation["adverse"]][:4]


async def test_score__feature_views__decode_slots_and_show_missing_ones(client: httpx.AsyncClient) -> None:
    features = {f["name"]: f for f in (await client.get(path(YOUNG))).json()["explanation"]["features"]}

    # z is offset by 32768, a ratio by 1; 0 is missing.
    assert (features["z"]["encoded"], features["z"]["value"]) == (36_000, 3_232)
    assert (features["debt_age"]["encoded"], features["debt_age"]["value"]) == (None, None)
    assert (features["low_health_share"]["encoded"], features["low_health_share"]["value"]) == (700, 699)
    assert [f["slot"] for f in features.values()] == list(range(13))


async def test_score__unrated_borrower__says_what_is_missing(client: httpx.AsyncClient) -> None:
    body = (await client.get(path(YOUNG))).json()

    assert (body["status"], body["score"]["grade"]) == ("unrated", 0)
    assert body["explanation"]["unrated_because"] == ["debt_age is missing: there is too little history"]
    assert "Floor terms" in body["summary"]


async def test_score__unknown_borrower__answers_200_with_floor_terms(client: httpx.AsyncClient) -> None:
    answer = await client.get(path(STRANGER))

    body = answer.json()
    assert answer.status_code == 200
    assert (body["status"], body["score"], body["history"]) == ("unknown", None, [])
    assert "floor terms" in body["summary"]


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (2, 2), (50, 3)])
async def test_score__history__looks_back_over_kept_epochs(
    client: httpx.AsyncClient, count: int, expected: int
) -> None:
    history = (await client.get(path(SAFE), params={"epochs": count})).json()["history"]

    assert [point["epoch"] for point in history] == [LAST_EPOCH - i for i in range(expected)]


async def test_score__earlier_epoch__is_answered_from_that_report(
    client: httpx.AsyncClient, world: CommitteeWorld
) -> None:
    body = (await client.get(path(SAFE), params={"epoch": FIRST_EPOCH})).json()

    leaf = next(s for s in world.scores[FIRST_EPOCH] if s.subject == borrower_subject(SAFE))
    assert body["report"]["epoch"] == FIRST_EPOCH
    assert body["score"]["leaf"] == to_hex(leaf.leaf)


async def test_score__contract_account__has_one_subject_per_chain(client: httpx.AsyncClient) -> None:
    riskiest = (await client.get(path(CONTRACT))).json()
    chosen = (await client.get(path(CONTRACT), params={"chain_id": CHAINS[0]})).json()

    # The second chain's position is nearer to liquidation.
    assert riskiest["score"]["chain_id"] == CHAINS[1]
    assert chosen["score"]["chain_id"] == CHAINS[0]
    assert chosen["other_subjects"] == [to_hex(contract_borrower_subject(CHAINS[1], CONTRACT))]


async def test_proof__rated_borrower__leads_to_the_root_and_is_attested(
    client: httpx.AsyncClient, world: CommitteeWorld
) -> None:
    body = (await client.get(path(RISKY, "proof"))).json()

    report = world.reports[LAST_EPOCH]
    siblings = [parse_hash(node) for node in body["proof"]["proof"]]
    assert verify_proof(report.scores_root, parse_hash(body["leaf"]), siblings)
    for attestation in body["attestations"]:
        signer = recover(report.hash, bytes.fromhex(attestation["signature"][2:]))
        assert to_checksum(signer) == attestation["address"]
    assert len(bytes.fromhex(body["attestations_packed"][2:])) == 3 * 65
    assert body["landed_on"] == [31_337]


async def test_proof__solidity_struct__hashes_to_the_leaf(client: httpx.AsyncClient) -> None:
    body = (await client.get(path(RISKY, "proof"))).json()

    ((epoch, fields, siblings),) = decode((PROOF_TYPE,), bytes.fromhex(body["proof_encoded"][2:]))
    score = body["proof"]["score"]
    words = bytes.fromhex(body["proof_encoded"][2:])[2 * 32 : 12 * 32]
    assert to_hex(keccak256(keccak256(words))) == body["leaf"]
    assert epoch == body["proof"]["epoch"] == LAST_EPOCH
    assert list(score) == (
        "kind subject stateOffset behaviourMargin pdPpm pdUpperPpm points grade reasons featuresHash".split()
    )
    assert (fields[0], fields[2], fields[4]) == (1, score["stateOffset"], score["pdPpm"])
    assert [to_hex(node) for node in siblings] == body["proof"]["proof"]


async def test_proof__unknown_borrower__is_a_problem(client: httpx.AsyncClient) -> None:
    answer = await client.get(path(STRANGER, "proof"))

    assert (answer.status_code, answer.json()["code"]) == (404, "subject-not-listed")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_batch__mixed_addresses__come_back_in_order(client: httpx.AsyncClient) -> None:
    addresses = [to_hex(a) for a in (SAFE, STRANGER, CONTRACT, YOUNG, SAFE)]

    body = (await client.post("/v1/borrowers/scores", json={"addresses": addresses})).json()

    assert [item["address"].lower() for item in body["borrowers"]] == addresses
    assert [item["status"] for item in body["borrowers"]] == ["rated", "unknown", "rated", "unrated", "rated"]
    assert [len(item["scores"]) for item in body["borrowers"]] == [1, 0, 2, 1, 1]


@pytest.mark.parametrize("count", [0, 101])
async def test_batch__too_few_or_many__is_refused(client: httpx.AsyncClient, count: int) -> None:
    answer = await client.post("/v1/borrowers/scores", json={"addresses": [to_hex(SAFE)] * count})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert answer.json()["errors"][0]["where"] == "body.addresses"


@pytest.mark.parametrize("content", ['{"addresses": []}', '["0x11"]', ""])
async def test_batch__no_json_object__names_field_and_content_type(client: httpx.AsyncClient, content: str) -> None:
    answer = await client.post("/v1/borrowers/scores", content=content)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert '"addresses"' in answer.json()["detail"]
    assert "Content-Type: application/json" in answer.json()["detail"]


async def test_batch__one_wrong_address__is_named(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/borrowers/scores", json={"addresses": [to_hex(SAFE), "0x12"]})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-parameter")
    assert "addresses.1" in answer.json()["detail"]


# Vitalik Buterin's address in EIP-55 form, and the same with one letter's case turned.
@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045", None),
        ("0xD8DA6BF26964AF9D7EED9E03E53415D37AA96045", None),
        ("0xd8da6bf26964af9d7eed9e03e53415d37aa96045", None),
        ("0xD8dA6BF26964aF9D7eEd9e03E53415D37aA96045", "wrong-checksum"),
        ("0xd8da6bf26964af9d7eed9e03e53415d37aa9604", "invalid-parameter"),
        ("d8da6bf26964af9d7eed9e03e53415d37aa96045", "invalid-parameter"),
        ("vitalik.eth", "invalid-parameter"),
    ],
)
async def test_score__address_text__is_checked_before_anything(
    client: httpx.AsyncClient, address: str, code: str | None
) -> None:
    answer = await client.get(f"/v1/borrowers/{address}/score")

    assert answer.status_code == (200 if code is None else 422)
    assert answer.json().get("code") == code


async def test_score__no_report_yet__says_when_to_ask_again(empty_deps: ApiDeps) -> None:
    async with client_of(empty_deps) as client:
        answer = await client.get(path(SAFE))

    # The clock stands 600 s into an epoch of 3,600 s.
    assert (answer.status_code, answer.json()["code"]) == (503, "no-report-yet")
    assert answer.headers["retry-after"] == "3000"


async def test_create_app__two_apps__keep_their_own_deps(deps: ApiDeps, empty_deps: ApiDeps) -> None:
    assert create_app(deps).state.deps is deps
    assert create_app(empty_deps).state.deps is empty_deps
