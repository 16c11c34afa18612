"""Reports, leaves, vectors and collaterals."""

from __future__ import annotations

import httpx
import pytest

from oracle.api.deps import ApiDeps
from oracle.domain.ids import keccak256, to_hex
from oracle.domain.merkle import MerkleTree, verify_proof
from oracle.domain.score import decode_score
from oracle.domain.units import Epoch
from oracle.storage.reports import ReportStore
from tests.api.committee_world import CHAINS, FIRST_EPOCH, LAST_EPOCH, USDC, WETH, CommitteeWorld
from tests.api.conftest import client_of

pytestmark = pytest.mark.anyio


async def test_latest_report__seeded_store__has_struct_observers_and_landings(
    client: httpx.AsyncClient, world: CommitteeWorld
) -> None:
    body = (await client.get("/v1/reports/latest")).json()

    report = world.reports[LAST_EPOCH]
    assert body["struct"] == {
        "configDigest": to_hex(world.config.digest),
        "epoch": LAST_EPOCH,
        "cutHash": to_hex(report.cut_hash),
        "scoresRoot": to_hex(report.scores_root),
        "observers": 7,
        "borrowers": 5,
        "collaterals": report.collaterals,
        "stalledChains": 0,
    }
    assert body["observers"] == [0, 1, 2]
    assert [a["node"] for a in body["attestations"]] == [0, 1, 2]
    assert [(item["chain_id"], item["transaction_hash"], item["gas_used"]) for item in body["landings"]] == [
        (31_337, None, None)
    ]


@pytest.mark.parametrize(
    ("epoch", "status", "code"),
    [
        (FIRST_EPOCH, 200, None),
        (FIRST_EPOCH - 1, 404, "report-not-found"),
        (LAST_EPOCH + 1, 404, "epoch-in-future"),
        (2**48, 422, "invalid-request"),
        (-1, 422, "invalid-request"),
        ("soon", 422, "invalid-request"),
    ],
)
async def test_report__of_an_epoch__is_found_or_explained(
    client: httpx.AsyncClient, epoch: object, status: int, code: str | None
) -> None:
    answer = await client.get(f"/v1/reports/{epoch}")

    assert (answer.status_code, answer.json().get("code")) == (status, code)


async def test_report__future_epoch__says_when_it_begins(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/v1/reports/{LAST_EPOCH + 2}")

    # 600 s into an epoch of 3,600 s: the epoch after next begins in 3,000 + 3,600 s.
    assert answer.headers["retry-after"] == "6600"


async def test_leaves__download__rebuilds_the_root(client: httpx.AsyncClient, world: CommitteeWorld) -> None:
    answer = await client.get(f"/v1/reports/{LAST_EPOCH}/leaves")

    body = answer.json()
    leaves = [decode_score(bytes.fromhex(entry[2:])).leaf for entry in body["entries"]]
    assert MerkleTree(leaves).root == world.reports[LAST_EPOCH].scores_root
    assert body["epoch"] == body["report"]["epoch"] == LAST_EPOCH
    assert f"leaves-{LAST_EPOCH}.json" in answer.headers["content-disposition"]


async def test_leaves__report_without_scores__are_gone_not_empty(
    client: httpx.AsyncClient, deps: ApiDeps, world: CommitteeWorld
) -> None:
    from dataclasses import replace

    old = replace(world.reports[FIRST_EPOCH], epoch=Epoch(FIRST_EPOCH - 9))
    ReportStore(world.database).save(old, committed_at_ms=0)

    leaves = await client.get(f"/v1/reports/{FIRST_EPOCH - 9}/leaves")
    score = await client.get(f"/v1/collaterals?epoch={FIRST_EPOCH - 9}")

    assert (leaves.status_code, leaves.json()["code"]) == (410, "scores-not-kept")
    assert (score.status_code, score.json()["code"]) == (410, "scores-not-kept")
    assert str(FIRST_EPOCH) in leaves.json()["detail"]


async def test_features__of_a_leaf__hash_to_its_features_hash(client: httpx.AsyncClient, world: CommitteeWorld) -> None:
    score = world.scores[LAST_EPOCH][0]

    body = (await client.get(f"/v1/features/{to_hex(score.leaf)}")).json()

    assert to_hex(keccak256(bytes.fromhex(body["vector"][2:]))) == body["features_hash"] == to_hex(score.features_hash)
    assert body["report"]["epoch"] == LAST_EPOCH
    assert [f["slot"] for f in body["features"]] == list(range(13))


async def test_features__vector_that_this_node_lacks__is_a_problem(
    client: httpx.AsyncClient, world: CommitteeWorld
) -> None:
    last_pair = world.config.pairs[-1].subject
    score = next(s for s in world.scores[LAST_EPOCH] if s.subject == last_pair)

    known = await client.get(f"/v1/features/{to_hex(score.leaf)}")
    unknown = await client.get(f"/v1/features/0x{'ab' * 32}")

    assert (known.status_code, known.json()["code"]) == (404, "vector-not-kept")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "leaf-not-found")


async def test_collaterals__all_pairs__have_names_terms_and_a_binding_in_words(
    client: httpx.AsyncClient, world: CommitteeWorld
) -> None:
    body = (await client.get("/v1/collaterals")).json()

    items = body["collaterals"]
    names = [(item["pair"]["chain_id"], item["pair"]["name"]) for item in items]
    # Per chain: USDC in ETH and USD, WETH in USD; WETH/ETH is left out, FORMATS section 3.
    assert len(names) == 6
    assert (CHAINS[0], "WETH/USD") in names
    assert not any(name == "WETH/ETH" for _, name in names)
    rated = next(item for item in items if item["status"] == "rated")["score"]
    assert 0 < rated["ltv_floor_bps"] <= rated["ltv_ceiling_bps"] < rated["liquidation_threshold_bps"]
    assert rated["binding"] in ("drawdown", "cap")
    assert rated["binding_text"].endswith(".")
    assert items[-1]["status"] == "unrated"
    assert items[-1]["score"]["ltv_ceiling_bps"] == 0


async def test_collateral_proof__known_pair__leads_to_the_root(
    client: httpx.AsyncClient, world: CommitteeWorld
) -> None:
    pair = next(p for p in world.config.pairs if p.token == WETH)

    body = (await client.get(f"/v1/collaterals/{to_hex(pair.subject)}/proof")).json()

    entry = bytes.fromhex(body["entry"][2:])
    siblings = [bytes.fromhex(node[2:]) for node in body["proof"]["proof"]]
    leaf = keccak256(keccak256(entry))
    assert to_hex(leaf) == body["leaf"]
    assert verify_proof(world.reports[LAST_EPOCH].scores_root, leaf, siblings)  # type: ignore[arg-type]
    assert body["proof"]["score"]["kind"] == 2
    assert body["proof"]["score"]["subject"] == to_hex(pair.subject)


async def test_collateral__explained__reasons_add_up(client: httpx.AsyncClient, world: CommitteeWorld) -> None:
    pair = next(p for p in world.config.pairs if p.token == USDC)

    body = (await client.get(f"/v1/collaterals/{to_hex(pair.subject)}")).json()

    explanation = body["explanation"]
    parts = [reason["margin"] for reason in explanation["adverse"] + explanation["favourable"]]
    assert explanation["bias"] + sum(parts) == body["collateral"]["score"]["margin"]


@pytest.mark.parametrize("suffix", ["", "/proof"])
async def test_collateral__unknown_or_malformed_subject__is_a_problem(client: httpx.AsyncClient, suffix: str) -> None:
    unknown = await client.get(f"/v1/collaterals/0x{'ab' * 32}{suffix}")
    malformed = await client.get(f"/v1/collaterals/WETH{suffix}")

    assert (unknown.status_code, unknown.json()["code"]) == (404, "subject-not-listed")
    assert (malformed.status_code, malformed.json()["code"]) == (422, "invalid-parameter")


async def test_every_route__no_report_yet__is_503_with_retry_after(empty_deps: ApiDeps) -> None:
    paths = ["/v1/reports/latest", "/v1/collaterals", f"/v1/borrowers/0x{'11' * 20}/proof"]

    async with client_of(empty_deps) as client:
        answers = [await client.get(path) for path in paths]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [(503, "no-report-yet")] * 3
    assert all(int(a.headers["retry-after"]) > 0 for a in answers)
